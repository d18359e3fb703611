/*
 * forecast - what a plan knows of its apply
 *
 * The lines of a forecast:
 *   p KEY SOURCE     a pool will be created; its id will begin with KEY. SOURCE: id or key of its
 *                    source pool, or `-`
 *   c POOL CIDR      the pool will get this CIDR; `/LENGTH`: one of this size. POOL: id or key
 *   i POOL CIDR      somebody will ask for this CIDR in the pool
 *   n REGION CIDR    a network of no pool will have this CIDR
 *   d LINE           this will go, see departure_fn
 *
 * Pools without ids. In a first plan no pool has an id, so nothing could be said about its CIDRs.
 * But an unknown value may carry how it begins (proto/refinement.h), and what refers to it sees
 * that. So the ids of new pools begin with some digits derived from their configuration: family,
 * locale, description, tags, and the same digits of the source pool. Only arguments that are known
 * in the plan are used, and Terraform sees to it that those stay, so the apply arrives at the same
 * digits without any forecast; that is what makes showing them honest. Where several pools of a
 * plan have the same digits, nothing is concluded from them.
 *
 * What the apply makes of it:
 *
 * 1. Wishes become intents of the engine: draws keep off them while there is room elsewhere. Wrong
 *    wishes could only make a draw take another free block.
 *
 * 2. A pool's CIDR is given ahead of its turn when calls that wait for it take all places, so that
 *    its own request can never come. It is provisioned as if that request had come: same choice,
 *    same claim in the journal, and the request, when it comes, gets exactly that CIDR. If it never
 *    comes (its run was killed, something before it failed), what was drawn from the CIDR lies
 *    outside of its pool's CIDRs in the state. Such space is held in its whole scope by the state
 *    that has it, so it is issued to nobody else, and the next run, which plans the CIDR again,
 *    takes it in. Only CIDRs that this very configuration of the provider will be asked for are
 *    given, and only by the forecast of this very run; for a saved plan, by that of the only plan
 *    that began with this state.
 *
 * 3. A pool's CIDR goes before what is in it, when calls that wait for that take all places. All of
 *    it must be on the list of the plan that the removal itself belongs to (its private bytes name
 *    the forecast). Until it goes, too, each allocation holds its own space in the whole scope, in
 *    this process and in every other one that reads the state; the rest of the CIDR is free, and
 *    nobody draws from it as part of the pool any more, since the closing note in the pool's
 * journal was written under its lock. A run that ends in between leaves allocations outside of
 * their pool's CIDRs, which the next destroy or apply resolves.
 *
 * That calls which wait take all places shows when one of them gets its last attempt (dispatch.c);
 * from then on the run counts as crowded, and neither 2 nor 3 waits any more.
 */
#include "provider/forecast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/linkhash.h>

#include "proto/log.h"
#include "proto/refinement.h"
#include "provider/forecast_internal.h"
#include "provider/occupied.h"

#define POOL_PREFIX "ipam-pool-"
/* "0" and six digits: two configurations of a plan with two hundred pools agree by chance once in
 * a thousand plans, and then only comfort is lost. */
#define KEY_DIGITS 7
#define KEY_LENGTH (sizeof POOL_PREFIX - 1 + KEY_DIGITS)

enum supply_state { SUPPLY_DUE, SUPPLY_GIVEN, SUPPLY_DONE };

/* A CIDR that a pool will get. */
struct supply {
    struct supply *next;
    struct cidr cidr; /* unset: by length. Of a given one: what it got */
    int length;       /* -1: by CIDR */
    enum supply_state state;
    bool ours;     /* it will be asked of this configuration of the provider */
    bool expected; /* the engine counts on it in checks of a plan */
};

struct wish {
    struct wish *next;
    struct cidr cidr;
    const char *region; /* of a network of no pool; else NULL */
};

/* What is known of a pool, by id or key. */
struct prospect {
    struct prospect *next;
    const char *pool, *source; /* source NULL: not known here */
    const char *id;            /* of a key: the pool that was created */
    unsigned created;          /* pools of this key in the plan */
    struct supply *supplies, **supplies_end;
    struct wish *wishes;
    bool told; /* the engine knows the wishes */
};

