/*
 * occupied - space where networks are that no pool gave
 *
 * An estate is older than its pools. Networks that others made stand inside the CIDRs of pools and
 * have no record there; they are known only because somebody saw them. Their space is free by the
 * rules of pools, and giving it out would make an overlap, so resources are kept off.
 *
 * Occupants are no allocations: they are not counted as such, break no rule and are in no pool, and
 * pools may be made on top of them. Therefore they do not enter a pool's space, which says what was
 * given. A pool that has occupants gets a second one, the open space: a copy in which they are
 * taken as well. Whoever draws for a resource looks there, and keeps the speed and the answers
 * (next free, largest block, what is free) of any space. It follows each claim and release like the
 * planned space does (view.c), and there is one of each. Pools without occupants have none.
 *
 * Where a record and an occupant meet, the block in the open space may be of either. So a release
 * there, which has to find out what stays taken, drops the copy when an occupant is concerned. That
 * is rare: records come onto occupants by import, and by pools on top of them.
 *
 * Own occupants are resources of the same run, which may remove them. So they can be leaving, like
 * allocations (plan.c), and one that comes or goes after the engine was marked changes nothing of
 * what it was then (snapshot.c). Around an own one a reservation may be put, since that is how its
 * space is kept by hand; it gives nothing away.
 *
 * Nobody says of a network in which scope it is; the default scopes that take it follow from its
 * Region and its CIDR, and change when IPAMs come and go. The occupants are placed again then.
 *
 * Placed, they are one sorted array, in layers: a scope, or the inside of a VPC (planning pools).
 * What overlaps a CIDR is found by bisection, once for each prefix length that the layer has.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

/* --- the occupants --- */

enum engine_result engine_load_occupant(struct engine *e, const struct occupant *o)
{
    struct occupants *all = &e->occupants;
    struct occupant one = {.scope_id = intern(e, o->scope_id),
                           .region = intern(e, o->region),
                           .inside = intern(e, o->inside),
                           .cidr = o->cidr,
                           .resource_id = intern(e, o->resource_id),
                           .allocation_id = intern(e, o->allocation_id),
                           .type = intern(e, o->type),
                           .owner = intern(e, o->owner),
                           .where = intern(e, o->where),
                           .own = o->own,
                           .late = e->marked};
    if (!one.scope_id || !one.region || !one.inside || !one.resource_id || !one.allocation_id ||
        !one.type || !one.owner || !one.where ||
        !grow(&all->told, &all->told_capacity, all->told_count + 1, sizeof(*all->told))) {
        return ENGINE_NO_MEMORY;
    }
    all->told[all->told_count++] = one;
    all->ready = false;
    return ENGINE_OK;
}

static void drop_all(struct engine *e)
{
    for (size_t i = 0; i < e->pools.count; i++) {
        open_drop(e->pools.items[i], false);
        open_drop(e->pools.items[i], true);
    }
}

static struct occupant *own_next(struct engine *e, size_t *from, const char *allocation_id)
{
    struct occupants *all = &e->occupants;
    while (*from < all->told_count) {
        struct occupant *o = &all->told[(*from)++];
        if (o->own && !o->gone && strcmp(o->allocation_id, allocation_id) == 0) {
            return o;
        }
    }
    return NULL;
}

void engine_plan_leave_occupant(struct engine *e, const char *allocation_id)
{
    struct occupant *o;
    for (size_t from = 0; (o = own_next(e, &from, allocation_id)) != NULL;) {
        e->occupants.leaving += !o->leaving;
        o->leaving = true;
        e->occupants.ready = false;
    }
}

void engine_unload_occupant(struct engine *e, const char *allocation_id)
{
    struct occupant *o;
    for (size_t from = 0; (o = own_next(e, &from, allocation_id)) != NULL;) {
        e->occupants.leaving -= o->leaving;
        o->gone = true;
        e->occupants.ready = false;
    }
}

void engine_forget_occupants(struct engine *e)
{
    e->occupants.told_count = e->occupants.count = e->occupants.layer_count = 0;
    e->occupants.leaving = 0;
    drop_all(e);
}

void occupied_free(struct engine *e)
{
    free(e->occupants.told);
    free(e->occupants.items);
    free(e->occupants.layers);
}

