/*
 * wire_test - what every provider on proto/ must do on the wire, Terraform's way and any other way
 *
 * Runs against the binary named by TF_PROVIDER_BINARY, and needs nothing of it but that it has at
 * least one resource. Each test starts its own process and sees to its end: a provider that does
 * not leave after Shutdown with exit code 0 fails the test whatever it was about. With
 * TF_PLUGIN_CLEAN_EXIT in the environment the processes release everything first, so that in a
 * sanitizer build leaks change the exit code.
 *
 * Called with the argument `hold` the program is the client that dies: it connects, prints the
 * provider's process id and waits to be killed.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the headers above, as it demands */
#include <cmocka.h>

#include "proto/codec.h"
#include "proto/loop.h"
#include "wire_calls.h"
#include "wire_client.h"

#define STATUS_EXHAUSTED   8
#define STATUS_UNKNOWN     12
#define STATUS_UNAVAILABLE 14
#define START_TIMEOUT_MS   10000
#define CALL_TIMEOUT_MS    10000
#define LARGE_TIMEOUT_MS   60000
#define LEAVE_TIMEOUT_MS   5000
#define AT_ONCE_MS         1000
#define ORPHAN_TIMEOUT_MS  1000
#define SHUTDOWN_MAX_MS    100
#define STARTS             60
#define PARALLEL           10
#define LARGE_BYTES        (100u << 20)

#ifndef DEFAULT_BINARY
#error "DEFAULT_BINARY is the path of the provider to test"
#endif

static const char *binary(void)
{
    const char *name = getenv("TF_PROVIDER_BINARY");
    return name && *name ? name : DEFAULT_BINARY;
}

static bool clean_exit(void)
{
    const char *flag = getenv("TF_PLUGIN_CLEAN_EXIT");
    return flag && *flag;
}

/* ---- One run -------------------------------------------------------------------------------- */

struct run {
    struct arena *arena;
    struct host_process *process;
    struct host_channel *channel;
};

static struct run run_start(const struct host_options *o)
{
    struct run r = {.arena = arena_new()};
    assert_non_null(r.arena);
    r.process = host_start(o);
    if (!r.process) {
        fail_msg("cannot start %s: %s", o->binary, strerror(errno));
    }
    return r;
}

/* As far as Terraform is before its first call. */
static struct run run_connected(const struct host_options *o)
{
    struct run r = run_start(o);
    const char *wrong = host_handshake(r.process, START_TIMEOUT_MS);
    if (wrong) {
        fail_msg("handshake: %s: %s\n%s", wrong, r.process->line, host_errors(r.process, r.arena));
    }
    r.channel = host_dial(r.process);
    host_open_streams(r.channel);
    return r;
}

static struct run run_default(void)
{
    return run_connected(&(struct host_options){.binary = binary()});
}

static void assert_exit(struct run *r, int code)
{
    if (!host_wait(r->process, LEAVE_TIMEOUT_MS) || r->process->exit_code != code) {
        fail_msg("ended %d, exit code %d instead of %d, stderr:\n%s", r->process->ended,
                 r->process->exit_code, code, host_errors(r->process, r->arena));
    }
}

static void run_free(struct run *r)
{
    host_close(r->channel);
    host_free(r->process);
    arena_free(r->arena);
}

/* Returns the microseconds from the answer to Shutdown to the end of the process. */
static uint64_t run_shutdown(struct run *r)
{
    char path[sizeof r->process->socket_path];
    memcpy(path, r->process->socket_path, sizeof path);
    bool answered_it = host_shutdown(r->channel, r->arena);
    uint64_t answered = host_now_us();
    assert_true(answered_it);
    assert_exit(r, 0);
    uint64_t gone = host_now_us();
    assert_int_equal(access(path, F_OK), -1);
    run_free(r);
    return gone - answered;
}

static struct host_reply get_schema(struct run *r)
{
    return host_call(r->channel, r->arena, "/tfplugin6.Provider/GetProviderSchema",
                     (struct bytes){0}, CALL_TIMEOUT_MS);
}

