/*
 * sighting - networks that exist according to somebody else
 *
 * Two kinds of witnesses: states that other providers wrote (a VPC of hashicorp/aws, a virtual
 * network of Azure, a network of Google), and inventories (files that the provider block names).
 * What they tell is kept apart from what the own resources say of themselves, so that the two can
 * be compared: that is drift. A sighting holds no pool's space by itself; see occupied.c.
 *
 * Invariants: texts are never NULL; every CIDR is set; a sighting with an id is there once, told by
 * the witness that was added last, an inventory before a state.
 */
#ifndef PROVIDER_SIGHTING_H
#define PROVIDER_SIGHTING_H

#include "engine/engine.h"

/* The tag by which a network names the allocation that it stands on. */
#define ALLOCATION_TAG "ipam-allocation-id"

enum sighting_kind { SIGHTED_NETWORK, SIGHTED_SUBNET, SIGHTED_PREFIX };
enum witness { WITNESS_STATE, WITNESS_INVENTORY };

struct sighting {
    const char *id;         /* vpc-..., the resource id of Azure, the self link of Google; "" */
    const char *network_id; /* of a subnet, or of a CIDR that was added to a VPC: what it is in; of
                             * a network: its own id; "" */
    const char *cloud;      /* "aws", "azure", "google", or what the inventory says; "" */
    const char *owner;      /* account, subscription, project; "" */
    const char *region, *zone, *name;
    const char *allocation_id; /* the value of ALLOCATION_TAG, or "" */
    const char *scope_id;      /* that it belongs to; "" (NULL when added): not said */
    const char *where;         /* for messages: "aws_vpc.main in net.tfstate", "vpcs.yaml:12:3" */
    const struct cidr *cidrs;  /* in address order, both families */
    size_t cidr_count;
    struct cidr primary; /* the IPv4 one that a VPC was made with, one of cidrs; may be unset */
    struct tags tags;
    enum sighting_kind kind;
    enum witness witness;
    const void *source; /* who told it, for sightings_forget; NULL: it is never taken back */
};

struct sightings;

struct sightings *sightings_new(void); /* NULL when memory is out */
void sightings_free(struct sightings *s);
/* Copies it; CIDRs and tags may come in any order. One with the same id is replaced, unless that
 * would put a state before an inventory. False: memory is out. O(log n). */
bool sightings_add(struct sightings *s, const struct sighting *one);
/* Takes back all that came from `source`; what it replaced counts again. Pointers to sightings end
 * here and with sightings_add. O(n). */
void sightings_forget(struct sightings *s, const void *source);
size_t sightings_count(const struct sightings *s);
/* Another number after every sightings_add and sightings_forget, for what is derived from them. */
uint64_t sightings_version(const struct sightings *s);
/* The one with that id / that allocation id; NULL when there is none. O(log n). */
const struct sighting *sightings_find(const struct sightings *s, const char *id);
const struct sighting *sightings_of_allocation(const struct sightings *s,
                                               const char *allocation_id);
typedef bool (*sighting_visit)(void *ctx, const struct sighting *one);
/* By id, then those without one in the order they came; fn returns false to stop. */
bool sightings_each(const struct sightings *s, sighting_visit fn, void *ctx);

/* Something that a witness tells and that cannot be understood, as a sentence: its space cannot be
 * kept free. / Each of them in the order they came. False: memory is out. */
bool sightings_unclear(struct sightings *s, const void *source, const char *text);
void sightings_each_unclear(const struct sightings *s, void (*fn)(void *ctx, const char *text),
                            void *ctx);

/* An inventory says that it is complete for an account and a Region; NULL: for all. False: memory
 * is out. */
bool sightings_cover(struct sightings *s, const char *account, const char *region,
                     const char *where);
/* Where it is said that everything of that account and Region would have been seen; else NULL. */
const char *sightings_covered(const struct sightings *s, const char *account, const char *region);

#endif
