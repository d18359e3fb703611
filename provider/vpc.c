/*
 * vpc - a VPC as IPAM sees it: something that draws its CIDRs from pools
 *
 * No network is made. The resource takes the CIDR for the VPC that another tool or provider
 * makes, carries AWS's arguments so that configurations for AWS run as they are, and gives the
 * ids that AWS would give. A VPC without a pool just has the CIDR that is written.
 *
 * The allocation behind a CIDR is told by VPC and CIDR (allocation_id_of), so no attribute holds
 * it. A VPC has one IPv4 CIDR for life and may change its IPv6 CIDR in place.
 */
#include "provider/drift.h"
#include "provider/forecast.h"

#include <string.h>

struct vpc_row {
    struct common common;
    struct field_string cidr, pool, v6_cidr, v6_pool, border_group, tenancy;
    struct field_int length, v6_length;
    struct field_bool generated, dns_support, dns_hostnames, address_metrics;
    struct field_string owner, main_route_table, default_route_table, network_acl, security_group;
    struct field_string dhcp_options, v6_association;
};
#define T struct vpc_row

#define COMPUTED_ID(n, f, text)                                                                    \
    {                                                                                              \
        .name = n, .type = &type_string, .flags = ATTR_COMPUTED, .description = text, FIELD(T, f)  \
    }
#define SWITCH(n, f, value, text)                                                                  \
    {                                                                                              \
        .name = n, .type = &type_bool, .flags = ATTR_OPTIONAL | ATTR_COMPUTED,                     \
        .fallback = DEFAULT_BOOL(value), .description = text, FIELD(T, f)                          \
    }

