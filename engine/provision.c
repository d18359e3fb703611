/*
 * provision - giving pools their CIDRs, and taking them back
 *
 * A child pool's CIDR is an allocation of type ipam-pool in its source pool, so that one structure
 * keeps children and resources apart. A top-level pool's CIDR is named by the caller and must not
 * overlap another pool of the scope that does not descend from this one.
 *
 * Two kinds of top-level pool take a CIDR by length, as in AWS: IPv6 in a private scope, and IPv6
 * that Amazon provides. Their ranges are below; the lowest free block is taken, so that the same
 * configuration gets the same addresses.
 *
 * A planning pool describes the inside of a VPC: its CIDR is the VPC's. When the VPC's allocation
 * is in the source pool, that one backs the pool's CIDR and nothing more is taken from the source;
 * the VPC can then not be released before the planning pool's CIDR is.
 */
#include "engine/engine_internal.h"

/* Unique local addresses that are assigned locally (RFC 4193 section 3.1). */
static const struct cidr private_v6 = {0xfd00000000000000u, 0, 8, FAMILY_V6};
/* What Amazon announces for EC2: addresses that people recognise as Amazon's and that clash with
 * nobody's own range. */
static const struct cidr amazon_v6 = {0x26001f0000000000u, 0, 24, FAMILY_V6};

/* The range from which a top-level pool may take a block by length; NULL: none. */
static const struct cidr *range_of(const struct engine *e, const struct pool *p)
{
    const struct scope *scope = engine_scope(e, p->info->scope_id);
    if (pool_family(p) != FAMILY_V6) {
        return NULL;
    }
    if (p->info->public_amazon) {
        return &amazon_v6;
    }
    return scope && scope->info->type == SCOPE_PRIVATE ? &private_v6 : NULL;
}

/* Something that keeps a top-level pool from taking c out of a range. Amazon's addresses are unique
 * in the world, so there the other scopes count too. */
static bool obstacle(const struct engine *e, const struct pool *p, const struct cidr *c,
                     bool planned, struct cidr *theirs)
{
    const struct cidr *overlap = pool_cidr_overlap(p, c, planned);
    for (size_t i = 0; !overlap && p->info->public_amazon && i < e->pools.count; i++) {
        const struct pool *other = e->pools.items[i];
        if (other->info->public_amazon) {
            overlap = pool_cidr_overlap(other, c, planned);
        }
    }
    if (overlap) {
        *theirs = *overlap;
    }
    return overlap || overlapping_pool(e, p, c, planned, theirs);
}

static bool lowest_in_range(const struct engine *e, const struct pool *p, const struct cidr *range,
                            unsigned len, bool planned, struct cidr *out)
{
    struct cidr c = cidr_make(FAMILY_V6, range->hi, range->lo, len), theirs;
    while (cidr_contains(range, &c)) {
        if (!obstacle(e, p, &c, planned, &theirs)) {
            *out = c;
            return true;
        }
        struct cidr behind, wider = theirs.len < len ? theirs : c;
        if (!cidr_next(&wider, &behind)) {
            return false;
        }
        c = cidr_make(FAMILY_V6, behind.hi, behind.lo, len);
    }
    return false;
}

static enum engine_result refuse_length(struct refusal *why, const struct pool *p, int len, int min)
{
    refuse(why, REFUSAL_LENGTH_INVALID, p->id);
    why->length = len;
    why->min_len = min;
    why->max_len = (int)cidr_max_len(pool_family(p));
    return ENGINE_REFUSED;
}

static enum engine_result refuse_overlap(struct refusal *why, const struct pool *p,
                                         const struct cidr *c, const struct pool *other,
                                         const struct cidr *theirs)
{
    refuse(why, REFUSAL_OVERLAPS_POOL, p->id);
    REFUSAL_SET(why->other_id, other->id);
    why->cidr = *c;
    why->length = c->len;
    why->conflict = *theirs;
    return ENGINE_REFUSED;
}

