/*
 * answer - what leaves the program: answers on stdout, failures on stderr
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/output.h"
#include "ctl/query.h"
#include "ctl/terminal.h"

/* Lines below the first are indented. The text may quote what was read. */
static void put_lines(struct text *t, const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        text_puts(t, "  ");
        text_safe(t, lines, n, false);
        text_puts(t, "\n");
        lines += n + (lines[n] == '\n');
    }
}

static void tell(struct arena *a, const char *summary, const char *detail)
{
    struct text t = text_new(a);
    text_puts(&t, "ipamctl: ");
    text_safe(&t, summary, strlen(summary), false);
    text_puts(&t, "\n");
    put_lines(&t, detail);
    fputs(text_end(&t), stderr);
}

enum ctl_exit ctl_fail(enum ctl_exit code, const char *summary, const char *fmt, ...)
{
    struct arena *a = arena_new();
    va_list ap;
    va_start(ap, fmt);
    if (a)
        tell(a, summary, arena_vprintf(a, fmt, ap));
    va_end(ap);
    arena_free(a);
    return code;
}

bool ctl_report(struct ctl *c)
{
    bool failed = c->diags.errors > 0;
    for (const struct diag *d = c->diags.first; d; d = d->next)
        tell(c->arena,
             d->severity == SEVERITY_ERROR ? d->summary
                                           : arena_printf(c->arena, "warning: %s", d->summary),
             d->detail);
    diags_init(&c->diags, c->arena);
    return failed;
}

enum ctl_exit ctl_print(struct text *t)
{
    const char *bytes = text_end(t);
    bool written = fwrite(bytes, 1, t->len, stdout) == t->len && fflush(stdout) == 0;
    if (written || errno == EPIPE)
        return CTL_FINE; /* who does not read on has what was wanted */
    return ctl_fail(CTL_UNREADABLE, "the answer cannot be written", "%s.", strerror(errno));
}

/* "get-ipam-pool-cidrs" is GetIpamPoolCidrs above a table. */
static const char *title_of(struct arena *a, const char *verb)
{
    char *title = arena_strdup(a, verb), *out = title;
    bool upper = true;
    for (const char *p = title; *p; p++) {
        if (*p != '-')
            *out++ = upper && *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        upper = *p == '-';
    }
    *out = '\0';
    return title;
}

static const char *wanted_format(const struct ctl *c)
{
    const char *given = ctl_option(c, "--output"), *usual = getenv("AWS_DEFAULT_OUTPUT");
    return given ? given : usual && *usual ? usual : "json";
}

enum ctl_exit ctl_answer(struct ctl *c, const struct value *answer)
{
    struct text t = text_new(c->arena);
    const char *query = ctl_option(c, "--query"), *error = NULL;
    enum output_format format;
    if (!output_named(wanted_format(c), &format))
        return ctl_fail(CTL_USAGE, "no such output",
                        "\"%s\" is no format. Formats are json, yaml, table and text.",
                        wanted_format(c));
    if (query)
        answer = query_run(c->arena, query, answer, &error);
    if (!answer)
        return ctl_fail(CTL_USAGE, "the query is not understood", "--query: %s.", error);
    output_print(&t, format, title_of(c->arena, c->verb->name), answer);
    return ctl_print(&t);
}
