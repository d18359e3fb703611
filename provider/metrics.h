/*
 * metrics - the figures that AWS publishes of an IPAM, computed from what is known now
 *
 * Names, dimensions and meaning are those of CloudWatch's namespace AWS/IPAM, so that an alarm or a
 * dashboard of the one reads the other. A second spelling of a pool's utilisation exists in
 * articles: PoolAllocationUtilizationPercentage with the dimensions IpamId, IpamPoolId,
 * IpamScopeId, and counts beside it. Both are told.
 *
 * Missing: percentages of a pool without a CIDR and of a VPC without one, because there is nothing
 * to divide by; and metrics of addresses in use (SubnetIPUsage and others, see metric_kind.told),
 * because no state tells which addresses a machine has.
 */
#ifndef PROVIDER_METRICS_H
#define PROVIDER_METRICS_H

#include "provider/resource_cidrs.h"

#define METRICS_NAMESPACE "AWS/IPAM"

struct metric_kind {
    const char *name;
    const char *unit;       /* "Percent" or "Count", CloudWatch's words */
    const char *dimensions; /* names in byte order, separated by ", "; "" when not told */
    const char *about;      /* one sentence */
    bool told;              /* false: AWS has it, here it is always missing */
};

#define METRIC_DIMENSIONS_MAX 5
struct metric {
    const struct metric_kind *kind;
    struct dimension {
        const char *name, *value;
    } dimensions[METRIC_DIMENSIONS_MAX]; /* in the order of kind->dimensions */
    size_t dimension_count;
    double value; /* Percent: 0 to 100 */
};

struct metrics {
    struct arena *arena;
    struct metric *items;
    size_t count, capacity;
};

/* Every kind; of a name with several sets of dimensions one line each. kind.name NULL ends it. */
extern const struct metric_kind metric_kinds[];

/* These append to *out, whose arena must be set. Texts live as long as the engine's objects or the
 * arena. Pool: O(its allocations); scope, its VPCs included: as resource_cidrs_collect. */
void metrics_of_pool(struct call *c, const struct pool *p, struct metrics *out);
void metrics_of_scope(struct call *c, const struct scope *s, struct metrics *out);
/* Its scopes, and their pools, in order of id. NULL: every IPAM. */
void metrics_of_ipam(struct call *c, const struct ipam *i, struct metrics *out);

/*
 * The metric with exactly this name and these dimensions, as CloudWatch looks it up: one dimension
 * more or less is another metric. False when there is none; *why (may be NULL) then says why in one
 * sentence. Values of AddressFamily compare without case.
 */
bool metrics_find(struct call *c, const char *name, const struct dimension *dimensions,
                  size_t count, struct metric *out, const char **why);

/* Why no metric has this name and dimensions of these names (their values are not looked at), or
 * that such a metric never has a value, in one sentence; NULL when nothing is wrong. */
const char *metrics_problem(struct arena *a, const char *name, const struct dimension *list,
                            size_t count);

/* What a pool's space is used for. Every address counts once: what overlaps or lies outside of the
 * pool adds nothing. */
struct pool_usage {
    struct count total;
    struct count allocated; /* to pools below */
    struct count assigned;  /* to resources and reservations */
    uint64_t allocations, compliant, noncompliant;
};
/* O(allocations of the pool). */
struct pool_usage pool_usage_of(const struct engine *e, const struct pool *p);

#endif
