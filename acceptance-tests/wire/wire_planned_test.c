/*
 * wire_planned_test - what a plan shows is what the apply does
 *
 * Plays Terraform 1.16, which carries the provider's private bytes of a plan to the second plan of
 * the apply, in another process and perhaps on another machine. A whole hierarchy that does not
 * exist yet must be known to the last id and CIDR in the first plan, and come out the same. The
 * same flow without the capability must show unknown values and work all the same.
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

#include "proto/codec.h"
#include "proto/text.h"
#include "wire_calls.h"
#include "wire_client.h"

#define START_TIMEOUT_MS 10000
#define CALL_TIMEOUT_MS  20000
#define LEAVE_TIMEOUT_MS 5000

/* The two machines of a saved plan: initialised root modules. */
static char here[] = "/tmp/wire-planned-test-XXXXXX";
static char there[] = "/tmp/wire-planned-test-XXXXXX";

struct walk {
    struct host_process *process;
    struct host_session s;
};

static void assert_ok(struct host_session *s, const struct host_answer *a)
{
    if (!host_ok(a)) {
        fail_msg("%s", host_describe(s->arena, a));
    }
}

static void walk_start(struct walk *w, struct arena *a, const char *folder, bool planned_private)
{
    const char *name = getenv("TF_PROVIDER_BINARY");
    w->process = host_start(
        &(struct host_options){.binary = name && *name ? name : IPAM_BINARY, .directory = folder});
    assert_non_null(w->process);
    assert_null(host_handshake(w->process, START_TIMEOUT_MS));
    w->s = (struct host_session){
        .channel = host_dial(w->process), .arena = a, .timeout_ms = CALL_TIMEOUT_MS};
    w->s.client.store_planned_private = planned_private;
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

/* ---- A hierarchy: three levels of pools and what draws from the lowest ---------------------- */

#define VPCS 50
enum {
    IPAM,
    SCOPE,
    TOP,
    TOP_CIDR,
    REGION,
    REGION_CIDR,
    ENV,
    ENV_CIDR,
    HELD,
    VPC,
    STEPS = VPC + VPCS
};

struct estate {
    const struct value *object[STEPS]; /* planned or made, NULL: not yet */
    struct bytes private[STEPS];
};

static const char *type_of(int step)
{
    static const char *const types[] = {
        "ipam",           "ipam_scope", "ipam_pool",      "ipam_pool_cidr",           "ipam_pool",
        "ipam_pool_cidr", "ipam_pool",  "ipam_pool_cidr", "ipam_pool_cidr_allocation"};
    return step < VPC ? types[step] : "ipam_vpc";
}

/* What a step refers to: attribute of which object, as which argument. */
struct reference {
    int to;
    const char *attribute, *argument;
};

static size_t references_of(int step, struct reference out[2])
{
    switch (step) {
    case IPAM:
        return 0;
    case SCOPE:
        out[0] = (struct reference){IPAM, "id", "ipam_id"};
        return 1;
    case TOP:
        out[0] = (struct reference){SCOPE, "id", "ipam_scope_id"};
        return 1;
    case REGION:
    case ENV:
        out[0] = (struct reference){SCOPE, "id", "ipam_scope_id"};
        out[1] = (struct reference){step == ENV ? REGION : TOP, "id", "source_ipam_pool_id"};
        return 2;
    case TOP_CIDR:
    case REGION_CIDR:
    case ENV_CIDR:
        out[0] = (struct reference){step - 1, "id", "ipam_pool_id"};
        return 1;
    case HELD:
        out[0] = (struct reference){ENV, "id", "ipam_pool_id"};
        return 1;
    default:
        out[0] = (struct reference){ENV, "id", "ipv4_ipam_pool_id"};
        return 1;
    }
}

static const char *const written[] = {
    [IPAM] = "{\"operating_regions\":[{\"region_name\":\"eu-west-1\"}]}",
    [SCOPE] = "{}",
    [TOP] = "{\"address_family\":\"ipv4\"}",
    [TOP_CIDR] = "{\"cidr\":\"10.0.0.0/8\"}",
    [REGION] = "{\"address_family\":\"ipv4\",\"locale\":\"eu-west-1\"}",
    [REGION_CIDR] = "{\"netmask_length\":12}",
    [ENV] = ("{\"address_family\":\"ipv4\",\"locale\":\"eu-west-1\","
             "\"allocation_default_netmask_length\":24}"),
    [ENV_CIDR] = "{\"netmask_length\":16}",
    [HELD] = "{\"netmask_length\":26,\"description\":\"held\"}",
    [VPC] = "{\"ipv4_netmask_length\":24,\"tags\":{\"Name\":\"one of many\"}}",
};

/* The configuration as Terraform evaluates it: what is not known yet is unknown. */
static const struct value *config_of(struct host_session *s, int step, const struct estate *e,
                                     const char *text)
{
    struct reference r[2];
    const struct value *v = host_object(s, HOST_RESOURCE, type_of(step),
                                        text ? text : written[step < VPC ? step : VPC]);
    for (size_t n = references_of(step, r), i = 0; i < n; i++) {
        v = value_set(s->arena, v, r[i].argument, value_get(e->object[r[i].to], r[i].attribute));
    }
    return v;
}

static struct host_answer plan(struct host_session *s, int step, const struct value *config,
                               struct bytes prior_private, struct bytes shown)
{
    return host_plan(s, &(struct host_change){.type_name = type_of(step),
                                              .proposed = config,
                                              .config = config,
                                              .prior_private = prior_private,
                                              .planned_private = shown});
}

static void plan_all(struct walk *w, struct estate *e)
{
    for (int i = 0; i < STEPS; i++) {
        struct host_answer a =
            plan(&w->s, i, config_of(&w->s, i, e, NULL), (struct bytes){0}, (struct bytes){0});
        assert_ok(&w->s, &a);
        e->object[i] = a.state;
        e->private[i] = a.private;
    }
}

/* Is everything that `planned` knows the same in `made`? Terraform's own check. */
static bool agrees(const struct type *t, const struct value *planned, const struct value *made)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct value *p = value_get(planned, t->members[i].name);
        if (value_is_wholly_known(p) &&
            !value_equal(t->members[i].type, p, value_get(made, t->members[i].name))) {
            return false;
        }
    }
    return true;
}

