/*
 * dispatch_wait_test - calls that wait: progress, polling, patience, stop, cancel
 *
 * Time is a number that the tests move. The rule that the random test checks after every step: no
 * call waits while there is a room for it, no room is given twice, every call is answered once.
 */
#include "proto/dispatch_toy.h"

#include <time.h>

static const char *error_of(struct bench *b, const struct answer *answer)
{
    const Tfplugin6__ApplyResourceChange__Response *out =
        ANSWER(b, ApplyResourceChange, apply_resource_change, answer);
    return out->n_diagnostics ? out->diagnostics[0]->summary : "";
}

static uint64_t tick(struct bench *b, uint64_t now)
{
    b->now = now;
    return runtime_tick(b->runtime, now);
}

static void stop(struct bench *b)
{
    Tfplugin6__StopProvider__Request in = TFPLUGIN6__STOP_PROVIDER__REQUEST__INIT;
    bench_send(b, "StopProvider", &in, &b->last);
    assert_int_equal(b->last.count, 1);
}

static void configure(struct bench *b, struct answer *answer)
{
    Tfplugin6__ConfigureProvider__Request in = TFPLUGIN6__CONFIGURE_PROVIDER__REQUEST__INIT;
    in.config = packed(b, b->config, value_set(b->arena, &value_null, "region", &value_null));
    bench_send(b, "ConfigureProvider", &in, answer);
}

static void progress_wakes_in_order(void **state)
{
    struct bench *b = *state;
    struct answer a[3], builder;
    for (size_t i = 0; i < 3; i++)
        send_create(b, "room", &a[i]);
    assert_int_equal(runtime_waiting(b->runtime), 3);
    assert_int_equal(a[0].count + a[1].count + a[2].count, 0);
    send_create(b, "builder", &builder);
    assert_int_equal(builder.order, 1); /* answered before those that it wakes */
    assert_int_equal(a[0].order, 2);
    assert_string_equal(error_of(b, &a[0]), "");
    assert_int_equal(runtime_waiting(b->runtime), 2);
    send_create(b, "builder", &builder);
    assert_int_equal(a[1].count, 1);
    assert_int_equal(a[2].count, 0);
    send_create(b, "builder", &builder);
    assert_int_equal(a[2].count, 1);
    assert_int_equal(runtime_waiting(b->runtime), 0);
    assert_int_equal(tick(b, b->now), UINT64_MAX);
}

/* A retry that changes something wakes the ones before it, and nobody in vain. */
static void progress_of_a_retry_wakes_the_earlier(void **state)
{
    struct bench *b = *state;
    struct answer a[3], builder;
    send_create(b, "room", &a[0]);
    send_create(b, "room", &a[1]);
    send_create(b, "late builder", &a[2]);
    unsigned before = toy.hooks;
    toy.ready = true;
    send_create(b, "builder", &builder);
    assert_int_equal(a[0].order, 2);
    assert_int_equal(a[2].order, 3);
    assert_int_equal(a[1].order, 4);
    assert_int_equal(toy.hooks - before, 1 + 3 + 1); /* the builder, each once, one again */
}

static void only_changes_wake(void **state)
{
    struct bench *b = *state;
    struct answer waiting, other;
    send_create(b, "room", &waiting);
    unsigned before = toy.hooks;
    for (unsigned i = 0; i < 10; i++)
        send_create(b, "fine", &other);
    assert_int_equal(toy.hooks - before, 10);
    tick(b, b->now + 10);
    assert_int_equal(toy.hooks - before, 10);
}

/* What a waiting call keeps does not grow with its attempts. */
static void waiting_keeps_little(void **state)
{
    struct bench *b = *state;
    struct answer waiting, other;
    send_create(b, "room", &waiting);
    struct request *q = b->runtime->first;
    assert_null(q->call.arena);
    for (unsigned i = 0; i < 200; i++) {
        toy.rooms = toy.taken = i; /* still none for it */
        b->runtime->changes++;
        send_create(b, "fine", &other);
        assert_ptr_equal(b->runtime->first, q);
        assert_null(q->call.arena);
    }
    assert_int_equal(q->call.attempts, 201);
    assert_int_equal(waiting.count, 0);
}

