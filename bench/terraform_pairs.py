#!/usr/bin/env python3
"""plan and apply of 1,000 ipam_vpc against 1,000 terraform_data, which is built into Terraform and
needs no plugin at all: bare ones, and ones that hold as many values as a VPC.

  bench/terraform_pairs.py BINARY [PLAN_ROUNDS APPLY_ROUNDS]

They are run in turns, in fresh folders, and compared round by round: the machine's mood changes
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
PLAN_ROUNDS = 7
APPLY_ROUNDS = 3
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
BARE = f"""
resource "terraform_data" "many" {{
  count = {COUNT}
  input = "vpc-${{count.index}}"
}}
"""
# Terraform decodes, compares, prints and stores what a resource holds, and a VPC holds 26 values, so
# most of the difference from the bare resource is Terraform's own work. These hold as much.
VALUES = """pool = terraform_data.pool.id
netmask_length = 24
tags = { Name = "vpc-${count.index}" }
arn = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-0123456789abcdef0"
main_route_table_id = "rtb-0123456789abcdef0"
default_route_table_id = "rtb-0123456789abcdef0"
default_network_acl_id = "acl-0123456789abcdef0"
enable_dns_support = true
ipv6_association_id = ""
tags_all = { Name = "vpc-${count.index}" }
region = "eu-west-1"
owner_id = "123456789012"
instance_tenancy = "default"
enable_dns_hostnames = false
enable_network_address_usage_metrics = false
assign_generated_ipv6_cidr_block = false
ipv6_netmask_length = 0
cidr_block = "10.0.${count.index}.0/24"
default_security_group_id = "sg-0123456789abcdef0"
dhcp_options_id = "dopt-0123456789abcdef0"
ipv6_cidr_block = ""
ipv6_ipam_pool_id = ""
ipv6_cidr_block_network_border_group = ""
""".splitlines()


def alike(values):
    lines = "\n    ".join(VALUES[:values])
    return f"""
resource "terraform_data" "pool" {{
  input = "10.0.0.0/8"
}}
resource "terraform_data" "many" {{
  count = {COUNT}
  input = {{
    {lines}
  }}
  depends_on = [terraform_data.pool]
}}
"""


# A plan shows the input once; the state holds it twice, as input and output, with its type.
ALIKE = {"plan": alike(len(VALUES)), "apply": alike(3)}


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

    def rounds(self, count, *command):
        sides = {"ipam": IPAM, "alike": ALIKE[command[0]], "bare": BARE}
        times, stored = {side: [] for side in sides}, {}
        for i in range(count):
            # Who comes first alternates, too.
            for side in sorted(sides, reverse=i % 2 == 0):
                folder = self.fresh(sides[side])
                times[side].append(self.terraform(folder, *command))
                state = folder / "terraform.tfstate"
                stored[side] = state.stat().st_size if state.exists() else 0
                shutil.rmtree(folder)
        result = {"rounds": count, "state_bytes": stored, "ipam_s": statistics.median(times["ipam"])}
        for side in ("alike", "bare"):
            result[side] = {
                "s": statistics.median(times[side]),
                "ratio": statistics.median(a / b for a, b in zip(times["ipam"], times[side]))}
        return result


def measure(binary, plan_rounds=PLAN_ROUNDS, apply_rounds=APPLY_ROUNDS):
    with tempfile.TemporaryDirectory(prefix="ipam-bench-") as base:
        bench = Bench(binary, base)
        return {"count": COUNT,
                "plan": bench.rounds(plan_rounds, "plan", "-no-color"),
                "apply": bench.rounds(apply_rounds, "apply", "-no-color", "-auto-approve")}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], *map(int, sys.argv[2:]))))
