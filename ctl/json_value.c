/*
 * json_value - JSON that a user wrote on the command line, as a value
 *
 * The codecs of proto/ decode by a type. Here there is none: the text says what it is.
 */
#include "ctl/json_value.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#define MAX_DEPTH 32

static const struct value *convert(struct arena *a, struct json_object *o)
{
    switch (json_object_get_type(o)) {
    case json_type_boolean:
        return value_bool(json_object_get_boolean(o));
    case json_type_int:
        return value_int(a, json_object_get_int64(o));
    case json_type_double:
        return value_double(a, json_object_get_double(o));
    case json_type_string:
        return value_string_n(a, json_object_get_string(o), (size_t)json_object_get_string_len(o));
    case json_type_array: {
        size_t n = json_object_array_length(o);
        const struct value **items = arena_calloc(a, n, sizeof *items);
        for (size_t i = 0; i < n; i++)
            items[i] = convert(a, json_object_array_get_idx(o, i));
        return value_seq_take(a, items, n);
    }
    case json_type_object: {
        size_t n = 0;
        struct value_member *members =
            arena_calloc(a, (size_t)json_object_object_length(o), sizeof *members);
        json_object_object_foreach(o, key, member)
        {
            members[n].key = arena_strdup(a, key);
            members[n++].value = convert(a, member);
        }
        return value_map(a, members, n);
    }
    case json_type_null:
        break;
    }
    return &value_null;
}

static void free_tokener(void *p)
{
    json_tokener_free(p);
}

static void put_tree(void *p)
{
    json_object_put(p);
}

const struct value *json_value(struct arena *a, const char *text, size_t len)
{
    struct json_tokener *tok = len < INT_MAX ? json_tokener_new_ex(MAX_DEPTH) : NULL;
    if (!tok)
        return NULL;
    arena_defer(a, free_tokener, tok);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    const char *copy = arena_strndup(a, text, len); /* with its NUL, which ends a number */
    struct json_object *tree = json_tokener_parse_ex(tok, copy, (int)strlen(copy) + 1);
    if (json_tokener_get_error(tok) != json_tokener_success)
        return NULL;
    arena_defer(a, put_tree, tree);
    return convert(a, tree);
}
