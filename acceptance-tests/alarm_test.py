"""Alarms on utilisation, and the data source of metrics."""

import shutil

from harness import Case, HEADER, ROOT, estate, vpc

ALARM = """
resource "ipam_utilization_alarm" "test" {
  alarm_name          = "high"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 1
  namespace           = "AWS/IPAM"
  metric_name         = "PoolAllocationUtilizationPercentage"
  period              = 3600
  statistic           = "Maximum"
  threshold           = 50
  dimensions          = {
    IpamId      = ipam.main.id
    IpamPoolId  = ipam_pool.main.id
    IpamScopeId = ipam.main.private_default_scope_id
  }
}
"""
POOL_DIMENSIONS = """{
    AddressFamily = "IPv4"
    Locale        = ipam_pool.main.locale
    PoolID        = ipam_pool.main.id
    ScopeID       = ipam.main.private_default_scope_id
  }"""
# Step 5 of the article, with nothing changed, and what it refers to.
ARTICLE = """
resource "aws_cloudwatch_metric_alarm" "prod_pool_exhaustion" {
  alarm_name          = "ipam-euw1-prod-utilization-high"
  namespace           = "AWS/IPAM"
  metric_name         = "PoolAllocationUtilizationPercentage"
  dimensions = {
    IpamId       = aws_vpc_ipam.org.id
    IpamPoolId   = aws_vpc_ipam_pool.euw1_prod.id
    IpamScopeId  = aws_vpc_ipam.org.private_default_scope_id
  }
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1
  threshold           = 80
  comparison_operator = "GreaterThanOrEqualToThreshold"
  alarm_actions       = [aws_sns_topic.netops.arn]
}
"""
AROUND = """
provider "aws" {
  region = "eu-west-1"
}
resource "aws_sns_topic" "netops" {
  name = "netops"
}
resource "aws_vpc_ipam" "org" {
  operating_regions {
    region_name = "eu-west-1"
  }
}
resource "aws_vpc_ipam_pool" "euw1_prod" {
  address_family = "ipv4"
  ipam_scope_id  = aws_vpc_ipam.org.private_default_scope_id
  locale         = "eu-west-1"
}
resource "aws_vpc_ipam_pool_cidr" "euw1_prod" {
  ipam_pool_id = aws_vpc_ipam_pool.euw1_prod.id
  cidr         = "10.0.0.0/16"
}
resource "aws_vpc" "this" {
  ipv4_ipam_pool_id   = aws_vpc_ipam_pool.euw1_prod.id
  ipv4_netmask_length = 17
}
"""


def alarm(**changes):
    """The alarm with other values; None leaves an argument out."""
    text = ALARM
    for name, value in changes.items():
        lines = text.split("\n")
        at = [i for i, line in enumerate(lines) if line.split("=")[0].strip() == name]
        if at and name == "dimensions":
            del lines[at[0]:at[0] + 5]
        elif at:
            del lines[at[0]]
        if value is not None:
            lines.insert(2, f"  {name} = {value}")
        text = "\n".join(lines)
    return text


