/*
 * number - one form for every number
 *
 * Terraform's numbers are decimal fractions of any size; it keeps 512 bits of them. On the wire a
 * number is an integer, a float64 or, when it is neither exactly, decimal text. For Terraform the
 * float64 nearest to 0.1 and 0.1 are different numbers, so a provider may not turn one into the
 * other. The rule here is therefore exactness: text becomes an integer or a double only when that
 * is the very same number, and stays normalised text otherwise.
 *
 * With that rule every number has one form, whatever its spelling:
 *   INT     whole and within int64
 *   UINT    whole, above that, within uint64
 *   DOUBLE  none of these, and a float64 is exactly this number
 *   TEXT    all others: no superfluous zeros, an exponent only for many zeros
 *
 * Whether a double is exactly a decimal number is asked of the C library, which converts exactly in
 * both directions (no double has more than 767 significant digits). It would be cheaper to count
 * factors of five, but only big and odd numbers come this far. The process stays in the "C" locale,
 * so the decimal point is a point.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "proto/value.h"

/* Digits of a double at most, and the text of one in %e form. */
#define EXACT_DIGITS 767
#define EXACT_SIZE   (EXACT_DIGITS + 16)
/* Text spells out up to this many zeros before it uses an exponent. */
#define PLAIN_ZEROS 40

/* sign * digits * 10^exponent; neither the first nor the last digit is 0; no digits: zero. */
struct decimal {
    bool negative;
    char *digits;
    size_t count;
    int64_t exponent;
};

static const struct value *new_number(struct arena *a, struct number n)
{
    struct value *v = arena_alloc(a, sizeof *v);
    v->kind = VALUE_NUMBER;
    v->number = n;
    return v;
}

const struct value *value_int(struct arena *a, int64_t i)
{
    return new_number(a, (struct number){.kind = NUMBER_INT, .i = i});
}

const struct value *value_uint(struct arena *a, uint64_t u)
{
    if (u <= INT64_MAX) {
        return value_int(a, (int64_t)u);
    }
    return new_number(a, (struct number){.kind = NUMBER_UINT, .u = u});
}

const struct value *value_double(struct arena *a, double d)
{
    if (!isfinite(d)) {
        return &value_null;
    }
    if (d == floor(d)) { /* the bounds below are powers of two, hence exact */
        if (d >= -0x1p63 && d < 0x1p63) {
            return value_int(a, (int64_t)d);
        }
        if (d >= 0x1p63 && d < 0x1p64) {
            return value_uint(a, (uint64_t)d);
        }
    }
    return new_number(a, (struct number){.kind = NUMBER_DOUBLE, .d = d});
}

static size_t digit_run(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && s[n] >= '0' && s[n] <= '9') {
        n++;
    }
    return n;
}

/* "e+12" up to the end of the text; false when it is something else or out of bounds. */
static bool parse_exponent(const char *s, size_t len, int64_t *out)
{
    *out = 0;
    if (len == 0) {
        return true;
    }
    if (s[0] != 'e' && s[0] != 'E') {
        return false;
    }
    size_t i = 1;
    bool negative = i < len && s[i] == '-';
    if (i < len && (s[i] == '-' || s[i] == '+')) {
        i++;
    }
    if (i == len || digit_run(s + i, len - i) != len - i) {
        return false;
    }
    for (; i < len; i++) {
        *out = *out * 10 + (s[i] - '0');
        if (*out > NUMBER_MAX_EXPONENT) {
            return false;
        }
    }
    *out = negative ? -*out : *out;
    return true;
}

/* The digits of both parts in a row, without the zeros at the ends. */
static void collect_digits(struct arena *a, const char *whole, size_t whole_len, const char *frac,
                           size_t frac_len, struct decimal *d)
{
    char *digits = arena_alloc(a, whole_len + frac_len + 1);
    memcpy(digits, whole, whole_len);
    if (frac_len > 0) {
        memcpy(digits + whole_len, frac, frac_len);
    }
    size_t first = 0, end = whole_len + frac_len;
    while (first < end && digits[first] == '0') {
        first++;
    }
    d->exponent -= (int64_t)frac_len;
    while (end > first && digits[end - 1] == '0') {
        end--;
        d->exponent++;
    }
    digits[end] = '\0';
    d->digits = digits + first;
    d->count = end - first;
}

/* [-+] digits [. digits] [e [-+] digits] */
static bool parse_decimal(struct arena *a, const char *s, size_t len, struct decimal *d)
{
    size_t i = 0;
    if (len == 0) { /* s may be NULL */
        return false;
    }
    d->negative = s[0] == '-';
    if (s[0] == '-' || s[0] == '+') {
        i++;
    }
    const char *whole = s + i;
    size_t whole_len = digit_run(whole, len - i);
    i += whole_len;
    const char *frac = NULL;
    size_t frac_len = 0;
    if (i < len && s[i] == '.') {
        frac = s + i + 1;
        frac_len = digit_run(frac, len - i - 1);
        i += 1 + frac_len;
        if (frac_len == 0) {
            return false;
        }
    }
    if (whole_len == 0 || !parse_exponent(s + i, len - i, &d->exponent)) {
        return false;
    }
    collect_digits(a, whole, whole_len, frac, frac_len, d);
    /* In the normalised form too, else its own text would be refused. */
    int64_t scientific = (int64_t)d->count + d->exponent - 1;
    return d->count == 0 ||
           (scientific <= NUMBER_MAX_EXPONENT && scientific >= -NUMBER_MAX_EXPONENT);
}

