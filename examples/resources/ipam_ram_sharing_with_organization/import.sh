# By the id of the management account.
terraform import ipam_ram_sharing_with_organization.this 111122223333
