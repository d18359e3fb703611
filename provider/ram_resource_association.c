/*
 * ram_resource_association - puts a pool into a resource share
 *
 * Other things than pools may be shared in AWS. Their ARNs are taken as they are and mean nothing
 * here.
 */
#include "provider/ram_association.h"

#include <string.h>

#define T struct ram_association_row

static const struct attribute attributes[] = {
    {.name = "id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`<share ARN>,<resource ARN>`.",
     FIELD(T, id)},
    {.name = "resource_arn",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_arn, "an ARN")),
     .description = "ARN of the pool. The share must be in the home Region of its IPAM.",
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
    .block = {.description = "Puts a pool into a resource share, so that the accounts that the "
                             "share names can draw from it.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating RAM Resource Association";
static const struct refusal_paths paths = {.pool = "resource_arn"};

/* The share lives where the IPAM lives: the ARN of a pool names no Region, so AWS looks for the
 * pool only there. */
static void check_home(struct call *c, const T *row, const struct pool *p)
{
    const struct engine *e = estate_of(c)->engine;
    const struct scope *s = engine_scope(e, pool_info(p)->scope_id);
    const struct ipam *i = s ? engine_ipam(e, scope_info(s)->ipam_id) : NULL;
    const char *home = i ? ipam_info(i)->region : NULL;
    const char *region = arn_part(c->arena, row->share.v, 3);
    if (home && *home && strcmp(home, region) != 0)
        diag_error(c->diags, PATH_ATTR(NULL, "resource_share_arn"),
                   arena_printf(c->arena, "%s: UnknownResourceException", doing_create),
                   "The share is in %s, and the IPAM of %s has its home in %s. A pool is shared "
                   "from the home Region of its IPAM, whatever the pool's locale is. Create the "
                   "share there: region = \"%s\".",
                   region, pool_info(p)->id, home, home);
}

static bool check(struct call *c, const T *row, enum outcome *out)
{
    const struct engine *e = estate_of(c)->engine;
    const char *name = shared_name(c->arena, row->other.v);
    struct refusal why;
    if (name == row->other.v)
        return true;
    if (!engine_said_yes(c, engine_check_owner(e, name, &why), doing_create, &why, &paths, out))
        return false;
    if (row->share.is == KNOWN)
        check_home(c, row, engine_pool(e, name));
    return !c->diags->errors;
}

static bool is_there(struct call *c, const T *row)
{
    return engine_share_has_pool(estate_of(c)->engine, row->share.v,
                                 shared_name(c->arena, row->other.v));
}

static enum engine_result add(struct call *c, const T *row)
{
    return engine_share_pool(estate_of(c)->engine, row->share.v,
                             shared_name(c->arena, row->other.v));
}

static void take_out(struct call *c, const T *row)
{
    engine_unshare_pool(estate_of(c)->engine, row->share.v, shared_name(c->arena, row->other.v));
}

const struct ram_association ram_resource_association = {
    .resource = &ram_resource_association_resource,
    .what = "RAM Resource Association",
    .doing = doing_create,
    .once = "A resource is in a share once.",
    .check_other = check_arn,
    .check = check,
    .is_there = is_there,
    .add = add,
    .remove = take_out,
};

enum load_result load_ram_resource_association(struct engine *e, const struct facts *f,
                                               const char **problem)
{
    const char *share = fact_string(f, "resource_share_arn");
    const char *resource = fact_string(f, "resource_arn");
    if (!share || !resource) {
        *problem = "resource_share_arn or resource_arn is missing";
        return LOAD_MALFORMED;
    }
    return load_result_of(engine_share_pool(e, share, shared_name(f->arena, resource)));
}

const struct resource ram_resource_association_resource = {
    .names = (const char *const[]){"ipam_ram_resource_association", "aws_ram_resource_association",
                                   NULL},
    .schema = &schema,
    .summary = "Puts a pool into a resource share.",
    .plan = ram_association_plan,
    .create = ram_association_create,
    .destroy = ram_association_destroy,
    .read = ram_association_read,
    .import = ram_association_import,
    .upgrade = upgrade_state,
};
