/*
 * dispatch - the runtime: requests, attempts, waiting calls
 *
 * A request is looked up in the method table and attempted. An attempt unpacks the message into an
 * arena, runs the method, packs the answer, replies, frees the arena. When a hook asks to wait, the
 * request stays in a list, in order of arrival, and is attempted again from its start:
 *   - after every call that changed something (call_progress),
 *   - when its poll time is over,
 *   - a last time, when its patience is over or the provider is being stopped.
 *
 * What a waiting call costs. Its raw bytes are kept; its arena is freed between attempts, unless
 * the hook left something in attempt_data. So a call that is attempted ten thousand times needs no
 * more memory than one that is attempted once.
 *
 * No lost and no needless wake-ups. runtime.changes counts the changes; a waiting call remembers
 * the count that its last attempt began with and is attempted again exactly when the two differ. A
 * retry that changes something itself wakes those before it again, those after it see the change in
 * this same sweep anyway. An attempt that ends in waiting has changed nothing by contract, so every
 * change takes one call out of the list and the sweeps end.
 *
 * When to give up. A call is given up when it has waited for its patience and nothing has arrived
 * or ended for that long either. Then everything that still waits is stuck together; but giving up
 * all of it at once would be wrong: the host sends only so many requests at a time, and the one
 * that would help may stand behind the ones that wait. So they are given up one by one, oldest
 * first, STALL_GRACE_MS apart, until something changes again. One case needs little patience: when
 * as many calls as the host has places wait for another request of the same run, none can come, and
 * the oldest is given up to make place.
 *
 * Out of memory. arena.h jumps to the guard that `guarded` sets; nothing but the arena is lost. The
 * answer is a status, which Terraform shows as an error, with one exception: Terraform takes a
 * failed delete without a state for a done one, so an apply answers with the prior state.
 */
#include "proto/dispatch_internal.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE       "/tfplugin6.Provider/"
#define REQUEST(name) &tfplugin6__##name##__request__descriptor

static const struct method methods[] = {
    {"PlanResourceChange", REQUEST(plan_resource_change), method_plan, NULL, true},
    {"ApplyResourceChange", REQUEST(apply_resource_change), method_apply, method_apply_abandon,
     true},
    {"ReadResource", REQUEST(read_resource), method_read, NULL, true},
    {"ValidateResourceConfig", REQUEST(validate_resource_config), method_validate_resource, NULL,
     false},
    {"UpgradeResourceState", REQUEST(upgrade_resource_state), method_upgrade, NULL, false},
    {"ImportResourceState", REQUEST(import_resource_state), method_import, NULL, true},
    {"MoveResourceState", REQUEST(move_resource_state), method_move, NULL, false},
    {"ReadDataSource", REQUEST(read_data_source), method_read_data, NULL, true},
    {"ValidateDataResourceConfig", REQUEST(validate_data_resource_config), method_validate_data,
     NULL, false},
    {"CallFunction", REQUEST(call_function), method_call_function, NULL, false},
    {"GetFunctions", REQUEST(get_functions), method_get_functions, NULL, false},
    {"GetProviderSchema", REQUEST(get_provider_schema), method_get_provider_schema, NULL, false},
    {"GetMetadata", REQUEST(get_metadata), method_get_metadata, NULL, false},
    {"ValidateProviderConfig", REQUEST(validate_provider_config), method_validate_provider, NULL,
     false},
    {"ConfigureProvider", REQUEST(configure_provider), method_configure, NULL, false},
    {"StopProvider", REQUEST(stop_provider), method_stop, NULL, false},
};

static const char out_of_memory[] = "the provider is out of memory";

static const struct method *find_method(const char *path)
{
    if (strncmp(path, SERVICE, strlen(SERVICE)) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(path + strlen(SERVICE), methods[i].name) == 0)
            return &methods[i];
    return NULL;
}

/* ---- the runtime */

