/*
 * metrics - the figures that AWS publishes of an IPAM
 *
 * As OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/), for Prometheus'
 * textfile collector and everything else that reads it; and as CloudWatch answers. A family is
 * named aws_ipam_ and AWS's name, with AWS's dimensions as labels. The format wants a family that
 * has a unit to end in it, so percentages end in _percent; counts have no unit. All lines of a
 * family stand together.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/terminal.h"
#include "ctl/verbs.h"
#include "provider/metrics.h"

/* Of the IPAMs that are meant. False after an error. */
static bool gather(struct ctl *c, struct metrics *out)
{
    const struct ipam *const *ipams = ctl_ipams(c);
    *out = (struct metrics){.arena = c->arena};
    for (; ipams && *ipams; ipams++)
        metrics_of_ipam(&c->call, *ipams, out);
    return !ctl_report(c) && ipams;
}

/* --- OpenMetrics --- */

static const char *family_of(struct arena *a, const struct metric_kind *k)
{
    return arena_printf(a, "aws_ipam_%s%s", k->name,
                        strcmp(k->unit, "Percent") == 0 ? "_percent" : "");
}

static void put_sample(struct text *t, const char *family, const struct metric *m)
{
    text_puts(t, family);
    for (size_t i = 0; i < m->dimension_count; i++) {
        text_printf(t, "%s%s=\"", i ? "," : "{", m->dimensions[i].name);
        text_safe(t, m->dimensions[i].value, strlen(m->dimensions[i].value), true);
        text_puts(t, "\"");
    }
    text_printf(t, "%s %.10g\n", m->dimension_count ? "}" : "", m->value);
}

static bool seen_before(size_t kind)
{
    for (size_t i = 0; i < kind; i++)
        if (strcmp(metric_kinds[i].name, metric_kinds[kind].name) == 0)
            return true;
    return false;
}

static void put_family(struct text *t, const struct metric_kind *k, const struct metrics *all)
{
    const char *family = family_of(t->arena, k);
    bool begun = false;
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->items[i].kind->name, k->name) != 0)
            continue;
        if (!begun) {
            text_printf(t, "# TYPE %s gauge\n", family);
            if (strcmp(k->unit, "Percent") == 0)
                text_printf(t, "# UNIT %s percent\n", family);
            text_printf(t, "# HELP %s ", family);
            text_safe(t, k->about, strlen(k->about), true);
            text_puts(t, "\n");
        }
        begun = true;
        put_sample(t, family, &all->items[i]);
    }
}

static enum ctl_exit run_metrics(struct ctl *c)
{
    struct text t = text_new(c->arena);
    struct metrics all;
    if (!gather(c, &all))
        return CTL_USAGE;
    for (size_t i = 0; metric_kinds[i].name; i++)
        if (metric_kinds[i].told && !seen_before(i))
            put_family(&t, &metric_kinds[i], &all);
    text_puts(&t, "# EOF\n");
    return ctl_print(&t);
}

static const struct option metrics_options[] = {
    {"--ipam-id", "ID", "only this IPAM", OPTION_TEXT, false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};
const struct verb metrics_verb = {
    .name = "metrics",
    .summary = "the metrics of all pools, scopes and VPCs, as OpenMetrics text",
    .examples = "  ipamctl metrics > /var/lib/node_exporter/ipam.prom\n",
    .options = metrics_options,
    .run = run_metrics,
};

/* --- CloudWatch --- */

static bool namespace_is_known(struct ctl *c)
{
    const char *given = ctl_option(c, "--namespace");
    if (!given || strcmp(given, METRICS_NAMESPACE) == 0)
        return true;
    ctl_fail(CTL_USAGE, "no such namespace", "--namespace %s: known is " METRICS_NAMESPACE ".",
             given);
    return false;
}

/* Name=PoolID,Value=ipam-pool-... False after an error. */
static bool dimensions_given(struct ctl *c, struct dimension **out, size_t *count)
{
    static const char head[] = "Name=", middle[] = ",Value=";
    const char *const *texts = ctl_options(c, "--dimensions", count);
    *out = arena_calloc(c->arena, *count + 1, sizeof **out);
    for (size_t i = 0; i < *count; i++) {
        const char *value = strstr(texts[i], middle);
        if (strncmp(texts[i], head, sizeof head - 1) != 0 || !value) {
            ctl_fail(CTL_USAGE, "a dimension is not understood",
                     "\"%s\" has to have the form Name=NAME,Value=VALUE", texts[i]);
            return false;
        }
        const char *name = texts[i] + sizeof head - 1;
        (*out)[i].name = arena_strndup(c->arena, name, (size_t)(value - name));
        (*out)[i].value = value + sizeof middle - 1;
    }
    return true;
}

static const struct value *metric_value(struct arena *a, const struct metric *m)
{
    struct object r = object_new(a), one = object_new(a);
    struct items dimensions = {.arena = a};
    for (size_t i = 0; i < m->dimension_count; i++) {
        object_string(&one, "Name", m->dimensions[i].name);
        object_string(&one, "Value", m->dimensions[i].value);
        items_add(&dimensions, object_end(&one));
    }
    object_string(&r, "Namespace", METRICS_NAMESPACE);
    object_string(&r, "MetricName", m->kind->name);
    object_put(&r, "Dimensions", items_end(&dimensions));
    return object_end(&r);
}

static bool has_dimensions(const struct metric *m, const struct dimension *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; k < m->dimension_count && !found; k++)
            found = strcmp(m->dimensions[k].name, wanted[i].name) == 0 &&
                    strcmp(m->dimensions[k].value, wanted[i].value) == 0;
        if (!found)
            return false;
    }
    return true;
}

