resource "ipam_alarm_topic" "netops" {
  name = "netops"
}
