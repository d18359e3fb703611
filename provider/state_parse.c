/*
 * state_parse - the bytes of a state, checked once, then walked without copies
 *
 * The whole tree is checked when it is parsed: after that every resource has a mode, a type, a
 * name and a provider, every instance of a managed resource has an object of attributes, and
 * walking cannot fail half-way. What does not have this shape is refused with its place, because
 * an instance that was skipped silently would be a CIDR that is handed out again. Data sources are
 * the exception: they hold no addresses of ours, so only their mode is looked at.
 *
 * The tree of json-c is kept as it is. state_each builds the address and the provider of one
 * instance at a time in scratch memory and hands out the attributes as json-c holds them. The
 * scratch belongs to the state, so that a visitor that runs out of memory may jump out of the walk
 * (arena.h) without a leak.
 *
 * Format: version 4, as Terraform >= 0.12 and OpenTofu write it.
 */
#include "provider/state_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a message goes, and the place inside the document that it is about. */
struct check {
    char *error;
    size_t size;
    char place[96];
};

/* ---- Checking ------------------------------------------------------------------------------ */

static bool wrong(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct check *c, const char *fmt, ...)
{
    int n = snprintf(c->error, c->size, "%s", c->place);
    if (n >= 0 && (size_t)n < c->size) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(c->error + n, c->size - (size_t)n, fmt, ap);
        va_end(ap);
    }
    return false;
}

static struct json_object *member(struct json_object *o, const char *name)
{
    return json_object_object_get(o, name);
}

/* A string without NUL inside; `fallback` when it is missing or null and a fallback is given. */
static bool check_string(struct check *c, struct json_object *o, const char *name,
                         const char *fallback, const char **out)
{
    struct json_object *v = member(o, name);
    if (!v && fallback) {
        *out = fallback;
        return true;
    }
    if (!json_object_is_type(v, json_type_string)) {
        return wrong(c, ".%s: expected a string, found %s", name, state_json_kind(v));
    }
    *out = json_object_get_string(v);
    if (strlen(*out) != (size_t)json_object_get_string_len(v)) {
        return wrong(c, ".%s: a NUL character inside the text", name);
    }
    if (!fallback && !**out) {
        return wrong(c, ".%s: an empty text", name);
    }
    return true;
}

/* A whole number from 0 to INT64_MAX; missing counts as 0. json-c saturates what is larger. */
static bool check_count(struct check *c, struct json_object *o, const char *name, int64_t *out)
{
    struct json_object *v = member(o, name);
    if (v && !json_object_is_type(v, json_type_int)) {
        return wrong(c, ".%s: expected a whole number, found %s", name, state_json_kind(v));
    }
    if (json_object_get_int64(v) < 0 || json_object_get_uint64(v) > (uint64_t)INT64_MAX) {
        return wrong(c, ".%s: a whole number out of range", name);
    }
    *out = json_object_get_int64(v);
    return true;
}

/*
 * The source address in a provider reference, which ends with it, quoted or not, and perhaps an
 * alias:
 *   provider["registry.terraform.io/hashicorp/aws"].west
 *   module.a["k"].provider["registry.terraform.io/hashicorp/aws"]
 *   provider.aws.west     (Terraform 0.12, before there were source addresses)
 * The last occurrence counts: the text before it may hold any key, the text after it no quotes.
 */
static bool provider_source(const char *reference, const char **start, size_t *len, bool *legacy)
{
    static const char quoted[] = "provider[\"", plain[] = "provider.";
    const char *found = NULL;
    for (const char *p = reference; (p = strstr(p, quoted)); p++) {
        found = p;
    }
    *legacy = !found;
    if (found) {
        *start = found + sizeof quoted - 1;
        *len = strcspn(*start, "\"");
        return *len > 0 && strncmp(*start + *len, "\"]", 2) == 0;
    }
    for (const char *p = reference; (p = strstr(p, plain)); p++) {
        if (p == reference || p[-1] == '.') {
            found = p;
        }
    }
    if (!found) {
        return false;
    }
    *start = found + sizeof plain - 1;
    *len = strcspn(*start, ".");
    return *len > 0;
}

