/*
 * type - Terraform's types (what its documentation calls type constraints)
 *
 * Types are immutable and mostly static: schema tables name them with the constants and macros
 * below. A type read from the wire (dynamic values, type expressions of functions) lives in an
 * arena.
 */
#ifndef PROTO_TYPE_H
#define PROTO_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

enum type_kind {
    TYPE_DYNAMIC, /* any type, decided by the value */
    TYPE_BOOL,
    TYPE_NUMBER,
    TYPE_STRING,
    TYPE_LIST,
    TYPE_SET,
    TYPE_MAP,
    TYPE_OBJECT,
    TYPE_TUPLE,
};

struct type_member;

struct type {
    enum type_kind kind;
    const struct type *elem;           /* list, set, map */
    const struct type_member *members; /* object (sorted by name), tuple (in order, name NULL) */
    size_t count;                      /* of members */
};

struct type_member {
    const char *name;
    const struct type *type;
};

extern const struct type type_dynamic, type_bool, type_number, type_string;
extern const struct type type_list_string, type_set_string, type_map_string, type_list_number;

/* Ceiling for nested types read from the wire. */
#define TYPE_MAX_DEPTH 32

/* Same type? Object members are compared by name, whatever their order. */
bool type_equal(const struct type *a, const struct type *b);

/* The type of the i-th element of a list, set, map or tuple. NULL when t is NULL or has no such
 * element. */
static inline const struct type *type_element(const struct type *t, size_t i)
{
    if (!t || t->kind != TYPE_TUPLE) {
        return t ? t->elem : NULL;
    }
    return i < t->count ? t->members[i].type : NULL;
}

/* An object type of these members, sorted by name. The names and types are not copied. */
const struct type *type_object(struct arena *a, const struct type_member *members, size_t count);

/* cty's JSON form: "string", ["list","string"], ["object",{"a":"number"}]. NUL-terminated. */
const char *type_to_json(struct arena *a, const struct type *t);

/* The reverse. NULL when the text is not a type or nests deeper than TYPE_MAX_DEPTH. */
const struct type *type_from_json(struct arena *a, struct bytes json);

/* For people: `list of string`, `object`. */
const char *type_describe(struct arena *a, const struct type *t);

#endif
