/*
 * verbs - the table of verbs, in the order of --help
 */
#include "ctl/verbs.h"

/* A line each. */
/* clang-format off */
const struct verb *const ctl_verbs[] = {
    &tree_verb,
    &free_verb,
    &capacity_verb,
    &metrics_verb,
    &describe_ipams_verb,
    &describe_scopes_verb,
    &describe_pools_verb,
    &pool_cidrs_verb,
    &allocations_verb,
    &resource_cidrs_verb,
    &history_verb,
    &admin_verb,
    &administrators_verb,
    &list_metrics_verb,
    &statistics_verb,
    &report_verb,
    &completion_verb,
    NULL,
};
/* clang-format on */
