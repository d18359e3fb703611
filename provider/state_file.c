/*
 * state_file - consistent copies of files that somebody else rewrites
 *
 * Terraform rewrites a local state in place: truncate, marshal, write, sync. A reader therefore
 * meets three things: 0 bytes, a part, and - when the rewrite falls between two of its own reads -
 * a mixture of two versions that may even parse. Size and modification time before and after the
 * read catch most mixtures, but the clock of a file system ticks every few milliseconds and a
 * small state is rewritten faster than that. So the file is read twice and compared: a mixture of
 * an old beginning and a new end cannot be read twice, because by then the beginning is new.
 *
 * Taking a lock would not help: Terraform's lock is held for the whole run by the very process
 * that started us.
 *
 * On a network file system another host's writes are not seen at once: a client remembers sizes,
 * times, which file a name leads to, and that there is none, for up to a minute (nfs(5), "Data and
 * metadata coherence"). Opening is what asks the server (close-to-open consistency), so nothing
 * here goes by stat(2) alone, and "there is no such file" is believed only after the folder was
 * opened. The second reading uses a descriptor of its own for the same reason: the first one's
 * would be answered from memory.
 */
#include "provider/state_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK          (64u << 10)
#define BACKUPS_LISTED 1024 /* `state rm` leaves one each time */

/* ---- Growing bytes ------------------------------------------------------------------------- */

/* Room for `more` bytes and a NUL. */
static bool buffer_reserve(struct buffer *t, size_t more)
{
    if (more >= SIZE_MAX / 2 - t->len) {
        return false;
    }
    size_t need = t->len + more + 1, capacity = t->capacity ? t->capacity : 64;
    if (need <= t->capacity) {
        return true;
    }
    while (capacity < need) {
        capacity *= 2;
    }
    char *data = realloc(t->data, capacity);
    if (!data) {
        return false;
    }
    t->data = data;
    t->capacity = capacity;
    return true;
}

bool buffer_add(struct buffer *t, const char *bytes, size_t len)
{
    if (!buffer_reserve(t, len)) {
        return false;
    }
    memcpy(t->data + t->len, bytes, len);
    t->len += len;
    t->data[t->len] = '\0';
    return true;
}

bool buffer_puts(struct buffer *t, const char *string)
{
    return buffer_add(t, string, strlen(string));
}

void buffer_free(struct buffer *t)
{
    free(t->data);
    *t = (struct buffer){0};
}

/* ---- As of now ------------------------------------------------------------------------------ */

#define READING (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* Once more, after the client was made to ask what there is in the folder. */
static int open_after_folder(const char *path, int flags)
{
    int folder = file_open_folder(path), fd = -1;
    if (folder >= 0) {
        fd = open(path, flags);
        int saved = errno;
        close(folder);
        errno = saved;
    } else if (errno == EACCES || errno == ENOTDIR) {
        errno = ENOENT; /* names of what is there can be opened and not listed: not known better */
    }
    return fd;
}

int file_open_folder(const char *path)
{
    char folder[PATH_MAX] = "./";
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n + 2 > sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash) {
        memcpy(folder, path, n + 1);
        folder[n + 1] = '\0';
    }
    int fd = open(folder, READING | O_DIRECTORY);
    if (fd >= 0 || errno != ENOENT || n == 0) {
        return fd;
    }
    folder[n] = '\0';
    return open_after_folder(folder, READING | O_DIRECTORY);
}

int file_open(const char *path, int flags)
{
    int fd = open(path, READING | flags);
    return fd >= 0 || errno != ENOENT ? fd : open_after_folder(path, READING | flags);
}

int file_stat(const char *path, struct stat *out)
{
    int fd = file_open(path, 0);
    if (fd < 0) {
        return errno == ENOENT ? -1 : stat(path, out);
    }
    int r = fstat(fd, out);
    close(fd);
    return r;
}

static int file_lstat(const char *path, struct stat *out)
{
    int folder, r = lstat(path, out);
    if (r == 0 || errno != ENOENT || (folder = file_open_folder(path)) < 0) {
        return r;
    }
    r = lstat(path, out);
    close(folder);
    return r;
}

static void glob_close(void *dir)
{
    closedir(dir);
}

static struct dirent *glob_read(void *dir)
{
    return readdir(dir);
}

static void *glob_open(const char *path)
{
    return opendir(path);
}

