# By <cidr>_<pool id>; with @REGION when it is not in the provider's Region.
terraform import ipam_pool_cidr.top 10.0.0.0/8_ipam-pool-0123456789abcdef0
