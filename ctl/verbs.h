/*
 * verbs - every verb, by the file that it is in
 */
#ifndef CTL_VERBS_H
#define CTL_VERBS_H

#include "ctl/ctl.h"

/* ask.c */
extern const struct verb describe_ipams_verb, describe_scopes_verb, describe_pools_verb,
    pool_cidrs_verb, allocations_verb, resource_cidrs_verb, history_verb;
/* organization.c */
extern const struct verb admin_verb, administrators_verb;
/* writing.c: what to do instead of a verb of the AWS CLI that writes; NULL: it is none of them. */
const char *writing_remedy(const char *verb);
/* completion.c */
extern const struct verb completion_verb;
/* metrics.c */
extern const struct verb metrics_verb, list_metrics_verb, statistics_verb;
/* tree.c, capacity.c */
extern const struct verb tree_verb, free_verb, capacity_verb;

/* report.c */
extern const struct verb report_verb;

#endif
