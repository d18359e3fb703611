/*
 * The journal under real processes, hostile content, liveness, and what claims mean to an engine.
 *
 * Processes are forked and killed by their own pid. Random choices come from a printed seed
 * (TEST_SEED replays it).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/dispatch.h"
#include "provider/claims_internal.h"

struct fixture {
    struct arena *arena;
    char folder[64];
    char *journal;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/claims-test-XXXXXX");
    f->arena = arena_new();
    if (!f->arena || !mkdtemp(f->folder))
        return -1;
    f->journal = arena_printf(f->arena, "%s/terraform.tfstate" JOURNAL_SUFFIX, f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    int r = system(command);
    arena_free(f->arena);
    free(f);
    return r;
}

static unsigned seed(void)
{
    const char *text = getenv("TEST_SEED");
    unsigned s = text ? (unsigned)strtoul(text, NULL, 10) : (unsigned)time(NULL);
    print_message("TEST_SEED=%u\n", s);
    return s;
}

/* --- the journal --- */

struct seen {
    size_t count;
    int64_t last, sum;
};

static bool see(void *ctx, struct json_object *record, size_t bytes)
{
    struct seen *s = ctx;
    (void)bytes;
    s->last = json_object_get_int64(json_object_object_get(record, "n"));
    s->sum += s->last;
    s->count++;
    return true;
}

static enum journal_result put(struct journal *j, int64_t n)
{
    struct json_object *r = json_object_new_object();
    json_object_object_add(r, "n", json_object_new_int64(n));
    enum journal_result result = journal_append(j, &r, 1, false);
    json_object_put(r);
    return result;
}

static void lock(struct journal *j)
{
    enum journal_result r;
    while ((r = journal_lock(j)) == JOURNAL_BUSY)
        usleep(100);
    if (r != JOURNAL_OK)
        fail_msg("%s", journal_problem(j));
}

static struct seen read_all(const char *path)
{
    struct seen s = {0};
    bool restarted;
    struct journal *j = journal_new(path);
    assert_int_equal(journal_read(j, see, &s, &restarted), JOURNAL_OK);
    journal_free(j);
    return s;
}

static void append_text(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static void what_is_appended_is_read_once(void **state)
{
    struct fixture *f = *state;
    struct journal *writer = journal_new(f->journal), *reader = journal_new(f->journal);
    struct seen s = {0};
    struct stat st;
    bool restarted;
    assert_int_equal(journal_read(reader, see, &s, &restarted), JOURNAL_OK);
    assert_int_equal(s.count, 0);
    lock(writer);
    assert_int_equal(put(writer, 1), JOURNAL_OK);
    assert_int_equal(put(writer, 2), JOURNAL_OK);
    assert_int_equal(journal_lock(reader), JOURNAL_BUSY);
    journal_unlock(writer);
    assert_int_equal(journal_read(reader, see, &s, &restarted), JOURNAL_OK);
    assert_int_equal(s.count, 2);
    assert_int_equal(journal_read(reader, see, &s, &restarted), JOURNAL_OK);
    assert_int_equal(s.count, 2);
    assert_int_equal(stat(f->journal, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    journal_free(writer);
    journal_free(reader);
}

static void a_torn_last_line_is_cut_off_by_the_next_writer(void **state)
{
    struct fixture *f = *state;
    static const char *const torn[] = {"a", "0123abcd {\"n\":", "0123abcd {\"n\":7}\n", "\n"};
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        struct journal *j = journal_new(f->journal);
        struct seen s = {0};
        bool restarted;
        unlink(f->journal);
        lock(j);
        assert_int_equal(put(j, 1), JOURNAL_OK);
        journal_unlock(j);
        append_text(f->journal, torn[i], strlen(torn[i]));
        assert_int_equal(read_all(f->journal).count, 1);
        lock(j);
        assert_int_equal(journal_read(j, see, &s, &restarted), JOURNAL_OK);
        assert_int_equal(put(j, 2), JOURNAL_OK);
        journal_unlock(j);
        s = read_all(f->journal);
        assert_int_equal(s.count, 2);
        assert_int_equal(s.last, 2);
        journal_free(j);
    }
}

static void a_damaged_line_in_the_middle_is_a_failure(void **state)
{
    struct fixture *f = *state;
    struct journal *j = journal_new(f->journal);
    struct seen s = {0};
    bool restarted;
    lock(j);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(j, i), JOURNAL_OK);
    journal_unlock(j);
    journal_free(j);
    int fd = open(f->journal, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "9", 1, 14), 1); /* inside the first record */
    close(fd);
    j = journal_new(f->journal);
    assert_int_equal(journal_read(j, see, &s, &restarted), JOURNAL_FAILED);
    assert_non_null(strstr(journal_problem(j), "line 1 is damaged"));
    assert_int_equal(s.count, 0);
    journal_free(j);
}

