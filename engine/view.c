/*
 * view - the space of a pool, derived from its CIDRs and its allocations
 *
 * What is issued is disjoint and inside the pool's CIDRs, but what is loaded may be anything. CIDRs
 * nest or are disjoint, so of everything that overlaps, the outermost covers the rest: the space's
 * roots are the outermost CIDRs of the pool, and its blocks are the outermost allocations inside
 * them. Nothing that any allocation covers is ever free, and the inner ones need no space of their
 * own: they wait, sorted, in `conflicts`. When an outer one goes, those that it covered take over
 * (promote), so releasing one of two overlapping allocations leaves the other protected.
 *
 * An allocation that is larger than a root takes the whole root as a guard: a block without a
 * record of exactly that CIDR. Guards come and go by rebuilding the pool; they are rare.
 *
 * Building sorts the records containers first and claims in that order: a block that is already
 * taken then lies inside an earlier one. O(n log n). It makes a new space and swaps it in only when
 * all memory is there, so a failure leaves the old one, which is marked to be built again.
 *
 * The planned space is the same derivation over what is there after the plan: without what is
 * leaving, with the CIDRs that will come. It is a cache: small changes are followed, anything else
 * drops it.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

struct entry {
    uint64_t hi, lo; /* the record's address: sorting rarely has to look at the record */
    struct allocation *a;
};

struct roots {
    struct cidr *items;
    size_t count;
};

/* --- what goes into a space --- */

static int cidr_order(const void *a, const void *b)
{
    return cidr_compare(a, b);
}

/* The outermost CIDRs of the pool's family, sorted. False when memory is out. */
static bool roots_collect(const struct pool *p, bool planned, struct roots *out)
{
    size_t n = 0, kept = 0;
    struct cidr *all = malloc((p->cidr_count + p->supply_count + 1) * sizeof(*all));
    if (!all) {
        return false;
    }
    for (size_t i = 0; i < p->cidr_count; i++) {
        if (!planned || !p->cidrs[i].leaving) {
            all[n++] = p->cidrs[i].cidr;
        }
    }
    for (size_t i = 0; planned && i < p->supply_count; i++) {
        if (cidr_is_set(&p->supplies[i].cidr)) {
            all[n++] = p->supplies[i].cidr;
        }
    }
    qsort(all, n, sizeof(*all), cidr_order);
    for (size_t i = 0; i < n; i++) {
        bool inner = kept > 0 && cidr_contains(&all[kept - 1], &all[i]);
        if (!inner && all[i].family == pool_family(p)) {
            all[kept++] = all[i];
        }
    }
    *out = (struct roots){all, kept};
    return true;
}

static int entry_order(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    if (a->hi != b->hi) {
        return a->hi < b->hi ? -1 : 1;
    }
    if (a->lo != b->lo) {
        return a->lo < b->lo ? -1 : 1;
    }
    return allocation_compare(a->a, b->a);
}

static int record_order(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    return allocation_compare(a->a, b->a);
}

static void entries_sort(struct entry *entries, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        /* Addresses alone do not tell IPv4 from IPv6. A pool holds one family; what is loaded into
         * it need not. */
        if (entries[i].a->cidr.family != entries[0].a->cidr.family) {
            qsort(entries, n, sizeof(*entries), record_order);
            return;
        }
    }
    for (size_t i = 1; i < n; i++) {
        if (entry_order(&entries[i - 1], &entries[i]) > 0) {
            qsort(entries, n, sizeof(*entries), entry_order);
            return;
        }
    }
}

/* Takes the roots that lie inside c, which is larger than they are. */
static bool guard(struct space *s, const struct roots *roots, const struct cidr *c)
{
    for (size_t i = 0; i < roots->count; i++) {
        if (cidr_contains(c, &roots->items[i]) &&
            space_claim(s, &roots->items[i], NULL) == SPACE_NO_MEMORY) {
            return false;
        }
    }
    return true;
}

/* Claims the sorted entries; held[i] (held may be NULL) says whether the ith has its own block. */
static bool fill(struct space *s, const struct roots *roots, const struct entry *entries, size_t n,
                 bool *held)
{
    struct cidr root;
    for (size_t i = 0; i < n; i++) {
        const struct cidr *c = &entries[i].a->cidr;
        enum space_result result = space_claim(s, c, NULL);
        if (result == SPACE_NO_MEMORY) {
            return false;
        }
        if (held) {
            held[i] = result == SPACE_OK;
        }
        if ((result == SPACE_OUTSIDE || result == SPACE_TAKEN) && !space_root_of(s, c, &root) &&
            !guard(s, roots, c)) {
            return false;
        }
    }
    return true;
}

static struct space *space_build(enum family f, const struct roots *roots,
                                 const struct entry *entries, size_t n, bool *held)
{
    struct space *s = space_new(f);
    bool complete = s != NULL;
    for (size_t i = 0; i < roots->count && complete; i++) {
        complete = space_add_root(s, &roots->items[i]) == SPACE_OK;
    }
    if (!complete || !fill(s, roots, entries, n, held)) {
        space_free(s);
        return NULL;
    }
    return s;
}

