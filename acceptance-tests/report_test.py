"""The page of `ipamctl report`, without a browser: scripts/report-check clicks through it."""

import base64
import hashlib
import html.parser
import json
import re
import shutil

import report_estate
from harness import BINARY, Case, ROOT, run

IPAMCTL = BINARY.parent / "ipamctl"
VOID = {"meta", "input", "br", "link", "img"}
OVERLAPS, BREAKS_RULES, UNMANAGED = 1, 2, 4


class Page(html.parser.HTMLParser):
    """Elements that are closed as they were opened, and the content of scripts and styles."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.raw, self.text = [], [], {}, text
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            kind = self.open[-1]
            if kind == "script" and self.elements[-1][1].get("type") == "application/json":
                kind = "data"
            self.raw[kind] = self.raw.get(kind, "") + data

    def count(self, tag):
        return sum(t == tag for t, _ in self.elements)

    @property
    def estate(self):
        return json.loads(self.raw["data"])["estate"]


class Report(Case):
    def report(self, *args, code=0, cwd=None, **env):
        result = run([str(IPAMCTL), "report", *map(str, args)], cwd or self.base,
                     {**self.tf.env, **env})
        if result.code != code:
            self.fail(f"expected exit code {code}\n{result}")
        return result

    def rich(self):
        state = self.base / "rich.tfstate"
        report_estate.rich().write(state)
        self.report("--state", state, "-o", "page.html")
        return Page((self.base / "page.html").read_text())

    def test_structure_and_policy(self):
        page = self.rich()
        self.assertEqual([page.count(t) for t in ("html", "head", "body", "title", "h1", "main")],
                         [1] * 6)
        self.assertEqual((page.count("script"), page.count("style")), (2, 1))
        self.assertEqual([page.count(t) for t in ("link", "img", "iframe", "object", "base")],
                         [0] * 5)
        policy, = (a["content"] for t, a in page.elements
                   if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")

        def hash_of(text):
            return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
        self.assertEqual(policy, f"default-src 'none'; script-src {hash_of(page.raw['script'])}; "
                                 f"style-src {hash_of(page.raw['style'])}; base-uri 'none'; "
                                 "form-action 'none'")
        for tag, attributes in page.elements:
            for name, value in attributes.items():
                self.assertFalse(name.startswith("on") or name in ("src", "style"), (tag, name))
                self.assertNotRegex(value or "", r"^\w+://|^//")
        for kind in ("script", "style"):
            self.assertNotRegex(page.raw[kind], r"https?:|url\(|@import|innerHTML|eval\(|import\(")

    def test_data_is_exact(self):
        estate = self.rich().estate
        pools, items = estate["pools"], estate["items"]
        by_name = {p["name"]: p for p in pools}
        self.assertEqual(len(pools), 16)
        for p in pools:
            above = pools[p["up"]] if p["up"] >= 0 else None
            self.assertEqual(above["name"] if above else None,
                             None if p["name"] in ("company", "acquired company", "ipv6", "empty")
                             else "company" if " " not in p["name"] else p["name"].split()[0])
        prod = by_name["eu-west-1 prod"]
        used = 13 * 2 ** 14 + 2 ** 12 + 11 * 2 ** 8
        self.assertEqual((prod["cidrs"], prod["total"], prod["free"], prod["drawn"], prod["rules"]),
                         (["10.0.0.0/14"], str(2 ** 18), str(2 ** 18 - used), 25,
                          "blocks from /18 to /24"))
        self.assertAlmostEqual(prod["used"], 100 * used / 2 ** 18, 3)
        self.assertEqual((by_name["company"]["below"], by_name["company"]["used"]), (18.75, 0))
        self.assertEqual(by_name["ipv6"]["total"], str(2 ** 80))
        self.assertEqual(by_name["acquired company"]["cidrs"],
                         ["172.16.0.0/16", "172.18.0.0/16", "192.168.0.0/18"])

        def named(mark):
            return sorted({(i[5], i[0]) for i in items if i[8] & mark and i[3] == "vpc"})
        teams = [(f"team-{n}", "10.48.0.0/16") for n in (1, 2, 3)]
        self.assertEqual(named(UNMANAGED), sorted([
            *teams, ("lab", "10.48.128.0/20"), ("shadow", "10.0.64.0/18"),
            ("office", "192.168.100.0/22")]))
        self.assertEqual(named(OVERLAPS), sorted([
            *teams, ("lab", "10.48.128.0/20"), ("shadow", "10.0.64.0/18"),
            ("ledger-prod-1", "10.0.64.0/18")]))
        self.assertEqual(named(BREAKS_RULES), [("too small", f"10.{n}.200.0/25") for n in (24, 40, 8)])
        notes = {i[11] for i in items if i[8] & BREAKS_RULES}
        self.assertTrue(all("/25" in n and "/18 to /24" in n for n in notes), notes)
        groups = {g[1]: (g[2], g[3], sorted(items[i][5] for i in g[4])) for g in estate["groups"]}
        self.assertEqual(groups, {
            "10.48.0.0/16": (6, [f"31000000000{n}" for n in (1, 2, 3, 4)],
                             ["lab", "team-1", "team-2", "team-3"]),
            "10.0.64.0/18": (5, ["123456789012", "210000000001", "310000000004"],
                             ["app-0", "app-1", "app-2", "app-3", "ledger-prod-1", "shadow"])})
        vpc, = (i for i in items if i[5] == "payments-prod-0" and i[0] == "10.0.0.0/18")
        self.assertEqual((vpc[4], pools[vpc[2]]["name"], vpc[6], vpc[7], vpc[8], vpc[10]),
                         ("vpc-00000000000000001", "eu-west-1 prod", "210000000000", "eu-west-1", 0, 62.5))
        pods = [i for i in items if i[3] == "custom"]
        self.assertEqual({i[11] for i in pods}, {"pods of the cluster"})

    def test_hostile_texts_stay_texts(self):
        page = self.rich()
        self.assertNotIn("<", page.raw["data"])
        self.assertNotRegex(page.raw["data"], "[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069]")
        names = {i[5] for i in page.estate["items"]}
        for name in report_estate.HOSTILE:
            seen = re.sub("[\u202e\t\x1b]", lambda m: f"\\u{ord(m[0]):04x}", name)
            self.assertIn(seen, names)
        state = self.base / "rich.tfstate"
        text = self.report("--state", state, "--title", '</title><script>"&').stdout
        self.assertEqual(Page(text).count("script"), 2)
        self.assertIn("<h1>&lt;/title>&lt;script>&quot;&amp;</h1>", text)

    def test_output(self):
        state = self.base / "rich.tfstate"
        report_estate.rich().write(state)
        same = [self.report("--state", state, SOURCE_DATE_EPOCH="1700000000").stdout
                for _ in range(2)]
        self.assertEqual(*same)
        self.assertIn('"asOf":"2023-11-14T22:13:20Z"', same[0])
        self.report("--state", state, "-o", "page.html", SOURCE_DATE_EPOCH="1700000000")
        self.assertEqual((self.base / "page.html").read_text(), same[0])
        refused = self.report("--state", state, "-o", "missing/page.html", code=3)
        self.assert_says(refused, "the page cannot be written", "missing/page.html")
        self.assertEqual([p for p in self.base.iterdir() if p.suffix == ".new"], [])
        (self.base / "torn.tfstate").write_text('{"version": 4, "resour')
        half = self.report("--state", state, "--state", self.base / "torn.tfstate", code=3)
        self.assertIn('"incomplete":true', half.stdout)
        self.assert_says(half, "torn.tfstate")
        self.assert_says(self.report("--ipam-id", "ipam-0", "--state", state, code=2), "ipam-0")

    def test_of_what_was_applied(self):
        shutil.copytree(ROOT / "examples/alarms", self.tf.path, dirs_exist_ok=True)
        self.tf.init()
        self.tf.apply()
        estate = Page(self.report(cwd=self.tf.path).stdout).estate
        pool, = estate["pools"]
        found = self.tf.get("ipam_pool.prod")
        self.assertEqual((pool["id"], pool["used"], pool["owner"]), (found["id"], 50, "123456789012"))
        self.assertEqual(sorted(i[0] for i in estate["items"]), ["10.0.0.0/20", "10.0.16.0/20"])
        self.assertEqual({i[4] for i in estate["items"]},
                         {r["id"] for a, r in self.tf.resources().items() if "vpc" in a})

    def test_of_an_estate_with_witnesses(self):
        """The overlaps are those that the data source tells."""
        shutil.copytree(ROOT / "examples/enterprise", self.tf.path, dirs_exist_ok=True)
        self.tf.init()
        self.tf.apply()
        told = self.tf.show()["values"]["outputs"]["overlapping"]["value"]
        estate = Page(self.report("--state", "terraform.tfstate", "--state", "states/*.tfstate",
                                  cwd=self.tf.path).stdout).estate
        items = estate["items"]
        self.assertEqual(sorted(f"{i[0]} {i[3]} {i[4]} of {i[6]}" for i in items if i[8] & OVERLAPS),
                         sorted(told))
        self.assertEqual(sorted(m for g in estate["groups"] for m in g[4]),
                         [n for n, i in enumerate(items) if i[8] & OVERLAPS])

    def test_circles_of_pools_end(self):
        s = report_estate.State()
        first = s.pool("a", ["10.0.0.0/16"], "ipam-pool-" + f"{2:017x}")
        second = s.pool("b", ["10.0.0.0/17"], first)
        s.vpc("10.0.0.0/20", "inside", second)
        s.pool("itself", ["10.2.0.0/16"], "ipam-pool-" + f"{3:017x}")
        s.write(self.base / "circle.tfstate")
        estate = Page(self.report("--state", self.base / "circle.tfstate").stdout).estate
        self.assertEqual({p["name"]: p["up"] for p in estate["pools"]},
                         {"a": -1, "itself": -1, "b": 0})

    def test_large(self):
        state = self.base / "large.tfstate"
        report_estate.large(2000, 8000).write(state)
        self.report("--state", state, "-o", "large.html")
        estate = Page((self.base / "large.html").read_text()).estate
        self.assertEqual((len(estate["pools"]), len(estate["items"])), (2000, 8000))
        self.assertLess((self.base / "large.html").stat().st_size, 3_000_000)
