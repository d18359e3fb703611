/*
 * ctl - what the verbs of ipamctl share
 *
 * ipamctl answers questions about address space from Terraform's states and from inventories. It
 * only reads: no lock is taken, nothing is written, nothing is claimed. A verb is one file and one
 * line in verbs.c: main parses the command line, loads the world (one struct estate, the same that
 * the provider works with), and runs the verb, which either answers with a value tree (printed as
 * --output says, after --query) or prints text of its own.
 *
 * Everything that was read is untrusted: no text of a state or an inventory reaches a terminal
 * except through text_safe (terminal.h) or the printers of output.h.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "proto/text.h"
#include "provider/data.h"

/* The exit codes, as --help tells them. */
enum ctl_exit {
    CTL_FINE = 0,
    CTL_FINDING = 1,    /* the verb was asked whether something is so, and it is not */
    CTL_USAGE = 2,      /* the command line, or something it names, is wrong */
    CTL_UNREADABLE = 3, /* a state or an inventory cannot be read, or the answer not written */
};

/* --- the command line, options.c --- */

enum option_kind {
    OPTION_TEXT,   /* one value; the last one counts */
    OPTION_LIST,   /* every word up to the next option; may be repeated */
    OPTION_SWITCH, /* no value */
};
struct option {
    const char *name;  /* "--ipam-pool-id"; NULL ends a table */
    const char *value; /* placeholder in help: "ID" */
    const char *help;  /* NULL: taken for the AWS CLI's sake, without effect, and not shown */
    enum option_kind kind;
    bool required;
};
/* Options of every verb. */
extern const struct option common_options[];
/* Those of verbs that answer with a value: --output, --query. */
extern const struct option answer_options[];

struct ctl;
struct verb {
    const char *name;     /* "get-ipam-pool-cidrs" */
    const char *service;  /* the AWS CLI's word before it; NULL: none, it is ipamctl's own */
    const char *summary;  /* one line */
    const char *examples; /* command lines, each ended by a newline */
    const struct option *options;
    bool answers; /* takes answer_options */
    bool offline; /* needs no state */
    enum ctl_exit (*run)(struct ctl *c);
};
/* verbs.c; ends with a NULL. */
extern const struct verb *const ctl_verbs[];

/* A value of an option, in the order of the command line. */
struct given {
    const struct option *option;
    const char *text;
};

struct ctl {
    struct arena *arena;
    const struct verb *verb;
    struct given *given;
    size_t given_count;
    struct estate *estate; /* loaded; NULL for an offline verb */
    struct diags diags;
    struct call call; /* for the hooks of data sources: its state is the estate */
    bool unreadable;  /* something could not be read: the answer lacks it, and the exit code says so
                       */
};

/* The last value of an option, or NULL. / Was it given? */
const char *ctl_option(const struct ctl *c, const char *name);
bool ctl_has(const struct ctl *c, const char *name);
/* All values, in order; they live in the arena. */
const char *const *ctl_options(const struct ctl *c, const char *name, size_t *count);
/* A whole number within the bounds; absent: *out stays. False after an error (CTL_USAGE). */
bool ctl_number(struct ctl *c, const char *name, long low, long high, long *out);

/* Finds the verb and takes its options apart. False: *exit says how the program ends; help and
 * version are printed by then, errors told. */
bool ctl_parse(struct ctl *c, int argc, char **argv, enum ctl_exit *exit);

/* --- telling what failed --- */

/* `ipamctl: what failed` and below it fact, rule and remedy; on stderr. Returns `code`. */
enum ctl_exit ctl_fail(enum ctl_exit code, const char *summary, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for every error and warning in c->diags; empties them. False: there was no error. */
bool ctl_report(struct ctl *c);

/* --- world.c: loading --- */

/* Reads all states and inventories into c->estate. Anything but CTL_FINE: an error was told, and
 * there is nothing to answer from. */
enum ctl_exit ctl_load(struct ctl *c);
void ctl_unload(struct ctl *c);
/* The path of each state that was read from a local file. */
void ctl_each_local_state(struct ctl *c, void (*fn)(void *ctx, const char *path), void *ctx);

/* The id of the IPAM that stands in where no state that was read has one. */
#define ASSUMED_IPAM "ipam-assumed"

/* The scope that is meant: --ipam-scope-id, else the default private one of --ipam-id, else of the
 * only IPAM. NULL after an error. */
const struct scope *ctl_scope(struct ctl *c);
/* The IPAMs that are meant: --ipam-id, else all. NULL-terminated; NULL after an error. */
const struct ipam *const *ctl_ipams(struct ctl *c);
/* The pool that --ipam-pool-id names, which the verb requires. NULL after an error. */
const struct pool *ctl_pool(struct ctl *c);
/* Pools of a scope (NULL: of any) that are not the provider's own: top-level ones, or those below
 * `above`; in address order of their first CIDR, then by id. NULL-terminated, in the arena.
 * Following them downwards always ends: circles are cut, and what is deeper than CTL_POOL_DEPTH is
 * left out. */
#define CTL_POOL_DEPTH 256 /* more than the provider's quota can be raised to */
const struct pool *const *ctl_pools_below(struct ctl *c, const struct scope *s,
                                          const struct pool *above);

/* --- answers --- */

/* Applies --query and prints as --output says. */
enum ctl_exit ctl_answer(struct ctl *c, const struct value *answer);
/* Writes text as it is to stdout. */
enum ctl_exit ctl_print(struct text *t);

#endif
