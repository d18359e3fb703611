/*
 * inside - the inside of VPCs: their CIDRs, and which subnets stand where
 *
 * A subnet's CIDR lies inside its VPC and overlaps no other subnet there, whether a pool gave it or
 * not. That is what an engine checks about pools, so there is a second engine, apart from the one
 * of the IPAMs, that holds one pool per VPC and address family. Its CIDRs are those of the VPC, its
 * allocations are the subnets. So planned removals, CIDRs that come later in the same run,
 * waiting and contradictory states behave inside a VPC as they do in a pool.
 *
 * VPCs may overlap each other, so each has a scope of its own. Rules, locales and owners mean
 * nothing here: subnets are entered as custom allocations.
 *
 * Refusals get AWS's words for VPCs and subnets here; those of pools are in refuse.c.
 */
#include "provider/estate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char v6_suffix[] = " IPv6";

const char *inside_id(struct arena *a, const char *vpc_id, enum family f)
{
    return f == FAMILY_V4 ? vpc_id : arena_printf(a, "%s%s", vpc_id, v6_suffix);
}

/* The VPC whose inside it is. */
static const char *vpc_of(struct arena *a, const char *inside)
{
    return arena_strndup(a, inside, strcspn(inside, " "));
}

bool inside_load_cidr(struct engine *insides, struct arena *a, const char *vpc_id,
                      const struct cidr *c)
{
    if (!insides || !cidr_is_set(c))
        return true;
    const char *id = inside_id(a, vpc_id, (enum family)c->family);
    const struct pool *known = engine_pool(insides, id);
    const struct scope_info scope = {.id = id, .ipam_id = id, .type = SCOPE_PRIVATE};
    const struct pool_info pool = {.id = id,
                                   .scope_id = id,
                                   .family = (enum family)c->family,
                                   .rules = {.min_len = -1, .max_len = -1, .default_len = -1}};
    if ((!known || !pool_is_known(known)) && (engine_load_scope(insides, &scope) != ENGINE_OK ||
                                              engine_load_pool(insides, &pool) != ENGINE_OK))
        return false;
    return engine_load_cidr(insides, id, c, NULL) == ENGINE_OK;
}

struct allocation_request inside_request(struct arena *a, const char *vpc_id, const char *subnet_id,
                                         const struct cidr *c)
{
    return (struct allocation_request){
        .id = *subnet_id ? allocation_id_of(a, subnet_id, c) : "",
        .pool_id = inside_id(a, vpc_id, (enum family)c->family),
        .type = ALLOCATION_CUSTOM,
        .cidr = *c,
        .length = -1,
        .resource_id = subnet_id,
    };
}

bool inside_load_subnet(struct engine *insides, struct arena *a, const char *vpc_id,
                        const char *subnet_id, const struct cidr *c)
{
    if (!insides || !cidr_is_set(c))
        return true;
    struct allocation_request r = inside_request(a, vpc_id, subnet_id, c);
    return engine_load_allocation(insides, &r) == ENGINE_OK;
}

const char *inside_departure(struct arena *a, const char *vpc_id, const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    return arena_printf(a, "v %s_%s\n", cidr_format(c, text),
                        inside_id(a, vpc_id, (enum family)c->family));
}

/* --- what is there --- */

bool inside_known(struct call *c, const char *vpc_id)
{
    static const enum family families[] = {FAMILY_V4, FAMILY_V6};
    for (size_t i = 0; i < 2; i++) {
        const struct pool *p =
            engine_pool(estate_of(c)->insides, inside_id(c->arena, vpc_id, families[i]));
        if (p && pool_is_known(p) && pool_cidr_count(p) > 0)
            return true;
    }
    return false;
}

static bool collect(void *ctx, const struct cidr *block)
{
    struct cidr **next = ctx;
    *(*next)++ = *block;
    return true;
}

