/*
 * wire_ipam_test - one chain of resources through two walks, as Terraform's core drives them
 *
 * Terraform plans a create twice, in two processes, and refuses a provider whose second plan
 * differs in what the first one showed as known. Version 1.16 says store_planned_private and gives
 * the private bytes of the first plan to the second; older ones give nothing. Both must hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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

/* What a provider process works in: an initialised root module without any state. */
static char folder[] = "/tmp/wire-ipam-test-XXXXXX";

struct walk {
    struct host_process *process;
    struct host_session s;
};

static const char *binary(void)
{
    const char *name = getenv("TF_PROVIDER_BINARY");
    return name && *name ? name : IPAM_BINARY;
}

static void assert_ok(struct host_session *s, const struct host_answer *a)
{
    if (!host_ok(a)) {
        fail_msg("%s", host_describe(s->arena, a));
    }
}

static void walk_start(struct walk *w, struct arena *a, bool store_planned_private)
{
    w->process = host_start(&(struct host_options){.binary = binary(), .directory = folder});
    assert_non_null(w->process);
    assert_null(host_handshake(w->process, START_TIMEOUT_MS));
    w->s = (struct host_session){
        .channel = host_dial(w->process), .arena = a, .timeout_ms = CALL_TIMEOUT_MS};
    w->s.client.store_planned_private = store_planned_private;
    host_open_streams(w->s.channel);
    struct host_answer answer = host_load_schema(&w->s);
    assert_ok(&w->s, &answer);
    answer = host_configure(&w->s, "{\"region\":\"eu-west-1\"}");
    assert_ok(&w->s, &answer);
}

static void walk_end(struct walk *w)
{
    assert_true(host_shutdown(w->s.channel, w->s.arena));
    assert_true(host_wait(w->process, LEAVE_TIMEOUT_MS));
    if (w->process->exit_code != 0) {
        fail_msg("exit code %d: %s", w->process->exit_code, host_errors(w->process, w->s.arena));
    }
    host_close(w->s.channel);
    host_free(w->process);
}

/* One resource of the chain, each with a reference to the one before. */
enum { IPAM, POOL, POOL_CIDR, VPC, STEPS };

/* The configuration of a step, with the values that the steps before have in `states`. */
static const char *config_of(struct arena *a, int step, const struct value *const states[STEPS])
{
    switch (step) {
    case IPAM:
        return "{\"operating_regions\":[{\"region_name\":\"eu-west-1\"}]}";
    case POOL:
        return arena_printf(
            a, "{\"address_family\":\"ipv4\",\"locale\":\"eu-west-1\",\"ipam_scope_id\":\"%s\"}",
            value_str(value_get(states[IPAM], "private_default_scope_id"), "?"));
    case POOL_CIDR:
        return arena_printf(a, "{\"cidr\":\"10.0.0.0/16\",\"ipam_pool_id\":\"%s\"}",
                            value_str(value_get(states[POOL], "id"), "?"));
    default:
        return arena_printf(a, "{\"ipv4_netmask_length\":24,\"ipv4_ipam_pool_id\":\"%s\"}",
                            value_str(value_get(states[POOL], "id"), "?"));
    }
}

static const char *const types[STEPS] = {"ipam", "ipam_pool", "ipam_pool_cidr", "ipam_vpc"};

/* Plans a step; `shown` is the private part of the plan that the user saw, or empty. */
static struct host_answer plan_step(struct host_session *s, int step,
                                    const struct value *const states[STEPS], struct bytes shown,
                                    const struct value **config)
{
    *config = host_object(s, HOST_RESOURCE, types[step], config_of(s->arena, step, states));
    struct host_answer a = host_plan(s, &(struct host_change){.type_name = types[step],
                                                              .proposed = *config,
                                                              .config = *config,
                                                              .planned_private = shown});
    assert_ok(s, &a);
    return a;
}

/* The first walk plans what can be planned without the ids of others, the second makes it all. */
static void two_walks(bool store_planned_private)
{
    struct arena *a = arena_new();
    assert_non_null(a);
    struct walk w;
    const struct value *config, *made[STEPS] = {0};

    walk_start(&w, a, store_planned_private);
    struct host_answer first = plan_step(&w.s, IPAM, made, (struct bytes){0}, &config);
    walk_end(&w);

    walk_start(&w, a, store_planned_private);
    struct bytes shown = store_planned_private ? first.private : (struct bytes){0};
    struct host_answer second = plan_step(&w.s, IPAM, made, shown, &config);
    if (!value_equal(host_type(&w.s, HOST_RESOURCE, types[IPAM]), first.state, second.state)) {
        fail_msg("planned %s, then %s", value_describe(a, first.state, 2000),
                 value_describe(a, second.state, 2000));
    }
    /* One process that plans and applies is no Terraform 1.16: see wire_planned_test.c. */
    w.s.client.store_planned_private = false;
    for (int i = 0; i < STEPS; i++) {
        struct host_answer answer = host_create(&w.s, types[i], config_of(a, i, made));
        assert_ok(&w.s, &answer);
        made[i] = answer.state;
    }
    assert_string_equal(value_str(value_get(made[VPC], "cidr_block"), ""), "10.0.0.0/24");
    walk_end(&w);
    arena_free(a);
}

static void test_older_terraform(void **state)
{
    (void)state;
    two_walks(false);
}

static void test_terraform_1_16(void **state)
{
    (void)state;
    two_walks(true);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails when a provider left something behind */
}

int main(void)
{
    tls_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_older_terraform),
        cmocka_unit_test(test_terraform_1_16),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
