"""What exists according to others: networks in states of other providers, and inventories. What is
drawn from a pool keeps off them, and what cannot be understood is said."""

import json
import re
import shutil

from harness import AWS_SOURCE, Case, HEADER, ROOT, estate, vpc

REQUIRED = HEADER.split('provider "ipam"')[0]


def configured(text, **rules):
    """The usual estate with `text` in its provider block."""
    return estate(**rules).replace('region = "eu-west-1"\n}', f'region = "eu-west-1"\n{text}\n}}', 1)


def resource(provider, kind, attributes, name="main"):
    return {"mode": "managed", "type": kind, "name": name,
            "provider": f'provider["registry.terraform.io/{provider}"]',
            "instances": [{"schema_version": 1, "attributes": attributes}]}


def state(*resources):
    return json.dumps({"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "other",
                       "outputs": {}, "resources": resources})


def aws_vpc(cidr, name="main"):
    return resource("hashicorp/aws", "aws_vpc", {
        "id": f"vpc-0{name}", "cidr_block": cidr, "owner_id": "444455556666",
        "arn": "arn:aws:ec2:eu-west-1:444455556666:vpc/vpc-0", "tags_all": {"Name": name}}, name)


AZURE = ("/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/"
         "Microsoft.Network/virtualNetworks/hub")
OTHER_CLOUDS = (
    aws_vpc("10.0.0.0/20"),
    resource("hashicorp/azurerm", "azurerm_virtual_network", {
        "id": AZURE, "name": "hub", "location": "westeurope",
        "address_space": ["192.168.0.0/16", "10.0.16.0/20"], "subnet": []}),
    resource("hashicorp/google", "google_compute_subnetwork", {
        "id": "projects/p/regions/europe-west1/subnetworks/s", "name": "s", "project": "p",
        "region": "europe-west1", "ip_cidr_range": "172.16.0.0/24",
        "secondary_ip_range": [{"range_name": "pods", "ip_cidr_range": "10.0.32.0/20"}]}),
)
MEMBER = '  estate {\n    path = "others/*.tfstate"\n  }'


class States(Case):
    def drawn(self):
        return self.tf.get("ipam_vpc.a")["cidr_block"]

    def test_clouds_in_another_state(self):
        self.tf.write(state(*OTHER_CLOUDS), "others/net.tfstate")
        self.tf.up(configured(MEMBER) + vpc("a"))
        self.assertEqual(self.drawn(), "10.0.48.0/20")
        self.tf.quiet()
        # What has gone there is free here.
        self.tf.write(state(*OTHER_CLOUDS[1:]), "others/net.tfstate")
        self.tf.up(configured(MEMBER) + vpc("a") + vpc("b"))
        self.assertEqual(self.drawn(), "10.0.48.0/20")
        self.assertEqual(self.tf.get("ipam_vpc.b")["cidr_block"], "10.0.0.0/20")

    def test_cidrs_added_to_a_vpc(self):
        added = resource("hashicorp/aws", "aws_vpc_ipv4_cidr_block_association", {
            "id": "vpc-cidr-assoc-01", "vpc_id": "vpc-0main", "cidr_block": "10.0.0.0/20"})
        self.tf.write(state(added, aws_vpc("10.0.16.0/20")), "others/net.tfstate")
        self.tf.up(configured(MEMBER) + vpc("a"))
        self.assertEqual(self.drawn(), "10.0.32.0/20")

    def test_another_provider_in_the_own_state(self):
        """The binary as hashicorp/aws is another provider than the one that has the pools."""
        text = estate() + f"""
provider "aws" {{
  region = "eu-west-1"
}}
resource "aws_vpc" "theirs" {{
  provider   = aws
  cidr_block = "10.0.0.0/20"
}}
"""
        text = text.replace("required_providers {", "required_providers {\n"
                            f'    aws = {{ source = "{AWS_SOURCE}" }}')
        self.tf.up(text)
        self.tf.up(text + vpc("a"))
        self.assertEqual(self.drawn(), "10.0.16.0/20")

    def test_what_is_not_understood_is_said(self):
        self.tf.write(state(
            resource("hashicorp/azurerm", "azurerm_virtual_network", {
                "id": AZURE, "address_space": ["10.0.0/20"]}),
            resource("hashicorp/google", "google_compute_subnetwork", {
                "id": "projects/p/regions/europe-west1/subnetworks/s",
                "ip_cidr_range": "10.0.0.9/20"})), "others/net.tfstate")
        result = self.tf.up(configured(MEMBER) + vpc("a"))
        self.assert_says(result, "Warning: Networks of somebody else cannot be understood",
                         r'azurerm_virtual_network.main in others/net.tfstate: address_space = '
                         r'"10.0.0/20" ',
                         r'google_compute_subnetwork.main in .*"10.0.0.9/20" has host bits set; '
                         r'the network is 10.0.0.0/20. Their space cannot be kept free')
        # Where the second one is, is clear.
        self.assertEqual(self.drawn(), "10.0.16.0/20")


