/*
 * Every sequence of operations up to a depth, on a small universe: /28s in a /24.
 *
 * A pool has 10.0.0.0/24 and a child pool draws from it. Every sequence over the alphabet below is
 * run on an engine of its own. The model is sixteen /28s for each pool and the rule "the lowest
 * aligned block that is free"; each answer of the engine must be the model's, and after each step
 *   - what was issued is where it was issued, and disjoint from everything else,
 *   - a child pool's CIDR is an allocation of its source pool,
 *   - free and used are the total,
 *   - the engine's own check of every invariant passes.
 *
 * Steps are numbered like the digits of a counter, so a step is compared as soon as its prefix is
 * new; the steps before it were compared with an earlier sequence.
 *
 * TEST_DEPTH sets the length of the sequences; one more costs twelve to fifteen times the time.
 */
#include "engine/engine_fixture.h"

#define SLOTS   16 /* /28s in the /24 */
#define BASE    (10u << 24)
#define HELD    64
#define DEPTH   4
#define TOP     0
#define CHILD   1
#define NOWHERE SLOTS

static const char *const pools[] = {"top", "child"};

struct held {
    char id[16];
    unsigned pool, first, size; /* in /28s */
    bool gift;                  /* a CIDR of the child */
};

struct world {
    struct engine *e;
    struct held list[HELD]; /* in order of issue */
    size_t count;
    unsigned serial;
    bool provisioned; /* the top pool has its CIDR */
};

static struct cidr block(unsigned first, unsigned size)
{
    unsigned len = 28;
    for (unsigned n = size; n > 1; n /= 2)
        len--;
    return cidr_make(FAMILY_V4, (uint64_t)(BASE + first * 16) << 32, 0, len);
}

/* --- the model --- */

static bool in_pool(const struct world *w, unsigned pool, unsigned slot)
{
    if (pool == TOP)
        return w->provisioned;
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i].gift && slot - w->list[i].first < w->list[i].size)
            return true;
    return false;
}

static bool is_used(const struct world *w, unsigned pool, unsigned slot)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i].pool == pool && slot - w->list[i].first < w->list[i].size)
            return true;
    return false;
}

/* Several CIDRs of the child that lie side by side do not make a larger one. */
static bool one_root(const struct world *w, unsigned pool, unsigned first, unsigned size)
{
    for (size_t i = 0; pool == CHILD && i < w->count; i++)
        if (w->list[i].gift && w->list[i].first <= first &&
            first + size <= w->list[i].first + w->list[i].size)
            return true;
    return pool == TOP && w->provisioned;
}

static bool is_free(const struct world *w, unsigned pool, unsigned first, unsigned size)
{
    for (unsigned s = first; s < first + size; s++)
        if (s >= SLOTS || !in_pool(w, pool, s) || is_used(w, pool, s))
            return false;
    return one_root(w, pool, first, size);
}

static unsigned lowest(const struct world *w, unsigned pool, unsigned size)
{
    for (unsigned s = 0; s < SLOTS; s += size)
        if (is_free(w, pool, s, size))
            return s;
    return NOWHERE;
}

static void hold(struct world *w, const char *id, unsigned pool, unsigned first, unsigned size,
                 bool gift)
{
    struct held *h = &w->list[w->count++];
    assert_true(w->count <= HELD);
    *h = (struct held){.pool = pool, .first = first, .size = size, .gift = gift};
    snprintf(h->id, sizeof h->id, "%s", id);
}

static void let_go(struct world *w, size_t i)
{
    memmove(&w->list[i], &w->list[i + 1], (w->count - i - 1) * sizeof w->list[0]);
    w->count--;
}

/* --- operations: the engine's answer against the model's --- */

