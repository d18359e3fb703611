/*
 * adopt - networks that exist already become resources and allocations
 */
#ifndef PROVIDER_ADOPT_H
#define PROVIDER_ADOPT_H

#include "provider/estate.h"

/* What the inventory, or a state, says a network's CIDR of that family is: the one that a VPC was
 * made with, else the lowest. NULL: it has none. O(CIDRs). */
const struct cidr *sighting_cidr(const struct sighting *s, enum family f);
bool sighting_has(const struct sighting *s, const struct cidr *c);
/* `vpc-1 (account 1, Region r; seen at vpcs.yaml:3:5)` */
const char *sighting_text(struct arena *a, const struct sighting *s);

/*
 * The pool that an existing CIDR of that Region belongs to, NULL: none. That is the deepest pool
 * that contains it and has the Region as its locale; of several (other scopes) the one in a default
 * scope, then the one with the lowest id. A scope_id that is known leaves only the pools of that
 * scope ("": any). Pools that plan the inside of a VPC take no VPC.
 * O(pools).
 */
const struct pool *adopt_pool(const struct engine *e, const struct cidr *c, const char *region,
                              const char *scope_id);
bool adopt_pool_contains(const struct pool *p, const struct cidr *c);
/* The planning pool of that VPC that a subnet's CIDR belongs to, NULL: none. */
const struct pool *adopt_planning_pool(const struct engine *e, const struct cidr *c,
                                       const char *vpc_id);

/* An object of the resource with its defaults, and what every sighting tells: id, Region, owner,
 * tags. The rest is null. */
const struct value *adopt_base(struct call *c, const struct resource *r, const struct sighting *s);

/* The object of a sighting, or NULL after reporting why it cannot be one. */
typedef const struct value *(*adopt_fn)(struct call *c, const struct sighting *s);
/* As import_object, but what is remembered nowhere may have been seen: then fn tells what it is. */
enum outcome import_network(struct call *c, const struct resource *r, const char *text,
                            const char *prefix, enum sighting_kind kind, adopt_fn fn,
                            const struct value **state, struct bytes *private);
/* Was the pool found by searching, so that the pool that the configuration names is taken without a
 * replacement? And the private bytes that say so. */
bool import_is_found(struct bytes private);
/* Is this one of the lines of the private data? It ends with a line break. */
bool private_says(struct bytes private, const char *line);
struct bytes import_found(void);
#define IMPORT_FOUND "ipam:found\n"
/* The private bytes of such an object once it was applied: the configuration has had its say. */
struct bytes import_joined(struct arena *a, struct bytes private);
/* A remembered object whose pool is not known any more gets the one that adopt_pool finds. */
void adopt_missing_pool(struct call *c, const char *pool_name, const char *cidr_name,
                        const struct value **state, struct bytes *private);
/* May a resource move to that pool with the CIDR that it has? Reports when the pool is known to
 * have CIDRs and none contains it. */
bool adopt_may_join(struct call *c, const char *attribute, const char *what, const char *pool_id,
                    const struct cidr *cidr);

/* What an update means to a CIDR that is there: a size that it has already, or a pool for it,
 * renumbers nothing, so these replacements are dropped. True when the object joins a pool with its
 * CIDR. */
struct adopt_kept {
    const char *what, *pool_name, *length_name; /* "EC2 VPC", and its attributes */
    const struct field_string *had_cidr, *had_pool, *pool;
    const struct field_int *length;
};
bool adopt_plan_keep(struct call *c, struct change *ch, const struct adopt_kept *k);
/* Does the IPv6 CIDR, which changes in place, stay: is what it was drawn by what the update asks
 * for? `written`: the CIDR in the configuration, or null. */
bool adopt_keeps_v6(const struct adopt_kept *k, const struct value *written);

/*
 * Pools with auto_import take the networks that were seen inside of them, and those of this
 * provider's resources that name no pool, by AWS's rules: the
 * network's Region is the pool's locale; its CIDR lies in a CIDR of the pool and overlaps no
 * allocation there; of networks that overlap each other the largest, of equal ones the one with the
 * lowest id. Rules of the pool do not matter: what breaks them is noncompliant. Nothing is stored,
 * so it is called after every configuration. False: memory is out. O((networks + pools) log).
 */
bool adopt_discovered(struct estate *e, struct arena *scratch);

#endif
