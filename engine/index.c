/*
 * index - a hash index of pointers: 9 bytes a slot
 *
 * Two of these cover every allocation, so their size decides how many fit in memory: open
 * addressing with linear probing, one pointer and one byte a slot. The byte holds eight bits of
 * the hash, so a probe reads the record itself (a miss of the cache) once in 254 slots for nothing.
 * The hash is not stored: growing computes it again from the records.
 *
 * The libraries at hand do not fit: uthash needs 56 bytes a record, the sets of Concurrency Kit are
 * at most half full, GLib and libstdc++ end the process when memory is out.
 *
 * Invariants: capacity is 0 or a power of two; at least one slot in eight is empty, so a search
 * ends; an item lies behind its hash's slot with no empty slot between.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

#define TAG_EMPTY   0
#define TAG_REMOVED 1

#define MULTIPLIER 0x9e3779b97f4a7c15u /* 2^64 / golden ratio: spreads neighbours apart */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= MULTIPLIER;
    x ^= x >> 29;
    x *= MULTIPLIER;
    return x ^ x >> 32;
}

uint64_t hash_words(const uint64_t *words, size_t n, uint64_t seed)
{
    uint64_t h = mix(seed + n);
    for (size_t i = 0; i < n; i++) {
        h = mix(h ^ words[i]);
    }
    return h;
}

uint64_t hash_text(const char *s, uint64_t seed)
{
    size_t left = strlen(s);
    uint64_t h = mix(seed + left);
    for (; left >= 8; left -= 8, s += 8) {
        uint64_t word;
        memcpy(&word, s, 8);
        h = mix(h ^ word);
    }
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, s, left);
        h = mix(h ^ word);
    }
    return h;
}

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(2 + (hash >> 56) % 254);
}

void *index_find(const struct index *x, uint64_t hash, index_match match, const void *key)
{
    if (x->count == 0) {
        return NULL;
    }
    uint8_t tag = tag_of(hash);
    size_t mask = x->capacity - 1;
    for (size_t i = hash & mask; x->tags[i] != TAG_EMPTY; i = (i + 1) & mask) {
        if (x->tags[i] == tag && match(x->slots[i], key)) {
            return x->slots[i];
        }
    }
    return NULL;
}

void index_add(struct index *x, uint64_t hash, void *item)
{
    size_t mask = x->capacity - 1, i = hash & mask;
    while (x->tags[i] > TAG_REMOVED) {
        i = (i + 1) & mask;
    }
    x->removed -= x->tags[i] == TAG_REMOVED;
    x->tags[i] = tag_of(hash);
    x->slots[i] = item;
    x->count++;
}

void index_remove(struct index *x, uint64_t hash, const void *item)
{
    size_t mask = x->capacity - 1, i = hash & mask;
    while (x->tags[i] <= TAG_REMOVED || x->slots[i] != item) {
        i = (i + 1) & mask;
    }
    x->count--;
    x->tags[i] = TAG_REMOVED;
    x->removed++;
    /* Before an empty slot no search goes on, so removed ones in front of it are empty too. */
    if (x->tags[(i + 1) & mask] == TAG_EMPTY) {
        for (; x->tags[i] == TAG_REMOVED; i = (i - 1) & mask) {
            x->tags[i] = TAG_EMPTY;
            x->removed--;
        }
    }
}

void *index_next(const struct index *x, size_t *i)
{
    while (*i < x->capacity) {
        size_t at = (*i)++;
        if (x->tags[at] > TAG_REMOVED) {
            return x->slots[at];
        }
    }
    return NULL;
}

/* Every record is read once: asking for it some slots ahead hides most of the waiting. */
#define AHEAD 8

static void move_all(const struct index *from, struct index *to, index_hash hash_of, uint64_t seed)
{
    for (size_t i = 0; i < from->capacity; i++) {
        if (i + AHEAD < from->capacity && from->tags[i + AHEAD] > TAG_REMOVED) {
            __builtin_prefetch(from->slots[i + AHEAD]);
            __builtin_prefetch((const char *)from->slots[i + AHEAD] + 64);
            __builtin_prefetch((const char *)from->slots[i + AHEAD] + 128);
        }
        if (from->tags[i] > TAG_REMOVED) {
            index_add(to, hash_of(from->slots[i], seed), from->slots[i]);
        }
    }
}

bool index_reserve(struct index *x, size_t extra, index_hash hash_of, uint64_t seed)
{
    size_t need = x->count + extra;
    if (need > SIZE_MAX / 32) {
        return false;
    }
    if ((need + x->removed) * 8 <= x->capacity * 7) {
        return true;
    }
    size_t capacity = 16;
    while (need * 8 > capacity * 6) {
        capacity *= 2;
    }
    struct index bigger = {.slots = malloc(capacity * sizeof(void *)),
                           .tags = calloc(capacity, 1),
                           .capacity = capacity};
    if (!bigger.slots || !bigger.tags) {
        index_free(&bigger);
        return false;
    }
    move_all(x, &bigger, hash_of, seed);
    index_free(x);
    *x = bigger;
    return true;
}

size_t index_memory(const struct index *x)
{
    return x->capacity * (sizeof(void *) + 1);
}

void index_free(struct index *x)
{
    free(x->slots);
    free(x->tags);
    *x = (struct index){0};
}
