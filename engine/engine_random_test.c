/*
 * Random operations against an oracle that knows nothing but lists: every answer is foretold by
 * looking at every address of a small universe, and after every step all invariants are looked at.
 *
 * The oracle's rule is the promise itself: an address is free in a pool when no resource anywhere
 * in the scope stands on it, and no child pool of this pool, and no orphan: the CIDR of a child
 * pool that its source pool has lost. And for resources, no occupant: no network that no pool gave.
 */
#include "engine/engine_fixture.h"
#include "engine/engine_internal.h"

#define UNIVERSE 512 /* addresses: 10.0.0.0/23 */
#define BASE     (10u << 24)
#define POOLS    6
#define MAX      400
#define SEEN     12
#define CARELESS 3 /* the pool that ignores occupants */

struct known {
    char id[24];
    int pool;
    int child; /* -1: a resource */
    unsigned first, size;
    bool loaded;
};

struct oracle {
    struct engine *e;
    struct known list[MAX];
    size_t count;
    struct cidr cidrs[POOLS][16];
    size_t cidr_count[POOLS];
    struct cidr occupied[SEEN];
    size_t occupied_count;
    unsigned serial;
    bool loads;
};

static const char *const pool_ids[POOLS] = {"p0", "p1", "p2", "p3", "p4", "p5"};
static const int sources[POOLS] = {-1, -1, 0, 0, 2, 1};

static struct cidr at(unsigned first, unsigned len)
{
    return cidr_make(FAMILY_V4, (uint64_t)(BASE + first) << 32, 0, len);
}

static unsigned first_of(const struct cidr *c)
{
    return (unsigned)(c->hi >> 32) - BASE;
}

static unsigned size_of(const struct cidr *c)
{
    return 1u << (32 - c->len);
}

static struct cidr random_cidr(void)
{
    unsigned len = 23 + random_below(10);
    struct cidr c = at(random_below(UNIVERSE), len);
    return c;
}

/* --- what the oracle foretells --- */

static void mark(bool *used, unsigned first, unsigned size)
{
    for (unsigned i = first; i < first + size && i < UNIVERSE; i++) {
        used[i] = true;
    }
}

static bool is_below(int pool, int top)
{
    while (pool >= 0 && pool != top) {
        pool = sources[pool];
    }
    return pool == top;
}

static bool lost(const struct oracle *o, const struct known *k)
{
    for (size_t i = 0; i < o->cidr_count[k->pool]; i++) {
        const struct cidr *c = &o->cidrs[k->pool][i];
        if (first_of(c) <= k->first && k->first + k->size <= first_of(c) + size_of(c)) {
            return false;
        }
    }
    return true;
}

/* recipient: the pool that is to have it, whose own does not matter; -1: none */
static void mark_used(const struct oracle *o, int pool, int recipient, bool *used)
{
    memset(used, 0, UNIVERSE);
    for (size_t i = 0; i < o->count; i++) {
        const struct known *k = &o->list[i];
        bool orphan = lost(o, k) && !is_below(pool, k->child);
        if ((k->child < 0 || k->pool == pool || orphan) &&
            (recipient < 0 || !is_below(k->pool, recipient))) {
            mark(used, k->first, k->size);
        }
    }
}

static bool all_free(const bool *used, unsigned first, unsigned size)
{
    for (unsigned i = first; i < first + size; i++) {
        if (used[i]) {
            return false;
        }
    }
    return true;
}

static void mark_occupied(const struct oracle *o, int pool, bool *used)
{
    for (size_t i = 0; i < o->occupied_count && pool != CARELESS; i++) {
        mark(used, first_of(&o->occupied[i]), size_of(&o->occupied[i]));
    }
}

static bool foretell_free(const struct oracle *o, int pool, unsigned len, const bool *used,
                          struct cidr *out)
{
    unsigned size = 1u << (32 - len), best = UNIVERSE;
    for (size_t c = 0; c < o->cidr_count[pool]; c++) {
        unsigned first = first_of(&o->cidrs[pool][c]), end = first + size_of(&o->cidrs[pool][c]);
        for (unsigned i = first; i + size <= end; i += size) {
            if (i < best && all_free(used, i, size)) {
                best = i;
            }
        }
    }
    *out = at(best, len);
    return best < UNIVERSE;
}

