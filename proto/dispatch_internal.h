/*
 * dispatch_internal - what the parts of the dispatcher share
 *
 * dispatch.c           the runtime: method table, attempts, waiting calls, running out of memory
 * dispatch_wire.c      protocol messages <-> values, diagnostics, paths, text
 * dispatch_schema.c    schema tables -> protocol messages
 * dispatch_provider.c  methods of the provider as a whole, of data sources and of functions
 * dispatch_resource.c  methods of managed resources
 *
 * A method is one function that is run once per attempt: it reads q->message, decodes what it
 * needs, calls the hook and sets q->response. When the hook has to wait it returns CALL_WAIT and
 * leaves nothing behind; the next attempt starts again from the request.
 */
#ifndef PROTO_DISPATCH_INTERNAL_H
#define PROTO_DISPATCH_INTERNAL_H

#include "proto/arena.h"
#include "proto/codec.h"
#include "proto/diag.h"
#include "proto/dispatch.h"
#include "proto/provider.h"
#include "tfplugin6.pb-c.h"
#include "proto/type.h"
#include "proto/value.h"

/* Unpacking may take this times the request plus REQUEST_UNPACK_BYTES. A message of honest content
 * needs less than twice its size; one made of millions of empty fields would need thirty times. */
#define REQUEST_UNPACK_FACTOR 4
#define REQUEST_UNPACK_BYTES  (16u << 20)
/* More calls than this do not wait: a further one gets its only attempt as the last. Terraform's
 * -parallelism is a hundredth of it. */
#define WAITING_MAX 4096
/* After one call ran out of patience the others follow at this distance (milliseconds), so that
 * the caller can use the place that became free before the next one is given up. */
#define STALL_GRACE_MS 200
/* How long nothing must have moved before a call is given up because the host has no place left. */
#define PLACE_GRACE_MS 1500

/* Values of a request, decoded once however often the call is attempted. */
enum slot { SLOT_CONFIG, SLOT_PRIOR, SLOT_PLANNED, SLOT_META, SLOTS };

struct request;

struct method {
    const char *name;
    const ProtobufCMessageDescriptor *request;
    enum outcome (*run)(struct request *q);
    /* An answer that must exist even when memory is out, made with malloc; NULL: a status does. */
    uint8_t *(*abandon)(struct bytes raw, const char *summary, const char *detail, size_t *len);
    bool needs_state; /* of those providers that need one: see struct provider */
};

struct request {
    struct request *prev, *next; /* among the waiting ones */
    struct runtime *runtime;
    const struct method *method;
    void *tag;
    struct bytes raw; /* as it came */
    uint8_t *kept;    /* raw, when the call waits */

    struct call call; /* call.arena is NULL between attempts, unless the hook kept something */
    struct diags diags;
    const ProtobufCMessage *message;
    const struct value *decoded[SLOTS];

    /* the end of an attempt */
    enum outcome outcome;
    const ProtobufCMessage *response;
    struct bytes body; /* the response packed; a method may set it instead of response */
    int status;
    const char *problem; /* static; with a status other than OK */

    uint64_t arrived_ms;
    uint64_t poll_due_ms; /* UINT64_MAX: only progress wakes */
    uint64_t seen;        /* runtime.changes when the last attempt began */
};

struct resource_entry {
    const struct resource *resource;
    const struct type *type;
};
struct data_source_entry {
    const struct data_source *source;
    const struct type *type;
};

struct runtime {
    const struct provider *provider;
    runtime_reply reply;
    void *ctx;
    void *state;         /* of the provider */
    struct arena *arena; /* lives as long as the runtime: types, the schema response */

    const struct type *type, *meta_type; /* of the provider block; of provider_meta or NULL */
    struct resource_entry *resources;
    size_t resource_count;
    struct data_source_entry *data_sources;
    size_t data_source_count;
    struct bytes schema_response; /* packed; empty until it is asked for */

