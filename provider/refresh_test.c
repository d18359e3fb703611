/*
 * What other processes store is taken over, what this one did is not undone, and a file that says
 * nothing certain changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/dispatch.h"
#include "provider/estate.h"

#define POOL "ipam-pool-0aaaaaaaaaaaaaaaa"
#define VPC1 "vpc-0bbbbbbbbbbbbbbbb"
#define VPC2 "vpc-0cccccccccccccccc"

#define INSTANCE(type, attributes)                                                                 \
    "{\"mode\": \"managed\", \"type\": \"" type "\", \"name\": \"x\", "                            \
    "\"provider\": \"provider[\\\"terraform.local/ipam/ipam\\\"]\", "                              \
    "\"instances\": [{\"schema_version\": 0, \"attributes\": {" attributes "}}]}"
#define POOL_OBJECT                                                                                \
    INSTANCE("ipam_pool", "\"id\": \"" POOL "\", \"ipam_scope_id\": \"scope\", "                   \
                          "\"address_family\": \"ipv4\", \"locale\": \"eu-west-1\"")
#define CIDR_OBJECT                                                                                \
    INSTANCE("ipam_pool_cidr", "\"id\": \"10.0.0.0/16_" POOL "\", \"ipam_pool_id\": \"" POOL       \
                               "\", \"cidr\": \"10.0.0.0/16\"")
#define VPC_OBJECT(id, cidr)                                                                       \
    INSTANCE("ipam_vpc", "\"id\": \"" id "\", \"ipv4_ipam_pool_id\": \"" POOL                      \
                         "\", \"cidr_block\": \"" cidr "\", \"region\": \"eu-west-1\"")
#define STATE_OF(lineage, objects)                                                                 \
    "{\"version\": 4, \"terraform_version\": \"1.11.4\", \"serial\": 1, \"lineage\": \"" lineage   \
    "\", \"outputs\": {}, \"resources\": [" objects "]}\n"
#define STATE(objects) STATE_OF("one", objects)

struct fixture {
    char folder[64], path[96];
    struct estate *estate;
    struct runtime *runtime;
    struct diags diags;
    struct call call;
};

static void reply(void *ctx, void *tag, int status, const char *message, struct bytes body)
{
    (void)ctx, (void)tag, (void)status, (void)message, (void)body;
}

static void store(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/refresh-test-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/terraform.tfstate", f->folder);
    f->runtime = runtime_new(&ipam_provider, reply, NULL);
    f->estate = estate_new();
    f->call = (struct call){.arena = arena_new(), .runtime = f->runtime, .state = f->estate};
    diags_init(&f->diags, f->call.arena);
    f->call.diags = &f->diags;
    *state = f;
    return f->runtime && f->estate ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    rmdir(f->folder);
    estate_free(f->estate);
    arena_free(f->call.arena);
    runtime_free(f->runtime);
    test_free(f);
    return 0;
}

/* The provider is configured with this state. */
static void begin(struct fixture *f, const char *text)
{
    char error[200];
    struct state *s = state_parse(text, strlen(text), f->path, f->path, error, sizeof error);
    assert_non_null(s);
    store(f, text);
    f->estate->state_path = f->path;
    f->estate->origin = "terraform.tfstate";
    assert_true(estate_hydrate(f->estate, s, &f->diags));
    assert_true(watch_begin(f->estate, s));
    state_free(s);
}

/* Some time later, in this stage. */
static bool look(struct fixture *f, enum call_stage stage)
{
    f->call.now_ms += 10000;
    f->call.stage = stage;
    f->call.poll_ms = 0;
    bool watching = estate_watch(&f->call);
    assert_true(engine_check(f->estate->engine));
    return watching;
}

static const struct allocation *at(struct fixture *f, const char *cidr)
{
    struct cidr c;
    cidr_parse(cidr, strlen(cidr), &c);
    return engine_allocation_at(f->estate->engine, POOL, &c);
}

static void nothing_new(void **state)
{
    struct fixture *f = *state;
    begin(f, STATE(POOL_OBJECT));
    assert_false(look(f, CALL_PLANNING));
    assert_int_equal(f->call.poll_ms, 0);
    assert_true(look(f, CALL_APPLYING));
    assert_int_equal(f->call.poll_ms, 200);
    assert_false(look(f, CALL_PLANNING));
}

