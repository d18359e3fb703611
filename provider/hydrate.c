/*
 * hydrate - from stored attributes to the engine
 *
 * Terraform tells a provider only about what changes, so the engine learns everything else from
 * the state. Every instance counts: all modules, all names of a type, tainted ones and deposed
 * ones too, because their CIDRs are still in use. What cannot be understood is an error that names
 * the resource, never skipped: a skipped allocation would be issued again.
 *
 * The same loaders serve objects that arrive in requests (estate_learn), so facts come from JSON
 * or from values behind one small interface.
 */
#include "provider/discovered.h"
#include "provider/estate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

/* --- facts --- */

static struct json_object *json_member(const struct facts *f, const char *name)
{
    struct json_object *m = NULL;
    return f->json && json_object_object_get_ex(f->json, name, &m) ? m : NULL;
}

const char *fact_string(const struct facts *f, const char *name)
{
    const char *s;
    if (f->json) {
        struct json_object *m = json_member(f, name);
        s = m && json_object_is_type(m, json_type_string) ? json_object_get_string(m) : NULL;
    } else {
        s = value_str(value_get(f->value, name), NULL);
    }
    return s && *s ? s : NULL;
}

int fact_length(const struct facts *f, const char *name)
{
    int64_t n = 0;
    if (f->json) {
        struct json_object *m = json_member(f, name);
        if (m &&
            (json_object_is_type(m, json_type_int) || json_object_is_type(m, json_type_double)))
            n = json_object_get_int64(m);
    } else if (!value_as_int(value_get(f->value, name), &n)) {
        n = 0;
    }
    return n <= 0 || n > 128 ? -1 : (int)n;
}

bool fact_bool_or(const struct facts *f, const char *name, bool fallback)
{
    if (f->json) {
        struct json_object *m = json_member(f, name);
        return m && json_object_is_type(m, json_type_boolean) ? json_object_get_boolean(m)
                                                              : fallback;
    }
    return value_truth(value_get(f->value, name), fallback);
}

bool fact_bool(const struct facts *f, const char *name)
{
    return fact_bool_or(f, name, false);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct tag *)a)->key, ((const struct tag *)b)->key);
}

struct tags fact_tags(const struct facts *f, const char *name)
{
    if (!f->json)
        return tags_of(f->arena, value_get(f->value, name));
    struct tags tags = {0};
    struct json_object *m = json_member(f, name);
    if (!m || !json_object_is_type(m, json_type_object))
        return tags;
    struct tag *items = arena_calloc(f->arena, (size_t)json_object_object_length(m), sizeof *items);
    json_object_object_foreach(m, key, value)
    {
        if (value && json_object_is_type(value, json_type_string))
            items[tags.count++] = (struct tag){key, json_object_get_string(value)};
    }
    qsort(items, tags.count, sizeof *items, by_key);
    tags.items = items;
    return tags;
}

/* The string that the source itself is; NULL: it is none. */
static const char *text_of(const struct facts *f)
{
    bool text = f->json && json_object_is_type(f->json, json_type_string);
    return text ? json_object_get_string(f->json) : value_str(f->value, NULL);
}

const char *const *fact_inner_strings(const struct facts *f, const char *name, const char *inner)
{
    struct json_object *list = json_member(f, name);
    const struct value *seq = f->json ? &value_null : value_get(f->value, name);
    size_t n = 0, count = 0;
    if (list && json_object_is_type(list, json_type_array))
        n = json_object_array_length(list);
    else if (seq->kind == VALUE_SEQ)
        n = seq->seq.count;
    const char **out = arena_calloc(f->arena, n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        struct facts element = {.arena = f->arena,
                                .json = list ? json_object_array_get_idx(list, i) : NULL,
                                .value = list ? &value_null : seq->seq.items[i]};
        const char *s = inner ? fact_string(&element, inner) : text_of(&element);
        if (s)
            out[count++] = s;
    }
    return out;
}

