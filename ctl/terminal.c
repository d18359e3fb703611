/*
 * terminal - text that a terminal can be trusted with, its width and its colours
 *
 * What is safe is decided character by character: anything that the C library's UTF-8 locale calls
 * unprintable (both blocks of control characters, separators of lines), and the characters of
 * Unicode that turn the direction of what follows, which print nothing and make `a` look like `b`.
 * The escape is the one of JSON in every format, so that the same name looks the same everywhere.
 */
#include "ctl/terminal.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define ELSEWHERE 120 /* columns of what is no terminal */

/* The character at s (len > 0 bytes) and its length. -1: no UTF-8. Strict, as RFC 3629. */
static long decode(const char *s, size_t len, size_t *used)
{
    static const long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = (unsigned char)*s;
    size_t n = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    *used = 1;
    if (n == 1)
        return first;
    if (first < 0xc2 || first > 0xf4 || n > len)
        return -1;
    long c = first & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return -1;
        c = c << 6 | ((unsigned char)s[i] & 0x3f);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return -1;
    *used = n;
    return c;
}

static bool turns_direction(long c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f || c == 0x061c;
}

/* Columns, or -1 when it does not print. */
static int columns_of(long c)
{
    static bool ready;
    if (c >= 0x20 && c < 0x7f)
        return 1;
    if (!ready) {
        setlocale(LC_CTYPE, "C.UTF-8");
        ready = true;
    }
    return turns_direction(c) ? -1 : wcwidth((wchar_t)c);
}

static void escape(struct text *t, long c)
{
    if (c > 0xffff)
        text_printf(t, "\\u%04lx\\u%04lx", 0xd800 + ((c - 0x10000) >> 10),
                    0xdc00 + ((c - 0x10000) & 0x3ff));
    else
        text_printf(t, "\\u%04lx", c);
}

void text_safe(struct text *t, const char *s, size_t len, bool json)
{
    size_t used;
    for (size_t i = 0; i < len; i += used) {
        long c = decode(s + i, len - i, &used);
        if (json && (c == '"' || c == '\\'))
            text_printf(t, "\\%c", (char)c);
        else if (c < 0)
            text_puts(t, "\xef\xbf\xbd");
        else if (columns_of(c) < 0)
            escape(t, c);
        else
            text_add(t, s + i, used);
    }
}

const char *safe_text(struct arena *a, const char *s)
{
    struct text t = text_new(a);
    text_safe(&t, s, strlen(s), false);
    return text_end(&t);
}

unsigned text_columns(const char *s)
{
    unsigned columns = 0;
    size_t used, len = strlen(s);
    for (size_t i = 0; i < len; i += used) {
        int n = columns_of(decode(s + i, len - i, &used));
        columns += n > 0 ? (unsigned)n : 0;
    }
    return columns;
}

const char *text_cut(struct arena *a, const char *s, unsigned columns)
{
    unsigned taken = 0;
    size_t used, len = strlen(s), i = 0;
    if (columns == 0 || text_columns(s) <= columns)
        return columns ? s : "";
    for (; i < len; i += used) {
        int n = columns_of(decode(s + i, len - i, &used));
        if (taken + (unsigned)(n > 0 ? n : 0) > columns - 1)
            break;
        taken += n > 0 ? (unsigned)n : 0;
    }
    return arena_printf(a, "%.*s…", (int)i, s);
}

unsigned terminal_columns(void)
{
    struct winsize size = {0};
    const char *columns = getenv("COLUMNS");
    long n = columns ? strtol(columns, NULL, 10) : 0;
    if (n <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        n = size.ws_col;
    if (n <= 0)
        n = ELSEWHERE;
    return n < 40 ? 40 : n > 1000 ? 1000 : (unsigned)n;
}

bool terminal_colors(const char *when)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (when && strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return !(no && *no) && !(term && strcmp(term, "dumb") == 0) && isatty(STDOUT_FILENO);
}
