/*
 * inventory - files that say which networks exist
 *
 * A file is known by what it holds, not by its name: tools print to wherever one redirects them.
 * Files of other tools are read as they are; what they do not say (the Region of a VPC, for which
 * accounts they are complete) can be said beside them: by keys of their own at the top, or by a
 * file of the own format that includes them. A file that is included is read there only, also when
 * a pattern of the provider block names it, because only there its defaults are known: when it was
 * read already, what it told is forgotten and it is read again.
 *
 * Each file is read into an arena of its own, which is gone before the next one is read, so memory
 * is needed for the largest file and not for all. An inventory that cannot be understood is an
 * error, and with it the configuration fails: what is not known must not be allocated from. The
 * first error of each file is reported, so that one run shows what is wrong in all of them.
 */
#include "provider/inventory.h"

#include <glob.h>
#include <limits.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"
#include "provider/estate.h"
#include "provider/inventory_internal.h"
#include "provider/state_internal.h"

const struct inventory_limits inventory_limits = {
    .bytes = 64u << 20,
    .files = 1000,
    .nodes = 10000000,
    .shared = 10000,
    .text = 64u << 10,
    .cidrs = 1000000,
    .depth = 32,
    .includes = 4,
};

/* A file that was read; its address is the source of its sightings. */
struct file {
    struct file *next;
    const char *path;        /* without symbolic links */
    const char *included_by; /* NULL: by nobody */
};

struct inventory {
    struct sightings *sightings;
    struct diags *diags;
    const struct inventory_limits *limits;
    struct file *files; /* in the arena of the diagnostics */
    size_t count;
    unsigned depth;
    bool failed, no_memory;
};

#define SUMMARY "An inventory cannot be read"
#define REMEDY                                                                                     \
    "What an inventory does not tell could be issued again, so nothing is issued. Correct the "    \
    "file, or take it out of the inventory."

static bool report(struct inventory *v, const char *problem)
{
    v->failed = true;
    diag_error(v->diags, PATH_ATTR(NULL, "inventory"), SUMMARY, "%s. %s", problem, REMEDY);
    return false;
}

/* --- what a document says of itself --- */

struct covering {
    const char *account, *region; /* the only one that is named; NULL: none yet, "": several */
};

static void note_only(const char **only, const char *text)
{
    if (!*only)
        *only = text;
    else if (strcmp(*only, text) != 0)
        *only = "";
}

static bool read_cover(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    struct covering *c = ctx;
    const char *account, *region;
    if (!expect_map(r, n, p) || !read_text(r, n, p, "account", &account) ||
        !read_text(r, n, p, "region", &region))
        return false;
    for (const struct node *k = n->first; k; k = k->next->next)
        if (strcmp(k->text, "account") != 0 && strcmp(k->text, "region") != 0)
            return reader_fail(r, k, p,
                               "has the key \"%.100s\", and only these are known here: "
                               "account, region",
                               k->text);
    note_only(&c->account, account);
    note_only(&c->region, region);
    if (!sightings_cover(r->sightings, *account ? account : NULL, *region ? region : NULL,
                         reader_where(r, n)))
        arena_exhausted(r->arena);
    return true;
}

/* `covers`, `account`, `region`, `cloud`, `scope` at the top of a document. */
static bool read_defaults(struct reader *r, const struct node *document)
{
    struct covering only = {NULL, NULL};
    struct inventory_defaults said;
    const struct node *covers;
    if (!read_list(r, document, NULL, "covers", &covers) ||
        !each_element(r, covers, PATH_ATTR(NULL, "covers"), read_cover, &only) ||
        !read_text(r, document, NULL, "account", &said.account) ||
        !read_text(r, document, NULL, "region", &said.region) ||
        !read_text(r, document, NULL, "cloud", &said.cloud) ||
        !read_text(r, document, NULL, "scope", &said.scope))
        return false;
    if (!*said.account && only.account)
        said.account = only.account;
    if (!*said.region && only.region)
        said.region = only.region;
    if (*said.account)
        r->defaults.account = said.account;
    if (*said.region)
        r->defaults.region = said.region;
    if (*said.cloud)
        r->defaults.cloud = said.cloud;
    if (*said.scope)
        r->defaults.scope = said.scope;
    return true;
}

