/*
 * Unit tests of space, against two oracles that are as simple as can be: an array with one entry
 * for each address of a small universe, and a list of blocks for sparse ones. After every step the
 * whole of what space tells is compared: invariants, blocks, free space, counts, next-free.
 */
#include "space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static unsigned long long test_seed;
static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t x = random_state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static unsigned random_below(unsigned n)
{
    return (unsigned)(random_next() % n);
}

/* --- memory that runs out: the linker sends every allocation through these --- */

static long allocations_left = -1; /* -1: no limit */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool refuse(void)
{
    if (allocations_left < 0)
        return false;
    if (allocations_left > 0) {
        allocations_left--;
        return false;
    }
    return true;
}

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return refuse() ? NULL : __real_realloc(p, size);
}

/* --- the list oracle --- */

#define MANY 16384 /* blocks and the free parts between them */

struct list {
    struct cidr items[MANY];
    size_t count;
};

struct model {
    struct list roots, blocks; /* both sorted */
};

static void list_add(struct list *l, struct cidr c)
{
    size_t at = l->count;

    assert_true(l->count < MANY);
    while (at > 0 && cidr_compare(&l->items[at - 1], &c) > 0) {
        l->items[at] = l->items[at - 1];
        at--;
    }
    l->items[at] = c;
    l->count++;
}

static void list_remove(struct list *l, size_t at)
{
    memmove(&l->items[at], &l->items[at + 1], (--l->count - at) * sizeof(*l->items));
}

static const struct cidr *list_overlap(const struct list *l, const struct cidr *c)
{
    for (size_t i = 0; i < l->count; i++)
        if (cidr_overlaps(&l->items[i], c))
            return &l->items[i];
    return NULL;
}

static bool list_has(const struct list *l, const struct cidr *c)
{
    for (size_t i = 0; i < l->count; i++)
        if (cidr_equal(&l->items[i], c))
            return true;
    return false;
}

static const struct cidr *model_root(const struct model *m, const struct cidr *c)
{
    for (size_t i = 0; i < m->roots.count; i++)
        if (cidr_contains(&m->roots.items[i], c))
            return &m->roots.items[i];
    return NULL;
}

/* From the start of each root, over whatever is in the way. */
static bool model_next_free(const struct model *m, unsigned len, const struct list *avoid,
                            struct cidr *out)
{
    for (size_t i = 0; i < m->roots.count; i++) {
        const struct cidr *root = &m->roots.items[i];
        struct cidr c;
        if (!cidr_nth(root, len, 0, &c))
            continue;
        while (cidr_contains(root, &c)) {
            const struct cidr *obstacle = list_overlap(&m->blocks, &c);
            if (obstacle == NULL && avoid != NULL)
                obstacle = list_overlap(avoid, &c);
            if (obstacle == NULL) {
                *out = c;
                return true;
            }
            struct cidr behind = cidr_contains(obstacle, &c) ? *obstacle : c;
            if (!cidr_next(&behind, &behind))
                break;
            c = cidr_make(behind.family, behind.hi, behind.lo, len);
        }
    }
    return false;
}

static bool collect(void *ctx, const struct cidr *block)
{
    struct list *l = ctx;

    assert_true(l->count < MANY);
    l->items[l->count++] = *block;
    return true;
}

static struct count list_addresses(const struct list *l)
{
    struct count n = {0, 0, 0};

    for (size_t i = 0; i < l->count; i++)
        n = count_add(n, cidr_count(&l->items[i]));
    return n;
}

static void assert_same_list(const struct list *a, const struct list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_true(cidr_equal(&a->items[i], &b->items[i]));
}

/* Free blocks: in order, apart from the used ones, in one root, none is half of a bigger one. */
static void verify_free(const struct space *s, const struct model *m, struct list *seen)
{
    int largest = -1;

    seen->count = 0;
    assert_true(space_each_free(s, NULL, collect, seen));
    for (size_t i = 0; i < seen->count; i++) {
        const struct cidr *c = &seen->items[i], *root = model_root(m, c);
        assert_non_null(root);
        assert_null(list_overlap(&m->blocks, c));
        if (largest < 0 || c->len < largest)
            largest = c->len;
        if (i == 0)
            continue;
        const struct cidr *before = &seen->items[i - 1];
        assert_true(cidr_compare(before, c) < 0 && !cidr_overlaps(before, c));
        struct cidr both = cidr_widen(c, c->len > 0 ? c->len - 1u : 0);
        assert_false(before->len == c->len && cidr_contains(&both, before) &&
                     cidr_contains(root, &both));
    }
    assert_int_equal(space_largest_free(s), largest);
    struct count sum = count_add(list_addresses(seen), space_used(s));
    assert_int_equal(count_compare(sum, space_total(s)), 0);
}