static enum engine_result choose_top(const struct engine *e, const struct provision_request *r,
                                     const struct pool *p, bool planned, struct cidr *out,
                                     struct refusal *why)
{
    struct cidr theirs;
    if (cidr_is_set(&r->cidr)) {
        const struct pool *other = overlapping_pool(e, p, &r->cidr, planned, &theirs);
        return other ? refuse_overlap(why, p, &r->cidr, other, &theirs) : ENGINE_OK;
    }
    const struct cidr *range = range_of(e, p);
    if (!range) {
        refuse(why, REFUSAL_NEEDS_CIDR, p->id);
        why->length = r->length;
        return ENGINE_REFUSED;
    }
    if (r->length < range->len) {
        return refuse_length(why, p, r->length, range->len);
    }
    if (lowest_in_range(e, p, range, (unsigned)r->length, planned, out)) {
        return ENGINE_OK;
    }
    refuse(why, REFUSAL_NO_SPACE, p->id);
    why->length = r->length;
    why->total_addresses = cidr_count(range);
    for (unsigned len = (unsigned)r->length + 1; len <= 128 && why->largest_free < 0; len++) {
        if (lowest_in_range(e, p, range, len, planned, out)) {
            why->largest_free = (int)len;
        }
    }
    return ENGINE_REFUSED;
}

struct allocation *planning_backing(const struct engine *e, const struct pool *p,
                                    const struct cidr *c)
{
    struct allocation *a = p->info->planning ? place_find(e, p->source, c) : NULL;
    return a && a->type == ALLOCATION_VPC ? a : NULL;
}

static bool shortest_root(void *ctx, const struct cidr *root)
{
    int *shortest = ctx;
    *shortest = *shortest < 0 || root->len < *shortest ? root->len : *shortest;
    return true;
}

static enum engine_result choose_named(struct engine *e, const struct provision_request *r,
                                       const struct pool *p, bool planned, struct refusal *why)
{
    const struct allocation *a = planning_backing(e, p, &r->cidr);
    if (!a) {
        return choose_exact(e, p->source, planned, &r->cidr, p, why);
    }
    struct pool *other;
    const struct pool_cidr *theirs = pool_cidr_backed(e, a, &other);
    bool stays = theirs && !(planned && theirs->leaving);
    return stays ? refuse_overlap(why, p, &r->cidr, other, &theirs->cidr) : ENGINE_OK;
}

/*
 * A block around what the pool, or one below it, holds outside of its CIDRs: a run ended after it
 * was drawn and before its CIDR was noted, or after its CIDR was taken away and before it went. The
 * CIDR that the pool gets now takes it in again: the lowest such block that the source pool can
 * give.
 */
static bool choose_around(struct engine *e, const struct provision_request *r, const struct pool *p,
                          bool planned, struct cidr *out)
{
    struct refusal ignored;
    bool found = false;
    for (size_t i = 0; e->conflict_count > 0 && i < e->pools.count; i++) {
        const struct pool *holder = e->pools.items[i];
        for (size_t k = 0; pool_is_ancestor(p, holder) && k < holder->conflicts.count; k++) {
            const struct allocation *a = holder->conflicts.items[k];
            if (!is_orphan(a) || (planned && a->leaving) || a->cidr.len < r->length) {
                continue;
            }
            struct cidr around = cidr_widen(&a->cidr, (unsigned)r->length);
            if ((!found || cidr_compare(&around, out) < 0) &&
                choose_exact(e, p->source, planned, &around, p, &ignored) == ENGINE_OK) {
                *out = around;
                found = true;
            }
        }
    }
    return found;
}

