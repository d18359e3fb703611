/* Unit tests of cidr: every prefix length, RFC 5952 and RFC 4291 spellings, hostile texts, counts
 * against arithmetic done another way. */
#include "cidr.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static unsigned long long test_seed;

static uint64_t random_next(void)
{
    static uint64_t state;
    static bool started;

    if (!started) {
        state = test_seed;
        started = true;
    }
    state += 0x9e3779b97f4a7c15u;
    uint64_t x = state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static struct cidr parsed(const char *text)
{
    struct cidr c;

    assert_int_equal(cidr_parse(text, strlen(text), &c), CIDR_OK);
    return c;
}

static void assert_cidr(const struct cidr *c, const char *text)
{
    char buf[CIDR_TEXT_SIZE];

    assert_string_equal(cidr_format(c, buf), text);
}

static void expect_canonical(const char *text, enum cidr_error e, const char *canonical)
{
    struct cidr c;

    assert_int_equal(cidr_parse(text, strlen(text), &c), e);
    if (canonical != NULL)
        assert_cidr(&c, canonical);
    else
        assert_false(cidr_is_set(&c));
}

static void v4_every_length(void **state)
{
    (void)state;
    for (unsigned len = 0; len <= 32; len++) {
        for (unsigned round = 0; round < 200; round++) {
            uint32_t address = (uint32_t)random_next();
            uint32_t mask = len == 0 ? 0 : UINT32_MAX << (32 - len);
            char text[64], want[64];
            struct cidr c;

            snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255,
                     address >> 8 & 255, address & 255, len);
            uint32_t net = address & mask;
            snprintf(want, sizeof(want), "%u.%u.%u.%u/%u", net >> 24, net >> 16 & 255,
                     net >> 8 & 255, net & 255, len);
            enum cidr_error e = cidr_parse(text, strlen(text), &c);
            assert_int_equal(e, net == address ? CIDR_OK : CIDR_HOST_BITS);
            assert_cidr(&c, want);
            struct cidr made = cidr_make(FAMILY_V4, (uint64_t)address << 32 | 0xdead, 77, len);
            assert_true(cidr_equal(&made, &c));
            struct cidr first = cidr_first_address(&c), last = cidr_last_address(&c);
            assert_int_equal(first.hi >> 32, net);
            assert_int_equal(last.hi >> 32, net | ~mask);
            assert_int_equal(first.len, 32);
            assert_int_equal(last.len, 32);
            struct count n = cidr_count(&c);
            assert_true(n.top == 0 && n.hi == 0 && n.lo == (uint64_t)UINT32_MAX - mask + 1);
        }
    }
}

/* The library of the system agrees on every address except the forms where this module follows
 * RFC 5952 and it does not. */
static void v6_round_trip(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        unsigned char raw[16];
        char text[64], with_length[80], buf[CIDR_TEXT_SIZE];
        uint64_t hi = 0, lo = 0, groups = random_next(), keep = random_next();

        for (unsigned i = 0; i < 8; i++) {
            unsigned g = (groups >> i & 1) ? (unsigned)random_next() & 0xffff : 0;
            if (keep >> i & 1)
                g &= 0x00ff;
            raw[2 * i] = (unsigned char)(g >> 8);
            raw[2 * i + 1] = (unsigned char)g;
            if (i < 4)
                hi = hi << 16 | g;
            else
                lo = lo << 16 | g;
        }
        if (hi == 0 && lo >> 48 == 0)
            continue; /* the IPv4-compatible and IPv4-mapped forms have their own test */
        assert_non_null(inet_ntop(AF_INET6, raw, text, sizeof(text)));
        snprintf(with_length, sizeof(with_length), "%s/128", text);
        struct cidr c = cidr_make(FAMILY_V6, hi, lo, 128);
        assert_string_equal(cidr_format(&c, buf), with_length);
        struct cidr back = parsed(buf);
        assert_true(cidr_equal(&back, &c));
    }
}

