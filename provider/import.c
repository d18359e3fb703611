/*
 * import - bringing an object (back) into state
 *
 * There is no server to ask what an id means. What is left is memory: the own state (the object may
 * stand there under another address) and the backups that Terraform leaves beside a local state,
 * where everything that `terraform state rm` took out still is. When they know the id, the import
 * is complete. Networks may also have been seen, by an inventory or in the state of another
 * provider (adopt.c). Otherwise the object is adopted: its id is taken as given, and the next plan
 * takes all the rest from the configuration, in place and without a replacement. What cannot be
 * taken from a configuration (the CIDR of an object whose size alone is written) is refused then.
 */
#include "provider/drift.h"

#include <string.h>

#include "proto/codec.h"

#define BACKUPS_MAX 32

static const char adopted_mark[] = "ipam:adopted";

const char *import_split(struct call *c, const char *text, const char **region)
{
    const char *at = strrchr(text, '@');
    *region = NULL;
    if (!at || check_region(c->arena, at + 1))
        return text;
    *region = arena_strdup(c->arena, at + 1);
    return arena_strndup(c->arena, text, (size_t)(at - text));
}

struct recall {
    struct call *call;
    const struct resource *resource;
    const char *id;
    const struct value *found;
};

static bool recall_visit(void *ctx, const struct state_instance *i)
{
    struct recall *r = ctx;
    struct json_object *id;
    if (resource_named(i->type) != r->resource || i->deposed ||
        !json_object_object_get_ex(i->attributes, "id", &id) ||
        !json_object_is_type(id, json_type_string) ||
        strcmp(json_object_get_string(id), r->id) != 0)
        return true;
    const char *error;
    const char *json = json_object_to_json_string(i->attributes);
    r->found =
        json_decode(r->call->arena, schema_type(r->call->arena, r->resource->schema),
                    (struct bytes){(const uint8_t *)json, strlen(json)}, JSON_LENIENT, &error);
    return r->found == NULL;
}

static void recall_in(struct recall *r, struct state *s, const char **origin)
{
    if (!s)
        return;
    state_each(s, recall_visit, r);
    if (r->found)
        *origin = arena_strdup(r->call->arena, state_origin(s));
    state_free(s);
}

const struct value *import_recall(struct call *c, const struct resource *r, const char *id,
                                  const char **origin)
{
    struct recall recall = {c, r, id, NULL};
    const char *path = estate_of(c)->state_path;
    if (!path)
        return NULL;
    struct state_search *own = state_search_new(&(struct state_options){.path = path});
    if (own && state_search_poll(own, c->now_ms) == STATE_READY)
        recall_in(&recall, state_search_take(own), origin);
    state_search_free(own);
    for (unsigned n = 0; n < BACKUPS_MAX && !recall.found; n++) {
        struct state *backup = state_backup(path, n);
        if (!backup)
            break;
        recall_in(&recall, backup, origin);
    }
    return recall.found;
}

const struct value *import_known(struct call *c, const struct resource *r, const char *id,
                                 const char *region)
{
    const char *origin;
    const struct value *found = import_recall(c, r, id, &origin);
    const char *own = found ? value_str(value_get(found, "region"), NULL) : NULL;
    if (!own || !region || strcmp(own, region) == 0)
        return found;
    diag_error(
        c->diags, NULL, arena_printf(c->arena, "importing %s: wrong Region", r->names[0]),
        "%s stands in %s with the Region \"%s\", and the import names \"%s\". An object does "
        "not change its Region. Import %s@%s.",
        id, origin, own, region, id, own);
    return NULL;
}

const struct value *import_blank(struct call *c, const struct resource *r, const struct value *v)
{
    const struct nested_block *b = r->schema->block.blocks;
    for (; b && b->name; b++)
        if (b->nesting != NESTING_SINGLE && value_is_null(value_get(v, b->name)))
            v = value_set(c->arena, v, b->name, value_seq(c->arena, NULL, 0));
    return v;
}

void import_adopt(struct call *c, const struct resource *r, const struct value **state,
                  struct bytes *private)
{
    *state = import_blank(c, r, *state);
    *private = (struct bytes){(const uint8_t *)adopted_mark, sizeof adopted_mark - 1};
    diag_warning(c->diags, NULL, "Imported by id alone",
                 "%s %s is in no state and no backup that can be read here, so its attributes are "
                 "not known. The next apply takes them from the configuration, without replacing "
                 "anything; until then nothing keeps its CIDR from being issued.",
                 r->names[0], value_str(value_get(*state, "id"), "?"));
}

bool import_is_adopted(struct bytes private)
{
    return private.len == sizeof adopted_mark - 1 &&
           memcmp(private.data, adopted_mark, private.len) == 0;
}

