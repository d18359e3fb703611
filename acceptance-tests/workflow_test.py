"""The ways people drive Terraform: each leaves every address where it was and issues none twice."""

from harness import Case, estate, vpc, vpc_at

CREATE_FIRST = "lifecycle {\n    create_before_destroy = true\n  }"


class Workflow(Case):
    def test_target(self):
        self.tf.up(estate() + vpc("a") + vpc("b"))
        before = self.tf.cidrs()
        self.tf.up(estate() + vpc("a") + vpc("b") + vpc("c") + vpc("d"), "-target=ipam_vpc.d")
        after = self.tf.cidrs()
        self.assertEqual(set(after), {"ipam_vpc.a", "ipam_vpc.b", "ipam_vpc.d"})
        self.assertEqual(after["ipam_vpc.d"], "10.0.32.0/20")
        self.assertEqual({k: after[k] for k in before}, before)
        self.tf.apply()
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.destroy("-target=ipam_vpc.a")
        self.assertEqual(len(self.tf.cidrs()), 3)

    def test_without_refresh(self):
        self.tf.up(estate() + vpc("a"))
        self.tf.up(estate() + vpc("a") + vpc("b") + vpc("c"), "-refresh=false")
        self.assert_disjoint(self.tf.cidrs().values(), "10.0.0.0/16")
        self.tf.quiet("-refresh=false")
        self.tf.quiet()

    def test_saved_plan(self):
        self.tf.up(estate() + vpc("a"))
        self.tf.write(estate() + vpc("a") + vpc("b") + vpc_at("c", "10.0.96.0/20"))
        self.tf.plan("-out=saved.tfplan")
        planned = self.tf.show("saved.tfplan")["planned_values"]["root_module"]["resources"]
        c = [r for r in planned if r["address"] == "ipam_vpc.c"][0]
        self.assertEqual(c["values"]["cidr_block"], "10.0.96.0/20")
        self.tf.terraform("apply", "-no-color", "saved.tfplan")
        self.assert_disjoint(self.tf.cidrs().values())
        self.assertEqual(self.tf.cidrs()["ipam_vpc.c"], "10.0.96.0/20")
        self.tf.quiet()

    def test_saved_plan_of_everything(self):
        self.tf.write(estate() + vpc("a") + vpc("b"))
        self.tf.init()
        self.tf.plan("-out=saved.tfplan")
        self.tf.terraform("apply", "-no-color", "saved.tfplan")
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.quiet()

    def test_create_before_destroy(self):
        self.tf.up(estate() + vpc("a", 20, CREATE_FIRST))
        self.tf.write(estate() + vpc("a", 22, CREATE_FIRST))
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["create", "delete"]})
        self.tf.apply()
        # The old /20 is still held while the new block is chosen.
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.16.0/22"})
        self.tf.quiet()
        self.tf.up(estate() + vpc("a", 22, CREATE_FIRST) + vpc("b"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.0.0/20")

    def test_destroy_before_create(self):
        self.tf.up(estate() + vpc("a", 20))
        self.tf.up(estate() + vpc("a", 22))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/22"})
        self.tf.quiet()

    def test_taint(self):
        self.tf.up(estate() + vpc("a") + vpc("b"))
        before = self.tf.resources()
        self.tf.terraform("taint", "ipam_vpc.a")
        self.assertEqual(self.tf.changes(), {"ipam_vpc.a": ["delete", "create"]})
        self.tf.apply()
        after = self.tf.resources()
        self.assertNotEqual(after["ipam_vpc.a"]["id"], before["ipam_vpc.a"]["id"])
        self.assertEqual(after["ipam_vpc.b"]["id"], before["ipam_vpc.b"]["id"])
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.quiet()

    def test_a_tainted_vpc_holds_its_address(self):
        self.tf.up(estate() + vpc("a"))
        self.tf.terraform("taint", "ipam_vpc.a")
        self.tf.up(estate() + vpc("a") + vpc("b"), "-target=ipam_vpc.b")
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.16.0/20")

    def test_replace_option(self):
        self.tf.up(estate() + vpc("a") + vpc("b"))
        before = self.tf.get("ipam_vpc.a")["id"]
        self.tf.apply("-replace=ipam_vpc.a")
        self.assertNotEqual(self.tf.get("ipam_vpc.a")["id"], before)
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.quiet()

    def test_replace_the_pool(self):
        """Pool, CIDR and VPC all go and come again in one run."""
        self.tf.up(estate() + vpc("a"))
        self.tf.apply("-replace=ipam_pool.main")
        self.assertEqual(len(self.tf.resources()), 4)
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.tf.quiet()

    def test_refresh_only(self):
        self.tf.up(estate() + vpc("a"))
        before = self.tf.resources()
        self.tf.apply("-refresh-only")
        self.tf.terraform("refresh", "-no-color")
        self.assertEqual(self.tf.resources(), before)

    def test_moved_in_configuration(self):
        self.tf.up(estate() + vpc("a"))
        before = self.tf.get("ipam_vpc.a")
        self.tf.up(estate() + vpc("b") + "moved {\n  from = ipam_vpc.a\n  to = ipam_vpc.b\n}\n")
        self.assertEqual(self.tf.get("ipam_vpc.b"), before)
        self.tf.quiet()

    def test_removed_block_forgets(self):
        """Forgotten by Terraform, the address is free again: there is no other record of it."""
        self.tf.up(estate() + vpc("a"))
        self.tf.up(estate() + "removed {\n  from = ipam_vpc.a\n  lifecycle {\n    destroy = false\n  }\n}\n")
        self.tf.up(estate() + vpc("b"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.b": "10.0.0.0/20"})

    def test_any_order(self):
        """A chain of pools, CIDRs and VPCs that nothing orders but the ids, torn down the same way."""
        text = estate("10.0.0.0/8")
        source = "main"
        for depth, length in enumerate((12, 14, 16)):
            text += f"""
resource "ipam_pool" "p{depth}" {{
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  locale              = "eu-west-1"
  source_ipam_pool_id = ipam_pool.{source}.id
}}
resource "ipam_pool_cidr" "p{depth}" {{
  ipam_pool_id   = ipam_pool.p{depth}.id
  netmask_length = {length}
}}
"""
            source = f"p{depth}"
        text += vpc("a", 20, pool="p2").replace('"a" {', '"a" {\n  count = 8')
        self.tf.up(text)
        self.assertEqual(len(self.tf.cidrs()), 8)
        self.assert_disjoint(self.tf.cidrs().values(), "10.0.0.0/16")
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_without_tls(self):
        env = {"TF_DISABLE_PLUGIN_TLS": "1"}
        self.tf.up(estate() + vpc("a"), env=env)
        self.tf.quiet(env=env)

    def test_logging_does_not_disturb(self):
        env = {"TF_LOG": "trace", "TF_LOG_PATH": str(self.base / "log")}
        self.tf.up(estate() + vpc("a"), env=env)
        self.tf.quiet(env=env)
        self.assertNotIn("panic", (self.base / "log").read_text())