/* NULL when it is not whole or beyond 64 bits. */
static const struct value *as_integer(struct arena *a, const struct decimal *d)
{
    if (d->exponent < 0 || (int64_t)d->count + d->exponent > 20) {
        return NULL;
    }
    uint64_t u = 0;
    for (size_t i = 0; i < d->count + (size_t)d->exponent; i++) {
        uint64_t digit = i < d->count ? (uint64_t)(d->digits[i] - '0') : 0;
        if (__builtin_mul_overflow(u, 10u, &u) || __builtin_add_overflow(u, digit, &u)) {
            return NULL;
        }
    }
    if (!d->negative) {
        return value_uint(a, u);
    }
    return u <= (uint64_t)INT64_MAX + 1 ? value_int(a, (int64_t)(0 - u)) : NULL;
}

/* All digits that the double has. Neither zero nor whole within 64 bits; buf holds the digits. */
static struct decimal exact_decimal(double value, char buf[EXACT_SIZE])
{
    /* In the form d.ddd...e+x, the point at buf[1] and the e behind EXACT_DIGITS digits. */
    snprintf(buf, EXACT_SIZE, "%.*e", EXACT_DIGITS - 1, fabs(value));
    struct decimal d = {.negative = value < 0, .count = EXACT_DIGITS};
    d.exponent = strtol(buf + EXACT_DIGITS + 2, NULL, 10) - (EXACT_DIGITS - 1);
    buf[1] = buf[0]; /* over the point, so that the digits stand in a row */
    d.digits = buf + 1;
    while (d.count > 1 && d.digits[d.count - 1] == '0') {
        d.count--;
        d.exponent++;
    }
    return d;
}

/* NULL when no double is exactly this number. */
static const struct value *as_double(struct arena *a, const struct decimal *d)
{
    /* A binary fraction ends in 5; the smallest one is 2^-1074. */
    if (d->count > EXACT_DIGITS || d->exponent > 308 || d->exponent < -1074 ||
        (d->exponent < 0 && d->digits[d->count - 1] != '5')) {
        return NULL;
    }
    char text[EXACT_SIZE], buf[EXACT_SIZE];
    snprintf(text, sizeof text, "%s%.*se%" PRId64, d->negative ? "-" : "", (int)d->count, d->digits,
             d->exponent);
    double value = strtod(text, NULL);
    if (!isfinite(value) || value == 0) {
        return NULL;
    }
    struct decimal exact = exact_decimal(value, buf);
    bool same = exact.count == d->count && exact.exponent == d->exponent &&
                memcmp(exact.digits, d->digits, d->count) == 0;
    return same ? value_double(a, value) : NULL;
}

static void add_zeros(struct text *t, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        text_add(t, "0", 1);
    }
}

static const char *write_decimal(struct arena *a, const struct decimal *d)
{
    struct text t = text_new(a);
    int64_t point = (int64_t)d->count + d->exponent; /* digits before the decimal point */
    if (d->negative) {
        text_puts(&t, "-");
    }
    if (d->exponent >= 0 && d->exponent <= PLAIN_ZEROS) {
        text_add(&t, d->digits, d->count);
        add_zeros(&t, d->exponent);
    } else if (d->exponent < 0 && point > 0) {
        text_add(&t, d->digits, (size_t)point);
        text_puts(&t, ".");
        text_add(&t, d->digits + point, d->count - (size_t)point);
    } else if (d->exponent < 0 && -point <= PLAIN_ZEROS) {
        text_puts(&t, "0.");
        add_zeros(&t, -point);
        text_add(&t, d->digits, d->count);
    } else {
        text_add(&t, d->digits, 1);
        if (d->count > 1) {
            text_puts(&t, ".");
            text_add(&t, d->digits + 1, d->count - 1);
        }
        text_printf(&t, "e%+" PRId64, point - 1);
    }
    return text_end(&t);
}

const struct value *value_number_text(struct arena *a, const char *text, size_t len)
{
    struct decimal d = {0};
    if (!parse_decimal(a, text, len, &d)) {
        return NULL;
    }
    if (d.count == 0) {
        return value_int(a, 0);
    }
    const struct value *v = as_integer(a, &d);
    if (!v) {
        v = as_double(a, &d);
    }
    if (!v) {
        v = new_number(a, (struct number){.kind = NUMBER_TEXT, .text = write_decimal(a, &d)});
    }
    return v;
}

const char *value_number_print(struct arena *a, const struct number *n)
{
    char buf[EXACT_SIZE];
    struct decimal d;
    switch (n->kind) {
    case NUMBER_INT:
        return arena_printf(a, "%" PRId64, n->i);
    case NUMBER_UINT:
        return arena_printf(a, "%" PRIu64, n->u);
    case NUMBER_DOUBLE:
        d = exact_decimal(n->d, buf);
        return write_decimal(a, &d);
    default:
        return n->text;
    }
}

const char *value_number_describe(struct arena *a, const struct number *n)
{
    if (n->kind != NUMBER_DOUBLE) {
        return value_number_print(a, n);
    }
    char buf[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, n->d);
        if (strtod(buf, NULL) == n->d) {
            break;
        }
    }
    return arena_strdup(a, buf);
}
