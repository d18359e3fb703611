resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

data "ipam_scopes" "all" {
  filter {
    name   = "ipam-id"
    values = [ipam.main.id]
  }
}

output "types" {
  value = { for s in data.ipam_scopes.all.ipam_scopes : s.id => s.ipam_scope_type }
}
