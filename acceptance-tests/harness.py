"""What the acceptance tests share: working folders for the real terraform binary.

Every test gets a folder of its own with its own provider mirror and CLI configuration, so that
tests run side by side, and an environment without the user's TF_* and AWS_* variables, so that
they run the same everywhere. Terraform itself judges much of what is tested here: it refuses a
provider whose plan and result differ.
"""

import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(
    os.environ.get("TF_PROVIDER_BINARY", ROOT / "build/release/terraform-provider-ipam"))
SOURCE = "terraform.local/ipam/ipam"
VERSION = "0.1.0"
AWS_SOURCE = "registry.terraform.io/hashicorp/aws"
AWS_VERSION = "6.47.0"
TIMEOUT = 240  # seconds that one terraform command may take

HEADER = """
terraform {
  required_providers {
    ipam = { source = "terraform.local/ipam/ipam" }
  }
}
provider "ipam" {
  region = "eu-west-1"
}
"""


def pool_hcl(cidr="10.0.0.0/16", rules="", name="main"):
    """A pool that VPCs of eu-west-1 can draw from. Nothing in it is ordered by depends_on."""
    return f"""
resource "ipam_pool" "{name}" {{
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
  locale         = "eu-west-1"
  description    = "{name} pool"
  {rules}
}}
resource "ipam_pool_cidr" "{name}" {{
  ipam_pool_id = ipam_pool.{name}.id
  cidr         = "{cidr}"
}}
"""


def estate(cidr="10.0.0.0/16", rules=""):
    """The provider, an IPAM and one pool: what most tests start from."""
    return HEADER + """
resource "ipam" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
  operating_regions {
    region_name = "us-east-1"
  }
}
""" + pool_hcl(cidr, rules)


def vpc(name, netmask=20, extra="", pool="main"):
    return f"""
resource "ipam_vpc" "{name}" {{
  ipv4_ipam_pool_id   = ipam_pool.{pool}.id
  ipv4_netmask_length = {netmask}
  {extra}
}}
"""


def vpc_at(name, cidr, extra="", pool="main"):
    return f"""
resource "ipam_vpc" "{name}" {{
  ipv4_ipam_pool_id = ipam_pool.{pool}.id
  cidr_block        = "{cidr}"
  {extra}
}}
"""


