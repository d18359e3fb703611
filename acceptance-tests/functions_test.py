"""Provider functions under the real terraform: results, unknown arguments, errors."""

from harness import Case, HEADER


class Functions(Case):
    def values(self, expressions):
        text = HEADER + "".join(f'output "{name}" {{\n value = {value}\n}}\n'
                                for name, value in expressions.items())
        self.tf.up(text)
        self.tf.quiet()
        return {n: o["value"] for n, o in self.tf.show()["values"]["outputs"].items()}

    def test_results(self):
        out = self.values({
            "contains": 'provider::ipam::cidr_contains("10.0.0.0/8", "10.1.0.0/16")',
            "address": 'provider::ipam::cidr_contains("2001:db8::/32", "2001:db8::1")',
            "overlaps": 'provider::ipam::cidr_overlaps("10.0.0.0/16", "10.1.0.0/16")',
            "exclude": 'provider::ipam::cidr_exclude("10.0.0.0/22", ["10.0.1.0/24"])',
            "merge": 'provider::ipam::cidr_merge(["10.0.1.0/24", "10.0.0.0/24", "2001:db8::/33", "2001:db8:8000::/33"])',
            "split": 'provider::ipam::cidr_split("2001:db8::/32", 34)',
            "next": 'provider::ipam::cidr_next("10.0.0.0/24")',
            "two": 'provider::ipam::cidr_next("10.0.0.0/24", 2)',
        })
        self.assertEqual(out, {
            "contains": True, "address": True, "overlaps": False,
            "exclude": ["10.0.0.0/24", "10.0.2.0/23"],
            "merge": ["10.0.0.0/23", "2001:db8::/32"],
            "split": ["2001:db8::/34", "2001:db8:4000::/34", "2001:db8:8000::/34",
                      "2001:db8:c000::/34"],
            "next": "10.0.1.0/24", "two": ["10.0.1.0/24", "10.0.2.0/24"],
        })

    def test_unknown_arguments(self):
        """Not known before the apply: the results are not either, and come then."""
        self.tf.up(HEADER + """
resource "terraform_data" "x" { input = "10.0.0.0/23" }
output "parts" { value = provider::ipam::cidr_split(terraform_data.x.output, 24) }
output "next" { value = provider::ipam::cidr_next(terraform_data.x.output) }
output "rest" { value = provider::ipam::cidr_exclude("10.0.0.0/22", [terraform_data.x.output]) }
""")
        out = {n: o["value"] for n, o in self.tf.show()["values"]["outputs"].items()}
        self.assertEqual(out, {"parts": ["10.0.0.0/24", "10.0.1.0/24"], "next": "10.0.2.0/23",
                               "rest": ["10.0.2.0/23"]})

    def test_errors(self):
        for call, patterns in {
            'cidr_contains("10.0.0.1/8", "10.0.0.1")': ("outer", "10.0.0.0/8"),
            'cidr_overlaps("10.0.0.0/8", "ten")': (r"\bb\b", "ten"),
            'cidr_split("10.0.0.0/8", 25)': ("netmask_length", "2\\^17", "65536", "24"),
            'cidr_next("255.255.255.0/24")': ("cidr", "last /24"),
            'cidr_merge(["2001:DB8::/32"])': ("cidrs", "2001:db8::/32"),
        }.items():
            result = self.tf.refused(HEADER + f'output "x" {{ value = provider::ipam::{call} }}')
            self.assert_says(result, *patterns)