static void assert_alive(struct run *r)
{
    struct host_reply reply = get_schema(r);
    if (reply.status != 0 || reply.body.len == 0) {
        fail_msg("status %d: %s, %zu bytes", reply.status, reply.message, reply.body.len);
    }
}

static struct host_session session(struct run *r)
{
    struct host_session s = {
        .channel = r->channel, .arena = r->arena, .timeout_ms = CALL_TIMEOUT_MS};
    struct host_answer a = host_load_schema(&s);
    assert_true(host_ok(&a));
    assert_true(s.schema->n_resource_schemas > 0);
    return s;
}

/* ---- Start ---------------------------------------------------------------------------------- */

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The highest resident size so far, in KiB. (ru_maxrss would include that of the parent, carried
 * over exec.) */
static long peak_kib(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    long kib = -1;
    while (f && fgets(line, sizeof line, f)) {
        sscanf(line, "VmHWM: %ld", &kib);
    }
    if (f) {
        fclose(f);
    }
    return kib;
}

/* Often, because the length of a certificate varies with its signature: padding in the base64
 * would fail two of three starts. */
static void test_starts(void **state)
{
    (void)state;
    uint64_t us[STARTS];
    for (int i = 0; i < STARTS; i++) {
        struct run r = run_start(&(struct host_options){.binary = binary()});
        uint64_t before = host_now_us();
        const char *wrong = host_handshake(r.process, START_TIMEOUT_MS);
        us[i] = host_now_us() - before;
        if (wrong) {
            fail_msg("start %d: %s: %s", i, wrong, r.process->line);
        }
        r.channel = host_dial(r.process);
        host_open_streams(r.channel);
        if (i == 0) {
            assert_alive(&r);
            print_message("resident at most %ld KiB after the schema\n", peak_kib(r.process->pid));
        }
        run_shutdown(&r);
    }
    qsort(us, STARTS, sizeof *us, compare_u64);
    print_message("spawn to handshake line: median %.2f ms, slowest %.2f ms\n",
                  (double)us[STARTS / 2] / 1000, (double)us[STARTS - 1] / 1000);
}

static void test_plain(void **state)
{
    (void)state;
    struct run r = run_connected(&(struct host_options){.binary = binary(), .plain = true});
    assert_alive(&r);
    run_shutdown(&r);
}

/* Set but empty is as good as absent for go-plugin. */
static void test_empty_certificate(void **state)
{
    (void)state;
    static const char *const environment[] = {"PLUGIN_CLIENT_CERT=", NULL};
    struct run r = run_connected(
        &(struct host_options){.binary = binary(), .plain = true, .environment = environment});
    assert_alive(&r);
    run_shutdown(&r);
}

static void test_broken_certificate(void **state)
{
    (void)state;
    static const char *const environment[] = {"PLUGIN_CLIENT_CERT=nonsense", NULL};
    struct run r = run_start(
        &(struct host_options){.binary = binary(), .plain = true, .environment = environment});
    if (!host_handshake(r.process, START_TIMEOUT_MS)) { /* then nobody may be let in */
        r.channel = host_connect(r.process->socket_path, NULL, NULL);
        assert_int_equal(get_schema(&r).status, STATUS_UNAVAILABLE);
    } else {
        assert_exit(&r, 1);
        assert_non_null(strstr(host_errors(r.process, r.arena), "[ERROR]"));
    }
    run_free(&r);
}

