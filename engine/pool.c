/*
 * pool - pools, their place in the hierarchy, the list of their CIDRs
 *
 * A pool points to its source pool. Anything that names a pool which was not seen yet makes an
 * unknown one, only referred to, so that loading needs no order; its definition fills it later.
 * Loaded hierarchies may be anything, cycles too, so every walk up the chain is bounded.
 *
 * The pool's CIDRs are kept sorted and exact, as they were provisioned or loaded. They may overlap
 * each other when they were loaded so; the space takes the outermost as its roots (view.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

/* Far above any quota in use; it only ends the walk through a cycle. */
#define CHAIN_MAX 256

/* --- reading --- */

struct pool *pool_find(const struct engine *e, const char *id)
{
    return registry_find(&e->pools, id);
}

const struct pool *engine_pool(const struct engine *e, const char *id)
{
    return pool_find(e, id);
}

const struct pool_info *pool_info(const struct pool *p)
{
    return p->info;
}

bool pool_is_known(const struct pool *p)
{
    return p->known;
}

unsigned pool_depth(const struct pool *p)
{
    unsigned depth = 1;
    while ((p = p->source) && depth < CHAIN_MAX) {
        depth++;
    }
    return depth;
}

const struct space *pool_space(const struct pool *p)
{
    return p->space;
}

size_t pool_allocation_count(const struct pool *p)
{
    return p->allocation_count;
}

size_t pool_cidr_count(const struct pool *p)
{
    return p->cidr_count;
}

bool pool_cidr_at(const struct pool *p, size_t i, struct cidr *out)
{
    if (i >= p->cidr_count) {
        return false;
    }
    *out = p->cidrs[i].cidr;
    return true;
}

bool engine_each_pool(const struct engine *e, pool_visit fn, void *ctx)
{
    for (size_t i = 0; i < e->pools.count; i++) {
        if (!fn(ctx, e->pools.items[i])) {
            return false;
        }
    }
    return true;
}

bool engine_each_child(const struct engine *e, const struct pool *p, pool_visit fn, void *ctx)
{
    for (size_t i = 0; i < e->pools.count; i++) {
        const struct pool *child = e->pools.items[i];
        if (child->source == p && !fn(ctx, child)) {
            return false;
        }
    }
    return true;
}

size_t pool_children(const struct engine *e, const struct pool *p)
{
    size_t n = 0;
    for (size_t i = 0; i < e->pools.count; i++) {
        n += ((const struct pool *)e->pools.items[i])->source == p;
    }
    return n;
}

/* --- the hierarchy --- */

bool pool_is_ancestor(const struct pool *ancestor, const struct pool *p)
{
    for (unsigned depth = 0; p && depth < CHAIN_MAX; p = p->source, depth++) {
        if (p == ancestor) {
            return true;
        }
    }
    return false;
}

bool pool_in_planning(const struct pool *p)
{
    for (unsigned depth = 0; p && depth < CHAIN_MAX; p = p->source, depth++) {
        if (p->info->planning) {
            return true;
        }
    }
    return false;
}

bool pool_comparable(const struct pool *a, const struct pool *b)
{
    return a->known && b->known && strcmp(a->info->scope_id, b->info->scope_id) == 0 &&
           pool_in_planning(a) == pool_in_planning(b);
}

/* --- definitions --- */

static struct pool_info *info_copy(const struct pool_info *info)
{
    size_t size = sizeof(*info) + pack_tags_size(&info->rules.tags) + pack_size(info->id) +
                  pack_size(info->scope_id) + pack_size(info->source_id) + pack_size(info->locale) +
                  pack_size(info->description) + pack_size(info->owner) +
                  pack_size(info->resource_id);
    struct pool_info *copy = malloc(size);
    if (!copy) {
        return NULL;
    }
    struct tag *tags = (struct tag *)(copy + 1);
    char *at = (char *)(tags + info->rules.tags.count);
    *copy = *info;
    copy->rules.tags = pack_tags(tags, &at, &info->rules.tags);
    copy->id = pack(&at, info->id);
    copy->scope_id = pack(&at, info->scope_id);
    copy->source_id = text_empty(info->source_id) ? NULL : pack(&at, info->source_id);
    copy->locale = text_empty(info->locale) ? NULL : pack(&at, info->locale);
    copy->description = pack(&at, info->description);
    copy->owner = pack(&at, info->owner);
    copy->resource_id = pack(&at, info->resource_id);
    return copy;
}

static void source_set(struct pool *p, struct pool *source)
{
    if (p->source && p->info->planning) {
        p->source->planning_children--;
    }
    p->source = source;
}