/* first NOWHERE: by length */
static void allocate_op(struct world *w, unsigned pool, unsigned first, unsigned size)
{
    char id[16];
    const struct allocation *a = NULL;
    struct refusal reason;
    unsigned want = first == NOWHERE ? lowest(w, pool, size) : first;
    bool possible = want != NOWHERE && is_free(w, pool, want, size);
    snprintf(id, sizeof id, "a%u", ++w->serial);
    struct cidr c = block(first == NOWHERE ? 0 : first, size);
    struct allocation_request r = custom(id, pools[pool], NULL, first == NOWHERE ? c.len : -1);
    if (first != NOWHERE)
        r.cidr = c;
    enum engine_result result = engine_allocate(w->e, &r, &a, &reason);
    assert_int_equal(result, possible ? ENGINE_OK : ENGINE_REFUSED);
    if (!possible) {
        assert_int_not_equal(reason.code, REFUSAL_NONE);
        return;
    }
    c = block(want, size);
    assert_true(cidr_equal(&a->cidr, &c));
    hold(w, id, pool, want, size, false);
}

static void provision_op(struct world *w, unsigned first, unsigned size)
{
    char id[16];
    struct cidr out;
    struct refusal reason;
    unsigned want = first == NOWHERE ? lowest(w, TOP, size) : first;
    bool possible = want != NOWHERE && is_free(w, TOP, want, size);
    snprintf(id, sizeof id, "g%u", ++w->serial);
    struct provision_request r = {pools[CHILD], {0}, -1, id};
    if (first == NOWHERE)
        r.length = block(0, size).len;
    else
        r.cidr = block(first, size);
    enum engine_result result = engine_provision(w->e, &r, &out, &reason);
    assert_int_equal(result, possible ? ENGINE_OK : ENGINE_REFUSED);
    if (!possible)
        return;
    struct cidr c = block(want, size);
    assert_true(cidr_equal(&out, &c));
    hold(w, id, TOP, want, size, true);
}

/* The oldest or the newest allocation that is no child pool's CIDR. */
static void release_op(struct world *w, bool newest)
{
    struct refusal reason;
    for (size_t i = 0; i < w->count; i++) {
        size_t at = newest ? w->count - 1 - i : i;
        if (w->list[at].gift)
            continue;
        assert_int_equal(engine_release(w->e, w->list[at].id, &reason), ENGINE_OK);
        let_go(w, at);
        return;
    }
    assert_int_equal(engine_release(w->e, "a0", &reason), ENGINE_REFUSED);
    assert_int_equal(reason.code, REFUSAL_ALLOCATION_UNKNOWN);
}

static bool child_uses(const struct world *w, const struct held *gift)
{
    for (unsigned s = gift->first; s < gift->first + gift->size; s++)
        if (is_used(w, CHILD, s))
            return true;
    return false;
}

static void deprovision_child_op(struct world *w)
{
    struct refusal reason;
    for (size_t i = 0; i < w->count; i++) {
        if (!w->list[i].gift)
            continue;
        struct cidr c = block(w->list[i].first, w->list[i].size);
        bool possible = !child_uses(w, &w->list[i]);
        enum engine_result result = engine_deprovision(w->e, pools[CHILD], &c, &reason);
        assert_int_equal(result, possible ? ENGINE_OK : ENGINE_REFUSED);
        if (possible)
            let_go(w, i);
        else
            assert_int_equal(reason.code, REFUSAL_CIDR_IN_USE);
        return;
    }
}

/* Takes the /24 away, or gives it back. */
static void whole_op(struct world *w)
{
    struct refusal reason;
    struct cidr all = block(0, SLOTS), out;
    struct provision_request r = {pools[TOP], all, -1, "whole"};
    bool possible = true;
    enum engine_result result;
    if (w->provisioned) {
        for (unsigned s = 0; s < SLOTS; s++)
            possible = possible && !is_used(w, TOP, s);
        result = engine_deprovision(w->e, pools[TOP], &all, &reason);
    } else {
        result = engine_provision(w->e, &r, &out, &reason);
    }
    assert_int_equal(result, possible ? ENGINE_OK : ENGINE_REFUSED);
    w->provisioned ^= possible;
}

