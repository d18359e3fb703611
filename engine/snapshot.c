/*
 * snapshot - the space of a pool as a copy, now or as it was when the run began
 *
 * Whoever chooses many blocks at once chooses on a copy: several rounds, and nothing to take back.
 * And whoever has to choose the same twice, in two processes that see different moments of one run,
 * must not look at what this run has done so far. So after engine_mark every record and every CIDR
 * that comes is late, and the blocks of records that go are kept; a copy as marked is what is
 * there, without what is late, with what went.
 *
 * In a copy all allocations hold their space, contradicting ones too: they are claimed containers
 * first (address order), and one that lies inside an earlier one is covered already. One that is
 * larger than a root takes the whole root. Occupied space comes last, and what is left out is kept
 * free of it: what has its CIDR keeps it, whoever was seen there since.
 */
#include <stdlib.h>

#include "engine/engine_internal.h"

void engine_mark(struct engine *e)
{
    e->marked = true;
}

void snapshot_departs(struct engine *e, struct pool *p, const struct allocation *a)
{
    if (!e->marked || a->late || p->departed_lost) {
        return;
    }
    if (grow(&p->departed, &p->departed_capacity, p->departed_count + 1, sizeof(*p->departed))) {
        p->departed[p->departed_count++] = a->cidr;
    } else {
        p->departed_lost = true;
    }
}

struct copy {
    struct engine *e;
    const struct pool *p;
    struct space *space;
    bool as_marked, complete;
    allocation_visit skip;
    void *ctx;
    struct cidr *skipped; /* blocks of what is left out */
    size_t skipped_count, skipped_capacity;
};

static bool copy_root(void *ctx, const struct cidr *root)
{
    struct copy *c = ctx;
    bool found;
    size_t i = pool_cidr_seek(c->p, root, &found);
    if (!c->as_marked || !found || !c->p->cidrs[i].late) {
        c->complete = space_add_root(c->space, root) != SPACE_NO_MEMORY;
    }
    return c->complete;
}

struct guard {
    const struct cidr *cidr;
    struct copy *copy;
};

static bool guard_root(void *ctx, const struct cidr *root)
{
    struct guard *g = ctx;
    struct copy *c = g->copy;
    if (cidr_contains(g->cidr, root)) {
        c->complete = space_claim(c->space, root, NULL) != SPACE_NO_MEMORY;
    }
    return c->complete;
}

static bool copy_block(struct copy *c, const struct cidr *block)
{
    enum space_result result = space_claim(c->space, block, NULL);
    struct cidr root;
    c->complete = result != SPACE_NO_MEMORY;
    if (result == SPACE_OUTSIDE && !space_root_of(c->space, block, &root)) {
        struct guard g = {block, c};
        space_each_root(c->p->space, guard_root, &g);
    }
    return c->complete;
}

static bool copy_allocation(void *ctx, const struct allocation *a)
{
    struct copy *c = ctx;
    if (c->as_marked && a->late) {
        return true;
    }
    if (!c->skip || !c->skip(c->ctx, a)) {
        return copy_block(c, &a->cidr);
    }
    c->complete = grow(&c->skipped, &c->skipped_capacity, c->skipped_count + 1, sizeof(a->cidr));
    if (c->complete) {
        c->skipped[c->skipped_count++] = a->cidr;
    }
    return c->complete;
}

static bool copy_foreign(void *ctx, const struct cidr *root)
{
    struct copy *c = ctx;
    return each_foreign(c->e, c->p, root, copy_allocation, c);
}

static int by_place(const void *a, const void *b)
{
    return cidr_compare(a, b);
}

/* Takes what is occupied but where the skipped allocations are. */
static bool copy_occupied(struct copy *c)
{
    const enum occupied_as as = c->as_marked ? OCCUPIED_MARKED : OCCUPIED_NOW;
    size_t kept = 0;
    for (size_t i = 0; i < c->skipped_count; i++) {
        enum space_result result = space_claim(c->space, &c->skipped[i], NULL);
        if (result == SPACE_NO_MEMORY) {
            return false;
        }
        if (result == SPACE_OK) {
            c->skipped[kept++] = c->skipped[i];
        }
    }
    bool complete = occupy(c->e, c->p, as, c->space);
    while (kept > 0 && complete) {
        complete = space_release(c->space, &c->skipped[--kept]) == SPACE_OK;
    }
    return complete;
}

static bool copy_all(struct copy *c)
{
    const struct pool *p = c->p;
    if (!space_each_root(p->space, copy_root, c) ||
        !engine_each_allocation(c->e, p, copy_allocation, c)) {
        return false;
    }
    c->skip = NULL; /* of others, nothing is skipped */
    if (!space_each_root(p->space, copy_foreign, c)) {
        return false;
    }
    if (p->departed_count > 1) {
        qsort(p->departed, p->departed_count, sizeof(*p->departed), by_place);
    }
    for (size_t i = 0; c->as_marked && i < p->departed_count; i++) {
        if (!copy_block(c, &p->departed[i])) {
            return false;
        }
    }
    return copy_occupied(c);
}

enum engine_result engine_copy_space(struct engine *e, const char *pool_id, bool as_marked,
                                     allocation_visit skip, void *ctx, struct space **out)
{
    enum engine_result result = engine_settle(e);
    const struct pool *p = pool_find(e, pool_id);
    *out = NULL;
    if (result != ENGINE_OK || !p || (as_marked && p->departed_lost)) {
        return ENGINE_NO_MEMORY;
    }
    struct copy c = {.e = e,
                     .p = p,
                     .space = space_new(pool_family(p)),
                     .as_marked = as_marked,
                     .complete = true,
                     .skip = skip,
                     .ctx = ctx};
    bool complete = c.space && copy_all(&c);
    free(c.skipped);
    if (!complete) {
        space_free(c.space);
        return ENGINE_NO_MEMORY;
    }
    *out = c.space;
    return ENGINE_OK;
}

const struct cidr *engine_intents(const struct engine *e, const char *pool_id, size_t *count)
{
    const struct pool *p = pool_find(e, pool_id);
    *count = p ? p->intent_count : 0;
    return p ? p->intents : NULL;
}
