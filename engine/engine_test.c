/*
 * Tests of issuing: every refusal with its numbers, the order of the checks, lifecycles, quotas.
 */
#include "engine/engine_fixture.h"

/* --- IPAMs and scopes --- */

static void test_ipams_and_scopes(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct ipam_info info = an_ipam();

    must_refuse(REFUSAL_EXISTS, false, engine_add_ipam(e, &info, &why));
    assert_string_equal(why.id, "ipam-1");
    info.id = "ipam-2";
    must_refuse(REFUSAL_EXISTS, false, engine_add_ipam(e, &info, &why));
    assert_string_equal(why.id, "private");
    info.private_scope = "private-2";
    must_refuse(REFUSAL_EXISTS, false, engine_add_ipam(e, &info, &why));
    assert_string_equal(why.id, "public");
    must_refuse(REFUSAL_IPAM_UNKNOWN, false, engine_update_ipam(e, &info, &why));
    assert_string_equal(why.id, "ipam-2");
    must_refuse(REFUSAL_IPAM_UNKNOWN, false, engine_remove_ipam(e, "ipam-2", true, &why));

    assert_true(scope_info(engine_scope(e, "private"))->is_default);
    assert_int_equal(scope_info(engine_scope(e, "public"))->type, SCOPE_PUBLIC);
    must_refuse(REFUSAL_IS_DEFAULT, false, engine_remove_scope(e, "private", &why));
    must_refuse(REFUSAL_SCOPE_UNKNOWN, false, engine_remove_scope(e, "scope-9", &why));
    assert_string_equal(why.id, "scope-9");

    struct scope_info scope = {"scope-1", "ipam-9", SCOPE_PRIVATE, false};
    must_refuse(REFUSAL_IPAM_UNKNOWN, false, engine_add_scope(e, &scope, &why));
    for (int i = 1; i <= 3; i++) {
        char id[32];
        snprintf(id, sizeof(id), "scope-%d", i);
        must(engine_add_scope(e, &(struct scope_info){id, "ipam-1", SCOPE_PRIVATE, false}, &why));
    }
    scope.ipam_id = "ipam-1";
    must_refuse(REFUSAL_EXISTS, false, engine_add_scope(e, &scope, &why));
    scope.id = "scope-4";
    must_refuse(REFUSAL_QUOTA, false, engine_add_scope(e, &scope, &why));
    assert_string_equal(why.text, "scope");
    assert_int_equal(why.count, 5);
    assert_int_equal(why.limit, 5);
    engine_quotas(e)->scopes_per_ipam = 6;
    must(engine_add_scope(e, &scope, &why));
    engine_free(e);
}

static void test_update_ipam(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    const char *const regions[] = {"us-west-2", NULL};
    struct ipam_info info = {"ipam-1", ACCOUNT, "us-west-2", "other", "scopes", regions};
    must(engine_update_ipam(e, &info, &why));
    const struct ipam_info *now = ipam_info(engine_ipam(e, "ipam-1"));
    assert_string_equal(now->private_scope, "private");
    assert_string_equal(now->operating_regions[0], "us-west-2");
    assert_null(now->operating_regions[1]);
    assert_null(engine_scope(e, "other"));
    assert_true(engine_check(e));
    engine_free(e);
}

static void test_remove_ipam(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    must(engine_add_scope(e, &(struct scope_info){"extra", "ipam-1", SCOPE_PRIVATE, false}, &why));
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_remove_ipam(e, "ipam-1", false, &why));
    assert_string_equal(why.text, "scope");
    assert_int_equal(why.count, 1);
    add_pool(e, "top", NULL);
    provision(e, "top", "10.0.0.0/16");
    add_pool(e, "child", "top");
    provision(e, "child", "10.0.0.0/20");
    allocate(e, "a", "child", NULL, 24);
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_remove_ipam(e, "ipam-1", false, &why));
    assert_string_equal(why.text, "pool");
    assert_int_equal(why.count, 2);
    struct pool_info open = a_pool("open", NULL);
    open.scope_id = "public";
    must(engine_add_pool(e, &open, &why));
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_remove_ipam(e, "ipam-1", true, &why));
    assert_string_equal(why.text, "public pool");
    assert_int_equal(why.count, 1);
    must(engine_remove_pool(e, "open", false, &why));
    must(engine_remove_ipam(e, "ipam-1", true, &why));
    assert_null(engine_ipam(e, "ipam-1"));
    assert_null(engine_scope(e, "extra"));
    assert_null(engine_pool(e, "child"));
    assert_null(engine_allocation(e, "a"));
    assert_true(engine_check(e));
    engine_free(e);
}

