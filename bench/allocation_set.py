#!/usr/bin/env python3
"""The first plan of an ipam_allocation_set with many requests, against a terraform_data that holds
the same, and against as many single ipam_vpc.

  bench/allocation_set.py BINARY [--quick]

The pool exists, so the set's plan shows every CIDR. What Terraform itself needs to evaluate, compare
and print the same requests is the yardstick: the two are run in turns, and the median of the ratios
counts. Requests are written in three ways:

  short    strings (short_requests); 100,000 of them, too, unless --quick
  map      objects (requests) beside a terraform_data that holds them as a map: tomap({...})
  object   the same beside a terraform_data that holds {...} as it stands

{...} is an object for Terraform; it is converted where a map is asked for. For a map of objects that
takes time with the square of the number: the types of all elements are compared with each other,
once for each attribute. Converted to a map of strings it takes no more time than it is long.

The plan without changes afterwards is measured for a size that Terraform applies in a moment.
"""

import json
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
from terraform_pairs import Bench, IPAM  # noqa: E402 (after the setting)

PAIRS = {"short": {1000: 5, 10000: 3, 100000: 1},
         "map": {1000: 5, 10000: 1},
         "object": {1000: 5, 10000: 1}}
VPCS = 1000
POOL = IPAM[:IPAM.index('resource "ipam_vpc"')]


def requests(kind, count):
    """range() is limited to 1,024 elements."""
    blocks = (count + 999) // 1000
    request = ('"/${26 - i % 3}"' if kind == "short" else
               "{ netmask_length = 26 - i % 3, cidr = null, description = null, tags = null }")
    return (f"{{ for i in flatten([for a in range({blocks}) : "
            f"[for b in range({min(count, 1000)}) : a * 1000 + b]]) : "
            f'format("team-%06d", i) => {request} }}')


def a_set(kind, count):
    argument = "short_requests" if kind == "short" else "requests"
    return POOL + f"""
resource "ipam_allocation_set" "many" {{
  ipam_pool_id = ipam_pool.main.id
  {argument} = {requests(kind, count)}
  depends_on   = [ipam_pool_cidr.main]
}}
"""


def the_same(kind, count):
    held = requests(kind, count)
    return POOL + f"""
resource "terraform_data" "many" {{
  input      = {f"tomap({held})" if kind == "map" else held}
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
    for text in (a_set("short", count), the_same("short", count)):
        folder = bench.fresh(text)
        bench.terraform(folder, "apply", "-no-color", "-auto-approve")
        times.append(bench.terraform(folder, "plan", "-no-color", "-detailed-exitcode"))
        shutil.rmtree(folder)
    return {"set_s": times[0], "other_s": times[1], "ratio": times[0] / times[1]}


def measure(binary, quick=False):
    with tempfile.TemporaryDirectory(prefix="ipam-bench-") as base:
        bench = Bench(binary, base)
        folder = bench.fresh(POOL)
        bench.terraform(folder, "apply", "-no-color", "-auto-approve")
        sizes = [{"kind": kind, "count": n,
                  **compare(bench, folder, a_set(kind, n), the_same(kind, n), 1 if quick else pairs)}
                 for kind in PAIRS for n, pairs in PAIRS[kind].items()
                 if not quick or n == 1000]
        return {"sizes": sizes,
                "vpcs": {"count": VPCS, **compare(bench, folder, a_set("map", VPCS), vpcs(VPCS),
                                                  1 if quick else PAIRS["map"][VPCS])},
                "no_change": {"count": 10000, **no_change(bench, 10000)}}


if __name__ == "__main__":
    print(json.dumps(measure(pathlib.Path(sys.argv[1]), "--quick" in sys.argv[2:])))
