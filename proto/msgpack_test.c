#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/codec.h"
#include "proto/text.h"
#include "proto/value_random.h"

#define BYTES(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

/* An object with a member of every kind, as Terraform would send it. */
static const char sample[] = "\x8b"
                             "\xa1"
                             "a"
                             "\xc3"
                             "\xa1"
                             "b"
                             "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"
                             "\xa1"
                             "c"
                             "\xa3"
                             "0.1"
                             "\xa1"
                             "d"
                             "\xd9\x0a"
                             "10.0.0.0/8"
                             "\xa1"
                             "e"
                             "\x93\xa1"
                             "x"
                             "\xc0\xd4\x00\x00"
                             "\xa1"
                             "f"
                             "\x82\xa4"
                             "Name"
                             "\xa1"
                             "n"
                             "\xa1"
                             "Z"
                             "\xd9\x00"
                             "\xa1"
                             "g"
                             "\x92\xc4\x11"
                             "[\"list\",\"number\"]"
                             "\x92\x01\xd1\xff\x00"
                             "\xa1"
                             "h"
                             "\x92\x05\xc2"
                             "\xa1"
                             "i"
                             "\xc7\x09\x0c\x82\x01\xc2\x02\xa4"
                             "pre-"
                             "\xa1"
                             "j"
                             "\xdc\x00\x02\x81\xa1"
                             "k"
                             "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
                             "\x81\xa1"
                             "k"
                             "\xc0"
                             "\xa1"
                             "k"
                             "\xc0";

static const struct type *sample_type(struct arena *a)
{
    static const char json[] =
        "[\"object\",{\"a\":\"bool\",\"b\":\"number\",\"c\":\"number\",\"d\":\"string\","
        "\"e\":[\"list\",\"string\"],\"f\":[\"map\",\"string\"],\"g\":\"dynamic\","
        "\"h\":[\"tuple\",[\"number\",\"bool\"]],\"i\":\"string\","
        "\"j\":[\"set\",[\"object\",{\"k\":\"number\"}]],\"k\":\"dynamic\"}]";
    return type_from_json(a, BYTES(json));
}

static void assert_refused(const struct type *t, struct bytes in, const char *expected)
{
    struct arena *a = arena_new();
    const char *error = NULL;
    const struct value *v = msgpack_decode(a, t, in, &error);
    if (v) {
        fail_msg("accepted: %s", value_describe(a, v, 200));
    }
    assert_non_null(error);
    assert_string_equal(error, expected);
    arena_free(a);
}

static const struct value *assert_decodes(struct arena *a, const struct type *t, struct bytes in)
{
    const char *error = NULL;
    const struct value *v = msgpack_decode(a, t, in, &error);
    if (!v) {
        fail_msg("%s", error);
    }
    return v;
}

static void assert_encodes(struct arena *a, const struct type *t, const struct value *v,
                           struct bytes expected)
{
    struct bytes out = msgpack_encode(a, t, v);
    assert_int_equal(out.len, expected.len);
    assert_memory_equal(out.data, expected.data, out.len);
}

static void reads_what_terraform_sends(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *v = assert_decodes(a, sample_type(a), BYTES(sample));
    assert_string_equal(value_describe(a, v, 1000),
                        "{ a = true, b = 1.5, c = 0.1, d = \"10.0.0.0/8\", "
                        "e = [\"x\", null, (known after apply)], f = { Name = \"n\", Z = \"\" }, "
                        "g = [1, -256], h = [5, false], i = (known after apply), "
                        "j = [{ k = 18446744073709551615 }, { k = null }], k = null }");
    const struct value *refined = value_get(v, "i");
    assert_int_equal(refined->refinement.len, 9);
    assert_memory_equal(refined->refinement.data, "\x82\x01\xc2\x02\xa4pre-", 9);
    arena_free(a);
}

