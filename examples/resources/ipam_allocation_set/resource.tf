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
  cidr         = "10.64.0.0/16"
}

# One resource for all of them: the plan shows every CIDR, and none moves when others come or go.
resource "ipam_allocation_set" "teams" {
  ipam_pool_id = ipam_pool.prod.id
  requests = {
    payments = { netmask_length = 20, tags = { Team = "payments" } }
    search   = { netmask_length = 22 }
    onprem   = { cidr = "10.64.64.0/20", description = "Data centre" }
  }
  depends_on = [ipam_pool_cidr.prod]
}

# The keys are known in every plan, so for_each works without -target.
resource "ipam_vpc" "team" {
  for_each   = ipam_allocation_set.teams.cidrs
  cidr_block = each.value
  tags       = { Name = each.key }
}
