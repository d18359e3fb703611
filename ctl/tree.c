/*
 * tree - pools as a tree: what each holds, how full it is, who drew what
 *
 * Three columns: the tree with names, the CIDRs, and a bar with the percentage. The bar counts
 * addresses of the pool's CIDRs: full blocks are what resources and reservations hold, shaded ones
 * what pools below hold, of which they may have given out little. What was drawn comes below its
 * pool, in address order together with the pools below and with networks that are there although no
 * pool gave their CIDRs, at most --max-allocations a pool.
 *
 * Rows are collected first, because columns are as wide as their widest row; when the terminal is
 * narrower, names give way first.
 */
#include "ctl/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/terminal.h"
#include "ctl/verbs.h"
#include "provider/metrics.h"

#define BAR_COLUMNS  12
#define SHOWN_CIDRS  3
#define SHOWN_DRAWN  8
#define NAME_COLUMNS 24 /* no narrower than this, whatever the terminal */

enum color { COLOR_NONE, COLOR_DIM, COLOR_BOLD, COLOR_GREEN, COLOR_YELLOW, COLOR_RED };

struct row {
    const char *stem;        /* lines of the tree */
    const char *name, *note; /* safe; the note is dim */
    const char *cidrs;       /* safe */
    enum color color;        /* of the name */
    bool bar;
    double resources, pools; /* percent */
};

struct tree {
    struct ctl *ctl;
    struct row *rows;
    size_t count, capacity;
    long drawn;
    bool colors;
};

static struct row *add_row(struct tree *t, const char *stem)
{
    ARENA_ROOM(t->ctl->arena, t->rows, t->count, t->capacity, 64);
    struct row *r = &t->rows[t->count++];
    *r = (struct row){.stem = stem, .name = "", .note = "", .cidrs = ""};
    return r;
}

/* --- what the rows say --- */

static const char *cidrs_of_pool(struct arena *a, const struct pool *p)
{
    struct text t = text_new(a);
    struct cidr c;
    char buf[CIDR_TEXT_SIZE];
    for (size_t i = 0; i < SHOWN_CIDRS && pool_cidr_at(p, i, &c); i++)
        text_printf(&t, "%s%s", i ? ", " : "", cidr_format(&c, buf));
    if (pool_cidr_count(p) > SHOWN_CIDRS)
        text_printf(&t, " +%zu", pool_cidr_count(p) - SHOWN_CIDRS);
    return pool_cidr_count(p) ? text_end(&t) : "no CIDR";
}

static void join(struct text *t, const char *what)
{
    if (*what)
        text_printf(t, "%s%s", t->len ? " · " : "", what);
}

/* Locale, bounds and required tags. */
static const char *rules_of(struct arena *a, const struct pool_info *info)
{
    struct text t = text_new(a);
    const struct rules *r = &info->rules;
    join(&t, info->locale ? safe_text(a, info->locale) : "");
    if (r->min_len >= 0 && r->max_len >= 0)
        join(&t, arena_printf(a, "/%d to /%d", r->min_len, r->max_len));
    else if (r->min_len >= 0)
        join(&t, arena_printf(a, "at most a /%d", r->min_len));
    else if (r->max_len >= 0)
        join(&t, arena_printf(a, "at least a /%d", r->max_len));
    if (r->default_len >= 0)
        join(&t, arena_printf(a, "default /%d", r->default_len));
    for (size_t i = 0; i < r->tags.count; i++)
        join(&t,
             safe_text(a, arena_printf(a, "%s=%s", r->tags.items[i].key, r->tags.items[i].value)));
    return text_end(&t);
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a && *a ? a : b && *b ? b : c;
}

static const char *type_shown(enum allocation_type type)
{
    return type == ALLOCATION_CUSTOM ? "reservation"
           : type == ALLOCATION_VPC  ? "VPC"
                                     : allocation_type_name(type);
}

/* --- the walk --- */

static void draw_pool(struct tree *t, const struct pool *p, const char *stem, const char *below);

/* What stands below a pool, in address order. */
struct twig {
    struct cidr at;
    const struct pool *pool;
    const struct allocation *allocation;
    const struct occupant *occupant;
};
struct twigs {
    struct arena *arena;
    const struct pool *const *pools; /* below */
    struct twig *items;
    size_t count, capacity, drawn, drawn_max;
};

static void add_twig(struct twigs *l, struct twig one)
{
    ARENA_ROOM(l->arena, l->items, l->count, l->capacity, 16);
    l->items[l->count++] = one;
}

static bool add_drawn(void *ctx, const struct allocation *a)
{
    struct twigs *l = ctx;
    if (a->type != ALLOCATION_POOL && ++l->drawn <= l->drawn_max)
        add_twig(l, (struct twig){.at = a->cidr, .allocation = a});
    return true;
}

