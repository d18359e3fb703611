/*
 * schema_text - a schema table as Markdown
 *
 * One line an argument: whether it is needed, its type, what it is for, its default, its rules and
 * whether a change replaces the resource. Arguments that are accepted and ignored are collected in
 * one line, as they matter only to who brings a configuration along. Nested blocks follow as
 * sections of their own, named by their path, so that links into a page stay stable.
 *
 * The order inside a group is the table's: its author put what matters first.
 */
#include "generate.h"

#include <inttypes.h>
#include <string.h>

void write_escaped(struct text *t, const char *s)
{
    bool code = false; /* inside backquotes everything stands for itself */
    for (; *s; s++) {
        code ^= *s == '`';
        if (!code && *s == '<')
            text_puts(t, "\\");
        text_add(t, s, 1);
    }
}

const char *attribute_type(struct arena *a, const struct attribute *at)
{
    if (!at->nested)
        return type_describe(a, at->type);
    switch (at->nesting) {
    case NESTING_LIST:
        return "list of object";
    case NESTING_SET:
        return "set of object";
    case NESTING_MAP:
        return "map of object";
    case NESTING_SINGLE:
        break;
    }
    return "object";
}

const char *block_type(const struct nested_block *b)
{
    switch (b->nesting) {
    case NESTING_LIST:
        return "list of blocks";
    case NESTING_SET:
        return "set of blocks";
    case NESTING_MAP:
        return "map of blocks";
    case NESTING_SINGLE:
        break;
    }
    return "block";
}

const char *default_text(struct arena *a, const struct attribute *at)
{
    switch (at->fallback.kind) {
    case LITERAL_BOOL:
        return at->fallback.boolean ? "`true`" : "`false`";
    case LITERAL_INT:
        return arena_printf(a, "`%" PRId64 "`", at->fallback.integer);
    case LITERAL_STRING:
        return arena_printf(a, "`\"%s\"`", at->fallback.string);
    case LITERAL_EMPTY:
        return "empty";
    case LITERAL_NONE:
        break;
    }
    return NULL;
}

static void write_names(struct text *t, const char *const *names, const char *last)
{
    for (size_t i = 0; names[i]; i++)
        text_printf(t, "%s`%s`", i == 0 ? "" : names[i + 1] ? ", " : last, names[i]);
}

static void write_rule(struct text *t, const struct check *c, const char *type)
{
    switch (c->kind) {
    case CHECK_RANGE:
        text_printf(t, " From %" PRId64 " to %" PRId64 ".", c->min, c->max);
        break;
    case CHECK_MULTIPLE:
        text_printf(t, " From %" PRId64 " to %" PRId64 " in steps of %" PRId64 ".", c->min, c->max,
                    c->step);
        break;
    case CHECK_ONE_OF:
        text_puts(t, " One of ");
        write_names(t, c->names, ", ");
        text_puts(t, ".");
        break;
    case CHECK_LENGTH:
        text_printf(t, " From %" PRId64 " to %" PRId64 " %s.", c->min, c->max,
                    strcmp(type, "string") == 0 ? "characters" : "elements");
        break;
    case CHECK_CONFLICTS:
        text_puts(t, " Conflicts with ");
        write_names(t, c->names, " and ");
        text_puts(t, ".");
        break;
    case CHECK_REQUIRES:
        text_puts(t, " Requires ");
        write_names(t, c->names, " and ");
        text_puts(t, ".");
        break;
    case CHECK_EXACTLY_ONE:
    case CHECK_AT_LEAST_ONE:
        text_puts(t, c->kind == CHECK_EXACTLY_ONE ? " Exactly one of this and "
                                                  : " At least one of this and ");
        write_names(t, c->names, ", ");
        text_puts(t, " must be set.");
        break;
    case CHECK_FUNCTION:
        text_puts(t, " Must be ");
        write_escaped(t, c->text);
        text_puts(t, ".");
        break;
    case CHECK_NONE:
        break;
    }
}

static void write_flags(struct text *t, unsigned flags, const char *type, bool argument)
{
    text_puts(t, "(");
    if (argument)
        text_puts(t, flags & ATTR_REQUIRED ? "Required, " : "Optional, ");
    text_puts(t, type);
    if (argument && flags & ATTR_REPLACE)
        text_puts(t, ", forces replacement");
    if (flags & ATTR_SENSITIVE)
        text_puts(t, ", sensitive");
    if (flags & ATTR_DEPRECATED)
        text_puts(t, ", deprecated");
    text_puts(t, ") ");
}

/* Members of an object type have no descriptions, but names and types. */
static void write_members(struct text *t, const struct type *type)
{
    while (type->elem)
        type = type->elem;
    if (type->kind != TYPE_OBJECT)
        return;
    text_puts(t, " Each has");
    for (size_t i = 0; i < type->count; i++)
        text_printf(t, "%s `%s` (%s)", i ? "," : "", type->members[i].name,
                    type_describe(t->arena, type->members[i].type));
    text_puts(t, ".");
}