class Alarms(Case):
    def state(self):
        found = self.tf.get("ipam_utilization_alarm.test")
        return found["state_value"], found["state_reason"]

    def test_flips_are_seen_and_nothing_else(self):
        self.tf.up(estate() + vpc("one", 18) + ALARM)
        self.tf.quiet()
        before = self.state()
        self.assertEqual(before[0], "OK")
        # 37.5 %: no flip, so nothing of the alarm changes.
        self.tf.up(estate() + vpc("one", 18) + vpc("two", 19) + ALARM)
        self.tf.quiet()
        self.tf.apply("-refresh-only")
        self.assertEqual(self.state(), before)
        # 62.5 %
        self.tf.up(estate() + vpc("one", 18) + vpc("two", 19) + vpc("three", 18) + ALARM)
        plan = self.tf.plan("-refresh-only")
        self.assert_says(plan, "Objects have changed outside of Terraform", '"OK" -> "ALARM"',
                         'Warning: Alarm: ALARM.*"high" was OK and is ALARM now', "62.5")
        self.tf.apply("-refresh-only")
        self.assertEqual(self.state(), ("ALARM", "Threshold crossed: PoolAllocationUtilization"
                                        "Percentage was 62.5, greater than or equal to the "
                                        "threshold (50)."))
        self.assert_says(self.tf.plan("-refresh-only"), "No changes")
        self.tf.up(estate() + vpc("one", 18) + ALARM)
        self.tf.apply("-refresh-only")
        self.assertEqual(self.state()[0], "OK")
        self.tf.destroy()
    test_flips_are_seen_and_nothing_else.slow = True

    def test_create_update_replace_import_destroy(self):
        here = estate() + vpc("one", 17)
        self.tf.up(here + alarm(threshold="50.25"))
        found = self.tf.get("ipam_utilization_alarm.test")
        self.assertEqual(found["id"], "high")
        self.assertEqual(found["arn"],
                         "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:high")
        self.assertEqual((found["treat_missing_data"], found["actions_enabled"]), ("missing", True))
        self.tf.write(here + alarm(threshold="50", alarm_description='"text"',
                                   alarm_actions='["arn:aws:sns:eu-west-1:123456789012:netops"]'))
        self.assertEqual(self.tf.changes(), {"ipam_utilization_alarm.test": ["update"]})
        self.tf.apply()
        self.assertEqual(self.state()[0], "ALARM")
        self.tf.quiet()
        self.import_round_trip("ipam_utilization_alarm.test", "high")
        self.tf.write(here + alarm(alarm_name='"other"'))
        self.assertEqual(self.tf.changes(),
                         {"ipam_utilization_alarm.test": ["delete", "create"]})
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_every_comparison_and_metric(self):
        alarms, expected = "", {}
        for i, (metric, operator, threshold, state) in enumerate((
                ("PercentAssigned", "GreaterThanThreshold", 25, "OK"),
                ("PercentAssigned", "GreaterThanOrEqualToThreshold", 25, "ALARM"),
                ("PercentAvailable", "LessThanThreshold", 75, "OK"),
                ("PercentAvailable", "LessThanOrEqualToThreshold", 75, "ALARM"),
                ("PercentAllocated", "LessThanOrEqualToThreshold", 0, "ALARM"),
                ("CompliantResourceCidrs", "GreaterThanThreshold", 0, "ALARM"),
                ("NoncompliantResourceCidrs", "GreaterThanThreshold", 0, "OK"))):
            expected[f"ipam_utilization_alarm.a{i}"] = state
            alarms += alarm(metric_name=f'"{metric}"', comparison_operator=f'"{operator}"',
                            threshold=threshold, dimensions=POOL_DIMENSIONS,
                            alarm_name=f'"a{i}"').replace('"test"', f'"a{i}"').replace(
                                "dimensions = {", "depends_on = [ipam_vpc.one]\n  dimensions = {")
        self.tf.up(estate() + vpc("one", 18) + alarms)
        found = {address: r["state_value"] for address, r in self.tf.resources().items()
                 if "alarm" in address}
        self.assertEqual(found, expected)

    def test_missing_data(self):
        no_cidr = estate().replace('ipam_pool_cidr" "main', 'ipam_pool_cidr" "other').replace(
            "ipam_pool_id = ipam_pool.main.id", "ipam_pool_id = ipam_pool.empty.id") + """
resource "ipam_pool" "empty" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
}
"""
        expected = {"missing": "INSUFFICIENT_DATA", "breaching": "ALARM", "notBreaching": "OK",
                    "ignore": "INSUFFICIENT_DATA"}
        self.tf.up(no_cidr + "".join(
            alarm(treat_missing_data=f'"{t}"', alarm_name=f'"{t}"').replace('"test"', f'"{t}"')
            for t in expected))
        for treat, state in expected.items():
            found = self.tf.get(f"ipam_utilization_alarm.{treat}")
            self.assertEqual(found["state_value"], state, treat)
            self.assertIn("has no CIDR", found["state_reason"])
    test_missing_data.slow = True

    def test_alarms_that_never_ring(self):
        for name, changes, state, words in (
                ("dimensions", {"dimensions": "{ PoolID = ipam_pool.main.id }"}, "ALARM",
                 ("never have data", "exactly these dimensions: IpamId, IpamPoolId")),
                ("name", {"metric_name": '"PoolUtilization"'}, "ALARM",
                 ("never have data", 'no metric "PoolUtilization" in AWS/IPAM')),
                ("untold", {"metric_name": '"SubnetIPUsage"'}, "INSUFFICIENT_DATA",
                 ("never have data", "no state tells")),
                ("namespace", {"namespace": '"AWS/EC2"'}, "INSUFFICIENT_DATA",
                 ("recorded only", "AWS/EC2"))):
            with self.subTest(name):
                said = self.tf.up(estate() + alarm(treat_missing_data='"breaching"', **changes))
                self.assert_says(said, *words)
                self.assertEqual(self.state()[0], state)
        self.tf.quiet()
    test_alarms_that_never_ring.slow = True

    def test_refusals(self):
        query = 'metric_query {\n    id = "e1"\n    expression = "m1 + m2"\n  }\n  statistic'
        for changes, words in (
                ({"statistic": None}, ("Exactly one of statistic and extended_statistic",)),
                ({"extended_statistic": '"p90"'}, ("Exactly one of statistic",)),
                ({"threshold": None}, ("threshold must be set",)),
                ({"metric_name": None}, ("metric_name must be set",)),
                ({"period": "90"}, ("90 is not a period", "multiple of 60")),
                ({"datapoints_to_alarm": "2"}, ("datapoints_to_alarm = 2", "evaluation_periods = 1")),
                ({"comparison_operator": '"GreaterThanUpperThreshold"'}, ("anomaly detection",)),
                ({"comparison_operator": '"Above"'}, ("GreaterThanOrEqualToThreshold",)),
                ({"threshold_metric_id": '"ad1"'}, ("threshold_metric_id is not possible",)),
                ({"treat_missing_data": '"never"'}, ("notBreaching",)),
                ({"alarm_actions": '["me"]'}, ("not an ARN",))):
            with self.subTest(changes):
                self.assert_says(self.tf.refused(estate() + alarm(**changes), when="plan"), *words)
        self.assert_says(self.tf.refused(estate() + ALARM.replace("statistic", query, 1)),
                         "metric_query is not possible", "PoolAllocationUtilizationPercentage")
    test_refusals.slow = True

    def test_alarm_of_the_article_runs_unchanged(self):
        self.tf.up(AROUND + ARTICLE)
        found = self.tf.get("aws_cloudwatch_metric_alarm.prod_pool_exhaustion")
        self.assertIn(found["state_value"], ("OK", "INSUFFICIENT_DATA"))
        self.assertEqual(found["alarm_actions"],
                         ["arn:aws:sns:eu-west-1:123456789012:netops"])
        self.tf.quiet()
        self.import_round_trip("aws_sns_topic.netops", "arn:aws:sns:eu-west-1:123456789012:netops")
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_example_alarms(self):
        shutil.copytree(ROOT / "examples/alarms", self.tf.path, dirs_exist_ok=True)
        self.tf.init()
        self.tf.apply()
        outputs = self.tf.show()["values"]["outputs"]["alarms"]["value"]
        self.assertEqual(outputs, {"prod_exhaustion": "OK", "overlaps": "OK"})
        self.tf.quiet()
        teams = '-var=teams=["payments", "ledger", "search", "fraud"]'
        self.assert_says(self.tf.apply(teams), "Check block assertion failed",
                         "Pool prod has 0 addresses left")
        self.assert_says(self.tf.plan(teams, "-detailed-exitcode", code=2),
                         'prod_exhaustion = "OK" -> "ALARM"', "Percentage was 100")
        self.tf.destroy()

    def test_topics(self):
        self.tf.up(HEADER + """
resource "ipam_alarm_topic" "named" {
  name         = "netops"
  display_name = "Network"
}
resource "ipam_alarm_topic" "made" {
  name_prefix = "netops-"
  fifo_topic  = true
}
""")
        found = self.tf.resources()
        named, made = found["ipam_alarm_topic.named"], found["ipam_alarm_topic.made"]
        self.assertEqual(named["arn"], "arn:aws:sns:eu-west-1:123456789012:netops")
        self.assertEqual((named["id"], named["owner"]), (named["arn"], "123456789012"))
        self.assertRegex(made["arn"], r"^arn:aws:sns:eu-west-1:123456789012:netops-\w+\.fifo$")
        self.tf.quiet()
        self.import_round_trip("ipam_alarm_topic.named", named["arn"])
        self.tf.destroy()
        self.assert_says(self.tf.refused(HEADER + 'resource "ipam_alarm_topic" "t" {\n'
                                         '  name = "a b"\n}\n'), "not the name of a topic")


