/*
 * dispatch_test - every method, as Terraform calls it and as it never would
 *
 * Requests go in as bytes and answers come out as bytes. Waiting is in dispatch_wait_test.c.
 */
#include "proto/dispatch_toy.h"

#include <time.h>

static const char *describe(struct bench *b, const struct value *v, const char *member)
{
    return value_describe(b->arena, value_get(v, member), 200);
}

static void assert_raw_equal(const Tfplugin6__DynamicValue *a, const Tfplugin6__DynamicValue *b)
{
    assert_non_null(a);
    assert_int_equal(a->msgpack.len, b->msgpack.len);
    assert_memory_equal(a->msgpack.data, b->msgpack.data, b->msgpack.len);
}

static void assert_bytes(ProtobufCBinaryData got, const char *expected)
{
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.data ? got.data : (const uint8_t *)"", expected, got.len);
}

/* ---- what the provider offers */

static void metadata_lists_every_name(void **state)
{
    struct bench *b = *state;
    Tfplugin6__GetMetadata__Request in = TFPLUGIN6__GET_METADATA__REQUEST__INIT;
    const Tfplugin6__GetMetadata__Response *out = ASK(b, GetMetadata, get_metadata, &in);
    assert_true(out->server_capabilities->plan_destroy);
    assert_true(out->server_capabilities->get_provider_schema_optional);
    assert_true(out->server_capabilities->move_resource_state);
    assert_false(out->server_capabilities->generate_resource_config);
    static const char *const resources[] = {"toy_thing", "aws_thing", "thing", "toy_plain"};
    static const char *const sources[] = {"toy_info", "aws_info", "toy_plain_info"};
    assert_int_equal(out->n_resources, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(out->resources[i]->type_name, resources[i]);
    assert_int_equal(out->n_data_sources, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(out->data_sources[i]->type_name, sources[i]);
    assert_int_equal(out->n_functions, 2);
    assert_string_equal(out->functions[0]->name, "join");
    assert_int_equal(out->n_diagnostics, 0);
}

static const Tfplugin6__Schema *schema_of(const Tfplugin6__GetProviderSchema__Response *out,
                                          const char *name)
{
    for (size_t i = 0; i < out->n_resource_schemas; i++)
        if (strcmp(out->resource_schemas[i]->key, name) == 0)
            return out->resource_schemas[i]->value;
    fail_msg("no schema of %s", name);
    return NULL;
}

static const Tfplugin6__Schema__Attribute *attribute_of(const Tfplugin6__Schema *s,
                                                        const char *name)
{
    for (size_t i = 0; i < s->block->n_attributes; i++)
        if (strcmp(s->block->attributes[i]->name, name) == 0)
            return s->block->attributes[i];
    fail_msg("no attribute %s", name);
    return NULL;
}

static void schema_says_what_the_tables_say(void **state)
{
    struct bench *b = *state;
    Tfplugin6__GetProviderSchema__Request in = TFPLUGIN6__GET_PROVIDER_SCHEMA__REQUEST__INIT;
    const Tfplugin6__GetProviderSchema__Response *out =
        ASK(b, GetProviderSchema, get_provider_schema, &in);
    assert_int_equal(out->n_resource_schemas, 4);
    assert_int_equal(out->n_data_source_schemas, 3);
    assert_int_equal(out->n_functions, 2);
    assert_int_equal(out->n_diagnostics, 0);
    assert_true(out->server_capabilities->get_provider_schema_optional);
    assert_string_equal(out->provider->block->description, "Toys.");
    assert_string_equal(out->provider->block->attributes[0]->name, "region");
    assert_string_equal(out->provider_meta->block->attributes[0]->name, "region");

    assert_string_equal(out->data_source_schemas[1]->key, "aws_info");
    assert_string_equal(out->data_source_schemas[1]->value->block->description, "Own words.");
    const Tfplugin6__Schema *s = schema_of(out, "aws_thing");
    assert_int_equal(s->version, 2);
    assert_int_equal(s->block->version, 2);
    assert_string_equal(s->block->description, "A thing.");
    assert_int_equal(s->block->n_attributes, 6);
    const Tfplugin6__Schema__Attribute *name = attribute_of(s, "name");
    assert_true(name->required && !name->optional && !name->computed && !name->sensitive);
    assert_int_equal(name->description_kind, TFPLUGIN6__STRING_KIND__MARKDOWN);
    assert_string_equal(name->description, "Says what happens.");
    assert_bytes(name->type, "\"string\"");
    const Tfplugin6__Schema__Attribute *size = attribute_of(s, "size");
    assert_true(!size->required && size->optional && size->computed && !size->deprecated);
    assert_true(attribute_of(s, "tags")->sensitive);
    assert_bytes(attribute_of(s, "tags")->type, "[\"map\",\"string\"]");
    assert_true(attribute_of(s, "id")->deprecated);
    const Tfplugin6__Schema__Attribute *nested = attribute_of(s, "switch");
    assert_int_equal(nested->type.len, 0);
    assert_int_equal(nested->nested_type->nesting, TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__SINGLE);
    assert_string_equal(nested->nested_type->attributes[0]->name, "on");
    assert_int_equal(s->block->n_block_types, 1);
    const Tfplugin6__Schema__NestedBlock *part = s->block->block_types[0];
    assert_string_equal(part->type_name, "part");
    assert_int_equal(part->nesting, TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__LIST);
    assert_int_equal(part->max_items, 5);
    assert_int_equal(part->block->n_attributes, 2);
    assert_string_equal(part->block->description, "A part.");

    /* kept, and the same for every name */
    struct answer again;
    struct bytes kept = b->runtime->schema_response;
    bench_send(b, "GetProviderSchema", &in, &again);
    assert_ptr_equal(b->runtime->schema_response.data, kept.data);
    assert_int_equal(again.len, b->last.len);
    assert_memory_equal(again.body, b->last.body, again.len);
    struct bytes one = wire_pack(b->arena, &schema_of(out, "thing")->base);
    struct bytes two = wire_pack(b->arena, &s->base);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
}

static void functions_are_described(void **state)
{
    struct bench *b = *state;
    Tfplugin6__GetFunctions__Request in = TFPLUGIN6__GET_FUNCTIONS__REQUEST__INIT;
    const Tfplugin6__GetFunctions__Response *out = ASK(b, GetFunctions, get_functions, &in);
    assert_int_equal(out->n_functions, 2);
    assert_string_equal(out->functions[0]->key, "join");
    const Tfplugin6__Function *f = out->functions[0]->value;
    assert_string_equal(f->summary, "Joins.");
    assert_string_equal(f->description, "Joins parts.");
    assert_int_equal(f->n_parameters, 1);
    assert_string_equal(f->parameters[0]->name, "between");
    assert_string_equal(f->variadic_parameter->name, "parts");
    assert_false(f->parameters[0]->allow_null_value || f->parameters[0]->allow_unknown_values);
    assert_bytes(f->return_->type, "\"string\"");
    assert_null(out->functions[1]->value->variadic_parameter);
    assert_bytes(out->functions[1]->value->parameters[0]->type, "[\"list\",\"string\"]");
}

/* ---- methods that are no methods, requests that are no requests */

static const char *const implemented[] = {
    "GetMetadata",         "GetProviderSchema",      "ValidateProviderConfig",
    "ConfigureProvider",   "ValidateResourceConfig", "ValidateDataResourceConfig",
    "ReadResource",        "UpgradeResourceState",   "PlanResourceChange",
    "ApplyResourceChange", "ImportResourceState",    "MoveResourceState",
    "ReadDataSource",      "GetFunctions",           "CallFunction",
    "StopProvider",
};
#define IMPLEMENTED (sizeof implemented / sizeof *implemented)

static void every_method_of_the_protocol_answers_at_once(void **state)
{
    struct bench *b = *state;
    const ProtobufCServiceDescriptor *service = &tfplugin6__provider__descriptor;
    unsigned known = 0;
    assert_string_equal(service->name, "tfplugin6.Provider");
    assert_true(service->n_methods > IMPLEMENTED);
    for (unsigned i = 0; i < service->n_methods; i++) {
        ProtobufCMessage *empty = wire_message(b->arena, service->methods[i].input);
        struct answer answer;
        bool expected = false;
        for (size_t k = 0; k < IMPLEMENTED; k++)
            expected |= strcmp(implemented[k], service->methods[i].name) == 0;
        bench_send(b, service->methods[i].name, empty, &answer);
        assert_int_equal(answer.count, 1);
        assert_int_equal(answer.status, expected ? STATUS_OK : STATUS_UNIMPLEMENTED);
        known += expected;
    }
    assert_int_equal(known, IMPLEMENTED);
}

static void unknown_methods_are_unimplemented(void **state)
{
    struct bench *b = *state;
    static const char *const paths[] = {"",
                                        "/",
                                        "PlanResourceChange",
                                        "/tfplugin6.Provider/",
                                        "/tfplugin6.Provider/planresourcechange",
                                        "/tfplugin5.Provider/GetSchema",
                                        "/tfplugin6.Provider/PlanResourceChange/",
                                        "/tfplugin6.Provider/GetMetadata2",
                                        "/grpc.health.v1.Health/Check"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct answer answer = {0};
        runtime_request(b->runtime, paths[i], (struct bytes){NULL, 0}, &answer, b->now);
        assert_int_equal(answer.count, 1);
        assert_int_equal(answer.status, STATUS_UNIMPLEMENTED);
        assert_string_not_equal(answer.message, "");
    }
}

static void send_raw(struct bench *b, const char *method, const void *data, size_t len, int status)
{
    char path[96];
    struct answer answer = {0};
    snprintf(path, sizeof path, "/tfplugin6.Provider/%s", method);
    runtime_request(b->runtime, path, (struct bytes){data, len}, &answer, b->now);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.status, status);
}

static void malformed_messages_are_invalid(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < IMPLEMENTED; i++) {
        send_raw(b, implemented[i], "\xff", 1, STATUS_INVALID_ARGUMENT);
        send_raw(b, implemented[i], "\x0a\xff\xff\xff\xff\x0f", 6, STATUS_INVALID_ARGUMENT);
    }
    /* text that is not UTF-8: a type name, an id, a key of the old state format */
    send_raw(b, "ReadResource", "\x0a\x02\xc3\x28", 4, STATUS_INVALID_ARGUMENT);
    send_raw(b, "ImportResourceState", "\x12\x01\xff", 3, STATUS_INVALID_ARGUMENT);
    send_raw(b, "UpgradeResourceState", "\x1a\x05\x12\x03\x0a\x01\xff", 7, STATUS_INVALID_ARGUMENT);
    /* fields of later versions are passed over */
    send_raw(b, "GetMetadata", "\xfa\x3f\x01x", 4, STATUS_OK);
}