static void verify(const struct space *s, const struct model *m)
{
    static struct list seen;

    assert_true(space_check(s));
    assert_int_equal(space_block_count(s), m->blocks.count);
    assert_int_equal(space_root_count(s), m->roots.count);
    assert_int_equal(count_compare(space_used(s), list_addresses(&m->blocks)), 0);
    assert_int_equal(count_compare(space_total(s), list_addresses(&m->roots)), 0);
    seen.count = 0;
    assert_true(space_each_root(s, collect, &seen));
    assert_same_list(&seen, &m->roots);
    seen.count = 0;
    assert_true(space_each_used(s, NULL, collect, &seen));
    assert_same_list(&seen, &m->blocks);
    for (size_t i = 1; i < seen.count; i++)
        assert_false(cidr_overlaps(&seen.items[i - 1], &seen.items[i]));
    verify_free(s, m, &seen);
}

static void verify_next(const struct space *s, const struct model *m, unsigned len)
{
    struct cidr got, want;
    enum space_result r = space_next_free(s, len, NULL, 0, &got);

    if (model_next_free(m, len, NULL, &want)) {
        assert_int_equal(r, SPACE_OK);
        assert_true(cidr_equal(&got, &want));
    } else {
        assert_int_equal(r, SPACE_FULL);
    }
}

static struct space *new_space(enum family f, struct model *m)
{
    struct space *s = space_new(f);

    assert_non_null(s);
    m->roots.count = m->blocks.count = 0;
    return s;
}

static void add_root(struct space *s, struct model *m, struct cidr c)
{
    assert_int_equal(space_add_root(s, &c), SPACE_OK);
    list_add(&m->roots, c);
}

static struct cidr parsed(const char *text)
{
    struct cidr c;

    assert_int_equal(cidr_parse(text, strlen(text), &c), CIDR_OK);
    return c;
}

/* Claims in both; every answer must be what the model says. True when it was taken. */
static bool claim_both(struct space *s, struct model *m, const struct cidr *c)
{
    struct cidr conflict = {0};
    const struct cidr *obstacle = list_overlap(&m->blocks, c);
    enum space_result r = space_claim(s, c, &conflict);

    if (model_root(m, c) == NULL) {
        assert_int_equal(r, SPACE_OUTSIDE);
    } else if (obstacle != NULL) {
        assert_int_equal(r, SPACE_TAKEN);
        assert_true(cidr_equal(&conflict, obstacle));
    } else {
        assert_int_equal(r, SPACE_OK);
        list_add(&m->blocks, *c);
    }
    return r == SPACE_OK;
}

static bool release_both(struct space *s, struct model *m, const struct cidr *c)
{
    enum space_result r = space_release(s, c);

    for (size_t i = 0; i < m->blocks.count; i++) {
        if (cidr_equal(&m->blocks.items[i], c)) {
            assert_int_equal(r, SPACE_OK);
            list_remove(&m->blocks, i);
            return true;
        }
    }
    assert_int_equal(r, SPACE_NOT_FOUND);
    return false;
}

static void verify_lookups(const struct space *s, const struct model *m, const struct cidr *c)
{
    static struct list used, want;
    struct cidr out;
    const struct cidr *overlap = list_overlap(&m->blocks, c), *root = model_root(m, c);

    assert_int_equal(space_holds(s, c), list_has(&m->blocks, c));
    assert_int_equal(space_overlapping(s, c, &out), overlap != NULL);
    if (overlap != NULL)
        assert_true(cidr_equal(&out, overlap));
    assert_int_equal(space_root_of(s, c, &out), root != NULL);
    if (root != NULL)
        assert_true(cidr_equal(&out, root));
    used.count = want.count = 0;
    assert_true(space_each_used(s, c, collect, &used));
    for (size_t i = 0; i < m->blocks.count; i++)
        if (cidr_overlaps(&m->blocks.items[i], c))
            want.items[want.count++] = m->blocks.items[i];
    assert_same_list(&used, &want);
    used.count = want.count = 0;
    assert_true(space_each_free(s, NULL, collect, &want));
    size_t kept = 0;
    for (size_t i = 0; i < want.count; i++)
        if (cidr_overlaps(&want.items[i], c))
            want.items[kept++] = cidr_contains(c, &want.items[i]) ? want.items[i] : *c;
    want.count = kept;
    assert_true(space_each_free(s, c, collect, &used));
    assert_same_list(&used, &want);
}

