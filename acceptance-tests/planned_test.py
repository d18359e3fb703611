"""What the plan shows: allocation sets, previews with a key, warnings of pools that run full. The
plans of Terraform 1.16, which show everything, are played in wire/wire_planned_test.c."""

import ipaddress
import json
import os
import random
import time

from harness import Case, estate, instance_of, pool_hcl, vpc

SET = "ipam_allocation_set.teams"


def value(v):
    return json.dumps(v)


def a_set(requests, extra="", name="teams", pool="main", ordered=True):
    """requests: {key: netmask length, or CIDR, or the inside of an object}"""
    lines = []
    for key, request in requests.items():
        if isinstance(request, int):
            request = f"netmask_length = {request}"
        elif "=" not in request:
            request = f'cidr = "{request}"'
        lines.append(f"    {value(key)} = {{ {request} }}")
    depends = f"  depends_on = [ipam_pool_cidr.{pool}]" if ordered else ""
    inside = "\n".join(lines)
    return f"""
resource "ipam_allocation_set" "{name}" {{
  ipam_pool_id = ipam_pool.{pool}.id
  requests = {{
{inside}
  }}
  {extra}
{depends}
}}
"""


SEQUENCES = 100


def many_pools():
    """A pool for each sequence; in a quarter of them something is taken already."""
    quotas = f'provider "ipam" {{\n  quotas {{ pools_per_scope = {SEQUENCES + 1} }}'
    return estate("172.16.0.0/16").replace('provider "ipam" {', quotas) + f"""
resource "ipam_pool" "many" {{
  count          = {SEQUENCES}
  address_family = "ipv4"
  ipam_scope_id  = ipam.main.private_default_scope_id
}}
resource "ipam_pool_cidr" "many" {{
  count        = {SEQUENCES}
  ipam_pool_id = ipam_pool.many[count.index].id
  cidr         = "10.${{count.index}}.0.0/16"
}}
resource "ipam_pool_cidr_allocation" "many" {{
  count        = {SEQUENCES // 4}
  ipam_pool_id = ipam_pool.many[count.index].id
  cidr         = "10.${{count.index}}.0.32/27"
  depends_on   = [ipam_pool_cidr.many]
}}
"""


def mixed_set(rng, requests, pool):
    """Each request is written in full or in short, as it happens."""
    full, brief = [], []
    for key, request in requests.items():
        if rng.random() < 0.5:
            text = f"/{request}" if isinstance(request, int) else request
            brief.append(f'    {value(key)} = "{text}"\n')
        else:
            name = "netmask_length" if isinstance(request, int) else "cidr"
            full.append(f"    {value(key)} = {{ {name} = {value(request)} }}\n")
    return f"""
resource "ipam_allocation_set" "s{pool}" {{
  ipam_pool_id   = ipam_pool.many[{pool}].id
  requests       = {{\n{"".join(full)}  }}
  short_requests = {{\n{"".join(brief)}  }}
}}
"""


VPCS = """
resource "ipam_vpc" "team" {
  for_each   = ipam_allocation_set.teams.cidrs
  cidr_block = each.value
}
"""


class Oracle:
    """What a set has to answer, the slow way: kept, written, then the largest first by key."""

    def __init__(self, pool, taken=()):
        self.pool = ipaddress.ip_network(pool)
        self.taken = [ipaddress.ip_network(t) for t in taken]
        self.held = {}

    def lowest(self, length, busy):
        return next((n for n in self.pool.subnets(new_prefix=length)
                     if not any(n.overlaps(b) for b in busy)), None)

    def apply(self, requests):
        """The new answer; None when something does not fit, and then nothing changes."""
        now = {}
        for key, request in requests.items():
            had = self.held.get(key)
            if isinstance(request, str):
                now[key] = ipaddress.ip_network(request)
            elif had and had.prefixlen == request:
                now[key] = had
        busy = self.taken + list(now.values())
        for key in sorted(set(requests) - set(now), key=lambda k: (requests[k], k.encode())):
            block = self.lowest(requests[key], busy)
            if not block:
                return None
            now[key] = block
            busy.append(block)
        self.held = now
        return {key: str(block) for key, block in now.items()}