static void attempt_data_is_kept(void **state)
{
    struct bench *b = *state;
    struct answer waiting;
    send_create(b, "poll", &waiting);
    const void *kept = toy.kept;
    const struct value *config = b->runtime->first->decoded[SLOT_CONFIG];
    assert_non_null(config);
    assert_string_equal(b->runtime->first->call.attempt_data, "kept");
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(tick(b, 1000 + 10 * i), i < 5 ? 1010 + 10 * i : 1060);
        assert_ptr_equal(toy.kept, kept);
        assert_ptr_equal(b->runtime->first->decoded[SLOT_CONFIG], config);
        assert_int_equal(toy.call.attempts, i + 1);
    }
    toy.ready = true;
    tick(b, 1060);
    assert_string_equal(error_of(b, &waiting), "");
}

static void polling_comes_in_time(void **state)
{
    struct bench *b = *state;
    struct answer waiting;
    toy.slow_configure = true;
    configure(b, &waiting);
    assert_int_equal(runtime_waiting(b->runtime), 1);
    assert_int_equal(tick(b, 1000), 1005);
    assert_int_equal(toy.hooks, 1);
    assert_int_equal(tick(b, 1004), 1005);
    assert_int_equal(toy.hooks, 1);
    assert_int_equal(tick(b, 1007), 1012);
    assert_int_equal(toy.hooks, 2);
    toy.ready = true;
    assert_int_equal(tick(b, 1012), UINT64_MAX);
    const Tfplugin6__ConfigureProvider__Response *out =
        ANSWER(b, ConfigureProvider, configure_provider, &waiting);
    assert_int_equal(out->n_diagnostics, 0);
    assert_int_equal(toy.configured, 1);
}

static void polling_is_subject_to_patience(void **state)
{
    struct bench *b = *state;
    struct answer waiting;
    toy.slow_configure = true;
    configure(b, &waiting);
    uint64_t due = tick(b, 1000);
    while (due != UINT64_MAX) {
        assert_true(due <= 1000 + CALL_PATIENCE_MS);
        due = tick(b, due);
    }
    assert_int_equal(b->now, 1000 + CALL_PATIENCE_MS);
    assert_true(toy.call.last_attempt);
    const Tfplugin6__ConfigureProvider__Response *out =
        ANSWER(b, ConfigureProvider, configure_provider, &waiting);
    assert_error(out->n_diagnostics, out->diagnostics, "Not ready");
}

static void patience_ends(void **state)
{
    struct bench *b = *state;
    struct answer waiting, other;
    send_create(b, "room", &waiting);
    assert_int_equal(tick(b, 1000), 6000);
    assert_int_equal(tick(b, 5999), 6000);
    /* something arrives and ends: patience begins anew */
    send_create(b, "fine", &other);
    assert_int_equal(tick(b, 5999), 10999);
    /* so does something that arrives and waits as well */
    b->now = 6500;
    send_create(b, "room", &other);
    assert_int_equal(tick(b, 10998), 11500);
    runtime_cancel(b->runtime, &other);
    assert_int_equal(tick(b, 10999), 11500);
    assert_int_equal(waiting.count, 0);
    assert_int_equal(tick(b, 11500), UINT64_MAX);
    assert_string_equal(error_of(b, &waiting), "No room");
    assert_int_equal(runtime_waiting(b->runtime), 0);
}

/* So does what a hook sees another process do; then nothing is stuck either. */
static void movement_elsewhere_counts(void **state)
{
    struct bench *b = *state;
    struct answer a[2];
    struct call elsewhere = {.runtime = b->runtime, .now_ms = 5500};
    send_create(b, "room", &a[0]);
    send_create(b, "room", &a[1]);
    call_moved(&elsewhere);
    assert_int_equal(tick(b, 6000), 10500);
    assert_int_equal(tick(b, 10500), 10500 + STALL_GRACE_MS);
    assert_string_equal(error_of(b, &a[0]), "No room");
    elsewhere.now_ms = 10500;
    call_moved(&elsewhere);
    assert_int_equal(tick(b, 10500 + STALL_GRACE_MS), 15500);
    assert_int_equal(a[1].count, 0);
}

