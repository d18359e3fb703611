/*
 * hydration - how long does it take to know everything, and how much memory?
 *
 *   hydration states [STATES RESOURCES]   an estate of that many states (1000, 100 resources each)
 *   hydration inventory [LINES]           an inventory of that many lines (1,000,000)
 *
 * The states are written to a folder first. A quarter of what each holds are VPCs, a third of which
 * draw from a pool of the own state; the others and all subnets are another provider's, with the
 * attributes and tags that the AWS provider writes. What is timed (CPU) is what a configured
 * provider does: find the files by a pattern, read and parse them, load what is ours, discover what
 * is not. The ratio is to the library alone on the same bytes, json-c for states and libyaml for
 * the inventory, so it tells what the rest costs. Peaks are VmHWM before that comparison.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <yaml.h>

#include "provider/estate.h"
#include "provider/inventory.h"
#include "provider/state_internal.h"

#define POOL  "ipam-pool-0aaaaaaaaaaaaaaaa"
#define SCOPE "ipam-scope-0aaaaaaaaaaaaaaaa"

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "hydration: %s failed\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Peak of this process, in megabytes. */
static double peak_mb(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long kib = 0;
    require(f != NULL, "/proc/self/status");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lu", &kib) == 1)
            break;
    fclose(f);
    return (double)kib * 1024 / 1e6;
}

/* --- making states --- */

static void begin_resource(FILE *f, bool first, const char *type, const char *name,
                           const char *provider)
{
    fprintf(f,
            "%s\n    {\n      \"mode\": \"managed\",\n      \"type\": \"%s\",\n      \"name\": "
            "\"%s\",\n      \"provider\": \"provider[\\\"%s\\\"]\",\n      \"instances\": [\n"
            "        {\n          \"schema_version\": 1,\n          \"attributes\": {\n",
            first ? "" : ",", type, name, provider);
}

static void end_resource(FILE *f)
{
    fputs("\n          },\n          \"sensitive_attributes\": [],\n          \"private\": "
          "\"eyJzY2hlbWFfdmVyc2lvbiI6IjEifQ==\"\n        }\n      ]\n    }",
          f);
}

static void attribute(FILE *f, const char *name, const char *value)
{
    fprintf(f, "            \"%s\": \"%s\",\n", name, value);
}

/* What the AWS provider writes for a VPC, more or less. */
static void write_vpc(FILE *f, size_t state, size_t n, bool first, bool ours)
{
    char name[32], id[64], cidr[64], text[128];
    snprintf(name, sizeof name, "r%zu", n);
    snprintf(id, sizeof id, "vpc-%08zx%09zx", state, n);
    snprintf(cidr, sizeof cidr, "10.%zu.%zu.0/24", state % 250, n % 250);
    begin_resource(f, first, ours ? "ipam_vpc" : "aws_vpc", name,
                   ours ? "terraform.local/ipam/ipam" : "registry.terraform.io/hashicorp/aws");
    snprintf(text, sizeof text, "arn:aws:ec2:eu-west-1:%012zu:vpc/%s", state, id);
    attribute(f, "arn", text);
    attribute(f, "cidr_block", cidr);
    attribute(f, "default_network_acl_id", "acl-0123456789abcdef0");
    attribute(f, "default_route_table_id", "rtb-0123456789abcdef0");
    attribute(f, "default_security_group_id", "sg-0123456789abcdef0");
    attribute(f, "dhcp_options_id", "dopt-0123456789abcdef0");
    attribute(f, "id", id);
    attribute(f, "instance_tenancy", "default");
    attribute(f, "ipv4_ipam_pool_id", ours ? POOL : "");
    attribute(f, "ipv6_cidr_block", "");
    attribute(f, "main_route_table_id", "rtb-0123456789abcdef0");
    snprintf(text, sizeof text, "%012zu", state);
    attribute(f, "owner_id", text);
    attribute(f, "region", "eu-west-1");
    fputs("            \"enable_dns_hostnames\": true,\n            \"enable_dns_support\": true,\n"
          "            \"tags\": {\n              \"Environment\": \"prod\",\n              "
          "\"Name\": \"net\"\n            },\n            \"tags_all\": {\n              "
          "\"Environment\": \"prod\",\n              \"Name\": \"net\"\n            }",
          f);
    end_resource(f);
}

