/*
 * load - taking the world as it is, and settling it
 *
 * Loading only collects: it never refuses and needs no order. A record is known by its id at once;
 * what it means for its pool is found out by settling, in three steps:
 *   1. pending allocations get their blocks. Many in one pool: the pool is built anew, which is
 *      sorting and sweeping (view.c). Few: one by one, as long as they overlap nothing.
 *   2. every CIDR of a child pool is linked to its allocation in the source pool: one that was
 *      loaded, or one that is made now, which is then pending itself (step 1 again).
 *   3. are there pools that overlap although neither feeds the other? One sort and one sweep over
 *      all CIDRs: they nest or are disjoint, so a stack of open CIDRs shows every overlap.
 * Until it succeeds the engine stays unsettled; every issuing call settles first, so a record that
 * was loaded is never missed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

enum engine_result engine_load_pool(struct engine *e, const struct pool_info *p)
{
    return pool_put(e, p) ? ENGINE_OK : ENGINE_NO_MEMORY;
}

/* --- CIDRs --- */

static void cidr_changed(struct engine *e, struct pool *p)
{
    e->topology = true;
    mark_rebuild(e, p);
}

enum engine_result engine_load_cidr(struct engine *e, const char *pool_id, const struct cidr *c,
                                    const char *allocation_id)
{
    struct pool *p = pool_refer(e, pool_id);
    char *id = NULL;
    if (!p || !pool_cidr_reserve(p) ||
        (!text_empty(allocation_id) && !(id = malloc(pack_size(allocation_id))))) {
        return ENGINE_NO_MEMORY;
    }
    if (id) {
        memcpy(id, allocation_id, pack_size(allocation_id));
    }
    bool found;
    size_t i = pool_cidr_seek(p, c, &found);
    struct pool_cidr *known = found ? &p->cidrs[i] : NULL;
    if (known && (!id || text_equal(known->allocation_id, id))) {
        free(id); /* nothing new */
        return ENGINE_OK;
    }
    if (!known) {
        known = pool_cidr_add(p, c);
        known->late = e->marked;
        cidr_changed(e, p);
    }
    free(known->allocation_id);
    known->allocation_id = id;
    struct allocation *backing = known->backing;
    if (backing && backing->type == ALLOCATION_POOL && !text_equal(backing->id, id)) {
        known->backing = NULL;
        e->topology = e->unsettled = true;
        record_drop(e, backing);
    }
    return ENGINE_OK;
}

/* --- allocations --- */

/* An id for what came without one, or with one that is taken: never given to anything else. */
static char *synthetic_id(const struct engine *e, const struct cidr *c, const char *pool_id)
{
    char text[CIDR_TEXT_SIZE], *id = NULL;
    for (unsigned n = 0; !id || record_find(e, id); n++) {
        size_t size = strlen(pool_id) + sizeof(text) + 16;
        id = id ? id : malloc(size);
        if (!id) {
            return NULL;
        }
        snprintf(id, size, n > 0 ? "%s_%s#%u" : "%s_%s", cidr_format(c, text), pool_id, n);
    }
    return id;
}

static bool load_record(struct engine *e, struct pool *p, const struct allocation_request *r)
{
    struct allocation *a = record_new(e, p, r, &r->cidr);
    if (!a) {
        return false;
    }
    if (!indexes_reserve(e, 1) || !allocations_push(&p->pending, a)) {
        record_free(e, a);
        return false;
    }
    id_add(e, a);
    p->allocation_count++;
    e->unsettled = true;
    e->topology = e->topology || r->type == ALLOCATION_POOL;
    return true;
}

/* The same allocation with other words: it keeps its place. */
static bool update_in_place(struct engine *e, struct allocation *a,
                            const struct allocation_request *r)
{
    const char *owner = intern(e, r->owner), *region = intern(e, r->region);
    if (!owner || !region || !record_retag(e, a, &r->tags, r->description)) {
        return false;
    }
    a->owner = owner;
    a->region = region;
    a->imported = r->imported;
    return true;
}

static bool same_allocation(const struct allocation *a, const struct pool *p,
                            const struct allocation_request *r)
{
    return a->pool == p && cidr_equal(&a->cidr, &r->cidr) && a->type == r->type &&
           strcmp(a->resource_id, r->resource_id ? r->resource_id : "") == 0;
}

