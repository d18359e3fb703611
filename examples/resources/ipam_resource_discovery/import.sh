# By the discovery's id; with @REGION when it is not in the provider's Region.
terraform import ipam_resource_discovery.delegated ipam-res-disco-0123456789abcdef0
