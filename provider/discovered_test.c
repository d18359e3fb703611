/*
 * Networks of other providers in states: every cloud, what is added to a VPC, what is not
 * understood, and memory that runs out at any moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provider/discovered.h"
#include "provider/estate.h"

#define STATE(resources)                                                                           \
    "{\"version\":4,\"terraform_version\":\"1.9.0\",\"serial\":1,\"lineage\":\"l\","               \
    "\"outputs\":{},\"resources\":[" resources "]}"
#define PROVIDER(source) "\"provider\":\"provider[\\\"" source "\\\"]\""
#define RESOURCE(source, type, name, instances)                                                    \
    "{\"mode\":\"managed\",\"type\":\"" type "\",\"name\":\"" name                                 \
    "\"," PROVIDER(source) ","                                                                     \
                           "\"instances\":[" instances "]}"
#define INSTANCE(attributes)          "{\"schema_version\":1,\"attributes\":{" attributes "}}"
#define HASHICORP(cloud)              "registry.terraform.io/hashicorp/" cloud
#define ONE(source, type, attributes) STATE(RESOURCE(source, type, "main", INSTANCE(attributes)))

static void discover_as(struct sightings *s, const char *json, const void *source)
{
    char error[256];
    struct state *state = state_parse(json, strlen(json), "a.tfstate", NULL, error, sizeof error);
    if (!state)
        fail_msg("%s", error);
    assert_true(discover_state(s, state, "a.tfstate", source));
    state_free(state);
}

static struct sightings *discover(const char *json)
{
    struct sightings *s = sightings_new();
    discover_as(s, json, s);
    return s;
}

static void assert_cidrs(const struct sighting *one, const char *want)
{
    char have[512] = "", text[CIDR_TEXT_SIZE];
    assert_non_null(one);
    for (size_t i = 0; i < one->cidr_count; i++)
        sprintf(have + strlen(have), "%s%s", i ? " " : "", cidr_format(&one->cidrs[i], text));
    assert_string_equal(have, want);
}

struct texts {
    const char *network_id, *cloud, *owner, *region, *zone, *name;
};

static void assert_texts(const struct sighting *one, struct texts want)
{
    assert_string_equal(one->network_id, want.network_id);
    assert_string_equal(one->cloud, want.cloud);
    assert_string_equal(one->owner, want.owner);
    assert_string_equal(one->region, want.region);
    assert_string_equal(one->zone, want.zone);
    assert_string_equal(one->name, want.name);
}

static void no_text(void *ctx, const char *text)
{
    (void)ctx;
    fail_msg("%s", text);
}

static void a_vpc_of_aws(void **state)
{
    (void)state;
    struct sightings *s = discover(
        ONE(HASHICORP("aws"), "aws_vpc",
            "\"id\":\"vpc-1\",\"arn\":\"arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1\","
            "\"owner_id\":\"444455556666\",\"cidr_block\":\"10.0.0.0/16\","
            "\"ipv6_cidr_block\":\"2001:db8::/56\",\"tags\":{\"Name\":\"net\"},"
            "\"tags_all\":{\"Name\":\"net\",\"ipam-allocation-id\":\"ipam-pool-alloc-1\"}"));
    const struct sighting *one = sightings_find(s, "vpc-1");
    struct cidr primary = {0};
    assert_cidrs(one, "10.0.0.0/16 2001:db8::/56");
    assert_texts(one, (struct texts){"vpc-1", "aws", "444455556666", "eu-west-1", "", "net"});
    assert_string_equal(one->where, "aws_vpc.main in a.tfstate");
    assert_string_equal(one->allocation_id, "ipam-pool-alloc-1");
    assert_int_equal(one->tags.count, 2);
    assert_int_equal(one->kind, SIGHTED_NETWORK);
    assert_int_equal(one->witness, WITNESS_STATE);
    cidr_parse("10.0.0.0/16", 11, &primary);
    assert_true(cidr_equal(&one->primary, &primary));
    sightings_each_unclear(s, no_text, NULL);
    sightings_free(s);
}

static void a_subnet_of_aws_without_owner_id(void **state)
{
    (void)state;
    struct sightings *s = discover(
        ONE(HASHICORP("aws"), "aws_default_subnet",
            "\"id\":\"subnet-1\",\"vpc_id\":\"vpc-1\",\"availability_zone\":\"eu-west-1b\","
            "\"arn\":\"arn:aws:ec2:eu-west-1:111122223333:subnet/subnet-1\","
            "\"cidr_block\":\"172.31.0.0/20\",\"ipv6_cidr_block\":\"\",\"tags\":null"));
    const struct sighting *one = sightings_find(s, "subnet-1");
    assert_cidrs(one, "172.31.0.0/20");
    assert_texts(one,
                 (struct texts){"vpc-1", "aws", "111122223333", "eu-west-1", "eu-west-1b", ""});
    assert_int_equal(one->kind, SIGHTED_SUBNET);
    sightings_free(s);
}

#define ADDED(name, vpc, cidr)                                                                     \
    RESOURCE(HASHICORP("aws"), "aws_vpc_ipv4_cidr_block_association", name,                        \
             INSTANCE("\"id\":\"vpc-cidr-assoc-" name "\",\"vpc_id\":\"" vpc                       \
                      "\",\"cidr_block\":\"" cidr "\""))
#define VPC(name, cidr)                                                                            \
    RESOURCE(HASHICORP("aws"), "aws_vpc", name,                                                    \
             INSTANCE("\"id\":\"" name "\",\"cidr_block\":\"" cidr "\""))

static void cidrs_that_were_added_to_a_vpc(void **state)
{
    (void)state;
    struct sightings *s = discover(
        STATE(ADDED("a", "vpc-2", "10.3.0.0/16") "," ADDED("b", "vpc-1", "10.2.0.0/16") "," ADDED(
            "c", "vpc-1",
            "10.1.0.0/16") "," ADDED("d", "vpc-9",
                                     "10.9.0.0/16") "," VPC("vpc-1",
                                                            "10.5.0.0/16") "," VPC("vpc-2",
                                                                                   "10.6.0.0/16")));
    assert_int_equal(sightings_count(s), 3);
    assert_cidrs(sightings_find(s, "vpc-1"), "10.1.0.0/16 10.2.0.0/16 10.5.0.0/16");
    assert_cidrs(sightings_find(s, "vpc-2"), "10.3.0.0/16 10.6.0.0/16");
    /* Its VPC is in another state. */
    const struct sighting *alone = sightings_find(s, "vpc-cidr-assoc-d");
    assert_cidrs(alone, "10.9.0.0/16");
    assert_string_equal(alone->network_id, "vpc-9");
    sightings_free(s);
}

