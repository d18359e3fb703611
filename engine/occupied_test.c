/*
 * Networks that no pool gave: what they keep from whom.
 */
#include "engine/engine_fixture.h"

static void occupy_as(struct engine *e, const char *cidr, const char *id, const char *inside)
{
    struct occupant o = {.scope_id = "private",
                         .inside = inside,
                         .cidr = C(cidr),
                         .resource_id = id,
                         .allocation_id = "alloc-of-it",
                         .type = "vpc",
                         .owner = "210987654321",
                         .where = "vpcs.yaml:3:5"};
    must(engine_load_occupant(e, &o));
}

static struct pool_info local_pool(const char *id, const char *source)
{
    struct pool_info info = a_pool(id, source);
    info.locale = "us-east-1";
    return info;
}

static void add_local(struct engine *e, const char *id, const char *source)
{
    struct pool_info info = local_pool(id, source);
    must(engine_add_pool(e, &info, &why));
}

static struct engine *an_estate(void)
{
    struct engine *e = new_engine();
    add_local(e, "p", NULL);
    provision(e, "p", "10.0.0.0/16");
    occupy_as(e, "10.0.0.0/24", "vpc-old", NULL);
    return e;
}

static enum engine_result pick(struct engine *e, const struct allocation_request *r,
                               struct cidr *out, struct refusal *why)
{
    enum engine_result planned = engine_check_allocate(e, r, false, why);
    assert_int_equal(planned, engine_pick_allocation(e, r, out, why));
    return planned;
}

static void expect_pick(struct engine *e, const char *pool, int length, const char *expected)
{
    struct refusal why;
    struct cidr out;
    struct allocation_request r = a_vpc("picked", pool, NULL, length);
    assert_int_equal(pick(e, &r, &out, &why), ENGINE_OK);
    assert_cidr(&out, expected);
    assert_true(engine_check(e));
}

static void expect_exact_refused(struct engine *e, const char *pool, const char *cidr)
{
    struct refusal why;
    struct cidr out;
    struct allocation_request r = custom("picked", pool, cidr, -1);
    must_refuse(REFUSAL_OCCUPIED, false, pick(e, &r, &out, &why));
}

static void test_resources_keep_off(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct refusal why;
    struct cidr out;
    struct allocation_request r = custom("x", "p", "10.0.0.0/20", -1);
    must_refuse(REFUSAL_OCCUPIED, false, pick(e, &r, &out, &why));
    assert_cidr(&why.conflict, "10.0.0.0/24");
    assert_string_equal(why.id, "p");
    assert_string_equal(why.holder_resource, "vpc-old");
    assert_string_equal(why.holder_owner, "210987654321");
    assert_string_equal(why.holder_type, "vpc");
    assert_string_equal(why.text2, "vpcs.yaml:3:5");
    assert_cidr(&allocate(e, "a", "p", NULL, 25)->cidr, "10.0.1.0/25");
    assert_cidr(&allocate(e, "b", "p", NULL, 24)->cidr, "10.0.2.0/24");
    r = custom("x", "p", NULL, 16);
    must_refuse(REFUSAL_NO_SPACE, true, pick(e, &r, &out, &why));
    assert_int_equal(why.largest_free, 17);
    assert_int_equal(why.free_addresses.lo, 65536 - 256 - 256 - 128);
    assert_int_equal(why.occupied_addresses.lo, 256);
    must(engine_release(e, "b", &why));
    must(engine_release(e, "a", &why));
    expect_pick(e, "p", 25, "10.0.1.0/25");
    engine_forget_occupants(e);
    expect_pick(e, "p", 25, "10.0.0.0/25");
    engine_free(e);
}

static void test_who_it_is_may_have_it(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct refusal why;
    const struct allocation *a;
    struct allocation_request r = a_vpc("x", "p", "10.0.0.0/24", -1);
    must_refuse(REFUSAL_OCCUPIED, false, engine_allocate(e, &r, &a, &why));
    r.id = "alloc-of-it"; /* the tag of the resource says so */
    must(engine_allocate(e, &r, &a, &why));
    must(engine_release(e, r.id, &why));
    r.id = "x";
    r.resource_id = "vpc-old";
    must(engine_allocate(e, &r, &a, &why));
    expect_pick(e, "p", 24, "10.0.1.0/24");
    must(engine_release(e, "x", &why));
    expect_pick(e, "p", 24, "10.0.1.0/24"); /* it is still there */
    occupy_as(e, "10.0.0.128/25", "vpc-second", NULL);
    must_refuse(REFUSAL_OCCUPIED, false, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.holder_resource, "vpc-second");
    engine_free(e);
}

