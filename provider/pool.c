/*
 * pool - a node of the hierarchy: where CIDRs are drawn from, and by which rules
 *
 * Planning a changed pool changes the engine at once (the engine of a plan lives only as long as
 * the plan), so that a VPC planned after it is judged by the rules that will be in force.
 */
#include "provider/estate.h"
#include "provider/forecast.h"

#include <string.h>

struct pool_row {
    struct common common;
    struct field_string address_family, scope_id, source_id, locale, description;
    struct field_string aws_service, public_ip_source, scope_type, state, release_quarantine;
    struct field_int min_len, max_len, default_len, depth;
    struct field_bool auto_import, publicly_advertisable, cascade, respect_discovered;
    struct field_value required_tags, source_resource;
};
#define T struct pool_row

#define LENGTH_RULE(n, f, text)                                                                    \
    {                                                                                              \
        .name = n, .type = &type_number, .flags = ATTR_OPTIONAL, CHECKS(RANGE(0, 128)),            \
        .description = text, FIELD(T, f)                                                           \
    }

static const struct attribute attributes[] = {
    COMMON_ID(T),
    COMMON_ARN(T),
    {.name = "address_family",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     CHECKS(ONE_OF("ipv4", "ipv6")),
     .description = "Address family of the pool and of everything in it.",
     FIELD(T, address_family)},
    {.name = "ipam_scope_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the scope that the pool is in.",
     FIELD(T, scope_id)},
    {.name = "source_ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     .description = "Id of the pool whose space this pool's CIDRs are taken from. Without it the "
                    "pool is a top-level one.",
     FIELD(T, source_id)},
    {.name = "locale",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .fallback = DEFAULT_STRING("None"),
     CHECKS(CHECKED_BY(check_locale, "`None` or a Region name")),
     .description = "Region whose resources can draw from the pool. A pool without a locale can "
                    "feed pools of any Region, but no VPC.",
     FIELD(T, locale)},
    {.name = "description",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING(""),
     .description = "Text for people; messages show it beside the id.",
     FIELD(T, description)},
    LENGTH_RULE("allocation_min_netmask_length", min_len,
                "Prefix length in bits of the largest block that is given out, inclusive."),
    LENGTH_RULE("allocation_max_netmask_length", max_len,
                "Prefix length in bits of the smallest block that is given out, inclusive."),
    LENGTH_RULE("allocation_default_netmask_length", default_len,
                "Prefix length in bits for requests that name neither a CIDR nor a length."),
    {.name = "allocation_resource_tags",
     .type = &type_map_string,
     .flags = ATTR_OPTIONAL,
     .description = "Tags, key and value, that a resource must carry to draw from the pool.",
     FIELD(T, required_tags)},
    {.name = "auto_import",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_BOOL(false),
     .description = "Whether networks that were seen inside the pool's CIDRs, in the pool's "
                    "locale, become allocations by themselves. Without a locale nothing happens.",
     FIELD(T, auto_import)},
    {.name = "aws_service",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .fallback = DEFAULT_STRING(""),
     CHECKS(ONE_OF("ec2", "global-services")),
     .description = "Recorded: the service whose resources may use a public pool.",
     FIELD(T, aws_service)},
    {.name = "public_ip_source",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(ONE_OF("amazon", "byoip")),
     .description = "Where a public pool's space comes from. Default in the public scope: "
                    "`byoip`.",
     FIELD(T, public_ip_source)},
    {.name = "publicly_advertisable",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .fallback = DEFAULT_BOOL(false),
     .description = "Recorded: whether the IPv6 space of a public pool may be advertised.",
     FIELD(T, publicly_advertisable)},
    {.name = "release_quarantine",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_duration, "a duration such as `24h`")),
     .description = "How long a released CIDR is not issued again, as a duration such as `24h`, at "
                    "most 7 days: routes and firewall rules outlive networks. Default: not at all.",
     FIELD(T, release_quarantine)},
    {.name = "respect_discovered",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL,
     .description =
         "Whether networks inside the pool's CIDRs that no pool gave keep their space: what was "
         "seen in an inventory or in a state that another provider wrote, and VPCs of this "
         "provider that name no pool. Nothing is given to resources there but to the network "
         "itself. Pools can be put on top. Default: true.",
     FIELD(T, respect_discovered)},
    {.name = "cascade",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL,
     .description = "Whether destroying the pool also removes its CIDRs, allocations and the pools "
                    "below it. Resources keep their CIDRs.",
     FIELD(T, cascade)},
    {.name = "ipam_scope_type",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`private` or `public`.",
     FIELD(T, scope_type)},
    {.name = "pool_depth",
     .type = &type_number,
     .flags = ATTR_COMPUTED,
     .description = "Depth in the hierarchy; a top-level pool has 1.",
     FIELD(T, depth)},
    {.name = "state",
     .type = &type_string,
     .flags = ATTR_COMPUTED | ATTR_VOLATILE,
     .description = "`create-complete`, or `modify-complete` after an update.",
     FIELD(T, state)},
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};

