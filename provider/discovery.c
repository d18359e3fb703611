/*
 * discovery - resource discoveries and their associations with IPAMs
 *
 * In AWS a resource discovery looks for resources in Regions and accounts and feeds what it finds
 * to the IPAMs that it is associated with. Offline there is nothing to look for: knowledge comes
 * from state. The two resources are recorded, checked and given AWS's ids, so that configurations
 * with a delegated discovery run as they are.
 *
 * Two of AWS's quotas are about them. The engine knows neither, so those that exist are counted in
 * the memory (memory.c): what the own state and this run have. The defaults that come with an IPAM
 * are none of them.
 */
#include "provider/estate.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct discovery_row {
    struct common common;
    struct field_string description, owner, region;
    struct field_bool is_default;
    struct field_value operating_regions;
};

static const char *check_entity_path(struct arena *a, const char *text)
{
    /* o-ORGANIZATION/r-ROOT/ou-UNIT/.../ */
    const char *root = strchr(text, '/');
    bool fine = strncmp(text, "o-", 2) == 0 && root && strncmp(root, "/r-", 3) == 0;
    for (const char *p = root; fine && p && p[1]; p = strchr(p + 1, '/'))
        fine = p == root || strncmp(p, "/ou-", 4) == 0 || strcmp(p, "/*") == 0;
    for (const char *p = text; fine && *p; p++)
        fine = islower((unsigned char)*p) || isdigit((unsigned char)*p) || strchr("-/*", *p);
    if (fine)
        return NULL;
    return arena_printf(a,
                        "one or more of the organizations entity paths is invalid: \"%.100s\" is "
                        "not of the form o-<organization>/r-<root>/ou-<unit>/",
                        text);
}

static const struct attribute discovery_attributes[] = {
    COMMON_ID(struct discovery_row),
    COMMON_ARN(struct discovery_row),
    {.name = "description",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING(""),
     .description = "Text for people.",
     FIELD(struct discovery_row, description)},
    {.name = "owner_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Account that owns the discovery.",
     FIELD(struct discovery_row, owner)},
    {.name = "is_default",
     .type = &type_bool,
     .flags = ATTR_COMPUTED,
     .description = "`false`: default discoveries come with their IPAM and are not resources.",
     FIELD(struct discovery_row, is_default)},
    {.name = "ipam_resource_discovery_region",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Region of the discovery.",
     FIELD(struct discovery_row, region)},
    COMMON_REGION(struct discovery_row),
    COMMON_TAGS(struct discovery_row),
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
static const struct attribute exclusion_attributes[] = {
    {.name = "organizations_entity_path",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     CHECKS(CHECKED_BY(check_entity_path, "a path of an organizational unit")),
     .description = "Path of the organizational unit: `o-<organization>/r-<root>/ou-<unit>/`; with "
                    "`*` at the end, everything below it too."},
    END_ATTRIBUTES,
};
static const struct block region_block = {
    .description = "A Region in which the discovery looks.",
    .attributes = region_attributes,
};
static const struct block exclusion_block = {
    .description = "An organizational unit that is left out.",
    .attributes = exclusion_attributes,
};
static const struct nested_block discovery_blocks[] = {
    {.name = "operating_regions",
     .nesting = NESTING_SET,
     .min_items = 1,
     .max_items = 50,
     .block = &region_block,
     .description = "Regions in which the discovery looks. On creation its own Region must be "
                    "among them.",
     FIELD(struct discovery_row, operating_regions)},
    {.name = "organizational_unit_exclusion",
     .nesting = NESTING_SET,
     .max_items = 10,
     .block = &exclusion_block,
     .description = "Organizational units that are left out."},
    TIMEOUTS_BLOCK,
    {.name = NULL},
};
static const struct schema discovery_schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "A resource discovery. It is recorded: offline, knowledge of "
                             "resources comes from Terraform's state.",
              .attributes = discovery_attributes,
              .blocks = discovery_blocks},
};

/* --- quotas --- */

struct quota {
    const struct resource *resource;
    const char *what, *place; /* in words */
    struct {
        const char *name, *value; /* attributes of those that count; name NULL: no more */
    } match[2];
    unsigned limit;
};

struct tally {
    struct call *call;
    const struct quota *quota;
    const char *own_id; /* does not count; NULL: has none yet */
    size_t count;
};

static void count_one(void *ctx, const char *id)
{
    struct tally *t = ctx;
    const struct quota *q = t->quota;
    const struct value *v =
        memory_object(estate_of(t->call)->memory, t->call->arena, q->resource, id);
    bool counts = !memory_leaves(estate_of(t->call)->memory, id) &&
                  (!t->own_id || strcmp(id, t->own_id) != 0);
    for (size_t i = 0; counts && i < 2 && q->match[i].name; i++)
        counts = strcmp(value_str(value_get(v, q->match[i].name), ""), q->match[i].value) == 0;
    t->count += counts;
}

