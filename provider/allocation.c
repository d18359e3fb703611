/*
 * allocation - a manual reservation: space that is kept out of circulation
 */
#include "provider/drift.h"
#include "provider/forecast.h"

#include <string.h>

struct allocation_row {
    struct field_string id, pool_id, cidr, description, allocation_id;
    struct field_string resource_id, resource_owner, resource_type, region;
    struct field_int length;
    struct field_value disallowed, tags, tags_all;
};
#define T struct allocation_row

static const struct attribute attributes[] = {
    {.name = "id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`<allocation id>_<pool id>`.",
     FIELD(T, id)},
    {.name = "ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the pool to reserve in.",
     FIELD(T, pool_id)},
    {.name = "cidr",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_cidr, "a CIDR in canonical form"), CONFLICTS("netmask_length")),
     .description = "The CIDR to reserve. Default: chosen by the pool.",
     FIELD(T, cidr)},
    {.name = "netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(RANGE(0, 128), CONFLICTS("cidr")),
     .description = "Prefix length in bits of the block to reserve: the lowest free one. Default: "
                    "the pool's `allocation_default_netmask_length`.",
     FIELD(T, length)},
    {.name = "description",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     .description = "Text for people.",
     FIELD(T, description)},
    {.name = "disallowed_cidrs",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_cidr, "a CIDR in canonical form"), CONFLICTS("cidr")),
     .description = "CIDRs that the chosen block must not overlap.",
     FIELD(T, disallowed)},
    {.name = "ipam_pool_allocation_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Id of the allocation.",
     FIELD(T, allocation_id)},
    {.name = "resource_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Empty: no resource stands behind a reservation.",
     FIELD(T, resource_id)},
    {.name = "resource_owner",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Account that made the reservation.",
     FIELD(T, resource_owner)},
    {.name = "resource_type",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`custom`.",
     FIELD(T, resource_type)},
    {.name = "region",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_region, "a Region name")),
     .description = "Region that manages this resource. Default: the provider's region. When the "
                    "pool has a locale it must be that.",
     FIELD(T, region)},
    {.name = "tags",
     .type = &type_map_string,
     .flags = ATTR_OPTIONAL,
     .description = "Tags of the reservation.",
     FIELD(T, tags)},
    {.name = "tags_all",
     .type = &type_map_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .description = "All tags: the provider's `default_tags`, overridden by `tags`.",
     FIELD(T, tags_all)},
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "A manual reservation of space in a pool: for an on-premises network, "
                             "a peer, a later use. Reserved space is never issued, except to the "
                             "one that it is meant for: a VPC or subnet of the same account that "
                             "asks for exactly this CIDR by its `cidr_block`, and whose tag `Name` "
                             "is the reservation's tag `ipam:reserved-for`, else its description. "
                             "Both are kept then, and whichever is destroyed first leaves the "
                             "space to the other.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating IPAM Pool CIDR Allocation";
static const char doing_update[] = "updating IPAM Pool CIDR Allocation";
static const char doing_delete[] = "deleting IPAM Pool CIDR Allocation";
static const struct refusal_paths paths = {.cidr = "cidr",
                                           .length = "netmask_length",
                                           .pool = "ipam_pool_id",
                                           .tags = "tags",
                                           .region = "region"};

static struct allocation_request request_of(struct call *c, const T *row)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, row->pool_id.v);
    struct allocation_request r = {
        .id = row->allocation_id.v,
        .pool_id = row->pool_id.v,
        .type = ALLOCATION_CUSTOM,
        .length = -1,
        .owner = estate_of(c)->account_id,
        /* A pool without a locale serves no Region, but space in it may be reserved from any. */
        .region = p && pool_info(p)->locale ? row->region.v : "",
        .description = row->description.v,
        .tags = tags_for_check(c->arena, &row->tags_all, p),
    };
    if (!field_cidr(&row->cidr, &r.cidr) && row->length.is == KNOWN)
        r.length = (int)row->length.v;
    if (!cidr_is_set(&r.cidr))
        r.disallowed = cidrs_of(c->arena, &row->disallowed, &r.disallowed_count);
    return r;
}

