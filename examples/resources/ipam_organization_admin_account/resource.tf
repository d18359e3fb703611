# The account that administers IPAM for the organization.
resource "ipam_organization_admin_account" "network" {
  delegated_admin_account_id = "222233334444"
}
