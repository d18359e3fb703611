# By the IPAM's id; with @REGION when it is not in the provider's Region.
terraform import ipam.main ipam-0123456789abcdef0