/* Networks that no pool gave are shown in the deepest pool that they are in. */
static bool add_occupant(void *ctx, const struct occupant *o)
{
    struct twigs *l = ctx;
    struct cidr root;
    for (const struct pool *const *p = l->pools; *p; p++)
        if (space_root_of(pool_space(*p), &o->cidr, &root))
            return true;
    if (++l->drawn <= l->drawn_max)
        add_twig(l, (struct twig){.at = o->cidr, .occupant = o});
    return true;
}

static int by_cidr(const void *x, const void *y)
{
    const struct twig *a = x, *b = y;
    int order = cidr_compare(&a->at, &b->at);
    return order ? order : (a->allocation == NULL) - (b->allocation == NULL);
}

/* Allocations, and what stands between them. */
static void add_taken(struct tree *t, struct twigs *l, const struct pool *p)
{
    struct engine *e = t->ctl->estate->engine;
    struct cidr c;
    engine_each_allocation(e, p, add_drawn, l);
    size_t allocations = l->count;
    for (size_t i = 0; pool_cidr_at(p, i, &c); i++)
        if (!engine_each_occupant(e, p, &c, add_occupant, l))
            arena_exhausted(l->arena);
    if (l->count > allocations)
        qsort(l->items, l->count, sizeof *l->items, by_cidr);
}

/* Both lists are in order: the pools find their places from behind. */
static void merge_pools(struct twigs *l)
{
    for (const struct pool *const *pools = l->pools; *pools; pools++) {
        struct twig one = {.pool = *pools};
        bool has = pool_cidr_at(*pools, 0, &one.at);
        add_twig(l, one);
        size_t at = l->count - 1;
        for (; has && at > 0 &&
               (!l->items[at - 1].at.family || cidr_compare(&l->items[at - 1].at, &one.at) > 0);
             at--)
            l->items[at] = l->items[at - 1];
        l->items[at] = one;
    }
}

static void draw_allocation(struct tree *t, const struct allocation *x, const char *stem)
{
    struct arena *a = t->ctl->arena;
    char buf[CIDR_TEXT_SIZE];
    struct row *r = add_row(t, stem);
    struct text note = text_new(a);
    const char *name = first_of(tags_find(&x->tags, "Name"), x->description, x->resource_id);
    r->name = arena_printf(a, "%s %s", type_shown(x->type), safe_text(a, name));
    join(&note, strcmp(name, x->resource_id) != 0 ? safe_text(a, x->resource_id) : "");
    join(&note, strcmp(x->owner, pool_info(x->pool)->owner) != 0 ? safe_text(a, x->owner) : "");
    join(&note, x->conflicting ? "overlaps, or lies outside" : "");
    r->note = text_end(&note);
    r->cidrs = arena_strdup(a, cidr_format(&x->cidr, buf));
    r->color = x->conflicting ? COLOR_RED : COLOR_NONE;
}

static void draw_occupant(struct tree *t, const struct occupant *o, const char *stem)
{
    struct arena *a = t->ctl->arena;
    char buf[CIDR_TEXT_SIZE];
    struct row *r = add_row(t, stem);
    struct text note = text_new(a);
    const char *type = first_of(o->type, "network", "");
    r->name = arena_printf(a, "%s %s", strcmp(type, "vpc") == 0 ? "VPC" : safe_text(a, type),
                           safe_text(a, first_of(o->resource_id, "", "")));
    join(&note, "from no pool");
    join(&note, o->owner ? safe_text(a, o->owner) : "");
    join(&note, o->where ? safe_text(a, o->where) : "");
    r->note = text_end(&note);
    r->cidrs = arena_strdup(a, cidr_format(&o->cidr, buf));
    r->color = COLOR_YELLOW;
}

static void draw_below(struct tree *t, const struct pool *p, const char *stem)
{
    struct arena *a = t->ctl->arena;
    struct twigs l = {
        .arena = a, .drawn_max = (size_t)t->drawn, .pools = ctl_pools_below(t->ctl, NULL, p)};
    add_taken(t, &l, p);
    merge_pools(&l);
    bool more = l.drawn > l.drawn_max;
    for (size_t i = 0; i < l.count; i++) {
        bool last = i + 1 == l.count && !more;
        const char *here = arena_printf(a, "%s%s", stem, last ? "└─ " : "├─ ");
        if (l.items[i].pool)
            draw_pool(t, l.items[i].pool, here,
                      arena_printf(a, "%s%s", stem, last ? "   " : "│  "));
        else if (l.items[i].occupant)
            draw_occupant(t, l.items[i].occupant, here);
        else
            draw_allocation(t, l.items[i].allocation, here);
    }
    if (more) {
        struct row *r = add_row(t, arena_printf(a, "%s└─ ", stem));
        r->note = arena_printf(a, l.drawn_max ? "%zu more allocations" : "%zu allocations",
                               l.drawn - l.drawn_max);
    }
}

