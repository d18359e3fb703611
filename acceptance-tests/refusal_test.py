"""Every refusal: at plan when it is known at plan, at apply otherwise, in the same words, and
nothing is left behind."""

import re

from harness import Case, estate, vpc, vpc_at

RULES = """allocation_min_netmask_length = 18
  allocation_max_netmask_length = 24
  allocation_resource_tags      = { Environment = "prod" }"""
PROD = 'tags = { Environment = "prod" }'


AFTER = "depends_on = [ipam_vpc.x]"  # so that it is the later of two that want the same space


def reservation(arguments):
    return f"""
resource "ipam_pool_cidr_allocation" "r" {{
  ipam_pool_id = ipam_pool.main.id
  {arguments}
}}
"""


class Refusals(Case):
    def both(self, base, request, *words, address="ipam_vpc.a"):
        """Refused at plan when the pool exists, at apply when all is new, for the same reason."""
        self.tf.up(base)
        planned = self.tf.refused(base + request)
        self.assert_says(planned, *words)
        other = self.folder("fresh")
        applied = other.refused(base + request, when="apply")
        self.assert_says(applied, *words)
        for result in planned, applied:
            self.assertEqual(len(result.errors()), 1, result)
        self.assertNotIn(address, other.resources())
        self.assertEqual(self.summary(planned), self.summary(applied))
        # Nothing half-done: without the request the estate is quiet, and the address is free.
        other.write(base)
        other.apply()
        other.quiet()
        self.tf.write(base)
        self.tf.quiet()
        return planned

    def summary(self, result):
        return re.sub(r"[0-9a-f]{17,33}", "ID", re.match(r"Error: (.*?)(?: with ipam|$)",
                                                       result.errors()[0]).group(1))

    def test_tag_missing(self):
        self.both(estate(rules=RULES), vpc("a"), "Environment", "prod", "main pool", "ipam-pool-")

    def test_tag_has_another_value(self):
        self.both(estate(rules=RULES), vpc("a", extra='tags = { Environment = "test" }'),
                  "Environment", "prod", "test")

    def test_too_large(self):
        self.both(estate(rules=RULES), vpc("a", 17, PROD), "/17", "18")

    def test_too_small(self):
        self.both(estate(rules=RULES), vpc("a", 25, PROD), "/25", "24")

    def test_explicit_cidr_out_of_bounds(self):
        self.both(estate(rules=RULES), vpc_at("a", "10.0.0.0/25", PROD), "/25", "24")

    def test_locale(self):
        self.both(estate(), vpc("a", extra='region = "us-east-1"'), "us-east-1", "eu-west-1")

    def test_pool_without_locale(self):
        text = estate().replace('  locale         = "eu-west-1"\n', "")
        self.both(text, vpc("a"), "locale", "eu-west-1")

    def test_no_size(self):
        request = vpc("a").replace("ipv4_netmask_length = 20", "")
        self.both(estate(), request, "InvalidParameterCombination", "netmask")

    def test_outside_the_pool(self):
        self.both(estate(), vpc_at("a", "10.1.0.0/20"), r"10\.1\.0\.0/20", r"10\.0\.0\.0/16")
    test_outside_the_pool.slow = True

    def test_larger_than_the_pool(self):
        self.both(estate("10.0.0.0/20"), vpc("a", 18), "/18", "/20")
    test_larger_than_the_pool.slow = True

    def test_pool_is_full(self):
        base = estate("10.0.0.0/19") + vpc("x", 19)
        self.both(base, vpc("a", extra=AFTER), "/20", "too big", "InvalidParameterValue")
    test_pool_is_full.slow = True

    def test_taken(self):
        base = estate() + vpc_at("x", "10.0.16.0/20")
        self.both(base, vpc_at("a", "10.0.16.0/21", AFTER), r"10\.0\.16\.0/21", r"10\.0\.16\.0/20", "vpc-")
    test_taken.slow = True

    def test_reservation_is_taken(self):
        base = estate() + vpc_at("x", "10.0.16.0/20")
        self.both(base, reservation(f'cidr = "10.0.0.0/17"\n  {AFTER}'), r"10\.0\.0\.0/17",
                  r"10\.0\.16\.0/20", address="ipam_pool_cidr_allocation.r")
    test_reservation_is_taken.slow = True

    def child(self, cidr):
        return f"""
resource "ipam_pool" "child" {{
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  locale              = "eu-west-1"
  source_ipam_pool_id = ipam_pool.main.id
}}
resource "ipam_pool_cidr" "child" {{
  ipam_pool_id = ipam_pool.child.id
  {cidr}
}}
"""

    def test_child_cidr_is_taken(self):
        base = estate() + vpc_at("x", "10.0.16.0/20") + self.child("#").split('resource "ipam_pool_cidr"')[0]
        cidr = 'resource "ipam_pool_cidr" "child"' + self.child(f'cidr = "10.0.0.0/19"\n  {AFTER}').split('resource "ipam_pool_cidr" "child"')[1]
        self.both(base, cidr, r"10\.0\.0\.0/19", r"10\.0\.16\.0/20", address="ipam_pool_cidr.child")
    test_child_cidr_is_taken.slow = True

    def test_child_cidr_does_not_fit(self):
        base = estate() + self.child("#").split('resource "ipam_pool_cidr"')[0]
        cidr = 'resource "ipam_pool_cidr" "child"' + self.child("netmask_length = 12").split('resource "ipam_pool_cidr" "child"')[1]
        self.both(base, cidr, "/12", "/16", address="ipam_pool_cidr.child")
    test_child_cidr_does_not_fit.slow = True

    def test_pool_without_cidr(self):
        base = estate().split('resource "ipam_pool_cidr"')[0]
        self.both(base, vpc("a"), "no CIDR", "ipam_pool_cidr")
    test_pool_without_cidr.slow = True

    def test_two_want_the_same(self):
        """Known at plan, although neither exists yet."""
        self.tf.up(estate())
        text = estate() + vpc_at("a", "10.0.16.0/20") + vpc_at("b", "10.0.16.0/20")
        result = self.tf.refused(text, when="apply")
        self.assert_says(result, r"10\.0\.16\.0/20")
        self.assertLess(len(self.tf.cidrs()), 2)
    test_two_want_the_same.slow = True

    def test_more_than_there_is_room_for(self):
        """Some of them fit; those get theirs, the others a refusal, and a later run finishes."""
        self.tf.up(estate("10.0.0.0/22"))
        text = estate("10.0.0.0/22") + vpc("a", 24).replace('"a" {', '"a" {\n  count = 6')
        result = self.tf.refused(text, when="apply")
        self.assert_says(result, "too big")
        self.assertEqual(len(result.errors()), 2)
        self.assertEqual(set(self.tf.cidrs().values()), {f"10.0.{i}.0/24" for i in range(4)})
        more = """
resource "ipam_pool_cidr" "more" {
  ipam_pool_id = ipam_pool.main.id
  cidr         = "10.9.0.0/23"
}
"""
        self.tf.up(text + more)
        self.assertEqual(len(self.tf.cidrs()), 6)
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.quiet()
    test_more_than_there_is_room_for.slow = True

    def test_the_place_is_shown(self):
        """The diagnostic points at the attribute."""
        self.tf.up(estate(rules=RULES))
        result = self.tf.refused(estate(rules=RULES) + vpc("a", 25, PROD))
        self.assert_says(result, "with ipam_vpc.a", "ipv4_netmask_length += 25")

    def test_default_tags_fulfil_a_rule(self):
        text = estate(rules=RULES).replace('  region = "eu-west-1"\n}', '  region = "eu-west-1"\n'
               '  default_tags {\n    tags = { Environment = "prod" }\n  }\n}', 1)
        self.tf.up(text + vpc("a"))
        a = self.tf.get("ipam_vpc.a")
        self.assertEqual(a["tags_all"], {"Environment": "prod"})
        self.tf.quiet()

    def test_bounds_are_inclusive(self):
        self.tf.up(estate(rules=RULES) + vpc("a", 18, PROD) + vpc("b", 24, PROD))
        self.tf.quiet()
