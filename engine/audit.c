/*
 * audit - what is wrong with something that exists
 *
 * The rules of issuing, asked about what is there already: an allocation that was loaded, or whose
 * pool's rules changed since. AWS flags such resources and leaves them alone; so does the engine.
 * Every finding carries the numbers that the matching refusal would carry, from the same code.
 *
 * Overlaps are reported on both sides, whoever of the two holds the space.
 */
#include <string.h>

#include "engine/engine_internal.h"

struct report {
    const struct engine *e;
    struct finding *out;
    size_t max, count;
    struct finding spare; /* takes what is beyond max */
    const struct allocation *subject;
    const struct pool *pool;
    const struct pool *below; /* what lies in here is no overlap */
    struct cidr cidr;
};

static struct refusal *found(struct report *r, enum finding_code code)
{
    struct finding *f = r->count < r->max ? &r->out[r->count] : &r->spare;
    r->count++;
    f->code = code;
    return &f->numbers;
}

static void found_outside(struct report *r, enum finding_code code, const struct pool *p)
{
    struct refusal *why = found(r, code);
    refuse(why, REFUSAL_OUTSIDE_POOL, p->id);
    why->cidr = r->cidr;
    why->length = r->cidr.len;
    why->count = p->cidr_count;
}

static bool inside(const struct pool *p, const struct cidr *c)
{
    for (size_t i = 0; i < p->cidr_count; i++) {
        if (cidr_contains(&p->cidrs[i].cidr, c)) {
            return true;
        }
    }
    return false;
}

static bool report_overlap(void *ctx, const struct allocation *a)
{
    struct report *r = ctx;
    bool together = r->subject && is_consumed_by(r->subject, a);
    if (a != r->subject && !together && !(r->below && pool_is_ancestor(r->below, a->pool))) {
        refuse_taken(found(r, FINDING_OVERLAP), r->pool, &r->cidr, a);
    }
    return true;
}

static void audit_rules(struct report *r, const struct allocation *a)
{
    struct refusal why;
    if (!a->imported && !engine_may_use(r->e, r->pool, a->owner)) {
        refuse_not_shared(&why, r->pool, a->owner);
        why.cidr = a->cidr;
        *found(r, FINDING_OWNER) = why;
    }
    if (rules_length(r->pool, a->cidr.len, &why) == ENGINE_REFUSED) {
        why.cidr = a->cidr;
        *found(r, FINDING_LENGTH) = why;
    }
    for (size_t i = 0; rules_tag(r->pool, &a->tags, i, &why) == ENGINE_REFUSED; i++) {
        *found(r, FINDING_TAG) = why;
    }
    if (rules_locale(r->pool, a->type, a->region, &why) == ENGINE_REFUSED) {
        *found(r, FINDING_LOCALE) = why;
    }
}

size_t engine_audit_allocation(const struct engine *e, const struct allocation *a,
                               struct finding *out, size_t max)
{
    const struct pool *p = a->pool;
    struct report r = {.e = e, .out = out, .max = max, .subject = a, .pool = p, .cidr = a->cidr};
    if (!p->known) {
        refuse_pool_unknown(found(&r, FINDING_POOL_UNKNOWN), p->id, p);
    }
    if (!inside(p, &a->cidr) && (p->known || p->cidr_count > 0)) {
        found_outside(&r, FINDING_OUTSIDE_POOL, p);
    }
    r.below = a->type == ALLOCATION_POOL ? pool_find(e, a->resource_id) : NULL;
    each_overlapping(e, p, &a->cidr, report_overlap, &r);
    each_foreign(e, p, &a->cidr, report_overlap, &r);
    if (p->known && rules_bind(a->type)) {
        audit_rules(&r, a);
    }
    return r.count;
}

static void report_pool_overlap(struct report *r, enum refusal_code code, const struct pool *other,
                                const struct cidr *theirs)
{
    struct refusal *why = found(r, FINDING_OVERLAP);
    refuse(why, code, r->pool->id);
    REFUSAL_SET(why->other_id, other->id);
    why->cidr = r->cidr;
    why->length = r->cidr.len;
    why->conflict = *theirs;
}

static void audit_pools(struct report *r, const struct pool *p)
{
    for (size_t i = 0; i < r->e->pools.count; i++) {
        const struct pool *other = r->e->pools.items[i];
        bool related = pool_is_ancestor(p, other) || pool_is_ancestor(other, p);
        for (size_t c = 0; c < other->cidr_count; c++) {
            const struct cidr *theirs = &other->cidrs[c].cidr;
            if (!cidr_overlaps(theirs, &r->cidr)) {
                continue;
            }
            if (other == p && !cidr_equal(theirs, &r->cidr)) {
                report_pool_overlap(r, REFUSAL_CIDR_EXISTS, p, theirs);
            } else if (!related && pool_comparable(p, other)) {
                report_pool_overlap(r, REFUSAL_OVERLAPS_POOL, other, theirs);
            }
        }
    }
}

/* Other pools' CIDRs were reported as such. */
static bool report_unless_pool(void *ctx, const struct allocation *a)
{
    const struct report *r = ctx;
    struct pool *child;
    return (a->type == ALLOCATION_POOL && pool_cidr_backed(r->e, a, &child)) ||
           report_overlap(ctx, a);
}

size_t engine_audit_cidr(const struct engine *e, const char *pool_id, const struct cidr *c,
                         struct finding *out, size_t max)
{
    const struct pool *p = pool_find(e, pool_id);
    struct report r = {.e = e, .out = out, .max = max, .pool = p, .cidr = *c};
    if (!p || !p->known) {
        refuse_pool_unknown(found(&r, FINDING_POOL_UNKNOWN), pool_id, p);
    }
    if (!p) {
        return r.count;
    }
    audit_pools(&r, p);
    const struct pool *source = p->source;
    if (!source) {
        return r.count;
    }
    if (!source->known) {
        refuse_pool_unknown(found(&r, FINDING_POOL_UNKNOWN), source->id, source);
    }
    if (!inside(source, c) && (source->known || source->cidr_count > 0)) {
        found_outside(&r, FINDING_SOURCE_GONE, source);
    }
    bool known;
    size_t i = pool_cidr_seek(p, c, &known);
    r.subject = known ? p->cidrs[i].backing : NULL;
    r.pool = source;
    each_overlapping(e, source, c, report_unless_pool, &r);
    return r.count;
}
