/*
 * simulator - never the same CIDR twice, over many histories
 *
 *   simulator [HISTORIES] [FIRST_SEED] [PROCESSES] [plain]
 *
 * plain: without the shortcuts of shortcuts.c. The trace at the end is a sum over all that happened
 * in the histories: the same for the same seeds, however they are spread over processes.
 *
 * A history: a few root modules share one pool of sixteen /28s, which the first of them holds.
 * Terraforms are started on them, plan, apply creates and destroys one after the other, write their
 * states (truncate, half, whole, as Terraform does), and end; the provider inside is the real one,
 * over the files of world.c. At any system call another one may go on, a provider may be killed, a
 * Terraform may be killed with it, also in the middle of a write. State locks get lost, so that two
 * Terraforms work on one state. A plan of the first root module may take the pool's CIDR back with
 * all that its state holds of it; another process then does that in any order, and a later one
 * gives the CIDR again, around what runs that ended early have left. When nothing runs on a state,
 * its user may put an older copy in its place, and does so when it is torn. Everything follows from
 * the seed, so that `simulator 1 SEED` replays a history.
 *
 * What is promised, and checked at each answer that gives a CIDR: it overlaps nothing that
 *   - a whole state holds, whoever wrote it or put it there,
 *   - was given to a Terraform that still runs,
 *   - a torn state held when it was whole, or the run that tore it had been given: that is not
 *     known any more, so nothing may be issued at all until somebody restores the state.
 * What no state and no run knows any more (the user put an older state back) cannot be protected,
 * and is not promised. What an older state brings back is protected from all runs that begin later;
 * those that go on meanwhile need not see it, and when they issue it, it is counted. The same holds
 * for what a Terraform remembers of a state that another one, after the lock was lost, has written
 * meanwhile: once it is gone from the state and was given back, it is free until it is written
 * again. Two states that hold one CIDR because an older one was put back are counted.
 *
 * A refusal is right when a state is torn or was until a moment ago, when the pool is full, or when
 * another run is working on the own state; all others are counted as false.
 */
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/cidr.h"
#include "proto/codec.h"
#include "provider/claims.h"
#include "provider/estate.h"
#include "simulator/shortcuts.h"
#include "simulator/world.h"
#include "wire_calls.h"
#include "wire_inside.h"

#define MODULES  3
#define RUNS_MAX 24 /* Terraforms in one history */
#define AT_ONCE  3
#define STEPS    120
#define THINGS   24 /* of one state */
#define COPIES   64 /* older states of one root module */
#define CHANGES  3
#define SLOTS    16
#define HUB      0

/* --- states --- */

struct thing {
    const char *type;
    char *json; /* its attributes; shared, freed with the history */
    struct cidr cidr;
    unsigned back; /* when something older brought it back; 0: it never did */
};

struct document {
    struct thing things[THINGS];
    size_t count;
    unsigned serial;
};

struct module {
    char path[48], backup[64], info[64];
    struct document disk;            /* as it was whole last */
    bool whole, torn;                /* the file; it is not, and who wrote it is gone */
    bool shared;                     /* its lock was lost once, so that two worked on it */
    unsigned mended;                 /* when its user put a whole one in place */
    struct document stake;           /* torn: what it may have held */
    struct document *copies[COPIES]; /* older ones */
    size_t copy_count;
    const struct run *locked_by;
};

enum phase { PLAN, CONFIGURE, CHANGE, TRUNCATE, HALF, WHOLE, ENDED };

struct run {
    struct process process;
    struct module *module;
    enum phase phase;
    struct host_session session;
    struct arena *arena;
    struct document memory;         /* what Terraform knows of its state */
    struct document given;          /* what the provider gave to it, and it did not give back */
    unsigned changes, began, asked; /* asked: the provider, last */
    bool configured, saved, in_call, failed;
    struct {
        const char *json; /* of the thing; shared */
        struct bytes private;
    } removals[THINGS]; /* planned, by a process before the one that applies */
    size_t removal_count;
};

static struct module modules[MODULES];
static struct run *runs[RUNS_MAX];
static size_t run_count;
static char *texts[4096]; /* JSON of things */
static size_t text_count;

