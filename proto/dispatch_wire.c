/*
 * dispatch_wire - protocol messages to values and back
 *
 * Everything that the methods have in common on their way in and out. Messages, like values, live
 * in the request's arena: protobuf-c gets an allocator that takes from the arena and frees nothing,
 * so a request can be abandoned at any point. Three things that protobuf-c leaves to its user are
 * done here: a ceiling for the memory that unpacking takes, text fields that are really UTF-8, and
 * text that goes out being UTF-8.
 */
#include "proto/dispatch_internal.h"

#include <string.h>

#include "proto/codec.h"
#include "proto/text.h"

/* ---- messages */

void *wire_message(struct arena *a, const ProtobufCMessageDescriptor *d)
{
    void *m = arena_alloc(a, d->sizeof_message);
    protobuf_c_message_init(d, m);
    return m;
}

struct budget {
    struct arena *arena;
    size_t left;
};

static void *budget_alloc(void *data, size_t n)
{
    struct budget *b = data;
    if (n > b->left)
        return NULL; /* protobuf-c gives the message up */
    b->left -= n;
    return arena_alloc(b->arena, n);
}

static void budget_free(void *data, void *p)
{
    (void)data; /* the arena goes as a whole */
    (void)p;
}

/* Is every text field in here UTF-8? As deep as the message type goes; none of the requests is
 * recursive. */
static bool texts_are_valid(const ProtobufCMessage *m)
{
    const ProtobufCMessageDescriptor *d = m->descriptor;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        if (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        const char *base = (const char *)m;
        const void *const *items = (const void *const *)(base + f->offset);
        size_t count = 1;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            count = *(const size_t *)(base + f->quantifier_offset);
            items = *(const void *const *const *)(base + f->offset);
        } else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
            count = *(const uint32_t *)(base + f->quantifier_offset) == f->id;
        }
        for (size_t k = 0; k < count; k++) {
            if (!items[k])
                continue;
            if (f->type == PROTOBUF_C_TYPE_STRING ? !text_is_valid(items[k], strlen(items[k]))
                                                  : !texts_are_valid(items[k]))
                return false;
        }
    }
    return true;
}

const ProtobufCMessage *wire_unpack(struct arena *a, const ProtobufCMessageDescriptor *d,
                                    struct bytes in)
{
    struct budget budget = {a, REQUEST_UNPACK_BYTES + REQUEST_UNPACK_FACTOR * in.len};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    const ProtobufCMessage *m = protobuf_c_message_unpack(d, &allocator, in.len, in.data);
    return m && texts_are_valid(m) ? m : NULL;
}

struct bytes wire_pack(struct arena *a, const ProtobufCMessage *m)
{
    uint8_t *data = arena_alloc(a, protobuf_c_message_get_packed_size(m));
    return (struct bytes){data, protobuf_c_message_pack(m, data)};
}

/* ---- text and bytes */

/* Commands to a terminal: C0 but for newline and tab, DEL, and C1 in UTF-8. n: bytes of the
 * character. */
static bool is_control(const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0], next = n == 2 ? (unsigned char)s[1] : 0;
    return n == 1 ? (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f
                  : n == 2 && c == 0xc2 && next < 0xa0;
}

char *wire_text(struct arena *a, const char *s)
{
    if (!s)
        s = "";
    size_t len = strlen(s);
    char *copy = arena_strndup(a, s, len);
    for (size_t at = 0; at < len;) {
        size_t n = 1;
        while (n <= 4 && at + n <= len && !text_is_valid(copy + at, n))
            n++;
        bool whole = n <= 4 && at + n <= len;
        if (!whole)
            n = 1;
        if (!whole || is_control(copy + at, n))
            memset(copy + at, '?', n);
        at += n;
    }
    return copy;
}

ProtobufCBinaryData wire_bytes(struct bytes b)
{
    return (ProtobufCBinaryData){b.len, (uint8_t *)b.data};
}

struct bytes wire_from_bytes(ProtobufCBinaryData b)
{
    return (struct bytes){b.data, b.len};
}

/* ---- values */

const struct value *wire_decode(struct request *q, const struct type *t,
                                const Tfplugin6__DynamicValue *field, const char *what)
{
    const char *error = NULL;
    const struct value *v = NULL;
    if (!field || (!field->msgpack.len && !field->json.len))
        return &value_null;
    if (field->msgpack.len)
        v = msgpack_decode(q->call.arena, t, wire_from_bytes(field->msgpack), &error);
    else
        v = json_decode(q->call.arena, t, wire_from_bytes(field->json), JSON_STRICT, &error);
    if (!v)
        diag_error(&q->diags, NULL, "Malformed request",
                   "%s cannot read %s: %s. The values do not fit the schema of this provider; was "
                   "the provider replaced while Terraform ran?",
                   q->method->name, what, error);
    return v;
}

const struct value *wire_slot(struct request *q, enum slot slot, const struct type *t,
                              const Tfplugin6__DynamicValue *field, const char *what)
{
    if (q->decoded[slot])
        return q->decoded[slot];
    const struct value *v = wire_decode(q, t, field, what);
    if (v && value_is_unknown(v)) {
        diag_error(&q->diags, NULL, "Malformed request", "%s got %s unknown as a whole.",
                   q->method->name, what);
        return NULL;
    }
    q->decoded[slot] = v;
    return v;
}

