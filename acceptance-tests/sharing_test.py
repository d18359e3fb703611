"""Sharing of pools across accounts: shares, whom they reach, what a member may and may not do, and
several provider configurations in one run."""

import json

from harness import Case, HEADER, instance_of

OWNER, MEMBER, SANDBOX, STRANGER = "222233334444", "333344445555", "444455556666", "555566667777"
MANAGEMENT = "111122223333"
PROD, SAND, EMPTY = "ou-prod-abcd1234", "ou-sand-dddd4444", "ou-none-eeee5555"
WORKLOADS = "ou-work-22222222"
ORGANIZATION = f"""
  organization {{
    id                    = "o-exampleorgid"
    management_account_id = "{MANAGEMENT}"
    accounts = {{
      "{OWNER}"   = ""
      "{MEMBER}"  = "{WORKLOADS}/{PROD}"
      "{SANDBOX}" = "{WORKLOADS}/{SAND}"
    }}
    organizational_units = ["{EMPTY}"]
  }}
"""
REQUIRED = HEADER.split('provider "ipam"')[0]
NAMES = {"": OWNER, "member": MEMBER, "sandbox": SANDBOX, "stranger": STRANGER,
         "management": MANAGEMENT}
ARN = "arn:aws:organizations::111122223333"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"


def providers(organization=ORGANIZATION):
    """The owner is the default configuration, every other account an alias."""
    return REQUIRED + "".join(
        f'provider "ipam" {{\n  region     = "eu-west-1"\n  account_id = "{account}"\n'
        + (f'  alias      = "{alias}"\n' if alias else "") + organization + "}\n"
        for alias, account in NAMES.items())


ESTATE = """
resource "ipam" "org" {
  operating_regions { region_name = "eu-west-1" }
}
resource "ipam_pool" "prod" {
  address_family = "ipv4"
  ipam_scope_id  = ipam.org.private_default_scope_id
  locale         = "eu-west-1"
  description    = "shared pool"
  allocation_max_netmask_length = 24
}
resource "ipam_pool_cidr" "prod" {
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "10.0.0.0/16"
}
"""


def share(principal, external=False):
    return f"""
resource "ipam_ram_resource_share" "prod" {{
  name                      = "prod"
  allow_external_principals = {json.dumps(external)}
}}
resource "ipam_ram_resource_association" "prod" {{
  resource_arn       = ipam_pool.prod.arn
  resource_share_arn = ipam_ram_resource_share.prod.arn
}}
""" + principals("prod", principal)


def principals(name, principal):
    return f"""
resource "ipam_ram_principal_association" "{name}" {{
  principal          = "{principal}"
  resource_share_arn = ipam_ram_resource_share.prod.arn
}}
"""


def vpc(alias="member", name="a", extra=""):
    return f"""
resource "ipam_vpc" "{name}" {{
  provider            = ipam.{alias}
  ipv4_ipam_pool_id   = ipam_pool.prod.id
  ipv4_netmask_length = 20
  {extra}
}}
"""


