/*
 * diag - attribute paths and diagnostics
 *
 * A list with a tail pointer, in the order of reporting. A configuration of a hundred thousand
 * wrong elements must not make an answer that nobody can read (or that Terraform refuses for its
 * size): the list stops at DIAGS_MAX, and one more entry tells how many followed. That entry is
 * rewritten in place, so what is left out costs no memory. The counters count everything, so
 * `errors` decides whether a request failed even when the only error was left out.
 */
#include "proto/diag.h"

#include <stdio.h>
#include <string.h>

#include "proto/text.h"

struct path *path_copy(struct arena *a, const struct path *p)
{
    struct path *leaf = NULL, *child = NULL;
    for (; p; p = p->parent) {
        struct path *copy = arena_memdup(a, p, sizeof *p);
        copy->parent = NULL;
        if (copy->kind != PATH_INDEX) {
            copy->name = arena_strdup(a, p->name);
        }
        if (child) {
            child->parent = copy;
        } else {
            leaf = copy;
        }
        child = copy;
    }
    return leaf;
}

static void write_step(struct text *out, const struct path *step)
{
    switch (step->kind) {
    case PATH_ATTRIBUTE:
        text_puts(out, ".");
        text_puts(out, step->name);
        break;
    case PATH_KEY:
        text_puts(out, "[");
        text_quote(out, step->name, strlen(step->name));
        text_puts(out, "]");
        break;
    case PATH_INDEX:
        text_printf(out, "[%lld]", (long long)step->index);
        break;
    }
}

const char *path_describe(struct arena *a, const struct path *p)
{
    size_t count = 0;
    for (const struct path *s = p; s; s = s->parent) {
        count++;
    }
    const struct path **steps = arena_calloc(a, count, sizeof *steps);
    for (size_t i = count; i > 0; p = p->parent) {
        steps[--i] = p;
    }
    struct text out = text_new(a);
    for (size_t i = 0; i < count; i++) {
        write_step(&out, steps[i]);
    }
    return text_end(&out);
}

/* The entry after the last one that is kept. */
struct left_out {
    struct diag diag; /* first: the list links it */
    char summary[64];
};

void diags_init(struct diags *d, struct arena *a)
{
    *d = (struct diags){.arena = a};
}

static void append(struct diags *d, struct diag *entry)
{
    if (d->last) {
        d->last->next = entry;
    } else {
        d->first = entry;
    }
    d->last = entry;
}

static void leave_out(struct diags *d, enum severity severity, unsigned count)
{
    if (count == 1) {
        struct left_out *l = arena_alloc(d->arena, sizeof *l);
        l->diag.severity = SEVERITY_WARNING;
        l->diag.summary = l->summary;
        l->diag.detail = "Only the first ones are shown. Most likely they have one cause.";
        append(d, &l->diag);
    }
    struct left_out *l = (struct left_out *)d->last;
    if (severity == SEVERITY_ERROR) {
        l->diag.severity = SEVERITY_ERROR;
    }
    snprintf(l->summary, sizeof l->summary, "%u more errors and warnings", count);
}

static void add(struct diags *d, enum severity severity, const struct path *p, const char *summary,
                const char *fmt, va_list ap)
{
    unsigned total = d->errors + d->warnings + 1;
    if (total > DIAGS_MAX) {
        leave_out(d, severity, total - DIAGS_MAX);
    } else {
        struct diag *entry = arena_alloc(d->arena, sizeof *entry);
        entry->severity = severity;
        entry->summary = arena_strdup(d->arena, summary);
        entry->detail = arena_vprintf(d->arena, fmt, ap);
        entry->path = path_copy(d->arena, p);
        append(d, entry);
    }
    if (severity == SEVERITY_ERROR) {
        d->errors++;
    } else {
        d->warnings++;
    }
}

void diag_error(struct diags *d, const struct path *p, const char *summary, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(d, SEVERITY_ERROR, p, summary, fmt, ap);
    va_end(ap);
}

void diag_warning(struct diags *d, const struct path *p, const char *summary, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(d, SEVERITY_WARNING, p, summary, fmt, ap);
    va_end(ap);
}
