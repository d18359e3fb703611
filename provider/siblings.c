/*
 * siblings - what the other processes of the same run make
 *
 * Two aliases of the provider are two processes. With a local state they meet in the state file.
 * Other backends are written every twenty seconds and at the end, and no call waits that long. But
 * processes of one run have a parent in common and its data folder (TF_DATA_DIR, else .terraform;
 * when there is no such folder nothing is told). So there is one file a run, ipam-run.BOOT.
 * NAMESPACE.PID.START, mode 0600, whose name tells the parent beyond doubt: no two processes agree
 * in all of it. Every process appends what it made; nobody ever rewrites.
 *
 * A line is two JSON objects with a tab between them: who tells of which state and type, and the
 * object's attributes as the state will have them. Lines are appended with one write each, which
 * Linux does not interleave, and begin with a line end, so that half a line (a full disk) spoils
 * only itself.
 *
 * What a line can do. What is drawn from pools, and what is given back, the journal of claims alone
 * tells, here as everywhere (claims.c). A line tells what objects are: IPAMs, scopes, pools with
 * their CIDRs, and shares go into the engine as if the state had them; of VPCs, subnets and
 * associations what no pool gave, and the inside of the VPC. So no line makes an allocation or
 * takes one away. A line that is not understood, from a state of another lineage, or from this
 * process is passed over. A file that somebody else owns or could write is not read at all.
 *
 * Removals are told of what lies in VPCs, since a VPC waits for its subnets. The others need none:
 * nothing is refused because a pool or a share is still known, and the journal tells of pool CIDRs.
 *
 * A file is left behind when its run ends, because no process knows that it is the last. The next
 * run that begins one removes those of runs that have ended.
 */
#include "provider/siblings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-c/linkhash.h>

#include "proto/codec.h"
#include "proto/log.h"
#include "provider/claims_internal.h"
#include "provider/occupied.h"
#include "provider/state_internal.h"

#define FORM      1
#define PREFIX    "ipam-run."
#define MAX_BYTES (16u << 20)
/* Files of runs on other machines and in other namespaces, of which nobody knows whether they go
 * on, are removed when they have not been written for a day. */
#define FORGOTTEN_SECONDS (24 * 60 * 60)

struct siblings {
    struct arena *arena;
    struct claimant self;
    const char *lineage, *folder;
    const char *path;      /* NULL: nothing can be told */
    int out, in;           /* -1: not open */
    size_t heard;          /* bytes that were read */
    struct lh_table *made; /* ids of what others told */
};

/* --- the file --- */

/* The digits of "pid:[4026531836]". */
static const char *digits_of(struct arena *a, const char *namespace)
{
    const char *from = namespace + strcspn(namespace, "0123456789");
    return arena_strndup(a, from, strspn(from, "0123456789"));
}

static void open_siblings(struct siblings *s, const char *lineage)
{
    struct arena *a = s->arena;
    const char *data = getenv("TF_DATA_DIR");
    s->lineage = arena_strdup(a, lineage);
    s->folder = arena_strdup(a, data && *data ? data : ".terraform");
    if (!claimant_self(a, NULL, &s->self) || !*s->self.boot || strchr(s->self.boot, '/') ||
        s->self.started < 0)
        return;
    s->path = arena_printf(a, "%s/" PREFIX "%s.%s.%lld.%lld", s->folder, s->self.boot,
                           digits_of(a, s->self.pid_namespace), (long long)s->self.terraform,
                           (long long)s->self.started);
}

static bool open_guarded(struct siblings *s, const char *lineage)
{
    jmp_buf guard;
    if (setjmp(guard) != 0)
        return false;
    arena_guard(s->arena, &guard);
    open_siblings(s, lineage);
    arena_guard(s->arena, NULL);
    return true;
}

struct siblings *siblings_new(const char *lineage)
{
    struct siblings *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->in = s->out = -1;
    s->arena = arena_new();
    s->made = lh_kchar_table_new(16, NULL);
    if (!s->arena || !s->made || !open_guarded(s, lineage)) {
        siblings_free(s);
        return NULL;
    }
    return s;
}

void siblings_free(struct siblings *s)
{
    if (!s)
        return;
    if (s->in >= 0)
        close(s->in);
    if (s->out >= 0)
        close(s->out);
    if (s->made)
        lh_table_free(s->made);
    arena_free(s->arena);
    free(s);
}

/* Has the run of this file ended, as far as its name tells? */
static bool is_over(const struct siblings *s, const char *name, const struct stat *st)
{
    struct claimant who = s->self;
    long long terraform, started;
    const char *from = name + sizeof PREFIX - 1, *pid = strrchr(name, '.');
    while (pid && pid > from && pid[-1] != '.')
        pid--;
    if (!pid || pid <= from || sscanf(pid, "%lld.%lld", &terraform, &started) != 2)
        return false;
    size_t here = strlen(s->folder) + sizeof "/" PREFIX - 1; /* where BOOT begins in the path */
    bool same = strncmp(s->path + here, from, (size_t)(pid - from)) == 0;
    who.terraform = terraform;
    who.started = started;
    if (same)
        return claimant_life(&who, &s->self, NULL) == LIFE_GONE;
    return time(NULL) - st->st_mtim.tv_sec > FORGOTTEN_SECONDS;
}

