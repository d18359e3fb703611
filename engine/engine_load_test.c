/*
 * Tests of loading: any order, every contradiction kept and reported, nothing of it issued again;
 * and of the audit.
 */
#include "engine/engine_fixture.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

static const struct allocation *held(struct engine *e, const char *id)
{
    const struct allocation *a = engine_allocation(e, id);
    assert_non_null(a);
    return a;
}

static void expect_taken(struct engine *e, const char *pool, const char *cidr, const char *holder)
{
    struct refusal why;
    const struct allocation *a;
    struct allocation_request r = custom("new", pool, cidr, -1);
    must_refuse(REFUSAL_TAKEN, true, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.other_id, holder);
    assert_string_equal(why.id, pool);
}

static void test_child_before_parent(void **state)
{
    (void)state;
    struct engine *e = engine_new();
    struct ipam_info info = an_ipam();
    load(e, "vpc", "low", "10.0.0.0/24");
    load_cidr(e, "low", "10.0.0.0/20", "link-low");
    load_cidr(e, "middle", "10.0.0.0/16", NULL);
    load_pool(e, "low", "middle");
    load_pool(e, "middle", "top");
    assert_false(pool_is_known(engine_pool(e, "top")));
    load_pool(e, "top", NULL);
    load_cidr(e, "top", "10.0.0.0/8", "ignored");
    must(engine_load_ipam(e, &info));
    settle(e);
    assert_int_equal(pool_depth(engine_pool(e, "low")), 3);
    assert_string_equal(pool_info(held(e, "link-low")->pool)->id, "middle");
    const struct allocation *link = held(e, "10.0.0.0/16_middle");
    assert_string_equal(link->resource_id, "middle");
    assert_false(link->conflicting);
    assert_null(engine_allocation(e, "ignored"));
    assert_cidr(&allocate(e, "a", "middle", NULL, 20)->cidr, "10.0.16.0/20");
    assert_cidr(&allocate(e, "b", "low", NULL, 24)->cidr, "10.0.1.0/24");
    engine_free(e);
}

static void test_overlaps_are_kept(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    load_pool(e, "p", NULL);
    load_cidr(e, "p", "10.0.0.0/16", NULL);
    load(e, "inner", "p", "10.0.1.0/24");
    load(e, "outer", "p", "10.0.0.0/20");
    load(e, "twin", "p", "10.0.0.0/20");
    load(e, "deep", "p", "10.0.1.128/25");
    settle(e);
    assert_false(held(e, "outer")->conflicting);
    assert_true(held(e, "twin")->conflicting);
    assert_true(held(e, "inner")->conflicting);
    assert_int_equal(pool_allocation_count(engine_pool(e, "p")), 4);
    struct cidr c = C("10.0.0.0/20");
    assert_string_equal(engine_allocation_at(e, "p", &c)->id, "outer");
    c = C("10.0.1.0/24");
    assert_string_equal(engine_allocation_at(e, "p", &c)->id, "inner");
    expect_taken(e, "p", "10.0.1.0/26", "outer");
    assert_cidr(&allocate(e, "a", "p", NULL, 24)->cidr, "10.0.16.0/24");

    must(engine_release(e, "outer", &why)); /* the twin takes over */
    assert_true(engine_check(e));
    assert_false(held(e, "twin")->conflicting);
    expect_taken(e, "p", "10.0.1.0/26", "twin");
    must(engine_release(e, "twin", &why)); /* now the inner one */
    assert_true(engine_check(e));
    assert_false(held(e, "inner")->conflicting);
    assert_true(held(e, "deep")->conflicting);
    expect_taken(e, "p", "10.0.1.0/26", "inner");
    assert_cidr(&allocate(e, "b", "p", NULL, 24)->cidr, "10.0.0.0/24");
    assert_cidr(&allocate(e, "c", "p", NULL, 24)->cidr, "10.0.2.0/24");
    must(engine_release(e, "inner", &why));
    assert_false(held(e, "deep")->conflicting);
    assert_cidr(&allocate(e, "d", "p", NULL, 25)->cidr, "10.0.1.0/25");
    engine_free(e);
}

