/*
 * What a plan leaves to its apply, in all orders that Terraform may choose.
 *
 * The real provider works in this process on a real state and a real journal; this side plays
 * Terraform: a session that plans, then one that applies. A call that waits gets its last attempt
 * after some virtual seconds, which is what the runtime does when all places are taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/cidr.h"
#include "proto/codec.h"
#include "proto/refinement.h"
#include "provider/estate.h"
#include "wire_calls.h"
#include "wire_inside.h"

#define OBJECTS 24

/* What the state holds. */
static struct {
    const char *type;
    char *json;
} objects[OBJECTS];
static size_t object_count;

struct fixture {
    char folder[64], before[4096];
    struct arena *arena;
    struct host_session session;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/forecast-test-XXXXXX");
    f->arena = arena_new();
    *state = f;
    unsetenv("TF_DATA_DIR");
    return mkdtemp(f->folder) && getcwd(f->before, sizeof f->before) && chdir(f->folder) == 0 &&
                   mkdir(".terraform", 0755) == 0
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    int failed = chdir(f->before) + system(command);
    while (object_count > 0)
        free(objects[--object_count].json);
    arena_free(f->arena);
    free(f);
    return failed;
}

static void store_state(void)
{
    FILE *out = fopen("terraform.tfstate", "w");
    assert_non_null(out);
    fprintf(out, "{\"version\":4,\"serial\":%zu,\"lineage\":\"one\",\"resources\":[",
            object_count + 1);
    for (size_t i = 0; i < object_count; i++)
        fprintf(out,
                "%s{\"mode\":\"managed\",\"type\":\"%s\",\"name\":\"x%zu\",\"provider\":"
                "\"provider[\\\"terraform.local/ipam/ipam\\\"]\",\"instances\":[{\"schema_version\""
                ":1,\"attributes\":%s}]}",
                i ? "," : "", objects[i].type, i, objects[i].json);
    fprintf(out, "]}\n");
    fclose(out);
}

static void begin(struct fixture *f)
{
    f->session = (struct host_session){
        .channel = host_inside(&ipam_provider), .arena = f->arena, .timeout_ms = 60000};
    struct host_answer a = host_load_schema(&f->session);
    assert_true(host_ok(&a));
    a = host_configure(&f->session, "{\"state\":[{\"path\":\"terraform.tfstate\"}]}");
    if (!host_ok(&a))
        fail_msg("%s", host_describe(f->arena, &a));
}

static void end(struct fixture *f)
{
    host_close(f->session.channel);
    f->session.channel = NULL;
}

/* A configuration, with one argument that Terraform evaluated. */
static const struct value *config(struct fixture *f, const char *type, const char *json,
                                  const char *name, const struct value *v)
{
    const struct value *c = host_object(&f->session, HOST_RESOURCE, type, json);
    return name ? value_set(f->arena, c, name, v) : c;
}

static struct host_answer plan(struct fixture *f, const char *type, const struct value *c)
{
    const struct host_change change = {.type_name = type, .proposed = c, .config = c};
    return host_plan(&f->session, &change);
}

static const struct value *plan_id(struct fixture *f, const char *type, const struct value *c)
{
    struct host_answer a = plan(f, type, c);
    if (!host_ok(&a))
        fail_msg("%s", host_describe(f->arena, &a));
    return value_get(a.state, "id");
}

static struct host_answer create(struct fixture *f, const char *type, const struct value *c)
{
    struct host_answer a = plan(f, type, c);
    const struct host_change change = {
        .type_name = type, .proposed = a.state, .config = c, .planned_private = a.private};
    return host_ok(&a) ? host_apply(&f->session, &change) : a;
}

