/*
 * organization - who administers IPAM for the organization
 *
 * Articles ask `describe-ipam-organization-admin-account`, which the AWS CLI has never had; AWS is
 * asked by `organizations list-delegated-administrators`. Both answer from the resource
 * ipam_organization_admin_account, so its state must be among those that are read.
 */
#include "ctl/ctl.h"

#include <string.h>

#include "ctl/verbs.h"

#define IPAM_PRINCIPAL "ipam.amazonaws.com"

struct accounts {
    struct ctl *ctl;
    struct items items;
};

static void add_account(void *ctx, const char *id)
{
    struct accounts *l = ctx;
    items_add(&l->items,
              memory_object(l->ctl->estate->memory, l->ctl->arena, &org_admin_resource, id));
}

static struct items accounts_of(struct ctl *c)
{
    struct accounts l = {c, {.arena = c->arena}};
    memory_each_id(c->estate->memory, &org_admin_resource, add_account, &l);
    return l.items;
}

static enum ctl_exit describe_admin(struct ctl *c)
{
    struct items all = accounts_of(c);
    struct object r = object_new(c->arena);
    if (all.count == 0)
        return ctl_fail(CTL_FINDING, "nobody is delegated",
                        "No state that was read holds an ipam_organization_admin_account. It "
                        "belongs into the management account's root module: name its state, too "
                        "(--state PATH), or delegate with that resource.");
    object_put(&r, "DelegatedAdminAccountId",
               value_get(all.items[0], "delegated_admin_account_id"));
    object_put(&r, "Arn", value_get(all.items[0], "arn"));
    object_string(&r, "ServicePrincipal", IPAM_PRINCIPAL);
    return ctl_answer(c, object_end(&r));
}

const struct verb admin_verb = {
    .name = "describe-ipam-organization-admin-account",
    .service = "ec2",
    .summary = "which account administers IPAM; exit code 1 when none does",
    .examples = "  ipamctl describe-ipam-organization-admin-account --state "
                "'../*/terraform.tfstate'\n",
    .answers = true,
    .run = describe_admin,
};

static enum ctl_exit list_administrators(struct ctl *c)
{
    const char *principal = ctl_option(c, "--service-principal");
    struct items all = accounts_of(c), told = {.arena = c->arena};
    struct object r = object_new(c->arena);
    for (size_t i = 0; i < all.count && (!principal || strcmp(principal, IPAM_PRINCIPAL) == 0);
         i++) {
        object_put(&r, "Id", value_get(all.items[i], "delegated_admin_account_id"));
        object_put(&r, "Arn", value_get(all.items[i], "arn"));
        object_string(&r, "Status", "ACTIVE");
        items_add(&told, object_end(&r));
    }
    object_put(&r, "DelegatedAdministrators", items_end(&told));
    return ctl_answer(c, object_end(&r));
}

static const struct option options[] = {
    {"--service-principal", "NAME", "only for this service; known is " IPAM_PRINCIPAL, OPTION_TEXT,
     false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};
const struct verb administrators_verb = {
    .name = "list-delegated-administrators",
    .service = "organizations",
    .summary = "the same as AWS Organizations tells it",
    .examples = "  ipamctl organizations list-delegated-administrators \\\n"
                "    --service-principal " IPAM_PRINCIPAL "\n",
    .options = options,
    .answers = true,
    .run = list_administrators,
};
