resource "ipam_resource_discovery" "delegated" {
  description = "Resources of the research accounts"

  operating_regions { region_name = "eu-west-1" }

  organizational_unit_exclusion {
    organizations_entity_path = "o-exampleorgid/r-ab12/ou-ab12-sandbox1/*"
  }
}
