/*
 * claims_records - what stands in a journal, and what it means to the engine
 *
 * Each record is a JSON object whose first member tells its kind:
 *   run         a provider process that claims, and how to find out whether its Terraform lives
 *   claim       an allocation, or the CIDR of a top-level pool, before it is in a state
 *   cancel      the claim came to nothing: Terraform was told of an error
 *   release     the allocation was destroyed
 *   close       a pool's CIDR was deprovisioned
 *   member      a state that draws from the pools held here
 *   forget      it does no longer
 *   quarantine  released space that is not issued again before a time
 *
 * A claim counts while its run lives, or may live. When the run is gone its state decides: what the
 * state holds counts by the state, what it does not hold never happened. A claim whose state cannot
 * be read goes on counting.
 *
 * A release by the same Terraform is a fact for its other processes at once: they share its fate.
 * For everybody else the allocation is taken until the state, read again, does not hold it: were
 * that run killed before it wrote, the state would still hold it. The closing of a CIDR is the
 * reverse: nothing is issued from it any more, and the source pool keeps it taken.
 *
 * What cannot be understood (a newer version wrote it) makes the whole journal unusable: skipping a
 * claim could issue its CIDR again.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/linkhash.h>

#include "provider/claims_internal.h"

#define RECHECK_MS 500
/* Compacting waits until this much could be saved, and at least half of the file. */
#define GARBAGE_BYTES (16u << 10)

/* --- building --- */

bool record_text(struct json_object *r, const char *name, const char *value)
{
    if (!value || !*value)
        return true;
    struct json_object *v = json_object_new_string(value);
    if (v && json_object_object_add(r, name, v) == 0)
        return true;
    json_object_put(v);
    return false;
}

bool record_number(struct json_object *r, const char *name, int64_t value)
{
    struct json_object *v = json_object_new_int64(value);
    if (v && json_object_object_add(r, name, v) == 0)
        return true;
    json_object_put(v);
    return false;
}

struct json_object *record_of(const char *kind, const char *value, const char *by)
{
    struct json_object *r = json_object_new_object();
    if (r && record_text(r, kind, value) && record_text(r, "by", by))
        return r;
    json_object_put(r);
    return NULL;
}

static struct json_object *run_record(const struct claimant *w, const char *state)
{
    struct json_object *r = record_of("run", w->name, NULL);
    if (r && record_text(r, "host", w->host) && record_text(r, "boot", w->boot) &&
        record_text(r, "pidns", w->pid_namespace) && record_number(r, "terraform", w->terraform) &&
        record_number(r, "started", w->started) && record_number(r, "provider", w->provider) &&
        record_text(r, "state", state) && record_text(r, "shown", w->shown) &&
        record_text(r, "lineage", w->lineage) && record_text(r, "folder", w->folder) &&
        record_text(r, "workspace", w->workspace) && record_text(r, "lock", w->lock) &&
        record_text(r, "since", w->since))
        return r;
    json_object_put(r);
    return NULL;
}

struct json_object *record_run(const struct claims *x, const struct holder *h, struct arena *a)
{
    const char *state = *x->self.state ? path_relative(a, h->folder, x->self.state) : "";
    return run_record(&x->self, state);
}

static struct json_object *claim_record(const struct claim *k)
{
    char text[CIDR_TEXT_SIZE];
    struct json_object *r = record_of("claim", k->id, k->run->who.name);
    if (r && record_text(r, "pool", k->pool) &&
        record_text(r, "cidr", cidr_format(&k->cidr, text)) &&
        record_text(r, "type", allocation_type_name(k->type)) &&
        record_text(r, "resource", k->resource) && record_text(r, "owner", k->owner) &&
        record_text(r, "region", k->region) && record_text(r, "scope", k->scope))
        return r;
    json_object_put(r);
    return NULL;
}

static struct json_object *link_record(const struct member_link *l)
{
    struct json_object *r = record_of("member", l->path && *l->path ? l->path : l->lineage, NULL);
    if (r && record_text(r, "path", l->path) && record_text(r, "lineage", l->lineage) &&
        record_text(r, "shown", l->shown))
        return r;
    json_object_put(r);
    return NULL;
}

static struct json_object *quarantine_record(const struct quarantine *q)
{
    char text[CIDR_TEXT_SIZE];
    struct json_object *r = record_of("quarantine", q->pool, NULL);
    if (r && record_text(r, "cidr", cidr_format(&q->cidr, text)) &&
        record_number(r, "until", q->until) && record_text(r, "resource", q->resource))
        return r;
    json_object_put(r);
    return NULL;
}

