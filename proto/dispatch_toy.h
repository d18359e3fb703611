/*
 * dispatch_toy - a small provider and a way to talk to it, for the dispatcher's tests
 *
 * The toy provider has a `toy_thing` (also `aws_thing`) whose name says how its hooks behave, a
 * data source, functions, and rooms: a thing named `room...` waits until there is a free room. What
 * the hooks saw is left in `toy`.
 */
#ifndef PROTO_DISPATCH_TOY_H
#define PROTO_DISPATCH_TOY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/dispatch_internal.h"

static struct {
    unsigned rooms, taken; /* `room` things */
    bool ready;            /* what `poll` things and configure wait for */
    bool slow_configure;   /* configure waits for ready */
    unsigned hooks;        /* hooks run */
    struct call call;      /* as the last hook saw it */
    struct change change;  /* plan and apply: the scalar fields of the last one */
    char private[64];      /* the private bytes that it got */
    char planned[64];      /* and those of an earlier plan */
    char version[32];      /* of Terraform */
    char type_name[32];    /* by which the last hook was called */
    int64_t upgraded_from;
    unsigned configured, unconfigured;
    const void *kept; /* attempt_data of the last attempt */
} toy;

/* ---- tables */

static const char *toy_lower(struct arena *a, const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            return arena_printf(a, "%s has upper case", text);
    return NULL;
}

static const struct block toy_part = {
    .attributes = (const struct attribute[]){
        {.name = "key", .type = &type_string, .flags = ATTR_REQUIRED, .description = "A key."},
        {.name = "weight", .type = &type_number, .flags = ATTR_OPTIONAL, .description = "Grams."},
        {0}}};

static const struct block toy_inner = {
    .attributes = (const struct attribute[]){
        {.name = "on", .type = &type_bool, .flags = ATTR_REQUIRED, .description = "On?"}, {0}}};

static const struct schema toy_thing_schema = {
    .version = 2,
    .block = {
        .attributes = (const struct attribute[]){{.name = "name",
                                                  .type = &type_string,
                                                  .flags = ATTR_REQUIRED,
                                                  CHECKS(CHECKED_BY(toy_lower, "lower case")),
                                                  .description = "Says what happens."},
                                                 {.name = "color",
                                                  .type = &type_string,
                                                  .flags = ATTR_OPTIONAL | ATTR_REPLACE,
                                                  .description = "Cannot be painted over."},
                                                 {.name = "size",
                                                  .type = &type_number,
                                                  .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
                                                  .fallback = DEFAULT_INT(3),
                                                  .description = "Metres."},
                                                 {.name = "tags",
                                                  .type = &type_map_string,
                                                  .flags = ATTR_OPTIONAL | ATTR_SENSITIVE,
                                                  .description = "Tags."},
                                                 {.name = "switch",
                                                  .nested = &toy_inner,
                                                  .nesting = NESTING_SINGLE,
                                                  .flags = ATTR_OPTIONAL,
                                                  .description = "A switch."},
                                                 {.name = "id",
                                                  .type = &type_string,
                                                  .flags = ATTR_COMPUTED | ATTR_DEPRECATED,
                                                  .description = "The id."},
                                                 {0}},
        .blocks = (const struct nested_block[]){{.name = "part",
                                                 .nesting = NESTING_LIST,
                                                 .max_items = 5,
                                                 .block = &toy_part,
                                                 .description = "A part."},
                                                {0}},
    }};

static const struct schema toy_config_schema = {
    .block = {.attributes = (const struct attribute[]){{.name = "region",
                                                        .type = &type_string,
                                                        .flags = ATTR_OPTIONAL,
                                                        CHECKS(CHECKED_BY(toy_lower, "lower case")),
                                                        .description = "Where."},
                                                       {0}}}};

static const struct schema toy_info_schema = {
    .block = {.description = "Own words.",
              .attributes = (const struct attribute[]){{.name = "name",
                                                        .type = &type_string,
                                                        .flags = ATTR_REQUIRED,
                                                        CHECKS(CHECKED_BY(toy_lower, "lower case")),
                                                        .description = "What."},
                                                       {.name = "answer",
                                                        .type = &type_number,
                                                        .flags = ATTR_COMPUTED,
                                                        .description = "The answer."},
                                                       {0}}}};

