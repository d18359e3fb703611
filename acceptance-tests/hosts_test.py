"""Hosts that share a folder, and disks that do not take what has to be noted.

A host is a set of namespaces with a name of its own: other processes, another /proc, another
network, the same files. Terraform is process 1 on each of them, so a process id says nothing about
another host. All of it works without privileges too, where the kernel lets users make namespaces;
where it does not, the tests fail and say so."""

import fcntl
import os
import pathlib
import shlex
import stat
import subprocess
import time

from claims_test import JOURNAL, OUTPUT, Claims, many, member
from harness import TIMEOUT, estate, run
from hosts import HOSTS, namespaces, on_host

APPLY = ["terraform", "apply", "-no-color", "-auto-approve"]
# A pause in the middle of a run, until the file `go` is there.
WAIT = """
resource "terraform_data" "wait" {
  depends_on = [%s]
  provisioner "local-exec" {
    command = "touch waits; while [ ! -e go ]; do sleep 0.05; done"
  }
}
"""


class Shared(Claims):
    def setUp(self):
        super().setUp()
        probe = run(namespaces() + ["true"], self.base)
        self.assertEqual(probe.code, 0, f"namespaces are needed, which this system denies\n{probe}")
        self.tf.up(estate() + OUTPUT)
        self.pool = self.pool_id()

    def module(self, name, rest):
        folder = self.folder(name)
        folder.write(member(self.pool, rest=rest))
        folder.init()
        return folder

    def start(self, host, folder):
        process = subprocess.Popen(on_host(host, APPLY, folder.path), cwd=folder.path, env=folder.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def await_file(self, path, process):
        until = time.monotonic() + TIMEOUT
        while not path.exists():
            if process.poll() is not None or time.monotonic() > until:
                self.fail(f"{path.name} never came:\n{process.stdout.read()}")
            time.sleep(0.02)

    def switch_off(self, process, folder):
        """Process 1 goes, and with it all of that host, and its locks."""
        process.kill()
        process.wait(timeout=TIMEOUT)
        until = time.monotonic() + TIMEOUT
        with open(folder.state_file(), "r+b") as state:
            while True:
                try:
                    return fcntl.lockf(state, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    self.assertLess(time.monotonic(), until, "the lock of the state stays")
                    time.sleep(0.02)

    def ended(self, process, code=0):
        text, _ = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, code, text)
        return text


class Hosts(Shared):
    def test_two_hosts_at_the_same_time(self):
        folders = [self.module(name, many("a", 8, pool="local.pool")) for name in ("one", "two")]
        running = [self.start(f"host-{f.path.name}", f) for f in folders]
        for process in running:
            self.ended(process)
        cidrs = self.all_cidrs(*folders)
        self.assertEqual(len(cidrs), 16)
        self.assert_disjoint(cidrs, "10.0.0.0/16")
        process = {r["host"]: r["terraform"] for r in self.records("run")}
        self.assertEqual((process["host-one"], process["host-two"]), (1, 1))

    def test_what_another_host_does_meanwhile(self):
        """The one was configured before the other issued: it learns of it from the journal."""
        late = self.module("late", WAIT % "" + many("a", 3, pool="local.pool",
                                                    extra="depends_on = [terraform_data.wait]"))
        early = self.module("early", many("a", 3, pool="local.pool") + WAIT % "ipam_vpc.a")
        first = self.start("host-late", late)
        self.await_file(late.path / "waits", first)
        second = self.start("host-early", early)
        self.await_file(early.path / "waits", second)
        (late.path / "go").touch()
        self.ended(first)
        (early.path / "go").touch()
        self.ended(second)
        cidrs = self.all_cidrs(late, early)
        self.assertEqual(len(cidrs), 6)
        self.assert_disjoint(cidrs, "10.0.0.0/16")

    def test_older_state_put_back_under_a_run(self):
        """And a run at work on it already: its serial, which went back, tells."""
        drawn = many("a", 20, pool="local.pool")
        early = self.module("early", drawn)
        early.apply()
        older, held = early.state_file().read_bytes(), self.all_cidrs(early)
        early.write(member(self.pool))
        early.apply()
        known = '''
resource "ipam_vpc" "first" {
  ipv4_ipam_pool_id = local.pool
  cidr_block        = "10.0.128.0/24"
}
'''
        late = self.module("late", known + WAIT % "ipam_vpc.first"
                           + many("a", 3, pool="local.pool",
                                  extra="depends_on = [terraform_data.wait]"))
        first = self.start("host-late", late)
        self.await_file(late.path / "waits", first)
        early.state_file().write_bytes(older)
        early.write(member(self.pool, rest=drawn + WAIT % ""))
        second = self.start("host-early", early)
        until = time.monotonic() + TIMEOUT
        while not early.state_file(".terraform.tfstate.lock.info").exists():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        (late.path / "go").touch()
        self.ended(first)
        (early.path / "go").touch()
        self.ended(second)
        self.assertEqual(self.all_cidrs(early), held)
        self.assert_disjoint(held + self.all_cidrs(late), "10.0.0.0/16")

    def test_killed_on_another_host(self):
        """Its lock is free, so the run is over, whatever runs as process 1 here."""
        one = self.module("one", many("a", 3, pool="local.pool") + WAIT % "ipam_vpc.a")
        process = self.start("host-one", one)
        self.await_file(one.path / "waits", process)
        held = self.all_cidrs(one)
        self.switch_off(process, one)
        two = self.module("two", many("a", 3, pool="local.pool"))
        self.ended(self.start("host-two", two))
        self.assertEqual(self.all_cidrs(one), held)
        self.assert_disjoint(held + self.all_cidrs(two), "10.0.0.0/16")

    def test_torn_by_another_host(self):
        one = self.module("one", many("a", 3, pool="local.pool") + WAIT % "ipam_vpc.a")
        process = self.start("host-one", one)
        self.await_file(one.path / "waits", process)
        self.switch_off(process, one)
        whole = one.state_file().read_bytes()
        one.state_file().write_bytes(whole[:len(whole) // 2])
        two = self.module("two", many("a", 1, pool="local.pool"))
        text = " ".join(self.ended(self.start("host-two", two), code=1).split())
        self.assertRegex(text, "cannot be read")
        self.assertRegex(text, r"one/terraform\.tfstate")
        self.assertFalse(two.resources())
        one.state_file().write_bytes(whole)
        self.ended(self.start("host-two", two))
        self.assert_disjoint(self.all_cidrs(one, two), "10.0.0.0/16")
    test_torn_by_another_host.slow = True


class Nfs(Shared):
    """What only a real NFS does; scripts/hosts-on-nfs runs them."""

    def test_locks_that_stay_on_one_host(self):
        one = self.module("one", many("a", 1, pool="local.pool"))
        text = " ".join(self.ended(self.start("host-local", one), code=1).split())
        self.assertRegex(text, r'mounted with "(nolock|local_lock=all)".* Mount it without that option')
        self.assertFalse(one.resources())
        self.ended(self.start("host-one", one))
        self.assertEqual(len(self.all_cidrs(one)), 1)

    def test_journal_replaced_by_another_host(self):
        """As compacting does: the file that the late one has open is on the server no more."""
        late = self.module("late", many("before", 1, pool="local.pool")
                           + WAIT % "ipam_vpc.before"
                           + many("a", 3, pool="local.pool",
                                  extra="depends_on = [terraform_data.wait]"))
        first = self.start("host-late", late)
        self.await_file(late.path / "waits", first)
        journal = self.tf.state_file(JOURNAL)
        copy = journal.with_suffix(".copy")
        copy.write_bytes(journal.read_bytes())
        copy.chmod(0o600)
        copy.rename(journal)
        early = self.module("early", many("a", 3, pool="local.pool") + WAIT % "ipam_vpc.a")
        second = self.start("host-early", early)
        self.await_file(early.path / "waits", second)
        (late.path / "go").touch()
        self.ended(first)
        (early.path / "go").touch()
        self.ended(second)
        cidrs = self.all_cidrs(late, early)
        self.assertEqual(len(cidrs), 7)
        self.assert_disjoint(cidrs, "10.0.0.0/16")


if not HOSTS:
    del Nfs


class Disks(Shared):
    """The folder of the state that holds the pool takes no claim: then nothing is issued."""

    def refuses(self, folder, command, *patterns):
        result = run(command, folder.path, folder.env)
        self.assertEqual(result.code, 1, f"{result}")
        self.assert_says(result, *patterns)
        self.assertFalse(folder.state_file().exists() and folder.resources(), "nothing is issued")
        return result

    def readable_by_all(self):
        """The temporary folder is this user's; the plugin may be where only he may go."""
        for path in [self.base, *self.base.rglob("*")]:
            if path.is_symlink() and path.is_file():
                content = path.read_bytes()
                path.unlink()
                path.write_bytes(content)
                path.chmod(0o755)
            elif not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))

    def test_folder_of_another_user(self):
        """A user who may read the state, and nothing else there."""
        one = self.module("one", many("a", 1, pool="local.pool"))
        self.tf.state_file(JOURNAL).unlink(missing_ok=True)
        command = APPLY
        if os.geteuid() == 0:
            self.readable_by_all()
            for path in [one.path, *one.path.rglob("*")]:
                os.chown(path, 65534, 65534, follow_symlinks=False)
            one.env["HOME"] = str(one.path)
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *APPLY]
        self.tf.path.chmod(0o555)
        self.addCleanup(self.tf.path.chmod, 0o755)
        self.refuses(one, command, "journal of claims cannot be kept", "Permission denied",
                     r"work/terraform\.tfstate\.ipam-claims")
        self.assertFalse(self.tf.state_file(JOURNAL).exists())
        self.tf.path.chmod(0o777)
        again = run(command, one.path, one.env)
        self.assertEqual(again.code, 0, f"{again}")
        self.assertEqual(len(self.all_cidrs(one)), 1)

    def test_read_only_mount(self):
        one = self.module("one", many("a", 1, pool="local.pool"))
        hub = shlex.quote(str(self.tf.path))
        script = f'mount --bind {hub} {hub} && mount -o remount,bind,ro {hub} && exec "$@"'
        before = self.tf.state_file(JOURNAL).read_bytes()
        self.refuses(one, namespaces() + ["sh", "-c", script, "sh", *APPLY],
                     "journal of claims cannot be kept", "Read-only file system")
        self.assertEqual(self.tf.state_file(JOURNAL).read_bytes(), before)
        one.apply()
        self.assertEqual(len(self.all_cidrs(one)), 1)

    def test_full_disk(self):
        """Full while the claim is noted; with room again the same command goes on."""
        one = self.module("one", many("a", 2, pool="local.pool"))
        hub = shlex.quote(str(self.tf.path))
        marker = "-- room again --"
        script = (f"cp terraform.tfstate {one.path}/kept && mount -t tmpfs -o size=256k none {hub} "
                  f"&& cp {one.path}/kept {hub}/terraform.tfstate && cd {one.path} || exit 9\n"
                  f"dd if=/dev/zero of={hub}/filler bs=4k 2>/dev/null\n"
                  f'"$@"; echo code $?; ls -l {hub}/{JOURNAL}\n'
                  f"rm {hub}/filler; echo '{marker}'; exec \"$@\"")
        result = run(namespaces() + ["sh", "-c", script, "sh", *APPLY], self.tf.path, one.env)
        self.assertEqual(result.code, 0, f"{result}")
        full, room = result.stdout.split(marker)
        self.assertIn("code 1", full)
        self.assertRegex(full, r" 0 \S+ \S+ \S+ \S+ipam-claims")  # nothing of it is left behind
        self.assert_says(result, "the claim cannot be noted", "No space left on device",
                         "nothing was")
        self.assertIn("2 added", room)
        self.assertEqual(len(self.all_cidrs(one)), 2)


class Sockets(Claims):
    def test_a_killed_plugin_is_cleaned_up_after(self):
        """Its socket, when it is old enough, goes with the next start."""
        sockets = self.base / "tmp"
        sockets.mkdir()
        left = sockets / ("tfplugin-" + 24 * "0")
        script = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); "
                  "s.listen()")
        subprocess.run(["python3", "-c", script, str(left)], check=True)
        self.assertTrue(stat.S_ISSOCK(left.stat().st_mode))
        self.tf.env["TMPDIR"] = str(sockets)
        self.tf.write(estate())
        self.tf.init()
        self.tf.plan()
        self.assertTrue(left.exists(), "a young one may not listen yet")
        os.utime(left, (time.time() - 3600,) * 2)
        self.tf.plan()
        self.assertEqual([p.name for p in pathlib.Path(sockets).glob("tfplugin-*")], [])
