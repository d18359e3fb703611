# A VPC from a pool of another root module.
terraform {
  required_providers {
    ipam = { source = "terraform.local/ipam/ipam" }
  }
}

variable "pool_id" {
  description = "Output pool_id of ../net."
  type        = string
}

provider "ipam" {
  region = "eu-west-1"

  estate { path = "../net/terraform.tfstate" }
}

resource "ipam_vpc" "app" {
  ipv4_ipam_pool_id   = var.pool_id
  ipv4_netmask_length = 24
}

output "cidr" {
  value = ipam_vpc.app.cidr_block
}