static void build_types(struct runtime *r)
{
    const struct provider *p = r->provider;
    size_t resources = 0, sources = 0;
    while (p->resources[resources])
        resources++;
    while (p->data_sources && p->data_sources[sources])
        sources++;
    r->type = schema_type(r->arena, p->schema);
    r->meta_type = p->meta_schema ? schema_type(r->arena, p->meta_schema) : NULL;
    r->resources = arena_calloc(r->arena, resources, sizeof *r->resources);
    for (size_t i = 0; i < resources; i++)
        r->resources[i] = (struct resource_entry){p->resources[i],
                                                  schema_type(r->arena, p->resources[i]->schema)};
    r->data_sources = arena_calloc(r->arena, sources, sizeof *r->data_sources);
    for (size_t i = 0; i < sources; i++)
        r->data_sources[i] = (struct data_source_entry){
            p->data_sources[i], schema_type(r->arena, p->data_sources[i]->schema)};
    r->resource_count = resources;
    r->data_source_count = sources;
}

static bool build_types_guarded(struct runtime *r)
{
    jmp_buf guard;
    if (setjmp(guard))
        return false;
    arena_guard(r->arena, &guard);
    build_types(r);
    arena_guard(r->arena, NULL);
    return true;
}

struct runtime *runtime_new(const struct provider *provider, runtime_reply reply, void *ctx)
{
    struct runtime *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->provider = provider;
    r->reply = reply;
    r->ctx = ctx;
    r->arena = arena_new();
    if (!r->arena || !build_types_guarded(r)) {
        arena_free(r->arena);
        free(r);
        return NULL;
    }
    return r;
}

unsigned runtime_waiting(const struct runtime *r)
{
    return r->waiting;
}

void runtime_places(struct runtime *r, unsigned places)
{
    r->places = places;
}

void call_progress(struct call *c)
{
    c->runtime->progressed = true;
}

void call_changed(struct call *c)
{
    c->runtime->changes++;
    call_moved(c);
}

void call_moved(struct call *c)
{
    c->runtime->moved_ms = c->now_ms;
    c->runtime->stalled = false;
}

/* ---- the list of waiting calls */

static void waiting_add(struct request *q)
{
    struct runtime *r = q->runtime;
    q->prev = r->last;
    q->next = NULL;
    *(r->last ? &r->last->next : &r->first) = q;
    r->last = q;
    r->waiting++;
}

static void waiting_remove(struct request *q)
{
    struct runtime *r = q->runtime;
    *(q->prev ? &q->prev->next : &r->first) = q->next;
    *(q->next ? &q->next->prev : &r->last) = q->prev;
    r->waiting--;
}

/* ---- one request */

/* Drops what the last attempt made. What the hook left in attempt_data goes with it. */
static void request_drop_arena(struct request *q)
{
    arena_free(q->call.arena);
    q->call.arena = NULL;
    q->call.attempt_data = NULL;
    q->message = NULL;
    memset(q->decoded, 0, sizeof q->decoded);
}

static void request_free(struct request *q)
{
    request_drop_arena(q);
    free(q->kept);
    free(q);
}

static struct request *request_new(struct runtime *r, const struct method *method, struct bytes raw,
                                   void *tag, uint64_t now_ms)
{
    struct request *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->runtime = r;
    q->method = method;
    q->tag = tag;
    q->raw = raw;
    q->arrived_ms = now_ms;
    q->call.runtime = r;
    q->call.diags = &q->diags;
    q->call.patience_ms = CALL_PATIENCE_MS;
    q->call.client.deferral_allowed = r->client.deferral_allowed;
    q->call.client.store_planned_private = r->client.store_planned_private;
    return q;
}

void request_client(struct request *q, const Tfplugin6__ClientCapabilities *c)
{
    if (!c)
        return;
    q->call.client.deferral_allowed = c->deferral_allowed;
    q->call.client.store_planned_private = c->store_planned_private;
}

bool request_waits(struct request *q, enum outcome outcome)
{
    if (outcome != CALL_WAIT)
        return false;
    if (!q->call.last_attempt && !q->call.stopping)
        return true;
    diag_error(&q->diags, NULL, "The provider did not answer",
               "It asked to wait on its last attempt of %s. This is a bug in the provider.",
               q->method->name);
    return false;
}

