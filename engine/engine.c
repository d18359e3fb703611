/*
 * engine - lifetime, IPAMs and scopes
 *
 * An IPAM is a set of operating regions and owns scopes; a scope is one address space, so the same
 * CIDR in two scopes is no overlap. Every IPAM is born with two default scopes, one private and one
 * public, that live as long as it does.
 *
 * Which quotas bind: all of struct quotas, on issuing only, with AWS's default values. Every pool
 * of a scope counts towards pools_per_scope, whatever its depth or kind; every scope of an IPAM
 * towards scopes_per_ipam. What is loaded is never refused, so an estate beyond a quota keeps
 * working and only cannot grow.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

struct engine *engine_new(void)
{
    struct engine *e = calloc(1, sizeof(*e));
    if (e) {
        e->quotas = (struct quotas){
            .pool_depth = 10, .cidrs_per_pool = 50, .pools_per_scope = 50, .scopes_per_ipam = 5};
        e->seed = (uint64_t)(uintptr_t)e;
    }
    return e;
}

void engine_free(struct engine *e)
{
    if (!e) {
        return;
    }
    size_t i = 0;
    for (struct allocation *a; (a = index_next(&e->by_id, &i));) {
        record_free(e, a);
    }
    i = 0;
    for (char *text; (text = index_next(&e->texts, &i));) {
        free(text);
    }
    for (i = 0; i < e->pools.count; i++) {
        pool_free(e, e->pools.items[i]);
    }
    for (i = 0; i < e->scopes.count; i++) {
        scope_free(e->scopes.items[i]);
    }
    for (i = 0; i < e->ipams.count; i++) {
        ipam_free(e->ipams.items[i]);
    }
    shares_free(e);
    occupied_free(e);
    index_free(&e->by_id);
    index_free(&e->by_place);
    index_free(&e->texts);
    free(e->pools.items);
    free(e->scopes.items);
    free(e->ipams.items);
    free(e);
}

struct quotas *engine_quotas(struct engine *e)
{
    return &e->quotas;
}

/* --- scopes --- */

struct scope *scope_new(const struct scope_info *info)
{
    struct scope *s = calloc(1, sizeof(*s));
    struct scope_info *copy =
        malloc(sizeof(*copy) + pack_size(info->id) + pack_size(info->ipam_id));
    if (!s || !copy) {
        free(s);
        free(copy);
        return NULL;
    }
    char *at = (char *)(copy + 1);
    *copy = *info;
    copy->id = pack(&at, info->id);
    copy->ipam_id = pack(&at, info->ipam_id);
    s->info = copy;
    s->id = copy->id;
    return s;
}

void scope_free(struct scope *s)
{
    if (s) {
        free(s->info);
        free(s);
    }
}

const struct scope *engine_scope(const struct engine *e, const char *id)
{
    return registry_find(&e->scopes, id);
}

const struct scope_info *scope_info(const struct scope *s)
{
    return s->info;
}

size_t scope_pools(const struct engine *e, const char *scope_id)
{
    size_t n = 0;
    for (size_t i = 0; i < e->pools.count; i++) {
        const struct pool *p = e->pools.items[i];
        n += p->known && strcmp(p->info->scope_id, scope_id) == 0;
    }
    return n;
}

static size_t ipam_scopes(const struct engine *e, const char *ipam_id)
{
    size_t n = 0;
    for (size_t i = 0; i < e->scopes.count; i++) {
        const struct scope *s = e->scopes.items[i];
        n += strcmp(s->info->ipam_id, ipam_id) == 0;
    }
    return n;
}

enum engine_result engine_add_scope(struct engine *e, const struct scope_info *s,
                                    struct refusal *why)
{
    if (engine_scope(e, s->id)) {
        return refuse(why, REFUSAL_EXISTS, s->id);
    }
    const struct ipam *ipam = engine_ipam(e, s->ipam_id);
    if (!ipam) {
        return refuse(why, REFUSAL_IPAM_UNKNOWN, s->ipam_id);
    }
    enum engine_result result = must_own(e, ipam->info->owner, "IPAM", ipam->id, why);
    if (result != ENGINE_OK) {
        return result;
    }
    size_t count = ipam_scopes(e, s->ipam_id);
    if (count >= e->quotas.scopes_per_ipam) {
        return refuse_count(why, REFUSAL_QUOTA, s->ipam_id, "scope", count,
                            e->quotas.scopes_per_ipam);
    }
    return engine_load_scope(e, s);
}

enum engine_result engine_load_scope(struct engine *e, const struct scope_info *s)
{
    struct scope *fresh = scope_new(s), *known = registry_find(&e->scopes, s->id);
    if (!fresh || !registry_reserve(&e->scopes, 1)) {
        scope_free(fresh);
        return ENGINE_NO_MEMORY;
    }
    if (known) {
        struct scope before = *known;
        *known = *fresh;
        *fresh = before;
        scope_free(fresh);
    } else {
        registry_add(&e->scopes, fresh);
    }
    e->occupants.ready = false;
    return ENGINE_OK;
}

