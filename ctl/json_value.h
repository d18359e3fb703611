/*
 * json_value - JSON that a user wrote on the command line, as a value
 */
#ifndef CTL_JSON_VALUE_H
#define CTL_JSON_VALUE_H

#include "proto/value.h"

/* The value of one JSON document, or NULL when it is none (or nests deeper than 32). O(n). */
const struct value *json_value(struct arena *a, const char *text, size_t len);

#endif