static struct {
    uint64_t histories, issued, destroyed, refused, refused_unknown, refused_full, refused_held,
        refused_busy, refused_false, killed_terraform, killed_provider, torn, restored,
        overlaps_restored, lost_locks, runs, cidrs_back, cidrs_back_early, duplicates, issued_late,
        trace;
} tally;

static uint64_t seed;
static unsigned moment; /* counts configurations and states put back */
static bool verbose;
static const Tfplugin6__GetProviderSchema__Response *schema;
static struct host_types types;
static char pool_id[80];
static const char pool_cidr_type[] = "ipam_pool_cidr";
static struct document seed_of_hub; /* IPAM, pool, pool CIDR */

static uint64_t trace; /* of all that happened in this history */

static void remember(const char *text)
{
    for (; *text; text++)
        trace = (trace ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
}

static void say(const char *what, const struct run *r, const char *detail)
{
    remember(what);
    remember(detail);
    if (verbose)
        printf("  %-18s run %d, %s: %s\n", what, r ? r->process.pid : 0, r ? r->module->path : "-",
               detail);
}

static char *keep_text(const char *bytes, size_t len)
{
    char *t = strndup(bytes, len);
    if (!t || text_count == sizeof texts / sizeof *texts)
        abort();
    return texts[text_count++] = t;
}

/* The text of a state file. */
static char *render(const struct document *d, size_t module, size_t *len)
{
    char *out = NULL;
    FILE *f = open_memstream(&out, len);
    fprintf(f, "{\"version\":4,\"serial\":%u,\"lineage\":\"lineage-%zu\",\"resources\":[",
            d->serial, module);
    for (size_t i = 0; i < d->count; i++)
        fprintf(f,
                "%s{\"mode\":\"managed\",\"type\":\"%s\",\"name\":\"x%zu\",\"provider\":"
                "\"provider[\\\"terraform.local/ipam/ipam\\\"]\",\"instances\":[{\"schema_version\""
                ":1,\"attributes\":%s}]}",
                i ? "," : "", d->things[i].type, i, d->things[i].json);
    fprintf(f, "]}\n");
    fclose(f);
    return out;
}

/* Puts a document on the disk, whole. */
static void store(struct module *m, const struct document *d)
{
    size_t len;
    char *text = render(d, (size_t)(m - modules), &len);
    world_write(m->path, text, len);
    free(text);
    if (m->copy_count == COPIES)
        free(m->copies[--m->copy_count]);
    struct document *copy = malloc(sizeof *copy);
    if (!copy)
        abort();
    *copy = *d;
    m->copies[m->copy_count++] = copy;
    m->disk = *d;
    m->whole = true;
    m->torn = false;
}

static void forget(struct document *d, const struct cidr *c)
{
    for (size_t i = 0; i < d->count; i++)
        if (cidr_equal(&d->things[i].cidr, c)) {
            memmove(&d->things[i], &d->things[i + 1], (d->count - i - 1) * sizeof d->things[0]);
            d->count--;
            return;
        }
}

/* --- the checker --- */

static const struct thing *thing_of(const struct document *d, const struct cidr *c)
{
    for (size_t i = 0; i < d->count; i++)
        if (cidr_equal(&d->things[i].cidr, c))
            return &d->things[i];
    return NULL;
}

static bool holds(const struct document *d, const struct cidr *c)
{
    return thing_of(d, c) != NULL;
}

/* Leaves out what was brought back later than `began`. */
static bool in_document(const struct document *d, const struct cidr *c, unsigned began)
{
    for (size_t i = 0; i < d->count; i++)
        if (cidr_is_set(&d->things[i].cidr) && d->things[i].back <= began &&
            cidr_overlaps(&d->things[i].cidr, c))
            return true;
    return false;
}

static bool lives(const struct run *r)
{
    return r->process.terraform_runs && r->phase != ENDED;
}

/* Who has it; NULL: nobody. The asking run's own view replaces what its state file says. */
static const char *holder_of(const struct run *asking, const struct cidr *c, unsigned began)
{
    for (size_t i = 0; i < run_count; i++)
        if (lives(runs[i]) && in_document(&runs[i]->given, c, UINT_MAX))
            return "a run";
    for (size_t i = 0; i < MODULES; i++) {
        struct module *m = &modules[i];
        bool own = asking->module == m;
        if (in_document(own ? &asking->memory : &m->disk, c, began) && !(own && m->shared))
            return m->path;
        if (m->torn && in_document(&m->stake, c, began))
            return "a torn state";
    }
    return NULL;
}

static void check_issue(const struct run *r, const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    const char *holder = holder_of(r, c, r->began), *late = holder_of(r, c, UINT_MAX);
    tally.issued++;
    say("issued", r, cidr_format(c, text));
    if (!holder && late) {
        tally.issued_late++;
        say("BROUGHT BACK", r, late);
    }
    if (!holder)
        return;
    tally.duplicates++;
    printf("DUPLICATE: seed %" PRIu64 ": %s was issued to %s and is held by %s\n", seed,
           cidr_format(c, text), r->module->path, holder);
}

static bool somebody_works(const struct run *but)
{
    for (size_t i = 0; i < run_count; i++)
        if (runs[i] != but && lives(runs[i]))
            return true;
    return false;
}

static bool has_pool_cidr(const struct document *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->things[i].type, pool_cidr_type) == 0)
            return true;
    return false;
}