static enum refusal_code foretell_exact(const struct oracle *o, int pool, int recipient,
                                        const struct cidr *c)
{
    bool used[UNIVERSE], inside = false;
    for (size_t i = 0; i < o->cidr_count[pool]; i++) {
        inside = inside || cidr_contains(&o->cidrs[pool][i], c);
    }
    if (!inside) {
        return o->cidr_count[pool] > 0 ? REFUSAL_OUTSIDE_POOL : REFUSAL_NO_CIDRS;
    }
    mark_used(o, pool, recipient, used);
    return all_free(used, first_of(c), size_of(c)) ? REFUSAL_NONE : REFUSAL_TAKEN;
}

static int foretell_largest(const struct oracle *o, int pool, const bool *used)
{
    struct cidr c;
    for (unsigned len = 23; len <= 32; len++) {
        if (foretell_free(o, pool, len, used, &c)) {
            return (int)len;
        }
    }
    return -1;
}

/* The lowest block around something that the pool, or one below, holds outside of its CIDRs. */
static bool foretell_around(const struct oracle *o, int pool, unsigned len, struct cidr *out)
{
    unsigned size = 1u << (32 - len), best = UNIVERSE;
    for (size_t i = 0; i < o->count; i++) {
        const struct known *k = &o->list[i];
        unsigned first = k->first / size * size;
        struct cidr c = at(first, len);
        if (is_below(k->pool, pool) && lost(o, k) && k->size <= size && first < best &&
            foretell_exact(o, sources[pool], pool, &c) == REFUSAL_NONE) {
            best = first;
        }
    }
    if (best < UNIVERSE) {
        *out = at(best, len);
    }
    return best < UNIVERSE;
}

/* --- bookkeeping --- */

static void remember(struct oracle *o, const char *id, int pool, int child, const struct cidr *c,
                     bool loaded)
{
    struct known *k = &o->list[o->count++];
    *k = (struct known){
        .pool = pool, .child = child, .first = first_of(c), .size = size_of(c), .loaded = loaded};
    snprintf(k->id, sizeof(k->id), "%s", id);
}

static void forget(struct oracle *o, size_t i)
{
    o->list[i] = o->list[--o->count];
}

static void next_id(struct oracle *o, char *id, size_t size)
{
    snprintf(id, size, "a%u", o->serial++);
}

/* --- the operations --- */

static void check_result(enum engine_result result, const struct refusal *why,
                         enum refusal_code expected, const struct cidr *got,
                         const struct cidr *wanted)
{
    assert_int_equal(result, expected == REFUSAL_NONE ? ENGINE_OK : ENGINE_REFUSED);
    if (expected == REFUSAL_NONE) {
        assert_true(cidr_equal(got, wanted));
    } else {
        assert_int_equal(why->code == REFUSAL_ORPHAN ? REFUSAL_TAKEN : why->code, expected);
    }
}

/* Who is named as the holder is one, and is called an orphan when it is one. */
static void check_holder(const struct oracle *o, int pool, const struct refusal *why)
{
    const struct allocation *holder = engine_allocation(o->e, why->other_id);
    size_t i = 0;
    assert_non_null(holder);
    assert_true(cidr_overlaps(&holder->cidr, &why->cidr));
    assert_true(cidr_equal(&holder->cidr, &why->conflict));
    while (strcmp(o->list[i].id, why->other_id) != 0) {
        i++;
    }
    const struct known *k = &o->list[i];
    assert_int_equal(why->code == REFUSAL_ORPHAN, k->pool != pool && lost(o, k));
}

