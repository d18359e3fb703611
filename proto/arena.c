/*
 * arena - memory that is given back all at once
 *
 * Small blocks are cut from chunks by moving a cursor; a block above LARGE_BLOCK gets a chunk of
 * its own. Chunk sizes double from FIRST_CHUNK to LAST_CHUNK, so a request of a few kilobytes costs
 * one malloc and a big one few. Chunks come from calloc and no byte of them is handed out twice,
 * which is why no block has to be cleared.
 *
 * Invariants: `current` is the chunk that small blocks come from, or NULL; every chunk hangs in one
 * doubly linked list (realloc of a large block moves its chunk, and then the neighbours must be
 * told); the bytes of `current` from `used` on are zero.
 *
 * A pool with free lists would save memory in long computations, but a request computes for
 * microseconds, and without a way to free a block there is no way to free it twice or too early.
 *
 * Under AddressSanitizer what has not been handed out is poisoned and blocks are kept apart, so
 * that running over the end of a block is found as it is with malloc.
 */
#include "proto/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(HAVE_ASAN)
#include <sanitizer/asan_interface.h>
#define RED_ZONE       16
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define RED_ZONE       0
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define FIRST_CHUNK 4096u
#define LAST_CHUNK  (256u << 10)
#define LARGE_BLOCK (16u << 10)
#define ALIGNMENT   alignof(max_align_t)

struct chunk {
    struct chunk *prev, *next;
    size_t size, used; /* of data */
    alignas(max_align_t) unsigned char data[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *p;
};

struct arena {
    struct chunk *chunks;  /* all of them, newest first */
    struct chunk *current; /* takes small blocks */
    struct deferred *deferred;
    jmp_buf *guard;
    struct chunk *reserve; /* in no list; for small blocks when memory is out */
    size_t next_size;      /* of the next chunk for small blocks */
    size_t used;
};

static size_t fuse; /* see arena_fail_after */

void arena_fail_after(size_t n)
{
    fuse = n;
}

static bool fuse_blows(void)
{
    return fuse > 0 && --fuse == 0;
}

struct arena *arena_new(void)
{
    if (fuse_blows()) {
        return NULL;
    }
    struct arena *a = calloc(1, sizeof *a);
    if (a) {
        a->next_size = FIRST_CHUNK;
    }
    return a;
}

void arena_free(struct arena *a)
{
    if (!a) {
        return;
    }
    for (struct deferred *d = a->deferred; d; d = d->next) {
        d->fn(d->p);
    }
    for (struct chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        UNPOISON(c->data, c->size);
        free(c);
    }
    free(a->reserve);
    free(a);
}

void arena_guard(struct arena *a, jmp_buf *guard)
{
    a->guard = guard;
}

jmp_buf *arena_guard_of(const struct arena *a)
{
    return a->guard;
}

void arena_exhausted(struct arena *a)
{
    if (a->guard) {
        longjmp(*a->guard, 1);
    }
    fputs("out of memory\n", stderr);
    abort();
}

static struct chunk *chunk_new(struct arena *a, size_t size)
{
    struct chunk *c = calloc(1, sizeof *c + size);
    if (!c) {
        return NULL;
    }
    c->size = size;
    c->next = a->chunks;
    if (c->next) {
        c->next->prev = c;
    }
    a->chunks = c;
    return c;
}

/* How far the cursor moves for a small block. A block of no bytes still has its own address. */
static size_t stride(size_t n)
{
    size_t rounded = (n + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    return (rounded ? rounded : ALIGNMENT) + RED_ZONE;
}

static void *try_small(struct arena *a, size_t n)
{
    size_t step = stride(n);
    if (!a->current || a->current->size - a->current->used < step) {
        while (a->next_size < step) {
            a->next_size *= 2;
        }
        struct chunk *c = chunk_new(a, a->next_size);
        if (!c) {
            return NULL;
        }
        POISON(c->data, c->size);
        a->current = c;
        if (a->next_size < LAST_CHUNK) {
            a->next_size *= 2;
        }
    }
    void *p = a->current->data + a->current->used;
    a->current->used += step;
    UNPOISON(p, n);
    return p;
}

static void *try_large(struct arena *a, size_t n)
{
    struct chunk *c = chunk_new(a, n);
    return c ? c->data : NULL;
}

void arena_reserve(struct arena *a, size_t n)
{
    if (a->reserve && a->reserve->size >= n) {
        return;
    }
    struct chunk *c = fuse_blows() || n > SIZE_MAX / 2 ? NULL : malloc(sizeof *c + n);
    if (!c) {
        arena_exhausted(a);
    }
    free(a->reserve);
    *c = (struct chunk){.size = n};
    a->reserve = c;
}

/* The reserve becomes the chunk that small blocks come from. */
static void *try_reserve(struct arena *a, size_t n)
{
    struct chunk *c = a->reserve;
    if (!c || n > LARGE_BLOCK || c->size < stride(n)) {
        return NULL;
    }
    a->reserve = NULL;
    memset(c->data, 0, c->size);
    POISON(c->data, c->size);
    c->next = a->chunks;
    if (c->next) {
        c->next->prev = c;
    }
    a->chunks = a->current = c;
    return try_small(a, n);
}

/* NULL when memory is out. */
static void *try_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2) {
        return NULL;
    }
    void *p = NULL;
    if (!fuse_blows()) {
        p = n > LARGE_BLOCK ? try_large(a, n) : try_small(a, n);
    }
    if (!p) {
        p = try_reserve(a, n);
    }
    if (p) {
        a->used += n;
    }
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p = try_alloc(a, n);
    if (!p) {
        arena_exhausted(a);
    }
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) {
        arena_exhausted(a);
    }
    return arena_alloc(a, n);
}

