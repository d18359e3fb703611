/*
 * inventory_tree - YAML and JSON to a tree, within limits
 *
 * JSON is read as what it is, a subset of YAML. libyaml's events are taken rather than its
 * documents, because only so every limit holds before memory is used: a document of libyaml is
 * complete before anybody can look at it.
 *
 * Aliases do not copy: the node that stands where the alias stood shares the other one's elements,
 * which hang together by their own links. A tree that is small in memory could still take for ever
 * to walk (ten lists of ten aliases of ten lists ...), so every alias counts as many nodes as it
 * stands for, and few are allowed: an inventory has no use for more. An anchor can be used only
 * when it is complete, so there are no circles.
 *
 * A key that comes twice is an error: in YAML the last one would win, and half of an inventory
 * would be gone without a word. Merge keys (<<) are refused for the same reason: libyaml does not
 * know them, so what they bring would be missing.
 */
#include "provider/inventory_internal.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#define DEPTH_MAX   64 /* more than any limit */
#define ANCHORS_MAX 1000

struct anchor {
    struct anchor *before;
    const char *name;
    const struct node *node;
    size_t size; /* in nodes; 0: it is not complete */
};

struct frame {
    struct node *container;
    const struct node **end; /* where the next element goes */
    struct anchor *anchor;
    size_t begun; /* nodes before it */
};

struct builder {
    yaml_parser_t parser;
    yaml_event_t event; /* zeroed: none */
    struct arena *arena;
    const struct inventory_limits *limits;
    struct frame stack[DEPTH_MAX];
    unsigned depth;
    const struct node *documents, **end;
    struct anchor *anchors;
    size_t anchor_count, nodes, shared;
    struct tree_error *error;
};

static void builder_free(void *p)
{
    struct builder *b = p;
    yaml_event_delete(&b->event);
    yaml_parser_delete(&b->parser);
}

static bool fail_at(struct builder *b, yaml_mark_t mark, const char *text)
{
    *b->error = (struct tree_error){
        .line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1, .text = text};
    return false;
}

static bool fail(struct builder *b, const char *text)
{
    return fail_at(b, b->event.start_mark, text);
}

/* --- keys --- */

static int by_text(const void *x, const void *y)
{
    const struct node *a = *(const struct node *const *)x, *b = *(const struct node *const *)y;
    int order = strcmp(a->text, b->text);
    return order                ? order
           : a->line != b->line ? (a->line > b->line) - (a->line < b->line)
                                : (a->column > b->column) - (a->column < b->column);
}

static bool check_keys(struct builder *b, const struct node *map)
{
    size_t n = 0;
    if (map->count <= 2)
        return true;
    const struct node **keys = arena_calloc(b->arena, map->count / 2, sizeof *keys);
    for (const struct node *k = map->first; k; k = k->next->next)
        keys[n++] = k;
    qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 1; i < n; i++)
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0) {
            *b->error = (struct tree_error){
                keys[i]->line, keys[i]->column,
                arena_printf(b->arena, "the key \"%.100s\" is there twice, first in line %u",
                             keys[i]->text, keys[i - 1]->line)};
            return false;
        }
    return true;
}

static bool is_key_next(const struct builder *b)
{
    const struct frame *f = b->depth ? &b->stack[b->depth - 1] : NULL;
    return f && f->container->kind == NODE_MAP && f->container->count % 2 == 0;
}

/* --- nodes --- */

static bool count_nodes(struct builder *b, size_t more)
{
    if (more <= b->limits->nodes - b->nodes) {
        b->nodes += more;
        return true;
    }
    return fail(b, arena_printf(b->arena, "the file has more than %zu values", b->limits->nodes));
}

/* A new node at the place of the event, hung in. NULL: failed. */
static struct node *put_node(struct builder *b, enum node_kind kind)
{
    if (!count_nodes(b, 1))
        return NULL;
    struct node *n = arena_alloc(b->arena, sizeof *n);
    n->kind = kind;
    n->line = (uint32_t)b->event.start_mark.line + 1;
    n->column = (uint32_t)b->event.start_mark.column + 1;
    if (b->depth == 0) {
        *b->end = n;
        b->end = &n->next;
    } else {
        struct frame *f = &b->stack[b->depth - 1];
        *f->end = n;
        f->end = &n->next;
        f->container->count++;
    }
    return n;
}

/* NULL without an error: the event has no anchor. */
static bool put_anchor(struct builder *b, const yaml_char_t *name, const struct node *n,
                       struct anchor **out)
{
    *out = NULL;
    if (!name)
        return true;
    if (++b->anchor_count > ANCHORS_MAX)
        return fail(b, "the file has more than 1000 anchors");
    struct anchor *a = arena_alloc(b->arena, sizeof *a);
    *a = (struct anchor){
        .before = b->anchors, .name = arena_strdup(b->arena, (const char *)name), .node = n};
    *out = b->anchors = a;
    return true;
}

