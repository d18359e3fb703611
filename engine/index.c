/*
 * index - a hash index of pointers: 64 bytes hold seven
 *
 * Two of these cover every allocation, so their size decides how many fit in memory, and the cache
 * lines they touch decide the speed once they do not fit in the cache. A bucket is one cache line:
 * seven pointers, a byte of the hash for each of them, and a counter. A search reads the record
 * itself (a miss of the cache) once in some hundred slots for nothing, and mostly one bucket.
 *
 * An item goes to its home bucket, the low bits of its hash, or to the next one with room. Each
 * full bucket that it passed counts it, so a search knows where to stop, and removing an item
 * counts back and leaves no trace. A counter that reached its end stays there until the index
 * grows: the search then only looks one bucket too far. The hash is not stored; growing computes it
 * again from the records.
 *
 * The libraries at hand do not fit: uthash needs 56 bytes a record, the sets of Concurrency Kit are
 * at most half full, GLib and libstdc++ end the process when memory is out.
 *
 * Invariants: the number of buckets is 0 or a power of two; at most six slots of seven are in use;
 * every bucket between an item's home and the one it is in counts it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/engine_internal.h"

#define CACHE_LINE 64
#define PASSED_MAX UINT8_MAX

#define MULTIPLIER 0x9e3779b97f4a7c15u /* 2^64 / golden ratio: spreads neighbours apart */

static uint64_t absorb(uint64_t h, uint64_t word)
{
    h = (h ^ word) * MULTIPLIER;
    return h ^ h >> 32;
}

static uint64_t finish(uint64_t h)
{
    h *= MULTIPLIER;
    h ^= h >> 29;
    h *= MULTIPLIER;
    return h ^ h >> 32;
}

uint64_t hash_words(const uint64_t *words, size_t n, uint64_t seed)
{
    uint64_t h = seed + n;
    for (size_t i = 0; i < n; i++) {
        h = absorb(h, words[i]);
    }
    return finish(h);
}

uint64_t hash_text(const char *s, uint64_t seed)
{
    size_t left = strlen(s);
    uint64_t h = seed + left, word;
    for (; left >= sizeof(word); left -= sizeof(word), s += sizeof(word)) {
        memcpy(&word, s, sizeof(word));
        h = absorb(h, word);
    }
    word = 0;
    memcpy(&word, s, left);
    return finish(absorb(h, word));
}

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(1 + (hash >> 56) % 255); /* 0 is an empty slot */
}

void *index_find(const struct index *x, uint64_t hash, index_match match, const void *key)
{
    uint8_t tag = tag_of(hash);
    for (size_t step = 0; step < x->bucket_count; step++) {
        const struct bucket *b = &x->buckets[(hash + step) & (x->bucket_count - 1)];
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            if (b->tags[i] == tag && match(b->slots[i], key)) {
                return b->slots[i];
            }
        }
        if (b->passed == 0) {
            break;
        }
    }
    return NULL;
}

static int slot_of(const struct bucket *b, uint8_t tag, const void *item)
{
    for (int i = 0; i < BUCKET_SLOTS; i++) {
        if (b->tags[i] == tag && (tag == 0 || b->slots[i] == item)) {
            return i;
        }
    }
    return -1;
}

void index_add(struct index *x, uint64_t hash, void *item)
{
    for (size_t step = 0;; step++) {
        struct bucket *b = &x->buckets[(hash + step) & (x->bucket_count - 1)];
        int free_slot = slot_of(b, 0, NULL);
        if (free_slot >= 0) {
            b->tags[free_slot] = tag_of(hash);
            b->slots[free_slot] = item;
            x->count++;
            return;
        }
        b->passed += b->passed < PASSED_MAX;
    }
}

void index_remove(struct index *x, uint64_t hash, const void *item)
{
    for (size_t step = 0;; step++) {
        struct bucket *b = &x->buckets[(hash + step) & (x->bucket_count - 1)];
        int slot = slot_of(b, tag_of(hash), item);
        if (slot >= 0) {
            b->tags[slot] = 0;
            x->count--;
            return;
        }
        b->passed -= b->passed < PASSED_MAX;
    }
}

void *index_next(const struct index *x, size_t *i)
{
    while (*i < x->bucket_count * BUCKET_SLOTS) {
        size_t at = (*i)++;
        const struct bucket *b = &x->buckets[at / BUCKET_SLOTS];
        if (b->tags[at % BUCKET_SLOTS] != 0) {
            return b->slots[at % BUCKET_SLOTS];
        }
    }
    return NULL;
}

/* Every record is read once: asking for those of a coming bucket hides most of the waiting. */
static void prefetch(const struct bucket *b)
{
    for (int i = 0; i < BUCKET_SLOTS; i++) {
        if (b->tags[i] != 0) {
            __builtin_prefetch(b->slots[i]);
            __builtin_prefetch((const char *)b->slots[i] + CACHE_LINE);
            __builtin_prefetch((const char *)b->slots[i] + 2 * CACHE_LINE);
        }
    }
}

/* Buckets are met in no order, so in a large index almost every look-up also misses the cache of
 * address translations. Huge pages avoid that; where there are none, nothing changes. */
static void advise(const struct index *x)
{
    const size_t huge = (size_t)2 << 20;
    uintptr_t start = ((uintptr_t)x->block + huge - 1) / huge * huge;
    uintptr_t end = (uintptr_t)(x->buckets + x->bucket_count) / huge * huge;
    if (start < end) {
        (void)madvise((void *)start, end - start, MADV_HUGEPAGE); /* a hint: may be ignored */
    }
}

bool index_reserve(struct index *x, size_t extra, index_hash hash_of, uint64_t seed)
{
    size_t need = x->count + extra, buckets = 2;
    if (need <= x->bucket_count * (BUCKET_SLOTS - 1)) {
        return true;
    }
    while (buckets * (BUCKET_SLOTS - 1) < need) {
        if (buckets > SIZE_MAX / CACHE_LINE / 4) {
            return false;
        }
        buckets *= 2;
    }
    struct index bigger = {.block = calloc(buckets + 1, sizeof(struct bucket)),
                           .bucket_count = buckets};
    if (!bigger.block) {
        return false;
    }
    size_t beyond = (uintptr_t)bigger.block % CACHE_LINE;
    bigger.buckets = (struct bucket *)((char *)bigger.block + (CACHE_LINE - beyond));
    advise(&bigger);
    for (size_t b = 0; b < x->bucket_count; b++) {
        if (b + 1 < x->bucket_count) {
            prefetch(&x->buckets[b + 1]);
        }
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            if (x->buckets[b].tags[i] != 0) {
                void *item = x->buckets[b].slots[i];
                index_add(&bigger, hash_of(item, seed), item);
            }
        }
    }
    free(x->block);
    *x = bigger;
    return true;
}

size_t index_memory(const struct index *x)
{
    return x->block ? (x->bucket_count + 1) * sizeof(struct bucket) : 0;
}

void index_free(struct index *x)
{
    free(x->block);
    *x = (struct index){0};
}
