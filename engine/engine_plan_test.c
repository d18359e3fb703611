/*
 * Tests of planning: what leaves is out of the way, what will come counts, nothing real changes.
 */
#include "engine/engine_fixture.h"
#include "engine/engine_internal.h"

static enum engine_result check(struct engine *e, const char *pool, const char *cidr, int length,
                                struct refusal *why)
{
    struct allocation_request r = custom(NULL, pool, cidr, length);
    return engine_check_allocate(e, &r, false, why);
}

static enum engine_result check_cidr(struct engine *e, const char *pool, const char *cidr,
                                     int length, struct refusal *why)
{
    struct provision_request r = {pool, {0}, length, NULL};
    if (cidr) {
        r.cidr = C(cidr);
    }
    return engine_check_provision(e, &r, why);
}

/* Two pools with room for four /26 each; the first is full. */
static struct engine *full_pool(void)
{
    struct engine *e = new_engine();
    add_pool(e, "p", NULL);
    add_pool(e, "q", NULL);
    provision(e, "p", "10.0.0.0/24");
    allocate(e, "a", "p", NULL, 26);
    allocate(e, "b", "p", NULL, 26);
    allocate(e, "c", "p", NULL, 26);
    allocate(e, "d", "p", NULL, 26);
    return e;
}

static void test_rules_only(void **state)
{
    (void)state;
    struct engine *e = full_pool();
    struct refusal why;
    struct pool_info p = a_pool("p", NULL);
    p.rules = (struct rules){24, 28, -1, {NULL, 0}};
    must(engine_update_pool(e, &p, &why));
    struct allocation_request r = custom(NULL, "p", NULL, 29);
    must_refuse(REFUSAL_TOO_SMALL, false, engine_check_allocate(e, &r, true, &why));
    r.length = 28;
    must(engine_check_allocate(e, &r, true, &why));
    must_refuse(REFUSAL_NO_SPACE, true, engine_check_allocate(e, &r, false, &why));
    r.pool_id = "x";
    must_refuse(REFUSAL_POOL_UNKNOWN, false, engine_check_allocate(e, &r, true, &why));
    engine_free(e);
}

static void test_leaving(void **state)
{
    (void)state;
    struct engine *e = full_pool();
    struct refusal why;
    const struct allocation *a;
    must_refuse(REFUSAL_NO_SPACE, true, check(e, "p", NULL, 26, &why));
    engine_plan_leave(e, "b");
    engine_plan_leave(e, "b");
    engine_plan_leave(e, "nobody");
    assert_true(engine_allocation(e, "b")->leaving);
    must(check(e, "p", NULL, 26, &why));
    must_refuse(REFUSAL_NO_SPACE, true, check(e, "p", NULL, 25, &why));
    assert_int_equal(why.largest_free, 26);
    assert_int_equal(why.free_addresses.lo, 64);
    engine_plan_leave(e, "a"); /* the planned space follows */
    must(check(e, "p", NULL, 25, &why));
    must(check(e, "p", "10.0.0.0/25", -1, &why));
    must_refuse(REFUSAL_TAKEN, true, check(e, "p", "10.0.0.0/24", -1, &why));
    assert_string_equal(why.other_id, "c");
    assert_true(engine_check(e));
    /* The block is still taken until it leaves. */
    struct allocation_request r = custom("x", "p", NULL, 26);
    must_refuse(REFUSAL_NO_SPACE, true, engine_allocate(e, &r, &a, &why));
    must(engine_release(e, "a", &why));
    must(engine_allocate(e, &r, &a, &why));
    assert_cidr(&a->cidr, "10.0.0.0/26");
    must(check(e, "p", NULL, 26, &why));
    must_refuse(REFUSAL_NO_SPACE, true, check(e, "p", NULL, 25, &why));
    must(engine_release(e, "b", &why));
    must(check(e, "p", NULL, 26, &why));
    must(engine_release(e, "d", &why)); /* it was not leaving */
    must(check(e, "p", "10.0.0.192/26", -1, &why));
    engine_free(e);
}

