"""Several accounts in one root module whose state is not a file: one run does for them what it does
with a state that is, because the processes of a run tell each other what they make."""

import os

from harness import Case
from sharing_test import ARN, ESTATE, MEMBER, OWNER, providers, share, vpc
from state_test import StateServer, backend


class RemoteState(Case):
    def setUp(self):
        super().setUp()
        self.server = StateServer()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.start = backend("http", address=self.server.url) + providers()
        self.text = self.start + ESTATE + share(MEMBER) + vpc()

    def notes(self):
        return sorted((self.tf.path / ".terraform").glob("ipam-run.*"))

    def test_one_run(self):
        self.tf.up(self.text)
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.assertEqual(self.tf.get("ipam_vpc.a")["owner_id"], MEMBER)
        self.tf.quiet()
        self.assertEqual([p.stat().st_mode & 0o777 for p in self.notes()], [0o600])
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})
    test_one_run.slow = True

    def test_many_in_any_order(self):
        """Two members draw while the pool's CIDR and its share are still on the way."""
        text = self.start + ESTATE + share(f"{ARN}:organization/o-exampleorgid") + "".join(
            vpc(alias, alias, "count = 3").replace("= 20", "= 24") for alias in ("member", "sandbox"))
        self.tf.up(text, "-parallelism=30")
        self.assertEqual(len(self.tf.cidrs()), 6)
        self.assert_disjoint(self.tf.cidrs().values(), "10.0.0.0/16")
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_share_of_a_pool_that_is_there(self):
        """The plan warns, as with a local state; the apply shares and draws."""
        self.tf.up(self.start + ESTATE)
        self.tf.write(self.text)
        self.assert_says(self.tf.plan(), "not shared yet", MEMBER)
        self.tf.up(self.text)
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.tf.quiet()

    def test_nobody_shares(self):
        """What no process of the run makes is refused as before."""
        text = self.start + ESTATE + vpc(extra='timeouts {\n    create = "500ms"\n  }')
        self.assert_says(self.tf.refused(text, when="apply"), "not shared with account", MEMBER,
                         "ipam-pool-[0-9a-f]{17}")
        self.assertNotIn("ipam_vpc.a", self.tf.resources())

    def test_subnet_of_another_process(self):
        """The VPC comes from the one, its subnet from the other."""
        region = self.start + ESTATE + '''
provider "ipam" {
  alias      = "again"
  region     = "eu-west-1"
  account_id = "%s"
}
resource "ipam_vpc" "own" {
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 20
}
resource "ipam_subnet" "s" {
  provider   = ipam.again
  vpc_id     = ipam_vpc.own.id
  cidr_block = cidrsubnet(ipam_vpc.own.cidr_block, 4, 1)
}
''' % OWNER
        self.tf.up(region)
        self.assertEqual(self.tf.get("ipam_subnet.s")["cidr_block"], "10.0.1.0/24")
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_notes_that_lie(self):
        """What stands in the file can be anything: nothing is issued twice because of it."""
        self.tf.up(self.text)
        note = self.notes()[0]
        name = note.name
        note.write_bytes(b"\0\n{\tx\n" + os.urandom(4096) + note.read_bytes()[:100])
        self.tf.up(self.text + vpc("member", "b"))
        self.assertEqual(sorted(self.tf.cidrs().values()), ["10.0.0.0/20", "10.0.16.0/20"])
        self.assertNotIn(name, [p.name for p in self.notes()])
