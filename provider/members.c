/*
 * members - the states of the estate
 *
 * A pool may be drawn from by root modules that do not hold it. Each of their states is a member:
 * the configuration names it (estate { path | command }), or the journal beside a holder's state
 * does, because whoever draws from a foreign pool leaves its own state's path there. All of them
 * are read at configuration, and again before something is issued when they changed since.
 *
 * What a member held is remembered as its lines of departures (departure.c), so that what vanished
 * from it can be given back. While a run works on a member it is not read again: the file changes
 * after every resource and is torn most of the time, and whatever that run issues is in a journal.
 *
 * The journal beside a state is read before the state: a claim that was dropped because its state
 * holds the allocation can then be missing in what is read only if the state has it.
 *
 * A member without a document (no file, 0 bytes) is not an empty one: Terraform leaves that behind
 * when it is killed. It passes only while a run has just begun on it.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/linkhash.h>

#include "provider/claims_internal.h"
#include "provider/discovered.h"
#include "provider/occupied.h"
#include "provider/state_internal.h"

#define MEMBERS_MAX  1000 /* states of one estate */
#define RUN_AT_ONCE  4    /* commands, or files that are not whole yet */
#define READ_AT_ONCE 50   /* in one go; then others of the run have their turn */
/* The clock of a file system may tick this slowly. */
#define RACY_NS 100000000

/* --- paths --- */

const char *path_real(struct arena *a, const char *path)
{
    char buf[PATH_MAX];
    if (realpath(path, buf))
        return arena_strdup(a, buf);
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : ".";
    if (!realpath(folder, buf))
        return arena_strdup(a, path);
    return arena_printf(a, "%s/%s", strcmp(buf, "/") == 0 ? "" : buf, slash ? slash + 1 : path);
}

const char *path_relative(struct arena *a, const char *from_folder, const char *path)
{
    size_t same = 0, i = 0;
    if (*from_folder != '/' || *path != '/')
        return path;
    for (; from_folder[i] && from_folder[i] == path[i]; i++)
        if (path[i] == '/')
            same = i + 1;
    if (!from_folder[i] && path[i] == '/')
        return arena_strdup(a, path + i + 1);
    const char *up = "";
    for (const char *p = from_folder + same; *p; p++)
        if (*p == '/')
            up = arena_printf(a, "../%s", up);
    return arena_printf(a, "%s%s%s", from_folder[same] ? "../" : "", up, path + same);
}

const char *path_below(struct arena *a, const char *folder, const char *path)
{
    return path_real(a, *path == '/' ? path : arena_printf(a, "%s/%s", folder, path));
}

/* --- the list --- */

static struct member *member_add(struct claims *x, const char *path, const char *shown)
{
    struct member *m = arena_alloc(x->arena, sizeof *m), **end = &x->members;
    m->path = path ? arena_strdup(x->arena, path) : NULL;
    m->shown = arena_strdup(x->arena, shown);
    m->lineage = "";
    while (*end)
        end = &(*end)->next;
    *end = m;
    x->member_count++;
    return m;
}

static const char *data_folder(struct claims *x)
{
    const char *data = getenv("TF_DATA_DIR");
    return path_real(x->arena, data && *data ? data : ".terraform");
}

/* A lineage comes from a state; it must not lead out of the folder. */
static const char *lineage_name(struct arena *a, const char *lineage)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t n = strlen(lineage);
    return n <= 64 && strspn(lineage, plain) == n ? lineage
                                                  : id_derive(a, "lineage-", 33, lineage, "");
}

/*
 * A state that is no local file gets its journal in the folder of the provider block, named after
 * its lineage. In its first run it has none; but then nobody else can know its pools either, so
 * that the folder of Terraform's own working data does.
 */
struct holder *member_holder(struct claims *x, struct member *m)
{
    if (m->holder)
        return m->holder;
    if (m->path)
        m->holder = holder_at(x, arena_printf(x->arena, "%s%s", m->path, JOURNAL_SUFFIX));
    else if (x->folder && *m->lineage)
        m->holder = holder_at(x, arena_printf(x->arena, "%s/%s%s", x->folder,
                                              lineage_name(x->arena, m->lineage), JOURNAL_SUFFIX));
    else if (m->own)
        m->holder = holder_at(x, arena_printf(x->arena, "%s/ipam-claims", data_folder(x)));
    return m->holder;
}

static void identify(struct member *m, const struct stat *file)
{
    m->device = file->st_dev;
    m->inode = file->st_ino;
}