struct bytes import_settled(void)
{
    static const char mark[] = "ipam:settled";
    return (struct bytes){(const uint8_t *)mark, sizeof mark - 1};
}

static const char found_mark[] = IMPORT_FOUND;

struct bytes import_found(void)
{
    return (struct bytes){(const uint8_t *)found_mark, sizeof found_mark - 1};
}

bool private_says(struct bytes private, const char *line)
{
    size_t n = strlen(line);
    for (size_t at = 0; at + n <= private.len; at++)
        if ((at == 0 || private.data[at - 1] == '\n') && memcmp(private.data + at, line, n) == 0)
            return true;
    return false;
}

bool import_is_found(struct bytes private)
{
    return private_says(private, found_mark);
}

struct bytes import_joined(struct arena *a, struct bytes private)
{
    const char *seen = drift_seen_line(a, private);
    const char *text =
        seen ? seen : arena_strndup(a, (const char *)import_settled().data, import_settled().len);
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* What a witness tells of the id; NULL when nobody saw it, or after an error. */
static const struct value *import_seen(struct call *c, const struct resource *r, const char *id,
                                       const char *region, enum sighting_kind kind, adopt_fn fn)
{
    const struct sighting *s = sightings_find(estate_of(c)->sightings, id);
    if (!s || s->kind != kind)
        return NULL;
    if (region && *s->region && strcmp(region, s->region) != 0) {
        diag_error(
            c->diags, NULL, arena_printf(c->arena, "importing %s: wrong Region", r->names[0]),
            "%s is in the Region \"%s\" according to %s, and the import names \"%s\". Import "
            "%s@%s.",
            id, s->region, s->where, region, id, s->region);
        return NULL;
    }
    const struct value *state = fn(c, s);
    return state ? import_blank(c, r, state) : NULL;
}

enum outcome import_network(struct call *c, const struct resource *r, const char *text,
                            const char *prefix, enum sighting_kind kind, adopt_fn fn,
                            const struct value **state, struct bytes *private)
{
    const char *region;
    const char *id = import_split(c, text, &region);
    if (!id_has_form(id, prefix)) {
        diag_error(c->diags, NULL, arena_printf(c->arena, "importing %s: invalid id", r->names[0]),
                   "\"%.100s\" is not an id of this resource. It has the form %s followed by hex "
                   "digits, optionally with @ and a Region at the end.",
                   text, prefix);
        return CALL_DONE;
    }
    *state = import_known(c, r, id, region);
    if (*state || c->diags->errors)
        return CALL_DONE;
    *state = fn ? import_seen(c, r, id, region, kind, fn) : NULL;
    if (*state)
        *private = import_found();
    if (*state || c->diags->errors)
        return CALL_DONE;
    *state = value_set(c->arena, value_set(c->arena, &value_null, "id", value_string(c->arena, id)),
                       "region", value_string(c->arena, region ? region : estate_of(c)->region));
    import_adopt(c, r, state, private);
    return CALL_DONE;
}

enum outcome import_object(struct call *c, const struct resource *r, const char *text,
                           const char *prefix, const struct value **state, struct bytes *private)
{
    return import_network(c, r, text, prefix, SIGHTED_NETWORK, NULL, state, private);
}

void plan_adopted(struct call *c, struct change *ch, const struct schema *s, const char *cidr)
{
    if (cidr && value_is_null(value_get(ch->config, cidr)) &&
        value_is_null(value_get(ch->prior, cidr)))
        diag_error(c->diags, PATH_ATTR(NULL, cidr), "The CIDR of an imported object is not known",
                   "This object was imported by its id alone, and the configuration does not name "
                   "its CIDR. It exists, so a CIDR cannot be chosen for it: that could differ from "
                   "the one in use. Write the CIDR that it has as %s = \"...\".",
                   cidr);
    struct path_list none = {0};
    schema_plan(c->arena, s, &value_null, ch->config, ch->config, &ch->planned, &none);
    /* What the import knew (id, region, CIDR) stays. */
    for (const struct attribute *at = s->block.attributes; at->name; at++)
        if (value_is_unknown(value_get(ch->planned, at->name)) &&
            value_is_null(value_get(ch->config, at->name)) &&
            value_is_known(value_get(ch->prior, at->name)))
            planned_set(c, ch, at->name, value_get(ch->prior, at->name));
    ch->replace.count = 0;
    ch->private = (struct bytes){(const uint8_t *)adopted_mark, sizeof adopted_mark - 1};
}

bool plan_begin(struct call *c, struct change *ch, const struct schema *s, const char *cidr)
{
    bool adopted = import_is_adopted(ch->prior_private);
    if (adopted)
        plan_adopted(c, ch, s, cidr);
    plan_common(c, ch);
    return adopted;
}
