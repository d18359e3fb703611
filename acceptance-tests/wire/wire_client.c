/*
 * wire_client - plays Terraform: starts a provider's binary and talks to it
 *
 * The process. stdout is a pipe, as with Terraform. stderr goes to a file in memory instead of a
 * pipe: nobody has to read it while calls are running, however much is written, and a test can
 * look at all of it at the end. The child is made with posix_spawn, which is safe beside gRPC's
 * threads.
 *
 * The connection. All channels share one completion queue, which is served by whoever waits for
 * an answer; events of other calls that come meanwhile are noted at their calls (`finished`). Every
 * call has a deadline with gRPC itself, so waiting needs no time-out of its own. The streams have
 * none and are cancelled before the end.
 *
 * Out of memory ends the test program with a message: it is no part of what is tested.
 */
#include "wire_client.h"

#include <errno.h>
#include <fcntl.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/handshake.h"

/* What Terraform gives its plugins. */
#define CLIENT_GROUP "P-521"
#define MIN_PORT     "PLUGIN_MIN_PORT=10000"
#define MAX_PORT     "PLUGIN_MAX_PORT=25000"

#define SHUTDOWN_TIMEOUT_MS 2000
#define ARGUMENTS_MAX       32
#define RESPONSE_MAX        (512 << 20)

extern char **environ;

static void *need(void *p)
{
    if (!p) {
        fputs("wire_client: out of memory\n", stderr);
        abort();
    }
    return p;
}

uint64_t host_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Milliseconds until `end_us` for poll, at least 0. */
static int left_ms(uint64_t end_us)
{
    uint64_t now = host_now_us();
    return now >= end_us ? 0 : (int)((end_us - now + 999) / 1000);
}

/* ---- The process ---------------------------------------------------------------------------- */

/* A growing, NULL-terminated list of texts that it owns. */
struct texts {
    char **items;
    size_t count;
};

static void texts_add(struct texts *t, const char *text)
{
    t->items = need(realloc(t->items, (t->count + 2) * sizeof *t->items));
    t->items[t->count++] = need(strdup(text));
    t->items[t->count] = NULL;
}

static void texts_free(struct texts *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->items[i]);
    }
    free(t->items);
}

/* Sets "NAME=value", or removes "NAME". */
static void environment_apply(struct texts *t, const char *change)
{
    size_t name = strcspn(change, "=");
    for (size_t i = 0; i < t->count; i++) {
        if (strncmp(t->items[i], change, name) == 0 && t->items[i][name] == '=') {
            free(t->items[i]);
            t->items[i] = t->items[--t->count];
            t->items[t->count] = NULL;
            break;
        }
    }
    if (change[name] == '=') {
        texts_add(t, change);
    }
}

static void environment_set(struct texts *t, const char *name, const char *value)
{
    char *text;
    if (asprintf(&text, "%s=%s", name, value) < 0) {
        need(NULL);
    }
    environment_apply(t, text);
    free(text);
}

static struct texts make_environment(const struct host_options *o, const struct tls_identity *id)
{
    struct texts t = {0};
    for (char **e = environ; *e; e++) {
        texts_add(&t, *e);
    }
    environment_apply(&t, "PLUGIN_CLIENT_CERT");
    environment_apply(&t, HANDSHAKE_COOKIE_NAME);
    if (!o->no_cookie) {
        environment_set(&t, HANDSHAKE_COOKIE_NAME, HANDSHAKE_COOKIE);
        environment_set(&t, "PLUGIN_PROTOCOL_VERSIONS", o->versions ? o->versions : "5,6");
        environment_apply(&t, MIN_PORT);
        environment_apply(&t, MAX_PORT);
    }
    if (id) {
        environment_set(&t, "PLUGIN_CLIENT_CERT", id->certificate_pem);
    }
    for (const char *const *e = o->environment; e && *e; e++) {
        environment_apply(&t, *e);
    }
    return t;
}

