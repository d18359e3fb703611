resource "ipam" "main" {
  description = "Address plan"
  operating_regions { region_name = "eu-west-1" }
}

# By its id: for a configuration that is given the id and no more.
data "ipam" "main" {
  id = ipam.main.id
}

output "home" {
  value = data.ipam.main.ipam_region
}
