/*
 * alarm - an alarm on one of the figures of provider/metrics.h
 *
 * Takes the arguments of aws_cloudwatch_metric_alarm. There is no clock and no history: what is
 * judged is the present value, once in every refresh and when the alarm is created or changed. So
 * every period that an alarm looks at counts as having the present value, and evaluation_periods,
 * datapoints_to_alarm and period do not change the answer. Nobody is notified: actions are
 * recorded, the answer is the attribute state_value, in which a pipeline sees the change.
 *
 * Quiet: state_value and state_reason change only when the state flips. The figure itself changes
 * with every allocation, so it is told in the reason of the flip and nowhere else.
 *
 * What cannot be known is INSUFFICIENT_DATA whatever treat_missing_data says: metrics of other
 * namespaces, and those of addresses in use. treat_missing_data is about a metric that could have
 * a value and has none, such as the percentage of a pool without a CIDR.
 */
#include "provider/metrics.h"

#include <stdlib.h>
#include <string.h>

struct alarm_row {
    struct common common;
    struct field_string name, comparison, metric, namespace, unit, statistic, missing;
    struct field_string state, reason;
    struct field_value dimensions;
    const struct value *threshold; /* not decoded: numbers of the table are whole */
};
#define T struct alarm_row

static const struct comparison {
    const char *name, *words;
} comparisons[] = {
    {"GreaterThanOrEqualToThreshold", "greater than or equal to"},
    {"GreaterThanThreshold", "greater than"},
    {"LessThanThreshold", "less than"},
    {"LessThanOrEqualToThreshold", "less than or equal to"},
};

static const char *check_comparison(struct arena *a, const char *text)
{
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (strcmp(text, comparisons[i].name) == 0)
            return NULL;
    if (strstr(text, "Lower") || strstr(text, "Upper"))
        return arena_printf(a,
                            "\"%.60s\" is about anomaly detection, which needs a history of the "
                            "metric; there is none here. Compare with a threshold",
                            text);
    return arena_printf(a,
                        "\"%.60s\" is none of GreaterThanOrEqualToThreshold, GreaterThanThreshold, "
                        "LessThanThreshold, LessThanOrEqualToThreshold",
                        text);
}

/* An ARN, or one of EC2's own actions, which has the service's name in place of the account. */
static const char *check_action(struct arena *a, const char *text)
{
    return strncmp(text, "arn:aws:automate:", 17) == 0 ? NULL : check_arn(a, text);
}

#define ACTIONS(n, when)                                                                           \
    {                                                                                              \
        .name = n, .type = &type_set_string, .flags = ATTR_OPTIONAL,                               \
        CHECKS(LENGTH(0, 5), CHECKED_BY(check_action, "an ARN")),                                  \
        .description = "ARNs of what AWS does when the alarm " when ". Recorded: nothing is "      \
                       "called here."                                                              \
    }

