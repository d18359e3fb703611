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

resource "ipam_pool" "legacy" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
  description    = "What grew before there was a plan"
}

resource "ipam_pool_cidr" "legacy" {
  ipam_pool_id = ipam_pool.legacy.id
  cidr         = "10.10.0.0/15"
}

# VPCs that exist, with the ids and the CIDRs that they have.
locals {
  existing = {
    payments = { id = "vpc-0a1b2c3d4e5f60718", cidr = "10.10.0.0/16" }
    search   = { id = "vpc-0b1c2d3e4f5061728", cidr = "10.11.0.0/20" }
  }
}

import {
  for_each = local.existing
  to       = ipam_vpc.existing[each.key]
  id       = each.value.id
}

resource "ipam_vpc" "existing" {
  for_each          = local.existing
  ipv4_ipam_pool_id = ipam_pool.legacy.id
  cidr_block        = each.value.cidr
  tags              = { Name = each.key }
}

# A range of a data centre: no object stands behind it, so it is reserved.
resource "ipam_pool_cidr_allocation" "datacenter" {
  ipam_pool_id = ipam_pool.legacy.id
  cidr         = "10.11.16.0/20"
  description  = "Data centre, routed over the VPN"
}

# New ones draw from what is left.
resource "ipam_vpc" "new" {
  ipv4_ipam_pool_id   = ipam_pool.legacy.id
  ipv4_netmask_length = 20
  tags                = { Name = "new" }
  depends_on          = [ipam_vpc.existing, ipam_pool_cidr_allocation.datacenter]
}

output "new" {
  value = ipam_vpc.new.cidr_block
}
