/*
 * adopt - networks that exist already become resources and allocations
 *
 * Nobody renumbers a running network, so whatever is seen keeps its CIDR: adoption never refuses
 * because of a rule or an overlap. It records, and what is wrong is reported like anything else
 * that is wrong with something that exists (engine_audit_*).
 *
 * Two ways in. An import makes a resource of a network that was seen: its attributes are the
 * sighting's, and its pool is searched, because no cloud tells which pool a CIDR came from. As that
 * is a guess, the configuration has the last word: the pool that it names takes the CIDR in place.
 * And pools with auto_import take networks by themselves. These allocations are in no state. They
 * follow from the witnesses and the pools alone and are found anew in every run, with ids that are
 * derived from network and CIDR, so that nothing has to be remembered, and a later import of the
 * same network finds its own allocation.
 */
#include "provider/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

/* --- sightings --- */

bool sighting_has(const struct sighting *s, const struct cidr *c)
{
    for (size_t i = 0; i < s->cidr_count; i++)
        if (cidr_equal(&s->cidrs[i], c))
            return true;
    return false;
}

const struct cidr *sighting_cidr(const struct sighting *s, enum family f)
{
    if (cidr_is_set(&s->primary) && s->primary.family == f)
        return &s->primary;
    for (size_t i = 0; i < s->cidr_count; i++)
        if (s->cidrs[i].family == f)
            return &s->cidrs[i];
    return NULL;
}

const char *sighting_text(struct arena *a, const struct sighting *s)
{
    const char *name = *s->id ? s->id : *s->name ? s->name : "a network without an id";
    const char *owner = *s->owner ? arena_printf(a, "account %s, ", s->owner) : "";
    const char *region = *s->region ? arena_printf(a, "Region %s; ", s->region) : "";
    return arena_printf(a, "%s (%s%sseen at %s)", name, owner, region, s->where);
}

/* --- the right pool --- */

bool adopt_pool_contains(const struct pool *p, const struct cidr *c)
{
    struct cidr own;
    for (size_t i = 0; pool_cidr_at(p, i, &own); i++)
        if (cidr_contains(&own, c))
            return true;
    return false;
}

struct pool_search {
    const struct engine *engine;
    const struct cidr *cidr;
    const char *region, *vpc_id; /* one of them; the other is NULL */
    const char *scope_id;        /* NULL: any */
    const struct pool *best;
};

static bool in_default_scope(const struct engine *e, const struct pool *p)
{
    const struct scope *s = engine_scope(e, pool_info(p)->scope_id);
    return s && scope_info(s)->is_default;
}

static bool serves(const struct pool_search *s, const struct pool *p)
{
    const struct pool_info *info = pool_info(p);
    const char *vpc = planning_vpc(s->engine, p);
    if (s->vpc_id)
        return vpc && strcmp(vpc, s->vpc_id) == 0;
    if (s->scope_id && (!info->scope_id || strcmp(info->scope_id, s->scope_id) != 0))
        return false;
    return !vpc && info->locale && strcmp(info->locale, s->region) == 0;
}

/* Pools come by id, so the first of equals stays. */
static bool search_visit(void *ctx, const struct pool *p)
{
    struct pool_search *s = ctx;
    if (!pool_is_known(p) || pool_info(p)->family != (enum family)s->cidr->family ||
        !serves(s, p) || !adopt_pool_contains(p, s->cidr))
        return true;
    bool best_default = s->best && in_default_scope(s->engine, s->best);
    bool is_default = in_default_scope(s->engine, p);
    if (!s->best || (is_default && !best_default) ||
        (is_default == best_default && pool_depth(p) > pool_depth(s->best)))
        s->best = p;
    return true;
}

const struct pool *adopt_pool(const struct engine *e, const struct cidr *c, const char *region,
                              const char *scope_id)
{
    struct pool_search s = {.engine = e,
                            .cidr = c,
                            .region = region,
                            .scope_id = engine_scope(e, scope_id) ? scope_id : NULL};
    engine_each_pool(e, search_visit, &s);
    return s.best;
}

const struct pool *adopt_planning_pool(const struct engine *e, const struct cidr *c,
                                       const char *vpc_id)
{
    struct pool_search s = {.engine = e, .cidr = c, .vpc_id = vpc_id};
    engine_each_pool(e, search_visit, &s);
    return s.best;
}

bool adopt_may_join(struct call *c, const char *attribute, const char *what, const char *pool_id,
                    const struct cidr *cidr)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, pool_id);
    char text[CIDR_TEXT_SIZE];
    if (!p || pool_cidr_count(p) == 0 || adopt_pool_contains(p, cidr))
        return true;
    diag_error(
        c->diags, PATH_ATTR(NULL, attribute),
        arena_printf(c->arena, "importing %s: InvalidParameterValue", what),
        "The CIDR %s of the imported %s is in none of the CIDRs of %s. What exists keeps its "
        "CIDR, so it can only belong to a pool that contains it. Provision a CIDR that "
        "contains it to this pool, name the pool that has it, or leave %s out.",
        cidr_format(cidr, text), what, pool_name(c, pool_id), attribute);
    return false;
}