OWN = """version: 1
networks:
  - id: dc-1
    cidr: 10.0.0.0/20
    account: datacentre
prefixes:
  - 172.16.0.0/12
"""
VPCS = json.dumps({"Vpcs": [{
    "VpcId": "vpc-0abc", "OwnerId": "444455556666", "CidrBlock": "10.0.16.0/20",
    "CidrBlockAssociationSet": [{"CidrBlock": "10.0.16.0/20",
                                 "CidrBlockState": {"State": "associated"}}],
    "Tags": [{"Key": "Name", "Value": "legacy"}]}]}, indent=4)
NETBOX = """- prefix: 10.0.0.0/8
  status: container
- prefix: 10.0.32.0/20
  status: active
"""
INVENTORY = '  inventory = ["inventory/*"]'


class Inventories(Case):
    def refused_with(self, file, *patterns, inventory=INVENTORY):
        if file is not None:
            self.tf.write(file, "inventory/net.yaml")
        result = self.tf.refused(configured(inventory) + vpc("a"))
        self.assert_says(result, *patterns)
        return result

    def test_three_formats(self):
        for name, text in (("own.yaml", OWN), ("vpcs.json", VPCS), ("netbox.yaml", NETBOX)):
            self.tf.write(text, f"inventory/{name}")
        self.tf.up(configured(INVENTORY) + vpc("a"))
        self.assertEqual(self.tf.get("ipam_vpc.a")["cidr_block"], "10.0.48.0/20")
        self.tf.quiet()
        self.tf.destroy()

    def test_wrong_ones_are_refused_with_their_place(self):
        self.refused_with("version: 1\nnetworks:\n  - cidr: 10.0.0.1/20\n",
                          r"Error: An inventory cannot be read",
                          r"inventory/net.yaml:3:11: networks\[0\].cidr = \"10.0.0.1/20\" has host "
                          r"bits set; the network is 10.0.0.0/20",
                          "nothing is issued. Correct the file, or take it out of the inventory")
        self.refused_with('{"Vpcs": [\n  {"VpcId": "vpc-1"}]}',
                          r"net.yaml:2:3: Vpcs\[0\] has neither CidrBlock nor an IPv6 CIDR")
        self.refused_with("version: 1\nnetworks: [\n", "inventory/net.yaml:3:1: while parsing")
        self.refused_with("version: 1\nversion: 1\n", 'net.yaml:2:1: the key "version" is there '
                                                      'twice')
        self.refused_with("", "inventory/net.yaml is empty")

    def test_files_that_are_not_there(self):
        self.refused_with(None, r'"net.yaml" does not exist', inventory='inventory = ["net.yaml"]')
        result = self.tf.up(configured(INVENTORY) + vpc("a"))
        self.assert_says(result, "Warning: An inventory is not there",
                         r'"inventory/\*" matches no file')
        self.assertEqual(self.tf.get("ipam_vpc.a")["cidr_block"], "10.0.0.0/20")

    def test_paths_that_are_not_known(self):
        text = configured("  inventory = [terraform_data.path.id]") + vpc("a")
        result = self.tf.refused(text + 'resource "terraform_data" "path" {}\n')
        self.assert_says(result, "The inventory is not known yet")

    def test_control_characters_do_not_reach_the_terminal(self):
        self.tf.write("version: 1\nprefixes: [\"\\e[2J10.0.0.0/20\"]\n", "inventory/net.yaml")
        result = self.tf.refused(configured(INVENTORY))
        self.assertNotIn("\x1b[2J", result.stdout + result.stderr)

    def test_the_guide_has_every_type_and_every_file(self):
        guide = (ROOT / "docs/guides/inventory.md").read_text()
        table = (ROOT / "provider/discovered.c").read_text().split("types[] = {")[1].split("};")[0]
        shown = re.search(r"\| Cloud \|.*?\n\n", guide, re.S).group(0)
        self.assertEqual(set(re.findall(r"`(\w+)`", shown)), set(re.findall(r'\{"(\w+)",', table)))
        pieces = re.findall(r"<!-- (\S+) -->\n```yaml\n(.*?)```", guide, re.S)
        self.assertEqual(len(pieces), 2)
        for file, text in pieces:
            self.assertIn(text, (ROOT / file).read_text())

    def test_example_inventory(self):
        shutil.copytree(ROOT / "examples/inventory", self.tf.path, dirs_exist_ok=True)
        self.tf.init()
        self.tf.terraform("validate")
        self.tf.apply()
        self.tf.quiet()
        found = self.tf.resources()
        self.assertEqual(found["ipam_vpc.shop"]["cidr_block"], "10.0.48.0/20")
        self.tf.destroy()
