# A pool over space that is partly in use. What is in use is said by files: networks of a data
# centre, what AWS printed, prefixes from NetBox.
terraform {
  required_providers {
    ipam = { source = "terraform.local/ipam/ipam" }
  }
}

provider "ipam" {
  region    = "eu-west-1"
  inventory = ["inventory/*.yaml"]
}

resource "ipam" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
}

resource "ipam_pool" "main" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}

resource "ipam_pool_cidr" "main" {
  ipam_pool_id = ipam_pool.main.id
  cidr         = "10.0.0.0/16"
}

# The first three /20 of the pool are in use, one in each file, so this gets the fourth.
resource "ipam_vpc" "shop" {
  ipv4_ipam_pool_id   = ipam_pool.main.id
  ipv4_netmask_length = 20
}

output "shop_cidr" {
  value = ipam_vpc.shop.cidr_block
}
