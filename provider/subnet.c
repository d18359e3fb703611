/*
 * subnet - a subnet as IPAM sees it: a part of its VPC's space
 *
 * No network is made. A subnet's CIDR stands in two places: inside its VPC, where subnets must not
 * overlap (inside.c), and, when it is drawn, in a resource planning pool of that VPC or in a pool
 * below one. A draw keeps off the subnets that were written without a pool. Both places, for both
 * families, are asked first and taken last, all or none.
 *
 * The records behind a CIDR are told by subnet and CIDR (allocation_id_of). A subnet has one IPv4
 * CIDR for life and may change its IPv6 CIDR in place.
 */
#include "provider/drift.h"
#include "provider/forecast.h"

#include <string.h>

struct subnet_row {
    struct common common;
    struct field_string vpc_id, cidr, pool, v6_cidr, v6_pool, v6_association;
    struct field_int length, v6_length;
    struct field_string zone, zone_id, name_type, owner;
    struct field_bool v6_native;
};
#define T struct subnet_row

static const char *check_subnet_v6(struct arena *a, const char *text)
{
    struct cidr c;
    const char *problem = check_cidr_v6(a, text);
    if (!problem && cidr_parse(text, strlen(text), &c) == CIDR_OK &&
        (c.len < 44 || c.len > 64 || c.len % 4 != 0))
        return arena_printf(a,
                            "\"%.60s\" is a /%d; an IPv6 CIDR of a subnet is /44 to /64 in steps "
                            "of 4",
                            text, c.len);
    return problem;
}

#define RECORDED(n, text)                                                                          \
    {                                                                                              \
        .name = n, .type = &type_bool, .flags = ATTR_OPTIONAL | ATTR_COMPUTED,                     \
        .fallback = DEFAULT_BOOL(false), .description = text " Recorded."                          \
    }

