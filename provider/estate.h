/*
 * estate - what a configured provider knows and how its files share it
 *
 * One struct estate belongs to one configuration of the provider: the engine, filled from state,
 * and the few settings of the provider block that resources need. Everything in this header is
 * internal to provider/.
 */
#ifndef PROVIDER_ESTATE_H
#define PROVIDER_ESTATE_H

#include "engine/engine.h"
#include "proto/provider.h"
#include "provider/sighting.h"
#include "provider/state.h"

/* Documented defaults of the provider block. */
#define DEFAULT_REGION                 "us-east-1"
#define DEFAULT_ACCOUNT_ID             "123456789012"
#define DEFAULT_EXHAUSTION             80
#define DEFAULT_DISCOVERIES_PER_REGION 1
#define DEFAULT_ASSOCIATIONS_PER_IPAM  5

struct estate {
    struct arena *arena; /* holds the settings */
    struct engine *engine;
    const char *region;
    const char *account_id;
    bool account_named; /* by the provider block; else nobody knows which account it really is */
    const struct value *default_tags; /* a map, never NULL */
    struct ignored_tags {
        const char *const *keys, *const *prefixes; /* NULL-terminated, or NULL: none */
    } ignored_tags;
    int exhaustion_warning;                                 /* percent of a pool; 0: none */
    unsigned discoveries_per_region, associations_per_ipam; /* quotas, see discovery.c */
    const char *origin;                                     /* which state was read, for messages */
    const char *state_path;                                 /* local state file, or NULL */
    const struct organization *organization;                /* NULL: not described */
    struct watch *watch;         /* of the state file; NULL: there is none */
    struct engine *insides;      /* the insides of VPCs, see inside.c */
    struct memory *memory;       /* what data sources tell and the engine does not hold */
    struct previews *previews;   /* previews with a key */
    struct sightings *sightings; /* what others tell of, see sighting.h */
    struct own_cidrs *own;       /* networks of the own state without a pool, see occupied.h */
    struct lh_table *occupants;  /* ids of the engine's own occupants, see occupied.c */
    struct sky *sky;             /* ... in address order, see drift.c; NULL: not needed yet */
    struct claims *claims;       /* what others issue; NULL: nobody else does (tests, tools) */
    struct forecast *forecast; /* what the plan knows of its apply; NULL: nothing (tests, tools) */
};

extern const struct provider ipam_provider;

/* Every resource, one line each (registry.c). */
extern const struct resource *const ipam_resources[];
extern const struct resource ipam_resource, scope_resource, pool_resource, pool_cidr_resource,
    allocation_resource, vpc_resource;

/* One object's attributes, from a state file or from a request. */
struct facts {
    struct arena *arena;
    struct engine *insides;    /* where a VPC's inside is loaded; NULL: nowhere */
    struct json_object *json;  /* either this */
    const struct value *value; /* or this */
    const char *where;         /* which state tells it; NULL: this run. Lives as the estate */
};
/* NULL when absent, null or "". Valid as long as the source, or the arena. */
const char *fact_string(const struct facts *f, const char *name);
/* -1 when absent, null or 0 (which AWS writes for an unset length). */
int fact_length(const struct facts *f, const char *name);
bool fact_bool(const struct facts *f, const char *name);
bool fact_bool_or(const struct facts *f, const char *name, bool fallback);
struct tags fact_tags(const struct facts *f, const char *name);
/* The string attribute `inner` of every element of the block `name`, NULL-terminated; without
 * inner the elements of the list or set `name` themselves. */
const char *const *fact_inner_strings(const struct facts *f, const char *name, const char *inner);
/* Each member of the map of strings `name`, text NULL when it is none; fn returns false to stop. */
typedef bool (*fact_visit)(void *ctx, const char *key, const char *text);
void fact_each(const struct facts *f, const char *name, fact_visit fn, void *ctx);
/* The object with that key in the map `name`; false when there is none. */
bool fact_member(const struct facts *f, const char *name, const char *key, struct facts *out);
/* False when it is there and no CIDR; an absent one gives an unset *out. */
bool fact_cidr(const struct facts *f, const char *name, struct cidr *out);
/* The account in the object's arn, or "". */
const char *fact_account(const struct facts *f);