static enum ctl_exit list_metrics(struct ctl *c)
{
    struct object r = object_new(c->arena);
    struct items found = {.arena = c->arena};
    struct dimension *wanted;
    struct metrics all;
    size_t n;
    const char *name = ctl_option(c, "--metric-name");
    if (!namespace_is_known(c) || !dimensions_given(c, &wanted, &n) || !gather(c, &all))
        return CTL_USAGE;
    for (size_t i = 0; i < all.count; i++)
        if ((!name || strcmp(all.items[i].kind->name, name) == 0) &&
            has_dimensions(&all.items[i], wanted, n))
            items_add(&found, metric_value(c->arena, &all.items[i]));
    object_put(&r, "Metrics", items_end(&found));
    return ctl_answer(c, object_end(&r));
}

static const struct option list_options[] = {
    {"--namespace", "NAME", METRICS_NAMESPACE, OPTION_TEXT, false},
    {"--metric-name", "NAME", "only metrics of this name", OPTION_TEXT, false},
    {"--dimensions", "DIMENSION", "only metrics with these: Name=NAME,Value=VALUE", OPTION_LIST,
     false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};
const struct verb list_metrics_verb = {
    .name = "list-metrics",
    .service = "cloudwatch",
    .summary = "which metrics there are",
    .examples = "  ipamctl cloudwatch list-metrics --metric-name PercentAllocated\n",
    .options = list_options,
    .answers = true,
    .run = list_metrics,
};

/* The present value is the only sample there is, so it is every statistic of it. */
static void put_statistics(struct ctl *c, struct object *point, double value)
{
    size_t n;
    const char *const *names = ctl_options(c, "--statistics", &n);
    for (size_t i = 0; i < n; i++)
        object_put(point, names[i],
                   value_double(c->arena, strcmp(names[i], "SampleCount") == 0 ? 1 : value));
    if (n == 0)
        object_put(point, "Maximum", value_double(c->arena, value));
}

static enum ctl_exit get_statistics(struct ctl *c)
{
    struct object r = object_new(c->arena), point = object_new(c->arena);
    struct items points = {.arena = c->arena};
    struct dimension *dimensions;
    struct metric m;
    size_t n;
    char text[40];
    time_t now = time(NULL);
    struct tm tm;
    const char *why = "", *name = ctl_option(c, "--metric-name");
    if (!namespace_is_known(c) || !dimensions_given(c, &dimensions, &n))
        return CTL_USAGE;
    if (!metrics_find(&c->call, name, dimensions, n, &m, &why))
        return ctl_fail(CTL_FINDING, "no such metric", "%s", why);
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    object_string(&point, "Timestamp", text);
    object_string(&point, "Unit", m.kind->unit);
    put_statistics(c, &point, m.value);
    items_add(&points, object_end(&point));
    object_string(&r, "Label", name);
    object_put(&r, "Datapoints", items_end(&points));
    return ctl_answer(c, object_end(&r));
}

static const struct option statistics_options[] = {
    {"--metric-name", "NAME", "the metric", OPTION_TEXT, true},
    {"--dimensions", "DIMENSION", "Name=NAME,Value=VALUE; exactly those of the metric", OPTION_LIST,
     true},
    {"--namespace", "NAME", METRICS_NAMESPACE, OPTION_TEXT, false},
    {"--statistics", "NAME", "Maximum, Average, ...: each is the present value", OPTION_LIST,
     false},
    {"--start-time", "TIME", NULL, OPTION_TEXT, false},
    {"--end-time", "TIME", NULL, OPTION_TEXT, false},
    {"--period", "SECONDS", NULL, OPTION_TEXT, false},
    {"--unit", "NAME", NULL, OPTION_TEXT, false},
    {NULL, NULL, NULL, OPTION_SWITCH, false},
};
const struct verb statistics_verb = {
    .name = "get-metric-statistics",
    .service = "cloudwatch",
    .summary = "the present value of one metric",
    .examples = "  ipamctl cloudwatch get-metric-statistics --metric-name PercentAllocated \\\n"
                "    --dimensions Name=PoolID,Value=ipam-pool-0prod "
                "Name=ScopeID,Value=ipam-scope-0abc \\\n"
                "      Name=AddressFamily,Value=IPv4 Name=Locale,Value=eu-west-1\n",
    .options = statistics_options,
    .answers = true,
    .run = get_statistics,
};
