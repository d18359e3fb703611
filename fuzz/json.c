/*
 * A JSON value, strict and lenient: decoding, and what encoding and decoding again must give
 */
#include "fuzz/fuzz.h"
#include "fuzz/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct arena *a = arena_new();
    FUZZ_REQUIRE(a);
    enum json_mode mode = data[0] & 0x80 ? JSON_LENIENT : JSON_STRICT;
    const struct type *t = fuzz_type(a, data[0] & 0x7f);
    const char *error = NULL;
    const struct value *v = json_decode(a, t, (struct bytes){data + 1, size - 1}, mode, &error);
    FUZZ_REQUIRE(v ? !error : error && *error);
    if (v) {
        struct bytes out = json_encode(a, t, v);
        const struct value *again = json_decode(a, t, out, JSON_STRICT, &error);
        FUZZ_REQUIRE(again && value_equal(t, v, again));
        again = msgpack_decode(a, t, msgpack_encode(a, t, v), &error);
        FUZZ_REQUIRE(again && value_equal(t, v, again));
    }
    type_from_json(a, (struct bytes){data + 1, size - 1});
    arena_free(a);
    return 0;
}
