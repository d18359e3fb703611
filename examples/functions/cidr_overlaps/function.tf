output "overlap" {
  value = provider::ipam::cidr_overlaps("10.0.0.0/16", "10.0.128.0/20") # true
}