static void op_allocate(struct oracle *o)
{
    int pool = (int)random_below(POOLS);
    char id[24];
    struct cidr wanted = random_cidr(), none = {0}, avoid[3];
    struct refusal why = {0};
    const struct allocation *a = NULL;
    enum refusal_code expected;
    next_id(o, id, sizeof(id));
    struct allocation_request r = custom(id, pool_ids[pool], NULL, wanted.len);
    if (random_below(2)) {
        r.cidr = wanted;
        r.length = -1;
        bool used[UNIVERSE] = {false};
        expected = foretell_exact(o, pool, -1, &wanted);
        mark_occupied(o, pool, used);
        if (expected == REFUSAL_NONE && !all_free(used, first_of(&wanted), size_of(&wanted))) {
            expected = REFUSAL_OCCUPIED;
        }
    } else {
        bool used[UNIVERSE];
        mark_used(o, pool, -1, used);
        mark_occupied(o, pool, used);
        for (r.disallowed_count = 0; r.disallowed_count < random_below(4); r.disallowed_count++) {
            struct cidr *c = &avoid[r.disallowed_count];
            *c = random_cidr();
            mark(used, first_of(c), size_of(c));
        }
        r.disallowed = avoid;
        expected = o->cidr_count[pool] == 0                            ? REFUSAL_NO_CIDRS
                   : foretell_free(o, pool, wanted.len, used, &wanted) ? REFUSAL_NONE
                                                                       : REFUSAL_NO_SPACE;
    }
    enum engine_result planned = engine_check_allocate(o->e, &r, false, &why);
    assert_int_equal(planned, expected == REFUSAL_NONE ? ENGINE_OK : ENGINE_REFUSED);
    enum engine_result result = engine_allocate(o->e, &r, &a, &why);
    check_result(result, &why, expected, a ? &a->cidr : &none, &wanted);
    if (result == ENGINE_OK) {
        assert_false(a->conflicting);
        remember(o, id, pool, -1, &a->cidr, false);
    } else if (why.code == REFUSAL_NO_SPACE) {
        bool used[UNIVERSE];
        mark_used(o, pool, -1, used);
        mark_occupied(o, pool, used);
        assert_int_equal(why.largest_free, foretell_largest(o, pool, used));
    } else if (why.code == REFUSAL_TAKEN || why.code == REFUSAL_ORPHAN) {
        check_holder(o, pool, &why);
    }
}

static void op_release(struct oracle *o)
{
    struct refusal why;
    if (o->count == 0) {
        return;
    }
    size_t i = random_below((uint32_t)o->count);
    enum engine_result result = engine_release(o->e, o->list[i].id, &why);
    if (o->list[i].child >= 0) {
        assert_int_equal(result, ENGINE_REFUSED);
        assert_int_equal(why.code, REFUSAL_NOT_EMPTY);
    } else {
        assert_int_equal(result, ENGINE_OK);
        forget(o, i);
    }
}

/* A CIDR of a top-level pool may not meet any pool but those below. */
static bool top_overlaps(const struct oracle *o, int pool, const struct cidr *c)
{
    for (int other = 0; other < POOLS; other++) {
        bool below = other == pool;
        for (int p = other; p >= 0; p = sources[p]) {
            below = below || p == pool;
        }
        for (size_t i = 0; i < o->cidr_count[other] && !below; i++) {
            if (cidr_overlaps(&o->cidrs[other][i], c)) {
                return true;
            }
        }
    }
    return false;
}

static bool own_overlaps(const struct oracle *o, int pool, const struct cidr *c)
{
    for (size_t i = 0; i < o->cidr_count[pool]; i++) {
        if (cidr_overlaps(&o->cidrs[pool][i], c)) {
            return true;
        }
    }
    return false;
}

