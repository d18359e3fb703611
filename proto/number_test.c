#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "proto/text.h"
#include "proto/value_random.h"

static const struct value *read(struct arena *a, const char *text)
{
    return value_number_text(a, text, strlen(text));
}

static void every_spelling_has_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum number_kind kind;
        const char *out;
    } cases[] = {
        {"0", NUMBER_INT, "0"},
        {"-0", NUMBER_INT, "0"},
        {"0.000e5", NUMBER_INT, "0"},
        {"-0.0e-999999999", NUMBER_INT, "0"},
        {"1.0", NUMBER_INT, "1"},
        {"+1", NUMBER_INT, "1"},
        {"007", NUMBER_INT, "7"},
        {"1e3", NUMBER_INT, "1000"},
        {"12000E-3", NUMBER_INT, "12"},
        {"9223372036854775807", NUMBER_INT, "9223372036854775807"},
        {"-9223372036854775808", NUMBER_INT, "-9223372036854775808"},
        {"9223372036854775808", NUMBER_UINT, "9223372036854775808"},
        {"18446744073709551615", NUMBER_UINT, "18446744073709551615"},
        {"1.8446744073709551615e19", NUMBER_UINT, "18446744073709551615"},
        {"18446744073709551616", NUMBER_DOUBLE, "18446744073709551616"},
        {"18446744073709551617", NUMBER_TEXT, "18446744073709551617"},
        {"-9223372036854775809", NUMBER_TEXT, "-9223372036854775809"},
        {"1.50", NUMBER_DOUBLE, "1.5"},
        {"-0.03125", NUMBER_DOUBLE, "-0.03125"},
        {"5e-1", NUMBER_DOUBLE, "0.5"},
        {"0.1", NUMBER_TEXT, "0.1"},
        {"0.100", NUMBER_TEXT, "0.1"},
        {"1e-1", NUMBER_TEXT, "0.1"},
        {"-123.456", NUMBER_TEXT, "-123.456"},
        {"0.35", NUMBER_TEXT, "0.35"},
        {"1e30", NUMBER_TEXT, "1000000000000000000000000000000"},
        {"1e60", NUMBER_TEXT, "1e+60"},
        {"12.50e100", NUMBER_TEXT, "1.25e+101"},
        {"1e-50", NUMBER_TEXT, "1e-50"},
        {"123456789012345678901234567890.5", NUMBER_TEXT, "123456789012345678901234567890.5"},
        {"1e999999999", NUMBER_TEXT, "1e+999999999"},
        {"1e400", NUMBER_TEXT, "1e+400"},
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct value *v = read(a, cases[i].in);
        if (!v || v->number.kind != cases[i].kind) {
            fail_msg("%s: %d", cases[i].in, v ? (int)v->number.kind : -1);
        }
        const char *printed = value_number_print(a, &v->number);
        assert_string_equal(printed, cases[i].out);
        assert_true(value_equal(NULL, v, read(a, printed)));
    }
    arena_free(a);
}

static void refuses_what_is_no_number(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        "+",
                                        ".",
                                        "1.",
                                        ".5",
                                        "e5",
                                        "1e",
                                        "1e+",
                                        "1 ",
                                        " 1",
                                        "0x1",
                                        "1e5x",
                                        "--1",
                                        "1.2.3",
                                        "NaN",
                                        "inf",
                                        "1,5",
                                        "1e1.5",
                                        "1_000",
                                        "1e1000000000",
                                        "10e999999999",
                                        "0.1e-999999999",
                                        "1e99999999999999999999"};
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (read(a, texts[i])) {
            fail_msg("accepted `%s`", texts[i]);
        }
    }
    assert_null(value_number_text(a, "1\0002", 3));
    arena_free(a);
}

/* The exact decimal expansion of any double must come back as that double; a neighbour in decimal
 * must not. */
static void exactly_the_doubles_become_doubles(void **state)
{
    (void)state;
    struct random r = random_new(false);
    struct arena *a = arena_new();
    static const double special[] = {
        DBL_MIN, DBL_MAX, DBL_EPSILON, 0x1p-1074, 0x1p-1073, 0x1p64, 0x1.fffffffffffffp-1022,
        1e22,    0.1};
    for (size_t i = 0; i < 20000; i++) {
        uint64_t bits = random_bits(&r);
        double d;
        memcpy(&d, &bits, sizeof d);
        if (i % 3 == 0) {
            d = ldexp((double)(bits >> 40), (int)random_below(&r, 100) - 60);
        }
        if (i < sizeof special / sizeof *special) {
            d = special[i];
        }
        if (!isfinite(d)) {
            continue;
        }
        const struct value *expected = value_double(a, d);
        char text[1200];
        snprintf(text, sizeof text, i % 2 ? "%.1100e" : "%.770e", d);
        const struct value *v = read(a, text);
        assert_non_null(v);
        assert_true(value_equal(NULL, v, read(a, value_number_print(a, &expected->number))));
        if (!value_equal(NULL, v, expected)) {
            fail_msg("%s", text);
        }
        char *e = strchr(text, 'e');
        e[-1] = '1'; /* far behind the last digit of any double */
        v = read(a, text);
        assert_true(d == 0 || v->number.kind == NUMBER_TEXT);
    }
    arena_free(a);
}

static void described_doubles_are_short_and_read_back(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct random r = random_new(false);
    assert_string_equal(value_number_describe(a, &value_double(a, 0.1)->number), "0.1");
    assert_string_equal(value_number_describe(a, &value_double(a, 37.5)->number), "37.5");
    for (int i = 0; i < 2000; i++) {
        uint64_t bits = random_bits(&r);
        double d;
        memcpy(&d, &bits, sizeof d);
        if (isfinite(d)) {
            struct number n = {.kind = NUMBER_DOUBLE, .d = d};
            assert_true(strtod(value_number_describe(a, &n), NULL) == d);
        }
    }
    arena_free(a);
}

static void doubles_that_are_whole_are_integers(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_int_equal(value_double(a, -0.0)->number.kind, NUMBER_INT);
    assert_int_equal(value_double(a, 3)->number.i, 3);
    assert_true(value_double(a, -0x1p63)->number.i == INT64_MIN);
    assert_int_equal(value_double(a, 0x1p63)->number.kind, NUMBER_UINT);
    assert_int_equal(value_double(a, 0x1p64)->number.kind, NUMBER_DOUBLE);
    assert_int_equal(value_uint(a, INT64_MAX)->number.kind, NUMBER_INT);
    assert_ptr_equal(value_double(a, NAN), &value_null);
    assert_ptr_equal(value_double(a, -INFINITY), &value_null);
    arena_free(a);
}

static void a_long_text_is_linear(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct text t = text_new(a);
    for (int i = 0; i < 1000000; i++) {
        text_puts(&t, "7");
    }
    const struct value *v = read(a, text_end(&t));
    assert_int_equal(v->number.kind, NUMBER_TEXT);
    assert_int_equal(strlen(v->number.text), 1000000);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_has_one_form),
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(exactly_the_doubles_become_doubles),
        cmocka_unit_test(described_doubles_are_short_and_read_back),
        cmocka_unit_test(doubles_that_are_whole_are_integers),
        cmocka_unit_test(a_long_text_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