const struct cidr *inside_subnets(struct call *c, const char *vpc_id, enum family f, size_t *count)
{
    const struct pool *p = engine_pool(estate_of(c)->insides, inside_id(c->arena, vpc_id, f));
    *count = p ? space_block_count(pool_space(p)) : 0;
    struct cidr *items = arena_calloc(c->arena, *count, sizeof *items), *next = items;
    if (p)
        space_each_used(pool_space(p), NULL, collect, &next);
    return items;
}

const struct cidr *inside_cidrs(struct call *c, const char *vpc_id, enum family f, size_t *count)
{
    const struct pool *p = engine_pool(estate_of(c)->insides, inside_id(c->arena, vpc_id, f));
    *count = p ? pool_cidr_count(p) : 0;
    struct cidr *items = arena_calloc(c->arena, *count, sizeof *items);
    for (size_t i = 0; i < *count; i++)
        pool_cidr_at(p, i, &items[i]);
    return items;
}

/* --- texts --- */

static const char *list_text(struct call *c, const char *inside)
{
    const struct pool *p = engine_pool(estate_of(c)->insides, inside);
    const char *text = "no CIDR of that family";
    char buf[CIDR_TEXT_SIZE];
    struct cidr cidr;
    for (size_t i = 0; p && pool_cidr_at(p, i, &cidr); i++)
        text = arena_printf(c->arena, "%s%s", i ? arena_printf(c->arena, "%s, ", text) : "",
                            cidr_format(&cidr, buf));
    return text;
}

static void report(struct call *c, const char *doing, const struct refusal *why,
                   const char *attribute)
{
    const struct path *path = attribute ? PATH_ATTR(NULL, attribute) : NULL;
    const char *vpc = vpc_of(c->arena, why->id);
    char cidr[CIDR_TEXT_SIZE] = "", other[CIDR_TEXT_SIZE] = "";
    if (cidr_is_set(&why->cidr))
        cidr_format(&why->cidr, cidr);
    if (cidr_is_set(&why->conflict))
        cidr_format(&why->conflict, other);
#define SUMMARY(code) arena_printf(c->arena, "%s: " code, doing)
    switch (why->code) {
    case REFUSAL_POOL_UNKNOWN:
        diag_error(c->diags, PATH_ATTR(NULL, "vpc_id"), SUMMARY("InvalidVpcID.NotFound"),
                   "The VPC %s does not exist in %s, or it has no CIDR of this address family. "
                   "Whether a CIDR is free in a VPC can only be told when the VPC is known from "
                   "state. Use the id of a VPC that this configuration manages, or import it.",
                   vpc, estate_of(c)->origin);
        break;
    case REFUSAL_NO_CIDRS:
    case REFUSAL_OUTSIDE_POOL:
        diag_error(c->diags, path, SUMMARY("InvalidSubnet.Range"),
                   "The CIDR %s is not inside the VPC %s, which has %s. A subnet lies within one "
                   "CIDR of its VPC. Choose a CIDR inside, or associate one that contains it with "
                   "the VPC.",
                   cidr, vpc, list_text(c, why->id));
        break;
    case REFUSAL_TAKEN:
        diag_error(
            c->diags, path, SUMMARY("InvalidSubnet.Conflict"),
            "The CIDR %s conflicts with %s, the CIDR of the subnet %s in the VPC %s. Subnets "
            "of a VPC do not overlap. Choose another CIDR.",
            cidr, other, why->holder_resource, vpc);
        break;
    case REFUSAL_CIDR_EXISTS:
        diag_error(c->diags, path, SUMMARY("InvalidVpc.Range"),
                   "The CIDR %s overlaps %s, which the VPC %s already has. The CIDRs of a VPC are "
                   "disjoint. Choose another CIDR.",
                   cidr, other, vpc);
        break;
    case REFUSAL_CIDR_IN_USE:
        diag_error(c->diags, path, SUMMARY("DependencyViolation"),
                   "The CIDR %s of the VPC %s holds %" PRIu64
                   " subnets; the lowest is %s with %s. A CIDR "
                   "leaves a VPC when no subnet is in it. Destroy the subnets first.",
                   cidr, vpc, why->count, why->holder_resource, other);
        break;
    default:
        report_refusal(c, doing, why, NULL);
    }
#undef SUMMARY
}