static void rfc5952(void **state)
{
    (void)state;
    static const char *const canonical[] = {
        "::/0",
        "::1/128",
        "2001:db8::/32",
        "2001:db8::1/128",
        "2001:db8:0:1:1:1:1:1/128", /* one zero group stays */
        "2001:0:0:1::/64",          /* the longest run */
        "2001:db8::1:0:0:1/128",    /* of equal runs the first */
        "0:1::/32",
        "1:2:3:4:5:6:7:8/128",
        "0:1:1:1:1:1:1:0/112",
        "::ffff:10.0.0.1/128",
        "::ffff:0.0.0.0/96",
        "::fffe:0:0/96",
        "::102:304/128",
        "64:ff9b::a00:1/128",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
    };
    for (size_t i = 0; i < sizeof(canonical) / sizeof(*canonical); i++)
        expect_canonical(canonical[i], CIDR_OK, canonical[i]);
    expect_canonical("::1:0:0:0:0/80", CIDR_NOT_CANONICAL, "0:0:0:1::/80");
    expect_canonical("2001:DB8::/32", CIDR_NOT_CANONICAL, "2001:db8::/32");
    expect_canonical("2001:0db8::/32", CIDR_NOT_CANONICAL, "2001:db8::/32");
    expect_canonical("2001:db8:0:0:0:0:0:0/32", CIDR_NOT_CANONICAL, "2001:db8::/32");
    expect_canonical("2001:db8:0::/48", CIDR_NOT_CANONICAL, "2001:db8::/48");
    expect_canonical("2001:db8::1:1:1:1:1/128", CIDR_NOT_CANONICAL, "2001:db8:0:1:1:1:1:1/128");
    expect_canonical("::ffff:a00:1/128", CIDR_NOT_CANONICAL, "::ffff:10.0.0.1/128");
    expect_canonical("::1.2.3.4/128", CIDR_NOT_CANONICAL, "::102:304/128");
    expect_canonical("2001:DB8::1/32", CIDR_HOST_BITS, "2001:db8::/32");
    struct cidr c;
    assert_int_equal(cidr_parse_lenient("2001:DB8::/32", 13, &c), CIDR_OK);
    assert_cidr(&c, "2001:db8::/32");
    assert_int_equal(cidr_parse_lenient("2001:DB8::1/32", 14, &c), CIDR_HOST_BITS);
    static const char longest[] = "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:255.255.255.255/128";
    assert_int_equal(sizeof(longest), CIDR_TEXT_SIZE);
    assert_int_equal(cidr_parse_lenient(longest, strlen(longest), &c), CIDR_OK);
    assert_cidr(&c, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
}

static void hostile_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cidr_error e;
    } bad[] = {
        {"", CIDR_NOT_A_CIDR},
        {"/", CIDR_NOT_A_CIDR},
        {"/8", CIDR_NOT_A_CIDR},
        {"10.0.0.0", CIDR_NOT_A_CIDR},
        {"10.0.0/8", CIDR_NOT_A_CIDR},
        {"10/8", CIDR_NOT_A_CIDR},
        {"10.0.0.0.0/8", CIDR_NOT_A_CIDR},
        {"10.0.0.256/32", CIDR_NOT_A_CIDR},
        {"010.0.0.0/8", CIDR_NOT_A_CIDR},
        {"10.00.0.0/8", CIDR_NOT_A_CIDR},
        {"0x0a.0.0.0/8", CIDR_NOT_A_CIDR},
        {"-1.0.0.0/8", CIDR_NOT_A_CIDR},
        {"+10.0.0.0/8", CIDR_NOT_A_CIDR},
        {" 10.0.0.0/8", CIDR_NOT_A_CIDR},
        {"10.0.0.0 /8", CIDR_NOT_A_CIDR},
        {"10.0.0.0/8 ", CIDR_NOT_A_CIDR},
        {"10.0.0.0/8\n", CIDR_NOT_A_CIDR},
        {"10.0.0.0/8/8", CIDR_NOT_A_CIDR},
        {"10.0.0.0/8x", CIDR_NOT_A_CIDR},
        {"10.0.0.0/8.0", CIDR_NOT_A_CIDR},
        {"10.0.0.0/255.0.0.0", CIDR_NOT_A_CIDR},
        {"\xd9\xa1.0.0.0/8", CIDR_NOT_A_CIDR},
        {"\xef\xbc\x91.0.0.0/8", CIDR_NOT_A_CIDR},
        {"1.0.0.0/\xd9\xa1", CIDR_BAD_LENGTH},
        {"10.0.0.0/", CIDR_BAD_LENGTH},
        {"10.0.0.0/-8", CIDR_BAD_LENGTH},
        {"10.0.0.0/+8", CIDR_BAD_LENGTH},
        {"10.0.0.0/ 8", CIDR_BAD_LENGTH},
        {"10.0.0.0/08", CIDR_BAD_LENGTH},
        {"0.0.0.0/00", CIDR_BAD_LENGTH},
        {"10.0.0.0/33", CIDR_BAD_LENGTH},
        {"10.0.0.0/4294967304", CIDR_BAD_LENGTH},
        {"10.0.0.0/18446744073709551624", CIDR_BAD_LENGTH},
        {"::/129", CIDR_BAD_LENGTH},
        {"fe80::1%eth0/128", CIDR_NOT_A_CIDR},
        {"[::]/0", CIDR_NOT_A_CIDR},
        {":::/0", CIDR_NOT_A_CIDR},
        {"1::2::3/128", CIDR_NOT_A_CIDR},
        {":1:2:3:4:5:6:7/128", CIDR_NOT_A_CIDR},
        {"1:2:3:4:5:6:7/128", CIDR_NOT_A_CIDR},
        {"1:2:3:4:5:6:7:8:9/128", CIDR_NOT_A_CIDR},
        {"00001::/128", CIDR_NOT_A_CIDR},
        {"g::/128", CIDR_NOT_A_CIDR},
        {"::1.2.3/128", CIDR_NOT_A_CIDR},
        {"::01.2.3.4/128", CIDR_NOT_A_CIDR},
        {"1.2.3.4::/128", CIDR_NOT_A_CIDR},
    };
    struct cidr c;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        expect_canonical(bad[i].text, bad[i].e, NULL);
        assert_int_equal(cidr_parse_lenient(bad[i].text, strlen(bad[i].text), &c), bad[i].e);
    }
    assert_int_equal(cidr_parse("10.0.0.0/8\0", 11, &c), CIDR_NOT_A_CIDR);
    assert_int_equal(cidr_parse("10.0\0.0.0/8", 11, &c), CIDR_NOT_A_CIDR);
    assert_int_equal(cidr_parse("10.0.0.0\0/8", 11, &c), CIDR_NOT_A_CIDR);
    assert_int_equal(cidr_parse(NULL, 0, &c), CIDR_NOT_A_CIDR);
    /* Not NUL-terminated: what follows len is not looked at. */
    assert_int_equal(cidr_parse("10.0.0.0/8garbage", 10, &c), CIDR_OK);
    assert_int_equal(c.len, 8);
    for (size_t size = CIDR_TEXT_SIZE - 1; size < 200000; size = size * 3 / 2) {
        char *text = malloc(size);
        assert_non_null(text);
        memset(text, '1', size);
        text[1] = ':';
        text[size / 2] = '/';
        assert_int_equal(cidr_parse(text, size, &c), CIDR_NOT_A_CIDR);
        memset(text, '0', size);
        memcpy(text, "::/", 3);
        assert_int_not_equal(cidr_parse(text, size, &c), CIDR_OK);
        free(text);
    }
}

