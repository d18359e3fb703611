resource "ipam_ram_resource_share" "prod" {
  name = "prod pool"
}

# An account; the ARN of an OU or of the organization shares with all of its accounts.
resource "ipam_ram_principal_association" "payments" {
  principal          = "333344445555"
  resource_share_arn = ipam_ram_resource_share.prod.arn
}
