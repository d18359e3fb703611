#!/usr/bin/env python3
"""plan and apply of 1,000 ipam_vpc against 1,000 terraform_data, which is built into Terraform and
needs no plugin at all.

  bench/terraform_pairs.py BINARY [PLAN_PAIRS APPLY_PAIRS]

The two are run in turns, in fresh folders, and compared pair by pair: the machine's mood changes
slower than that, so the median of the ratios says more than any time.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

COUNT = 1000
PLAN_PAIRS = 7
APPLY_PAIRS = 3
VERSION = "0.1.0"

IPAM = f"""
terraform {{
  required_providers {{
    ipam = {{ source = "terraform.local/ipam/ipam" }}
  }}
}}
provider "ipam" {{
  region = "eu-west-1"
}}
resource "ipam" "main" {{
  operating_regions {{
    region_name = "eu-west-1"
  }}
}}
resource "ipam_pool" "main" {{
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}}
resource "ipam_pool_cidr" "main" {{
  ipam_pool_id = ipam_pool.main.id
  cidr         = "10.0.0.0/8"
}}
resource "ipam_vpc" "many" {{
  count               = {COUNT}
  ipv4_ipam_pool_id   = ipam_pool.main.id
  ipv4_netmask_length = 24
  tags                = {{ Name = "vpc-${{count.index}}" }}
  depends_on          = [ipam_pool_cidr.main]
}}
"""
BUILT_IN = f"""
resource "terraform_data" "many" {{
  count = {COUNT}
  input = {{ netmask_length = 24, tags = {{ Name = "vpc-${{count.index}}" }} }}
}}
"""


class Bench:
    def __init__(self, binary, base):
        self.base = pathlib.Path(base)
        folder = self.base / f"mirror/terraform.local/ipam/ipam/{VERSION}/linux_amd64"
        folder.mkdir(parents=True)
        shutil.copy(binary, folder / f"terraform-provider-ipam_v{VERSION}")
        rc = self.base / "terraform.rc"
        rc.write_text(f'provider_installation {{\n  filesystem_mirror {{\n'
                      f'    path = "{self.base / "mirror"}"\n  }}\n}}\n')
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "AWS_"))}
        self.env.update(TF_CLI_CONFIG_FILE=str(rc), CHECKPOINT_DISABLE="1", TF_INPUT="0")

    def terraform(self, folder, *args):
        start = time.perf_counter()
        done = subprocess.run(["terraform", *args], cwd=folder, env=self.env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            sys.exit(f"terraform {' '.join(args)} failed\n...{done.stdout[-2000:]}")
        return time.perf_counter() - start

    def fresh(self, text):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.base))
        (folder / "main.tf").write_text(text)
        self.terraform(folder, "init", "-no-color")
        return folder

    def pairs(self, count, *command):
        ipam, built_in = [], []
        for i in range(count):
            # Whoever comes first in a pair alternates, too.
            for text, times in sorted(((IPAM, ipam), (BUILT_IN, built_in)),
                                      key=lambda side: side[0] == IPAM, reverse=i % 2 == 0):
                folder = self.fresh(text)
                times.append(self.terraform(folder, *command))
                shutil.rmtree(folder)
        return {"pairs": count, "ipam_s": statistics.median(ipam),
                "terraform_data_s": statistics.median(built_in),
                "ratio": statistics.median(a / b for a, b in zip(ipam, built_in))}


def measure(binary, plan_pairs=PLAN_PAIRS, apply_pairs=APPLY_PAIRS):
    with tempfile.TemporaryDirectory(prefix="ipam-bench-") as base:
        bench = Bench(binary, base)
        return {"count": COUNT,
                "plan": bench.pairs(plan_pairs, "plan", "-no-color"),
                "apply": bench.pairs(apply_pairs, "apply", "-no-color", "-auto-approve")}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], *map(int, sys.argv[2:]))))
