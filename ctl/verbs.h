/*
 * verbs - every verb, by the file that it is in
 */
#ifndef CTL_VERBS_H
#define CTL_VERBS_H

#include "ctl/ctl.h"

/* ask.c */
extern const struct verb describe_ipams_verb, describe_scopes_verb, describe_pools_verb,
    pool_cidrs_verb, allocations_verb, resource_cidrs_verb, history_verb;
/* tree.c, capacity.c */
extern const struct verb tree_verb, free_verb, capacity_verb;

#endif
