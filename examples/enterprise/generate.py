#!/usr/bin/env python3
"""Writes the estate of this example: 60 accounts, seen through three kinds of witnesses.

  generate.py [FOLDER]

An account has one VPC of 10.N.0.0/16 with two subnets, N from 21 to 80. On top of that there is what
grows without a plan: three teams on 10.10.0.0/16, a lab inside of that, a second CIDR inside of
somebody else's, the same 172.16.0.0/16 twice, the same 192.168.0.0/24 four times.
"""

import json
import pathlib
import sys

TEAMS = ("payments", "retail", "data")
EXTRA = {  # account: further VPCs
    5: ["10.10.0.0/16"], 25: ["10.10.0.0/16"], 45: ["10.10.0.0/16"],
    12: ["10.10.128.0/20"],
    7: ["172.16.0.0/16"], 51: ["172.16.0.0/16"],
    3: ["192.168.0.0/24"], 23: ["192.168.0.0/24"], 43: ["192.168.0.0/24"], 53: ["192.168.0.0/24"],
}
SECOND = {33: "10.42.16.0/20"}  # account: a further CIDR of its VPC


def vpcs(account):
    """The VPCs of an account: id, name, CIDRs, subnets."""
    for at, cidr in enumerate([f"10.{20 + account}.0.0/16", *EXTRA.get(account, [])]):
        base = cidr.rsplit(".", 2)[0]
        yield {"id": f"vpc-0{account:03x}{at:x}{'a' * 12}",
               "owner": f"1111000000{account:02d}",
               "team": TEAMS[account % 3],
               "name": f"{TEAMS[account % 3]}-{account:02d}-{at}",
               "cidrs": [cidr, *([SECOND[account]] if at == 0 and account in SECOND else [])],
               "subnets": [f"{base}.{n}.0/24" for n in (1, 2)] if cidr.endswith("/16") else []}


def tags(vpc):
    return {"Name": vpc["name"], "Team": vpc["team"]}


def arn(vpc, kind, name):
    return f"arn:aws:ec2:eu-west-1:{vpc['owner']}:{kind}/{name}"


def state(accounts, lineage):
    """A state that the AWS provider wrote."""
    def resource(kind, name, version, attributes):
        return {"mode": "managed", "type": kind, "name": name,
                "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
                "instances": [{"schema_version": version, "attributes": attributes}]}
    found = []
    for vpc in (v for a in accounts for v in vpcs(a)):
        name = vpc["name"].replace("-", "_")
        found.append(resource("aws_vpc", name, 1, {
            "id": vpc["id"], "arn": arn(vpc, "vpc", vpc["id"]), "owner_id": vpc["owner"],
            "cidr_block": vpc["cidrs"][0], "tags": tags(vpc), "tags_all": tags(vpc)}))
        for at, subnet in enumerate(vpc["subnets"]):
            found.append(resource("aws_subnet", f"{name}_{at}", 1, {
                "id": f"subnet-{vpc['id'][4:]}{at}", "vpc_id": vpc["id"], "cidr_block": subnet,
                "arn": arn(vpc, "subnet", f"subnet-{vpc['id'][4:]}{at}"),
                "owner_id": vpc["owner"]}))
    return json.dumps({"version": 4, "terraform_version": "1.11.4", "serial": 1,
                       "lineage": lineage, "outputs": {}, "resources": found}, indent=1) + "\n"


def described(accounts):
    """What `aws ec2 describe-vpcs` prints."""
    found = [{"CidrBlock": v["cidrs"][0], "VpcId": v["id"], "OwnerId": v["owner"],
              "State": "available", "IsDefault": False, "InstanceTenancy": "default",
              "CidrBlockAssociationSet": [
                  {"AssociationId": f"vpc-cidr-assoc-{v['id'][4:]}{at}", "CidrBlock": cidr,
                   "CidrBlockState": {"State": "associated"}} for at, cidr in enumerate(v["cidrs"])],
              "Tags": [{"Key": k, "Value": t} for k, t in tags(v).items()]}
             for a in accounts for v in vpcs(a)]
    return json.dumps({"Vpcs": found}, indent=1) + "\n"


def listed(accounts):
    """An inventory that people keep."""
    lines = ["version: 1", "region: eu-west-1", "cloud: aws", "networks:"]
    for vpc in (v for a in accounts for v in vpcs(a)):
        lines += [f"  - id: {vpc['id']}", f"    name: {vpc['name']}",
                  f"    account: \"{vpc['owner']}\"", f"    cidr: {vpc['cidrs'][0]}",
                  f"    tags: {{Team: {vpc['team']}}}"]
    return "\n".join(lines) + "\n"


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    folder = folder if folder.is_dir() else folder.parent
    files = {f"states/{team}.tfstate": state([a for a in range(1, 21) if a % 3 == n], f"{team}-net")
             for n, team in enumerate(TEAMS)}
    files["inventory/vpcs.json"] = described(range(20, 41))  # account 20 is told twice
    files["inventory/networks.yaml"] = listed(range(41, 61))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
