# The pools. Whoever draws from them needs nothing but a pool's id and this state.
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
  address_family     = "ipv4"
  ipam_scope_id      = ipam.main.private_default_scope_id
  locale             = "eu-west-1"
  description        = "prod"
  release_quarantine = "24h"
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/16"
}

resource "ipam_vpc" "shared" {
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 24

  depends_on = [ipam_pool_cidr.prod]
}

output "pool_id" {
  value = ipam_pool.prod.id
}
