/*
 * Principals and the organization block: what is accepted, what it means, who is reached.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "provider/estate.h"

struct fixture {
    struct arena *arena;
    struct diags diags;
    struct call call;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->arena = arena_new();
    diags_init(&f->diags, f->arena);
    f->call = (struct call){.arena = f->arena, .diags = &f->diags};
    *state = f;
    return f->arena ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    test_free(f);
    return 0;
}

static void principals_have_five_forms(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        enum principal_kind kind;
        const char *name, *account;
    } good[] = {
        {"222233334444", PRINCIPAL_ACCOUNT, "222233334444", "222233334444"},
        {"arn:aws:iam::222233334444:role/a/b", PRINCIPAL_IDENTITY, "222233334444", "222233334444"},
        {"arn:aws-cn:iam::222233334444:user/x", PRINCIPAL_IDENTITY, "222233334444", "222233334444"},
        {"arn:aws:organizations::111122223333:organization/o-exampleorgid", PRINCIPAL_ORGANIZATION,
         "o-exampleorgid", "111122223333"},
        {"arn:aws:organizations::111122223333:ou/o-exampleorgid/ou-prod-abcd1234", PRINCIPAL_UNIT,
         "o-exampleorgid/ou-prod-abcd1234", "111122223333"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct principal p;
        assert_null(principal_parse(f->arena, good[i].text, &p));
        assert_int_equal(p.kind, good[i].kind);
        assert_string_equal(p.name, good[i].name);
        assert_string_equal(p.account, good[i].account);
    }
    static const char *const bad[] = {
        "",
        "22223333444",
        "everybody",
        "arn:aws:iam::222233334444:role/",
        "arn:aws:iam::222233334444:group/x",
        "arn:aws:iam::x:role/a",
        "arn:aws:organizations::111122223333:organization/exampleorgid",
        "arn:aws:organizations::111122223333:organization/o-short",
        "arn:aws:organizations::111122223333:ou/ou-prod-abcd1234",
        "arn:aws:organizations::111122223333:ou/o-exampleorgid/prod",
        "arn:aws:organizations::111122223333:ou/o-exampleorgid/ou-prod-abcd1234/x",
        "arn:aws:organizations::111122223333:account/o-exampleorgid/222233334444",
        "organizations::111122223333:organization/o-exampleorgid",
        "arn:aws:organizations:::organization/o-exampleorgid",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!check_principal(f->arena, bad[i]))
            fail_msg("accepted %s", bad[i]);
}

/* No text, whatever it is, makes the parser read beyond it or accept what is no name. */
static void any_text_is_parsed_or_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const pieces[] = {"arn:",
                                         "aws:",
                                         "iam::",
                                         "organizations::",
                                         ":",
                                         "/",
                                         "222233334444",
                                         "o-exampleorgid",
                                         "ou-prod-abcd1234",
                                         "ou/",
                                         "organization/",
                                         "role/",
                                         "\xc3\xa9",
                                         "o-",
                                         "ou-"};
    const char *seed_text = getenv("TEST_SEED");
    unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 10) : (unsigned)time(NULL);
    printf("seed: TEST_SEED=%u\n", seed);
    srand(seed);
    for (unsigned round = 0; round < 20000; round++) {
        char text[256] = "";
        struct principal p;
        for (int n = rand() % 8; n > 0; n--)
            strcat(text, pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)]);
        if (!principal_parse(f->arena, text, &p))
            assert_true(strcmp(p.name, "222233334444") == 0 ||
                        strncmp(p.name, "o-exampleorgid", 14) == 0);
    }
}

static void arns_have_parts(void **state)
{
    struct arena *a = ((struct fixture *)*state)->arena;
    assert_string_equal(arn_part(a, "arn:aws:ram:eu-west-1:1:x/y", 3), "eu-west-1");
    assert_string_equal(arn_part(a, "arn:aws:ram:eu-west-1:1:x/y", 5), "x/y");
    assert_string_equal(arn_part(a, "arn:aws:ram:eu-west-1:1:x/y", 6), "");
    assert_string_equal(arn_part(a, "", 0), "");
    assert_string_equal(arn_part(a, ":::", 2), "");
    assert_string_equal(shared_name(a, "arn:aws:ec2::1:ipam-pool/ipam-pool-0a"), "ipam-pool-0a");
    assert_string_equal(shared_name(a, "arn:aws:ec2:x:1:subnet/s"), "arn:aws:ec2:x:1:subnet/s");
    assert_null(check_share_arn(a, "arn:aws:ram:eu-west-1:222233334444:resource-share/x"));
    assert_non_null(check_share_arn(a, "arn:aws:ram:eu-west-1:222233334444:resource-share/"));
    assert_non_null(check_share_arn(a, "arn:aws:ram:eu-west-1:222233334444:x/y"));
    assert_non_null(check_share_arn(a, "arn:aws:ram::222233334444:resource-share/x"));
    assert_non_null(check_arn(a, "arn:aws:ram:eu-west-1:222233334444:a,b"));
}