/* The same, and Terraform stores it. */
static const struct value *made(struct fixture *f, const char *type, const struct value *c)
{
    struct host_answer a = create(f, type, c);
    if (!host_ok(&a))
        fail_msg("%s", host_describe(f->arena, &a));
    struct bytes json = json_encode(f->arena, host_type(&f->session, HOST_RESOURCE, type), a.state);
    assert_true(object_count < OBJECTS);
    objects[object_count].type = type;
    objects[object_count++].json = strndup((const char *)json.data, json.len);
    store_state();
    return a.state;
}

static struct cidr cidr_in(const struct value *object, const char *name)
{
    struct cidr c;
    const char *text = value_str(value_get(object, name), "");
    assert_int_equal(cidr_parse(text, strlen(text), &c), CIDR_OK);
    return c;
}

static const char ipam_json[] = "{\"operating_regions\":[{\"region_name\":\"us-east-1\"}]}";
static const char top_json[] =
    "{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\",\"description\":\"top\"}";
static const char below_json[] =
    "{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\",\"description\":\"below\"}";

static const struct value *pool_config(struct fixture *f, const char *json,
                                       const struct value *scope, const struct value *source)
{
    const struct value *c = config(f, "ipam_pool", json, "ipam_scope_id", scope);
    return source ? value_set(f->arena, c, "source_ipam_pool_id", source) : c;
}

static const struct value *cidr_config(struct fixture *f, const char *json,
                                       const struct value *pool)
{
    return config(f, "ipam_pool_cidr", json, "ipam_pool_id", pool);
}

static const struct value *vpc_config(struct fixture *f, const char *json, const struct value *pool)
{
    return config(f, "ipam_vpc", json, "ipv4_ipam_pool_id", pool);
}

/* IPAM, a pool with 10.0.0.0/16, one below with a /20 of it, and VPCs: planned as a whole. */
static void plan_all(struct fixture *f)
{
    begin(f);
    plan_id(f, "ipam", config(f, "ipam", ipam_json, NULL, NULL));
    const struct value *top =
        plan_id(f, "ipam_pool", pool_config(f, top_json, &value_unknown, NULL));
    assert_int_equal(strlen(unknown_prefix(f->arena, top)), 17);
    const struct value *below =
        plan_id(f, "ipam_pool", pool_config(f, below_json, &value_unknown, top));
    assert_int_equal(strlen(unknown_prefix(f->arena, below)), 17);
    assert_string_not_equal(unknown_prefix(f->arena, below), unknown_prefix(f->arena, top));
    plan_id(f, "ipam_vpc", vpc_config(f, "{\"ipv4_netmask_length\":24}", below));
    plan_id(f, "ipam_vpc", vpc_config(f, "{\"cidr_block\":\"10.0.16.0/24\"}", top));
    plan_id(f, "ipam_pool_cidr", cidr_config(f, "{\"netmask_length\":20}", below));
    plan_id(f, "ipam_pool_cidr", cidr_config(f, "{\"cidr\":\"10.0.0.0/16\"}", top));
    end(f);
}

static const struct value *scope_of(const struct value *ipam)
{
    return value_get(ipam, "private_default_scope_id");
}

/* Both pools are there, and nothing else. */
static void make_pools(struct fixture *f, const struct value **top, const struct value **below)
{
    const struct value *ipam = made(f, "ipam", config(f, "ipam", ipam_json, NULL, NULL));
    *top = value_get(made(f, "ipam_pool", pool_config(f, top_json, scope_of(ipam), NULL)), "id");
    *below =
        value_get(made(f, "ipam_pool", pool_config(f, below_json, scope_of(ipam), *top)), "id");
}

