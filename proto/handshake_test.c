/*
 * handshake_test - the texts of the handshake against the rules of go-plugin
 */
#include "proto/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the headers above, as it demands */
#include <cmocka.h>

static void test_cookie(void **state)
{
    (void)state;
    assert_true(
        handshake_cookie_fits("d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"));
    assert_false(handshake_cookie_fits(NULL));
    assert_false(handshake_cookie_fits(""));
    assert_false(
        handshake_cookie_fits("d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2 "));
    assert_false(
        handshake_cookie_fits("D602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"));
}

static void test_versions(void **state)
{
    (void)state;
    static const char *const with[] = {"6", "5,6", "6,5", "4,5,6,7", "06", "5,x,6", ",6", "6,", ""};
    static const char *const without[] = {"5",  "4,5", "66",  "60,16", "-6",
                                          "+6", " 6",  "6 ",  "6x",    "x6",
                                          ",",  "6.0", "0x6", "5;6",   "18446744073709551622"};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        assert_true(handshake_offers(with[i], 6));
    }
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        assert_false(handshake_offers(without[i], 6));
    }
    assert_true(handshake_offers(NULL, 6));
}

/* RFC 4648, section 10, without the padding. */
static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "+//+"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char out[BASE64_SIZE(8)];
        size_t len = strlen(pairs[i][0]);
        assert_int_equal(base64_encode(out, (const uint8_t *)pairs[i][0], len),
                         strlen(pairs[i][1]));
        assert_string_equal(out, pairs[i][1]);
    }
}

/* Every length around the block boundaries fits the promised size exactly. */
static void test_base64_size(void **state)
{
    (void)state;
    uint8_t in[100];
    memset(in, 0xa5, sizeof in);
    for (size_t n = 0; n <= sizeof in; n++) {
        char *out = malloc(BASE64_SIZE(n));
        assert_non_null(out);
        size_t len = base64_encode(out, in, n);
        assert_int_equal(len, (n * 8 + 5) / 6);
        assert_int_equal(strlen(out), len);
        assert_null(strchr(out, '='));
        free(out);
    }
}

static const uint8_t random_bytes[HANDSHAKE_RANDOM] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xab, 0xff};

static void expect_directory(const char *tmpdir, const char *directory)
{
    char path[HANDSHAKE_SOCKET_SIZE], expected[HANDSHAKE_SOCKET_SIZE];
    handshake_socket_path(path, tmpdir, random_bytes);
    snprintf(expected, sizeof expected, "%s/tfplugin-00010203040506070809abff", directory);
    assert_string_equal(path, expected);
}

static void test_socket_path(void **state)
{
    (void)state;
    char dir[] = "/tmp/handshake-test-XXXXXX", name[160];
    assert_non_null(mkdtemp(dir));
    expect_directory(dir, dir);
    expect_directory(NULL, "/tmp");
    expect_directory("", "/tmp");
    expect_directory("tmp", "/tmp");
    expect_directory("/nonexistent", "/tmp");
    expect_directory("/dev/null", "/tmp");
    static const char *const awkward[] = {"a|b", "a%b", "a'b", "a\"b", "a\\b", "a\nb", "\x7f"};
    for (size_t i = 0; i < sizeof awkward / sizeof *awkward; i++) {
        snprintf(name, sizeof name, "%s/%s", dir, awkward[i]);
        assert_int_equal(mkdir(name, 0700), 0);
        expect_directory(name, "/tmp");
        assert_int_equal(rmdir(name), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

/* The longest directory that leaves room for the name is used, one byte more is not. */
static void test_socket_path_length(void **state)
{
    (void)state;
    char dir[] = "/tmp/handshake-test-XXXXXX", name[160];
    assert_non_null(mkdtemp(dir));
    size_t longest = 107 - strlen("/tfplugin-00010203040506070809abff");
    for (size_t len = longest - 1; len <= longest + 1; len++) {
        int fill = (int)(len - strlen(dir) - 1);
        snprintf(name, sizeof name, "%s/%0*d", dir, fill, 0);
        assert_int_equal(strlen(name), len);
        assert_int_equal(mkdir(name, 0700), 0);
        expect_directory(name, len <= longest ? name : "/tmp");
        assert_int_equal(rmdir(name), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

static void test_line(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_non_null(a);
    struct bytes der = {(const uint8_t *)"fooba", 5};
    assert_string_equal(handshake_line(a, "/tmp/s", der), "1|6|unix|/tmp/s|grpc|Zm9vYmE\n");
    assert_string_equal(handshake_line(a, "/tmp/s", (struct bytes){0}), "1|6|unix|/tmp/s|grpc|\n");
    static const uint8_t large[(64 << 10) + 1];
    assert_non_null(handshake_line(a, "/tmp/s", (struct bytes){large, sizeof large - 1}));
    assert_null(handshake_line(a, "/tmp/s", (struct bytes){large, sizeof large}));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cookie),      cmocka_unit_test(test_versions),
        cmocka_unit_test(test_base64),      cmocka_unit_test(test_base64_size),
        cmocka_unit_test(test_socket_path), cmocka_unit_test(test_socket_path_length),
        cmocka_unit_test(test_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