static const struct attribute attributes[] = {
    {.name = "alarm_name",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     CHECKS(LENGTH(1, 255)),
     .description = "Name of the alarm; also its id.",
     FIELD(T, name)},
    {.name = "alarm_description",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(0, 1024)),
     .description = "Text for people."},
    {.name = "comparison_operator",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     CHECKS(CHECKED_BY(check_comparison, "`GreaterThanOrEqualToThreshold`, `GreaterThanThreshold`, "
                                         "`LessThanThreshold` or `LessThanOrEqualToThreshold`")),
     .description = "How the metric is compared with the threshold.",
     FIELD(T, comparison)},
    {.name = "metric_name",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(1, 255)),
     .description = "Name of the metric, such as `PercentAssigned`. Must be set.",
     FIELD(T, metric)},
    {.name = "namespace",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(1, 255)),
     .description =
         "Namespace of the metric: `" METRICS_NAMESPACE "`. Must be set. Alarms of other "
         "namespaces are recorded and stay `INSUFFICIENT_DATA`.",
     FIELD(T, namespace)},
    {.name = "dimensions",
     .type = &type_map_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(LENGTH(0, 30)),
     .description = "What the metric is of. As in CloudWatch the names have to be exactly those "
                    "of the metric.",
     FIELD(T, dimensions)},
    {.name = "threshold",
     .type = &type_number,
     .flags = ATTR_OPTIONAL,
     .description = "Value that the metric is compared with. Must be set."},
    {.name = "statistic",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(ONE_OF("SampleCount", "Average", "Sum", "Minimum", "Maximum")),
     .description = "Statistic over the period. With one sample, the present value, all of them "
                    "are that value, and `SampleCount` is 1.",
     FIELD(T, statistic)},
    {.name = "extended_statistic",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     .description = "A percentile such as `p90`, instead of `statistic`: the present value."},
    {.name = "period",
     .type = &type_number,
     .flags = ATTR_OPTIONAL,
     .description = "Length of a period in seconds: 10, 20, 30 or a multiple of 60. Must be set. "
                    "Recorded: the present value is judged."},
    {.name = "evaluation_periods",
     .type = &type_number,
     .flags = ATTR_REQUIRED,
     CHECKS(RANGE(1, 86400)),
     .description = "Number of periods that are looked at. Recorded: without a history all of "
                    "them have the present value."},
    {.name = "datapoints_to_alarm",
     .type = &type_number,
     .flags = ATTR_OPTIONAL,
     CHECKS(RANGE(1, 86400)),
     .description = "How many of the periods must breach the threshold. Recorded."},
    {.name = "treat_missing_data",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING("missing"),
     CHECKS(ONE_OF("breaching", "notBreaching", "ignore", "missing")),
     .description = "State while the metric has no value, as of a pool without a CIDR: "
                    "`breaching` is `ALARM`, `notBreaching` is `OK`, `ignore` keeps the state, "
                    "`missing` is `INSUFFICIENT_DATA`.",
     FIELD(T, missing)},
    {.name = "evaluate_low_sample_count_percentiles",
     .type = &type_string,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_STRING(""),
     CHECKS(ONE_OF("evaluate", "ignore")),
     .description = "Recorded."},
    {.name = "unit",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     .description = "Unit of the metric: `Percent` or `Count`. With another one there is no data.",
     FIELD(T, unit)},
    {.name = "actions_enabled",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_BOOL(true),
     .description = "Whether AWS carries out actions. Recorded."},
    ACTIONS("alarm_actions", "becomes `ALARM`"),
    ACTIONS("ok_actions", "becomes `OK`"),
    ACTIONS("insufficient_data_actions", "becomes `INSUFFICIENT_DATA`"),
    {.name = "threshold_metric_id",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     .description = "Of an anomaly detection model. Refused: it needs a history."},
    {.name = "state_value",
     .type = &type_string,
     .flags = ATTR_COMPUTED | ATTR_VOLATILE,
     .description = "`OK`, `ALARM` or `INSUFFICIENT_DATA`. Judged anew in every refresh.",
     FIELD(T, state)},
    {.name = "state_reason",
     .type = &type_string,
     .flags = ATTR_COMPUTED | ATTR_VOLATILE,
     .description = "Why, with the figure at the time when the state became what it is.",
     FIELD(T, reason)},
    COMMON_ID(T),
    COMMON_ARN(T),
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};

#define RECORDED_METRIC(n, t)                                                                      \
    {                                                                                              \
        .name = n, .type = &type_##t, .flags = ATTR_OPTIONAL, .description = "Refused."            \
    }
static const struct attribute metric_attributes[] = {
    {.name = "metric_name",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     .description = "Refused."},
    RECORDED_METRIC("namespace", string),
    RECORDED_METRIC("stat", string),
    RECORDED_METRIC("unit", string),
    RECORDED_METRIC("period", number),
    RECORDED_METRIC("dimensions", map_string),
    END_ATTRIBUTES,
};
static const struct block metric_block = {.description = "A metric of an expression.",
                                          .attributes = metric_attributes};
