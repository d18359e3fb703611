# The local name stays "aws", so the resources keep the names that the AWS provider gives them.
terraform {
  required_providers {
    aws = {
      source  = "terraform.local/ipam/ipam"
      version = "~> 0.1"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}
