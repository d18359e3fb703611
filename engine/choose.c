/*
 * choose - which block a pool may give
 *
 * Usually the pool's own space answers: an exact CIDR must be inside a root and overlap no block,
 * next-free is the lowest free aligned block.
 *
 * Two things are kept off besides. Intents, CIDRs that others in this run are going to claim by
 * name, are avoided while there is room elsewhere. And foreign allocations always: loaded estates
 * may contradict each other across pools, and the same CIDR must not be given out twice although
 * each pool's own space is free there. For pool P, looking at the pools of the same scope:
 *   - neither above nor below P, yet overlapping it (the same range loaded from two states): what
 *     they hold;
 *   - above P: what overlaps the range that they gave to P, other than that gift itself;
 *   - below P: what lies outside their own CIDRs (a pool's CIDR was lost, its allocations were
 *     not).
 * A child pool's CIDR, met in a pool that is not below P, is looked through: what counts is what
 * the child holds, and it is looked at itself. In a consistent estate none of this exists, and
 * nothing of it is looked for: `tangled` is false.
 *
 * Orphans are what is left of a hierarchy with a part missing: an allocation or a child's CIDR that
 * lies in none of its pool's CIDRs, and everything in a pool whose definition was not seen. Where
 * an unknown pool belongs is not known either, so its orphans count in every scope. An orphan's
 * CIDR is not looked through, because nobody else holds it. What keeps them off everywhere else
 * lets their own pool get its CIDR again: that is how an estate recovers.
 *
 * Planning pools describe the inside of one resource, so they form a layer of their own: they
 * overlap the pool that the resource came from by nature (pool_comparable).
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

/* --- who stands on a CIDR --- */

struct visitor {
    const struct engine *e;
    const struct pool *p; /* whose blocks are visited */
    const struct pool *asking;
    allocation_visit fn;
    void *ctx;
};

static bool visit_block(void *ctx, const struct cidr *block)
{
    const struct visitor *v = ctx;
    const struct allocation *a = place_find(v->e, v->p, block);
    return !a || v->fn(v->ctx, a); /* NULL: a guard; whoever it guards is a conflict */
}

static bool visit_conflicts(const struct pool *p, const struct cidr *c, allocation_visit fn,
                            void *ctx, bool outer)
{
    const struct allocations *l = &p->conflicts;
    for (unsigned len = 0; outer && l->count > 0 && len < c->len; len++) {
        struct cidr wide = cidr_widen(c, len);
        for (size_t i = allocations_seek(l, &wide);
             i < l->count && cidr_equal(&l->items[i]->cidr, &wide); i++) {
            if (!fn(ctx, l->items[i])) {
                return false;
            }
        }
    }
    for (size_t i = allocations_seek(l, c);
         !outer && i < l->count && cidr_contains(c, &l->items[i]->cidr); i++) {
        if (!fn(ctx, l->items[i])) {
            return false;
        }
    }
    return true;
}

bool each_overlapping(const struct engine *e, const struct pool *p, const struct cidr *c,
                      allocation_visit fn, void *ctx)
{
    struct visitor v = {e, p, p, fn, ctx};
    return visit_conflicts(p, c, fn, ctx, true) && space_each_used(p->space, c, visit_block, &v) &&
           visit_conflicts(p, c, fn, ctx, false);
}

static bool visit_unless_backing(void *ctx, const struct allocation *a)
{
    const struct visitor *v = ctx;
    struct pool *child;
    if (a->type == ALLOCATION_POOL && pool_cidr_backed(v->e, a, &child) &&
        (pool_is_ancestor(child, v->asking) || !is_orphan(a))) {
        return true;
    }
    return v->fn(v->ctx, a);
}

static bool tangled(const struct engine *e)
{
    return e->contested || e->conflict_count > 0;
}

bool is_orphan(const struct allocation *a)
{
    const struct pool *p = a->pool;
    for (size_t i = 0; p->known && i < p->cidr_count; i++) {
        if (cidr_contains(&p->cidrs[i].cidr, &a->cidr)) {
            return false;
        }
    }
    return true;
}

/* The CIDRs of a pool whose definition was not seen, so that no source pool holds them. The records
 * live as long as the visit. */