static void test_socket_is_private(void **state)
{
    (void)state;
    struct run r = run_default();
    struct stat st;
    assert_int_equal(stat(r.process->socket_path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    run_shutdown(&r);
}

static void socket_under(const char *tmpdir, const char *expected)
{
    char setting[600];
    snprintf(setting, sizeof setting, "TMPDIR=%s", tmpdir);
    const char *const environment[] = {setting, NULL};
    struct run r =
        run_connected(&(struct host_options){.binary = binary(), .environment = environment});
    const char *slash = strrchr(r.process->socket_path, '/');
    assert_int_equal((size_t)(slash - r.process->socket_path), strlen(expected));
    assert_memory_equal(r.process->socket_path, expected, strlen(expected));
    assert_alive(&r);
    run_shutdown(&r);
}

static void test_tmpdir(void **state)
{
    (void)state;
    char dir[] = "/tmp/wire-test-XXXXXX", space[64], bar[64], deep[200];
    assert_non_null(mkdtemp(dir));
    snprintf(space, sizeof space, "%s/a b", dir);
    snprintf(bar, sizeof bar, "%s/a|b", dir);
    snprintf(deep, sizeof deep, "%s/%0120d", dir, 0);
    assert_int_equal(mkdir(space, 0700) | mkdir(bar, 0700) | mkdir(deep, 0700), 0);
    socket_under(dir, dir);
    socket_under(space, space);
    socket_under(bar, "/tmp");
    socket_under(deep, "/tmp");
    socket_under("/nonexistent", "/tmp");
    socket_under(".", "/tmp");
    assert_int_equal(rmdir(space) | rmdir(bar) | rmdir(deep) | rmdir(dir), 0);
}

/* ---- Who is let in -------------------------------------------------------------------------- */

static void refused_with(const char *server_pem, const struct tls_identity *client, struct run *r)
{
    struct host_channel *own = r->channel;
    r->channel = host_connect(r->process->socket_path, server_pem, client);
    struct host_reply reply = get_schema(r);
    host_close(r->channel);
    r->channel = own;
    assert_int_equal(reply.status, STATUS_UNAVAILABLE);
}

static void test_strangers(void **state)
{
    (void)state;
    struct run r = run_default();
    assert_alive(&r);
    const char *error;
    struct tls_identity *other = tls_identity_new("P-521", &error);
    assert_non_null(other);
    refused_with(r.process->certificate_pem, other, &r);
    refused_with(r.process->certificate_pem, NULL, &r);
    refused_with(NULL, NULL, &r);
    /* and the client would notice another server */
    refused_with(other->certificate_pem, r.process->identity, &r);
    tls_identity_free(other);
    assert_alive(&r);
    run_shutdown(&r);
}

static void test_only_protocol_5(void **state)
{
    (void)state;
    struct run r = run_start(&(struct host_options){.binary = binary(), .versions = "5"});
    assert_true(host_read_line(r.process, START_TIMEOUT_MS)); /* the host shows this one */
    assert_non_null(strstr(r.process->line, "protocol 6 only"));
    assert_exit(&r, 1);
    const char *errors = host_errors(r.process, r.arena);
    assert_non_null(strstr(errors, "[ERROR] "));
    assert_non_null(strstr(errors, "protocol 6 only"));
    assert_ptr_equal(strchr(errors, '\n'), errors + strlen(errors) - 1);
    run_free(&r);
}

static void test_version_sets(void **state)
{
    (void)state;
    static const char *const sets[] = {"6", "6,5", "5,6,7", ""};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct run r =
            run_connected(&(struct host_options){.binary = binary(), .versions = sets[i]});
        run_shutdown(&r);
    }
}

/* ---- By hand -------------------------------------------------------------------------------- */

static void test_by_hand(void **state)
{
    (void)state;
    static const char *const wrong[] = {"TF_PLUGIN_MAGIC_COOKIE=wrong", NULL};
    for (int i = 0; i < 2; i++) {
        struct run r = run_start(&(struct host_options){
            .binary = binary(), .no_cookie = true, .environment = i ? wrong : NULL});
        assert_string_equal(host_output(r.process, r.arena, START_TIMEOUT_MS), "");
        assert_exit(&r, 1);
        const char *errors = host_errors(r.process, r.arena);
        assert_non_null(strstr(errors, "is a plugin"));
        assert_non_null(strstr(errors, "terraform init"));
        assert_non_null(strstr(errors, "--help"));
        run_free(&r);
    }
}

static void said_by_hand(const char *option, int code, const char *on_stdout, const char *on_stderr)
{
    const char *const arguments[] = {option, NULL};
    struct run r = run_start(
        &(struct host_options){.binary = binary(), .no_cookie = true, .arguments = arguments});
    const char *output = host_output(r.process, r.arena, START_TIMEOUT_MS);
    assert_exit(&r, code);
    const char *errors = host_errors(r.process, r.arena);
    assert_non_null(strstr(output, on_stdout));
    assert_non_null(strstr(errors, on_stderr));
    assert_true(*on_stdout || !*output);
    assert_true(*on_stderr || !*errors);
    run_free(&r);
}

static void test_options(void **state)
{
    (void)state;
    said_by_hand("--version", 0, "terraform-provider-", "");
    said_by_hand("-version", 0, "terraform-provider-", "");
    said_by_hand("--help", 0, "TF_REATTACH_PROVIDERS", "");
    said_by_hand("-h", 0, "Usage:", "");
    said_by_hand("--no-such-option", 2, "", "`--no-such-option` is not understood");
    said_by_hand("no-such-command", 2, "", "Usage:");
    said_by_hand("", 2, "", "Usage:");
}

/* Takes the text behind "key": out of the line. */
static void json_text(const char *line, const char *key, char *out, size_t size)
{
    const char *p = strstr(line, key);
    assert_non_null(p);
    p += strlen(key);
    size_t len = strcspn(p, "\"");
    assert_true(len < size);
    memcpy(out, p, len);
    out[len] = '\0';
}

static void test_debug(void **state)
{
    (void)state;
    static const char *const arguments[] = {"--debug", NULL};
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        struct run r = run_start(
            &(struct host_options){.binary = binary(), .no_cookie = true, .arguments = arguments});
        assert_true(host_read_line(r.process, START_TIMEOUT_MS));
        const char *line = r.process->line;
        assert_memory_equal(line, "TF_REATTACH_PROVIDERS='{\"", 25);
        assert_string_equal(line + strlen(line) - 2, "}'");
        assert_non_null(strstr(line, "\"Protocol\":\"grpc\",\"ProtocolVersion\":6,"));
        assert_non_null(strstr(line, "\"Test\":true"));
        char pid[32];
        snprintf(pid, sizeof pid, "\"Pid\":%d,", (int)r.process->pid);
        assert_non_null(strstr(line, pid));
        char *path = r.process->socket_path;
        json_text(line, "\"String\":\"", path, sizeof r.process->socket_path);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);

        struct run second = r;
        r.channel = host_connect(path, NULL, NULL);
        second.channel = host_connect(path, NULL, NULL);
        host_open_streams(r.channel);
        host_open_streams(second.channel);
        assert_alive(&r);
        assert_alive(&second);
        host_close(r.channel); /* a command ends, the provider stays */
        r.channel = NULL;
        usleep(300 * 1000);
        assert_alive(&second);
        host_close(second.channel);
        usleep(300 * 1000);
        assert_false(host_wait(r.process, 0));
        kill(r.process->pid, ends[i]);
        assert_exit(&r, 0);
        assert_int_equal(access(path, F_OK), -1);
        run_free(&r);
    }
}