/* --- taking in --- */

struct intake {
    struct claims *x;
    struct holder *h;
    struct json_object *record;
    bool *restarted, began;
};

static const char *text(const struct intake *in, const char *name)
{
    struct json_object *m;
    if (!json_object_object_get_ex(in->record, name, &m) ||
        !json_object_is_type(m, json_type_string))
        return "";
    return json_object_get_string(m);
}

static const char *kept(const struct intake *in, const char *name)
{
    const char *s = text(in, name);
    return *s ? arena_strdup(in->x->arena, s) : "";
}

static int64_t number(const struct intake *in, const char *name)
{
    struct json_object *m;
    return json_object_object_get_ex(in->record, name, &m) && json_object_is_type(m, json_type_int)
               ? json_object_get_int64(m)
               : -1;
}

static void not_understood(struct intake *in, const char *why)
{
    snprintf(in->h->problem, sizeof in->h->problem,
             "%s holds a record that cannot be understood (%s), so what is claimed there is not "
             "known. Use the newest version of the provider that works with this estate.",
             journal_path(in->h->journal), why);
    in->h->puzzled = true;
}

static void *find(struct lh_table *t, const char *key)
{
    struct lh_entry *e = lh_table_lookup_entry(t, key);
    return e ? (void *)(uintptr_t)lh_entry_v(e) : NULL;
}

static void put(struct claims *x, struct lh_table *t, const char *key, const void *value)
{
    struct lh_entry *e = lh_table_lookup_entry(t, key);
    if (e)
        lh_entry_set_val(e, (void *)(uintptr_t)value);
    else if (lh_table_insert(t, key, value) != 0)
        arena_exhausted(x->arena);
}

static struct run *add_run(struct claims *x, struct holder *h, const struct claimant *who)
{
    struct run *r = find(h->run_by_name, who->name);
    if (r)
        return r;
    r = arena_alloc(x->arena, sizeof *r);
    r->who = *who;
    r->life = LIFE_UNKNOWN;
    r->next = h->runs;
    h->runs = r;
    put(x, h->run_by_name, who->name, r);
    return r;
}

static bool is_own_folder(const struct claims *x, const struct claimant *who)
{
    return !x->own->path && strcmp(who->host, x->self.host) == 0 &&
           strcmp(who->folder, x->self.folder) == 0 &&
           strcmp(who->workspace, x->self.workspace) == 0;
}

/* The state that this run writes, when it can be reached from here. */
static struct member *state_of(struct claims *x, const struct holder *h, const struct claimant *who)
{
    if (*who->state)
        return member_at(x, path_below(x->arena, h->folder, who->state), NULL);
    struct member *m = member_with_lineage(x, who->lineage);
    return m ? m : is_own_folder(x, who) ? x->own : NULL;
}

static void take_run(struct intake *in)
{
    struct claims *x = in->x;
    struct claimant who = {
        .name = kept(in, "run"),
        .host = kept(in, "host"),
        .boot = kept(in, "boot"),
        .pid_namespace = kept(in, "pidns"),
        .terraform = number(in, "terraform"),
        .provider = number(in, "provider"),
        .started = number(in, "started"),
        .state = kept(in, "state"),
        .shown = kept(in, "shown"),
        .lineage = kept(in, "lineage"),
        .folder = kept(in, "folder"),
        .workspace = kept(in, "workspace"),
        .lock = kept(in, "lock"),
        .since = kept(in, "since"),
    };
    struct run *r = add_run(x, in->h, &who);
    r->mine = claimant_same_run(&r->who, &x->self);
    if (r->mine)
        r->life = LIFE_RUNS;
    in->h->announced |= strcmp(who.name, x->self.name) == 0;
}

static bool known_type(const char *name, enum allocation_type *out)
{
    for (int t = ALLOCATION_POOL; t <= ALLOCATION_ANYCAST; t++)
        if (strcmp(allocation_type_name((enum allocation_type)t), name) == 0) {
            *out = (enum allocation_type)t;
            return true;
        }
    return false;
}

static struct run *by_whom(struct intake *in)
{
    struct run *r = find(in->h->run_by_name, text(in, "by"));
    if (r)
        return r;
    /* Its record is lost; the claim counts until somebody says otherwise. */
    const struct claimant nobody = {
        kept(in, "by"), "", "", "", -1, -1, -1, "", "", "", "", "", "", ""};
    return add_run(in->x, in->h, &nobody);
}