/* --- pools --- */

static void test_pool_refusals(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct pool_info top = a_pool("top", NULL);
    top.locale = "us-east-1";
    must(engine_add_pool(e, &top, &why));
    must_refuse(REFUSAL_EXISTS, false, engine_add_pool(e, &top, &why));
    assert_string_equal(why.id, "top");

    struct pool_info p = a_pool("p", NULL);
    p.scope_id = "nowhere";
    must_refuse(REFUSAL_SCOPE_UNKNOWN, false, engine_add_pool(e, &p, &why));
    assert_string_equal(why.id, "nowhere");
    p = a_pool("p", "gone");
    must_refuse(REFUSAL_POOL_UNKNOWN, false, engine_add_pool(e, &p, &why));
    assert_string_equal(why.id, "gone");
    load_cidr(e, "referred", "10.99.0.0/16", NULL);
    p.source_id = "referred";
    must_refuse(REFUSAL_POOL_UNKNOWN, true, engine_add_pool(e, &p, &why));

    p = a_pool("p", "top");
    p.scope_id = "public";
    must_refuse(REFUSAL_SCOPE_MISMATCH, false, engine_add_pool(e, &p, &why));
    assert_string_equal(why.id, "p");
    assert_string_equal(why.other_id, "top");
    p = a_pool("p", "top");
    p.family = FAMILY_V6;
    must_refuse(REFUSAL_FAMILY, false, engine_add_pool(e, &p, &why));
    assert_string_equal(why.id, "p");
    assert_string_equal(why.other_id, "top");
    assert_string_equal(why.text, "ipv6");
    assert_string_equal(why.text2, "ipv4");
    p = a_pool("p", "top");
    must_refuse(REFUSAL_LOCALE_SOURCE, false, engine_add_pool(e, &p, &why));
    p.locale = "eu-west-1";
    must_refuse(REFUSAL_LOCALE_SOURCE, false, engine_add_pool(e, &p, &why));
    assert_string_equal(why.text, "eu-west-1");
    assert_string_equal(why.text2, "us-east-1");
    p = a_pool("p", NULL);
    p.locale = "mars-1";
    must_refuse(REFUSAL_LOCALE_REGION, false, engine_add_pool(e, &p, &why));
    assert_string_equal(why.text, "mars-1");
    assert_string_equal(why.text2, "eu-west-1, us-east-1");
    engine_free(e);
}

static void test_pool_rules(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct pool_info p = a_pool("p", NULL);
    static const struct rules wrong[] = {{24, 16, -1, {0}}, {16, 24, 28, {0}}, {16, 24, 8, {0}},
                                         {-1, 33, -1, {0}}, {-2, -1, -1, {0}}, {-1, -1, 33, {0}},
                                         {40, -1, -1, {0}}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        p.rules = wrong[i];
        must_refuse(REFUSAL_RULES, false, engine_add_pool(e, &p, &why));
        assert_int_equal(why.min_len, wrong[i].min_len);
        assert_int_equal(why.max_len, wrong[i].max_len);
        assert_int_equal(why.length, wrong[i].default_len);
        assert_int_equal(why.limit, 32);
    }
    p.rules = (struct rules){32, 32, 32, {0}};
    must(engine_add_pool(e, &p, &why));
    p.rules = wrong[0];
    must_refuse(REFUSAL_RULES, false, engine_update_pool(e, &p, &why));
    p.rules = (struct rules){16, 28, 24, {0}};
    p.description = "new";
    p.locale = "eu-west-1";
    must(engine_update_pool(e, &p, &why));
    const struct pool_info *now = pool_info(engine_pool(e, "p"));
    assert_int_equal(now->rules.default_len, 24);
    assert_string_equal(now->description, "new");
    assert_null(now->locale);
    p.id = "q";
    must_refuse(REFUSAL_POOL_UNKNOWN, false, engine_update_pool(e, &p, &why));
    engine_free(e);
}