/* Is there room for one more? As engine_said_yes. Waits, since another one may go in this run. */
static bool quota_allows(struct call *c, const struct quota *q, const struct field_string *id,
                         const char *doing, enum outcome *out)
{
    struct tally t = {c, q, id->is == KNOWN ? id->v : NULL, 0};
    *out = CALL_DONE;
    memory_each_id(estate_of(c)->memory, q->resource, count_one, &t);
    if (t.count < q->limit)
        return true;
    struct refusal why = {
        .code = REFUSAL_QUOTA, .curable = true, .count = t.count, .limit = q->limit};
    snprintf(why.id, sizeof why.id, "%.120s", q->place);
    snprintf(why.text, sizeof why.text, "%s", q->what);
    return engine_said_yes(c, ENGINE_REFUSED, doing, &why, NULL, out);
}

static const char doing_discovery[] = "creating IPAM Resource Discovery";

static bool discovery_allowed(struct call *c, const struct discovery_row *row, enum outcome *out)
{
    const struct estate *e = estate_of(c);
    const char *region = row->common.region.v;
    const struct quota q = {
        .resource = &discovery_resource,
        .what = "resource discovery",
        .place = arena_printf(c->arena, "Account %s in %s", e->account_id, region),
        .match = {{"owner_id", e->account_id}, {"ipam_resource_discovery_region", region}},
        .limit = e->discoveries_per_region,
    };
    return quota_allows(c, &q, &row->common.id, doing_discovery, out);
}

/* A line for the memory only, see departure.c. */
const char *depart_discovery(const struct facts *f)
{
    const char *id = fact_string(f, "id");
    return id ? arena_printf(f->arena, "d %s\n", id) : "";
}

/* What waits for room may go on. */
static enum outcome destroy(struct call *c, struct change *ch)
{
    (void)ch;
    call_progress(c);
    return CALL_DONE;
}

/* --- discoveries --- */

static enum outcome discovery_plan(struct call *c, struct change *ch)
{
    struct discovery_row row = {0};
    enum outcome out = CALL_DONE;
    plan_departure(c, ch, &discovery_resource);
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_begin(c, ch, &discovery_schema, NULL);
    schema_decode(&discovery_schema, ch->planned, &row);
    if (ch->kind != CHANGE_CREATE)
        return CALL_DONE;
    check_home_region(c, &row.operating_regions, &row.common.region, doing_discovery,
                      "resource discovery");
    if (!c->diags->errors && row.common.region.is == KNOWN)
        discovery_allowed(c, &row, &out);
    return out;
}

static enum outcome discovery_create(struct call *c, struct change *ch, const struct value **state)
{
    struct discovery_row row = {0};
    enum outcome out;
    schema_decode(&discovery_schema, ch->planned, &row);
    const char *account = estate_of(c)->account_id;
    /* What was imported exists. */
    if (ch->kind == CHANGE_CREATE && !discovery_allowed(c, &row, &out))
        return out;
    const char *id =
        row.common.id.is == KNOWN ? row.common.id.v : id_new(c, "ipam-res-disco-", ID_DIGITS);
    if (!id)
        return CALL_DONE;
    field_set_string(&row.common.id, id);
    field_set_string(&row.common.arn,
                     arn_make(c->arena, "ec2", "", account, "ipam-resource-discovery", id));
    field_set_string(&row.owner, account);
    field_set_bool(&row.is_default, false);
    field_set_string(&row.region, row.common.region.v);
    *state = schema_encode(c->arena, &discovery_schema, &row, ch->planned);
    return CALL_DONE;
}

static enum outcome discovery_update(struct call *c, struct change *ch, const struct value **state)
{
    if (import_is_adopted(ch->planned_private)) {
        ch->private = import_settled();
        return discovery_create(c, ch, state);
    }
    *state = ch->planned;
    return CALL_DONE;
}

static enum outcome discovery_import(struct call *c, const char *id, const struct value **state,
                                     struct bytes *private)
{
    return import_object(c, &discovery_resource, id, "ipam-res-disco-", state, private);
}

const struct resource discovery_resource = {
    .names =
        (const char *const[]){"ipam_resource_discovery", "aws_vpc_ipam_resource_discovery", NULL},
    .schema = &discovery_schema,
    .summary = "A resource discovery.",
    .plan = discovery_plan,
    .create = discovery_create,
    .update = discovery_update,
    .destroy = destroy,
    .import = discovery_import,
    .upgrade = upgrade_state,
};

/* --- associations --- */

struct association_row {
    struct common common;
    struct field_string ipam_id, discovery_id, ipam_arn, ipam_region, owner, state;
    struct field_bool is_default;
};