/* p has a chunk of its own: let realloc do it, which moves pages instead of bytes. */
static void *grow_large(struct arena *a, void *p, size_t old, size_t n)
{
    struct chunk *c = (struct chunk *)((unsigned char *)p - offsetof(struct chunk, data));
    struct chunk *moved = n > SIZE_MAX / 2 || fuse_blows() ? NULL : realloc(c, sizeof *c + n);
    if (!moved) {
        arena_exhausted(a);
    }
    if (moved->prev) {
        moved->prev->next = moved;
    } else {
        a->chunks = moved;
    }
    if (moved->next) {
        moved->next->prev = moved;
    }
    moved->size = n;
    memset(moved->data + old, 0, n - old);
    a->used += n - old;
    return moved->data;
}

static bool grow_in_place(struct arena *a, void *p, size_t old, size_t n)
{
    struct chunk *c = a->current;
    if (!c || n > LARGE_BLOCK || (unsigned char *)p + stride(old) != c->data + c->used) {
        return false;
    }
    size_t more = stride(n) - stride(old);
    if (c->size - c->used < more) {
        return false;
    }
    c->used += more;
    a->used += n - old;
    UNPOISON(p, n);
    return true;
}

void *arena_grow(struct arena *a, void *p, size_t old, size_t n)
{
    if (!p) {
        return arena_alloc(a, n);
    }
    if (n <= old) {
        return p;
    }
    if (old > LARGE_BLOCK) {
        return grow_large(a, p, old, n);
    }
    if (grow_in_place(a, p, old, n)) {
        return p;
    }
    void *q = arena_alloc(a, n);
    memcpy(q, p, old);
    return q;
}

void *arena_room(struct arena *a, void *items, size_t count, size_t *capacity, size_t first,
                 size_t size)
{
    size_t more, n;
    if (count < *capacity) {
        return items;
    }
    if (__builtin_mul_overflow(*capacity, (size_t)2, &more)) {
        arena_exhausted(a);
    }
    more = more ? more : first;
    if (__builtin_mul_overflow(more, size, &n)) {
        arena_exhausted(a);
    }
    items = arena_grow(a, items, *capacity * size, n);
    *capacity = more;
    return items;
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
    void *q = arena_alloc(a, n);
    if (n > 0) {
        memcpy(q, p, n);
    }
    return q;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    if (n == SIZE_MAX) {
        arena_exhausted(a);
    }
    char *q = arena_alloc(a, n + 1);
    if (n > 0) {
        memcpy(q, s, n);
    }
    return q;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) { /* glibc could not get memory for a wide field */
        arena_exhausted(a);
    }
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *p)
{
    struct deferred *d = try_alloc(a, sizeof *d);
    if (!d) {
        fn(p);
        arena_exhausted(a);
    }
    *d = (struct deferred){.next = a->deferred, .fn = fn, .p = p};
    a->deferred = d;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
