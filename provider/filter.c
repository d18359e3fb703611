/*
 * filter - which things a data source tells
 *
 * The names are derived from the table of what is told, so a field and its filter cannot drift
 * apart; aliases are AWS's names where those differ. A name that does not exist is an error: an
 * ignored filter would tell everything, and that is the opposite of what was asked.
 */
#include "provider/filter.h"

#include <string.h>

#include "proto/text.h"
#include "provider/estate.h"

static const struct attribute filter_attributes[] = {
    {.name = "name",
     .type = &type_string,
     .flags = ATTR_REQUIRED,
     .description = "Name of a field in kebab case, `tag:KEY` or `tag-key`."},
    {.name = "values",
     .type = &type_set_string,
     .flags = ATTR_REQUIRED,
     CHECKS(LENGTH(1, 200)),
     .description = "Texts, of which one has to match. `*` stands for any characters, `?` for one; "
                    "upper and lower case differ."},
    END_ATTRIBUTES,
};
const struct block filter_block = {.description = "A condition.", .attributes = filter_attributes};

/* One character of UTF-8 onwards. */
static const char *after_character(const char *s)
{
    s++;
    while ((*s & 0xC0) == 0x80)
        s++;
    return s;
}

/* The usual walk with one point to come back to: after a `*` only the last one matters. */
bool filter_match(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        const char *literal = pattern + (*pattern == '\\' && pattern[1]);
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern == '?') {
            pattern++;
            text = after_character(text);
        } else if (*literal == *text) {
            pattern = literal + 1;
            text++;
        } else if (star) {
            pattern = star;
            text = retry = after_character(retry);
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* --- names --- */

static bool is_askable(const struct attribute *f)
{
    const struct type *t = f->type && f->type->elem ? f->type->elem : f->type;
    return t && (t->kind == TYPE_STRING || t->kind == TYPE_NUMBER || t->kind == TYPE_BOOL) &&
           f->type->kind != TYPE_MAP;
}

static bool is_kebab_of(const char *name, const char *field)
{
    for (; *name && *field; name++, field++)
        if (*name != (*field == '_' ? '-' : *field))
            return false;
    return *name == *field;
}

/* The member that a name looks at; NULL when there is no such name. */
static const char *member_of(const struct filter_names *names, const char *name)
{
    for (const struct attribute *f = names->fields; f->name; f++)
        if (is_askable(f) && is_kebab_of(name, f->name))
            return f->name;
    for (const struct filter_alias *x = names->aliases; x && x->name; x++)
        if (strcmp(name, x->name) == 0)
            return x->member;
    bool tag = strcmp(name, "tag-key") == 0 || strncmp(name, "tag:", 4) == 0;
    return tag ? names->tags : NULL;
}

static const char *known_names(struct arena *a, const struct filter_names *names)
{
    struct text t = text_new(a);
    for (const struct filter_alias *x = names->aliases; x && x->name; x++)
        text_printf(&t, "%s, ", x->name);
    for (const struct attribute *f = names->fields; f->name; f++) {
        if (!is_askable(f))
            continue;
        for (const char *p = f->name; *p; p++)
            text_add(&t, *p == '_' ? "-" : p, 1);
        text_puts(&t, ", ");
    }
    text_puts(&t, names->tags ? "tag:KEY, tag-key" : "");
    char *list = arena_strdup(a, text_end(&t));
    size_t n = strlen(list);
    if (n > 2 && list[n - 2] == ',')
        list[n - 2] = '\0';
    return list;
}

void filter_check(struct call *c, const struct filter_names *names, const struct value *filters)
{
    for (size_t i = 0; filters->kind == VALUE_SEQ && i < filters->seq.count; i++) {
        const char *name = value_str(value_get(filters->seq.items[i], "name"), NULL);
        if (name && !member_of(names, name))
            diag_error(c->diags, PATH_ATTR(NULL, "filter"), "Unknown filter",
                       "There is no filter \"%.60s\" here. A filter that is not known cannot be "
                       "left out silently: that would tell everything. The names are: %s.",
                       name, known_names(c->arena, names));
    }
}

/* --- matching --- */

static bool matches_one(const struct value *values, const char *text)
{
    for (size_t i = 0; values->kind == VALUE_SEQ && i < values->seq.count; i++)
        if (filter_match(value_str(values->seq.items[i], ""), text))
            return true;
    return false;
}

static bool matches(struct arena *a, const struct value *values, const struct value *member)
{
    switch (member->kind) {
    case VALUE_STRING:
        return matches_one(values, member->string.text);
    case VALUE_BOOL:
        return matches_one(values, member->boolean ? "true" : "false");
    case VALUE_NUMBER:
        return matches_one(values, value_number_print(a, &member->number));
    case VALUE_SEQ:
        for (size_t i = 0; i < member->seq.count; i++)
            if (matches(a, values, member->seq.items[i]))
                return true;
        return false;
    default:
        return false;
    }
}

static bool matches_tags(struct arena *a, const char *name, const struct value *values,
                         const struct value *tags)
{
    if (strncmp(name, "tag:", 4) == 0)
        return matches(a, values, value_get(tags, name + 4));
    for (size_t i = 0; tags->kind == VALUE_MAP && i < tags->map.count; i++)
        if (matches_one(values, tags->map.members[i].key))
            return true;
    return false;
}

bool filter_passes(struct arena *a, const struct filter_names *names, const struct value *filters,
                   const struct value *object)
{
    for (size_t i = 0; filters->kind == VALUE_SEQ && i < filters->seq.count; i++) {
        const struct value *filter = filters->seq.items[i];
        const struct value *values = value_get(filter, "values");
        const char *name = value_str(value_get(filter, "name"), "");
        const char *member = member_of(names, name);
        if (!member)
            return false;
        bool passes = member == names->tags
                          ? matches_tags(a, name, values, value_get(object, member))
                          : matches(a, values, value_get(object, member));
        if (!passes)
            return false;
    }
    return true;
}
