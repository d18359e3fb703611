/*
 * world - from files to one struct estate
 *
 * The states are read by the same code that a provider reads its estate with (members.c): torn
 * files are read again until they are whole, journals beside local states add the claims of runs
 * that are going on and name the states of root modules that draw from here. What differs is that
 * nothing is issued afterwards. So a state that cannot be read does not end it: the answer is given
 * from the others, the state is named, and the exit code says that something is missing.
 *
 * Every state is a member and there is no own one, except where the working directory's backend can
 * only be read through Terraform. Who looks sees everything unless --account-id says otherwise:
 * whoever can read the files could do so anyway.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/terminal.h"
#include "provider/adopt.h"
#include "provider/claims_internal.h"
#include "provider/inventory.h"
#include "provider/occupied.h"
#include "provider/state_internal.h"

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void pause_briefly(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* --- progress --- */

#define PROGRESS_AFTER_MS 300 /* what is quicker needs none */

struct progress {
    uint64_t since_ms;
    bool shown;
};

static void progress_show(struct progress *p, size_t done, size_t all)
{
    if (!isatty(STDERR_FILENO) || clock_ms() - p->since_ms < PROGRESS_AFTER_MS)
        return;
    fprintf(stderr, "\rreading states: %zu of %zu\x1b[K", done, all);
    p->shown = true;
}

static void progress_end(const struct progress *p)
{
    if (p->shown)
        fputs("\r\x1b[K", stderr);
}

/* --- inventories --- */

static bool matches(struct ctl *c, const char *pattern)
{
    glob_t found;
    int r = file_glob(pattern, &found);
    if (r == GLOB_NOSPACE)
        arena_exhausted(c->arena);
    globfree(&found);
    return r == 0;
}

/* Those of the command line, else those of the folder that is meant for them. */
static const char *const *inventory_patterns(struct ctl *c, size_t *count)
{
    static const char *const usual[] = {"inventory/*.yaml", "inventory/*.yml", "inventory/*.json"};
    const char *const *given = ctl_options(c, "--inventory", count);
    if (*count > 0)
        return given;
    const char **found = arena_calloc(c->arena, sizeof usual / sizeof *usual, sizeof *found);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (matches(c, usual[i]))
            found[(*count)++] = usual[i];
    return found;
}

/* --- states --- */

static bool add_states(struct ctl *c, const char *pattern)
{
    glob_t found;
    int r = file_glob(pattern, &found);
    if (r == GLOB_NOSPACE)
        arena_exhausted(c->arena);
    bool room = r == 0;
    for (size_t i = 0; i < (r == 0 ? found.gl_pathc : 0) && room; i++)
        room = member_at(c->estate->claims, found.gl_pathv[i], NULL) != NULL;
    globfree(&found);
    if (r == 0 && room)
        return true;
    ctl_fail(CTL_UNREADABLE, "no such state",
             r == 0 ? "--state %s: there are too many states. Narrow the path."
             : r == GLOB_NOMATCH
                 ? "--state %s matches no file. Relative paths start at the "
                   "working directory; quote wildcards or let the shell expand them."
                 : "--state %s cannot be searched to its end.",
             pattern);
    return false;
}

/* What the backend of the working directory holds, when it is no local file. */
static bool take_pulled(struct ctl *c, const struct state *s)
{
    return estate_hydrate(c->estate, s, &c->diags);
}

static void free_search(void *p)
{
    state_search_free(p);
}

static void free_state(void *p)
{
    state_free(p);
}

static bool take_found(struct ctl *c, const struct state *s)
{
    const char *path = state_path(s);
    if (!path)
        return take_pulled(c, s);
    size_t inventories;
    if (access(path, F_OK) == 0)
        return member_at(c->estate->claims, path, NULL) != NULL;
    inventory_patterns(c, &inventories);
    if (inventories > 0)
        return true; /* what exists can be looked at before there is a state */
    ctl_fail(CTL_UNREADABLE, "no state here",
             "%s does not exist. Go to the folder of a root module that was applied, name states "
             "(--state '*/terraform.tfstate'), or name an inventory (--inventory vpcs.json).",
             path);
    return false;
}

