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

resource "ipam_vpc" "team" {
  for_each            = toset(["payments", "search"])
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 20
  tags                = { Name = each.key }
  depends_on          = [ipam_pool_cidr.prod]
}

# What overlaps something, whether a pool gave it or not.
data "ipam_resource_cidrs" "overlapping" {
  ipam_scope_id = ipam.main.private_default_scope_id
  filter {
    name   = "overlap-status"
    values = ["overlapping"]
  }
  depends_on = [ipam_vpc.team]
}

output "overlapping" {
  value = [for r in data.ipam_resource_cidrs.overlapping.ipam_resource_cidrs : r.resource_id]
}
