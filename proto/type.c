/*
 * type - Terraform's types
 *
 * A type is a small tree that never changes; most are static. Object types keep their members
 * sorted by name: values do too, so decoding and encoding an object is one walk along both.
 *
 * The text form is the one that Terraform's type system (cty) gives its types in JSON: a primitive
 * is its name, everything else an array of a name and the inner type or types. Types from outside
 * may nest TYPE_MAX_DEPTH deep, which bounds the recursion of all who walk a type.
 */
#include "proto/type.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json_tree.h"
#include "proto/text.h"

const struct type type_dynamic = {.kind = TYPE_DYNAMIC};
const struct type type_bool = {.kind = TYPE_BOOL};
const struct type type_number = {.kind = TYPE_NUMBER};
const struct type type_string = {.kind = TYPE_STRING};
const struct type type_list_string = {.kind = TYPE_LIST, .elem = &type_string};
const struct type type_set_string = {.kind = TYPE_SET, .elem = &type_string};
const struct type type_map_string = {.kind = TYPE_MAP, .elem = &type_string};
const struct type type_list_number = {.kind = TYPE_LIST, .elem = &type_number};

/* Indexed by enum type_kind. */
static const char *const kind_names[] = {"dynamic", "bool", "number", "string", "list",
                                         "set",     "map",  "object", "tuple"};

static const struct type *const primitives[] = {&type_dynamic, &type_bool, &type_number,
                                                &type_string};
#define PRIMITIVE_COUNT (sizeof primitives / sizeof primitives[0])

static const struct type_member *find_member(const struct type *t, const char *name, size_t hint)
{
    if (hint < t->count && strcmp(t->members[hint].name, name) == 0) {
        return &t->members[hint];
    }
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->members[i].name, name) == 0) {
            return &t->members[i];
        }
    }
    return NULL;
}

static bool members_equal(const struct type *a, const struct type *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct type_member *m = &a->members[i];
        const struct type_member *n =
            a->kind == TYPE_TUPLE ? &b->members[i] : find_member(b, m->name, i);
        if (!n || !type_equal(m->type, n->type)) {
            return false;
        }
    }
    return true;
}

bool type_equal(const struct type *a, const struct type *b)
{
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case TYPE_LIST:
    case TYPE_SET:
    case TYPE_MAP:
        return type_equal(a->elem, b->elem);
    case TYPE_OBJECT:
    case TYPE_TUPLE:
        return members_equal(a, b);
    default:
        return true;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct type_member *)a)->name, ((const struct type_member *)b)->name);
}

const struct type *type_object(struct arena *a, const struct type_member *members, size_t count)
{
    struct type *t = arena_alloc(a, sizeof *t);
    struct type_member *sorted = arena_memdup(a, members, count * sizeof *members);
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, by_name);
    }
    *t = (struct type){.kind = TYPE_OBJECT, .members = sorted, .count = count};
    return t;
}

static void write_json(struct text *out, const struct type *t);

static void write_members(struct text *out, const struct type *t)
{
    bool object = t->kind == TYPE_OBJECT;
    text_puts(out, object ? "{" : "[");
    for (size_t i = 0; i < t->count; i++) {
        if (i > 0) {
            text_puts(out, ",");
        }
        if (object) {
            text_quote(out, t->members[i].name, strlen(t->members[i].name));
            text_puts(out, ":");
        }
        write_json(out, t->members[i].type);
    }
    text_puts(out, object ? "}" : "]");
}

static void write_json(struct text *out, const struct type *t)
{
    const char *name = kind_names[t->kind];
    if (t->kind < PRIMITIVE_COUNT) {
        text_quote(out, name, strlen(name));
        return;
    }
    text_puts(out, "[");
    text_quote(out, name, strlen(name));
    text_puts(out, ",");
    if (t->kind == TYPE_OBJECT || t->kind == TYPE_TUPLE) {
        write_members(out, t);
    } else {
        write_json(out, t->elem);
    }
    text_puts(out, "]");
}

const char *type_to_json(struct arena *a, const struct type *t)
{
    struct text out = text_new(a);
    write_json(&out, t);
    return text_end(&out);
}