Tfplugin6__DynamicValue *wire_value(struct request *q, const struct type *t, const struct value *v)
{
    struct arena *a = q->call.arena;
    Tfplugin6__DynamicValue *m = MESSAGE(a, Tfplugin6__DynamicValue, tfplugin6__dynamic_value);
    m->msgpack = wire_bytes(msgpack_encode(a, t, v));
    return m;
}

/* ---- paths and diagnostics */

static Tfplugin6__AttributePath__Step *wire_step(struct arena *a, const struct path *p)
{
    Tfplugin6__AttributePath__Step *s =
        MESSAGE(a, Tfplugin6__AttributePath__Step, tfplugin6__attribute_path__step);
    switch (p->kind) {
    case PATH_ATTRIBUTE:
        s->selector_case = TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ATTRIBUTE_NAME;
        s->attribute_name = wire_text(a, p->name);
        break;
    case PATH_KEY:
        s->selector_case = TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_STRING;
        s->element_key_string = wire_text(a, p->name);
        break;
    case PATH_INDEX:
        s->selector_case = TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_INT;
        s->element_key_int = p->index;
        break;
    }
    return s;
}

Tfplugin6__AttributePath *wire_path(struct arena *a, const struct path *p)
{
    Tfplugin6__AttributePath *m = MESSAGE(a, Tfplugin6__AttributePath, tfplugin6__attribute_path);
    for (const struct path *step = p; step; step = step->parent)
        m->n_steps++;
    m->steps = arena_calloc(a, m->n_steps, sizeof *m->steps);
    size_t at = m->n_steps;
    for (const struct path *step = p; step; step = step->parent)
        m->steps[--at] = wire_step(a, step);
    return m;
}

size_t wire_diags(struct request *q, Tfplugin6__Diagnostic ***out)
{
    struct arena *a = q->call.arena;
    size_t count = 0;
    for (const struct diag *d = q->diags.first; d; d = d->next)
        count++;
    *out = arena_calloc(a, count, sizeof **out);
    size_t at = 0;
    for (const struct diag *d = q->diags.first; d; d = d->next) {
        Tfplugin6__Diagnostic *m = MESSAGE(a, Tfplugin6__Diagnostic, tfplugin6__diagnostic);
        m->severity = d->severity == SEVERITY_ERROR ? TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR
                                                    : TFPLUGIN6__DIAGNOSTIC__SEVERITY__WARNING;
        m->summary = wire_text(a, d->summary);
        m->detail = wire_text(a, d->detail);
        m->attribute = d->path ? wire_path(a, d->path) : NULL;
        (*out)[at++] = m;
    }
    return count;
}

/* ---- settling: no unknown value may be left */

#define SETTLE_NAMED 10 /* so many attributes are named in the error */

struct settling {
    struct arena *arena;
    struct text names;
    unsigned count;
};

static const struct value *settle(struct settling *s, const struct path *at, const struct value *v);

static const struct value *settle_seq(struct settling *s, const struct path *at,
                                      const struct value *v)
{
    const struct value **items = NULL;
    for (size_t i = 0; i < v->seq.count; i++) {
        const struct value *item = settle(s, PATH_ELEMENT(at, (int64_t)i), v->seq.items[i]);
        if (item == v->seq.items[i])
            continue;
        if (!items)
            items = arena_memdup(s->arena, v->seq.items, v->seq.count * sizeof *items);
        items[i] = item;
    }
    return items ? value_seq(s->arena, items, v->seq.count) : v;
}

static const struct value *settle_map(struct settling *s, const struct path *at,
                                      const struct value *v)
{
    struct value_member *members = NULL;
    for (size_t i = 0; i < v->map.count; i++) {
        const struct value_member *m = &v->map.members[i];
        const struct value *item = settle(s, PATH_ATTR(at, m->key), m->value);
        if (item == m->value)
            continue;
        if (!members)
            members = arena_memdup(s->arena, v->map.members, v->map.count * sizeof *members);
        members[i].value = item;
    }
    return members ? value_map(s->arena, members, v->map.count) : v;
}

static const struct value *settle(struct settling *s, const struct path *at, const struct value *v)
{
    switch (v->kind) {
    case VALUE_UNKNOWN:
        if (s->count++ < SETTLE_NAMED)
            text_printf(&s->names, "%s%s", s->count > 1 ? ", " : "", path_describe(s->arena, at));
        return &value_null;
    case VALUE_SEQ:
        return settle_seq(s, at, v);
    case VALUE_MAP:
        return settle_map(s, at, v);
    case VALUE_DYNAMIC: {
        const struct value *inner = settle(s, at, v->dynamic.value);
        return inner == v->dynamic.value ? v : value_dynamic(s->arena, v->dynamic.type, inner);
    }
    default:
        return v;
    }
}

const struct value *wire_settle(struct request *q, const struct value *v)
{
    struct settling s = {.arena = q->call.arena, .names = text_new(q->call.arena)};
    const struct value *settled = settle(&s, NULL, v);
    if (!s.count || q->diags.errors)
        return settled;
    if (s.count > SETTLE_NAMED)
        text_printf(&s.names, " and %u more", s.count - SETTLE_NAMED);
    diag_error(&q->diags, NULL, "The provider left values unknown",
               "After %s of %s the provider left %s unknown; this is a bug in the provider. They "
               "are recorded as null.",
               q->method->name, q->call.type_name, text_end(&s.names));
    return settled;
}