class Metrics(Case):
    def asked(self, **questions):
        """Answers to all of the questions, by name."""
        self.tf.write("".join(f'data "ipam_metrics" "{name}" {{\n  {what}\n}}\noutput "{name}" {{\n'
                              f"  value = data.ipam_metrics.{name}\n}}\n"
                              for name, what in questions.items()), "questions.tf")
        self.tf.apply()
        return {name: o["value"] for name, o in self.tf.show()["values"]["outputs"].items()}

    def test_pool_scope_ipam_and_vpc(self):
        self.tf.up(estate() + vpc("one", 18) + """
resource "ipam_subnet" "one" {
  vpc_id     = ipam_vpc.one.id
  cidr_block = cidrsubnet(ipam_vpc.one.cidr_block, 2, 0)
}
resource "ipam_pool" "child" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.main.id
  locale              = "eu-west-1"
}
resource "ipam_pool_cidr" "child" {
  ipam_pool_id   = ipam_pool.child.id
  netmask_length = 20
}
""")
        told = self.asked(pool="ipam_pool_id = ipam_pool.main.id",
                          scope="ipam_scope_id = ipam.main.private_default_scope_id",
                          ipam="ipam_id = ipam.main.id", vpc="resource_id = ipam_vpc.one.id",
                          none='ipam_id = ipam.main.id\n  address_family = "ipv6"')
        pool, scope, ipam, found, none = (told[n] for n in ("pool", "scope", "ipam", "vpc", "none"))
        self.assertEqual(pool["values"], {
            "PercentAllocated": 6.25, "PercentAssigned": 25, "PercentAvailable": 68.75,
            "PoolAllocationUtilizationPercentage": 31.25, "PoolAllocationCount": 2,
            "PoolAvailableAddressCount": 45056, "CompliantResourceCidrs": 1,
            "NoncompliantResourceCidrs": 0})
        self.assertEqual((pool["total_addresses"], pool["available_addresses"],
                          pool["utilization_percentage"], pool["largest_free_netmask_length"]),
                         (65536, 45056, 31.25, 17))
        self.assertEqual(scope["values"], {
            "CompliantResourceCidrs": 1, "NoncompliantResourceCidrs": 0, "ManagedResourceCidrs": 1,
            "UnmanagedResourceCidrs": 0, "OverlappingResourceCidrs": 0})
        self.assertEqual(scope["utilization_percentage"], 31.25)
        self.assertEqual(ipam["values"], scope["values"])
        self.assertGreater(len(ipam["metrics"]), len(scope["metrics"]))
        self.assertEqual((found["utilization_percentage"], found["values"]),
                         (25, {"VpcIPUsage": 25}))
        self.assertEqual([m["dimensions"] for m in found["metrics"]], [{
            "AddressFamily": "IPv4", "OwnerID": "123456789012", "Region": "eu-west-1",
            "ScopeID": scope["id"], "VpcID": found["id"]}])
        self.assertEqual((none["total_addresses"], none["utilization_percentage"]), (0, None))
        self.tf.quiet()

    def test_refusals(self):
        self.tf.up(HEADER)
        for what, words in (
                ("", ("exactly one|one of",)),
                ('ipam_pool_id = "ipam-pool-0"\n  ipam_id = "x"', ("ipam_id",)),
                ('ipam_pool_id = "ipam-pool-0123456789abcdef0"', ("ipam-pool-0123456789abcdef0",)),
                ('ipam_scope_id = "ipam-scope-0123456789abcdef0"', ("InvalidIpamScopeId.NotFound",)),
                ('ipam_id = "ipam-0123456789abcdef0"', ("InvalidIpamId.NotFound",)),
                ('resource_id = "vpc-0123"', ("not found", "vpc-0123"))):
            with self.subTest(what):
                self.assert_says(self.tf.refused(
                    HEADER + f'data "ipam_metrics" "q" {{\n  {what}\n}}\n'), *words)
