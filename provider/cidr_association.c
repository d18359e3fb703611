/*
 * cidr_association - further CIDRs of a VPC, IPv4 and IPv6
 *
 * Two resources with one implementation: what differs, the names of attributes and where IPv6 space
 * may come from, is in struct family_terms. A CIDR is written, or drawn from a pool for the VPC: in
 * the pool it is an allocation of the VPC, so the VPC's tags are those that the pool's rules look
 * at. In the VPC it must not overlap the CIDRs that are there.
 *
 * The ids of the association and of the allocation follow from VPC and CIDR.
 */
#include "provider/drift.h"
#include "provider/forecast.h"

#include <stdlib.h>
#include <string.h>

struct association_row {
    struct common common;
    struct field_string vpc_id, cidr, pool;
    struct field_int length;
    /* IPv6 only */
    struct field_bool generated;
    struct field_string plain_pool, ip_source, address_attribute;
};
#define T struct association_row

static const char *check_association_v6(struct arena *a, const char *text)
{
    struct cidr c;
    const char *problem = check_cidr_v6(a, text);
    if (!problem && cidr_parse(text, strlen(text), &c) == CIDR_OK &&
        (c.len < 44 || c.len > 60 || c.len % 4 != 0))
        return arena_printf(a,
                            "\"%.60s\" is a /%d; an IPv6 CIDR of a VPC is /44, /48, /52, /56 or "
                            "/60",
                            text, c.len);
    return problem;
}

#define VPC_ID                                                                                     \
    {                                                                                              \
        .name = "vpc_id", .type = &type_string, .flags = ATTR_REQUIRED | ATTR_REPLACE,             \
        .description = "Id of the VPC.", FIELD(T, vpc_id)                                          \
    }

static const struct attribute v4_attributes[] = {
    COMMON_ID(T),
    VPC_ID,
    {.name = "cidr_block",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_vpc_cidr, "an IPv4 CIDR from /16 to /28")),
     .description = "The CIDR. With a pool it must be free there; default: drawn from the pool.",
     FIELD(T, cidr)},
    {.name = "ipv4_ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     .description = "Id of the pool that the CIDR is drawn from.",
     FIELD(T, pool)},
    {.name = "ipv4_netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(RANGE(16, 28), REQUIRES("ipv4_ipam_pool_id"), CONFLICTS("cidr_block")),
     .description = "Prefix length in bits of the CIDR to draw: the lowest free block. Default: "
                    "the pool's `allocation_default_netmask_length`.",
     FIELD(T, length)},
    COMMON_REGION(T),
    END_ATTRIBUTES,
};
static const struct attribute v6_attributes[] = {
    COMMON_ID(T),
    VPC_ID,
    {.name = "assign_generated_ipv6_cidr_block",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .fallback = DEFAULT_BOOL(false),
     CHECKS(CONFLICTS("ipv6_ipam_pool_id", "ipv6_pool", "ipv6_cidr_block", "ipv6_netmask_length")),
     .description = "Whether to take a generated /56, drawn from " AMAZON_IPV6_CIDR ".",
     FIELD(T, generated)},
    {.name = "ipv6_ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(CONFLICTS("ipv6_pool")),
     .description = "Id of the pool that the CIDR is drawn from.",
     FIELD(T, pool)},
    {.name = "ipv6_pool",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(REQUIRES("ipv6_cidr_block")),
     .description = "Id of an address pool outside of IPAM that the CIDR is from. Recorded; "
                    "otherwise `IPAM Managed` or `Amazon`.",
     FIELD(T, plain_pool)},
    {.name = "ipv6_cidr_block",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_association_v6, "an IPv6 CIDR from /44 to /60 in steps of 4")),
     .description = "The CIDR. With a pool it must be free there; default: drawn from the pool.",
     FIELD(T, cidr)},
    {.name = "ipv6_netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(MULTIPLE(44, 60, 4), REQUIRES("ipv6_ipam_pool_id"), CONFLICTS("ipv6_cidr_block")),
     .description = "Prefix length in bits of the CIDR to draw: 44 to 60 in steps of 4. Default: "
                    "the pool's `allocation_default_netmask_length`.",
     FIELD(T, length)},
    {.name = "ip_source",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`amazon`, `byoip` or, for private space, `none`.",
     FIELD(T, ip_source)},
    {.name = "ipv6_address_attribute",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`public` or `private`.",
     FIELD(T, address_attribute)},
    COMMON_REGION(T),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema v4_schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "A further IPv4 CIDR of a VPC, written or drawn from a pool.",
              .attributes = v4_attributes,
              .blocks = blocks},
};
static const struct schema v6_schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "A further IPv6 CIDR of a VPC, written, drawn from a pool or "
                             "generated.",
              .attributes = v6_attributes,
              .blocks = blocks},
};

