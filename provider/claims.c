/*
 * claims - issuing while others issue
 *
 * The order in which an allocation is made, all within one call of a hook:
 *   1. members that changed and are at rest are read again (no lock is held, so this may wait);
 *   2. the journal of the pool's holder is locked; when it is busy the call waits by polling;
 *   3. what others noted since is read: their claims become allocations of this engine;
 *   4. the hook picks, builds its answer, and notes the claim (issue_claim);
 *   5. the hook allocates, and the lock is given back.
 * Between 2 and 5 nothing waits, so the lock is held for microseconds. Giving it back is also
 * registered with the call's arena: a hook that returns early, or runs out of memory, cannot keep
 * it.
 *
 * Why nothing is missed. Whatever another run issued from this pool is in the journal, or its run
 * is gone and its state, which has not changed since, says whether it exists. A claim is dropped
 * from a journal only after its run is gone and its state was read; a reader that finds the journal
 * replaced starts again from step 1.
 *
 * The own state is not read again here: what this Terraform does is in claims of living runs, for
 * the processes of its other aliases too.
 *
 * Two pools with two holders (a VPC with IPv4 and IPv6) need two locks. Locks are only tried, and
 * all are given back when one is busy, so nobody waits for one while holding another.
 */
#include "provider/claims.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <json-c/linkhash.h>

#include "proto/log.h"
#include "provider/claims_internal.h"
#include "provider/forecast.h"
#include "provider/state_internal.h"

/* How long a call sleeps before it tries a busy lock again, and how often a call that waits for
 * something else looks whether another process brought it. */
#define LOCK_POLL_MS  3
#define OTHER_POLL_MS 100
/* Reading, locking and finding news again: more often than this in a row means waiting. */
#define ROUNDS 8
/* What an answer needs besides the values that the hook has built, with room to spare. */
#define ANSWER_BYTES (64u << 10)

/* --- lifetime --- */

static void open_claims(struct claims *x, const struct claims_options *o)
{
    struct estate *e = x->estate;
    x->places = lh_kchar_table_new(64, NULL);
    if (!x->places)
        arena_exhausted(x->arena);
    x->lock_timeout_ms = o->lock_timeout_ms;
    x->folder = o->folder ? path_real(x->arena, o->folder) : NULL;
    const char *path = e->state_path ? path_real(x->arena, e->state_path) : NULL;
    if (!claimant_self(x->arena, path, &x->self))
        x->self.name = "";
    x->self.shown = path ? path : arena_strdup(x->arena, e->origin);
    x->self.lineage = arena_strdup(x->arena, o->lineage);
    member_own(x, path, o->lineage, path && !*o->lineage && o->empty);
}

static bool open_guarded(struct claims *x, const struct claims_options *o)
{
    jmp_buf guard;
    if (setjmp(guard) != 0)
        return false;
    arena_guard(x->arena, &guard);
    open_claims(x, o);
    arena_guard(x->arena, NULL);
    return true;
}

struct claims *claims_new(struct estate *e, const struct claims_options *o)
{
    struct claims *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->estate = e;
    x->arena = arena_new();
    if (!x->arena || !open_guarded(x, o)) {
        claims_free(x);
        return NULL;
    }
    return x;
}

void claims_free(struct claims *x)
{
    if (!x)
        return;
    holders_free(x);
    members_free(x);
    if (x->places)
        lh_table_free(x->places);
    arena_free(x->arena);
    free(x);
}

/* --- joining: everything that is known at configuration --- */

static bool report_members(struct claims *x, struct diags *d)
{
    bool fine = true;
    for (const struct member *m = x->members; m; m = m->next)
        if (m->configured && !m->own && m->problem[0]) {
            fine = false;
            diag_error(d, PATH_ATTR(NULL, "estate"), "A state of the estate cannot be read",
                       "%s: %s\nWhat it holds is not known, so nothing can be issued safely.",
                       m->shown, m->problem);
        }
    return fine;
}

