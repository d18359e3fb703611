/*
 * metrics - the figures that AWS publishes of an IPAM, computed from what is known now
 *
 * A pool's percentages come from one walk over its allocations in address order, containers first:
 * as prefixes nest or are disjoint, what lies inside the last one counted is counted already, so
 * contradictory estates (imported overlaps, a reservation and the resource that stands on it) never
 * add up to more than the pool has. Available is what neither has, so the three make 100.
 *
 * Scopes are counted from their resource CIDRs; nothing is judged here a second time.
 */
#include "provider/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define POOL_AWS     "AddressFamily, Locale, PoolID, ScopeID"
#define POOL_ARTICLE "IpamId, IpamPoolId, IpamScopeId"
#define SCOPE_AWS    "AddressFamily, ScopeID"
#define VPC_AWS      "AddressFamily, OwnerID, Region, ScopeID, VpcID"

enum kind_index {
    POOL_ALLOCATED,
    POOL_ASSIGNED,
    POOL_AVAILABLE,
    POOL_COMPLIANT,
    POOL_NONCOMPLIANT,
    POOL_UTILIZATION,
    POOL_ALLOCATIONS,
    POOL_ADDRESSES,
    SCOPE_COMPLIANT,
    SCOPE_NONCOMPLIANT,
    SCOPE_MANAGED,
    SCOPE_UNMANAGED,
    SCOPE_OVERLAPPING,
    VPC_USAGE,
};

/* What public insights and the monitoring of addresses tell of AWS: nothing of it is in a state. */
#define UNTOLD(n, u)                                                                               \
    {                                                                                              \
        n, u, "", "Which addresses are in use no state tells.", false                              \
    }

const struct metric_kind metric_kinds[] = {
    [POOL_ALLOCATED] = {"PercentAllocated", "Percent", POOL_AWS,
                        "Part of the pool's space that pools below have.", true},
    [POOL_ASSIGNED] = {"PercentAssigned", "Percent", POOL_AWS,
                       "Part of the pool's space that resources and reservations have.", true},
    [POOL_AVAILABLE] = {"PercentAvailable", "Percent", POOL_AWS,
                        "Part of the pool's space that nobody has.", true},
    [POOL_COMPLIANT] = {"CompliantResourceCidrs", "Count", POOL_AWS,
                        "CIDRs of resources from the pool that obey its rules.", true},
    [POOL_NONCOMPLIANT] = {"NoncompliantResourceCidrs", "Count", POOL_AWS,
                           "CIDRs of resources from the pool that break a rule.", true},
    [POOL_UTILIZATION] = {"PoolAllocationUtilizationPercentage", "Percent", POOL_ARTICLE,
                          "Part of the pool's space that is in use: 100 - PercentAvailable.", true},
    [POOL_ALLOCATIONS] = {"PoolAllocationCount", "Count", POOL_ARTICLE,
                          "Allocations of the pool, those of pools below included.", true},
    [POOL_ADDRESSES] = {"PoolAvailableAddressCount", "Count", POOL_ARTICLE,
                        "Addresses of the pool that nobody has.", true},
    [SCOPE_COMPLIANT] = {"CompliantResourceCidrs", "Count", SCOPE_AWS,
                         "Managed CIDRs of the scope that obey the rules of their pools.", true},
    [SCOPE_NONCOMPLIANT] = {"NoncompliantResourceCidrs", "Count", SCOPE_AWS,
                            "Managed CIDRs of the scope that break a rule of their pools.", true},
    [SCOPE_MANAGED] = {"ManagedResourceCidrs", "Count", SCOPE_AWS,
                       "CIDRs of the scope's resources that come from a pool.", true},
    [SCOPE_UNMANAGED] = {"UnmanagedResourceCidrs", "Count", SCOPE_AWS,
                         "CIDRs of the scope's resources that no pool gave.", true},
    [SCOPE_OVERLAPPING] = {"OverlappingResourceCidrs", "Count", SCOPE_AWS,
                           "CIDRs of the scope's resources that overlap another.", true},
    [VPC_USAGE] = {"VpcIPUsage", "Percent", VPC_AWS,
                   "Part of the VPC's addresses that its subnets have.", true},
    UNTOLD("SubnetIPUsage", "Percent"),
    UNTOLD("PublicIPv4PoolIPUsage", "Percent"),
    UNTOLD("TotalActiveIpCount", "Count"),
    UNTOLD("AmazonOwnedElasticIPs", "Count"),
    UNTOLD("AssociatedAmazonOwnedElasticIPs", "Count"),
    UNTOLD("UnassociatedAmazonOwnedElasticIPs", "Count"),
    UNTOLD("BringYourOwnIPs", "Count"),
    UNTOLD("AssociatedBringYourOwnIPs", "Count"),
    UNTOLD("UnassociatedBringYourOwnIPs", "Count"),
    UNTOLD("EC2PublicIPs", "Count"),
    UNTOLD("ServiceManagedIPs", "Count"),
    UNTOLD("ServiceManagedBringYourOwnIPs", "Count"),
    UNTOLD("AmazonOwnedContigIPs", "Count"),
    UNTOLD("AllocatedAmazonOwnedContigIPs", "Count"),
    UNTOLD("UnallocatedAmazonOwnedContigIPs", "Count"),
    UNTOLD("AssociatedAmazonOwnedContigIPs", "Count"),
    UNTOLD("UnassociatedAmazonOwnedContigIPs", "Count"),
    UNTOLD("IpamPrefixListResolverSyncSuccess", "Count"),
    UNTOLD("IpamPrefixListResolverSyncFailure", "Count"),
    UNTOLD("IpamPrefixListResolverVersionCreationSuccess", "Count"),
    UNTOLD("IpamPrefixListResolverVersionCreationFailure", "Count"),
    {.name = NULL},
};