static bool visit_unknown(const struct pool *p, const struct cidr *c, allocation_visit fn,
                          void *ctx)
{
    for (size_t i = 0; i < p->cidr_count; i++) {
        const struct allocation a = {.id = "",
                                     .pool = p,
                                     .cidr = p->cidrs[i].cidr,
                                     .type = ALLOCATION_POOL,
                                     .conflicting = true,
                                     .leaving = p->cidrs[i].leaving,
                                     .resource_id = p->id,
                                     .owner = p->info->owner,
                                     .region = "",
                                     .description = ""};
        if (cidr_overlaps(&a.cidr, c) && !fn(ctx, &a)) {
            return false;
        }
    }
    return true;
}

/* Could what the other pool holds be in the way of p? */
static bool meets(const struct pool *p, const struct pool *other)
{
    return pool_comparable(p, other) || (p->known && !other->known && !pool_in_planning(p));
}

bool each_foreign(const struct engine *e, const struct pool *p, const struct cidr *c,
                  allocation_visit fn, void *ctx)
{
    struct visitor v = {e, p, p, fn, ctx};
    for (size_t i = 0; tangled(e) && i < e->pools.count; i++) {
        const struct pool *other = e->pools.items[i];
        if (other == p || !meets(p, other)) {
            continue;
        }
        bool go_on = pool_is_ancestor(p, other)
                         ? visit_conflicts(other, c, fn, ctx, true) &&
                               visit_conflicts(other, c, fn, ctx, false)
                         : each_overlapping(e, other, c, visit_unless_backing, &v);
        if (go_on && !other->known && !pool_is_ancestor(other, p)) {
            go_on = visit_unknown(other, c, fn, ctx);
        }
        if (!go_on) {
            return false;
        }
    }
    return true;
}

const struct pool *overlapping_pool(const struct engine *e, const struct pool *p,
                                    const struct cidr *c, bool planned, struct cidr *theirs)
{
    const struct pool *found = NULL;
    for (size_t i = 0; i < e->pools.count; i++) {
        const struct pool *other = e->pools.items[i];
        const struct cidr *overlap = pool_cidr_overlap(other, c, planned);
        if (!overlap || other == p || !pool_comparable(p, other) || pool_is_ancestor(p, other) ||
            pool_is_ancestor(other, p)) {
            continue;
        }
        if (!found || (found->source && !other->source)) { /* rather name the top of a hierarchy */
            found = other;
            *theirs = *overlap;
        }
    }
    return found;
}

/* --- an exact CIDR --- */

struct first {
    bool planned;
    const struct pool *recipient; /* may have what it and the pools below hold already */
    bool found;
    struct allocation holder;
};

static bool stop_at_first(void *ctx, const struct allocation *a)
{
    struct first *first = ctx;
    if ((first->planned && a->leaving) ||
        (first->recipient && pool_is_ancestor(first->recipient, a->pool))) {
        return true;
    }
    first->found = true;
    first->holder = *a;
    return false;
}

enum engine_result choose_exact(struct engine *e, struct pool *p, bool planned,
                                const struct cidr *c, const struct pool *recipient,
                                struct refusal *why)
{
    const struct space *s = view(e, p, planned);
    if (!s) {
        return ENGINE_NO_MEMORY;
    }
    struct cidr root, block;
    bool empty = space_root_count(s) == 0;
    if (empty || !space_root_of(s, c, &root)) {
        refuse(why, empty ? REFUSAL_NO_CIDRS : REFUSAL_OUTSIDE_POOL, p->id);
        why->cidr = *c;
        why->length = c->len;
        why->count = space_root_count(s);
        return ENGINE_REFUSED;
    }
    struct first first = {.planned = planned};
    if (space_overlapping(s, c, &block)) {
        each_overlapping(e, p, &block, stop_at_first, &first);
    } else {
        first.recipient = recipient;
        each_foreign(e, p, c, stop_at_first, &first);
    }
    return first.found ? refuse_taken(why, p, c, &first.holder) : ENGINE_OK;
}

/* --- any block of a length --- */

/* What a search keeps off. */
struct avoid {
    const struct engine *e;
    const struct pool *p;
    const struct space *s;     /* with what is occupied taken, too */
    const struct space *below; /* without */
    bool planned;
    const struct cidr *disallowed;
    size_t disallowed_count;
    struct cidr *items; /* the list, when more than one thing is to be avoided */
    size_t count, capacity;
};

