/*
 * Tests of sharing: who may use what, who may change what, what becomes noncompliant; random
 * operations against a naive oracle.
 */
#include "engine/engine_fixture.h"

#define OWNER    ACCOUNT
#define MEMBER   "222222222222"
#define STRANGER "333333333333"

/* A top-level pool of OWNER with one CIDR, and a share of OWNER. */
static struct engine *with_pool(void)
{
    struct engine *e = new_engine();
    struct pool_info pool = a_pool("pool", NULL);
    pool.locale = "us-east-1";
    must(engine_add_pool(e, &pool, &why));
    provision(e, "pool", "10.0.0.0/16");
    must(engine_load_share(e, &(struct share_info){"share", OWNER, "name", false, false}));
    return e;
}

static bool may(const struct engine *e, const char *account)
{
    assert_true(engine_check(e));
    return engine_may_use(e, engine_pool(e, "pool"), account);
}

static void act_as(struct engine *e, const char *account)
{
    must(engine_act_as(e, account));
}

static void test_accounts(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    assert_true(may(e, OWNER));
    assert_true(may(e, NULL));
    assert_true(may(e, ""));
    assert_false(may(e, MEMBER));
    must(engine_share_pool(e, "share", "pool"));
    assert_false(may(e, MEMBER));
    must(engine_share_with(e, "share", MEMBER, MEMBER));
    must(engine_share_with(e, "share", MEMBER, MEMBER)); /* once more changes nothing */
    assert_true(may(e, MEMBER));
    assert_false(may(e, STRANGER));
    engine_unshare_with(e, "share", STRANGER, STRANGER);
    engine_unshare_pool(e, "share", "other");
    assert_true(may(e, MEMBER));
    engine_unshare_with(e, "share", MEMBER, MEMBER);
    assert_false(may(e, MEMBER));
    must(engine_share_with(e, "share", MEMBER, MEMBER));
    engine_unshare_pool(e, "share", "pool");
    assert_false(may(e, MEMBER));
    engine_free(e);
}

static void test_spellings_are_taken_back_one_by_one(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    must(engine_share_pool(e, "share", "pool"));
    must(engine_share_with(e, "share", MEMBER, "role a"));
    must(engine_share_with(e, "share", MEMBER, "role b"));
    assert_true(engine_share_names(e, "share", MEMBER, NULL));
    assert_true(engine_share_names(e, "share", MEMBER, "role b"));
    assert_false(engine_share_names(e, "share", MEMBER, "role c"));
    engine_unshare_with(e, "share", MEMBER, "role a");
    assert_true(may(e, MEMBER));
    engine_unshare_with(e, "share", MEMBER, "role b");
    assert_false(may(e, MEMBER));
    assert_false(engine_share_names(e, "share", MEMBER, NULL));
    engine_free(e);
}

static void test_groups(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    must(engine_share_pool(e, "share", "pool"));
    must(engine_share_with(e, "share", "ou", "ou"));
    assert_false(may(e, MEMBER));
    must(engine_load_member(e, MEMBER, "organization"));
    assert_false(may(e, MEMBER));
    must(engine_load_member(e, MEMBER, "ou"));
    assert_true(may(e, MEMBER));
    assert_false(may(e, STRANGER));
    assert_true(engine_is_member(e, MEMBER));
    assert_false(engine_is_member(e, STRANGER));
    engine_unshare_with(e, "share", "ou", "ou");
    assert_false(may(e, MEMBER));
    must(engine_share_with(e, "share", "organization", "organization"));
    assert_true(may(e, MEMBER));
    engine_free(e);
}

/* With a known organisation, an account outside of it has to accept; one inside has not. */
static void test_outsiders_accept(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    must(engine_share_pool(e, "share", "pool"));
    must(engine_share_with(e, "share", MEMBER, MEMBER));
    must(engine_share_with(e, "share", STRANGER, STRANGER));
    must(engine_load_member(e, OWNER, "organization"));
    must(engine_load_member(e, MEMBER, "organization"));
    assert_true(may(e, MEMBER));
    assert_false(may(e, STRANGER));
    must(engine_share_accept(e, "share", STRANGER));
    assert_true(may(e, STRANGER));
    engine_share_decline(e, "share", STRANGER);
    assert_false(may(e, STRANGER));
    must(engine_share_accept(e, "share", "444444444444")); /* was never invited */
    assert_false(may(e, "444444444444"));
    engine_free(e);
}

