/*
 * Metrics: known estates, what is missing and why, and the space of random, contradictory pools
 * against counting block by block. The seed is printed; TEST_SEED replays it.
 */
#include <math.h>

#include "provider/metrics.h"
#include "provider/estate_fixture.h"

#define ACCOUNT "123456789012"

static void assert_near(double got, double expected)
{
    if (fabs(got - expected) > 1e-9)
        fail_msg("%.12g, expected %.12g", got, expected);
}

static struct pool_info a_pool(const char *id, const char *source)
{
    return (struct pool_info){.id = id,
                              .scope_id = "private",
                              .source_id = source,
                              .locale = "us-east-1",
                              .owner = ACCOUNT,
                              .family = FAMILY_V4,
                              .rules = {-1, -1, -1, {NULL, 0}}};
}

static struct allocation_request an_allocation(const char *id, enum allocation_type type,
                                               const char *cidr)
{
    return (struct allocation_request){.id = id,
                                       .pool_id = "top",
                                       .type = type,
                                       .cidr = cidr_of(cidr),
                                       .length = -1,
                                       .resource_id = type == ALLOCATION_VPC ? id : "",
                                       .owner = ACCOUNT,
                                       .region = "us-east-1"};
}

static int set_up_ipam(void **state)
{
    static const char *const regions[] = {"eu-west-1", "us-east-1", NULL};
    const struct ipam_info ipam = {"ipam-1", ACCOUNT, "us-east-1", "private", "public", regions};
    int result = set_up(state);
    if (result == 0) {
        struct fixture *f = *state;
        assert_int_equal(engine_load_ipam(f->estate->engine, &ipam), ENGINE_OK);
    }
    return result;
}

static void load_pool_at(struct fixture *f, const char *id, const char *source, const char *cidr)
{
    struct pool_info info = a_pool(id, source);
    struct cidr c = cidr_of(cidr);
    assert_int_equal(engine_load_pool(f->estate->engine, &info), ENGINE_OK);
    assert_int_equal(engine_load_cidr(f->estate->engine, id, &c, id), ENGINE_OK);
}

static void take(struct fixture *f, const struct allocation_request *r)
{
    assert_int_equal(engine_load_allocation(f->estate->engine, r), ENGINE_OK);
}

static double value_of(struct fixture *f, const char *name, const char *pool)
{
    struct metric m;
    const char *why = "";
    const struct dimension aws[] = {{"AddressFamily", "ipv4"},
                                    {"Locale", "us-east-1"},
                                    {"PoolID", pool},
                                    {"ScopeID", "private"}};
    const struct dimension article[] = {
        {"IpamScopeId", "private"}, {"IpamPoolId", pool}, {"IpamId", "ipam-1"}};
    bool found = strncmp(name, "Pool", 4) == 0 ? metrics_find(&f->call, name, article, 3, &m, &why)
                                               : metrics_find(&f->call, name, aws, 4, &m, &why);
    if (!found)
        fail_msg("%s of %s: %s", name, pool, why);
    return m.value;
}

static void pools_are_told(void **state)
{
    struct fixture *f = *state;
    struct allocation_request vpc = an_allocation("a", ALLOCATION_VPC, "10.0.64.0/18");
    struct allocation_request other = an_allocation("b", ALLOCATION_VPC, "10.0.160.0/19");
    struct allocation_request spare = an_allocation("c", ALLOCATION_CUSTOM, "10.0.192.0/20");
    load_pool_at(f, "top", NULL, "10.0.0.0/16");
    load_pool_at(f, "below", "top", "10.0.0.0/19");
    other.region = "eu-west-1"; /* not the pool's locale */
    take(f, &vpc);
    take(f, &other);
    take(f, &spare);
    assert_int_equal(engine_settle(f->estate->engine), ENGINE_OK);
    assert_near(value_of(f, "PercentAllocated", "top"), 12.5);
    assert_near(value_of(f, "PercentAssigned", "top"), 43.75);
    assert_near(value_of(f, "PercentAvailable", "top"), 43.75);
    assert_near(value_of(f, "PoolAllocationUtilizationPercentage", "top"), 56.25);
    assert_near(value_of(f, "PoolAllocationCount", "top"), 4);
    assert_near(value_of(f, "PoolAvailableAddressCount", "top"), 28672);
    assert_near(value_of(f, "CompliantResourceCidrs", "top"), 1);
    assert_near(value_of(f, "NoncompliantResourceCidrs", "top"), 1);
    assert_near(value_of(f, "PercentAvailable", "below"), 100);
}