/* What a resource's object means to the engine. LOAD_MALFORMED: *problem names the attribute. */
enum load_result { LOAD_OK, LOAD_NO_MEMORY, LOAD_MALFORMED };
typedef enum load_result (*load_fn)(struct engine *e, const struct facts *f, const char **problem);
load_fn resource_loader(const struct resource *r);

/*
 * What leaves the engine when an object goes, as lines of text: `a <allocation id>` or
 * `c <cidr>_<pool id>`; in the inside of a VPC `s <allocation id>` or `v <cidr>_<inside id>`;
 * `e <set id>` for all that an allocation set holds, `d <id>` of what only the memory has. Text,
 * because it has to travel through a plan's private bytes: a forced
 * replacement (-replace) plans the new object without saying what becomes of the old one.
 */
typedef const char *(*departure_fn)(const struct facts *f);
departure_fn resource_departure(const struct resource *r); /* NULL: nothing leaves */
const char *depart_pool_cidr(const struct facts *f);
const char *depart_allocation(const struct facts *f);
const char *depart_vpc(const struct facts *f);
/* Marks them as leaving for this plan's checks. */
void departure_mark(const struct estate *e, const char *lines);

/*
 * Called first by the plan hook of a resource with departures. Marks what the prior object holds
 * when it is going to be destroyed or replaced, also after -replace.
 */
void plan_departure(struct call *c, struct change *ch, const struct resource *r);
enum load_result load_ipam(struct engine *e, const struct facts *f, const char **problem);
enum load_result load_scope(struct engine *e, const struct facts *f, const char **problem);
enum load_result load_pool(struct engine *e, const struct facts *f, const char **problem);
enum load_result load_pool_cidr(struct engine *e, const struct facts *f, const char **problem);
enum load_result load_allocation(struct engine *e, const struct facts *f, const char **problem);
enum load_result load_vpc(struct engine *e, const struct facts *f, const char **problem);
static inline enum load_result load_result_of(enum engine_result r)
{
    return r == ENGINE_OK ? LOAD_OK : LOAD_NO_MEMORY; /* loading never refuses */
}

/* The resource that answers to this type name; NULL when it is none of ours. */
const struct resource *resource_named(const char *type_name);

/* --- config.c: the provider block --- */

extern const struct schema provider_schema, provider_meta_schema;
enum outcome provider_configure(struct call *c, const struct value *config,
                                const char *terraform_version, void **state);
void provider_unconfigure(void *state);

/* An estate without any knowledge; NULL when memory is out. */
struct estate *estate_new(void);
void estate_free(struct estate *e);

/* --- hydrate.c: state -> engine --- */

/* Generated IPv6 CIDRs (assign_generated_ipv6_cidr_block) come from a pool of the provider's own,
 * /56 after /56: the upper half of Amazon's 2600:1f00::/24, the range that pools of Amazon's IPv6
 * space are given from. It belongs to no IPAM. */
#define AMAZON_IPV6_POOL "amazon-ipv6"
#define AMAZON_IPV6_CIDR "2600:1f80::/25"

/* Loads every instance of our types. The first failure is reported and ends it. */
bool estate_hydrate(struct estate *e, const struct state *s, struct diags *d);

/* The same for one object that a request brought along (its type's resource, its attributes), when
 * the engine does not have it: a state that was not found by reading still counts. */
bool estate_learn(struct call *c, const struct resource *r, const struct value *object);

/* Is this source address (host/namespace/type) the one that this process was installed as? */
bool provider_is_ours(const char *source);

/* --- memory.c: attributes that the engine does not hold --- */

enum network_kind { NETWORK_VPC, NETWORK_SUBNET, NETWORK_ASSOCIATION, NETWORK_KINDS };

/* A VPC, a subnet, or a CIDR associated with a VPC, whether a pool is behind it or not. Texts are
 * "" when not known; an unset v4 or v6 says that there is none. */
struct network {
    const char *id; /* first: the index compares it */
    const char *vpc_id, *region, *owner, *zone, *tenancy;
    struct cidr v4, v6;
    struct tags tags;
    const char *where; /* the state that has it; "": this run made it */
    enum network_kind kind;
    bool dns_support, dns_hostnames, address_metrics;
};