struct forecast {
    struct estate *estate;
    struct arena *arena;
    struct forecast_file file;
    struct forecast_head self;
    bool applying, crowded;
    bool looked, read; /* for forecasts of this run; there were some */
    struct prospect *all;
    struct wish *networks;
    struct lh_table *prospects; /* id or key -> prospect */
    struct lh_table *leaving;   /* lines of departures */
    struct lh_table *names;     /* of the forecasts that were read */
};

static const char *identity(struct arena *a, const struct estate *e)
{
    return arena_printf(a, "%s %s", e->account_id, e->region);
}

static bool open_forecast(struct forecast *f, const char *lineage, int64_t serial)
{
    jmp_buf guard;
    if (setjmp(guard) != 0)
        return false;
    arena_guard(f->arena, &guard);
    f->self.lineage = arena_strdup(f->arena, lineage);
    f->self.serial = serial;
    f->self.identity = identity(f->arena, f->estate);
    if (!claimant_self(f->arena, NULL, &f->self.who))
        f->file.impossible = true;
    arena_guard(f->arena, NULL);
    return true;
}

struct forecast *forecast_new(struct estate *e, const char *lineage, int64_t serial)
{
    struct forecast *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->estate = e;
    f->arena = arena_new();
    f->prospects = lh_kchar_table_new(64, NULL);
    f->leaving = lh_kchar_table_new(64, NULL);
    f->names = lh_kchar_table_new(8, NULL);
    if (!f->arena || !f->prospects || !f->leaving || !f->names ||
        !open_forecast(f, lineage, serial)) {
        forecast_free(f);
        return NULL;
    }
    return f;
}

/* The file of a plan stays: it is for the apply. */
void forecast_free(struct forecast *f)
{
    if (!f)
        return;
    forecast_close(&f->file);
    if (f->prospects)
        lh_table_free(f->prospects);
    if (f->leaving)
        lh_table_free(f->leaving);
    if (f->names)
        lh_table_free(f->names);
    arena_free(f->arena);
    free(f);
}

/* --- planning --- */

/* The forecast that this call adds to; NULL: it is not a plan's. */
static struct forecast *planned_in(struct call *c)
{
    struct forecast *f = estate_of(c)->forecast;
    return f && c->stage == CALL_PLANNING && !f->applying ? f : NULL;
}

static bool is_id(const char *text)
{
    return strlen(text) < 64 && id_has_form(text, POOL_PREFIX);
}

/* The id of a pool, or the key that its id will begin with; NULL: nothing is known. */
static const char *reference(struct call *c, const struct value *pool)
{
    const char *text = value_str(pool, "");
    if (*text)
        return is_id(text) ? text : NULL;
    text = unknown_prefix(c->arena, pool);
    if (strlen(text) < KEY_LENGTH)
        return NULL;
    text = arena_strndup(c->arena, text, KEY_LENGTH);
    return strncmp(text, POOL_PREFIX, sizeof POOL_PREFIX - 1) == 0 &&
                   strspn(text + sizeof POOL_PREFIX - 1, "0123456789abcdef") == KEY_DIGITS
               ? text
               : NULL;
}

/* The first KEY_LENGTH bytes of the source pool's id, "-" without one, NULL when not known. */
static const char *source_key(struct call *c, const struct value *config)
{
    const struct value *source = value_get(config, "source_ipam_pool_id");
    if (value_is_null(source))
        return "-";
    const char *text = reference(c, source);
    return text && strlen(text) >= KEY_LENGTH ? arena_strndup(c->arena, text, KEY_LENGTH) : NULL;
}

const char *forecast_pool_key(struct call *c, const struct value *config)
{
    static const char *const names[] = {"address_family", "locale", "description"};
    const char *source = source_key(c, config), *text = "";
    const struct value *tags = value_get(config, "tags");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct value *v = value_get(config, names[i]);
        if (value_is_unknown(v))
            return NULL;
        text = arena_printf(c->arena, "%s%s\n", text, value_str(v, ""));
    }
    if (!source || !value_is_wholly_known(tags))
        return NULL;
    for (size_t i = 0; tags->kind == VALUE_MAP && i < tags->map.count; i++)
        text = arena_printf(c->arena, "%s%s=%s\n", text, tags->map.members[i].key,
                            value_str(tags->map.members[i].value, ""));
    return id_derive(c->arena, POOL_PREFIX, KEY_DIGITS, text, source);
}