class Sets(Case):
    def planned(self, address, *args):
        """What the saved plan shows of an object: its attributes, and which are unknown."""
        for change in self.tf.plan_json(*args)["resource_changes"]:
            if change["address"] == address:
                return change["change"]["after"], change["change"]["after_unknown"]
        self.fail(f"{address} is not in the plan")

    def test_plan_shows_the_cidrs(self):
        """Against a pool that exists, the first plan shows what the apply makes, and for_each over
        it builds VPCs in the same apply."""
        self.tf.up(estate())
        text = estate() + a_set({"payments": 20, "search": 22, "onprem": "10.0.64.0/20"}) + VPCS
        self.tf.write(text)
        after, _ = self.planned(SET)
        expected = {"payments": "10.0.0.0/20", "search": "10.0.16.0/22", "onprem": "10.0.64.0/20"}
        self.assertEqual(after["cidrs"], expected)
        self.assertEqual(self.planned('ipam_vpc.team["search"]')[0]["cidr_block"], "10.0.16.0/22")
        self.tf.terraform("apply", "-no-color", "checked.tfplan")
        a = self.tf.get(SET)
        self.assertEqual(a["cidrs"], expected)
        self.assertEqual(a["allocations"], after["allocations"])
        self.assertEqual({k: (v["cidr"], v["netmask_length"]) for k, v in a["allocations"].items()},
                         {k: (v, int(v.split("/")[1])) for k, v in expected.items()})
        self.assertRegex(a["allocations"]["search"]["id"], "^ipam-pool-alloc-[0-9a-f]{33}$")
        self.assertRegex(a["id"], "^ipam-alloc-set-[0-9a-f]{17}$")
        self.assertEqual(set(self.tf.cidrs().values()), set(expected.values()))
        self.tf.quiet()

    def test_keys_are_known_before_the_pool_is(self):
        """Everything in one apply from nothing: for_each needs the keys only."""
        text = estate() + a_set({"a": 24, "b": "10.0.64.0/20"}, ordered=False) + VPCS
        self.tf.write(text)
        self.tf.init()
        after, unknown = self.planned(SET)
        self.assertEqual(after["cidrs"], {"b": "10.0.64.0/20"})
        self.assertEqual(unknown["cidrs"], {"a": True})
        self.assertEqual({a for a in self.tf.changes() if a.startswith("ipam_vpc.")},
                         {'ipam_vpc.team["a"]', 'ipam_vpc.team["b"]'})
        self.tf.apply()
        self.assertEqual(self.tf.get(SET)["cidrs"], {"a": "10.0.0.0/24", "b": "10.0.64.0/20"})
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_random_edits(self):
        """Adding, removing, reordering and resizing keys, against an oracle: nothing moves that was
        not asked to. A hundred sequences at once, each a set with a pool of its own, so that one
        terraform run makes a hundred edits. After every step the plan is empty."""
        seed = int(os.environ.get("TEST_SEED", time.time()))
        steps = int(os.environ.get("TEST_STEPS", 3))
        rng = random.Random(seed)
        sequences = [Oracle(f"10.{i}.0.0/16", [f"10.{i}.0.32/27"] if i < SEQUENCES // 4 else [])
                     for i in range(SEQUENCES)]
        requests = [{"a": 24} for _ in sequences]
        self.tf.up(many_pools())
        for step in range(steps):
            where = f"TEST_SEED={seed}, step {step}"
            if step > 0:
                for oracle, r in zip(sequences, requests):
                    self.edit(rng, r, oracle)
            expected = [o.apply(dict(r)) for o, r in zip(sequences, requests)]
            self.tf.write(many_pools() + "".join(
                mixed_set(rng, r, i) for i, r in enumerate(requests)))
            planned = self.tf.plan_json("-refresh=false")["resource_changes"]
            shown = {c["address"]: c["change"]["after"]["cidrs"] for c in planned
                     if c["type"] == "ipam_allocation_set"}
            self.tf.terraform("apply", "-no-color", "checked.tfplan")
            state = json.loads(self.tf.state_file().read_text())
            for i, cidrs in enumerate(expected):
                self.assertEqual(shown[f"ipam_allocation_set.s{i}"], cidrs, f"{where}, plan")
                held = instance_of(state, "ipam_allocation_set", f"s{i}")
                self.assertEqual(held["cidrs"], cidrs, f"{where}, state")
            self.tf.quiet("-refresh=false")
    test_random_edits.slow = True

    @staticmethod
    def edit(rng, requests, oracle):
        """One to eight random changes of the requests that can be granted."""
        for _ in range(rng.randint(1, 8)):
            kind = rng.random()
            if kind < 0.45 or len(requests) < 2:
                requests[f"{rng.choice('abcdefg')}{rng.randrange(40)}"] = rng.randint(21, 28)
            elif kind < 0.65:
                del requests[rng.choice(list(requests))]
            elif kind < 0.8:
                requests[rng.choice(list(requests))] = rng.randint(21, 28)
            elif kind < 0.9:
                last = list(oracle.pool.subnets(new_prefix=20))[-1]
                free = [n for n in last.subnets(new_prefix=24)
                        if not any(n.overlaps(ipaddress.ip_network(r)) for r in requests.values()
                                   if isinstance(r, str))
                        and not any(n.overlaps(h) for h in oracle.held.values())]
                if free:
                    requests[f"x{rng.randrange(100)}"] = str(rng.choice(free))
            else:
                shuffled = list(requests.items())
                rng.shuffle(shuffled)
                requests.clear()
                requests.update(shuffled)

    def test_short_requests(self):
        """A map of strings does what a map of objects does; a key keeps its CIDR when it moves."""
        self.tf.up(estate() + a_set({"a": 24, "b": 26}, 'short_requests = { c = "/20", d = 27 }'))
        a = self.tf.get(SET)
        self.assertEqual(a["cidrs"], {"a": "10.0.16.0/24", "b": "10.0.17.0/26",
                                      "c": "10.0.0.0/20", "d": "10.0.17.64/27"})
        self.assertEqual(set(a["allocations"]), {"a", "b"})
        self.tf.quiet()
        text = estate() + a_set({}, """short_requests = {
    a = "/24"
    b = "10.0.17.0/26"
    c = "10.0.0.0/20"
    d = "/28"
    e = "10.0.64.0/24"
  }""").replace("requests = {\n\n  }\n", "", 1)
        self.tf.write(text)
        after, _ = self.planned(SET)
        self.assertIsNone(after["requests"])
        self.assertEqual(after["allocations"], {})
        self.tf.apply()
        moved = {"d": "10.0.17.64/28", "e": "10.0.64.0/24"}
        self.assertEqual(self.tf.get(SET)["cidrs"], {**a["cidrs"], **moved})
        self.tf.quiet()
        self.tf.up(estate() + a_set({"a": 24, "e": 'cidr = "10.0.64.0/24", description = "e"'},
                                    'short_requests = { c = "/20" }'))
        b = self.tf.get(SET)
        self.assertEqual(b["allocations"]["a"], a["allocations"]["a"])
        self.assertEqual(b["cidrs"], {"a": "10.0.16.0/24", "c": "10.0.0.0/20", "e": "10.0.64.0/24"})
        self.tf.quiet()
        self.tf.destroy()

    def test_short_requests_came_later(self):
        """A state without the attribute needs no change."""
        self.tf.up(estate() + a_set({"a": 24}))
        self.tf.edit_state(lambda s: [r["instances"][0]["attributes"].pop("short_requests")
                                      for r in s["resources"] if r["name"] == "teams"])
        self.tf.quiet()

    def test_short_refusals(self):
        self.tf.up(estate(rules="allocation_min_netmask_length = 20"))
        base = estate(rules="allocation_min_netmask_length = 20")
        for requests, short, words in (
                ({"a": 24}, '{ a = "/24" }', ["in requests and in short_requests", '"a"']),
                ({}, '{ a = "/129" }', ["neither a prefix length", "short_requests"]),
                ({}, '{ a = "24 " }', ["neither a prefix length"]),
                ({}, '{ a = "10.0.0.1/24" }', ["10.0.0.0/24"]),
                ({}, '{ a = "/33" }', ["/33"]),
                ({}, '{ a = "/16" }', ["larger than the pool gives out", "short_requests"]),
                ({"a": "10.0.0.0/23"}, '{ b = "10.0.1.0/24" }', ["overlaps", '"a"', '"b"'])):
            with self.subTest(short=short):
                text = base + a_set(requests, f"short_requests = {short}")
                self.assert_says(self.tf.refused(text), *words)
        self.assert_says(self.tf.refused(base + a_set({}).replace("requests = {\n\n  }\n", "", 1)),
                         "requests", "short_requests")

    def test_updates_in_place(self):
        """Words change without moving anything, an unsized request follows the pool's default."""
        rules = "allocation_default_netmask_length = 26"
        text = estate(rules=rules) + a_set({"a": 24, "b": 'description = "first"'})
        self.tf.up(text)
        before = self.tf.get(SET)
        self.assertEqual(before["cidrs"], {"a": "10.0.0.0/24", "b": "10.0.1.0/26"})
        self.tf.write(estate(rules=rules.replace("26", "27")) + a_set(
            {"a": 'netmask_length = 24, tags = { Team = "a" }', "b": 'description = "second"'},
            extra='tags = { Owner = "network" }'))
        self.assertEqual(self.tf.changes(), {SET: ["update"], "ipam_pool.main": ["update"]})
        self.tf.apply()
        after = self.tf.get(SET)
        self.assertEqual(after["allocations"], before["allocations"])
        self.assertEqual(after["id"], before["id"])
        self.assertEqual(after["tags_all"], {"Owner": "network"})
        self.tf.quiet()

    def test_freed_space_is_free(self):
        self.tf.up(estate("10.0.0.0/24") + a_set({"a": 25, "b": 25}))
        self.tf.up(estate("10.0.0.0/24") + a_set({"b": 25, "c": 26}))
        self.assertEqual(self.tf.get(SET)["cidrs"], {"b": "10.0.0.128/25", "c": "10.0.0.0/26"})
        self.tf.up(estate("10.0.0.0/24") + a_set({"b": 25})
                   + vpc("v", 26, f"depends_on = [{SET}]"))
        self.assertEqual(self.tf.cidrs()["ipam_vpc.v"], "10.0.0.0/26")
        self.tf.quiet()

    def test_pool_replaces(self):
        two = estate() + pool_hcl("10.1.0.0/16", name="other")
        self.tf.up(two + a_set({"a": 24}))
        self.tf.write(two + a_set({"a": 24}, pool="other"))
        self.assertEqual(self.tf.changes(), {SET: ["delete", "create"]})
        after, _ = self.planned(SET)
        self.assertEqual(after["cidrs"], {"a": "10.1.0.0/24"})
        self.tf.apply()
        self.assertEqual(self.tf.get(SET)["cidrs"], {"a": "10.1.0.0/24"})
        self.tf.quiet()
        self.tf.apply(f"-replace={SET}")
        self.tf.quiet()

    def test_ipv6(self):
        pool = pool_hcl("2001:db8::/32").replace('"ipv4"', '"ipv6"')
        text = estate().replace(pool_hcl(), pool)
        self.tf.up(text)
        self.tf.write(text + a_set({"a": 56, "b": 48, "c": "2001:db8:ffff::/48"}))
        after, _ = self.planned(SET)
        self.assertEqual(after["cidrs"], {"a": "2001:db8:1::/56", "b": "2001:db8::/48",
                                          "c": "2001:db8:ffff::/48"})
        self.tf.apply()
        self.tf.quiet()

    def test_import(self):
        requests = {"a": "10.0.0.0/24", "b b": "10.0.64.0/20"}
        self.tf.up(estate() + a_set(requests))
        pool = self.tf.get("ipam_pool.main")["id"]
        ids = ";".join([pool] + [f"{k}={v}" for k, v in requests.items()])
        self.import_round_trip(SET, ids, ignored=("id",))
        self.import_round_trip(SET, self.tf.get(SET)["id"])
        self.tf.terraform("state", "rm", SET)
        for bad in (f"{pool};a", f"{pool};a=10.0.0.1/24", f"{pool};a=10.0.0.0/24;a=10.0.1.0/24",
                    "nonsense;a=10.0.0.0/24"):
            result = self.tf.terraform("import", "-no-color", SET, bad, code=1)
            self.assert_says(result, "invalid id", "<pool id>;<key>=<cidr>")

    def test_imported_sizes_stay(self):
        """Sizes in the configuration instead of the imported CIDRs change nothing that counts."""
        self.tf.up(estate())
        pool = self.tf.get("ipam_pool.main")["id"]
        self.tf.write(estate() + a_set({"a": 24, "b": 20}))
        self.tf.terraform("import", "-no-color", SET, f"{pool};a=10.0.7.0/24;b=10.0.32.0/20")
        self.tf.apply()
        self.assertEqual(self.tf.get(SET)["cidrs"], {"a": "10.0.7.0/24", "b": "10.0.32.0/20"})
        self.tf.quiet()

    def test_refusals(self):
        rules = """allocation_min_netmask_length = 20
  allocation_max_netmask_length = 26
  allocation_resource_tags = { Env = "prod" }"""
        prod = 'tags = { Env = "prod" }'
        self.tf.up(estate(rules=rules) + vpc("v", 24, prod))
        base = estate(rules=rules) + vpc("v", 24, prod)
        for requests, extra, words in (
                ({"a": 16}, prod, ["larger than the pool gives out", "min_netmask_length = 20"]),
                ({"a": 28}, prod, ["smaller than the pool gives out", "max_netmask_length = 26"]),
                ({"a": 24}, "", ["Env", "prod"]),
                ({"a": "netmask_length = null"}, prod, ["no default netmask length"]),
                ({"a": "10.0.1.0/24", "b": "10.0.0.0/23"}, prod,
                 ["overlaps", "in the same set", '"a"', '"b"']),
                ({"a": 'cidr = "10.0.1.0/24", netmask_length = 24'}, prod, ["netmask_length"]),
                ({"a": "10.0.1.1/24"}, prod, ["10.0.1.0/24"])):
            with self.subTest(requests=requests):
                self.assert_says(self.tf.refused(base + a_set(requests, extra)), *words)

    def test_what_is_taken_is_refused(self):
        """What another step of the run could cure is waited for; all of these at the same time."""
        self.tf.up(estate() + vpc("v", 24))
        result = self.tf.refused(estate() + vpc("v", 24) + a_set({"a": "10.0.0.0/24"})
                                 + a_set({"b": "10.1.0.0/24"}, name="outside")
                                 + a_set({"c": 16}, name="large"))
        self.assert_says(result, r"overlaps 10\.0\.0\.0/24", "vpc-[0-9a-f]{17}", "not inside",
                         "too big for the pool", "largest free block is /17")
    test_what_is_taken_is_refused.slow = True

    def test_not_all_fit(self):
        """One by one they fit, together they do not."""
        text = estate("10.0.0.0/24") + a_set({"a": 25, "b": 25, "c": 25})
        self.tf.up(estate("10.0.0.0/24"))
        self.tf.write(text)
        result = self.tf.plan(code=1)
        self.assert_says(result, "too big for the pool", "/25", "beside the other requests")
        self.tf.up(estate("10.0.0.0/24") + a_set({"a": 25, "b": 25}))
        self.tf.quiet()
    test_not_all_fit.slow = True

    def test_siblings_keep_off(self):
        """What the plan of a set shows, single requests of the same run leave free, also when they
        come first."""
        self.tf.up(estate())
        first = vpc("first", 24)
        late = a_set({"a": 24}, 'short_requests = { b = "/24" }').replace(
            "ipam_pool_cidr.main]", "ipam_pool_cidr.main, ipam_vpc.first]")
        self.tf.up(estate() + first + late)
        self.assertEqual(self.tf.get(SET)["cidrs"], {"a": "10.0.0.0/24", "b": "10.0.1.0/24"})
        self.assertEqual(self.tf.cidrs()["ipam_vpc.first"], "10.0.2.0/24")
        self.tf.quiet()
        more = late.replace('b = "/24" }', 'b = "/24", c = "/23" }').replace(
            "ipam_vpc.first]", "ipam_vpc.second]")
        self.tf.up(estate() + first + vpc("second", 24) + more)
        self.assertEqual(self.tf.get(SET)["cidrs"], {"a": "10.0.0.0/24", "b": "10.0.1.0/24",
                                                     "c": "10.0.4.0/23"})
        self.assertEqual(self.tf.cidrs()["ipam_vpc.second"], "10.0.3.0/24")
        self.tf.quiet()

    def test_siblings_keep_off_what_is_written(self):
        """In the very first plan, too, where the pool has no id yet."""
        late = a_set({"a": "10.0.0.0/24"}).replace("ipam_pool_cidr.main]", "ipam_vpc.first]")
        self.tf.up(estate() + vpc("first", 24, "depends_on = [ipam_pool_cidr.main]") + late)
        self.assertEqual(self.tf.get(SET)["cidrs"], {"a": "10.0.0.0/24"})
        self.assertEqual(self.tf.cidrs()["ipam_vpc.first"], "10.0.1.0/24")
        self.tf.quiet()

    def test_taken_by_a_sibling(self):
        """When the apply does not know what the plan saw, a sibling may take the block first: both
        owners are named, nothing is half-done, and the next run shows another block."""
        self.tf.up(estate())
        text = estate() + a_set({"a": 24, "b": 24}) + vpc("first", 24)
        self.tf.write(text.replace("ipam_pool_cidr.main]", "ipam_pool_cidr.main, ipam_vpc.first]"))
        self.tf.plan("-out=checked.tfplan")
        for file in (self.tf.path / ".terraform").glob("ipam-forecast.*"):
            file.unlink()
        result = self.tf.terraform("apply", "-no-color", "checked.tfplan", code=1)
        self.assert_says(result, r"10\.0\.0\.0/24", "vpc-[0-9a-f]{17}", SET)
        self.assertNotIn(SET, self.tf.resources())
        self.tf.apply()
        self.assertEqual(self.tf.get(SET)["cidrs"], {"a": "10.0.1.0/24", "b": "10.0.2.0/24"})
        self.tf.quiet()
    test_taken_by_a_sibling.slow = True

    def test_other_resources_keep_off(self):
        """What a set holds counts for everybody, also when the set is tainted."""
        self.tf.up(estate("10.0.0.0/24") + a_set({"a": 25, "b": 26}))
        result = self.tf.refused(estate("10.0.0.0/24") + a_set({"a": 25, "b": 26}) + vpc("v", 25),
                                 "-refresh=false")
        self.assert_says(result, "largest free block is /26")
        self.tf.terraform("taint", SET)
        self.tf.up(estate("10.0.0.0/24") + a_set({"a": 25, "b": 26}))
        self.tf.quiet()
        state = json.loads(self.tf.state_file().read_text())
        self.assertEqual(len(state["resources"]), 4)
    test_other_resources_keep_off.slow = True

    def test_two_sets_hold_one_cidr(self):
        """Imported twice: both are kept, and both say so."""
        self.tf.up(estate() + a_set({"a": "10.0.0.0/24"}))
        pool = self.tf.get("ipam_pool.main")["id"]
        self.tf.write(estate() + a_set({"a": "10.0.0.0/24"})
                      + a_set({"a": "10.0.0.0/24"}, name="other"))
        self.tf.terraform("import", "-no-color", "ipam_allocation_set.other", f"{pool};a=10.0.0.0/24")
        result = self.tf.plan()
        self.assert_says(result, "overlaps another allocation", "ipam-alloc-set-[0-9a-f]{17}/a")


def previews(keys, length=24, ordered=True):
    depends = "depends_on = [ipam_pool_cidr.main]" if ordered else ""
    return f"""
data "ipam_preview_next_cidr" "p" {{
  for_each       = toset({value(keys)})
  key            = each.key
  ipam_pool_id   = ipam_pool.main.id
  netmask_length = {length}
  {depends}
}}
"""


CONSUMERS = """
resource "ipam_vpc" "v" {
  for_each          = data.ipam_preview_next_cidr.p
  ipv4_ipam_pool_id = ipam_pool.main.id
  cidr_block        = each.value.cidr
}
"""


class Previews(Case):
    def previewed(self):
        plan = self.tf.plan_json()
        return {r["address"]: r["values"]["cidr"]
                for r in plan["prior_state"]["values"]["root_module"]["resources"]
                if r["mode"] == "data"}

    def test_key_keeps_its_cidr(self):
        """The plan shows the CIDRs, VPCs take them, and no later run has a difference."""
        self.tf.up(estate())
        self.tf.write(estate() + previews(["a", "b", "c"]) + CONSUMERS)
        shown = self.previewed()
        self.assert_disjoint(shown.values(), "10.0.0.0/16")
        self.assertEqual(len(shown), 3)
        self.tf.terraform("apply", "-no-color", "checked.tfplan")
        self.assertEqual(sorted(self.tf.cidrs().values()), sorted(shown.values()))
        self.tf.quiet()
        self.tf.up(estate() + previews(["d", "c", "a", "0"]) + CONSUMERS)
        now = self.tf.cidrs()
        for key in "ac":
            self.assertEqual(now[f'ipam_vpc.v["{key}"]'],
                             shown[f'data.ipam_preview_next_cidr.p["{key}"]'])
        self.assert_disjoint(now.values())
        self.tf.quiet()

    def test_key_is_kept_free(self):
        """Nobody holds it, but next-free requests keep off while there is room elsewhere."""
        self.tf.up(estate() + previews(["a", "b"]))
        shown = self.previewed()
        # The set chose in the plan, so the single draw of the same run comes after it.
        self.tf.up(estate() + previews(["a", "b"]) + a_set({"x": 24}) +
                   vpc("v", 24, extra=f"depends_on = [{SET}]"))
        blocks = list(shown.values()) + [self.tf.cidrs()["ipam_vpc.v"]]
        self.assert_disjoint(blocks)
        self.assert_disjoint(list(shown.values()) + [self.tf.get(SET)["cidrs"]["x"]])
        self.assertEqual(self.previewed(), shown)
        self.tf.quiet()

    def test_another_length_is_another_question(self):
        self.tf.up(estate() + previews(["a", "b"]))
        self.tf.up(estate() + previews(["a", "b"], 22))
        shown = self.previewed()
        self.assertTrue(all(c.endswith("/22") for c in shown.values()), shown)
        self.assert_disjoint(shown.values())

    def test_count(self):
        self.tf.up(estate())
        self.tf.write(estate() + previews(["x"]).replace('for_each       = toset(["x"])', "count = 8")
                      .replace("each.key", "tostring(count.index)"))
        self.assertEqual(len(set(self.previewed().values())), 8)
        self.assert_disjoint(self.previewed().values())

    def test_without_a_key(self):
        """AWS's meaning: whatever is next now, for each the same."""
        self.tf.up(estate())
        text = previews(["x", "y"]).replace("  key            = each.key\n", "")
        self.tf.write(estate() + text)
        self.assertEqual(set(self.previewed().values()), {"10.0.0.0/24"})
        self.tf.up(estate() + text + vpc("v", 24))
        self.assertEqual(set(self.previewed().values()), {"10.0.1.0/24"})


class Capacity(Case):
    def many(self, count, length=20):
        return estate() + vpc("v", length, f"count = {count}")

    def test_too_many_requests(self):
        """No single one can be refused, but together they cannot fit: said once, by name."""
        self.tf.up(estate())
        self.tf.write(self.many(17))
        result = self.tf.plan()
        self.assert_says(result, "too small for this plan", "ipam-pool-[0-9a-f]{17}", "main pool",
                         "x /20", "of 65536 addresses")
        self.assertEqual(result.text.count("too small for this plan"), 1)

    def test_exactly_full(self):
        self.tf.up(estate())
        self.tf.write(self.many(16))
        result = self.tf.plan()
        self.assertNotIn("too small", result.text)
        self.assertEqual(result.text.count("nearly exhausted"), 1)
        result = self.tf.apply()
        self.assertEqual(result.text.count("nearly exhausted"), 1)
        self.tf.quiet()

    def test_percent(self):
        self.tf.up(estate())
        def provider(percent):
            return ('region = "eu-west-1"',
                    f'region = "eu-west-1"\n  exhaustion_warning_percent = {percent}')
        self.tf.write(self.many(12))
        self.assertNotIn("Warning", self.tf.plan().text)
        self.tf.write(self.many(13))
        self.assert_says(self.tf.plan(), "81\\.2 % of", "53248 of 65536", "percent = 80")
        self.tf.write(self.many(13).replace(*provider(82), 1))
        self.assertNotIn("Warning", self.tf.plan().text)
        self.tf.write(self.many(2).replace(*provider(10), 1))
        self.assert_says(self.tf.plan(), "12\\.5 % of")
        self.tf.write(self.many(16).replace(*provider(0), 1))
        self.assertNotIn("Warning", self.tf.plan().text)
        self.assert_says(self.tf.refused(self.many(2).replace(*provider(101), 1)), "100")

    def test_hierarchies_are_given_away_whole(self):
        """A pool whose space goes to pools below is used as it is meant."""
        child = pool_hcl("10.0.0.0/16", name="child").replace(
            "locale ", "source_ipam_pool_id = ipam_pool.main.id\n  locale ")
        self.tf.up(estate())
        self.tf.write(estate() + child)
        self.assertNotIn("Warning", self.tf.plan().text)