static const struct attribute attributes[] = {
    COMMON_ID(T),
    COMMON_ARN(T),
    {.name = "vpc_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the VPC that the subnet is in.",
     FIELD(T, vpc_id)},
    {.name = "ipv4_ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     .description = "Id of the pool that the IPv4 CIDR is drawn from: a resource planning pool of "
                    "the VPC, or a pool below one.",
     FIELD(T, pool)},
    {.name = "ipv4_netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(RANGE(16, 28), CONFLICTS("cidr_block"), REQUIRES("ipv4_ipam_pool_id")),
     .description = "Prefix length in bits of the IPv4 CIDR to draw: the lowest free block. "
                    "Default: the pool's `allocation_default_netmask_length`.",
     FIELD(T, length)},
    {.name = "cidr_block",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_vpc_cidr, "an IPv4 CIDR from /16 to /28")),
     .description = "The IPv4 CIDR: inside one of the VPC's, free of its other subnets. With a "
                    "pool it must be free there too, or exactly a reservation that is meant for "
                    "this subnet (see `ipam_pool_cidr_allocation`).",
     FIELD(T, cidr)},
    {.name = "ipv6_ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING(""),
     .description = "Id of the pool that the IPv6 CIDR is drawn from: a resource planning pool of "
                    "the VPC, or a pool below one.",
     FIELD(T, v6_pool)},
    {.name = "ipv6_netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_INT(0),
     CHECKS(MULTIPLE(44, 64, 4), CONFLICTS("ipv6_cidr_block"), REQUIRES("ipv6_ipam_pool_id")),
     .description = "Prefix length in bits of the IPv6 CIDR to draw: 44 to 64 in steps of 4.",
     FIELD(T, v6_length)},
    {.name = "ipv6_cidr_block",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     CHECKS(CHECKED_BY(check_subnet_v6, "an IPv6 CIDR from /44 to /64 in steps of 4")),
     .description = "The IPv6 CIDR: inside one of the VPC's, free of its other subnets.",
     FIELD(T, v6_cidr)},
    {.name = "ipv6_native",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .fallback = DEFAULT_BOOL(false),
     .description = "Whether the subnet has an IPv6 CIDR only.",
     FIELD(T, v6_native)},
    {.name = "availability_zone",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CONFLICTS("availability_zone_id")),
     .description = "Name of the zone. Default: the Region's first one.",
     FIELD(T, zone)},
    {.name = "availability_zone_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .description = "Id of the zone, `euw1-az1` for `eu-west-1a`.",
     FIELD(T, zone_id)},
    RECORDED("assign_ipv6_address_on_creation", "Whether interfaces get an IPv6 address."),
    RECORDED("enable_dns64", "Whether DNS64 is on."),
    RECORDED("enable_resource_name_dns_a_record_on_launch",
             "Whether instance names resolve to IPv4 addresses."),
    RECORDED("enable_resource_name_dns_aaaa_record_on_launch",
             "Whether instance names resolve to IPv6 addresses."),
    RECORDED("map_public_ip_on_launch", "Whether instances get a public IPv4 address."),
    RECORDED("map_customer_owned_ip_on_launch",
             "Whether interfaces get a customer-owned IPv4 address."),
    {.name = "private_dns_hostname_type_on_launch",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     CHECKS(ONE_OF("ip-name", "resource-name")),
     .description = "What host names are made of. Default: `ip-name`, in an IPv6-only subnet "
                    "`resource-name`. Recorded.",
     FIELD(T, name_type)},
    {.name = "customer_owned_ipv4_pool",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING(""),
     .description = "Id of a customer-owned pool. Recorded."},
    {.name = "enable_lni_at_device_index",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_INT(0),
     .description = "Device position of local network interfaces, counted from 1; 0: none. "
                    "Recorded."},
    {.name = "outpost_arn",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .fallback = DEFAULT_STRING(""),
     .description = "ARN of an Outpost. Recorded."},
    {.name = "owner_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Account that owns the subnet.",
     FIELD(T, owner)},
    {.name = "ipv6_cidr_block_association_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Id of the IPv6 CIDR's association.",
     FIELD(T, v6_association)},
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .version = STATE_VERSION(1),
    .block = {.description = "A subnet: its CIDR is written, or drawn from a resource planning "
                             "pool of its VPC. No network is made.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating EC2 Subnet";
static const char doing_update[] = "updating EC2 Subnet";
static const char doing_delete[] = "deleting EC2 Subnet";
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

/* One address family of a subnet. */
struct leg {
    enum family family;
    const struct field_string *pool;
    const struct field_int *length;
    struct field_string *cidr;
    const struct refusal_paths *paths;
};

static struct leg leg_v4(T *row)
{
    return (struct leg){FAMILY_V4, &row->pool, &row->length, &row->cidr, &paths_v4};
}

static struct leg leg_v6(T *row)
{
    return (struct leg){FAMILY_V6, &row->v6_pool, &row->v6_length, &row->v6_cidr, &paths_v6};
}

/* --- requests --- */

static struct allocation_request pool_request(struct call *c, const T *row, const struct leg *leg)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, leg->pool->v);
    struct allocation_request r = {
        .id = "",
        .pool_id = leg->pool->v,
        .type = ALLOCATION_SUBNET,
        .length = -1,
        .resource_id = row->common.id.v,
        .owner = estate_of(c)->account_id,
        .region = row->common.region.v,
        .tags = tags_for_check(c->arena, &row->common.tags_all, p),
    };
    if (field_cidr(leg->cidr, &r.cidr))
        return r;
    if (leg->length->is == KNOWN && leg->length->v > 0)
        r.length = (int)leg->length->v;
    r.disallowed = inside_subnets(c, row->vpc_id.v, leg->family, &r.disallowed_count);
    return r;
}

/* Is it a pool for subnets of this VPC? */
static bool may_draw(struct call *c, const T *row, const struct leg *leg, const char *doing)
{
    const struct engine *e = estate_of(c)->engine;
    const struct pool *p = engine_pool(e, leg->pool->v);
    const char *vpc = p ? planning_vpc(e, p) : NULL;
    if (!p || !pool_is_known(p) || (vpc && strcmp(vpc, row->vpc_id.v) == 0))
        return true;
    diag_error(c->diags, PATH_ATTR(NULL, leg->paths->pool),
               arena_printf(c->arena, "%s: InvalidParameterValue", doing),
               "The pool %s %s%s, and the subnet is in %s. Subnets draw from a resource planning "
               "pool of their own VPC, or from a pool below it. Use a pool whose source_resource "
               "is that VPC.",
               leg->pool->v, vpc ? "plans the inside of " : "plans no VPC", vpc ? vpc : "",
               row->vpc_id.v);
    return false;
}

