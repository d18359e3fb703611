/*
 * record - allocation records and the indexes over them
 *
 * There may be ten million, so a record is one block: the public struct, then its id, then the id
 * of its resource. Owner and region repeat and are kept once for the whole engine. Description and
 * tags may change while the record's address may not, so they live in a second block, which most
 * records do not have: it starts with the tags, or with the description when there are no tags.
 *
 * Invariant: every record is in by_id. A record that is not conflicting holds exactly its CIDR in
 * its pool's space and is in by_place; a conflicting one is in its pool's `conflicts`, or in
 * `pending` until the engine is settled.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

static char nothing[] = "";

/* What malloc really spends on a block: glibc keeps one word in front of it. */
static size_t block_bytes(void *block)
{
    return block ? malloc_usable_size(block) + sizeof(size_t) : 0;
}

/* --- texts that repeat --- */

static uint64_t text_hash(const void *item, uint64_t seed)
{
    return hash_text(item, seed);
}

static bool text_match(const void *item, const void *key)
{
    return strcmp(item, key) == 0;
}

const char *intern(struct engine *e, const char *s)
{
    if (text_empty(s)) {
        return nothing;
    }
    uint64_t hash = hash_text(s, e->seed);
    char *text = index_find(&e->texts, hash, text_match, s);
    if (text || !index_reserve(&e->texts, 1, text_hash, e->seed)) {
        return text;
    }
    size_t size = pack_size(s);
    text = malloc(size);
    if (text) {
        memcpy(text, s, size);
        index_add(&e->texts, hash, text);
        e->record_bytes += block_bytes(text);
    }
    return text;
}

/* --- the record --- */

struct extras {
    void *block; /* NULL: none needed */
    struct tags tags;
    const char *description;
};

static bool extras_new(struct extras *x, const struct tags *tags, const char *description)
{
    *x = (struct extras){.description = nothing};
    if (tags->count == 0 && text_empty(description)) {
        return true;
    }
    x->block = malloc(pack_tags_size(tags) + pack_size(description));
    if (!x->block) {
        return false;
    }
    char *at = (char *)x->block + tags->count * sizeof(struct tag);
    x->tags = pack_tags(x->block, &at, tags);
    x->description = text_empty(description) ? nothing : pack(&at, description);
    return true;
}

static void *extras_block(const struct allocation *a)
{
    if (a->tags.count > 0) {
        return (void *)a->tags.items;
    }
    return a->description == nothing ? NULL : (void *)a->description;
}

struct allocation *record_new(struct engine *e, struct pool *p, const struct allocation_request *r,
                              const struct cidr *c)
{
    struct extras x;
    const char *owner = intern(e, r->owner), *region = intern(e, r->region);
    if (!owner || !region || !extras_new(&x, &r->tags, r->description)) {
        return NULL;
    }
    bool resource = !text_empty(r->resource_id);
    struct allocation *a =
        malloc(sizeof(*a) + pack_size(r->id) + (resource ? pack_size(r->resource_id) : 0));
    if (!a) {
        free(x.block);
        return NULL;
    }
    char *at = (char *)(a + 1);
    *a = (struct allocation){.pool = p,
                             .cidr = *c,
                             .type = r->type,
                             .owner = owner,
                             .region = region,
                             .description = x.description,
                             .tags = x.tags,
                             .conflicting = true,
                             .late = e->marked,
                             .imported = r->imported};
    a->id = pack(&at, r->id);
    a->resource_id = resource ? pack(&at, r->resource_id) : nothing;
    e->record_bytes += block_bytes(a) + block_bytes(x.block);
    return a;
}

void record_free(struct engine *e, struct allocation *a)
{
    void *extras = extras_block(a);
    e->record_bytes -= block_bytes(a) + block_bytes(extras);
    free(extras);
    free(a);
}

bool record_retag(struct engine *e, struct allocation *a, const struct tags *tags,
                  const char *description)
{
    struct extras x;
    if (!extras_new(&x, tags, description)) {
        return false;
    }
    void *before = extras_block(a);
    e->record_bytes += block_bytes(x.block) - block_bytes(before);
    free(before);
    a->tags = x.tags;
    a->description = x.description;
    return true;
}

struct pool *pool_of(const struct allocation *a)
{
    return (struct pool *)a->pool; /* const for readers of the interface only */
}

/* --- indexes --- */