static void op_provision(struct oracle *o)
{
    int pool = (int)random_below(POOLS), source = sources[pool];
    char id[24];
    struct cidr wanted = random_cidr(), got = {0};
    struct refusal why = {0};
    if (o->cidr_count[pool] == 16 || wanted.len > 29) {
        return;
    }
    next_id(o, id, sizeof(id));
    struct provision_request r = {pool_ids[pool], wanted, -1, id};
    enum refusal_code expected;
    if (source < 0 || random_below(2)) {
        expected = own_overlaps(o, pool, &wanted)   ? REFUSAL_CIDR_EXISTS
                   : source >= 0                    ? foretell_exact(o, source, pool, &wanted)
                   : top_overlaps(o, pool, &wanted) ? REFUSAL_OVERLAPS_POOL
                                                    : REFUSAL_NONE;
    } else {
        bool used[UNIVERSE], open[UNIVERSE];
        unsigned shortest = 32;
        mark_used(o, source, -1, used);
        memcpy(open, used, sizeof(open));
        mark_occupied(o, source, open);
        r.cidr = (struct cidr){0};
        r.length = wanted.len;
        for (size_t i = 0; i < o->cidr_count[source]; i++) {
            unsigned len = o->cidrs[source][i].len;
            shortest = len < shortest ? len : shortest;
        }
        expected = o->cidr_count[source] == 0                            ? REFUSAL_NO_CIDRS
                   : wanted.len < shortest                               ? REFUSAL_LENGTH_INVALID
                   : foretell_around(o, pool, wanted.len, &wanted)       ? REFUSAL_NONE
                   : foretell_free(o, source, wanted.len, open, &wanted) ? REFUSAL_NONE
                   : foretell_free(o, source, wanted.len, used, &wanted) ? REFUSAL_NONE
                                                                         : REFUSAL_NO_SPACE;
    }
    enum engine_result planned = engine_check_provision(o->e, &r, &why);
    assert_int_equal(planned, expected == REFUSAL_NONE ? ENGINE_OK : ENGINE_REFUSED);
    enum engine_result result = engine_provision(o->e, &r, &got, &why);
    check_result(result, &why, expected, &got, &wanted);
    if (result == ENGINE_OK) {
        o->cidrs[pool][o->cidr_count[pool]++] = got;
        if (source >= 0) {
            remember(o, id, source, pool, &got, false);
        }
    }
}

static void op_deprovision(struct oracle *o)
{
    int pool = (int)random_below(POOLS);
    struct refusal why;
    if (o->cidr_count[pool] == 0) {
        return;
    }
    size_t at_index = random_below((uint32_t)o->cidr_count[pool]), inside = 0;
    struct cidr c = o->cidrs[pool][at_index];
    for (size_t i = 0; i < o->count; i++) {
        const struct known *k = &o->list[i];
        inside += k->pool == pool && k->first < first_of(&c) + size_of(&c) &&
                  first_of(&c) < k->first + k->size;
    }
    enum engine_result result = engine_deprovision(o->e, pool_ids[pool], &c, &why);
    if (inside > 0) {
        assert_int_equal(result, ENGINE_REFUSED);
        assert_int_equal(why.code, REFUSAL_CIDR_IN_USE);
        assert_int_equal(why.count, inside);
        return;
    }
    assert_int_equal(result, ENGINE_OK);
    o->cidrs[pool][at_index] = o->cidrs[pool][--o->cidr_count[pool]];
    for (size_t i = 0; i < o->count; i++) {
        if (o->list[i].child == pool && o->list[i].first == first_of(&c)) {
            forget(o, i);
            break;
        }
    }
}

/* A pool's CIDR leaves the state, with everything that it holds still there. */
static void op_lose(struct oracle *o)
{
    int pool = (int)random_below(POOLS);
    if (o->cidr_count[pool] == 0) {
        return;
    }
    size_t at_index = random_below((uint32_t)o->cidr_count[pool]);
    struct cidr c = o->cidrs[pool][at_index];
    engine_unload_cidr(o->e, pool_ids[pool], &c);
    o->cidrs[pool][at_index] = o->cidrs[pool][--o->cidr_count[pool]];
    for (size_t i = 0; i < o->count; i++) {
        if (o->list[i].child == pool && o->list[i].first == first_of(&c)) {
            forget(o, i);
            break;
        }
    }
}

static void new_pool(const struct oracle *o, int pool)
{
    struct pool_info info =
        a_pool(pool_ids[pool], sources[pool] < 0 ? NULL : pool_ids[sources[pool]]);
    info.ignore_occupants = pool == CARELESS;
    must(engine_add_pool(o->e, &info, &why));
}