#define SOURCE_ATTRIBUTE(n, check, text)                                                           \
    {                                                                                              \
        .name = n, .type = &type_string, .flags = ATTR_REQUIRED | ATTR_REPLACE, CHECKS(check),     \
        .description = text                                                                        \
    }
static const struct attribute source_attributes[] = {
    SOURCE_ATTRIBUTE("resource_id", LENGTH(1, 128), "Id of the VPC."),
    SOURCE_ATTRIBUTE("resource_owner", CHECKED_BY(check_account, "12 digits"),
                     "Account that owns the VPC."),
    SOURCE_ATTRIBUTE("resource_region", CHECKED_BY(check_region, "a Region name"),
                     "Region of the VPC."),
    SOURCE_ATTRIBUTE("resource_type", ONE_OF("vpc"), "Type of the resource."),
    END_ATTRIBUTES,
};
static const struct block source_block = {
    .description = "The VPC whose subnets the pool plans.",
    .attributes = source_attributes,
};
static const struct nested_block blocks[] = {
    {.name = "source_resource",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .flags = ATTR_REPLACE,
     .block = &source_block,
     .description = "Makes the pool a resource planning pool: its CIDR is one of this VPC's, and "
                    "subnets draw from it.",
     FIELD(T, source_resource)},
    TIMEOUTS_BLOCK,
    {.name = NULL},
};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "A pool of addresses, with the rules by which it gives them out.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating IPAM Pool";
static const char doing_update[] = "updating IPAM Pool";
static const char doing_delete[] = "deleting IPAM Pool";
static const struct refusal_paths paths = {.pool = "source_ipam_pool_id",
                                           .region = "locale",
                                           .length = "allocation_default_netmask_length"};

static int length_of(const struct field_int *f)
{
    return f->is == KNOWN ? (int)f->v : -1;
}

/* "" when it is not known yet. */
static const char *planned_resource(const T *row)
{
    return value_str(value_get(row->source_resource.v->seq.items[0], "resource_id"), "");
}

static struct pool_info info_of(struct call *c, const T *row)
{
    bool planned = row->source_resource.is == KNOWN && row->source_resource.v->seq.count > 0;
    const char *locale = row->locale.is == KNOWN ? row->locale.v : "None";
    return (struct pool_info){
        .id = row->common.id.v,
        .scope_id = row->scope_id.v,
        .source_id = row->source_id.is == KNOWN ? row->source_id.v : NULL,
        .locale = strcmp(locale, "None") == 0 ? NULL : locale,
        .description = row->description.v,
        .owner = estate_of(c)->account_id,
        .family = strcmp(row->address_family.v, "ipv6") == 0 ? FAMILY_V6 : FAMILY_V4,
        .public_amazon = strcmp(row->public_ip_source.v, "amazon") == 0,
        .planning = planned,
        .resource_id = planned ? planned_resource(row) : NULL,
        .rules = {.min_len = length_of(&row->min_len),
                  .max_len = length_of(&row->max_len),
                  .default_len = length_of(&row->default_len),
                  .tags = tags_of(c->arena, row->required_tags.v)},
        .release_quarantine =
            duration_ms(row->release_quarantine.is == KNOWN ? row->release_quarantine.v : NULL, 0) /
            1000,
        .auto_import = row->auto_import.is == KNOWN && row->auto_import.v,
        .ignore_occupants = row->respect_discovered.is == KNOWN && !row->respect_discovered.v,
    };
}

