# By the account's id.
terraform import ipam_organization_admin_account.network 222233334444