static const char *record_id(struct call *c, const T *row, const struct cidr *cidr)
{
    return allocation_id_of(c->arena, row->common.id.v, cidr);
}

/* The record of the subnet's CIDR in that engine, or NULL. */
static const struct allocation *held(struct call *c, const struct engine *e, const T *row,
                                     const struct field_string *cidr)
{
    struct cidr parsed;
    return field_cidr(cidr, &parsed) ? engine_allocation(e, record_id(c, row, &parsed)) : NULL;
}

/* --- planning --- */

static enum outcome validate(struct call *c, const struct value *config)
{
    const struct value *native = value_get(config, "ipv6_native");
    bool v4 = !value_is_null(value_get(config, "cidr_block")) ||
              !value_is_null(value_get(config, "ipv4_ipam_pool_id"));
    bool v6 = !value_is_null(value_get(config, "ipv6_cidr_block")) ||
              !value_is_null(value_get(config, "ipv6_ipam_pool_id"));
    if (value_is_unknown(native))
        return CALL_DONE;
    if (value_truth(native, false) && (v4 || !v6))
        diag_error(c->diags, PATH_ATTR(NULL, "ipv6_native"),
                   "creating EC2 Subnet: InvalidParameterCombination",
                   "An IPv6-only subnet has an IPv6 CIDR and no IPv4 CIDR. Set ipv6_cidr_block or "
                   "ipv6_ipam_pool_id, and neither cidr_block nor ipv4_ipam_pool_id.");
    else if (!value_truth(native, false) && !v4)
        diag_error(c->diags, PATH_ATTR(NULL, "cidr_block"), "creating EC2 Subnet: MissingParameter",
                   "Either cidr_block or ipv4_ipam_pool_id must be set. A subnet needs an IPv4 "
                   "CIDR unless it is ipv6_native. Set ipv4_ipam_pool_id, best with "
                   "ipv4_netmask_length, or write a cidr_block.");
    return CALL_DONE;
}

/* Name and id of the zone follow from each other. */
static void settle_zone(struct call *c, T *row)
{
    const char *region = row->common.region.v;
    const char *given = row->zone.is == KNOWN      ? row->zone.v
                        : row->zone_id.is == KNOWN ? row->zone_id.v
                                                   : NULL;
    unsigned n = 0;
    if (!given || zone_find(c->arena, region, given, &n)) {
        field_set_string(&row->zone, zone_name(c->arena, region, n));
        field_set_string(&row->zone_id, zone_id(c->arena, region, n));
        return;
    }
    /* Local and wavelength zones: us-west-2-lax-1a. */
    bool local = strncmp(given, region, strlen(region)) == 0 && given[strlen(region)] == '-';
    if (local) {
        field_set_string(&row->zone, given);
        field_set_string(&row->zone_id, given);
        return;
    }
    diag_error(
        c->diags,
        PATH_ATTR(NULL, row->zone.is == KNOWN ? "availability_zone" : "availability_zone_id"),
        "creating EC2 Subnet: InvalidParameterValue",
        "\"%.60s\" is not a zone of the Region %s. A subnet is in a zone of its Region. Use "
        "%s to %s.",
        given, region, zone_name(c->arena, region, 0), zone_name(c->arena, region, 25));
}

static void settle_v6_absent(T *row)
{
    field_set_string(&row->v6_cidr, "");
    field_set_string(&row->v6_association, "");
}

/* What follows from the configuration alone is shown in the plan. */
static void plan_known(struct call *c, struct change *ch, T *row)
{
    bool zone_open = value_is_unknown(value_get(ch->config, "availability_zone")) ||
                     value_is_unknown(value_get(ch->config, "availability_zone_id"));
    if (row->owner.is != KNOWN)
        field_set_string(&row->owner, estate_of(c)->account_id);
    if (ch->kind == CHANGE_CREATE && row->common.region.is == KNOWN && !zone_open)
        settle_zone(c, row);
    if (row->name_type.is == UNKNOWN && row->v6_native.is == KNOWN &&
        value_is_null(value_get(ch->config, "private_dns_hostname_type_on_launch")))
        field_set_string(&row->name_type, row->v6_native.v ? "resource-name" : "ip-name");
    if (row->v6_pool.is == KNOWN && !field_has(&row->v6_pool) &&
        value_is_null(value_get(ch->config, "ipv6_cidr_block")) && row->v6_cidr.is == UNKNOWN)
        settle_v6_absent(row);
    ch->planned = schema_encode(c->arena, &schema, row, ch->planned);
}