static void test_shares(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    struct refusal why;
    assert_null(engine_share(e, "later"));
    must(engine_share_pool(e, "later", "pool"));
    must(engine_share_pool(e, "later", "a pool"));
    must(engine_share_with(e, "later", MEMBER, MEMBER));
    assert_null(engine_share(e, "later")); /* only referred to, but what was said of it counts */
    assert_true(may(e, MEMBER));
    must_refuse(REFUSAL_SHARE_UNKNOWN, false, engine_check_share(e, "later", &why));
    assert_string_equal(why.id, "later");
    must(engine_load_share(e, &(struct share_info){"later", STRANGER, "n", true, false}));
    assert_false(may(e, MEMBER)); /* nobody shares what is another's */
    must(engine_load_share(e, &(struct share_info){"later", OWNER, "n", true, false}));
    assert_true(may(e, MEMBER));
    assert_string_equal(engine_share(e, "later")->name, "n");
    assert_true(engine_share(e, "later")->outsiders);
    assert_true(engine_share_has_pool(e, "later", "pool"));
    assert_string_equal(engine_share_pool_at(e, "later", 0), "a pool");
    assert_string_equal(engine_share_pool_at(e, "later", 1), "pool");
    assert_null(engine_share_pool_at(e, "later", 2));
    assert_null(engine_share_pool_at(e, "none", 0));
    act_as(e, MEMBER);
    must_refuse(REFUSAL_NOT_OWNER, false, engine_check_share(e, "later", &why));
    act_as(e, OWNER);
    must(engine_check_share(e, "later", &why));
    engine_remove_share(e, "later");
    engine_remove_share(e, "later");
    assert_false(may(e, MEMBER));
    engine_free(e);
}

/* --- drawing --- */

static void test_drawing(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    struct refusal why;
    const struct allocation *a;
    struct cidr picked;
    struct allocation_request r = a_vpc("a-1", "pool", NULL, 20);
    r.owner = MEMBER;
    act_as(e, MEMBER);
    must_refuse(REFUSAL_NOT_SHARED, true, engine_allocate(e, &r, &a, &why));
    assert_string_equal(why.id, "pool");
    assert_string_equal(why.text2, MEMBER);
    must_refuse(REFUSAL_NOT_SHARED, true, engine_pick_allocation(e, &r, &picked, &why));
    must_refuse(REFUSAL_NOT_SHARED, true, engine_check_allocate(e, &r, true, &why));
    r.length = 99; /* of its rules nothing is said either */
    must_refuse(REFUSAL_NOT_SHARED, true, engine_allocate(e, &r, &a, &why));
    r.length = 20;
    must(engine_share_pool(e, "share", "pool"));
    must(engine_share_with(e, "share", MEMBER, MEMBER));
    must(engine_allocate(e, &r, &a, &why));
    assert_cidr(&a->cidr, "10.0.0.0/20");
    assert_string_equal(a->owner, MEMBER);
    act_as(e, NULL);
    r.id = "a-2";
    r.owner = STRANGER; /* nobody in particular asks */
    must(engine_allocate(e, &r, &a, &why));
    engine_free(e);
}

static void test_releasing(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    struct refusal why;
    const struct tags none = {0};
    allocate(e, "own", "pool", "10.0.0.0/24", -1);
    struct allocation_request r = custom("theirs", "pool", "10.0.1.0/24", -1);
    r.owner = MEMBER;
    must(engine_load_allocation(e, &r));
    r = custom("third", "pool", "10.0.2.0/24", -1);
    r.owner = STRANGER;
    must(engine_load_allocation(e, &r));
    settle(e);
    act_as(e, MEMBER);
    must_refuse(REFUSAL_NOT_OWNER, false, engine_release(e, "own", &why));
    assert_string_equal(why.holder_owner, OWNER);
    assert_string_equal(why.text, "allocation");
    assert_string_equal(why.text2, MEMBER);
    must_refuse(REFUSAL_NOT_OWNER, false, engine_release(e, "third", &why));
    must_refuse(REFUSAL_NOT_OWNER, false, engine_retag(e, "own", &none, "x", &why));
    must(engine_retag(e, "theirs", &none, "x", &why));
    must(engine_release(e, "theirs", &why));
    act_as(e, OWNER);
    must(engine_release(e, "third", &why)); /* the pool is the owner's */
    engine_free(e);
}