class Shares(Case):
    TEXT = REQUIRED + """
provider "ipam" {
  region     = "eu-west-1"
  account_id = "222233334444"
}
resource "ipam_ram_resource_share" "s" {
  name = "first"
  tags = { Team = "network" }
}
"""

    def test_life(self):
        self.tf.up(self.TEXT)
        a = self.tf.get("ipam_ram_resource_share.s")
        self.assertRegex(a["arn"], f"^arn:aws:ram:eu-west-1:{OWNER}:resource-share/{UUID}$")
        for name, value in dict(id=a["arn"], name="first", allow_external_principals=False,
                                permission_arns=[], region="eu-west-1",
                                tags_all={"Team": "network"}).items():
            self.assertEqual(a[name], value, name)
        self.tf.quiet()
        changed = self.TEXT.replace('"first"', '"second"\n  allow_external_principals = true\n'
                                    "  resource_share_configuration {\n"
                                    "    retain_sharing_on_account_leave_organization = true\n  }")
        self.tf.write(changed.replace('"network"', '"platform"'))
        self.assertEqual(self.tf.changes(), {"ipam_ram_resource_share.s": ["update"]})
        self.tf.apply()
        b = self.tf.get("ipam_ram_resource_share.s")
        self.assertEqual((b["id"], b["name"], b["allow_external_principals"], b["tags_all"]),
                         (a["id"], "second", True, {"Team": "platform"}))
        self.tf.quiet()
        permission = "arn:aws:ram::aws:permission/AWSRAMDefaultPermissionsIpamPool"
        self.tf.write(self.TEXT.replace("  tags", f'  permission_arns = ["{permission}"]\n  tags'))
        self.assertEqual(self.tf.changes(), {"ipam_ram_resource_share.s": ["delete", "create"]})
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_import(self):
        arn = f"arn:aws:ram:eu-west-1:{OWNER}:resource-share/0a2a2929-ae3b-4d9a-85a2-373a3e7c6e48"
        self.tf.up(self.TEXT)
        self.import_round_trip("ipam_ram_resource_share.s",
                               self.tf.get("ipam_ram_resource_share.s")["arn"])
        self.tf.terraform("state", "rm", "ipam_ram_resource_share.s")
        for name in "nonsense", arn.replace(":ram:", ":ec2:"):
            result = self.tf.terraform("import", "-no-color", "ipam_ram_resource_share.s", name, code=1)
            self.assert_says(result, "not the ARN of a resource share")
        self.tf.terraform("import", "-no-color", "ipam_ram_resource_share.s", arn)
        self.assertEqual(self.tf.changes(), {"ipam_ram_resource_share.s": ["update"]})
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_ram_resource_share.s")["arn"], arn)
        self.tf.quiet()

    def test_arguments_are_checked(self):
        managed = "arn:aws:ram::aws:permission/AWSRAM"
        self.tf.up(self.TEXT)
        for arns, words in (
                (["x"], ["not an ARN"]),
                (["arn:aws:ram::aws:resource-share/x"], ["not the ARN of a permission"]),
                (["arn:aws:ram:eu-west-1:aws:permission/x"], ["not the ARN of a permission"]),
                (["arn:aws:ram::222233334444:permission/own"], ["not the ARN of a permission"]),
                ([managed + "PermissionIpamPool"], ["does not exist", "DefaultPermissionsIpamPool"]),
                ([managed + "DefaultPermissionsIpamPool",
                  managed + "PermissionIpamPoolByoipCidrImport"],
                 ["InvalidParameterException", "ec2:IpamPool"])):
            with self.subTest(arns=arns):
                text = self.TEXT.replace("  tags", f"  permission_arns = {json.dumps(arns)}\n  tags")
                self.assert_says(self.tf.refused(text), "permission_arns", *words)

    def test_permissions(self):
        """Accounts draw with the default and with permissions of one's own, not with the one for
        addresses that they bring; of other services there may be others."""
        first = providers() + ESTATE
        managed = "arn:aws:ram::aws:permission/AWSRAM"
        def with_permissions(*arns):
            return first + share(MEMBER).replace(
                "allow_external_principals = false",
                f"allow_external_principals = false\n  permission_arns = {json.dumps(arns)}")
        importing = managed + "PermissionIpamPoolByoipCidrImport"
        self.tf.up(with_permissions(importing, managed + "DefaultPermissionSubnet"))
        refused = with_permissions(importing, managed + "DefaultPermissionSubnet") + vpc()
        self.assert_says(self.tf.refused(refused, when="apply"), "not shared", MEMBER)
        own = f"arn:aws:ram:eu-west-1:{OWNER}:permission/ours"
        self.tf.up(with_permissions(own))
        self.tf.up(with_permissions(own) + vpc())
        self.tf.quiet()
        self.tf.up(with_permissions(managed + "DefaultPermissionsIpamPool",
                                    managed + "PermissionIpamResourceDiscovery") + vpc())
        self.tf.quiet()

    def test_associations(self):
        """Ids, imports, replacement, what is refused."""
        self.tf.up(providers() + ESTATE + share(MEMBER))
        found = self.tf.resources()
        arn = found["ipam_ram_resource_share.prod"]["arn"]
        pool = found["ipam_pool.prod"]
        resource = found["ipam_ram_resource_association.prod"]
        principal = found["ipam_ram_principal_association.prod"]
        self.assertEqual(resource["id"], f"{arn},{pool['arn']}")
        self.assertEqual(principal["id"], f"{arn},{MEMBER}")
        self.assertEqual(principal["region"], "eu-west-1")
        self.tf.quiet()
        self.import_round_trip("ipam_ram_resource_association.prod", resource["id"])
        self.import_round_trip("ipam_ram_principal_association.prod", principal["id"])

    def test_associations_twice(self):
        self.tf.up(providers() + ESTATE + share(MEMBER))
        self.tf.write(providers() + ESTATE + share(SANDBOX))
        self.assertEqual(self.tf.changes(),
                         {"ipam_ram_principal_association.prod": ["delete", "create"]})
        twice = providers() + ESTATE + share(MEMBER) + principals("twice", MEMBER)
        result = self.tf.refused(twice, when="apply")
        self.assert_says(result, "already exists", MEMBER)

    def test_what_cannot_be_associated(self):
        self.tf.up(providers() + ESTATE + share(MEMBER))
        text = providers() + ESTATE + share(MEMBER)
        for resource, arn, words in (
                ("none", "arn:aws:ec2::222233334444:ipam-pool/ipam-pool-0123456789abcdef0",
                 ("InvalidIpamPoolId.NotFound", "ipam-pool-0123456789abcdef0")),
                ("bad", "ipam-pool-0123456789abcdef0", ("not an ARN",))):
            with self.subTest(resource):
                more = (f'resource "ipam_ram_resource_association" "{resource}" {{\n'
                        f'  resource_arn = "{arn}"\n'
                        "  resource_share_arn = ipam_ram_resource_share.prod.arn\n}\n")
                self.assert_says(self.tf.refused(text + more), *words)
        lost = f"arn:aws:ram:eu-west-1:{OWNER}:resource-share/00000000-0000-4000-8000-000000000000"
        more = principals("lost", MEMBER).replace("ipam_ram_resource_share.prod.arn", f'"{lost}"')
        self.assert_says(self.tf.refused(text + more), "UnknownResourceException", "0000-4000")
        # What is no pool is recorded: other resources are shared as well.
        more = """
resource "ipam_ram_resource_association" "subnet" {
  resource_arn       = "arn:aws:ec2:eu-west-1:222233334444:subnet/subnet-0123456789abcdef0"
  resource_share_arn = ipam_ram_resource_share.prod.arn
}
"""
        self.tf.up(text + more)
        self.tf.quiet()

    def test_the_share_is_in_the_home_region(self):
        text = providers() + ESTATE + share(MEMBER).replace(
            '  name ', '  region = "us-east-1"\n  name ', 1)
        self.assert_says(self.tf.refused(text, when="apply"), "home Region", "eu-west-1",
                         "us-east-1")