static bool search_state(struct ctl *c)
{
    struct state_search *s = state_search_new(&(struct state_options){0});
    enum state_status status;
    if (!s)
        arena_exhausted(c->arena);
    arena_defer(c->arena, free_search, s);
    while ((status = state_search_poll(s, clock_ms())) == STATE_WAIT)
        pause_briefly(STATE_POLL_MS);
    if (status == STATE_FAILED) {
        ctl_fail(CTL_UNREADABLE, state_search_summary(s), "%s", state_search_detail(s));
        return false;
    }
    struct state *found = state_search_take(s);
    arena_defer(c->arena, free_state, found);
    return take_found(c, found);
}

static bool open_claims(struct ctl *c)
{
    c->estate->claims = claims_new(
        c->estate, &(struct claims_options){.lineage = "", .lock_timeout_ms = LOCK_TIMEOUT_MS});
    if (!c->estate->claims)
        arena_exhausted(c->arena);
    size_t n;
    const char *const *patterns = ctl_options(c, "--state", &n);
    for (size_t i = 0; i < n; i++)
        if (!add_states(c, patterns[i]))
            return false;
    return n > 0 || search_state(c);
}

static size_t members_read(const struct claims *x, size_t *all)
{
    size_t done = 0;
    *all = 0;
    for (const struct member *m = x->members; m; m = m->next) {
        if (m->own)
            continue;
        ++*all;
        done += m->read;
    }
    return done;
}

static bool report_unreadable(struct ctl *c)
{
    size_t good = 0, bad = 0;
    for (const struct member *m = c->estate->claims->members; m; m = m->next) {
        if (m->own)
            continue;
        good += !m->problem[0];
        bad += m->problem[0] != '\0';
        if (m->problem[0])
            ctl_fail(CTL_UNREADABLE, "a state cannot be read", "%s\n%s", m->shown, m->problem);
    }
    c->unreadable = bad > 0;
    return good > 0 || bad == 0;
}

/* What was read in the moment that it was written proves nothing against a claim, see members.c. */
#define SETTLE_MS 150

static bool any_racy(const struct claims *x)
{
    for (const struct member *m = x->members; m; m = m->next)
        if (m->racy && !m->problem[0])
            return true;
    return false;
}

static void join_states(struct ctl *c)
{
    struct progress p = {.since_ms = clock_ms()};
    struct claims *x = c->estate->claims;
    struct diags ignored;
    size_t before = 0, all, done;
    diags_init(&ignored, c->arena);
    while (claims_join(x, &ignored, clock_ms()) == STATE_WAIT) {
        done = members_read(x, &all);
        progress_show(&p, done, all);
        if (done == before)
            pause_briefly(STATE_POLL_MS);
        before = done;
    }
    progress_end(&p);
}

/* The diagnostics of claims are about issuing. What keeps states from being read is told by
 * report_unreadable, everything else does not matter to who only looks. */
static bool read_states(struct ctl *c)
{
    join_states(c);
    if (any_racy(c->estate->claims)) {
        pause_briefly(SETTLE_MS);
        join_states(c);
    }
    c->estate->origin = "the states that were read"; /* joining names each of them */
    if (engine_settle(c->estate->engine) != ENGINE_OK ||
        engine_settle(c->estate->insides) != ENGINE_OK)
        arena_exhausted(c->arena);
    return report_unreadable(c);
}

/* --- what was seen --- */

static bool stop(void *ctx, const struct ipam *i)
{
    (void)ctx;
    (void)i;
    return false;
}

/* Where nobody has made an IPAM yet, what exists can still be looked at: in scopes that are as good
 * as the default ones of an IPAM that operates everywhere. */
static void assume_ipam(struct ctl *c)
{
    const struct ipam_info ipam = {.id = ASSUMED_IPAM,
                                   .owner = "",
                                   .region = c->estate->region,
                                   .private_scope = "ipam-scope-assumed",
                                   .public_scope = "ipam-scope-assumed-public"};
    if (!engine_each_ipam(c->estate->engine, stop, NULL))
        return;
    if (engine_load_ipam(c->estate->engine, &ipam) != ENGINE_OK ||
        engine_settle(c->estate->engine) != ENGINE_OK)
        arena_exhausted(c->arena);
}