/* ---- Methods -------------------------------------------------------------------------------- */

static struct host_reply timed_call(struct run *r, const char *method, struct bytes request)
{
    uint64_t before = host_now_us();
    struct host_reply reply = host_call(r->channel, r->arena, method, request, CALL_TIMEOUT_MS);
    uint64_t ms = (host_now_us() - before) / 1000;
    if (ms > AT_ONCE_MS) {
        fail_msg("%s took %llu ms", method, (unsigned long long)ms);
    }
    return reply;
}

/* Terraform asks for methods of newer protocols and gives up only on UNIMPLEMENTED. */
static void test_every_method(void **state)
{
    (void)state;
    static const char *const promised[] = {
        "GetMetadata",         "GetProviderSchema",      "ValidateProviderConfig",
        "ConfigureProvider",   "ValidateResourceConfig", "UpgradeResourceState",
        "ReadResource",        "PlanResourceChange",     "ApplyResourceChange",
        "ImportResourceState", "MoveResourceState",      "ValidateDataResourceConfig",
        "ReadDataSource",      "GetFunctions",           "CallFunction",
        "StopProvider",
    };
    struct run r = run_default();
    const ProtobufCServiceDescriptor *d = &tfplugin6__provider__descriptor;
    unsigned answered = 0;
    for (unsigned i = 0; i < d->n_methods; i++) {
        char path[128];
        snprintf(path, sizeof path, "/%s/%s", d->name, d->methods[i].name);
        struct host_reply reply = timed_call(&r, path, (struct bytes){0});
        bool is_promised = false;
        for (size_t k = 0; k < sizeof promised / sizeof *promised; k++) {
            is_promised = is_promised || strcmp(promised[k], d->methods[i].name) == 0;
        }
        if (reply.status != (is_promised ? 0 : STATUS_UNKNOWN)) {
            fail_msg("%s: status %d: %s", path, reply.status, reply.message);
        }
        answered += is_promised;
    }
    assert_int_equal(answered, sizeof promised / sizeof *promised);
    run_shutdown(&r);
}