struct member *member_own(struct claims *x, const char *path, const char *lineage, bool missing)
{
    struct member *m = member_add(x, path ? path_real(x->arena, path) : NULL, x->estate->origin);
    struct stat file;
    if (m->path && file_stat(m->path, &file) == 0)
        identify(m, &file);
    m->own = m->read = true;
    m->lineage = arena_strdup(x->arena, lineage);
    m->missing = missing;
    x->own = m;
    member_holder(x, m);
    return m;
}

/* One file may have two paths. Asking the system about every member for each new one would take
 * longer than reading 1,000 states, so each remembers what it was told. */
static struct member *find_path(struct claims *x, const char *real, const struct stat *file)
{
    for (struct member *m = x->members; m; m = m->next)
        if (m->path && strcmp(m->path, real) == 0)
            return m;
    for (struct member *m = x->members; m && file->st_ino; m = m->next)
        if (m->path && m->inode == file->st_ino && m->device == file->st_dev)
            return m;
    return NULL;
}

struct member *member_at(struct claims *x, const char *path, const char *shown)
{
    const char *real = path_real(x->arena, path);
    struct stat file;
    if (file_stat(real, &file) != 0)
        memset(&file, 0, sizeof file);
    struct member *m = find_path(x, real, &file);
    if (!m && x->member_count < MEMBERS_MAX) {
        m = member_add(x, real, shown ? shown : path);
        identify(m, &file);
        member_holder(x, m);
    }
    return m;
}

struct member *member_with_lineage(struct claims *x, const char *lineage)
{
    for (struct member *m = x->members; m && *lineage; m = m->next)
        if (strcmp(m->lineage, lineage) == 0)
            return m;
    return NULL;
}

const char *members_named(const struct claims *x, struct arena *a)
{
    const char *text = x->own ? x->own->shown : "no state";
    size_t others = 0, shown = 0;
    for (const struct member *m = x->members; m; m = m->next)
        others += !m->own;
    for (const struct member *m = x->members; m && shown < 20; m = m->next)
        if (!m->own) {
            shown++;
            text = arena_printf(a, "%s%s%s", text, shown == others ? " or " : ", ", m->shown);
        }
    return others > shown ? arena_printf(a, "%s and %zu more", text, others - shown) : text;
}

/* --- the provider block --- */

static bool add_glob(struct claims *x, struct diags *d, const char *pattern)
{
    glob_t found;
    int r = file_glob(pattern, &found);
    size_t n = r == 0 ? found.gl_pathc : 0;
    if (r != 0)
        diag_error(d, PATH_ATTR(NULL, "estate"), "The estate is not there",
                   "estate { path = \"%.300s\" } %s. States that are not read would have their "
                   "CIDRs issued again. Correct the path (relative ones start at the working "
                   "directory), or remove the block.",
                   pattern,
                   r == GLOB_NOMATCH ? "matches no file" : "cannot be searched to its end");
    for (size_t i = 0; i < n && r == 0; i++) {
        struct member *m = member_at(x, found.gl_pathv[i], NULL);
        if (m)
            m->configured = true;
        else
            r = -1;
    }
    if (r == -1)
        diag_error(d, PATH_ATTR(NULL, "estate"), "The estate is too large",
                   "It has more than %d states. Narrow the paths.", MEMBERS_MAX);
    if (r != GLOB_NOSPACE)
        globfree(&found);
    return r == 0;
}

static void add_command(struct claims *x, const struct value *list)
{
    const char **argv = arena_calloc(x->arena, list->seq.count + 1, sizeof *argv);
    const char *shown = "";
    for (size_t i = 0; i < list->seq.count; i++) {
        argv[i] = arena_strdup(x->arena, value_str(list->seq.items[i], ""));
        shown = arena_printf(x->arena, "%s%s%s", shown, i ? " " : "", argv[i]);
    }
    struct member *m = member_add(x, NULL, arena_printf(x->arena, "the output of `%.200s`", shown));
    m->command = argv;
    m->configured = true;
}

static bool configure_member(struct claims *x, struct diags *d, const struct value *block)
{
    const struct value *path = value_get(block, "path"), *command = value_get(block, "command");
    if (!value_is_wholly_known(path) || !value_is_wholly_known(command)) {
        diag_error(d, PATH_ATTR(NULL, "estate"), "The estate is not known yet",
                   "A path or command of an estate block depends on something that is known only "
                   "after apply. What is issued must be known before. Use a value that does not "
                   "depend on a resource.");
        return false;
    }
    if (value_is_known(path))
        return add_glob(x, d, value_str(path, ""));
    if (command->kind == VALUE_SEQ && command->seq.count > 0)
        add_command(x, command);
    return true;
}