struct pool *pool_refer(struct engine *e, const char *id)
{
    id = id ? id : "";
    struct pool *p = pool_find(e, id);
    if (p || !registry_reserve(&e->pools, 1)) {
        return p;
    }
    p = calloc(1, sizeof(*p));
    if (!p) {
        return NULL;
    }
    p->info = info_copy(&(struct pool_info){.id = id, .rules = {-1, -1, -1, {NULL, 0}}});
    p->space = p->info ? space_new(FAMILY_V4) : NULL;
    if (!p->space) {
        pool_free(e, p);
        return NULL;
    }
    p->id = p->info->id;
    registry_add(&e->pools, p);
    return p;
}

/* Gives the pool this definition. A source that is not there becomes one that is referred to. */
static bool pool_define(struct engine *e, struct pool *p, const struct pool_info *info)
{
    struct pool *source = NULL;
    struct pool_info *copy = info_copy(info);
    if (!copy) {
        return false;
    }
    if (copy->source_id && !(source = pool_refer(e, copy->source_id))) {
        free(copy);
        return false;
    }
    if (!p->known || p->info->family != copy->family) {
        mark_rebuild(e, p);
    }
    if (!p->known || p->info->ignore_occupants != copy->ignore_occupants ||
        strcmp(p->info->scope_id, copy->scope_id) != 0 || p->info->planning != copy->planning) {
        view_drop(p);
        open_drop(p, false);
    }
    source_set(p, source);
    free(p->info);
    p->info = copy;
    p->id = copy->id;
    p->known = true;
    if (source && copy->planning) {
        source->planning_children++;
    }
    return true;
}

void pool_free(struct engine *e, struct pool *p)
{
    e->conflict_count -= p->conflicts.count;
    for (size_t i = 0; i < p->cidr_count; i++) {
        free(p->cidrs[i].allocation_id);
    }
    free(p->cidrs);
    free(p->conflicts.items);
    free(p->pending.items);
    free(p->intents);
    free(p->supplies);
    demand_free(e, p);
    free(p->departed);
    space_free(p->space);
    view_drop(p);
    open_drop(p, false);
    free(p->info);
    free(p);
}

static bool topology_changed(struct engine *e)
{
    e->topology = e->unsettled = true;
    return true;
}

/* Another source: the pool's CIDRs are no longer taken from the old one. They are linked to the new
 * one by settling. */
static void backings_drop(struct engine *e, struct pool *p)
{
    for (size_t i = 0; i < p->cidr_count; i++) {
        struct allocation *backing = p->cidrs[i].backing;
        p->cidrs[i].backing = NULL;
        if (backing && backing->type == ALLOCATION_POOL) {
            record_drop(e, backing);
        }
    }
}

bool pool_put(struct engine *e, const struct pool_info *info)
{
    struct pool *p = pool_find(e, info->id);
    bool fresh = !p;
    if (!p && !(p = pool_refer(e, info->id))) {
        return false;
    }
    const struct pool *source = p->source;
    if (!pool_define(e, p, info)) {
        if (fresh) {
            registry_remove(&e->pools, p);
            pool_free(e, p);
        }
        return false;
    }
    if (p->source != source) {
        backings_drop(e, p);
    }
    return fresh || topology_changed(e);
}

static enum engine_result check_locale(const struct engine *e, const struct pool_info *info,
                                       const struct pool *source, struct refusal *why)
{
    const char *above = source ? source->info->locale : NULL;
    if (source && info->planning && !above) {
        refuse(why, REFUSAL_PLANNING_LOCALE, info->id);
        REFUSAL_SET(why->other_id, source->id);
        return ENGINE_REFUSED;
    }
    if (source && above && !text_equal(above, info->locale)) {
        refuse(why, REFUSAL_LOCALE_SOURCE, info->id);
        REFUSAL_SET(why->other_id, source->id);
        REFUSAL_SET(why->text, info->locale);
        REFUSAL_SET(why->text2, above);
        return ENGINE_REFUSED;
    }
    const struct scope *scope = engine_scope(e, info->scope_id);
    const struct ipam *ipam = engine_ipam(e, scope->info->ipam_id);
    const char *const *region = ipam ? ipam->info->operating_regions : NULL;
    if (!info->locale || !region) {
        return ENGINE_OK;
    }
    char list[sizeof(why->text2)];
    size_t used = 0;
    for (list[0] = '\0'; *region; region++) {
        if (strcmp(*region, info->locale) == 0) {
            return ENGINE_OK;
        }
        int n = snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", *region);
        used = n > 0 && used + (size_t)n < sizeof(list) ? used + (size_t)n : sizeof(list) - 1;
    }
    refuse(why, REFUSAL_LOCALE_REGION, info->id);
    REFUSAL_SET(why->text, info->locale);
    REFUSAL_SET(why->text2, list);
    return ENGINE_REFUSED;
}

