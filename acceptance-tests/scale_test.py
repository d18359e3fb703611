"""Many VPCs at once: all disjoint, whatever order Terraform asks in."""

import ipaddress

from harness import Case, estate, vpc


# The order that AWS needs; order_test.py has what needs none.
ORDERED = "depends_on = [ipam_pool_cidr.main]"


def many(how, netmask=24):
    return vpc("a", netmask, ORDERED).replace('"a" {', f'"a" {{\n  {how}')


KEYS = 'for_each = toset([for i in range(50) : format("team-%02d", i)])'


class Scale(Case):
    def lowest(self, count, netmask=24):
        nets = ipaddress.ip_network("10.0.0.0/16").subnets(new_prefix=netmask)
        return {str(next(nets)) for _ in range(count)}

    def check_fifty(self, how, *args):
        self.tf.up(estate() + many(how), *args)
        cidrs = self.tf.cidrs()
        self.assertEqual(len(cidrs), 50)
        self.assert_disjoint(cidrs.values(), "10.0.0.0/16")
        self.assertEqual(set(cidrs.values()), self.lowest(50))
        self.tf.quiet()
        return cidrs

    def test_count(self):
        self.check_fifty("count = 50")

    def test_for_each(self):
        self.check_fifty(KEYS)

    def test_parallelism_1(self):
        self.check_fifty("count = 50", "-parallelism=1")

    def test_parallelism_50(self):
        self.check_fifty(KEYS, "-parallelism=50")
        self.tf.destroy("-parallelism=50")
        self.assertEqual(self.tf.resources(), {})

    def test_mixed_sizes(self):
        text = estate("10.0.0.0/8")
        for i, netmask in enumerate((16, 28, 20, 24, 18, 26, 16, 22)):
            text += vpc(f"x{i}", netmask, ORDERED).replace('" {', '" {\n  count = 6', 1)
        self.tf.up(text)
        cidrs = self.tf.cidrs()
        self.assertEqual(len(cidrs), 48)
        self.assert_disjoint(cidrs.values(), "10.0.0.0/8")
        self.tf.quiet()

    def test_release_and_reuse(self):
        """What is released is issued again, lowest first, and nobody else moves."""
        keys = ["a", "b", "c", "d", "e"]
        def of(names):
            return estate() + many("for_each = toset([" + ", ".join(f'"{n}"' for n in names) + "])")
        for n in range(1, 6):
            self.tf.up(of(keys[:n]))
        before = self.tf.cidrs()
        self.assertEqual([before[f'ipam_vpc.a["{k}"]'] for k in keys],
                         [f"10.0.{i}.0/24" for i in range(5)])
        self.tf.up(of("ace"))
        self.assertEqual(set(self.tf.cidrs().values()), {"10.0.0.0/24", "10.0.2.0/24", "10.0.4.0/24"})
        self.tf.up(of("acef"))
        self.assertEqual(self.tf.cidrs()['ipam_vpc.a["f"]'], "10.0.1.0/24")
        self.tf.up(of("acefg"))
        after = self.tf.cidrs()
        self.assertEqual(after['ipam_vpc.a["g"]'], "10.0.3.0/24")
        for key in "ace":
            self.assertEqual(after[f'ipam_vpc.a["{key}"]'], before[f'ipam_vpc.a["{key}"]'])
        self.tf.quiet()

    def test_released_and_reused_in_one_run(self):
        """A full pool: the new VPC gets what the old one leaves in the same apply."""
        self.tf.up(estate("10.0.0.0/20") + vpc("old"))
        self.tf.up(estate("10.0.0.0/20") + vpc("new"))
        self.assertEqual(self.tf.cidrs(), {"ipam_vpc.new": "10.0.0.0/20"})
        self.tf.quiet()

    def test_unordered_beside_the_pool(self):
        """With slots enough, nothing needs to be ordered."""
        self.tf.up(estate() + many("count = 40").replace(ORDERED, ""), "-parallelism=60")
        self.assertEqual(set(self.tf.cidrs().values()), self.lowest(40))
        self.tf.quiet()

    def test_next_free_around_explicit_cidrs(self):
        explicit = vpc("x", 24).replace("ipv4_netmask_length = 24",
                                        'cidr_block = "10.0.${2 * count.index}.0/24"')
        explicit = explicit.replace('"x" {', '"x" {\n  count = 10')
        self.tf.up(estate() + explicit, "-parallelism=20")
        self.tf.up(estate() + explicit + many("count = 20"), "-parallelism=20")
        cidrs = self.tf.cidrs()
        for i in range(10):
            self.assertEqual(cidrs[f"ipam_vpc.x[{i}]"], f"10.0.{2 * i}.0/24")
        self.assertEqual(set(cidrs.values()), self.lowest(30))
        self.tf.quiet()
