/*
 * ram_share - a resource share: what is shared with whom is said by associations
 *
 * Also what the other resources of sharing have in common: ARNs, and the question whether a share
 * is there and one's own.
 */
#include "provider/estate.h"

#include <string.h>

/* --- what all resources of sharing need --- */

const char *check_arn(struct arena *a, const char *text)
{
    const char *partition = arn_part(a, text, 1), *service = arn_part(a, text, 2);
    const char *account = arn_part(a, text, 4), *resource = arn_part(a, text, 5);
    bool owned = !*account || strcmp(account, "aws") == 0 || !check_account(a, account);
    if (strncmp(text, "arn:", 4) == 0 && strncmp(partition, "aws", 3) == 0 && *service &&
        *resource && owned && strlen(text) <= 2048 && !strchr(text, ','))
        return NULL;
    return arena_printf(a, "\"%.200s\" is not an ARN such as arn:aws:SERVICE:REGION:ACCOUNT:NAME",
                        text);
}

const char *check_share_arn(struct arena *a, const char *text)
{
    static const char path[] = "resource-share/";
    if (!check_arn(a, text) && strcmp(arn_part(a, text, 2), "ram") == 0 &&
        !check_account(a, arn_part(a, text, 4)) && !check_region(a, arn_part(a, text, 3)) &&
        strncmp(arn_part(a, text, 5), path, sizeof path - 1) == 0 &&
        arn_part(a, text, 5)[sizeof path - 1])
        return NULL;
    return arena_printf(a,
                        "\"%.200s\" is not the ARN of a resource share, "
                        "arn:aws:ram:REGION:ACCOUNT:resource-share/UUID",
                        text);
}

const char *shared_name(struct arena *a, const char *resource_arn)
{
    static const char path[] = "ipam-pool/";
    const char *resource = arn_part(a, resource_arn, 5);
    bool pool = strcmp(arn_part(a, resource_arn, 2), "ec2") == 0 &&
                strncmp(resource, path, sizeof path - 1) == 0;
    return pool ? resource + sizeof path - 1 : resource_arn;
}

bool ram_check_share(struct call *c, const char *share, const char *doing, enum outcome *out)
{
    struct refusal why;
    enum engine_result r = engine_check_share(estate_of(c)->engine, share, &why);
    return engine_said_yes(c, r, doing, &why, NULL, out);
}

/* --- the share --- */

struct ram_share_row {
    struct common common;
    struct field_string name;
    struct field_bool outsiders;
    struct field_value permissions;
};
#define T struct ram_share_row

static const struct attribute attributes[] = {
    COMMON_ID(T),
    COMMON_ARN(T),
    {.name = "name",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     CHECKS(LENGTH(1, 255)),
     .description = "Name of the share.",
     FIELD(T, name)},
    {.name = "allow_external_principals",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_BOOL(false),
     .description = "Whether accounts outside of the organization may be named. They take part "
                    "after they have accepted.",
     FIELD(T, outsiders)},
    {.name = "permission_arns",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CHECKED_BY(check_permission_arn, "the ARN of a permission")),
     .description = "ARNs of permissions, one for a type of resource. Default: AWS's default for "
                    "each type, with which accounts draw from pools. With "
                    "`AWSRAMPermissionIpamPoolByoipCidrImport` they do not. What one of your own "
                    "allows is not known here; accounts draw with it.",
     FIELD(T, permissions)},
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};
static const struct attribute configuration_attributes[] = {
    {.name = "retain_sharing_on_account_leave_organization",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_BOOL(false),
     .description = "Recorded."},
    END_ATTRIBUTES,
};
static const struct block configuration_block = {
    .description = "What becomes of the share when an account leaves.",
    .attributes = configuration_attributes,
};
static const struct nested_block blocks[] = {
    {.name = "resource_share_configuration",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &configuration_block,
     .description = "Whether an account that leaves the organization stays in the share."},
    TIMEOUTS_BLOCK,
    {.name = NULL},
};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "A resource share: pools that the accounts it names can draw from. "
                             "Make it in the home Region of the IPAM.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_create[] = "creating RAM Resource Share";
static const char doing_update[] = "updating RAM Resource Share";
static const char doing_delete[] = "deleting RAM Resource Share";

static enum outcome plan(struct call *c, struct change *ch)
{
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    bool adopted = plan_begin(c, ch, &schema, NULL);
    if ((adopted || ch->kind == CHANGE_CREATE) &&
        value_is_null(value_get(ch->config, "permission_arns")))
        planned_set(c, ch, "permission_arns", value_seq(c->arena, NULL, 0));
    return CALL_DONE;
}