static void cidrs_are_given_ahead_of_their_turn(void **state)
{
    struct fixture *f = *state;
    const struct value *top, *below;
    plan_all(f);
    begin(f);
    make_pools(f, &top, &below);
    struct cidr vpc = cidr_in(
        made(f, "ipam_vpc", vpc_config(f, "{\"ipv4_netmask_length\":24}", below)), "cidr_block");
    uint64_t before = host_inside_now(f->session.channel);
    struct cidr second = cidr_in(
        made(f, "ipam_pool_cidr", cidr_config(f, "{\"netmask_length\":20}", below)), "cidr");
    struct cidr first = cidr_in(
        made(f, "ipam_pool_cidr", cidr_config(f, "{\"cidr\":\"10.0.0.0/16\"}", top)), "cidr");
    made(f, "ipam_vpc", vpc_config(f, "{\"cidr_block\":\"10.0.16.0/24\"}", top));
    assert_int_equal(host_inside_now(f->session.channel), before); /* nobody waited any more */
    assert_true(cidr_contains(&second, &vpc));
    assert_true(cidr_contains(&first, &second));
    end(f);
    begin(f); /* all of it fits together in the state */
    struct host_answer a =
        create(f, "ipam_pool_cidr", cidr_config(f, "{\"netmask_length\":20}", below));
    assert_true(host_ok(&a));
    struct cidr third = cidr_in(a.state, "cidr");
    assert_false(cidr_overlaps(&third, &second));
    end(f);
}

/* A CIDR that was given is given to its own request and no other. */
static void what_was_given_is_collected_once(void **state)
{
    struct fixture *f = *state;
    const struct value *top, *below;
    plan_all(f);
    begin(f);
    make_pools(f, &top, &below);
    made(f, "ipam_vpc", vpc_config(f, "{\"ipv4_netmask_length\":24}", below));
    const struct value *one =
        made(f, "ipam_pool_cidr", cidr_config(f, "{\"netmask_length\":20}", below));
    const struct value *two =
        made(f, "ipam_pool_cidr", cidr_config(f, "{\"netmask_length\":20}", below));
    struct cidr a = cidr_in(one, "cidr"), b = cidr_in(two, "cidr");
    assert_false(cidr_overlaps(&a, &b));
    end(f);
}

static void draws_keep_off_what_is_asked_for_by_name(void **state)
{
    struct fixture *f = *state;
    const struct value *top, *below;
    plan_all(f);
    begin(f);
    make_pools(f, &top, &below);
    made(f, "ipam_pool_cidr", cidr_config(f, "{\"cidr\":\"10.0.0.0/16\"}", top));
    for (int i = 0; i < 2; i++) { /* /20s: the second one would be 10.0.16.0/20 */
        struct host_answer a = create(
            f, "ipam_pool_cidr_allocation",
            config(f, "ipam_pool_cidr_allocation", "{\"netmask_length\":20}", "ipam_pool_id", top));
        assert_true(host_ok(&a));
        struct cidr c = cidr_in(a.state, "cidr");
        struct cidr wanted = cidr_make(FAMILY_V4, UINT64_C(0x0a001000) << 32, 0, 24);
        assert_false(cidr_overlaps(&c, &wanted));
    }
    made(f, "ipam_vpc", vpc_config(f, "{\"cidr_block\":\"10.0.16.0/24\"}", top));
    end(f);
}

/* Nothing is given without the plan, and the refusal is the true one. */
static void without_a_forecast_it_is_as_ever(void **state)
{
    struct fixture *f = *state;
    const struct value *top, *below;
    plan_all(f);
    assert_int_equal(system("rm .terraform/ipam-forecast.*"), 0);
    begin(f);
    make_pools(f, &top, &below);
    struct host_answer a =
        create(f, "ipam_vpc", vpc_config(f, "{\"ipv4_netmask_length\":24}", below));
    assert_int_equal(a.errors, 1);
    assert_non_null(strstr(a.diags[0].detail, "has no CIDR yet"));
    end(f);
}

