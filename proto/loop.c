/*
 * loop - requests from a gRPC connection to the runtime and back
 *
 * One thread takes events from one completion queue and runs everything inline. Handlers take
 * microseconds, so a second thread would cost more in locks and wake-ups than it could win; the
 * runtime keeps calls that have to wait, and the time-out of the next event is its next timer.
 *
 * Dispatch. No method is registered with gRPC: the core matches unregistered methods only against
 * outstanding generic requests and never answers UNIMPLEMENTED by itself, so a host that asks for
 * a method of a newer protocol would hang. All calls are accepted generically (ACCEPTS_POSTED of
 * them outstanding at any time) and looked up by name in one table.
 *
 * The life of a call (struct rpc). Each batch given to gRPC comes back as one event; `pending`
 * counts those on the way, and the call is released when none is left and it is over.
 *
 *   accepted -> received -> answered ----------> sent                (the usual case)
 *   accepted -> received -> kept by the runtime, watched -> answered -> sent, closed
 *                                                       \-> closed: the peer gave up
 *   accepted -> held -> closed                                       (the host's two streams)
 *
 * A call is watched for its peer going away only if the runtime keeps it: the usual call then
 * needs one event less. RECV_CLOSE_ON_SERVER is part of exactly one batch of each call: of the
 * watch if there was one, else of the answer.
 *
 * The end. Hosts wait for a plugin's exit after Shutdown (Terraform up to 2 s, then SIGKILL), so
 * the process leaves with _exit as soon as the answer is on its way; taking gRPC down in order
 * would cost milliseconds in every one of the several processes of one command. A host that died
 * sends nothing: its streams end. Go's plugin client ends one of the two itself before Shutdown,
 * so only the end of the last one counts, and only when no Shutdown follows within GRACE_MS. A
 * host that died before it opened a stream is noticed by its process id. (A parent-death signal
 * would fire when the host's thread that started us ends, which in Go is at any time.)
 *
 * Signals. SIGINT goes to the whole process group and is the host's to handle: it sends
 * StopProvider. SIGTERM and SIGHUP leave between two calls: while the loop waits for events, the
 * signal handler itself leaves (unlink and _exit are allowed there), else it leaves a note that
 * the loop finds after the current event.
 */
#include "proto/loop.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/codec.h"
#include "proto/dispatch.h"
#include "proto/handshake.h"
#include "proto/host.h"
#include "proto/log.h"

/* Accepted and matched in one go; more than Terraform's default -parallelism. */
#define ACCEPTS_POSTED 16
/* The end of the last stream to Shutdown, see above. */
#define GRACE_MS 100
/* While no stream is open: is the host still there? */
#define HOST_POLL_MS 250
/* With clean_exit the signal handler cannot leave by itself. */
#define SIGNAL_POLL_MS 20
/* A status message travels in a header, percent-encoded; headers are limited to 8 KiB. */
#define STATUS_TEXT_MAX_BYTES 2048

enum step { STEP_ACCEPTED, STEP_RECEIVED, STEP_CLOSED, STEP_SENT, STEP_COUNT };

struct rpc;

/* What gRPC gives back with an event. */
struct tag {
    struct rpc *rpc;
    enum step step;
};

struct rpc {
    struct loop *loop;
    struct tag tags[STEP_COUNT];
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    char *method; /* gpr_free */
    const struct service *service;
    grpc_byte_buffer *request, *reply;
    int cancelled;    /* written by gRPC with STEP_CLOSED */
    unsigned pending; /* batches on the way */
    bool over;        /* answered, or the peer is gone: nothing more will be started */
    bool watched;
};

struct loop {
    struct loop_options options;
    struct runtime *runtime;
    grpc_completion_queue *queue;
    grpc_server *server;
    bool started, leaving;
    unsigned accepts; /* posted now */
    unsigned held;    /* streams open now */
    pid_t host;
    uint64_t leave_at_ms; /* UINT64_MAX: not planned */
};

/* For the signal handler. */
static struct {
    const char *socket_path;
    atomic_bool requested;
    atomic_bool idle; /* nothing but waiting for events: the handler may leave */
} process;

static void leave_now(void)
{
    unlink(process.socket_path);
    _exit(0);
}

static void on_end_signal(int number)
{
    (void)number;
    atomic_store(&process.requested, true);
    if (atomic_load(&process.idle)) {
        leave_now();
    }
}

static void take_signals(const struct loop_options *o)
{
    process.socket_path = o->socket_path;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction end = {.sa_handler = on_end_signal, .sa_flags = SA_RESTART};
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGINT, o->hosted ? &ignore : &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) { /* nohup */
        sigaction(SIGHUP, &end, NULL);
    }
}

