/*
 * check - every invariant of the engine, for tests
 *
 * Recounts what the rest keeps up to date: registries in order, indexes that find every record,
 * spaces that cover what the allocations cover and nothing else, links between pools and the
 * allocations that back their CIDRs, counters. What an unsettled engine has not derived yet is left
 * out.
 */
#include <string.h>

#include "engine/engine_internal.h"

static bool check_registry(const struct registry *r)
{
    for (size_t i = 1; i < r->count; i++) {
        if (strcmp(*(const char **)r->items[i - 1], *(const char **)r->items[i]) >= 0) {
            return false;
        }
    }
    return r->count <= r->capacity;
}

static bool in_list(const struct allocations *l, const struct allocation *a)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i] == a) {
            return true;
        }
    }
    return false;
}

static bool check_record(const struct engine *e, const struct allocation *a)
{
    const struct pool *p = a->pool;
    if (record_find(e, a->id) != a || pool_find(e, p->id) != p) {
        return false;
    }
    if (!a->conflicting) {
        return place_find(e, p, &a->cidr) == a && (p->rebuild || space_holds(p->space, &a->cidr));
    }
    return in_list(&p->conflicts, a) != in_list(&p->pending, a);
}

/* A conflict gives away nothing that it covers. */
static bool check_conflict(const struct pool *p, const struct allocation *a)
{
    struct cidr root, block;
    if (!a->conflicting || a->pool != p) {
        return false;
    }
    if (space_root_of(p->space, &a->cidr, &root)) {
        return space_overlapping(p->space, &a->cidr, &block) && cidr_contains(&block, &a->cidr);
    }
    for (size_t i = 0; i < p->cidr_count; i++) {
        const struct cidr *c = &p->cidrs[i].cidr;
        if (cidr_contains(&a->cidr, c) && space_root_of(p->space, c, &root) &&
            !space_holds(p->space, &root)) {
            return false;
        }
    }
    return true;
}

struct recount {
    const struct engine *e;
    const struct pool *p;
    size_t holders, pending, leaving;
    size_t all_holders, all_conflicts, all;
};

static bool guarded(const struct pool *p, const struct cidr *block)
{
    for (size_t i = 0; i < p->conflicts.count; i++) {
        const struct cidr *c = &p->conflicts.items[i]->cidr;
        if (c->len < block->len && cidr_contains(c, block)) {
            return true;
        }
    }
    return false;
}

static bool check_block(void *ctx, const struct cidr *block)
{
    struct recount *r = ctx;
    struct cidr root;
    const struct allocation *a = place_find(r->e, r->p, block);
    r->holders += a != NULL;
    return a || (space_root_of(r->p->space, block, &root) && cidr_equal(&root, block) &&
                 guarded(r->p, block));
}

static bool check_root(void *ctx, const struct cidr *root)
{
    const struct recount *r = ctx;
    bool found;
    pool_cidr_seek(r->p, root, &found);
    return found;
}

static bool check_space(struct recount *r)
{
    const struct pool *p = r->p;
    struct cidr root;
    if (!space_check(p->space) || (p->planned && !space_check(p->planned))) {
        return false;
    }
    if (p->rebuild) {
        return true;
    }
    if (!occupied_holds(r->e, p)) {
        return false;
    }
    for (size_t i = 0; i < p->cidr_count; i++) {
        const struct cidr *c = &p->cidrs[i].cidr;
        if (c->family == pool_family(p) && !space_root_of(p->space, c, &root)) {
            return false;
        }
    }
    for (size_t i = 0; i < p->conflicts.count; i++) {
        if (!check_conflict(p, p->conflicts.items[i])) {
            return false;
        }
    }
    return space_each_root(p->space, check_root, r) &&
           space_each_used(p->space, NULL, check_block, r);
}

static bool check_cidrs(const struct engine *e, const struct pool *p)
{
    for (size_t i = 0; i < p->cidr_count; i++) {
        const struct pool_cidr *pc = &p->cidrs[i];
        const struct allocation *a = pc->backing;
        if (i > 0 && cidr_compare(&pc[-1].cidr, &pc->cidr) >= 0) {
            return false;
        }
        if (!a) {
            if (p->source && !e->unsettled) {
                return false;
            }
            continue;
        }
        struct pool *child;
        bool type = a->type == ALLOCATION_POOL || (a->type == ALLOCATION_VPC && p->info->planning);
        if (!type || a->pool != p->source || pool_cidr_backed(e, a, &child) != pc || child != p) {
            return false;
        }
    }
    return true;
}

static bool check_order(const struct pool *p)
{
    for (size_t i = 1; i < p->conflicts.count; i++) {
        if (allocation_compare(p->conflicts.items[i - 1], p->conflicts.items[i]) >= 0) {
            return false;
        }
    }
    for (size_t i = 1; i < p->intent_count; i++) {
        if (cidr_compare(&p->intents[i - 1], &p->intents[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static bool check_pool(struct recount *r, const struct pool *p)
{
    const struct engine *e = r->e;
    size_t planning = 0, at = 0, all = 0, leaving = 0, holders = 0;
    r->p = p;
    r->holders = 0;
    if (p->id != p->info->id || p->doomed || (p->rebuild && !e->unsettled) ||
        (p->pending.count > 0 && !e->unsettled)) {
        return false;
    }
    if (p->source && (pool_find(e, p->info->source_id) != p->source)) {
        return false;
    }
    for (size_t i = 0; i < e->pools.count; i++) {
        const struct pool *other = e->pools.items[i];
        planning += other->source == p && other->info->planning;
    }
    for (const struct allocation *a; (a = index_next(&e->by_id, &at));) {
        all += a->pool == p;
        leaving += a->pool == p && a->leaving;
        holders += a->pool == p && !a->conflicting;
    }
    r->all_holders += holders;
    r->all_conflicts += p->conflicts.count;
    return planning == p->planning_children && all == p->allocation_count &&
           leaving == p->leaving_count && check_order(p) && check_cidrs(e, p) && check_space(r) &&
           (p->rebuild || r->holders == holders) &&
           all == holders + p->conflicts.count + p->pending.count;
}

bool engine_check(const struct engine *e)
{
    struct recount r = {.e = e};
    bool contested = false;
    if (!check_registry(&e->ipams) || !check_registry(&e->scopes) || !check_registry(&e->pools) ||
        !check_registry(&e->shares) || !shares_check(e)) {
        return false;
    }
    size_t at = 0;
    for (const struct allocation *a; (a = index_next(&e->by_id, &at));) {
        if (!check_record(e, a)) {
            return false;
        }
        r.all++;
    }
    for (size_t i = 0; i < e->pools.count; i++) {
        if (!check_pool(&r, e->pools.items[i])) {
            return false;
        }
    }
    if (!e->unsettled && contested_find(e, &contested) && contested && !e->contested) {
        return false;
    }
    return r.all == e->by_id.count && r.all_holders == e->by_place.count &&
           r.all_conflicts == e->conflict_count;
}
