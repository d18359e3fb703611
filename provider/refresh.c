/*
 * refresh - what other processes of the same run store
 *
 * Terraform starts one process for each provider configuration, so two aliases (the account that
 * owns the pools and one that draws from them) know nothing of each other but what is in the state.
 * Within one apply that is enough: Terraform stores every finished resource before it goes on with
 * what depends on it. So a call that lacks something comes back every 200 ms and looks at the state
 * file; when the file is another one than before, it is read again.
 *
 * Taking over is careful, because this process is the truth about what it did itself in this run,
 * and the file is late. `seen` holds the objects of the state as it was read last. What is new in
 * the file is loaded (loading what is known already changes nothing). What was seen and is gone
 * from the file is taken out of the engine: an object of this process is gone only after this
 * process removed it, so this touches what others removed. (When a lock was lost and another run
 * has written the file, that is not so; therefore what the engine had before the file told of it,
 * from this process or from a claim, stays.) All the rest: an
 * object that is in both may have changed here and not yet there. Ids that come back (a pool CIDR
 * that this process removes and makes again) are marked `ours` and left to this process.
 *
 * A file that is torn, encrypted, of another lineage, or not there says nothing and is passed over:
 * the next look is soon, and an empty state is believed only when it is whole. Reading is not
 * repeated before ten times as long as the last reading took have passed, so that a large state
 * costs at most a tenth of the time.
 *
 * Other backends are stored to more seldom than a call waits. There the processes of a run tell
 * each other what they make (siblings.c), and `last` stays what the provider was configured with.
 */
#include "provider/discovered.h"
#include "provider/estate.h"
#include "provider/siblings.h"
#include "provider/state_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/log.h"
#include "provider/occupied.h"

#define LOOK_MS       200
#define SHARE_OF_TIME 10

/* One object of the state. */
struct seen {
    const char *id;
    const struct resource *resource;
    const char *lines; /* what leaves the engine with it */
    bool ours;         /* this process removed it in this run */
    bool known;        /* the engine had it before the state told of it */
};

/* The objects of one reading, by id and resource; with their texts in the arena. */
struct snapshot {
    struct arena *arena;
    struct seen *items;
    size_t count, capacity;
};

struct watch {
    struct snapshot last;
    struct stat begun;         /* the file when the provider was configured */
    struct stat stat;          /* of the file as it was read last */
    bool read;                 /* ... since the provider was configured */
    char *lineage;             /* of the state; "" while there is none */
    uint64_t due_ms;           /* not read before */
    bool moving;               /* another process has stored something in this run */
    struct siblings *siblings; /* what it tells, of a state that is no local file; else NULL */
};

/* --- snapshots --- */

static void snapshot_free(void *p)
{
    struct snapshot *s = p;
    arena_free(s->arena);
    *s = (struct snapshot){0};
}

static int seen_order(const void *x, const void *y)
{
    const struct seen *a = x, *b = y;
    int order = strcmp(a->id, b->id);
    return order ? order : (a->resource > b->resource) - (a->resource < b->resource);
}

static struct seen *snapshot_find(const struct snapshot *s, const struct seen *wanted)
{
    return s->count ? bsearch(wanted, s->items, s->count, sizeof *s->items, seen_order) : NULL;
}

/* The object of an instance, when it is one of ours and has an id. */
static bool instance_of_ours(struct arena *a, const struct state_instance *i, struct seen *out)
{
    struct facts f = {.arena = a, .json = i->attributes};
    *out = (struct seen){.id = fact_string(&f, "id"), .resource = resource_named(i->type)};
    return out->id && out->resource && provider_is_ours(i->provider);
}

static bool snapshot_visit(void *ctx, const struct state_instance *i)
{
    struct snapshot *s = ctx;
    struct seen seen;
    if (!instance_of_ours(s->arena, i, &seen))
        return true;
    departure_fn departure = resource_departure(seen.resource);
    struct facts f = {.arena = s->arena, .json = i->attributes};
    seen.id = arena_strdup(s->arena, seen.id);
    seen.lines = departure ? departure(&f) : "";
    ARENA_ROOM(s->arena, s->items, s->count, s->capacity, 64);
    s->items[s->count++] = seen;
    return true;
}