static bool is_null_word(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool put_scalar(struct builder *b)
{
    const char *text = (const char *)b->event.data.scalar.value;
    size_t len = b->event.data.scalar.length;
    bool plain = b->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool key = is_key_next(b);
    struct anchor *anchor;
    if (len > b->limits->text)
        return fail(b, arena_printf(b->arena, "a text is longer than %zu bytes", b->limits->text));
    if (memchr(text, '\0', len))
        return fail(b, "a text holds a NUL");
    if (key && plain && strcmp(text, "<<") == 0)
        return fail(b, "merge keys (<<) are not read; write out what they would bring");
    bool null = !key && plain && is_null_word(text);
    struct node *n = put_node(b, null ? NODE_NULL : NODE_TEXT);
    if (!n || !put_anchor(b, b->event.data.scalar.anchor, n, &anchor))
        return false;
    if (!null)
        n->text = arena_strndup(b->arena, text, len);
    if (anchor)
        anchor->size = 1;
    return true;
}

static bool put_alias(struct builder *b)
{
    const char *name = (const char *)b->event.data.alias.anchor;
    const struct anchor *a = b->anchors;
    while (a && strcmp(a->name, name) != 0)
        a = a->before;
    if (!a || !a->size)
        return fail(b, "an alias has no anchor before it, or stands inside of it");
    if (a->size > b->limits->shared - b->shared)
        return fail(
            b, arena_printf(b->arena, "aliases stand for more than %zu values", b->limits->shared));
    if (is_key_next(b) && a->node->kind != NODE_TEXT)
        return fail(b, "a key has to be a text");
    b->shared += a->size;
    struct node *n = put_node(b, a->node->kind);
    if (!n || !count_nodes(b, a->size - 1))
        return false;
    if (n->kind == NODE_TEXT)
        n->text = a->node->text;
    else
        n->first = a->node->first;
    n->count = a->node->count;
    return true;
}

static bool begin_container(struct builder *b, enum node_kind kind, const yaml_char_t *name)
{
    if (b->depth >= b->limits->depth || b->depth >= DEPTH_MAX)
        return fail(b, arena_printf(b->arena, "lists and maps are nested more than %u deep",
                                    b->limits->depth));
    if (is_key_next(b))
        return fail(b, "a key has to be a text");
    struct frame f = {.begun = b->nodes};
    f.container = put_node(b, kind);
    if (!f.container || !put_anchor(b, name, f.container, &f.anchor))
        return false;
    f.end = &f.container->first;
    b->stack[b->depth++] = f;
    return true;
}

static bool end_container(struct builder *b)
{
    struct frame *f = &b->stack[--b->depth];
    if (f->anchor)
        f->anchor->size = b->nodes - f->begun;
    return f->container->kind != NODE_MAP || check_keys(b, f->container);
}

/* --- events --- */

static bool take_event(struct builder *b)
{
    switch (b->event.type) {
    case YAML_SCALAR_EVENT:
        return put_scalar(b);
    case YAML_ALIAS_EVENT:
        return put_alias(b);
    case YAML_SEQUENCE_START_EVENT:
        return begin_container(b, NODE_LIST, b->event.data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return begin_container(b, NODE_MAP, b->event.data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return end_container(b);
    case YAML_DOCUMENT_START_EVENT:
        b->anchors = NULL; /* those of a document end with it */
        return true;
    default:
        return true;
    }
}

static bool fail_parser(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR)
        arena_exhausted(b->arena);
    const char *problem = p->problem ? p->problem : "it is no YAML";
    if (p->error == YAML_READER_ERROR)
        return fail_at(b, p->mark, arena_strdup(b->arena, problem));
    return fail_at(b, p->problem_mark,
                   p->context ? arena_printf(b->arena, "%s %s", p->context, problem)
                              : arena_strdup(b->arena, problem));
}

bool tree_parse(struct arena *a, const char *bytes, size_t len,
                const struct inventory_limits *limits, const struct node **documents,
                struct tree_error *error)
{
    struct builder *b = arena_alloc(a, sizeof *b);
    b->arena = a;
    b->limits = limits;
    b->error = error;
    b->end = &b->documents;
    if (!yaml_parser_initialize(&b->parser))
        arena_exhausted(a);
    arena_defer(a, builder_free, b);
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)bytes, len);
    for (bool more = true; more;) {
        yaml_event_delete(&b->event);
        if (!yaml_parser_parse(&b->parser, &b->event))
            return fail_parser(b);
        more = b->event.type != YAML_STREAM_END_EVENT;
        if (!take_event(b))
            return false;
    }
    *documents = b->documents;
    return true;
}

const struct node *node_get(const struct node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (const struct node *k = map->first; k; k = k->next->next)
        if (strcmp(k->text, key) == 0)
            return k->next->kind == NODE_NULL ? NULL : k->next;
    return NULL;
}
