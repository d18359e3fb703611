/*
 * text - building text in an arena, and what counts as text
 *
 * The buffer doubles, and arena_grow extends it in place while it is the last block of its arena,
 * which is the normal case: whoever writes a text allocates nothing else meanwhile.
 *
 * Strings are checked once, where bytes from outside become values. Behind that line a string is
 * well-formed and holds no NUL, so it may be handled as a C string.
 */
#include "proto/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FIRST_CAPACITY 64u

static void reserve(struct text *t, size_t n)
{
    size_t needed;
    if (__builtin_add_overflow(t->len, n, &needed)) {
        arena_exhausted(t->arena);
    }
    if (needed <= t->capacity) {
        return;
    }
    size_t capacity = t->capacity ? t->capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        if (__builtin_mul_overflow(capacity, (size_t)2, &capacity)) {
            arena_exhausted(t->arena);
        }
    }
    t->data = arena_grow(t->arena, t->data, t->capacity, capacity);
    t->capacity = capacity;
}

void text_add(struct text *t, const void *bytes, size_t n)
{
    if (n > 0) {
        reserve(t, n);
        memcpy(t->data + t->len, bytes, n);
        t->len += n;
    }
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        va_end(again);
        arena_exhausted(t->arena);
    }
    reserve(t, (size_t)n + 1);
    vsnprintf(t->data + t->len, (size_t)n + 1, fmt, again);
    va_end(again);
    t->len += (size_t)n;
}

static void escape(struct text *t, unsigned char c)
{
    static const char short_forms[][3] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    if (c == '"' || c == '\\') {
        text_add(t, (char[]){'\\', (char)c}, 2);
    } else if (c < sizeof short_forms / sizeof short_forms[0] && short_forms[c][0]) {
        text_puts(t, short_forms[c]);
    } else {
        char buf[8];
        snprintf(buf, sizeof buf, "\\u%04x", c);
        text_puts(t, buf);
    }
}

void text_quote(struct text *t, const char *s, size_t len)
{
    text_add(t, "\"", 1);
    size_t plain = 0; /* start of the run that needs no escape */
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            text_add(t, s + plain, i - plain);
            escape(t, c);
            plain = i + 1;
        }
    }
    text_add(t, s + plain, len - plain);
    text_add(t, "\"", 1);
}

const char *text_end(struct text *t)
{
    reserve(t, 1);
    t->data[t->len] = '\0';
    return t->data;
}

/* Length of the well-formed sequence at s, 0 when there is none (RFC 3629, section 4). */
static size_t sequence_length(const unsigned char *s, size_t len)
{
    unsigned char c = s[0];
    if (c < 0x80) {
        return c != 0;
    }
    size_t n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    if (n == 0 || len < n) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) || /* overlong; surrogate */
        (c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f)) { /* overlong; too high */
        return 0;
    }
    return n;
}

bool text_is_valid(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = sequence_length((const unsigned char *)s + i, len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}
