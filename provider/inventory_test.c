/*
 * Inventories: every format with every field, what one file says for another, each error with its
 * place, each limit, and memory that runs out at any moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "provider/inventory_internal.h"

struct fixture {
    char folder[64], before[4096];
    struct arena *arena;
    struct sightings *sightings;
    struct diags diags;
};

static void write_file(const char *name, const char *bytes, size_t len)
{
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void put(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static int set_up(void **state)
{
    static struct fixture f;
    strcpy(f.folder, "/tmp/inventory-test-XXXXXX");
    if (!getcwd(f.before, sizeof f.before) || !mkdtemp(f.folder) || chdir(f.folder) != 0)
        return -1;
    f.arena = arena_new();
    f.sightings = sightings_new();
    diags_init(&f.diags, f.arena);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    sightings_free(f->sightings);
    arena_free(f->arena);
    snprintf(command, sizeof command, "rm -r %s", f->folder);
    return chdir(f->before) != 0 || system(command) != 0;
}

static bool load(struct fixture *f, const char *pattern)
{
    return inventory_load(f->sightings, &f->diags, &pattern, 1);
}

/* --- what was read, as text --- */

static bool render(void *ctx, const struct sighting *one)
{
    static const char *const kinds[] = {"network", "subnet", "prefix"};
    char *out = (char *)ctx + strlen(ctx), cidr[CIDR_TEXT_SIZE];
    out += sprintf(out, "%s %s|%s|%s|%s|%s|%s|%s|", kinds[one->kind], one->id, one->network_id,
                   one->cloud, one->owner, one->region, one->zone, one->name);
    for (size_t i = 0; i < one->cidr_count; i++)
        out += sprintf(out, "%s%s", i ? " " : "", cidr_format(&one->cidrs[i], cidr));
    *out++ = '|';
    for (size_t i = 0; i < one->tags.count; i++)
        out +=
            sprintf(out, "%s%s=%s", i ? " " : "", one->tags.items[i].key, one->tags.items[i].value);
    sprintf(out, "|%s\n", one->where);
    return true;
}

static void assert_told(struct fixture *f, const char *want)
{
    char have[8192] = "";
    if (f->diags.first)
        fail_msg("%s: %s", f->diags.first->summary, f->diags.first->detail);
    sightings_each(f->sightings, render, have);
    assert_string_equal(have, want);
}

static void assert_reads(struct fixture *f, const char *text, const char *want)
{
    put("file", text);
    load(f, "file");
    assert_told(f, want);
}

static void assert_refuses(struct fixture *f, const char *text, const char *want)
{
    put("file", text);
    diags_init(&f->diags, f->arena);
    assert_false(load(f, "file"));
    assert_int_equal(f->diags.errors, 1);
    if (!strstr(f->diags.first->detail, want))
        fail_msg("%s\n  is not in\n%s", want, f->diags.first->detail);
    assert_non_null(strstr(f->diags.first->detail, "nothing is issued. Correct the file"));
}

/* --- the formats --- */