static void test_unknown_methods(void **state)
{
    (void)state;
    static const char *const methods[] = {
        "/tfplugin6.Provider/NoSuchMethod",
        "/tfplugin6.Provider/",
        "/tfplugin5.Provider/GetSchema",
        "/plugin.GRPCController/Other",
        "/plugin.GRPCController/ShutdownX",
        "/grpc.reflection.v1.ServerReflection/X",
        "/",
        "/a",
    };
    struct run r = run_default();
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        assert_int_equal(timed_call(&r, methods[i], (struct bytes){0}).status, STATUS_UNKNOWN);
    }
    char longest[4000];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(timed_call(&r, longest, (struct bytes){0}).status, STATUS_UNKNOWN);
    struct host_reply health = timed_call(&r, "/grpc.health.v1.Health/Check", (struct bytes){0});
    assert_int_equal(health.status, 0);
    assert_int_equal(health.body.len, 2);
    assert_memory_equal(health.body.data, "\x08\x01", 2);
    run_shutdown(&r);
}

/* ---- Broken requests ------------------------------------------------------------------------ */

/* Field 1 with a length that the message does not have; a group end; an endless varint. */
static void test_malformed_protobuf(void **state)
{
    (void)state;
    static const char *const broken[] = {"\x0a\x7f", "\x0c",
                                         "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
    struct run r = run_default();
    const ProtobufCServiceDescriptor *d = &tfplugin6__provider__descriptor;
    for (unsigned i = 0; i < d->n_methods; i++) {
        for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
            char path[128];
            snprintf(path, sizeof path, "/%s/%s", d->name, d->methods[i].name);
            struct bytes request = {(const uint8_t *)broken[k], strlen(broken[k])};
            struct host_reply reply = timed_call(&r, path, request);
            if (reply.status == 0) {
                fail_msg("%s took a broken message", path);
            }
        }
    }
    assert_alive(&r);
    run_shutdown(&r);
}

static Tfplugin6__DynamicValue raw_value(const void *data, size_t len)
{
    Tfplugin6__DynamicValue v = TFPLUGIN6__DYNAMIC_VALUE__INIT;
    v.msgpack = (ProtobufCBinaryData){len, (uint8_t *)data};
    return v;
}

/* A ValidateResourceConfig of the first resource with these bytes for a configuration. */
static struct bytes validate_request(struct host_session *s, const void *data, size_t len)
{
    Tfplugin6__DynamicValue config = raw_value(data, len);
    Tfplugin6__ValidateResourceConfig__Request q =
        TFPLUGIN6__VALIDATE_RESOURCE_CONFIG__REQUEST__INIT;
    q.type_name = s->schema->resource_schemas[0]->key;
    q.config = &config;
    size_t size = protobuf_c_message_get_packed_size(&q.base);
    uint8_t *out = arena_alloc(s->arena, size);
    protobuf_c_message_pack(&q.base, out);
    return (struct bytes){out, size};
}

/* Answered, and answered with an error: by status, or by a diagnostic. */
static void assert_refused(struct run *r, const struct host_reply *reply)
{
    if (reply->status != 0) {
        assert_int_not_equal(reply->status, STATUS_UNAVAILABLE);
        assert_true(*reply->message);
        return;
    }
    (void)r;
    Tfplugin6__ValidateResourceConfig__Response *m =
        (Tfplugin6__ValidateResourceConfig__Response *)protobuf_c_message_unpack(
            &tfplugin6__validate_resource_config__response__descriptor, NULL, reply->body.len,
            reply->body.data);
    assert_non_null(m);
    bool error = false;
    for (size_t i = 0; i < m->n_diagnostics; i++) {
        error = error || m->diagnostics[i]->severity == TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR;
    }
    protobuf_c_message_free_unpacked(&m->base, NULL);
    assert_true(error);
}

