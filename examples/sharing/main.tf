terraform {
  required_providers {
    ipam = { source = "terraform.local/ipam/ipam" }
  }
}

locals {
  # Which accounts there are, and the OUs that each is in from the root down.
  accounts = {
    "222233334444" = ""                                  # networking, directly below the root
    "333344445555" = "ou-work-22222222/ou-prod-abcd1234" # payments
    "444455556666" = "ou-work-22222222/ou-sand-dddd4444" # sandbox
  }
}

# The networking account owns the pools ...
provider "ipam" {
  region     = "eu-west-1"
  account_id = "222233334444"

  organization {
    id                    = "o-exampleorgid"
    management_account_id = "111122223333"
    accounts              = local.accounts
  }
}

# ... and the payments account draws from those that are shared with it.
provider "ipam" {
  alias      = "payments"
  region     = "eu-west-1"
  account_id = "333344445555"

  organization {
    id                    = "o-exampleorgid"
    management_account_id = "111122223333"
    accounts              = local.accounts
  }
}

resource "ipam" "org" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.org.private_default_scope_id
  locale         = "eu-west-1"
  description    = "eu-west-1 prod"

  allocation_min_netmask_length = 16
  allocation_max_netmask_length = 24
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/16"
}

# The pool is shared, not the IPAM, and with an OU: with all accounts below it.
resource "ipam_ram_resource_share" "prod" {
  name = "ipam-eu-west-1-prod"
}

resource "ipam_ram_resource_association" "prod" {
  resource_arn       = ipam_pool.prod.arn
  resource_share_arn = ipam_ram_resource_share.prod.arn
}

resource "ipam_ram_principal_association" "prod" {
  principal          = "arn:aws:organizations::111122223333:ou/o-exampleorgid/ou-prod-abcd1234"
  resource_share_arn = ipam_ram_resource_share.prod.arn
}

# A workload account needs no more than the pool's id.
resource "ipam_vpc" "payments" {
  provider            = ipam.payments
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 20
  tags                = { Name = "payments" }
}

output "payments" {
  value = { cidr = ipam_vpc.payments.cidr_block, owner = ipam_vpc.payments.owner_id }
}