static void the_own_format(void **state)
{
    assert_reads(*state,
                 "version: 1\n"
                 "account: '012345678901'\n"
                 "region: eu-west-1\n"
                 "covers:\n"
                 "  - {account: '012345678901', region: eu-west-1}\n"
                 "networks:\n"
                 "  - id: dc-1\n"
                 "    cidrs: [10.1.0.0/16, 10.0.0.0/16]\n"
                 "    name: data centre\n"
                 "    tags: {team: net, empty: }\n"
                 "    subnets:\n"
                 "      - id: dc-1-a\n"
                 "        cidr: 10.0.0.0/24\n"
                 "        zone: hall-2\n"
                 "  - id: dc-2\n"
                 "    cidr: 2001:DB8::/48\n"
                 "    account: partner\n"
                 "    region: fr\n"
                 "    cloud: metal\n"
                 "    subnets: [{id: dc-2-a, cidrs: ['2001:db8:0:1::/64']}]\n"
                 "prefixes:\n"
                 "  - 10.9.0.0/16\n"
                 "  - cidr: 10.8.0.0/16\n"
                 "    name: promised\n",
                 "network dc-1|dc-1||012345678901|eu-west-1||data centre|10.0.0.0/16 10.1.0.0/16|"
                 "empty= team=net|file:7:5\n"
                 "subnet dc-1-a|dc-1||012345678901|eu-west-1|hall-2||10.0.0.0/24||file:12:9\n"
                 "network dc-2|dc-2|metal|partner|fr|||2001:db8::/48||file:15:5\n"
                 "subnet dc-2-a|dc-2|metal|partner|fr|||2001:db8:0:1::/64||file:20:15\n"
                 "prefix |||012345678901|eu-west-1|||10.9.0.0/16||file:22:5\n"
                 "prefix |||012345678901|eu-west-1||promised|10.8.0.0/16||file:23:5\n");
    struct fixture *f = *state;
    assert_string_equal(sightings_covered(f->sightings, "012345678901", "eu-west-1"), "file:5:5");
    assert_null(sightings_covered(f->sightings, "012345678901", "eu-west-2"));
    /* The first CIDR of the file, not the lowest. */
    struct cidr first;
    cidr_parse("10.1.0.0/16", 11, &first);
    assert_true(cidr_equal(&sightings_find(f->sightings, "dc-1")->primary, &first));
}

#define DESCRIBED_VPC                                                                              \
    "{\"VpcId\": \"vpc-1\", \"OwnerId\": \"111122223333\", \"CidrBlock\": \"10.0.0.0/16\",\n"      \
    " \"CidrBlockAssociationSet\": [\n"                                                            \
    "  {\"CidrBlock\": \"10.0.0.0/16\", \"CidrBlockState\": {\"State\": \"associated\"}},\n"       \
    "  {\"CidrBlock\": \"10.1.0.0/16\", \"CidrBlockState\": {\"State\": \"disassociating\"}},\n"   \
    "  {\"CidrBlock\": \"10.2.0.0/16\", \"CidrBlockState\": {\"State\": \"disassociated\"}},\n"    \
    "  {\"CidrBlock\": \"10.3.0.0/16\", \"CidrBlockState\": {\"State\": \"failed\"}}],\n"          \
    " \"Tags\": [{\"Key\": \"Name\", \"Value\": \"net\"},\n"                                       \
    "  {\"Key\": \"ipam-allocation-id\", \"Value\": \"ipam-pool-alloc-1\"}],\n"                    \
    " \"IsDefault\": false, \"State\": \"available\"}"

static void described_vpcs(void **state)
{
    assert_reads(*state, "{\"Vpcs\": [" DESCRIBED_VPC "]}",
                 "network vpc-1|vpc-1|aws|111122223333|||net|10.0.0.0/16 10.1.0.0/16|Name=net "
                 "ipam-allocation-id=ipam-pool-alloc-1|file:1:11\n");
    struct fixture *f = *state;
    assert_non_null(sightings_of_allocation(f->sightings, "ipam-pool-alloc-1"));
}

static void described_as_a_list(void **state)
{
    assert_reads(*state, "[" DESCRIBED_VPC "]",
                 "network vpc-1|vpc-1|aws|111122223333|||net|10.0.0.0/16 10.1.0.0/16|Name=net "
                 "ipam-allocation-id=ipam-pool-alloc-1|file:1:2\n");
}

static void described_in_yaml_with_ipv6(void **state)
{
    assert_reads(*state,
                 "Vpcs:\n"
                 "- CidrBlock: 10.0.0.0/16\n"
                 "  Ipv6CidrBlockAssociationSet:\n"
                 "  - Ipv6CidrBlock: 2001:db8:1234:1a00::/56\n"
                 "    Ipv6CidrBlockState:\n"
                 "      State: associated\n"
                 "    NetworkBorderGroup: us-west-2-lax-1\n"
                 "  OwnerId: '111122223333'\n"
                 "  Tags: []\n"
                 "  VpcId: vpc-1\n",
                 "network vpc-1|vpc-1|aws|111122223333|us-west-2|||"
                 "10.0.0.0/16 2001:db8:1234:1a00::/56||file:2:3\n");
}