static const struct attribute attributes[] = {
    COMMON_ID(T),
    COMMON_ARN(T),
    {.name = "ipv4_ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     .description = "Id of the pool that the VPC's IPv4 CIDR is drawn from.",
     FIELD(T, pool)},
    {.name = "ipv4_netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(RANGE(16, 28), CONFLICTS("cidr_block"), REQUIRES("ipv4_ipam_pool_id")),
     .description = "Prefix length in bits of the CIDR to draw: the lowest free block. Default: "
                    "the pool's `allocation_default_netmask_length`.",
     FIELD(T, length)},
    {.name = "cidr_block",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_vpc_cidr, "an IPv4 CIDR from /16 to /28"),
            CONFLICTS("ipv4_netmask_length")),
     .description = "The IPv4 CIDR of the VPC. With a pool it must be free there, or exactly a "
                    "reservation (`ipam_pool_cidr_allocation`) that is meant for this VPC: its tag "
                    "`ipam:reserved-for`, else its description, is the VPC's tag `Name`. Without a "
                    "pool it is taken as written.",
     FIELD(T, cidr)},
    {.name = "ipv6_ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING(""),
     CHECKS(CONFLICTS("assign_generated_ipv6_cidr_block")),
     .description = "Id of the pool that the VPC's IPv6 CIDR is drawn from.",
     FIELD(T, v6_pool)},
    {.name = "ipv6_netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_INT(0),
     CHECKS(MULTIPLE(44, 60, 4), CONFLICTS("ipv6_cidr_block"), REQUIRES("ipv6_ipam_pool_id")),
     .description = "Prefix length in bits of the IPv6 CIDR to draw: 44 to 60 in steps of 4.",
     FIELD(T, v6_length)},
    {.name = "ipv6_cidr_block",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     CHECKS(CHECKED_BY(check_cidr_v6, "an IPv6 CIDR"), REQUIRES("ipv6_ipam_pool_id"),
            CONFLICTS("ipv6_netmask_length", "assign_generated_ipv6_cidr_block")),
     .description = "The IPv6 CIDR of the VPC.",
     FIELD(T, v6_cidr)},
    SWITCH("assign_generated_ipv6_cidr_block", generated, false,
           "Whether the VPC gets a generated IPv6 /56, drawn from " AMAZON_IPV6_CIDR "."),
    {.name = "ipv6_cidr_block_network_border_group",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     CHECKS(REQUIRES("assign_generated_ipv6_cidr_block")),
     .description = "Border group of a generated IPv6 CIDR. Default: the Region.",
     FIELD(T, border_group)},
    {.name = "instance_tenancy",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .fallback = DEFAULT_STRING("default"),
     CHECKS(ONE_OF("default", "dedicated")),
     .description = "Recorded. `dedicated` can become `default` in place, not the other way "
                    "round.",
     FIELD(T, tenancy)},
    SWITCH("enable_dns_support", dns_support, true, "Recorded."),
    SWITCH("enable_dns_hostnames", dns_hostnames, false, "Recorded."),
    SWITCH("enable_network_address_usage_metrics", address_metrics, false, "Recorded."),
    COMPUTED_ID("owner_id", owner, "Account that owns the VPC."),
    COMPUTED_ID("main_route_table_id", main_route_table, "Id that the main route table has."),
    COMPUTED_ID("default_route_table_id", default_route_table, "The same as the main one."),
    COMPUTED_ID("default_network_acl_id", network_acl, "Id that the default network ACL has."),
    COMPUTED_ID("default_security_group_id", security_group,
                "Id that the default security group has."),
    COMPUTED_ID("dhcp_options_id", dhcp_options, "Id that the DHCP options have."),
    COMPUTED_ID("ipv6_association_id", v6_association, "Id of the IPv6 CIDR's association."),
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .version = STATE_VERSION(1),
    .block = {.description = "A VPC that draws its CIDRs from pools. No network is made: the CIDR "
                             "is taken for the one that is made elsewhere.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating EC2 VPC";
static const char doing_update[] = "updating EC2 VPC";
static const char doing_delete[] = "deleting EC2 VPC";
static const struct refusal_paths paths_v4 = {.cidr = "cidr_block",
                                              .length = "ipv4_netmask_length",
                                              .pool = "ipv4_ipam_pool_id",
                                              .tags = "tags",
                                              .region = "region"};
static const struct refusal_paths paths_v6 = {.cidr = "ipv6_cidr_block",
                                              .length = "ipv6_netmask_length",
                                              .pool = "ipv6_ipam_pool_id",
                                              .tags = "tags",
                                              .region = "region"};

/* --- requests to the engine --- */

static struct allocation_request request_of(struct call *c, const T *row, const char *pool)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, pool);
    return (struct allocation_request){
        .id = "",
        .pool_id = pool,
        .type = ALLOCATION_VPC,
        .length = -1,
        .resource_id = row->common.id.v,
        .owner = estate_of(c)->account_id,
        .region = row->common.region.v,
        .tags = tags_for_check(c->arena, &row->common.tags_all, p),
    };
}

static bool has_pool_v4(const T *row)
{
    return field_has(&row->pool);
}

static struct allocation_request request_v4(struct call *c, const T *row)
{
    struct allocation_request r = request_of(c, row, row->pool.v);
    if (!field_cidr(&row->cidr, &r.cidr) && row->length.is == KNOWN)
        r.length = (int)row->length.v;
    return r;
}

static bool is_generated(const T *row)
{
    return row->generated.is == KNOWN && row->generated.v;
}

static bool wants_v6(const T *row)
{
    return field_has(&row->v6_pool) || is_generated(row);
}

static struct allocation_request request_v6(struct call *c, const T *row)
{
    struct allocation_request r =
        request_of(c, row, is_generated(row) ? AMAZON_IPV6_POOL : row->v6_pool.v);
    if (is_generated(row)) {
        r.type = ALLOCATION_CUSTOM; /* Amazon's own pool has no locale */
        r.region = "";
    }
    if (!field_cidr(&row->v6_cidr, &r.cidr) && row->v6_length.is == KNOWN && row->v6_length.v > 0)
        r.length = (int)row->v6_length.v;
    return r;
}

static void explicit_at(struct allocation_request *r, const struct cidr *cidr, const char *id)
{
    r->cidr = *cidr;
    r->length = -1;
    r->id = id;
}

