# By <share ARN>,<resource ARN>.
terraform import ipam_ram_resource_association.prod arn:aws:ram:eu-west-1:123456789012:resource-share/01234567-89ab-cdef-0123-456789abcdef,arn:aws:ec2::123456789012:ipam-pool/ipam-pool-0123456789abcdef0
