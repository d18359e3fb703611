/*
 * query - JMESPath for --query
 *
 * The language of the AWS CLI's --query (https://jmespath.org/specification.html), whole. Of keys
 * that an object literal names twice the last counts. Limits: QUERY_MAX_DEPTH here, and those of
 * query_internal.h.
 */
#ifndef CTL_QUERY_H
#define CTL_QUERY_H

#include "proto/value.h"

#define QUERY_MAX_DEPTH 64 /* of brackets, filters and arguments in each other */

/* What the expression finds in v, or NULL with *error set to one line that says what is wrong at
 * which character. Results share parts of v. */
const struct value *query_run(struct arena *a, const char *expression, const struct value *v,
                              const char **error);

#endif
