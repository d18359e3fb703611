#!/usr/bin/env python3
"""plan and apply of 1,000 ipam_vpc against 1,000 terraform_data, which is built into Terraform and
needs no plugin at all: bare ones, and ones that hold as much as a VPC.

  bench/terraform_pairs.py BINARY [PLAN_ROUNDS APPLY_ROUNDS]

They are run in turns, in fresh folders, and compared round by round: the machine's mood changes
slower than that, so the median of the ratios says more than any time.

Terraform decodes, compares, prints and stores what a resource holds, so most of the difference from
the bare resource is its own work. How much a VPC holds is read from the state of a real one: in the
plan the terraform_data has the same values under the same names; in the apply, which rewrites the
state after every resource, it has as many of them as make it as long in the state, where it holds
each twice, as input and output, and with its type.
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


def alike(body, count=COUNT):
    return f"""
resource "terraform_data" "pool" {{
  input = "10.0.0.0/8"
}}
resource "terraform_data" "many" {{
  count      = {count}
  input      = {body}
  depends_on = [terraform_data.pool]
}}
"""


def with_values(attributes):
    """The attributes of a VPC as an expression: what names it or its pool differs in each."""
    lines = {"ipv4_ipam_pool_id": "terraform_data.pool.id",
             "cidr_block": '"10.${floor(count.index / 256)}.${count.index % 256}.0/24"',
             **dict.fromkeys(("tags", "tags_all"), '{ Name = "vpc-${count.index}" }')}
    return "{ " + ", ".join(f"{name} = {lines.get(name) or json.dumps(value)}"
                            for name, value in attributes.items()) + " }"


def instances(folder, kind):
    state = json.loads((folder / "terraform.tfstate").read_text())
    return next(r["instances"] for r in state["resources"]
                if r["type"] == kind and r["name"] == "many")


def length(instance):
    return len(json.dumps(instance, indent=2))


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

    def applied(self, text, kind):
        folder = self.fresh(text)
        self.terraform(folder, "apply", "-no-color", "-auto-approve")
        return instances(folder, kind)

    def sized(self):
        """What the terraform_data holds in the plan and in the apply, and the lengths in the state."""
        vpc = self.applied(IPAM.replace(f"= {COUNT}", "= 1"), "ipam_vpc")[0]
        values = {k: v for k, v in vpc["attributes"].items() if v is not None}
        names = list(values)
        longer = ", ".join(with_values({n: values[n] for n in names[:i]})
                           for i in range(1, len(names) + 1))
        lengths = [length(i) for i in self.applied(
            alike(f"[{longer}][count.index]", len(names)), "terraform_data")]
        best = min(range(len(names)), key=lambda i: abs(lengths[i] - length(vpc)))
        return {"plan": with_values(values),
                "apply": with_values({n: values[n] for n in names[:best + 1]}),
                "bytes": {"ipam": length(vpc), "alike": lengths[best]}}

    def rounds(self, alike_body, count, *command):
        sides = {"ipam": IPAM, "alike": alike(alike_body), "bare": BARE}
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
        sized = bench.sized()
        return {"count": COUNT, "bytes": sized["bytes"],
                "plan": bench.rounds(sized["plan"], plan_rounds, "plan", "-no-color"),
                "apply": bench.rounds(sized["apply"], apply_rounds, "apply", "-no-color",
                                      "-auto-approve")}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], *map(int, sys.argv[2:]))))
