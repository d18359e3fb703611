data "ipam_partition" "current" {}

output "arn_prefix" {
  value = "arn:${data.ipam_partition.current.partition}:"
}