/* The allocation of this VPC's CIDR, or NULL. */
static const struct allocation *held(struct call *c, const T *row, const struct field_string *cidr)
{
    struct cidr parsed;
    if (!field_cidr(cidr, &parsed))
        return NULL;
    return engine_allocation(estate_of(c)->engine,
                             allocation_id_of(c->arena, row->common.id.v, &parsed));
}

/* --- planning --- */

static enum outcome validate(struct call *c, const struct value *config)
{
    if (value_is_null(value_get(config, "cidr_block")) &&
        value_is_null(value_get(config, "ipv4_ipam_pool_id")))
        diag_error(c->diags, PATH_ATTR(NULL, "cidr_block"), "creating EC2 VPC: MissingParameter",
                   "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided: the VPC names "
                   "neither cidr_block nor ipv4_ipam_pool_id. A VPC needs an IPv4 CIDR. Set "
                   "ipv4_ipam_pool_id, best with ipv4_netmask_length, or write a cidr_block.");
    return CALL_DONE;
}

/* What follows from the configuration alone is shown in the plan. */
static void plan_known(struct call *c, struct change *ch, T *row)
{
    if (row->owner.is != KNOWN)
        field_set_string(&row->owner, estate_of(c)->account_id);
    if (row->v6_pool.is != UNKNOWN && row->generated.is == KNOWN && !wants_v6(row)) {
        field_set_string(&row->v6_cidr, "");
        field_set_string(&row->v6_association, "");
        field_set_string(&row->border_group, "");
    }
    if (is_generated(row) && row->border_group.is != KNOWN && row->common.region.is == KNOWN)
        field_set_string(&row->border_group, row->common.region.v);
    ch->planned = schema_encode(c->arena, &schema, row, ch->planned);
}

/* Asks the engine; remembers an explicit CIDR so that others keep off it. */
static bool check(struct call *c, const struct allocation_request *r,
                  const struct refusal_paths *paths, enum outcome *out)
{
    struct engine *e = estate_of(c)->engine;
    struct refusal why;
    *out = CALL_DONE;
    if (!issue_possible(c, r->pool_id, doing_create))
        return false;
    enum engine_result result = engine_check_allocate(e, r, false, &why);
    if (!engine_said_yes(c, result, doing_create, &why, paths, out))
        return false;
    if (cidr_is_set(&r->cidr) && engine_plan_intent(e, r->pool_id, &r->cidr) != ENGINE_OK)
        report_no_memory(c, doing_create);
    return true;
}

static enum outcome plan_create(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    plan_known(c, ch, &row);
    forecast_wish(c, ch, "ipv4_ipam_pool_id", "cidr_block");
    forecast_wish(c, ch, "ipv6_ipam_pool_id", "ipv6_cidr_block");
    bool v4_decided =
        value_is_wholly_known(value_get(ch->config, "cidr_block")) && row.length.is != UNKNOWN;
    bool v6_decided = value_is_wholly_known(value_get(ch->config, "ipv6_cidr_block")) &&
                      row.v6_length.is != UNKNOWN;
    if (has_pool_v4(&row) && v4_decided) {
        struct allocation_request r = request_v4(c, &row);
        if (!check(c, &r, &paths_v4, &out))
            return out;
    }
    if (field_has(&row.v6_pool) && v6_decided) {
        struct allocation_request r = request_v6(c, &row);
        check(c, &r, &paths_v6, &out);
    }
    return out;
}

/* A size that the VPC already has, or a pool for the CIDR that it already has, is no reason to
 * renumber it. True when the VPC joins a pool with its CIDR. */
static bool plan_keep(struct call *c, struct change *ch, const T *prior, const T *row)
{
    const struct adopt_kept kept = {
        .what = "EC2 VPC",
        .pool_name = "ipv4_ipam_pool_id",
        .length_name = "ipv4_netmask_length",
        .had_cidr = &prior->cidr,
        .had_pool = &prior->pool,
        .pool = &row->pool,
        .length = &row->length,
    };
    return adopt_plan_keep(c, ch, &kept);
}

