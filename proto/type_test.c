#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/text.h"
#include "proto/type.h"

static const struct type *read(struct arena *a, const char *json)
{
    return type_from_json(a, (struct bytes){(const uint8_t *)json, strlen(json)});
}

static void json_both_ways(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\"dynamic\"",
        "\"bool\"",
        "\"number\"",
        "\"string\"",
        "[\"list\",\"string\"]",
        "[\"set\",[\"map\",\"number\"]]",
        "[\"object\",{}]",
        "[\"object\",{\"a\\\"b\":\"number\",\"z\":[\"tuple\",[]]}]",
        "[\"tuple\",[\"string\",[\"object\",{\"x\":\"dynamic\"}]]]",
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct type *t = read(a, texts[i]);
        assert_non_null(t);
        assert_string_equal(type_to_json(a, t), texts[i]);
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            assert_int_equal(type_equal(t, read(a, texts[k])), i == k);
        }
    }
    assert_ptr_equal(read(a, " \"string\" "), &type_string);
    assert_string_equal(type_to_json(a, read(a, "[\"object\",{\"b\":\"bool\",\"a\":\"bool\"}]")),
                        "[\"object\",{\"a\":\"bool\",\"b\":\"bool\"}]");
    arena_free(a);
}

static void refuses_what_is_no_type(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "null",
        "1",
        "\"strin\"",
        "\"string\\u0000\"",
        "\"list\"",
        "[]",
        "[\"list\"]",
        "[\"list\",\"string\",\"string\"]",
        "[\"string\",\"string\"]",
        "[\"object\",[]]",
        "[\"tuple\",{}]",
        "[\"object\",{\"a\":null}]",
        "[\"object\",{\"a\":\"bool\",\"a\":\"bool\"}]",
        "[\"tuple\",[1]]",
        "[\"list\",null]",
        "\"string\" \"string\"",
        "[\"list\",\"string\"",
        "{\"list\":\"string\"}",
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (read(a, texts[i])) {
            fail_msg("accepted %s", texts[i]);
        }
    }
    arena_free(a);
}

static const char *nested(struct arena *a, const char *open, const char *close, unsigned depth)
{
    struct text t = text_new(a);
    for (unsigned i = 1; i < depth; i++) {
        text_puts(&t, open);
    }
    text_puts(&t, "\"string\"");
    for (unsigned i = 1; i < depth; i++) {
        text_puts(&t, close);
    }
    return text_end(&t);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static const char *const shapes[][2] = {
        {"[\"list\",", "]"}, {"[\"object\",{\"a\":", "}]"}, {"[\"tuple\",[", "]]"}};
    struct arena *a = arena_new();
    for (size_t i = 0; i < 3; i++) {
        const char *open = shapes[i][0], *close = shapes[i][1];
        const char *deepest = nested(a, open, close, TYPE_MAX_DEPTH);
        const struct type *t = read(a, deepest);
        assert_non_null(t);
        assert_string_equal(type_to_json(a, t), deepest);
        assert_null(read(a, nested(a, open, close, TYPE_MAX_DEPTH + 1)));
        assert_null(read(a, nested(a, open, close, 100000)));
    }
    arena_free(a);
}

static void objects_are_sorted_and_compared_by_name(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type_member ab[] = {{"a", &type_bool}, {"b", &type_string}};
    const struct type_member ba[] = {{"b", &type_string}, {"a", &type_bool}};
    const struct type_member other[] = {{"b", &type_bool}, {"a", &type_bool}};
    const struct type unsorted = {.kind = TYPE_OBJECT, .members = ba, .count = 2};
    const struct type *sorted = type_object(a, ba, 2);
    assert_string_equal(sorted->members[0].name, "a");
    assert_true(type_equal(sorted, type_object(a, ab, 2)));
    assert_true(type_equal(sorted, &unsorted));
    assert_false(type_equal(sorted, type_object(a, other, 2)));
    assert_false(type_equal(sorted, type_object(a, ab, 1)));
    assert_int_equal(type_object(a, NULL, 0)->count, 0);
    arena_free(a);
}

static void descriptions(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_string_equal(type_describe(a, &type_list_string), "list of string");
    assert_string_equal(type_describe(a, read(a, "[\"map\",[\"set\",\"number\"]]")),
                        "map of set of number");
    assert_string_equal(type_describe(a, read(a, "[\"object\",{}]")), "object");
    assert_string_equal(type_describe(a, &type_dynamic), "any type");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_both_ways),
        cmocka_unit_test(refuses_what_is_no_type),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(objects_are_sorted_and_compared_by_name),
        cmocka_unit_test(descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