#define BROKEN(text)                                                                               \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static void test_malformed_msgpack(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
    } broken[] = {
        BROKEN("\xc1"),                     /* never used */
        BROKEN("\x81"),                     /* a map without its member */
        BROKEN("\x80\x80"),                 /* trailing bytes */
        BROKEN("\xdf\xff\xff\xff\xff"),     /* 4 billion members */
        BROKEN("\xdd\xff\xff\xff\xff\x00"), /* 4 billion elements */
        BROKEN("\xdb\xff\xff\xff\xff"),     /* a string of 4 GiB */
        BROKEN("\x2a"),                     /* a number for an object */
        BROKEN("\x81\xa1\xff\xc0"),         /* a key that is not UTF-8 */
        BROKEN("\xc7\xff\x0c"),             /* a refinement that is not there */
    };
    struct run r = run_default();
    struct host_session s = session(&r);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct host_reply reply = timed_call(&r, "/tfplugin6.Provider/ValidateResourceConfig",
                                             validate_request(&s, broken[i].data, broken[i].len));
        assert_refused(&r, &reply);
    }
    char deep[100000];
    memset(deep, '\x91', sizeof deep);
    struct host_reply reply = timed_call(&r, "/tfplugin6.Provider/ValidateResourceConfig",
                                         validate_request(&s, deep, sizeof deep));
    assert_refused(&r, &reply);
    assert_alive(&r);
    run_shutdown(&r);
}

/* Another type name than any that exists, in each method that takes one. */
static void test_unknown_types(void **state)
{
    (void)state;
    struct run r = run_default();
    struct host_session s = session(&r);
    struct host_answer answers[] = {
        host_validate(&s, "no_such_type", &value_null),
        host_upgrade(&s, "no_such_type", 0, "{}"),
        host_read(&s, "no_such_type", &value_null, (struct bytes){0}),
        host_plan(&s, &(struct host_change){.type_name = "no_such_type"}),
        host_apply(&s, &(struct host_change){.type_name = "no_such_type"}),
        host_import(&s, "no_such_type", "id"),
        host_move(&s, "registry.terraform.io/hashicorp/aws", "aws_vpc", 1, "{}", "no_such_type"),
        host_read_data(&s, "no_such_type", &value_null),
        host_function(&s, "no_such_function", NULL, 0),
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (host_ok(&answers[i])) {
            fail_msg("method %zu took an unknown type", i);
        }
    }
    assert_alive(&r);
    run_shutdown(&r);
}

static void test_large_messages(void **state)
{
    (void)state;
    struct run r = run_default();
    struct host_session s = session(&r);
    char *large = malloc(MESSAGE_MAX_BYTES + 1);
    assert_non_null(large);
    memset(large, '\xc0', MESSAGE_MAX_BYTES + 1);
    struct host_reply reply =
        host_call(r.channel, r.arena, "/tfplugin6.Provider/ValidateResourceConfig",
                  validate_request(&s, large, LARGE_BYTES), LARGE_TIMEOUT_MS);
    assert_int_not_equal(reply.status, 4);
    assert_refused(&r, &reply);
    assert_alive(&r);
    struct bytes above = {(const uint8_t *)large, MESSAGE_MAX_BYTES + 1};
    reply = host_call(r.channel, r.arena, "/tfplugin6.Provider/ValidateResourceConfig", above,
                      LARGE_TIMEOUT_MS);
    assert_int_equal(reply.status, STATUS_EXHAUSTED);
    assert_non_null(strstr(reply.message, "268435456"));
    free(large);
    assert_alive(&r);
    run_shutdown(&r);
}

/* ---- The end -------------------------------------------------------------------------------- */

