#!/usr/bin/env python3
"""Runs every bench and prints the README's table.

  bench/table.py BUILD_FOLDER [--quick]

--quick leaves out the pools of 10,000,000 and measures fewer terraform runs: to try the bench, not
to quote from it.
"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def told(*command):
    print(f"bench: {' '.join(map(str, command))}", file=sys.stderr)
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"bench: {command[0]} failed")
    return json.loads(done.stdout)


def words(count):
    return f"{count:,}"


def table(space, engine, overlap, netaddr, start, terraform, sets):
    largest = max(r["blocks"] for r in space["rows"])
    yield "What", "Result", "Goal"
    for load, what in (("sequential v4", "IPv4 /32s"), ("sequential v6", "IPv6 blocks"),
                       ("mixed", "mixed lengths, random releases")):
        rows = [r for r in space["rows"] if r["load"] == load]
        low, high = (f([r["next_claim_ns"] for r in rows]) for f in (min, max))
        yield (f"next-free and claim, {what}, 10 to {words(largest)} allocations in the pool",
               f"{low:.0f} to {high:.0f} ns (largest pool / smallest: {space['flatness'][load]:.1f})",
               "200 ns")
    at_end = [r["bytes_per_block"] for r in space["rows"] if r["blocks"] == largest]
    yield (f"memory of the space structure, {words(largest)} allocations",
           f"{min(at_end):.1f} to {max(at_end):.1f} bytes each", "40 bytes")
    yield (f"whole allocation with rules, record and indexes, 10 to {words(engine[-1]['allocations'])}",
           f"{min(r['ns'] for r in engine):.0f} to {max(r['ns'] for r in engine):.0f} ns", "")
    yield (f"memory of the whole record, {words(engine[-1]['allocations'])} allocations",
           f"{engine[-1]['bytes']:.0f} bytes each", "250 bytes")
    for r in overlap:
        yield (f"all overlaps of a scope, {words(r['cidrs'])} CIDRs, CPU",
               f"{r['s']:.3f} s ({words(r['overlapping'])} in {words(r['groups'])} groups, "
               f"{words(r['pairs'])} pairs)", "1 s" if r["cidrs"] == 1000000 else "")
    own = next(r for r in space["rows"] if r["load"] == "mixed" and r["blocks"] == 100000)
    yield (f"netaddr's IPSet, as NetBox uses it, {words(netaddr['children'])} children",
           f"{netaddr['ns'] / 1e6:.0f} ms, {netaddr['ns'] / own['next_claim_ns']:,.0f} times the "
           f"{own['next_claim_ns']:.0f} ns here with 100,000", "")
    yield (f"start to handshake line, TLS on, median of {start['starts']}",
           f"{start['ms']:.1f} ms", "6 ms")
    yield "memory then (VmHWM)", f"{start['kib'] * 1024 / 1e6:.1f} MB", "12 MB"
    for command, goal in (("plan", "1.25"), ("apply", "1.10")):
        t = terraform[command]
        for side, what in (("alike", "terraform_data of the same size"), ("bare", "bare terraform_data")):
            yield (f"terraform {command}, {words(terraform['count'])} ipam_vpc against as many {what}, "
                   f"median of {t['rounds']}",
                   f"{t[side]['ratio']:.2f} ({t['ipam_s']:.2f} s / {t[side]['s']:.2f} s)", goal)
    held = {"short": "short_requests, against a terraform_data with the same strings",
            "map": "requests, against a terraform_data with the same map of objects",
            "object": "requests, against a terraform_data with the same objects, not as a map"}
    for t in sets["sizes"]:
        yield (f"first plan of an ipam_allocation_set, {words(t['count'])} {held[t['kind']]}, "
               f"median of {t['pairs']}",
               f"{t['ratio']:.2f} ({t['set_s']:.2f} s / {t['other_s']:.2f} s)", "3")
    t = sets["no_change"]
    yield (f"plan of it without changes, {words(t['count'])} short_requests",
           f"{t['ratio']:.2f} ({t['set_s']:.2f} s / {t['other_s']:.2f} s)", "")
    t = sets["vpcs"]
    yield (f"first plan of an ipam_allocation_set, {words(t['count'])} requests, against as many "
           f"ipam_vpc, median of {t['pairs']}",
           f"{t['ratio']:.2f} ({t['set_s']:.2f} s / {t['other_s']:.2f} s)", "")


def main():
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--quick"]):
        sys.exit(__doc__)
    build, quick = pathlib.Path(sys.argv[1]), "--quick" in sys.argv
    binary = build / "terraform-provider-ipam"
    size = ["--max", "1000000"] if quick else []
    space = told(build / "bench/space_bench", "--json", *size)
    engine = told(build / "bench/engine_bench", "--json", *size)
    overlap = told(build / "bench/overlap_bench", "--json", *size)
    # Debian's netaddr belongs to Debian's Python, which need not be the first on PATH.
    netaddr = told("/usr/bin/python3", HERE / "netaddr_next_free.py")
    start = told(HERE / "start_time.py", binary)
    terraform = told(HERE / "terraform_pairs.py", binary, *(["1", "1"] if quick else []))
    sets = told(HERE / "allocation_set.py", binary, *(["--quick"] if quick else []))
    rows = list(table(space, engine, overlap, netaddr, start, terraform, sets))
    print(f"| {' | '.join(rows[0])} |\n|---|---|---|")
    for row in rows[1:]:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
