output "inside" {
  value = provider::ipam::cidr_contains("10.0.0.0/8", "10.1.2.0/24") # true
}

output "address" {
  value = provider::ipam::cidr_contains("10.0.0.0/8", "192.168.0.1") # false
}
