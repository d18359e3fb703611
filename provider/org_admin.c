/*
 * org_admin - the account that administers IPAM for the organization
 *
 * Recorded, with the checks that AWS makes: the management account delegates, to a member account.
 */
#include "provider/estate.h"

#include <string.h>

struct org_admin_row {
    struct field_string id, account, arn, email, name, principal;
};
#define T struct org_admin_row

#define TOLD(n, f, text)                                                                           \
    {                                                                                              \
        .name = n, .type = &type_string, .flags = ATTR_COMPUTED, .description = text, FIELD(T, f)  \
    }

static const struct attribute attributes[] = {
    TOLD("id", id, "The delegated account."),
    {.name = "delegated_admin_account_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_account, "12 digits")),
     .description = "Account that administers IPAM for the organization.",
     FIELD(T, account)},
    TOLD("arn", arn, "ARN of the account in its organization."),
    TOLD("email", email, "Empty: nobody can be asked for it."),
    TOLD("name", name, "Empty: nobody can be asked for it."),
    TOLD("service_principal", principal, "`ipam.amazonaws.com`."),
    END_ATTRIBUTES,
};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "Delegates the administration of IPAM to an account of the "
                             "organization. Belongs into the management account.",
              .attributes = attributes},
};

static const char doing_create[] = "creating IPAM Organization Admin Account";

static void fill(struct call *c, T *row)
{
    const struct organization *o = estate_of(c)->organization;
    const char *management = o ? o->management_account : estate_of(c)->account_id;
    const char *id = o ? o->id : id_derive(c->arena, "o-", 10, management, "organization");
    field_set_string(&row->id, row->account.v);
    field_set_string(&row->arn, arena_printf(c->arena, "arn:aws:organizations::%s:account/%s/%s",
                                             management, id, row->account.v));
    field_set_string(&row->email, "");
    field_set_string(&row->name, "");
    field_set_string(&row->principal, "ipam.amazonaws.com");
}

static void check_account_of_organization(struct call *c, const T *row)
{
    const struct organization *o = estate_of(c)->organization;
    if (!o)
        return;
    bool management = strcmp(o->management_account, row->account.v) == 0;
    if (!management && organization_has_account(o, row->account.v))
        return;
    diag_error(c->diags, PATH_ATTR(NULL, "delegated_admin_account_id"),
               arena_printf(c->arena, "%s: InvalidParameterValue", doing_create),
               "Account %s is %s %s. IPAM is administered by a member account. Name a member "
               "account, or add this one to the organization block of the provider.",
               row->account.v, management ? "the management account of" : "not in", o->id);
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T row = {0};
    if (ch->kind != CHANGE_CREATE)
        return CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    if (!management_account_acts(c, doing_create) || row.account.is != KNOWN)
        return CALL_DONE;
    check_account_of_organization(c, &row);
    fill(c, &row);
    ch->planned = schema_encode(c->arena, &schema, &row, ch->planned);
    return CALL_DONE;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    schema_decode(&schema, ch->planned, &row);
    fill(c, &row);
    *state = schema_encode(c->arena, &schema, &row, ch->planned);
    return CALL_DONE;
}

/* The account id. */
static enum outcome import(struct call *c, const char *id, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *wrong = check_account(c->arena, id);
    (void)private;
    if (wrong) {
        diag_error(c->diags, NULL, "importing IPAM Organization Admin Account: invalid id", "%s.",
                   wrong);
        return CALL_DONE;
    }
    field_set_string(&row.account, id);
    fill(c, &row);
    *state = schema_encode(c->arena, &schema, &row, NULL);
    return CALL_DONE;
}

const struct resource org_admin_resource = {
    .names = (const char *const[]){"ipam_organization_admin_account",
                                   "aws_vpc_ipam_organization_admin_account", NULL},
    .schema = &schema,
    .summary = "Delegates the administration of IPAM.",
    .plan = plan,
    .create = create,
    .import = import,
    .upgrade = upgrade_state,
};
