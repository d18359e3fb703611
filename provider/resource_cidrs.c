/*
 * resource_cidrs - which resources hold which CIDRs in a scope, and how they stand to the rules
 *
 * Three sources. Allocations of the scope's pools that have a resource behind them are managed.
 * VPCs, their further CIDRs and subnets that no pool of any scope gave are discovered, and so are
 * the networks, subnets and prefixes that states of other providers and inventories tell of, unless
 * they are one of those before. Which default scope what is discovered belongs to follows from
 * Region and CIDR (engine_scope_takes). So the same VPC may be told by two IPAMs, as AWS does.
 *
 * Overlap is judged within the scope, also for what no pool gave, and against reservations too. A
 * subnet inside its own VPC is no overlap (engine/overlap.h).
 *
 * How much of a VPC is used is what its subnets have of it; whether an address in a subnet is used
 * no state can tell.
 */
#include "provider/resource_cidrs.h"

#include <stdlib.h>
#include <string.h>

#include "engine/overlap.h"
#include "provider/occupied.h"

static struct resource_cidr *resource_cidrs_add(struct resource_cidrs *l)
{
    ARENA_ROOM(l->arena, l->items, l->count, l->capacity, 64);
    return &l->items[l->count++];
}

const char *resource_cidr_name(const struct resource_cidr *h)
{
    const char *name = tags_find(&h->tags, "Name");
    return name ? name : h->name ? h->name : "";
}

/* --- what pools gave --- */

/* A resource and one of its CIDRs, to find out what a pool gave. */
struct grant {
    struct cidr cidr;
    const char *resource_id;
};

struct collection {
    struct call *call;
    const struct scope *scope;
    struct resource_cidrs *out;
    struct grant *grants; /* sorted once complete */
    size_t grant_count, grant_capacity;
    struct own_cidrs own; /* these, and those of resources without a pool */
};

/* Overlaps are another status, and of a pool that is not known no rule is known. */
bool resource_cidr_breaks_rules(const struct engine *e, const struct allocation *a)
{
    struct finding found[16];
    size_t n = engine_audit_allocation(e, a, found, 16);
    for (size_t i = 0; i < n && i < 16; i++)
        if (found[i].code != FINDING_OVERLAP && found[i].code != FINDING_POOL_UNKNOWN)
            return true;
    return false;
}

static void add_managed(struct collection *l, const struct allocation *a)
{
    struct estate *e = estate_of(l->call);
    const struct network *n = memory_network(e->memory, a->resource_id);
    struct resource_cidr *h = resource_cidrs_add(l->out);
    *h = (struct resource_cidr){
        .cidr = a->cidr,
        .resource_id = a->resource_id,
        .vpc_id = n                           ? n->vpc_id
                  : a->type == ALLOCATION_VPC ? a->resource_id
                                              : "",
        .type =
            a->type == ALLOCATION_PUBLIC_POOL ? "public-ipv4-pool" : allocation_type_name(a->type),
        .owner = a->owner,
        .region = a->region,
        .zone = n ? n->zone : "",
        .pool_id = pool_info(a->pool)->id,
        .tags = a->tags,
        .management = "managed",
        .compliance = "managed",
        .is_reservation = a->type == ALLOCATION_CUSTOM,
    };
    if (!h->is_reservation)
        h->compliance = resource_cidr_breaks_rules(e->engine, a) ? "noncompliant" : "compliant";
}

static bool visit_allocation(void *ctx, const struct allocation *a)
{
    struct collection *l = ctx;
    struct arena *arena = l->call->arena;
    if (a->type == ALLOCATION_POOL)
        return true;
    ARENA_ROOM(arena, l->grants, l->grant_count, l->grant_capacity, 64);
    l->grants[l->grant_count++] = (struct grant){a->cidr, a->resource_id};
    const char *scope_id = pool_info(a->pool)->scope_id;
    if (scope_id && strcmp(scope_id, scope_info(l->scope)->id) == 0)
        add_managed(l, a);
    return true;
}

/* --- what no pool gave --- */

static int grant_order(const void *x, const void *y)
{
    const struct grant *a = x, *b = y;
    int order = cidr_compare(&a->cidr, &b->cidr);
    return order ? order : strcmp(a->resource_id, b->resource_id);
}

static bool was_granted(const struct collection *l, const struct cidr *c, const char *resource_id)
{
    const struct grant key = {*c, resource_id};
    return l->grant_count > 0 &&
           bsearch(&key, l->grants, l->grant_count, sizeof key, grant_order) != NULL;
}

static void add_discovered(struct collection *l, const struct network *n, const struct cidr *cidr)
{
    const struct memory *m = estate_of(l->call)->memory;
    const struct engine *e = estate_of(l->call)->engine;
    /* A further CIDR of a VPC is the VPC's. */
    const struct network *vpc = n->kind == NETWORK_ASSOCIATION ? memory_network(m, n->vpc_id) : n;
    if (!cidr_is_set(cidr) || !vpc || !engine_scope_takes(e, l->scope, cidr, vpc->region) ||
        was_granted(l, cidr, n->id) || was_granted(l, cidr, n->vpc_id))
        return;
    bool subnet = n->kind == NETWORK_SUBNET;
    *resource_cidrs_add(l->out) = (struct resource_cidr){
        .cidr = *cidr,
        .resource_id = vpc->id,
        .vpc_id = n->vpc_id,
        .type = subnet ? "subnet" : "vpc",
        .owner = vpc->owner,
        .region = vpc->region,
        .zone = n->zone,
        .pool_id = "",
        .tags = vpc->tags,
        .management = subnet ? "" : "unmanaged",
        .compliance = subnet ? "" : "unmanaged",
    };
}

