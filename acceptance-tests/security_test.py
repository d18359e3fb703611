"""What docs/guides/security.md says of journals and of other people's states."""

import hashlib
import json
import os

import harness

JOURNAL = "terraform.tfstate.ipam-claims"


def line(record):
    """A record as the journal holds it: checksum, space, JSON."""
    text = json.dumps(record, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest()[:8].encode() + b" " + text + b"\n"


class Journal(harness.Case):
    """A journal decides what is issued, so it is treated like a credential."""

    def setUp(self):
        super().setUp()
        self.tf.up(harness.estate())
        self.journal = self.tf.state_file(JOURNAL)
        self.journal.touch(0o600)

    def refused(self, *patterns):
        result = self.tf.refused(harness.estate() + harness.vpc("one"), when="apply")
        self.assert_says(result, *patterns)
        self.assertEqual(self.tf.cidrs(), {})

    def test_writable_by_others(self):
        self.journal.chmod(0o666)
        self.refused("can be written by other users", "chmod 600")

    def test_hard_link(self):
        os.link(self.journal, self.tf.path / "another-name")
        self.refused("hard links")

    def test_member_that_never_answers(self):
        """A record may name any path: a FIFO does not stop the provider."""
        os.mkfifo(self.tf.path / "fifo")
        self.journal.write_bytes(line({"member": "fifo", "path": "fifo", "shown": "fifo"}))
        self.refused("fifo", "not a regular file")

    def test_program_in_a_record(self):
        """Programs come from the configuration alone: this one is not started."""
        self.journal.write_bytes(line({"member": "x", "lineage": "x", "shown": "x",
                                       "command": ["touch", "started"]}))
        self.refused("what it holds is not known")
        self.assertFalse((self.tf.path / "started").exists())


class ForeignState(harness.Case):
    def test_escape_sequences(self):
        """What a foreign state holds reaches the terminal as text, not as a command to it."""
        self.tf.up(harness.estate())
        state = json.loads(self.tf.state_file().read_text())
        state["lineage"] = "another"
        state["resources"] = [r for r in state["resources"] if r["type"] == "ipam_pool_cidr"]
        state["resources"][0]["name"] = "red\x1b[31m"
        state["resources"][0]["instances"][0]["attributes"]["cidr"] = "10.0.0.0/\x1b[31m8"
        (self.tf.path / "other.json").write_text(json.dumps(state))
        text = harness.estate().replace('region = "eu-west-1"\n}',
                                        'region = "eu-west-1"\n  estate { path = "other.json" }\n}',
                                        1)
        result = self.tf.refused(text)
        self.assert_says(result, "other.json", "ipam_pool_cidr")
        self.assertNotIn("\x1b", result.stdout + result.stderr)


class Sharing(harness.Case):
    def test_an_account_is_what_the_provider_block_says(self):
        """Sharing keeps honest people from mistakes; it does not check who they are."""
        self.tf.up(harness.estate())
        pool = self.tf.get("ipam_pool.main")["id"]
        other = self.folder("other")
        draws = f"""
resource "ipam_vpc" "one" {{
  ipv4_ipam_pool_id   = "{pool}"
  ipv4_netmask_length = 24
}}
"""
        def header(account):
            return harness.HEADER.replace(
                'region = "eu-west-1"\n}',
                f'region = "eu-west-1"\n  account_id = "{account}"\n'
                f'  estate {{ path = "../work/terraform.tfstate" }}\n}}', 1)
        self.assert_says(other.refused(header("999999999999") + draws), "999999999999", "shar")
        other.up(header("123456789012") + draws)
        self.assertEqual(list(other.cidrs().values()), ["10.0.0.0/24"])
