"""Data sources: each under both names, what they tell, filters, what they refuse, and that they see
what the run has made."""

import re

import sharing_test
from harness import Case, HEADER, estate, pool_hcl, vpc_at

RULES = """
  allocation_min_netmask_length     = 16
  allocation_max_netmask_length     = 28
  allocation_default_netmask_length = 24
  allocation_resource_tags          = { Env = "prod" }
  tags                              = { Team = "network", Name = "main" }
"""
TAGGED = 'tags = { Env = "prod", Name = "app" }'
NEW = HEADER + """
resource "ipam" "main" {
  description = "corporate"
  operating_regions {
    region_name = "eu-west-1"
  }
  operating_regions {
    region_name = "us-east-1"
  }
  tags = { Owner = "net" }
}
""" + pool_hcl("10.0.0.0/16", RULES)


def ours(text):
    """aws_ names belong to a provider called aws unless the block names another."""
    text = re.sub(r'(?m)^(data "\w+" "\w+") \{ ?(.*?) ?\}$', r'\1 {\n  \2\n}', text)
    return re.sub(r'(?m)^(data "aws_\w+" "\w+") \{$', r'\1 {\n  provider = ipam', text)


class DataCase(Case):
    def outputs(self, **kw):
        return {name: o["value"] for name, o in
                self.tf.show(**kw)["values"].get("outputs", {}).items()}

    def told(self, text, **kw):
        """Applies the configuration and returns its outputs; a second plan is quiet."""
        self.tf.up(ours(text), **kw)
        self.tf.quiet()
        return self.outputs()

    def refused(self, text):
        return self.tf.refused(ours(text))

    def both(self, base, native, aws, body, attribute=None):
        """What the two names of a data source tell is the same."""
        text = base
        for kind in (native, aws):
            what = f"data.{kind}.x" + (f".{attribute}" if attribute else "")
            text += f'data "{kind}" "x" {{\n{body}\n}}\noutput "{kind}" {{\n value = {what}\n}}\n'
        out = self.told(text)
        self.assertEqual(out[native], out[aws])
        return out[native]


class Ipams(DataCase):
    def test_by_id(self):
        a = self.both(NEW, "ipam", "aws_vpc_ipam", "  id = ipam.main.id")
        made = self.tf.get("ipam.main")
        for name in ("arn", "private_default_scope_id", "public_default_scope_id", "tier",
                     "default_resource_discovery_id", "metered_account", "enable_private_gua",
                     "default_resource_discovery_association_id"):
            self.assertEqual(a[name], made[name], name)
        self.assertEqual(a["description"], "corporate")
        self.assertEqual(a["scope_count"], 2)
        self.assertEqual(a["ipam_region"], "eu-west-1")
        self.assertEqual(a["owner_id"], "123456789012")
        self.assertEqual(a["state"], "create-complete")
        self.assertEqual(a["tags"], {"Owner": "net"})
        self.assertEqual([r["region_name"] for r in a["operating_regions"]],
                         ["eu-west-1", "us-east-1"])

    def test_list(self):
        text = NEW + """
resource "ipam" "lab" {
  tier = "free"
  operating_regions {
    region_name = "eu-west-1"
  }
}
data "aws_vpc_ipams" "free" {
  depends_on = [ipam.lab, ipam.main]
  filter {
    name   = "tier"
    values = ["free"]
  }
}
data "ipam_ipams" "named" {
  depends_on = [ipam.lab, ipam.main]
  ipam_ids   = [ipam.main.id]
}
data "ipam_ipams" "tagged" {
  depends_on = [ipam.lab, ipam.main]
  filter {
    name   = "tag:Owner"
    values = ["n*"]
  }
}
output "free" { value = data.aws_vpc_ipams.free.ipams[*].id }
output "named" { value = data.ipam_ipams.named.ipams[*].description }
output "tagged" { value = data.ipam_ipams.tagged.ipams[*].description }
"""
        out = self.told(text)
        self.assertEqual(out["free"], [self.tf.get("ipam.lab")["id"]])
        self.assertEqual(out["named"], ["corporate"])
        self.assertEqual(out["tagged"], ["corporate"])

    def test_unknown(self):
        result = self.refused(HEADER + 'data "ipam" "x" { id = "ipam-0123456789abcdef0" }')
        self.assert_says(result, "no matching IPAM found")