static enum engine_result check_source(const struct engine *e, const struct pool_info *info,
                                       const struct pool *source, struct refusal *why)
{
    enum engine_result result = must_own(e, source->info->owner, "source pool", source->id, why);
    if (result != ENGINE_OK) {
        return result;
    }
    if (strcmp(source->info->scope_id, info->scope_id) != 0) {
        refuse(why, REFUSAL_SCOPE_MISMATCH, info->id);
        REFUSAL_SET(why->other_id, source->id);
        REFUSAL_SET(why->text, info->scope_id);
        REFUSAL_SET(why->text2, source->info->scope_id);
        return ENGINE_REFUSED;
    }
    if (info->family != source->info->family) {
        refuse_family(why, source, info->family);
        REFUSAL_SET(why->id, info->id);
        REFUSAL_SET(why->other_id, source->id);
        return ENGINE_REFUSED;
    }
    unsigned depth = pool_depth(source) + 1;
    if (depth > e->quotas.pool_depth) {
        refuse_count(why, REFUSAL_DEPTH, info->id, "depth", depth, e->quotas.pool_depth);
        REFUSAL_SET(why->other_id, source->id);
        return ENGINE_REFUSED;
    }
    return ENGINE_OK;
}

/* info's optional texts may still be "" here: the copy turns them to NULL. */
static enum engine_result check_pool(const struct engine *e, const struct pool_info *info,
                                     struct refusal *why)
{
    struct pool_info i = *info;
    i.locale = text_empty(i.locale) ? NULL : i.locale;
    const struct pool *known = pool_find(e, i.id), *source = NULL;
    if (known && known->known) {
        return refuse(why, REFUSAL_EXISTS, i.id);
    }
    const struct scope *scope = engine_scope(e, i.scope_id);
    if (!scope) {
        return refuse(why, REFUSAL_SCOPE_UNKNOWN, i.scope_id);
    }
    const struct ipam *ipam = engine_ipam(e, scope->info->ipam_id);
    enum engine_result result =
        must_own(e, ipam ? ipam->info->owner : NULL, "IPAM scope", scope->id, why);
    if (result != ENGINE_OK) {
        return result;
    }
    if (!text_empty(i.source_id)) {
        source = pool_find(e, i.source_id);
        if (!source || !source->known) {
            return refuse_pool_unknown(why, i.source_id, source);
        }
        result = check_source(e, &i, source, why);
        if (result != ENGINE_OK) {
            return result;
        }
    }
    result = check_locale(e, &i, source, why);
    size_t pools = scope_pools(e, i.scope_id);
    if (result == ENGINE_OK && pools >= e->quotas.pools_per_scope) {
        result =
            refuse_count(why, REFUSAL_QUOTA, i.scope_id, "pool", pools, e->quotas.pools_per_scope);
    }
    return result == ENGINE_OK ? rules_valid(&i, why) : result;
}

enum engine_result engine_add_pool(struct engine *e, const struct pool_info *p, struct refusal *why)
{
    enum engine_result result = engine_settle(e);
    if (result == ENGINE_OK) {
        result = check_pool(e, p, why);
    }
    if (result != ENGINE_OK) {
        return result;
    }
    if (!pool_put(e, p)) {
        return ENGINE_NO_MEMORY;
    }
    settle_if_possible(e);
    return ENGINE_OK;
}

enum engine_result engine_update_pool(struct engine *e, const struct pool_info *p,
                                      struct refusal *why)
{
    struct pool *known = pool_find(e, p->id);
    if (!known || !known->known) {
        return refuse_pool_unknown(why, p->id, known);
    }
    struct pool_info merged = *known->info; /* what may not change is kept */
    merged.rules = p->rules;
    merged.description = p->description;
    merged.ignore_occupants = p->ignore_occupants;
    merged.auto_import = p->auto_import;
    enum engine_result result = must_own(e, merged.owner, "IPAM pool", p->id, why);
    if (result == ENGINE_OK) {
        result = rules_valid(&merged, why);
    }
    if (result != ENGINE_OK) {
        return result;
    }
    return pool_define(e, known, &merged) ? ENGINE_OK : ENGINE_NO_MEMORY;
}

/* --- CIDRs --- */

size_t pool_cidr_seek(const struct pool *p, const struct cidr *c, bool *found)
{
    size_t low = 0, high = p->cidr_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cidr_compare(&p->cidrs[middle].cidr, c) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = low < p->cidr_count && cidr_equal(&p->cidrs[low].cidr, c);
    return low;
}

bool pool_cidr_reserve(struct pool *p)
{
    return grow(&p->cidrs, &p->cidr_capacity, p->cidr_count + 1, sizeof(*p->cidrs));
}

