"""Every folder of examples/ is applied as it is, and the README shows what is there."""

import re
import shutil

from harness import Case, ROOT

EXAMPLES = ROOT / "examples"
VPC = """
resource "aws_vpc" "try" {
  ipv4_ipam_pool_id   = aws_vpc_ipam_pool.euw1_prod.id
  ipv4_netmask_length = %d
  tags                = %s
}
"""
PROD = '{ Environment = "prod" }'
TRIALS = """
data "ipam_pool_allocations" "trial" {
  ipam_pool_id = ipam_pool.trial.id
}
output "trials" {
  value = data.ipam_pool_allocations.trial.ipam_pool_allocations[*].cidr
}
"""


class Examples(Case):
    def apply_example(self, name):
        shutil.copytree(EXAMPLES / name, self.tf.path, dirs_exist_ok=True)
        self.tf.init()
        self.tf.terraform("validate")
        self.tf.apply()
        self.tf.quiet()

    def test_every_example_is_tested(self):
        """Those of the pages are tested in docs_test.py."""
        tests = "".join(p.read_text() for p in (ROOT / "acceptance-tests").glob("*_test.py"))
        folders = {p.name for p in EXAMPLES.iterdir() if p.is_dir()}
        for folder in sorted(folders - {"provider", "resources", "data-sources", "functions"}):
            with self.subTest(folder):
                self.assertTrue(f'"{folder}"' in tests or f"examples/{folder}" in tests, folder)

    def test_example_quickstart(self):
        self.apply_example("quickstart")
        self.assertEqual(set(self.tf.cidrs().values()), {"10.0.0.0/20", "10.0.16.0/20"})
        self.tf.destroy()

    def test_example_hierarchy(self):
        self.apply_example("hierarchy")
        found = self.tf.resources()
        self.assertEqual(found["aws_vpc_ipam_pool_cidr.euw1"]["cidr"], "10.0.0.0/12")
        self.assertEqual(found["aws_vpc_ipam_pool_cidr.euw1_prod"]["cidr"], "10.0.0.0/16")
        self.assertEqual([found[f"aws_vpc_ipam_pool.{n}"]["pool_depth"]
                          for n in ("top", "euw1", "euw1_prod")], [1, 2, 3])
        cidrs = list(self.tf.cidrs().values()) + [found["aws_vpc_ipam_pool_cidr_allocation.eks"]["cidr"]]
        self.assertEqual(len(cidrs), 5)
        self.assert_disjoint(cidrs, "10.0.0.0/16")
        self.assertEqual(sorted(c.split("/")[1] for c in cidrs), ["20", "22", "22", "22", "24"])
        # The guardrails: an untagged VPC, one too large, one too small.
        for netmask, tags, words in ((20, "{}", ("Environment", "prod")),
                                     (15, PROD, ("15", "16")), (25, PROD, ("/25", "24"))):
            self.tf.write(VPC % (netmask, tags), "try.tf")
            self.assert_says(self.tf.plan(code=1), *words)
        (self.tf.path / "try.tf").unlink()
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_example_guardrails(self):
        self.apply_example("guardrails")
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.payments": "10.0.0.0/20",
                                           "ipam_vpc.sandbox": "10.1.0.0/26"})
        for pool, arguments, words in (
                ("prod", f"ipv4_netmask_length = 17\n  tags = {PROD}", ("/17", "18")),
                ("prod", f"ipv4_netmask_length = 25\n  tags = {PROD}", ("/25", "24")),
                ("prod", "ipv4_netmask_length = 20", ("Environment", "prod")),
                ("dev", 'region = "us-east-1"', ("us-east-1", "eu-west-1", "locale")),
                ("prod", f'cidr_block = "192.168.0.0/20"\n  tags = {PROD}', ("not inside", "10.0.0.0/16"))):
            with self.subTest(arguments):
                self.tf.write(f'resource "ipam_vpc" "try" {{\n  ipv4_ipam_pool_id = ipam_pool.{pool}.id\n'
                              f"  {arguments}\n}}\n", "try.tf")
                self.assert_says(self.tf.plan(code=1), *words)
        (self.tf.path / "try.tf").unlink()
        self.tf.destroy()
    test_example_guardrails.slow = True

    def test_example_ipv6(self):
        self.apply_example("ipv6")
        found = self.tf.resources()
        self.assertEqual(found["ipam_pool_cidr.ula_euw1"]["cidr"], "fd12:3456:789a::/52")
        inside = {found[f'ipam_vpc.inside["{n}"]']["ipv6_cidr_block"] for n in ("ledger", "fraud")}
        self.assertEqual(inside, {"fd12:3456:789a::/56", "fd12:3456:789a:100::/56"})
        public = {found[f'ipam_vpc.outside["{n}"]']["ipv6_cidr_block"] for n in ("shop", "api")}
        self.assertEqual(found["ipam_pool_cidr.public_euw1"]["cidr"], "2001:db8:1200::/44")
        self.assertEqual(public, {"2001:db8:1200::/56", "2001:db8:1200:100::/56"})
        self.assert_disjoint([found["ipam_vpc.edge"]["ipv6_cidr_block"]],
                             found["ipam_pool_cidr.amazon"]["cidr"])
        self.tf.destroy()

    def test_example_cloud_network(self):
        self.apply_example("cloud-network")
        networks = self.tf.show()["values"]["outputs"]["networks"]["value"]
        spaces = {name: n["address_space"][0] for name, n in networks.items()}
        self.assertEqual({name: s.split("/")[1] for name, s in spaces.items()},
                         {"warehouse": "20", "lake": "18"})
        self.assert_disjoint(spaces.values(), "10.64.0.0/12")
        for name, network in networks.items():
            self.assert_disjoint(network["subnets"], spaces[name])
        self.tf.destroy()

    def test_example_existing_estate(self):
        self.apply_example("existing-estate")
        found = self.tf.resources()
        self.assertEqual(found['ipam_vpc.existing["payments"]']["id"], "vpc-0a1b2c3d4e5f60718")
        self.assertEqual(self.tf.cidrs()["ipam_vpc.new"], "10.11.32.0/20")
        self.assert_disjoint(self.tf.cidrs().values(), "10.10.0.0/15")
        # An old range that overlaps another is found while planning.
        main = (self.tf.path / "main.tf").read_text()
        self.tf.write(main.replace('"10.11.16.0/20"', '"10.11.8.0/21"'))
        self.assert_says(self.tf.plan(code=1), "10.11.8.0/21", "overlaps", "10.11.0.0/20")
        self.tf.write(main)
        self.tf.destroy()
    test_example_existing_estate.slow = True

    def test_example_adoption(self):
        self.apply_example("adoption")
        self.assertEqual(self.tf.cidrs(), {
            'ipam_vpc.adopted["vpc-0a1b2c3d4e5f60718"]': "10.20.0.0/18",
            'ipam_vpc.adopted["vpc-0b1c2d3e4f5061728"]': "10.20.64.0/20",
            "ipam_vpc.new": "10.20.80.0/20"})
        # The README's experiments.
        inventory = self.tf.path / "inventory/networks.yaml"
        seen = inventory.read_text()
        inventory.write_text(seen.replace("10.20.64.0/20", "10.20.128.0/20"))
        self.assert_says(self.tf.plan(), "has another CIDR", r"networks.yaml:\d+:\d+",
                         r"shows 10\.20\.128\.0/20")
        fewer = re.sub(r"(?s)  - id: vpc-0b1c.*?(?=  - id)", "", seen)
        main = (self.tf.path / "main.tf").read_text()
        self.tf.write(main.replace("networks.yaml", "networks.yaml.before"))
        inventory.with_suffix(".yaml.before").write_text(seen)
        inventory.write_text(fewer)
        self.tf.quiet()
        inventory.write_text(fewer.replace("# covers", "covers"))
        self.assert_says(self.tf.plan(), "VPC vpc-0b1c2d3e4f5061728 is gone",
                         r"VPC \S+ is in no inventory")
        self.tf.write(main)
        inventory.write_text(seen)
        self.tf.write(TRIALS, "trials.tf")
        self.tf.apply()
        found = self.tf.show()["values"]["outputs"]["trials"]["value"]
        self.assertEqual(found, ["10.24.3.0/24", "10.24.9.0/24"])
    test_example_adoption.slow = True

    def test_example_sharing(self):
        """Two accounts in one run."""
        self.apply_example("sharing")
        vpc = self.tf.get("ipam_vpc.payments")
        self.assertEqual((vpc["cidr_block"], vpc["owner_id"]), ("10.0.0.0/20", "333344445555"))
        # The README's experiment: the payments account is not below the other OU.
        main = (self.tf.path / "main.tf").read_text()
        self.tf.write(main.replace("ou/o-exampleorgid/ou-prod-abcd1234", "ou/o-exampleorgid/ou-sand-dddd4444"))
        self.tf.apply()
        self.assert_says(self.tf.plan(), "noncompliant", "333344445555")
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_example_offline_aws(self):
        self.apply_example("offline-aws")
        found = self.tf.resources()
        self.assertEqual(found["aws_vpc.spoke"]["tags_all"], {"ManagedBy": "terraform"})
        self.assertEqual(found["aws_vpc.spoke"]["owner_id"], "222233334444")
        regions = [found[f'module.ipam.aws_vpc_ipam_pool_cidr.region["{r}"]']["cidr"]
                   for r in ("eu-west-1", "us-east-1")]
        self.assert_disjoint(regions, "10.0.0.0/8")
        self.tf.destroy()

    def test_example_allocation_set(self):
        self.apply_example("allocation-set")
        self.assertEqual(self.tf.cidrs(),
                         {'ipam_vpc.team["onprem"]': "10.0.64.0/20",
                          'ipam_vpc.team["payments"]': "10.0.0.0/20",
                          'ipam_vpc.team["search"]': "10.0.16.0/22"})
        self.tf.destroy()

    def test_example_keyed_preview(self):
        self.apply_example("keyed-preview")
        self.assert_disjoint(self.tf.cidrs().values(), "10.0.0.0/16")
        self.tf.destroy()

    def test_example_root_modules(self):
        """Two root modules draw from one pool; releasing leaves a quarantine behind."""
        shutil.copytree(EXAMPLES / "root-modules", self.tf.path, dirs_exist_ok=True)
        net, app = self.folder("work/net"), self.folder("work/app")
        net.init()
        net.apply()
        net.quiet()
        pool = f"-var=pool_id={net.get('ipam_pool.prod')['id']}"
        app.init()
        app.apply(pool)
        app.quiet(pool)
        self.assertEqual((net.get("ipam_vpc.shared")["cidr_block"],
                          app.get("ipam_vpc.app")["cidr_block"]), ("10.0.0.0/24", "10.0.1.0/24"))
        app.apply(pool, "-replace=ipam_vpc.app")
        self.assertEqual(app.get("ipam_vpc.app")["cidr_block"], "10.0.2.0/24")
        app.destroy(pool)
        net.destroy()

    def test_readme_shows_the_quickstart(self):
        readme = (ROOT / "README.md").read_text()
        shown = re.search(r"```hcl\n(.*?)```", readme, re.S).group(1)
        self.assertEqual(shown, (EXAMPLES / "quickstart/main.tf").read_text())
