/*
 * provider - what a provider hands to the runtime
 *
 * Tables of resources, data sources and functions with their hooks. The runtime does everything
 * generic (codec, schema, plan, parking); a hook does what is special and nothing else. All hooks
 * run on one thread, one at a time, and never block.
 */
#ifndef PROTO_PROVIDER_H
#define PROTO_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "diag.h"
#include "schema.h"
#include "value.h"

/*
 * What a hook says at its end.
 * CALL_DONE: answered; errors are in the diagnostics.
 * CALL_WAIT: not possible yet, but something that happens later in this run may make it possible.
 *   The runtime drops the diagnostics of this attempt, keeps the call, and runs the hook again from
 *   its start after each call that changed something (call_progress) or when `call->poll_ms` is
 *   over. When it has waited for `call->patience_ms` and nothing has moved for as long (no request
 *   arrived, none finished), it runs the hook a last time with call->last_attempt set; then
 *   CALL_WAIT is an error of the hook and answered as such. Calls that wait together are given up
 *   one by one, a moment apart. A hook that waits must have left nothing changed.
 */
enum outcome { CALL_DONE, CALL_WAIT };

struct runtime;

/* Terraform plans a change once before and once more in the apply. */
enum call_stage { CALL_OTHER, CALL_PLANNING, CALL_APPLYING };

struct call {
    struct arena *arena; /* of this attempt; survives waiting only when attempt_data is set */
    struct diags *diags; /* emptied before each attempt */
    struct runtime *runtime;
    void *state;           /* the provider's own, see provider_hooks.configure */
    const char *type_name; /* the name by which the user called the resource */
    enum call_stage stage;
    bool last_attempt;    /* answer now, whatever the reason */
    bool stopping;        /* StopProvider was received: answer now, and say so */
    unsigned attempts;    /* 1 on the first */
    uint64_t now_ms;      /* monotonic */
    unsigned patience_ms; /* preset to CALL_PATIENCE_MS; a hook may change it before waiting */
    unsigned poll_ms;     /* 0: only progress wakes; a hook may set it before waiting */
    bool for_this_run;    /* a hook sets it before waiting when only another request of the same
                             Terraform run can help: when all places of that run wait like this,
                             none can come, and the calls are given up with little patience */
    void *attempt_data;   /* the hook's own between attempts; NULL at first. As long as it is set
                             the arena is kept, so what it needs may live there. A call that may
                             be retried often should not set it: then nothing piles up */
    struct {
        bool deferral_allowed;
        bool store_planned_private; /* Terraform >= 1.16: planned_private comes back in apply */
    } client;
};
#define CALL_PATIENCE_MS 5000

/* Something changed that a waiting call may have waited for: retry them all after this one. */
void call_progress(struct call *c);
/* The same at once, even if this call goes on to wait: for a change that stays and that a call
 * makes only so many times, because it wakes this one, too. */
void call_changed(struct call *c);
/* Something moved outside of this process, in another one of the same run: patience with waiting
 * calls begins anew. Nobody is woken. */
void call_moved(struct call *c);

enum change_kind { CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE };

struct change {
    enum change_kind kind;
    const struct value *config;  /* null object for a delete */
    const struct value *prior;   /* null object for a create */
    const struct value *planned; /* plan: in the generic plan, out the final; apply: as planned */
    struct path_list replace;    /* plan only: paths that need a replacement, may be added to */
    struct bytes prior_private;  /* plan: stored with the state. apply: empty */
    struct bytes
        planned_private;  /* plan: of an earlier plan (>= 1.16), else empty; apply: of plan */
    struct bytes private; /* out: plan -> planned_private, apply -> stored with the state */
    const struct value *provider_meta;
};

struct resource {
    const char *const *names; /* NULL-terminated; the first is the native one */
    const struct schema *schema;
    const char *summary; /* one line for the documentation */

    /* Any hook may be NULL: then only the generic part happens. A resource without create, update
     * or delete answers with the planned state. */
    enum outcome (*validate)(struct call *c, const struct value *config);
    enum outcome (*plan)(struct call *c, struct change *ch);
    /* Out: *state. After an error *state is NULL (create: nothing exists; update and delete: the
     * prior state stays). */
    enum outcome (*create)(struct call *c, struct change *ch, const struct value **state);
    enum outcome (*update)(struct call *c, struct change *ch, const struct value **state);
    enum outcome (*destroy)(struct call *c, struct change *ch);
    /* *state in: as stored; out: as it is; a null value when it is gone. */
    enum outcome (*read)(struct call *c, const struct value **state, struct bytes *private);
    /* *state out: at least the id. */
    enum outcome (*import)(struct call *c, const char *id, const struct value **state,
                           struct bytes *private);
    /* State as another version or provider wrote it, already decoded leniently by name; may fix
     * it up. Called by UpgradeResourceState and MoveResourceState. */
    enum outcome (*upgrade)(struct call *c, int64_t version, const struct value **state);
};

struct data_source {
    const char *const *names;
    const struct schema *schema;
    const char *summary;
    enum outcome (*validate)(struct call *c, const struct value *config);
    enum outcome (*read)(struct call *c, const struct value *config, const struct value **state);
};

struct function {
    const char *name;
    const char *summary, *description;
    const struct type *result;
    const struct parameter {
        const char *name; /* NULL ends the table */
        const struct type *type;
        const char *description;
        bool variadic; /* only the last */
    } * parameters;
    /* On failure: sets *error, and *argument to its index or -1. */
    void (*call)(struct call *c, const struct value *const *args, size_t count,
                 const struct value **result, const char **error, int64_t *argument);
};

struct provider {
    const char *name;    /* "ipam" */
    const char *version; /* "0.1.0" */
    const char *address; /* default source address, "terraform.local/ipam/ipam" */
    const char *about;   /* a few lines for --help */
    const struct schema *schema;
    const struct schema *meta_schema;              /* provider_meta, or NULL */
    const struct resource *const *resources;       /* NULL-terminated */
    const struct data_source *const *data_sources; /* NULL-terminated or NULL */
    const struct function *const *functions;       /* NULL-terminated or NULL */

    /* Hooks that plan, apply, read or import are not called before configure has set *state. */
    bool needs_state;
    /* *state: NULL at first, later (reattach mode, several configures in one process) what the
     * last one left. The hook replaces it whole or leaves it. May wait (polling a child process).
     */
    enum outcome (*configure)(struct call *c, const struct value *config,
                              const char *terraform_version, void **state);
    /* Told after every read and apply that succeeded: what the object was (a null value: it did not
     * exist) and what it is now (a null value: it is gone). Must not fail; may be NULL. */
    void (*observe)(struct call *c, const struct resource *r, const struct value *prior,
                    const struct value *now);
    /* Runs the resource's plan hook, and may do before and after it what concerns every resource.
     * NULL: just the resource's hook. */
    enum outcome (*plan)(struct call *c, const struct resource *r, struct change *ch);
    /* Before the create, update or destroy hook of every resource; may replace ch->planned_private.
     * After an error the resource's hook is not run. May be NULL. */
    void (*before_apply)(struct call *c, struct change *ch);
    /* Frees *state at an orderly end (tests); production leaves with _exit. */
    void (*unconfigure)(void *state);
};

#endif