bool claims_configure_estate(struct claims *x, struct diags *d, const struct value *blocks)
{
    for (size_t i = 0; blocks->kind == VALUE_SEQ && i < blocks->seq.count; i++)
        if (!configure_member(x, d, blocks->seq.items[i]))
            return false;
    return true;
}

/* --- what a member holds --- */

bool member_holds(const struct member *m, const char *line)
{
    return m->holds && lh_table_lookup_entry(m->holds, line) != NULL;
}

struct loading {
    struct claims *x;
    struct member *m;
    struct arena *scratch;
    bool first, failed;
};

static bool loading_failed(struct loading *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static bool loading_failed(struct loading *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(l->m->problem, sizeof l->m->problem, fmt, ap);
    va_end(ap);
    l->failed = true;
    return false;
}

/* This provider's objects, under whatever name the other root module installed it. */
static bool is_kin(const char *source)
{
    const char *type = strrchr(source, '/');
    return provider_is_ours(source) ||
           (type && (strcmp(type, "/ipam") == 0 || strcmp(type, "/aws") == 0));
}

static bool note_place(struct loading *l, const char *id, bool defined)
{
    const struct member *before = NULL;
    struct lh_entry *e = id ? lh_table_lookup_entry(l->x->places, id) : NULL;
    if (!id)
        return true;
    if (e)
        before = lh_entry_v(e);
    bool own = !e && defined && l->first;
    if (own || (before && before != l->m))
        return loading_failed(l,
                              "The pool %s is in two states: %s and %s. A pool has one holder. "
                              "When one is a copy of the other, take it out of the estate; else "
                              "remove the pool from one of them with terraform state rm.",
                              id, own ? l->x->own->shown : before->shown, l->m->shown);
    if (e)
        lh_entry_set_val(e, l->m);
    else if (lh_table_insert(l->x->places, arena_strdup(l->x->arena, id), l->m) != 0)
        arena_exhausted(l->x->arena);
    return true;
}

static bool note_places(struct loading *l, const struct resource *r, const struct facts *f)
{
    const struct engine *e = l->x->estate->engine;
    if (r == &pool_resource) {
        const char *id = fact_string(f, "id");
        const struct pool *p = id ? engine_pool(e, id) : NULL;
        return note_place(l, id, p && pool_is_known(p));
    }
    if (r == &scope_resource)
        return note_place(l, fact_string(f, "id"), false);
    if (r == &ipam_resource)
        return note_place(l, fact_string(f, "private_default_scope_id"), false) &&
               note_place(l, fact_string(f, "public_default_scope_id"), false);
    return true;
}

static void note_lines(struct loading *l, const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        char *line = arena_strndup(l->m->next_arena, lines, n);
        struct lh_table *t = l->m->next_holds;
        if (!lh_table_lookup_entry(t, line) && lh_table_insert(t, line, line) != 0)
            arena_exhausted(l->x->arena);
        lines += n + (lines[n] == '\n');
    }
}

static bool load_visit(void *ctx, const struct state_instance *i)
{
    struct loading *l = ctx;
    struct estate *e = l->x->estate;
    const struct resource *r = resource_named(i->type);
    if (!r || !is_kin(i->provider))
        return true;
    const char *problem = NULL;
    struct facts f = {
        .arena = l->scratch, .json = i->attributes, .insides = e->insides, .where = l->m->shown};
    if (!note_places(l, r, &f))
        return false;
    enum load_result result = resource_loader(r)(e->engine, &f, &problem);
    if (result == LOAD_NO_MEMORY)
        arena_exhausted(l->x->arena);
    if (result != LOAD_OK)
        return loading_failed(l,
                              "%s in %s: %s. An object that is skipped could have its CIDR "
                              "issued again. Correct it there.",
                              i->address, l->m->shown, problem);
    memory_remember(e->memory, r, &f);
    if (!l->first && !occupied_learn(e, r, &f))
        arena_exhausted(l->x->arena);
    departure_fn departure = resource_departure(r);
    if (departure)
        note_lines(l, departure(&f));
    return true;
}

/* What it held and holds no more is free, unless a claim says otherwise. */
static void give_back(struct claims *x, const char *line)
{
    x->released |= departure_unload(x->estate, line);
}

