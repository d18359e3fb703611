/*
 * data - what the data sources share
 *
 * Data sources come in pairs: one that finds exactly one thing, one that lists all that pass the
 * filters. Both are made from one catalog, which knows how to tell each thing as an object. An
 * object may hold more members than a schema shows: those can be filtered by.
 */
#ifndef PROVIDER_DATA_H
#define PROVIDER_DATA_H

#include "provider/estate.h"
#include "provider/filter.h"

extern const struct data_source ipam_data, ipams_data, scope_data, scopes_data, pool_data,
    pools_data, pool_cidrs_data, preview_data, allocations_data, resource_cidrs_data, history_data,
    vpc_data, vpcs_data, region_data, identity_data, partition_data, zones_data, organization_data,
    metrics_data;

/* --- table lines --- */

#define OUT(n, t, text)                                                                            \
    {                                                                                              \
        .name = n, .type = &type_##t, .flags = ATTR_COMPUTED, .description = text                  \
    }
#define IN_OUT(n, t, text)                                                                         \
    {                                                                                              \
        .name = n, .type = &type_##t, .flags = ATTR_OPTIONAL | ATTR_COMPUTED, .description = text  \
    }
#define IN(n, t, text)                                                                             \
    {                                                                                              \
        .name = n, .type = &type_##t, .flags = ATTR_OPTIONAL, .description = text                  \
    }
#define NEEDED(n, t, text)                                                                         \
    {                                                                                              \
        .name = n, .type = &type_##t, .flags = ATTR_REQUIRED, .description = text                  \
    }
#define OUT_LIST(n, b, text)                                                                       \
    {                                                                                              \
        .name = n, .nested = &(b), .nesting = NESTING_LIST, .flags = ATTR_COMPUTED,                \
        .description = text                                                                        \
    }
#define OUT_SET(n, b, text)                                                                        \
    {                                                                                              \
        .name = n, .nested = &(b), .nesting = NESTING_SET, .flags = ATTR_COMPUTED,                 \
        .description = text                                                                        \
    }
#define DATA_REGION                                                                                \
    {                                                                                              \
        .name = "region", .type = &type_string, .flags = ATTR_OPTIONAL | ATTR_COMPUTED,            \
        CHECKS(CHECKED_BY(check_region, "a Region name")),                                         \
        .description = "Region that is asked. Default: the provider's region."                     \
    }
#define DATA_ID OUT("id", string, "Name of the Region that was asked.")

/* --- building objects --- */

struct object {
    struct arena *arena;
    struct value_member *items;
    size_t count, capacity;
};
struct object object_new(struct arena *a);
/* Of equal keys the last wins. */
void object_put(struct object *r, const char *key, const struct value *v);
void object_string(struct object *r, const char *key, const char *s); /* NULL: null */
void object_int(struct object *r, const char *key, int64_t i);
void object_bool(struct object *r, const char *key, bool b);
void object_cidr(struct object *r, const char *key, const struct cidr *c); /* unset: "" */
void object_tags(struct object *r, const char *key, const struct tags *t);
void object_all(struct object *r, const struct value *object); /* its members */
/* The object; the builder is empty again and may be used for the next. */
const struct value *object_end(struct object *r);

struct items {
    struct arena *arena;
    const struct value **items;
    size_t count, capacity;
};
void items_add(struct items *l, const struct value *v);
const struct value *items_end(struct items *l); /* a sequence */
/* One member of every item, as a sequence. */
const struct value *data_each(const struct items *l, const char *member);

/* --- catalogs --- */

/* An argument of a data source for one thing, and the member that must be equal to it. For maps:
 * each pair must be there. */
struct argument {
    const char *name, *member;
};

struct catalog {
    const char *what; /* "IPAM Pool" */
    struct filter_names names;
    /* All of them, in a fixed order. */
    void (*each)(struct call *c, const struct value *config, struct items *out);
    /* The one with this id, or NULL; NULL when looking it up is no faster. */
    const struct value *(*get)(struct call *c, const struct value *config, const char *id);
    const struct argument
        *arguments; /* those named "id" and, when alias is set, `alias`, are ids */
    const char *alias;
};

/* Those that fit config's arguments and filters. After an error (unknown filter, memory out)
 * false. */
bool catalog_select(struct call *c, const struct catalog *k, const struct value *config,
                    struct items *out);
/* The only one; NULL after an error. */
const struct value *catalog_one(struct call *c, const struct catalog *k,
                                const struct value *config);

/* The whole of a data source for one thing: config and the object's members. */
enum outcome catalog_read_one(struct call *c, const struct catalog *k, const struct value *config,
                              const struct value **state);
/* The same for a list in the attribute `list`; id is the Region. */
enum outcome catalog_read_all(struct call *c, const struct catalog *k, const char *list,
                              const struct value *config, const struct value **state);

/* --- lookups --- */

/* The Region that config asks: its own, else the provider's. */
const char *data_region(struct call *c, const struct value *config);
/* Is this account's object to be told? An estate without an account of its own is told all. */
bool data_sees(struct call *c, const char *owner);
/* The same for a pool, which may be shared with this account. */
bool data_sees_pool(struct call *c, const struct pool *p);
/* A pool or scope by the id in config's attribute; NULL after AWS's not-found error. */
const struct pool *data_pool(struct call *c, const char *doing, const struct value *config,
                             const char *attribute);
const struct scope *data_scope(struct call *c, const char *doing, const struct value *config,
                               const char *attribute);
/* False after an error when something is not remembered, because memory was out. */
bool data_is_whole(struct call *c);
/* Its IPAM, or NULL. */
const struct ipam *data_ipam_of(struct call *c, const struct scope *s);

/* `name` of a remembered object as text, "" for null. */
const char *data_text(const struct value *object, const char *name);
/* tags_all of a remembered object, else its tags; never null. */
const struct value *data_tags(struct arena *a, const struct value *object);

#endif