/* ---- hooks */

static void toy_keep(char out[64], struct bytes b)
{
    snprintf(out, 64, "%.*s", (int)b.len, b.data ? (const char *)b.data : "");
}

static const char *toy_see(struct call *c, const struct value *object)
{
    toy.hooks++;
    toy.call = *c;
    snprintf(toy.type_name, sizeof toy.type_name, "%s", c->type_name ? c->type_name : "");
    return value_str(value_get(object, "name"), "");
}

static const char *toy_see_change(struct call *c, const struct change *ch)
{
    toy.change = *ch;
    toy_keep(toy.private, ch->prior_private);
    toy_keep(toy.planned, ch->planned_private);
    return toy_see(c, value_is_null(ch->planned) ? ch->prior : ch->planned);
}

static struct bytes toy_bytes(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static enum outcome toy_validate(struct call *c, const struct value *config)
{
    if (strcmp(toy_see(c, config), "odd") == 0)
        diag_error(c->diags, PATH_MAP_KEY(PATH_ATTR(NULL, "tags"), "k"), "Odd thing", "It is %s.",
                   "odd");
    return CALL_DONE;
}

static enum outcome toy_plan(struct call *c, struct change *ch)
{
    const char *name = toy_see_change(c, ch);
    if (strcmp(name, "refuse") == 0)
        diag_error(c->diags, PATH_ELEMENT(PATH_ATTR(NULL, "part"), 1), "Refused", "bad \xff byte");
    if (strcmp(name, "warn") == 0)
        diag_warning(c->diags, NULL, "Careful", "It may rain.");
    if (strcmp(name, "secret") == 0)
        ch->private = toy_bytes("fresh");
    if (strcmp(name, "moveout") == 0 && ch->kind == CHANGE_UPDATE)
        path_list_add(c->arena, &ch->replace, PATH_ATTR(NULL, "size"));
    return CALL_DONE;
}

static enum outcome toy_wait_for_room(struct call *c, struct change *ch, const struct value **state)
{
    if (toy.taken == toy.rooms) {
        c->for_this_run = true;
        if (!c->last_attempt && !c->stopping)
            return CALL_WAIT;
        diag_error(c->diags, NULL, "No room", "%s",
                   c->stopping ? "The provider is stopping." : "Nothing has moved.");
        return CALL_DONE;
    }
    *state = value_set(c->arena, ch->planned, "id", value_string(c->arena, "in"));
    toy.taken++;
    if (strcmp(value_str(value_get(ch->planned, "name"), ""), "room and one more") == 0) {
        toy.rooms++;
        call_progress(c);
    }
    return CALL_DONE;
}

static enum outcome toy_create(struct call *c, struct change *ch, const struct value **state)
{
    struct arena *a = c->arena;
    const char *name = toy_see_change(c, ch);
    const struct value *with_id = value_set(a, ch->planned, "id", value_string(a, "t-1"));
    if (strncmp(name, "room", 4) == 0)
        return toy_wait_for_room(c, ch, state);
    if (strcmp(name, "stubborn") == 0) {
        diag_error(c->diags, NULL, "Not yet", "Not yet.");
        return CALL_WAIT;
    }
    if (strcmp(name, "poll") == 0 && !toy.ready && !c->last_attempt) {
        if (!c->attempt_data)
            c->attempt_data = arena_strdup(a, "kept");
        toy.kept = c->attempt_data;
        c->poll_ms = 10;
        c->patience_ms = 60;
        return CALL_WAIT;
    }
    if (strcmp(name, "late builder") == 0 && !toy.ready)
        return CALL_WAIT;
    if (strcmp(name, "builder") == 0 || strcmp(name, "late builder") == 0) {
        toy.rooms++;
        call_progress(c);
    }
    if (strcmp(name, "fail") == 0 || strcmp(name, "half") == 0)
        diag_error(c->diags, PATH_ATTR(NULL, "name"), "Failed", "By request.");
    if (strcmp(name, "half") == 0)
        *state = value_set(a, with_id, "size", &value_unknown);
    else if (strcmp(name, "vague") == 0)
        *state = value_set(a, value_set(a, with_id, "size", &value_unknown), "tags",
                           value_map(a, (struct value_member[]){{"k", &value_unknown}}, 1));
    else if (strcmp(name, "fail") != 0 && strcmp(name, "silent") != 0)
        *state = with_id;
    if (strcmp(name, "secret") == 0)
        ch->private = toy_bytes("made");
    return CALL_DONE;
}

static enum outcome toy_update(struct call *c, struct change *ch, const struct value **state)
{
    const char *name = toy_see_change(c, ch);
    if (strcmp(name, "fail") == 0)
        diag_error(c->diags, NULL, "Failed", "By request.");
    else if (strcmp(name, "silent") != 0)
        *state = ch->planned;
    return CALL_DONE;
}

static enum outcome toy_destroy(struct call *c, struct change *ch)
{
    if (strcmp(toy_see_change(c, ch), "fail") == 0)
        diag_error(c->diags, NULL, "Failed", "By request.");
    return CALL_DONE;
}

static enum outcome toy_read(struct call *c, const struct value **state, struct bytes *private)
{
    const char *name = toy_see(c, *state);
    toy_keep(toy.private, *private);
    if (strcmp(name, "gone") == 0)
        *state = &value_null;
    if (strcmp(name, "grown") == 0) {
        *state = value_set(c->arena, *state, "size", value_int(c->arena, 9));
        *private = toy_bytes("reread");
    }
    if (strcmp(name, "fail") == 0) {
        *state = &value_null;
        diag_error(c->diags, NULL, "Failed", "By request.");
    }
    return CALL_DONE;
}

static enum outcome toy_import(struct call *c, const char *id, const struct value **state,
                               struct bytes *private)
{
    toy_see(c, &value_null);
    if (strcmp(id, "missing") == 0) {
        diag_error(c->diags, NULL, "Not found", "There is no %s.", id);
    } else if (strcmp(id, "silent") != 0) {
        const struct value *all = schema_encode(c->arena, &toy_thing_schema, &toy, NULL);
        *state = value_set(c->arena, all, "id", value_string(c->arena, id));
        *private = toy_bytes("imported");
    }
    return CALL_DONE;
}

static enum outcome toy_upgrade(struct call *c, int64_t version, const struct value **state)
{
    const char *name = toy_see(c, *state);
    toy.upgraded_from = version;
    if (strcmp(name, "unfit") == 0)
        diag_error(c->diags, NULL, "Unfit", "Cannot be upgraded.");
    if (value_is_null(value_get(*state, "size")))
        *state = value_set(c->arena, *state, "size", value_int(c->arena, 3));
    return CALL_DONE;
}

static enum outcome toy_validate_info(struct call *c, const struct value *config)
{
    if (strcmp(toy_see(c, config), "odd") == 0)
        diag_error(c->diags, PATH_ATTR(NULL, "name"), "Odd", "It is odd.");
    return CALL_DONE;
}

static enum outcome toy_read_info(struct call *c, const struct value *config,
                                  const struct value **state)
{
    const char *name = toy_see(c, config);
    *state = value_set(c->arena, config, "answer",
                       strcmp(name, "vague") == 0 ? &value_unknown : value_int(c->arena, 42));
    if (strcmp(name, "fail") == 0)
        diag_error(c->diags, NULL, "Failed", "By request.");
    return CALL_DONE;
}

static enum outcome toy_configure(struct call *c, const struct value *config,
                                  const char *terraform_version, void **state)
{
    toy_see(c, config);
    if (toy.slow_configure && !toy.ready && !c->last_attempt && !c->stopping) {
        c->poll_ms = 5;
        return CALL_WAIT;
    }
    if (toy.slow_configure && !toy.ready)
        diag_error(c->diags, PATH_ATTR(NULL, "region"), "Not ready", "Never was.");
    snprintf(toy.version, sizeof toy.version, "%s", terraform_version);
    toy.configured++;
    *state = &toy;
    return CALL_DONE;
}

static void toy_unconfigure(void *state)
{
    assert_ptr_equal(state, &toy);
    toy.unconfigured++;
}

static void toy_join(struct call *c, const struct value *const *args, size_t count,
                     const struct value **result, const char **error, int64_t *argument)
{
    toy_see(c, &value_null);
    char text[256] = "";
    for (size_t i = 1; i < count; i++) {
        if (strcmp(value_str(args[i], ""), "bad") == 0) {
            *error = "a bad part";
            *argument = (int64_t)i;
            return;
        }
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
                 i > 1 ? value_str(args[0], "") : "", value_str(args[i], ""));
    }
    if (count == 1)
        *error = "nothing to join";
    else if (strcmp(text, "silent") != 0)
        *result = value_string(c->arena, text);
}

