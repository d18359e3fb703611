/*
 * demand - whether all requests of a plan fit together
 *
 * A check answers for one request as if it were the only one: which block a request will get is
 * decided in the apply, so nothing is taken while planning. Here the requests that were granted are
 * counted by length, for each pool. Whether they can all be served needs no placing: aligned blocks
 * of the free space can be halved, and serving the largest first with any free block that is large
 * enough succeeds whenever anything does. So counts by length on both sides tell it exactly; what
 * an apply in another order makes of them may be worse, never better.
 *
 * A request is only asked for until its caller says that the whole change was granted: a hook that
 * waits asks again. Requests that named a CIDR count like others of that length; their block is in
 * the free space until the apply.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

#define LENGTHS 129

struct demand {
    struct pool *pool;
    struct demand *next; /* of those that were asked in this change */
    bool listed;
    uint64_t asked[LENGTHS], kept[LENGTHS];
    unsigned told; /* the caller's */
    bool resources;
};

/* A CIDR that is granted although its space is taken stands on a reservation that is meant for it,
 * on itself (an import), or is a pool's on top of what exists: it needs no more. */
static bool stands_on_something(struct engine *e, struct pool *p, const struct cidr *c)
{
    struct cidr block;
    const struct space *s = cidr_is_set(c) ? open_view(e, p, true) : NULL;
    return s && space_overlapping(s, c, &block);
}

void demand_note(struct engine *e, struct pool *p, const struct cidr *c, int len, bool by_pool)
{
    if (!e->marked || len < 0 || len >= LENGTHS || stands_on_something(e, p, c)) {
        return;
    }
    struct demand *d = p->demand ? p->demand : calloc(1, sizeof(*d));
    if (!d) {
        return; /* a warning less */
    }
    p->demand = d;
    d->pool = p;
    d->asked[len]++;
    d->resources = d->resources || !by_pool;
    if (!d->listed) {
        d->listed = true;
        d->next = e->asked;
        e->asked = d;
    }
}

void demand_free(struct engine *e, struct pool *p)
{
    for (struct demand **at = &e->asked; *at; at = &(*at)->next) {
        if (*at == p->demand) {
            *at = p->demand->next;
            break;
        }
    }
    free(p->demand);
    p->demand = NULL;
}

typedef unsigned __int128 wide;

static bool count_free(void *ctx, const struct cidr *block)
{
    uint64_t *by_length = ctx;
    by_length[block->len]++;
    return true;
}

/* From the largest down; what is left over halves. Counts beyond 2^100 are as good as any. */
static bool fits(const uint64_t *free_blocks, const uint64_t *wanted, unsigned max_len)
{
    wide available = 0;
    for (unsigned len = 0; len <= max_len; len++) {
        available = available >> 100 ? available : available * 2;
        available += free_blocks[len];
        if (available < wanted[len]) {
            return false;
        }
        available -= wanted[len];
    }
    return true;
}

static struct count addresses(enum family f, unsigned len, uint64_t blocks)
{
    struct cidr one = cidr_make(f, 0, 0, len);
    struct count sum = {0}, power = cidr_count(&one);
    for (; blocks > 0; blocks >>= 1, power = count_add(power, power)) {
        if (blocks & 1) {
            sum = count_add(sum, power);
        }
    }
    return sum;
}

static bool measure(struct engine *e, struct demand *d, struct fit *out)
{
    uint64_t free_blocks[LENGTHS] = {0};
    struct pool *p = d->pool;
    struct space *s = d->resources ? open_view(e, p, true) : view(e, p, true);
    enum family f = pool_family(p);
    if (!s) {
        return false;
    }
    *out = (struct fit){.pool = p, .told = &d->told, .resources = d->resources};
    out->total = space_total(s);
    out->used = space_used(s);
    out->largest_free = space_largest_free(s);
    space_each_free(s, NULL, count_free, free_blocks);
    for (size_t i = 0; i < p->supply_count; i++) {
        const struct supply *open = &p->supplies[i];
        if (!cidr_is_set(&open->cidr) && open->length >= 0 && open->length < LENGTHS) {
            free_blocks[open->length]++;
            out->total = count_add(out->total, addresses(f, (unsigned)open->length, 1));
        }
    }
    for (unsigned len = 0; len < LENGTHS; len++) {
        out->wanted[len] = d->kept[len];
        out->requests += d->kept[len];
        if (d->kept[len] > 0) {
            out->demand = count_add(out->demand, addresses(f, len, d->kept[len]));
        }
    }
    out->fits = fits(free_blocks, d->kept, cidr_max_len(f));
    return true;
}

void engine_plan_asked(struct engine *e, bool keep, fit_visit fn, void *ctx)
{
    while (e->asked) {
        struct demand *d = e->asked;
        struct fit f;
        e->asked = d->next;
        d->listed = false;
        for (unsigned len = 0; len < LENGTHS; len++) {
            d->kept[len] += keep ? d->asked[len] : 0;
        }
        memset(d->asked, 0, sizeof(d->asked));
        if (fn && measure(e, d, &f)) {
            fn(ctx, &f);
        }
    }
}
