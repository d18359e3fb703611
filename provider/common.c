/*
 * common - what all resources share: checks for schema tables, region, tags, timeouts
 *
 * Region and tags_all depend on the provider block alone, so they are known in every plan. They
 * are planned here for all resources and read by nobody else's code.
 */
#include "provider/estate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct attribute timeout_attributes[] = {
    {.name = "create",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_duration, "a duration such as `5m`")),
     .description = "How long creating may wait."},
    {.name = "read",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_duration, "a duration such as `5m`")),
     .description = "How long reading may wait."},
    {.name = "update",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_duration, "a duration such as `5m`")),
     .description = "How long updating may wait."},
    {.name = "delete",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_duration, "a duration such as `5m`")),
     .description = "How long deleting may wait."},
    END_ATTRIBUTES,
};
const struct block timeouts_schema = {
    .description = "How long to wait for something that another resource of the same run may "
                   "provide.",
    .attributes = timeout_attributes,
};

/* Go's durations: numbers with a unit, one after the other. False when it is none. */
static bool parse_duration(const char *text, unsigned *ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"us", 1e-3}, {"ns", 1e-6}, {"h", 3600e3}, {"m", 60e3}, {"s", 1e3}};
    double sum = 0;
    const char *p = text;
    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return true;
    }
    do {
        char *end;
        if (!isdigit((unsigned char)*p))
            return false;
        double n = strtod(p, &end);
        size_t u = 0;
        while (u < sizeof units / sizeof *units &&
               strncmp(end, units[u].unit, strlen(units[u].unit)) != 0)
            u++;
        if (u == sizeof units / sizeof *units)
            return false;
        sum += n * units[u].ms;
        p = end + strlen(units[u].unit);
    } while (*p);
    if (sum > 7 * 24 * 3600e3)
        return false;
    *ms = (unsigned)sum;
    return true;
}

unsigned duration_ms(const char *text, unsigned fallback)
{
    unsigned ms;
    return text && parse_duration(text, &ms) ? ms : fallback;
}

unsigned timeout_ms(const struct value *object, const char *operation, unsigned fallback)
{
    return duration_ms(value_str(value_get(value_get(object, "timeouts"), operation), NULL),
                       fallback);
}

const char *check_duration(struct arena *a, const char *text)
{
    unsigned ms;
    if (parse_duration(text, &ms))
        return NULL;
    return arena_printf(a,
                        "\"%.60s\" is not a duration such as \"30s\", \"5m\" or \"1h30m\" (at "
                        "most 7 days)",
                        text);
}

static const char *cidr_problem(struct arena *a, const char *text, enum family f, struct cidr *out)
{
    enum cidr_error e = cidr_parse(text, strlen(text), out);
    if (e != CIDR_OK) {
        char buf[160];
        return arena_printf(a, "\"%.60s\" %s", text, cidr_error_text(e, out, buf, sizeof buf));
    }
    if (f && out->family != f)
        return arena_printf(a, "\"%.60s\" is not an IPv%d CIDR", text, (int)f);
    return NULL;
}

const char *check_cidr(struct arena *a, const char *text)
{
    struct cidr c;
    return cidr_problem(a, text, 0, &c);
}

const char *check_cidr_v4(struct arena *a, const char *text)
{
    struct cidr c;
    return cidr_problem(a, text, FAMILY_V4, &c);
}

const char *check_cidr_v6(struct arena *a, const char *text)
{
    struct cidr c;
    return cidr_problem(a, text, FAMILY_V6, &c);
}

const char *check_vpc_cidr(struct arena *a, const char *text)
{
    struct cidr c;
    const char *problem = cidr_problem(a, text, FAMILY_V4, &c);
    if (!problem && (c.len < 16 || c.len > 28))
        return arena_printf(a, "\"%.60s\" is a /%d; a VPC's CIDR is between /16 and /28", text,
                            c.len);
    return problem;
}

/* AWS's Regions look like eu-west-1, us-gov-east-1, ap-southeast-4. Any word of that form passes:
 * new Regions appear, and an offline estate may have its own. */
const char *check_region(struct arena *a, const char *text)
{
    size_t n = strlen(text), dashes = 0;
    bool fine = n >= 3 && n <= 32 && islower((unsigned char)text[0]) && text[n - 1] != '-';
    for (size_t i = 0; i < n && fine; i++) {
        dashes += text[i] == '-';
        fine = islower((unsigned char)text[i]) || isdigit((unsigned char)text[i]) ||
               (text[i] == '-' && text[i - 1] != '-');
    }
    if (fine && dashes)
        return NULL;
    return arena_printf(a, "\"%.60s\" is not a Region name such as \"eu-west-1\"", text);
}

const char *check_locale(struct arena *a, const char *text)
{
    if (strcmp(text, "None") == 0 || !check_region(a, text))
        return NULL;
    return arena_printf(a, "\"%.60s\" is neither \"None\" nor a Region name such as \"eu-west-1\"",
                        text);
}

const char *check_account(struct arena *a, const char *text)
{
    if (strlen(text) == 12 && strspn(text, "0123456789") == 12)
        return NULL;
    return arena_printf(a, "\"%.60s\" is not an account id of 12 digits", text);
}

