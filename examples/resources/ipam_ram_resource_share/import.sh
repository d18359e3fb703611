# By the share's ARN.
terraform import ipam_ram_resource_share.prod arn:aws:ram:eu-west-1:123456789012:resource-share/01234567-89ab-cdef-0123-456789abcdef