static void test_larger_than_the_pool(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    load_pool(e, "p", NULL);
    load_cidr(e, "p", "10.0.0.0/24", NULL);
    load_cidr(e, "p", "10.0.2.0/24", NULL);
    load_cidr(e, "p", "10.9.0.0/24", NULL);
    load(e, "huge", "p", "10.0.0.0/16");
    load(e, "small", "p", "10.0.2.0/26");
    settle(e);
    assert_true(held(e, "huge")->conflicting);
    expect_taken(e, "p", "10.0.0.0/28", "huge");
    assert_cidr(&allocate(e, "a", "p", NULL, 28)->cidr, "10.9.0.0/28");
    struct cidr c = C("10.0.0.0/24");
    must_refuse(REFUSAL_CIDR_IN_USE, true, engine_deprovision(e, "p", &c, &why));
    assert_int_equal(why.count, 1);
    assert_string_equal(why.other_id, "huge");
    must(engine_release(e, "huge", &why));
    assert_true(engine_check(e));
    assert_false(held(e, "small")->conflicting);
    assert_cidr(&allocate(e, "b", "p", NULL, 28)->cidr, "10.0.0.0/28");
    expect_taken(e, "p", "10.0.2.0/28", "small");
    engine_free(e);
}

static void test_outside_until_the_cidr_comes(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    load_pool(e, "p", NULL);
    load_cidr(e, "p", "10.0.0.0/16", NULL);
    load(e, "stray", "p", "10.1.4.0/24");
    load(e, "wide", "p", "10.2.0.0/15");
    settle(e);
    assert_true(held(e, "stray")->conflicting);
    provision(e, "p", "10.1.0.0/16");
    assert_true(engine_check(e));
    assert_false(held(e, "stray")->conflicting);
    expect_taken(e, "p", "10.1.4.0/28", "stray");
    provision(e, "p", "10.2.0.0/16"); /* half of what `wide` covers */
    assert_true(engine_check(e));
    expect_taken(e, "p", "10.2.0.0/28", "wide");
    engine_free(e);
}

static void test_few_loads_after_settling(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    char id[32], cidr[32];
    load_pool(e, "p", NULL);
    load_cidr(e, "p", "10.0.0.0/16", NULL);
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof(id), "a%d", i);
        snprintf(cidr, sizeof(cidr), "10.0.%d.0/24", i);
        load(e, id, "p", cidr);
    }
    settle(e);
    load(e, "free", "p", "10.0.100.0/24");
    settle(e);
    assert_false(held(e, "free")->conflicting);
    load(e, "inside", "p", "10.0.7.64/26");
    settle(e);
    assert_true(held(e, "inside")->conflicting);
    assert_false(held(e, "a7")->conflicting);
    load(e, "around", "p", "10.0.4.0/22");
    settle(e);
    assert_false(held(e, "around")->conflicting);
    assert_true(held(e, "a7")->conflicting);
    load(e, "outside", "p", "192.168.0.0/24");
    settle(e);
    assert_true(held(e, "outside")->conflicting);
    load(e, "late", "p", "10.0.200.0/24"); /* issuing settles by itself */
    expect_taken(e, "p", "10.0.200.0/25", "late");
    engine_free(e);
}

static void test_loading_again(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    static const struct tag tags[] = {{"k", "v"}};
    load_pool(e, "p", NULL);
    load_pool(e, "q", NULL);
    load_cidr(e, "p", "10.0.0.0/16", NULL);
    load_cidr(e, "q", "10.1.0.0/16", NULL);
    load(e, "a", "p", "10.0.0.0/24");
    settle(e);
    const struct allocation *before = held(e, "a");
    struct allocation_request r = a_vpc("a", "p", "10.0.0.0/24", -1);
    r.tags = (struct tags){tags, 1};
    r.region = "eu-west-1";
    r.description = "text";
    must(engine_load_allocation(e, &r));
    settle(e);
    assert_ptr_equal(held(e, "a"), before);
    assert_string_equal(before->region, "eu-west-1");
    assert_string_equal(before->tags.items[0].value, "v");
    load(e, "a", "q", "10.1.0.0/24"); /* somewhere else */
    load(e, "a", "q", "10.1.1.0/24"); /* while it is pending */
    settle(e);
    assert_int_equal(pool_allocation_count(engine_pool(e, "p")), 0);
    assert_int_equal(pool_allocation_count(engine_pool(e, "q")), 1);
    assert_cidr(&held(e, "a")->cidr, "10.1.1.0/24");

    r = a_vpc("", "q", "10.1.9.0/24", -1); /* without an id */
    must(engine_load_allocation(e, &r));
    r.id = NULL;
    must(engine_load_allocation(e, &r));
    settle(e);
    assert_true(held(e, "10.1.9.0/24_q#1")->conflicting);
    assert_false(held(e, "10.1.9.0/24_q")->conflicting);
    engine_free(e);
}

