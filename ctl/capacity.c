/*
 * capacity - what is free, and how much more fits
 *
 * `free` shows the holes of one pool: the fewest, largest aligned blocks that nothing stands in,
 * and for each prefix length how many blocks of it they hold, if nothing else is drawn.
 * `plan-capacity` asks that of every pool for the lengths that its rules name.
 *
 * Whether M blocks of a length fit, and where, is not computed but done: they are issued in the
 * engine of this process, which is thrown away, as a resource would get them that carries the tags
 * which the pool requires. So the answer is that of the provider, refusals included.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

#include "ctl/grid.h"
#include "ctl/terminal.h"
#include "ctl/verbs.h"

/* --- counting --- */

/* As many blocks of length `len` as a block of length `within` holds: 2^(len - within). */
static struct count blocks_in(unsigned within, unsigned len)
{
    const struct cidr c = {.family = FAMILY_V6, .len = (uint8_t)(128 - (len - within))};
    return cidr_count(&c);
}

struct room {
    struct count fits[129]; /* by length */
    struct count free;
    size_t blocks;
    unsigned longest; /* lengths up to this are counted */
};

static bool add_room(void *ctx, const struct cidr *block)
{
    struct room *r = ctx;
    r->blocks++;
    r->free = count_add(r->free, cidr_count(block));
    for (unsigned len = block->len; len <= r->longest; len++)
        r->fits[len] = count_add(r->fits[len], blocks_in(block->len, len));
    return true;
}

/* What resources can draw from: without what is occupied by networks that no pool gave. */
static const struct space *open_space(struct ctl *c, const struct pool *p)
{
    const struct space *s = engine_open_space(c->estate->engine, pool_info(p)->id);
    if (!s)
        arena_exhausted(c->arena);
    return s;
}

static struct room room_of(struct ctl *c, const struct pool *p)
{
    struct room r = {.longest = cidr_max_len(pool_info(p)->family)};
    space_each_free(open_space(c, p), NULL, add_room, &r);
    return r;
}

/* Addresses of the pool that are not allocated and yet cannot be given out. */
static struct count occupied(const struct pool *p, const struct room *r)
{
    const struct space *s = pool_space(p);
    return count_sub(count_sub(space_total(s), space_used(s)), r->free);
}

/* With commas between thousands. */
static const char *grouped(struct arena *a, struct count n)
{
    char digits[41];
    struct text t = text_new(a);
    count_format(n, digits, sizeof digits);
    size_t len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text_puts(&t, ",");
        text_add(&t, digits + i, 1);
    }
    return text_end(&t);
}

static const char *name_of(const struct pool *p)
{
    const struct pool_info *info = pool_info(p);
    return info->description && *info->description ? info->description : info->id;
}

static const char *first_cidr(struct arena *a, const struct pool *p)
{
    struct cidr c;
    char buf[CIDR_TEXT_SIZE];
    if (!pool_cidr_at(p, 0, &c))
        return "no CIDR";
    cidr_format(&c, buf);
    return pool_cidr_count(p) > 1 ? arena_printf(a, "%s +%zu", buf, pool_cidr_count(p) - 1)
                                  : arena_strdup(a, buf);
}

/* --output or --query asks for a value instead of text for people. */
static bool wants_value(const struct ctl *c)
{
    return ctl_has(c, "--output") || ctl_has(c, "--query");
}

static const struct value *count_value(struct arena *a, struct count n)
{
    char digits[41];
    count_format(n, digits, sizeof digits);
    return value_number_text(a, digits, strlen(digits));
}

/* --- free --- */

/* The lengths that are worth telling: those that the rules allow, else from the largest hole to the
 * smallest block that a VPC or a subnet may have. */
struct lengths {
    unsigned from, to;
};

static struct lengths lengths_of(struct ctl *c, const struct pool *p)
{
    const struct pool_info *info = pool_info(p);
    int largest = space_largest_free(open_space(c, p));
    unsigned smallest = info->family == FAMILY_V4 ? 28 : 64;
    struct lengths l = {largest >= 0 ? (unsigned)largest : smallest, smallest};
    if (info->rules.min_len >= 0)
        l.from = (unsigned)info->rules.min_len;
    if (info->rules.max_len >= 0)
        l.to = (unsigned)info->rules.max_len;
    if (l.to < l.from)
        l.to = l.from;
    return l;
}

struct holes {
    struct ctl *ctl;
    struct items items;
    struct grid *grid;
    long max;
    long count;
};

