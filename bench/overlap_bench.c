/*
 * overlap_bench - all overlaps of a scope
 *
 * Networks as an estate has them: /16s to /24s of 10.0.0.0/8 and 100.64.0.0/10, many on top of each
 * other, and beside every second one a subnet of it; above 100,000, where IPv4 is full, seven of
 * eight are IPv6. Measured at each power of ten from 10^4 up to --max (10^7), in CPU seconds: those
 * of sorting, marking and walking the groups. Pairs are counted, not walked: at 10^7 there are too
 * many.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/overlap.h"

#define NETWORKS 4096 /* names that are shared out: comparing them is a part of the work */

static char names[NETWORKS][24];
static uint64_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct cidr random_network(size_t n)
{
    unsigned len = 16 + random_bits() % 9;
    if (n > 100000 && random_bits() % 8 != 0) {
        return cidr_make(FAMILY_V6, 0xfd00000000000000u | (uint64_t)random_bits() << 16, 0,
                         32 + len);
    }
    uint32_t range = random_bits() % 4 ? 0x0a000000u : 0x64400000u;
    uint32_t mask = range == 0x0a000000u ? 0x00ffffffu : 0x003fffffu;
    return cidr_make(FAMILY_V4, (uint64_t)(range | (random_bits() & mask)) << 32, 0, len);
}

static void fill(struct overlap_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool subnet = i % 3 == 2;
        items[i] = (struct overlap_item){.cidr = subnet ? items[i - 1].cidr : random_network(n),
                                         .network = names[(subnet ? i - 1 : i) % NETWORKS],
                                         .owner = names[i % 60],
                                         .ref = (uint32_t)i,
                                         .subnet = subnet};
        if (subnet) {
            struct cidr low, high;
            if (cidr_split(&items[i].cidr, &low, &high)) {
                items[i].cidr = random_bits() % 2 ? low : high;
            }
        }
    }
}

static bool count_group(void *ctx, const struct overlap_item *items, const struct overlap_group *g)
{
    size_t *groups = ctx;
    (void)items;
    *groups += g->members > 0;
    return true;
}

static void measure(size_t n, bool json, bool first)
{
    struct overlap_item *items = malloc(n * sizeof(*items));
    size_t groups = 0, overlapping = 0;
    if (!items) {
        fprintf(stderr, "overlap_bench: no memory for %zu\n", n);
        exit(1);
    }
    fill(items, n);
    double begin = cpu_seconds();
    overlap_sort(items, n);
    uint64_t pairs = overlap_mark(items, n);
    overlap_each_group(items, n, count_group, &groups);
    double seconds = cpu_seconds() - begin;
    for (size_t i = 0; i < n; i++) {
        overlapping += items[i].overlapping;
    }
    free(items);
    printf(json ? "%s{\"cidrs\": %zu, \"s\": %.6f, \"overlapping\": %zu, \"groups\": %zu, "
                  "\"pairs\": %" PRIu64 "}"
                : "%s%10zu CIDRs  %9.4f s  %9zu overlapping in %zu groups, %" PRIu64 " pairs\n",
           json && !first ? ", " : "", n, seconds, overlapping, groups, pairs);
}

int main(int argc, char **argv)
{
    size_t max = 10000000;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--max") == 0 && i + 1 < argc) {
            max = strtoull(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: overlap_bench [--json] [--max N]\n");
            return 2;
        }
    }
    for (size_t i = 0; i < NETWORKS; i++) {
        snprintf(names[i], sizeof names[i], "vpc-%017zx", i);
    }
    printf("%s", json ? "[" : "");
    for (size_t n = 10000; n <= max; n *= 10) {
        measure(n, json, n == 10000);
    }
    printf("%s", json ? "]\n" : "");
    return 0;
}
