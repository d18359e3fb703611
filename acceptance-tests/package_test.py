"""What `scripts/release` makes: Terraform installs it, and its sums are right."""

import hashlib
import json
import os
import re
import zipfile

from harness import BINARY, Case, HEADER, ROOT, SOURCE, VERSION, run

NAME = f"terraform-provider-ipam_{VERSION}"
TOOL = f"ipamctl_{VERSION}"


class Package(Case):
    def pack(self, name):
        out = self.base / name
        result = run([str(ROOT / "scripts/release"), "--binary", str(BINARY), "--out", str(out)], ROOT)
        self.assertEqual(result.code, 0, result)
        return out

    def test_content(self):
        out = self.pack("dist")
        self.assertEqual({f.name for f in out.iterdir()},
                         {f"{NAME}_linux_amd64.zip", f"{NAME}_manifest.json", f"{NAME}_SHA256SUMS",
                          f"{TOOL}_linux_amd64.zip", f"{TOOL}_SHA256SUMS"})
        with zipfile.ZipFile(out / f"{TOOL}_linux_amd64.zip") as archive:
            self.assertEqual(archive.namelist(), ["LICENSE", "THIRD-PARTY", "ipamctl"])
            self.assertEqual(archive.read("ipamctl"), (BINARY.parent / "ipamctl").read_bytes())
        with zipfile.ZipFile(out / f"{NAME}_linux_amd64.zip") as archive:
            modes = {i.filename: i.external_attr >> 16 & 0o777 for i in archive.infolist()}
            self.assertEqual(modes, {"LICENSE": 0o644, "THIRD-PARTY": 0o644,
                                     f"terraform-provider-ipam_v{VERSION}": 0o755})
            self.assertEqual(archive.read(f"terraform-provider-ipam_v{VERSION}"), BINARY.read_bytes())
            texts = archive.read("THIRD-PARTY").decode()
        # A library of each kind: asked for by name, brought by another, the compiler's own.
        for name in ("libgrpc-dev", "libprotobuf-c-dev", "libmsgpack-dev", "libjson-c-dev",
                     "libssl-dev", "libyaml-dev", "libabsl-dev", "zlib1g-dev", "libstdc++"):
            self.assertRegex(texts, rf"(?m)^={{78}}\n.*{re.escape(name)}.*\n={{78}}$")
        for words in ("Apache License", "OpenSSL", "Redistribution and use in source and binary"):
            self.assertIn(words, texts)
        manifest = json.loads((out / f"{NAME}_manifest.json").read_text())
        self.assertEqual(manifest, {"version": 1, "metadata": {"protocol_versions": ["6.0"]}})

    def test_sums(self):
        out = self.pack("dist")
        lines = (out / f"{NAME}_SHA256SUMS").read_text().splitlines()
        self.assertEqual(len(lines), 2)
        own = (out / f"{TOOL}_SHA256SUMS").read_text().splitlines()
        self.assertEqual(len(own), 1)
        for line in lines + own:
            digest, name = line.split("  ")
            self.assertEqual(digest, hashlib.sha256((out / name).read_bytes()).hexdigest())

    def test_same_binary_same_zip(self):
        first, second = (self.pack(n) / f"{NAME}_linux_amd64.zip" for n in ("one", "two"))
        self.assertEqual(first.read_bytes(), second.read_bytes())

    def test_terraform_installs_it(self):
        """As a packed mirror, the way a registry's download is unpacked."""
        mirror = self.base / "mirror"
        (mirror / SOURCE).mkdir(parents=True)
        os.rename(self.pack("dist") / f"{NAME}_linux_amd64.zip",
                  mirror / SOURCE / f"{NAME}_linux_amd64.zip")
        config = self.base / "packed.rc"
        config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
        env = {"TF_CLI_CONFIG_FILE": str(config)}
        self.tf.write(HEADER + 'resource "ipam_vpc" "a" {\n  cidr_block = "10.0.0.0/16"\n}\n')
        self.tf.init(env=env)
        self.tf.plan("-detailed-exitcode", code=2, env=env)

    def test_no_program(self):
        result = run([str(ROOT / "scripts/release"), "--binary", "/bin/sh", "--out", str(self.base)], ROOT)
        self.assertNotEqual(result.code, 0, result)
