/*
 * world - files, clock and processes that exist only in the simulator
 *
 * A file is an inode with a name; unlinking and renaming take the name away and leave the inode to
 * those who have it open. A lock (flock) belongs to one open file and goes with it. All files have
 * one link, the mode 0600 and this user, because what is refused for other reasons is tested
 * elsewhere; here it is about order and time.
 *
 * On a network file system (nfs(5), "Data and metadata coherence") a client answers stat(2) from
 * memory, and also that there is no such file; so does fstat(2) until the file is opened or locked
 * again, and a file that lost its name cannot be used any more (ESTALE). Here each process is a
 * client of its own, which remembers longer than a real one: also what its own Terraform changed.
 */
#include "simulator/world.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_FD   100000
#define FDS        256
#define INODES     256
#define PROCESSES  128
#define CALL_US    5
#define SWITCH_OFF 24 /* one call of so many lets others go on */
#define OTHERS_MS  60 /* so long, while one waits, until another one does something */
#define EPOCH      INT64_C(1700000000)
#define REMEMBERED 32   /* names of one process */
#define MEMORY_MS  3000 /* as acregmin=3 */

struct inode {
    char path[96]; /* "" without a name */
    char *data;
    size_t len;
    int64_t written_ns;
    ino_t number;
    int lock; /* index of the open file that has the lock, or -1 */
    int state_lock;
    unsigned open;
    bool folder; /* or a file of /proc: without a name from the beginning */
};

struct open_file {
    struct inode *inode;
    const struct process *owner;
    size_t at;
    struct stat seen; /* on a network: when it was opened, locked, or written here */
};

/* What a client of the network file system believes. */
struct belief {
    char path[96];
    bool absent;
    struct stat st;
    int64_t until_ns;
};

static struct inode *inodes[INODES];
static struct open_file files[FDS];
static size_t inodes_end, files_end; /* behind the last that was ever used in this history */
static struct process *processes[PROCESSES], *current;
static size_t process_count;
static uint64_t random_state;
static int64_t now_ns;
static ino_t numbers;
static void (*on_call)(void);
static bool switching;
static bool network;
static struct belief beliefs[PROCESSES][REMEMBERED];
static size_t belief_count[PROCESSES];

/* --- chance and time --- */

uint32_t world_random(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) % below);
}

void world_pass(uint64_t microseconds)
{
    now_ns += (int64_t)microseconds * 1000;
}

static void free_inode(size_t i)
{
    free(inodes[i]->data);
    free(inodes[i]);
    inodes[i] = NULL;
}

void world_end(void)
{
    for (size_t i = 0; i < inodes_end; i++)
        if (inodes[i])
            free_inode(i);
    memset(files, 0, files_end * sizeof *files);
    inodes_end = files_end = 0;
    process_count = 0;
    current = NULL;
}

void world_begin(uint64_t seed)
{
    world_end();
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (int i = 0; i < 8; i++)
        world_random(2);
    now_ns = 0;
    numbers = 0;
    network = seed % 4 == 0;
}

/* --- inodes --- */

static struct inode *find(const char *path)
{
    for (size_t i = 0; i < inodes_end; i++)
        if (inodes[i] && strcmp(inodes[i]->path, path) == 0)
            return inodes[i];
    return NULL;
}

static struct inode *make(const char *path)
{
    for (size_t i = 0; i < INODES; i++)
        if (!inodes[i]) {
            struct inode *n = calloc(1, sizeof *n);
            if (!n)
                abort();
            snprintf(n->path, sizeof n->path, "%s", path);
            n->written_ns = now_ns;
            n->number = ++numbers;
            n->lock = -1;
            inodes_end = i < inodes_end ? inodes_end : i + 1;
            return inodes[i] = n;
        }
    fprintf(stderr, "the simulator has no inode left\n");
    abort();
}

static void sweep(void)
{
    for (size_t i = 0; i < inodes_end; i++)
        if (inodes[i] && !inodes[i]->open && !*inodes[i]->path)
            free_inode(i);
}

static void resize(struct inode *n, size_t len)
{
    char *data = realloc(n->data, len ? len : 1);
    if (!data)
        abort();
    if (len > n->len)
        memset(data + n->len, 0, len - n->len);
    n->data = data;
    n->len = len;
    n->written_ns = now_ns;
}

void world_write(const char *path, const void *bytes, size_t len)
{
    struct inode *n = find(path);
    world_pass(50);
    if (!n)
        n = make(path);
    resize(n, len);
    if (len)
        memcpy(n->data, bytes, len);
}

