resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}

resource "ipam_ram_resource_share" "prod" {
  name = "prod pool"
}

# The pool itself is shared, not its IPAM.
resource "ipam_ram_resource_association" "prod" {
  resource_arn       = ipam_pool.prod.arn
  resource_share_arn = ipam_ram_resource_share.prod.arn
}