static void take_claim(struct intake *in)
{
    struct holder *h = in->h;
    struct claim k = {.id = kept(in, "claim"),
                      .pool = kept(in, "pool"),
                      .resource = kept(in, "resource"),
                      .owner = kept(in, "owner"),
                      .region = kept(in, "region"),
                      .scope = *text(in, "scope") ? kept(in, "scope") : NULL};
    const char *cidr = text(in, "cidr");
    if (!*k.pool || !*k.id || !known_type(text(in, "type"), &k.type) ||
        cidr_parse(cidr, strlen(cidr), &k.cidr) != CIDR_OK) {
        not_understood(in, "a claim without pool, CIDR or type");
        return;
    }
    const struct claim *before = find(h->claim_by_id, k.id);
    k.run = by_whom(in);
    if (before && before->run == k.run && !before->over && !before->released)
        return; /* read before the file was compacted */
    struct claim *claim = arena_memdup(in->x->arena, &k, sizeof k);
    claim->next = h->claims;
    h->claims = claim;
    claim->next_of_run = claim->run->claims;
    claim->run->claims = claim;
    claim->run->open++;
    put(in->x, h->claim_by_id, claim->id, claim);
}

static void finish_claim(struct claim *k)
{
    k->run->open -= !k->over;
    k->over = true;
}

/* Takes out of the engine what it has because of this claim alone. */
static void uncount(struct claims *x, struct claim *k)
{
    struct refusal why;
    struct engine *e = x->estate->engine;
    if (!k->counted)
        return;
    k->counted = false;
    enum engine_result r =
        k->scope ? engine_deprovision(e, k->pool, &k->cidr, &why) : engine_release(e, k->id, &why);
    x->released |= r == ENGINE_OK;
}

static void take_cancel(struct intake *in)
{
    struct claim *k = find(in->h->claim_by_id, text(in, "cancel"));
    if (k) {
        uncount(in->x, k);
        finish_claim(k);
    }
}

static void take_release(struct intake *in)
{
    struct refusal why;
    const char *id = text(in, "release");
    struct claim *k = find(in->h->claim_by_id, id);
    const struct run *by = by_whom(in);
    if (k)
        k->released = true;
    if (!by->mine || by == in->h->self || *in->restarted)
        return;
    if (k) {
        uncount(in->x, k);
        finish_claim(k);
    }
    in->x->released |= engine_release(in->x->estate->engine, id, &why) == ENGINE_OK;
}

static void take_close(struct intake *in)
{
    struct engine *e = in->x->estate->engine;
    struct refusal why;
    struct cidr c;
    const char *pool = text(in, "close"), *cidr = text(in, "cidr");
    const struct pool *p = engine_pool(e, pool);
    const struct run *by = by_whom(in);
    if (cidr_parse(cidr, strlen(cidr), &c) != CIDR_OK || !p || *in->restarted)
        return; /* what is read again was done before */
    const char *source = pool_info(p)->source_id;
    const char *kept_source = source ? arena_strdup(in->x->arena, source) : NULL;
    enum engine_result r = engine_deprovision(e, pool, &c, &why);
    if (r == ENGINE_REFUSED && why.code == REFUSAL_CIDR_IN_USE) {
        engine_unload_cidr(e, pool, &c); /* what is in it goes later and holds its own space */
        r = ENGINE_OK;
    }
    if (r != ENGINE_OK || by->mine || !kept_source)
        return;
    const struct allocation_request gift = {.id = text(in, "id"),
                                            .pool_id = kept_source,
                                            .type = ALLOCATION_POOL,
                                            .cidr = c,
                                            .length = -1,
                                            .resource_id = pool};
    if (engine_load_allocation(e, &gift) != ENGINE_OK)
        arena_exhausted(in->x->arena);
}

static struct member_link *link_find(struct holder *h, const char *path, const char *lineage)
{
    for (struct member_link *l = h->links; l; l = l->next)
        if (*path ? strcmp(l->path, path) == 0 : !*l->path && strcmp(l->lineage, lineage) == 0)
            return l;
    return NULL;
}

