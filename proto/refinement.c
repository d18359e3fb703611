/*
 * refinement - what is said of a string that is not known yet
 *
 * The body of MessagePack's extension 12, as Terraform writes it: a map from small numbers to what
 * is certain (1: may it be null, 2: how a string begins; there are more, for numbers and
 * collections). It is carried as bytes everywhere else, so that nothing is lost of what this
 * provider does not understand; here it is made and read. It comes from the host, and anything that
 * is not such a map says nothing.
 */
#include "proto/refinement.h"

#include <msgpack.h>
#include <string.h>

enum { CERTAIN_NULLNESS = 1, CERTAIN_PREFIX = 2 };

const struct value *unknown_beginning(struct arena *a, const char *prefix)
{
    const size_t n = strlen(prefix);
    /* a map of two: not null (false); the prefix, as a string with one byte of length */
    const uint8_t head[] = {0x82, CERTAIN_NULLNESS, 0xc2, CERTAIN_PREFIX, 0xd9, (uint8_t)n};
    if (n == 0 || n > REFINEMENT_PREFIX_MAX)
        return &value_unknown;
    uint8_t *body = arena_alloc(a, sizeof head + n);
    memcpy(body, head, sizeof head);
    memcpy(body + sizeof head, prefix, n);
    struct value *v = arena_alloc(a, sizeof *v);
    *v = (struct value){.kind = VALUE_UNKNOWN, .refinement = {body, sizeof head + n}};
    return v;
}

static const char *prefix_in(struct arena *a, const msgpack_object *o)
{
    for (uint32_t i = 0; o->type == MSGPACK_OBJECT_MAP && i < o->via.map.size; i++) {
        const msgpack_object_kv *kv = &o->via.map.ptr[i];
        if (kv->key.type == MSGPACK_OBJECT_POSITIVE_INTEGER && kv->key.via.u64 == CERTAIN_PREFIX &&
            kv->val.type == MSGPACK_OBJECT_STR && kv->val.via.str.size <= REFINEMENT_PREFIX_MAX)
            return arena_strndup(a, kv->val.via.str.ptr, kv->val.via.str.size);
    }
    return "";
}

static void free_unpacked(void *u)
{
    msgpack_unpacked_destroy(u);
}

const char *unknown_prefix(struct arena *a, const struct value *v)
{
    size_t at = 0;
    if (!value_is_unknown(v) || v->refinement.len == 0)
        return "";
    msgpack_unpacked *tree = arena_alloc(a, sizeof *tree);
    msgpack_unpacked_init(tree);
    arena_defer(a, free_unpacked, tree);
    if (msgpack_unpack_next(tree, (const char *)v->refinement.data, v->refinement.len, &at) !=
        MSGPACK_UNPACK_SUCCESS)
        return "";
    return prefix_in(a, &tree->data);
}