static uint64_t id_hash(const void *item, uint64_t seed)
{
    return hash_text(((const struct allocation *)item)->id, seed);
}

static bool id_match(const void *item, const void *key)
{
    return strcmp(((const struct allocation *)item)->id, key) == 0;
}

struct place {
    const struct pool *pool;
    struct cidr cidr;
};

static uint64_t place_hash(const struct pool *p, const struct cidr *c, uint64_t seed)
{
    uint64_t words[] = {(uint64_t)(uintptr_t)p, c->hi, c->lo, (uint64_t)c->family << 8 | c->len};
    return hash_words(words, 4, seed);
}

static uint64_t place_hash_of(const void *item, uint64_t seed)
{
    const struct allocation *a = item;
    return place_hash(a->pool, &a->cidr, seed);
}

static bool place_match(const void *item, const void *key)
{
    const struct allocation *a = item;
    const struct place *at = key;
    return a->pool == at->pool && cidr_equal(&a->cidr, &at->cidr);
}

struct allocation *record_find(const struct engine *e, const char *id)
{
    return id ? index_find(&e->by_id, hash_text(id, e->seed), id_match, id) : NULL;
}

struct allocation *place_find(const struct engine *e, const struct pool *p, const struct cidr *c)
{
    struct place at = {p, *c};
    return index_find(&e->by_place, place_hash(p, c, e->seed), place_match, &at);
}

bool place_reserve(struct engine *e, size_t extra)
{
    return index_reserve(&e->by_place, extra, place_hash_of, e->seed);
}

bool indexes_reserve(struct engine *e, size_t extra)
{
    return index_reserve(&e->by_id, extra, id_hash, e->seed) && place_reserve(e, extra);
}

void id_add(struct engine *e, struct allocation *a)
{
    index_add(&e->by_id, hash_text(a->id, e->seed), a);
}

void id_remove(struct engine *e, struct allocation *a)
{
    index_remove(&e->by_id, hash_text(a->id, e->seed), a);
}

void place_add(struct engine *e, struct allocation *a)
{
    a->conflicting = false;
    index_add(&e->by_place, place_hash(a->pool, &a->cidr, e->seed), a);
}

void place_remove(struct engine *e, struct allocation *a)
{
    index_remove(&e->by_place, place_hash(a->pool, &a->cidr, e->seed), a);
    a->conflicting = true;
}

/* --- lists of records --- */

bool allocations_push(struct allocations *l, struct allocation *a)
{
    if (!grow(&l->items, &l->capacity, l->count + 1, sizeof(struct allocation *))) {
        return false;
    }
    l->items[l->count++] = a;
    return true;
}

int allocation_compare(const struct allocation *a, const struct allocation *b)
{
    int order = cidr_compare(&a->cidr, &b->cidr);
    if (order == 0) {
        order = (a->type == ALLOCATION_CUSTOM) - (b->type == ALLOCATION_CUSTOM);
    }
    return order != 0 ? order : strcmp(a->id, b->id);
}

size_t allocations_seek(const struct allocations *l, const struct cidr *c)
{
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cidr_compare(&l->items[middle]->cidr, c) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- reading --- */

const struct allocation *engine_allocation(const struct engine *e, const char *id)
{
    return record_find(e, id);
}

const struct allocation *engine_allocation_at(const struct engine *e, const char *pool_id,
                                              const struct cidr *c)
{
    const struct pool *p = pool_find(e, pool_id);
    const struct allocation *holder = p ? place_find(e, p, c) : NULL;
    if (holder || !p) {
        return holder;
    }
    size_t i = allocations_seek(&p->conflicts, c);
    return i < p->conflicts.count && cidr_equal(&p->conflicts.items[i]->cidr, c)
               ? p->conflicts.items[i]
               : NULL;
}

const char *allocation_type_name(enum allocation_type t)
{
    static const char *const names[] = {
        [ALLOCATION_POOL] = "ipam-pool",
        [ALLOCATION_VPC] = "vpc",
        [ALLOCATION_SUBNET] = "subnet",
        [ALLOCATION_CUSTOM] = "custom",
        [ALLOCATION_EIP] = "eip",
        [ALLOCATION_PUBLIC_POOL] = "ec2-public-ipv4-pool",
        [ALLOCATION_ANYCAST] = "anycast-ip-list",
    };
    return names[t];
}