static struct member_link *link_of(struct holder *h, const struct member *m, struct arena *a)
{
    const char *path = m->path ? path_relative(a, h->folder, m->path) : "";
    struct member_link *l = link_find(h, path, m->lineage);
    return l && !l->forgotten && (*path || *m->lineage) ? l : NULL;
}

struct json_object *record_member(const struct holder *h, const struct member *m, struct arena *a)
{
    const struct member_link l = {.path = m->path ? path_relative(a, h->folder, m->path) : "",
                                  .lineage = m->lineage,
                                  .shown = m->path ? m->path : m->shown};
    return link_record(&l);
}

/* A state without path and lineage (the first run, not in a file) cannot be named; its claims stay
 * until a later run names it. */
void holder_prepare(struct claims *x, struct holder *h)
{
    const struct member *own = x->own;
    if (!h->self) {
        h->self = add_run(x, h, &x->self);
        h->self->mine = true;
        h->self->life = LIFE_RUNS;
    }
    h->linked = h->linked || h == own->holder || (!own->path && !*own->lineage) ||
                link_of(h, own, x->arena);
}

static void take_member(struct intake *in)
{
    struct claims *x = in->x;
    const char *path = kept(in, "path"), *lineage = kept(in, "lineage");
    struct member_link *l = link_find(in->h, path, lineage);
    if (!l) {
        l = arena_alloc(x->arena, sizeof *l);
        l->next = in->h->links;
        in->h->links = l;
    }
    l->path = path;
    l->lineage = lineage;
    l->shown = kept(in, "shown");
    l->forgotten = false;
    l->member = *path ? member_at(x, path_below(x->arena, in->h->folder, path), NULL)
                      : member_with_lineage(x, lineage);
    if (l->member && !l->member->own && !*l->member->lineage)
        l->member->lineage = lineage;
}

static void take_forget(struct intake *in)
{
    struct member_link *l = link_find(in->h, text(in, "path"), text(in, "lineage"));
    if (l)
        l->forgotten = true;
}

static void quarantine_put(struct claims *x, struct holder *h, const char *pool,
                           const struct cidr *c, const char *resource, int64_t until)
{
    char cidr[CIDR_TEXT_SIZE];
    struct quarantine *q = arena_alloc(x->arena, sizeof *q);
    *q = (struct quarantine){.next = h->quarantines,
                             .pool = arena_strdup(x->arena, pool),
                             .resource = arena_strdup(x->arena, resource),
                             .cidr = *c,
                             .until = until,
                             .id = arena_printf(x->arena, QUARANTINE_PREFIX "%s-%s-%" PRId64, pool,
                                                cidr_format(c, cidr), until)};
    h->quarantines = q;
}

static void take_quarantine(struct intake *in)
{
    const char *cidr = text(in, "cidr"), *pool = text(in, "quarantine");
    struct cidr c;
    if (cidr_parse(cidr, strlen(cidr), &c) != CIDR_OK)
        not_understood(in, "a quarantine without CIDR");
    else
        quarantine_put(in->x, in->h, pool, &c, text(in, "resource"), number(in, "until"));
}

static const struct {
    const char *kind;
    void (*take)(struct intake *in);
} kinds[] = {
    {"claim", take_claim},     {"run", take_run},
    {"release", take_release}, {"cancel", take_cancel},
    {"close", take_close},     {"member", take_member},
    {"forget", take_forget},   {"quarantine", take_quarantine},
};

static bool take(void *ctx, struct json_object *record, size_t bytes)
{
    struct intake *in = ctx;
    in->record = record;
    in->h->bytes += bytes;
    in->h->changed = true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (*text(in, kinds[i].kind)) {
            kinds[i].take(in);
            return true;
        }
    not_understood(in, "of an unknown kind");
    return true;
}

/* Everything is read again, into the same tables: a claim that the engine has stays one. */
static void restart(struct holder *h)
{
    h->bytes = 0;
    h->announced = h->linked = h->puzzled = false;
    h->quarantines = NULL;
    for (struct member_link *l = h->links; l; l = l->next)
        l->forgotten = true;
}

static bool take_next(void *ctx, struct json_object *record, size_t bytes)
{
    struct intake *in = ctx;
    if (*in->restarted && !in->began) {
        restart(in->h);
        in->began = true;
    }
    return take(in, record, bytes);
}

