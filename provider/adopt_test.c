/*
 * The pool of an existing CIDR, and what pools with auto_import take: known cases, and random
 * worlds against the rules as they are written.
 */
#include "provider/adopt.h"
#include "provider/estate_fixture.h"

static void scope(struct fixture *f, const char *id, bool is_default)
{
    const struct scope_info s = {.id = id, .ipam_id = "ipam-1", .is_default = is_default};
    assert_int_equal(engine_load_scope(f->estate->engine, &s), ENGINE_OK);
}

static void pool(struct fixture *f, const char *id, const char *scope_id, const char *source,
                 const char *locale, const char *cidr, bool auto_import)
{
    struct engine *e = f->estate->engine;
    const struct cidr c = cidr_of(cidr);
    const struct pool_info p = {.id = id,
                                .scope_id = scope_id,
                                .source_id = source,
                                .locale = locale,
                                .owner = "1",
                                .family = FAMILY_V4,
                                .rules = {.min_len = -1, .max_len = -1, .default_len = -1},
                                .auto_import = auto_import};
    assert_int_equal(engine_load_pool(e, &p), ENGINE_OK);
    assert_int_equal(engine_load_cidr(e, id, &c, NULL), ENGINE_OK);
    assert_int_equal(engine_settle(e), ENGINE_OK);
}

static void see(struct fixture *f, const char *id, const char *region, const struct cidr *cidr)
{
    const struct sighting s = {.id = id,
                               .network_id = id,
                               .cloud = "aws",
                               .owner = "2",
                               .region = region,
                               .zone = "",
                               .name = "",
                               .allocation_id = "",
                               .where = "world.yaml:1:1",
                               .cidrs = cidr,
                               .cidr_count = 1,
                               .kind = SIGHTED_NETWORK,
                               .witness = WITNESS_INVENTORY};
    assert_true(sightings_add(f->estate->sightings, &s));
}

static const char *pool_of(struct fixture *f, const char *cidr, const char *region)
{
    const struct cidr c = cidr_of(cidr);
    const struct pool *p = adopt_pool(f->estate->engine, &c, region, "");
    return p ? pool_info(p)->id : "none";
}

static void the_right_pool(void **state)
{
    struct fixture *f = *state;
    scope(f, "s-default", true);
    scope(f, "s-other", false);
    pool(f, "a-other", "s-other", NULL, "eu-west-1", "10.0.0.0/12", false);
    pool(f, "top", "s-default", NULL, NULL, "10.0.0.0/8", false);
    pool(f, "west", "s-default", "top", "eu-west-1", "10.0.0.0/12", false);
    pool(f, "deep", "s-default", "west", "eu-west-1", "10.0.0.0/16", false);
    pool(f, "east", "s-default", "top", "us-east-1", "10.16.0.0/12", false);
    assert_string_equal(pool_of(f, "10.0.0.0/20", "eu-west-1"), "deep");
    assert_string_equal(pool_of(f, "10.0.0.0/16", "eu-west-1"), "deep");
    assert_string_equal(pool_of(f, "10.1.0.0/16", "eu-west-1"), "west");
    assert_string_equal(pool_of(f, "10.0.0.0/15", "eu-west-1"), "west");
    assert_string_equal(pool_of(f, "10.16.0.0/16", "us-east-1"), "east");
    assert_string_equal(pool_of(f, "10.16.0.0/16", "eu-west-1"), "none");
    assert_string_equal(pool_of(f, "10.64.0.0/16", "eu-west-1"), "none"); /* no locale takes none */
    pool(f, "b-other", "s-other", NULL, "eu-west-1", "172.16.0.0/12", false);
    assert_string_equal(pool_of(f, "172.16.0.0/16", "eu-west-1"), "b-other");
}

static size_t taken(struct fixture *f)
{
    return pool_allocation_count(engine_pool(f->estate->engine, "main"));
}

static void twice_is_once(void **state)
{
    struct fixture *f = *state;
    const struct cidr in = cidr_of("10.0.16.0/20"), out = cidr_of("10.1.0.0/16");
    const struct allocation *a;
    scope(f, "s", true);
    pool(f, "main", "s", NULL, "eu-west-1", "10.0.0.0/16", true);
    see(f, "vpc-1", "eu-west-1", &in);
    see(f, "vpc-2", "eu-west-1", &out);
    see(f, "vpc-3", "us-east-1", &in);
    for (int i = 0; i < 2; i++) {
        assert_true(adopt_discovered(f->estate, f->arena));
        assert_int_equal(taken(f), 1);
    }
    a = engine_allocation(f->estate->engine, allocation_id_of(f->arena, "vpc-1", &in));
    assert_non_null(a);
    assert_int_equal(a->type, ALLOCATION_VPC);
    assert_string_equal(a->owner, "2");
    struct finding found[4]; /* another account's, and compliant all the same */
    assert_int_equal(engine_audit_allocation(f->estate->engine, a, found, 4), 0);
    assert_true(engine_check(f->estate->engine));
}