static void writes_the_bytes_that_terraform_writes(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_encodes(a, &type_string, &value_unknown, BYTES("\xd4\x00\x00"));
    assert_encodes(a, &type_string, &value_null, BYTES("\xc0"));
    assert_encodes(a, &type_dynamic, &value_null, BYTES("\xc0"));
    assert_encodes(a, &type_dynamic, &value_unknown, BYTES("\xd4\x00\x00"));
    assert_encodes(a, &type_number, value_int(a, -33), BYTES("\xd0\xdf"));
    assert_encodes(a, &type_number, value_number_text(a, "0.1", 3),
                   BYTES("\xa3"
                         "0.1"));
    assert_encodes(a, &type_number, value_double(a, 0.5),
                   BYTES("\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"));
    const struct value *seq[] = {&value_true};
    const struct value *list = value_seq(a, seq, 1);
    const struct type bools = {.kind = TYPE_LIST, .elem = &type_bool};
    struct bytes typed = BYTES("\x92\xc4\x0f[\"list\",\"bool\"]\x91\xc3");
    assert_encodes(a, &type_dynamic, value_dynamic(a, &bools, list), typed);
    assert_encodes(a, &bools, value_dynamic(a, &bools, list), BYTES("\x91\xc3"));
    assert_encodes(a, &type_dynamic, list, BYTES("\x92\xc4\x12[\"tuple\",[\"bool\"]]\x91\xc3"));
    /* all attributes, in order; what the value lacks is null */
    const struct type_member m[] = {{"b", &type_bool}, {"a", &type_bool}, {"c", &type_bool}};
    assert_encodes(a, type_object(a, m, 3), value_set(a, &value_null, "b", &value_true),
                   BYTES("\x83\xa1"
                         "a\xc0\xa1"
                         "b\xc3\xa1"
                         "c\xc0"));
    arena_free(a);
}

static void what_does_not_fit_is_written_as_it_is(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *map = value_set(a, &value_null, "a", &value_true);
    assert_encodes(a, &type_bool, map,
                   BYTES("\x81\xa1"
                         "a\xc3"));
    const struct value *items[] = {map, &value_true};
    const struct type_member m[] = {{NULL, &type_bool}};
    const struct type one = {.kind = TYPE_TUPLE, .members = m, .count = 1};
    assert_encodes(a, &one, value_seq(a, items, 2),
                   BYTES("\x92\x81\xa1"
                         "a\xc3\xc3"));
    arena_free(a);
}

static void every_value_survives_the_round_trip(void **state)
{
    (void)state;
    struct random r = random_new(true);
    for (int i = 0; i < 3000; i++) {
        struct arena *a = arena_new();
        const struct type *t = random_type(&r, a, 4);
        const struct value *v = random_value(&r, a, t);
        struct bytes out = msgpack_encode(a, t, v);
        const struct value *back = assert_decodes(a, t, out);
        if (!value_equal(t, v, back)) {
            fail_msg("%s\n%s", value_describe(a, v, 2000), value_describe(a, back, 2000));
        }
        assert_encodes(a, t, back, out); /* also what value_equal does not see: refinements */
        arena_free(a);
    }
}