/* Makes the journal of a state without a file, so that other root modules see that it is kept. */
static bool keep_journal(struct claims *x, struct diags *d)
{
    struct holder *h = x->own->holder;
    bool restarted;
    if (x->own->path || !x->folder || !*x->own->lineage)
        return true;
    enum journal_result r = journal_lock(h->journal);
    if (r == JOURNAL_OK) {
        r = holder_read(x, h, &restarted);
        journal_unlock(h->journal);
    }
    if (r == JOURNAL_NO_MEMORY)
        arena_exhausted(x->arena);
    if (r == JOURNAL_FAILED)
        diag_error(d, PATH_ATTR(NULL, "claims"), "The journal of claims cannot be kept",
                   "%s. Correct the folder in claims { path }.", journal_problem(h->journal));
    return r != JOURNAL_FAILED;
}

static enum state_status join(struct claims *x, struct diags *d)
{
    bool restarted;
    if (!x->joined) {
        x->joined = true;
        if (!*x->self.name) {
            diag_error(d, NULL, "configuring the provider",
                       "The operating system gave no random bytes (getrandom).");
            return STATE_FAILED;
        }
        if (!keep_journal(x, d))
            return STATE_FAILED;
        if (holder_read(x, x->own->holder, &restarted) == JOURNAL_NO_MEMORY)
            arena_exhausted(x->arena);
    }
    if (members_refresh(x) == STATE_WAIT)
        return STATE_WAIT;
    for (struct holder *h = x->holders; h; h = h->next)
        holder_settle(x, h, true);
    if (!report_members(x, d))
        return STATE_FAILED;
    const char *lost = run_lost(x, x->own->holder, d->arena);
    if (lost) {
        diag_error(d, NULL, "The Terraform state was lost", "%s", lost);
        return STATE_FAILED;
    }
    x->estate->origin = arena_strdup(x->arena, members_named(x, x->arena));
    return STATE_READY;
}

/* A function of its own, so that nothing it changes is read after a jump. */
static bool join_guarded(struct claims *x, struct diags *d, enum state_status *out)
{
    jmp_buf guard;
    if (setjmp(guard) != 0)
        return false;
    arena_guard(x->arena, &guard);
    *out = join(x, d);
    return true;
}

enum state_status claims_join(struct claims *x, struct diags *d, uint64_t now_ms)
{
    enum state_status out = STATE_FAILED;
    x->now_ms = now_ms;
    bool complete = join_guarded(x, d, &out);
    arena_guard(x->arena, NULL);
    if (!complete)
        diag_error(d, NULL, "reading the estate: out of memory", "Nothing was changed.");
    return out;
}

/* --- one issue --- */

static void unlock_all(struct claims *x)
{
    for (struct holder *h = x->holders; h; h = h->next)
        journal_unlock(h->journal);
}

/* The lock of one call. It may be gone when the call's arena is: then the token differs. */
struct held {
    struct claims *x;
    unsigned token;
};

static void give_back_lock(void *p)
{
    struct held *held = p;
    if (held->x->token == held->token)
        unlock_all(held->x);
}

/* Journal and state that the pool or scope belongs to. */
static struct member *keeper(struct claims *x, const char *id)
{
    struct lh_entry *e = lh_table_lookup_entry(x->places, id);
    return e ? lh_entry_v(e) : x->own;
}

enum step { STEP_GO, STEP_AGAIN, STEP_WAIT, STEP_BUSY, STEP_REFUSED };

struct issuing {
    struct call *call;
    struct claims *x;
    struct member *keeper;
    struct holder *holder;
    const char *id;
    const char *doing;
    bool needs_truth; /* false: only something to note, which may be left out */
};

static enum step refuse(struct issuing *i, const char *text)
{
    if (i->needs_truth)
        diag_error(i->call->diags, NULL,
                   arena_printf(i->call->arena, "%s: what is issued is not known", i->doing), "%s",
                   text);
    return STEP_REFUSED;
}