static void visit_network(void *ctx, const struct network *n)
{
    add_discovered(ctx, n, &n->v4);
    add_discovered(ctx, n, &n->v6);
}

/* --- what others tell of --- */

/* One resource is told once: what is in a state of our own tells of itself. */
static bool visit_sighting(void *ctx, const struct sighting *s)
{
    static const char *const types[] = {
        [SIGHTED_NETWORK] = "vpc", [SIGHTED_SUBNET] = "subnet", [SIGHTED_PREFIX] = "prefix"};
    struct collection *l = ctx;
    bool subnet = s->kind == SIGHTED_SUBNET;
    for (size_t i = 0; i < s->cidr_count; i++) {
        const struct cidr *c = &s->cidrs[i];
        if (!sighting_in_scope(estate_of(l->call)->engine, s, c, l->scope) ||
            own_cidrs_have(&l->own, s, c))
            continue;
        *resource_cidrs_add(l->out) = (struct resource_cidr){
            .cidr = *c,
            .resource_id = s->id,
            .vpc_id = s->kind == SIGHTED_PREFIX ? ""
                      : *s->network_id          ? s->network_id
                                                : s->id,
            .type = types[s->kind],
            .name = s->name,
            .owner = s->owner,
            .region = s->region,
            .zone = s->zone,
            .pool_id = "",
            .tags = s->tags,
            .management = subnet ? "" : "unmanaged",
            .compliance = subnet ? "" : "unmanaged",
        };
    }
    return true;
}

/* --- overlaps --- */

struct overlap_item *resource_cidrs_overlaps(struct arena *arena, const struct resource_cidr *items,
                                             size_t count)
{
    struct overlap_item *found = arena_calloc(arena, count, sizeof *found);
    for (size_t i = 0; i < count; i++)
        found[i] = (struct overlap_item){.cidr = items[i].cidr,
                                         .network = items[i].vpc_id,
                                         .owner = items[i].owner ? items[i].owner : "",
                                         .ref = (uint32_t)i,
                                         .subnet = strcmp(items[i].type, "subnet") == 0};
    overlap_sort(found, count);
    overlap_mark(found, count);
    return found;
}

void resource_cidrs_mark_overlaps(struct arena *arena, struct resource_cidr *items, size_t count)
{
    const struct overlap_item *found = resource_cidrs_overlaps(arena, items, count);
    for (size_t i = 0; i < count; i++)
        items[found[i].ref].overlapping = found[i].overlapping;
}

/* --- usage --- */

/* Subnets of one VPC are disjoint, and in order those inside a CIDR of the VPC follow each other.
 */
struct usage {
    struct resource_cidrs subnets; /* by VPC, then address */
};

static void visit_subnet(void *ctx, const struct network *n)
{
    struct usage *u = ctx;
    const struct cidr *cidrs[] = {&n->v4, &n->v6};
    for (size_t i = 0; i < 2; i++)
        if (cidr_is_set(cidrs[i])) {
            struct resource_cidr *h = resource_cidrs_add(&u->subnets);
            h->cidr = *cidrs[i];
            h->vpc_id = n->vpc_id;
        }
}

static int by_vpc(const void *x, const void *y)
{
    const struct resource_cidr *a = x, *b = y;
    int order = strcmp(a->vpc_id, b->vpc_id);
    return order ? order : cidr_compare(&a->cidr, &b->cidr);
}

static double usage_of(const struct usage *u, const struct resource_cidr *vpc)
{
    size_t low = 0, high = u->subnets.count;
    struct count used = {0};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_vpc(&u->subnets.items[middle], vpc) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < u->subnets.count; low++) {
        const struct resource_cidr *s = &u->subnets.items[low];
        if (strcmp(s->vpc_id, vpc->vpc_id) != 0 || !cidr_contains(&vpc->cidr, &s->cidr))
            break;
        used = count_add(used, cidr_count(&s->cidr));
    }
    return count_percent(used, cidr_count(&vpc->cidr)) / 100;
}

static void measure(struct call *c, struct resource_cidrs *l)
{
    struct usage u = {.subnets = {.arena = c->arena}};
    memory_each_network(estate_of(c)->memory, NETWORK_SUBNET, visit_subnet, &u);
    if (u.subnets.count == 0)
        return;
    qsort(u.subnets.items, u.subnets.count, sizeof *u.subnets.items, by_vpc);
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i].type, "vpc") == 0)
            l->items[i].usage = usage_of(&u, &l->items[i]);
}

/* --- all of it --- */

static int resource_cidr_order(const void *x, const void *y)
{
    const struct resource_cidr *a = x, *b = y;
    int order = cidr_compare(&a->cidr, &b->cidr);
    return order ? order : strcmp(a->resource_id, b->resource_id);
}

void resource_cidrs_collect(struct call *c, const struct scope *s, struct resource_cidrs *out)
{
    struct collection l = {.call = c, .scope = s, .out = out};
    *out = (struct resource_cidrs){.arena = c->arena};
    engine_each_allocation(estate_of(c)->engine, NULL, visit_allocation, &l);
    if (l.grant_count > 0)
        qsort(l.grants, l.grant_count, sizeof *l.grants, grant_order);
    for (enum network_kind k = 0; k < NETWORK_KINDS; k++)
        memory_each_network(estate_of(c)->memory, k, visit_network, &l);
    if (sightings_count(estate_of(c)->sightings) > 0) {
        own_cidrs_gather(estate_of(c), c->arena, &l.own);
        sightings_each(estate_of(c)->sightings, visit_sighting, &l);
    }
    if (out->count > 0)
        qsort(out->items, out->count, sizeof *out->items, resource_cidr_order);
    resource_cidrs_mark_overlaps(c->arena, out->items, out->count);
    measure(c, out);
}
