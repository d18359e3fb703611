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

# All pools of the scope that serve Ireland. A star stands for any text.
data "ipam_pools" "ireland" {
  filter {
    name   = "locale"
    values = ["eu-west-*"]
  }
  filter {
    name   = "ipam-scope-id"
    values = [ipam.main.private_default_scope_id]
  }
  depends_on = [ipam_pool.prod]
}

output "pools" {
  value = { for p in data.ipam_pools.ireland.ipam_pools : p.id => p.description }
}