static bool rules_known(const T *row)
{
    return row->min_len.is != UNKNOWN && row->max_len.is != UNKNOWN &&
           row->default_len.is != UNKNOWN && row->address_family.is == KNOWN &&
           row->locale.is == KNOWN && row->required_tags.is != UNKNOWN &&
           row->release_quarantine.is != UNKNOWN && row->respect_discovered.is != UNKNOWN;
}

/* What the scope decides: its type, and the default source of public space. */
static void plan_scope(struct call *c, struct change *ch, const T *row)
{
    const struct scope *s =
        row->scope_id.is == KNOWN ? engine_scope(estate_of(c)->engine, row->scope_id.v) : NULL;
    if (!s)
        return;
    bool public = scope_info(s)->type == SCOPE_PUBLIC;
    planned_set(c, ch, "ipam_scope_type", value_string(c->arena, public ? "public" : "private"));
    if (row->public_ip_source.is == UNKNOWN &&
        value_is_null(value_get(ch->config, "public_ip_source")))
        planned_set(c, ch, "public_ip_source", value_string(c->arena, public ? "byoip" : ""));
}

/* A create is tried on the engine and taken back: what is refused then is refused now. */
static bool plan_create(struct call *c, const T *row, enum outcome *out)
{
    struct engine *e = estate_of(c)->engine;
    struct refusal why;
    struct pool_info info = info_of(c, row);
    *out = CALL_DONE;
    if (!rules_known(row))
        return true;
    if (row->scope_id.is != KNOWN || row->source_id.is == UNKNOWN) {
        enum engine_result r = engine_check_rules(info.family, &info.rules, &why);
        return engine_said_yes(c, r, doing_create, &why, &paths, out);
    }
    info.id = "(planned)";
    enum engine_result r = engine_add_pool(e, &info, &why);
    if (!engine_said_yes(c, r, doing_create, &why, &paths, out))
        return false;
    engine_remove_pool(e, info.id, false, &why);
    return true;
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T row = {0};
    struct refusal why;
    enum outcome out = CALL_DONE;
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    bool adopted = plan_begin(c, ch, &schema, NULL);
    if (ch->kind == CHANGE_UPDATE && !adopted &&
        !value_equal(&type_map_string, value_get(ch->prior, "tags_all"),
                     value_get(ch->planned, "tags_all")))
        planned_set(c, ch, "state", &value_unknown); /* other default_tags are an update too */
    schema_decode(&schema, ch->planned, &row);
    plan_scope(c, ch, &row);
    forecast_pool(c, ch);
    if (adopted || ch->kind == CHANGE_CREATE) {
        plan_create(c, &row, &out);
    } else if (ch->replace.count == 0 && rules_known(&row) &&
               engine_pool(estate_of(c)->engine, row.common.id.v)) {
        struct pool_info info = info_of(c, &row);
        enum engine_result r = engine_update_pool(estate_of(c)->engine, &info, &why);
        engine_said_yes(c, r, doing_update, &why, &paths, &out);
    }
    return out;
}