static void requests_have_a_size(void **state)
{
    struct bench *b = *state;
    static const uint8_t nothing[1];
    send_raw(b, "PlanResourceChange", nothing, (size_t)MESSAGE_MAX_BYTES + 1,
             STATUS_RESOURCE_EXHAUSTED);
    /* a bomb: two million empty arguments in 4 MiB would unpack to 200 MiB */
    size_t len = 4u << 20;
    uint8_t *bomb = malloc(len);
    assert_non_null(bomb);
    for (size_t i = 0; i < len; i += 2)
        memcpy(bomb + i, "\x12\x00", 2);
    send_raw(b, "CallFunction", bomb, len, STATUS_INVALID_ARGUMENT);
    free(bomb);
    /* honest size is no problem */
    char *name = malloc(len);
    assert_non_null(name);
    memset(name, 'a', len - 1);
    name[len - 1] = 0;
    Tfplugin6__ValidateDataResourceConfig__Request in =
        TFPLUGIN6__VALIDATE_DATA_RESOURCE_CONFIG__REQUEST__INIT;
    in.type_name = "toy_info";
    in.config = packed(
        b, b->info,
        value_map(b->arena,
                  (struct value_member[]){{"answer", &value_null}, {"name", text(b, name)}}, 2));
    const Tfplugin6__ValidateDataResourceConfig__Response *out =
        ASK(b, ValidateDataResourceConfig, validate_data_resource_config, &in);
    assert_int_equal(out->n_diagnostics, 0);
    free(name);
}

static void unknown_types_are_named(void **state)
{
    struct bench *b = *state;
#define REFUSES(Method, METHOD, method, field, summary)                                            \
    do {                                                                                           \
        Tfplugin6__##Method##__Request in = TFPLUGIN6__##METHOD##__REQUEST__INIT;                  \
        in.field = "toy_nothing";                                                                  \
        const Tfplugin6__##Method##__Response *out = ASK(b, Method, method, &in);                  \
        assert_int_equal(out->n_diagnostics, 1);                                                   \
        assert_error(out->n_diagnostics, out->diagnostics, summary);                               \
        assert_non_null(strstr(out->diagnostics[0]->detail, "\"toy_nothing\""));                   \
    } while (0)
    REFUSES(ValidateResourceConfig, VALIDATE_RESOURCE_CONFIG, validate_resource_config, type_name,
            "Unknown resource type");
    REFUSES(UpgradeResourceState, UPGRADE_RESOURCE_STATE, upgrade_resource_state, type_name,
            "Unknown resource type");
    REFUSES(ReadResource, READ_RESOURCE, read_resource, type_name, "Unknown resource type");
    REFUSES(PlanResourceChange, PLAN_RESOURCE_CHANGE, plan_resource_change, type_name,
            "Unknown resource type");
    REFUSES(ApplyResourceChange, APPLY_RESOURCE_CHANGE, apply_resource_change, type_name,
            "Unknown resource type");
    REFUSES(ImportResourceState, IMPORT_RESOURCE_STATE, import_resource_state, type_name,
            "Unknown resource type");
    REFUSES(MoveResourceState, MOVE_RESOURCE_STATE, move_resource_state, target_type_name,
            "Unknown resource type");
    REFUSES(ValidateDataResourceConfig, VALIDATE_DATA_RESOURCE_CONFIG,
            validate_data_resource_config, type_name, "Unknown data source");
    REFUSES(ReadDataSource, READ_DATA_SOURCE, read_data_source, type_name, "Unknown data source");
#undef REFUSES
    assert_int_equal(toy.hooks, 0);
}

/* ---- validation and configuration */

static const Tfplugin6__ValidateResourceConfig__Response *validate(struct bench *b,
                                                                   const struct value *config)
{
    Tfplugin6__ValidateResourceConfig__Request in =
        TFPLUGIN6__VALIDATE_RESOURCE_CONFIG__REQUEST__INIT;
    in.type_name = "aws_thing";
    in.config = packed(b, b->thing, config);
    return ASK(b, ValidateResourceConfig, validate_resource_config, &in);
}

