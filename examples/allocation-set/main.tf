# Many blocks of one pool, known in the plan; see docs/guides/addresses-in-the-plan.md.
terraform {
  required_providers {
    ipam = { source = "terraform.local/ipam/ipam" }
  }
}

provider "ipam" {
  region = "eu-west-1"
}

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
  cidr         = "10.0.0.0/16"
}

resource "ipam_allocation_set" "teams" {
  ipam_pool_id = ipam_pool.prod.id
  requests = {
    payments = { netmask_length = 20 }
    search   = { netmask_length = 22 }
    onprem   = { cidr = "10.0.64.0/20", description = "Data centre" }
  }
  depends_on = [ipam_pool_cidr.prod]
}

resource "ipam_vpc" "team" {
  for_each   = ipam_allocation_set.teams.cidrs
  cidr_block = each.value
}