class Scopes(DataCase):
    def test_scopes(self):
        text = NEW + """
resource "ipam_scope" "lab" {
  ipam_id     = ipam.main.id
  description = "lab"
  tags        = { A = "b" }
}
data "ipam_scopes" "all" { depends_on = [ipam_scope.lab, ipam_pool.main] }
data "aws_vpc_ipam_scopes" "private" {
  depends_on = [ipam_scope.lab]
  filter {
    name   = "is-default"
    values = ["true"]
  }
  filter {
    name   = "ipam-scope-type"
    values = ["private"]
  }
}
data "ipam_scope" "lab" { id = ipam_scope.lab.id }
data "aws_vpc_ipam_scope" "default" { ipam_scope_id = ipam.main.public_default_scope_id }
data "ipam_scope" "tagged" {
  tags       = { A = "b" }
  depends_on = [ipam_scope.lab]
}
output "all" { value = data.ipam_scopes.all.ipam_scopes }
output "private" { value = data.aws_vpc_ipam_scopes.private.ipam_scopes[*].id }
output "lab" { value = data.ipam_scope.lab }
output "default" { value = data.aws_vpc_ipam_scope.default }
output "tagged" { value = data.ipam_scope.tagged.id }
"""
        out = self.told(text)
        ipam, lab = self.tf.get("ipam.main"), self.tf.get("ipam_scope.lab")
        self.assertEqual({s["id"]: s["pool_count"] for s in out["all"]},
                         {ipam["private_default_scope_id"]: 1, ipam["public_default_scope_id"]: 0,
                          lab["id"]: 0})
        self.assertEqual(out["private"], [ipam["private_default_scope_id"]])
        self.assertEqual(out["tagged"], lab["id"])
        for name in ("arn", "ipam_arn", "ipam_id", "description", "ipam_scope_type", "is_default"):
            self.assertEqual(out["lab"][name], lab[name], name)
        self.assertEqual(out["lab"]["tags"], {"A": "b"})
        self.assertEqual((out["default"]["ipam_scope_type"], out["default"]["is_default"],
                          out["default"]["description"]), ("public", True, ""))