/* Whatever the bytes, the answer is consistent: what is OK writes back to itself. */
static void random_texts(void **state)
{
    (void)state;
    static const char letters[] = "0123456789abcdefF.:/ -\0\xff";

    for (unsigned round = 0; round < 300000; round++) {
        char text[60], buf[CIDR_TEXT_SIZE];
        struct cidr c, lenient;
        size_t len = random_next() % sizeof(text);

        for (size_t i = 0; i < len; i++)
            text[i] = letters[random_next() % (sizeof(letters) - 1)];
        if (round % 2 == 0) { /* near misses: a right text with one byte changed */
            c = cidr_make(round % 4 == 0 ? FAMILY_V4 : FAMILY_V6, random_next(), random_next(),
                          (unsigned)(random_next() % 129));
            cidr_format(&c, text);
            len = strlen(text);
            text[random_next() % len] = letters[random_next() % (sizeof(letters) - 1)];
        }
        enum cidr_error e = cidr_parse(text, len, &c);
        enum cidr_error l = cidr_parse_lenient(text, len, &lenient);
        assert_true(cidr_equal(&c, &lenient));
        assert_int_equal(l, e == CIDR_NOT_CANONICAL ? CIDR_OK : e);
        if (e == CIDR_OK) {
            cidr_format(&c, buf);
            assert_int_equal(strlen(buf), len);
            assert_memory_equal(buf, text, len);
        }
        if (e == CIDR_OK || e == CIDR_HOST_BITS || e == CIDR_NOT_CANONICAL) {
            struct cidr again = parsed(cidr_format(&c, buf));
            assert_true(cidr_equal(&again, &c));
        } else {
            assert_false(cidr_is_set(&c));
        }
    }
}