static void test_pool_quotas(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    char id[32] = "p1", source[32];
    add_pool(e, id, NULL);
    for (int depth = 2; depth <= 10; depth++) {
        memcpy(source, id, sizeof(id));
        snprintf(id, sizeof(id), "p%d", depth);
        add_pool(e, id, source);
    }
    assert_int_equal(pool_depth(engine_pool(e, "p10")), 10);
    struct pool_info p = a_pool("p11", "p10");
    must_refuse(REFUSAL_DEPTH, false, engine_add_pool(e, &p, &why));
    assert_int_equal(why.count, 11);
    assert_int_equal(why.limit, 10);
    engine_quotas(e)->pools_per_scope = 10;
    p.source_id = "p9";
    must_refuse(REFUSAL_QUOTA, false, engine_add_pool(e, &p, &why));
    assert_string_equal(why.id, "private");
    assert_string_equal(why.text, "pool");
    assert_int_equal(why.count, 10);
    assert_int_equal(why.limit, 10);
    engine_quotas(e)->pools_per_scope = 11;
    must(engine_add_pool(e, &p, &why));
    engine_quotas(e)->cidrs_per_pool = 1;
    provision(e, "p1", "10.0.0.0/16");
    struct provision_request r = {"p1", C("10.1.0.0/16"), -1, NULL};
    struct cidr out;
    must_refuse(REFUSAL_QUOTA, false, engine_provision(e, &r, &out, &why));
    assert_string_equal(why.id, "p1");
    assert_string_equal(why.text, "CIDR");
    assert_int_equal(why.count, 1);
    assert_int_equal(why.limit, 1);
    engine_free(e);
}

static void test_remove_pool(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    add_pool(e, "top", NULL);
    add_pool(e, "middle", "top");
    add_pool(e, "low", "middle");
    must_refuse(REFUSAL_POOL_UNKNOWN, false, engine_remove_pool(e, "nobody", true, &why));
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_remove_pool(e, "middle", false, &why));
    assert_string_equal(why.text, "child pool");
    assert_int_equal(why.count, 1);
    provision(e, "top", "10.0.0.0/8");
    provision(e, "middle", "10.0.0.0/16");
    provision(e, "low", "10.0.0.0/20");
    allocate(e, "a", "low", NULL, 24);
    allocate(e, "b", "middle", NULL, 24);
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_remove_pool(e, "middle", false, &why));
    assert_string_equal(why.text, "CIDR");
    assert_int_equal(pool_allocation_count(engine_pool(e, "top")), 1);
    must(engine_remove_pool(e, "middle", true, &why));
    assert_null(engine_pool(e, "low"));
    assert_null(engine_allocation(e, "a"));
    assert_null(engine_allocation(e, "b"));
    assert_int_equal(pool_allocation_count(engine_pool(e, "top")), 0);
    assert_true(count_is_zero(space_used(pool_space(engine_pool(e, "top")))));
    assert_true(engine_check(e));
    load(e, "stray", "top", "192.168.0.0/24");
    settle(e);
    struct cidr c = C("10.0.0.0/8");
    must(engine_deprovision(e, "top", &c, &why));
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_remove_pool(e, "top", false, &why));
    assert_string_equal(why.text, "allocation");
    must(engine_release(e, "stray", &why));
    must(engine_remove_pool(e, "top", false, &why));
    engine_free(e);
}

/* --- pool CIDRs --- */

