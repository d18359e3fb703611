"""Runs at the same time, estates of several root modules, and what is left behind by runs that
were killed: never the same CIDR twice, and a refusal that says how to go on when that is not
certain."""

import json
import os
import signal
import stat
import subprocess
import time

from harness import BINARY, Case, estate, run, vpc
from state_test import StateServer, backend

JOURNAL = "terraform.tfstate.ipam-claims"

ALIAS = """
provider "ipam" {
  alias  = "b"
  region = "eu-west-1"
}
"""
OUTPUT = """
output "pool" { value = ipam_pool.main.id }
"""


def many(name, count, length=24, pool="ipam_pool.main.id", extra=""):
    return f"""
resource "ipam_vpc" "{name}" {{
  count               = {count}
  ipv4_ipam_pool_id   = {pool}
  ipv4_netmask_length = {length}
  {extra}
}}
"""


ORDERED = "depends_on = [ipam_pool_cidr.main]"


def member(pool, block='estate { path = "../work/terraform.tfstate" }', rest=""):
    """A root module that draws from a pool of another one."""
    return f"""
terraform {{
  required_providers {{
    ipam = {{ source = "terraform.local/ipam/ipam" }}
  }}
}}
provider "ipam" {{
  region = "eu-west-1"
  {block}
}}
locals {{ pool = "{pool}" }}
""" + rest