static void error_texts(void **state)
{
    (void)state;
    char buf[128];
    struct cidr c;

    assert_int_equal(cidr_parse("10.0.5.9/16", 11, &c), CIDR_HOST_BITS);
    assert_string_equal(cidr_error_text(CIDR_HOST_BITS, &c, buf, sizeof(buf)),
                        "has host bits set; the network is 10.0.0.0/16");
    assert_int_equal(cidr_parse("2001:DB8::/32", 13, &c), CIDR_NOT_CANONICAL);
    assert_string_equal(cidr_error_text(CIDR_NOT_CANONICAL, &c, buf, sizeof(buf)),
                        "is not in canonical form; write 2001:db8::/32");
    assert_string_equal(cidr_error_text(CIDR_HOST_BITS, NULL, buf, sizeof(buf)),
                        "has host bits set");
    assert_non_null(strstr(cidr_error_text(CIDR_BAD_LENGTH, NULL, NULL, 0), "prefix length"));
    assert_non_null(strstr(cidr_error_text(CIDR_NOT_A_CIDR, NULL, NULL, 0), "not a CIDR"));
    char small[8];
    assert_string_equal(cidr_error_text(CIDR_HOST_BITS, &c, small, sizeof(small)), "has hos");
}

/* Every pair of prefixes in a universe of 16 addresses, against sets of addresses. */
static unsigned address_set(const struct cidr *c)
{
    unsigned first = (unsigned)(c->hi >> 32) & 15, n = 1u << (32 - c->len);

    return ((1u << n) - 1) << first;
}

static void relations_exhaustive(void **state)
{
    (void)state;
    struct cidr all[31];
    size_t n = 0;
    struct cidr root = parsed("10.0.0.0/28");

    for (unsigned len = 28; len <= 32; len++)
        for (uint64_t i = 0; i < 1u << (len - 28); i++)
            assert_true(cidr_nth(&root, len, i, &all[n++]));
    assert_int_equal(n, 31);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            unsigned a = address_set(&all[i]), b = address_set(&all[j]);
            assert_int_equal(cidr_contains(&all[i], &all[j]), (a & b) == b);
            assert_int_equal(cidr_overlaps(&all[i], &all[j]), (a & b) != 0);
            assert_int_equal(cidr_equal(&all[i], &all[j]), i == j);
            int order = cidr_compare(&all[i], &all[j]);
            unsigned low_a = a & -a, low_b = b & -b;
            int want = low_a != low_b             ? (low_a < low_b ? -1 : 1)
                       : all[i].len != all[j].len ? (all[i].len < all[j].len ? -1 : 1)
                                                  : 0;
            assert_int_equal(order, want);
            if (all[j].len <= all[i].len) {
                struct cidr wide = cidr_widen(&all[i], all[j].len);
                assert_int_equal(cidr_equal(&wide, &all[j]), (a & b) == a);
            }
        }
        struct cidr low, high;
        bool split = cidr_split(&all[i], &low, &high);
        assert_int_equal(split, all[i].len < 32);
        if (split) {
            assert_int_equal(address_set(&low) ^ address_set(&high), address_set(&all[i]));
            assert_true(cidr_compare(&low, &high) < 0 && low.len == high.len);
        }
    }
}

static void families_never_meet(void **state)
{
    (void)state;
    struct cidr v4 = parsed("0.0.0.0/0"), v6 = parsed("::/0"), none = {0};

    assert_false(cidr_contains(&v4, &v6));
    assert_false(cidr_contains(&v6, &v4));
    assert_false(cidr_overlaps(&v4, &v6));
    assert_false(cidr_equal(&v4, &v6));
    assert_true(cidr_compare(&v4, &v6) < 0 && cidr_compare(&v6, &v4) > 0);
    assert_false(cidr_contains(&none, &none));
    assert_false(cidr_overlaps(&none, &v4));
    assert_false(cidr_is_set(&none));
}

