/*
 * state - the steps from "where is it" to a state, or to a refusal that says what to do
 *
 * One search is a small machine that is polled: find the place, then either copy the file or run
 * the command, until the bytes are a whole state or the patience is over.
 *
 * The hard question is what 0 bytes mean. Terraform creates its state with 0 bytes when it takes
 * the lock for a first run; it passes through 0 bytes at every rewrite; and it leaves 0 bytes
 * behind when it is killed there, which makes Terraform itself forget everything. Two observations
 * tell these apart:
 *   - the note about the lock (.<name>.lock.info) is written right after the file was opened. A
 *     file that is not younger than the note was not touched by this run, so its 0 bytes are no
 *     rewrite in progress: no need to wait. A first run costs no time because of this.
 *     One moment looks the same: a file system may show the new size before the new time (ext4
 *     does, while it frees the blocks). So the answer is believed at once only when the file was
 *     made together with the note, as in a first run; else it must stay so for a while.
 *   - the .backup beside it is what Terraform had before the last run that changed something. If
 *     it holds resources, or cannot be read, 0 bytes are a loss and not a beginning.
 * A file that is younger than the note and stays at 0 bytes is a rewrite that failed (a full disk):
 * unknown as well. A missing file is judged like an old one of 0 bytes, because the next run that
 * takes the lock makes it one: the answer must not depend on -lock=false.
 */
#include "provider/state_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "proto/text.h"

#define CANNOT_READ  "Cannot read the Terraform state"
#define WAS_LOST     "The Terraform state was lost"
#define SHOWN_OF_ALL 5 /* resources of a backup that a message names */

enum phase { PHASE_START, PHASE_FILE, PHASE_CHILD, PHASE_READY, PHASE_FAILED };

struct state_search {
    struct arena *arena; /* strings, and the options */
    struct state_options options;
    struct state_place place;
    struct state_refusal refusal;
    enum phase phase;
    uint64_t deadline_ms; /* of the patience with a file */
    struct file_copy copy;
    struct stat first, tried; /* the file at first sight; the bytes that were no state */
    bool seen, was_tried, with_note;
    uint64_t steady_ms; /* since when the file has been as it is, at 0 bytes */
    char error[256];    /* why they were no state */
    struct state_child *child;
    struct state *state;
};

/* ---- Answers ------------------------------------------------------------------------------- */

static enum state_status give(struct state_search *s, struct state *state)
{
    if (!state) {
        arena_exhausted(s->arena);
    }
    s->state = state;
    s->phase = PHASE_READY;
    return STATE_READY;
}

/* Messages are well-formed text whatever bytes a path, a state or a child put in. */
static const char *printable(struct arena *a, const char *s)
{
    struct text t = text_new(a);
    for (size_t len = strlen(s), i = 0; i < len;) {
        size_t n = 1;
        while (n <= 4 && (n > len - i || !text_is_valid(s + i, n))) {
            n++;
        }
        bool control = ((unsigned char)s[i] < 0x20 && s[i] != '\n' && s[i] != '\t') || s[i] == 0x7f;
        if (n > 4 || control) {
            text_puts(&t, "?");
            i++;
        } else {
            text_add(&t, s + i, n);
            i += n;
        }
    }
    return text_end(&t);
}

static enum state_status fail(struct state_search *s, const char *summary, const char *detail)
{
    s->refusal.summary = summary;
    s->refusal.detail = printable(s->arena, detail);
    s->phase = PHASE_FAILED;
    return STATE_FAILED;
}

