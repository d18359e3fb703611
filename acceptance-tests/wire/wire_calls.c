/*
 * wire_calls - the methods of tfplugin6.Provider with values instead of bytes
 *
 * Written against the protocol and not against the provider's runtime: messages are packed and
 * unpacked here with protobuf-c alone, and the checks of host_create are those of Terraform's core
 * (a planned value that is known must come back, nothing may be unknown after apply). The codec of
 * values is shared with the runtime; its tests stand beside it.
 */
#include "wire_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"

#define SERVICE        "/tfplugin6.Provider/"
#define TERRAFORM      "1.11.4"
#define STATUS_BROKEN  13 /* INTERNAL, see host_create */
#define DESCRIBE_BYTES 2000

/* ---- Messages ------------------------------------------------------------------------------- */

static void *arena_allocator_alloc(void *data, size_t n)
{
    return arena_alloc(data, n);
}

static void arena_allocator_free(void *data, void *p)
{
    (void)data; /* the arena goes as a whole */
    (void)p;
}

static ProtobufCBinaryData field_of(struct bytes b)
{
    return (ProtobufCBinaryData){b.len, (uint8_t *)b.data};
}

static struct bytes bytes_of(ProtobufCBinaryData b)
{
    return (struct bytes){b.data, b.len};
}

static struct bytes pack(struct arena *a, const void *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *out = arena_alloc(a, len);
    protobuf_c_message_pack(message, out);
    return (struct bytes){out, len};
}

static const char *path_of(const char *method)
{
    static char path[128]; /* valid until the next call */
    snprintf(path, sizeof path, SERVICE "%s", method);
    return path;
}

static struct host_call *begin(struct host_session *s, const char *method, const void *request)
{
    return host_begin(s->channel, path_of(method), pack(s->arena, request), s->timeout_ms);
}

/* The response, or NULL with the status in the answer. */
static const void *finish(struct host_session *s, struct host_call *call,
                          const ProtobufCMessageDescriptor *response, struct host_answer *answer)
{
    struct host_reply reply = host_finish(call, s->arena);
    answer->status = reply.status;
    answer->message = reply.message;
    if (reply.status != 0) {
        return NULL;
    }
    ProtobufCAllocator allocator = {arena_allocator_alloc, arena_allocator_free, s->arena};
    const void *m =
        protobuf_c_message_unpack(response, &allocator, reply.body.len, reply.body.data);
    if (!m) {
        answer->status = STATUS_BROKEN;
        answer->message = "the response cannot be unpacked";
    }
    return m;
}

static const void *call(struct host_session *s, const char *method, const void *request,
                        const ProtobufCMessageDescriptor *response, struct host_answer *answer)
{
    return finish(s, begin(s, method, request), response, answer);
}

/* ---- Parts of messages ---------------------------------------------------------------------- */

static const char *describe_path(struct arena *a, const Tfplugin6__AttributePath *path)
{
    const char *text = "";
    for (size_t i = 0; path && i < path->n_steps; i++) {
        const Tfplugin6__AttributePath__Step *step = path->steps[i];
        switch (step->selector_case) {
        case TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ATTRIBUTE_NAME:
            text = arena_printf(a, "%s.%s", text, step->attribute_name);
            break;
        case TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_STRING:
            text = arena_printf(a, "%s[\"%s\"]", text, step->element_key_string);
            break;
        case TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_INT:
            text = arena_printf(a, "%s[%lld]", text, (long long)step->element_key_int);
            break;
        default:
            text = arena_printf(a, "%s.<no selector>", text);
        }
    }
    return text;
}

static void take_diags(struct host_session *s, struct host_answer *answer, size_t count,
                       Tfplugin6__Diagnostic *const *in)
{
    struct host_diag *out = arena_calloc(s->arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct host_diag){
            .error = in[i]->severity != TFPLUGIN6__DIAGNOSTIC__SEVERITY__WARNING,
            .summary = in[i]->summary,
            .detail = in[i]->detail,
            .path = describe_path(s->arena, in[i]->attribute),
        };
        answer->errors += out[i].error;
    }
    answer->diags = out;
    answer->diag_count = count;
}

