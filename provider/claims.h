/*
 * claims - what runs have issued that may be in no state yet
 *
 * Terraform writes an allocation to its state only after the provider has answered, and a provider
 * reads states when it is configured. In between, other processes draw from the same pools: the
 * aliases of one configuration, other root modules, other pipelines, other hosts on a shared
 * folder. So each issue is noted in a journal beside the state that holds the pool, under an
 * exclusive lock, after everything that others have noted there was read.
 *
 * A claim is no store. It counts as long as its run lives, and after that until the run's state was
 * read: then the state alone is the truth. What cannot be read keeps its claims, and nothing is
 * issued from the pools concerned.
 *
 * The medium is behind struct journal: a file beside a local state (claims_file.c).
 */
#ifndef PROVIDER_CLAIMS_H
#define PROVIDER_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "proto/arena.h"
#include "proto/diag.h"
#include "provider/state.h"

/* --- claims_file.c: the journal as a file --- */

#define JOURNAL_SUFFIX    ".ipam-claims"
#define JOURNAL_MAX_BYTES (64u << 20)
#define JOURNAL_MAX_LINE  8192u

enum journal_result {
    JOURNAL_OK,
    JOURNAL_BUSY,   /* another process has the lock */
    JOURNAL_FAILED, /* journal_problem says why; nothing was written */
    JOURNAL_NO_MEMORY,
};

struct journal;

/* Opens nothing yet. NULL when memory is out. The path is copied. */
struct journal *journal_new(const char *path);
void journal_free(struct journal *j);
const char *journal_path(const struct journal *j);
const char *journal_problem(const struct journal *j);

/* One record, valid during the call. False: memory is out, the record is read again later. */
typedef bool (*journal_visit)(void *ctx, struct json_object *record, size_t bytes);

/* Takes the exclusive lock without waiting; makes the file (mode 0600) when it is not there. */
enum journal_result journal_lock(struct journal *j);
void journal_unlock(struct journal *j);
bool journal_is_locked(const struct journal *j);
/*
 * Hands out the records that were not read yet. *restarted: the file was replaced since
 * (compacted), so all of them come again. A last line that is torn is left for later, or cut off
 * when the lock is held; a damaged line before the last one is a failure, because what it said is
 * not known. No file holds no records. O(new bytes).
 */
enum journal_result journal_read(struct journal *j, journal_visit fn, void *ctx, bool *restarted);
/* Appends the records with one write; all of them or none. Needs the lock, and everything read.
 * durable: they also survive a crash of the machine. */
enum journal_result journal_append(struct journal *j, struct json_object *const *records,
                                   size_t count, bool durable);
/* Replaces the content. Needs the lock; after it the lock is held on the new file. */
enum journal_result journal_rewrite(struct journal *j, struct json_object *const *records,
                                    size_t count);
/* The process that has the lock now, as far as this machine knows; 0: not known. */
int journal_lock_owner(const struct journal *j);

/* --- claims_mount.c: do locks reach other hosts --- */

/* The mount option, in the text of a /proc/self/mountinfo, that keeps the locks of files on this
 * device on this machine; NULL: there is none. */
const char *mount_local_lock(const char *mountinfo, dev_t device);
/* The same from this machine's, NULL also where there is no such file. False: memory is out. */
bool mount_keeps_locks(dev_t device, const char **option);

/* --- claims_alive.c: who claims, and does it still run --- */

/* A provider process and the Terraform that started it. Texts are "" when not known. */
struct claimant {
    const char *name; /* random; claims refer to it */
    const char *host, *boot, *pid_namespace;
    int64_t terraform, provider; /* process ids */
    int64_t started;             /* of terraform, clock ticks since boot */
    const char *state;           /* path of its local state: absolute in memory, relative to the
                                    journal's folder in a journal */
    const char *shown;           /* its state for people */
    const char *lineage, *folder, *workspace;
    const char *lock;  /* id of the state lock that its run held */
    const char *since; /* for people only: clocks differ */
};

/* Fills in what concerns processes, folder, workspace and lock. Texts live in `a`. False: the
 * system gives no random bytes. */
bool claimant_self(struct arena *a, const char *state_path, struct claimant *out);
bool claimant_same_run(const struct claimant *a, const struct claimant *b);

enum life { LIFE_RUNS, LIFE_GONE, LIFE_UNKNOWN };
/* On the same machine and in the same namespace: its Terraform's process. Otherwise its state lock.
 * `state_path`: its state as seen from here, or NULL. */
enum life claimant_life(const struct claimant *who, const struct claimant *self,
                        const char *state_path);

enum lock_state { LOCK_FREE, LOCK_HELD, LOCK_UNKNOWN };
/* Terraform's lock on a local state file. With LOCK_HELD, `id` gets the lock's id, or "". */
enum lock_state state_lock_probe(const char *state_path, char *id, size_t size);

#endif
