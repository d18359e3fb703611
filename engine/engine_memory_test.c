/*
 * Memory that runs out, at every single request for it: the call either does all or nothing, the
 * engine stays whole, and the same call does what it should once there is memory again.
 *
 * The linker sends malloc, calloc and realloc of the engine through the functions below.
 */
#include "engine/engine_fixture.h"

static long calls_left = -1; /* -1: memory is never out */
static bool only_once;       /* the request after the one that failed succeeds */
static unsigned refused;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool is_out(void)
{
    if (calls_left < 0) {
        return false;
    }
    if (calls_left > 0) {
        calls_left--;
        return false;
    }
    refused++;
    calls_left = only_once ? -1 : 0;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return is_out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return is_out() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return is_out() ? NULL : __real_realloc(p, size);
}

/* --- the steps of the scenario --- */

static struct refusal reason;

static enum engine_result add(struct engine *e, const char *id, const char *source)
{
    struct pool_info info = a_pool(id, source);
    return engine_add_pool(e, &info, &reason);
}

static enum engine_result give(struct engine *e, const char *pool, const char *cidr, int length,
                               const char *id)
{
    struct cidr out;
    struct provision_request r = {pool, {0}, length, id};
    if (cidr) {
        r.cidr = C(cidr);
    }
    return engine_provision(e, &r, &out, &reason);
}

static enum engine_result take(struct engine *e, const char *id, const char *pool, const char *cidr,
                               int length)
{
    static const struct tag tags[] = {{"k", "v"}};
    static const struct cidr disallowed[] = {{0x0a00000200000000u, 0, 28, FAMILY_V4},
                                             {0x0a00000100000000u, 0, 28, FAMILY_V4}};
    const struct allocation *a;
    struct allocation_request r = custom(id, pool, cidr, length);
    r.tags = (struct tags){tags, 1};
    r.description = "text";
    r.resource_id = "resource";
    r.disallowed = cidr ? NULL : disallowed; /* out of order on purpose */
    r.disallowed_count = cidr ? 0 : 2;
    return engine_allocate(e, &r, &a, &reason);
}

static enum engine_result load_one(struct engine *e, const char *id, const char *pool,
                                   const char *cidr)
{
    struct allocation_request r = a_vpc(id, pool, cidr, -1);
    r.description = "loaded";
    return engine_load_allocation(e, &r);
}

static enum engine_result check_one(struct engine *e, const char *pool, const char *cidr,
                                    int length)
{
    struct allocation_request r = custom(NULL, pool, cidr, length);
    return engine_check_allocate(e, &r, false, &reason);
}

static struct cidr c20 = {0x0a00400000000000u, 0, 20, FAMILY_V4},
                   c28 = {0x0a00050000000000u, 0, 28, FAMILY_V4};
static const char *const regions[] = {"us-east-1", "us-west-2", NULL};

#define STEP(name, call)                                                                           \
    static enum engine_result name(struct engine *e)                                               \
    {                                                                                              \
        return call;                                                                               \
    }

STEP(s_ipam,
     engine_add_ipam(e, &(struct ipam_info){"ipam-2", "o", "r", "s1", "s2", regions}, &reason))
STEP(s_ipam_update,
     engine_update_ipam(e, &(struct ipam_info){"ipam-2", "o2", "r", NULL, NULL, regions}, &reason))
STEP(s_scope,
     engine_add_scope(e, &(struct scope_info){"s3", "ipam-2", SCOPE_PRIVATE, false}, &reason))
STEP(s_top, add(e, "top", NULL))
STEP(s_child, add(e, "child", "top"))
STEP(s_six, engine_load_pool(e, &(struct pool_info){.id = "six",
                                                    .scope_id = "private",
                                                    .source_id = "unseen",
                                                    .family = FAMILY_V6,
                                                    .rules = {-1, -1, -1, {NULL, 0}}}))
STEP(s_top_cidr, give(e, "top", "10.0.0.0/16", -1, NULL))
STEP(s_top_cidr2, give(e, "top", "10.8.0.0/16", -1, NULL))
STEP(s_child_cidr, give(e, "child", "10.0.64.0/20", -1, "link1"))
STEP(s_child_cidr2, give(e, "child", NULL, 20, "link2"))
STEP(s_update,
     engine_update_pool(
         e, &(struct pool_info){.id = "top", .description = "new", .rules = {8, 30, 24, {NULL, 0}}},
         &reason))