static Tfplugin6__DynamicValue *dynamic(struct host_session *s, const struct type *t,
                                        const struct value *v)
{
    Tfplugin6__DynamicValue *d = arena_alloc(s->arena, sizeof *d);
    tfplugin6__dynamic_value__init(d);
    d->msgpack = field_of(msgpack_encode(s->arena, t, v ? v : &value_null));
    return d;
}

/* Sets the state; a value that does not fit its type is the provider's fault. */
static void take_state(struct host_session *s, struct host_answer *answer, const struct type *t,
                       const Tfplugin6__DynamicValue *d)
{
    if (!d || !t || (d->msgpack.len == 0 && d->json.len == 0)) {
        return;
    }
    const char *error = NULL;
    answer->state = d->msgpack.len > 0
                        ? msgpack_decode(s->arena, t, bytes_of(d->msgpack), &error)
                        : json_decode(s->arena, t, bytes_of(d->json), JSON_STRICT, &error);
    if (!answer->state) {
        answer->status = STATUS_BROKEN;
        answer->message = arena_printf(s->arena, "a value does not fit its schema: %s", error);
    }
}

static Tfplugin6__ClientCapabilities *capabilities(struct host_session *s)
{
    Tfplugin6__ClientCapabilities *c = arena_alloc(s->arena, sizeof *c);
    tfplugin6__client_capabilities__init(c);
    c->deferral_allowed = s->client.deferral_allowed;
    c->write_only_attributes_allowed = 1;
    c->store_planned_private = s->client.store_planned_private;
    return c;
}

static Tfplugin6__RawState *raw_state(struct host_session *s, const char *json)
{
    Tfplugin6__RawState *r = arena_alloc(s->arena, sizeof *r);
    tfplugin6__raw_state__init(r);
    r->json = (ProtobufCBinaryData){strlen(json), (uint8_t *)arena_strdup(s->arena, json)};
    return r;
}

bool host_ok(const struct host_answer *a)
{
    return a->status == 0 && a->errors == 0;
}

const char *host_describe(struct arena *a, const struct host_answer *answer)
{
    if (answer->status != 0) {
        return arena_printf(a, "status %d: %s", answer->status, answer->message);
    }
    const char *text = answer->state ? value_describe(a, answer->state, DESCRIBE_BYTES) : "-";
    for (size_t i = 0; i < answer->diag_count; i++) {
        const struct host_diag *d = &answer->diags[i];
        text = arena_printf(a, "%s; %s at %s: %s: %s", text, d->error ? "error" : "warning",
                            d->path, d->summary, d->detail);
    }
    return text;
}

/* ---- Schema --------------------------------------------------------------------------------- */

static const struct type *collection(struct arena *a, enum type_kind kind, const struct type *elem)
{
    struct type *t = arena_alloc(a, sizeof *t);
    t->kind = kind;
    t->elem = elem;
    return t;
}

static const struct type *attribute_type(struct arena *a, const Tfplugin6__Schema__Attribute *at)
{
    const Tfplugin6__Schema__Object *o = at->nested_type;
    if (!o) {
        return type_from_json(a, bytes_of(at->type));
    }
    struct type_member *members = arena_calloc(a, o->n_attributes, sizeof *members);
    for (size_t i = 0; i < o->n_attributes; i++) {
        members[i] =
            (struct type_member){o->attributes[i]->name, attribute_type(a, o->attributes[i])};
    }
    const struct type *t = type_object(a, members, o->n_attributes);
    switch (o->nesting) {
    case TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__LIST:
        return collection(a, TYPE_LIST, t);
    case TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__SET:
        return collection(a, TYPE_SET, t);
    case TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__MAP:
        return collection(a, TYPE_MAP, t);
    default:
        return t;
    }
}

