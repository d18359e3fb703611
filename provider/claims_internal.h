/*
 * claims_internal - what the parts of the claims share
 *
 * claims.c          issuing: the order of lock, reading, choosing, noting
 * claims_records.c  the records of a journal, what they mean to the engine, compacting
 * claims_file.c     the journal as a file
 * claims_mount.c    whether its lock reaches other hosts
 * claims_alive.c    does a run still live
 * members.c         the states of the estate
 *
 * A holder is a journal and everything known from it. A member is a state. Every state that is a
 * local file has a journal beside it; the states that are not share one in a folder.
 */
#ifndef PROVIDER_CLAIMS_INTERNAL_H
#define PROVIDER_CLAIMS_INTERNAL_H

#include "provider/claims.h"
#include "provider/estate.h"

struct holder;

/* One state of the estate. Texts live in the arena of the claims unless said otherwise. */
struct member {
    struct member *next;
    const char *path; /* local file, without symbolic links; NULL: not a local file */
    const char *const *command;
    const char *shown;   /* for messages */
    const char *lineage; /* as the state says; before it was read: as a journal says, or "" */
    bool own, configured, read;
    bool missing;     /* there is no document: no file, or 0 bytes */
    bool stale;       /* it has to be read again, whatever its times say */
    bool racy;        /* it was read so soon after a write that its times prove nothing */
    struct stat seen; /* before it was read */
    struct state_search *search;
    struct arena *arena;      /* of `holds` */
    struct lh_table *holds;   /* what it held: lines of departures */
    struct arena *next_arena; /* both while it is being read again */
    struct lh_table *next_holds;
    dev_t device;       /* of the file when it was looked at last; Terraform writes it in place */
    ino_t inode;        /* 0: there was none */
    size_t objects;     /* managed instances, of any provider */
    int64_t serial;     /* of the state as it was read */
    char problem[1024]; /* why it cannot be relied on; "" when it can */
    struct holder *holder;
};

/* A provider process that claimed. */
struct run {
    struct run *next;
    struct claimant who;
    bool mine; /* the Terraform that started this process */
    enum life life;
    uint64_t checked_ms;
    struct member *member; /* its state; NULL: cannot be told */
    struct claim *claims;
    size_t open; /* claims that are not over */
    bool asked;  /* for its state, since it is gone */
};

struct claim {
    struct claim *next, *next_of_run;
    struct run *run;
    const char *id, *pool, *resource, *owner, *region;
    const char *scope; /* the CIDR of a top-level pool: its scope; else NULL */
    enum allocation_type type;
    struct cidr cidr;
    bool counted;  /* the engine has it because of this claim */
    bool over;     /* withdrawn, or its state was read: the state tells */
    bool released; /* by a run that may not have written its state yet */
};

struct quarantine {
    struct quarantine *next;
    const char *pool, *resource, *id;
    struct cidr cidr;
    int64_t until; /* seconds since 1970 */
    bool counted;
};

struct member_link {
    struct member_link *next;
    struct member *member;              /* NULL: a state that cannot be reached from here */
    const char *lineage, *shown, *path; /* as the record says */
    bool forgotten;
};

struct holder {
    struct holder *next;
    struct journal *journal;
    const char *folder;             /* of the journal */
    struct run *runs, *self;        /* self: this process, once it notes something */
    struct claim *claims, *counted; /* newest first; from `counted` on the engine was told */
    struct quarantine *quarantines;
    struct member_link *links;
    struct lh_table *run_by_name, *claim_by_id;
    size_t bytes;
    bool changed;           /* records came since they were last looked at */
    bool announced, linked; /* this process, this state are noted, if they need to be */
    bool puzzled;           /* one of them is not understood */
    char problem[1024];     /* why nothing may be issued under it */
};