/* --- exhaustive --- */

/* Prefixes of a binary tree of three levels whose levels lie `step` bits apart, so that they share
 * a node, or meet the borders between nodes, or leave bits to skip. */
static size_t small_universe(const struct cidr *root, unsigned step, struct cidr all[15])
{
    size_t n = 0;

    for (unsigned level = 0; level <= 3; level++) {
        for (unsigned path = 0; path < 1u << level; path++) {
            struct cidr c = *root;
            for (unsigned l = level; l-- > 0;)
                assert_true(cidr_nth(&c, c.len + step, path >> l & 1, &c));
            all[n++] = c;
        }
    }
    return n;
}

static void every_sequence(struct space *s, struct model *m, const struct cidr all[15], size_t n,
                           unsigned depth)
{
    verify(s, m);
    for (size_t i = 0; i < n; i++)
        verify_next(s, m, all[i].len);
    if (depth == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (release_both(s, m, &all[i])) {
            every_sequence(s, m, all, n, depth - 1);
            assert_true(claim_both(s, m, &all[i]));
        } else if (claim_both(s, m, &all[i])) {
            every_sequence(s, m, all, n, depth - 1);
            assert_true(release_both(s, m, &all[i]));
        }
    }
    verify(s, m);
}

/* Every state that can be reached (677 sets of disjoint blocks), and in each of them every claim,
 * release and lookup there is. */
static unsigned every_state(struct space *s, struct model *m, const struct cidr all[15], size_t n,
                            size_t from)
{
    unsigned states = 1;

    verify(s, m);
    for (size_t i = 0; i < n; i++) {
        verify_next(s, m, all[i].len);
        verify_lookups(s, m, &all[i]);
        if (release_both(s, m, &all[i]))
            assert_true(claim_both(s, m, &all[i]));
        else if (claim_both(s, m, &all[i]))
            assert_true(release_both(s, m, &all[i]));
    }
    for (size_t i = from; i < n; i++) {
        if (claim_both(s, m, &all[i])) {
            states += every_state(s, m, all, n, i + 1);
            assert_true(release_both(s, m, &all[i]));
        }
    }
    return states;
}

static void exhaustive(void **state)
{
    (void)state;
    static const struct {
        const char *root;
        unsigned step;
    } worlds[] = {
        {"10.0.0.0/29", 1},        {"10.0.0.0/28", 1},   {"10.0.0.0/20", 4},
        {"10.0.0.0/14", 6},        {"10.0.0.0/16", 5},   {"0.0.0.0/0", 10},
        {"2001:db8::/125", 1},     {"2001:db8::/64", 7}, {"2001:db8::/122", 2},
        {"2001:db8:4000::/34", 3}, {"::/0", 42},
    };
    static struct model m;
    struct cidr all[15];

    for (size_t w = 0; w < sizeof(worlds) / sizeof(*worlds); w++) {
        struct cidr root = parsed(worlds[w].root);
        struct space *s = new_space(root.family, &m);
        size_t n = small_universe(&root, worlds[w].step, all);
        add_root(s, &m, root);
        assert_int_equal(every_state(s, &m, all, n, 0), 677);
        every_sequence(s, &m, all, n, 3);
        assert_int_equal(space_block_count(s), 0);
        space_free(s);
    }
}

/* --- random, one entry for each address --- */

#define LEAVES 4096

struct leaves {
    struct cidr root;
    unsigned count; /* addresses in the root */
    unsigned owner[LEAVES], avoided[LEAVES];
};

static unsigned leaf_of(const struct leaves *l, const struct cidr *c)
{
    struct count first = {0, 0, 0};

    first.hi = c->family == FAMILY_V4 ? 0 : c->hi - l->root.hi;
    first.lo = c->family == FAMILY_V4 ? (c->hi - l->root.hi) >> 32 : c->lo - l->root.lo;
    assert_int_equal(first.hi, 0);
    return (unsigned)first.lo;
}

