/*
 * Overlaps: known cases, and random sets against all pairs.
 */
#include "engine/engine_fixture.h"

#include "engine/overlap.h"

static struct overlap_item item(const char *cidr, const char *network, bool subnet,
                                const char *owner)
{
    return (struct overlap_item){
        .cidr = C(cidr), .network = network, .owner = owner, .subnet = subnet};
}

static void test_own_subnets_are_no_overlap(void **state)
{
    (void)state;
    struct overlap_item items[] = {
        item("10.1.0.0/16", "n-2", false, "a"), item("10.1.0.0/16", "n-2", true, "a"),
        item("10.0.0.0/16", "n-1", false, "a"), item("10.0.1.0/24", "n-1", true, "a"),
        item("10.0.0.0/24", "n-1", true, "a"),  item("2001:db8::/32", "n-1", false, "a"),
    };
    overlap_sort(items, 6);
    assert_int_equal(overlap_mark(items, 6), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_false(items[i].overlapping);
    }
}

static void test_what_overlaps(void **state)
{
    (void)state;
    struct overlap_item items[] = {
        item("10.0.0.0/16", "n-1", false, "a"), /* with 2 */
        item("10.0.0.0/24", "n-1", true, "a"),  /* nothing */
        item("10.0.1.0/24", "n-2", false, "b"), /* with 0 */
        item("10.1.0.0/16", "n-3", false, "a"), /* with 4 and 5 */
        item("10.1.0.0/16", "n-4", false, "b"), item("10.1.0.0/16", "n-4", true, "b"),
        item("10.2.0.0/24", "n-5", true, "a"), /* in a subnet of its own network */
        item("10.2.0.0/25", "n-5", true, "a"),  item("10.3.0.0/16", "", false, ""),
        item("10.3.0.0/16", "", true, ""), /* of no network: nobody's own */
        item("10.4.0.0/16", "n-6", false, "a"),
    };
    const bool expected[] = {true, false, true, true, true, true, true, true, true, true, false};
    overlap_sort(items, 11);
    assert_int_equal(overlap_mark(items, 11), 5);
    for (size_t i = 0; i < 11; i++) {
        assert_int_equal(items[i].overlapping, expected[i]);
    }
}

struct seen {
    size_t groups;
    struct overlap_group last;
    const char *owners[8];
    size_t owner_count;
};

static bool see_group(void *ctx, const struct overlap_item *items, const struct overlap_group *g)
{
    struct seen *s = ctx;
    s->groups++;
    s->last = *g;
    s->owner_count = overlap_owners(items, g, s->owners);
    return s->groups < 2;
}

static void test_groups_name_their_owners(void **state)
{
    (void)state;
    struct overlap_item items[] = {
        item("10.0.0.0/16", "n-1", false, "b"), item("10.0.0.0/24", "n-1", true, "b"),
        item("10.0.1.0/24", "n-2", false, "a"), item("10.0.2.0/24", "n-3", false, "a"),
        item("10.1.0.0/16", "n-4", false, "c"), item("10.2.0.0/16", "n-5", false, "c"),
        item("10.2.0.0/17", "n-6", false, ""),  item("10.2.0.0/18", "n-7", false, "d"),
        item("10.9.0.0/16", "n-8", false, "e"), item("10.9.0.0/16", "n-9", false, "e"),
    };
    struct seen s = {0};
    overlap_sort(items, 10);
    assert_int_equal(overlap_mark(items, 10), 2 + 3 + 1);
    assert_false(overlap_each_group(items, 10, see_group, &s)); /* stopped at the second */
    assert_int_equal(s.groups, 2);
    assert_cidr(&s.last.outermost, "10.2.0.0/16");
    assert_int_equal(s.last.members, 3);
    assert_int_equal(s.last.pairs, 3);
    assert_int_equal(s.owner_count, 2);
    assert_string_equal(s.owners[0], "c");
    assert_string_equal(s.owners[1], "d");
    s = (struct seen){0};
    overlap_each_group(items, 4, see_group, &s);
    assert_int_equal(s.last.count, 4);
    assert_int_equal(s.last.members, 3); /* not the subnet of n-1 */
    assert_int_equal(s.owner_count, 2);
    assert_string_equal(s.owners[0], "a");
}

/* --- against all pairs --- */

