# By the pool's id; with @REGION when it is not in the provider's Region.
terraform import ipam_pool.prod ipam-pool-0123456789abcdef0
