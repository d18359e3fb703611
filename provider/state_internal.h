/*
 * state_internal - what the parts of the state reader share
 *
 * state.c (the steps) asks state_find.c where the state is, state_file.c for a consistent copy of
 * a file, state_child.c for the output of a command, and state_json.c and state_parse.c what the
 * bytes mean.
 * Strings live in the arena of the search unless a comment says otherwise.
 */
#ifndef PROVIDER_STATE_INTERNAL_H
#define PROVIDER_STATE_INTERNAL_H

#include <glob.h>
#include <sys/stat.h>

#include "proto/arena.h"
#include "provider/state.h"

/* Why there is no state. detail may hold any bytes; it is cleaned when it is handed out. */
struct state_refusal {
    const char *summary;
    const char *detail;
};

/* ---- Growing bytes, state_file.c ----------------------------------------------------------- */

/* Bytes that grow. Zeroed is empty; data is malloc memory of the owner, NUL-terminated once
 * something was appended. */
struct buffer {
    char *data;
    size_t len, capacity;
};

/* false: memory is out, nothing was changed. */
bool buffer_add(struct buffer *t, const char *bytes, size_t len);
bool buffer_puts(struct buffer *t, const char *string);
void buffer_free(struct buffer *t);

/* ---- state_parse.c ------------------------------------------------------------------------- */

struct state {
    struct json_object *root;      /* NULL: there is no state yet */
    struct json_object *resources; /* inside root */
    char *origin, *path;           /* malloc; path may be NULL */
    const char *lineage;           /* inside root, or "" */
    int64_t serial;
    size_t managed; /* instances of managed resources */
    struct scratch {
        struct buffer address, provider;
    } * scratch; /* of the walk that is going on */
};

enum parse_result { PARSE_OK, PARSE_ENCRYPTED, PARSE_BAD };

/* As state_parse. PARSE_ENCRYPTED: a whole document that only OpenTofu can read. */
enum parse_result state_parse_bytes(const char *bytes, size_t len, const char *origin,
                                    const char *path, struct state **out, char *error,
                                    size_t error_size);

/* A state without resources: nothing was stored yet. NULL when memory is out. */
struct state *state_new_empty(const char *origin, const char *path);

/* ---- state_json.c -------------------------------------------------------------------------- */

/* A whole JSON object within the state reader's limits, or NULL with the reason. */
struct json_object *state_json_object(const char *bytes, size_t len, char *error,
                                      size_t error_size);
/* "a string", for messages. */
const char *state_json_kind(struct json_object *v);

/* ---- state_file.c -------------------------------------------------------------------------- */

enum file_status {
    FILE_WHOLE,  /* bytes is what the file held at one moment, at least one byte */
    FILE_ABSENT, /* no such file */
    FILE_EMPTY,  /* 0 bytes */
    FILE_MOVING, /* it changed while it was read */
    FILE_BAD,    /* no regular file, too large, not permitted, ... : problem says which */
};

struct file_copy {
    enum file_status status;
    struct buffer bytes;
    struct stat st; /* of WHOLE, EMPTY, MOVING */
    char problem[160];
};

/* A consistent copy: the file is read twice and compared, because a writer that rewrites it in
 * place can change it between two reads within one tick of the clock of the file system. Follows
 * symbolic links, never blocks on a FIFO. Free with file_copy_free. */
void file_copy_read(struct file_copy *c, const char *path, size_t max_bytes);
void file_copy_free(struct file_copy *c);

/* The following see what other hosts have done on a network file system, where open(2), stat(2)
 * and glob(3) may answer from memory. */
/* For reading, with further flags of open(2), never blocking. -1: see errno. */
int file_open(const char *path, int flags);
/* The folder that the path is in. -1: see errno. */
int file_open_folder(const char *path);
/* As stat(2). */
int file_stat(const char *path, struct stat *out);
/* As glob(3); what is missing matches nothing, and a folder that cannot be read is an error. Free
 * with globfree when it did not return GLOB_NOSPACE. */
int file_glob(const char *pattern, glob_t *out);

/* The serial at the head of a state file, where Terraform writes it; -1: it cannot be told. Reads
 * one block. */
int64_t state_file_serial(const char *path);

/* Everything that a file of /proc or a small configuration file holds. false: see errno. */
bool file_slurp(const char *path, size_t max_bytes, struct buffer *out);

/* <directory>/.<name>.lock.info of a state file, as Terraform names it. */
const char *state_lock_info_path(struct arena *a, const char *state_path);

/* ---- state_find.c -------------------------------------------------------------------------- */

enum place_kind {
    PLACE_FILE,    /* a local state */
    PLACE_PULL,    /* a backend that only Terraform can reach */
    PLACE_COMMAND, /* the command that the user gave */
    PLACE_MEMORY,  /* `terraform test` keeps its states in memory */
};

struct state_place {
    enum place_kind kind;
    const char *directory; /* absolute; where Terraform works */
    const char *path;      /* file: absolute */
    const char *shown;     /* file: as in messages; pull: the type of the backend */
    bool elsewhere;        /* file: not the one that `state pull` would print */
    int terraform;         /* pid of the Terraform that started us, 0: unknown */
};

bool state_find(struct arena *a, const struct state_options *o, struct state_place *out,
                struct state_refusal *why);

/* ---- state_child.c ------------------------------------------------------------------------- */

struct state_child;

enum child_status { CHILD_RUNNING, CHILD_DONE, CHILD_TOO_MUCH, CHILD_TOO_LONG, CHILD_NO_MEMORY };

/* NULL with the reason in *error (errno). argv[0] is looked up in PATH unless `file` is given. */
struct state_child *state_child_start(const char *file, const char *const *argv,
                                      const char *directory, size_t max_bytes, uint64_t now_ms,
                                      int *error);
/* Never blocks. After anything but RUNNING it is only good for the functions below. */
enum child_status state_child_poll(struct state_child *c, uint64_t now_ms);
/* What it printed; valid until the free. */
const struct buffer *state_child_output(const struct state_child *c);
const struct buffer *state_child_errors(const struct state_child *c);
/* After DONE: as waitpid says; -1: unknown. */
int state_child_wait_status(const struct state_child *c);
/* Ends it with its process group and reaps it, if it still runs. */
void state_child_free(struct state_child *c);

#endif
