data "ipam_caller_identity" "current" {}

output "account" {
  value = data.ipam_caller_identity.current.account_id
}