static bool room_left(const struct run *r)
{
    if (!has_pool_cidr(&modules[HUB].disk))
        return false;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct cidr c = cidr_make(FAMILY_V4, (UINT64_C(0x0a000000) + i * 16) << 32, 0, 28);
        if (!holder_of(r, &c, UINT_MAX))
            return true;
    }
    return false;
}

static void count_refusal(const struct run *r, const struct host_answer *a)
{
    bool torn = false;
    for (size_t i = 0; i < MODULES; i++)
        torn |= !modules[i].whole || modules[i].mended >= r->asked;
    const char *detail = a->diag_count ? a->diags[0].detail : a->message;
    say("refused", r, detail);
    tally.refused++;
    if (torn)
        tally.refused_unknown++;
    else if (!room_left(r))
        tally.refused_full++;
    else if (somebody_works(r))
        tally.refused_busy++;
    else {
        tally.refused_false++;
        say("FALSE REFUSAL", r, detail);
    }
}

/* --- Terraform --- */

static void open_session(struct run *r)
{
    r->session = (struct host_session){.channel = host_inside(&ipam_provider),
                                       .arena = r->arena,
                                       .schema = schema,
                                       .types = &types,
                                       .timeout_ms = 1000};
    if (!r->session.channel)
        abort();
    host_inside_late(r->session.channel, world_sleep);
}

static void close_session(struct run *r)
{
    struct process *before = world_enter(&r->process);
    host_close(r->session.channel);
    r->session.channel = NULL;
    world_close_all(&r->process);
    world_enter(before);
}

static void configure(struct run *r)
{
    char config[256];
    snprintf(config, sizeof config, "{\"state\":[{\"path\":\"%s\"}]%s}", r->module->path,
             r->module == &modules[HUB] ? ""
                                        : ",\"estate\":[{\"path\":\"/m0/terraform.tfstate\"}]");
    r->in_call = true;
    r->began = r->asked = ++moment;
    struct process *before = world_enter(&r->process);
    struct host_answer a = host_configure(&r->session, config);
    world_enter(before);
    r->in_call = false;
    r->configured = host_ok(&a);
    say(r->configured ? "configured" : "not configured", r, "");
    if (!r->configured && r->process.provider_runs)
        count_refusal(r, &a);
}

static void end_run(struct run *r)
{
    if (r->session.channel)
        close_session(r);
    r->phase = ENDED;
    r->process.terraform_runs = r->process.provider_runs = false;
    if (r->module->locked_by == r) {
        world_remove(r->module->info);
        world_lock_state(r->module->path, 0);
        r->module->locked_by = NULL;
    }
    say("ended", r, "");
}

/* What a run remembers and another one, after the lock was lost, has taken out of the state. */
static void mark_back(struct run *r)
{
    moment++;
    for (size_t i = 0; i < r->memory.count; i++) {
        struct thing *t = &r->memory.things[i];
        if (cidr_is_set(&t->cidr) && !holds(&r->module->disk, &t->cidr) &&
            !holds(&r->given, &t->cidr))
            t->back = moment;
    }
}

