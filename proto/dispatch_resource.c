/*
 * dispatch_resource - the methods of managed resources
 *
 * What Terraform records is the only memory a provider of this kind has, so the rule that governs
 * this file is that an answer never loses an object:
 *   - a failed update or delete answers with the prior state, byte for byte as it came, even when
 *     it could not be decoded or memory ran out (Terraform reads an absent state as "gone");
 *   - a failed create answers null when the hook says that nothing exists, else what exists;
 *   - a value that a hook leaves unknown is recorded as null and reported as the provider's bug,
 *     instead of an answer that Terraform would have to throw away;
 *   - private bytes that a hook does not mention stay what they were.
 *
 * State of other versions and other providers is decoded leniently: attributes that this schema
 * does not have are dropped, those it has more are null, and the resource's upgrade hook does the
 * rest.
 */
#include "proto/dispatch_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/text.h"

static bool has_name(const struct resource *resource, const char *name)
{
    for (const char *const *own = resource->names; *own; own++)
        if (strcmp(*own, name) == 0)
            return true;
    return false;
}

static const struct resource_entry *find_resource(struct request *q, const char *type_name)
{
    const struct runtime *r = q->runtime;
    q->call.type_name = type_name;
    for (size_t i = 0; i < r->resource_count; i++)
        if (has_name(r->resources[i].resource, type_name))
            return &r->resources[i];
    diag_error(&q->diags, NULL, "Unknown resource type",
               "Provider %s %s has no resource type \"%s\".", r->provider->name,
               r->provider->version, type_name);
    return NULL;
}