bool field_cidr(const struct field_string *f, struct cidr *out)
{
    return f->is == KNOWN && cidr_parse(f->v, strlen(f->v), out) == CIDR_OK;
}

bool field_has(const struct field_string *f)
{
    return f->is == KNOWN && *f->v;
}

void planned_set(struct call *c, struct change *ch, const char *name, const struct value *v)
{
    ch->planned = value_set(c->arena, ch->planned, name, v);
}

static bool path_is(const struct path *p, const char *name)
{
    while (p && p->parent)
        p = p->parent;
    return p && p->kind == PATH_ATTRIBUTE && strcmp(p->name, name) == 0;
}

bool replace_has(const struct change *ch, const char *name)
{
    for (size_t i = 0; i < ch->replace.count; i++)
        if (path_is(ch->replace.items[i], name))
            return true;
    return false;
}

void replace_drop(struct change *ch, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < ch->replace.count; i++)
        if (!path_is(ch->replace.items[i], name))
            ch->replace.items[kept++] = ch->replace.items[i];
    ch->replace.count = kept;
}

bool tag_is_ignored(const struct estate *e, const char *key)
{
    const struct ignored_tags *ignored = &e->ignored_tags;
    for (size_t i = 0; ignored->keys && ignored->keys[i]; i++)
        if (strcmp(ignored->keys[i], key) == 0)
            return true;
    for (size_t i = 0; ignored->prefixes && ignored->prefixes[i]; i++)
        if (strncmp(ignored->prefixes[i], key, strlen(ignored->prefixes[i])) == 0)
            return true;
    return false;
}

const struct value *tags_merged(struct call *c, const struct value *tags)
{
    const struct estate *e = estate_of(c);
    const struct value *all = e->default_tags;
    if (value_is_unknown(tags))
        return &value_unknown;
    if (value_is_known(tags))
        for (size_t i = 0; i < tags->map.count; i++)
            all = value_set(c->arena, all, tags->map.members[i].key, tags->map.members[i].value);
    if (!e->ignored_tags.keys && !e->ignored_tags.prefixes)
        return all;
    struct value_member *kept = arena_calloc(c->arena, all->map.count, sizeof *kept);
    size_t n = 0;
    for (size_t i = 0; i < all->map.count; i++)
        if (!tag_is_ignored(e, all->map.members[i].key))
            kept[n++] = all->map.members[i];
    return value_map(c->arena, kept, n);
}

const struct cidr *cidrs_of(struct arena *a, const struct field_value *set, size_t *count)
{
    *count = 0;
    if (set->is != KNOWN)
        return NULL;
    const struct value *list = set->v;
    struct cidr *items = arena_calloc(a, list->seq.count, sizeof *items);
    for (size_t i = 0; i < list->seq.count; i++) {
        const char *text = value_str(list->seq.items[i], "");
        if (cidr_parse(text, strlen(text), &items[*count]) == CIDR_OK)
            ++*count;
    }
    return items;
}

/* State that was just moved here lacks what upgrade.c adds when it is read next (it was moved
 * before the provider block was known). Adding it now would show as a change. */
static bool just_moved(const struct change *ch, const char *name)
{
    return ch->kind == CHANGE_UPDATE && value_is_null(value_get(ch->prior, name)) &&
           !import_is_adopted(ch->prior_private);
}

void plan_region(struct call *c, struct change *ch)
{
    /* A resource keeps the Region it was made in: another provider region (an AWS_REGION of some
     * pipeline) is no reason to renumber. */
    if (value_is_null(value_get(ch->config, "region")) &&
        !value_is_known(value_get(ch->prior, "region")) && !just_moved(ch, "region"))
        planned_set(c, ch, "region", value_string(c->arena, estate_of(c)->region));
}

void plan_common(struct call *c, struct change *ch)
{
    const struct value *tags = value_get(ch->config, "tags");
    plan_region(c, ch);
    bool same = value_equal(&type_map_string, value_get(ch->prior, "tags"), tags);
    if (value_is_null(value_get(ch->config, "tags_all")) && !(same && just_moved(ch, "tags_all")))
        planned_set(c, ch, "tags_all", tags_merged(c, tags));
}

struct tags tags_of(struct arena *a, const struct value *map)
{
    struct tags tags = {0};
    if (map->kind != VALUE_MAP)
        return tags;
    struct tag *items = arena_calloc(a, map->map.count, sizeof *items);
    for (size_t i = 0; i < map->map.count; i++) {
        const char *text = value_str(map->map.members[i].value, NULL);
        if (text)
            items[tags.count++] = (struct tag){map->map.members[i].key, text};
    }
    tags.items = items;
    return tags;
}

struct tags tags_for_check(struct arena *a, const struct field_value *map, const struct pool *p)
{
    const struct value *v = map->v ? map->v : &value_null;
    const struct tags *need = p ? &pool_info(p)->rules.tags : NULL;
    for (size_t i = 0; need && i < need->count; i++)
        if (map->is == UNKNOWN || value_is_unknown(value_get(v, need->items[i].key)))
            v = value_set(a, value_is_known(v) ? v : &value_null, need->items[i].key,
                          value_string(a, need->items[i].value));
    return tags_of(a, v);
}