#define AZURE_ID                                                                                   \
    "/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/net"

static void networks_of_azure(void **state)
{
    (void)state;
    struct sightings *s = discover(STATE(RESOURCE(
        HASHICORP("azurerm"), "azurerm_virtual_network", "net",
        INSTANCE(
            "\"id\":\"" AZURE_ID "\",\"name\":\"net\",\"location\":\"westeurope\","
            "\"address_space\":[\"10.1.0.0/16\",\"10.0.0.0/16\"],\"tags\":{\"a\":\"b\"},"
            "\"subnet\":[{\"name\":\"in\",\"id\":\"" AZURE_ID "/subnets/in\","
            "\"address_prefixes\":[\"10.0.1.0/24\"]},"
            "{\"name\":\"old\",\"id\":\"" AZURE_ID "/subnets/old\","
            "\"address_prefix\":\"10.0.2.0/24\"}]")) "," RESOURCE(HASHICORP("azurerm"),
                                                                  "azurerm_subnet", "sub",
                                                                  INSTANCE("\"id\":\"" AZURE_ID
                                                                           "/subnets/"
                                                                           "sub\",\"name\":\"sub\","
                                                                           "\"address_prefixes\":["
                                                                           "\"10.1.1.0/24\"]"))));
    assert_int_equal(sightings_count(s), 4);
    const struct sighting *net = sightings_find(s, AZURE_ID);
    assert_cidrs(net, "10.0.0.0/16 10.1.0.0/16");
    assert_texts(net, (struct texts){AZURE_ID, "azure", "sub-1", "westeurope", "", "net"});
    assert_int_equal(net->tags.count, 1);
    const struct sighting *in = sightings_find(s, AZURE_ID "/subnets/in");
    assert_cidrs(in, "10.0.1.0/24");
    assert_texts(in, (struct texts){AZURE_ID, "azure", "sub-1", "westeurope", "", "in"});
    assert_int_equal(in->kind, SIGHTED_SUBNET);
    assert_cidrs(sightings_find(s, AZURE_ID "/subnets/old"), "10.0.2.0/24");
    const struct sighting *sub = sightings_find(s, AZURE_ID "/subnets/sub");
    assert_cidrs(sub, "10.1.1.0/24");
    assert_texts(sub, (struct texts){AZURE_ID, "azure", "sub-1", "", "", "sub"});
    sightings_free(s);
}