/* ---- the provider */

static const struct resource toy_thing = {
    .names = NAMES("toy_thing", "aws_thing", "thing"),
    .schema = &toy_thing_schema,
    .summary = "A thing.",
    .validate = toy_validate,
    .plan = toy_plan,
    .create = toy_create,
    .update = toy_update,
    .destroy = toy_destroy,
    .read = toy_read,
    .import = toy_import,
    .upgrade = toy_upgrade,
};

/* No hooks at all. */
static const struct resource toy_plain = {
    .names = NAMES("toy_plain"), .schema = &toy_info_schema, .summary = "Plain."};

static const struct data_source toy_info = {
    .names = NAMES("toy_info", "aws_info"),
    .schema = &toy_info_schema,
    .summary = "Information.",
    .validate = toy_validate_info,
    .read = toy_read_info,
};
static const struct data_source toy_plain_info = {
    .names = NAMES("toy_plain_info"), .schema = &toy_config_schema, .summary = "Plain."};

static const struct function toy_join_function = {
    .name = "join",
    .summary = "Joins.",
    .description = "Joins parts.",
    .result = &type_string,
    .parameters =
        (const struct parameter[]){
            {.name = "between", .type = &type_string, .description = "The glue."},
            {.name = "parts", .type = &type_string, .description = "The parts.", .variadic = true},
            {0}},
    .call = toy_join,
};

