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
 * not). A child pool's CIDR, met in a pool that is not below P, is looked through: what counts is
 * what the child holds, and it is looked at itself. In a consistent estate none of this exists, and
 * nothing of it is looked for: `tangled` is false.
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
    const struct pool *p;
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
    struct visitor v = {e, p, fn, ctx};
    return visit_conflicts(p, c, fn, ctx, true) && space_each_used(p->space, c, visit_block, &v) &&
           visit_conflicts(p, c, fn, ctx, false);
}

static bool visit_unless_backing(void *ctx, const struct allocation *a)
{
    const struct visitor *v = ctx;
    struct pool *child;
    if (a->type == ALLOCATION_POOL && pool_cidr_backed(v->e, a, &child)) {
        return true;
    }
    return v->fn(v->ctx, a);
}

static bool tangled(const struct engine *e)
{
    return e->contested || e->conflict_count > 0;
}

bool each_foreign(const struct engine *e, const struct pool *p, const struct cidr *c,
                  allocation_visit fn, void *ctx)
{
    struct visitor v = {e, p, fn, ctx};
    for (size_t i = 0; tangled(e) && i < e->pools.count; i++) {
        const struct pool *other = e->pools.items[i];
        if (other == p || !pool_comparable(p, other)) {
            continue;
        }
        bool go_on = pool_is_ancestor(p, other)
                         ? visit_conflicts(other, c, fn, ctx, true) &&
                               visit_conflicts(other, c, fn, ctx, false)
                         : each_overlapping(e, other, c, visit_unless_backing, &v);
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
    const struct allocation *found;
};

static bool stop_at_first(void *ctx, const struct allocation *a)
{
    struct first *first = ctx;
    if (first->planned && a->leaving) {
        return true;
    }
    first->found = a;
    return false;
}

enum engine_result choose_exact(struct engine *e, struct pool *p, bool planned,
                                const struct cidr *c, struct refusal *why)
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
        each_foreign(e, p, c, stop_at_first, &first);
    }
    return first.found ? refuse_taken(why, p, c, first.found) : ENGINE_OK;
}

/* --- any block of a length --- */

/* What a search keeps off. */
struct avoid {
    const struct engine *e;
    const struct pool *p;
    const struct space *s;
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

static enum engine_result refuse_no_space(struct refusal *why, const struct pool *p,
                                          const struct space *s, unsigned len)
{
    refuse(why, REFUSAL_NO_SPACE, p->id);
    why->length = (int)len;
    why->largest_free = space_largest_free(s);
    why->total_addresses = space_total(s);
    why->free_addresses = count_sub(space_total(s), space_used(s));
    why->count = p->allocation_count;
    return ENGINE_REFUSED;
}

enum engine_result choose_free(struct engine *e, struct pool *p, bool planned, unsigned len,
                               const struct cidr *disallowed, size_t count, struct cidr *out,
                               struct refusal *why)
{
    struct avoid a = {.e = e,
                      .p = p,
                      .s = view(e, p, planned),
                      .planned = planned,
                      .disallowed = disallowed,
                      .disallowed_count = count};
    if (!a.s) {
        return ENGINE_NO_MEMORY;
    }
    if (space_root_count(a.s) == 0) {
        refuse(why, REFUSAL_NO_CIDRS, p->id);
        why->length = (int)len;
        return ENGINE_REFUSED;
    }
    enum space_result result = search(&a, true, len, out);
    if (result == SPACE_FULL && p->intent_count > 0) {
        result = search(&a, false, len, out);
    }
    free(a.items);
    if (result == SPACE_FULL) {
        return refuse_no_space(why, p, a.s, len);
    }
    return result == SPACE_OK ? ENGINE_OK : ENGINE_NO_MEMORY;
}