#define GOOGLE "https://www.googleapis.com/compute/v1/projects/p1/"

static void networks_of_google(void **state)
{
    (void)state;
    struct sightings *s = discover(STATE(RESOURCE(
        HASHICORP("google"), "google_compute_network", "net",
        INSTANCE("\"id\":\"projects/p1/global/networks/"
                 "net\",\"name\":\"net\","
                 "\"self_link\":\"" GOOGLE "global/networks/net\","
                 "\"auto_create_subnetworks\":true,\"project\":"
                 "\"p1\"")) "," RESOURCE(HASHICORP("google"), "google_compute_subnetwork", "sub",
                                         INSTANCE("\"id\":\"projects/p1/"
                                                  "regions/europe-west1/"
                                                  "subnetworks/sub\","
                                                  "\"self_link\":\"" GOOGLE "regions/europe-west1/"
                                                  "subnetworks/sub\","
                                                  "\"network\":\"" GOOGLE "global/networks/net\","
                                                  "\"region\":\"" GOOGLE "regions/europe-west1\","
                                                  "\"name\":\"sub\",\"ip_"
                                                  "cidr_range\":\"10.2.0.0/"
                                                  "20\","
                                                  "\"secondary_ip_range\":["
                                                  "{\"range_name\":"
                                                  "\"pods\","
                                                  "\"ip_cidr_range\":\"10."
                                                  "4.0.0/"
                                                  "14\"},{\"range_name\":"
                                                  "\"svc\","
                                                  "\"ip_cidr_range\":\"10."
                                                  "3.0.0/24\"}]"))));
    assert_cidrs(sightings_find(s, GOOGLE "global/networks/net"), "");
    const struct sighting *sub = sightings_find(s, GOOGLE "regions/europe-west1/subnetworks/sub");
    assert_cidrs(sub, "10.2.0.0/20 10.3.0.0/24 10.4.0.0/14");
    assert_texts(sub, (struct texts){GOOGLE "global/networks/net", "google", "p1", "europe-west1",
                                     "", "sub"});
    sightings_free(s);
}

