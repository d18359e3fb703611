/*
 * inventory_read - texts, CIDRs and tags from an inventory's tree
 *
 * What an inventory does not tell could be issued again, so nothing is passed over: a value of
 * another kind than expected is an error with file, line, column and the path inside the document.
 * The first error ends the reading of its file.
 *
 * CIDRs are read as everywhere else: another spelling is fine, host bits are not. Somebody who
 * writes 10.0.0.1/16 may mean an address or a network, and only that person knows.
 */
#include "provider/inventory_internal.h"

#include <stdarg.h>
#include <string.h>

const char *reader_where(struct reader *r, const struct node *at)
{
    return arena_printf(r->arena, "%.300s:%u:%u", r->file, at->line, at->column);
}

bool reader_fail(struct reader *r, const struct node *at, const struct path *p, const char *fmt,
                 ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *what = arena_vprintf(r->arena, fmt, ap);
    va_end(ap);
    const char *path = path_describe(r->arena, p);
    path += *path == '.';
    r->problem =
        arena_printf(r->arena, "%s: %.300s%s%s", reader_where(r, at), path, *path ? " " : "", what);
    return false;
}

bool expect_map(struct reader *r, const struct node *n, const struct path *p)
{
    return n->kind == NODE_MAP || reader_fail(r, n, p, "has to be a map of names and values");
}

bool read_text(struct reader *r, const struct node *map, const struct path *p, const char *key,
               const char **out)
{
    const struct node *n = node_get(map, key);
    *out = n && n->kind == NODE_TEXT ? n->text : "";
    return !n || n->kind == NODE_TEXT || reader_fail(r, n, PATH_ATTR(p, key), "has to be a text");
}

bool read_required(struct reader *r, const struct node *map, const struct path *p, const char *key,
                   const char **out)
{
    if (!read_text(r, map, p, key, out))
        return false;
    return **out || reader_fail(r, map, p, "has no %s", key);
}

bool read_list(struct reader *r, const struct node *map, const struct path *p, const char *key,
               const struct node **out)
{
    *out = node_get(map, key);
    return !*out || (*out)->kind == NODE_LIST ||
           reader_fail(r, *out, PATH_ATTR(p, key), "has to be a list");
}

bool each_element(struct reader *r, const struct node *list, const struct path *p, read_element fn,
                  void *ctx)
{
    int64_t i = 0;
    for (const struct node *n = list ? list->first : NULL; n; n = n->next, i++)
        if (!fn(r, n, PATH_ELEMENT(p, i), ctx))
            return false;
    return true;
}

bool read_cidr(struct reader *r, const struct node *text, const struct path *p,
               struct cidr_list *out)
{
    struct cidr c;
    char buf[160];
    if (text->kind != NODE_TEXT)
        return reader_fail(r, text, p, "has to be a CIDR");
    enum cidr_error e = cidr_parse_lenient(text->text, strlen(text->text), &c);
    if (e != CIDR_OK)
        return reader_fail(r, text, p, "= \"%.100s\" %s", text->text,
                           cidr_error_text(e, &c, buf, sizeof buf));
    if (++r->cidrs > r->limits->cidrs)
        return reader_fail(r, text, p, "is one too many: a file may have %zu CIDRs",
                           r->limits->cidrs);
    ARENA_ROOM(r->arena, out->items, out->count, out->capacity, 2);
    out->items[out->count++] = c;
    return true;
}

static void take_from_tags(struct sighting *one)
{
    const char *allocation = tags_find(&one->tags, ALLOCATION_TAG);
    const char *name = tags_find(&one->tags, "Name");
    if (allocation)
        one->allocation_id = allocation;
    if (name && !*one->name)
        one->name = name;
}

bool add_sighting(struct reader *r, const struct node *at, struct sighting *one,
                  const struct cidr_list *cidrs)
{
    const char **texts[] = {&one->id,     &one->network_id, &one->cloud, &one->owner,
                            &one->region, &one->zone,       &one->name,  &one->where};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!*texts[i])
            *texts[i] = "";
    if (!one->scope_id)
        one->scope_id = r->defaults.scope;
    one->allocation_id = "";
    take_from_tags(one);
    one->where = reader_where(r, at);
    one->witness = WITNESS_INVENTORY;
    one->source = r->source;
    one->cidrs = cidrs->items;
    one->cidr_count = cidrs->count;
    for (size_t i = 0; i < cidrs->count && !cidr_is_set(&one->primary); i++)
        if (cidrs->items[i].family == FAMILY_V4)
            one->primary = cidrs->items[i];
    if (!sightings_add(r->sightings, one))
        arena_exhausted(r->arena);
    return true;
}
