/*
 * parity - what of the AWS provider is here, attribute by attribute
 *
 * Both sides are flattened to the same form: a path (`source_resource.resource_id`), a type, how it
 * is used (required, optional, computed) and whether a change replaces. What can be compared by
 * machine is; what cannot is told by a note. The rules keep the table honest in both directions: a
 * difference without a note, an attribute of AWS that is missing without a note, and a note that
 * no longer applies are all problems, so the table cannot be generated from wrong data.
 *
 * Two differences are none, because a configuration cannot tell them apart: an optional attribute
 * that is also computed here, which only means that the value for "not set" is visible in the plan;
 * and `id`, which the AWS provider's schema lets one write and whose value it never reads.
 */
#include "generate.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* One attribute or block, ours. */
struct flat {
    const char *path, *type, *use, *description;
    unsigned flags;
    const char *fallback; /* NULL: none */
};
struct flats {
    struct arena *arena;
    struct flat *items;
    size_t count, capacity;
};

/* The numbers of one type's table. */
struct tally {
    unsigned supported, differs, absent, ours;
};

struct parity {
    struct arena *arena;
    struct problems *problems;
    struct json_object *notes; /* of resources, or of data sources */
    bool data_sources;
    const char *type; /* the AWS name that is being compared */
    struct text table;
    struct tally tally;
};

void problem(struct problems *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_puts(&p->text, arena_vprintf(p->text.arena, fmt, ap));
    va_end(ap);
    text_puts(&p->text, "\n");
    p->count++;
}

/* --- our side --- */

static void add_flat(struct flats *f, struct flat item)
{
    ARENA_ROOM(f->arena, f->items, f->count, f->capacity, 64);
    f->items[f->count++] = item;
}

static const char *use_text(unsigned flags)
{
    if (flags & ATTR_REQUIRED)
        return "required";
    if (flags & ATTR_OPTIONAL)
        return flags & ATTR_COMPUTED ? "optional+computed" : "optional";
    return "computed";
}

static void flatten_members(struct flats *f, const char *prefix, const struct type *t)
{
    while (t->elem)
        t = t->elem;
    for (size_t i = 0; t->kind == TYPE_OBJECT && i < t->count; i++) {
        const char *path = arena_printf(f->arena, "%s.%s", prefix, t->members[i].name);
        add_flat(f, (struct flat){.path = path,
                                  .type = type_describe(f->arena, t->members[i].type),
                                  .use = "computed",
                                  .flags = ATTR_COMPUTED,
                                  .description = "Part of the result."});
        flatten_members(f, path, t->members[i].type);
    }
}

static void flatten(struct flats *f, const char *prefix, const struct block *b, unsigned inherited)
{
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        const char *path = arena_printf(f->arena, "%s%s", prefix, at->name);
        add_flat(f, (struct flat){.path = path,
                                  .type = attribute_type(f->arena, at),
                                  .use = use_text(at->flags),
                                  .flags = at->flags | inherited,
                                  .fallback = default_text(f->arena, at),
                                  .description = at->description});
        if (at->nested)
            flatten(f, arena_printf(f->arena, "%s.", path), at->nested, at->flags & ATTR_IGNORED);
        else
            flatten_members(f, path, at->type);
    }
    for (const struct nested_block *n = b->blocks; n && n->name; n++) {
        const char *path = arena_printf(f->arena, "%s%s", prefix, n->name);
        unsigned flags = n->flags | inherited;
        add_flat(f, (struct flat){.path = path,
                                  .type = block_type(n),
                                  .use = n->min_items > 0 ? "required" : "optional",
                                  .flags = flags,
                                  .description = n->description});
        flatten(f, arena_printf(f->arena, "%s.", path), n->block,
                flags & (ATTR_REPLACE | ATTR_IGNORED));
    }
}

static struct flats flats_of(struct arena *a, const struct schema *s)
{
    struct flats f = {.arena = a};
    flatten(&f, "", &s->block, 0);
    return f;
}

static const struct flat *find_flat(const struct flats *f, const char *path)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->items[i].path, path) == 0)
            return &f->items[i];
    return NULL;
}

/* --- notes --- */

/* The note's text of that kind ("differs", "missing", "remark"): the type's own, else the one for
 * all types; NULL when there is none. */
static const char *note_of(const struct parity *p, const char *path, const char *kind)
{
    const char *const types[] = {p->type, "*"};
    for (size_t i = 0; i < 2; i++) {
        struct json_object *type, *note, *text;
        if (json_object_object_get_ex(p->notes, types[i], &type) &&
            json_object_object_get_ex(type, path, &note)) {
            if (json_object_object_get_ex(note, kind, &text))
                return json_object_get_string(text);
            return NULL; /* the type's own note hides the general one */
        }
    }
    return NULL;
}