static void fill(struct call *c, T *row, const struct cidr *cidr)
{
    char text[CIDR_TEXT_SIZE];
    field_set_string(&row->cidr, arena_strdup(c->arena, cidr_format(cidr, text)));
    field_set_int(&row->length, cidr->len);
    field_set_string(&row->id,
                     arena_printf(c->arena, "%s_%s", row->allocation_id.v, row->pool_id.v));
    field_set_string(&row->resource_id, "");
    field_set_string(&row->resource_owner, estate_of(c)->account_id);
    field_set_string(&row->resource_type, "custom");
}

static void plan_known(struct call *c, struct change *ch, T *row)
{
    struct cidr cidr;
    if (field_cidr(&row->cidr, &cidr))
        field_set_int(&row->length, cidr.len);
    field_set_string(&row->resource_id, "");
    field_set_string(&row->resource_owner, estate_of(c)->account_id);
    field_set_string(&row->resource_type, "custom");
    ch->planned = schema_encode(c->arena, &schema, row, ch->planned);
}

/* What decides the size or the place is not known yet. */
static bool undecided(const struct change *ch)
{
    static const char *const names[] = {"cidr", "netmask_length", "disallowed_cidrs"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!value_is_wholly_known(value_get(ch->config, names[i])))
            return true;
    return false;
}

static enum outcome plan_create(struct call *c, struct change *ch)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    struct refusal why;
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    plan_known(c, ch, &row);
    forecast_wish(c, ch, "ipam_pool_id", "cidr");
    if (row.pool_id.is != KNOWN || undecided(ch))
        return CALL_DONE;
    if (!issue_possible(c, row.pool_id.v, doing_create))
        return CALL_DONE;
    struct allocation_request r = request_of(c, &row);
    enum engine_result result = engine_check_allocate(e, &r, false, &why);
    if (!engine_said_yes(c, result, doing_create, &why, &paths, &out))
        return out;
    if (cidr_is_set(&r.cidr) && engine_plan_intent(e, r.pool_id, &r.cidr) != ENGINE_OK)
        report_no_memory(c, doing_create);
    return CALL_DONE;
}

