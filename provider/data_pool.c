/*
 * data_pool - one pool, and a list of them
 *
 * Unset prefix lengths are 0, unset texts "", as AWS tells them. `tags` and
 * `allocation_resource_tags` may be arguments: then the pool must have these pairs, among others.
 */
#include <string.h>

#include "provider/data.h"

#define POOL_FACTS                                                                                 \
    OUT("arn", string, "Amazon Resource Name."),                                                   \
        OUT("address_family", string, "`ipv4` or `ipv6`."),                                        \
        OUT("allocation_default_netmask_length", number,                                           \
            "Prefix length in bits for requests that name neither a CIDR nor a length; 0: "        \
            "unset."),                                                                             \
        OUT("allocation_min_netmask_length", number,                                               \
            "Prefix length in bits of the largest block that is given out; 0: unset."),            \
        OUT("allocation_max_netmask_length", number,                                               \
            "Prefix length in bits of the smallest block that is given out; 0: unset."),           \
        OUT("auto_import", bool, "Whether discovered resources become allocations."),              \
        OUT("aws_service", string, "Service whose resources may use a public pool."),              \
        OUT("description", string, "Text for people."),                                            \
        OUT("ipam_scope_id", string, "Id of the scope that the pool is in."),                      \
        OUT("ipam_scope_type", string, "`private` or `public`."),                                  \
        OUT("locale", string, "Region whose resources can draw from the pool, or `None`."),        \
        OUT("pool_depth", number, "Depth in the hierarchy; a top-level pool has 1."),              \
        OUT("public_ip_source", string, "Where a public pool's space comes from."),                \
        OUT("publicly_advertisable", bool, "Whether the space may be advertised."),                \
        OUT("source_ipam_pool_id", string, "Id of the source pool, empty for a top-level pool."),  \
        OUT("state", string, "`create-complete` or `modify-complete`.")

static const struct attribute source_attributes[] = {
    OUT("resource_id", string, "Id of the VPC."),
    OUT("resource_owner", string, "Account that owns the VPC."),
    OUT("resource_region", string, "Region of the VPC."),
    OUT("resource_type", string, "`vpc`."),
    END_ATTRIBUTES,
};
static const struct block source_block = {.description = "The VPC whose subnets the pool plans.",
                                          .attributes = source_attributes};

static const struct attribute pool_attributes[] = {
    IN_OUT("id", string, "Id of the pool."),
    IN("ipam_pool_id", string, "Id of the pool; the same as `id`."),
    DATA_REGION,
    POOL_FACTS,
    OUT_LIST("source_resource", source_block, "The VPC whose subnets the pool plans, if any."),
    IN_OUT("allocation_resource_tags", map_string,
           "Tags that a resource must carry to draw from the pool; as an argument: pairs that must "
           "be among them."),
    IN_OUT("tags", map_string, "All tags of the pool; as an argument: tags that it must have."),
    END_ATTRIBUTES,
};
static const struct attribute element_attributes[] = {
    OUT("id", string, "Id of the pool."),
    POOL_FACTS,
    OUT("allocation_resource_tags", map_string,
        "Tags that a resource must carry to draw from the pool."),
    OUT("tags", map_string, "All tags of the pool."),
    END_ATTRIBUTES,
};
static const struct block element_block = {.description = "A pool.",
                                           .attributes = element_attributes};