static void test_a_pool_can_ignore_them(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct pool_info info = local_pool("p", NULL);
    expect_pick(e, "p", 24, "10.0.1.0/24");
    info.ignore_occupants = true;
    must(engine_update_pool(e, &info, &why));
    expect_pick(e, "p", 24, "10.0.0.0/24");
    info.ignore_occupants = false;
    must(engine_update_pool(e, &info, &why));
    expect_pick(e, "p", 24, "10.0.1.0/24");
    engine_free(e);
}

static void test_pools_are_built_on_top(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct cidr out;
    add_local(e, "by-length", "p");
    add_local(e, "on-top", "p");
    struct provision_request r = {"by-length", {0}, 17, "x"};
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, "10.0.128.0/17"); /* a half without any */
    provision(e, "on-top", "10.0.0.0/18");
    expect_pick(e, "on-top", 24, "10.0.1.0/24");
    r = (struct provision_request){"by-length", {0}, 18, "y"};
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, "10.0.64.0/18");
    struct cidr c = C("10.0.0.0/18");
    must(engine_deprovision(e, "on-top", &c, &why));
    must(engine_provision(e, &(struct provision_request){"on-top", {0}, 18, "z"}, &out, &why));
    assert_cidr(&out, "10.0.0.0/18"); /* there is no other */
    expect_pick(e, "on-top", 24, "10.0.1.0/24");
    engine_free(e);
}

static void test_larger_than_the_pool(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct refusal why;
    struct cidr out;
    allocate(e, "a", "p", "10.0.7.0/24", -1);
    occupy_as(e, "10.0.0.0/8", "vpc-huge", NULL);
    struct allocation_request r = a_vpc("x", "p", NULL, 28);
    must_refuse(REFUSAL_NO_SPACE, true, pick(e, &r, &out, &why));
    assert_int_equal(why.largest_free, -1);
    assert_true(count_is_zero(why.free_addresses));
    assert_int_equal(why.occupied_addresses.lo, 65536 - 256);
    must(engine_release(e, "a", &why)); /* what is there is no matter */
    must_refuse(REFUSAL_NO_SPACE, true, pick(e, &r, &out, &why));
    engine_free(e);
}

static void test_in_a_plan(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct refusal why;
    struct cidr c = C("10.1.0.0/16");
    struct allocation_request r = a_vpc("x", "p", "10.1.0.0/24", -1);
    occupy_as(e, "10.1.0.0/24", "vpc-new", NULL);
    allocate(e, "a", "p", "10.0.1.0/24", -1);
    engine_plan_leave(e, "a");
    r.cidr = C("10.0.1.0/24");
    assert_int_equal(engine_check_allocate(e, &r, false, &why), ENGINE_OK);
    must(engine_plan_provision(e, "p", &c, -1));
    r.cidr = C("10.1.0.0/24");
    must_refuse(REFUSAL_OCCUPIED, false, engine_check_allocate(e, &r, false, &why));
    allocate(e, "b", "p", "10.0.2.0/24", -1);
    engine_plan_leave(e, "b");
    r.cidr = C("10.0.2.0/23");
    assert_int_equal(engine_check_allocate(e, &r, false, &why), ENGINE_OK);
    r.cidr = (struct cidr){0};
    r.length = 15;
    must_refuse(REFUSAL_NO_SPACE, true, engine_check_allocate(e, &r, false, &why));
    assert_int_equal(why.occupied_addresses.lo, 512);
    assert_int_equal(why.free_addresses.lo, 2 * 65536 - 512);
    engine_free(e);
}

static bool is_mine(void *ctx, const struct allocation *a)
{
    return strcmp(a->id, ctx) == 0;
}

static void test_copies_hold_them(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct space *s;
    struct cidr out, c = C("10.0.4.0/24");
    allocate(e, "mine", "p", "10.0.4.0/24", -1);
    occupy_as(e, "10.0.4.0/23", "vpc-since", NULL);
    must(engine_copy_space(e, "p", false, NULL, NULL, &s));
    assert_int_equal(space_next_free(s, 24, NULL, 0, &out), SPACE_OK);
    assert_cidr(&out, "10.0.1.0/24");
    assert_true(space_overlapping(s, &c, &out));
    space_free(s);
    must(engine_copy_space(e, "p", false, is_mine, "mine", &s));
    assert_int_equal(space_claim(s, &c, NULL), SPACE_OK); /* keeps what it has */
    c = C("10.0.5.0/24");
    assert_int_equal(space_claim(s, &c, NULL), SPACE_TAKEN);
    space_free(s);
    engine_free(e);
}

static bool count_one(void *ctx, const struct occupant *o)
{
    size_t *n = ctx;
    assert_string_equal(o->resource_id, "subnet-1");
    (*n)++;
    return true;
}