/* --- formats --- */

static bool is_one_of(const struct node *map, const char *const *keys)
{
    for (const struct node *k = map->first; k; k = k->next->next)
        for (const char *const *name = keys; *name; name++)
            if (strcmp(k->text, *name) == 0)
                return true;
    return false;
}

static bool fail_unknown(struct reader *r, const struct node *n)
{
    const char *keys = "";
    size_t shown = 0;
    if (n->kind == NODE_MAP)
        for (const struct node *k = n->first; k && shown < 8; k = k->next->next, shown++)
            keys = arena_printf(r->arena, "%s%s%.40s", keys, *keys ? ", " : "", k->text);
    return reader_fail(r, n, NULL,
                       "the format is not known%s%s. Known are the own format (version: 1), what "
                       "aws ec2 describe-vpcs and describe-subnets print, and NetBox's prefixes",
                       *keys ? ": its keys are " : "", keys);
}

static bool read_aws(struct reader *r, const struct node *document)
{
    const struct node *vpcs, *subnets;
    const char *more;
    if (!read_text(r, document, NULL, "NextToken", &more) ||
        !read_list(r, document, NULL, "Vpcs", &vpcs) ||
        !read_list(r, document, NULL, "Subnets", &subnets))
        return false;
    if (*more)
        return reader_fail(r, node_get(document, "NextToken"), PATH_ATTR(NULL, "NextToken"),
                           "says that there is more than this. Print all of it: without "
                           "--max-items and --no-paginate");
    return read_aws_vpcs(r, vpcs, PATH_ATTR(NULL, "Vpcs"), subnets) &&
           read_aws_subnets(r, subnets, PATH_ATTR(NULL, "Subnets"));
}

static bool read_netbox_answer(struct reader *r, const struct node *document)
{
    const struct node *results;
    if (node_get(document, "next"))
        return reader_fail(r, node_get(document, "next"), PATH_ATTR(NULL, "next"),
                           "says that there is more than this. Ask for all of it: "
                           "/api/ipam/prefixes/?limit=0");
    return read_list(r, document, NULL, "results", &results) &&
           read_netbox(r, results, PATH_ATTR(NULL, "results"));
}

static bool read_listed(struct reader *r, const struct node *list)
{
    static const char *const vpc[] = {"VpcId", NULL}, *const subnet[] = {"SubnetId", NULL},
                             *const prefix[] = {"prefix", NULL};
    const struct node *first = list->first;
    if (!first)
        return true;
    if (first->kind == NODE_MAP && is_one_of(first, prefix))
        return read_netbox(r, list, NULL);
    if (first->kind == NODE_MAP && is_one_of(first, subnet))
        return read_aws_subnets(r, list, NULL);
    if (first->kind == NODE_MAP && is_one_of(first, vpc))
        return read_aws_vpcs(r, list, NULL, NULL);
    return fail_unknown(r, list);
}

static bool read_includes(struct inventory *v, struct reader *r, const struct node *document);

static bool read_document(struct inventory *v, struct reader *r, const struct node *n)
{
    static const char *const own[] = {"version", "networks", "prefixes", "include", NULL},
                             *const aws[] = {"Vpcs", "Subnets", NULL},
                             *const answer[] = {"results", NULL},
                             *const prefix[] = {"prefix", NULL};
    if (n->kind == NODE_LIST)
        return read_listed(r, n);
    if (n->kind != NODE_MAP)
        return reader_fail(r, n, NULL, "the document is empty, or a text");
    if (!is_one_of(n, prefix) && !read_defaults(r, n))
        return false;
    if (is_one_of(n, own))
        return read_own(r, n) && read_includes(v, r, n);
    if (is_one_of(n, aws))
        return read_aws(r, n);
    if (is_one_of(n, answer))
        return read_netbox_answer(r, n);
    return is_one_of(n, prefix) ? read_netbox_prefix(r, n, NULL, NULL) : fail_unknown(r, n);
}

