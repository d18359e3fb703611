/*
 * A state: parsing, walking, and loading it into an engine
 *
 * Whatever a state holds, it is either refused or loaded into an engine that is whole; two loads of
 * the same state end alike.
 */
#include "fuzz/fuzz.h"

#include "provider/estate.h"

struct tally {
    size_t allocations, conflicts;
    uint64_t sum;
};

static bool count(void *ctx, const struct allocation *a)
{
    struct tally *t = ctx;
    t->allocations++;
    t->conflicts += a->conflicting;
    t->sum = t->sum * 31 + (a->cidr.hi ^ a->cidr.lo ^ a->cidr.len);
    return true;
}

static bool load(const struct state *s, struct tally *out)
{
    struct arena *a = arena_new();
    struct estate *e = estate_new();
    struct diags d;
    FUZZ_REQUIRE(a && e);
    diags_init(&d, a);
    e->origin = "a state";
    bool loaded = estate_hydrate(e, s, &d);
    FUZZ_REQUIRE(loaded ? d.errors == 0 : d.errors > 0);
    FUZZ_REQUIRE(!loaded || (engine_check(e->engine) && engine_check(e->insides)));
    if (loaded)
        engine_each_allocation(e->engine, NULL, count, out);
    estate_free(e);
    arena_free(a);
    return loaded;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[256] = "";
    struct state *s = state_parse((const char *)data, size, "a state", NULL, error, sizeof error);
    FUZZ_REQUIRE(s || *error);
    if (s) {
        struct tally one = {0}, two = {0};
        bool first = load(s, &one), second = load(s, &two);
        FUZZ_REQUIRE(first == second && one.allocations == two.allocations &&
                     one.conflicts == two.conflicts && one.sum == two.sum);
    }
    state_free(s);
    return 0;
}