struct memory *memory_new(void); /* NULL when memory is out */
void memory_free(struct memory *m);
/* An object of any resource; what data sources do not ask for is not kept. O(log n). */
void memory_remember(struct memory *m, const struct resource *r, const struct facts *f);
void memory_forget(struct memory *m, const struct resource *r, const char *id);
/* False: memory was out once, so something may be missing. */
bool memory_is_whole(const struct memory *m);

/* An IPAM, a scope, a pool or an organization admin account as it was last seen, decoded in `a`; a
 * null value when it is not known. */
const struct value *memory_object(const struct memory *m, struct arena *a, const struct resource *r,
                                  const char *id);
const struct network *memory_network(const struct memory *m, const char *id); /* or NULL */
/* A plan removes the object with that id, which stays until it is gone. / Does one? */
void memory_leave(struct memory *m, const char *id);
bool memory_leaves(const struct memory *m, const char *id);
/* The ids of all that are known, in order. */
typedef void (*id_visit)(void *ctx, const char *id);
void memory_each_id(const struct memory *m, const struct resource *r, id_visit fn, void *ctx);
typedef void (*network_visit)(void *ctx, const struct network *n);
/* By id. */
void memory_each_network(const struct memory *m, enum network_kind kind, network_visit fn,
                         void *ctx);

/* Keeps the memory up to date, see estate_observe. */
void provider_observe(struct call *c, const struct resource *r, const struct value *prior,
                      const struct value *now);

/* Every data source and every function, one line each (registry.c, functions.c). */
extern const struct data_source *const ipam_data_sources[];
extern const struct function *const ipam_functions[];

/* --- allocation_set.c --- */

extern const struct resource allocation_set_resource;
enum load_result load_set(struct engine *e, const struct facts *f, const char **problem);
const char *depart_set(const struct facts *f);

/* --- plan_ahead.c: ids and addresses that the plan shows --- */

/* The provider's plan hook, see struct provider. */
enum outcome plan_ahead(struct call *c, const struct resource *r, struct change *ch);
/* The provider's before_apply hook: the resource's own private bytes instead of the envelope. */
void plan_ahead_open(struct call *c, struct change *ch);

/* --- preview.c: which CIDR a pool would give next --- */

/* Asks what a reservation would ask, with the tags that the pool requires. length -1: the pool's
 * default. */
struct allocation_request preview_request(struct call *c, const char *pool_id, int length,
                                          const struct field_value *disallowed, const char *region);

/* --- preview_keys.c: previews with a key --- */

struct previews *previews_new(void); /* NULL when memory is out */
void previews_free(struct previews *p);
/* What this key has, or NULL. */
const struct cidr *previews_find(const struct previews *p, const char *pool_id, const char *key);
/* Sets what the key has; false when memory is out. */
bool previews_put(struct previews *p, const char *pool_id, const char *key, const struct cidr *c,
                  bool stored);
/* All CIDRs of keys in that pool, in address order; stored: only those that the state had. */
const struct cidr *previews_of(const struct previews *p, struct arena *a, const char *pool_id,
                               bool stored, size_t *count);
/* A state_visit for data sources; the context is the estate. False: memory is out. */
bool previews_hydrate(void *ctx, const struct state_instance *i);
/* Is this one of the names of the data source (data_preview.c)? */
bool data_is_preview(const char *type_name);

/* --- capacity.c --- */

/* The end of a plan hook: warns of a pool that cannot serve the whole plan, or that the plan makes
 * nearly full, once each. again: a second plan, which was warned of. granted: what was asked for
 * belongs to the plan, and the engine has not taken it yet. */
void capacity_planned(struct call *c, const struct resource *r, bool again, bool granted);

/* --- import.c --- */

/* `ID` or `ID@region`. Cuts the region off; *region is NULL when there is none. */
const char *import_split(struct call *c, const char *text, const char **region);

/* Looks for an object that left the state: in the own state and its backups, any of the
 * resource's names, by its id attribute. NULL when nobody knows it. */
const struct value *import_recall(struct call *c, const struct resource *r, const char *id,
                                  const char **origin);

/* The state with empty collections for absent nested blocks, as Terraform wants it. */
const struct value *import_blank(struct call *c, const struct resource *r, const struct value *v);

/* For an object that nobody remembers: a state with just the given attributes, marked so that the
 * next plan takes the rest from the configuration instead of replacing it. Warns the user. */