static void test_a_member_changes_nothing(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    struct refusal why;
    struct cidr out;
    must(engine_share_pool(e, "share", "pool"));
    must(engine_share_with(e, "share", MEMBER, MEMBER));
    act_as(e, MEMBER);
    struct pool_info info = a_pool("pool", NULL);
    info.rules.min_len = 8;
    must_refuse(REFUSAL_NOT_OWNER, false, engine_update_pool(e, &info, &why));
    assert_string_equal(why.id, "pool");
    must_refuse(REFUSAL_NOT_OWNER, false, engine_remove_pool(e, "pool", true, &why));
    must_refuse(REFUSAL_NOT_OWNER, false, engine_check_owner(e, "pool", &why));
    must_refuse(REFUSAL_POOL_UNKNOWN, false, engine_check_owner(e, "none", &why));
    struct provision_request p = {"pool", C("11.0.0.0/8"), -1, "x"};
    must_refuse(REFUSAL_NOT_OWNER, false, engine_provision(e, &p, &out, &why));
    must_refuse(REFUSAL_NOT_OWNER, false, engine_check_provision(e, &p, &why));
    struct cidr c = C("10.0.0.0/16");
    must_refuse(REFUSAL_NOT_OWNER, false, engine_deprovision(e, "pool", &c, &why));
    info = a_pool("child", "pool");
    info.owner = MEMBER;
    must_refuse(REFUSAL_NOT_OWNER, false, engine_add_pool(e, &info, &why));
    assert_string_equal(why.id, "private"); /* the scope is asked for first */
    struct ipam_info ipam = an_ipam();
    must_refuse(REFUSAL_NOT_OWNER, false, engine_update_ipam(e, &ipam, &why));
    must_refuse(REFUSAL_NOT_OWNER, false, engine_remove_ipam(e, ipam.id, true, &why));
    struct scope_info scope = {"extra", ipam.id, SCOPE_PRIVATE, false};
    must_refuse(REFUSAL_NOT_OWNER, false, engine_add_scope(e, &scope, &why));
    must(engine_load_scope(e, &scope));
    must_refuse(REFUSAL_NOT_OWNER, false, engine_remove_scope(e, "extra", &why));
    /* The same calls by the owner. */
    act_as(e, OWNER);
    must(engine_check_owner(e, "pool", &why));
    must(engine_remove_scope(e, "extra", &why));
    must(engine_provision(e, &p, &out, &why));
    info = a_pool("pool", NULL);
    info.rules.min_len = 8;
    must(engine_update_pool(e, &info, &why));
    must(engine_remove_ipam(e, ipam.id, true, &why));
    engine_free(e);
}

/* The IPAM's owner may have been changed by hand; a source pool of another account is no source. */
static void test_source_pool_of_another(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    struct refusal why;
    struct pool_info info = a_pool("foreign", NULL);
    info.owner = STRANGER;
    must(engine_load_pool(e, &info));
    settle(e);
    act_as(e, OWNER);
    info = a_pool("child", "foreign");
    must_refuse(REFUSAL_NOT_OWNER, false, engine_add_pool(e, &info, &why));
    assert_string_equal(why.id, "foreign");
    engine_free(e);
}

/* --- what became of it --- */

static void test_unsharing_is_found(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    struct finding found[4];
    const struct allocation *a;
    must(engine_share_pool(e, "share", "pool"));
    must(engine_share_with(e, "share", MEMBER, MEMBER));
    act_as(e, MEMBER);
    struct allocation_request r = a_vpc("a-1", "pool", NULL, 20);
    r.owner = MEMBER;
    must(engine_allocate(e, &r, &a, &why));
    assert_int_equal(engine_audit_allocation(e, a, found, 4), 0);
    engine_unshare_with(e, "share", MEMBER, MEMBER);
    assert_int_equal(engine_audit_allocation(e, a, found, 4), 1);
    assert_int_equal(found[0].code, FINDING_OWNER);
    assert_string_equal(found[0].numbers.text2, MEMBER);
    assert_string_equal(found[0].numbers.id, "pool");
    assert_ptr_equal(engine_allocation(e, "a-1"), a); /* it stays */
    must(engine_share_with(e, "share", MEMBER, MEMBER));
    assert_int_equal(engine_audit_allocation(e, a, found, 4), 0);
    engine_free(e);
}

