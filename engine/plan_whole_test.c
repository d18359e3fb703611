/*
 * plan_whole_test - a plan as a whole: demand, the world as it was, what leaves
 */
#include "engine/engine_fixture.h"

/* A pool with these CIDRs and allocations, as a state would have it. */
static struct engine *estate(const char *const *cidrs, const char *const *held)
{
    struct engine *e = new_engine();
    char id[32];
    load_pool(e, "p", NULL);
    for (size_t i = 0; cidrs[i]; i++) {
        load_cidr(e, "p", cidrs[i], NULL);
    }
    for (size_t i = 0; held && held[i]; i++) {
        snprintf(id, sizeof(id), "a%zu", i);
        load(e, id, "p", held[i]);
    }
    settle(e);
    engine_mark(e);
    return e;
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- demand --- */

static void take_fit(void *ctx, const struct fit *f)
{
    *(struct fit *)ctx = *f;
}

static struct fit ask(struct engine *e, const char *cidr, int length, bool keep)
{
    struct fit f = {.fits = true};
    struct allocation_request r = custom("", "p", cidr, length);
    must(engine_check_allocate(e, &r, false, &why));
    engine_plan_asked(e, keep, take_fit, &f);
    return f;
}

static void demand_fits_exactly(void **unused)
{
    (void)unused;
    struct engine *e = estate(TEXTS("10.0.0.0/24", "10.1.0.0/25"), TEXTS("10.0.0.0/26"));
    assert_true(ask(e, NULL, 26, true).fits);
    assert_true(ask(e, NULL, 25, true).fits);
    assert_true(ask(e, NULL, 25, true).fits);
    struct fit f = ask(e, NULL, 28, true);
    assert_false(f.fits);
    assert_int_equal(f.requests, 4);
    assert_int_equal(f.wanted[25], 2);
    char text[64];
    assert_string_equal(count_format(f.demand, text, sizeof(text)), "336");
    assert_string_equal(count_format(f.total, text, sizeof(text)), "384");
    assert_string_equal(count_format(f.used, text, sizeof(text)), "64");
    engine_free(e);
}

static void demand_is_kept_when_granted(void **unused)
{
    (void)unused;
    struct engine *e = estate(TEXTS("10.0.0.0/24"), NULL);
    for (int i = 0; i < 5; i++) { /* a hook that waits asks again and again */
        assert_true(ask(e, NULL, 24, false).fits);
    }
    struct fit f = ask(e, NULL, 24, true);
    assert_true(f.fits);
    assert_int_equal(f.requests, 1);
    assert_false(ask(e, NULL, 32, true).fits);
    engine_free(e);
}

static void open_supply_counts(void **unused)
{
    (void)unused;
    struct engine *e = estate(TEXTS("10.0.0.0/24"), NULL);
    must(engine_plan_provision(e, "p", NULL, 23));
    assert_true(ask(e, NULL, 23, true).fits);
    assert_true(ask(e, NULL, 24, true).fits);
    assert_false(ask(e, NULL, 28, true).fits);
    engine_free(e);
}

/* Whether some blocks fit is what a search over all placings says, in a small space. */
static bool places(uint32_t busy, const int *lengths, int n)
{
    if (n == 0) {
        return true;
    }
    int size = 1 << (32 - lengths[0]);
    uint32_t mask = size == 32 ? 0xffffffffu : (1u << size) - 1;
    for (int at = 0; at < 32; at += size) {
        if (!(busy & (mask << at)) && places(busy | (mask << at), lengths + 1, n - 1)) {
            return true;
        }
    }
    return false;
}

static void demand_against_search(void **unused)
{
    (void)unused;
    random_start();
    for (int round = 0; round < 300; round++) {
        struct engine *e = estate(TEXTS("10.0.0.0/27"), NULL);
        uint32_t busy = 0;
        int lengths[6], n = 0;
        char text[CIDR_TEXT_SIZE], id[16];
        for (int i = 0; i < 6; i++) {
            uint32_t at = random_below(32);
            snprintf(text, sizeof(text), "10.0.0.%u/32", at);
            snprintf(id, sizeof(id), "h%d", i);
            if (!(busy & (1u << at))) {
                load(e, id, "p", text);
                busy |= 1u << at;
            }
        }
        settle(e);
        bool fits = true;
        while (n < 6 && fits) {
            struct refusal why;
            struct fit f = {.fits = true};
            lengths[n] = 28 + (int)random_below(5);
            struct allocation_request r = custom("", "p", NULL, lengths[n]);
            if (engine_check_allocate(e, &r, false, &why) != ENGINE_OK) {
                break; /* not even alone */
            }
            engine_plan_asked(e, true, take_fit, &f);
            fits = f.fits;
            n++;
            assert_int_equal(fits, places(busy, lengths, n));
        }
        engine_free(e);
    }
}

/* --- the world as it was --- */

static struct cidr next_in_copy(struct engine *e, bool as_marked, unsigned len)
{
    struct space *s;
    struct cidr c = {0};
    must(engine_copy_space(e, "p", as_marked, NULL, NULL, &s));
    assert_true(space_check(s));
    if (space_next_free(s, len, NULL, 0, &c) != SPACE_OK) {
        c = (struct cidr){0};
    }
    space_free(s);
    return c;
}

static void assert_copies(struct engine *e, const char *now, const char *marked)
{
    struct cidr c = next_in_copy(e, false, 26);
    assert_cidr(&c, now);
    c = next_in_copy(e, true, 26);
    assert_cidr(&c, marked);
}

static void the_copy_as_marked(void **unused)
{
    (void)unused;
    struct engine *e = estate(TEXTS("10.0.0.0/24"), TEXTS("10.0.0.0/26", "10.0.0.128/26"));
    assert_copies(e, "10.0.0.64/26", "10.0.0.64/26");
    allocate(e, "new", "p", NULL, 26);
    assert_copies(e, "10.0.0.192/26", "10.0.0.64/26");
    must(engine_release(e, "a0", &why));
    assert_copies(e, "10.0.0.0/26", "10.0.0.64/26");
    load(e, "late", "p", "10.0.0.0/26");
    settle(e);
    assert_copies(e, "10.0.0.192/26", "10.0.0.64/26");
    provision(e, "p", "9.0.0.0/24");
    assert_copies(e, "9.0.0.0/26", "10.0.0.64/26");
    engine_free(e);
}

static bool skip_first(void *ctx, const struct allocation *a)
{
    return strcmp(a->id, ctx) == 0;
}

static void the_copy_skips_and_keeps_conflicts(void **unused)
{
    (void)unused;
    struct engine *e =
        estate(TEXTS("10.0.0.0/24"), TEXTS("10.0.0.0/26", "10.0.0.0/25", "10.0.0.128/25"));
    char first[] = "a1";
    struct space *s;
    struct cidr c;
    must(engine_copy_space(e, "p", false, skip_first, first, &s));
    assert_int_equal(space_next_free(s, 26, NULL, 0, &c), SPACE_OK);
    assert_cidr(&c, "10.0.0.64/26");
    space_free(s);
    load(e, "all", "p", "10.0.0.0/16"); /* larger than the pool: it covers all of it */
    settle(e);
    must(engine_copy_space(e, "p", false, NULL, NULL, &s));
    assert_int_equal(space_next_free(s, 32, NULL, 0, &c), SPACE_FULL);
    space_free(s);
    engine_free(e);
}

/* --- what leaves --- */

static void set_aside_and_put_back(void **unused)
{
    (void)unused;
    struct engine *e = estate(TEXTS("10.0.0.0/24"), TEXTS("10.0.0.0/25", "10.0.0.128/25"));
    struct set_aside *aside;
    struct refusal why;
    const struct allocation *a;
    must(engine_plan_set_aside(e, &aside));
    assert_null(aside); /* nothing leaves */
    must(engine_plan_put_back(e, aside));
    engine_plan_leave(e, "a0");
    struct allocation_request r = custom("new", "p", "10.0.0.0/26", -1);
    must_refuse(REFUSAL_TAKEN, true, engine_allocate(e, &r, &a, &why));
    must(engine_plan_set_aside(e, &aside));
    assert_non_null(aside);
    must(engine_allocate(e, &r, &a, &why));
    must(engine_plan_put_back(e, aside));
    assert_true(engine_check(e));
    a = engine_allocation(e, "a0");
    assert_non_null(a);
    assert_true(a->leaving);
    assert_cidr(&a->cidr, "10.0.0.0/25");
    assert_string_equal(a->resource_id, "vpc-1");
    struct allocation_request more = custom("more", "p", NULL, 26);
    must_refuse(REFUSAL_NO_SPACE, true, engine_allocate(e, &more, &a, &why));
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demand_fits_exactly),
        cmocka_unit_test(demand_is_kept_when_granted),
        cmocka_unit_test(open_supply_counts),
        cmocka_unit_test(demand_against_search),
        cmocka_unit_test(the_copy_as_marked),
        cmocka_unit_test(the_copy_skips_and_keeps_conflicts),
        cmocka_unit_test(set_aside_and_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