void import_adopt(struct call *c, const struct resource *r, const struct value **state,
                  struct bytes *private);
bool import_is_adopted(struct bytes private);
/* Private data of an object that is not, or no longer, merely adopted. */
struct bytes import_settled(void);

/* What is remembered of an object, for an import that may name a Region: NULL when nobody knows it.
 * A Region that it is not in is an error. */
const struct value *import_known(struct call *c, const struct resource *r, const char *id,
                                 const char *region);

/* The import of a resource whose id has the form prefix + hex: recalled, else adopted. */
enum outcome import_object(struct call *c, const struct resource *r, const char *text,
                           const char *prefix, const struct value **state, struct bytes *private);

/* The plan of an adopted object: config as for a create, ids kept, nothing replaced. `cidr` (or
 * NULL) names the attribute that the configuration must set, because an existing CIDR cannot be
 * chosen anew. */
void plan_adopted(struct call *c, struct change *ch, const struct schema *s, const char *cidr);

/* How the plan of a resource with tags begins, unless it is deleted: with plan_adopted if the
 * object is adopted (then true), and with plan_common. */
bool plan_begin(struct call *c, struct change *ch, const struct schema *s, const char *cidr);

/* --- inside.c: the CIDRs of VPCs, and their subnets --- */

/* The pool in estate.insides that stands for the CIDRs of one family of a VPC. */
const char *inside_id(struct arena *a, const char *vpc_id, enum family f);
/* Loading: false when memory is out. Nothing happens without insides or with an unset CIDR. */
bool inside_load_cidr(struct engine *insides, struct arena *a, const char *vpc_id,
                      const struct cidr *c);
bool inside_load_subnet(struct engine *insides, struct arena *a, const char *vpc_id,
                        const char *subnet_id, const struct cidr *c);
/* The request for a subnet's place; subnet_id "" while there is none. */
struct allocation_request inside_request(struct arena *a, const char *vpc_id, const char *subnet_id,
                                         const struct cidr *c);
/* A line of departures: this CIDR leaves the VPC. */
const char *inside_departure(struct arena *a, const char *vpc_id, const struct cidr *c);
/* Is the VPC known from state? */
bool inside_known(struct call *c, const char *vpc_id);
/* Where subnets are, which CIDRs the VPC has. */
const struct cidr *inside_subnets(struct call *c, const char *vpc_id, enum family f, size_t *count);
const struct cidr *inside_cidrs(struct call *c, const char *vpc_id, enum family f, size_t *count);
/* As engine_said_yes, for answers of estate.insides. */
bool inside_said_yes(struct call *c, enum engine_result result, const char *doing,
                     const struct refusal *why, const char *attribute, enum outcome *out);
/* Warnings about a subnet's place: it overlaps another, or left the VPC's CIDRs. a may be NULL. */
void inside_report(struct call *c, const char *subject, const struct allocation *a);
/* Is no subnet in that CIDR of the VPC? As engine_said_yes. */
bool inside_vacant(struct call *c, const char *vpc_id, const struct cidr *cidr, const char *doing,
                   enum outcome *out);
/* The VPC no longer has this CIDR, which is vacant. */
void inside_drop_cidr(struct call *c, const char *vpc_id, const struct cidr *cidr);

/* --- planning.c: pools that plan the inside of a VPC --- */

/* The VPC whose subnets draw from this pool or from pools above it; NULL: it plans none. */
const char *planning_vpc(const struct engine *e, const struct pool *p);
/* A planning pool takes CIDRs of its VPC and nothing else: checks the request for one, and turns a
 * length into the CIDR that is meant. Other pools pass. As engine_said_yes. */
bool planning_request(struct call *c, struct provision_request *r, const char *doing,
                      enum outcome *out);

/* --- zone.c: availability zones --- */

/* The nth zone of a Region, counted from 0: eu-west-1a, euw1-az1. */
const char *zone_name(struct arena *a, const char *region, unsigned n);
const char *zone_id(struct arena *a, const char *region, unsigned n);
/* Which one has this name or id? False: none of this Region. */
bool zone_find(struct arena *a, const char *region, const char *name_or_id, unsigned *n);

/* --- cidr_association.c, subnet.c --- */

