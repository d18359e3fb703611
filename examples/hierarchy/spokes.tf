# VPCs that name a pool and a size; no CIDR is written anywhere.

resource "aws_vpc" "spoke" {
  ipv4_ipam_pool_id   = aws_vpc_ipam_pool.euw1_prod.id
  ipv4_netmask_length = 20

  tags = {
    Environment = "prod" # required by the pool's allocation_resource_tags
    Name        = "payments-prod"
  }
}

# Space set aside outside of a VPC, never issued to anybody else
resource "aws_vpc_ipam_pool_cidr_allocation" "eks" {
  ipam_pool_id   = aws_vpc_ipam_pool.euw1_prod.id
  netmask_length = 22
  description    = "reserved for eks-prod secondary CIDR"
  tags           = { Environment = "prod" }
}

# The reusable module: a VPC that never needs a CIDR input again
module "vpc" {
  source   = "./modules/vpc"
  for_each = { ledger = 22, fraud = 22, search = 24 }

  name         = each.key
  ipam_pool_id = aws_vpc_ipam_pool.euw1_prod.id
  vpc_netmask  = each.value
  environment  = "prod"
}
