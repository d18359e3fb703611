"""What ReadResource finds: a warning when something is wrong, silence when nothing is."""

import json

from harness import Case, estate, instance_of, pool_hcl, vpc, vpc_at

OWNER, OTHER = "999999999999", "111111111111"
SEEN = "vpc-0" + "a" * 16

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


class World(Case):
    """A provider with an inventory, whose files the tests write."""

    def estate(self, rules="", more=""):
        return estate(rules=rules).replace(
            'region = "eu-west-1"\n',
            f'region = "eu-west-1"\n  account_id = "{OWNER}"\n  inventory = ["world.yaml"]\n',
            1) + more

    def world(self, *networks, covers=True):
        """Writes the inventory: each network is (id, CIDRs, other keys)."""
        lines = ["version: 1"]
        if covers:
            lines += ["covers:", f"  - account: \"{OWNER}\"", "    region: eu-west-1"]
        lines += ["networks:" if networks else "networks: []"]
        for vpc_id, cidrs, keys in networks:
            keys = {"account": OWNER, "region": "eu-west-1", **keys}
            lines += [f"  - id: {vpc_id}", f"    cidrs: {json.dumps(cidrs)}"]
            lines += [f"    {key}: {json.dumps(value)}" for key, value in keys.items()]
        self.tf.write("\n".join(lines) + "\n", "world.yaml")

    def begin(self, text, see=("a",)):
        """Applies it, writes an inventory that shows these VPCs, and lets them be seen."""
        self.world(covers=False)
        self.tf.up(text)
        self.show(see)
        self.tf.apply()
        self.tf.quiet()

    def show(self, see=("a",), **changed):
        found = [(self.tf.get(f"ipam_vpc.{n}")["id"],
                  changed.get(n) or [self.tf.get(f"ipam_vpc.{n}")["cidr_block"]], {}) for n in see]
        self.world(*found, covers=bool(found))


class Moved(World):
    def test_drawn_by_length(self):
        """The state follows; nothing is replaced; what was left is free once that is stored."""
        text = self.estate() + vpc("a")
        self.begin(text)
        vpc_id = self.tf.get("ipam_vpc.a")["id"]
        self.show(a=["10.0.32.0/20"])
        result = self.tf.plan("-refresh-only")
        self.assert_says(result, f"VPC {vpc_id} has another CIDR", r"world.yaml:\d+:\d+",
                         r"shows 10\.0\.32\.0/20, and the state has 10\.0\.0\.0/20",
                         "ipv4_netmask_length", "-refresh-only", "correct the inventory")
        self.assert_says(result, r'cidr_block += "10\.0\.0\.0/20" -> "10\.0\.32\.0/20"')
        self.assertEqual(self.tf.changes(), {})
        self.tf.apply("-refresh-only")
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.32.0/20"})
        self.tf.quiet()
        self.tf.up(text + vpc("b"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.0.0/20")
        self.tf.destroy()

    def test_not_free_before_it_is_stored(self):
        text = self.estate() + vpc("a")
        self.begin(text)
        self.show(a=["10.0.32.0/20"])
        self.tf.up(text + vpc("b"))
        self.assert_disjoint([*self.tf.cidrs().values(), "10.0.0.0/20"], "10.0.0.0/16")

    def test_written_cidr_is_replaced(self):
        text = self.estate() + vpc_at("a", "10.0.0.0/20")
        self.begin(text)
        vpc_id = self.tf.get("ipam_vpc.a")["id"]
        self.show(a=["10.0.32.0/20"])
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["delete", "create"]})
        self.tf.apply()
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.assertNotEqual(self.tf.get("ipam_vpc.a")["id"], vpc_id)

    def test_update_after_a_move(self):
        """An update in the run that finds the move keeps the VPC where it is."""
        text = self.estate() + vpc("a")
        self.begin(text)
        self.show(a=["10.0.32.0/20"])
        self.tf.up(self.estate() + vpc("a", extra='tags = { Name = "x" }'))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.32.0/20"})
        self.tf.quiet()

    def test_out_of_the_pool(self):
        text = self.estate() + vpc("a")
        self.begin(text)
        self.show(a=["192.168.0.0/20"])
        self.assert_says(self.tf.plan(), "has another CIDR", "lies outside its IPAM pool")
        self.tf.apply("-refresh-only")
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, "lies outside its IPAM pool", r"192\.168\.0\.0/20")

    def test_by_the_tag(self):
        """A network with another id that says which VPC it stands for."""
        text = self.estate() + vpc("a")
        self.begin(text, see=())
        vpc_id = self.tf.get("ipam_vpc.a")["id"]
        self.world((SEEN, ["10.0.0.0/20"], {"tags": {"ipam-allocation-id": vpc_id}}))
        self.tf.quiet()
        self.world((SEEN, ["10.0.64.0/20"], {"tags": {"ipam-allocation-id": vpc_id}}))
        self.assert_says(self.tf.plan(), "has another CIDR", r"10\.0\.64\.0/20")

    def test_further_cidrs_are_no_drift(self):
        """What is associated with the VPC is its own; what was associated and is gone is gone."""
        extra = """
resource "ipam_vpc_ipv4_cidr_block_association" "more" {
  vpc_id              = ipam_vpc.a.id
  ipv4_ipam_pool_id   = ipam_pool.main.id
  ipv4_netmask_length = 24
}
"""
        self.begin(self.estate() + vpc("a") + extra, see=())
        vpc_id = self.tf.get("ipam_vpc.a")["id"]
        more = self.tf.get("ipam_vpc_ipv4_cidr_block_association.more")["cidr_block"]
        self.world((vpc_id, ["10.0.0.0/20", more], {}))
        self.tf.apply()
        self.tf.quiet()
        self.world((vpc_id, ["10.0.0.0/20"], {}))
        result = self.tf.plan("-refresh-only")
        self.assert_says(result, f"{more} of VPC {vpc_id} is gone", r"world.yaml:\d+")
        self.tf.apply("-refresh-only")
        self.assertNotIn("ipam_vpc_ipv4_cidr_block_association.more", self.tf.resources())

    def test_subnet(self):
        extra = """
resource "ipam_subnet" "s" {
  vpc_id     = ipam_vpc.a.id
  cidr_block = "10.0.0.0/24"
}
"""
        self.begin(self.estate() + vpc("a") + extra, see=())
        vpc_id, subnet_id = (self.tf.get(a)["id"] for a in ("ipam_vpc.a", "ipam_subnet.s"))
        def show(*subnets):
            self.world((vpc_id, ["10.0.0.0/20"], {"subnets": [
                {"id": i, "cidrs": [c]} for i, c in subnets]}))
        show((subnet_id, "10.0.0.0/24"))
        self.tf.apply()
        self.tf.quiet()
        show((subnet_id, "10.0.1.0/24"))
        result = self.tf.plan()
        self.assert_says(result, f"Subnet {subnet_id} has another CIDR", r"10\.0\.1\.0/24",
                         "forces replacement")
        show(("subnet-0bbbbbbbbbbbbbbbb", "10.0.9.0/24"))
        self.assert_says(self.tf.plan(), f"Subnet {subnet_id} is gone")
        show()  # lists no subnets, so it says nothing about them
        self.tf.quiet()


