/*
 * data_metrics - figures of a pool, a scope, an IPAM or a VPC, for conditions and `check` blocks
 *
 * The same figures as alarms judge and `ipamctl metrics` prints (metrics.h), in two forms: every
 * metric with its dimensions, and a map by name for one address family, in which counts of an
 * IPAM's scopes are added up.
 */
#include <string.h>

#include "provider/data.h"
#include "provider/metrics.h"

static const struct type type_map_number = {.kind = TYPE_MAP, .elem = &type_number};

static const struct attribute metric_attributes[] = {
    OUT("metric_name", string, "Name of the metric."),
    OUT("unit", string, "`Percent` (0 to 100) or `Count`."),
    OUT("dimensions", map_string, "What the metric is of."),
    OUT("value", number, "The value now."),
    END_ATTRIBUTES,
};
static const struct block metric_block = {.description = "A metric.",
                                          .attributes = metric_attributes};
static const struct attribute attributes[] = {
    {.name = "ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(EXACTLY_ONE("ipam_scope_id", "ipam_id", "resource_id")),
     .description = "Id of the pool that is asked about."},
    IN("ipam_scope_id", string, "Id of the scope that is asked about."),
    IN("ipam_id", string, "Id of the IPAM that is asked about."),
    IN("resource_id", string, "Id of the VPC that is asked about."),
    {.name = "address_family",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     CHECKS(ONE_OF("ipv4", "ipv6")),
     .description = "Family that the figures below are of: `ipv4` (default) or `ipv6`. Of a pool: "
                    "always its own."},
    OUT("id", string, "The id that was asked about."),
    DATA_REGION,
    OUT("utilization_percentage", number,
        "Part of the addresses that are in use, 0 to 100: of a pool what pools below, resources "
        "and reservations have; of a scope or an IPAM the same of its top-level pools together; "
        "of a VPC what its subnets have. Null when there are no addresses."),
    OUT("total_addresses", number, "Addresses of the pool, or of the top-level pools together."),
    OUT("available_addresses", number, "How many of those nobody has."),
    OUT("largest_free_netmask_length", number,
        "Length of the largest block that the pool could give now. Null when nothing is free."),
    OUT("values", map_number,
        "The value of each metric by its name. For a scope or an IPAM: its counts."),
    OUT_LIST("metrics", metric_block,
             "Every metric of what was asked about; of a scope or an IPAM those of its VPCs, of an "
             "IPAM those of its pools too."),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .block = {.description = "Metrics of a pool, a scope, an IPAM or a VPC, by CloudWatch's names "
                             "in the namespace `" METRICS_NAMESPACE "`.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing[] = "reading IPAM Metrics";

/* What is asked about, and its figures. */
struct question {
    struct call *call;
    const char *id;
    const char *family; /* "IPv4" or "IPv6", the dimension's value */
    const struct pool *pool;
    const struct scope *scope;
    const struct ipam *ipam;
    const char *vpc_id;
    struct metrics metrics;
    struct count total, used;
};

/* --- finding it --- */

static bool visit_scope(void *ctx, const struct scope *s)
{
    struct question *q = ctx;
    const struct ipam *i = data_ipam_of(q->call, s);
    if (i && data_sees(q->call, ipam_info(i)->owner))
        metrics_of_scope(q->call, s, &q->metrics);
    return true;
}

/* The same VPC may be in the scopes of several IPAMs. */
static bool find_vpc(struct question *q)
{
    size_t kept = 0;
    struct metrics *m = &q->metrics;
    engine_each_scope(estate_of(q->call)->engine, visit_scope, q);
    for (size_t i = 0; i < m->count; i++) {
        size_t last = m->items[i].dimension_count - 1;
        if (strcmp(m->items[i].kind->name, "VpcIPUsage") == 0 &&
            strcmp(m->items[i].dimensions[last].value, q->vpc_id) == 0)
            m->items[kept++] = m->items[i];
    }
    m->count = kept;
    if (kept == 0)
        diag_error(
            q->call->diags, PATH_ATTR(NULL, "resource_id"), "reading IPAM Metrics: not found",
            "%.100s is no VPC that is known here with a CIDR in a scope of an IPAM.", q->vpc_id);
    return kept > 0;
}

static bool find_ipam(struct question *q)
{
    const struct ipam *i = engine_ipam(estate_of(q->call)->engine, q->id);
    if (i && data_sees(q->call, ipam_info(i)->owner)) {
        q->ipam = i;
        metrics_of_ipam(q->call, i, &q->metrics);
        return true;
    }
    struct refusal why = {.code = REFUSAL_IPAM_UNKNOWN};
    strncpy(why.id, q->id, sizeof why.id - 1);
    report_refusal(q->call, doing, &why, NULL);
    return false;
}

static bool find(struct question *q, const struct value *config)
{
    if (!data_is_whole(q->call))
        return false;
    if ((q->id = value_str(value_get(config, "ipam_pool_id"), NULL))) {
        q->pool = data_pool(q->call, doing, config, "ipam_pool_id");
        if (q->pool)
            metrics_of_pool(q->call, q->pool, &q->metrics);
        return q->pool != NULL;
    }
    if ((q->id = value_str(value_get(config, "ipam_scope_id"), NULL))) {
        q->scope = data_scope(q->call, doing, config, "ipam_scope_id");
        if (q->scope)
            metrics_of_scope(q->call, q->scope, &q->metrics);
        return q->scope != NULL;
    }
    if ((q->id = value_str(value_get(config, "ipam_id"), NULL)))
        return find_ipam(q);
    q->id = q->vpc_id = value_str(value_get(config, "resource_id"), "");
    return find_vpc(q);
}

/* --- figures --- */

static void add_usage(struct question *q, const struct pool *p)
{
    const struct pool_usage u = pool_usage_of(estate_of(q->call)->engine, p);
    q->total = count_add(q->total, u.total);
    q->used = count_add(q->used, count_add(u.allocated, u.assigned));
}

static bool visit_pool(void *ctx, const struct pool *p)
{
    struct question *q = ctx;
    const struct pool_info *info = pool_info(p);
    const struct scope *s =
        info->scope_id ? engine_scope(estate_of(q->call)->engine, info->scope_id) : NULL;
    bool mine = q->scope ? s == q->scope : s && data_ipam_of(q->call, s) == q->ipam;
    bool v4 = strcmp(q->family, "IPv4") == 0;
    if (mine && pool_is_known(p) && !info->source_id && (info->family == FAMILY_V4) == v4)
        add_usage(q, p);
    return true;
}

static const struct value *count_value(struct arena *a, struct count n)
{
    char text[48];
    count_format(n, text, sizeof text);
    return value_number_text(a, text, strlen(text));
}

static void put_addresses(struct object *r, struct question *q)
{
    struct arena *a = r->arena;
    if (q->pool)
        add_usage(q, q->pool);
    else
        engine_each_pool(estate_of(q->call)->engine, visit_pool, q);
    object_put(r, "total_addresses", count_value(a, q->total));
    object_put(r, "available_addresses", count_value(a, count_sub(q->total, q->used)));
    if (!count_is_zero(q->total))
        object_put(r, "utilization_percentage", value_double(a, count_percent(q->used, q->total)));
    const struct space *open =
        q->pool ? engine_open_space(estate_of(q->call)->engine, pool_info(q->pool)->id) : NULL;
    int largest = open ? space_largest_free(open) : -1;
    if (largest >= 0)
        object_int(r, "largest_free_netmask_length", largest);
}

static bool is_of_family(const struct metric *m, const char *family)
{
    return strcmp(m->dimensions[0].name, "AddressFamily") != 0 ||
           strcmp(m->dimensions[0].value, family) == 0;
}

/* A scope's VPCs and an IPAM's pools have the same metric many times, so only counts of scopes are
 * in the map. */
static bool belongs_in_values(const struct question *q, const struct metric *m)
{
    bool of_scope = m->dimension_count == 2;
    return (q->pool || q->vpc_id || of_scope) && is_of_family(m, q->family);
}

static const struct value *values_of(struct question *q)
{
    struct arena *a = q->call->arena;
    const struct value *all = value_map(a, NULL, 0);
    for (size_t i = 0; i < q->metrics.count; i++) {
        const struct metric *m = &q->metrics.items[i];
        if (!belongs_in_values(q, m))
            continue;
        int64_t sum = 0;
        bool add = q->ipam && value_as_int(value_get(all, m->kind->name), &sum);
        all = value_set(a, all, m->kind->name, value_double(a, m->value + (add ? sum : 0)));
    }
    return all;
}

static const struct value *metric_object(struct arena *a, const struct metric *m)
{
    struct object r = object_new(a), dimensions = object_new(a);
    for (size_t i = 0; i < m->dimension_count; i++)
        object_string(&dimensions, m->dimensions[i].name, m->dimensions[i].value);
    object_string(&r, "metric_name", m->kind->name);
    object_string(&r, "unit", m->kind->unit);
    object_put(&r, "dimensions", object_end(&dimensions));
    object_put(&r, "value", value_double(a, m->value));
    return object_end(&r);
}

static enum outcome read(struct call *c, const struct value *config, const struct value **state)
{
    struct arena *a = c->arena;
    struct object r = object_new(a);
    struct items metrics = {.arena = a};
    struct question q = {.call = c, .metrics = {.arena = a}};
    if (!find(&q, config))
        return CALL_DONE;
    bool v6 = strcmp(value_str(value_get(config, "address_family"), "ipv4"), "ipv6") == 0;
    if (q.pool)
        v6 = pool_info(q.pool)->family == FAMILY_V6;
    q.family = v6 ? "IPv6" : "IPv4";
    for (size_t i = 0; i < q.metrics.count; i++)
        items_add(&metrics, metric_object(a, &q.metrics.items[i]));
    const struct value *values = values_of(&q);
    object_all(&r, config);
    object_string(&r, "id", q.id);
    object_string(&r, "region", data_region(c, config));
    object_string(&r, "address_family", v6 ? "ipv6" : "ipv4");
    object_put(&r, "values", values);
    object_put(&r, "metrics", items_end(&metrics));
    if (q.vpc_id)
        object_put(&r, "utilization_percentage", value_get(values, "VpcIPUsage"));
    else
        put_addresses(&r, &q);
    *state = object_end(&r);
    return CALL_DONE;
}

const struct data_source metrics_data = {
    .names = (const char *const[]){"ipam_metrics", NULL},
    .schema = &schema,
    .summary = "Metrics of a pool, a scope, an IPAM or a VPC.",
    .read = read,
};