static enum step find_journal(struct issuing *i)
{
    struct claims *x = i->x;
    struct arena *a = i->call->arena;
    struct stat st;
    i->keeper = keeper(x, i->id);
    if (!i->keeper)
        return refuse(i, arena_printf(a,
                                      "%s is known only from the claims of a run that goes on. Run "
                                      "the command again when that run has ended.",
                                      i->id));
    i->holder = member_holder(x, i->keeper);
    /* Terraform's own folder may not be there yet when nothing had to be initialised. */
    if (i->keeper->own && !i->keeper->path && mkdir(i->holder->folder, 0755) != 0 &&
        errno != EEXIST)
        log_line(LOG_DEBUG, "%s: %s", i->holder->folder, strerror(errno));
    if (!i->holder)
        return refuse(i, arena_printf(a,
                                      "%s is held by another root module, whose state (%s) is not "
                                      "a local file. Two runs at the same time would not see what "
                                      "the other issues. Name a folder that both can write, in the "
                                      "provider blocks of both: claims { path = \"...\" }.",
                                      i->id, i->keeper->shown));
    if (!i->keeper->path && !i->keeper->own &&
        file_stat(journal_path(i->holder->journal), &st) != 0)
        return refuse(i, arena_printf(a,
                                      "%s is held by another root module (%s), and that one does "
                                      "not keep its claims in %s. Name the same folder in its "
                                      "provider block, claims { path }, and run terraform plan "
                                      "there once.",
                                      i->id, i->keeper->shown, x->folder));
    return STEP_GO;
}

static enum step read_news(struct issuing *i)
{
    struct claims *x = i->x;
    bool restarted;
    enum journal_result r = holder_read(x, i->holder, &restarted);
    if (r == JOURNAL_NO_MEMORY)
        arena_exhausted(x->arena);
    if (restarted)
        for (struct member *m = x->members; m; m = m->next)
            m->stale = !m->own;
    holder_settle(x, i->holder, false);
    if (!i->needs_truth && i->holder->problem[0]) {
        journal_unlock(i->holder->journal);
        return STEP_REFUSED;
    }
    if (!i->needs_truth) {
        holder_prepare(x, i->holder);
        return STEP_GO;
    }
    if (restarted)
        return STEP_AGAIN;
    for (const struct member *m = x->members; m; m = m->next)
        if (!m->own && (!m->read || m->search || (m->stale && (m->path || m->command))))
            return STEP_AGAIN;
    const char *why = holder_obstacle(x, i->holder, i->call->arena);
    if (!why && holder_wants_compacting(i->holder) &&
        holder_compact(x, i->holder) == JOURNAL_NO_MEMORY)
        arena_exhausted(x->arena);
    if (!why && i->holder->problem[0])
        why = i->holder->problem;
    if (why)
        return refuse(i, why);
    holder_prepare(x, i->holder);
    return STEP_GO;
}

static enum step round_of(struct issuing *i)
{
    struct claims *x = i->x;
    if (i->needs_truth && members_refresh(x) == STATE_WAIT)
        return STEP_WAIT;
    if (!journal_is_locked(i->holder->journal)) {
        switch (journal_lock(i->holder->journal)) {
        case JOURNAL_OK:
            break;
        case JOURNAL_BUSY:
            return STEP_BUSY;
        case JOURNAL_FAILED:
            return refuse(i, arena_printf(i->call->arena,
                                          "The journal of claims cannot be kept, so others would "
                                          "not see what is issued. %s.",
                                          journal_problem(i->holder->journal)));
        case JOURNAL_NO_MEMORY:
            arena_exhausted(x->arena);
        }
    }
    return read_news(i);
}

static enum step rounds(struct issuing *i)
{
    enum step s = find_journal(i);
    struct held *held = arena_alloc(i->call->arena, sizeof *held);
    if (s != STEP_GO)
        return s;
    *held = (struct held){i->x, ++i->x->token};
    arena_defer(i->call->arena, give_back_lock, held);
    s = STEP_AGAIN;
    for (unsigned n = 0; s == STEP_AGAIN && n < ROUNDS; n++) {
        s = round_of(i);
        if (s == STEP_AGAIN)
            journal_unlock(i->holder->journal);
    }
    return s == STEP_AGAIN ? STEP_WAIT : s;
}

static bool rounds_guarded(struct issuing *i, enum step *out)
{
    jmp_buf guard;
    if (setjmp(guard) != 0)
        return false;
    arena_guard(i->x->arena, &guard);
    *out = rounds(i);
    return true;
}

