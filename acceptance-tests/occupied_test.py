"""What exists keeps its space: networks that were seen, and orphans of a hierarchy."""

import json
import unittest

from harness import HEADER, Case, estate, pool_hcl, vpc, vpc_at

SEEN = """version: 1
account: "210987654321"
region: eu-west-1
networks:
  - id: vpc-0old
    name: billing
    cidr: 10.0.0.0/20
    subnets:
      - id: subnet-0old
        cidr: 10.0.1.0/24
  - id: vpc-0other
    region: westeurope
    cloud: azure
    cidr: 10.0.32.0/20
prefixes:
  - cidr: 10.0.64.0/24
    name: printers
"""


def seeing(text, files='"seen.yaml"'):
    return text.replace('region = "eu-west-1"\n', f'region    = "eu-west-1"\n  inventory = [{files}]\n', 1)


class Occupied(Case):
    def begin(self, seen=SEEN):
        self.tf.write(seen, "seen.yaml")

    def test_next_free_passes_over_what_was_seen(self):
        self.begin()
        text = seeing(estate() + vpc("a") + vpc("b"))
        self.tf.up(text)
        self.assertEqual(sorted(self.tf.cidrs().values()), ["10.0.16.0/20", "10.0.48.0/20"])
        self.tf.up(text + vpc("c", 24))
        self.assert_disjoint([*self.tf.cidrs().values(),
                              "10.0.0.0/20", "10.0.32.0/20", "10.0.64.0/24"])
        self.tf.quiet()

    def test_an_explicit_cidr_is_refused_at_plan_and_says_whose_it_is(self):
        self.begin()
        self.tf.up(seeing(estate()))
        said = self.tf.refused(seeing(estate() + vpc_at("a", "10.0.0.0/18")))
        self.assert_says(said, r"InvalidParameterValue", r"10\.0\.0\.0/18 overlaps 10\.0\.0\.0/20",
                         r"vpc vpc-0old of account 210987654321", r"seen\.yaml:\d+",
                         "import it", "respect_discovered = false", "correct what was seen")
        said = self.tf.refused(seeing(estate() + vpc_at("a", "10.0.64.0/26")))
        self.assert_says(said, 'prefix "printers"')
        self.tf.up(seeing(estate("10.0.0.0/20")))
        said = self.tf.refused(seeing(estate("10.0.0.0/20") + vpc("a", 24)))
        self.assert_says(said, "largest free block is none", "0 of 4096 addresses free",
                         "4096 addresses of discovered networks")

    def test_a_pool_can_be_told_to_ignore_it(self):
        self.begin()
        text = seeing(estate(rules="respect_discovered = false") + vpc("a"))
        self.tf.up(text)
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.assertEqual(self.tf.changes(), {})
        respecting = text.replace("respect_discovered = false", "")
        self.tf.write(respecting)
        self.assertEqual(self.tf.changes(), {"ipam_pool.main": ["update"]})
        self.tf.apply()
        self.tf.up(respecting + vpc("b"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.16.0/20")
        self.import_round_trip("ipam_pool.main", self.tf.get("ipam_pool.main")["id"])

    def test_pools_are_put_on_top(self):
        self.begin()
        child = """
resource "ipam_pool" "%s" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.main.id
  locale              = "eu-west-1"
}
resource "ipam_pool_cidr" "%s" {
  ipam_pool_id = ipam_pool.%s.id
  %s
}
"""
        text = seeing(estate() + child % (3 * ("named",) + ('cidr = "10.0.0.0/18"',))
                      + child % (3 * ("sized",) + ("netmask_length = 17",))
                      + vpc("a", 20, pool="named"))
        self.tf.up(text)
        got = self.tf.resources()
        self.assertEqual(got["ipam_pool_cidr.sized"]["cidr"], "10.0.128.0/17")
        self.assertEqual(got["ipam_vpc.a"]["cidr_block"], "10.0.16.0/20")
        self.tf.quiet()

    def test_what_vanishes_is_free_again(self):
        self.begin()
        self.tf.up(seeing(estate() + vpc("a")))
        self.begin("version: 1\nnetworks: []\n")
        self.tf.up(seeing(estate() + vpc("a") + vpc("b")))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.0.0/20")

    def test_an_allocation_set_passes_over_it_and_keeps_what_it_has(self):
        text = seeing(estate() + """
resource "ipam_allocation_set" "all" {
  ipam_pool_id = ipam_pool.main.id
  requests = {
    a = { netmask_length = 20 }
    b = { netmask_length = 20 }
  }
  depends_on = [ipam_pool_cidr.main]
}
""")
        self.begin("version: 1\nnetworks: []\n")
        self.tf.up(text)
        before = self.tf.get("ipam_allocation_set.all")["allocations"]
        self.begin()  # somebody is seen where the set's blocks are
        self.tf.quiet()
        self.tf.up(text.replace("b = {", "c = { netmask_length = 20 }\n    b = {"))
        after = self.tf.get("ipam_allocation_set.all")["allocations"]
        self.assertEqual({k: after[k]["cidr"] for k in "ab"}, {k: before[k]["cidr"] for k in "ab"})
        self.assertEqual(after["c"]["cidr"], "10.0.48.0/20")

    def test_the_own_vpc_in_the_inventory_is_no_obstacle(self):
        self.tf.up(estate() + vpc_at("a", "10.0.0.0/20"))
        own = self.tf.get("ipam_vpc.a")["id"]
        self.begin(SEEN.replace("vpc-0old", own))
        self.tf.up(seeing(estate() + vpc_at("a", "10.0.0.0/20")), "-replace=ipam_vpc.a")
        self.assertNotEqual(self.tf.get("ipam_vpc.a")["id"], own)
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})

    def test_an_import_takes_its_own_cidr(self):
        self.begin(SEEN.replace("vpc-0old", "vpc-0123456789abcdef0"))
        text = seeing(estate() + vpc_at("old", "10.0.0.0/20"))
        self.tf.up(seeing(estate()))
        self.tf.write(text)
        self.tf.terraform("import", "-no-color", "ipam_vpc.old", "vpc-0123456789abcdef0")
        self.tf.apply()
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.old": "10.0.0.0/20"})
        self.tf.up(text + vpc("new"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.new"], "10.0.16.0/20")

    def test_a_preview_passes_over_it(self):
        self.begin()
        self.tf.up(seeing(estate() + """
data "ipam_preview_next_cidr" "next" {
  ipam_pool_id   = ipam_pool_cidr.main.ipam_pool_id
  netmask_length = 20
}
output "next" { value = data.ipam_preview_next_cidr.next.cidr }
"""))
        self.assertEqual(json.loads(self.tf.terraform("output", "-json").stdout)["next"]["value"],
                         "10.0.16.0/20")

    def test_a_state_of_another_provider_is_seen(self):
        self.tf.up(estate())
        state = json.loads(self.tf.state_file().read_text())
        state["resources"].append({
            "mode": "managed", "type": "aws_vpc", "name": "theirs",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [{"schema_version": 1, "attributes": {
                "id": "vpc-0theirs", "cidr_block": "10.0.0.0/18",
                "arn": "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-0theirs"}}]})
        other = self.base / "other.tfstate"
        other.write_text(json.dumps(state | {"lineage": "another", "resources": state["resources"][-1:]}))
        text = estate() + vpc_at("a", "10.0.16.0/20")
        text = text.replace('region = "eu-west-1"\n', f'region = "eu-west-1"\n  estate {{\n    path = "{other}"\n  }}\n', 1)
        said = self.tf.refused(text)
        self.assert_says(said, "vpc vpc-0theirs of account 210987654321", r"aws_vpc\.theirs")


def plain(name, cidr, extra=""):
    return f"""
resource "ipam_vpc" "{name}" {{
  cidr_block = "{cidr}"
  {extra}
}}
"""


class Scopes(Case):
    """Inventories that name the scope that a network is in."""

    SCOPE = """
resource "ipam_scope" "lab" {
  ipam_id = ipam.main.id
}
resource "ipam_pool" "lab" {
  address_family = "ipv4"
  ipam_scope_id  = ipam_scope.lab.id
  locale         = "eu-west-1"
  %s
}
resource "ipam_pool_cidr" "lab" {
  ipam_pool_id = ipam_pool.lab.id
  cidr         = "10.0.0.0/16"
}
"""

    def test_a_named_scope_keeps_it_and_others_do_not(self):
        text = estate() + self.SCOPE % ""
        self.tf.up(text)
        scope = self.tf.get("ipam_scope.lab")["id"]
        self.tf.write(f"""version: 1
region: eu-west-1
networks:
  - id: vpc-0lab
    scope: {scope}
    cidr: 10.0.0.0/20
prefixes:
  - cidr: 10.0.16.0/20
    scope: ipam-scope-0123456789abcdef0
""", "seen.yaml")
        self.tf.write(seeing(text))
        self.assert_says(self.tf.plan(), "names an IPAM scope that is not known",
                         r"seen\.yaml:8:\d+ names ipam-scope-0123456789abcdef0")
        self.tf.up(seeing(text + vpc("a") + vpc("b") + vpc("l", pool="lab")))
        cidrs = self.tf.cidrs()
        self.assertEqual(sorted(cidrs[f"ipam_vpc.{n}"] for n in "ab"),
                         ["10.0.0.0/20", "10.0.32.0/20"])
        self.assertEqual(cidrs["ipam_vpc.l"], "10.0.16.0/20")

    def test_a_pool_takes_what_is_in_its_scope(self):
        text = estate(rules="auto_import = true") + self.SCOPE % "auto_import = true" + """
data "ipam_pool_allocations" "lab" {
  ipam_pool_id = ipam_pool_cidr.lab.ipam_pool_id
}
data "ipam_pool_allocations" "main" {
  ipam_pool_id = ipam_pool_cidr.main.ipam_pool_id
}
output "lab" { value = length(data.ipam_pool_allocations.lab.ipam_pool_allocations) }
output "main" { value = length(data.ipam_pool_allocations.main.ipam_pool_allocations) }
"""
        self.tf.up(text)
        scope = self.tf.get("ipam_scope.lab")["id"]
        self.tf.write(f"version: 1\nregion: eu-west-1\nscope: {scope}\n"
                      "networks:\n  - id: vpc-0lab\n    cidr: 10.0.0.0/20\n", "seen.yaml")
        self.tf.up(seeing(text))
        outputs = json.loads(self.tf.terraform("output", "-json").stdout)
        self.assertEqual((outputs["lab"]["value"], outputs["main"]["value"]), (1, 0))


class Plain(Case):
    """VPCs of the own resources that name a CIDR and no pool."""

    def test_a_vpc_without_a_pool_keeps_its_space(self):
        self.tf.up(estate() + plain("old", "10.0.0.0/20"))
        text = estate() + plain("old", "10.0.0.0/20") + vpc("new")
        self.tf.up(text)
        self.assertEqual(self.tf.cidrs()["ipam_vpc.new"], "10.0.16.0/20")
        self.tf.quiet()
        said = self.tf.refused(text + vpc_at("onto", "10.0.0.0/21"))
        self.assert_says(said, r"10\.0\.0\.0/21 overlaps 10\.0\.0\.0/20", r"vpc vpc-[0-9a-f]+ of account",
                         r"as \S*terraform\.tfstate tells", "give it the pool",
                         "respect_discovered = false")

    def test_a_pool_can_be_told_to_ignore_it(self):
        self.tf.up(estate(rules="respect_discovered = false") + plain("old", "10.0.0.0/20"))
        self.tf.up(estate(rules="respect_discovered = false") + plain("old", "10.0.0.0/20") + vpc("new"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.new"], "10.0.0.0/20")

    def test_it_joins_the_pool_with_its_own_cidr_and_leaves_again(self):
        self.tf.up(estate() + plain("a", "10.0.0.0/20"))
        before = self.tf.get("ipam_vpc.a")["id"]
        self.tf.up(estate() + vpc_at("a", "10.0.0.0/20"))
        self.assertEqual(self.tf.get("ipam_vpc.a")["id"], before)
        self.tf.up(estate() + vpc("b"))  # destroyed and its CIDR drawn in one run, or the next block
        self.tf.up(estate() + vpc("b") + vpc("c"))
        self.assertEqual(sorted(self.tf.cidrs().values()), ["10.0.0.0/20", "10.0.16.0/20"])

    def test_what_leaves_in_a_plan_is_free_in_it(self):
        self.tf.up(estate("10.0.0.0/20") + plain("a", "10.0.0.0/20"))
        self.tf.up(estate("10.0.0.0/20") + vpc_at("b", "10.0.0.0/20"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.b": "10.0.0.0/20"})

    def test_next_free_picks_of_one_run_keep_off_it(self):
        text = estate() + "".join(vpc(f"v{i}") for i in range(6)) + plain("old", "10.0.32.0/20")
        self.tf.up(text)
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.quiet()

    def test_a_draw_keeps_off_one_that_the_run_makes_later(self):
        text = (estate() + vpc("first") + plain("later", "10.0.0.0/20", "depends_on = [ipam_vpc.first]"))
        self.tf.up(text)
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.first": "10.0.16.0/20",
                                           "ipam_vpc.later": "10.0.0.0/20"})
        self.tf.quiet()

    def test_a_tainted_one_gives_its_space_back(self):
        self.tf.up(estate("10.0.0.0/20") + plain("old", "10.0.0.0/20"))
        self.tf.terraform("taint", "ipam_vpc.old")
        self.tf.up(estate("10.0.0.0/20") + vpc("new").replace(
            "ipv4_netmask_length = 20", 'cidr_block = "10.0.0.0/20"'))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.new": "10.0.0.0/20"})

    def test_an_explicit_one_on_an_allocation_is_created_and_warned_of(self):
        self.tf.up(estate() + vpc_at("a", "10.0.0.0/20"))
        done = self.tf.up(estate() + vpc_at("a", "10.0.0.0/20") + plain("on", "10.0.0.0/18"))
        self.assert_says(done, "overlaps an allocation", r"10\.0\.0\.0/18 overlaps 10\.0\.0\.0/20",
                         "as in AWS")
        self.tf.quiet()

    def test_further_cidrs_and_reservations_around(self):
        text = estate() + plain("a", "10.0.0.0/20") + """
resource "ipam_vpc_ipv4_cidr_block_association" "more" {
  vpc_id     = ipam_vpc.a.id
  cidr_block = "10.0.16.0/20"
}
"""
        kept = """
resource "ipam_pool_cidr_allocation" "kept" {
  ipam_pool_id = ipam_pool.main.id
  cidr         = ipam_vpc.a.cidr_block
  depends_on   = [ipam_pool_cidr.main]
}
"""
        self.tf.up(text)
        self.tf.up(text + kept + vpc("b"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.32.0/20")
        self.tf.quiet()
        self.tf.up(estate() + plain("a", "10.0.0.0/20") + vpc("b") + vpc("c"))
        self.assertIn(self.tf.cidrs()["ipam_vpc.c"], ("10.0.16.0/20", "10.0.48.0/20"))

    def test_the_plan_of_the_inside_is_not_in_the_way(self):
        inside = """
resource "ipam_pool" "inside" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  locale              = "eu-west-1"
  source_ipam_pool_id = ipam_pool.main.id
  source_resource {
    resource_id     = ipam_vpc.a.id
    resource_owner  = ipam_vpc.a.owner_id
    resource_region = "eu-west-1"
    resource_type   = "vpc"
  }
}
resource "ipam_pool_cidr" "inside" {
  ipam_pool_id = ipam_pool.inside.id
  cidr         = ipam_vpc.a.cidr_block
}
resource "ipam_subnet" "s" {
  vpc_id              = ipam_vpc.a.id
  ipv4_ipam_pool_id   = ipam_pool_cidr.inside.ipam_pool_id
  ipv4_netmask_length = 24
}
"""
        text = estate() + vpc_at("a", "10.0.0.0/20") + plain("b", "10.0.16.0/20")
        self.tf.up(text)
        self.tf.up(text + inside)
        self.assertEqual(self.tf.get("ipam_subnet.s")["cidr_block"], "10.0.0.0/24")
        self.tf.quiet()

    def test_one_of_another_state_counts(self):
        other = self.folder("other")
        other.up(HEADER + plain("theirs", "10.0.0.0/20"))
        text = estate().replace(
            'region = "eu-west-1"\n',
            f'region = "eu-west-1"\n  estate {{\n    path = "{other.state_file()}"\n  }}\n', 1)
        self.tf.up(text + vpc("a"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.a"], "10.0.16.0/20")
        self.assert_says(self.tf.refused(text + vpc("a") + vpc_at("b", "10.0.0.0/20")),
                         r"other/terraform\.tfstate tells")

    def test_a_pool_with_auto_import_takes_it(self):
        text = estate(rules="auto_import = true") + plain("a", "10.0.0.0/20") + """
data "ipam_pool_allocations" "all" {
  ipam_pool_id = ipam_pool.main.id
  depends_on   = [ipam_pool_cidr.main]
}
output "all" { value = [for a in data.ipam_pool_allocations.all.ipam_pool_allocations : a.cidr] }
"""
        self.tf.up(text)
        self.tf.up(text)
        self.assertEqual(json.loads(self.tf.terraform("output", "-json").stdout)["all"]["value"],
                         ["10.0.0.0/20"])
        self.tf.up(text + vpc("b"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.16.0/20")
        self.tf.destroy()


class Orphans(Case):
    CHILD = """
resource "ipam_pool" "low" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.main.id
  locale              = "eu-west-1"
}
resource "ipam_pool_cidr" "low" {
  ipam_pool_id = ipam_pool.low.id
  cidr         = "10.0.0.0/18"
}
"""

    def lose(self, *addresses):
        self.tf.terraform("state", "rm", *addresses)

    def test_the_cidr_of_a_lost_pool_cidr_is_not_issued_and_can_come_back(self):
        text = estate() + self.CHILD + vpc_at("a", "10.0.0.0/20", pool="low")
        self.tf.up(text)
        self.lose("ipam_pool_cidr.low")
        kept = text.replace(self.CHILD[self.CHILD.index('resource "ipam_pool_cidr"'):], "")
        self.tf.write(kept)
        said = self.tf.refused(kept + vpc_at("b", "10.0.0.0/20"))
        self.assert_says(said, r"10\.0\.0\.0/20 overlaps 10\.0\.0\.0/20", "vpc vpc-",
                         r"is in none of its CIDRs \(no CIDR\)", "provision a CIDR that contains it",
                         "or release")
        self.tf.up(kept + vpc("c"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.c"], "10.0.16.0/20")
        self.tf.up(kept)
        self.tf.up(text)  # the pool gets its CIDR again, under the VPC that is there
        self.tf.quiet()
        self.tf.up(text + vpc("d", pool="low"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.d"], "10.0.16.0/20")

    def test_the_cidr_of_a_lost_pool_is_not_issued(self):
        text = estate() + self.CHILD + vpc_at("a", "10.0.0.0/20", pool="low")
        self.tf.up(text)
        low = self.tf.get("ipam_pool.low")["id"]
        self.lose("ipam_pool.low", "ipam_pool_cidr.low")
        kept = estate() + vpc_at("a", "10.0.0.0/20").replace("ipam_pool.main.id", f'"{low}"')
        said = self.tf.refused(kept + vpc_at("b", "10.0.0.0/20"))
        self.assert_says(said, f"restore the state of {low}, or import it")


if __name__ == "__main__":
    unittest.main()
