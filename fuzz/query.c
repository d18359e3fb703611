/*
 * JMESPath: any text is a query or an error with a reason, and what it finds can be printed
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "ctl/json_value.h"
#include "ctl/query.h"

static const char document[] =
    "{\"IpamPools\":[{\"IpamPoolId\":\"a\",\"PoolDepth\":1,\"Tags\":[{\"Key\":\"k\",\"Value\":"
    "\"v\"}]},{\"IpamPoolId\":\"b\",\"PoolDepth\":2,\"Tags\":[],\"Locale\":null}],\"a\":{\"b\":"
    "[1,[2,[3]],\"\\u00e4\"]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    const char *error = NULL;
    FUZZ_REQUIRE(a);
    const struct value *v = json_value(a, document, strlen(document));
    const char *text = arena_strndup(a, (const char *)data, size);
    const struct value *found = query_run(a, text, v, &error);
    FUZZ_REQUIRE(!found != !error);
    FUZZ_REQUIRE(!error || *error);
    if (found)
        FUZZ_REQUIRE(*value_describe(a, found, 200));
    arena_free(a);
    return 0;
}
