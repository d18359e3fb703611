/*
 * value - what travels between Terraform and a provider
 *
 * A value is null, unknown (not decided before apply) or known. Values are immutable once built
 * and live in an arena; they may be shared freely between trees of the same arena. A value does
 * not carry its type: the schema knows it. The one exception is VALUE_DYNAMIC, which wraps a value
 * together with the type that it was sent with.
 *
 * Maps and objects keep their members sorted by key (byte order), so lookup is a binary search.
 * Sets keep the order in which they came; set_equal semantics are in value_equal (needs the type).
 */
#ifndef PROTO_VALUE_H
#define PROTO_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "type.h"

enum value_kind {
    VALUE_NULL,
    VALUE_UNKNOWN,
    VALUE_BOOL,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_SEQ,     /* list, set, tuple */
    VALUE_MAP,     /* map, object */
    VALUE_DYNAMIC, /* a value with its own type */
};

/*
 * Numbers without loss: whole numbers of 64 bits, doubles, and decimal text for all the others.
 * Every number has exactly one form, so numbers are equal when their forms are. 0.5 is a double,
 * 0.1 is text: Terraform calculates with 512 bits, for it the double next to 0.1 is another number
 * than 0.1, and answering with it would be an inconsistent result.
 */
enum number_kind { NUMBER_INT, NUMBER_UINT, NUMBER_DOUBLE, NUMBER_TEXT };

struct number {
    enum number_kind kind;
    union {
        int64_t i;
        uint64_t u; /* only above INT64_MAX */
        double d;   /* only when it is not a whole number that fits above */
        const char *text;
    };
};

struct value;

struct value_member {
    const char *key; /* NUL-terminated, never contains NUL */
    const struct value *value;
};

struct value {
    enum value_kind kind;
    union {
        bool boolean;
        struct number number;
        struct {
            const char *text; /* NUL-terminated UTF-8 */
            size_t len;
        } string;
        struct {
            const struct value *const *items;
            size_t count;
        } seq;
        struct {
            const struct value_member *members;
            size_t count;
        } map;
        struct {
            const struct type *type;
            const struct value *value;
        } dynamic;
        struct bytes refinement; /* unknown: body of msgpack extension 12, or empty */
    };
};

extern const struct value value_null, value_unknown, value_true, value_false;

const struct value *value_bool(bool b);
const struct value *value_int(struct arena *a, int64_t i);
const struct value *value_uint(struct arena *a, uint64_t u);
/* Whole doubles within int64 become NUMBER_INT. NaN and infinities become null. */
const struct value *value_double(struct arena *a, double d);
/* Decimal text ("-1.50", "1e3"): INT, UINT or DOUBLE when that is exactly the same number, else
 * normalised text. NULL when the text is not a number or its exponent beyond
 * NUMBER_MAX_EXPONENT. O(len). */
#define NUMBER_MAX_EXPONENT 999999999
const struct value *value_number_text(struct arena *a, const char *text, size_t len);
/* NULL gives value_null. */
const struct value *value_string(struct arena *a, const char *s);
const struct value *value_string_n(struct arena *a, const char *s, size_t len);
/* The items array is copied, the items are shared. */
const struct value *value_seq(struct arena *a, const struct value *const *items, size_t count);
/* Copies and sorts the members; of equal keys the last wins. */
const struct value *value_map(struct arena *a, const struct value_member *members, size_t count);
/* As value_seq and value_map, but the array, which must live in the arena, becomes part of the
 * value: for decoders. value_map_take returns NULL and the key in *twice when a key occurs twice.
 */
const struct value *value_seq_take(struct arena *a, const struct value **items, size_t count);
const struct value *value_map_take(struct arena *a, struct value_member *members, size_t count,
                                   const char **twice);
const struct value *value_dynamic(struct arena *a, const struct type *t, const struct value *v);
/* The type of a value that has none, as Terraform sees literals: sequences are tuples, maps are
 * objects, null and unknown are dynamic. O(size). */
const struct type *value_infer_type(struct arena *a, const struct value *v);

static inline bool value_is_null(const struct value *v)
{
    return v->kind == VALUE_NULL;
}
static inline bool value_is_unknown(const struct value *v)
{
    return v->kind == VALUE_UNKNOWN;
}
static inline bool value_is_known(const struct value *v)
{
    return v->kind != VALUE_NULL && v->kind != VALUE_UNKNOWN;
}
/* Known all the way down (null counts as known). O(size). */
bool value_is_wholly_known(const struct value *v);

/* The member of a map or object; value_null when v is not a map or has no such member. O(log n). */
const struct value *value_get(const struct value *v, const char *key);
/* A copy of the object with one member replaced or added. O(n). v may be null (an empty object). */
const struct value *value_set(struct arena *a, const struct value *v, const char *key,
                              const struct value *member);

/* The content when it is of that kind and known, else the fallback. */
const char *value_str(const struct value *v, const char *fallback);
bool value_truth(const struct value *v, bool fallback);
/* Whole number within int64? Stores it and returns true. */
bool value_as_int(const struct value *v, int64_t *out);

/* Equal as values of type t (sets without order; 1 and 1.0 are one number; unknown equals only
 * unknown). t may be NULL: then sequences are compared in order. */
bool value_equal(const struct type *t, const struct value *a, const struct value *b);

/* The decimal text of a number, fit for JSON; exact, so that value_number_text gives it back. */
const char *value_number_print(struct arena *a, const struct number *n);
/* For people: a double gets the shortest text that is nearer to it than to any other double. */
const char *value_number_describe(struct arena *a, const struct number *n);

/* For messages and tests: HCL-like, on one line, cut after about max bytes. */
const char *value_describe(struct arena *a, const struct value *v, size_t max);

#endif