static void numbers_of_every_width(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    static const struct {
        struct bytes in;
        const char *text;
    } cases[] = {
        {BYTES("\x7f"), "127"},
        {BYTES("\xe0"), "-32"},
        {BYTES("\xcc\xff"), "255"},
        {BYTES("\xcd\xff\xff"), "65535"},
        {BYTES("\xce\xff\xff\xff\xff"), "4294967295"},
        {BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615"},
        {BYTES("\xd0\x80"), "-128"},
        {BYTES("\xd1\x80\x00"), "-32768"},
        {BYTES("\xd2\x80\x00\x00\x00"), "-2147483648"},
        {BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854775808"},
        {BYTES("\xca\x3f\xc0\x00\x00"), "1.5"},
        {BYTES("\xcb\x40\x00\x00\x00\x00\x00\x00\x00"), "2"},
        {BYTES("\xb4"
               "98765432109876543210"),
         "98765432109876543210"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct value *v = assert_decodes(a, &type_number, cases[i].in);
        assert_string_equal(value_describe(a, v, 99), cases[i].text);
    }
    arena_free(a);
}

static void what_does_not_fit_the_type_is_refused_by_name(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type_member m[] = {{"cidr", &type_string}, {"tags", &type_map_string}};
    const struct type *t = type_object(a, m, 2);
    const struct type_member pair[] = {{NULL, &type_bool}, {NULL, &type_bool}};
    const struct type tuple = {.kind = TYPE_TUPLE, .members = pair, .count = 2};
    assert_refused(t,
                   BYTES("\x82\xa4"
                         "cidr\x80\xa4"
                         "tags\x80"),
                   ".cidr: expected a string, found a map");
    assert_refused(t,
                   BYTES("\x82\xa4"
                         "cidr\xc4\x01x\xa4"
                         "tags\x80"),
                   ".cidr: expected a string, found binary data");
    assert_refused(t,
                   BYTES("\x82\xa4"
                         "cidr\xa1x\xa4"
                         "tags\x81\xa4Name\xc3"),
                   ".tags[\"Name\"]: expected a string, found a bool");
    assert_refused(t,
                   BYTES("\x82\xa4"
                         "cidr\xa1x\xa4"
                         "tags\x81\x01\xa1v"),
                   ".tags: expected a string as key, found a number");
    assert_refused(t,
                   BYTES("\x82\xa4"
                         "cidr\xa1x\xa4"
                         "tags\x82\xa1k\xa1v\xa1k\xa1w"),
                   ".tags[\"k\"]: the key occurs twice");
    assert_refused(t,
                   BYTES("\x81\xa4"
                         "cidr\xa1x"),
                   ".tags: the attribute is missing");
    assert_refused(t,
                   BYTES("\x83\xa4"
                         "cidr\xc0\xa4"
                         "tags\xc0\xa1z\xc0"),
                   ".z: there is no such attribute");
    assert_refused(t,
                   BYTES("\x82\xa4"
                         "cidr\xc0\xa4"
                         "cidr\xc0"),
                   ".cidr: the attribute occurs twice");
    assert_refused(t,
                   BYTES("\x82\xa5"
                         "cidr\0\xc0\xa4"
                         "tags\xc0"),
                   "the string is not valid UTF-8 or contains NUL");
    assert_refused(t,
                   BYTES("\x82\xa3"
                         "cid\xc0\xa4"
                         "tags\xc0"),
                   ".cid: there is no such attribute");
    assert_refused(t, BYTES("\x90"), "expected an object, found an array");
    assert_refused(&type_map_string, BYTES("\x90"), "expected a map, found an array");
    assert_refused(&type_list_string, BYTES("\x80"), "expected an array, found a map");
    assert_refused(&type_list_string, BYTES("\x92\xa1x\x05"),
                   "[1]: expected a string, found a number");
    assert_refused(&tuple, BYTES("\x91\xc3"), "expected a tuple of 2 elements, found 1");
    assert_refused(&type_bool, BYTES("\x01"), "expected a bool, found a number");
    assert_refused(&type_string, BYTES("\xa2\xc3\x28"),
                   "the string is not valid UTF-8 or contains NUL");
    assert_refused(&type_string, BYTES("\xa1\x00"),
                   "the string is not valid UTF-8 or contains NUL");
    assert_refused(&type_number,
                   BYTES("\xa3"
                         "1x2"),
                   "expected a number, found a string");
    assert_refused(&type_number, BYTES("\xcb\x7f\xf0\0\0\0\0\0\0"), "the number is not finite");
    assert_refused(&type_number, BYTES("\xca\xff\xc0\0\0"), "the number is not finite");
    arena_free(a);
}

static void dynamic_values(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *v = assert_decodes(a, &type_dynamic, BYTES("\x92\xa8\"string\"\xc0"));
    assert_int_equal(v->kind, VALUE_DYNAMIC); /* a null with a type */
    assert_ptr_equal(v->dynamic.type, &type_string);
    assert_ptr_equal(assert_decodes(a, &type_dynamic, BYTES("\xc0")), &value_null);
    assert_refused(&type_dynamic, BYTES("\x91\xa8\"string\""),
                   "expected an array of a type and a value, found an array");
    assert_refused(&type_dynamic, BYTES("\xc3"),
                   "expected an array of a type and a value, found a bool");
    assert_refused(&type_dynamic, BYTES("\x92\x01\x01"), "expected a type, found a number");
    assert_refused(&type_dynamic, BYTES("\x92\xa8\"strinG\"\x01"),
                   "the type of the value cannot be read");
    assert_refused(&type_dynamic, BYTES("\x92\xa8\"string\"\x01"),
                   "expected a string, found a number");
    arena_free(a);
}

static void other_extensions_are_unknown(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    static const struct bytes all[] = {
        BYTES("\xd4\x00\x00"), BYTES("\xd4\x05\x00"),         BYTES("\xd6\xff\x00\x00\x00\x00"),
        BYTES("\xc7\x00\x0c"), BYTES("\xc8\x00\x01\x63\x01"), BYTES("\xc9\x00\x00\x00\x00\x00")};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_ptr_equal(assert_decodes(a, &type_number, all[i]), &value_unknown);
    }
    arena_free(a);
}

static void bytes_that_lie_about_themselves(void **state)
{
    (void)state;
    const struct type *t = &type_list_string;
    static const char *const too_many =
        "byte 0: more elements announced than the message has bytes";
    assert_refused(t, BYTES(""), "byte 0: the message ends too early");
    assert_refused(t, BYTES("\xdd\xff\xff\xff\xff"), too_many);
    assert_refused(t, BYTES("\xdf\xff\xff\xff\xff"), too_many);
    assert_refused(t, BYTES("\xdf\x80\x00\x00\x00"), too_many);
    assert_refused(t, BYTES("\xdc\x00\x03\xc0\xc0"), too_many);
    assert_refused(t, BYTES("\xde\x00\x01\xc0"), too_many);
    assert_refused(t, BYTES("\x92\x92\xc0\xc0"), /* together more than there is */
                   "byte 1: more elements announced than the message has bytes");
    assert_refused(t, BYTES("\xdb\xff\xff\xff\xff"),
                   "byte 0: not msgpack, or the message ends too early");
    assert_refused(t, BYTES("\xc9\xff\xff\xff\xff\x0c"),
                   "byte 0: not msgpack, or the message ends too early");
    assert_refused(t, BYTES("\xc6\xff\xff\xff\xff"),
                   "byte 0: not msgpack, or the message ends too early");
    assert_refused(t, BYTES("\xdd\x00"), "byte 0: not msgpack, or the message ends too early");
    assert_refused(t, BYTES("\xc1"), "byte 0: not msgpack, or the message ends too early");
    assert_refused(t, BYTES("\x90\x00"), "byte 1: more bytes after the end of the value");
    assert_refused(t, BYTES("\xc0\xc0"), "byte 1: more bytes after the end of the value");
}

static struct bytes nested_arrays(struct arena *a, size_t depth)
{
    uint8_t *data = arena_alloc(a, depth + 1);
    memset(data, 0x91, depth);
    data[depth] = 0xc0;
    return (struct bytes){data, depth + 1};
}

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
    struct bytes deepest = nested_arrays(a, CODEC_MAX_DEPTH);
    assert_encodes(a, t, assert_decodes(a, t, deepest), deepest);
    assert_refused(t, nested_arrays(a, CODEC_MAX_DEPTH + 1), "byte 32: nested too deep");
    assert_refused(t, nested_arrays(a, 1000000), "byte 32: nested too deep");
    /* closed containers do not count */
    struct text wide = text_new(a);
    text_add(&wide, "\xdc\x03\xe8", 3);
    for (int i = 0; i < 1000; i++) {
        text_add(&wide, "\x90", 1);
    }
    const struct type lists = {.kind = TYPE_LIST, .elem = &type_list_string};
    struct bytes in = {(const uint8_t *)text_end(&wide), wide.len};
    assert_int_equal(assert_decodes(a, &lists, in)->seq.count, 1000);
    arena_free(a);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type *t = sample_type(a);
    struct bytes good = BYTES(sample);
    for (size_t len = 0; len < good.len; len++) {
        const char *error = NULL;
        uint8_t *exact = malloc(len ? len : 1); /* so that reading over the end is noticed */
        memcpy(exact, good.data, len);
        assert_null(msgpack_decode(a, t, (struct bytes){exact, len}, &error));
        assert_non_null(error);
        free(exact);
    }
    arena_free(a);
}

/* Refused with a reason, or a value that can be written and read again. */
static void assert_sane(const struct type *t, struct bytes in)
{
    struct arena *a = arena_new();
    const char *error = NULL;
    const struct value *v = msgpack_decode(a, t, in, &error);
    assert_true((v == NULL) == (error != NULL));
    if (v) {
        struct bytes out = msgpack_encode(a, t, v);
        assert_true(value_equal(t, v, assert_decodes(a, t, out)));
    }
    arena_free(a);
}

static void every_byte_changed_to_every_value_is_survived(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct type *t = sample_type(a);
    struct bytes good = BYTES(sample);
    uint8_t *bad = malloc(good.len);
    for (size_t i = 0; i < good.len; i++) {
        memcpy(bad, good.data, good.len);
        for (unsigned c = 0; c < 256; c++) {
            bad[i] = (uint8_t)c;
            assert_sane(t, (struct bytes){bad, good.len});
        }
    }
    free(bad);
    arena_free(a);
}

static void random_bytes_are_survived(void **state)
{
    (void)state;
    struct random r = random_new(true);
    struct arena *a = arena_new();
    for (int i = 0; i < 30000; i++) {
        size_t len = random_below(&r, 40);
        uint8_t *bytes = malloc(len + 1);
        for (size_t k = 0; k < len; k++) { /* mostly codes that carry a length */
            bytes[k] = (uint8_t)(random_below(&r, 2) ? 0x80 + random_below(&r, 128)
                                                     : random_below(&r, 256));
        }
        assert_sane(i % 2 ? &type_dynamic : sample_type(a), (struct bytes){bytes, len});
        free(bytes);
    }
    arena_free(a);
}

/* With memory running out at every single allocation: either a jump or the value, never a leak
 * (which the sanitizer would tell) and never half a value. */
static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    struct arena *keep = arena_new();
    const struct type *t = sample_type(keep);
    struct bytes good = BYTES(sample);
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
            const struct value *v = msgpack_decode(a, t, good, &error);
            msgpack_encode(a, t, v);
            arena_fail_after(0);
            finished = true;
        }
        arena_free(a);
    }
    assert_true(n > 30);
    arena_free(keep);
}