/* Terraform and its provider are gone from one moment to the next. */
static void kill_run(struct run *r)
{
    struct module *m = r->module;
    tally.killed_terraform++;
    say("killed", r, r->phase == HALF || r->phase == WHOLE ? "while it wrote" : "");
    /* A state that was never written is empty because of the lock: no better than a torn one. */
    if (!m->whole && r->phase >= CHANGE) {
        tally.torn++;
        m->torn = true;
        mark_back(r);
        m->stake = r->memory;
    }
    r->process.terraform_runs = r->process.provider_runs = false;
    r->phase = ENDED;
    if (m->locked_by == r) { /* the note stays */
        world_lock_state(m->path, 0);
        m->locked_by = NULL;
    }
    world_close_all(&r->process);
}

static struct host_change change_of(struct run *r, const char *type, const char *json)
{
    const struct value *v = host_object(&r->session, HOST_RESOURCE, type, json);
    return (struct host_change){.type_name = type, .proposed = v, .config = v};
}

static struct host_answer call_apply(struct run *r, struct host_change c)
{
    r->in_call = true;
    r->asked = ++moment;
    struct process *before = world_enter(&r->process);
    struct host_answer a = {.status = 0};
    if (!c.prior) {
        a = host_plan(&r->session, &c);
        c.proposed = a.state;
        c.planned_private = a.private;
    }
    if (c.prior || host_ok(&a))
        a = host_apply(&r->session, &c);
    world_enter(before);
    r->in_call = false;
    return a;
}

static void take(struct run *r, const char *type, const struct host_answer *a)
{
    const char *name = strcmp(type, "ipam_vpc") == 0 ? "cidr_block" : "cidr";
    const char *text = value_str(value_get(a->state, name), "");
    struct thing t = {.type = type};
    struct bytes json =
        json_encode(r->arena, host_type(&r->session, HOST_RESOURCE, type), a->state);
    t.json = keep_text((const char *)json.data, json.len);
    if (cidr_parse(text, strlen(text), &t.cidr) != CIDR_OK)
        abort();
    check_issue(r, &t.cidr);
    r->memory.things[r->memory.count++] = t;
    r->given.things[r->given.count++] = t;
}

static void create(struct run *r)
{
    static const char *const types[] = {"ipam_vpc", "ipam_pool_cidr_allocation"};
    const char *type = types[world_random(2)];
    bool vpc = type == types[0];
    unsigned kind = world_random(6);
    char json[256], size[64];
    if (kind == 0)
        snprintf(size, sizeof size, "\"%s\":\"10.0.0.%u/28\"", vpc ? "cidr_block" : "cidr",
                 world_random(SLOTS) * 16);
    else
        snprintf(size, sizeof size, "\"%s\":%d", vpc ? "ipv4_netmask_length" : "netmask_length",
                 kind == 1 ? 27 : 28);
    snprintf(json, sizeof json, "{\"%s\":\"%s\",%s}", vpc ? "ipv4_ipam_pool_id" : "ipam_pool_id",
             pool_id, size);
    struct host_answer a = call_apply(r, change_of(r, type, json));
    if (!r->process.terraform_runs || !r->process.provider_runs)
        return; /* nobody hears the answer */
    if (host_ok(&a))
        take(r, type, &a);
    else if (kind > 1)
        count_refusal(r, &a);
    r->failed = !host_ok(&a);
}

static struct bytes removal_of(const struct run *r, const struct thing *t)
{
    for (size_t i = 0; i < r->removal_count; i++)
        if (r->removals[i].json == t->json)
            return r->removals[i].private;
    return (struct bytes){NULL, 0};
}

static bool others_hold(void)
{
    for (size_t i = 0; i < MODULES; i++)
        if (i != HUB && modules[i].disk.count > 0)
            return true;
    return false;
}

