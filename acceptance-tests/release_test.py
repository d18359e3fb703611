"""The file that is shipped."""

import re

from harness import BINARY, Case, ROOT, VERSION, run


class Release(Case):
    def test_only_glibc_is_shared(self):
        libraries = re.findall(r"(?m)^\s*(\S+)", run(["ldd", str(BINARY)], self.base).stdout)
        names = {name.rsplit("/", 1)[-1].split(".so")[0] for name in libraries}
        self.assertLessEqual(names, {"linux-vdso", "libc", "libm", "ld-linux-x86-64",
                                     "ld-linux-aarch64", "libpthread", "libdl", "librt"})
        self.assertIn("libc", names)

    def test_size_and_symbols(self):
        self.assertLessEqual(BINARY.stat().st_size, 13 * 1000 * 1000)
        self.assertNotIn(".symtab", run(["readelf", "-S", str(BINARY)], self.base).stdout)

    def test_version(self):
        self.assertIn(VERSION, run([str(BINARY), "--version"], self.base).stdout)
        self.assertIn(f"VERSION {VERSION}", (ROOT / "CMakeLists.txt").read_text())
        self.assertIn(VERSION, (ROOT / "CHANGELOG.md").read_text())

    def test_started_by_hand(self):
        result = run([str(BINARY)], self.base)
        self.assertEqual(result.code, 1)
        self.assert_says(result, "plugin", "terraform")
        self.assertEqual(run([str(BINARY), "--help"], self.base).code, 0)
        self.assertEqual(run([str(BINARY), "--nonsense"], self.base).code, 2)

    def test_needs_no_new_glibc(self):
        """Runs on any distribution from the last years: what it asks of glibc is listed here."""
        symbols = run(["objdump", "-T", str(BINARY)], self.base).stdout
        newest = max(tuple(map(int, v.split("."))) for v in re.findall(r"GLIBC_([\d.]+)", symbols))
        self.assertLessEqual(newest, (2, 36))