static void without_a_local_state(void **state)
{
    struct fixture *f = *state;
    assert_false(look(f, CALL_APPLYING));
    assert_false(estate_stores(f->estate, &pool_resource, POOL));
}

static void new_objects_are_taken_over(void **state)
{
    struct fixture *f = *state;
    const struct engine *e = f->estate->engine;
    begin(f, STATE(""));
    store(f, STATE(POOL_OBJECT ", " CIDR_OBJECT));
    assert_true(look(f, CALL_PLANNING)); /* something moves: worth waiting even for a plan */
    assert_int_equal(f->call.poll_ms, 1);
    assert_true(pool_is_known(engine_pool(e, POOL)));
    assert_int_equal(pool_cidr_count(engine_pool(e, POOL)), 1);
    assert_true(estate_stores(f->estate, &pool_resource, POOL));
    assert_false(estate_stores(f->estate, &vpc_resource, POOL));
    assert_true(look(f, CALL_PLANNING));
    assert_int_equal(f->call.poll_ms, 200);
    store(f, STATE(POOL_OBJECT ", " CIDR_OBJECT ", " VPC_OBJECT(VPC1, "10.0.0.0/20")));
    assert_true(look(f, CALL_APPLYING));
    assert_string_equal(at(f, "10.0.0.0/20")->resource_id, VPC1);
    assert_int_equal(f->call.poll_ms, 1);
}

static void the_first_state_brings_the_lineage(void **state)
{
    struct fixture *f = *state;
    begin(f, STATE_OF("", ""));
    store(f, STATE(POOL_OBJECT));
    assert_true(look(f, CALL_APPLYING));
    assert_non_null(engine_pool(f->estate->engine, POOL));
    store(f, STATE_OF("two", POOL_OBJECT ", " CIDR_OBJECT));
    look(f, CALL_APPLYING);
    assert_int_equal(pool_cidr_count(engine_pool(f->estate->engine, POOL)), 0);
}

static void what_others_removed_leaves(void **state)
{
    struct fixture *f = *state;
    begin(f, STATE(POOL_OBJECT ", " CIDR_OBJECT ", " VPC_OBJECT(VPC1, "10.0.0.0/20")));
    assert_non_null(at(f, "10.0.0.0/20"));
    store(f, STATE(POOL_OBJECT ", " CIDR_OBJECT));
    assert_true(look(f, CALL_APPLYING));
    assert_null(at(f, "10.0.0.0/20"));
    store(f, STATE(POOL_OBJECT));
    assert_true(look(f, CALL_APPLYING));
    assert_int_equal(pool_cidr_count(engine_pool(f->estate->engine, POOL)), 0);
}

/* A VPC of this process, not stored yet. */
static void issue(struct fixture *f, const char *id, const char *cidr)
{
    struct refusal why;
    const struct allocation *a;
    struct allocation_request r = {.pool_id = POOL,
                                   .type = ALLOCATION_VPC,
                                   .length = -1,
                                   .resource_id = id,
                                   .region = "eu-west-1"};
    cidr_parse(cidr, strlen(cidr), &r.cidr);
    r.id = allocation_id_of(f->call.arena, id, &r.cidr);
    assert_int_equal(engine_allocate(f->estate->engine, &r, &a, &why), ENGINE_OK);
}

static void own_work_is_not_undone(void **state)
{
    struct fixture *f = *state;
    struct refusal why;
    begin(f, STATE(POOL_OBJECT ", " CIDR_OBJECT ", " VPC_OBJECT(VPC1, "10.0.0.0/20")));
    issue(f, VPC2, "10.0.16.0/20");
    assert_int_equal(engine_release(f->estate->engine, at(f, "10.0.0.0/20")->id, &why), ENGINE_OK);
    /* The file is late: it does not have the one and still has the other. */
    store(f, STATE(POOL_OBJECT ", " CIDR_OBJECT ", " VPC_OBJECT(VPC1, "10.0.0.0/20") " "));
    look(f, CALL_APPLYING);
    assert_non_null(at(f, "10.0.16.0/20"));
    assert_null(at(f, "10.0.0.0/20"));
    /* Now it has caught up. */
    store(f, STATE(POOL_OBJECT ", " CIDR_OBJECT ", " VPC_OBJECT(VPC2, "10.0.16.0/20")));
    look(f, CALL_APPLYING);
    assert_string_equal(at(f, "10.0.16.0/20")->resource_id, VPC2);
    assert_null(at(f, "10.0.0.0/20"));
    assert_int_equal(pool_allocation_count(engine_pool(f->estate->engine, POOL)), 1);
}

