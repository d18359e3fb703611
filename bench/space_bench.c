/*
 * space_bench - does the cost of next-free stay flat, and what does a block weigh?
 *
 * For 10, 100 ... 10^7 blocks in a pool, in one run on one machine, so that the ratio between the
 * last row and the first is worth quoting. Three loads:
 *
 *   sequential v4  /32s handed out one after the other from a /8
 *   sequential v6  /64s handed out one after the other from a /32
 *   mixed          /24 to /32 at random from a /0, next-free each, with random releases on the way
 *
 * "fill" is one next-free and claim on the way there (in the mixed load with a third of a release).
 * With the wanted number of blocks in place, the other columns time a steady state, in batches:
 * blocks drawn at random are released, then as many are asked for and claimed. "next+claim" is the
 * two calls for a block that then is taken, "next" is next-free alone, again and again, "release"
 * meets a part of the pool that was not looked at for long, so it pays for the cache misses. The
 * columns are medians over the batches.
 */
#include "engine/space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH       256
#define BATCHES     1001
#define MAX_DEFAULT 10000000

struct load {
    const char *name, *root;
    unsigned shortest, longest; /* prefix lengths asked for */
    bool mixed;
};
static const struct load loads[] = {
    {"sequential v4", "10.0.0.0/8", 32, 32, false},
    {"sequential v6", "2001:db8::/32", 64, 64, false},
    {"mixed", "0.0.0.0/0", 24, 32, true},
};

struct row {
    size_t blocks;
    double fill_ns, next_claim_ns, next_ns, release_ns, bytes;
};
/* Nanoseconds for an operation, batch by batch. */
struct samples {
    double next_claim[BATCHES], next[BATCHES], release[BATCHES];
};