static void destroy(struct run *r, size_t at)
{
    struct thing t = r->memory.things[at];
    struct host_change c = {
        .type_name = t.type,
        .prior = host_object(&r->session, HOST_RESOURCE, t.type, t.json),
        .planned_private = removal_of(r, &t),
    };
    struct host_answer a = call_apply(r, c);
    if (!r->process.terraform_runs || !r->process.provider_runs)
        return;
    r->failed = !host_ok(&a);
    if (r->failed && !cidr_is_set(&t.cidr) && others_hold()) {
        tally.refused++; /* the pool's CIDR is not taken from under them */
        tally.refused_held++;
        say("refused", r, a.diag_count ? a.diags[0].detail : a.message);
        return;
    }
    if (r->failed) {
        count_refusal(r, &a);
        return;
    }
    char text[CIDR_TEXT_SIZE];
    if (!cidr_is_set(&t.cidr)) {
        say("took back", r, "the pool's CIDR");
        tally.cidrs_back++;
        tally.cidrs_back_early += r->memory.count > 3;
        memmove(&r->memory.things[at], &r->memory.things[at + 1],
                (--r->memory.count - at) * sizeof r->memory.things[0]);
        return;
    }
    say("destroyed", r, cidr_format(&t.cidr, text));
    tally.destroyed++;
    forget(&r->memory, &t.cidr);
    for (size_t i = 0; i < run_count; i++) /* also who works on the same state without a lock */
        if (runs[i]->module == r->module)
            forget(&runs[i]->given, &t.cidr);
}

/* A plan that takes the pool's CIDR back, and all that this state holds of it. */
static void plan_removals(struct run *r)
{
    struct process *before = world_enter(&r->process);
    r->in_call = true;
    for (size_t i = 2; i < r->memory.count && r->process.provider_runs; i++) {
        const struct thing *t = &r->memory.things[i];
        const struct host_change c = {
            .type_name = t->type,
            .prior = host_object(&r->session, HOST_RESOURCE, t->type, t->json)};
        struct host_answer a = host_plan(&r->session, &c);
        if (!host_ok(&a))
            continue;
        r->removals[r->removal_count].json = t->json;
        r->removals[r->removal_count++].private = a.private;
    }
    r->in_call = false;
    r->changes = (unsigned)r->removal_count + 1;
    world_enter(before);
}

/* Gives the pool its CIDR again. */
static void provision(struct run *r)
{
    char json[160];
    snprintf(json, sizeof json, "{\"cidr\":\"10.0.0.0/24\",\"ipam_pool_id\":\"%s\"}", pool_id);
    struct host_answer a = call_apply(r, change_of(r, pool_cidr_type, json));
    r->failed = !host_ok(&a);
    if (!r->process.terraform_runs || !r->process.provider_runs)
        return;
    if (r->failed) {
        count_refusal(r, &a);
        return;
    }
    struct thing *at = &r->memory.things[2];
    memmove(at + 1, at, (r->memory.count++ - 2) * sizeof *at);
    *at = seed_of_hub.things[2];
    say("provisioned", r, "the pool's CIDR");
}

/* In any order; false: none is left. */
static bool next_removal(struct run *r)
{
    size_t found[THINGS], n = 0;
    for (size_t i = 2; i < r->memory.count; i++)
        if (removal_of(r, &r->memory.things[i]).len)
            found[n++] = i;
    if (n > 0)
        destroy(r, found[world_random(2) ? 0 : world_random((uint32_t)n)]);
    return n > 0;
}

static void one_change(struct run *r)
{
    bool hub = r->module == &modules[HUB];
    size_t base = !hub ? 0 : has_pool_cidr(&r->memory) ? 3 : 2;
    size_t own = r->memory.count > base ? r->memory.count - base : 0;
    bool away = own > 0 && (world_random(5) < 2 || r->memory.count >= THINGS - 1);
    bool empty = r->memory.count < 2; /* the hub's state was lost */
    if (world_random(8) == 0)
        r->process.crash_in = 1 + (int)world_random(60);
    if (hub && next_removal(r))
        say("removed", r, "as planned");
    else if (hub && !empty && base == 2)
        provision(r);
    else if (away)
        destroy(r, base + world_random((uint32_t)own));
    else
        create(r);
    if (!r->process.terraform_runs)
        return;
    if (!r->process.provider_runs) {
        tally.killed_provider++;
        say("provider killed", r, "");
        r->failed = true;
        if (world_random(2) == 0) {
            kill_run(r);
            return;
        }
    }
    r->process.crash_in = 0;
    r->phase = TRUNCATE;
}

