/*
 * resource_cidrs - which resources hold which CIDRs in a scope, and how they stand to the rules
 *
 * What AWS calls resource CIDRs: those that were drawn from pools of the scope, and those that
 * exist without a pool. With them come the three statuses, which are independent of each other.
 */
#ifndef PROVIDER_RESOURCE_CIDRS_H
#define PROVIDER_RESOURCE_CIDRS_H

#include "engine/overlap.h"
#include "provider/estate.h"

struct resource_cidr {
    struct cidr cidr;
    const char *resource_id, *vpc_id; /* vpc_id "" when there is none */
    const char *type;                 /* as AWS tells it: "vpc", "subnet", "public-ipv4-pool" ... */
    const char *name;                 /* when no tag says it; may be NULL */
    const char *owner, *region, *zone;
    const char *pool_id; /* "" without a pool */
    struct tags tags;
    const char *management; /* "managed", "unmanaged", "" for what no pool can hold */
    const char *compliance; /* "compliant", "noncompliant", or as management */
    bool overlapping;
    double usage;        /* 0 to 1: the part of a VPC's CIDR that subnets have; else 0 */
    bool is_reservation; /* not a resource: only there to overlap with */
};

struct resource_cidrs {
    struct arena *arena;
    struct resource_cidr *items;
    size_t count, capacity;
};

/* Fills *out, in address order (containers first); the texts live in the arena or as long as what
 * they are of. O(n log n) in what the scope holds and in the VPCs and subnets that exist. */
void resource_cidrs_collect(struct call *c, const struct scope *s, struct resource_cidrs *out);

/* The tag `Name`, or "". */
const char *resource_cidr_name(const struct resource_cidr *h);

/* Does a resource's allocation break a rule of its pool? What makes it noncompliant. */
bool resource_cidr_breaks_rules(const struct engine *e, const struct allocation *a);

/* The items for engine/overlap.h, sorted and marked; `ref` is the position. In the arena. O(n log
 * n).
 */
struct overlap_item *resource_cidrs_overlaps(struct arena *arena, const struct resource_cidr *items,
                                             size_t count);
/* Marks what overlaps (engine/overlap.h). O(n log n). */
void resource_cidrs_mark_overlaps(struct arena *arena, struct resource_cidr *items, size_t count);

#endif