static const struct type *block_type(struct arena *a, const Tfplugin6__Schema__Block *b);

static const struct type *nested_type(struct arena *a, const Tfplugin6__Schema__NestedBlock *n)
{
    const struct type *t = block_type(a, n->block);
    switch (n->nesting) {
    case TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__LIST:
        return collection(a, TYPE_LIST, t);
    case TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__SET:
        return collection(a, TYPE_SET, t);
    case TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__MAP:
        return collection(a, TYPE_MAP, t);
    default:
        return t;
    }
}

static const struct type *block_type(struct arena *a, const Tfplugin6__Schema__Block *b)
{
    size_t count = b->n_attributes + b->n_block_types;
    struct type_member *members = arena_calloc(a, count, sizeof *members);
    for (size_t i = 0; i < b->n_attributes; i++) {
        members[i] =
            (struct type_member){b->attributes[i]->name, attribute_type(a, b->attributes[i])};
    }
    for (size_t i = 0; i < b->n_block_types; i++) {
        members[b->n_attributes + i] =
            (struct type_member){b->block_types[i]->type_name, nested_type(a, b->block_types[i])};
    }
    return type_object(a, members, count);
}

static const Tfplugin6__Schema__Block *find_block(struct host_session *s, enum host_schema kind,
                                                  const char *name)
{
    const Tfplugin6__GetProviderSchema__Response *all = s->schema;
    const Tfplugin6__Schema *found = kind == HOST_PROVIDER && all ? all->provider : NULL;
    for (size_t i = 0; all && kind == HOST_RESOURCE && i < all->n_resource_schemas; i++) {
        if (strcmp(all->resource_schemas[i]->key, name) == 0) {
            found = all->resource_schemas[i]->value;
        }
    }
    for (size_t i = 0; all && kind == HOST_DATA_SOURCE && i < all->n_data_source_schemas; i++) {
        if (strcmp(all->data_source_schemas[i]->key, name) == 0) {
            found = all->data_source_schemas[i]->value;
        }
    }
    return found ? found->block : NULL;
}

struct host_answer host_load_schema(struct host_session *s)
{
    struct host_answer a = {0};
    Tfplugin6__GetProviderSchema__Request q = TFPLUGIN6__GET_PROVIDER_SCHEMA__REQUEST__INIT;
    s->schema =
        call(s, "GetProviderSchema", &q, &tfplugin6__get_provider_schema__response__descriptor, &a);
    if (s->schema) {
        take_diags(s, &a, s->schema->n_diagnostics, s->schema->diagnostics);
    }
    return a;
}

static const struct type *kept_type(struct host_types *types, const Tfplugin6__Schema__Block *b)
{
    const size_t room = sizeof types->known / sizeof types->known[0];
    for (size_t i = 0; i < types->count; i++) {
        if (types->known[i].block == b) {
            return types->known[i].type;
        }
    }
    const struct type *t = block_type(types->arena, b);
    if (types->count < room) {
        types->known[types->count].block = b;
        types->known[types->count++].type = t;
    }
    return t;
}

const struct type *host_type(struct host_session *s, enum host_schema kind, const char *name)
{
    const Tfplugin6__Schema__Block *b = find_block(s, kind, name);
    return !b ? NULL : s->types ? kept_type(s->types, b) : block_type(s->arena, b);
}

const struct value *host_object(struct host_session *s, enum host_schema kind, const char *name,
                                const char *json)
{
    const struct type *t = host_type(s, kind, name);
    const char *error = "no such schema";
    struct bytes in = {(const uint8_t *)json, strlen(json)};
    const struct value *v = t ? json_decode(s->arena, t, in, JSON_LENIENT, &error) : NULL;
    if (!v) {
        fprintf(stderr, "wire_calls: %s %s: %s\n", name ? name : "provider", json, error);
        abort();
    }
    return v;
}

