/*
 * ram_principal_association - names an account, an OU or the organization in a resource share
 *
 * Whom an OU stands for is known from the provider block (organization.c). With it, a principal
 * that is not in the organization is refused as AWS refuses it; without it, accounts are believed
 * to be inside, and a share with an OU reaches nobody, which a warning says.
 */
#include "provider/estate.h"

#include <string.h>

struct ram_principal_association_row {
    struct field_string id, principal, share, region;
};
#define T struct ram_principal_association_row

static const struct attribute attributes[] = {
    {.name = "id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`<share ARN>,<principal>`.",
     FIELD(T, id)},
    {.name = "principal",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_principal,
                       "an account id, or the ARN of an organization, an OU, an IAM role or user")),
     .description = "Whom to share with: an account id, the ARN of the organization or of an OU "
                    "(the accounts below it, nested OUs too), or of an IAM role or user (stands "
                    "for its account).",
     FIELD(T, principal)},
    {.name = "resource_share_arn",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_share_arn, "the ARN of a resource share")),
     .description = "ARN of the share.",
     FIELD(T, share)},
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
    .block = {.description = "Names in a resource share who can use what it shares.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating RAM Principal Association";
static const char doing_delete[] = "deleting RAM Principal Association";

static void refuse_principal(struct call *c, const char *code, const char *text)
{
    diag_error(c->diags, PATH_ATTR(NULL, "principal"),
               arena_printf(c->arena, "%s: %s", doing_create, code), "%s", text);
}

/* The organization's own view of the principal. */
static void check_group(struct call *c, const T *row, const struct principal *p)
{
    const struct organization *o = estate_of(c)->organization;
    bool here =
        strcmp(p->organization, o->id) == 0 && strcmp(p->account, o->management_account) == 0;
    const char *what = p->kind == PRINCIPAL_UNIT ? "OrganizationalUnit" : "Organization";
    if (!here || (p->kind == PRINCIPAL_UNIT && !organization_has_unit(o, p->unit)))
        refuse_principal(c, "UnknownResourceException",
                         arena_printf(c->arena,
                                      "%s %s could not be found: the organization of the provider "
                                      "block is %s of account %s, with %zu OUs. A share can name "
                                      "the organization and its OUs. Correct the ARN, or add the "
                                      "OU to the organization block.",
                                      what, p->name, o->id, o->management_account, o->unit_count));
    else if (!organization_has_account(o, estate_of(c)->account_id))
        refuse_principal(c, "OperationNotPermittedException",
                         arena_printf(c->arena,
                                      "Account %s is not in the organization %s, so it cannot "
                                      "share with %s. Share from an account of the organization, "
                                      "or add the account to the organization block.",
                                      estate_of(c)->account_id, o->id, row->principal.v));
}

static void check_outsider(struct call *c, const T *row, const struct principal *p)
{
    const struct organization *o = estate_of(c)->organization;
    const struct share_info *s =
        row->share.is == KNOWN ? engine_share(estate_of(c)->engine, row->share.v) : NULL;
    bool inside = organization_has_account(o, p->account) &&
                  organization_has_account(o, estate_of(c)->account_id);
    if (s && !inside && !s->outsiders)
        refuse_principal(
            c, "OperationNotPermittedException",
            arena_printf(c->arena,
                         "The resource you are attempting to share can only be shared within your "
                         "AWS Organization: account %s is not in %s, and the share \"%s\" does not "
                         "allow external principals. Set allow_external_principals = true in the "
                         "share, or add the account to the organization block of the provider.",
                         p->account, o->id, s->name));
}

static void warn_unknown(struct call *c, const struct principal *p)
{
    diag_warning(c->diags, PATH_ATTR(NULL, "principal"), "No account is known in this principal",
                 "%s stands for the accounts below it, and the provider block does not say which "
                 "these are, so nobody can draw from what is shared with it. Describe the "
                 "organization in the provider block: organization { id = \"%s\", "
                 "management_account_id = \"%s\", accounts = { ... } }.",
                 p->name, p->organization, p->account);
}

/* Everything but whether it exists already; true: it may be done. */
static bool check(struct call *c, const T *row, struct principal *p, enum outcome *out)
{
    *out = CALL_DONE;
    if (row->share.is == KNOWN && !ram_check_share(c, row->share.v, doing_create, out))
        return false;
    if (row->principal.is != KNOWN)
        return true;
    const char *wrong = principal_parse(c->arena, row->principal.v, p);
    bool group = p->kind == PRINCIPAL_UNIT || p->kind == PRINCIPAL_ORGANIZATION;
    if (wrong)
        refuse_principal(c, "InvalidParameterException", wrong);
    else if (estate_of(c)->organization && group)
        check_group(c, row, p);
    else if (estate_of(c)->organization)
        check_outsider(c, row, p);
    else if (group && c->stage == CALL_PLANNING && !estate_watch(c))
        warn_unknown(c, p);
    return !c->diags->errors;
}

static void fill(struct call *c, T *row)
{
    field_set_string(&row->id, arena_printf(c->arena, "%s,%s", row->share.v, row->principal.v));
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T row = {0};
    struct principal p;
    enum outcome out = CALL_DONE;
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_region(c, ch);
    schema_decode(&schema, ch->planned, &row);
    if (ch->kind != CHANGE_CREATE)
        return CALL_DONE;
    if (row.share.is == KNOWN && row.principal.is == KNOWN) {
        fill(c, &row);
        ch->planned = schema_encode(c->arena, &schema, &row, ch->planned);
    }
    check(c, &row, &p, &out);
    return out;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    struct principal p;
    enum outcome out;
    schema_decode(&schema, ch->planned, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", c->patience_ms);
    if (!check(c, &row, &p, &out))
        return out;
    fill(c, &row);
    if (engine_share_names(e, row.share.v, p.name, row.principal.v)) {
        diag_error(c->diags, NULL, arena_printf(c->arena, "%s: already exists", doing_create),
                   "RAM Principal Association (%s) already exists. A share names a principal once. "
                   "Import it (terraform import), or remove one of the two resources.",
                   row.id.v);
        return CALL_DONE;
    }
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    if (engine_share_with(e, row.share.v, p.name, row.principal.v) != ENGINE_OK) {
        report_no_memory(c, doing_create);
        return CALL_DONE;
    }
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    struct principal p;
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->prior, &row);
    if (!engine_share(e, row.share.v) || principal_parse(c->arena, row.principal.v, &p))
        return CALL_DONE; /* went with the share */
    if (!ram_check_share(c, row.share.v, doing_delete, &out))
        return out;
    engine_unshare_with(e, row.share.v, p.name, row.principal.v);
    call_progress(c);
    return CALL_DONE;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    (void)private;
    T row = {0};
    struct principal p;
    schema_decode(&schema, *state, &row);
    if (!principal_parse(c->arena, row.principal.v, &p) &&
        !engine_share_names(estate_of(c)->engine, row.share.v, p.name, row.principal.v))
        estate_learn(c, &ram_principal_association_resource, *state);
    return CALL_DONE;
}

/* The id says everything. */
static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *region, *share, *principal;
    const char *id = import_split(c, text, &region);
    if (!ram_import_split(c, id, "RAM Principal Association", &share, &principal))
        return CALL_DONE;
    const char *wrong = check_principal(c->arena, principal);
    if (wrong) {
        diag_error(c->diags, NULL, "importing RAM Principal Association: invalid id", "%s.", wrong);
        return CALL_DONE;
    }
    field_set_string(&row.share, share);
    field_set_string(&row.principal, principal);
    field_set_string(&row.region, region ? region : estate_of(c)->region);
    fill(c, &row);
    *state = import_blank(c, &ram_principal_association_resource,
                          schema_encode(c->arena, &schema, &row, NULL));
    *private = import_settled();
    return CALL_DONE;
}

/* A principal of a kind that is not known here (a service) gives no account anything. */
enum load_result load_ram_principal_association(struct engine *e, const struct facts *f,
                                                const char **problem)
{
    struct principal p;
    const char *share = fact_string(f, "resource_share_arn");
    const char *principal = fact_string(f, "principal");
    if (!share || !principal) {
        *problem = "resource_share_arn or principal is missing";
        return LOAD_MALFORMED;
    }
    if (principal_parse(f->arena, principal, &p))
        return LOAD_OK;
    return load_result_of(engine_share_with(e, share, p.name, principal));
}

const struct resource ram_principal_association_resource = {
    .names = (const char *const[]){"ipam_ram_principal_association",
                                   "aws_ram_principal_association", NULL},
    .schema = &schema,
    .summary = "Names who can use what a resource share shares.",
    .plan = plan,
    .create = create,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
