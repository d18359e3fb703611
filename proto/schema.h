/*
 * schema - what a resource looks like, as data
 *
 * A resource is a static table of attributes and nested blocks. From that one table come the
 * protocol's schema message, validation, the generic plan (defaults, unknowns, kept values,
 * replacement), the typed C struct that hooks work with, and the documentation page. A rule that
 * the table can express is never written as code.
 */
#ifndef PROTO_SCHEMA_H
#define PROTO_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "diag.h"
#include "type.h"
#include "value.h"

enum attribute_flags {
    ATTR_REQUIRED = 1 << 0,
    ATTR_OPTIONAL = 1 << 1,
    ATTR_COMPUTED = 1 << 2,
    /* A changed value cannot be applied in place: plan a replacement. */
    ATTR_REPLACE = 1 << 3,
    ATTR_SENSITIVE = 1 << 4,
    ATTR_DEPRECATED = 1 << 5,
    /* Computed and changing by itself with every update: unknown in the plan of an update that
     * changes anything else. Without it a computed attribute keeps its prior value. */
    ATTR_VOLATILE = 1 << 6,
    /* Accepted so that foreign configurations run, and ignored. Documented as such. */
    ATTR_IGNORED = 1 << 7,
};

/* A default, planned when the configuration says nothing (null). Needs OPTIONAL and COMPUTED. The
 * defaults "" and 0 may stand for "not set": the attribute's checks do not apply to them. */
enum literal_kind { LITERAL_NONE, LITERAL_BOOL, LITERAL_INT, LITERAL_STRING, LITERAL_EMPTY };
struct literal {
    enum literal_kind kind; /* LITERAL_EMPTY: an empty list, set, map */
    bool boolean;
    int64_t integer;
    const char *string;
};
#define DEFAULT_BOOL(b)                                                                            \
    {                                                                                              \
        .kind = LITERAL_BOOL, .boolean = (b)                                                       \
    }
#define DEFAULT_INT(i)                                                                             \
    {                                                                                              \
        .kind = LITERAL_INT, .integer = (i)                                                        \
    }
#define DEFAULT_STRING(s)                                                                          \
    {                                                                                              \
        .kind = LITERAL_STRING, .string = (s)                                                      \
    }
#define DEFAULT_EMPTY                                                                              \
    {                                                                                              \
        .kind = LITERAL_EMPTY                                                                      \
    }

/* Rules on a known value, checked in Validate*Config. Unknown and null values pass, except that
 * presence rules look at null. The names in presence rules are attributes or nested blocks of the
 * same block; a block that occurs nowhere counts as null. Rules on strings and numbers apply to
 * each element of a list, set or map of them. */
enum check_kind {
    CHECK_NONE,
    CHECK_RANGE,       /* min <= number <= max, a whole number */
    CHECK_MULTIPLE,    /* min <= number <= max and (number - min) % step == 0 */
    CHECK_ONE_OF,      /* string in names */
    CHECK_LENGTH,      /* min <= bytes of string, or elements of collection <= max */
    CHECK_CONFLICTS,   /* none of names may be set together with this */
    CHECK_REQUIRES,    /* each of names must be set when this is */
    CHECK_EXACTLY_ONE, /* exactly one of this and names */
    CHECK_AT_LEAST_ONE,
    CHECK_FUNCTION, /* fn says what is wrong, or NULL; applied to each string of a collection */
};

struct check {
    enum check_kind kind;
    int64_t min, max, step;
    const char *const *names; /* NULL-terminated */
    const char *(*fn)(struct arena *a, const char *text);
    const char *text; /* documentation of fn: "an IPv4 CIDR in canonical form" */
};

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define CHECKS(...)                                                                                \
    .checks = (const struct check[])                                                               \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            .kind = CHECK_NONE                                                                     \
        }                                                                                          \
    }
#define RANGE(lo, hi)                                                                              \
    {                                                                                              \
        .kind = CHECK_RANGE, .min = (lo), .max = (hi)                                              \
    }
#define MULTIPLE(lo, hi, st)                                                                       \
    {                                                                                              \
        .kind = CHECK_MULTIPLE, .min = (lo), .max = (hi), .step = (st)                             \
    }
#define ONE_OF(...)                                                                                \
    {                                                                                              \
        .kind = CHECK_ONE_OF, .names = NAMES(__VA_ARGS__)                                          \
    }
#define LENGTH(lo, hi)                                                                             \
    {                                                                                              \
        .kind = CHECK_LENGTH, .min = (lo), .max = (hi)                                             \
    }
#define CONFLICTS(...)                                                                             \
    {                                                                                              \
        .kind = CHECK_CONFLICTS, .names = NAMES(__VA_ARGS__)                                       \
    }
#define REQUIRES(...)                                                                              \
    {                                                                                              \
        .kind = CHECK_REQUIRES, .names = NAMES(__VA_ARGS__)                                        \
    }
#define EXACTLY_ONE(...)                                                                           \
    {                                                                                              \
        .kind = CHECK_EXACTLY_ONE, .names = NAMES(__VA_ARGS__)                                     \
    }
#define AT_LEAST_ONE(...)                                                                          \
    {                                                                                              \
        .kind = CHECK_AT_LEAST_ONE, .names = NAMES(__VA_ARGS__)                                    \
    }
#define CHECKED_BY(f, doc)                                                                         \
    {                                                                                              \
        .kind = CHECK_FUNCTION, .fn = (f), .text = (doc)                                           \
    }

enum nesting { NESTING_SINGLE, NESTING_LIST, NESTING_SET, NESTING_MAP };

struct block;

