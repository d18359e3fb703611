/*
 * A msgpack value: decoding, and what encoding and decoding again must give
 */
#include "fuzz/fuzz.h"
#include "fuzz/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct arena *a = arena_new();
    FUZZ_REQUIRE(a);
    const struct type *t = fuzz_type(a, data[0]);
    const char *error = NULL;
    const struct value *v = msgpack_decode(a, t, (struct bytes){data + 1, size - 1}, &error);
    FUZZ_REQUIRE(v ? !error : error && *error);
    if (v) {
        struct bytes out = msgpack_encode(a, t, v);
        const struct value *again = msgpack_decode(a, t, out, &error);
        FUZZ_REQUIRE(again && value_equal(t, v, again));
        value_describe(a, v, 200);
        if (value_is_wholly_known(v)) {
            again = json_decode(a, t, json_encode(a, t, v), JSON_STRICT, &error);
            FUZZ_REQUIRE(again && value_equal(t, v, again));
        }
    }
    arena_free(a);
    return 0;
}
