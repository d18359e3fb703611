terraform {
  required_providers {
    ipam = {
      source  = "terraform.local/ipam/ipam"
      version = "~> 0.1"
    }
  }
}

provider "ipam" {
  region     = "eu-west-1"
  account_id = "222233334444"

  default_tags {
    tags = { ManagedBy = "terraform" }
  }
}