static const struct attribute association_attributes[] = {
    COMMON_ID(struct association_row),
    COMMON_ARN(struct association_row),
    {.name = "ipam_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the IPAM.",
     FIELD(struct association_row, ipam_id)},
    {.name = "ipam_resource_discovery_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the resource discovery.",
     FIELD(struct association_row, discovery_id)},
    {.name = "ipam_arn",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "ARN of the IPAM.",
     FIELD(struct association_row, ipam_arn)},
    {.name = "ipam_region",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Home Region of the IPAM.",
     FIELD(struct association_row, ipam_region)},
    {.name = "is_default",
     .type = &type_bool,
     .flags = ATTR_COMPUTED,
     .description = "`false`: default associations come with their IPAM and are not resources.",
     FIELD(struct association_row, is_default)},
    {.name = "owner_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Account that owns the association.",
     FIELD(struct association_row, owner)},
    {.name = "state",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`associate-complete`.",
     FIELD(struct association_row, state)},
    COMMON_REGION(struct association_row),
    COMMON_TAGS(struct association_row),
    END_ATTRIBUTES,
};
static const struct nested_block association_blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema association_schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "Associates a resource discovery with an IPAM.",
              .attributes = association_attributes,
              .blocks = association_blocks},
};

static const char doing_association[] = "creating IPAM Resource Discovery Association";

static bool association_allowed(struct call *c, const struct association_row *row,
                                enum outcome *out)
{
    const struct quota q = {
        .resource = &discovery_association_resource,
        .what = "resource discovery association",
        .place = arena_printf(c->arena, "The IPAM %s", row->ipam_id.v),
        .match = {{"ipam_id", row->ipam_id.v}},
        .limit = estate_of(c)->associations_per_ipam,
    };
    return quota_allows(c, &q, &row->common.id, doing_association, out);
}

static enum outcome association_plan(struct call *c, struct change *ch)
{
    struct association_row row = {0};
    enum outcome out = CALL_DONE;
    plan_departure(c, ch, &discovery_association_resource);
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_begin(c, ch, &association_schema, NULL);
    schema_decode(&association_schema, ch->planned, &row);
    if (ch->kind == CHANGE_CREATE && row.ipam_id.is == KNOWN)
        association_allowed(c, &row, &out);
    return out;
}

/* The form of the id is all that can be known of a discovery: it may be another account's. */
static bool association_valid(struct call *c, const struct association_row *row,
                              const struct ipam *ipam)
{
    if (!ipam) {
        struct refusal why = {.code = REFUSAL_IPAM_UNKNOWN};
        strncpy(why.id, row->ipam_id.v, sizeof why.id - 1);
        report_refusal(c, doing_association, &why, NULL);
        return false;
    }
    if (id_has_form(row->discovery_id.v, "ipam-res-disco-"))
        return true;
    diag_error(
        c->diags, PATH_ATTR(NULL, "ipam_resource_discovery_id"),
        arena_printf(c->arena, "%s: InvalidIpamResourceDiscoveryId.NotFound", doing_association),
        "\"%.100s\" is not the id of a resource discovery. It has the form ipam-res-disco- "
        "followed by hex digits. Use the id of an ipam_resource_discovery.",
        row->discovery_id.v);
    return false;
}

static enum outcome association_create(struct call *c, struct change *ch,
                                       const struct value **state)
{
    static const char prefix[] = "ipam-res-disco-assoc-";
    struct association_row row = {0};
    schema_decode(&association_schema, ch->planned, &row);
    struct arena *a = c->arena;
    const char *account = estate_of(c)->account_id;
    const struct ipam *ipam = engine_ipam(estate_of(c)->engine, row.ipam_id.v);
    enum outcome out = CALL_DONE;
    if (!association_valid(c, &row, ipam) ||
        (ch->kind == CHANGE_CREATE && !association_allowed(c, &row, &out)))
        return out;
    const char *id = row.common.id.is == KNOWN ? row.common.id.v : id_new(c, prefix, ID_DIGITS);
    if (!id)
        return CALL_DONE;
    field_set_string(&row.common.id, id);
    field_set_string(&row.common.arn,
                     arn_make(a, "ec2", "", account, "ipam-resource-discovery-association", id));
    field_set_string(&row.ipam_arn,
                     arn_make(a, "ec2", "", ipam_info(ipam)->owner, "ipam", row.ipam_id.v));
    field_set_string(&row.ipam_region, arena_strdup(a, ipam_info(ipam)->region));
    field_set_bool(&row.is_default, false);
    field_set_string(&row.owner, account);
    field_set_string(&row.state, "associate-complete");
    *state = schema_encode(a, &association_schema, &row, ch->planned);
    return CALL_DONE;
}

static enum outcome association_update(struct call *c, struct change *ch,
                                       const struct value **state)
{
    if (import_is_adopted(ch->planned_private)) {
        ch->private = import_settled();
        return association_create(c, ch, state);
    }
    *state = ch->planned; /* only tags change in place */
    return CALL_DONE;
}

static enum outcome association_import(struct call *c, const char *id, const struct value **state,
                                       struct bytes *private)
{
    return import_object(c, &discovery_association_resource, id, "ipam-res-disco-assoc-", state,
                         private);
}

const struct resource discovery_association_resource = {
    .names = (const char *const[]){"ipam_resource_discovery_association",
                                   "aws_vpc_ipam_resource_discovery_association", NULL},
    .schema = &association_schema,
    .summary = "Associates a resource discovery with an IPAM.",
    .plan = association_plan,
    .create = association_create,
    .update = association_update,
    .destroy = destroy,
    .import = association_import,
    .upgrade = upgrade_state,
};
