/*
 * preview - which CIDR a pool would give next
 *
 * The answer is computed once, when the resource is created, and then kept: nothing is reserved,
 * so a later allocation may well take the CIDR. Asking goes the way of a reservation (the same
 * checks, the same choice, the same waiting for space that comes later in the run), except that
 * required tags do not count: what is previewed is the CIDR of some resource that will have them.
 */
#include "provider/estate.h"

#include <string.h>

struct preview_row {
    struct common common;
    struct field_string pool_id, cidr;
    struct field_int length;
    struct field_value disallowed;
};
#define T struct preview_row

static const struct attribute attributes[] = {
    COMMON_ID(T),
    {.name = "ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the pool to ask.",
     FIELD(T, pool_id)},
    {.name = "netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(RANGE(0, 128)),
     .description = "Prefix length in bits of the block, IPv4 or IPv6. Default: the pool's "
                    "`allocation_default_netmask_length`.",
     FIELD(T, length)},
    {.name = "disallowed_cidrs",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_cidr, "a CIDR in canonical form")),
     .description = "CIDRs that the block must not overlap.",
     FIELD(T, disallowed)},
    {.name = "cidr",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "The lowest free block of that length when the resource was created. It is not "
                    "reserved.",
     FIELD(T, cidr)},
    COMMON_REGION(T),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "The CIDR that a pool would give next. Nothing is reserved: to keep "
                             "the CIDR, use `ipam_pool_cidr_allocation`.",
              .attributes = attributes,
              .blocks = blocks},
};

static const struct refusal_paths paths = {.cidr = "netmask_length",
                                           .length = "netmask_length",
                                           .pool = "ipam_pool_id",
                                           .region = "region"};

static const char *doing(struct call *c, const T *row)
{
    return arena_printf(c->arena, "allocating cidr from IPAM pool (%s)", row->pool_id.v);
}

struct allocation_request preview_request(struct call *c, const char *pool_id, int length,
                                          const struct field_value *disallowed, const char *region)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, pool_id);
    struct allocation_request r = {
        .id = "",
        .pool_id = pool_id,
        .type = ALLOCATION_CUSTOM,
        .length = length,
        .owner = estate_of(c)->account_id,
        .region = p && pool_info(p)->locale ? region : "",
    };
    if (p)
        r.tags = pool_info(p)->rules.tags;
    r.disallowed = cidrs_of(c->arena, disallowed, &r.disallowed_count);
    return r;
}

static struct allocation_request request_of(struct call *c, const T *row)
{
    int length = row->length.is == KNOWN ? (int)row->length.v : -1;
    return preview_request(c, row->pool_id.v, length, &row->disallowed, row->common.region.v);
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T row = {0};
    struct refusal why;
    enum outcome out = CALL_DONE;
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_region(c, ch);
    schema_decode(&schema, ch->planned, &row);
    if (ch->kind != CHANGE_CREATE || row.pool_id.is != KNOWN || row.length.is == UNKNOWN ||
        !value_is_wholly_known(value_get(ch->config, "disallowed_cidrs")))
        return CALL_DONE;
    struct allocation_request r = request_of(c, &row);
    enum engine_result result = engine_check_allocate(estate_of(c)->engine, &r, false, &why);
    engine_said_yes(c, result, doing(c, &row), &why, &paths, &out);
    return out;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    char text[CIDR_TEXT_SIZE];
    enum outcome out;
    struct refusal why;
    struct cidr cidr;
    schema_decode(&schema, ch->planned, &row);
    struct allocation_request r = request_of(c, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", c->patience_ms);
    enum engine_result result = engine_pick_allocation(estate_of(c)->engine, &r, &cidr, &why);
    if (!engine_said_yes(c, result, doing(c, &row), &why, &paths, &out))
        return out;
    field_set_string(&row.cidr, arena_strdup(c->arena, cidr_format(&cidr, text)));
    field_set_string(&row.common.id, arena_printf(c->arena, "%s_%s", text, row.pool_id.v));
    *state = schema_encode(c->arena, &schema, &row, ch->planned);
    return CALL_DONE;
}

enum load_result load_nothing(struct engine *e, const struct facts *f, const char **problem)
{
    (void)e;
    (void)f;
    (void)problem;
    return LOAD_OK;
}

const struct resource preview_resource = {
    .names =
        (const char *const[]){"ipam_preview_next_cidr", "aws_vpc_ipam_preview_next_cidr", NULL},
    .schema = &schema,
    .summary = "The CIDR that a pool would give next.",
    .plan = plan,
    .create = create,
    .upgrade = upgrade_state,
};
