/*
 * planning - resource planning pools: a VPC's own space as a pool for its subnets
 *
 * A pool with a source_resource describes the inside of that VPC. Its CIDRs are exactly CIDRs of
 * the VPC, and each of those is planned by one pool, or two pools could give out the same addresses
 * for subnets. What a subnet draws, it draws from the planning pool of its own VPC or from a pool
 * below that.
 */
#include "provider/estate.h"

#include <string.h>

#define CHAIN_MAX 256 /* loaded hierarchies may have cycles */

const char *planning_vpc(const struct engine *e, const struct pool *p)
{
    for (unsigned i = 0; p && i < CHAIN_MAX; i++) {
        const struct pool_info *info = pool_info(p);
        if (info->planning)
            return info->resource_id;
        p = info->source_id ? engine_pool(e, info->source_id) : NULL;
    }
    return NULL;
}

struct search {
    const struct pool *self;
    const char *vpc;
    const struct cidr *cidr;
    const struct pool *other;
};

static bool plans_it(void *ctx, const struct pool *p)
{
    struct search *s = ctx;
    struct cidr c;
    const struct pool_info *info = pool_info(p);
    if (p == s->self || !info->planning || strcmp(info->resource_id, s->vpc) != 0)
        return true;
    for (size_t i = 0; pool_cidr_at(p, i, &c); i++)
        if (cidr_equal(&c, s->cidr))
            s->other = p;
    return !s->other;
}

/* The other pool that plans this CIDR of the VPC, or NULL. */
static const struct pool *planned_by(struct call *c, const struct pool *self, const char *vpc,
                                     const struct cidr *cidr)
{
    struct search s = {self, vpc, cidr, NULL};
    engine_each_pool(estate_of(c)->engine, plans_it, &s);
    return s.other;
}

/* Nothing in the way but time: another step of the run may give the VPC its CIDR. */
static bool must_wait(struct call *c, enum outcome *out)
{
    estate_watch(c); /* or another process of the run gives it, and stored that already */
    *out = !c->last_attempt && !c->stopping ? CALL_WAIT : CALL_DONE;
    return *out == CALL_WAIT;
}

static const char *cidrs_text(struct call *c, const struct cidr *cidrs, size_t n)
{
    const char *text = "none";
    char buf[CIDR_TEXT_SIZE];
    for (size_t i = 0; i < n; i++)
        text = arena_printf(c->arena, "%s%s", i ? arena_printf(c->arena, "%s, ", text) : "",
                            cidr_format(&cidrs[i], buf));
    return text;
}

/* Is it a CIDR that the VPC will have once what is planned is done? */
static bool comes_later(struct call *c, const char *vpc, const struct cidr *cidr)
{
    struct refusal why;
    struct allocation_request r = inside_request(c->arena, vpc, "", cidr);
    size_t n;
    const struct cidr *now = inside_cidrs(c, vpc, (enum family)cidr->family, &n);
    for (size_t i = 0; i < n; i++)
        if (cidr_overlaps(&now[i], cidr))
            return false;
    return engine_check_allocate(estate_of(c)->insides, &r, false, &why) == ENGINE_OK;
}

bool planning_request(struct call *c, struct provision_request *r, const char *doing,
                      enum outcome *out)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, r->pool_id), *other = NULL;
    const struct pool_info *info = p && pool_is_known(p) ? pool_info(p) : NULL;
    bool named = cidr_is_set(&r->cidr);
    size_t n, at;
    *out = CALL_DONE;
    if (!info || !info->planning || (named && r->cidr.family != info->family))
        return true;
    const struct cidr *own = inside_cidrs(c, info->resource_id, info->family, &n);
    for (at = 0; at < n; at++) {
        if (named ? !cidr_equal(&own[at], &r->cidr) : own[at].len != r->length)
            continue;
        other = planned_by(c, p, info->resource_id, &own[at]);
        if (!other)
            break;
    }
    if (at < n) {
        r->cidr = own[at];
        r->length = -1;
        return true;
    }
    if ((named && !other && comes_later(c, info->resource_id, &r->cidr)) || must_wait(c, out))
        return *out == CALL_DONE;
    const char *summary = arena_printf(c->arena, "%s: InvalidParameterValue", doing);
    const struct path *path = PATH_ATTR(NULL, named ? "cidr" : "netmask_length");
    const char *list = cidrs_text(c, own, n);
    if (other)
        diag_error(c->diags, path, summary,
                   "That CIDR of %s is planned by the pool %s already. One CIDR of a VPC has one "
                   "planning pool. Draw from that pool, or make this one a pool below it.",
                   info->resource_id, pool_info(other)->id);
    else
        diag_error(
            c->diags, path, summary,
            "%s plans the inside of %s, whose CIDRs are: %s. The CIDR of a resource planning "
            "pool must equal a CIDR of its VPC. Set cidr to the VPC's cidr_block.",
            info->id, info->resource_id, list);
    return false;
}
