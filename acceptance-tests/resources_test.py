"""Each resource from creation to destruction: what it shows, what changes in place, what replaces
it, what it refuses, and that importing it gives the same again."""

from harness import Case, HEADER, estate, pool_hcl, vpc, vpc_at

IPAM = HEADER + """
resource "ipam" "main" {
  description = "first"
  operating_regions {
    region_name = "eu-west-1"
  }
  tags = { Team = "network" }
}
"""
ID = "[0-9a-f]{17}"


class Ipam(Case):
    def test_attributes(self):
        self.tf.up(IPAM)
        a = self.tf.get("ipam.main")
        self.assertRegex(a["id"], f"^ipam-{ID}$")
        self.assertRegex(a["arn"], rf"^arn:aws:ec2::\d{{12}}:ipam/{a['id']}$")
        self.assertRegex(a["private_default_scope_id"], f"^ipam-scope-{ID}$")
        self.assertRegex(a["public_default_scope_id"], f"^ipam-scope-{ID}$")
        self.assertNotEqual(a["private_default_scope_id"], a["public_default_scope_id"])
        self.assertRegex(a["default_resource_discovery_id"], f"^ipam-res-disco-{ID}$")
        self.assertRegex(a["default_resource_discovery_association_id"],
                         f"^ipam-res-disco-assoc-{ID}$")
        for name, value in dict(description="first", tier="advanced", scope_count=2,
                                enable_private_gua=False, metered_account="ipam-owner",
                                region="eu-west-1", tags={"Team": "network"},
                                tags_all={"Team": "network"}).items():
            self.assertEqual(a[name], value, name)
        self.tf.quiet()

    def test_updates_in_place(self):
        self.tf.up(IPAM)
        before = self.tf.get("ipam.main")
        self.tf.write(IPAM.replace('"first"', '"second"\n  tier = "free"')
                      .replace('"network"', '"platform"')
                      .replace("  tags", '  operating_regions {\n region_name = "us-east-1"\n }\n  tags'))
        self.assertEqual(self.tf.changes(), {"ipam.main": ["update"]})
        self.tf.apply()
        after = self.tf.get("ipam.main")
        self.assertEqual(after["id"], before["id"])
        self.assertEqual(after["private_default_scope_id"], before["private_default_scope_id"])
        self.assertEqual((after["description"], after["tier"]), ("second", "free"))
        self.assertEqual(after["tags_all"], {"Team": "platform"})
        self.assertEqual({r["region_name"] for r in after["operating_regions"]},
                         {"eu-west-1", "us-east-1"})
        self.tf.quiet()

    def test_region_replaces(self):
        both = IPAM.replace("  tags", '  operating_regions {\n region_name = "us-east-1"\n }\n  tags')
        self.tf.up(both)
        self.tf.write(both.replace("  description", '  region = "us-east-1"\n  description', 1))
        self.assertEqual(self.tf.changes(), {"ipam.main": ["delete", "create"]})

    def test_operating_regions_hold_the_own_region(self):
        result = self.tf.refused(IPAM.replace('region_name = "eu-west-1"', 'region_name = "us-east-1"'))
        self.assert_says(result, "operating_regions", "eu-west-1")

    def test_values_are_checked(self):
        self.assert_says(self.tf.refused(IPAM.replace("  tags", '  tier = "gold"\n  tags')),
                         "tier", "gold", "free", "advanced")
        self.assert_says(self.tf.refused(IPAM.replace('name = "eu-west-1"', 'name = "Dublin"')),
                         "Dublin")

    def test_import(self):
        self.tf.up(IPAM)
        self.import_round_trip("ipam.main", self.tf.get("ipam.main")["id"])

    def test_import_by_id_alone(self):
        """Nobody remembers this id, so the rest is taken from the configuration, in place."""
        self.tf.write(IPAM)
        self.tf.init()
        result = self.tf.terraform("import", "-no-color", "ipam.main", "ipam-0123456789abcdef0")
        self.assert_says(result, "Warning", "ipam-0123456789abcdef0")
        self.assertEqual(self.tf.changes(), {"ipam.main": ["update"]})
        self.tf.apply()
        a = self.tf.get("ipam.main")
        self.assertEqual((a["id"], a["description"]), ("ipam-0123456789abcdef0", "first"))
        self.assertRegex(a["private_default_scope_id"], f"^ipam-scope-{ID}$")
        self.tf.quiet()

    def test_import_of_no_id(self):
        self.tf.write(IPAM)
        self.tf.init()
        result = self.tf.terraform("import", "-no-color", "ipam.main", "nonsense", code=1)
        self.assert_says(result, "nonsense", "ipam-")

    def test_destroy(self):
        self.tf.up(IPAM)
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_is_not_deleted_with_pools(self):
        self.tf.up(IPAM)
        scope = self.tf.get("ipam.main")["private_default_scope_id"]
        pool = pool_hcl().replace("ipam.main.private_default_scope_id", f'"{scope}"')
        self.tf.up(IPAM + pool)
        result = self.tf.refused(HEADER + pool, when="apply")
        self.assert_says(result, "ipam-[0-9a-f]{17}", "pool")
        self.assertIn("ipam.main", self.tf.resources())
    test_is_not_deleted_with_pools.slow = True