static void assert_agrees(struct host_session *s, int step, const struct value *planned,
                          const struct value *made)
{
    if (!agrees(host_type(s, HOST_RESOURCE, type_of(step)), planned, made)) {
        fail_msg("%s: planned %s, then %s", type_of(step), value_describe(s->arena, planned, 2000),
                 value_describe(s->arena, made, 2000));
    }
}

/* The second plan and the apply of one step. */
static const struct value *make(struct host_session *s, int step, const struct estate *shown,
                                const struct estate *made)
{
    const struct value *config = config_of(s, step, made, NULL);
    struct bytes private =
        s->client.store_planned_private ? shown->private[step] : (struct bytes){0};
    struct host_answer second = plan(s, step, config, (struct bytes){0}, private);
    assert_ok(s, &second);
    if (shown->object[step]) {
        assert_agrees(s, step, shown->object[step], second.state);
    }
    struct host_answer a = host_apply(s, &(struct host_change){.type_name = type_of(step),
                                                               .proposed = second.state,
                                                               .config = config,
                                                               .planned_private = second.private});
    assert_ok(s, &a);
    assert_agrees(s, step, second.state, a.state);
    return a.state;
}

static const char *text_of(const struct value *object, const char *name)
{
    return value_str(value_get(object, name), "");
}

static void assert_all_different(const struct estate *e)
{
    for (int i = VPC; i < STEPS; i++) {
        for (int j = VPC; j < i; j++) {
            assert_string_not_equal(text_of(e->object[i], "cidr_block"),
                                    text_of(e->object[j], "cidr_block"));
            assert_string_not_equal(text_of(e->object[i], "id"), text_of(e->object[j], "id"));
        }
    }
}

/* The journal beside the state. What is claimed there stands as long as Terraform lives, and that
 * is this process in every test. */
