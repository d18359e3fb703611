/*
 * What is left of a hierarchy when a part of it left the state: it holds its space everywhere but
 * in its own pool, which can get its CIDR back.
 */
#include "engine/engine_fixture.h"

struct missing {
    bool cidr, definition, source; /* of the middle pool; the CIDR of the top one */
};

/* top 10.0.0.0/8 > middle 10.0.0.0/16 > low 10.0.0.0/24, and a VPC in the middle one. */
static struct engine *estate_without(struct missing m)
{
    struct engine *e = new_engine();
    load_pool(e, "top", NULL);
    load_pool(e, "beside", "top");
    load_pool(e, "low", "middle");
    if (!m.source) {
        load_cidr(e, "top", "10.0.0.0/8", NULL);
    }
    if (!m.definition) {
        load_pool(e, "middle", "top");
    }
    if (!m.cidr) {
        load_cidr(e, "middle", "10.0.0.0/16", NULL);
    }
    load_cidr(e, "low", "10.0.0.0/24", NULL);
    load(e, "vpc", "middle", "10.0.1.0/24");
    settle(e);
    return e;
}

static enum engine_result ask(struct engine *e, const char *pool, const char *cidr,
                              struct refusal *why)
{
    struct allocation_request r = custom("x", pool, cidr, -1);
    struct cidr out;
    enum engine_result planned = engine_check_allocate(e, &r, false, why);
    enum engine_result picked = engine_pick_allocation(e, &r, &out, why);
    assert_int_equal(planned, picked);
    return picked;
}

static enum engine_result give(struct engine *e, const char *pool, const char *cidr,
                               struct refusal *why)
{
    struct provision_request r = {pool, C(cidr), -1, "x"};
    struct cidr out;
    enum engine_result planned = engine_check_provision(e, &r, why);
    enum engine_result picked = engine_pick_provision(e, &r, &out, why);
    assert_int_equal(planned, picked);
    return picked;
}

static void expect_held(struct engine *e, const char *pool)
{
    struct refusal why;
    must_refuse(REFUSAL_ORPHAN, true, ask(e, pool, "10.0.0.128/25", &why));
    assert_cidr(&why.conflict, "10.0.0.0/24");
    assert_string_equal(why.text, "middle");
    assert_string_equal(why.holder_resource, "low");
    must_refuse(REFUSAL_ORPHAN, true, ask(e, pool, "10.0.1.0/24", &why));
    assert_string_equal(why.other_id, "vpc");
    assert_string_equal(why.holder_resource, "vpc-1");
    assert_int_equal(ask(e, pool, "10.0.2.0/24", &why), ENGINE_OK);
    assert_cidr(&allocate(e, "by-length", pool, NULL, 24)->cidr, "10.0.2.0/24");
}

static void test_a_lost_cidr(void **state)
{
    (void)state;
    struct engine *e = estate_without((struct missing){.cidr = true});
    struct refusal why;
    expect_held(e, "top");
    must_refuse(REFUSAL_TAKEN, true, give(e, "middle", "10.0.0.0/16", &why)); /* 10.0.2.0/24 */
    must(engine_release(e, "by-length", &why));
    must_refuse(REFUSAL_ORPHAN, true, give(e, "beside", "10.0.0.0/15", &why));
    provision(e, "middle", "10.0.0.0/16");
    assert_true(engine_check(e));
    assert_false(engine_allocation(e, "vpc")->conflicting);
    assert_cidr(&allocate(e, "y", "middle", NULL, 24)->cidr, "10.0.2.0/24");
    must_refuse(REFUSAL_TAKEN, true, ask(e, "middle", "10.0.1.0/24", &why));
    engine_free(e);
}

static void test_a_part_of_the_cidr_comes_back(void **state)
{
    (void)state;
    struct engine *e = estate_without((struct missing){.cidr = true});
    struct refusal why;
    provision(e, "middle", "10.0.1.0/25"); /* smaller than its orphan */
    assert_true(engine_check(e));
    must_refuse(REFUSAL_TAKEN, true, ask(e, "middle", "10.0.1.0/28", &why));
    must_refuse(REFUSAL_ORPHAN, true, ask(e, "top", "10.0.1.128/25", &why));
    engine_free(e);
}

static void test_the_source_lost_its_cidr_too(void **state)
{
    (void)state;
    struct engine *e = estate_without((struct missing){.cidr = true, .source = true});
    struct refusal why;
    add_pool(e, "other", NULL);
    must_refuse(REFUSAL_OVERLAPS_POOL, true, give(e, "other", "10.0.0.0/8", &why));
    provision(e, "other", "10.0.1.0/24"); /* over the VPC: a range may be taken, not given out */
    must_refuse(REFUSAL_ORPHAN, true, ask(e, "other", "10.0.1.0/28", &why));
    must_refuse(REFUSAL_NO_SPACE, true,
                engine_pick_allocation(
                    e, &(struct allocation_request){.id = "x", .pool_id = "other", .length = 28},
                    &(struct cidr){0}, &why));
    assert_int_equal(why.largest_free, -1);
    struct cidr c = C("10.0.1.0/24");
    must(engine_deprovision(e, "other", &c, &why));
    provision(e, "top", "10.0.0.0/8");
    provision(e, "middle", "10.0.0.0/16");
    assert_true(engine_check(e));
    assert_false(engine_allocation(e, "vpc")->conflicting);
    engine_free(e);
}

static void test_a_lost_definition(void **state)
{
    (void)state;
    struct refusal why;
    struct engine *e = estate_without((struct missing){.cidr = true, .definition = true});
    expect_held(e, "top");
    load_pool(e, "middle", "top");
    settle(e);
    must(engine_release(e, "by-length", &why));
    provision(e, "middle", "10.0.0.0/16");
    engine_free(e);

    e = estate_without((struct missing){.definition = true}); /* its CIDR is there */
    must_refuse(REFUSAL_ORPHAN, true, ask(e, "top", "10.0.7.0/24", &why));
    assert_cidr(&why.conflict, "10.0.0.0/16");
    assert_string_equal(why.holder_resource, "middle");
    assert_string_equal(why.other_id, "");
    must_refuse(REFUSAL_ORPHAN, true, give(e, "beside", "10.0.0.0/12", &why));
    assert_cidr(&allocate(e, "a", "top", NULL, 24)->cidr, "10.1.0.0/24");
    assert_cidr(&allocate(e, "b", "low", NULL, 28)->cidr, "10.0.0.0/28"); /* goes on as it was */
    load_pool(e, "middle", "top");
    settle(e);
    assert_cidr(&allocate(e, "c", "middle", NULL, 24)->cidr, "10.0.2.0/24");
    engine_free(e);
}

static void test_another_scope_is_no_matter(void **state)
{
    (void)state;
    struct engine *e = estate_without((struct missing){.cidr = true});
    must(engine_add_scope(e, &(struct scope_info){"second", "ipam-1", SCOPE_PRIVATE, false}, &why));
    struct pool_info info = a_pool("elsewhere", NULL);
    info.scope_id = "second";
    must(engine_add_pool(e, &info, &why));
    provision(e, "elsewhere", "10.0.0.0/8");
    assert_cidr(&allocate(e, "a", "elsewhere", "10.0.1.0/24", -1)->cidr, "10.0.1.0/24");
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lost_cidr),
        cmocka_unit_test(test_a_part_of_the_cidr_comes_back),
        cmocka_unit_test(test_the_source_lost_its_cidr_too),
        cmocka_unit_test(test_a_lost_definition),
        cmocka_unit_test(test_another_scope_is_no_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