/* Could this family get what it asks for? Remembers an explicit CIDR so that others keep off it. */
static bool check_leg(struct call *c, const struct change *ch, const T *row, const struct leg *leg,
                      const char *doing, enum outcome *out)
{
    struct engine *e = estate_of(c)->engine, *insides = estate_of(c)->insides;
    struct refusal why;
    struct cidr cidr;
    *out = CALL_DONE;
    if (row->vpc_id.is != KNOWN || leg->pool->is == UNKNOWN || leg->length->is == UNKNOWN ||
        value_is_unknown(value_get(ch->config, leg->paths->cidr)))
        return true;
    bool drawn = field_has(leg->pool), named = field_cidr(leg->cidr, &cidr);
    if (drawn && !may_draw(c, row, leg, doing))
        return false;
    if (drawn) {
        struct allocation_request r = pool_request(c, row, leg);
        if (!engine_said_yes(c, engine_check_allocate(e, &r, false, &why), doing, &why, leg->paths,
                             out))
            return false;
    }
    if (!named)
        return true;
    struct allocation_request r = inside_request(c->arena, row->vpc_id.v, "", &cidr);
    if (!held(c, insides, row, leg->cidr) &&
        !inside_said_yes(c, engine_check_allocate(insides, &r, false, &why), doing, &why,
                         leg->paths->cidr, out))
        return false;
    if (engine_plan_intent(insides, r.pool_id, &cidr) != ENGINE_OK ||
        (drawn && engine_plan_intent(e, leg->pool->v, &cidr) != ENGINE_OK))
        report_no_memory(c, doing);
    return true;
}

static bool wants_v6(const T *row)
{
    return field_has(&row->v6_pool) || row->v6_cidr.is == UNKNOWN || field_has(&row->v6_cidr);
}

static enum outcome plan_create(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    plan_known(c, ch, &row);
    forecast_wish(c, ch, "ipv4_ipam_pool_id", "cidr_block");
    forecast_wish(c, ch, "ipv6_ipam_pool_id", "ipv6_cidr_block");
    struct leg v4 = leg_v4(&row), v6 = leg_v6(&row);
    bool native = row.v6_native.is == KNOWN && row.v6_native.v;
    if (native && row.cidr.is == UNKNOWN) {
        field_set_string(&row.cidr, NULL);
        ch->planned = schema_encode(c->arena, &schema, &row, ch->planned);
    }
    if (!native && !check_leg(c, ch, &row, &v4, doing_create, &out))
        return out;
    if (wants_v6(&row))
        check_leg(c, ch, &row, &v6, doing_create, &out);
    return out;
}

/* A size that the subnet has already, or a pool for the CIDR that it has, renumbers nothing. True
 * when the subnet joins a pool with its CIDR. */
static bool plan_keep(struct call *c, struct change *ch, const T *prior, const T *row)
{
    const struct adopt_kept kept = {
        .what = "EC2 Subnet",
        .pool_name = "ipv4_ipam_pool_id",
        .length_name = "ipv4_netmask_length",
        .had_cidr = &prior->cidr,
        .had_pool = &prior->pool,
        .pool = &row->pool,
        .length = &row->length,
    };
    return adopt_plan_keep(c, ch, &kept);
}

/* IPv6 changes in place: the CIDR is unknown again when what it was drawn by changed. True when it
 * did. */
static bool plan_v6(struct call *c, struct change *ch, const T *prior, T *row)
{
    const struct adopt_kept kept = {.had_cidr = &prior->v6_cidr,
                                    .had_pool = &prior->v6_pool,
                                    .pool = &row->v6_pool,
                                    .length = &row->v6_length};
    const struct value *written = value_get(ch->config, "ipv6_cidr_block");
    if (adopt_keeps_v6(&kept, written))
        return false;
    if (value_is_null(written))
        row->v6_cidr = (struct field_string){UNKNOWN, ""};
    row->v6_association = (struct field_string){UNKNOWN, ""};
    plan_known(c, ch, row);
    return true;
}

