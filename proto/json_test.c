#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/codec.h"
#include "proto/text.h"
#include "proto/value_random.h"

static struct bytes bytes_of(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static const char sample[] =
    "{\"a\":true,\"b\":1.5,\"c\":0.1,\"d\":\"10.0.0.0\\/8\",\"e\":[\"x\",null,\"\\u00e4\"],"
    "\"f\":{\"Z\":\"\",\"Name\":\"n\"},\"g\":{\"type\":[\"list\",\"number\"],\"value\":[1,-2e2]},"
    "\"h\":[5,false],\"i\":18446744073709551616000000000001,\"j\":[{\"k\":-0}],\"k\":null}";

static const struct type *sample_type(struct arena *a)
{
    return type_from_json(
        a,
        bytes_of("[\"object\",{\"a\":\"bool\",\"b\":\"number\",\"c\":\"number\",\"d\":\"string\","
                 "\"e\":[\"list\",\"string\"],\"f\":[\"map\",\"string\"],\"g\":\"dynamic\","
                 "\"h\":[\"tuple\",[\"number\",\"bool\"]],\"i\":\"number\","
                 "\"j\":[\"set\",[\"object\",{\"k\":\"number\"}]],\"k\":\"dynamic\"}]"));
}

static const struct value *assert_decodes(struct arena *a, const struct type *t,
                                          enum json_mode mode, const char *text)
{
    const char *error = NULL;
    const struct value *v = json_decode(a, t, bytes_of(text), mode, &error);
    if (!v) {
        fail_msg("%s: %s", text, error);
    }
    return v;
}

static void assert_refused(const struct type *t, const char *text, const char *expected)
{
    struct arena *a = arena_new();
    const char *error = NULL;
    const struct value *v = json_decode(a, t, bytes_of(text), JSON_STRICT, &error);
    if (v) {
        fail_msg("accepted %s as %s", text, value_describe(a, v, 200));
    }
    assert_string_equal(error, expected);
    arena_free(a);
}

static void reads_and_writes_every_kind(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type *t = sample_type(a);
    const struct value *v = assert_decodes(a, t, JSON_STRICT, sample);
    assert_string_equal(value_describe(a, v, 1000),
                        "{ a = true, b = 1.5, c = 0.1, d = \"10.0.0.0/8\", "
                        "e = [\"x\", null, \"\xc3\xa4\"], f = { Name = \"n\", Z = \"\" }, "
                        "g = [1, -200], h = [5, false], i = 18446744073709551616000000000001, "
                        "j = [{ k = 0 }], k = null }");
    assert_string_equal(
        (const char *)json_encode(a, t, v).data,
        "{\"a\":true,\"b\":1.5,\"c\":0.1,\"d\":\"10.0.0.0/8\",\"e\":[\"x\",null,\"\xc3\xa4\"],"
        "\"f\":{\"Name\":\"n\",\"Z\":\"\"},"
        "\"g\":{\"type\":[\"list\",\"number\"],\"value\":[1,-200]},\"h\":[5,false],"
        "\"i\":18446744073709551616000000000001,\"j\":[{\"k\":0}],\"k\":null}");
    arena_free(a);
}

static void what_json_cannot_say(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_string_equal(json_encode(a, &type_string, &value_unknown).data, "null");
    assert_string_equal(json_encode(a, &type_dynamic, &value_unknown).data, "null");
    assert_string_equal(json_encode(a, &type_dynamic, value_int(a, 7)).data,
                        "{\"type\":\"number\",\"value\":7}");
    assert_string_equal(
        json_encode(a, &type_string, value_dynamic(a, &type_string, value_string(a, "x"))).data,
        "\"x\"");
    assert_string_equal(json_encode(a, &type_map_string, value_map(a, NULL, 0)).data, "{}");
    assert_string_equal(json_encode(a, &type_list_string, value_seq(a, NULL, 0)).data, "[]");
    const struct type_member m[] = {{"a", &type_bool}, {"b", &type_bool}};
    assert_string_equal(json_encode(a, type_object(a, m, 2), value_map(a, NULL, 0)).data,
                        "{\"a\":null,\"b\":null}");
    arena_free(a);
}

static void every_value_survives_the_round_trip(void **state)
{
    (void)state;
    struct random r = random_new(false);
    for (int i = 0; i < 3000; i++) {
        struct arena *a = arena_new();
        const struct type *t = random_type(&r, a, 4);
        const struct value *v = random_value(&r, a, t);
        struct bytes out = json_encode(a, t, v);
        assert_int_equal(strlen((const char *)out.data), out.len);
        const struct value *back = assert_decodes(a, t, JSON_STRICT, (const char *)out.data);
        if (!value_equal(t, v, back)) {
            fail_msg("%s\n%s", value_describe(a, v, 2000), value_describe(a, back, 2000));
        }
        assert_true(value_equal(t, v, assert_decodes(a, t, JSON_LENIENT, (char *)out.data)));
        arena_free(a);
    }
}

static void what_does_not_fit_the_type_is_refused_by_name(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type_member m[] = {{"cidr", &type_string}, {"tags", &type_map_string}};
    const struct type *t = type_object(a, m, 2);
    assert_refused(t, "{\"cidr\":{},\"tags\":{}}", ".cidr: expected a string, found an object");
    assert_refused(t, "{\"cidr\":\"\",\"tags\":{\"N\":1}}",
                   ".tags[\"N\"]: expected a string, found a number");
    assert_refused(t, "{\"cidr\":\"\"}", ".tags: the attribute is missing");
    assert_refused(t, "{\"cidr\":\"\",\"tags\":null,\"x\":1}", ".x: there is no such attribute");
    assert_refused(t, "{\"cidr\":\"\",\"cidr\":\"\",\"tags\":null}",
                   "an object has the same key twice");
    assert_refused(t, "[]", "expected an object, found an array");
    assert_refused(&type_map_string, "\"\"", "expected an object, found a string");
    assert_refused(&type_list_string, "{}", "expected an array, found an object");
    assert_refused(&type_list_string, "[\"\",true]", "[1]: expected a string, found a bool");
    assert_refused(&type_string, "\"a\\u0000b\"", "the string contains NUL");
    assert_refused(&type_bool, "1.5", "expected a bool, found a number");
    assert_refused(&type_number, "\"ten\"", "expected a number, found a string");
    assert_refused(&type_number, "\"1\\u00002\"", "expected a number, found a string");
    assert_refused(&type_number, "1e9999999999", "expected a number, found a number");
    assert_refused(&type_number, "true", "expected a number, found a bool");
    assert_refused(&type_dynamic, "1", "expected an object of type and value, found a number");
    assert_refused(&type_dynamic, "{\"type\":\"string\"}",
                   "expected an object of type and value, found an object");
    assert_refused(&type_dynamic, "{\"type\":\"strin\",\"value\":1}",
                   "the type of the value cannot be read");
    assert_refused(&type_string, "\"a\" \"b\"", "byte 4: more after the end of the value");
    const struct type_member pair[] = {{NULL, &type_bool}, {NULL, &type_bool}};
    const struct type tuple = {.kind = TYPE_TUPLE, .members = pair, .count = 2};
    assert_refused(&tuple, "[true]", "expected a tuple of 2 elements, found 1");
    arena_free(a);
}

static void state_of_another_version_is_read(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type_member m[] = {{"cidr", &type_string}, {"tags", &type_map_string}};
    const struct type *t = type_object(a, m, 2);
    const struct value *v =
        assert_decodes(a, t, JSON_LENIENT, "{\"old\":{\"x\":[1]},\"cidr\":\"10.0.0.0/8\"}");
    assert_string_equal(value_describe(a, v, 99), "{ cidr = \"10.0.0.0/8\", tags = null }");
    assert_string_equal(value_describe(a, assert_decodes(a, t, JSON_LENIENT, "{}"), 99),
                        "{ cidr = null, tags = null }");
    arena_free(a);
}

/* The text may be deeper than values, for the sake of types inside it; values may not. */
static void depth_is_bounded(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type *t = &type_string;
    for (int i = 0; i < CODEC_MAX_DEPTH + 1; i++) {
        struct type *list = arena_alloc(a, sizeof *list);
        *list = (struct type){.kind = TYPE_LIST, .elem = t};
        t = list;
    }
    for (size_t depth = CODEC_MAX_DEPTH; depth < 100000; depth = depth * 3 / 2) {
        char *text = arena_alloc(a, 2 * depth + 1);
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        const char *error = NULL;
        const struct value *v = json_decode(a, t, bytes_of(text), JSON_STRICT, &error);
        assert_int_equal(v != NULL, depth == CODEC_MAX_DEPTH);
        assert_true(v || strstr(error, "nested too deep"));
    }
    arena_free(a);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type *t = sample_type(a);
    for (size_t len = 0; len < sizeof sample - 1; len++) {
        const char *error = NULL;
        uint8_t *exact = malloc(len ? len : 1);
        memcpy(exact, sample, len);
        assert_null(json_decode(a, t, (struct bytes){exact, len}, JSON_LENIENT, &error));
        assert_non_null(error);
        free(exact);
    }
    arena_free(a);
}

static void every_byte_changed_is_survived(void **state)
{
    (void)state;
    struct arena *keep = arena_new();
    const struct type *t = sample_type(keep);
    char bad[sizeof sample];
    for (size_t i = 0; i < sizeof sample - 1; i++) {
        memcpy(bad, sample, sizeof sample);
        for (unsigned c = 0; c < 256; c++) {
            struct arena *a = arena_new();
            bad[i] = (char)c;
            struct bytes in = {(const uint8_t *)bad, sizeof sample - 1};
            const char *error = NULL;
            const struct value *v = json_decode(a, t, in, JSON_LENIENT, &error);
            assert_true((v == NULL) == (error != NULL));
            if (v) {
                const char *text = (const char *)json_encode(a, t, v).data;
                assert_true(value_equal(t, v, assert_decodes(a, t, JSON_STRICT, text)));
            }
            arena_free(a);
        }
    }
    arena_free(keep);
}

static void random_text_is_survived(void **state)
{
    (void)state;
    static const char *const tokens[] = {"{", "}", "[",  "]",  ":",    ",",    "\"a\"", "\"type\"",
                                         "1", "-", ".5", "e3", "true", "null", "\"",    "\\u0000"};
    struct random r = random_new(false);
    for (int i = 0; i < 30000; i++) {
        struct arena *a = arena_new();
        struct text t = text_new(a);
        for (size_t n = random_below(&r, 12); n > 0; n--) {
            text_puts(&t, tokens[random_below(&r, sizeof tokens / sizeof *tokens)]);
        }
        const char *error = NULL;
        const struct value *v =
            json_decode(a, random_type(&r, a, 2), bytes_of(text_end(&t)), JSON_LENIENT, &error);
        assert_true((v == NULL) == (error != NULL));
        arena_free(a);
    }
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    struct arena *keep = arena_new();
    const struct type *t = sample_type(keep);
    volatile size_t n = 0;
    volatile bool finished = false;
    while (!finished) {
        struct arena *a = arena_new();
        jmp_buf guard;
        n++;
        if (setjmp(guard) == 0) {
            arena_guard(a, &guard);
            arena_fail_after(n);
            const char *error = NULL;
            const struct value *v = json_decode(a, t, bytes_of(sample), JSON_STRICT, &error);
            json_encode(a, t, v);
            arena_fail_after(0);
            finished = true;
        }
        arena_free(a);
    }
    assert_true(n > 30);
    arena_free(keep);
}

static void big_maps_are_fast(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct arena *a = arena_new();
    struct text t = text_new(a);
    for (int i = 0; i < COUNT; i++) {
        text_printf(&t, "%c\"%08d\":\"%d\"", i ? ',' : '{', (int)(i * 7919ll % COUNT), i);
    }
    text_puts(&t, "}");
    clock_t start = clock();
    const struct value *v = assert_decodes(a, &type_map_string, JSON_STRICT, text_end(&t));
    assert_int_equal(v->map.count, COUNT);
    assert_int_equal(json_encode(a, &type_map_string, v).len, t.len);
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_every_kind),
        cmocka_unit_test(what_json_cannot_say),
        cmocka_unit_test(every_value_survives_the_round_trip),
        cmocka_unit_test(what_does_not_fit_the_type_is_refused_by_name),
        cmocka_unit_test(state_of_another_version_is_read),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_byte_changed_is_survived),
        cmocka_unit_test(random_text_is_survived),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
        cmocka_unit_test(big_maps_are_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