static bool gives_no_draws(const struct facts *f)
{
    return !ram_permissions_draw(f->arena, fact_inner_strings(f, "permission_arns", NULL));
}

/* 8-4-4-4-12 hex digits, version 4. */
static const char *new_uuid(struct call *c)
{
    const char *x = id_new(c, "", 32);
    if (!x)
        return NULL;
    return arena_printf(c->arena, "%.8s-%.4s-4%.3s-8%.3s-%.12s", x, x + 8, x + 13, x + 17, x + 20);
}

static enum outcome validate(struct call *c, const struct value *config)
{
    const struct facts f = {.arena = c->arena, .value = config};
    const char *type =
        ram_permissions_clash(c->arena, fact_inner_strings(&f, "permission_arns", NULL));
    if (type)
        diag_error(c->diags, PATH_ATTR(NULL, "permission_arns"),
                   "RAM Resource Share: InvalidParameterException",
                   "Two permissions are for %s. A share has one permission for a type of resource. "
                   "Remove one of them, or make another share.",
                   type);
    return CALL_DONE;
}

static bool load(struct call *c, const T *row, const char *doing)
{
    const struct value_member permissions = {"permission_arns", row->permissions.v};
    const struct facts f = {.arena = c->arena, .value = value_map(c->arena, &permissions, 1)};
    const struct share_info info = {.id = row->common.arn.v,
                                    .owner = arn_part(c->arena, row->common.arn.v, 4),
                                    .name = row->name.v,
                                    .outsiders = row->outsiders.v,
                                    .no_draws = gives_no_draws(&f)};
    if (engine_load_share(estate_of(c)->engine, &info) == ENGINE_OK)
        return true;
    report_no_memory(c, doing);
    return false;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    schema_decode(&schema, ch->planned, &row);
    if (row.common.id.is != KNOWN) {
        const char *uuid = new_uuid(c);
        if (!uuid)
            return CALL_DONE;
        field_set_string(&row.common.id,
                         arn_make(c->arena, "ram", row.common.region.v, estate_of(c)->account_id,
                                  "resource-share", uuid));
    }
    row.common.arn = row.common.id;
    const struct value *made = schema_encode(c->arena, &schema, &row, ch->planned);
    if (!load(c, &row, doing_create))
        return CALL_DONE;
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome update(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    enum outcome out;
    if (import_is_adopted(ch->planned_private)) {
        ch->private = import_settled();
        return create(c, ch, state);
    }
    schema_decode(&schema, ch->planned, &row);
    if (!ram_check_share(c, row.common.id.v, doing_update, &out) || !load(c, &row, doing_update))
        return out;
    *state = ch->planned;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    struct engine *e = estate_of(c)->engine;
    const char *id = value_str(value_get(ch->prior, "id"), "");
    enum outcome out = CALL_DONE;
    if (!engine_share(e, id) || !ram_check_share(c, id, doing_delete, &out))
        return out;
    engine_remove_share(e, id);
    call_progress(c);
    return CALL_DONE;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    const char *id = value_str(value_get(*state, "id"), "");
    if (!import_is_adopted(*private) && !engine_share(estate_of(c)->engine, id))
        estate_learn(c, &ram_share_resource, *state);
    return CALL_DONE;
}

static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *region, *origin;
    const char *id = import_split(c, text, &region);
    const char *wrong = check_share_arn(c->arena, id);
    if (wrong) {
        diag_error(c->diags, NULL, "importing RAM Resource Share: invalid id", "%s.", wrong);
        return CALL_DONE;
    }
    *state = import_recall(c, &ram_share_resource, id, &origin);
    if (*state)
        return CALL_DONE;
    field_set_string(&row.common.id, id);
    field_set_string(&row.common.arn, id);
    field_set_string(&row.common.region, arn_part(c->arena, id, 3));
    *state = schema_encode(c->arena, &schema, &row, NULL);
    import_adopt(c, &ram_share_resource, state, private);
    return CALL_DONE;
}

enum load_result load_ram_share(struct engine *e, const struct facts *f, const char **problem)
{
    const char *arn = fact_string(f, "arn");
    const struct share_info info = {.id = arn ? arn : fact_string(f, "id"),
                                    .owner = fact_account(f),
                                    .name = fact_string(f, "name"),
                                    .outsiders = fact_bool(f, "allow_external_principals"),
                                    .no_draws = gives_no_draws(f)};
    if (!info.id) {
        *problem = "arn is missing";
        return LOAD_MALFORMED;
    }
    return load_result_of(engine_load_share(e, &info));
}

const struct resource ram_share_resource = {
    .names = (const char *const[]){"ipam_ram_resource_share", "aws_ram_resource_share", NULL},
    .schema = &schema,
    .summary = "A resource share.",
    .validate = validate,
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
