"""Where the state is kept and in what condition it is found. Every case issues a first VPC in one
run and a second one in another: they collide when the second run did not see the first."""

import http.server
import json
import threading

from harness import Case, estate, vpc


def backend(kind, **settings):
    lines = "\n".join(f'    {k} = "{v}"' for k, v in settings.items())
    return f'terraform {{\n  backend "{kind}" {{\n{lines}\n  }}\n}}\n'


class StateServer(http.server.ThreadingHTTPServer):
    """What Terraform's http backend talks to: one state and its lock, in memory."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), StateHandler)
        self.state, self.lock, self.seen = None, None, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/state"


class StateHandler(http.server.BaseHTTPRequestHandler):
    def answer(self, code, body=b""):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        if self.server.state is None:
            self.answer(404)
        else:
            self.answer(200, self.server.state)

    def do_POST(self):
        self.server.state = self.body()
        self.answer(200)

    def do_LOCK(self):
        wanted = self.body()
        self.server.seen.append("lock")
        if self.server.lock is not None:
            self.answer(423, self.server.lock)
            return
        self.server.lock = wanted
        self.answer(200)

    def do_UNLOCK(self):
        self.body()
        self.server.seen.append("unlock")
        self.server.lock = None
        self.answer(200)

    def log_message(self, *args):
        pass


class Places(Case):
    """Each way to say where the state is."""

    def two_runs(self, text="", *args, **kw):
        self.tf.up(text + estate() + vpc("a"), *args, **kw)
        self.tf.up(text + estate() + vpc("a") + vpc("b"), *args, **kw)
        cidrs = self.tf.cidrs(**kw)
        self.assertEqual(cidrs, {"ipam_vpc.a": "10.0.0.0/20", "ipam_vpc.b": "10.0.16.0/20"})

    def test_default(self):
        self.two_runs()
        self.tf.quiet()

    def test_path(self):
        (self.tf.path / "states").mkdir()
        self.two_runs(backend("local", path="states/here.tfstate"))
        self.assertTrue(self.tf.state_file("states/here.tfstate").exists())
        self.assertFalse(self.tf.state_file().exists())
        self.tf.quiet()

    def test_state_option(self):
        """-state= is written nowhere but on the command line and in the lock."""
        for option in ("-state=elsewhere.tfstate", "-state=./elsewhere.tfstate"):
            self.tf.up(estate() + vpc("a"), option)
        self.tf.up(estate() + vpc("a") + vpc("b"), "-state=elsewhere.tfstate")
        state = json.loads(self.tf.state_file("elsewhere.tfstate").read_text())
        found = {r["name"]: r["instances"][0]["attributes"]["cidr_block"]
                 for r in state["resources"] if r["type"] == "ipam_vpc"}
        self.assertEqual(found, {"a": "10.0.0.0/20", "b": "10.0.16.0/20"})
        self.tf.plan("-state=elsewhere.tfstate", "-detailed-exitcode")
        self.tf.plan("-state=elsewhere.tfstate", "-detailed-exitcode", "-lock=false")

    def test_state_in_the_arguments_variable(self):
        env = {"TF_CLI_ARGS_apply": "-state=elsewhere.tfstate", "TF_CLI_ARGS_plan": "-state=elsewhere.tfstate"}
        self.tf.up(estate() + vpc("a"), env=env)
        self.tf.up(estate() + vpc("a") + vpc("b"), env=env)
        self.assertFalse(self.tf.state_file().exists())
        self.assertIn("10.0.16.0/20", self.tf.state_file("elsewhere.tfstate").read_text())

    def test_data_dir(self):
        env = {"TF_DATA_DIR": "data/of terraform"}
        self.tf.write(backend("local", path="kept.tfstate") + estate() + vpc("a"))
        self.tf.init(env=env)
        self.tf.apply(env=env)
        self.tf.write(backend("local", path="kept.tfstate") + estate() + vpc("a") + vpc("b"))
        self.tf.apply(env=env)
        self.assertFalse((self.tf.path / ".terraform").exists())
        self.assertEqual(self.tf.cidrs(env=env)["ipam_vpc.b"], "10.0.16.0/20")
        self.tf.quiet(env=env)

    def test_chdir(self):
        self.tf.write(estate() + vpc("a"))
        where = dict(cwd=self.base)
        def elsewhere(*args):
            return self.tf.terraform("-chdir=work", *args, **where)
        elsewhere("init")
        elsewhere("apply", "-auto-approve")
        self.tf.write(estate() + vpc("a") + vpc("b"))
        elsewhere("apply", "-auto-approve")
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.16.0/20")
        elsewhere("plan", "-detailed-exitcode")

    def test_workspaces(self):
        """Each workspace is an estate of its own; going back and forth mixes nothing up."""
        self.two_runs()
        self.tf.terraform("workspace", "new", "-no-color", "staging")
        self.tf.up(estate() + vpc("a"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.tf.up(estate() + vpc("a") + vpc("b") + vpc("c"))
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.quiet()
        self.tf.terraform("workspace", "select", "-no-color", "default")
        self.assertEqual(len(self.tf.cidrs()), 2)
        self.tf.up(estate() + vpc("a") + vpc("b") + vpc("c"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.c"], "10.0.32.0/20")
        env = {"TF_WORKSPACE": "staging"}
        self.tf.up(estate() + vpc("a") + vpc("b") + vpc("c") + vpc("d"), env=env)
        self.assertEqual(self.tf.cidrs(env=env)["ipam_vpc.d"], "10.0.48.0/20")
        self.tf.quiet(env=env)

    def test_workspace_dir(self):
        text = backend("local", path="base.tfstate", workspace_dir="spaces")
        self.tf.write(text + estate() + vpc("a"))
        self.tf.init()
        self.tf.terraform("workspace", "new", "-no-color", "staging")
        self.two_runs(text)
        self.assertTrue((self.tf.path / "spaces/staging/terraform.tfstate").exists())

    def http(self):
        server = StateServer()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server, backend("http", address=server.url, lock_address=server.url,
                               unlock_address=server.url)

    def test_http(self):
        server, text = self.http()
        self.two_runs(text)
        self.tf.quiet()
        self.assertEqual(server.seen.count("lock"), server.seen.count("unlock"))
        self.assertIn(b"10.0.16.0/20", server.state)
        self.assertFalse(self.tf.state_file().exists())
        self.tf.destroy()
        self.assertNotIn(b"10.0.16.0/20", server.state)

    def test_http_with_arguments_for_every_command(self):
        """TF_CLI_ARGS is for every command, so also for those that the provider starts."""
        _, text = self.http()
        self.tf.up(text + estate() + vpc("a"))
        self.tf.up(text + estate() + vpc("a") + vpc("b"),
                   env={"TF_CLI_ARGS": "-parallelism=5", "TF_LOG": "debug",
                        "TF_LOG_PATH": str(self.base / "log")})
        self.assertEqual(self.tf.cidrs()["ipam_vpc.b"], "10.0.16.0/20")

    def test_http_that_fails(self):
        """A state that cannot be read is unknown, not empty."""
        server, text = self.http()
        self.tf.up(text + estate() + vpc("a"))
        held = server.state
        server.state = held[:len(held) // 2]
        self.tf.write(text + estate() + vpc("a") + vpc("b"))
        self.tf.apply(code=1)
        self.assertEqual(server.state, held[:len(held) // 2])
        server.state = held
        self.tf.apply()
        self.assert_disjoint(self.tf.cidrs().values())


class Torn(Case):
    """A damaged state: refused by whoever sees it first, and nothing is issued."""

    def two_generations(self):
        """Leaves a backup that holds allocations."""
        self.tf.up(estate() + vpc("a"))
        self.tf.up(estate() + vpc("a") + vpc("b"))
        self.backup = self.tf.state_file("terraform.tfstate.backup")
        self.assertIn("10.0.0.0/20", self.backup.read_text())
        return self.tf.state_file().read_bytes()

    def test_empty_file_with_a_backup(self):
        whole, kept = self.two_generations(), self.backup.read_bytes()
        self.tf.state_file().write_bytes(b"")
        for when in ("plan", "apply"):
            result = self.tf.refused(estate() + vpc("a") + vpc("b"), when=when)
            self.assert_says(result, r"terraform\.tfstate", r"terraform\.tfstate\.backup",
                             r"10\.0\.0\.0/20", "cp |mv |state push")
        self.assertEqual(self.tf.state_file().read_bytes(), b"")
        self.assertEqual(self.backup.read_bytes(), kept)
        self.tf.state_file().write_bytes(whole)
        self.tf.quiet()
    test_empty_file_with_a_backup.slow = True

    def test_recovery_from_the_backup(self):
        """What the message says to do works."""
        self.two_generations()
        self.tf.state_file().write_bytes(b"")
        self.tf.refused(estate() + vpc("a") + vpc("b"))
        self.tf.state_file().write_bytes(self.backup.read_bytes())
        self.tf.apply()
        self.assertEqual(set(self.tf.cidrs().values()), {"10.0.0.0/20", "10.0.16.0/20"})
    test_recovery_from_the_backup.slow = True

    def test_empty_file_without_a_backup(self):
        """A first run that was killed leaves 0 bytes behind: nothing was issued, so it may go on."""
        self.tf.state_file().write_bytes(b"")
        self.tf.up(estate() + vpc("a"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})

    def test_half_a_file(self):
        whole = self.two_generations()
        for damaged in (whole[:len(whole) // 2], b"not a state\n", b'{"version": 99}\n', b"\0" * 64):
            self.tf.state_file().write_bytes(damaged)
            self.tf.write(estate() + vpc("a") + vpc("b") + vpc("c"))
            result = self.tf.apply(code=1)
            self.assert_says(result, "state")
            self.assertEqual(self.tf.state_file().read_bytes(), damaged)
        self.tf.state_file().write_bytes(whole)
        self.tf.apply()
        self.assert_disjoint(self.tf.cidrs().values())

    def test_state_without_resources(self):
        self.tf.up(estate() + vpc("a"))
        self.tf.destroy()
        self.tf.up(estate() + vpc("a"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})

    def test_state_named_in_the_provider_block(self):
        self.two_generations()
        text = (estate() + vpc("a") + vpc("b") + vpc("c")).replace(
            'region = "eu-west-1"\n}', 'region = "eu-west-1"\n  state {\n    path = "terraform.tfstate"\n  }\n}', 1)
        self.tf.up(text)
        self.assert_disjoint(self.tf.cidrs().values())
        self.tf.quiet()
