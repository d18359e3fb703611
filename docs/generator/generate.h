/*
 * generate - the documentation pages, made from the tables that the provider runs on
 *
 * Everything that a page says about arguments, defaults, rules, replacement, names and refusals is
 * read from the schema tables and from the registry of error texts, so a page cannot promise what
 * the program does not do. Examples come from files that tests apply. All results live in the arena
 * that is given; running out of memory aborts, which is fine for a tool.
 */
#ifndef DOCS_GENERATE_H
#define DOCS_GENERATE_H

#include "engine/engine.h"
#include "proto/provider.h"
#include "proto/text.h"

/* What was wrong, one line each; empty when nothing was. */
struct problems {
    struct text text;
    unsigned count;
};
void problem(struct problems *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- pages.c: what the tables do not say --- */

/* A refusal that a hook gives by itself, without the engine. */
struct own_rule {
    const char *code; /* AWS's error code, or the summary; NULL ends a list */
    const char *text;
};

struct page {
    const char *name;               /* native name of the type; NULL ends the list */
    const char *subcategory;        /* group in the registry's menu */
    const enum refusal_code *codes; /* refusals of the engine, ends with REFUSAL_NONE */
    const struct own_rule *own;     /* NULL: none */
};
extern const struct page resource_pages[], data_source_pages[];
/* NULL when there is none. O(pages). */
const struct page *page_find(const struct page *pages, const char *name);

/* --- schema_text.c: a schema as Markdown --- */

/* The sections `Arguments` and `Attributes` with their nested blocks. */
void write_schema(struct text *t, const struct schema *s);
/* The arguments that force a replacement, as one paragraph. */
void write_replacement(struct text *t, const struct schema *s);
/* `list of string`, `set of object`, `number`. For parity, too. */
const char *attribute_type(struct arena *a, const struct attribute *at);
const char *block_type(const struct nested_block *b);
/* `""`, `0`, `false`, `empty` in Markdown; NULL when there is no default. */
const char *default_text(struct arena *a, const struct attribute *at);
/* Text for a table's cell or a line of prose: `<` and `|` as Markdown wants them. */
void write_escaped(struct text *t, const char *s);

/* --- page_text.c: whole pages --- */

/* Where examples and notes are read from: a folder with examples/ and docs/generator/notes/. */
struct sources {
    struct arena *arena;
    const char *root;
    struct problems *problems; /* missing and unreadable files */
};
const char *resource_page(const struct sources *s, const struct resource *r);
const char *data_source_page(const struct sources *s, const struct data_source *d);
const char *function_page(const struct sources *s, const struct function *f);
const char *index_page(const struct sources *s, const struct provider *p);
/* `ipam_pool` -> `pool`: how the registry names the file of a page. */
const char *page_file(const char *type_name);

/* The content of a file under the root; NULL when it cannot be read. A missing file is a problem
 * only when it is `needed`. */
const char *source_read(const struct sources *s, const char *path, bool needed);

/* --- parity.c: ours against the AWS provider's --- */

struct json_object;

/* docs/parity.md. `aws` is aws_schema.json, `notes` is parity_notes.json. A difference without a
 * reason, and a reason without a difference, is a problem. */
const char *parity_page(struct arena *a, const struct provider *p, struct json_object *aws,
                        struct json_object *notes, struct problems *problems);

#endif
