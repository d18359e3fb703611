/*
 * The provider's functions: examples of both families, every refusal, and merge and exclude
 * against sets of single addresses in random small universes.
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

struct answer {
    const struct value *result;
    const char *error;
    int64_t argument;
};

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

static const struct function *function_named(const char *name)
{
    for (size_t i = 0; ipam_functions[i]; i++)
        if (strcmp(ipam_functions[i]->name, name) == 0)
            return ipam_functions[i];
    fail_msg("no function %s", name);
    return NULL;
}

static struct answer call_with(struct arena *a, const char *name, const struct value *const *args,
                               size_t count)
{
    struct call c = {.arena = a};
    struct answer out = {.argument = -1};
    function_named(name)->call(&c, args, count, &out.result, &out.error, &out.argument);
    assert_true(!out.result != !out.error);
    return out;
}

static const struct value *text(struct arena *a, const char *s)
{
    return value_string(a, s);
}

static const struct value *list(struct arena *a, const char *const *texts)
{
    const struct value *items[16];
    size_t n = 0;
    for (; texts[n]; n++)
        items[n] = text(a, texts[n]);
    return value_seq(a, items, n);
}

static void gives_bool(struct arena *a, const char *name, const char *x, const char *y, bool want)
{
    struct answer r = call_with(a, name, (const struct value *[]){text(a, x), text(a, y)}, 2);
    if (r.error)
        fail_msg("%s(%s, %s): %s", name, x, y, r.error);
    if (value_truth(r.result, !want) != want)
        fail_msg("%s(%s, %s) is not %d", name, x, y, want);
}

static void same_list(struct arena *a, struct answer r, const char *const *want)
{
    const struct value *found = r.result;
    if (r.error)
        fail_msg("%s", r.error);
    if (found->kind == VALUE_DYNAMIC)
        found = found->dynamic.value;
    if (!value_equal(NULL, found, list(a, want)))
        fail_msg("%s, not %s", value_describe(a, found, 300),
                 value_describe(a, list(a, want), 300));
}

static void refuses(struct answer r, int64_t argument, const char *say)
{
    assert_non_null(r.error);
    assert_int_equal(r.argument, argument);
    if (!strstr(r.error, say))
        fail_msg("\"%s\" does not say \"%s\"", r.error, say);
}

static void containing(void **state)
{
    struct arena *a = *state;
    gives_bool(a, "cidr_contains", "10.0.0.0/8", "10.1.0.0/16", true);
    gives_bool(a, "cidr_contains", "10.1.0.0/16", "10.0.0.0/8", false);
    gives_bool(a, "cidr_contains", "10.0.0.0/8", "10.0.0.0/8", true);
    gives_bool(a, "cidr_contains", "10.0.0.0/8", "10.255.255.255", true);
    gives_bool(a, "cidr_contains", "10.0.0.0/8", "11.0.0.0", false);
    gives_bool(a, "cidr_contains", "2001:db8::/32", "2001:db8::1", true);
    gives_bool(a, "cidr_contains", "::/0", "10.0.0.0/8", false);
    gives_bool(a, "cidr_contains", "0.0.0.0/0", "::1", false);
    gives_bool(a, "cidr_overlaps", "10.1.0.0/16", "10.0.0.0/8", true);
    gives_bool(a, "cidr_overlaps", "10.0.0.0/16", "10.1.0.0/16", false);
    gives_bool(a, "cidr_overlaps", "::/0", "0.0.0.0/0", false);
}

static struct answer contains(struct arena *a, const char *x, const char *y)
{
    return call_with(a, "cidr_contains", (const struct value *[]){text(a, x), text(a, y)}, 2);
}

static void refusals_name_argument_and_form(void **state)
{
    struct arena *a = *state;
    refuses(contains(a, "10.0.0.1/8", "10.0.0.0/8"), 0, "10.0.0.0/8");
    refuses(contains(a, "10.0.0.1/8", "10.0.0.0/8"), 0, "outer");
    refuses(contains(a, "10.0.0.0/8", "10.1.2.3/16"), 1, "10.1.0.0/16");
    refuses(contains(a, "10.0.0.0/8", "2001:DB8::1"), 1, "2001:db8::1");
    refuses(contains(a, "10.0.0.0/8", "10.0.0"), 1, "neither a CIDR nor an address");
    refuses(contains(a, "10.0.0.0/8", ""), 1, "inner");
    refuses(contains(a, "", "10.0.0.0/8"), 0, "outer");
    refuses(call_with(a, "cidr_merge",
                      (const struct value *[]){list(a, NAMES("10.0.0.0/8", "10.0.0.9/24"))}, 1),
            0, "10.0.0.0/24");
    refuses(
        call_with(a, "cidr_merge",
                  (const struct value *[]){value_seq(a, (const struct value *[]){&value_null}, 1)},
                  1),
        0, "element 0 is null");
}

static void merging(void **state)
{
    struct arena *a = *state;
    const struct value *args[] = {list(a, NAMES("10.0.1.0/24", "2001:db8:1::/48", "10.0.0.0/24",
                                                "10.0.0.128/25", "2001:db8::/48", "10.0.3.0/24"))};
    same_list(a, call_with(a, "cidr_merge", args, 1),
              NAMES("10.0.0.0/23", "10.0.3.0/24", "2001:db8::/47"));
    args[0] = list(a, (const char *const[]){NULL});
    same_list(a, call_with(a, "cidr_merge", args, 1), (const char *const[]){NULL});
    args[0] = list(a, NAMES("128.0.0.0/1", "0.0.0.0/1", "8000::/1", "::/1"));
    same_list(a, call_with(a, "cidr_merge", args, 1), NAMES("0.0.0.0/0", "::/0"));
}

static struct answer exclude(struct arena *a, const char *from, const char *const *what)
{
    return call_with(a, "cidr_exclude", (const struct value *[]){text(a, from), list(a, what)}, 2);
}

static void excluding(void **state)
{
    struct arena *a = *state;
    same_list(a, exclude(a, "10.0.0.0/22", NAMES("10.0.1.0/24")),
              NAMES("10.0.0.0/24", "10.0.2.0/23"));
    same_list(a, exclude(a, "10.0.0.0/22", (const char *const[]){NULL}), NAMES("10.0.0.0/22"));
    same_list(a, exclude(a, "10.0.0.0/22", NAMES("10.0.0.0/8")), (const char *const[]){NULL});
    same_list(a, exclude(a, "10.0.0.0/22", NAMES("11.0.0.0/8", "9.0.0.0/8", "2001:db8::/32")),
              NAMES("10.0.0.0/22"));
    same_list(a, exclude(a, "10.0.0.0/24", NAMES("10.0.0.128/25", "10.0.0.0/26", "10.0.0.64/26")),
              (const char *const[]){NULL});
    same_list(a, exclude(a, "2001:db8::/46", NAMES("2001:db8:1::/48", "2001:db8:1:2::/64")),
              NAMES("2001:db8::/48", "2001:db8:2::/47"));
    same_list(a, exclude(a, "10.0.0.1/32", NAMES("10.0.0.1/32")), (const char *const[]){NULL});
    struct answer most = exclude(a, "::/0", NAMES("::1/128"));
    assert_int_equal(most.result->seq.count, 128);
}

static void splitting(void **state)
{
    struct arena *a = *state;
    const struct value *args[] = {text(a, "10.0.0.0/22"), value_int(a, 24)};
    same_list(a, call_with(a, "cidr_split", args, 2),
              NAMES("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"));
    args[1] = value_int(a, 22);
    same_list(a, call_with(a, "cidr_split", args, 2), NAMES("10.0.0.0/22"));
    args[1] = value_int(a, 21);
    refuses(call_with(a, "cidr_split", args, 2), 1, "from 22 to 32");
    args[1] = value_int(a, 33);
    refuses(call_with(a, "cidr_split", args, 2), 1, "from 22 to 32");
    args[1] = value_double(a, 24.5);
    refuses(call_with(a, "cidr_split", args, 2), 1, "whole number");
    args[0] = text(a, "2001:db8::/32");
    args[1] = value_int(a, 48);
    assert_int_equal(call_with(a, "cidr_split", args, 2).result->seq.count, 65536);
    args[1] = value_int(a, 49);
    refuses(call_with(a, "cidr_split", args, 2), 1, "greatest length here is 48");
}

static void the_next_ones(void **state)
{
    struct arena *a = *state;
    const struct value *args[] = {text(a, "10.0.0.0/24"), value_int(a, 2), value_int(a, 2)};
    struct answer one = call_with(a, "cidr_next", args, 1);
    assert_string_equal(value_str(one.result->dynamic.value, ""), "10.0.1.0/24");
    same_list(a, call_with(a, "cidr_next", args, 2), NAMES("10.0.1.0/24", "10.0.2.0/24"));
    refuses(call_with(a, "cidr_next", args, 3), 2, "at most one number");
    args[1] = value_int(a, 0);
    same_list(a, call_with(a, "cidr_next", args, 2), (const char *const[]){NULL});
    args[1] = value_int(a, 65537);
    refuses(call_with(a, "cidr_next", args, 2), 1, "65536");
    args[0] = text(a, "255.255.255.0/24");
    refuses(call_with(a, "cidr_next", args, 1), 0, "the last /24");
    args[0] = text(a, "2001:db8:ffff:ffff::/64");
    one = call_with(a, "cidr_next", args, 1);
    assert_string_equal(value_str(one.result->dynamic.value, ""), "2001:db9::/64");
}

/* --- against sets of addresses --- */