static void test_leaving_in_an_overlap(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    load_pool(e, "p", NULL);
    load_cidr(e, "p", "10.0.0.0/24", NULL);
    load(e, "outer", "p", "10.0.0.0/25");
    load(e, "inner", "p", "10.0.0.0/26");
    load(e, "wide", "p", "10.0.0.0/16");
    settle(e);
    must_refuse(REFUSAL_TAKEN, true, check(e, "p", "10.0.0.128/25", -1, &why));
    assert_string_equal(why.other_id, "wide");
    engine_plan_leave(e, "wide");
    must(check(e, "p", "10.0.0.128/25", -1, &why));
    must_refuse(REFUSAL_TAKEN, true, check(e, "p", "10.0.0.0/26", -1, &why));
    assert_string_equal(why.other_id, "outer");
    engine_plan_leave(e, "outer");
    must_refuse(REFUSAL_TAKEN, true, check(e, "p", "10.0.0.0/26", -1, &why));
    assert_string_equal(why.other_id, "inner");
    must(check(e, "p", "10.0.0.64/26", -1, &why));
    must(check(e, "p", NULL, 25, &why));
    assert_true(engine_check(e));
    engine_free(e);
}

static void test_foreign_that_leaves(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    load_pool(e, "p", NULL);
    load_pool(e, "q", NULL);
    load_cidr(e, "p", "10.0.0.0/24", NULL);
    load_cidr(e, "q", "10.0.0.0/24", NULL);
    load(e, "a", "q", "10.0.0.0/25");
    settle(e);
    must_refuse(REFUSAL_TAKEN, true, check(e, "p", "10.0.0.0/26", -1, &why));
    must_refuse(REFUSAL_NO_SPACE, true, check(e, "p", NULL, 24, &why));
    engine_plan_leave(e, "a");
    must(check(e, "p", "10.0.0.0/26", -1, &why));
    must(check(e, "p", NULL, 24, &why));
    engine_free(e);
}

static void test_leaving_cidrs(void **state)
{
    (void)state;
    struct engine *e = full_pool();
    struct refusal why;
    struct cidr c = C("10.0.0.0/24"), other = C("10.9.0.0/24");
    must_refuse(REFUSAL_OVERLAPS_POOL, true, check_cidr(e, "q", "10.0.0.0/24", -1, &why));
    must_refuse(REFUSAL_CIDR_EXISTS, true, check_cidr(e, "p", "10.0.0.0/16", -1, &why));
    engine_plan_leave_cidr(e, "p", &other);
    engine_plan_leave_cidr(e, "nobody", &c);
    engine_plan_leave_cidr(e, "p", &c);
    must(check_cidr(e, "q", "10.0.0.0/24", -1, &why));
    must(check_cidr(e, "p", "10.0.0.0/16", -1, &why));
    must_refuse(REFUSAL_NO_CIDRS, true, check(e, "p", NULL, 26, &why));
    struct cidr wider = C("10.0.0.0/16");
    must(engine_plan_provision(e, "p", &wider, -1)); /* a replacement */
    must_refuse(REFUSAL_TAKEN, true, check(e, "p", "10.0.0.0/26", -1, &why));
    must(check(e, "p", NULL, 17, &why));
    engine_quotas(e)->cidrs_per_pool = 1;
    must(check_cidr(e, "p", "10.7.0.0/16", -1, &why));
    assert_true(engine_check(e));
    engine_free(e);
}

static void test_leaving_child_cidr(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct cidr c = C("10.0.0.0/17");
    add_pool(e, "top", NULL);
    add_pool(e, "a", "top");
    add_pool(e, "b", "top");
    provision(e, "top", "10.0.0.0/16");
    provision(e, "a", "10.0.0.0/17");
    must_refuse(REFUSAL_TAKEN, true, check_cidr(e, "b", "10.0.0.0/18", -1, &why));
    must_refuse(REFUSAL_NO_SPACE, true, check_cidr(e, "b", NULL, 16, &why));
    engine_plan_leave_cidr(e, "a", &c);
    assert_true(engine_allocation(e, "a-10.0.0.0/17")->leaving);
    must(check_cidr(e, "b", "10.0.0.0/18", -1, &why));
    must(check_cidr(e, "b", NULL, 16, &why));
    engine_free(e);

    e = new_engine(); /* marked before it was settled */
    load_pool(e, "top", NULL);
    load_pool(e, "a", "top");
    load_pool(e, "b", "top");
    load_cidr(e, "top", "10.0.0.0/16", NULL);
    load_cidr(e, "a", "10.0.0.0/17", NULL);
    engine_plan_leave_cidr(e, "a", &c);
    must(check_cidr(e, "b", NULL, 16, &why));
    assert_true(engine_check(e));
    engine_free(e);
}