extern const struct resource ipv4_association_resource, ipv6_association_resource, subnet_resource;
enum load_result load_ipv4_association(struct engine *e, const struct facts *f,
                                       const char **problem);
enum load_result load_ipv6_association(struct engine *e, const struct facts *f,
                                       const char **problem);
enum load_result load_subnet(struct engine *e, const struct facts *f, const char **problem);
const char *depart_association(const struct facts *f);
const char *depart_subnet(const struct facts *f);

/* --- alarm.c, topic.c --- */

extern const struct resource alarm_resource, topic_resource;

/* --- preview.c, discovery.c --- */

extern const struct resource preview_resource, discovery_resource, discovery_association_resource;
const char *depart_discovery(const struct facts *f); /* of both */
/* For what means nothing to the engine. */
enum load_result load_nothing(struct engine *e, const struct facts *f, const char **problem);

/* What is created with a block operating_regions must name its own Region there (ipam.c). `what`
 * is the thing in words. */
void check_home_region(struct call *c, const struct field_value *operating_regions,
                       const struct field_string *region, const char *doing, const char *what);

/* --- organization.c: which accounts there are --- */

/* Limits of the provider block; the depth is AWS's. */
#define ORGANIZATION_ACCOUNTS_MAX 10000
#define ORGANIZATION_UNITS_MAX    10000
#define ORGANIZATION_DEPTH_MAX    5

struct organization {
    const char *id, *management_account;
    const struct org_account {
        const char *id;
        const char *path; /* its OUs from the root down, `ou-.../ou-...`; "" below the root */
    } * accounts;         /* by id, the management account among them */
    size_t account_count;
    const char *const *units; /* the ids of all OUs, sorted */
    size_t unit_count;
};
extern const struct block organization_block;
/* The organization that a block of the provider describes, in the arena; NULL when it is described
 * badly (reported) or not at all. */
const struct organization *organization_read(struct call *c, const struct value *block,
                                             struct arena *a);
/* Tells the engine who is in which OU. False: memory is out. */
bool organization_load(const struct organization *o, struct engine *e);
bool organization_has_account(const struct organization *o, const char *account);
bool organization_has_unit(const struct organization *o, const char *unit);

/* What a resource share can name. */
enum principal_kind {
    PRINCIPAL_ACCOUNT,
    PRINCIPAL_IDENTITY, /* an IAM role or user: stands for its account */
    PRINCIPAL_UNIT,
    PRINCIPAL_ORGANIZATION,
};
struct principal {
    enum principal_kind kind;
    const char *name;         /* how the engine calls it */
    const char *account;      /* of an OU or an organization its management account */
    const char *organization; /* of an OU or an organization: o-... */
    const char *unit;         /* of an OU: ou-... */
};
/* NULL when it is one, else what is wrong. */
const char *principal_parse(struct arena *a, const char *text, struct principal *out);
const char *check_principal(struct arena *a, const char *text);
/* The nth part (0-based) of an ARN between its colons: 3 is the Region, 4 the account, 5 the
 * resource. "" when there are not so many. */
const char *arn_part(struct arena *a, const char *arn, unsigned n);

/* --- ram_*.c, org_admin.c: sharing --- */

extern const struct resource ram_share_resource, ram_resource_association_resource,
    ram_principal_association_resource, ram_accepter_resource, ram_organization_resource,
    org_admin_resource;
enum load_result load_ram_share(struct engine *e, const struct facts *f, const char **problem);
enum load_result load_ram_resource_association(struct engine *e, const struct facts *f,
                                               const char **problem);
enum load_result load_ram_principal_association(struct engine *e, const struct facts *f,
                                                const char **problem);
enum load_result load_ram_accepter(struct engine *e, const struct facts *f, const char **problem);
const char *check_share_arn(struct arena *a, const char *text);
/* ram_permission.c. Do these permissions (NULL-terminated) let accounts draw from pools? / The type
 * of resource for which two of them are; NULL: none. */