class Gone(World):
    def test_vanished(self):
        text = self.estate() + vpc("a") + vpc("b")
        self.begin(text, see="ab")
        gone = self.tf.get("ipam_vpc.b")
        self.show("a")
        result = self.tf.plan("-refresh-only")
        self.assert_says(result, f"VPC {gone['id']} is gone", r"world.yaml:\d+:\d+",
                         f"complete for account {OWNER} in Region eu-west-1", "makes it anew",
                         "correct the inventory")
        self.assertEqual(self.tf.changes(), {"ipam_vpc.b": ["create"]})
        self.tf.apply("-refresh-only")
        self.assertEqual(list(self.tf.cidrs()), ["ipam_vpc.a"])
        self.tf.apply()
        self.assertNotEqual(self.tf.get("ipam_vpc.b")["id"], gone["id"])
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], gone["cidr_block"])

    def test_its_space_is_taken_only_when_it_is_stored(self):
        text = self.estate()
        self.begin(text + vpc("a") + vpc("b"), see="ab")
        free = self.tf.cidrs()["ipam_vpc.b"]
        self.show("a")
        self.tf.write(text + vpc("a") + vpc("b") + vpc("c"))
        self.tf.plan("-out=p")
        # Whatever this apply issues, it does not take what the state still has.
        self.tf.apply("p")
        cidrs = self.tf.cidrs()
        self.assertEqual(len(cidrs), 3)
        self.assert_disjoint(cidrs.values(), "10.0.0.0/16")
        self.assertIn(free, [*cidrs.values(), free])

    def test_an_incomplete_inventory_takes_nothing_away(self):
        self.begin(self.estate() + vpc("a") + vpc("b"), see="ab")
        a = self.tf.get("ipam_vpc.a")
        self.world((a["id"], [a["cidr_block"]], {}), covers=False)
        self.tf.quiet()

    def test_never_seen(self):
        """A VPC that was just drawn is in no inventory yet: it stays, and that is said."""
        self.begin(self.estate() + vpc("a"))
        self.tf.up(self.estate() + vpc("a") + vpc("new"))
        new = self.tf.get("ipam_vpc.new")
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, f"VPC {new['id']} is in no inventory", "stays", "ipam-allocation-id")
        self.assertEqual(self.tf.changes(), {})
        self.show(("a", "new"))
        self.tf.quiet()


