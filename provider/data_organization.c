/*
 * data_organization - the organization that the account is in
 *
 * Its shape is what the provider block's `organization` says. Without that block it is an
 * organization of just the provider's own account, with an id that follows from the account, so
 * that modules that ask for it run. Names and addresses of accounts nobody told us: the name is the
 * account id, the address one that cannot exist (RFC 2606).
 */
#include <string.h>

#include "provider/data.h"

#define ACCOUNT_FACTS                                                                              \
    OUT("arn", string, "Amazon Resource Name."), OUT("email", string, "Address, made up."),        \
        OUT("id", string, "Id of the account."), OUT("name", string, "The account's id."),         \
        OUT("status", string, "`ACTIVE`."), OUT("state", string, "`ACTIVE`."),                     \
        OUT("joined_method", string, "`CREATED`."),                                                \
        OUT("joined_timestamp", string, "Null: nobody knows.")

static const struct attribute account_attributes[] = {ACCOUNT_FACTS, END_ATTRIBUTES};
static const struct block account_block = {.description = "An account.",
                                           .attributes = account_attributes};
static const struct attribute policy_attributes[] = {
    OUT("type", string, "Type of policy."),
    OUT("status", string, "Whether it is enabled."),
    END_ATTRIBUTES,
};
static const struct block policy_block = {.description = "A type of policy.",
                                          .attributes = policy_attributes};
static const struct attribute root_attributes[] = {
    OUT("arn", string, "Amazon Resource Name."),
    OUT("id", string, "Id of the root."),
    OUT("name", string, "`Root`."),
    OUT_LIST("policy_types", policy_block, "None."),
    END_ATTRIBUTES,
};
static const struct block root_block = {.description = "A root.", .attributes = root_attributes};
static const struct attribute attributes[] = {
    OUT("id", string, "Id of the organization."),
    OUT("arn", string, "Amazon Resource Name."),
    OUT("feature_set", string, "`ALL`."),
    OUT("master_account_arn", string, "ARN of the management account."),
    OUT("master_account_email", string, "Its address, made up."),
    OUT("master_account_id", string, "Its id."),
    OUT("master_account_name", string, "Its name."),
    OUT("aws_service_access_principals", set_string, "Services with access: IPAM and RAM."),
    OUT("enabled_policy_types", set_string, "None."),
    IN("return_organization_only", bool, "Leaves out the accounts and the roots."),
    OUT_LIST("accounts", account_block, "All accounts, by id."),
    OUT_LIST("non_master_accounts", account_block, "All accounts but the management account."),
    OUT_LIST("roots", root_block, "The root."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .block = {.description = "The organization of the provider's account, as the provider block "
                             "describes it.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char *email_of(struct arena *a, const char *account)
{
    return arena_printf(a, "%s@example.invalid", account);
}

static const char *account_arn(struct arena *a, const struct organization *o, const char *account)
{
    return arena_printf(a, "arn:aws:organizations::%s:account/%s/%s", o->management_account, o->id,
                        account);
}

static const struct value *account_object(struct arena *a, const struct organization *o,
                                          const char *account)
{
    struct object r = object_new(a);
    object_string(&r, "arn", account_arn(a, o, account));
    object_string(&r, "email", email_of(a, account));
    object_string(&r, "id", account);
    object_string(&r, "name", account);
    object_string(&r, "status", "ACTIVE");
    object_string(&r, "state", "ACTIVE");
    object_string(&r, "joined_method", "CREATED");
    return object_end(&r);
}

static const struct value *root_object(struct arena *a, const struct organization *o)
{
    struct object r = object_new(a);
    /* r- and four characters that follow from the organization. */
    const char *id = id_derive(a, "r-", 4, o->id, "root");
    object_string(
        &r, "arn",
        arena_printf(a, "arn:aws:organizations::%s:root/%s/%s", o->management_account, o->id, id));
    object_string(&r, "id", id);
    object_string(&r, "name", "Root");
    object_put(&r, "policy_types", value_seq(a, NULL, 0));
    return object_end(&r);
}

static const struct organization *organization_of(struct call *c)
{
    const struct estate *e = estate_of(c);
    if (e->organization)
        return e->organization;
    struct org_account *own = arena_alloc(c->arena, sizeof *own);
    struct organization *o = arena_alloc(c->arena, sizeof *o);
    *own = (struct org_account){e->account_id, ""};
    *o = (struct organization){
        .id = id_derive(c->arena, "o-", 10, e->account_id, "organization"),
        .management_account = e->account_id,
        .accounts = own,
        .account_count = 1,
    };
    return o;
}

static void put_accounts(struct object *r, const struct organization *o)
{
    struct arena *a = r->arena;
    struct items all = {.arena = a}, others = {.arena = a}, roots = {.arena = a};
    for (size_t i = 0; i < o->account_count; i++) {
        const char *id = o->accounts[i].id;
        const struct value *account = account_object(a, o, id);
        items_add(&all, account);
        if (strcmp(id, o->management_account) != 0)
            items_add(&others, account);
    }
    items_add(&roots, root_object(a, o));
    object_put(r, "accounts", items_end(&all));
    object_put(r, "non_master_accounts", items_end(&others));
    object_put(r, "roots", items_end(&roots));
}

static enum outcome read(struct call *c, const struct value *config, const struct value **state)
{
    struct arena *a = c->arena;
    struct object r = object_new(a);
    const struct organization *o = organization_of(c);
    const struct value *services[] = {value_string(a, "ipam.amazonaws.com"),
                                      value_string(a, "ram.amazonaws.com")};
    const char *master = o->management_account;
    object_all(&r, config);
    object_string(&r, "id", o->id);
    object_string(&r, "arn",
                  arena_printf(a, "arn:aws:organizations::%s:organization/%s", master, o->id));
    object_string(&r, "feature_set", "ALL");
    object_string(&r, "master_account_arn", account_arn(a, o, master));
    object_string(&r, "master_account_email", email_of(a, master));
    object_string(&r, "master_account_id", master);
    object_string(&r, "master_account_name", master);
    object_put(&r, "aws_service_access_principals", value_seq(a, services, 2));
    object_put(&r, "enabled_policy_types", value_seq(a, NULL, 0));
    if (!value_truth(value_get(config, "return_organization_only"), false))
        put_accounts(&r, o);
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source organization_data = {
    .names = (const char *const[]){"ipam_organizations_organization",
                                   "aws_organizations_organization", NULL},
    .schema = &schema,
    .summary = "The organization of the provider's account.",
    .read = read,
};
