/*
 * Checks for schema tables, durations, ids and import ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "provider/estate.h"

static int set_up(void **state)
{
    *state = arena_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

typedef const char *(*check_fn)(struct arena *, const char *);

static void accepts(struct arena *a, check_fn check, const char *const *texts)
{
    for (; *texts; texts++)
        if (check(a, *texts))
            fail_msg("refused \"%s\": %s", *texts, check(a, *texts));
}

static void refuses(struct arena *a, check_fn check, const char *const *texts)
{
    for (; *texts; texts++)
        if (!check(a, *texts))
            fail_msg("accepted \"%s\"", *texts);
}

static void checks_know_right_from_wrong(void **state)
{
    struct arena *a = *state;
    accepts(a, check_cidr, NAMES("10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "::/0"));
    refuses(a, check_cidr,
            NAMES("", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "2001:DB8::/32", " 10.0.0.0/8",
                  "10.0.0.0/08", "ten"));
    accepts(a, check_cidr_v4, NAMES("10.0.0.0/8"));
    refuses(a, check_cidr_v4, NAMES("2001:db8::/32"));
    accepts(a, check_cidr_v6, NAMES("2001:db8::/32"));
    refuses(a, check_cidr_v6, NAMES("10.0.0.0/8"));
    accepts(a, check_vpc_cidr, NAMES("10.0.0.0/16", "10.0.0.0/28"));
    refuses(a, check_vpc_cidr, NAMES("10.0.0.0/15", "10.0.0.0/29", "2001:db8::/32"));
    accepts(a, check_region, NAMES("eu-west-1", "us-gov-east-1", "local-1"));
    refuses(a, check_region,
            NAMES("", "-", "eu", "EU-WEST-1", "eu--west", "eu-west-", "eu west-1", "None"));
    accepts(a, check_locale, NAMES("None", "eu-west-1"));
    refuses(a, check_locale, NAMES("none", "", "EU"));
    accepts(a, check_account, NAMES("123456789012", "000000000000"));
    refuses(a, check_account, NAMES("", "12345678901", "1234567890123", "12345678901a"));
    accepts(a, check_duration, NAMES("5m", "1h30m", "0", "1.5s", "300ms"));
    refuses(a, check_duration, NAMES("", "5", "m", "5x", "-5m", "5m ", "1000000h"));
}

static void host_bits_come_with_the_right_spelling(void **state)
{
    assert_non_null(strstr(check_cidr(*state, "10.0.1.7/16"), "10.0.0.0/16"));
    assert_non_null(strstr(check_cidr(*state, "2001:DB8:0::/32"), "2001:db8::/32"));
}

static void timeouts_are_read_in_milliseconds(void **state)
{
    struct arena *a = *state;
    const struct value *block = value_set(a, &value_null, "create", value_string(a, "1h30m"));
    const struct value *object = value_set(a, &value_null, "timeouts", block);
    assert_int_equal(timeout_ms(object, "create", 7), 5400000);
    assert_int_equal(timeout_ms(object, "delete", 7), 7);
    assert_int_equal(timeout_ms(&value_null, "create", 7), 7);
}

static void ids_have_their_form(void **state)
{
    struct arena *a = *state;
    struct diags d;
    diags_init(&d, a);
    struct call c = {.arena = a, .diags = &d};
    const char *one = id_new(&c, "ipam-pool-", ID_DIGITS);
    const char *two = id_new(&c, "ipam-pool-", ID_DIGITS);
    assert_true(id_has_form(one, "ipam-pool-"));
    assert_int_equal(strlen(one), strlen("ipam-pool-") + 17);
    assert_int_equal(one[strlen("ipam-pool-")], '0');
    assert_string_not_equal(one, two);
    assert_string_equal(id_derive(a, "x-", 33, "a", "b"), id_derive(a, "x-", 33, "a", "b"));
    assert_string_not_equal(id_derive(a, "x-", 33, "a", "b"), id_derive(a, "x-", 33, "ab", ""));
    assert_int_equal(strlen(id_derive(a, "x-", 33, "a", "b")), 35);
    assert_false(id_has_form("ipam-pool-", "ipam-pool-"));
    assert_false(id_has_form("ipam-pool-0123ABCD", "ipam-pool-"));
    assert_false(id_has_form("vpc-01234567", "ipam-pool-"));
}

static void import_ids_may_name_a_region(void **state)
{
    struct call c = {.arena = *state};
    const char *region;
    assert_string_equal(import_split(&c, "vpc-0123@eu-west-1", &region), "vpc-0123");
    assert_string_equal(region, "eu-west-1");
    assert_string_equal(import_split(&c, "vpc-0123", &region), "vpc-0123");
    assert_null(region);
    assert_string_equal(import_split(&c, "vpc-0123@NOT A REGION", &region),
                        "vpc-0123@NOT A REGION");
    assert_null(region);
}

static void a_required_tag_that_is_unknown_passes_at_plan(void **state)
{
    struct arena *a = *state;
    struct field_value tags;
    const struct value *map = value_set(a, &value_null, "Name", value_string(a, "x"));
    field_set_value(&tags, value_set(a, map, "Environment", &value_unknown));
    assert_int_equal(tags_for_check(a, &tags, NULL).count, 1);

    struct engine *e = engine_new();
    const struct tag need = {"Environment", "prod"};
    const struct pool_info info = {.id = "p",
                                   .scope_id = "s",
                                   .family = FAMILY_V4,
                                   .owner = "",
                                   .rules = {-1, -1, -1, {&need, 1}}};
    assert_int_equal(engine_load_pool(e, &info), ENGINE_OK);
    const struct tags all = tags_for_check(a, &tags, engine_pool(e, "p"));
    assert_int_equal(all.count, 2);
    assert_string_equal(all.items[0].key, "Environment");
    assert_string_equal(all.items[0].value, "prod");
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(checks_know_right_from_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(host_bits_come_with_the_right_spelling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timeouts_are_read_in_milliseconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_have_their_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(import_ids_may_name_a_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_required_tag_that_is_unknown_passes_at_plan, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