static void what_is_missing_says_why(void **state)
{
    struct fixture *f = *state;
    const struct dimension pool[] = {
        {"IpamId", "ipam-1"}, {"IpamPoolId", "empty"}, {"IpamScopeId", "private"}};
    struct dimension wrong[] = {
        {"IpamId", "ipam-2"}, {"IpamPoolId", "full"}, {"IpamScopeId", "private"}};
    const struct {
        const char *name;
        const struct dimension *dimensions;
        size_t count;
        const char *says;
    } cases[] = {
        {"PoolAllocationUtilizationPercentage", pool, 3, "has no CIDR"},
        {"PoolAllocationUtilizationPercentage", pool, 2, "exactly these dimensions: IpamId"},
        {"PoolAllocationUtilizationPercentage", wrong, 3, "its scope and its IPAM"},
        {"PercentAssigned", pool, 3, "AddressFamily, Locale, PoolID, ScopeID"},
        {"CompliantResourceCidrs", NULL, 0, "ScopeID; or AddressFamily, ScopeID"},
        {"SubnetIPUsage", pool, 3, "no state tells"},
        {"Utilization", pool, 3, "no metric \"Utilization\""},
    };
    struct pool_info empty = a_pool("empty", NULL);
    struct metric m;
    assert_int_equal(engine_load_pool(f->estate->engine, &empty), ENGINE_OK);
    load_pool_at(f, "full", NULL, "10.0.0.0/16");
    assert_int_equal(engine_settle(f->estate->engine), ENGINE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why = "";
        assert_false(
            metrics_find(&f->call, cases[i].name, cases[i].dimensions, cases[i].count, &m, &why));
        if (!strstr(why, cases[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].name, why, cases[i].says);
    }
    wrong[1].value = "gone";
    assert_false(metrics_find(&f->call, cases[0].name, wrong, 3, &m, NULL));
}

static void every_metric_of_an_ipam_is_of_a_told_kind(void **state)
{
    struct fixture *f = *state;
    struct allocation_request vpc = an_allocation("a", ALLOCATION_VPC, "10.0.64.0/18");
    load_pool_at(f, "top", NULL, "10.0.0.0/16");
    take(f, &vpc);
    assert_int_equal(engine_settle(f->estate->engine), ENGINE_OK);
    struct metrics told = {.arena = f->arena};
    metrics_of_ipam(&f->call, NULL, &told);
    assert_int_equal(told.count, 2 * 2 * 5 + 1 + 8); /* scopes and families, VPC, pool */
    for (size_t i = 0; i < told.count; i++) {
        const struct metric *m = &told.items[i];
        struct metric again;
        assert_true(m->kind->told);
        assert_true(
            metrics_find(&f->call, m->kind->name, m->dimensions, m->dimension_count, &again, NULL));
        assert_near(again.value, m->value);
    }
}

/* Blocks of /24 in a /16, each taken or not. */
#define SLOTS 256

static void load_randomly(struct fixture *f, bool taken[SLOTS])
{
    size_t n = (size_t)(rand() % 12);
    for (size_t i = 0; i < n; i++) {
        char id[32];
        /* Some lie beyond the pool, many overlap each other. */
        unsigned len = 17 + (unsigned)(rand() % 8), at = (unsigned)rand() % (2 * SLOTS);
        struct cidr c = cidr_make(FAMILY_V4, (uint64_t)(0x0a000000u + (at << 8)) << 32, 0, len);
        char text[CIDR_TEXT_SIZE];
        snprintf(id, sizeof id, "a%zu", i);
        struct allocation_request r = an_allocation(
            id, rand() % 2 ? ALLOCATION_CUSTOM : ALLOCATION_VPC, cidr_format(&c, text));
        take(f, &r);
        at = (unsigned)(c.hi >> 40) & (2 * SLOTS - 1);
        for (unsigned s = at; s < at + (1u << (24 - len)) && at < SLOTS; s++)
            taken[s] = true;
    }
}

static void contradictory_pools_never_exceed_their_space(void **state)
{
    (void)state;
    random_begin();
    for (int round = 0; round < 500; round++) {
        void *made;
        bool taken[SLOTS] = {false};
        double expected = 0;
        set_up_ipam(&made);
        struct fixture *f = made;
        load_pool_at(f, "top", NULL, "10.0.0.0/16");
        load_randomly(f, taken);
        assert_int_equal(engine_settle(f->estate->engine), ENGINE_OK);
        for (size_t s = 0; s < SLOTS; s++)
            expected += taken[s] * 100.0 / SLOTS;
        assert_near(value_of(f, "PercentAssigned", "top"), expected);
        assert_near(value_of(f, "PercentAvailable", "top"), 100 - expected);
        tear_down(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pools_are_told, set_up_ipam, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_says_why, set_up_ipam, tear_down),
        cmocka_unit_test_setup_teardown(every_metric_of_an_ipam_is_of_a_told_kind, set_up_ipam,
                                        tear_down),
        cmocka_unit_test(contradictory_pools_never_exceed_their_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
