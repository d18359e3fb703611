resource "ipam" "main" {
  description = "Address plan of the organisation"

  operating_regions { region_name = "eu-west-1" }
  operating_regions { region_name = "us-east-1" }
}