class Pools(DataCase):
    def test_by_id(self):
        a = self.both(NEW, "ipam_pool", "aws_vpc_ipam_pool", "  ipam_pool_id = ipam_pool.main.id")
        made = self.tf.get("ipam_pool.main")
        for name in ("id", "arn", "address_family", "ipam_scope_id", "ipam_scope_type", "locale",
                     "description", "pool_depth", "auto_import", "aws_service", "state",
                     "allocation_min_netmask_length", "allocation_max_netmask_length",
                     "allocation_default_netmask_length", "allocation_resource_tags",
                     "source_resource"):
            self.assertEqual(a[name], made[name], name)
        self.assertEqual(a["tags"], made["tags_all"])
        self.assertEqual((a["source_ipam_pool_id"], a["publicly_advertisable"]), ("", False))

    CHILD = """
resource "ipam_pool" "child" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.main.id
  locale              = "eu-west-1"
  description         = "team one"
  tags                = { Team = "one" }
}
"""

    def test_found_and_listed(self):
        text = NEW + self.CHILD + """
data "aws_vpc_ipam_pool" "by_filter" {
  depends_on = [ipam_pool.child]
  filter {
    name   = "description"
    values = ["*one*"]
  }
  filter {
    name   = "address-family"
    values = ["ipv4", "ipv6"]
  }
}
data "ipam_pool" "by_tags" {
  depends_on = [ipam_pool.child]
  tags       = { Team = "network" }
}
data "ipam_pool" "by_rule" {
  depends_on               = [ipam_pool.child]
  allocation_resource_tags = { Env = "prod" }
}
data "aws_vpc_ipam_pools" "all" { depends_on = [ipam_pool.child] }
data "ipam_pools" "none" {
  depends_on = [ipam_pool.child]
  filter {
    name   = "description"
    values = ["*ONE*"]
  }
}
output "by_filter" { value = data.aws_vpc_ipam_pool.by_filter }
output "by_tags" { value = data.ipam_pool.by_tags.id }
output "by_rule" { value = data.ipam_pool.by_rule.id }
output "all" { value = data.aws_vpc_ipam_pools.all }
output "none" { value = data.ipam_pools.none.ipam_pools }
"""
        out = self.told(text)
        main, child = self.tf.get("ipam_pool.main"), self.tf.get("ipam_pool.child")
        found = out["by_filter"]
        self.assertEqual(found["id"], child["id"])
        self.assertEqual((found["source_ipam_pool_id"], found["pool_depth"]), (main["id"], 2))
        for name in ("min", "max", "default"):
            self.assertEqual(found[f"allocation_{name}_netmask_length"], 0)
        self.assertEqual((out["by_tags"], out["by_rule"]), (main["id"], main["id"]))
        self.assertEqual({p["id"] for p in out["all"]["ipam_pools"]}, {main["id"], child["id"]})
        self.assertEqual(out["all"]["id"], "eu-west-1")
        self.assertEqual(out["none"], [])

    def test_exactly_one(self):
        self.tf.up(NEW + self.CHILD)
        result = self.refused(NEW + self.CHILD + 'data "ipam_pool" "x" {}')
        self.assert_says(result, "multiple IPAM Pools matched", "2 fit", "ipam-pool-[0-9a-f]{17}")
        result = self.refused(NEW + self.CHILD +
                                 'data "ipam_pool" "x" { tags = { Team = "nobody" } }')
        self.assert_says(result, "no matching IPAM Pool found")
        result = self.refused(
            NEW + self.CHILD + 'data "aws_vpc_ipam_pool" "x" { ipam_pool_id = "ipam-pool-0123456789abcdef0" }')
        self.assert_says(result, "no matching IPAM Pool found")

    def test_unknown_filter(self):
        result = self.refused(HEADER + """
data "aws_vpc_ipam_pools" "x" {
  filter {
    name   = "colour"
    values = ["red"]
  }
}
""")
        self.assert_says(result, "Unknown filter", '"colour"', "address-family", "ipam-scope-id",
                         "tag:KEY")

    def test_cidrs(self):
        text = NEW + """
resource "ipam_pool_cidr" "second" {
  ipam_pool_id = ipam_pool.main.id
  cidr         = "172.16.0.0/20"
}
data "aws_vpc_ipam_pool_cidrs" "all" {
  ipam_pool_id = ipam_pool.main.id
  depends_on   = [ipam_pool_cidr.main, ipam_pool_cidr.second]
}
data "ipam_pool_cidrs" "ten" {
  ipam_pool_id = ipam_pool.main.id
  depends_on   = [ipam_pool_cidr.main, ipam_pool_cidr.second]
  filter {
    name   = "cidr"
    values = ["10.*"]
  }
}
output "all" { value = data.aws_vpc_ipam_pool_cidrs.all }
output "ten" { value = data.ipam_pool_cidrs.ten.ipam_pool_cidrs }
"""
        out = self.told(text)
        self.assertEqual(out["ten"], [{"cidr": "10.0.0.0/16", "state": "provisioned"}])
        self.assertEqual({c["cidr"] for c in out["all"]["ipam_pool_cidrs"]},
                         {"10.0.0.0/16", "172.16.0.0/20"})
        self.assertEqual(out["all"]["id"], self.tf.get("ipam_pool.main")["id"])

    def test_unknown_pool(self):
        for kind in ("ipam_pool_cidrs", "ipam_pool_allocations", "ipam_preview_next_cidr"):
            result = self.refused(
                HEADER + f'data "{kind}" "x" {{ ipam_pool_id = "ipam-pool-0123456789abcdef0" }}')
            self.assert_says(result, "InvalidIpamPoolId.NotFound", "ipam-pool-0123456789abcdef0")


class Preview(DataCase):
    BASE = estate(rules="allocation_default_netmask_length = 24") + vpc_at("a", "10.0.0.0/24")
    AFTER = "depends_on = [ipam_vpc.a]"

    def test_next(self):
        text = self.BASE + f"""
data "ipam_preview_next_cidr" "default" {{
  ipam_pool_id = ipam_pool.main.id
  {self.AFTER}
}}
data "aws_vpc_ipam_preview_next_cidr" "length" {{
  ipam_pool_id     = ipam_pool.main.id
  netmask_length   = 20
  disallowed_cidrs = ["10.0.16.0/24"]
  {self.AFTER}
}}
output "default" {{ value = data.ipam_preview_next_cidr.default }}
output "length" {{ value = data.aws_vpc_ipam_preview_next_cidr.length.cidr }}
"""
        out = self.told(text)
        pool = self.tf.get("ipam_pool.main")["id"]
        self.assertEqual(out["default"]["cidr"], "10.0.1.0/24")
        self.assertEqual(out["default"]["id"], f"10.0.1.0/24_{pool}")
        self.assertEqual(out["length"], "10.0.32.0/20")

    def test_reserves_nothing(self):
        self.told(self.BASE)
        text = self.BASE + f"""
data "ipam_preview_next_cidr" "x" {{
  ipam_pool_id = ipam_pool.main.id
}}
resource "ipam_vpc" "b" {{
  ipv4_ipam_pool_id = ipam_pool.main.id
  cidr_block        = data.ipam_preview_next_cidr.x.cidr
  lifecycle {{
    ignore_changes = [cidr_block]
  }}
}}
"""
        self.tf.up(text)
        self.assertEqual(self.tf.get("ipam_vpc.b")["cidr_block"], "10.0.1.0/24")
        self.tf.quiet()

    def test_ipv6(self):
        text = HEADER + """
resource "ipam" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
}
resource "ipam_pool" "six" {
  address_family = "ipv6"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}
resource "ipam_pool_cidr" "six" {
  ipam_pool_id = ipam_pool.six.id
  cidr         = "fd00:ec2::/40"
}
data "ipam_preview_next_cidr" "x" {
  ipam_pool_id     = ipam_pool.six.id
  netmask_length   = 56
  disallowed_cidrs = ["fd00:ec2::/48"]
  depends_on       = [ipam_pool_cidr.six]
}
output "cidr" { value = data.ipam_preview_next_cidr.x.cidr }
"""
        self.assertEqual(self.told(text)["cidr"], "fd00:ec2:1::/56")

    def test_refusals(self):
        self.told(self.BASE)
        text = self.BASE + """
data "ipam_preview_next_cidr" "x" {
  ipam_pool_id   = ipam_pool.main.id
  netmask_length = 12
  timeouts {
    read = "1s" # how long to wait for space that something else in the run may bring
  }
}
"""
        result = self.refused(text)
        self.assert_says(result, "previewing next cidr from IPAM pool", "InvalidParameterValue", "/12")
        result = self.refused(text.replace("netmask_length = 12", 'disallowed_cidrs = ["10.0.0.1/8"]'))
        self.assert_says(result, "10.0.0.0/8")
    test_refusals.slow = True