static void without_the_switch_nothing(void **state)
{
    struct fixture *f = *state;
    const struct cidr in = cidr_of("10.0.16.0/20");
    scope(f, "s", true);
    pool(f, "main", "s", NULL, "eu-west-1", "10.0.0.0/16", false);
    pool(f, "none", "s", NULL, NULL, "10.1.0.0/16", true);
    see(f, "vpc-1", "eu-west-1", &in);
    assert_true(adopt_discovered(f->estate, f->arena));
    assert_int_equal(taken(f), 0);
}

/* --- random worlds --- */

#define NETWORKS 40
#define EXISTING 6

struct network_seen {
    char id[16];
    struct cidr cidr;
    bool here; /* in the pool's Region */
};

static struct cidr random_cidr(void)
{
    unsigned len = 15 + (unsigned)rand() % 10;
    uint64_t host = (uint64_t)(rand() % (1 << 18)) << 32;
    return cidr_make(FAMILY_V4, ((uint64_t)10 << 56) | host, 0, len);
}

static bool overlaps_any(const struct cidr *c, const struct cidr *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (cidr_overlaps(c, &all[i]))
            return true;
    return false;
}

/* The rules, one network at a time: no other eligible one is larger around it, or equal and
 * first. */
static bool wanted(const struct network_seen *all, const bool *eligible, size_t i)
{
    for (size_t k = 0; eligible[i] && k < NETWORKS; k++) {
        bool around = k != i && eligible[k] && cidr_contains(&all[k].cidr, &all[i].cidr);
        bool equal = around && cidr_equal(&all[k].cidr, &all[i].cidr);
        if (around && (!equal || strcmp(all[k].id, all[i].id) < 0))
            return false;
    }
    return eligible[i];
}

static void random_world(struct fixture *f)
{
    const struct cidr whole = cidr_of("10.0.0.0/16");
    struct network_seen all[NETWORKS];
    struct cidr existing[EXISTING];
    bool eligible[NETWORKS];
    struct engine *e = f->estate->engine;
    scope(f, "s", true);
    pool(f, "main", "s", NULL, "eu-west-1", "10.0.0.0/16", true);
    for (size_t i = 0; i < EXISTING; i++) {
        existing[i] = random_cidr();
        const struct allocation_request r = {.pool_id = "main",
                                             .type = ALLOCATION_CUSTOM,
                                             .cidr = existing[i],
                                             .id = arena_printf(f->arena, "own-%zu", i),
                                             .length = -1};
        if (cidr_contains(&whole, &existing[i]))
            assert_int_equal(engine_load_allocation(e, &r), ENGINE_OK);
        else
            existing[i] = cidr_of("192.168.0.0/32");
    }
    for (size_t i = 0; i < NETWORKS; i++) {
        all[i].cidr = i > 0 && rand() % 5 == 0 ? all[i - 1].cidr : random_cidr();
        all[i].here = rand() % 8 != 0;
        snprintf(all[i].id, sizeof all[i].id, "vpc-%04d", rand() % 9000);
        see(f, all[i].id, all[i].here ? "eu-west-1" : "us-east-1", &all[i].cidr);
        eligible[i] = all[i].here && cidr_contains(&whole, &all[i].cidr) &&
                      !overlaps_any(&all[i].cidr, existing, EXISTING);
        for (size_t k = 0; k < i; k++)
            if (strcmp(all[k].id, all[i].id) == 0)
                eligible[k] = false; /* the later one is what is seen */
    }
    assert_true(adopt_discovered(f->estate, f->arena));
    for (size_t i = 0; i < NETWORKS; i++) {
        const char *id = allocation_id_of(f->arena, all[i].id, &all[i].cidr);
        bool is = engine_allocation(e, id) != NULL;
        if (is != wanted(all, eligible, i))
            fail_msg("%s: %d", all[i].id, is);
    }
    assert_true(engine_check(e));
}

static void random_worlds(void **state)
{
    random_begin();
    (void)state;
    for (int i = 0; i < 200; i++) {
        void *world;
        assert_int_equal(set_up(&world), 0);
        random_world(world);
        tear_down(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_right_pool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(twice_is_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_switch_nothing, set_up, tear_down),
        cmocka_unit_test(random_worlds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