static void test_links(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    load_pool(e, "top", NULL);
    load_pool(e, "other", NULL);
    load_pool(e, "child", "top");
    load_cidr(e, "top", "10.0.0.0/8", NULL);
    load_cidr(e, "child", "10.1.0.0/16", "a");
    load_cidr(e, "child", "10.2.0.0/16", "b");
    load(e, "a", "top", "10.9.0.0/24"); /* somebody else has that id */
    struct allocation_request r = a_vpc("c", "top", "10.2.0.0/16", -1);
    r.type = ALLOCATION_POOL; /* known under another id */
    r.resource_id = "child";
    must(engine_load_allocation(e, &r));
    settle(e);
    assert_string_equal(held(e, "10.1.0.0/16_child")->resource_id, "child");
    assert_null(engine_allocation(e, "b"));
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_release(e, "c", &why));
    load_cidr(e, "child", "10.1.0.0/16", "d"); /* its id becomes known */
    settle(e);
    assert_null(engine_allocation(e, "10.1.0.0/16_child"));
    assert_cidr(&held(e, "d")->cidr, "10.1.0.0/16");

    load_pool(e, "child", "other"); /* another source */
    load_cidr(e, "other", "11.0.0.0/8", NULL);
    settle(e);
    assert_int_equal(pool_allocation_count(engine_pool(e, "top")), 1);
    assert_int_equal(pool_allocation_count(engine_pool(e, "other")), 2);
    struct cidr c = C("10.1.0.0/16");
    struct finding f[4];
    assert_int_equal(engine_audit_cidr(e, "child", &c, f, 4), 2); /* and it overlaps `top` */
    engine_free(e);
}

static void test_planning_link(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct pool_info plan = a_pool("plan", "p");
    plan.planning = true;
    load_cidr(e, "plan", "10.0.0.0/20", NULL);
    must(engine_load_pool(e, &plan));
    load(e, "vpc", "p", "10.0.0.0/20");
    load_cidr(e, "p", "10.0.0.0/16", NULL);
    load_pool(e, "p", NULL);
    load(e, "subnet", "plan", "10.0.0.0/24");
    settle(e);
    assert_int_equal(pool_allocation_count(engine_pool(e, "p")), 1);
    plan.id = "plan-2"; /* the VPC backs one */
    must(engine_load_pool(e, &plan));
    load_cidr(e, "plan-2", "10.0.0.0/20", "second");
    settle(e);
    assert_true(held(e, "second")->conflicting != held(e, "vpc")->conflicting);
    assert_false(held(e, "subnet")->conflicting);
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_release(e, "vpc", &why));
    engine_free(e);
}

static void test_hostile_hierarchies(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    load_pool(e, "a", "b"); /* a cycle */
    load_pool(e, "b", "c");
    load_pool(e, "c", "a");
    load_pool(e, "self", "self");
    load_cidr(e, "a", "10.0.0.0/16", NULL);
    load_cidr(e, "b", "10.0.0.0/16", NULL);
    load_cidr(e, "self", "10.1.0.0/16", NULL);
    load(e, "x", "a", "10.0.0.0/24");
    settle(e);
    assert_true(pool_depth(engine_pool(e, "a")) > 10);
    load_cidr(e, "six", "fd00::/48", NULL); /* the family comes from what refers to it */
    load(e, "y", "six", "10.0.0.0/24");     /* the wrong one */
    settle(e);
    assert_int_equal(pool_info(engine_pool(e, "six"))->family, FAMILY_V6);
    assert_true(held(e, "y")->conflicting);
    load_cidr(e, "a", "10.0.0.0/8", NULL); /* CIDRs that nest in one pool */
    load_cidr(e, "a", "fd00::/8", NULL);
    settle(e);
    must(engine_remove_pool(e, "a", true, &why));
    assert_null(engine_pool(e, "b"));
    assert_true(engine_check(e));
    engine_free(e);
}