static enum state_status refuse(struct state_search *s, const char *summary, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static enum state_status refuse(struct state_search *s, const char *summary, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *detail = arena_vprintf(s->arena, fmt, ap);
    va_end(ap);
    return fail(s, summary, detail);
}

/* ---- 0 bytes, or no file ------------------------------------------------------------------- */

/* A word of a command that can be pasted into a shell. */
static const char *shell_word(struct arena *a, const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=./:,@%";
    if (*s && *s != '-' && s[strspn(s, plain)] == '\0') {
        return s;
    }
    struct text t = text_new(a);
    text_puts(&t, *s == '-' ? "./'" : "'");
    for (; *s; s++) {
        text_add(&t, *s == '\'' ? "'\\''" : s, *s == '\'' ? 4 : 1);
    }
    text_puts(&t, "'");
    return text_end(&t);
}

struct sample {
    struct text text;
    unsigned shown;
};

/* The first few instances that hold a CIDR, with it. */
static bool add_sample(void *ctx, const struct state_instance *i)
{
    struct sample *sample = ctx;
    bool named = false;
    json_object_object_foreach(i->attributes, key, value)
    {
        if (!strstr(key, "cidr") || !json_object_is_type(value, json_type_string) ||
            !json_object_get_string_len(value)) {
            continue;
        }
        if (!named) {
            text_printf(&sample->text, "  %.300s: ", i->address);
        }
        text_printf(&sample->text, "%s%.60s = %.60s", named ? ", " : "", key,
                    json_object_get_string(value));
        named = true;
    }
    if (named) {
        text_puts(&sample->text, "\n");
        sample->shown++;
    }
    return sample->shown < SHOWN_OF_ALL;
}

static enum state_status refuse_lost(struct state_search *s, const char *backup_path,
                                     const struct state *backup, const char *backup_problem)
{
    const char *shown = s->place.shown;
    const char *saved = arena_printf(s->arena, "%s.backup", shown);
    struct sample sample = {.text = text_new(s->arena)};
    struct text t = text_new(s->arena);
    text_printf(&t, "%s %s, but %s ", shown,
                s->copy.status == FILE_ABSENT ? "does not exist" : "is empty (0 bytes)",
                backup_path);
    if (backup) {
        text_printf(&t, "holds %zu managed resource instances (serial %lld).\n", backup->managed,
                    (long long)backup->serial);
        state_each(backup, add_sample, &sample);
        if (sample.shown) {
            text_printf(&t, "Among them:\n%s", text_end(&sample.text));
        }
    } else {
        text_printf(&t, "cannot be read: %s.\n", backup_problem);
    }
    text_puts(&t,
              "A Terraform that is killed while it writes its state leaves such a file. "
              "Going on from here would hand out the same CIDRs again, so nothing was done.\n\n");
    if (backup) {
        text_printf(&t,
                    "To restore: cp %s %s\n"
                    "or, if that is the state of the selected workspace: terraform state push %s\n",
                    shell_word(s->arena, saved), shell_word(s->arena, shown),
                    shell_word(s->arena, saved));
    } else {
        text_puts(&t, "Restore the state from another copy.\n");
    }
    text_printf(&t, "If a fresh start is meant: mv %s %s", shell_word(s->arena, saved),
                shell_word(s->arena, arena_printf(s->arena, "%s.old", saved)));
    return fail(s, WAS_LOST, text_end(&t));
}

static void free_state(void *state)
{
    state_free(state);
}

static enum state_status refuse_rewritten(struct state_search *s)
{
    return refuse(
        s, CANNOT_READ,
        "%s is empty (0 bytes) although it was written after the lock was taken. Either "
        "it is being rewritten slowly, or the rewrite failed or was killed; what it should "
        "hold is unknown. Check that the disk is not full and that no other Terraform "
        "works here, then run the command again. If nothing does and a fresh start is "
        "meant: rm %s",
        s->place.shown, shell_word(s->arena, s->place.shown));
}

/* Nothing is stored, as far as the file says. What does the backup say? */
static enum state_status judge_empty(struct state_search *s, bool rewritten)
{
    const char *path = arena_printf(s->arena, "%s.backup", s->place.path);
    struct file_copy copy;
    struct state *backup = NULL;
    char error[200];
    file_copy_read(&copy, path, s->options.max_bytes);
    switch (copy.status) {
    case FILE_WHOLE:
        backup = state_parse(copy.bytes.data, copy.bytes.len, path, path, error, sizeof error);
        break;
    case FILE_EMPTY:
        snprintf(error, sizeof error, "it is empty, too");
        break;
    case FILE_MOVING:
        snprintf(error, sizeof error, "it is being written");
        break;
    case FILE_BAD:
        snprintf(error, sizeof error, "%s", copy.problem);
        break;
    case FILE_ABSENT:
        break;
    }
    bool absent = copy.status == FILE_ABSENT;
    file_copy_free(&copy);
    if (absent || (backup && state_is_empty(backup))) {
        state_free(backup);
        return rewritten ? refuse_rewritten(s)
                         : give(s, state_new_empty(s->place.shown, s->place.path));
    }
    if (backup) {
        arena_defer(s->arena, free_state, backup);
    }
    return refuse_lost(s, arena_printf(s->arena, "%s.backup", s->place.shown), backup, error);
}

/* How close to the note a first run makes the file. Terraform does both in one go; a run that
 * begins right after another's last write takes ten times as long to start. */
#define TOGETHER_NS 2000000

enum touched { TOUCHED_NO, TOUCHED_YES, TOUCHED_UNKNOWN };

/* Was the file written after the lock was taken? Both times come from the clock of one file
 * system; one that counts whole seconds only proves nothing. */
static enum touched touched_since_lock(struct state_search *s)
{
    struct stat note;
    const struct timespec *file = &s->copy.st.st_mtim;
    if (file_stat(state_lock_info_path(s->arena, s->place.path), &note) != 0 ||
        (!file->tv_nsec && !note.st_mtim.tv_nsec)) {
        return TOUCHED_UNKNOWN;
    }
    bool younger = file->tv_sec > note.st_mtim.tv_sec ||
                   (file->tv_sec == note.st_mtim.tv_sec && file->tv_nsec > note.st_mtim.tv_nsec);
    s->with_note = (note.st_mtim.tv_sec - file->tv_sec) * INT64_C(1000000000) +
                       note.st_mtim.tv_nsec - file->tv_nsec <
                   TOGETHER_NS;
    return younger ? TOUCHED_YES : TOUCHED_NO;
}

/* ---- The file ------------------------------------------------------------------------------ */

static enum state_status start_pull(struct state_search *s, uint64_t now_ms);

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static enum state_status try_bytes(struct state_search *s, uint64_t now_ms, bool last)
{
    /* Bytes that were no state are not parsed again before they change or time is over. */
    if (s->was_tried && !last && same_file(&s->copy.st, &s->tried)) {
        return STATE_WAIT;
    }
    struct state *state;
    enum parse_result r = state_parse_bytes(s->copy.bytes.data, s->copy.bytes.len, s->place.shown,
                                            s->place.path, &state, s->error, sizeof s->error);
    if (r == PARSE_OK) {
        return give(s, state);
    }
    if (r == PARSE_ENCRYPTED && s->place.elsewhere) {
        return refuse(s, CANNOT_READ,
                      "%s is encrypted by OpenTofu, and `tofu state pull` prints only the state of "
                      "the backend. Name a command that prints it in the provider block: "
                      "state { command = [...] }.",
                      s->place.shown);
    }
    if (r == PARSE_ENCRYPTED) {
        return start_pull(s, now_ms);
    }
    s->was_tried = true;
    s->tried = s->copy.st;
    if (!last) {
        return STATE_WAIT;
    }
    return refuse(
        s, CANNOT_READ,
        "%s (%zu bytes) is no whole state: %s.\n"
        "What it holds is unknown, so no CIDR can be handed out. Restore it from %s.backup "
        "or from another copy. If another Terraform is running here, wait for its end.",
        s->place.shown, s->copy.bytes.len, s->error, s->place.shown);
}

/* Has the file been the same, at 0 bytes, for long enough? */
static bool is_steady(struct state_search *s, uint64_t now_ms)
{
    if (!s->was_tried || !same_file(&s->copy.st, &s->tried)) {
        s->was_tried = true;
        s->tried = s->copy.st;
        s->steady_ms = now_ms;
    }
    return s->with_note || now_ms - s->steady_ms >= STATE_STEADY_MS;
}

static enum state_status try_empty(struct state_search *s, uint64_t now_ms, bool last)
{
    enum touched touched = touched_since_lock(s);
    bool steady = is_steady(s, now_ms);
    if ((touched != TOUCHED_NO || !steady) && !last) {
        return STATE_WAIT;
    }
    return judge_empty(s, touched == TOUCHED_YES ||
                              (touched == TOUCHED_UNKNOWN && !same_file(&s->copy.st, &s->first)));
}

static enum state_status poll_file(struct state_search *s, uint64_t now_ms)
{
    bool last = now_ms >= s->deadline_ms;
    file_copy_free(&s->copy);
    file_copy_read(&s->copy, s->place.path, s->options.max_bytes);
    if (!s->seen) {
        s->seen = true;
        s->first = s->copy.st;
    }
    switch (s->copy.status) {
    case FILE_WHOLE:
        return try_bytes(s, now_ms, last);
    case FILE_ABSENT:
        return judge_empty(s, false);
    case FILE_EMPTY:
        return try_empty(s, now_ms, last);
    case FILE_MOVING:
        if (!last) {
            return STATE_WAIT;
        }
        return refuse(s, CANNOT_READ,
                      "%s has been changing for %u seconds and was never whole. Another Terraform "
                      "works here without a lock; run the command again when it has ended.",
                      s->place.shown, STATE_PATIENCE_MS / 1000);
    case FILE_BAD:
        break;
    }
    return refuse(s, CANNOT_READ,
                  "%s: %s. Make it readable, or name the state in the provider block: "
                  "state { path = \"...\" }.",
                  s->place.path, s->copy.problem);
}

/* ---- The command --------------------------------------------------------------------------- */

static const char *child_origin(struct state_search *s)
{
    switch (s->place.kind) {
    case PLACE_COMMAND:
        return arena_printf(s->arena, "the output of `%s`", s->options.command[0]);
    case PLACE_PULL:
        return arena_printf(s->arena, "the state that backend \"%s\" holds", s->place.shown);
    case PLACE_FILE:
    case PLACE_MEMORY:
        break;
    }
    return s->place.shown;
}

static const char *child_name(struct state_search *s)
{
    return s->place.kind == PLACE_COMMAND ? s->options.command[0] : "terraform state pull";
}

static enum state_status start_command(struct state_search *s, uint64_t now_ms)
{
    int error;
    s->child = state_child_start(NULL, s->options.command, s->place.directory, s->options.max_bytes,
                                 now_ms, &error);
    if (!s->child) {
        return refuse(s, CANNOT_READ, "The state command `%s` cannot be started: %s.",
                      s->options.command[0], strerror(error));
    }
    s->phase = PHASE_CHILD;
    return STATE_WAIT;
}

/* The Terraform that started us knows the backend, the workspace and the credentials. Started by
 * something else, the one in PATH is the best guess. */
static enum state_status start_pull(struct state_search *s, uint64_t now_ms)
{
    static const char *const names[] = {"terraform", "tofu"};
    const char *argv[] = {names[0], "state", "pull", "-no-color", NULL};
    int error = 0;
    s->child = NULL;
    if (s->place.terraform) {
        s->child =
            state_child_start(arena_printf(s->arena, "/proc/%d/exe", s->place.terraform), argv,
                              s->place.directory, s->options.max_bytes, now_ms, &error);
    } else {
        for (size_t i = 0; i < 2 && !s->child && (i == 0 || error == ENOENT); i++) {
            argv[0] = names[i];
            s->child = state_child_start(NULL, argv, s->place.directory, s->options.max_bytes,
                                         now_ms, &error);
        }
    }
    if (!s->child) {
        return refuse(s, CANNOT_READ,
                      "Only Terraform can read %s, and `terraform state pull` cannot be started: "
                      "%s. Put terraform or tofu into PATH, or name the state in the provider "
                      "block: state { path = \"...\" } or state { command = [...] }.",
                      child_origin(s), strerror(error));
    }
    s->phase = PHASE_CHILD;
    return STATE_WAIT;
}

/* An encrypted local file can be torn under the hands of `state pull` as under ours. */
static enum state_status retry_or(struct state_search *s, uint64_t now_ms, const char *detail)
{
    if (s->place.kind == PLACE_FILE && now_ms < s->deadline_ms) {
        state_child_free(s->child);
        s->child = NULL;
        s->phase = PHASE_FILE;
        return STATE_WAIT;
    }
    return fail(s, CANNOT_READ, detail);
}

static enum state_status child_failed(struct state_search *s, uint64_t now_ms, int status)
{
    const struct buffer *errors = state_child_errors(s->child);
    const char *how = "ended in an unknown way";
    if (status != -1 && WIFEXITED(status)) {
        how = arena_printf(s->arena, "failed with exit code %d", WEXITSTATUS(status));
    } else if (status != -1 && WIFSIGNALED(status)) {
        how = arena_printf(s->arena, "was ended by signal %d", WTERMSIG(status));
    }
    return retry_or(s, now_ms,
                    arena_printf(s->arena, "`%s` %s%s\n%s", child_name(s), how,
                                 errors->len ? ":" : " and said nothing.",
                                 errors->len ? errors->data : ""));
}

static enum state_status child_done(struct state_search *s, uint64_t now_ms)
{
    int status = state_child_wait_status(s->child);
    const struct buffer *output = state_child_output(s->child);
    struct state *state;
    if (status != 0) {
        return child_failed(s, now_ms, status);
    }
    if (!output->len && s->place.kind == PLACE_PULL) {
        /* Terraform's way to say that the backend has no such object yet; what a backend stores is
         * replaced as a whole, so this is never a moment of a rewrite. */
        return give(s, state_new_empty(child_origin(s), NULL));
    }
    if (!output->len) {
        return retry_or(
            s, now_ms,
            arena_printf(s->arena,
                         "`%s` ended well and printed nothing, which does not say that the state "
                         "is empty. Before the first run, let it print "
                         "{\"version\": 4, \"resources\": []}.",
                         child_name(s)));
    }
    if (state_parse_bytes(output->data, output->len, child_origin(s),
                          s->place.kind == PLACE_FILE ? s->place.path : NULL, &state, s->error,
                          sizeof s->error) == PARSE_OK) {
        return give(s, state);
    }
    return retry_or(s, now_ms,
                    arena_printf(s->arena, "What `%s` printed (%zu bytes) is no whole state: %s.",
                                 child_name(s), output->len, s->error));
}

static enum state_status poll_child(struct state_search *s, uint64_t now_ms)
{
    switch (state_child_poll(s->child, now_ms)) {
    case CHILD_RUNNING:
        return STATE_WAIT;
    case CHILD_DONE:
        return child_done(s, now_ms);
    case CHILD_TOO_MUCH:
        return refuse(s, CANNOT_READ, "`%s` printed more than the %zu bytes allowed.",
                      child_name(s), s->options.max_bytes);
    case CHILD_TOO_LONG:
        return refuse(s, CANNOT_READ,
                      "`%s` did not end within %u seconds and was stopped. Run it by hand to see "
                      "what it waits for.",
                      child_name(s), STATE_CHILD_MS / 1000);
    case CHILD_NO_MEMORY:
        break;
    }
    arena_exhausted(s->arena);
}

/* ---- The search ---------------------------------------------------------------------------- */

static enum state_status start(struct state_search *s, uint64_t now_ms)
{
    s->deadline_ms = now_ms + STATE_PATIENCE_MS;
    if (!state_find(s->arena, &s->options, &s->place, &s->refusal)) {
        return fail(s, s->refusal.summary, s->refusal.detail);
    }
    switch (s->place.kind) {
    case PLACE_FILE:
        s->phase = PHASE_FILE;
        return poll_file(s, now_ms);
    case PLACE_PULL:
        return start_pull(s, now_ms);
    case PLACE_COMMAND:
        return start_command(s, now_ms);
    case PLACE_MEMORY:
        break;
    }
    return give(s, state_new_empty(STATE_OF_TEST, NULL));
}

static enum state_status step(struct state_search *s, uint64_t now_ms)
{
    switch (s->phase) {
    case PHASE_START:
        return start(s, now_ms);
    case PHASE_FILE:
        return poll_file(s, now_ms);
    case PHASE_CHILD:
        return poll_child(s, now_ms);
    case PHASE_READY:
        return STATE_READY;
    case PHASE_FAILED:
        break;
    }
    return STATE_FAILED;
}

enum state_status state_search_poll(struct state_search *s, uint64_t now_ms)
{
    jmp_buf guard;
    enum state_status status;
    arena_guard(s->arena, &guard);
    if (setjmp(guard) == 0) {
        status = step(s, now_ms);
    } else {
        s->refusal = (struct state_refusal){CANNOT_READ, "Out of memory while it was read."};
        s->phase = PHASE_FAILED;
        status = STATE_FAILED;
    }
    arena_guard(s->arena, NULL);
    if (status != STATE_WAIT) {
        file_copy_free(&s->copy);
        state_child_free(s->child);
        s->child = NULL;
    }
    return status;
}

static void copy_options(struct state_search *s, const struct state_options *o)
{
    s->options = *o;
    s->options.max_bytes = o->max_bytes ? o->max_bytes : STATE_MAX_BYTES;
    s->options.path = o->path ? arena_strdup(s->arena, o->path) : NULL;
    s->options.directory = o->directory ? arena_strdup(s->arena, o->directory) : NULL;
    if (o->command) {
        size_t count = 0;
        while (o->command[count]) {
            count++;
        }
        const char **command = arena_calloc(s->arena, count + 1, sizeof *command);
        for (size_t i = 0; i < count; i++) {
            command[i] = arena_strdup(s->arena, o->command[i]);
        }
        s->options.command = command;
    }
}

/* A function of its own, so that nothing it changes is read after a jump. */
static bool fill(struct state_search *s, const struct state_options *o)
{
    jmp_buf guard;
    arena_guard(s->arena, &guard);
    if (setjmp(guard) != 0) {
        return false;
    }
    copy_options(s, o);
    arena_guard(s->arena, NULL);
    return true;
}

struct state_search *state_search_new(const struct state_options *o)
{
    struct state_search *s = calloc(1, sizeof *s);
    if (s && (s->arena = arena_new()) && fill(s, o)) {
        return s;
    }
    state_search_free(s);
    return NULL;
}

void state_search_free(struct state_search *s)
{
    if (s) {
        file_copy_free(&s->copy);
        state_child_free(s->child);
        state_free(s->state);
        arena_free(s->arena);
        free(s);
    }
}

struct state *state_search_take(struct state_search *s)
{
    struct state *state = s->state;
    s->state = NULL;
    return state;
}

const char *state_search_summary(const struct state_search *s)
{
    return s->refusal.summary;
}

const char *state_search_detail(const struct state_search *s)
{
    return s->refusal.detail;
}