size_t occupied_memory(const struct engine *e)
{
    return (e->occupants.told_capacity + e->occupants.capacity) * sizeof(struct occupant) +
           e->occupants.layer_count * sizeof(struct layer);
}

/* --- where they count --- */

static bool operates_in(const struct ipam *i, const char *region)
{
    const char *const *name = i->info->operating_regions;
    if (!name || !*name) {
        return true;
    }
    while (*name && strcmp(*name, region) != 0) {
        name++;
    }
    return *name != NULL;
}

/* RFC 4193: fc00::/7 */
static bool is_unique_local(const struct cidr *c)
{
    return c->family == FAMILY_V6 && c->len >= 7 && c->hi >> 57 == 0xfc >> 1;
}

bool engine_scope_takes(const struct engine *e, const struct scope *s, const struct cidr *c,
                        const char *region)
{
    bool is_private = c->family == FAMILY_V4 || is_unique_local(c);
    if (!s->info->is_default || s->info->type != (is_private ? SCOPE_PRIVATE : SCOPE_PUBLIC)) {
        return false;
    }
    const struct ipam *ipam = engine_ipam(e, s->info->ipam_id);
    if (!ipam || operates_in(ipam, region)) {
        return true;
    }
    for (size_t i = 0; i < e->ipams.count; i++) {
        if (operates_in(e->ipams.items[i], region)) {
            return false;
        }
    }
    return true;
}

static bool place(struct occupants *all, const struct occupant *o, const char *scope_id)
{
    if (!grow(&all->items, &all->capacity, all->count + 1, sizeof(*all->items))) {
        return false;
    }
    all->items[all->count] = *o;
    all->items[all->count++].scope_id = scope_id;
    return true;
}

/* The scopes are few. */
static bool place_all(struct engine *e)
{
    struct occupants *all = &e->occupants;
    all->count = 0;
    for (size_t i = 0; i < all->told_count; i++) {
        const struct occupant *o = &all->told[i];
        if (!text_empty(o->scope_id) && !place(all, o, o->scope_id)) {
            return false;
        }
        for (size_t k = 0; text_empty(o->scope_id) && k < e->scopes.count; k++) {
            const struct scope *s = e->scopes.items[k];
            if (engine_scope_takes(e, s, &o->cidr, o->region) && !place(all, o, s->id)) {
                return false;
            }
        }
    }
    return true;
}

static int layer_order(const char *scope_a, const char *inside_a, const char *scope_b,
                       const char *inside_b)
{
    int order = strcmp(scope_a, scope_b);
    return order != 0 ? order : strcmp(inside_a, inside_b);
}

static int occupant_order(const void *x, const void *y)
{
    const struct occupant *a = x, *b = y;
    int order = layer_order(a->scope_id, a->inside, b->scope_id, b->inside);
    if (order == 0) {
        order = cidr_compare(&a->cidr, &b->cidr);
    }
    if (order == 0) {
        order = strcmp(a->resource_id, b->resource_id);
    }
    return order != 0 ? order : strcmp(a->where, b->where);
}

static bool layers_make(struct occupants *all)
{
    size_t n = 1;
    for (size_t i = 1; i < all->count; i++) {
        const struct occupant *a = &all->items[i - 1], *b = &all->items[i];
        n += layer_order(a->scope_id, a->inside, b->scope_id, b->inside) != 0;
    }
    struct layer *layers = realloc(all->layers, n * sizeof(*layers)), *l = NULL;
    if (!layers) {
        return false;
    }
    all->layers = layers;
    all->layer_count = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct occupant *o = &all->items[i];
        if (!l || layer_order(l->scope_id, l->inside, o->scope_id, o->inside) != 0) {
            l = &all->layers[all->layer_count++];
            *l = (struct layer){.scope_id = o->scope_id, .inside = o->inside, .first = i};
        }
        l->end = i + 1;
        l->lengths[o->cidr.len / 64] |= (uint64_t)1 << o->cidr.len % 64;
    }
    return true;
}

