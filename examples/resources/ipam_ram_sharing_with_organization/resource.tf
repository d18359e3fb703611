resource "ipam_ram_sharing_with_organization" "this" {}
