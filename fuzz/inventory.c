/*
 * An inventory: YAML or JSON of any format
 *
 * Whatever a file holds, it is either refused with one error or read; every sighting of it is
 * whole, and reading the same file twice tells the same. Inclusion is off: no input may name a file
 * of the machine.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "provider/inventory_internal.h"

struct tally {
    size_t sightings;
    uint64_t sum;
};

static uint64_t mix(uint64_t sum, const char *text)
{
    FUZZ_REQUIRE(text);
    while (*text)
        sum = sum * 31 + (unsigned char)*text++;
    return sum * 31;
}

static bool check(void *ctx, const struct sighting *one)
{
    struct tally *t = ctx;
    const char *texts[] = {one->id,   one->network_id, one->cloud,         one->owner, one->region,
                           one->zone, one->name,       one->allocation_id, one->where};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        t->sum = mix(t->sum, texts[i]);
    for (size_t i = 0; i < one->cidr_count; i++) {
        FUZZ_REQUIRE(cidr_is_set(&one->cidrs[i]));
        FUZZ_REQUIRE(i == 0 || cidr_compare(&one->cidrs[i - 1], &one->cidrs[i]) < 0);
        t->sum = t->sum * 31 + (one->cidrs[i].hi ^ one->cidrs[i].lo ^ one->cidrs[i].len);
    }
    for (size_t i = 0; i < one->tags.count; i++) {
        FUZZ_REQUIRE(i == 0 || strcmp(one->tags.items[i - 1].key, one->tags.items[i].key) < 0);
        t->sum = mix(mix(t->sum, one->tags.items[i].key), one->tags.items[i].value);
    }
    t->sightings++;
    return true;
}

static bool load(struct tally *out)
{
    static const char *const pattern[] = {"inventory"};
    struct inventory_limits limits = inventory_limits;
    limits.includes = 0;
    limits.nodes = 20000;
    limits.cidrs = 5000;
    struct arena *a = arena_new();
    struct sightings *s = sightings_new();
    struct diags d;
    FUZZ_REQUIRE(a && s);
    diags_init(&d, a);
    bool ok = inventory_load_within(s, &d, pattern, 1, &limits);
    FUZZ_REQUIRE(ok ? d.errors == 0 : d.errors == 1);
    sightings_each(s, check, out);
    FUZZ_REQUIRE(out->sightings == sightings_count(s));
    sightings_free(s);
    arena_free(a);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally one = {0}, two = {0};
    fuzz_folder();
    fuzz_write("inventory", data, size);
    bool first = load(&one), second = load(&two);
    FUZZ_REQUIRE(first == second && one.sightings == two.sightings && one.sum == two.sum);
    return 0;
}
