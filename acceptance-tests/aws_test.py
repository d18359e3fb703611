"""An AWS root module as people have it, run with this binary in the place of hashicorp/aws."""

from harness import AWS_VERSION, Case, HEADER, estate, vpc

ROOT_MODULE = """
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region                      = "eu-west-1"
  profile                     = "network"
  access_key                  = "AKIAEXAMPLE"
  secret_key                  = "not-a-secret"
  shared_credentials_files    = ["~/.aws/credentials"]
  max_retries                 = 5
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  s3_use_path_style           = true

  assume_role {
    role_arn     = "arn:aws:iam::222233334444:role/network"
    session_name = "terraform"
  }

  default_tags {
    tags = {
      ManagedBy = "terraform"
    }
  }
}

resource "aws_vpc_ipam" "main" {
  operating_regions {
    region_name = "eu-west-1"
  }
}

resource "aws_vpc_ipam_pool" "main" {
  address_family = "ipv4"
  ipam_scope_id  = aws_vpc_ipam.main.private_default_scope_id
  locale         = "eu-west-1"

  allocation_resource_tags = {
    ManagedBy = "terraform"
  }
}

resource "aws_vpc_ipam_pool_cidr" "main" {
  ipam_pool_id = aws_vpc_ipam_pool.main.id
  cidr         = "172.20.0.0/16"
}

resource "aws_vpc" "main" {
  ipv4_ipam_pool_id   = aws_vpc_ipam_pool.main.id
  ipv4_netmask_length = 28
  depends_on = [
    aws_vpc_ipam_pool_cidr.main
  ]
}
"""


class Aws(Case):
    def test_root_module(self):
        self.tf.up(ROOT_MODULE)
        self.assertIn(AWS_VERSION, (self.tf.path / ".terraform.lock.hcl").read_text())
        a = self.tf.get("aws_vpc.main")
        self.assertEqual(a["cidr_block"], "172.20.0.0/28")
        self.assertEqual(a["tags_all"], {"ManagedBy": "terraform"})
        self.tf.quiet()
        self.tf.up(ROOT_MODULE.replace('"main" {\n  ipv4_ipam', '"main" {\n  count = 3\n  ipv4_ipam'))
        self.assert_disjoint(self.tf.cidrs().values(), "172.20.0.0/16")
        self.tf.quiet()
        self.tf.destroy()

    def test_region_from_the_environment(self):
        text = estate().replace('provider "ipam" {\n  region = "eu-west-1"\n}\n', "")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            with self.subTest(name):
                tf = self.folder(name)
                env = {name: "us-east-1"}
                tf.up(text.replace('locale         = "eu-west-1"', 'locale         = "us-east-1"') + vpc("a"), env=env)
                self.assertEqual(tf.get("ipam_vpc.a")["region"], "us-east-1")
                tf.quiet(env=env)

    def test_the_block_wins_over_the_environment(self):
        self.tf.up(estate() + vpc("a"), env={"AWS_REGION": "us-east-1"})
        self.assertEqual(self.tf.get("ipam_vpc.a")["region"], "eu-west-1")

    def test_account_id(self):
        text = estate() + vpc("a")
        for wrong in ("12", "12345678901a", "1234567890123"):
            result = self.tf.refused(text.replace('region = "eu-west-1"\n}',
                                     f'region = "eu-west-1"\n  account_id = "{wrong}"\n}}', 1))
            self.assert_says(result, "account_id", "12")
        self.tf.up(text.replace('region = "eu-west-1"\n}',
                                'region = "eu-west-1"\n  account_id = "222233334444"\n}', 1))
        self.assertIn(":222233334444:", self.tf.get("ipam.main")["arn"])
        self.assertEqual(self.tf.get("ipam_vpc.a")["owner_id"], "222233334444")
        self.tf.quiet()

    def test_wrong_region(self):
        self.assert_says(self.tf.refused(estate().replace('region = "eu-west-1"', 'region = "Dublin"', 1)),
                         "region", "Dublin")

    def test_unknown_argument(self):
        text = HEADER.replace('region = "eu-west-1"', 'region = "eu-west-1"\n  regoin = "x"')
        self.assert_says(self.tf.refused(text + 'resource "ipam_vpc" "a" {\n  cidr_block = "10.0.0.0/16"\n}\n'), "regoin")

    def test_default_tags_under_own_tags(self):
        text = estate().replace('region = "eu-west-1"\n}', 'region = "eu-west-1"\n  default_tags {\n'
                                '    tags = { Team = "network", Stage = "all" }\n  }\n}', 1)
        self.tf.up(text + vpc("a", extra='tags = { Stage = "prod", Name = "a" }'))
        a = self.tf.get("ipam_vpc.a")
        self.assertEqual(a["tags"], {"Stage": "prod", "Name": "a"})
        self.assertEqual(a["tags_all"], {"Stage": "prod", "Name": "a", "Team": "network"})
        self.tf.quiet()
        changed = text.replace('"network"', '"platform"')
        self.tf.write(changed + vpc("a", extra='tags = { Stage = "prod", Name = "a" }'))
        self.assertIn("ipam_vpc.a", self.tf.changes())
        self.tf.apply()
        self.assertEqual(self.tf.get("ipam_vpc.a")["tags_all"]["Team"], "platform")
        self.tf.quiet()