static enum engine_result choose_in_source(struct engine *e, const struct provision_request *r,
                                           const struct pool *p, bool planned, struct cidr *out,
                                           struct refusal *why)
{
    struct pool *source = p->source;
    if (!source->known) {
        return refuse_pool_unknown(why, source->id, source);
    }
    if (cidr_is_set(&r->cidr)) {
        return choose_named(e, r, p, planned, why);
    }
    const struct space *s = view(e, source, planned);
    int shortest = -1;
    if (!s) {
        return ENGINE_NO_MEMORY;
    }
    space_each_root(s, shortest_root, &shortest);
    if (r->length < shortest) {
        refuse_length(why, source, r->length, shortest);
        why->curable = true; /* the source pool may get a larger CIDR */
        return ENGINE_REFUSED;
    }
    if (choose_around(e, r, p, planned, out)) {
        return ENGINE_OK;
    }
    return choose_free(e, source, planned, true, (unsigned)r->length, NULL, 0, out, why);
}

/* Everything that is asked before space is. */
static enum engine_result admit_cidr(const struct engine *e, const struct provision_request *r,
                                     const struct pool *p, bool planned, struct refusal *why)
{
    bool named = cidr_is_set(&r->cidr);
    if (p->source && record_find(e, r->allocation_id)) {
        return refuse(why, REFUSAL_EXISTS, r->allocation_id);
    }
    if (named && r->cidr.family != pool_family(p)) {
        refuse_family(why, p, r->cidr.family);
        why->cidr = r->cidr;
        return ENGINE_REFUSED;
    }
    if (named == (r->length != -1)) {
        refuse(why, named ? REFUSAL_BOTH_SIZES : REFUSAL_NO_SIZE, p->id);
        why->cidr = r->cidr;
        why->length = r->length;
        return ENGINE_REFUSED;
    }
    if (!named && (r->length < 0 || r->length > (int)cidr_max_len(pool_family(p)))) {
        return refuse_length(why, p, r->length, 0);
    }
    size_t count = 0;
    for (size_t i = 0; i < p->cidr_count; i++) {
        count += !(planned && p->cidrs[i].leaving);
    }
    if (count >= e->quotas.cidrs_per_pool) {
        return refuse_count(why, REFUSAL_QUOTA, p->id, "CIDR", count, e->quotas.cidrs_per_pool);
    }
    const struct cidr *own = named ? pool_cidr_overlap(p, &r->cidr, planned) : NULL;
    if (own) {
        refuse(why, REFUSAL_CIDR_EXISTS, p->id);
        why->cidr = r->cidr;
        why->length = r->cidr.len;
        why->conflict = *own;
        return ENGINE_REFUSED;
    }
    return ENGINE_OK;
}

enum engine_result provision_choose(struct engine *e, const struct provision_request *r,
                                    bool planned, struct pool **pool, struct cidr *out,
                                    struct refusal *why)
{
    struct pool *p = *pool = pool_find(e, r->pool_id);
    if (!p || !p->known) {
        return refuse_pool_unknown(why, r->pool_id, p);
    }
    *out = r->cidr;
    enum engine_result result = must_own(e, p->info->owner, "IPAM pool", p->id, why);
    if (result == ENGINE_OK) {
        result = admit_cidr(e, r, p, planned, why);
    }
    if (result != ENGINE_OK) {
        return result;
    }
    return p->source ? choose_in_source(e, r, p, planned, out, why)
                     : choose_top(e, r, p, planned, out, why);
}

/* The new root is in the pool's space: what else follows from it. Needs no memory. */
static void provision_commit(struct engine *e, struct pool *p, const struct cidr *c,
                             struct allocation *backing)
{
    struct cidr theirs;
    struct pool_cidr *added = pool_cidr_add(p, c);
    added->backing = backing;
    added->late = e->marked;
    supply_settle(p, c);
    view_drop(p);
    open_drop(p, false);
    e->contested = e->contested || overlapping_pool(e, p, c, false, &theirs);
    for (size_t i = 0; i < p->conflicts.count; i++) {
        const struct cidr *stray = &p->conflicts.items[i]->cidr;
        if (stray->len < c->len && cidr_contains(stray, c)) {
            mark_rebuild(e, p); /* it becomes a guard */
            break;
        }
    }
    promote(e, p, c);
    settle_if_possible(e);
}