static void test_provision_refusals(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct cidr out;
    struct provision_request r = {"top", C("10.0.0.0/16"), -1, "top-1"};
    must_refuse(REFUSAL_POOL_UNKNOWN, false, engine_provision(e, &r, &out, &why));
    add_pool(e, "top", NULL);
    add_pool(e, "other", NULL);
    add_pool(e, "child", "top");
    r.length = 16;
    must_refuse(REFUSAL_BOTH_SIZES, false, engine_provision(e, &r, &out, &why));
    r = (struct provision_request){"top", C("fd00::/16"), -1, "top-1"};
    must_refuse(REFUSAL_FAMILY, false, engine_provision(e, &r, &out, &why));
    assert_string_equal(why.text, "ipv6");
    r = (struct provision_request){"top", {0}, -1, "top-1"};
    must_refuse(REFUSAL_NO_SIZE, false, engine_provision(e, &r, &out, &why));
    r.length = 33;
    must_refuse(REFUSAL_LENGTH_INVALID, false, engine_provision(e, &r, &out, &why));
    assert_int_equal(why.length, 33);
    assert_int_equal(why.max_len, 32);
    r.length = 16;
    must_refuse(REFUSAL_NEEDS_CIDR, false, engine_provision(e, &r, &out, &why));

    r = (struct provision_request){"child", {0}, 20, "c1"};
    must_refuse(REFUSAL_NO_CIDRS, true, engine_provision(e, &r, &out, &why));
    assert_string_equal(why.id, "top");
    provision(e, "top", "10.0.0.0/16");
    r = (struct provision_request){"top", C("10.0.0.0/24"), -1, NULL};
    must_refuse(REFUSAL_CIDR_EXISTS, true, engine_provision(e, &r, &out, &why));
    assert_cidr(&why.conflict, "10.0.0.0/16");
    r.pool_id = "other";
    must_refuse(REFUSAL_OVERLAPS_POOL, true, engine_provision(e, &r, &out, &why));
    assert_string_equal(why.id, "other");
    assert_string_equal(why.other_id, "top");
    assert_cidr(&why.cidr, "10.0.0.0/24");
    assert_cidr(&why.conflict, "10.0.0.0/16");

    r = (struct provision_request){"child", {0}, 15, "c1"};
    must_refuse(REFUSAL_LENGTH_INVALID, true, engine_provision(e, &r, &out, &why));
    assert_string_equal(why.id, "top");
    assert_int_equal(why.min_len, 16);
    r = (struct provision_request){"child", C("10.1.0.0/20"), -1, "c1"};
    must_refuse(REFUSAL_OUTSIDE_POOL, true, engine_provision(e, &r, &out, &why));
    assert_string_equal(why.id, "top");
    allocate(e, "a", "top", "10.0.1.0/24", -1);
    r = (struct provision_request){"child", C("10.0.0.0/20"), -1, "c1"};
    must_refuse(REFUSAL_TAKEN, true, engine_provision(e, &r, &out, &why));
    assert_string_equal(why.other_id, "a");
    r = (struct provision_request){"child", {0}, 20, "a"};
    must_refuse(REFUSAL_EXISTS, false, engine_provision(e, &r, &out, &why));
    r.allocation_id = "c1";
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, "10.0.16.0/20");
    const struct allocation *backing = engine_allocation(e, "c1");
    assert_int_equal(backing->type, ALLOCATION_POOL);
    assert_string_equal(backing->resource_id, "child");
    assert_string_equal(backing->pool ? pool_info(backing->pool)->id : "", "top");
    r = (struct provision_request){"child", {0}, 16, "c2"};
    must_refuse(REFUSAL_NO_SPACE, true, engine_provision(e, &r, &out, &why));
    assert_int_equal(why.length, 16);
    assert_int_equal(why.largest_free, 17);
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_release(e, "c1", &why));
    assert_string_equal(why.other_id, "child");
    assert_cidr(&why.cidr, "10.0.16.0/20");
    engine_free(e);
}

static void test_deprovision(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct cidr c = C("10.0.0.0/16");
    add_pool(e, "top", NULL);
    must_refuse(REFUSAL_POOL_UNKNOWN, false, engine_deprovision(e, "x", &c, &why));
    must_refuse(REFUSAL_CIDR_UNKNOWN, false, engine_deprovision(e, "top", &c, &why));
    assert_cidr(&why.cidr, "10.0.0.0/16");
    provision(e, "top", "10.0.0.0/16");
    provision(e, "top", "10.2.0.0/16");
    allocate(e, "b", "top", "10.0.9.0/24", -1);
    allocate(e, "a", "top", "10.0.7.0/24", -1);
    allocate(e, "c", "top", "10.2.0.0/24", -1);
    must_refuse(REFUSAL_CIDR_IN_USE, true, engine_deprovision(e, "top", &c, &why));
    assert_int_equal(why.count, 2);
    assert_cidr(&why.conflict, "10.0.7.0/24");
    assert_string_equal(why.other_id, "a");
    must(engine_release(e, "a", &why));
    must(engine_release(e, "b", &why));
    must(engine_deprovision(e, "top", &c, &why));
    assert_int_equal(pool_cidr_count(engine_pool(e, "top")), 1);
    must_refuse(REFUSAL_ALLOCATION_UNKNOWN, false, engine_release(e, "a", &why));
    assert_string_equal(why.id, "a");

    add_pool(e, "child", "top");
    provision(e, "child", "10.2.16.0/20");
    c = C("10.2.16.0/20");
    must(engine_deprovision(e, "child", &c, &why));
    assert_int_equal(pool_allocation_count(engine_pool(e, "top")), 1);
    assert_true(engine_check(e));
    engine_free(e);
}