static void what_is_no_trustworthy_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char *other = arena_printf(f->arena, "%s/other", f->folder);
    const struct {
        const char *how, *says;
    } cases[] = {{"link", "symbolic link"}, {"folder", "directory"}, {"fifo", "not a regular file"},
                 {"open", "chmod 600"},     {"names", "names"},      {"sparse", "more than"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct journal *j = journal_new(f->journal);
        unlink(f->journal);
        rmdir(f->journal);
        unlink(other);
        append_text(other, "", 0);
        if (strcmp(cases[i].how, "link") == 0)
            assert_int_equal(symlink(other, f->journal), 0);
        else if (strcmp(cases[i].how, "folder") == 0)
            assert_int_equal(mkdir(f->journal, 0700), 0);
        else if (strcmp(cases[i].how, "fifo") == 0)
            assert_int_equal(mkfifo(f->journal, 0600), 0);
        else
            append_text(f->journal, "", 0);
        if (strcmp(cases[i].how, "open") == 0)
            assert_int_equal(chmod(f->journal, 0666), 0);
        if (strcmp(cases[i].how, "names") == 0)
            assert_int_equal(unlink(other) || link(f->journal, other), 0);
        if (strcmp(cases[i].how, "sparse") == 0)
            assert_int_equal(truncate(f->journal, (off_t)JOURNAL_MAX_BYTES + 1), 0);
        assert_int_equal(journal_lock(j), JOURNAL_FAILED);
        if (!strstr(journal_problem(j), cases[i].says))
            fail_msg("%s: %s", cases[i].how, journal_problem(j));
        assert_false(journal_is_locked(j));
        journal_free(j);
    }
    unlink(f->journal);
}

static void hostile_bytes_never_become_records(void **state)
{
    struct fixture *f = *state;
    unsigned s = seed();
    for (int round = 0; round < 300; round++) {
        char bytes[3000];
        size_t len = (size_t)rand_r(&s) % sizeof bytes;
        bool restarted;
        struct seen seen = {0};
        for (size_t i = 0; i < len; i++)
            bytes[i] = "\n {}\":0123456789abcdefn\0\xff"[rand_r(&s) % 26];
        unlink(f->journal);
        append_text(f->journal, bytes, len);
        struct journal *j = journal_new(f->journal);
        journal_read(j, see, &seen, &restarted);
        assert_int_equal(seen.count, 0);
        journal_free(j);
    }
}

static void compacting_starts_other_readers_again(void **state)
{
    struct fixture *f = *state;
    struct journal *a = journal_new(f->journal), *b = journal_new(f->journal);
    struct seen s = {0};
    bool restarted;
    lock(a);
    for (int i = 0; i < 10; i++)
        assert_int_equal(put(a, i), JOURNAL_OK);
    journal_unlock(a);
    assert_int_equal(journal_read(b, see, &s, &restarted), JOURNAL_OK);
    lock(a);
    assert_int_equal(journal_rewrite(a, NULL, 0), JOURNAL_OK);
    assert_int_equal(put(a, 42), JOURNAL_OK);
    assert_int_equal(journal_lock(b), JOURNAL_BUSY);
    journal_unlock(a);
    s = (struct seen){0};
    lock(b);
    assert_int_equal(journal_read(b, see, &s, &restarted), JOURNAL_OK);
    assert_true(restarted);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.last, 42);
    assert_int_equal(put(b, 43), JOURNAL_OK);
    journal_unlock(b);
    assert_int_equal(read_all(f->journal).count, 2);
    journal_free(a);
    journal_free(b);
}

