/*
 * values - types for the targets of the two codecs
 */
#ifndef FUZZ_VALUES_H
#define FUZZ_VALUES_H

#include "proto/codec.h"

/* The first byte of an input chooses: the types of all resources, and a few of no resource. The
 * result lives in the arena or for ever. */
const struct type *fuzz_type(struct arena *a, uint8_t choice);

#endif
