/*
 * data_preview - the CIDR that a reservation would get now, or that a key got before
 *
 * Asks what a reservation would ask, by the same rules and with the same refusals, and takes
 * nothing: between the preview and its use somebody else may get the CIDR. With a key the answer
 * stays what it was (preview_keys.c). While nothing else can provide the space yet (the pool's CIDR
 * comes in the same run) the read waits, as a reservation would.
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
    {.name = "key",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(1, 255)),
     .description = "Makes the answer stick: the same key gets the same CIDR in every later run, "
                    "as long as pool and length are the same, and different keys of one pool never "
                    "overlap. Without a key the answer changes when the CIDR is taken."},
    OUT("cidr", string, "The lowest free block, or what the key has."),
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

bool data_is_preview(const char *type_name)
{
    for (const char *const *name = preview_data.names; *name; name++)
        if (strcmp(*name, type_name) == 0)
            return true;
    return false;
}

/* What the key has, when it still answers the question: an aligned block of the pool, of that
 * length, off the disallowed CIDRs. Whether somebody holds it does not matter: that is what it is
 * for. */
static bool keyed(struct call *c, const struct pool *p, const char *key,
                  const struct allocation_request *r, struct cidr *out)
{
    struct cidr root;
    const struct cidr *had = previews_find(estate_of(c)->previews, pool_info(p)->id, key);
    int length = r->length >= 0 ? r->length : pool_info(p)->rules.default_len;
    if (!had || had->len != length || !space_root_of(pool_space(p), had, &root))
        return false;
    for (size_t i = 0; i < r->disallowed_count; i++)
        if (cidr_overlaps(had, &r->disallowed[i]))
            return false;
    *out = *had;
    return true;
}

/* Keeps off what the other keys of the pool have. */
static void avoid_keys(struct call *c, const char *key, struct allocation_request *r)
{
    const struct previews *all = estate_of(c)->previews;
    const struct cidr *own = previews_find(all, r->pool_id, key);
    size_t count, n = r->disallowed_count;
    const struct cidr *taken = previews_of(all, c->arena, r->pool_id, false, &count);
    struct cidr *list = arena_calloc(c->arena, n + count, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = r->disallowed[i];
    for (size_t i = 0; i < count; i++)
        if (!own || !cidr_equal(own, &taken[i]))
            list[n++] = taken[i];
    r->disallowed = list;
    r->disallowed_count = n;
}

/* From now on the key has it. */
static void keep(struct call *c, const char *key, const char *pool_id, const struct cidr *cidr,
                 const char *doing)
{
    struct estate *e = estate_of(c);
    const struct cidr *had = previews_find(e->previews, pool_id, key);
    if (had)
        engine_plan_forget(e->engine, pool_id, had);
    if (!previews_put(e->previews, pool_id, key, cidr, false) ||
        engine_plan_intent(e->engine, pool_id, cidr) != ENGINE_OK)
        report_no_memory(c, doing);
}

static enum outcome read(struct call *c, const struct value *config, const struct value **state)
{
    const char *key = value_str(value_get(config, "key"), NULL);
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
    struct allocation_request request =
        preview_request(c, id, (int)length, &disallowed, data_region(c, config));
    c->patience_ms = timeout_ms(config, "read", c->patience_ms);
    if (!key || !keyed(c, p, key, &request, &cidr)) {
        if (key)
            avoid_keys(c, key, &request);
        enum engine_result result = engine_pick_allocation(e->engine, &request, &cidr, &why);
        if (!engine_said_yes(c, result, doing, &why, &paths, &out))
            return out;
        if (key)
            keep(c, key, id, &cidr, doing);
    }
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