static void a_full_disk_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct journal *j = journal_new(f->journal);
    lock(j);
    assert_int_equal(put(j, 1), JOURNAL_OK);
    struct stat before, after;
    assert_int_equal(stat(f->journal, &before), 0);
    struct rlimit limit, small;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    small = limit;
    small.rlim_cur = (rlim_t)before.st_size + 5; /* the write becomes a short one */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(put(j, 2), JOURNAL_FAILED);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(stat(f->journal, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(put(j, 3), JOURNAL_OK);
    journal_unlock(j);
    journal_free(j);
    assert_int_equal(read_all(f->journal).count, 2);
}

static void the_lock_has_an_owner(void **state)
{
    struct fixture *f = *state;
    struct journal *j = journal_new(f->journal), *other = journal_new(f->journal);
    lock(j);
    int owner = journal_lock_owner(other);
    assert_true(owner == getpid() || owner == 0); /* 0: a kernel without /proc/locks */
    journal_unlock(j);
    journal_free(j);
    journal_free(other);
}

/* --- many processes on one journal --- */

/* Takes the lowest free of `slots` numbers again and again, as a provider takes CIDRs. */
struct taker {
    bool *taken;
    int64_t next;
};

static bool mark_taken(void *ctx, struct json_object *record, size_t bytes)
{
    struct taker *t = ctx;
    (void)bytes;
    t->taken[json_object_get_int64(json_object_object_get(record, "n"))] = true;
    return true;
}

static bool keep_all(void *ctx, struct json_object *record, size_t bytes)
{
    struct json_object **list = ctx;
    (void)bytes;
    json_object_array_add(*list, json_object_get(record));
    return true;
}

static void compact(struct journal *j, const char *path)
{
    struct json_object *list = json_object_new_array();
    struct journal *reader = journal_new(path);
    bool restarted;
    journal_read(reader, keep_all, &list, &restarted);
    size_t n = json_object_array_length(list);
    struct json_object **items = calloc(n + 1, sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = json_object_array_get_idx(list, i);
    if (journal_rewrite(j, items, n) != JOURNAL_OK)
        _exit(3);
    free(items);
    json_object_put(list);
    journal_free(reader);
}

#define SLOTS 4000

static void take_slots(const char *path, const char *own, unsigned count, unsigned s)
{
    struct taker t = {.taken = calloc(SLOTS, sizeof(bool))};
    struct journal *j = journal_new(path);
    int fd = open(own, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool restarted;
    for (unsigned i = 0; i < count; i++) {
        int64_t n = 0;
        lock(j);
        if (journal_read(j, mark_taken, &t, &restarted) != JOURNAL_OK)
            _exit(2);
        while (t.taken[n])
            n++;
        t.taken[n] = true;
        if (put(j, n) != JOURNAL_OK)
            _exit(3);
        if (rand_r(&s) % 50 == 0)
            compact(j, path);
        if (rand_r(&s) % 50 == 0)
            append_text(path, "deadbeef {\"to", 13); /* as a writer that is killed */
        journal_unlock(j);
        char line[32];
        int len = snprintf(line, sizeof line, "%lld\n", (long long)n);
        if (write(fd, line, (size_t)len) != len)
            _exit(4);
    }
    _exit(0);
}

static void processes_never_take_the_same(void **state)
{
    enum { PROCESSES = 6, EACH = 250 };
    struct fixture *f = *state;
    unsigned s = seed();
    pid_t pids[PROCESSES];
    bool *seen = calloc(SLOTS, sizeof *seen);
    for (int p = 0; p < PROCESSES; p++) {
        char *own = arena_printf(f->arena, "%s/own-%d", f->folder, p);
        pids[p] = fork();
        assert_true(pids[p] >= 0);
        if (pids[p] == 0)
            take_slots(f->journal, own, EACH, s + (unsigned)p);
    }
    for (int kills = 0; kills < 2; kills++) { /* the first two, at some moment */
        usleep(rand_r(&s) % 30000);
        kill(pids[kills], SIGKILL);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
        if (p >= 2)
            assert_int_equal(status, 0);
    }
    size_t total = 0;
    for (int p = 0; p < PROCESSES; p++) {
        FILE *in = fopen(arena_printf(f->arena, "%s/own-%d", f->folder, p), "r");
        long long n;
        while (in && fscanf(in, "%lld", &n) == 1) {
            if (seen[n])
                fail_msg("%lld was taken twice", n);
            seen[n] = true;
            total++;
        }
        if (in)
            fclose(in);
    }
    assert_true(total >= (PROCESSES - 2) * EACH);
    free(seen);
}

/* --- liveness --- */

static void a_run_lives_as_long_as_its_process(void **state)
{
    struct fixture *f = *state;
    struct claimant self, other;
    assert_true(claimant_self(f->arena, NULL, &self));
    assert_int_equal(self.terraform, getppid());
    assert_int_equal(claimant_life(&self, &self, NULL), LIFE_RUNS);
    other = self;
    other.started++; /* the number was used again */
    assert_int_equal(claimant_life(&other, &self, NULL), LIFE_GONE);
    assert_false(claimant_same_run(&other, &self));
    other = self;
    other.terraform = 0x3fffffff;
    assert_int_equal(claimant_life(&other, &self, NULL), LIFE_GONE);
    other = self;
    other.boot = "another";
    assert_int_equal(claimant_life(&other, &self, NULL), LIFE_UNKNOWN);
}

static void elsewhere_the_state_lock_tells(void **state)
{
    struct fixture *f = *state;
    struct claimant self, other;
    char id[64];
    int ready[2], done[2];
    char *path = arena_printf(f->arena, "%s/terraform.tfstate", f->folder);
    char *info = arena_printf(f->arena, "%s/.terraform.tfstate.lock.info", f->folder);
    append_text(path, "{}", 2);
    append_text(info, "{\"ID\":\"lock-1\"}", 15);
    assert_int_equal(state_lock_probe(path, id, sizeof id), LOCK_FREE);
    assert_int_equal(pipe(ready) | pipe(done), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR | O_CLOEXEC);
        char c = fcntl(fd, F_SETLK, &l) == 0 ? 'y' : 'n';
        if (write(ready[1], &c, 1) != 1 || read(done[0], &c, 1) != 1)
            _exit(1);
        _exit(0);
    }
    char c = 0;
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    assert_int_equal(state_lock_probe(path, id, sizeof id), LOCK_HELD);
    assert_string_equal(id, "lock-1");
    assert_true(claimant_self(f->arena, path, &self));
    assert_string_equal(self.lock, "lock-1");
    other = self;
    other.host = "elsewhere";
    assert_int_equal(claimant_life(&other, &self, path), LIFE_RUNS);
    other.lock = "lock-0";
    assert_int_equal(claimant_life(&other, &self, path), LIFE_GONE);
    other.lock = "";
    assert_int_equal(claimant_life(&other, &self, path), LIFE_UNKNOWN);
    assert_int_equal(write(done[1], "x", 1), 1);
    waitpid(pid, NULL, 0);
    other.lock = "lock-1";
    assert_int_equal(claimant_life(&other, &self, path), LIFE_GONE);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(done[i]);
    }
}

static void paths_are_told_relative_to_the_journal(void **state)
{
    struct arena *a = ((struct fixture *)*state)->arena;
    assert_string_equal(path_relative(a, "/shared/net", "/shared/net/a.tfstate"), "a.tfstate");
    assert_string_equal(path_relative(a, "/shared/net", "/shared/app/a.tfstate"),
                        "../app/a.tfstate");
    assert_string_equal(path_relative(a, "/shared/net/x", "/shared/a.tfstate"), "../../a.tfstate");
    assert_string_equal(path_relative(a, "/shared/network", "/shared/net/a"), "../net/a");
    assert_string_equal(path_relative(a, "/shared/net", "/shared/network/a"), "../network/a");
    assert_string_equal(path_relative(a, "/", "/a"), "a");
}

/* --- claims and the engine --- */

struct bench {
    struct fixture *f;
    struct estate *estate;
    struct runtime *runtime;
    struct diags diags;
    struct call call;
};

static const struct pool_info pool = {.id = "ipam-pool-0aaaaaaaaaaaaaaaa",
                                      .scope_id = "ipam-scope-1",
                                      .description = "",
                                      .owner = "123456789012",
                                      .family = FAMILY_V4,
                                      .rules = {.min_len = -1, .max_len = -1, .default_len = -1}};

static struct cidr cidr(const char *text)
{
    struct cidr c;
    assert_int_equal(cidr_parse(text, strlen(text), &c), CIDR_OK);
    return c;
}

static void ignore_reply(void *ctx, void *tag, int status, const char *message, struct bytes body)
{
    (void)ctx, (void)tag, (void)status, (void)message, (void)body;
}

static void open_bench(struct bench *b, struct fixture *f)
{
    struct cidr root = cidr("10.0.0.0/8");
    memset(b, 0, sizeof *b);
    b->f = f;
    b->estate = estate_new();
    b->estate->state_path = arena_printf(f->arena, "%s/terraform.tfstate", f->folder);
    assert_int_equal(engine_load_pool(b->estate->engine, &pool), ENGINE_OK);
    assert_int_equal(engine_load_cidr(b->estate->engine, pool.id, &root, "x"), ENGINE_OK);
    b->estate->claims = claims_new(
        b->estate, &(struct claims_options){.lineage = "l", .lock_timeout_ms = LOCK_TIMEOUT_MS});
    b->call.arena = arena_new();
    diags_init(&b->diags, b->call.arena);
    b->call.diags = &b->diags;
    b->call.state = b->estate;
    b->runtime = runtime_new(&ipam_provider, ignore_reply, NULL);
    b->call.runtime = b->runtime;
    assert_int_equal(claims_join(b->estate->claims, &b->diags, 0), STATE_READY);
}

static void next_call(struct bench *b)
{
    arena_free(b->call.arena);
    b->call.arena = arena_new();
    diags_init(&b->diags, b->call.arena);
}

static void close_bench(struct bench *b)
{
    arena_free(b->call.arena);
    estate_free(b->estate);
    runtime_free(b->runtime);
}

static struct allocation_request request(const char *id)
{
    return (struct allocation_request){.id = id,
                                       .pool_id = pool.id,
                                       .type = ALLOCATION_CUSTOM,
                                       .length = 24,
                                       .resource_id = "",
                                       .region = "",
                                       .owner = "123456789012"};
}

static struct cidr issue(struct bench *b, const char *id)
{
    struct allocation_request r = request(id);
    struct refusal why;
    struct cidr c;
    enum outcome out;
    if (!issue_begin(&b->call, pool.id, "issuing", &out))
        fail_msg("%s", b->diags.first ? b->diags.first->detail : "waits");
    assert_int_equal(engine_pick_allocation(b->estate->engine, &r, &c, &why), ENGINE_OK);
    r.cidr = c;
    r.length = -1;
    assert_true(issue_allocate(&b->call, &r, "issuing", NULL, &out));
    issue_end(&b->call);
    next_call(b);
    return c;
}

static void two_processes_of_one_run_never_issue_the_same(void **state)
{
    struct bench a, b;
    char id[64];
    open_bench(&a, *state);
    open_bench(&b, *state); /* another alias: same Terraform, nothing else in common */
    for (unsigned i = 0; i < 20; i++) {
        struct cidr c, want = cidr_make(FAMILY_V4, (uint64_t)(0x0a000000u + i * 256) << 32, 0, 24);
        snprintf(id, sizeof id, "ipam-pool-alloc-%u", i);
        c = issue(i % 2 ? &a : &b, id);
        assert_true(cidr_equal(&c, &want));
    }
    assert_true(engine_check(a.estate->engine));
    close_bench(&a);
    close_bench(&b);
}

static void a_release_frees_for_the_same_run(void **state)
{
    struct bench a, b;
    enum outcome out;
    open_bench(&a, *state);
    open_bench(&b, *state);
    struct cidr first = issue(&a, "ipam-pool-alloc-1");
    issue(&b, "ipam-pool-alloc-2");
    assert_true(issue_release(&a.call, "ipam-pool-alloc-1", "releasing", &out));
    next_call(&a);
    struct cidr again = issue(&b, "ipam-pool-alloc-3");
    assert_true(cidr_equal(&first, &again));
    close_bench(&a);
    close_bench(&b);
}

static void the_lock_is_given_back_whatever_happens(void **state)
{
    struct bench a, b;
    enum outcome out;
    open_bench(&a, *state);
    open_bench(&b, *state);
    assert_true(issue_begin(&a.call, pool.id, "issuing", &out));
    assert_false(issue_begin(&b.call, pool.id, "issuing", &out));
    assert_int_equal(out, CALL_WAIT);
    assert_int_equal(b.call.patience_ms, LOCK_TIMEOUT_MS);
    b.call.last_attempt = true;
    assert_false(issue_begin(&b.call, pool.id, "issuing", &out));
    assert_int_equal(out, CALL_DONE);
    assert_non_null(strstr(b.diags.first->detail, "is locked by"));
    b.call.last_attempt = false;
    next_call(&a); /* the call ends without issue_end */
    issue(&b, "ipam-pool-alloc-1");
    close_bench(&a);
    close_bench(&b);
}

static void what_an_ended_run_claimed_is_decided_by_its_state(void **state)
{
    struct fixture *f = *state;
    struct bench b;
    pid_t pid = fork(); /* the Terraform of another run: it ends at once */
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    struct journal *j = journal_new(f->journal);
    struct json_object *records[2] = {record_of("run", "r1", NULL),
                                      record_of("claim", "ipam-pool-alloc-9", "r1")};
    struct claimant self;
    assert_true(claimant_self(f->arena, NULL, &self));
    assert_true(
        record_text(records[0], "host", self.host) && record_text(records[0], "boot", self.boot) &&
        record_text(records[0], "pidns", self.pid_namespace) &&
        record_number(records[0], "terraform", pid) && record_number(records[0], "started", 1) &&
        record_text(records[0], "state", "terraform.tfstate") &&
        record_text(records[1], "pool", pool.id) &&
        record_text(records[1], "cidr", "10.0.0.0/24") && record_text(records[1], "type", "vpc"));
    lock(j);
    assert_int_equal(journal_append(j, records, 2, true), JOURNAL_OK);
    journal_unlock(j);
    journal_free(j);
    open_bench(&b, f); /* its state has a lineage and does not hold it */
    struct cidr c = issue(&b, "ipam-pool-alloc-1"), want = cidr("10.0.0.0/24");
    assert_true(cidr_equal(&c, &want));
    close_bench(&b);
    json_object_put(records[0]);
    json_object_put(records[1]);
}

static void what_is_not_understood_stops_issuing(void **state)
{
    static const char *const texts[] = {
        "{\"prophecy\":\"x\"}", "{\"claim\":\"x\",\"pool\":\"p\",\"cidr\":\"10.0.0.0\"}",
        "{\"claim\":\"x\",\"pool\":\"p\",\"cidr\":\"10.0.0.0/8\",\"type\":\"planet\"}"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bench b;
        enum outcome out;
        unlink(f->journal);
        struct journal *j = journal_new(f->journal);
        struct json_object *r = json_tokener_parse(texts[i]);
        lock(j);
        assert_int_equal(journal_append(j, &r, 1, false), JOURNAL_OK);
        journal_unlock(j);
        journal_free(j);
        json_object_put(r);
        open_bench(&b, f);
        assert_false(issue_begin(&b.call, pool.id, "issuing", &out));
        assert_int_equal(out, CALL_DONE);
        assert_non_null(strstr(b.diags.first->detail, "cannot be understood"));
        close_bench(&b);
    }
}

/* An id that stands for something else cannot be used to move it away. */
static void a_claim_cannot_free_what_another_holds(void **state)
{
    struct bench a, b;
    open_bench(&a, *state);
    open_bench(&b, *state);
    struct cidr first = issue(&a, "ipam-pool-alloc-1");
    struct json_object *r = record_of("claim", "ipam-pool-alloc-1", "somebody");
    assert_true(record_text(r, "pool", pool.id) && record_text(r, "cidr", "10.9.0.0/24") &&
                record_text(r, "type", "custom"));
    struct fixture *f = *state;
    struct journal *j = journal_new(f->journal);
    struct seen s = {0};
    bool restarted;
    lock(j);
    assert_int_equal(journal_read(j, see, &s, &restarted), JOURNAL_OK);
    assert_int_equal(journal_append(j, &r, 1, false), JOURNAL_OK);
    journal_unlock(j);
    journal_free(j);
    json_object_put(r);
    struct cidr c = issue(&b, "ipam-pool-alloc-2");
    assert_false(cidr_overlaps(&c, &first));
    c = issue(&a, "ipam-pool-alloc-3");
    assert_false(cidr_overlaps(&c, &first));
    close_bench(&a);
    close_bench(&b);
}

static void one_issue_costs_microseconds(void **state)
{
    enum { ISSUES = 2000 };
    struct bench b;
    struct timespec from, to;
    char id[64];
    open_bench(&b, *state);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (unsigned i = 0; i < ISSUES; i++) {
        snprintf(id, sizeof id, "ipam-pool-alloc-%u", i);
        issue(&b, id);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double us = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
                1e3 / ISSUES;
    print_message("one issue: %.1f us\n", us);
    assert_true(us < 5000); /* far more than any machine needs; the figure is what counts */
    close_bench(&b);
}

/* --- mounts --- */

static void locks_may_stay_on_this_machine(void **state)
{
    static const char text[] =
        "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
        "36 27 8:1 / / rw shared:1 - ext4 /dev/root rw,nolock,nobrl\n"
        "40 36 0:49 / /a rw,relatime shared:7 master:1 - nfs4 host:/a\\040b rw,local_lock=none\n"
        "41 36 0:50 / /b rw,nolock - nfs host:/nolock rw,vers=3,local_lock=all,addr=10.0.0.1\n"
        "42 36 0:51 / /c rw - nfs host:/ rw,vers=3,nolock,local_lock=all\n"
        "43 36 0:52 / /d rw - nfs host:/ rw,local_lock=posix\n"
        "44 36 0:53 / /e rw - cifs //host/e rw,nobrl\n"
        "45 36 0:54 / /f rw - nfs\n"
        "46 36 0:55 / /g rw - nfs host:/\n"
        "garbage 0:56 - nfs host:/ nolock\n"
        "47 36 0:57 / /h rw - nfs host:/h rw,local_lock=flock";
    static const struct {
        unsigned minor;
        const char *option;
    } cases[] = {
        {21, NULL},
        {49, NULL},
        {50, "local_lock=all"},
        {51, "nolock"},
        {52, NULL},
        {54, NULL},
        {53, "nobrl"},
        {55, NULL},
        {56, NULL},
        {57, "local_lock=flock"},
    };
    (void)state;
    assert_null(mount_local_lock(text, makedev(8, 1)));
    assert_null(mount_local_lock("", makedev(0, 1)));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *option = mount_local_lock(text, makedev(0, cases[i].minor));
        assert_string_equal(option ? option : "none", cases[i].option ? cases[i].option : "none");
    }
    /* Every beginning of it, as it would be read from a file that ends there. */
    for (size_t n = 0; n < sizeof text; n++) {
        char *part = strndup(text, n);
        mount_local_lock(part, makedev(0, 57));
        free(part);
    }
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_appended_is_read_once),
        TEST(a_torn_last_line_is_cut_off_by_the_next_writer),
        TEST(a_damaged_line_in_the_middle_is_a_failure),
        TEST(what_is_no_trustworthy_file_is_refused),
        TEST(hostile_bytes_never_become_records),
        TEST(compacting_starts_other_readers_again),
        TEST(a_full_disk_leaves_nothing_behind),
        TEST(the_lock_has_an_owner),
        TEST(processes_never_take_the_same),
        TEST(a_run_lives_as_long_as_its_process),
        TEST(elsewhere_the_state_lock_tells),
        TEST(paths_are_told_relative_to_the_journal),
        TEST(two_processes_of_one_run_never_issue_the_same),
        TEST(a_release_frees_for_the_same_run),
        TEST(the_lock_is_given_back_whatever_happens),
        TEST(what_an_ended_run_claimed_is_decided_by_its_state),
        TEST(what_is_not_understood_stops_issuing),
        TEST(a_claim_cannot_free_what_another_holds),
        TEST(locks_may_stay_on_this_machine),
        TEST(one_issue_costs_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