static void write_subnet(FILE *f, size_t state, size_t n)
{
    char name[32], text[128];
    snprintf(name, sizeof name, "r%zu", n);
    begin_resource(f, false, "aws_subnet", name, "registry.terraform.io/hashicorp/aws");
    snprintf(text, sizeof text, "arn:aws:ec2:eu-west-1:%012zu:subnet/subnet-%zu-%zu", state, state,
             n);
    attribute(f, "arn", text);
    attribute(f, "availability_zone", "eu-west-1a");
    attribute(f, "availability_zone_id", "euw1-az1");
    snprintf(text, sizeof text, "10.%zu.%zu.0/26", state % 250, n % 250);
    attribute(f, "cidr_block", text);
    snprintf(text, sizeof text, "subnet-%08zx%09zx", state, n);
    attribute(f, "id", text);
    snprintf(text, sizeof text, "%012zu", state);
    attribute(f, "owner_id", text);
    snprintf(text, sizeof text, "vpc-%08zx%09zx", state, n - n % 4);
    attribute(f, "vpc_id", text);
    fputs("            \"map_public_ip_on_launch\": false,\n            \"tags\": {\n"
          "              \"Name\": \"net-a\"\n            },\n            \"tags_all\": {\n"
          "              \"Name\": \"net-a\"\n            }",
          f);
    end_resource(f);
}

static FILE *begin_state(const char *path)
{
    FILE *f = fopen(path, "w");
    require(f != NULL, "writing a state");
    fprintf(f,
            "{\n  \"version\": 4,\n  \"terraform_version\": \"1.9.0\",\n  \"serial\": 7,\n"
            "  \"lineage\": \"lineage-%s\",\n  \"outputs\": {},\n  \"resources\": [",
            path);
    return f;
}

static void end_state(FILE *f)
{
    fputs("\n  ],\n  \"check_results\": null\n}\n", f);
    require(fclose(f) == 0, "writing a state");
}

static void write_own_state(void)
{
    FILE *f = begin_state("terraform.tfstate");
    begin_resource(f, true, "ipam", "main", "terraform.local/ipam/ipam");
    attribute(f, "id", "ipam-0aaaaaaaaaaaaaaaa");
    attribute(f, "private_default_scope_id", SCOPE);
    fputs("            \"public_default_scope_id\": \"ipam-scope-0bbbbbbbbbbbbbbbb\"", f);
    end_resource(f);
    begin_resource(f, false, "ipam_pool", "main", "terraform.local/ipam/ipam");
    attribute(f, "id", POOL);
    attribute(f, "ipam_scope_id", SCOPE);
    fputs("            \"address_family\": \"ipv4\"", f);
    end_resource(f);
    begin_resource(f, false, "ipam_pool_cidr", "main", "terraform.local/ipam/ipam");
    attribute(f, "id", "10.0.0.0/8_" POOL);
    attribute(f, "ipam_pool_id", POOL);
    fputs("            \"cidr\": \"10.0.0.0/8\"", f);
    end_resource(f);
    end_state(f);
}

static void write_states(size_t states, size_t resources)
{
    char path[64];
    write_own_state();
    for (size_t s = 1; s < states; s++) {
        snprintf(path, sizeof path, "state-%zu.tfstate", s);
        FILE *f = begin_state(path);
        for (size_t n = 0; n < resources; n++)
            if (n % 4 == 0)
                write_vpc(f, s, n, n == 0, n % 12 == 0);
            else
                write_subnet(f, s, n);
        end_state(f);
    }
}

/* --- timing --- */

struct timing {
    double whole, bare; /* seconds of CPU */
    double peak;        /* megabytes */
    double bytes;
};

static void report(const char *what, const char *library, const struct timing *t)
{
    printf("%-10s %8.1f MB %8.2f s %8.1f MB/s   %s alone %6.2f s, ratio %.2f   peak %.0f MB\n",
           what, t->bytes / 1e6, t->whole, t->bytes / 1e6 / t->whole, library, t->bare,
           t->whole / t->bare, t->peak);
}

static double parse_states(size_t states, double *bytes)
{
    char path[64], error[256];
    double begun = now_s();
    for (size_t s = 1; s < states; s++) {
        struct buffer b = {0};
        snprintf(path, sizeof path, "state-%zu.tfstate", s);
        require(file_slurp(path, STATE_MAX_BYTES, &b), path);
        struct json_object *o = state_json_object(b.data, b.len, error, sizeof error);
        require(o != NULL, error);
        json_object_put(o);
        *bytes += (double)b.len;
        buffer_free(&b);
    }
    return now_s() - begun;
}

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void hydrate(struct arena *a, struct estate *e)
{
    struct diags d;
    char error[256];
    struct buffer b = {0};
    diags_init(&d, a);
    require(file_slurp("terraform.tfstate", STATE_MAX_BYTES, &b), "reading the own state");
    struct state *own = state_parse(b.data, b.len, "own", "terraform.tfstate", error, sizeof error);
    require(own != NULL, error);
    require(estate_hydrate(e, own, &d), "hydrating");
    const struct claims_options options = {.lineage = state_lineage(own), .lock_timeout_ms = 1000};
    e->state_path = "terraform.tfstate";
    e->claims = claims_new(e, &options);
    const struct value_member path[] = {{"path", value_string(a, "state-*.tfstate")}};
    const struct value *block = value_map(a, path, 1);
    const struct value blocks = {.kind = VALUE_SEQ, .seq = {.items = &block, .count = 1}};
    require(claims_configure_estate(e->claims, &d, &blocks), "finding the states");
    for (;;) {
        enum state_status s = claims_join(e->claims, &d, clock_ms());
        require(s != STATE_FAILED, d.first ? d.first->detail : "joining");
        if (s == STATE_READY)
            break;
        usleep(200);
    }
    state_free(own);
    buffer_free(&b);
}

