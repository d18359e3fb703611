/*
 * reserve - reservations that are meant for one resource
 *
 * A custom allocation keeps a block free for somebody. When that somebody comes, a VPC or a subnet
 * that asks for exactly this CIDR by name, it stands on the reservation: two records for one block,
 * of which the space counts one. Neither refers to the other, so they come and go in any order:
 *   - the resource goes: the block is the reservation's again, and still not free;
 *   - the reservation goes: the block stays the resource's.
 *
 * Who is meant is told by the two records alone, the same in every run and from every state: the
 * reservation's tag `ipam:reserved-for`, else its description, is the resource's tag Name; and both
 * belong to one account. One resource stands on a reservation, and nothing else in its block.
 *
 * How it is kept: the resource holds the space, the reservation waits behind it as conflicting
 * records do (view.c). At equal CIDRs records are therefore ordered with reservations last, so that
 * loading arrives at what issuing does. Conflicting records are not given away, promoted when the
 * holder goes, and reported; only the last is not true of a reservation with its resource.
 */
#include <string.h>

#include "engine/engine_internal.h"

static const char reserved_for[] = "ipam:reserved-for";
static const char name_tag[] = "Name";

/* What the rule looks at. */
struct party {
    enum allocation_type type;
    const char *owner, *description;
    const struct tags *tags;
};

static struct party party_of(const struct allocation *a)
{
    return (struct party){a->type, a->owner, a->description, &a->tags};
}

static bool is_resource(enum allocation_type t)
{
    return t == ALLOCATION_VPC || t == ALLOCATION_SUBNET;
}

static bool meant_for(const struct party *reservation, const struct party *resource)
{
    const char *name = tags_find(resource->tags, name_tag);
    const char *wanted = tags_find(reservation->tags, reserved_for);
    bool one_owner = text_empty(reservation->owner) || text_empty(resource->owner) ||
                     strcmp(reservation->owner, resource->owner) == 0;
    wanted = wanted ? wanted : reservation->description;
    return one_owner && !text_empty(name) && !text_empty(wanted) && strcmp(name, wanted) == 0;
}

static bool belong_together(const struct party *a, const struct party *b)
{
    if (a->type == ALLOCATION_CUSTOM && is_resource(b->type)) {
        return meant_for(a, b);
    }
    return b->type == ALLOCATION_CUSTOM && is_resource(a->type) && meant_for(b, a);
}

bool is_consumed_by(const struct allocation *a, const struct allocation *b)
{
    struct party one = party_of(a), other = party_of(b);
    return a->pool == b->pool && cidr_equal(&a->cidr, &b->cidr) && belong_together(&one, &other);
}

struct others {
    bool planned;
    size_t count;
    const struct allocation *one;
};

static bool count_other(void *ctx, const struct allocation *a)
{
    struct others *o = ctx;
    if (!o->planned || !a->leaving) {
        o->one = a;
        o->count++;
    }
    return o->count < 2;
}

/* The record with which the request shares its block; NULL: it has to find one of its own. */
static struct allocation *partner_find(const struct engine *e, const struct pool *p,
                                       const struct allocation_request *r, const struct cidr *c,
                                       bool planned)
{
    const struct party asking = {r->type, r->owner, r->description, &r->tags};
    struct others o = {.planned = planned};
    if (!is_resource(r->type) && r->type != ALLOCATION_CUSTOM) {
        return NULL;
    }
    each_overlapping(e, p, c, count_other, &o);
    if (o.count != 1 || !cidr_equal(&o.one->cidr, c)) {
        return NULL;
    }
    struct party there = party_of(o.one);
    if (!belong_together(&asking, &there)) {
        return NULL;
    }
    each_foreign(e, p, c, count_other, &o);
    return o.count == 1 ? record_find(e, o.one->id) : NULL;
}

enum engine_result choose_for(struct engine *e, struct pool *p, const struct allocation_request *r,
                              bool planned, int len, struct cidr *out, struct refusal *why)
{
    if (!cidr_is_set(&r->cidr)) {
        return choose_free(e, p, planned, false, (unsigned)len, r->disallowed, r->disallowed_count,
                           out, why);
    }
    *out = r->cidr;
    enum engine_result result = choose_exact(e, p, planned, &r->cidr, NULL, why);
    bool taken = result == ENGINE_REFUSED && why->code == REFUSAL_TAKEN;
    if (result == ENGINE_OK || (taken && partner_find(e, p, r, &r->cidr, planned))) {
        return occupied_check(e, p, r, planned, &r->cidr, why);
    }
    return result;
}

enum space_result settle_on(struct engine *e, struct allocation *a,
                            const struct allocation_request *r)
{
    struct pool *p = pool_of(a);
    struct allocation *partner =
        space_holds(p->space, &a->cidr) ? partner_find(e, p, r, &a->cidr, false) : NULL;
    if (!partner) {
        return hold(e, a);
    }
    if (!conflict_reserve(p)) {
        return SPACE_NO_MEMORY;
    }
    if (a->type == ALLOCATION_CUSTOM) {
        conflict_add(e, p, a);
        return SPACE_OK;
    }
    place_remove(e, partner);
    conflict_add(e, p, partner);
    place_add(e, a); /* the block stays taken throughout */
    return SPACE_OK;
}

/* --- for readers --- */

struct consumer {
    const struct allocation *reservation, *found;
};

static bool find_consumer(void *ctx, const struct allocation *a)
{
    struct consumer *c = ctx;
    if (a != c->reservation && is_consumed_by(c->reservation, a)) {
        c->found = a;
    }
    return !c->found;
}

const struct allocation *engine_consumer(const struct engine *e, const struct allocation *a)
{
    struct consumer c = {.reservation = a};
    if (a->type == ALLOCATION_CUSTOM) {
        each_overlapping(e, a->pool, &a->cidr, find_consumer, &c);
    }
    return c.found;
}