static uint64_t now_ms(void)
{
    gpr_timespec t = gpr_now(GPR_CLOCK_MONOTONIC);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static gpr_timespec at_ms(uint64_t ms)
{
    if (ms > INT64_MAX) {
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    }
    return (gpr_timespec){.tv_sec = (int64_t)(ms / 1000),
                          .tv_nsec = (int32_t)(ms % 1000 * 1000000),
                          .clock_type = GPR_CLOCK_MONOTONIC};
}

static void leave(struct loop *l)
{
    if (!l->options.clean_exit) {
        leave_now();
    }
    l->leaving = true;
}

/* ---- Calls ---------------------------------------------------------------------------------- */

static void rpc_free(struct rpc *r)
{
    grpc_call_details_destroy(&r->details);
    grpc_metadata_array_destroy(&r->metadata);
    grpc_byte_buffer_destroy(r->request);
    grpc_byte_buffer_destroy(r->reply);
    gpr_free(r->method);
    if (r->call) {
        grpc_call_unref(r->call);
    }
    free(r);
}

/* Batches are built below from constants, so a refusal is a mistake in this file. */
static void start_batch(struct rpc *r, const grpc_op *ops, size_t count, enum step step)
{
    grpc_call_error e = grpc_call_start_batch(r->call, ops, count, &r->tags[step], NULL);
    if (e != GRPC_CALL_OK) {
        log_line(LOG_ERROR, "gRPC refused a batch: %s", grpc_call_error_to_string(e));
        abort();
    }
    r->pending++;
}

static void post_accept(struct loop *l)
{
    struct rpc *r = calloc(1, sizeof *r);
    if (!r) {
        return; /* tried again after the next event */
    }
    r->loop = l;
    for (int step = 0; step < STEP_COUNT; step++) {
        r->tags[step] = (struct tag){r, (enum step)step};
    }
    grpc_call_details_init(&r->details);
    grpc_metadata_array_init(&r->metadata);
    grpc_call_error e = grpc_server_request_call(l->server, &r->call, &r->details, &r->metadata,
                                                 l->queue, l->queue, &r->tags[STEP_ACCEPTED]);
    if (e != GRPC_CALL_OK) {
        log_line(LOG_ERROR, "gRPC accepts no calls: %s", grpc_call_error_to_string(e));
        rpc_free(r);
        return;
    }
    r->pending = 1;
    l->accepts++;
}

static void answer(struct rpc *r, int status, const char *message, struct bytes body)
{
    size_t message_len = message ? strnlen(message, STATUS_TEXT_MAX_BYTES) : 0;
    grpc_slice details = grpc_slice_from_copied_buffer(message, message_len);
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_STATUS_FROM_SERVER}};
    ops[1].data.send_status_from_server.status = (grpc_status_code)status;
    ops[1].data.send_status_from_server.status_details = &details;
    size_t count = 2;
    if (status == STATUS_OK) {
        grpc_slice content = grpc_slice_from_copied_buffer((const char *)body.data, body.len);
        r->reply = grpc_raw_byte_buffer_create(&content, 1);
        grpc_slice_unref(content);
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = r->reply;
    }
    if (!r->watched) {
        ops[count].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
        ops[count++].data.recv_close_on_server.cancelled = &r->cancelled;
    }
    r->over = true;
    start_batch(r, ops, count, STEP_SENT);
    grpc_slice_unref(details);
}

/* runtime_reply */
static void on_reply(void *ctx, void *tag, int status, const char *message, struct bytes body)
{
    (void)ctx;
    answer(tag, status, message, body);
}

/* ---- Services ------------------------------------------------------------------------------- */

struct service {
    const char *path; /* a whole method, or everything below when it ends with '/' */
    bool held;        /* a stream that says no more than that the host is there */
    void (*handle)(struct rpc *r, struct bytes request);
};

static void handle_provider(struct rpc *r, struct bytes request)
{
    runtime_request(r->loop->runtime, r->method, request, r, now_ms());
    if (!r->over) {
        grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
        op.data.recv_close_on_server.cancelled = &r->cancelled;
        r->watched = true;
        start_batch(r, &op, 1, STEP_CLOSED);
    }
}

/* Leaving follows when the answer has been sent. */
static void handle_shutdown(struct rpc *r, struct bytes request)
{
    (void)request;
    answer(r, STATUS_OK, NULL, (struct bytes){0});
}

static void handle_health(struct rpc *r, struct bytes request)
{
    (void)request;
    static const uint8_t serving[] = {0x08, 0x01}; /* HealthCheckResponse{status: SERVING} */
    answer(r, STATUS_OK, NULL, (struct bytes){serving, sizeof serving});
}

static const struct service services[] = {
    {.path = "/tfplugin6.Provider/", .handle = handle_provider},
    {.path = "/plugin.GRPCController/Shutdown", .handle = handle_shutdown},
    {.path = "/plugin.GRPCStdio/StreamStdio", .held = true},
    {.path = "/plugin.GRPCBroker/StartStream", .held = true},
    {.path = "/grpc.health.v1.Health/Check", .handle = handle_health},
};