static void write_state(struct run *r)
{
    struct module *m = r->module;
    size_t len;
    char *text;
    static const char *const names[] = {
        [TRUNCATE] = "truncates", [HALF] = "half", [WHOLE] = "whole"};
    say("writes", r, names[r->phase]);
    switch (r->phase) {
    case TRUNCATE:
        if (!r->saved) /* once in a run: what was there before */
            world_copy(m->path, m->backup);
        r->saved = true;
        r->memory.serial++;
        world_write(m->path, "", 0);
        m->whole = false;
        r->phase = HALF;
        break;
    case HALF:
        text = render(&r->memory, (size_t)(m - modules), &len);
        world_write(m->path, text, world_random((uint32_t)len - 1)); /* never all but the newline */
        m->whole = false;
        free(text);
        r->phase = WHOLE;
        break;
    default:
        mark_back(r);
        store(m, &r->memory);
        r->phase = r->failed || --r->changes == 0 ? ENDED : CHANGE;
        if (r->phase == ENDED)
            end_run(r);
    }
}

/* One step of a run; r->in_call: it is in the middle of one. */
static void step(struct run *r)
{
    world_pass(world_random(200000));
    switch (r->phase) {
    case PLAN:
        open_session(r);
        configure(r);
        if (r->configured && r->module == &modules[HUB] && world_random(others_hold() ? 8 : 1) == 0)
            plan_removals(r);
        close_session(r);
        r->phase = CONFIGURE;
        break;
    case CONFIGURE:
        open_session(r);
        configure(r);
        r->phase = CHANGE;
        break;
    case CHANGE:
        one_change(r);
        return;
    default:
        write_state(r);
        return;
    }
    if (!r->configured && r->process.terraform_runs)
        end_run(r);
}

/* Takes the lock and begins; false when somebody has it. */
static bool start(struct module *m)
{
    struct run *r;
    if (run_count == RUNS_MAX || (m->locked_by && (!m->whole || world_random(30) != 0)))
        return false;
    r = runs[run_count] = calloc(1, sizeof *r);
    if (!r || !(r->arena = arena_new()))
        abort();
    int pid = 1000 + (int)run_count++ * 10;
    tally.lost_locks += m->locked_by != NULL;
    m->shared |= m->locked_by != NULL;
    r->process = (struct process){.pid = pid,
                                  .provider = pid + 1,
                                  .started = pid * 7,
                                  .terraform_runs = true,
                                  .provider_runs = true};
    r->module = m;
    r->memory = m->whole ? m->disk : (struct document){0};
    r->changes = 1 + world_random(CHANGES);
    r->phase = world_random(m == &modules[HUB] ? 2 : 4) == 0 ? PLAN : CONFIGURE;
    world_add_process(&r->process);
    if (!world_exists(m->path))
        world_write(m->path, "", 0);
    char info[64];
    int n = snprintf(info, sizeof info, "{\"ID\":\"lock-%d\",\"Operation\":\"x\"}", pid);
    world_write(m->info, info, (size_t)n);
    world_lock_state(m->path, pid);
    m->locked_by = r;
    tally.runs++;
    say("started", r, "");
    return true;
}

/* --- the user --- */

/* Puts a copy in place: the newest most of the time when the state is torn, else any. */
static void restore(struct module *m)
{
    if (m->locked_by || (m->copy_count == 0 && !m->torn))
        return;
    size_t at = m->copy_count ? world_random((uint32_t)m->copy_count) : 0;
    if (m->torn && m->copy_count && world_random(3))
        at = m->copy_count - 1;
    struct document d = {0}; /* there never was one: its claims are given up */
    if (m->copy_count > 0)
        d = *m->copies[at];
    for (size_t i = 0; i < run_count; i++)
        if (lives(runs[i]) && runs[i]->module == m)
            return; /* a run whose lock was lost */
    m->mended = ++moment;
    for (size_t i = 0; i < d.count; i++) {
        struct thing *t = &d.things[i];
        const struct thing *before = thing_of(&m->disk, &t->cidr);
        t->back = !cidr_is_set(&t->cidr) ? 0 : before ? before->back : moment;
    }
    store(m, &d);
    tally.restored++;
    if (verbose)
        printf("  restored           %s, %zu things\n", m->path, d.count);
    for (size_t k = 0; k < MODULES; k++)
        for (size_t i = 0; &modules[k] != m && i < d.count; i++)
            tally.overlaps_restored += cidr_is_set(&d.things[i].cidr) &&
                                       in_document(&modules[k].disk, &d.things[i].cidr, UINT_MAX);
}

/* --- a history --- */

