/*
 * registry - objects by id in order, and small helpers for arrays and texts
 *
 * IPAMs, scopes and pools are few (tens to thousands) and are listed in order of id, so a sorted
 * array of pointers does: looking up is a binary search, adding moves pointers. Each object's first
 * member is its id; the address of the object never changes while it is registered.
 *
 * Texts of an object share one block with it, so an object is one allocation of memory and cannot
 * be half copied.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

static const char *id_of(const void *object)
{
    return *(const char *const *)object;
}

/* The first place whose id is not below this one. */
static size_t registry_seek(const struct registry *r, const char *id)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(id_of(r->items[middle]), id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void *registry_find(const struct registry *r, const char *id)
{
    if (!id) {
        return NULL;
    }
    size_t i = registry_seek(r, id);
    return i < r->count && strcmp(id_of(r->items[i]), id) == 0 ? r->items[i] : NULL;
}

bool registry_reserve(struct registry *r, size_t extra)
{
    return grow(&r->items, &r->capacity, r->count + extra, sizeof(void *));
}

void registry_add(struct registry *r, void *object)
{
    size_t i = registry_seek(r, id_of(object));
    memmove(r->items + i + 1, r->items + i, (r->count - i) * sizeof(void *));
    r->items[i] = object;
    r->count++;
}

void registry_remove(struct registry *r, const void *object)
{
    size_t i = registry_seek(r, id_of(object));
    r->count--;
    memmove(r->items + i, r->items + i + 1, (r->count - i) * sizeof(void *));
}

bool grow(void *items, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) {
        return true;
    }
    size_t wanted = *capacity < 4 ? 4 : *capacity + *capacity / 2;
    wanted = wanted < need ? need : wanted;
    void *now, *moved;
    memcpy(&now, items, sizeof(now)); /* `items` points to a pointer of any type */
    moved = wanted <= SIZE_MAX / size ? realloc(now, wanted * size) : NULL;
    if (!moved) {
        return false;
    }
    memcpy(items, &moved, sizeof(moved));
    *capacity = wanted;
    return true;
}

bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_empty(const char *s)
{
    return !s || !*s;
}

size_t pack_size(const char *s)
{
    return s ? strlen(s) + 1 : 1;
}

const char *pack(char **at, const char *s)
{
    size_t size = pack_size(s);
    char *copy = memcpy(*at, s ? s : "", size);
    *at += size;
    return copy;
}

size_t pack_tags_size(const struct tags *t)
{
    size_t size = t->count * sizeof(struct tag);
    for (size_t i = 0; i < t->count; i++) {
        size += pack_size(t->items[i].key) + pack_size(t->items[i].value);
    }
    return size;
}

struct tags pack_tags(struct tag *items, char **at, const struct tags *t)
{
    for (size_t i = 0; i < t->count; i++) {
        items[i].key = pack(at, t->items[i].key);
        items[i].value = pack(at, t->items[i].value);
    }
    return (struct tags){t->count ? items : NULL, t->count};
}
