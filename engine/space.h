/*
 * space - which parts of some prefixes are free
 *
 * The free space of one pool: any number of disjoint root prefixes of one family (the pool's
 * CIDRs), and disjoint blocks taken out of them. Next-free answers the lowest free aligned block;
 * its cost does not grow with the number of blocks (see the essay in space.c).
 *
 * Failure: functions that return enum space_result change nothing unless they return SPACE_OK.
 */
#ifndef ENGINE_SPACE_H
#define ENGINE_SPACE_H

#include "cidr.h"

struct space;

enum space_result {
    SPACE_OK = 0,
    SPACE_NO_MEMORY,
    SPACE_OUTSIDE,   /* not inside one root */
    SPACE_TAKEN,     /* overlaps a taken block; for roots: overlaps another root */
    SPACE_NOT_FOUND, /* no such root, no such block */
    SPACE_IN_USE,    /* the root still has taken blocks */
    SPACE_FULL,      /* no free block of that length */
    SPACE_WRONG_FAMILY,
};

struct space *space_new(enum family f); /* NULL when memory is out */
void space_free(struct space *s);

enum space_result space_add_root(struct space *s, const struct cidr *root);
enum space_result space_remove_root(struct space *s, const struct cidr *root);

/* Takes exactly this block. On SPACE_TAKEN *conflict (may be NULL) is a taken block it overlaps:
 * the lowest one. */
enum space_result space_claim(struct space *s, const struct cidr *block, struct cidr *conflict);
/* Gives back exactly this block (it must have been claimed as it is, not as parts). */
enum space_result space_release(struct space *s, const struct cidr *block);

/* The lowest free aligned block of length len that overlaps none of `avoid` (disjointness among
 * those is not needed), over all roots in address order. Takes nothing. Cost without avoid:
 * O(roots + depth of the structure); each avoided prefix that is met adds one such walk. `avoid` in
 * cidr_compare order costs one look at each; otherwise it is copied and sorted (SPACE_NO_MEMORY).
 * Prefixes of the other family are ignored. */
enum space_result space_next_free(const struct space *s, unsigned len, const struct cidr *avoid,
                                  size_t avoid_count, struct cidr *out);

/* Length of the largest free aligned block; -1 when nothing is free. O(roots). */
int space_largest_free(const struct space *s);

/* Exactly this block taken? / the lowest taken block that overlaps c, if any. */
bool space_holds(const struct space *s, const struct cidr *block);
bool space_overlapping(const struct space *s, const struct cidr *c, struct cidr *out);
/* The root that contains c. */
bool space_root_of(const struct space *s, const struct cidr *c, struct cidr *out);

/* In address order; fn returns false to stop. The space must not change meanwhile. Free space comes
 * as the fewest, largest aligned blocks of each root, cut to `within`; a used block comes whole
 * even when `within` is a part of it. `within` may be NULL. Returns false when stopped. */
typedef bool (*space_visit)(void *ctx, const struct cidr *block);
bool space_each_root(const struct space *s, space_visit fn, void *ctx);
bool space_each_used(const struct space *s, const struct cidr *within, space_visit fn, void *ctx);
bool space_each_free(const struct space *s, const struct cidr *within, space_visit fn, void *ctx);

/* Addresses. used + free == total. O(1). */
struct count space_total(const struct space *s);
struct count space_used(const struct space *s);
size_t space_block_count(const struct space *s); /* taken blocks */
size_t space_root_count(const struct space *s);
/* Bytes held, for the bench. */
size_t space_memory(const struct space *s);

/* Every internal invariant, for tests: summaries right, counts right, blocks disjoint and inside
 * the roots. O(size). */
bool space_check(const struct space *s);

#endif
