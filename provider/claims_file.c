/*
 * claims_file - the journal of claims as a file
 *
 * A line is a checksum, a space, a JSON object and a newline. Lines are only ever appended, each
 * batch with one write under an exclusive flock, so a reader needs no lock: what it finds up to the
 * last newline is whole. The checksum tells a torn line (a full disk, a crash of the machine) from
 * a whole one. A torn line can only be the last, because the next writer cuts it off before it
 * appends; a damaged line further up means that somebody else wrote here, and what it said is not
 * known, so reading fails.
 *
 * Compacting writes a new file beside the old one, takes its lock, and renames it into place. Who
 * waits for the old file's lock gets it and finds that the path leads to another inode: every lock
 * is followed by that check. On NFS there may be no old file any more (ESTALE), and the check opens
 * the path, since stat(2) would find the old file there for up to a minute. A reader that meets
 * another inode, or a file shorter than what it has read, starts again from the beginning and says
 * so.
 *
 * The file steers what is issued, so it is opened like a credential: no symbolic link, a regular
 * file with one name, owned by this user or root, writable by nobody else.
 */
#include "provider/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "provider/state_internal.h"

#define SUM_DIGITS 8
#define TRIES      16 /* to get hold of a file that others replace */

struct journal {
    char *path;
    int fd; /* open while locked, kept open between locks; -1: not */
    bool locked;
    bool shared;     /* its lock reaches whoever can write the file */
    bool known;      /* dev and ino are of the file that was read */
    bool fresh_file; /* made by us: its name is not durable yet */
    bool vanished;   /* the open file was replaced, and a network file system keeps it no longer */
    dev_t dev;
    ino_t ino;
    size_t offset; /* everything before was handed out */
    size_t lines;  /* so many lines */
    char problem[512];
};

struct journal *journal_new(const char *path)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->fd = -1;
    j->path = strdup(path);
    if (!j->path) {
        free(j);
        return NULL;
    }
    return j;
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    free(j->path);
    free(j);
}

const char *journal_path(const struct journal *j)
{
    return j->path;
}

const char *journal_problem(const struct journal *j)
{
    return j->problem;
}

bool journal_is_locked(const struct journal *j)
{
    return j->locked;
}