static enum engine_result load_again(struct engine *e, struct pool *p, struct allocation *a,
                                     const struct allocation_request *r)
{
    if (same_allocation(a, p, r)) {
        return update_in_place(e, a, r) ? ENGINE_OK : ENGINE_NO_MEMORY;
    }
    enum engine_result result = engine_settle(e); /* so that it is found without searching */
    if (result != ENGINE_OK) {
        return result;
    }
    struct allocation *fresh = record_new(e, p, r, &r->cidr);
    if (!fresh) {
        return ENGINE_NO_MEMORY;
    }
    if (!indexes_reserve(e, 1) || !allocations_push(&p->pending, fresh)) {
        record_free(e, fresh);
        return ENGINE_NO_MEMORY;
    }
    record_drop(e, a);
    id_add(e, fresh);
    p->allocation_count++;
    e->unsettled = e->topology = true;
    return ENGINE_OK;
}

enum engine_result engine_load_allocation(struct engine *e, const struct allocation_request *r)
{
    struct pool *p = pool_refer(e, r->pool_id);
    if (!p) {
        return ENGINE_NO_MEMORY;
    }
    struct allocation *known = text_empty(r->id) ? NULL : record_find(e, r->id);
    if (known) {
        return load_again(e, p, known, r);
    }
    if (!text_empty(r->id)) {
        return load_record(e, p, r) ? ENGINE_OK : ENGINE_NO_MEMORY;
    }
    struct allocation_request named = *r;
    char *id = synthetic_id(e, &r->cidr, p->id);
    named.id = id;
    bool loaded = id && load_record(e, p, &named);
    free(id);
    return loaded ? ENGINE_OK : ENGINE_NO_MEMORY;
}

/* --- settling: pending allocations --- */

/* Below this share of the pool they are placed one by one. */
#define FEW 8

static bool settle_one(struct engine *e, struct allocation *a)
{
    struct pool *p = pool_of(a);
    struct cidr block;
    if (!place_reserve(e, 1) || !conflict_reserve(p)) {
        return false;
    }
    enum space_result result = hold(e, a);
    if (result != SPACE_TAKEN || !space_overlapping(p->space, &a->cidr, &block) ||
        !cidr_contains(&block, &a->cidr)) {
        if (result != SPACE_OK && result != SPACE_NO_MEMORY) {
            mark_rebuild(e, p); /* outside, or larger than what is there */
        }
        return result != SPACE_NO_MEMORY;
    }
    const struct allocation *holder = place_find(e, p, &a->cidr);
    if (holder && holder->type == ALLOCATION_CUSTOM && a->type != ALLOCATION_CUSTOM) {
        mark_rebuild(e, p); /* a reservation stands back */
        return true;
    }
    conflict_add(e, p, a);
    return true;
}

static bool settle_pending(struct engine *e)
{
    for (size_t i = 0; i < e->pools.count; i++) {
        struct pool *p = e->pools.items[i];
        if (p->pending.count * FEW > p->allocation_count) {
            mark_rebuild(e, p);
        }
        while (p->pending.count > 0 && !p->rebuild) {
            if (!settle_one(e, p->pending.items[p->pending.count - 1])) {
                return false;
            }
            p->pending.count -= !p->rebuild;
        }
    }
    return rebuild_marked(e);
}

/* --- settling: links to source pools --- */

struct match {
    const struct pool *child;
    const struct cidr *cidr;
    const struct allocation *found;
};

static bool match_backing(void *ctx, const struct allocation *a)
{
    struct match *m = ctx;
    if (a->type == ALLOCATION_POOL && cidr_equal(&a->cidr, m->cidr) &&
        strcmp(a->resource_id, m->child->id) == 0) {
        m->found = a;
    }
    return !m->found;
}