/* Those that are stuck together are given up one by one; a newcomer has its own patience. */
static void the_stuck_are_given_up_one_by_one(void **state)
{
    struct bench *b = *state;
    struct answer a[3], late;
    for (size_t i = 0; i < 3; i++)
        send_create(b, "room", &a[i]);
    assert_int_equal(tick(b, 6000), 6000 + STALL_GRACE_MS);
    assert_string_equal(error_of(b, &a[0]), "No room");
    assert_int_equal(runtime_waiting(b->runtime), 2);
    send_create(b, "room", &late); /* what the free place was used for */
    assert_int_equal(tick(b, 6100), 6000 + STALL_GRACE_MS);
    assert_int_equal(tick(b, 6200), 6200 + STALL_GRACE_MS);
    assert_string_equal(error_of(b, &a[1]), "No room");
    assert_int_equal(tick(b, 6400), 11000);
    assert_string_equal(error_of(b, &a[2]), "No room");
    assert_int_equal(late.count, 0);
    assert_int_equal(tick(b, 11000), UINT64_MAX);
    assert_string_equal(error_of(b, &late), "No room");
}

/* The place that became free lets the one through that helps the others. */
static void the_stuck_can_be_saved(void **state)
{
    struct bench *b = *state;
    struct answer a[3], builder;
    for (size_t i = 0; i < 3; i++)
        send_create(b, "room", &a[i]);
    tick(b, 6000);
    assert_string_equal(error_of(b, &a[0]), "No room");
    send_create(b, "builder", &builder);
    assert_string_equal(error_of(b, &a[1]), "");
    assert_int_equal(a[2].count, 0);
    assert_int_equal(tick(b, 6200), 11000); /* a change: full patience again */
}

/* All places of the host wait for another of its requests: one is given up soon, and the next ones
 * at once, so that the one that helps can come. Calls that wait for something else do not count. */
static void a_full_host_needs_little_patience(void **state)
{
    struct bench *b = *state;
    struct answer a[4], poll, builder;
    runtime_places(b->runtime, 3);
    send_create(b, "poll", &poll);
    send_create(b, "room", &a[0]);
    send_create(b, "room", &a[1]);
    assert_true(tick(b, 1005) > 1005);
    toy.ready = true;
    tick(b, 1010);
    assert_int_equal(poll.count, 1);
    send_create(b, "room", &a[2]); /* the third place */
    assert_int_equal(tick(b, 1011), 1010 + PLACE_GRACE_MS);
    assert_int_equal(runtime_waiting(b->runtime), 3);
    tick(b, 1010 + PLACE_GRACE_MS);
    assert_string_equal(error_of(b, &a[0]), "No room");
    assert_int_equal(runtime_waiting(b->runtime), 2);
    send_create(b, "room", &a[3]); /* takes the place, and is no help either */
    tick(b, b->now);
    assert_string_equal(error_of(b, &a[1]), "No room");
    send_create(b, "builder", &builder);
    assert_string_equal(error_of(b, &a[2]), "");
    assert_int_equal(a[3].count, 0);
    assert_true(tick(b, b->now) > b->now);
    assert_int_equal(a[3].count, 0);
}

static void a_last_attempt_may_succeed(void **state)
{
    struct bench *b = *state;
    struct answer a[2];
    send_create(b, "room", &a[0]);
    send_create(b, "room", &a[1]);
    toy.rooms = 1; /* without anybody saying so */
    assert_int_equal(tick(b, 6000), 11000);
    assert_string_equal(error_of(b, &a[0]), "");
    assert_int_equal(a[1].count, 0);
}

