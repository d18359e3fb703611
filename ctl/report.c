/*
 * report - the verb: which scopes, to which file
 *
 * A file is written beside its target and renamed, so that nobody who looks at the old page ever
 * sees half of the new one.
 */
#include "ctl/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/terminal.h"
#include "ctl/verbs.h"

static const struct option options[] = {
    {"-o", "FILE", "where the page goes (default: standard output)", OPTION_TEXT, false},
    {"--title", "TEXT", "heading of the page (default: Address space)", OPTION_TEXT, false},
    {"--ipam-id", "ID", "only this IPAM (default: all)", OPTION_TEXT, false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};

struct scope_list {
    struct ctl *ctl;
    const struct ipam *ipam;
    const struct scope **items;
    size_t count, capacity;
};

static bool add_scope(void *ctx, const struct scope *s)
{
    struct scope_list *l = ctx;
    const char *id = scope_info(s)->ipam_id;
    if (!id || strcmp(id, ipam_info(l->ipam)->id) != 0)
        return true;
    ARENA_ROOM(l->ctl->arena, l->items, l->count + 1, l->capacity, 16);
    l->items[l->count++] = s;
    return true;
}

/* The default private scope first, as most have nothing else. */
static int scope_order(const void *x, const void *y)
{
    const struct scope_info *a = scope_info(*(const struct scope *const *)x);
    const struct scope_info *b = scope_info(*(const struct scope *const *)y);
    if (a->is_default != b->is_default)
        return b->is_default - a->is_default;
    return a->type != b->type ? (int)a->type - (int)b->type : strcmp(a->id, b->id);
}

static const struct scope *const *scopes_of(struct ctl *c)
{
    struct scope_list l = {.ctl = c};
    const struct ipam *const *ipams = ctl_ipams(c);
    if (!ipams)
        return NULL;
    for (; *ipams; ipams++) {
        size_t first = l.count;
        l.ipam = *ipams;
        engine_each_scope(c->estate->engine, add_scope, &l);
        if (l.count > first)
            qsort(l.items + first, l.count - first, sizeof *l.items, scope_order);
    }
    if (l.count == 0)
        ctl_fail(CTL_USAGE, "no scope", "The IPAMs that were read have no scope that is known.");
    return l.count ? (const struct scope *const *)l.items : NULL;
}

static enum ctl_exit failed_to_write(const char *path)
{
    return ctl_fail(CTL_UNREADABLE, "the page cannot be written", "%s: %s.", path, strerror(errno));
}

static enum ctl_exit write_file(struct arena *a, const char *path, const char *page, size_t len)
{
    const char *beside = arena_printf(a, "%s.%ld.new", path, (long)getpid());
    FILE *f = fopen(beside, "wxe");
    if (!f)
        return failed_to_write(beside);
    bool written = fwrite(page, 1, len, f) == len;
    int why = errno;
    if (fclose(f) != 0 && written) {
        written = false;
        why = errno;
    }
    if (written && rename(beside, path) == 0)
        return CTL_FINE;
    errno = written ? errno : why;
    enum ctl_exit exit = failed_to_write(path);
    unlink(beside);
    return exit;
}

/* When it is as of. SOURCE_DATE_EPOCH, where it is set, makes the same page of the same states. */
static const char *as_of(struct arena *a)
{
    const char *fixed = getenv("SOURCE_DATE_EPOCH");
    time_t now = fixed ? (time_t)strtoll(fixed, NULL, 10) : time(NULL);
    struct tm parts;
    char text[40] = "";
    if (gmtime_r(&now, &parts))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return arena_strdup(a, text);
}

static enum ctl_exit run(struct ctl *c)
{
    const char *path = ctl_option(c, "-o"), *title = ctl_option(c, "--title");
    const struct scope *const *scopes = scopes_of(c);
    struct text json = text_new(c->arena);
    size_t len;
    if (!scopes)
        return CTL_USAGE;
    text_puts(&json, "{\"version\":\"" PROVIDER_VERSION "\",\"asOf\":");
    report_string(&json, as_of(c->arena));
    text_printf(&json, ",\"incomplete\":%s,\"estate\":%s}", c->unreadable ? "true" : "false",
                report_data(c, scopes));
    const char *page = report_page(c->arena, safe_text(c->arena, title ? title : "Address space"),
                                   text_end(&json), &len);
    if (path)
        return write_file(c->arena, path, page, len);
    struct text out = text_new(c->arena);
    text_add(&out, page, len);
    return ctl_print(&out);
}

const struct verb report_verb = {
    .name = "report",
    .summary = "Address space as one page of HTML: map, pools, overlaps, what breaks rules",
    .examples = "  ipamctl report -o report.html\n"
                "  ipamctl report --state 'accounts/*/terraform.tfstate' -o report.html\n",
    .options = options,
    .run = run,
};