static const char *family_text(int family)
{
    return family == FAMILY_V4 ? "IPv4" : "IPv6";
}

/* The values stand in the order in which the kind names its dimensions. */
static void add(struct metrics *out, enum kind_index kind, const char *const *values, double value)
{
    ARENA_ROOM(out->arena, out->items, out->count, out->capacity, 32);
    struct metric *m = &out->items[out->count++];
    *m = (struct metric){.kind = &metric_kinds[kind], .value = value};
    const char *name = m->kind->dimensions;
    while (*name) {
        size_t len = strcspn(name, ",");
        size_t i = m->dimension_count++;
        m->dimensions[i].name = arena_strndup(out->arena, name, len);
        m->dimensions[i].value = values[i] ? values[i] : "";
        name += len + strspn(name + len, ", ");
    }
}

/* --- pools --- */

struct usage_walk {
    const struct engine *engine;
    const struct space *space;
    struct pool_usage *usage;
    struct cidr counted; /* the last one that was */
};

static void count_space(struct usage_walk *w, const struct allocation *a)
{
    struct cidr root;
    if ((cidr_is_set(&w->counted) && cidr_contains(&w->counted, &a->cidr)) ||
        !space_root_of(w->space, &a->cidr, &root))
        return;
    struct count *sum = a->type == ALLOCATION_POOL ? &w->usage->allocated : &w->usage->assigned;
    *sum = count_add(*sum, cidr_count(&a->cidr));
    w->counted = a->cidr;
}

static bool visit_use(void *ctx, const struct allocation *a)
{
    struct usage_walk *w = ctx;
    w->usage->allocations++;
    count_space(w, a);
    if (a->type != ALLOCATION_POOL && a->type != ALLOCATION_CUSTOM) {
        bool breaks = resource_cidr_breaks_rules(w->engine, a);
        w->usage->noncompliant += breaks;
        w->usage->compliant += !breaks;
    }
    return true;
}

struct pool_usage pool_usage_of(const struct engine *e, const struct pool *p)
{
    struct pool_usage usage = {.total = space_total(pool_space(p))};
    struct usage_walk w = {.engine = e, .space = pool_space(p), .usage = &usage};
    engine_each_allocation(e, p, visit_use, &w);
    return usage;
}

/* Exact up to 2^53, beyond that the nearest. */
static double count_number(struct count n)
{
    char text[48];
    return strtod(count_format(n, text, sizeof text), NULL);
}

