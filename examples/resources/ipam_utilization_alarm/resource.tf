resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}

resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}

resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/16"
}

resource "ipam_utilization_alarm" "exhaustion" {
  alarm_name          = "prod-utilization-high"
  namespace           = "AWS/IPAM"
  metric_name         = "PercentAvailable"
  comparison_operator = "LessThanOrEqualToThreshold"
  threshold           = 20
  statistic           = "Minimum"
  period              = 3600
  evaluation_periods  = 1

  dimensions = {
    AddressFamily = "IPv4"
    Locale        = ipam_pool.prod.locale
    PoolID        = ipam_pool.prod.id
    ScopeID       = ipam.main.private_default_scope_id
  }
}
