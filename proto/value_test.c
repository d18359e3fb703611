#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/value_random.h"

static const struct value *strings(struct arena *a, const char *text)
{
    const struct value *items[64];
    size_t count = 0;
    for (; *text; text++) {
        items[count++] = value_string_n(a, text, 1);
    }
    return value_seq(a, items, count);
}

static void maps_sort_and_the_last_of_equal_keys_wins(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct value_member members[3000];
    for (size_t i = 0; i < 3000; i++) {
        members[i].key = arena_printf(a, "k%zu", i * 7 % 1000);
        members[i].value = value_int(a, (int64_t)i);
    }
    const struct value *m = value_map(a, members, 3000);
    assert_int_equal(m->map.count, 1000);
    for (size_t i = 1; i < 1000; i++) {
        assert_true(strcmp(m->map.members[i - 1].key, m->map.members[i].key) < 0);
    }
    for (size_t i = 0; i < 1000; i++) {
        int64_t n;
        assert_true(value_as_int(value_get(m, members[i].key), &n));
        assert_int_equal(n, 2000 + i);
    }
    const char *twice = NULL;
    assert_null(value_map_take(a, members, 3000, &twice));
    assert_non_null(twice);
    assert_int_equal(value_map(a, NULL, 0)->map.count, 0);
    arena_free(a);
}

static void members_are_found_and_replaced(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *v = value_set(a, &value_null, "m", value_int(a, 1));
    v = value_set(a, v, "z", value_int(a, 2));
    v = value_set(a, v, "a", value_int(a, 3));
    const struct value *changed = value_set(a, v, "m", &value_true);
    assert_string_equal(value_describe(a, v, 99), "{ a = 3, m = 1, z = 2 }");
    assert_string_equal(value_describe(a, changed, 99), "{ a = 3, m = true, z = 2 }");
    assert_ptr_equal(value_get(v, "b"), &value_null);
    assert_ptr_equal(value_get(&value_true, "a"), &value_null);
    assert_ptr_equal(value_get(value_map(a, NULL, 0), "a"), &value_null);
    arena_free(a);
}

static void accessors_fall_back(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    int64_t n = 5;
    assert_string_equal(value_str(value_string(a, "x"), "y"), "x");
    assert_string_equal(value_str(&value_unknown, "y"), "y");
    assert_ptr_equal(value_string(a, NULL), &value_null);
    assert_true(value_truth(&value_true, false));
    assert_true(value_truth(&value_null, true));
    assert_false(value_as_int(value_double(a, 1.5), &n));
    assert_false(value_as_int(value_uint(a, UINT64_MAX), &n));
    assert_false(value_as_int(&value_null, &n));
    assert_int_equal(n, 5);
    assert_true(value_as_int(value_double(a, -7.0), &n));
    assert_int_equal(n, -7);
    arena_free(a);
}

static void wholly_known_looks_everywhere(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *list[] = {&value_null, &value_true};
    const struct value *hidden[] = {&value_true, &value_unknown};
    assert_true(value_is_wholly_known(value_seq(a, list, 2)));
    const struct value *seq = value_seq(a, hidden, 2);
    assert_false(value_is_wholly_known(seq));
    assert_false(value_is_wholly_known(value_set(a, &value_null, "a", seq)));
    assert_false(value_is_wholly_known(value_dynamic(a, &type_string, &value_unknown)));
    assert_false(value_is_known(&value_unknown));
    assert_false(value_is_known(&value_null));
    arena_free(a);
}

static void equality(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *abc = strings(a, "abc"), *cab = strings(a, "cab");
    assert_true(value_equal(&type_set_string, abc, cab));
    assert_false(value_equal(&type_list_string, abc, cab));
    assert_false(value_equal(NULL, abc, cab));
    assert_true(value_equal(NULL, abc, strings(a, "abc")));
    assert_false(value_equal(&type_set_string, abc, strings(a, "ab")));
    assert_false(value_equal(&type_set_string, strings(a, "aab"), strings(a, "abb")));
    assert_true(value_equal(&type_set_string, strings(a, "aab"), strings(a, "aba")));
    assert_true(value_equal(NULL, value_int(a, 1), value_double(a, 1)));
    assert_true(value_equal(NULL, value_int(a, 1), value_number_text(a, "1.0", 3)));
    assert_false(value_equal(NULL, value_double(a, 0.1), value_number_text(a, "0.1", 3)));
    assert_false(value_equal(NULL, &value_null, &value_unknown));
    assert_false(value_equal(NULL, &value_null, &value_false));
    assert_false(value_equal(NULL, value_string(a, "1"), value_int(a, 1)));
    assert_false(value_equal(&type_dynamic, value_dynamic(a, &type_set_string, abc),
                             value_dynamic(a, &type_list_string, abc)));
    assert_true(value_equal(&type_dynamic, value_dynamic(a, &type_set_string, abc),
                            value_dynamic(a, &type_set_string, cab)));
    arena_free(a);
}