enum outcome method_validate_resource(struct request *q)
{
    const Tfplugin6__ValidateResourceConfig__Request *in = (const void *)q->message;
    const struct resource_entry *e = find_resource(q, in->type_name);
    const struct value *config =
        e ? wire_slot(q, SLOT_CONFIG, e->type, in->config, "the configuration") : NULL;
    request_client(q, in->client_capabilities);
    if (config)
        schema_validate(e->resource->schema, config, &q->diags);
    if (config && !q->diags.errors && e->resource->validate &&
        request_waits(q, e->resource->validate(&q->call, config)))
        return CALL_WAIT;
    Tfplugin6__ValidateResourceConfig__Response *out =
        MESSAGE(q->call.arena, Tfplugin6__ValidateResourceConfig__Response,
                tfplugin6__validate_resource_config__response);
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

/* ---- state of another version or provider */

static const struct value *complete_block(struct arena *a, const struct block *b,
                                          const struct value *v);

/* One nested block of an object: never null, and complete inside. */
static const struct value *complete_nested(struct arena *a, const struct nested_block *nested,
                                           const struct value *v)
{
    if (nested->nesting == NESTING_SINGLE)
        return complete_block(a, nested->block, v);
    if (value_is_null(v))
        return value_seq(a, NULL, 0);
    if (v->kind != VALUE_SEQ)
        return v;
    const struct value **items = arena_calloc(a, v->seq.count, sizeof *items);
    for (size_t i = 0; i < v->seq.count; i++)
        items[i] = complete_block(a, nested->block, v->seq.items[i]);
    return value_seq(a, items, v->seq.count);
}

/* Lenient decoding makes null of what another provider does not have; Terraform wants a block that
 * occurs nowhere as an empty collection. */
static const struct value *complete_block(struct arena *a, const struct block *b,
                                          const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return v;
    for (const struct nested_block *n = b->blocks; n && n->name; n++)
        v = value_set(a, v, n->name, complete_nested(a, n, value_get(v, n->name)));
    return v;
}

static const struct value *decode_raw_state(struct request *q, const struct resource_entry *e,
                                            const Tfplugin6__RawState *raw)
{
    if (q->decoded[SLOT_PRIOR])
        return q->decoded[SLOT_PRIOR];
    if (!raw || !raw->json.len) {
        if (raw && raw->n_flatmap)
            diag_error(&q->diags, NULL, "State is too old",
                       "This state of a %s was written by Terraform 0.11 or older. Apply once with "
                       "Terraform 0.12 or 0.13 and the provider that wrote it, then come back.",
                       q->call.type_name);
        else
            diag_error(&q->diags, NULL, "Malformed request", "%s of %s came without a state.",
                       q->method->name, q->call.type_name);
        return NULL;
    }
    const char *error = NULL;
    const struct value *v =
        json_decode(q->call.arena, e->type, wire_from_bytes(raw->json), JSON_LENIENT, &error);
    if (v)
        q->decoded[SLOT_PRIOR] = complete_block(q->call.arena, &e->resource->schema->block, v);
    else
        diag_error(&q->diags, NULL, "Unreadable state",
                   "The stored state of a %s cannot be read: %s.", q->call.type_name, error);
    return q->decoded[SLOT_PRIOR];
}

/* Runs the upgrade hook on *state. True: the call must wait. */
static bool upgrade_waits(struct request *q, const struct resource_entry *e, int64_t version,
                          const struct value **state)
{
    if (!e->resource->upgrade || value_is_null(*state))
        return false;
    return request_waits(q, e->resource->upgrade(&q->call, version, state));
}

enum outcome method_upgrade(struct request *q)
{
    const Tfplugin6__UpgradeResourceState__Request *in = (const void *)q->message;
    const struct resource_entry *e = find_resource(q, in->type_name);
    const struct value *state = NULL;
    if (e && in->version > e->resource->schema->version)
        diag_error(&q->diags, NULL, "State is too new",
                   "This state of a %s has schema version %" PRId64 "; provider %s %s knows "
                   "versions up to %" PRId64 ". A newer version of the provider wrote it: use that "
                   "version or a later one.",
                   in->type_name, in->version, q->runtime->provider->name,
                   q->runtime->provider->version, e->resource->schema->version);
    else if (e)
        state = decode_raw_state(q, e, in->raw_state);
    if (state && upgrade_waits(q, e, in->version, &state))
        return CALL_WAIT;
    Tfplugin6__UpgradeResourceState__Response *out =
        MESSAGE(q->call.arena, Tfplugin6__UpgradeResourceState__Response,
                tfplugin6__upgrade_resource_state__response);
    if (state && !q->diags.errors)
        out->upgraded_state = wire_value(q, e->type, wire_settle(q, state));
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

/* Does the address end in `/` and these n bytes? */
static bool is_provider(const char *address, const char *type, size_t n)
{
    const char *slash = strrchr(address, '/');
    const char *last = slash ? slash + 1 : address;
    return n > 0 && strlen(last) == n && memcmp(last, type, n) == 0;
}

/* State can be moved here from every name of the same resource, written by this provider or by any
 * that one of the names belongs to: what stands before the first underscore of a type name is its
 * provider (`aws_vpc`), whatever host and namespace that was installed from. */
static bool can_move(const struct resource *resource, const char *own,
                     const Tfplugin6__MoveResourceState__Request *in)
{
    const char *address = in->source_provider_address;
    if (!has_name(resource, in->source_type_name))
        return false;
    if (is_provider(address, own, strlen(own)))
        return true;
    for (const char *const *name = resource->names; *name; name++)
        if (strchr(*name, '_') && is_provider(address, *name, strcspn(*name, "_")))
            return true;
    return false;
}

static void refuse_move(struct request *q, const struct resource *resource,
                        const Tfplugin6__MoveResourceState__Request *in)
{
    struct text names = text_new(q->call.arena);
    for (const char *const *name = resource->names; *name; name++)
        text_printf(&names, "%s%s", name == resource->names ? "" : ", ", *name);
    diag_error(&q->diags, NULL, "Cannot move the resource",
               "A %s of provider %s cannot become a %s. What can: %s, of the providers that these "
               "names begin with.",
               in->source_type_name, in->source_provider_address, in->target_type_name,
               text_end(&names));
}

enum outcome method_move(struct request *q)
{
    const Tfplugin6__MoveResourceState__Request *in = (const void *)q->message;
    const struct resource_entry *e = find_resource(q, in->target_type_name);
    const char *own = q->runtime->provider->name;
    const struct value *state = NULL;
    if (e && !can_move(e->resource, own, in))
        refuse_move(q, e->resource, in);
    else if (e)
        state = decode_raw_state(q, e, in->source_state);
    if (state && upgrade_waits(q, e, in->source_schema_version, &state))
        return CALL_WAIT;
    Tfplugin6__MoveResourceState__Response *out =
        MESSAGE(q->call.arena, Tfplugin6__MoveResourceState__Response,
                tfplugin6__move_resource_state__response);
    if (state && !q->diags.errors) {
        out->target_state = wire_value(q, e->type, wire_settle(q, state));
        /* Private bytes mean something only to the provider that wrote them. */
        if (is_provider(in->source_provider_address, own, strlen(own)))
            out->target_private = in->source_private;
    }
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

static void observe(struct request *q, const struct resource *resource, const struct value *prior,
                    const struct value *now)
{
    const struct provider *p = q->runtime->provider;
    if (p->observe)
        p->observe(&q->call, resource, prior, now);
}

/* ---- reading and importing */

enum outcome method_read(struct request *q)
{
    const Tfplugin6__ReadResource__Request *in = (const void *)q->message;
    const struct resource_entry *e = find_resource(q, in->type_name);
    const struct value *prior =
        e ? wire_slot(q, SLOT_PRIOR, e->type, in->current_state, "the state") : NULL;
    const struct value *state = prior;
    struct bytes private = wire_from_bytes(in->private_);
    request_client(q, in->client_capabilities);
    if (prior && !value_is_null(prior) && e->resource->read &&
        request_waits(q, e->resource->read(&q->call, &state, &private)))
        return CALL_WAIT;
    if (prior && !q->diags.errors)
        observe(q, e->resource, prior, state);
    Tfplugin6__ReadResource__Response *out = MESSAGE(
        q->call.arena, Tfplugin6__ReadResource__Response, tfplugin6__read_resource__response);
    if (prior && !q->diags.errors) {
        out->new_state = wire_value(q, e->type, wire_settle(q, state));
        out->private_ = wire_bytes(private);
    } else {
        out->new_state = in->current_state;
        out->private_ = in->private_;
    }
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

static bool can_import(struct request *q, const struct resource_entry *e, const char *id)
{
    if (!e)
        return false;
    if (!e->resource->import)
        diag_error(&q->diags, NULL, "Cannot import", "A %s cannot be imported.", q->call.type_name);
    else if (!*id)
        diag_error(&q->diags, NULL, "Cannot import",
                   "The import of a %s needs an id; import by identity is not offered.",
                   q->call.type_name);
    return !q->diags.errors;
}

enum outcome method_import(struct request *q)
{
    const Tfplugin6__ImportResourceState__Request *in = (const void *)q->message;
    struct arena *a = q->call.arena;
    const struct resource_entry *e = find_resource(q, in->type_name);
    const struct value *state = NULL;
    struct bytes private = {NULL, 0};
    request_client(q, in->client_capabilities);
    if (can_import(q, e, in->id)) {
        if (request_waits(q, e->resource->import(&q->call, in->id, &state, &private)))
            return CALL_WAIT;
        if (!q->diags.errors && (!state || !value_is_known(state)))
            diag_error(&q->diags, NULL, "Cannot import",
                       "The provider gave no state for %s \"%s\". This is a bug in the provider.",
                       in->type_name, in->id);
    }
    Tfplugin6__ImportResourceState__Response *out = MESSAGE(
        a, Tfplugin6__ImportResourceState__Response, tfplugin6__import_resource_state__response);
    if (!q->diags.errors) {
        Tfplugin6__ImportResourceState__ImportedResource *item =
            MESSAGE(a, Tfplugin6__ImportResourceState__ImportedResource,
                    tfplugin6__import_resource_state__imported_resource);
        item->type_name = in->type_name;
        item->state = wire_value(q, e->type, wire_settle(q, state));
        item->private_ = wire_bytes(private);
        out->imported_resources = arena_memdup(a, &item, sizeof item);
        out->n_imported_resources = 1;
    }
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

/* ---- planning */

static enum change_kind kind_of(const struct change *ch)
{
    if (value_is_null(ch->planned))
        return CHANGE_DELETE;
    return value_is_null(ch->prior) ? CHANGE_CREATE : CHANGE_UPDATE;
}

/* The values of a plan or an apply; false after an error. */
static bool decode_change(struct request *q, const struct resource_entry *e, struct change *ch,
                          const Tfplugin6__DynamicValue *prior,
                          const Tfplugin6__DynamicValue *planned,
                          const Tfplugin6__DynamicValue *config,
                          const Tfplugin6__DynamicValue *meta)
{
    ch->prior = wire_slot(q, SLOT_PRIOR, e->type, prior, "the prior state");
    ch->planned = wire_slot(q, SLOT_PLANNED, e->type, planned, "the planned state");
    ch->config = wire_slot(q, SLOT_CONFIG, e->type, config, "the configuration");
    ch->provider_meta = request_meta(q, meta);
    if (!ch->prior || !ch->planned || !ch->config || !ch->provider_meta)
        return false;
    ch->kind = kind_of(ch);
    if (ch->kind != CHANGE_DELETE ? value_is_known(ch->config) : value_is_known(ch->prior))
        return true;
    diag_error(&q->diags, NULL, "Malformed request", "%s of %s came without %s.", q->method->name,
               q->call.type_name,
               ch->kind == CHANGE_DELETE ? "an object to delete" : "a configuration");
    return false;
}

static void answer_plan(struct request *q, const struct resource_entry *e, const struct change *ch,
                        Tfplugin6__PlanResourceChange__Response *out)
{
    struct arena *a = q->call.arena;
    out->planned_state = wire_value(q, e->type, ch->planned);
    out->planned_private = wire_bytes(ch->private);
    /* A create after a destroy begins anew; otherwise what the hook does not mention stays. */
    if (!ch->private.len && ch->kind != CHANGE_CREATE)
        out->planned_private = wire_bytes(ch->prior_private);
    out->requires_replace = arena_calloc(a, ch->replace.count, sizeof *out->requires_replace);
    for (size_t i = 0; i < ch->replace.count; i++)
        out->requires_replace[out->n_requires_replace++] = wire_path(a, ch->replace.items[i]);
}

static enum outcome run_plan(struct request *q, const struct resource *resource, struct change *ch)
{
    const struct provider *p = q->runtime->provider;
    if (p->plan)
        return p->plan(&q->call, resource, ch);
    return resource->plan ? resource->plan(&q->call, ch) : CALL_DONE;
}

enum outcome method_plan(struct request *q)
{
    const Tfplugin6__PlanResourceChange__Request *in = (const void *)q->message;
    struct arena *a = q->call.arena;
    const struct resource_entry *e = find_resource(q, in->type_name);
    struct change ch = {.prior_private = wire_from_bytes(in->prior_private),
                        .planned_private = wire_from_bytes(in->planned_private)};
    q->call.stage = CALL_PLANNING;
    request_client(q, in->client_capabilities);
    bool decoded = e && decode_change(q, e, &ch, in->prior_state, in->proposed_new_state,
                                      in->config, in->provider_meta);
    if (decoded && ch.kind != CHANGE_DELETE)
        schema_plan(a, e->resource->schema, ch.prior, ch.config, ch.planned, &ch.planned,
                    &ch.replace);
    if (decoded && request_waits(q, run_plan(q, e->resource, &ch)))
        return CALL_WAIT;
    Tfplugin6__PlanResourceChange__Response *out = MESSAGE(
        a, Tfplugin6__PlanResourceChange__Response, tfplugin6__plan_resource_change__response);
    if (decoded && !q->diags.errors)
        answer_plan(q, e, &ch, out);
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

/* ---- applying */

/* Runs the hook of the change. *state: what exists afterwards, NULL when the hook did not say. */
static enum outcome run_change(struct request *q, const struct resource *resource,
                               struct change *ch, const struct value **state)
{
    const struct provider *p = q->runtime->provider;
    if (p->before_apply)
        p->before_apply(&q->call, ch);
    if (q->diags.errors)
        return CALL_DONE;
    switch (ch->kind) {
    case CHANGE_DELETE:
        *state = &value_null;
        return resource->destroy ? resource->destroy(&q->call, ch) : CALL_DONE;
    case CHANGE_CREATE:
        if (resource->create)
            return resource->create(&q->call, ch, state);
        break;
    case CHANGE_UPDATE:
        if (resource->update)
            return resource->update(&q->call, ch, state);
        break;
    }
    *state = ch->planned;
    return CALL_DONE;
}

/* What Terraform records after the hook has answered, see the rules above. */
static void answer_apply(struct request *q, const struct resource_entry *e, const struct change *ch,
                         const struct value *state, Tfplugin6__ApplyResourceChange__Response *out)
{
    const Tfplugin6__ApplyResourceChange__Request *in = (const void *)q->message;
    if (ch->kind == CHANGE_DELETE && q->diags.errors)
        state = NULL;
    if (!state && !q->diags.errors)
        diag_error(&q->diags, NULL, "The provider gave no state",
                   "%s of %s succeeded without a state; this is a bug in the provider.",
                   q->method->name, q->call.type_name);
    struct bytes private = ch->private.len ? ch->private : ch->planned_private;
    if (state)
        out->new_state = wire_value(q, e->type, wire_settle(q, state));
    else if (ch->kind != CHANGE_CREATE)
        out->new_state = in->prior_state;
    else
        out->new_state = wire_value(q, e->type, &value_null);
    if (state ? !value_is_null(state) : ch->kind != CHANGE_CREATE)
        out->private_ = wire_bytes(private);
}

enum outcome method_apply(struct request *q)
{
    const Tfplugin6__ApplyResourceChange__Request *in = (const void *)q->message;
    const struct resource_entry *e = find_resource(q, in->type_name);
    struct change ch = {.planned_private = wire_from_bytes(in->planned_private)};
    const struct value *state = NULL;
    q->call.stage = CALL_APPLYING;
    bool decoded = e && decode_change(q, e, &ch, in->prior_state, in->planned_state, in->config,
                                      in->provider_meta);
    if (decoded && request_waits(q, run_change(q, e->resource, &ch, &state)))
        return CALL_WAIT;
    if (state && !q->diags.errors)
        observe(q, e->resource, ch.prior, state);
    Tfplugin6__ApplyResourceChange__Response *out =
        MESSAGE(q->call.arena, Tfplugin6__ApplyResourceChange__Response,
                tfplugin6__apply_resource_change__response);
    if (decoded) {
        answer_apply(q, e, &ch, state, out);
    } else {
        out->new_state = in->prior_state;
        out->private_ = in->planned_private;
    }
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

/* The prior state as it came, with an error, by malloc alone: the request's arena is gone. */
uint8_t *method_apply_abandon(struct bytes raw, const char *summary, const char *detail,
                              size_t *len)
{
    Tfplugin6__ApplyResourceChange__Request *in = (void *)protobuf_c_message_unpack(
        &tfplugin6__apply_resource_change__request__descriptor, NULL, raw.len, raw.data);
    if (!in)
        return NULL;
    Tfplugin6__Diagnostic error = TFPLUGIN6__DIAGNOSTIC__INIT, *list = &error;
    error.severity = TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR;
    error.summary = (char *)summary;
    error.detail = (char *)detail;
    Tfplugin6__ApplyResourceChange__Response out = TFPLUGIN6__APPLY_RESOURCE_CHANGE__RESPONSE__INIT;
    out.new_state = in->prior_state;
    out.private_ = in->planned_private;
    out.diagnostics = &list;
    out.n_diagnostics = 1;
    uint8_t *body = malloc(protobuf_c_message_get_packed_size(&out.base) + 1);
    if (body)
        *len = protobuf_c_message_pack(&out.base, body);
    protobuf_c_message_free_unpacked(&in->base, NULL);
    return body;
}
