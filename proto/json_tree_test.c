#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/codec.h"
#include "proto/json_tree.h"
#include "proto/text.h"

static struct bytes bytes_of(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void assert_refused(struct bytes in, const char *expected)
{
    struct arena *a = arena_new();
    struct json_object *tree;
    const char *error = NULL;
    if (json_tree_parse(a, in, 10, &tree, &error)) {
        fail_msg("accepted %.*s", (int)in.len, (const char *)in.data);
    }
    assert_string_equal(error, expected);
    arena_free(a);
}

static struct json_object *assert_parses(struct arena *a, const char *text)
{
    struct json_object *tree = NULL;
    const char *error = NULL;
    if (!json_tree_parse(a, bytes_of(text), 10, &tree, &error)) {
        fail_msg("%s: %s", text, error);
    }
    return tree;
}

static void documents_of_every_kind(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_null(assert_parses(a, " null\n"));
    assert_true(json_object_get_boolean(assert_parses(a, "true")));
    assert_int_equal(json_object_get_int64(assert_parses(a, "-12")), -12);
    assert_string_equal(json_object_get_string(assert_parses(a, "\"\"")), "");
    assert_string_equal(json_object_get_string(assert_parses(a, "\"\\u00e4\\ud83d\\ude00\\n\"")),
                        "\xc3\xa4\xf0\x9f\x98\x80\n");
    assert_int_equal(json_object_array_length(assert_parses(a, "[[],{},null,\t{\"a\":[1]}]\r\n")),
                     4);
    assert_int_equal(json_object_object_length(assert_parses(a, "{\"a\":{\"a\":1},\"b\":null}")),
                     2);
    arena_free(a);
}

static void numbers_keep_their_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.1", "1e3", "-0.0", "1.50", "1E-400", "2.5e+10"};
    static const char *const big[] = {"9223372036854775807", "9223372036854775808",
                                      "-9223372036854775809", "18446744073709551616",
                                      "123456789012345678901234567890"};
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json_object *o = assert_parses(a, texts[i]);
        assert_string_equal(json_object_get_userdata(o), texts[i]);
    }
    for (size_t i = 0; i < sizeof big / sizeof *big; i++) {
        const char *expected = arena_printf(a, "%s.0", big[i]);
        assert_string_equal(json_object_get_userdata(assert_parses(a, big[i])), expected);
        struct json_object *o =
            assert_parses(a, arena_printf(a, "{\"n\":[%s,%s , %s\n]}", big[i], big[i], big[i]));
        json_object_object_get_ex(o, "n", &o);
        for (size_t k = 0; k < 3; k++) {
            assert_string_equal(json_object_get_userdata(json_object_array_get_idx(o, k)),
                                expected);
        }
    }
    assert_int_equal(json_object_get_int64(assert_parses(a, "999999999999999999")),
                     999999999999999999);
    assert_string_equal(json_object_get_string(assert_parses(a, "\"99999999999999999999\"")),
                        "99999999999999999999");
    arena_free(a);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "byte 0: no value"},
        {" \n", "byte 2: no value"},
        {"{", "byte 1: the text ends too early"},
        {"[1,2", "byte 4: the text ends too early"},
        {"\"abc", "byte 4: a string without end"},
        {"\"abc\\", "byte 5: a string without end"},
        {"{} x", "byte 3: not JSON"},
        {"{}{}", "byte 2: more after the end of the value"},
        {"1 2", "byte 2: more after the end of the value"},
        {"nul", "byte 0: not JSON"},
        {"NULL", "byte 0: not JSON"},
        {"True", "byte 0: not JSON"},
        {"NaN", "byte 0: not JSON"},
        {"Infinity", "byte 0: not JSON"},
        {"-", "byte 1: a minus without a number"},
        {"-Infinity", "byte 1: a minus without a number"},
        {"'a'", "byte 0: not JSON"},
        {"/* c */ 1", "byte 0: not JSON"},
        {"]", "byte 0: a bracket closes what was not opened"},
        {"{1:2}", "byte 2: a colon without a key"},
        {"{\"a\\u0000b\":1}", "byte 11: a NUL character inside a key"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "an object has the same key twice"},
        {"{\"x\":[{\"a\":{},\"\\u0061\":1}]}", "an object has the same key twice"},
        {"\"a\tb\"", "byte 2: a control character inside a string"},
        {"\"\xc3(\"", "byte 0: the text is not valid UTF-8"},
        {"[[[[[[[[[[[]]]]]]]]]]]", "byte 11: nested too deep"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(bytes_of(cases[i][0]), cases[i][1]);
    }
    assert_refused((struct bytes){(const uint8_t *)"1\0", 2},
                   "byte 0: the text is not valid UTF-8");
    assert_refused((struct bytes){NULL, 0}, "byte 0: no value");
    assert_refused((struct bytes){(const uint8_t *)"", (size_t)MESSAGE_MAX_BYTES + 1},
                   "byte 0: too long");
}

/* What the token pass lets through must fail in json-c: the grammar. */
static void the_grammar_is_checked(void **state)
{
    (void)state;
    static const char *const texts[] = {"[1 2]",       "[1,,2]",
                                        "[1,]",        "{\"a\" 1}",
                                        "{\"a\":1,}",  "{\"a\"}",
                                        "{,}",         "[}",
                                        "{]",          "[:1]",
                                        "\"a\":1",     "[\"a\":1]",
                                        "1-2",         "1e5e5",
                                        "1.2.3",       "\"\\x\"",
                                        "\"\\u12g4\"", "[1}",
                                        "{\"a\":}",    "{\"a\"::1}",
                                        ",",           "[12345678901234567890 1]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena *a = arena_new();
        struct json_object *tree;
        const char *error = NULL;
        if (json_tree_parse(a, bytes_of(texts[i]), 10, &tree, &error)) {
            fail_msg("accepted %s", texts[i]);
        }
        assert_non_null(error);
        arena_free(a);
    }
}

static void many_empty_containers_are_refused_before_they_cost(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    size_t count = CODEC_MAX_ITEMS / JSON_CONTAINER_ITEMS;
    struct text t = text_new(a);
    text_puts(&t, "[{}");
    for (size_t i = 1; i < count; i++) {
        text_add(&t, ",{}", 3);
    }
    text_puts(&t, "]");
    const char *text = text_end(&t);
    assert_refused((struct bytes){(const uint8_t *)text, t.len}, "byte 6291454: too many elements");
    arena_free(a);
}

static void long_tokens(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    for (size_t len = 20; len < 100000; len = len * 3 / 2) {
        char *text = arena_alloc(a, len + 3);
        memset(text, 'x', len + 2);
        text[0] = text[len + 1] = '"';
        assert_int_equal(json_object_get_string_len(assert_parses(a, text)), len);
        memset(text, '7', len + 2);
        assert_int_equal(strlen(json_object_get_userdata(assert_parses(a, text))), len + 4);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_of_every_kind),
        cmocka_unit_test(numbers_keep_their_text),
        cmocka_unit_test(refusals),
        cmocka_unit_test(the_grammar_is_checked),
        cmocka_unit_test(many_empty_containers_are_refused_before_they_cost),
        cmocka_unit_test(long_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