struct attribute {
    const char *name; /* NULL ends a table */
    const struct type *type;
    const struct block *nested; /* nested attribute: then type is NULL and nesting counts */
    enum nesting nesting;
    unsigned flags;
    struct literal fallback;    /* the default */
    const struct check *checks; /* ends with CHECK_NONE; NULL: none */
    const char *description;    /* Markdown, with the unit */
    size_t offset;              /* of the field in the typed struct, plus 1; 0: no field */
};

struct nested_block {
    const char *name;             /* NULL ends a table */
    enum nesting nesting;         /* single, list, set */
    int64_t min_items, max_items; /* 0: no bound */
    unsigned flags;               /* ATTR_REPLACE: any change inside replaces; ATTR_IGNORED */
    const struct block *block;
    const char *description;
    size_t offset; /* of a field_value in the typed struct, plus 1; 0: no field */
};

struct block {
    const char *description;
    const struct attribute *attributes; /* sorted as the documentation shall show them */
    const struct nested_block *blocks;  /* NULL: none */
};

struct schema {
    int64_t version;
    struct block block;
};

/*
 * The typed view. A hook declares a struct with these field types and names each field in the
 * table with FIELD(struct vpc, cidr_block); schema_decode fills it, schema_encode writes it back.
 */
enum presence { ABSENT = 0, UNKNOWN, KNOWN };
struct field_string {
    enum presence is;
    const char *v; /* "" unless KNOWN */
};
struct field_int {
    enum presence is;
    int64_t v;
};
struct field_bool {
    enum presence is;
    bool v;
};
/* Collections, nested attributes and blocks stay values. v is never NULL after decoding. */
struct field_value {
    enum presence is;
    const struct value *v;
};

#define FIELD(strukt, member) .offset = offsetof(strukt, member) + 1

static inline void field_set_string(struct field_string *f, const char *s)
{
    f->is = s ? KNOWN : ABSENT;
    f->v = s ? s : "";
}
static inline void field_set_int(struct field_int *f, int64_t i)
{
    *f = (struct field_int){KNOWN, i};
}
static inline void field_set_bool(struct field_bool *f, bool b)
{
    *f = (struct field_bool){KNOWN, b};
}
static inline void field_set_value(struct field_value *f, const struct value *v)
{
    f->is = v->kind == VALUE_NULL ? ABSENT : v->kind == VALUE_UNKNOWN ? UNKNOWN : KNOWN;
    f->v = v;
}

/* The object type that Terraform derives from a schema; built once and cached in the arena that is
 * given (use one that lives as long as the process). */
const struct type *schema_type(struct arena *a, const struct schema *s);

/* The object type of one block, built anew in `a` with each call. O(size of the table). */
const struct type *schema_block_type(struct arena *a, const struct block *b);

/* How many attributes and nested blocks it has, together. */
size_t schema_block_size(const struct block *b);

/* The default of an attribute as a value; a null value when it has none. */
const struct value *schema_default(struct arena *a, const struct attribute *at);

/* object -> struct. A null object leaves every field ABSENT. `out` is not cleared beyond the fields
 * that the table names. Numbers that are no int64 read as ABSENT (validation refused them). */
void schema_decode(const struct schema *s, const struct value *object, void *out);

/* struct -> object: the fields that the table names override `base` (NULL: an object of nulls).
 * Terraform wants a block that occurs nowhere as an empty list or set, so those are never null. */
const struct value *schema_encode(struct arena *a, const struct schema *s, const void *in,
                                  const struct value *base);

/* Validate*Config: the rules of the table, on the configuration as written. Adds diagnostics with
 * paths and stops after DIAGS_MAX errors. Terraform cannot point into a set of objects: there the
 * path ends at the set and only the text names the element. O(size of config). */
void schema_validate(const struct schema *s, const struct value *config, struct diags *d);

/* The rules of one attribute that look at its value alone (all but the presence rules). */
void schema_check_value(const struct attribute *at, const struct value *v, const struct path *p,
                        struct diags *d);

/*
 * The generic plan. `proposed` is Terraform's merge of prior and config (never NULL here, never a
 * null object: a destroy needs no generic plan). Result in *planned:
 *   - an optional+computed attribute that the configuration leaves out gets its default, if it has
 *     one;
 *   - create: a computed attribute without a value becomes unknown;
 *   - update: computed attributes keep the prior value, ATTR_VOLATILE ones become unknown when
 *     something else changes;
 *   - elements of nested blocks and nested attributes likewise: list elements correspond by index,
 *     map elements by key, set elements by the most of what the configuration sets.
 * What the configuration sets is never changed, unknown values included. O(size), except that
 * finding the counterparts in a set of objects with computed attributes sorts.
 *
 * Paths of changed ATTR_REPLACE attributes (planned differs from prior; unknown differs from
 * everything; null and the attribute's default are the same, and so are a null and an empty block)
 * are appended to *replace. A path ends at a set, whose elements Terraform cannot name.
 * `prior` is a null object for a create.
 */
struct path_list {
    const struct path **items;
    size_t count, capacity;
};
void path_list_add(struct arena *a, struct path_list *l, const struct path *p); /* copies p */

void schema_plan(struct arena *a, const struct schema *s, const struct value *prior,
                 const struct value *config, const struct value *proposed,
                 const struct value **planned, struct path_list *replace);

/* The attribute of the top block, or NULL. */
const struct attribute *schema_attribute(const struct schema *s, const char *name);

/* Checks the table itself: flags that exclude each other, defaults without OPTIONAL|COMPUTED or
 * against the attribute's own checks, names twice, checks that do not fit the type or name missing
 * attributes, fields that overlap, what Terraform refuses in a schema, missing descriptions. NULL
 * when it is fine, else the first mistake in the arena. For tests. */
const char *schema_lint(struct arena *a, const struct schema *s);

#endif
