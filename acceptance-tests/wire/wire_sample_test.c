/*
 * wire_sample_test - a provider's hooks seen from the wire, with the sample provider
 *
 * What Terraform's core does with values, and what only a provider that waits on request can show:
 * calls that are kept, resumed, given up by the peer, and cut off by StopProvider, by Shutdown and
 * by the death of the host.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after the headers above, as it demands */
#include <cmocka.h>

#include "wire_calls.h"
#include "wire_client.h"

#define START_TIMEOUT_MS 10000
#define CALL_TIMEOUT_MS  20000
#define LEAVE_TIMEOUT_MS 5000
#define STATUS_CANCELLED 1
#define STATUS_DEADLINE  4
#define NOTE             "sample_note"

struct fixture {
    struct host_process *process;
    struct host_session session;
};

static const char *binary(void)
{
    const char *name = getenv("TF_SAMPLE_BINARY");
    return name && *name ? name : SAMPLE_BINARY;
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    f->process = host_start(&(struct host_options){.binary = binary()});
    assert_non_null(f->process);
    assert_null(host_handshake(f->process, START_TIMEOUT_MS));
    f->session = (struct host_session){
        .channel = host_dial(f->process), .arena = arena_new(), .timeout_ms = CALL_TIMEOUT_MS};
    assert_non_null(f->session.arena);
    host_open_streams(f->session.channel);
    struct host_answer a = host_load_schema(&f->session);
    assert_true(host_ok(&a));
    a = host_configure(&f->session, "{}");
    assert_true(host_ok(&a));
    return 0;
}

/* Every test ends with a provider that leaves with exit code 0, whatever it was doing. */
static int end(void **state)
{
    struct fixture *f = *state;
    struct host_session *s = &f->session;
    if (s->channel) {
        assert_true(host_shutdown(s->channel, s->arena));
    }
    assert_true(host_wait(f->process, LEAVE_TIMEOUT_MS));
    if (f->process->exit_code != 0) {
        fail_msg("exit code %d: %s", f->process->exit_code, host_errors(f->process, s->arena));
    }
    host_close(s->channel);
    host_free(f->process);
    arena_free(s->arena);
    free(f);
    return 0;
}

static struct host_session *session(void **state)
{
    return &((struct fixture *)*state)->session;
}

static void assert_ok(struct host_session *s, const struct host_answer *a)
{
    if (!host_ok(a)) {
        fail_msg("%s", host_describe(s->arena, a));
    }
}

/* An apply of a note that waits for the one called `after`. */
static struct host_call *begin_waiting(struct host_session *s, const char *json)
{
    const struct value *config = host_object(s, HOST_RESOURCE, NOTE, json);
    struct host_change c = {.type_name = NOTE, .proposed = config, .config = config};
    struct host_answer plan = host_plan(s, &c);
    assert_ok(s, &plan);
    c.proposed = plan.state;
    c.planned_private = plan.private;
    return host_apply_begin(s, &c);
}

static void test_life_of_a_resource(void **state)
{
    struct host_session *s = session(state);
    const struct value *config =
        host_object(s, HOST_RESOURCE, NOTE, "{\"text\":\"hello\",\"title\":\"a\"}");
    struct host_answer plan = host_plan(
        s, &(struct host_change){.type_name = NOTE, .proposed = config, .config = config});
    assert_ok(s, &plan);
    assert_true(value_is_unknown(value_get(plan.state, "id")));

    struct host_answer a = host_create(s, NOTE, "{\"text\":\"hello\",\"title\":\"a\"}");
    assert_ok(s, &a);
    assert_string_equal(value_str(value_get(a.state, "id"), ""), "note-5");
    struct host_answer r = host_read(s, NOTE, a.state, a.private);
    assert_ok(s, &r);
    assert_true(value_equal(host_type(s, HOST_RESOURCE, NOTE), a.state, r.state));

    struct host_answer u = host_update(s, NOTE, &a, "{\"text\":\"good day\",\"title\":\"a\"}");
    assert_ok(s, &u);
    assert_string_equal(value_str(value_get(u.state, "text"), ""), "good day");
    assert_string_equal(value_str(value_get(u.state, "id"), ""), "note-5");

    struct host_answer d = host_destroy(s, NOTE, &u);
    assert_ok(s, &d);
    assert_true(d.state && value_is_null(d.state));
}

static void test_replace_and_validation(void **state)
{
    struct host_session *s = session(state);
    struct host_answer a = host_create(s, NOTE, "{\"text\":\"t\",\"title\":\"a\"}");
    assert_ok(s, &a);
    const struct value *config =
        host_object(s, HOST_RESOURCE, NOTE, "{\"text\":\"t\",\"title\":\"b\"}");
    struct host_answer plan =
        host_plan(s, &(struct host_change){.type_name = NOTE,
                                           .prior = a.state,
                                           .proposed = host_propose(s, NOTE, a.state, config),
                                           .config = config});
    assert_ok(s, &plan);
    assert_int_equal(plan.replace_count, 1);
    assert_string_equal(plan.replace[0], ".title");

    struct host_answer v = host_validate(
        s, NOTE, host_object(s, HOST_RESOURCE, NOTE, "{\"text\":\"t\",\"title\":\"\"}"));
    assert_int_equal(v.errors, 1);
    assert_string_equal(v.diags[0].path, ".title");
}

