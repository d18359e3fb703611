/*
 * json_tree - JSON text as json-c's tree, with nothing lost on the way
 *
 * json-c alone saturates big integers, takes the last of two equal keys, cuts keys at \u0000 and
 * accepts NaN. Here such input either keeps its meaning or is refused. Internal to proto, but
 * for json_tree_warm_up.
 */
#ifndef PROTO_JSON_TREE_H
#define PROTO_JSON_TREE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "arena.h"

struct type;

/* A container costs json-c up to 0.9 KiB, so it counts as this many elements. */
#define JSON_CONTAINER_ITEMS 8

/* Parses one JSON document (RFC 8259) into *out (NULL: the JSON null), which lives until the arena
 * is freed. Integers of 19 and more digits arrive as json_type_double that keep their text (in
 * json_object_get_userdata), like all numbers with a fraction or an exponent. False with *error set
 * to one line for: text that is no JSON, invalid UTF-8, NUL, the same key twice, bytes after the
 * end, containers nested deeper than max_depth, more than CODEC_MAX_ITEMS elements or
 * MESSAGE_MAX_BYTES bytes. O(n). */
bool json_tree_parse(struct arena *a, struct bytes in, unsigned max_depth, struct json_object **out,
                     const char **error);

/* Lets the tokener read a string of this length, so that its buffer is as long as the real text
 * will need it: json-c drops bytes silently when it cannot grow. False when memory is out. */
bool json_tree_warm_up(struct json_tokener *tok, size_t longest);

/* type_from_json for a tree that has been read already. */
const struct type *type_from_tree(struct arena *a, struct json_object *tree);

#endif