static void test_top_level_by_length(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct cidr out;
    struct pool_info p = a_pool("six", NULL);
    p.family = FAMILY_V6;
    must(engine_add_pool(e, &p, &why));
    p.id = "seven";
    must(engine_add_pool(e, &p, &why));
    struct provision_request r = {"six", {0}, 48, NULL};
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, "fd00::/48");
    r.pool_id = "seven";
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, "fd00:0:1::/48");
    r.length = 40;
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, "fd00:0:100::/40");
    r.length = 7;
    must_refuse(REFUSAL_LENGTH_INVALID, false, engine_provision(e, &r, &out, &why));
    assert_int_equal(why.min_len, 8);
    r.length = 8;
    must_refuse(REFUSAL_NO_SPACE, true, engine_provision(e, &r, &out, &why));
    assert_int_equal(why.largest_free, 9);

    p = a_pool("amazon", NULL);
    p.scope_id = "public";
    p.family = FAMILY_V6;
    p.public_amazon = true;
    must(engine_add_pool(e, &p, &why));
    struct ipam_info second = {"ipam-2", ACCOUNT, "us-east-1", "private-2", "public-2", NULL};
    must(engine_add_ipam(e, &second, &why));
    p.id = "amazon-2";
    p.scope_id = "public-2";
    must(engine_add_pool(e, &p, &why));
    r = (struct provision_request){"amazon", {0}, 52, NULL};
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, "2600:1f00::/52");
    r.pool_id = "amazon-2";
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, "2600:1f00:0:1000::/52");
    p = a_pool("byoip", NULL);
    p.scope_id = "public";
    p.family = FAMILY_V6;
    must(engine_add_pool(e, &p, &why));
    r.pool_id = "byoip";
    must_refuse(REFUSAL_NEEDS_CIDR, false, engine_provision(e, &r, &out, &why));
    engine_free(e);
}

static void test_planning_pool(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    const struct allocation *a;
    struct pool_info top = a_pool("top", NULL), plan = a_pool("plan", "top");
    must(engine_add_pool(e, &top, &why));
    provision(e, "top", "10.0.0.0/16");
    plan.planning = true;
    must_refuse(REFUSAL_PLANNING_LOCALE, false, engine_add_pool(e, &plan, &why));
    top = a_pool("home", NULL);
    top.locale = plan.locale = "us-east-1";
    plan.source_id = "home";
    must(engine_add_pool(e, &top, &why));
    must(engine_add_pool(e, &plan, &why));
    provision(e, "home", "10.1.0.0/16");
    struct allocation_request r = a_vpc("vpc", "home", "10.1.0.0/20", -1);
    must(engine_allocate(e, &r, &a, &why));
    provision(e, "plan", "10.1.0.0/20");
    assert_int_equal(pool_allocation_count(engine_pool(e, "home")), 1);
    plan.id = "second"; /* a VPC's CIDR has one planning pool */
    must(engine_add_pool(e, &plan, &why));
    struct cidr out;
    struct provision_request twice = {"second", C("10.1.0.0/20"), -1, "twice"};
    must_refuse(REFUSAL_OVERLAPS_POOL, true, engine_provision(e, &twice, &out, &why));
    assert_string_equal(why.other_id, "plan");
    r = a_vpc("subnet", "plan", NULL, 24);
    r.type = ALLOCATION_SUBNET;
    must(engine_allocate(e, &r, &a, &why));
    assert_cidr(&a->cidr, "10.1.0.0/24");
    assert_int_equal(engine_audit_allocation(e, a, NULL, 0), 0);
    struct cidr c = C("10.1.0.0/20");
    assert_int_equal(engine_audit_cidr(e, "plan", &c, NULL, 0), 0);
    must_refuse(REFUSAL_NOT_EMPTY, true, engine_release(e, "vpc", &why));
    assert_string_equal(why.other_id, "plan");
    must(engine_release(e, "subnet", &why));
    must(engine_deprovision(e, "plan", &c, &why));
    assert_non_null(engine_allocation(e, "vpc"));
    must(engine_release(e, "vpc", &why));
    provision(e, "plan", "10.1.0.0/20"); /* without the VPC: an ordinary child */
    assert_int_equal(pool_allocation_count(engine_pool(e, "home")), 1);
    assert_true(engine_check(e));
    engine_free(e);
}

