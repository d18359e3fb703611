/*
 * ipam - the root of everything: an IPAM with its two default scopes
 *
 * Counts (scope_count) are as of the last create or update: a number that changes because another
 * resource was made would make quiet plans noisy. Current counts belong to data sources.
 */
#include "provider/estate.h"

#include <string.h>

struct ipam_row {
    struct common common;
    struct field_string description, tier, metered_account;
    struct field_string private_scope, public_scope, discovery, discovery_association;
    struct field_bool cascade, enable_private_gua;
    struct field_int scope_count;
    struct field_value operating_regions;
};
#define T struct ipam_row

static const struct attribute attributes[] = {
    COMMON_ID(T),
    COMMON_ARN(T),
    {.name = "description",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING(""),
     .description = "Text for people.",
     FIELD(T, description)},
    {.name = "tier",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING("advanced"),
     CHECKS(ONE_OF("free", "advanced")),
     .description = "AWS's price tier. Recorded; both tiers can do the same here.",
     FIELD(T, tier)},
    {.name = "enable_private_gua",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_BOOL(false),
     .description = "Recorded: private scopes take every IPv6 CIDR, with or without it.",
     FIELD(T, enable_private_gua)},
    {.name = "metered_account",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING("ipam-owner"),
     CHECKS(ONE_OF("ipam-owner", "resource-owner")),
     .description = "Whom AWS would bill. Recorded.",
     FIELD(T, metered_account)},
    {.name = "cascade",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL,
     .description =
         "Whether destroying the IPAM also removes its private scopes, pools, pool CIDRs "
         "and allocations. Refused while a pool is in the public scope.",
     FIELD(T, cascade)},
    {.name = "private_default_scope_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Id of the default private scope.",
     FIELD(T, private_scope)},
    {.name = "public_default_scope_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Id of the default public scope.",
     FIELD(T, public_scope)},
    {.name = "scope_count",
     .type = &type_number,
     .flags = ATTR_COMPUTED,
     .description = "Number of scopes when the IPAM was last created or updated.",
     FIELD(T, scope_count)},
    {.name = "default_resource_discovery_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Id of the default resource discovery.",
     FIELD(T, discovery)},
    {.name = "default_resource_discovery_association_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Id of the default resource discovery's association.",
     FIELD(T, discovery_association)},
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};

static const struct attribute region_attributes[] = {
    {.name = "region_name",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     CHECKS(CHECKED_BY(check_region, "a Region name")),
     .description = "Name of the Region."},
    END_ATTRIBUTES,
};
static const struct block region_block = {
    .description = "A Region in which the IPAM operates.",
    .attributes = region_attributes,
};
static const struct nested_block blocks[] = {
    {.name = "operating_regions",
     .nesting = NESTING_SET,
     .min_items = 1,
     .max_items = 50,
     .block = &region_block,
     .description = "Regions in which the IPAM operates: locales of its pools. On creation the "
                    "IPAM's own Region must be among them.",
     FIELD(T, operating_regions)},
    TIMEOUTS_BLOCK,
    {.name = NULL},
};

static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "An IPAM: the root of a hierarchy of address pools. It comes with a "
                             "private and a public default scope.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating IPAM";
static const char doing_update[] = "updating IPAM";
static const char doing_delete[] = "deleting IPAM";

/* The names in operating_regions; *unknown when one of them is not known yet. */
static const char *const *region_names(struct arena *a, const struct field_value *f, bool *unknown)
{
    size_t n = f->is == KNOWN ? f->v->seq.count : 0, count = 0;
    const char **names = arena_calloc(a, n + 1, sizeof *names);
    *unknown = f->is == UNKNOWN;
    for (size_t i = 0; i < n; i++) {
        const struct value *name = value_get(f->v->seq.items[i], "region_name");
        *unknown = *unknown || value_is_unknown(name);
        if (value_is_known(name))
            names[count++] = value_str(name, "");
    }
    return names;
}

