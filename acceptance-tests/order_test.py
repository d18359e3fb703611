"""Any order: nothing says what comes first, and there are few places or many.

Which of the steps that are ready Terraform takes first is chance. So these tests meet every order in
the long run, and must pass in each.
"""

import ipaddress

from harness import Case, HEADER, estate, pool_hcl, vpc

IPAM = """
resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}
"""


def below(name, size, source):
    return f"""
resource "ipam_pool" "{name}" {{
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.{source}.id
  locale              = "eu-west-1"
  description         = "{name}"
}}
resource "ipam_pool_cidr" "{name}" {{
  ipam_pool_id = ipam_pool.{name}.id
  {size}
}}
"""


def many(kind, pool, count, size):
    argument = "ipam_pool_id" if kind == "ipam_pool_cidr_allocation" else "ipv4_ipam_pool_id"
    return f"""
resource "{kind}" "{pool}_{count}" {{
  count = {count}
  {argument} = ipam_pool.{pool}.id
  {size}
}}
"""


# Four levels, pool CIDRs by name and by length, draws in all of them.
HIERARCHY = (HEADER + IPAM + pool_hcl() + below("west", "netmask_length = 18", "main") +
             below("east", 'cidr = "10.0.0.0/18"', "main") +
             below("prod", "netmask_length = 20", "west") +
             below("team", "netmask_length = 22", "prod") +
             many("ipam_vpc", "team", 6, "ipv4_netmask_length = 26") +
             many("ipam_pool_cidr_allocation", "prod", 5, "netmask_length = 24") +
             many("ipam_vpc", "east", 4, "ipv4_netmask_length = 24") +
             many("ipam_pool_cidr_allocation", "main", 2, "netmask_length = 24") + """
resource "ipam_vpc" "named" {
  ipv4_ipam_pool_id = ipam_pool.east.id
  cidr_block        = "10.0.1.0/24"
}
""")


class Order(Case):
    def check_hierarchy(self):
        """Everything lies in its pool, and beside everything else there."""
        found = self.tf.managed()
        pools = {r["values"]["id"]: r["values"] for r in found if r["type"] == "ipam_pool"}
        cidrs = {r["values"]["ipam_pool_id"]: r["values"]["cidr"] for r in found
                 if r["type"] == "ipam_pool_cidr"}
        held = {pool: [] for pool in pools}
        for pool in pools.values():
            if pool["source_ipam_pool_id"]:
                held[pool["source_ipam_pool_id"]].append(cidrs[pool["id"]])
        for r in found:
            if r["type"] == "ipam_vpc":
                held[r["values"]["ipv4_ipam_pool_id"]].append(r["values"]["cidr_block"])
            elif r["type"] == "ipam_pool_cidr_allocation":
                held[r["values"]["ipam_pool_id"]].append(r["values"]["cidr"])
        self.assertEqual(sum(map(len, held.values())), 22)
        for pool, inside in held.items():
            self.assert_disjoint(inside, cidrs[pool])

    def check_any_order(self, parallelism):
        self.tf.up(HIERARCHY, f"-parallelism={parallelism}")
        self.check_hierarchy()
        self.tf.quiet()
        self.tf.destroy(f"-parallelism={parallelism}")
        self.assertEqual(self.tf.managed(), [])

    def test_one_place(self):
        self.check_any_order(1)

    def test_two_places(self):
        self.check_any_order(2)

    def test_ten_places(self):
        self.check_any_order(10)

    def test_fifty_places(self):
        self.check_any_order(50)

    def test_more_vpcs_than_places(self):
        """They would keep the pool's CIDR from its turn."""
        vpcs = vpc("a", 24).replace('"a" {', '"a" {\n  count = 30')
        self.tf.up(estate() + vpcs)
        nets = ipaddress.ip_network("10.0.0.0/16").subnets(new_prefix=24)
        self.assertEqual(set(self.tf.cidrs().values()), {str(next(nets)) for _ in range(30)})
        self.tf.quiet()

    def test_saved_plans(self):
        """Another process of Terraform applies than the one that planned."""
        self.tf.write(HIERARCHY)
        self.tf.init()
        self.tf.plan("-out=it.tfplan")
        self.tf.apply("-parallelism=1", "it.tfplan")
        self.check_hierarchy()
        self.tf.plan("-destroy", "-out=it.tfplan")
        self.tf.apply("-parallelism=1", "it.tfplan")
        self.assertEqual(self.tf.managed(), [])

    def test_a_lost_forecast_costs_another_apply(self):
        vpcs = vpc("a", 24).replace('"a" {', '"a" {\n  count = 12')
        self.tf.write(estate() + vpcs)
        self.tf.init()
        self.tf.plan("-out=it.tfplan")
        files = list((self.tf.path / ".terraform").glob("ipam-forecast.*"))
        self.assertEqual(len(files), 1)
        files[0].unlink()
        first = self.tf.apply("-parallelism=2", "it.tfplan", code=None)
        if first.code != 0:
            self.assert_says(first, "has no CIDR")
            self.tf.apply("-parallelism=2")
        self.assert_disjoint(self.tf.cidrs().values(), "10.0.0.0/16")
        self.tf.quiet()

    def test_a_cidr_does_not_go_while_something_stays(self):
        """What is in it is not part of the destroy, so there is nothing to wait for."""
        self.tf.up(estate() + vpc("stays"))
        result = self.tf.terraform("destroy", "-no-color", "-auto-approve", "-parallelism=1",
                                   "-target=ipam_pool_cidr.main", code=1)
        self.assert_says(result, "IncorrectState|in use|allocat", "vpc-0")
        self.tf.quiet()

    def test_ids_begin_as_the_plan_said(self):
        """Others see how an unknown id will begin, and Terraform holds the provider to it."""
        pools = "".join(pool_hcl(f"10.{n}.0.0/16", name=f"p{n}").replace(
            f'"p{n} pool"', '"the same"') for n in range(3))
        self.tf.up(HEADER + IPAM + pools + """
resource "terraform_data" "ids" {
  input = {
    begins = startswith(ipam_pool.p0.id, "ipam-pool-0")
    ids    = [ipam_pool.p0.id, ipam_pool.p1.id, "of ${ipam_pool.p2.id}"]
  }
}
""")
        said = self.tf.get("terraform_data.ids")["output"]
        self.assertTrue(said["begins"])
        self.assertEqual(len(set(said["ids"])), 3)
        self.assertEqual(said["ids"][0][:17], said["ids"][1][:17])
        self.tf.quiet()


if __name__ == "__main__":
    import unittest
    unittest.main()
