/*
 * engine_fixture - short ways to build an estate in the engine's tests
 */
#ifndef ENGINE_ENGINE_FIXTURE_H
#define ENGINE_ENGINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/engine.h"

#define ACCOUNT "123456789012"

static inline struct cidr C(const char *text) {
    struct cidr c;
    if (cidr_parse(text, strlen(text), &c) != CIDR_OK) {
        fail_msg("%s is no CIDR", text);
    }
    return c;
}

static inline void
assert_cidr(const struct cidr *got, const char *expected)
{
    char text[CIDR_TEXT_SIZE];
    assert_string_equal(cidr_is_set(got) ? cidr_format(got, text) : "none", expected);
}

static inline struct rules no_rules(void)
{
    return (struct rules){-1, -1, -1, {NULL, 0}};
}

static inline struct ipam_info an_ipam(void)
{
    static const char *const regions[] = {"eu-west-1", "us-east-1", NULL};
    return (struct ipam_info){"ipam-1", ACCOUNT, "us-east-1", "private", "public", regions};
}

static inline struct pool_info a_pool(const char *id, const char *source)
{
    return (struct pool_info){.id = id,
                              .scope_id = "private",
                              .source_id = source,
                              .owner = ACCOUNT,
                              .family = FAMILY_V4,
                              .rules = no_rules()};
}

static inline struct allocation_request custom(const char *id, const char *pool, const char *cidr,
                                               int length)
{
    struct allocation_request r = {
        .id = id, .pool_id = pool, .type = ALLOCATION_CUSTOM, .length = length, .owner = ACCOUNT};
    if (cidr) {
        r.cidr = C(cidr);
    }
    return r;
}

static inline struct allocation_request a_vpc(const char *id, const char *pool, const char *cidr,
                                              int length)
{
    struct allocation_request r = custom(id, pool, cidr, length);
    r.type = ALLOCATION_VPC;
    r.resource_id = "vpc-1";
    r.region = "us-east-1";
    return r;
}

/* --- calls that must succeed --- */

#define must(call)                                                                                 \
    do {                                                                                           \
        struct refusal why = {0};                                                                  \
        enum engine_result must_result = (call);                                                   \
        if (must_result != ENGINE_OK) {                                                            \
            fail_msg("%s: result %d, refusal %d of %s", #call, must_result, why.code, why.id);     \
        }                                                                                          \
    } while (0)

/* --- calls that must be refused; `why` is the reason --- */

#define must_refuse(expected, is_curable, call)                                                    \
    do {                                                                                           \
        memset(&why, 0, sizeof(why));                                                              \
        assert_int_equal((call), ENGINE_REFUSED);                                                  \
        assert_int_equal(why.code, expected);                                                      \
        assert_int_equal(why.curable, is_curable);                                                 \
        assert_true(engine_check(e));                                                              \
    } while (0)

static inline void add_pool(struct engine *e, const char *id, const char *source)
{
    struct pool_info info = a_pool(id, source);
    must(engine_add_pool(e, &info, &why));
}

static inline void provision(struct engine *e, const char *pool, const char *cidr)
{
    char id[64];
    struct cidr out;
    snprintf(id, sizeof(id), "%s-%s", pool, cidr);
    struct provision_request r = {pool, C(cidr), -1, id};
    must(engine_provision(e, &r, &out, &why));
    assert_cidr(&out, cidr);
}

static inline const struct allocation *allocate(struct engine *e, const char *id, const char *pool,
                                                const char *cidr, int length)
{
    const struct allocation *a = NULL;
    struct allocation_request r = custom(id, pool, cidr, length);
    must(engine_allocate(e, &r, &a, &why));
    return a;
}

static inline void load(struct engine *e, const char *id, const char *pool, const char *cidr)
{
    struct allocation_request r = a_vpc(id, pool, cidr, -1);
    must(engine_load_allocation(e, &r));
}

static inline void load_cidr(struct engine *e, const char *pool, const char *cidr, const char *id)
{
    struct cidr c = C(cidr);
    must(engine_load_cidr(e, pool, &c, id));
}

static inline void load_pool(struct engine *e, const char *id, const char *source)
{
    struct pool_info info = a_pool(id, source);
    info.locale = "us-east-1";
    must(engine_load_pool(e, &info));
}

static inline void settle(struct engine *e)
{
    must(engine_settle(e));
    assert_true(engine_check(e));
}

/* An engine with one IPAM. */
static inline struct engine *new_engine(void)
{
    struct engine *e = engine_new();
    struct ipam_info info = an_ipam();
    assert_non_null(e);
    must(engine_add_ipam(e, &info, &why));
    return e;
}

/* --- randomness that can be replayed --- */

static uint64_t random_state;

static inline uint64_t random_start(void)
{
    const char *text = getenv("TEST_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
    printf("seed: TEST_SEED=%llu\n", (unsigned long long)seed);
    random_state = seed;
    return seed;
}

static inline uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

#endif