bool inside_said_yes(struct call *c, enum engine_result result, const char *doing,
                     const struct refusal *why, const char *attribute, enum outcome *out)
{
    if (result != ENGINE_REFUSED)
        return engine_said_yes(c, result, doing, why, NULL, out);
    *out = refusal_may_pass(c, why) ? CALL_WAIT : CALL_DONE;
    if (*out == CALL_DONE)
        report(c, doing, why, attribute);
    return false;
}

void inside_report(struct call *c, const char *subject, const struct allocation *a)
{
    struct finding found[8];
    size_t n = a ? engine_audit_allocation(estate_of(c)->insides, a, found, 8) : 0;
    for (size_t i = 0; i < n && i < 8; i++) {
        const struct refusal *w = &found[i].numbers;
        const char *vpc = vpc_of(c->arena, a->pool ? pool_info(a->pool)->id : w->id);
        char cidr[CIDR_TEXT_SIZE], other[CIDR_TEXT_SIZE];
        cidr_format(&a->cidr, cidr);
        if (found[i].code == FINDING_OVERLAP)
            diag_warning(c->diags, NULL, arena_printf(c->arena, "%s overlaps another", subject),
                         "%s overlaps %s, the CIDR of the subnet %s in the VPC %s. Both are kept. "
                         "One of the two must be renumbered.",
                         cidr, cidr_format(&w->conflict, other), w->holder_resource, vpc);
        else if (found[i].code == FINDING_OUTSIDE_POOL)
            diag_warning(c->diags, NULL, arena_printf(c->arena, "%s lies outside its VPC", subject),
                         "%s is in none of the CIDRs of the VPC %s, which has %s. A CIDR that "
                         "contained it was removed. Associate it with the VPC again, or remove the "
                         "subnet.",
                         cidr, vpc, list_text(c, pool_info(a->pool)->id));
    }
}

/* --- VPCs that leave --- */

static bool count_block(void *ctx, const struct cidr *block)
{
    struct refusal *why = ctx;
    if (why->count++ == 0)
        why->conflict = *block; /* they come in address order */
    return true;
}

bool inside_vacant(struct call *c, const char *vpc_id, const struct cidr *cidr, const char *doing,
                   enum outcome *out)
{
    struct engine *insides = estate_of(c)->insides;
    const char *id = inside_id(c->arena, vpc_id, (enum family)cidr->family);
    struct refusal why = {.code = REFUSAL_CIDR_IN_USE, .curable = true, .cidr = *cidr};
    *out = CALL_DONE;
    if (engine_settle(insides) != ENGINE_OK) {
        report_no_memory(c, doing);
        return false;
    }
    const struct pool *p = engine_pool(insides, id);
    if (p)
        space_each_used(pool_space(p), cidr, count_block, &why);
    if (why.count == 0)
        return true;
    const struct allocation *lowest = engine_allocation_at(insides, id, &why.conflict);
    snprintf(why.id, sizeof why.id, "%s", id);
    snprintf(why.holder_resource, sizeof why.holder_resource, "%s",
             lowest ? lowest->resource_id : "");
    return inside_said_yes(c, ENGINE_REFUSED, doing, &why, NULL, out);
}

void inside_drop_cidr(struct call *c, const char *vpc_id, const struct cidr *cidr)
{
    struct engine *insides = estate_of(c)->insides;
    const char *id = inside_id(c->arena, vpc_id, (enum family)cidr->family);
    struct refusal why;
    engine_deprovision(insides, id, cidr, &why); /* vacant, so it can only be gone already */
    const struct pool *p = engine_pool(insides, id);
    if (p && pool_is_known(p) && pool_cidr_count(p) == 0 && pool_allocation_count(p) == 0) {
        engine_remove_pool(insides, id, false, &why);
        engine_remove_scope(insides, id, &why);
    }
}