void forecast_begin(struct call *c)
{
    struct forecast *f = planned_in(c);
    if (f)
        forecast_append(&f->file, &f->self, c->arena, "");
}

void forecast_pool(struct call *c, struct change *ch)
{
    struct forecast *f = planned_in(c);
    if (ch->kind != CHANGE_CREATE || value_is_known(value_get(ch->planned, "id")))
        return;
    const char *key = forecast_pool_key(c, ch->config);
    if (!key)
        return;
    planned_set(c, ch, "id", unknown_beginning(c->arena, key));
    if (!f)
        return;
    const struct value *named = value_get(ch->config, "source_ipam_pool_id");
    const char *source = value_is_null(named) ? "-" : reference(c, named);
    forecast_append(&f->file, &f->self, c->arena, arena_printf(c->arena, "p %s %s\n", key, source));
}

void forecast_supply(struct call *c, const struct change *ch)
{
    struct forecast *f = planned_in(c);
    const char *pool = f ? reference(c, value_get(ch->config, "ipam_pool_id")) : NULL;
    const struct value *cidr = value_get(ch->config, "cidr");
    const struct value *length = value_get(ch->config, "netmask_length");
    int64_t bits;
    if (ch->kind != CHANGE_CREATE || !pool || value_is_unknown(cidr) || value_is_unknown(length))
        return;
    const char *what = value_str(cidr, NULL);
    if (!what && value_as_int(length, &bits))
        what = arena_printf(c->arena, "/%d", (int)bits);
    if (what)
        forecast_append(&f->file, &f->self, c->arena,
                        arena_printf(c->arena, "c %s %s\n", pool, what));
}

void forecast_wish(struct call *c, const struct change *ch, const char *pool, const char *cidr)
{
    struct forecast *f = planned_in(c);
    const char *reference_text = f ? reference(c, value_get(ch->config, pool)) : NULL;
    const char *text = value_str(value_get(ch->config, cidr), NULL);
    if (ch->kind == CHANGE_CREATE && reference_text && text)
        forecast_append(&f->file, &f->self, c->arena,
                        arena_printf(c->arena, "i %s %s\n", reference_text, text));
}

void forecast_network(struct call *c, const char *region, const struct cidr *cidr)
{
    struct forecast *f = planned_in(c);
    char text[CIDR_TEXT_SIZE];
    if (f)
        forecast_append(&f->file, &f->self, c->arena,
                        arena_printf(c->arena, "n %s %s\n", region, cidr_format(cidr, text)));
}

/* The last one first: taken in, the list turns round, and the engine takes intents in order. */
void forecast_wish_all(struct call *c, const struct change *ch, const char *pool,
                       struct cidr *cidrs, size_t count)
{
    struct forecast *f = planned_in(c);
    const char *reference_text = f ? reference(c, value_get(ch->config, pool)) : NULL;
    if (!reference_text)
        return;
    const size_t size = strlen(reference_text) + CIDR_TEXT_SIZE + 4;
    size_t left = cidr_merge(cidrs, count), used = 0;
    char *lines = arena_alloc(c->arena, left * size + 1), text[CIDR_TEXT_SIZE];
    lines[0] = '\0';
    while (left-- > 0)
        used += (size_t)snprintf(lines + used, size, "i %s %s\n", reference_text,
                                 cidr_format(&cidrs[left], text));
    if (used > 0)
        forecast_append(&f->file, &f->self, c->arena, lines);
}

const char *forecast_departure(struct call *c, const char *lines)
{
    struct forecast *f = planned_in(c);
    if (!f)
        return "";
    const char *text = "";
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        text = arena_printf(c->arena, "%sd %.*s\n", text, (int)n, lines);
        lines += n + (lines[n] == '\n');
    }
    forecast_append(&f->file, &f->self, c->arena, text);
    return f->file.impossible ? "" : arena_printf(c->arena, "t %s\n", f->self.who.name);
}

