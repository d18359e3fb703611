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
 * What was seen is as it was when the provider was configured, for the whole run. So both plans of
 * one apply choose alike; and a VPC that the run destroys does not come back as an occupant because
 * an inventory of yesterday still has it.
 *
 * A VPC of a resource of this provider that names no pool, and a CIDR that was added to one, hold
 * their space in the same way. They do come and go with the run: what an apply makes is an occupant
 * from then on, what it destroys is none any more, what it gives to a pool is an allocation. Each
 * is known by the id that its allocation would have, which follows from VPC and CIDR; a table of
 * these ids tells at once whether there is anything to do. Subnets are in their VPC and hold
 * nothing more.
 *
 * Nobody refuses a VPC that names its CIDR and no pool. When a draw was first, there is an overlap,
 * and a plan can only say so; hence draws keep off what the plan has seen (forecast.h).
 */
#include "provider/occupied.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/linkhash.h>

#include "proto/log.h"
#include "proto/text.h"
#include "provider/adopt.h"
#include "provider/forecast.h"

/* --- what is one's own --- */

static void own_add(struct own_cidrs *o, const struct cidr *c, const char *id)
{
    if (!cidr_is_set(c) || !*id)
        return;
    ARENA_ROOM(o->arena, o->items, o->count, o->capacity, 64);
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

/* --- scopes --- */

bool sighting_in_scope(const struct engine *e, const struct sighting *s, const struct cidr *c,
                       const struct scope *scope)
{
    if (*s->scope_id && engine_scope(e, s->scope_id))
        return strcmp(s->scope_id, scope_info(scope)->id) == 0;
    return engine_scope_takes(e, scope, c, s->region);
}

#define SCOPES_SHOWN 5

struct strange {
    const struct engine *engine;
    struct text text;
    size_t count;
};

static bool note_strange(void *ctx, const struct sighting *s)
{
    struct strange *st = ctx;
    if (*s->scope_id && !engine_scope(st->engine, s->scope_id) && st->count++ < SCOPES_SHOWN)
        text_printf(&st->text, "%s names %.64s.\n", s->where, s->scope_id);
    return true;
}

void occupied_warn_scopes(const struct estate *e, struct diags *d)
{
    struct strange st = {.engine = e->engine, .text = text_new(d->arena)};
    sightings_each(e->sightings, note_strange, &st);
    if (st.count > SCOPES_SHOWN)
        text_printf(&st.text, "... and %zu more.\n", st.count - SCOPES_SHOWN);
    if (st.count > 0)
        diag_warning(d, NULL, "An inventory names an IPAM scope that is not known",
                     "%sUntil a state that was read has the scope, these networks count in the "
                     "default scopes. Correct the id, or name the state that has it in an estate "
                     "block.",
                     text_end(&st.text));
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
        .scope_id = engine_scope(o->estate->engine, one->scope_id) ? one->scope_id : NULL,
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

/* --- networks without a pool --- */

/* What the table of ids says: it is an occupant, or it was said to leave before it was one. */
static const char told[] = "told", leaving[] = "leaving";

struct plain {
    struct cidr cidr;
    const char *id; /* that its allocation would have */
    const char *vpc, *region, *owner, *where;
};

static void free_key(struct lh_entry *entry)
{
    free(lh_entry_k(entry));
}

struct lh_table *occupants_new(void)
{
    return lh_kchar_table_new(64, free_key);
}

void occupants_free(struct lh_table *occupants)
{
    if (occupants)
        lh_table_free(occupants);
}

static const char *table_find(const struct estate *e, const char *id)
{
    struct lh_entry *entry = lh_table_lookup_entry(e->occupants, id);
    return entry ? lh_entry_v(entry) : NULL;
}

static bool table_put(const struct estate *e, const char *id, const char *state)
{
    struct lh_entry *entry = lh_table_lookup_entry(e->occupants, id);
    if (entry) {
        lh_entry_set_val(entry, (void *)(uintptr_t)state);
        return true;
    }
    char *key = strdup(id);
    if (key && lh_table_insert(e->occupants, key, state) == 0)
        return true;
    free(key);
    return false;
}

static bool keep(struct estate *e, const struct plain *p)
{
    const struct occupant occupant = {
        .region = p->region,
        .cidr = p->cidr,
        .resource_id = p->vpc,
        .allocation_id = p->id,
        .type = "vpc",
        .owner = p->owner,
        .where = p->where,
        .own = true,
    };
    bool leaves = table_find(e, p->id) == leaving;
    if (!table_put(e, p->id, told) || engine_load_occupant(e->engine, &occupant) != ENGINE_OK)
        return false;
    if (leaves)
        engine_plan_leave_occupant(e->engine, p->id);
    return true;
}

bool occupied_has(const struct estate *e, const char *allocation_id)
{
    return table_find(e, allocation_id) == told;
}

bool occupied_leave(const struct estate *e, const char *allocation_id)
{
    if (!occupied_has(e, allocation_id)) {
        /* Without memory a check of the plan is stricter than it could be. */
        if (!table_put(e, allocation_id, leaving))
            log_line(LOG_DEBUG, "out of memory: %s does not leave", allocation_id);
        return false;
    }
    engine_plan_leave_occupant(e->engine, allocation_id);
    return true;
}

bool occupied_gone(const struct estate *e, const char *allocation_id)
{
    if (!occupied_has(e, allocation_id))
        return false;
    engine_unload_occupant(e->engine, allocation_id);
    lh_table_delete(e->occupants, allocation_id);
    return true;
}

static bool is_plain(const struct estate *e, const struct plain *p)
{
    return !engine_allocation(e->engine, p->id);
}

/* --- ... of objects --- */

static bool makes_networks(const struct resource *r)
{
    return r == &vpc_resource || r == &ipv4_association_resource || r == &ipv6_association_resource;
}

static size_t places_of(const struct estate *e, const struct resource *r, const struct facts *f,
                        struct plain out[2])
{
    static const char *const names[] = {"cidr_block", "ipv6_cidr_block"};
    const char *vpc = fact_string(f, r == &vpc_resource ? "id" : "vpc_id");
    const char *region = fact_string(f, "region");
    const struct network *n = vpc ? memory_network(e->memory, vpc) : NULL;
    struct cidr c;
    size_t count = 0;
    for (size_t i = 0; vpc && i < 2; i++)
        if (fact_cidr(f, names[i], &c) && cidr_is_set(&c))
            out[count++] = (struct plain){.cidr = c,
                                          .id = allocation_id_of(f->arena, vpc, &c),
                                          .vpc = vpc,
                                          .region = region ? region : "",
                                          .owner = n ? n->owner : "",
                                          .where = f->where};
    return count;
}

static bool is_among(const struct plain *p, const struct plain *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(p->id, all[i].id) == 0)
            return true;
    return false;
}

bool occupied_learn(struct estate *e, const struct resource *r, const struct facts *f)
{
    struct plain now[2];
    size_t n = makes_networks(r) ? places_of(e, r, f, now) : 0;
    for (size_t i = 0; i < n; i++)
        if (is_plain(e, &now[i]) && !occupied_has(e, now[i].id) && !keep(e, &now[i]))
            return false;
    return true;
}

void occupied_observe(struct call *c, const struct resource *r, const struct value *prior,
                      const struct value *now)
{
    struct estate *e = estate_of(c);
    struct plain before[2], after[2];
    if (!makes_networks(r))
        return;
    const struct network *known = memory_network(e->memory, value_str(value_get(now, "id"), ""));
    const struct facts was = {.arena = c->arena, .value = prior};
    const struct facts is = {.arena = c->arena, .value = now, .where = known ? known->where : NULL};
    size_t n = places_of(e, r, &was, before), m = places_of(e, r, &is, after);
    for (size_t i = 0; i < n; i++)
        if (!is_among(&before[i], after, m) && c->stage == CALL_APPLYING)
            occupied_gone(e, before[i].id);
        else if (!is_among(&before[i], after, m))
            occupied_leave(e, before[i].id);
    for (size_t i = 0; i < m; i++)
        if (!is_plain(e, &after[i]))
            occupied_gone(e, after[i].id);
    if (c->stage != CALL_PLANNING && !occupied_learn(e, r, &is))
        diag_warning(c->diags, NULL, "Out of memory",
                     "The space of %s is not kept from pools for the rest of this run.",
                     value_str(value_get(now, "id"), "a VPC"));
}

/* --- in a plan --- */

bool occupied_counts(const struct engine *e, const struct pool *p, const struct cidr *c,
                     const char *region)
{
    const struct pool_info *info = pool_info(p);
    const struct scope *s = info->scope_id ? engine_scope(e, info->scope_id) : NULL;
    return pool_is_known(p) && s && info->family == (enum family)c->family &&
           !info->ignore_occupants && !planning_vpc(e, p) && engine_scope_takes(e, s, c, region);
}

struct planning {
    struct call *call;
    const struct cidr *cidr;
    const char *region, *type_name;
    const struct pool *pool; /* that has something there */
    const struct allocation *holder;
};

/* A reservation around a network is made for it, and pools are put on top of what exists. */
static bool find_holder(void *ctx, const struct allocation *a)
{
    struct planning *p = ctx;
    bool around = a->type == ALLOCATION_POOL ||
                  (a->type == ALLOCATION_CUSTOM && cidr_contains(&a->cidr, p->cidr));
    if (!around && !a->leaving && cidr_overlaps(&a->cidr, p->cidr))
        p->holder = a;
    return !p->holder;
}

static bool plan_in_pool(void *ctx, const struct pool *pool)
{
    struct planning *p = ctx;
    struct engine *e = estate_of(p->call)->engine;
    struct cidr block;
    if (!occupied_counts(e, pool, p->cidr, p->region))
        return true;
    if (!p->holder && space_overlapping(pool_space(pool), p->cidr, &block)) {
        engine_each_allocation(e, pool, find_holder, p);
        p->pool = pool;
    }
    if (engine_plan_intent(e, pool_info(pool)->id, p->cidr) == ENGINE_OK)
        return true;
    report_no_memory(p->call, arena_printf(p->call->arena, "planning %s", p->type_name));
    return false;
}

static void warn_overlap(const struct planning *p)
{
    const struct allocation *a = p->holder;
    char text[2][CIDR_TEXT_SIZE];
    diag_warning(p->call->diags,
                 PATH_ATTR(NULL, p->cidr->family == FAMILY_V4 ? "cidr_block" : "ipv6_cidr_block"),
                 arena_printf(p->call->arena, "%s overlaps an allocation", p->type_name),
                 "The CIDR %s overlaps %s in %s, which is held by %s (%s). What names its CIDR and "
                 "no pool is created wherever it is told to be, as in AWS, so there will be an "
                 "overlap. Name the pool, best with a netmask length, or choose another CIDR.",
                 cidr_format(p->cidr, text[0]), cidr_format(&a->cidr, text[1]),
                 pool_name(p->call, pool_info(p->pool)->id),
                 a->resource_id && *a->resource_id ? a->resource_id : "an allocation", a->id);
}

void occupied_plan(struct call *c, const struct resource *r, const struct change *ch)
{
    static const char *const names[][2] = {{"cidr_block", "ipv4_ipam_pool_id"},
                                           {"ipv6_cidr_block", "ipv6_ipam_pool_id"}};
    const struct engine *e = estate_of(c)->engine;
    struct cidr cidr;
    for (size_t i = 0; ch->kind == CHANGE_CREATE && makes_networks(r) && i < 2; i++) {
        const char *text = value_str(value_get(ch->config, names[i][0]), "");
        struct planning p = {
            .call = c,
            .cidr = &cidr,
            .region = value_str(value_get(ch->planned, "region"), estate_of(c)->region),
            .type_name = c->type_name,
        };
        if (!value_is_null(value_get(ch->config, names[i][1])) ||
            cidr_parse(text, strlen(text), &cidr) != CIDR_OK)
            continue;
        forecast_network(c, p.region, &cidr);
        engine_each_pool(e, plan_in_pool, &p);
        if (p.holder)
            warn_overlap(&p);
    }
}

/* --- at the beginning --- */

struct loading {
    struct estate *estate;
    struct arena *scratch;
    const struct own_cidrs *own; /* as far as there are sightings */
    bool failed;
};

/* A state that the AWS provider wrote is read twice; the sighting says more. */
static bool is_seen(const struct loading *l, const char *vpc, const struct cidr *c)
{
    const struct sighting *s = sightings_find(l->estate->sightings, vpc);
    return s && sighting_has(s, c) && !own_has(l->own, c, vpc);
}

static void load_one(struct loading *l, const struct network *n, const struct cidr *c)
{
    struct estate *e = l->estate;
    const struct network *vpc = n->kind == NETWORK_VPC ? n : memory_network(e->memory, n->vpc_id);
    const struct plain p = {
        .cidr = *c,
        .id = allocation_id_of(l->scratch, n->vpc_id, c),
        .vpc = n->vpc_id,
        .region = n->region,
        .owner = vpc ? vpc->owner : "",
        .where = n->where,
    };
    if (cidr_is_set(c) && is_plain(e, &p) && !is_seen(l, n->vpc_id, c))
        l->failed = l->failed || !keep(e, &p);
}

static void load_network(void *ctx, const struct network *n)
{
    load_one(ctx, n, &n->v4);
    load_one(ctx, n, &n->v6);
}

static bool load_plain(struct estate *e, struct arena *scratch, const struct own_cidrs *own)
{
    struct loading l = {e, scratch, own, false};
    memory_each_network(e->memory, NETWORK_VPC, load_network, &l);
    memory_each_network(e->memory, NETWORK_ASSOCIATION, load_network, &l);
    return !l.failed;
}

bool occupied_load(struct estate *e, struct arena *scratch)
{
    struct occupying o = {.estate = e, .scratch = scratch, .own = {.arena = scratch}};
    engine_forget_occupants(e->engine);
    if (sightings_count(e->sightings) == 0)
        return load_plain(e, scratch, &o.own);
    engine_each_allocation(e->engine, NULL, own_allocation, &o.own);
    for (size_t i = 0; e->own && i < e->own->count; i++)
        own_add(&o.own, &e->own->items[i].cidr, e->own->items[i].id);
    own_sort(&o.own);
    o.failed = !load_plain(e, scratch, &o.own);
    sightings_each(e->sightings, occupy_one, &o);
    if (o.count > 0)
        log_line(LOG_DEBUG, "%zu CIDRs of networks without a pool keep their space", o.count);
    return !o.failed;
}