class Others(World):
    def test_overlap(self):
        """Once for each resource, with owner and place; not for what the pool gave itself."""
        text = self.estate() + vpc("a") + vpc("b")
        self.begin(text, see="ab")
        a, b = sorted((self.tf.get(f"ipam_vpc.{n}") for n in "ab"), key=lambda v: v["cidr_block"])
        own = [(a["id"], [a["cidr_block"]], {}), (b["id"], [b["cidr_block"]], {})]
        self.world(*own, (SEEN, ["10.0.0.0/22", "172.16.0.0/16"], {"account": OTHER}))
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, f"VPC {a['id']} overlaps a network that was seen", SEEN, OTHER,
                         r"10\.0\.0\.0/22", r"world.yaml:\d+:\d+", "renumber")
        self.assertEqual(result.text.count("overlaps a network that was seen"), 1)
        self.world(*own, (SEEN, ["10.0.0.0/16"], {"account": OTHER}))
        result = self.tf.plan()
        self.assertEqual(result.text.count("overlaps a network that was seen"), 2)

    def test_tag_lost(self):
        rule = 'allocation_resource_tags = { Environment = "prod" }'
        self.begin(self.estate(rule) + vpc("a", extra=PROD))
        vpc_id = self.tf.get("ipam_vpc.a")["id"]
        self.world((vpc_id, ["10.0.0.0/20"], {"tags": {"Environment": "prod", "Name": "x"}}))
        self.tf.quiet()
        self.world((vpc_id, ["10.0.0.0/20"], {"tags": {"Environment": "test"}}))
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, f"VPC {vpc_id} is noncompliant", 'Environment = "prod"', '"test"',
                         r"world.yaml:\d+")

    def test_reservation(self):
        """A reservation feeds a network that carries its id."""
        text = self.estate() + """
resource "ipam_pool_cidr_allocation" "r" {
  ipam_pool_id   = ipam_pool.main.id
  netmask_length = 20
}
"""
        self.begin(text, see=())
        alloc = self.tf.get("ipam_pool_cidr_allocation.r")["ipam_pool_allocation_id"]
        tags = {"tags": {"ipam-allocation-id": alloc}}
        self.world((SEEN, ["10.0.0.0/20"], tags))
        self.tf.quiet()
        self.world((SEEN, ["10.0.48.0/20"], tags))
        result = self.tf.plan("-refresh-only")
        self.assert_says(result, f"{alloc} is used with another CIDR", SEEN, r"10\.0\.48\.0/20",
                         r"10\.0\.0\.0/20", "inventory")
        self.tf.apply("-refresh-only")
        self.assertEqual(self.tf.get("ipam_pool_cidr_allocation.r")["cidr"], "10.0.48.0/20")
        self.tf.quiet()

    def test_another_state(self):
        """What another state says is a warning and changes nothing."""
        text = self.estate().replace("inventory", 'estate { path = "net.tfstate" }\n  inventory', 1)
        text += """
resource "ipam_pool_cidr_allocation" "r" {
  ipam_pool_id   = ipam_pool.main.id
  netmask_length = 20
}
""" + vpc("a", 24)
        def write(*vpcs):
            provider = 'provider["registry.terraform.io/hashicorp/aws"]'
            resources = [{"mode": "managed", "type": "aws_vpc", "name": f"r{n}",
                          "provider": provider, "instances": [{"attributes": v}]}
                         for n, v in enumerate(vpcs)]
            self.tf.write(json.dumps({"version": 4, "serial": 1, "lineage": "1-2-3-4",
                                      "resources": resources}), "net.tfstate")
        write()
        self.begin(text, see=())
        alloc = self.tf.get("ipam_pool_cidr_allocation.r")
        vpc_id = self.tf.get("ipam_vpc.a")["id"]
        def aws(vpc_id, cidr, **tags):
            return {"id": vpc_id, "cidr_block": cidr, "owner_id": OWNER, "region": "eu-west-1",
                    "tags": tags, "tags_all": tags}
        tag = {"ipam-allocation-id": alloc["ipam_pool_allocation_id"]}
        write(aws(SEEN, alloc["cidr"], **tag))
        self.tf.quiet()
        write(aws(SEEN, "10.0.80.0/20", **tag), aws(vpc_id, "10.0.112.0/24"))
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, "is used with another CIDR", r"aws_vpc.r0", "Nothing changes here",
                         f"VPC {vpc_id} has another CIDR in another state", r"10\.0\.112\.0/24")

    def test_quiet(self):
        """An inventory that shows what the state has is silent, whatever else it shows."""
        text = self.estate() + vpc("a") + vpc("b") + pool_hcl("10.4.0.0/16", name="second")
        self.begin(text, see="ab")
        a, b = (self.tf.get(f"ipam_vpc.{n}") for n in "ab")
        self.world((a["id"], [a["cidr_block"]], {"tags": {"any": "tag"}}),
                   (b["id"], [b["cidr_block"]], {}),
                   (SEEN, ["10.4.0.0/20", "192.168.0.0/16"], {"account": OTHER}))
        for _ in range(2):
            self.tf.quiet()
        self.tf.apply("-refresh-only")
        self.tf.quiet()