/* Another run, which took no lock, writes the state as it knew it: without what was stored since.
 */
static void what_was_overwritten_stays_issued(void **state)
{
    struct fixture *f = *state;
    const char *before = STATE(POOL_OBJECT ", " CIDR_OBJECT);
    const char *stored = STATE(POOL_OBJECT ", " CIDR_OBJECT ", " VPC_OBJECT(VPC1, "10.0.0.0/20"));
    begin(f, before);
    issue(f, VPC1, "10.0.0.0/20");
    store(f, stored);
    look(f, CALL_APPLYING);
    store(f, before);
    look(f, CALL_APPLYING);
    assert_non_null(at(f, "10.0.0.0/20"));
    /* However often the two take turns. */
    store(f, stored);
    look(f, CALL_APPLYING);
    store(f, before);
    look(f, CALL_APPLYING);
    assert_non_null(at(f, "10.0.0.0/20"));
}

/* A pool CIDR that this process replaces by itself: the file lacks it for a moment. */
static void ids_that_come_back_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct engine *e = f->estate->engine;
    struct refusal why;
    struct cidr c, out;
    begin(f, STATE(POOL_OBJECT ", " CIDR_OBJECT));
    cidr_parse("10.0.0.0/16", 11, &c);
    assert_int_equal(engine_deprovision(e, POOL, &c, &why), ENGINE_OK);
    watch_removed(f->estate, &pool_cidr_resource, "10.0.0.0/16_" POOL);
    const struct provision_request r = {POOL, c, -1, ""};
    assert_int_equal(engine_provision(e, &r, &out, &why), ENGINE_OK);
    store(f, STATE(POOL_OBJECT));
    look(f, CALL_APPLYING);
    assert_int_equal(pool_cidr_count(engine_pool(e, POOL)), 1);
    store(f, STATE(POOL_OBJECT ", " CIDR_OBJECT));
    look(f, CALL_APPLYING);
    assert_int_equal(pool_cidr_count(engine_pool(e, POOL)), 1);
}

static void uncertain_files_change_nothing(void **state)
{
    struct fixture *f = *state;
    const char *whole = STATE(POOL_OBJECT ", " CIDR_OBJECT ", " VPC_OBJECT(VPC1, "10.0.0.0/20"));
    const char *const uncertain[] = {
        "", "{\"version\": 4, \"resour", STATE_OF("two", ""), STATE_OF("", ""), "[]", "{}"};
    begin(f, whole);
    for (size_t i = 0; i < sizeof uncertain / sizeof *uncertain; i++) {
        store(f, uncertain[i]);
        assert_true(look(f, CALL_PLANNING)); /* somebody is writing */
        assert_non_null(at(f, "10.0.0.0/20"));
    }
    unlink(f->path);
    look(f, CALL_APPLYING);
    assert_non_null(at(f, "10.0.0.0/20"));
    store(f, STATE(""));
    look(f, CALL_APPLYING);
    assert_null(at(f, "10.0.0.0/20"));
}

/* The file is not read again for each of many calls that wait. */
static void looks_are_rationed(void **state)
{
    struct fixture *f = *state;
    begin(f, STATE(POOL_OBJECT));
    store(f, STATE(POOL_OBJECT ", " CIDR_OBJECT));
    assert_true(look(f, CALL_APPLYING));
    store(f, STATE(POOL_OBJECT ", " CIDR_OBJECT ", " VPC_OBJECT(VPC1, "10.0.0.0/20")));
    f->call.now_ms -= 10000;
    assert_true(look(f, CALL_APPLYING));
    assert_null(at(f, "10.0.0.0/20"));
    assert_true(look(f, CALL_APPLYING));
    assert_non_null(at(f, "10.0.0.0/20"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(nothing_new),
        CASE(without_a_local_state),
        CASE(new_objects_are_taken_over),
        CASE(the_first_state_brings_the_lineage),
        CASE(what_others_removed_leaves),
        CASE(own_work_is_not_undone),
        CASE(what_was_overwritten_stays_issued),
        CASE(ids_that_come_back_are_left_alone),
        CASE(uncertain_files_change_nothing),
        CASE(looks_are_rationed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
