resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

# A default scope is no resource, but it can be read.
data "ipam_scope" "private" {
  ipam_scope_id = ipam.main.private_default_scope_id
}

output "pools" {
  value = data.ipam_scope.private.pool_count
}
