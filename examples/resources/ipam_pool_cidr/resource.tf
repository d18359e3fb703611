resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "top" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
}

resource "ipam_pool" "region" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.top.id
  locale              = "eu-west-1"
}

# A top-level pool is told its CIDR ...
resource "ipam_pool_cidr" "top" {
  ipam_pool_id = ipam_pool.top.id
  cidr         = "10.0.0.0/8"
}

# ... and a pool below it takes the lowest free block of a size.
resource "ipam_pool_cidr" "region" {
  ipam_pool_id   = ipam_pool.region.id
  netmask_length = 12
}