SCOPE = IPAM + """
resource "ipam_scope" "lab" {
  ipam_id     = ipam.main.id
  description = "lab"
}
"""


class Scope(Case):
    def test_life(self):
        self.tf.up(SCOPE)
        a = self.tf.get("ipam_scope.lab")
        self.assertRegex(a["id"], f"^ipam-scope-{ID}$")
        self.assertRegex(a["arn"], rf"^arn:aws:ec2::\d{{12}}:ipam-scope/{a['id']}$")
        self.assertEqual(a["ipam_arn"], self.tf.get("ipam.main")["arn"])
        self.assertEqual((a["ipam_scope_type"], a["is_default"], a["pool_count"]),
                         ("private", False, 0))
        self.tf.quiet()
        changed = SCOPE.replace('"lab"\n', '"laboratory"\n  tags = { A = "b" }\n')
        self.tf.write(changed)
        self.assertEqual(self.tf.changes(), {"ipam_scope.lab": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_scope.lab")["id"], a["id"])
        self.assertEqual(self.tf.get("ipam_scope.lab")["description"], "laboratory")
        self.tf.quiet()
        self.import_round_trip("ipam_scope.lab", a["id"])
        self.tf.write(IPAM)
        self.tf.apply()
        self.assertEqual(set(self.tf.resources()), {"ipam.main"})

    def test_the_same_space_twice(self):
        """Scopes are separate spaces: each may hold the same CIDR."""
        self.tf.up(SCOPE + pool_hcl() + pool_hcl(name="lab").replace(
            "ipam.main.private_default_scope_id", "ipam_scope.lab.id") + vpc("a") + vpc("b", pool="lab"))
        self.assertEqual(set(self.tf.cidrs().values()), {"10.0.0.0/20"})
        self.tf.quiet()

    def test_quota(self):
        text = SCOPE.replace('"lab" {', '"lab" {\n  count = 4')
        result = self.tf.refused(text, when="apply")
        self.assert_says(result, "scope", "5")
    test_quota.slow = True


class Pool(Case):
    def test_attributes(self):
        self.tf.up(estate())
        a = self.tf.get("ipam_pool.main")
        self.assertRegex(a["id"], f"^ipam-pool-{ID}$")
        self.assertRegex(a["arn"], rf"^arn:aws:ec2::\d{{12}}:ipam-pool/{a['id']}$")
        for name, value in dict(ipam_scope_type="private", pool_depth=1, state="create-complete",
                                locale="eu-west-1", auto_import=False, address_family="ipv4",
                                description="main pool").items():
            self.assertEqual(a[name], value, name)
        for name in ("min", "max", "default"):
            self.assertIsNone(a[f"allocation_{name}_netmask_length"])
        self.tf.quiet()

    def test_rules_change_in_place_and_can_be_cleared(self):
        self.tf.up(estate())
        before = self.tf.get("ipam_pool.main")["id"]
        rules = """allocation_min_netmask_length = 16
  allocation_max_netmask_length     = 24
  allocation_default_netmask_length = 22
  auto_import                       = true
  allocation_resource_tags          = { Environment = "prod" }"""
        self.tf.write(estate(rules=rules).replace('"main pool"', '"guarded"'))
        self.assertEqual(self.tf.changes(), {"ipam_pool.main": ["update"]})
        self.tf.apply()
        a = self.tf.get("ipam_pool.main")
        self.assertEqual(a["id"], before)
        self.assertEqual(a["state"], "modify-complete")
        self.assertEqual(a["allocation_resource_tags"], {"Environment": "prod"})
        self.tf.quiet()
        self.tf.up(estate())
        a = self.tf.get("ipam_pool.main")
        self.assertIsNone(a["allocation_default_netmask_length"])
        self.assertIsNone(a["allocation_min_netmask_length"])
        self.assertFalse(a["auto_import"])
        self.tf.quiet()

    def test_what_replaces_it(self):
        text = estate().replace(pool_hcl(), "") + """
resource "ipam_pool" "main" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
}
"""
        self.tf.up(text)
        for change in (('"ipv4"', '"ipv6"'), ("private_default", "public_default"),
                       ('"ipv4"\n', '"ipv4"\n  locale = "us-east-1"\n')):
            self.tf.write(text.replace(*change))
            self.assertEqual(self.tf.changes(), {"ipam_pool.main": ["delete", "create"]}, change)

    def child(self, rules="", family="ipv4", locale="eu-west-1", length=20):
        return f"""
resource "ipam_pool" "child" {{
  address_family      = "{family}"
  ipam_scope_id       = ipam.main.private_default_scope_id
  locale              = "{locale}"
  source_ipam_pool_id = ipam_pool.main.id
  {rules}
}}
resource "ipam_pool_cidr" "child" {{
  ipam_pool_id   = ipam_pool.child.id
  netmask_length = {length}
}}
"""

    def test_child(self):
        self.tf.up(estate(rules="allocation_min_netmask_length = 24") + self.child())
        a = self.tf.get("ipam_pool.child")
        self.assertEqual(a["pool_depth"], 2)
        # Allocation rules bind resources, not child pools, so a /20 may pass a minimum of 24.
        self.assertEqual(self.tf.get("ipam_pool_cidr.child")["cidr"], "10.0.0.0/20")
        self.tf.quiet()
        self.import_round_trip("ipam_pool.child", a["id"], ignored=("cascade", "timeouts"))
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_import(self):
        self.tf.up(estate(rules="allocation_default_netmask_length = 22\n  allocation_resource_tags = { A = \"b\" }"))
        self.import_round_trip("ipam_pool.main", self.tf.get("ipam_pool.main")["id"])

    def test_bounds_must_fit(self):
        for rules, words in (
                ("allocation_min_netmask_length = 24\n  allocation_max_netmask_length = 16", ("24", "16")),
                ("allocation_min_netmask_length = 16\n  allocation_default_netmask_length = 12", ("16", "12")),
                ("allocation_max_netmask_length = 33", ("33", "32")),
                ("allocation_max_netmask_length = 129", ("129", "128")),
                ('aws_service = "s3"', ("aws_service", "s3")),
                ('public_ip_source = "magic"', ("public_ip_source", "magic"))):
            self.assert_says(self.tf.refused(estate(rules=rules)), *words)

    def test_child_must_fit_its_source(self):
        self.tf.up(estate())
        self.assert_says(self.tf.refused(estate() + self.child(family="ipv6")), "ipv6", "ipv4")
        self.assert_says(self.tf.refused(estate() + self.child(locale="us-east-1")),
                         "us-east-1", "eu-west-1")
        self.assert_says(self.tf.refused(estate() + self.child(locale="ap-south-1")), "ap-south-1")

    def test_depth(self):
        text = estate()
        source = "main"
        for depth in range(2, 12):
            text += self.child(length=16 + depth - 1).replace('"child"', f'"d{depth}"').replace(
                "ipam_pool.child.", f"ipam_pool.d{depth}.").replace(
                "ipam_pool.main.id", f"ipam_pool.{source}.id")
            source = f"d{depth}"
        result = self.tf.refused(text, when="apply")
        self.assert_says(result, "depth", "10")
        self.assertEqual(self.tf.get("ipam_pool.d10")["pool_depth"], 10)
        self.assertNotIn("ipam_pool.d11", self.tf.resources())
    test_depth.slow = True

    def test_unknown_pool(self):
        self.tf.up(estate())
        text = estate() + vpc("a").replace("ipam_pool.main.id", '"ipam-pool-0123456789abcdef0"')
        result = self.tf.refused(text, when="apply")
        self.assert_says(result, "ipam-pool-0123456789abcdef0")
    test_unknown_pool.slow = True

    def test_cascade(self):
        """A pool that cascades takes its CIDRs along, whoever holds them."""
        self.tf.up(estate(rules="cascade = true"))
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})