static void test_nested_cidrs_of_one_pool(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    load_pool(e, "p", NULL);
    load_cidr(e, "p", "10.0.0.0/16", NULL);
    load_cidr(e, "p", "10.0.4.0/24", NULL);
    settle(e);
    assert_int_equal(pool_cidr_count(engine_pool(e, "p")), 2);
    allocate(e, "a", "p", "10.0.4.0/25", -1);
    struct cidr inner = C("10.0.4.0/24"), outer = C("10.0.0.0/16");
    struct finding f[4];
    assert_int_equal(engine_audit_cidr(e, "p", &inner, f, 4), 1);
    assert_int_equal(f[0].numbers.code, REFUSAL_CIDR_EXISTS);
    must(engine_deprovision(e, "p", &inner, &why)); /* its space stays */
    assert_true(engine_check(e));
    load_cidr(e, "p", "10.0.4.0/24", NULL);
    settle(e);
    must(engine_release(e, "a", &why));
    must(engine_deprovision(e, "p", &outer, &why)); /* the inner one becomes a root */
    assert_true(engine_check(e));
    assert_cidr(&allocate(e, "b", "p", NULL, 25)->cidr, "10.0.4.0/25");
    engine_free(e);
}

/* --- across pools --- */

static void test_one_range_in_two_pools(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    load_pool(e, "p", NULL);
    load_pool(e, "q", NULL);
    load_cidr(e, "p", "10.0.0.0/16", NULL);
    load_cidr(e, "q", "10.0.0.0/16", NULL);
    settle(e);
    assert_cidr(&allocate(e, "a", "p", NULL, 24)->cidr, "10.0.0.0/24");
    assert_cidr(&allocate(e, "b", "q", NULL, 24)->cidr, "10.0.1.0/24");
    assert_cidr(&allocate(e, "c", "p", NULL, 24)->cidr, "10.0.2.0/24");
    expect_taken(e, "p", "10.0.1.0/28", "b");
    struct cidr c = C("10.0.0.0/16");
    struct finding f;
    assert_int_equal(engine_audit_cidr(e, "p", &c, &f, 1), 1);
    assert_int_equal(f.code, FINDING_OVERLAP);
    assert_string_equal(f.numbers.other_id, "q");
    engine_free(e);
}

static void test_a_lost_pool_cidr(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    load_pool(e, "top", NULL);
    load_pool(e, "child", "top");
    load_cidr(e, "top", "10.0.0.0/16", NULL);
    load(e, "vpc", "child", "10.0.0.0/24"); /* the child's CIDR is in no state */
    settle(e);
    assert_cidr(&allocate(e, "a", "top", NULL, 24)->cidr, "10.0.1.0/24");
    const struct allocation *a = NULL;
    struct allocation_request r = custom("b", "top", "10.0.0.0/28", -1);
    struct refusal why;
    must_refuse(REFUSAL_ORPHAN, true, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.other_id, "vpc");
    assert_string_equal(why.text, "child");
    struct finding f;
    assert_int_equal(engine_audit_allocation(e, held(e, "vpc"), &f, 1), 1);
    assert_int_equal(f.code, FINDING_OUTSIDE_POOL);
    assert_cidr(&f.numbers.cidr, "10.0.0.0/24");
    engine_free(e);
}

static void test_a_resource_over_a_child_pool(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    load_pool(e, "top", NULL);
    load_pool(e, "child", "top");
    load_cidr(e, "top", "10.0.0.0/16", NULL);
    load_cidr(e, "child", "10.0.0.0/20", "link");
    load(e, "vpc", "top", "10.0.0.0/24");
    load(e, "own", "child", "10.0.2.0/24");
    load(e, "twin", "child", "10.0.4.0/24");
    load(e, "twin2", "child", "10.0.4.0/24"); /* of no matter to `link` */
    settle(e);
    assert_cidr(&allocate(e, "a", "child", NULL, 24)->cidr, "10.0.1.0/24");
    expect_taken(e, "child", "10.0.0.0/28", "vpc");
    struct finding f[4];
    assert_int_equal(engine_audit_allocation(e, held(e, "vpc"), f, 4), 1);
    assert_string_equal(f[0].numbers.other_id, "link");
    assert_int_equal(engine_audit_allocation(e, held(e, "link"), f, 4), 1);
    assert_string_equal(f[0].numbers.other_id, "vpc");
    struct cidr c = C("10.0.0.0/20");
    assert_int_equal(engine_audit_cidr(e, "child", &c, f, 4), 1);
    assert_int_equal(f[0].numbers.code, REFUSAL_TAKEN);
    assert_int_equal(engine_audit_allocation(e, held(e, "own"), f, 4), 0);
    engine_free(e);
}