const struct value *host_propose(struct host_session *s, const char *type_name,
                                 const struct value *prior, const struct value *config)
{
    const Tfplugin6__Schema__Block *b = find_block(s, HOST_RESOURCE, type_name);
    const struct value *v = config;
    for (size_t i = 0; b && i < b->n_attributes; i++) {
        const char *name = b->attributes[i]->name;
        if (b->attributes[i]->computed && value_is_null(value_get(config, name))) {
            v = value_set(s->arena, v, name, value_get(prior, name));
        }
    }
    return v;
}

/* ---- Calls, one to one ---------------------------------------------------------------------- */

struct host_answer host_validate_provider(struct host_session *s, const char *config_json)
{
    struct host_answer a = {0};
    Tfplugin6__ValidateProviderConfig__Request q =
        TFPLUGIN6__VALIDATE_PROVIDER_CONFIG__REQUEST__INIT;
    q.config = dynamic(s, host_type(s, HOST_PROVIDER, NULL),
                       host_object(s, HOST_PROVIDER, NULL, config_json));
    const Tfplugin6__ValidateProviderConfig__Response *r =
        call(s, "ValidateProviderConfig", &q,
             &tfplugin6__validate_provider_config__response__descriptor, &a);
    if (r) {
        take_diags(s, &a, r->n_diagnostics, r->diagnostics);
    }
    return a;
}

struct host_answer host_configure(struct host_session *s, const char *config_json)
{
    struct host_answer a = {0};
    Tfplugin6__ConfigureProvider__Request q = TFPLUGIN6__CONFIGURE_PROVIDER__REQUEST__INIT;
    q.terraform_version = TERRAFORM;
    q.client_capabilities = capabilities(s);
    q.config = dynamic(s, host_type(s, HOST_PROVIDER, NULL),
                       host_object(s, HOST_PROVIDER, NULL, config_json));
    const Tfplugin6__ConfigureProvider__Response *r =
        call(s, "ConfigureProvider", &q, &tfplugin6__configure_provider__response__descriptor, &a);
    if (r) {
        take_diags(s, &a, r->n_diagnostics, r->diagnostics);
    }
    return a;
}

struct host_answer host_validate(struct host_session *s, const char *type_name,
                                 const struct value *config)
{
    struct host_answer a = {0};
    Tfplugin6__ValidateResourceConfig__Request q =
        TFPLUGIN6__VALIDATE_RESOURCE_CONFIG__REQUEST__INIT;
    q.type_name = (char *)type_name;
    q.config = dynamic(s, host_type(s, HOST_RESOURCE, type_name), config);
    q.client_capabilities = capabilities(s);
    const Tfplugin6__ValidateResourceConfig__Response *r =
        call(s, "ValidateResourceConfig", &q,
             &tfplugin6__validate_resource_config__response__descriptor, &a);
    if (r) {
        take_diags(s, &a, r->n_diagnostics, r->diagnostics);
    }
    return a;
}

struct host_answer host_upgrade(struct host_session *s, const char *type_name, int64_t version,
                                const char *state_json)
{
    struct host_answer a = {0};
    Tfplugin6__UpgradeResourceState__Request q = TFPLUGIN6__UPGRADE_RESOURCE_STATE__REQUEST__INIT;
    q.type_name = (char *)type_name;
    q.version = version;
    q.raw_state = raw_state(s, state_json);
    const Tfplugin6__UpgradeResourceState__Response *r =
        call(s, "UpgradeResourceState", &q,
             &tfplugin6__upgrade_resource_state__response__descriptor, &a);
    if (r) {
        take_diags(s, &a, r->n_diagnostics, r->diagnostics);
        take_state(s, &a, host_type(s, HOST_RESOURCE, type_name), r->upgraded_state);
    }
    return a;
}