/* --- files --- */

/* Leaves by the guard when memory is out; else the problem, or NULL. */
static const char *read_bytes(struct inventory *v, struct reader *r, const struct buffer *bytes)
{
    const struct node *documents;
    const struct inventory_defaults defaults = r->defaults;
    struct tree_error error;
    if (!tree_parse(r->arena, bytes->data, bytes->len, v->limits, &documents, &error))
        return arena_printf(r->arena, "%s:%u:%u: %s", r->file, error.line, error.column,
                            error.text);
    if (!documents)
        return arena_printf(r->arena, "%s is empty", r->file);
    for (const struct node *n = documents; n; n = n->next) {
        r->defaults = defaults;
        if (!read_document(v, r, n))
            break;
    }
    return r->problem;
}

static const char *copy_problem(struct reader *r, const struct file_copy *copy)
{
    switch (copy->status) {
    case FILE_WHOLE:
        return NULL;
    case FILE_ABSENT:
        return arena_printf(r->arena, "%s does not exist", r->file);
    case FILE_EMPTY:
        return arena_printf(r->arena, "%s is empty", r->file);
    case FILE_MOVING:
        return arena_printf(r->arena, "%s changed while it was read", r->file);
    case FILE_BAD:
        break;
    }
    return arena_printf(r->arena, "%s: %s", r->file, copy->problem);
}

/* Whatever runs out of memory in here, also while an error is reported, ends up here, so that the
 * caller can free what is no arena's. */
static void read_guarded(struct inventory *v, struct reader *r, struct file_copy *copy)
{
    jmp_buf guard, *outer = arena_guard_of(v->diags->arena);
    if (setjmp(guard)) {
        v->no_memory = true;
    } else {
        arena_guard(r->arena, &guard);
        arena_guard(v->diags->arena, &guard);
        const char *problem = copy_problem(r, copy);
        if (!problem)
            problem = read_bytes(v, r, &copy->bytes);
        if (problem && !v->no_memory)
            report(v, problem);
    }
    arena_guard(v->diags->arena, outer);
}

static struct file *find_file(const struct inventory *v, const char *path)
{
    struct file *f = v->files;
    while (f && strcmp(f->path, path) != 0)
        f = f->next;
    return f;
}

/* Has this file to be read now? NULL when it was read, or after an error. */
static struct file *begin_file(struct inventory *v, const char *shown, const char *included_by)
{
    char real[PATH_MAX];
    const char *path = realpath(shown, real) ? real : shown;
    struct file *f = find_file(v, path);
    if (f && included_by && f->included_by && strcmp(f->included_by, included_by) != 0) {
        report(v, arena_printf(v->diags->arena,
                               "%s is included by %s and by %s, and only one can "
                               "say what is missing in it",
                               shown, f->included_by, included_by));
        return NULL;
    }
    if (f && (f->included_by || !included_by))
        return NULL;
    if (!f && ++v->count > v->limits->files) {
        report(v, arena_printf(v->diags->arena, "The inventory has more than %zu files",
                               v->limits->files));
        return NULL;
    }
    if (f) {
        sightings_forget(v->sightings, f);
    } else {
        f = arena_alloc(v->diags->arena, sizeof *f);
        f->path = arena_strdup(v->diags->arena, path);
        f->next = v->files;
        v->files = f;
    }
    f->included_by = included_by ? arena_strdup(v->diags->arena, included_by) : NULL;
    return f;
}

static void read_file(struct inventory *v, const char *shown, const char *included_by,
                      const struct inventory_defaults *defaults)
{
    struct file *f = begin_file(v, shown, included_by);
    if (!f)
        return;
    struct reader r = {.sightings = v->sightings,
                       .arena = arena_new(),
                       .limits = v->limits,
                       .file = shown,
                       .source = f,
                       .defaults = *defaults};
    struct file_copy copy;
    if (!r.arena) {
        v->no_memory = true;
        return;
    }
    file_copy_read(&copy, shown, v->limits->bytes);
    read_guarded(v, &r, &copy);
    file_copy_free(&copy);
    arena_free(r.arena);
}

