/*
 * ram_resource_association - puts a pool into a resource share
 *
 * Other things than pools may be shared in AWS. Their ARNs are taken as they are and mean nothing
 * here.
 */
#include "provider/estate.h"

#include <string.h>

struct ram_resource_association_row {
    struct field_string id, resource, share, region;
};
#define T struct ram_resource_association_row

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
     FIELD(T, resource)},
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
static const char doing_delete[] = "deleting RAM Resource Association";
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

/* Everything but whether it exists already; true: it may be done. */
static bool check(struct call *c, const T *row, enum outcome *out)
{
    const struct engine *e = estate_of(c)->engine;
    const char *name = shared_name(c->arena, row->resource.v);
    struct refusal why;
    *out = CALL_DONE;
    if (row->share.is == KNOWN && !ram_check_share(c, row->share.v, doing_create, out))
        return false;
    if (row->resource.is != KNOWN || name == row->resource.v)
        return true;
    if (!engine_said_yes(c, engine_check_owner(e, name, &why), doing_create, &why, &paths, out))
        return false;
    if (row->share.is == KNOWN)
        check_home(c, row, engine_pool(e, name));
    return !c->diags->errors;
}

static void fill(struct call *c, T *row)
{
    field_set_string(&row->id, arena_printf(c->arena, "%s,%s", row->share.v, row->resource.v));
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out = CALL_DONE;
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_region(c, ch);
    schema_decode(&schema, ch->planned, &row);
    if (ch->kind != CHANGE_CREATE)
        return CALL_DONE;
    if (row.share.is == KNOWN && row.resource.is == KNOWN) {
        fill(c, &row);
        ch->planned = schema_encode(c->arena, &schema, &row, ch->planned);
    }
    check(c, &row, &out);
    return out;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    enum outcome out;
    schema_decode(&schema, ch->planned, &row);
    const char *name = shared_name(c->arena, row.resource.v);
    c->patience_ms = timeout_ms(ch->planned, "create", c->patience_ms);
    if (!check(c, &row, &out))
        return out;
    fill(c, &row);
    if (engine_share_has_pool(e, row.share.v, name)) {
        diag_error(c->diags, NULL, arena_printf(c->arena, "%s: already exists", doing_create),
                   "RAM Resource Association (%s) already exists. A resource is in a share once. "
                   "Import it (terraform import), or remove one of the two resources.",
                   row.id.v);
        return CALL_DONE;
    }
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    if (engine_share_pool(e, row.share.v, name) != ENGINE_OK) {
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
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->prior, &row);
    if (!engine_share(e, row.share.v)) /* went with the share */
        return CALL_DONE;
    if (!ram_check_share(c, row.share.v, doing_delete, &out))
        return out;
    engine_unshare_pool(e, row.share.v, shared_name(c->arena, row.resource.v));
    call_progress(c);
    return CALL_DONE;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    (void)private;
    T row = {0};
    schema_decode(&schema, *state, &row);
    if (!engine_share_has_pool(estate_of(c)->engine, row.share.v,
                               shared_name(c->arena, row.resource.v)))
        estate_learn(c, &ram_resource_association_resource, *state);
    return CALL_DONE;
}

/* The id says everything. */
static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *region, *share, *resource;
    const char *id = import_split(c, text, &region);
    if (!ram_import_split(c, id, "RAM Resource Association", &share, &resource))
        return CALL_DONE;
    const char *wrong = check_arn(c->arena, resource);
    if (wrong) {
        diag_error(c->diags, NULL, "importing RAM Resource Association: invalid id", "%s.", wrong);
        return CALL_DONE;
    }
    field_set_string(&row.share, share);
    field_set_string(&row.resource, resource);
    field_set_string(&row.region, region ? region : estate_of(c)->region);
    fill(c, &row);
    *state = import_blank(c, &ram_resource_association_resource,
                          schema_encode(c->arena, &schema, &row, NULL));
    *private = import_settled();
    return CALL_DONE;
}

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
    .plan = plan,
    .create = create,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
