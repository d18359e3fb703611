/*
 * set_choice - which CIDR each request of an allocation set has
 */
#ifndef PROVIDER_SET_CHOICE_H
#define PROVIDER_SET_CHOICE_H

#include "provider/estate.h"

/* What a set is asked for: the attributes `requests` and `short_requests`, which have no key in
 * common. Maps, or null values. */
struct set_requests {
    const struct value *full, *brief;
};

struct set_entry {
    const char *key;
    const struct value *request; /* an object as in `requests`, however it was written */
    bool brief;                  /* written in `short_requests` */
    struct cidr cidr;            /* written, kept or chosen; unset: not known (yet) */
    const char *id;              /* of the allocation, "" while cidr or pool are not known */
    int length;                  /* of the block to choose; -1: not known, or none is given */
    bool kept;                   /* cidr and id are what the set has already */
    bool open;                   /* what decides the CIDR is not known yet */
};

struct set_choice {
    const char *set_id;      /* "" in the plan of a create */
    const char *pool_id;     /* "" while it is not known */
    struct set_entry *items; /* by key */
    size_t count;
    const char **gone; /* ids of allocations that the set has and gives back */
    size_t gone_count;
};

/* What stays, what goes and what is written: everything that needs no look at the pool. `prior` is
 * a map (the attribute `cidrs`) or a null value. O(n log n). */
struct set_choice set_compare(struct call *c, const char *set_id, const char *pool_id,
                              const struct set_requests *requests, const struct value *prior);

/* The request of one key, as an object of `requests`; null when there is none. O(log n). */
const struct value *set_request(struct arena *a, const struct set_requests *r, const char *key);

/* What is wrong with a text of `short_requests`, or NULL. */
const char *check_short_request(struct arena *a, const char *text);

/* Where a request, or an attribute of it, is written. */
const struct path *set_entry_path(struct arena *a, const struct set_entry *e,
                                  const char *attribute);

/* Takes the CIDRs that the plan shows (the attribute `cidrs`) for entries that have none. */
void set_take_planned(struct call *c, struct set_choice *s, const struct value *cidrs);

/* Chooses blocks for all entries that have none and are not open, as far as the pool has room: the
 * largest first, then by key. as_marked: as if nothing had happened in this run. False, with a
 * diagnostic, when memory is out. O(n log n + what the pool holds). */
bool set_choose(struct call *c, struct set_choice *s, bool as_marked);

/* Is this one of the set's allocations? */
bool set_owns(const char *set_id, const struct allocation *a);
const char *set_resource_id(struct arena *a, const char *set_id, const char *key);
/* The id of the allocation of one key. */
const char *set_allocation_id(struct arena *a, const char *pool_id, const char *key,
                              const struct cidr *cidr);

/* The attributes `cidrs` and `allocations`; the latter has the keys of `requests` only. */
const struct value *set_cidrs(struct arena *a, const struct set_choice *s);
const struct value *set_allocations(struct arena *a, const struct set_choice *s);

/* Indices of the entries by address; those without a CIDR last. */
size_t *set_by_address(struct arena *a, const struct set_choice *s);

#endif