enum engine_result engine_remove_scope(struct engine *e, const char *id, struct refusal *why)
{
    struct scope *s = registry_find(&e->scopes, id);
    if (!s) {
        return refuse(why, REFUSAL_SCOPE_UNKNOWN, id);
    }
    if (s->info->is_default) {
        return refuse(why, REFUSAL_IS_DEFAULT, id);
    }
    const struct ipam *ipam = engine_ipam(e, s->info->ipam_id);
    enum engine_result result = must_own(e, ipam ? ipam->info->owner : NULL, "IPAM scope", id, why);
    if (result != ENGINE_OK) {
        return result;
    }
    size_t pools = scope_pools(e, id);
    if (pools > 0) {
        return refuse_count(why, REFUSAL_NOT_EMPTY, id, "pool", pools, 0);
    }
    registry_remove(&e->scopes, s);
    scope_free(s);
    e->occupants.ready = false;
    return ENGINE_OK;
}

bool engine_each_scope(const struct engine *e, scope_visit fn, void *ctx)
{
    for (size_t i = 0; i < e->scopes.count; i++) {
        if (!fn(ctx, e->scopes.items[i])) {
            return false;
        }
    }
    return true;
}

/* --- IPAMs --- */

static struct ipam *ipam_new(const struct ipam_info *info)
{
    size_t regions = 0;
    size_t size = sizeof(*info) + pack_size(info->id) + pack_size(info->owner) +
                  pack_size(info->region) + pack_size(info->private_scope) +
                  pack_size(info->public_scope);
    while (info->operating_regions && info->operating_regions[regions]) {
        size += pack_size(info->operating_regions[regions++]);
    }
    struct ipam *i = calloc(1, sizeof(*i));
    struct ipam_info *copy = malloc(size + (regions + 1) * sizeof(char *));
    if (!i || !copy) {
        free(i);
        free(copy);
        return NULL;
    }
    const char **list = (const char **)(copy + 1);
    char *at = (char *)(list + regions + 1);
    copy->id = pack(&at, info->id);
    copy->owner = pack(&at, info->owner);
    copy->region = pack(&at, info->region);
    copy->private_scope = pack(&at, info->private_scope);
    copy->public_scope = pack(&at, info->public_scope);
    for (size_t r = 0; r < regions; r++) {
        list[r] = pack(&at, info->operating_regions[r]);
    }
    list[regions] = NULL;
    copy->operating_regions = info->operating_regions ? list : NULL;
    i->info = copy;
    i->id = copy->id;
    return i;
}

void ipam_free(struct ipam *i)
{
    if (i) {
        free(i->info);
        free(i);
    }
}

const struct ipam *engine_ipam(const struct engine *e, const char *id)
{
    return registry_find(&e->ipams, id);
}

const struct ipam_info *ipam_info(const struct ipam *i)
{
    return i->info;
}

bool engine_each_ipam(const struct engine *e, ipam_visit fn, void *ctx)
{
    for (size_t i = 0; i < e->ipams.count; i++) {
        if (!fn(ctx, e->ipams.items[i])) {
            return false;
        }
    }
    return true;
}

enum engine_result engine_load_ipam(struct engine *e, const struct ipam_info *info)
{
    struct ipam *fresh = ipam_new(info), *known = registry_find(&e->ipams, info->id);
    struct scope *scopes[2] = {NULL, NULL};
    const char *ids[2] = {info->private_scope, info->public_scope};
    bool complete = fresh && registry_reserve(&e->ipams, 1) && registry_reserve(&e->scopes, 2);
    for (int s = 0; s < 2 && complete; s++) {
        if (!text_empty(ids[s]) && !engine_scope(e, ids[s])) {
            scopes[s] = scope_new(&(struct scope_info){
                ids[s], info->id, s == 0 ? SCOPE_PRIVATE : SCOPE_PUBLIC, true});
            complete = scopes[s] != NULL;
        }
    }
    if (!complete) {
        scope_free(scopes[0]);
        ipam_free(fresh);
        return ENGINE_NO_MEMORY;
    }
    for (int s = 0; s < 2; s++) {
        if (scopes[s] && !engine_scope(e, ids[s])) {
            registry_add(&e->scopes, scopes[s]);
        } else {
            scope_free(scopes[s]); /* both ids were the same */
        }
    }
    if (known) {
        struct ipam before = *known;
        *known = *fresh;
        *fresh = before;
        ipam_free(fresh);
    } else {
        registry_add(&e->ipams, fresh);
    }
    e->occupants.ready = false;
    return ENGINE_OK;
}

