/*
 * Overlaps: known cases, and random sets against all pairs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "provider/resource_cidrs.h"

static struct resource_cidr item(const char *cidr, const char *type, const char *id,
                                 const char *vpc)
{
    struct resource_cidr r = {.type = type, .resource_id = id, .vpc_id = vpc};
    assert_int_equal(cidr_parse(cidr, strlen(cidr), &r.cidr), CIDR_OK);
    return r;
}

static int order(const void *x, const void *y)
{
    const struct resource_cidr *a = x, *b = y;
    return cidr_compare(&a->cidr, &b->cidr);
}

static void subnets_do_not_overlap_their_own_vpc(void **state)
{
    (void)state;
    struct resource_cidr items[] = {
        item("10.0.0.0/16", "vpc", "vpc-1", "vpc-1"),
        item("10.0.0.0/24", "subnet", "s-1", "vpc-1"),
        item("10.0.1.0/24", "subnet", "s-2", "vpc-1"),
        item("10.1.0.0/16", "vpc", "vpc-2", "vpc-2"),
        item("10.1.0.0/16", "subnet", "s-3", "vpc-2"), /* takes all of its VPC */
    };
    resource_cidrs_mark_overlaps(items, 5);
    for (size_t i = 0; i < 5; i++)
        assert_false(items[i].overlapping);
}

static void nested_equal_and_reserved_overlap(void **state)
{
    (void)state;
    struct resource_cidr items[] = {
        item("10.0.0.0/16", "vpc", "vpc-1", "vpc-1"),
        item("10.0.1.0/24", "vpc", "vpc-2", "vpc-2"), /* inside another VPC */
        item("10.1.0.0/16", "vpc", "vpc-3", "vpc-3"),
        item("10.1.0.0/16", "vpc", "vpc-4", "vpc-4"), /* the same CIDR */
        item("10.2.0.0/16", "custom", "", ""),
        item("10.2.5.0/24", "vpc", "vpc-5", "vpc-5"), /* in a reservation */
        item("10.3.0.0/16", "vpc", "vpc-6", "vpc-6"),
        item("10.3.0.0/24", "subnet", "s-1", "vpc-9"), /* of a VPC that is not this one */
        item("10.4.0.0/16", "vpc", "vpc-7", "vpc-7"),
    };
    resource_cidrs_mark_overlaps(items, 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(items[i].overlapping, i < 8);
}

/* What two of them are to each other, from the definition. */
static bool pair_overlaps(const struct resource_cidr *x, const struct resource_cidr *y)
{
    bool own = *x->vpc_id && strcmp(x->vpc_id, y->vpc_id) == 0 &&
               (strcmp(x->type, "subnet") == 0) != (strcmp(y->type, "subnet") == 0);
    return cidr_overlaps(&x->cidr, &y->cidr) && !own;
}

static void random_sets(void **state)
{
    static const char *const vpcs[] = {"vpc-0", "vpc-1", "vpc-2", "vpc-3"};
    const char *replay = getenv("TEST_SEED");
    uint64_t seed = replay ? strtoull(replay, NULL, 10) : (uint64_t)time(NULL);
    (void)state;
    printf("TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 5000; round++) {
        struct resource_cidr items[8];
        size_t n = 0;
        /* VPCs anywhere, and in each at most one subnet, which lies in a CIDR of its own VPC. */
        for (size_t v = 0; v < 4; v++) {
            char text[32];
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            unsigned len = 24 + (unsigned)(seed >> 33) % 7, size = 1u << (32 - len);
            unsigned at = (unsigned)(seed >> 40) % 256 / size * size;
            snprintf(text, sizeof text, "10.0.0.%u/%u", at, len);
            items[n++] = item(text, "vpc", vpcs[v], vpcs[v]);
            if ((seed >> 60) % 2) {
                snprintf(text, sizeof text, "10.0.0.%u/%u", at, len + (unsigned)(seed >> 62) % 3);
                items[n++] = item(text, "subnet", "subnet", vpcs[v]);
            }
        }
        qsort(items, n, sizeof *items, order);
        resource_cidrs_mark_overlaps(items, n);
        for (size_t i = 0; i < n; i++) {
            bool want = false;
            for (size_t j = 0; j < n; j++)
                want = want || (i != j && pair_overlaps(&items[i], &items[j]));
            assert_int_equal(items[i].overlapping, want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subnets_do_not_overlap_their_own_vpc),
        cmocka_unit_test(nested_equal_and_reserved_overlap),
        cmocka_unit_test(random_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