const char *check_permission_arn(struct arena *a, const char *text);
bool ram_permissions_draw(struct arena *a, const char *const *arns);
const char *ram_permissions_clash(struct arena *a, const char *const *arns);
const char *check_arn(struct arena *a, const char *text);
/* How the engine calls what is shared: a pool by its id, anything else by its ARN. */
const char *shared_name(struct arena *a, const char *resource_arn);
/* Only a share that is there and one's own can be changed, see engine_said_yes. */
bool ram_check_share(struct call *c, const char *share, const char *doing, enum outcome *out);
/* Is it the management account that acts, as far as is known? Else reports. */
bool management_account_acts(struct call *c, const char *doing);

/* --- refresh.c: what other processes of the same run store --- */

/* Begins to watch the state file that was just read. False: memory is out. */
bool watch_begin(struct estate *e, const struct state *s);
void watch_free(struct watch *w);
/*
 * Called when something was refused: takes over what was stored since the state was read last, and
 * lets the call come back soon when that can go on. True: other processes may still change what is
 * known here, so a call that lacks something may wait for it.
 */
bool estate_watch(struct call *c);
/* This process removed an object whose id may come back in this run. */
void watch_removed(const struct estate *e, const struct resource *r, const char *id);
/* Is this object in the own state, as it was read last? */
bool estate_stores(const struct estate *e, const struct resource *r, const char *id);
/* The provider's observe hook: provider_observe, and what is made is told to the other processes of
 * the run. */
void estate_observe(struct call *c, const struct resource *r, const struct value *prior,
                    const struct value *now);
/* Takes away what these lines (see departure_fn) say, but for what a run claims. True when there
 * was something else. */
bool departure_unload(const struct estate *e, const char *lines);
/* Is something of it in the engine? */
bool departure_is_known(const struct estate *e, const char *lines);

/* --- upgrade.c: state of the AWS provider --- */

/* The schema version of a resource whose version in the AWS provider is `aws`: another one, so that
 * its state can be told from ours. */
#define STATE_VERSION(aws) ((aws) + 1)
/* The upgrade hook of every resource. */
enum outcome upgrade_state(struct call *c, int64_t version, const struct value **state);

/* --- claims.c: issuing while others issue; members.c: the states of the estate --- */

struct claims_options {
    const char *lineage;      /* of the own state; "" when it has none yet */
    bool empty;               /* the own state holds nothing */
    const char *folder;       /* claims { path }, or NULL */
    unsigned lock_timeout_ms; /* how long to wait for a busy journal */
};
#define LOCK_TIMEOUT_MS 60000u

struct refusal_paths;

/* The claims of a hydrated estate, which must outlive them. NULL when memory is out. */
struct claims *claims_new(struct estate *e, const struct claims_options *o);
void claims_free(struct claims *x);
/* The blocks `estate` of the provider block. False after reporting an error. */
bool claims_configure_estate(struct claims *x, struct diags *d, const struct value *blocks);
/* Reads journals and the other states. To be called again after STATE_WAIT; STATE_FAILED after
 * reporting an error. */
enum state_status claims_join(struct claims *x, struct diags *d, uint64_t now_ms);
/* Is exactly this CIDR provisioned to the pool? */
bool pool_has_cidr(const struct engine *e, const char *pool_id, const struct cidr *c);
/* Does another run that may live claim this allocation / this CIDR of a pool? */
bool claims_hold(const struct claims *x, const char *allocation_id);
bool claims_hold_cidr(const struct claims *x, const char *pool_id, const struct cidr *c);

/*
 * Around everything that is drawn from a pool. issue_begin brings the engine up to date with what
 * others issue and keeps them out; then the hook picks, builds its answer, and takes with
 * issue_allocate or issue_provision, whose requests name CIDR and id. issue_end lets others in; the
 * end of the call does, too. False: *out is what the hook returns, as with engine_said_yes. Sets
 * patience_ms when it makes the call wait, so a hook sets its own in each attempt before.
 */
bool issue_begin(struct call *c, const char *pool_id, const char *doing, enum outcome *out);
bool issue_begin_provision(struct call *c, const char *pool_id, const char *doing,
                           enum outcome *out);
bool issue_allocate(struct call *c, const struct allocation_request *r, const char *doing,
                    const struct refusal_paths *paths, enum outcome *out);
bool issue_provision(struct call *c, const struct provision_request *r, const char *doing,
                     const struct refusal_paths *paths, enum outcome *out);
