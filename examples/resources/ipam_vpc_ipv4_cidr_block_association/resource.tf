resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
  tags           = { Stage = "prod" }
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

# A further CIDR of the VPC, drawn from a pool like the first.
resource "ipam_vpc_ipv4_cidr_block_association" "pods" {
  vpc_id              = ipam_vpc.payments.id
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 18
}
