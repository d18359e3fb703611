# A topic is imported by its ARN.
terraform import ipam_alarm_topic.netops arn:aws:sns:eu-west-1:123456789012:netops