void fact_each(const struct facts *f, const char *name, fact_visit fn, void *ctx)
{
    struct json_object *map = json_member(f, name);
    const struct value *v = f->json ? &value_null : value_get(f->value, name);
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count; i++)
        if (!fn(ctx, v->map.members[i].key, value_str(v->map.members[i].value, NULL)))
            return;
    if (!map || !json_object_is_type(map, json_type_object))
        return;
    json_object_object_foreach(map, key, value)
    {
        bool text = json_object_is_type(value, json_type_string);
        if (!fn(ctx, key, text ? json_object_get_string(value) : NULL))
            return;
    }
}

bool fact_member(const struct facts *f, const char *name, const char *key, struct facts *out)
{
    struct json_object *map = json_member(f, name), *one = NULL;
    *out = (struct facts){.arena = f->arena, .insides = f->insides, .value = &value_null};
    if (!f->json) {
        out->value = value_get(value_get(f->value, name), key);
        return out->value->kind == VALUE_MAP;
    }
    if (!map || !json_object_is_type(map, json_type_object) ||
        !json_object_object_get_ex(map, key, &one) || !json_object_is_type(one, json_type_object))
        return false;
    out->json = one;
    return true;
}

bool fact_cidr(const struct facts *f, const char *name, struct cidr *out)
{
    *out = (struct cidr){0};
    const char *s = fact_string(f, name);
    return !s || cidr_parse_lenient(s, strlen(s), out) == CIDR_OK;
}

const char *fact_account(const struct facts *f)
{
    const char *arn = fact_string(f, "arn");
    return arn ? arn_part(f->arena, arn, 4) : "";
}

/* --- whose is it? --- */

/*
 * Terraform starts what it installed as .../HOST/NAMESPACE/TYPE/VERSION/OS_ARCH/FILE, so argv[0]
 * tells the source address (the file itself may be a link into a mirror). Started in another way
 * (dev_overrides, reattached), only FILE, terraform-provider-TYPE, is left to go by.
 */
bool provider_is_ours(const char *source)
{
    static const char prefix[] = "terraform-provider-";
    const char *path = program_invocation_name;
    const char *end = path + strlen(path), *part[6];
    for (int i = 0; i < 6; i++) {
        const char *p = end;
        while (p > path && p[-1] != '/')
            p--;
        part[i] = p;
        end = p > path ? p - 1 : p;
    }
    /* part: file, os_arch, version, type, namespace, host */
    size_t installed = (size_t)(part[2] - part[5]); /* "HOST/NAMESPACE/TYPE/" */
    if (installed > 0 && strncmp(part[1], "linux_", 6) == 0)
        return strlen(source) == installed - 1 && strncmp(source, part[5], installed - 1) == 0;
    const char *type = strrchr(source, '/');
    const char *name =
        strncmp(part[0], prefix, sizeof prefix - 1) == 0 ? part[0] + sizeof prefix - 1 : "ipam";
    size_t n = strcspn(name, "_");
    return type && strlen(type + 1) == n && strncmp(type + 1, name, n) == 0;
}

/* --- loading --- */

struct hydration {
    struct estate *estate;
    struct diags *diags;
    struct arena *scratch;
    size_t loaded;
    bool failed;
};

static void report_load(struct hydration *h, const struct state_instance *i, enum load_result r,
                        const char *problem)
{
    h->failed = true;
    if (r == LOAD_NO_MEMORY)
        diag_error(h->diags, NULL, "reading the state: out of memory",
                   "The provider could not get memory for what %s holds. Nothing was changed.",
                   h->estate->origin);
    else
        diag_error(
            h->diags, NULL, "reading the state: an object cannot be understood",
            "%s in %s: %s. An object that is skipped could have its CIDR issued again, so "
            "nothing is issued. Correct the attribute (terraform state pull, edit, terraform "
            "state push), or take the object out of the state with terraform state rm.",
            i->address, h->estate->origin, problem);
}

