/*
 * values - types for the targets of the two codecs
 */
#include "fuzz/values.h"

#include "provider/estate.h"

static const char *const expressions[] = {
    "\"dynamic\"",
    "[\"list\",[\"list\",[\"list\",\"number\"]]]",
    "[\"tuple\",[\"bool\",\"dynamic\",[\"set\",\"string\"]]]",
    "[\"map\",[\"object\",{\"a\":\"number\",\"b\":[\"map\",\"bool\"]}]]",
    "[\"set\",\"number\"]",
    "\"string\"",
};
#define EXPRESSIONS (sizeof expressions / sizeof *expressions)

const struct type *fuzz_type(struct arena *a, uint8_t choice)
{
    size_t resources = 0;
    while (ipam_resources[resources])
        resources++;
    size_t i = choice % (EXPRESSIONS + resources);
    if (i >= EXPRESSIONS)
        return schema_type(a, ipam_resources[i - EXPRESSIONS]->schema);
    size_t len = 0;
    while (expressions[i][len])
        len++;
    return type_from_json(a, (struct bytes){(const uint8_t *)expressions[i], len});
}