enum engine_result engine_provision(struct engine *e, const struct provision_request *r,
                                    struct cidr *out, struct refusal *why)
{
    struct pool *p;
    struct cidr c;
    enum engine_result result = engine_settle(e);
    if (result == ENGINE_OK) {
        result = provision_choose(e, r, false, &p, &c, why);
    }
    if (result != ENGINE_OK) {
        return result;
    }
    if (!pool_cidr_reserve(p) || space_add_root(p->space, &c) != SPACE_OK) {
        return ENGINE_NO_MEMORY;
    }
    struct allocation *backing = p->source ? planning_backing(e, p, &c) : NULL;
    if (p->source && !backing) {
        struct allocation_request request = {.id = r->allocation_id,
                                             .type = ALLOCATION_POOL,
                                             .resource_id = p->id,
                                             .owner = p->info->owner};
        backing = record_issue(e, p->source, &request, &c);
        if (!backing) {
            space_remove_root(p->space, &c);
            return ENGINE_NO_MEMORY;
        }
    }
    provision_commit(e, p, &c, backing);
    *out = c;
    return ENGINE_OK;
}

struct users {
    size_t count;
    const struct allocation *lowest;
};

static bool count_user(void *ctx, const struct allocation *a)
{
    struct users *o = ctx;
    if (!o->lowest || allocation_compare(a, o->lowest) < 0) {
        o->lowest = a;
    }
    o->count++;
    return true;
}

static bool has_outer_cidr(const struct pool *p, const struct cidr *c)
{
    for (size_t i = 0; i < p->cidr_count; i++) {
        if (p->cidrs[i].cidr.len < c->len && cidr_contains(&p->cidrs[i].cidr, c)) {
            return true;
        }
    }
    return false;
}

enum engine_result engine_deprovision(struct engine *e, const char *pool_id, const struct cidr *c,
                                      struct refusal *why)
{
    struct pool *p = pool_find(e, pool_id);
    if (!p || !p->known) {
        return refuse_pool_unknown(why, pool_id, p);
    }
    enum engine_result result = engine_settle(e);
    if (result == ENGINE_OK) {
        result = must_own(e, p->info->owner, "IPAM pool", pool_id, why);
    }
    if (result != ENGINE_OK) {
        return result;
    }
    bool found, inner = has_outer_cidr(p, c);
    size_t i = pool_cidr_seek(p, c, &found);
    if (!found) {
        refuse(why, REFUSAL_CIDR_UNKNOWN, pool_id);
        why->cidr = *c;
        return ENGINE_REFUSED;
    }
    struct users o = {0};
    if (!inner) { /* an inner one leaves nothing outside the pool */
        each_overlapping(e, p, c, count_user, &o);
    }
    if (o.count > 0) {
        refuse_taken(why, p, c, o.lowest);
        why->code = REFUSAL_CIDR_IN_USE;
        why->count = o.count;
        return ENGINE_REFUSED;
    }
    provision_undo(e, p, i);
    settle_if_possible(e);
    return ENGINE_OK;
}

void provision_undo(struct engine *e, struct pool *p, size_t i)
{
    struct allocation *backing = p->cidrs[i].backing;
    struct cidr gone = p->cidrs[i].cidr;
    bool inner = has_outer_cidr(p, &gone);
    pool_cidr_remove(p, i);
    view_drop(p);
    open_drop(p, false);
    if (!inner && space_remove_root(p->space, &gone) != SPACE_OK) {
        mark_rebuild(e, p);
    }
    if (pool_cidr_overlap(p, &gone, false)) { /* CIDRs that it covered become roots */
        mark_rebuild(e, p);
    }
    if (backing && backing->type == ALLOCATION_POOL) {
        record_drop(e, backing);
    }
}

void engine_unload_cidr(struct engine *e, const char *pool_id, const struct cidr *c)
{
    struct pool *p = pool_find(e, pool_id);
    bool found = false;
    settle_if_possible(e); /* dropping needs every record in its place */
    size_t i = p && !e->unsettled ? pool_cidr_seek(p, c, &found) : 0;
    if (found) {
        provision_undo(e, p, i);
        settle_if_possible(e);
    }
}