class Claims(Case):
    def pool_id(self):
        return self.tf.get("ipam_pool.main")["id"]

    def all_cidrs(self, *folders):
        """Every CIDR in the state files, by an independent reading."""
        found = []
        for folder in folders:
            state = json.loads(folder.state_file().read_text())
            for resource in state["resources"]:
                if resource["type"] == "ipam_vpc":
                    found += [i["attributes"]["cidr_block"] for i in resource["instances"]]
        return found

    def at_once(self, *folders, code=0):
        """Applies in all folders at the same time."""
        running = [subprocess.Popen(["terraform", "apply", "-no-color", "-auto-approve"],
                                    cwd=f.path, env=f.env, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                   for f in folders]
        for process in running:
            text, _ = process.communicate(timeout=120)
            self.assertEqual(process.returncode, code, text)

    def doctor(self, *args, cwd=None):
        return run([str(BINARY), "doctor", *args], cwd or self.tf.path, self.tf.env)

    def records(self, kind=None):
        lines = self.tf.state_file(JOURNAL).read_text().splitlines()
        found = [json.loads(line[9:]) for line in lines]
        return [r for r in found if kind is None or kind in r]


class Aliases(Claims):
    def test_two_aliases_draw_from_one_pool(self):
        self.tf.up(estate() + ALIAS + many("a", 30, extra=ORDERED)
                   + many("b", 30, extra=ORDERED + "\n  provider = ipam.b"))
        cidrs = self.all_cidrs(self.tf)
        self.assertEqual(len(cidrs), 60)
        self.assert_disjoint(cidrs, "10.0.0.0/16")
        self.tf.quiet()
        mode = self.tf.state_file(JOURNAL).stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.tf.destroy()
        self.tf.up(estate() + vpc("a"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})

    def test_pool_cidrs_of_two_aliases(self):
        """Child pools carve from one source pool in two processes."""
        child = """
resource "ipam_pool" "{0}" {{
  provider            = {1}
  count               = 4
  address_family      = "ipv4"
  ipam_scope_id       = ipam.main.private_default_scope_id
  source_ipam_pool_id = ipam_pool.main.id
  locale              = "eu-west-1"
}}
resource "ipam_pool_cidr" "{0}" {{
  provider       = {1}
  count          = 4
  ipam_pool_id   = ipam_pool.{0}[count.index].id
  netmask_length = 20
  depends_on     = [ipam_pool_cidr.main]
}}
"""
        self.tf.up(estate() + ALIAS + child.format("x", "ipam") + child.format("y", "ipam.b"))
        cidrs = [v["cidr"] for a, v in self.tf.resources().items()
                 if a.startswith("ipam_pool_cidr.") and "main" not in a]
        self.assertEqual(len(cidrs), 8)
        self.assert_disjoint(cidrs, "10.0.0.0/16")
        self.tf.quiet()


class Estates(Claims):
    def setUp(self):
        super().setUp()
        self.tf.up(estate() + OUTPUT)
        self.pool = self.pool_id()

    def app(self, name, count=0, **kw):
        folder = self.folder(name)
        folder.write(member(self.pool, rest=many("a", count, pool="local.pool"), **kw))
        folder.init()
        return folder

    def test_root_modules_at_the_same_time(self):
        one, two = self.app("one", 8), self.app("two", 8)
        self.tf.write(estate() + OUTPUT + many("a", 8))
        self.at_once(self.tf, one, two)
        cidrs = self.all_cidrs(self.tf, one, two)
        self.assertEqual(len(cidrs), 24)
        self.assert_disjoint(cidrs, "10.0.0.0/16")
        for folder in (self.tf, one, two):
            folder.quiet()
        for round in (12, 5, 16):
            for folder in (one, two):
                folder.write(member(self.pool, rest=many("a", round, pool="local.pool")))
            self.at_once(one, two)
            self.assert_disjoint(self.all_cidrs(self.tf, one, two), "10.0.0.0/16")

    def test_holder_learns_of_members(self):
        """The root module that holds the pool is not told about the others; the journal does."""
        one = self.app("one", 2)
        one.apply()
        self.assertEqual(self.records("member")[0]["path"], "../one/terraform.tfstate")
        self.tf.up(estate() + OUTPUT + vpc("a", 24))
        self.assert_disjoint(self.all_cidrs(self.tf, one))
        result = self.tf.destroy(code=1)
        self.assert_says(result, "has one or more allocations: 2", "held by vpc")
        one.destroy()
        self.tf.destroy()

    def test_a_third_reads_both(self):
        one = self.app("one", 2)
        one.apply()
        third = self.app("third", 2, block='estate { path = "../*/terraform.tfstate" }')
        third.apply()
        self.assert_disjoint(self.all_cidrs(one, third), "10.0.0.0/16")
        third.quiet()

    def test_estate_by_command(self):
        text = 'estate { command = ["cat", "../work/terraform.tfstate"] }\n' \
               '  claims { path = "../claims" }'
        (self.base / "claims").mkdir()
        one = self.app("one", 2, block=text)
        result = one.apply(code=1)
        self.assert_says(result, "does not keep its claims in", "claims { path }")

    def test_without_claims_folder(self):
        one = self.app("one", 2, block='estate { command = ["cat", "../work/terraform.tfstate"] }')
        result = one.refused(member(self.pool, 'estate { command = ["cat", "../work/terraform.tfstate"] }',
                                    many("a", 1, pool="local.pool")), when="apply")
        self.assert_says(result, "not a local file", "claims { path")

    def test_unknown_pool_lists_states(self):
        one = self.app("one")
        result = one.refused(member("ipam-pool-0123456789abcdef0", rest=vpc("a").replace(
            "ipam_pool.main.id", "local.pool")))
        self.assert_says(result, "InvalidIpamPoolId.NotFound", r"terraform\.tfstate or "
                         r"\S*work/terraform\.tfstate")
    test_unknown_pool_lists_states.slow = True

    def test_rules_of_the_holder_apply(self):
        self.tf.up(estate(rules="allocation_min_netmask_length = 20") + OUTPUT)
        one = self.app("one")
        result = one.refused(member(self.pool, rest=many("a", 1, 18, "local.pool")))
        self.assert_says(result, "allocation_min_netmask_length = 20")

    def test_estate_without_match(self):
        one = self.app("one")
        result = one.refused(member(self.pool, 'estate { path = "../nowhere/*.tfstate" }',
                                    many("a", 1, pool="local.pool")))
        self.assert_says(result, "matches no file")

    def test_unreadable_state_of_the_estate(self):
        one = self.app("one")
        self.tf.state_file().write_text('{"version": 4, "resour')
        result = one.refused(member(self.pool, rest=many("a", 1, pool="local.pool")))
        self.assert_says(result, "cannot be read", "work/terraform.tfstate")
    test_unreadable_state_of_the_estate.slow = True

    def test_member_that_is_gone(self):
        one = self.app("one", 1)
        one.apply()
        one.state_file().rename(one.path / "kept")
        text = estate() + OUTPUT + vpc("a", 24)
        for when in ("plan", "apply"):
            result = self.tf.refused(text, when=when)
            self.assert_says(result, "one/terraform.tfstate", "does not exist", "doctor --journal",
                             "--forget-member")
        self.assertEqual(self.doctor().code, 1)
        (one.path / "kept").rename(one.state_file())
        self.tf.apply()
        self.assert_disjoint(self.all_cidrs(self.tf, one))
        self.assertEqual(self.doctor().code, 0)
        one.destroy()
        one.state_file().unlink()
        (one.path / "terraform.tfstate.backup").unlink()
        gone = self.doctor("--journal", JOURNAL, "--forget-member", "../one/terraform.tfstate")
        self.assertEqual(gone.code, 0, gone)
        self.assertIn("1 members forgotten", gone.text)
        self.tf.up(text + vpc("b", 24))

    def test_a_copy_of_a_state(self):
        copy = self.base / "copy"
        copy.mkdir()
        (copy / "terraform.tfstate").write_bytes(self.tf.state_file().read_bytes())
        one = self.app("one")
        result = one.refused(member(self.pool, 'estate { path = "../[cw]*/terraform.tfstate" }',
                                    many("a", 1, pool="local.pool")))
        self.assert_says(result, "is in two states")


class Remote(Claims):
    """The pool's state is not a local file: the journal is in a folder that all name."""

    def setUp(self):
        super().setUp()
        self.server = StateServer()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        (self.base / "claims").mkdir()
        self.text = (backend("http", address=self.server.url) + estate() + OUTPUT).replace(
            'region = "eu-west-1"\n}',
            'region = "eu-west-1"\n  claims {\n    path = "../claims"\n  }\n}', 1)
        self.tf.up(self.text)
        self.tf.plan()
        pull = ["python3", "-c", "import sys, urllib.request as u; "
                "sys.stdout.write(u.urlopen(sys.argv[1]).read().decode())", self.server.url]
        self.block = f"""estate {{
    command = {json.dumps(pull)}
  }}
  claims {{
    path = "../claims"
  }}"""

    def remote_cidrs(self):
        state = json.loads(self.server.state)
        return [i["attributes"]["cidr_block"] for r in state["resources"]
                if r["type"] == "ipam_vpc" for i in r["instances"]]

    def test_two_root_modules(self):
        pool = self.pool_id()
        one = self.folder("one")
        one.write(member(pool, self.block, many("a", 8, pool="local.pool")))
        one.init()
        self.tf.write(self.text + many("a", 8))
        self.at_once(self.tf, one)
        cidrs = self.all_cidrs(one) + self.remote_cidrs()
        self.assertEqual(len(cidrs), 16)
        self.assert_disjoint(cidrs, "10.0.0.0/16")
        journal, = (self.base / "claims").iterdir()
        self.assertEqual(stat.S_IMODE(journal.stat().st_mode), 0o600)
        self.tf.write(self.text + many("a", 10))
        self.tf.apply()
        self.assert_disjoint(self.all_cidrs(one) + self.remote_cidrs(), "10.0.0.0/16")
        one.quiet()
        self.tf.quiet()

    def test_aliases(self):
        self.tf.up(self.text + ALIAS.replace('"eu-west-1"', '"eu-west-1"\n  claims {\n'
                                             '    path = "../claims"\n  }')
                   + many("a", 6) + many("b", 6, extra="provider = ipam.b"))
        self.assert_disjoint(self.remote_cidrs(), "10.0.0.0/16")
        self.assertEqual(len(self.remote_cidrs()), 12)


class Left(Claims):
    """What runs that were killed leave behind."""

    def start_and_kill(self, text, after, whom):
        """Kills terraform, or the provider, as soon as the journal has `after` claims."""
        self.tf.write(text)
        process = subprocess.Popen(["terraform", "apply", "-no-color", "-auto-approve"],
                                   cwd=self.tf.path, env=self.tf.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        journal = self.tf.state_file(JOURNAL)
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if journal.exists() and journal.read_bytes().count(b'"claim"') >= after:
                break
        if whom == "terraform":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            for run in self.records("run"):
                if run["terraform"] == process.pid:
                    os.kill(run["provider"], signal.SIGKILL)
        process.wait(timeout=60)

    def test_terraform_killed_in_a_first_run(self):
        self.tf.write(estate())
        self.tf.init()
        self.start_and_kill(estate() + many("a", 40, extra=ORDERED), 10, "terraform")
        state = self.tf.state_file()
        state.write_bytes(b"")  # what a kill in the middle of a rewrite leaves
        backup = self.tf.state_file("terraform.tfstate.backup")
        if backup.exists():
            backup.unlink()
        result = self.tf.plan(code=1)
        self.assert_says(result, "The Terraform state was lost", "10.0", "--drop-claim")
        told = self.doctor()
        self.assertEqual(told.code, 1)
        self.assert_says(told, "ended", "open")
        for record in self.records("run"):
            self.doctor("--journal", JOURNAL, "--drop-claim", record["run"])
        self.tf.apply()
        self.assert_disjoint(self.all_cidrs(self.tf), "10.0.0.0/16")
    test_terraform_killed_in_a_first_run.slow = True

    def test_provider_killed(self):
        self.tf.up(estate() + vpc("x", 24))
        text = estate() + vpc("x", 24) + many("a", 30)
        self.start_and_kill(text, 12, "provider")
        self.tf.apply()
        cidrs = self.all_cidrs(self.tf)
        self.assertEqual(len(cidrs), 31)
        self.assert_disjoint(cidrs, "10.0.0.0/16")
        self.assertEqual(self.doctor().code, 0)

    def test_torn_journal(self):
        self.tf.up(estate() + vpc("a", 24))
        with self.tf.state_file(JOURNAL).open("ab") as journal:
            journal.write(b'0123abcd {"claim":"ipam-po')
        self.tf.up(estate() + vpc("a", 24) + vpc("b", 24))
        self.assert_disjoint(self.tf.cidrs().values())

    def test_damaged_journal(self):
        self.tf.up(estate() + vpc("a", 24))
        journal = self.tf.state_file(JOURNAL)
        text = journal.read_bytes()
        journal.write_bytes(text.replace(b"ipam-pool", b"ipam-p00l", 1))
        result = self.tf.refused(estate() + vpc("a", 24) + vpc("b", 24))
        self.assert_says(result, "line 2 is damaged")
        journal.write_bytes(text)
        self.tf.apply()

    def test_symbolic_link(self):
        self.tf.write(estate())
        self.tf.init()
        self.tf.state_file(JOURNAL).symlink_to("/dev/null")
        result = self.tf.refused(estate(), when="apply")
        self.assert_says(result, "symbolic link")

    def test_folder_in_the_way(self):
        self.tf.write(estate())
        self.tf.init()
        self.tf.state_file(JOURNAL).mkdir()
        result = self.tf.refused(estate(), when="apply")
        self.assert_says(result, "directory in the place")

    def test_stuck_process(self):
        """The lock is held by a process that does not go on."""
        self.tf.up(estate())
        text = estate().replace('region = "eu-west-1"\n}',
                                'region = "eu-west-1"\n  lock_timeout = "1s"\n}', 1)
        journal = self.tf.state_file(JOURNAL)
        holder = subprocess.Popen(["flock", "-o", str(journal), "sleep", "60"])
        try:
            time.sleep(0.3)
            result = self.tf.refused(text + vpc("a"), when="apply")
        finally:
            holder.terminate()
            holder.wait()
        self.assert_says(result, "is locked by process", "lock_timeout")
        self.tf.apply()
    test_stuck_process.slow = True


class Quarantine(Claims):
    def test_released_space_rests(self):
        rules = 'release_quarantine = "1h"'
        self.tf.up(estate(rules=rules) + vpc("a"))
        self.tf.up(estate(rules=rules))
        self.tf.up(estate(rules=rules) + vpc("b"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.b": "10.0.16.0/20"})
        self.tf.quiet()
        at = vpc("c").replace("ipv4_netmask_length = 20", 'cidr_block = "10.0.0.0/20"')
        result = self.tf.refused(estate(rules=rules) + vpc("b") + at)
        self.assert_says(result, r"quarantine of vpc-0\w+, which was released, until 20")
        self.assert_says(self.doctor(), "quarantine of 10.0.0.0/20")
        self.tf.write(estate(rules=rules))
        self.tf.destroy()

    def test_it_ends(self):
        rules = 'release_quarantine = "1s"'
        self.tf.up(estate(rules=rules) + vpc("a"))
        self.tf.up(estate(rules=rules))
        time.sleep(2.1)
        self.tf.up(estate(rules=rules) + vpc("b"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.b": "10.0.0.0/20"})

    def test_changes_in_place(self):
        self.tf.up(estate())
        self.tf.write(estate(rules='release_quarantine = "24h"'))
        self.assertEqual(self.tf.changes(), {"ipam_pool.main": ["update"]})
        self.tf.apply()
        self.tf.quiet()
        result = self.tf.refused(estate(rules='release_quarantine = "soon"'))
        self.assert_says(result, "not a duration")


class Doctor(Claims):
    def test_all_is_well(self):
        self.tf.up(estate() + vpc("a"))
        told = self.doctor()
        self.assertEqual(told.code, 0, told)
        self.assert_says(told, "own state", "4 objects", "1 CIDRs, 1 allocations",
                         "61440 of 65536 addresses free", "All is well")

    def test_usage(self):
        for args in (["--nonsense"], ["--state"], ["--drop-claim", "x"], ["--journal", "x"]):
            self.assertEqual(self.doctor(*args).code, 2, args)
        self.assertEqual(self.doctor("--help").code, 0)

    def test_it_only_reads(self):
        self.tf.up(estate() + vpc("a"))
        before = {p: p.read_bytes() for p in self.tf.path.iterdir() if p.is_file()}
        self.doctor()
        self.assertEqual(before, {p: p.read_bytes() for p in self.tf.path.iterdir() if p.is_file()})
