/*
 * cidr_bits - a prefix as one integer of 128 bits, for the engine's own arithmetic
 *
 * Because addresses are left-aligned, bit 127 is the first bit of an address in both families and a
 * prefix of length n spans 2^(128 - n) in this number space, IPv4 included. So one piece of
 * arithmetic serves both.
 */
#ifndef ENGINE_CIDR_BITS_H
#define ENGINE_CIDR_BITS_H

#include "cidr.h"

__extension__ typedef unsigned __int128 bits128;

static inline bits128 bits_join(uint64_t hi, uint64_t lo)
{
    return (bits128)hi << 64 | lo;
}
static inline bits128 cidr_bits(const struct cidr *c)
{
    return bits_join(c->hi, c->lo);
}
/* The span of a prefix of length len, 1-128. Length 0 spans 2^128, which has no representation. */
static inline bits128 bits_span(unsigned len)
{
    return (bits128)1 << (128 - len);
}
/* The first len bits set, 0-128. */
static inline bits128 bits_mask(unsigned len)
{
    return len == 0 ? 0 : -bits_span(len);
}
/* How many leading bits a and b share, 0-128. */
static inline unsigned bits_common(bits128 a, bits128 b)
{
    uint64_t hi = (uint64_t)((a ^ b) >> 64), lo = (uint64_t)(a ^ b);

    if (hi != 0)
        return (unsigned)__builtin_clzll(hi);
    return lo != 0 ? 64 + (unsigned)__builtin_clzll(lo) : 128;
}
/* The address must have no bits past len. */
static inline struct cidr bits_cidr(uint8_t family, bits128 address, unsigned len)
{
    return (struct cidr){(uint64_t)(address >> 64), (uint64_t)address, (uint8_t)len, family};
}

#endif
