output "merged" {
  value = provider::ipam::cidr_merge(["10.0.0.0/24", "10.0.1.0/24", "10.0.0.128/25"]) # ["10.0.0.0/23"]
}