static void remove_old(const struct siblings *s)
{
    DIR *d = opendir(s->folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) == 0 &&
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            is_over(s, e->d_name, &st) && unlinkat(dirfd(d), e->d_name, 0) != 0)
            log_line(LOG_DEBUG, "%s/%s: %s", s->folder, e->d_name, strerror(errno));
    }
    if (d)
        closedir(d);
}

/* -1: there is none, or somebody else could have written it. */
static int open_ours(const char *path, int flags)
{
    struct stat st;
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return fd;
    log_line(LOG_DEBUG, "%s is not this user's alone", path);
    close(fd);
    errno = EPERM;
    return -1;
}

/* --- telling --- */

enum told { TOLD_NOT, TOLD_WHOLE, TOLD_INSIDE };

/* What of an object others are told. */
static enum told told_of(const struct resource *r)
{
    const struct resource *const whole[] = {&ipam_resource,
                                            &scope_resource,
                                            &pool_resource,
                                            &pool_cidr_resource,
                                            &ram_share_resource,
                                            &ram_resource_association_resource,
                                            &ram_principal_association_resource,
                                            &ram_accepter_resource,
                                            &org_admin_resource,
                                            &discovery_resource,
                                            &discovery_association_resource};
    const struct resource *const inside[] = {&vpc_resource, &ipv4_association_resource,
                                             &ipv6_association_resource, &subnet_resource};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (whole[i] == r)
            return TOLD_WHOLE;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (inside[i] == r)
            return TOLD_INSIDE;
    return TOLD_NOT;
}

static void put_json(void *record)
{
    json_object_put(record);
}

/* NULL: memory is out. */
static const char *head_of(const struct siblings *s, struct arena *a, const struct resource *r,
                           bool gone)
{
    struct json_object *o = record_of("type", r->names[0], s->self.name);
    if (!o)
        return NULL;
    arena_defer(a, put_json, o);
    if (!record_number(o, "form", FORM) || !record_number(o, "gone", gone) ||
        !record_text(o, "lineage", s->lineage))
        return NULL;
    return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
}

static bool append(struct siblings *s, const char *line)
{
    size_t n = strlen(line);
    struct stat st;
    if (s->out < 0) {
        remove_old(s);
        s->out = open_ours(s->path, O_WRONLY | O_CREAT | O_APPEND);
    }
    if (s->out < 0 || fstat(s->out, &st) != 0)
        return false;
    errno = EFBIG;
    return st.st_size <= MAX_BYTES && n <= MAX_BYTES - (size_t)st.st_size &&
           write(s->out, line, n) == (ssize_t)n;
}

void siblings_tell(struct siblings *s, struct call *c, const struct resource *r,
                   const struct value *prior, const struct value *now)
{
    bool gone = !value_is_known(now);
    const struct value *object = gone ? prior : now;
    if (!s || !s->path || told_of(r) == TOLD_NOT || (gone && told_of(r) != TOLD_INSIDE))
        return;
    const char *head = head_of(s, c->arena, r, gone);
    struct bytes json = json_encode(c->arena, schema_type(c->arena, r->schema), object);
    const char *line =
        head ? arena_printf(c->arena, "\n%s\t%.*s\n", head, (int)json.len, json.data) : NULL;
    if (line && append(s, line))
        return;
    log_line(LOG_DEBUG, "other processes of this run are not told: %s",
             line ? strerror(errno) : "out of memory");
    s->path = line ? NULL : s->path;
}

/* --- hearing --- */

static const char *text_of(struct json_object *o, const char *name)
{
    struct json_object *m;
    return json_object_object_get_ex(o, name, &m) && json_object_is_type(m, json_type_string)
               ? json_object_get_string(m)
               : "";
}

static int64_t number_of(struct json_object *o, const char *name)
{
    struct json_object *m;
    return json_object_object_get_ex(o, name, &m) ? json_object_get_int64(m) : 0;
}

/* The type that the line tells of; NULL: it does not concern this process. */
static const struct resource *read_head(const struct siblings *s, struct json_object *o)
{
    const char *lineage = text_of(o, "lineage");
    if (number_of(o, "form") != FORM || strcmp(text_of(o, "by"), s->self.name) == 0 ||
        (*lineage && *s->lineage && strcmp(lineage, s->lineage) != 0))
        return NULL;
    const struct resource *r = resource_named(text_of(o, "type"));
    return r && told_of(r) != TOLD_NOT ? r : NULL;
}

struct hearing {
    struct siblings *siblings;
    struct estate *estate;
    struct arena *arena;
    struct engine *aside; /* takes what networks hold, which the journal tells */
    size_t loaded;
};