enum journal_result holder_read(struct claims *x, struct holder *h, bool *restarted)
{
    struct intake in = {.x = x, .h = h, .restarted = restarted};
    enum journal_result result = journal_read(h->journal, take_next, &in, restarted);
    if (*restarted && !in.began)
        restart(h);
    if (result == JOURNAL_FAILED)
        snprintf(h->problem, sizeof h->problem, "%s.", journal_problem(h->journal));
    else if (!h->puzzled)
        h->problem[0] = '\0';
    return result;
}

/* --- what follows --- */

const char *claim_line(struct arena *a, const struct claim *k)
{
    char cidr[CIDR_TEXT_SIZE];
    cidr_format(&k->cidr, cidr);
    if (k->scope)
        return arena_printf(a, "c %s_%s", cidr, k->pool);
    return k->type == ALLOCATION_POOL ? arena_printf(a, "c %s_%s", cidr, k->resource)
                                      : arena_printf(a, "a %s", k->id);
}

bool pool_has_cidr(const struct engine *e, const char *id, const struct cidr *c)
{
    const struct pool *p = engine_pool(e, id);
    struct cidr held;
    for (size_t i = 0; p && pool_cidr_at(p, i, &held); i++)
        if (cidr_equal(&held, c))
            return true;
    return false;
}

static bool same_place(const struct allocation *a, const struct claim *k)
{
    return strcmp(pool_info(a->pool)->id, k->pool) == 0 && cidr_equal(&a->cidr, &k->cidr);
}

/* Does the engine know it already, from a state or from another claim? */
static bool is_known(const struct engine *e, const struct claim *k)
{
    const struct allocation *a = k->scope ? NULL : engine_allocation(e, k->id);
    return k->scope ? pool_has_cidr(e, k->pool, &k->cidr) : a && same_place(a, k);
}

static enum engine_result count_pool_cidr(struct claims *x, const struct claim *k)
{
    struct engine *e = x->estate->engine;
    const struct pool *p = engine_pool(e, k->pool);
    const struct pool_info info = {.id = k->pool,
                                   .scope_id = k->scope,
                                   .owner = k->owner,
                                   .family = (enum family)k->cidr.family,
                                   .rules = {.min_len = -1, .max_len = -1, .default_len = -1}};
    if (!p || !pool_is_known(p)) {
        if (engine_load_pool(e, &info) != ENGINE_OK)
            return ENGINE_NO_MEMORY;
        put(x, x->places, k->pool, k->run->member);
    }
    return engine_load_cidr(e, k->pool, &k->cidr, k->id);
}

static void count(struct claims *x, struct claim *k)
{
    struct engine *e = x->estate->engine;
    enum engine_result r = ENGINE_OK;
    if (k->over || k->counted || is_known(e, k))
        return;
    if (k->scope) {
        r = count_pool_cidr(x, k);
    } else {
        /* An id that stands for something else must not move that. */
        const struct allocation_request request = {.id = engine_allocation(e, k->id) ? "" : k->id,
                                                   .pool_id = k->pool,
                                                   .type = k->type,
                                                   .cidr = k->cidr,
                                                   .length = -1,
                                                   .resource_id = k->resource,
                                                   .owner = k->owner,
                                                   .region = k->region};
        r = engine_load_allocation(e, &request);
    }
    if (r != ENGINE_OK)
        arena_exhausted(x->arena);
    k->counted = true;
}

static bool pool_covers(const struct engine *e, const char *id, const struct cidr *c)
{
    const struct pool *p = engine_pool(e, id);
    struct cidr held;
    for (size_t i = 0; p && pool_cidr_at(p, i, &held); i++)
        if (cidr_contains(&held, c))
            return true;
    return false;
}

static void count_quarantines(struct claims *x, struct holder *h)
{
    struct engine *e = x->estate->engine;
    int64_t now = time(NULL);
    for (struct quarantine *q = h->quarantines; q; q = q->next) {
        struct refusal why;
        const struct allocation_request r = {.id = q->id,
                                             .pool_id = q->pool,
                                             .type = ALLOCATION_CUSTOM,
                                             .cidr = q->cidr,
                                             .length = -1,
                                             .resource_id = q->resource};
        if (q->until <= now && q->counted) {
            engine_release(e, q->id, &why);
            q->counted = false;
        } else if (q->until > now && !q->counted && pool_covers(e, q->pool, &q->cidr)) {
            if (engine_load_allocation(e, &r) != ENGINE_OK)
                arena_exhausted(x->arena);
            q->counted = true;
        }
    }
}