class Principals(Case):
    """Whom a share reaches."""

    def test_whom_it_reaches(self):
        self.tf.up(providers() + ESTATE)
        for principal, alias in ((f"{ARN}:ou/o-exampleorgid/{PROD}", "member"),
                                 (f"{ARN}:ou/o-exampleorgid/{WORKLOADS}", "sandbox"),
                                 (f"{ARN}:organization/o-exampleorgid", "management"),
                                 (f"arn:aws:iam::{MEMBER}:role/path/terraform", "member")):
            with self.subTest(principal):
                self.tf.up(providers() + ESTATE + share(principal) + vpc(alias, alias))
                self.assertEqual(self.tf.get(f"ipam_vpc.{alias}")["owner_id"], NAMES[alias])
        self.tf.quiet()

    def test_whom_it_does_not_reach(self):
        """The estate stands; new VPCs of accounts that the share does not reach are refused."""
        text = providers() + ESTATE + share(f"{ARN}:ou/o-exampleorgid/{PROD}")
        self.tf.up(text)
        for alias in ("sandbox", "stranger", "management"):
            with self.subTest(alias):
                self.tf.write(text + vpc(alias, extra='timeouts {\n    create = "500ms"\n  }'))
                planned = self.tf.plan()
                self.assert_says(planned, "Warning", "not shared yet", NAMES[alias])
                result = self.tf.refused(text + vpc(alias, extra='timeouts {\n    create = "500ms"\n  }'), when="apply")
                self.assert_says(result, "InvalidIpamPoolId.NotFound", "not shared with account",
                                 NAMES[alias], "ipam-pool-[0-9a-f]{17}")
                self.assertNotIn("shared pool", " ".join(result.errors()))
        self.tf.write(text)
        self.tf.quiet()

    def test_accounts_without_an_organization_block(self):
        self.tf.up(providers("") + ESTATE + share(MEMBER) + vpc("member"))
        self.assertEqual(self.tf.get("ipam_vpc.a")["owner_id"], MEMBER)
        self.tf.quiet()

    def test_unit_without_an_organization_block(self):
        """Recorded with a warning: nobody says who is below it."""
        self.tf.write(providers("") + ESTATE + share(f"{ARN}:ou/o-exampleorgid/{PROD}"))
        self.tf.init()
        result = self.tf.apply()
        self.assert_says(result, "Warning", "No account is known", "organization {")
        self.tf.quiet()

    def test_what_is_no_principal(self):
        text = providers() + ESTATE
        self.tf.up(text + share(MEMBER))
        for principal, words in (
                ("everybody", ("account id", "OU")),
                (f"{ARN}:ou/o-exampleorgid/ou-gone-99999999",
                 ("UnknownResourceException", "ou-gone-99999999", "organization block")),
                (f"{ARN}:organization/o-anotherone00", ("UnknownResourceException", "o-anotherone00")),
                ("arn:aws:organizations::999999999999:organization/o-exampleorgid",
                 ("UnknownResourceException",)),
                (STRANGER, ("OperationNotPermittedException", "allow_external_principals", STRANGER))):
            with self.subTest(principal):
                more = principals("more", principal)
                self.assert_says(self.tf.refused(text + share(MEMBER) + more), *words)

    def test_unsharing_makes_noncompliant(self):
        text = providers() + ESTATE
        self.tf.up(text + share(MEMBER) + vpc())
        self.tf.up(text + vpc())
        result = self.tf.plan("-detailed-exitcode")
        self.assert_says(result, "noncompliant", MEMBER, r"10\.0\.0\.0/20", "not shared")
        self.assertEqual(self.tf.changes(), {})
        self.assertEqual(self.tf.get("ipam_vpc.a")["cidr_block"], "10.0.0.0/20")
        # Shared again it is quiet again.
        self.tf.up(text + share(f"{ARN}:ou/o-exampleorgid/{PROD}") + vpc())
        self.tf.quiet()


