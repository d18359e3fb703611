/*
 * ram_accepter - an account outside of the organization takes part in a share
 *
 * Such an account is invited when a share names it, and can use what is shared once it has
 * accepted. Inside an organization there are no invitations. Where the provider block does not
 * describe an organization, every account that is named by its id counts as invited.
 */
#include "provider/estate.h"

#include <stdio.h>
#include <string.h>

struct ram_accepter_row {
    struct field_string id, share, invitation, share_id, status, receiver, sender, name, region;
    struct field_value resources;
};
#define T struct ram_accepter_row

#define TOLD(n, f, text)                                                                           \
    {                                                                                              \
        .name = n, .type = &type_string, .flags = ATTR_COMPUTED, .description = text, FIELD(T, f)  \
    }

static const struct attribute attributes[] = {
    TOLD("id", id, "ARN of the share."),
    {.name = "share_arn",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_share_arn, "the ARN of a resource share")),
     .description = "ARN of the share to take part in.",
     FIELD(T, share)},
    TOLD("invitation_arn", invitation, "ARN of the invitation."),
    TOLD("share_id", share_id, "Id of the share, `rs-...`."),
    TOLD("status", status, "`ACTIVE`."),
    TOLD("receiver_account_id", receiver, "Account that takes part."),
    TOLD("sender_account_id", sender, "Account that shares."),
    TOLD("share_name", name, "Name of the share."),
    {.name = "resources",
     .type = &type_list_string,
     .flags = ATTR_COMPUTED,
     .description = "ARNs of what is shared.",
     FIELD(T, resources)},
    {.name = "region",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_region, "a Region name")),
     .description = "Region that manages this resource. Default: the provider's region.",
     FIELD(T, region)},
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "Accepts the invitation to a resource share of an account in another "
                             "organization.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "accepting RAM Resource Share";

/* ARNs of what is in the share, in order. */
static const struct value *shared_arns(struct call *c, const char *share)
{
    struct engine *e = estate_of(c)->engine;
    size_t n = 0;
    while (engine_share_pool_at(e, share, n))
        n++;
    const struct value **items = arena_calloc(c->arena, n, sizeof *items);
    for (size_t i = 0; i < n; i++) {
        const char *name = engine_share_pool_at(e, share, i);
        const char *owner = arn_part(c->arena, share, 4);
        const char *arn = strncmp(name, "arn:", 4) == 0
                              ? name
                              : arn_make(c->arena, "ec2", "", owner, "ipam-pool", name);
        items[i] = value_string(c->arena, arena_strdup(c->arena, arn));
    }
    return value_seq(c->arena, items, n);
}

/* s is NULL when nothing is known of the share but its ARN. */
static void fill(struct call *c, T *row, const struct share_info *s)
{
    struct arena *a = c->arena;
    const char *account = estate_of(c)->account_id, *sender = arn_part(a, row->share.v, 4);
    const char *uuid = strrchr(row->share.v, '/') + 1;
    field_set_string(&row->id, row->share.v);
    field_set_string(&row->invitation, arn_make(a, "ram", arn_part(a, row->share.v, 3), sender,
                                                "resource-share-invitation",
                                                id_derive(a, "", 32, row->share.v, account)));
    field_set_string(&row->share_id, arena_printf(a, "rs-%s", uuid));
    field_set_string(&row->status, "ACTIVE");
    field_set_string(&row->receiver, account);
    field_set_string(&row->sender, sender);
    field_set_string(&row->name, s ? arena_strdup(a, s->name) : "");
    field_set_value(&row->resources, shared_arns(c, row->share.v));
}

static void refuse_invitation(struct call *c, const T *row, const char *why)
{
    diag_error(
        c->diags, PATH_ATTR(NULL, "share_arn"),
        arena_printf(c->arena, "%s: ResourceShareInvitationArnNotFoundException", doing_create),
        "No RAM Resource Share (%s) invitation found: %s.", row->share.v, why);
}

