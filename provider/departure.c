/*
 * departure - what a planned removal will set free
 *
 * A plan asks whether a request can succeed in a world from which the planned removals are gone.
 * Terraform says in four ways that an object goes: it plans a deletion; it plans an update that
 * turns out to need a replacement; the state marks the object as tainted or deposed (hydrate.c);
 * or the user forced a replacement, and then the plan of the new object carries the private bytes
 * of the old one's plan and nothing else. Marks count in checks of a plan only: an apply waits
 * until the space is really free.
 *
 * The same lines serve when another process of the run removed something and the state was read
 * again (refresh.c): then they are carried out.
 */
#include "provider/drift.h"
#include "provider/forecast.h"
#include "provider/occupied.h"
#include "provider/set_choice.h"

#include <stdlib.h>
#include <string.h>

static const char mark[] = "ipam:departure\n";

/* What is done with an allocation and with a pool's CIDR. */
struct treatment {
    void (*allocation)(struct engine *e, const char *id);
    void (*cidr)(struct engine *e, const char *pool_id, const struct cidr *c);
    bool unclaimed; /* only with what no run claims */
};
static const struct treatment marking = {engine_plan_leave, engine_plan_leave_cidr, false};
static const struct treatment unloading = {engine_unload_allocation, engine_unload_cidr, true};
static const struct treatment asking = {NULL, NULL, false}; /* is it there? */

/* A network without a pool: its space leaves with the id that its allocation would have. */
static bool treat_occupant(const struct estate *e, const char *id, const struct treatment *t)
{
    if (t == &asking)
        return occupied_has(e, id);
    return t == &marking ? occupied_leave(e, id) : occupied_gone(e, id);
}

/* A state that lost what a living run was issued was overwritten after its lock was lost. */
static bool treat_allocation(const struct estate *e, struct engine *engine, const char *id,
                             const struct treatment *t)
{
    if (t == &asking)
        return engine_allocation(engine, id) != NULL;
    if (t->unclaimed && claims_hold(e->claims, id))
        return false;
    t->allocation(engine, id);
    return true;
}

static bool treat_cidr(const struct estate *e, struct engine *engine, const char *pool_id,
                       const struct cidr *c, const struct treatment *t)
{
    if (t == &asking)
        return pool_has_cidr(engine, pool_id, c);
    if (t->unclaimed && claims_hold_cidr(e->claims, pool_id, c))
        return false;
    t->cidr(engine, pool_id, c);
    return true;
}

/* The ids of a set's allocations, copied: treating them may free the records. */
struct held {
    const char *set_id;
    char **ids;
    size_t count, capacity;
};

static bool hold_id(void *ctx, const struct allocation *a)
{
    struct held *h = ctx;
    if (!set_owns(h->set_id, a))
        return true;
    if (h->count == h->capacity) {
        size_t more = h->capacity ? 2 * h->capacity : 64;
        char **ids = realloc(h->ids, more * sizeof *ids);
        if (!ids)
            return false;
        h->ids = ids;
        h->capacity = more;
    }
    h->ids[h->count] = strdup(a->id);
    return h->ids[h->count] && ++h->count;
}

/* Without memory some stay as they are: then their space is not given out, which is safe. */
static bool treat_set(const struct estate *e, struct engine *engine, const char *set_id,
                      const struct treatment *t)
{
    struct held h = {.set_id = set_id};
    bool done = false;
    engine_each_allocation(engine, NULL, hold_id, &h);
    for (size_t i = 0; i < h.count; i++) {
        done |= treat_allocation(e, engine, h.ids[i], t);
        free(h.ids[i]);
    }
    free(h.ids);
    return done;
}

static bool treat_line(const struct estate *e, const char *line, size_t n,
                       const struct treatment *t)
{
    char text[256];
    if (n < 3 || n >= sizeof text || line[1] != ' ')
        return false;
    memcpy(text, line, n);
    text[n] = '\0';
    char *underscore = strchr(text, '_');
    struct cidr c;
    if (*text == 'd') { /* a discovery or an association: only the memory has it */
        if (t == &marking)
            memory_leave(e->memory, text + 2);
        return false;
    }
    bool inside = *text == 's' || *text == 'v';
    struct engine *engine = inside ? e->insides : e->engine;
    if (*text == 'e')
        return treat_set(e, engine, text + 2, t);
    bool occupied = *text == 'a' && treat_occupant(e, text + 2, t);
    if (*text == 'a' || *text == 's')
        return treat_allocation(e, engine, text + 2, t) || occupied;
    return (*text == 'c' || *text == 'v') && underscore &&
           cidr_parse(text + 2, (size_t)(underscore - text - 2), &c) == CIDR_OK &&
           treat_cidr(e, engine, underscore + 1, &c, t);
}

/* True when one of them was of any effect. */
static bool treat_lines(const struct estate *e, const char *lines, const struct treatment *t)
{
    bool done = false;
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        done |= treat_line(e, lines, n, t);
        lines += n + (lines[n] == '\n');
    }
    return done;
}

void departure_mark(const struct estate *e, const char *lines)
{
    treat_lines(e, lines, &marking);
}

bool departure_unload(const struct estate *e, const char *lines)
{
    return treat_lines(e, lines, &unloading);
}

bool departure_is_known(const struct estate *e, const char *lines)
{
    return treat_lines(e, lines, &asking);
}

void plan_departure(struct call *c, struct change *ch, const struct resource *r)
{
    const struct estate *e = estate_of(c);
    size_t n = sizeof mark - 1;
    if (ch->kind == CHANGE_CREATE) {
        if (ch->prior_private.len > n && memcmp(ch->prior_private.data, mark, n) == 0) {
            departure_mark(e, arena_strndup(c->arena, (const char *)ch->prior_private.data + n,
                                            ch->prior_private.len - n));
            call_progress(c);
        }
        return;
    }
    if (import_is_adopted(ch->prior_private))
        return;
    const char *lines =
        resource_departure(r)(&(struct facts){.arena = c->arena, .value = ch->prior});
    bool goes = ch->kind == CHANGE_DELETE || ch->replace.count > 0;
    if (goes) {
        departure_mark(e, lines);
        call_progress(c);
    }
    const char *seen = drift_seen_line(c->arena, ch->prior_private);
    const char *forecast = forecast_departure(c, goes ? lines : "");
    const char *found = import_is_found(ch->prior_private) ? IMPORT_FOUND : "";
    const char *text =
        arena_printf(c->arena, "%s%s%s%s%s", mark, lines, forecast, found, seen ? seen : "");
    ch->private = (struct bytes){(const uint8_t *)text, strlen(text)};
}
