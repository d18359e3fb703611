output "pools" {
  description = "CIDR of each pool"
  value = {
    top       = aws_vpc_ipam_pool_cidr.top.cidr
    euw1      = aws_vpc_ipam_pool_cidr.euw1.cidr
    euw1_prod = aws_vpc_ipam_pool_cidr.euw1_prod.cidr
  }
}

output "vpcs" {
  description = "CIDR that each VPC drew"
  value = merge(
    { payments-prod = aws_vpc.spoke.cidr_block },
    { for name, vpc in module.vpc : name => vpc.cidr_block },
  )
}
