# By the VPC's id; with @REGION when it is not in the provider's Region.
terraform import ipam_vpc.payments vpc-0123456789abcdef0