static void described_subnets(void **state)
{
    assert_reads(*state,
                 "{\"Subnets\": [\n"
                 "{\"SubnetId\": \"subnet-1\", \"VpcId\": \"vpc-1\", \"OwnerId\": \"1\",\n"
                 " \"AvailabilityZone\": \"us-gov-west-1b\", \"CidrBlock\": \"10.0.0.0/24\",\n"
                 " \"Ipv6CidrBlockAssociationSet\": []},\n"
                 "{\"SubnetId\": \"subnet-2\", \"VpcId\": \"vpc-1\", \"OwnerId\": \"1\",\n"
                 " \"SubnetArn\": \"arn:aws:ec2:eu-west-1:1:subnet/subnet-2\",\n"
                 " \"Ipv6CidrBlockAssociationSet\": [{\"Ipv6CidrBlock\": \"2001:db8::/64\",\n"
                 "  \"Ipv6CidrBlockState\": {\"State\": \"associated\"}}]}]}",
                 "subnet subnet-1|vpc-1|aws|1|us-gov-west-1|us-gov-west-1b||10.0.0.0/24||file:2:1\n"
                 "subnet subnet-2|vpc-1|aws|1|eu-west-1|||2001:db8::/64||file:5:1\n");
}

#define BARE_VPC(id, more) "{VpcId: " id ", OwnerId: '1', CidrBlock: 10.0.0.0/16" more "}"

static void the_region_of_a_vpc(void **state)
{
    /* The entry; a subnet's zone; what the file says. */
    assert_reads(
        *state,
        "region: eu-west-3\n"
        "Vpcs: [" BARE_VPC("vpc-1", ", Region: eu-west-1") ", " BARE_VPC("vpc-2", "") ", " BARE_VPC(
            "vpc-3", "") "]\n"
                         "Subnets: [{SubnetId: subnet-1, VpcId: vpc-2, AvailabilityZone: "
                         "eu-west-2a, CidrBlock: 10.0.0.0/24}]\n",
        "subnet subnet-1|vpc-2|aws||eu-west-2|eu-west-2a||10.0.0.0/24||file:3:11\n"
        "network vpc-1|vpc-1|aws|1|eu-west-1|||10.0.0.0/16||file:2:8\n"
        "network vpc-2|vpc-2|aws|1|eu-west-2|||10.0.0.0/16||file:2:81\n"
        "network vpc-3|vpc-3|aws|1|eu-west-3|||10.0.0.0/16||file:2:135\n");
}

static void covers_beside_a_foreign_format(void **state)
{
    struct fixture *f = *state;
    assert_reads(f,
                 "covers: [{account: '1', region: eu-west-1}, {account: '2', region: eu-west-1}]\n"
                 "Vpcs: [" BARE_VPC("vpc-1", "") "]\n",
                 "network vpc-1|vpc-1|aws|1|eu-west-1|||10.0.0.0/16||file:2:8\n");
    assert_non_null(sightings_covered(f->sightings, "2", "eu-west-1"));
    assert_null(sightings_covered(f->sightings, "3", "eu-west-1"));
}

static void covers_of_several_regions_give_none(void **state)
{
    struct fixture *f = *state;
    assert_reads(f,
                 "covers: [{account: '1', region: eu-west-1}, {account: '1', region: eu-west-2}]\n"
                 "Vpcs: [" BARE_VPC("vpc-1", "") "]\n",
                 "network vpc-1|vpc-1|aws|1||||10.0.0.0/16||file:2:8\n");
}

static void covers_of_everything(void **state)
{
    struct fixture *f = *state;
    assert_reads(f, "version: 1\ncovers: [{}]\n", "");
    assert_string_equal(sightings_covered(f->sightings, "9", "x"), "file:2:10");
}