static bool hydrate_visit(void *ctx, const struct state_instance *i)
{
    struct hydration *h = ctx;
    const struct resource *r = resource_named(i->type);
    if (!r || !provider_is_ours(i->provider))
        return true;
    const char *problem = NULL;
    struct facts f = {.arena = h->scratch,
                      .insides = h->estate->insides,
                      .json = i->attributes,
                      .where = h->estate->origin};
    enum load_result result = resource_loader(r)(h->estate->engine, &f, &problem);
    if (result != LOAD_OK)
        report_load(h, i, result, problem);
    else
        memory_remember(h->estate->memory, r, &f);
    h->loaded++;
    return !h->failed;
}

/* Tainted and deposed objects hold their CIDRs until the next apply has destroyed them. */
static bool departure_visit(void *ctx, const struct state_instance *i)
{
    struct hydration *h = ctx;
    const struct resource *r = resource_named(i->type);
    departure_fn departure = r ? resource_departure(r) : NULL;
    struct facts f = {.arena = h->scratch, .json = i->attributes};
    if ((i->tainted || i->deposed) && departure && provider_is_ours(i->provider))
        departure_mark(h->estate, departure(&f));
    return true;
}

static bool load_amazon_pool(struct engine *e)
{
    struct cidr c;
    if (cidr_parse(AMAZON_IPV6_CIDR, strlen(AMAZON_IPV6_CIDR), &c) != CIDR_OK)
        return false;
    const struct scope_info scope = {
        .id = AMAZON_IPV6_POOL, .ipam_id = AMAZON_IPV6_POOL, .type = SCOPE_PUBLIC};
    const struct pool_info pool = {.id = AMAZON_IPV6_POOL,
                                   .scope_id = AMAZON_IPV6_POOL,
                                   .description = "Amazon's IPv6 space",
                                   .owner = "", /* everybody's */
                                   .family = FAMILY_V6,
                                   .public_amazon = true,
                                   .rules = {.min_len = -1, .max_len = -1, .default_len = 56}};
    return engine_load_scope(e, &scope) == ENGINE_OK && engine_load_pool(e, &pool) == ENGINE_OK &&
           engine_load_cidr(e, pool.id, &c, AMAZON_IPV6_POOL) == ENGINE_OK;
}

bool estate_hydrate(struct estate *e, const struct state *s, struct diags *d)
{
    struct hydration h = {.estate = e, .diags = d, .scratch = d->arena};
    if (!load_amazon_pool(e->engine)) {
        h.failed = true;
        diag_error(d, NULL, "reading the state: out of memory", "Nothing was changed.");
    }
    /* A walk that memory ended early has told a part: no less than all of it will do. */
    bool whole = !h.failed && state_each(s, hydrate_visit, &h) &&
                 engine_settle(e->engine) == ENGINE_OK && engine_settle(e->insides) == ENGINE_OK &&
                 state_each(s, departure_visit, &h) && state_each_data(s, previews_hydrate, e) &&
                 discover_state(e->sightings, s, e->origin, e);
    if (!h.failed && !whole) {
        h.failed = true;
        diag_error(d, NULL, "reading the state: out of memory",
                   "The provider could not get memory for what %s holds. Nothing was changed.",
                   e->origin);
    }
    if (!h.failed)
        log_line(LOG_DEBUG, "read %zu objects from %s", h.loaded, e->origin);
    return !h.failed;
}

bool estate_learn(struct call *c, const struct resource *r, const struct value *object)
{
    const char *problem = NULL;
    struct engine *e = estate_of(c)->engine, *insides = estate_of(c)->insides;
    struct facts f = {.arena = c->arena, .insides = insides, .value = object};
    enum load_result result = resource_loader(r)(e, &f, &problem);
    if (result == LOAD_OK && engine_settle(e) == ENGINE_OK && engine_settle(insides) == ENGINE_OK)
        return true;
    if (result == LOAD_MALFORMED)
        diag_error(c->diags, NULL, "reading the state: an object cannot be understood",
                   "%s %s: %s. Correct the attribute in the state, or take the object out of it "
                   "with terraform state rm.",
                   r->names[0], value_str(value_get(object, "id"), "?"), problem);
    else
        report_no_memory(c, "reading the state");
    return false;
}