/* IPv6 changes in place: the CIDR is unknown again when what it was drawn by changed. */
static void plan_v6(struct call *c, struct change *ch, const T *prior, T *row)
{
    const struct adopt_kept kept = {.had_cidr = &prior->v6_cidr,
                                    .had_pool = &prior->v6_pool,
                                    .pool = &row->v6_pool,
                                    .length = &row->v6_length};
    const struct value *written = value_get(ch->config, "ipv6_cidr_block");
    bool same_generated = row->generated.is == KNOWN && is_generated(row) == is_generated(prior) &&
                          (!is_generated(row) || field_has(&prior->v6_cidr));
    if (same_generated && adopt_keeps_v6(&kept, written))
        return;
    if (value_is_null(written))
        row->v6_cidr = (struct field_string){UNKNOWN, ""};
    row->v6_association = (struct field_string){UNKNOWN, ""};
    if (value_is_null(value_get(ch->config, "ipv6_cidr_block_network_border_group")))
        row->border_group = (struct field_string){UNKNOWN, ""};
    plan_known(c, ch, row);
}

/* New tags are never refused, but the plan says when they break the pool's rule. */
static enum outcome plan_tags(struct call *c, const T *row)
{
    struct engine *e = estate_of(c)->engine;
    const struct allocation *a = held(c, row, &row->cidr);
    struct finding found[8];
    struct refusal why;
    if (!a || row->common.tags_all.is != KNOWN || !value_is_wholly_known(row->common.tags_all.v))
        return CALL_DONE;
    const char *id = arena_strdup(c->arena, a->id);
    struct tags tags = tags_of(c->arena, row->common.tags_all.v);
    if (engine_retag(e, id, &tags, a->description, &why) == ENGINE_NO_MEMORY) {
        report_no_memory(c, doing_update);
        return CALL_DONE;
    }
    size_t n = engine_audit_allocation(e, engine_allocation(e, id), found, 8);
    report_findings(c, arena_printf(c->arena, "VPC %s", row->common.id.v), found, n < 8 ? n : 8);
    return CALL_DONE;
}

static enum outcome plan_update(struct call *c, struct change *ch, const T *prior)
{
    T row = {0};
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    if (strcmp(row.tenancy.v, "default") == 0)
        replace_drop(ch, "instance_tenancy");
    bool joins = plan_keep(c, ch, prior, &row) && !held(c, &row, &row.cidr);
    plan_departure(c, ch, &vpc_resource);
    if (ch->replace.count > 0)
        return CALL_DONE;
    plan_v6(c, ch, prior, &row);
    if (joins) {
        struct allocation_request r = request_v4(c, &row);
        check(c, &r, &paths_v4, &out);
        return out;
    }
    if (!value_equal(&type_map_string, prior->common.tags_all.v, row.common.tags_all.v))
        return plan_tags(c, &row);
    return CALL_DONE;
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T prior = {0};
    schema_decode(&schema, ch->prior, &prior);
    if (ch->kind != CHANGE_UPDATE)
        plan_departure(c, ch, &vpc_resource);
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    bool adopted = plan_begin(c, ch, &schema, "cidr_block");
    return adopted || ch->kind == CHANGE_CREATE ? plan_create(c, ch) : plan_update(c, ch, &prior);
}

/* --- applying --- */

static void fill_ids(struct call *c, T *row)
{
    struct arena *a = c->arena;
    const char *id = row->common.id.v;
    field_set_string(&row->common.arn,
                     arn_make(a, "ec2", row->common.region.v, estate_of(c)->account_id, "vpc", id));
    field_set_string(&row->owner, estate_of(c)->account_id);
    field_set_string(&row->main_route_table, id_derive(a, "rtb-", ID_DIGITS, id, "main"));
    field_set_string(&row->default_route_table, row->main_route_table.v);
    field_set_string(&row->network_acl, id_derive(a, "acl-", ID_DIGITS, id, "default"));
    field_set_string(&row->security_group, id_derive(a, "sg-", ID_DIGITS, id, "default"));
    /* One set of DHCP options serves all VPCs of an account in a Region. */
    field_set_string(&row->dhcp_options, id_derive(a, "dopt-", ID_DIGITS, estate_of(c)->account_id,
                                                   row->common.region.v));
}

