/*
 * text - building text in an arena, and what counts as text
 *
 * A growing buffer for everything that writes piece by piece: both codecs, type expressions, paths,
 * descriptions. Running out of memory is the arena's affair.
 */
#ifndef PROTO_TEXT_H
#define PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

struct text {
    struct arena *arena;
    char *data; /* NULL while nothing was added */
    size_t len, capacity;
};

static inline struct text text_new(struct arena *a)
{
    return (struct text){.arena = a};
}

/* Amortised O(n). */
void text_add(struct text *t, const void *bytes, size_t n);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A JSON string with its quotes (RFC 8259): quote, backslash and control characters are escaped,
 * all else stays. HCL reads it as the same string, `${` and `%{` apart. */
void text_quote(struct text *t, const char *s, size_t len);

/* The bytes so far, NUL-terminated; "" when there are none. Adding more may move them. */
const char *text_end(struct text *t);

/* Well-formed UTF-8 (RFC 3629: shortest forms, no surrogates, up to U+10FFFF) without NUL? O(n). */
bool text_is_valid(const char *s, size_t len);

#endif