static bool avoid_add(struct avoid *a, const struct cidr *items, size_t n)
{
    if (n == 0) {
        return true;
    }
    if (!grow(&a->items, &a->capacity, a->count + n, sizeof(*a->items))) {
        return false;
    }
    memcpy(a->items + a->count, items, n * sizeof(*items));
    a->count += n;
    return true;
}

static bool avoid_foreign(void *ctx, const struct allocation *allocation)
{
    struct avoid *a = ctx;
    return (a->planned && allocation->leaving) || avoid_add(a, &allocation->cidr, 1);
}

static bool avoid_in_root(void *ctx, const struct cidr *root)
{
    struct avoid *a = ctx;
    return each_foreign(a->e, a->p, root, avoid_foreign, a);
}

static enum space_result search(struct avoid *a, bool intents, unsigned len, struct cidr *out)
{
    const struct pool *p = a->p;
    size_t intent_count = intents ? p->intent_count : 0;
    bool foreign = tangled(a->e);
    if (!foreign && intent_count == 0) {
        return space_next_free(a->s, len, a->disallowed, a->disallowed_count, out);
    }
    if (!foreign && a->disallowed_count == 0) {
        return space_next_free(a->s, len, p->intents, intent_count, out);
    }
    a->count = 0;
    bool complete = avoid_add(a, a->disallowed, a->disallowed_count) &&
                    avoid_add(a, p->intents, intent_count) &&
                    (!foreign || space_each_root(a->s, avoid_in_root, a));
    return complete ? space_next_free(a->s, len, a->items, a->count, out) : SPACE_NO_MEMORY;
}

/* The largest block that could be had: a space knows that of itself, what is foreign is looked for.
 */
static int largest_free(struct avoid *a)
{
    struct cidr c;
    if (!tangled(a->e)) {
        return space_largest_free(a->s);
    }
    a->disallowed_count = 0;
    for (unsigned len = 0; len <= cidr_max_len(pool_family(a->p)); len++) {
        if (search(a, false, len, &c) == SPACE_OK) {
            return (int)len;
        }
    }
    return -1;
}

static enum engine_result refuse_no_space(struct refusal *why, struct avoid *a, unsigned len)
{
    refuse(why, REFUSAL_NO_SPACE, a->p->id);
    why->length = (int)len;
    why->largest_free = largest_free(a);
    why->total_addresses = space_total(a->s);
    why->free_addresses = count_sub(space_total(a->s), space_used(a->s));
    why->occupied_addresses = count_sub(space_used(a->s), space_used(a->below));
    why->count = a->p->allocation_count;
    return ENGINE_REFUSED;
}

/* Intents give way before space is out. */
static enum space_result search_both(struct avoid *a, unsigned len, struct cidr *out)
{
    enum space_result result = search(a, true, len, out);
    if (result == SPACE_FULL && a->p->intent_count > 0) {
        result = search(a, false, len, out);
    }
    return result;
}

enum engine_result choose_free(struct engine *e, struct pool *p, bool planned, bool for_pool,
                               unsigned len, const struct cidr *disallowed, size_t count,
                               struct cidr *out, struct refusal *why)
{
    struct avoid a = {.e = e,
                      .p = p,
                      .s = open_view(e, p, planned),
                      .below = view(e, p, planned),
                      .planned = planned,
                      .disallowed = disallowed,
                      .disallowed_count = count};
    if (!a.s || !a.below) {
        return ENGINE_NO_MEMORY;
    }
    if (space_root_count(a.s) == 0) {
        refuse(why, REFUSAL_NO_CIDRS, p->id);
        why->length = (int)len;
        return ENGINE_REFUSED;
    }
    enum space_result result = search_both(&a, len, out);
    if (result == SPACE_FULL && for_pool && a.s != a.below) {
        a.s = a.below;
        result = search_both(&a, len, out);
    }
    enum engine_result said = result == SPACE_OK     ? ENGINE_OK
                              : result == SPACE_FULL ? refuse_no_space(why, &a, len)
                                                     : ENGINE_NO_MEMORY;
    free(a.items);
    return said;
}