static void fill_cidr(struct call *c, struct field_string *f, const struct cidr *cidr)
{
    char text[CIDR_TEXT_SIZE];
    field_set_string(f, arena_strdup(c->arena, cidr_format(cidr, text)));
}

static void fill_v6(struct call *c, T *row, const struct cidr *cidr)
{
    if (!cidr) {
        field_set_string(&row->v6_cidr, "");
        field_set_string(&row->v6_association, "");
        field_set_string(&row->border_group, "");
        return;
    }
    fill_cidr(c, &row->v6_cidr, cidr);
    field_set_string(&row->v6_association, id_derive(c->arena, "vpc-cidr-assoc-", ID_DIGITS,
                                                     row->common.id.v, row->v6_cidr.v));
    if (row->border_group.is != KNOWN)
        field_set_string(&row->border_group, row->common.region.v);
}

/* Subnets can be made in the VPC's CIDRs from now on. False when memory is out. */
static bool open_inside(struct call *c, const T *row, const char *doing)
{
    const struct field_string *cidrs[] = {&row->cidr, &row->v6_cidr};
    struct cidr parsed;
    bool complete = true;
    for (size_t i = 0; i < 2; i++)
        complete = complete &&
                   (!field_cidr(cidrs[i], &parsed) ||
                    inside_load_cidr(estate_of(c)->insides, c->arena, row->common.id.v, &parsed));
    if (!complete)
        report_no_memory(c, doing);
    return complete;
}

/*
 * Takes what the row asks for, both families or none. Picks first (that may wait or be refused),
 * builds the answer, and takes last, when nothing can fail any more but memory.
 */
static bool take(struct call *c, T *row, bool v4, bool v6, const char *doing,
                 const struct value *planned, const struct value **state, enum outcome *out)
{
    struct engine *e = estate_of(c)->engine;
    struct allocation_request r4 = {0}, r6 = {0};
    struct cidr c4, c6;
    struct refusal why;
    if (v4) {
        if (!issue_begin(c, row->pool.v, doing, out))
            return false;
        r4 = request_v4(c, row);
        if (!engine_said_yes(c, engine_pick_allocation(e, &r4, &c4, &why), doing, &why, &paths_v4,
                             out))
            return false;
        fill_cidr(c, &row->cidr, &c4);
        explicit_at(&r4, &c4, allocation_id_of(c->arena, row->common.id.v, &c4));
    }
    if (v6) {
        r6 = request_v6(c, row);
        if (!issue_begin(c, r6.pool_id, doing, out))
            return false;
        if (!engine_said_yes(c, engine_pick_allocation(e, &r6, &c6, &why), doing, &why, &paths_v6,
                             out))
            return false;
        fill_v6(c, row, &c6);
        explicit_at(&r6, &c6, allocation_id_of(c->arena, row->common.id.v, &c6));
    }
    *state = schema_encode(c->arena, &schema, row, planned);
    *out = CALL_DONE;
    if (!open_inside(c, row, doing))
        return false;
    if (v4 && !issue_allocate(c, &r4, doing, &paths_v4, out))
        return false;
    if (v6 && !issue_allocate(c, &r6, doing, &paths_v6, out)) {
        if (v4)
            issue_undo(c, &r4);
        return false;
    }
    return true;
}

