/*
 * value_random - random types and values, for tests
 *
 * Small ones of every kind, reproducible from a seed. The seed of a run is printed; TEST_SEED in
 * the environment replays it.
 */
#ifndef PROTO_VALUE_RANDOM_H
#define PROTO_VALUE_RANDOM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/type.h"
#include "proto/value.h"

struct random {
    uint64_t state;
    bool unknowns;    /* may values be unknown? */
    unsigned dynamic; /* how many dynamic values contain this one */
};

static inline struct random random_new(bool unknowns)
{
    const char *replay = getenv("TEST_SEED");
    uint64_t seed = replay ? strtoull(replay, NULL, 10) : (uint64_t)time(NULL);
    printf("TEST_SEED=%llu\n", (unsigned long long)seed);
    return (struct random){.state = seed, .unknowns = unknowns};
}

/* splitmix64 */
static inline uint64_t random_bits(struct random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline size_t random_below(struct random *r, size_t n)
{
    return (size_t)(random_bits(r) % n);
}

static inline const struct type *random_type(struct random *r, struct arena *a, unsigned depth)
{
    static const struct type *const simple[] = {&type_dynamic, &type_bool, &type_number,
                                                &type_string};
    enum type_kind kind = (enum type_kind)random_below(r, depth > 0 ? TYPE_TUPLE + 1 : TYPE_LIST);
    if (kind < TYPE_LIST) {
        return simple[kind];
    }
    struct type *t = arena_alloc(a, sizeof *t);
    t->kind = kind;
    if (kind < TYPE_OBJECT) {
        t->elem = random_type(r, a, depth - 1);
        return t;
    }
    size_t count = random_below(r, 5);
    struct type_member *members = arena_calloc(a, count, sizeof *members);
    for (size_t i = 0; i < count; i++) {
        members[i].type = random_type(r, a, depth - 1);
        members[i].name = arena_printf(a, "%c_%zu", (int)('a' + random_below(r, 26)), i);
    }
    if (kind == TYPE_OBJECT) {
        return type_object(a, members, count);
    }
    for (size_t i = 0; i < count; i++) {
        members[i].name = NULL;
    }
    t->members = members;
    t->count = count;
    return t;
}

static inline const struct value *random_number(struct random *r, struct arena *a)
{
    uint64_t bits = random_bits(r) >> random_below(r, 64);
    switch (random_below(r, 5)) {
    case 0:
        return value_int(a, (int64_t)bits);
    case 1:
        return value_int(a, -(int64_t)(bits >> 1));
    case 2:
        return value_uint(a, bits | 1ull << 63);
    case 3:
        return value_double(a, (double)(int64_t)bits / (double)(1 + random_below(r, 1000)));
    default: {
        const char *text = arena_printf(a, "-%llu%llu.%llue-%zu", (unsigned long long)bits,
                                        (unsigned long long)random_bits(r),
                                        (unsigned long long)bits, random_below(r, 400));
        return value_number_text(a, text, strlen(text));
    }
    }
}

static inline const struct value *random_string(struct random *r, struct arena *a)
{
    static const char *const pieces[] = {
        "10.0.0.0/8",       "\"",   "\\",   "\n", "\xc3\xa4", "\x7f",
        "\xf0\x9f\x98\x80", "\x01", "${x}", "/",  "a",        ""};
    char *s = arena_strdup(a, "");
    for (size_t n = random_below(r, 5); n > 0; n--) {
        s = arena_printf(a, "%s%s", s, pieces[random_below(r, sizeof pieces / sizeof *pieces)]);
    }
    if (random_below(r, 20) == 0) {
        s = arena_printf(a, "%s%*d", s, (int)random_below(r, 70000), 1);
    }
    return value_string(a, s);
}

static inline const struct value *random_unknown(struct random *r, struct arena *a)
{
    if (random_below(r, 2) == 0) {
        return &value_unknown;
    }
    struct value *v = arena_alloc(a, sizeof *v);
    v->kind = VALUE_UNKNOWN;
    v->refinement = (struct bytes){arena_memdup(a, "\x81\x01\xc2", 3), 3}; /* not null */
    return v;
}

static inline const struct value *random_value(struct random *r, struct arena *a,
                                               const struct type *t)
{
    if (random_below(r, 8) == 0) {
        return &value_null;
    }
    if (r->unknowns && random_below(r, 8) == 0) {
        return random_unknown(r, a);
    }
    size_t count = t->kind == TYPE_OBJECT || t->kind == TYPE_TUPLE ? t->count : random_below(r, 6);
    const struct value *items[8];
    struct value_member members[8];
    switch (t->kind) {
    case TYPE_DYNAMIC: {
        const struct type *own = r->dynamic < 3 ? random_type(r, a, 2) : &type_string;
        r->dynamic++;
        const struct value *v = own->kind == TYPE_DYNAMIC
                                    ? &value_null
                                    : value_dynamic(a, own, random_value(r, a, own));
        r->dynamic--;
        return v;
    }
    case TYPE_BOOL:
        return value_bool(random_below(r, 2));
    case TYPE_NUMBER:
        return random_number(r, a);
    case TYPE_STRING:
        return random_string(r, a);
    case TYPE_MAP:
    case TYPE_OBJECT:
        for (size_t i = 0; i < count; i++) {
            members[i].key =
                t->kind == TYPE_OBJECT ? t->members[i].name : random_string(r, a)->string.text;
            members[i].value =
                random_value(r, a, t->kind == TYPE_OBJECT ? t->members[i].type : t->elem);
        }
        return value_map(a, members, count);
    default:
        for (size_t i = 0; i < count; i++) {
            items[i] = random_value(r, a, type_element(t, i));
        }
        return value_seq(a, items, count);
    }
}

#endif