static const struct function toy_first_function = {
    .name = "first",
    .summary = "One list.",
    .result = &type_string,
    .parameters = (const struct parameter[]){{.name = "list", .type = &type_list_string}, {0}},
    .call = toy_join,
};

static const struct provider toy_provider = {
    .name = "toy",
    .version = "1.2.3",
    .address = "terraform.local/test/toy",
    .about = "Toys.",
    .schema = &toy_config_schema,
    .meta_schema = &toy_config_schema,
    .resources = (const struct resource *const[]){&toy_thing, &toy_plain, NULL},
    .data_sources = (const struct data_source *const[]){&toy_info, &toy_plain_info, NULL},
    .functions = (const struct function *const[]){&toy_join_function, &toy_first_function, NULL},
    .configure = toy_configure,
    .unconfigure = toy_unconfigure,
};

/* ---- talking to it */

struct answer {
    unsigned count; /* how often it was given */
    unsigned order; /* among all answers */
    int status;
    char message[128];
    uint8_t *body;
    size_t len;
};

struct bench {
    struct runtime *runtime;
    struct arena *arena; /* values and messages of the test */
    const struct type *thing, *info, *config;
    uint64_t now;
    unsigned answers;
    struct answer last;
};

static inline void bench_reply(void *ctx, void *tag, int status, const char *message,
                               struct bytes body)
{
    struct bench *b = ctx;
    struct answer *answer = tag;
    arena_fail_after(0); /* the test's own allocations do not fail */
    answer->count++;
    answer->order = ++b->answers;
    answer->status = status;
    snprintf(answer->message, sizeof answer->message, "%s", message ? message : "");
    assert_true(status == STATUS_OK ? !message : message && !body.len);
    answer->body = arena_memdup(b->arena, body.len ? body.data : (const uint8_t *)"", body.len);
    answer->len = body.len;
}

static inline int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    memset(&toy, 0, sizeof toy);
    b->arena = arena_new();
    b->runtime = runtime_new(&toy_provider, bench_reply, b);
    b->thing = schema_type(b->arena, &toy_thing_schema);
    b->info = schema_type(b->arena, &toy_info_schema);
    b->config = schema_type(b->arena, &toy_config_schema);
    b->now = 1000;
    *state = b;
    return b->arena && b->runtime ? 0 : -1;
}

static inline int bench_close(void **state)
{
    struct bench *b = *state;
    while (b->runtime->first) /* their answers stood on the stack of the test */
        runtime_cancel(b->runtime, b->runtime->first->tag);
    runtime_free(b->runtime);
    arena_free(b->arena);
    free(b);
    return 0;
}

