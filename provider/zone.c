/*
 * zone - availability zones, told from their Region
 *
 * AWS names a zone by its Region and a letter (eu-west-1a) and gives it an id that is the same in
 * all accounts (euw1-az1). Which letter goes with which id differs between accounts there; here the
 * first letter is az1, the second az2. No list of Regions is needed: an id's beginning is the
 * Region's name, shortened word by word.
 */
#include "provider/estate.h"

#include <ctype.h>
#include <string.h>

/* "northeast" -> "ne", "gov" -> "g": the first letters of the words that it is made of. */
static const char *shorten(struct arena *a, const char *word, size_t n)
{
    static const char *const parts[] = {"north", "south", "east", "west", "central"};
    const char *out = "";
    for (size_t at = 0; at < n;) {
        size_t used = n - at;
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            if (strncmp(word + at, parts[i], strlen(parts[i])) == 0)
                used = strlen(parts[i]);
        out = arena_printf(a, "%s%c", out, word[at]);
        at += used;
    }
    return out;
}

/* eu-west-1 -> euw1, us-gov-east-1 -> usge1 */
static const char *region_code(struct arena *a, const char *region)
{
    const char *out = "";
    for (const char *p = region; *p; p += *p == '-') {
        size_t n = strcspn(p, "-");
        bool whole = p == region || isdigit((unsigned char)*p);
        out = arena_printf(a, "%s%s", out, whole ? arena_strndup(a, p, n) : shorten(a, p, n));
        p += n;
    }
    return out;
}

const char *zone_name(struct arena *a, const char *region, unsigned n)
{
    return arena_printf(a, "%s%c", region, (char)('a' + n % 26));
}

const char *zone_id(struct arena *a, const char *region, unsigned n)
{
    return arena_printf(a, "%s-az%u", region_code(a, region), n % 26 + 1);
}

bool zone_find(struct arena *a, const char *region, const char *name_or_id, unsigned *n)
{
    for (*n = 0; *n < 26; ++*n)
        if (strcmp(zone_name(a, region, *n), name_or_id) == 0 ||
            strcmp(zone_id(a, region, *n), name_or_id) == 0)
            return true;
    return false;
}