static void netbox_as_yaml(void **state)
{
    assert_reads(*state,
                 "- prefix: 10.0.0.0/8\n"
                 "  status: container\n"
                 "- prefix: 10.1.0.0/16\n"
                 "  status: active\n"
                 "  vrf: blue\n"
                 "  site: paris\n"
                 "  tenant: shop\n"
                 "  tags: a, b\n"
                 "  description: offices\n"
                 "- prefix: 10.2.0.0/16\n"
                 "  status: deprecated\n"
                 "  vrf:\n"
                 "  tags: [c]\n",
                 "prefix |netbox/vrf/blue||shop|paris||offices|10.1.0.0/16|"
                 "a= b= netbox:status=active|file:3:3\n"
                 "prefix |netbox/global|||||"
                 "|10.2.0.0/16|c= netbox:status=deprecated|file:10:3\n");
}

static void netbox_as_documents(void **state)
{
    assert_reads(*state, "prefix: 10.1.0.0/16\nstatus: active\n---\nprefix: 10.2.0.0/16\n",
                 "prefix |netbox/global|||||"
                 "|10.1.0.0/16|netbox:status=active|file:1:1\n"
                 "prefix |netbox/global|||||"
                 "|10.2.0.0/16||file:4:1\n");
}

static void netbox_as_an_answer(void **state)
{
    assert_reads(
        *state,
        "{\"count\": 1, \"next\": null, \"previous\": null, \"results\": [{\"id\": 7,\n"
        "\"family\": {\"value\": 4, \"label\": \"IPv4\"}, \"prefix\": \"10.1.0.0/16\",\n"
        "\"vrf\": {\"id\": 1, \"name\": \"blue\", \"rd\": null}, \"scope_type\": \"dcim.site\",\n"
        "\"scope\": {\"id\": 2, \"name\": \"Paris\", \"slug\": \"paris\"},\n"
        "\"tenant\": {\"id\": 3, \"name\": \"Shop\"}, \"role\": {\"id\": 4, \"name\": \"LAN\"},\n"
        "\"status\": {\"value\": \"reserved\", \"label\": \"Reserved\"},\n"
        "\"tags\": [{\"id\": 5, \"name\": \"x\", \"slug\": \"x\"}], \"description\": \"\",\n"
        "\"custom_fields\": {\"a\": [1, {}]}}]}",
        "prefix netbox/prefix/7|netbox/vrf/blue||Shop|Paris|||10.1.0.0/16|"
        "netbox:role=LAN netbox:status=reserved x=|file:1:58\n");
}

/* --- several files --- */

static void a_file_says_what_others_lack(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir("in", 0700), 0);
    assert_int_equal(mkdir("in/raw [1]", 0700), 0);
    put("in/raw [1]/b.json", "{\"Vpcs\": [" BARE_VPC("vpc-1", "") "]}");
    put("in/c.yaml", "version: 1\ninclude: [\"a*.yaml\"]\n");
    put("in/a.yaml", "version: 1\nregion: eu-west-1\ninclude: ['raw [[]1]/b.json']\n");
    /* By a pattern of its own first, without what the including file says. */
    const char *const patterns[] = {"in/raw*/b.json", "in/*.yaml"};
    assert_true(inventory_load(f->sightings, &f->diags, patterns, 2));
    assert_told(f, "network vpc-1|vpc-1|aws|1|eu-west-1|||10.0.0.0/16||in/raw [1]/b.json:1:11\n");
}

static void included_twice(void **state)
{
    struct fixture *f = *state;
    put("x", "[]");
    put("a", "version: 1\ninclude: [x, x]\n");
    assert_true(load(f, "a"));
    put("b", "version: 1\ninclude: [./x]\n");
    const char *const both[] = {"a", "b", "x"};
    assert_false(inventory_load(f->sightings, &f->diags, both, 3));
    assert_int_equal(f->diags.errors, 1);
    assert_non_null(strstr(f->diags.first->detail, "./x is included by a and by b"));
}

static void files_that_include_each_other_end(void **state)
{
    struct fixture *f = *state;
    put("a", "version: 1\ninclude: [b]\nprefixes: [10.0.0.0/8]\n");
    put("b", "version: 1\ninclude: [a, b]\n");
    load(f, "a");
    assert_int_equal(sightings_count(f->sightings), 1);
}

