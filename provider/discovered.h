/*
 * discovered - networks of other providers, as Terraform's states show them
 */
#ifndef PROVIDER_DISCOVERED_H
#define PROVIDER_DISCOVERED_H

#include "provider/sighting.h"
#include "provider/state.h"

/*
 * Adds every network and subnet of a state that another provider manages, tainted and deposed ones
 * too. `shown` names the state in messages; `source` is for sightings_forget. What cannot be
 * understood is noted with sightings_unclear. False: memory is out, and nothing of it was added.
 * Two walks over the state, O(log n) for each network.
 */
bool discover_state(struct sightings *s, const struct state *state, const char *shown,
                    const void *source);

#endif