/* Two planning pools of one range that no source pool keeps apart. */
static void test_planning_layer(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct pool_info home = a_pool("home", NULL), a = a_pool("a", NULL), b = a_pool("b", "home");
    home.locale = a.locale = b.locale = "us-east-1";
    a.planning = b.planning = true;
    must(engine_add_pool(e, &home, &why));
    must(engine_add_pool(e, &a, &why));
    must(engine_add_pool(e, &b, &why));
    provision(e, "home", "10.0.0.0/16");
    provision(e, "a", "10.0.0.0/20");
    provision(e, "b", "10.0.0.0/20");
    assert_cidr(&allocate(e, "1", "a", NULL, 24)->cidr, "10.0.0.0/24");
    assert_cidr(&allocate(e, "2", "b", NULL, 24)->cidr, "10.0.1.0/24");
    assert_cidr(&allocate(e, "3", "a", NULL, 24)->cidr, "10.0.2.0/24");
    assert_true(engine_check(e));
    engine_free(e);
}

/* --- allocations --- */

static struct engine *with_rules(void)
{
    static const struct tag tags[] = {{"Environment", "prod"}, {"Team", "net"}};
    struct engine *e = new_engine();
    struct pool_info p = a_pool("p", NULL);
    p.locale = "us-east-1";
    p.rules = (struct rules){16, 28, -1, {tags, 2}};
    must(engine_add_pool(e, &p, &why));
    return e;
}

static void test_order_of_checks(void **state)
{
    (void)state;
    struct engine *e = with_rules();
    struct refusal why;
    const struct allocation *a;
    static const struct tag one[] = {{"Environment", "dev"}},
                            both[] = {{"Environment", "prod"}, {"Name", "x"}, {"Team", "net"}};
    /* Everything is wrong at once; each step puts one thing right. */
    struct allocation_request r = a_vpc("x", "q", "fd00::/15", 15);
    r.region = "eu-west-1";
    must_refuse(REFUSAL_POOL_UNKNOWN, false, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.id, "q");
    r.pool_id = "p";
    must_refuse(REFUSAL_FAMILY, false, engine_allocate(e, &r, &a, &why));
    assert_cidr(&why.cidr, "fd00::/15");
    r.cidr = C("10.0.0.0/15");
    must_refuse(REFUSAL_POOL_LOCALE, false, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.text, "us-east-1");
    assert_string_equal(why.text2, "eu-west-1");
    r.region = "us-east-1";
    must_refuse(REFUSAL_BOTH_SIZES, false, engine_allocate(e, &r, &a, &why));
    r.cidr = (struct cidr){0};
    r.length = -1;
    must_refuse(REFUSAL_NO_SIZE, false, engine_allocate(e, &r, &a, &why));
    r.length = 40;
    must_refuse(REFUSAL_LENGTH_INVALID, false, engine_allocate(e, &r, &a, &why));
    assert_int_equal(why.max_len, 32);
    r.length = 29;
    must_refuse(REFUSAL_TOO_SMALL, false, engine_allocate(e, &r, &a, &why));
    r.length = 15;
    must_refuse(REFUSAL_TOO_LARGE, false, engine_allocate(e, &r, &a, &why));
    assert_int_equal(why.length, 15);
    assert_int_equal(why.min_len, 16);
    assert_int_equal(why.max_len, 28);
    r.length = 16;
    must_refuse(REFUSAL_TAG_MISSING, false, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.text, "Environment");
    assert_string_equal(why.text2, "prod");
    assert_string_equal(why.text3, "");
    r.tags = (struct tags){one, 1};
    must_refuse(REFUSAL_TAG_MISSING, false, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.text3, "dev");
    r.tags = (struct tags){both, 1};
    must_refuse(REFUSAL_TAG_MISSING, false, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.text, "Team");
    r.tags.count = 3;
    must_refuse(REFUSAL_NO_CIDRS, true, engine_allocate(e, &r, &a, &why));
    provision(e, "p", "10.0.0.0/16");
    must(engine_allocate(e, &r, &a, &why));
    assert_cidr(&a->cidr, "10.0.0.0/16");
    must_refuse(REFUSAL_EXISTS, false, engine_allocate(e, &r, &a, &why));
    r.id = "y";
    must_refuse(REFUSAL_NO_SPACE, true, engine_allocate(e, &r, &a, &why));
    assert_int_equal(why.largest_free, -1);
    assert_int_equal(why.count, 1);
    engine_free(e);
}