void world_remove(const char *path)
{
    struct inode *n = find(path);
    if (n)
        *n->path = '\0';
    sweep();
}

bool world_exists(const char *path)
{
    return find(path) != NULL;
}

void world_copy(const char *from, const char *to)
{
    const struct inode *n = find(from);
    if (n)
        world_write(to, n->data, n->len);
}

void world_lock_state(const char *path, int pid)
{
    struct inode *n = find(path);
    if (n)
        n->state_lock = pid;
}

/* --- processes --- */

struct process *world_enter(struct process *p)
{
    struct process *before = current;
    current = p;
    return before;
}

void world_add_process(struct process *p)
{
    if (process_count == PROCESSES)
        abort();
    p->index = process_count;
    belief_count[p->index] = 0;
    processes[process_count++] = p;
}

static void drop(struct open_file *f)
{
    int index = (int)(f - files);
    f->inode->open--;
    if (f->inode->lock == index)
        f->inode->lock = -1;
    bool left = !f->inode->open && !*f->inode->path;
    f->inode = NULL;
    if (left)
        sweep();
}

void world_close_all(const struct process *p)
{
    for (size_t i = 0; i < files_end; i++)
        if (files[i].inode && files[i].owner == p)
            drop(&files[i]);
}

bool world_locked(void)
{
    for (size_t i = 0; i < files_end; i++)
        if (files[i].inode && files[i].inode->lock == (int)i)
            return true;
    return false;
}

void world_on_call(void (*fn)(void))
{
    on_call = fn;
}

static void let_others_go_on(void)
{
    struct process *me = current;
    if (!on_call || switching)
        return;
    switching = true;
    on_call();
    switching = false;
    current = me;
}

void world_sleep(uint64_t ms)
{
    world_pass(ms * 1000);
    for (uint64_t n = (ms + world_random(OTHERS_MS)) / OTHERS_MS; n > 0; n--)
        let_others_go_on();
}

/* At the begin of each call. False: the process is dead, nothing happens any more. `fatal` is set
 * when it dies in this call. */
static bool alive(bool *fatal)
{
    world_pass(CALL_US);
    if (fatal)
        *fatal = false;
    if (!current || !current->provider_runs)
        goto dead;
    if (on_call && !switching && world_random(SWITCH_OFF) == 0)
        let_others_go_on();
    if (current->crash_in > 0 && --current->crash_in == 0) {
        current->provider_runs = false;
        if (fatal)
            *fatal = true;
    }
    if (current->provider_runs || (fatal && *fatal))
        return true;
dead:
    errno = EIO;
    return false;
}

/* --- what a client remembers --- */

static void describe(const struct inode *n, struct stat *st)
{
    *st = (struct stat){.st_dev = 1,
                        .st_ino = n->number,
                        .st_mode = S_IFREG | 0600,
                        .st_nlink = 1,
                        .st_uid = geteuid(),
                        .st_size = (off_t)n->len,
                        .st_mtim = {.tv_sec = EPOCH + n->written_ns / 1000000000,
                                    .tv_nsec = n->written_ns % 1000000000}};
}

/* NULL: it has to ask. */
static const struct belief *believed(const char *path)
{
    for (size_t i = 0; network && i < belief_count[current->index]; i++) {
        const struct belief *b = &beliefs[current->index][i];
        if (strcmp(b->path, path) == 0)
            return b->until_ns > now_ns ? b : NULL;
    }
    return NULL;
}

static void believe(const char *path, const struct inode *n)
{
    struct belief *list = network ? beliefs[current->index] : NULL, *b = NULL;
    size_t *count = &belief_count[current->index];
    for (size_t i = 0; list && i < *count && !b; i++)
        if (strcmp(list[i].path, path) == 0)
            b = &list[i];
    if (list && !b)
        b = &list[*count < REMEMBERED ? (*count)++ : world_random(REMEMBERED)];
    if (!b)
        return;
    snprintf(b->path, sizeof b->path, "%s", path);
    b->until_ns = now_ns + MEMORY_MS * INT64_C(1000000);
    b->absent = !n;
    if (n)
        describe(n, &b->st);
}

/* A folder that is opened tells whether something came. */
static void doubt_absences(void)
{
    for (size_t i = 0; i < belief_count[current->index]; i++)
        if (beliefs[current->index][i].absent)
            beliefs[current->index][i].until_ns = 0;
}