class PoolCidr(Case):
    def test_explicit(self):
        self.tf.up(estate())
        a, pool = self.tf.get("ipam_pool_cidr.main"), self.tf.get("ipam_pool.main")["id"]
        self.assertEqual(a["id"], f"10.0.0.0/16_{pool}")
        self.assertRegex(a["ipam_pool_cidr_id"], "^ipam-pool-cidr-[0-9a-f]+$")
        self.tf.quiet()
        self.import_round_trip("ipam_pool_cidr.main", a["id"], ignored=("netmask_length",))

    def test_change_replaces(self):
        self.tf.up(estate())
        self.tf.write(estate("10.1.0.0/16"))
        self.assertEqual(self.tf.changes(), {"ipam_pool_cidr.main": ["delete", "create"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_pool_cidr.main")["cidr"], "10.1.0.0/16")
        self.tf.quiet()

    def test_several_in_one_pool(self):
        extra = "".join(f'resource "ipam_pool_cidr" "x{i}" {{\n  ipam_pool_id = ipam_pool.main.id\n'
                        f'  cidr = "{c}"\n}}\n' for i, c in enumerate(("172.16.0.0/24", "192.168.4.0/22")))
        self.tf.up(estate("10.0.0.0/24") + extra)
        self.tf.quiet()
        self.tf.up(estate("10.0.0.0/24") + extra + vpc("big", 22) + vpc("a", 24) + vpc("b", 24))
        self.assertEqual(self.tf.get("ipam_vpc.big")["cidr_block"], "192.168.4.0/22")
        self.assertEqual({self.tf.get("ipam_vpc.a")["cidr_block"], self.tf.get("ipam_vpc.b")["cidr_block"]},
                         {"10.0.0.0/24", "172.16.0.0/24"})
        self.tf.destroy()

    def test_carved(self):
        text = estate() + Pool.child(self)
        self.tf.up(text)
        a = self.tf.get("ipam_pool_cidr.child")
        self.assertEqual((a["cidr"], a["netmask_length"]), ("10.0.0.0/20", 20))
        self.tf.quiet()
        self.import_round_trip("ipam_pool_cidr.child", a["id"])

    def test_values_are_checked(self):
        self.assert_says(self.tf.refused(estate("10.0.0.1/16")), r"10\.0\.0\.0/16")
        self.assert_says(self.tf.refused(estate("10.0.0.0/33")), r"10\.0\.0\.0/33")
        self.assert_says(self.tf.refused(estate("10.0.0")), r"10\.0\.0")
        both = estate().replace('"10.0.0.0/16"', '"10.0.0.0/16"\n  netmask_length = 16')
        self.assert_says(self.tf.refused(both), "cidr", "netmask_length", "conflict")

    def test_family_of_the_pool(self):
        self.tf.up(estate())
        self.assert_says(self.tf.refused(estate("fd00::/48")), "fd00::/48", "ipv4")

    def test_top_level_needs_a_cidr(self):
        text = estate().replace('cidr         = "10.0.0.0/16"', "netmask_length = 16")
        result = self.tf.refused(text, when="apply")
        self.assert_says(result, "cidr")

    def test_top_level_pools_are_disjoint(self):
        self.tf.up(estate())
        text = estate() + pool_hcl("10.0.128.0/17", name="other")
        self.tf.refused(text, when="apply")
        result = self.tf.refused(text)
        self.assert_says(result, r"10\.0\.128\.0/17", r"10\.0\.0\.0/16")
    test_top_level_pools_are_disjoint.slow = True

    def test_stays_while_it_is_used(self):
        self.tf.up(estate() + vpc("a"))
        pool = self.tf.get("ipam_pool.main")["id"]
        used = vpc("a").replace("ipam_pool.main.id", f'"{pool}"')
        without_cidr = estate().split('resource "ipam_pool_cidr"')[0]
        result = self.tf.refused(without_cidr + used, when="apply")
        self.assert_says(result, r"10\.0\.0\.0/16", "allocation")
        self.assertIn("ipam_pool_cidr.main", self.tf.resources())
    test_stays_while_it_is_used.slow = True


def reservation(arguments, name="r"):
    return f"""
resource "ipam_pool_cidr_allocation" "{name}" {{
  ipam_pool_id = ipam_pool.main.id
  {arguments}
}}
"""


class Allocation(Case):
    def test_life(self):
        self.tf.up(estate() + reservation('netmask_length = 22\n  description = "for eks"'))
        a, pool = self.tf.get("ipam_pool_cidr_allocation.r"), self.tf.get("ipam_pool.main")["id"]
        self.assertEqual(a["cidr"], "10.0.0.0/22")
        self.assertRegex(a["ipam_pool_allocation_id"], "^ipam-pool-alloc-[0-9a-f]{33}$")
        self.assertEqual(a["id"], f"{a['ipam_pool_allocation_id']}_{pool}")
        self.assertEqual(a["resource_type"], "custom")
        self.assertRegex(a["resource_owner"], r"^\d{12}$")
        self.tf.quiet()
        self.import_round_trip("ipam_pool_cidr_allocation.r", a["id"])
        self.tf.write(estate() + reservation('netmask_length = 22\n  description = "for eks"\n  tags = { A = "b" }'))
        self.assertEqual(self.tf.changes(), {"ipam_pool_cidr_allocation.r": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_pool_cidr_allocation.r")["tags_all"], {"A": "b"})
        self.tf.quiet()
        self.tf.write(estate() + reservation("netmask_length = 23"))
        self.assertEqual(self.tf.changes(), {"ipam_pool_cidr_allocation.r": ["delete", "create"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_pool_cidr_allocation.r")["cidr"], "10.0.0.0/23")
        self.tf.up(estate())
        self.assertNotIn("ipam_pool_cidr_allocation.r", self.tf.resources())

    def test_explicit_default_and_disallowed(self):
        text = (estate(rules="allocation_default_netmask_length = 24")
                + reservation('cidr = "10.0.8.0/24"', "explicit")
                + reservation("", "default")
                + reservation('netmask_length = 28\n  disallowed_cidrs = ["10.0.0.0/24", "10.0.1.0/28"]', "kept_off"))
        self.tf.up(text.split('resource "ipam_pool_cidr_allocation" "default"')[0])
        self.assertEqual(self.tf.get("ipam_pool_cidr_allocation.explicit")["cidr"], "10.0.8.0/24")
        self.tf.up(text.split('resource "ipam_pool_cidr_allocation" "kept_off"')[0])
        self.assertEqual(self.tf.get("ipam_pool_cidr_allocation.default")["cidr"], "10.0.0.0/24")
        self.tf.up(text)
        self.assertEqual(self.tf.get("ipam_pool_cidr_allocation.kept_off")["cidr"], "10.0.1.16/28")
        self.tf.quiet()

    def test_explicit_cidr_is_in_the_plan(self):
        self.tf.up(estate())
        self.tf.write(estate() + reservation('cidr = "10.0.8.0/24"'))
        after = [c for c in self.tf.plan_json()["resource_changes"]
                 if c["address"] == "ipam_pool_cidr_allocation.r"][0]["change"]
        self.assertEqual(after["after"]["cidr"], "10.0.8.0/24")

    def test_values_are_checked(self):
        self.tf.up(estate())
        for arguments, words in (
                ('cidr = "10.0.8.0/24"\n  netmask_length = 24', ("cidr", "netmask_length", "conflict")),
                ('cidr = "10.0.8.1/24"', (r"10\.0\.8\.0/24",)),
                ("netmask_length = 200", ("200", "128")),
                ("netmask_length = 64", ("64",)),
                ('netmask_length = 24\n  disallowed_cidrs = ["10.0.0.1/24"]', (r"10\.0\.0\.1/24",)),
                ("", ("InvalidParameterCombination", "netmask"))):
            self.assert_says(self.tf.refused(estate() + reservation(arguments)), *words)


class Vpc(Case):
    def test_attributes(self):
        self.tf.up(estate() + vpc("a", extra='tags = { Name = "a" }'))
        a = self.tf.get("ipam_vpc.a")
        self.assertRegex(a["id"], f"^vpc-{ID}$")
        self.assertRegex(a["arn"], rf"^arn:aws:ec2:eu-west-1:\d{{12}}:vpc/{a['id']}$")
        self.assertRegex(a["owner_id"], r"^\d{12}$")
        for name, prefix in (("main_route_table_id", "rtb"), ("default_network_acl_id", "acl"),
                             ("default_security_group_id", "sg"), ("dhcp_options_id", "dopt")):
            self.assertRegex(a[name], f"^{prefix}-{ID}$", name)
        self.assertEqual(a["main_route_table_id"], a["default_route_table_id"])
        for name, value in dict(cidr_block="10.0.0.0/20", instance_tenancy="default",
                                enable_dns_support=True, enable_dns_hostnames=False,
                                enable_network_address_usage_metrics=False, region="eu-west-1",
                                tags_all={"Name": "a"}).items():
            self.assertEqual(a[name], value, name)
        self.tf.quiet()

    def test_in_place(self):
        self.tf.up(estate() + vpc("a"))
        before = self.tf.get("ipam_vpc.a")
        self.tf.write(estate() + vpc("a", extra="""enable_dns_hostnames = true
  enable_dns_support = false
  enable_network_address_usage_metrics = true
  tags = { Name = "renamed" }"""))
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["update"]})
        self.tf.apply()
        after = self.tf.get("ipam_vpc.a")
        self.assertEqual((after["id"], after["cidr_block"]), (before["id"], before["cidr_block"]))
        self.assertEqual(after["tags_all"], {"Name": "renamed"})
        self.assertTrue(after["enable_dns_hostnames"])
        self.tf.quiet()

    def test_what_replaces_it(self):
        self.tf.up(estate() + vpc("a"))
        for text in (vpc("a", 22), vpc_at("a", "10.0.240.0/20"),
                     vpc("a", extra='instance_tenancy = "dedicated"'),
                     vpc("a", extra='region = "us-east-1"')):
            self.tf.write(estate() + text)
            # Outside of the pool's locale a VPC is refused, once it is known that it moves there.
            if "us-east-1" in text:
                self.assert_says(self.tf.plan(code=1), "us-east-1", "eu-west-1")
            else:
                self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["delete", "create"]}, text)

    def test_dedicated_becomes_default_in_place(self):
        self.tf.up(estate() + vpc("a", extra='instance_tenancy = "dedicated"'))
        self.tf.write(estate() + vpc("a", extra='instance_tenancy = "default"'))
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["update"]})

    def test_default_length_of_the_pool(self):
        text = vpc("a").replace("ipv4_netmask_length = 20", "")
        self.tf.up(estate(rules="allocation_default_netmask_length = 22") + text)
        self.assertEqual(self.tf.get("ipam_vpc.a")["cidr_block"], "10.0.0.0/22")
        self.tf.quiet()

    def test_explicit_cidr_from_the_pool(self):
        self.tf.up(estate() + vpc_at("a", "10.0.16.0/20") + vpc("b") + vpc("c"))
        self.assertEqual(self.tf.get("ipam_vpc.a")["cidr_block"], "10.0.16.0/20")
        self.assert_disjoint(self.tf.cidrs().values(), "10.0.0.0/16")
        self.tf.quiet()

    def test_without_a_pool(self):
        self.tf.up(HEADER + 'resource "ipam_vpc" "a" {\n  cidr_block = "192.168.0.0/16"\n}\n')
        self.tf.quiet()
        self.tf.destroy()

    def test_ipv6(self):
        text = estate() + """
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
        self.tf.up(text + vpc("a", extra="ipv6_ipam_pool_id = ipam_pool.six.id\n  ipv6_netmask_length = 56")
                   + vpc("b", extra="ipv6_ipam_pool_id = ipam_pool.six.id\n  ipv6_netmask_length = 56"))
        six = [self.tf.get(f"ipam_vpc.{n}")["ipv6_cidr_block"] for n in "ab"]
        self.assertEqual(set(six), {"fd12:3456::/56", "fd12:3456:0:100::/56"})
        self.assertRegex(self.tf.get("ipam_vpc.a")["ipv6_association_id"], "^vpc-cidr-assoc-[0-9a-f]+$")
        self.tf.quiet()
        self.tf.destroy()

    def test_values_are_checked(self):
        self.tf.up(estate())
        for text, words in (
                (vpc("a", 29), ("29", "28")),
                (vpc("a", extra='cidr_block = "10.0.0.0/20"'), ("cidr_block", "ipv4_netmask_length", "conflict")),
                (vpc_at("a", "10.0.0.1/20"), (r"10\.0\.0\.0/20",)),
                (vpc_at("a", "10.0.0.0/29"), ("29", "28")),
                (vpc("a").replace("ipv4_ipam_pool_id   = ipam_pool.main.id", ""), ("ipv4_ipam_pool_id",)),
                (vpc("a", extra='instance_tenancy = "host"'), ("instance_tenancy", "host")),
                ('resource "ipam_vpc" "a" {\n}\n', ("MissingParameter", "cidr"))):
            self.assert_says(self.tf.refused(estate() + text), *words)

    def test_import(self):
        self.tf.up(estate() + vpc("a") + vpc("b"))
        self.import_round_trip("ipam_vpc.b", self.tf.get("ipam_vpc.b")["id"])
        self.assert_disjoint(self.tf.cidrs().values())

    def test_import_block(self):
        self.tf.up(estate() + vpc("a"))
        before = self.tf.get("ipam_vpc.a")
        self.tf.terraform("state", "rm", "ipam_vpc.a")
        self.tf.up(estate() + vpc("a") + f'import {{\n  to = ipam_vpc.a\n  id = "{before["id"]}"\n}}\n')
        after = self.tf.get("ipam_vpc.a")
        self.assertEqual((after["id"], after["cidr_block"]), (before["id"], before["cidr_block"]))
        self.tf.quiet()