/* --- the real space --- */

void mark_rebuild(struct engine *e, struct pool *p)
{
    p->rebuild = true;
    e->unsettled = true;
    view_drop(p);
}

static void rebuild_commit(struct engine *e, struct pool *p, struct space *s,
                           struct allocation **conflicts, const struct entry *entries, size_t n,
                           const bool *held)
{
    size_t waiting = 0;
    for (size_t i = 0; i < n; i++) {
        struct allocation *a = entries[i].a;
        if (held[i] && a->conflicting) {
            place_add(e, a);
        } else if (!held[i] && !a->conflicting) {
            place_remove(e, a);
        }
        if (!held[i]) {
            conflicts[waiting++] = a;
        }
    }
    e->conflict_count += waiting - p->conflicts.count;
    free(p->conflicts.items);
    p->conflicts = (struct allocations){conflicts, waiting, waiting};
    free(p->pending.items); /* after a bulk load it is large */
    p->pending = (struct allocations){0};
    space_free(p->space);
    p->space = s;
    p->rebuild = false;
    view_drop(p);
    open_drop(p, false);
}

static bool rebuild_pool(struct engine *e, struct pool *p, struct entry *entries, size_t n)
{
    size_t holding = 0, waiting = 0;
    if (p->info->family == 0) { /* not known yet: what refers to it tells */
        p->info->family = p->cidr_count > 0 ? p->cidrs[0].cidr.family
                          : n > 0           ? entries[0].a->cidr.family
                                            : 0;
    }
    entries_sort(entries, n);
    struct roots roots = {0};
    bool *held = calloc(n + 1, sizeof(*held));
    struct allocation **conflicts = NULL;
    struct space *s = NULL;
    bool complete = held && roots_collect(p, false, &roots) &&
                    (s = space_build(pool_family(p), &roots, entries, n, held));
    for (size_t i = 0; i < n && complete; i++) {
        holding += held[i] && entries[i].a->conflicting;
        waiting += !held[i];
    }
    complete = complete && place_reserve(e, holding) &&
               (waiting == 0 || (conflicts = malloc(waiting * sizeof(struct allocation *))));
    if (complete) {
        rebuild_commit(e, p, s, conflicts, entries, n, held);
    } else {
        space_free(s);
    }
    free(roots.items);
    free(held);
    return complete;
}

bool rebuild_marked(struct engine *e)
{
    size_t total = 0, marked = 0;
    for (size_t i = 0; i < e->pools.count; i++) {
        struct pool *p = e->pools.items[i];
        if (p->rebuild) {
            p->slice = total;
            total += p->allocation_count;
            marked++;
        }
    }
    if (marked == 0) {
        return true;
    }
    struct entry *entries = malloc((total + 1) * sizeof(*entries));
    if (!entries) {
        return false;
    }
    size_t at = 0;
    for (struct allocation *a; total > 0 && (a = index_next(&e->by_id, &at));) {
        if (a->pool->rebuild) {
            entries[pool_of(a)->slice++] = (struct entry){a->cidr.hi, a->cidr.lo, a};
        }
    }
    bool complete = true;
    for (size_t i = 0; i < e->pools.count && complete; i++) {
        struct pool *p = e->pools.items[i];
        size_t n = p->allocation_count;
        complete = !p->rebuild || rebuild_pool(e, p, entries + (total > 0 ? p->slice - n : 0), n);
    }
    free(entries);
    return complete;
}

enum space_result hold(struct engine *e, struct allocation *a)
{
    struct pool *p = pool_of(a);
    enum space_result result = space_claim(p->space, &a->cidr, NULL);
    if (result != SPACE_OK) {
        return result;
    }
    place_add(e, a);
    open_claim(p, false, &a->cidr);
    if (p->planned) {
        open_claim(p, true, &a->cidr);
        result = space_claim(p->planned, &a->cidr, NULL);
        if (result != SPACE_OK && result != SPACE_OUTSIDE) {
            view_drop(p); /* OUTSIDE: its CIDR is leaving */
        }
    }
    return SPACE_OK;
}

void promote(struct engine *e, struct pool *p, const struct cidr *within)
{
    struct allocations *l = &p->conflicts;
    size_t first = allocations_seek(l, within), i = first, kept = first;
    for (; i < l->count && cidr_contains(within, &l->items[i]->cidr); i++) {
        struct allocation *a = l->items[i];
        enum space_result result = p->rebuild            ? SPACE_TAKEN
                                   : place_reserve(e, 1) ? space_claim(p->space, &a->cidr, NULL)
                                                         : SPACE_NO_MEMORY;
        if (result == SPACE_OK) {
            place_add(e, a);
            continue;
        }
        if (result == SPACE_NO_MEMORY) {
            mark_rebuild(e, p);
        }
        l->items[kept++] = a;
    }
    if (kept < i) {
        memmove(l->items + kept, l->items + i, (l->count - i) * sizeof(*l->items));
        l->count -= i - kept;
        e->conflict_count -= i - kept;
        view_drop(p);
    }
}

/* --- waiting for a space --- */

