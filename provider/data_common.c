/*
 * data_common - building objects, finding one, listing all
 *
 * The engine is the authority on what exists, the memory adds the attributes that the engine does
 * not hold. So what a cascade removed is gone here too, although no single answer said so.
 *
 * A data source that finds one thing looks at the one that its id names when it names one, and at
 * all of them otherwise: a configuration with a thousand lookups by id stays linear.
 */
#include "provider/data.h"

#include <string.h>

#include "proto/text.h"

/* --- building objects --- */

struct object object_new(struct arena *a)
{
    return (struct object){.arena = a};
}

void object_put(struct object *r, const char *key, const struct value *v)
{
    ARENA_ROOM(r->arena, r->items, r->count, r->capacity, 32);
    r->items[r->count++] = (struct value_member){key, v};
}

void object_string(struct object *r, const char *key, const char *s)
{
    object_put(r, key, value_string(r->arena, s));
}

void object_int(struct object *r, const char *key, int64_t i)
{
    object_put(r, key, value_int(r->arena, i));
}

void object_bool(struct object *r, const char *key, bool b)
{
    object_put(r, key, value_bool(b));
}

void object_cidr(struct object *r, const char *key, const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    object_string(r, key, cidr_is_set(c) ? cidr_format(c, text) : "");
}

void object_tags(struct object *r, const char *key, const struct tags *t)
{
    struct value_member *members = arena_calloc(r->arena, t->count, sizeof *members);
    for (size_t i = 0; i < t->count; i++)
        members[i] = (struct value_member){arena_strdup(r->arena, t->items[i].key),
                                           value_string(r->arena, t->items[i].value)};
    object_put(r, key, value_map(r->arena, members, t->count));
}

void object_all(struct object *r, const struct value *object)
{
    for (size_t i = 0; object->kind == VALUE_MAP && i < object->map.count; i++)
        object_put(r, object->map.members[i].key, object->map.members[i].value);
}

const struct value *object_end(struct object *r)
{
    const struct value *object = value_map(r->arena, r->items, r->count);
    r->count = 0;
    return object;
}

void items_add(struct items *l, const struct value *v)
{
    ARENA_ROOM(l->arena, l->items, l->count, l->capacity, 16);
    l->items[l->count++] = v;
}

const struct value *items_end(struct items *l)
{
    return value_seq(l->arena, l->items, l->count);
}

const struct value *data_each(const struct items *l, const char *member)
{
    struct items members = {.arena = l->arena};
    for (size_t i = 0; i < l->count; i++)
        items_add(&members, value_get(l->items[i], member));
    return items_end(&members);
}

/* --- lookups --- */

const char *data_region(struct call *c, const struct value *config)
{
    return value_str(value_get(config, "region"), estate_of(c)->region);
}

bool data_sees(struct call *c, const char *owner)
{
    const char *account = estate_of(c)->account_id;
    return !owner || !*owner || !*account || strcmp(owner, account) == 0;
}

bool data_sees_pool(struct call *c, const struct pool *p)
{
    return engine_may_use(estate_of(c)->engine, p, estate_of(c)->account_id);
}

const struct pool *data_pool(struct call *c, const char *doing, const struct value *config,
                             const char *attribute)
{
    const char *id = value_str(value_get(config, attribute), "");
    const struct pool *p = engine_pool(estate_of(c)->engine, id);
    if (p && pool_is_known(p) && data_sees_pool(c, p))
        return p;
    struct refusal why = {.code = REFUSAL_POOL_UNKNOWN};
    strncpy(why.id, id, sizeof why.id - 1);
    report_refusal(c, doing, &why, &(struct refusal_paths){.pool = attribute});
    return NULL;
}

const struct scope *data_scope(struct call *c, const char *doing, const struct value *config,
                               const char *attribute)
{
    const char *id = value_str(value_get(config, attribute), "");
    const struct scope *s = engine_scope(estate_of(c)->engine, id);
    const struct ipam *i = data_ipam_of(c, s);
    if (i && data_sees(c, ipam_info(i)->owner))
        return s;
    struct refusal why = {.code = REFUSAL_SCOPE_UNKNOWN};
    strncpy(why.id, id, sizeof why.id - 1);
    report_refusal(c, doing, &why, NULL);
    return NULL;
}

bool data_is_whole(struct call *c)
{
    if (memory_is_whole(estate_of(c)->memory))
        return true;
    report_no_memory(c, "reading the data source");
    return false;
}

const struct ipam *data_ipam_of(struct call *c, const struct scope *s)
{
    return s ? engine_ipam(estate_of(c)->engine, scope_info(s)->ipam_id) : NULL;
}

