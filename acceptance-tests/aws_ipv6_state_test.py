"""State of the AWS provider with IPv6: VPCs' further CIDRs from a pool and from Amazon."""

import copy
import json

from harness import AWS_SOURCE, Case, SOURCE
from more_resources_test import aws_state

POOL, VPC = "ipam-pool-0ccccccccccccccc6", "vpc-0ddddddddddddddd1"
PUBLIC = "ipam-scope-0bbbbbbbbbbbbbbb2"
DRAWN, GENERATED = "2001:db8:0:100::/56", "2600:1f18:4000:1200::/56"

HCL = """
resource "aws_vpc_ipam" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
}
resource "aws_vpc_ipam_pool" "main" {
  address_family        = "ipv6"
  ipam_scope_id         = aws_vpc_ipam.main.public_default_scope_id
  locale                = "eu-west-1"
  public_ip_source      = "byoip"
  publicly_advertisable = true
  aws_service           = "ec2"
}
resource "aws_vpc_ipam_pool_cidr" "main" {
  ipam_pool_id = aws_vpc_ipam_pool.main.id
  cidr         = "2001:db8::/40"
}
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/20"
}
resource "aws_vpc_ipv6_cidr_block_association" "main" {
  vpc_id              = aws_vpc.main.id
  ipv6_ipam_pool_id   = aws_vpc_ipam_pool.main.id
  ipv6_netmask_length = 56
}
resource "aws_vpc_ipv6_cidr_block_association" "generated" {
  vpc_id                           = aws_vpc.main.id
  assign_generated_ipv6_cidr_block = true
}
"""
MOVES = {"aws_vpc_ipam.main": "ipam.main", "aws_vpc_ipam_pool.main": "ipam_pool.main",
         "aws_vpc_ipam_pool_cidr.main": "ipam_pool_cidr.main", "aws_vpc.main": "ipam_vpc.main",
         **{f"aws_vpc_ipv6_cidr_block_association.{n}": f"ipam_vpc_ipv6_cidr_block_association.{n}"
            for n in ("main", "generated")}}


def association(name, cidr, generated, region):
    """Schema version 0. What the API does not tell of a generated one is empty."""
    return dict(
        assign_generated_ipv6_cidr_block=generated, id=f"vpc-cidr-assoc-0{name}",
        ip_source="amazon" if generated else "byoip", ipv6_address_attribute="public",
        ipv6_cidr_block=cidr, ipv6_ipam_pool_id="" if generated else POOL,
        ipv6_netmask_length=None if generated else 56,
        ipv6_pool="Amazon" if generated else "IPAM Managed", timeouts=None, vpc_id=VPC, **region)


def ipv6_state(v5):
    region = {} if v5 else {"region": "eu-west-1"}
    state = aws_state(v5)
    found = {r["type"]: r for r in state["resources"]}
    attributes = {t: r["instances"][0]["attributes"] for t, r in found.items()}
    attributes["aws_vpc_ipam_pool"].update(
        address_family="ipv6", allocation_max_netmask_length=None, arn=attributes[
            "aws_vpc_ipam_pool"]["arn"].replace(attributes["aws_vpc_ipam_pool"]["id"], POOL),
        aws_service="ec2", id=POOL, ipam_scope_id=PUBLIC, ipam_scope_type="public",
        public_ip_source="byoip", publicly_advertisable=True)
    attributes["aws_vpc_ipam_pool_cidr"].update(
        cidr="2001:db8::/40", id=f"2001:db8::/40_{POOL}", ipam_pool_id=POOL)
    attributes["aws_vpc"].update(cidr_block="10.0.0.0/20", ipv4_ipam_pool_id=None,
                                 ipv4_netmask_length=None)
    resources = [found[t] for t in ("aws_vpc_ipam", "aws_vpc_ipam_pool", "aws_vpc_ipam_pool_cidr",
                                    "aws_vpc")]
    for name, cidr, digits in (("main", DRAWN, "aaaaaaaaaaaaaaa6"),
                               ("generated", GENERATED, "aaaaaaaaaaaaaaa7")):
        one = copy.deepcopy(found["aws_vpc_ipv4_cidr_block_association"])
        one.update(type="aws_vpc_ipv6_cidr_block_association", name=name)
        one["instances"][0]["attributes"] = association(digits, cidr, name == "generated", region)
        resources.append(one)
    return {**state, "resources": resources}


class AwsIpv6State(Case):
    def mirrored(self, v5):
        """The binary in the place of the AWS provider: no change; what is held stays held."""
        self.tf.write('terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
                      'provider "aws" {\n  region = "eu-west-1"\n  allowed_account_ids = ["111122223333"]\n}\n'
                      + HCL)
        self.tf.state_file().write_text(json.dumps(ipv6_state(v5), indent=2))
        self.tf.init()
        self.tf.quiet()
        with open(self.tf.path / "more.tf", "w") as f:
            f.write('resource "aws_vpc" "next" {\n  cidr_block = "10.1.0.0/20"\n'
                    "  ipv6_ipam_pool_id = aws_vpc_ipam_pool.main.id\n  ipv6_netmask_length = 56\n}\n")
        self.tf.apply()
        self.assert_disjoint([self.tf.get("aws_vpc.next")["ipv6_cidr_block"], DRAWN],
                             "2001:db8::/40")
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_version_6(self):
        self.mirrored(False)

    def test_version_5(self):
        self.mirrored(True)

    def test_moved(self):
        native = HCL
        for old, new in sorted(MOVES.items(), key=lambda m: -len(m[0])):
            old, new = old.split(".")[0], new.split(".")[0]
            native = native.replace(f'"{old}"', f'"\0{new}"').replace(f" {old}.", f" \0{new}.")
        moves = "".join(f"moved {{\n  from = {old}\n  to   = {new}\n}}\n" for old, new in MOVES.items())
        self.tf.write(f'terraform {{\n  required_providers {{\n    ipam = {{ source = "{SOURCE}" }}\n'
                      f'    aws = {{ source = "{AWS_SOURCE}" }}\n  }}\n}}\n'
                      'provider "ipam" {\n  region = "eu-west-1"\n  account_id = "111122223333"\n}\n'
                      + native.replace("\0", "") + moves)
        self.tf.state_file().write_text(json.dumps(ipv6_state(False), indent=2))
        self.tf.init()
        self.assertEqual(self.tf.changes(), {})
        self.tf.apply()
        found = self.tf.resources()
        self.assertEqual(set(found), set(MOVES.values()))
        for name, cidr, source in (("main", DRAWN, "byoip"), ("generated", GENERATED, "amazon")):
            one = found[f"ipam_vpc_ipv6_cidr_block_association.{name}"]
            self.assertEqual((one["ipv6_cidr_block"], one["ip_source"]), (cidr, source))
        self.tf.quiet()
