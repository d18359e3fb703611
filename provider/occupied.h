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

/* Keeps in the estate which networks without a pool its own state has: before other states are
 * read. Uses the estate's arena. O(n log n). */
void occupied_own(struct estate *e, struct arena *scratch);
/* Makes all that was seen and is nobody's here an occupant (engine/engine.h). False:
 * memory is out. O(n log n). */
bool occupied_load(struct estate *e, struct arena *scratch);

#endif
