resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "top" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  description    = "Everything"
}

resource "ipam_pool_cidr" "top" {
  ipam_pool_id = ipam_pool.top.id
  cidr         = "10.0.0.0/8"
}

# Takes its space from the pool above and serves VPCs of one Region.
resource "ipam_pool" "prod" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.top.id
  locale              = "eu-west-1"
  description         = "eu-west-1 prod"

  allocation_min_netmask_length     = 16
  allocation_max_netmask_length     = 24
  allocation_default_netmask_length = 20
  allocation_resource_tags          = { Environment = "prod" }
}