/* --- system calls --- */

static struct open_file *file_of(int fd)
{
    struct open_file *f = fd >= FIRST_FD ? &files[fd - FIRST_FD] : NULL;
    if (!f || !f->inode) {
        errno = EBADF;
        return NULL;
    }
    if (network && !*f->inode->path && !f->inode->folder) {
        errno = ESTALE;
        return NULL;
    }
    return f;
}

static void look(struct open_file *f)
{
    describe(f->inode, &f->seen);
}

static int open_inode(struct inode *n)
{
    for (int i = 0; i < FDS; i++)
        if (!files[i].inode) {
            files[i] = (struct open_file){.inode = n, .owner = current};
            look(&files[i]);
            n->open++;
            files_end = (size_t)i < files_end ? files_end : (size_t)i + 1;
            return FIRST_FD + i;
        }
    errno = EMFILE;
    return -1;
}

/* What /proc holds of the processes that there are. */
static int open_proc(const char *path)
{
    char text[256] = "";
    int pid = 0, used = 0;
    if (strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
        snprintf(text, sizeof text, "boot\n");
    else if (sscanf(path, "/proc/%d/stat%n", &pid, &used) == 1 && used && !path[used])
        for (size_t i = 0; i < process_count; i++)
            if (processes[i]->pid == pid && processes[i]->terraform_runs)
                snprintf(text, sizeof text,
                         "%d (terraform) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %lld 0\n", pid,
                         (long long)processes[i]->started);
    if (!*text) {
        errno = ENOENT;
        return -1;
    }
    struct inode *n = make("");
    n->folder = true;
    resize(n, strlen(text));
    memcpy(n->data, text, n->len);
    return open_inode(n);
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    if (!alive(NULL))
        return -1;
    if (strncmp(path, "/proc/", 6) == 0)
        return open_proc(path);
    if (path[strlen(path) - 1] == '/') {
        struct inode *folder = make("");
        folder->folder = true;
        doubt_absences();
        return open_inode(folder);
    }
    const struct belief *b = flags & O_CREAT ? NULL : believed(path);
    struct inode *n = b && b->absent ? NULL : find(path);
    if (!n && !(flags & O_CREAT)) {
        if (!b)
            believe(path, NULL);
        errno = ENOENT;
        return -1;
    }
    n = n ? n : make(path);
    believe(path, n);
    return open_inode(n);
}

int __wrap_mkostemp(char *path, int flags);
int __wrap_mkostemp(char *path, int flags)
{
    (void)flags;
    if (!alive(NULL))
        return -1;
    snprintf(path + strlen(path) - 6, 7, "%06u", (unsigned)numbers % 1000000);
    return open_inode(make(path));
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    struct open_file *f = file_of(fd);
    if (fd < FIRST_FD)
        return __real_close(fd);
    if (f)
        drop(f);
    return 0;
}

static ssize_t read_at(struct open_file *f, void *out, size_t n, size_t at)
{
    size_t left = f->inode->len > at ? f->inode->len - at : 0;
    n = n < left ? n : left;
    if (n)
        memcpy(out, f->inode->data + at, n);
    return (ssize_t)n;
}

ssize_t __wrap_pread(int fd, void *out, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *out, size_t n, off_t at)
{
    struct open_file *f = alive(NULL) ? file_of(fd) : NULL;
    return f ? read_at(f, out, n, (size_t)at) : -1;
}

ssize_t __wrap_read(int fd, void *out, size_t n);
ssize_t __wrap_read(int fd, void *out, size_t n)
{
    struct open_file *f = alive(NULL) ? file_of(fd) : NULL;
    ssize_t got = f ? read_at(f, out, n, f->at) : -1;
    if (got > 0)
        f->at += (size_t)got;
    return got;
}

/* A process that dies here leaves the beginning, or everything. */
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    bool fatal;
    struct open_file *f = alive(&fatal) ? file_of(fd) : NULL;
    if (!f)
        return -1;
    size_t part = fatal ? world_random((uint32_t)n + 1) : n;
    if (f->inode->len < (size_t)at + part)
        resize(f->inode, (size_t)at + part);
    memcpy(f->inode->data + at, bytes, part);
    f->inode->written_ns = now_ns;
    look(f);
    return fatal ? -1 : (ssize_t)n;
}

