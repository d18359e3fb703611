# What is shared with whom is said by associations.
resource "ipam_ram_resource_share" "prod" {
  name                      = "prod pool"
  allow_external_principals = false
}
