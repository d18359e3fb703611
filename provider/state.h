/*
 * state - finding and reading Terraform's state of this root module
 *
 * The provider's knowledge comes from state alone, so this is where "never the same CIDR twice" is
 * won or lost: a state that cannot be read is unknown, never empty.
 *
 * Where it looks, in this order (the first that applies decides):
 *   1. the provider block's `state { path = ... }` or `state { command = [...] }`;
 *   2. the backend that the working directory is initialised with
 *      (${TF_DATA_DIR:-.terraform}/terraform.tfstate): anything but `local` is asked for through
 *      Terraform itself, `<parent executable> state pull`;
 *   3. local backend: -state= of the running command (the command line of the parent, TF_CLI_ARGS,
 *      TF_CLI_ARGS_<command>; where the parent is not Terraform, the lock info beside a state that
 *      is locked), path and workspace_dir of the backend's configuration, the selected workspace
 *      (TF_WORKSPACE, else the `environment` file, else default).
 * `terraform test` keeps its states in memory: there, 2 and 3 are an empty state.
 *
 * Torn files. Terraform truncates and rewrites a local state in place after every resource, and
 * creates it with 0 bytes when it takes the lock. A file that is empty, unparsable or changing is
 * therefore read again until it is whole or the patience is over. Then:
 *   - a whole state without resources: empty;
 *   - no file, or 0 bytes that are older than the lock or stay as they are, and no .backup beside
 *     it that holds resources or cannot be read: empty (a first run; it is not waited for when the
 *     lock info shows that this run has not written yet);
 *   - anything else: refused, with what to restore.
 *
 * Reading never blocks: state_search_poll is called again when it says STATE_WAIT.
 */
#ifndef PROVIDER_STATE_H
#define PROVIDER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

/* A state file beyond this is refused. json-c needs some 10 times the size in memory. */
#define STATE_MAX_BYTES (512u << 20)
#define STATE_MAX_DEPTH 64
/* How long a torn file is read again, how long a child may take. */
#define STATE_PATIENCE_MS 5000
/* How long 0 bytes that look untouched must stay so before they are believed, where the file was
 * not made together with the lock. */
#define STATE_STEADY_MS 250
#define STATE_CHILD_MS  60000

struct state_options {
    const char *path;           /* NULL: search */
    const char *const *command; /* NULL-terminated argv whose stdout is a state; NULL: none */
    const char *directory;      /* NULL: the working directory. For tests */
    int parent;                 /* pid of Terraform; 0: getppid(). For tests */
    size_t max_bytes;           /* 0: STATE_MAX_BYTES. For tests */
};

enum state_status { STATE_WAIT, STATE_READY, STATE_FAILED };

struct state_search;
struct state;

/* NULL when memory is out. The options are copied. */
struct state_search *state_search_new(const struct state_options *o);
/* A child that still runs is ended. */
void state_search_free(struct state_search *s);

/* One step; never blocks longer than reading the file takes. After STATE_WAIT call again in
 * STATE_POLL_MS. */
#define STATE_POLL_MS 5
enum state_status state_search_poll(struct state_search *s, uint64_t now_ms);

/* After STATE_READY; the caller owns it. */
struct state *state_search_take(struct state_search *s);
/* After STATE_FAILED: what failed on what / the fact, the rule, the remedy. Owned by s. */
const char *state_search_summary(const struct state_search *s);
const char *state_search_detail(const struct state_search *s);

void state_free(struct state *s);
/* For messages: "terraform.tfstate", "the state that backend \"http\" holds". */
const char *state_origin(const struct state *s);
/* ... of `terraform test`, which keeps its states to itself and plans many times in one run */
#define STATE_OF_TEST "the memory of `terraform test`"
/* The local file, absolute; NULL when the state is not a local file. Its neighbours are
 * <path>.backup, and later the claims. */
const char *state_path(const struct state *s);
bool state_is_empty(const struct state *s); /* no managed resources */
int64_t state_serial(const struct state *s);
const char *state_lineage(const struct state *s); /* "" for an empty one */

/* One instance of one resource, as stored. Valid during the visit. */
struct state_instance {
    const char *type;     /* "aws_vpc" */
    const char *provider; /* source address: "terraform.local/ipam/ipam" */
    const char *address;  /* module.a.aws_vpc.b["c"], for messages */
    bool deposed, tainted;
    int64_t schema_version;
    struct json_object *attributes; /* an object, never NULL */
};
/* Managed resources only, every module and instance, deposed and tainted ones too. fn returns false
 * to stop; state_each is false when it was stopped or memory is out. fn may leave by longjmp; it
 * must not walk the same state again. */
typedef bool (*state_visit)(void *ctx, const struct state_instance *i);
bool state_each(const struct state *s, state_visit fn, void *ctx);
/* The same for the results of data sources; what is not well-formed is passed over. The address is
 * "". */
bool state_each_data(const struct state *s, state_visit fn, void *ctx);

/* Parses bytes (state pull, tests, fuzzing): NULL and *error (static or in buf) when they are not a
 * state of format version 4. 0 bytes are an error here. */
struct state *state_parse(const char *bytes, size_t len, const char *origin, const char *path,
                          char *error, size_t error_size);

/* The nth newest (0: the newest) readable backup beside a local state: <path>.backup,
 * <path>.<seconds>.backup (what `terraform state rm` leaves). NULL when there is none. Import looks
 * here for what left the state. */
struct state *state_backup(const char *state_path, unsigned nth);

#endif