bool adopt_plan_keep(struct call *c, struct change *ch, const struct adopt_kept *k)
{
    struct cidr cidr;
    bool found = import_is_found(ch->prior_private);
    bool named = field_has(k->pool);
    if (!field_cidr(k->had_cidr, &cidr))
        return false;
    if (k->length->is == ABSENT || (k->length->is == KNOWN && k->length->v == cidr.len))
        replace_drop(ch, k->length_name);
    if (found && named && replace_has(ch, k->pool_name))
        adopt_may_join(c, k->pool_name, k->what, k->pool->v, &cidr);
    bool joins = !found && *k->had_pool->v == '\0' && named;
    if (found || joins)
        replace_drop(ch, k->pool_name);
    return joins && ch->replace.count == 0;
}

/* --- importing --- */

/* Tags as the AWS provider shows them: those of AWS itself and ignored ones are not there, and what
 * the provider block gives to everything is not written again. */
static const struct value *own_tags(struct call *c, const struct sighting *s,
                                    const struct value **all)
{
    const struct estate *e = estate_of(c);
    const struct value *tags = &value_null;
    *all = value_map(c->arena, NULL, 0);
    for (size_t i = 0; i < s->tags.count; i++) {
        const char *key = s->tags.items[i].key, *text = s->tags.items[i].value;
        if (strncmp(key, "aws:", 4) == 0 || tag_is_ignored(e, key))
            continue;
        const struct value *v = value_string(c->arena, text);
        *all = value_set(c->arena, *all, key, v);
        if (strcmp(value_str(value_get(e->default_tags, key), ""), text) != 0)
            tags = value_set(c->arena, tags, key, v);
    }
    return tags;
}

