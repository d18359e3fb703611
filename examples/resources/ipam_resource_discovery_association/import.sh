# By the association's id; with @REGION when it is not in the provider's Region.
terraform import ipam_resource_discovery_association.main ipam-res-disco-assoc-0123456789abcdef0
