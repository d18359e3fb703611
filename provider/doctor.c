/*
 * doctor - explains what an estate knows, and what keeps it from issuing
 *
 *   terraform-provider-ipam doctor [--state PATH]...
 *   terraform-provider-ipam doctor --journal PATH --drop-claim NAME
 *   terraform-provider-ipam doctor --journal PATH --forget-member NAME
 *
 * Without a repair it only reads: the state of the working directory (or the first --state), the
 * other states that are named or that a journal tells of, and the journals beside them. It says
 * what each holds, which runs have claims there and whether they live, what is torn or missing, and
 * which backups hold more than their state. The two repairs are for what no program can know: that
 * a run's claims, or a whole root module, are gone for good.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "provider/claims_internal.h"
#include "provider/state_internal.h"

enum { EXIT_FINE = 0, EXIT_ATTENTION = 1, EXIT_USAGE = 2 };
#define STATES_MAX 1000

static const char usage[] =
    "usage: terraform-provider-ipam doctor [--state PATH]...\n"
    "       terraform-provider-ipam doctor --journal PATH --drop-claim NAME\n"
    "       terraform-provider-ipam doctor --journal PATH --forget-member NAME\n"
    "\n"
    "Explains which states and claims are known, and what keeps CIDRs from being issued.\n"
    "  --state PATH          a local state file; the first is the own one (default: the one of\n"
    "                        the working directory), the others belong to the estate\n"
    "  --drop-claim NAME     withdraws the claim with this allocation id, or all of this run\n"
    "  --forget-member NAME  a root module (path or lineage of its state) is gone for good\n"
    "Exit code: 0 all fine, 1 something needs attention, 2 usage.\n";

struct options {
    const char *states[STATES_MAX];
    size_t state_count;
    const char *journal, *drop, *forget;
};

struct visit {
    struct options options;
    struct arena *arena;
    struct estate *estate;
    struct diags diags;
    bool attention;
};

static void needs(struct visit *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void needs(struct visit *v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("  ATTENTION: ", stdout);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
    v->attention = true;
}

static void show_diags(struct visit *v)
{
    for (const struct diag *d = v->diags.first; d; d = d->next)
        needs(v, "%s\n  %s", d->summary, d->detail);
}

/* --- reading --- */

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = STATE_POLL_MS * 1000000L}, NULL);
}

static void free_search(void *p)
{
    state_search_free(p);
}

static void free_state(void *p)
{
    state_free(p);
}

/* The own state; NULL after saying why not. */
static struct state *read_own(struct visit *v)
{
    const char *path = v->options.state_count ? v->options.states[0] : NULL;
    struct state_search *s = state_search_new(&(struct state_options){.path = path});
    enum state_status status = STATE_FAILED;
    if (!s)
        arena_exhausted(v->arena);
    arena_defer(v->arena, free_search, s);
    while ((status = state_search_poll(s, clock_ms())) == STATE_WAIT)
        pause_briefly();
    if (status == STATE_FAILED) {
        printf("own state\n");
        needs(v, "%s\n  %s", state_search_summary(s), state_search_detail(s));
        return NULL;
    }
    struct state *state = state_search_take(s);
    arena_defer(v->arena, free_state, state);
    return state;
}

static void free_estate(void *p)
{
    estate_free(p);
}

static struct claims *open_estate(struct visit *v, const struct state *own)
{
    struct estate *e = v->estate = estate_new();
    if (!e)
        arena_exhausted(v->arena);
    arena_defer(v->arena, free_estate, e);
    e->origin = state_origin(own);
    e->state_path = state_path(own);
    if (!estate_hydrate(e, own, &v->diags))
        return NULL;
    e->claims = claims_new(e, &(struct claims_options){.lineage = state_lineage(own),
                                                       .empty = state_is_empty(own),
                                                       .lock_timeout_ms = LOCK_TIMEOUT_MS});
    if (!e->claims)
        arena_exhausted(v->arena);
    for (size_t i = 1; i < v->options.state_count; i++)
        member_at(e->claims, v->options.states[i], NULL);
    enum state_status status;
    while ((status = claims_join(e->claims, &v->diags, clock_ms())) == STATE_WAIT)
        pause_briefly();
    return e->claims;
}

/* --- telling --- */