static bool list_has(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static struct ipam_info info_of(struct call *c, const T *row)
{
    bool unknown;
    return (struct ipam_info){
        .id = row->common.id.v,
        .owner = estate_of(c)->account_id,
        .region = row->common.region.v,
        .private_scope = row->private_scope.v,
        .public_scope = row->public_scope.v,
        .operating_regions = region_names(c->arena, &row->operating_regions, &unknown),
    };
}

void check_home_region(struct call *c, const struct field_value *operating_regions,
                       const struct field_string *region, const char *doing, const char *what)
{
    bool unknown;
    const char *const *names = region_names(c->arena, operating_regions, &unknown);
    if (!unknown && region->is == KNOWN && !list_has(names, region->v))
        diag_error(c->diags, PATH_ATTR(NULL, "operating_regions"),
                   arena_printf(c->arena, "%s: InvalidParameterValue", doing),
                   "`operating_regions` must include %s, the Region of this %s. It operates in its "
                   "home Region. Add operating_regions with region_name = \"%s\", or set the "
                   "resource's region.",
                   region->v, what, region->v);
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T row = {0};
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_begin(c, ch, &schema, NULL);
    schema_decode(&schema, ch->planned, &row);
    if (ch->kind == CHANGE_CREATE)
        check_home_region(c, &row.operating_regions, &row.common.region, doing_create, "IPAM");
    return CALL_DONE;
}

static bool give_ids(struct call *c, T *row)
{
    const char *id = row->common.id.is == KNOWN ? row->common.id.v : id_new(c, "ipam-", ID_DIGITS);
    if (!id)
        return false;
    /* What comes with an IPAM is told by its id: importing it again finds the same. */
    struct arena *a = c->arena;
    const char *account = estate_of(c)->account_id;
    field_set_string(&row->common.id, id);
    field_set_string(&row->common.arn, arn_make(a, "ec2", "", account, "ipam", id));
    field_set_string(&row->private_scope, id_derive(a, "ipam-scope-", ID_DIGITS, id, "private"));
    field_set_string(&row->public_scope, id_derive(a, "ipam-scope-", ID_DIGITS, id, "public"));
    field_set_string(&row->discovery, id_derive(a, "ipam-res-disco-", ID_DIGITS, id, "default"));
    field_set_string(&row->discovery_association,
                     id_derive(a, "ipam-res-disco-assoc-", ID_DIGITS, id, "default"));
    field_set_int(&row->scope_count, 2);
    return true;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    enum outcome out;
    struct refusal why;
    schema_decode(&schema, ch->planned, &row);
    if (!give_ids(c, &row))
        return CALL_DONE;
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    struct ipam_info info = info_of(c, &row);
    enum engine_result r = engine_add_ipam(estate_of(c)->engine, &info, &why);
    if (!engine_said_yes(c, r, doing_create, &why, NULL, &out))
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
    struct ipam_info info = info_of(c, &row);
    enum engine_result r = engine_update_ipam(estate_of(c)->engine, &info, &why);
    if (!engine_said_yes(c, r, doing_update, &why, NULL, &out))
        return out;
    *state = ch->planned;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out;
    struct refusal why;
    schema_decode(&schema, ch->prior, &row);
    if (!engine_ipam(estate_of(c)->engine, row.common.id.v))
        return CALL_DONE; /* gone already, or never more than an imported id */
    enum engine_result r = engine_remove_ipam(estate_of(c)->engine, row.common.id.v,
                                              row.cascade.is == KNOWN && row.cascade.v, &why);
    c->patience_ms = timeout_ms(ch->prior, "delete", c->patience_ms);
    if (engine_said_yes(c, r, doing_delete, &why, NULL, &out))
        call_progress(c);
    return out;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    const char *id = value_str(value_get(*state, "id"), "");
    if (!import_is_adopted(*private) && !engine_ipam(estate_of(c)->engine, id))
        estate_learn(c, &ipam_resource, *state);
    return CALL_DONE;
}

static enum outcome import(struct call *c, const char *id, const struct value **state,
                           struct bytes *private)
{
    return import_object(c, &ipam_resource, id, "ipam-", state, private);
}

enum load_result load_ipam(struct engine *e, const struct facts *f, const char **problem)
{
    const struct ipam_info info = {
        .id = fact_string(f, "id"),
        .owner = fact_account(f),
        .region = fact_string(f, "region"),
        .private_scope = fact_string(f, "private_default_scope_id"),
        .public_scope = fact_string(f, "public_default_scope_id"),
        .operating_regions = fact_inner_strings(f, "operating_regions", "region_name"),
    };
    if (info.id && !info.private_scope && !info.public_scope)
        return LOAD_OK; /* imported by id alone, not applied yet */
    if (!info.id || !info.private_scope || !info.public_scope) {
        *problem = "id or a default scope's id is missing";
        return LOAD_MALFORMED;
    }
    return load_result_of(engine_load_ipam(e, &info));
}

const struct resource ipam_resource = {
    .names = (const char *const[]){"ipam", "aws_vpc_ipam", NULL},
    .schema = &schema,
    .summary = "An IPAM, the root of a hierarchy of address pools.",
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
