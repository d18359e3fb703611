/*
 * dispatch - method names and request bytes in, response bytes out
 *
 * The whole protocol without the network: a table of the methods of tfplugin6.Provider, decoding,
 * generic steps, hooks, encoding, waiting calls and their timers. No I/O, no clock, no threads:
 * the caller gives the time and sends the answers. So the server (server.c), the tests and the
 * fuzzers drive the same code.
 */
#ifndef PROTO_DISPATCH_H
#define PROTO_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "provider.h"

/* gRPC status codes that are used here. */
enum {
    STATUS_OK = 0,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13
};

struct runtime;

/* Called exactly once per request, during runtime_request or runtime_tick. `body` is valid during
 * the call only. With a status other than OK, `message` says why and body is empty. Must not call
 * back into the runtime. */
typedef void (*runtime_reply)(void *ctx, void *tag, int status, const char *message,
                              struct bytes body);

/* How many requests the host sends at a time at most (Terraform's -parallelism); 0, the default:
 * not known. See for_this_run in struct call. */
void runtime_places(struct runtime *r, unsigned places);

/* NULL when memory is out. `provider` must outlive the runtime. */
struct runtime *runtime_new(const struct provider *provider, runtime_reply reply, void *ctx);
/* Waiting calls are answered with an error first. */
void runtime_free(struct runtime *r);

/* One request: method is the gRPC path, `/tfplugin6.Provider/PlanResourceChange`. Unknown methods
 * are answered UNIMPLEMENTED at once. `request` is not referenced after the return. */
void runtime_request(struct runtime *r, const char *method, struct bytes request, void *tag,
                     uint64_t now_ms);

/* The peer of this request went away: a waiting call is dropped without a reply. */
void runtime_cancel(struct runtime *r, void *tag);

/* Retries and expires waiting calls. Returns the time of the next one due, or UINT64_MAX. */
uint64_t runtime_tick(struct runtime *r, uint64_t now_ms);

/* Waiting calls now. */
unsigned runtime_waiting(const struct runtime *r);

#endif
