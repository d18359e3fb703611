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

# A range that is in use on premises: named, so that it is never issued.
resource "ipam_pool_cidr_allocation" "datacenter" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.8.0/21"
  description  = "Data centre, routed over the VPN"
  depends_on   = [ipam_pool_cidr.prod]
}

# Space for later: any free /22 that keeps off the first 4,096 addresses.
resource "ipam_pool_cidr_allocation" "eks" {
  ipam_pool_id     = ipam_pool.prod.id
  netmask_length   = 22
  disallowed_cidrs = ["10.0.0.0/20"]
  description      = "Secondary CIDR of the cluster"
  depends_on       = [ipam_pool_cidr.prod]
}
