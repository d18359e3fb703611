"""ipamctl: which root modules it finds by itself."""

import json
import unittest

from harness import BINARY, HEADER, Case, estate, run

CTL = BINARY.parent / "ipamctl"


class Members(Case):
    def vpcs(self, folder, *args):
        result = run([str(CTL), "get-ipam-resource-cidrs", "--resource-type", "vpc", *args],
                     folder.path, folder.env)
        self.assertEqual(result.code, 0, result)
        return sorted(r["ResourceCidr"] for r in json.loads(result.stdout)["IpamResourceCidrs"])

    def test_those_that_draw_are_found_from_the_pool_and_not_the_other_way_round(self):
        self.tf.up(estate() + 'output "pool" { value = ipam_pool_cidr.main.ipam_pool_id }\n')
        pool = self.tf.get("ipam_pool.main")["id"]
        app = self.folder("app")
        app.up(HEADER.replace('region = "eu-west-1"\n', f'''region = "eu-west-1"
  estate {{
    path = "{self.tf.state_file()}"
  }}
''') + f'''
resource "ipam_vpc" "app" {{
  ipv4_ipam_pool_id   = "{pool}"
  ipv4_netmask_length = 20
}}
''')
        self.assertEqual(self.vpcs(self.tf), ["10.0.0.0/20"], "the journal beside the pool's state")
        pools = run([str(CTL), "describe-ipam-pools"], app.path, app.env)
        self.assertEqual(json.loads(pools.stdout)["IpamPools"], [], "only its estate block says it")
        named = ("--state", str(self.tf.state_file()), "--state", str(app.state_file()))
        self.assertEqual(self.vpcs(app, *named), ["10.0.0.0/20"])


if __name__ == "__main__":
    unittest.main()
