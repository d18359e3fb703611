#!/usr/bin/env python3
"""The first plan of an ipam_allocation_set with many requests, against a terraform_data that holds a
map of the same size, and against as many single ipam_vpc.

  bench/allocation_set.py BINARY [--large]

The pool exists, so the set's plan shows every CIDR. What Terraform itself needs to evaluate, compare
and print such a map is the yardstick: the two are run in turns, and the median of the ratios counts.
The plan without changes afterwards is measured for a size that Terraform applies in a moment. With
--large also 100,000 requests: the provider's part of that is half a second, Terraform's own is many
minutes.
"""

import json
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
from terraform_pairs import Bench, IPAM  # noqa: E402 (after the setting)

SIZES = (1000, 10000, 100000)
PAIRS = {1000: 5, 10000: 3, 100000: 1}
VPCS = 1000
POOL = IPAM[:IPAM.index('resource "ipam_vpc"')]


def requests(count):
    """range() is limited to 1,024 elements."""
    blocks = (count + 999) // 1000
    return ("{ for i in flatten([for a in range(%d) : [for b in range(%d) : a * 1000 + b]]) : "
            'format("team-%%06d", i) => { netmask_length = 26 - i %% 3, cidr = null, '
            "description = null, tags = null } }" % (blocks, min(count, 1000)))


def a_set(count):
    return POOL + f"""
resource "ipam_allocation_set" "many" {{
  ipam_pool_id = ipam_pool.main.id
  requests     = {requests(count)}
  depends_on   = [ipam_pool_cidr.main]
}}
"""


def a_map(count):
    return POOL + f"""
resource "terraform_data" "many" {{
  input      = {requests(count)}
  depends_on = [ipam_pool_cidr.main]
}}
"""


def vpcs(count):
    return POOL + f"""
resource "ipam_vpc" "many" {{
  count               = {count}
  ipv4_ipam_pool_id   = ipam_pool.main.id
  ipv4_netmask_length = 26 - count.index % 3
  depends_on          = [ipam_pool_cidr.main]
}}
"""


def plan_time(bench, folder, text):
    (folder / "main.tf").write_text(text)
    return bench.terraform(folder, "plan", "-no-color", "-out=plan")


def compare(bench, folder, ours, theirs, pairs):
    a, b = [], []
    for i in range(pairs):
        for text, times in ((ours, a), (theirs, b)) if i % 2 else ((theirs, b), (ours, a)):
            times.append(plan_time(bench, folder, text))
    return {"pairs": pairs, "set_s": statistics.median(a), "other_s": statistics.median(b),
            "ratio": statistics.median(x / y for x, y in zip(a, b))}


def no_change(bench, count):
    """Plans of what was just applied."""
    times = []
    for text in (a_set(count), a_map(count)):
        folder = bench.fresh(text)
        bench.terraform(folder, "apply", "-no-color", "-auto-approve")
        times.append(bench.terraform(folder, "plan", "-no-color", "-detailed-exitcode"))
        shutil.rmtree(folder)
    return {"set_s": times[0], "other_s": times[1], "ratio": times[0] / times[1]}


def measure(binary, large=False):
    with tempfile.TemporaryDirectory(prefix="ipam-bench-") as base:
        bench = Bench(binary, base)
        folder = bench.fresh(POOL)
        bench.terraform(folder, "apply", "-no-color", "-auto-approve")
        sizes = SIZES if large else SIZES[:2]
        return {"sizes": [{"count": n, **compare(bench, folder, a_set(n), a_map(n), PAIRS[n])}
                          for n in sizes],
                "vpcs": {"count": VPCS,
                         **compare(bench, folder, a_set(VPCS), vpcs(VPCS), PAIRS[VPCS])},
                "no_change": {"count": 10000, **no_change(bench, 10000)}}


if __name__ == "__main__":
    print(json.dumps(measure(pathlib.Path(sys.argv[1]), "--large" in sys.argv[2:])))
