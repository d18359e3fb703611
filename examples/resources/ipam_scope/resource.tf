resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

# Addresses that may be used a second time, because nothing routes between the two.
resource "ipam_scope" "lab" {
  ipam_id     = ipam.main.id
  description = "Laboratory networks"
}