static void remove_claims(const char *folder)
{
    char path[sizeof here + 64];
    snprintf(path, sizeof path, "%s/terraform.tfstate.ipam-claims", folder);
    unlink(path);
}

/* `other` is where the apply runs. */
static void plan_and_apply(bool planned_private, const char *other)
{
    struct arena *a = arena_new();
    struct estate shown = {0}, made = {0};
    struct walk w;
    assert_non_null(a);
    walk_start(&w, a, here, planned_private);
    plan_all(&w, &shown);
    walk_end(&w);
    for (int i = 0; i < STEPS; i++) {
        const char *what = type_of(i);
        if (planned_private && !value_is_wholly_known(shown.object[i])) {
            fail_msg("%s: not all known: %s", what, value_describe(a, shown.object[i], 2000));
        }
        if (!planned_private && i != REGION_CIDR && i != ENV_CIDR && i != TOP_CIDR) {
            assert_true(value_is_unknown(value_get(shown.object[i], "id")));
        }
    }
    walk_start(&w, a, other, planned_private);
    /* Backwards as far as references allow: the VPCs come in another order than in the plan. */
    for (int i = 0; i < STEPS; i++) {
        int step = i < VPC ? i : STEPS - 1 - (i - VPC);
        made.object[step] = make(&w.s, step, &shown, &made);
    }
    walk_end(&w);
    assert_all_different(&made);
    assert_string_equal(text_of(made.object[ENV_CIDR], "cidr"), "10.0.0.0/16");
    assert_string_equal(text_of(made.object[HELD], "cidr"), "10.0.0.0/26");
    remove_claims(other);
    arena_free(a);
}

static void test_all_is_known(void **state)
{
    (void)state;
    plan_and_apply(true, here);
}

static void test_saved_plan_elsewhere(void **state)
{
    (void)state;
    plan_and_apply(true, there);
}

static void test_without_the_capability(void **state)
{
    (void)state;
    plan_and_apply(false, here);
}

/* ---- With a state --------------------------------------------------------------------------- */

static const char *state_path(struct arena *a, const char *folder)
{
    return arena_printf(a, "%s/terraform.tfstate", folder);
}