/* Takes back what issue_allocate took in this call. */
void issue_undo(struct call *c, const struct allocation_request *r);
void issue_end(struct call *c);
/* Gives back, whole: the allocation (none of that id is fine) / a CIDR of a pool. */
bool issue_release(struct call *c, const char *allocation_id, const char *doing, enum outcome *out);
/* Everything that issue_release could wait for: for a hook that cannot wait any more by then. */
bool issue_begin_release(struct call *c, const char *allocation_id, const char *doing,
                         enum outcome *out);
/* plan: the private bytes of the planned removal, see forecast_lets_go. */
bool issue_deprovision(struct call *c, const char *pool_id, const struct cidr *cidr,
                       struct bytes plan, const char *doing, const struct refusal_paths *paths,
                       enum outcome *out);
/* For a plan: false after reporting why nothing could be drawn from the pool now. */
bool issue_possible(struct call *c, const char *pool_id, const char *doing);

/* Allocations that stand for quarantined space have ids with this prefix. */
#define QUARANTINE_PREFIX "quarantine-"

/* The sub-command `doctor`. */
int doctor_main(int argc, char **argv);

/* --- common.c: what all resources share --- */

static inline struct estate *estate_of(const struct call *c)
{
    return c->state;
}

/* Fields that every regional, tagged resource has; embedded first in each typed struct. */
struct common {
    struct field_string id, arn, region;
    struct field_value tags, tags_all;
};

/* Table lines of those fields. T is the resource's struct, whose first member is `common`. */
#define COMMON_ID(T)                                                                               \
    {                                                                                              \
        .name = "id", .type = &type_string, .flags = ATTR_COMPUTED, .description = "Identifier.",  \
        FIELD(T, common.id)                                                                        \
    }
#define COMMON_ARN(T)                                                                              \
    {                                                                                              \
        .name = "arn", .type = &type_string, .flags = ATTR_COMPUTED,                               \
        .description = "Amazon Resource Name.", FIELD(T, common.arn)                               \
    }
#define COMMON_REGION(T)                                                                           \
    {                                                                                              \
        .name = "region", .type = &type_string,                                                    \
        .flags = ATTR_OPTIONAL | ATTR_COMPUTED | ATTR_REPLACE,                                     \
        CHECKS(CHECKED_BY(check_region, "a Region name")),                                         \
        .description = "Region that manages this resource. Default: the provider's region.",       \
        FIELD(T, common.region)                                                                    \
    }
#define COMMON_TAGS(T)                                                                             \
    {.name = "tags",                                                                               \
     .type = &type_map_string,                                                                     \
     .flags = ATTR_OPTIONAL,                                                                       \
     .description = "Tags of the resource.",                                                       \
     FIELD(T, common.tags)},                                                                       \
    {                                                                                              \
        .name = "tags_all", .type = &type_map_string, .flags = ATTR_OPTIONAL | ATTR_COMPUTED,      \
        .description = "All tags: the provider's `default_tags`, overridden by `tags`.",           \
        FIELD(T, common.tags_all)                                                                  \
    }
#define END_ATTRIBUTES                                                                             \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* The nested block `timeouts`, for tables of blocks. */
extern const struct block timeouts_schema;
#define TIMEOUTS_BLOCK                                                                             \
    {                                                                                              \
        .name = "timeouts", .nesting = NESTING_SINGLE, .block = &timeouts_schema,                  \
        .description = "How long an operation may wait for something that another resource of "    \
                       "the same run may provide: a CIDR of the pool, space that is released. "    \
                       "Without it, waiting ends when nothing has moved for 5 seconds.",           \
    }
/* `create` and the like: how long to wait, in milliseconds; `fallback` when it is not set. */
unsigned timeout_ms(const struct value *object, const char *operation, unsigned fallback);
/* The same for one duration; NULL gives the fallback. */
unsigned duration_ms(const char *text, unsigned fallback);

/* Checks for schema tables: NULL when fine, else what is wrong. */
const char *check_cidr(struct arena *a, const char *text); /* either family */
const char *check_cidr_v4(struct arena *a, const char *text);
const char *check_cidr_v6(struct arena *a, const char *text);
const char *check_vpc_cidr(struct arena *a, const char *text); /* IPv4, /16 to /28 */
const char *check_region(struct arena *a, const char *text);
const char *check_locale(struct arena *a, const char *text); /* a Region or "None" */
const char *check_account(struct arena *a, const char *text);
const char *check_duration(struct arena *a, const char *text); /* "5m", "1h30m" */