    struct request *first, *last; /* waiting, in order of arrival */
    unsigned waiting;
    unsigned places;   /* of the host; 0: not known */
    uint64_t changes;  /* counts what may make a waiting call possible */
    bool progressed;   /* call_progress was called in this attempt */
    bool stalled;      /* a call ran out of patience and nothing has changed since */
    bool stopping;     /* StopProvider was called and no ConfigureProvider since */
    uint64_t moved_ms; /* the last arrival or end of a request */
    struct {
        bool deferral_allowed, store_planned_private;
    } client; /* as ConfigureProvider said it */
};

/* ---- dispatch_wire.c */

#define MESSAGE(arena, T, name) ((T *)wire_message((arena), &name##__descriptor))
/* An initialised message in the arena. */
void *wire_message(struct arena *a, const ProtobufCMessageDescriptor *d);

/* NULL when the bytes are no such message, hold text that is not UTF-8, or need more memory than
 * the limits above. */
const ProtobufCMessage *wire_unpack(struct arena *a, const ProtobufCMessageDescriptor *d,
                                    struct bytes in);
struct bytes wire_pack(struct arena *a, const ProtobufCMessage *m);

/* s for a string field; NULL becomes "", what is not UTF-8 becomes `?` (one bad string would make
 * the host refuse the whole answer), and so do control characters but newline and tab: messages
 * hold names from states and journals of others, and end on a terminal. */
char *wire_text(struct arena *a, const char *s);
ProtobufCBinaryData wire_bytes(struct bytes b);
struct bytes wire_from_bytes(ProtobufCBinaryData b);

/* The field decoded by type; an absent one is null. NULL after adding an error that calls the field
 * `what`. */
const struct value *wire_decode(struct request *q, const struct type *t,
                                const Tfplugin6__DynamicValue *field, const char *what);
/* The same for an object or null, remembered in the slot. */
const struct value *wire_slot(struct request *q, enum slot slot, const struct type *t,
                              const Tfplugin6__DynamicValue *field, const char *what);
Tfplugin6__DynamicValue *wire_value(struct request *q, const struct type *t, const struct value *v);

Tfplugin6__AttributePath *wire_path(struct arena *a, const struct path *p);
/* The diagnostics of this attempt; for the two fields n_diagnostics and diagnostics. */
size_t wire_diags(struct request *q, Tfplugin6__Diagnostic ***out);

/* v with every unknown inside replaced by null. When there was one and no error was reported yet,
 * adds an error that names the attributes. v itself is returned when there was none. */
const struct value *wire_settle(struct request *q, const struct value *v);

/* ---- dispatch.c */

/* For the outcome of a hook: must the call wait now? A hook that asks to wait although it must
 * answer gets an error instead. */
bool request_waits(struct request *q, enum outcome outcome);
/* Takes over what this request says about the client. NULL is allowed. */
void request_client(struct request *q, const Tfplugin6__ClientCapabilities *c);

/* ---- dispatch_schema.c */

enum outcome method_get_metadata(struct request *q);
enum outcome method_get_provider_schema(struct request *q);
enum outcome method_get_functions(struct request *q);

/* ---- dispatch_provider.c */

enum outcome method_validate_provider(struct request *q);
enum outcome method_configure(struct request *q);
enum outcome method_stop(struct request *q);
enum outcome method_validate_data(struct request *q);
enum outcome method_read_data(struct request *q);
enum outcome method_call_function(struct request *q);
/* provider_meta of a request; null when the provider has no schema for it, NULL after an error. */
const struct value *request_meta(struct request *q, const Tfplugin6__DynamicValue *field);

/* ---- dispatch_resource.c */

enum outcome method_validate_resource(struct request *q);
enum outcome method_upgrade(struct request *q);
enum outcome method_read(struct request *q);
enum outcome method_plan(struct request *q);
enum outcome method_apply(struct request *q);
uint8_t *method_apply_abandon(struct bytes raw, const char *summary, const char *detail,
                              size_t *len);
enum outcome method_import(struct request *q);
enum outcome method_move(struct request *q);

#endif