static bool check_instance(struct check *c, struct json_object *instance)
{
    const char *deposed, *status;
    int64_t version;
    if (!json_object_is_type(instance, json_type_object)) {
        return wrong(c, ": expected an object, found %s", state_json_kind(instance));
    }
    if (!check_string(c, instance, "deposed", "", &deposed) ||
        !check_string(c, instance, "status", "", &status) ||
        !check_count(c, instance, "schema_version", &version)) {
        return false;
    }
    if (*status && strcmp(status, "tainted") != 0) {
        return wrong(c, ".status: \"%.32s\" is not known, only \"tainted\" is", status);
    }
    struct json_object *key = member(instance, "index_key");
    const char *text;
    if (json_object_is_type(key, json_type_string)) {
        if (!check_string(c, instance, "index_key", "", &text)) {
            return false;
        }
    } else if (key && !json_object_is_type(key, json_type_int)) {
        return wrong(c, ".index_key: expected a string or a whole number, found %s",
                     state_json_kind(key));
    }
    if (member(instance, "attributes_flat")) {
        return wrong(c,
                     ".attributes_flat: written by Terraform 0.11; let Terraform rewrite it with "
                     "`terraform apply -refresh-only`");
    }
    struct json_object *attributes = member(instance, "attributes");
    if (!json_object_is_type(attributes, json_type_object)) {
        return wrong(c, ".attributes: expected an object, found %s", state_json_kind(attributes));
    }
    return true;
}

static bool check_managed(struct check *c, struct json_object *resource, size_t *managed)
{
    const char *type, *name, *module, *provider, *source;
    size_t len;
    bool legacy;
    if (!check_string(c, resource, "type", NULL, &type) ||
        !check_string(c, resource, "name", NULL, &name) ||
        !check_string(c, resource, "module", "", &module) ||
        !check_string(c, resource, "provider", NULL, &provider)) {
        return false;
    }
    if (!provider_source(provider, &source, &len, &legacy)) {
        return wrong(c, ".provider: \"%.80s\" is no reference to a provider", provider);
    }
    struct json_object *instances = member(resource, "instances");
    if (!json_object_is_type(instances, json_type_array)) {
        return wrong(c, ".instances: expected an array, found %s", state_json_kind(instances));
    }
    size_t count = json_object_array_length(instances), stem = strlen(c->place);
    for (size_t i = 0; i < count; i++) {
        snprintf(c->place + stem, sizeof c->place - stem, ".instances[%zu]", i);
        if (!check_instance(c, json_object_array_get_idx(instances, i))) {
            return false;
        }
    }
    *managed += count;
    return true;
}

static bool check_resources(struct check *c, struct state *s)
{
    s->resources = member(s->root, "resources");
    if (!json_object_is_type(s->resources, json_type_array)) {
        return wrong(c, "resources: expected an array, found %s", state_json_kind(s->resources));
    }
    size_t count = json_object_array_length(s->resources);
    for (size_t i = 0; i < count; i++) {
        struct json_object *resource = json_object_array_get_idx(s->resources, i);
        const char *mode;
        snprintf(c->place, sizeof c->place, "resources[%zu]", i);
        if (!json_object_is_type(resource, json_type_object)) {
            return wrong(c, ": expected an object, found %s", state_json_kind(resource));
        }
        if (!check_string(c, resource, "mode", NULL, &mode)) {
            return false;
        }
        if (strcmp(mode, "data") == 0) {
            continue;
        }
        if (strcmp(mode, "managed") != 0) {
            return wrong(c, ".mode: \"%.32s\" is not known, only \"managed\" and \"data\" are",
                         mode);
        }
        if (!check_managed(c, resource, &s->managed)) {
            return false;
        }
    }
    return true;
}

