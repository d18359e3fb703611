/*
 * occupied - what was seen keeps its space
 *
 * Networks that other states and inventories tell of become occupants of the engine: nothing is
 * issued to resources where they are. Those that are own resources as well are left out, since
 * their allocations tell where they are. They are recognised by id and CIDR together: a VPC that
 * has left its CIDR in the cloud has both, the one that the state holds for it and the one where it
 * was seen.
 *
 * Own is what an allocation has, and what the own state has without a pool. Another state of the
 * estate may be one that this provider wrote or the AWS provider did; its networks without a pool
 * are somebody else's either way.
 *
 * Subnets say nothing about space outside of their network when the network is known, so then they
 * count only in the pools that plan the inside of it.
 *
 * The occupants are those of the moment at which the provider was configured, for the whole run. So
 * both plans of one apply choose alike; and a VPC that the run destroys does not come back as an
 * occupant because an inventory of yesterday still has it.
 */
#include "provider/occupied.h"

#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

/* --- what is one's own --- */

static void own_add(struct own_cidrs *o, const struct cidr *c, const char *id)
{
    if (!cidr_is_set(c) || !*id)
        return;
    if (o->count == o->capacity) {
        size_t more = o->capacity ? 2 * o->capacity : 64;
        o->items =
            arena_grow(o->arena, o->items, o->capacity * sizeof *o->items, more * sizeof *o->items);
        o->capacity = more;
    }
    o->items[o->count++] = (struct own_cidr){*c, id};
}

static bool own_allocation(void *ctx, const struct allocation *a)
{
    if (a->type != ALLOCATION_POOL)
        own_add(ctx, &a->cidr, a->resource_id);
    return true;
}

static void own_network(void *ctx, const struct network *n)
{
    const char *id = n->kind == NETWORK_ASSOCIATION ? n->vpc_id : n->id;
    own_add(ctx, &n->v4, id);
    own_add(ctx, &n->v6, id);
}

static int own_order(const void *x, const void *y)
{
    const struct own_cidr *a = x, *b = y;
    int order = cidr_compare(&a->cidr, &b->cidr);
    return order ? order : strcmp(a->id, b->id);
}

static void own_sort(struct own_cidrs *o)
{
    if (o->count > 1)
        qsort(o->items, o->count, sizeof *o->items, own_order);
}

void own_cidrs_gather(const struct estate *e, struct arena *a, struct own_cidrs *out)
{
    *out = (struct own_cidrs){.arena = a};
    engine_each_allocation(e->engine, NULL, own_allocation, out);
    for (enum network_kind k = 0; k < NETWORK_KINDS; k++)
        memory_each_network(e->memory, k, own_network, out);
    own_sort(out);
}

static bool own_has(const struct own_cidrs *o, const struct cidr *c, const char *id)
{
    const struct own_cidr key = {*c, id};
    return *id && o->count > 0 && bsearch(&key, o->items, o->count, sizeof key, own_order) != NULL;
}

bool own_cidrs_have(const struct own_cidrs *o, const struct sighting *s, const struct cidr *c)
{
    /* A CIDR that was added to a VPC may be told by itself. */
    return own_has(o, c, s->id) || (s->kind == SIGHTED_NETWORK && own_has(o, c, s->network_id));
}

/* --- occupants --- */

struct occupying {
    struct estate *estate;
    struct arena *scratch;
    struct own_cidrs own;
    const struct sighting *one;
    size_t count;
    bool failed;
};

static const char *type_of(struct arena *a, const struct sighting *s)
{
    static const char *const kinds[] = {
        [SIGHTED_NETWORK] = "network", [SIGHTED_SUBNET] = "subnet", [SIGHTED_PREFIX] = "prefix"};
    const char *type = strncmp(s->id, "vpc-", 4) == 0 ? "vpc" : kinds[s->kind];
    return *s->id || !*s->name ? type : arena_printf(a, "%s \"%.16s\"", type, s->name);
}

static void occupy(struct occupying *o, const struct cidr *c, const char *inside)
{
    const struct sighting *one = o->one;
    const struct occupant occupant = {
        .region = one->region,
        .inside = inside,
        .cidr = *c,
        .resource_id = one->id,
        .allocation_id = one->allocation_id,
        .type = type_of(o->scratch, one),
        .owner = one->owner,
        .where = one->where,
    };
    o->failed = o->failed || engine_load_occupant(o->estate->engine, &occupant) != ENGINE_OK;
    o->count++;
}

static bool network_is_known(const struct estate *e, const char *id)
{
    return *id && (sightings_find(e->sightings, id) || memory_network(e->memory, id));
}

static bool occupy_one(void *ctx, const struct sighting *s)
{
    struct occupying *o = ctx;
    o->one = s;
    for (size_t i = 0; i < s->cidr_count && !o->failed; i++) {
        const struct cidr *c = &s->cidrs[i];
        if (own_cidrs_have(&o->own, s, c))
            continue;
        if (s->kind == SIGHTED_SUBNET && *s->network_id)
            occupy(o, c, s->network_id);
        if (s->kind != SIGHTED_SUBNET || !network_is_known(o->estate, s->network_id))
            occupy(o, c, NULL);
    }
    return !o->failed;
}

void occupied_own(struct estate *e, struct arena *scratch)
{
    struct own_cidrs given = {.arena = scratch}, all;
    engine_each_allocation(e->engine, NULL, own_allocation, &given);
    own_sort(&given);
    own_cidrs_gather(e, scratch, &all);
    struct own_cidrs *kept = e->own = arena_calloc(e->arena, 1, sizeof *kept);
    kept->arena = e->arena;
    for (size_t i = 0; i < all.count; i++)
        if (!own_has(&given, &all.items[i].cidr, all.items[i].id))
            own_add(kept, &all.items[i].cidr, arena_strdup(e->arena, all.items[i].id));
}

bool occupied_load(struct estate *e, struct arena *scratch)
{
    struct occupying o = {.estate = e, .scratch = scratch, .own = {.arena = scratch}};
    engine_forget_occupants(e->engine);
    if (sightings_count(e->sightings) == 0)
        return true;
    engine_each_allocation(e->engine, NULL, own_allocation, &o.own);
    for (size_t i = 0; e->own && i < e->own->count; i++)
        own_add(&o.own, &e->own->items[i].cidr, e->own->items[i].id);
    own_sort(&o.own);
    sightings_each(e->sightings, occupy_one, &o);
    if (o.count > 0)
        log_line(LOG_DEBUG, "%zu CIDRs of networks without a pool keep their space", o.count);
    return !o.failed;
}