/* Counts windows from the left; `free` is what the window must be. */
static bool leaves_next_free(const struct leaves *l, unsigned size, unsigned *out)
{
    for (unsigned at = 0; at + size <= l->count; at += size) {
        unsigned hits = 0;
        for (unsigned i = at; i < at + size; i++)
            hits += l->owner[i] != 0 || l->avoided[i] != 0;
        if (hits == 0) {
            *out = at;
            return true;
        }
    }
    return false;
}

static void leaves_claim(struct leaves *l, struct space *s, const struct cidr *c, unsigned id)
{
    unsigned at = leaf_of(l, c), size = 1u << (cidr_max_len(c->family) - c->len), found = 0;
    struct cidr conflict = {0};
    enum space_result r = space_claim(s, c, &conflict);

    for (unsigned i = at; i < at + size && found == 0; i++)
        found = l->owner[i];
    assert_int_equal(r, found != 0 ? SPACE_TAKEN : SPACE_OK);
    if (found != 0) {
        unsigned first = leaf_of(l, &conflict);
        unsigned width = 1u << (cidr_max_len(c->family) - conflict.len);
        for (unsigned i = 0; i < l->count; i++)
            assert_int_equal(l->owner[i] == found, i >= first && i < first + width);
        return;
    }
    for (unsigned i = at; i < at + size; i++)
        l->owner[i] = id;
}

static void leaves_release(struct leaves *l, struct space *s, const struct cidr *c)
{
    unsigned at = leaf_of(l, c), size = 1u << (cidr_max_len(c->family) - c->len);
    unsigned id = l->owner[at];
    bool exact = id != 0;

    for (unsigned i = 0; i < l->count; i++)
        exact = exact && (l->owner[i] == id) == (i >= at && i < at + size);
    assert_int_equal(space_release(s, c), exact ? SPACE_OK : SPACE_NOT_FOUND);
    for (unsigned i = at; exact && i < at + size; i++)
        l->owner[i] = 0;
}

static void leaves_next(struct leaves *l, struct space *s, unsigned id)
{
    unsigned max = cidr_max_len(l->root.family), avoid_count = random_below(4) * random_below(6);
    unsigned len = l->root.len + random_below(max + 1 - l->root.len), at;
    struct cidr avoid[32], got;

    memset(l->avoided, 0, sizeof(l->avoided));
    for (unsigned i = 0; i < avoid_count; i++) {
        unsigned span = max - random_below(max - l->root.len);
        assert_true(cidr_nth(&l->root, span, random_below(1u << (span - l->root.len)), &avoid[i]));
        for (unsigned k = 0; k < 1u << (max - span); k++)
            l->avoided[leaf_of(l, &avoid[i]) + k] = 1;
    }
    enum space_result r = space_next_free(s, len, avoid, avoid_count, &got);
    if (leaves_next_free(l, 1u << (max - len), &at)) {
        assert_int_equal(r, SPACE_OK);
        assert_int_equal(got.len, len);
        assert_int_equal(leaf_of(l, &got), at);
        leaves_claim(l, s, &got, id);
    } else {
        assert_int_equal(r, SPACE_FULL);
    }
}

static void random_leaves_in(struct cidr root)
{
    static struct leaves l;
    unsigned max = cidr_max_len(root.family), fill = 0;
    struct space *s = space_new(root.family);

    memset(&l, 0, sizeof(l));
    l.root = root;
    l.count = 1u << (max - root.len);
    assert_non_null(s);
    assert_int_equal(space_add_root(s, &root), SPACE_OK);
    for (unsigned step = 1; step <= 1500; step++) {
        struct cidr c;
        unsigned len = max - random_below(max - root.len + 1) % (1 + random_below(8));
        if (step % 250 == 1)
            fill = random_below(10);
        assert_true(cidr_nth(&root, len, random_below(1u << (len - root.len)), &c));
        if (random_below(10) > fill)
            leaves_next(&l, s, step);
        else if (random_below(4) == 0)
            leaves_claim(&l, s, &c, step);
        else {
            space_overlapping(s, &c, &c); /* mostly what is there, sometimes what is not */
            leaves_release(&l, s, &c);
        }
        assert_true(space_check(s));
        uint64_t used = 0;
        for (unsigned i = 0; i < l.count; i++)
            used += l.owner[i] != 0;
        assert_int_equal(space_used(s).lo, used);
    }
    space_free(s);
}

