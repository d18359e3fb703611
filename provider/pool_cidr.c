/*
 * pool_cidr - space provisioned to a pool
 *
 * Either named (cidr) or carved out of the source pool by size (netmask_length). In the source
 * pool the same prefix is an allocation of type ipam-pool, whose id is told by the two.
 */
#include "provider/estate.h"
#include "provider/forecast.h"

#include <string.h>

struct pool_cidr_row {
    struct field_string id, pool_id, cidr, pool_cidr_id, region;
    struct field_int length;
};
#define T struct pool_cidr_row

static const struct attribute attributes[] = {
    {.name = "id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`<cidr>_<pool id>`.",
     FIELD(T, id)},
    {.name = "ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the pool that gets the CIDR.",
     FIELD(T, pool_id)},
    {.name = "cidr",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_cidr, "a CIDR in canonical form"), CONFLICTS("netmask_length")),
     .description = "The CIDR to provision. For a pool with a source pool it must be free there.",
     FIELD(T, cidr)},
    {.name = "netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(RANGE(0, 128), CONFLICTS("cidr")),
     .description = "Prefix length in bits of the block to carve out of the source pool: the "
                    "lowest free one.",
     FIELD(T, length)},
    {.name = "ipam_pool_cidr_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Id of the provisioned CIDR.",
     FIELD(T, pool_cidr_id)},
    {.name = "region",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_region, "a Region name")),
     .description = "Region that manages this resource. Default: the provider's region.",
     FIELD(T, region)},
    END_ATTRIBUTES,
};
static const struct attribute context_attributes[] = {
    {.name = "message",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     .description = "The signed text."},
    {.name = "signature",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     .description = "Its signature."},
    END_ATTRIBUTES,
};
static const struct block context_block = {
    .description = "Proof that the CIDR is yours.",
    .attributes = context_attributes,
};
static const struct nested_block blocks[] = {
    {.name = "cidr_authorization_context",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .flags = ATTR_REPLACE,
     .block = &context_block,
     .description = "The signed message with which AWS checks ownership of public space. "
                    "Recorded; nothing is checked offline."},
    TIMEOUTS_BLOCK,
    {.name = NULL},
};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "A CIDR provisioned to a pool.",
              .attributes = attributes,
              .blocks = blocks},
};

static const struct refusal_paths paths = {
    .cidr = "cidr", .length = "netmask_length", .pool = "ipam_pool_id"};

static const char *doing(struct call *c, const char *what, const T *row)
{
    return arena_printf(c->arena, "%s IPAM Pool (%s) CIDR", what, row->pool_id.v);
}

static struct provision_request request_of(const T *row)
{
    struct provision_request r = {.pool_id = row->pool_id.v, .length = -1, .allocation_id = ""};
    if (!field_cidr(&row->cidr, &r.cidr) && row->length.is == KNOWN)
        r.length = (int)row->length.v;
    return r;
}

static void fill(struct call *c, T *row, const struct cidr *cidr)
{
    char text[CIDR_TEXT_SIZE];
    cidr_format(cidr, text);
    field_set_string(&row->cidr, arena_strdup(c->arena, text));
    field_set_int(&row->length, cidr->len);
    field_set_string(&row->id, arena_printf(c->arena, "%s_%s", text, row->pool_id.v));
    field_set_string(&row->pool_cidr_id, id_derive(c->arena, "ipam-pool-cidr-",
                                                   ID_ALLOCATION_DIGITS, row->pool_id.v, text));
}

/* With a known pool and CIDR everything about the result is known. */
static void plan_known(struct call *c, struct change *ch, T *row)
{
    struct cidr cidr;
    if (!field_cidr(&row->cidr, &cidr))
        return;
    if (row->pool_id.is == KNOWN)
        fill(c, row, &cidr);
    else
        field_set_int(&row->length, cidr.len);
    ch->planned = schema_encode(c->arena, &schema, row, ch->planned);
}

static enum outcome plan(struct call *c, struct change *ch)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    struct refusal why;
    enum outcome out = CALL_DONE;
    if (ch->kind != CHANGE_DELETE)
        plan_region(c, ch);
    plan_departure(c, ch, &pool_cidr_resource);
    if (ch->kind != CHANGE_CREATE)
        return CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    plan_known(c, ch, &row);
    forecast_supply(c, ch);
    if (row.pool_id.is != KNOWN)
        return CALL_DONE;
    if (row.cidr.is == UNKNOWN && row.length.is == UNKNOWN &&
        !value_is_null(value_get(ch->config, "cidr")))
        return CALL_DONE; /* the CIDR itself is decided elsewhere */
    if (value_is_unknown(value_get(ch->config, "netmask_length")))
        return CALL_DONE;
    struct provision_request r = request_of(&row);
    struct cidr given;
    if (forecast_provided(c, &r, &given))
        return CALL_DONE; /* the pool has it already */
    if (!planning_request(c, &r, doing(c, "creating", &row), &out))
        return out;
    const struct pool *p = engine_pool(e, r.pool_id);
    if (p && pool_info(p)->source_id)
        forecast_expect(c, pool_info(p)->source_id);
    enum engine_result result = engine_check_provision(e, &r, &why);
    if (!engine_said_yes(c, result, doing(c, "creating", &row), &why, &paths, &out))
        return out;
    result = engine_plan_provision(e, r.pool_id, cidr_is_set(&r.cidr) ? &r.cidr : NULL, r.length);
    if (engine_said_yes(c, result, doing(c, "creating", &row), &why, &paths, &out))
        call_progress(c);
    return out;
}

