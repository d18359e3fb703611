resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/16"
}

resource "ipam_vpc" "payments" {
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 20
  depends_on          = [ipam_pool_cidr.prod]
}

# A resource planning pool: the space of the VPC, from which its subnets draw.
resource "ipam_pool" "subnets" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.prod.id
  locale              = "eu-west-1"

  source_resource {
    resource_id     = ipam_vpc.payments.id
    resource_owner  = ipam_vpc.payments.owner_id
    resource_region = "eu-west-1"
    resource_type   = "vpc"
  }
}

resource "ipam_pool_cidr" "subnets" {
  ipam_pool_id = ipam_pool.subnets.id
  cidr         = ipam_vpc.payments.cidr_block
}

resource "ipam_subnet" "app" {
  for_each            = toset(["eu-west-1a", "eu-west-1b"])
  vpc_id              = ipam_vpc.payments.id
  availability_zone   = each.key
  ipv4_ipam_pool_id   = ipam_pool.subnets.id
  ipv4_netmask_length = 24
  depends_on          = [ipam_pool_cidr.subnets]
}