static const struct nested_block query_blocks[] = {
    {.name = "metric",
     .nesting = NESTING_LIST,
     .max_items = 1,
     .block = &metric_block,
     .description = "Refused."},
    {.name = NULL},
};
static const struct attribute query_attributes[] = {
    {.name = "id", .type = &type_string, .flags = ATTR_REQUIRED, .description = "Refused."},
    RECORDED_METRIC("account_id", string),
    RECORDED_METRIC("expression", string),
    RECORDED_METRIC("label", string),
    RECORDED_METRIC("period", number),
    RECORDED_METRIC("return_data", bool),
    END_ATTRIBUTES,
};
static const struct block query_block = {.description = "An expression of several metrics.",
                                         .attributes = query_attributes,
                                         .blocks = query_blocks};
static const struct nested_block blocks[] = {
    {.name = "metric_query",
     .nesting = NESTING_SET,
     .block = &query_block,
     .description = "Metric math. Refused: see `PoolAllocationUtilizationPercentage` for the sum "
                    "that it is mostly used for."},
    {.name = NULL},
};
static const struct schema schema = {
    .version = STATE_VERSION(1),
    .block = {.description = "An alarm on the utilisation of a pool, or on another metric of "
                             "`" METRICS_NAMESPACE "`, judged in every refresh.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char doing_validate[] = "Invalid alarm";

/* How long a new alarm waits for the first value of its metric once nothing moves any more. */
#define FIRST_DATA_MS 2000

/* --- checks --- */

static void require(struct call *c, const struct value *config, const char *name)
{
    if (value_is_null(value_get(config, name)))
        diag_error(c->diags, PATH_ATTR(NULL, name), doing_validate,
                   "%s must be set: an alarm compares one metric (metric_name, namespace, period, "
                   "statistic or extended_statistic) with a threshold.",
                   name);
}

static void check_period(struct call *c, const struct value *config)
{
    int64_t period = 0, datapoints = 0, periods = 0;
    const struct value *v = value_get(config, "period");
    bool number = value_as_int(v, &period);
    bool fine = number && (period == 10 || period == 20 || period == 30 ||
                           (period > 0 && period <= 86400 && period % 60 == 0));
    if (value_is_known(v) && !fine)
        diag_error(c->diags, PATH_ATTR(NULL, "period"), doing_validate,
                   "%s is not a period: it is 10, 20, 30 or a multiple of 60 seconds, at most "
                   "86400.",
                   value_describe(c->arena, v, 40));
    if (value_as_int(value_get(config, "datapoints_to_alarm"), &datapoints) &&
        value_as_int(value_get(config, "evaluation_periods"), &periods) && datapoints > periods)
        diag_error(c->diags, PATH_ATTR(NULL, "datapoints_to_alarm"), doing_validate,
                   "datapoints_to_alarm = %lld is more than evaluation_periods = %lld.",
                   (long long)datapoints, (long long)periods);
}

static enum outcome validate(struct call *c, const struct value *config)
{
    static const char *const needed[] = {"metric_name", "namespace", "period", "threshold"};
    const struct value *query = value_get(config, "metric_query");
    bool math = query->kind == VALUE_SEQ && query->seq.count > 0;
    const char *refused = math ? "metric_query" : "threshold_metric_id";
    if (math || !value_is_null(value_get(config, "threshold_metric_id"))) {
        diag_error(c->diags, PATH_ATTR(NULL, refused), doing_validate,
                   "%s is not possible: alarms here judge one metric against a threshold, without "
                   "metric math and without anomaly detection. For PercentAllocated + "
                   "PercentAssigned use the metric PoolAllocationUtilizationPercentage, or "
                   "PercentAvailable with LessThanOrEqualToThreshold.",
                   refused);
        return CALL_DONE;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        require(c, config, needed[i]);
    bool plain = !value_is_null(value_get(config, "statistic"));
    if (plain == !value_is_null(value_get(config, "extended_statistic")))
        diag_error(c->diags, PATH_ATTR(NULL, "statistic"), doing_validate,
                   "Exactly one of statistic and extended_statistic must be set.");
    check_period(c, config);
    return CALL_DONE;
}

/* --- the state --- */

struct verdict {
    const char *state, *reason;
    bool pending; /* no data now, but the metric is one that may get some */
};

static const struct dimension *dimensions_of(struct arena *a, const struct value *map, size_t *n)
{
    *n = map->kind == VALUE_MAP ? map->map.count : 0;
    struct dimension *list = arena_calloc(a, *n, sizeof *list);
    for (size_t i = 0; i < *n; i++)
        list[i] =
            (struct dimension){map->map.members[i].key, value_str(map->map.members[i].value, "")};
    return list;
}

static bool is_here(const T *row)
{
    return strcmp(row->namespace.v, METRICS_NAMESPACE) == 0;
}

static bool is_untold(const char *name)
{
    for (const struct metric_kind *k = metric_kinds; k->name; k++)
        if (!k->told && strcmp(k->name, name) == 0)
            return true;
    return false;
}

static struct verdict without_data(struct call *c, const T *row, const char *why,
                                   const char *before)
{
    const char *state = "INSUFFICIENT_DATA";
    const char *treat = row->missing.v;
    if (is_here(row) && !is_untold(row->metric.v)) {
        if (strcmp(treat, "breaching") == 0)
            state = "ALARM";
        else if (strcmp(treat, "notBreaching") == 0)
            state = "OK";
        else if (strcmp(treat, "ignore") == 0 && *before)
            state = before;
    }
    return (struct verdict){state, arena_printf(c->arena, "No data: %s.", why), false};
}

static bool crossed(const char *comparison, double value, double threshold)
{
    if (strcmp(comparison, "GreaterThanOrEqualToThreshold") == 0)
        return value >= threshold;
    if (strcmp(comparison, "GreaterThanThreshold") == 0)
        return value > threshold;
    if (strcmp(comparison, "LessThanThreshold") == 0)
        return value < threshold;
    return value <= threshold;
}

static const char *words_of(const char *comparison)
{
    size_t i = 0;
    while (strcmp(comparisons[i].name, comparison) != 0)
        if (++i == sizeof comparisons / sizeof *comparisons)
            return comparison;
    return comparisons[i].words;
}

static struct verdict judge(struct call *c, const T *row, const char *before)
{
    struct metric m;
    size_t count;
    const char *why;
    const struct dimension *list = dimensions_of(c->arena, row->dimensions.v, &count);
    if (!is_here(row))
        return without_data(c, row,
                            arena_printf(c->arena,
                                         "metrics of the namespace \"%.100s\" are not known here",
                                         row->namespace.v),
                            before);
    if (row->threshold->kind != VALUE_NUMBER)
        return without_data(c, row, "there is no threshold", before);
    if (!metrics_find(c, row->metric.v, list, count, &m, &why)) {
        struct verdict v = without_data(c, row, why, before);
        v.pending = !metrics_problem(c->arena, row->metric.v, list, count);
        return v;
    }
    if (row->unit.is == KNOWN && strcmp(row->unit.v, m.kind->unit) != 0)
        return without_data(
            c, row, arena_printf(c->arena, "the unit of %s is %s", m.kind->name, m.kind->unit),
            before);
    double value = strcmp(row->statistic.v, "SampleCount") == 0 ? 1 : m.value;
    const char *threshold = value_number_describe(c->arena, &row->threshold->number);
    bool alarm = crossed(row->comparison.v, value, strtod(threshold, NULL));
    const char *reason =
        arena_printf(c->arena, "Threshold %s: %s was %.10g, %s%s the threshold (%s).",
                     alarm ? "crossed" : "not crossed", m.kind->name, value, alarm ? "" : "not ",
                     words_of(row->comparison.v), threshold);
    return (struct verdict){alarm ? "ALARM" : "OK", reason, false};
}

/* --- hooks --- */

/* A mistake in a name costs the alarm its effect, and nothing else would say so. */
static void warn_without_effect(struct call *c, const T *row)
{
    if (row->namespace.is != KNOWN || row->metric.is != KNOWN)
        return;
    size_t count;
    const struct dimension *list = dimensions_of(c->arena, row->dimensions.v, &count);
    if (!is_here(row)) {
        diag_warning(c->diags, PATH_ATTR(NULL, "namespace"), "The alarm is recorded only",
                     "Metrics of the namespace \"%.100s\" are not known here. The alarm stays "
                     "INSUFFICIENT_DATA.",
                     row->namespace.v);
        return;
    }
    const char *problem = metrics_problem(c->arena, row->metric.v, list, count);
    if (problem && row->dimensions.is != UNKNOWN)
        diag_warning(c->diags, PATH_ATTR(NULL, "dimensions"), "The alarm will never have data",
                     "As in CloudWatch such an alarm is possible and never rings: %s.", problem);
}

static void decode(const struct value *object, T *row)
{
    schema_decode(&schema, object, row);
    row->threshold = value_get(object, "threshold");
}

/* Id and ARN follow from the name and the Region, which a plan knows. */
static void identify(struct call *c, T *row)
{
    if (row->name.is != KNOWN || row->common.region.is != KNOWN)
        return;
    field_set_string(&row->common.id, row->name.v);
    field_set_string(&row->common.arn,
                     arena_printf(c->arena, "arn:aws:cloudwatch:%s:%s:alarm:%s",
                                  row->common.region.v, estate_of(c)->account_id, row->name.v));
}

static enum outcome plan(struct call *c, struct change *ch)
{
    T row = {0};
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_begin(c, ch, &schema, NULL);
    decode(ch->planned, &row);
    identify(c, &row);
    ch->planned = schema_encode(c->arena, &schema, &row, ch->planned);
    if (row.state.is == UNKNOWN && c->stage == CALL_PLANNING)
        warn_without_effect(c, &row);
    return CALL_DONE;
}

static enum outcome put(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    decode(ch->planned, &row);
    identify(c, &row);
    struct verdict v = judge(c, &row, value_str(value_get(ch->prior, "state_value"), ""));
    /* A new pool gets its CIDR in the same run, mostly a moment later. */
    if (v.pending && ch->kind == CHANGE_CREATE && !c->last_attempt && !c->stopping) {
        c->patience_ms = FIRST_DATA_MS;
        c->for_this_run = true;
        return CALL_WAIT;
    }
    /* What was planned as known stays: the plan changed nothing that the state depends on. */
    if (row.state.is != KNOWN)
        field_set_string(&row.state, v.state);
    if (row.reason.is != KNOWN)
        field_set_string(&row.reason, v.reason);
    *state = schema_encode(c->arena, &schema, &row, ch->planned);
    if (import_is_adopted(ch->planned_private))
        ch->private = import_settled();
    return CALL_DONE;
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    T row = {0};
    if (import_is_adopted(*private))
        return CALL_DONE;
    decode(*state, &row);
    struct verdict v = judge(c, &row, row.state.v);
    if (strcmp(v.state, row.state.v) == 0)
        return CALL_DONE;
    if (row.state.is == KNOWN && strcmp(v.state, "OK") != 0)
        diag_warning(c->diags, NULL, arena_printf(c->arena, "Alarm: %s", v.state),
                     "The alarm \"%.255s\" was %s and is %s now. %s", row.name.v, row.state.v,
                     v.state, v.reason);
    field_set_string(&row.state, v.state);
    field_set_string(&row.reason, v.reason);
    *state = schema_encode(c->arena, &schema, &row, *state);
    return CALL_DONE;
}

static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *region;
    const char *name = import_split(c, text, &region);
    *state = import_known(c, &alarm_resource, name, region);
    if (*state || c->diags->errors)
        return CALL_DONE;
    if (!*name || strlen(name) > 255) {
        diag_error(c->diags, NULL, "importing CloudWatch Metric Alarm: invalid id",
                   "An alarm is imported by its name, which has 1 to 255 characters, optionally "
                   "with @ and a Region at the end.");
        return CALL_DONE;
    }
    field_set_string(&row.common.id, name);
    field_set_string(&row.name, name);
    field_set_string(&row.common.region, region ? region : estate_of(c)->region);
    *state = schema_encode(c->arena, &schema, &row, NULL);
    import_adopt(c, &alarm_resource, state, private);
    return CALL_DONE;
}

const struct resource alarm_resource = {
    .names = (const char *const[]){"ipam_utilization_alarm", "aws_cloudwatch_metric_alarm", NULL},
    .schema = &schema,
    .summary = "An alarm on the utilisation of a pool.",
    .validate = validate,
    .plan = plan,
    .create = put,
    .update = put,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