static bool add_hole(void *ctx, const struct cidr *block)
{
    struct holes *h = ctx;
    struct arena *a = h->ctl->arena;
    char buf[CIDR_TEXT_SIZE];
    struct object r = object_new(a);
    h->count++;
    if (h->grid && h->count <= h->max) {
        grid_add(h->grid, cidr_format(block, buf));
        grid_addf(h->grid, "%s addresses", grouped(a, cidr_count(block)));
    }
    if (!h->grid) {
        object_cidr(&r, "Cidr", block);
        object_put(&r, "Addresses", count_value(a, cidr_count(block)));
        items_add(&h->items, object_end(&r));
    }
    return true;
}

static enum ctl_exit free_value(struct ctl *c, const struct pool *p, const struct room *room)
{
    struct arena *a = c->arena;
    struct object r = object_new(a), fit = object_new(a);
    struct items fits = {.arena = a};
    struct holes h = {.ctl = c, .items = {.arena = a}};
    struct lengths l = lengths_of(c, p);
    int largest = space_largest_free(open_space(c, p));
    space_each_free(open_space(c, p), NULL, add_hole, &h);
    for (unsigned len = l.from; len <= l.to; len++) {
        object_int(&fit, "NetmaskLength", len);
        object_put(&fit, "Count", count_value(a, room->fits[len]));
        items_add(&fits, object_end(&fit));
    }
    object_string(&r, "IpamPoolId", pool_info(p)->id);
    object_put(&r, "FreeCidrs", items_end(&h.items));
    object_put(&r, "FreeAddresses", count_value(a, room->free));
    object_put(&r, "OccupiedAddresses", count_value(a, occupied(p, room)));
    object_put(&r, "TotalAddresses", count_value(a, space_total(pool_space(p))));
    if (largest >= 0)
        object_int(&r, "LargestNetmaskLength", largest);
    object_put(&r, "Fits", items_end(&fits));
    return ctl_answer(c, object_end(&r));
}

static enum ctl_exit free_text(struct ctl *c, const struct pool *p, const struct room *room)
{
    struct arena *a = c->arena;
    struct text t = text_new(a);
    struct grid holes = grid_new(a, 2), fits = grid_new(a, 3);
    struct holes h = {.ctl = c, .grid = &holes, .max = 40};
    struct lengths l = lengths_of(c, p);
    const struct count total = space_total(pool_space(p));
    int largest = space_largest_free(open_space(c, p));
    if (!ctl_number(c, "--max-blocks", 0, 10000000, &h.max))
        return CTL_USAGE;
    holes.right[1] = fits.right[0] = fits.right[1] = true;
    text_printf(&t, "%s  %s  %s\n", safe_text(a, name_of(p)), first_cidr(a, p),
                safe_text(a, pool_info(p)->id));
    text_printf(&t, "%s of %s addresses are free (%.1f %%)", grouped(a, room->free),
                grouped(a, total), count_percent(room->free, total));
    if (largest >= 0)
        text_printf(&t, ", the largest block is a /%d", largest);
    text_puts(&t, "\n");
    if (!count_is_zero(occupied(p, room)))
        text_printf(&t, "%s more are not allocated, but networks that no pool gave are there\n",
                    grouped(a, occupied(p, room)));
    space_each_free(open_space(c, p), NULL, add_hole, &h);
    if (h.count > 0 && h.max > 0)
        text_puts(&t, "\nFree blocks\n");
    grid_print(&holes, &t, 2);
    if (h.count > h.max)
        text_printf(&t, "  %ld more\n", h.count - h.max);
    text_puts(&t, "\nHow many fit, if nothing else is drawn\n");
    for (unsigned len = l.from; len <= l.to; len++) {
        grid_addf(&fits, "/%u", len);
        grid_add(&fits, grouped(a, room->fits[len]));
        grid_add(&fits, (int)len == pool_info(p)->rules.default_len ? "default" : "");
    }
    grid_print(&fits, &t, 2);
    return ctl_print(&t);
}

static enum ctl_exit run_free(struct ctl *c)
{
    const struct pool *p = ctl_pool(c);
    if (!p)
        return CTL_USAGE;
    struct room room = room_of(c, p);
    return wants_value(c) ? free_value(c, p, &room) : free_text(c, p, &room);
}

