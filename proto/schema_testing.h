/*
 * schema_testing - values in one line, for the tests of the schema module
 *
 *     OBJECT("name", STR("a"), "ports", LIST(NUM(1), UNKNOWN_VALUE))
 *
 * All of them live in `arena`, which the including test declares: `static struct arena *arena;`.
 */
#ifndef PROTO_SCHEMA_TESTING_H
#define PROTO_SCHEMA_TESTING_H

#include "proto/schema.h"

#define NOTHING       (&value_null)
#define UNKNOWN_VALUE (&value_unknown)
#define STR(s)        value_string(arena, s)
#define NUM(i)        value_int(arena, i)
#define YES           (&value_true)
#define NO            (&value_false)

/* The arguments of value_seq: an array and its length. */
#define LIST(...)                                                                                  \
    value_seq(arena, (const struct value *const[]){__VA_ARGS__},                                   \
              sizeof((const struct value *const[]){__VA_ARGS__}) / sizeof(const struct value *))
#define EMPTY_LIST value_seq(arena, NULL, 0)

/* Name, value, name, value. */
#define OBJECT(...)                                                                                \
    object_of(arena, (const void *const[]){__VA_ARGS__},                                           \
              sizeof((const void *const[]){__VA_ARGS__}) / (2 * sizeof(void *)))

static inline const struct value *object_of(struct arena *a, const void *const *pairs, size_t count)
{
    struct value_member *members = arena_calloc(a, count, sizeof *members);
    for (size_t i = 0; i < count; i++)
        members[i] = (struct value_member){pairs[2 * i], pairs[2 * i + 1]};
    return value_map(a, members, count);
}

/* What the codec would hand over: every member of the table is there. Blocks are lists. */
static inline const struct value *complete(struct arena *a, const struct block *b,
                                           const struct value *v)
{
    for (const struct attribute *at = b->attributes; at && at->name; at++)
        v = value_set(a, v, at->name, value_get(v, at->name));
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        const struct value *m = value_get(v, nb->name);
        if (value_is_null(m) && nb->nesting != NESTING_SINGLE)
            m = value_seq(a, NULL, 0);
        v = value_set(a, v, nb->name, m);
    }
    return v;
}

#endif