static void write_attribute(struct text *t, const struct attribute *at, bool argument)
{
    const char *type = attribute_type(t->arena, at);
    text_printf(t, "- `%s` ", at->name);
    write_flags(t, at->flags, type, argument);
    write_escaped(t, at->description);
    const char *fallback = argument ? default_text(t->arena, at) : NULL;
    if (fallback)
        text_printf(t, " Default: %s.", fallback);
    for (const struct check *c = at->checks; argument && c && c->kind != CHECK_NONE; c++)
        write_rule(t, c, type);
    if (!at->nested)
        write_members(t, at->type);
    text_puts(t, "\n");
}

static bool is_argument(unsigned flags)
{
    return flags & (ATTR_REQUIRED | ATTR_OPTIONAL);
}

static void write_block_line(struct text *t, const struct nested_block *b)
{
    text_printf(t, "- `%s` ", b->name);
    write_flags(t, b->flags | (b->min_items > 0 ? ATTR_REQUIRED : ATTR_OPTIONAL), block_type(b),
                true);
    write_escaped(t, b->description);
    if (b->max_items == 1 && b->nesting != NESTING_SINGLE)
        text_puts(t, " At most one.");
    else if (b->max_items > 0)
        text_printf(t, " At most %" PRId64 ".", b->max_items);
    text_puts(t, " See below.\n");
}

/* One group: the required or the optional ones. Returns whether there were any. */
static bool write_group(struct text *t, const struct block *b, bool required, const char *heading)
{
    bool any = false;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        if (!is_argument(at->flags) || at->flags & ATTR_IGNORED ||
            required != !!(at->flags & ATTR_REQUIRED))
            continue;
        text_puts(t, any ? "" : heading);
        write_attribute(t, at, true);
        any = true;
    }
    for (const struct nested_block *n = b->blocks; n && n->name; n++) {
        if (n->flags & ATTR_IGNORED || required != (n->min_items > 0))
            continue;
        text_puts(t, any ? "" : heading);
        write_block_line(t, n);
        any = true;
    }
    return any;
}

static void write_ignored(struct text *t, const struct block *b)
{
    const char *before = "\nAccepted, so that configurations of the AWS provider run as they are, "
                         "and ignored: ";
    bool any = false;
    for (const struct attribute *at = b->attributes; at && at->name; at++)
        if (at->flags & ATTR_IGNORED) {
            text_printf(t, "%s`%s`", any ? ", " : before, at->name);
            any = true;
        }
    for (const struct nested_block *n = b->blocks; n && n->name; n++)
        if (n->flags & ATTR_IGNORED) {
            text_printf(t, "%s`%s` (%s)", any ? ", " : before, n->name, block_type(n));
            any = true;
        }
    if (any)
        text_puts(t, ".\n");
}

static bool write_computed(struct text *t, const struct block *b, const char *heading)
{
    bool any = false;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        if (is_argument(at->flags))
            continue;
        text_puts(t, any ? "" : heading);
        write_attribute(t, at, false);
        any = true;
    }
    return any;
}

static void write_nested(struct text *t, const struct block *b, const char *path);

static void write_inner(struct text *t, const struct block *b, const char *path)
{
    text_printf(t, "\n### `%s`\n\n", path);
    if (b->description) {
        write_escaped(t, b->description);
        text_puts(t, "\n\n");
    }
    write_group(t, b, true, "");
    write_group(t, b, false, "");
    write_computed(t, b, "");
    write_ignored(t, b);
    write_nested(t, b, path);
}

static void write_nested(struct text *t, const struct block *b, const char *path)
{
    const char *dot = *path ? "." : "";
    for (const struct nested_block *n = b->blocks; n && n->name; n++)
        if (!(n->flags & ATTR_IGNORED))
            write_inner(t, n->block, arena_printf(t->arena, "%s%s%s", path, dot, n->name));
    for (const struct attribute *at = b->attributes; at && at->name; at++)
        if (at->nested)
            write_inner(t, at->nested, arena_printf(t->arena, "%s%s%s", path, dot, at->name));
}

void write_schema(struct text *t, const struct schema *s)
{
    const struct block *b = &s->block;
    text_puts(t, "\n## Arguments\n");
    bool required = write_group(t, b, true, "\nRequired:\n\n");
    bool optional = write_group(t, b, false, "\nOptional:\n\n");
    if (!required && !optional)
        text_puts(t, "\nNone.\n");
    write_ignored(t, b);
    text_puts(t, "\n## Attributes\n");
    if (!write_computed(t, b, "\nAll arguments, and:\n\n"))
        text_puts(t, "\nThe arguments, and no more.\n");
    write_nested(t, b, "");
}

void write_replacement(struct text *t, const struct schema *s)
{
    const char *names[256];
    size_t n = 0;
    for (const struct attribute *at = s->block.attributes; at && at->name && n < 255; at++)
        if (at->flags & ATTR_REPLACE)
            names[n++] = at->name;
    for (const struct nested_block *b = s->block.blocks; b && b->name && n < 255; b++)
        if (b->flags & ATTR_REPLACE)
            names[n++] = b->name;
    names[n] = NULL;
    if (n == 0) {
        text_puts(t, "Every argument is changed in place.\n");
        return;
    }
    text_puts(t, "A change of ");
    write_names(t, names, " or ");
    text_puts(t, " replaces the resource; all else is changed in place.\n");
}
