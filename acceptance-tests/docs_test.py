"""The documentation: pages, guides and the examples that they show."""

import re
import shlex
import shutil

from harness import Case, HEADER, ROOT

EXAMPLES = ROOT / "examples"
DOCS = ROOT / "docs"
REQUIRED = re.search(r"terraform \{.*?\n\}\n", HEADER, re.S).group(0)


def pages():
    return sorted(p for p in [*DOCS.rglob("*.md"), ROOT / "README.md"] if "generator" not in p.parts)


def fences(text):
    """(language, code, comment before it) of each fenced block."""
    found = re.finditer(r"(?:<!-- (\S+) -->\n)?```(\w*)\n(.*?)```", text, re.S)
    return [(m.group(2), m.group(3), m.group(1)) for m in found]


def import_arguments(file):
    """Address and id of the command in an import.sh."""
    command, = (line for line in file.read_text().splitlines() if not line.startswith("#"))
    words = shlex.split(command)
    assert words[:2] == ["terraform", "import"] and len(words) == 4, command
    return words[2:]


class Docs(Case):
    def modules(self, kind):
        """The examples of the pages of a kind, each as a module of one configuration."""
        # Several pages make what an account has one of.
        quotas = '  quotas {\n    resource_discoveries_per_region = 10\n  }\n'
        self.tf.write(HEADER.replace('provider "ipam" {\n', 'provider "ipam" {\n' + quotas))
        folders = sorted(f.parent for f in EXAMPLES.glob(f"{kind}/*/*.tf"))
        self.assertGreater(len(folders), 5)
        for folder in folders:
            shutil.copytree(folder, self.tf.path / folder.name)
            self.tf.write(REQUIRED, f"{folder.name}/versions.tf")
            self.tf.write(f'module "{folder.name}" {{\n  source = "./{folder.name}"\n}}\n',
                          f"{folder.name}.tf")
        self.tf.init()
        self.tf.terraform("validate")

    def apply_modules(self, kind):
        self.modules(kind)
        self.tf.apply()
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

    def test_examples_of_resources_apply(self):
        self.apply_modules("resources")

    def test_examples_of_data_sources_apply(self):
        self.apply_modules("data-sources")

    def test_examples_of_functions_tell_the_truth(self):
        """What a comment behind a call says is what the call gives."""
        said = [found for file in sorted(EXAMPLES.glob("functions/*/function.tf"))
                for found in re.findall(r"value = (provider::.*) # (.*)$", file.read_text(), re.M)]
        self.assertGreater(len(said), 5)
        self.tf.up(HEADER + "".join(
            f'output "same{i}" {{\n  value = jsonencode({call}) == jsonencode({result})\n}}\n'
            for i, (call, result) in enumerate(said)))
        outputs = self.tf.show()["values"]["outputs"]
        for i, (call, result) in enumerate(said):
            self.assertIs(outputs[f"same{i}"]["value"], True, f"{call} is not {result}")

    def test_provider_example(self):
        shutil.copy(EXAMPLES / "provider/provider.tf", self.tf.path)
        self.tf.init()
        self.tf.terraform("validate")

    def test_imports_name_what_the_example_has(self):
        for file in sorted(EXAMPLES.glob("resources/*/import.sh")):
            with self.subTest(file.parent.name):
                kind, name = import_arguments(file)[0].split("[")[0].split(".")
                self.assertEqual(kind, file.parent.name)
                self.assertIn(f'resource "{kind}" "{name}"', (file.parent / "resource.tf").read_text())

    def test_imports_are_accepted(self):
        """Ids of the form that the pages show pass, whether they are known or not. That the rest of
        an object has to be written down, or that nobody knows it, may well be said."""
        self.modules("resources")
        files = sorted(EXAMPLES.glob("resources/*/import.sh"))
        text = ""
        for file in files:
            address, known_as = import_arguments(file)
            text += f'import {{\n  to = module.{file.parent.name}.{address}\n  id = "{known_as}"\n}}\n'
        self.tf.write(text, "imports.tf")
        result = self.tf.plan(code=None)
        self.assertEqual(result.text.count("Preparing import..."), len(files), result)
        self.assertNotIn("invalid id", result.text)
        self.assertNotIn("wrong Region", result.text)

    def test_guides_show_what_is_applied(self):
        """A piece of HCL in a guide is a piece of the example that the comment before it names."""
        shown = 0
        for page in sorted((DOCS / "guides").glob("*.md")):
            for language, code, source in fences(page.read_text()):
                if language not in ("terraform", "hcl"):
                    continue
                with self.subTest(page.name, source=source):
                    self.assertTrue(source, f"{page.name} shows HCL of no file:\n{code}")
                    self.assertTrue(code in (ROOT / source).read_text(), f"not in {source}:\n{code}")
                    shown += 1
        self.assertGreater(shown, 5)

    def test_links_lead_somewhere(self):
        for page in pages():
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
                if not re.match(r"[a-z]+:", target):
                    with self.subTest(page.name, target=target):
                        self.assertTrue((page.parent / target).exists())

    def test_front_matter(self):
        """What the registry reads at the head of each page."""
        for page in pages():
            if page.parent == ROOT or page.name in ("architecture.md", "parity.md"):
                continue
            with self.subTest(page.name):
                self.assertRegex(page.read_text(), r'\A---\npage_title: ".+"\nsubcategory: ".*"\n'
                                                   r"description: \|-\n  \S.*\n---\n\n# ")

    def test_parity_has_no_blank_cell(self):
        text = (DOCS / "parity.md").read_text()
        rows = [line for line in text.splitlines() if line.startswith("|")]
        self.assertGreater(len(rows), 300)
        for row in rows:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            self.assertTrue(all(cells), row)

    def test_refusals_of_hooks_are_in_the_code(self):
        """Texts that a page has without the registry stand in the sources, too."""
        literals = {}
        for folder in ("provider", "docs/generator"):
            text = "".join(p.read_text() for p in sorted((ROOT / folder).glob("*.c")))
            literals[folder] = re.sub(r'"\s*\n\s*"', "", text)
        own = re.search(r"OWN\(.*", literals["docs/generator"], re.S).group(0)
        texts = re.findall(r'\{"[^"]+",\s*"([^"]+)"\}', own)
        self.assertGreater(len(texts), 1)
        for text in texts:
            with self.subTest(text):
                for part in re.split(r"‹\w+›", text):
                    self.assertTrue(part in literals["provider"], f"in no source: {part}")
