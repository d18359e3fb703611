/*
 * data_preview - the CIDR that a reservation would get now
 *
 * Asks what a reservation would ask, by the same rules and with the same refusals, and takes
 * nothing: between the preview and its use somebody else may get the CIDR. While nothing else can
 * provide the space yet (the pool's CIDR comes in the same run) the read waits, as a reservation
 * would.
 */
#include <string.h>

#include "provider/data.h"

static const struct attribute attributes[] = {
    OUT("id", string, "`<cidr>_<pool id>`."),
    NEEDED("ipam_pool_id", string, "Id of the pool."),
    {.name = "netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL,
     CHECKS(RANGE(0, 128)),
     .description = "Prefix length in bits of the block. Default: the pool's "
                    "`allocation_default_netmask_length`."},
    {.name = "disallowed_cidrs",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_cidr, "a CIDR in canonical form")),
     .description = "CIDRs that the block must not overlap."},
    OUT("cidr", string, "The lowest free block."),
    DATA_REGION,
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .block = {.description = "The CIDR that a pool would give out next. Nothing is reserved.",
              .attributes = attributes,
              .blocks = blocks},
};
static const struct refusal_paths paths = {
    .cidr = "netmask_length", .length = "netmask_length", .pool = "ipam_pool_id"};

static enum outcome read(struct call *c, const struct value *config, const struct value **state)
{
    struct estate *e = estate_of(c);
    struct object r = object_new(c->arena);
    struct refusal why;
    struct cidr cidr;
    char text[CIDR_TEXT_SIZE];
    enum outcome out;
    int64_t length = -1;
    const char *id = value_str(value_get(config, "ipam_pool_id"), "");
    const char *doing = arena_printf(c->arena, "previewing next cidr from IPAM pool (%.60s)", id);
    const struct pool *p = data_pool(c, doing, config, "ipam_pool_id");
    if (!p)
        return CALL_DONE;
    struct field_value disallowed;
    field_set_value(&disallowed, value_get(config, "disallowed_cidrs"));
    value_as_int(value_get(config, "netmask_length"), &length);
    struct allocation_request request = {
        .id = "",
        .pool_id = id,
        .type = ALLOCATION_CUSTOM,
        .length = (int)length,
        .owner = e->account_id,
        .region = pool_info(p)->locale ? data_region(c, config) : "",
        .tags = pool_info(p)->rules.tags, /* of some resource that will have them */
    };
    request.disallowed = cidrs_of(c->arena, &disallowed, &request.disallowed_count);
    c->patience_ms = timeout_ms(config, "read", c->patience_ms);
    enum engine_result result = engine_pick_allocation(e->engine, &request, &cidr, &why);
    if (!engine_said_yes(c, result, doing, &why, &paths, &out))
        return out;
    object_all(&r, config);
    object_cidr(&r, "cidr", &cidr);
    object_string(&r, "id", arena_printf(c->arena, "%s_%s", cidr_format(&cidr, text), id));
    object_string(&r, "region", data_region(c, config));
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source preview_data = {
    .names =
        (const char *const[]){"ipam_preview_next_cidr", "aws_vpc_ipam_preview_next_cidr", NULL},
    .schema = &schema,
    .summary = "The CIDR that a pool would give out next.",
    .read = read,
};