bool conflict_reserve(struct pool *p)
{
    return grow(&p->conflicts.items, &p->conflicts.capacity, p->conflicts.count + 1,
                sizeof(struct allocation *));
}

void conflict_add(struct engine *e, struct pool *p, struct allocation *a)
{
    struct allocations *l = &p->conflicts;
    size_t i = allocations_seek(l, &a->cidr);
    while (i < l->count && allocation_compare(l->items[i], a) < 0) {
        i++;
    }
    memmove(l->items + i + 1, l->items + i, (l->count - i) * sizeof(*l->items));
    l->items[i] = a;
    l->count++;
    e->conflict_count++;
    view_drop(p);
}

/* --- leaving a space --- */

static void list_remove(struct allocations *l, size_t i)
{
    l->count--;
    memmove(l->items + i, l->items + i + 1, (l->count - i) * sizeof(*l->items));
}

/* A conflicting record: it waits somewhere, and guards what it is larger than. */
static void withdraw(struct engine *e, struct pool *p, const struct allocation *a)
{
    size_t i = allocations_seek(&p->conflicts, &a->cidr);
    while (i < p->conflicts.count && p->conflicts.items[i] != a &&
           cidr_equal(&p->conflicts.items[i]->cidr, &a->cidr)) {
        i++;
    }
    if (i < p->conflicts.count && p->conflicts.items[i] == a) {
        list_remove(&p->conflicts, i);
        e->conflict_count--;
    } else {
        for (i = p->pending.count; i-- > 0;) {
            if (p->pending.items[i] == a) {
                list_remove(&p->pending, i);
                break;
            }
        }
    }
    for (i = 0; i < p->cidr_count; i++) {
        if (p->cidrs[i].cidr.len > a->cidr.len && cidr_contains(&a->cidr, &p->cidrs[i].cidr)) {
            mark_rebuild(e, p);
        }
    }
    view_drop(p);
}

/* A record that holds its block: the block becomes free, or goes to those that it covered. */
static void give_back(struct engine *e, struct pool *p, const struct allocation *a)
{
    if (space_release(p->space, &a->cidr) != SPACE_OK) {
        mark_rebuild(e, p);
    }
    open_release(e, p, false, &a->cidr);
    if (p->planned && !a->leaving) {
        open_release(e, p, true, &a->cidr);
        enum space_result result = space_release(p->planned, &a->cidr);
        if (p->conflicts.count > 0 || (result != SPACE_OK && result != SPACE_NOT_FOUND)) {
            view_drop(p); /* NOT_FOUND: its CIDR is leaving */
        }
    }
    promote(e, p, &a->cidr);
}

void record_drop(struct engine *e, struct allocation *a)
{
    struct pool *p = pool_of(a), *child;
    struct pool_cidr *backed = pool_cidr_backed(e, a, &child);
    if (backed) {
        backed->backing = NULL;
    }
    id_remove(e, a);
    p->allocation_count--;
    p->leaving_count -= a->leaving;
    if (a->conflicting) {
        withdraw(e, p, a);
    } else {
        place_remove(e, a);
        give_back(e, p, a);
    }
    snapshot_departs(e, p, a);
    record_free(e, a);
}

/* --- the planned space --- */

void view_drop(struct pool *p)
{
    space_free(p->planned);
    p->planned = NULL;
    open_drop(p, true);
}

struct gathering {
    const struct engine *e;
    const struct pool *p;
    struct entry *entries;
    size_t n;
};

static bool gather(void *ctx, const struct cidr *block)
{
    struct gathering *g = ctx;
    struct allocation *a = place_find(g->e, g->p, block);
    if (a && !a->leaving) { /* NULL: a guard, which is made again where it is needed */
        g->entries[g->n++] = (struct entry){a->cidr.hi, a->cidr.lo, a};
    }
    return true;
}

static bool has_marks(const struct pool *p)
{
    bool marked = p->leaving_count > 0;
    for (size_t i = 0; i < p->cidr_count && !marked; i++) {
        marked = p->cidrs[i].leaving;
    }
    for (size_t i = 0; i < p->supply_count && !marked; i++) {
        marked = cidr_is_set(&p->supplies[i].cidr);
    }
    return marked;
}

struct space *view(struct engine *e, struct pool *p, bool planned)
{
    if (!planned || p->planned || (!has_marks(p) && e->occupants.leaving == 0)) {
        return planned && p->planned ? p->planned : p->space;
    }
    struct roots roots;
    struct gathering g = {e, p, malloc((p->allocation_count + 1) * sizeof(struct entry)), 0};
    if (!g.entries || !roots_collect(p, true, &roots)) {
        free(g.entries);
        return NULL;
    }
    space_each_used(p->space, NULL, gather, &g);
    for (size_t i = 0; i < p->conflicts.count; i++) {
        struct allocation *a = p->conflicts.items[i];
        if (!a->leaving) {
            g.entries[g.n++] = (struct entry){a->cidr.hi, a->cidr.lo, a};
        }
    }
    entries_sort(g.entries, g.n);
    p->planned = space_build(pool_family(p), &roots, g.entries, g.n, NULL);
    free(roots.items);
    free(g.entries);
    return p->planned;
}
