# The provider's Region.
data "ipam_region" "current" {}

output "region" {
  value = data.ipam_region.current.region
}