#define UNIVERSE 64 /* 10.0.0.0/26 */

static const char *random_cidr(struct arena *a, uint64_t *seed, bool *cover)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    unsigned len = 26 + (unsigned)(*seed >> 33) % 7;
    unsigned size = 1u << (32 - len), at = (unsigned)(*seed >> 40) % UNIVERSE / size * size;
    for (unsigned i = at; i < at + size; i++)
        cover[i] = true;
    return arena_printf(a, "10.0.0.%u/%u", at, len);
}

/* Exactly these addresses, in order, and nothing that could be put together. */
static void check_minimal(const struct value *found, const bool *want)
{
    bool got[UNIVERSE] = {false};
    struct cidr last = {0};
    for (size_t i = 0; i < found->seq.count; i++) {
        struct cidr c;
        const char *s = value_str(found->seq.items[i], "");
        assert_int_equal(cidr_parse(s, strlen(s), &c), CIDR_OK);
        unsigned at = (unsigned)(c.hi >> 32) & (UNIVERSE - 1);
        for (unsigned n = 0; n < 1u << (32 - c.len); n++) {
            assert_false(got[at + n]);
            got[at + n] = true;
        }
        if (i > 0) {
            assert_true(cidr_compare(&last, &c) < 0);
            if (last.len == c.len) {
                struct cidr up = cidr_widen(&last, last.len - 1u);
                assert_false(cidr_contains(&up, &c));
            }
        }
        last = c;
    }
    assert_memory_equal(got, want, sizeof got);
}