/* Who has the lock, as far as it can be told. */
static const char *busy_text(struct issuing *i)
{
    struct arena *a = i->call->arena;
    const struct holder *h = i->holder;
    int pid = journal_lock_owner(h->journal);
    const char *who = pid ? arena_printf(a, "process %d on this machine", pid)
                          : "a process that cannot be seen from this machine";
    for (const struct run *r = h->runs; r; r = r->next)
        if (pid && r->who.provider == pid && strcmp(r->who.host, i->x->self.host) == 0)
            who = arena_printf(a,
                               "%s (provider of Terraform process %lld, host %s, state %s, "
                               "workspace %s, since %s)",
                               who, (long long)r->who.terraform, r->who.host, r->who.shown,
                               r->who.workspace, r->who.since);
    return arena_printf(a,
                        "%s is locked by %s. The lock is held for microseconds in normal "
                        "operation, so that process is stopped or stuck. Let it go on, or end it; "
                        "nothing is damaged by that. lock_timeout in the provider block says how "
                        "long to wait (%u s).",
                        journal_path(h->journal), who, i->x->lock_timeout_ms / 1000);
}

/* False: the call waits, or an error was reported. */
static bool conclude(struct issuing *i, enum step s, enum outcome *out)
{
    struct call *c = i->call;
    bool must_answer = c->last_attempt || c->stopping;
    if (s == STEP_GO) {
        c->poll_ms = OTHER_POLL_MS;
        return true;
    }
    if (s == STEP_REFUSED && !i->needs_truth)
        return true; /* without a journal */
    unlock_all(i->x);
    if (s == STEP_REFUSED)
        return false;
    if (!must_answer) {
        *out = CALL_WAIT;
        c->poll_ms = s == STEP_BUSY ? LOCK_POLL_MS : STATE_POLL_MS;
        c->patience_ms =
            s == STEP_BUSY ? i->x->lock_timeout_ms : STATE_CHILD_MS + STATE_PATIENCE_MS;
        return false;
    }
    if (c->stopping)
        diag_error(c->diags, NULL, arena_printf(c->arena, "%s: interrupted", i->doing),
                   "The run was stopped while it waited for other runs. Nothing was changed.");
    else if (s == STEP_BUSY)
        diag_error(c->diags, NULL,
                   arena_printf(c->arena, "%s: the journal of claims is locked", i->doing), "%s",
                   busy_text(i));
    else
        diag_error(c->diags, NULL, arena_printf(c->arena, "%s: states keep changing", i->doing),
                   "States of the estate changed again and again while they were read. Run the "
                   "command again when the other runs have ended.");
    return false;
}

static bool begin(struct call *c, const char *id, const char *doing, bool needs_truth,
                  enum outcome *out)
{
    struct claims *x = estate_of(c)->claims;
    struct issuing i = {.call = c, .x = x, .id = id, .doing = doing, .needs_truth = needs_truth};
    enum step s = STEP_REFUSED;
    *out = CALL_DONE;
    if (!x || c->stage == CALL_PLANNING) /* a plan tries, see plan_ahead.c: nothing is noted */
        return true;
    x->now_ms = c->now_ms;
    bool complete = rounds_guarded(&i, &s);
    arena_guard(x->arena, NULL);
    if (!complete) {
        unlock_all(x);
        report_no_memory(c, doing);
        return false;
    }
    if (x->released) {
        x->released = false;
        call_progress(c);
    }
    return conclude(&i, s, out);
}

bool issue_begin(struct call *c, const char *pool_id, const char *doing, enum outcome *out)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, pool_id);
    *out = CALL_DONE;
    return !p || !pool_is_known(p) ||
           (forecast_prepare(c, pool_id, out) && begin(c, pool_id, doing, true, out));
}

/* Where the CIDRs of a pool come from: its source pool, or the scope. */
static const char *source_of(struct call *c, const char *pool_id)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, pool_id);
    if (!p || !pool_is_known(p))
        return NULL;
    const char *id = pool_info(p)->source_id ? pool_info(p)->source_id : pool_info(p)->scope_id;
    return arena_strdup(c->arena, id);
}

