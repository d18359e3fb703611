/*
 * drift - what the world says of resources that the state holds
 */
#ifndef PROVIDER_DRIFT_H
#define PROVIDER_DRIFT_H

#include "provider/adopt.h"

/* A resource as the state has it. Texts are never NULL. */
struct drift_subject {
    const char *name; /* for messages: "VPC vpc-0..." */
    const char *id;   /* by which witnesses know it */
    const char *owner, *region;
    enum sighting_kind kind;
    struct cidr cidrs[2];  /* IPv4 and IPv6; unset: none */
    const char *pools[2];  /* that they belong to, or "" */
    const char *draw_by;   /* the argument that sets its size: "ipv4_netmask_length" */
    const char *cidr_name; /* ... and the one that sets its CIDR: "cidr_block" */
};

/* Where the row of a VPC or a subnet has what is compared; IPv4 first. */
struct drift_row {
    const char *what; /* "VPC" */
    enum sighting_kind kind;
    const struct common *common;
    const struct field_string *owner, *cidrs[2], *pools[2];
};

struct drift_subject drift_subject_of(struct arena *a, const struct drift_row *row);

enum drift {
    DRIFT_NONE,
    DRIFT_MOVED, /* the CIDRs are others */
    DRIFT_GONE,
};

/*
 * Compares the subject with what was seen of it, by its id, else by a tag ipam-allocation-id that
 * names its allocation or itself. Warns of every difference. *now: the CIDRs as they are; the old
 * ones stay in the engine for the rest of the run, marked as leaving for the plan. *private
 * remembers that it was seen: only what was seen once can be gone. O(log n) when nothing differs
 * and nothing overlaps.
 */
enum drift drift_look(struct call *c, const struct drift_subject *s, struct bytes *private,
                      struct cidr now[2]);

/* The same for one of several CIDRs of a VPC (an association). */
enum drift drift_look_member(struct call *c, const char *name, const char *vpc_id,
                             const struct cidr *cidr, struct bytes *private);

/* A reservation of that id, which a network may carry as its tag ipam-allocation-id. *now: the CIDR
 * that it has according to an inventory. */
enum drift drift_look_reservation(struct call *c, const char *name, const char *allocation_id,
                                  const struct cidr *cidr, struct cidr *now);

/* The end of a resource that a refresh found moved: gives back what the stored state still has for
 * it. As engine_said_yes. */
bool drift_release(struct call *c, const char *id, const char *doing, enum outcome *out);

/* The line of private data that says that it was seen, with its line break; NULL: it was not. */
const char *drift_seen_line(struct arena *a, struct bytes private);

/* The sightings in address order, see drift.c. */
struct sky;
void sky_free(struct sky *s);

#endif
