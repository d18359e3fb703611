/*
 * scope - an additional private scope: one more space in which CIDRs are unique
 *
 * The same CIDR may exist in two scopes. The two default scopes come with their IPAM and are not
 * resources.
 */
#include "provider/estate.h"

struct scope_row {
    struct common common;
    struct field_string ipam_id, ipam_arn, scope_type, description;
    struct field_bool is_default;
    struct field_int pool_count;
};
#define T struct scope_row

static const struct attribute attributes[] = {
    COMMON_ID(T),
    COMMON_ARN(T),
    {.name = "ipam_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the IPAM that the scope belongs to.",
     FIELD(T, ipam_id)},
    {.name = "description",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING(""),
     .description = "Text for people.",
     FIELD(T, description)},
    {.name = "ipam_arn",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "ARN of the IPAM.",
     FIELD(T, ipam_arn)},
    {.name = "ipam_scope_type",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "`private`: created scopes always are.",
     FIELD(T, scope_type)},
    {.name = "is_default",
     .type = &type_bool,
     .flags = ATTR_COMPUTED,
     .description = "`false`: default scopes are not resources.",
     FIELD(T, is_default)},
    {.name = "pool_count",
     .type = &type_number,
     .flags = ATTR_COMPUTED,
     .description = "Number of pools when the scope was created.",
     FIELD(T, pool_count)},
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "An additional private scope of an IPAM: one more space in which "
                             "CIDRs are unique.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating IPAM Scope";
static const char doing_delete[] = "deleting IPAM Scope";

static enum outcome plan(struct call *c, struct change *ch)
{
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_begin(c, ch, &schema, NULL);
    return CALL_DONE;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    enum outcome out;
    struct refusal why;
    schema_decode(&schema, ch->planned, &row);
    const char *id =
        row.common.id.is == KNOWN ? row.common.id.v : id_new(c, "ipam-scope-", ID_DIGITS);
    if (!id)
        return CALL_DONE;
    const char *account = estate_of(c)->account_id;
    field_set_string(&row.common.id, id);
    field_set_string(&row.common.arn, arn_make(c->arena, "ec2", "", account, "ipam-scope", id));
    field_set_string(&row.ipam_arn, arn_make(c->arena, "ec2", "", account, "ipam", row.ipam_id.v));
    field_set_string(&row.scope_type, "private");
    field_set_bool(&row.is_default, false);
    field_set_int(&row.pool_count, 0);
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    const struct scope_info info = {.id = id, .ipam_id = row.ipam_id.v, .type = SCOPE_PRIVATE};
    enum engine_result r = engine_add_scope(estate_of(c)->engine, &info, &why);
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
    *state = ch->planned; /* only texts and tags change in place */
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    enum outcome out;
    struct refusal why;
    const char *id = value_str(value_get(ch->prior, "id"), "");
    if (!engine_scope(estate_of(c)->engine, id))
        return CALL_DONE;
    c->patience_ms = timeout_ms(ch->prior, "delete", c->patience_ms);
    enum engine_result r = engine_remove_scope(estate_of(c)->engine, id, &why);
    if (engine_said_yes(c, r, doing_delete, &why, NULL, &out))
        call_progress(c);
    return out;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    const char *id = value_str(value_get(*state, "id"), "");
    if (!import_is_adopted(*private) && !engine_scope(estate_of(c)->engine, id))
        estate_learn(c, &scope_resource, *state);
    return CALL_DONE;
}

static enum outcome import(struct call *c, const char *id, const struct value **state,
                           struct bytes *private)
{
    return import_object(c, &scope_resource, id, "ipam-scope-", state, private);
}

enum load_result load_scope(struct engine *e, const struct facts *f, const char **problem)
{
    const struct scope_info info = {
        .id = fact_string(f, "id"), .ipam_id = fact_string(f, "ipam_id"), .type = SCOPE_PRIVATE};
    if (info.id && !info.ipam_id)
        return LOAD_OK; /* imported by id alone, not applied yet */
    if (!info.id) {
        *problem = "id is missing";
        return LOAD_MALFORMED;
    }
    return load_result_of(engine_load_scope(e, &info));
}

const struct resource scope_resource = {
    .names = (const char *const[]){"ipam_scope", "aws_vpc_ipam_scope", NULL},
    .schema = &schema,
    .summary = "An additional private scope of an IPAM.",
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
