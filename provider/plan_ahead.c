/*
 * plan_ahead - the plan shows ids and addresses
 *
 * Terraform plans every change twice, in two processes, and what the first plan shows as known must
 * come out of the second one and of the apply unchanged. From version 1.16 on it carries bytes of
 * the provider's own from the first plan to the second (store_planned_private), and so, in a saved
 * plan, to any other machine. That is enough to choose at plan:
 *
 *   - First plan. After the resource's own plan hook its create (or update) hook runs as well, on
 *     the engine of this process, which lives only as long as the plan. What it answers is the
 *     planned state, and because it really took its place in the engine, everything that is planned
 *     after it is planned around it: a pool that does not exist yet gives CIDRs to VPCs that do not
 *     exist yet. What was unknown before and is known now goes into the private bytes.
 *   - Second plan. The bytes come back; the same values are put in, and the engine is only asked
 *     whether they are still possible.
 *   - Apply. The create hook finds a CIDR in the planned state and claims exactly that one. When
 *     the world has changed, the claim is refused like any other explicit one, with the holder.
 *
 * Nothing is chosen when an argument is not known yet that could decide about it, or when the hook
 * would have to wait: then the values stay unknown, as in every plan of an older Terraform, and the
 * apply chooses. Objects that this plan removes keep their space at first, because a replacement
 * may be created before the old object is destroyed; only a request that finds no other space looks
 * at theirs.
 *
 * The bytes are an envelope around the hook's own private bytes: a line with the version, the
 * length of a JSON object, the object, the hook's bytes. They come from a file, so they are read as
 * such: by type, by the schema's own rules, up to a size.
 */
#include "provider/estate.h"
#include "provider/forecast.h"
#include "provider/occupied.h"

#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"

static const char seal[] = "ipam:planned:1\n";

/* A plan whose values take more is shown with unknown ones. */
#define ENVELOPE_MAX (64u << 20)

struct envelope {
    bool is; /* sealed; else the bytes are all inner */
    struct bytes chosen, inner;
};

/* False: sealed, but not readable. */
static bool envelope_open(struct bytes in, struct envelope *out)
{
    size_t at = sizeof seal - 1, length = 0, digits = 0;
    *out = (struct envelope){.inner = in};
    if (in.len < at || memcmp(in.data, seal, at) != 0)
        return true;
    for (; at < in.len && in.data[at] >= '0' && in.data[at] <= '9' && digits < 9; at++, digits++)
        length = 10 * length + (size_t)(in.data[at] - '0');
    if (digits == 0 || at >= in.len || in.data[at] != '\n' || length > ENVELOPE_MAX ||
        length > in.len - at - 1)
        return false;
    out->is = true;
    out->chosen = (struct bytes){in.data + at + 1, length};
    out->inner = (struct bytes){in.data + at + 1 + length, in.len - at - 1 - length};
    return true;
}

static struct bytes envelope_seal(struct arena *a, struct bytes chosen, struct bytes inner)
{
    const char *head = arena_printf(a, "%s%zu\n", seal, chosen.len);
    size_t n = strlen(head);
    uint8_t *out = arena_alloc(a, n + chosen.len + inner.len + 1);
    memcpy(out, head, n);
    memcpy(out + n, chosen.data, chosen.len);
    if (inner.len)
        memcpy(out + n + chosen.len, inner.data, inner.len);
    return (struct bytes){out, n + chosen.len + inner.len};
}

/* "" and 0 may stand for "not set"; the rules of the schema are about what is set. */
static bool stands_for_unset(const struct value *v)
{
    int64_t i;
    return !value_is_known(v) || (v->kind == VALUE_STRING && v->string.len == 0) ||
           (value_as_int(v, &i) && i == 0);
}

static void report_damaged(struct call *c, const char *what)
{
    diag_error(c->diags, NULL, "The plan cannot be read",
               "What the provider stored in the plan of this %s is damaged: %s. Nothing was "
               "changed. Make a new plan.",
               c->type_name, what);
}