/* A new one, beginning with the key when there is one. */
static const char *new_id(struct call *c, const char *key)
{
    static const char prefix[] = "ipam-pool-";
    const char *id;
    do
        id = key ? id_new(c, key, ID_DIGITS - (unsigned)(strlen(key) - (sizeof prefix - 1)))
                 : id_new(c, prefix, ID_DIGITS);
    while (id && engine_pool(estate_of(c)->engine, id));
    return id;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    enum outcome out;
    struct refusal why;
    schema_decode(&schema, ch->planned, &row);
    const char *key = forecast_pool_key(c, ch->config);
    const char *id = row.common.id.is == KNOWN ? row.common.id.v : new_id(c, key);
    const struct scope *s = engine_scope(e, row.scope_id.v);
    if (!id)
        return CALL_DONE;
    bool public = s && scope_info(s)->type == SCOPE_PUBLIC;
    field_set_string(&row.common.id, id);
    field_set_string(&row.common.arn,
                     arn_make(c->arena, "ec2", "", estate_of(c)->account_id, "ipam-pool", id));
    field_set_string(&row.scope_type, public ? "public" : "private");
    field_set_string(&row.state, "create-complete");
    if (row.public_ip_source.is != KNOWN)
        field_set_string(&row.public_ip_source, public ? "byoip" : "");
    const struct pool *source = row.source_id.is == KNOWN ? engine_pool(e, row.source_id.v) : NULL;
    field_set_int(&row.depth, source ? (int64_t)pool_depth(source) + 1 : 1);
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    struct pool_info info = info_of(c, &row);
    forecast_creating(c, key, id);
    enum engine_result r = engine_add_pool(e, &info, &why);
    if (!engine_said_yes(c, r, doing_create, &why, &paths, &out))
        return out;
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome update(struct call *c, struct change *ch, const struct value **state)
{
    if (import_is_adopted(ch->planned_private)) {
        ch->private = import_settled();
        return create(c, ch, state);
    }
    T row = {0};
    enum outcome out;
    struct refusal why;
    schema_decode(&schema, ch->planned, &row);
    field_set_string(&row.state, "modify-complete");
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    struct pool_info info = info_of(c, &row);
    enum engine_result r = engine_update_pool(estate_of(c)->engine, &info, &why);
    if (!engine_said_yes(c, r, doing_update, &why, &paths, &out))
        return out;
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    struct engine *e = estate_of(c)->engine;
    enum outcome out;
    struct refusal why;
    const char *id = value_str(value_get(ch->prior, "id"), "");
    if (!engine_pool(e, id) || !pool_is_known(engine_pool(e, id)))
        return CALL_DONE;
    c->patience_ms = timeout_ms(ch->prior, "delete", CALL_PATIENCE_MS);
    bool cascade = value_truth(value_get(ch->prior, "cascade"), false);
    const char *doing = arena_printf(c->arena, "%s (%s)", doing_delete, id);
    if (cascade && !issue_begin(c, id, doing, &out))
        return out; /* what others draw from it is part of what goes */
    enum engine_result r = engine_remove_pool(e, id, cascade, &why);
    if (engine_said_yes(c, r, doing, &why, NULL, &out))
        call_progress(c);
    return out;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    const char *id = value_str(value_get(*state, "id"), "");
    const struct pool *p = engine_pool(estate_of(c)->engine, id);
    if (!import_is_adopted(*private) && (!p || !pool_is_known(p)))
        estate_learn(c, &pool_resource, *state);
    return CALL_DONE;
}

static enum outcome import(struct call *c, const char *id, const struct value **state,
                           struct bytes *private)
{
    return import_object(c, &pool_resource, id, "ipam-pool-", state, private);
}

enum load_result load_pool(struct engine *e, const struct facts *f, const char **problem)
{
    const char *family = fact_string(f, "address_family");
    const char *locale = fact_string(f, "locale");
    const char *source = fact_string(f, "public_ip_source");
    const char *planned = *fact_inner_strings(f, "source_resource", "resource_id");
    const struct pool_info info = {
        .id = fact_string(f, "id"),
        .scope_id = fact_string(f, "ipam_scope_id"),
        .source_id = fact_string(f, "source_ipam_pool_id"),
        .locale = locale && strcmp(locale, "None") != 0 ? locale : NULL,
        .description = fact_string(f, "description"),
        .owner = fact_account(f),
        .family = family && strcmp(family, "ipv6") == 0 ? FAMILY_V6 : FAMILY_V4,
        .public_amazon = source && strcmp(source, "amazon") == 0,
        .planning = planned != NULL,
        .resource_id = planned,
        .rules = {.min_len = fact_length(f, "allocation_min_netmask_length"),
                  .max_len = fact_length(f, "allocation_max_netmask_length"),
                  .default_len = fact_length(f, "allocation_default_netmask_length"),
                  .tags = fact_tags(f, "allocation_resource_tags")},
        .release_quarantine = duration_ms(fact_string(f, "release_quarantine"), 0) / 1000,
        .auto_import = fact_bool(f, "auto_import"),
        .ignore_occupants = !fact_bool_or(f, "respect_discovered", true),
    };
    if (info.id && !family && !info.scope_id)
        return LOAD_OK; /* imported by id alone, not applied yet */
    if (!info.id || !info.scope_id || !family) {
        *problem = "id, ipam_scope_id or address_family is missing";
        return LOAD_MALFORMED;
    }
    return load_result_of(engine_load_pool(e, &info));
}

const struct resource pool_resource = {
    .names = (const char *const[]){"ipam_pool", "aws_vpc_ipam_pool", NULL},
    .schema = &schema,
    .summary = "A pool of addresses, with the rules by which it gives them out.",
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