/* Is what was read of the run's state final, and can it be read again later? */
static bool can_resolve(struct claims *x, struct holder *h, struct run *r, bool configuring)
{
    struct member *m = r->member;
    if (!m || m->problem[0])
        return false;
    if (m->own) /* a state that nobody would find again keeps its claims */
        return configuring && !m->missing && (h == m->holder || link_of(h, m, x->arena));
    if (!m->path && !r->asked) {
        r->asked = m->stale = true; /* its command has to be run once more */
        return false;
    }
    return member_is_current(m);
}

/* The run is gone: what its state does not hold was never issued. */
static void resolve(struct claims *x, struct holder *h, struct run *r, bool configuring)
{
    const struct member *m = r->member;
    if (!can_resolve(x, h, r, configuring))
        return;
    for (struct claim *k = r->claims; k; k = k->next_of_run) {
        if (k->over)
            continue;
        bool holds = m->own ? !k->counted && is_known(x->estate->engine, k)
                            : member_holds(m, claim_line(x->arena, k));
        if (!holds)
            uncount(x, k);
        finish_claim(k);
    }
}

static void check_run(struct claims *x, struct holder *h, struct run *r, bool configuring)
{
    if (r->open == 0 || r == h->self)
        return;
    if (!r->member && (*r->who.state || *r->who.lineage || *r->who.folder))
        r->member = state_of(x, h, &r->who);
    if (!r->mine && (configuring || x->now_ms - r->checked_ms >= RECHECK_MS)) {
        r->checked_ms = x->now_ms;
        r->life = claimant_life(&r->who, &x->self, r->member ? r->member->path : NULL);
    }
    if (r->life == LIFE_GONE)
        resolve(x, h, r, configuring);
}

void holder_settle(struct claims *x, struct holder *h, bool configuring)
{
    for (struct run *r = h->runs; r; r = r->next)
        check_run(x, h, r, configuring);
    if (h->changed || configuring)
        for (struct claim *k = h->claims; k && (configuring || k != h->counted); k = k->next)
            count(x, k);
    h->counted = h->claims;
    h->changed = false;
    count_quarantines(x, h);
    if (engine_settle(x->estate->engine) != ENGINE_OK)
        arena_exhausted(x->arena);
}

void holders_recount(struct claims *x)
{
    for (struct holder *h = x->holders; h; h = h->next)
        for (struct claim *k = h->claims; k; k = k->next) {
            k->counted = k->counted && is_known(x->estate->engine, k);
            count(x, k);
        }
}

static bool may_hold(const struct claim *k)
{
    return !k->over && k->run->life != LIFE_GONE;
}

bool claims_hold(const struct claims *x, const char *allocation_id)
{
    for (const struct holder *h = x ? x->holders : NULL; h; h = h->next) {
        const struct claim *k = find(h->claim_by_id, allocation_id);
        if (k && may_hold(k))
            return true;
    }
    return false;
}

bool claims_hold_cidr(const struct claims *x, const char *pool_id, const struct cidr *c)
{
    for (const struct holder *h = x ? x->holders : NULL; h; h = h->next)
        for (const struct claim *k = h->claims; k; k = k->next) {
            const char *pool = k->scope ? k->pool : k->type == ALLOCATION_POOL ? k->resource : "";
            if (may_hold(k) && strcmp(pool, pool_id) == 0 && cidr_equal(&k->cidr, c))
                return true;
        }
    return false;
}

/* --- what stands in the way --- */

static const char *sample_claims(struct arena *a, const struct run *r)
{
    const char *out = "";
    unsigned shown = 0, more = 0;
    for (const struct claim *k = r->claims; k; k = k->next_of_run) {
        char cidr[CIDR_TEXT_SIZE];
        if (k->over || k->released)
            continue;
        if (shown == 5) {
            more++;
            continue;
        }
        out =
            arena_printf(a, "%s%s%s (%.80s, %.80s)", out, shown++ ? ", " : "",
                         cidr_format(&k->cidr, cidr), *k->resource ? k->resource : k->id, k->pool);
    }
    return more ? arena_printf(a, "%s and %u more", out, more) : out;
}

static const char *binary(struct arena *a)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    return n > 0 ? arena_strndup(a, path, (size_t)n) : "terraform-provider-ipam";
}

/* What the runs on this state issued and nobody can confirm; "" for nothing. */
static const char *at_stake(const struct holder *h, const struct member *m, struct arena *a,
                            const struct run **one)
{
    for (const struct run *r = h->runs; r; r = r->next) {
        const char *stake = r->life == LIFE_GONE && r->member == m ? sample_claims(a, r) : "";
        if (*stake) {
            *one = r;
            return stake;
        }
    }
    return "";
}

