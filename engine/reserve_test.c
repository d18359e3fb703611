/*
 * A reservation and the resource that it is meant for share one block, in whatever order they come
 * and go, issued or loaded; and nobody else gets in.
 */
#include "engine/engine_fixture.h"

static struct refusal why; /* of the last call that was refused */

static const struct tag named_db[] = {{"Name", "db"}};
static const struct tag named_web[] = {{"Name", "web"}};
static const struct tag for_db[] = {{"ipam:reserved-for", "db"}};
static const struct tag for_web[] = {{"ipam:reserved-for", "web"}};

static struct engine *estate(void)
{
    struct engine *e = new_engine();
    struct pool_info info = a_pool("p", NULL);
    info.locale = "us-east-1";
    must(engine_add_pool(e, &info, &why));
    provision(e, "p", "10.0.0.0/16");
    return e;
}

static struct allocation_request reservation(const char *id, const char *cidr)
{
    struct allocation_request r = custom(id, "p", cidr, -1);
    r.description = "db";
    return r;
}

static struct allocation_request database(const char *id, const char *cidr)
{
    struct allocation_request r = a_vpc(id, "p", cidr, -1);
    r.resource_id = id;
    r.tags = (struct tags){named_db, 1};
    return r;
}

static enum engine_result issue(struct engine *e, const struct allocation_request *r)
{
    const struct allocation *a;
    struct cidr picked;
    enum engine_result planned = engine_check_allocate(e, r, false, &why);
    assert_int_equal(engine_pick_allocation(e, r, &picked, &why), planned);
    assert_int_equal(engine_allocate(e, r, &a, &why), planned);
    assert_true(engine_check(e));
    return planned;
}

static size_t findings(struct engine *e, const char *id)
{
    struct finding found[4];
    return engine_audit_allocation(e, engine_allocation(e, id), found, 4);
}

static size_t blocks(struct engine *e)
{
    return space_block_count(pool_space(engine_pool(e, "p")));
}

static void both_there(struct engine *e)
{
    assert_int_equal(blocks(e), 1);
    assert_int_equal(pool_allocation_count(engine_pool(e, "p")), 2);
    assert_int_equal(findings(e, "r"), 0);
    assert_int_equal(findings(e, "vpc"), 0);
    assert_false(engine_allocation(e, "vpc")->conflicting);
    assert_ptr_equal(engine_consumer(e, engine_allocation(e, "r")), engine_allocation(e, "vpc"));
    assert_null(engine_consumer(e, engine_allocation(e, "vpc")));
    assert_true(engine_check(e));
}

/* Neither order of coming nor of going matters. */
static void test_come_and_go(void **state)
{
    (void)state;
    for (int order = 0; order < 4; order++) {
        struct engine *e = estate();
        struct allocation_request r = reservation("r", "10.0.0.0/20");
        struct allocation_request v = database("vpc", "10.0.0.0/20");
        struct allocation_request other = a_vpc("x", "p", "10.0.0.0/20", -1);
        must(issue(e, order & 1 ? &v : &r));
        must(issue(e, order & 1 ? &r : &v));
        both_there(e);
        assert_cidr(&allocate(e, "next", "p", NULL, 20)->cidr, "10.0.16.0/20");
        must(engine_release(e, "next", &why));
        must(engine_release(e, order & 2 ? "vpc" : "r", &why));
        assert_true(engine_check(e));
        assert_int_equal(blocks(e), 1);
        const char *left = order & 2 ? "r" : "vpc";
        assert_false(engine_allocation(e, left)->conflicting);
        assert_int_equal(issue(e, &other), ENGINE_REFUSED);
        assert_int_equal(why.code, REFUSAL_TAKEN);
        assert_string_equal(why.other_id, left);
        must(engine_release(e, left, &why));
        assert_int_equal(blocks(e), 0);
        must(issue(e, &other));
        engine_free(e);
    }
}