static void test_function(void **state)
{
    struct host_session *s = session(state);
    struct host_answer a = host_function(s, "shout", (const char *const[]){"\"hey\""}, 1);
    assert_ok(s, &a);
    assert_string_equal(value_str(a.state, ""), "hey!");
}

/* Ten wait for one, which comes last. */
static void test_waiting_calls_resume(void **state)
{
    struct host_session *s = session(state);
    struct host_call *calls[10];
    for (size_t i = 0; i < 10; i++) {
        calls[i] = begin_waiting(s, "{\"text\":\"t\",\"after\":\"first\"}");
    }
    uint64_t before = host_now_us();
    struct host_answer a = host_create(s, NOTE, "{\"text\":\"t\",\"title\":\"first\"}");
    assert_ok(s, &a);
    for (size_t i = 0; i < 10; i++) {
        a = host_apply_finish(s, NOTE, calls[i]);
        assert_ok(s, &a);
    }
    assert_true(host_now_us() - before < 2000 * 1000);
}

/* Nobody makes the other note: after five seconds of silence the provider says so. */
static void test_patience_ends(void **state)
{
    struct host_session *s = session(state);
    uint64_t before = host_now_us();
    struct host_answer a =
        host_apply_finish(s, NOTE, begin_waiting(s, "{\"text\":\"t\",\"after\":\"never\"}"));
    uint64_t ms = (host_now_us() - before) / 1000;
    assert_int_equal(a.status, 0);
    assert_int_equal(a.errors, 1);
    assert_string_equal(a.diags[0].path, ".after");
    assert_non_null(strstr(a.diags[0].detail, "in time"));
    assert_true(ms >= 4900 && ms < 8000);
}

static void test_given_up_by_the_peer(void **state)
{
    struct host_session *s = session(state);
    struct host_call *waiting = begin_waiting(s, "{\"text\":\"t\",\"after\":\"first\"}");
    struct host_call *other = begin_waiting(s, "{\"text\":\"t\",\"after\":\"first\"}");
    struct host_answer a = host_load_schema(s); /* the provider has seen them */
    assert_ok(s, &a);
    host_cancel(waiting);
    assert_int_equal(host_finish(waiting, s->arena).status, STATUS_CANCELLED);
    usleep(50 * 1000);
    a = host_create(s, NOTE, "{\"text\":\"t\",\"title\":\"first\"}");
    assert_ok(s, &a);
    a = host_apply_finish(s, NOTE, other);
    assert_ok(s, &a);
}

/* Ctrl-C: the waiting calls are answered at once, with the reason. */
static void test_stop_ends_waiting(void **state)
{
    struct host_session *s = session(state);
    struct host_call *calls[10];
    for (size_t i = 0; i < 10; i++) {
        calls[i] = begin_waiting(s, "{\"text\":\"t\",\"after\":\"never\"}");
    }
    kill(((struct fixture *)*state)->process->pid, SIGINT);
    uint64_t before = host_now_us();
    struct host_answer stop = host_stop(s);
    assert_ok(s, &stop);
    for (size_t i = 0; i < 10; i++) {
        struct host_answer a = host_apply_finish(s, NOTE, calls[i]);
        assert_int_equal(a.status, 0);
        assert_int_equal(a.errors, 1);
        assert_non_null(strstr(a.diags[0].detail, "being stopped"));
    }
    assert_true(host_now_us() - before < 1000 * 1000);
}

/* The end comes while a call waits: the teardown finds it (a leak would change the exit code). */
static void test_shutdown_while_waiting(void **state)
{
    struct fixture *f = *state;
    struct host_session *s = &f->session;
    struct host_call *waiting = begin_waiting(s, "{\"text\":\"t\",\"after\":\"never\"}");
    struct host_answer a = host_load_schema(s); /* the provider has seen it */
    assert_ok(s, &a);
    assert_true(host_shutdown(s->channel, s->arena));
    assert_true(host_wait(f->process, LEAVE_TIMEOUT_MS));
    assert_int_not_equal(host_finish(waiting, s->arena).status, STATUS_DEADLINE);
    host_close(s->channel);
    s->channel = NULL;
}

static void test_host_dies_while_waiting(void **state)
{
    struct fixture *f = *state;
    struct host_session *s = &f->session;
    struct host_call *waiting = begin_waiting(s, "{\"text\":\"t\",\"after\":\"never\"}");
    struct host_answer a = host_load_schema(s);
    assert_ok(s, &a);
    host_cancel(waiting);
    host_finish(waiting, s->arena);
    host_close(s->channel);
    s->channel = NULL;
    assert_true(host_wait(f->process, 1000));
}

int main(void)
{
    tls_init();
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_life_of_a_resource),
        TEST(test_replace_and_validation),
        TEST(test_function),
        TEST(test_waiting_calls_resume),
        TEST(test_patience_ends),
        TEST(test_given_up_by_the_peer),
        TEST(test_stop_ends_waiting),
        TEST(test_shutdown_while_waiting),
        TEST(test_host_dies_while_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