struct claims {
    struct arena *arena;
    struct estate *estate;
    struct claimant self;
    struct member *members, *own;
    size_t member_count;
    struct holder *holders;
    struct lh_table *places; /* id of a pool or scope of another state -> its member */
    const char *folder;      /* claims { path }, or NULL */
    unsigned lock_timeout_ms;
    unsigned token; /* counts the locks taken */
    uint64_t now_ms;
    bool joined;
    bool unsettled; /* members were read and the engine was not settled yet */
    bool released;  /* space was given back by another process: waiting calls may go on */
};

/* ---- members.c */

struct member *member_own(struct claims *x, const char *path, const char *lineage, bool missing);
/* The state in that file; added when it is new. `shown` NULL: the path. NULL: there are too many.
 */
struct member *member_at(struct claims *x, const char *path, const char *shown);
/* The journal of the pools that this state holds; NULL: there is no place for one. */
struct holder *member_holder(struct claims *x, struct member *m);
struct member *member_with_lineage(struct claims *x, const char *lineage);
const char *path_real(struct arena *a, const char *path);
const char *path_relative(struct arena *a, const char *from_folder, const char *path);
const char *path_below(struct arena *a, const char *folder, const char *path);
/* Reads the members that were not read, or that changed and are at rest. */
enum state_status members_refresh(struct claims *x);
/* Its content is what was read, as far as its times tell. */
bool member_is_current(const struct member *m);
/* Some run works on it: what it issues is in journals. */
bool member_is_busy(const struct claims *x, const struct member *m);
bool member_holds(const struct member *m, const char *line);
/* Every state that was read, for messages. */
const char *members_named(const struct claims *x, struct arena *a);
void members_free(struct claims *x);

/* ---- claims_records.c */

struct holder *holder_at(struct claims *x, const char *journal_path);
void holders_free(struct claims *x);
/* Reads what is new. False: h->problem, or memory (then by arena_exhausted). */
enum journal_result holder_read(struct claims *x, struct holder *h, bool *restarted);
/* Which runs are gone, what follows from it; counts the claims of the others. */
void holder_settle(struct claims *x, struct holder *h, bool configuring);
/* All claims again: a state may have let go of what a claim still holds. */
void holders_recount(struct claims *x);
const char *claim_line(struct arena *a, const struct claim *k);
enum journal_result holder_compact(struct claims *x, struct holder *h);
bool holder_wants_compacting(const struct holder *h);
/* Rewrites the journal without what a run or an allocation id claims, or without a member. */
enum journal_result holder_drop(struct claims *x, struct holder *h, const char *name,
                                size_t *dropped);
enum journal_result holder_forget(struct claims *x, struct holder *h, const char *path,
                                  size_t *dropped);
/* Records are built with json-c; NULL: memory is out. The first: of this process. */
struct json_object *record_run(const struct claims *x, const struct holder *h, struct arena *a);
/* Record of a state that draws from here. */
struct json_object *record_member(const struct holder *h, const struct member *m, struct arena *a);
struct json_object *record_of(const char *kind, const char *value, const char *by);
bool record_text(struct json_object *r, const char *name, const char *value);
bool record_number(struct json_object *r, const char *name, int64_t value);
/* Why no allocation may be drawn under this journal now; NULL: it may. */
/* The own state is not there, but runs on it have issued: what is at stake. NULL: all is well. */
const char *run_lost(const struct claims *x, const struct holder *h, struct arena *a);
/* Why no allocation may be drawn under this journal now; NULL: it may. */
const char *holder_obstacle(const struct claims *x, struct holder *h, struct arena *a);
/* Before something is noted: nothing needs memory any more after it. */
void holder_prepare(struct claims *x, struct holder *h);

/* A quarantine that was noted takes effect in this process. False: memory is out. */
bool quarantine_add(struct claims *x, struct holder *h, const char *pool, const struct cidr *c,
                    const char *resource, int64_t until);
/* Quarantines inside a pool's CIDR do not keep it from being deprovisioned. */
void quarantines_lift(struct claims *x, const char *pool, const struct cidr *c);

#endif