static void test_unloading(void **state)
{
    (void)state;
    struct engine *e = with_pool();
    struct cidr c = C("10.0.0.0/16"), child = C("10.0.0.0/20"), again;
    struct refusal why;
    struct pool_info info = a_pool("child", "pool");
    info.locale = "us-east-1";
    must(engine_add_pool(e, &info, &why));
    provision(e, "child", "10.0.0.0/20");
    allocate(e, "a-1", "child", "10.0.0.0/24", -1);
    act_as(e, STRANGER);                              /* nobody is asked */
    engine_unload_allocation(e, "child-10.0.0.0/20"); /* it is the child's CIDR */
    assert_non_null(engine_allocation(e, "child-10.0.0.0/20"));
    engine_unload_allocation(e, "a-1");
    engine_unload_allocation(e, "a-1");
    assert_null(engine_allocation(e, "a-1"));
    assert_true(engine_check(e));
    engine_unload_cidr(e, "child", &child);
    engine_unload_cidr(e, "child", &child);
    engine_unload_cidr(e, "none", &child);
    assert_int_equal(pool_cidr_count(engine_pool(e, "child")), 0);
    assert_null(engine_allocation(e, "child-10.0.0.0/20"));
    assert_true(engine_check(e));
    act_as(e, OWNER);
    allocate(e, "a-2", "pool", "10.0.0.0/24", -1);
    engine_unload_cidr(e, "pool", &c); /* although something is in it: it stays, outside */
    assert_true(engine_check(e));
    assert_non_null(engine_allocation(e, "a-2"));
    assert_false(pool_cidr_at(engine_pool(e, "pool"), 0, &again));
    load_cidr(e, "pool", "10.0.0.0/16", "x");
    settle(e);
    struct allocation_request r = custom("a-3", "pool", "10.0.0.0/25", -1);
    const struct allocation *a;
    must_refuse(REFUSAL_TAKEN, true, engine_allocate(e, &r, &a, &why));
    engine_free(e);
}

/* --- random operations --- */

enum { ACCOUNTS = 6, GROUPS = 3, SHARES = 3, NAMES = ACCOUNTS + GROUPS };

struct oracle {
    bool pool[SHARES], names[SHARES][NAMES][2], accepted[SHARES][ACCOUNTS];
    bool member[ACCOUNTS][GROUPS], described;
};

static const char *label(unsigned i)
{
    static char text[NAMES][16];
    snprintf(text[i], sizeof(text[i]), i < ACCOUNTS ? "%u" : "group-%u", i);
    return text[i];
}

static bool in_group(const struct oracle *o, unsigned account)
{
    return o->member[account][0] || o->member[account][1] || o->member[account][2];
}

/* Account 0 owns the pool and the shares. */
static bool expected(const struct oracle *o, unsigned account)
{
    bool may = account == 0;
    for (unsigned s = 0; s < SHARES && !may; s++) {
        bool named = o->names[s][account][0] || o->names[s][account][1];
        bool inside = !o->described || (in_group(o, 0) && in_group(o, account));
        bool reached = named && (inside || o->accepted[s][account]);
        for (unsigned g = 0; g < GROUPS; g++) {
            const bool *group = o->names[s][ACCOUNTS + g];
            reached = reached || (o->member[account][g] && (group[0] || group[1]));
        }
        may = o->pool[s] && reached;
    }
    return may;
}

static void random_step(struct engine *e, struct oracle *o)
{
    unsigned s = random_below(SHARES), n = random_below(NAMES), as = random_below(2);
    unsigned account = random_below(ACCOUNTS), group = random_below(GROUPS);
    const char *share = label(ACCOUNTS + s), *spelling = as ? "one way" : "another";
    bool on = random_below(2) == 0;
    switch (random_below(5)) {
    case 0:
        o->pool[s] = on;
        on ? (void)engine_share_pool(e, share, "pool") : engine_unshare_pool(e, share, "pool");
        break;
    case 1:
    case 2:
        o->names[s][n][as] = on;
        on ? (void)engine_share_with(e, share, label(n), spelling)
           : engine_unshare_with(e, share, label(n), spelling);
        break;
    case 3:
        o->accepted[s][account] = on;
        on ? (void)engine_share_accept(e, share, label(account))
           : engine_share_decline(e, share, label(account));
        break;
    default:
        if (random_below(8) == 0) {
            o->member[account][group] = o->described = true;
            must(engine_load_member(e, label(account), label(ACCOUNTS + group)));
        }
    }
}

static void test_random_against_an_oracle(void **state)
{
    (void)state;
    random_start();
    for (unsigned round = 0; round < 200; round++) {
        struct engine *e = engine_new();
        struct oracle o = {0};
        struct pool_info info = a_pool("pool", NULL);
        info.owner = label(0);
        must(engine_load_pool(e, &info));
        for (unsigned step = 0; step < 60; step++) {
            random_step(e, &o);
            for (unsigned account = 0; account < ACCOUNTS; account++) {
                assert_int_equal(may(e, label(account)), expected(&o, account));
            }
        }
        engine_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_spellings_are_taken_back_one_by_one),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_outsiders_accept),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_drawing),
        cmocka_unit_test(test_releasing),
        cmocka_unit_test(test_a_member_changes_nothing),
        cmocka_unit_test(test_source_pool_of_another),
        cmocka_unit_test(test_unsharing_is_found),
        cmocka_unit_test(test_unloading),
        cmocka_unit_test(test_random_against_an_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
