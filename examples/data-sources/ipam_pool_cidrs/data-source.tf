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

data "ipam_pool_cidrs" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  depends_on   = [ipam_pool_cidr.prod]
}

output "space" {
  value = data.ipam_pool_cidrs.prod.ipam_pool_cidrs[*].cidr
}