static const struct attribute pools_attributes[] = {
    DATA_ID,
    DATA_REGION,
    OUT_SET("ipam_pools", element_block, "The pools."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {FILTER_BLOCK, TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema pool_schema = {
    .block = {.description = "The pool that fits the id, the tags and the filters.",
              .attributes = pool_attributes,
              .blocks = blocks},
};
static const struct schema pools_schema = {
    .block = {.description = "All pools that pass the filters; there may be none.",
              .attributes = pools_attributes,
              .blocks = blocks},
};

/* --- the facts --- */

static void put_length(struct object *r, const char *key, int length)
{
    object_int(r, key, length < 0 ? 0 : length);
}

/* What only the resource knows. */
static void put_seen(struct object *r, const struct value *seen)
{
    static const char *const texts[] = {"aws_service", "public_ip_source", "state"};
    static const char *const flags[] = {"auto_import", "publicly_advertisable"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        object_string(r, texts[i], data_text(seen, texts[i]));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        object_bool(r, flags[i], value_truth(value_get(seen, flags[i]), false));
    const struct value *source = value_get(seen, "source_resource");
    object_put(r, "source_resource", value_is_null(source) ? value_seq(r->arena, NULL, 0) : source);
    object_put(r, "tags", data_tags(r->arena, seen));
}

static const struct value *pool_object(struct call *c, const struct pool *p)
{
    struct arena *a = c->arena;
    const struct estate *e = estate_of(c);
    const struct pool_info *info = pool_info(p);
    const struct scope *s = engine_scope(e->engine, info->scope_id);
    const struct ipam *i = data_ipam_of(c, s);
    struct object r = object_new(a);
    put_seen(&r, memory_object(e->memory, a, &pool_resource, info->id));
    object_string(&r, "id", info->id);
    object_string(&r, "arn", arn_make(a, "ec2", "", info->owner, "ipam-pool", info->id));
    object_string(&r, "address_family", info->family == FAMILY_V6 ? "ipv6" : "ipv4");
    put_length(&r, "allocation_default_netmask_length", info->rules.default_len);
    put_length(&r, "allocation_min_netmask_length", info->rules.min_len);
    put_length(&r, "allocation_max_netmask_length", info->rules.max_len);
    object_tags(&r, "allocation_resource_tags", &info->rules.tags);
    object_string(&r, "description", info->description ? info->description : "");
    object_string(&r, "ipam_scope_id", info->scope_id);
    object_string(&r, "ipam_scope_type",
                  s && scope_info(s)->type == SCOPE_PUBLIC ? "public" : "private");
    object_string(&r, "locale", info->locale ? info->locale : "None");
    object_int(&r, "pool_depth", pool_depth(p));
    object_string(&r, "source_ipam_pool_id", info->source_id ? info->source_id : "");
    object_string(&r, "owner_id", info->owner);
    object_string(&r, "ipam_id", i ? ipam_info(i)->id : "");
    object_string(&r, "ipam_arn",
                  i ? arn_make(a, "ec2", "", ipam_info(i)->owner, "ipam", ipam_info(i)->id) : "");
    object_string(&r, "ipam_region", i ? ipam_info(i)->region : "");
    return object_end(&r);
}

/* The provider's own pools are in no IPAM's scope. */
static const struct value *told(struct call *c, const struct pool *p)
{
    const struct engine *e = estate_of(c)->engine;
    if (!p || !pool_is_known(p) || !data_sees_pool(c, p))
        return NULL;
    const struct scope *s = engine_scope(e, pool_info(p)->scope_id);
    return !s || data_ipam_of(c, s) ? pool_object(c, p) : NULL;
}

struct listing {
    struct call *call;
    struct items *out;
};

static bool add_pool(void *ctx, const struct pool *p)
{
    struct listing *l = ctx;
    const struct value *object = told(l->call, p);
    if (object)
        items_add(l->out, object);
    return true;
}

static void each_pool(struct call *c, const struct value *config, struct items *out)
{
    (void)config;
    engine_each_pool(estate_of(c)->engine, add_pool, &(struct listing){c, out});
}

static const struct value *get_pool(struct call *c, const struct value *config, const char *id)
{
    (void)config;
    return told(c, engine_pool(estate_of(c)->engine, id));
}

static const struct filter_alias aliases[] = {
    {"ipam-pool-id", "id"}, {"ipam-pool-arn", "arn"}, {"owner-id", "owner_id"},
    {"ipam-id", "ipam_id"}, {"ipam-arn", "ipam_arn"}, {"ipam-region", "ipam_region"},
    {NULL, NULL},
};
static const struct argument arguments[] = {
    {"id", "id"},     {"ipam_pool_id", "id"},
    {"tags", "tags"}, {"allocation_resource_tags", "allocation_resource_tags"},
    {NULL, NULL},
};
static const struct catalog catalog = {
    .what = "IPAM Pool",
    .names = {element_attributes, aliases, "tags"},
    .each = each_pool,
    .get = get_pool,
    .arguments = arguments,
    .alias = "ipam_pool_id",
};

static enum outcome read_pool(struct call *c, const struct value *config,
                              const struct value **state)
{
    return catalog_read_one(c, &catalog, config, state);
}

static enum outcome read_pools(struct call *c, const struct value *config,
                               const struct value **state)
{
    return catalog_read_all(c, &catalog, "ipam_pools", config, state);
}

static enum outcome check(struct call *c, const struct value *config)
{
    filter_check(c, &catalog.names, value_get(config, "filter"));
    return CALL_DONE;
}

const struct data_source pool_data = {
    .names = (const char *const[]){"ipam_pool", "aws_vpc_ipam_pool", NULL},
    .schema = &pool_schema,
    .summary = "A pool, found by id, tags or filters.",
    .validate = check,
    .read = read_pool,
};

const struct data_source pools_data = {
    .names = (const char *const[]){"ipam_pools", "aws_vpc_ipam_pools", NULL},
    .schema = &pools_schema,
    .summary = "All pools that pass the filters.",
    .validate = check,
    .read = read_pools,
};