static void stepping(void **state)
{
    (void)state;
    struct cidr c, out, low, high;

    c = parsed("255.255.255.0/24");
    assert_false(cidr_next(&c, &out));
    c = parsed("0.0.0.0/0");
    assert_false(cidr_next(&c, &out));
    c = parsed("10.0.255.0/24");
    assert_true(cidr_next(&c, &out));
    assert_cidr(&out, "10.1.0.0/24");
    c = parsed("2001:db8:0:ffff:ffff:ffff:ffff:ffff/128");
    assert_true(cidr_next(&c, &out));
    assert_cidr(&out, "2001:db8:1::/128");
    c = parsed("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
    assert_false(cidr_next(&c, &out));
    assert_false(cidr_split(&c, &low, &high));
    c = parsed("::/0");
    assert_true(cidr_split(&c, &low, &high));
    assert_cidr(&low, "::/1");
    assert_cidr(&high, "8000::/1");
    assert_true(cidr_split(&c, &c, &high)); /* in place */
    assert_cidr(&c, "::/1");
    c = parsed("10.0.0.0/8");
    assert_true(cidr_nth(&c, 24, 65535, &out));
    assert_cidr(&out, "10.255.255.0/24");
    assert_false(cidr_nth(&c, 24, 65536, &out));
    assert_false(cidr_nth(&c, 7, 0, &out));
    assert_false(cidr_nth(&c, 33, 0, &out));
    assert_true(cidr_nth(&c, 8, 0, &out));
    assert_false(cidr_nth(&c, 8, 1, &out));
    c = parsed("::/0");
    assert_true(cidr_nth(&c, 64, UINT64_MAX, &out));
    assert_cidr(&out, "ffff:ffff:ffff:ffff::/64");
    assert_true(cidr_nth(&c, 128, UINT64_MAX, &out));
    assert_cidr(&out, "::ffff:ffff:ffff:ffff/128");
    assert_true(cidr_nth(&c, 0, 0, &out));
    assert_false(cidr_nth(&c, 0, 1, &out));
    out = cidr_last_address(&c);
    assert_cidr(&out, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
    out = cidr_make(FAMILY_V6, UINT64_MAX, UINT64_MAX, 500);
    assert_int_equal(out.len, 128);
}

/* Decimal text by adding digits by hand: doubling 129 times. */
static void counts(void **state)
{
    (void)state;
    char want[64] = "1", got[64];
    struct count n = {0, 1, 0};

    for (unsigned order = 0; order <= 128; order++) {
        struct cidr c = cidr_make(FAMILY_V6, 0, 0, 128 - order);
        assert_int_equal(count_compare(cidr_count(&c), n), 0);
        assert_string_equal(count_format(n, got, sizeof(got)), want);
        size_t len = strlen(want);
        int carry = 0;
        for (size_t i = len; i-- > 0;) {
            int d = (want[i] - '0') * 2 + carry;
            want[i] = (char)('0' + d % 10);
            carry = d / 10;
        }
        if (carry != 0) {
            memmove(want + 1, want, len + 1);
            want[0] = '1';
        }
        struct count half = n;
        n = count_add(n, n);
        if (order < 128) {
            assert_int_equal(count_compare(count_sub(n, half), half), 0);
            assert_int_equal(count_compare(half, n), -1);
            assert_int_equal(count_compare(n, half), 1);
        }
    }
    struct count most = {UINT64_MAX, UINT64_MAX, 1}, one = {0, 1, 0}, zero = {0, 0, 0};
    assert_int_equal(count_compare(n, most), 0); /* 2^128 twice saturates */
    assert_string_equal(count_format(most, got, sizeof(got)),
                        "680564733841876926926749214863536422911");
    assert_int_equal(count_compare(count_add(most, one), most), 0);
    struct count all = {0, 0, 1}, rest = count_sub(all, one);
    assert_true(rest.top == 0 && rest.hi == UINT64_MAX && rest.lo == UINT64_MAX);
    assert_int_equal(count_compare(count_add(rest, one), all), 0);
    assert_true(count_is_zero(count_sub(one, all)));
    assert_true(count_is_zero(count_sub(all, all)));
    assert_string_equal(count_format(zero, got, sizeof(got)), "0");
    assert_string_equal(count_format((struct count){0, 1000000000, 0}, got, sizeof(got)),
                        "1000000000");
}

static void percents(void **state)
{
    (void)state;
    struct count all = {0, 0, 1}, zero = {0, 0, 0}, quarter = {UINT64_C(1) << 62, 0, 0};
    struct count odd = {123456789, 987654321, 0};

    assert_true(count_percent(zero, zero) == 0);
    assert_true(count_percent(odd, zero) == 0);
    assert_true(count_percent(zero, all) == 0);
    assert_true(count_percent(all, all) == 100);
    assert_true(count_percent(odd, odd) == 100);
    assert_true(count_percent(quarter, all) == 25);
    assert_true(count_percent((struct count){0, 7, 0}, (struct count){0, 100, 0}) == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v4_every_length), cmocka_unit_test(v6_round_trip),
        cmocka_unit_test(rfc5952),         cmocka_unit_test(hostile_texts),
        cmocka_unit_test(random_texts),    cmocka_unit_test(error_texts),
        cmocka_unit_test(stepping),        cmocka_unit_test(relations_exhaustive),
        cmocka_unit_test(counts),          cmocka_unit_test(families_never_meet),
        cmocka_unit_test(percents),
    };
    const char *given = getenv("TEST_SEED");

    test_seed = given != NULL ? strtoull(given, NULL, 0) : (unsigned long long)time(NULL);
    printf("TEST_SEED=%llu\n", test_seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
