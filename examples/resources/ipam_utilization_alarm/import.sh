# An alarm is imported by its name.
terraform import ipam_utilization_alarm.exhaustion prod-utilization-high