/* --- taking in --- */

static void put(struct forecast *f, struct lh_table *t, const char *key, const void *value)
{
    if (!lh_table_lookup_entry(t, key) && lh_table_insert(t, key, value) != 0)
        arena_exhausted(f->arena);
}

static struct prospect *find(const struct forecast *f, const char *pool)
{
    struct lh_entry *e = lh_table_lookup_entry(f->prospects, pool);
    return e ? lh_entry_v(e) : NULL;
}

static struct prospect *prospect_of(struct forecast *f, const char *pool)
{
    struct prospect *p = find(f, pool);
    if (p)
        return p;
    p = arena_calloc(f->arena, 1, sizeof *p);
    p->pool = arena_strdup(f->arena, pool);
    p->supplies_end = &p->supplies;
    p->next = f->all;
    f->all = p;
    put(f, f->prospects, p->pool, p);
    return p;
}

static void add_wish(struct forecast *f, struct prospect *p, const struct cidr *c)
{
    struct wish *w = arena_alloc(f->arena, sizeof *w);
    *w = (struct wish){p->wishes, *c, NULL};
    p->wishes = w;
}

static void add_network(struct forecast *f, const char *region, const struct cidr *c)
{
    struct wish *w = arena_alloc(f->arena, sizeof *w);
    *w = (struct wish){f->networks, *c, arena_strdup(f->arena, region)};
    f->networks = w;
}

static void add_supply(struct forecast *f, const char *pool, const char *what, bool ours)
{
    struct prospect *p;
    struct supply s = {.length = -1, .ours = ours};
    if (*what == '/') {
        char *end;
        long bits = strtol(what + 1, &end, 10);
        if (end == what + 1 || *end || bits < 0 || bits > 128)
            return;
        s.length = (int)bits;
    } else if (cidr_parse(what, strlen(what), &s.cidr) != CIDR_OK) {
        return;
    }
    p = prospect_of(f, pool);
    *p->supplies_end = arena_memdup(f->arena, &s, sizeof s);
    p->supplies_end = &(*p->supplies_end)->next;
}

static bool is_reference(const char *text)
{
    return is_id(text) ||
           (strlen(text) == KEY_LENGTH && strncmp(text, POOL_PREFIX, sizeof POOL_PREFIX - 1) == 0);
}

static void take_line(struct forecast *f, const char *line, bool ours)
{
    char kind, pool[64], what[64], rest;
    struct cidr c;
    if (strncmp(line, "d ", 2) == 0) {
        put(f, f->leaving, arena_strdup(f->arena, line + 2), f);
        return;
    }
    if (sscanf(line, "%c %63s %63s%c", &kind, pool, what, &rest) != 3)
        return;
    if (kind == 'n' && cidr_parse(what, strlen(what), &c) == CIDR_OK)
        add_network(f, pool, &c);
    if (!is_reference(pool))
        return;
    if (kind == 'p') {
        struct prospect *p = prospect_of(f, pool);
        p->created++;
        p->source = is_reference(what) ? arena_strdup(f->arena, what) : "";
    } else if (kind == 'c') {
        add_supply(f, pool, what, ours);
    } else if (kind == 'i' && cidr_parse(what, strlen(what), &c) == CIDR_OK) {
        add_wish(f, prospect_of(f, pool), &c);
    }
}

/* What pools below are going to be given by name is asked for in their source pool. */
static void wish_for_supplies(struct forecast *f)
{
    for (struct prospect *p = f->all; p; p = p->next) {
        const struct pool *pool = engine_pool(f->estate->engine, p->pool);
        const char *source = pool ? pool_info(pool)->source_id : p->source;
        for (const struct supply *s = p->supplies; s && source && *source; s = s->next)
            if (cidr_is_set(&s->cidr))
                add_wish(f, prospect_of(f, source), &s->cidr);
    }
}