bool issue_begin_provision(struct call *c, const char *pool_id, const char *doing,
                           enum outcome *out)
{
    const char *source = source_of(c, pool_id);
    *out = CALL_DONE;
    return !source || (forecast_prepare(c, source, out) && begin(c, source, doing, true, out));
}

void issue_end(struct call *c)
{
    struct claims *x = estate_of(c)->claims;
    if (x)
        unlock_all(x);
}

/* --- noting --- */

/* Records of one write; freed with the call whatever happens. */
struct note {
    struct call *call;
    struct holder *holder;
    struct json_object *records[5];
    size_t count;
    bool durable;
};

static void free_note(void *p)
{
    struct note *n = p;
    for (size_t i = 0; i < n->count; i++)
        json_object_put(n->records[i]);
    n->count = 0;
}

static void add(struct note *n, struct json_object *record)
{
    if (!record)
        arena_exhausted(n->call->arena);
    n->records[n->count++] = record;
}

/* Begins with this process, and its state when that is not the one that holds the pools. */
static struct note *note_new(struct call *c, struct holder *h)
{
    struct claims *x = estate_of(c)->claims;
    struct note *n = arena_alloc(c->arena, sizeof *n);
    *n = (struct note){.call = c, .holder = h};
    arena_defer(c->arena, free_note, n);
    if (!h->announced)
        add(n, record_run(x, h, c->arena));
    if (!h->linked) {
        add(n, record_member(h, x->own, c->arena));
        n->durable = true;
    }
    return n;
}

static enum journal_result note_write(struct note *n)
{
    struct holder *h = n->holder;
    enum journal_result r = journal_append(h->journal, n->records, n->count, n->durable);
    free_note(n);
    if (r == JOURNAL_OK)
        h->announced = h->linked = true;
    return r;
}

static void warn_unwritten(const struct holder *h, enum journal_result r)
{
    log_line(LOG_WARN, "%s",
             r == JOURNAL_NO_MEMORY ? "out of memory" : journal_problem(h->journal));
}

/* The locked journal of that pool or scope; NULL: none is kept here, or it is not locked. */
static struct holder *locked_holder(struct claims *x, const char *id)
{
    struct member *m = x ? keeper(x, id) : NULL;
    return m && m->holder && journal_is_locked(m->holder->journal) ? m->holder : NULL;
}

/* What is noted: an allocation, or (scope) the CIDR of a top-level pool. */
struct issue {
    const char *pool_id, *scope_id;
    const char *id, *resource_id, *region;
    enum allocation_type type;
    struct cidr cidr;
};

static const char *journal_key(const struct issue *i)
{
    return i->scope_id ? i->scope_id : i->pool_id;
}

static struct json_object *claim_of(struct call *c, const struct issue *i, const char *scope)
{
    const struct claims *x = estate_of(c)->claims;
    char cidr[CIDR_TEXT_SIZE];
    struct json_object *r = record_of("claim", i->id, x->self.name);
    if (r && record_text(r, "pool", i->pool_id) &&
        record_text(r, "cidr", cidr_format(&i->cidr, cidr)) &&
        record_text(r, "type", allocation_type_name(i->type)) &&
        record_text(r, "resource", i->resource_id) &&
        record_text(r, "owner", estate_of(c)->account_id) && record_text(r, "region", i->region) &&
        record_text(r, "scope", scope))
        return r;
    json_object_put(r);
    return NULL;
}

static bool report_write(struct call *c, const struct holder *h, enum journal_result r,
                         const char *doing)
{
    if (r == JOURNAL_NO_MEMORY)
        report_no_memory(c, doing);
    else
        diag_error(c->diags, NULL, arena_printf(c->arena, "%s: the claim cannot be noted", doing),
                   "%s. Others would not see what is issued here, so nothing was. Make room or "
                   "correct the permissions, and run the command again.",
                   journal_problem(h->journal));
    return false;
}

static bool claim(struct call *c, const struct issue *i, const char *doing)
{
    struct holder *h = locked_holder(estate_of(c)->claims, journal_key(i));
    if (!h)
        return true; /* no claims are kept: a tool, not a run */
    struct note *n = note_new(c, h);
    add(n, claim_of(c, i, i->scope_id));
    enum journal_result r = note_write(n);
    return r == JOURNAL_OK || report_write(c, h, r, doing);
}