static void test_planned_supply(void **state)
{
    (void)state;
    struct engine *e = full_pool();
    struct refusal why;
    struct cidr c = C("10.1.0.0/24"), out;
    must_refuse(REFUSAL_NO_CIDRS, true, check(e, "q", NULL, 26, &why));
    must_refuse(REFUSAL_OUTSIDE_POOL, true, check(e, "p", "10.1.0.0/26", -1, &why));
    must(engine_plan_provision(e, "p", &c, -1));
    must(engine_plan_provision(e, "p", &c, -1));
    must(check(e, "p", "10.1.0.0/26", -1, &why));
    must(check(e, "p", NULL, 24, &why));
    must_refuse(REFUSAL_NO_SPACE, true, check(e, "p", NULL, 23, &why));
    must_refuse(REFUSAL_OUTSIDE_POOL, true, check(e, "p", "10.2.0.0/26", -1, &why));

    /* An address that is not known yet: only what is too large for it is refused. */
    must(engine_plan_provision(e, "q", NULL, 24));
    must(check(e, "q", NULL, 26, &why));
    must(check(e, "q", "10.2.0.0/24", -1, &why));
    must_refuse(REFUSAL_NO_CIDRS, true, check(e, "q", NULL, 23, &why));
    must_refuse(REFUSAL_NO_CIDRS, true, check(e, "q", "10.2.0.0/23", -1, &why));
    must(engine_plan_provision(e, "p", NULL, -1));
    must(check(e, "p", NULL, 8, &why));
    must_refuse(REFUSAL_TAKEN, true, check(e, "p", "10.0.0.0/26", -1, &why));

    /* Come true: the plan is used up. */
    struct provision_request r = {"q", C("10.5.0.0/24"), -1, NULL};
    must(engine_provision(e, &r, &out, &why));
    allocate(e, "x", "q", NULL, 24);
    must_refuse(REFUSAL_NO_SPACE, true, check(e, "q", NULL, 26, &why));
    r = (struct provision_request){"p", c, -1, NULL};
    must(engine_provision(e, &r, &out, &why));
    must(check(e, "p", "10.1.0.0/24", -1, &why));
    assert_int_equal(engine_pool(e, "p")->supply_count, 1);
    assert_true(engine_check(e));
    engine_free(e);
}

static void test_planned_supply_for_children(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct refusal why;
    struct cidr c = C("10.0.0.0/16");
    add_pool(e, "top", NULL);
    add_pool(e, "child", "top");
    must_refuse(REFUSAL_NO_CIDRS, true, check_cidr(e, "child", NULL, 20, &why));
    must(engine_plan_provision(e, "top", &c, -1));
    must(check_cidr(e, "child", NULL, 20, &why));
    must(check_cidr(e, "child", "10.0.0.0/20", -1, &why));
    must_refuse(REFUSAL_LENGTH_INVALID, true, check_cidr(e, "child", NULL, 15, &why));
    must_refuse(REFUSAL_OUTSIDE_POOL, true, check_cidr(e, "child", "10.1.0.0/20", -1, &why));
    must(engine_plan_provision(e, "top", NULL, 12));
    must(check_cidr(e, "child", NULL, 15, &why));
    must(check_cidr(e, "child", "10.1.0.0/20", -1, &why));
    must_refuse(REFUSAL_LENGTH_INVALID, true, check_cidr(e, "child", NULL, 11, &why));
    must_refuse(REFUSAL_LENGTH_INVALID, false, check_cidr(e, "child", NULL, 33, &why));
    must_refuse(REFUSAL_POOL_UNKNOWN, false, check_cidr(e, "nobody", NULL, 20, &why));
    assert_int_equal(pool_cidr_count(engine_pool(e, "top")), 0);
    engine_free(e);
}

