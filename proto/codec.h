/*
 * codec - values as msgpack and as JSON
 *
 * Bytes in, values out, and back; no I/O. Decoding is driven by the type and refuses what does not
 * fit it: a missing or additional object attribute, a duplicate key, a tuple of the wrong length,
 * trailing bytes, invalid UTF-8, NUL inside a string, nesting deeper than CODEC_MAX_DEPTH, more
 * than CODEC_MAX_ITEMS elements or MESSAGE_MAX_BYTES of input.
 *
 * Return contract of both decoders: the value, or NULL with *error set to one line for people that
 * names the place (`.cidr_block: expected a string, found a map`). The value and the error live in
 * the arena; the input is not referenced afterwards. Keys of objects are the names of the type, so
 * the type must live as long as the value.
 *
 * Encoding never fails. A value that does not fit the type is written as what it is, so that
 * Terraform's own check refuses it and names the attribute.
 */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include "arena.h"
#include "type.h"
#include "value.h"

/* The largest message and the largest value: the ceiling that Terraform's plugin libraries have. */
#define MESSAGE_MAX_BYTES (256u << 20)
#define CODEC_MAX_DEPTH   32 /* msgpack-c's own ceiling; cty nests 3 deep in practice */
#define CODEC_MAX_ITEMS   (16u << 20)

const struct value *msgpack_decode(struct arena *a, const struct type *t, struct bytes in,
                                   const char **error);
struct bytes msgpack_encode(struct arena *a, const struct type *t, const struct value *v);

enum json_mode {
    JSON_STRICT,  /* every attribute present, none beyond the type */
    JSON_LENIENT, /* state of an older or another provider: unknown attributes are dropped,
                     missing ones are null */
};

const struct value *json_decode(struct arena *a, const struct type *t, struct bytes in,
                                enum json_mode mode, const char **error);
/* unknown cannot be said in JSON and is written as null. */
struct bytes json_encode(struct arena *a, const struct type *t, const struct value *v);

#endif