/* --- any order gives the same --- */

struct item {
    const char *id, *pool, *cidr;
    bool is_cidr;
};

static const struct item estate[] = {
    {NULL, "top", "10.0.0.0/16", true},    {NULL, "top", "10.2.0.0/16", true},
    {"lc", "child", "10.0.0.0/20", true},  {"ld", "child", "10.2.0.0/20", true},
    {"lx", "rival", "10.0.8.0/21", true},  {"v1", "child", "10.0.0.0/24", false},
    {"v2", "child", "10.0.0.0/24", false}, {"v3", "child", "10.0.0.0/25", false},
    {"v4", "child", "10.0.0.0/8", false},  {"v5", "top", "10.0.0.128/25", false},
    {"v6", "top", "10.0.32.0/19", false},  {"v7", "top", "10.0.48.0/20", false},
    {"v8", "rival", "10.0.8.0/24", false}, {"v9", "top", "10.2.0.0/15", false},
};

static char *describe(struct engine *e)
{
    char *text = calloc(1, 4096), line[160], cidr[CIDR_TEXT_SIZE];
    assert_non_null(text);
    static const char *const ids[] = {"lc", "ld", "lx", "v1", "v2", "v3",
                                      "v4", "v5", "v6", "v7", "v8", "v9"};
    for (size_t i = 0; i < LENGTH(ids); i++) {
        const struct allocation *a = held(e, ids[i]);
        snprintf(line, sizeof(line), "%s %s %s %d %zu\n", a->id, pool_info(a->pool)->id,
                 cidr_format(&a->cidr, cidr), a->conflicting,
                 engine_audit_allocation(e, a, NULL, 0));
        strcat(text, line);
    }
    return text;
}

