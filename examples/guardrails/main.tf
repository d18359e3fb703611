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
  description    = "prod"

  allocation_min_netmask_length     = 18 # nothing larger than a /18
  allocation_max_netmask_length     = 24 # nothing smaller than a /24
  allocation_default_netmask_length = 20 # when a request names no size
  allocation_resource_tags          = { Environment = "prod" }
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/16"
}

resource "ipam_pool" "dev" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
  description    = "dev"

  allocation_min_netmask_length     = 22
  allocation_max_netmask_length     = 28
  allocation_default_netmask_length = 24
}

resource "ipam_pool_cidr" "dev" {
  ipam_pool_id = ipam_pool.dev.id
  cidr         = "10.1.0.0/16"
}

resource "ipam_vpc" "payments" {
  ipv4_ipam_pool_id = ipam_pool.prod.id # a /20, the pool's default
  tags              = { Name = "payments", Environment = "prod" }
}

resource "ipam_vpc" "sandbox" {
  ipv4_ipam_pool_id   = ipam_pool.dev.id
  ipv4_netmask_length = 26
  tags                = { Name = "sandbox" }
}

output "cidrs" {
  value = {
    payments = ipam_vpc.payments.cidr_block
    sandbox  = ipam_vpc.sandbox.cidr_block
  }
}