struct host_answer host_read(struct host_session *s, const char *type_name,
                             const struct value *state, struct bytes private)
{
    struct host_answer a = {0};
    const struct type *t = host_type(s, HOST_RESOURCE, type_name);
    Tfplugin6__ReadResource__Request q = TFPLUGIN6__READ_RESOURCE__REQUEST__INIT;
    q.type_name = (char *)type_name;
    q.current_state = dynamic(s, t, state);
    q.private_ = field_of(private);
    q.client_capabilities = capabilities(s);
    const Tfplugin6__ReadResource__Response *r =
        call(s, "ReadResource", &q, &tfplugin6__read_resource__response__descriptor, &a);
    if (r) {
        take_diags(s, &a, r->n_diagnostics, r->diagnostics);
        take_state(s, &a, t, r->new_state);
        a.private = bytes_of(r->private_);
    }
    return a;
}

struct host_answer host_plan(struct host_session *s, const struct host_change *c)
{
    struct host_answer a = {0};
    const struct type *t = host_type(s, HOST_RESOURCE, c->type_name);
    Tfplugin6__PlanResourceChange__Request q = TFPLUGIN6__PLAN_RESOURCE_CHANGE__REQUEST__INIT;
    q.type_name = (char *)c->type_name;
    q.prior_state = dynamic(s, t, c->prior);
    q.proposed_new_state = dynamic(s, t, c->proposed);
    q.config = dynamic(s, t, c->config);
    q.prior_private = field_of(c->prior_private);
    q.planned_private = field_of(c->planned_private);
    q.client_capabilities = capabilities(s);
    const Tfplugin6__PlanResourceChange__Response *r = call(
        s, "PlanResourceChange", &q, &tfplugin6__plan_resource_change__response__descriptor, &a);
    if (!r) {
        return a;
    }
    take_diags(s, &a, r->n_diagnostics, r->diagnostics);
    take_state(s, &a, t, r->planned_state);
    a.private = bytes_of(r->planned_private);
    const char **replace = arena_calloc(s->arena, r->n_requires_replace, sizeof *replace);
    for (size_t i = 0; i < r->n_requires_replace; i++) {
        replace[i] = describe_path(s->arena, r->requires_replace[i]);
    }
    a.replace = replace;
    a.replace_count = r->n_requires_replace;
    return a;
}

struct host_call *host_apply_begin(struct host_session *s, const struct host_change *c)
{
    const struct type *t = host_type(s, HOST_RESOURCE, c->type_name);
    Tfplugin6__ApplyResourceChange__Request q = TFPLUGIN6__APPLY_RESOURCE_CHANGE__REQUEST__INIT;
    q.type_name = (char *)c->type_name;
    q.prior_state = dynamic(s, t, c->prior);
    q.planned_state = dynamic(s, t, c->proposed);
    q.config = dynamic(s, t, c->config);
    q.planned_private = field_of(c->planned_private);
    return begin(s, "ApplyResourceChange", &q);
}

struct host_answer host_apply_finish(struct host_session *s, const char *type_name,
                                     struct host_call *call)
{
    struct host_answer a = {0};
    const Tfplugin6__ApplyResourceChange__Response *r =
        finish(s, call, &tfplugin6__apply_resource_change__response__descriptor, &a);
    if (r) {
        take_diags(s, &a, r->n_diagnostics, r->diagnostics);
        take_state(s, &a, host_type(s, HOST_RESOURCE, type_name), r->new_state);
        a.private = bytes_of(r->private_);
    }
    return a;
}

struct host_answer host_apply(struct host_session *s, const struct host_change *c)
{
    return host_apply_finish(s, c->type_name, host_apply_begin(s, c));
}

struct host_answer host_import(struct host_session *s, const char *type_name, const char *id)
{
    struct host_answer a = {0};
    Tfplugin6__ImportResourceState__Request q = TFPLUGIN6__IMPORT_RESOURCE_STATE__REQUEST__INIT;
    q.type_name = (char *)type_name;
    q.id = (char *)id;
    q.client_capabilities = capabilities(s);
    const Tfplugin6__ImportResourceState__Response *r = call(
        s, "ImportResourceState", &q, &tfplugin6__import_resource_state__response__descriptor, &a);
    if (!r) {
        return a;
    }
    take_diags(s, &a, r->n_diagnostics, r->diagnostics);
    if (r->n_imported_resources > 0) {
        const Tfplugin6__ImportResourceState__ImportedResource *i = r->imported_resources[0];
        a.type_name = i->type_name;
        a.private = bytes_of(i->private_);
        take_state(s, &a, host_type(s, HOST_RESOURCE, i->type_name), i->state);
    }
    return a;
}

