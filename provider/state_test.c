/*
 * Finding and reading states: every rule of the search, torn files, commands, backups.
 *
 * The program plays three parts. Copied to a folder under the name `terraform` it is the parent of
 * a provider: it sleeps, and its command line and its /proc/<pid>/exe are looked at. Run as
 * `... state pull` it is Terraform reading a backend, and FAKE_PULL says how well. Otherwise it is
 * the test. Time is the test's own, except where a child or a writer must really run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/arena.h"
#include "provider/state_internal.h"

extern char **environ;

#define EMPTY_STATE "{\"version\": 4, \"serial\": 1, \"lineage\": \"l\", \"resources\": []}\n"
/* A state with one VPC, told apart by its serial. */
#define STATE(serial)                                                                              \
    "{\"version\": 4, \"serial\": " #serial ", \"lineage\": \"l\", \"resources\": ["               \
    "{\"mode\": \"managed\", \"type\": \"aws_vpc\", \"name\": \"main\", \"provider\": "            \
    "\"provider[\\\"registry.terraform.io/hashicorp/aws\\\"]\", \"instances\": ["                  \
    "{\"attributes\": {\"id\": \"vpc-1\", \"cidr_block\": \"10.1.0.0/16\", "                       \
    "\"ipv6_cidr_block\": \"\"}}]}]}\n"
#define BACKEND(type, config)                                                                      \
    "{\"version\": 3, \"backend\": {\"type\": \"" type "\", \"config\": " config ", \"hash\": 1}}"

/* ---- Fixture ------------------------------------------------------------------------------- */

struct fixture {
    char dir[64];
    char path[PATH_MAX]; /* scratch of at() */
    pid_t parent;        /* the pretended Terraform; 0: none */
    struct state_search *search;
};

static const char *at(struct fixture *f, const char *name)
{
    snprintf(f->path, sizeof f->path, "%s/%s", f->dir, name);
    return f->path;
}

static void make_directory(struct fixture *f, const char *name)
{
    assert_int_equal(mkdir(at(f, name), 0700), 0);
}

