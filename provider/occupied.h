/*
 * occupied - what was seen keeps its space
 */
#ifndef PROVIDER_OCCUPIED_H
#define PROVIDER_OCCUPIED_H

#include "provider/estate.h"

/* The CIDRs that own resources and allocations have, to tell them from what only others know. */
struct own_cidr {
    struct cidr cidr;
    const char *id; /* of the resource; of the VPC, for a CIDR that was added to it */
};
struct own_cidrs {
    struct arena *arena;
    struct own_cidr *items; /* in order */
    size_t count, capacity;
};
/* Lives as long as the arena, until the engine or the memory changes. O(n log n). */
void own_cidrs_gather(const struct estate *e, struct arena *a, struct own_cidrs *out);
/* Is this CIDR of the sighting one that the own resource of that id has, too? O(log n). */
bool own_cidrs_have(const struct own_cidrs *o, const struct sighting *s, const struct cidr *c);

/* Does what was seen, with this CIDR of it, belong to the scope? The one that it names, when that
 * is known, else what follows from Region and CIDR (engine_scope_takes). */
bool sighting_in_scope(const struct engine *e, const struct sighting *s, const struct cidr *c,
                       const struct scope *scope);
/* Warns of scopes that sightings name and nobody knows. O(sightings). */
void occupied_warn_scopes(const struct estate *e, struct diags *d);

/* Keeps in the estate which networks without a pool its own state has: before other states are
 * read. Uses the estate's arena. O(n log n). */
void occupied_own(struct estate *e, struct arena *scratch);
/* Makes all that was seen and is nobody's here an occupant (engine/engine.h), and the networks
 * without a pool of the own state and of the members. False: memory is out. O(n log n). */
bool occupied_load(struct estate *e, struct arena *scratch);
struct lh_table *occupants_new(void); /* of an estate; NULL when memory is out */
void occupants_free(struct lh_table *occupants);

/* --- networks without a pool that come and go in a run; other resources are passed by --- */

/* Another process stored it. False: memory is out. O(1). */
bool occupied_learn(struct estate *e, const struct resource *r, const struct facts *f);
/* As provider_observe, and after the memory was told. O(1) when nothing comes or goes. */
void occupied_observe(struct call *c, const struct resource *r, const struct value *prior,
                      const struct value *now);
/* After its plan hook: draws of the plan and of its apply keep off the CIDR of a new one while
 * there is room elsewhere, and it is said when an allocation has it already, which AWS does not
 * refuse either. O(pools), and O(allocations) of pools that have something there. */
void occupied_plan(struct call *c, const struct resource *r, const struct change *ch);

/* What has no pool has no allocation, but the id that one would have (see departure_fn). It leaves,
 * in checks of a plan, also when it is not known yet; it is gone; it is there. False: nothing has
 * that id. */
bool occupied_leave(const struct estate *e, const char *allocation_id);
bool occupied_gone(const struct estate *e, const char *allocation_id);
bool occupied_has(const struct estate *e, const char *allocation_id);

/* Does a network of that Region with that CIDR, of no pool, keep its space in this one? */
bool occupied_counts(const struct engine *e, const struct pool *p, const struct cidr *c,
                     const char *region);

#endif