/* A forecast that may be this run's. */
struct candidate {
    struct candidate *next;
    struct forecast_head head;
    const char *lines;
    int64_t modified;
    bool same_run;
};

struct candidates {
    struct arena *arena;
    const struct forecast_head *self;
    struct candidate *first;
};

static void consider(void *ctx, const struct forecast_head *h, const char *lines, int64_t modified)
{
    struct candidates *all = ctx;
    const struct forecast_head *self = all->self;
    bool same_run = claimant_same_run(&h->who, &self->who);
    /* A first plan has no lineage yet; whoever applies it may have one. */
    bool same_state = (!*h->lineage || !*self->lineage || strcmp(h->lineage, self->lineage) == 0) &&
                      h->serial == self->serial &&
                      strcmp(h->who.workspace, self->who.workspace) == 0;
    if (!same_run && !same_state)
        return;
    struct candidate *c = arena_alloc(all->arena, sizeof *c);
    *c = (struct candidate){all->first, *h, lines, modified, same_run};
    all->first = c;
}

/* The plan that is applied: of this run, else of the newest one that began with this state. */
static const struct candidate *choose(const struct candidates *all, bool *sure)
{
    const struct candidate *best = NULL;
    for (const struct candidate *c = all->first; c; c = c->next)
        if (!best || c->same_run > best->same_run ||
            (c->same_run == best->same_run && c->modified > best->modified))
            best = c;
    *sure = best;
    for (const struct candidate *c = all->first; c && best && !best->same_run; c = c->next)
        *sure = *sure && claimant_same_run(&c->head.who, &best->head.who);
    return best;
}

static void take_in(struct forecast *f, struct arena *scratch, bool this_run)
{
    struct candidates all = {.arena = scratch, .self = &f->self};
    unsigned ours = 0;
    bool sure;
    forecast_each(scratch, consider, &all);
    const struct candidate *plan = choose(&all, &sure);
    if (!plan || (this_run && !plan->same_run))
        return;
    f->read = true;
    for (const struct candidate *c = all.first; c; c = c->next)
        ours += strcmp(c->head.identity, f->self.identity) == 0 &&
                claimant_same_run(&c->head.who, &plan->head.who);
    for (const struct candidate *c = all.first; c; c = c->next) {
        if (!claimant_same_run(&c->head.who, &plan->head.who))
            continue;
        bool own = sure && ours == 1 && strcmp(c->head.identity, f->self.identity) == 0;
        put(f, f->names, arena_strdup(f->arena, c->head.who.name), f);
        for (const char *line = c->lines; *line;) {
            size_t n = strcspn(line, "\n");
            if (line[n] == '\n')
                take_line(f, arena_strndup(scratch, line, n), own);
            line += n + (line[n] == '\n');
        }
    }
    wish_for_supplies(f);
}

/* The forecast of the plan that this call applies; NULL: it applies nothing. Read at the first
 * call, when it is certain that this process applies: then what it wrote itself, for the plans that
 * Terraform repeats in an apply, is of no use. */
static struct forecast *applied_in(struct call *c)
{
    struct forecast *f = estate_of(c)->forecast;
    if (!f || c->stage != CALL_APPLYING)
        return NULL;
    if (!f->applying) {
        f->applying = true;
        forecast_discard(&f->file);
        arena_guard(f->arena, arena_guard_of(c->arena));
        if (!f->read)
            take_in(f, c->arena, false);
        arena_guard(f->arena, NULL);
    }
    return f;
}

/* The same for a plan that Terraform repeats in an apply: one of this run has ended already. */
static struct forecast *repeated_in(struct call *c)
{
    struct forecast *f = estate_of(c)->forecast;
    if (!f || c->stage != CALL_PLANNING)
        return NULL;
    if (!f->looked) {
        f->looked = true;
        arena_guard(f->arena, arena_guard_of(c->arena));
        if (!f->read)
            take_in(f, c->arena, true);
        arena_guard(f->arena, NULL);
    }
    return f->read ? f : NULL;
}

/* --- planning again --- */

