/*
 * functions - CIDR arithmetic that HCL lacks, for both address families
 *
 * Pure functions over engine/cidr.h: the same arguments give the same result, with or without a
 * configured provider. Terraform answers for arguments that are not known yet before a call gets
 * here, so every argument is known.
 *
 * Prefixes are read strictly, as everywhere in this provider: "10.0.0.1/8" is a mistake more often
 * than it is meant, and the error names the canonical form. Results are minimal: no prefix lies
 * inside another and no two could be one. Nothing here returns more than RESULTS_MAX prefixes,
 * because 2^64 subnets are easily asked for.
 */
#include "provider/estate.h"

#include <stdlib.h>
#include <string.h>

#define RESULTS_MAX 65536

/* One call: its results, and where to say what is wrong. */
struct invocation {
    struct arena *arena;
    const struct parameter *parameters;
    const char **error;
    int64_t *argument;
};

static bool refuse(struct invocation *v, int64_t argument, const char *text)
{
    *v->error = arena_printf(v->arena, "argument %s: %s", v->parameters[argument].name, text);
    *v->argument = argument;
    return false;
}

static bool read_cidr(struct invocation *v, int64_t argument, const struct value *from,
                      struct cidr *out)
{
    const char *text = value_str(from, "");
    const char *problem = check_cidr(v->arena, text);
    if (problem)
        return refuse(v, argument, problem);
    return cidr_parse(text, strlen(text), out) == CIDR_OK;
}

/* A CIDR or a single address, which is a prefix of full length. */
static bool read_cidr_or_address(struct invocation *v, int64_t argument, const struct value *from,
                                 struct cidr *out)
{
    const char *text = value_str(from, "");
    if (!strchr(text, '/')) {
        const char *as_prefix = arena_printf(
            v->arena, "%.60s/%u", text, cidr_max_len(strchr(text, ':') ? FAMILY_V6 : FAMILY_V4));
        enum cidr_error e = cidr_parse(as_prefix, strlen(as_prefix), out);
        char canonical[CIDR_TEXT_SIZE];
        if (e == CIDR_OK)
            return true;
        if (e != CIDR_NOT_CANONICAL)
            return refuse(
                v, argument,
                arena_printf(v->arena, "\"%.60s\" is neither a CIDR nor an address", text));
        *strchr(cidr_format(out, canonical), '/') = '\0';
        return refuse(v, argument,
                      arena_printf(v->arena, "\"%.60s\" is not in canonical form; write %s", text,
                                   canonical));
    }
    return read_cidr(v, argument, from, out);
}

static bool read_list(struct invocation *v, int64_t argument, const struct value *from,
                      struct cidr **out, size_t *count)
{
    *count = from->kind == VALUE_SEQ ? from->seq.count : 0;
    *out = arena_calloc(v->arena, *count + 1, sizeof **out);
    for (size_t i = 0; i < *count; i++) {
        const struct value *item = from->seq.items[i];
        if (value_is_null(item))
            return refuse(v, argument, arena_printf(v->arena, "element %zu is null", i));
        if (!read_cidr(v, argument, item, &(*out)[i]))
            return false;
    }
    return true;
}

static const struct value *cidr_value(struct arena *a, const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    return value_string(a, cidr_format(c, text));
}