static void random_leaves(void **state)
{
    (void)state;
    for (unsigned len = 20; len < 32; len++)
        random_leaves_in(cidr_make(FAMILY_V4, random_next(), 0, len));
    for (unsigned len = 116; len < 128; len++)
        random_leaves_in(cidr_make(FAMILY_V6, random_next(), random_next(), len));
}

/* --- random, sparse, several roots --- */

/* Prefixes that cluster: new ones share a random number of bits with what is there. */
static struct cidr random_near(const struct model *m)
{
    const struct list *from = m->blocks.count > 0 && random_below(3) != 0 ? &m->blocks : &m->roots;
    const struct cidr *c = &from->items[random_below((unsigned)from->count)];
    const struct cidr *root = model_root(m, c);
    unsigned max = cidr_max_len(c->family), keep = random_below(max + 1);
    struct cidr mask =
        cidr_make(c->family, UINT64_MAX, UINT64_MAX, keep < root->len ? root->len : keep);
    unsigned len = root->len + random_below(max - root->len + 1);

    if (random_below(2) == 0)
        len = max - random_below(max - root->len + 1) % 9;
    return cidr_make(c->family, c->hi | (random_next() & ~mask.hi),
                     c->lo | (random_next() & ~mask.lo), len);
}

static void random_avoid(const struct space *s, const struct model *m)
{
    static struct list avoid;
    struct cidr shuffled[24], got, want;
    size_t count = random_below(24);
    unsigned max = cidr_max_len(m->roots.items[0].family), len = random_below(max + 1);

    avoid.count = 0;
    for (size_t i = 0; i < count; i++) {
        shuffled[i] = random_near(m);
        /* What next-free would give is the one worth avoiding. */
        if (random_below(2) == 0 &&
            space_next_free(s, len, avoid.items, avoid.count, &got) == SPACE_OK)
            shuffled[i] = random_below(2) == 0 ? got : cidr_widen(&got, random_below(got.len + 1u));
        if (random_below(12) == 0)
            shuffled[i] = parsed(max == 32 ? "::/0" : "0.0.0.0/0");
        list_add(&avoid, shuffled[i]);
    }
    bool some = model_next_free(m, len, &avoid, &want);
    const struct cidr *orders[] = {avoid.items, shuffled};
    for (size_t o = 0; o < 2; o++) {
        enum space_result r = space_next_free(s, len, orders[o], count, &got);
        assert_int_equal(r, some ? SPACE_OK : SPACE_FULL);
        if (some)
            assert_true(cidr_equal(&got, &want));
    }
}

static void random_roots(struct space *s, struct model *m, enum family f)
{
    unsigned max = cidr_max_len(f);

    for (unsigned i = 0; i < 12; i++) {
        struct cidr c = cidr_make(f, random_next(), random_next(), 2 + random_below(max - 1));
        if (m->roots.count > 0 && random_below(3) == 0 && cidr_next(&m->roots.items[0], &c))
            c.len = m->roots.items[0].len; /* neighbours */
        bool taken = list_overlap(&m->roots, &c) != NULL;
        assert_int_equal(space_add_root(s, &c), taken ? SPACE_TAKEN : SPACE_OK);
        if (!taken)
            list_add(&m->roots, c);
    }
}

static void random_sparse_in(enum family f)
{
    static struct model m;
    struct space *s = new_space(f, &m);
    unsigned growing = 0;

    random_roots(s, &m, f);
    for (unsigned step = 0; step < 600; step++) {
        struct cidr c = random_near(&m), got;
        if (step % 150 == 0)
            growing = random_below(10);
        if (m.blocks.count > 60 || (m.blocks.count > 0 && random_below(10) > growing)) {
            struct cidr any = m.blocks.items[random_below((unsigned)m.blocks.count)];
            assert_true(release_both(s, &m, &any));
            assert_false(release_both(s, &m, &any));
        } else if (random_below(3) == 0 && space_next_free(s, c.len, NULL, 0, &got) == SPACE_OK) {
            assert_true(claim_both(s, &m, &got));
        } else {
            claim_both(s, &m, &c);
        }
        verify(s, &m);
        verify_next(s, &m, random_below(cidr_max_len(f) + 1));
        c = random_near(&m);
        if (step % 2 == 0) /* around several roots */
            c = cidr_widen(&c, random_below(c.len + 1u));
        verify_lookups(s, &m, &c);
        if (step % 4 == 0)
            random_avoid(s, &m);
    }
    while (m.roots.count > 0) {
        struct cidr root = m.roots.items[random_below((unsigned)m.roots.count)], inside;
        bool used = space_overlapping(s, &root, &inside);
        assert_int_equal(space_remove_root(s, &root), used ? SPACE_IN_USE : SPACE_OK);
        for (size_t i = 0; !used && i < m.roots.count; i++)
            if (cidr_equal(&m.roots.items[i], &root))
                list_remove(&m.roots, i);
        if (used)
            assert_true(release_both(s, &m, &inside));
        verify(s, &m);
    }
    space_free(s);
}