/* What was drawn ahead outlives a run that ends before the CIDR's own request came. */
static void a_run_that_ends_early_leaves_nothing_to_give_twice(void **state)
{
    struct fixture *f = *state;
    const struct value *top, *below;
    plan_all(f);
    begin(f);
    make_pools(f, &top, &below);
    const struct value *ipam = host_object(&f->session, HOST_RESOURCE, "ipam", objects[0].json);
    struct cidr vpc = cidr_in(
        made(f, "ipam_vpc", vpc_config(f, "{\"ipv4_netmask_length\":24}", below)), "cidr_block");
    end(f);
    assert_int_equal(system("rm .terraform/ipam-forecast.* terraform.tfstate.ipam-claims"), 0);

    begin(f);
    made(f, "ipam_pool_cidr", cidr_config(f, "{\"cidr\":\"10.0.0.0/16\"}", top));
    const struct value *other =
        value_get(made(f, "ipam_pool",
                       pool_config(f, "{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\"}",
                                   scope_of(ipam), top)),
                  "id");
    struct cidr c = cidr_in(
        made(f, "ipam_pool_cidr", cidr_config(f, "{\"netmask_length\":20}", other)), "cidr");
    assert_false(cidr_overlaps(&c, &vpc));
    struct host_answer a =
        create(f, "ipam_pool_cidr", cidr_config(f, "{\"netmask_length\":20}", below));
    if (!host_ok(&a))
        fail_msg("%s", host_describe(f->arena, &a));
    c = cidr_in(a.state, "cidr");
    assert_true(cidr_contains(&c, &vpc)); /* it takes in what its pool holds already */
    end(f);
}

/* --- removing --- */

struct removal {
    size_t object;
    struct bytes private;
};

static struct removal plan_removal(struct fixture *f, size_t i)
{
    const struct value *prior =
        host_object(&f->session, HOST_RESOURCE, objects[i].type, objects[i].json);
    const struct host_change change = {.type_name = objects[i].type,
                                       .prior = prior,
                                       .proposed = &value_null,
                                       .config = &value_null};
    struct host_answer a = host_plan(&f->session, &change);
    if (!host_ok(&a))
        fail_msg("%s", host_describe(f->arena, &a));
    return (struct removal){i,
                            {arena_memdup(f->arena, a.private.data, a.private.len), a.private.len}};
}

static struct host_answer remove_object(struct fixture *f, const struct removal *r)
{
    const struct host_change change = {.type_name = objects[r->object].type,
                                       .prior = host_object(&f->session, HOST_RESOURCE,
                                                            objects[r->object].type,
                                                            objects[r->object].json),
                                       .proposed = &value_null,
                                       .config = &value_null,
                                       .planned_private = r->private};
    return host_apply(&f->session, &change);
}

/* 0 IPAM, 1 and 2 pools, 3 and 4 their CIDRs, 5 VPC in the pool below. */
static void make_all(struct fixture *f)
{
    const struct value *top, *below;
    begin(f);
    make_pools(f, &top, &below);
    made(f, "ipam_pool_cidr", cidr_config(f, "{\"cidr\":\"10.0.0.0/16\"}", top));
    made(f, "ipam_pool_cidr", cidr_config(f, "{\"netmask_length\":20}", below));
    made(f, "ipam_vpc", vpc_config(f, "{\"ipv4_netmask_length\":24}", below));
    end(f);
}

static void a_cidr_goes_before_what_is_in_it(void **state)
{
    struct fixture *f = *state;
    static const size_t order[] = {3, 4, 5, 2, 1, 0};
    struct removal removals[6];
    make_all(f);
    begin(f);
    for (size_t i = 0; i < 6; i++)
        removals[i] = plan_removal(f, i);
    end(f);
    begin(f);
    for (size_t i = 0; i < 6; i++) {
        uint64_t before = host_inside_now(f->session.channel);
        struct host_answer a = remove_object(f, &removals[order[i]]);
        if (!host_ok(&a))
            fail_msg("%s: %s", objects[order[i]].type, host_describe(f->arena, &a));
        if (i > 0)
            assert_int_equal(host_inside_now(f->session.channel), before);
    }
    end(f);
}