def plain(text):
    """Terraform's text without colours, boxes and line breaks, which it puts anywhere."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return " ".join(re.sub(r"[│╷╵]", " ", text).split())


class Result:
    def __init__(self, command, code, stdout, stderr):
        self.command, self.code, self.stdout, self.stderr = command, code, stdout, stderr
        self.text = plain(stdout + "\n" + stderr)

    def __str__(self):
        return f"$ {' '.join(self.command)}\nexit code {self.code}\n{self.stdout}{self.stderr}"

    def errors(self):
        """The error diagnostics, each as one line."""
        found = re.split(r"(?m)^(?=[│ ]*(?:Error|Warning): )", self.stdout + "\n" + self.stderr)
        return [plain(part) for part in found if re.match(r"[│ ]*Error: ", part)]


def environment():
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("TF_", "AWS_", "PLUGIN_")) or k == "TF_PLUGIN_CACHE_DIR"}
    kept.update(CHECKPOINT_DISABLE="1", TF_INPUT="0", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
    return kept


def run(command, cwd, env=None, timeout=TIMEOUT):
    """Runs a command in a session of its own; all of it is ended when it takes too long."""
    process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        stderr += f"\nended: it took longer than {timeout} s\n"
    return Result(command, process.returncode, stdout, stderr)


class Folder:
    """A working folder of Terraform, with the calls that the tests make in it."""

    def __init__(self, test, path):
        self.test, self.path = test, pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.env = environment()
        self.env["TF_CLI_CONFIG_FILE"] = str(self.mirror())

    def mirror(self):
        base = self.path.parent / (self.path.name + ".mirror")
        for source, version in ((SOURCE, VERSION), (AWS_SOURCE, AWS_VERSION)):
            name = source.rsplit("/", 1)[1]
            folder = base / source / version / "linux_amd64"
            folder.mkdir(parents=True, exist_ok=True)
            # A link inside, as a copy of 12 MB for each test would be most of its time.
            (folder / f"terraform-provider-{name}_v{version}").symlink_to(BINARY)
        config = base / "terraform.rc"
        config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n'
                          f'    path = "{base}"\n  }}\n}}\n')
        return config

    def write(self, text, name="main.tf"):
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def terraform(self, *args, code=0, env=None, cwd=None):
        """Runs terraform; the test fails when the exit code is not the expected one."""
        command = ["terraform", *args]
        result = run(command, cwd or self.path, {**self.env, **(env or {})})
        if code is not None and result.code != code:
            self.test.fail(f"expected exit code {code}\n{result}")
        return result

    def init(self, *args, **kw):
        return self.terraform("init", "-no-color", *args, **kw)

    def plan(self, *args, code=0, **kw):
        return self.terraform("plan", "-no-color", *args, code=code, **kw)

    def apply(self, *args, code=0, **kw):
        return self.terraform("apply", "-no-color", "-auto-approve", *args, code=code, **kw)

    def destroy(self, *args, **kw):
        return self.terraform("destroy", "-no-color", "-auto-approve", *args, **kw)

    def up(self, text, *args, **kw):
        """Writes the configuration and applies it."""
        self.write(text)
        if not (self.path / ".terraform").exists():
            self.init()
        return self.apply(*args, **kw)

    def refused(self, text, *args, when="plan", **kw):
        """Writes the configuration, which has to be refused; returns what Terraform said."""
        self.write(text)
        if not (self.path / ".terraform").exists():
            self.init()
        run_it = self.plan if when == "plan" else self.apply
        result = run_it(*args, code=1, **kw)
        for crash in ("plugin did not respond", "plugin crashed", "provider produced", "bug in"):
            if crash in result.text.lower():
                self.test.fail(f"not a refusal but a failure\n{result}")
        return result

    def quiet(self, *args, **kw):
        """The configuration and the state agree: no change, no drift, no warning."""
        result = self.plan("-detailed-exitcode", *args, code=0, **kw)
        for noise in ("Warning:", "Objects have changed", "changed outside of Terraform"):
            if noise in result.text:
                self.test.fail(f"the plan is not quiet: {noise}\n{result}")

    def changes(self, *args, **kw):
        """What a plan would do: {address: actions}, no-op and read left out."""
        plan = self.plan_json(*args, **kw)
        return {c["address"]: c["change"]["actions"] for c in plan.get("resource_changes", [])
                if c["change"]["actions"] not in (["no-op"], ["read"])}

    def plan_json(self, *args, **kw):
        self.plan("-out=checked.tfplan", *args, **kw)
        return self.show("checked.tfplan", **kw)

    def show(self, *args, **kw):
        return json.loads(self.terraform("show", "-json", *args, **kw).stdout)

    def managed(self, **kw):
        """Everything in the state, as `terraform show` has it."""
        def walk(module):
            yield from (r for r in module.get("resources", []) if r["mode"] == "managed")
            for child in module.get("child_modules", []):
                yield from walk(child)
        return list(walk(self.show(**kw).get("values", {}).get("root_module", {})))

    def resources(self, **kw):
        """{address: attributes} of everything in the state."""
        return {r["address"]: r["values"] for r in self.managed(**kw)}

    def cidrs(self, **kw):
        """{address: CIDR} of the VPCs in the state."""
        return {r["address"]: r["values"]["cidr_block"] for r in self.managed(**kw)
                if r["type"] in ("ipam_vpc", "aws_vpc", "vpc")}

    def get(self, address, **kw):
        return self.resources(**kw)[address]

    def state_file(self, name="terraform.tfstate"):
        return self.path / name

    def edit_state(self, edit, name="terraform.tfstate"):
        """Changes the state file as somebody with an editor would."""
        file = self.state_file(name)
        state = json.loads(file.read_text())
        edit(state)
        state["serial"] += 1
        file.write_text(json.dumps(state, indent=2) + "\n")


def instance_of(state, kind, name, index=0):
    """The attributes of one instance in a state file."""
    for resource in state["resources"]:
        if resource["type"] == kind and resource["name"] == name:
            return resource["instances"][index]["attributes"]
    raise KeyError(f"{kind}.{name}")


class Case(unittest.TestCase):
    """A test with a folder `tf`."""

    maxDiff = None
    longMessage = True

    def setUp(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="ipam-test-"))
        self.addCleanup(self.forget)
        self.tf = self.folder("work")

    def forget(self):
        if not os.environ.get("KEEP_TEST_FOLDERS"):
            shutil.rmtree(self.base, ignore_errors=True)

    def folder(self, name):
        return Folder(self, self.base / name)

    def assert_says(self, result, *patterns):
        """Every pattern is in the text, upper and lower case alike."""
        for pattern in patterns:
            if not re.search(pattern, result.text, re.IGNORECASE):
                self.fail(f"does not say /{pattern}/\n{result}")

    def assert_disjoint(self, cidrs, inside=None):
        nets = sorted(ipaddress.ip_network(c) for c in cidrs)
        for low, high in zip(nets, nets[1:]):
            self.assertFalse(low.overlaps(high), f"{low} overlaps {high}")
        for net in nets:
            if inside:
                self.assertTrue(net.subnet_of(ipaddress.ip_network(inside)), f"{net}")

    def import_round_trip(self, address, import_id, ignored=()):
        """Forgets a resource and imports it again: nothing is replaced or changed, and every
        attribute but the ignored ones is the same."""
        before = self.tf.get(address)
        self.tf.terraform("state", "rm", address)
        self.tf.terraform("import", "-no-color", address, import_id)
        after = self.tf.get(address)
        for name in before:
            if name not in ignored:
                self.assertEqual(before[name], after[name], f"{address}.{name}")
        self.assertEqual(self.tf.changes(), {}, f"after the import of {address}")
        return after