/* What was seen, what pools take of it by themselves, and what it keeps pools from giving out. */
static void read_inventories(struct ctl *c)
{
    size_t n;
    const char *const *patterns = inventory_patterns(c, &n);
    if (n > 0 && !inventory_load(c->estate->sightings, &c->diags, patterns, n))
        c->unreadable = true;
    ctl_report(c);
    assume_ipam(c);
    if (!adopt_discovered(c->estate, c->arena) || !occupied_load(c->estate, c->arena))
        arena_exhausted(c->arena);
    occupied_warn_scopes(c->estate, &c->diags);
    ctl_report(c);
}

/* --- the settings of who looks --- */

static bool settle_region(struct ctl *c)
{
    const char *const given[] = {ctl_option(c, "--region"), getenv("AWS_REGION"),
                                 getenv("AWS_DEFAULT_REGION"), DEFAULT_REGION};
    size_t i = 0;
    while (!given[i] || !*given[i])
        i++;
    const char *problem = check_region(c->arena, given[i]);
    if (problem)
        ctl_fail(CTL_USAGE, "no such Region", "%s.", problem);
    c->estate->region = given[i];
    return !problem;
}

static bool settle_account(struct ctl *c)
{
    const char *account = ctl_option(c, "--account-id");
    const char *problem = account ? check_account(c->arena, account) : NULL;
    if (problem)
        ctl_fail(CTL_USAGE, "no such account", "--account-id: %s.", problem);
    c->estate->account_id = account ? account : "";
    return !problem;
}

enum ctl_exit ctl_load(struct ctl *c)
{
    c->estate = estate_new();
    if (!c->estate)
        arena_exhausted(c->arena);
    c->estate->origin = "the states that were read";
    c->call = (struct call){.arena = c->arena,
                            .diags = &c->diags,
                            .state = c->estate,
                            .type_name = c->verb->name,
                            .now_ms = clock_ms()};
    if (!settle_region(c) || !settle_account(c))
        return CTL_USAGE;
    bool loaded = open_claims(c) && read_states(c);
    if (ctl_report(c) || !loaded)
        return CTL_UNREADABLE;
    read_inventories(c);
    return CTL_FINE;
}

void ctl_unload(struct ctl *c)
{
    estate_free(c->estate);
    c->estate = NULL;
}

void ctl_each_local_state(struct ctl *c, void (*fn)(void *ctx, const char *path), void *ctx)
{
    for (const struct member *m = c->estate->claims->members; m; m = m->next)
        if (m->path && m->read && !m->problem[0])
            fn(ctx, m->path);
}

/* --- what is meant --- */

struct listing {
    struct ctl *ctl;
    const struct scope *scope;
    const struct pool *above;
    const void **items;
    size_t count, capacity;
};

static void add(struct listing *l, const void *item)
{
    ARENA_ROOM(l->ctl->arena, l->items, l->count + 1, l->capacity, 16);
    l->items[l->count++] = item;
    l->items[l->count] = NULL;
}

static bool add_ipam(void *ctx, const struct ipam *i)
{
    struct listing *l = ctx;
    if (data_sees(&l->ctl->call, ipam_info(i)->owner))
        add(l, i);
    return true;
}

/* The ids of up to 5, for a message. */
static const char *ids_of(struct arena *a, const struct listing *ipams)
{
    struct text t = text_new(a);
    for (size_t i = 0; i < ipams->count && i < 5; i++)
        text_printf(&t, "%s%s", i ? ", " : "", ipam_info(ipams->items[i])->id);
    text_puts(&t, ipams->count > 5 ? ", ..." : "");
    return text_end(&t);
}

static bool gather_ipams(struct ctl *c, struct listing *l)
{
    const char *id = ctl_option(c, "--ipam-id");
    *l = (struct listing){.ctl = c};
    engine_each_ipam(c->estate->engine, add_ipam, l);
    if (l->count == 0) {
        ctl_fail(CTL_USAGE, "no IPAM", "%s no IPAM%s. Name the states that do: --state PATH.",
                 "The states that were read hold",
                 *c->estate->account_id ? " that --account-id sees" : "");
        return false;
    }
    for (size_t i = 0; id && i < l->count; i++)
        if (strcmp(ipam_info(l->items[i])->id, id) == 0) {
            l->items[0] = l->items[i];
            l->items[1] = NULL;
            l->count = 1;
            return true;
        }
    if (id)
        ctl_fail(CTL_USAGE, "no such IPAM", "--ipam-id %s: the states that were read hold %s.", id,
                 ids_of(c->arena, l));
    return !id;
}

