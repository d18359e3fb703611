# By the scope's id; with @REGION when it is not in the provider's Region.
terraform import ipam_scope.lab ipam-scope-0123456789abcdef0