static void test_intents(void **state)
{
    (void)state;
    struct engine *e = new_engine();
    struct cidr c = C("10.0.0.0/26"), d = C("10.0.0.128/25"), far = C("10.0.0.64/27");
    add_pool(e, "p", NULL);
    provision(e, "p", "10.0.0.0/24");
    must(engine_plan_intent(e, "p", &d));
    must(engine_plan_intent(e, "p", &c));
    must(engine_plan_intent(e, "p", &c));
    must(engine_plan_intent(e, "p", &far));
    assert_true(engine_check(e));
    engine_plan_forget(e, "p", &far);
    engine_plan_forget(e, "p", &far);
    engine_plan_forget(e, "nobody", &far);
    struct allocation_request r = custom("x", "p", NULL, 27);
    struct cidr disallowed = C("10.0.0.64/28");
    const struct allocation *a;
    r.disallowed = &disallowed;
    r.disallowed_count = 1;
    must(engine_allocate(e, &r, &a, &why));
    assert_cidr(&a->cidr, "10.0.0.96/27");
    assert_cidr(&allocate(e, "y", "p", NULL, 27)->cidr, "10.0.0.64/27");
    assert_cidr(&allocate(e, "z", "p", NULL, 28)->cidr, "10.0.0.0/28"); /* no room elsewhere */
    must(engine_release(e, "z", &why));
    assert_cidr(&allocate(e, "c", "p", "10.0.0.0/26", -1)->cidr, "10.0.0.0/26");
    assert_int_equal(engine_pool(e, "p")->intent_count, 1);
    must(engine_plan_intent(e, "p", &c)); /* claimed already */
    assert_int_equal(engine_pool(e, "p")->intent_count, 1);
    /* A claim by name does not mind intents. */
    assert_cidr(&allocate(e, "w", "p", "10.0.0.128/26", -1)->cidr, "10.0.0.128/26");

    add_pool(e, "child", "p");
    struct cidr e1 = C("10.0.0.192/27"), out;
    engine_plan_forget(e, "p", &d);
    must(engine_plan_intent(e, "p", &e1));
    struct provision_request pr = {"child", {0}, 27, "l1"};
    must(engine_provision(e, &pr, &out, &why));
    assert_cidr(&out, "10.0.0.224/27");
    provision(e, "child", "10.0.0.192/27");
    assert_int_equal(engine_pool(e, "p")->intent_count, 0);
    assert_true(engine_check(e));
    engine_free(e);
}

/* The planned space, whatever was followed step by step, is what building it anew gives. */
static void test_planned_space_is_followed(void **state)
{
    (void)state;
    random_start();
    for (int round = 0; round < 40; round++) {
        struct engine *e = new_engine();
        char id[32];
        struct cidr root = C("10.0.0.0/24");
        add_pool(e, "p", NULL);
        provision(e, "p", "10.0.0.0/24");
        for (unsigned step = 0; step < 200; step++) {
            struct refusal why;
            struct cidr c;
            const struct allocation *a;
            unsigned len = 26 + random_below(7);
            snprintf(id, sizeof(id), "a%u", random_below(60));
            switch (random_below(4)) {
            case 0:
                engine_plan_leave(e, id);
                break;
            case 1:
                engine_release(e, id, &why);
                break;
            default:
                assert_true(cidr_nth(&root, len, random_below(1u << (len - 24)), &c));
                struct allocation_request r = custom(id, "p", NULL, -1);
                r.cidr = c;
                engine_allocate(e, &r, &a, &why);
            }
            struct pool *p = pool_find(e, "p");
            struct space *followed = view(e, p, true);
            assert_true(engine_check(e));
            if (followed == p->space) {
                continue;
            }
            struct count used = space_used(followed);
            size_t blocks = space_block_count(followed);
            view_drop(p);
            const struct space *fresh = view(e, p, true);
            assert_int_equal(count_compare(used, space_used(fresh)), 0);
            assert_int_equal(blocks, space_block_count(fresh));
        }
        engine_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_only),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_leaving_in_an_overlap),
        cmocka_unit_test(test_foreign_that_leaves),
        cmocka_unit_test(test_leaving_cidrs),
        cmocka_unit_test(test_leaving_child_cidr),
        cmocka_unit_test(test_planned_supply),
        cmocka_unit_test(test_planned_supply_for_children),
        cmocka_unit_test(test_intents),
        cmocka_unit_test(test_planned_space_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