enum engine_result engine_add_ipam(struct engine *e, const struct ipam_info *i, struct refusal *why)
{
    if (engine_ipam(e, i->id)) {
        return refuse(why, REFUSAL_EXISTS, i->id);
    }
    if (engine_scope(e, i->private_scope)) {
        return refuse(why, REFUSAL_EXISTS, i->private_scope);
    }
    if (engine_scope(e, i->public_scope)) {
        return refuse(why, REFUSAL_EXISTS, i->public_scope);
    }
    return engine_load_ipam(e, i);
}

enum engine_result engine_update_ipam(struct engine *e, const struct ipam_info *i,
                                      struct refusal *why)
{
    const struct ipam *known = engine_ipam(e, i->id);
    if (!known) {
        return refuse(why, REFUSAL_IPAM_UNKNOWN, i->id);
    }
    enum engine_result result = must_own(e, known->info->owner, "IPAM", i->id, why);
    if (result != ENGINE_OK) {
        return result;
    }
    struct ipam_info merged = *i;
    merged.owner = known->info->owner;
    merged.private_scope = known->info->private_scope; /* the default scopes never change */
    merged.public_scope = known->info->public_scope;
    return engine_load_ipam(e, &merged);
}

/* Counts the pools in the IPAM's scopes of that type, and marks them when they are to go. */
static size_t ipam_pools(const struct engine *e, const char *id, enum scope_type type, bool doom)
{
    size_t n = 0;
    for (size_t i = 0; i < e->pools.count; i++) {
        struct pool *p = e->pools.items[i];
        const struct scope *s = p->known ? engine_scope(e, p->info->scope_id) : NULL;
        if (s && s->info->type == type && strcmp(s->info->ipam_id, id) == 0) {
            p->doomed = doom;
            n++;
        }
    }
    return n;
}

static size_t ipam_extra_scopes(const struct engine *e, const char *id)
{
    size_t n = 0;
    for (size_t i = 0; i < e->scopes.count; i++) {
        const struct scope *s = e->scopes.items[i];
        n += !s->info->is_default && strcmp(s->info->ipam_id, id) == 0;
    }
    return n;
}

enum engine_result engine_remove_ipam(struct engine *e, const char *id, bool cascade,
                                      struct refusal *why)
{
    struct ipam *ipam = registry_find(&e->ipams, id);
    if (!ipam) {
        return refuse(why, REFUSAL_IPAM_UNKNOWN, id);
    }
    enum engine_result result = must_own(e, ipam->info->owner, "IPAM", id, why);
    if (result != ENGINE_OK) {
        return result;
    }
    size_t public_pools = ipam_pools(e, id, SCOPE_PUBLIC, false);
    size_t private_pools = ipam_pools(e, id, SCOPE_PRIVATE, false);
    if (cascade && public_pools > 0) {
        return refuse_count(why, REFUSAL_NOT_EMPTY, id, "public pool", public_pools, 0);
    }
    if (!cascade && public_pools + private_pools > 0) {
        return refuse_count(why, REFUSAL_NOT_EMPTY, id, "pool", public_pools + private_pools, 0);
    }
    size_t extra = ipam_extra_scopes(e, id);
    if (!cascade && extra > 0) {
        return refuse_count(why, REFUSAL_NOT_EMPTY, id, "scope", extra, 0);
    }
    ipam_pools(e, id, SCOPE_PRIVATE, true);
    pools_remove_doomed(e);
    for (size_t i = e->scopes.count; i-- > 0;) {
        struct scope *s = e->scopes.items[i];
        if (strcmp(s->info->ipam_id, ipam->id) == 0) {
            registry_remove(&e->scopes, s);
            scope_free(s);
        }
    }
    registry_remove(&e->ipams, ipam);
    ipam_free(ipam);
    e->occupants.ready = false;
    settle_if_possible(e);
    return ENGINE_OK;
}

size_t engine_memory(const struct engine *e)
{
    size_t bytes = sizeof(*e) + e->record_bytes + index_memory(&e->by_id) +
                   index_memory(&e->by_place) + index_memory(&e->texts) + shares_memory(e) +
                   occupied_memory(e);
    bytes += (e->ipams.capacity + e->scopes.capacity + e->pools.capacity) * sizeof(void *);
    bytes += e->ipams.count * (sizeof(struct ipam) + sizeof(struct ipam_info));
    bytes += e->scopes.count * (sizeof(struct scope) + sizeof(struct scope_info));
    for (size_t i = 0; i < e->pools.count; i++) {
        const struct pool *p = e->pools.items[i];
        bytes += sizeof(*p) + sizeof(*p->info) + p->cidr_capacity * sizeof(struct pool_cidr);
        bytes += (p->conflicts.capacity + p->pending.capacity) * sizeof(void *);
        bytes += p->intent_capacity * sizeof(struct cidr);
        bytes += p->supply_capacity * sizeof(struct supply);
        bytes += space_memory(p->space) + (p->planned ? space_memory(p->planned) : 0);
        bytes += (p->open[0] ? space_memory(p->open[0]) : 0) +
                 (p->open[1] ? space_memory(p->open[1]) : 0);
    }
    return bytes;
}
