#!/usr/bin/env python3
"""Measures how long `ipamctl report` takes and how large its pages are.

  bench/report.py BUILD_FOLDER
"""

import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "acceptance-tests"))

import report_estate  # noqa: E402 (after the path is set)

SIZES = ((100, 1000), (10000, 10000), (10000, 100000))


def cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    ipamctl = pathlib.Path(sys.argv[1]) / "ipamctl"
    print("| Pools | Networks | States | Page | CPU | Elapsed |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="report-bench-") as folder:
        state, page = pathlib.Path(folder, "terraform.tfstate"), pathlib.Path(folder, "page.html")
        for pools, vpcs in SIZES:
            report_estate.large(pools, vpcs).write(state)
            began, before = time.monotonic(), cpu()
            subprocess.run([ipamctl, "report", "--state", state, "-o", page], check=True)
            print(f"| {pools:,} | {vpcs:,} | {state.stat().st_size / 1e6:.1f} MB "
                  f"| {page.stat().st_size / 1e6:.1f} MB | {cpu() - before:.2f} s "
                  f"| {time.monotonic() - began:.2f} s |")


if __name__ == "__main__":
    main()
