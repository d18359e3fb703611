# An ordinary module for AWS: nothing in it knows of another provider.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "regions" {
  description = "Netmask length of each Region's pool"
  type        = map(number)
}

variable "cidr" {
  description = "CIDR of the top-level pool"
  type        = string
}

resource "aws_vpc_ipam" "this" {
  dynamic "operating_regions" {
    for_each = var.regions
    content {
      region_name = operating_regions.key
    }
  }
}

resource "aws_vpc_ipam_pool" "top" {
  address_family = "ipv4"
  ipam_scope_id  = aws_vpc_ipam.this.private_default_scope_id
}

resource "aws_vpc_ipam_pool_cidr" "top" {
  ipam_pool_id = aws_vpc_ipam_pool.top.id
  cidr         = var.cidr
}

resource "aws_vpc_ipam_pool" "region" {
  for_each            = var.regions
  address_family      = "ipv4"
  ipam_scope_id       = aws_vpc_ipam.this.private_default_scope_id
  source_ipam_pool_id = aws_vpc_ipam_pool.top.id
  locale              = each.key
}

resource "aws_vpc_ipam_pool_cidr" "region" {
  for_each       = var.regions
  ipam_pool_id   = aws_vpc_ipam_pool.region[each.key].id
  netmask_length = each.value
}

output "pool_ids" {
  value = { for name, pool in aws_vpc_ipam_pool.region : name => pool.id }
}