class Allocations(DataCase):
    TEXT = NEW + vpc_at("a", "10.0.0.0/24", TAGGED) + """
resource "ipam_pool_cidr_allocation" "peer" {
  ipam_pool_id = ipam_pool.main.id
  cidr         = "10.0.128.0/20"
  description  = "on premises"
  tags         = { Env = "prod" }
}
resource "ipam_pool" "child" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.main.id
  locale              = "eu-west-1"
}
resource "ipam_pool_cidr" "child" {
  ipam_pool_id = ipam_pool.child.id
  cidr         = "10.0.64.0/18"
}
"""
    AFTER = "depends_on = [ipam_vpc.a, ipam_pool_cidr_allocation.peer, ipam_pool_cidr.child]"

    def test_allocations(self):
        found = self.both(self.TEXT, "ipam_pool_allocations", "aws_vpc_ipam_pool_allocations",
                          f"ipam_pool_id = ipam_pool.main.id\n{self.AFTER}",
                          "ipam_pool_allocations")
        made = self.tf.resources()
        self.assertEqual([(a["cidr"], a["resource_type"], a["resource_id"]) for a in found],
                         [("10.0.0.0/24", "vpc", made["ipam_vpc.a"]["id"]),
                          ("10.0.64.0/18", "ipam-pool", made["ipam_pool.child"]["id"]),
                          ("10.0.128.0/20", "custom", "")])
        first, last = found[0], found[2]
        self.assertEqual((first["resource_owner"], first["resource_region"], first["tags"]),
                         ("123456789012", "eu-west-1", {"Env": "prod", "Name": "app"}))
        self.assertEqual((last["description"], last["tags"]), ("on premises", {"Env": "prod"}))
        self.assertEqual(last["ipam_pool_allocation_id"],
                         made["ipam_pool_cidr_allocation.peer"]["ipam_pool_allocation_id"])

    def test_selected(self):
        text = self.TEXT + f"""
data "ipam_pool_allocations" "one" {{
  ipam_pool_id            = ipam_pool.main.id
  ipam_pool_allocation_id = ipam_pool_cidr_allocation.peer.ipam_pool_allocation_id
}}
data "ipam_pool_allocations" "vpcs" {{
  ipam_pool_id = ipam_pool.main.id
  {self.AFTER}
  filter {{
    name   = "resource-type"
    values = ["vpc"]
  }}
  filter {{
    name   = "tag:Env"
    values = ["p?od"]
  }}
}}
output "one" {{ value = data.ipam_pool_allocations.one.ipam_pool_allocations[*].cidr }}
output "vpcs" {{ value = data.ipam_pool_allocations.vpcs.ipam_pool_allocations[*].cidr }}
"""
        out = self.told(text)
        self.assertEqual((out["one"], out["vpcs"]), (["10.0.128.0/20"], ["10.0.0.0/24"]))