static void big_maps_are_fast_and_memory_is_bounded(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct arena *a = arena_new();
    struct text t = text_new(a);
    text_add(&t, "\xdf\x00\x01\x86\xa0", 5);
    for (int i = 0; i < COUNT; i++) { /* keys in no order */
        text_printf(&t, "\xa8%08d\xae%014d", (int)(i * 7919ll % COUNT), i);
    }
    struct bytes in = {(const uint8_t *)text_end(&t), t.len};
    clock_t start = clock();
    size_t before = arena_used(a);
    const struct value *v = assert_decodes(a, &type_map_string, in);
    assert_true(arena_used(a) - before < 10 * in.len);
    assert_int_equal(v->map.count, COUNT);
    assert_int_equal(msgpack_encode(a, &type_map_string, v).len, in.len);
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    arena_free(a);
}

static void too_many_elements_are_refused(void **state)
{
    (void)state;
    size_t len = 5 + (size_t)CODEC_MAX_ITEMS;
    uint8_t *data = malloc(len);
    memset(data, 0xc0, len);
    memcpy(data, "\xdd\x01\x00\x00\x00", 5); /* with the array itself one too many */
    assert_refused(&type_list_string, (struct bytes){data, len},
                   "byte 16777220: too many elements");
    free(data);
    assert_refused(&type_string, (struct bytes){(const uint8_t *)"", (size_t)MESSAGE_MAX_BYTES + 1},
                   "byte 0: too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_terraform_sends),
        cmocka_unit_test(writes_the_bytes_that_terraform_writes),
        cmocka_unit_test(what_does_not_fit_is_written_as_it_is),
        cmocka_unit_test(every_value_survives_the_round_trip),
        cmocka_unit_test(numbers_of_every_width),
        cmocka_unit_test(what_does_not_fit_the_type_is_refused_by_name),
        cmocka_unit_test(dynamic_values),
        cmocka_unit_test(other_extensions_are_unknown),
        cmocka_unit_test(bytes_that_lie_about_themselves),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_byte_changed_to_every_value_is_survived),
        cmocka_unit_test(random_bytes_are_survived),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
        cmocka_unit_test(big_maps_are_fast_and_memory_is_bounded),
        cmocka_unit_test(too_many_elements_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
