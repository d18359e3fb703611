/*
 * refinement - what is said of a string that is not known yet
 *
 * Terraform (1.6 and later) carries with an unknown value what is already certain about it: that it
 * is not null, how it begins. It hands that on to everything that refers to the value, and holds
 * the provider to it when the value becomes known. Older versions ignore it.
 */
#ifndef PROTO_REFINEMENT_H
#define PROTO_REFINEMENT_H

#include "proto/value.h"

#define REFINEMENT_PREFIX_MAX 255

/* An unknown string that is not null and begins like that. More than REFINEMENT_PREFIX_MAX bytes:
 * just an unknown one. */
const struct value *unknown_beginning(struct arena *a, const char *prefix);

/* How an unknown string is certain to begin; "" when nothing is said, for all other values too. */
const char *unknown_prefix(struct arena *a, const struct value *v);

#endif
