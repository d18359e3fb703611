/*
 * forecast - what a plan knows of its apply
 *
 * Terraform plans in one provider process and applies in another, and tells the second one nothing
 * but the change that is due. The first one has seen all of them. It leaves what it saw in a file
 * (forecast_file.c), a hint that may be lost: which CIDRs are asked for by name, which CIDRs pools
 * will get, what will go. forecast.c says what the apply makes of it, and why that is safe.
 *
 * Every function does nothing for an estate without a forecast (tools, tests).
 */
#ifndef PROVIDER_FORECAST_H
#define PROVIDER_FORECAST_H

#include "provider/estate.h"

struct forecast;

/* NULL when memory is out. lineage and serial: of the state that is worked on. The estate must be
 * complete and outlive it. */
struct forecast *forecast_new(struct estate *e, const char *lineage, int64_t serial);
void forecast_free(struct forecast *f);

/* --- in a plan; elsewhere they do nothing --- */

/* Something is planned. Even a forecast that says nothing tells an apply that there was a plan. */
void forecast_begin(struct call *c);

/* A pool will be created: shows how its id will begin, see forecast_pool_key. */
void forecast_pool(struct call *c, struct change *ch);
/* A pool will get a CIDR. */
void forecast_supply(struct call *c, const struct change *ch);
/* The attribute `cidr` of a new object, when it is written, is asked for in the pool that the
 * attribute `pool` names. */
void forecast_wish(struct call *c, const struct change *ch, const char *pool, const char *cidr);
/* A network of that Region will have this CIDR, of no pool: see occupied_counts. */
void forecast_network(struct call *c, const char *region, const struct cidr *cidr);
/* The plan of an object shows these CIDRs, to be taken from that pool. Sorts and merges the array.
 */
void forecast_wish_all(struct call *c, const struct change *ch, const char *pool,
                       struct cidr *cidrs, size_t count);
/* These lines (see departure_fn) will go. Returns a line that names the forecast, for the plan's
 * private bytes; "" when there is none. */
const char *forecast_departure(struct call *c, const char *lines);

/* --- in a plan that Terraform repeats in an apply --- */

/* Before a check: what the pool will get in this run counts as there, as it did in the plan. */
void forecast_expect(struct call *c, const char *pool_id);

/* --- in an apply --- */

/* How the ids of pools with this configuration begin: derived from what a plan knows and an apply
 * does not change, so that a plan can tell pools without ids apart. NULL: something is not known.
 */
const char *forecast_pool_key(struct call *c, const struct value *config);
/* A pool of this key is created in this call, if it succeeds. */
void forecast_creating(struct call *c, const char *key, const char *id);

/* Before something is drawn from a pool: keeps draws off what others will ask for by name, and, in
 * a run whose places are all taken by calls that wait, gives the pool the CIDRs that it will get in
 * this run. As issue_begin. */
bool forecast_prepare(struct call *c, const char *pool_id, enum outcome *out);
/* Was the pool given the CIDR of this request already? *out is that CIDR. In plans, too. */
bool forecast_provided(struct call *c, const struct provision_request *r, struct cidr *out);
/* This request was answered, with whatever result. */
void forecast_settled(struct call *c, const struct provision_request *r);

/* In a run whose places are all taken by calls that wait: is everything in that CIDR of the pool
 * going to leave in this run? `plan`: the private bytes of the CIDR's own planned removal. */
bool forecast_lets_go(struct call *c, struct bytes plan, const char *pool_id,
                      const struct cidr *cidr);

#endif