/* The chosen values as an object of the resource, nulls for the others; NULL after an error. */
static const struct value *chosen_read(struct call *c, const struct resource *r,
                                       const struct envelope *e)
{
    const char *problem = "its form is not known";
    if (!e->is)
        return &value_null;
    const struct value *v =
        json_decode(c->arena, schema_type(c->arena, r->schema), e->chosen, JSON_LENIENT, &problem);
    if (!v || v->kind != VALUE_MAP) {
        report_damaged(c, problem);
        return NULL;
    }
    const struct attribute *at = r->schema->block.attributes;
    for (; at && at->name; at++) {
        const struct value *one = value_get(v, at->name);
        if (!stands_for_unset(one))
            schema_check_value(at, one, PATH_ATTR(NULL, at->name), c->diags);
    }
    return c->diags->errors ? NULL : v;
}

/* Puts values of `from` where the plan does not know any, unless the configuration decides them.
 * The members that were put are added to *taken, which may be NULL. */
static void fill(struct call *c, const struct resource *r, struct change *ch,
                 const struct value *from, const struct value **taken)
{
    const struct attribute *at = r->schema->block.attributes;
    for (; from->kind == VALUE_MAP && at && at->name; at++) {
        const struct value *v = value_get(from, at->name);
        if (!value_is_known(v) || !value_is_wholly_known(v) ||
            value_is_wholly_known(value_get(ch->planned, at->name)) ||
            !value_is_wholly_known(value_get(ch->config, at->name)))
            continue;
        planned_set(c, ch, at->name, v);
        if (taken)
            *taken = value_set(c->arena, *taken, at->name, v);
    }
}

/* --- choosing --- */

/* Arguments that decide neither ids nor addresses: a plan can choose although they are not known.
 */
static bool is_soft(const char *name)
{
    static const char *const soft[] = {"tags", "tags_all", "description", "cascade", "timeouts"};
    for (size_t i = 0; i < sizeof soft / sizeof *soft; i++)
        if (strcmp(soft[i], name) == 0)
            return true;
    return false;
}

static bool is_decided(const struct value *config)
{
    for (size_t i = 0; config->kind == VALUE_MAP && i < config->map.count; i++) {
        const struct value_member *m = &config->map.members[i];
        if (!is_soft(m->key) && !value_is_wholly_known(m->value))
            return false;
    }
    return true;
}

/* Runs the hook that the apply will run, as if nobody could help it. Its errors become the plan's:
 * they do not depend on what else happens in the run. */
static bool trial(struct call *c, const struct resource *r, const struct change *ch,
                  const struct value **made)
{
    struct call as_it_was = *c;
    struct change run = *ch;
    struct diags said;
    enum outcome out = CALL_DONE;
    enum outcome (*hook)(struct call *, struct change *, const struct value **) =
        ch->kind == CHANGE_CREATE ? r->create : r->update;
    diags_init(&said, c->arena);
    run.planned_private = ch->private;
    run.private = (struct bytes){0};
    c->diags = &said;
    c->last_attempt = c->stopping = false;
    *made = ch->planned;
    if (hook) {
        *made = NULL;
        out = hook(c, &run, made);
    }
    *c = as_it_was;
    if (out == CALL_WAIT)
        return false;
    for (const struct diag *d = said.first; d && said.errors; d = d->next)
        if (d->severity == SEVERITY_ERROR)
            diag_error(c->diags, d->path, d->summary, "%s", d->detail);
    return !said.errors && *made;
}

/* Once more, with the space of what this plan removes. */
static bool trial_without_leaving(struct call *c, const struct resource *r, const struct change *ch,
                                  const struct value **made)
{
    struct engine *engines[] = {estate_of(c)->engine, estate_of(c)->insides};
    struct set_aside *aside[2] = {NULL, NULL};
    bool complete = true, worth_it = false, done = false;
    for (size_t i = 0; i < 2 && complete; i++) {
        complete = engine_plan_set_aside(engines[i], &aside[i]) == ENGINE_OK;
        worth_it = worth_it || aside[i];
    }
    if (complete && worth_it)
        done = trial(c, r, ch, made);
    for (size_t i = 0; i < 2; i++)
        complete = engine_plan_put_back(engines[i], aside[i]) == ENGINE_OK && complete;
    if (!complete)
        report_no_memory(c, arena_printf(c->arena, "planning %s", c->type_name));
    return done && complete;
}

