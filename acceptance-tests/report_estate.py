"""States to report on, written as Terraform writes them: a rich one, and large ones.

Built here and not applied, because a report has to show what an apply would refuse: overlaps,
resources that break rules, names that try to break out of the page.
"""

import ipaddress
import json

ACCOUNT = "123456789012"
HOSTILE = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(2)>',
           "<!--<script>", "\u202eright to left", "{{data}}", "tab\tand\x1b[31mred")


class State:
    def __init__(self):
        self.instances, self.serials = {}, {}
        self.scope = "ipam-scope-" + "a" * 17
        self.add("ipam", 1, id="ipam-" + "1" * 17, private_default_scope_id=self.scope,
                 public_default_scope_id="ipam-scope-" + "b" * 17, region="eu-west-1",
                 arn=f"arn:aws:ec2::{ACCOUNT}:ipam/ipam-" + "1" * 17,
                 operating_regions=[{"region_name": r} for r in ("eu-west-1", "us-east-1")])

    def new(self, prefix, digits=17):
        self.serials[prefix] = self.serials.get(prefix, 0) + 1
        return f"{prefix}{self.serials[prefix]:0{digits}x}"

    def add(self, kind, version, **attributes):
        self.instances.setdefault((kind, version), []).append(attributes)

    def pool(self, name, cidrs, source=None, locale="eu-west-1", **more):
        pool = self.new("ipam-pool-")
        family = "ipv6" if ":" in str(cidrs[0]) else "ipv4"
        self.add("ipam_pool", 1, id=pool, description=name, ipam_scope_id=self.scope,
                 address_family=family, locale=locale, source_ipam_pool_id=source,
                 region="eu-west-1", tags_all={"Stage": name},
                 arn=f"arn:aws:ec2::{ACCOUNT}:ipam-pool/{pool}", **more)
        for cidr in cidrs:
            self.add("ipam_pool_cidr", 1, id=f"{cidr}_{pool}", cidr=str(cidr), ipam_pool_id=pool,
                     ipam_pool_cidr_id=self.new("ipam-pool-cidr-", 33), region="eu-west-1")
        return pool

    def vpc(self, cidr, name, pool=None, owner=ACCOUNT, region="eu-west-1", **tags):
        vpc = self.new("vpc-")
        v6 = ":" in str(cidr)
        self.add("ipam_vpc", 2, id=vpc, cidr_block="" if v6 else str(cidr),
                 ipv6_cidr_block=str(cidr) if v6 else "", owner_id=owner, region=region,
                 **{"ipv6_ipam_pool_id" if v6 else "ipv4_ipam_pool_id": pool},
                 arn=f"arn:aws:ec2:{region}:{owner}:vpc/{vpc}", tags_all={"Name": name, **tags})
        return vpc

    def subnet(self, cidr, vpc, name):
        subnet = self.new("subnet-")
        self.add("ipam_subnet", 2, id=subnet, vpc_id=vpc, cidr_block=str(cidr), region="eu-west-1",
                 availability_zone="eu-west-1a", owner_id=ACCOUNT, tags_all={"Name": name},
                 arn=f"arn:aws:ec2:eu-west-1:{ACCOUNT}:subnet/{subnet}")

    def reservation(self, cidr, pool, description):
        name = self.new("ipam-pool-alloc-", 33)
        self.add("ipam_pool_cidr_allocation", 1, id=f"{name}_{pool}", cidr=str(cidr),
                 ipam_pool_allocation_id=name, ipam_pool_id=pool, resource_type="custom",
                 description=description, region="eu-west-1")

    def share(self, accounts):
        """All pools so far with these accounts."""
        share = f"arn:aws:ram:eu-west-1:{ACCOUNT}:resource-share/{self.new('share-')}"
        self.add("ipam_ram_resource_share", 1, id=share, arn=share, name="pools", region="eu-west-1",
                 allow_external_principals=False)
        for pool in self.instances["ipam_pool", 1]:
            self.add("ipam_ram_resource_association", 1, id=f"{share},{pool['arn']}",
                     resource_share_arn=share, resource_arn=pool["arn"], region="eu-west-1")
        for account in accounts:
            self.add("ipam_ram_principal_association", 1, id=f"{share},{account}", principal=account,
                     resource_share_arn=share, region="eu-west-1")

    def write(self, path):
        resources = [{"mode": "managed", "type": kind, "name": "r",
                      "provider": 'provider["terraform.local/ipam/ipam"]',
                      "instances": [{"index_key": i, "schema_version": version, "attributes": a}
                                    for i, a in enumerate(all_of)]}
                     for (kind, version), all_of in self.instances.items()]
        path.write_text(json.dumps({"version": 4, "terraform_version": "1.11.4", "serial": 1,
                                    "lineage": "7d1b2a34-0000-4000-8000-000000000001",
                                    "outputs": {}, "resources": resources}))


