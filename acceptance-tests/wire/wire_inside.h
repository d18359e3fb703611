/*
 * wire_inside - the calls of wire_calls.h to a provider in this process
 *
 * No process, no socket: requests go straight into a runtime. Time is virtual and passes only while
 * a call waits, so that patience costs no time. Link with wire_inside.c instead of wire_client.c.
 */
#ifndef WIRE_INSIDE_H
#define WIRE_INSIDE_H

#include "proto/provider.h"
#include "wire_client.h"

/* A runtime of this provider; NULL when memory is out. Ended with host_close. */
struct host_channel *host_inside(const struct provider *provider);

/* Called with every request before it is handed over. */
void host_inside_tap(struct host_channel *c,
                     void (*tap)(void *ctx, const char *method, struct bytes request), void *ctx);

/* Called when control enters the runtime (true) and when it comes back, for tests that make the
 * runtime's memory run out and not their own. */
void host_inside_border(struct host_channel *c, void (*border)(bool entering));

/* From now on a call that waits is attempted again ever later than it asked for, by half of the
 * time that it has waited, as on a machine that has other things to do: a wait of seconds takes a
 * dozen attempts and not hundreds. `others` is told what time passes meanwhile. */
void host_inside_late(struct host_channel *c, void (*others)(uint64_t ms));

/* Milliseconds; only ever later. */
uint64_t host_inside_now(const struct host_channel *c);
void host_inside_pass(struct host_channel *c, uint64_t ms);

#endif