static void drop_holds(struct lh_table **holds, struct arena **arena)
{
    if (*holds)
        lh_table_free(*holds);
    arena_free(*arena);
    *holds = NULL;
    *arena = NULL;
}

static void replace_holds(struct loading *l)
{
    struct member *m = l->m;
    struct lh_table *before = m->holds;
    struct arena *before_arena = m->arena;
    m->holds = m->next_holds;
    m->arena = m->next_arena;
    m->next_holds = NULL;
    m->next_arena = NULL;
    for (struct lh_entry *e = before ? before->head : NULL; e; e = e->next)
        if (!lh_table_lookup_entry(m->holds, lh_entry_k(e)))
            give_back(l->x, lh_entry_k(e));
    drop_holds(&before, &before_arena);
}

void members_free(struct claims *x)
{
    for (struct member *m = x->members; m; m = m->next) {
        state_search_free(m->search);
        drop_holds(&m->holds, &m->arena);
        drop_holds(&m->next_holds, &m->next_arena);
    }
}

static void member_load(struct claims *x, struct member *m, const struct state *s,
                        struct arena *scratch)
{
    struct loading l = {.x = x, .m = m, .scratch = scratch, .first = !m->read};
    struct arena *before = m->arena;
    drop_holds(&m->next_holds, &m->next_arena);
    m->next_arena = arena_new();
    m->next_holds = lh_kchar_table_new(64, NULL);
    if (!m->next_arena || !m->next_holds)
        arena_exhausted(x->arena);
    arena_guard(m->next_arena, arena_guard_of(x->arena));
    bool whole = state_each(s, load_visit, &l);
    if (!whole && !l.failed)
        loading_failed(&l, "The provider could not get memory for what %s holds.", m->shown);
    if (l.failed)
        return;
    /* What this reading sees is known by its arena, and replaces what the last one saw. */
    if (!discover_state(x->estate->sightings, s, m->shown, m->next_arena))
        arena_exhausted(x->arena);
    if (before)
        sightings_forget(x->estate->sightings, before);
    arena_guard(m->next_arena, NULL);
    replace_holds(&l);
    m->problem[0] = '\0';
}

/* --- reading --- */

/* Asked only when its state has changed, so it has to be known now and not as of half a second ago:
 * somebody may have put another state in place right after its end. */
static bool run_lives(const struct claims *x, struct run *r)
{
    if (!r->mine && r->life != LIFE_GONE)
        r->life = claimant_life(&r->who, &x->self, r->member->path);
    return r->life == LIFE_RUNS;
}

bool member_is_busy(const struct claims *x, const struct member *m)
{
    char id[128];
    if (m->path && state_lock_probe(m->path, id, sizeof id) == LOCK_HELD)
        return true;
    for (const struct holder *h = x->holders; h; h = h->next)
        for (struct run *r = h->runs; r; r = r->next)
            if (r->member == m && r->open > 0 && run_lives(x, r))
                return true;
    return false;
}

static bool same_version(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool member_is_current(const struct member *m)
{
    struct stat now;
    if (!m->path)
        return m->read && !m->stale && !m->problem[0];
    return m->read && !m->stale && !m->racy && !m->missing && !m->problem[0] &&
           file_stat(m->path, &now) == 0 && same_version(&now, &m->seen);
}

/* Each write of Terraform counts the serial up. A lower one is an older copy, which may hold again
 * what was given back since; no journal tells of that. */
static bool went_back(const struct member *m)
{
    int64_t serial = state_file_serial(m->path);
    return serial >= 0 && serial < m->serial;
}

/* What a run at work stores is in journals too, so its state is read again at its end. */
static bool wants_reading(const struct claims *x, const struct member *m)
{
    struct stat now;
    if (m->own || m->search)
        return false;
    if (!m->read)
        return true;
    if (m->stale || !m->path)
        return m->stale && (m->path || m->command);
    if (file_stat(m->path, &now) != 0)
        memset(&now, 0, sizeof now);
    if (!m->racy && same_version(&now, &m->seen))
        return false;
    return !member_is_busy(x, m) || went_back(m);
}

/* Could it be written again without another time? */
static bool is_racy(const struct stat *st)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age =
        (now.tv_sec - st->st_mtim.tv_sec) * INT64_C(1000000000) + now.tv_nsec - st->st_mtim.tv_nsec;
    return age >= 0 && age < RACY_NS;
}