static void waiting_to_the_end_is_a_bug(void **state)
{
    struct bench *b = *state;
    struct answer waiting;
    send_create(b, "stubborn", &waiting);
    tick(b, 6000);
    const Tfplugin6__ApplyResourceChange__Response *out =
        ANSWER(b, ApplyResourceChange, apply_resource_change, &waiting);
    assert_int_equal(out->n_diagnostics, 2); /* what the hook said last, and the bug */
    assert_error(out->n_diagnostics, out->diagnostics, "Not yet");
    assert_error(out->n_diagnostics, out->diagnostics, "The provider did not answer");
    assert_int_equal(unpacked(b, b->thing, out->new_state)->kind, VALUE_NULL);
}

static void stop_answers_all(void **state)
{
    struct bench *b = *state;
    struct answer a[3], late, configured;
    send_create(b, "room", &a[0]);
    send_create(b, "stubborn", &a[1]);
    send_create(b, "poll", &a[2]);
    toy.ready = true;
    stop(b);
    assert_int_equal(b->last.order, 1); /* at once, before the others */
    assert_string_equal(error_of(b, &a[0]), "No room");
    assert_string_equal(error_of(b, &a[1]), "Not yet");
    assert_string_equal(error_of(b, &a[2]), "");
    assert_int_equal(runtime_waiting(b->runtime), 0);
    send_create(b, "room", &late);
    assert_true(toy.call.stopping);
    assert_string_equal(error_of(b, &late), "No room");
    /* the next run of a process that serves several */
    configure(b, &configured);
    assert_int_equal(configured.count, 1);
    send_create(b, "room", &late);
    assert_int_equal(late.count, 0);
    assert_int_equal(runtime_waiting(b->runtime), 1);
}

static void stop_ends_a_waiting_configure(void **state)
{
    struct bench *b = *state;
    struct answer waiting;
    toy.slow_configure = true;
    configure(b, &waiting);
    stop(b);
    const Tfplugin6__ConfigureProvider__Response *out =
        ANSWER(b, ConfigureProvider, configure_provider, &waiting);
    assert_error(out->n_diagnostics, out->diagnostics, "Not ready");
    assert_true(b->runtime->stopping);
}

static void the_cancelled_are_forgotten(void **state)
{
    struct bench *b = *state;
    struct answer a[3], builder, none;
    for (size_t i = 0; i < 3; i++)
        send_create(b, "room", &a[i]);
    runtime_cancel(b->runtime, &a[0]);
    runtime_cancel(b->runtime, &a[2]);
    runtime_cancel(b->runtime, &none);
    assert_int_equal(runtime_waiting(b->runtime), 1);
    toy.rooms = 2;
    send_create(b, "builder", &builder);
    assert_int_equal(a[0].count + a[2].count, 0);
    assert_int_equal(a[1].count, 1);
    assert_int_equal(toy.taken, 1);
}

static void the_end_answers_all(void **state)
{
    struct bench *b = *state;
    struct answer create, waiting;
    struct runtime *other = runtime_new(&toy_provider, bench_reply, b);
    struct runtime *first = b->runtime;
    assert_non_null(other);
    b->runtime = other;
    configure(b, &waiting);
    assert_int_equal(waiting.count, 1);
    send_create(b, "room", &create);
    toy.slow_configure = true;
    configure(b, &waiting);
    assert_int_equal(runtime_waiting(other), 2);
    runtime_free(other);
    b->runtime = first;
    assert_string_equal(error_of(b, &create), "The request was given up");
    assert_int_equal(waiting.count, 1);
    assert_int_equal(waiting.status, STATUS_INTERNAL);
    assert_int_equal(toy.unconfigured, 1);
}

static void there_is_a_limit(void **state)
{
    struct bench *b = *state;
    struct answer *a = calloc(WAITING_MAX + 1, sizeof *a);
    assert_non_null(a);
    for (unsigned i = 0; i <= WAITING_MAX; i++)
        send_create(b, "room", &a[i]);
    assert_int_equal(runtime_waiting(b->runtime), WAITING_MAX);
    assert_string_equal(error_of(b, &a[WAITING_MAX]), "No room");
    toy.rooms = WAITING_MAX;
    struct answer builder;
    send_create(b, "builder", &builder);
    assert_int_equal(runtime_waiting(b->runtime), 0);
    assert_int_equal(toy.taken, WAITING_MAX);
    free(a);
}

