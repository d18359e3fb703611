/*
 * data_scope - one scope, and a list of them
 *
 * AWS has no such data sources; the fields are those of its API. Default scopes are no resources,
 * so their texts are empty; everything else about them follows from their IPAM.
 */
#include <string.h>

#include "provider/data.h"

#define SCOPE_FACTS                                                                                \
    OUT("arn", string, "Amazon Resource Name."),                                                   \
        OUT("ipam_id", string, "Id of the IPAM that the scope belongs to."),                       \
        OUT("ipam_arn", string, "ARN of the IPAM."),                                               \
        OUT("ipam_region", string, "Home Region of the IPAM."),                                    \
        OUT("ipam_scope_type", string, "`private` or `public`."),                                  \
        OUT("is_default", bool, "Whether the scope came with the IPAM."),                          \
        OUT("description", string, "Text for people."),                                            \
        OUT("pool_count", number, "Number of pools now."),                                         \
        OUT("owner_id", string, "Account that owns the scope."),                                   \
        OUT("state", string, "`create-complete`.")

static const struct attribute scope_attributes[] = {
    IN_OUT("id", string, "Id of the scope."),
    IN("ipam_scope_id", string, "Id of the scope; the same as `id`."),
    DATA_REGION,
    SCOPE_FACTS,
    IN_OUT("tags", map_string, "All tags of the scope; as an argument: tags that it must have."),
    END_ATTRIBUTES,
};
static const struct attribute element_attributes[] = {
    OUT("id", string, "Id of the scope."),
    SCOPE_FACTS,
    OUT("tags", map_string, "All tags of the scope."),
    END_ATTRIBUTES,
};
static const struct block element_block = {.description = "A scope.",
                                           .attributes = element_attributes};
static const struct attribute scopes_attributes[] = {
    DATA_ID,
    DATA_REGION,
    OUT_LIST("ipam_scopes", element_block, "The scopes, by id."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {FILTER_BLOCK, TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema scope_schema = {
    .block = {.description = "The scope that fits the id, the tags and the filters.",
              .attributes = scope_attributes,
              .blocks = blocks},
};
static const struct schema scopes_schema = {
    .block = {.description = "All scopes that pass the filters, the default ones among them.",
              .attributes = scopes_attributes,
              .blocks = blocks},
};

struct counting {
    const char *scope_id;
    int64_t count;
};

static bool count_pool(void *ctx, const struct pool *p)
{
    struct counting *n = ctx;
    n->count += pool_is_known(p) && strcmp(pool_info(p)->scope_id, n->scope_id) == 0;
    return true;
}

static const struct value *scope_object(struct call *c, const struct scope *s, const struct ipam *i)
{
    const struct estate *e = estate_of(c);
    const struct scope_info *info = scope_info(s);
    const char *owner = ipam_info(i)->owner;
    struct object r = object_new(c->arena);
    struct counting pools = {info->id, 0};
    const struct value *seen = memory_object(e->memory, c->arena, &scope_resource, info->id);
    engine_each_pool(e->engine, count_pool, &pools);
    object_string(&r, "id", info->id);
    object_string(&r, "arn", arn_make(c->arena, "ec2", "", owner, "ipam-scope", info->id));
    object_string(&r, "ipam_id", info->ipam_id);
    object_string(&r, "ipam_arn", arn_make(c->arena, "ec2", "", owner, "ipam", info->ipam_id));
    object_string(&r, "ipam_region", ipam_info(i)->region);
    object_string(&r, "ipam_scope_type", info->type == SCOPE_PUBLIC ? "public" : "private");
    object_bool(&r, "is_default", info->is_default);
    object_string(&r, "description", data_text(seen, "description"));
    object_int(&r, "pool_count", pools.count);
    object_string(&r, "owner_id", owner);
    object_string(&r, "state", "create-complete");
    object_put(&r, "tags", data_tags(c->arena, seen));
    return object_end(&r);
}

static const struct value *told(struct call *c, const struct scope *s)
{
    const struct ipam *i = data_ipam_of(c, s);
    return i && data_sees(c, ipam_info(i)->owner) ? scope_object(c, s, i) : NULL;
}

struct listing {
    struct call *call;
    struct items *out;
};

static bool add_scope(void *ctx, const struct scope *s)
{
    struct listing *l = ctx;
    const struct value *object = told(l->call, s);
    if (object)
        items_add(l->out, object);
    return true;
}

static void each_scope(struct call *c, const struct value *config, struct items *out)
{
    (void)config;
    engine_each_scope(estate_of(c)->engine, add_scope, &(struct listing){c, out});
}

static const struct value *get_scope(struct call *c, const struct value *config, const char *id)
{
    (void)config;
    return told(c, engine_scope(estate_of(c)->engine, id));
}

static const struct filter_alias aliases[] = {
    {"ipam-scope-id", "id"}, {"ipam-scope-arn", "arn"}, {NULL, NULL}};
static const struct argument arguments[] = {
    {"id", "id"}, {"ipam_scope_id", "id"}, {"tags", "tags"}, {NULL, NULL}};
static const struct catalog catalog = {
    .what = "IPAM Scope",
    .names = {element_attributes, aliases, "tags"},
    .each = each_scope,
    .get = get_scope,
    .arguments = arguments,
    .alias = "ipam_scope_id",
};

static enum outcome read_scope(struct call *c, const struct value *config,
                               const struct value **state)
{
    return catalog_read_one(c, &catalog, config, state);
}

static enum outcome read_scopes(struct call *c, const struct value *config,
                                const struct value **state)
{
    return catalog_read_all(c, &catalog, "ipam_scopes", config, state);
}

static enum outcome check(struct call *c, const struct value *config)
{
    filter_check(c, &catalog.names, value_get(config, "filter"));
    return CALL_DONE;
}

const struct data_source scope_data = {
    .names = (const char *const[]){"ipam_scope", "aws_vpc_ipam_scope", NULL},
    .schema = &scope_schema,
    .summary = "A scope, found by id, tags or filters.",
    .validate = check,
    .read = read_scope,
};

const struct data_source scopes_data = {
    .names = (const char *const[]){"ipam_scopes", "aws_vpc_ipam_scopes", NULL},
    .schema = &scopes_schema,
    .summary = "All scopes that pass the filters.",
    .validate = check,
    .read = read_scopes,
};
