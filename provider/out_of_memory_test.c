/*
 * Memory that runs out at every single request for it, during the calls of a plan and an apply.
 *
 * The real provider works in this process on a real state and a real journal. Each step (configure,
 * plan, apply, read, destroy ...) is repeated with the 1st, 2nd, 3rd ... request for memory failing
 * until none is left to fail, in three ways: one allocation from an arena, one call of malloc, or
 * all calls of malloc from that one on. The linker sends malloc and its relatives through the
 * functions below, also those of the libraries that are linked statically for this test. Only what
 * happens inside the runtime fails, not the side that plays Terraform.
 *
 * After each failure: there was one answer; it is an error, or the right result; the engine is
 * whole and holds what it held before; and the same step without failure then gives the result that
 * it gives anyway. Leaks are the sanitizer's to find.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/codec.h"
#include "provider/claims.h"
#include "provider/estate.h"
#include "wire_calls.h"
#include "wire_inside.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define LEAKS_ALLOWED()   __lsan_disable()
#define LEAKS_FORBIDDEN() __lsan_enable()
#else
#define LEAKS_ALLOWED()   ((void)0)
#define LEAKS_FORBIDDEN() ((void)0)
#endif

/* --- memory that fails --- */

enum way { ARENA_ONCE, MALLOC_ONCE, MALLOC_FROM, WAYS };

