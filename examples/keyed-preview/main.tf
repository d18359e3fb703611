# CIDRs that the plan shows, chosen by key; see docs/guides/addresses-in-the-plan.md.
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

data "ipam_preview_next_cidr" "team" {
  for_each       = toset(["payments", "search"])
  key            = each.key
  ipam_pool_id   = ipam_pool.prod.id
  netmask_length = 22
}

resource "ipam_vpc" "team" {
  for_each          = data.ipam_preview_next_cidr.team
  ipv4_ipam_pool_id = ipam_pool.prod.id
  cidr_block        = each.value.cidr
}
