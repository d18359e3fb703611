/*
 * Wildcards, names of filters, and what passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "provider/data.h"

static void wildcards(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"*", "", true},
        {"*", "anything", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "\xc3\xa4", true}, /* one character */
        {"??", "\xc3\xa4", false},
        {"a*c", "abc", true},
        {"a*c", "ac", true},
        {"a*c", "acb", false},
        {"*three*", "one three two", true},
        {"10.*", "10.0.0.0/8", true},
        {"10.*", "110.0.0.0/8", false},
        {"*ab", "aab", true},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxaxxcxxbxx", false},
        {"prod", "Prod", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\?", "?", true},
        {"\\?", "a", false},
        {"a\\", "a\\", true},
        {"a.c", "abc", false},
        {"[ab]", "a", false},
        {"a**b", "ab", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (filter_match(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("\"%s\" against \"%s\"", cases[i].pattern, cases[i].text);
}

/* Many stars against a long text that almost matches: no time is lost. */
static void hostile_pattern(void **state)
{
    char text[5001], pattern[201];
    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof pattern - 1; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 2] = 'b';
    pattern[sizeof pattern - 1] = '\0';
    assert_false(filter_match(pattern, text));
}

static const struct attribute fields[] = {
    OUT("ipam_scope_id", string, "A text."), OUT("pool_depth", number, "A number."),
    OUT("auto_import", bool, "A flag."),     OUT("regions", list_string, "Texts."),
    OUT("tags", map_string, "Tags."),        END_ATTRIBUTES,
};
static const struct filter_alias aliases[] = {{"depth", "pool_depth"}, {NULL, NULL}};
static const struct filter_names names = {fields, aliases, "tags"};

static const struct value *filter(struct arena *a, const char *name, const char *const *values)
{
    const struct value *texts[8];
    size_t n = 0;
    for (; values[n]; n++)
        texts[n] = value_string(a, values[n]);
    const struct value_member members[] = {{"name", value_string(a, name)},
                                           {"values", value_seq(a, texts, n)}};
    return value_map(a, members, 2);
}

static const struct value *thing(struct arena *a)
{
    struct object r = object_new(a);
    const struct tag tags[] = {{"Env", "prod"}, {"Team", "net"}};
    const struct value *regions[] = {value_string(a, "eu-west-1"), value_string(a, "us-east-1")};
    object_string(&r, "ipam_scope_id", "scope-1");
    object_int(&r, "pool_depth", 2);
    object_bool(&r, "auto_import", false);
    object_put(&r, "regions", value_seq(a, regions, 2));
    object_tags(&r, "tags", &(struct tags){tags, 2});
    return object_end(&r);
}

static bool passes(struct arena *a, const char *name, const char *const *values)
{
    const struct value *one = filter(a, name, values);
    return filter_passes(a, &names, value_seq(a, &one, 1), thing(a));
}

static void values_are_alternatives_and_filters_add_up(void **state)
{
    struct arena *a = arena_new();
    (void)state;
    assert_true(passes(a, "ipam-scope-id", NAMES("scope-1")));
    assert_true(passes(a, "ipam-scope-id", NAMES("other", "scope-?")));
    assert_false(passes(a, "ipam-scope-id", NAMES("other")));
    assert_true(passes(a, "pool-depth", NAMES("2")));
    assert_true(passes(a, "depth", NAMES("2")));
    assert_true(passes(a, "auto-import", NAMES("false")));
    assert_false(passes(a, "auto-import", NAMES("true")));
    assert_true(passes(a, "regions", NAMES("us-*")));
    assert_true(passes(a, "tag:Env", NAMES("prod")));
    assert_false(passes(a, "tag:Env", NAMES("Prod")));
    assert_false(passes(a, "tag:Other", NAMES("*")));
    assert_true(passes(a, "tag-key", NAMES("Te*")));
    assert_false(passes(a, "tag-key", NAMES("prod")));
    assert_true(filter_passes(a, &names, value_seq(a, NULL, 0), thing(a)));
    const struct value *two[] = {filter(a, "pool-depth", NAMES("2")),
                                 filter(a, "tag:Env", NAMES("test"))};
    assert_false(filter_passes(a, &names, value_seq(a, two, 2), thing(a)));
    arena_free(a);
}

static void unknown_names_are_refused_with_the_known_ones(void **state)
{
    struct arena *a = arena_new();
    struct diags d;
    (void)state;
    diags_init(&d, a);
    struct call c = {.arena = a, .diags = &d};
    const struct value *list[] = {filter(a, "pool_depth", NAMES("2"))};
    filter_check(&c, &names, value_seq(a, list, 1));
    assert_int_equal(d.errors, 1);
    assert_non_null(strstr(d.first->detail, "\"pool_depth\""));
    assert_non_null(
        strstr(d.first->detail, "depth, ipam-scope-id, pool-depth, auto-import, regions, tag:KEY"));
    diags_init(&d, a);
    list[0] = filter(a, "pool-depth", NAMES("2"));
    filter_check(&c, &names, value_seq(a, list, 1));
    list[0] = value_set(a, list[0], "name", &value_unknown);
    filter_check(&c, &names, value_seq(a, list, 1));
    assert_int_equal(d.errors, 0);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards),
        cmocka_unit_test(hostile_pattern),
        cmocka_unit_test(values_are_alternatives_and_filters_add_up),
        cmocka_unit_test(unknown_names_are_refused_with_the_known_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