bool occupied_ready(struct engine *e)
{
    struct occupants *all = &e->occupants;
    if (all->ready || all->told_count == 0) {
        return true;
    }
    if (!place_all(e)) {
        return false;
    }
    if (all->count > 1) {
        qsort(all->items, all->count, sizeof(*all->items), occupant_order);
    }
    if (!layers_make(all)) {
        return false;
    }
    all->ready = true;
    drop_all(e);
    return true;
}

/* The VPC whose inside the pool plans; "" for a pool that plans none. */
static const char *planned_inside(const struct pool *p)
{
    if (!pool_in_planning(p)) {
        return "";
    }
    while (!p->info->planning) {
        p = p->source;
    }
    return p->info->resource_id ? p->info->resource_id : "";
}

/* What counts in this pool; NULL: nothing. */
static const struct layer *layer_of(const struct engine *e, const struct pool *p)
{
    const struct occupants *all = &e->occupants;
    size_t low = 0, high = all->ready ? all->layer_count : 0;
    if (high == 0 || !p->known || p->info->ignore_occupants) {
        return NULL;
    }
    const char *inside = planned_inside(p);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct layer *l = &all->layers[middle];
        int order = layer_order(l->scope_id, l->inside, p->info->scope_id, inside);
        if (order == 0) {
            return l;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static size_t seek(const struct engine *e, const struct layer *l, const struct cidr *c)
{
    size_t low = l->first, high = l->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cidr_compare(&e->occupants.items[middle].cidr, c) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_there(const struct occupant *o, enum occupied_as as)
{
    if (as == OCCUPIED_MARKED) {
        return !o->late;
    }
    return !o->gone && !(as == OCCUPIED_PLANNED && o->leaving);
}

static bool each_in_layer(const struct engine *e, const struct layer *l, enum occupied_as as,
                          const struct cidr *c, occupant_visit fn, void *ctx)
{
    const struct occupant *items = e->occupants.items;
    for (unsigned len = 0; len < c->len; len++) {
        if (!(l->lengths[len / 64] >> len % 64 & 1)) {
            continue;
        }
        struct cidr wide = cidr_widen(c, len);
        for (size_t i = seek(e, l, &wide); i < l->end && cidr_equal(&items[i].cidr, &wide); i++) {
            if (is_there(&items[i], as) && !fn(ctx, &items[i])) {
                return false;
            }
        }
    }
    for (size_t i = seek(e, l, c); i < l->end && cidr_contains(c, &items[i].cidr); i++) {
        if (is_there(&items[i], as) && !fn(ctx, &items[i])) {
            return false;
        }
    }
    return true;
}

bool engine_each_occupant(struct engine *e, const struct pool *p, const struct cidr *c,
                          occupant_visit fn, void *ctx)
{
    if (!occupied_ready(e)) {
        return false;
    }
    const struct layer *l = layer_of(e, p);
    return !l || each_in_layer(e, l, OCCUPIED_NOW, c, fn, ctx);
}

/* --- an exact CIDR --- */

struct asking {
    const struct allocation_request *request;
    const struct cidr *cidr;
    const struct occupant *other;
};

static bool is_text(const char *a, const char *b)
{
    return *a && b && strcmp(a, b) == 0;
}

static bool stop_at_other(void *ctx, const struct occupant *o)
{
    struct asking *a = ctx;
    bool same = is_text(o->resource_id, a->request->resource_id) ||
                is_text(o->allocation_id, a->request->id);
    bool reserves =
        o->own && a->request->type == ALLOCATION_CUSTOM && cidr_contains(a->cidr, &o->cidr);
    a->other = same || reserves ? NULL : o;
    return !a->other;
}

enum engine_result occupied_check(struct engine *e, const struct pool *p,
                                  const struct allocation_request *r, bool planned,
                                  const struct cidr *c, struct refusal *why)
{
    if (!occupied_ready(e)) {
        return ENGINE_NO_MEMORY;
    }
    struct asking a = {r, c, NULL};
    const struct layer *l = layer_of(e, p);
    if (!l ||
        each_in_layer(e, l, planned ? OCCUPIED_PLANNED : OCCUPIED_NOW, c, stop_at_other, &a)) {
        return ENGINE_OK;
    }
    refuse(why, REFUSAL_OCCUPIED, p->id);
    why->curable = a.other->own; /* what others made does not go in this run */
    why->cidr = *c;
    why->length = c->len;
    why->conflict = a.other->cidr;
    REFUSAL_SET(why->holder_resource, a.other->resource_id);
    REFUSAL_SET(why->holder_owner, a.other->owner);
    REFUSAL_SET(why->holder_type, a.other->type);
    REFUSAL_SET(why->text2, a.other->where);
    return ENGINE_REFUSED;
}

/* --- the open space --- */

struct filling {
    struct space *space;
    const struct cidr *root;
    struct cidr *items; /* free parts of an occupant, when it is not free as a whole */
    size_t count, capacity;
    bool complete;
};

static bool keep_part(void *ctx, const struct cidr *part)
{
    struct filling *f = ctx;
    f->complete = grow(&f->items, &f->capacity, f->count + 1, sizeof(*f->items));
    if (f->complete) {
        f->items[f->count++] = *part;
    }
    return f->complete;
}

static bool take_block(struct filling *f, const struct cidr *c)
{
    enum space_result result = space_claim(f->space, c, NULL);
    if (result != SPACE_TAKEN) {
        return result != SPACE_NO_MEMORY;
    }
    f->count = 0;
    if (!space_each_free(f->space, c, keep_part, f)) {
        return false;
    }
    for (size_t i = 0; i < f->count; i++) {
        if (space_claim(f->space, &f->items[i], NULL) == SPACE_NO_MEMORY) {
            return false;
        }
    }
    return true;
}

static bool take_occupant(void *ctx, const struct occupant *o)
{
    struct filling *f = ctx;
    bool larger = cidr_contains(&o->cidr, f->root);
    f->complete = take_block(f, larger ? f->root : &o->cidr);
    return f->complete;
}

struct occupying {
    struct engine *e;
    const struct layer *layer;
    enum occupied_as as;
    struct filling filling;
};

static bool occupy_root(void *ctx, const struct cidr *root)
{
    struct occupying *o = ctx;
    o->filling.root = root;
    return each_in_layer(o->e, o->layer, o->as, root, take_occupant, &o->filling);
}

/* The roots are those of `of`, which does not change meanwhile. */
static bool occupy_roots(struct engine *e, const struct layer *l, enum occupied_as as,
                         struct space *s, const struct space *of)
{
    struct occupying o = {e, l, as, {.space = s, .complete = true}};
    space_each_root(of, occupy_root, &o);
    free(o.filling.items);
    return o.filling.complete;
}

bool occupy(struct engine *e, const struct pool *p, enum occupied_as as, struct space *s)
{
    const struct layer *l = occupied_ready(e) ? layer_of(e, p) : NULL;
    return l ? occupy_roots(e, l, as, s, p->space)
             : e->occupants.told_count == 0 || e->occupants.ready;
}

static bool copy_root(void *ctx, const struct cidr *root)
{
    return space_add_root(ctx, root) == SPACE_OK;
}

static bool copy_block(void *ctx, const struct cidr *block)
{
    return space_claim(ctx, block, NULL) == SPACE_OK;
}

static struct space *open_build(struct engine *e, const struct layer *l, enum occupied_as as,
                                const struct space *of, enum family f)
{
    struct space *s = space_new(f);
    if (s && space_each_root(of, copy_root, s) && space_each_used(of, NULL, copy_block, s) &&
        occupy_roots(e, l, as, s, of)) {
        return s;
    }
    space_free(s);
    return NULL;
}

struct search {
    const struct engine *e;
    const struct layer *layer;
    enum occupied_as as;
};

static bool stop_at_any(void *ctx, const struct occupant *o)
{
    (void)ctx;
    (void)o;
    return false;
}

static bool root_is_vacant(void *ctx, const struct cidr *root)
{
    const struct search *s = ctx;
    return each_in_layer(s->e, s->layer, s->as, root, stop_at_any, NULL);
}

struct space *open_view(struct engine *e, struct pool *p, bool planned)
{
    struct space *below = view(e, p, planned);
    if (!below || e->occupants.told_count == 0) {
        return below;
    }
    if (!occupied_ready(e)) {
        return NULL;
    }
    unsigned which = planned && below != p->space;
    if (p->open[which] || p->vacant[which]) {
        return p->vacant[which] ? below : p->open[which];
    }
    struct search s = {e, layer_of(e, p), which ? OCCUPIED_PLANNED : OCCUPIED_NOW};
    p->vacant[which] = !s.layer || space_each_root(below, root_is_vacant, &s);
    if (!p->vacant[which]) {
        p->open[which] = open_build(e, s.layer, s.as, below, pool_family(p));
        below = p->open[which];
    }
    return below;
}

void open_drop(struct pool *p, bool planned)
{
    space_free(p->open[planned]);
    p->open[planned] = NULL;
    p->vacant[planned] = false;
}

void open_claim(struct pool *p, bool planned, const struct cidr *c)
{
    struct space *s = p->open[planned];
    struct cidr block;
    if (!s) {
        return;
    }
    enum space_result result = space_claim(s, c, NULL);
    bool covered =
        result == SPACE_TAKEN && space_overlapping(s, c, &block) && cidr_contains(&block, c);
    if (result != SPACE_OK && result != SPACE_OUTSIDE && !covered) {
        open_drop(p, planned); /* OUTSIDE: its CIDR is leaving */
    }
}

void open_release(const struct engine *e, struct pool *p, bool planned, const struct cidr *c)
{
    const struct layer *l = layer_of(e, p);
    if (!p->open[planned]) {
        return;
    }
    const enum occupied_as as = planned ? OCCUPIED_PLANNED : OCCUPIED_NOW;
    bool shared = p->conflicts.count > 0 || (l && !each_in_layer(e, l, as, c, stop_at_any, NULL));
    enum space_result result = shared ? SPACE_IN_USE : space_release(p->open[planned], c);
    if (result != SPACE_OK && !(planned && result == SPACE_NOT_FOUND)) {
        open_drop(p, planned); /* NOT_FOUND: its CIDR is leaving */
    }
}

const struct space *engine_open_space(struct engine *e, const char *pool_id)
{
    struct pool *p = pool_find(e, pool_id);
    return p && engine_settle(e) == ENGINE_OK ? open_view(e, p, false) : NULL;
}

/* --- for tests --- */

struct comparison {
    const struct engine *e;
    const struct layer *layer;
    const struct space *below, *open;
    const struct cidr *root;
    enum occupied_as as;
};

static bool stop(void *ctx, const struct cidr *block)
{
    (void)ctx;
    (void)block;
    return false;
}

static bool is_taken(void *ctx, const struct cidr *block)
{
    const struct comparison *m = ctx;
    return space_each_free(m->open, block, stop, NULL);
}

static bool occupant_is_taken(void *ctx, const struct occupant *o)
{
    const struct comparison *m = ctx;
    return is_taken(ctx, cidr_contains(&o->cidr, m->root) ? m->root : &o->cidr);
}

static bool root_is_occupied(void *ctx, const struct cidr *root)
{
    struct comparison *m = ctx;
    m->root = root;
    return each_in_layer(m->e, m->layer, m->as, root, occupant_is_taken, m);
}

/* A block is taken for a reason. */
static bool is_explained(void *ctx, const struct cidr *block)
{
    const struct comparison *m = ctx;
    struct cidr below;
    return (space_overlapping(m->below, block, &below) && cidr_contains(&below, block)) ||
           !each_in_layer(m->e, m->layer, m->as, block, stop_at_any, NULL);
}

bool occupied_holds(const struct engine *e, const struct pool *p)
{
    struct comparison m = {.e = e, .layer = layer_of(e, p)};
    for (unsigned planned = 0; planned < 2 && e->occupants.ready; planned++) {
        m.below = planned ? p->planned : p->space;
        m.open = p->open[planned];
        m.as = planned ? OCCUPIED_PLANNED : OCCUPIED_NOW;
        if (m.open && (!m.below || !m.layer || !space_check(m.open) ||
                       !space_each_used(m.below, NULL, is_taken, &m) ||
                       !space_each_root(m.below, root_is_occupied, &m) ||
                       !space_each_used(m.open, NULL, is_explained, &m))) {
            return false;
        }
    }
    return true;
}
