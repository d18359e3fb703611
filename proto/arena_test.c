#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"

static void blocks_are_zero_aligned_and_apart(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    unsigned char *blocks[300];
    size_t total = 0;
    for (size_t i = 0; i < 300; i++) {
        size_t n = i * 131 % 40000; /* small and large ones */
        blocks[i] = arena_alloc(a, n);
        total += n;
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < n; j++) {
            assert_int_equal(blocks[i][j], 0);
        }
        memset(blocks[i], (int)i, n);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t j = 0; j < i * 131 % 40000; j++) {
            assert_int_equal(blocks[i][j], (unsigned char)i);
        }
    }
    assert_int_equal(arena_used(a), total);
    assert_ptr_not_equal(arena_alloc(a, 0), arena_alloc(a, 0));
    arena_free(a);
    arena_free(NULL);
}

/* Blocks of every size as the first of an arena, where chunks are smallest. */
static void a_first_block_of_any_size_fits(void **state)
{
    (void)state;
    for (size_t n = 1; n < 40000; n += 97) {
        struct arena *a = arena_new();
        memset(arena_alloc(a, n), 1, n);
        memset(arena_alloc(a, 10), 1, 10);
        memset(arena_alloc(a, n), 1, n);
        arena_free(a);
    }
}

/* Two blocks that grow in turns, through every way of growing: in place, moved, by realloc. */
static void growing_keeps_bytes_and_zeroes_the_rest(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    unsigned char *b[2] = {NULL, NULL};
    size_t len[2] = {0, 0};
    for (size_t step = 0; step < 400; step++) {
        size_t k = step / 5 % 2, n = len[k] + 1 + step * step % 1000;
        b[k] = arena_grow(a, b[k], len[k], n);
        for (size_t j = len[k]; j < n; j++) {
            assert_int_equal(b[k][j], 0);
            b[k][j] = (unsigned char)(j + k);
        }
        len[k] = n;
    }
    for (size_t k = 0; k < 2; k++) {
        assert_true(len[k] > 50000);
        for (size_t j = 0; j < len[k]; j++) {
            assert_int_equal(b[k][j], (unsigned char)(j + k));
        }
        assert_ptr_equal(arena_grow(a, b[k], len[k], len[k] - 1), b[k]);
    }
    arena_free(a);
}

static void a_buffer_that_doubles_alone_stays_in_place(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *p = arena_alloc(a, 16);
    assert_ptr_equal(arena_grow(a, p, 16, 1024), p);
    assert_int_equal(arena_used(a), 1024);
    arena_free(a);
}

/* Two lists that grow in turns, so that neither stays in place. */
static void lists_get_room(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct list {
        uint32_t *items;
        size_t count, capacity, first;
    } lists[] = {{.first = 1}, {.first = 6}};
    for (uint32_t i = 0; i < 20000; i++) {
        struct list *l = &lists[i % 2];
        const uint32_t *items = l->items;
        size_t before = l->capacity;
        ARENA_ROOM(a, l->items, l->count, l->capacity, l->first);
        if (l->count < before) {
            assert_ptr_equal(l->items, items);
            assert_int_equal(l->capacity, before);
        } else {
            assert_int_equal(l->capacity, before ? 2 * before : l->first);
        }
        assert_int_equal(l->items[l->capacity - 1], 0);
        l->items[l->count++] = i + 1;
    }
    for (uint32_t i = 0; i < 20000; i++) {
        assert_int_equal(lists[i % 2].items[i / 2], i + 1);
    }
    arena_free(a);
}

static void copies(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_string_equal(arena_strdup(a, "pool"), "pool");
    assert_string_equal(arena_strndup(a, "10.0.0.0/8", 4), "10.0");
    assert_string_equal(arena_strndup(a, NULL, 0), "");
    assert_string_equal(arena_printf(a, "%s/%d", "10.0.0.0", 8), "10.0.0.0/8");
    assert_memory_equal(arena_memdup(a, "\0\1\2", 3), "\0\1\2", 3);
    assert_non_null(arena_memdup(a, NULL, 0));
    char *big = arena_printf(a, "%100000d", 7);
    assert_int_equal(strlen(big), 100000);
    arena_free(a);
}

static int calls[8], call_count;
static void record(void *p)
{
    calls[call_count++] = *(int *)p;
}

static void deferred_functions_run_backwards(void **state)
{
    (void)state;
    static int numbers[] = {1, 2, 3};
    struct arena *a = arena_new();
    call_count = 0;
    for (size_t i = 0; i < 3; i++) {
        arena_defer(a, record, &numbers[i]);
    }
    assert_int_equal(call_count, 0);
    arena_free(a);
    assert_int_equal(call_count, 3);
    assert_int_equal(calls[0], 3);
    assert_int_equal(calls[2], 1);
}