static void a_cidr_stays_when_something_in_it_does(void **state)
{
    struct fixture *f = *state;
    make_all(f);
    begin(f);
    struct removal top = plan_removal(f, 3), below = plan_removal(f, 4);
    end(f);
    begin(f);
    struct host_answer a = remove_object(f, &below);
    assert_int_equal(a.errors, 1);
    assert_non_null(strstr(a.diags[0].detail, "vpc-0"));
    a = remove_object(f, &top); /* the CIDR below is on the list, and will not go all the same */
    assert_int_equal(a.errors, 1);
    end(f);
}

/* The list of one plan does not serve the removal of another. */
static void a_removal_goes_by_its_own_plan(void **state)
{
    struct fixture *f = *state;
    make_all(f);
    begin(f);
    plan_removal(f, 5);
    struct removal r = plan_removal(f, 4);
    end(f);
    r.private = (struct bytes){(const uint8_t *)"ipam:departure\nt 0123456789abcdef\n", 34};
    begin(f);
    struct host_answer a = remove_object(f, &r);
    assert_int_equal(a.errors, 1);
    end(f);
}

/* What still stands in a CIDR that went holds its space, in this run and after it. */
static void what_is_left_behind_is_given_to_nobody(void **state)
{
    struct fixture *f = *state;
    struct host_answer a;
    make_all(f);
    begin(f);
    struct removal below = plan_removal(f, 4);
    plan_removal(f, 5);
    struct cidr vpc = cidr_in(
        host_object(&f->session, HOST_RESOURCE, objects[5].type, objects[5].json), "cidr_block");
    const struct value *top =
        value_get(host_object(&f->session, HOST_RESOURCE, objects[1].type, objects[1].json), "id");
    end(f);
    begin(f);
    a = remove_object(f, &below);
    assert_true(host_ok(&a));
    free(objects[4].json); /* the VPC takes its place in the state */
    objects[4] = objects[5];
    object_count--;
    store_state();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            a = create(f, "ipam_pool_cidr_allocation",
                       config(f, "ipam_pool_cidr_allocation", "{\"netmask_length\":24}",
                              "ipam_pool_id", top));
            assert_true(host_ok(&a));
            struct cidr c = cidr_in(a.state, "cidr");
            assert_false(cidr_overlaps(&c, &vpc));
        }
        end(f);
        if (round == 0) { /* the run is gone */
            assert_int_equal(system("rm .terraform/ipam-forecast.* *.ipam-claims"), 0);
            begin(f);
        }
    }
}

static void files_that_are_no_forecasts_say_nothing(void **state)
{
    struct fixture *f = *state;
    static const char *const contents[] = {"",
                                           "\n",
                                           "{\n",
                                           "[]\np x y\n",
                                           "{\"forecast\":\"x\",\"form\":2}\n",
                                           "{\"forecast\":7,\"form\":1}\nc ipam-pool-0123456 /8\n",
                                           "\xff\xfe\n\n\n"};
    const struct value *top, *below;
    plan_all(f);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        char path[64];
        snprintf(path, sizeof path, ".terraform/ipam-forecast.%zu", i + 1);
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs(contents[i], out);
        fclose(out);
    }
    FILE *out = fopen(".terraform/ipam-forecast.0", "a"); /* lines that are none */
    assert_non_null(out);
    fputs("c\nc ipam-pool-0123456\nc x /8\nc ipam-pool-01234567 /x\ni ipam-pool-01234567 1.2.3.4\n"
          "p ipam-pool-0123456\nd \nz\n\nc ipam-pool-01234567 /999\nc ipam-pool-0123",
          out);
    fclose(out);
    begin(f);
    make_pools(f, &top, &below);
    made(f, "ipam_vpc", vpc_config(f, "{\"ipv4_netmask_length\":24}", below));
    end(f);
}

