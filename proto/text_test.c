#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/text.h"

static void grows_and_ends(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct text t = text_new(a), empty = text_new(a);
    for (int i = 0; i < 10000; i++) {
        text_printf(&t, "%04d,", i);
    }
    assert_int_equal(t.len, 50000);
    assert_int_equal(strlen(text_end(&t)), 50000);
    assert_memory_equal(text_end(&t) + 49990, "9998,9999,", 10);
    assert_string_equal(text_end(&empty), "");
    arena_free(a);
}

static void quotes(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct text t = text_new(a);
    const char *s = "a\"b\\c\n\t\x01\x7f\xc3\xa4";
    text_quote(&t, s, strlen(s));
    assert_string_equal(text_end(&t), "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\xc3\xa4\"");
    arena_free(a);
}

/* An independent statement of the rule: decode, then ask whether the shortest form was used. */
static bool naive_valid(const unsigned char *s, size_t len)
{
    size_t i = 0;
    while (i < len) {
        unsigned n = s[i] < 0x80           ? 0
                     : (s[i] >> 5) == 6    ? 1
                     : (s[i] >> 4) == 0xe  ? 2
                     : (s[i] >> 3) == 0x1e ? 3
                                           : 9;
        if (n == 9 || i + n >= len) {
            return false;
        }
        uint32_t c = n == 0 ? s[i] : s[i] & (0x3fu >> n);
        for (unsigned k = 1; k <= n; k++) {
            if (s[i + k] >> 6 != 2) {
                return false;
            }
            c = c << 6 | (s[i + k] & 0x3f);
        }
        unsigned shortest = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || n != shortest) {
            return false;
        }
        i += n + 1;
    }
    return true;
}

static void utf8_agrees_with_a_naive_decoder(void **state)
{
    (void)state;
    static const unsigned char tails[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
                                          0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    size_t n = sizeof tails, valid = 0;
    for (unsigned first = 0; first < 256; first++) {
        for (size_t k = 0; k < n * n * n; k++) {
            unsigned char s[4] = {(unsigned char)first, tails[k % n], tails[k / n % n],
                                  tails[k / n / n]};
            for (size_t len = 1; len <= 4; len++) {
                bool expected = naive_valid(s, len);
                assert_int_equal(text_is_valid((char *)s, len), expected);
                valid += expected;
            }
        }
    }
    assert_true(valid > 1000);
    assert_true(text_is_valid(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_ends),
        cmocka_unit_test(quotes),
        cmocka_unit_test(utf8_agrees_with_a_naive_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