static const struct option free_options[] = {
    {"--ipam-pool-id", "ID", "the pool", OPTION_TEXT, true},
    {"--max-blocks", "N", "how many free blocks are shown (default: 40)", OPTION_TEXT, false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};
const struct verb free_verb = {
    .name = "free",
    .summary = "what is free in a pool, and how many blocks of each size fit",
    .examples = "  ipamctl free --ipam-pool-id ipam-pool-0prod\n"
                "  ipamctl free --ipam-pool-id ipam-pool-0prod --query 'FreeCidrs[0].Cidr'\n",
    .options = free_options,
    .answers = true,
    .run = run_free,
};

/* --- plan-capacity: what is left of every pool --- */

struct pools {
    struct ctl *ctl;
    const struct pool **items;
    size_t count, capacity;
};

/* In the order of the tree. */
static void gather(struct pools *l, const struct pool *const *pools)
{
    for (; *pools; pools++) {
        ARENA_ROOM(l->ctl->arena, l->items, l->count, l->capacity, 16);
        l->items[l->count++] = *pools;
        gather(l, ctl_pools_below(l->ctl, NULL, *pools));
    }
}

/* The pools that are meant; false after an error. */
static bool pools_meant(struct ctl *c, struct pools *l)
{
    *l = (struct pools){.ctl = c};
    if (ctl_has(c, "--ipam-pool-id")) {
        const struct pool *one[2] = {ctl_pool(c), NULL};
        l->items = arena_memdup(c->arena, one, sizeof one);
        l->count = one[0] != NULL;
        return one[0] != NULL;
    }
    const struct scope *s = ctl_has(c, "--ipam-scope-id") ? ctl_scope(c) : NULL;
    if (ctl_has(c, "--ipam-scope-id") && !s)
        return false;
    gather(l, ctl_pools_below(c, s, NULL));
    return true;
}

/* `14 x /20`, or "" for a length that the pool does not name. */
static void add_left(struct grid *g, const struct room *r, int len)
{
    if (len < 0)
        grid_add(g, "");
    else
        grid_addf(g, "%s x /%d", grouped(g->arena, r->fits[len]), len);
}

static enum ctl_exit left_text(struct ctl *c, const struct pools *l)
{
    struct text t = text_new(c->arena);
    struct grid g = grid_new(c->arena, 7);
    static const char *const heads[] = {"POOL",    "ID",      "CIDR",    "FREE",
                                        "DEFAULT", "LARGEST", "SMALLEST"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        g.right[i] = i >= 3;
        grid_add(&g, heads[i]);
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct pool *p = l->items[i];
        struct room r = room_of(c, p);
        const struct rules *rules = &pool_info(p)->rules;
        grid_add(&g, name_of(p));
        grid_add(&g, pool_info(p)->id);
        grid_add(&g, first_cidr(c->arena, p));
        grid_addf(&g, "%.1f %%", count_percent(r.free, space_total(pool_space(p))));
        add_left(&g, &r, rules->default_len);
        add_left(&g, &r, rules->min_len);
        add_left(&g, &r, rules->max_len);
    }
    grid_print(&g, &t, 0);
    return ctl_print(&t);
}

static void put_left(struct object *o, const char *name, const struct room *r, int len)
{
    struct object one = object_new(o->arena);
    if (len < 0)
        return;
    object_int(&one, "NetmaskLength", len);
    object_put(&one, "Count", count_value(o->arena, r->fits[len]));
    object_put(o, name, object_end(&one));
}

static enum ctl_exit left_value(struct ctl *c, const struct pools *l)
{
    struct object r = object_new(c->arena), o = object_new(c->arena);
    struct items all = {.arena = c->arena};
    for (size_t i = 0; i < l->count; i++) {
        const struct pool *p = l->items[i];
        struct room room = room_of(c, p);
        const struct rules *rules = &pool_info(p)->rules;
        object_string(&o, "IpamPoolId", pool_info(p)->id);
        object_string(&o, "Description", name_of(p));
        object_put(&o, "FreeAddresses", count_value(c->arena, room.free));
        object_put(&o, "TotalAddresses", count_value(c->arena, space_total(pool_space(p))));
        put_left(&o, "Default", &room, rules->default_len);
        put_left(&o, "Largest", &room, rules->min_len);
        put_left(&o, "Smallest", &room, rules->max_len);
        items_add(&all, object_end(&o));
    }
    object_put(&r, "IpamPools", items_end(&all));
    return ctl_answer(c, object_end(&r));
}

/* --- plan-capacity --netmask-length N --count M --- */

struct trial {
    const struct pool *pool;
    long fitted;
    const struct cidr *cidrs; /* `fitted` of them */
    struct refusal why;       /* of the first that did not fit */
};

static struct trial try_pool(struct ctl *c, const struct pool *p, long len, long count)
{
    struct trial t = {.pool = p};
    const struct pool_info *info = pool_info(p);
    struct cidr *cidrs = arena_calloc(c->arena, (size_t)count, sizeof *cidrs);
    struct allocation_request r = {.pool_id = info->id,
                                   .type = ALLOCATION_CUSTOM,
                                   .length = (int)len,
                                   .region = info->locale,
                                   .tags = info->rules.tags};
    for (; t.fitted < count; t.fitted++) {
        const struct allocation *got;
        r.id = arena_printf(c->arena, "trial-%s-%ld", info->id, t.fitted);
        enum engine_result result = engine_allocate(c->estate->engine, &r, &got, &t.why);
        if (result == ENGINE_NO_MEMORY)
            arena_exhausted(c->arena);
        if (result == ENGINE_REFUSED)
            break;
        cidrs[t.fitted] = got->cidr;
    }
    t.cidrs = cidrs;
    return t;
}

/* The refusal in the words of the provider. */
static const char *reason(struct ctl *c, const struct trial *t)
{
    report_refusal(&c->call, "", &t->why, NULL);
    const char *detail = c->diags.last ? c->diags.last->detail : "";
    diags_init(&c->diags, c->arena);
    return detail;
}

#define SHOWN_BLOCKS        20
#define SHOWN_BLOCKS_OF_ALL 3 /* where several pools are told */

static void tell_trial(struct ctl *c, struct text *t, const struct trial *x, long len, long count)
{
    struct arena *a = c->arena;
    char buf[CIDR_TEXT_SIZE];
    long shown = ctl_has(c, "--ipam-pool-id") ? SHOWN_BLOCKS : SHOWN_BLOCKS_OF_ALL;
    text_printf(t, "%s: %s  %s\n", x->fitted == count ? "yes" : "no",
                safe_text(a, name_of(x->pool)), safe_text(a, pool_info(x->pool)->id));
    if (x->fitted == 0)
        text_printf(t, "  none fits. %s\n", safe_text(a, reason(c, x)));
    else if (x->fitted < count)
        text_printf(t, "  %ld of %ld /%ld fit. %s\n", x->fitted, count, len,
                    safe_text(a, reason(c, x)));
    for (long i = 0; i < x->fitted && i < shown; i++)
        text_printf(t, "  %s\n", cidr_format(&x->cidrs[i], buf));
    if (x->fitted > shown)
        text_printf(t, "  %ld more\n", x->fitted - shown);
}

static const struct value *trial_value(struct ctl *c, const struct trial *x, long count)
{
    struct object o = object_new(c->arena);
    struct items cidrs = {.arena = c->arena};
    char buf[CIDR_TEXT_SIZE];
    for (long i = 0; i < x->fitted; i++)
        items_add(&cidrs, value_string(c->arena, cidr_format(&x->cidrs[i], buf)));
    object_string(&o, "IpamPoolId", pool_info(x->pool)->id);
    object_string(&o, "Description", name_of(x->pool));
    object_bool(&o, "Fits", x->fitted == count);
    object_put(&o, "Cidrs", items_end(&cidrs));
    if (x->fitted < count)
        object_string(&o, "Reason", reason(c, x));
    return object_end(&o);
}

static enum ctl_exit run_trials(struct ctl *c, const struct pools *l, long len, long count)
{
    struct text t = text_new(c->arena);
    struct items all = {.arena = c->arena};
    struct object r = object_new(c->arena);
    bool fits = false;
    for (size_t i = 0; i < l->count; i++) {
        if ((unsigned)len > cidr_max_len(pool_info(l->items[i])->family))
            continue;
        struct trial x = try_pool(c, l->items[i], len, count);
        fits = fits || x.fitted == count;
        if (wants_value(c))
            items_add(&all, trial_value(c, &x, count));
        else
            tell_trial(c, &t, &x, len, count);
    }
    object_put(&r, "IpamPools", items_end(&all));
    enum ctl_exit exit = wants_value(c) ? ctl_answer(c, object_end(&r)) : ctl_print(&t);
    return exit == CTL_FINE && !fits ? CTL_FINDING : exit;
}

static enum ctl_exit run_capacity(struct ctl *c)
{
    struct pools l;
    long len = -1, count = 1;
    if (!ctl_number(c, "--netmask-length", 0, 128, &len) ||
        !ctl_number(c, "--count", 1, 1000000, &count))
        return CTL_USAGE;
    if (len < 0 && ctl_has(c, "--count"))
        return ctl_fail(CTL_USAGE, "missing option", "--count needs --netmask-length N.");
    if (!pools_meant(c, &l))
        return CTL_USAGE;
    if (len >= 0)
        return run_trials(c, &l, len, count);
    return wants_value(c) ? left_value(c, &l) : left_text(c, &l);
}

static const struct option capacity_options[] = {
    {"--netmask-length", "N",
     "do --count blocks of this length fit, and where? The exit code is 0\n"
     "when a pool has room for all of them, else 1",
     OPTION_TEXT, false},
    {"--count", "N", "how many (default: 1)", OPTION_TEXT, false},
    {"--ipam-pool-id", "ID", "only this pool", OPTION_TEXT, false},
    {"--ipam-scope-id", "ID", "only pools of this scope", OPTION_TEXT, false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};
const struct verb capacity_verb = {
    .name = "plan-capacity",
    .summary = "how many more VPCs each pool has room for, or whether some more fit",
    .examples = "  ipamctl plan-capacity\n"
                "  ipamctl plan-capacity --netmask-length 20 --count 12\n",
    .options = capacity_options,
    .answers = true,
    .run = run_capacity,
};