/* More plans than there are files: the newest ones are kept. */
static void old_forecasts_make_room(void **state)
{
    struct fixture *f = *state;
    const struct value *top, *below;
    for (int i = 0; i < 18; i++) {
        begin(f);
        plan_id(f, "ipam", config(f, "ipam", ipam_json, NULL, NULL));
        end(f);
    }
    struct stat st;
    assert_int_equal(stat(".terraform/ipam-forecast.15", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_not_equal(stat(".terraform/ipam-forecast.16", &st), 0);
    assert_int_equal(system("rm .terraform/*"), 0);
    plan_all(f);
    begin(f);
    make_pools(f, &top, &below);
    made(f, "ipam_vpc", vpc_config(f, "{\"ipv4_netmask_length\":24}", below));
    end(f);
}

/* --- any history --- */

/*
 * Pools A and B below the top, C below A; each has a CIDR and three VPCs. A history lets run after
 * run make what is missing or remove some of what is there, in any order that the references allow;
 * runs end at any step, before or after the last answer was stored.
 */
enum kind { POOL, CIDR, VPC, VPC_2, VPC_3, KINDS };
#define POOLS 3
#define ITEMS (POOLS * KINDS)

struct item {
    bool there;
    const struct value *state; /* when it is there */
    const struct value *id;    /* in a plan: what others refer to */
    struct bytes removal;
};

static struct item items[ITEMS];
static const struct value *top_id, *scope_id;
static uint32_t sequence;
static unsigned refused, completed, ended_early;

static const char *const kind_types[KINDS] = {"ipam_pool", "ipam_pool_cidr", "ipam_vpc", "ipam_vpc",
                                              "ipam_vpc"};
static const int source_pools[POOLS] = {-1, -1, 0};
static const char *const item_json[POOLS][KINDS] = {
    {"{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\",\"description\":\"A\"}",
     "{\"netmask_length\":20}", "{\"ipv4_netmask_length\":26}", "{\"ipv4_netmask_length\":24}",
     "{\"ipv4_netmask_length\":23}"},
    {"{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\",\"description\":\"B\"}",
     "{\"cidr\":\"10.0.0.0/21\"}", "{\"ipv4_netmask_length\":26}",
     "{\"cidr_block\":\"10.0.0.0/24\"}", "{\"ipv4_netmask_length\":23}"},
    {"{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\",\"description\":\"C\"}",
     "{\"netmask_length\":23}", "{\"ipv4_netmask_length\":26}", "{\"ipv4_netmask_length\":25}",
     "{\"ipv4_netmask_length\":26}"}};

static uint32_t any(uint32_t below)
{
    sequence = sequence * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)sequence * below) >> 32);
}

static struct item *item_of(int pool, int kind)
{
    return &items[pool * KINDS + kind];
}

static const struct value *pool_value(int pool)
{
    return pool < 0 ? top_id : item_of(pool, POOL)->id;
}

static const struct value *item_config(struct fixture *f, int i)
{
    int pool = i / KINDS, kind = i % KINDS;
    const char *json = item_json[pool][kind];
    if (kind == POOL)
        return pool_config(f, json, scope_id, pool_value(source_pools[pool]));
    return kind == CIDR ? cidr_config(f, json, pool_value(pool))
                        : vpc_config(f, json, pool_value(pool));
}

static void store_items(struct fixture *f)
{
    while (object_count > 3)
        free(objects[--object_count].json);
    for (int i = 0; i < ITEMS; i++) {
        if (!items[i].there)
            continue;
        const char *type = kind_types[i % KINDS];
        struct bytes json =
            json_encode(f->arena, host_type(&f->session, HOST_RESOURCE, type), items[i].state);
        objects[object_count].type = type;
        objects[object_count++].json = strndup((const char *)json.data, json.len);
    }
    store_state();
}

static bool cidr_of_item(int i, struct cidr *out)
{
    if (!items[i].there || i % KINDS == POOL)
        return false;
    *out = cidr_in(items[i].state, i % KINDS == CIDR ? "cidr" : "cidr_block");
    return true;
}

static bool is_in(int pool, int above)
{
    while (pool >= 0 && pool != above)
        pool = source_pools[pool];
    return pool == above;
}