/* The claim came to nothing. Not noting that is safe: then it counts until this run ends. */
static void cancel(struct call *c, const struct issue *i)
{
    struct claims *x = estate_of(c)->claims;
    struct holder *h = locked_holder(x, journal_key(i));
    if (!h)
        return;
    struct note *n = note_new(c, h);
    add(n, record_of("cancel", i->id, x->self.name));
    enum journal_result r = note_write(n);
    if (r != JOURNAL_OK)
        warn_unwritten(h, r);
}

bool issue_allocate(struct call *c, const struct allocation_request *r, const char *doing,
                    const struct refusal_paths *paths, enum outcome *out)
{
    struct refusal why;
    const struct allocation *taken;
    const struct issue i = {.pool_id = r->pool_id,
                            .id = r->id,
                            .resource_id = r->resource_id ? r->resource_id : "",
                            .region = r->region,
                            .type = r->type,
                            .cidr = r->cidr};
    *out = CALL_DONE;
    arena_reserve(c->arena, ANSWER_BYTES);
    if (!claim(c, &i, doing))
        return false;
    enum engine_result result = engine_allocate(estate_of(c)->engine, r, &taken, &why);
    if (result != ENGINE_OK)
        cancel(c, &i);
    return engine_said_yes(c, result, doing, &why, paths, out);
}

void issue_undo(struct call *c, const struct allocation_request *r)
{
    struct refusal why;
    const struct issue i = {.pool_id = r->pool_id, .id = r->id};
    if (engine_release(estate_of(c)->engine, r->id, &why) == ENGINE_OK)
        cancel(c, &i);
}

/* A planning pool takes over the CIDR of its VPC, which is an allocation already. */
static bool takes_over(const struct engine *e, const struct pool_info *info, const struct cidr *c)
{
    const struct allocation *a =
        info->planning && info->source_id ? engine_allocation_at(e, info->source_id, c) : NULL;
    return a && a->type == ALLOCATION_VPC;
}

bool issue_provision(struct call *c, const struct provision_request *r, const char *doing,
                     const struct refusal_paths *paths, enum outcome *out)
{
    struct refusal why;
    struct cidr taken;
    struct engine *e = estate_of(c)->engine;
    const struct pool_info *info = pool_info(engine_pool(e, r->pool_id));
    const struct issue i = {.pool_id = info->source_id ? info->source_id : r->pool_id,
                            .scope_id = info->source_id ? NULL : info->scope_id,
                            .id = r->allocation_id,
                            .resource_id = r->pool_id,
                            .region = "",
                            .type = ALLOCATION_POOL,
                            .cidr = r->cidr};
    *out = CALL_DONE;
    bool drawn = !takes_over(e, info, &r->cidr);
    arena_reserve(c->arena, ANSWER_BYTES);
    if (drawn && !claim(c, &i, doing))
        return false;
    enum engine_result result = engine_provision(e, r, &taken, &why);
    if (drawn && result != ENGINE_OK)
        cancel(c, &i);
    return engine_said_yes(c, result, doing, &why, paths, out);
}

/* --- giving back --- */

static struct json_object *quarantine_of(struct call *c, const struct allocation_request *was,
                                         int64_t until)
{
    char cidr[CIDR_TEXT_SIZE];
    struct json_object *r = record_of("quarantine", was->pool_id, NULL);
    if (r && record_text(r, "cidr", cidr_format(&was->cidr, cidr)) &&
        record_number(r, "until", until) &&
        record_text(r, "resource", *was->resource_id ? was->resource_id : was->id))
        return r;
    json_object_put(r);
    arena_exhausted(c->arena);
}

static struct allocation_request copy_of(struct arena *a, const struct allocation *from)
{
    return (struct allocation_request){
        .id = arena_strdup(a, from->id),
        .pool_id = arena_strdup(a, pool_info(from->pool)->id),
        .type = from->type,
        .cidr = from->cidr,
        .length = -1,
        .resource_id = arena_strdup(a, from->resource_id),
        .owner = arena_strdup(a, from->owner),
        .region = arena_strdup(a, from->region),
        .description = arena_strdup(a, from->description),
    };
}

