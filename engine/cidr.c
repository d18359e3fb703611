/*
 * cidr - the algebra of address prefixes
 *
 * Both families are computed in the same left-aligned 128-bit number space (cidr_bits.h), so no
 * operation asks which family it works on, except to know the longest length and how to write the
 * text. The invariant of the module is that host bits are zero; with it, containment is "the
 * shorter one's bits agree", equality is equality of numbers, and order is order of numbers.
 *
 * Text. Reading an address is inet_pton's work: it is strict where strictness protects (no leading
 * zeros, which some software reads as octal; no missing parts; no zone). It only sees characters
 * that can occur in an address, in a copy that is cut at the longest text there is, so neither NUL
 * bytes nor megabytes reach it. Writing is done here and not by inet_ntop, which prints ::1.2.3.4
 * for the long deprecated IPv4-compatible addresses where RFC 5952 and Terraform's own cidr
 * functions print ::102:304. What is canonical is decided by one rule: a text is canonical when
 * writing what was read gives it back.
 */
#include "cidr_bits.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- building and comparing --- */

struct cidr cidr_make(enum family f, uint64_t hi, uint64_t lo, unsigned len)
{
    if (len > cidr_max_len(f))
        len = cidr_max_len(f);
    return bits_cidr((uint8_t)f, bits_join(hi, lo) & bits_mask(len), len);
}

bool cidr_equal(const struct cidr *a, const struct cidr *b)
{
    return a->hi == b->hi && a->lo == b->lo && a->len == b->len && a->family == b->family;
}

bool cidr_contains(const struct cidr *outer, const struct cidr *inner)
{
    return outer->family == inner->family && cidr_is_set(outer) && outer->len <= inner->len &&
           bits_common(cidr_bits(outer), cidr_bits(inner)) >= outer->len;
}

bool cidr_overlaps(const struct cidr *a, const struct cidr *b)
{
    return a->len <= b->len ? cidr_contains(a, b) : cidr_contains(b, a);
}

int cidr_compare(const struct cidr *a, const struct cidr *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    if (a->hi != b->hi)
        return a->hi < b->hi ? -1 : 1;
    if (a->lo != b->lo)
        return a->lo < b->lo ? -1 : 1;
    return (a->len > b->len) - (a->len < b->len);
}

bool cidr_split(const struct cidr *c, struct cidr *low, struct cidr *high)
{
    struct cidr whole = *c; /* low or high may be c itself */

    return cidr_nth(&whole, whole.len + 1u, 0, low) && cidr_nth(&whole, whole.len + 1u, 1, high);
}

bool cidr_nth(const struct cidr *c, unsigned len, uint64_t i, struct cidr *out)
{
    if (!cidr_is_set(c) || len < c->len || len > cidr_max_len(c->family))
        return false;
    if (len - c->len < 64 && i >> (len - c->len) != 0)
        return false;
    bits128 offset = len == 0 ? 0 : i * bits_span(len);
    *out = bits_cidr(c->family, cidr_bits(c) + offset, len);
    return true;
}

bool cidr_next(const struct cidr *c, struct cidr *out)
{
    bits128 next = c->len == 0 ? 0 : cidr_bits(c) + bits_span(c->len);

    if (next == 0)
        return false;
    *out = bits_cidr(c->family, next, c->len);
    return true;
}

struct cidr cidr_widen(const struct cidr *c, unsigned len)
{
    if (len > c->len)
        len = c->len;
    return bits_cidr(c->family, cidr_bits(c) & bits_mask(len), len);
}

static int by_order(const void *x, const void *y)
{
    return cidr_compare(x, y);
}

static bool are_halves(const struct cidr *x, const struct cidr *y)
{
    if (x->family != y->family || x->len != y->len || x->len == 0) {
        return false;
    }
    struct cidr whole = cidr_widen(x, x->len - 1u);
    return cidr_contains(&whole, y);
}

/*
 * Sorted containers first, so what is kept so far is a stack of disjoint prefixes: the next one
 * lies in its top, or completes the top to their common parent (which may complete the one below in
 * turn), or comes after it.
 */
size_t cidr_merge(struct cidr *items, size_t count)
{
    size_t kept = 0;
    if (count > 1) {
        qsort(items, count, sizeof(*items), by_order);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && cidr_contains(&items[kept - 1], &items[i])) {
            continue;
        }
        items[kept++] = items[i];
        while (kept > 1 && are_halves(&items[kept - 2], &items[kept - 1])) {
            items[kept - 2] = cidr_widen(&items[kept - 2], items[kept - 2].len - 1u);
            kept--;
        }
    }
    return kept;
}

