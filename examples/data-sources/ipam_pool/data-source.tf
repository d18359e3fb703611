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

# By filters and tags; exactly one pool must fit.
data "ipam_pool" "prod" {
  filter {
    name   = "ipam-scope-id"
    values = [ipam.main.private_default_scope_id]
  }
  tags       = { Stage = "prod" }
  depends_on = [ipam_pool.prod]
}

output "pool" {
  value = data.ipam_pool.prod.id
}