static const struct value *block_of(struct arena *a, const struct value *accounts,
                                    const char *const *units)
{
    const struct value *items[8];
    size_t n = 0;
    for (; units && units[n]; n++)
        items[n] = value_string(a, units[n]);
    const struct value_member members[] = {
        {"id", value_string(a, "o-exampleorgid")},
        {"management_account_id", value_string(a, "111122223333")},
        {"accounts", accounts},
        {"organizational_units", value_seq(a, items, n)},
    };
    return value_map(a, members, 4);
}

static const struct value *accounts_of(struct arena *a, size_t n, const char *const (*list)[2])
{
    const struct value *map = value_map(a, NULL, 0);
    for (size_t i = 0; i < n; i++)
        map = value_set(a, map, list[i][0], value_string(a, list[i][1]));
    return map;
}

static void accounts_are_found_by_all_their_groups(void **state)
{
    struct fixture *f = *state;
    struct arena *a = f->arena;
    static const char *const list[][2] = {
        {"000000000001", ""},
        {"222233334444", "ou-work-22222222/ou-prod-abcd1234"},
        {"999999999999", "ou-work-22222222"},
    };
    const struct organization *o = organization_read(
        &f->call, block_of(a, accounts_of(a, 3, list), NAMES("ou-none-eeee5555")), a);
    assert_non_null(o);
    assert_int_equal(o->account_count, 4); /* the management account came by itself */
    for (size_t i = 1; i < o->account_count; i++)
        assert_true(strcmp(o->accounts[i - 1].id, o->accounts[i].id) < 0);
    assert_int_equal(o->unit_count, 3);
    assert_true(organization_has_account(o, "111122223333"));
    assert_true(organization_has_account(o, "999999999999"));
    assert_false(organization_has_account(o, "999999999998"));
    assert_true(organization_has_unit(o, "ou-none-eeee5555"));
    assert_true(organization_has_unit(o, "ou-work-22222222"));
    assert_false(organization_has_unit(o, "ou-work-22222223"));
    struct engine *e = engine_new();
    assert_true(organization_load(o, e));
    assert_true(organization_load(o, e));
    assert_true(engine_is_member(e, "222233334444"));
    engine_load_pool(e, &(struct pool_info){.id = "p", .scope_id = "s", .owner = "000000000001"});
    engine_share_pool(e, "share", "p");
    engine_share_with(e, "share", "o-exampleorgid/ou-work-22222222", "x");
    assert_true(engine_may_use(e, engine_pool(e, "p"), "222233334444"));
    assert_true(engine_may_use(e, engine_pool(e, "p"), "999999999999"));
    assert_false(engine_may_use(e, engine_pool(e, "p"), "111122223333"));
    engine_free(e);
}

static void the_management_account_may_be_listed(void **state)
{
    struct fixture *f = *state;
    struct arena *a = f->arena;
    static const char *const list[][2] = {{"111122223333", "ou-work-22222222"}};
    const struct organization *o =
        organization_read(&f->call, block_of(a, accounts_of(a, 1, list), NULL), a);
    assert_int_equal(o->account_count, 1);
    assert_string_equal(o->accounts[0].path, "ou-work-22222222");
    o = organization_read(&f->call, block_of(a, &value_null, NULL), a);
    assert_int_equal(o->account_count, 1);
    assert_int_equal(o->unit_count, 0);
    assert_false(organization_has_unit(o, "ou-work-22222222"));
}

static void what_is_not_known_is_not_described(void **state)
{
    struct fixture *f = *state;
    assert_null(organization_read(&f->call, &value_null, f->arena));
    assert_null(organization_read(&f->call, block_of(f->arena, &value_unknown, NULL), f->arena));
    assert_int_equal(f->diags.errors, 0);
}

static void mistakes_are_reported(void **state)
{
    struct fixture *f = *state;
    struct arena *a = f->arena;
    static const char *const no_account[][2] = {{"4711", ""}};
    static const char *const two_places[][2] = {
        {"000000000001", "ou-aaaa-11111111/ou-cccc-33333333"},
        {"000000000002", "ou-bbbb-22222222/ou-cccc-33333333"},
    };
    static const char *const circle[][2] = {
        {"000000000001", "ou-aaaa-11111111/ou-bbbb-22222222"},
        {"000000000002", "ou-bbbb-22222222/ou-aaaa-11111111"},
    };
    assert_null(organization_read(&f->call, block_of(a, accounts_of(a, 1, no_account), NULL), a));
    assert_int_equal(f->diags.errors, 1);
    assert_null(organization_read(&f->call, block_of(a, accounts_of(a, 2, two_places), NULL), a));
    assert_int_equal(f->diags.errors, 2);
    assert_non_null(strstr(f->diags.last->detail, "ou-cccc-33333333"));
    assert_null(organization_read(&f->call, block_of(a, accounts_of(a, 2, circle), NULL), a));
    assert_int_equal(f->diags.errors, 3);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(principals_have_five_forms),
        CASE(any_text_is_parsed_or_refused),
        CASE(arns_have_parts),
        CASE(accounts_are_found_by_all_their_groups),
        CASE(the_management_account_may_be_listed),
        CASE(what_is_not_known_is_not_described),
        CASE(mistakes_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