class ResourceCidrs(DataCase):
    BASE = estate() + vpc_at("good", "10.0.0.0/24", 'tags = { Name = "good" }') + """
resource "ipam_vpc" "loose" {
  cidr_block = "10.0.0.128/25"
  depends_on = [ipam_vpc.good] # first, it would keep its space from a VPC of the pool
}
resource "ipam_vpc" "apart" {
  cidr_block = "192.168.0.0/24"
}
"""
    READ = """
data "ipam_resource_cidrs" "x" {
  ipam_scope_id = ipam.main.private_default_scope_id
  depends_on    = [ipam_vpc.good, ipam_vpc.loose, ipam_vpc.apart]
}
output "x" { value = data.ipam_resource_cidrs.x.ipam_resource_cidrs }
"""

    def test_statuses(self):
        found = self.told(self.BASE + self.READ)["x"]
        made = self.tf.resources()
        self.assertEqual(
            [(r["resource_cidr"], r["resource_id"], r["management_state"], r["compliance_status"],
              r["overlap_status"]) for r in found],
            [("10.0.0.0/24", made["ipam_vpc.good"]["id"], "managed", "compliant", "overlapping"),
             ("10.0.0.128/25", made["ipam_vpc.loose"]["id"], "unmanaged", "unmanaged", "overlapping"),
             ("192.168.0.0/24", made["ipam_vpc.apart"]["id"], "unmanaged", "unmanaged",
              "nonoverlapping")])
        good = found[0]
        self.assertEqual((good["resource_name"], good["resource_type"], good["vpc_id"],
                          good["ipam_pool_id"], good["resource_region"], good["ip_usage"]),
                         ("good", "vpc", made["ipam_vpc.good"]["id"], made["ipam_pool.main"]["id"],
                          "eu-west-1", 0))

    def test_noncompliant(self):
        """A rule that comes later flags what is there."""
        self.tf.up(self.BASE)
        text = (self.BASE + self.READ).replace(
            'description    = "main pool"',
            'description    = "main pool"\n  allocation_resource_tags = { Env = "prod" }')
        self.tf.up(text.replace("depends_on    = [", "depends_on    = [ipam_pool.main, "))
        by_cidr = {r["resource_cidr"]: r for r in self.outputs()["x"]}
        self.assertEqual(by_cidr["10.0.0.0/24"]["compliance_status"], "noncompliant")

    def test_filters(self):
        text = self.BASE + """
resource "ipam_pool_cidr_allocation" "kept" {
  ipam_pool_id = ipam_pool.main.id
  cidr         = "10.0.99.0/24"
}
locals {
  asked = {
    unmanaged   = { "management-state" = ["unmanaged"] }
    overlapping = { "overlap-status" = ["overlapping"], "compliance-status" = ["compliant"] }
    typed       = { "resource-type" = ["subnet", "eip"] }
    tagged      = { "tag:Name" = ["g*"] }
    owned       = { "resource-owner-id" = ["123456789012"], "resource-region" = ["us-*"] }
  }
}
data "aws_vpc_ipam_resource_cidrs" "x" {
  for_each      = local.asked
  ipam_scope_id = ipam.main.private_default_scope_id
  depends_on    = [ipam_vpc.good, ipam_vpc.loose, ipam_vpc.apart, ipam_pool_cidr_allocation.kept]
  dynamic "filter" {
    for_each = each.value
    content {
      name   = filter.key
      values = filter.value
    }
  }
}
data "ipam_resource_cidrs" "tag" {
  ipam_scope_id = ipam.main.private_default_scope_id
  depends_on    = [ipam_vpc.good, ipam_vpc.loose]
  resource_tag {
    key = "Name"
  }
}
data "ipam_resource_cidrs" "public" {
  ipam_scope_id = ipam.main.public_default_scope_id
  depends_on    = [ipam_vpc.good, ipam_vpc.loose]
}
output "x" {
  value = { for k, d in data.aws_vpc_ipam_resource_cidrs.x : k => d.ipam_resource_cidrs[*].resource_cidr }
}
output "tag" { value = data.ipam_resource_cidrs.tag.ipam_resource_cidrs[*].resource_cidr }
output "public" { value = data.ipam_resource_cidrs.public.ipam_resource_cidrs }
"""
        out = self.told(text)
        self.assertEqual(out["x"], {"unmanaged": ["10.0.0.128/25", "192.168.0.0/24"],
                                    "overlapping": ["10.0.0.0/24"], "typed": [],
                                    "tagged": ["10.0.0.0/24"], "owned": []})
        self.assertEqual((out["tag"], out["public"]), (["10.0.0.0/24"], []))

    def test_history(self):
        text = self.BASE + """
data "aws_vpc_ipam_address_history" "x" {
  cidr          = "10.0.0.0/24"
  ipam_scope_id = ipam.main.private_default_scope_id
  depends_on    = [ipam_vpc.good, ipam_vpc.loose]
}
data "ipam_address_history" "none" {
  cidr          = "10.0.0.0/25"
  ipam_scope_id = ipam.main.private_default_scope_id
  depends_on    = [ipam_vpc.good, ipam_vpc.loose]
}
output "x" { value = data.aws_vpc_ipam_address_history.x.history_records }
output "none" { value = data.ipam_address_history.none.history_records }
"""
        out = self.told(text)
        self.assertEqual(out["none"], [])
        self.assertEqual(len(out["x"]), 1)
        record = out["x"][0]
        self.assertEqual((record["resource_id"], record["resource_compliance_status"],
                          record["resource_overlap_status"], record["sampled_end_time"]),
                         (self.tf.get("ipam_vpc.good")["id"], "compliant", "overlapping", None))

    def test_unknown_scope(self):
        result = self.refused(HEADER + 'data "ipam_resource_cidrs" "x" {\n'
                                 ' ipam_scope_id = "ipam-scope-0123456789abcdef0"\n}')
        self.assert_says(result, "InvalidIpamScopeId.NotFound")