/* Jumps when the n-th allocation fails; returns whether it did. */
static int run_guarded(size_t n, void (*work)(struct arena *))
{
    struct arena *a = arena_new();
    jmp_buf guard;
    volatile int jumped = 0;
    if (setjmp(guard) == 0) {
        arena_guard(a, &guard);
        arena_fail_after(n);
        work(a);
    } else {
        jumped = 1;
    }
    arena_fail_after(0);
    arena_free(a);
    return jumped;
}

static void defer_heap_block(struct arena *a)
{
    arena_defer(a, free, malloc(10));
    arena_defer(a, free, malloc(10));
    arena_strdup(a, "after");
}

static void ask_too_much(struct arena *a)
{
    arena_alloc(a, SIZE_MAX - 5);
}

static void multiply_too_much(struct arena *a)
{
    arena_calloc(a, SIZE_MAX / 2, 4);
}

static void grow_too_much(struct arena *a)
{
    void *p = arena_alloc(a, 100000);
    arena_grow(a, p, 100000, SIZE_MAX - 5);
}

/* What a list has stays as it was. */
static void no_room(struct arena *a)
{
    static uint64_t *items;
    static size_t capacity;
    jmp_buf *outer = arena_guard_of(a), guard;
    items = NULL;
    capacity = 0;
    ARENA_ROOM(a, items, 0, capacity, 4);
    items[3] = 7;
    arena_alloc(a, 1); /* in the way: the list has to move */
    if (setjmp(guard) == 0) {
        arena_guard(a, &guard);
        arena_fail_after(1);
        ARENA_ROOM(a, items, 4, capacity, 4);
        fail_msg("there was memory");
    }
    assert_int_equal(capacity, 4);
    assert_int_equal(items[3], 7);
    arena_guard(a, outer);
    arena_exhausted(a);
}

static void room_for_too_much(struct arena *a)
{
    uint64_t *items = NULL;
    size_t capacity = 0;
    ARENA_ROOM(a, items, 0, capacity, SIZE_MAX / 4);
}

static void out_of_memory_jumps_and_leaks_nothing(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 3; n++) {
        assert_true(run_guarded(n, defer_heap_block));
    }
    assert_false(run_guarded(4, defer_heap_block));
    assert_true(run_guarded(0, ask_too_much));
    assert_true(run_guarded(0, multiply_too_much));
    assert_true(run_guarded(0, grow_too_much));
    assert_true(run_guarded(2, grow_too_much));
    assert_true(run_guarded(0, no_room));
    assert_true(run_guarded(0, room_for_too_much));
    arena_fail_after(1);
    assert_null(arena_new());
    assert_non_null((*state = arena_new()));
    arena_free(*state);
}

static void use_reserve(struct arena *a)
{
    arena_alloc(a, 4000); /* nearly fills the first chunk */
    arena_reserve(a, 8000);
    arena_reserve(a, 8000); /* it is still there */
    arena_fail_after(1);
    unsigned char *p = arena_alloc(a, 3000), *q = arena_alloc(a, 3000);
    for (size_t i = 0; i < 3000; i++) {
        assert_int_equal(p[i] | q[i], 0);
    }
    arena_fail_after(1);
    arena_alloc(a, 10);
    fail_msg("a reserve was there twice");
}

static void reserve_too_much(struct arena *a)
{
    arena_reserve(a, SIZE_MAX - 5);
}

static void reserve_too_little(struct arena *a)
{
    arena_reserve(a, 100);
    arena_fail_after(1);
    arena_alloc(a, 200);
}

static void a_reserve_serves_when_memory_is_out(void **state)
{
    (void)state;
    assert_true(run_guarded(0, use_reserve));
    assert_true(run_guarded(0, reserve_too_much));
    assert_true(run_guarded(0, reserve_too_little));
    assert_true(run_guarded(1, reserve_too_little));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zero_aligned_and_apart),
        cmocka_unit_test(a_first_block_of_any_size_fits),
        cmocka_unit_test(growing_keeps_bytes_and_zeroes_the_rest),
        cmocka_unit_test(a_buffer_that_doubles_alone_stays_in_place),
        cmocka_unit_test(lists_get_room),
        cmocka_unit_test(copies),
        cmocka_unit_test(deferred_functions_run_backwards),
        cmocka_unit_test(out_of_memory_jumps_and_leaks_nothing),
        cmocka_unit_test(a_reserve_serves_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
