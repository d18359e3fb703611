#!/usr/bin/env python3
"""Clicks through the page of `ipamctl report` in headless Chromium, as scripts/report-check does.

  acceptance-tests/report_browser.py IPAMCTL FOLDER

Screenshots go to FOLDER. Talks WebDriver to chromedriver with the standard library alone.
"""

import base64
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
import report_estate  # noqa: E402 (no bytecode is to be left)

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
LARGE_POOLS, LARGE_VPCS = 10000, 10000
SECONDS_TO_DRAW = 15  # of the large page, on a slow machine


class Browser:
    def __init__(self, mobile=None, dark=False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        self.profile = tempfile.TemporaryDirectory(prefix="report-check-")
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu",
                            "--window-size=1280,900", "--disable-dev-shm-usage",
                            f"--user-data-dir={self.profile.name}"]}
        if mobile:
            options["mobileEmulation"] = {"deviceMetrics": {
                "width": mobile[0], "height": mobile[1], "pixelRatio": 2, "touch": True}}
        self.wait(lambda: self.call("GET", "/status")["ready"])
        self.session = "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]
        if dark:
            self.cdp("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.profile.cleanup()

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:2000]}") from error

    def post(self, path, **body):
        return self.call("POST", self.session + path, body)

    def cdp(self, command, **parameters):
        return self.post("/goog/cdp/execute", cmd=command, params=parameters)

    def wait(self, condition, seconds=20):
        """The condition's value once it is true; what it raises counts as not yet."""
        until, problem = time.monotonic() + seconds, None
        while time.monotonic() < until:
            try:
                found = condition()
                if found:
                    return found
            except (AssertionError, OSError) as error:
                problem = error
            time.sleep(0.05)
        raise AssertionError(f"it did not come true in {seconds} s: {problem}")

    def open(self, path, fragment=""):
        self.post("/url", url="about:blank")
        self.post("/url", url=pathlib.Path(path).absolute().as_uri() + fragment)

    def run(self, script, *arguments):
        return self.post("/execute/sync", script=script, args=list(arguments))

    def find(self, selector, text=None):
        """The first visible element of the selector whose text contains the text."""
        found = self.run("""
            return [...document.querySelectorAll(arguments[0])].find(e => e.getClientRects().length &&
              (arguments[1] === null || (e.textContent + " " + (e.title || "")).includes(arguments[1])))""", selector, text)
        if not found:
            raise AssertionError(f"there is no visible {selector} with {text!r}")
        return found[ELEMENT]

    def click(self, selector, text=None):
        self.wait(lambda: [self.post(f"/element/{self.find(selector, text)}/click")])

    def type(self, selector, text):
        element = self.find(selector)
        self.post(f"/element/{element}/clear")
        self.run("document.querySelector(arguments[0]).dispatchEvent(new Event('input'))", selector)
        if text:
            self.post(f"/element/{element}/value", text=text)

    def press(self, key):
        self.post("/actions", actions=[{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}])

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def sees(self, selector, text):
        return self.wait(lambda: text in self.text(selector) or None)

    def shoot(self, path):
        self.cdp("Page.bringToFront")
        path.write_bytes(base64.b64decode(self.call("GET", self.session + "/screenshot")))

    def complaints(self):
        """What the console says: errors of the script, violations of the policy."""
        return [e["message"] for e in self.post("/se/log", type="browser")]


def check(condition, what):
    if not condition:
        raise AssertionError(what)
    print("ok    ", what, flush=True)


def no_sideways_scrolling(b, where):
    over = b.run("return document.documentElement.scrollWidth - window.innerWidth")
    wide = b.run("""return [...document.querySelectorAll("main *")].filter(e =>
        e.getBoundingClientRect().right > window.innerWidth + 1 && !e.closest(".track"))
        .slice(0, 3).map(e => e.outerHTML.slice(0, 120))""")
    check(over <= 0 and not wide, f"{where}: nothing is wider than the window {wide or ''}")