struct cidr cidr_first_address(const struct cidr *c)
{
    return bits_cidr(c->family, cidr_bits(c), cidr_max_len(c->family));
}

struct cidr cidr_last_address(const struct cidr *c)
{
    unsigned max = cidr_max_len(c->family);

    return bits_cidr(c->family, cidr_bits(c) | (bits_mask(max) & ~bits_mask(c->len)), max);
}

/* --- reading --- */

static enum cidr_error parse_length(const char *text, size_t len, unsigned max, unsigned *out)
{
    size_t digits = 0;
    unsigned value = 0;

    while (digits < len && text[digits] >= '0' && text[digits] <= '9') {
        if (value <= max)
            value = value * 10 + (unsigned)(text[digits] - '0');
        digits++;
    }
    if (digits == 0)
        return CIDR_BAD_LENGTH;
    if (digits < len)
        return CIDR_NOT_A_CIDR;
    if ((digits > 1 && text[0] == '0') || value > max)
        return CIDR_BAD_LENGTH;
    *out = value;
    return CIDR_OK;
}

/* inet_pton reads to the NUL, so a NUL inside the text must not get that far. */
static bool parse_address(const char *text, size_t len, enum family *family, bits128 *out)
{
    static const char allowed[] = "0123456789abcdefABCDEF.:";
    char copy[CIDR_TEXT_SIZE];
    unsigned char raw[16] = {0};

    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || strchr(allowed, text[i]) == NULL)
            return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *family = strchr(copy, ':') != NULL ? FAMILY_V6 : FAMILY_V4;
    if (inet_pton(*family == FAMILY_V6 ? AF_INET6 : AF_INET, copy, raw) != 1)
        return false;
    *out = 0;
    for (size_t i = 0; i < sizeof(raw); i++)
        *out = *out << 8 | raw[i];
    return true;
}

enum cidr_error cidr_parse_lenient(const char *text, size_t len, struct cidr *out)
{
    enum family family;
    bits128 address;
    unsigned prefix = 0;

    memset(out, 0, sizeof(*out));
    if (len == 0 || len >= CIDR_TEXT_SIZE)
        return CIDR_NOT_A_CIDR;
    const char *slash = memchr(text, '/', len);
    if (slash == NULL || !parse_address(text, (size_t)(slash - text), &family, &address))
        return CIDR_NOT_A_CIDR;
    size_t rest = len - (size_t)(slash + 1 - text);
    enum cidr_error e = parse_length(slash + 1, rest, cidr_max_len(family), &prefix);
    if (e != CIDR_OK)
        return e;
    *out = bits_cidr((uint8_t)family, address & bits_mask(prefix), prefix);
    return cidr_bits(out) == address ? CIDR_OK : CIDR_HOST_BITS;
}

enum cidr_error cidr_parse(const char *text, size_t len, struct cidr *out)
{
    char canonical[CIDR_TEXT_SIZE];
    enum cidr_error e = cidr_parse_lenient(text, len, out);

    if (e != CIDR_OK)
        return e;
    cidr_format(out, canonical);
    return strlen(canonical) == len && memcmp(canonical, text, len) == 0 ? CIDR_OK
                                                                         : CIDR_NOT_CANONICAL;
}

const char *cidr_error_text(enum cidr_error e, const struct cidr *canonical, char *buf, size_t size)
{
    char right[CIDR_TEXT_SIZE];
    bool known = canonical != NULL && cidr_is_set(canonical);

    if (known)
        cidr_format(canonical, right);
    switch (e) {
    case CIDR_OK:
        return "is a CIDR";
    case CIDR_NOT_A_CIDR:
        return "is not a CIDR such as 10.0.0.0/16 or 2001:db8::/32";
    case CIDR_BAD_LENGTH:
        return "has a bad prefix length; it is a decimal number without leading zeros, at most 32 "
               "for IPv4 and 128 for IPv6";
    case CIDR_HOST_BITS:
        if (!known)
            return "has host bits set";
        snprintf(buf, size, "has host bits set; the network is %s", right);
        return buf;
    case CIDR_NOT_CANONICAL:
        if (!known)
            return "is not in canonical form";
        snprintf(buf, size, "is not in canonical form; write %s", right);
        return buf;
    }
    return "is not valid";
}

/* --- writing --- */

/* RFC 5952 4.2: the longest run of zero groups, the first of equals, never a single group. Returns
 * its length, 0 for none. */
