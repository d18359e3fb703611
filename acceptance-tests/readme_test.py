"""What the README shows is what the programs print, and every guide can be found."""

import re
import shlex
import shutil

from harness import BINARY, Case, ROOT, plain, run


def transcripts(text):
    """(folder, command, output) of each command with an output in the console blocks."""
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        folder = None
        for command, output in re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            entered = re.fullmatch(r"cd (\S+)", command)
            if entered:
                folder = ROOT / entered.group(1)
            elif output:
                yield folder, command, output


class Readme(Case):
    def test_the_readme_shows_what_ipamctl_prints(self):
        found = list(transcripts((ROOT / "README.md").read_text()))
        self.assertGreater(len(found), 0)
        for folder, command, output in found:
            with self.subTest(command):
                script = f'ipamctl() {{ {shlex.quote(str(BINARY.parent / "ipamctl"))} "$@"; }}\n{command}\n'
                result = run(["bash", "-c", script], folder, self.tf.env)
                self.assertEqual((result.code, result.stdout), (0, output), result)

    def test_every_guide_is_in_the_index(self):
        index = (ROOT / "docs/index.md").read_text()
        for guide in sorted((ROOT / "docs/guides").glob("*.md")):
            with self.subTest(guide.name):
                self.assertIn(f"(guides/{guide.name})", index)

    def test_the_readme_shows_the_refusal_of_the_plan(self):
        """The example, then a CIDR by name that somebody has."""
        shown, = re.findall(r"```text\n(Error: .*?)```", (ROOT / "README.md").read_text(), re.S)
        shutil.copytree(ROOT / "examples/enterprise", self.tf.path, dirs_exist_ok=True)
        self.tf.init()
        self.tf.apply()
        main = self.tf.path / "main.tf"
        main.write_text(main.read_text().replace("ipv4_netmask_length = 16",
                                                 'cidr_block          = "10.10.0.0/16"'))
        said = plain(self.tf.plan(code=1).text)
        for part in re.split(r"ipam-pool-\w+|\n\n", shown):
            self.assertIn(plain(part), said)