/* The end without memory, or without a runtime: what can be said without an arena. */
static void request_abandon(struct request *q, int status, const char *why)
{
    struct runtime *r = q->runtime;
    request_drop_arena(q);
    size_t len = 0;
    uint8_t *body = q->method->abandon
                        ? q->method->abandon(q->raw, "The request was given up", why, &len)
                        : NULL;
    if (body)
        r->reply(r->ctx, q->tag, STATUS_OK, NULL, (struct bytes){body, len});
    else
        r->reply(r->ctx, q->tag, status, why, (struct bytes){NULL, 0});
    free(body);
}

/* An answer without a message. */
static void refuse(struct request *q, int status, const char *problem)
{
    q->outcome = CALL_DONE;
    q->status = status;
    q->problem = problem;
}

static void attempt(struct request *q)
{
    struct arena *a = q->call.arena;
    if (q->method->needs_state && q->runtime->provider->needs_state && !q->call.state) {
        refuse(q, STATUS_FAILED_PRECONDITION, "the provider is not configured");
        return;
    }
    if (!q->message)
        q->message = wire_unpack(a, q->method->request, q->raw);
    if (!q->message) {
        refuse(q, STATUS_INVALID_ARGUMENT, "the request is malformed");
        return;
    }
    diags_init(&q->diags, a);
    q->outcome = q->method->run(q);
    if (q->outcome == CALL_DONE && q->response)
        q->body = wire_pack(a, q->response);
}

/* Runs one attempt; false when memory ran out in it. */
static bool guarded(struct request *q)
{
    struct arena *const shared = q->runtime->arena;
    jmp_buf guard;
    if (setjmp(guard)) {
        arena_guard(shared, NULL);
        return false;
    }
    arena_guard(q->call.arena, &guard);
    arena_guard(shared, &guard);
    attempt(q);
    arena_guard(q->call.arena, NULL);
    arena_guard(shared, NULL);
    return true;
}

/* After CALL_WAIT: keeps what the next attempt needs. False when memory is out. */
static bool request_park(struct request *q)
{
    if (!q->kept) {
        q->kept = malloc(q->raw.len + 1);
        if (!q->kept)
            return false;
        if (q->raw.len)
            memcpy(q->kept, q->raw.data, q->raw.len);
        q->raw.data = q->kept;
        waiting_add(q);
    }
    if (!q->call.attempt_data)
        request_drop_arena(q);
    q->poll_due_ms = q->call.poll_ms ? q->call.now_ms + q->call.poll_ms : UINT64_MAX;
    return true;
}

/* One attempt of a new or a waiting call; afterwards it waits (again), or is answered and freed. */
static void request_serve(struct request *q, uint64_t now_ms, bool expired)
{
    struct runtime *r = q->runtime;
    bool was_waiting = q->kept;
    q->seen = r->changes;
    r->progressed = false;
    q->response = NULL;
    q->body = (struct bytes){NULL, 0};
    q->call.last_attempt = expired || (!was_waiting && r->waiting >= WAITING_MAX);
    q->call.stopping = r->stopping;
    q->call.state = r->state;
    q->call.now_ms = now_ms;
    q->call.attempts++;
    q->call.for_this_run = false;

    if (!q->call.arena)
        q->call.arena = arena_new();
    bool complete = q->call.arena && guarded(q);
    if (complete && q->outcome == CALL_WAIT) {
        complete = request_park(q);
        if (complete)
            return;
    }
    if (was_waiting)
        waiting_remove(q);
    r->changes += r->progressed;
    r->moved_ms = now_ms;
    if (r->progressed)
        r->stalled = false;
    else if (expired && (!complete || q->diags.errors))
        r->stalled = true;
    if (complete)
        r->reply(r->ctx, q->tag, q->status, q->problem, q->body);
    else
        request_abandon(q, STATUS_RESOURCE_EXHAUSTED, out_of_memory);
    request_free(q);
}

/* ---- waking */

