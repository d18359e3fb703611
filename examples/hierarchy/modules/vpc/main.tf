variable "ipam_pool_id" {
  type = string
}

variable "vpc_netmask" {
  type    = number
  default = 22
}

variable "environment" {
  type = string
}

variable "name" {
  type = string
}

resource "aws_vpc" "this" {
  ipv4_ipam_pool_id   = var.ipam_pool_id
  ipv4_netmask_length = var.vpc_netmask
  tags                = { Environment = var.environment, Name = var.name }
}

output "cidr_block" {
  value = aws_vpc.this.cidr_block
}
