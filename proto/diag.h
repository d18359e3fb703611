/*
 * diag - attribute paths and diagnostics
 *
 * All that a user ever sees of a provider, apart from values. Summary: what failed on what.
 * Detail: the fact with its numbers, the rule, the remedy.
 */
#ifndef PROTO_DIAG_H
#define PROTO_DIAG_H

#include <stdbool.h>

#include "arena.h"
#include "value.h"

enum path_kind { PATH_ATTRIBUTE, PATH_KEY, PATH_INDEX };

/* A path is a chain from its last step to the root (NULL), so that walking down needs no copy:
 * a step may stand on the stack while its subtree is walked; diag_* copy what they keep. */
struct path {
    const struct path *parent;
    enum path_kind kind;
    const char *name; /* attribute, key */
    int64_t index;
};

#define PATH_ATTR(p, n)    (&(struct path){.parent = (p), .kind = PATH_ATTRIBUTE, .name = (n)})
#define PATH_MAP_KEY(p, n) (&(struct path){.parent = (p), .kind = PATH_KEY, .name = (n)})
#define PATH_ELEMENT(p, i) (&(struct path){.parent = (p), .kind = PATH_INDEX, .index = (i)})

struct path *path_copy(struct arena *a, const struct path *p);
/* `.tags["Name"]`, `.operating_regions[0].region_name`; "" for the root. */
const char *path_describe(struct arena *a, const struct path *p);

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct diag {
    struct diag *next;
    enum severity severity;
    const char *summary;
    const char *detail;
    const struct path *path; /* NULL: the whole resource */
};

/* In the order of reporting. At most DIAGS_MAX are kept; one more says how many were left out. */
struct diags {
    struct arena *arena;
    struct diag *first, *last;
    unsigned errors, warnings;
};
#define DIAGS_MAX 1000

void diags_init(struct diags *d, struct arena *a);
void diag_error(struct diags *d, const struct path *p, const char *summary, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warning(struct diags *d, const struct path *p, const char *summary, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