def walk_the_map(b, page, folder):
    b.open(page)
    b.sees("#map", "10.0.0.0/8")
    b.shoot(folder / "desktop.png")
    b.click("#map .cell", "company")
    b.sees("#crumbs", "company")
    b.shoot(folder / "pool.png")
    b.click("#map .cell", "eu-west-1")
    b.sees("#crumbs", "eu-west-1 10.0.0.0/12")
    b.click("#map .cell", "eu-west-1 prod")
    b.sees("#details", "10.0.0.0/14")
    b.click("#map .cell", "payments-prod-0")
    b.sees("#details", "vpc-00000000000000001")
    b.shoot(folder / "network.png")
    b.click("#details a", "5 subnets")
    b.sees("#map", "app-4")
    check(True, "zooming in: company, Region, stage, network, subnets")
    b.click("#crumbs a", "eu-west-1 prod")
    b.sees("#map", "payments-prod-0")
    b.click("#crumbs a", "All of the scope")
    b.sees("#map", "acquired company")
    check("company" not in b.text("#crumbs"), "breadcrumbs lead back")
    b.run("history.back()")
    b.sees("#crumbs", "eu-west-1 prod")
    check(True, "the browser's back button leads back")
    b.click("#map a.cidr")
    before = b.text("#crumbs")
    b.press("\ue003")
    b.wait(lambda: b.text("#crumbs") != before)
    check(True, "Backspace goes up")
    b.run("document.querySelector('#map .cell').focus()")
    first = b.run("return document.activeElement.title")
    b.press("\ue015")
    check(b.run("return document.activeElement.title") != first, "arrow keys move between blocks")
    b.press("/")
    check(b.run("return document.activeElement.id") == "search", "/ goes to the search box")


def search(b, folder):
    for text, found in (("10.0.70.1", "shadow"), ("10.0.70.1", "eu-west-1 prod"),
                        ("10.48.0.0/16", "team-2"), ("310000000004", "lab"),
                        ("Stage=prod ledger", "ledger-prod-1"), ("vpc-0000000000000000a", "ledger-prod-9"),
                        ("fd12:3456:789a:100::1", "v6-1"), ("pods of the", "pods of the cluster")):
        b.type("#search", text)
        b.sees("#view-search", found)
        check(True, f"search for {text!r} finds {found!r}")
    b.type("#search", "10.0.70.1")
    b.sees("#view-search", "contain this address")
    b.shoot(folder / "search.png")
    check("10.48.0.0/16" not in b.text("#view-search"), "an address finds only what contains it")
    b.type("#search", "nothing has this name")
    b.sees("#view-search", "Nothing matches")
    b.type("#search", "10.0.70.1")
    b.click("#view-search a", "shadow")
    b.sees("#details", "Overlaps with")
    check("selected" in b.run("return [...document.querySelectorAll('.cell')].map(c => c.className).join()"),
          "a hit is shown on the map")


def lists(b, folder):
    b.click("#tiles a", "Pools")
    b.sees("#view-pools", "acquired company")
    b.shoot(folder / "pools.png")
    check("nearly full" in b.text("#view-pools"), "the pool tree says what is nearly full")
    b.click("#tiles a", "Overlaps")
    b.sees("#view-overlaps", "2 groups")
    b.type("#overlap-filter", "lab")
    b.sees("#view-overlaps", "1 group of networks that share addresses, of 2")
    b.click("#view-overlaps summary")
    b.sees("#view-overlaps", "team-3")
    b.shoot(folder / "overlaps.png")
    b.type("#overlap-filter", "")
    b.sees("#view-overlaps", "2 groups")
    b.run("const s = document.getElementById('overlap-owner'); s.value = '210000000001';"
          "s.dispatchEvent(new Event('change'))")
    b.sees("#view-overlaps", "1 group of networks that share addresses, of 2")
    check("10.0.64.0/18" in b.text("#view-overlaps"), "overlaps are filtered by text and owner")
    b.click("#tiles a", "Breaks rules")
    b.sees("#view-rules", "too small")
    b.shoot(folder / "rules.png")


def hostile_names(b):
    b.type("#search", "acquired")
    b.type("#search", "172.16.0.0/16")
    b.sees("#view-search", "</script><script>alert(1)</script>")
    shown = b.text("#view-search")
    check('"><img src=x onerror=alert(2)>' in shown and "\\u202e" in shown and "{{data}}" in shown,
          "hostile names are shown as the text that they are")
    check(b.run("return document.querySelectorAll('img, iframe, link, object').length") == 0 and
          b.run("return document.querySelectorAll('script').length") == 2, "and made nothing")