static void op_cascade(struct oracle *o)
{
    int pool = 2 + (int)random_below(POOLS - 2);
    must(engine_remove_pool(o->e, pool_ids[pool], true, &why));
    bool gone[POOLS] = {false};
    for (int other = 0; other < POOLS; other++) {
        for (int p = other; p >= 0; p = sources[p]) {
            gone[other] = gone[other] || p == pool;
        }
        o->cidr_count[other] *= !gone[other];
    }
    for (size_t i = o->count; i-- > 0;) {
        if (gone[o->list[i].pool] || (o->list[i].child >= 0 && gone[o->list[i].child])) {
            forget(o, i);
        }
    }
    for (int other = 0; other < POOLS; other++) {
        if (gone[other]) {
            assert_null(engine_pool(o->e, pool_ids[other]));
            new_pool(o, other);
        }
    }
}

static void op_load(struct oracle *o)
{
    for (unsigned n = 1 + random_below(3); n > 0; n--) {
        int pool = (int)random_below(POOLS);
        char id[24];
        struct cidr c = random_cidr();
        next_id(o, id, sizeof(id));
        struct allocation_request r = custom(id, pool_ids[pool], NULL, -1);
        r.cidr = c;
        must(engine_load_allocation(o->e, &r));
        remember(o, id, pool, -1, &c, true);
    }
    if (random_below(2)) {
        must(engine_settle(o->e));
    }
}

/* The world is seen anew. */
static void op_look(struct oracle *o)
{
    if (random_below(3) == 0) {
        engine_forget_occupants(o->e);
        o->occupied_count = 0;
    }
    for (unsigned n = random_below(4); n > 0 && o->occupied_count < SEEN; n--) {
        struct cidr c = random_cidr();
        struct occupant seen = {.scope_id = random_below(8) ? "private" : "elsewhere",
                                .cidr = c,
                                .resource_id = "vpc-x"};
        if (strcmp(seen.scope_id, "private") == 0) {
            o->occupied[o->occupied_count++] = c;
        }
        must(engine_load_occupant(o->e, &seen));
    }
}

/* The open space is what is neither given nor occupied, address by address. */
static void look_at_open_space(const struct oracle *o, int pool)
{
    bool used[UNIVERSE] = {false};
    struct count open = {0}, free_by_space = {0};
    const struct pool *p = engine_pool(o->e, pool_ids[pool]);
    const struct space *s = engine_open_space(o->e, pool_ids[pool]);
    assert_non_null(s);
    mark_occupied(o, pool, used);
    for (unsigned i = 0; i < UNIVERSE; i++) {
        struct cidr one = at(i, 32), root, block;
        bool inside = space_root_of(pool_space(p), &one, &root);
        bool is_free = inside && !used[i] && !space_overlapping(pool_space(p), &one, &block);
        assert_int_equal(inside && !space_overlapping(s, &one, &block), is_free);
        open = is_free ? count_add(open, cidr_count(&one)) : open;
    }
    free_by_space = count_sub(space_total(s), space_used(s));
    assert_int_equal(count_compare(open, free_by_space), 0);
}

/* --- the invariants --- */

static bool add_addresses(void *ctx, const struct cidr *c)
{
    struct count *sum = ctx;
    *sum = count_add(*sum, cidr_count(c));
    return true;
}

struct walk {
    const struct allocation *previous; /* that holds space */
    const struct pool *pool;
    size_t count;
};

static bool look_at(void *ctx, const struct allocation *a)
{
    struct walk *w = ctx;
    struct cidr root;
    w->count++;
    if (a->conflicting) {
        return true;
    }
    assert_true(space_root_of(pool_space(w->pool), &a->cidr, &root));
    assert_true(!w->previous || !cidr_overlaps(&w->previous->cidr, &a->cidr));
    w->previous = a;
    return true;
}