def subnets(cidr, length):
    return list(ipaddress.ip_network(cidr).subnets(new_prefix=length))


def rich():
    """Three Regions, teams that overlap, an outgrown pool, two families, an acquired company."""
    s = State()
    top = s.pool("company", ["10.0.0.0/8"], locale=None)
    for number, region in enumerate(("eu-west-1", "us-east-1", "ap-southeast-2")):
        space = subnets("10.0.0.0/8", 12)[number]
        regional = s.pool(region, [space], top, region)
        stages = list(space.subnets(new_prefix=14))
        for stage, cidr in zip(("prod", "staging", "dev"), stages):
            pool = s.pool(f"{region} {stage}", [cidr], regional, region,
                          allocation_min_netmask_length=18, allocation_max_netmask_length=24)
            count = {"prod": 13, "staging": 5, "dev": 3}[stage] - number
            for i, block in enumerate(list(cidr.subnets(new_prefix=18))[:count]):
                vpc = s.vpc(block, f"{('payments', 'ledger', 'search', 'ads')[i % 4]}-{stage}-{i}",
                            pool, f"{210000000000 + i % 4}", region, Stage=stage)
                if i < 3:
                    for j, subnet in enumerate(list(block.subnets(new_prefix=21))[:5 - i]):
                        s.subnet(subnet, vpc, f"app-{j}")
            s.reservation(list(cidr.subnets(new_prefix=20))[-1], pool, "pods of the cluster")
            for small in list(list(cidr.subnets(new_prefix=20))[-2].subnets(new_prefix=24))[:11]:
                s.vpc(small, "edge", pool, "210000000004", region, Stage=stage)
            if stage == "dev":  # breaks the rules of its pool
                s.vpc(list(cidr.subnets(new_prefix=25))[400], "too small", pool, "210000000005",
                      region)
    acquired = s.pool("acquired company", ["172.16.0.0/16", "172.18.0.0/16", "192.168.0.0/18"])
    for i, name in enumerate(HOSTILE):
        s.vpc(subnets("172.16.0.0/16", 20)[i], name, acquired, Note=name)
    # Three teams on the same addresses, which no pool gave.
    for owner in ("310000000001", "310000000002", "310000000003"):
        s.vpc("10.48.0.0/16", "team-" + owner[-1], None, owner)
    s.vpc("10.48.128.0/20", "lab", None, "310000000004")
    s.vpc("10.0.64.0/18", "shadow", None, "310000000004")  # on a VPC of the prod pool
    s.vpc("192.168.100.0/22", "office", None, "310000000005")
    v6 = s.pool("ipv6", ["fd12:3456:789a::/48"])
    for i, block in enumerate(subnets("fd12:3456:789a::/48", 56)[:5]):
        s.vpc(block, f"v6-{i}", v6)
    s.pool("empty", ["100.64.0.0/10"], locale=None)
    s.share(f"{210000000000 + i}" for i in range(6))
    return s


def large(pools, vpcs):
    """That many pools in two levels, that many VPCs in the lower ones."""
    s = State()
    top = s.pool("top", ["10.0.0.0/8"], locale=None)
    blocks = ipaddress.ip_network("10.0.0.0/8").subnets(new_prefix=22)
    each, rest = divmod(vpcs, max(pools - 1, 1))
    for i in range(pools - 1):
        block = next(blocks)
        pool = s.pool(f"pool {i}", [block], top)
        for j, cidr in zip(range(each + (i < rest)), block.subnets(new_prefix=26)):
            s.vpc(cidr, f"vpc-{i}-{j}", pool, f"{400000000000 + i % 60}")
    s.share(f"{400000000000 + i}" for i in range(60))
    return s