static uint64_t random_next(void)
{
    static uint64_t state = 1;

    state += 0x9e3779b97f4a7c15u;
    uint64_t x = state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static double clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* For batches, of which the median is taken: the clock that is cheap to read. */
static double now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* For what lasts: the clock that stands still while something else has the processor. */
static double cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void must(enum space_result r, const char *what)
{
    if (r == SPACE_OK)
        return;
    fprintf(stderr, "space_bench: %s failed with %d\n", what, (int)r);
    exit(1);
}

static unsigned wanted_len(const struct load *l)
{
    unsigned choice = l->longest - l->shortest + 1;
    unsigned a = (unsigned)(random_next() % choice), b = (unsigned)(random_next() % choice);

    /* Small blocks are common and large ones rare. */
    return l->shortest + (a > b ? a : b);
}

static void take_next(struct space *s, unsigned len, struct cidr *out)
{
    must(space_next_free(s, len, NULL, 0, out), "next free");
    must(space_claim(s, out, NULL), "claim");
}

/* Grows the pool to `blocks`; mixed loads lose a random block for every three they get. Returns the
 * nanoseconds for one block got. */
static double fill(struct space *s, const struct load *l, struct cidr *held, size_t have,
                   size_t blocks)
{
    double start = cpu_ns();
    size_t got = 0;

    for (; have < blocks; got++) {
        take_next(s, wanted_len(l), &held[have++]);
        if (l->mixed && got % 3 == 2) {
            size_t i = random_next() % have;
            must(space_release(s, &held[i]), "release");
            held[i] = held[--have];
        }
    }
    return (cpu_ns() - start) / (double)got;
}

/* One batch of the steady state: some released, looked for, claimed again. */
static void measure_batch(struct space *s, const struct load *l, struct cidr *held, size_t blocks,
                          struct samples *to, size_t batch)
{
    static unsigned lens[BATCH];
    size_t n = blocks / 2 < BATCH ? blocks / 2 : BATCH;
    struct cidr found;

    for (size_t i = 0; i < n; i++) { /* draws n at random, to the front */
        size_t other = i + random_next() % (blocks - i);
        struct cidr c = held[i];
        held[i] = held[other];
        held[other] = c;
        lens[i] = wanted_len(l);
    }
    double t0 = now_ns();
    for (size_t i = 0; i < n; i++)
        must(space_release(s, &held[i]), "release");
    double t1 = now_ns();
    for (size_t i = 0; i < n; i++)
        must(space_next_free(s, lens[i], NULL, 0, &found), "next free");
    double t2 = now_ns();
    for (size_t i = 0; i < n; i++)
        take_next(s, lens[i], &held[i]);
    double t3 = now_ns();
    to->release[batch] = (t1 - t0) / (double)n;
    to->next[batch] = (t2 - t1) / (double)n;
    to->next_claim[batch] = (t3 - t2) / (double)n;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double values[BATCHES])
{
    qsort(values, BATCHES, sizeof(*values), compare_doubles);
    return values[BATCHES / 2];
}

static struct row measure(struct space *s, const struct load *l, struct cidr *held, size_t have,
                          size_t blocks)
{
    static struct samples samples;
    struct row row = {.blocks = blocks};

    row.fill_ns = fill(s, l, held, have, blocks);
    row.bytes = (double)space_memory(s) / (double)blocks;
    for (size_t i = 0; i < BATCHES; i++)
        measure_batch(s, l, held, blocks, &samples, i);
    row.next_claim_ns = median(samples.next_claim);
    row.next_ns = median(samples.next);
    row.release_ns = median(samples.release);
    return row;
}

static void print_row(const struct load *l, const struct row *r, bool json, bool first)
{
    if (json)
        printf("%s\n    {\"load\": \"%s\", \"blocks\": %zu, \"fill_ns\": %.1f, "
               "\"next_claim_ns\": %.1f, \"next_ns\": %.1f, \"release_ns\": %.1f, "
               "\"bytes_per_block\": %.2f}",
               first ? "" : ",", l->name, r->blocks, r->fill_ns, r->next_claim_ns, r->next_ns,
               r->release_ns, r->bytes);
    else
        printf("%-14s %10zu %12.1f %12.1f %12.1f %12.1f %12.2f\n", l->name, r->blocks, r->fill_ns,
               r->next_claim_ns, r->next_ns, r->release_ns, r->bytes);
    fflush(stdout);
}

/* Returns next-free and claim of the largest pool over that of the smallest. */
static double run_load(const struct load *l, size_t max, bool json, bool first)
{
    struct cidr root, *held = malloc(max * sizeof(*held));
    struct space *s = NULL;
    double base = 0, ratio = 1;
    size_t have = 0;

    if (cidr_parse(l->root, strlen(l->root), &root) == CIDR_OK)
        s = space_new(root.family);
    if (held == NULL || s == NULL) {
        fprintf(stderr, "space_bench: no memory\n");
        exit(1);
    }
    must(space_add_root(s, &root), "root");
    for (size_t blocks = 10; blocks <= max; blocks *= 10) {
        struct row row = measure(s, l, held, have, blocks);
        print_row(l, &row, json, first && blocks == 10);
        base = blocks == 10 ? row.next_claim_ns : base;
        ratio = row.next_claim_ns / base;
        have = blocks;
    }
    space_free(s);
    free(held);
    return ratio;
}

int main(int argc, char **argv)
{
    size_t max = MAX_DEFAULT, count = sizeof(loads) / sizeof(*loads);
    double ratio[sizeof(loads) / sizeof(*loads)];
    bool json = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--max") == 0 && i + 1 < argc) {
            max = strtoull(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: space_bench [--max BLOCKS] [--json]\n");
            return 2;
        }
    }
    if (max < 10 || max > MAX_DEFAULT) {
        fprintf(stderr, "space_bench: --max is from 10 to %d\n", MAX_DEFAULT);
        return 2;
    }
    if (json)
        printf("{\n  \"rows\": [");
    else
        printf("%-14s %10s %12s %12s %12s %12s %12s\n", "load", "blocks", "fill ns", "next+claim",
               "next ns", "release ns", "bytes/block");
    for (size_t i = 0; i < count; i++)
        ratio[i] = run_load(&loads[i], max, json, i == 0);
    printf(json ? "\n  ],\n  \"flatness\": {"
                : "\nnext-free and claim, largest pool over smallest:");
    for (size_t i = 0; i < count; i++)
        printf(json ? "%s\"%s\": %.2f" : "%s %s %.2f", i > 0 ? "," : "", loads[i].name, ratio[i]);
    printf(json ? "}\n}\n" : "\n");
    return 0;
}