static void look_at_everything(const struct oracle *o)
{
    must(engine_settle(o->e));
    assert_true(engine_check(o->e));
    size_t total = 0;
    for (int p = 0; p < POOLS; p++) {
        const struct pool *pool = engine_pool(o->e, pool_ids[p]);
        struct walk w = {.pool = pool};
        struct count sum = {0};
        engine_each_allocation(o->e, pool, look_at, &w);
        assert_int_equal(w.count, pool_allocation_count(pool));
        total += w.count;
        assert_int_equal(pool_cidr_count(pool), o->cidr_count[p]);
        space_each_free(pool_space(pool), NULL, add_addresses, &sum);
        sum = count_add(sum, space_used(pool_space(pool)));
        assert_int_equal(count_compare(sum, space_total(pool_space(pool))), 0);
    }
    assert_int_equal(total, o->count);
    for (size_t i = 0; i < o->count; i++) { /* nothing moved, nothing was lost */
        const struct known *k = &o->list[i];
        const struct allocation *a = engine_allocation(o->e, k->id);
        assert_non_null(a);
        assert_int_equal(first_of(&a->cidr), k->first);
        assert_int_equal(size_of(&a->cidr), k->size);
        assert_string_equal(pool_info(a->pool)->id, pool_ids[k->pool]);
    }
}

static void run(bool loads, bool occupants, unsigned rounds, unsigned steps)
{
    random_start();
    for (unsigned round = 0; round < rounds; round++) {
        struct oracle *o = calloc(1, sizeof(*o));
        assert_non_null(o);
        o->e = new_engine();
        o->loads = loads;
        for (int p = 0; p < POOLS; p++) {
            new_pool(o, p);
        }
        for (unsigned step = 0; step < steps; step++) {
            unsigned what = random_below(100);
            if (occupants && random_below(12) == 0) {
                op_look(o);
                look_at_open_space(o, (int)random_below(POOLS));
            }
            if (o->count > 60 || what < 30) {
                op_release(o);
            } else if (what < 70) {
                op_allocate(o);
            } else if (what < 86) {
                op_provision(o);
            } else if (what < 94) {
                op_deprovision(o);
            } else if (what < 95) {
                op_cascade(o);
            } else if (loads && what < 98) {
                op_load(o);
            } else if (loads) {
                op_lose(o);
            }
            look_at_everything(o);
        }
        engine_free(o->e);
        free(o);
    }
}

static void test_issuing(void **state)
{
    (void)state;
    run(false, false, 10, 600);
}

static void test_issuing_beside_what_exists(void **state)
{
    (void)state;
    run(false, true, 20, 600);
    run(true, true, 20, 600);
}

static void test_issuing_in_a_contradictory_estate(void **state)
{
    (void)state;
    run(true, false, 20, 600);
}

/* --- the index on its own --- */

static bool word_match(const void *item, const void *key)
{
    return *(const uint64_t *)item == *(const uint64_t *)key;
}

static uint64_t word_hash(const void *item, uint64_t seed)
{
    (void)seed;
    return *(const uint64_t *)item % 97; /* long chains on purpose */
}

static void test_index(void **state)
{
    (void)state;
    enum { N = 500 };
    uint64_t words[N];
    bool in[N] = {false};
    struct index x = {0};
    size_t count = 0;
    random_start();
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = random_below(N);
        words[i] = i;
        uint64_t hash = word_hash(&words[i], 0);
        assert_ptr_equal(index_find(&x, hash, word_match, &words[i]), in[i] ? &words[i] : NULL);
        if (in[i]) {
            index_remove(&x, hash, &words[i]);
            count--;
        } else {
            assert_true(index_reserve(&x, 1, word_hash, 0));
            index_add(&x, hash, &words[i]);
            count++;
        }
        in[i] = !in[i];
        assert_int_equal(x.count, count);
        assert_true(x.count <= x.bucket_count * (BUCKET_SLOTS - 1));
    }
    size_t at_slot = 0, seen = 0;
    while (index_next(&x, &at_slot)) {
        seen++;
    }
    assert_int_equal(seen, count);
    for (unsigned i = 0; i < N; i++) { /* what is removed leaves no trace */
        if (in[i]) {
            index_remove(&x, word_hash(&words[i], 0), &words[i]);
        }
    }
    for (size_t b = 0; b < x.bucket_count; b++) {
        assert_int_equal(x.buckets[b].passed, 0);
    }
    index_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_issuing),
        cmocka_unit_test(test_issuing_in_a_contradictory_estate),
        cmocka_unit_test(test_issuing_beside_what_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