static unsigned longest_zero_run(const unsigned group[8], unsigned *first)
{
    unsigned best = 1, run = 0;

    for (unsigned i = 0; i < 8; i++) {
        run = group[i] == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *first = i + 1 - run;
        }
    }
    return best > 1 ? best : 0;
}

static char *put_v4(char *at, unsigned address)
{
    return at + sprintf(at, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
                        address & 255);
}

static char *put_v6(char *at, const struct cidr *c)
{
    unsigned group[8], first = 0;

    /* RFC 5952 5: an embedded IPv4 address is written as one when the prefix tells that it is. */
    if (c->hi == 0 && c->lo >> 32 == 0xffff) {
        at += sprintf(at, "::ffff:");
        return put_v4(at, (unsigned)c->lo);
    }
    for (unsigned i = 0; i < 4; i++) {
        group[i] = (unsigned)(c->hi >> (48 - 16 * i)) & 0xffff;
        group[4 + i] = (unsigned)(c->lo >> (48 - 16 * i)) & 0xffff;
    }
    unsigned run = longest_zero_run(group, &first);
    for (unsigned i = 0; i < 8; i++) {
        if (run != 0 && i == first) {
            at += sprintf(at, "::");
            i += run - 1;
            continue;
        }
        bool separate = i > 0 && !(run != 0 && i == first + run);
        at += sprintf(at, separate ? ":%x" : "%x", group[i]);
    }
    return at;
}

char *cidr_format(const struct cidr *c, char buf[CIDR_TEXT_SIZE])
{
    char *end = c->family == FAMILY_V6 ? put_v6(buf, c) : put_v4(buf, (unsigned)(c->hi >> 32));

    sprintf(end, "/%u", c->len);
    return buf;
}

/* --- counts --- */

struct count cidr_count(const struct cidr *c)
{
    unsigned order = cidr_max_len(c->family) - c->len;

    if (order == 128)
        return (struct count){0, 0, 1};
    bits128 n = (bits128)1 << order;
    return (struct count){(uint64_t)(n >> 64), (uint64_t)n, 0};
}

struct count count_add(struct count a, struct count b)
{
    bits128 x = bits_join(a.hi, a.lo), sum = x + bits_join(b.hi, b.lo);
    unsigned top = a.top + b.top + (sum < x);

    if (top > 1)
        return (struct count){UINT64_MAX, UINT64_MAX, 1};
    return (struct count){(uint64_t)(sum >> 64), (uint64_t)sum, (uint8_t)top};
}

struct count count_sub(struct count a, struct count b)
{
    if (count_compare(a, b) <= 0)
        return (struct count){0, 0, 0};
    bits128 x = bits_join(a.hi, a.lo), y = bits_join(b.hi, b.lo), rest = x - y;
    return (struct count){(uint64_t)(rest >> 64), (uint64_t)rest,
                          (uint8_t)(a.top - b.top - (x < y))};
}

int count_compare(struct count a, struct count b)
{
    if (a.top != b.top)
        return a.top < b.top ? -1 : 1;
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return (a.lo > b.lo) - (a.lo < b.lo);
}

bool count_is_zero(struct count a)
{
    return a.top == 0 && a.hi == 0 && a.lo == 0;
}

char *count_format(struct count a, char *buf, size_t size)
{
    /* Long division by 10^9, over base 2^32 digits, the most significant first. */
    uint32_t limb[5] = {a.top, (uint32_t)(a.hi >> 32), (uint32_t)a.hi, (uint32_t)(a.lo >> 32),
                        (uint32_t)a.lo};
    uint32_t part[5]; /* base 10^9, the least significant first: 45 digits hold 2^129 */
    char text[46];

    for (unsigned p = 0; p < 5; p++) {
        uint64_t rest = 0;
        for (unsigned i = 0; i < 5; i++) {
            rest = rest << 32 | limb[i];
            limb[i] = (uint32_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        part[p] = (uint32_t)rest;
    }
    for (unsigned p = 0; p < 5; p++)
        snprintf(text + 9 * p, sizeof(text) - 9 * p, "%09" PRIu32, part[4 - p]);
    size_t zeros = strspn(text, "0");
    snprintf(buf, size, "%s", zeros == 45 ? "0" : text + zeros);
    return buf;
}

static double count_double(struct count a)
{
    return a.top * 0x1p128 + (double)a.hi * 0x1p64 + (double)a.lo;
}

double count_percent(struct count part, struct count whole)
{
    if (count_is_zero(whole))
        return 0;
    /* Rounding must not turn "all of it" into something else. */
    return count_compare(part, whole) == 0 ? 100 : 100 * count_double(part) / count_double(whole);
}