static void draw_pool(struct tree *t, const struct pool *p, const char *stem, const char *below)
{
    struct arena *a = t->ctl->arena;
    const struct pool_info *info = pool_info(p);
    const struct pool_usage usage = pool_usage_of(t->ctl->estate->engine, p);
    struct row *r = add_row(t, stem);
    const char *rules = rules_of(a, info);
    const char *id = info->description && *info->description ? info->id : "";
    r->name = safe_text(a, first_of(info->description, info->id, ""));
    r->note = *id && *rules ? arena_printf(a, "%s · %s", rules, safe_text(a, id))
              : *id         ? safe_text(a, id)
                            : rules;
    r->cidrs = cidrs_of_pool(a, p);
    r->color = COLOR_BOLD;
    r->bar = !count_is_zero(usage.total);
    r->resources = count_percent(usage.assigned, usage.total);
    r->pools = count_percent(usage.allocated, usage.total);
    draw_below(t, p, below);
}

static void draw_scope(struct tree *t, const struct scope *s, const char *stem, const char *below)
{
    struct arena *a = t->ctl->arena;
    const struct scope_info *info = scope_info(s);
    const struct pool *const *pools = ctl_pools_below(t->ctl, s, NULL);
    struct row *r = add_row(t, stem);
    r->name = arena_printf(a, "%s scope%s", info->type == SCOPE_PUBLIC ? "public" : "private",
                           info->is_default ? "" : " of its own");
    r->note = arena_printf(a, "%s%s", safe_text(a, info->id), *pools ? "" : " · no pools");
    for (; *pools; pools++)
        draw_pool(t, *pools, arena_printf(a, "%s%s", below, pools[1] ? "├─ " : "└─ "),
                  arena_printf(a, "%s%s", below, pools[1] ? "│  " : "   "));
}

/* The scopes of an IPAM that are worth a line: those with pools, and the default private one. */
struct scopes {
    struct tree *tree;
    const struct ipam_info *ipam;
    const struct scope **items;
    size_t count, capacity;
};

static bool add_scope(void *ctx, const struct scope *s)
{
    struct scopes *l = ctx;
    bool worth = *ctl_pools_below(l->tree->ctl, s, NULL) ||
                 strcmp(scope_info(s)->id, l->ipam->private_scope) == 0;
    if (!worth || strcmp(scope_info(s)->ipam_id, l->ipam->id) != 0)
        return true;
    ARENA_ROOM(l->tree->ctl->arena, l->items, l->count, l->capacity, 8);
    l->items[l->count++] = s;
    return true;
}

static void draw_ipam(struct tree *t, const struct ipam *i)
{
    struct ctl *c = t->ctl;
    struct scopes l = {.tree = t, .ipam = ipam_info(i)};
    const struct value *seen =
        memory_object(c->estate->memory, c->arena, &ipam_resource, ipam_info(i)->id);
    const char *description = data_text(seen, "description");
    struct row *r = add_row(t, "");
    r->name = safe_text(c->arena, first_of(description, ipam_info(i)->id, ""));
    r->note = *description ? safe_text(c->arena, ipam_info(i)->id) : "";
    r->color = COLOR_BOLD;
    engine_each_scope(c->estate->engine, add_scope, &l);
    for (size_t k = 0; k < l.count; k++) {
        bool last = k + 1 == l.count;
        draw_scope(t, l.items[k], last ? "└─ " : "├─ ", last ? "   " : "│  ");
    }
}

/* --- drawing rows --- */

static void paint(const struct tree *t, struct text *out, enum color color, const char *s)
{
    static const char *const codes[] = {
        [COLOR_DIM] = "2",     [COLOR_BOLD] = "1", [COLOR_GREEN] = "32",
        [COLOR_YELLOW] = "33", [COLOR_RED] = "31",
    };
    if (t->colors && color != COLOR_NONE && *s)
        text_printf(out, "\x1b[%sm%s\x1b[0m", codes[color], s);
    else
        text_puts(out, s);
}

static const char *repeated(struct arena *a, const char *sign, unsigned n)
{
    struct text t = text_new(a);
    for (unsigned i = 0; i < n; i++)
        text_puts(&t, sign);
    return text_end(&t);
}

/* Anything at all shows at least one block, and only what is full fills the bar. */
static unsigned blocks(double percent)
{
    unsigned n = (unsigned)(percent * BAR_COLUMNS / 100 + 0.5);
    if (n == 0 && percent > 0)
        return 1;
    return n >= BAR_COLUMNS && percent < 100 ? BAR_COLUMNS - 1 : n > BAR_COLUMNS ? BAR_COLUMNS : n;
}

