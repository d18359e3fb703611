/*
 * leave - a plan that looks under what is going to leave
 *
 * Marks say which allocations a plan removes (plan.c). The issuing calls do not look at marks: what
 * stands, stands. A caller whose engine lives only as long as a plan may want to issue on the space
 * of what is leaving; for that the marked allocations are set aside, and put back afterwards. Where
 * something was issued on their space meanwhile, both are there, as after loading an estate that
 * contradicts itself: neither space is given out again.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

struct set_aside {
    struct kept {
        struct allocation_request request; /* texts point into `texts` */
        char *texts;
    } * items;
    size_t count, capacity;
};

static void set_aside_free(struct set_aside *s)
{
    for (size_t i = 0; s && i < s->count; i++) {
        free(s->items[i].texts);
    }
    free(s ? s->items : NULL);
    free(s);
}

/* A copy of the record in one block: its tags, then its texts. */
static bool keep(struct set_aside *s, const struct allocation *a)
{
    if (!grow(&s->items, &s->capacity, s->count + 1, sizeof(*s->items))) {
        return false;
    }
    const char *texts[] = {a->id, a->pool->id, a->resource_id, a->owner, a->region, a->description};
    size_t size = pack_tags_size(&a->tags);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        size += pack_size(texts[i]);
    }
    char *block = malloc(size);
    if (!block) {
        return false;
    }
    char *at = block + a->tags.count * sizeof(struct tag);
    struct kept *k = &s->items[s->count++];
    k->texts = block;
    k->request = (struct allocation_request){.type = a->type,
                                             .cidr = a->cidr,
                                             .length = -1,
                                             .tags = pack_tags((void *)block, &at, &a->tags)};
    k->request.id = pack(&at, a->id);
    k->request.pool_id = pack(&at, a->pool->id);
    k->request.resource_id = pack(&at, a->resource_id);
    k->request.owner = pack(&at, a->owner);
    k->request.region = pack(&at, a->region);
    k->request.description = pack(&at, a->description);
    return true;
}

enum engine_result engine_plan_set_aside(struct engine *e, struct set_aside **out)
{
    struct pool *child;
    *out = NULL;
    if (engine_settle(e) != ENGINE_OK) {
        return ENGINE_NO_MEMORY;
    }
    size_t leaving = 0, at = 0;
    for (size_t i = 0; i < e->pools.count; i++) {
        leaving += ((const struct pool *)e->pools.items[i])->leaving_count;
    }
    struct set_aside *s = leaving > 0 ? calloc(1, sizeof(*s)) : NULL;
    if (leaving > 0 && !s) {
        return ENGINE_NO_MEMORY;
    }
    for (const struct allocation *a; leaving > 0 && (a = index_next(&e->by_id, &at));) {
        if (a->leaving && !pool_cidr_backed(e, a, &child) && !keep(s, a)) {
            set_aside_free(s);
            return ENGINE_NO_MEMORY;
        }
    }
    for (size_t i = 0; s && i < s->count; i++) {
        engine_unload_allocation(e, s->items[i].request.id);
    }
    *out = s;
    return ENGINE_OK;
}

enum engine_result engine_plan_put_back(struct engine *e, struct set_aside *s)
{
    bool complete = true;
    for (size_t i = 0; s && i < s->count; i++) {
        complete = engine_load_allocation(e, &s->items[i].request) == ENGINE_OK && complete;
    }
    complete = complete && engine_settle(e) == ENGINE_OK;
    for (size_t i = 0; s && i < s->count; i++) {
        engine_plan_leave(e, s->items[i].request.id);
    }
    set_aside_free(s);
    return complete ? ENGINE_OK : ENGINE_NO_MEMORY;
}
