# All IPAMs of the price tier "advanced".
data "ipam_ipams" "advanced" {
  filter {
    name   = "tier"
    values = ["advanced"]
  }
}

output "ids" {
  value = [for i in data.ipam_ipams.advanced.ipams : i.id]
}
