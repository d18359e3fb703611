/*
 * json - values as JSON: stored state, and what Terraform keeps beside it
 *
 * json_tree turns the text into json-c's tree and sees to it that nothing is lost; here tree and
 * type are walked together. The walk is bounded by the depth of the text, except that a value of
 * dynamic type brings its own type along, so the depth of values is counted too.
 *
 * Numbers are taken from their text, so that 0.1 stays 0.1 and 2^64 stays 2^64.
 *
 * Writing goes straight into a text. json-c could write a tree, but would have to be given one
 * first, and it reports running out of memory by a text that is shorter than it should be.
 */
#include <string.h>

#include "proto/codec.h"
#include "proto/diag.h"
#include "proto/json_tree.h"
#include "proto/text.h"

struct reader {
    struct arena *arena;
    enum json_mode mode;
    unsigned depth;
    const char *error;
};

static const struct value *decode(struct reader *r, const struct type *t, struct json_object *o,
                                  const struct path *at);

static const struct value *refuse(struct reader *r, const struct path *at, const char *what)
{
    r->error = at ? arena_printf(r->arena, "%s: %s", path_describe(r->arena, at), what) : what;
    return NULL;
}

static const struct value *expected(struct reader *r, const struct path *at, const char *what,
                                    struct json_object *found)
{
    static const char *const kinds[] = {
        [json_type_null] = "null",        [json_type_boolean] = "a bool",
        [json_type_double] = "a number",  [json_type_int] = "a number",
        [json_type_object] = "an object", [json_type_array] = "an array",
        [json_type_string] = "a string"};
    const char *kind = kinds[json_object_get_type(found)];
    return refuse(r, at, arena_printf(r->arena, "expected %s, found %s", what, kind));
}

static const struct value *decode_number(struct reader *r, struct json_object *o,
                                         const struct path *at)
{
    if (json_object_is_type(o, json_type_int)) { /* fewer than 19 digits, see json_tree */
        return value_int(r->arena, json_object_get_int64(o));
    }
    const struct value *v = NULL;
    if (json_object_is_type(o, json_type_double)) {
        const char *text = json_object_get_userdata(o);
        v = value_number_text(r->arena, text, strlen(text));
    } else if (json_object_is_type(o, json_type_string)) {
        v = value_number_text(r->arena, json_object_get_string(o),
                              (size_t)json_object_get_string_len(o));
    }
    return v ? v : expected(r, at, "a number", o);
}

static const struct value *decode_string(struct reader *r, struct json_object *o,
                                         const struct path *at)
{
    if (!json_object_is_type(o, json_type_string)) {
        return expected(r, at, "a string", o);
    }
    const char *s = json_object_get_string(o);
    size_t len = (size_t)json_object_get_string_len(o);
    return text_is_valid(s, len) ? value_string_n(r->arena, s, len)
                                 : refuse(r, at, "the string contains NUL");
}

/* Lists, sets and tuples. */
static const struct value *decode_seq(struct reader *r, const struct type *t, struct json_object *o,
                                      const struct path *at)
{
    if (!json_object_is_type(o, json_type_array)) {
        return expected(r, at, "an array", o);
    }
    size_t count = json_object_array_length(o);
    if (t->kind == TYPE_TUPLE && count != t->count) {
        return refuse(
            r, at,
            arena_printf(r->arena, "expected a tuple of %zu elements, found %zu", t->count, count));
    }
    const struct value **items = arena_calloc(r->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = decode(r, type_element(t, i), json_object_array_get_idx(o, i),
                          PATH_ELEMENT(at, (int64_t)i));
        if (!items[i]) {
            return NULL;
        }
    }
    return value_seq_take(r->arena, items, count);
}