static void test_who_is_bound(void **state)
{
    (void)state;
    struct engine *e = with_rules();
    struct refusal why;
    const struct allocation *a;
    provision(e, "p", "10.0.0.0/8");
    static const enum allocation_type bound[] = {ALLOCATION_VPC, ALLOCATION_SUBNET, ALLOCATION_EIP,
                                                 ALLOCATION_PUBLIC_POOL, ALLOCATION_CUSTOM};
    for (size_t i = 0; i < sizeof(bound) / sizeof(*bound); i++) {
        struct allocation_request r = a_vpc("x", "p", NULL, 12);
        r.type = bound[i];
        must_refuse(REFUSAL_TOO_LARGE, false, engine_allocate(e, &r, &a, &why));
        r.length = 20;
        must_refuse(REFUSAL_TAG_MISSING, false, engine_allocate(e, &r, &a, &why));
    }
    struct pool_info child = a_pool("child", "p");
    child.locale = "us-east-1";
    must(engine_add_pool(e, &child, &why));
    provision(e, "child", "10.0.0.0/12"); /* larger than the largest block of a resource */

    add_pool(e, "nowhere", NULL);
    provision(e, "nowhere", "172.16.0.0/12");
    struct allocation_request r = a_vpc("x", "nowhere", NULL, 24);
    must_refuse(REFUSAL_POOL_LOCALE, false, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.text, "");
    r.type = ALLOCATION_CUSTOM;
    must(engine_allocate(e, &r, &a, &why));
    engine_free(e);
}

static void test_exact_and_next_free(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    const struct allocation *a;
    struct pool_info p = a_pool("p", NULL);
    p.rules.default_len = 28;
    must(engine_add_pool(e, &p, &why));
    provision(e, "p", "172.2.0.0/24");
    provision(e, "p", "10.1.0.0/24");
    assert_cidr(&allocate(e, "a", "p", NULL, -1)->cidr, "10.1.0.0/28");
    struct allocation_request r = custom("b", "p", NULL, 28);
    struct cidr disallowed[] = {C("10.1.0.16/28"), C("10.1.0.32/30")};
    r.disallowed = disallowed;
    r.disallowed_count = 2;
    must(engine_allocate(e, &r, &a, &why));
    assert_cidr(&a->cidr, "10.1.0.48/28");
    allocate(e, "c", "p", "172.2.0.128/25", -1);
    r = custom("d", "p", "172.2.0.0/24", -1);
    must_refuse(REFUSAL_TAKEN, true, engine_allocate(e, &r, &a, &why));
    assert_cidr(&why.conflict, "172.2.0.128/25");
    assert_string_equal(why.other_id, "c");
    assert_string_equal(why.holder_owner, ACCOUNT);
    assert_string_equal(why.holder_type, "custom");
    r = custom("d", "p", "172.2.1.0/28", -1);
    must_refuse(REFUSAL_OUTSIDE_POOL, true, engine_allocate(e, &r, &a, &why));
    assert_int_equal(why.count, 2);
    r = custom("d", "p", NULL, 24);
    must_refuse(REFUSAL_NO_SPACE, true, engine_allocate(e, &r, &a, &why));
    assert_int_equal(why.length, 24);
    assert_int_equal(why.largest_free, 25);
    assert_int_equal(why.count, 3);
    assert_int_equal(why.total_addresses.lo, 512);
    assert_int_equal(why.free_addresses.lo, 512 - 16 - 16 - 128);
    struct cidr c = C("10.1.0.0/28");
    assert_string_equal(engine_allocation_at(e, "p", &c)->id, "a");
    must(engine_release(e, "a", &why));
    assert_null(engine_allocation_at(e, "p", &c));
    assert_cidr(&allocate(e, "e", "p", NULL, 28)->cidr, "10.1.0.0/28");
    engine_free(e);
}

