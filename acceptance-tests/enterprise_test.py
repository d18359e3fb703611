"""The enterprise example: an estate of 60 accounts, told by three kinds of witnesses."""

import filecmp
import ipaddress
import itertools
import json
import runpy
import shutil
import subprocess
import sys

from harness import Case, ROOT

EXAMPLE = ROOT / "examples/enterprise"
MORE = """
resource "ipam_vpc" "more" {
  count               = 4
  ipv4_ipam_pool_id   = ipam_pool.new.id
  ipv4_netmask_length = 16
  depends_on          = [ipam_vpc.team]
}
"""
AT = """
resource "ipam_vpc" "at" {
  ipv4_ipam_pool_id = ipam_pool.new.id
  cidr_block        = "10.10.64.0/18"
}
"""


def networks():
    """What exists, straight from the generator: {VPC id: (owner, CIDRs, subnets)}."""
    vpcs = runpy.run_path(str(EXAMPLE / "generate.py"))["vpcs"]
    return {v["id"]: v for account in range(1, 61) for v in vpcs(account)}


def overlaps(cidrs):
    """All pairs of (CIDR, VPC, is a subnet) with an address in common, by looking at each pair; a
    subnet in its own VPC is none. Returns the members."""
    found = set()
    for a, b in itertools.combinations(cidrs, 2):
        own = a[1] == b[1] and a[2] != b[2]
        if not own and ipaddress.ip_network(a[0]).overlaps(ipaddress.ip_network(b[0])):
            found |= {a, b}
    return found


class Enterprise(Case):
    def found(self):
        told = self.tf.terraform("output", "-json").stdout
        return sorted(json.loads(told)["overlapping"]["value"])

    def expected(self):
        """Subnets are told by states only, those of the accounts 1 to 20."""
        seen = [(cidr, v["id"], False) for v in networks().values() for cidr in v["cidrs"]]
        seen += [(cidr, v["id"], True) for v in networks().values() for cidr in v["subnets"]
                 if int(v["owner"][-2:]) <= 20]
        return overlaps(seen)

    def test_files_are_what_the_generator_writes(self):
        subprocess.run([sys.executable, str(EXAMPLE / "generate.py"), str(self.base)], check=True)
        for file in sorted(p for f in ("states", "inventory") for p in (EXAMPLE / f).iterdir()):
            other = self.base / file.relative_to(EXAMPLE)
            self.assertTrue(filecmp.cmp(file, other, shallow=False), file)

    def test_overlaps_are_exact_and_do_not_grow(self):
        shutil.copytree(EXAMPLE, self.tf.path, dirs_exist_ok=True)
        self.tf.init()
        self.tf.apply()
        before = self.found()
        expected = self.expected()
        self.assertEqual(len({v for _, v, _ in expected}), 12)
        self.assertEqual(len(before), len(expected))
        for cidr, vpc, subnet in expected:
            owner = networks()[vpc]["owner"]
            if not subnet:
                self.assertIn(f"{cidr} vpc {vpc} of {owner}", before)
            else:
                self.assertEqual(len([b for b in before if b.startswith(f"{cidr} subnet ")
                                      and b.endswith(owner)]), 1, (cidr, vpc))
        self.assertEqual(sorted(self.tf.cidrs().values()),
                         ["10.11.0.0/16", "10.8.0.0/16", "10.9.0.0/16"])
        self.tf.quiet()

        self.tf.write(MORE, "more.tf")
        self.tf.apply()
        given = sorted(self.tf.cidrs().values())
        self.assertEqual(len(given), 7)
        self.assert_disjoint(given, "10.8.0.0/13")
        for net, v in itertools.product(given, networks().values()):
            for cidr in v["cidrs"]:
                self.assertFalse(ipaddress.ip_network(net).overlaps(ipaddress.ip_network(cidr)))
        self.assertEqual(self.found(), before)

        self.tf.write(AT, "at.tf")
        said = self.tf.plan(code=1)
        self.assert_says(said, r"10\.10\.64\.0/18 overlaps 10\.10\.0\.0/16",
                         r"vpc vpc-0\w+ of account 1111000000\d\d", "tells")