static void test_shutdown_time(void **state)
{
    (void)state;
    uint64_t us[20];
    for (size_t i = 0; i < 20; i++) {
        struct run r = run_default();
        assert_alive(&r);
        us[i] = run_shutdown(&r);
    }
    qsort(us, 20, sizeof *us, compare_u64);
    print_message("Shutdown answered to process gone: median %.2f ms, slowest %.2f ms\n",
                  (double)us[10] / 1000, (double)us[19] / 1000);
    assert_true(clean_exit() || us[19] < SHUTDOWN_MAX_MS * 1000);
}

static void test_signals(void **state)
{
    (void)state;
    struct run r = run_default();
    assert_alive(&r);
    kill(r.process->pid, SIGINT);
    kill(r.process->pid, SIGPIPE);
    usleep(50 * 1000);
    kill(r.process->pid, SIGINT);
    assert_alive(&r);
    kill(r.process->pid, SIGTERM);
    assert_exit(&r, 0);
    assert_int_equal(access(r.process->socket_path, F_OK), -1);
    run_free(&r);
}

/* The connection goes away without Shutdown; the process is asked by nobody any more. */
static void test_closed_connection(void **state)
{
    (void)state;
    struct run r = run_default();
    assert_alive(&r);
    host_close(r.channel);
    r.channel = NULL;
    assert_true(host_wait(r.process, ORPHAN_TIMEOUT_MS));
    assert_int_equal(r.process->exit_code, 0);
    assert_non_null(strstr(host_errors(r.process, r.arena), "[WARN] "));
    assert_int_equal(access(r.process->socket_path, F_OK), -1);
    run_free(&r);
}

/* Go's plugin client ends one stream by itself before it sends Shutdown. */
static void test_one_stream_ends(void **state)
{
    (void)state;
    struct run r = run_default();
    assert_alive(&r);
    struct run second = r;
    second.channel = host_dial(r.process);
    host_open_streams(second.channel);
    assert_alive(&second);
    host_close(second.channel);
    usleep(400 * 1000);
    assert_alive(&r);
    run_shutdown(&r);
}

/* Starts itself as the client, reads the provider's pid, kills the client. */
static void client_dies(const char *mode)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    const char *const arguments[] = {"hold", mode, NULL};
    struct run client = run_start(
        &(struct host_options){.binary = self, .no_cookie = true, .arguments = arguments});
    assert_true(host_read_line(client.process, START_TIMEOUT_MS));
    struct host_process provider = {.pid = (pid_t)atoi(client.process->line)};
    assert_true(provider.pid > 1);
    assert_int_equal(kill(provider.pid, 0), 0);
    kill(client.process->pid, SIGKILL);
    assert_exit(&client, 128 + SIGKILL);
    uint64_t before = host_now_us();
    bool gone = host_wait(&provider, ORPHAN_TIMEOUT_MS);
    if (!gone) {
        kill(provider.pid, SIGKILL);
        host_wait(&provider, ORPHAN_TIMEOUT_MS);
    }
    assert_true(gone);
    print_message("host killed (%s), provider gone after %.0f ms\n", mode,
                  (double)(host_now_us() - before) / 1000);
    assert_int_equal(provider.exit_code, 0);
    run_free(&client);
}

static void test_host_dies(void **state)
{
    (void)state;
    client_dies("connected");
    client_dies("started");
}

static int hold(const char *mode)
{
    struct host_process *p = host_start(&(struct host_options){.binary = binary()});
    if (!p || host_handshake(p, START_TIMEOUT_MS)) {
        return 1;
    }
    if (strcmp(mode, "connected") == 0) {
        struct host_channel *c = host_dial(p);
        struct arena *a = arena_new();
        host_open_streams(c);
        if (!a || host_call(c, a, "/tfplugin6.Provider/GetProviderSchema", (struct bytes){0},
                            CALL_TIMEOUT_MS)
                          .status != 0) {
            return 1;
        }
    }
    printf("%d\n", (int)p->pid);
    fflush(stdout);
    sleep(60); /* until killed */
    return 1;
}

/* ---- At the same time ----------------------------------------------------------------------- */

