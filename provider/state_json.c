/*
 * state_json - JSON objects as json-c's tree, whole or not at all
 *
 * For states, lines of journals, lock notes. json-c drops members without a word when memory is
 * short, and merges equal names; either would make a state look emptier than it is, and what it
 * does not hold is issued again. So the punctuation of the text is counted before json-c reads it,
 * and the tree after: what one has and the other has not is an error.
 */
#include <stdio.h>

#include "proto/json_tree.h"
#include "provider/state_internal.h"

const char *state_json_kind(struct json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "a boolean";
    case json_type_double:
    case json_type_int:
        return "a number";
    case json_type_object:
        return "an object";
    case json_type_array:
        return "an array";
    case json_type_string:
        return "a string";
    }
    return "something else";
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* json-c takes a NUL for the end of the text; a file system that lost its last blocks leaves
 * NULs behind. */
static bool only_space(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_space(bytes[i])) {
            return false;
        }
    }
    return true;
}

/* What a JSON text holds, seen from its punctuation, and what became of it. */
struct amounts {
    size_t members, commas;
    size_t longest; /* between two quotes */
};

/* For whole JSON; of anything else some amounts. */
static struct amounts amounts_of_text(const char *bytes, size_t len)
{
    struct amounts n = {0};
    for (size_t i = 0; i < len; i++) {
        n.members += bytes[i] == ':';
        n.commas += bytes[i] == ',';
        if (bytes[i] != '"') {
            continue;
        }
        size_t begin = ++i;
        while (i < len && bytes[i] != '"') {
            i += bytes[i] == '\\' ? 2 : 1;
        }
        n.longest = i - begin > n.longest ? i - begin : n.longest;
    }
    return n;
}

static void add_amounts(struct amounts *n, struct json_object *tree)
{
    size_t count = 0;
    if (json_object_is_type(tree, json_type_object)) {
        count = (size_t)json_object_object_length(tree);
        n->members += count;
        json_object_object_foreach(tree, key, value)
        {
            (void)key;
            add_amounts(n, value);
        }
    } else if (json_object_is_type(tree, json_type_array)) {
        count = json_object_array_length(tree);
        for (size_t i = 0; i < count; i++) {
            add_amounts(n, json_object_array_get_idx(tree, i));
        }
    }
    n->commas += count ? count - 1 : 0;
}

/* json-c merges members with one name and, when memory is out, drops some without a word. A state
 * from which something was dropped would look emptier than it is. */
static bool nothing_lost(const struct amounts *text, struct json_object *tree)
{
    struct amounts kept = {0};
    add_amounts(&kept, tree);
    return kept.members == text->members && kept.commas == text->commas;
}

struct json_object *state_json_object(const char *bytes, size_t len, char *error, size_t error_size)
{
    const struct amounts amounts = amounts_of_text(bytes, len);
    if (len > STATE_MAX_BYTES) {
        snprintf(error, error_size, "larger than %u MiB", STATE_MAX_BYTES >> 20);
        return NULL;
    }
    struct json_tokener *tok = json_tokener_new_ex(STATE_MAX_DEPTH);
    if (!tok || !json_tree_warm_up(tok, amounts.longest)) {
        if (tok) {
            json_tokener_free(tok);
        }
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(tok, bytes, (int)len);
    enum json_tokener_error e = json_tokener_get_error(tok);
    size_t end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    if (e == json_tokener_continue) {
        snprintf(error, error_size, "it ends in the middle (after %zu bytes)", len);
    } else if (e != json_tokener_success) {
        snprintf(error, error_size, "no JSON at byte %zu: %s", end, json_tokener_error_desc(e));
    } else if (!only_space(bytes + end, len - end)) {
        snprintf(error, error_size, "something follows the JSON at byte %zu", end);
    } else if (!json_object_is_type(root, json_type_object)) {
        snprintf(error, error_size, "expected a JSON object, found %s", state_json_kind(root));
    } else if (!nothing_lost(&amounts, root)) {
        snprintf(error, error_size,
                 "an object has two members of one name, or memory is out: not all of it was kept");
    } else {
        return root;
    }
    json_object_put(root);
    return NULL;
}