static void glob_free(void *found)
{
    globfree(found);
}

/* `said` is the pattern as somebody wrote it, in the file `included_by` or in the provider block.
 */
static void read_pattern(struct inventory *v, const char *pattern, const char *said,
                         const char *included_by, const struct inventory_defaults *defaults)
{
    struct arena *a = v->diags->arena;
    glob_t *found = arena_alloc(a, sizeof *found);
    const char *by = included_by ? arena_printf(a, ", which %s includes,", included_by) : "";
    int r = file_glob(pattern, found);
    if (r == GLOB_NOSPACE) {
        v->no_memory = true;
        return;
    }
    arena_defer(a, glob_free, found);
    if (r == GLOB_NOMATCH && strpbrk(said, "*?["))
        diag_warning(v->diags, PATH_ATTR(NULL, "inventory"), "An inventory is not there",
                     "\"%.300s\"%s matches no file, so it tells of no networks.", said, by);
    else if (r == GLOB_NOMATCH)
        report(v, arena_printf(a,
                               "\"%.300s\"%s does not exist (relative paths start at the working "
                               "directory, or at the file that they stand in)",
                               said, by));
    else if (r != 0)
        report(v, arena_printf(a, "\"%.300s\"%s cannot be searched to its end", said, by));
    for (size_t i = 0; r == 0 && i < found->gl_pathc && !v->no_memory; i++)
        read_file(v, found->gl_pathv[i], included_by, defaults);
}

/* The folder of a file, with its slash, as a pattern that matches only itself. */
static const char *folder_pattern(struct arena *a, const char *file)
{
    const char *slash = strrchr(file, '/');
    size_t n = slash ? (size_t)(slash - file) + 1 : 0, used = 0;
    char *out = arena_alloc(a, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        if (strchr("*?[]\\", file[i]))
            out[used++] = '\\';
        out[used++] = file[i];
    }
    return out;
}

struct including {
    struct inventory *inventory;
    const char *folder;
};

static bool read_include(struct reader *r, const struct node *n, const struct path *p, void *ctx)
{
    const struct including *i = ctx;
    if (n->kind != NODE_TEXT || !*n->text)
        return reader_fail(r, n, p, "has to be the path of a file");
    read_pattern(i->inventory,
                 *n->text == '/' ? n->text : arena_printf(r->arena, "%s%s", i->folder, n->text),
                 n->text, r->file, &r->defaults);
    return !i->inventory->no_memory;
}

static bool read_includes(struct inventory *v, struct reader *r, const struct node *document)
{
    const struct node *list;
    struct including i = {.inventory = v, .folder = folder_pattern(r->arena, r->file)};
    if (!read_list(r, document, NULL, "include", &list) || !list)
        return !r->problem;
    if (v->depth >= v->limits->includes)
        return reader_fail(r, list, PATH_ATTR(NULL, "include"),
                           "is one too many: files may include files %u deep", v->limits->includes);
    v->depth++;
    bool ok = each_element(r, list, PATH_ATTR(NULL, "include"), read_include, &i);
    v->depth--;
    return ok;
}

bool inventory_load_within(struct sightings *s, struct diags *d, const char *const *patterns,
                           size_t count, const struct inventory_limits *limits)
{
    struct inventory v = {.sightings = s, .diags = d, .limits = limits};
    const struct inventory_defaults none = {"", "", "", ""};
    for (size_t i = 0; i < count && !v.no_memory; i++)
        read_pattern(&v, patterns[i], patterns[i], NULL, &none);
    if (v.no_memory)
        diag_error(d, PATH_ATTR(NULL, "inventory"), SUMMARY,
                   "The provider could not get memory for the inventory. Nothing was changed.");
    else
        log_line(LOG_DEBUG, "read %zu files of the inventory", v.count);
    return !v.failed && !v.no_memory;
}

bool inventory_load(struct sightings *s, struct diags *d, const char *const *patterns, size_t count)
{
    return inventory_load_within(s, d, patterns, count, &inventory_limits);
}