static const struct type *read_type(struct arena *a, struct json_object *tree, unsigned depth);

static const struct type *read_object(struct arena *a, struct json_object *tree, unsigned depth)
{
    size_t count = (size_t)json_object_object_length(tree), i = 0;
    struct type_member *members = arena_calloc(a, count, sizeof *members);
    json_object_object_foreach(tree, key, value)
    {
        members[i].name = arena_strdup(a, key);
        members[i].type = read_type(a, value, depth + 1);
        if (!members[i].type) {
            return NULL;
        }
        i++;
    }
    return type_object(a, members, count);
}

static const struct type *read_tuple(struct arena *a, struct json_object *tree, unsigned depth)
{
    size_t count = json_object_array_length(tree);
    struct type_member *members = arena_calloc(a, count, sizeof *members);
    for (size_t i = 0; i < count; i++) {
        members[i].type = read_type(a, json_object_array_get_idx(tree, i), depth + 1);
        if (!members[i].type) {
            return NULL;
        }
    }
    struct type *t = arena_alloc(a, sizeof *t);
    *t = (struct type){.kind = TYPE_TUPLE, .members = members, .count = count};
    return t;
}

static const struct type *read_collection(struct arena *a, enum type_kind kind,
                                          struct json_object *tree, unsigned depth)
{
    const struct type *elem = read_type(a, tree, depth + 1);
    if (!elem) {
        return NULL;
    }
    struct type *t = arena_alloc(a, sizeof *t);
    *t = (struct type){.kind = kind, .elem = elem};
    return t;
}

/* The kind with this name among [from, to); -1 when there is none. */
static int kind_named(struct json_object *name, int from, int to)
{
    if (!json_object_is_type(name, json_type_string)) {
        return -1;
    }
    for (int k = from; k < to; k++) {
        size_t len = strlen(kind_names[k]);
        if ((size_t)json_object_get_string_len(name) == len &&
            memcmp(json_object_get_string(name), kind_names[k], len) == 0) {
            return k;
        }
    }
    return -1;
}

static const struct type *read_type(struct arena *a, struct json_object *tree, unsigned depth)
{
    if (depth >= TYPE_MAX_DEPTH) {
        return NULL;
    }
    int primitive = kind_named(tree, 0, PRIMITIVE_COUNT);
    if (primitive >= 0) {
        return primitives[primitive];
    }
    if (!json_object_is_type(tree, json_type_array) || json_object_array_length(tree) != 2) {
        return NULL;
    }
    struct json_object *inner = json_object_array_get_idx(tree, 1);
    int kind = kind_named(json_object_array_get_idx(tree, 0), PRIMITIVE_COUNT, TYPE_TUPLE + 1);
    switch (kind) {
    case TYPE_LIST:
    case TYPE_SET:
    case TYPE_MAP:
        return read_collection(a, (enum type_kind)kind, inner, depth);
    case TYPE_OBJECT:
        return json_object_is_type(inner, json_type_object) ? read_object(a, inner, depth) : NULL;
    case TYPE_TUPLE:
        return json_object_is_type(inner, json_type_array) ? read_tuple(a, inner, depth) : NULL;
    default:
        return NULL;
    }
}

const struct type *type_from_tree(struct arena *a, struct json_object *tree)
{
    return read_type(a, tree, 0);
}

const struct type *type_from_json(struct arena *a, struct bytes json)
{
    /* One level of a type takes up to two of JSON: ["object", {...}]. */
    struct json_object *tree;
    const char *error;
    if (!json_tree_parse(a, json, 2 * TYPE_MAX_DEPTH, &tree, &error)) {
        return NULL;
    }
    return type_from_tree(a, tree);
}

const char *type_describe(struct arena *a, const struct type *t)
{
    struct text out = text_new(a);
    for (; t->elem; t = t->elem) {
        text_printf(&out, "%s of ", kind_names[t->kind]);
    }
    text_puts(&out, t->kind == TYPE_DYNAMIC ? "any type" : kind_names[t->kind]);
    return text_end(&out);
}