/* Is there an invitation for this account? *out as engine_said_yes. */
static bool invited(struct call *c, const T *row, const struct share_info *s, enum outcome *out)
{
    const struct organization *o = estate_of(c)->organization;
    const char *account = estate_of(c)->account_id;
    *out = CALL_DONE;
    if (strcmp(s->owner, account) == 0) {
        refuse_invitation(c, row,
                          "the share is this account's own. Use the provider configuration "
                          "of the account that is to take part");
    } else if (o && organization_has_account(o, account) && organization_has_account(o, s->owner)) {
        refuse_invitation(
            c, row,
            arena_printf(c->arena,
                         "both accounts are in the organization %s, where sharing needs no "
                         "invitation and this resource is not necessary. Remove it",
                         o->id));
    } else if (!engine_share_names(estate_of(c)->engine, row->share.v, account, NULL)) {
        if (estate_watch(c) && !c->last_attempt && !c->stopping) {
            *out = CALL_WAIT;
            return false;
        }
        refuse_invitation(c, row,
                          arena_printf(c->arena,
                                       "the share does not name account %s. Its owner names it "
                                       "with a principal association (ipam_ram_principal_"
                                       "association); when that is part of this configuration, "
                                       "let this resource depend on it with depends_on",
                                       account));
    }
    return !c->diags->errors;
}

static enum outcome plan(struct call *c, struct change *ch)
{
    if (ch->kind != CHANGE_DELETE)
        plan_region(c, ch);
    return CALL_DONE;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    enum outcome out;
    struct refusal why = {.code = REFUSAL_SHARE_UNKNOWN};
    schema_decode(&schema, ch->planned, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", c->patience_ms);
    const struct share_info *s = engine_share(e, row.share.v);
    snprintf(why.id, sizeof why.id, "%s", row.share.v);
    if (!engine_said_yes(c, s ? ENGINE_OK : ENGINE_REFUSED, doing_create, &why, NULL, &out) ||
        !invited(c, &row, s, &out))
        return out;
    fill(c, &row, s);
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    if (engine_share_accept(e, row.share.v, estate_of(c)->account_id) != ENGINE_OK) {
        report_no_memory(c, doing_create);
        return CALL_DONE;
    }
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    T row = {0};
    schema_decode(&schema, ch->prior, &row);
    engine_share_decline(estate_of(c)->engine, row.share.v, row.receiver.v);
    call_progress(c);
    return CALL_DONE;
}

/* What is shared may have changed since. */
static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    (void)private;
    schema_decode(&schema, *state, &row);
    if (!estate_learn(c, &ram_accepter_resource, *state) || !engine_share(e, row.share.v))
        return CALL_DONE;
    field_set_string(&row.name, arena_strdup(c->arena, engine_share(e, row.share.v)->name));
    field_set_value(&row.resources, shared_arns(c, row.share.v));
    *state = schema_encode(c->arena, &schema, &row, *state);
    return CALL_DONE;
}

static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *region, *origin;
    const char *id = import_split(c, text, &region);
    const char *wrong = check_share_arn(c->arena, id);
    *private = import_settled();
    *state = wrong ? NULL : import_recall(c, &ram_accepter_resource, id, &origin);
    if (*state)
        return CALL_DONE;
    if (wrong) {
        diag_error(c->diags, NULL, "importing RAM Resource Share Accepter: invalid id", "%s.",
                   wrong);
        return CALL_DONE;
    }
    field_set_string(&row.share, id);
    field_set_string(&row.region, region ? region : arn_part(c->arena, id, 3));
    fill(c, &row, engine_share(estate_of(c)->engine, id));
    *state = import_blank(c, &ram_accepter_resource, schema_encode(c->arena, &schema, &row, NULL));
    return CALL_DONE;
}

enum load_result load_ram_accepter(struct engine *e, const struct facts *f, const char **problem)
{
    const char *share = fact_string(f, "share_arn"),
               *account = fact_string(f, "receiver_account_id");
    if (!share || !account) {
        *problem = "share_arn or receiver_account_id is missing";
        return LOAD_MALFORMED;
    }
    return load_result_of(engine_share_accept(e, share, account));
}

const struct resource ram_accepter_resource = {
    .names = (const char *const[]){"ipam_ram_resource_share_accepter",
                                   "aws_ram_resource_share_accepter", NULL},
    .schema = &schema,
    .summary = "Takes part in a resource share of another organization.",
    .plan = plan,
    .create = create,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