class Runs(Case):
    """Several provider configurations, that is processes, in one run."""

    def test_sharing_and_drawing_at_once(self):
        """The pool exists; the same apply shares it and draws from it."""
        self.tf.up(providers() + ESTATE)
        self.tf.up(providers() + ESTATE + share(MEMBER) + vpc())
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.a": "10.0.0.0/20"})
        self.tf.quiet()

    def everything(self, parallelism, depends):
        text = (providers() + ESTATE + share(f"{ARN}:organization/o-exampleorgid")
                + vpc("member", "a", "count = 4" + depends).replace("= 20", "= 24")
                + vpc("sandbox", "b", "count = 4" + depends).replace("= 20", "= 24"))
        self.tf.up(text, f"-parallelism={parallelism}")
        cidrs = list(self.tf.cidrs().values())
        self.assertEqual(len(cidrs), 8)
        self.assert_disjoint(cidrs, "10.0.0.0/16")
        self.tf.quiet()
        self.tf.destroy(f"-parallelism={parallelism}")
        self.assertEqual(self.tf.resources(), {})

    def test_everything_at_once(self):
        self.everything(30, "")

    def test_everything_in_order(self):
        """One after the other needs the order that AWS needs as well."""
        self.everything(1, """
  depends_on = [ipam_ram_resource_association.prod, ipam_ram_principal_association.prod,
                ipam_pool_cidr.prod]""")

    def test_article(self):
        """The sharing step as the AWS provider's users write it."""
        text = (providers() + ESTATE + share(f"{ARN}:ou/o-exampleorgid/{PROD}") + vpc())
        for old, new in (("ipam_ram_", "aws_ram_"), ("ipam_pool_cidr", "aws_vpc_ipam_pool_cidr"),
                         ("ipam_pool.", "aws_vpc_ipam_pool."), ('"ipam_pool"', '"aws_vpc_ipam_pool"'),
                         ('"ipam_vpc"', '"aws_vpc"'), ('resource "ipam" "org"', 'resource "aws_vpc_ipam" "org"'),
                         ("ipam.org.", "aws_vpc_ipam.org.")):
            text = text.replace(old, new)
        blocks = text.split("\nresource ")
        text = blocks[0] + "".join(
            "\nresource " + (b if "provider  " in b else b.replace("{\n", "{\n  provider = ipam\n", 1))
            for b in blocks[1:])
        self.tf.up(text)
        self.assertEqual(self.tf.get("aws_vpc.a")["owner_id"], MEMBER)
        self.tf.quiet()


