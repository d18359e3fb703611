"""Networks that exist already: imports of what was seen, and pools that import by themselves."""

import json

from harness import HEADER, Case, pool_hcl, vpc

SEEN_A, SEEN_B, SEEN_C = (f"vpc-0{c * 16}" for c in "abc")
OWNER = "999999999999"

IPAM = """
resource "ipam" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
  operating_regions {
    region_name = "us-east-1"
  }
}
"""


def aws_vpc(vpc_id, cidr, region="eu-west-1", owner=OWNER, **tags):
    return {"id": vpc_id, "cidr_block": cidr, "owner_id": owner, "region": region,
            "arn": f"arn:aws:ec2:{region}:{owner}:vpc/{vpc_id}", "tags": tags, "tags_all": tags}


def write_world(tf, *vpcs, name="net.tfstate", subnets=(), associations=()):
    """A state that another provider wrote, with these VPCs."""
    provider = 'provider["registry.terraform.io/hashicorp/aws"]'
    resources = [{"mode": "managed", "type": kind, "name": f"r{n}", "provider": provider,
                  "instances": [{"schema_version": 1, "attributes": attributes}]}
                 for kind, items in (("aws_vpc", vpcs), ("aws_subnet", subnets),
                                     ("aws_vpc_ipv4_cidr_block_association", associations))
                 for n, attributes in enumerate(items)]
    tf.write(json.dumps({"version": 4, "terraform_version": "1.11.4", "serial": 1,
                         "lineage": "11111111-2222-3333-4444-555555555555", "outputs": {},
                         "resources": resources}, indent=2), name)


def world_estate(rules="", cidr="10.0.0.0/16"):
    """The estate of the tests, in a world that net.tfstate tells of."""
    return HEADER.replace('region = "eu-west-1"\n', 'region = "eu-west-1"\n'
                          f'  account_id = "{OWNER}"\n'
                          '  estate { path = "net.tfstate" }\n') + IPAM + pool_hcl(cidr, rules)


def adopted(name, cidr, extra="", pool="ipam_pool.main.id"):
    pool = f"ipv4_ipam_pool_id = {pool}" if pool else ""
    return f"""
resource "ipam_vpc" "{name}" {{
  {pool}
  cidr_block = "{cidr}"
  {extra}
}}
"""