static void configurations_are_validated(void **state)
{
    struct bench *b = *state;
    assert_int_equal(validate(b, thing(b, "name", text(b, "fine"), NULL))->n_diagnostics, 0);
    assert_int_equal(toy.hooks, 1);
    assert_string_equal(toy.type_name, "aws_thing");

    const Tfplugin6__ValidateResourceConfig__Response *out =
        validate(b, thing(b, "name", text(b, "odd"), NULL));
    assert_int_equal(out->n_diagnostics, 1);
    assert_error(1, out->diagnostics, "Odd thing");
    assert_string_equal(out->diagnostics[0]->detail, "It is odd.");
    const Tfplugin6__AttributePath *path = out->diagnostics[0]->attribute;
    assert_int_equal(path->n_steps, 2);
    assert_int_equal(path->steps[0]->selector_case,
                     TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ATTRIBUTE_NAME);
    assert_string_equal(path->steps[0]->attribute_name, "tags");
    assert_int_equal(path->steps[1]->selector_case,
                     TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_STRING);
    assert_string_equal(path->steps[1]->element_key_string, "k");

    /* the table's rules come first; the hook sees only what passes them */
    toy.hooks = 0;
    out = validate(b, thing(b, "name", text(b, "SHOUT"), NULL));
    assert_int_equal(out->n_diagnostics, 1);
    assert_string_equal(out->diagnostics[0]->attribute->steps[0]->attribute_name, "name");
    assert_int_equal(toy.hooks, 0);
}

static void data_source_configurations_are_validated(void **state)
{
    struct bench *b = *state;
    static const char *const names[] = {"fine", "odd", "SHOUT"};
    for (size_t i = 0; i < 3; i++) {
        Tfplugin6__ValidateDataResourceConfig__Request in =
            TFPLUGIN6__VALIDATE_DATA_RESOURCE_CONFIG__REQUEST__INIT;
        in.type_name = "aws_info";
        in.config =
            packed(b, b->info,
                   value_set(b->arena, value_set(b->arena, &value_null, "name", text(b, names[i])),
                             "answer", &value_null));
        const Tfplugin6__ValidateDataResourceConfig__Response *out =
            ASK(b, ValidateDataResourceConfig, validate_data_resource_config, &in);
        assert_int_equal(out->n_diagnostics, i ? 1 : 0);
    }
    assert_int_equal(toy.hooks, 2);
}

static Tfplugin6__DynamicValue *region(struct bench *b, const struct value *v)
{
    return packed(b, b->config, value_set(b->arena, &value_null, "region", v));
}

static void the_provider_is_validated_and_configured(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ValidateProviderConfig__Request v =
        TFPLUGIN6__VALIDATE_PROVIDER_CONFIG__REQUEST__INIT;
    v.config = region(b, text(b, "LOUD"));
    const Tfplugin6__ValidateProviderConfig__Response *validated =
        ASK(b, ValidateProviderConfig, validate_provider_config, &v);
    assert_int_equal(validated->n_diagnostics, 1);
    v.config = region(b, text(b, "quiet"));
    validated = ASK(b, ValidateProviderConfig, validate_provider_config, &v);
    assert_int_equal(validated->n_diagnostics, 0);

    Tfplugin6__ConfigureProvider__Request c = TFPLUGIN6__CONFIGURE_PROVIDER__REQUEST__INIT;
    Tfplugin6__ClientCapabilities client = TFPLUGIN6__CLIENT_CAPABILITIES__INIT;
    client.store_planned_private = true;
    c.client_capabilities = &client;
    c.terraform_version = "1.16.0";
    c.config = region(b, &value_unknown);
    const Tfplugin6__ConfigureProvider__Response *configured =
        ASK(b, ConfigureProvider, configure_provider, &c);
    assert_int_equal(configured->n_diagnostics, 0);
    assert_string_equal(toy.version, "1.16.0");
    assert_null(toy.call.state);
    assert_true(toy.call.client.store_planned_private);
    assert_false(toy.call.client.deferral_allowed);

    /* later hooks get the state, and know the client even when the request says nothing of it */
    struct answer made;
    send_create(b, "fine", &made);
    assert_ptr_equal(toy.call.state, &toy);
    assert_true(toy.call.client.store_planned_private);
    assert_int_equal(toy.call.attempts, 1);
    assert_int_equal(toy.call.now_ms, 1000);
}

/* ---- planning */

struct plan_case {
    const struct value *prior, *proposed, *config;
    const char *private, *planned;
};

static const Tfplugin6__PlanResourceChange__Response *plan(struct bench *b, struct plan_case c)
{
    Tfplugin6__PlanResourceChange__Request in = TFPLUGIN6__PLAN_RESOURCE_CHANGE__REQUEST__INIT;
    Tfplugin6__ClientCapabilities client = TFPLUGIN6__CLIENT_CAPABILITIES__INIT;
    client.store_planned_private = c.planned != NULL;
    in.client_capabilities = &client;
    in.type_name = "toy_thing";
    in.prior_state = packed(b, b->thing, c.prior);
    in.proposed_new_state = packed(b, b->thing, c.proposed);
    in.config = packed(b, b->thing, c.config);
    in.prior_private = wire_bytes(toy_bytes(c.private ? c.private : ""));
    in.planned_private = wire_bytes(toy_bytes(c.planned ? c.planned : ""));
    return ASK(b, PlanResourceChange, plan_resource_change, &in);
}

static const Tfplugin6__PlanResourceChange__Response *plan_create(struct bench *b, const char *name)
{
    const struct value *config = thing(b, "name", text(b, name), NULL);
    return plan(b, (struct plan_case){&value_null, config, config, NULL, NULL});
}

static const struct value *stored(struct bench *b, const char *name, const char *color)
{
    return thing(b, "name", text(b, name), "id", text(b, "t-1"), "size", value_int(b->arena, 3),
                 "color", value_string(b->arena, color), NULL);
}

static void a_create_is_planned(void **state)
{
    struct bench *b = *state;
    const Tfplugin6__PlanResourceChange__Response *out = plan_create(b, "fine");
    const struct value *planned = unpacked(b, b->thing, out->planned_state);
    assert_int_equal(out->n_diagnostics, 0);
    assert_string_equal(describe(b, planned, "name"), "\"fine\"");
    assert_int_equal(value_get(planned, "id")->kind, VALUE_UNKNOWN);
    assert_string_equal(describe(b, planned, "size"), "3");
    assert_int_equal(value_get(planned, "tags")->kind, VALUE_NULL);
    assert_int_equal(toy.change.kind, CHANGE_CREATE);
    assert_int_equal(out->n_requires_replace, 0);
    assert_int_equal(out->planned_private.len, 0);
    assert_false(out->legacy_type_system);
    assert_null(out->deferred);
}

