/*
 * ram_association - what associates something with a resource share
 *
 * A pool and whoever draws from it are put into a share in the same way: the id is the share's ARN
 * and the other one's name, nothing changes in place, the share must be one's own, and the same
 * thing twice is refused. What may be associated, and what it means, is the kind's business
 * (ram_principal_association.c, ram_resource_association.c).
 */
#include "provider/ram_association.h"

#include <string.h>

#define T struct ram_association_row

static const struct ram_association *kind_of(const struct call *c)
{
    return resource_named(c->type_name) == &ram_principal_association_resource
               ? &ram_principal_association
               : &ram_resource_association;
}

static void fill(struct call *c, T *row)
{
    field_set_string(&row->id, arena_printf(c->arena, "%s,%s", row->share.v, row->other.v));
}

/* Everything but whether it exists already; true: it may be done. */
static bool check(struct call *c, const T *row, const struct ram_association *k, enum outcome *out)
{
    *out = CALL_DONE;
    if (row->share.is == KNOWN && !ram_check_share(c, row->share.v, k->doing, out))
        return false;
    return row->other.is != KNOWN || k->check(c, row, out);
}

enum outcome ram_association_plan(struct call *c, struct change *ch)
{
    const struct ram_association *k = kind_of(c);
    T row = {0};
    enum outcome out = CALL_DONE;
    if (ch->kind == CHANGE_DELETE)
        return CALL_DONE;
    plan_region(c, ch);
    schema_decode(k->resource->schema, ch->planned, &row);
    if (ch->kind != CHANGE_CREATE)
        return CALL_DONE;
    if (row.share.is == KNOWN && row.other.is == KNOWN) {
        fill(c, &row);
        ch->planned = schema_encode(c->arena, k->resource->schema, &row, ch->planned);
    }
    check(c, &row, k, &out);
    return out;
}

enum outcome ram_association_create(struct call *c, struct change *ch, const struct value **state)
{
    const struct ram_association *k = kind_of(c);
    T row = {0};
    enum outcome out;
    schema_decode(k->resource->schema, ch->planned, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", c->patience_ms);
    if (!check(c, &row, k, &out))
        return out;
    fill(c, &row);
    if (k->is_there(c, &row)) {
        diag_error(c->diags, NULL, arena_printf(c->arena, "%s: already exists", k->doing),
                   "%s (%s) already exists. %s Import it (terraform import), or remove one of the "
                   "two resources.",
                   k->what, row.id.v, k->once);
        return CALL_DONE;
    }
    const struct value *made = schema_encode(c->arena, k->resource->schema, &row, ch->planned);
    if (k->add(c, &row) != ENGINE_OK) {
        report_no_memory(c, k->doing);
        return CALL_DONE;
    }
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

enum outcome ram_association_destroy(struct call *c, struct change *ch)
{
    const struct ram_association *k = kind_of(c);
    T row = {0};
    enum outcome out = CALL_DONE;
    schema_decode(k->resource->schema, ch->prior, &row);
    if (!engine_share(estate_of(c)->engine, row.share.v)) /* went with the share */
        return CALL_DONE;
    if (!ram_check_share(c, row.share.v, arena_printf(c->arena, "deleting %s", k->what), &out))
        return out;
    k->remove(c, &row);
    call_progress(c);
    return CALL_DONE;
}

enum outcome ram_association_read(struct call *c, const struct value **state, struct bytes *private)
{
    const struct ram_association *k = kind_of(c);
    T row = {0};
    (void)private;
    schema_decode(k->resource->schema, *state, &row);
    if (!k->is_there(c, &row))
        estate_learn(c, k->resource, *state);
    return CALL_DONE;
}

/* Splits `<share ARN>,<other>`; false (and a diagnostic) when it has not that form. */
static bool split(struct call *c, const char *text, const struct ram_association *k, T *row)
{
    const char *comma = strchr(text, ',');
    const char *share = comma ? arena_strndup(c->arena, text, (size_t)(comma - text)) : "";
    const char *doing = arena_printf(c->arena, "importing %s: invalid id", k->what);
    if (!comma || check_share_arn(c->arena, share) || !comma[1]) {
        diag_error(c->diags, NULL, doing,
                   "\"%.300s\" is not an id of this resource. It is the ARN of the resource share, "
                   "a comma, and what is associated with it.",
                   text);
        return false;
    }
    const char *wrong = k->check_other(c->arena, comma + 1);
    if (wrong)
        diag_error(c->diags, NULL, doing, "%s.", wrong);
    field_set_string(&row->share, share);
    field_set_string(&row->other, comma + 1);
    return !wrong;
}

/* The id says everything. */
enum outcome ram_association_import(struct call *c, const char *text, const struct value **state,
                                    struct bytes *private)
{
    const struct ram_association *k = kind_of(c);
    T row = {0};
    const char *region, *id = import_split(c, text, &region);
    if (!split(c, id, k, &row))
        return CALL_DONE;
    field_set_string(&row.region, region ? region : estate_of(c)->region);
    fill(c, &row);
    *state = import_blank(c, k->resource, schema_encode(c->arena, k->resource->schema, &row, NULL));
    *private = import_settled();
    return CALL_DONE;
}
