/*
 * state_child - a command whose output is a state
 *
 * Only Terraform can reach every backend, decrypt every state and use every credential, so the
 * state of any backend but the local one comes from `terraform state pull`. It takes no lock and
 * starts no provider, so a provider may run it.
 *
 * What the child must not get from us, and why:
 *   - our standard output and error: Terraform waits for the end of both before it goes on;
 *   - descriptors above 2: Terraform's own descriptors are inherited by us and kept open by it;
 *   - blocked or ignored signals, and our process group: an interrupt at the terminal is for
 *     Terraform, which tells us; and the group is what is killed when the time is over;
 *   - TF_CLI_ARGS*, whose flags `state pull` may not know; TF_LOG*, which would fill the error
 *     text; TF_REATTACH_PROVIDERS and the variables of the plugin handshake, which are about us.
 *
 * Both pipes are read without blocking and up to a limit each; the caller polls.
 */
#include "provider/state_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERRORS_KEPT (16u << 10) /* bytes of standard error; the rest is read and dropped */
#define PIPE_BYTES  (1 << 20)   /* what the child can write ahead between two polls */

extern char **environ;

/* The reading end of a pipe, and the first `keep` bytes that came out of it. */
struct stream {
    int fd; /* -1: closed */
    struct buffer bytes;
    size_t keep;
    bool cut; /* there was more */
};

struct state_child {
    pid_t pid; /* 0: reaped */
    struct stream output, errors;
    uint64_t start_ms;
    int wait_status; /* -1: somebody else reaped it */
};

/* ---- Environment --------------------------------------------------------------------------- */

static bool is_dropped(const char *entry)
{
    static const char *const prefixes[] = {
        "TF_CLI_ARGS", "TF_LOG", "TF_REATTACH_PROVIDERS", "TF_PLUGIN_MAGIC_COOKIE",
        "PLUGIN_",     NULL};
    for (size_t i = 0; prefixes[i]; i++) {
        if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Terraform read a relative TF_CLI_CONFIG_FILE before -chdir moved it; PWD still names that
 * directory. The result is malloc memory, NULL: the entry stays as it is. */
static char *absolute_config_file(const char *entry)
{
    static const char name[] = "TF_CLI_CONFIG_FILE=";
    const char *file = entry + sizeof name - 1, *pwd = getenv("PWD");
    char *absolute;
    if (strncmp(entry, name, sizeof name - 1) != 0 || !*file || *file == '/' || !pwd ||
        asprintf(&absolute, "%s%s/%s", name, pwd, file) < 0) {
        return NULL;
    }
    if (access(absolute + sizeof name - 1, R_OK) != 0) {
        free(absolute);
        return NULL;
    }
    return absolute;
}

/* The entries point into environ, but for *owned. NULL when memory is out. */
static char **child_environment(char **owned)
{
    size_t count = 0, kept = 0;
    while (environ[count]) {
        count++;
    }
    char **list = calloc(count + 1, sizeof *list);
    *owned = NULL;
    for (size_t i = 0; list && i < count; i++) {
        if (is_dropped(environ[i])) {
            continue;
        }
        char *absolute = *owned ? NULL : absolute_config_file(environ[i]);
        if (absolute) {
            *owned = absolute;
        }
        list[kept++] = absolute ? absolute : environ[i];
    }
    return list;
}

/* ---- Start --------------------------------------------------------------------------------- */

/* A pipe whose reading end never blocks. Both ends are above 2, so that moving them to 1 and 2 in
 * the child cannot overwrite one another. */
static int open_pipe(int ends[2])
{
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) != 0) {
        return errno;
    }
    int error = 0;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, 3);
        if (ends[i] < 0) {
            error = errno;
        }
        close(raw[i]);
    }
    if (!error && fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        error = errno;
    }
    /* Only a matter of speed; the limit for unprivileged users may be lower. */
    (void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
    return error;
}

static void close_end(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static int set_actions(posix_spawn_file_actions_t *actions, const char *directory, int out, int err)
{
    int e = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    e = e ? e : posix_spawn_file_actions_adddup2(actions, out, 1);
    e = e ? e : posix_spawn_file_actions_adddup2(actions, err, 2);
    e = e ? e : posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return e ? e : posix_spawn_file_actions_addchdir_np(actions, directory);
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int e = posix_spawnattr_setsigdefault(attributes, &all);
    e = e ? e : posix_spawnattr_setsigmask(attributes, &none);
    e = e ? e : posix_spawnattr_setpgroup(attributes, 0);
    return e ? e
             : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETPGROUP);
}

