# 60 accounts that grew without a plan; pools are put on top, and nothing new collides.
terraform {
  required_providers {
    ipam = { source = "terraform.local/ipam/ipam" }
  }
}

provider "ipam" {
  region = "eu-west-1"

  # What Terraform manages elsewhere, with the AWS provider ...
  estate { path = "states/*.tfstate" }

  # ... what `aws ec2 describe-vpcs` printed, and what people wrote down.
  inventory = ["inventory/vpcs.json", "inventory/networks.yaml"]
}

resource "ipam" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
}

# The whole private range, with everything that stands in it.
resource "ipam_pool" "top" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  description    = "10/8"
}

resource "ipam_pool_cidr" "top" {
  ipam_pool_id = ipam_pool.top.id
  cidr         = "10.0.0.0/8"
}

# A pool for what is new, on top of the range that three teams share.
resource "ipam_pool" "new" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.top.id
  locale              = "eu-west-1"
  description         = "new networks"
}

resource "ipam_pool_cidr" "new" {
  ipam_pool_id = ipam_pool.new.id
  cidr         = "10.8.0.0/13"
  depends_on   = [ipam_pool_cidr.top]
}

# Next-free passes over 10.10.0.0/16.
resource "ipam_vpc" "team" {
  for_each = toset(["payments", "retail", "data"])

  ipv4_ipam_pool_id   = ipam_pool.new.id
  ipv4_netmask_length = 16
  tags                = { Name = each.key }
  depends_on          = [ipam_pool_cidr.new]
}

# The landmines, with owners.
data "ipam_resource_cidrs" "overlapping" {
  ipam_scope_id = ipam.main.private_default_scope_id

  filter {
    name   = "overlap-status"
    values = ["overlapping"]
  }
  depends_on = [ipam_vpc.team]
}

output "overlapping" {
  value = [for c in data.ipam_resource_cidrs.overlapping.ipam_resource_cidrs :
  "${c.resource_cidr} ${c.resource_type} ${c.resource_id} of ${c.resource_owner_id}"]
}

output "new" {
  value = { for name, vpc in ipam_vpc.team : name => vpc.cidr_block }
}