static bool release(struct call *c, const T *row, const struct field_string *cidr,
                    enum outcome *out)
{
    const struct allocation *a = held(c, row, cidr);
    *out = CALL_DONE;
    return !a || issue_release(c, a->id, doing_delete, out);
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    enum outcome out;
    const struct value *made;
    schema_decode(&schema, ch->planned, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", CALL_PATIENCE_MS);
    if (row.common.id.is != KNOWN)
        field_set_string(&row.common.id, id_new(c, "vpc-", ID_DIGITS));
    if (row.common.id.is != KNOWN)
        return CALL_DONE;
    fill_ids(c, &row);
    if (!wants_v6(&row))
        fill_v6(c, &row, NULL);
    if (!take(c, &row, has_pool_v4(&row), wants_v6(&row), doing_create, ch->planned, &made, &out))
        return out;
    issue_end(c);
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

/* May the CIDR leave the VPC: is no subnet in it? */
static bool may_leave(struct call *c, const T *row, const struct field_string *cidr,
                      const char *doing, enum outcome *out)
{
    struct cidr parsed;
    *out = CALL_DONE;
    return !field_cidr(cidr, &parsed) || inside_vacant(c, row->common.id.v, &parsed, doing, out);
}

static void close_inside(struct call *c, const T *row, const struct field_string *cidr)
{
    struct cidr parsed;
    if (field_cidr(cidr, &parsed))
        inside_drop_cidr(c, row->common.id.v, &parsed);
}

/*
 * A CIDR that exists is recorded, not asked for: one that a refresh found, or that an import found
 * a pool for, is in no state yet, and its pool may be another one than the import guessed.
 */
static bool keep_place(struct call *c, const T *prior, const T *row, struct change *ch)
{
    struct cidr cidr;
    bool found = import_is_found(ch->planned_private);
    if (found)
        ch->private = import_joined(c->arena, ch->planned_private);
    /* A pool with auto_import may have taken a VPC that had none. */
    bool recorded = has_pool_v4(row) && (found || held(c, prior, &prior->cidr));
    if ((!has_pool_v4(prior) && !recorded) || !field_cidr(&prior->cidr, &cidr))
        return true;
    if (has_pool_v4(row) && strcmp(row->pool.v, prior->pool.v) != 0)
        return adopt_may_join(c, "ipv4_ipam_pool_id", "EC2 VPC", row->pool.v, &cidr) &&
               estate_learn(c, &vpc_resource, ch->planned);
    if (!has_pool_v4(row))
        engine_unload_allocation(estate_of(c)->engine,
                                 allocation_id_of(c->arena, row->common.id.v, &cidr));
    else if (!held(c, prior, &prior->cidr))
        return estate_learn(c, &vpc_resource, ch->prior);
    return true;
}

static enum outcome update(struct call *c, struct change *ch, const struct value **state)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0}, prior = {0};
    enum outcome out;
    struct refusal why;
    const struct value *made;
    if (import_is_adopted(ch->planned_private)) {
        ch->private = import_settled();
        return create(c, ch, state);
    }
    schema_decode(&schema, ch->planned, &row);
    schema_decode(&schema, ch->prior, &prior);
    c->patience_ms = timeout_ms(ch->planned, "update", CALL_PATIENCE_MS);
    if (!keep_place(c, &prior, &row, ch))
        return CALL_DONE;
    bool new_v6 = row.v6_association.is == UNKNOWN;
    bool joins = has_pool_v4(&row) && !held(c, &row, &row.cidr);
    if (new_v6 && !wants_v6(&row))
        fill_v6(c, &row, NULL);
    if (new_v6 && !may_leave(c, &prior, &prior.v6_cidr, doing_update, &out))
        return out;
    /* It is released after something was taken, when waiting is over. */
    const struct allocation *leaves = new_v6 ? held(c, &prior, &prior.v6_cidr) : NULL;
    if (leaves && !issue_begin_release(c, leaves->id, doing_update, &out))
        return out;
    if (!take(c, &row, joins, new_v6 && wants_v6(&row), doing_update, ch->planned, &made, &out))
        return out;
    if (new_v6 && strcmp(prior.v6_cidr.v, row.v6_cidr.v) != 0) {
        if (!release(c, &prior, &prior.v6_cidr, &out))
            return out;
        close_inside(c, &prior, &prior.v6_cidr);
    }
    issue_end(c);
    const struct allocation *a = held(c, &row, &row.cidr);
    struct tags tags = tags_of(c->arena, row.common.tags_all.v);
    if (a && !engine_said_yes(c, engine_retag(e, a->id, &tags, a->description, &why), doing_update,
                              &why, &paths_v4, &out))
        return out;
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out;
    schema_decode(&schema, ch->prior, &row);
    if (!may_leave(c, &row, &row.cidr, doing_delete, &out) ||
        !may_leave(c, &row, &row.v6_cidr, doing_delete, &out))
        return out;
    if (!release(c, &row, &row.cidr, &out) || !release(c, &row, &row.v6_cidr, &out) ||
        !drift_release(c, row.common.id.v, doing_delete, &out))
        return out;
    close_inside(c, &row, &row.cidr);
    close_inside(c, &row, &row.v6_cidr);
    call_progress(c);
    return CALL_DONE;
}

