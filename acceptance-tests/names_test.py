"""One implementation under several names, and moving between them."""

import json

from harness import AWS_SOURCE, AWS_VERSION, Case, HEADER, SOURCE, estate, pool_hcl, vpc

AWS_NAMES = {"ipam": "aws_vpc_ipam", "ipam_scope": "aws_vpc_ipam_scope",
             "ipam_pool": "aws_vpc_ipam_pool", "ipam_pool_cidr": "aws_vpc_ipam_pool_cidr",
             "ipam_pool_cidr_allocation": "aws_vpc_ipam_pool_cidr_allocation",
             "ipam_vpc": "aws_vpc"}
SHORT_NAMES = {"ipam_pool_cidr": "pool_cidr", "ipam_vpc": "vpc"}


def renamed(text, names):
    """The same configuration under other names; `provider = ipam` says whose they are."""
    for old in sorted(names, key=len, reverse=True):
        new = names[old]
        text = text.replace(f'resource "{old}" ', f'resource "\0{new}" ')
        for name in ("main", "a", "b", "r", "lab"):
            text = text.replace(f" {old}.{name}", f" \0{new}.{name}")
    lines = []
    for line in text.replace("\0", "").splitlines():
        lines.append(line)
        if line.startswith("resource ") and not line.startswith('resource "ipam'):
            lines.append("  provider = ipam")
    return "\n".join(lines) + "\n"


WHOLE = estate() + vpc("a") + """
resource "ipam_scope" "lab" {
  ipam_id = ipam.main.id
}
resource "ipam_pool_cidr_allocation" "r" {
  ipam_pool_id   = ipam_pool.main.id
  netmask_length = 24
}
"""


def moves(names, backwards=False):
    only = {"ipam": "main", "ipam_scope": "lab", "ipam_pool": "main", "ipam_pool_cidr": "main",
            "ipam_pool_cidr_allocation": "r", "ipam_vpc": "a"}
    pairs = [(new, old, only[old]) if backwards else (old, new, only[old])
             for old, new in names.items()]
    return "".join(f"moved {{\n  from = {source}.{name}\n  to   = {target}.{name}\n}}\n"
                   for source, target, name in pairs)


class Names(Case):
    def test_both_families_and_short_names_together(self):
        aws = renamed(pool_hcl("10.1.0.0/16", name="main") + vpc("a"), AWS_NAMES)
        aws = aws.replace("aws_vpc_ipam.main.private", "ipam.main.private")
        short = renamed(vpc("b"), SHORT_NAMES) + """
resource "pool_cidr" "more" {
  provider     = ipam
  ipam_pool_id = ipam_pool.main.id
  cidr         = "10.2.0.0/16"
}
"""
        self.tf.up(estate() + vpc("a") + aws + short)
        cidrs = self.tf.cidrs()
        self.assertEqual(set(cidrs), {"ipam_vpc.a", "aws_vpc.a", "vpc.b"})
        self.assert_disjoint(cidrs.values())
        self.assertEqual(cidrs["aws_vpc.a"], "10.1.0.0/20")
        self.tf.quiet()
        # A later run knows what each of the names holds.
        self.tf.up(estate() + vpc("a") + aws + short + vpc("c") + vpc("d", 18))
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_moved_to_the_aws_names_and_back(self):
        self.tf.up(WHOLE)
        before = sorted(v["id"] for v in self.tf.resources().values())
        self.tf.up(renamed(WHOLE, AWS_NAMES) + moves(AWS_NAMES))
        self.assertTrue(all(a.startswith("aws_") for a in self.tf.resources()))
        self.assertEqual(sorted(v["id"] for v in self.tf.resources().values()), before)
        self.tf.quiet()
        back = moves(AWS_NAMES, backwards=True)
        self.tf.up(WHOLE + back)
        self.assertTrue(all(not a.startswith("aws_") for a in self.tf.resources()))
        self.assertEqual(sorted(v["id"] for v in self.tf.resources().values()), before)
        self.tf.quiet()

    def test_moved_to_the_short_names(self):
        self.tf.up(WHOLE)
        self.tf.write(renamed(WHOLE, SHORT_NAMES) + moves(SHORT_NAMES))
        self.assertEqual(self.tf.changes(), {})
        self.tf.apply()
        self.assertIn("vpc.a", self.tf.resources())
        self.assertIn("pool_cidr.main", self.tf.resources())
        self.tf.quiet()

    def test_moved_between_different_things_is_refused(self):
        self.tf.up(estate() + vpc("a"))
        result = self.tf.refused(estate() + """
resource "ipam_pool_cidr_allocation" "a" {
  ipam_pool_id   = ipam_pool.main.id
  netmask_length = 20
}
moved {
  from = ipam_vpc.a
  to   = ipam_pool_cidr_allocation.a
}
""")
        self.assert_says(result, "ipam_vpc", "ipam_pool_cidr_allocation")

    def test_moved_from_the_real_provider(self):
        """State under hashicorp/aws, moved to resources of this provider."""
        old = WHOLE.replace(f'ipam = {{ source = "{SOURCE}" }}',
                            f'aws = {{\n      source = "{AWS_SOURCE}"\n      version = "{AWS_VERSION}"\n    }}')
        old = renamed(old, AWS_NAMES).replace("  provider = ipam\n", "").replace(
            'provider "ipam"', 'provider "aws"')
        self.tf.up(old)
        before = sorted(v["id"] for v in self.tf.resources().values())
        back = moves(AWS_NAMES, backwards=True)
        both = WHOLE.replace(f'ipam = {{ source = "{SOURCE}" }}',
                             f'ipam = {{ source = "{SOURCE}" }}\n    aws = {{ source = "{AWS_SOURCE}" }}')
        self.tf.write(both + back)
        self.tf.init()
        self.assertEqual(self.tf.changes(), {})
        self.tf.apply()
        self.assertEqual(sorted(v["id"] for v in self.tf.resources().values()), before)
        self.tf.quiet()

    def test_every_name_has_the_same_schema(self):
        self.tf.write(HEADER)
        self.tf.init()
        schemas = json.loads(self.tf.terraform("providers", "schema", "-json").stdout)
        resources = schemas["provider_schemas"][SOURCE]["resource_schemas"]
        for family in (AWS_NAMES, SHORT_NAMES):
            for native, other in family.items():
                self.assertEqual(resources[native], resources[other], other)
        for name, schema in resources.items():
            for attribute, a in schema["block"]["attributes"].items():
                self.assertTrue(a.get("description"), f"{name}.{attribute} has no description")