static const struct value *list_value(struct arena *a, const struct cidr *items, size_t count)
{
    const struct value **values = arena_calloc(a, count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = cidr_value(a, &items[i]);
    return value_seq_take(a, values, count);
}

/* --- cidr_contains, cidr_overlaps --- */

static const struct parameter contains_parameters[] = {
    {.name = "outer", .type = &type_string, .description = "The CIDR that may contain the other."},
    {.name = "inner",
     .type = &type_string,
     .description = "A CIDR, or an address without a length."},
    {.name = NULL},
};

static void contains(struct call *c, const struct value *const *args, size_t count,
                     const struct value **result, const char **error, int64_t *argument)
{
    (void)count;
    struct invocation v = {c->arena, contains_parameters, error, argument};
    struct cidr outer, inner;
    if (read_cidr(&v, 0, args[0], &outer) && read_cidr_or_address(&v, 1, args[1], &inner))
        *result = value_bool(cidr_contains(&outer, &inner));
}

static const struct function cidr_contains_function = {
    .name = "cidr_contains",
    .summary = "Does one CIDR contain another CIDR or an address?",
    .description = "Whether every address of `inner` is in `outer`. A CIDR contains itself; CIDRs "
                   "of different "
                   "address families never contain each other.\n\n"
                   "```terraform\n"
                   "provider::ipam::cidr_contains(\"10.0.0.0/8\", \"10.1.0.0/16\")   # true\n"
                   "provider::ipam::cidr_contains(\"10.0.0.0/8\", \"192.168.0.1\")   # false\n"
                   "provider::ipam::cidr_contains(\"2001:db8::/32\", \"2001:db8::1\") # true\n"
                   "```",
    .result = &type_bool,
    .parameters = contains_parameters,
    .call = contains,
};

static const struct parameter overlaps_parameters[] = {
    {.name = "a", .type = &type_string, .description = "A CIDR."},
    {.name = "b", .type = &type_string, .description = "Another CIDR."},
    {.name = NULL},
};

static void overlaps(struct call *c, const struct value *const *args, size_t count,
                     const struct value **result, const char **error, int64_t *argument)
{
    (void)count;
    struct invocation v = {c->arena, overlaps_parameters, error, argument};
    struct cidr x, y;
    if (read_cidr(&v, 0, args[0], &x) && read_cidr(&v, 1, args[1], &y))
        *result = value_bool(cidr_overlaps(&x, &y));
}

static const struct function cidr_overlaps_function = {
    .name = "cidr_overlaps",
    .summary = "Do two CIDRs have an address in common?",
    .description = "Whether `a` and `b` share at least one address. Two CIDRs either nest or are "
                   "disjoint, so this is the case when one contains the other.\n\n"
                   "```terraform\n"
                   "provider::ipam::cidr_overlaps(\"10.0.0.0/8\", \"10.1.0.0/16\")  # true\n"
                   "provider::ipam::cidr_overlaps(\"10.0.0.0/16\", \"10.1.0.0/16\") # false\n"
                   "```",
    .result = &type_bool,
    .parameters = overlaps_parameters,
    .call = overlaps,
};

/* --- cidr_merge --- */

static const struct parameter merge_parameters[] = {
    {.name = "cidrs", .type = &type_list_string, .description = "CIDRs of either address family."},
    {.name = NULL},
};

static void merge(struct call *c, const struct value *const *args, size_t count,
                  const struct value **result, const char **error, int64_t *argument)
{
    struct invocation v = {c->arena, merge_parameters, error, argument};
    struct cidr *items;
    if (read_list(&v, 0, args[0], &items, &count))
        *result = list_value(c->arena, items, cidr_merge(items, count));
}

static const struct function cidr_merge_function = {
    .name = "cidr_merge",
    .summary = "The fewest CIDRs that cover the same addresses.",
    .description =
        "The smallest list of CIDRs with exactly the addresses of `cidrs`, in address order, IPv4 "
        "before IPv6. Duplicates and contained CIDRs disappear, neighbours become one where they "
        "can.\n\n"
        "```terraform\n"
        "provider::ipam::cidr_merge([\"10.0.1.0/24\", \"10.0.0.0/24\", \"10.0.0.128/25\"])\n"
        "# [\"10.0.0.0/23\"]\n"
        "```",
    .result = &type_list_string,
    .parameters = merge_parameters,
    .call = merge,
};

/* --- cidr_exclude --- */

struct remainder {
    struct arena *arena;
    struct cidr *items;
    size_t count, capacity;
};

static bool remainder_add(struct remainder *r, const struct cidr *c)
{
    if (r->count == RESULTS_MAX)
        return false;
    ARENA_ROOM(r->arena, r->items, r->count, r->capacity, 64);
    r->items[r->count++] = *c;
    return true;
}

/*
 * What is left of `from` without the merged, sorted `holes`: it is whole, gone, or its two halves
 * are looked at. *holes moves on past everything before the end of `from`, so the whole is
 * O(results + holes * length). False when there are more than RESULTS_MAX results.
 */
static bool subtract(struct remainder *r, const struct cidr *from, const struct cidr **holes,
                     const struct cidr *end)
{
    struct cidr low, high;
    while (*holes < end && !cidr_overlaps(*holes, from) && cidr_compare(*holes, from) < 0)
        ++*holes;
    if (*holes == end || !cidr_overlaps(*holes, from))
        return remainder_add(r, from);
    if (cidr_contains(*holes, from) || !cidr_split(from, &low, &high))
        return true;
    return subtract(r, &low, holes, end) && subtract(r, &high, holes, end);
}

static const struct parameter exclude_parameters[] = {
    {.name = "cidr", .type = &type_string, .description = "The CIDR to take away from."},
    {.name = "excluded",
     .type = &type_list_string,
     .description = "CIDRs to take away. What lies outside `cidr` has no effect."},
    {.name = NULL},
};

static void exclude(struct call *c, const struct value *const *args, size_t count,
                    const struct value **result, const char **error, int64_t *argument)
{
    struct invocation v = {c->arena, exclude_parameters, error, argument};
    struct remainder r = {.arena = c->arena};
    struct cidr from, *holes;
    if (!read_cidr(&v, 0, args[0], &from) || !read_list(&v, 1, args[1], &holes, &count))
        return;
    const struct cidr *at = holes;
    if (subtract(&r, &from, &at, holes + cidr_merge(holes, count)))
        *result = list_value(c->arena, r.items, r.count);
    else
        refuse(&v, 1,
               arena_printf(c->arena, "more than %d CIDRs would be left; exclude less at a time",
                            RESULTS_MAX));
}

static const struct function cidr_exclude_function = {
    .name = "cidr_exclude",
    .summary = "What is left of a CIDR without some others.",
    .description = "The smallest list of CIDRs with the addresses of `cidr` that are in none of "
                   "`excluded`, in address order. At most 65536 CIDRs.\n\n"
                   "```terraform\n"
                   "provider::ipam::cidr_exclude(\"10.0.0.0/22\", [\"10.0.1.0/24\"])\n"
                   "# [\"10.0.0.0/24\", \"10.0.2.0/23\"]\n"
                   "```",
    .result = &type_list_string,
    .parameters = exclude_parameters,
    .call = exclude,
};

/* --- cidr_split --- */

static bool read_int(struct invocation *v, int64_t argument, const struct value *from, int64_t min,
                     int64_t max, int64_t *out)
{
    if (value_as_int(from, out) && *out >= min && *out <= max)
        return true;
    return refuse(v, argument,
                  arena_printf(v->arena, "%s is not a whole number from %lld to %lld",
                               value_describe(v->arena, from, 40), (long long)min, (long long)max));
}

static const struct parameter split_parameters[] = {
    {.name = "cidr", .type = &type_string, .description = "The CIDR to cut."},
    {.name = "netmask_length",
     .type = &type_number,
     .description = "Prefix length of the parts in bits (not the number of additional bits that "
                    "`cidrsubnet` takes): from the length of `cidr` to 32 or 128."},
    {.name = NULL},
};

static void split(struct call *c, const struct value *const *args, size_t count,
                  const struct value **result, const char **error, int64_t *argument)
{
    struct invocation v = {c->arena, split_parameters, error, argument};
    struct cidr from, part;
    int64_t len;
    if (!read_cidr(&v, 0, args[0], &from) ||
        !read_int(&v, 1, args[1], from.len, cidr_max_len(from.family), &len))
        return;
    if (len - from.len > 16) {
        refuse(&v, 1,
               arena_printf(c->arena,
                            "a /%d has 2^%d parts of length %d, and at most %d are returned; the "
                            "greatest length here is %d",
                            from.len, (int)len - from.len, (int)len, RESULTS_MAX, from.len + 16));
        return;
    }
    count = (size_t)1 << (len - from.len);
    const struct value **items = arena_calloc(c->arena, count, sizeof *items);
    for (size_t i = 0; i < count && cidr_nth(&from, (unsigned)len, i, &part); i++)
        items[i] = cidr_value(c->arena, &part);
    *result = value_seq_take(c->arena, items, count);
}

static const struct function cidr_split_function = {
    .name = "cidr_split",
    .summary = "Cuts a CIDR into parts of one size.",
    .description = "All CIDRs of length `netmask_length` inside `cidr`, in address order. At most "
                   "65536, so `netmask_length` is at most 16 above the length of `cidr`.\n\n"
                   "```terraform\n"
                   "provider::ipam::cidr_split(\"10.0.0.0/22\", 24)\n"
                   "# [\"10.0.0.0/24\", \"10.0.1.0/24\", \"10.0.2.0/24\", \"10.0.3.0/24\"]\n"
                   "```",
    .result = &type_list_string,
    .parameters = split_parameters,
    .call = split,
};

/* --- cidr_next --- */

static const struct parameter next_parameters[] = {
    {.name = "cidr", .type = &type_string, .description = "The CIDR to start after."},
    {.name = "n",
     .type = &type_number,
     .description = "How many to return, 0 to 65536. Left out: one, not in a list.",
     .variadic = true},
    {.name = NULL},
};

static void next(struct call *c, const struct value *const *args, size_t count,
                 const struct value **result, const char **error, int64_t *argument)
{
    struct invocation v = {c->arena, next_parameters, error, argument};
    struct cidr at, *items;
    int64_t n = 1;
    if (!read_cidr(&v, 0, args[0], &at) ||
        (count > 1 && !read_int(&v, 1, args[1], 0, RESULTS_MAX, &n)))
        return;
    if (count > 2) {
        *error = "cidr_next takes a CIDR and at most one number";
        *argument = 2;
        return;
    }
    items = arena_calloc(c->arena, (size_t)n, sizeof *items);
    for (int64_t i = 0; i < n; at = items[i++])
        if (!cidr_next(&at, &items[i])) {
            char text[CIDR_TEXT_SIZE];
            refuse(&v, 0,
                   arena_printf(c->arena, "%s is the last /%d of the address space",
                                cidr_format(&at, text), at.len));
            return;
        }
    *result = count > 1 ? value_dynamic(c->arena, &type_list_string,
                                        list_value(c->arena, items, (size_t)n))
                        : value_dynamic(c->arena, &type_string, cidr_value(c->arena, items));
}

static const struct function cidr_next_function = {
    .name = "cidr_next",
    .summary = "The CIDR, or the CIDRs, of the same size right after one.",
    .description = "Without `n` the next CIDR of the same size, as a string. With `n` the next `n` "
                   "of them, as a list. Going beyond the end of the address space is an error.\n\n"
                   "```terraform\n"
                   "provider::ipam::cidr_next(\"10.0.0.0/24\")    # \"10.0.1.0/24\"\n"
                   "provider::ipam::cidr_next(\"10.0.0.0/24\", 2) # [\"10.0.1.0/24\", "
                   "\"10.0.2.0/24\"]\n"
                   "```",
    .result = &type_dynamic,
    .parameters = next_parameters,
    .call = next,
};

const struct function *const ipam_functions[] = {
    &cidr_contains_function,
    &cidr_exclude_function,
    &cidr_merge_function,
    &cidr_next_function,
    &cidr_overlaps_function,
    &cidr_split_function,
    NULL,
};
