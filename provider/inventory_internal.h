/*
 * inventory_internal - what the parts of the inventory share
 *
 * inventory.c         patterns, files, which format it is, what includes what
 * inventory_tree.c    YAML and JSON to a tree, within limits
 * inventory_read.c    texts, CIDRs and tags from the tree; errors with line and column
 * inventory_own.c     the own format
 * inventory_aws.c     what describe-vpcs and describe-subnets print
 * inventory_netbox.c  NetBox's prefixes
 */
#ifndef PROVIDER_INVENTORY_INTERNAL_H
#define PROVIDER_INVENTORY_INTERNAL_H

#include "proto/arena.h"
#include "proto/diag.h"
#include "provider/inventory.h"

struct inventory_limits {
    size_t bytes;  /* of a file */
    size_t files;  /* in all, included ones too */
    size_t nodes;  /* of a file: texts, lists and maps */
    size_t shared; /* of a file: nodes that stand for others through aliases */
    size_t text;   /* bytes of one text */
    size_t cidrs;  /* of a file */
    unsigned depth;
    unsigned includes; /* how deep files may include files */
};
extern const struct inventory_limits inventory_limits;

/* As inventory_load, for tests of the limits. */
bool inventory_load_within(struct sightings *s, struct diags *d, const char *const *patterns,
                           size_t count, const struct inventory_limits *limits);

/* --- inventory_tree.c --- */

enum node_kind { NODE_NULL, NODE_TEXT, NODE_LIST, NODE_MAP };

/* One value of a document. Where an alias stood there is a node of its own with the content of the
 * other one. */
struct node {
    const struct node *next; /* in its list; in a map keys and values alternate */
    union {
        const struct node *first; /* of a list, of a map */
        const char *text;         /* of a text */
    };
    uint32_t line, column; /* from 1 */
    uint32_t count;        /* of elements; of keys and values */
    enum node_kind kind;
};

struct tree_error {
    uint32_t line, column;
    const char *text; /* in the arena, or static */
};

/* The documents of a file as a list that hangs together by `next`, in the arena; false with *error
 * set when it is no YAML within the limits, or a key comes twice. O(n log n). */
bool tree_parse(struct arena *a, const char *bytes, size_t len,
                const struct inventory_limits *limits, const struct node **documents,
                struct tree_error *error);
/* The value of a key; NULL when there is none, when it is null, or when this is no map. */
const struct node *node_get(const struct node *map, const char *key);

/* --- inventory_read.c --- */

/* What a file says for those of its networks that do not say it themselves; "": nothing. */
struct inventory_defaults {
    const char *account, *region, *cloud, *scope;
};

/* What reading one file needs. */
struct reader {
    struct sightings *sightings;
    struct arena *arena; /* of this file */
    const struct inventory_limits *limits;
    const char *file;   /* as in messages */
    const void *source; /* of its sightings */
    struct inventory_defaults defaults;
    size_t cidrs;
    const char *problem; /* NULL while all is well */
};

/* Notes what is wrong where; always false. `p` is where in the document, NULL: at its root. */
bool reader_fail(struct reader *r, const struct node *at, const struct path *p, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));
/* "file:12:3", for messages. */
const char *reader_where(struct reader *r, const struct node *at);

/* All of these are false after reader_fail. The text of a key: "" when there is none or it is
 * null. */
bool read_text(struct reader *r, const struct node *map, const struct path *p, const char *key,
               const char **out);
/* The same, and there must be one. */
bool read_required(struct reader *r, const struct node *map, const struct path *p, const char *key,
                   const char **out);
/* A list under a key: NULL when there is none or it is null. */
bool read_list(struct reader *r, const struct node *map, const struct path *p, const char *key,
               const struct node **out);
bool expect_map(struct reader *r, const struct node *n, const struct path *p);

/* CIDRs in the making, in the order of the file. */
struct cidr_list {
    struct cidr *items;
    size_t count, capacity;
};
bool read_cidr(struct reader *r, const struct node *text, const struct path *p,
               struct cidr_list *out);
/* Completes the sighting with file, line, CIDRs and what the tags say, and adds it. */
bool add_sighting(struct reader *r, const struct node *at, struct sighting *one,
                  const struct cidr_list *cidrs);

/* Calls fn for each element of a list (NULL: none) with its path. */
typedef bool (*read_element)(struct reader *r, const struct node *element, const struct path *p,
                             void *ctx);
bool each_element(struct reader *r, const struct node *list, const struct path *p, read_element fn,
                  void *ctx);

/* --- the formats: whole documents or what a key of them holds --- */

/* `networks` and `prefixes` of the own format. */
bool read_own(struct reader *r, const struct node *document);
bool read_aws_vpcs(struct reader *r, const struct node *list, const struct path *p,
                   const struct node *subnets);
bool read_aws_subnets(struct reader *r, const struct node *list, const struct path *p);
bool read_netbox(struct reader *r, const struct node *list, const struct path *p);
bool read_netbox_prefix(struct reader *r, const struct node *one, const struct path *p, void *ctx);

#endif