void metrics_of_pool(struct call *c, const struct pool *p, struct metrics *out)
{
    const struct engine *e = estate_of(c)->engine;
    const struct pool_info *info = pool_info(p);
    const struct scope *s = info->scope_id ? engine_scope(e, info->scope_id) : NULL;
    if (!pool_is_known(p) || !s)
        return;
    const struct pool_usage u = pool_usage_of(e, p);
    const struct count used = count_add(u.allocated, u.assigned);
    const char *aws[] = {family_text(info->family), info->locale ? info->locale : "None", info->id,
                         info->scope_id};
    const char *article[] = {scope_info(s)->ipam_id, info->id, info->scope_id};
    if (!count_is_zero(u.total)) {
        double allocated = count_percent(u.allocated, u.total);
        double assigned = count_percent(u.assigned, u.total);
        add(out, POOL_ALLOCATED, aws, allocated);
        add(out, POOL_ASSIGNED, aws, assigned);
        add(out, POOL_AVAILABLE, aws, count_percent(count_sub(u.total, used), u.total));
        add(out, POOL_UTILIZATION, article, count_percent(used, u.total));
    }
    add(out, POOL_COMPLIANT, aws, (double)u.compliant);
    add(out, POOL_NONCOMPLIANT, aws, (double)u.noncompliant);
    add(out, POOL_ALLOCATIONS, article, (double)u.allocations);
    add(out, POOL_ADDRESSES, article, count_number(count_sub(u.total, used)));
}

/* --- scopes, and the VPCs in them --- */

static void add_scope_counts(const struct resource_cidrs *l, const char *scope_id, int family,
                             struct metrics *out)
{
    const char *values[] = {family_text(family), scope_id};
    double counts[SCOPE_OVERLAPPING + 1] = {0};
    for (size_t i = 0; i < l->count; i++) {
        const struct resource_cidr *h = &l->items[i];
        if (h->cidr.family != family || h->is_reservation)
            continue;
        counts[SCOPE_COMPLIANT] += strcmp(h->compliance, "compliant") == 0;
        counts[SCOPE_NONCOMPLIANT] += strcmp(h->compliance, "noncompliant") == 0;
        counts[SCOPE_MANAGED] += strcmp(h->management, "managed") == 0;
        counts[SCOPE_UNMANAGED] += strcmp(h->management, "unmanaged") == 0;
        counts[SCOPE_OVERLAPPING] += h->overlapping;
    }
    for (enum kind_index k = SCOPE_COMPLIANT; k <= SCOPE_OVERLAPPING; k++)
        add(out, k, values, counts[k]);
}

static int by_resource(const void *x, const void *y)
{
    const struct resource_cidr *a = x, *b = y;
    int order = strcmp(a->resource_id, b->resource_id);
    return order ? order : cidr_compare(&a->cidr, &b->cidr);
}

/* A VPC's CIDRs of one family follow each other. */
static void add_vpc_usage(const struct resource_cidrs *l, const char *scope_id, struct metrics *out)
{
    struct resource_cidr *vpcs = arena_calloc(out->arena, l->count, sizeof *vpcs);
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i].type, "vpc") == 0)
            vpcs[count++] = l->items[i];
    if (count > 0)
        qsort(vpcs, count, sizeof *vpcs, by_resource);
    for (size_t i = 0, end; i < count; i = end) {
        const struct resource_cidr *v = &vpcs[i];
        double used = 0, total = 0;
        for (end = i; end < count && strcmp(vpcs[end].resource_id, v->resource_id) == 0 &&
                      vpcs[end].cidr.family == v->cidr.family;
             end++) {
            double size = count_number(cidr_count(&vpcs[end].cidr));
            total += size;
            used += size * vpcs[end].usage;
        }
        const char *values[] = {family_text(v->cidr.family), v->owner, v->region, scope_id,
                                v->resource_id};
        add(out, VPC_USAGE, values, 100 * used / total);
    }
}

void metrics_of_scope(struct call *c, const struct scope *s, struct metrics *out)
{
    struct resource_cidrs l;
    const char *id = scope_info(s)->id;
    resource_cidrs_collect(c, s, &l);
    add_scope_counts(&l, id, FAMILY_V4, out);
    add_scope_counts(&l, id, FAMILY_V6, out);
    add_vpc_usage(&l, id, out);
}

/* --- all of an IPAM --- */

struct ipam_walk {
    struct call *call;
    const struct ipam *ipam; /* NULL: every one */
    struct metrics *out;
};

static bool is_of(const struct ipam_walk *w, const struct scope *s)
{
    const char *id = s ? scope_info(s)->ipam_id : NULL;
    return id && (!w->ipam || strcmp(id, ipam_info(w->ipam)->id) == 0);
}

