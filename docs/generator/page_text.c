/*
 * page_text - whole pages in the layout of the Terraform registry
 *
 * A page is front matter, purpose, names, example, schema, import and refusals, always in this
 * order, so that a reader who knows one page knows them all. What is prose beyond the tables (how
 * a thing behaves over time) is a note: a Markdown file in docs/generator/notes/ that stands behind
 * the purpose. A page without its example is not made: the missing file is a problem.
 */
#include "generate.h"

#include <stdio.h>
#include <string.h>

#include "provider/estate.h"

/* More than any example or page has. */
#define SOURCE_MAX (1 << 20)

const char *page_file(const char *type_name)
{
    return strncmp(type_name, "ipam_", 5) == 0 ? type_name + 5 : type_name;
}

static const char *read_all(struct arena *a, FILE *f)
{
    char *data = arena_alloc(a, SOURCE_MAX + 1);
    size_t n = fread(data, 1, SOURCE_MAX, f);
    data[n] = '\0';
    return ferror(f) || !feof(f) ? NULL : data;
}

const char *source_read(const struct sources *s, const char *path, bool needed)
{
    FILE *f = fopen(arena_printf(s->arena, "%s/%s", s->root, path), "rb");
    if (!f) {
        if (needed)
            problem(s->problems, "%s is missing", path);
        return NULL;
    }
    const char *text = read_all(s->arena, f);
    fclose(f);
    if (!text)
        problem(s->problems, "%s cannot be read, or has more than %d bytes", path, SOURCE_MAX);
    return text;
}

static void front_matter(struct text *t, const char *title, const char *group, const char *summary)
{
    text_printf(t,
                "---\npage_title: \"%s - terraform-provider-ipam\"\nsubcategory: \"%s\"\n"
                "description: |-\n  %s\n---\n\n",
                title, group, summary);
}

static void write_example(struct text *t, const struct sources *s, const char *path)
{
    const char *example = source_read(s, path, true);
    if (example)
        text_printf(t, "\n## Example\n\n```terraform\n%s```\n", example);
}

static void write_note(struct text *t, const struct sources *s, const char *path)
{
    const char *note = source_read(s, path, false);
    if (note)
        text_printf(t, "\n%s", note);
}

static void write_type_names(struct text *t, const char *const *names, bool moves)
{
    if (!names[1])
        return;
    text_puts(t, "\nOther names of the type: ");
    for (size_t i = 1; names[i]; i++)
        text_printf(t, "%s`%s`", i > 1 ? ", " : "", names[i]);
    text_puts(t, moves ? ". They may be mixed, and `moved` goes from any to any.\n"
                       : ". They may be mixed.\n");
}

/* Placeholders of the registry as a reader expects them: {pool} -> ‹pool›; those that hold now this
 * and now that become an ellipsis. */
static void write_template(struct text *t, const char *template)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (const char *p = template; *p; p++) {
        size_t n = *p == '{' ? strspn(p + 1, letters) : 0;
        if (n > 0 && p[n + 1] == '}') {
            bool vague = strncmp(p + 1, "text", 4) == 0;
            text_puts(t, vague ? "…" : "‹");
            text_add(t, p + 1, vague ? 0 : n);
            text_puts(t, vague ? "" : "›");
            p += n + 1;
        } else if (*p == '<') {
            text_puts(t, "\\<");
        } else {
            text_add(t, p, 1);
        }
    }
}

static void write_refusals(struct text *t, const struct page *page)
{
    if (*page->codes == REFUSAL_NONE && !page->own)
        return;
    text_puts(t, "\n## Refusals\n\nWhat is refused, with AWS's error code and the text that is "
                 "shown. While planning, if what it depends on is known by then.\n\n"
                 "| Code | Text |\n|---|---|\n");
    for (const struct own_rule *r = page->own; r && r->code; r++) {
        text_printf(t, "| `%s` | ", r->code);
        write_template(t, r->text);
        text_puts(t, " |\n");
    }
    for (const enum refusal_code *c = page->codes; *c != REFUSAL_NONE; c++) {
        const char *aws, *text;
        if (!refusal_template(*c, &aws, &text))
            continue;
        text_printf(t, "| `%s` | ", aws);
        write_template(t, text);
        text_puts(t, " |\n");
    }
}

static const struct page *page_needed(const struct sources *s, const struct page *pages,
                                      const char *name)
{
    static const enum refusal_code none = REFUSAL_NONE;
    static const struct page empty = {.subcategory = "", .codes = &none};
    const struct page *page = page_find(pages, name);
    if (!page)
        problem(s->problems, "%s has no entry in docs/generator/pages.c", name);
    return page ? page : &empty;
}