static void networks_of_other_clouds(void **state)
{
    (void)state;
    static const struct {
        const char *state, *id, *cidrs;
        struct texts texts;
    } cases[] = {
        {ONE("registry.terraform.io/oracle/oci", "oci_core_vcn",
             "\"id\":\"ocid1.vcn.1\",\"cidr_blocks\":[\"10.0.0.0/16\",\"10.1.0.0/16\"],"
             "\"cidr_block\":\"10.0.0.0/16\",\"compartment_id\":\"c1\",\"display_name\":\"v\""),
         "ocid1.vcn.1",
         "10.0.0.0/16 10.1.0.0/16",
         {"ocid1.vcn.1", "oci", "c1", "", "", "v"}},
        {ONE("registry.terraform.io/hetznercloud/hcloud", "hcloud_network_subnet",
             "\"id\":\"77-10.0.1.0/24\",\"network_id\":77,\"ip_range\":\"10.0.1.0/24\","
             "\"network_zone\":\"eu-central\""),
         "77-10.0.1.0/24",
         "10.0.1.0/24",
         {"hcloud/77", "hcloud", "", "eu-central", "", ""}},
        {ONE("registry.terraform.io/hetznercloud/hcloud", "hcloud_network",
             "\"id\":\"77\",\"ip_range\":\"10.0.0.0/8\",\"name\":\"n\""),
         "hcloud/77",
         "10.0.0.0/8",
         {"hcloud/77", "hcloud", "", "", "", "n"}},
        {ONE("registry.terraform.io/aliyun/alicloud", "alicloud_vpc",
             "\"id\":\"vpc-a\",\"cidr_block\":\"10.0.0.0/16\",\"vpc_name\":\"v\","
             "\"secondary_cidr_blocks\":[\"10.7.0.0/16\"]"),
         "vpc-a",
         "10.0.0.0/16 10.7.0.0/16",
         {"vpc-a", "alicloud", "", "", "", "v"}},
        {ONE("registry.terraform.io/terraform-provider-openstack/openstack",
             "openstack_networking_subnet_v2",
             "\"id\":\"s1\",\"cidr\":\"192.168.0.0/24\",\"network_id\":\"n1\","
             "\"tenant_id\":\"t1\",\"region\":\"RegionOne\",\"name\":\"s\""),
         "s1",
         "192.168.0.0/24",
         {"n1", "openstack", "t1", "RegionOne", "", "s"}},
        {ONE("registry.terraform.io/ibm-cloud/ibm", "ibm_is_subnet",
             "\"id\":\"i1\",\"ipv4_cidr_block\":\"10.240.0.0/24\",\"vpc\":\"r006-1\","
             "\"resource_group\":\"g\",\"zone\":\"us-south-1\",\"name\":\"s\""),
         "i1",
         "10.240.0.0/24",
         {"r006-1", "ibm", "g", "", "us-south-1", "s"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sightings *s = discover(cases[i].state);
        const struct sighting *one = sightings_find(s, cases[i].id);
        assert_cidrs(one, cases[i].cidrs);
        assert_texts(one, cases[i].texts);
        sightings_each_unclear(s, no_text, NULL);
        sightings_free(s);
    }
}

static void tainted_and_deposed_ones_count(void **state)
{
    (void)state;
    struct sightings *s = discover(STATE(RESOURCE(
        HASHICORP("aws"), "aws_vpc", "main",
        INSTANCE(
            "\"id\":\"vpc-1\",\"cidr_block\":\"10.0.0.0/16\"") ","
                                                               "{\"schema_version\":1,\"deposed\":"
                                                               "\"00000001\",\"attributes\":{"
                                                               "\"id\":\"vpc-2\","
                                                               "\"cidr_block\":\"10.1.0.0/16\"}},"
                                                               "{\"schema_version\":1,\"index_"
                                                               "key\":1,\"status\":\"tainted\","
                                                               "\"attributes\":"
                                                               "{\"id\":\"vpc-3\",\"cidr_block\":"
                                                               "\"10.2.0.0/16\"}}")));
    assert_int_equal(sightings_count(s), 3);
    sightings_free(s);
}

static void own_resources_and_others_are_no_sightings(void **state)
{
    (void)state;
    struct sightings *s = discover(STATE(
        RESOURCE("terraform.local/ipam/ipam", "aws_vpc", "own", INSTANCE("\"id\":\"vpc-1\",\"cidr_block\":\"10.0.0.0/16\"")) "," RESOURCE(
            "example.com/somebody/ipam", "aws_vpc", "kin",
            INSTANCE(
                "\"id\":\"vpc-2\",\"cidr_block\":\"10.0.0.0/16\"")) "," RESOURCE(HASHICORP("aws"),
                                                                                 "aws_instance",
                                                                                 "other",
                                                                                 INSTANCE(
                                                                                     "\"id\":\"i-"
                                                                                     "1\",\"cidr_"
                                                                                     "block\":\"10."
                                                                                     "0.0.0/"
                                                                                     "16\""))));
    assert_int_equal(sightings_count(s), 0);
    sightings_free(s);
}

static void join(void *ctx, const char *text)
{
    strcat(ctx, text);
    strcat(ctx, "\n");
}

static void what_is_not_understood_is_noted(void **state)
{
    (void)state;
    char text[1024] = "";
    struct sightings *s =
        discover(STATE(VPC("vpc-1", "10.0.0/16") "," VPC("vpc-2", "10.0.0.1/16") "," ADDED(
            "x", "vpc-1", "10.2.0.0/16") "," RESOURCE(HASHICORP("azurerm"),
                                                      "azurerm_virtual_network", "net",
                                                      INSTANCE("\"id\":\"v\",\"address_space\":"
                                                               "[7,null,\"\",\"10.4.0.0/16\"]"))));
    sightings_each_unclear(s, join, text);
    assert_non_null(strstr(text, "aws_vpc.vpc-1 in a.tfstate: cidr_block = \"10.0.0/16\" "));
    assert_non_null(strstr(text, "aws_vpc.vpc-2 in a.tfstate: cidr_block = \"10.0.0.1/16\" has "
                                 "host bits set; the network is 10.0.0.0/16"));
    assert_non_null(strstr(text, "address_space = \"7\" "));
    /* What could be read counts. */
    assert_cidrs(sightings_find(s, "vpc-1"), "10.2.0.0/16");
    assert_cidrs(sightings_find(s, "vpc-2"), "10.0.0.0/16");
    assert_cidrs(sightings_find(s, "v"), "10.4.0.0/16");
    sightings_free(s);
}

static void a_state_read_again_replaces_what_it_said(void **state)
{
    (void)state;
    struct sightings *s = sightings_new();
    int first, second;
    discover_as(s, STATE(VPC("vpc-1", "10.0.0.0/16") "," VPC("vpc-2", "10.1.0.0/16")), &first);
    discover_as(s, STATE(VPC("vpc-2", "10.3.0.0/16")), &second);
    sightings_forget(s, &first);
    assert_null(sightings_find(s, "vpc-1"));
    assert_cidrs(sightings_find(s, "vpc-2"), "10.3.0.0/16");
    sightings_free(s);
}

static void nothing_is_left_when_memory_runs_out(void **state)
{
    (void)state;
    char error[256];
    const char *json =
        STATE(ADDED("a", "vpc-1", "10.3.0.0/16") "," ADDED("b", "vpc-8", "10.8.0.0/16") "," VPC(
            "vpc-1", "10.5.0.0/16") "," VPC("vpc-2", "10.0.0.1/16"));
    struct state *parsed = state_parse(json, strlen(json), "s", NULL, error, sizeof error);
    assert_non_null(parsed);
    size_t n = 0;
    for (bool whole = false; !whole; n++) {
        struct sightings *s = sightings_new();
        arena_fail_after(n + 1);
        whole = discover_state(s, parsed, "s", s);
        arena_fail_after(0);
        assert_int_equal(sightings_count(s), whole ? 3 : 0);
        if (!whole)
            sightings_each_unclear(s, no_text, NULL);
        sightings_free(s);
    }
    assert_true(n > 10);
    state_free(parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vpc_of_aws),
        cmocka_unit_test(a_subnet_of_aws_without_owner_id),
        cmocka_unit_test(cidrs_that_were_added_to_a_vpc),
        cmocka_unit_test(networks_of_azure),
        cmocka_unit_test(networks_of_google),
        cmocka_unit_test(networks_of_other_clouds),
        cmocka_unit_test(tainted_and_deposed_ones_count),
        cmocka_unit_test(own_resources_and_others_are_no_sightings),
        cmocka_unit_test(what_is_not_understood_is_noted),
        cmocka_unit_test(a_state_read_again_replaces_what_it_said),
        cmocka_unit_test(nothing_is_left_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