/* A field that passed its check, as a prefix; false when it is not known. */
bool field_cidr(const struct field_string *f, struct cidr *out);
/* Is it known, and not ""? */
bool field_has(const struct field_string *f);

/* Plans region and tags_all: both are known as soon as the configuration is. */
void plan_common(struct call *c, struct change *ch);
void plan_region(struct call *c, struct change *ch); /* for resources without tags */
/* tags_all of a resource with these tags: the provider's default tags, overridden, without those
 * that the provider block ignores. Unknown when the tags are. */
const struct value *tags_merged(struct call *c, const struct value *tags);
/* Does the provider block leave tags with this key to somebody else? */
bool tag_is_ignored(const struct estate *e, const char *key);
/* The elements of a set of CIDRs that passed its checks; none when it is not known. */
const struct cidr *cidrs_of(struct arena *a, const struct field_value *set, size_t *count);
/* The tags that count for rules: tags_all, sorted. Unknown or absent gives none. */
struct tags tags_of(struct arena *a, const struct value *map);
/* The same for a check at plan: a required tag whose value is not known yet passes. */
struct tags tags_for_check(struct arena *a, const struct field_value *map, const struct pool *p);
/* The object with `name` set, in place. */
void planned_set(struct call *c, struct change *ch, const char *name, const struct value *v);
/* Was this attribute one of those that force a replacement? / It need not. */
bool replace_has(const struct change *ch, const char *name);
void replace_drop(struct change *ch, const char *name);

/* --- ids.c --- */

/* prefix + '0' + hex digits of randomness, `digits` in all: "ipam-pool-" gives 17 of them. NULL
 * (and a diagnostic) when the system gives no randomness. */
const char *id_new(struct call *c, const char *prefix, unsigned digits);
/* The same form, derived from two texts: the same object always gets the same id. */
const char *id_derive(struct arena *a, const char *prefix, unsigned digits, const char *x,
                      const char *y);
/* Does it have that form (prefix, then 8 to 40 hex digits)? */
bool id_has_form(const char *id, const char *prefix);

#define ID_DIGITS            17
#define ID_ALLOCATION_DIGITS 33

/* arn:aws:SERVICE:REGION:ACCOUNT:PATH; region "" for the IPAM family. */
const char *arn_make(struct arena *a, const char *service, const char *region, const char *account,
                     const char *path, const char *id);

/* Id of the allocation that a resource's CIDR is: the same in every run, so it needs no store. */
const char *allocation_id_of(struct arena *a, const char *resource_id, const struct cidr *c);

/* --- refuse.c: the one registry of error texts --- */

/* Which attributes of a resource a refusal is about. NULL: the resource as a whole. */
struct refusal_paths {
    const struct path *base; /* what they are attributes of; NULL: the resource */
    const char *cidr, *length, *pool, *tags, *region;
};

/* An error from a refusal: "<doing>: <AWS code>" and fact, rule, remedy. */
void report_refusal(struct call *c, const char *doing, const struct refusal *why,
                    const struct refusal_paths *paths);
void report_no_memory(struct call *c, const char *doing);
/* `ipam-pool-0... ("eu-west-1 prod")` */
const char *pool_name(struct call *c, const char *id);
/* AWS's code and the text with its placeholders, for the documentation; false: no such refusal. */
bool refusal_template(enum refusal_code code, const char **aws, const char **text);

/* May something else in the run cure it, so that waiting makes sense? Takes over what other
 * processes of the run have stored. */
bool refusal_may_pass(struct call *c, const struct refusal *why);

/*
 * The end of every hook that asked the engine for something. ENGINE_OK: true, go on. Otherwise
 * false, and *out is what the hook returns: CALL_WAIT when a later step of the run may cure the
 * refusal, else CALL_DONE with the diagnostic.
 */
bool engine_said_yes(struct call *c, enum engine_result result, const char *doing,
                     const struct refusal *why, const struct refusal_paths *paths,
                     enum outcome *out);

/* Warnings about something that exists. `subject` is "VPC vpc-0..." */
void report_findings(struct call *c, const char *subject, const struct finding *f, size_t count);

#endif
