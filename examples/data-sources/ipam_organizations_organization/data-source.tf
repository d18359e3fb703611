data "ipam_organizations_organization" "current" {}

output "management_account" {
  value = data.ipam_organizations_organization.current.master_account_id
}
