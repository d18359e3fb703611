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

# No locale: the pool serves networks of any cloud, by reservations.
resource "ipam_pool" "clouds" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  description    = "Other clouds"
}

resource "ipam_pool_cidr" "clouds" {
  ipam_pool_id = ipam_pool.clouds.id
  cidr         = "10.64.0.0/12"
}

resource "ipam_pool_cidr_allocation" "network" {
  for_each       = { warehouse = 20, lake = 18 }
  ipam_pool_id   = ipam_pool.clouds.id
  netmask_length = each.value
  description    = each.key
}

# In the place of azurerm_virtual_network, google_compute_subnetwork or another cloud's network.
resource "terraform_data" "network" {
  for_each = ipam_pool_cidr_allocation.network
  input = {
    name          = each.key
    address_space = [each.value.cidr]
    # Subnets of the network are planned from the same value.
    subnets = cidrsubnets(each.value.cidr, 2, 2, 4)
  }
}

output "networks" {
  value = { for name, network in terraform_data.network : name => network.output }
}
