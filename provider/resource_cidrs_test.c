/*
 * Overlaps: what a VPC, a subnet and a reservation are to each other.
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
    struct arena *arena = arena_new();
    resource_cidrs_mark_overlaps(arena, items, 5);
    arena_free(arena);
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
    struct arena *arena = arena_new();
    resource_cidrs_mark_overlaps(arena, items, 9);
    arena_free(arena);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(items[i].overlapping, i < 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subnets_do_not_overlap_their_own_vpc),
        cmocka_unit_test(nested_equal_and_reserved_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