/* Fills an empty snapshot; false: memory is out. */
static bool snapshot_take(struct snapshot *s, const struct state *state)
{
    jmp_buf guard;
    s->arena = arena_new();
    if (!s->arena)
        return false;
    if (setjmp(guard)) {
        snapshot_free(s);
        return false;
    }
    arena_guard(s->arena, &guard);
    bool whole = state_each(state, snapshot_visit, s);
    if (s->count > 0)
        qsort(s->items, s->count, sizeof *s->items, seen_order);
    arena_guard(s->arena, NULL);
    if (!whole)
        snapshot_free(s);
    return whole;
}

/* --- the watch --- */

bool watch_begin(struct estate *e, const struct state *s)
{
    /* Several states of a test are applied in one run. */
    if (!e->state_path && strcmp(e->origin, STATE_OF_TEST) == 0)
        return true;
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return false;
    e->watch = w;
    w->lineage = strdup(state_lineage(s));
    if (!e->state_path && !(w->siblings = siblings_new(state_lineage(s))))
        return false;
    if (e->state_path && file_stat(e->state_path, &w->begun) != 0)
        w->begun = (struct stat){0};
    return w->lineage && snapshot_take(&w->last, s);
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    snapshot_free(&w->last);
    siblings_free(w->siblings);
    free(w->lineage);
    free(w);
}

static struct seen *watched(const struct estate *e, const struct resource *r, const char *id)
{
    const struct seen wanted = {.id = id, .resource = r};
    return e->watch ? snapshot_find(&e->watch->last, &wanted) : NULL;
}

void watch_removed(const struct estate *e, const struct resource *r, const char *id)
{
    struct seen *s = watched(e, r, id);
    if (s)
        s->ours = true;
}

