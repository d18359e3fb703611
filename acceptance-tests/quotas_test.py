"""Quotas of resource discoveries and their associations: what refuses, what makes room, what raises
them. Those of pools, CIDRs and scopes are in more_resources_test.py."""

from harness import Case, estate

QUOTAS = """
  quotas {
    %s
  }
"""


def discovery(name, region="eu-west-1", extra=""):
    return f"""
resource "ipam_resource_discovery" "{name}" {{
  region = "{region}"
  operating_regions {{ region_name = "{region}" }}
  {extra}
}}
"""


def association(name, discovery_id):
    return f"""
resource "ipam_resource_discovery_association" "{name}" {{
  ipam_id                    = ipam.main.id
  ipam_resource_discovery_id = "{discovery_id}"
}}
"""


def others(count, start=0):
    """Associations with discoveries of other accounts."""
    return "".join(association(f"a{i}", f"ipam-res-disco-0123456789abcde{i:02x}")
                   for i in range(start, start + count))


def raised(text, arguments):
    return text.replace('region = "eu-west-1"', 'region = "eu-west-1"' + QUOTAS % arguments, 1)


class Discoveries(Case):
    def test_one_per_region(self):
        one = estate() + discovery("one")
        self.tf.up(one)
        self.assert_says(self.tf.refused(one + discovery("two")), "LimitExceeded",
                         "Account [0-9]{12} in eu-west-1 has 1 resource discovery", "quota is 1",
                         "resource_discoveries_per_region")
        self.tf.up(one + discovery("two", "us-east-1"))
        self.tf.quiet()
    test_one_per_region.slow = True

    def test_raised(self):
        two = raised(estate() + discovery("one") + discovery("two"), "resource_discoveries_per_region = 2")
        self.tf.up(two)
        self.tf.quiet()
        self.assert_says(self.tf.refused(two + discovery("three")), "has 2 resource discoveries",
                         "quota is 2")
    test_raised.slow = True

    def test_at_once(self):
        """Ids are not known in the plan of an older Terraform: the apply refuses the second."""
        self.assert_says(self.tf.refused(estate() + discovery("one") + discovery("two"), when="apply"),
                         "LimitExceeded", "quota is 1")
        self.assertEqual(len([a for a in self.tf.resources() if "discovery" in a]), 1)
    test_at_once.slow = True

    def test_room_is_made(self):
        """One goes and another comes, in one plan; one is replaced, also by force."""
        self.tf.up(estate() + discovery("one"))
        first = self.tf.get("ipam_resource_discovery.one")["id"]
        self.tf.up(estate() + discovery("two"), "-parallelism=2")
        self.assertNotEqual(self.tf.get("ipam_resource_discovery.two")["id"], first)
        self.tf.apply("-replace=ipam_resource_discovery.two")
        self.tf.terraform("taint", "ipam_resource_discovery.two")
        self.tf.apply()
        self.tf.up(estate() + discovery("two", "us-east-1"))
        self.tf.quiet()

    def test_every_account_has_its_own(self):
        alias = '''
provider "ipam" {
  alias      = "other"
  region     = "eu-west-1"
  account_id = "333344445555"
}
'''
        text = estate() + alias + discovery("one") + discovery("two", extra="provider = ipam.other")
        self.tf.up(text)
        self.tf.quiet()

    def test_imported_beyond_the_quota(self):
        """What exists is never refused."""
        text = estate() + discovery("one")
        self.tf.up(text)
        self.tf.write(text + discovery("two"))
        self.tf.terraform("import", "-no-color", "ipam_resource_discovery.two",
                          "ipam-res-disco-0123456789abcdef0")
        self.tf.apply()
        self.tf.quiet()


class Associations(Case):
    def test_five_per_ipam(self):
        self.tf.up(estate() + others(5))
        self.tf.quiet()
        self.assert_says(self.tf.refused(estate() + others(6)), "LimitExceeded",
                         "The IPAM ipam-[0-9a-f]+ has 5 resource discovery associations",
                         "quota is 5", "resource_discovery_associations_per_ipam")
        self.tf.up(estate() + others(5, 1), "-parallelism=10")
        self.tf.up(raised(estate() + others(6), "resource_discovery_associations_per_ipam = 6"))
        self.tf.quiet()
    test_five_per_ipam.slow = True