static bool check_header(struct check *c, struct state *s)
{
    struct json_object *version = member(s->root, "version");
    if (!json_object_is_type(version, json_type_int)) {
        return wrong(c, "version: expected 4, found %s", state_json_kind(version));
    }
    if (json_object_get_int64(version) != 4) {
        return wrong(c, "version: %lld is not supported, only 4 is (Terraform 0.12 and later)",
                     (long long)json_object_get_int64(version));
    }
    return check_count(c, s->root, "serial", &s->serial) &&
           check_string(c, s->root, "lineage", "", &s->lineage);
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct state *state_new_empty(const char *origin, const char *path)
{
    struct state *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->lineage = "";
    s->origin = strdup(origin);
    s->path = path ? strdup(path) : NULL;
    s->scratch = calloc(1, sizeof *s->scratch);
    if (!s->origin || (path && !s->path) || !s->scratch) {
        state_free(s);
        return NULL;
    }
    return s;
}

void state_free(struct state *s)
{
    if (s) {
        json_object_put(s->root);
        if (s->scratch) {
            buffer_free(&s->scratch->address);
            buffer_free(&s->scratch->provider);
        }
        free(s->scratch);
        free(s->origin);
        free(s->path);
        free(s);
    }
}

enum parse_result state_parse_bytes(const char *bytes, size_t len, const char *origin,
                                    const char *path, struct state **out, char *error,
                                    size_t error_size)
{
    struct check c = {.error = error, .size = error_size};
    *out = NULL;
    struct json_object *root = state_json_object(bytes, len, error, error_size);
    if (!root) {
        return PARSE_BAD;
    }
    if (json_object_is_type(member(root, "encrypted_data"), json_type_string)) {
        json_object_put(root);
        wrong(&c, "encrypted by OpenTofu");
        return PARSE_ENCRYPTED;
    }
    struct state *s = state_new_empty(origin, path);
    if (!s) {
        json_object_put(root);
        wrong(&c, "out of memory");
        return PARSE_BAD;
    }
    s->root = root;
    if (!check_header(&c, s) || !check_resources(&c, s)) {
        state_free(s);
        return PARSE_BAD;
    }
    *out = s;
    return PARSE_OK;
}

struct state *state_parse(const char *bytes, size_t len, const char *origin, const char *path,
                          char *error, size_t error_size)
{
    struct state *s;
    state_parse_bytes(bytes, len, origin, path, &s, error, error_size);
    return s;
}

const char *state_origin(const struct state *s)
{
    return s->origin;
}

const char *state_path(const struct state *s)
{
    return s->path;
}

bool state_is_empty(const struct state *s)
{
    return s->managed == 0;
}

int64_t state_serial(const struct state *s)
{
    return s->serial;
}

const char *state_lineage(const struct state *s)
{
    return s->lineage;
}

/* ---- Walking ------------------------------------------------------------------------------- */

/* As Terraform quotes a key in an address, so that it can be pasted into a command. */
static bool append_quoted(struct buffer *t, const char *s)
{
    bool ok = buffer_puts(t, "\"");
    for (; ok && *s; s++) {
        char escape[8];
        switch (*s) {
        case '\n':
            ok = buffer_puts(t, "\\n");
            break;
        case '\r':
            ok = buffer_puts(t, "\\r");
            break;
        case '\t':
            ok = buffer_puts(t, "\\t");
            break;
        case '"':
        case '\\':
            ok = buffer_add(t, "\\", 1) && buffer_add(t, s, 1);
            break;
        case '$':
        case '%':
            ok = buffer_add(t, s, 1) && (s[1] != '{' || buffer_add(t, s, 1));
            break;
        default:
            if ((unsigned char)*s < 0x20 || *s == 0x7f) {
                snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*s);
                ok = buffer_puts(t, escape);
            } else {
                ok = buffer_add(t, s, 1);
            }
        }
    }
    return ok && buffer_puts(t, "\"");
}

static bool append_key(struct buffer *t, struct json_object *key)
{
    if (!key) {
        return true;
    }
    if (json_object_is_type(key, json_type_string)) {
        return buffer_puts(t, "[") && append_quoted(t, json_object_get_string(key)) &&
               buffer_puts(t, "]");
    }
    char index[32];
    snprintf(index, sizeof index, "[%lld]", (long long)json_object_get_int64(key));
    return buffer_puts(t, index);
}

