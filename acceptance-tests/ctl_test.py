"""ipamctl: the second program, over states that the real terraform wrote."""

import json
import os
import pty
import re
import shlex

from harness import (BINARY, Case, ROOT, VERSION, estate, instance_of, pool_hcl, run, vpc,
                     vpc_at)

CTL = BINARY.parent / "ipamctl"
GUIDE = ROOT / "docs/guides/ipamctl.md"
RULES = """
  allocation_default_netmask_length = 20
  allocation_min_netmask_length     = 16
  allocation_max_netmask_length     = 24
"""
ESTATE = estate("10.0.0.0/16", RULES) + vpc("one") + """
resource "ipam_pool_cidr_allocation" "eks" {
  ipam_pool_id   = ipam_pool.main.id
  netmask_length = 22
  description    = "reserved for eks"
  depends_on     = [ipam_vpc.one]
}
resource "ipam_organization_admin_account" "net" {
  delegated_admin_account_id = "222233334444"
}
"""


def commands_of_guide():
    """(AWS CLI's command, its counterpart) of each row of the table."""
    rows = re.findall(r"(?m)^\|[^|`]*\| `(aws [^`]*)` \| `([^`]*)` \|$", GUIDE.read_text())
    assert len(rows) > 10, rows
    return rows


class Ctl(Case):
    def ctl(self, *args, code=0, cwd=None, env=None):
        result = run([str(CTL), *args], cwd or self.tf.path, {**self.tf.env, **(env or {})})
        if result.code != code:
            self.fail(f"expected exit code {code}\n{result}")
        return result

    def answer(self, *args, **kw):
        return json.loads(self.ctl(*args, **kw).stdout)

    def ids(self):
        state = json.loads(self.tf.state_file().read_text())
        ipam = instance_of(state, "ipam", "main")
        return {"IPAM": ipam["id"], "SCOPE": ipam["private_default_scope_id"],
                "POOL": instance_of(state, "ipam_pool", "main")["id"],
                "ALLOCATION": instance_of(state, "ipam_pool_cidr_allocation", "eks")["id"]}

    def shell(self, command, ids):
        """A line of the guide in a shell that has `aws` as another name of ipamctl."""
        script = f'aws() {{ {shlex.quote(str(CTL))} "$@"; }}\nipamctl() {{ aws "$@"; }}\n{command}\n'
        return run(["bash", "-c", script], self.tf.path, {**self.tf.env, **ids})

    def test_every_command_of_the_guide(self):
        """The AWS CLI's command under an alias, and its counterpart: both run, and answer alike."""
        self.tf.up(ESTATE)
        ids = self.ids()
        for aws, here in commands_of_guide():
            with self.subTest(aws):
                asked, told = self.shell(aws, ids), self.shell(here, ids)
                self.assertEqual(told.code, 0, told)
                if here.startswith("terraform"):
                    self.assertEqual(asked.code, 2, asked)
                    self.assert_says(asked, "ipam_pool_cidr_allocation", "only reads")
                    self.assertIn("Destroy complete", told.stdout)
                    self.tf.apply()
                    ids = self.ids()
                    continue
                self.assertEqual(asked.code, 0, asked)
                answer = json.loads(told.stdout)
                self.assertIsNotNone(answer)
                self.assertEqual(json.loads(asked.stdout), answer)

    def test_answers_have_awss_fields(self):
        self.tf.up(ESTATE)
        ids = self.ids()
        found = self.answer("get-ipam-pool-allocations", "--ipam-pool-id", ids["POOL"])
        by_type = {a["ResourceType"]: a for a in found["IpamPoolAllocations"]}
        self.assertEqual(by_type["custom"]["IpamPoolAllocationId"], ids["ALLOCATION"].split("_")[0])
        self.assertEqual(by_type["custom"]["Description"], "reserved for eks")
        self.assertEqual(by_type["vpc"]["Cidr"], "10.0.0.0/20")
        self.assertEqual(set(by_type["vpc"]), {"Cidr", "IpamPoolAllocationId", "ResourceId",
                                               "ResourceType", "ResourceRegion", "ResourceOwner",
                                               "Tags"})
        pool, = self.answer("ec2", "describe-ipam-pools")["IpamPools"]
        self.assertEqual(pool["PoolDepth"], 1)
        self.assertEqual(pool["AllocationDefaultNetmaskLength"], 20)
        self.assertTrue(pool["IpamScopeArn"].endswith(ids["SCOPE"]), pool)
        cidr, = self.answer("get-ipam-pool-cidrs", "--ipam-pool-id", ids["POOL"])["IpamPoolCidrs"]
        self.assertEqual((cidr["Cidr"], cidr["State"], cidr["NetmaskLength"]),
                         ("10.0.0.0/16", "provisioned", 16))
        scopes = self.answer("describe-ipam-scopes", "--filters",
                             "Name=ipam-scope-type,Values=private")["IpamScopes"]
        self.assertEqual([s["IpamScopeId"] for s in scopes], [ids["SCOPE"]])
        ipam, = self.answer("describe-ipams", "--ipam-ids", ids["IPAM"])["Ipams"]
        self.assertEqual([r["RegionName"] for r in ipam["OperatingRegions"]],
                         ["eu-west-1", "us-east-1"])
        held = self.answer("get-ipam-resource-cidrs")["IpamResourceCidrs"]
        self.assertEqual([(h["ResourceCidr"], h["ManagementState"], h["ComplianceStatus"],
                           h["OverlapStatus"]) for h in held],
                         [("10.0.0.0/20", "managed", "compliant", "nonoverlapping")])
        for filters, count in ((["Name=cidr,Values=10.0.*"], 2), (["Name=cidr,Values=11.*,10.0.16.*"], 1),
                               (["Name=resource-type,Values=vpc", "Name=cidr,Values=11.*"], 0),
                               (['[{"Name": "resource-type", "Values": ["vpc", "custom"]}]'], 2)):
            found = self.answer("get-ipam-pool-allocations", "--ipam-pool-id", ids["POOL"],
                                "--filters", *filters)
            self.assertEqual(len(found["IpamPoolAllocations"]), count, filters)
        admin = self.answer("describe-ipam-organization-admin-account")
        self.assertEqual(admin["DelegatedAdminAccountId"], "222233334444")

    def test_output_forms(self):
        self.tf.up(ESTATE)
        pool = ["get-ipam-pool-cidrs", "--ipam-pool-id", self.ids()["POOL"], "--query",
                "IpamPoolCidrs[].{Cidr:Cidr,State:State}", "--output"]
        self.assertEqual(self.ctl(*pool, "text").stdout, "10.0.0.0/16\tprovisioned\n")
        self.assertEqual(self.ctl(*pool, "yaml").stdout,
                         '- Cidr: "10.0.0.0/16"\n  State: provisioned\n')
        self.assertEqual(self.ctl(*pool, "table").stdout, """\
---------------------------------
|       GetIpamPoolCidrs        |
+---------------+---------------+
|  Cidr         |  State        |
+---------------+---------------+
|  10.0.0.0/16  |  provisioned  |
+---------------+---------------+
""")
        self.assertEqual(self.ctl(*pool, "text", env={"AWS_DEFAULT_OUTPUT": "json"}).stdout,
                         "10.0.0.0/16\tprovisioned\n")

    def test_tree_shows_every_scope(self):
        """More scopes than AWS's quota allows, as somebody's state may have them."""
        self.tf.up(ESTATE + """
resource "ipam_scope" "team" {
  ipam_id = ipam.main.id
}
resource "ipam_pool" "team" {
  address_family = "ipv4"
  ipam_scope_id  = ipam_scope.team.id
}
""")

        def multiply(state):
            named = {"ipam_scope": ("id", "arn"), "ipam_pool": ("id", "arn", "ipam_scope_id")}
            for r in state["resources"]:
                if r["name"] == "team":
                    one, = r["instances"]
                    ids = {k: one["attributes"][k] for k in named[r["type"]]}
                    r["instances"] = [
                        {**one, "index_key": i,
                         "attributes": {**one["attributes"], **{k: f"{v}{i:03}" for k, v in ids.items()}}}
                        for i in range(100)]

        self.tf.edit_state(multiply)
        self.assertEqual(self.ctl("tree").stdout.count("private scope of its own"), 100)

    def test_tree_free_and_capacity(self):
        self.tf.up(ESTATE)
        pool = self.ids()["POOL"]
        tree = self.ctl("tree").stdout
        self.assertRegex(tree, r"main pool .*10\.0\.0\.0/16 +█·+ +7\.8 %")
        self.assertRegex(tree, r"├─ VPC vpc-\w+ +10\.0\.0\.0/20\n")
        self.assertRegex(tree, r"└─ reservation reserved for eks +10\.0\.16\.0/22\n")
        self.assertNotIn("\x1b", tree)
        self.assertIn("\x1b[", self.ctl("tree", "--color", "always").stdout)
        self.assertNotIn("VPC", self.ctl("tree", "--max-allocations", "0").stdout)
        narrow = self.ctl("tree", env={"COLUMNS": "70"}).stdout
        self.assertLessEqual(max(map(len, narrow.splitlines())), 72, narrow)
        free = self.answer("free", "--ipam-pool-id", pool, "--output", "json")
        self.assertEqual(free["FreeAddresses"], 65536 - 4096 - 1024)
        self.assertEqual(free["LargestNetmaskLength"], 17)
        self.assertEqual({f["NetmaskLength"]: f["Count"] for f in free["Fits"]}[20], 14)
        self.assertEqual(free["FreeCidrs"][0]["Cidr"], "10.0.20.0/22")
        self.assert_says(self.ctl("free", "--ipam-pool-id", pool), "60,416 of 65,536 addresses",
                         "20 14 default")
        self.assert_says(self.ctl("plan-capacity"), "main pool", "14 x /20")
        fits = self.answer("plan-capacity", "--netmask-length", "20", "--count", "14", "--output",
                           "json")["IpamPools"][0]
        self.assertEqual((fits["Fits"], fits["Cidrs"][0], len(fits["Cidrs"])),
                         (True, "10.0.32.0/20", 14))
        self.assert_says(self.ctl("plan-capacity", "--netmask-length", "20", "--count", "15",
                                  code=1), "no: main pool", "14 of 15 /20 fit")
        self.assert_says(self.ctl("plan-capacity", "--netmask-length", "28", code=1),
                         "smaller than the pool")
        # What was tried was not done.
        self.tf.quiet()
        self.assertEqual(self.answer("free", "--ipam-pool-id", pool, "--query", "FreeAddresses"),
                         60416)

    def test_metrics_are_openmetrics(self):
        self.tf.up(ESTATE)
        text = self.ctl("metrics").stdout
        self.assertTrue(text.endswith("# EOF\n"))
        types, units, series, last = {}, {}, set(), None
        for line in text.splitlines()[:-1]:
            head = re.fullmatch(r"# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
            if head:
                kind, name, value = head.groups()
                if kind == "TYPE":
                    self.assertNotIn(name, types, "a family stands in one place")
                    types[name] = value
                    last = name
                elif kind == "UNIT":
                    self.assertTrue(name.endswith(f"_{value}"), line)
                    units[name] = value
                self.assertEqual(name, last, line)
                continue
            sample = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)+)\}'
                                  r" ([0-9.e+-]+)", line)
            self.assertTrue(sample, line)
            self.assertEqual(sample[1], last, line)
            self.assertNotIn(sample.group(1, 2), series, line)
            series.add(sample.group(1, 2))
            if units.get(last) == "percent":
                self.assertLessEqual(float(sample[3]), 100)
        self.assertEqual(set(types.values()), {"gauge"})
        self.assertIn("aws_ipam_PercentAssigned_percent", types)
        self.assertRegex(text, r"aws_ipam_PoolAllocationUtilizationPercentage_percent\{IpamId=.* 7\.8125\n")

    def test_history_from_backups(self):
        self.tf.up(ESTATE)
        gone = self.tf.get("ipam_vpc.one")
        self.tf.up(estate("10.0.0.0/16", RULES) + vpc_at("two", "10.0.16.0/20"))
        record, = self.answer("get-ipam-address-history", "--cidr", "10.0.0.0/20")["HistoryRecords"]
        self.assertEqual(record["ResourceId"], gone["id"])
        self.assertRegex(record["SampledEndTime"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        now, = self.answer("get-ipam-address-history", "--cidr", "10.0.16.0/20")["HistoryRecords"]
        self.assertNotIn("SampledEndTime", now)

    def test_several_states(self):
        """States of other folders, several IPAMs, and one that cannot be read."""
        self.tf.up(ESTATE)
        other = self.folder("other")
        other.up(estate("10.0.0.0/16"))
        states = ["--state", str(self.base / "*/terraform.tfstate")]
        self.assertEqual(len(self.answer("describe-ipams", *states, cwd=self.base)["Ipams"]), 2)
        several = self.ctl("get-ipam-resource-cidrs", *states, code=2)
        self.assert_says(several, "several IPAMs", "--ipam-id", self.ids()["IPAM"])
        one = self.answer("get-ipam-resource-cidrs", *states, "--ipam-id", self.ids()["IPAM"])
        self.assertEqual(len(one["IpamResourceCidrs"]), 1)
        other.state_file().write_text('{"version": 3, "serial": 1, "lineage": "x", "modules": []}')
        broken = self.ctl("describe-ipams", *states, code=3)
        self.assertEqual(len(json.loads(broken.stdout)["Ipams"]), 1)
        self.assert_says(broken, "cannot be read", "other/terraform.tfstate")
        self.assert_says(self.ctl("tree", "--state", "nowhere/*.tfstate", code=3), "matches no file")
        self.assert_says(self.ctl("tree", cwd=self.base, code=3), "no state here", "--inventory")

    test_several_states.slow = True

    def test_nothing_is_written(self):
        self.tf.up(ESTATE)
        before = {p: p.stat().st_mtime_ns for p in self.tf.path.rglob("*")}
        for verb in (["tree"], ["metrics"], ["plan-capacity", "--netmask-length", "20"],
                     ["get-ipam-resource-cidrs"]):
            self.ctl(*verb)
        self.assertEqual({p: p.stat().st_mtime_ns for p in self.tf.path.rglob("*")}, before)

    def test_hostile_names_do_not_reach_the_terminal(self):
        self.tf.up(ESTATE)
        evil = "a\x1b]0;owned\x07\u202eb\u009b31m\nnext"

        def edit(state):
            instance_of(state, "ipam_pool", "main")["description"] = evil
            instance_of(state, "ipam_vpc", "one")["tags_all"] = {"Name": evil, evil: evil}

        self.tf.edit_state(edit)
        pool = self.ids()["POOL"]
        for args in (["tree"], ["free", "--ipam-pool-id", pool], ["plan-capacity"], ["metrics"],
                     ["plan-capacity", "--netmask-length", "30"],
                     *(["get-ipam-resource-cidrs", "--output", f]
                       for f in ("json", "yaml", "table", "text")),
                     *(["describe-ipam-pools", "--output", f]
                       for f in ("json", "yaml", "table", "text"))):
            with self.subTest(args):
                code = 1 if "--netmask-length" in args else 0
                result = self.ctl(*args, code=code)
                for bad in "\x1b\x07\u202e\u009b":
                    self.assertNotIn(bad, result.stdout + result.stderr)
        told = self.answer("describe-ipam-pools")["IpamPools"][0]["Description"]
        self.assertEqual(told, evil, "JSON keeps what is escaped")

    def test_circle_of_pools(self):
        """A state may say anything."""
        self.tf.up(estate() + pool_hcl("10.0.0.0/16", name="other").replace(
            'cidr         = "10.0.0.0/16"', 'cidr         = "10.1.0.0/16"'))

        def edit(state):
            one, other = (instance_of(state, "ipam_pool", n) for n in ("main", "other"))
            one["source_ipam_pool_id"], other["source_ipam_pool_id"] = other["id"], one["id"]

        self.tf.edit_state(edit)
        pool = self.tf.get("ipam_pool.main")["id"]
        for args in (["tree"], ["plan-capacity"], ["tree", "--ipam-pool-id", pool]):
            result = self.ctl(*args)
            self.assertIn("main pool", result.stdout)
            self.assertIn("other pool", result.stdout if len(args) == 1 else "other pool")

    def test_command_line(self):
        self.assertEqual(self.ctl("--version").stdout, f"ipamctl {VERSION}\n")
        overview = self.ctl("--help").stdout
        verbs = re.findall(r"(?m)^  ([a-z][a-z-]+) ", overview)
        self.assertGreater(len(verbs), 15)
        for verb in verbs:
            with self.subTest(verb):
                text = self.ctl(verb, "--help").stdout
                self.assert_says(self.ctl(verb, "--help"), f"usage: ipamctl .*{verb}", "Examples:")
                self.assertNotIn("(null)", text)
        for args, said in (
                ([], "usage: ipamctl VERB"),
                (["tre"], "Did you mean tree"),
                (["describe-ipam-pool"], "Did you mean describe-ipam-pools"),
                (["tree", "--colour", "never"], "Did you mean --color"),
                (["free"], "needs --ipam-pool-id"),
                (["free", "--ipam-pool-id"], "needs a value"),
                (["tree", "nonsense"], "takes options only"),
                (["tree", "--help=yes"], "takes no value"),
                (["ec2", "create-ipam-pool", "--whatever", "x"], "resource ipam_pool and run")):
            with self.subTest(args):
                self.assert_says(self.ctl(*args, code=2), said)

    def test_wrong_questions(self):
        self.tf.up(ESTATE)
        pool = self.ids()["POOL"]
        for args, said in (
                (["describe-ipams", "--output", "xml"], "json, yaml, table and text"),
                (["describe-ipams", "--query", "Ipams["], "the query is not understood"),
                (["describe-ipams", "--query", "nothing(@)"], "no function nothing"),
                (["describe-ipams", "--filters", "tier=free"], "has to have the form"),
                (["describe-ipams", "--filters", '[{"Name": "tier", "Values": [1]}]'], "or as JSON"),
                (["describe-ipams", "--filters", "Name=teir,Values=free"], "teir"),
                (["free", "--ipam-pool-id", "ipam-pool-0unknown"], "does not exist"),
                (["get-ipam-resource-cidrs", "--ipam-scope-id", "ipam-scope-0"], "does not exist"),
                (["get-ipam-resource-cidrs", "--ipam-id", "ipam-0"], "no such IPAM"),
                (["get-ipam-address-history", "--cidr", "10.0.0.1/20"], "no such CIDR"),
                (["plan-capacity", "--netmask-length", "200"], "from 0 to 128"),
                (["plan-capacity", "--count", "2"], "needs --netmask-length"),
                (["tree", "--account-id", "12"], "no such account"),
                (["tree", "--region", "Mars"], "no such Region"),
                (["get-metric-statistics", "--metric-name", "X", "--dimensions", "PoolID"],
                 "has to have the form")):
            with self.subTest(args):
                self.assert_says(self.ctl(*args, code=2), said)
        self.assert_says(self.ctl("get-metric-statistics", "--metric-name", "PercentAllocated",
                                  "--dimensions", f"Name=PoolID,Value={pool}", code=1),
                         "no such metric")
        # Another account sees nothing of it.
        self.assert_says(self.ctl("tree", "--account-id", "999999999999", code=2), "no IPAM")

    def test_inventory_alone(self):
        """Overlaps can be asked for before there is an IPAM."""
        self.tf.write(json.dumps({"Vpcs": [
            {"VpcId": f"vpc-{n:017x}", "CidrBlock": "10.10.0.0/16", "OwnerId": str(n) * 12,
             "CidrBlockAssociationSet": [{"AssociationId": f"vpc-cidr-assoc-{n}",
                                          "CidrBlock": "10.10.0.0/16",
                                          "CidrBlockState": {"State": "associated"}}]}
            for n in (1, 2)]}), "inventory/vpcs.json")
        ipam, = self.answer("describe-ipams")["Ipams"]
        self.assertEqual(ipam["IpamId"], "ipam-assumed")
        found = self.answer("get-ipam-resource-cidrs", "--filters",
                            "Name=overlap-status,Values=overlapping")["IpamResourceCidrs"]
        self.assertEqual([f["ResourceOwnerId"] for f in found], ["1" * 12, "2" * 12])
        self.tf.write("{", "inventory/broken.json")
        self.assert_says(self.ctl("describe-ipams", code=3), r"broken\.json")

    def test_on_a_terminal(self):
        """Colours where there is a terminal, none with NO_COLOR; the width is the terminal's."""
        self.tf.up(ESTATE)

        def on_terminal(env):
            text = b""
            pid, fd = pty.fork()
            if pid == 0:
                os.chdir(self.tf.path)
                os.execve(CTL, [str(CTL), "tree"], {**self.tf.env, "COLUMNS": "80", **env})
            while True:
                try:
                    chunk = os.read(fd, 65536)
                except OSError:  # the terminal is closed with the process
                    break
                if not chunk:
                    break
                text += chunk
            os.waitpid(pid, 0)
            os.close(fd)
            return text.decode()

        self.assertIn("\x1b[", on_terminal({"TERM": "xterm"}))
        self.assertNotIn("\x1b[", on_terminal({"TERM": "xterm", "NO_COLOR": "1"}))
        self.assertNotIn("\x1b[", on_terminal({"TERM": "dumb"}))

    def test_completion(self):
        script = self.ctl("completion").stdout
        self.tf.write(script, "completion.bash")
        asked = """
        source completion.bash
        COMP_WORDS=(ipamctl ec2 describe-ipam-p); COMP_CWORD=2; _ipamctl; echo "${COMPREPLY[@]}"
        COMP_WORDS=(ipamctl free --ipam); COMP_CWORD=2; _ipamctl; echo "${COMPREPLY[@]}"
        """
        result = run(["bash", "-c", asked], self.tf.path, self.tf.env)
        self.assertEqual(result.stdout.splitlines(), ["describe-ipam-pools", "--ipam-pool-id"],
                         result)