static void test_stop_among_calls(void **state)
{
    (void)state;
    struct run r = run_default();
    struct host_session s = session(&r);
    struct host_call *calls[PARALLEL];
    for (int i = 0; i < PARALLEL; i++) {
        calls[i] = host_begin(r.channel, "/tfplugin6.Provider/GetProviderSchema", (struct bytes){0},
                              CALL_TIMEOUT_MS);
    }
    struct host_answer stop = host_stop(&s);
    assert_true(host_ok(&stop));
    for (int i = 0; i < PARALLEL; i++) {
        assert_int_equal(host_finish(calls[i], r.arena).status, 0);
    }
    run_shutdown(&r);
}

/* More at once than requests are posted. */
static void test_many_calls(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    struct run r = run_default();
    struct host_call *calls[MANY];
    for (int i = 0; i < MANY; i++) {
        calls[i] =
            host_begin(r.channel, i % 2 ? "/tfplugin6.Provider/GetMetadata" : "/no.such/Method",
                       (struct bytes){0}, CALL_TIMEOUT_MS);
        if (i % 7 == 0) {
            host_cancel(calls[i]);
        }
    }
    for (int i = 0; i < MANY; i++) {
        int status = host_finish(calls[i], r.arena).status;
        if (i % 7 != 0) {
            assert_int_equal(status, i % 2 ? 0 : STATUS_UNKNOWN);
        }
    }
    assert_alive(&r);
    run_shutdown(&r);
}

/* ---- Log ------------------------------------------------------------------------------------ */

static void test_log_levels(void **state)
{
    (void)state;
    static const char *const environment[] = {"TF_LOG=trace", "TF_LOG_PROVIDER",
                                              "GRPC_VERBOSITY=DEBUG", NULL};
    struct run r =
        run_connected(&(struct host_options){.binary = binary(), .environment = environment});
    assert_alive(&r);
    refused_with(NULL, NULL, &r); /* gRPC complains by itself */
    assert_true(host_shutdown(r.channel, r.arena));
    assert_exit(&r, 0);
    char *text = arena_strdup(r.arena, host_errors(r.process, r.arena));
    unsigned lines = 0;
    for (char *line; (line = strsep(&text, "\n")) && *line; lines++) {
        char level[8];
        if (sscanf(line, "[%7[A-Z]] ", level) != 1 ||
            !strstr("TRACE DEBUG INFO WARN ERROR", level)) {
            fail_msg("no level: %s", line);
        }
    }
    assert_true(lines > 3);
    run_free(&r);
}

static void test_quiet(void **state)
{
    (void)state;
    static const char *const environment[] = {"TF_LOG", "TF_LOG_PROVIDER", "GRPC_VERBOSITY",
                                              "GRPC_TRACE", NULL};
    struct run r =
        run_connected(&(struct host_options){.binary = binary(), .environment = environment});
    assert_alive(&r);
    host_shutdown(r.channel, r.arena);
    assert_exit(&r, 0);
    assert_string_equal(host_errors(r.process, r.arena), "");
    run_free(&r);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "hold") == 0) {
        return hold(argv[2]);
    }
    /* Orphaned providers become children of this process, which can then see their end. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    tls_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_empty_certificate),
        cmocka_unit_test(test_broken_certificate),
        cmocka_unit_test(test_socket_is_private),
        cmocka_unit_test(test_tmpdir),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_only_protocol_5),
        cmocka_unit_test(test_version_sets),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_debug),
        cmocka_unit_test(test_every_method),
        cmocka_unit_test(test_unknown_methods),
        cmocka_unit_test(test_malformed_protobuf),
        cmocka_unit_test(test_malformed_msgpack),
        cmocka_unit_test(test_unknown_types),
        cmocka_unit_test(test_large_messages),
        cmocka_unit_test(test_shutdown_time),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_closed_connection),
        cmocka_unit_test(test_one_stream_ends),
        cmocka_unit_test(test_host_dies),
        cmocka_unit_test(test_stop_among_calls),
        cmocka_unit_test(test_many_calls),
        cmocka_unit_test(test_log_levels),
        cmocka_unit_test(test_quiet),
    };
    print_message("provider: %s\n", binary());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