class Members(Case):
    """What the account that a pool is shared with may not do."""

    def setUp(self):
        super().setUp()
        self.text = providers() + ESTATE + share(MEMBER)

    def test_owner_sees_whose_it_is(self):
        self.tf.up(self.text + vpc() + """
data "ipam_pool_allocations" "all" {
  ipam_pool_id = ipam_pool.prod.id
  depends_on   = [ipam_vpc.a]
}
output "owners" {
  value = [for a in data.ipam_pool_allocations.all.ipam_pool_allocations : a.resource_owner]
}
""")
        self.tf.apply()
        self.assertEqual(self.tf.show()["values"]["outputs"]["owners"]["value"], [MEMBER])

    def test_changes_nothing(self):
        self.tf.up(self.text)
        scope = self.tf.get("ipam.org")["private_default_scope_id"]
        for resource in (
                'resource "ipam_pool_cidr" "m" {\n  provider = ipam.member\n'
                '  ipam_pool_id = ipam_pool.prod.id\n  cidr = "10.1.0.0/16"\n}\n',
                'resource "ipam_pool" "m" {\n  provider = ipam.member\n  address_family = "ipv4"\n'
                f'  ipam_scope_id = "{scope}"\n  locale = "eu-west-1"\n'
                '  source_ipam_pool_id = ipam_pool.prod.id\n}\n',
                'resource "ipam_ram_resource_association" "m" {\n  provider = ipam.member\n'
                '  resource_arn = ipam_pool.prod.arn\n'
                '  resource_share_arn = ipam_ram_resource_share.prod.arn\n}\n'):
            with self.subTest(resource):
                result = self.tf.refused(self.text + resource)
                self.assert_says(result, "UnauthorizedOperation", OWNER, MEMBER)

    def test_rules_are_the_owners(self):
        self.tf.up(self.text)
        wider = ESTATE.replace('resource "ipam_pool" "prod" {',
                               'resource "ipam_pool" "prod" {\n  provider = ipam.member').replace(
                                   "= 24", "= 28")
        result = self.tf.refused(providers() + wider + share(MEMBER))
        self.assert_says(result, "UnauthorizedOperation", OWNER, MEMBER, "IPAM pool")

    def test_releases_only_its_own(self):
        reservation = """
resource "ipam_pool_cidr_allocation" "%s" {
  provider     = %s
  ipam_pool_id = ipam_pool.prod.id
  cidr         = "%s"
}
"""
        own = reservation % ("own", "ipam.member", "10.0.16.0/24")
        self.tf.up(self.text + reservation % ("theirs", "ipam", "10.0.0.0/24") + own)
        self.assertEqual(self.tf.get("ipam_pool_cidr_allocation.own")["resource_owner"], MEMBER)
        self.tf.quiet()
        # Somebody hands the owner's reservation to the member's configuration and removes it.
        def hand_over(state):
            for r in state["resources"]:
                if r["name"] == "theirs":
                    r["provider"] = r["provider"] + ".member"
        self.tf.edit_state(hand_over)
        result = self.tf.refused(self.text + own, when="apply")
        self.assert_says(result, "UnauthorizedOperation", "allocation", OWNER, MEMBER)
        self.assertIn("ipam_pool_cidr_allocation.theirs", self.tf.resources())
        # What is its own it releases.
        self.tf.edit_state(lambda state: [r.update(provider=r["provider"].replace(".member", ""))
                                          for r in state["resources"] if r["name"] == "theirs"])
        self.tf.up(self.text + reservation % ("theirs", "ipam", "10.0.0.0/24"))
        self.assertNotIn("ipam_pool_cidr_allocation.own", self.tf.resources())