static void the_first_error_of_each_file(void **state)
{
    struct fixture *f = *state;
    put("a.yaml", "version: 2");
    put("b.yaml", "version: 3");
    put("c.yaml", "version: 1");
    assert_false(load(f, "*.yaml"));
    assert_int_equal(f->diags.errors, 2);
    assert_non_null(strstr(f->diags.last->detail, "b.yaml:1:10: version is \"3\", and only 1"));
}

static void files_that_are_not_there(void **state)
{
    struct fixture *f = *state;
    assert_true(load(f, "*.yaml"));
    assert_int_equal(f->diags.warnings, 1);
    assert_non_null(strstr(f->diags.last->detail, "\"*.yaml\" matches no file"));
    assert_false(load(f, "a.yaml"));
    assert_non_null(strstr(f->diags.last->detail, "\"a.yaml\" does not exist"));
    put("b.yaml", "version: 1\ninclude: [c.yaml]\n");
    assert_false(load(f, "b.yaml"));
    assert_non_null(
        strstr(f->diags.last->detail, "\"c.yaml\", which b.yaml includes, does not exist"));
    assert_false(load(f, "."));
    assert_non_null(strstr(f->diags.last->detail, ".: it is a directory"));
    assert_int_equal(symlink("nowhere", "link"), 0);
    assert_false(load(f, "link"));
    assert_non_null(strstr(f->diags.last->detail, "link does not exist"));
}

/* --- errors --- */

#define OWN "version: 1\n"

static void errors_name_their_place(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "file is empty"},
        {"# nothing\n", "file is empty"},
        {"null", "file:1:1: the document is empty, or a text"},
        {"a: [1", "file:2:1: while parsing a flow sequence did not find expected ',' or ']'"},
        {"a: b\n c: d\n", "file:2:3: mapping values are not allowed in this context"},
        {"a: \xff", "file:1:"},
        {"a: 1\nb: 2\na: 3\n", "file:3:1: the key \"a\" is there twice, first in line 1"},
        {"? [a]\n: b\n", "file:1:3: a key has to be a text"},
        {"a: \"x\\0y\"", "file:1:4: a text holds a NUL"},
        {"<<: {a: b}", "file:1:1: merge keys (<<) are not read"},
        {"a: *b", "file:1:4: an alias has no anchor before it"},
        {"a: &b [*b]", "file:1:8: an alias has no anchor before it, or stands inside of it"},
        {"hello: 1\nworld: 2\n", "file:1:1: the format is not known: its keys are hello, world."},
        {"[1]", "file:1:1: the format is not known."},
        {"networks: []\n", "file:1:1: has no version"},
        {"version: 2\n", "file:1:10: version is \"2\", and only 1 is known"},
        {OWN "network: []\n", "file:2:1: has the key \"network\", and only these are known here: "
                              "version, account, region, cloud, scope, covers, include, networks, "
                              "prefixes"},
        {OWN "networks: {}\n", "file:2:11: networks has to be a list"},
        {OWN "networks:\n- cidrs: [10.0.0.0/16, 10.1.0.1/16]\n",
         "file:3:24: networks[0].cidrs[1] = \"10.1.0.1/16\" has host bits set; the network is "
         "10.1.0.0/16"},
        {OWN "networks:\n- id: x\n", "file:3:3: networks[0] needs either cidr or cidrs"},
        {OWN "networks:\n- {cidr: 10.0.0.0/8, cidrs: []}\n",
         "file:3:3: networks[0] needs either cidr or cidrs"},
        {OWN "networks:\n- {cidr: 10.0.0.0/8, subnets: [{cidr: 1}]}\n",
         "file:3:39: networks[0].subnets[0].cidr = \"1\" "},
        {OWN "networks:\n- {cidr: 10.0.0.0/8, subnets: [{cidr: 10.0.0.0/9, subnets: []}]}\n",
         "file:3:51: networks[0].subnets[0] has the key \"subnets\""},
        {OWN "networks:\n- {cidr: 10.0.0.0/8, tags: [a]}\n",
         "file:3:28: networks[0].tags has to be a map"},
        {OWN "networks:\n- {cidr: 10.0.0.0/8, tags: {a: [b]}}\n",
         "file:3:32: networks[0].tags.a has to be a text"},
        {OWN "prefixes: [[]]\n", "file:2:12: prefixes[0] has to be a map"},
        {OWN "prefixes: [null]\n", "file:2:12: prefixes[0] has to be a map"},
        {OWN "covers: [{regions: x}]\n", "file:2:11: covers[0] has the key \"regions\""},
        {OWN "include: [[]]\n", "file:2:11: include[0] has to be the path of a file"},
        {"Vpcs: [{OwnerId: '1', CidrBlock: 10.0.0.0/16}]", "file:1:8: Vpcs[0] has no VpcId"},
        {"Vpcs: [{VpcId: vpc-1}]", "file:1:8: Vpcs[0] has neither CidrBlock nor an IPv6 CIDR"},
        {"Vpcs: [7]", "file:1:8: Vpcs[0] has to be a map"},
        {"Vpcs: [{VpcId: {}, CidrBlock: 10.0.0.0/16}]",
         "file:1:16: Vpcs[0].VpcId has to be a text"},
        {"Vpcs: [{VpcId: vpc-1, CidrBlock: x}]", "file:1:34: Vpcs[0].CidrBlock = \"x\" "},
        {"Vpcs: []\nNextToken: abc\n", "file:2:12: NextToken says that there is more"},
        {"Subnets: [{SubnetId: s, CidrBlock: 10.0.0.0/16}]", "Subnets[0] has no VpcId"},
        {"Subnets: [{VpcId: s, CidrBlock: 10.0.0.0/16}]", "Subnets[0] has no SubnetId"},
        {"results: []\nnext: http://netbox/\n", "file:2:7: next says that there is more"},
        {"- prefix: 10.0.0.0/8\n- {}\n", "file:2:3: [1] has no prefix"},
        {"- prefix: 10.0.0.0/8\n  tags: [[]]\n", "file:2:10: [0].tags[0] has to be a map"},
        {"- prefix: 10.0.0.0/8\n  vrf: {name: []}\n", "file:2:15: [0].vrf.name has to be a text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refuses(*state, cases[i].text, cases[i].want);
}