const char *data_text(const struct value *object, const char *name)
{
    return value_str(value_get(object, name), "");
}

const struct value *data_tags(struct arena *a, const struct value *object)
{
    const struct value *all = value_get(object, "tags_all");
    if (value_is_null(all))
        all = value_get(object, "tags");
    return value_is_null(all) ? value_map(a, NULL, 0) : all;
}

/* --- catalogs --- */

static bool fits(const struct value *wanted, const struct value *found)
{
    if (wanted->kind != VALUE_MAP)
        return value_equal(NULL, wanted, found);
    for (size_t i = 0; i < wanted->map.count; i++) {
        const struct value_member *m = &wanted->map.members[i];
        if (!value_equal(NULL, m->value, value_get(found, m->key)))
            return false;
    }
    return true;
}

static bool fits_arguments(const struct catalog *k, const struct value *config,
                           const struct value *object)
{
    for (const struct argument *x = k->arguments; x && x->name; x++) {
        const struct value *wanted = value_get(config, x->name);
        if (value_is_known(wanted) && !fits(wanted, value_get(object, x->member)))
            return false;
    }
    return true;
}

static const char *id_asked(const struct catalog *k, const struct value *config)
{
    const char *id = value_str(value_get(config, "id"), NULL);
    return id || !k->alias ? id : value_str(value_get(config, k->alias), NULL);
}

static bool gather(struct call *c, const struct catalog *k, const struct value *config,
                   const char *id, struct items *out)
{
    const struct value *filters = value_get(config, "filter");
    struct items all = {.arena = c->arena};
    filter_check(c, &k->names, filters);
    if (!data_is_whole(c) || c->diags->errors)
        return false;
    const struct value *one = id && k->get ? k->get(c, config, id) : NULL;
    if (one)
        items_add(&all, one);
    else if (!id || !k->get)
        k->each(c, config, &all);
    *out = (struct items){.arena = c->arena};
    for (size_t i = 0; i < all.count; i++)
        if (fits_arguments(k, config, all.items[i]) &&
            filter_passes(c->arena, &k->names, filters, all.items[i]))
            items_add(out, all.items[i]);
    return true;
}

bool catalog_select(struct call *c, const struct catalog *k, const struct value *config,
                    struct items *out)
{
    return gather(c, k, config, NULL, out);
}

#define SHOWN_MAX 5

static void report_count(struct call *c, const struct catalog *k, const struct items *found)
{
    struct text ids = text_new(c->arena);
    for (size_t i = 0; i < found->count && i < SHOWN_MAX; i++)
        text_printf(&ids, "%s%s", i ? ", " : "", data_text(found->items[i], "id"));
    if (found->count > SHOWN_MAX)
        text_puts(&ids, ", ...");
    if (found->count == 0)
        diag_error(c->diags, NULL, arena_printf(c->arena, "no matching %s found", k->what),
                   "Nothing in %s fits all arguments and filters. The data source tells exactly "
                   "one %s. Check the id and the filters, upper and lower case differ; what this "
                   "run is going to make can be read with depends_on.",
                   estate_of(c)->origin, k->what);
    else
        diag_error(c->diags, NULL, arena_printf(c->arena, "multiple %ss matched", k->what),
                   "%zu fit all arguments and filters: %s. The data source tells exactly one %s. "
                   "Use additional arguments or filters to reduce matches to one.",
                   found->count, text_end(&ids), k->what);
}

const struct value *catalog_one(struct call *c, const struct catalog *k, const struct value *config)
{
    struct items found;
    if (!gather(c, k, config, id_asked(k, config), &found))
        return NULL;
    if (found.count == 1)
        return found.items[0];
    report_count(c, k, &found);
    return NULL;
}

enum outcome catalog_read_one(struct call *c, const struct catalog *k, const struct value *config,
                              const struct value **state)
{
    struct object r = object_new(c->arena);
    const struct value *found = catalog_one(c, k, config);
    if (!found)
        return CALL_DONE;
    object_all(&r, config);
    object_all(&r, found);
    object_put(&r, "timeouts", value_get(config, "timeouts"));
    object_string(&r, "region", data_region(c, config));
    *state = object_end(&r);
    return CALL_DONE;
}

enum outcome catalog_read_all(struct call *c, const struct catalog *k, const char *list,
                              const struct value *config, const struct value **state)
{
    struct object r = object_new(c->arena);
    struct items found;
    if (!catalog_select(c, k, config, &found))
        return CALL_DONE;
    object_all(&r, config);
    object_string(&r, "id", data_region(c, config));
    object_string(&r, "region", data_region(c, config));
    object_put(&r, list, items_end(&found));
    *state = object_end(&r);
    return CALL_DONE;
}