static void test_inside_of_a_vpc(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    size_t n = 0;
    struct pool_info info = local_pool("p", NULL);
    must(engine_add_pool(e, &info, &why));
    provision(e, "p", "10.0.0.0/16");
    const struct allocation *a;
    struct allocation_request r = a_vpc("v", "p", "10.0.0.0/20", -1);
    must(engine_allocate(e, &r, &a, &why));
    info = local_pool("inside", "p");
    info.planning = true;
    info.resource_id = "vpc-1";
    must(engine_add_pool(e, &info, &why));
    provision(e, "inside", "10.0.0.0/20");
    occupy_as(e, "10.0.0.0/20", "vpc-1", NULL); /* the VPC itself is no obstacle inside of it */
    occupy_as(e, "10.0.0.0/24", "subnet-1", "vpc-1");
    occupy_as(e, "10.0.1.0/24", "subnet-2", "vpc-2");
    expect_pick(e, "inside", 24, "10.0.1.0/24");
    struct cidr c = C("10.0.0.0/28");
    engine_each_occupant(e, engine_pool(e, "inside"), &c, count_one, &n);
    assert_int_equal(n, 1);
    expect_pick(e, "p", 24, "10.0.16.0/24");
    engine_free(e);
}

static void test_scopes_are_apart(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    must(engine_add_scope(e, &(struct scope_info){"second", "ipam-1", SCOPE_PRIVATE, false}, &why));
    struct pool_info info = local_pool("q", NULL);
    info.scope_id = "second";
    must(engine_add_pool(e, &info, &why));
    provision(e, "q", "10.0.0.0/16");
    assert_cidr(&allocate(e, "a", "q", NULL, 24)->cidr, "10.0.0.0/24");
    assert_ptr_equal(engine_open_space(e, "q"), pool_space(engine_pool(e, "q")));
    assert_null(engine_open_space(e, "nowhere"));
    engine_free(e);
}

static void own_at(struct engine *e, const char *cidr, const char *id)
{
    struct occupant o = {.scope_id = "private",
                         .cidr = C(cidr),
                         .resource_id = id,
                         .allocation_id = id,
                         .type = "vpc",
                         .own = true};
    must(engine_load_occupant(e, &o));
}

static void expect_copy(struct engine *e, bool as_marked, const char *expected)
{
    struct space *s;
    struct cidr out;
    must(engine_copy_space(e, "p", as_marked, NULL, NULL, &s));
    assert_int_equal(space_next_free(s, 24, NULL, 0, &out), SPACE_OK);
    assert_cidr(&out, expected);
    space_free(s);
}

static void test_own_ones_come_and_go(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct refusal why;
    struct cidr out;
    struct allocation_request r = a_vpc("x", "p", "10.0.1.0/24", -1);
    own_at(e, "10.0.1.0/24", "plain");
    must_refuse(REFUSAL_OCCUPIED, true, engine_pick_allocation(e, &r, &out, &why));
    must_refuse(REFUSAL_OCCUPIED, true, engine_check_allocate(e, &r, false, &why));
    engine_mark(e);
    own_at(e, "10.0.2.0/24", "late");
    expect_pick(e, "p", 24, "10.0.3.0/24");
    expect_copy(e, true, "10.0.2.0/24");
    engine_plan_leave_occupant(e, "alloc-of-it"); /* what others made stays */
    engine_unload_occupant(e, "alloc-of-it");
    engine_plan_leave_occupant(e, "plain");
    assert_int_equal(engine_check_allocate(e, &r, false, &why), ENGINE_OK);
    must_refuse(REFUSAL_OCCUPIED, true, engine_pick_allocation(e, &r, &out, &why));
    assert_true(engine_check(e));
    engine_unload_occupant(e, "plain");
    assert_int_equal(engine_pick_allocation(e, &r, &out, &why), ENGINE_OK);
    expect_pick(e, "p", 24, "10.0.1.0/24");
    expect_copy(e, false, "10.0.1.0/24");
    expect_copy(e, true, "10.0.2.0/24"); /* as it was */
    own_at(e, "10.0.1.0/24", "plain");   /* it came back */
    expect_pick(e, "p", 24, "10.0.3.0/24");
    engine_free(e);
}

static void test_a_plan_draws_where_an_own_one_leaves(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    add_local(e, "p", NULL);
    provision(e, "p", "10.0.0.0/16");
    own_at(e, "10.0.0.0/16", "plain");
    struct allocation_request r = a_vpc("x", "p", NULL, 16);
    must_refuse(REFUSAL_NO_SPACE, true, engine_check_allocate(e, &r, false, &why));
    engine_plan_leave_occupant(e, "plain");
    assert_int_equal(engine_check_allocate(e, &r, false, &why), ENGINE_OK);
    allocate(e, "res", "p", "10.0.0.0/16", -1);
    assert_true(engine_check(e));
    engine_free(e);
}

