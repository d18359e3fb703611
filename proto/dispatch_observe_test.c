/*
 * dispatch_observe_test - the observe hook: told of every read and apply that succeeded, of no
 * other
 */
#include "proto/dispatch_toy.h"

static struct {
    unsigned calls;
    char was[32], is[32]; /* names; "" for a null value */
} seen;

static void see(struct call *c, const struct resource *r, const struct value *prior,
                const struct value *now)
{
    (void)c;
    assert_ptr_equal(r, &toy_thing);
    seen.calls++;
    snprintf(seen.was, sizeof seen.was, "%s", value_str(value_get(prior, "name"), ""));
    snprintf(seen.is, sizeof seen.is, "%s", value_str(value_get(now, "name"), ""));
}

static struct provider watched;

static int open_watched(void **state)
{
    int result = bench_open(state);
    struct bench *b = *state;
    watched = toy_provider;
    watched.observe = see;
    runtime_free(b->runtime);
    b->runtime = runtime_new(&watched, bench_reply, b);
    memset(&seen, 0, sizeof seen);
    return result || !b->runtime;
}

static const struct value *named(struct bench *b, const char *name)
{
    return name ? thing(b, "name", text(b, name), "size", value_int(b->arena, 3), "id",
                        text(b, "t-1"), NULL)
                : &value_null;
}

static void apply(struct bench *b, const char *prior, const char *planned)
{
    Tfplugin6__ApplyResourceChange__Request m = TFPLUGIN6__APPLY_RESOURCE_CHANGE__REQUEST__INIT;
    m.type_name = "toy_thing";
    m.prior_state = packed(b, b->thing, named(b, prior));
    m.planned_state = m.config = packed(b, b->thing, named(b, planned));
    bench_send(b, "ApplyResourceChange", &m, &b->last);
}

static void read_one(struct bench *b, const char *name)
{
    Tfplugin6__ReadResource__Request m = TFPLUGIN6__READ_RESOURCE__REQUEST__INIT;
    m.type_name = "toy_thing";
    m.current_state = packed(b, b->thing, named(b, name));
    bench_send(b, "ReadResource", &m, &b->last);
}

static void was_told(unsigned calls, const char *was, const char *is)
{
    assert_int_equal(seen.calls, calls);
    assert_string_equal(seen.was, was);
    assert_string_equal(seen.is, is);
}

static void every_success_is_told(void **state)
{
    struct bench *b = *state;
    apply(b, NULL, "new");
    was_told(1, "", "new");
    apply(b, "new", "other");
    was_told(2, "new", "other");
    read_one(b, "grown");
    was_told(3, "grown", "grown");
    read_one(b, "gone");
    was_told(4, "gone", "");
    apply(b, "other", NULL);
    was_told(5, "other", "");
}

static void failures_are_not(void **state)
{
    struct bench *b = *state;
    apply(b, NULL, "fail");
    apply(b, "fail", "fail");
    apply(b, "fail", NULL);
    read_one(b, "fail");
    was_told(0, "", "");
}

static void a_waiting_call_is_told_once(void **state)
{
    struct bench *b = *state;
    struct answer waiting, builder;
    send_create(b, "room", &waiting);
    was_told(0, "", "");
    send_create(b, "builder", &builder);
    was_told(2, "", "room");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_success_is_told, open_watched, bench_close),
        cmocka_unit_test_setup_teardown(failures_are_not, open_watched, bench_close),
        cmocka_unit_test_setup_teardown(a_waiting_call_is_told_once, open_watched, bench_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