/* Notes about what neither side has, or what is no longer so. */
static void check_notes(struct parity *p, struct json_object *aws, const struct flats *ours)
{
    struct json_object *notes;
    if (!json_object_object_get_ex(p->notes, p->type, &notes))
        return;
    json_object_object_foreach(notes, path, note)
    {
        (void)note;
        bool theirs = json_object_object_get_ex(aws, path, NULL);
        bool here = ours && find_flat(ours, path);
        if (*path && !theirs && !here)
            problem(p->problems, "parity: a note tells of %s.%s, which does not exist", p->type,
                    path);
        if ((*path ? here : ours != NULL) && note_of(p, path, "missing"))
            problem(p->problems, "parity: a note says that %s.%s is missing, and it is here",
                    p->type, path);
    }
}

/* --- comparing --- */

static const char *json_text(struct json_object *o, const char *name)
{
    struct json_object *v;
    return json_object_object_get_ex(o, name, &v) ? json_object_get_string(v) : "";
}

static bool same_use(const struct flat *here, const char *use)
{
    return strcmp(here->use, use) == 0 ||
           (strcmp(use, "optional") == 0 && strcmp(here->use, "optional+computed") == 0) ||
           strcmp(here->path, "id") == 0;
}

/* What a machine sees; "" when nothing. */
static const char *difference(const struct parity *p, const struct flat *here,
                              struct json_object *aws)
{
    struct text t = text_new(p->arena);
    struct json_object *v;
    bool replaces = json_object_object_get_ex(aws, "replaces", &v) && json_object_get_boolean(v);
    const char *type = json_text(aws, "type"), *use = json_text(aws, "use");
    if (strcmp(here->type, type) != 0)
        text_printf(&t, "A %s instead of a %s. ", here->type, type);
    if (!same_use(here, use))
        text_printf(&t, "%s instead of %s. ", here->use, use);
    if (!p->data_sources && replaces != !!(here->flags & ATTR_REPLACE))
        text_puts(&t, replaces ? "Changed in place. " : "A change replaces. ");
    const char *text = text_end(&t);
    if (*text >= 'a' && *text <= 'z')
        ((char *)text)[0] -= 'a' - 'A';
    return text;
}

static void write_row(struct parity *p, const char *path, const char *theirs, const char *status,
                      const char *why)
{
    text_printf(&p->table, "| `%s` | %s | %s | ", path, theirs, status);
    write_escaped(&p->table, why);
    text_puts(&p->table, " |\n");
}

static const char *remark_of(const struct parity *p, const struct flat *here, const char *use)
{
    const char *remark = note_of(p, here->path, "remark");
    if (remark)
        return remark;
    if (strcmp(here->path, "id") == 0 && strcmp(use, here->use) != 0)
        return "Read-only here; a written one has no effect in AWS either.";
    if (strcmp(use, "optional") == 0 && strcmp(here->use, "optional") != 0)
        return here->fallback ? arena_printf(p->arena, "Not set is planned as %s.", here->fallback)
                              : "Not set is filled in.";
    return "The same.";
}

static void compare(struct parity *p, const char *path, struct json_object *aws,
                    const struct flat *here)
{
    const char *theirs =
        arena_printf(p->arena, "%s, %s", json_text(aws, "type"), json_text(aws, "use"));
    if (!here) {
        const char *why = note_of(p, path, "missing");
        if (!why)
            problem(p->problems, "parity: %s.%s of AWS is not here, and no note says why", p->type,
                    path);
        write_row(p, path, theirs, "not applicable", why ? why : "");
        p->tally.absent++;
        return;
    }
    if (here->flags & ATTR_IGNORED) {
        write_row(p, path, theirs, "not applicable", here->description);
        p->tally.absent++;
        return;
    }
    const char *seen = difference(p, here, aws), *why = note_of(p, path, "differs");
    if (*seen && !why)
        problem(p->problems, "parity: %s.%s differs from AWS (%s) and no note says why", p->type,
                path, seen);
    if (*seen || why) {
        write_row(p, path, theirs, "differs", arena_printf(p->arena, "%s%s", seen, why ? why : ""));
        p->tally.differs++;
        return;
    }
    write_row(p, path, theirs, "supported", remark_of(p, here, json_text(aws, "use")));
    p->tally.supported++;
}

static const char table_head[] = "| Attribute | AWS provider | Here | Why |\n|---|---|---|---|\n";

static void write_ours_only(struct parity *p, struct json_object *aws, const struct flats *ours)
{
    for (size_t i = 0; i < ours->count; i++) {
        const struct flat *f = &ours->items[i];
        if (json_object_object_get_ex(aws, f->path, NULL))
            continue;
        const char *remark = note_of(p, f->path, "remark");
        write_row(p, f->path, "-", "ours only", remark ? remark : f->description);
        p->tally.ours++;
    }
}

/* A type of AWS that is here. */
static void compare_type(struct parity *p, struct json_object *aws, const struct schema *schema)
{
    struct flats ours = flats_of(p->arena, schema);
    check_notes(p, aws, &ours);
    text_puts(&p->table, table_head);
    json_object_object_foreach(aws, path, attribute)
        compare(p, path, attribute, find_flat(&ours, path));
    write_ours_only(p, aws, &ours);
}