const struct ipam *const *ctl_ipams(struct ctl *c)
{
    struct listing l;
    return gather_ipams(c, &l) ? (const struct ipam *const *)l.items : NULL;
}

const struct scope *ctl_scope(struct ctl *c)
{
    const char *id = ctl_option(c, "--ipam-scope-id");
    struct listing l;
    if (id) {
        const struct scope *s = data_scope(
            &c->call, c->verb->name,
            value_set(c->arena, &value_null, "ipam_scope_id", value_string(c->arena, id)),
            "ipam_scope_id");
        ctl_report(c);
        return s;
    }
    if (!gather_ipams(c, &l))
        return NULL;
    if (l.count > 1) {
        ctl_fail(CTL_USAGE, "several IPAMs",
                 "The states that were read hold %s. Say which one: --ipam-id ID, or name a scope: "
                 "--ipam-scope-id ID.",
                 ids_of(c->arena, &l));
        return NULL;
    }
    const char *private = ipam_info(l.items[0])->private_scope;
    return engine_scope(c->estate->engine, private);
}

const struct pool *ctl_pool(struct ctl *c)
{
    const struct value *config = value_set(c->arena, &value_null, "ipam_pool_id",
                                           value_string(c->arena, ctl_option(c, "--ipam-pool-id")));
    const struct pool *p = data_pool(&c->call, c->verb->name, config, "ipam_pool_id");
    ctl_report(c);
    return p;
}

/* --- pools in order --- */

static const struct pool *source_of(const struct engine *e, const struct pool *p)
{
    const char *id = pool_info(p)->source_id;
    const struct pool *source = id ? engine_pool(e, id) : NULL;
    return source && pool_is_known(source) ? source : NULL;
}

/* Does following the source pools lead back to this one, and is it the first of that circle by id?
 * A state can say so, and then the circle is cut there. */
static bool begins_circle(const struct engine *e, const struct pool *p)
{
    const struct pool *up = source_of(e, p);
    for (unsigned n = 0; up && up != p && n < CTL_POOL_DEPTH; n++) {
        if (strcmp(pool_info(up)->id, pool_info(p)->id) < 0)
            return false;
        up = source_of(e, up);
    }
    return up == p;
}

/* Counted from where the circle is cut, so that it ends. */
static unsigned depth_below_top(const struct engine *e, const struct pool *p)
{
    unsigned depth = 1;
    while (depth < CTL_POOL_DEPTH && !begins_circle(e, p) && (p = source_of(e, p)))
        depth++;
    return depth;
}

static bool add_pool(void *ctx, const struct pool *p)
{
    struct listing *l = ctx;
    const struct pool_info *info = pool_info(p);
    const struct engine *e = l->ctl->estate->engine;
    const char *scope = info->scope_id ? info->scope_id : "";
    bool top = !source_of(e, p) || begins_circle(e, p);
    if (l->above && top)
        return true;
    if (strcmp(info->id, AMAZON_IPV6_POOL) != 0 && (l->above || (top && pool_is_known(p))) &&
        data_sees_pool(&l->ctl->call, p) &&
        (!l->scope || strcmp(scope, scope_info(l->scope)->id) == 0))
        add(l, p);
    return true;
}

static int by_address(const void *x, const void *y)
{
    const struct pool *a = *(const struct pool *const *)x, *b = *(const struct pool *const *)y;
    struct cidr one = {0}, other = {0};
    bool has = pool_cidr_at(a, 0, &one), has_other = pool_cidr_at(b, 0, &other);
    int order = has && has_other ? cidr_compare(&one, &other) : has_other - has;
    return order ? order : strcmp(pool_info(a)->id, pool_info(b)->id);
}

const struct pool *const *ctl_pools_below(struct ctl *c, const struct scope *s,
                                          const struct pool *above)
{
    struct listing l = {.ctl = c, .scope = s, .above = above};
    l.items = arena_calloc(c->arena, 1, sizeof *l.items); /* the NULL of an empty list */
    if (above && depth_below_top(c->estate->engine, above) < CTL_POOL_DEPTH)
        engine_each_child(c->estate->engine, above, add_pool, &l);
    else if (!above)
        engine_each_pool(c->estate->engine, add_pool, &l);
    if (l.count > 1)
        qsort(l.items, l.count, sizeof *l.items, by_address);
    return (const struct pool *const *)l.items;
}