static struct json_object *parse(struct hearing *h, const char *text, size_t n)
{
    char error[128];
    struct json_object *o = state_json_object(text, n, error, sizeof error);
    if (o)
        arena_defer(h->arena, put_json, o);
    else
        log_line(LOG_DEBUG, "%s: %s", h->siblings->path, error);
    return o;
}

static void remember_id(struct siblings *s, struct arena *scratch, const char *id)
{
    if (siblings_made(s, id))
        return;
    arena_guard(s->arena, arena_guard_of(scratch));
    const char *key = arena_strdup(s->arena, id);
    arena_guard(s->arena, NULL);
    if (lh_table_insert(s->made, key, key) != 0)
        log_line(LOG_DEBUG, "out of memory: %s is not remembered as made in this run", id);
}

static void take_over(struct hearing *h, const struct resource *r, const struct facts *f,
                      const char *id)
{
    const char *problem = "out of memory";
    struct engine *e = told_of(r) == TOLD_WHOLE ? h->estate->engine : h->aside;
    if (resource_loader(r)(e, f, &problem) != LOAD_OK) {
        log_line(LOG_WARN, "%s, which another process made, cannot be taken over: %s", id, problem);
        return;
    }
    memory_remember(h->estate->memory, r, f);
    if (!occupied_learn(h->estate, r, f))
        log_line(LOG_WARN, "out of memory: the space of %s is not kept from pools", id);
    remember_id(h->siblings, h->arena, id);
    h->loaded++;
}

/* Only what the journal does not tell: the inside, and space that no pool gave. */
static void take_away(struct hearing *h, const struct resource *r, const struct facts *f,
                      const char *id)
{
    const char *lines = resource_departure(r)(f);
    for (size_t n; *lines; lines += n + (lines[n] == '\n')) {
        n = strcspn(lines, "\n");
        const char *line = arena_strndup(h->arena, lines, n);
        if (*line == 's' || *line == 'v')
            departure_unload(h->estate, line);
        else if (n > 2)
            occupied_gone(h->estate, line + 2);
    }
    memory_forget(h->estate->memory, r, id);
    h->loaded++;
}

static void hear_line(struct hearing *h, const char *text, size_t n)
{
    const char *tab = memchr(text, '\t', n);
    struct json_object *head = tab ? parse(h, text, (size_t)(tab - text)) : NULL;
    const struct resource *r = head ? read_head(h->siblings, head) : NULL;
    struct json_object *object = r ? parse(h, tab + 1, n - (size_t)(tab + 1 - text)) : NULL;
    struct facts f = {.arena = h->arena, .insides = h->estate->insides, .json = object};
    const char *id = object ? fact_string(&f, "id") : NULL;
    if (id && !number_of(head, "gone"))
        take_over(h, r, &f, id);
    else if (id && told_of(r) == TOLD_INSIDE)
        take_away(h, r, &f, id);
}

/* Whole lines only; the rest comes next time. */
static void hear_lines(struct hearing *h, const char *text, size_t n)
{
    const char *end = memrchr(text, '\n', n);
    for (const char *p = text; end && p <= end;) {
        const char *e = memchr(p, '\n', (size_t)(end + 1 - p));
        if (e > p)
            hear_line(h, p, (size_t)(e - p));
        h->siblings->heard += (size_t)(e + 1 - p);
        p = e + 1;
    }
}

/* What was appended; NULL: nothing. */
static const char *news(struct siblings *s, struct arena *a, size_t *n)
{
    struct stat st;
    if (s->in < 0 && s->path)
        s->in = open_ours(s->path, O_RDONLY);
    if (s->in < 0 || fstat(s->in, &st) != 0 || st.st_size <= (off_t)s->heard ||
        st.st_size > MAX_BYTES)
        return NULL;
    size_t wanted = (size_t)st.st_size - s->heard;
    char *text = arena_alloc(a, wanted);
    ssize_t got = pread(s->in, text, wanted, (off_t)s->heard);
    *n = got > 0 ? (size_t)got : 0;
    return *n ? text : NULL;
}

static void free_engine(void *e)
{
    engine_free(e);
}

bool siblings_hear(struct siblings *s, struct call *c)
{
    size_t n = 0;
    struct estate *e = estate_of(c);
    const char *text = s ? news(s, c->arena, &n) : NULL;
    struct hearing h = {.siblings = s, .estate = e, .arena = c->arena};
    if (!text || !(h.aside = engine_new()))
        return false;
    arena_defer(c->arena, free_engine, h.aside);
    hear_lines(&h, text, n);
    /* What cannot settle now, for want of memory, settles before it is asked (engine.h). */
    if (engine_settle(e->engine) != ENGINE_OK || engine_settle(e->insides) != ENGINE_OK)
        log_line(LOG_WARN, "out of memory while taking over what other processes made");
    if (h.loaded > 0)
        log_line(LOG_DEBUG, "other processes of this run made or removed %zu objects", h.loaded);
    return h.loaded > 0;
}

bool siblings_made(const struct siblings *s, const char *id)
{
    void *found;
    return s && lh_table_lookup_ex(s->made, id, &found);
}
