#!/usr/bin/env python3
"""Root modules and aliases that draw from one pool at the same time, and are killed at random.

  acceptance-tests/chaos.py [APPLIES] [SEED]

One root module holds a pool; the others draw from it through two provider configurations each, so
that every apply has two providers. They are applied together, round after round, with a random
number of VPCs. In some applies Terraform or a provider is ended with SIGKILL after a random time.
A state that is left torn is put back from its backup, as the refusal says, before the next round.
After each round all states are read and their CIDRs compared by Python's ipaddress, which shares no
code with the provider. Ends with figures; the exit code is 0 when no CIDR was held twice, every
CIDR lay in the pool, and nothing was refused without a reason.
"""

import collections
import ipaddress
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
import hosts

MODULES = 4
POOL = "10.0.0.0/20"  # 64 /26s
MOST = 6  # VPCs of one provider configuration
KILL = 0.4  # share of applies in which something is killed
PACE = 14 if hosts.HOSTS else 1  # they are emulated
TIMEOUT = 40 * PACE if hosts.HOSTS else 120

HOLDER = """
terraform {
  required_providers { ipam = { source = "terraform.local/ipam/ipam" } }
}
provider "ipam" { region = "eu-west-1" }
provider "ipam" {
  alias  = "second"
  region = "eu-west-1"
}
resource "ipam" "main" {
  operating_regions { region_name = "eu-west-1" }
}
resource "ipam_pool" "main" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
}
resource "ipam_pool_cidr" "main" {
  ipam_pool_id = ipam_pool.main.id
  cidr         = "%s"
}
locals { pool = ipam_pool_cidr.main.ipam_pool_id }
""" % POOL

USER = """
terraform {
  required_providers { ipam = { source = "terraform.local/ipam/ipam" } }
}
provider "ipam" {
  region = "eu-west-1"
  estate { path = "../m0/terraform.tfstate" }
}
provider "ipam" {
  alias  = "second"
  region = "eu-west-1"
  estate { path = "../m0/terraform.tfstate" }
}
variable "pool" { type = string }
locals { pool = var.pool }
"""

DRAWS = """
variable "first" {
  type    = number
  default = 0
}
variable "second" {
  type    = number
  default = 0
}
resource "ipam_vpc" "first" {
  count               = var.first
  ipv4_ipam_pool_id   = local.pool
  ipv4_netmask_length = 26
}
resource "ipam_vpc" "second" {
  provider            = ipam.second
  count               = var.second
  ipv4_ipam_pool_id   = local.pool
  ipv4_netmask_length = 26
}
"""


def children_of(pid):
    """Processes whose parent is pid, from /proc."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Module:
    def __init__(self, base, index, env, tally):
        self.path = base / f"m{index}"
        self.path.mkdir()
        self.state = self.path / "terraform.tfstate"
        self.env, self.tally, self.index = env, tally, index
        self.pool = None
        (self.path / "main.tf").write_text((HOLDER if index == 0 else USER) + DRAWS)

    def command(self, first, second):
        command = ["terraform", "apply", "-no-color", "-auto-approve", f"-var=first={first}",
                   f"-var=second={second}"]
        return command + ([f"-var=pool={self.pool}"] if self.index else [])

    def start(self, first, second):
        self.output = open(self.path / "output", "w+")
        command = self.command(first, second)
        if hosts.HOSTS:
            command = hosts.on_host(f"m{self.index}", command, self.path)
        self.process = subprocess.Popen(
            command, cwd=self.path, env=self.env, stdin=subprocess.DEVNULL,
            stdout=self.output, stderr=subprocess.STDOUT, start_new_session=True)
        self.started = time.monotonic()
        self.killed = None
        self.tally["applies"] += 1

    def kill_something(self, rng):
        """Ends Terraform or one of its providers."""
        if self.process.poll() is not None:
            return
        terraform = self.process.pid
        if hosts.HOSTS:  # it is the only child of what has made its namespaces
            terraform = next(iter(children_of(terraform)), terraform)
        children = children_of(terraform)
        if rng.random() < 0.5:
            kill(terraform)
            for child in children:  # with it, as when the machine goes
                kill(child)
            self.killed = "terraform"
        elif children:
            kill(rng.choice(children))
            self.killed = "provider"
        if self.killed:
            self.tally[f"killed {self.killed}"] += 1

    def finish(self):
        left = TIMEOUT - (time.monotonic() - self.started)
        try:
            code = self.process.wait(max(left, 1))
        except subprocess.TimeoutExpired:
            for pid in children_of(self.process.pid) + [self.process.pid]:
                kill(pid)
            code = self.process.wait()
            self.tally["took too long"] += 1
        self.output.seek(0)
        text = harness.plain(self.output.read())
        self.output.close()
        if code == 0:
            self.tally["succeeded"] += 1
        return code, text

    def load(self):
        """The state, or None when it is not whole."""
        try:
            return json.loads(self.state.read_text())
        except (OSError, ValueError):
            return None

    def put_back(self):
        """What the refusal says: the backup takes the place of a torn state."""
        if self.load() is not None:
            return
        backup = pathlib.Path(f"{self.state}.backup")
        self.tally["states torn"] += 1
        if backup.exists():
            shutil.copy(backup, self.state)

    def drop_lost_claims(self, text):
        """A first run that was killed left no backup: the claims are dropped as the refusal says.
        """
        found = re.search(r"doctor --state (\S+) --drop-claim (\w+)", text)
        if found:
            self.tally["claims dropped"] += 1
            subprocess.run([str(harness.BINARY), "doctor", "--state", found[1], "--drop-claim",
                            found[2]], cwd=self.path, env=self.env, check=False,
                           stdout=subprocess.DEVNULL)

    def cidrs(self):
        for resource in (self.load() or {}).get("resources", []):
            if resource["type"] == "ipam_vpc":
                for instance in resource["instances"]:
                    yield ipaddress.ip_network(instance["attributes"]["cidr_block"])


def check(modules, tally):
    """Nothing is held twice, and all of it is the pool's."""
    held = sorted((net, m.index) for m in modules for net in m.cidrs())
    tally["CIDRs compared"] += len(held)
    for (low, a), (high, b) in zip(held, held[1:]):
        if low.overlaps(high):
            tally["HELD TWICE"] += 1
            print(f"HELD TWICE: {low} of m{a}, {high} of m{b}", flush=True)
    for net, index in held:
        if not net.subnet_of(ipaddress.ip_network(POOL)):
            tally["OUTSIDE THE POOL"] += 1
            print(f"OUTSIDE THE POOL: {net} of m{index}", flush=True)


