"""Every folder of examples/ is applied as it is, and the README shows what is there."""

import re
import shutil

from harness import Case, ROOT, run

EXAMPLES = ROOT / "examples"
VPC = """
resource "aws_vpc" "try" {
  ipv4_ipam_pool_id   = aws_vpc_ipam_pool.euw1_prod.id
  ipv4_netmask_length = %d
  tags                = %s
}
"""
PROD = '{ Environment = "prod" }'


class Examples(Case):
    def apply_example(self, name):
        shutil.copytree(EXAMPLES / name, self.tf.path, dirs_exist_ok=True)
        self.tf.init()
        self.tf.terraform("validate")
        self.tf.apply()
        self.tf.quiet()

    def test_every_example_is_tested(self):
        tested = {name.split("test_example_")[1] for name in dir(self) if "test_example_" in name}
        self.assertEqual({p.name for p in EXAMPLES.iterdir() if p.is_dir()}, tested)

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

    def test_readme_shows_the_quickstart(self):
        readme = (ROOT / "README.md").read_text()
        shown = re.search(r"```hcl\n(.*?)```", readme, re.S).group(1)
        self.assertEqual(shown, (EXAMPLES / "quickstart/main.tf").read_text())

    def test_pool_tree(self):
        """The picture that the demo draws of a state."""
        self.apply_example("hierarchy")
        shown = self.tf.terraform("show", "-json").stdout
        (self.base / "shown.json").write_text(shown)
        result = run([str(ROOT / "scripts/pool-tree"), str(self.base / "shown.json")], self.base)
        self.assertEqual(result.code, 0, result)
        for line in ("Top-level - all private space", "10.0.0.0/8", "payments-prod", "10.0.0.0/12"):
            self.assertIn(line, result.stdout)