/* Sets inside objects inside sets, and members of an object with types of their own. */
static void equality_follows_the_type_inside(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type_member m[] = {{"list", &type_list_string}, {"set", &type_set_string}};
    const struct type *object = type_object(a, m, 2);
    const struct type set = {.kind = TYPE_SET, .elem = object};
    const char *const spellings[][2] = {{"ab", "xyz"}, {"ab", "zyx"}, {"ba", "xyz"}};
    const struct value *v[3];
    for (size_t i = 0; i < 3; i++) {
        v[i] = value_set(a, &value_null, "list", strings(a, spellings[i][0]));
        v[i] = value_set(a, v[i], "set", strings(a, spellings[i][1]));
    }
    assert_true(value_equal(object, v[0], v[1]));
    assert_false(value_equal(object, v[0], v[2]));
    const struct value *left[] = {v[0], v[2]}, *right[] = {v[2], v[1]}, *other[] = {v[0], v[1]};
    assert_true(value_equal(&set, value_seq(a, left, 2), value_seq(a, right, 2)));
    assert_false(value_equal(&set, value_seq(a, left, 2), value_seq(a, other, 2)));
    arena_free(a);
}

static void shuffle(struct random *r, const struct value **items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = random_below(r, i);
        const struct value *swap = items[i - 1];
        items[i - 1] = items[k];
        items[k] = swap;
    }
}

static void random_sets_equal_their_shuffles_only(void **state)
{
    (void)state;
    struct random r = random_new(true);
    struct arena *a = arena_new();
    for (int round = 0; round < 500; round++) {
        struct type set = {.kind = TYPE_SET, .elem = random_type(&r, a, 2)};
        const struct value *items[40];
        size_t n = 1 + random_below(&r, 40);
        for (size_t i = 0; i < n; i++) {
            items[i] = random_value(&r, a, set.elem);
        }
        const struct value *before = value_seq(a, items, n);
        shuffle(&r, items, n);
        assert_true(value_equal(&set, before, value_seq(a, items, n)));
        items[random_below(&r, n)] = value_string(a, "no element of the type");
        if (value_equal(&set, before, value_seq(a, items, n))) {
            fail_msg("%s", value_describe(a, before, 2000));
        }
    }
    arena_free(a);
}

static void big_sets_are_compared_fast(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct arena *a = arena_new();
    const struct value **items = arena_calloc(a, COUNT, sizeof *items);
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = value_string(a, arena_printf(a, "10.%zu.0.0/16", i));
    }
    const struct value *up = value_seq(a, items, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = up->seq.items[COUNT - 1 - i];
    }
    const struct value *down = value_seq(a, items, COUNT);
    clock_t start = clock();
    assert_true(value_equal(&type_set_string, up, down));
    /* Comparing all with all takes minutes. */
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    arena_free(a);
}

static void types_are_inferred(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *v = value_set(a, &value_null, "n", value_int(a, 1));
    v = value_set(a, v, "list", strings(a, "a"));
    v = value_set(a, v, "later", &value_unknown);
    assert_string_equal(
        type_to_json(a, value_infer_type(a, v)),
        "[\"object\",{\"later\":\"dynamic\",\"list\":[\"tuple\",[\"string\"]],\"n\":\"number\"}]");
    arena_free(a);
}

static void descriptions_are_short(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *v = value_set(a, &value_null, "cidr", value_string(a, "10.0.0.0/8"));
    v = value_set(a, v, "a b", value_set(a, &value_null, "x", &value_unknown));
    v = value_set(a, v, "list", strings(a, "ab"));
    v = value_set(a, v, "none", value_dynamic(a, &type_bool, &value_null));
    assert_string_equal(value_describe(a, v, 1000),
                        "{ \"a b\" = { x = (known after apply) }, cidr = \"10.0.0.0/8\", "
                        "list = [\"a\", \"b\"], none = null }");
    for (size_t max = 0; max < 100; max++) {
        assert_true(strlen(value_describe(a, v, max)) < max + 60);
    }
    assert_string_equal(value_describe(a, value_string(a, "a\xc3\xa4z"), 2), "\"a\"...");
    assert_string_equal(value_describe(a, value_map(a, NULL, 0), 9), "{}");
    assert_string_equal(value_describe(a, value_seq(a, NULL, 0), 9), "[]");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_sort_and_the_last_of_equal_keys_wins),
        cmocka_unit_test(members_are_found_and_replaced),
        cmocka_unit_test(accessors_fall_back),
        cmocka_unit_test(wholly_known_looks_everywhere),
        cmocka_unit_test(equality),
        cmocka_unit_test(equality_follows_the_type_inside),
        cmocka_unit_test(random_sets_equal_their_shuffles_only),
        cmocka_unit_test(big_sets_are_compared_fast),
        cmocka_unit_test(types_are_inferred),
        cmocka_unit_test(descriptions_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