const char *resource_page(const struct sources *s, const struct resource *r)
{
    const char *name = r->names[0];
    const struct page *page = page_needed(s, resource_pages, name);
    struct text t = text_new(s->arena);
    front_matter(&t, arena_printf(s->arena, "%s Resource", name), page->subcategory, r->summary);
    text_printf(&t, "# %s (Resource)\n\n", name);
    write_escaped(&t, r->schema->block.description);
    text_puts(&t, "\n");
    write_note(&t, s, arena_printf(s->arena, "docs/generator/notes/resources/%s.md", name));
    write_type_names(&t, r->names, true);
    write_example(&t, s, arena_printf(s->arena, "examples/resources/%s/resource.tf", name));
    write_schema(&t, r->schema);
    text_puts(&t, "\n## Changes\n\n");
    write_replacement(&t, r->schema);
    text_puts(&t, "\n## Import\n\n");
    if (r->import) {
        const char *import =
            source_read(s, arena_printf(s->arena, "examples/resources/%s/import.sh", name), true);
        text_printf(&t, "```shell\n%s```\n", import ? import : "");
    } else {
        text_puts(&t, "The resource cannot be imported.\n");
    }
    write_refusals(&t, page);
    return text_end(&t);
}

const char *data_source_page(const struct sources *s, const struct data_source *d)
{
    const char *name = d->names[0];
    const struct page *page = page_needed(s, data_source_pages, name);
    struct text t = text_new(s->arena);
    front_matter(&t, arena_printf(s->arena, "%s Data Source", name), page->subcategory, d->summary);
    text_printf(&t, "# %s (Data Source)\n\n", name);
    write_escaped(&t, d->schema->block.description);
    text_puts(&t, "\n");
    write_note(&t, s, arena_printf(s->arena, "docs/generator/notes/data-sources/%s.md", name));
    write_type_names(&t, d->names, false);
    write_example(&t, s, arena_printf(s->arena, "examples/data-sources/%s/data-source.tf", name));
    write_schema(&t, d->schema);
    write_refusals(&t, page);
    return text_end(&t);
}

static void write_signature(struct text *t, const struct function *f)
{
    text_printf(t, "\n## Signature\n\n```text\n%s(", f->name);
    for (const struct parameter *p = f->parameters; p && p->name; p++)
        text_printf(t, "%s%s %s%s", p == f->parameters ? "" : ", ", p->name,
                    type_describe(t->arena, p->type), p->variadic ? "..." : "");
    text_printf(t, ") %s\n```\n\n## Arguments\n\n", type_describe(t->arena, f->result));
    for (const struct parameter *p = f->parameters; p && p->name; p++) {
        text_printf(t, "1. `%s` (%s%s) ", p->name, type_describe(t->arena, p->type),
                    p->variadic ? ", may be left out" : "");
        write_escaped(t, p->description);
        text_puts(t, "\n");
    }
}

const char *function_page(const struct sources *s, const struct function *f)
{
    struct text t = text_new(s->arena);
    front_matter(&t, arena_printf(s->arena, "%s Function", f->name), "Functions", f->summary);
    text_printf(&t, "# function: %s\n\n", f->name);
    write_escaped(&t, f->description);
    text_puts(&t, "\n");
    write_example(&t, s, arena_printf(s->arena, "examples/functions/%s/function.tf", f->name));
    write_signature(&t, f);
    return text_end(&t);
}

/* `aws_vpc_ipam_pool`, or a dash when the type has but one name. */
static void write_list_line(struct text *t, const char *folder, const char *const *names,
                            const char *summary)
{
    text_printf(t, "| [`%s`](%s/%s.md) | ", names[0], folder, page_file(names[0]));
    for (size_t i = 1; names[i]; i++)
        text_printf(t, "%s`%s`", i > 1 ? ", " : "", names[i]);
    text_puts(t, names[1] ? " | " : "- | ");
    write_escaped(t, summary);
    text_puts(t, " |\n");
}

static void write_lists(struct text *t, const struct provider *p)
{
    text_puts(t, "\n## Resources\n\n| Type | Other names | For |\n|---|---|---|\n");
    for (size_t i = 0; p->resources[i]; i++)
        write_list_line(t, "resources", p->resources[i]->names, p->resources[i]->summary);
    if (p->data_sources && p->data_sources[0]) {
        text_puts(t, "\n## Data sources\n\n| Type | Other names | For |\n|---|---|---|\n");
        for (size_t i = 0; p->data_sources[i]; i++)
            write_list_line(t, "data-sources", p->data_sources[i]->names,
                            p->data_sources[i]->summary);
    }
    if (p->functions && p->functions[0]) {
        text_puts(t, "\n## Functions\n\n| Name | For |\n|---|---|\n");
        for (size_t i = 0; p->functions[i]; i++) {
            const struct function *f = p->functions[i];
            text_printf(t, "| [`%s`](functions/%s.md) | ", f->name, f->name);
            write_escaped(t, f->summary);
            text_puts(t, " |\n");
        }
    }
}

const char *index_page(const struct sources *s, const struct provider *p)
{
    struct text t = text_new(s->arena);
    front_matter(&t, "Provider: ipam", "", "Hands out CIDRs that never overlap, without a server.");
    text_puts(&t, "# ipam Provider\n\n");
    write_escaped(&t, p->about);
    text_puts(&t, "\n");
    write_note(&t, s, "docs/generator/notes/index.md");
    write_example(&t, s, "examples/provider/provider.tf");
    write_lists(&t, p);
    write_schema(&t, p->schema);
    return text_end(&t);
}