/* In place, as Terraform writes. */
static void put(struct fixture *f, const char *name, const char *content)
{
    int fd = open(at(f, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

/* The time of the last change, in whole seconds and some nanoseconds. */
static void put_at(struct fixture *f, const char *name, const char *content, long seconds)
{
    put(f, name, content);
    struct timespec times[2] = {{seconds, 5}, {seconds, 5}};
    assert_int_equal(utimensat(AT_FDCWD, at(f, name), times, 0), 0);
}

static void forget_terraform(void)
{
    static const char *const names[] = {
        "TF_WORKSPACE",
        "TF_DATA_DIR",
        "TF_CLI_ARGS",
        "TF_CLI_ARGS_plan",
        "TF_CLI_ARGS_apply",
        "TF_CLI_CONFIG_FILE",
        "TF_REATTACH_PROVIDERS",
        "TF_PLUGIN_MAGIC_COOKIE",
        "PLUGIN_CLIENT_CERT",
        "TF_LOG",
        "FAKE_PULL",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
}

static int setup(void **p)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->dir, "/tmp/state_test.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    forget_terraform();
    *p = f;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void end_parent(struct fixture *f)
{
    if (f->parent) {
        kill(f->parent, SIGKILL);
        waitpid(f->parent, NULL, 0);
        f->parent = 0;
    }
}

static int teardown(void **p)
{
    struct fixture *f = *p;
    state_search_free(f->search);
    end_parent(f);
    forget_terraform();
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static void begin_with(struct fixture *f, struct state_options o)
{
    state_search_free(f->search);
    o.directory = f->dir;
    if (!o.parent) {
        o.parent = f->parent;
    }
    f->search = state_search_new(&o);
    assert_non_null(f->search);
}

static void begin(struct fixture *f)
{
    begin_with(f, (struct state_options){0});
}

static void expect_status(struct fixture *f, uint64_t now_ms, enum state_status wanted)
{
    enum state_status status = state_search_poll(f->search, now_ms);
    if (status != wanted) {
        fail_msg("status %d instead of %d: %s", (int)status, (int)wanted,
                 status == STATE_FAILED ? state_search_detail(f->search) : "");
    }
}

/* Takes the state of a search that is ready now; -1: it is empty. */
static int64_t take_serial(struct fixture *f, const char *origin)
{
    struct state *s = state_search_take(f->search);
    assert_non_null(s);
    assert_string_equal(state_origin(s), origin);
    int64_t serial = state_is_empty(s) ? -1 : state_serial(s);
    state_free(s);
    return serial;
}

static void expect_found(struct fixture *f, const char *origin, int64_t serial)
{
    begin(f);
    expect_status(f, 0, STATE_READY);
    assert_int_equal(take_serial(f, origin), serial);
}

static void expect_detail(struct fixture *f, const char *part)
{
    const char *detail = state_search_detail(f->search);
    if (!strstr(detail, part)) {
        fail_msg("\"%s\" is not in: %s", part, detail);
    }
}

static void expect_refused_now(struct fixture *f, const char *part)
{
    begin(f);
    expect_status(f, 0, STATE_FAILED);
    expect_detail(f, part);
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Polls in real time until something is decided. */
static enum state_status settle(struct fixture *f)
{
    enum state_status status;
    while ((status = state_search_poll(f->search, clock_ms())) == STATE_WAIT) {
        pause_ms(STATE_POLL_MS);
    }
    return status;
}

/* This program under the name bin/<name>, so that /proc/<pid>/exe says so. */
static void install_self(struct fixture *f, const char *name)
{
    char buffer[1 << 16];
    ssize_t n;
    int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int out = open(at(f, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buffer, sizeof buffer)) > 0) {
        assert_int_equal(write(out, buffer, (size_t)n), n);
    }
    assert_int_equal(n, 0);
    close(in);
    close(out);
}

/* A pretended Terraform with these arguments; the first is the name of its program. The spawn
 * returns within the exec, a moment before the new command line can be read. */
static void start_parent(struct fixture *f, const char *const *argv)
{
    char name[64];
    end_parent(f);
    if (access(at(f, argv[0]), X_OK) != 0) {
        install_self(f, argv[0]);
    }
    assert_int_equal(
        posix_spawn(&f->parent, at(f, argv[0]), NULL, NULL, (char **)(uintptr_t)argv, environ), 0);
    snprintf(name, sizeof name, "/proc/%d/cmdline", (int)f->parent);
    for (ssize_t n = 0; n <= 0;) {
        char c;
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        n = read(fd, &c, 1);
        close(fd);
    }
}
#define PARENT(f, ...) start_parent(f, (const char *const[]){__VA_ARGS__, NULL})

/* ---- The rules of the search --------------------------------------------------------------- */

static void default_place(void **p)
{
    struct fixture *f = *p;
    expect_found(f, "terraform.tfstate", -1);
    put(f, "terraform.tfstate", STATE(3));
    expect_found(f, "terraform.tfstate", 3);
    expect_status(f, 1, STATE_READY); /* stays so */
    put(f, "terraform.tfstate", EMPTY_STATE);
    put(f, "terraform.tfstate.backup", STATE(3));
    expect_found(f, "terraform.tfstate", -1); /* destroyed on purpose */
}

static void absolute_path_and_lineage(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate", STATE(3));
    begin(f);
    expect_status(f, 0, STATE_READY);
    struct state *s = state_search_take(f->search);
    assert_string_equal(state_path(s), at(f, "terraform.tfstate"));
    assert_string_equal(state_lineage(s), "l");
    state_free(s);
}

static void working_directory_is_getcwd(void **p)
{
    struct fixture *f = *p;
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    put(f, "terraform.tfstate", STATE(3));
    assert_int_equal(chdir(f->dir), 0);
    setenv("PWD", "/", 1); /* stale, as after -chdir */
    struct state_options o = {0};
    f->search = state_search_new(&o);
    enum state_status status = state_search_poll(f->search, 0);
    assert_int_equal(chdir(before), 0);
    setenv("PWD", before, 1);
    assert_int_equal(status, STATE_READY);
    assert_int_equal(take_serial(f, "terraform.tfstate"), 3);
}

static void workspace(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate", STATE(1));
    make_directory(f, "terraform.tfstate.d");
    make_directory(f, "terraform.tfstate.d/blue");
    put(f, "terraform.tfstate.d/blue/terraform.tfstate", STATE(2));
    make_directory(f, ".terraform");
    put(f, ".terraform/environment", " blue\n");
    expect_found(f, "terraform.tfstate.d/blue/terraform.tfstate", 2);
    put(f, ".terraform/environment", "");
    expect_found(f, "terraform.tfstate", 1);
    setenv("TF_WORKSPACE", "blue", 1);
    expect_found(f, "terraform.tfstate.d/blue/terraform.tfstate", 2);
    setenv("TF_WORKSPACE", "new", 1);
    expect_found(f, "terraform.tfstate.d/new/terraform.tfstate", -1);
    setenv("TF_WORKSPACE", "", 1);
    put(f, ".terraform/environment", "default");
    expect_found(f, "terraform.tfstate", 1);
}

static void workspace_names(void **p)
{
    struct fixture *f = *p;
    static const char *const bad[] = {"..", ".", "a/b", "../x", "a b", "a\nb", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("TF_WORKSPACE", bad[i], 1);
        expect_refused_now(f, "TF_WORKSPACE names the workspace");
    }
    char large[300];
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    setenv("TF_WORKSPACE", large, 1);
    expect_refused_now(f, "no name of a workspace");
    unsetenv("TF_WORKSPACE");
    make_directory(f, ".terraform");
    put(f, ".terraform/environment", "../../etc");
    expect_refused_now(f, ".terraform/environment names the workspace \"../../etc\"");
}

static void data_directory(void **p)
{
    struct fixture *f = *p;
    make_directory(f, "data");
    put(f, "data/terraform.tfstate", BACKEND("local", "{\"path\": \"x.tfstate\"}"));
    put(f, "x.tfstate", STATE(5));
    setenv("TF_DATA_DIR", "data", 1);
    expect_found(f, "x.tfstate", 5);
    setenv("TF_DATA_DIR", at(f, "data"), 1);
    expect_found(f, "x.tfstate", 5);
    unsetenv("TF_DATA_DIR");
    expect_found(f, "terraform.tfstate", -1);
}

static void backend_configuration(void **p)
{
    struct fixture *f = *p;
    static const char *const unreadable[] = {
        "",
        "{",
        "[]",
        "{\"backend\": 1}",
        "{\"backend\": {\"type\": 1}}",
        "{\"backend\": {\"type\": \"local\", \"config\": 1}}",
        "{\"backend\": {\"type\": \"local\", \"config\": {\"path\": 1}}}",
        "{\"backend\": {\"type\": \"local\", \"config\": {\"workspace_dir\": []}}}",
    };
    make_directory(f, ".terraform");
    make_directory(f, "ws");
    make_directory(f, "ws/blue");
    put(f, "ws/blue/terraform.tfstate", STATE(6));
    put(f, "x.tfstate", STATE(5));
    put(f, ".terraform/terraform.tfstate",
        BACKEND("local", "{\"path\": \"x.tfstate\", \"workspace_dir\": \"ws\"}"));
    expect_found(f, "x.tfstate", 5);
    setenv("TF_WORKSPACE", "blue", 1);
    expect_found(f, "ws/blue/terraform.tfstate", 6);
    unsetenv("TF_WORKSPACE");
    put(f, ".terraform/terraform.tfstate",
        BACKEND("local", "{\"path\": null, \"workspace_dir\": null}"));
    expect_found(f, "terraform.tfstate", -1);
    put(f, ".terraform/terraform.tfstate", "{\"version\": 3}");
    expect_found(f, "terraform.tfstate", -1);
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++) {
        put(f, ".terraform/terraform.tfstate", unreadable[i]);
        expect_refused_now(f, ".terraform/terraform.tfstate: ");
    }
}

static void explicit_path(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate", STATE(1));
    put(f, "mine", STATE(2));
    PARENT(f, "terraform", "plan", "-state=other");
    begin_with(f, (struct state_options){.path = "mine"});
    expect_status(f, 0, STATE_READY);
    assert_int_equal(take_serial(f, "mine"), 2);
    char *absolute = strdup(at(f, "mine"));
    begin_with(f, (struct state_options){.path = absolute});
    expect_status(f, 0, STATE_READY);
    assert_int_equal(take_serial(f, absolute), 2);
    free(absolute);
}

static void state_argument(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate", STATE(1));
    put(f, "a.tfstate", STATE(2));
    put(f, "b.tfstate", STATE(3));
    PARENT(f, "terraform", "-chdir=/x", "plan", "-state=a.tfstate");
    expect_found(f, "a.tfstate", 2);
    PARENT(f, "terraform", "apply", "-auto-approve", "-state", "a.tfstate", "--state", "b.tfstate");
    expect_found(f, "b.tfstate", 3);
    PARENT(f, "terraform", "apply", "--state=b.tfstate", "-state-out=c", "-state=a.tfstate");
    setenv("TF_WORKSPACE", "blue", 1); /* -state= wins in every workspace */
    expect_found(f, "a.tfstate", 2);
    unsetenv("TF_WORKSPACE");
    PARENT(f, "terraform", "apply", "--", "-state=a.tfstate");
    expect_found(f, "terraform.tfstate", 1);
    PARENT(f, "tofu-wrapped", "apply", "-state=a.tfstate");
    expect_found(f, "a.tfstate", 2);
    PARENT(f, "some-shell", "apply", "-state=a.tfstate"); /* no Terraform */
    expect_found(f, "terraform.tfstate", 1);
    PARENT(f, "terraform-provider-x", "apply", "-state=a.tfstate");
    expect_found(f, "terraform.tfstate", 1);
    PARENT(f, "some-shell", "apply", "-state=a.tfstate");
    setenv("TF_PLUGIN_MAGIC_COOKIE", "x", 1); /* whatever it is called */
    expect_found(f, "a.tfstate", 2);
}

static void arguments_in_the_environment(void **p)
{
    struct fixture *f = *p;
    put(f, "a.tfstate", STATE(2));
    put(f, "b c.tfstate", STATE(3));
    put(f, "d.tfstate", STATE(4));
    PARENT(f, "terraform", "plan");
    setenv("TF_CLI_ARGS_apply", "-state=d.tfstate", 1);
    expect_found(f, "terraform.tfstate", -1);
    setenv("TF_CLI_ARGS_plan", "-parallelism=5 -state=a.tfstate", 1);
    expect_found(f, "a.tfstate", 2);
    setenv("TF_CLI_ARGS", "'-state=b c.tfstate'  -no-color", 1); /* beats the command's own */
    expect_found(f, "b c.tfstate", 3);
    setenv("TF_CLI_ARGS", "-state \"b\\ c.tfstate\"", 1);
    expect_found(f, "b c.tfstate", 3);
    setenv("TF_CLI_ARGS", " -state=b\\ c'.tf'\"state\" ", 1);
    expect_found(f, "b c.tfstate", 3);
    setenv("TF_CLI_ARGS", "\"\" '' -x\\", 1);
    expect_found(f, "a.tfstate", 2);
    PARENT(f, "terraform", "plan", "-state=d.tfstate"); /* the command line beats both */
    expect_found(f, "d.tfstate", 4);
}

static void terraform_test_has_its_own_states(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate", STATE(1));
    PARENT(f, "terraform", "-chdir=x", "test", "-verbose");
    expect_found(f, "the memory of `terraform test`", -1);
}

/* A process that works on a state, as far as the lock tells. */
static pid_t hold_lock(struct fixture *f, const char *name)
{
    int ready[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(at(f, name), O_RDWR);
        if (fcntl(fd, F_SETLK, &lock) == 0 && write(ready[1], "x", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

static void end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void lock_tells_the_state(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate", STATE(1));
    put(f, "a.tfstate", STATE(2));
    put(f, ".b", STATE(3));
    put(f, ".a.tfstate.lock.info", "{\"ID\": \"x\", \"Path\": \"a.tfstate\"}");
    put(f, ".b.lock.info", "{\"ID\": \"x\", \"Path\": \".b\"}");
    put(f, ".c.lock.info", "garbage");
    PARENT(f, "some-shell");
    expect_found(f, "terraform.tfstate", 1); /* notes without a lock are left-overs */
    pid_t a = hold_lock(f, "a.tfstate");
    expect_found(f, "a.tfstate", 2);
    pid_t b = hold_lock(f, ".b");
    expect_refused_now(f, "nothing says which one");
    pid_t expected = hold_lock(f, "terraform.tfstate");
    expect_found(f, "terraform.tfstate", 1); /* somebody works on the expected one */
    end_process(expected);
    end_process(a);
    expect_found(f, ".b", 3);
    PARENT(f, "terraform", "plan"); /* a known command line says all */
    expect_found(f, "terraform.tfstate", 1);
    end_process(b);
}

/* ---- Files that are not whole -------------------------------------------------------------- */

static void half_a_file(void **p)
{
    struct fixture *f = *p;
    char half[] = STATE(2);
    half[sizeof half / 2] = '\0';
    put(f, "terraform.tfstate", half);
    begin(f);
    expect_status(f, 100, STATE_WAIT);
    expect_status(f, 105, STATE_WAIT);
    put(f, "terraform.tfstate", "");
    expect_status(f, 110, STATE_WAIT);
    put(f, "terraform.tfstate", STATE(2));
    expect_status(f, 115, STATE_READY);
    assert_int_equal(take_serial(f, "terraform.tfstate"), 2);

    put(f, "terraform.tfstate", half);
    begin(f);
    expect_status(f, 100, STATE_WAIT);
    expect_status(f, 100 + STATE_PATIENCE_MS - 1, STATE_WAIT);
    expect_status(f, 100 + STATE_PATIENCE_MS, STATE_FAILED);
    expect_detail(f, "terraform.tfstate (");
    expect_detail(f, "ends in the middle");
    expect_detail(f, "terraform.tfstate.backup");
    expect_status(f, 100 + STATE_PATIENCE_MS, STATE_FAILED);
}

static void garbage(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate", "\x1b[31mgarbage\xff\n");
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    expect_status(f, STATE_PATIENCE_MS, STATE_FAILED);
    expect_detail(f, "no JSON at byte 0");
    put(f, "terraform.tfstate", "{\"version\": 4, \"resources\": [7]}");
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    expect_status(f, STATE_PATIENCE_MS, STATE_FAILED);
    expect_detail(f, "resources[0]: expected an object");
}

static void first_run(void **p)
{
    struct fixture *f = *p;
    /* Without a lock nothing tells a first run from a rewrite, but time. */
    put_at(f, "terraform.tfstate", "", 1000);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    expect_status(f, STATE_PATIENCE_MS, STATE_READY);
    assert_int_equal(take_serial(f, "terraform.tfstate"), -1);
    /* Made together with the note about the lock: believed at once. */
    put_at(f, ".terraform.tfstate.lock.info", "{}", 1000);
    expect_found(f, "terraform.tfstate", -1);
    /* Not written since the lock was taken, but older than it: believed when it stays so. */
    put_at(f, ".terraform.tfstate.lock.info", "{}", 1001);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    expect_status(f, STATE_POLL_MS, STATE_WAIT);
    expect_status(f, STATE_STEADY_MS, STATE_READY);
    assert_int_equal(take_serial(f, "terraform.tfstate"), -1);
    put(f, "terraform.tfstate.backup", EMPTY_STATE);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    expect_status(f, STATE_STEADY_MS, STATE_READY);
    assert_int_equal(take_serial(f, "terraform.tfstate"), -1);
}

static void rewritten_to_nothing(void **p)
{
    struct fixture *f = *p;
    put_at(f, ".terraform.tfstate.lock.info", "{}", 999);
    put_at(f, "terraform.tfstate", "", 1000);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    expect_status(f, STATE_PATIENCE_MS, STATE_FAILED);
    expect_detail(f, "written after the lock was taken");
    /* No lock, but it moves. */
    assert_int_equal(unlink(at(f, ".terraform.tfstate.lock.info")), 0);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    put_at(f, "terraform.tfstate", "", 1001);
    expect_status(f, STATE_PATIENCE_MS, STATE_FAILED);
    expect_detail(f, "rm terraform.tfstate");
}

/* A file system that counts whole seconds cannot say what came first within one. */
static void coarse_clocks_prove_nothing(void **p)
{
    struct fixture *f = *p;
    struct timespec times[2] = {{1000, 0}, {1000, 0}};
    put(f, ".terraform.tfstate.lock.info", "{}");
    put(f, "terraform.tfstate", "");
    utimensat(AT_FDCWD, at(f, "terraform.tfstate"), times, 0);
    utimensat(AT_FDCWD, at(f, ".terraform.tfstate.lock.info"), times, 0);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    put(f, "terraform.tfstate", STATE(4));
    expect_status(f, 5, STATE_READY);
}

static void expect_lost(struct fixture *f)
{
    begin(f);
    enum state_status status = state_search_poll(f->search, 0);
    if (status == STATE_WAIT) /* 0 bytes have to stay so for a while */
        status = state_search_poll(f->search, STATE_STEADY_MS);
    assert_int_equal(status, STATE_FAILED);
    assert_string_equal(state_search_summary(f->search), "The Terraform state was lost");
}

static void lost_state(void **p)
{
    struct fixture *f = *p;
    put_at(f, "terraform.tfstate", "", 1000);
    put_at(f, ".terraform.tfstate.lock.info", "{}", 1001);
    put(f, "terraform.tfstate.backup", STATE(9));
    expect_lost(f);
    expect_detail(f, "terraform.tfstate is empty (0 bytes), but terraform.tfstate.backup holds 1 "
                     "managed resource instances (serial 9)");
    expect_detail(f, "  aws_vpc.main: cidr_block = 10.1.0.0/16\n");
    expect_detail(f, "cp terraform.tfstate.backup terraform.tfstate\n");
    expect_detail(f, "terraform state push terraform.tfstate.backup\n");
    expect_detail(f, "mv terraform.tfstate.backup terraform.tfstate.backup.old");
    /* What the message says helps. */
    assert_int_equal(unlink(at(f, "terraform.tfstate.backup")), 0);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    expect_status(f, STATE_STEADY_MS, STATE_READY);
    assert_int_equal(take_serial(f, "terraform.tfstate"), -1);
    put(f, "terraform.tfstate", STATE(9));
    expect_found(f, "terraform.tfstate", 9);
    /* The same without a file. */
    assert_int_equal(unlink(at(f, "terraform.tfstate")), 0);
    expect_found(f, "terraform.tfstate", -1);
    put(f, "terraform.tfstate.backup", STATE(9));
    expect_lost(f);
    expect_detail(f, "terraform.tfstate does not exist, but");
}

/* A rewrite that begins while the file is looked at: already empty, still with the old time. */
static void not_lost_but_being_rewritten(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate.backup", STATE(9));
    put_at(f, ".terraform.tfstate.lock.info", "{}", 1001);
    put_at(f, "terraform.tfstate", "", 1000);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    put_at(f, "terraform.tfstate", "", 1002);
    expect_status(f, STATE_POLL_MS, STATE_WAIT);
    put(f, "terraform.tfstate", STATE(10));
    expect_status(f, 2 * STATE_POLL_MS, STATE_READY);
    assert_int_equal(take_serial(f, "terraform.tfstate"), 10);
}

static void lost_state_with_a_bad_backup(void **p)
{
    struct fixture *f = *p;
    static const struct {
        const char *content, *part;
    } cases[] = {
        {"", "cannot be read: it is empty, too"},
        {"{\"version\": 4, ", "cannot be read: it ends in the middle"},
        {"{\"encrypted_data\": \"x\"}", "cannot be read: encrypted by OpenTofu"},
    };
    put_at(f, "terraform.tfstate", "", 1000);
    put_at(f, ".terraform.tfstate.lock.info", "{}", 1001);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(f, "terraform.tfstate.backup", cases[i].content);
        expect_lost(f);
        expect_detail(f, cases[i].part);
    }
    assert_int_equal(unlink(at(f, "terraform.tfstate.backup")), 0);
    make_directory(f, "terraform.tfstate.backup");
    expect_lost(f);
    expect_detail(f, "it is a directory");
}

static void commands_can_be_pasted(void **p)
{
    struct fixture *f = *p;
    put(f, "it's.tfstate.backup", STATE(9));
    PARENT(f, "terraform", "plan", "-state=it's.tfstate");
    expect_lost(f);
    expect_detail(f, "cp 'it'\\''s.tfstate.backup' 'it'\\''s.tfstate'\n");
}

static void things_that_are_no_file(void **p)
{
    struct fixture *f = *p;
    make_directory(f, "d");
    assert_int_equal(mkfifo(at(f, "fifo"), 0600), 0);
    put(f, "real", STATE(4));
    assert_int_equal(symlink("real", at(f, "link")), 0);
    assert_int_equal(symlink("loop", at(f, "loop")), 0);
    static const struct {
        const char *path, *part;
    } cases[] = {
        {"d", "it is a directory"},
        {"fifo", "it is not a regular file"},
        {"/dev/zero", "it is not a regular file"},
        {"loop", "symbolic links"},
        {"real/below", "Not a directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_with(f, (struct state_options){.path = cases[i].path});
        expect_status(f, 0, STATE_FAILED);
        expect_detail(f, cases[i].part);
    }
    begin_with(f, (struct state_options){.path = "link"});
    expect_status(f, 0, STATE_READY);
    assert_int_equal(take_serial(f, "link"), 4);
    begin_with(f, (struct state_options){.path = "real", .max_bytes = 100});
    expect_status(f, 0, STATE_FAILED);
    expect_detail(f, "more than the 100 allowed");
}

/* The reader compares with pread what it read before; this one lets something happen in between. */
static void (*between_reads)(struct fixture *f);
static struct fixture *between_fixture;

ssize_t pread(int fd, void *buffer, size_t count, off_t offset)
{
    if (between_reads) {
        void (*once)(struct fixture * f) = between_reads;
        between_reads = NULL;
        once(between_fixture);
    }
    return syscall(SYS_pread64, fd, buffer, count, offset);
}

/* Another version of the same length within the same tick of the clock. */
static void rewrite_within_a_tick(struct fixture *f)
{
    put_at(f, "terraform.tfstate", STATE(2), 1000);
}

static void shrink_within_a_tick(struct fixture *f)
{
    put_at(f, "terraform.tfstate", "", 1000);
}

static void grow_within_a_tick(struct fixture *f)
{
    put_at(f, "terraform.tfstate", STATE(2) " ", 1000);
}

static void rewritten_between_two_reads(void **p)
{
    struct fixture *f = *p;
    static void (*const events[])(struct fixture *) = {rewrite_within_a_tick, shrink_within_a_tick,
                                                       grow_within_a_tick};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        put_at(f, "terraform.tfstate", STATE(1), 1000);
        between_fixture = f;
        between_reads = events[i];
        begin(f);
        expect_status(f, 0, STATE_WAIT);
        assert_null(between_reads);
        put_at(f, "terraform.tfstate", STATE(2), 1000);
        expect_status(f, 5, STATE_READY);
        assert_int_equal(take_serial(f, "terraform.tfstate"), 2);
    }
}

static void never_still(void **p)
{
    struct fixture *f = *p;
    put_at(f, "terraform.tfstate", STATE(1), 1000);
    between_fixture = f;
    begin(f);
    between_reads = rewrite_within_a_tick;
    expect_status(f, 0, STATE_WAIT);
    put_at(f, "terraform.tfstate", STATE(1), 1000);
    between_reads = rewrite_within_a_tick;
    expect_status(f, STATE_PATIENCE_MS, STATE_FAILED);
    expect_detail(f, "has been changing for 5 seconds");
}

/* Rewrites the state in place for ever, each version with its serial in many places. */
static void rewrite_for_ever(struct fixture *f)
{
    static char text[1 << 17];
    int fd = open(at(f, "terraform.tfstate"), O_RDWR);
    for (unsigned version = 1;; version++) {
        int n = sprintf(text, "{\"version\": 4, \"serial\": %u, \"resources\": [", version);
        for (unsigned i = 0; i < 200 + version % 100; i++) {
            n += sprintf(text + n,
                         "%s{\"mode\": \"managed\", \"type\": \"t\", \"name\": \"n%u\", "
                         "\"provider\": \"provider.p\", \"instances\": [{\"schema_version\": %u, "
                         "\"attributes\": {}}]}",
                         i ? ",\n" : "", i, version);
        }
        n += sprintf(text + n, "]}\n");
        if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
            _exit(1);
        }
        if (version % 2) {
            pause_ms(1);
        }
        /* Sometimes in two steps, so that a half can be seen. */
        int half = version % 3 ? n : n / 2;
        if (write(fd, text, (size_t)half) != half ||
            write(fd, text + half, (size_t)(n - half)) < 0) {
            _exit(1);
        }
        if (version % 5 == 0) {
            pause_ms(1);
        }
    }
}

struct one_version {
    int64_t serial;
    size_t count;
};

static bool same_version(void *ctx, const struct state_instance *i)
{
    struct one_version *v = ctx;
    v->count++;
    return i->schema_version == v->serial;
}

static void never_a_mixture(void **p)
{
    struct fixture *f = *p;
    put(f, "terraform.tfstate", "");
    pid_t writer = fork();
    if (writer == 0) {
        rewrite_for_ever(f);
    }
    unsigned read = 0, waits = 0;
    int64_t first = 0, last = 0;
    for (uint64_t end = clock_ms() + 1500; clock_ms() < end; read++) {
        enum state_status status;
        begin(f);
        while ((status = state_search_poll(f->search, clock_ms())) == STATE_WAIT) {
            waits++;
            pause_ms(1);
        }
        if (status != STATE_READY) {
            end_process(writer);
            fail_msg("%s", state_search_detail(f->search));
        }
        struct state *s = state_search_take(f->search);
        struct one_version v = {state_serial(s), 0};
        bool ok = state_each(s, same_version, &v) && v.count == 200 + (size_t)(v.serial % 100) &&
                  v.serial >= last;
        first = first ? first : v.serial;
        last = v.serial;
        state_free(s);
        if (!ok) {
            end_process(writer);
            fail_msg("a mixture: serial %lld, %zu instances", (long long)v.serial, v.count);
        }
    }
    end_process(writer);
    print_message("%u states read, %u times waited, versions %lld to %lld\n", read, waits,
                  (long long)first, (long long)last);
    assert_true(read > 10 && waits > 0 && last > first);
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void use_backend(struct fixture *f, const char *content)
{
    make_directory(f, ".terraform");
    put(f, ".terraform/terraform.tfstate", content);
}

static void expect_pulled(struct fixture *f, const char *how, int64_t serial)
{
    setenv("FAKE_PULL", how, 1);
    begin(f);
    if (settle(f) != STATE_READY) {
        fail_msg("%s", state_search_detail(f->search));
    }
    struct state *s = state_search_take(f->search);
    assert_null(state_path(s));
    assert_string_equal(state_origin(s), "the state that backend \"s3\" holds");
    assert_int_equal(state_is_empty(s) ? -1 : state_serial(s), serial);
    state_free(s);
}

static void expect_pull_refused(struct fixture *f, const char *how, const char *part)
{
    setenv("FAKE_PULL", how, 1);
    begin(f);
    assert_int_equal(settle(f), STATE_FAILED);
    expect_detail(f, part);
}

static void pull(void **p)
{
    struct fixture *f = *p;
    use_backend(f, BACKEND("s3", "{}"));
    PARENT(f, "terraform", "plan");
    expect_pulled(f, "good", 8);
    expect_pulled(f, "large", 8);
    expect_pulled(f, "nothing", -1);
    expect_pulled(f, "empty", -1);
    expect_pull_refused(f, "error", "`terraform state pull` failed with exit code 3:\nno ?way? ?(");
    expect_pull_refused(f, "silent", "`terraform state pull` failed with exit code 4 and said");
    expect_pull_refused(f, "killed", "`terraform state pull` was ended by signal 9");
    expect_pull_refused(f, "half", "is no whole state: it ends in the middle");
    expect_pull_refused(f, "lie", "failed with exit code 5"); /* a whole state, but an error */
}

static void pull_of_newer_kinds_of_backends(void **p)
{
    struct fixture *f = *p;
    use_backend(f, BACKEND("cloud", "{}"));
    PARENT(f, "terraform", "plan", "-state=ignored");
    setenv("FAKE_PULL", "good", 1);
    begin(f);
    assert_int_equal(settle(f), STATE_READY);
    assert_int_equal(take_serial(f, "the state that backend \"cloud\" holds"), 8);
    put(f, ".terraform/terraform.tfstate", "{\"state_store\": {\"type\": \"x_y\"}}");
    begin(f);
    assert_int_equal(settle(f), STATE_READY);
    assert_int_equal(take_serial(f, "the state that backend \"state_store\" holds"), 8);
}

static void pull_that_hangs(void **p)
{
    struct fixture *f = *p;
    use_backend(f, BACKEND("s3", "{}"));
    PARENT(f, "terraform", "plan");
    setenv("FAKE_PULL", "hang", 1);
    begin(f);
    expect_status(f, 1000, STATE_WAIT);
    while (access(at(f, "pid"), F_OK) != 0) {
        expect_status(f, 1000 + STATE_CHILD_MS - 1, STATE_WAIT);
        pause_ms(1);
    }
    expect_status(f, 1000 + STATE_CHILD_MS, STATE_FAILED);
    expect_detail(f, "did not end within 60 seconds");
    char pid[32] = "";
    FILE *file = fopen(at(f, "pid"), "r");
    assert_non_null(file);
    assert_non_null(fgets(pid, sizeof pid, file));
    fclose(file);
    assert_int_equal(kill(atoi(pid), 0), -1); /* gone, not a zombie */
    assert_int_equal(errno, ESRCH);
    /* A search that is given up ends its child, too. */
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    state_search_free(f->search);
    f->search = NULL;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* only the pretended Terraform is left */
}

static void pull_that_never_ends_writing(void **p)
{
    struct fixture *f = *p;
    use_backend(f, BACKEND("s3", "{}"));
    PARENT(f, "terraform", "plan");
    setenv("FAKE_PULL", "huge", 1);
    begin_with(f, (struct state_options){.max_bytes = 3 << 20});
    assert_int_equal(settle(f), STATE_FAILED);
    expect_detail(f, "printed more than the 3145728 bytes allowed");
    /* Errors are read to the end but not kept. */
    setenv("FAKE_PULL", "complaints", 1);
    begin(f);
    assert_int_equal(settle(f), STATE_FAILED);
    expect_detail(f, "failed with exit code 6:\ncomplaint\n");
    assert_true(strlen(state_search_detail(f->search)) < 20000);
}

/* What the child found in itself: see report_inheritance. */
static void pull_inherits_little(void **p)
{
    struct fixture *f = *p;
    char seen[4096] = "";
    int open_above = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as Terraform's may be */
    use_backend(f, BACKEND("s3", "{}"));
    PARENT(f, "terraform", "plan");
    setenv("TF_CLI_ARGS", "-parallelism=5", 1);
    setenv("TF_CLI_ARGS_state_pull", "-x", 1);
    setenv("TF_REATTACH_PROVIDERS", "{}", 1);
    setenv("TF_PLUGIN_MAGIC_COOKIE", "x", 1);
    setenv("PLUGIN_CLIENT_CERT", "x", 1);
    setenv("TF_LOG", "trace", 1);
    setenv("TF_WORKSPACE", "blue", 1);
    put(f, "rc", "");
    char *pwd = strdup(getenv("PWD") ? getenv("PWD") : "/");
    setenv("PWD", f->dir, 1);
    setenv("TF_CLI_CONFIG_FILE", "rc", 1);
    signal(SIGINT, SIG_IGN);
    expect_pulled(f, "report", 8);
    signal(SIGINT, SIG_DFL);
    setenv("PWD", pwd, 1);
    unsetenv("TF_CLI_ARGS_state_pull");
    free(pwd);
    close(open_above);
    FILE *file = fopen(at(f, "seen"), "r");
    assert_non_null(file);
    assert_true(fread(seen, 1, sizeof seen - 1, file) > 0);
    fclose(file);
    char wanted[256];
    snprintf(wanted, sizeof wanted,
             "args=state pull -no-color\nTF_CLI_CONFIG_FILE=%s/rc\nTF_WORKSPACE=blue\n"
             "group=own\ninterrupt=default\ndescriptors=0 1 2\n",
             f->dir);
    assert_string_equal(seen, wanted);
}

static void pull_without_a_terraform_parent(void **p)
{
    struct fixture *f = *p;
    char *path = strdup(getenv("PATH"));
    use_backend(f, BACKEND("s3", "{}"));
    PARENT(f, "some-shell");
    make_directory(f, "bin");
    setenv("PATH", at(f, "bin"), 1);
    begin(f);
    enum state_status none = state_search_poll(f->search, 0);
    const char *detail = none == STATE_FAILED ? state_search_detail(f->search) : "";
    bool explained = strstr(detail, "Put terraform or tofu into PATH") &&
                     strstr(detail, "state { path = \"...\" }");
    put(f, "bin/tofu", "#!/bin/sh\n[ \"$1 $2\" = 'state pull' ] && echo '" EMPTY_STATE "'");
    chmod(at(f, "bin/tofu"), 0700);
    begin(f);
    enum state_status found = settle(f);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(none, STATE_FAILED);
    assert_true(explained);
    assert_int_equal(found, STATE_READY);
    assert_int_equal(take_serial(f, "the state that backend \"s3\" holds"), -1);
}

static void encrypted_file(void **p)
{
    struct fixture *f = *p;
    PARENT(f, "tofu", "plan");
    put(f, "terraform.tfstate",
        "{\"serial\": 1, \"encrypted_data\": \"x\", \"encryption_version\": \"v0\"}");
    setenv("FAKE_PULL", "good", 1);
    begin(f);
    assert_int_equal(settle(f), STATE_READY);
    struct state *s = state_search_take(f->search);
    assert_int_equal(state_serial(s), 8);
    assert_string_equal(state_path(s), at(f, "terraform.tfstate"));
    state_free(s);
    /* `state pull` reads the local file as unluckily as we do: again, then refused. */
    setenv("FAKE_PULL", "once", 1);
    begin(f);
    assert_int_equal(settle(f), STATE_READY);
    assert_int_equal(take_serial(f, "terraform.tfstate"), 8);
    setenv("FAKE_PULL", "nothing", 1);
    begin(f);
    expect_status(f, 0, STATE_WAIT);
    enum state_status status;
    while ((status = state_search_poll(f->search, STATE_PATIENCE_MS)) == STATE_WAIT) {
        pause_ms(1);
    }
    assert_int_equal(status, STATE_FAILED);
    expect_detail(f, "printed nothing, which does not say that the state is empty");
    /* and it does not know -state= */
    PARENT(f, "tofu", "plan", "-state=terraform.tfstate");
    expect_refused_now(f, "state { command = [...] }");
}

static void users_command(void **p)
{
    struct fixture *f = *p;
    static const char *const cat[] = {"cat", "x.tfstate", NULL};
    static const char *const none[] = {"no-such-command-here", NULL};
    put(f, "x.tfstate", STATE(4));
    put(f, "terraform.tfstate", STATE(1));
    begin_with(f, (struct state_options){.command = cat});
    assert_int_equal(settle(f), STATE_READY);
    assert_int_equal(take_serial(f, "the output of `cat`"), 4);
    put(f, "x.tfstate", "");
    begin_with(f, (struct state_options){.command = cat});
    assert_int_equal(settle(f), STATE_FAILED);
    expect_detail(f, "`cat` ended well and printed nothing");
    assert_int_equal(unlink(at(f, "x.tfstate")), 0);
    begin_with(f, (struct state_options){.command = cat});
    assert_int_equal(settle(f), STATE_FAILED);
    expect_detail(f, "`cat` failed with exit code 1:\ncat: x.tfstate");
    begin_with(f, (struct state_options){.command = none});
    expect_status(f, 0, STATE_FAILED);
    expect_detail(f, "`no-such-command-here` cannot be started: No such file");
}

/* ---- Backups ------------------------------------------------------------------------------- */

static void backups_newest_first(void **p)
{
    struct fixture *f = *p;
    put_at(f, "s.tfstate.backup", STATE(30), 3000);
    put_at(f, "s.tfstate.1700000001.backup", STATE(40), 4000);
    put_at(f, "s.tfstate.1700000000.backup", STATE(20), 2000);
    put_at(f, "s.tfstate.1700000002.backup", "torn", 5000);
    put_at(f, "s.tfstate.x.backup", STATE(90), 9000);
    put_at(f, "s.tfstate.1.backup.old", STATE(90), 9000);
    put_at(f, "other.tfstate.backup", STATE(90), 9000);
    put_at(f, "s.tfstate", STATE(90), 9000);
    make_directory(f, "s.tfstate.7.backup");
    static const int64_t wanted[] = {40, 30, 20};
    char path[PATH_MAX];
    strcpy(path, at(f, "s.tfstate"));
    for (unsigned i = 0; i < 3; i++) {
        struct state *s = state_backup(path, i);
        assert_non_null(s);
        assert_int_equal(state_serial(s), wanted[i]);
        assert_ptr_equal(strstr(state_path(s), path), state_path(s));
        state_free(s);
    }
    assert_null(state_backup(path, 3));
    assert_null(state_backup(path, UINT_MAX));
    assert_null(state_backup(at(f, "none"), 0));
    assert_null(state_backup(at(f, "no/such/folder"), 0));
}

/* ---- Out of memory ------------------------------------------------------------------------- */

/* Each allocation of the arena fails once; the answer is a refusal, and nothing leaks. */
static void every_allocation_may_fail(void **p)
{
    struct fixture *f = *p;
    enum state_status status = STATE_FAILED;
    size_t refused = 0;
    PARENT(f, "terraform", "plan");
    use_backend(f, BACKEND("local", "{\"path\": \"x.tfstate\"}"));
    put(f, "x.tfstate.backup", STATE(9));
    setenv("TF_CLI_ARGS", "-a -b", 1);
    for (size_t n = 1; n < 1000; n++) {
        struct state_options o = {.directory = f->dir, .parent = f->parent};
        arena_fail_after(n);
        struct state_search *search = state_search_new(&o);
        bool lost = false;
        if (search) {
            status = state_search_poll(search, 0);
            lost = strcmp(state_search_summary(search), "The Terraform state was lost") == 0;
            refused += strcmp(state_search_detail(search), "Out of memory while it was read.") == 0;
        }
        arena_fail_after(0);
        state_search_free(search);
        assert_int_equal(status, STATE_FAILED);
        if (lost) {
            break;
        }
        assert_true(n < 999);
    }
    assert_true(refused > 10);
}

/* ---- The real Terraform -------------------------------------------------------------------- */

static int shell(struct fixture *f, const char *command)
{
    char line[PATH_MAX + 1024];
    snprintf(line, sizeof line, "cd %s && { %s; } >>log 2>&1", f->dir, command);
    return system(line);
}

static void need_terraform(struct fixture *f)
{
    put(f, "main.tf",
        "resource \"terraform_data\" \"a\" {\n  count = 2\n  input = "
        "\"10.${count.index}.0.0/16\"\n}\n"
        "resource \"terraform_data\" \"b\" {\n"
        "  for_each = toset([\"x\\\"y\\\\z\", \"$${d}\", \"%%{e}$f\", \"a\\nb\\tc\", \"\u00e9\"])\n"
        "  input = each.key\n}\n"
        "module \"m\" {\n  for_each = toset([\"k.1\"])\n  source = \"./m\"\n}\n");
    make_directory(f, "m");
    put(f, "m/main.tf", "resource \"terraform_data\" \"c\" {\n}\n");
    if (shell(f, "terraform version") != 0) {
        fail_msg("this test needs terraform, which is not in PATH");
    }
    assert_int_equal(shell(f, "terraform init -no-color"), 0);
}

static bool add_line(void *ctx, const struct state_instance *i)
{
    assert_string_equal(i->type, "terraform_data");
    assert_string_equal(i->provider, "terraform.io/builtin/terraform");
    assert_non_null(json_object_object_get(i->attributes, "id"));
    fprintf(ctx, "%s\n", i->address);
    return true;
}

static void real_state(void **p)
{
    struct fixture *f = *p;
    need_terraform(f);
    assert_int_equal(shell(f, "terraform apply -no-color -auto-approve"), 0);
    begin(f);
    expect_status(f, 0, STATE_READY);
    struct state *s = state_search_take(f->search);
    FILE *file = fopen(at(f, "addresses"), "w");
    assert_non_null(file);
    assert_true(state_each(s, add_line, file));
    fclose(file);
    assert_int_equal(state_serial(s) > 0 && *state_lineage(s), 1);
    state_free(s);
    /* Addresses are Terraform's own. */
    assert_int_equal(shell(f, "terraform state list | sort >wanted; sort addresses | cmp - wanted "
                              "&& test $(wc -l <wanted) -eq 8"),
                     0);
    /* After `workspace new` by name, and after `state rm` among the backups. */
    assert_int_equal(shell(f, "terraform state rm 'terraform_data.a[0]'"), 0);
    s = state_backup(at(f, "terraform.tfstate"), 0);
    assert_non_null(s);
    assert_false(state_is_empty(s));
    state_free(s);
    assert_int_equal(shell(f, "terraform workspace new blue"), 0);
    expect_found(f, "terraform.tfstate.d/blue/terraform.tfstate", -1);
}

/* `terraform apply` that waits for its "yes", with the lock held. */
static pid_t start_apply(struct fixture *f, const char *option, int *answer)
{
    int input[2];
    posix_spawn_file_actions_t actions;
    pid_t pid;
    char here[PATH_MAX];
    const char *argv[] = {"terraform", NULL, "apply", "-no-color", option, NULL};
    snprintf(here, sizeof here, "-chdir=%s", f->dir);
    argv[1] = here;
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    assert_int_equal(
        posix_spawnp(&pid, "terraform", &actions, NULL, (char **)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    *answer = input[1];
    return pid;
}

static void await(struct fixture *f, const char *name)
{
    for (int i = 0; i < 2000 && access(at(f, name), F_OK) != 0; i++) {
        pause_ms(5);
    }
    assert_int_equal(access(at(f, name), F_OK), 0);
}

/* Terraform makes both in one go, unless the machine has something else to do between them: then
 * nothing tells its first run from a rewrite before the file was steady. */
static void expect_first_run(struct fixture *f)
{
    struct stat file, note;
    assert_int_equal(stat(at(f, "other.tfstate"), &file), 0);
    assert_int_equal(stat(at(f, ".other.tfstate.lock.info"), &note), 0);
    int64_t apart = (note.st_mtim.tv_sec - file.st_mtim.tv_sec) * INT64_C(1000000000) +
                    note.st_mtim.tv_nsec - file.st_mtim.tv_nsec;
    if (apart >= 2000000) {
        expect_status(f, 0, STATE_WAIT);
        expect_status(f, STATE_STEADY_MS, STATE_READY);
    } else {
        expect_status(f, 0, STATE_READY);
    }
    assert_int_equal(take_serial(f, "other.tfstate"), -1);
}

static void real_first_run_under_lock(void **p)
{
    struct fixture *f = *p;
    int answer;
    need_terraform(f);
    f->parent = start_apply(f, "-state=other.tfstate", &answer);
    await(f, ".other.tfstate.lock.info");
    /* 0 bytes since the lock was taken: no waiting, and the command line names the file. */
    begin(f);
    expect_first_run(f);
    /* Without the command line the lock does. */
    begin_with(f, (struct state_options){.parent = 1});
    expect_first_run(f);
    /* Once it has written, the lock no longer excuses an empty file. */
    assert_int_equal(write(answer, "yes\n", 4), 4);
    int status;
    assert_int_equal(waitpid(f->parent, &status, 0), f->parent);
    f->parent = 0;
    close(answer);
    assert_int_equal(status, 0);
    begin_with(f, (struct state_options){.path = "other.tfstate"});
    expect_status(f, 0, STATE_READY);
    assert_true(take_serial(f, "other.tfstate") > 0);
}

/* ---- Files that are asked for anew --------------------------------------------------------- */

static size_t matches(struct fixture *f, const char *pattern, int expected)
{
    glob_t found;
    assert_int_equal(file_glob(at(f, pattern), &found), expected);
    size_t n = expected == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return n;
}

/* On a local file system they say what open, stat and glob say. */
static void files_as_of_now(void **p)
{
    struct fixture *f = *p;
    struct stat st;
    char longer[2 * PATH_MAX];
    make_directory(f, "one");
    make_directory(f, "two");
    put(f, "one/file", "12345");
    assert_int_equal(file_stat(at(f, "one/file"), &st), 0);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(file_stat(at(f, "one"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    static const char *const absent[] = {"one/none", "none/none", "none/none/none", "two/file"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        errno = 0;
        assert_int_equal(file_stat(at(f, absent[i]), &st), -1);
        assert_int_equal(errno, ENOENT);
    }
    assert_int_equal(file_stat(at(f, "one/file/below"), &st), -1);
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(mkfifo(at(f, "two/fifo"), 0600), 0);
    assert_int_equal(file_stat(at(f, "two/fifo"), &st), 0); /* and does not wait for a writer */
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(symlink("nowhere", at(f, "two/link")), 0);
    assert_int_equal(file_stat(at(f, "two/link"), &st), -1);
    assert_int_equal(errno, ENOENT);
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(file_open(longer, 0), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(file_open("no such file here", 0), -1);
    assert_int_equal(errno, ENOENT);

    assert_int_equal(matches(f, "*/file", 0), 1);
    put(f, "two/file", "");
    assert_int_equal(matches(f, "*/file", 0), 2);
    assert_int_equal(matches(f, "one/file", 0), 1);
    matches(f, "*/none", GLOB_NOMATCH);
    matches(f, "none/*", GLOB_NOMATCH);
    matches(f, "one/file/*", GLOB_NOMATCH);
    if (geteuid() != 0) { /* who may look into everything */
        assert_int_equal(chmod(at(f, "one"), 0300), 0);
        matches(f, "one/*", GLOB_ABORTED);
        assert_int_equal(file_stat(at(f, "one/file"), &st), 0);
        assert_int_equal(file_stat(at(f, "one/none"), &st), -1);
        assert_int_equal(errno, ENOENT);
        assert_int_equal(chmod(at(f, "one"), 0700), 0);
        assert_int_equal(chmod(at(f, "one/file"), 0), 0);
        assert_int_equal(file_open(at(f, "one/file"), 0), -1);
        assert_int_equal(errno, EACCES);
        assert_int_equal(file_stat(at(f, "one/file"), &st), 0);
    }
}

/* ---- The other parts this program plays ---------------------------------------------------- */

static void report_inheritance(int argc, char **argv)
{
    FILE *file = fopen("seen", "w");
    fprintf(file, "args=");
    for (int i = 1; i < argc; i++) {
        fprintf(file, "%s%s", argv[i], i + 1 < argc ? " " : "\n");
    }
    static const char *const names[] = {
        "TF_CLI_ARGS", "TF_CLI_ARGS_state_pull", "TF_CLI_CONFIG_FILE", "TF_REATTACH_PROVIDERS",
        "TF_LOG",      "TF_PLUGIN_MAGIC_COOKIE", "PLUGIN_CLIENT_CERT", "TF_WORKSPACE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (getenv(names[i])) {
            fprintf(file, "%s=%s\n", names[i], getenv(names[i]));
        }
    }
    fprintf(file, "group=%s\n", getpgrp() == getpid() ? "own" : "inherited");
    fprintf(file, "interrupt=%s\n", signal(SIGINT, SIG_DFL) == SIG_DFL ? "default" : "ignored");
    fprintf(file, "descriptors=0 1 2");
    for (int fd = 3; fd < 256; fd++) {
        if (fd != fileno(file) && fcntl(fd, F_GETFD) >= 0) {
            fprintf(file, " %d", fd);
        }
    }
    fprintf(file, "\n");
    fclose(file);
}

static void hang(void)
{
    FILE *file = fopen("pid.new", "w");
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
    rename("pid.new", "pid");
    for (;;) {
        pause();
    }
}

static int fill(int fd, size_t bytes, const char *line)
{
    for (size_t n = 0; n < bytes;) {
        ssize_t wrote = write(fd, line, strlen(line));
        if (wrote < 0) {
            return 7;
        }
        n += (size_t)wrote;
    }
    return 6;
}

static int fake_pull(int argc, char **argv)
{
    const char *how = getenv("FAKE_PULL");
    if (strcmp(how, "nothing") == 0) {
        return 0;
    } else if (strcmp(how, "once") == 0 && mkdir("tried", 0700) == 0) {
        return 0;
    } else if (strcmp(how, "empty") == 0) {
        printf(EMPTY_STATE);
        return 0;
    } else if (strcmp(how, "error") == 0) {
        fprintf(stderr, "no \x1bway\xff \xc3\x28\n");
        return 3;
    } else if (strcmp(how, "silent") == 0) {
        return 4;
    } else if (strcmp(how, "killed") == 0) {
        raise(SIGKILL);
    } else if (strcmp(how, "half") == 0) {
        printf("{\"version\": 4, \"resour");
        return 0;
    } else if (strcmp(how, "hang") == 0) {
        hang();
    } else if (strcmp(how, "huge") == 0) {
        return fill(1, SIZE_MAX, "0123456789abcdef0123456789abcdef0123456789abcdef\n");
    } else if (strcmp(how, "complaints") == 0) {
        return fill(2, 4 << 20, "complaint\n");
    } else if (strcmp(how, "report") == 0) {
        report_inheritance(argc, argv);
    } else if (strcmp(how, "large") == 0) {
        printf("%*s", 5 << 20, "");
    }
    printf(STATE(8));
    return strcmp(how, "lie") == 0 ? 5 : 0;
}

static void the_serial_is_at_the_head(void **p)
{
    struct fixture *f = *p;
    static const struct {
        const char *text;
        int64_t serial;
    } cases[] = {
        {STATE(7), 7},
        {"{\n  \"version\": 4,\n  \"serial\": 123,\n  \"lineage\": \"l\"", 123},
        {"{\"serial\":0,", 0},
        {"{\"version\": 4, \"serial\": 12", -1}, /* torn: it may have been 120 */
        {"{\"version\": 4, \"serial\": 1234567890123456789,", -1},
        {"{\"version\": 4, \"serial\": -1,", -1},
        {"{\"version\": 4", -1},
        {"", -1},
    };
    char path[200];
    snprintf(path, sizeof path, "%s/head.tfstate", f->dir);
    assert_int_equal(state_file_serial(path), -1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(cases[i].text, file);
        fclose(file);
        assert_int_equal(state_file_serial(path), cases[i].serial);
    }
    assert_int_equal(state_file_serial(f->dir), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_serial_is_at_the_head),
        TEST(default_place),
        TEST(absolute_path_and_lineage),
        TEST(working_directory_is_getcwd),
        TEST(workspace),
        TEST(workspace_names),
        TEST(data_directory),
        TEST(backend_configuration),
        TEST(explicit_path),
        TEST(state_argument),
        TEST(arguments_in_the_environment),
        TEST(terraform_test_has_its_own_states),
        TEST(lock_tells_the_state),
        TEST(half_a_file),
        TEST(garbage),
        TEST(first_run),
        TEST(rewritten_to_nothing),
        TEST(coarse_clocks_prove_nothing),
        TEST(lost_state),
        TEST(not_lost_but_being_rewritten),
        TEST(lost_state_with_a_bad_backup),
        TEST(commands_can_be_pasted),
        TEST(things_that_are_no_file),
        TEST(rewritten_between_two_reads),
        TEST(never_still),
        TEST(never_a_mixture),
        TEST(pull),
        TEST(pull_of_newer_kinds_of_backends),
        TEST(pull_that_hangs),
        TEST(pull_that_never_ends_writing),
        TEST(pull_inherits_little),
        TEST(pull_without_a_terraform_parent),
        TEST(encrypted_file),
        TEST(users_command),
        TEST(backups_newest_first),
        TEST(files_as_of_now),
        TEST(every_allocation_may_fail),
        TEST(real_state),
        TEST(real_first_run_under_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    if (argc >= 3 && strcmp(argv[1], "state") == 0 && strcmp(argv[2], "pull") == 0) {
        return fake_pull(argc, argv);
    }
    if (strncmp(exe, "/tmp/state_test.", 16) == 0) {
        for (;;) {
            pause();
        }
    }
    return run_all();
}
