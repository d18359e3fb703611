# By the association's id, with the pool and the netmask length when it was drawn by them.
terraform import ipam_vpc_ipv6_cidr_block_association.payments vpc-cidr-assoc-0123456789abcdef0,ipam-pool-0123456789abcdef0,56