static const struct service *find_service(const char *method)
{
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        const char *path = services[i].path;
        size_t len = strlen(path);
        if (path[len - 1] == '/' ? strncmp(method, path, len) == 0 : strcmp(method, path) == 0) {
            return &services[i];
        }
    }
    return NULL;
}

static void hold(struct rpc *r)
{
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_CLOSE_ON_SERVER}};
    ops[1].data.recv_close_on_server.cancelled = &r->cancelled;
    start_batch(r, ops, 2, STEP_CLOSED);
    r->loop->held++;
    r->loop->leave_at_ms = UINT64_MAX;
}

static void refuse_unknown(struct rpc *r)
{
    char message[STATUS_TEXT_MAX_BYTES];
    snprintf(message, sizeof message, "%s is not implemented by this plugin", r->method);
    log_line(LOG_DEBUG, "%s", message);
    answer(r, STATUS_UNIMPLEMENTED, message, (struct bytes){0});
}

/* ---- Events --------------------------------------------------------------------------------- */

static void on_accepted(struct rpc *r)
{
    r->method = grpc_slice_to_c_string(r->details.method);
    r->service = find_service(r->method);
    log_line(LOG_TRACE, "call %s", r->method);
    if (!r->service) {
        refuse_unknown(r);
    } else if (r->service->held) {
        hold(r);
    } else {
        grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
        op.data.recv_message.recv_message = &r->request;
        start_batch(r, &op, 1, STEP_RECEIVED);
    }
}

/* No message at all is an empty one, unless the reason is a broken one: then gRPC has told the
 * peer already (a request above the limit: RESOURCE_EXHAUSTED with both numbers). */
static void on_received(struct rpc *r, bool success)
{
    if (!r->request && (!success || grpc_call_failed_before_recv_message(r->call))) {
        log_line(LOG_WARN, "%s: the request was not received whole", r->method);
        answer(r, STATUS_INTERNAL, "the request was not received whole", (struct bytes){0});
        return;
    }
    if (!r->request) {
        r->service->handle(r, (struct bytes){0});
        return;
    }
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, r->request)) {
        answer(r, STATUS_INTERNAL, "the request cannot be read", (struct bytes){0});
        return;
    }
    grpc_slice content = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(r->request); /* a large one should not be there twice */
    r->request = NULL;
    r->service->handle(r,
                       (struct bytes){GRPC_SLICE_START_PTR(content), GRPC_SLICE_LENGTH(content)});
    grpc_slice_unref(content);
}

static void on_closed(struct rpc *r)
{
    struct loop *l = r->loop;
    if (r->service->held) {
        r->over = true;
        if (--l->held == 0 && l->options.hosted) {
            l->leave_at_ms = now_ms() + GRACE_MS;
        }
    } else if (!r->over) {
        r->over = true;
        log_line(LOG_DEBUG, "%s: given up by the peer", r->method);
        runtime_cancel(l->runtime, r);
    }
}

static void on_event(struct loop *l, const struct tag *t, bool success)
{
    struct rpc *r = t->rpc;
    r->pending--;
    switch (t->step) {
    case STEP_ACCEPTED:
        l->accepts--;
        if (success) {
            on_accepted(r);
        } else {
            r->over = true;
        }
        break;
    case STEP_RECEIVED:
        on_received(r, success);
        break;
    case STEP_CLOSED:
        on_closed(r);
        break;
    case STEP_SENT:
        if (r->service && r->service->handle == handle_shutdown) {
            leave(l);
        }
        break;
    case STEP_COUNT:
        break;
    }
    if (r->over && r->pending == 0) {
        rpc_free(r);
    }
}

/* ---- The loop ------------------------------------------------------------------------------- */

static uint64_t next_due_ms(struct loop *l, uint64_t now)
{
    uint64_t due = runtime_tick(l->runtime, now);
    if (due > l->leave_at_ms) {
        due = l->leave_at_ms;
    }
    if (l->options.hosted && l->held == 0 && due > now + HOST_POLL_MS) {
        due = now + HOST_POLL_MS;
    }
    if (l->options.clean_exit && due > now + SIGNAL_POLL_MS) {
        due = now + SIGNAL_POLL_MS;
    }
    return due;
}

static void leave_if_over(struct loop *l)
{
    if (atomic_load(&process.requested)) {
        leave(l);
    } else if (l->leave_at_ms <= now_ms()) {
        log_line(LOG_WARN, "the host ended its streams without Shutdown: it is gone, leaving");
        leave(l);
    } else if (l->options.hosted && l->held == 0 && getppid() != l->host) {
        log_line(LOG_WARN, "the host process is gone, leaving");
        leave(l);
    }
}