/* module.a.type.name, to which the key of each instance is added. */
static bool resource_address(struct buffer *t, struct json_object *resource)
{
    t->len = 0;
    struct json_object *module = member(resource, "module");
    const char *prefix = module ? json_object_get_string(module) : "";
    return (!*prefix || (buffer_puts(t, prefix) && buffer_puts(t, "."))) &&
           buffer_puts(t, json_object_get_string(member(resource, "type"))) &&
           buffer_puts(t, ".") && buffer_puts(t, json_object_get_string(member(resource, "name")));
}

static bool resource_provider(struct buffer *t, struct json_object *resource)
{
    const char *source;
    size_t len;
    bool legacy;
    t->len = 0;
    provider_source(json_object_get_string(member(resource, "provider")), &source, &len, &legacy);
    /* Terraform's own name for a provider whose namespace was never written down. */
    return (!legacy || buffer_puts(t, "registry.terraform.io/-/")) && buffer_add(t, source, len);
}

static bool visit_resource(struct json_object *resource, struct scratch *scratch, state_visit fn,
                           void *ctx)
{
    struct buffer *address = &scratch->address, *provider = &scratch->provider;
    if (!resource_address(address, resource) || !resource_provider(provider, resource)) {
        return false;
    }
    struct json_object *instances = member(resource, "instances");
    size_t count = json_object_array_length(instances), stem = address->len;
    for (size_t i = 0; i < count; i++) {
        struct json_object *instance = json_object_array_get_idx(instances, i);
        address->len = stem;
        address->data[stem] = '\0';
        if (!append_key(address, member(instance, "index_key"))) {
            return false;
        }
        const char *status = json_object_get_string(member(instance, "status"));
        const char *deposed = json_object_get_string(member(instance, "deposed"));
        struct state_instance view = {
            .type = json_object_get_string(member(resource, "type")),
            .provider = provider->data,
            .address = address->data,
            .deposed = deposed && *deposed,
            .tainted = status && *status,
            .schema_version = json_object_get_int64(member(instance, "schema_version")),
            .attributes = member(instance, "attributes"),
        };
        if (!fn(ctx, &view)) {
            return false;
        }
    }
    return true;
}

bool state_each(const struct state *s, state_visit fn, void *ctx)
{
    bool ok = true;
    size_t count = s->resources ? json_object_array_length(s->resources) : 0;
    for (size_t i = 0; ok && i < count; i++) {
        struct json_object *resource = json_object_array_get_idx(s->resources, i);
        if (strcmp(json_object_get_string(member(resource, "mode")), "managed") == 0) {
            ok = visit_resource(resource, s->scratch, fn, ctx);
        }
    }
    return ok;
}

static bool visit_data(struct json_object *resource, struct scratch *scratch, state_visit fn,
                       void *ctx)
{
    struct json_object *type = member(resource, "type"), *instances = member(resource, "instances");
    struct json_object *provider = member(resource, "provider");
    const char *source;
    size_t len, count;
    bool legacy;
    if (!json_object_is_type(type, json_type_string) ||
        !json_object_is_type(provider, json_type_string) ||
        !json_object_is_type(instances, json_type_array) ||
        !provider_source(json_object_get_string(provider), &source, &len, &legacy)) {
        return true;
    }
    if (!resource_provider(&scratch->provider, resource)) {
        return false;
    }
    count = json_object_array_length(instances);
    for (size_t i = 0; i < count; i++) {
        struct json_object *instance = json_object_array_get_idx(instances, i);
        struct state_instance view = {.type = json_object_get_string(type),
                                      .provider = scratch->provider.data,
                                      .address = "",
                                      .attributes = member(instance, "attributes")};
        if (json_object_is_type(view.attributes, json_type_object) && !fn(ctx, &view)) {
            return false;
        }
    }
    return true;
}

bool state_each_data(const struct state *s, state_visit fn, void *ctx)
{
    bool ok = true;
    size_t count = s->resources ? json_object_array_length(s->resources) : 0;
    for (size_t i = 0; ok && i < count; i++) {
        struct json_object *resource = json_object_array_get_idx(s->resources, i);
        if (strcmp(json_object_get_string(member(resource, "mode")), "data") == 0) {
            ok = visit_data(resource, s->scratch, fn, ctx);
        }
    }
    return ok;
}