static bool pair_overlaps(const struct overlap_item *x, const struct overlap_item *y)
{
    const struct overlap_item *inner = x->cidr.len >= y->cidr.len ? x : y;
    const struct overlap_item *outer = inner == x ? y : x;
    bool equal = cidr_equal(&x->cidr, &y->cidr);
    bool own = *x->network && strcmp(x->network, y->network) == 0 &&
               (equal ? x->subnet != y->subnet : inner->subnet && !outer->subnet);
    return cidr_overlaps(&x->cidr, &y->cidr) && !own;
}

static bool count_pair(void *ctx, const struct overlap_item *outer,
                       const struct overlap_item *inner)
{
    uint64_t *n = ctx;
    assert_true(cidr_contains(&outer->cidr, &inner->cidr));
    assert_true(pair_overlaps(outer, inner));
    (*n)++;
    return true;
}

struct sum {
    uint64_t pairs;
    size_t members;
};

static bool add_group(void *ctx, const struct overlap_item *items, const struct overlap_group *g)
{
    struct sum *s = ctx;
    s->pairs += g->pairs;
    s->members += g->members;
    for (size_t i = 0; i < g->count; i++) {
        assert_true(cidr_contains(&g->outermost, &items[g->first + i].cidr));
    }
    return true;
}

static void check_against_pairs(struct overlap_item *items, size_t n)
{
    uint64_t pairs = 0, seen = 0;
    size_t flagged = 0;
    struct sum sum = {0};
    overlap_sort(items, n);
    uint64_t counted = overlap_mark(items, n);
    for (size_t i = 0; i < n; i++) {
        bool any = false;
        for (size_t j = 0; j < n; j++) {
            bool overlap = i != j && pair_overlaps(&items[i], &items[j]);
            any = any || overlap;
            pairs += overlap && i < j;
        }
        assert_int_equal(items[i].overlapping, any);
        flagged += any;
    }
    assert_int_equal(counted, pairs);
    assert_true(overlap_each_pair(items, n, count_pair, &seen));
    assert_int_equal(seen, pairs);
    assert_true(overlap_each_group(items, n, add_group, &sum));
    assert_int_equal(sum.pairs, pairs);
    assert_int_equal(sum.members, flagged);
}

static void test_random_sets(void **state)
{
    static const char *const networks[] = {"", "n-1", "n-2", "n-3"};
    (void)state;
    random_start();
    for (int round = 0; round < 3000; round++) {
        struct overlap_item items[24];
        size_t n = random_below(24);
        unsigned spread = random_below(2) ? 256 : 32;
        for (size_t i = 0; i < n; i++) {
            bool v6 = random_below(8) == 0;
            unsigned len = 24 + random_below(9), at = random_below(spread);
            items[i] = (struct overlap_item){
                .cidr = v6 ? cidr_make(FAMILY_V6, 0x2001u, (uint64_t)at, 96 + len)
                           : cidr_make(FAMILY_V4, (uint64_t)(0x0a000000u + at) << 32, 0, len),
                .network = networks[random_below(4)],
                .owner = "o",
                .subnet = random_below(2),
                .ref = (uint32_t)i};
        }
        check_against_pairs(items, n);
    }
}

/* Everything equal, and everything nested: as many pairs as there can be. */
static void test_many_pairs_take_no_time(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct overlap_item *items = calloc(N, sizeof(*items));
    assert_non_null(items);
    for (size_t i = 0; i < N; i++) {
        items[i] = item("10.0.0.0/8", "", false, "o");
    }
    assert_int_equal(overlap_mark(items, N), (uint64_t)N * (N - 1) / 2);
    free(items);
    struct overlap_item nested[129];
    for (unsigned len = 0; len <= 128; len++) {
        nested[len] = item("::/0", "", false, "o");
        nested[len].cidr.len = (uint8_t)len;
    }
    overlap_sort(nested, 129);
    assert_int_equal(overlap_mark(nested, 129), 129 * 128 / 2);
    assert_int_equal(overlap_mark(nested, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_subnets_are_no_overlap), cmocka_unit_test(test_what_overlaps),
        cmocka_unit_test(test_groups_name_their_owners),   cmocka_unit_test(test_random_sets),
        cmocka_unit_test(test_many_pairs_take_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