class Import(Case):
    def begin(self, *vpcs, text=None, **kw):
        write_world(self.tf, *vpcs)
        self.tf.up(text or world_estate(**kw))

    def bring(self, name, vpc_id, code=0):
        return self.tf.terraform("import", "-no-color", f"ipam_vpc.{name}", vpc_id, code=code)

    def test_by_command(self):
        """Attributes are those that were seen; the plan is quiet; the pool knows the CIDR."""
        self.begin(aws_vpc(SEEN_A, "10.0.16.0/20", Name="old"))
        text = world_estate() + adopted("a", "10.0.16.0/20", 'tags = { Name = "old" }')
        self.tf.write(text)
        self.bring("a", SEEN_A)
        got = self.tf.get("ipam_vpc.a")
        self.assertEqual(got["cidr_block"], "10.0.16.0/20")
        self.assertEqual(got["owner_id"], OWNER)
        self.assertEqual(got["region"], "eu-west-1")
        self.assertEqual(got["tags"], {"Name": "old"})
        self.assertEqual(got["ipv4_ipam_pool_id"], self.tf.get("ipam_pool.main")["id"])
        self.tf.quiet()
        self.tf.up(text + vpc("n1") + vpc("n2"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.n1"][:5], "10.0.")
        self.assert_disjoint(self.tf.cidrs().values(), "10.0.0.0/16")
        self.tf.destroy()

    def test_netmask_is_no_replacement(self):
        self.begin(aws_vpc(SEEN_A, "10.0.16.0/20"))
        self.tf.write(world_estate() + vpc("a", 20))
        self.bring("a", SEEN_A)
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.16.0/20"})
        self.tf.quiet()

    def test_wrong_region(self):
        self.begin(aws_vpc(SEEN_A, "10.0.16.0/20"))
        self.tf.write(world_estate() + adopted("a", "10.0.16.0/20"))
        result = self.bring("a", f"{SEEN_A}@us-east-1", code=1)
        self.assert_says(result, "wrong Region", "eu-west-1", "aws_vpc.r0", f"{SEEN_A}@eu-west-1")

    def test_no_pool(self):
        """It is imported nevertheless, and joins as soon as there is a pool for it."""
        self.begin(aws_vpc(SEEN_A, "10.9.0.0/16"))
        self.tf.write(world_estate() + adopted("a", "10.9.0.0/16", pool=None))
        self.assert_says(self.bring("a", SEEN_A), "belongs to no IPAM pool", "10.9.0.0/16")
        self.tf.quiet()
        self.tf.up(world_estate() + pool_hcl("10.8.0.0/15", name="late")
                   + adopted("a", "10.9.0.0/16", pool=None))
        text = (world_estate() + pool_hcl("10.8.0.0/15", name="late")
                + adopted("a", "10.9.0.0/16", pool="ipam_pool.late.id"))
        self.tf.write(text)
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["update"]})
        self.tf.apply()
        self.tf.quiet()

    def test_deepest_pool_and_the_last_word(self):
        """The deepest pool that serves the Region takes it; the configuration may name another
        pool that contains it, and no other one."""
        below = """
resource "ipam_pool" "below" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  locale              = "eu-west-1"
  source_ipam_pool_id = ipam_pool.main.id
}
resource "ipam_pool_cidr" "below" {
  ipam_pool_id = ipam_pool.below.id
  cidr         = "10.0.0.0/18"
}
"""
        other = pool_hcl("10.4.0.0/16", name="other")
        base = world_estate() + below + other
        self.begin(aws_vpc(SEEN_A, "10.0.16.0/20"), aws_vpc(SEEN_B, "10.0.32.0/20"), text=base)
        pools = {name: self.tf.get(f"ipam_pool.{name}")["id"] for name in ("main", "below")}
        self.tf.write(base + adopted("a", "10.0.16.0/20", pool="ipam_pool.below.id"))
        self.bring("a", SEEN_A)
        self.assertEqual(self.tf.get("ipam_vpc.a")["ipv4_ipam_pool_id"], pools["below"])
        self.tf.quiet()
        self.tf.refused(base + adopted("a", "10.0.16.0/20", pool="ipam_pool.other.id"))
        result = self.tf.plan(code=1)
        self.assert_says(result, "InvalidParameterValue", "10.0.16.0/20", "other pool")
        self.tf.write(base + adopted("a", "10.0.16.0/20", pool="ipam_pool.main.id"))
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_vpc.a")["ipv4_ipam_pool_id"], pools["main"])
        # It stands in a pool that has given that space to another one: kept, and said.
        self.assert_says(self.tf.plan(), "overlaps another allocation", "10.0.16.0/20")

    def test_overlap_is_recorded(self):
        self.begin(aws_vpc(SEEN_A, "10.0.0.0/20"), text=world_estate().replace(
            'estate { path = "net.tfstate" }', "") + vpc("mine"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.mine"], "10.0.0.0/20")
        text = world_estate() + vpc("mine") + adopted("a", "10.0.0.0/20")
        self.tf.write(text)
        result = self.bring("a", SEEN_A)
        self.assert_says(result, f"VPC {SEEN_A} overlaps another allocation", "10.0.0.0/20")
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, f"VPC {SEEN_A} overlaps another allocation")
        self.tf.up(text + vpc("next"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.next"], "10.0.16.0/20")

    def test_import_blocks_over_a_data_source(self):
        """Everything that is seen, in one apply; the second one does nothing."""
        self.begin(aws_vpc(SEEN_A, "10.0.16.0/20", Name="a"), aws_vpc(SEEN_B, "10.0.64.0/18", Name="b"))
        text = world_estate() + """
data "ipam_resource_cidrs" "seen" {
  ipam_scope_id = ipam.main.private_default_scope_id
  resource_type = "vpc"
}
locals {
  seen = { for r in data.ipam_resource_cidrs.seen.ipam_resource_cidrs : r.resource_id => r }
}
import {
  for_each = local.seen
  to       = ipam_vpc.seen[each.key]
  id       = each.key
}
resource "ipam_vpc" "seen" {
  for_each          = local.seen
  ipv4_ipam_pool_id = ipam_pool.main.id
  cidr_block        = each.value.resource_cidr
  tags              = each.value.resource_tags
}
"""
        self.tf.write(text)
        result = self.tf.apply()
        self.assert_says(result, "2 imported, 0 added, 0 changed, 0 destroyed")
        self.assertEqual(sorted(self.tf.cidrs().values()), ["10.0.16.0/20", "10.0.64.0/18"])
        self.tf.quiet()

    def test_generated_configuration(self):
        self.begin(aws_vpc(SEEN_A, "10.0.16.0/20", Name="a", team="x"))
        text = world_estate() + f"""
import {{
  to = ipam_vpc.a
  id = "{SEEN_A}"
}}
"""
        self.tf.write(text)
        self.tf.plan("-generate-config-out=made.tf")
        result = self.tf.apply()
        self.assert_says(result, "1 imported, 0 added, 0 changed, 0 destroyed")
        self.tf.quiet()

    def test_from_backup_with_a_lost_pool(self):
        """A VPC that the backups remember with a pool that is gone belongs to the one that contains
        it now."""
        write_world(self.tf)
        self.tf.up(world_estate() + vpc("a"))
        was = self.tf.get("ipam_vpc.a")
        self.tf.terraform("state", "rm", "ipam_vpc.a", "ipam_pool.main", "ipam_pool_cidr.main")
        self.tf.up(world_estate())
        now = self.tf.get("ipam_pool.main")["id"]
        self.assertNotEqual(was["ipv4_ipam_pool_id"], now)
        self.tf.write(world_estate() + vpc("a"))
        self.bring("a", was["id"])
        got = self.tf.get("ipam_vpc.a")
        self.assertEqual((got["cidr_block"], got["ipv4_ipam_pool_id"]), (was["cidr_block"], now))
        self.assertEqual(self.tf.changes(), {})

    def test_subnet(self):
        subnet = {"id": "subnet-0aaaaaaaaaaaaaaaa", "vpc_id": SEEN_A, "cidr_block": "10.0.16.0/24",
                  "owner_id": OWNER, "region": "eu-west-1", "tags": {}, "tags_all": {},
                  "availability_zone": "eu-west-1b",
                  "arn": "arn:aws:ec2:eu-west-1:999999999999:subnet/subnet-0aaaaaaaaaaaaaaaa"}
        write_world(self.tf, aws_vpc(SEEN_A, "10.0.16.0/20"), subnets=[subnet])
        self.tf.up(world_estate())
        text = world_estate() + adopted("a", "10.0.16.0/20") + """
resource "ipam_subnet" "s" {
  vpc_id            = ipam_vpc.a.id
  cidr_block        = "10.0.16.0/24"
  availability_zone = "eu-west-1b"
}
"""
        self.tf.write(text)
        self.bring("a", SEEN_A)
        self.tf.terraform("import", "-no-color", "ipam_subnet.s", subnet["id"])
        got = self.tf.get("ipam_subnet.s")
        self.assertEqual((got["vpc_id"], got["cidr_block"], got["availability_zone"]),
                         (SEEN_A, "10.0.16.0/24", "eu-west-1b"))
        self.tf.quiet()


    def test_further_cidr(self):
        """A CIDR that was associated with a VPC is imported by VPC and CIDR."""
        association = {"id": "vpc-cidr-assoc-0aaaaaaaaaaaaaaaa", "vpc_id": SEEN_A,
                       "cidr_block": "10.0.64.0/20"}
        write_world(self.tf, aws_vpc(SEEN_A, "10.0.128.0/20"), associations=[association])
        self.tf.up(world_estate())
        self.tf.write(world_estate() + adopted("a", "10.0.128.0/20") + """
resource "ipam_vpc_ipv4_cidr_block_association" "more" {
  vpc_id            = ipam_vpc.a.id
  ipv4_ipam_pool_id = ipam_pool.main.id
  cidr_block        = "10.0.64.0/20"
}
""")
        self.bring("a", SEEN_A)
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.128.0/20"})
        address = "ipam_vpc_ipv4_cidr_block_association.more"
        result = self.tf.terraform("import", "-no-color", address, f"{SEEN_A}_10.0.96.0/20", code=1)
        self.assert_says(result, "not seen", SEEN_A, "10.0.96.0/20")
        self.tf.terraform("import", "-no-color", address, f"{SEEN_A}_10.0.64.0/20")
        self.tf.quiet()


class AutoImport(Case):
    RULES = "auto_import = true"

    def begin(self, *vpcs, rules=RULES):
        write_world(self.tf, *vpcs)
        self.tf.up(world_estate(rules))

    def allocations(self, extra=""):
        text = world_estate(self.RULES) + extra + """
data "ipam_pool_allocations" "all" {
  ipam_pool_id = ipam_pool.main.id
}
output "all" {
  value = data.ipam_pool_allocations.all.ipam_pool_allocations
}
"""
        self.tf.up(text)
        return json.loads(self.tf.terraform("output", "-json", "all").stdout)

    def test_networks_become_allocations(self):
        self.begin(aws_vpc(SEEN_A, "10.0.0.0/20", Name="a"),
                   aws_vpc(SEEN_B, "10.0.32.0/20", region="us-east-1"),
                   aws_vpc(SEEN_C, "10.9.0.0/16"))
        found = self.allocations()
        self.assertEqual([(a["cidr"], a["resource_type"], a["resource_id"], a["resource_owner"])
                          for a in found], [("10.0.0.0/20", "vpc", SEEN_A, OWNER)])
        again = self.allocations()
        self.assertEqual(found, again)

    def test_space_is_taken(self):
        self.begin(aws_vpc(SEEN_A, "10.0.0.0/20"))
        self.tf.up(world_estate(self.RULES) + vpc("next"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.next"], "10.0.16.0/20")
        self.assertEqual(len(self.allocations(vpc("next"))), 2)
        result = self.tf.refused(world_estate(self.RULES) + vpc("next")
                                 + adopted("clash", "10.0.0.0/24"))
        self.assert_says(result, "10.0.0.0/24", SEEN_A)

    def test_of_overlapping_ones_the_largest(self):
        """... of equal ones the first, and none that covers what is allocated."""
        write_world(self.tf)
        self.tf.up(world_estate(self.RULES) + adopted("mine", "10.0.128.0/24"))
        write_world(self.tf, aws_vpc(SEEN_A, "10.0.16.0/24"), aws_vpc(SEEN_B, "10.0.16.0/20"),
                    aws_vpc(SEEN_C, "10.0.16.0/20"),
                    aws_vpc("vpc-0dddddddddddddddd", "10.0.128.0/20"))
        found = self.allocations(adopted("mine", "10.0.128.0/24"))
        self.assertEqual([(a["cidr"], a["resource_id"]) for a in found][0],
                         ("10.0.16.0/20", SEEN_B))
        self.assertEqual(len(found), 2)

    def test_rules_do_not_matter(self):
        """It is imported and noncompliant, as in AWS."""
        self.begin(aws_vpc(SEEN_A, "10.0.0.0/20"),
                   rules=self.RULES + "\n  allocation_min_netmask_length = 24")
        text = world_estate(self.RULES + "\n  allocation_min_netmask_length = 24") + """
data "ipam_resource_cidrs" "all" {
  ipam_scope_id = ipam.main.private_default_scope_id
}
output "all" {
  value = [for r in data.ipam_resource_cidrs.all.ipam_resource_cidrs :
           "${r.resource_id} ${r.management_state} ${r.compliance_status}"]
}
"""
        self.tf.up(text)
        self.assertEqual(json.loads(self.tf.terraform("output", "-json", "all").stdout),
                         [f"{SEEN_A} managed noncompliant"])

    def test_import_of_an_auto_imported_one(self):
        """The resource takes over the allocation, in the pool or in another one."""
        self.begin(aws_vpc(SEEN_A, "10.0.0.0/20"))
        self.tf.write(world_estate(self.RULES) + adopted("a", "10.0.0.0/20"))
        self.tf.terraform("import", "-no-color", "ipam_vpc.a", SEEN_A)
        self.tf.quiet()
        self.assertEqual(len(self.allocations(adopted("a", "10.0.0.0/20"))), 1)

    def test_switched_off(self):
        """Without auto_import the pool forgets it; the pool can go."""
        self.begin(aws_vpc(SEEN_A, "10.0.0.0/20"))
        self.assert_says(self.tf.destroy(code=1), SEEN_A)
        self.tf.up(world_estate("auto_import = false"))
        self.tf.destroy()
