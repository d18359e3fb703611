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

/*
 * Does this CIDR of the sighting count in the scope? IPv4 and unique local IPv6 count in default
 * private scopes, other IPv6 in default public ones: in those of the IPAMs that operate in the
 * sighting's Region; in all when none does, as for other clouds. O(IPAMs * Regions).
 */
bool sighting_counts(const struct engine *e, const struct scope *s, const struct sighting *one,
                     const struct cidr *c);

/* Makes all that was seen and is nobody's here an occupant of its scope (engine/engine.h). False:
 * memory is out. O(n log n). */
bool occupied_load(struct estate *e, struct arena *scratch);

#endif