static void random_sparse(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        random_sparse_in(FAMILY_V4);
        random_sparse_in(FAMILY_V6);
    }
}

/* --- the edges of the contract --- */

static void refusals(void **state)
{
    (void)state;
    static struct model m;
    struct space *s = new_space(FAMILY_V4, &m);
    struct cidr out = {0}, c = parsed("10.0.0.0/16"), v6 = parsed("2001:db8::/32"), none = {0};

    assert_int_equal(space_next_free(s, 24, NULL, 0, &out), SPACE_FULL);
    assert_int_equal(space_largest_free(s), -1);
    assert_int_equal(space_claim(s, &c, NULL), SPACE_OUTSIDE);
    assert_int_equal(space_release(s, &c), SPACE_NOT_FOUND);
    assert_int_equal(space_remove_root(s, &c), SPACE_NOT_FOUND);
    assert_int_equal(space_add_root(s, &v6), SPACE_WRONG_FAMILY);
    assert_int_equal(space_add_root(s, &none), SPACE_WRONG_FAMILY);
    add_root(s, &m, c);
    assert_int_equal(space_add_root(s, &c), SPACE_TAKEN);
    c = parsed("10.0.0.0/8");
    assert_int_equal(space_add_root(s, &c), SPACE_TAKEN);
    assert_int_equal(space_claim(s, &c, NULL), SPACE_OUTSIDE);
    assert_int_equal(space_release(s, &c), SPACE_NOT_FOUND);
    assert_int_equal(space_remove_root(s, &c), SPACE_NOT_FOUND);
    c = parsed("10.0.4.0/24");
    assert_int_equal(space_add_root(s, &c), SPACE_TAKEN);
    assert_int_equal(space_remove_root(s, &c), SPACE_NOT_FOUND);
    assert_int_equal(space_claim(s, &v6, NULL), SPACE_WRONG_FAMILY);
    assert_int_equal(space_release(s, &v6), SPACE_WRONG_FAMILY);
    assert_int_equal(space_remove_root(s, &v6), SPACE_WRONG_FAMILY);
    assert_false(space_holds(s, &v6));
    assert_false(space_overlapping(s, &v6, &out));
    assert_false(space_root_of(s, &v6, &out));
    assert_int_equal(space_next_free(s, 33, NULL, 0, &out), SPACE_FULL);
    assert_int_equal(space_next_free(s, UINT32_MAX, NULL, 0, &out), SPACE_FULL);
    assert_int_equal(space_next_free(s, 15, NULL, 0, &out), SPACE_FULL);
    assert_true(claim_both(s, &m, &c));
    struct cidr root = parsed("10.0.0.0/16"), half = parsed("10.0.4.0/25");
    assert_int_equal(space_remove_root(s, &root), SPACE_IN_USE);
    assert_int_equal(space_release(s, &half), SPACE_NOT_FOUND);
    assert_false(claim_both(s, &m, &half));
    assert_false(claim_both(s, &m, &root));
    verify(s, &m);
    space_free(s);
    space_free(NULL);
}