def play_round(modules, rng, tally):
    for m in modules:
        m.start(rng.randint(0, MOST), rng.randint(0, MOST))
    deadline = {m: time.monotonic() + PACE * rng.uniform(0.05, 0.9) for m in modules if rng.random() < KILL}
    while any(m.process.poll() is None for m in modules):
        for m, at in list(deadline.items()):
            if time.monotonic() > at:
                m.kill_something(rng)
                del deadline[m]
        if all(time.monotonic() - m.started > TIMEOUT for m in modules):
            break
        time.sleep(0.01)
    torn = any(m.load() is None for m in modules)
    for m in modules:
        code, text = m.finish()
        if code == 0 or m.killed:
            continue
        m.drop_lost_claims(text)
        if torn or "what is issued is not known" in text or "state was lost" in text:
            tally["refused: a state was torn"] += 1
        elif "largest free block" in text or "no free" in text.lower():
            tally["refused: the pool was full"] += 1
        else:
            tally["REFUSED FALSELY"] += 1
            print(f"m{m.index}: {text[-700:]}", flush=True)


def set_up(base, tally):
    (base / "terraform.rc").write_text(
        "provider_installation {\n  dev_overrides { \"%s\" = \"%s\" }\n  direct {}\n}\n"
        % (harness.SOURCE, harness.BINARY.resolve().parent))
    env = {**harness.environment(), "TF_CLI_CONFIG_FILE": str(base / "terraform.rc")}
    modules = [Module(base, i, env, tally) for i in range(MODULES)]
    modules[0].start(0, 0)
    code, text = modules[0].finish()
    if code != 0:
        sys.exit(text)
    pools = [r for r in modules[0].load()["resources"] if r["type"] == "ipam_pool"]
    for m in modules:
        m.pool = pools[0]["instances"][0]["attributes"]["id"]
    return modules


def main():
    applies = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    rng, tally = random.Random(seed), collections.Counter()
    base = pathlib.Path(tempfile.mkdtemp(prefix="ipam-chaos-"))
    began = time.monotonic()
    print(f"seed {seed}, {MODULES} root modules with two provider configurations each", flush=True)
    try:
        modules = set_up(base, tally)
        while tally["applies"] < applies:
            play_round(modules, rng, tally)
            for m in modules:
                m.put_back()
            check(modules, tally)
    finally:
        for name, count in sorted(tally.items()):
            print(f"{count:6}  {name}")
        print(f"{time.monotonic() - began:6.0f}  seconds")
        if os.environ.get("KEEP_TEST_FOLDERS"):
            print(base)
        else:
            shutil.rmtree(base, ignore_errors=True)
    bad = [n for n in ("HELD TWICE", "OUTSIDE THE POOL", "REFUSED FALSELY") if tally[n]]
    print("failed: " + ", ".join(bad) if bad else "nothing was held twice")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