/* Is there something to do ahead? A change that only repeats what is there has nothing. */
static bool is_eligible(struct call *c, const struct resource *r, const struct change *ch)
{
    if (ch->replace.count > 0 || !is_decided(ch->config))
        return false;
    return ch->kind == CHANGE_CREATE ||
           !value_equal(schema_type(c->arena, r->schema), ch->prior, ch->planned);
}

/* The members of `values` in JSON, by the types that the schema gives them. */
static struct bytes chosen_write(struct call *c, const struct resource *r,
                                 const struct value *values)
{
    const struct type *whole = schema_type(c->arena, r->schema);
    struct type_member *members = arena_calloc(c->arena, whole->count, sizeof *members);
    size_t n = 0;
    for (size_t i = 0; i < whole->count; i++)
        if (value_is_known(value_get(values, whole->members[i].name)))
            members[n++] = whole->members[i];
    if (n == 0)
        return (struct bytes){(const uint8_t *)"{}", 2};
    return json_encode(c->arena, type_object(c->arena, members, n), values);
}

/* Puts into the plan what the hook chose; *chosen are those values. False: it could not. */
static bool choose(struct call *c, const struct resource *r, struct change *ch,
                   const struct value **chosen)
{
    const struct value *made;
    if (!trial(c, r, ch, &made) && (c->diags->errors || !trial_without_leaving(c, r, ch, &made)))
        return false;
    fill(c, r, ch, made, chosen);
    provider_observe(c, r, ch->prior, ch->planned);
    call_progress(c);
    return true;
}

/* Sealed even when nothing was chosen: that tells the second plan from the first. True: the hook
 * ran, and the engine has what it asks for. */
static bool first_plan(struct call *c, const struct resource *r, struct change *ch)
{
    const struct value *values = &value_null;
    struct bytes inner = ch->private;
    if (!inner.len && ch->kind != CHANGE_CREATE)
        inner = ch->prior_private;
    bool taken = is_eligible(c, r, ch) && choose(c, r, ch, &values);
    struct bytes chosen = chosen_write(c, r, values);
    if (chosen.len > ENVELOPE_MAX)
        diag_error(c->diags, NULL, "The plan is too large",
                   "The addresses that this plan chooses for one %s take %zu bytes, and a plan "
                   "keeps at most %u. Divide it into several.",
                   c->type_name, chosen.len, ENVELOPE_MAX);
    ch->private = envelope_seal(c->arena, chosen, inner);
    return taken;
}

/* --- the hooks around those of the resources --- */

enum outcome plan_ahead(struct call *c, const struct resource *r, struct change *ch)
{
    struct envelope shown, before;
    if (!envelope_open(ch->planned_private, &shown) || !envelope_open(ch->prior_private, &before)) {
        report_damaged(c, "its length is wrong");
        return CALL_DONE;
    }
    const struct value *chosen = chosen_read(c, r, &shown);
    if (!chosen)
        return CALL_DONE;
    ch->planned_private = shown.inner;
    ch->prior_private = before.inner;
    forecast_begin(c);
    fill(c, r, ch, chosen, NULL); /* so that the hook can ask about them */
    enum outcome out = r->plan ? r->plan(c, ch) : CALL_DONE;
    bool taken = false;
    if (out == CALL_DONE && !c->diags->errors) {
        occupied_plan(c, r, ch);
        fill(c, r, ch, chosen, NULL);
        if (!shown.is && c->client.store_planned_private && ch->kind != CHANGE_DELETE)
            taken = first_plan(c, r, ch);
    }
    capacity_planned(c, r, shown.is, out == CALL_DONE && !c->diags->errors && !taken);
    return out;
}

void plan_ahead_open(struct call *c, struct change *ch)
{
    struct envelope planned;
    if (envelope_open(ch->planned_private, &planned))
        ch->planned_private = planned.inner;
    else
        report_damaged(c, "its length is wrong");
}