/* One block that is all of the space there is. */
static void everything_at_once(void **state)
{
    (void)state;
    static struct model m;
    struct cidr all = parsed("::/0"), out, avoid = parsed("::/0");
    struct space *s = new_space(FAMILY_V6, &m);
    char text[64];

    add_root(s, &m, all);
    verify(s, &m);
    verify_next(s, &m, 0);
    assert_int_equal(space_next_free(s, 0, &avoid, 1, &out), SPACE_FULL);
    assert_int_equal(space_next_free(s, 128, &avoid, 1, &out), SPACE_FULL);
    avoid = parsed("::/1");
    assert_int_equal(space_next_free(s, 128, &avoid, 1, &out), SPACE_OK);
    assert_string_equal(cidr_format(&out, text), "8000::/128");
    assert_string_equal(count_format(space_total(s), text, sizeof(text)),
                        "340282366920938463463374607431768211456");
    assert_true(claim_both(s, &m, &all));
    verify(s, &m);
    verify_lookups(s, &m, &all);
    assert_int_equal(space_remove_root(s, &all), SPACE_IN_USE);
    struct cidr last = cidr_last_address(&all);
    assert_false(claim_both(s, &m, &last));
    assert_false(release_both(s, &m, &last));
    assert_true(release_both(s, &m, &all));
    assert_true(claim_both(s, &m, &last));
    struct cidr first = cidr_first_address(&all);
    assert_true(claim_both(s, &m, &first));
    verify(s, &m);
    for (unsigned len = 0; len <= 128; len++)
        verify_next(s, &m, len);
    space_free(s);
}

static bool stop_at_two(void *ctx, const struct cidr *block)
{
    (void)block;
    return ++*(int *)ctx < 2;
}

static void stopping(void **state)
{
    (void)state;
    static struct model m;
    struct space *s = new_space(FAMILY_V4, &m);
    struct cidr c;

    add_root(s, &m, parsed("10.0.0.0/30"));
    add_root(s, &m, parsed("10.0.1.0/24"));
    add_root(s, &m, parsed("10.0.2.0/24"));
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(space_next_free(s, 30, NULL, 0, &c), SPACE_OK);
        assert_true(claim_both(s, &m, &c));
        assert_true(cidr_nth(&m.roots.items[2], 28, 2 * i, &c));
        assert_true(claim_both(s, &m, &c));
    }
    int seen = 0;
    assert_false(space_each_root(s, stop_at_two, &seen));
    assert_int_equal(seen, 2);
    seen = 0;
    assert_false(space_each_used(s, NULL, stop_at_two, &seen));
    assert_int_equal(seen, 2);
    seen = 0;
    assert_false(space_each_free(s, NULL, stop_at_two, &seen));
    assert_int_equal(seen, 2);
    verify(s, &m);
    space_free(s);
}

/* Filling lowest first, releasing holes, and filling again gives the holes back in order, and the
 * memory of what was released is used again. */
static void holes_are_reused(void **state)
{
    (void)state;
    struct space *s = space_new(FAMILY_V4);
    struct cidr root = parsed("10.0.0.0/16"), c, want;

    assert_non_null(s);
    assert_int_equal(space_add_root(s, &root), SPACE_OK);
    for (unsigned i = 0; i < 65536; i++) {
        assert_int_equal(space_next_free(s, 32, NULL, 0, &c), SPACE_OK);
        assert_true(cidr_nth(&root, 32, i, &want) && cidr_equal(&c, &want));
        assert_int_equal(space_claim(s, &c, NULL), SPACE_OK);
    }
    assert_int_equal(space_next_free(s, 32, NULL, 0, &c), SPACE_FULL);
    assert_int_equal(space_largest_free(s), -1);
    size_t memory = space_memory(s);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = round; i < 65536; i += 7) {
            assert_true(cidr_nth(&root, 32, i, &c));
            assert_int_equal(space_release(s, &c), SPACE_OK);
        }
        for (unsigned i = round; i < 65536; i += 7) {
            assert_int_equal(space_next_free(s, 32, NULL, 0, &c), SPACE_OK);
            assert_true(cidr_nth(&root, 32, i, &want) && cidr_equal(&c, &want));
            assert_int_equal(space_claim(s, &c, NULL), SPACE_OK);
        }
        assert_true(space_check(s));
    }
    for (unsigned i = 0; i < 65536; i++) {
        assert_true(cidr_nth(&root, 32, i * 40503u % 65536, &c));
        assert_int_equal(space_release(s, &c), SPACE_OK);
    }
    assert_true(space_check(s) && count_is_zero(space_used(s)));
    assert_int_equal(space_largest_free(s), 16);
    assert_int_equal(space_memory(s), memory);
    space_free(s);
}