static void an_update_is_planned(void **state)
{
    struct bench *b = *state;
    const struct value *config = thing(b, "name", text(b, "fine"), "color", text(b, "red"), NULL);
    const struct value *proposed = stored(b, "fine", "red");
    const Tfplugin6__PlanResourceChange__Response *out = plan(
        b, (struct plan_case){stored(b, "fine", "blue"), proposed, config, "old private", NULL});
    assert_int_equal(toy.change.kind, CHANGE_UPDATE);
    assert_int_equal(out->n_requires_replace, 1);
    assert_string_equal(out->requires_replace[0]->steps[0]->attribute_name, "color");
    assert_string_equal(describe(b, unpacked(b, b->thing, out->planned_state), "id"), "\"t-1\"");
    assert_string_equal(toy.private, "old private");
    assert_bytes(out->planned_private, "old private"); /* not mentioned by the hook: stays */

    /* a hook may ask for a replacement too */
    config = thing(b, "name", text(b, "moveout"), NULL);
    out = plan(b, (struct plan_case){stored(b, "fine", NULL), stored(b, "moveout", NULL), config,
                                     NULL, NULL});
    assert_int_equal(out->n_requires_replace, 1);
    assert_string_equal(out->requires_replace[0]->steps[0]->attribute_name, "size");
}

static void a_destroy_is_planned(void **state)
{
    struct bench *b = *state;
    const Tfplugin6__PlanResourceChange__Response *out = plan(
        b, (struct plan_case){stored(b, "fine", NULL), &value_null, &value_null, "mine", NULL});
    assert_int_equal(toy.change.kind, CHANGE_DELETE);
    assert_int_equal(toy.hooks, 1);
    assert_int_equal(unpacked(b, b->thing, out->planned_state)->kind, VALUE_NULL);
    assert_bytes(out->planned_private, "mine");
    assert_int_equal(out->n_requires_replace, 0);
}

static void planned_private_goes_in_and_out(void **state)
{
    struct bench *b = *state;
    const struct value *config = thing(b, "name", text(b, "secret"), NULL);
    const Tfplugin6__PlanResourceChange__Response *out =
        plan(b, (struct plan_case){&value_null, config, config, "prior", "earlier"});
    assert_string_equal(toy.private, "prior");
    assert_string_equal(toy.planned, "earlier");
    assert_true(toy.call.client.store_planned_private);
    assert_bytes(out->planned_private, "fresh");
    /* a create begins anew: what the replaced object had is not taken over */
    config = thing(b, "name", text(b, "fine"), NULL);
    out = plan(b, (struct plan_case){&value_null, config, config, "prior", NULL});
    assert_int_equal(out->planned_private.len, 0);
    assert_false(toy.call.client.store_planned_private);
}

static void plans_carry_diagnostics(void **state)
{
    struct bench *b = *state;
    const Tfplugin6__PlanResourceChange__Response *out = plan_create(b, "refuse");
    assert_null(out->planned_state);
    assert_error(out->n_diagnostics, out->diagnostics, "Refused");
    assert_string_equal(out->diagnostics[0]->detail, "bad ? byte");
    assert_int_equal(out->diagnostics[0]->attribute->steps[1]->selector_case,
                     TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_INT);
    assert_int_equal(out->diagnostics[0]->attribute->steps[1]->element_key_int, 1);
    out = plan_create(b, "warn");
    assert_non_null(out->planned_state);
    assert_int_equal(out->n_diagnostics, 1);
    assert_int_equal(out->diagnostics[0]->severity, TFPLUGIN6__DIAGNOSTIC__SEVERITY__WARNING);
    assert_null(out->diagnostics[0]->attribute);
}