static bool visit_scope(void *ctx, const struct scope *s)
{
    struct ipam_walk *w = ctx;
    if (is_of(w, s))
        metrics_of_scope(w->call, s, w->out);
    return true;
}

static bool visit_pool(void *ctx, const struct pool *p)
{
    struct ipam_walk *w = ctx;
    const char *scope_id = pool_info(p)->scope_id;
    if (scope_id && is_of(w, engine_scope(estate_of(w->call)->engine, scope_id)))
        metrics_of_pool(w->call, p, w->out);
    return true;
}

void metrics_of_ipam(struct call *c, const struct ipam *i, struct metrics *out)
{
    struct ipam_walk w = {c, i, out};
    engine_each_scope(estate_of(c)->engine, visit_scope, &w);
    engine_each_pool(estate_of(c)->engine, visit_pool, &w);
}

/* --- finding one --- */

static const char *dimension_value(const struct dimension *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return list[i].value;
    return NULL;
}

static bool matches(const struct metric *m, const struct dimension *wanted, size_t count)
{
    if (m->dimension_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct dimension *d = &m->dimensions[i];
        const char *value = dimension_value(wanted, count, d->name);
        bool caseless = strcmp(d->name, "AddressFamily") == 0;
        if (!value || (caseless ? strcasecmp(value, d->value) : strcmp(value, d->value)) != 0)
            return false;
    }
    return true;
}

/* Do the dimensions have just these names? */
static bool names_fit(const char *names, const struct dimension *list, size_t count)
{
    size_t n = 0;
    while (*names) {
        size_t len = strcspn(names, ",");
        size_t i = 0;
        while (i < count && !(strlen(list[i].name) == len && !strncmp(list[i].name, names, len)))
            i++;
        if (i == count)
            return false;
        n++;
        names += len + strspn(names + len, ", ");
    }
    return n == count;
}

const char *metrics_problem(struct arena *a, const char *name, const struct dimension *list,
                            size_t count)
{
    const char *expected = NULL;
    for (const struct metric_kind *k = metric_kinds; k->name; k++) {
        if (strcmp(k->name, name) != 0)
            continue;
        if (!k->told)
            return arena_printf(a, "the metric %s has no value here. %s", name, k->about);
        if (names_fit(k->dimensions, list, count))
            return NULL;
        expected = expected ? arena_printf(a, "%s; or %s", expected, k->dimensions) : k->dimensions;
    }
    if (expected)
        return arena_printf(a, "the metric %s has exactly these dimensions: %s", name, expected);
    return arena_printf(a, "there is no metric \"%.100s\" in " METRICS_NAMESPACE, name);
}

/* Only what can have the metric is looked at: its pool, else its scope. */
static const char *collect_for(struct call *c, const struct dimension *list, size_t count,
                               struct metrics *out)
{
    const struct engine *e = estate_of(c)->engine;
    const char *pool_id = dimension_value(list, count, "PoolID");
    const char *scope_id = dimension_value(list, count, "ScopeID");
    if (!pool_id)
        pool_id = dimension_value(list, count, "IpamPoolId");
    const struct pool *p = pool_id ? engine_pool(e, pool_id) : NULL;
    const struct scope *s = scope_id && !pool_id ? engine_scope(e, scope_id) : NULL;
    if (p)
        metrics_of_pool(c, p, out);
    else if (s)
        metrics_of_scope(c, s, out);
    else
        return arena_printf(c->arena, "%s %.100s is not known", pool_id ? "the pool" : "the scope",
                            pool_id ? pool_id : scope_id);
    if (p && count_is_zero(space_total(pool_space(p))))
        return arena_printf(c->arena, "the pool %s has no CIDR", pool_id);
    return "no such metric has these values of its dimensions: look at the pool's locale and "
           "address family, its scope and its IPAM";
}

bool metrics_find(struct call *c, const char *name, const struct dimension *dimensions,
                  size_t count, struct metric *out, const char **why)
{
    struct metrics all = {.arena = c->arena};
    const char *problem = metrics_problem(c->arena, name, dimensions, count);
    if (!problem)
        problem = collect_for(c, dimensions, count, &all);
    for (size_t i = 0; i < all.count; i++)
        if (strcmp(all.items[i].kind->name, name) == 0 &&
            matches(&all.items[i], dimensions, count)) {
            *out = all.items[i];
            return true;
        }
    if (why)
        *why = problem;
    return false;
}