static struct {
    enum way way;
    size_t left; /* requests until one fails; 0: none does */
    bool armed, inside, failed;
} plan_of_failure;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static bool is_out(void)
{
    if (!plan_of_failure.armed || !plan_of_failure.inside || plan_of_failure.way == ARENA_ONCE)
        return false;
    if (plan_of_failure.left > 0)
        plan_of_failure.left--;
    if (plan_of_failure.left > 0 || (plan_of_failure.failed && plan_of_failure.way == MALLOC_ONCE))
        return false;
    plan_of_failure.failed = true;
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

/* json-c's parser takes the names of members from strdup without a look at the result, and ends the
 * process when it gave none: inside the parser strdup works. What it could not add to an object it
 * neither frees nor mentions: that what is missing is noticed is tested here, that it leaks is not.
 */
static bool parsing;
struct json_object *__real_json_tokener_parse_ex(struct json_tokener *t, const char *s, int len);
struct json_object *__wrap_json_tokener_parse_ex(struct json_tokener *t, const char *s, int len);
struct json_object *__wrap_json_tokener_parse_ex(struct json_tokener *t, const char *s, int len)
{
    bool watched = !plan_of_failure.armed;
    parsing = true;
    if (!watched)
        LEAKS_ALLOWED();
    struct json_object *o = __real_json_tokener_parse_ex(t, s, len);
    if (!watched)
        LEAKS_FORBIDDEN();
    parsing = false;
    return o;
}

char *__wrap_strdup(const char *s)
{
    return !parsing && is_out() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return is_out() ? NULL : __real_strndup(s, n);
}

/* How many allocations from arenas are left before one fails: found by trying. */
static size_t arena_left(size_t at_most)
{
    for (size_t n = 1; n <= at_most; n++) {
        struct arena *a = arena_new();
        if (!a)
            return n;
        arena_free(a);
    }
    return 0;
}

static void border(bool entering)
{
    plan_of_failure.inside = entering;
    if (!plan_of_failure.armed || plan_of_failure.way != ARENA_ONCE || plan_of_failure.failed)
        return;
    if (entering) {
        arena_fail_after(plan_of_failure.left);
        return;
    }
    plan_of_failure.left = arena_left(plan_of_failure.left);
    plan_of_failure.failed = plan_of_failure.left == 0;
    arena_fail_after(0);
}

static void fail_at(enum way way, size_t n)
{
    plan_of_failure.way = way;
    plan_of_failure.left = n;
    plan_of_failure.failed = false;
    plan_of_failure.armed = true;
}

/* Did anything fail? */
static bool fail_no_more(void)
{
    plan_of_failure.armed = false;
    return plan_of_failure.failed;
}

/* --- the provider and its folder --- */

static struct estate *estate;

static enum outcome configure(struct call *c, const struct value *config, const char *version,
                              void **state)
{
    enum outcome out = provider_configure(c, config, version, state);
    estate = *state;
    return out;
}

static struct provider provider;
static char folder[] = "/tmp/ipam-out-of-memory-XXXXXX";
static struct arena *arena; /* of the side that plays Terraform */
static const Tfplugin6__GetProviderSchema__Response *schema;

static const char config[] =
    "{\"state\":[{\"path\":\"terraform.tfstate\"}],\"inventory\":[\"*.yaml\"]}";

/* What exists elsewhere: two networks here and two in the state, none in the pool. */
#define ELSEWHERE 4
static const char inventory[] = "version: 1\n"
                                "covers: [{account: a}]\n"
                                "networks:\n"
                                "- {id: n, cidr: 192.168.0.0/24, tags: &t {a: b}}\n"
                                "prefixes: [{cidrs: [192.168.1.0/24], tags: *t}]\n";
#define AWS_RESOURCE(type, attributes)                                                             \
    ",{\"mode\":\"managed\",\"type\":\"" type "\",\"name\":\"x\",\"provider\":"                    \
    "\"provider[\\\"registry.terraform.io/hashicorp/aws\\\"]\",\"instances\":["                    \
    "{\"schema_version\":1,\"attributes\":{" attributes "}}]}"
static const char others[] =
    AWS_RESOURCE("aws_vpc", "\"id\":\"vpc-1\",\"cidr_block\":\"192.168.2.0/24\","
                            "\"tags_all\":{\"a\":\"b\"}")
        AWS_RESOURCE("aws_vpc_ipv4_cidr_block_association",
                     "\"id\":\"y\",\"vpc_id\":\"vpc-1\",\"cidr_block\":\"192.168.3.0/24\"")
            AWS_RESOURCE("aws_subnet", "\"id\":\"subnet-1\",\"vpc_id\":\"vpc-1\","
                                       "\"cidr_block\":\"192.168.2.0/25\"");

static void write_inventory(void)
{
    FILE *f = fopen("inventory.yaml", "w");
    assert_non_null(f);
    assert_true(fputs(inventory, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct host_session session_new(void)
{
    struct host_session s = {.channel = host_inside(&provider), .arena = arena, .schema = schema};
    assert_non_null(s.channel);
    host_inside_border(s.channel, border);
    return s;
}

static void assert_ok(const struct host_answer *a)
{
    if (!host_ok(a))
        fail_msg("%s", host_describe(arena, a));
}

/* A session that is configured; the journal of earlier ones is gone. */
static struct host_session configured(void)
{
    unlink("terraform.tfstate" JOURNAL_SUFFIX);
    struct host_session s = session_new();
    struct host_answer a = host_configure(&s, config);
    assert_ok(&a);
    return s;
}

/* --- the state --- */

struct thing {
    const char *type, *config; /* %s: the id of the pool */
    struct host_answer made;
};

static struct thing things[] = {
    {.type = "ipam", .config = "{\"operating_regions\":[{\"region_name\":\"us-east-1\"}]}"},
    {.type = "ipam_pool",
     .config = "{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\",\"ipam_scope_id\":\"%s\"}"},
    {.type = "ipam_pool_cidr", .config = "{\"cidr\":\"10.0.0.0/16\",\"ipam_pool_id\":\"%s\"}"},
    {.type = "ipam_vpc",
     .config = "{\"ipv4_netmask_length\":24,\"ipv4_ipam_pool_id\":\"%s\",\"tags\":{\"a\":\"b\"}}"},
};
#define THINGS (sizeof things / sizeof *things)

static const char *text_of(const struct host_answer *a, const char *name)
{
    return value_str(value_get(a->state, name), "");
}

static const char *config_of(const char *pattern, const char *id)
{
    const char *at = strstr(pattern, "%s");
    return at ? arena_printf(arena, "%.*s%s%s", (int)(at - pattern), pattern, id, at + 2) : pattern;
}

static void write_state(struct host_session *s)
{
    FILE *f = fopen("terraform.tfstate", "w");
    assert_non_null(f);
    fprintf(f, "{\"version\":4,\"serial\":1,\"lineage\":\"a-b\",\"resources\":[");
    for (size_t i = 0; i < THINGS; i++) {
        struct bytes json =
            json_encode(arena, host_type(s, HOST_RESOURCE, things[i].type), things[i].made.state);
        fprintf(f,
                "%s{\"mode\":\"managed\",\"type\":\"%s\",\"name\":\"x\",\"provider\":"
                "\"provider[\\\"terraform.local/ipam/ipam\\\"]\",\"instances\":[{\"schema_version\""
                ":1,\"attributes\":%.*s}]}",
                i ? "," : "", things[i].type, (int)json.len, (const char *)json.data);
    }
    fprintf(f, "%s]}\n", others);
    fclose(f);
}

static int make_state(void **unused)
{
    (void)unused;
    arena = arena_new();
    assert_non_null(arena);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    write_inventory();
    provider = ipam_provider;
    provider.configure = configure;
    struct host_session s = session_new();
    struct host_answer a = host_load_schema(&s);
    assert_ok(&a);
    schema = s.schema;
    a = host_configure(&s, config);
    assert_ok(&a);
    const char *id = "";
    for (size_t i = 0; i < THINGS; i++) {
        things[i].made = host_create(&s, things[i].type, config_of(things[i].config, id));
        assert_ok(&things[i].made);
        if (i < 2)
            id = text_of(&things[i].made, i == 0 ? "private_default_scope_id" : "id");
    }
    write_state(&s);
    host_close(s.channel);
    return 0;
}

static int remove_state(void **unused)
{
    (void)unused;
    DIR *d = opendir(".");
    for (struct dirent *e; d && (e = readdir(d));)
        unlink(e->d_name);
    closedir(d);
    arena_free(arena);
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static bool count_one(void *ctx, const struct allocation *a)
{
    (void)a;
    ++*(size_t *)ctx;
    return true;
}

/* Whole, and holding so many allocations. */
static void assert_estate(size_t allocations)
{
    size_t n = 0;
    assert_true(engine_check(estate->engine) && engine_check(estate->insides));
    engine_each_allocation(estate->engine, NULL, count_one, &n);
    assert_int_equal(n, allocations);
}

static const char *pool_id(void)
{
    return text_of(&things[1].made, "id");
}

/* --- steps --- */

/* fn does the step with the n-th request failing, then without; false: nothing was left to fail. */
typedef bool (*attempt)(enum way way, size_t n);

static void at_every_request(attempt fn)
{
    for (enum way way = 0; way < WAYS; way++) {
        size_t n = 1;
        struct arena *kept = arena;
        for (bool more = true; more; n++) {
            arena = arena_new(); /* what this side needs for one attempt */
            assert_non_null(arena);
            more = fn(way, n);
            arena_free(arena);
            arena = kept;
        }
        print_message("way %d: %zu requests for memory\n", way, n - 2);
        assert_true(n > 3);
    }
}

static bool configures(enum way way, size_t n)
{
    unlink("terraform.tfstate" JOURNAL_SUFFIX);
    struct host_session s = session_new();
    estate = NULL;
    fail_at(way, n);
    struct host_answer a = host_configure(&s, config);
    bool failed = fail_no_more();
    if (!host_ok(&a)) {
        assert_true(failed);
        a = host_configure(&s, config);
        assert_ok(&a);
    }
    assert_estate(1);
    assert_int_equal(sightings_count(estate->sightings), ELSEWHERE);
    host_close(s.channel);
    return failed;
}

static void test_configure(void **unused)
{
    (void)unused;
    at_every_request(configures);
}

static struct host_session shared; /* configured; steps that change nothing use it */
static size_t before;              /* allocations in it */

static size_t allocations_now(void)
{
    size_t n = 0;
    engine_each_allocation(estate->engine, NULL, count_one, &n);
    return n;
}

static void begin_shared(void)
{
    shared = configured();
    before = allocations_now();
}

static struct host_change vpc_change(void)
{
    const struct value *v =
        host_object(&shared, HOST_RESOURCE, "ipam_vpc", config_of(things[3].config, pool_id()));
    return (struct host_change){.type_name = "ipam_vpc", .proposed = v, .config = v};
}

static bool plans(enum way way, size_t n)
{
    struct host_session s = shared;
    s.arena = arena;
    struct host_change c = vpc_change();
    struct host_answer wanted = host_plan(&s, &c);
    assert_ok(&wanted);
    fail_at(way, n);
    struct host_answer a = host_plan(&s, &c);
    bool failed = fail_no_more();
    assert_estate(before);
    if (host_ok(&a))
        assert_true(value_equal(host_type(&s, HOST_RESOURCE, c.type_name), wanted.state, a.state));
    else
        assert_true(failed);
    a = host_plan(&s, &c);
    assert_ok(&a);
    assert_true(value_equal(host_type(&s, HOST_RESOURCE, c.type_name), wanted.state, a.state));
    return failed;
}

static void test_plan(void **unused)
{
    (void)unused;
    begin_shared();
    at_every_request(plans);
    host_close(shared.channel);
}

/* Applies once with failure and, when that gave an error, once without. */
static bool applies(struct host_session *s, struct host_change c, enum way way, size_t n,
                    const char *cidr_attribute, const char *cidr, struct host_answer *made)
{
    struct host_answer plan = host_plan(s, &c);
    assert_ok(&plan);
    c.proposed = plan.state;
    c.planned_private = plan.private;
    fail_at(way, n);
    *made = host_apply(s, &c);
    bool failed = fail_no_more();
    if (!host_ok(made)) {
        assert_true(failed);
        assert_estate(before);
        *made = host_apply(s, &c);
    }
    assert_ok(made);
    assert_string_equal(text_of(made, cidr_attribute), cidr);
    assert_estate(before + 1);
    return failed;
}

static void destroy(struct host_session *s, const char *type, const struct host_answer *made)
{
    struct host_answer gone = host_destroy(s, type, made);
    assert_ok(&gone);
    assert_estate(before);
}

static bool creates_vpc(enum way way, size_t n)
{
    struct host_session s = shared;
    struct host_answer made;
    s.arena = arena;
    bool failed = applies(&s, vpc_change(), way, n, "cidr_block", "10.0.1.0/24", &made);
    destroy(&s, "ipam_vpc", &made);
    return failed;
}

static void test_create_vpc(void **unused)
{
    (void)unused;
    begin_shared();
    at_every_request(creates_vpc);
    host_close(shared.channel);
}

static bool creates_reservation(enum way way, size_t n)
{
    struct host_session s = shared;
    struct host_answer made;
    s.arena = arena;
    const struct value *v =
        host_object(&s, HOST_RESOURCE, "ipam_pool_cidr_allocation",
                    config_of("{\"netmask_length\":20,\"ipam_pool_id\":\"%s\"}", pool_id()));
    bool failed = applies(
        &s,
        (struct host_change){.type_name = "ipam_pool_cidr_allocation", .proposed = v, .config = v},
        way, n, "cidr", "10.0.16.0/20", &made);
    destroy(&s, "ipam_pool_cidr_allocation", &made);
    return failed;
}

static void test_create_reservation(void **unused)
{
    (void)unused;
    begin_shared();
    at_every_request(creates_reservation);
    host_close(shared.channel);
}

/* A destroy that fails leaves the VPC; repeated, it is gone, and its CIDR is free. */
static bool destroys(enum way way, size_t n)
{
    struct host_session s = shared;
    struct host_answer made, a;
    s.arena = arena;
    applies(&s, vpc_change(), MALLOC_ONCE, 0, "cidr_block", "10.0.1.0/24", &made);
    struct host_change c = {.type_name = "ipam_vpc", .prior = made.state};
    fail_at(way, n);
    a = host_apply(&s, &c);
    bool failed = fail_no_more();
    if (!host_ok(&a)) {
        assert_true(failed);
        /* Terraform takes an error without a state for a destroy that was done. */
        assert_true(a.status != 0 || (a.state && !value_is_null(a.state)));
        assert_estate(before + 1);
        a = host_apply(&s, &c);
    }
    assert_ok(&a);
    assert_estate(before);
    return failed;
}

static void test_destroy(void **unused)
{
    (void)unused;
    begin_shared();
    at_every_request(destroys);
    host_close(shared.channel);
}

static bool reads(enum way way, size_t n)
{
    struct host_session s = shared;
    const struct host_answer *vpc = &things[3].made;
    s.arena = arena;
    fail_at(way, n);
    struct host_answer a = host_read(&s, "ipam_vpc", vpc->state, vpc->private);
    bool failed = fail_no_more();
    assert_true(host_ok(&a) || failed);
    if (!host_ok(&a))
        a = host_read(&s, "ipam_vpc", vpc->state, vpc->private);
    assert_ok(&a);
    assert_true(value_equal(host_type(&s, HOST_RESOURCE, "ipam_vpc"), a.state, vpc->state));
    assert_estate(before);
    return failed;
}

static void test_read(void **unused)
{
    (void)unused;
    begin_shared();
    at_every_request(reads);
    host_close(shared.channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configure),  cmocka_unit_test(test_plan),
        cmocka_unit_test(test_create_vpc), cmocka_unit_test(test_create_reservation),
        cmocka_unit_test(test_destroy),    cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, make_state, remove_state);
}
