# What is left of a /22 when its second /24 is taken.
output "left" {
  value = provider::ipam::cidr_exclude("10.0.0.0/22", ["10.0.1.0/24"]) # ["10.0.0.0/24", "10.0.2.0/23"]
}
