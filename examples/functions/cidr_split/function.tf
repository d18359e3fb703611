output "parts" {
  value = provider::ipam::cidr_split("10.0.0.0/22", 24) # four /24
}
