/*
 * arena - one request's memory
 *
 * Everything that a request decodes, computes and answers lives in one arena and is freed in one
 * step when the answer has left. Nothing in proto/ or provider/ frees a value by hand.
 *
 * Running out of memory. arena_alloc never returns NULL. When malloc fails it jumps (longjmp) to
 * the guard that the dispatcher set before calling the handler; the dispatcher then answers with a
 * prepared error and frees the arena. Two rules follow for everybody who allocates:
 *   1. what does not live in the arena (a file, a json_object, ...) is registered with arena_defer
 *      before the next allocation, so that abandoning the request releases it;
 *   2. a change to the engine is made last, after every allocation that the answer needs, or in
 *      such a way that repeating the request finds it done.
 * Without a guard (tests, tools) running out of memory prints one line and aborts.
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* A run of bytes that somebody else owns. data may be NULL when len is 0. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

/* A new, empty arena; NULL when memory is out. Freed with arena_free. */
struct arena *arena_new(void);

/* Runs the deferred functions, last registered first, then frees everything. NULL is allowed. */
void arena_free(struct arena *a);

/* Where to jump when memory is out; NULL takes the guard away. The jmp_buf must outlive its use. */
void arena_guard(struct arena *a, jmp_buf *guard);
/* The guard that is set, or NULL: to guard a second arena for as long as a request fills it. */
jmp_buf *arena_guard_of(const struct arena *a);

/* n zeroed bytes (n may be 0), aligned for any type. Never NULL, see above. Amortised O(n). */
void *arena_alloc(struct arena *a, size_t n);

/* count * size with an overflow check; an overflow counts as out of memory. */
void *arena_calloc(struct arena *a, size_t count, size_t size);

/* Resizes the block p (from this arena, `old` bytes; NULL with 0 begins one) to n >= old bytes; the
 * added bytes are zero. Returns the block, which may have moved. In place where possible, so that
 * doubling a buffer wastes little. */
void *arena_grow(struct arena *a, void *p, size_t old, size_t n);

/* Before an item is added to a list in the arena: when `count` of its `capacity` items are taken,
 * or none are there yet (items NULL, capacity 0), it gets twice as many, `first` to begin with.
 * Both items and capacity are changed. O(1) amortised. */
#define ARENA_ROOM(a, items, count, capacity, first)                                               \
    ((items) = arena_room(a, items, count, &(capacity), first, sizeof *(items)))
void *arena_room(struct arena *a, void *items, size_t count, size_t *capacity, size_t first,
                 size_t size);

/* Sets aside n bytes, unless an earlier reserve of that size is untouched, for when memory is out:
 * blocks of up to 16 KiB then come from it. Called right before a change that must be answered.
 * O(1). */
void arena_reserve(struct arena *a, size_t n);

/* Copies; the result of the string functions is NUL-terminated. */
void *arena_memdup(struct arena *a, const void *p, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Calls fn(p) when the arena is freed. If registering runs out of memory, fn(p) is called first. */
void arena_defer(struct arena *a, void (*fn)(void *), void *p);

/* Bytes handed out so far, for limits and tests. */
size_t arena_used(const struct arena *a);

/* What arena_alloc does when malloc fails, for libraries that report running out of memory. */
void arena_exhausted(struct arena *a) __attribute__((noreturn));

/* For tests: the n-th allocation from now on, counted over all arenas, fails once. 0: none does. */
void arena_fail_after(size_t n);

#endif