void loop_run(struct loop *l)
{
    while (!l->leaving) {
        while (l->accepts < ACCEPTS_POSTED) {
            unsigned before = l->accepts;
            post_accept(l);
            if (l->accepts == before) {
                break;
            }
        }
        gpr_timespec deadline = at_ms(next_due_ms(l, now_ms()));
        atomic_store(&process.idle, !l->options.clean_exit);
        leave_if_over(l); /* a signal just before idle was set is seen here */
        if (l->leaving) {
            break;
        }
        grpc_event e = grpc_completion_queue_next(l->queue, deadline, NULL);
        atomic_store(&process.idle, false);
        if (e.type == GRPC_OP_COMPLETE) {
            on_event(l, e.tag, e.success);
        }
    }
}

/* ---- Start and end -------------------------------------------------------------------------- */

static grpc_server_credentials *credentials(const struct loop_options *o)
{
    if (!o->identity) {
        return grpc_insecure_server_credentials_create();
    }
    grpc_ssl_pem_key_cert_pair pair = {o->identity->key_pem, o->identity->certificate_pem};
    grpc_ssl_server_certificate_config *config =
        grpc_ssl_server_certificate_config_create(o->peer_certificate, &pair, 1);
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config(
            GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, config));
}

/* The umask makes the socket one of this user from its first moment. */
static bool listen_at(grpc_server *server, const struct loop_options *o)
{
    char address[sizeof "unix:" + HANDSHAKE_SOCKET_SIZE];
    snprintf(address, sizeof address, "unix:%s", o->socket_path);
    grpc_server_credentials *c = credentials(o);
    mode_t before = umask(0177);
    bool ok = grpc_server_add_http2_port(server, address, c) != 0;
    umask(before);
    grpc_server_credentials_release(c);
    return ok;
}

static grpc_server *new_server(void)
{
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         .value.integer = (int)MESSAGE_MAX_BYTES},
        /* Only "identity": a small message that unpacks to a large one is not taken. */
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
         .value.integer = 1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_CHANNELZ, .value.integer = 0},
    };
    grpc_channel_args all = {sizeof args / sizeof *args, args};
    return grpc_server_create(&all, NULL);
}

static void grpc_log(gpr_log_func_args *args)
{
    enum log_level level = args->severity == GPR_LOG_SEVERITY_ERROR  ? LOG_ERROR
                           : args->severity == GPR_LOG_SEVERITY_INFO ? LOG_INFO
                                                                     : LOG_DEBUG;
    const char *slash = strrchr(args->file, '/');
    log_line(level, "grpc: %s (%s:%d)", args->message, slash ? slash + 1 : args->file, args->line);
}

struct loop *loop_new(const struct loop_options *options, const char **error)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l) {
        *error = "out of memory";
        return NULL;
    }
    l->options = *options;
    l->host = getppid();
    l->leave_at_ms = UINT64_MAX;
    take_signals(options);
    gpr_set_log_function(grpc_log);
    grpc_init();
    l->runtime = runtime_new(options->provider, on_reply, l);
    if (l->runtime && options->hosted) {
        runtime_places(l->runtime, host_places(l->host));
    }
    l->queue = grpc_completion_queue_create_for_next(NULL);
    l->server = new_server();
    grpc_server_register_completion_queue(l->server, l->queue, NULL);
    *error = !l->runtime                      ? "out of memory"
             : !listen_at(l->server, options) ? "the socket or its certificates were refused"
                                              : NULL;
    if (*error) {
        loop_free(l);
        return NULL;
    }
    grpc_server_start(l->server);
    l->started = true;
    return l;
}

/* Takes events until the queue has none left, only to release what they belong to. */
static void drain(struct loop *l)
{
    for (;;) {
        grpc_event e =
            grpc_completion_queue_next(l->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (e.type == GRPC_QUEUE_SHUTDOWN) {
            return;
        }
        const struct tag *t = e.tag;
        if (!t) { /* the server has ended */
            grpc_completion_queue_shutdown(l->queue);
        } else if (--t->rpc->pending == 0) {
            rpc_free(t->rpc);
        }
    }
}

void loop_free(struct loop *l)
{
    if (!l) {
        return;
    }
    atomic_store(&process.idle, false);
    if (l->runtime) {
        runtime_free(l->runtime); /* answers the waiting calls */
    }
    if (l->started) {
        grpc_server_shutdown_and_notify(l->server, l->queue, NULL);
        grpc_server_cancel_all_calls(l->server);
    } else {
        grpc_completion_queue_shutdown(l->queue);
    }
    drain(l);
    grpc_server_destroy(l->server);
    grpc_completion_queue_destroy(l->queue);
    grpc_shutdown_blocking();
    free(l);
}