const struct value *adopt_base(struct call *c, const struct resource *r, const struct sighting *s)
{
    const struct estate *e = estate_of(c);
    const struct value *v = &value_null, *all, *tags = own_tags(c, s, &all);
    for (const struct attribute *at = r->schema->block.attributes; at->name; at++)
        v = value_set(c->arena, v, at->name, schema_default(c->arena, at));
    const struct {
        const char *name;
        const struct value *value;
    } told[] = {
        {"id", value_string(c->arena, s->id)},
        {"region", value_string(c->arena, *s->region ? s->region : e->region)},
        {"owner_id",
         value_string(c->arena, e->account_named && *s->owner ? s->owner : e->account_id)},
        {"tags", tags},
        {"tags_all", all},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        for (const struct attribute *at = r->schema->block.attributes; at->name; at++)
            if (strcmp(at->name, told[i].name) == 0)
                v = value_set(c->arena, v, at->name, told[i].value);
    return v;
}

void adopt_missing_pool(struct call *c, const char *pool_name, const char *cidr_name,
                        const struct value **state, struct bytes *private)
{
    const struct engine *e = estate_of(c)->engine;
    const char *text = value_str(value_get(*state, cidr_name), "");
    const char *pool = value_str(value_get(*state, pool_name), "");
    struct cidr cidr;
    /* A claim of an ended run may still tell of the pool; the states do not. */
    bool known =
        !value_is_null(memory_object(estate_of(c)->memory, c->arena, &pool_resource, pool));
    if (known || import_is_adopted(*private) || cidr_parse(text, strlen(text), &cidr) != CIDR_OK)
        return;
    const char *region = value_str(value_get(*state, "region"), estate_of(c)->region);
    const struct pool *p = adopt_pool(e, &cidr, region, "");
    if (!p)
        return;
    *state = value_set(c->arena, *state, pool_name, value_string(c->arena, pool_info(p)->id));
    *private = import_found();
}

/* --- auto_import --- */

/* A CIDR of a network inside a pool that imports by itself. */
struct candidate {
    struct cidr cidr;
    const struct pool *pool;
    const char *id, *owner, *region;
    const char *scope_id; /* NULL: any */
    struct tags tags;
    bool own; /* a resource of this provider, which names no pool */
};

struct candidates {
    struct engine *engine;
    const struct memory *memory;
    struct arena *arena;
    const struct pool **pools;
    struct candidate *items;
    size_t pool_count, pool_capacity, count, capacity;
};

static bool gather_pool(void *ctx, const struct pool *p)
{
    struct candidates *l = ctx;
    const struct pool_info *info = pool_info(p);
    if (!pool_is_known(p) || !info->auto_import || !info->locale || info->planning)
        return true;
    ARENA_ROOM(l->arena, l->pools, l->pool_count, l->pool_capacity, 16);
    l->pools[l->pool_count++] = p;
    return true;
}

static void add_one(struct candidates *l, const struct candidate *k)
{
    ARENA_ROOM(l->arena, l->items, l->count, l->capacity, 64);
    l->items[l->count++] = *k;
}

/* Once for each pool that takes it. */
static void add_candidate(struct candidates *l, struct candidate k)
{
    for (size_t i = 0; i < l->pool_count; i++) {
        k.pool = l->pools[i];
        const struct pool_info *info = pool_info(k.pool);
        bool in_scope = !k.scope_id || (info->scope_id && strcmp(info->scope_id, k.scope_id) == 0);
        if (in_scope && strcmp(info->locale, k.region) == 0 && adopt_pool_contains(k.pool, &k.cidr))
            add_one(l, &k);
    }
}

/* What is an allocation already is found out by its space being taken. */
static bool gather_sighting(void *ctx, const struct sighting *s)
{
    struct candidates *l = ctx;
    if (s->kind != SIGHTED_NETWORK || !*s->id)
        return true;
    const char *scope = engine_scope(l->engine, s->scope_id) ? s->scope_id : NULL;
    for (size_t i = 0; i < s->cidr_count; i++)
        add_candidate(l, (struct candidate){.cidr = s->cidrs[i],
                                            .id = s->id,
                                            .owner = s->owner,
                                            .region = s->region,
                                            .scope_id = scope,
                                            .tags = s->tags});
    return true;
}

/* A CIDR that was added to a VPC later is the VPC's. */
static void gather_network(void *ctx, const struct network *n)
{
    struct candidates *l = ctx;
    const struct cidr *cidrs[] = {&n->v4, &n->v6};
    const struct network *vpc = n->kind == NETWORK_VPC ? n : memory_network(l->memory, n->vpc_id);
    for (size_t i = 0; vpc && i < 2; i++)
        if (cidr_is_set(cidrs[i]) &&
            !engine_allocation(l->engine, allocation_id_of(l->arena, vpc->id, cidrs[i])))
            add_candidate(l, (struct candidate){.cidr = *cidrs[i],
                                                .id = vpc->id,
                                                .owner = vpc->owner,
                                                .region = vpc->region,
                                                .tags = vpc->tags,
                                                .own = true});
}

/* By pool; then the larger network stands right before those that are inside of it. */
static int candidate_order(const void *x, const void *y)
{
    const struct candidate *a = x, *b = y;
    int order = strcmp(pool_info(a->pool)->id, pool_info(b->pool)->id);
    if (order == 0)
        order = cidr_compare(&a->cidr, &b->cidr);
    if (order == 0)
        order = strcmp(a->id, b->id);
    return order ? order : b->own - a->own;
}

static enum engine_result take(struct candidates *l, const struct candidate *k)
{
    const struct allocation_request r = {
        .id = allocation_id_of(l->arena, k->id, &k->cidr),
        .pool_id = pool_info(k->pool)->id,
        .type = ALLOCATION_VPC,
        .cidr = k->cidr,
        .length = -1,
        .resource_id = k->id,
        .owner = k->owner,
        .region = k->region,
        .tags = k->tags,
        .imported = true,
    };
    return engine_load_allocation(l->engine, &r);
}

/* CIDRs nest or are disjoint, and containers come first: what overlaps one that was taken lies
 * inside the last one that was. */
static bool take_all(struct candidates *l)
{
    const struct candidate *last = NULL;
    size_t taken = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct candidate *k = &l->items[i];
        bool covered = last && last->pool == k->pool && cidr_contains(&last->cidr, &k->cidr);
        struct cidr other;
        if (covered || space_overlapping(pool_space(k->pool), &k->cidr, &other))
            continue;
        if (take(l, k) != ENGINE_OK)
            return false;
        taken++;
        last = k;
    }
    if (taken > 0)
        log_line(LOG_DEBUG, "auto_import: %zu allocations of networks that were seen", taken);
    return true;
}

bool adopt_discovered(struct estate *e, struct arena *scratch)
{
    struct candidates l = {.engine = e->engine, .memory = e->memory, .arena = scratch};
    if (engine_settle(e->engine) != ENGINE_OK)
        return false;
    engine_each_pool(e->engine, gather_pool, &l);
    if (l.pool_count == 0)
        return true;
    sightings_each(e->sightings, gather_sighting, &l);
    memory_each_network(e->memory, NETWORK_VPC, gather_network, &l);
    memory_each_network(e->memory, NETWORK_ASSOCIATION, gather_network, &l);
    if (l.count > 0)
        qsort(l.items, l.count, sizeof *l.items, candidate_order);
    return take_all(&l) && engine_settle(e->engine) == ENGINE_OK;
}

bool adopt_keeps_v6(const struct adopt_kept *k, const struct value *written)
{
    struct cidr had;
    bool has_one = field_cidr(k->had_cidr, &had);
    bool same_pool = k->pool->is == KNOWN && strcmp(k->pool->v, k->had_pool->v) == 0;
    bool same_length =
        k->length->is == KNOWN && (k->length->v == 0 || (has_one && k->length->v == had.len));
    bool same_cidr =
        value_is_null(written) || (has_one && strcmp(value_str(written, ""), k->had_cidr->v) == 0);
    return same_pool && same_length && same_cidr && (has_one || !*k->pool->v);
}