/* The rule that nothing may ever break: who is not inside the other does not overlap it. */
static void check_items(void)
{
    struct cidr a, b;
    for (int i = 0; i < ITEMS; i++)
        for (int j = 0; j < i; j++) {
            if (!cidr_of_item(i, &a) || !cidr_of_item(j, &b) || !cidr_overlaps(&a, &b))
                continue;
            bool holds = (i % KINDS == CIDR && is_in(j / KINDS, i / KINDS)) ||
                         (j % KINDS == CIDR && is_in(i / KINDS, j / KINDS));
            if (!holds)
                fail_msg("items %d and %d overlap", i, j);
        }
}

/* Does everything lie in a CIDR of its pool? Not after a run that ended early. */
static bool is_tidy(void)
{
    struct cidr c, pool;
    for (int i = 0; i < ITEMS; i++) {
        int holder = i % KINDS == CIDR ? source_pools[i / KINDS] : i / KINDS;
        if (holder >= 0 && cidr_of_item(i, &c) &&
            !(cidr_of_item(holder * KINDS + CIDR, &pool) && cidr_contains(&pool, &c)))
            return false;
    }
    return true;
}

/* Of what is not to go in this run, does something draw from the CIDR? */
static bool somebody_stays(int cidr, const bool *planned)
{
    for (int j = 0; j < ITEMS; j++) {
        bool vpc = j / KINDS == cidr / KINDS && j % KINDS >= VPC;
        bool below = j % KINDS == CIDR && source_pools[j / KINDS] == cidr / KINDS;
        if (items[j].there &&
            ((vpc && !planned[j]) || (below && (!planned[j] || somebody_stays(j, planned)))))
            return true;
    }
    return false;
}

static bool may_make(int i)
{
    int needs = i % KINDS == POOL ? source_pools[i / KINDS] : i / KINDS;
    return !items[i].there && (needs < 0 || item_of(needs, POOL)->there);
}

static bool may_go(int i)
{
    for (int j = 0; i % KINDS == POOL && j < ITEMS; j++)
        if (items[j].there && i != j &&
            (j / KINDS == i / KINDS || (j % KINDS == POOL && source_pools[j / KINDS] == i / KINDS)))
            return false;
    return items[i].there;
}

static int any_of(const bool *candidates)
{
    int found[ITEMS], n = 0;
    for (int i = 0; i < ITEMS; i++)
        if (candidates[i])
            found[n++] = i;
    return n ? found[any((uint32_t)n)] : -1;
}

/* One answer and what Terraform makes of it. False: the run is killed. */
static bool take_step(struct fixture *f, int i, const bool *planned, bool remove)
{
    struct host_answer a;
    if (remove) {
        const struct host_change change = {.type_name = kind_types[i % KINDS],
                                           .prior = items[i].state,
                                           .proposed = &value_null,
                                           .config = &value_null,
                                           .planned_private = items[i].removal};
        a = host_apply(&f->session, &change);
    } else {
        a = create(f, kind_types[i % KINDS], item_config(f, i));
    }
    if (any(16) == 0)
        return false; /* before it was stored */
    if (!host_ok(&a) && !(remove && i % KINDS == CIDR && somebody_stays(i, planned)))
        fail_msg("item %d: %s", i, host_describe(f->arena, &a));
    refused += !host_ok(&a);
    if (host_ok(&a)) {
        items[i].there = !remove;
        items[i].state = remove ? NULL : a.state;
        if (i % KINDS == POOL && !remove)
            items[i].id = value_get(a.state, "id");
        check_items();
        store_items(f);
    }
    return any(16) != 0;
}

/* What waits for its turn is taken in any order. */
static bool apply_items(struct fixture *f, const bool *planned, bool remove)
{
    bool due[ITEMS];
    memcpy(due, planned, sizeof due);
    for (;;) {
        bool ready[ITEMS];
        for (int i = 0; i < ITEMS; i++)
            ready[i] = due[i] && (remove ? may_go(i) : may_make(i));
        int i = any_of(ready);
        if (i < 0)
            return true;
        due[i] = false;
        if (!take_step(f, i, planned, remove))
            return false;
    }
}

