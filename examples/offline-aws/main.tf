terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region  = "eu-west-1"
  profile = "network"

  assume_role {
    role_arn = "arn:aws:iam::222233334444:role/network"
  }

  default_tags {
    tags = { ManagedBy = "terraform" }
  }
}

module "ipam" {
  source  = "./modules/ipam"
  regions = { eu-west-1 = 12, us-east-1 = 12 }
  cidr    = "10.0.0.0/8"
}

resource "aws_vpc" "spoke" {
  ipv4_ipam_pool_id   = module.ipam.pool_ids["eu-west-1"]
  ipv4_netmask_length = 20
}

output "spoke" {
  value = aws_vpc.spoke.cidr_block
}