static void test_a_reservation_is_put_around_an_own_one(void **state)
{
    (void)state;
    struct engine *e = an_estate();
    struct refusal why;
    struct cidr out;
    own_at(e, "10.0.4.0/24", "plain");
    struct allocation_request r = custom("x", "p", "10.0.4.0/25", -1);
    must_refuse(REFUSAL_OCCUPIED, true, engine_pick_allocation(e, &r, &out, &why));
    r.cidr = C("10.0.4.0/23");
    assert_int_equal(engine_pick_allocation(e, &r, &out, &why), ENGINE_OK);
    r.type = ALLOCATION_VPC;
    must_refuse(REFUSAL_OCCUPIED, true, engine_pick_allocation(e, &r, &out, &why));
    expect_exact_refused(e, "p", "10.0.0.0/23"); /* not around what others made */
    engine_free(e);
}

static void seen_at(struct engine *e, const char *cidr, const char *region)
{
    struct occupant o = {.cidr = C(cidr), .region = region, .resource_id = "vpc-old"};
    must(engine_load_occupant(e, &o));
}

static void test_the_scope_follows_from_region_and_cidr(void **state)
{
    (void)state;
    struct engine *e = engine_new();
    seen_at(e, "10.0.0.0/24", "eu-west-1");
    seen_at(e, "10.0.1.0/24", "us-east-1");
    seen_at(e, "10.0.2.0/24", "mars-1"); /* nobody operates there: everybody's matter */
    seen_at(e, "fd00::/48", "eu-west-1");
    seen_at(e, "2001:db8::/48", "eu-west-1");
    static const char *const here[] = {"eu-west-1", NULL}, *const there[] = {"us-east-1", NULL};
    struct ipam_info first = {"ipam-1", ACCOUNT, "eu-west-1", "private", "public", here};
    struct ipam_info second = {"ipam-2", ACCOUNT, "us-east-1", "private-2", "public-2", there};
    must(engine_add_ipam(e, &first, &why)); /* it comes after what was seen */
    must(engine_add_ipam(e, &second, &why));
    add_pool(e, "p", NULL);
    provision(e, "p", "10.0.0.0/16");
    struct pool_info info = a_pool("q", NULL);
    info.scope_id = "private-2";
    must(engine_add_pool(e, &info, &why));
    provision(e, "q", "10.0.0.0/16");
    assert_cidr(&allocate(e, "a", "p", NULL, 24)->cidr, "10.0.1.0/24");
    assert_cidr(&allocate(e, "b", "p", NULL, 24)->cidr, "10.0.3.0/24");
    assert_cidr(&allocate(e, "c", "q", NULL, 24)->cidr, "10.0.0.0/24");
    assert_cidr(&allocate(e, "d", "q", NULL, 24)->cidr, "10.0.3.0/24");
    must(engine_update_ipam(e, &(struct ipam_info){"ipam-2", "", "us-east-1", NULL, NULL, here},
                            &why));
    assert_true(engine_check(e));
    expect_exact_refused(e, "q", "10.0.1.0/28"); /* now nobody operates in us-east-1 */
    struct cidr c = C("fd00::/64");
    assert_true(engine_scope_takes(e, engine_scope(e, "private"), &c, "eu-west-1"));
    assert_false(engine_scope_takes(e, engine_scope(e, "public"), &c, "eu-west-1"));
    c = C("2001:db8::/48");
    assert_false(engine_scope_takes(e, engine_scope(e, "private"), &c, "eu-west-1"));
    assert_true(engine_scope_takes(e, engine_scope(e, "public"), &c, "eu-west-1"));
    must(engine_remove_ipam(e, "ipam-1", true, &why));
    assert_true(engine_check(e));
    expect_exact_refused(e, "q", "10.0.2.0/28");
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resources_keep_off),
        cmocka_unit_test(test_who_it_is_may_have_it),
        cmocka_unit_test(test_a_pool_can_ignore_them),
        cmocka_unit_test(test_pools_are_built_on_top),
        cmocka_unit_test(test_larger_than_the_pool),
        cmocka_unit_test(test_in_a_plan),
        cmocka_unit_test(test_copies_hold_them),
        cmocka_unit_test(test_inside_of_a_vpc),
        cmocka_unit_test(test_scopes_are_apart),
        cmocka_unit_test(test_own_ones_come_and_go),
        cmocka_unit_test(test_a_plan_draws_where_an_own_one_leaves),
        cmocka_unit_test(test_a_reservation_is_put_around_an_own_one),
        cmocka_unit_test(test_the_scope_follows_from_region_and_cidr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