/* A type of AWS that is not here: every attribute with the type's reason. */
static void absent_type(struct parity *p, struct json_object *aws)
{
    const char *why = note_of(p, "", "missing");
    if (!why)
        problem(p->problems, "parity: %s of AWS is not here, and no note says why", p->type);
    check_notes(p, aws, NULL);
    text_puts(&p->table, table_head);
    json_object_object_foreach(aws, path, attribute)
    {
        write_row(p, path,
                  arena_printf(p->arena, "%s, %s", json_text(attribute, "type"),
                               json_text(attribute, "use")),
                  "not applicable", why ? why : "");
        p->tally.absent++;
    }
}

static const struct schema *schema_named(const struct provider *p, bool data_source,
                                         const char *type)
{
    if (data_source) {
        for (size_t i = 0; p->data_sources && p->data_sources[i]; i++)
            for (size_t n = 0; p->data_sources[i]->names[n]; n++)
                if (strcmp(p->data_sources[i]->names[n], type) == 0)
                    return p->data_sources[i]->schema;
        return NULL;
    }
    for (size_t i = 0; p->resources[i]; i++)
        for (size_t n = 0; p->resources[i]->names[n]; n++)
            if (strcmp(p->resources[i]->names[n], type) == 0)
                return p->resources[i]->schema;
    return NULL;
}

static void compare_kind(struct parity *p, const struct provider *provider,
                         struct json_object *types, struct text *summary, struct text *tables)
{
    json_object_object_foreach(types, type, aws)
    {
        const struct schema *schema = schema_named(provider, p->data_sources, type);
        p->type = type;
        p->table = text_new(p->arena);
        p->tally = (struct tally){0};
        if (schema)
            compare_type(p, aws, schema);
        else
            absent_type(p, aws);
        text_printf(summary, "| `%s` | %s | %u | %u | %u | %u |\n", type,
                    p->data_sources ? "data source" : "resource", p->tally.supported,
                    p->tally.differs, p->tally.absent, p->tally.ours);
        text_printf(tables, "\n## %s `%s`\n\n%s", p->data_sources ? "Data source" : "Resource",
                    type, text_end(&p->table));
    }
}

/* Does one of the names stand in the list of AWS's types? */
static bool any_listed(struct json_object *types, const char *const *names)
{
    for (; *names; names++)
        if (json_object_object_get_ex(types, *names, NULL))
            return true;
    return false;
}

static void write_own_types(struct text *t, const struct provider *p, struct json_object *resources,
                            struct json_object *data_sources)
{
    text_puts(t, "\n## Only here\n\n| What | Name | For |\n|---|---|---|\n");
    for (size_t i = 0; p->resources[i]; i++)
        if (!any_listed(resources, p->resources[i]->names))
            text_printf(t, "| resource | `%s` | %s |\n", p->resources[i]->names[0],
                        p->resources[i]->summary);
    for (size_t i = 0; p->data_sources && p->data_sources[i]; i++)
        if (!any_listed(data_sources, p->data_sources[i]->names))
            text_printf(t, "| data source | `%s` | %s |\n", p->data_sources[i]->names[0],
                        p->data_sources[i]->summary);
    for (size_t i = 0; p->functions && p->functions[i]; i++)
        text_printf(t, "| function | `%s` | %s |\n", p->functions[i]->name,
                    p->functions[i]->summary);
}

static struct json_object *part(struct json_object *o, const char *name, struct problems *problems)
{
    struct json_object *v = NULL;
    if (!json_object_object_get_ex(o, name, &v) || !json_object_is_type(v, json_type_object)) {
        problem(problems, "parity: \"%s\" is missing in the data", name);
        return NULL;
    }
    return v;
}

const char *parity_page(struct arena *a, const struct provider *provider, struct json_object *aws,
                        struct json_object *notes, struct problems *problems)
{
    struct json_object *resources = part(aws, "resources", problems);
    struct json_object *data_sources = part(aws, "data_sources", problems);
    struct json_object *resource_notes = part(notes, "resources", problems);
    struct json_object *data_notes = part(notes, "data_sources", problems);
    if (!resources || !data_sources || !resource_notes || !data_notes)
        return "";
    struct parity p = {.arena = a, .problems = problems, .notes = resource_notes};
    struct text tables = text_new(a), page = text_new(a);
    text_printf(&page,
                "# Parity with the AWS provider\n\n"
                "Every attribute of the IPAM family in %s %s, and what this provider does with "
                "it.\n\n"
                "- **supported**: the same name, type and behaviour.\n"
                "- **differs**: it is there and does something else, for the reason given.\n"
                "- **not applicable**: there is nothing for it to do here, or it is accepted and "
                "ignored.\n"
                "- **ours only**: the AWS provider has no such attribute.\n\n"
                "| Type | Kind | supported | differs | not applicable | ours only |\n"
                "|---|---|---|---|---|---|\n",
                json_text(aws, "provider"), json_text(aws, "version"));
    compare_kind(&p, provider, resources, &page, &tables);
    p.notes = data_notes;
    p.data_sources = true;
    compare_kind(&p, provider, data_sources, &page, &tables);
    text_puts(&page, text_end(&tables));
    write_own_types(&page, provider, resources, data_sources);
    return text_end(&page);
}
