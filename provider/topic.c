/*
 * topic - where AWS would send the notifications of alarms
 *
 * Alarms name topics in their actions. Nothing is sent here, so a topic is its name and its ARN,
 * which follow from the configuration: with it a configuration with alarms runs as it is. What
 * steers delivery is recorded.
 */
#include "provider/estate.h"

#include <ctype.h>
#include <string.h>

struct topic_row {
    struct common common;
    struct field_string name, prefix, owner;
    struct field_bool fifo;
};
#define T struct topic_row

static const char *check_name(struct arena *a, const char *text)
{
    size_t n = strlen(text);
    size_t base = n > 5 && strcmp(text + n - 5, ".fifo") == 0 ? n - 5 : n;
    bool fine = n >= 1 && n <= 256;
    for (size_t i = 0; i < base && fine; i++)
        fine = isalnum((unsigned char)text[i]) || text[i] == '-' || text[i] == '_';
    if (fine)
        return NULL;
    return arena_printf(a,
                        "\"%.100s\" is not the name of a topic: 1 to 256 letters, digits, hyphens "
                        "and underscores, with .fifo at the end for a FIFO topic",
                        text);
}

#define RECORDED(n, t, more)                                                                       \
    {                                                                                              \
        .name = n, .type = &type_##t, .flags = ATTR_OPTIONAL | (more), .description = "Recorded."  \
    }
#define FEEDBACK(service)                                                                          \
    RECORDED(service "_failure_feedback_role_arn", string, 0),                                     \
        RECORDED(service "_success_feedback_role_arn", string, 0),                                 \
        RECORDED(service "_success_feedback_sample_rate", number, 0)

static const struct attribute attributes[] = {
    {.name = "name",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(CONFLICTS("name_prefix"), CHECKED_BY(check_name, "a topic's name")),
     .description = "Name of the topic. Default: made from `name_prefix`.",
     FIELD(T, name)},
    {.name = "name_prefix",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     CHECKS(LENGTH(1, 200), CHECKED_BY(check_name, "the beginning of a topic's name")),
     .description = "Beginning of a name that is otherwise made up.",
     FIELD(T, prefix)},
    {.name = "fifo_topic",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,
     .fallback = DEFAULT_BOOL(false),
     .description = "Whether it is a FIFO topic, whose name ends in `.fifo`.",
     FIELD(T, fifo)},
    {.name = "content_based_deduplication",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_BOOL(false),
     .description = "Recorded."},
    RECORDED("display_name", string, 0),
    RECORDED("delivery_policy", string, 0),
    RECORDED("archive_policy", string, 0),
    RECORDED("kms_master_key_id", string, 0),
    RECORDED("policy", string, ATTR_COMPUTED),
    RECORDED("signature_version", number, ATTR_COMPUTED),
    RECORDED("tracing_config", string, ATTR_COMPUTED),
    RECORDED("fifo_throughput_scope", string, ATTR_COMPUTED),
    FEEDBACK("application"),
    FEEDBACK("firehose"),
    FEEDBACK("http"),
    FEEDBACK("lambda"),
    FEEDBACK("sqs"),
    {.name = "beginning_archive_time",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Null: nothing is archived."},
    {.name = "owner",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Account that owns the topic.",
     FIELD(T, owner)},
    COMMON_ID(T),
    COMMON_ARN(T),
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "A topic that alarms name in their actions. Nothing is sent.",
              .attributes = attributes},
};

/* All of it follows from the name and the Region. */
static void identify(struct call *c, T *row)
{
    const char *account = estate_of(c)->account_id;
    field_set_string(&row->owner, account);
    if (row->name.is != KNOWN || row->common.region.is != KNOWN)
        return;
    field_set_string(&row->common.arn, arena_printf(c->arena, "arn:aws:sns:%s:%s:%s",
                                                    row->common.region.v, account, row->name.v));
    row->common.id = row->common.arn;
}

/* What AWS would fill in by itself stays null here; what its state brought along stays, too. */
static void leave_unset(struct call *c, struct change *ch)
{
    static const char *const names[] = {"name_prefix",           "policy",
                                        "signature_version",     "tracing_config",
                                        "fifo_throughput_scope", "beginning_archive_time"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_is_unknown(value_get(ch->planned, names[i])) &&
            value_is_null(value_get(ch->config, names[i])))
            planned_set(c, ch, names[i], &value_null);
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T row = {0};
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_begin(c, ch, &schema, NULL);
    schema_decode(&schema, ch->planned, &row);
    if (ch->kind == CHANGE_CREATE || row.common.id.is != KNOWN)
        identify(c, &row);
    ch->planned = schema_encode(c->arena, &schema, &row, ch->planned);
    leave_unset(c, ch);
    return CALL_DONE;
}

static enum outcome put(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    schema_decode(&schema, ch->planned, &row);
    if (row.name.is != KNOWN) {
        const char *prefix = row.prefix.is == KNOWN ? row.prefix.v : "terraform-";
        const char *name = id_new(c, prefix, 26);
        if (!name)
            return CALL_DONE;
        field_set_string(&row.name, row.fifo.v ? arena_printf(c->arena, "%s.fifo", name) : name);
    }
    if (row.common.id.is != KNOWN)
        identify(c, &row);
    *state = schema_encode(c->arena, &schema, &row, ch->planned);
    if (import_is_adopted(ch->planned_private))
        ch->private = import_settled();
    return CALL_DONE;
}

static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *region;
    const char *arn = import_split(c, text, &region);
    if (check_arn(c->arena, arn) || strcmp(arn_part(c->arena, arn, 2), "sns") != 0 ||
        check_name(c->arena, arn_part(c->arena, arn, 5))) {
        diag_error(c->diags, NULL, "importing SNS Topic: invalid id",
                   "\"%.200s\" is not the ARN of a topic, arn:aws:sns:REGION:ACCOUNT:NAME.", arn);
        return CALL_DONE;
    }
    *state = import_known(c, &topic_resource, arn, region);
    if (*state || c->diags->errors)
        return CALL_DONE;
    field_set_string(&row.common.id, arn);
    field_set_string(&row.common.arn, arn);
    field_set_string(&row.common.region, arn_part(c->arena, arn, 3));
    field_set_string(&row.name, arn_part(c->arena, arn, 5));
    field_set_string(&row.owner, arn_part(c->arena, arn, 4));
    *state = schema_encode(c->arena, &schema, &row, NULL);
    import_adopt(c, &topic_resource, state, private);
    return CALL_DONE;
}

const struct resource topic_resource = {
    .names = (const char *const[]){"ipam_alarm_topic", "aws_sns_topic", NULL},
    .schema = &schema,
    .summary = "A topic that alarms name.",
    .plan = plan,
    .create = put,
    .update = put,
    .import = import,
    .upgrade = upgrade_state,
};