STEP(s_exact, take(e, "a1", "top", "10.0.9.0/24", -1))
STEP(s_free, take(e, "a2", "top", NULL, 24))
STEP(s_free2, take(e, "a3", "child", NULL, 24))
STEP(s_default, take(e, "a4", "top", NULL, -1))
STEP(s_retag, engine_retag(e, "a1", &(struct tags){(struct tag[]){{"x", "y"}}, 1}, "", &reason))
STEP(s_load1, load_one(e, "l1", "top", "10.0.128.0/20"))
STEP(s_load2, load_one(e, "l2", "top", "10.0.128.0/24"))
STEP(s_load3, load_one(e, "l3", "top", "10.0.128.0/25"))
STEP(s_load4, load_one(e, "l4", "unseen", "10.5.0.0/16"))
STEP(s_load5, load_one(e, NULL, "child", "10.0.64.0/24"))
STEP(s_load6, load_one(e, "l2", "top", "10.0.129.0/24"))
STEP(s_load7, load_one(e, "l7", "top", "10.8.0.0/14"))
STEP(s_load_cidr,
     engine_load_cidr(e, "six", &(struct cidr){0xfd00000000000000u, 0, 48, FAMILY_V6}, "link6"))
STEP(s_settle, engine_settle(e))
STEP(s_intent, engine_plan_intent(e, "top", &c28))
STEP(s_intent_pool, engine_plan_intent(e, "later", &c28))
STEP(s_plan, engine_plan_provision(e, "child", NULL, 24))
STEP(s_plan2,
     engine_plan_provision(e, "top", &(struct cidr){0x0b00000000000000u, 0, 16, FAMILY_V4}, -1))
STEP(s_check, check_one(e, "top", NULL, 24))
STEP(s_check2, check_one(e, "top", "11.0.0.0/24", -1))
STEP(s_leave, (engine_plan_leave(e, "a1"), engine_plan_leave_cidr(e, "child", &c20), ENGINE_OK))
STEP(s_occupy,
     engine_load_occupant(e, &(struct occupant){.scope_id = "private",
                                                .cidr = {0x0a00450000000000u, 0, 24, FAMILY_V4},
                                                .resource_id = "vpc-seen",
                                                .where = "there"}))
STEP(s_occupy2,
     engine_load_occupant(e, &(struct occupant){.scope_id = "private",
                                                .cidr = {0x0a00080000000000u, 0, 22, FAMILY_V4},
                                                .resource_id = "vpc-other"}))
STEP(s_open, engine_open_space(e, "top") ? ENGINE_OK : ENGINE_NO_MEMORY)
STEP(s_release, engine_release(e, "l1", &reason))
STEP(s_release2, engine_release(e, "l7", &reason))
STEP(s_release3, engine_release(e, "a3", &reason))
STEP(s_remove, engine_remove_pool(e, "child", true, &reason))
STEP(s_scope_gone, engine_remove_scope(e, "s3", &reason))
STEP(s_ipam_gone, engine_remove_ipam(e, "ipam-1", true, &reason))

typedef enum engine_result (*step)(struct engine *e);
static const step steps[] = {
    s_ipam,      s_ipam_update, s_scope,       s_top,      s_child,     s_top_cidr, s_child_cidr,
    s_exact,     s_update,      s_occupy,      s_free,     s_default,   s_retag,    s_child_cidr2,
    s_occupy2,   s_open,        s_free2,       s_six,      s_load_cidr, s_load1,    s_load2,
    s_load3,     s_settle,      s_load4,       s_load5,    s_settle,    s_load6,    s_load7,
    s_top_cidr2, s_settle,      s_intent,      s_plan,     s_check,     s_leave,    s_check,
    s_plan2,     s_check2,      s_intent_pool, s_release2, s_release,   s_release3, s_check,
    s_remove,    s_scope_gone,  s_ipam_gone,
};
#define STEPS (sizeof(steps) / sizeof(*steps))

/* --- what can be seen of an engine --- */

static char before[8192], after[8192], now[8192];

static bool see_allocation(void *ctx, const struct allocation *a)
{
    char text[CIDR_TEXT_SIZE], line[200];
    snprintf(line, sizeof(line), "  %s %s %s %d %d %zu %s %s\n", a->id, cidr_format(&a->cidr, text),
             allocation_type_name(a->type), a->conflicting, a->leaving, a->tags.count,
             a->description, a->owner);
    strcat(ctx, line);
    return true;
}

static const struct engine *seen;

static bool see_pool(void *ctx, const struct pool *p)
{
    char text[CIDR_TEXT_SIZE], line[200];
    const struct pool_info *info = pool_info(p);
    /* Merely referring to a pool says nothing: it may stay when the call failed. */
    if (!pool_is_known(p) && pool_allocation_count(p) == 0 && pool_cidr_count(p) == 0) {
        return true;
    }
    snprintf(line, sizeof(line), "%s %d %s %zu\n", info->id, pool_is_known(p), info->description,
             pool_allocation_count(p));
    strcat(ctx, line);
    struct cidr c;
    for (size_t i = 0; pool_cidr_at(p, i, &c); i++) {
        snprintf(line, sizeof(line), " %s\n", cidr_format(&c, text));
        strcat(ctx, line);
    }
    return engine_each_allocation(seen, p, see_allocation, ctx);
}

