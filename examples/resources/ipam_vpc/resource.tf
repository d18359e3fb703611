resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"

  allocation_default_netmask_length = 20
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/16"
}

# Names a pool and a size, and gets a CIDR: ipam_vpc.payments.cidr_block.
resource "ipam_vpc" "payments" {
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 22
  tags                = { Name = "payments" }
  depends_on          = [ipam_pool_cidr.prod]
}

# No size: the pool's default, a /20.
resource "ipam_vpc" "search" {
  ipv4_ipam_pool_id = ipam_pool.prod.id
  tags              = { Name = "search" }
  depends_on        = [ipam_pool_cidr.prod]
}