class Outsiders(Case):
    """Accounts outside of the organization accept before they draw."""

    ACCEPTER = """
resource "ipam_ram_resource_share_accepter" "a" {
  provider  = ipam.stranger
  share_arn = ipam_ram_resource_share.prod.arn
}
"""

    def test_life(self):
        text = providers() + ESTATE + share(STRANGER, external=True)
        self.tf.up(text + self.ACCEPTER + vpc("stranger"))
        found = self.tf.resources()
        a, arn = found["ipam_ram_resource_share_accepter.a"], found["ipam_ram_resource_share.prod"]["arn"]
        self.assertEqual(found["ipam_vpc.a"]["owner_id"], STRANGER)
        for name, value in dict(id=arn, status="ACTIVE", receiver_account_id=STRANGER,
                                sender_account_id=OWNER, share_name="prod",
                                share_id="rs-" + arn.split("/")[1]).items():
            self.assertEqual(a[name], value, name)
        self.assertRegex(a["invitation_arn"],
                         f"^arn:aws:ram:eu-west-1:{OWNER}:resource-share-invitation/")
        self.tf.apply("-refresh-only")
        self.assertEqual(self.tf.get("ipam_ram_resource_share_accepter.a")["resources"],
                         [found["ipam_pool.prod"]["arn"]])
        self.tf.quiet()
        self.import_round_trip("ipam_ram_resource_share_accepter.a", arn)
        # Leaving makes what was drawn noncompliant.
        self.tf.up(text + vpc("stranger"))
        self.assert_says(self.tf.plan(), "noncompliant", STRANGER)
        self.tf.up(text)
        self.tf.destroy()

    def test_without_accepting(self):
        text = providers() + ESTATE + share(STRANGER, external=True)
        result = self.tf.refused(text + vpc("stranger", extra='timeouts {\n    create = "1s"\n  }'),
                                 when="apply")
        self.assert_says(result, "not shared with account", STRANGER)
    test_without_accepting.slow = True

    def test_accepting_inside_the_organization(self):
        text = providers() + ESTATE + share(MEMBER)
        self.tf.up(text)
        accepter = self.ACCEPTER.replace("stranger", "member")
        result = self.tf.refused(text + accepter, when="apply")
        self.assert_says(result, "invitation found", "not necessary", "o-exampleorgid")
        own = self.ACCEPTER.replace("  provider  = ipam.stranger\n", "")
        self.assert_says(self.tf.refused(text + own, when="apply"), "own")