static void draw_bar(const struct tree *t, struct text *out, const struct row *r)
{
    struct arena *a = t->ctl->arena;
    double used = r->resources + r->pools;
    unsigned all = blocks(used), full = blocks(r->resources);
    full = full > all || (full == all && r->pools > 0 && all > 1) ? all - (r->pools > 0) : full;
    enum color color = used >= 90 ? COLOR_RED : used >= 75 ? COLOR_YELLOW : COLOR_GREEN;
    paint(t, out, color, repeated(a, "█", full));
    paint(t, out, color, repeated(a, "▒", all - full));
    paint(t, out, COLOR_DIM, repeated(a, "·", BAR_COLUMNS - all));
    text_printf(out, " %5.1f %%", used);
}

/* As many whole parts of a note as fit. */
static const char *note_cut(struct arena *a, const char *note, unsigned columns)
{
    static const char between[] = " · ";
    size_t end = 0;
    for (const char *p = note; *note; p += sizeof between - 1) {
        const char *next = strstr(p, between);
        size_t n = next ? (size_t)(next - note) : strlen(note);
        if (text_columns(arena_strndup(a, note, n)) > columns)
            break;
        end = n;
        if (!next)
            break;
        p = next;
    }
    return arena_strndup(a, note, end);
}

static void draw_row(const struct tree *t, struct text *out, const struct row *r, unsigned names,
                     unsigned cidrs)
{
    struct arena *a = t->ctl->arena;
    unsigned stem = text_columns(r->stem), room = names > stem ? names - stem : 1;
    const char *name = text_cut(a, r->name, room);
    unsigned used = text_columns(name), gap = *name && *r->note ? 2 : 0;
    const char *note = note_cut(a, r->note, room > used + gap ? room - used - gap : 0);
    paint(t, out, COLOR_DIM, r->stem);
    paint(t, out, r->color, name);
    if (*note) {
        text_printf(out, "%*s", (int)gap, "");
        paint(t, out, COLOR_DIM, note);
        used += gap + text_columns(note);
    }
    if (*r->cidrs)
        text_printf(out, "%*s  %s", (int)(room > used ? room - used : 0), "", r->cidrs);
    if (r->bar) {
        unsigned wide = text_columns(r->cidrs);
        text_printf(out, "%*s  ", (int)(cidrs > wide ? cidrs - wide : 0), "");
        draw_bar(t, out, r);
    }
    text_puts(out, "\n");
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void draw_rows(const struct tree *t, struct text *out)
{
    unsigned names = 0, cidrs = 0, bar = 2 + BAR_COLUMNS + 8, total = terminal_columns();
    for (size_t i = 0; i < t->count; i++) {
        const struct row *r = &t->rows[i];
        unsigned note = text_columns(r->note);
        names = larger(names, text_columns(r->stem) + text_columns(r->name) + note +
                                  (note && *r->name ? 2 : 0));
        cidrs = larger(cidrs, text_columns(r->cidrs));
    }
    if (names + 2 + cidrs + bar > total)
        names = larger(total > 2 + cidrs + bar ? total - 2 - cidrs - bar : 0, NAME_COLUMNS);
    for (size_t i = 0; i < t->count; i++)
        draw_row(t, out, &t->rows[i], names, cidrs);
}

static enum ctl_exit run(struct ctl *c)
{
    struct text out = text_new(c->arena);
    struct tree t = {.ctl = c, .drawn = SHOWN_DRAWN};
    if (!ctl_number(c, "--max-allocations", 0, 1000000, &t.drawn))
        return CTL_USAGE;
    t.colors = terminal_colors(ctl_option(c, "--color"));
    const char *id = ctl_option(c, "--ipam-pool-id");
    const struct pool *one = id ? ctl_pool(c) : NULL;
    const struct ipam *const *ipams = id ? NULL : ctl_ipams(c);
    if (!one && !ipams)
        return CTL_USAGE;
    if (one)
        draw_pool(&t, one, "", "");
    for (; ipams && *ipams; ipams++)
        draw_ipam(&t, *ipams);
    draw_rows(&t, &out);
    return ctl_print(&out);
}

static const struct option options[] = {
    {"--ipam-id", "ID", "only this IPAM", OPTION_TEXT, false},
    {"--ipam-pool-id", "ID", "only this pool and what is below", OPTION_TEXT, false},
    {"--max-allocations", "N",
     "how many of a pool's VPCs and reservations are shown (default: 8;\n"
     "0: pools only)",
     OPTION_TEXT, false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};
const struct verb tree_verb = {
    .name = "tree",
    .summary = "the pools as a tree, with what they hold and how full they are",
    .examples = "  ipamctl tree\n"
                "  ipamctl tree --state '*/terraform.tfstate' --max-allocations 0\n",
    .options = options,
    .run = run,
};
