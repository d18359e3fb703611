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

# Unique local addresses, routed inside the organisation only.
resource "ipam_pool" "ula" {
  address_family = "ipv6"
  ipam_scope_id  = ipam.main.private_default_scope_id
  description    = "ULA"
}

resource "ipam_pool_cidr" "ula" {
  ipam_pool_id = ipam_pool.ula.id
  cidr         = "fd12:3456:789a::/48"
}

resource "ipam_pool" "ula_euw1" {
  address_family      = "ipv6"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.ula.id
  locale              = "eu-west-1"
  description         = "ULA eu-west-1"

  allocation_default_netmask_length = 56
}

resource "ipam_pool_cidr" "ula_euw1" {
  ipam_pool_id   = ipam_pool.ula_euw1.id
  netmask_length = 52
}

resource "ipam_vpc" "inside" {
  for_each            = { ledger = "10.0.0.0/20", fraud = "10.0.16.0/20" }
  cidr_block          = each.value
  ipv6_ipam_pool_id   = ipam_pool.ula_euw1.id
  ipv6_netmask_length = 56
  tags                = { Name = each.key }
}

output "inside" {
  value = { for name, vpc in ipam_vpc.inside : name => vpc.ipv6_cidr_block }
}

# Space of one's own that the Internet reaches: the public scope.
resource "ipam_pool" "public" {
  address_family        = "ipv6"
  ipam_scope_id         = ipam.main.public_default_scope_id
  public_ip_source      = "byoip"
  publicly_advertisable = true
  description           = "Public"
}

resource "ipam_pool_cidr" "public" {
  ipam_pool_id = ipam_pool.public.id
  cidr         = "2001:db8:1200::/40"
}

resource "ipam_pool" "public_euw1" {
  address_family        = "ipv6"
  ipam_scope_id         = ipam.main.public_default_scope_id
  source_ipam_pool_id   = ipam_pool.public.id
  locale                = "eu-west-1"
  aws_service           = "ec2"
  public_ip_source      = "byoip"
  publicly_advertisable = true
  description           = "Public eu-west-1"
}

resource "ipam_pool_cidr" "public_euw1" {
  ipam_pool_id   = ipam_pool.public_euw1.id
  netmask_length = 44
}

resource "ipam_vpc" "outside" {
  for_each            = { shop = "10.1.0.0/20", api = "10.1.16.0/20" }
  cidr_block          = each.value
  ipv6_ipam_pool_id   = ipam_pool.public_euw1.id
  ipv6_netmask_length = 56
  tags                = { Name = each.key }
}

output "outside" {
  value = { for name, vpc in ipam_vpc.outside : name => vpc.ipv6_cidr_block }
}

# Amazon's space: the pool gets a /52 without naming it.
resource "ipam_pool" "amazon" {
  address_family   = "ipv6"
  ipam_scope_id    = ipam.main.public_default_scope_id
  locale           = "eu-west-1"
  aws_service      = "ec2"
  public_ip_source = "amazon"
  description      = "Amazon eu-west-1"
}

resource "ipam_pool_cidr" "amazon" {
  ipam_pool_id   = ipam_pool.amazon.id
  netmask_length = 52
}

resource "ipam_vpc" "edge" {
  cidr_block          = "10.2.0.0/20"
  ipv6_ipam_pool_id   = ipam_pool.amazon.id
  ipv6_netmask_length = 56
}
