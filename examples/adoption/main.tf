terraform {
  required_providers {
    ipam = { source = "terraform.local/ipam/ipam" }
  }
}

provider "ipam" {
  region     = "eu-west-1"
  account_id = "111122223333"
  inventory  = ["inventory/*.yaml"]
}

resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

# Networks of production become resources: Terraform manages them from now on.
resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
  description    = "production"
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.20.0.0/16"
}

locals {
  inventory = yamldecode(file("${path.module}/inventory/networks.yaml"))
  adopted   = { for n in local.inventory.networks : n.id => n if can(n.tags.Team) }
}

import {
  for_each = local.adopted
  to       = ipam_vpc.adopted[each.key]
  id       = each.key
}

resource "ipam_vpc" "adopted" {
  for_each          = local.adopted
  ipv4_ipam_pool_id = ipam_pool.prod.id
  cidr_block        = each.value.cidrs[0]
  tags              = each.value.tags
  depends_on        = [ipam_pool_cidr.prod]
}

# Networks of people who try things out come and go: the pool takes note of them by itself.
resource "ipam_pool" "trial" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
  description    = "trials"
  auto_import    = true
}

resource "ipam_pool_cidr" "trial" {
  ipam_pool_id = ipam_pool.trial.id
  cidr         = "10.24.0.0/16"
}

# New ones draw from what is left.
resource "ipam_vpc" "new" {
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 20
  tags                = { Name = "new" }
  depends_on          = [ipam_vpc.adopted]
}