static void operate(struct world *w, unsigned op)
{
    switch (op) {
    case 0:
        return allocate_op(w, TOP, NOWHERE, 1);
    case 1:
        return allocate_op(w, TOP, NOWHERE, 2);
    case 2:
        return allocate_op(w, TOP, NOWHERE, 8);
    case 3:
        return allocate_op(w, TOP, 5, 1);
    case 4:
        return allocate_op(w, TOP, 4, 4);
    case 5:
        return allocate_op(w, CHILD, NOWHERE, 1);
    case 6:
        return allocate_op(w, CHILD, NOWHERE, 4);
    case 7:
        return allocate_op(w, CHILD, 9, 1);
    case 8:
        return provision_op(w, NOWHERE, 2);
    case 9:
        return provision_op(w, 8, 4);
    case 10:
        return release_op(w, false);
    case 11:
        return release_op(w, true);
    case 12:
        return deprovision_child_op(w);
    default:
        return whole_op(w);
    }
}
#define OPERATIONS 14

/* --- invariants --- */

static void check_amounts(const struct world *w, unsigned pool)
{
    uint64_t total = 0, used = 0;
    const struct space *s = pool_space(engine_pool(w->e, pools[pool]));
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        total += 16 * in_pool(w, pool, slot);
        used += 16 * is_used(w, pool, slot);
    }
    assert_true(space_total(s).lo == total && space_total(s).hi == 0);
    assert_true(space_used(s).lo == used && space_used(s).hi == 0);
}

static void check(const struct world *w)
{
    assert_true(engine_check(w->e));
    check_amounts(w, TOP);
    check_amounts(w, CHILD);
    for (size_t i = 0; i < w->count; i++) {
        const struct held *h = &w->list[i];
        const struct allocation *a = engine_allocation(w->e, h->id);
        struct cidr c = block(h->first, h->size);
        assert_non_null(a);
        assert_true(cidr_equal(&a->cidr, &c));
        assert_string_equal(pool_info(a->pool)->id, pools[h->pool]);
        assert_int_equal(a->type, h->gift ? ALLOCATION_POOL : ALLOCATION_CUSTOM);
        assert_false(a->conflicting);
        for (size_t j = 0; j < i; j++)
            assert_true(h->pool != w->list[j].pool || h->first + h->size <= w->list[j].first ||
                        w->list[j].first + w->list[j].size <= h->first);
    }
}

/* --- all sequences --- */

static void run(const unsigned *sequence, unsigned depth, unsigned first_new)
{
    struct world w = {.e = new_engine(), .provisioned = true};
    add_pool(w.e, pools[TOP], NULL);
    add_pool(w.e, pools[CHILD], pools[TOP]);
    provision(w.e, pools[TOP], "10.0.0.0/24");
    for (unsigned i = 0; i < depth; i++) {
        operate(&w, sequence[i]);
        if (i >= first_new)
            check(&w);
    }
    engine_free(w.e);
}

/* The next number; which digit is the first that changed. `depth` at the end. */
static unsigned advance(unsigned *sequence, unsigned depth)
{
    for (unsigned i = depth; i-- > 0;) {
        if (++sequence[i] < OPERATIONS)
            return i;
        sequence[i] = 0;
    }
    return depth;
}

static void every_sequence(void **state)
{
    const char *text = getenv("TEST_DEPTH");
    unsigned depth = text ? (unsigned)atoi(text) : DEPTH, first_new = 0, *sequence;
    unsigned long count = 0;
    (void)state;
    assert_true(depth > 0 && depth < HELD);
    sequence = calloc(depth, sizeof *sequence);
    assert_non_null(sequence);
    do {
        run(sequence, depth, first_new);
        count++;
        first_new = advance(sequence, depth);
    } while (first_new < depth);
    free(sequence);
    printf("%lu sequences of %u operations\n", count, depth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