/* What differs between the two resources. */
struct family_terms {
    const struct resource *resource;
    const struct schema *schema;
    const char *doing_create, *doing_delete;
    struct refusal_paths paths;
};
static const struct family_terms v4_terms = {
    .resource = &ipv4_association_resource,
    .schema = &v4_schema,
    .doing_create = "creating EC2 VPC IPv4 CIDR Block Association",
    .doing_delete = "deleting EC2 VPC IPv4 CIDR Block Association",
    .paths = {.cidr = "cidr_block", .length = "ipv4_netmask_length", .pool = "ipv4_ipam_pool_id"},
};
static const struct family_terms v6_terms = {
    .resource = &ipv6_association_resource,
    .schema = &v6_schema,
    .doing_create = "creating EC2 VPC IPv6 CIDR Block Association",
    .doing_delete = "deleting EC2 VPC IPv6 CIDR Block Association",
    .paths = {.cidr = "ipv6_cidr_block",
              .length = "ipv6_netmask_length",
              .pool = "ipv6_ipam_pool_id"},
};

static enum family family_of(const struct family_terms *t)
{
    return t == &v4_terms ? FAMILY_V4 : FAMILY_V6;
}

static bool is_generated(const T *row)
{
    return row->generated.is == KNOWN && row->generated.v;
}

static bool draws(const T *row)
{
    return field_has(&row->pool) || is_generated(row);
}

/* --- requests --- */

/* The tags of the VPC, as far as state tells. */
static struct tags vpc_tags(struct call *c, const T *row)
{
    const struct network *n = memory_network(estate_of(c)->memory, row->vpc_id.v);
    return n ? n->tags : (struct tags){0};
}

static const char *source_pool(const T *row)
{
    return is_generated(row) ? AMAZON_IPV6_POOL : row->pool.v;
}

static struct allocation_request pool_request(struct call *c, const struct family_terms *t,
                                              const T *row)
{
    struct allocation_request r = {
        .id = "",
        .pool_id = source_pool(row),
        .type = is_generated(row) ? ALLOCATION_CUSTOM : ALLOCATION_VPC,
        .length = -1,
        .resource_id = row->vpc_id.v,
        .owner = estate_of(c)->account_id,
        .region = is_generated(row) ? "" : row->common.region.v,
        .tags = vpc_tags(c, row),
    };
    if (!field_cidr(&row->cidr, &r.cidr)) {
        r.length = row->length.is == KNOWN ? (int)row->length.v : -1;
        r.disallowed = inside_cidrs(c, row->vpc_id.v, family_of(t), &r.disallowed_count);
    }
    return r;
}

static struct provision_request inside_provision(struct call *c, const T *row,
                                                 const struct cidr *cidr)
{
    return (struct provision_request){
        .pool_id = inside_id(c->arena, row->vpc_id.v, (enum family)cidr->family),
        .cidr = *cidr,
        .length = -1,
        .allocation_id = "",
    };
}

/* A VPC that has no CIDR of the family yet takes any; one that is not known takes none. */
static bool must_ask(struct call *c, const T *row, enum family f)
{
    const struct pool *p =
        engine_pool(estate_of(c)->insides, inside_id(c->arena, row->vpc_id.v, f));
    return (p && pool_is_known(p)) || !inside_known(c, row->vpc_id.v);
}