const char *run_lost(const struct claims *x, const struct holder *h, struct arena *a)
{
    const struct run *r;
    const struct member *m = x->own;
    const char *stake = m->missing ? at_stake(h, m, a, &r) : "";
    if (!*stake)
        return NULL;
    return arena_printf(
        a,
        "%s is missing or empty (0 bytes), but a run on it (Terraform process %lld on %s, since "
        "%s) has ended after it had issued %s. Terraform leaves such a file when it is killed "
        "while it writes. Whether these are in use is not known, so nothing is issued. Restore "
        "the state from a backup or another copy. If it never held them: %s doctor --journal %s "
        "--drop-claim %s",
        m->shown, (long long)r->who.terraform, r->who.host, r->who.since, stake, binary(a),
        journal_path(h->journal), r->who.name);
}

static const char *link_obstacle(struct holder *h, const struct member_link *l, struct arena *a)
{
    const struct member *m = l->member;
    const struct run *r;
    if (l->forgotten || (m && (m->own || !m->problem[0])))
        return NULL;
    if (!m)
        return arena_printf(
            a,
            "%s draws from the pools held here, and its state is no local file, so what it holds "
            "is not known. Name a command that prints it in the provider block: estate { command = "
            "[...] }. If that root module is gone: %s doctor --journal %s --forget-member %s",
            *l->shown ? l->shown : "A root module", binary(a), journal_path(h->journal),
            l->lineage);
    const char *stake = at_stake(h, m, a, &r);
    return arena_printf(a,
                        "The root module of %s draws from the pools held here, and its state "
                        "cannot be read: %s%s%s "
                        "What it holds would be issued again, so nothing is issued. If that root "
                        "module is gone for "
                        "good: %s doctor --journal %s --forget-member %s",
                        m->shown, m->problem, *stake ? " Its last run had issued " : "",
                        *stake ? arena_printf(a, "%s.", stake) : "", binary(a),
                        journal_path(h->journal), m->path ? m->path : l->lineage);
}

const char *holder_obstacle(const struct claims *x, struct holder *h, struct arena *a)
{
    const char *why = h->problem[0] ? arena_strdup(a, h->problem) : run_lost(x, h, a);
    for (const struct member_link *l = h->links; l && !why; l = l->next)
        why = link_obstacle(h, l, a);
    return why;
}

/* --- the list of holders --- */

struct holder *holder_at(struct claims *x, const char *path)
{
    for (struct holder *h = x->holders; h; h = h->next)
        if (strcmp(journal_path(h->journal), path) == 0)
            return h;
    struct holder *h = arena_alloc(x->arena, sizeof *h);
    const char *slash = strrchr(path, '/');
    h->folder = slash ? arena_strndup(x->arena, path, (size_t)(slash - path)) : ".";
    h->next = x->holders;
    x->holders = h;
    h->journal = journal_new(path);
    h->run_by_name = lh_kchar_table_new(16, NULL);
    h->claim_by_id = lh_kchar_table_new(64, NULL);
    if (!h->journal || !h->run_by_name || !h->claim_by_id)
        arena_exhausted(x->arena);
    return h;
}

static void free_table(struct lh_table *t)
{
    if (t)
        lh_table_free(t);
}

void holders_free(struct claims *x)
{
    for (struct holder *h = x->holders; h; h = h->next) {
        journal_free(h->journal);
        free_table(h->run_by_name);
        free_table(h->claim_by_id);
    }
}

/* --- rewriting --- */

struct rewrite {
    struct claims *x;
    struct json_object **items;
    size_t count, capacity;
};

static void free_records(void *p)
{
    struct rewrite *w = p;
    for (size_t i = 0; i < w->count; i++)
        json_object_put(w->items[i]);
    w->count = 0;
}

static void add(struct rewrite *w, struct json_object *r)
{
    if (!r)
        arena_exhausted(w->x->arena);
    if (w->count == w->capacity) {
        size_t n = w->capacity ? 2 * w->capacity : 64;
        w->items =
            arena_grow(w->x->arena, w->items, w->capacity * sizeof *w->items, n * sizeof *w->items);
        w->capacity = n;
    }
    w->items[w->count++] = r;
}