static void start(struct claims *x, struct member *m)
{
    bool restarted;
    m->stale = false;
    if (m->holder && holder_read(x, m->holder, &restarted) == JOURNAL_NO_MEMORY)
        arena_exhausted(x->arena);
    if (m->path) {
        if (file_stat(m->path, &m->seen) != 0)
            memset(&m->seen, 0, sizeof m->seen);
        identify(m, &m->seen);
        m->racy = is_racy(&m->seen);
    }
    struct state_options options = {.path = m->path, .command = m->command};
    m->search = state_search_new(&options);
    if (!m->search)
        arena_exhausted(x->arena);
}

static void judge(struct claims *x, struct member *m, const struct state *s, struct arena *scratch)
{
    const char *lineage = state_lineage(s);
    m->missing = m->path && !*lineage && state_is_empty(s);
    if (m->missing && !member_is_busy(x, m)) {
        struct stat st;
        snprintf(m->problem, sizeof m->problem,
                 "%s %s and no run works on it, so what it holds is not known. Restore it%s.",
                 m->path, file_stat(m->path, &st) == 0 ? "is empty (0 bytes)" : "does not exist",
                 m->configured ? " or take it out of the estate" : "");
        return;
    }
    if (m->missing) {
        m->problem[0] = '\0';
        return;
    }
    if (*m->lineage && strcmp(m->lineage, lineage) != 0) {
        snprintf(m->problem, sizeof m->problem,
                 "%s has the lineage %.80s, and the state that was here before had %.80s: it is "
                 "another state, and where that one is now is not known. Restore it.",
                 m->shown, *lineage ? lineage : "(none)", m->lineage);
        return;
    }
    if (strcmp(m->lineage, lineage) != 0)
        m->lineage = arena_strdup(x->arena, lineage);
    m->objects = s->managed;
    m->serial = state_serial(s);
    member_load(x, m, s, scratch);
}

/* A function of its own, so that nothing it changes is read after a jump. False: memory is out. */
static bool judge_guarded(struct claims *x, struct member *m, const struct state *s,
                          struct arena *scratch)
{
    jmp_buf guard, *outer = arena_guard_of(x->arena);
    if (setjmp(guard) != 0) {
        arena_guard(x->arena, outer);
        return false;
    }
    arena_guard(scratch, &guard);
    arena_guard(x->arena, &guard);
    judge(x, m, s, scratch);
    arena_guard(x->arena, outer);
    return true;
}

/* A state takes ten times its size in memory, so it is freed at once and not with the request. */
static void finish(struct claims *x, struct member *m)
{
    struct arena *scratch = arena_new();
    struct state *s = state_search_take(m->search);
    state_search_free(m->search);
    m->search = NULL;
    bool whole = scratch && judge_guarded(x, m, s, scratch);
    arena_free(scratch);
    state_free(s);
    if (!whole) {
        m->stale = true;
        arena_exhausted(x->arena);
    }
    m->read = true;
    if (!m->holder && member_holder(x, m))
        m->stale = true; /* now its journal is known, which has to be read before the state */
}

static enum state_status step(struct claims *x, struct member *m)
{
    enum state_status status = state_search_poll(m->search, x->now_ms);
    if (status == STATE_READY) {
        finish(x, m);
    } else if (status == STATE_FAILED) {
        snprintf(m->problem, sizeof m->problem, "%s", state_search_detail(m->search));
        state_search_free(m->search);
        m->search = NULL;
        m->read = true;
    }
    return status;
}

/* Not after each state: settling looks at the whole engine. */
static void settle(struct claims *x)
{
    if (engine_settle(x->estate->engine) != ENGINE_OK ||
        engine_settle(x->estate->insides) != ENGINE_OK)
        arena_exhausted(x->arena);
    holders_recount(x);
    x->unsettled = false;
}

enum state_status members_refresh(struct claims *x)
{
    enum state_status all = STATE_READY;
    unsigned running = 0, read = 0; /* in this go */
    for (struct member *m = x->members; m; m = m->next) {
        bool wanted = wants_reading(x, m);
        if (wanted && running < RUN_AT_ONCE && read < READ_AT_ONCE)
            start(x, m);
        else if (wanted)
            all = STATE_WAIT;
        if (!m->search)
            continue;
        if (step(x, m) == STATE_WAIT) {
            running++;
            all = STATE_WAIT;
        } else {
            read++;
            x->unsettled = true;
        }
    }
    if (x->unsettled && read < READ_AT_ONCE)
        settle(x);
    return all;
}
