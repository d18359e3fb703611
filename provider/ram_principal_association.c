/*
 * ram_principal_association - names an account, an OU or the organization in a resource share
 *
 * Whom an OU stands for is known from the provider block (organization.c). With it, a principal
 * that is not in the organization is refused as AWS refuses it; without it, accounts are believed
 * to be inside, and a share with an OU reaches nobody, which a warning says.
 */
#include "provider/ram_association.h"

#include <string.h>

#define T struct ram_association_row

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
     FIELD(T, other)},
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
                                      estate_of(c)->account_id, o->id, row->other.v));
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

static bool check(struct call *c, const T *row, enum outcome *out)
{
    struct principal p;
    const char *wrong = principal_parse(c->arena, row->other.v, &p);
    bool group = p.kind == PRINCIPAL_UNIT || p.kind == PRINCIPAL_ORGANIZATION;
    *out = CALL_DONE;
    if (wrong)
        refuse_principal(c, "InvalidParameterException", wrong);
    else if (estate_of(c)->organization && group)
        check_group(c, row, &p);
    else if (estate_of(c)->organization)
        check_outsider(c, row, &p);
    else if (group && c->stage == CALL_PLANNING && !estate_watch(c))
        warn_unknown(c, &p);
    return !c->diags->errors;
}

/* A principal of a kind that is not known here means nothing to the engine, so nothing of it can be
 * missing there. */
static bool is_there(struct call *c, const T *row)
{
    struct principal p;
    return principal_parse(c->arena, row->other.v, &p) ||
           engine_share_names(estate_of(c)->engine, row->share.v, p.name, row->other.v);
}

static enum engine_result add(struct call *c, const T *row)
{
    struct principal p;
    principal_parse(c->arena, row->other.v, &p); /* was checked */
    return engine_share_with(estate_of(c)->engine, row->share.v, p.name, row->other.v);
}

static void take_out(struct call *c, const T *row)
{
    struct principal p;
    if (!principal_parse(c->arena, row->other.v, &p))
        engine_unshare_with(estate_of(c)->engine, row->share.v, p.name, row->other.v);
}

const struct ram_association ram_principal_association = {
    .resource = &ram_principal_association_resource,
    .what = "RAM Principal Association",
    .doing = doing_create,
    .once = "A share names a principal once.",
    .check_other = check_principal,
    .check = check,
    .is_there = is_there,
    .add = add,
    .remove = take_out,
};

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
    .plan = ram_association_plan,
    .create = ram_association_create,
    .destroy = ram_association_destroy,
    .read = ram_association_read,
    .import = ram_association_import,
    .upgrade = upgrade_state,
};