static int spawn(struct state_child *c, const char *file, const char *const *argv,
                 const char *directory, int out, int err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *owned, **environment = child_environment(&owned);
    int e = environment ? posix_spawn_file_actions_init(&actions) : ENOMEM;
    if (e) {
        free(environment);
        free(owned);
        return e;
    }
    e = posix_spawnattr_init(&attributes);
    if (!e) {
        e = set_actions(&actions, directory, out, err);
        e = e ? e : set_attributes(&attributes);
        char *const *arguments = (char *const *)(uintptr_t)argv; /* posix_spawn does not write */
        if (!e && file) {
            e = posix_spawn(&c->pid, file, &actions, &attributes, arguments, environment);
        } else if (!e) {
            e = posix_spawnp(&c->pid, argv[0], &actions, &attributes, arguments, environment);
        }
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    free(owned);
    if (e) {
        c->pid = 0;
    }
    return e;
}

struct state_child *state_child_start(const char *file, const char *const *argv,
                                      const char *directory, size_t max_bytes, uint64_t now_ms,
                                      int *error)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    struct state_child *c = calloc(1, sizeof *c);
    if (!c) {
        *error = ENOMEM;
        return NULL;
    }
    c->start_ms = now_ms;
    *error = open_pipe(out);
    *error = *error ? *error : open_pipe(err);
    *error = *error ? *error : spawn(c, file, argv, directory, out[1], err[1]);
    close_end(&out[1]);
    close_end(&err[1]);
    c->output = (struct stream){.fd = out[0], .keep = max_bytes};
    c->errors = (struct stream){.fd = err[0], .keep = ERRORS_KEPT};
    if (*error) {
        state_child_free(c);
        return NULL;
    }
    return c;
}

/* ---- Polling ------------------------------------------------------------------------------- */

/* What is there now, but no more than a few pipes full: a child that never stops writing must not
 * hold the caller. false: memory is out. */
static bool drain(struct stream *s)
{
    char chunk[64 << 10];
    for (size_t total = 0; s->fd >= 0 && total < 4 * PIPE_BYTES;) {
        ssize_t n = read(s->fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n <= 0) {
            close_end(&s->fd);
            break;
        }
        total += (size_t)n;
        size_t room = s->keep - s->bytes.len, take = (size_t)n < room ? (size_t)n : room;
        s->cut = s->cut || take < (size_t)n;
        if (!buffer_add(&s->bytes, chunk, take)) {
            return false;
        }
    }
    return true;
}

enum child_status state_child_poll(struct state_child *c, uint64_t now_ms)
{
    /* First the end, then the pipes: what an ended child wrote is in them. */
    if (c->pid) {
        pid_t ended = waitpid(c->pid, &c->wait_status, WNOHANG);
        if (ended < 0 && errno != EINTR) {
            c->wait_status = -1;
        }
        if (ended == c->pid || (ended < 0 && errno != EINTR)) {
            c->pid = 0;
        }
    }
    bool ended = !c->pid;
    if (!drain(&c->output) || !drain(&c->errors)) {
        return CHILD_NO_MEMORY;
    }
    if (c->output.cut) {
        return CHILD_TOO_MUCH;
    }
    if (ended) {
        return CHILD_DONE;
    }
    return now_ms - c->start_ms >= STATE_CHILD_MS ? CHILD_TOO_LONG : CHILD_RUNNING;
}

const struct buffer *state_child_output(const struct state_child *c)
{
    return &c->output.bytes;
}

const struct buffer *state_child_errors(const struct state_child *c)
{
    return &c->errors.bytes;
}

int state_child_wait_status(const struct state_child *c)
{
    return c->wait_status;
}

void state_child_free(struct state_child *c)
{
    if (!c) {
        return;
    }
    if (c->pid) {
        kill(-c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close_end(&c->output.fd);
    close_end(&c->errors.fd);
    buffer_free(&c->output.bytes);
    buffer_free(&c->errors.bytes);
    free(c);
}