class Organization(Case):
    def test_block_is_checked(self):
        block = ORGANIZATION
        for old, new, words in (
                (f'"{OWNER}"   = ""', '"4711" = ""', ("4711", "12 digits")),
                (f"{WORKLOADS}/{SAND}", "workloads/sand", ("workloads/sand", "path of OU ids")),
                (f"{WORKLOADS}/{SAND}", "/".join([WORKLOADS] * 6), ("deeper than 5",)),
                (f"{WORKLOADS}/{SAND}", f"{SAND}/{WORKLOADS}", (WORKLOADS, "two places")),
                ('"o-exampleorgid"', '"exampleorgid"', ("organization id",)),
                (f'"{MANAGEMENT}"', '"root"', ("12 digits",))):
            with self.subTest(new):
                text = providers(block.replace(old, new)) + ESTATE
                self.assert_says(self.tf.refused(text), *words)

    def test_admin_account(self):
        admin = """
resource "ipam_organization_admin_account" "a" {
  provider                   = ipam.management
  delegated_admin_account_id = "%s"
}
resource "ipam_ram_sharing_with_organization" "a" {
  provider = ipam.management
}
"""
        self.tf.up(providers() + admin % OWNER)
        a = self.tf.get("ipam_organization_admin_account.a")
        for name, value in dict(id=OWNER, arn=f"{ARN}:account/o-exampleorgid/{OWNER}",
                                service_principal="ipam.amazonaws.com").items():
            self.assertEqual(a[name], value, name)
        self.assertEqual(self.tf.get("ipam_ram_sharing_with_organization.a")["id"], MANAGEMENT)
        self.tf.quiet()
        self.import_round_trip("ipam_organization_admin_account.a", OWNER)
        self.import_round_trip("ipam_ram_sharing_with_organization.a", MANAGEMENT)
        self.tf.write(providers() + admin % MEMBER)
        self.assertEqual(self.tf.changes(),
                         {"ipam_organization_admin_account.a": ["delete", "create"]})
        for text, words in ((admin % MANAGEMENT, ("management account",)),
                            (admin % STRANGER, ("not in o-exampleorgid",)),
                            ((admin % MEMBER).replace("ipam.management", "ipam.member"),
                             ("AccessDeniedException", MANAGEMENT))):
            with self.subTest(words):
                other = self.folder("other" + words[0][:3])
                self.assert_says(other.refused(providers() + text), *words)
        self.tf.destroy()


class Accounts(Case):
    def test_account_of_the_state(self):
        """A state that was written with credentials of an account says whose it is."""
        text = REQUIRED + 'provider "ipam" {\n  region = "eu-west-1"\n}\n' + ESTATE
        self.tf.up(text)
        def move(state):
            for kind, name in (("ipam", "org"), ("ipam_pool", "prod")):
                a = instance_of(state, kind, name)
                a["arn"] = a["arn"].replace("123456789012", OWNER)
        self.tf.edit_state(move)
        self.tf.up(text + vpc("x").replace("  provider            = ipam.x\n", ""))
        self.assertEqual(self.tf.get("ipam_vpc.a")["owner_id"], OWNER)
        self.tf.quiet()
        self.tf.destroy()


class RootModules(Case):
    """The owner and the member each have a root module and a state of their own."""

    MEMBER_MODULE = REQUIRED + """
provider "ipam" {
  region     = "eu-west-1"
  account_id = "%s"
  estate {
    path = "../work/terraform.tfstate"
  }
}
resource "ipam_vpc" "a" {
  ipv4_ipam_pool_id   = "%s"
  ipv4_netmask_length = 20
}
"""

    def test_life(self):
        owner, team = self.tf, self.folder("team")
        owner.up(providers() + ESTATE)
        pool = owner.get("ipam_pool.prod")["id"]
        text = self.MEMBER_MODULE % (MEMBER, pool)
        # Nobody else can share it in this run, so the plan is refused.
        result = team.refused(text)
        self.assert_says(result, "InvalidIpamPoolId.NotFound", "not shared with account", MEMBER)
        owner.up(providers() + ESTATE + share(MEMBER))
        team.up(text)
        self.assertEqual(team.get("ipam_vpc.a")["owner_id"], MEMBER)
        team.quiet()
        owner.up(providers() + ESTATE)
        self.assert_says(team.plan(), "noncompliant", MEMBER)
        team.destroy()
