"""The resources around pools: previews, resource discoveries, further CIDRs of VPCs, subnets and
the pools that plan them; and what the provider block says about all resources."""

import json

from harness import AWS_SOURCE, Case, HEADER, SOURCE, estate, instance_of, pool_hcl, vpc, vpc_at

ID = "[0-9a-f]{17}"


def block(kind, name, arguments):
    return f'\nresource "{kind}" "{name}" {{\n  {arguments}\n}}\n'


def preview(arguments, name="p"):
    return block("ipam_preview_next_cidr", name, f"ipam_pool_id = ipam_pool.main.id\n  {arguments}\n"
                 "  depends_on = [ipam_pool_cidr.main]")


class MoreCase(Case):
    def refuse_all(self, base, texts, *words, when="plan"):
        """Several mistakes in one configuration, each refused: the time of one plan."""
        result = self.tf.refused(base + "".join(texts), when=when)
        self.assertEqual(len(result.errors()), len(texts), result)
        self.assert_says(result, *words)


class Preview(MoreCase):
    def test_life(self):
        self.tf.up(estate() + preview("netmask_length = 28"))
        a, pool = self.tf.get("ipam_preview_next_cidr.p"), self.tf.get("ipam_pool.main")["id"]
        self.assertEqual((a["cidr"], a["id"]), ("10.0.0.0/28", f"10.0.0.0/28_{pool}"))
        self.assertEqual(a["region"], "eu-west-1")
        self.tf.quiet()
        # Nothing is reserved, and the answer stays what it was.
        self.tf.up(estate() + preview("netmask_length = 28") + vpc("a"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.a"], "10.0.0.0/20")
        self.assertEqual(self.tf.get("ipam_preview_next_cidr.p")["cidr"], "10.0.0.0/28")
        self.tf.quiet()
        self.tf.write(estate() + preview("netmask_length = 24") + vpc("a"))
        self.assertEqual(self.tf.changes(), {"ipam_preview_next_cidr.p": ["delete", "create"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_preview_next_cidr.p")["cidr"], "10.0.16.0/24")
        self.tf.destroy()

    def test_disallowed_default_and_aws_name(self):
        text = estate(rules="allocation_default_netmask_length = 28\n"
                            '  allocation_resource_tags = { Environment = "prod" }')
        aws = preview('disallowed_cidrs = ["10.0.0.0/28"]').replace("ipam_preview_next_cidr",
                                                                   "aws_vpc_ipam_preview_next_cidr")
        self.tf.up(text + aws.replace('"p" {', '"p" {\n  provider = ipam'))
        self.assertEqual(self.tf.get("aws_vpc_ipam_preview_next_cidr.p")["cidr"], "10.0.0.16/28")
        self.tf.quiet()

    def test_ipv6(self):
        text = estate() + SIX + block("ipam_preview_next_cidr", "p",
                                      "ipam_pool_id = ipam_pool.six.id\n  netmask_length = 56\n"
                                      "  depends_on = [ipam_pool_cidr.six]")
        self.tf.up(text)
        self.assertEqual(self.tf.get("ipam_preview_next_cidr.p")["cidr"], "fd12:3456::/56")

    def test_refusals(self):
        self.tf.up(estate())
        self.refuse_all(estate(), [preview(a, f"p{i}") for i, a in enumerate((
            "netmask_length = 129", 'netmask_length = 28\n  disallowed_cidrs = ["10.0.0.1/28"]'))],
            "129", "128", r"10\.0\.0\.0/28")
        self.refuse_all(estate(), [preview("netmask_length = 12"), preview("", "q")],
                        "too big", "/12", "/16", "InvalidParameterCombination",
                        "allocating cidr from IPAM pool")
        self.tf.terraform("import", "-no-color", "ipam_preview_next_cidr.p", "x", code=1)


SIX = """
resource "ipam_pool" "six" {
  address_family = "ipv6"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}
resource "ipam_pool_cidr" "six" {
  ipam_pool_id = ipam_pool.six.id
  cidr         = "fd12:3456::/40"
}
"""

DISCOVERY = """
resource "ipam_resource_discovery" "d" {
  description = "all of it"
  operating_regions {
    region_name = "eu-west-1"
  }
  organizational_unit_exclusion {
    organizations_entity_path = "o-a1b2c3d4e5/r-f6g7h8i9j0example/ou-ghi0-awsccccc/"
  }
}
resource "ipam_resource_discovery_association" "a" {
  ipam_id                    = ipam.main.id
  ipam_resource_discovery_id = ipam_resource_discovery.d.id
}
"""


class Discovery(Case):
    def test_life(self):
        self.tf.up(estate() + DISCOVERY)
        d = self.tf.get("ipam_resource_discovery.d")
        a = self.tf.get("ipam_resource_discovery_association.a")
        ipam = self.tf.get("ipam.main")
        self.assertRegex(d["id"], f"^ipam-res-disco-{ID}$")
        self.assertRegex(d["arn"], rf"^arn:aws:ec2::\d{{12}}:ipam-resource-discovery/{d['id']}$")
        self.assertEqual((d["is_default"], d["ipam_resource_discovery_region"]), (False, "eu-west-1"))
        self.assertRegex(a["id"], f"^ipam-res-disco-assoc-{ID}$")
        self.assertRegex(a["arn"], f"ipam-resource-discovery-association/{a['id']}$")
        self.assertEqual((a["ipam_arn"], a["ipam_region"], a["state"]),
                         (ipam["arn"], "eu-west-1", "associate-complete"))
        self.tf.quiet()
        changed = estate() + DISCOVERY.replace('"all of it"', '"most of it"').replace(
            "discovery.d.id", 'discovery.d.id\n  tags = { A = "b" }')
        changed = changed.replace("  organizational_unit_exclusion",
                                  '  operating_regions {\n    region_name = "us-east-1"\n  }\n'
                                  "  organizational_unit_exclusion")
        self.tf.write(changed)
        self.assertEqual(self.tf.changes(), {"ipam_resource_discovery.d": ["update"],
                                             "ipam_resource_discovery_association.a": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_resource_discovery.d")["id"], d["id"])
        self.tf.quiet()
        self.import_round_trip("ipam_resource_discovery_association.a", a["id"])
        self.import_round_trip("ipam_resource_discovery.d", d["id"] + "@eu-west-1")
        self.tf.destroy()

    def test_import_by_id_alone(self):
        self.tf.up(estate() + DISCOVERY)
        other = self.folder("other")
        other.write(estate() + DISCOVERY)
        other.init()
        other.terraform("import", "-no-color", "ipam_resource_discovery.d",
                        "ipam-res-disco-0123456789abcdef0@eu-west-1")
        other.apply()
        self.assertEqual(other.get("ipam_resource_discovery.d")["id"],
                         "ipam-res-disco-0123456789abcdef0")
        other.quiet()

    def test_refusals(self):
        self.tf.up(estate())
        for text, words in (
                (DISCOVERY.replace('region_name = "eu-west-1"', 'region_name = "us-east-1"'),
                 ("operating_regions", "eu-west-1")),
                (DISCOVERY.replace("o-a1b2c3d4e5/r-", "o-a1b2c3d4e5/x-"), ("paths is invalid",)),
                (DISCOVERY.replace('region_name = "eu-west-1"', 'region_name = "Dublin"'), ("Dublin",))):
            self.assert_says(self.tf.refused(estate() + text), *words)
        wrong = DISCOVERY.replace("ipam_resource_discovery.d.id", '"nonsense"')
        self.assert_says(self.tf.refused(estate() + wrong, when="apply"), "nonsense",
                         "InvalidIpamResourceDiscoveryId.NotFound")
        self.assert_says(self.tf.terraform("import", "-no-color", "ipam_resource_discovery.d",
                                           "ipam-0123456789abcdef0", code=1), "ipam-res-disco-")


def further(arguments, name="more", of="a"):
    return block("ipam_vpc_ipv4_cidr_block_association", name,
                 f"vpc_id = ipam_vpc.{of}.id\n  {arguments}")


def further6(arguments, name="six", of="a"):
    return block("ipam_vpc_ipv6_cidr_block_association", name,
                 f"vpc_id = ipam_vpc.{of}.id\n  {arguments}")


POOL = "ipv4_ipam_pool_id = ipam_pool.main.id"


class Associations(MoreCase):
    def test_ipv4(self):
        text = estate() + vpc("a") + further(f"{POOL}\n  ipv4_netmask_length = 24")
        self.tf.up(text)
        a, v = self.tf.get("ipam_vpc_ipv4_cidr_block_association.more"), self.tf.get("ipam_vpc.a")
        self.assertRegex(a["id"], f"^vpc-cidr-assoc-{ID}$")
        self.assertEqual(a["vpc_id"], v["id"])
        self.assert_disjoint([a["cidr_block"], v["cidr_block"]], "10.0.0.0/16")
        self.tf.quiet()
        pool = self.tf.get("ipam_pool.main")["id"]
        for form in (a["id"], f"{a['id']},{pool},24@eu-west-1"):
            self.import_round_trip("ipam_vpc_ipv4_cidr_block_association.more", form)
        self.tf.write(text.replace("ipv4_netmask_length = 24", "ipv4_netmask_length = 25"))
        self.assertEqual(self.tf.changes(), {
            "ipam_vpc_ipv4_cidr_block_association.more": ["delete", "create"]})
        # The next one keeps off, and gets the place when the association is gone.
        self.tf.up(text + vpc("b", 24))
        self.assert_disjoint([a["cidr_block"], *self.tf.cidrs().values()])
        self.tf.destroy()

    def test_ipv4_written_default_and_joined(self):
        base = estate(rules="allocation_default_netmask_length = 26") + vpc("a")
        self.tf.up(base + further('cidr_block = "10.0.128.0/24"') + further(POOL, "default"))
        more, default = (self.tf.get(f"ipam_vpc_ipv4_cidr_block_association.{n}")
                         for n in ("more", "default"))
        self.assertEqual(more["cidr_block"], "10.0.128.0/24")
        self.assertTrue(default["cidr_block"].endswith("/26"))
        self.tf.quiet()
        # A pool for the CIDR that it has is joined in place.
        joined = base + further(f'cidr_block = "10.0.128.0/24"\n  {POOL}') + further(POOL, "default")
        self.tf.write(joined)
        self.assertEqual(self.tf.changes(), {"ipam_vpc_ipv4_cidr_block_association.more": ["update"]})
        self.tf.apply()
        self.tf.quiet()
        self.assert_says(self.tf.refused(joined + vpc_at("b", "10.0.128.0/23")), r"10\.0\.128\.0/24",
                         more["vpc_id"])
    test_ipv4_written_default_and_joined.slow = True

    def test_ipv6(self):
        text = estate() + SIX + vpc("a") + further6(
            "ipv6_ipam_pool_id = ipam_pool.six.id\n  ipv6_netmask_length = 56") + further6(
            "assign_generated_ipv6_cidr_block = true", "generated")
        self.tf.up(text)
        six, gen = (self.tf.get(f"ipam_vpc_ipv6_cidr_block_association.{n}")
                    for n in ("six", "generated"))
        self.assertEqual((six["ipv6_cidr_block"], six["ip_source"], six["ipv6_address_attribute"],
                          six["ipv6_pool"]), ("fd12:3456::/56", "none", "private", "IPAM Managed"))
        self.assertEqual((gen["ipv6_cidr_block"], gen["ip_source"], gen["ipv6_pool"]),
                         ("2600:1f80::/56", "amazon", "Amazon"))
        self.tf.quiet()
        self.import_round_trip("ipam_vpc_ipv6_cidr_block_association.six", six["id"])
        self.tf.destroy()

    def test_refusals(self):
        base = estate(rules='allocation_max_netmask_length = 24') + SIX + vpc("a")
        self.tf.up(base)
        self.refuse_all(base, [further(f"{POOL}\n  ipv4_netmask_length = 25", "n0"),
                               further(f'{POOL}\n  cidr_block = "10.0.0.0/20"', "n1"),
                               further('cidr_block = "10.0.8.0/24"', "n2")],
                        "/25", "24", r"overlaps 10\.0\.0\.0/20 in", "InvalidVpc.Range")
        pool6 = "ipv6_ipam_pool_id = ipam_pool.six.id"
        self.refuse_all(base, [further('cidr_block = "10.0.8.0/29"', "n0"), further("", "n1"),
                               further("ipv4_netmask_length = 24", "n2"), further6("", "n3"),
                               further6(f"{pool6}\n  ipv6_netmask_length = 57", "n4"),
                               further6('ipv6_cidr_block = "fd12:3456::/57"', "n5")],
                        "/29", "MissingParameter", "ipv4_ipam_pool_id", "/57")
        self.assert_says(self.tf.refused(base + further6(
            f"{pool6}\n  assign_generated_ipv6_cidr_block = true")), "conflict")
        nowhere = further('cidr_block = "10.9.0.0/24"').replace("ipam_vpc.a.id",
                                                               '"vpc-0123456789abcdef0"')
        self.assert_says(self.tf.refused(base + nowhere, when="apply"), "InvalidVpcID.NotFound")
    test_refusals.slow = True

    def test_the_tags_of_the_vpc_count(self):
        base = estate(rules='allocation_resource_tags = { Environment = "prod" }')
        tagged = vpc("a", extra='tags = { Environment = "prod" }')
        self.tf.up(base + tagged + further(f"{POOL}\n  ipv4_netmask_length = 24"))
        self.tf.quiet()
        other = block("ipam_vpc", "b", 'cidr_block = "192.168.0.0/24"')
        self.tf.up(base + tagged + further(f"{POOL}\n  ipv4_netmask_length = 24") + other)
        self.assert_says(self.tf.refused(
            base + tagged + further(f"{POOL}\n  ipv4_netmask_length = 24") + other
            + further(f"{POOL}\n  ipv4_netmask_length = 24", "b", of="b")), "Environment", "prod")


def subnet(name, arguments, of="a"):
    return block("ipam_subnet", name, f"vpc_id = ipam_vpc.{of}.id\n  {arguments}")


PLANNING = """
resource "ipam_pool" "plan" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  locale              = "eu-west-1"
  source_ipam_pool_id = ipam_pool.main.id
  source_resource {
    resource_id     = ipam_vpc.a.id
    resource_owner  = "123456789012"
    resource_region = "eu-west-1"
    resource_type   = "vpc"
  }
}
resource "ipam_pool_cidr" "plan" {
  ipam_pool_id = ipam_pool.plan.id
  cidr         = ipam_vpc.a.cidr_block
}
"""
PLANNED = estate() + vpc("a") + PLANNING
DRAW = "ipv4_ipam_pool_id = ipam_pool.plan.id\n  ipv4_netmask_length = 24"


class Subnet(MoreCase):
    def test_written(self):
        text = estate() + vpc("a") + subnet("s", 'cidr_block = "10.0.1.0/24"\n  tags = { Name = "s" }')
        self.tf.up(text)
        a = self.tf.get("ipam_subnet.s")
        self.assertRegex(a["id"], f"^subnet-{ID}$")
        self.assertRegex(a["arn"], rf"^arn:aws:ec2:eu-west-1:\d{{12}}:subnet/{a['id']}$")
        for name, value in dict(availability_zone="eu-west-1a", availability_zone_id="euw1-az1",
                                map_public_ip_on_launch=False, ipv6_cidr_block="",
                                private_dns_hostname_type_on_launch="ip-name", region="eu-west-1",
                                tags_all={"Name": "s"}).items():
            self.assertEqual(a[name], value, name)
        self.tf.quiet()
        changed = text.replace('{ Name = "s" }', '{ Name = "t" }\n  map_public_ip_on_launch = true\n'
                               '  enable_dns64 = true\n  private_dns_hostname_type_on_launch = "resource-name"')
        self.tf.write(changed)
        self.assertEqual(self.tf.changes(), {"ipam_subnet.s": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_subnet.s")["tags_all"], {"Name": "t"})
        self.tf.quiet()
        self.import_round_trip("ipam_subnet.s", a["id"])
        for change in (('"10.0.1.0/24"', '"10.0.2.0/24"'),
                       ("map_public", 'availability_zone = "eu-west-1b"\n  map_public')):
            self.tf.write(changed.replace(*change))
            self.assertEqual(self.tf.changes(), {"ipam_subnet.s": ["delete", "create"]}, change)
        self.tf.destroy()

    def test_zones(self):
        text = estate() + vpc("a")
        for i, (arguments, name, zone_id) in enumerate((
                ('availability_zone = "eu-west-1c"', "eu-west-1c", "euw1-az3"),
                ('availability_zone_id = "euw1-az2"', "eu-west-1b", "euw1-az2"))):
            text += subnet(f"s{i}", f'cidr_block = "10.0.{i}.0/24"\n  {arguments}')
        self.tf.up(text)
        self.assertEqual([self.tf.get(f"ipam_subnet.s{i}")["availability_zone"] for i in (0, 1)],
                         ["eu-west-1c", "eu-west-1b"])
        self.assertEqual([self.tf.get(f"ipam_subnet.s{i}")["availability_zone_id"] for i in (0, 1)],
                         ["euw1-az3", "euw1-az2"])
        self.tf.quiet()
        self.assert_says(self.tf.refused(text + subnet(
            "x", 'cidr_block = "10.0.9.0/24"\n  availability_zone = "us-east-1a"')), "us-east-1a", "eu-west-1")

    def test_the_vpc_is_the_limit(self):
        base = estate() + vpc("a") + subnet("s", 'cidr_block = "10.0.1.0/24"')
        self.tf.up(base)
        first = self.tf.get("ipam_subnet.s")["id"]
        self.refuse_all(base, [subnet("x", 'cidr_block = "10.0.1.128/25"'),
                               subnet("y", 'cidr_block = "10.0.64.0/24"')],
                        "InvalidSubnet.Conflict", r"10\.0\.1\.128/25", r"10\.0\.1\.0/24", first,
                        "InvalidSubnet.Range", r"10\.0\.0\.0/20")
    test_the_vpc_is_the_limit.slow = True

    def test_further_cidrs_of_the_vpc(self):
        base = estate() + vpc("a") + subnet("s", 'cidr_block = "10.0.1.0/24"')
        # A further CIDR of the VPC is space for subnets, in the same run too.
        more = further('cidr_block = "10.7.0.0/24"')
        self.tf.up(base + more + subnet("x", 'cidr_block = "10.7.0.0/25"'))
        self.assert_says(self.tf.refused(base + subnet("x", 'cidr_block = "10.7.0.0/25"'), when="apply"),
                         "DependencyViolation", r"10\.7\.0\.0/24", "1 subnets")
        self.tf.write(base + more + subnet("x", 'cidr_block = "10.7.0.0/25"'))
        self.tf.destroy()
    test_further_cidrs_of_the_vpc.slow = True

    def test_moving_within_the_vpc(self):
        """A place that is left in the same plan can be taken in it."""
        self.tf.up(estate() + vpc("a") + subnet("s", 'cidr_block = "10.0.1.0/24"'))
        self.tf.up(estate() + vpc("a") + subnet("t", 'cidr_block = "10.0.1.0/25"'))
        self.tf.quiet()

    def test_drawn(self):
        text = PLANNED + "".join(subnet(f"s{i}", DRAW) for i in range(3)) + subnet(
            "w", 'cidr_block = "10.0.4.0/24"')
        self.tf.up(text)
        drawn = [self.tf.get(f"ipam_subnet.{n}")["cidr_block"] for n in ("s0", "s1", "s2", "w")]
        self.assert_disjoint(drawn, "10.0.0.0/20")
        self.tf.quiet()
        # Not even a written subnet, of which the pool knows nothing, is in the way of a draw.
        written = self.tf.get("ipam_subnet.w")["cidr_block"]
        more = text + "".join(subnet(f"t{i}", DRAW) for i in range(8))
        self.tf.up(more)
        later = [self.tf.get(f"ipam_subnet.t{i}")["cidr_block"] for i in range(8)]
        self.assert_disjoint(drawn + later)
        self.assertNotIn(written, later)
        a = self.tf.get("ipam_subnet.s0")
        self.import_round_trip("ipam_subnet.s0", f"{a['id']}@eu-west-1")
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_drawn_from_below(self):
        text = PLANNED + """
resource "ipam_pool" "below" {
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  locale              = "eu-west-1"
  source_ipam_pool_id = ipam_pool.plan.id
}
resource "ipam_pool_cidr" "below" {
  ipam_pool_id   = ipam_pool.below.id
  netmask_length = 22
}
""" + subnet("s", DRAW.replace("pool.plan", "pool.below")) + subnet("p", DRAW)
        self.tf.up(text)
        low = self.tf.get("ipam_pool_cidr.below")["cidr"]
        self.assert_disjoint([self.tf.get("ipam_subnet.s")["cidr_block"]], low)
        self.assert_disjoint([self.tf.get("ipam_subnet.p")["cidr_block"], low], "10.0.0.0/20")
        self.tf.quiet()
        self.tf.destroy()

    def test_planning_by_length_and_one_pool_a_cidr(self):
        text = PLANNED.replace("cidr         = ipam_vpc.a.cidr_block", "netmask_length = 20")
        self.tf.up(text)
        self.assertEqual(self.tf.get("ipam_pool_cidr.plan")["cidr"],
                         self.tf.get("ipam_vpc.a")["cidr_block"])
        self.tf.quiet()
        twin = PLANNING.replace('"plan"', '"twin"').replace("pool.plan", "pool.twin")
        self.assert_says(self.tf.refused(text + twin, when="apply"), r"10\.0\.0\.0/20|planned by",
                         self.tf.get("ipam_pool.plan")["id"])
    test_planning_by_length_and_one_pool_a_cidr.slow = True

    def test_a_planning_pool_holds_its_vpc_only(self):
        self.tf.up(PLANNED.split('resource "ipam_pool_cidr" "plan"')[0])
        wrong = PLANNED.replace("ipam_vpc.a.cidr_block", '"10.0.0.0/24"')
        self.assert_says(self.tf.refused(wrong), "must equal", r"10\.0\.0\.0/20")
    test_a_planning_pool_holds_its_vpc_only.slow = True

    def test_refusals(self):
        self.tf.up(PLANNED + vpc("b"))
        base = PLANNED + vpc("b")
        self.refuse_all(base, [subnet("s", DRAW.replace("pool.plan", "pool.main")),
                               subnet("t", DRAW, of="b"), subnet("u", DRAW.replace("24", "18"))],
                        "plans no VPC", "plans the inside of", "too big", "/18")
        self.refuse_all(base, [subnet("s", ""), subnet("t", DRAW.replace("24", "29")),
                               subnet("u", 'cidr_block = "10.0.1.0/30"'),
                               subnet("v", "ipv6_native = true"),
                               subnet("w", DRAW + '\n  ipv6_cidr_block = "fd00::/62"')],
                        "MissingParameter", "29", "/30", "ipv6_cidr_block", "/62")
        self.assert_says(self.tf.refused(base + subnet("s", DRAW + '\n  cidr_block = "10.0.1.0/24"')),
                         "conflict")
        no_vpc = subnet("s", 'cidr_block = "10.0.1.0/24"').replace(
            "ipam_vpc.a.id", '"vpc-0123456789abcdef0"')
        self.assert_says(self.tf.refused(base + no_vpc, when="apply"), "InvalidVpcID.NotFound")
    test_refusals.slow = True

    def test_planning_needs_a_locale_above(self):
        text = PLANNED.replace('  locale         = "eu-west-1"\n', "", 1)
        text = text.replace("ipam_vpc.a.id", '"vpc-0123456789abcdef0"').replace(vpc("a"), "").replace(
            PLANNING[PLANNING.index('resource "ipam_pool_cidr"'):], "")
        self.assert_says(self.tf.refused(text, when="apply"), "InvalidParameterValue", "no locale")

    def test_ipv6(self):
        base = estate() + SIX + vpc("a", extra="ipv6_ipam_pool_id = ipam_pool.six.id\n"
                                               "  ipv6_netmask_length = 56")
        plan = PLANNING.replace('"plan"', '"plan6"').replace("pool.plan", "pool.plan6").replace(
            '"ipv4"', '"ipv6"').replace("ipam_pool.main", "ipam_pool.six").replace(
            "a.cidr_block", "a.ipv6_cidr_block")
        draw = "ipv6_ipam_pool_id = ipam_pool.plan6.id\n  ipv6_netmask_length = 64"
        self.tf.up(base + plan + subnet("s", f'cidr_block = "10.0.0.0/24"\n  {draw}')
                   + subnet("n", f"ipv6_native = true\n  {draw}"))
        s, n = self.tf.get("ipam_subnet.s"), self.tf.get("ipam_subnet.n")
        self.assertEqual({s["ipv6_cidr_block"], n["ipv6_cidr_block"]},
                         {"fd12:3456::/64", "fd12:3456:0:1::/64"})
        self.assertRegex(s["ipv6_cidr_block_association_id"], "^subnet-cidr-assoc-")
        self.assertEqual(n["private_dns_hostname_type_on_launch"], "resource-name")
        self.tf.quiet()
        # IPv6 comes and goes in place.
        self.tf.write(base + plan + subnet("s", 'cidr_block = "10.0.0.0/24"')
                      + subnet("n", f"ipv6_native = true\n  {draw}"))
        self.assertEqual(self.tf.changes(), {"ipam_subnet.s": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_subnet.s")["ipv6_cidr_block"], "")
        self.tf.quiet()
        self.tf.destroy()

    def test_joining_a_pool_in_place(self):
        text = PLANNED + subnet("s", 'cidr_block = "10.0.1.0/24"')
        self.tf.up(text)
        self.tf.write(PLANNED + subnet("s", DRAW))
        self.assertEqual(self.tf.changes(), {"ipam_subnet.s": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_subnet.s")["cidr_block"], "10.0.1.0/24")
        self.tf.quiet()

    def test_drift(self):
        self.tf.up(estate() + vpc("a") + subnet("s", 'cidr_block = "10.0.1.0/24"')
                   + subnet("t", 'cidr_block = "10.0.2.0/24"'))
        def collide(state):
            instance_of(state, "ipam_subnet", "t")["cidr_block"] = "10.0.1.0/24"
        self.tf.edit_state(collide)
        self.assert_says(self.tf.plan(), "Warning", "overlaps another", r"10\.0\.1\.0/24")
        def outside(state):
            instance_of(state, "ipam_subnet", "t")["cidr_block"] = "10.99.0.0/24"
        self.tf.edit_state(outside)
        self.assert_says(self.tf.plan(), "Warning", "outside its VPC", r"10\.0\.0\.0/20")


# What the AWS provider records for these resources: version 6, with region; version 5, without.
def aws_state(v5=False):
    account = "111122223333"
    region = {} if v5 else {"region": "eu-west-1"}
    def arn(kind, name, where=""):
        return f"arn:aws:ec2:{where}:{account}:{kind}/{name}"
    ipam, scope = "ipam-0aaaaaaaaaaaaaaa1", "ipam-scope-0bbbbbbbbbbbbbbb1"
    pool, child = "ipam-pool-0ccccccccccccccc1", "ipam-pool-0ccccccccccccccc2"
    vpc_id, subnet_id = "vpc-0ddddddddddddddd1", "subnet-0eeeeeeeeeeeeeee1"
    alloc = "ipam-pool-alloc-0fffffffffffffffffffffffffffffff1"
    def pool_attributes(name, source, depth):
        return dict(
            address_family="ipv4", allocation_default_netmask_length=None,
            allocation_max_netmask_length=24, allocation_min_netmask_length=None,
            allocation_resource_tags={}, arn=arn("ipam-pool", name), auto_import=False,
            aws_service="", cascade=None, description="", id=name, ipam_scope_id=scope,
            ipam_scope_type="private", locale="eu-west-1", pool_depth=depth, public_ip_source="",
            publicly_advertisable=False, source_ipam_pool_id=source, source_resource=[],
            state="create-complete", tags={}, tags_all={}, timeouts=None, **region)
    resources = [
        ("aws_vpc_ipam", 0, dict(
            arn=arn("ipam", ipam), cascade=None, default_resource_discovery_association_id=
            "ipam-res-disco-assoc-0aaaaaaaaaaaaaaa1", default_resource_discovery_id=
            "ipam-res-disco-0aaaaaaaaaaaaaaa1", description="", id=ipam,
            operating_regions=[{"region_name": "eu-west-1"}], private_default_scope_id=scope,
            public_default_scope_id="ipam-scope-0bbbbbbbbbbbbbbb2", scope_count=2, tags=None,
            tags_all={}, timeouts=None,
            **({} if v5 else dict(enable_private_gua=False, tier="advanced",
                                  metered_account="ipam-owner", region="eu-west-1")))),
        ("aws_vpc_ipam_pool", 0, pool_attributes(pool, "", 1)),
        ("aws_vpc_ipam_pool_cidr", 0, dict(
            cidr="10.0.0.0/16", cidr_authorization_context=[], id=f"10.0.0.0/16_{pool}",
            ipam_pool_cidr_id="ipam-pool-cidr-0123456789abcdef", ipam_pool_id=pool,
            netmask_length=0, timeouts=None, **region)),
        ("aws_vpc_ipam_pool_cidr_allocation", 0, dict(
            cidr="10.0.0.0/24", description="", disallowed_cidrs=None, id=f"{alloc}_{pool}",
            ipam_pool_allocation_id=alloc, ipam_pool_id=pool, netmask_length=24, resource_id="",
            resource_owner=account, resource_type="custom", **region)),
        ("aws_vpc", 1, dict(
            arn=arn("vpc", vpc_id, "eu-west-1"), assign_generated_ipv6_cidr_block=False,
            cidr_block="10.0.16.0/20", default_network_acl_id="acl-0a", default_route_table_id="rtb-0a",
            default_security_group_id="sg-0a", dhcp_options_id="dopt-0a", enable_dns_hostnames=False,
            enable_dns_support=True, enable_network_address_usage_metrics=False, id=vpc_id,
            instance_tenancy="default", ipv4_ipam_pool_id=pool, ipv4_netmask_length=20,
            ipv6_association_id="", ipv6_cidr_block="", ipv6_cidr_block_network_border_group="",
            ipv6_ipam_pool_id="", ipv6_netmask_length=0, main_route_table_id="rtb-0a",
            owner_id=account, tags={}, tags_all={}, **({"enable_classiclink": None} if v5 else region))),
        ("aws_subnet", 1, dict(
            arn=arn("subnet", subnet_id, "eu-west-1"), assign_ipv6_address_on_creation=False,
            availability_zone="eu-west-1b", availability_zone_id="euw1-az3", cidr_block="10.0.17.0/24",
            customer_owned_ipv4_pool="", enable_dns64=False, enable_lni_at_device_index=0,
            enable_resource_name_dns_a_record_on_launch=False,
            enable_resource_name_dns_aaaa_record_on_launch=False, id=subnet_id, ipv6_cidr_block="",
            ipv6_cidr_block_association_id="", ipv6_native=False, map_customer_owned_ip_on_launch=False,
            map_public_ip_on_launch=False, outpost_arn="", owner_id=account,
            private_dns_hostname_type_on_launch="ip-name", tags={"Name": "s"}, tags_all={"Name": "s"},
            timeouts=None, vpc_id=vpc_id, **region)),
        ("aws_vpc_ipv4_cidr_block_association", 0, dict(
            cidr_block="10.0.32.0/24", id="vpc-cidr-assoc-0aaaaaaaaaaaaaaa1", ipv4_ipam_pool_id=pool,
            ipv4_netmask_length=24, timeouts=None, vpc_id=vpc_id, **region)),
        ("aws_vpc_ipam_preview_next_cidr", 0, dict(
            cidr="10.0.48.0/24", disallowed_cidrs=None, id=f"10.0.48.0/24_{pool}", ipam_pool_id=pool,
            netmask_length=24, **region)),
        ("aws_vpc_ipam_resource_discovery", 0, dict(
            arn=arn("ipam-resource-discovery", "ipam-res-disco-0aaaaaaaaaaaaaaa2"), description="",
            id="ipam-res-disco-0aaaaaaaaaaaaaaa2", ipam_resource_discovery_region="eu-west-1",
            is_default=False, operating_regions=[{"region_name": "eu-west-1"}], owner_id=account,
            tags={}, tags_all={}, timeouts=None, **({} if v5 else dict(
                organizational_unit_exclusion=[], **region)))),
        ("aws_vpc_ipam_resource_discovery_association", 0, dict(
            arn=arn("ipam-resource-discovery-association", "ipam-res-disco-assoc-0aaaaaaaaaaaaaaa2"),
            id="ipam-res-disco-assoc-0aaaaaaaaaaaaaaa2", ipam_arn=arn("ipam", ipam), ipam_id=ipam,
            ipam_region="eu-west-1", ipam_resource_discovery_id="ipam-res-disco-0aaaaaaaaaaaaaaa2",
            is_default=False, owner_id=account, state="associate-complete", tags=None, tags_all={},
            timeouts=None, **region)),
    ]
    return {"version": 4, "terraform_version": "1.11.4", "serial": 7,
            "lineage": "00000000-1111-2222-3333-444444444444", "outputs": {}, "check_results": None,
            "resources": [{"mode": "managed", "type": kind, "name": "main",
                           "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
                           "instances": [{"schema_version": version, "attributes": attributes,
                                          "sensitive_attributes": [],
                                          "private": "eyJzY2hlbWFfdmVyc2lvbiI6IjEifQ=="}]}
                          for kind, version, attributes in resources]}


AWS_HCL = """
resource "aws_vpc_ipam" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
}
resource "aws_vpc_ipam_pool" "main" {
  address_family                = "ipv4"
  ipam_scope_id                 = aws_vpc_ipam.main.private_default_scope_id
  locale                        = "eu-west-1"
  allocation_max_netmask_length = 24
}
resource "aws_vpc_ipam_pool_cidr" "main" {
  ipam_pool_id = aws_vpc_ipam_pool.main.id
  cidr         = "10.0.0.0/16"
}
resource "aws_vpc_ipam_pool_cidr_allocation" "main" {
  ipam_pool_id   = aws_vpc_ipam_pool.main.id
  netmask_length = 24
}
resource "aws_vpc" "main" {
  ipv4_ipam_pool_id   = aws_vpc_ipam_pool.main.id
  ipv4_netmask_length = 20
}
resource "aws_subnet" "main" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.17.0/24"
  tags       = { Name = "s" }
}
resource "aws_vpc_ipv4_cidr_block_association" "main" {
  vpc_id              = aws_vpc.main.id
  ipv4_ipam_pool_id   = aws_vpc_ipam_pool.main.id
  ipv4_netmask_length = 24
}
resource "aws_vpc_ipam_preview_next_cidr" "main" {
  ipam_pool_id   = aws_vpc_ipam_pool.main.id
  netmask_length = 24
}
resource "aws_vpc_ipam_resource_discovery" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
}
resource "aws_vpc_ipam_resource_discovery_association" "main" {
  ipam_id                    = aws_vpc_ipam.main.id
  ipam_resource_discovery_id = aws_vpc_ipam_resource_discovery.main.id
}
"""
AWS_TYPES = {"aws_vpc_ipam": "ipam", "aws_vpc_ipam_pool": "ipam_pool",
             "aws_vpc_ipam_pool_cidr": "ipam_pool_cidr",
             "aws_vpc_ipam_pool_cidr_allocation": "ipam_pool_cidr_allocation", "aws_vpc": "ipam_vpc",
             "aws_subnet": "ipam_subnet",
             "aws_vpc_ipv4_cidr_block_association": "ipam_vpc_ipv4_cidr_block_association",
             "aws_vpc_ipam_preview_next_cidr": "ipam_preview_next_cidr",
             "aws_vpc_ipam_resource_discovery": "ipam_resource_discovery",
             "aws_vpc_ipam_resource_discovery_association": "ipam_resource_discovery_association"}


class AwsState(Case):
    def mirrored(self, v5):
        self.tf.write('terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
                      'provider "aws" {\n  region = "eu-west-1"\n  allowed_account_ids = ["111122223333"]\n}\n'
                      + AWS_HCL)
        self.tf.state_file().write_text(json.dumps(aws_state(v5), indent=2))
        self.tf.init()
        self.tf.quiet()
        self.tf.quiet("-refresh=false")
        # What is there counts: the next VPC keeps off it.
        with open(self.tf.path / "more.tf", "w") as f:
            f.write('resource "aws_vpc" "next" {\n  ipv4_ipam_pool_id = aws_vpc_ipam_pool.main.id\n'
                    "  ipv4_netmask_length = 24\n}\n")
        self.tf.apply()
        held = ("10.0.0.0/24", "10.0.16.0/20", "10.0.32.0/24")
        self.assert_disjoint([self.tf.get("aws_vpc.next")["cidr_block"], *held], "10.0.0.0/16")
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_version_6(self):
        self.mirrored(False)

    def test_version_5(self):
        self.mirrored(True)

    def moved(self, v5):
        """From hashicorp/aws to native names of this provider, every type."""
        native = AWS_HCL
        for old in sorted(AWS_TYPES, key=len, reverse=True):
            native = native.replace(f'"{old}"', f'"\0{AWS_TYPES[old]}"').replace(
                f" {old}.main", f" \0{AWS_TYPES[old]}.main")
        moves = "".join(f"moved {{\n  from = {old}.main\n  to   = {new}.main\n}}\n"
                        for old, new in AWS_TYPES.items())
        self.tf.write(f'terraform {{\n  required_providers {{\n    ipam = {{ source = "{SOURCE}" }}\n'
                      f'    aws = {{ source = "{AWS_SOURCE}" }}\n  }}\n}}\n'
                      'provider "ipam" {\n  region = "eu-west-1"\n  account_id = "111122223333"\n}\n'
                      + native.replace("\0", "") + moves)
        self.tf.state_file().write_text(json.dumps(aws_state(v5), indent=2))
        self.tf.init()
        self.assertEqual(self.tf.changes(), {})
        self.tf.apply()
        self.assertEqual(set(self.tf.resources()), {f"{new}.main" for new in AWS_TYPES.values()})
        self.tf.quiet()
        self.assertEqual(self.tf.get("ipam_vpc.main")["cidr_block"], "10.0.16.0/20")

    def test_moved_version_6(self):
        self.moved(False)

    def test_moved_version_5(self):
        self.moved(True)


def provider(arguments):
    return 'provider "ipam" {\n  region = "eu-west-1"\n' + arguments + "\n}\n"


def with_provider(text, arguments):
    old = 'provider "ipam" {\n  region = "eu-west-1"\n}\n'
    assert old in text
    return text.replace(old, provider(arguments))


class ProviderBlock(Case):
    def test_ignored_tags(self):
        tags = 'tags = { Name = "a", Patch = "weekly", "cost/unit" = "7" }'
        text = estate() + vpc("a", extra=tags)
        ignore = '  ignore_tags {\n    keys = ["Patch"]\n    key_prefixes = ["cost/"]\n  }'
        self.tf.up(with_provider(text, ignore))
        a = self.tf.get("ipam_vpc.a")
        self.assertEqual(a["tags_all"], {"Name": "a"})
        self.assertEqual(set(a["tags"]), {"Name", "Patch", "cost/unit"})
        self.tf.quiet()
        self.tf.up(text)
        self.assertEqual(set(self.tf.get("ipam_vpc.a")["tags_all"]), {"Name", "Patch", "cost/unit"})

    def test_quotas(self):
        cidrs = "".join(block("ipam_pool_cidr", f"c{i}", "ipam_pool_id = ipam_pool.main.id\n  "
                              f'cidr = "10.1.{i}.0/24"') for i in range(3))
        quotas = "  quotas {\n    cidrs_per_pool = 2\n  }"
        self.assert_says(self.tf.refused(with_provider(estate() + cidrs, quotas), when="apply"),
                         "LimitExceeded", "quota is 2")
        self.tf.up(with_provider(estate() + cidrs, "  quotas {\n    cidrs_per_pool = 4\n  }"))
        self.tf.quiet()
        self.assert_says(self.tf.refused(with_provider(estate(), "  quotas {\n    pool_depth = 0\n  }")),
                         "pool_depth", "1")

    def test_scopes_can_be_raised(self):
        scopes = block("ipam_scope", "s", "count = 6\n  ipam_id = ipam.main.id")
        self.tf.up(with_provider(estate() + scopes, "  quotas {\n    scopes_per_ipam = 8\n  }"))
        self.assertEqual(len(self.tf.resources()), 9)

    def test_provider_meta(self):
        text = HEADER.replace("terraform {\n", 'terraform {\n  provider_meta "ipam" {\n'
                              '    user_agent = ["module/1.0"]\n  }\n', 1)
        self.tf.up(text + 'resource "ipam_vpc" "a" {\n  cidr_block = "10.0.0.0/16"\n}\n')
        self.tf.quiet()


class Regions(Case):
    def test_imports_name_the_region(self):
        self.tf.up(estate() + vpc("a") + subnet("s", 'cidr_block = "10.0.0.0/24"'))
        for address in ("ipam_pool_cidr.main", "ipam_subnet.s"):
            self.import_round_trip(address, self.tf.get(address)["id"] + "@eu-west-1")
        vpc_id = self.tf.get("ipam_vpc.a")["id"]
        self.tf.terraform("state", "rm", "ipam_vpc.a")
        self.assert_says(self.tf.terraform("import", "-no-color", "ipam_vpc.a", f"{vpc_id}@us-east-1",
                                           code=1), "wrong Region", "eu-west-1", "us-east-1")
        self.tf.terraform("import", "-no-color", "ipam_vpc.a", "vpc-0123456789abcdef0@us-east-1")
        self.assertEqual(self.tf.get("ipam_vpc.a")["region"], "us-east-1")


class Recovery(Case):
    def test_a_vpc_that_lost_its_pool_joins_it_in_place(self):
        self.tf.up(estate() + vpc("a"))
        def lose(state):
            instance_of(state, "ipam_vpc", "a")["ipv4_ipam_pool_id"] = None
            instance_of(state, "ipam_vpc", "a")["ipv4_netmask_length"] = None
        self.tf.edit_state(lose)
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["update"]})
        self.tf.apply()
        self.tf.quiet()
        self.assert_says(self.tf.refused(estate() + vpc("a") + vpc_at("b", "10.0.0.0/20")),
                         self.tf.get("ipam_vpc.a")["id"])
    test_a_vpc_that_lost_its_pool_joins_it_in_place.slow = True

    def test_rules_are_cleared_under_aws_names(self):
        rules = """allocation_min_netmask_length = 16
  allocation_max_netmask_length     = 24
  allocation_default_netmask_length = 20
  allocation_resource_tags          = { Environment = "prod" }"""
        def aws(text):
            return text.replace('resource "ipam_pool" "main" {', 'resource "aws_vpc_ipam_pool" "main" {\n'
                                "  provider = ipam").replace(" ipam_pool.main.", " aws_vpc_ipam_pool.main.")
        self.tf.up(aws(estate(rules=rules)))
        self.tf.write(aws(estate()))
        self.assertEqual(self.tf.changes(), {"aws_vpc_ipam_pool.main": ["update"]})
        self.tf.apply()
        self.tf.quiet()
        # No rule is left: neither size nor tags matter any more.
        self.tf.up(aws(estate() + vpc("a", 28)))
        self.tf.quiet()
        # A rule that somebody changed in the state is put right.
        def tighten(state):
            instance_of(state, "aws_vpc_ipam_pool", "main")["allocation_max_netmask_length"] = 24
        self.tf.edit_state(tighten)
        self.assertEqual(self.tf.changes(), {"aws_vpc_ipam_pool.main": ["update"]})


def reservation(name, arguments):
    return block("ipam_pool_cidr_allocation", name, f"ipam_pool_id = ipam_pool.main.id\n  {arguments}")


class Reservations(Case):
    """A VPC may stand on the reservation that is meant for it."""
    NAMED = 'tags = { Name = "payments" }'

    def test_by_description(self):
        kept = reservation("r", 'netmask_length = 20\n  description = "payments"')
        self.tf.up(estate() + kept)
        placed = vpc_at("a", "X", self.NAMED).replace('"X"', "ipam_pool_cidr_allocation.r.cidr")
        self.tf.up(estate() + kept + placed)
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.tf.quiet()
        # Nobody else gets there, not even with the same name.
        self.tf.up(estate() + kept + placed + vpc("b"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.16.0/20")
        # The VPC goes: the space is the reservation's again.
        self.tf.up(estate() + kept)
        self.tf.quiet()
        self.tf.up(estate() + kept + vpc("c"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.c"], "10.0.16.0/20")

    def test_by_tag_and_all_at_once(self):
        kept = reservation("r", 'cidr = "10.0.32.0/20"\n  tags = { "ipam:reserved-for" = "payments" }')
        text = estate() + kept + vpc_at("a", "10.0.32.0/20", self.NAMED)
        self.tf.up(text)
        self.tf.quiet()
        # The reservation goes: the VPC stays, and its space with it.
        self.tf.up(estate() + vpc_at("a", "10.0.32.0/20", self.NAMED))
        self.tf.quiet()
        self.tf.up(text)
        self.tf.quiet()
        # Another VPC in its place, in one run.
        self.tf.apply("-replace=ipam_vpc.a")
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_not_meant(self):
        kept = reservation("r", 'cidr = "10.0.32.0/20"\n  description = "payments"')
        self.tf.up(estate() + kept)
        result = self.tf.refused(estate() + kept + vpc_at("a", "10.0.32.0/20") + vpc_at(
            "b", "10.0.32.0/20", 'tags = { Name = "search" }'))
        self.assertEqual(len(result.errors()), 2, result)
        self.assert_says(result, r"10\.0\.32\.0/20", "custom ipam-pool-alloc-")
    test_not_meant.slow = True
