/*
 * wire_calls - the methods of tfplugin6.Provider with values instead of bytes
 *
 * What Terraform's core does between a configuration and a call, so that a test reads like a
 * Terraform run: types come out of the provider's own schema, objects are written as JSON, and
 * host_create is validate, plan and apply with Terraform's checks between them.
 *
 * Answers live in the session's arena. A call that got no answer of the provider has a `status`
 * other than 0 and nothing else.
 */
#ifndef WIRE_CALLS_H
#define WIRE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/type.h"
#include "proto/value.h"
#include "tfplugin6.pb-c.h"
#include "wire_client.h"

/* What host_type has made out of one schema, for many sessions: it takes longer than a call. */
struct host_types {
    struct arena *arena; /* outlives the sessions */
    struct {
        const void *block; /* of the schema */
        const struct type *type;
    } known[16];
    size_t count;
};

struct host_session {
    struct host_channel *channel;
    struct arena *arena;
    unsigned timeout_ms; /* of each call */
    struct {
        bool deferral_allowed;
        bool store_planned_private; /* plays Terraform 1.16 */
    } client;
    const Tfplugin6__GetProviderSchema__Response *schema; /* after host_load_schema */
    struct host_types *types;                             /* NULL: none are kept */
};

struct host_diag {
    bool error; /* else a warning */
    const char *summary, *detail;
    const char *path; /* `.tags["Name"]`; "" for the whole object */
};

struct host_answer {
    int status;
    const char *message;
    const struct host_diag *diags;
    size_t diag_count, errors;
    const struct value *state; /* planned, new, read, imported ...; NULL when there is none */
    struct bytes private;
    const char *const *replace; /* paths */
    size_t replace_count;
    const char *type_name; /* of an imported resource */
};

/* Everything went well: an answer, and no error in it. */
bool host_ok(const struct host_answer *a);
/* All of it on one line, for messages of failed tests. */
const char *host_describe(struct arena *a, const struct host_answer *answer);

/* ---- Schema --------------------------------------------------------------------------------- */

/* GetProviderSchema; the session's schema is NULL when it fails. */
struct host_answer host_load_schema(struct host_session *s);

enum host_schema { HOST_PROVIDER, HOST_RESOURCE, HOST_DATA_SOURCE };

/* The object type that Terraform derives from the schema; NULL when there is no such thing. The
 * name of the provider's own schema is not looked at. */
const struct type *host_type(struct host_session *s, enum host_schema kind, const char *name);

/* An object of that type from JSON; what is left out is null. Aborts the program when it does not
 * fit: the test is wrong. "null" gives a null object. */
const struct value *host_object(struct host_session *s, enum host_schema kind, const char *name,
                                const char *json);

/* What Terraform proposes: the configuration, and where it says nothing and the schema says
 * computed, the prior value. Top level only; nested blocks are taken from the configuration. */
const struct value *host_propose(struct host_session *s, const char *type_name,
                                 const struct value *prior, const struct value *config);

/* ---- Calls, one to one ---------------------------------------------------------------------- */

struct host_answer host_validate_provider(struct host_session *s, const char *config_json);
struct host_answer host_configure(struct host_session *s, const char *config_json);
struct host_answer host_validate(struct host_session *s, const char *type_name,
                                 const struct value *config);
struct host_answer host_upgrade(struct host_session *s, const char *type_name, int64_t version,
                                const char *state_json);
struct host_answer host_read(struct host_session *s, const char *type_name,
                             const struct value *state, struct bytes private);

struct host_change {
    const char *type_name;
    const struct value *prior;    /* NULL or null: a create */
    const struct value *proposed; /* plan: proposed, apply: planned; null: a destroy */
    const struct value *config;
    struct bytes prior_private;   /* plan */
    struct bytes planned_private; /* plan: of the plan shown (1.16), apply: of the last plan */
};
struct host_answer host_plan(struct host_session *s, const struct host_change *c);
struct host_answer host_apply(struct host_session *s, const struct host_change *c);
/* The same in two halves, for calls that overlap. */
struct host_call *host_apply_begin(struct host_session *s, const struct host_change *c);
struct host_answer host_apply_finish(struct host_session *s, const char *type_name,
                                     struct host_call *call);

struct host_answer host_import(struct host_session *s, const char *type_name, const char *id);
struct host_answer host_move(struct host_session *s, const char *source_provider,
                             const char *source_type, int64_t version, const char *state_json,
                             const char *target_type);
struct host_answer host_read_data(struct host_session *s, const char *type_name,
                                  const struct value *config);
/* Arguments and result as JSON, each argument with its own type. */
struct host_answer host_function(struct host_session *s, const char *name,
                                 const char *const *arguments_json, size_t count);
struct host_answer host_stop(struct host_session *s);

/* ---- Runs ----------------------------------------------------------------------------------- */

/* Validate, plan, apply, as `terraform apply` would in one process; ends at the first error. Checks
 * what Terraform checks: a known planned value comes back from apply, and nothing is unknown
 * after it; a breach is an answer with status 13 (INTERNAL). */
struct host_answer host_create(struct host_session *s, const char *type_name,
                               const char *config_json);
struct host_answer host_update(struct host_session *s, const char *type_name,
                               const struct host_answer *prior, const char *config_json);
struct host_answer host_destroy(struct host_session *s, const char *type_name,
                                const struct host_answer *prior);

#endif
