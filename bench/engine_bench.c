/*
 * engine_bench - what a whole allocation costs, from the request to the record
 *
 * Fills one pool through engine_allocate, as the provider does: rules, next-free, the record with
 * its ids, owner and Region, the indexes by id. Measured at each power of ten up to --max (10^7):
 * nanoseconds for one more allocation with as many already there, and bytes of the engine for each
 * one. With --occupied N there are as many networks in the pool that nobody allocated, /28s far
 * from each other, which are passed over. Pool and requests are those of an IPv4 /8 that is handed
 * out as /32s, the fullest there is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/engine.h"

/* How many allocations are timed at each size, in batches that are released again so that the size
 * stays what it is said to be. */
#define SAMPLE 10000

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void need(enum engine_result r, const struct refusal *why, const char *what)
{
    if (r == ENGINE_OK)
        return;
    fprintf(stderr, "engine_bench: %s: result %d, refusal %d\n", what, (int)r, (int)why->code);
    exit(1);
}

static struct engine *one_pool(void)
{
    struct refusal why = {0};
    struct cidr cidr;
    struct engine *e = engine_new();
    if (!e || cidr_parse("10.0.0.0/8", 10, &cidr) != CIDR_OK)
        exit(1);
    const struct ipam_info ipam = {.id = "ipam-0123456789abcdef0",
                                   .owner = "123456789012",
                                   .region = "eu-west-1",
                                   .private_scope = "ipam-scope-0123456789abcdef0",
                                   .public_scope = "ipam-scope-0123456789abcdef1"};
    const struct pool_info pool = {.id = "ipam-pool-0123456789abcdef0",
                                   .scope_id = ipam.private_scope,
                                   .locale = "eu-west-1",
                                   .description = "bench",
                                   .owner = ipam.owner,
                                   .family = FAMILY_V4,
                                   .rules = {.min_len = -1, .max_len = -1, .default_len = 32}};
    const struct provision_request provision = {
        .pool_id = pool.id, .cidr = cidr, .length = -1, .allocation_id = "ipam-pool-alloc-0"};
    need(engine_add_ipam(e, &ipam, &why), &why, "IPAM");
    need(engine_add_pool(e, &pool, &why), &why, "pool");
    need(engine_provision(e, &provision, &cidr, &why), &why, "pool CIDR");
    return e;
}

static void name(uint64_t n, char out[64])
{
    snprintf(out, 64, "ipam-pool-alloc-%033" PRIx64, n);
}

static void allocate(struct engine *e, uint64_t n)
{
    char id[64], resource[32];
    const struct allocation *made;
    struct refusal why = {0};
    name(n, id);
    snprintf(resource, sizeof resource, "vpc-%017" PRIx64, n);
    const struct allocation_request r = {.id = id,
                                         .pool_id = "ipam-pool-0123456789abcdef0",
                                         .type = ALLOCATION_VPC,
                                         .length = -1,
                                         .resource_id = resource,
                                         .owner = "123456789012",
                                         .region = "eu-west-1"};
    need(engine_allocate(e, &r, &made, &why), &why, "allocation");
}

static void occupy(struct engine *e, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "vpc-%017" PRIx64, i);
        const struct occupant o = {
            .cidr = cidr_make(FAMILY_V4, (0x0a000000u + (i << 24) / count) << 32, 0, 28),
            .resource_id = id};
        if (engine_load_occupant(e, &o) != ENGINE_OK)
            exit(1);
    }
}

/* Nanoseconds for one more allocation beside `size` others. */
static double measure(struct engine *e, uint64_t size)
{
    uint64_t batch = size / 10 < SAMPLE ? size / 10 : SAMPLE, done = 0, spent = 0;
    while (done < SAMPLE) {
        uint64_t start = now_ns();
        for (uint64_t i = 0; i < batch; i++)
            allocate(e, size + i);
        spent += now_ns() - start;
        for (uint64_t i = 0; i < batch; i++) {
            char id[64];
            struct refusal why = {0};
            name(size + i, id);
            need(engine_release(e, id, &why), &why, "release");
        }
        done += batch;
    }
    return (double)spent / (double)done;
}

int main(int argc, char **argv)
{
    uint64_t max = 10000000, occupied = 0;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--max") == 0 && i + 1 < argc)
            max = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--occupied") == 0 && i + 1 < argc)
            occupied = strtoull(argv[++i], NULL, 10);
        else {
            fprintf(stderr, "usage: engine_bench [--json] [--max N] [--occupied N]\n");
            return 2;
        }
    }
    struct engine *e = one_pool();
    occupy(e, occupied);
    uint64_t filled = 0;
    printf("%s", json ? "[" : "allocations  ns an allocation  bytes an allocation\n");
    for (uint64_t size = 10; size <= max; size *= 10) {
        while (filled < size)
            allocate(e, filled++);
        double bytes = (double)engine_memory(e) / (double)size;
        double ns = measure(e, size);
        if (json)
            printf("%s{\"allocations\":%" PRIu64 ",\"ns\":%.1f,\"bytes\":%.1f}",
                   size > 10 ? "," : "", size, ns, bytes);
        else
            printf("%11" PRIu64 "  %16.1f  %19.1f\n", size, ns, bytes);
        fflush(stdout);
    }
    printf("%s", json ? "]\n" : "");
    engine_free(e);
    return 0;
}