static void add_open_claims(struct rewrite *w, const struct run *r)
{
    for (const struct claim *k = r->claims; k; k = k->next_of_run) {
        if (k->over)
            continue;
        add(w, claim_record(k));
        if (k->released)
            add(w, record_of("release", k->id, k->run->who.name));
    }
}

static enum journal_result rewrite(struct claims *x, struct holder *h)
{
    /* The list outlives a jump out of here, so that its records can be freed. */
    struct rewrite *w = arena_alloc(x->arena, sizeof *w);
    int64_t now = time(NULL);
    w->x = x;
    arena_defer(x->arena, free_records, w);
    for (const struct member_link *l = h->links; l; l = l->next)
        if (!l->forgotten)
            add(w, link_record(l));
    for (const struct quarantine *q = h->quarantines; q; q = q->next)
        if (q->until > now)
            add(w, quarantine_record(q));
    for (const struct run *r = h->runs; r; r = r->next)
        if (r->open > 0) {
            add(w, run_record(&r->who, r->who.state));
            add_open_claims(w, r);
        }
    enum journal_result result = journal_rewrite(h->journal, w->items, w->count);
    free_records(w);
    h->bytes = 0;
    if (result == JOURNAL_FAILED)
        snprintf(h->problem, sizeof h->problem, "%s.", journal_problem(h->journal));
    return result;
}

bool holder_wants_compacting(const struct holder *h)
{
    if (h->announced || h->bytes < GARBAGE_BYTES || h->problem[0])
        return false;
    for (const struct run *r = h->runs; r; r = r->next)
        if (r->life != LIFE_GONE && (r->open > 0 || r->mine))
            return false;
    return true;
}

enum journal_result holder_compact(struct claims *x, struct holder *h)
{
    return rewrite(x, h);
}

enum journal_result holder_drop(struct claims *x, struct holder *h, const char *name,
                                size_t *dropped)
{
    *dropped = 0;
    for (struct claim *k = h->claims; k; k = k->next)
        if (!k->over && (strcmp(k->id, name) == 0 || strcmp(k->run->who.name, name) == 0)) {
            uncount(x, k);
            finish_claim(k);
            ++*dropped;
        }
    return *dropped ? rewrite(x, h) : JOURNAL_OK;
}

/* What the runs on a state claimed goes with it. */
static void forget_runs(struct claims *x, struct holder *h, const struct member *m)
{
    for (struct claim *k = h->claims; m && k; k = k->next)
        if (!k->over && k->run->member == m && k->run->life == LIFE_GONE) {
            uncount(x, k);
            finish_claim(k);
        }
}

enum journal_result holder_forget(struct claims *x, struct holder *h, const char *name,
                                  size_t *dropped)
{
    const char *real = path_real(x->arena, name);
    *dropped = 0;
    for (struct member_link *l = h->links; l; l = l->next)
        if (!l->forgotten &&
            (strcmp(l->lineage, name) == 0 || strcmp(l->path, name) == 0 ||
             (l->member && l->member->path && strcmp(l->member->path, real) == 0))) {
            l->forgotten = true;
            ++*dropped;
            forget_runs(x, h, l->member);
        }
    return *dropped ? rewrite(x, h) : JOURNAL_OK;
}

/* --- quarantine, from a hook --- */

static bool put_and_count(struct claims *x, struct holder *h, const char *pool,
                          const struct cidr *c, const char *resource, int64_t until)
{
    jmp_buf guard;
    if (setjmp(guard) != 0)
        return false;
    arena_guard(x->arena, &guard);
    quarantine_put(x, h, pool, c, resource, until);
    count_quarantines(x, h);
    return engine_settle(x->estate->engine) == ENGINE_OK;
}

bool quarantine_add(struct claims *x, struct holder *h, const char *pool, const struct cidr *c,
                    const char *resource, int64_t until)
{
    bool done = put_and_count(x, h, pool, c, resource, until);
    arena_guard(x->arena, NULL);
    return done;
}

void quarantines_lift(struct claims *x, const char *pool, const struct cidr *c)
{
    struct refusal why;
    for (struct holder *h = x ? x->holders : NULL; h; h = h->next)
        for (struct quarantine *q = h->quarantines; q; q = q->next)
            if (q->counted && strcmp(q->pool, pool) == 0 && cidr_contains(c, &q->cidr)) {
                q->counted = false;
                engine_release(x->estate->engine, q->id, &why);
            }
}
