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
    def test_every_page_example_applies(self):
        """The examples of the pages, each as a module of one configuration."""
        self.tf.write(HEADER)
        folders = [f.parent for f in sorted(EXAMPLES.glob("*/*/*.tf")) if f.name in (
            "resource.tf", "data-source.tf", "function.tf")]
        self.assertGreater(len(folders), 8)
        for folder in folders:
            name = f"{folder.parent.name}-{folder.name}"
            shutil.copytree(folder, self.tf.path / name)
            self.tf.write(REQUIRED, f"{name}/versions.tf")
            self.tf.write(f'module "{name}" {{\n  source = "./{name}"\n}}\n', f"{name}.tf")
        self.tf.init()
        self.tf.terraform("validate")
        self.tf.apply()
        self.tf.quiet()
        self.tf.destroy()
        self.assertEqual(self.tf.resources(), {})

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
        """An id of the form that the page shows passes, whether it is known or not."""
        for file in sorted(EXAMPLES.glob("resources/*/import.sh")):
            with self.subTest(file.parent.name):
                tf = self.folder(file.parent.name)
                shutil.copy(file.parent / "resource.tf", tf.path)
                tf.write(HEADER, "header.tf")
                tf.init()
                result = tf.terraform("import", "-no-color", *import_arguments(file), code=None)
                self.assertNotIn("invalid id", result.text)
                if "not found" not in result.text:
                    self.assertEqual(result.code, 0, result)

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
