"""Two accounts in one root module whose state is not a file: what the guide on sharing says of it."""

from harness import Case
from sharing_test import ESTATE, MEMBER, providers, share, vpc
from state_test import StateServer, backend


class RemoteState(Case):
    def setUp(self):
        super().setUp()
        self.server = StateServer()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.text = (backend("http", address=self.server.url) + providers() + ESTATE
                     + share(MEMBER) + vpc())

    def test_two_applies(self):
        """What the member draws comes with the second run, what the owner holds goes with it."""
        result = self.tf.refused(self.text, when="apply")
        self.assert_says(result, "ipam_vpc.a", "ipam-pool-[0-9a-f]{17}")
        self.assertNotIn("ipam_vpc.a", self.tf.resources())
        self.assertIn("ipam_ram_principal_association.prod", self.tf.resources())
        self.tf.apply()
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})
    test_two_applies.slow = True
