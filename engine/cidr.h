/*
 * cidr - the algebra of address prefixes, IPv4 and IPv6 in one type
 *
 * A prefix is an address of 128 bits, aligned to the left (an IPv4 address fills the top 32 bits of
 * `hi`), a length in bits, and a family. Host bits are always zero: every function that builds a
 * cidr keeps that invariant, so comparing is comparing integers. Two prefixes of one family either
 * nest or are disjoint; there is no third case (RFC 4632). Families never contain each other.
 */
#ifndef ENGINE_CIDR_H
#define ENGINE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum family { FAMILY_V4 = 4, FAMILY_V6 = 6 };

struct cidr {
    uint64_t hi, lo; /* the first address, left-aligned, host bits zero */
    uint8_t len;     /* prefix length in bits: 0-32, 0-128 */
    uint8_t family;  /* enum family; 0 in a zeroed struct: no prefix */
};

#define CIDR_TEXT_SIZE 50 /* ffff:...:255.255.255.255/128 and the NUL */

static inline unsigned cidr_max_len(enum family f)
{
    return f == FAMILY_V4 ? 32 : 128;
}
static inline bool cidr_is_set(const struct cidr *c)
{
    return c->family != 0;
}

enum cidr_error {
    CIDR_OK = 0,
    CIDR_NOT_A_CIDR,    /* no address, no slash, characters left over */
    CIDR_BAD_LENGTH,    /* prefix length missing, with a leading zero or above the maximum */
    CIDR_HOST_BITS,     /* *out holds the canonical prefix, for the suggestion */
    CIDR_NOT_CANONICAL, /* another spelling of a right prefix (2001:DB8::/32); *out holds it */
};

/* Strict parsing: dotted quad without leading zeros, or RFC 4291 text, then '/', then decimal
 * digits. Only the canonical text (what cidr_format prints) is CIDR_OK. `text` need not be
 * NUL-terminated. O(len), at most CIDR_TEXT_SIZE bytes are looked at. */
enum cidr_error cidr_parse(const char *text, size_t len, struct cidr *out);

/* As cidr_parse, but other spellings are CIDR_OK too (host bits are not). */
enum cidr_error cidr_parse_lenient(const char *text, size_t len, struct cidr *out);

/* One line for people: "has host bits set; the network is 10.0.0.0/16". Static or in `buf`. */
const char *cidr_error_text(enum cidr_error e, const struct cidr *canonical, char *buf,
                            size_t size);

/* Canonical text (RFC 5952 for IPv6) with the length; NUL-terminated; returns buf. */
char *cidr_format(const struct cidr *c, char buf[CIDR_TEXT_SIZE]);

/* Builds a prefix from any address: host bits are cleared. */
struct cidr cidr_make(enum family f, uint64_t hi, uint64_t lo, unsigned len);

bool cidr_equal(const struct cidr *a, const struct cidr *b);
/* a == b counts as contained. */
bool cidr_contains(const struct cidr *outer, const struct cidr *inner);
bool cidr_overlaps(const struct cidr *a, const struct cidr *b);
/* Total order: family, address, then the shorter prefix first (containers before contents). */
int cidr_compare(const struct cidr *a, const struct cidr *b);

/* The two halves. False when c is a single address. */
bool cidr_split(const struct cidr *c, struct cidr *low, struct cidr *high);
/* The i-th prefix of length len inside c, counted from 0. False when there is none. */
bool cidr_nth(const struct cidr *c, unsigned len, uint64_t i, struct cidr *out);
/* The prefix of the same length right after c; false at the end of the address space. */
bool cidr_next(const struct cidr *c, struct cidr *out);
/* The enclosing prefix of length len (len <= c->len). */
struct cidr cidr_widen(const struct cidr *c, unsigned len);
/* The fewest prefixes with the same addresses, in order, in place; returns how many. O(n log n). */
size_t cidr_merge(struct cidr *items, size_t count);
struct cidr cidr_first_address(const struct cidr *c); /* as /32, /128 */
struct cidr cidr_last_address(const struct cidr *c);

/*
 * A count of addresses needs up to 129 bits (a /0 of IPv6 holds 2^128), so it is kept as such and
 * never overflows: adding saturates at 2^129 - 1, which no set of disjoint prefixes reaches.
 */
struct count {
    uint64_t hi, lo;
    uint8_t top; /* bit 128 */
};
struct count cidr_count(const struct cidr *c); /* 2^(max - len) */
struct count count_add(struct count a, struct count b);
struct count count_sub(struct count a, struct count b); /* a >= b, else 0 */
int count_compare(struct count a, struct count b);
bool count_is_zero(struct count a);
/* Decimal, exact. buf of at least 41 bytes; returns buf. */
char *count_format(struct count a, char *buf, size_t size);
/* 100 * part / whole, 0 when whole is 0. */
double count_percent(struct count part, struct count whole);

#endif