void forecast_expect(struct call *c, const char *pool_id)
{
    struct forecast *f = repeated_in(c);
    struct prospect *p = f ? find(f, pool_id) : NULL;
    for (struct supply *s = p ? p->supplies : NULL; s; s = s->next) {
        if (s->state == SUPPLY_DUE && !s->expected &&
            engine_plan_provision(estate_of(c)->engine, pool_id, &s->cidr, s->length) != ENGINE_OK)
            log_line(LOG_DEBUG, "out of memory: what %s will get is not counted on", pool_id);
        s->expected = true;
    }
}

/* --- applying --- */

void forecast_creating(struct call *c, const char *key, const char *id)
{
    struct forecast *f = key ? applied_in(c) : NULL;
    struct prospect *p = f ? find(f, key) : NULL;
    if (!p || p->created != 1 || (p->id && engine_pool(f->estate->engine, p->id)))
        return;
    arena_guard(f->arena, arena_guard_of(c->arena));
    p->id = arena_strdup(f->arena, id);
    put(f, f->prospects, p->id, p);
    arena_guard(f->arena, NULL);
}

/* Do calls that wait take all places of this run? Then they will again. */
static bool is_crowded(struct forecast *f, const struct call *c)
{
    f->crowded = f->crowded || (c->last_attempt && !c->stopping);
    return f->crowded && !c->stopping;
}

static bool tell_wishes(struct call *c, struct prospect *p, const char *pool_id)
{
    const struct forecast *f = estate_of(c)->forecast;
    struct engine *e = estate_of(c)->engine;
    const struct pool *pool = engine_pool(e, pool_id);
    enum engine_result result = ENGINE_OK;
    for (const struct wish *w = p->wishes; w && result == ENGINE_OK; w = w->next)
        result = engine_plan_intent(e, pool_id, &w->cidr);
    for (const struct wish *w = f->networks; w && result == ENGINE_OK; w = w->next)
        if (occupied_counts(e, pool, &w->cidr, w->region))
            result = engine_plan_intent(e, pool_id, &w->cidr);
    if (result != ENGINE_OK)
        report_no_memory(c, "reading what the plan knows");
    p->told = result == ENGINE_OK;
    return p->told;
}

/* False: the call waits or failed. Without room in the source nothing is given. */
static bool give(struct call *c, const char *pool_id, struct supply *s, enum outcome *out)
{
    struct engine *e = estate_of(c)->engine;
    struct provision_request r = {.pool_id = pool_id, .length = s->length, .cidr = s->cidr};
    struct refusal why;
    struct cidr cidr;
    char text[CIDR_TEXT_SIZE];
    const char *doing = arena_printf(c->arena, "creating IPAM Pool (%s) CIDR", pool_id);
    if (!issue_begin_provision(c, pool_id, doing, out))
        return false;
    switch (engine_pick_provision(e, &r, &cidr, &why)) {
    case ENGINE_REFUSED:
        return true;
    case ENGINE_NO_MEMORY:
        report_no_memory(c, doing);
        return false;
    case ENGINE_OK:
        break;
    }
    r.cidr = cidr;
    r.length = -1;
    r.allocation_id = allocation_id_of(c->arena, pool_id, &cidr);
    if (!issue_provision(c, &r, doing, NULL, out))
        return false;
    s->cidr = cidr;
    s->state = SUPPLY_GIVEN;
    call_changed(c);
    log_line(LOG_DEBUG, "%s gets %s ahead of its turn: those that wait for it take all places",
             pool_id, cidr_format(&cidr, text));
    return true;
}

static struct prospect *prospect_guarded(struct call *c, struct forecast *f, const char *pool_id)
{
    arena_guard(f->arena, arena_guard_of(c->arena));
    struct prospect *p = prospect_of(f, pool_id);
    arena_guard(f->arena, NULL);
    return p;
}