static struct run *any_run(void)
{
    struct run *found[RUNS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < run_count; i++)
        if (lives(runs[i]))
            found[n++] = runs[i];
    return n ? found[world_random((uint32_t)n)] : NULL;
}

/* In the middle of a call of another process: somebody else goes on. While a journal is locked
 * nobody can, but Terraform writing its state. */
static void meanwhile(void)
{
    struct run *r = any_run();
    bool locked = world_locked();
    if (!r || (r->in_call && world_random(40) != 0))
        return;
    if (r->in_call && r->process.terraform_runs)
        kill_run(r);
    else if (r->phase > CHANGE || !locked)
        step(r);
}

static void one_step(void)
{
    struct run *r = any_run();
    unsigned running = 0;
    for (size_t i = 0; i < run_count; i++)
        running += lives(runs[i]);
    struct module *m = &modules[world_random(MODULES)];
    if (m->torn && world_random(4) == 0)
        restore(m);
    else if (world_random(60) == 0)
        restore(m);
    if (running < AT_ONCE && (!r || world_random(5) == 0))
        start(m);
    else if (r && world_random(50) == 0)
        kill_run(r);
    else if (r)
        step(r);
}

static void clear_history(void)
{
    for (size_t i = 0; i < run_count; i++) {
        if (runs[i]->session.channel)
            close_session(runs[i]);
        arena_free(runs[i]->arena);
        free(runs[i]);
    }
    run_count = 0;
    for (size_t i = 0; i < MODULES; i++) {
        for (size_t k = 0; k < modules[i].copy_count; k++)
            free(modules[i].copies[k]);
        modules[i] = (struct module){0};
    }
    world_end();
}

static void history(uint64_t s)
{
    size_t kept = text_count;
    seed = s;
    trace = s;
    world_begin(s);
    world_on_call(meanwhile);
    for (size_t i = 0; i < MODULES; i++) {
        struct module *m = &modules[i];
        snprintf(m->path, sizeof m->path, "/m%u/terraform.tfstate", (unsigned)i);
        snprintf(m->backup, sizeof m->backup, "/m%u/terraform.tfstate.backup", (unsigned)i);
        snprintf(m->info, sizeof m->info, "/m%u/.terraform.tfstate.lock.info", (unsigned)i);
    }
    store(&modules[HUB], &seed_of_hub);
    for (unsigned i = 0; i < STEPS; i++)
        one_step();
    clear_history();
    while (text_count > kept)
        free(texts[--text_count]);
    tally.histories++;
    tally.trace += trace;
}

/* The hub's IPAM, pool and pool CIDR, made once by the provider itself. */
static void make_hub(struct arena *a)
{
    struct module hub = {.path = "/m0/terraform.tfstate"};
    struct run r = {.module = &hub, .arena = a};
    types.arena = a;
    struct host_answer made;
    const char *id = "";
    static const char *const types[] = {"ipam", "ipam_pool", "ipam_pool_cidr"};
    world_begin(1);
    world_on_call(NULL);
    r.process =
        (struct process){.pid = 2, .provider = 3, .terraform_runs = true, .provider_runs = true};
    world_add_process(&r.process);
    world_enter(&r.process);
    open_session(&r);
    made = host_load_schema(&r.session);
    schema = r.session.schema;
    made = host_configure(&r.session, "{\"state\":[{\"path\":\"/m0/terraform.tfstate\"}]}");
    if (!host_ok(&made)) {
        fprintf(stderr, "%s\n", host_describe(a, &made));
        abort();
    }
    for (size_t i = 0; i < 3; i++) {
        const char *json =
            i == 0   ? "{\"operating_regions\":[{\"region_name\":\"us-east-1\"}]}"
            : i == 1 ? arena_printf(a,
                                    "{\"address_family\":\"ipv4\",\"locale\":\"us-east-1\","
                                    "\"ipam_scope_id\":\"%s\"}",
                                    id)
                     : arena_printf(a, "{\"cidr\":\"10.0.0.0/24\",\"ipam_pool_id\":\"%s\"}", id);
        made = host_create(&r.session, types[i], json);
        if (!host_ok(&made)) {
            fprintf(stderr, "%s: %s\n", types[i], host_describe(a, &made));
            abort();
        }
        struct bytes text =
            json_encode(a, host_type(&r.session, HOST_RESOURCE, types[i]), made.state);
        seed_of_hub.things[seed_of_hub.count++] =
            (struct thing){.type = types[i], .json = keep_text((const char *)text.data, text.len)};
        id = value_str(value_get(made.state, i == 0 ? "private_default_scope_id" : "id"), "");
        if (i == 1)
            snprintf(pool_id, sizeof pool_id, "%s", id);
    }
    seed_of_hub.serial = 1;
    close_session(&r);
    world_end();
}