/* Sends one request; its answer comes to *answer, at once or later. */
static inline void bench_send(struct bench *b, const char *method, const void *request,
                              struct answer *answer)
{
    char path[96];
    snprintf(path, sizeof path, "/tfplugin6.Provider/%s", method);
    size_t len = protobuf_c_message_get_packed_size(request);
    uint8_t *raw = malloc(len + 1); /* an exact block, so that reading it later is found */
    assert_non_null(raw);
    protobuf_c_message_pack(request, raw);
    memset(answer, 0, sizeof *answer);
    runtime_request(b->runtime, path, (struct bytes){raw, len}, answer, b->now);
    memset(raw, 0xee, len);
    free(raw);
}

static inline const void *bench_open_answer(struct bench *b, const struct answer *answer,
                                            const ProtobufCMessageDescriptor *d)
{
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->status, STATUS_OK);
    const void *m = wire_unpack(b->arena, d, (struct bytes){answer->body, answer->len});
    assert_non_null(m);
    return m;
}

/* A request that is answered at once. */
static inline const void *bench_ask(struct bench *b, const char *method, const void *request,
                                    const ProtobufCMessageDescriptor *d)
{
    bench_send(b, method, request, &b->last);
    return bench_open_answer(b, &b->last, d);
}

#define ASK(b, Method, message, request)                                                           \
    ((const Tfplugin6__##Method##__Response *)bench_ask(                                           \
        (b), #Method, (request), &tfplugin6__##message##__response__descriptor))
#define ANSWER(b, Method, message, answer)                                                         \
    ((const Tfplugin6__##Method##__Response *)bench_open_answer(                                   \
        (b), (answer), &tfplugin6__##message##__response__descriptor))

static inline Tfplugin6__DynamicValue *packed(struct bench *b, const struct type *t,
                                              const struct value *v)
{
    Tfplugin6__DynamicValue *m =
        MESSAGE(b->arena, Tfplugin6__DynamicValue, tfplugin6__dynamic_value);
    m->msgpack = wire_bytes(msgpack_encode(b->arena, t, v));
    return m;
}

static inline const struct value *unpacked(struct bench *b, const struct type *t,
                                           const Tfplugin6__DynamicValue *m)
{
    const char *error = NULL;
    assert_non_null(m);
    const struct value *v = msgpack_decode(b->arena, t, wire_from_bytes(m->msgpack), &error);
    if (!v)
        fail_msg("%s", error);
    return v;
}

static inline const struct value *text(struct bench *b, const char *s)
{
    return value_string(b->arena, s);
}

/* A toy_thing with these members ("name", value, ..., NULL); the others are null. */
static inline const struct value *thing(struct bench *b, ...)
{
    const struct value *v = schema_encode(b->arena, &toy_thing_schema, &toy, NULL);
    va_list ap;
    va_start(ap, b);
    for (const char *key; (key = va_arg(ap, const char *));)
        v = value_set(b->arena, v, key, va_arg(ap, const struct value *));
    va_end(ap);
    return v;
}

/* An apply of a create. */
static inline void send_create(struct bench *b, const char *name, struct answer *answer)
{
    Tfplugin6__ApplyResourceChange__Request m = TFPLUGIN6__APPLY_RESOURCE_CHANGE__REQUEST__INIT;
    m.type_name = "toy_thing";
    m.prior_state = packed(b, b->thing, &value_null);
    m.planned_state = packed(b, b->thing,
                             thing(b, "name", text(b, name), "size", value_int(b->arena, 3), "id",
                                   &value_unknown, NULL));
    m.config = packed(b, b->thing, thing(b, "name", text(b, name), NULL));
    bench_send(b, "ApplyResourceChange", &m, answer);
}

static inline void assert_error(size_t count, Tfplugin6__Diagnostic *const *list,
                                const char *summary)
{
    for (size_t i = 0; i < count; i++)
        if (list[i]->severity == TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR &&
            strcmp(list[i]->summary, summary) == 0)
            return;
    fail_msg("no error \"%s\"; the first of %zu is \"%s\"", summary, count,
             count ? list[0]->summary : "");
}

#endif
