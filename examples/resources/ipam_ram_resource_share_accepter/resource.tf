# The share invites an account outside of the organization ...
resource "ipam_ram_resource_share" "partner" {
  name                      = "pool of the partner"
  allow_external_principals = true
}

resource "ipam_ram_principal_association" "partner" {
  principal          = "333344445555"
  resource_share_arn = ipam_ram_resource_share.partner.arn
}

# ... and that account accepts.
provider "ipam" {
  alias      = "partner"
  region     = "eu-west-1"
  account_id = "333344445555"
}

resource "ipam_ram_resource_share_accepter" "partner" {
  provider   = ipam.partner
  share_arn  = ipam_ram_resource_share.partner.arn
  depends_on = [ipam_ram_principal_association.partner]
}