static void test_who_is_meant(void **state)
{
    (void)state;
    static const struct {
        const struct tag *reserved; /* of the reservation, or none */
        const char *description, *owner;
        const struct tag *name; /* of the VPC, or none */
        const char *cidr;
        bool granted;
    } cases[] = {
        {NULL, "db", ACCOUNT, named_db, "10.0.0.0/20", true},
        {for_db, NULL, ACCOUNT, named_db, "10.0.0.0/20", true},
        {for_db, "web", ACCOUNT, named_db, "10.0.0.0/20", true},
        {for_web, "db", ACCOUNT, named_db, "10.0.0.0/20", false}, /* the tag decides */
        {NULL, "db", ACCOUNT, named_web, "10.0.0.0/20", false},
        {NULL, "db", ACCOUNT, NULL, "10.0.0.0/20", false},
        {NULL, "", ACCOUNT, NULL, "10.0.0.0/20", false}, /* nothing is not a name */
        {NULL, "db", "222233334444", named_db, "10.0.0.0/20", false},
        {NULL, "db", ACCOUNT, named_db, "10.0.0.0/21", false}, /* all of it or nothing */
        {NULL, "db", ACCOUNT, named_db, "10.0.0.0/19", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct engine *e = estate();
        struct allocation_request r = custom("r", "p", "10.0.0.0/20", -1);
        r.description = cases[i].description;
        r.owner = cases[i].owner;
        r.tags = (struct tags){cases[i].reserved, cases[i].reserved != NULL};
        must(issue(e, &r));
        struct allocation_request v = database("vpc", cases[i].cidr);
        v.tags = (struct tags){cases[i].name, cases[i].name != NULL};
        enum engine_result result = issue(e, &v);
        if (result != (cases[i].granted ? ENGINE_OK : ENGINE_REFUSED)) {
            fail_msg("case %zu: result %d", i, result);
        }
        assert_true(cases[i].granted || why.code == REFUSAL_TAKEN);
        engine_free(e);
    }
}

static void test_one_of_each(void **state)
{
    (void)state;
    struct engine *e = estate();
    struct allocation_request r = reservation("r", "10.0.0.0/20"), again = r;
    struct allocation_request v = database("vpc", "10.0.0.0/20"), second = v;
    again.id = "again";
    second.id = second.resource_id = "second";
    must(issue(e, &r));
    assert_int_equal(issue(e, &again), ENGINE_REFUSED);
    must(issue(e, &v));
    assert_int_equal(issue(e, &second), ENGINE_REFUSED);
    assert_int_equal(issue(e, &again), ENGINE_REFUSED);
    both_there(e);
    /* The place of a VPC that the plan destroys can be planned with; in the apply it must be gone.
     */
    engine_plan_leave(e, "vpc");
    must(engine_check_allocate(e, &second, false, &why));
    must_refuse(REFUSAL_TAKEN, true, engine_check_allocate(e, &again, false, &why));
    struct cidr picked;
    must_refuse(REFUSAL_TAKEN, true, engine_pick_allocation(e, &second, &picked, &why));
    must(engine_release(e, "vpc", &why));
    must(issue(e, &second));
    engine_free(e);
}

/* A state says the same, whatever comes first in it; a VPC on a reservation can be planned. */
static void test_loaded(void **state)
{
    (void)state;
    for (int order = 0; order < 4; order++) {
        struct engine *e = estate();
        struct allocation_request r = reservation("r", "10.0.0.0/20");
        struct allocation_request v = database("vpc", "10.0.0.0/20");
        must(engine_load_allocation(e, order & 1 ? &v : &r));
        if (order & 2) { /* learned later, one by one */
            for (unsigned i = 0; i < 40; i++) {
                char id[8];
                snprintf(id, sizeof(id), "x%u", i);
                allocate(e, id, "p", NULL, 28);
            }
        }
        must(engine_load_allocation(e, order & 1 ? &r : &v));
        settle(e);
        assert_false(engine_allocation(e, "vpc")->conflicting);
        assert_int_equal(findings(e, "vpc"), 0);
        assert_int_equal(findings(e, "r"), 0);
        struct pool_info plan = a_pool("plan", "p");
        plan.locale = "us-east-1";
        plan.planning = true;
        plan.resource_id = "vpc";
        must(engine_add_pool(e, &plan, &why));
        provision(e, "plan", "10.0.0.0/20");
        must_refuse(REFUSAL_NOT_EMPTY, true, engine_release(e, "vpc", &why));
        must(engine_release(e, "r", &why));
        assert_true(engine_check(e));
        engine_free(e);
    }
}

/* What is not meant is a conflict, as ever. */
static void test_renamed(void **state)
{
    (void)state;
    struct engine *e = estate();
    struct allocation_request r = reservation("r", "10.0.0.0/20");
    struct allocation_request v = database("vpc", "10.0.0.0/20");
    const struct tags renamed = {named_web, 1};
    must(issue(e, &r));
    must(issue(e, &v));
    must(engine_retag(e, "vpc", &renamed, "", &why));
    assert_int_equal(findings(e, "vpc"), 1);
    assert_int_equal(findings(e, "r"), 1);
    assert_null(engine_consumer(e, engine_allocation(e, "r")));
    must(engine_release(e, "vpc", &why));
    assert_int_equal(findings(e, "r"), 0);
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_come_and_go), cmocka_unit_test(test_who_is_meant),
        cmocka_unit_test(test_one_of_each), cmocka_unit_test(test_loaded),
        cmocka_unit_test(test_renamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
