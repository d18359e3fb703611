/*
 * estate_fixture - an empty estate and a call about it, for tests
 */
#ifndef PROVIDER_ESTATE_FIXTURE_H
#define PROVIDER_ESTATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "provider/estate.h"

struct fixture {
    struct estate *estate;
    struct arena *arena;
    struct diags diags;
    struct call call;
};

static inline int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->estate = estate_new();
    f->arena = arena_new();
    if (!f->estate || !f->arena)
        return -1;
    diags_init(&f->diags, f->arena);
    f->call = (struct call){.arena = f->arena, .diags = &f->diags, .state = f->estate};
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    estate_free(f->estate);
    arena_free(f->arena);
    test_free(f);
    return 0;
}

static inline struct cidr cidr_of(const char *text)
{
    struct cidr c;
    assert_int_equal(cidr_parse(text, strlen(text), &c), CIDR_OK);
    return c;
}

/* The seed is printed; TEST_SEED replays it. */
static inline void random_begin(void)
{
    const char *given = getenv("TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("TEST_SEED=%u\n", seed);
    srand(seed);
}

#endif
