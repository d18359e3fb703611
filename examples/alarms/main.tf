terraform {
  required_providers {
    ipam = { source = "terraform.local/ipam/ipam" }
  }
}

provider "ipam" {
  region = "eu-west-1"
}

variable "teams" {
  type    = set(string)
  default = ["payments", "ledger"]
}

resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
  description    = "prod"
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/18"
}

resource "ipam_vpc" "team" {
  for_each            = var.teams
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 20
  tags                = { Name = each.key }
}

# The pool, before it is full.
resource "ipam_utilization_alarm" "prod_exhaustion" {
  alarm_name          = "prod-utilization-high"
  namespace           = "AWS/IPAM"
  metric_name         = "PoolAllocationUtilizationPercentage"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 80
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1

  dimensions = {
    IpamId      = ipam.main.id
    IpamPoolId  = ipam_pool.prod.id
    IpamScopeId = ipam.main.private_default_scope_id
  }
}

# Two networks with the same addresses.
resource "ipam_utilization_alarm" "overlaps" {
  alarm_name          = "overlapping-networks"
  namespace           = "AWS/IPAM"
  metric_name         = "OverlappingResourceCidrs"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1

  dimensions = {
    AddressFamily = "IPv4"
    ScopeID       = ipam.main.private_default_scope_id
  }
}

# In the plan: `Changes to Outputs` when an alarm flips.
output "alarms" {
  value = {
    prod_exhaustion = ipam_utilization_alarm.prod_exhaustion.state_value
    overlaps        = ipam_utilization_alarm.overlaps.state_value
  }
}

# The same figures in a condition of one's own.
data "ipam_metrics" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  depends_on   = [ipam_pool_cidr.prod, ipam_vpc.team]
}

check "room_for_growth" {
  assert {
    condition     = data.ipam_metrics.prod.available_addresses >= 4096
    error_message = "Pool prod has ${data.ipam_metrics.prod.available_addresses} addresses left, too few for another /20."
  }
}