static int spawn(struct host_process *p, const struct host_options *o, int output, char **env)
{
    char *arguments[ARGUMENTS_MAX + 2] = {(char *)o->binary};
    for (size_t i = 0; o->arguments && o->arguments[i] && i < ARGUMENTS_MAX; i++) {
        arguments[i + 1] = (char *)o->arguments[i];
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, p->errors, STDERR_FILENO);
    if (o->directory) {
        posix_spawn_file_actions_addchdir_np(&actions, o->directory);
    }
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int rc = posix_spawn(&p->pid, o->binary, &actions, &attributes, arguments, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

struct host_process *host_start(const struct host_options *o)
{
    struct host_process *p = need(calloc(1, sizeof *p));
    p->output = p->errors = -1;
    if (!o->plain && !o->no_cookie) {
        const char *error;
        p->identity = tls_identity_new(CLIENT_GROUP, &error);
        if (!p->identity) {
            fprintf(stderr, "wire_client: no client certificate: %s\n", error);
            abort();
        }
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        host_free(p);
        return NULL;
    }
    p->output = ends[0];
    p->errors = memfd_create("stderr", MFD_CLOEXEC);
    struct texts env = make_environment(o, p->identity);
    int rc = p->errors < 0 ? errno : spawn(p, o, ends[1], env.items);
    texts_free(&env);
    close(ends[1]);
    if (rc != 0) {
        p->pid = 0;
        host_free(p);
        errno = rc;
        return NULL;
    }
    return p;
}

/* One byte at a time, so that nothing behind the line is taken. */
bool host_read_line(struct host_process *p, unsigned timeout_ms)
{
    uint64_t end = host_now_us() + timeout_ms * 1000ull;
    size_t len = 0;
    while (len < sizeof p->line - 1) {
        struct pollfd f = {.fd = p->output, .events = POLLIN};
        int ready = poll(&f, 1, left_ms(end));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0 || read(p->output, p->line + len, 1) != 1) {
            break;
        }
        if (p->line[len] == '\n') {
            p->line[len] = '\0';
            return true;
        }
        len++;
    }
    p->line[len] = '\0';
    return false;
}

/* As Go's RawStdEncoding: refuses '=', white space and anything else. Returns PEM, or NULL. */
static char *certificate_from_base64(const char *text)
{
    size_t len = strlen(text);
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (len % 4 == 1 || strspn(text, alphabet) != len) {
        return NULL;
    }
    unsigned char padded[4096 + 4], der[4096 + 4];
    size_t padded_len = (len + 3) / 4 * 4;
    if (padded_len >= sizeof padded) {
        return NULL;
    }
    memset(padded, '=', padded_len);
    memcpy(padded, text, len);
    int der_len = EVP_DecodeBlock(der, padded, (int)padded_len);
    const unsigned char *in = der;
    X509 *x = der_len > 0 ? d2i_X509(NULL, &in, der_len) : NULL;
    /* Go refuses bytes behind the certificate; the decoder above leaves those of the padding. */
    bool whole = x && in == der + der_len - (padded_len - len);
    BIO *b = BIO_new(BIO_s_mem());
    char *pem = NULL;
    if (whole && b && PEM_write_bio_X509(b, x)) {
        char *data;
        long n = BIO_get_mem_data(b, &data);
        pem = need(strndup(data, (size_t)n));
    }
    BIO_free(b);
    X509_free(x);
    return pem;
}

const char *host_handshake(struct host_process *p, unsigned timeout_ms)
{
    if (!host_read_line(p, timeout_ms)) {
        return "no handshake line within the time";
    }
    char line[sizeof p->line];
    memcpy(line, p->line, sizeof line);
    char *rest = line, *fields[6];
    for (size_t i = 0; i < 6; i++) {
        fields[i] = strsep(&rest, "|");
        if (!fields[i]) {
            return "fewer than six fields";
        }
    }
    if (rest) {
        return "more than six fields";
    }
    if (strcmp(fields[0], "1") != 0 || strcmp(fields[1], "6") != 0 ||
        strcmp(fields[2], "unix") != 0 || strcmp(fields[4], "grpc") != 0) {
        return "not core protocol 1, application protocol 6, unix, grpc";
    }
    if (fields[3][0] != '/' || strlen(fields[3]) > 107) {
        return "the socket's path is not absolute or too long";
    }
    snprintf(p->socket_path, sizeof p->socket_path, "%s", fields[3]);
    if (!p->identity) {
        return fields[5][0] ? "a certificate without TLS" : NULL;
    }
    p->certificate_pem = certificate_from_base64(fields[5]);
    return p->certificate_pem ? NULL : "the certificate is not DER in unpadded base64";
}

static bool reap(struct host_process *p, int flags)
{
    int status;
    if (!p->ended && p->pid > 0 && waitpid(p->pid, &status, flags) == p->pid) {
        p->ended = true;
        p->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return p->ended;
}

/* A process descriptor becomes readable at the end: no polling, exact to the microsecond. */
bool host_wait(struct host_process *p, unsigned timeout_ms)
{
    uint64_t end = host_now_us() + timeout_ms * 1000ull;
    int fd = p->ended ? -1 : pidfd_open(p->pid, 0);
    while (fd >= 0) {
        struct pollfd f = {.fd = fd, .events = POLLIN};
        int ready = poll(&f, 1, left_ms(end));
        if (ready >= 0 || errno != EINTR) {
            break;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return reap(p, WNOHANG);
}

const char *host_errors(struct host_process *p, struct arena *a)
{
    struct stat st;
    if (fstat(p->errors, &st) != 0 || st.st_size <= 0) {
        return "";
    }
    char *text = arena_alloc(a, (size_t)st.st_size + 1);
    ssize_t n = pread(p->errors, text, (size_t)st.st_size, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

const char *host_output(struct host_process *p, struct arena *a, unsigned timeout_ms)
{
    uint64_t end = host_now_us() + timeout_ms * 1000ull;
    char text[64 << 10];
    size_t len = 0;
    while (len < sizeof text - 1) {
        struct pollfd f = {.fd = p->output, .events = POLLIN};
        int ready = poll(&f, 1, left_ms(end));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        ssize_t n = ready > 0 ? read(p->output, text + len, sizeof text - 1 - len) : 0;
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    return arena_strndup(a, text, len);
}

void host_free(struct host_process *p)
{
    if (!p) {
        return;
    }
    if (p->pid > 0 && !reap(p, WNOHANG)) {
        kill(p->pid, SIGKILL);
        reap(p, 0);
        unlink(p->socket_path); /* a killed process leaves it behind */
    }
    if (p->output >= 0) {
        close(p->output);
    }
    if (p->errors >= 0) {
        close(p->errors);
    }
    tls_identity_free(p->identity);
    free(p->certificate_pem);
    free(p);
}

/* ---- The connection ------------------------------------------------------------------------- */

struct host_call {
    struct host_channel *channel;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *request, *response;
    grpc_status_code status;
    grpc_slice details;
    bool finished;
};

struct host_channel {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    struct host_call *streams[2];
};

struct host_channel *host_connect(const char *socket_path, const char *server_pem,
                                  const struct tls_identity *client)
{
    grpc_init();
    struct host_channel *c = need(calloc(1, sizeof *c));
    c->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_channel_credentials *credentials;
    if (server_pem) {
        grpc_ssl_pem_key_cert_pair pair = {0};
        if (client) {
            pair = (grpc_ssl_pem_key_cert_pair){client->key_pem, client->certificate_pem};
        }
        credentials = grpc_ssl_credentials_create_ex(server_pem, client ? &pair : NULL, NULL, NULL);
    } else {
        credentials = grpc_insecure_credentials_create();
    }
    grpc_arg args[] = {
        {.type = GRPC_ARG_STRING,
         .key = GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
         .value.string = "localhost"},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         .value.integer = RESPONSE_MAX},
        /* Each channel its own connection: two of one process must not share one. */
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1},
    };
    grpc_channel_args all = {sizeof args / sizeof *args, args};
    char target[160];
    snprintf(target, sizeof target, "unix:%s", socket_path);
    c->channel = grpc_channel_create(target, credentials, &all);
    grpc_channel_credentials_release(credentials);
    return c;
}

struct host_channel *host_dial(const struct host_process *p)
{
    return host_connect(p->socket_path, p->certificate_pem, p->identity);
}

static struct host_call *new_call(struct host_channel *c, const char *method, gpr_timespec deadline)
{
    struct host_call *call = need(calloc(1, sizeof *call));
    call->channel = c;
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    call->details = grpc_empty_slice();
    grpc_slice path = grpc_slice_from_copied_string(method);
    grpc_slice host = grpc_slice_from_static_string("localhost");
    call->call = grpc_channel_create_call(c->channel, NULL, GRPC_PROPAGATE_DEFAULTS, c->queue, path,
                                          &host, deadline, NULL);
    grpc_slice_unref(path);
    return call;
}

static void start(struct host_call *call, const grpc_op *ops, size_t count)
{
    grpc_call_error e = grpc_call_start_batch(call->call, ops, count, call, NULL);
    if (e != GRPC_CALL_OK) {
        fprintf(stderr, "wire_client: %s\n", grpc_call_error_to_string(e));
        abort();
    }
}

static grpc_op receive_status(struct host_call *call)
{
    grpc_op op = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    op.data.recv_status_on_client.trailing_metadata = &call->trailing;
    op.data.recv_status_on_client.status = &call->status;
    op.data.recv_status_on_client.status_details = &call->details;
    return op;
}

struct host_call *host_begin(struct host_channel *c, const char *method, struct bytes request,
                             unsigned timeout_ms)
{
    gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
    struct host_call *call = new_call(c, method, deadline);
    grpc_slice content = grpc_slice_from_copied_buffer((const char *)request.data, request.len);
    call->request = grpc_raw_byte_buffer_create(&content, 1);
    grpc_slice_unref(content);
    grpc_op ops[6] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
                      {.op = GRPC_OP_RECV_MESSAGE},           receive_status(call)};
    ops[1].data.send_message.send_message = call->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    ops[4].data.recv_message.recv_message = &call->response;
    start(call, ops, 6);
    return call;
}

void host_cancel(struct host_call *call)
{
    grpc_call_cancel(call->call, NULL);
}

static void wait_for(struct host_call *call)
{
    while (!call->finished) {
        grpc_event e = grpc_completion_queue_next(call->channel->queue,
                                                  gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (e.type == GRPC_OP_COMPLETE) {
            ((struct host_call *)e.tag)->finished = true;
        }
    }
}

static void free_call(struct host_call *call)
{
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->response);
    grpc_slice_unref(call->details);
    grpc_call_unref(call->call);
    free(call);
}

static struct bytes copy_body(struct arena *a, grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    if (!buffer || !grpc_byte_buffer_reader_init(&reader, buffer)) {
        return (struct bytes){0};
    }
    grpc_slice s = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    struct bytes b = {arena_memdup(a, GRPC_SLICE_START_PTR(s), GRPC_SLICE_LENGTH(s)),
                      GRPC_SLICE_LENGTH(s)};
    grpc_slice_unref(s);
    return b;
}

struct host_reply host_finish(struct host_call *call, struct arena *a)
{
    wait_for(call);
    struct host_reply r = {
        .status = (int)call->status,
        .message = arena_strndup(a, (const char *)GRPC_SLICE_START_PTR(call->details),
                                 GRPC_SLICE_LENGTH(call->details)),
        .body = copy_body(a, call->response),
    };
    free_call(call);
    return r;
}

struct host_reply host_call(struct host_channel *c, struct arena *a, const char *method,
                            struct bytes request, unsigned timeout_ms)
{
    return host_finish(host_begin(c, method, request, timeout_ms), a);
}

bool host_shutdown(struct host_channel *c, struct arena *a)
{
    struct host_reply reply =
        host_call(c, a, "/plugin.GRPCController/Shutdown", (struct bytes){0}, SHUTDOWN_TIMEOUT_MS);
    return reply.status == GRPC_STATUS_OK || reply.status == GRPC_STATUS_UNAVAILABLE;
}

/* The request of the first is one empty message; the second is open in both directions. */
void host_open_streams(struct host_channel *c)
{
    static const char *const methods[] = {"/plugin.GRPCStdio/StreamStdio",
                                          "/plugin.GRPCBroker/StartStream"};
    for (size_t i = 0; i < 2; i++) {
        struct host_call *call = new_call(c, methods[i], gpr_inf_future(GPR_CLOCK_MONOTONIC));
        grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, receive_status(call)};
        size_t count = 2;
        if (i == 0) {
            grpc_slice nothing = grpc_empty_slice();
            call->request = grpc_raw_byte_buffer_create(&nothing, 1);
            ops[count].op = GRPC_OP_SEND_MESSAGE;
            ops[count++].data.send_message.send_message = call->request;
            ops[count++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
        }
        start(call, ops, count);
        c->streams[i] = call;
    }
}

void host_close(struct host_channel *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (c->streams[i]) {
            host_cancel(c->streams[i]);
            wait_for(c->streams[i]);
            free_call(c->streams[i]);
        }
    }
    grpc_channel_destroy(c->channel);
    grpc_completion_queue_shutdown(c->queue);
    while (grpc_completion_queue_next(c->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(c->queue);
    grpc_shutdown_blocking();
    free(c);
}
