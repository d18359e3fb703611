/*
 * siblings - what the other processes of the same run make
 *
 * For a run whose state is not a file (see refresh.c for one that is). Each process writes down the
 * objects that it makes or changes, in one small file of the run in Terraform's data folder, and
 * those that lack something read there. It is a hint: without it a call is refused as if nobody had
 * made what it lacks.
 */
#ifndef PROVIDER_SIBLINGS_H
#define PROVIDER_SIBLINGS_H

#include "provider/estate.h"

struct siblings;

/* lineage: of the state as it was read, or "". NULL: memory is out. */
struct siblings *siblings_new(const char *lineage);
void siblings_free(struct siblings *s);
/* This process made, changed or removed an object, see struct provider's observe. */
void siblings_tell(struct siblings *s, struct call *c, const struct resource *r,
                   const struct value *prior, const struct value *now);
/* Takes over what others told since the last time. True: there was something. O(new bytes). */
bool siblings_hear(struct siblings *s, struct call *c);
/* Did another process make this object in this run? */
bool siblings_made(const struct siblings *s, const char *id);

#endif
