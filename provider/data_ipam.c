/*
 * data_ipam - one IPAM by its id, and a list of them
 *
 * Counts are those of the moment, unlike those of the resource. An IPAM is told in every Region:
 * it is one thing that operates in several.
 */
#include <stdlib.h>
#include <string.h>

#include "provider/data.h"

static const struct attribute region_attributes[] = {
    OUT("region_name", string, "Name of the Region."),
    END_ATTRIBUTES,
};
static const struct block region_block = {.description = "A Region in which the IPAM operates.",
                                          .attributes = region_attributes};

#define IPAM_FACTS                                                                                 \
    OUT("arn", string, "Amazon Resource Name."), OUT("description", string, "Text for people."),   \
        OUT("tier", string, "AWS's price tier."),                                                  \
        OUT("enable_private_gua", bool,                                                            \
            "Whether global unicast IPv6 space may be used in private scopes."),                   \
        OUT("metered_account", string, "Whom AWS would bill."),                                    \
        OUT("ipam_region", string, "Home Region."),                                                \
        OUT("owner_id", string, "Account that owns the IPAM."),                                    \
        OUT_LIST("operating_regions", region_block, "Regions in which the IPAM operates."),        \
        OUT("private_default_scope_id", string, "Id of the default private scope."),               \
        OUT("public_default_scope_id", string, "Id of the default public scope."),                 \
        OUT("scope_count", number, "Number of scopes now."),                                       \
        OUT("default_resource_discovery_id", string, "Id of the default resource discovery."),     \
        OUT("default_resource_discovery_association_id", string,                                   \
            "Id of its association with the IPAM."),                                               \
        OUT("resource_discovery_association_count", number,                                        \
            "Number of associated resource discoveries."),                                         \
        OUT("state", string, "`create-complete`."),                                                \
        OUT("state_message", string, "Empty: there are no failed states.")

static const struct attribute ipam_attributes[] = {
    NEEDED("id", string, "Id of the IPAM."),          DATA_REGION,    IPAM_FACTS,
    OUT("tags", map_string, "All tags of the IPAM."), END_ATTRIBUTES,
};
static const struct nested_block timeouts_block[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema ipam_schema = {
    .block = {.description = "An IPAM, found by its id.",
              .attributes = ipam_attributes,
              .blocks = timeouts_block},
};

static const struct attribute element_attributes[] = {
    OUT("id", string, "Id of the IPAM."),
    IPAM_FACTS,
    END_ATTRIBUTES,
};
static const struct block element_block = {.description = "An IPAM.",
                                           .attributes = element_attributes};
static const struct attribute ipams_attributes[] = {
    DATA_ID,        IN("ipam_ids", list_string, "Only IPAMs with one of these ids."),
    DATA_REGION,    OUT_LIST("ipams", element_block, "The IPAMs, by id."),
    END_ATTRIBUTES,
};
static const struct nested_block ipams_blocks[] = {FILTER_BLOCK, TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema ipams_schema = {
    .block = {.description = "All IPAMs that pass the filters.",
              .attributes = ipams_attributes,
              .blocks = ipams_blocks},
};

/* --- the facts --- */

struct counting {
    const char *ipam_id;
    int64_t count;
};

static bool count_scope(void *ctx, const struct scope *s)
{
    struct counting *n = ctx;
    n->count += strcmp(scope_info(s)->ipam_id, n->ipam_id) == 0;
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const struct value *operating_regions(struct arena *a, const struct ipam_info *info)
{
    size_t n = 0;
    while (info->operating_regions && info->operating_regions[n])
        n++;
    const char **names = arena_memdup(a, info->operating_regions, n * sizeof *names);
    const struct value **items = arena_calloc(a, n, sizeof *items);
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 0; i < n; i++)
        items[i] = value_set(a, &value_null, "region_name", value_string(a, names[i]));
    return value_seq_take(a, items, n);
}

static const struct value *ipam_object(struct call *c, const struct ipam *i)
{
    const struct estate *e = estate_of(c);
    const struct ipam_info *info = ipam_info(i);
    struct object r = object_new(c->arena);
    struct counting scopes = {info->id, 0};
    const struct value *seen = memory_object(e->memory, c->arena, &ipam_resource, info->id);
    engine_each_scope(e->engine, count_scope, &scopes);
    object_all(&r, seen);
    object_string(&r, "id", info->id);
    object_string(&r, "ipam_region", info->region);
    object_string(&r, "owner_id", info->owner);
    object_string(&r, "description", data_text(seen, "description"));
    object_put(&r, "operating_regions", operating_regions(c->arena, info));
    object_int(&r, "scope_count", scopes.count);
    object_int(&r, "resource_discovery_association_count", 1);
    object_string(&r, "state", "create-complete");
    object_string(&r, "state_message", "");
    object_put(&r, "tags", data_tags(c->arena, seen));
    return object_end(&r);
}

/* --- the catalog --- */

struct listing {
    struct call *call;
    const struct value *ids; /* null: any */
    struct items *out;
};

static bool among(const struct value *ids, const char *id)
{
    for (size_t i = 0; ids->kind == VALUE_SEQ && i < ids->seq.count; i++)
        if (strcmp(value_str(ids->seq.items[i], ""), id) == 0)
            return true;
    return value_is_null(ids);
}

static bool add_ipam(void *ctx, const struct ipam *i)
{
    struct listing *l = ctx;
    if (data_sees(l->call, ipam_info(i)->owner) && among(l->ids, ipam_info(i)->id))
        items_add(l->out, ipam_object(l->call, i));
    return true;
}

static void each_ipam(struct call *c, const struct value *config, struct items *out)
{
    struct listing l = {c, value_get(config, "ipam_ids"), out};
    engine_each_ipam(estate_of(c)->engine, add_ipam, &l);
}

static const struct value *get_ipam(struct call *c, const struct value *config, const char *id)
{
    (void)config;
    const struct ipam *i = engine_ipam(estate_of(c)->engine, id);
    return i && data_sees(c, ipam_info(i)->owner) ? ipam_object(c, i) : NULL;
}

static const struct filter_alias aliases[] = {{"ipam-id", "id"}, {"ipam-arn", "arn"}, {NULL, NULL}};
static const struct catalog catalog = {
    .what = "IPAM",
    .names = {element_attributes, aliases, "tags"},
    .each = each_ipam,
    .get = get_ipam,
};

static enum outcome read_ipam(struct call *c, const struct value *config,
                              const struct value **state)
{
    return catalog_read_one(c, &catalog, config, state);
}

static enum outcome read_ipams(struct call *c, const struct value *config,
                               const struct value **state)
{
    return catalog_read_all(c, &catalog, "ipams", config, state);
}

static enum outcome check_ipams(struct call *c, const struct value *config)
{
    filter_check(c, &catalog.names, value_get(config, "filter"));
    return CALL_DONE;
}

const struct data_source ipam_data = {
    .names = (const char *const[]){"ipam", "aws_vpc_ipam", NULL},
    .schema = &ipam_schema,
    .summary = "An IPAM, found by its id.",
    .read = read_ipam,
};

const struct data_source ipams_data = {
    .names = (const char *const[]){"ipam_ipams", "aws_vpc_ipams", NULL},
    .schema = &ipams_schema,
    .summary = "All IPAMs that pass the filters.",
    .validate = check_ipams,
    .read = read_ipams,
};
