/*
 * dispatch_provider - the methods of the provider as a whole, of data sources and of functions
 */
#include "proto/dispatch_internal.h"

#include <string.h>

/* ---- the provider */

const struct value *request_meta(struct request *q, const Tfplugin6__DynamicValue *field)
{
    const struct type *t = q->runtime->meta_type;
    return t ? wire_slot(q, SLOT_META, t, field, "the provider_meta block") : &value_null;
}

enum outcome method_validate_provider(struct request *q)
{
    const Tfplugin6__ValidateProviderConfig__Request *in = (const void *)q->message;
    struct runtime *r = q->runtime;
    const struct value *config =
        wire_slot(q, SLOT_CONFIG, r->type, in->config, "the configuration of the provider");
    if (config)
        schema_validate(r->provider->schema, config, &q->diags);
    Tfplugin6__ValidateProviderConfig__Response *out =
        MESSAGE(q->call.arena, Tfplugin6__ValidateProviderConfig__Response,
                tfplugin6__validate_provider_config__response);
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

enum outcome method_configure(struct request *q)
{
    const Tfplugin6__ConfigureProvider__Request *in = (const void *)q->message;
    struct runtime *r = q->runtime;
    if (q->call.attempts == 1) {
        /* In reattach mode one process serves many runs; a stop ends with the run it was for. */
        r->stopping = q->call.stopping = false;
        if (in->client_capabilities) {
            r->client.deferral_allowed = in->client_capabilities->deferral_allowed;
            r->client.store_planned_private = in->client_capabilities->store_planned_private;
        }
        request_client(q, in->client_capabilities);
    }
    const struct value *config =
        wire_slot(q, SLOT_CONFIG, r->type, in->config, "the configuration of the provider");
    if (config && r->provider->configure &&
        request_waits(q,
                      r->provider->configure(&q->call, config, in->terraform_version, &r->state)))
        return CALL_WAIT;
    Tfplugin6__ConfigureProvider__Response *out =
        MESSAGE(q->call.arena, Tfplugin6__ConfigureProvider__Response,
                tfplugin6__configure_provider__response);
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

/* Answered at once; every waiting call is then attempted with call.stopping set, and answers. */
enum outcome method_stop(struct request *q)
{
    q->runtime->stopping = true;
    q->runtime->progressed = true;
    q->response = MESSAGE(q->call.arena, ProtobufCMessage, tfplugin6__stop_provider__response);
    return CALL_DONE;
}

/* ---- data sources */

static const struct data_source_entry *find_data_source(struct request *q, const char *type_name)
{
    const struct runtime *r = q->runtime;
    q->call.type_name = type_name;
    for (size_t i = 0; i < r->data_source_count; i++)
        for (const char *const *name = r->data_sources[i].source->names; *name; name++)
            if (strcmp(*name, type_name) == 0)
                return &r->data_sources[i];
    diag_error(&q->diags, NULL, "Unknown data source", "Provider %s %s has no data source \"%s\".",
               r->provider->name, r->provider->version, type_name);
    return NULL;
}

enum outcome method_validate_data(struct request *q)
{
    const Tfplugin6__ValidateDataResourceConfig__Request *in = (const void *)q->message;
    const struct data_source_entry *e = find_data_source(q, in->type_name);
    const struct value *config =
        e ? wire_slot(q, SLOT_CONFIG, e->type, in->config, "the configuration") : NULL;
    if (config)
        schema_validate(e->source->schema, config, &q->diags);
    if (config && !q->diags.errors && e->source->validate &&
        request_waits(q, e->source->validate(&q->call, config)))
        return CALL_WAIT;
    Tfplugin6__ValidateDataResourceConfig__Response *out =
        MESSAGE(q->call.arena, Tfplugin6__ValidateDataResourceConfig__Response,
                tfplugin6__validate_data_resource_config__response);
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

enum outcome method_read_data(struct request *q)
{
    const Tfplugin6__ReadDataSource__Request *in = (const void *)q->message;
    const struct data_source_entry *e = find_data_source(q, in->type_name);
    const struct value *config =
        e ? wire_slot(q, SLOT_CONFIG, e->type, in->config, "the configuration") : NULL;
    const struct value *state = config;
    request_client(q, in->client_capabilities);
    if (config && e->source->read && request_waits(q, e->source->read(&q->call, config, &state)))
        return CALL_WAIT;
    Tfplugin6__ReadDataSource__Response *out = MESSAGE(
        q->call.arena, Tfplugin6__ReadDataSource__Response, tfplugin6__read_data_source__response);
    if (config && !q->diags.errors)
        out->state = wire_value(q, e->type, wire_settle(q, state));
    out->n_diagnostics = wire_diags(q, &out->diagnostics);
    q->response = &out->base;
    return CALL_DONE;
}

/* ---- functions */

struct function_call {
    const struct function *function;
    const struct value **args;
    size_t count;
    bool unknown; /* an argument is not decided yet */
    const char *error;
    int64_t argument; /* to blame, or -1 */
};

static bool refuse(struct function_call *f, int64_t argument, const char *error)
{
    f->error = error;
    f->argument = argument;
    return false;
}

/* The parameter that the i-th argument belongs to, NULL when there are too many arguments. */
static const struct parameter *parameter_of(const struct function *f, size_t i)
{
    for (const struct parameter *p = f->parameters; p && p->name; p++) {
        if (i == 0 || p->variadic)
            return p;
        i--;
    }
    return NULL;
}

static bool find_function(struct request *q, const char *name, struct function_call *f)
{
    const struct function *const *list = q->runtime->provider->functions;
    for (size_t i = 0; list && list[i]; i++)
        if (strcmp(list[i]->name, name) == 0) {
            f->function = list[i];
            return true;
        }
    return refuse(f, -1,
                  arena_printf(q->call.arena, "provider %s %s has no function \"%s\"",
                               q->runtime->provider->name, q->runtime->provider->version, name));
}

static bool decode_argument(struct request *q, struct function_call *f, size_t i,
                            const Tfplugin6__DynamicValue *in)
{
    struct arena *a = q->call.arena;
    const struct parameter *p = parameter_of(f->function, i);
    if (!p)
        return refuse(f, (int64_t)i,
                      arena_printf(a, "too many arguments: %s takes %zu", f->function->name, i));
    const struct value *v = wire_decode(q, p->type, in, p->name);
    if (!v)
        return refuse(f, (int64_t)i, q->diags.first->detail);
    if (value_is_null(v))
        return refuse(f, (int64_t)i, arena_printf(a, "argument %s must not be null", p->name));
    f->args[i] = v;
    f->unknown |= !value_is_wholly_known(v);
    return true;
}

static bool decode_arguments(struct request *q, const Tfplugin6__CallFunction__Request *in,
                             struct function_call *f)
{
    struct arena *a = q->call.arena;
    f->count = in->n_arguments;
    f->args = arena_calloc(a, f->count, sizeof *f->args);
    for (size_t i = 0; i < f->count; i++)
        if (!decode_argument(q, f, i, in->arguments[i]))
            return false;
    const struct parameter *missing = parameter_of(f->function, f->count);
    if (missing && !missing->variadic)
        return refuse(f, -1, arena_printf(a, "argument %s is missing", missing->name));
    return true;
}

enum outcome method_call_function(struct request *q)
{
    const Tfplugin6__CallFunction__Request *in = (const void *)q->message;
    struct arena *a = q->call.arena;
    struct function_call f = {.argument = -1};
    const struct value *result = NULL;
    q->call.type_name = in->name;
    if (find_function(q, in->name, &f) && decode_arguments(q, in, &f)) {
        if (f.unknown)
            result = &value_unknown;
        else
            f.function->call(&q->call, f.args, f.count, &result, &f.error, &f.argument);
        if (!f.error && !result)
            f.error = "the function gave no result; this is a bug in the provider";
    }
    Tfplugin6__CallFunction__Response *out =
        MESSAGE(a, Tfplugin6__CallFunction__Response, tfplugin6__call_function__response);
    if (f.error) {
        out->error = MESSAGE(a, Tfplugin6__FunctionError, tfplugin6__function_error);
        out->error->text = wire_text(a, f.error);
        if (f.argument >= 0) {
            out->error->_function_argument_case =
                TFPLUGIN6__FUNCTION_ERROR___FUNCTION_ARGUMENT_FUNCTION_ARGUMENT;
            out->error->function_argument = f.argument;
        }
    } else {
        out->result = wire_value(q, f.function->result, result);
    }
    q->response = &out->base;
    return CALL_DONE;
}