/* --- planning --- */

static enum outcome validate_v4(struct call *c, const struct value *config)
{
    if (value_is_null(value_get(config, "cidr_block")) &&
        value_is_null(value_get(config, "ipv4_ipam_pool_id")))
        diag_error(c->diags, PATH_ATTR(NULL, "cidr_block"),
                   "creating EC2 VPC IPv4 CIDR Block Association: MissingParameter",
                   "Neither cidr_block nor ipv4_ipam_pool_id is set. The CIDR is written or drawn "
                   "from a pool. Set one of them.");
    return CALL_DONE;
}

static enum outcome validate_v6(struct call *c, const struct value *config)
{
    const struct value *generated = value_get(config, "assign_generated_ipv6_cidr_block");
    if (value_is_null(value_get(config, "ipv6_cidr_block")) &&
        value_is_null(value_get(config, "ipv6_ipam_pool_id")) && !value_is_unknown(generated) &&
        !value_truth(generated, false))
        diag_error(
            c->diags, PATH_ATTR(NULL, "ipv6_cidr_block"),
            "creating EC2 VPC IPv6 CIDR Block Association: MissingParameter",
            "None of ipv6_cidr_block, ipv6_ipam_pool_id and assign_generated_ipv6_cidr_block "
            "is set. The CIDR is written, drawn from a pool or generated. Set one of them.");
    return CALL_DONE;
}

static void fill(struct call *c, const struct family_terms *t, T *row, const struct cidr *cidr)
{
    char text[CIDR_TEXT_SIZE];
    field_set_string(&row->cidr, arena_strdup(c->arena, cidr_format(cidr, text)));
    if (row->common.id.is != KNOWN)
        field_set_string(&row->common.id, id_derive(c->arena, "vpc-cidr-assoc-", ID_DIGITS,
                                                    row->vpc_id.v, row->cidr.v));
    if (t == &v4_terms)
        return;
    const struct pool *p =
        field_has(&row->pool) ? engine_pool(estate_of(c)->engine, row->pool.v) : NULL;
    const struct scope *s = p ? engine_scope(estate_of(c)->engine, pool_info(p)->scope_id) : NULL;
    bool private = p && (!s || scope_info(s)->type == SCOPE_PRIVATE);
    bool amazon = is_generated(row) || (p && pool_info(p)->public_amazon);
    field_set_string(&row->ip_source, private ? "none" : amazon ? "amazon" : "byoip");
    field_set_string(&row->address_attribute, private ? "private" : "public");
    if (row->plain_pool.is != KNOWN)
        field_set_string(&row->plain_pool, is_generated(row) ? "Amazon" : p ? "IPAM Managed" : "");
}

static enum outcome plan_create(struct call *c, struct change *ch, const struct family_terms *t)
{
    T row = {0};
    struct cidr cidr;
    struct refusal why;
    struct engine *e = estate_of(c)->engine, *insides = estate_of(c)->insides;
    enum outcome out = CALL_DONE;
    schema_decode(t->schema, ch->planned, &row);
    forecast_wish(c, ch, t->paths.pool, t->paths.cidr);
    bool open = value_is_unknown(value_get(ch->config, t->paths.cidr)) ||
                value_is_unknown(value_get(ch->config, t->paths.length));
    if (row.vpc_id.is != KNOWN || row.pool.is == UNKNOWN || row.generated.is == UNKNOWN || open)
        return CALL_DONE;
    if (draws(&row)) {
        struct allocation_request r = pool_request(c, t, &row);
        if (!issue_possible(c, r.pool_id, t->doing_create))
            return CALL_DONE;
        if (!engine_said_yes(c, engine_check_allocate(e, &r, false, &why), t->doing_create, &why,
                             &t->paths, &out))
            return out;
    }
    const char *inside = inside_id(c->arena, row.vpc_id.v, family_of(t));
    bool named = field_cidr(&row.cidr, &cidr);
    if (named && must_ask(c, &row, family_of(t))) {
        struct provision_request r = inside_provision(c, &row, &cidr);
        if (!inside_said_yes(c, engine_check_provision(insides, &r, &why), t->doing_create, &why,
                             t->paths.cidr, &out))
            return out;
    }
    int length = named ? cidr.len : row.length.is == KNOWN ? (int)row.length.v : 0;
    if ((named && field_has(&row.pool) && engine_plan_intent(e, row.pool.v, &cidr) != ENGINE_OK) ||
        engine_plan_provision(insides, inside, named ? &cidr : NULL, length) != ENGINE_OK)
        report_no_memory(c, t->doing_create);
    call_progress(c);
    return CALL_DONE;
}