static void report(double seconds)
{
    printf("%" PRIu64 " histories in %.0f s: %" PRIu64 " runs, %" PRIu64 " CIDRs issued, %" PRIu64
           " given back\n",
           tally.histories, seconds, tally.runs, tally.issued, tally.destroyed);
    printf("killed: %" PRIu64 " Terraforms, %" PRIu64 " providers; %" PRIu64
           " states torn, %" PRIu64 " older states put back, %" PRIu64 " locks lost\n",
           tally.killed_terraform, tally.killed_provider, tally.torn, tally.restored,
           tally.lost_locks);
    printf("refused: %" PRIu64 "; %" PRIu64 " because a state was torn, %" PRIu64
           " because the pool was full, %" PRIu64
           " because others held what was to be taken back, %" PRIu64
           " while others worked, %" PRIu64 " falsely\n",
           tally.refused, tally.refused_unknown, tally.refused_full, tally.refused_held,
           tally.refused_busy, tally.refused_false);
    printf("the pool's CIDR taken back: %" PRIu64 ", %" PRIu64 " before what was in it\n",
           tally.cidrs_back, tally.cidrs_back_early);
    printf("held twice because an older state was put back: %" PRIu64 "\n",
           tally.overlaps_restored);
    printf("issued by a run that began before an older state brought it back: %" PRIu64 "\n",
           tally.issued_late);
    printf("issued twice: %" PRIu64 "\n", tally.duplicates);
    printf("trace: %016" PRIx64 "\n", tally.trace);
}

/* Every so many-th history; what came out is added to `sum`. */
static void work(uint64_t first, uint64_t end, unsigned step)
{
    struct arena *a = arena_new();
    if (!a)
        abort();
    make_hub(a);
    for (uint64_t s = first; s < end; s += step)
        history(s);
    while (text_count > 0)
        free(texts[--text_count]);
    arena_free(a);
    shortcuts_free();
}

/* The same in processes of their own. False when one of them died: then nothing is known. */
static bool work_apart(uint64_t first, uint64_t end, unsigned processes)
{
    const size_t fields = sizeof tally / sizeof(uint64_t);
    uint64_t *results = mmap(NULL, processes * sizeof tally, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t *sum = (uint64_t *)&tally;
    int status;
    bool whole = true;
    if (results == MAP_FAILED)
        abort();
    for (unsigned i = 0; i < processes; i++) {
        pid_t pid = fork();
        if (pid < 0)
            abort();
        if (pid == 0) {
            work(first + i, end, processes);
            memcpy(results + i * fields, &tally, sizeof tally);
            fflush(stdout);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < processes; i++)
        whole = wait(&status) > 0 && status == 0 && whole;
    for (size_t i = 0; i < processes * fields; i++)
        sum[i % fields] += results[i];
    munmap(results, processes * sizeof tally);
    return whole;
}

time_t __real_time(time_t *out); /* of the world outside */

int main(int argc, char **argv)
{
    uint64_t histories = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    unsigned processes = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1;
    time_t began = __real_time(NULL);
    bool whole = true;
    if (histories == 0 || processes == 0 || processes > 256) {
        fprintf(stderr, "usage: simulator [HISTORIES] [FIRST_SEED] [PROCESSES] [plain]\n");
        return 2;
    }
    if (argc > 4)
        shortcuts_off();
    mallopt(M_MXFAST, 0); /* each large block that is freed would have these looked through */
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    verbose = histories == 1;
    if (processes == 1)
        work(first, first + histories, 1);
    else
        whole = work_apart(first, first + histories, processes);
    report(difftime(__real_time(NULL), began));
    if (!whole)
        printf("A process of the simulator died: see above.\n");
    return whole && tally.duplicates == 0 && tally.issued > 0 ? 0 : 1;
}