static bool link_cidr(struct engine *e, struct pool *p, struct pool_cidr *pc)
{
    struct pool *other;
    struct allocation *resource = planning_backing(e, p, &pc->cidr);
    if (resource && !pool_cidr_backed(e, resource, &other)) {
        pc->backing = resource;
        return true;
    }
    struct match m = {.child = p, .cidr = &pc->cidr};
    each_overlapping(e, p->source, &pc->cidr, match_backing, &m);
    if (m.found) {
        pc->backing = record_find(e, m.found->id);
        return true;
    }
    bool usable = pc->allocation_id && !record_find(e, pc->allocation_id);
    char *made = usable ? NULL : synthetic_id(e, &pc->cidr, p->id);
    struct allocation_request r = {.id = usable ? pc->allocation_id : made,
                                   .type = ALLOCATION_POOL,
                                   .cidr = pc->cidr,
                                   .resource_id = p->id,
                                   .owner = p->info->owner};
    bool linked = r.id && load_record(e, p->source, &r);
    if (linked) {
        pc->backing = record_find(e, r.id);
        pc->backing->leaving = pc->leaving;
        p->source->leaving_count += pc->leaving;
    }
    free(made);
    return linked;
}

static bool link_children(struct engine *e)
{
    for (size_t i = 0; i < e->pools.count; i++) {
        struct pool *p = e->pools.items[i];
        for (size_t c = 0; p->source && c < p->cidr_count; c++) {
            if (!p->cidrs[c].backing && !link_cidr(e, p, &p->cidrs[c])) {
                return false;
            }
        }
    }
    return true;
}

/* --- settling: pools in each other's way --- */

struct claim {
    const struct pool *pool;
    struct cidr cidr;
    bool planning;
};

static int claim_order(const void *x, const void *y)
{
    const struct claim *a = x, *b = y;
    int order = strcmp(a->pool->info->scope_id, b->pool->info->scope_id);
    if (order == 0) {
        order = (int)a->planning - (int)b->planning;
    }
    return order != 0 ? order : cidr_compare(&a->cidr, &b->cidr);
}

static bool sweep(const struct claim *claims, size_t n, size_t *open)
{
    size_t depth = 0;
    for (size_t i = 0; i < n; i++) {
        while (depth > 0) {
            const struct claim *top = &claims[open[depth - 1]];
            if (pool_comparable(top->pool, claims[i].pool) &&
                cidr_contains(&top->cidr, &claims[i].cidr)) {
                break;
            }
            depth--;
        }
        for (size_t o = 0; o < depth; o++) {
            const struct pool *outer = claims[open[o]].pool, *inner = claims[i].pool;
            if (!pool_is_ancestor(outer, inner) && !pool_is_ancestor(inner, outer)) {
                return true;
            }
        }
        open[depth++] = i;
    }
    return false;
}

bool contested_find(const struct engine *e, bool *contested)
{
    size_t total = 0, n = 0;
    bool unknown = false; /* where it belongs is not known: in anybody's way */
    for (size_t i = 0; i < e->pools.count; i++) {
        total += ((const struct pool *)e->pools.items[i])->cidr_count;
    }
    struct claim *claims = malloc((total + 1) * sizeof(*claims));
    size_t *open = malloc((total + 1) * sizeof(*open));
    bool complete = claims && open;
    for (size_t i = 0; i < e->pools.count && complete; i++) {
        const struct pool *p = e->pools.items[i];
        bool planning = pool_in_planning(p);
        unknown = unknown || (!p->known && p->cidr_count > 0);
        for (size_t c = 0; p->known && c < p->cidr_count; c++) {
            claims[n++] = (struct claim){p, p->cidrs[c].cidr, planning};
        }
    }
    if (complete) {
        qsort(claims, n, sizeof(*claims), claim_order);
        *contested = sweep(claims, n, open) || unknown;
    }
    free(claims);
    free(open);
    return complete;
}

enum engine_result engine_settle(struct engine *e)
{
    if (!e->unsettled) {
        return ENGINE_OK;
    }
    if (!settle_pending(e)) {
        return ENGINE_NO_MEMORY;
    }
    if (e->topology &&
        (!link_children(e) || !settle_pending(e) || !contested_find(e, &e->contested))) {
        return ENGINE_NO_MEMORY;
    }
    e->topology = false;
    e->unsettled = false;
    return ENGINE_OK;
}

void settle_if_possible(struct engine *e)
{
    if (engine_settle(e) != ENGINE_OK) {
        e->unsettled = true; /* as it is already: the next issuing call tries again */
    }
}