static void test_any_order(void **state)
{
    (void)state;
    char *first = NULL;
    random_start();
    for (int round = 0; round < 300; round++) {
        struct engine *e = new_engine();
        size_t order[LENGTH(estate) + 3];
        for (size_t i = 0; i < LENGTH(order); i++) {
            size_t j = random_below((uint32_t)i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        for (size_t i = 0; i < LENGTH(order); i++) {
            if (order[i] >= LENGTH(estate)) {
                static const char *const pools[][2] = {
                    {"top", NULL}, {"child", "top"}, {"rival", "top"}};
                const char *const *pool = pools[order[i] - LENGTH(estate)];
                load_pool(e, pool[0], pool[1]);
                continue;
            }
            const struct item *it = &estate[order[i]];
            if (it->is_cidr) {
                load_cidr(e, it->pool, it->cidr, it->id);
            } else {
                load(e, it->id, it->pool, it->cidr);
            }
        }
        settle(e);
        char *now = describe(e);
        if (first) {
            assert_string_equal(now, first);
            free(now);
        } else {
            first = now;
        }
        engine_free(e);
    }
    free(first);
}

/* --- audit of rules --- */

static void test_audit_rules(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    static const struct tag wanted[] = {{"A", "1"}, {"B", "2"}, {"C", "3"}},
                            have[] = {{"A", "1"}, {"B", "9"}};
    struct finding f[8];
    load(e, "x", "p", "10.0.0.0/24");
    settle(e);
    assert_int_equal(engine_audit_allocation(e, held(e, "x"), f, 8), 1);
    assert_int_equal(f[0].code, FINDING_POOL_UNKNOWN);
    struct cidr c = C("10.0.0.0/16");
    assert_int_equal(engine_audit_cidr(e, "p", &c, f, 8), 1);
    assert_int_equal(f[0].code, FINDING_POOL_UNKNOWN);
    assert_int_equal(engine_audit_cidr(e, "nobody", &c, f, 8), 1);
    assert_int_equal(f[0].code, FINDING_POOL_UNKNOWN);

    struct pool_info p = a_pool("p", NULL);
    p.locale = "eu-west-1";
    p.rules = (struct rules){16, 20, -1, {wanted, 3}};
    must(engine_load_pool(e, &p));
    load_cidr(e, "p", "10.0.0.0/16", NULL);
    struct allocation_request r = a_vpc("x", "p", "10.0.0.0/24", -1);
    r.tags = (struct tags){have, 2};
    must(engine_load_allocation(e, &r));
    settle(e);
    assert_int_equal(engine_audit_allocation(e, held(e, "x"), f, 2), 4);
    assert_int_equal(engine_audit_allocation(e, held(e, "x"), f, 8), 4);
    assert_int_equal(f[0].code, FINDING_LENGTH);
    assert_int_equal(f[0].numbers.code, REFUSAL_TOO_SMALL);
    assert_int_equal(f[0].numbers.max_len, 20);
    assert_int_equal(f[1].code, FINDING_TAG);
    assert_string_equal(f[1].numbers.text, "B");
    assert_string_equal(f[1].numbers.text3, "9");
    assert_string_equal(f[2].numbers.text, "C");
    assert_int_equal(f[3].code, FINDING_LOCALE);
    assert_string_equal(f[3].numbers.text2, "us-east-1");
    p.rules = no_rules();
    p.locale = "us-east-1";
    must(engine_load_pool(e, &p));
    settle(e);
    assert_int_equal(engine_audit_allocation(e, held(e, "x"), f, 8), 0);

    struct pool_info child = a_pool("child", "gone");
    must(engine_load_pool(e, &child));
    load_cidr(e, "child", "10.7.0.0/16", NULL);
    settle(e);
    c = C("10.7.0.0/16");
    assert_int_equal(engine_audit_cidr(e, "child", &c, f, 8), 1);
    assert_int_equal(f[0].code, FINDING_POOL_UNKNOWN);
    assert_string_equal(f[0].numbers.id, "gone");
    load_pool(e, "gone", NULL);
    settle(e);
    assert_int_equal(engine_audit_cidr(e, "child", &c, f, 8), 1);
    assert_int_equal(f[0].code, FINDING_SOURCE_GONE);
    assert_string_equal(f[0].numbers.id, "gone");
    engine_free(e);
}

/* What is loaded into a pool need not be of one family; a first load sorts by address. */
static void test_two_families_in_one_pool(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    load(e, "a", "nowhere", "10.0.0.0/24");
    load(e, "b", "nowhere", "2600:1f00::/56");
    load(e, "c", "nowhere", "100.0.0.0/24");
    settle(e);
    assert_int_equal(pool_allocation_count(engine_pool(e, "nowhere")), 3);
    engine_unload_allocation(e, "b");
    settle(e);
    assert_int_equal(pool_allocation_count(engine_pool(e, "nowhere")), 2);
    engine_free(e);
}

/* --- size --- */

static void test_many(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct engine *e = new_engine();
    char id[80], resource[40];
    struct cidr root = C("10.0.0.0/8");
    load_pool(e, "p", NULL);
    load_cidr(e, "p", "10.0.0.0/8", NULL);
    for (unsigned i = 0; i < N; i++) {
        unsigned at = i * 7919u % N; /* in no order */
        snprintf(id, sizeof(id), "ipam-pool-alloc-0%032x", at);
        snprintf(resource, sizeof(resource), "vpc-0%016x", at);
        struct allocation_request r = a_vpc(id, "p", NULL, -1);
        r.resource_id = resource;
        assert_true(cidr_nth(&root, 28, at, &r.cidr));
        must(engine_load_allocation(e, &r));
    }
    must(engine_settle(e));
    assert_int_equal(pool_allocation_count(engine_pool(e, "p")), N);
    assert_cidr(&allocate(e, "next", "p", NULL, 28)->cidr, "10.24.106.0/28");
    must(engine_release(e, "ipam-pool-alloc-000000000000000000000000000000007", &why));
    assert_cidr(&allocate(e, "again", "p", NULL, 28)->cidr, "10.0.0.112/28");
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child_before_parent),
        cmocka_unit_test(test_overlaps_are_kept),
        cmocka_unit_test(test_larger_than_the_pool),
        cmocka_unit_test(test_outside_until_the_cidr_comes),
        cmocka_unit_test(test_few_loads_after_settling),
        cmocka_unit_test(test_loading_again),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_planning_link),
        cmocka_unit_test(test_hostile_hierarchies),
        cmocka_unit_test(test_nested_cidrs_of_one_pool),
        cmocka_unit_test(test_one_range_in_two_pools),
        cmocka_unit_test(test_a_lost_pool_cidr),
        cmocka_unit_test(test_a_resource_over_a_child_pool),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_audit_rules),
        cmocka_unit_test(test_two_families_in_one_pool),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