static void sweep(struct runtime *r, uint64_t now_ms)
{
    uint64_t swept;
    do {
        swept = r->changes;
        for (struct request *q = r->first, *next; q; q = next) {
            next = q->next;
            if (q->seen != r->changes)
                request_serve(q, now_ms, false);
        }
    } while (swept != r->changes);
}

static uint64_t later(uint64_t time_ms, unsigned by_ms)
{
    return time_ms > UINT64_MAX - by_ms ? UINT64_MAX : time_ms + by_ms;
}

/* When this call is given up if nothing moves before. */
static uint64_t expiry(const struct request *q)
{
    const struct runtime *r = q->runtime;
    unsigned patience = q->call.patience_ms;
    unsigned quiet = r->stalled && patience > STALL_GRACE_MS ? STALL_GRACE_MS : patience;
    uint64_t own = later(q->arrived_ms, patience), all = later(r->moved_ms, quiet);
    return own > all ? own : all;
}

void runtime_request(struct runtime *r, const char *method, struct bytes request, void *tag,
                     uint64_t now_ms)
{
    const struct bytes none = {NULL, 0};
    const struct method *m = find_method(method);
    if (!m) {
        r->reply(r->ctx, tag, STATUS_UNIMPLEMENTED, "this provider does not implement the method",
                 none);
        return;
    }
    r->moved_ms = now_ms;
    if (request.len > MESSAGE_MAX_BYTES) {
        r->reply(r->ctx, tag, STATUS_RESOURCE_EXHAUSTED, "the request is larger than 256 MiB",
                 none);
        return;
    }
    struct request *q = request_new(r, m, request, tag, now_ms);
    if (!q) {
        r->reply(r->ctx, tag, STATUS_RESOURCE_EXHAUSTED, out_of_memory, none);
        return;
    }
    request_serve(q, now_ms, false);
    sweep(r, now_ms);
}

void runtime_cancel(struct runtime *r, void *tag)
{
    for (struct request *q = r->first; q; q = q->next) {
        if (q->tag == tag) {
            waiting_remove(q);
            request_free(q);
            return;
        }
    }
}

/* When one has to be given up because every place of the host is taken by a call that waits for
 * another one; UINT64_MAX: there are places. What the host has just been answered may still be on
 * its way to where these calls look, so the first one gets PLACE_GRACE_MS. */
static uint64_t place_due(const struct runtime *r)
{
    unsigned stuck = 0;
    for (const struct request *q = r->places ? r->first : NULL; q; q = q->next)
        stuck += q->call.for_this_run;
    if (stuck == 0 || stuck < r->places)
        return UINT64_MAX;
    return r->stalled ? r->moved_ms : later(r->moved_ms, PLACE_GRACE_MS);
}

/* Gives up the oldest call that takes a place in vain. */
static void make_place(struct runtime *r, uint64_t now_ms)
{
    for (struct request *q = r->first; q; q = q->next) {
        if (q->call.for_this_run) {
            request_serve(q, now_ms, true);
            return;
        }
    }
}

uint64_t runtime_tick(struct runtime *r, uint64_t now_ms)
{
    if (place_due(r) <= now_ms)
        make_place(r, now_ms);
    for (struct request *q = r->first, *next; q; q = next) {
        next = q->next;
        bool expired = expiry(q) <= now_ms;
        if (expired || q->poll_due_ms <= now_ms)
            request_serve(q, now_ms, expired);
    }
    sweep(r, now_ms);
    uint64_t due = place_due(r);
    for (const struct request *q = r->first; q; q = q->next) {
        uint64_t own = expiry(q) < q->poll_due_ms ? expiry(q) : q->poll_due_ms;
        due = own < due ? own : due;
    }
    return due;
}

void runtime_free(struct runtime *r)
{
    while (r->first) {
        struct request *q = r->first;
        waiting_remove(q);
        request_abandon(q, STATUS_INTERNAL, "the provider is shutting down");
        request_free(q);
    }
    if (r->provider->unconfigure && r->state)
        r->provider->unconfigure(r->state);
    arena_free(r->arena);
    free(r);
}
