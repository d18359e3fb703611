/*
 * writing - what to do instead of a verb that writes
 *
 * The AWS CLI writes, too. Here Terraform's state is the only store, so whoever pastes such a
 * command is told what does the same.
 */
#include "ctl/verbs.h"

#include <string.h>

#define APPLY " and run terraform apply."

static const struct {
    const char *verb, *remedy;
} verbs[] = {
    {"allocate-ipam-pool-cidr", "Add a resource ipam_pool_cidr_allocation" APPLY},
    {"release-ipam-pool-allocation",
     "Remove the ipam_pool_cidr_allocation from the configuration" APPLY},
    {"release-ipam-pool-cidr", "Remove the ipam_pool_cidr_allocation from the configuration" APPLY},
    {"provision-ipam-pool-cidr", "Add a resource ipam_pool_cidr" APPLY},
    {"deprovision-ipam-pool-cidr", "Remove the ipam_pool_cidr from the configuration" APPLY},
    {"create-ipam", "Add a resource ipam" APPLY},
    {"modify-ipam", "Change the resource ipam" APPLY},
    {"delete-ipam", "Remove the resource ipam" APPLY},
    {"create-ipam-scope", "Add a resource ipam_scope" APPLY},
    {"modify-ipam-scope", "Change the resource ipam_scope" APPLY},
    {"delete-ipam-scope", "Remove the resource ipam_scope" APPLY},
    {"create-ipam-pool", "Add a resource ipam_pool" APPLY},
    {"modify-ipam-pool", "Change the resource ipam_pool" APPLY},
    {"delete-ipam-pool", "Remove the resource ipam_pool" APPLY},
    {"modify-ipam-resource-cidr", "Import the resource into Terraform, or change its inventory."},
    {"create-vpc", "Add a resource ipam_vpc" APPLY},
    {"delete-vpc", "Remove the resource ipam_vpc" APPLY},
    {"enable-ipam-organization-admin-account", "Add a resource ipam_organization_admin_account to "
                                               "the management account's root module" APPLY},
    {"disable-ipam-organization-admin-account",
     "Remove the resource ipam_organization_admin_account" APPLY},
    {"create-resource-share", "Add a resource ipam_ram_resource_share" APPLY},
    {"associate-resource-share",
     "Add a resource ipam_ram_resource_association or ipam_ram_principal_association" APPLY},
    {"disassociate-resource-share", "Remove the association" APPLY},
    {"put-metric-alarm", "Add a resource ipam_utilization_alarm" APPLY},
    {"delete-alarms", "Remove the resource ipam_utilization_alarm" APPLY},
};

const char *writing_remedy(const char *verb)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].verb, verb) == 0)
            return verbs[i].remedy;
    return NULL;
}