static enum outcome plan_update(struct call *c, struct change *ch, const T *prior)
{
    T row = {0};
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    bool joins = plan_keep(c, ch, prior, &row);
    plan_departure(c, ch, &subnet_resource);
    if (ch->replace.count > 0)
        return CALL_DONE;
    struct leg v4 = leg_v4(&row), v6 = leg_v6(&row);
    if (joins && !check_leg(c, ch, &row, &v4, doing_update, &out))
        return out;
    if (plan_v6(c, ch, prior, &row) && wants_v6(&row))
        check_leg(c, ch, &row, &v6, doing_update, &out);
    return out;
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T prior = {0};
    schema_decode(&schema, ch->prior, &prior);
    if (ch->kind != CHANGE_UPDATE)
        plan_departure(c, ch, &subnet_resource);
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    bool native = value_truth(value_get(ch->config, "ipv6_native"), false);
    bool adopted = plan_begin(c, ch, &schema, native ? "ipv6_cidr_block" : "cidr_block");
    return adopted || ch->kind == CHANGE_CREATE ? plan_create(c, ch) : plan_update(c, ch, &prior);
}

/* --- applying --- */

/* Where one family's CIDR is to be entered: at most two places. */
struct place {
    struct engine *engine;
    struct allocation_request request;
};
struct places {
    struct place items[4];
    size_t count;
};

static void add_place(struct places *p, struct engine *e, const struct allocation_request *r)
{
    p->items[p->count].engine = e;
    p->items[p->count++].request = *r;
}

/* Chooses the CIDR of one family and asks in both places. */
static bool pick(struct call *c, const T *row, const struct leg *leg, const char *doing,
                 struct places *places, enum outcome *out)
{
    struct engine *e = estate_of(c)->engine, *insides = estate_of(c)->insides;
    struct refusal why;
    struct cidr cidr = {0}, same;
    char text[CIDR_TEXT_SIZE];
    *out = CALL_DONE;
    bool drawn = field_has(leg->pool) && !held(c, e, row, leg->cidr);
    if (drawn) {
        struct allocation_request r = pool_request(c, row, leg);
        if (!may_draw(c, row, leg, doing) || !issue_begin(c, leg->pool->v, doing, out) ||
            !engine_said_yes(c, engine_pick_allocation(e, &r, &cidr, &why), doing, &why, leg->paths,
                             out))
            return false;
        r.cidr = cidr;
        r.length = -1;
        r.disallowed_count = 0;
        r.id = record_id(c, row, &cidr);
        add_place(places, e, &r);
    } else if (!field_cidr(leg->cidr, &cidr)) {
        return true;
    }
    if (!held(c, insides, row, leg->cidr)) {
        struct allocation_request r =
            inside_request(c->arena, row->vpc_id.v, row->common.id.v, &cidr);
        if (!inside_said_yes(c, engine_pick_allocation(insides, &r, &same, &why), doing, &why,
                             leg->paths->cidr, out))
            return false;
        add_place(places, insides, &r);
    }
    field_set_string(leg->cidr, arena_strdup(c->arena, cidr_format(&cidr, text)));
    return true;
}

static void fill(struct call *c, T *row)
{
    const char *id = row->common.id.v, *account = estate_of(c)->account_id;
    field_set_string(&row->common.arn,
                     arn_make(c->arena, "ec2", row->common.region.v, account, "subnet", id));
    field_set_string(&row->owner, account);
    if (!field_has(&row->v6_cidr))
        settle_v6_absent(row);
    else
        field_set_string(&row->v6_association,
                         id_derive(c->arena, "subnet-cidr-assoc-", ID_DIGITS, id, row->v6_cidr.v));
}

static void leave(struct call *c, const struct place *p)
{
    struct refusal why;
    if (p->engine == estate_of(c)->engine)
        issue_undo(c, &p->request);
    else
        engine_release(p->engine, p->request.id, &why);
}