static void tell_backup(const struct member *m)
{
    struct state *backup = m->path ? state_backup(m->path, 0) : NULL;
    size_t held = 0;
    if (!backup)
        return;
    held = backup->managed;
    if (held > m->objects)
        printf("  its newest backup holds %zu objects, the state %zu: %s\n", held, m->objects,
               state_origin(backup));
    state_free(backup);
}

static void tell_member(struct visit *v, const struct member *m)
{
    char id[128];
    printf("%s %s\n", m->own ? "own state" : "state    ", m->path ? m->path : m->shown);
    if (m->problem[0])
        needs(v, "%s", m->problem);
    else if (m->missing)
        printf("  nothing is stored yet\n");
    else
        printf("  %zu objects%s%s\n", m->objects, *m->lineage ? ", lineage " : "", m->lineage);
    if (m->path && state_lock_probe(m->path, id, sizeof id) == LOCK_HELD)
        printf("  locked by a run (lock %s)\n", *id ? id : "without an id");
    tell_backup(m);
}

static const char *life_text(enum life l)
{
    static const char *const texts[] = {
        [LIFE_RUNS] = "alive", [LIFE_GONE] = "ended", [LIFE_UNKNOWN] = "cannot be told"};
    return texts[l];
}

static void tell_run(struct visit *v, const struct run *r)
{
    size_t open = 0, settled = 0;
    for (const struct claim *k = r->claims; k; k = k->next_of_run) {
        open += !k->over;
        settled += k->over;
    }
    printf("  run %s: %s; Terraform process %" PRId64 " on %s since %s, state %s, workspace %s\n",
           r->who.name, life_text(r->life), r->who.terraform, r->who.host, r->who.since,
           r->who.shown, r->who.workspace);
    printf("    %zu claims: %zu open, %zu settled by its state\n", open + settled, open, settled);
    if (open && r->life == LIFE_GONE)
        needs(v, "it has ended, and its state does not say what became of these claims");
    if (open && r->life == LIFE_UNKNOWN)
        needs(v,
              "whether it has ended cannot be told, so its claims count; when it has: "
              "--drop-claim %s",
              r->who.name);
    for (const struct claim *k = r->claims; k; k = k->next_of_run) {
        char cidr[CIDR_TEXT_SIZE];
        if (!k->over)
            printf("    %s in %s, %s %s (%s)\n", cidr_format(&k->cidr, cidr), k->pool,
                   allocation_type_name(k->type), k->resource, k->id);
    }
}

static void tell_holder(struct visit *v, struct claims *x, struct holder *h)
{
    int64_t now = time(NULL);
    if (!h->bytes && !h->problem[0])
        return;
    printf("journal   %s\n", journal_path(h->journal));
    for (const struct run *r = h->runs; r; r = r->next)
        if (r->claims)
            tell_run(v, r);
    for (const struct member_link *l = h->links; l; l = l->next)
        if (!l->forgotten)
            printf("  drawn from by %s\n",
                   l->member && l->member->path ? l->member->path : l->shown);
    for (const struct quarantine *q = h->quarantines; q; q = q->next) {
        char cidr[CIDR_TEXT_SIZE];
        if (q->until > now)
            printf("  quarantine of %s in %s for %" PRId64 " s more (%s)\n",
                   cidr_format(&q->cidr, cidr), q->pool, q->until - now, q->resource);
    }
    const char *why = holder_obstacle(x, h, v->arena);
    if (why)
        needs(v, "%s", why);
}

static bool tell_pool(void *ctx, const struct pool *p)
{
    (void)ctx;
    char buf[64];
    if (strcmp(pool_info(p)->id, AMAZON_IPV6_POOL) == 0)
        return true;
    const struct count total = space_total(pool_space(p)), used = space_used(pool_space(p));
    printf("pool      %s%s\n  %zu CIDRs, %zu allocations, ", pool_info(p)->id,
           pool_is_known(p) ? "" : " (only referred to)", pool_cidr_count(p),
           pool_allocation_count(p));
    printf("%s of ", count_format(count_sub(total, used), buf, sizeof buf));
    printf("%s addresses free\n", count_format(total, buf, sizeof buf));
    return true;
}

