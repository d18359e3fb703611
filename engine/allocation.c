/*
 * allocation - issuing and giving back
 *
 * An allocation is made in three steps: may it be (rules.c), where (choose.c), and only then is
 * anything changed. All memory is reserved before the first change, so that a call either does
 * everything or nothing: the record is made, the indexes get room, and the claim in the pool's
 * space is the last step that can fail.
 *
 * Giving back cannot fail: what it cannot keep up to date for lack of memory is marked and derived
 * again before the next block is issued.
 *
 * The real calls look at the world as it is. That an allocation is marked leaving does not make its
 * block free: it is freed when it leaves.
 */
#include "engine/engine_internal.h"

enum engine_result engine_allocate(struct engine *e, const struct allocation_request *r,
                                   const struct allocation **out, struct refusal *why)
{
    struct pool *p;
    int len;
    struct cidr c;
    enum engine_result result = engine_settle(e);
    if (result == ENGINE_OK) {
        result = admit(e, r, &p, &len, why);
    }
    if (result == ENGINE_OK) {
        result = choose_for(e, p, r, false, len, &c, why);
    }
    if (result != ENGINE_OK) {
        return result;
    }
    struct allocation *a = record_issue(e, p, r, &c);
    if (!a) {
        return ENGINE_NO_MEMORY;
    }
    *out = a;
    return ENGINE_OK;
}

struct allocation *record_issue(struct engine *e, struct pool *p,
                                const struct allocation_request *r, const struct cidr *c)
{
    struct allocation *a = record_new(e, p, r, c);
    if (!a) {
        return NULL;
    }
    if (!indexes_reserve(e, 1) || settle_on(e, a, r) != SPACE_OK) {
        record_free(e, a);
        return NULL;
    }
    id_add(e, a);
    p->allocation_count++;
    intent_remove(p, c);
    return a;
}

enum engine_result engine_release(struct engine *e, const char *allocation_id, struct refusal *why)
{
    enum engine_result result = engine_settle(e);
    if (result != ENGINE_OK) {
        return result;
    }
    struct allocation *a = record_find(e, allocation_id);
    if (!a) {
        return refuse(why, REFUSAL_ALLOCATION_UNKNOWN, allocation_id);
    }
    if (!text_equal(a->pool->info->owner, e->actor)) { /* whoever owns the pool may free it */
        result = must_own(e, a->owner, "allocation", allocation_id, why);
        if (result != ENGINE_OK) {
            return result;
        }
    }
    struct pool *child;
    if (pool_cidr_backed(e, a, &child)) {
        refuse_count(why, REFUSAL_NOT_EMPTY, allocation_id, "CIDR", 1, 0);
        REFUSAL_SET(why->other_id, child->id);
        why->cidr = a->cidr;
        return ENGINE_REFUSED;
    }
    record_drop(e, a);
    settle_if_possible(e);
    return ENGINE_OK;
}

enum engine_result engine_retag(struct engine *e, const char *allocation_id,
                                const struct tags *tags, const char *description,
                                struct refusal *why)
{
    struct allocation *a = record_find(e, allocation_id);
    if (!a) {
        return refuse(why, REFUSAL_ALLOCATION_UNKNOWN, allocation_id);
    }
    enum engine_result result = must_own(e, a->owner, "allocation", allocation_id, why);
    if (result != ENGINE_OK) {
        return result;
    }
    return record_retag(e, a, tags, description) ? ENGINE_OK : ENGINE_NO_MEMORY;
}

void engine_unload_allocation(struct engine *e, const char *allocation_id)
{
    struct allocation *a = record_find(e, allocation_id);
    struct pool *child;
    settle_if_possible(e); /* dropping needs every record in its place */
    if (a && !e->unsettled && !pool_cidr_backed(e, a, &child)) {
        record_drop(e, a);
        settle_if_possible(e);
    }
}

/* --- in address order --- */

/* Two sorted sequences, merged: the blocks of the space and the conflicts. */
struct merge {
    const struct engine *e;
    const struct pool *p;
    size_t next; /* of the conflicts */
    allocation_visit fn;
    void *ctx;
};

static bool merge_conflicts(struct merge *m, const struct cidr *before)
{
    const struct allocations *l = &m->p->conflicts;
    while (m->next < l->count && (!before || cidr_compare(&l->items[m->next]->cidr, before) < 0)) {
        if (!m->fn(m->ctx, l->items[m->next++])) {
            return false;
        }
    }
    return true;
}

static bool merge_block(void *ctx, const struct cidr *block)
{
    struct merge *m = ctx;
    const struct allocation *a = place_find(m->e, m->p, block);
    return !a || (merge_conflicts(m, block) && m->fn(m->ctx, a));
}

static bool each_in_pool(const struct engine *e, const struct pool *p, allocation_visit fn,
                         void *ctx)
{
    struct merge m = {.e = e, .p = p, .fn = fn, .ctx = ctx};
    return space_each_used(p->space, NULL, merge_block, &m) && merge_conflicts(&m, NULL);
}

bool engine_each_allocation(const struct engine *e, const struct pool *p, allocation_visit fn,
                            void *ctx)
{
    if (p) {
        return each_in_pool(e, p, fn, ctx);
    }
    for (size_t i = 0; i < e->pools.count; i++) {
        if (!each_in_pool(e, e->pools.items[i], fn, ctx)) {
            return false;
        }
    }
    return true;
}