static void plans_of_nonsense_are_refused(void **state)
{
    struct bench *b = *state;
    const struct value *config = thing(b, "name", text(b, "fine"), NULL);
    const struct plan_case cases[] = {
        {&value_null, config, &value_null, NULL, NULL},      /* no configuration */
        {&value_null, &value_null, &value_null, NULL, NULL}, /* nothing to delete */
        {&value_unknown, config, config, NULL, NULL},
        {&value_null, &value_unknown, config, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Tfplugin6__PlanResourceChange__Response *out = plan(b, cases[i]);
        assert_null(out->planned_state);
        assert_error(out->n_diagnostics, out->diagnostics, "Malformed request");
    }
    assert_int_equal(toy.hooks, 0);
}

/* ---- applying */

static const Tfplugin6__ApplyResourceChange__Response *
apply(struct bench *b, const struct value *prior, const struct value *planned,
      Tfplugin6__ApplyResourceChange__Request *in)
{
    *in = (Tfplugin6__ApplyResourceChange__Request)TFPLUGIN6__APPLY_RESOURCE_CHANGE__REQUEST__INIT;
    in->type_name = "toy_thing";
    in->prior_state = packed(b, b->thing, prior);
    in->planned_state = packed(b, b->thing, planned);
    in->config = packed(b, b->thing, planned);
    in->planned_private = wire_bytes(toy_bytes("planned"));
    return ASK(b, ApplyResourceChange, apply_resource_change, in);
}

static const struct value *to_create(struct bench *b, const char *name)
{
    return thing(b, "name", text(b, name), "size", value_int(b->arena, 3), "id", &value_unknown,
                 NULL);
}

static void a_create_is_applied(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ApplyResourceChange__Request in;
    const Tfplugin6__ApplyResourceChange__Response *out =
        apply(b, &value_null, to_create(b, "fine"), &in);
    assert_int_equal(out->n_diagnostics, 0);
    assert_string_equal(describe(b, unpacked(b, b->thing, out->new_state), "id"), "\"t-1\"");
    assert_int_equal(toy.change.kind, CHANGE_CREATE);
    assert_string_equal(toy.planned, "planned");
    assert_string_equal(toy.private, "");
    assert_bytes(out->private_, "planned");
    assert_false(out->legacy_type_system);
    out = apply(b, &value_null, to_create(b, "secret"), &in);
    assert_bytes(out->private_, "made");
}

static void a_failed_create_leaves_what_exists(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ApplyResourceChange__Request in;
    const Tfplugin6__ApplyResourceChange__Response *out =
        apply(b, &value_null, to_create(b, "fail"), &in);
    assert_error(out->n_diagnostics, out->diagnostics, "Failed");
    assert_int_equal(unpacked(b, b->thing, out->new_state)->kind, VALUE_NULL);
    assert_int_equal(out->private_.len, 0);
    /* half made: recorded, what is not known as null, and one error is enough */
    out = apply(b, &value_null, to_create(b, "half"), &in);
    assert_int_equal(out->n_diagnostics, 1);
    const struct value *made = unpacked(b, b->thing, out->new_state);
    assert_string_equal(describe(b, made, "id"), "\"t-1\"");
    assert_int_equal(value_get(made, "size")->kind, VALUE_NULL);
    assert_bytes(out->private_, "planned");
}

static void unknown_results_are_the_providers_bug(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ApplyResourceChange__Request in;
    const Tfplugin6__ApplyResourceChange__Response *out =
        apply(b, &value_null, to_create(b, "vague"), &in);
    assert_int_equal(out->n_diagnostics, 1);
    assert_error(1, out->diagnostics, "The provider left values unknown");
    assert_non_null(strstr(out->diagnostics[0]->detail, ".size, .tags.k unknown"));
    const struct value *made = unpacked(b, b->thing, out->new_state);
    assert_string_equal(describe(b, made, "id"), "\"t-1\"");
    assert_int_equal(value_get(made, "size")->kind, VALUE_NULL);
    assert_int_equal(value_get(value_get(made, "tags"), "k")->kind, VALUE_NULL);
}

static void a_hook_without_a_result_is_the_providers_bug(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ApplyResourceChange__Request in;
    const Tfplugin6__ApplyResourceChange__Response *out =
        apply(b, &value_null, to_create(b, "silent"), &in);
    assert_error(out->n_diagnostics, out->diagnostics, "The provider gave no state");
    assert_int_equal(unpacked(b, b->thing, out->new_state)->kind, VALUE_NULL);
    out = apply(b, stored(b, "silent", "red"), stored(b, "silent", "blue"), &in);
    assert_error(out->n_diagnostics, out->diagnostics, "The provider gave no state");
    assert_raw_equal(out->new_state, in.prior_state);
}

static void updates_and_deletes_are_applied(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ApplyResourceChange__Request in;
    const Tfplugin6__ApplyResourceChange__Response *out =
        apply(b, stored(b, "fine", "red"), stored(b, "fine", "blue"), &in);
    assert_int_equal(toy.change.kind, CHANGE_UPDATE);
    assert_int_equal(out->n_diagnostics, 0);
    assert_string_equal(describe(b, unpacked(b, b->thing, out->new_state), "color"), "\"blue\"");
    out = apply(b, stored(b, "fine", "red"), &value_null, &in);
    assert_int_equal(toy.change.kind, CHANGE_DELETE);
    assert_int_equal(out->n_diagnostics, 0);
    assert_int_equal(unpacked(b, b->thing, out->new_state)->kind, VALUE_NULL);
    assert_int_equal(out->private_.len, 0);
}

static void what_failed_keeps_its_state(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ApplyResourceChange__Request in;
    const Tfplugin6__ApplyResourceChange__Response *out =
        apply(b, stored(b, "fail", "red"), stored(b, "fail", "blue"), &in);
    assert_error(out->n_diagnostics, out->diagnostics, "Failed");
    assert_raw_equal(out->new_state, in.prior_state);
    assert_bytes(out->private_, "planned");
    out = apply(b, stored(b, "fail", "red"), &value_null, &in);
    assert_error(out->n_diagnostics, out->diagnostics, "Failed");
    assert_raw_equal(out->new_state, in.prior_state);
    assert_bytes(out->private_, "planned");
}

/* What cannot even be decoded comes back as it is. */
static void an_unreadable_apply_keeps_the_state(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ApplyResourceChange__Request in = TFPLUGIN6__APPLY_RESOURCE_CHANGE__REQUEST__INIT;
    Tfplugin6__DynamicValue broken = TFPLUGIN6__DYNAMIC_VALUE__INIT;
    broken.msgpack = wire_bytes(toy_bytes("\x81\xa4name"));
    in.type_name = "toy_thing";
    in.prior_state = &broken;
    in.planned_state = packed(b, b->thing, &value_null);
    in.config = in.planned_state;
    in.planned_private = wire_bytes(toy_bytes("p"));
    const Tfplugin6__ApplyResourceChange__Response *out =
        ASK(b, ApplyResourceChange, apply_resource_change, &in);
    assert_error(out->n_diagnostics, out->diagnostics, "Malformed request");
    assert_raw_equal(out->new_state, &broken);
    assert_bytes(out->private_, "p");
    assert_int_equal(toy.hooks, 0);

    in.type_name = "toy_nothing";
    out = ASK(b, ApplyResourceChange, apply_resource_change, &in);
    assert_raw_equal(out->new_state, &broken);
}

static void without_hooks_the_plan_comes_true(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ApplyResourceChange__Request in = TFPLUGIN6__APPLY_RESOURCE_CHANGE__REQUEST__INIT;
    const struct value *planned = value_map(
        b->arena,
        (struct value_member[]){{"answer", value_int(b->arena, 7)}, {"name", text(b, "x")}}, 2);
    in.type_name = "toy_plain";
    in.prior_state = packed(b, b->info, &value_null);
    in.planned_state = in.config = packed(b, b->info, planned);
    const Tfplugin6__ApplyResourceChange__Response *out =
        ASK(b, ApplyResourceChange, apply_resource_change, &in);
    assert_int_equal(out->n_diagnostics, 0);
    assert_raw_equal(out->new_state, in.planned_state);
    in.prior_state = in.planned_state;
    out = ASK(b, ApplyResourceChange, apply_resource_change, &in);
    assert_raw_equal(out->new_state, in.planned_state);
    in.planned_state = in.config = packed(b, b->info, &value_null);
    out = ASK(b, ApplyResourceChange, apply_resource_change, &in);
    assert_raw_equal(out->new_state, in.planned_state);

    Tfplugin6__ReadResource__Request read = TFPLUGIN6__READ_RESOURCE__REQUEST__INIT;
    read.type_name = "toy_plain";
    read.current_state = in.prior_state;
    assert_raw_equal(ASK(b, ReadResource, read_resource, &read)->new_state, in.prior_state);

    Tfplugin6__ReadDataSource__Request data = TFPLUGIN6__READ_DATA_SOURCE__REQUEST__INIT;
    data.type_name = "toy_plain_info";
    data.config = region(b, text(b, "here"));
    assert_raw_equal(ASK(b, ReadDataSource, read_data_source, &data)->state, data.config);
}

static void provider_meta_reaches_the_hooks(void **state)
{
    struct bench *b = *state;
    Tfplugin6__PlanResourceChange__Request in = TFPLUGIN6__PLAN_RESOURCE_CHANGE__REQUEST__INIT;
    const struct value *config = thing(b, "name", text(b, "fine"), NULL);
    in.type_name = "toy_thing";
    in.proposed_new_state = in.config = packed(b, b->thing, config);
    in.provider_meta = region(b, &value_null);
    assert_int_equal(ASK(b, PlanResourceChange, plan_resource_change, &in)->n_diagnostics, 0);
    assert_int_equal(toy.hooks, 1);
    in.provider_meta = packed(
        b, b->info,
        value_map(b->arena, (struct value_member[]){{"answer", &value_null}, {"name", &value_null}},
                  2));
    const Tfplugin6__PlanResourceChange__Response *out =
        ASK(b, PlanResourceChange, plan_resource_change, &in);
    assert_error(out->n_diagnostics, out->diagnostics, "Malformed request");
    assert_int_equal(toy.hooks, 1);
}

/* ---- reading, upgrading, moving, importing */

static const Tfplugin6__ReadResource__Response *read_thing(struct bench *b, const char *name,
                                                           Tfplugin6__ReadResource__Request *in)
{
    *in = (Tfplugin6__ReadResource__Request)TFPLUGIN6__READ_RESOURCE__REQUEST__INIT;
    in->type_name = "thing";
    in->current_state = packed(b, b->thing, stored(b, name, NULL));
    in->private_ = wire_bytes(toy_bytes("before"));
    return ASK(b, ReadResource, read_resource, in);
}

static void states_are_read_again(void **state)
{
    struct bench *b = *state;
    Tfplugin6__ReadResource__Request in;
    const Tfplugin6__ReadResource__Response *out = read_thing(b, "fine", &in);
    assert_raw_equal(out->new_state, in.current_state);
    assert_bytes(out->private_, "before");
    assert_string_equal(toy.private, "before");
    out = read_thing(b, "grown", &in);
    assert_string_equal(describe(b, unpacked(b, b->thing, out->new_state), "size"), "9");
    assert_bytes(out->private_, "reread");
    out = read_thing(b, "gone", &in);
    assert_int_equal(unpacked(b, b->thing, out->new_state)->kind, VALUE_NULL);
    out = read_thing(b, "fail", &in);
    assert_error(out->n_diagnostics, out->diagnostics, "Failed");
    assert_raw_equal(out->new_state, in.current_state);
    assert_bytes(out->private_, "before");
    assert_string_equal(toy.type_name, "thing");
}

static const Tfplugin6__UpgradeResourceState__Response *upgrade(struct bench *b, int64_t version,
                                                                const char *json)
{
    Tfplugin6__UpgradeResourceState__Request in = TFPLUGIN6__UPGRADE_RESOURCE_STATE__REQUEST__INIT;
    Tfplugin6__RawState raw = TFPLUGIN6__RAW_STATE__INIT;
    raw.json = wire_bytes(toy_bytes(json));
    in.type_name = "toy_thing";
    in.version = version;
    in.raw_state = &raw;
    return ASK(b, UpgradeResourceState, upgrade_resource_state, &in);
}

static void stored_states_are_upgraded(void **state)
{
    struct bench *b = *state;
    /* of an older version: one attribute unknown here, others missing */
    const Tfplugin6__UpgradeResourceState__Response *out =
        upgrade(b, 0, "{\"id\":\"t-9\",\"name\":\"old\",\"colour\":{\"r\":[1,2]}}");
    assert_int_equal(out->n_diagnostics, 0);
    const struct value *v = unpacked(b, b->thing, out->upgraded_state);
    assert_string_equal(describe(b, v, "id"), "\"t-9\"");
    assert_string_equal(describe(b, v, "size"), "3"); /* the hook's work */
    assert_int_equal(value_get(v, "part")->kind, VALUE_SEQ);
    assert_int_equal(toy.upgraded_from, 0);
    /* of this version: the same way */
    out = upgrade(b, 2,
                  "{\"id\":\"t-9\",\"name\":\"n\",\"color\":null,\"size\":4,\"tags\":{\"a\":"
                  "\"b\"},\"switch\":null,\"part\":[{\"key\":\"k\"}]}");
    assert_int_equal(toy.upgraded_from, 2);
    v = unpacked(b, b->thing, out->upgraded_state);
    assert_string_equal(describe(b, v, "size"), "4");
    assert_string_equal(describe(b, value_get(v, "part")->seq.items[0], "key"), "\"k\"");
    assert_int_equal(value_get(value_get(v, "part")->seq.items[0], "weight")->kind, VALUE_NULL);
    /* the hook's refusal */
    out = upgrade(b, 1, "{\"name\":\"unfit\"}");
    assert_error(out->n_diagnostics, out->diagnostics, "Unfit");
    assert_null(out->upgraded_state);
}

static void states_that_cannot_be_upgraded(void **state)
{
    struct bench *b = *state;
    const Tfplugin6__UpgradeResourceState__Response *out = upgrade(b, 3, "{\"name\":\"new\"}");
    assert_error(out->n_diagnostics, out->diagnostics, "State is too new");
    assert_non_null(strstr(out->diagnostics[0]->detail, "schema version 3"));
    assert_non_null(strstr(out->diagnostics[0]->detail, "up to 2"));
    static const char *const broken[] = {"{", "[1]", "{\"name\":{}}", "{\"part\":3}"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        out = upgrade(b, 1, broken[i]);
        assert_error(out->n_diagnostics, out->diagnostics, "Unreadable state");
        assert_null(out->upgraded_state);
    }
    out = upgrade(b, 1, "");
    assert_error(out->n_diagnostics, out->diagnostics, "Malformed request");
    assert_int_equal(toy.hooks, 0);

    Tfplugin6__UpgradeResourceState__Request in = TFPLUGIN6__UPGRADE_RESOURCE_STATE__REQUEST__INIT;
    Tfplugin6__RawState raw = TFPLUGIN6__RAW_STATE__INIT;
    Tfplugin6__RawState__FlatmapEntry entry = TFPLUGIN6__RAW_STATE__FLATMAP_ENTRY__INIT,
                                      *entries = &entry;
    entry.key = "id";
    entry.value = "x";
    raw.flatmap = &entries;
    raw.n_flatmap = 1;
    in.type_name = "toy_thing";
    in.raw_state = &raw;
    out = ASK(b, UpgradeResourceState, upgrade_resource_state, &in);
    assert_error(out->n_diagnostics, out->diagnostics, "State is too old");
}

static void states_move_between_names(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *provider, *source, *target;
        bool moves, private;
    } cases[] = {
        {"registry.terraform.io/hashicorp/aws", "aws_thing", "toy_thing", true, false},
        {"terraform.local/test/toy", "aws_thing", "toy_thing", true, true},
        {"terraform.local/test/toy", "toy_thing", "thing", true, true},
        {"registry.opentofu.org/other/toy", "thing", "aws_thing", true, true},
        {"terraform.local/hashicorp/aws", "toy_thing", "aws_thing", true, false},
        {"toy", "thing", "toy_thing", true, true},
        {"terraform.local/test/toy", "toy_plain", "toy_thing", false, false},
        {"terraform.local/test/toy", "other_thing", "toy_thing", false, false},
        {"registry.terraform.io/hashicorp/google", "aws_thing", "toy_thing", false, false},
        {"registry.terraform.io/hashicorp/aws2", "aws_thing", "toy_thing", false, false},
        {"registry.terraform.io/hashicorp/aw", "aws_thing", "toy_thing", false, false},
        {"registry.terraform.io/hashicorp/thing", "thing", "toy_thing", false, false},
        {"", "aws_thing", "toy_thing", false, false},
        {"aws/", "aws_thing", "toy_thing", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Tfplugin6__MoveResourceState__Request in = TFPLUGIN6__MOVE_RESOURCE_STATE__REQUEST__INIT;
        Tfplugin6__RawState raw = TFPLUGIN6__RAW_STATE__INIT;
        raw.json = wire_bytes(toy_bytes("{\"name\":\"n\",\"id\":\"t-5\",\"arn\":\"x\"}"));
        in.source_provider_address = (char *)cases[i].provider;
        in.source_type_name = (char *)cases[i].source;
        in.target_type_name = (char *)cases[i].target;
        in.source_schema_version = 7; /* of a provider that counts for itself */
        in.source_state = &raw;
        in.source_private = wire_bytes(toy_bytes("private"));
        const Tfplugin6__MoveResourceState__Response *out =
            ASK(b, MoveResourceState, move_resource_state, &in);
        if (!cases[i].moves) {
            assert_null(out->target_state);
            assert_error(out->n_diagnostics, out->diagnostics, "Cannot move the resource");
            assert_non_null(strstr(out->diagnostics[0]->detail, "toy_thing, aws_thing, thing"));
            continue;
        }
        assert_int_equal(out->n_diagnostics, 0);
        const struct value *v = unpacked(b, b->thing, out->target_state);
        assert_string_equal(describe(b, v, "id"), "\"t-5\"");
        assert_string_equal(describe(b, v, "size"), "3");
        assert_int_equal(toy.upgraded_from, 7);
        assert_bytes(out->target_private, cases[i].private ? "private" : "");
    }
}

static const Tfplugin6__ImportResourceState__Response *import(struct bench *b, const char *type,
                                                              const char *id)
{
    Tfplugin6__ImportResourceState__Request in = TFPLUGIN6__IMPORT_RESOURCE_STATE__REQUEST__INIT;
    in.type_name = (char *)type;
    in.id = (char *)id;
    return ASK(b, ImportResourceState, import_resource_state, &in);
}

static void objects_are_imported(void **state)
{
    struct bench *b = *state;
    const Tfplugin6__ImportResourceState__Response *out = import(b, "aws_thing", "t-77");
    assert_int_equal(out->n_diagnostics, 0);
    assert_int_equal(out->n_imported_resources, 1);
    assert_string_equal(out->imported_resources[0]->type_name, "aws_thing");
    assert_bytes(out->imported_resources[0]->private_, "imported");
    const struct value *v = unpacked(b, b->thing, out->imported_resources[0]->state);
    assert_string_equal(describe(b, v, "id"), "\"t-77\"");

    out = import(b, "aws_thing", "missing");
    assert_error(out->n_diagnostics, out->diagnostics, "Not found");
    assert_int_equal(out->n_imported_resources, 0);
    static const char *const refused[][2] = {
        {"aws_thing", "silent"}, {"aws_thing", ""}, {"toy_plain", "x"}};
    for (size_t i = 0; i < 3; i++) {
        out = import(b, refused[i][0], refused[i][1]);
        assert_error(out->n_diagnostics, out->diagnostics, "Cannot import");
        assert_int_equal(out->n_imported_resources, 0);
    }
}

/* ---- data sources and functions */

static const Tfplugin6__ReadDataSource__Response *read_info(struct bench *b, const char *name)
{
    Tfplugin6__ReadDataSource__Request in = TFPLUGIN6__READ_DATA_SOURCE__REQUEST__INIT;
    in.type_name = "toy_info";
    in.config = packed(
        b, b->info,
        value_map(b->arena,
                  (struct value_member[]){{"answer", &value_null}, {"name", text(b, name)}}, 2));
    return ASK(b, ReadDataSource, read_data_source, &in);
}

static void data_sources_are_read(void **state)
{
    struct bench *b = *state;
    const Tfplugin6__ReadDataSource__Response *out = read_info(b, "fine");
    assert_int_equal(out->n_diagnostics, 0);
    assert_string_equal(describe(b, unpacked(b, b->info, out->state), "answer"), "42");
    out = read_info(b, "vague");
    assert_error(out->n_diagnostics, out->diagnostics, "The provider left values unknown");
    assert_non_null(strstr(out->diagnostics[0]->detail, ".answer"));
    out = read_info(b, "fail");
    assert_error(out->n_diagnostics, out->diagnostics, "Failed");
    assert_null(out->state);
}

/* Calls a function with strings; "\1" stands for unknown, "\2" for null. */
static const Tfplugin6__CallFunction__Response *call(struct bench *b, const char *name,
                                                     const char *const *args)
{
    Tfplugin6__CallFunction__Request in = TFPLUGIN6__CALL_FUNCTION__REQUEST__INIT;
    Tfplugin6__DynamicValue *list[8];
    for (; args[in.n_arguments]; in.n_arguments++) {
        const char *s = args[in.n_arguments];
        list[in.n_arguments] = packed(b, &type_string,
                                      *s == 1   ? &value_unknown
                                      : *s == 2 ? &value_null
                                                : text(b, s));
    }
    in.name = (char *)name;
    in.arguments = list;
    return ASK(b, CallFunction, call_function, &in);
}

static void functions_are_called(void **state)
{
    struct bench *b = *state;
    const Tfplugin6__CallFunction__Response *out = call(b, "join", NAMES("-", "a", "b", "c"));
    assert_null(out->error);
    assert_string_equal(value_str(unpacked(b, &type_string, out->result), NULL), "a-b-c");
    assert_int_equal(toy.hooks, 1);
    out = call(b, "join", NAMES("-", "\1", "b"));
    assert_null(out->error);
    assert_int_equal(unpacked(b, &type_string, out->result)->kind, VALUE_UNKNOWN);
    assert_int_equal(toy.hooks, 1);

    Tfplugin6__CallFunction__Request in = TFPLUGIN6__CALL_FUNCTION__REQUEST__INIT;
    const struct value *items[] = {text(b, "a"), &value_unknown};
    Tfplugin6__DynamicValue *list = packed(b, &type_list_string, value_seq(b->arena, items, 2));
    in.name = "first";
    in.arguments = &list;
    in.n_arguments = 1;
    out = ASK(b, CallFunction, call_function, &in);
    assert_null(out->error);
    assert_int_equal(unpacked(b, &type_string, out->result)->kind, VALUE_UNKNOWN);
}

static void function_errors_name_the_argument(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *name;
        const char *args[6];
        int argument; /* -1: none */
        const char *text;
    } cases[] = {
        {"join", {"-", "a", "bad", NULL}, 2, "a bad part"},
        {"join", {"-", NULL}, -1, "nothing to join"},
        {"join", {NULL}, -1, "argument between is missing"},
        {"join", {"\2", "a", NULL}, 0, "argument between must not be null"},
        {"join", {"-", "a", "\2", "\1", NULL}, 2, "argument parts must not be null"},
        {"join", {"-", "silent", NULL}, -1, "gave no result"},
        {"first", {"x", NULL}, 0, "CallFunction cannot read list"},
        {"missing", {"x", NULL}, -1, "no function \"missing\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Tfplugin6__CallFunction__Response *out = call(b, cases[i].name, cases[i].args);
        assert_null(out->result);
        assert_non_null(out->error);
        if (!strstr(out->error->text, cases[i].text))
            fail_msg("%s", out->error->text);
        assert_int_equal(out->error->_function_argument_case,
                         cases[i].argument < 0
                             ? TFPLUGIN6__FUNCTION_ERROR___FUNCTION_ARGUMENT__NOT_SET
                             : TFPLUGIN6__FUNCTION_ERROR___FUNCTION_ARGUMENT_FUNCTION_ARGUMENT);
        if (cases[i].argument >= 0)
            assert_int_equal(out->error->function_argument, cases[i].argument);
    }
    Tfplugin6__CallFunction__Request in = TFPLUGIN6__CALL_FUNCTION__REQUEST__INIT;
    const struct value *none[] = {text(b, "a")};
    Tfplugin6__DynamicValue *list = packed(b, &type_list_string, value_seq(b->arena, none, 1));
    in.name = "first";
    in.arguments = (Tfplugin6__DynamicValue *[]){list, list};
    in.n_arguments = 2;
    const Tfplugin6__CallFunction__Response *out = ASK(b, CallFunction, call_function, &in);
    assert_non_null(strstr(out->error->text, "too many arguments: first takes 1"));
}

static void stop_is_answered(void **state)
{
    struct bench *b = *state;
    Tfplugin6__StopProvider__Request in = TFPLUGIN6__STOP_PROVIDER__REQUEST__INIT;
    assert_string_equal(ASK(b, StopProvider, stop_provider, &in)->error, "");
}

/* ---- running out of memory, at every allocation of every method */

static void *requests[IMPLEMENTED];

static void fill_requests(struct bench *b)
{
    static Tfplugin6__RawState raw = TFPLUGIN6__RAW_STATE__INIT;
    raw.json = wire_bytes(toy_bytes("{\"name\":\"n\",\"part\":[{\"key\":\"k\"}]}"));
    for (size_t i = 0; i < IMPLEMENTED; i++) {
        const ProtobufCMethodDescriptor *m = protobuf_c_service_descriptor_get_method_by_name(
            &tfplugin6__provider__descriptor, implemented[i]);
        assert_non_null(m);
        requests[i] = wire_message(b->arena, m->input);
    }
#define FOR(Method) Tfplugin6__##Method##__Request
#define FILL(Method, ...)                                                                          \
    do {                                                                                           \
        for (size_t i = 0; i < IMPLEMENTED; i++)                                                   \
            if (strcmp(implemented[i], #Method) == 0) {                                            \
                FOR(Method) *in = requests[i];                                                     \
                __VA_ARGS__;                                                                       \
            }                                                                                      \
    } while (0)
    const struct value *all = stored(b, "vague", "red");
    FILL(ValidateResourceConfig, in->type_name = "thing",
         in->config = packed(b, b->thing, stored(b, "odd", NULL)));
    FILL(PlanResourceChange, in->type_name = "thing",
         in->proposed_new_state = in->config = packed(b, b->thing, all),
         in->prior_state = packed(b, b->thing, stored(b, "refuse", "blue")));
    FILL(ReadResource, in->type_name = "thing",
         in->current_state = packed(b, b->thing, stored(b, "grown", "red")));
    FILL(UpgradeResourceState, in->type_name = "thing", in->raw_state = &raw);
    FILL(MoveResourceState, in->target_type_name = in->source_type_name = "thing",
         in->source_provider_address = "toy", in->source_state = &raw);
    FILL(ImportResourceState, in->type_name = "thing", in->id = "x");
    FILL(ReadDataSource, in->type_name = "toy_info",
         in->config = packed(
             b, b->info,
             value_map(b->arena,
                       (struct value_member[]){{"answer", &value_null}, {"name", text(b, "vague")}},
                       2)));
    FILL(ConfigureProvider, in->config = region(b, text(b, "here")));
    FILL(ApplyResourceChange, in->type_name = "thing",
         in->prior_state = packed(b, b->thing, stored(b, "fine", "blue")),
         in->planned_state = in->config = packed(b, b->thing, all));
    static Tfplugin6__DynamicValue *args[2];
    args[0] = args[1] = packed(b, &type_string, text(b, "bad"));
    FILL(CallFunction, in->name = "join", in->arguments = args, in->n_arguments = 2);
#undef FILL
#undef FOR
}

static void out_of_memory_is_an_answer(void **state)
{
    struct bench *b = *state;
    fill_requests(b);
    for (size_t i = 0; i < IMPLEMENTED; i++) {
        const bool is_apply = strcmp(implemented[i], "ApplyResourceChange") == 0;
        size_t n = 0, failures = 0;
        bool failed = true;
        while (failed) {
            size_t len = protobuf_c_message_get_packed_size(requests[i]);
            uint8_t *raw = malloc(len + 1);
            assert_non_null(raw);
            protobuf_c_message_pack(requests[i], raw);
            char path[96];
            snprintf(path, sizeof path, "/tfplugin6.Provider/%s", implemented[i]);
            struct answer answer = {0};
            struct runtime *r = runtime_new(&toy_provider, bench_reply, b);
            assert_non_null(r);
            arena_fail_after(++n);
            runtime_request(r, path, (struct bytes){raw, len}, &answer, b->now);
            assert_int_equal(answer.count, 1);
            failed = answer.status != STATUS_OK;
            if (is_apply && !failed) {
                const Tfplugin6__ApplyResourceChange__Request *in = requests[i];
                const Tfplugin6__ApplyResourceChange__Response *out =
                    ANSWER(b, ApplyResourceChange, apply_resource_change, &answer);
                failed = out->n_diagnostics == 1 &&
                         strcmp(out->diagnostics[0]->summary, "The request was given up") == 0;
                if (failed)
                    assert_raw_equal(out->new_state, in->prior_state);
            } else if (failed) {
                assert_int_equal(answer.status, STATUS_RESOURCE_EXHAUSTED);
            }
            failures += failed;
            /* the runtime goes on */
            runtime_request(r, path, (struct bytes){raw, len}, &answer, b->now);
            assert_int_equal(answer.count, 2);
            assert_int_equal(answer.status, STATUS_OK);
            runtime_free(r);
            free(raw);
        }
        if (failures < 2)
            fail_msg("%s allocated only %zu times", implemented[i], failures);
    }
}

/* Requests with some bytes changed, cut or doubled: every one gets its one answer. */
static void damaged_requests_are_answered(void **state)
{
    struct bench *b = *state;
    const char *given = getenv("TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("TEST_SEED=%u\n", seed);
    fill_requests(b);
    for (unsigned round = 0; round < 300 * IMPLEMENTED; round++) {
        size_t i = round % IMPLEMENTED;
        size_t len = protobuf_c_message_get_packed_size(requests[i]);
        uint8_t *raw = malloc(2 * len + 1);
        assert_non_null(raw);
        protobuf_c_message_pack(requests[i], raw);
        for (unsigned k = (unsigned)rand_r(&seed) % 4; len && k < 4; k++)
            raw[(unsigned)rand_r(&seed) % len] = (uint8_t)rand_r(&seed);
        if (len && rand_r(&seed) % 4 == 0)
            len = (unsigned)rand_r(&seed) % len;
        if (rand_r(&seed) % 4 == 0) {
            memcpy(raw + len, raw, len);
            len *= 2;
        }
        uint8_t *exact = realloc(raw, len ? len : 1);
        assert_non_null(exact);
        char path[96];
        snprintf(path, sizeof path, "/tfplugin6.Provider/%s", implemented[i]);
        struct answer answer = {0};
        runtime_request(b->runtime, path, (struct bytes){exact, len}, &answer, b->now);
        free(exact);
        assert_int_equal(answer.count, 1);
        assert_true(answer.status == STATUS_OK || answer.status == STATUS_INVALID_ARGUMENT);
    }
}

static void out_of_memory_at_the_start(void **state)
{
    struct bench *b = *state;
    struct runtime *r;
    size_t n = 0;
    do {
        arena_fail_after(++n);
        r = runtime_new(&toy_provider, bench_reply, b);
        arena_fail_after(0);
    } while (!r);
    assert_true(n > 5);
    runtime_free(r);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)
    const struct CMUnitTest tests[] = {
        CASE(metadata_lists_every_name),
        CASE(schema_says_what_the_tables_say),
        CASE(functions_are_described),
        CASE(every_method_of_the_protocol_answers_at_once),
        CASE(unknown_methods_are_unimplemented),
        CASE(malformed_messages_are_invalid),
        CASE(requests_have_a_size),
        CASE(unknown_types_are_named),
        CASE(configurations_are_validated),
        CASE(data_source_configurations_are_validated),
        CASE(the_provider_is_validated_and_configured),
        CASE(a_create_is_planned),
        CASE(an_update_is_planned),
        CASE(a_destroy_is_planned),
        CASE(planned_private_goes_in_and_out),
        CASE(plans_carry_diagnostics),
        CASE(plans_of_nonsense_are_refused),
        CASE(a_create_is_applied),
        CASE(a_failed_create_leaves_what_exists),
        CASE(unknown_results_are_the_providers_bug),
        CASE(a_hook_without_a_result_is_the_providers_bug),
        CASE(updates_and_deletes_are_applied),
        CASE(what_failed_keeps_its_state),
        CASE(an_unreadable_apply_keeps_the_state),
        CASE(without_hooks_the_plan_comes_true),
        CASE(provider_meta_reaches_the_hooks),
        CASE(states_are_read_again),
        CASE(stored_states_are_upgraded),
        CASE(states_that_cannot_be_upgraded),
        CASE(states_move_between_names),
        CASE(objects_are_imported),
        CASE(data_sources_are_read),
        CASE(functions_are_called),
        CASE(function_errors_name_the_argument),
        CASE(stop_is_answered),
        CASE(damaged_requests_are_answered),
        CASE(out_of_memory_is_an_answer),
        CASE(out_of_memory_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
