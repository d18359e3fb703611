/*
 * msgpack - values as msgpack, the way Terraform's type system (cty) writes them
 *
 * Decoding goes in three steps. The guard walks the bytes once, without recursion and without
 * memory: it knows the length of everything and so finds truncation, bytes after the end, nesting
 * and counts that cannot be true. That has to come first, because the library takes announced
 * counts at their word and asks malloc for gigabytes. Then the library builds its tree, whose
 * strings point into the input. The last step walks tree and type together and copies what fits;
 * its recursion is as deep as the guard let the bytes be.
 *
 * What cty does that msgpack does not say:
 *   unknown        extension 0, one zero byte; extension 12 when something is known about it
 *                  (a prefix, not null), which is kept and sent back as it came
 *   number         integer, float64, or decimal text when it is neither exactly
 *   object         a map with every attribute, null ones included
 *   dynamic type   array of the type (JSON, as bin) and the value; null and unknown may stand alone
 */
#include <math.h>
#include <msgpack.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/diag.h"
#include "proto/text.h"

#define EXT_UNKNOWN 0
#define EXT_REFINED 12

/* --- the guard --- */

struct header {
    size_t bytes;    /* of the header and of what a scalar carries */
    size_t children; /* that follow: elements, keys and values */
    bool container;
};

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
    uint64_t x = 0;
    for (unsigned i = 0; i < n; i++) {
        x = x << 8 | p[i];
    }
    return x;
}

/* Codes from 0xc0 to 0xdf (msgpack specification): what stands behind the first byte. */
static const struct {
    uint8_t fixed;  /* bytes that are always there */
    uint8_t length; /* width of a length field */
    char kind;      /* s: scalar, b: length counts bytes, a: elements, m: pairs, x: never used */
} codes[32] = {
    [0x00] = {0, 0, 's'},                                             /* nil */
    [0x01] = {0, 0, 'x'}, [0x02] = {0, 0, 's'}, [0x03] = {0, 0, 's'}, /* false, true */
    [0x04] = {0, 1, 'b'}, [0x05] = {0, 2, 'b'}, [0x06] = {0, 4, 'b'}, /* bin */
    [0x07] = {1, 1, 'b'}, [0x08] = {1, 2, 'b'}, [0x09] = {1, 4, 'b'}, /* ext, with its type */
    [0x0a] = {4, 0, 's'}, [0x0b] = {8, 0, 's'},                       /* float */
    [0x0c] = {1, 0, 's'}, [0x0d] = {2, 0, 's'},                       /* uint */
    [0x0e] = {4, 0, 's'}, [0x0f] = {8, 0, 's'}, [0x10] = {1, 0, 's'},
    [0x11] = {2, 0, 's'}, /* int */
    [0x12] = {4, 0, 's'}, [0x13] = {8, 0, 's'}, [0x14] = {2, 0, 's'},
    [0x15] = {3, 0, 's'}, /* fixext, with its type */
    [0x16] = {5, 0, 's'}, [0x17] = {9, 0, 's'}, [0x18] = {17, 0, 's'},
    [0x19] = {0, 1, 'b'}, [0x1a] = {0, 2, 'b'}, [0x1b] = {0, 4, 'b'}, /* str */
    [0x1c] = {0, 2, 'a'}, [0x1d] = {0, 4, 'a'},                       /* array */
    [0x1e] = {0, 2, 'm'}, [0x1f] = {0, 4, 'm'},                       /* map */
};

/* The length of what begins at p. False when its header is cut off or no msgpack. */
static bool read_header(const uint8_t *p, size_t left, struct header *h)
{
    uint8_t c = p[0];
    *h = (struct header){.bytes = 1};
    if (c < 0x80 || c >= 0xe0) { /* fixint */
        return true;
    }
    if (c < 0xa0) { /* fixmap, fixarray */
        h->container = true;
        h->children = c < 0x90 ? 2 * (c & 0x0fu) : c & 0x0fu;
        return true;
    }
    if (c < 0xc0) { /* fixstr */
        h->bytes += c & 0x1fu;
        return true;
    }
    unsigned length = codes[c - 0xc0].length;
    if (codes[c - 0xc0].kind == 'x' || left < 1 + length) {
        return false;
    }
    size_t n = (size_t)big_endian(p + 1, length);
    h->bytes += length + codes[c - 0xc0].fixed;
    if (codes[c - 0xc0].kind == 'b') {
        h->bytes += n;
    } else if (length > 0) {
        h->container = true;
        h->children = codes[c - 0xc0].kind == 'm' ? 2 * n : n;
    }
    return true;
}

