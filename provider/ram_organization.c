/*
 * ram_organization - sharing with the organization is enabled
 *
 * Recorded for configurations that enable it where AWS demands it. Enabling it elsewhere (the
 * command line, another root module) is as common, so shares do not ask for this resource.
 */
#include "provider/estate.h"

#include <string.h>

struct ram_organization_row {
    struct field_string id;
};
#define T struct ram_organization_row

static const struct attribute attributes[] = {
    {.name = "id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "The management account.",
     FIELD(T, id)},
    END_ATTRIBUTES,
};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "Enables sharing with the organization. Belongs into the management "
                             "account.",
              .attributes = attributes},
};

bool management_account_acts(struct call *c, const char *doing)
{
    const struct organization *o = estate_of(c)->organization;
    const char *account = estate_of(c)->account_id;
    if (!o || strcmp(o->management_account, account) == 0)
        return true;
    diag_error(c->diags, NULL, arena_printf(c->arena, "%s: AccessDeniedException", doing),
               "The provider acts for account %s, and the management account of the organization "
               "%s is %s. Only the management account can do this. Use its provider "
               "configuration.",
               account, o->id, o->management_account);
    return false;
}

static enum outcome plan(struct call *c, struct change *ch)
{
    if (ch->kind != CHANGE_CREATE)
        return CALL_DONE;
    management_account_acts(c, "enabling RAM Sharing With Organization");
    planned_set(c, ch, "id", value_string(c->arena, estate_of(c)->account_id));
    return CALL_DONE;
}

/* The account id. */
static enum outcome import(struct call *c, const char *id, const struct value **state,
                           struct bytes *private)
{
    const char *wrong = check_account(c->arena, id);
    (void)private;
    if (wrong)
        diag_error(c->diags, NULL, "importing RAM Sharing With Organization: invalid id", "%s.",
                   wrong);
    else
        *state = value_set(c->arena, &value_null, "id", value_string(c->arena, id));
    return CALL_DONE;
}

const struct resource ram_organization_resource = {
    .names = (const char *const[]){"ipam_ram_sharing_with_organization",
                                   "aws_ram_sharing_with_organization", NULL},
    .schema = &schema,
    .summary = "Enables sharing with the organization.",
    .plan = plan,
    .import = import,
    .upgrade = upgrade_state,
};