class Vpcs(DataCase):
    BASE = estate() + vpc_at("a", "10.0.0.0/24", 'tags = { Name = "a", Env = "prod" }') + """
resource "ipam_vpc" "b" {
  cidr_block           = "192.168.0.0/24"
  enable_dns_hostnames = true
  tags                 = { Name = "b", Env = "prod" }
}
resource "ipam_vpc" "far" {
  cidr_block = "192.168.1.0/24"
  region     = "us-east-1"
}
"""
    AFTER = "depends_on = [ipam_vpc.a, ipam_vpc.b, ipam_vpc.far]"

    def test_one(self):
        found = self.both(self.BASE, "ipam_vpc", "aws_vpc", "id = ipam_vpc.b.id")
        made = self.tf.get("ipam_vpc.b")
        for name in ("arn", "cidr_block", "dhcp_options_id", "enable_dns_hostnames",
                     "enable_dns_support", "instance_tenancy", "main_route_table_id", "owner_id",
                     "ipv6_cidr_block", "ipv6_association_id", "tags"):
            self.assertEqual(found[name], made[name], name)
        self.assertEqual((found["default"], found["state"]), (False, "available"))
        self.assertEqual([a["cidr_block"] for a in found["cidr_block_associations"]],
                         ["192.168.0.0/24"])

    def test_found(self):
        text = self.BASE + f"""
data "aws_vpc" "cidr" {{
  cidr_block = "10.0.0.0/24"
  default    = false
  {self.AFTER}
}}
data "aws_vpc" "tags" {{
  tags = {{ Name = "b" }}
  {self.AFTER}
}}
data "aws_vpc" "filter" {{
  {self.AFTER}
  filter {{
    name   = "tag:Name"
    values = ["a"]
  }}
  filter {{
    name   = "isDefault"
    values = ["false"]
  }}
}}
data "aws_vpcs" "all" {{ {self.AFTER} }}
data "aws_vpcs" "far" {{
  region = "us-east-1"
  {self.AFTER}
}}
data "aws_vpcs" "prod" {{
  tags = {{ Env = "prod" }}
  {self.AFTER}
  filter {{
    name   = "cidr-block-association.cidr-block"
    values = ["192.*"]
  }}
}}
output "one" {{ value = [data.aws_vpc.cidr.id, data.aws_vpc.tags.id, data.aws_vpc.filter.id] }}
output "all" {{ value = data.aws_vpcs.all.ids }}
output "far" {{ value = data.aws_vpcs.far.ids }}
output "prod" {{ value = data.aws_vpcs.prod.ids }}
"""
        out = self.told(text)
        a, b, far = (self.tf.get(f"ipam_vpc.{n}")["id"] for n in ("a", "b", "far"))
        self.assertEqual(out["one"], [a, b, a])
        self.assertEqual(out["all"], sorted([a, b]))
        self.assertEqual((out["far"], out["prod"]), ([far], [b]))

    def test_no_default(self):
        result = self.refused(HEADER + 'data "aws_vpc" "x" { default = true }')
        self.assert_says(result, "no matching EC2 VPC found")