/* The note that it is gone, which needs no memory of the call any more when it is written; NULL:
 * none is kept. False: what has to be noted cannot be. */
static bool release_note(struct call *c, const struct allocation_request *was, int64_t until,
                         const char *doing, struct note **out)
{
    struct claims *x = estate_of(c)->claims;
    struct holder *h = locked_holder(x, was->pool_id);
    *out = NULL;
    if (c->stage == CALL_PLANNING)
        return true;
    if (!h && until && x)
        diag_error(c->diags, NULL, arena_printf(c->arena, "%s: no quarantine", doing),
                   "%s has a release_quarantine, and the journal of claims that has to remember it "
                   "cannot be written. Correct that, or take release_quarantine out of the pool.",
                   was->pool_id);
    if (!h)
        return !until || !x;
    struct note *n = note_new(c, h);
    add(n, record_of("release", was->id, x->self.name));
    if (until)
        add(n, quarantine_of(c, was, until));
    n->durable = n->durable || until;
    *out = n;
    return true;
}

/* False: it had to be written and could not be. */
static bool write_release(struct note *n, int64_t until, const char *doing)
{
    enum journal_result r = n ? note_write(n) : JOURNAL_OK;
    if (r != JOURNAL_OK && !until) /* others keep it until they have read the state: safe */
        warn_unwritten(n->holder, r);
    return r == JOURNAL_OK || !until || report_write(n->call, n->holder, r, doing);
}

static bool count_quarantine(struct call *c, const struct allocation_request *was, int64_t until)
{
    struct claims *x = estate_of(c)->claims;
    struct member *m = x ? keeper(x, was->pool_id) : NULL;
    return !until || !m || !m->holder ||
           quarantine_add(x, m->holder, was->pool_id, &was->cidr,
                          *was->resource_id ? was->resource_id : was->id, until);
}

bool issue_begin_release(struct call *c, const char *allocation_id, const char *doing,
                         enum outcome *out)
{
    const struct allocation *a = engine_allocation(estate_of(c)->engine, allocation_id);
    *out = CALL_DONE;
    return !a || begin(c, arena_strdup(c->arena, pool_info(a->pool)->id), doing, false, out);
}

bool issue_release(struct call *c, const char *allocation_id, const char *doing, enum outcome *out)
{
    struct engine *e = estate_of(c)->engine;
    struct refusal why;
    const struct allocation *a = engine_allocation(e, allocation_id);
    *out = CALL_DONE;
    if (!a)
        return true; /* removed by a cascade, or never more than an imported id */
    struct allocation_request was = copy_of(c->arena, a);
    uint64_t quarantine = pool_info(a->pool)->release_quarantine;
    int64_t until = quarantine ? (int64_t)time(NULL) + (int64_t)quarantine : 0;
    struct note *note;
    if (!begin(c, was.pool_id, doing, false, out) || !release_note(c, &was, until, doing, &note))
        return false;
    arena_reserve(c->arena, ANSWER_BYTES);
    enum engine_result r = engine_release(e, was.id, &why);
    if (r == ENGINE_REFUSED && why.code == REFUSAL_ALLOCATION_UNKNOWN)
        r = ENGINE_OK;
    if (!engine_said_yes(c, r, doing, &why, NULL, out))
        return false;
    if (!write_release(note, until, doing)) {
        if (engine_load_allocation(e, &was) != ENGINE_OK || engine_settle(e) != ENGINE_OK)
            report_no_memory(c, doing);
        return false;
    }
    if (!count_quarantine(c, &was, until))
        report_no_memory(c, doing);
    return true;
}

/* What is noted when a CIDR leaves a pool: in the pool's journal, then in its source's. */
struct closing {
    struct note *close, *release; /* NULL: no journal is kept */
};