/* Memory that runs out in any attempt of a waiting call ends that call and no other. */
static void out_of_memory_while_waiting(void **state)
{
    struct bench *b = *state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct answer a[2];
        send_create(b, "room", &a[0]);
        send_create(b, "room", &a[1]);
        unsigned taken = toy.taken;
        toy.rooms = taken + 1;
        b->runtime->changes++;
        arena_fail_after(n);
        tick(b, b->now);
        arena_fail_after(0);
        assert_int_equal(a[0].count, 1);
        failed = strcmp(error_of(b, &a[0]), "The request was given up") == 0;
        if (!failed)
            assert_string_equal(error_of(b, &a[0]), "");
        assert_true(toy.taken <= toy.rooms);
        assert_true(a[1].count || toy.taken == toy.rooms);
        runtime_cancel(b->runtime, &a[1]);
        assert_int_equal(runtime_waiting(b->runtime), 0);
        toy.rooms = toy.taken;
    }
}

#define CALLS 400

static void nobody_waits_in_vain(void **state)
{
    struct bench *b = *state;
    const char *given = getenv("TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("TEST_SEED=%u\n", seed);
    static const char *const names[] = {"room", "room", "room and one more", "builder", "fine"};
    struct answer *a = calloc(CALLS, sizeof *a);
    bool *cancelled = calloc(CALLS, sizeof *cancelled);
    assert_true(a && cancelled);
    unsigned sent = 0;
    while (sent < CALLS) {
        unsigned dice = (unsigned)rand_r(&seed) % 10;
        if (dice < 7) {
            send_create(b, names[(unsigned)rand_r(&seed) % 5], &a[sent++]);
        } else if (dice < 8 && sent) {
            unsigned i = (unsigned)rand_r(&seed) % sent;
            cancelled[i] |= a[i].count == 0;
            runtime_cancel(b->runtime, &a[i]);
        } else {
            uint64_t due = tick(b, b->now + (unsigned)rand_r(&seed) % 3000);
            assert_true(due > b->now);
        }
        unsigned waiting = 0;
        for (unsigned i = 0; i < sent; i++) {
            assert_true(a[i].count <= 1);
            waiting += !a[i].count && !cancelled[i];
        }
        assert_int_equal(waiting, runtime_waiting(b->runtime));
        assert_true(toy.taken <= toy.rooms);
        assert_true(!waiting || toy.taken == toy.rooms);
    }
    while (tick(b, b->now + 1000) != UINT64_MAX) {
    }
    for (unsigned i = 0; i < sent; i++)
        assert_int_equal(a[i].count, cancelled[i] ? 0 : 1);
    free(a);
    free(cancelled);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)
    const struct CMUnitTest tests[] = {
        CASE(progress_wakes_in_order),
        CASE(progress_of_a_retry_wakes_the_earlier),
        CASE(only_changes_wake),
        CASE(waiting_keeps_little),
        CASE(attempt_data_is_kept),
        CASE(polling_comes_in_time),
        CASE(polling_is_subject_to_patience),
        CASE(patience_ends),
        CASE(movement_elsewhere_counts),
        CASE(the_stuck_are_given_up_one_by_one),
        CASE(the_stuck_can_be_saved),
        CASE(a_full_host_needs_little_patience),
        CASE(a_last_attempt_may_succeed),
        CASE(waiting_to_the_end_is_a_bug),
        CASE(stop_answers_all),
        CASE(stop_ends_a_waiting_configure),
        CASE(the_cancelled_are_forgotten),
        CASE(the_end_answers_all),
        CASE(there_is_a_limit),
        CASE(out_of_memory_while_waiting),
        CASE(nobody_waits_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
