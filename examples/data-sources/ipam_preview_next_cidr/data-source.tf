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

# The free /24 that the pool would give now; nothing is reserved.
data "ipam_preview_next_cidr" "next" {
  ipam_pool_id   = ipam_pool.prod.id
  netmask_length = 24
  depends_on     = [ipam_pool_cidr.prod]
}

output "next" {
  value = data.ipam_preview_next_cidr.next.cidr
}