static struct closing closing_notes(struct call *c, const char *pool_id, const struct cidr *cidr,
                                    const char *source, const char *id)
{
    struct claims *x = estate_of(c)->claims;
    char text[CIDR_TEXT_SIZE];
    struct closing out = {0};
    struct holder *h = locked_holder(x, pool_id), *of_source = locked_holder(x, source);
    if (!h)
        return out;
    out.close = note_new(c, h);
    struct json_object *r = record_of("close", pool_id, x->self.name);
    add(out.close, r);
    if (!record_text(r, "cidr", cidr_format(cidr, text)) || !record_text(r, "id", id))
        arena_exhausted(c->arena);
    if (of_source) {
        out.release = note_new(c, of_source);
        add(out.release, record_of("release", id, x->self.name));
    }
    return out;
}

static bool write_closing(struct call *c, const struct closing *n, const char *doing)
{
    enum journal_result r = n->close ? note_write(n->close) : JOURNAL_OK;
    if (r != JOURNAL_OK)
        return report_write(c, n->close->holder, r, doing);
    r = n->release ? note_write(n->release) : JOURNAL_OK;
    if (r != JOURNAL_OK)
        warn_unwritten(n->release->holder, r);
    return true;
}

bool issue_deprovision(struct call *c, const char *pool_id, const struct cidr *cidr,
                       struct bytes plan, const char *doing, const struct refusal_paths *paths,
                       enum outcome *out)
{
    struct engine *e = estate_of(c)->engine;
    struct refusal why;
    const char *source = source_of(c, pool_id);
    const char *id = allocation_id_of(c->arena, pool_id, cidr);
    if (!issue_begin(c, pool_id, doing, out) || (source && !begin(c, source, doing, false, out)))
        return false;
    struct closing notes = {0};
    if (source)
        notes = closing_notes(c, pool_id, cidr, source, id);
    arena_reserve(c->arena, ANSWER_BYTES);
    quarantines_lift(estate_of(c)->claims, pool_id, cidr);
    enum engine_result r = engine_deprovision(e, pool_id, cidr, &why);
    if (r == ENGINE_REFUSED && why.code == REFUSAL_CIDR_UNKNOWN)
        r = ENGINE_OK; /* removed by a cascade */
    if (r == ENGINE_REFUSED && why.code == REFUSAL_CIDR_IN_USE &&
        forecast_lets_go(c, plan, pool_id, cidr)) {
        engine_unload_cidr(e, pool_id, cidr); /* what is in it holds its own space until it goes */
        r = ENGINE_OK;
    }
    if (!engine_said_yes(c, r, doing, &why, paths, out))
        return false;
    if (!write_closing(c, &notes, doing)) {
        if (engine_load_cidr(e, pool_id, cidr, id) != ENGINE_OK || engine_settle(e) != ENGINE_OK)
            report_no_memory(c, doing);
        return false;
    }
    issue_end(c);
    return true;
}

/* --- asking, in a plan --- */

/* A function of its own, so that nothing it changes is read after a jump. */
static bool refresh_guarded(struct claims *x)
{
    jmp_buf guard;
    if (setjmp(guard) != 0)
        return false;
    arena_guard(x->arena, &guard);
    return members_refresh(x) == STATE_READY;
}

/* A state that could not be read when the provider was configured may have been restored since. */
static const char *obstacle_now(struct call *c, struct holder *h)
{
    struct claims *x = estate_of(c)->claims;
    const char *why = holder_obstacle(x, h, c->arena);
    if (!why)
        return NULL;
    x->now_ms = c->now_ms;
    bool complete = refresh_guarded(x);
    arena_guard(x->arena, NULL);
    return complete ? holder_obstacle(x, h, c->arena) : why;
}

bool issue_possible(struct call *c, const char *pool_id, const char *doing)
{
    struct claims *x = estate_of(c)->claims;
    const struct pool *p = engine_pool(estate_of(c)->engine, pool_id);
    if (!x || !p || !pool_is_known(p))
        return true;
    forecast_expect(c, pool_id);
    struct member *m = keeper(x, pool_id);
    const char *why = m && m->holder ? obstacle_now(c, m->holder) : NULL;
    if (why)
        diag_error(c->diags, NULL, arena_printf(c->arena, "%s: what is issued is not known", doing),
                   "%s", why);
    return !why;
}