static const struct value *decode_map(struct reader *r, const struct type *t, struct json_object *o,
                                      const struct path *at)
{
    if (!json_object_is_type(o, json_type_object)) {
        return expected(r, at, "an object", o);
    }
    size_t count = (size_t)json_object_object_length(o), i = 0;
    struct value_member *members = arena_calloc(r->arena, count, sizeof *members);
    json_object_object_foreach(o, key, member)
    {
        members[i].key = arena_strdup(r->arena, key);
        members[i].value = decode(r, t->elem, member, PATH_MAP_KEY(at, members[i].key));
        if (!members[i].value) {
            return NULL;
        }
        i++;
    }
    const char *twice; /* cannot happen, json_tree refuses it */
    return value_map_take(r->arena, members, count, &twice);
}

static bool has_attribute(const struct type *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->members[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* For an object that has all attributes of the type, and more. */
static const struct value *refuse_additional(struct reader *r, const struct type *t,
                                             struct json_object *o, const struct path *at)
{
    const char *additional = "";
    json_object_object_foreach(o, key, member)
    {
        (void)member;
        if (!has_attribute(t, key)) {
            additional = key;
            break;
        }
    }
    return refuse(r, PATH_ATTR(at, additional), "there is no such attribute");
}

static const struct value *decode_object(struct reader *r, const struct type *t,
                                         struct json_object *o, const struct path *at)
{
    if (!json_object_is_type(o, json_type_object)) {
        return expected(r, at, "an object", o);
    }
    struct value_member *members = arena_calloc(r->arena, t->count, sizeof *members);
    for (size_t i = 0; i < t->count; i++) {
        const struct path *here = PATH_ATTR(at, t->members[i].name);
        struct json_object *member = NULL;
        bool found = json_object_object_get_ex(o, t->members[i].name, &member);
        if (!found && r->mode == JSON_STRICT) {
            return refuse(r, here, "the attribute is missing");
        }
        members[i].key = t->members[i].name;
        members[i].value = decode(r, t->members[i].type, member, here);
        if (!members[i].value) {
            return NULL;
        }
    }
    if (r->mode == JSON_STRICT && (size_t)json_object_object_length(o) > t->count) {
        return refuse_additional(r, t, o, at);
    }
    const char *twice; /* names of a type differ */
    return value_map_take(r->arena, members, t->count, &twice);
}

static const struct value *decode_dynamic(struct reader *r, struct json_object *o,
                                          const struct path *at)
{
    struct json_object *type, *content;
    if (!json_object_is_type(o, json_type_object) || json_object_object_length(o) != 2 ||
        !json_object_object_get_ex(o, "type", &type) ||
        !json_object_object_get_ex(o, "value", &content)) {
        return expected(r, at, "an object of type and value", o);
    }
    const struct type *t = type_from_tree(r->arena, type);
    if (!t) {
        return refuse(r, at, "the type of the value cannot be read");
    }
    const struct value *v = decode(r, t, content, at);
    return v ? value_dynamic(r->arena, t, v) : NULL;
}

static const struct value *decode_known(struct reader *r, const struct type *t,
                                        struct json_object *o, const struct path *at)
{
    switch (t->kind) {
    case TYPE_DYNAMIC:
        return decode_dynamic(r, o, at);
    case TYPE_BOOL:
        return json_object_is_type(o, json_type_boolean) ? value_bool(json_object_get_boolean(o))
                                                         : expected(r, at, "a bool", o);
    case TYPE_NUMBER:
        return decode_number(r, o, at);
    case TYPE_STRING:
        return decode_string(r, o, at);
    case TYPE_MAP:
        return decode_map(r, t, o, at);
    case TYPE_OBJECT:
        return decode_object(r, t, o, at);
    default:
        return decode_seq(r, t, o, at);
    }
}

static const struct value *decode(struct reader *r, const struct type *t, struct json_object *o,
                                  const struct path *at)
{
    if (!o) {
        return &value_null;
    }
    bool container =
        json_object_is_type(o, json_type_object) || json_object_is_type(o, json_type_array);
    if (container && r->depth == CODEC_MAX_DEPTH) {
        return refuse(r, at, "nested too deep");
    }
    r->depth += container;
    const struct value *v = decode_known(r, t, o, at);
    r->depth -= container;
    return v;
}

const struct value *json_decode(struct arena *a, const struct type *t, struct bytes in,
                                enum json_mode mode, const char **error)
{
    /* Beyond the values themselves the text may hold the type of a dynamic one. */
    struct json_object *tree;
    if (!json_tree_parse(a, in, CODEC_MAX_DEPTH + 2 * TYPE_MAX_DEPTH, &tree, error)) {
        return NULL;
    }
    struct reader r = {.arena = a, .mode = mode};
    const struct value *v = decode(&r, t, tree, NULL);
    *error = r.error;
    return v;
}

/* --- writing --- */

/* t is NULL where the value has no place in the type. */
static void encode(struct text *out, const struct type *t, const struct value *v);

static void write_key(struct text *out, size_t place, const char *key)
{
    text_puts(out, place == 0 ? "{" : ",");
    text_quote(out, key, strlen(key));
    text_puts(out, ":");
}

static void encode_object(struct text *out, const struct type *t, const struct value *v)
{
    for (size_t i = 0; i < t->count; i++) {
        write_key(out, i, t->members[i].name);
        encode(out, t->members[i].type, value_get(v, t->members[i].name));
    }
    text_puts(out, t->count > 0 ? "}" : "{}");
}

static void encode_map(struct text *out, const struct type *t, const struct value *v)
{
    for (size_t i = 0; i < v->map.count; i++) {
        write_key(out, i, v->map.members[i].key);
        encode(out, type_element(t, 0), v->map.members[i].value);
    }
    text_puts(out, v->map.count > 0 ? "}" : "{}");
}

static void encode_seq(struct text *out, const struct type *t, const struct value *v)
{
    text_puts(out, "[");
    for (size_t i = 0; i < v->seq.count; i++) {
        text_puts(out, i > 0 ? "," : "");
        encode(out, type_element(t, i), v->seq.items[i]);
    }
    text_puts(out, "]");
}

static void encode_dynamic(struct text *out, const struct type *t, const struct value *v)
{
    write_key(out, 0, "type");
    text_puts(out, type_to_json(out->arena, t));
    write_key(out, 1, "value");
    encode(out, t, v);
    text_puts(out, "}");
}

static void encode_plain(struct text *out, const struct type *t, const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL:
        text_puts(out, v->boolean ? "true" : "false");
        break;
    case VALUE_NUMBER:
        text_puts(out, value_number_print(out->arena, &v->number));
        break;
    case VALUE_STRING:
        text_quote(out, v->string.text, v->string.len);
        break;
    case VALUE_SEQ:
        encode_seq(out, t, v);
        break;
    case VALUE_MAP:
        if (t && t->kind == TYPE_OBJECT) {
            encode_object(out, t, v);
        } else {
            encode_map(out, t, v);
        }
        break;
    default: /* null; unknown cannot be said */
        text_puts(out, "null");
        break;
    }
}

static void encode(struct text *out, const struct type *t, const struct value *v)
{
    bool dynamic = t && t->kind == TYPE_DYNAMIC;
    if (v->kind == VALUE_DYNAMIC && dynamic) {
        encode_dynamic(out, v->dynamic.type, v->dynamic.value);
    } else if (v->kind == VALUE_DYNAMIC) {
        encode(out, t, v->dynamic.value);
    } else if (dynamic && value_is_known(v)) {
        encode_dynamic(out, value_infer_type(out->arena, v), v);
    } else {
        encode_plain(out, t, v);
    }
}

struct bytes json_encode(struct arena *a, const struct type *t, const struct value *v)
{
    struct text out = text_new(a);
    encode(&out, t, v);
    return (struct bytes){(const uint8_t *)text_end(&out), out.len};
}