/* False when it is gone. */
static bool look(struct call *c, T *row, const struct value **state, struct bytes *private)
{
    const struct drift_row fields = {.what = "VPC",
                                     .kind = SIGHTED_NETWORK,
                                     .common = &row->common,
                                     .owner = &row->owner,
                                     .cidrs = {&row->cidr, &row->v6_cidr},
                                     .pools = {&row->pool, &row->v6_pool}};
    const struct drift_subject s = drift_subject_of(c->arena, &fields);
    struct cidr now[2];
    enum drift drift = drift_look(c, &s, private, now);
    if (drift == DRIFT_GONE) {
        departure_mark(estate_of(c),
                       depart_vpc(&(struct facts){.arena = c->arena, .value = *state}));
        *state = &value_null;
    } else if (drift == DRIFT_MOVED) {
        if (cidr_is_set(&now[0]))
            fill_cidr(c, &row->cidr, &now[0]);
        if (cidr_is_set(&now[1]))
            fill_v6(c, row, &now[1]);
        *state = schema_encode(c->arena, &schema, row, *state);
    }
    return drift != DRIFT_GONE;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0};
    schema_decode(&schema, *state, &row);
    if (import_is_adopted(*private) || row.cidr.is != KNOWN || !look(c, &row, state, private))
        return CALL_DONE;
    bool unheld = (has_pool_v4(&row) && !held(c, &row, &row.cidr)) ||
                  (wants_v6(&row) && field_has(&row.v6_cidr) && !held(c, &row, &row.v6_cidr));
    if (unheld && !estate_learn(c, &vpc_resource, *state))
        return CALL_DONE;
    const struct field_string *cidrs[] = {&row.cidr, &row.v6_cidr};
    for (size_t i = 0; i < 2; i++) {
        struct finding found[8];
        const struct allocation *a = held(c, &row, cidrs[i]);
        size_t n = a ? engine_audit_allocation(e, a, found, 8) : 0;
        report_findings(c, arena_printf(c->arena, "VPC %s", row.common.id.v), found, n < 8 ? n : 8);
    }
    return CALL_DONE;
}

static const char *pool_for(struct call *c, const T *row, const struct cidr *cidr,
                            const char *scope_id)
{
    const struct pool *p = adopt_pool(estate_of(c)->engine, cidr, row->common.region.v, scope_id);
    char text[CIDR_TEXT_SIZE];
    if (p)
        return pool_info(p)->id;
    diag_warning(c->diags, NULL,
                 arena_printf(c->arena, "VPC %s belongs to no IPAM pool", row->common.id.v),
                 "%s is in the CIDRs of no pool with the locale %s, so the VPC is imported without "
                 "one. Provision a CIDR that contains it to such a pool and name the pool in the "
                 "configuration: the VPC joins it with the CIDR that it has.",
                 cidr_format(cidr, text), row->common.region.v);
    return NULL;
}

/* IPv6 that no pool gave cannot be written in a configuration, so it stays out. */
static const struct value *from_sighting(struct call *c, const struct sighting *s)
{
    const struct value *base = adopt_base(c, &vpc_resource, s);
    const struct cidr *v4 = sighting_cidr(s, FAMILY_V4), *v6 = sighting_cidr(s, FAMILY_V6);
    T row = {0};
    schema_decode(&schema, base, &row);
    if (!v4) {
        diag_error(c->diags, NULL, "importing EC2 VPC: no IPv4 CIDR",
                   "%s has no IPv4 CIDR, and a VPC needs one. Correct what was seen, or keep its "
                   "space with ipam_pool_cidr_allocation.",
                   sighting_text(c->arena, s));
        return NULL;
    }
    const char *owner = row.owner.v;
    fill_ids(c, &row);
    field_set_string(&row.owner, owner);
    field_set_string(&row.common.arn,
                     arn_make(c->arena, "ec2", row.common.region.v, owner, "vpc", row.common.id.v));
    fill_cidr(c, &row.cidr, v4);
    field_set_string(&row.pool, pool_for(c, &row, v4, s->scope_id));
    const struct pool *p6 =
        v6 ? adopt_pool(estate_of(c)->engine, v6, row.common.region.v, s->scope_id) : NULL;
    field_set_string(&row.v6_pool, p6 ? pool_info(p6)->id : "");
    fill_v6(c, &row, p6 ? v6 : NULL);
    return schema_encode(c->arena, &schema, &row, base);
}

