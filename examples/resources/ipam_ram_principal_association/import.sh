# By <share ARN>,<principal>.
terraform import ipam_ram_principal_association.payments arn:aws:ram:eu-west-1:123456789012:resource-share/01234567-89ab-cdef-0123-456789abcdef,333344445555
