resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "ula" {
  address_family = "ipv6"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}

resource "ipam_pool_cidr" "ula" {
  ipam_pool_id = ipam_pool.ula.id
  cidr         = "fd12:3456:789a::/48"
}

resource "ipam_vpc" "payments" {
  cidr_block = "10.96.0.0/20"
}

resource "ipam_vpc_ipv6_cidr_block_association" "payments" {
  vpc_id              = ipam_vpc.payments.id
  ipv6_ipam_pool_id   = ipam_pool.ula.id
  ipv6_netmask_length = 56
  depends_on          = [ipam_pool_cidr.ula]
}
