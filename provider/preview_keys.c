/*
 * preview_keys - previews that keep their answer
 *
 * A preview reserves nothing, so one that is asked again answers with whatever is free then, and
 * two that are asked at once give the same answer. A key cures both: Terraform stores the results
 * of data sources in the state, so the CIDR that a key got is found there in every later run, and
 * within a run each key keeps off the CIDRs of the others. As long as nothing holds the CIDR it is
 * an intent: next-free picks avoid it while there is room elsewhere.
 *
 * What stands in a state as a data source's result is a hint and not an allocation: what cannot be
 * read there is passed over, and the key gets a new CIDR.
 */
#include "provider/estate.h"

#include <stdlib.h>
#include <string.h>

struct keyed {
    char *pool_id, *key; /* one block */
    struct cidr cidr;
    bool stored; /* in the state when the provider was configured */
};

struct previews {
    struct keyed *items; /* by pool, then by key */
    size_t count, capacity;
};

struct previews *previews_new(void)
{
    return calloc(1, sizeof(struct previews));
}

void previews_free(struct previews *p)
{
    for (size_t i = 0; p && i < p->count; i++)
        free(p->items[i].pool_id);
    free(p ? p->items : NULL);
    free(p);
}

static size_t seek(const struct previews *p, const char *pool_id, const char *key, bool *found)
{
    size_t low = 0, high = p->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct keyed *k = &p->items[middle];
        int order = strcmp(k->pool_id, pool_id);
        order = order ? order : strcmp(k->key, key);
        *found = *found || order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct cidr *previews_find(const struct previews *p, const char *pool_id, const char *key)
{
    bool found;
    size_t i = seek(p, pool_id, key, &found);
    return found ? &p->items[i].cidr : NULL;
}

bool previews_put(struct previews *p, const char *pool_id, const char *key, const struct cidr *c,
                  bool stored)
{
    bool found;
    size_t i = seek(p, pool_id, key, &found), n = strlen(pool_id) + 1;
    if (found) {
        p->items[i].cidr = *c;
        p->items[i].stored = stored;
        return true;
    }
    if (p->count == p->capacity) {
        size_t more = p->capacity ? 2 * p->capacity : 16;
        struct keyed *items = realloc(p->items, more * sizeof *items);
        if (!items)
            return false;
        p->items = items;
        p->capacity = more;
    }
    char *texts = malloc(n + strlen(key) + 1);
    if (!texts)
        return false;
    memcpy(texts, pool_id, n);
    strcpy(texts + n, key);
    memmove(p->items + i + 1, p->items + i, (p->count - i) * sizeof *p->items);
    p->items[i] = (struct keyed){texts, texts + n, *c, stored};
    p->count++;
    return true;
}

static int by_place(const void *a, const void *b)
{
    return cidr_compare(a, b);
}

const struct cidr *previews_of(const struct previews *p, struct arena *a, const char *pool_id,
                               bool stored, size_t *count)
{
    bool found;
    size_t first = seek(p, pool_id, "", &found), n = 0;
    struct cidr *out = arena_calloc(a, p->count - first, sizeof *out);
    for (size_t i = first; i < p->count && strcmp(p->items[i].pool_id, pool_id) == 0; i++)
        if (p->items[i].stored || !stored)
            out[n++] = p->items[i].cidr;
    if (n > 1)
        qsort(out, n, sizeof *out, by_place);
    *count = n;
    return out;
}

bool previews_hydrate(void *ctx, const struct state_instance *i)
{
    struct estate *e = ctx;
    struct facts f = {.json = i->attributes};
    struct cidr c;
    if (!data_is_preview(i->type) || !provider_is_ours(i->provider))
        return true;
    const char *pool = fact_string(&f, "ipam_pool_id"), *key = fact_string(&f, "key");
    if (!pool || !key || !fact_cidr(&f, "cidr", &c) || !cidr_is_set(&c))
        return true;
    return previews_put(e->previews, pool, key, &c, true) &&
           engine_plan_intent(e->engine, pool, &c) == ENGINE_OK;
}
