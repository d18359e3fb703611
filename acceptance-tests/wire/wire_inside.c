/*
 * wire_inside - the calls of wire_calls.h to a provider in this process
 *
 * host_finish moves the clock on to the next time at which the runtime has something to do, until
 * the answer is there. A call that is not answered although nothing is due any more would never
 * be: the program is aborted.
 */
#include "wire_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/dispatch.h"

struct host_channel {
    struct runtime *runtime;
    uint64_t now_ms;
    void (*tap)(void *ctx, const char *method, struct bytes request);
    void *tap_ctx;
    void (*border)(bool entering);
    void (*others)(uint64_t ms);
};

struct host_call {
    struct host_channel *channel;
    bool answered;
    int status;
    char *message;
    uint8_t *body;
    size_t len;
};

static void cross(const struct host_channel *c, bool entering)
{
    if (c->border)
        c->border(entering);
}

static void *copied(const void *p, size_t n)
{
    void *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    memcpy(copy, p, n);
    return copy;
}

static void answer(void *ctx, void *tag, int status, const char *message, struct bytes body)
{
    struct host_call *call = tag;
    cross(ctx, false);
    if (call->answered) {
        fprintf(stderr, "wire_inside: answered twice\n");
        abort();
    }
    call->answered = true;
    call->status = status;
    call->message = copied(message ? message : "", message ? strlen(message) + 1 : 1);
    call->body = copied(body.len ? body.data : (const uint8_t *)"", body.len);
    call->len = body.len;
    cross(ctx, true);
}

struct host_channel *host_inside(const struct provider *provider)
{
    struct host_channel *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->now_ms = 1;
    c->runtime = runtime_new(provider, answer, c);
    if (!c->runtime) {
        free(c);
        return NULL;
    }
    return c;
}

void host_inside_tap(struct host_channel *c,
                     void (*tap)(void *ctx, const char *method, struct bytes request), void *ctx)
{
    c->tap = tap;
    c->tap_ctx = ctx;
}

void host_inside_border(struct host_channel *c, void (*border)(bool entering))
{
    c->border = border;
}

void host_inside_late(struct host_channel *c, void (*others)(uint64_t ms))
{
    c->others = others;
}

uint64_t host_inside_now(const struct host_channel *c)
{
    return c->now_ms;
}

void host_inside_pass(struct host_channel *c, uint64_t ms)
{
    c->now_ms += ms;
}

void host_close(struct host_channel *c)
{
    if (!c)
        return;
    runtime_free(c->runtime);
    free(c);
}

struct host_call *host_begin(struct host_channel *c, const char *method, struct bytes request,
                             unsigned timeout_ms)
{
    (void)timeout_ms; /* an answer always comes */
    struct host_call *call = calloc(1, sizeof *call);
    if (!call)
        abort();
    call->channel = c;
    if (c->tap)
        c->tap(c->tap_ctx, method, request);
    cross(c, true);
    runtime_request(c->runtime, method, request, call, c->now_ms);
    cross(c, false);
    return call;
}

static void wait_for(struct host_call *call)
{
    struct host_channel *c = call->channel;
    const uint64_t began = c->now_ms;
    while (!call->answered) {
        cross(c, true);
        uint64_t due = runtime_tick(c->runtime, c->now_ms);
        cross(c, false);
        if (call->answered)
            break;
        if (due == UINT64_MAX) {
            fprintf(stderr, "wire_inside: a call waits for nothing\n");
            abort();
        }
        uint64_t before = c->now_ms, late = before + (before - began) / 2;
        c->now_ms = due > before ? due : before + 1;
        if (c->others) {
            c->now_ms = late > c->now_ms ? late : c->now_ms;
            c->others(c->now_ms - before);
        }
    }
}

struct host_reply host_finish(struct host_call *call, struct arena *a)
{
    wait_for(call);
    struct host_reply r = {.status = call->status,
                           .message = arena_strdup(a, call->message),
                           .body = {arena_memdup(a, call->body, call->len), call->len}};
    free(call->message);
    free(call->body);
    free(call);
    return r;
}
