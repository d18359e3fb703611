/*
 * inventory - files that say which networks exist
 *
 * The formats and their rules are described for users in the guide docs/guides/inventory.md.
 */
#ifndef PROVIDER_INVENTORY_H
#define PROVIDER_INVENTORY_H

#include "proto/diag.h"
#include "provider/sighting.h"

/*
 * Reads the files that the patterns (glob(7), relative to the working directory) name and adds what
 * they tell. False after reporting an error: a pattern without wildcards that names no file, a file
 * that cannot be read or understood, memory that is out; then some of it may have been added. A
 * pattern with wildcards that matches nothing is a warning. O(n log n).
 */
bool inventory_load(struct sightings *s, struct diags *d, const char *const *patterns,
                    size_t count);

#endif