static void plan_items(struct fixture *f, const bool *due, bool remove)
{
    for (int i = 0; i < ITEMS; i++) {
        if (!due[i])
            continue;
        if (remove) {
            const struct host_change change = {.type_name = kind_types[i % KINDS],
                                               .prior = items[i].state,
                                               .proposed = &value_null,
                                               .config = &value_null};
            struct host_answer a = host_plan(&f->session, &change);
            items[i].removal = a.private;
            continue;
        }
        struct host_answer a = plan(f, kind_types[i % KINDS], item_config(f, i));
        if (i % KINDS == POOL)
            items[i].id = host_ok(&a) ? value_get(a.state, "id") : &value_unknown;
    }
}

static void one_run(struct fixture *f, bool remove)
{
    bool due[ITEMS], tidy = is_tidy();
    for (int i = 0; i < ITEMS; i++)
        due[i] = remove ? items[i].there && any(3) > 0 : !items[i].there;
    for (int round = 0; remove && round < ITEMS; round++)
        for (int i = 0; i < ITEMS; i += KINDS) /* a pool goes with all that refers to it */
            for (int j = 0; j < ITEMS; j++)
                if (items[j].there && !due[j] && j != i &&
                    (j / KINDS == i / KINDS ||
                     (j % KINDS == POOL && source_pools[j / KINDS] == i / KINDS)))
                    due[i] = false;
    begin(f);
    plan_items(f, due, remove);
    end(f);
    begin(f);
    bool whole = apply_items(f, due, remove);
    end(f);
    ended_early += !whole;
    completed += whole;
    for (int i = 0; whole && !remove && i < ITEMS; i++)
        assert_true(items[i].there);
    assert_true(!whole || !tidy || is_tidy());
    /* The run is gone, with what only it knew; this process, its Terraform, is not. */
    unlink("terraform.tfstate.ipam-claims");
    for (int n = 0; n < 16; n++) {
        char path[64];
        snprintf(path, sizeof path, ".terraform/ipam-forecast.%d", n);
        unlink(path);
    }
}

static void in_any_history_nothing_is_given_twice(void **state)
{
    struct fixture *f = *state;
    const char *given = getenv("TEST_SEED");
    sequence = given ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
    printf("TEST_SEED=%u\n", sequence);
    begin(f);
    const struct value *ipam = made(f, "ipam", config(f, "ipam", ipam_json, NULL, NULL));
    scope_id = scope_of(ipam);
    top_id = value_get(made(f, "ipam_pool", pool_config(f, top_json, scope_id, NULL)), "id");
    made(f, "ipam_pool_cidr", cidr_config(f, "{\"cidr\":\"10.0.0.0/16\"}", top_id));
    end(f);
    for (int history = 0; history < 30; history++)
        for (int run = 0; run < 4; run++)
            one_run(f, any(2) == 0);
    printf("%u runs complete, %u ended early, %u refusals\n", completed, ended_early, refused);
    assert_true(completed > 0 && ended_early > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cidrs_are_given_ahead_of_their_turn),
        TEST(what_was_given_is_collected_once),
        TEST(draws_keep_off_what_is_asked_for_by_name),
        TEST(without_a_forecast_it_is_as_ever),
        TEST(a_run_that_ends_early_leaves_nothing_to_give_twice),
        TEST(a_cidr_goes_before_what_is_in_it),
        TEST(a_cidr_stays_when_something_in_it_does),
        TEST(a_removal_goes_by_its_own_plan),
        TEST(what_is_left_behind_is_given_to_nobody),
        TEST(files_that_are_no_forecasts_say_nothing),
        TEST(old_forecasts_make_room),
        TEST(in_any_history_nothing_is_given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