struct host_answer host_move(struct host_session *s, const char *source_provider,
                             const char *source_type, int64_t version, const char *state_json,
                             const char *target_type)
{
    struct host_answer a = {0};
    Tfplugin6__MoveResourceState__Request q = TFPLUGIN6__MOVE_RESOURCE_STATE__REQUEST__INIT;
    q.source_provider_address = (char *)source_provider;
    q.source_type_name = (char *)source_type;
    q.source_schema_version = version;
    q.source_state = raw_state(s, state_json);
    q.target_type_name = (char *)target_type;
    const Tfplugin6__MoveResourceState__Response *r =
        call(s, "MoveResourceState", &q, &tfplugin6__move_resource_state__response__descriptor, &a);
    if (r) {
        take_diags(s, &a, r->n_diagnostics, r->diagnostics);
        take_state(s, &a, host_type(s, HOST_RESOURCE, target_type), r->target_state);
        a.private = bytes_of(r->target_private);
    }
    return a;
}

struct host_answer host_read_data(struct host_session *s, const char *type_name,
                                  const struct value *config)
{
    struct host_answer a = {0};
    const struct type *t = host_type(s, HOST_DATA_SOURCE, type_name);
    Tfplugin6__ReadDataSource__Request q = TFPLUGIN6__READ_DATA_SOURCE__REQUEST__INIT;
    q.type_name = (char *)type_name;
    q.config = dynamic(s, t, config);
    q.client_capabilities = capabilities(s);
    const Tfplugin6__ReadDataSource__Response *r =
        call(s, "ReadDataSource", &q, &tfplugin6__read_data_source__response__descriptor, &a);
    if (r) {
        take_diags(s, &a, r->n_diagnostics, r->diagnostics);
        take_state(s, &a, t, r->state);
    }
    return a;
}

struct host_answer host_function(struct host_session *s, const char *name,
                                 const char *const *arguments_json, size_t count)
{
    struct host_answer a = {0};
    const Tfplugin6__Function *f = NULL;
    for (size_t i = 0; s->schema && i < s->schema->n_functions; i++) {
        if (strcmp(s->schema->functions[i]->key, name) == 0) {
            f = s->schema->functions[i]->value;
        }
    }
    Tfplugin6__CallFunction__Request q = TFPLUGIN6__CALL_FUNCTION__REQUEST__INIT;
    q.name = (char *)name;
    q.n_arguments = count;
    q.arguments = arena_calloc(s->arena, count, sizeof *q.arguments);
    for (size_t i = 0; i < count; i++) {
        q.arguments[i] = arena_alloc(s->arena, sizeof *q.arguments[i]);
        tfplugin6__dynamic_value__init(q.arguments[i]);
        const char *json = arena_strdup(s->arena, arguments_json[i]);
        q.arguments[i]->json = (ProtobufCBinaryData){strlen(json), (uint8_t *)json};
    }
    const Tfplugin6__CallFunction__Response *r =
        call(s, "CallFunction", &q, &tfplugin6__call_function__response__descriptor, &a);
    if (r && r->error) {
        struct host_diag *d = arena_alloc(s->arena, sizeof *d);
        *d = (struct host_diag){.error = true, .summary = r->error->text, .detail = "", .path = ""};
        a.diags = d;
        a.diag_count = a.errors = 1;
    } else if (r) {
        const struct type *t = f ? type_from_json(s->arena, bytes_of(f->return_->type)) : NULL;
        take_state(s, &a, t, r->result);
    }
    return a;
}

