# By <allocation id>_<pool id>; with @REGION when it is not in the provider's Region.
terraform import ipam_pool_cidr_allocation.datacenter ipam-pool-alloc-0123456789abcdef0123456789abcdef0_ipam-pool-0123456789abcdef0