static enum journal_result failed(struct journal *j, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static enum journal_result failed(struct journal *j, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = snprintf(j->problem, sizeof j->problem, "%.300s: ", j->path);
    if (n > 0 && (size_t)n < sizeof j->problem)
        vsnprintf(j->problem + n, sizeof j->problem - (size_t)n, fmt, ap);
    va_end(ap);
    return JOURNAL_FAILED;
}

/* --- opening --- */

static enum journal_result refuse_open(struct journal *j, int error)
{
    if (error == ELOOP)
        return failed(j, "it is a symbolic link, which is not followed. Put a plain file there, or "
                         "remove the link");
    if (error == EISDIR)
        return failed(j, "there is a directory in the place of the journal of claims. Remove it");
    return failed(j, "%s", strerror(error));
}

/* May this file decide what is issued? */
static enum journal_result inspect(struct journal *j, int fd, struct stat *st)
{
    if (fstat(fd, st) != 0) {
        j->vanished = errno == ESTALE;
        return failed(j, "%s", strerror(errno));
    }
    if (!S_ISREG(st->st_mode))
        return failed(j, "it is not a regular file. Remove it");
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return failed(
            j,
            "it belongs to the user with id %u and this process runs as %u. Who can write "
            "it decides what is issued, so only this user's own journal, or root's, is "
            "trusted. Run as one user, or give the file to this one",
            (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return failed(j, "it can be written by other users (mode %04o). chmod 600 it",
                      (unsigned)(st->st_mode & 07777));
    if (st->st_nlink > 1)
        return failed(j, "it has %lu names (hard links). Remove the others",
                      (unsigned long)st->st_nlink);
    if (st->st_size > (off_t)JOURNAL_MAX_BYTES)
        return failed(j, "it has %lld bytes, more than the %u allowed", (long long)st->st_size,
                      JOURNAL_MAX_BYTES);
    return JOURNAL_OK;
}

/* Whatever was read before came from another file. */
static bool adopt(struct journal *j, const struct stat *st)
{
    bool replaced = j->known && (j->dev != st->st_dev || j->ino != st->st_ino ||
                                 (size_t)st->st_size < j->offset);
    if (replaced || !j->known) {
        j->offset = 0;
        j->lines = 0;
    }
    j->known = true;
    j->dev = st->st_dev;
    j->ino = st->st_ino;
    return replaced;
}

static void drop_fd(struct journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
    j->locked = false;
}

static enum journal_result open_for_writing(struct journal *j)
{
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    j->fd = open(j->path, flags);
    if (j->fd < 0 && errno == ENOENT) {
        j->fd = open(j->path, flags | O_CREAT, 0600);
        j->fresh_file = j->fd >= 0;
    }
    return j->fd >= 0 ? JOURNAL_OK : refuse_open(j, errno);
}

/* Two hosts could hold such a lock at the same time. */
static enum journal_result check_mount(struct journal *j, const struct stat *st)
{
    const char *option;
    if (j->shared)
        return JOURNAL_OK;
    if (!mount_keeps_locks(st->st_dev, &option))
        return JOURNAL_NO_MEMORY;
    if (option)
        return failed(j,
                      "its file system is mounted with \"%s\", so other hosts would not see its "
                      "lock and could issue the same CIDR at the same time. Mount it without that "
                      "option, or put the state on another file system",
                      option);
    j->shared = true;
    return JOURNAL_OK;
}

enum journal_result journal_lock(struct journal *j)
{
    for (int tries = 0; tries < TRIES; tries++) {
        struct stat here, there;
        enum journal_result r = j->fd < 0 ? open_for_writing(j) : JOURNAL_OK;
        if (r != JOURNAL_OK)
            return r;
        if (flock(j->fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK || errno == EINTR)
                return JOURNAL_BUSY;
            int error = errno;
            drop_fd(j);
            if (error == ESTALE)
                continue;
            return failed(j,
                          "the file system gives no lock (flock): %s. Put the state on one that "
                          "does",
                          strerror(error));
        }
        j->locked = true;
        if (fstat(j->fd, &here) == 0 && file_stat(j->path, &there) == 0 &&
            here.st_dev == there.st_dev && here.st_ino == there.st_ino) {
            r = inspect(j, j->fd, &here);
            if (r == JOURNAL_OK)
                r = check_mount(j, &here);
            if (r != JOURNAL_OK)
                drop_fd(j);
            return r;
        }
        drop_fd(j); /* it was replaced or removed */
    }
    return failed(j, "it is replaced again and again");
}

void journal_unlock(struct journal *j)
{
    if (j->locked)
        flock(j->fd, LOCK_UN);
    j->locked = false;
}

/* --- lines --- */

static bool checksum(const char *text, size_t len, char out[SUM_DIGITS + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (!EVP_Digest(text, len, digest, NULL, EVP_sha256(), NULL))
        return false;
    snprintf(out, SUM_DIGITS + 1, "%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
    return true;
}

enum line { LINE_WHOLE, LINE_DAMAGED, LINE_UNREADABLE };

/* Unreadable: it is what was written, and still no record; or memory is out. */
static enum line parse_line(const char *line, size_t len, struct json_object **out)
{
    char sum[SUM_DIGITS + 1], error[128];
    if (len < SUM_DIGITS + 3 || len > JOURNAL_MAX_LINE || line[SUM_DIGITS] != ' ')
        return LINE_DAMAGED;
    const char *json = line + SUM_DIGITS + 1;
    size_t size = len - SUM_DIGITS - 1;
    if (!checksum(json, size, sum))
        return LINE_UNREADABLE;
    if (memcmp(sum, line, SUM_DIGITS) != 0)
        return LINE_DAMAGED;
    *out = state_json_object(json, size, error, sizeof error);
    return *out ? LINE_WHOLE : LINE_UNREADABLE;
}

static bool add_line(struct buffer *b, struct json_object *record)
{
    size_t len;
    char sum[SUM_DIGITS + 1];
    const char *json = json_object_to_json_string_length(
        record, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    return json && checksum(json, len, sum) && buffer_add(b, sum, SUM_DIGITS) &&
           buffer_add(b, " ", 1) && buffer_add(b, json, len) && buffer_add(b, "\n", 1);
}

/* --- reading --- */

static enum journal_result read_bytes(struct journal *j, int fd, size_t size, char **out)
{
    size_t want = size - j->offset, got = 0;
    char *bytes = malloc(want + 1);
    if (!bytes)
        return JOURNAL_NO_MEMORY;
    while (got < want) {
        ssize_t n = pread(fd, bytes + got, want - got, (off_t)(j->offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            j->vanished = n < 0 && errno == ESTALE;
            free(bytes);
            return failed(j, "%s",
                          n == 0 ? "it became shorter while it was read" : strerror(errno));
        }
        got += (size_t)n;
    }
    *out = bytes;
    return JOURNAL_OK;
}

/* The whole lines in `bytes`; what is torn at the end stays unread. */
static enum journal_result read_lines(struct journal *j, const char *bytes, size_t len,
                                      journal_visit fn, void *ctx)
{
    size_t at = 0;
    while (at < len) {
        const char *end = memchr(bytes + at, '\n', len - at);
        if (!end)
            return len - at <= JOURNAL_MAX_LINE ? JOURNAL_OK
                                                : failed(j, "line %zu has no end", j->lines + 1);
        size_t size = (size_t)(end - (bytes + at));
        struct json_object *record = NULL;
        enum line line = parse_line(bytes + at, size, &record);
        if (line == LINE_DAMAGED && at + size + 1 == len)
            return JOURNAL_OK; /* torn: its last bytes were written, others were not */
        if (line != LINE_WHOLE)
            return failed(j, "line %zu is %s, so what was claimed there is not known", j->lines + 1,
                          line == LINE_DAMAGED ? "damaged" : "not readable");
        bool taken = fn(ctx, record, size + 1);
        json_object_put(record);
        if (!taken)
            return JOURNAL_NO_MEMORY;
        at += size + 1;
        j->offset += size + 1;
        j->lines++;
    }
    return JOURNAL_OK;
}

static enum journal_result read_from(struct journal *j, int fd, journal_visit fn, void *ctx,
                                     bool *restarted)
{
    struct stat st;
    char *bytes = NULL;
    enum journal_result r = inspect(j, fd, &st);
    if (r != JOURNAL_OK)
        return r;
    *restarted = adopt(j, &st);
    size_t size = (size_t)st.st_size;
    if (size == j->offset)
        return JOURNAL_OK;
    size_t len = size - j->offset;
    r = read_bytes(j, fd, size, &bytes);
    if (r != JOURNAL_OK)
        return r;
    r = read_lines(j, bytes, len, fn, ctx);
    free(bytes);
    if (r == JOURNAL_OK && j->locked && j->offset < size && ftruncate(fd, (off_t)j->offset) != 0)
        return failed(j, "a torn line cannot be cut off: %s", strerror(errno));
    return r;
}

enum journal_result journal_read(struct journal *j, journal_visit fn, void *ctx, bool *restarted)
{
    *restarted = false;
    if (j->locked)
        return read_from(j, j->fd, fn, ctx, restarted);
    enum journal_result r;
    int tries = 0;
    do {
        int fd = file_open(j->path, O_NOFOLLOW);
        if (fd < 0)
            return errno == ENOENT ? JOURNAL_OK : refuse_open(j, errno);
        j->vanished = false;
        r = read_from(j, fd, fn, ctx, restarted);
        close(fd);
    } while (r == JOURNAL_FAILED && j->vanished && ++tries < TRIES);
    return r;
}

/* --- writing --- */

/* Makes the name of a new file survive a crash. */
static bool sync_folder(const char *path)
{
    int fd = file_open_folder(path);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool write_all(int fd, const char *bytes, size_t len, size_t at)
{
    ssize_t n;
    do
        n = pwrite(fd, bytes, len, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n >= 0 && (size_t)n < len)
        errno = ENOSPC; /* a short write to a regular file: the disk is full */
    return n >= 0 && (size_t)n == len;
}

static enum journal_result append_bytes(struct journal *j, const struct buffer *b, bool durable)
{
    if (j->offset + b->len > JOURNAL_MAX_BYTES)
        return failed(j,
                      "it would grow beyond %u bytes. It holds the claims of runs that go on; let "
                      "them end",
                      JOURNAL_MAX_BYTES);
    bool ok = write_all(j->fd, b->data, b->len, j->offset);
    if (ok && durable)
        ok = fdatasync(j->fd) == 0 && (!j->fresh_file || sync_folder(j->path));
    if (!ok) {
        int error = errno;
        /* When even this fails, the torn line is cut off by the next writer. */
        if (ftruncate(j->fd, (off_t)j->offset) != 0)
            return failed(j, "%s, and what was written cannot be taken back", strerror(error));
        return failed(j, "%s", strerror(error));
    }
    j->fresh_file = j->fresh_file && !durable;
    j->offset += b->len;
    return JOURNAL_OK;
}

enum journal_result journal_append(struct journal *j, struct json_object *const *records,
                                   size_t count, bool durable)
{
    struct buffer b = {0};
    enum journal_result r = JOURNAL_OK;
    for (size_t i = 0; i < count && r == JOURNAL_OK; i++) {
        size_t before = b.len;
        if (!records[i] || !add_line(&b, records[i]))
            r = JOURNAL_NO_MEMORY;
        else if (b.len - before > JOURNAL_MAX_LINE)
            r = failed(j, "a claim of %zu bytes is longer than the %u allowed", b.len - before,
                       JOURNAL_MAX_LINE);
    }
    if (r == JOURNAL_OK && b.len > 0)
        r = append_bytes(j, &b, durable);
    if (r == JOURNAL_OK)
        j->lines += count;
    buffer_free(&b);
    return r;
}

static enum journal_result replace(struct journal *j, const struct buffer *b, char *temporary)
{
    struct stat st;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return failed(j, "it cannot be compacted: %s", strerror(errno));
    bool ok = flock(fd, LOCK_EX | LOCK_NB) == 0 &&
              (b->len == 0 || write_all(fd, b->data, b->len, 0)) && fsync(fd) == 0 &&
              fstat(fd, &st) == 0 && rename(temporary, j->path) == 0;
    if (!ok) {
        int error = errno;
        close(fd);
        unlink(temporary);
        return failed(j, "it cannot be compacted: %s", strerror(error));
    }
    close(j->fd);
    j->fd = fd;
    j->dev = st.st_dev;
    j->ino = st.st_ino;
    j->offset = b->len;
    return sync_folder(j->path) ? JOURNAL_OK : failed(j, "%s", strerror(errno));
}

enum journal_result journal_rewrite(struct journal *j, struct json_object *const *records,
                                    size_t count)
{
    struct buffer b = {0};
    char *temporary = NULL;
    enum journal_result r = JOURNAL_OK;
    for (size_t i = 0; i < count && r == JOURNAL_OK; i++)
        if (!records[i] || !add_line(&b, records[i]))
            r = JOURNAL_NO_MEMORY;
    if (r == JOURNAL_OK && asprintf(&temporary, "%s.XXXXXX", j->path) < 0)
        r = JOURNAL_NO_MEMORY;
    if (r == JOURNAL_OK) {
        r = replace(j, &b, temporary);
        free(temporary);
    }
    if (r == JOURNAL_OK)
        j->lines = count;
    buffer_free(&b);
    return r;
}

/* --- who has the lock --- */

int journal_lock_owner(const struct journal *j)
{
    struct stat st;
    struct buffer t = {0};
    char wanted[64];
    int owner = 0;
    if (file_stat(j->path, &st) != 0)
        return 0;
    snprintf(wanted, sizeof wanted, " %02x:%02x:%llu ", major(st.st_dev), minor(st.st_dev),
             (unsigned long long)st.st_ino);
    /* `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF` */
    if (file_slurp("/proc/locks", 4u << 20, &t))
        for (char *line = t.data, *next; line && *line; line = next) {
            next = strchr(line, '\n');
            if (next)
                *next++ = '\0';
            char *flock_word = strstr(line, "FLOCK"), *at = strstr(line, wanted);
            if (flock_word && at && !strstr(line, "->")) {
                char *p = at;
                while (p > line && p[-1] != ' ')
                    p--;
                owner = atoi(p);
            }
        }
    buffer_free(&t);
    return owner > 0 ? owner : 0;
}
