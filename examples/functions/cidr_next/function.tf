output "next" {
  value = provider::ipam::cidr_next("10.0.0.0/24") # "10.0.1.0/24"
}