/* A size that the CIDR already has, or a pool for a CIDR that is there, renumbers nothing. */
static void plan_keep(struct call *c, struct change *ch, const struct family_terms *t)
{
    T prior = {0}, row = {0};
    schema_decode(t->schema, ch->prior, &prior);
    schema_decode(t->schema, ch->planned, &row);
    const struct adopt_kept kept = {
        .what = "VPC CIDR block association",
        .pool_name = t->paths.pool,
        .length_name = t->paths.length,
        .had_cidr = &prior.cidr,
        .had_pool = &prior.pool,
        .pool = &row.pool,
        .length = &row.length,
    };
    adopt_plan_keep(c, ch, &kept);
}

static enum outcome plan(struct call *c, struct change *ch, const struct family_terms *t)
{
    bool adopted = ch->kind != CHANGE_DELETE && import_is_adopted(ch->prior_private);
    if (adopted)
        plan_adopted(c, ch, t->schema, t->paths.cidr);
    if (ch->kind != CHANGE_DELETE)
        plan_region(c, ch);
    if (ch->kind == CHANGE_UPDATE && !adopted)
        plan_keep(c, ch, t);
    plan_departure(c, ch, t->resource);
    return adopted || ch->kind == CHANGE_CREATE ? plan_create(c, ch, t) : CALL_DONE;
}

/* --- applying --- */

