/*
 * CIDR text: parsing, and what printing and parsing again must give
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "engine/cidr.h"

/* A prefix that was accepted, or suggested. */
static void check(const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    struct cidr again, low, high;
    cidr_format(c, text);
    FUZZ_REQUIRE(cidr_parse(text, strlen(text), &again) == CIDR_OK);
    FUZZ_REQUIRE(cidr_equal(c, &again));
    struct cidr made = cidr_make((enum family)c->family, c->hi, c->lo, c->len);
    FUZZ_REQUIRE(cidr_equal(c, &made));
    if (cidr_split(c, &low, &high))
        FUZZ_REQUIRE(
            cidr_contains(c, &low) && cidr_contains(c, &high) && !cidr_overlaps(&low, &high) &&
            count_compare(count_add(cidr_count(&low), cidr_count(&high)), cidr_count(c)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cidr strict = {0}, lenient = {0};
    char text[CIDR_TEXT_SIZE], line[200];
    enum cidr_error e = cidr_parse((const char *)data, size, &strict);
    enum cidr_error l = cidr_parse_lenient((const char *)data, size, &lenient);
    FUZZ_REQUIRE(strlen(cidr_error_text(e, &strict, line, sizeof line)) < sizeof line);
    FUZZ_REQUIRE((e == CIDR_OK || e == CIDR_NOT_CANONICAL) == (l == CIDR_OK));
    if (e == CIDR_OK || e == CIDR_NOT_CANONICAL || e == CIDR_HOST_BITS)
        check(&strict);
    if (l == CIDR_OK)
        FUZZ_REQUIRE(cidr_equal(&strict, &lenient));
    if (e == CIDR_OK) { /* only the canonical text is accepted */
        cidr_format(&strict, text);
        FUZZ_REQUIRE(strlen(text) == size && memcmp(text, data, size) == 0);
    }
    return 0;
}