/* NULL when the bytes are one whole msgpack value within the limits, else what is wrong; *at is
 * where. */
static const char *guard(struct bytes in, size_t *at)
{
    size_t open[CODEC_MAX_DEPTH]; /* children to come, per open container */
    size_t depth = 0, items = 0, announced = 1, pos = 0;
    while (announced > 0) {
        *at = pos;
        struct header h;
        if (pos == in.len) {
            return "the message ends too early";
        }
        if (!read_header(in.data + pos, in.len - pos, &h) || h.bytes > in.len - pos) {
            return "not msgpack, or the message ends too early";
        }
        pos += h.bytes;
        announced = announced - 1 + h.children;
        if (announced > in.len - pos) { /* each takes a byte at least */
            return "more elements announced than the message has bytes";
        }
        if (++items > CODEC_MAX_ITEMS) {
            return "too many elements";
        }
        if (depth > 0) {
            open[depth - 1]--;
        }
        if (h.container) {
            if (depth == CODEC_MAX_DEPTH) {
                return "nested too deep";
            }
            open[depth++] = h.children;
        }
        while (depth > 0 && open[depth - 1] == 0) {
            depth--;
        }
    }
    *at = pos;
    return pos == in.len ? NULL : "more bytes after the end of the value";
}

/* --- decoding --- */

struct decoder {
    struct arena *arena;
    const char *error;
};

static const struct value *decode(struct decoder *d, const struct type *t, const msgpack_object *o,
                                  const struct path *at);

static const char *object_kind(const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return "null";
    case MSGPACK_OBJECT_BOOLEAN:
        return "a bool";
    case MSGPACK_OBJECT_STR:
        return "a string";
    case MSGPACK_OBJECT_ARRAY:
        return "an array";
    case MSGPACK_OBJECT_MAP:
        return "a map";
    case MSGPACK_OBJECT_BIN:
        return "binary data";
    case MSGPACK_OBJECT_EXT:
        return "an unknown value";
    default:
        return "a number";
    }
}