static void an_utf16_file_of_another_system(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "[{\"VpcId\":\"vpc-1\",\"CidrBlock\":\"10.0.0.0/16\"}]";
    char wide[2 * sizeof text] = "\xff\xfe";
    size_t n = 2;
    for (size_t i = 0; text[i]; i++, n += 2) {
        wide[n] = text[i];
        wide[n + 1] = '\0';
    }
    write_file("file", wide, n);
    assert_true(load(f, "file"));
    assert_non_null(sightings_find(f->sightings, "vpc-1"));
}

static void aliases_within_reason(void **state)
{
    assert_reads(*state,
                 "version: 1\nprefixes:\n"
                 "- &p {cidr: 10.0.0.0/8, tags: &t {a: b}}\n- *p\n- {cidr: 11.0.0.0/8, tags: *t}\n",
                 "prefix |||||||10.0.0.0/8|a=b|file:3:3\n"
                 "prefix |||||||10.0.0.0/8|a=b|file:4:3\n"
                 "prefix |||||||11.0.0.0/8|a=b|file:5:3\n");
}

/* --- limits --- */

static void assert_limit(struct fixture *f, const char *text, const struct inventory_limits *limits,
                         const char *want)
{
    const char *pattern = "file*";
    put("file", text);
    diags_init(&f->diags, f->arena);
    assert_false(inventory_load_within(f->sightings, &f->diags, &pattern, 1, limits));
    if (!strstr(f->diags.first->detail, want))
        fail_msg("%s\n  is not in\n%s", want, f->diags.first->detail);
}