class Freshness(DataCase):
    def test_sees_updates_and_removals_of_the_same_run(self):
        base = NEW + """
data "ipam_pools" "x" { depends_on = [ipam_pool.main, ipam_pool.other] }
output "texts" { value = sort([for p in data.ipam_pools.x.ipam_pools : p.description]) }
output "tags" { value = [for p in data.ipam_pools.x.ipam_pools : lookup(p.tags, "Team", "-")] }
"""
        other = pool_hcl("10.1.0.0/16", name="other")
        out = self.told(base + other)
        self.assertEqual(out["texts"], ["main pool", "other pool"])
        changed = base.replace("[ipam_pool.main, ipam_pool.other]", "[ipam_pool.main]").replace(
            'Team = "network"', 'Team = "platform"').replace('"${name} pool"', '"x"')
        self.tf.up(changed)
        self.tf.apply("-refresh-only")
        out = self.outputs()
        self.assertEqual((out["texts"], out["tags"]), (["main pool"], ["platform"]))

    def test_sees_what_terraform_changed_outside(self):
        """A second process, started later, tells what is in the state then."""
        text = NEW + """
data "ipam" "x" { id = ipam.main.id }
output "text" { value = data.ipam.x.description }
"""
        self.assertEqual(self.told(text)["text"], "corporate")
        self.tf.up(text.replace('"corporate"', '"renamed"'))
        self.tf.apply()
        self.assertEqual(self.outputs()["text"], "renamed")


class Sharing(DataCase):
    """A member sees the pools that are shared with it, and nothing else."""

    BASE = (sharing_test.providers() + sharing_test.ESTATE +
            sharing_test.share(sharing_test.MEMBER) + sharing_test.vpc() + """
resource "ipam_pool" "secret" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.org.private_default_scope_id
  description    = "not shared"
}
""")

    def test_what_accounts_see(self):
        self.told(self.BASE)
        text = self.BASE
        for alias in ("", "member", "stranger"):
            name, whose = alias or "owner", f"provider = ipam.{alias}" if alias else ""
            text += f"""
data "ipam_pools" "{name}" {{
  {whose}
}}
data "ipam_ipams" "{name}" {{
  {whose}
}}
data "ipam_vpcs" "{name}" {{
  {whose}
}}
output "{name}" {{
  value = [sort(data.ipam_pools.{name}.ipam_pools[*].description),
           length(data.ipam_ipams.{name}.ipams), length(data.ipam_vpcs.{name}.ids)]
}}
"""
        text += """
data "ipam_pool_allocations" "owner" { ipam_pool_id = ipam_pool.prod.id }
data "ipam_pool_cidrs" "member" {
  provider     = ipam.member
  ipam_pool_id = ipam_pool.prod.id
}
data "aws_organizations_organization" "x" {}
output "owners" { value = data.ipam_pool_allocations.owner.ipam_pool_allocations[*].resource_owner }
output "cidrs" { value = data.ipam_pool_cidrs.member.ipam_pool_cidrs[*].cidr }
output "accounts" { value = data.aws_organizations_organization.x.accounts[*].id }
"""
        out = self.told(text)
        self.assertEqual(out["owner"], [["not shared", "shared pool"], 1, 0])
        self.assertEqual(out["member"], [["shared pool"], 0, 1])
        self.assertEqual(out["stranger"], [[], 0, 0])
        self.assertEqual((out["owners"], out["cidrs"]),
                         ([sharing_test.MEMBER], ["10.0.0.0/16"]))
        self.assertEqual(out["accounts"], sorted([sharing_test.MANAGEMENT, sharing_test.OWNER,
                                                  sharing_test.MEMBER, sharing_test.SANDBOX]))
        result = self.refused(self.BASE + """
data "ipam_pool_allocations" "x" {
  provider     = ipam.stranger
  ipam_pool_id = ipam_pool.prod.id
}
""")
        self.assert_says(result, "InvalidIpamPoolId.NotFound")


