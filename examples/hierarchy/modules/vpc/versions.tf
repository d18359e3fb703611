terraform {
  required_providers {
    aws = {
      source = "terraform.local/ipam/ipam"
    }
  }
}