/* What was picked happened to be asked for just now, so only memory can be missing. */
static bool enter(struct call *c, const struct places *places, const char *doing, enum outcome *out)
{
    struct refusal why;
    const struct allocation *taken;
    for (size_t i = 0; i < places->count; i++) {
        struct engine *e = places->items[i].engine;
        const struct allocation_request *r = &places->items[i].request;
        if (e == estate_of(c)->engine ? issue_allocate(c, r, doing, &paths_v4, out)
                                      : engine_said_yes(c, engine_allocate(e, r, &taken, &why),
                                                        doing, &why, &paths_v4, out))
            continue;
        while (i-- > 0)
            leave(c, &places->items[i]);
        return false;
    }
    return true;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    enum outcome out;
    struct places places = {.count = 0};
    schema_decode(&schema, ch->planned, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", CALL_PATIENCE_MS);
    if (row.common.id.is != KNOWN)
        field_set_string(&row.common.id, id_new(c, "subnet-", ID_DIGITS));
    if (row.common.id.is != KNOWN)
        return CALL_DONE;
    struct leg v4 = leg_v4(&row), v6 = leg_v6(&row);
    if (!pick(c, &row, &v4, doing_create, &places, &out) ||
        !pick(c, &row, &v6, doing_create, &places, &out))
        return out;
    settle_zone(c, &row);
    if (row.name_type.is != KNOWN)
        field_set_string(&row.name_type, row.v6_native.v ? "resource-name" : "ip-name");
    fill(c, &row);
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    if (c->diags->errors || !enter(c, &places, doing_create, &out))
        return CALL_DONE;
    issue_end(c);
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

/* Everything that a release could wait for. An update releases after it has taken, when it cannot
 * wait any more. */
static bool may_release(struct call *c, const T *row, const struct field_string *cidr,
                        const char *doing, enum outcome *out)
{
    const struct allocation *a = held(c, estate_of(c)->engine, row, cidr);
    *out = CALL_DONE;
    return !a || issue_begin_release(c, a->id, doing, out);
}

static bool release(struct call *c, const T *row, const struct field_string *cidr,
                    enum outcome *out)
{
    struct engine *insides = estate_of(c)->insides;
    struct refusal why;
    const struct allocation *a = held(c, estate_of(c)->engine, row, cidr);
    *out = CALL_DONE;
    if (a && !issue_release(c, a->id, doing_delete, out))
        return false;
    a = held(c, insides, row, cidr);
    return !a ||
           engine_said_yes(c, engine_release(insides, a->id, &why), doing_delete, &why, NULL, out);
}

/* A CIDR that exists is recorded, not asked for: one that a refresh found, or that an import found
 * a pool for, is in no state yet, and its pool may be another one than the import guessed. */
static bool keep_place(struct call *c, const T *prior, const T *row, struct change *ch)
{
    struct cidr cidr;
    bool found = import_is_found(ch->planned_private);
    if (found)
        ch->private = import_joined(c->arena, ch->planned_private);
    if ((!field_has(&prior->pool) && !(found && field_has(&row->pool))) ||
        !field_cidr(&prior->cidr, &cidr))
        return true;
    if (field_has(&row->pool) && strcmp(row->pool.v, prior->pool.v) != 0)
        return adopt_may_join(c, "ipv4_ipam_pool_id", "EC2 Subnet", row->pool.v, &cidr) &&
               estate_learn(c, &subnet_resource, ch->planned);
    if (!field_has(&row->pool))
        engine_unload_allocation(estate_of(c)->engine, record_id(c, row, &cidr));
    else if (!held(c, estate_of(c)->engine, prior, &prior->cidr))
        return estate_learn(c, &subnet_resource, ch->prior);
    return true;
}

static enum outcome update(struct call *c, struct change *ch, const struct value **state)
{
    struct engine *e = estate_of(c)->engine;
    T row = {0}, prior = {0};
    enum outcome out;
    struct refusal why;
    struct places places = {.count = 0};
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
    struct leg v4 = leg_v4(&row), v6 = leg_v6(&row);
    if ((new_v6 && !may_release(c, &prior, &prior.v6_cidr, doing_update, &out)) ||
        !pick(c, &row, &v4, doing_update, &places, &out) ||
        (new_v6 && !pick(c, &row, &v6, doing_update, &places, &out)))
        return out;
    fill(c, &row);
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    if (!enter(c, &places, doing_update, &out))
        return out;
    if (new_v6 && strcmp(prior.v6_cidr.v, row.v6_cidr.v) != 0)
        if (!release(c, &prior, &prior.v6_cidr, &out))
            return out;
    issue_end(c);
    const struct field_string *cidrs[] = {&row.cidr, &row.v6_cidr};
    struct tags tags = tags_of(c->arena, row.common.tags_all.v);
    for (size_t i = 0; i < 2; i++) {
        const struct allocation *a = held(c, e, &row, cidrs[i]);
        if (a && !engine_said_yes(c, engine_retag(e, a->id, &tags, a->description, &why),
                                  doing_update, &why, &paths_v4, &out))
            return out;
    }
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out;
    schema_decode(&schema, ch->prior, &row);
    if (!release(c, &row, &row.cidr, &out) || !release(c, &row, &row.v6_cidr, &out) ||
        !drift_release(c, row.common.id.v, doing_delete, &out))
        return out;
    call_progress(c);
    return CALL_DONE;
}

static void fill_cidr(struct call *c, struct field_string *f, const struct cidr *cidr)
{
    char text[CIDR_TEXT_SIZE];
    if (cidr_is_set(cidr))
        field_set_string(f, arena_strdup(c->arena, cidr_format(cidr, text)));
}

/* False when it is gone. */
static bool look(struct call *c, T *row, const struct value **state, struct bytes *private)
{
    const struct drift_row fields = {.what = "Subnet",
                                     .kind = SIGHTED_SUBNET,
                                     .common = &row->common,
                                     .owner = &row->owner,
                                     .cidrs = {&row->cidr, &row->v6_cidr},
                                     .pools = {&row->pool, &row->v6_pool}};
    const struct drift_subject s = drift_subject_of(c->arena, &fields);
    struct cidr now[2];
    enum drift drift = drift_look(c, &s, private, now);
    if (drift == DRIFT_GONE) {
        departure_mark(estate_of(c),
                       depart_subnet(&(struct facts){.arena = c->arena, .value = *state}));
        *state = &value_null;
    } else if (drift == DRIFT_MOVED) {
        fill_cidr(c, &row->cidr, &now[0]);
        fill_cidr(c, &row->v6_cidr, &now[1]);
        *state = schema_encode(c->arena, &schema, row, *state);
    }
    return drift != DRIFT_GONE;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    struct estate *estate = estate_of(c);
    T row = {0};
    schema_decode(&schema, *state, &row);
    const struct field_string *cidrs[] = {&row.cidr, &row.v6_cidr};
    const struct field_string *pools[] = {&row.pool, &row.v6_pool};
    const char *subject = arena_printf(c->arena, "Subnet %s", row.common.id.v);
    if (import_is_adopted(*private) || !look(c, &row, state, private))
        return CALL_DONE;
    for (size_t i = 0; i < 2; i++) {
        if (!field_has(cidrs[i]))
            continue;
        bool lacking = !held(c, estate->insides, &row, cidrs[i]) ||
                       (field_has(pools[i]) && !held(c, estate->engine, &row, cidrs[i]));
        if (lacking && !estate_learn(c, &subnet_resource, *state))
            return CALL_DONE;
        struct finding found[8];
        const struct allocation *a = held(c, estate->engine, &row, cidrs[i]);
        size_t n = a ? engine_audit_allocation(estate->engine, a, found, 8) : 0;
        report_findings(c, subject, found, n < 8 ? n : 8);
        inside_report(c, subject, held(c, estate->insides, &row, cidrs[i]));
    }
    return CALL_DONE;
}

static const struct value *from_sighting(struct call *c, const struct sighting *s)
{
    const struct value *base = adopt_base(c, &subnet_resource, s);
    const struct cidr *v4 = sighting_cidr(s, FAMILY_V4), *v6 = sighting_cidr(s, FAMILY_V6);
    const struct engine *e = estate_of(c)->engine;
    T row = {0};
    schema_decode(&schema, base, &row);
    if ((!v4 && !v6) || !*s->network_id) {
        diag_error(c->diags, NULL, "importing EC2 Subnet: incomplete",
                   "%s comes without %s. Correct what was seen.", sighting_text(c->arena, s),
                   *s->network_id ? "a CIDR" : "the VPC that it is in");
        return NULL;
    }
    const struct pool *p4 = v4 ? adopt_planning_pool(e, v4, s->network_id) : NULL;
    const struct pool *p6 = v6 ? adopt_planning_pool(e, v6, s->network_id) : NULL;
    const char *owner = row.owner.v;
    field_set_string(&row.vpc_id, s->network_id);
    if (*s->zone)
        field_set_string(&row.zone, s->zone);
    settle_zone(c, &row);
    if (v4)
        fill_cidr(c, &row.cidr, v4);
    if (v6)
        fill_cidr(c, &row.v6_cidr, v6);
    field_set_string(&row.pool, p4 ? pool_info(p4)->id : NULL);
    field_set_string(&row.v6_pool, p6 ? pool_info(p6)->id : "");
    field_set_bool(&row.v6_native, !v4);
    field_set_string(&row.name_type, v4 ? "ip-name" : "resource-name");
    fill(c, &row);
    field_set_string(&row.owner, owner);
    field_set_string(&row.common.arn, arn_make(c->arena, "ec2", row.common.region.v, owner,
                                               "subnet", row.common.id.v));
    return schema_encode(c->arena, &schema, &row, base);
}

static enum outcome import(struct call *c, const char *id, const struct value **state,
                           struct bytes *private)
{
    return import_network(c, &subnet_resource, id, "subnet-", SIGHTED_SUBNET, from_sighting, state,
                          private);
}

/* --- loading --- */

static enum load_result load_leg(struct engine *e, const struct facts *f, const char *pool_name,
                                 const struct cidr *cidr)
{
    const char *id = fact_string(f, "id"), *pool = fact_string(f, pool_name);
    if (!cidr_is_set(cidr))
        return LOAD_OK;
    if (!inside_load_subnet(f->insides, f->arena, fact_string(f, "vpc_id"), id, cidr))
        return LOAD_NO_MEMORY;
    if (!pool)
        return LOAD_OK;
    const struct allocation_request r = {
        .id = allocation_id_of(f->arena, id, cidr),
        .pool_id = pool,
        .type = ALLOCATION_SUBNET,
        .cidr = *cidr,
        .length = -1,
        .resource_id = id,
        .owner = fact_string(f, "owner_id"),
        .region = fact_string(f, "region"),
        .tags = fact_tags(f, "tags_all"),
    };
    return load_result_of(engine_load_allocation(e, &r));
}

enum load_result load_subnet(struct engine *e, const struct facts *f, const char **problem)
{
    struct cidr v4, v6;
    if (!fact_string(f, "id") || !fact_cidr(f, "cidr_block", &v4) ||
        !fact_cidr(f, "ipv6_cidr_block", &v6)) {
        *problem = "id is missing, or cidr_block or ipv6_cidr_block is no CIDR";
        return LOAD_MALFORMED;
    }
    if (!cidr_is_set(&v4) && !cidr_is_set(&v6))
        return LOAD_OK; /* imported by id alone, not applied yet */
    if (!fact_string(f, "vpc_id")) {
        *problem = "vpc_id is missing";
        return LOAD_MALFORMED;
    }
    enum load_result r = load_leg(e, f, "ipv4_ipam_pool_id", &v4);
    return r == LOAD_OK ? load_leg(e, f, "ipv6_ipam_pool_id", &v6) : r;
}

const char *depart_subnet(const struct facts *f)
{
    static const char *const names[] = {"cidr_block", "ipv6_cidr_block"};
    const char *lines = "", *id = fact_string(f, "id");
    struct cidr c;
    for (size_t i = 0; id && i < 2; i++) {
        if (!fact_cidr(f, names[i], &c) || !cidr_is_set(&c))
            continue;
        const char *record = allocation_id_of(f->arena, id, &c);
        lines = arena_printf(f->arena, "%sa %s\ns %s\n", lines, record, record);
    }
    return lines;
}

const struct resource subnet_resource = {
    .names = (const char *const[]){"ipam_subnet", "aws_subnet", "subnet", NULL},
    .schema = &schema,
    .summary = "A subnet, its CIDR written or drawn from a planning pool of its VPC.",
    .validate = validate,
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