static void tell(struct visit *v, struct claims *x, const struct state *own)
{
    x->own->objects = own->managed;
    for (const struct member *m = x->members; m; m = m->next)
        tell_member(v, m);
    for (struct holder *h = x->holders; h; h = h->next)
        tell_holder(v, x, h);
    engine_each_pool(v->estate->engine, tell_pool, v);
    show_diags(v);
    puts(v->attention ? "Something needs attention." : "All is well.");
}

/* --- repairing --- */

/* The journal lies beside the state that is its owner. */
static const char *state_of_journal(struct visit *v)
{
    const char *journal = v->options.journal;
    size_t n = strlen(journal), suffix = strlen(JOURNAL_SUFFIX);
    if (n > suffix && strcmp(journal + n - suffix, JOURNAL_SUFFIX) == 0)
        return arena_strndup(v->arena, journal, n - suffix);
    return NULL;
}

static bool runs_still(const struct holder *h, const char *name)
{
    for (const struct run *r = h->runs; r; r = r->next)
        if (strcmp(r->who.name, name) == 0 && r->life == LIFE_RUNS)
            return true;
    return false;
}

static enum journal_result lock(struct holder *h)
{
    enum journal_result r;
    for (uint64_t until = clock_ms() + LOCK_TIMEOUT_MS;
         (r = journal_lock(h->journal)) == JOURNAL_BUSY && clock_ms() < until;)
        pause_briefly();
    return r;
}

static int fail(const char *problem)
{
    fprintf(stderr, "terraform-provider-ipam doctor: %s\n", problem);
    return EXIT_ATTENTION;
}

static int repair(struct visit *v, struct claims *x)
{
    const struct options *o = &v->options;
    struct holder *h = holder_at(x, path_real(v->arena, o->journal));
    size_t dropped = 0;
    bool restarted;
    enum journal_result r = lock(h);
    if (r == JOURNAL_BUSY)
        return fail("the journal stays locked by another process");
    if (r == JOURNAL_OK)
        r = holder_read(x, h, &restarted);
    if (r != JOURNAL_OK)
        return fail(journal_problem(h->journal));
    holder_settle(x, h, true);
    if (o->drop && runs_still(h, o->drop))
        return fail("that run is alive; end it first");
    r = o->drop ? holder_drop(x, h, o->drop, &dropped) : holder_forget(x, h, o->forget, &dropped);
    journal_unlock(h->journal);
    if (r != JOURNAL_OK)
        return fail(journal_problem(h->journal));
    printf(o->drop ? "%zu claims dropped.\n" : "%zu members forgotten.\n", dropped);
    return dropped ? EXIT_FINE : EXIT_ATTENTION;
}

/* --- the command line --- */

static bool take_option(struct options *o, const char *name, const char *value)
{
    if (!value)
        return false;
    if (strcmp(name, "--state") == 0 && o->state_count < STATES_MAX)
        o->states[o->state_count++] = value;
    else if (strcmp(name, "--journal") == 0)
        o->journal = value;
    else if (strcmp(name, "--drop-claim") == 0)
        o->drop = value;
    else if (strcmp(name, "--forget-member") == 0)
        o->forget = value;
    else
        return false;
    return true;
}

static int examine(struct visit *v)
{
    diags_init(&v->diags, v->arena);
    const char *of_journal = v->options.journal ? state_of_journal(v) : NULL;
    if (of_journal && v->options.state_count == 0)
        v->options.states[v->options.state_count++] = of_journal;
    struct state *own = read_own(v);
    struct claims *x = own ? open_estate(v, own) : NULL;
    if (x && v->options.journal)
        return repair(v, x);
    if (x)
        tell(v, x, own);
    else
        show_diags(v);
    return v->attention ? EXIT_ATTENTION : EXIT_FINE;
}

int doctor_main(int argc, char **argv)
{
    static struct visit v;
    v = (struct visit){0};
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return EXIT_FINE;
        }
        if (!take_option(&v.options, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if ((v.options.drop || v.options.forget) != (v.options.journal != NULL) ||
        (v.options.drop && v.options.forget)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    v.arena = arena_new();
    if (!v.arena) {
        fputs("terraform-provider-ipam doctor: out of memory\n", stderr);
        return EXIT_ATTENTION;
    }
    int code = examine(&v);
    arena_free(v.arena);
    return code;
}
