data "ipam_availability_zones" "available" {
  state = "available"
}

output "first_two" {
  value = slice(data.ipam_availability_zones.available.names, 0, 2)
}