struct host_answer host_stop(struct host_session *s)
{
    struct host_answer a = {0};
    Tfplugin6__StopProvider__Request q = TFPLUGIN6__STOP_PROVIDER__REQUEST__INIT;
    const Tfplugin6__StopProvider__Response *r =
        call(s, "StopProvider", &q, &tfplugin6__stop_provider__response__descriptor, &a);
    if (r && r->error && *r->error) {
        a.status = STATUS_BROKEN;
        a.message = r->error;
    }
    return a;
}

/* ---- Runs ----------------------------------------------------------------------------------- */

/* Is each known part of `planned` the same in `got`, and everything in `got` known? Sets are
 * compared as a whole, because their elements have no place. */
static bool kept(const struct type *t, const struct value *planned, const struct value *got)
{
    if (value_is_unknown(got)) {
        return false;
    }
    if (value_is_unknown(planned)) {
        return value_is_wholly_known(got);
    }
    if (planned->kind != got->kind) {
        return false;
    }
    if (t->kind == TYPE_OBJECT && planned->kind == VALUE_MAP) {
        for (size_t i = 0; i < t->count; i++) {
            const char *name = t->members[i].name;
            if (!kept(t->members[i].type, value_get(planned, name), value_get(got, name))) {
                return false;
            }
        }
        return true;
    }
    if (t->kind == TYPE_LIST && planned->kind == VALUE_SEQ) {
        for (size_t i = 0; i < planned->seq.count && planned->seq.count == got->seq.count; i++) {
            if (!kept(t->elem, planned->seq.items[i], got->seq.items[i])) {
                return false;
            }
        }
        return planned->seq.count == got->seq.count;
    }
    return value_is_wholly_known(planned) ? value_equal(t, planned, got)
                                          : value_is_wholly_known(got);
}

static struct host_answer plan_and_apply(struct host_session *s, struct host_change c)
{
    struct host_answer plan = host_plan(s, &c);
    if (!host_ok(&plan)) {
        return plan;
    }
    c.proposed = plan.state;
    c.planned_private = plan.private;
    struct host_answer a = host_apply(s, &c);
    const struct type *t = host_type(s, HOST_RESOURCE, c.type_name);
    if (host_ok(&a) && (!a.state || !plan.state || !kept(t, plan.state, a.state))) {
        a.message = arena_printf(
            s->arena, "inconsistent result after apply: planned %s, got %s",
            value_describe(s->arena, plan.state ? plan.state : &value_null, DESCRIBE_BYTES),
            value_describe(s->arena, a.state ? a.state : &value_null, DESCRIBE_BYTES));
        a.status = STATUS_BROKEN;
    }
    return a;
}

struct host_answer host_create(struct host_session *s, const char *type_name,
                               const char *config_json)
{
    const struct value *config = host_object(s, HOST_RESOURCE, type_name, config_json);
    struct host_answer a = host_validate(s, type_name, config);
    if (!host_ok(&a)) {
        return a;
    }
    return plan_and_apply(s, (struct host_change){
                                 .type_name = type_name,
                                 .proposed = config,
                                 .config = config,
                             });
}

struct host_answer host_update(struct host_session *s, const char *type_name,
                               const struct host_answer *prior, const char *config_json)
{
    const struct value *config = host_object(s, HOST_RESOURCE, type_name, config_json);
    struct host_answer a = host_validate(s, type_name, config);
    if (!host_ok(&a)) {
        return a;
    }
    return plan_and_apply(s, (struct host_change){
                                 .type_name = type_name,
                                 .prior = prior->state,
                                 .proposed = host_propose(s, type_name, prior->state, config),
                                 .config = config,
                                 .prior_private = prior->private,
                             });
}

struct host_answer host_destroy(struct host_session *s, const char *type_name,
                                const struct host_answer *prior)
{
    return plan_and_apply(s, (struct host_change){
                                 .type_name = type_name,
                                 .prior = prior->state,
                                 .prior_private = prior->private,
                             });
}
