/*
 * Comparing the state with what was seen: what is remembered, and overlaps against all pairs.
 */
#include "provider/drift.h"
#include "provider/estate_fixture.h"

static void see(struct fixture *f, const char *id, const char *tag, enum witness witness,
                const struct cidr *cidr, size_t count)
{
    const struct sighting s = {.id = id,
                               .network_id = id,
                               .cloud = "aws",
                               .owner = "111122223333",
                               .region = "eu-west-1",
                               .zone = "",
                               .name = "",
                               .allocation_id = tag,
                               .where = "world.yaml:1:1",
                               .cidrs = cidr,
                               .cidr_count = count,
                               .kind = SIGHTED_NETWORK,
                               .witness = witness,
                               .source = f};
    assert_true(sightings_add(f->estate->sightings, &s));
}

/* A refresh of vpc-1; the diagnostics are those of this look. */
static enum drift look(struct fixture *f, const struct cidr *has, struct bytes *private,
                       struct cidr now[2])
{
    const struct drift_subject s = {.name = "VPC vpc-1",
                                    .id = "vpc-1",
                                    .owner = "999999999999",
                                    .region = "eu-west-1",
                                    .kind = SIGHTED_NETWORK,
                                    .cidrs = {*has},
                                    .pools = {"", ""},
                                    .draw_by = "ipv4_netmask_length",
                                    .cidr_name = "cidr_block"};
    diags_init(&f->diags, f->arena);
    return drift_look(&f->call, &s, private, now);
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void only_what_was_seen_is_gone(void **state)
{
    struct fixture *f = *state;
    const struct cidr has = cidr_of("10.0.0.0/16");
    struct bytes private = {NULL, 0};
    struct cidr now[2];
    /* The cover names the account that the witness told, not the provider's. */
    assert_true(sightings_cover(f->estate->sightings, "111122223333", NULL, "world.yaml:2:1"));
    assert_int_equal(look(f, &has, &private, now), DRIFT_NONE);
    assert_null(f->diags.first);
    see(f, "vpc-1", "", WITNESS_INVENTORY, &has, 1);
    assert_int_equal(look(f, &has, &private, now), DRIFT_NONE);
    assert_null(f->diags.first);
    assert_non_null(drift_seen_line(f->arena, private));
    struct bytes again = private;
    assert_int_equal(look(f, &has, &again, now), DRIFT_NONE);
    assert_ptr_equal(again.data, private.data); /* remembered once */
    sightings_forget(f->estate->sightings, f);
    assert_int_equal(look(f, &has, &private, now), DRIFT_GONE);
    assert_non_null(strstr(f->diags.first->detail, "world.yaml:2:1"));
}

static void never_seen_stays(void **state)
{
    struct fixture *f = *state;
    const struct cidr has = cidr_of("10.0.0.0/16");
    struct bytes private = {NULL, 0};
    struct cidr now[2];
    assert_true(sightings_cover(f->estate->sightings, NULL, NULL, "world.yaml:2:1"));
    assert_int_equal(look(f, &has, &private, now), DRIFT_NONE);
    assert_string_equal(f->diags.first->summary, "VPC vpc-1 is in no inventory");
}

static void moved(void **state)
{
    struct fixture *f = *state;
    const struct cidr has = cidr_of("10.0.0.0/16"), there = cidr_of("10.9.0.0/16");
    const struct cidr both[] = {has, there};
    struct bytes private = {NULL, 0};
    struct cidr now[2];
    see(f, "vpc-1", "", WITNESS_STATE, &there, 1); /* a state only warns */
    assert_int_equal(look(f, &has, &private, now), DRIFT_NONE);
    assert_non_null(strstr(f->diags.first->summary, "in another state"));
    see(f, "vpc-1", "", WITNESS_INVENTORY, both, 2); /* further CIDRs are no difference */
    assert_int_equal(look(f, &has, &private, now), DRIFT_NONE);
    assert_null(f->diags.first);
    sightings_forget(f->estate->sightings, f);
    see(f, "vpc-9", "vpc-1", WITNESS_INVENTORY, &there, 1); /* told by its tag */
    assert_int_equal(look(f, &has, &private, now), DRIFT_MOVED);
    assert_true(cidr_equal(&now[0], &there));
    see(f, "vpc-9", "vpc-1", WITNESS_INVENTORY, NULL, 0); /* nothing is said of its CIDRs */
    assert_int_equal(look(f, &has, &private, now), DRIFT_NONE);
}

static void private_data_of_others(void **state)
{
    struct fixture *f = *state;
    static const char *const never[] = {
        "", "\n", "ipam:seen", "ipam:seen 1", "x ipam:seen 1\n", "ipam:seenx\n", "a\nb\nipam:see"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_null(drift_seen_line(f->arena, bytes_of(never[i])));
    assert_string_equal(drift_seen_line(f->arena, bytes_of("a\nipam:seen 1\nb")), "ipam:seen 1\n");
    assert_string_equal(drift_seen_line(f->arena, bytes_of("ipam:seen \n")), "ipam:seen \n");
    assert_true(import_is_found(bytes_of("x\n" IMPORT_FOUND "ipam:seen 1\n")));
    assert_false(import_is_found(bytes_of("x" IMPORT_FOUND)));
    const struct cidr has = cidr_of("10.0.0.0/16");
    struct bytes kept = import_found();
    struct cidr now[2];
    see(f, "vpc-1", "", WITNESS_INVENTORY, &has, 1);
    look(f, &has, &kept, now);
    assert_true(import_is_found(kept));
    assert_non_null(drift_seen_line(f->arena, kept));
}

static struct cidr random_cidr(void)
{
    unsigned len = 12 + (unsigned)rand() % 13;
    return cidr_make(FAMILY_V4, ((uint64_t)10 << 56) | (uint64_t)(rand() % (1 << 16)) << 40, 0,
                     len);
}

/* Networks that the warning speaks of. */
static size_t told(const struct fixture *f)
{
    const struct diag *d = f->diags.first;
    size_t n = 0;
    if (!d)
        return 0;
    for (const char *at = d->detail; (at = strstr(at, "seen at ")); at++)
        n++;
    const char *more = strstr(d->detail, " more. ");
    while (more && more > d->detail && more[-1] >= '0' && more[-1] <= '9')
        more--;
    return n + (more ? strtoul(more, NULL, 10) : 0);
}

static void random_overlaps(void **state)
{
    struct fixture *f = *state;
    struct cidr all[60], now[2];
    struct bytes private = {NULL, 0};
    random_begin();
    for (int round = 0; round < 60; round++) {
        sightings_forget(f->estate->sightings, f);
        size_t count = (size_t)rand() % 60;
        for (size_t i = 0; i < count; i++) {
            all[i] = random_cidr();
            see(f, arena_printf(f->arena, "vpc-1%zu", i), "", WITNESS_INVENTORY, &all[i], 1);
        }
        for (int k = 0; k < 40; k++) {
            struct cidr c = random_cidr();
            size_t expected = 0;
            for (size_t i = 0; i < count; i++)
                expected += cidr_overlaps(&c, &all[i]);
            look(f, &c, &private, now);
            assert_int_equal(told(f), expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_was_seen_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_seen_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(private_data_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_overlaps, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
