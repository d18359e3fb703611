/*
 * filter - the `filter { name, values }` blocks of data sources
 *
 * A thing passes when it matches every block; it matches a block when one of its texts under that
 * name matches one of the values. `*` stands for any characters, `?` for one, a backslash takes the
 * special meaning away; upper and lower case differ.
 */
#ifndef PROVIDER_FILTER_H
#define PROVIDER_FILTER_H

#include "proto/provider.h"

/* A name besides those of the fields, and the member that it looks at. */
struct filter_alias {
    const char *name, *member;
};

/* What can be asked: each field of the table that is a text, a number, a bool or a list of texts,
 * in kebab case (`ipam_scope_id` is `ipam-scope-id`); the aliases; and when the things
 * have tags, `tag:KEY` and `tag-key`. */
struct filter_names {
    const struct attribute *fields;
    const struct filter_alias *aliases; /* ends with a NULL name; NULL: none */
    const char *tags;                   /* the member that holds the tags; NULL: none */
};

extern const struct block filter_block;
#define FILTER_BLOCK                                                                               \
    {                                                                                              \
        .name = "filter", .nesting = NESTING_SET, .block = &filter_block,                          \
        .description =                                                                             \
            "Keeps what matches every filter. Names are those of the fields that are "             \
            "told, in kebab case, and `tag:KEY` and `tag-key`; another name is refused "           \
            "with the list of those that exist.",                                                  \
    }

/* Reports unknown names in `filters` (the value of the block). Unknown values pass. */
void filter_check(struct call *c, const struct filter_names *names, const struct value *filters);

/* Does the object pass all filters? O(filters * values * length). */
bool filter_passes(struct arena *a, const struct filter_names *names, const struct value *filters,
                   const struct value *object);

/* Does the text match the pattern? O(text * pattern) at worst. */
bool filter_match(const char *pattern, const char *text);

#endif