static enum outcome plan(struct call *c, struct change *ch)
{
    bool adopted = ch->kind != CHANGE_DELETE && plan_begin(c, ch, &schema, "cidr");
    plan_departure(c, ch, &allocation_resource);
    return adopted || ch->kind == CHANGE_CREATE ? plan_create(c, ch) : CALL_DONE;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    enum outcome out;
    struct refusal why;
    struct cidr cidr;
    schema_decode(&schema, ch->planned, &row);
    if (row.allocation_id.is != KNOWN)
        field_set_string(&row.allocation_id, id_new(c, "ipam-pool-alloc-", ID_ALLOCATION_DIGITS));
    if (row.allocation_id.is != KNOWN)
        return CALL_DONE;
    struct allocation_request r = request_of(c, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", CALL_PATIENCE_MS);
    if (!issue_begin(c, r.pool_id, doing_create, &out))
        return out;
    enum engine_result result = engine_pick_allocation(e, &r, &cidr, &why);
    if (!engine_said_yes(c, result, doing_create, &why, &paths, &out))
        return out;
    fill(c, &row, &cidr);
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    r.cidr = cidr;
    r.length = -1;
    r.disallowed_count = 0;
    if (!issue_allocate(c, &r, doing_create, &paths, &out))
        return out;
    issue_end(c);
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome update(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    enum outcome out;
    struct refusal why;
    if (import_is_adopted(ch->planned_private)) {
        ch->private = import_settled();
        return create(c, ch, state);
    }
    schema_decode(&schema, ch->planned, &row);
    struct tags tags = tags_of(c->arena, row.tags_all.v);
    enum engine_result r =
        engine_retag(estate_of(c)->engine, row.allocation_id.v, &tags, row.description.v, &why);
    if (engine_said_yes(c, r, doing_update, &why, &paths, &out))
        *state = ch->planned;
    return out;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out;
    schema_decode(&schema, ch->prior, &row);
    if (issue_release(c, row.allocation_id.v, doing_delete, &out))
        call_progress(c);
    return out;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    struct engine *e = estate_of(c)->engine;
    struct finding found[8];
    T row = {0};
    schema_decode(&schema, *state, &row);
    if (import_is_adopted(*private) || row.cidr.is != KNOWN)
        return CALL_DONE;
    if (!engine_allocation(e, row.allocation_id.v) &&
        !estate_learn(c, &allocation_resource, *state))
        return CALL_DONE;
    const char *name = arena_printf(c->arena, "IPAM Pool CIDR Allocation %s", row.allocation_id.v);
    size_t n = engine_audit_allocation(e, engine_allocation(e, row.allocation_id.v), found, 8);
    report_findings(c, name, found, n < 8 ? n : 8);
    struct cidr cidr, now;
    if (field_cidr(&row.cidr, &cidr) &&
        drift_look_reservation(c, name, row.allocation_id.v, &cidr, &now) == DRIFT_MOVED) {
        char text[CIDR_TEXT_SIZE];
        field_set_string(&row.cidr, arena_strdup(c->arena, cidr_format(&now, text)));
        field_set_int(&row.length, now.len);
        *state = schema_encode(c->arena, &schema, &row, *state);
    }
    return CALL_DONE;
}

/* `<allocation id>_<pool id>` */
static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *region;
    const char *id = import_split(c, text, &region);
    const char *underscore = strchr(id, '_');
    const char *own = underscore ? arena_strndup(c->arena, id, (size_t)(underscore - id)) : "";
    if (!id_has_form(own, "ipam-pool-alloc-") || !id_has_form(underscore + 1, "ipam-pool-")) {
        diag_error(c->diags, NULL, "importing IPAM Pool CIDR Allocation: invalid id",
                   "\"%.120s\" is not an id of this resource. It has the form "
                   "<allocation id>_<pool id>, optionally with @ and a Region at the end.",
                   text);
        return CALL_DONE;
    }
    *state = import_known(c, &allocation_resource, id, region);
    if (*state || c->diags->errors)
        return CALL_DONE;
    field_set_string(&row.id, id);
    field_set_string(&row.allocation_id, own);
    field_set_string(&row.pool_id, underscore + 1);
    field_set_string(&row.region, region ? region : estate_of(c)->region);
    *state = schema_encode(c->arena, &schema, &row, NULL);
    import_adopt(c, &allocation_resource, state, private);
    return CALL_DONE;
}

const char *depart_allocation(const struct facts *f)
{
    const char *id = fact_string(f, "ipam_pool_allocation_id");
    return id ? arena_printf(f->arena, "a %s\n", id) : "";
}

enum load_result load_allocation(struct engine *e, const struct facts *f, const char **problem)
{
    struct allocation_request r = {
        .id = fact_string(f, "ipam_pool_allocation_id"),
        .pool_id = fact_string(f, "ipam_pool_id"),
        .type = ALLOCATION_CUSTOM,
        .length = -1,
        .owner = fact_string(f, "resource_owner"),
        .region = fact_string(f, "region"),
        .description = fact_string(f, "description"),
        .tags = fact_tags(f, "tags_all"),
    };
    if (!fact_cidr(f, "cidr", &r.cidr)) {
        *problem = "cidr is no CIDR";
        return LOAD_MALFORMED;
    }
    if (r.id && r.pool_id && !cidr_is_set(&r.cidr))
        return LOAD_OK; /* imported by id alone, not applied yet */
    if (!r.id || !r.pool_id) {
        *problem = "ipam_pool_allocation_id or ipam_pool_id is missing";
        return LOAD_MALFORMED;
    }
    return load_result_of(engine_load_allocation(e, &r));
}

const struct resource allocation_resource = {
    .names = (const char *const[]){"ipam_pool_cidr_allocation", "aws_vpc_ipam_pool_cidr_allocation",
                                   NULL},
    .schema = &schema,
    .summary = "A manual reservation of space in a pool.",
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