bool estate_stores(const struct estate *e, const struct resource *r, const char *id)
{
    return watched(e, r, id) || (e->watch && siblings_made(e->watch->siblings, id));
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The state when the file holds a whole one that continues what was read before, else NULL. */
static struct state *read_again(struct estate *e)
{
    struct watch *w = e->watch;
    struct file_copy copy;
    struct state *state = NULL;
    char error[200];
    file_copy_read(&copy, e->state_path, STATE_MAX_BYTES);
    if (copy.status == FILE_WHOLE)
        state = state_parse(copy.bytes.data, copy.bytes.len, e->origin, e->state_path, error,
                            sizeof error);
    const char *lineage = state ? state_lineage(state) : "";
    bool continues = *lineage && (!*w->lineage || strcmp(lineage, w->lineage) == 0);
    char *kept = continues && !*w->lineage ? strdup(lineage) : NULL;
    if (kept) {
        free(w->lineage);
        w->lineage = kept;
    }
    w->stat = copy.st;
    w->read = state != NULL; /* what was torn is looked at again even if it looks the same */
    file_copy_free(&copy);
    if (continues && *w->lineage)
        return state;
    state_free(state);
    return NULL;
}

/* --- taking over --- */

struct takeover {
    struct estate *estate;
    struct snapshot *now;
    struct arena *scratch;
    size_t loaded;
    bool failed;
};

static bool load_new(void *ctx, const struct state_instance *i)
{
    struct takeover *t = ctx;
    struct estate *e = t->estate;
    struct seen seen;
    const char *problem = NULL;
    if (!instance_of_ours(t->scratch, i, &seen) || snapshot_find(&e->watch->last, &seen))
        return true;
    struct facts f = {
        .arena = t->scratch, .insides = e->insides, .json = i->attributes, .where = e->origin};
    struct seen *kept = snapshot_find(t->now, &seen);
    if (kept)
        kept->known = departure_is_known(e, kept->lines);
    t->failed = resource_loader(seen.resource)(e->engine, &f, &problem) != LOAD_OK;
    if (t->failed)
        log_line(LOG_WARN, "%s, which another process stored, cannot be taken over: %s", i->address,
                 problem ? problem : "out of memory");
    else
        memory_remember(e->memory, seen.resource, &f);
    t->failed = t->failed || !occupied_learn(e, seen.resource, &f);
    t->loaded += !t->failed;
    return !t->failed;
}

/* Takes out what was seen and is gone; returns how many objects. */
static size_t unload_gone(const struct estate *e, const struct snapshot *now)
{
    const struct snapshot *last = &e->watch->last;
    size_t gone = 0;
    for (size_t i = 0; i < last->count; i++) {
        const struct seen *s = &last->items[i];
        struct seen *still = snapshot_find(now, s);
        if (still) {
            still->ours = s->ours;
            still->known = s->known;
        } else if (!s->ours && !s->known) {
            departure_unload(e, s->lines);
            memory_forget(e->memory, s->resource, s->id);
            gone++;
        }
    }
    return gone;
}

/* False: nothing was new, or memory is out; then the next look tries again. */
static bool take_over(struct call *c, const struct state *state)
{
    struct estate *e = estate_of(c);
    struct snapshot *now = arena_alloc(c->arena, sizeof *now);
    struct takeover t = {.estate = e, .now = now, .scratch = c->arena};
    arena_defer(c->arena, snapshot_free, now);
    if (!snapshot_take(now, state))
        return false;
    size_t gone = unload_gone(e, now);
    bool whole = state_each(state, load_new, &t);
    if (!whole || engine_settle(e->engine) != ENGINE_OK || engine_settle(e->insides) != ENGINE_OK ||
        !discover_state(e->sightings, state, e->origin, now->arena))
        return false;
    /* What the last reading saw is known by its arena, and what hydration saw by the estate. */
    sightings_forget(e->sightings, e->watch->last.arena);
    sightings_forget(e->sightings, e);
    snapshot_free(&e->watch->last);
    e->watch->last = *now;
    *now = (struct snapshot){0};
    if (t.loaded + gone > 0)
        log_line(LOG_DEBUG, "other processes stored %zu objects and removed %zu", t.loaded, gone);
    return t.loaded + gone > 0;
}

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void free_state(void *state)
{
    state_free(state);
}

/* Reads the file when it is due and another one than before. */
static bool refresh(struct call *c)
{
    struct estate *e = estate_of(c);
    struct watch *w = e->watch;
    struct stat now;
    if (c->now_ms < w->due_ms || file_stat(e->state_path, &now) != 0 ||
        (w->read && same_file(&now, &w->stat)))
        return false;
    w->moving = w->moving || !same_file(&now, &w->begun);
    uint64_t began = clock_ms();
    struct state *state = read_again(e);
    bool changed = false;
    if (state) {
        arena_defer(c->arena, free_state, state);
        changed = take_over(c, state);
    }
    uint64_t pause = SHARE_OF_TIME * (clock_ms() - began);
    w->due_ms = c->now_ms + (pause > LOOK_MS ? pause : LOOK_MS / 2);
    return changed;
}

bool estate_watch(struct call *c)
{
    struct watch *w = estate_of(c)->watch;
    if (!w)
        return false;
    bool changed = w->siblings ? siblings_hear(w->siblings, c) : refresh(c);
    if (changed) {
        w->moving = true;
        call_moved(c);
    }
    if (!w->moving && c->stage != CALL_APPLYING)
        return false;
    c->poll_ms = changed ? 1 : LOOK_MS;
    return true;
}

void estate_observe(struct call *c, const struct resource *r, const struct value *prior,
                    const struct value *now)
{
    const struct estate *e = estate_of(c);
    provider_observe(c, r, prior, now);
    if (e && e->watch && c->stage == CALL_APPLYING)
        siblings_tell(e->watch->siblings, c, r, prior, now);
}