static void limits_hold(void **state)
{
    struct inventory_limits l;
#define LIMITED(field, value, text, want)                                                          \
    do {                                                                                           \
        l = inventory_limits;                                                                      \
        l.field = value;                                                                           \
        assert_limit(*state, text, &l, want);                                                      \
    } while (0)
    LIMITED(bytes, 10, "[ 1, 2, 3 ]", "file: it has 11 bytes, more than the 10 allowed");
    LIMITED(nodes, 3, "[1, 2, 3]", "file:1:8: the file has more than 3 values");
    LIMITED(text, 3, "[1, 1234]", "file:1:5: a text is longer than 3 bytes");
    LIMITED(depth, 3, "[[[[]]]]", "file:1:4: lists and maps are nested more than 3 deep");
    LIMITED(shared, 5, "[&a [1, 2], *a, *a]", "file:1:17: aliases stand for more than 5 values");
    LIMITED(cidrs, 2, "version: 1\nprefixes: [10.0.0.0/8, 11.0.0.0/8, 12.0.0.0/8]",
            "file:2:36: prefixes[2] is one too many: a file may have 2 CIDRs");
    LIMITED(includes, 0, "version: 1\ninclude: []", "file:2:10: include is one too many");
    put("file2", "[]");
    LIMITED(files, 1, "[]", "The inventory has more than 1 files");
}

/* Ten levels of ten aliases each: small in the file, 10^10 when written out. */
static void laughs_are_few(void **state)
{
    char text[4096] = "a0: &a0 x\n";
    for (int level = 1; level < 11; level++) {
        sprintf(text + strlen(text), "a%d: &a%d [", level, level);
        for (int i = 0; i < 10; i++)
            sprintf(text + strlen(text), "*a%d, ", level - 1);
        strcat(text, "]\n");
    }
    assert_refuses(*state, text, "aliases stand for more than 10000 values");
}

static void a_file_of_many_keys(void **state)
{
    char *text = malloc(3000000), *at = text;
    for (int i = 0; i < 100000; i++)
        at += sprintf(at, "key-%d: 1\n", i);
    sprintf(at, "key-99: 1\n");
    assert_refuses(*state, text,
                   "file:100001:1: the key \"key-99\" is there twice, first in line "
                   "100");
    free(text);
}

static void memory_that_runs_out(void **state)
{
    struct fixture *f = *state;
    const char *pattern = "a";
    put("a", OWN "covers: [{region: x}]\ninclude: [b, c]\nnetworks:\n"
                 "- {id: n, cidrs: [10.0.0.0/8], tags: {a: b}}\n");
    put("b", "Vpcs: [" DESCRIBED_VPC "]");
    put("c", "- {prefix: 10.0.0.0/8, tags: [a]}\n- {prefix: x}\n");
    bool noticed = true;
    size_t n = 0;
    for (; noticed; n++) {
        struct arena *arena = arena_new();
        struct sightings *s = sightings_new();
        struct diags d;
        jmp_buf guard;
        diags_init(&d, arena);
        if (setjmp(guard) == 0) {
            arena_guard(arena, &guard);
            arena_fail_after(n + 1);
            assert_false(inventory_load(s, &d, &pattern, 1));
            noticed = !strstr(d.last->detail, "[1].prefix = \"x\"");
        }
        arena_fail_after(0);
        sightings_free(s);
        arena_free(arena);
    }
    assert_true(n > 20);
    assert_int_equal(f->diags.errors, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_own_format),
        TEST(described_vpcs),
        TEST(described_as_a_list),
        TEST(described_in_yaml_with_ipv6),
        TEST(described_subnets),
        TEST(the_region_of_a_vpc),
        TEST(covers_beside_a_foreign_format),
        TEST(covers_of_several_regions_give_none),
        TEST(covers_of_everything),
        TEST(netbox_as_yaml),
        TEST(netbox_as_documents),
        TEST(netbox_as_an_answer),
        TEST(a_file_says_what_others_lack),
        TEST(included_twice),
        TEST(files_that_include_each_other_end),
        TEST(the_first_error_of_each_file),
        TEST(files_that_are_not_there),
        TEST(errors_name_their_place),
        TEST(an_utf16_file_of_another_system),
        TEST(aliases_within_reason),
        TEST(limits_hold),
        TEST(laughs_are_few),
        TEST(a_file_of_many_keys),
        TEST(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
