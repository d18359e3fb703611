/*
 * claims_alive - who claims, and does it still run
 *
 * A claim belongs to the run of Terraform that the provider process serves: aliases and the walks
 * of one command are several provider processes and one run. On one machine the process itself
 * tells: a process id may be used again, but not with the same start time in the same boot. From
 * another machine, another boot or another namespace of process ids, the state lock tells, if the
 * run held one: Terraform keeps a lock on its state file and its id beside it until it ends. When
 * neither can be asked the answer is "unknown", and unknown claims count. No clock is compared.
 */
#include "provider/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "provider/state_internal.h"

#define SMALL_FILE (64u << 10)

/* The content without the newline at its end; "" when it cannot be read. */
static const char *small_text(struct arena *a, const char *path)
{
    struct buffer *t = arena_alloc(a, sizeof *t);
    arena_defer(a, (void (*)(void *))buffer_free, t);
    if (!file_slurp(path, SMALL_FILE, t) || !t->data)
        return "";
    return arena_strndup(a, t->data, strcspn(t->data, "\n"));
}

/* Start time in ticks since boot; -1: there is no such process, or it has ended and was not reaped.
 * The name in the second field may hold spaces and brackets: the last bracket ends it. */
static int64_t start_time(int64_t pid)
{
    char path[64];
    struct buffer t = {0};
    int64_t started = -1;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (file_slurp(path, SMALL_FILE, &t) && t.data) {
        char *p = strrchr(t.data, ')');
        bool ended = p && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X');
        for (int field = 2; p && field < 22; field++) {
            p = strchr(p, ' ');
            p = p ? p + 1 : NULL;
        }
        if (p && !ended)
            started = strtoll(p, NULL, 10);
    }
    buffer_free(&t);
    return started;
}

static const char *random_name(struct arena *a)
{
    uint64_t word;
    if (getrandom(&word, sizeof word, 0) != (ssize_t)sizeof word)
        return NULL;
    return arena_printf(a, "%016llx", (unsigned long long)word);
}

static const char *workspace(struct arena *a)
{
    const char *name = getenv("TF_WORKSPACE"), *data = getenv("TF_DATA_DIR");
    if (name && *name)
        return arena_strdup(a, name);
    name = small_text(a, arena_printf(a, "%s/environment", data && *data ? data : ".terraform"));
    return *name ? name : "default";
}

static const char *now_text(struct arena *a)
{
    char text[32];
    time_t now = time(NULL);
    struct tm tm;
    if (!gmtime_r(&now, &tm) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return "";
    return arena_strdup(a, text);
}

bool claimant_self(struct arena *a, const char *state_path, struct claimant *out)
{
    char host[HOST_NAME_MAX + 1] = "", link[64], folder[PATH_MAX], id[128];
    ssize_t n = readlink("/proc/self/ns/pid", link, sizeof link - 1);
    gethostname(host, sizeof host - 1);
    *out = (struct claimant){
        .name = random_name(a),
        .host = arena_strdup(a, host),
        .boot = small_text(a, "/proc/sys/kernel/random/boot_id"),
        .pid_namespace = n > 0 ? arena_strndup(a, link, (size_t)n) : "",
        .terraform = getppid(),
        .provider = getpid(),
        .started = start_time(getppid()),
        .state = state_path ? arena_strdup(a, state_path) : "",
        .shown = "",
        .lineage = "",
        .folder = getcwd(folder, sizeof folder) ? arena_strdup(a, folder) : "",
        .workspace = workspace(a),
        .lock = "",
        .since = now_text(a),
    };
    if (state_path && state_lock_probe(state_path, id, sizeof id) == LOCK_HELD)
        out->lock = arena_strdup(a, id);
    return out->name != NULL;
}

static bool same_machine(const struct claimant *a, const struct claimant *b)
{
    return *a->boot && *a->pid_namespace && strcmp(a->boot, b->boot) == 0 &&
           strcmp(a->pid_namespace, b->pid_namespace) == 0 && strcmp(a->host, b->host) == 0 &&
           a->started >= 0 && b->started >= 0;
}

bool claimant_same_run(const struct claimant *a, const struct claimant *b)
{
    return same_machine(a, b) && a->terraform == b->terraform && a->started == b->started;
}

enum life claimant_life(const struct claimant *who, const struct claimant *self,
                        const char *state_path)
{
    char id[128];
    if (same_machine(who, self))
        return start_time(who->terraform) == who->started ? LIFE_RUNS : LIFE_GONE;
    if (!state_path || !*who->lock)
        return LIFE_UNKNOWN;
    switch (state_lock_probe(state_path, id, sizeof id)) {
    case LOCK_FREE:
        return LIFE_GONE;
    case LOCK_HELD:
        return strcmp(id, who->lock) == 0 || !*id ? LIFE_RUNS : LIFE_GONE;
    case LOCK_UNKNOWN:
        break;
    }
    return LIFE_UNKNOWN;
}

static void copy_id(const char *path, char *id, size_t size)
{
    struct buffer t = {0};
    char error[128];
    struct json_object *info = NULL, *member;
    if (file_slurp(path, SMALL_FILE, &t) && t.data)
        info = state_json_object(t.data, t.len, error, sizeof error);
    if (info && json_object_object_get_ex(info, "ID", &member) &&
        json_object_is_type(member, json_type_string))
        snprintf(id, size, "%.100s", json_object_get_string(member));
    json_object_put(info);
    buffer_free(&t);
}

/* What Terraform wrote beside the state when it took the lock; "" without memory. */
static void lock_id(const char *state_path, char *id, size_t size)
{
    struct arena *a = arena_new();
    jmp_buf guard;
    *id = '\0';
    if (a && setjmp(guard) == 0) {
        arena_guard(a, &guard);
        copy_id(state_lock_info_path(a, state_path), id, size);
    }
    arena_free(a);
}

enum lock_state state_lock_probe(const char *state_path, char *id, size_t size)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int fd = file_open(state_path, 0);
    *id = '\0';
    if (fd < 0)
        return errno == ENOENT ? LOCK_FREE : LOCK_UNKNOWN;
    int r = fcntl(fd, F_GETLK, &lock);
    close(fd);
    if (r != 0)
        return LOCK_UNKNOWN;
    if (lock.l_type == F_UNLCK)
        return LOCK_FREE;
    lock_id(state_path, id, size);
    return LOCK_HELD;
}