static enum outcome import(struct call *c, const char *id, const struct value **state,
                           struct bytes *private)
{
    enum outcome out = import_network(c, &vpc_resource, id, "vpc-", SIGHTED_NETWORK, from_sighting,
                                      state, private);
    if (*state && !c->diags->errors)
        adopt_missing_pool(c, "ipv4_ipam_pool_id", "cidr_block", state, private);
    return out;
}

/* --- loading --- */

static enum load_result load_one(struct engine *e, const struct facts *f, const char *pool,
                                 const struct cidr *cidr, enum allocation_type type)
{
    const char *id = fact_string(f, "id");
    const struct allocation_request r = {
        .id = allocation_id_of(f->arena, id, cidr),
        .pool_id = pool,
        .type = type,
        .cidr = *cidr,
        .length = -1,
        .resource_id = id,
        .owner = fact_string(f, "owner_id"),
        .region = type == ALLOCATION_VPC ? fact_string(f, "region") : "",
        .tags = fact_tags(f, "tags_all"),
    };
    return load_result_of(engine_load_allocation(e, &r));
}

const char *depart_vpc(const struct facts *f)
{
    static const char *const names[] = {"cidr_block", "ipv6_cidr_block"};
    const char *lines = "", *id = fact_string(f, "id");
    struct cidr c;
    for (size_t i = 0; id && i < 2; i++)
        if (fact_cidr(f, names[i], &c) && cidr_is_set(&c))
            lines = arena_printf(f->arena, "%sa %s\n%s", lines, allocation_id_of(f->arena, id, &c),
                                 inside_departure(f->arena, id, &c));
    return lines;
}

enum load_result load_vpc(struct engine *e, const struct facts *f, const char **problem)
{
    struct cidr v4, v6;
    enum load_result r = LOAD_OK;
    const char *pool = fact_string(f, "ipv4_ipam_pool_id");
    const char *pool6 = fact_string(f, "ipv6_ipam_pool_id");
    if (!fact_string(f, "id") || !fact_cidr(f, "cidr_block", &v4) ||
        !fact_cidr(f, "ipv6_cidr_block", &v6)) {
        *problem = "id is missing, or cidr_block or ipv6_cidr_block is no CIDR";
        return LOAD_MALFORMED;
    }
    if (pool && cidr_is_set(&v4))
        r = load_one(e, f, pool, &v4, ALLOCATION_VPC);
    if (r == LOAD_OK && cidr_is_set(&v6) && pool6)
        r = load_one(e, f, pool6, &v6, ALLOCATION_VPC);
    else if (r == LOAD_OK && cidr_is_set(&v6) && fact_bool(f, "assign_generated_ipv6_cidr_block"))
        r = load_one(e, f, AMAZON_IPV6_POOL, &v6, ALLOCATION_CUSTOM);
    if (r == LOAD_OK && (!inside_load_cidr(f->insides, f->arena, fact_string(f, "id"), &v4) ||
                         !inside_load_cidr(f->insides, f->arena, fact_string(f, "id"), &v6)))
        r = LOAD_NO_MEMORY;
    return r;
}

const struct resource vpc_resource = {
    .names = (const char *const[]){"ipam_vpc", "aws_vpc", "vpc", NULL},
    .schema = &schema,
    .summary = "A VPC that draws its CIDRs from pools.",
    .validate = validate,
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