/* What may be missing is missing; what cannot be read is an error. */
static int glob_error(const char *path, int error)
{
    (void)path;
    return error != ENOENT && error != ENOTDIR;
}

int file_glob(const char *pattern, glob_t *out)
{
    *out = (glob_t){.gl_opendir = glob_open,
                    .gl_readdir = glob_read,
                    .gl_closedir = glob_close,
                    .gl_stat = file_stat,
                    .gl_lstat = file_lstat};
    return glob(pattern, GLOB_ALTDIRFUNC, glob_error, out);
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* Up to the end or max_bytes + 1 bytes, so that the caller sees "too large". false: errno. */
static bool read_to_end(int fd, size_t expected, size_t max_bytes, struct buffer *out)
{
    if (!buffer_reserve(out, expected < max_bytes ? expected + 1 : max_bytes + 1)) {
        errno = ENOMEM;
        return false;
    }
    while (out->len <= max_bytes) {
        size_t room = out->capacity - out->len - 1, left = max_bytes + 1 - out->len;
        if (!room) {
            if (!buffer_reserve(out, CHUNK)) {
                errno = ENOMEM;
                return false;
            }
            continue;
        }
        ssize_t n = read(fd, out->data + out->len, room < left ? room : left);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        if (n == 0) {
            break;
        }
        out->len += (size_t)n;
    }
    out->data[out->len] = '\0';
    return true;
}

int64_t state_file_serial(const char *path)
{
    char head[4096];
    int fd = file_open(path, 0);
    if (fd < 0) {
        return -1;
    }
    ssize_t n = read(fd, head, sizeof head - 1);
    close(fd);
    if (n <= 0) {
        return -1;
    }
    head[n] = '\0';
    const char *name = strstr(head, "\"serial\"");
    const char *p = name ? name + strlen("\"serial\"") : "";
    p += strspn(p, " \t\r\n:");
    size_t digits = strspn(p, "0123456789");
    /* A number at the end of a torn file may go on. */
    return digits > 0 && digits < 19 && p[digits] ? strtoll(p, NULL, 10) : -1;
}

bool file_slurp(const char *path, size_t max_bytes, struct buffer *out)
{
    int fd = file_open(path, 0);
    struct stat st;
    if (fd < 0) {
        return false;
    }
    bool ok = fstat(fd, &st) == 0;
    if (ok && !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        ok = false;
    }
    ok = ok && read_to_end(fd, (size_t)st.st_size, max_bytes, out);
    if (ok && out->len > max_bytes) {
        errno = EFBIG;
        ok = false;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

static bool same_version(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Does the file still hold these bytes, and no more? */
static bool holds(int fd, const struct buffer *bytes)
{
    char again[CHUNK];
    size_t at = 0;
    for (;;) {
        ssize_t n = pread(fd, again, sizeof again, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 && at == bytes->len;
        }
        if ((size_t)n > bytes->len - at || memcmp(again, bytes->data + at, (size_t)n) != 0) {
            return false;
        }
        at += (size_t)n;
    }
}

static bool still_holds(const char *path, const struct file_copy *c)
{
    struct stat now;
    int fd = file_open(path, 0);
    bool same =
        fd >= 0 && fstat(fd, &now) == 0 && same_version(&c->st, &now) && holds(fd, &c->bytes);
    if (fd >= 0) {
        close(fd);
    }
    return same;
}

static enum file_status bad(struct file_copy *c, const char *problem)
{
    snprintf(c->problem, sizeof c->problem, "%s", problem);
    return FILE_BAD;
}

static enum file_status copy_open_file(struct file_copy *c, int fd, size_t max_bytes)
{
    if (fstat(fd, &c->st) != 0) {
        return errno == ESTALE ? FILE_MOVING : bad(c, strerror(errno));
    }
    if (!S_ISREG(c->st.st_mode)) {
        return bad(c, S_ISDIR(c->st.st_mode) ? "it is a directory" : "it is not a regular file");
    }
    if (c->st.st_size > 0 && (uint64_t)c->st.st_size > max_bytes) {
        snprintf(c->problem, sizeof c->problem, "it has %lld bytes, more than the %zu allowed",
                 (long long)c->st.st_size, max_bytes);
        return FILE_BAD;
    }
    if (!read_to_end(fd, (size_t)c->st.st_size, max_bytes, &c->bytes)) {
        return errno == ESTALE ? FILE_MOVING : bad(c, strerror(errno));
    }
    if (c->bytes.len != (size_t)c->st.st_size) {
        return FILE_MOVING;
    }
    return c->bytes.len == 0 ? FILE_EMPTY : FILE_WHOLE;
}

void file_copy_read(struct file_copy *c, const char *path, size_t max_bytes)
{
    *c = (struct file_copy){0};
    int fd = file_open(path, 0);
    if (fd < 0) {
        c->status = errno == ENOENT ? FILE_ABSENT : bad(c, strerror(errno));
        return;
    }
    c->status = copy_open_file(c, fd, max_bytes);
    close(fd);
    if ((c->status == FILE_WHOLE || c->status == FILE_EMPTY) && !still_holds(path, c)) {
        c->status = FILE_MOVING;
    }
}

void file_copy_free(struct file_copy *c)
{
    buffer_free(&c->bytes);
}

const char *state_lock_info_path(struct arena *a, const char *state_path)
{
    const char *slash = strrchr(state_path, '/');
    const char *name = slash ? slash + 1 : state_path;
    return arena_printf(a, "%.*s.%s.lock.info", (int)(name - state_path), state_path,
                        *name == '.' ? name + 1 : name);
}

/* ---- Backups ------------------------------------------------------------------------------- */

struct backup {
    char *path;
    struct timespec written;
};

/* <name>.backup or <name>.<digits>.backup */
static bool is_backup_of(const char *entry, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(entry, name, len) != 0 || entry[len] != '.') {
        return false;
    }
    const char *rest = entry + len + 1;
    size_t digits = strspn(rest, "0123456789");
    if (digits) {
        rest += digits;
        if (*rest++ != '.') {
            return false;
        }
    }
    return strcmp(rest, "backup") == 0;
}

static int newest_first(const void *x, const void *y)
{
    const struct backup *a = x, *b = y;
    if (a->written.tv_sec != b->written.tv_sec) {
        return a->written.tv_sec < b->written.tv_sec ? 1 : -1;
    }
    if (a->written.tv_nsec != b->written.tv_nsec) {
        return a->written.tv_nsec < b->written.tv_nsec ? 1 : -1;
    }
    return strcmp(b->path, a->path);
}

/* How many of them are in the directory, which ends with a slash; each path is the caller's to
 * free. */
static size_t list_backups(const char *directory, const char *name, struct backup *out)
{
    DIR *dir = opendir(directory);
    size_t count = 0;
    struct dirent *entry;
    if (!dir) {
        return 0;
    }
    while (count < BACKUPS_LISTED && (entry = readdir(dir))) {
        struct stat st;
        if (!is_backup_of(entry->d_name, name) || fstatat(dirfd(dir), entry->d_name, &st, 0) != 0 ||
            !S_ISREG(st.st_mode)) {
            continue;
        }
        if (asprintf(&out[count].path, "%s%s", directory, entry->d_name) < 0) {
            break;
        }
        out[count++].written = st.st_mtim;
    }
    closedir(dir);
    return count;
}

/* A backup that cannot be read is passed over: the next older one is the newest readable. */
static struct state *read_backup(const char *path)
{
    struct file_copy copy;
    struct state *s = NULL;
    char error[256];
    file_copy_read(&copy, path, STATE_MAX_BYTES);
    if (copy.status == FILE_WHOLE) {
        s = state_parse(copy.bytes.data, copy.bytes.len, path, path, error, sizeof error);
    }
    file_copy_free(&copy);
    return s;
}

struct state *state_backup(const char *state_path, unsigned nth)
{
    const char *slash = strrchr(state_path, '/');
    char *directory = slash ? strndup(state_path, (size_t)(slash - state_path) + 1) : strdup("./");
    struct backup *list = calloc(BACKUPS_LISTED, sizeof *list);
    struct state *found = NULL;
    if (directory && list) {
        size_t count = list_backups(directory, slash ? slash + 1 : state_path, list);
        qsort(list, count, sizeof *list, newest_first);
        for (size_t i = 0; i < count; i++) {
            struct state *s = found ? NULL : read_backup(list[i].path);
            if (s && nth-- == 0) {
                found = s;
            } else {
                state_free(s);
            }
            free(list[i].path);
        }
    }
    free(list);
    free(directory);
    return found;
}
