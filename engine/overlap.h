/*
 * overlap - which networks share addresses
 *
 * Works on a plain list of CIDRs with whom they belong to, those of one address space (scope). It
 * needs no engine: callers with a million networks from files ask the same questions as a provider
 * about its estate.
 *
 * The rule: two items overlap when they have an address in common. A subnet inside its own network
 * is no overlap; two networks, two subnets, or a subnet and another network are.
 */
#ifndef ENGINE_OVERLAP_H
#define ENGINE_OVERLAP_H

#include "cidr.h"

struct overlap_item {
    struct cidr cidr;
    const char *network; /* id of the network that it is (a part of), or is in; "": of none */
    const char *owner;   /* account, subscription, project, team; "" when not known */
    uint32_t ref;        /* the caller's own, for example a position in its list */
    bool subnet;         /* it is a subnet of `network` */
    bool overlapping;    /* answered by overlap_mark */
};

/* Brings the items into the order that the functions below need: address order, containers first.
 * O(n log n). */
void overlap_sort(struct overlap_item *items, size_t n);

/* Sets `overlapping` of each item and returns how many pairs overlap. The items must be sorted.
 * O(n log n) whatever the number of pairs, and no memory. */
uint64_t overlap_mark(struct overlap_item *items, size_t n);

/*
 * Overlapping items that are connected with each other: all of them lie in one outermost CIDR. They
 * are among items[first] to items[first + count - 1]; those between them that overlap nothing
 * (subnets of one of the networks) have `overlapping` false.
 */
struct overlap_group {
    struct cidr outermost;
    size_t first, count;
    size_t members; /* with `overlapping` */
    uint64_t pairs;
};
typedef bool (*overlap_group_visit)(void *ctx, const struct overlap_item *items,
                                    const struct overlap_group *g);
/* In address order, after overlap_mark; fn returns false to stop, and so does this. O(n log n). */
bool overlap_each_group(const struct overlap_item *items, size_t n, overlap_group_visit fn,
                        void *ctx);
/* The different owners of a group's members, sorted, "" left out. `out` has room for g->members.
 * Returns how many. O(members log members). */
size_t overlap_owners(const struct overlap_item *items, const struct overlap_group *g,
                      const char **out);

typedef bool (*overlap_pair_visit)(void *ctx, const struct overlap_item *outer,
                                   const struct overlap_item *inner);
/* Every overlapping pair once, of sorted items; `outer` contains `inner` or equals it. There may be
 * n * n / 2 of them: fn returns false to stop, and so does this. O(n log n + pairs), no memory. */
bool overlap_each_pair(const struct overlap_item *items, size_t n, overlap_pair_visit fn,
                       void *ctx);

#endif