/* Picks in the pool and asks the VPC, builds the answer, and takes last. */
static enum outcome create(struct call *c, struct change *ch, const struct value **state,
                           const struct family_terms *t)
{
    T row = {0};
    struct engine *e = estate_of(c)->engine, *insides = estate_of(c)->insides;
    struct cidr cidr;
    struct refusal why;
    enum outcome out;
    schema_decode(t->schema, ch->planned, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", CALL_PATIENCE_MS);
    if (draws(&row) && !issue_begin(c, source_pool(&row), t->doing_create, &out))
        return out;
    struct allocation_request r = pool_request(c, t, &row);
    if (!draws(&row))
        cidr = r.cidr;
    else if (!engine_said_yes(c, engine_pick_allocation(e, &r, &cidr, &why), t->doing_create, &why,
                              &t->paths, &out))
        return out;
    struct provision_request p = inside_provision(c, &row, &cidr);
    struct cidr same;
    if (must_ask(c, &row, family_of(t)) &&
        !inside_said_yes(c, engine_pick_provision(insides, &p, &same, &why), t->doing_create, &why,
                         t->paths.cidr, &out))
        return out;
    fill(c, t, &row, &cidr);
    r.cidr = cidr;
    r.length = -1;
    r.disallowed_count = 0;
    r.id = allocation_id_of(c->arena, row.vpc_id.v, &cidr);
    const struct value *made = schema_encode(c->arena, t->schema, &row, ch->planned);
    if (!inside_load_cidr(insides, c->arena, row.vpc_id.v, &cidr)) {
        report_no_memory(c, t->doing_create);
        return CALL_DONE;
    }
    if (draws(&row) && !issue_allocate(c, &r, t->doing_create, &t->paths, &out)) {
        inside_drop_cidr(c, row.vpc_id.v, &cidr);
        return out;
    }
    issue_end(c);
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static bool held(struct call *c, const T *row, const struct cidr *cidr)
{
    return engine_allocation(estate_of(c)->engine,
                             allocation_id_of(c->arena, row->vpc_id.v, cidr)) != NULL;
}

/* In place a CIDR can only join a pool; timeouts change nothing. */
static enum outcome update(struct call *c, struct change *ch, const struct value **state,
                           const struct family_terms *t)
{
    T row = {0}, prior = {0};
    struct cidr cidr;
    enum outcome out = CALL_DONE;
    if (import_is_adopted(ch->planned_private)) {
        ch->private = import_settled();
        return create(c, ch, state, t);
    }
    schema_decode(t->schema, ch->planned, &row);
    schema_decode(t->schema, ch->prior, &prior);
    /* What an import found a pool for is in no state yet, and its pool may be another one. */
    bool found = import_is_found(ch->planned_private);
    if (found)
        ch->private = import_joined(c->arena, ch->planned_private);
    if ((found || field_has(&prior.pool)) && !estate_learn(c, t->resource, ch->planned))
        return CALL_DONE;
    if (field_has(&prior.pool) && !field_has(&row.pool) && field_cidr(&row.cidr, &cidr))
        engine_unload_allocation(estate_of(c)->engine,
                                 allocation_id_of(c->arena, row.vpc_id.v, &cidr));
    if (field_has(&row.pool) && field_cidr(&row.cidr, &cidr) && !held(c, &row, &cidr)) {
        struct allocation_request r = pool_request(c, t, &row);
        r.id = allocation_id_of(c->arena, row.vpc_id.v, &cidr);
        c->patience_ms = CALL_PATIENCE_MS;
        if (!issue_begin(c, r.pool_id, t->doing_create, &out) ||
            !issue_allocate(c, &r, t->doing_create, &t->paths, &out))
            return out;
        issue_end(c);
    }
    *state = ch->planned;
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch, const struct family_terms *t)
{
    T row = {0};
    struct cidr cidr;
    enum outcome out;
    schema_decode(t->schema, ch->prior, &row);
    if (!field_cidr(&row.cidr, &cidr))
        return CALL_DONE; /* never more than an imported id */
    c->patience_ms = timeout_ms(ch->prior, "delete", CALL_PATIENCE_MS);
    if (!inside_vacant(c, row.vpc_id.v, &cidr, t->doing_delete, &out))
        return out;
    if (!issue_release(c, allocation_id_of(c->arena, row.vpc_id.v, &cidr), t->doing_delete, &out))
        return out;
    inside_drop_cidr(c, row.vpc_id.v, &cidr);
    call_progress(c);
    return CALL_DONE;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private,
                         const struct family_terms *t)
{
    struct engine *e = estate_of(c)->engine;
    struct finding found[8];
    struct cidr cidr;
    T row = {0};
    schema_decode(t->schema, *state, &row);
    if (import_is_adopted(*private) || !field_cidr(&row.cidr, &cidr))
        return CALL_DONE;
    const char *name = arena_printf(c->arena, "%s of VPC %s", row.cidr.v, row.vpc_id.v);
    if (drift_look_member(c, name, row.vpc_id.v, &cidr, private) == DRIFT_GONE) {
        departure_mark(estate_of(c),
                       depart_association(&(struct facts){.arena = c->arena, .value = *state}));
        *state = &value_null;
        return CALL_DONE;
    }
    if (draws(&row) && !held(c, &row, &cidr) && !estate_learn(c, t->resource, *state))
        return CALL_DONE;
    const char *id = allocation_id_of(c->arena, row.vpc_id.v, &cidr);
    const struct allocation *a = engine_allocation(e, id);
    struct tags tags = vpc_tags(c, &row);
    struct refusal why;
    /* The record was loaded without the VPC's tags, which are another object's. */
    if (a && engine_retag(e, id, &tags, a->description, &why) == ENGINE_NO_MEMORY) {
        report_no_memory(c, "reading the state");
        return CALL_DONE;
    }
    size_t n = a ? engine_audit_allocation(e, a, found, 8) : 0;
    report_findings(c, name, found, n < 8 ? n : 8);
    return CALL_DONE;
}

/* `<VPC id>_<CIDR>`: a CIDR of a VPC that was seen, which comes without an association id. */
static enum outcome import_member(struct call *c, const char *id, const struct value **state,
                                  struct bytes *private, const struct family_terms *t)
{
    const char *text = strchr(id, '_') + 1;
    const char *vpc = arena_strndup(c->arena, id, (size_t)(text - id) - 1);
    const struct sighting *s = sightings_find(estate_of(c)->sightings, vpc);
    struct cidr cidr;
    T row = {0};
    if (!s || s->kind != SIGHTED_NETWORK || cidr_parse(text, strlen(text), &cidr) != CIDR_OK ||
        cidr.family != family_of(t) || !sighting_has(s, &cidr)) {
        diag_error(c->diags, NULL,
                   arena_printf(c->arena, "importing %s: not seen", t->resource->names[0]),
                   "No inventory and no state of another provider shows the VPC %s with the CIDR "
                   "%s. Import what is not seen by its association id.",
                   vpc, text);
        return CALL_DONE;
    }
    const struct value *base = adopt_base(c, t->resource, s);
    schema_decode(t->schema, base, &row);
    const struct pool *p =
        adopt_pool(estate_of(c)->engine, &cidr, row.common.region.v, s->scope_id);
    row.common.id = (struct field_string){ABSENT, ""};
    field_set_string(&row.vpc_id, vpc);
    if (p)
        field_set_string(&row.pool, pool_info(p)->id);
    fill(c, t, &row, &cidr);
    *state = import_blank(c, t->resource, schema_encode(c->arena, t->schema, &row, base));
    *private = import_found();
    return CALL_DONE;
}

/* `<association id>[,<pool id>[,<netmask length>]]`, with `@<Region>` at the end if wanted */
static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private, const struct family_terms *t)
{
    const char *region;
    const char *id = import_split(c, text, &region);
    const char *pool = strchr(id, ','), *length = pool ? strchr(pool + 1, ',') : NULL;
    const char *own = pool ? arena_strndup(c->arena, id, (size_t)(pool - id)) : id;
    if (strncmp(id, "vpc-", 4) == 0 && strchr(id, '_'))
        return import_member(c, id, state, private, t);
    if (region)
        own = arena_printf(c->arena, "%s@%s", own, region);
    if (length && (length[1] == '\0' || strspn(length + 1, "0123456789") != strlen(length + 1) ||
                   strlen(length + 1) > 3)) {
        diag_error(c->diags, NULL,
                   arena_printf(c->arena, "importing %s: invalid id", t->resource->names[0]),
                   "\"%.120s\" is not an id of this resource. It has the form <association id>, "
                   "<association id>,<pool id> or <association id>,<pool id>,<netmask length>.",
                   text);
        return CALL_DONE;
    }
    enum outcome out = import_object(c, t->resource, own, "vpc-cidr-assoc-", state, private);
    if (!*state || c->diags->errors)
        return out;
    if (pool && value_is_null(value_get(*state, t->paths.pool))) {
        size_t n = length ? (size_t)(length - pool - 1) : strlen(pool + 1);
        *state = value_set(c->arena, *state, t->paths.pool, value_string_n(c->arena, pool + 1, n));
    }
    if (length && value_is_null(value_get(*state, t->paths.length)))
        *state = value_set(c->arena, *state, t->paths.length,
                           value_int(c->arena, strtol(length + 1, NULL, 10)));
    return out;
}

/* --- loading --- */

static enum load_result load(struct engine *e, const struct facts *f, const char *cidr_name,
                             const char *pool_name, const char **problem)
{
    const char *vpc = fact_string(f, "vpc_id"), *pool = fact_string(f, pool_name);
    bool generated = fact_bool(f, "assign_generated_ipv6_cidr_block");
    struct cidr cidr;
    if (!fact_cidr(f, cidr_name, &cidr) || (cidr_is_set(&cidr) && !vpc)) {
        *problem = "vpc_id is missing, or the CIDR is none";
        return LOAD_MALFORMED;
    }
    if (!cidr_is_set(&cidr))
        return LOAD_OK; /* imported by id alone, not applied yet */
    if (!inside_load_cidr(f->insides, f->arena, vpc, &cidr))
        return LOAD_NO_MEMORY;
    if (!pool && !generated)
        return LOAD_OK;
    const struct allocation_request r = {
        .id = allocation_id_of(f->arena, vpc, &cidr),
        .pool_id = pool ? pool : AMAZON_IPV6_POOL,
        .type = pool ? ALLOCATION_VPC : ALLOCATION_CUSTOM,
        .cidr = cidr,
        .length = -1,
        .resource_id = vpc,
        .region = pool ? fact_string(f, "region") : "",
    };
    return load_result_of(engine_load_allocation(e, &r));
}

enum load_result load_ipv4_association(struct engine *e, const struct facts *f,
                                       const char **problem)
{
    return load(e, f, "cidr_block", "ipv4_ipam_pool_id", problem);
}

enum load_result load_ipv6_association(struct engine *e, const struct facts *f,
                                       const char **problem)
{
    return load(e, f, "ipv6_cidr_block", "ipv6_ipam_pool_id", problem);
}

const char *depart_association(const struct facts *f)
{
    const char *vpc = fact_string(f, "vpc_id");
    const char *name = fact_string(f, "cidr_block") ? "cidr_block" : "ipv6_cidr_block";
    struct cidr c;
    if (!vpc || !fact_cidr(f, name, &c) || !cidr_is_set(&c))
        return "";
    return arena_printf(f->arena, "a %s\n%s", allocation_id_of(f->arena, vpc, &c),
                        inside_departure(f->arena, vpc, &c));
}

/* --- the two resources --- */

#define HOOKS(x)                                                                                   \
    static enum outcome x##_plan(struct call *c, struct change *ch)                                \
    {                                                                                              \
        return plan(c, ch, &x##_terms);                                                            \
    }                                                                                              \
    static enum outcome x##_create(struct call *c, struct change *ch, const struct value **state)  \
    {                                                                                              \
        return create(c, ch, state, &x##_terms);                                                   \
    }                                                                                              \
    static enum outcome x##_update(struct call *c, struct change *ch, const struct value **state)  \
    {                                                                                              \
        return update(c, ch, state, &x##_terms);                                                   \
    }                                                                                              \
    static enum outcome x##_destroy(struct call *c, struct change *ch)                             \
    {                                                                                              \
        return destroy(c, ch, &x##_terms);                                                         \
    }                                                                                              \
    static enum outcome x##_read(struct call *c, const struct value **state,                       \
                                 struct bytes *private)                                            \
    {                                                                                              \
        return read(c, state, private, &x##_terms);                                                \
    }                                                                                              \
    static enum outcome x##_import(struct call *c, const char *text, const struct value **state,   \
                                   struct bytes *private)                                          \
    {                                                                                              \
        return import(c, text, state, private, &x##_terms);                                        \
    }
HOOKS(v4)
HOOKS(v6)

const struct resource ipv4_association_resource = {
    .names = (const char *const[]){"ipam_vpc_ipv4_cidr_block_association",
                                   "aws_vpc_ipv4_cidr_block_association", NULL},
    .schema = &v4_schema,
    .summary = "A further IPv4 CIDR of a VPC.",
    .validate = validate_v4,
    .plan = v4_plan,
    .create = v4_create,
    .update = v4_update,
    .destroy = v4_destroy,
    .read = v4_read,
    .import = v4_import,
    .upgrade = upgrade_state,
};
const struct resource ipv6_association_resource = {
    .names = (const char *const[]){"ipam_vpc_ipv6_cidr_block_association",
                                   "aws_vpc_ipv6_cidr_block_association", NULL},
    .schema = &v6_schema,
    .summary = "A further IPv6 CIDR of a VPC.",
    .validate = validate_v6,
    .plan = v6_plan,
    .create = v6_create,
    .update = v6_update,
    .destroy = v6_destroy,
    .read = v6_read,
    .import = v6_import,
    .upgrade = upgrade_state,
};