static bool see_scope(void *ctx, const struct scope *s)
{
    strcat(strcat(ctx, scope_info(s)->id), "\n");
    return true;
}

static bool see_ipam(void *ctx, const struct ipam *i)
{
    strcat(strcat(ctx, ipam_info(i)->owner), "\n");
    return true;
}

static void see(const struct engine *e, char *text)
{
    seen = e;
    text[0] = '\0';
    engine_each_ipam(e, see_ipam, text);
    engine_each_scope(e, see_scope, text);
    engine_each_pool(e, see_pool, text);
}

static bool count_pool(void *ctx, const struct pool *p)
{
    (void)p;
    ++*(size_t *)ctx;
    return true;
}

/* --- the runs --- */

static struct engine *run_until(size_t step_count)
{
    struct engine *e = new_engine();
    for (size_t i = 0; i < step_count; i++) {
        enum engine_result result = steps[i](e);
        if (result != ENGINE_OK) {
            fail_msg("step %zu: result %d, refusal %d", i, result, reason.code);
        }
    }
    return e;
}

/* One step whose nth request for memory fails. False when it made fewer requests. */
static bool fail_once(size_t i, long nth)
{
    struct engine *e = run_until(i);
    size_t pools = 0, pools_now = 0;
    engine_each_pool(e, count_pool, &pools);
    see(e, before);
    refused = 0;
    calls_left = nth;
    enum engine_result result = steps[i](e);
    calls_left = -1;
    bool failed = refused > 0;
    assert_true(engine_check(e));
    if (result == ENGINE_OK) {
        must(engine_settle(e));
    } else {
        assert_int_equal(result, ENGINE_NO_MEMORY);
        engine_each_pool(e, count_pool, &pools_now);
        assert_true(pools_now == pools || (steps[i] != s_top && steps[i] != s_child));
        see(e, now);
        if (steps[i] != s_settle && strcmp(now, before) != 0) {
            must(engine_settle(e)); /* it may have settled what was loaded before, no more */
            see(e, now);
            struct engine *settled = run_until(i);
            must(engine_settle(settled));
            see(settled, before);
            engine_free(settled);
            assert_string_equal(now, before);
        }
        assert_int_equal(steps[i](e), ENGINE_OK);
        must(engine_settle(e));
    }
    assert_true(engine_check(e));
    see(e, now);
    assert_string_equal(now, after);
    engine_free(e);
    return failed;
}

static void run_all(bool once)
{
    unsigned failures = 0;
    only_once = once;
    for (size_t i = 0; i < STEPS; i++) {
        struct engine *e = run_until(i + 1);
        must(engine_settle(e));
        assert_true(engine_check(e));
        see(e, after);
        engine_free(e);
        for (long nth = 0; fail_once(i, nth); nth++) {
            failures++;
        }
    }
    printf("requests that failed: %u\n", failures);
    assert_true(failures > 100);
}

static void test_memory_is_out(void **state)
{
    (void)state;
    run_all(false);
}

static void test_one_request_fails(void **state)
{
    (void)state;
    run_all(true);
}

static void test_no_engine(void **state)
{
    (void)state;
    only_once = false;
    calls_left = 0;
    struct engine *e = engine_new();
    calls_left = -1;
    assert_null(e);
    engine_free(NULL);
}

/* The nth request of growing indexes fails, over and over, while many are issued and released. */
static void test_growing(void **state)
{
    (void)state;
    random_start();
    struct engine *e = new_engine();
    add_pool(e, "p", NULL);
    provision(e, "p", "10.0.0.0/16");
    char id[32];
    unsigned failures = 0, issued = 0;
    for (unsigned i = 0; i < 3000; i++) {
        struct refusal why;
        const struct allocation *a;
        snprintf(id, sizeof(id), "a%u", i % 900);
        only_once = random_below(2);
        calls_left = random_below(6);
        struct allocation_request r = custom(id, "p", NULL, 28);
        enum engine_result result =
            i % 3 == 2 ? engine_release(e, id, &why) : engine_allocate(e, &r, &a, &why);
        calls_left = -1;
        issued += result == ENGINE_OK && i % 3 != 2;
        failures += result == ENGINE_NO_MEMORY;
        if (i % 50 == 0) {
            assert_true(engine_check(e));
        }
    }
    assert_true(failures > 100 && issued > 500);
    assert_true(engine_check(e));
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_engine),
        cmocka_unit_test(test_memory_is_out),
        cmocka_unit_test(test_one_request_fails),
        cmocka_unit_test(test_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