/* Terraform's state of these objects; `tainted` is a step or -1. */
static void write_state(struct host_session *s, const char *folder, const struct estate *e,
                        int tainted)
{
    struct text t = text_new(s->arena);
    text_puts(&t, "{\"version\":4,\"terraform_version\":\"1.16.0\",\"serial\":3,\"lineage\":"
                  "\"11111111-2222-3333-4444-555555555555\",\"outputs\":{},\"resources\":[");
    for (int i = 0, n = 0; i < STEPS; i++) {
        if (!e->object[i]) {
            continue;
        }
        struct bytes json =
            json_encode(s->arena, host_type(s, HOST_RESOURCE, type_of(i)), e->object[i]);
        text_printf(&t,
                    "%s{\"mode\":\"managed\",\"type\":\"%s\",\"name\":\"n%d\",\"provider\":"
                    "\"provider[\\\"terraform.local/ipam/ipam\\\"]\",\"instances\":[{"
                    "\"schema_version\":1,%s\"attributes\":%.*s}]}",
                    n++ ? "," : "", type_of(i), i, i == tainted ? "\"status\":\"tainted\"," : "",
                    (int)json.len, (const char *)json.data);
    }
    text_puts(&t, "]}\n");
    FILE *f = fopen(state_path(s->arena, folder), "w");
    assert_non_null(f);
    assert_true(fputs(text_end(&t), f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* The hierarchy, made, with these VPCs, and its state in both folders. */
static void start_estate(struct arena *a, struct estate *made, int vpcs, int tainted)
{
    struct walk w;
    unlink(state_path(a, here));
    remove_claims(here);
    walk_start(&w, a, here, false);
    for (int i = 0; i < VPC + vpcs; i++) {
        made->object[i] = make(&w.s, i, &(struct estate){0}, made);
    }
    write_state(&w.s, here, made, tainted);
    walk_end(&w);
}

static void end_estate(struct arena *a)
{
    remove_claims(here);
    unlink(state_path(a, here));
    arena_free(a);
}

static void assert_known(struct host_session *s, const struct host_answer *a)
{
    assert_ok(s, a);
    if (!a->state || !value_is_wholly_known(a->state)) {
        fail_msg("not all known: %s", host_describe(s->arena, a));
    }
}

/* A replacement: what the plan walk does, and then what the apply walk does. */
static void replace(struct walk *w, struct arena *a, struct estate *made, const char *text,
                    const char *cidr)
{
    const struct value *config = config_of(&w->s, VPC, made, text);
    const struct value *proposed = host_propose(&w->s, "ipam_vpc", made->object[VPC], config);
    struct host_answer update = host_plan(&w->s, &(struct host_change){.type_name = "ipam_vpc",
                                                                       .prior = made->object[VPC],
                                                                       .proposed = proposed,
                                                                       .config = config});
    assert_ok(&w->s, &update);
    struct host_answer create = plan(&w->s, VPC, config, update.private, (struct bytes){0});
    assert_known(&w->s, &create);
    assert_string_not_equal(text_of(create.state, "id"), text_of(made->object[VPC], "id"));
    assert_string_equal(text_of(create.state, "cidr_block"), cidr);
    walk_end(w);

    walk_start(w, a, here, true);
    struct host_answer gone = host_apply(
        &w->s, &(struct host_change){.type_name = "ipam_vpc", .prior = made->object[VPC]});
    assert_ok(&w->s, &gone);
    struct host_answer second = plan(&w->s, VPC, config, (struct bytes){0}, create.private);
    assert_known(&w->s, &second);
    assert_agrees(&w->s, VPC, create.state, second.state);
    struct host_answer done =
        host_apply(&w->s, &(struct host_change){.type_name = "ipam_vpc",
                                                .proposed = second.state,
                                                .config = config,
                                                .planned_private = second.private});
    assert_known(&w->s, &done);
    assert_agrees(&w->s, VPC, create.state, done.state);
    assert_false(done.private.len >= 12 && memcmp(done.private.data, "ipam:planned", 12) == 0);
}

/* There is room: the new VPC gets other space, as it may be made before the old one goes. */
static void test_replace(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct estate made = {0};
    struct walk w;
    start_estate(a, &made, 3, -1);
    assert_string_equal(text_of(made.object[VPC], "cidr_block"), "10.0.1.0/24");
    walk_start(&w, a, here, true);
    replace(&w, a, &made, "{\"ipv4_netmask_length\":25,\"instance_tenancy\":\"dedicated\"}",
            "10.0.0.128/25");
    walk_end(&w);
    end_estate(a);
}

/* The same CIDR again, by name: only the old VPC's own space can serve it. */
static void test_replace_in_place(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct estate made = {0};
    struct walk w;
    start_estate(a, &made, 3, -1);
    walk_start(&w, a, here, true);
    replace(&w, a, &made, "{\"cidr_block\":\"10.0.1.0/24\",\"instance_tenancy\":\"dedicated\"}",
            "10.0.1.0/24");
    walk_end(&w);
    end_estate(a);
}

static void test_taint(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct estate made = {0};
    struct walk w;
    start_estate(a, &made, 3, VPC);
    walk_start(&w, a, here, true);
    const struct value *config = config_of(&w.s, VPC, &made, NULL);
    struct host_answer first = plan(&w.s, VPC, config, (struct bytes){0}, (struct bytes){0});
    assert_known(&w.s, &first);
    assert_string_equal(text_of(first.state, "cidr_block"), "10.0.4.0/24");
    walk_end(&w);

    walk_start(&w, a, here, true);
    struct host_answer gone =
        host_apply(&w.s, &(struct host_change){.type_name = "ipam_vpc", .prior = made.object[VPC]});
    assert_ok(&w.s, &gone);
    struct host_answer second = plan(&w.s, VPC, config, (struct bytes){0}, first.private);
    assert_known(&w.s, &second);
    assert_agrees(&w.s, VPC, first.state, second.state);
    walk_end(&w);
    end_estate(a);
}

/* In place: what a changed VPC gets besides is known, too, and what was private stays so. */
static void test_update(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct estate made = {0};
    struct walk w;
    start_estate(a, &made, 1, -1);
    const char *text = "{\"ipv4_netmask_length\":24,\"assign_generated_ipv6_cidr_block\":true}";
    walk_start(&w, a, here, true);
    const struct value *config = config_of(&w.s, VPC, &made, text);
    struct host_change c = {.type_name = "ipam_vpc", .prior = made.object[VPC], .config = config};
    c.proposed = host_propose(&w.s, "ipam_vpc", made.object[VPC], config);
    struct host_answer first = host_plan(&w.s, &c);
    assert_known(&w.s, &first);
    assert_non_null(strstr(text_of(first.state, "ipv6_cidr_block"), "::/56"));
    walk_end(&w);

    walk_start(&w, a, here, true);
    c.planned_private = first.private;
    struct host_answer second = host_plan(&w.s, &c);
    assert_known(&w.s, &second);
    assert_agrees(&w.s, VPC, first.state, second.state);
    c.proposed = second.state;
    c.planned_private = second.private;
    struct host_answer done = host_apply(&w.s, &c);
    assert_known(&w.s, &done);
    assert_agrees(&w.s, VPC, first.state, done.state);
    assert_true(done.private.len > 0);
    assert_false(done.private.len >= 12 && memcmp(done.private.data, "ipam:planned", 12) == 0);
    walk_end(&w);
    end_estate(a);
}

static void assert_names(struct host_session *s, const struct host_answer *a, const char *text)
{
    if (a->errors == 0 || !strstr(host_describe(s->arena, a), text)) {
        fail_msg("does not say %s: %s", text, host_describe(s->arena, a));
    }
}

/* Somebody took the CIDR after the plan: both owners are named, and nothing is half-done. */
static void test_changed_world(void **state)
{
    (void)state;
    static const char with_timeout[] =
        "{\"ipv4_netmask_length\":24,\"timeouts\":{\"create\":\"100ms\"}}";
    struct arena *a = arena_new();
    struct estate made = {0};
    struct walk w;
    start_estate(a, &made, 1, -1);
    walk_start(&w, a, here, true);
    const struct value *config = config_of(&w.s, VPC + 1, &made, with_timeout);
    struct host_answer shown = plan(&w.s, VPC + 1, config, (struct bytes){0}, (struct bytes){0});
    assert_known(&w.s, &shown);
    assert_string_equal(text_of(shown.state, "cidr_block"), "10.0.2.0/24");
    walk_end(&w);

    walk_start(&w, a, here, true);
    struct host_answer second = plan(&w.s, VPC + 1, config, (struct bytes){0}, shown.private);
    assert_known(&w.s, &second);
    const struct value *explicit =
        config_of(&w.s, VPC + 2, &made, "{\"cidr_block\":\"10.0.2.0/24\"}");
    /* as if from another run, which does not show its plan here */
    w.s.client.store_planned_private = false;
    struct host_answer other = plan(&w.s, VPC + 2, explicit, (struct bytes){0}, (struct bytes){0});
    w.s.client.store_planned_private = true;
    assert_ok(&w.s, &other);
    other = host_apply(&w.s, &(struct host_change){.type_name = "ipam_vpc",
                                                   .proposed = other.state,
                                                   .config = explicit,
                                                   .planned_private = other.private});
    assert_ok(&w.s, &other);
    struct host_answer refused =
        host_apply(&w.s, &(struct host_change){.type_name = "ipam_vpc",
                                               .proposed = second.state,
                                               .config = config,
                                               .planned_private = second.private});
    assert_names(&w.s, &refused, text_of(other.state, "id"));
    assert_names(&w.s, &refused, "10.0.2.0/24");
    assert_names(&w.s, &refused, text_of(made.object[ENV], "id"));
    assert_true(!refused.state || value_is_null(refused.state));
    made.object[VPC + 2] = other.state;
    write_state(&w.s, here, &made, -1);
    walk_end(&w);

    /* A later apply of the same saved plan is told so by its second plan. */
    walk_start(&w, a, here, true);
    struct host_answer later = plan(&w.s, VPC + 1, config, (struct bytes){0}, shown.private);
    assert_names(&w.s, &later, text_of(other.state, "id"));
    struct host_answer anew = plan(&w.s, VPC + 1, config, (struct bytes){0}, (struct bytes){0});
    assert_known(&w.s, &anew);
    assert_string_equal(text_of(anew.state, "cidr_block"), "10.0.3.0/24");
    walk_end(&w);
    end_estate(a);
}

/* An argument that is not known yet leaves the CIDR to the apply; tags do not matter. */
static void test_unknown_arguments(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct estate made = {0};
    struct walk w;
    start_estate(a, &made, 0, -1);
    walk_start(&w, a, here, true);
    const struct value *config = config_of(&w.s, VPC, &made, NULL);
    const struct value *tags = value_set(a, config, "tags", &value_unknown);
    const struct value *length = value_set(a, config, "ipv4_netmask_length", &value_unknown);
    struct host_answer first = plan(&w.s, VPC, length, (struct bytes){0}, (struct bytes){0});
    assert_ok(&w.s, &first);
    assert_true(value_is_unknown(value_get(first.state, "cidr_block")));
    assert_true(value_is_unknown(value_get(first.state, "id")));
    first = plan(&w.s, VPC, tags, (struct bytes){0}, (struct bytes){0});
    assert_ok(&w.s, &first);
    assert_string_equal(text_of(first.state, "cidr_block"), "10.0.1.0/24");
    assert_true(value_is_unknown(value_get(first.state, "tags_all")));
    walk_end(&w);
    end_estate(a);
}

/* What stands in a plan file may be anything. */
static void test_damaged_bytes(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "ipam:planned:1\n",
        "ipam:planned:1\n99\n{}",
        "ipam:planned:1\n999999999999999999\n{}",
        "ipam:planned:1\n2\n[]",
        "ipam:planned:1\n3\n{x}",
        "ipam:planned:1\n19\n{\"cidr_block\":\"tea\"}",
        "ipam:planned:1\n16\n{\"cidr_block\":42}",
        "ipam:planned:1\n21\n{\"cidr_block\":\"tea_s\"}",
    };
    struct arena *a = arena_new();
    struct estate made = {0};
    struct walk w;
    start_estate(a, &made, 0, -1);
    walk_start(&w, a, here, true);
    const struct value *config = config_of(&w.s, VPC, &made, NULL);
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        struct bytes b = {(const uint8_t *)damaged[i], strlen(damaged[i])};
        struct host_answer answer = plan(&w.s, VPC, config, (struct bytes){0}, b);
        if (answer.status != 0 || answer.errors == 0) {
            fail_msg("%s: %s", damaged[i], host_describe(a, &answer));
        }
        answer = plan(&w.s, VPC, config, b, (struct bytes){0});
        assert_int_equal(answer.status, 0);
    }
    struct host_answer fine = plan(&w.s, VPC, config, (struct bytes){0}, (struct bytes){0});
    assert_known(&w.s, &fine);
    walk_end(&w);
    end_estate(a);
}

static int make_folders(void **state)
{
    (void)state;
    return mkdtemp(here) && mkdtemp(there) ? 0 : -1;
}

static int remove_folders(void **state)
{
    (void)state;
    remove_claims(here);
    remove_claims(there);
    /* fails when a provider left something else behind */
    return rmdir(here) == 0 && rmdir(there) == 0 ? 0 : -1;
}

int main(void)
{
    tls_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_known),
        cmocka_unit_test(test_saved_plan_elsewhere),
        cmocka_unit_test(test_without_the_capability),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_replace_in_place),
        cmocka_unit_test(test_taint),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_changed_world),
        cmocka_unit_test(test_unknown_arguments),
        cmocka_unit_test(test_damaged_bytes),
    };
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