struct pool_cidr *pool_cidr_add(struct pool *p, const struct cidr *c)
{
    bool found;
    size_t i = pool_cidr_seek(p, c, &found);
    memmove(p->cidrs + i + 1, p->cidrs + i, (p->cidr_count - i) * sizeof(*p->cidrs));
    p->cidr_count++;
    p->cidrs[i] = (struct pool_cidr){.cidr = *c};
    return &p->cidrs[i];
}

void pool_cidr_remove(struct pool *p, size_t i)
{
    free(p->cidrs[i].allocation_id);
    p->cidr_count--;
    memmove(p->cidrs + i, p->cidrs + i + 1, (p->cidr_count - i) * sizeof(*p->cidrs));
}

const struct cidr *pool_cidr_overlap(const struct pool *p, const struct cidr *c, bool planned)
{
    for (size_t i = 0; i < p->cidr_count; i++) {
        if (cidr_overlaps(&p->cidrs[i].cidr, c) && !(planned && p->cidrs[i].leaving)) {
            return &p->cidrs[i].cidr;
        }
    }
    return NULL;
}

static struct pool_cidr *backed_in(struct pool *p, const struct allocation *a)
{
    bool found;
    size_t i = pool_cidr_seek(p, &a->cidr, &found);
    return found && p->cidrs[i].backing == a ? &p->cidrs[i] : NULL;
}

struct pool_cidr *pool_cidr_backed(const struct engine *e, const struct allocation *a,
                                   struct pool **child)
{
    if (a->type == ALLOCATION_POOL) {
        *child = pool_find(e, a->resource_id);
        return *child ? backed_in(*child, a) : NULL;
    }
    if (a->pool->planning_children == 0) {
        return NULL;
    }
    for (size_t i = 0; i < e->pools.count; i++) {
        *child = e->pools.items[i];
        if ((*child)->source == a->pool && (*child)->info->planning) {
            struct pool_cidr *backed = backed_in(*child, a);
            if (backed) {
                return backed;
            }
        }
    }
    return NULL;
}

/* --- removing --- */

/* What is fed by a doomed pool is doomed. */
static void doom_descendants(struct engine *e)
{
    for (size_t i = 0; i < e->pools.count; i++) {
        struct pool *p = e->pools.items[i];
        const struct pool *above = p->source;
        for (unsigned depth = 0; above && !p->doomed && depth < CHAIN_MAX; depth++) {
            p->doomed = above->doomed;
            above = above->source;
        }
    }
}

void pools_remove_doomed(struct engine *e)
{
    doom_descendants(e);
    for (size_t i = 0; i < e->pools.count; i++) { /* their CIDRs return to pools that stay */
        struct pool *p = e->pools.items[i];
        for (size_t c = 0; p->doomed && c < p->cidr_count; c++) {
            struct allocation *backing = p->cidrs[c].backing;
            p->cidrs[c].backing = NULL;
            if (backing && backing->type == ALLOCATION_POOL && !backing->pool->doomed) {
                record_drop(e, backing);
            }
        }
    }
    size_t at = 0;
    for (struct allocation *a; (a = index_next(&e->by_id, &at));) {
        if (a->pool->doomed) {
            id_remove(e, a);
            if (!a->conflicting) {
                place_remove(e, a);
            }
            record_free(e, a);
        }
    }
    for (size_t i = e->pools.count; i-- > 0;) {
        struct pool *p = e->pools.items[i];
        if (p->doomed) {
            source_set(p, NULL);
        }
    }
    for (size_t i = e->pools.count; i-- > 0;) {
        struct pool *p = e->pools.items[i];
        if (p->doomed) {
            registry_remove(&e->pools, p);
            pool_free(e, p);
        }
    }
}

enum engine_result engine_remove_pool(struct engine *e, const char *id, bool cascade,
                                      struct refusal *why)
{
    struct pool *p = pool_find(e, id);
    if (!p || !p->known) {
        return refuse_pool_unknown(why, id, p);
    }
    enum engine_result result = engine_settle(e);
    if (result == ENGINE_OK) {
        result = must_own(e, p->info->owner, "IPAM pool", id, why);
    }
    if (result != ENGINE_OK) {
        return result;
    }
    size_t children = pool_children(e, p);
    if (!cascade && p->cidr_count > 0) {
        return refuse_count(why, REFUSAL_NOT_EMPTY, id, "CIDR", p->cidr_count, 0);
    }
    if (!cascade && p->allocation_count > 0) {
        return refuse_count(why, REFUSAL_NOT_EMPTY, id, "allocation", p->allocation_count, 0);
    }
    if (!cascade && children > 0) {
        return refuse_count(why, REFUSAL_NOT_EMPTY, id, "child pool", children, 0);
    }
    p->doomed = true;
    pools_remove_doomed(e);
    settle_if_possible(e);
    return ENGINE_OK;
}