def phone(page, folder):
    with Browser(mobile=(390, 844)) as b:
        b.open(page)
        b.sees("#map", "10.0.0.0/8")
        b.shoot(folder / "phone.png")
        no_sideways_scrolling(b, "phone, map")
        for hash_, name in (("#view=map&pool=ipam-pool-00000000000000003", "phone, pool"),
                            ("#view=pools", "phone, pools"), ("#view=overlaps", "phone, overlaps"),
                            ("#view=rules", "phone, rules")):
            b.open(page, hash_)
            b.sees("#tiles", "Pools")
            no_sideways_scrolling(b, name)
            b.shoot(folder / (re.sub(r"\W+", "-", name) + ".png"))
        b.type("#search", "10.0.70.1")
        b.sees("#view-search", "shadow")
        no_sideways_scrolling(b, "phone, search")
        b.shoot(folder / "phone-search.png")


def dark(page, folder):
    with Browser(dark=True) as b:
        b.open(page, "#view=map&pool=ipam-pool-00000000000000003")
        b.sees("#map", "payments-prod-0")
        b.shoot(folder / "dark.png")
        back = b.run("return getComputedStyle(document.body).backgroundColor")
        check(sum(map(int, re.findall(r"\d+", back)[:3])) < 150, "dark mode is dark")


def printed(b, page, folder):
    b.open(page)
    b.sees("#map", "10.0.0.0/8")
    pdf = b.cdp("Page.printToPDF", printBackground=True)["data"]
    (folder / "print.pdf").write_bytes(base64.b64decode(pdf))
    check(len(pdf) > 20000, "it can be printed")
    b.cdp("Emulation.setEmulatedMedia", media="print")
    for view in ("map", "pools", "overlaps", "rules"):
        check(b.run(f"return document.getElementById('view-{view}').getClientRects().length") > 0,
              f"printed with it: {view}")
    b.cdp("Emulation.setEmulatedMedia", media="")


def large_page(b, ipamctl, folder):
    state, page = folder / "large.tfstate", folder / "large.html"
    report_estate.large(LARGE_POOLS, LARGE_VPCS).write(state)
    began = time.monotonic()
    subprocess.run([ipamctl, "report", "--state", state, "-o", page], check=True)
    wrote = time.monotonic()
    b.open(page)
    b.sees("#map", "10.0.0.0/8")
    drawn = time.monotonic()
    print(f"       {LARGE_POOLS} pools and {LARGE_VPCS} networks: written in {wrote - began:.1f} s, "
          f"{page.stat().st_size / 1e6:.1f} MB, opened in {drawn - wrote:.1f} s")
    check(drawn - wrote < SECONDS_TO_DRAW, "a large page opens")
    b.click("#map .cell", "top")
    b.sees("#map", "10.0.0.0/12")
    b.shoot(folder / "large.png")
    elements = b.run("return document.querySelectorAll('*').length")
    check(elements < 3000, f"and draws only what is looked at: {elements} elements")
    b.click("#tiles a", "Pools")
    b.sees("#view-pools", "top")
    check(b.run("return document.querySelectorAll('*').length") < 3000, "the same in the pool tree")
    b.type("#search", "10.3.4.5")
    b.sees("#view-search", "pool")
    check(True, "and is searched")


def main():
    ipamctl, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    state, page = folder / "rich.tfstate", folder / "rich.html"
    report_estate.rich().write(state)
    subprocess.run([ipamctl, "report", "--state", state, "-o", page], check=True)
    with Browser() as b:
        walk_the_map(b, page, folder)
        search(b, folder)
        lists(b, folder)
        hostile_names(b)
        printed(b, page, folder)
        large_page(b, ipamctl, folder)
        complaints = b.complaints()
        check(not complaints, f"the console is silent {complaints or ''}")
    phone(page, folder)
    dark(page, folder)
    print(f"the report works; screenshots are in {folder}")


if __name__ == "__main__":
    main()