static const struct value *refuse(struct decoder *d, const struct path *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static const struct value *refuse(struct decoder *d, const struct path *at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *what = arena_vprintf(d->arena, fmt, ap);
    va_end(ap);
    d->error = at ? arena_printf(d->arena, "%s: %s", path_describe(d->arena, at), what) : what;
    return NULL;
}

static const struct value *expected(struct decoder *d, const struct path *at, const char *what,
                                    const msgpack_object *found)
{
    return refuse(d, at, "expected %s, found %s", what, object_kind(found));
}

static const struct value *decode_unknown(struct decoder *d, const msgpack_object *o)
{
    if (o->via.ext.type != EXT_REFINED || o->via.ext.size == 0) {
        return &value_unknown;
    }
    struct value *v = arena_alloc(d->arena, sizeof *v);
    v->kind = VALUE_UNKNOWN;
    v->refinement.data = arena_memdup(d->arena, o->via.ext.ptr, o->via.ext.size);
    v->refinement.len = o->via.ext.size;
    return v;
}

static const struct value *decode_number(struct decoder *d, const msgpack_object *o,
                                         const struct path *at)
{
    const struct value *v = NULL;
    switch (o->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return value_uint(d->arena, o->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return value_int(d->arena, o->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return isfinite(o->via.f64) ? value_double(d->arena, o->via.f64)
                                    : refuse(d, at, "the number is not finite");
    case MSGPACK_OBJECT_STR:
        v = value_number_text(d->arena, o->via.str.ptr, o->via.str.size);
        return v ? v : expected(d, at, "a number", o);
    default:
        return expected(d, at, "a number", o);
    }
}

static const struct value *decode_string(struct decoder *d, const msgpack_object *o,
                                         const struct path *at)
{
    if (o->type != MSGPACK_OBJECT_STR) {
        return expected(d, at, "a string", o);
    }
    if (!text_is_valid(o->via.str.ptr, o->via.str.size)) {
        return refuse(d, at, "the string is not valid UTF-8 or contains NUL");
    }
    return value_string_n(d->arena, o->via.str.ptr, o->via.str.size);
}

/* Lists, sets and tuples. */
static const struct value *decode_seq(struct decoder *d, const struct type *t,
                                      const msgpack_object *o, const struct path *at)
{
    if (o->type != MSGPACK_OBJECT_ARRAY) {
        return expected(d, at, "an array", o);
    }
    size_t count = o->via.array.size;
    if (t->kind == TYPE_TUPLE && count != t->count) {
        return refuse(d, at, "expected a tuple of %zu elements, found %zu", t->count, count);
    }
    const struct value **items = arena_calloc(d->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] =
            decode(d, type_element(t, i), &o->via.array.ptr[i], PATH_ELEMENT(at, (int64_t)i));
        if (!items[i]) {
            return NULL;
        }
    }
    return value_seq_take(d->arena, items, count);
}

/* The key as a C string in the arena; NULL when it cannot be one. */
static const char *decode_key(struct decoder *d, const msgpack_object *o, const struct path *at)
{
    const struct value *key = o->type == MSGPACK_OBJECT_STR ? decode_string(d, o, at)
                                                            : expected(d, at, "a string as key", o);
    return key ? key->string.text : NULL;
}

static const struct value *decode_map(struct decoder *d, const struct type *t,
                                      const msgpack_object *o, const struct path *at)
{
    if (o->type != MSGPACK_OBJECT_MAP) {
        return expected(d, at, "a map", o);
    }
    size_t count = o->via.map.size;
    struct value_member *members = arena_calloc(d->arena, count, sizeof *members);
    for (size_t i = 0; i < count; i++) {
        members[i].key = decode_key(d, &o->via.map.ptr[i].key, at);
        if (!members[i].key) {
            return NULL;
        }
        members[i].value =
            decode(d, t->elem, &o->via.map.ptr[i].val, PATH_MAP_KEY(at, members[i].key));
        if (!members[i].value) {
            return NULL;
        }
    }
    const char *twice;
    const struct value *v = value_map_take(d->arena, members, count, &twice);
    return v ? v : refuse(d, PATH_MAP_KEY(at, twice), "the key occurs twice");
}

/* Order of a name from the wire, which has no NUL at its end, and a name of the type. */
static int compare_name(const msgpack_object_str *s, const char *name)
{
    size_t len = strlen(name);
    size_t shorter = s->size < len ? s->size : len;
    int order = shorter ? memcmp(s->ptr, name, shorter) : 0; /* ptr may be NULL */
    return order != 0 ? order : (s->size > len) - (s->size < len);
}

/* Place of the attribute in the type; count when there is none. Senders sort as types do, so the
 * guess is nearly always right. */
static size_t find_attribute(const struct type *t, const msgpack_object *key, size_t guess)
{
    if (key->type != MSGPACK_OBJECT_STR) {
        return t->count;
    }
    const msgpack_object_str *s = &key->via.str;
    if (guess < t->count && compare_name(s, t->members[guess].name) == 0) {
        return guess;
    }
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_name(s, t->members[middle].name);
        if (order == 0) {
            return middle;
        }
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return t->count;
}

static const struct value *decode_object(struct decoder *d, const struct type *t,
                                         const msgpack_object *o, const struct path *at)
{
    if (o->type != MSGPACK_OBJECT_MAP) {
        return expected(d, at, "an object", o);
    }
    struct value_member *members = arena_calloc(d->arena, t->count, sizeof *members);
    for (size_t i = 0; i < o->via.map.size; i++) {
        const msgpack_object_kv *kv = &o->via.map.ptr[i];
        size_t place = find_attribute(t, &kv->key, i);
        if (place == t->count) {
            const char *name = decode_key(d, &kv->key, at);
            return name ? refuse(d, PATH_ATTR(at, name), "there is no such attribute") : NULL;
        }
        const char *name = t->members[place].name;
        if (members[place].key) {
            return refuse(d, PATH_ATTR(at, name), "the attribute occurs twice");
        }
        members[place].key = name;
        members[place].value = decode(d, t->members[place].type, &kv->val, PATH_ATTR(at, name));
        if (!members[place].value) {
            return NULL;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        if (!members[i].key) {
            return refuse(d, PATH_ATTR(at, t->members[i].name), "the attribute is missing");
        }
    }
    const char *twice;
    return value_map_take(d->arena, members, t->count, &twice);
}

static const struct value *decode_dynamic(struct decoder *d, const msgpack_object *o,
                                          const struct path *at)
{
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 2) {
        return expected(d, at, "an array of a type and a value", o);
    }
    const msgpack_object *type = &o->via.array.ptr[0];
    struct bytes json;
    if (type->type == MSGPACK_OBJECT_BIN) {
        json = (struct bytes){(const uint8_t *)type->via.bin.ptr, type->via.bin.size};
    } else if (type->type == MSGPACK_OBJECT_STR) {
        json = (struct bytes){(const uint8_t *)type->via.str.ptr, type->via.str.size};
    } else {
        return expected(d, at, "a type", type);
    }
    const struct type *t = type_from_json(d->arena, json);
    if (!t) {
        return refuse(d, at, "the type of the value cannot be read");
    }
    const struct value *v = decode(d, t, &o->via.array.ptr[1], at);
    return v ? value_dynamic(d->arena, t, v) : NULL;
}

static const struct value *decode(struct decoder *d, const struct type *t, const msgpack_object *o,
                                  const struct path *at)
{
    if (o->type == MSGPACK_OBJECT_NIL) {
        return &value_null;
    }
    if (o->type == MSGPACK_OBJECT_EXT) {
        return decode_unknown(d, o);
    }
    switch (t->kind) {
    case TYPE_DYNAMIC:
        return decode_dynamic(d, o, at);
    case TYPE_BOOL:
        return o->type == MSGPACK_OBJECT_BOOLEAN ? value_bool(o->via.boolean)
                                                 : expected(d, at, "a bool", o);
    case TYPE_NUMBER:
        return decode_number(d, o, at);
    case TYPE_STRING:
        return decode_string(d, o, at);
    case TYPE_MAP:
        return decode_map(d, t, o, at);
    case TYPE_OBJECT:
        return decode_object(d, t, o, at);
    default:
        return decode_seq(d, t, o, at);
    }
}

static void free_unpacked(void *p)
{
    msgpack_unpacked_destroy(p);
}

const struct value *msgpack_decode(struct arena *a, const struct type *t, struct bytes in,
                                   const char **error)
{
    size_t at = 0;
    const char *wrong = in.len > MESSAGE_MAX_BYTES ? "too long" : guard(in, &at);
    if (wrong) {
        *error = arena_printf(a, "byte %zu: %s", at, wrong);
        return NULL;
    }
    msgpack_unpacked *tree = arena_alloc(a, sizeof *tree);
    msgpack_unpacked_init(tree);
    arena_defer(a, free_unpacked, tree);
    msgpack_unpack_return r = msgpack_unpack_next(tree, (const char *)in.data, in.len, NULL);
    if (r == MSGPACK_UNPACK_NOMEM_ERROR) {
        arena_exhausted(a);
    }
    if (r != MSGPACK_UNPACK_SUCCESS) {
        *error = "not msgpack";
        return NULL;
    }
    struct decoder d = {.arena = a};
    const struct value *v = decode(&d, t, &tree->data, NULL);
    free_unpacked(tree); /* early: it is several times the size of the message */
    *error = d.error;
    return v;
}

/* --- encoding --- */

struct encoder {
    struct text out;
    msgpack_packer packer;
};

/* t is NULL where the value has no place in the type: then it is written as what it is, and
 * Terraform's own check names the attribute. */
static void encode(struct encoder *e, const struct type *t, const struct value *v);

static int write_bytes(void *text, const char *bytes, size_t n)
{
    text_add(text, bytes, n);
    return 0;
}

static void encode_text(struct encoder *e, const char *s, size_t len)
{
    msgpack_pack_str_with_body(&e->packer, s, len);
}

static void encode_number(struct encoder *e, const struct number *n)
{
    switch (n->kind) {
    case NUMBER_INT:
        msgpack_pack_int64(&e->packer, n->i);
        break;
    case NUMBER_UINT:
        msgpack_pack_uint64(&e->packer, n->u);
        break;
    case NUMBER_DOUBLE:
        msgpack_pack_double(&e->packer, n->d);
        break;
    case NUMBER_TEXT:
        encode_text(e, n->text, strlen(n->text));
        break;
    }
}

static void encode_unknown(struct encoder *e, const struct value *v)
{
    if (v->refinement.len > 0) {
        msgpack_pack_ext_with_body(&e->packer, v->refinement.data, v->refinement.len, EXT_REFINED);
    } else {
        msgpack_pack_ext_with_body(&e->packer, "\0", 1, EXT_UNKNOWN);
    }
}

static void encode_seq(struct encoder *e, const struct type *t, const struct value *v)
{
    msgpack_pack_array(&e->packer, v->seq.count);
    for (size_t i = 0; i < v->seq.count; i++) {
        encode(e, type_element(t, i), v->seq.items[i]);
    }
}

static void encode_object(struct encoder *e, const struct type *t, const struct value *v)
{
    msgpack_pack_map(&e->packer, t->count);
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->members[i].name;
        encode_text(e, name, strlen(name));
        encode(e, t->members[i].type, value_get(v, name));
    }
}

static void encode_map(struct encoder *e, const struct type *t, const struct value *v)
{
    const struct type *elem = type_element(t, 0);
    msgpack_pack_map(&e->packer, v->map.count);
    for (size_t i = 0; i < v->map.count; i++) {
        encode_text(e, v->map.members[i].key, strlen(v->map.members[i].key));
        encode(e, elem, v->map.members[i].value);
    }
}

static void encode_dynamic(struct encoder *e, const struct type *t, const struct value *v)
{
    const char *json = type_to_json(e->out.arena, t);
    msgpack_pack_array(&e->packer, 2);
    msgpack_pack_bin_with_body(&e->packer, json, strlen(json));
    encode(e, t, v);
}

static void encode_plain(struct encoder *e, const struct type *t, const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL:
        if (v->boolean) {
            msgpack_pack_true(&e->packer);
        } else {
            msgpack_pack_false(&e->packer);
        }
        break;
    case VALUE_NUMBER:
        encode_number(e, &v->number);
        break;
    case VALUE_STRING:
        encode_text(e, v->string.text, v->string.len);
        break;
    case VALUE_SEQ:
        encode_seq(e, t, v);
        break;
    case VALUE_MAP:
        if (t && t->kind == TYPE_OBJECT) {
            encode_object(e, t, v);
        } else {
            encode_map(e, t, v);
        }
        break;
    case VALUE_UNKNOWN:
        encode_unknown(e, v);
        break;
    default:
        msgpack_pack_nil(&e->packer);
        break;
    }
}

static void encode(struct encoder *e, const struct type *t, const struct value *v)
{
    bool dynamic = t && t->kind == TYPE_DYNAMIC;
    if (v->kind == VALUE_DYNAMIC && dynamic) {
        encode_dynamic(e, v->dynamic.type, v->dynamic.value);
    } else if (v->kind == VALUE_DYNAMIC) {
        encode(e, t, v->dynamic.value);
    } else if (dynamic && value_is_known(v)) {
        encode_dynamic(e, value_infer_type(e->out.arena, v), v);
    } else {
        encode_plain(e, t, v);
    }
}

struct bytes msgpack_encode(struct arena *a, const struct type *t, const struct value *v)
{
    struct encoder e = {.out = text_new(a)};
    msgpack_packer_init(&e.packer, &e.out, write_bytes);
    encode(&e, t, v);
    return (struct bytes){(const uint8_t *)text_end(&e.out), e.out.len};
}