bool forecast_prepare(struct call *c, const char *pool_id, enum outcome *out)
{
    struct forecast *f = applied_in(c);
    struct prospect *p = f ? find(f, pool_id) : NULL;
    const struct pool *pool = engine_pool(estate_of(c)->engine, pool_id);
    bool crowded = f && is_crowded(f, c);
    *out = CALL_DONE;
    if (f && !p && f->networks)
        p = prospect_guarded(c, f, pool_id);
    if (!p || !pool || !pool_is_known(pool))
        return true;
    if (!p->told && !tell_wishes(c, p, pool_id))
        return false;
    bool givable = crowded && !pool_info(pool)->planning;
    for (struct supply *s = p->supplies; s && givable; s = s->next)
        if (s->ours && s->state == SUPPLY_DUE && !give(c, pool_id, s, out))
            return false;
    return true;
}

static struct supply *supply_for(struct forecast *f, const struct provision_request *r,
                                 enum supply_state state)
{
    struct prospect *p = f ? find(f, r->pool_id) : NULL;
    for (struct supply *s = p ? p->supplies : NULL; s; s = s->next)
        if (s->ours && s->state == state &&
            (cidr_is_set(&r->cidr) ? s->length < 0 && cidr_equal(&s->cidr, &r->cidr)
                                   : s->length == r->length))
            return s;
    return NULL;
}

bool forecast_provided(struct call *c, const struct provision_request *r, struct cidr *out)
{
    const struct supply *s = supply_for(estate_of(c)->forecast, r, SUPPLY_GIVEN);
    if (s)
        *out = s->cidr;
    return s;
}

void forecast_settled(struct call *c, const struct provision_request *r)
{
    struct forecast *f = applied_in(c);
    struct supply *s = supply_for(f, r, SUPPLY_GIVEN);
    if (!s)
        s = supply_for(f, r, SUPPLY_DUE);
    if (s)
        s->state = SUPPLY_DONE;
}

/* --- going --- */

struct residents {
    const struct forecast *forecast;
    struct arena *arena;
    const struct cidr *cidr;
};

static bool is_leaving(const struct forecast *f, const char *line)
{
    return lh_table_lookup_entry(f->leaving, line) != NULL;
}

/* An allocation is on the list itself, or with its allocation set, or as the CIDR of a pool below
 * with all that is in it. */
static bool leaves(void *ctx, const struct allocation *a)
{
    const struct residents *r = ctx;
    const struct forecast *f = r->forecast;
    char text[CIDR_TEXT_SIZE];
    if (!cidr_overlaps(&a->cidr, r->cidr) || is_leaving(f, arena_printf(r->arena, "a %s", a->id)))
        return true;
    const struct pool *below =
        a->type == ALLOCATION_POOL ? engine_pool(f->estate->engine, a->resource_id) : NULL;
    if (below) { /* a CIDR that will be refused to go does not go */
        struct residents inside = {f, r->arena, &a->cidr};
        return is_leaving(f, arena_printf(r->arena, "c %s_%s", cidr_format(&a->cidr, text),
                                          a->resource_id)) &&
               engine_each_allocation(f->estate->engine, below, leaves, &inside);
    }
    size_t n = strcspn(a->resource_id, "/"); /* of a set's allocation: the set, then its key */
    return a->resource_id[n] &&
           is_leaving(f, arena_printf(r->arena, "e %.*s", (int)n, a->resource_id));
}

/* The name of the forecast in the private bytes of a removal. */
static const char *named_in(struct arena *a, struct bytes plan)
{
    const char *text = arena_strndup(a, (const char *)plan.data, plan.len);
    const char *line = strstr(text, "\nt ");
    return line ? arena_strndup(a, line + 3, strcspn(line + 3, "\n")) : "";
}

bool forecast_lets_go(struct call *c, struct bytes plan, const char *pool_id,
                      const struct cidr *cidr)
{
    struct forecast *f = applied_in(c);
    struct engine *e = estate_of(c)->engine;
    const struct pool *p = engine_pool(e, pool_id);
    struct residents r = {.forecast = f, .arena = c->arena, .cidr = cidr};
    if (!f || !p || !plan.len || !is_crowded(f, c))
        return false;
    /* What is released there later would be kept in quarantine, in a pool that is to be empty. */
    if (pool_info(p)->release_quarantine > 0)
        return false;
    return lh_table_lookup_entry(f->names, named_in(c->arena, plan)) &&
           engine_each_allocation(e, p, leaves, &r);
}
