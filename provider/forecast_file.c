/*
 * forecast_file - from the process that plans to the one that applies
 *
 * A fixed number of small files in Terraform's data folder (TF_DATA_DIR, else .terraform; when
 * there is no such folder nothing is kept), mode 0600. A planning process takes a free name, or
 * that of the oldest file, puts a line of JSON at its head that says who it is, and appends lines
 * as it goes: a plan does not tell a provider when it ends. It holds a lock on the file as long as
 * it lives, so a reader can tell a forecast that is being made from a complete one.
 *
 * A forecast is a hint. Losing it costs comfort, so nothing here is an error: what cannot be
 * written is not kept, and what cannot be read, has an unknown form, or is too large, is passed
 * over with a line in the debug log. Only half a forecast must not be: a file that cannot be
 * continued is removed.
 */
#include "provider/forecast_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "proto/log.h"
#include "provider/claims_internal.h"
#include "provider/state_internal.h"

#define FORM 1

static void name_of(char *out, size_t size, unsigned n)
{
    const char *data = getenv("TF_DATA_DIR");
    snprintf(out, size, "%s/ipam-forecast.%u", data && *data ? data : ".terraform", n);
}

static int64_t modified(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* --- writing --- */

/* Makes this file ours when nobody has it. False: it is in use, or cannot be. */
static bool take(struct forecast_file *f, unsigned n)
{
    struct stat st;
    name_of(f->path, sizeof f->path, n);
    int fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &st) != 0 || st.st_size != 0) {
        close(fd);
        return false;
    }
    f->fd = fd;
    return true;
}

/* Removes the oldest file that no process writes. */
static bool remove_oldest(void)
{
    char path[PATH_MAX], oldest[PATH_MAX] = "";
    int64_t age = INT64_MAX;
    struct stat st;
    for (unsigned n = 0; n < FORECAST_FILES; n++) {
        name_of(path, sizeof path, n);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
            continue;
        if (fstat(fd, &st) == 0 && modified(&st) < age && flock(fd, LOCK_SH | LOCK_NB) == 0) {
            age = modified(&st);
            memcpy(oldest, path, sizeof oldest);
        }
        close(fd);
    }
    return *oldest && unlink(oldest) == 0;
}

static bool take_any(struct forecast_file *f)
{
    for (int round = 0; round < 2; round++) {
        for (unsigned n = 0; n < FORECAST_FILES; n++)
            if (take(f, n))
                return true;
        if (!remove_oldest())
            return false;
    }
    return false;
}

static bool put(struct forecast_file *f, const char *text, size_t n)
{
    if (n > FORECAST_MAX_BYTES - f->bytes)
        return false;
    ssize_t written = pwrite(f->fd, text, n, (off_t)f->bytes);
    f->bytes += n;
    return written == (ssize_t)n;
}

static void put_json(void *record)
{
    json_object_put(record);
}

static bool put_head(struct forecast_file *f, const struct forecast_head *h, struct arena *a)
{
    struct json_object *r = record_of("forecast", h->who.name, NULL);
    size_t n = 0;
    if (!r)
        return false;
    arena_defer(a, put_json, r);
    if (!record_number(r, "form", FORM) || !record_text(r, "host", h->who.host) ||
        !record_text(r, "boot", h->who.boot) ||
        !record_text(r, "namespace", h->who.pid_namespace) ||
        !record_number(r, "terraform", h->who.terraform) ||
        !record_number(r, "started", h->who.started) ||
        !record_text(r, "workspace", h->who.workspace) ||
        !record_text(r, "identity", h->identity) || !record_text(r, "lineage", h->lineage) ||
        !record_number(r, "serial", h->serial))
        return false;
    const char *text = json_object_to_json_string_length(r, JSON_C_TO_STRING_PLAIN, &n);
    return text && put(f, text, n) && put(f, "\n", 1);
}

void forecast_discard(struct forecast_file *f)
{
    if (f->fd) {
        if (unlink(f->path) != 0)
            log_line(LOG_DEBUG, "%s: %s", f->path, strerror(errno));
        close(f->fd);
    }
    f->fd = 0;
    f->impossible = true;
}

void forecast_close(struct forecast_file *f)
{
    if (f->fd)
        close(f->fd);
    f->fd = 0;
}

void forecast_append(struct forecast_file *f, const struct forecast_head *self, struct arena *a,
                     const char *line)
{
    if (f->impossible)
        return;
    bool fine = f->fd || (take_any(f) && put_head(f, self, a));
    if (fine && *line)
        fine = put(f, line, strlen(line));
    if (!fine) {
        log_line(LOG_DEBUG, "what this plan knows is not kept for its apply: %s",
                 f->bytes > FORECAST_MAX_BYTES ? "too much" : strerror(errno));
        forecast_discard(f);
    }
}

/* --- reading --- */

static const char *member_text(struct arena *a, struct json_object *o, const char *name)
{
    struct json_object *m;
    return json_object_object_get_ex(o, name, &m) && json_object_is_type(m, json_type_string)
               ? arena_strdup(a, json_object_get_string(m))
               : "";
}

static int64_t member_number(struct json_object *o, const char *name)
{
    struct json_object *m;
    return json_object_object_get_ex(o, name, &m) && json_object_is_type(m, json_type_int)
               ? json_object_get_int64(m)
               : -1;
}

static bool read_head(struct arena *a, const char *text, size_t n, struct forecast_head *out)
{
    char error[128];
    struct json_object *o = state_json_object(text, n, error, sizeof error);
    if (!o)
        return false;
    arena_defer(a, put_json, o);
    *out = (struct forecast_head){
        .who = {.name = member_text(a, o, "forecast"),
                .host = member_text(a, o, "host"),
                .boot = member_text(a, o, "boot"),
                .pid_namespace = member_text(a, o, "namespace"),
                .workspace = member_text(a, o, "workspace"),
                .terraform = member_number(o, "terraform"),
                .started = member_number(o, "started")},
        .identity = member_text(a, o, "identity"),
        .lineage = member_text(a, o, "lineage"),
        .serial = member_number(o, "serial"),
    };
    return *out->who.name && member_number(o, "form") == FORM;
}

static void free_buffer(void *b)
{
    buffer_free(b);
}

static void visit(struct arena *a, const char *path, const struct stat *st, forecast_visit fn,
                  void *ctx)
{
    struct buffer *t = arena_calloc(a, 1, sizeof *t);
    struct forecast_head head;
    arena_defer(a, free_buffer, t);
    if (!file_slurp(path, FORECAST_MAX_BYTES, t) || !t->data) {
        log_line(LOG_DEBUG, "%s: %s", path, strerror(errno));
        return;
    }
    const char *end = memchr(t->data, '\n', t->len);
    if (!end || memchr(t->data, '\0', t->len) ||
        !read_head(a, t->data, (size_t)(end - t->data), &head))
        log_line(LOG_DEBUG, "%s: not a forecast of this form", path);
    else
        fn(ctx, &head, end + 1, modified(st));
}

void forecast_each(struct arena *a, forecast_visit fn, void *ctx)
{
    char path[PATH_MAX];
    struct stat st;
    for (unsigned n = 0; n < FORECAST_FILES; n++) {
        name_of(path, sizeof path, n);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
            continue;
        bool ended =
            fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_SH | LOCK_NB) == 0;
        close(fd);
        if (ended)
            visit(a, path, &st, fn, ctx);
    }
}