static double dense_bytes(struct cidr root, unsigned len, unsigned blocks)
{
    struct space *s = space_new(root.family);
    struct cidr c;

    assert_non_null(s);
    assert_int_equal(space_add_root(s, &root), SPACE_OK);
    for (unsigned i = 0; i < blocks; i++) {
        assert_true(cidr_nth(&root, len, i, &c));
        assert_int_equal(space_claim(s, &c, NULL), SPACE_OK);
    }
    double bytes = (double)space_memory(s) / blocks;
    space_free(s);
    return bytes;
}

/* Handed out one after the other, blocks of any length share nodes, those of the commonest lengths
 * 64 to a node. */
static void dense_memory(void **state)
{
    (void)state;
    struct cidr v4 = parsed("10.0.0.0/8"), v6 = parsed("2001:db8::/32");

    for (unsigned len = 24; len <= 32; len++)
        assert_true(dense_bytes(v4, len, 1u << 16) <= 40);
    for (unsigned len = 48; len <= 128; len++)
        assert_true(dense_bytes(v6, len, 1u << 16) <= 40);
    assert_true(dense_bytes(v4, 32, 1u << 16) <= 2);
    assert_true(dense_bytes(v6, 64, 1u << 16) <= 2);
}

/* However sparse the blocks lie, the bytes for each stay bounded. */
static void sparse_memory(void **state)
{
    (void)state;
    struct space *s = space_new(FAMILY_V6);
    struct cidr root = parsed("2001::/16");

    assert_non_null(s);
    assert_int_equal(space_add_root(s, &root), SPACE_OK);
    for (unsigned i = 0; i < 100000; i++) {
        struct cidr c = cidr_make(FAMILY_V6, root.hi | random_next() >> 16, random_next(), 128);
        assert_int_equal(space_claim(s, &c, NULL), SPACE_OK);
    }
    assert_true(space_check(s));
    assert_in_range(space_memory(s) / 100000, 40, 160);
    space_free(s);
}

static void out_of_memory(void **state)
{
    (void)state;
    static struct model m;
    unsigned refused = 0;

    for (unsigned round = 0; round < 300; round++) {
        enum family f = round % 2 == 0 ? FAMILY_V4 : FAMILY_V6;
        allocations_left = 0;
        assert_null(space_new(f));
        allocations_left = -1;
        struct space *s = new_space(f, &m);
        struct cidr root = cidr_make(f, random_next(), random_next(), 1 + random_below(20)), c;
        allocations_left = 0;
        assert_int_equal(space_add_root(s, &root), SPACE_NO_MEMORY);
        allocations_left = -1;
        verify(s, &m);
        add_root(s, &m, root);
        for (unsigned i = 0; i < 30; i++) {
            c = random_near(&m);
            bool free_before = list_overlap(&m.blocks, &c) == NULL;
            allocations_left = random_below(2);
            enum space_result r = space_claim(s, &c, NULL);
            allocations_left = -1;
            if (r == SPACE_OK)
                assert_int_equal(space_release(s, &c), SPACE_OK);
            if (r == SPACE_NO_MEMORY)
                refused++;
            else
                assert_int_equal(r, free_before ? SPACE_OK : SPACE_TAKEN);
            verify(s, &m);
            assert_int_equal(claim_both(s, &m, &c), free_before);
        }
        struct cidr unsorted[2];
        assert_true(cidr_nth(&root, 32, 1, &unsorted[0]) && cidr_nth(&root, 32, 0, &unsorted[1]));
        allocations_left = 0;
        assert_int_equal(space_next_free(s, 32, unsorted, 2, &c), SPACE_NO_MEMORY);
        while (m.blocks.count > 0) { /* releasing takes no memory */
            c = m.blocks.items[random_below((unsigned)m.blocks.count)];
            assert_true(release_both(s, &m, &c));
        }
        allocations_left = -1;
        verify(s, &m);
        space_free(s);
    }
    assert_true(refused > 100); /* of claims alone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),         cmocka_unit_test(everything_at_once),
        cmocka_unit_test(stopping),         cmocka_unit_test(exhaustive),
        cmocka_unit_test(random_leaves),    cmocka_unit_test(random_sparse),
        cmocka_unit_test(holes_are_reused), cmocka_unit_test(dense_memory),
        cmocka_unit_test(sparse_memory),    cmocka_unit_test(out_of_memory),
    };
    const char *given = getenv("TEST_SEED");

    test_seed = given != NULL ? strtoull(given, NULL, 0) : (unsigned long long)time(NULL);
    random_state = test_seed;
    printf("TEST_SEED=%llu\n", test_seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