class Helpers(DataCase):
    def test_account_and_place(self):
        text = HEADER + """
data "aws_region" "here" {}
data "ipam_region" "there" { name = "us-gov-east-1" }
data "aws_region" "end" { endpoint = "ec2.us-east-2.amazonaws.com" }
data "aws_caller_identity" "me" {}
data "ipam_caller_identity" "me" {}
data "aws_partition" "p" {}
data "ipam_partition" "p" {}
output "here" { value = data.aws_region.here }
output "there" { value = data.ipam_region.there.region }
output "end" { value = data.aws_region.end.name }
output "me" { value = [data.aws_caller_identity.me, data.ipam_caller_identity.me] }
output "p" { value = [data.aws_partition.p, data.ipam_partition.p] }
"""
        out = self.told(text)
        self.assertEqual(out["here"], {"id": "eu-west-1", "region": "eu-west-1", "name": "eu-west-1",
                                       "endpoint": "ec2.eu-west-1.amazonaws.com",
                                       "description": "Europe (Ireland)"})
        self.assertEqual((out["there"], out["end"]), ("us-gov-east-1", "us-east-2"))
        self.assertEqual(out["me"], 2 * [{"id": "123456789012", "account_id": "123456789012",
                                          "user_id": "123456789012",
                                          "arn": "arn:aws:iam::123456789012:root"}])
        self.assertEqual(out["p"], 2 * [{"id": "aws", "partition": "aws",
                                         "dns_suffix": "amazonaws.com",
                                         "reverse_dns_prefix": "com.amazonaws"}])

    def test_zones(self):
        text = HEADER + """
data "aws_availability_zones" "all" { state = "available" }
data "ipam_availability_zones" "some" {
  exclude_names    = ["eu-west-1b"]
  exclude_zone_ids = ["euw1-az3"]
}
data "aws_availability_zones" "local" {
  all_availability_zones = true
  filter {
    name   = "zone-type"
    values = ["local-zone"]
  }
}
data "aws_availability_zones" "far" {
  region = "ap-northeast-1"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}
output "all" { value = data.aws_availability_zones.all }
output "some" { value = data.ipam_availability_zones.some.names }
output "local" { value = data.aws_availability_zones.local.names }
output "far" { value = data.aws_availability_zones.far.zone_ids }
"""
        out = self.told(text)
        zones = out["all"]
        self.assertEqual(zones["names"], ["eu-west-1a", "eu-west-1b", "eu-west-1c"])
        self.assertEqual(zones["zone_ids"], ["euw1-az1", "euw1-az2", "euw1-az3"])
        self.assertEqual((zones["id"], len(zones["group_names"])), ("eu-west-1", 1))
        self.assertEqual((out["some"], out["local"]), (["eu-west-1a"], []))
        self.assertEqual(out["far"], ["apne1-az1", "apne1-az2", "apne1-az3"])

    def test_organization(self):
        out = self.told(HEADER + """
data "aws_organizations_organization" "x" {}
data "ipam_organizations_organization" "x" { return_organization_only = true }
output "x" { value = data.aws_organizations_organization.x }
output "bare" { value = data.ipam_organizations_organization.x }
""")
        x = out["x"]
        self.assertRegex(x["id"], "^o-[a-z0-9]{10}$")
        self.assertEqual(x["arn"], f"arn:aws:organizations::123456789012:organization/{x['id']}")
        self.assertEqual([a["id"] for a in x["accounts"]], ["123456789012"])
        self.assertEqual((x["non_master_accounts"], x["master_account_id"]), ([], "123456789012"))
        self.assertEqual([r["name"] for r in x["roots"]], ["Root"])
        self.assertIsNone(out["bare"]["accounts"])

    def test_refusals(self):
        result = self.refused(HEADER + 'data "aws_region" "x" { endpoint = "example.com" }')
        self.assert_says(result, "no matching Region found", "example.com")
        result = self.refused(HEADER + 'data "aws_region" "x" { region = "Dublin" }')
        self.assert_says(result, "Dublin")


class Many(DataCase):
    def test_five_thousand_allocations(self):
        """Listing stays linear: a large pool is told within seconds."""
        self.tf.up(estate("10.0.0.0/8") + vpc_at("a", "10.255.0.0/24"))

        def multiply(state):
            pool = next(r for r in state["resources"] if r["type"] == "ipam_pool")
            attributes = pool["instances"][0]["attributes"]
            instances = []
            for i in range(5000):
                cidr = f"10.{i // 4096}.{i // 16 % 256}.{i % 16 * 16}/28"
                alloc = f"ipam-pool-alloc-0{i:032x}"
                instances.append({"index_key": i, "schema_version": 1, "attributes": {
                    "id": f"{alloc}_{attributes['id']}", "ipam_pool_id": attributes["id"],
                    "ipam_pool_allocation_id": alloc, "cidr": cidr, "netmask_length": 28,
                    "resource_owner": "123456789012", "resource_type": "custom", "resource_id": "",
                    "region": "eu-west-1", "tags_all": {}}})
            state["resources"].append({
                "mode": "managed", "type": "ipam_pool_cidr_allocation", "name": "many",
                "provider": 'provider["terraform.local/ipam/ipam"]', "each": "list",
                "instances": instances})
        self.tf.edit_state(multiply)
        self.tf.write(estate("10.0.0.0/8") + vpc_at("a", "10.255.0.0/24") + """
resource "ipam_pool_cidr_allocation" "many" {
  count          = 5000
  ipam_pool_id   = ipam_pool.main.id
  netmask_length = 28
}
data "ipam_pool_allocations" "x" { ipam_pool_id = ipam_pool.main.id }
output "count" { value = length(data.ipam_pool_allocations.x.ipam_pool_allocations) }
""")
        plan = self.tf.plan("-refresh=false", "-target=data.ipam_pool_allocations.x", "-target=output.count",
                            code=0)
        self.assert_says(plan, r"count\s*=\s*5001")