static bool count_one(void *ctx, const struct allocation *a)
{
    (void)a;
    ++*(size_t *)ctx;
    return true;
}

static void bench_states(size_t states, size_t resources)
{
    struct timing t = {0};
    size_t allocations = 0;
    struct arena *a = arena_new();
    struct estate *e = estate_new();
    write_states(states, resources);
    require(a && e, "starting");
    double begun = now_s();
    hydrate(a, e);
    t.whole = now_s() - begun;
    t.peak = peak_mb();
    engine_each_allocation(e->engine, NULL, count_one, &allocations);
    printf("%zu states, %zu resources: %zu allocations, %zu networks of others\n", states,
           (states - 1) * resources, allocations, sightings_count(e->sightings));
    t.bare = parse_states(states, &t.bytes);
    report("states", "json-c", &t);
    estate_free(e);
    arena_free(a);
}

/* --- inventory --- */

static void write_inventory(size_t lines)
{
    FILE *f = fopen("inventory.yaml", "w");
    require(f != NULL, "writing the inventory");
    fputs("Vpcs:\n", f);
    for (size_t n = 0; n * 14 + 1 < lines; n++)
        fprintf(f,
                "- CidrBlock: 10.%zu.%zu.0/24\n"
                "  CidrBlockAssociationSet:\n"
                "  - AssociationId: vpc-cidr-assoc-%017zx\n"
                "    CidrBlock: 10.%zu.%zu.0/24\n"
                "    CidrBlockState:\n"
                "      State: associated\n"
                "  InstanceTenancy: default\n"
                "  IsDefault: false\n"
                "  OwnerId: '%012zu'\n"
                "  State: available\n"
                "  Tags:\n"
                "  - Key: Name\n"
                "    Value: net-%zu\n"
                "  VpcId: vpc-%017zx\n",
                n / 250 % 250, n % 250, n, n / 250 % 250, n % 250, n, n, n);
    require(fclose(f) == 0, "writing the inventory");
}

static double parse_yaml(double *bytes)
{
    struct buffer b = {0};
    yaml_parser_t parser;
    yaml_event_t event;
    require(file_slurp("inventory.yaml", 1u << 30, &b), "reading the inventory");
    *bytes = (double)b.len;
    double begun = now_s();
    require(yaml_parser_initialize(&parser), "libyaml");
    yaml_parser_set_input_string(&parser, (const unsigned char *)b.data, b.len);
    for (bool more = true; more;) {
        require(yaml_parser_parse(&parser, &event), "libyaml");
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    double took = now_s() - begun;
    buffer_free(&b);
    return took;
}

static void bench_inventory(size_t lines)
{
    static const char *const pattern[] = {"inventory.yaml"};
    struct arena *a = arena_new();
    struct sightings *s = sightings_new();
    struct diags d;
    struct timing t = {0};
    write_inventory(lines);
    require(a && s, "starting");
    diags_init(&d, a);
    double begun = now_s();
    require(inventory_load(s, &d, pattern, 1), d.first ? d.first->detail : "reading");
    t.whole = now_s() - begun;
    t.peak = peak_mb();
    printf("inventory of %zu lines: %zu networks\n", lines, sightings_count(s));
    t.bare = parse_yaml(&t.bytes);
    report("inventory", "libyaml", &t);
    sightings_free(s);
    arena_free(a);
}

static size_t number(char **argv, int argc, int i, size_t fallback)
{
    return i < argc ? strtoul(argv[i], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/hydration-XXXXXX", command[64];
    bool inventory = argc > 1 && strcmp(argv[1], "inventory") == 0;
    require(inventory || (argc > 1 && strcmp(argv[1], "states") == 0),
            "reading the arguments (states [STATES RESOURCES] | inventory [LINES])");
    require(mkdtemp(folder) && chdir(folder) == 0, "making a folder");
    if (inventory)
        bench_inventory(number(argv, argc, 2, 1000000));
    else
        bench_states(number(argv, argc, 2, 1000), number(argv, argc, 3, 100));
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) != 0;
}
