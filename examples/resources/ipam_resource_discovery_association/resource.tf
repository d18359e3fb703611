resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_resource_discovery" "delegated" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_resource_discovery_association" "main" {
  ipam_id                    = ipam.main.id
  ipam_resource_discovery_id = ipam_resource_discovery.delegated.id
}