int __wrap_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len)
{
    struct open_file *f = alive(NULL) ? file_of(fd) : NULL;
    if (f) {
        resize(f->inode, (size_t)len);
        look(f);
    }
    return f ? 0 : -1;
}

int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
    struct open_file *f = alive(NULL) ? file_of(fd) : NULL;
    if (!f)
        return -1;
    if (!network)
        look(f);
    *st = f->seen;
    return 0;
}

int __wrap_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st)
{
    if (!alive(NULL))
        return -1;
    const struct belief *b = believed(path);
    if (!b) {
        const struct inode *n = find(path);
        believe(path, n);
        if (n)
            describe(n, st);
        errno = ENOENT;
        return n ? 0 : -1;
    }
    *st = b->st;
    errno = ENOENT;
    return b->absent ? -1 : 0;
}

int __wrap_flock(int fd, int how);
int __wrap_flock(int fd, int how)
{
    struct open_file *f = alive(NULL) ? file_of(fd) : NULL;
    if (!f)
        return -1;
    int index = fd - FIRST_FD;
    if (how & LOCK_UN) {
        f->inode->lock = f->inode->lock == index ? -1 : f->inode->lock;
        return 0;
    }
    if (f->inode->lock >= 0 && f->inode->lock != index) {
        errno = EWOULDBLOCK;
        return -1;
    }
    f->inode->lock = index;
    look(f); /* a lock is a moment of coherence, as opening is */
    return 0;
}

int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list ap;
    struct open_file *f = alive(NULL) ? file_of(fd) : NULL;
    va_start(ap, command);
    struct flock *lock = va_arg(ap, struct flock *);
    va_end(ap);
    if (!f || command != F_GETLK)
        return -1;
    lock->l_type = f->inode->state_lock ? F_WRLCK : F_UNLCK;
    lock->l_pid = f->inode->state_lock;
    return 0;
}

int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (!alive(NULL) || !find(from))
        return -1;
    world_remove(to);
    struct inode *n = find(from);
    snprintf(n->path, sizeof n->path, "%s", to);
    return 0;
}

int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    if (!alive(NULL))
        return -1;
    world_remove(path);
    return 0;
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return alive(NULL) && file_of(fd) ? 0 : -1;
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    return alive(NULL) && file_of(fd) ? 0 : -1;
}

char *__wrap_realpath(const char *path, char *out);
char *__wrap_realpath(const char *path, char *out)
{
    if (!alive(NULL) || *path != '/')
        return NULL;
    char *end = out;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p + 1, "/");
        if (n == 2 && strncmp(p, "/..", 3) == 0) {
            while (end > out && *--end != '/')
                continue;
        } else if (n > 0) {
            memcpy(end, p, n + 1);
            end += n + 1;
        }
        p += n + 1;
    }
    *end = '\0';
    /* There are no folders but by their names. */
    return find(out) || path[strlen(path) - 1] == '/' ? out : NULL;
}

/* The estates of the simulator are named without wildcards. */
int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *out);
int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *out)
{
    static char name[96];
    static char *names[] = {name, NULL};
    (void)flags;
    (void)error;
    *out = (glob_t){0};
    if (!alive(NULL))
        return GLOB_ABORTED;
    if (!find(pattern))
        return GLOB_NOMATCH;
    snprintf(name, sizeof name, "%s", pattern);
    out->gl_pathc = 1;
    out->gl_pathv = names;
    return 0;
}

void __wrap_globfree(glob_t *g);
void __wrap_globfree(glob_t *g)
{
    *g = (glob_t){0};
}

pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void)
{
    return current ? current->provider : 1;
}

pid_t __wrap_getppid(void);
pid_t __wrap_getppid(void)
{
    return current ? current->pid : 1;
}

ssize_t __wrap_readlink(const char *path, char *out, size_t n);
ssize_t __wrap_readlink(const char *path, char *out, size_t n)
{
    return snprintf(out, n, "%s", strncmp(path, "/proc/self/ns", 13) == 0 ? "pid:[1]" : "/binary");
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = (uint8_t)world_random(256);
    return (ssize_t)n;
}

time_t __wrap_time(time_t *out);
time_t __wrap_time(time_t *out)
{
    time_t t = EPOCH + now_ns / 1000000000;
    if (out)
        *out = t;
    return t;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    int64_t base = clock == CLOCK_REALTIME ? EPOCH : 0;
    *out = (struct timespec){.tv_sec = base + now_ns / 1000000000, .tv_nsec = now_ns % 1000000000};
    return 0;
}
