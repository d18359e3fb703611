"""What ReadResource finds: a warning when something is wrong, silence when nothing is."""

from harness import Case, estate, instance_of, vpc

PROD = 'tags = { Environment = "prod" }'


class Drift(Case):
    def test_rules_tightened(self):
        self.tf.up(estate() + vpc("a"))
        text = estate(rules="allocation_min_netmask_length = 22") + vpc("a")
        self.tf.up(text)
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, "Warning", "ipam_vpc.a|vpc-[0-9a-f]{17}", "/20", "22")
        self.tf.up(estate() + vpc("a"))
        self.tf.quiet()

    def test_tag_rule_added(self):
        self.tf.up(estate() + vpc("a") + vpc("b", extra=PROD))
        text = estate(rules='allocation_resource_tags = { Environment = "prod" }')
        self.tf.up(text + vpc("a") + vpc("b", extra=PROD))
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, "Warning", "Environment", "prod", "noncompliant|not compliant")
        self.tf.up(text + vpc("a", extra=PROD) + vpc("b", extra=PROD))
        self.tf.quiet()

    def test_tag_changed_later(self):
        """AWS only flags it; so does this."""
        text = estate(rules='allocation_resource_tags = { Environment = "prod" }')
        self.tf.up(text + vpc("a", extra=PROD))
        self.tf.up(text + vpc("a", extra='tags = { Environment = "test" }'))
        self.assert_says(self.tf.plan("-detailed-exitcode"), "Warning", "Environment", "test")

    def test_overlap_in_the_state(self):
        self.tf.up(estate() + vpc("a") + vpc("b"))
        a, b = (self.tf.get(f"ipam_vpc.{n}") for n in "ab")
        def collide(state):
            instance_of(state, "ipam_vpc", "b")["cidr_block"] = a["cidr_block"]
        self.tf.edit_state(collide)
        result = self.tf.plan()
        self.assert_says(result, "Warning", "overlap", a["cidr_block"], f"{a['id']}|{b['id']}")
        # Both keep what they hold; the next one gets what neither holds.
        self.tf.up(estate() + vpc("a") + vpc("b") + vpc("c"))
        cidrs = self.tf.cidrs()
        self.assertEqual(cidrs["ipam_vpc.a"], cidrs["ipam_vpc.b"])
        self.assertEqual(cidrs["ipam_vpc.c"], b["cidr_block"])

    def test_pool_cidr_gone(self):
        self.tf.up(estate() + vpc("a"))
        self.tf.terraform("state", "rm", "ipam_pool_cidr.main")
        self.tf.write(estate().split('resource "ipam_pool_cidr"')[0] + vpc("a"))
        result = self.tf.plan()
        self.assert_says(result, "Warning", r"10\.0\.0\.0/20")

    def test_child_outside_of_its_source(self):
        child = """
resource "ipam_pool" "child" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  locale              = "eu-west-1"
  source_ipam_pool_id = ipam_pool.main.id
}
resource "ipam_pool_cidr" "child" {
  ipam_pool_id   = ipam_pool.child.id
  netmask_length = 20
}
"""
        self.tf.up(estate() + child)
        self.tf.terraform("state", "rm", "ipam_pool_cidr.main")
        self.tf.write((estate() + child).replace(
            'resource "ipam_pool_cidr" "main" {\n  ipam_pool_id = ipam_pool.main.id\n'
            '  cidr         = "10.0.0.0/16"\n}\n', ""))
        self.assert_says(self.tf.plan(), "Warning", r"10\.0\.0\.0/20")

    def test_quiet_estate(self):
        text = estate(rules='allocation_resource_tags = { Environment = "prod" }') + vpc(
            "a", extra=PROD) + vpc("b", 24, PROD)
        self.tf.up(text)
        for _ in range(2):
            self.tf.quiet()
        self.tf.apply("-refresh-only")
        self.tf.quiet()