/* Ids follow from the CIDR, so it is picked first, the answer is built, and then it is taken. */
static enum outcome provision(struct call *c, T *row, struct provision_request r,
                              const struct value *planned, const struct value **state)
{
    struct engine *e = estate_of(c)->engine;
    enum outcome out;
    struct refusal why;
    struct cidr cidr;
    if (!issue_begin_provision(c, r.pool_id, doing(c, "creating", row), &out))
        return out;
    if (!planning_request(c, &r, doing(c, "creating", row), &out))
        return out;
    enum engine_result result = engine_pick_provision(e, &r, &cidr, &why);
    if (!engine_said_yes(c, result, doing(c, "creating", row), &why, &paths, &out))
        return out;
    fill(c, row, &cidr);
    const struct value *made = schema_encode(c->arena, &schema, row, planned);
    r.cidr = cidr;
    r.length = -1;
    r.allocation_id = allocation_id_of(c->arena, row->pool_id.v, &cidr);
    if (!issue_provision(c, &r, doing(c, "creating", row), &paths, &out))
        return out;
    issue_end(c);
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    struct cidr given;
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    const struct provision_request r = request_of(&row);
    c->patience_ms = timeout_ms(ch->planned, "create", CALL_PATIENCE_MS);
    if (forecast_provided(c, &r, &given)) {
        fill(c, &row, &given);
        *state = schema_encode(c->arena, &schema, &row, ch->planned);
    } else {
        out = provision(c, &row, r, ch->planned, state);
    }
    if (out == CALL_DONE)
        forecast_settled(c, &r);
    return out;
}

static enum outcome update(struct call *c, struct change *ch, const struct value **state)
{
    (void)c;
    *state = ch->planned; /* only timeouts change in place */
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    enum outcome out;
    struct cidr cidr;
    schema_decode(&schema, ch->prior, &row);
    const struct pool *p = engine_pool(e, row.pool_id.v);
    if (!p || !field_cidr(&row.cidr, &cidr))
        return CALL_DONE;
    c->patience_ms = timeout_ms(ch->prior, "delete", CALL_PATIENCE_MS);
    if (issue_deprovision(c, row.pool_id.v, &cidr, ch->planned_private, doing(c, "deleting", &row),
                          &paths, &out)) {
        watch_removed(estate_of(c), &pool_cidr_resource, row.id.v);
        call_progress(c);
    }
    return out;
}

static bool has_cidr(const struct engine *e, const char *pool_id, const struct cidr *c)
{
    const struct pool *p = engine_pool(e, pool_id);
    struct cidr held;
    for (size_t i = 0; p && pool_cidr_at(p, i, &held); i++)
        if (cidr_equal(&held, c))
            return true;
    return false;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    (void)private;
    struct finding found[4];
    struct cidr cidr;
    T row = {0};
    schema_decode(&schema, *state, &row);
    if (!field_cidr(&row.cidr, &cidr) || (!has_cidr(estate_of(c)->engine, row.pool_id.v, &cidr) &&
                                          !estate_learn(c, &pool_cidr_resource, *state)))
        return CALL_DONE;
    size_t n = engine_audit_cidr(estate_of(c)->engine, row.pool_id.v, &cidr, found, 4);
    report_findings(c, arena_printf(c->arena, "IPAM Pool CIDR %s", row.id.v), found, n < 4 ? n : 4);
    return CALL_DONE;
}

/* `<cidr>_<pool id>` says everything. */
static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    struct cidr cidr;
    const char *region;
    const char *id = import_split(c, text, &region);
    const char *underscore = strchr(id, '_');
    if (!underscore || cidr_parse(id, (size_t)(underscore - id), &cidr) != CIDR_OK ||
        !id_has_form(underscore + 1, "ipam-pool-")) {
        diag_error(c->diags, NULL, "importing IPAM Pool CIDR: invalid id",
                   "\"%.100s\" is not an id of this resource. It has the form <cidr>_<pool id>, "
                   "for example 10.0.0.0/8_ipam-pool-0123456789abcdef0, optionally with @ and a "
                   "Region at the end.",
                   text);
        return CALL_DONE;
    }
    *state = import_known(c, &pool_cidr_resource, id, region);
    if (*state || c->diags->errors)
        return CALL_DONE;
    field_set_string(&row.pool_id, underscore + 1);
    field_set_string(&row.region, region ? region : estate_of(c)->region);
    fill(c, &row, &cidr);
    *state = import_blank(c, &pool_cidr_resource, schema_encode(c->arena, &schema, &row, NULL));
    *private = import_settled();
    return CALL_DONE;
}

const char *depart_pool_cidr(const struct facts *f)
{
    const char *cidr = fact_string(f, "cidr"), *pool = fact_string(f, "ipam_pool_id");
    return cidr && pool ? arena_printf(f->arena, "c %s_%s\n", cidr, pool) : "";
}

enum load_result load_pool_cidr(struct engine *e, const struct facts *f, const char **problem)
{
    struct cidr c;
    const char *pool = fact_string(f, "ipam_pool_id");
    if (!fact_cidr(f, "cidr", &c) || !cidr_is_set(&c)) {
        *problem = "cidr is no CIDR";
        return LOAD_MALFORMED;
    }
    if (!pool) {
        *problem = "ipam_pool_id is missing";
        return LOAD_MALFORMED;
    }
    return load_result_of(engine_load_cidr(e, pool, &c, allocation_id_of(f->arena, pool, &c)));
}

const struct resource pool_cidr_resource = {
    .names = (const char *const[]){"ipam_pool_cidr", "aws_vpc_ipam_pool_cidr", "pool_cidr", NULL},
    .schema = &schema,
    .summary = "A CIDR provisioned to a pool.",
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
