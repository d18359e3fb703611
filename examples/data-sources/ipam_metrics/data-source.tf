resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/16"
}

resource "ipam_vpc" "payments" {
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 18
}

data "ipam_metrics" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  depends_on   = [ipam_pool_cidr.prod, ipam_vpc.payments]
}

output "utilization" {
  value = data.ipam_metrics.prod.utilization_percentage # 25
}

output "available" {
  value = data.ipam_metrics.prod.values["PercentAvailable"] # 75
}