static void random_sets(void **state)
{
    const char *replay = getenv("TEST_SEED");
    uint64_t seed = replay ? strtoull(replay, NULL, 10) : (uint64_t)time(NULL);
    (void)state;
    printf("TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 2000; round++) {
        struct arena *a = arena_new();
        const char *texts[9] = {NULL};
        bool cover[UNIVERSE] = {false}, left[UNIVERSE] = {false};
        size_t n = (size_t)(seed >> 50) % 8;
        for (size_t i = 0; i < n; i++)
            texts[i] = random_cidr(a, &seed, cover);
        const struct value *args[] = {list(a, texts), NULL};
        check_minimal(call_with(a, "cidr_merge", args, 1).result, cover);
        const char *from = random_cidr(a, &seed, left);
        for (size_t i = 0; i < UNIVERSE; i++)
            left[i] = left[i] && !cover[i];
        check_minimal(exclude(a, from, texts).result, left);
        arena_free(a);
    }
}

static void every_function_is_documented(void **state)
{
    (void)state;
    for (size_t i = 0; ipam_functions[i]; i++) {
        const struct function *f = ipam_functions[i];
        assert_true(f->summary && *f->summary && f->result && f->call);
        assert_non_null(strstr(f->description, f->name)); /* an example */
        for (const struct parameter *p = f->parameters; p->name; p++)
            assert_true(p->description && *p->description && p->type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(containing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_name_argument_and_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(merging, set_up, tear_down),
        cmocka_unit_test_setup_teardown(excluding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(splitting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_ones, set_up, tear_down),
        cmocka_unit_test(random_sets),
        cmocka_unit_test(every_function_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
