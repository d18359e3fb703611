# By the subnet's id; with @REGION when it is not in the provider's Region.
terraform import 'ipam_subnet.app["eu-west-1a"]' subnet-0123456789abcdef0
