/*
 * main - docs-generate: writes every generated page of docs/
 *
 * `docs-generate ROOT OUT` reads examples, notes and the lists of the AWS provider under ROOT and
 * writes index.md, parity.md, resources/, data-sources/ and functions/ into OUT. It is all or
 * nothing: with a missing example or a difference from AWS that has no reason it says so and writes
 * no page.
 */
#include "generate.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "provider/estate.h"

struct page_file {
    const char *path, *text;
};
struct page_files {
    struct page_file *items;
    size_t count, capacity;
};

static void keep(struct arena *a, struct page_files *f, const char *path, const char *text)
{
    ARENA_ROOM(a, f->items, f->count, f->capacity, 32);
    f->items[f->count++] = (struct page_file){path, text};
}

static struct json_object *read_json(const struct sources *s, const char *path)
{
    const char *text = source_read(s, path, true);
    enum json_tokener_error error = json_tokener_success;
    struct json_object *o = text ? json_tokener_parse_verbose(text, &error) : NULL;
    if (text && (!o || !json_object_is_type(o, json_type_object)))
        problem(s->problems, "%s is no JSON object: %s", path, json_tokener_error_desc(error));
    return o;
}

static void make_parity(const struct sources *s, const struct provider *p, struct page_files *out)
{
    struct json_object *aws = read_json(s, "docs/generator/aws_schema.json");
    struct json_object *notes = read_json(s, "docs/generator/parity_notes.json");
    if (aws && notes)
        keep(s->arena, out, "parity.md", parity_page(s->arena, p, aws, notes, s->problems));
    json_object_put(aws);
    json_object_put(notes);
}

static void make_pages(const struct sources *s, const struct provider *p, struct page_files *out)
{
    struct arena *a = s->arena;
    keep(a, out, "index.md", index_page(s, p));
    for (size_t i = 0; p->resources[i]; i++)
        keep(a, out, arena_printf(a, "resources/%s.md", page_file(p->resources[i]->names[0])),
             resource_page(s, p->resources[i]));
    for (size_t i = 0; p->data_sources && p->data_sources[i]; i++)
        keep(a, out, arena_printf(a, "data-sources/%s.md", page_file(p->data_sources[i]->names[0])),
             data_source_page(s, p->data_sources[i]));
    for (size_t i = 0; p->functions && p->functions[i]; i++)
        keep(a, out, arena_printf(a, "functions/%s.md", p->functions[i]->name),
             function_page(s, p->functions[i]));
    make_parity(s, p, out);
}

static bool write_page(struct arena *a, const char *folder, const struct page_file *page)
{
    const char *path = arena_printf(a, "%s/%s", folder, page->path);
    FILE *f = fopen(path, "wb");
    bool good = f && fputs(page->text, f) >= 0;
    good = f && fclose(f) == 0 && good;
    if (!good)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return good;
}

static bool make_folders(struct arena *a, const char *out)
{
    static const char *const names[] = {"", "/resources", "/data-sources", "/functions"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = arena_printf(a, "%s%s", out, names[i]);
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            fprintf(stderr, "%s: %s\n", path, strerror(errno));
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: docs-generate ROOT OUT\n");
        return 2;
    }
    struct arena *a = arena_new();
    if (!a) {
        fprintf(stderr, "docs-generate: out of memory\n");
        return 1;
    }
    struct problems problems = {.text = text_new(a)};
    struct page_files pages = {0};
    make_pages(&(struct sources){a, argv[1], &problems}, &ipam_provider, &pages);
    bool good = problems.count == 0 && make_folders(a, argv[2]);
    if (problems.count > 0)
        fprintf(stderr, "%sno page was written\n", text_end(&problems.text));
    for (size_t i = 0; good && i < pages.count; i++)
        good = write_page(a, argv[2], &pages.items[i]);
    arena_free(a);
    return good ? 0 : 1;
}