static void test_retag_and_texts(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    static const struct tag tags[] = {{"a", "1"}, {"b", ""}};
    add_pool(e, "p", NULL);
    provision(e, "p", "10.0.0.0/8");
    const struct allocation *a = allocate(e, "x", "p", NULL, 24);
    must(engine_retag(e, "x", &(struct tags){tags, 2}, "hello", &why));
    assert_int_equal(a->tags.count, 2);
    assert_string_equal(a->tags.items[1].key, "b");
    assert_string_equal(a->description, "hello");
    must(engine_retag(e, "x", &(struct tags){NULL, 0}, a->description, &why));
    assert_string_equal(a->description, "hello");
    must(engine_retag(e, "x", &(struct tags){NULL, 0}, NULL, &why));
    assert_string_equal(a->description, "");
    must_refuse(REFUSAL_ALLOCATION_UNKNOWN, false,
                engine_retag(e, "y", &(struct tags){NULL, 0}, NULL, &why));

    /* Long texts are cut between characters. */
    char id[200];
    memset(id, 'x', sizeof(id));
    memcpy(id + 126, "\xc3\xa4", 2); /* would straddle the end of the field */
    id[199] = '\0';
    must_refuse(REFUSAL_ALLOCATION_UNKNOWN, false, engine_release(e, id, &why));
    assert_int_equal(strlen(why.id), 126);
    for (int t = ALLOCATION_POOL; t <= ALLOCATION_ANYCAST; t++) {
        assert_non_null(allocation_type_name((enum allocation_type)t));
    }
    engine_free(e);
}

static void test_memory_is_given_back(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    add_pool(e, "p", NULL);
    provision(e, "p", "10.0.0.0/16");
    size_t bytes = 0;
    for (int round = 0; round < 6; round++) {
        allocate(e, "a", "p", NULL, 24);
        must(engine_retag(e, "a", &(struct tags){(struct tag[]){{"k", "v"}}, 1}, "text", &why));
        must(engine_release(e, "a", &why));
        assert_true(round < 3 || engine_memory(e) == bytes); /* arrays have grown by then */
        bytes = engine_memory(e);
    }
    engine_free(e);
}

/* --- reading --- */

static bool note_id(void *ctx, const struct allocation *a)
{
    strcat(ctx, a->id);
    return strlen(ctx) < 4;
}

static bool count_pool(void *ctx, const struct pool *p)
{
    (void)p;
    ++*(int *)ctx;
    return true;
}

static void test_visits(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    add_pool(e, "q", NULL);
    add_pool(e, "p", NULL);
    add_pool(e, "r", "p");
    provision(e, "p", "10.0.0.0/16");
    provision(e, "q", "10.1.0.0/16");
    allocate(e, "3", "p", "10.0.3.0/24", -1);
    allocate(e, "1", "p", "10.0.1.0/24", -1);
    allocate(e, "4", "q", "10.1.0.0/24", -1);
    load(e, "2", "p", "10.0.3.128/25"); /* in conflict with 3 */
    load(e, "0", "p", "9.0.0.0/24");    /* outside */
    settle(e);
    char ids[16] = "";
    assert_false(engine_each_allocation(e, engine_pool(e, "p"), note_id, ids));
    assert_string_equal(ids, "0132");
    ids[0] = '\0';
    assert_true(engine_each_allocation(e, engine_pool(e, "q"), note_id, ids));
    assert_string_equal(ids, "4");
    int n = 0;
    assert_true(engine_each_pool(e, count_pool, &n));
    assert_int_equal(n, 3);
    n = 0;
    assert_true(engine_each_child(e, engine_pool(e, "p"), count_pool, &n));
    assert_int_equal(n, 1);
    struct cidr c;
    assert_true(pool_cidr_at(engine_pool(e, "p"), 0, &c));
    assert_cidr(&c, "10.0.0.0/16");
    assert_false(pool_cidr_at(engine_pool(e, "p"), 1, &c));
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipams_and_scopes),     cmocka_unit_test(test_update_ipam),
        cmocka_unit_test(test_remove_ipam),          cmocka_unit_test(test_pool_refusals),
        cmocka_unit_test(test_pool_rules),           cmocka_unit_test(test_pool_quotas),
        cmocka_unit_test(test_remove_pool),          cmocka_unit_test(test_provision_refusals),
        cmocka_unit_test(test_deprovision),          cmocka_unit_test(test_top_level_by_length),
        cmocka_unit_test(test_planning_pool),        cmocka_unit_test(test_planning_layer),
        cmocka_unit_test(test_memory_is_given_back), cmocka_unit_test(test_order_of_checks),
        cmocka_unit_test(test_who_is_bound),         cmocka_unit_test(test_exact_and_next_free),
        cmocka_unit_test(test_retag_and_texts),      cmocka_unit_test(test_visits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
