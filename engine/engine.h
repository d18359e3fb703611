/*
 * engine - IPAMs, scopes, pools, their CIDRs and what is allocated from them
 *
 * The rules of Amazon VPC IPAM over plain memory: no clock, no randomness, no files, no Terraform.
 * Callers choose ids and give everything else in; refusals come out as a code with the numbers
 * that a good message needs.
 *
 * Two ways in. engine_load_* takes the world as it is (state files): it accepts what is
 * contradictory, records it, and never drops it silently. Everything else issues: it refuses.
 *
 * Invariants: issued CIDRs of one pool are pairwise disjoint and inside the pool's CIDRs; a child
 * pool's CIDR is an allocation of type ipam-pool in its source pool; CIDRs of the top-level pools
 * of one scope are disjoint; nothing that was issued ever moves.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "cidr.h"
#include "space.h"

struct engine;
struct ipam;
struct scope;
struct pool;

enum engine_result { ENGINE_OK = 0, ENGINE_REFUSED, ENGINE_NO_MEMORY };

/* Limits that AWS calls quotas; see engine_quotas. */
struct quotas {
    unsigned pool_depth;      /* 10 */
    unsigned cidrs_per_pool;  /* 50 */
    unsigned pools_per_scope; /* 50: see engine.c for what is enforced */
    unsigned scopes_per_ipam; /* 5, the two default ones included */
};

struct tag {
    const char *key, *value;
};
struct tags {
    const struct tag *items; /* sorted by key, no key twice */
    size_t count;
};
/* The value of a tag; NULL when it is not there. O(tags). */
const char *tags_find(const struct tags *t, const char *key);

enum allocation_type {
    ALLOCATION_POOL,        /* "ipam-pool": a child pool's CIDR */
    ALLOCATION_VPC,         /* "vpc" */
    ALLOCATION_SUBNET,      /* "subnet" */
    ALLOCATION_CUSTOM,      /* "custom": a manual reservation */
    ALLOCATION_EIP,         /* "eip" */
    ALLOCATION_PUBLIC_POOL, /* "ec2-public-ipv4-pool" */
    ALLOCATION_ANYCAST,     /* "anycast-ip-list" */
};
const char *allocation_type_name(enum allocation_type t);

enum scope_type { SCOPE_PRIVATE, SCOPE_PUBLIC };

/* Unset netmask lengths are -1. */
struct rules {
    int min_len;      /* largest block, inclusive */
    int max_len;      /* smallest block, inclusive */
    int default_len;  /* when a request names neither CIDR nor length */
    struct tags tags; /* every pair must be on the resource */
};

struct ipam_info {
    const char *id, *owner, *region;          /* home region */
    const char *private_scope, *public_scope; /* ids of the two default scopes */
    const char *const *operating_regions;     /* NULL-terminated, may be NULL: any */
};
struct scope_info {
    const char *id, *ipam_id;
    enum scope_type type;
    bool is_default;
};
struct pool_info {
    const char *id, *scope_id;
    const char *source_id;   /* NULL: top-level */
    const char *locale;      /* NULL: None */
    const char *description; /* may be NULL */
    const char *owner;       /* account id */
    enum family family;
    bool public_amazon;      /* public_ip_source = amazon */
    bool planning;           /* a resource planning pool (source_resource) */
    const char *resource_id; /* whose inside it plans; NULL when not planning */
    struct rules rules;
    uint64_t release_quarantine; /* seconds; kept for the caller, who has the clock */
    bool ignore_occupants;       /* what exists without a pool does not keep its space here */
    bool auto_import;            /* kept for the caller, who knows what was discovered */
};

/* A network that exists although no pool gave its CIDR. See engine_load_occupant. */
struct occupant {
    const char *scope_id; /* NULL: the default scopes that take it, see engine_scope_takes */
    const char *region;   /* "" when not known, or of another cloud */
    /* Of a subnet of a VPC that planning pools describe: the VPC. It counts in those pools only.
     * NULL: it counts in all pools of the scope but those. */
    const char *inside;
    struct cidr cidr;
    const char *resource_id, *allocation_id; /* what it is; NULL reads as "" here and below */
    const char *type, *owner, *where;        /* "vpc"; account; where it was seen */
    bool own;                 /* a resource that this run can remove or give to a pool */
    bool leaving, late, gone; /* kept by the engine: see engine_plan_leave, engine_mark */
};

/* What is allocated. Strings belong to the engine and live as long as the allocation. */
struct allocation {
    const char *id; /* ipam-pool-alloc-... */
    const struct pool *pool;
    struct cidr cidr;
    enum allocation_type type;
    bool conflicting;        /* loaded although it overlaps another or lies outside its pool: see
                                engine_audit; or a reservation on which its resource stands */
    bool leaving;            /* its removal is planned in this run: see engine_plan_leave */
    bool late;               /* came after engine_mark */
    bool imported;           /* the pool took it by itself, whoever owns it */
    const char *resource_id; /* vpc-..., the child pool's id, "" for custom */
    const char *owner, *region, *description; /* "" when not known */
    struct tags tags;
};

/* Read access. Pointers stay valid until the object is removed; NULL when there is none. */
const struct ipam *engine_ipam(const struct engine *e, const char *id);
const struct scope *engine_scope(const struct engine *e, const char *id);
const struct pool *engine_pool(const struct engine *e, const char *id);
const struct allocation *engine_allocation(const struct engine *e, const char *id);
/* The allocation of that pool with exactly this CIDR / of this resource. When several were loaded,
 * the one that is not conflicting, else any. */
const struct allocation *engine_allocation_at(const struct engine *e, const char *pool_id,
                                              const struct cidr *c);

const struct ipam_info *ipam_info(const struct ipam *i);
const struct scope_info *scope_info(const struct scope *s);
const struct pool_info *pool_info(const struct pool *p);
bool pool_is_known(const struct pool *p); /* false: only referred to, its definition was not seen */
unsigned pool_depth(const struct pool *p); /* 1: top-level. Of an unknown chain: what is known */
const struct space *pool_space(const struct pool *p);
size_t pool_allocation_count(const struct pool *p);
size_t pool_cidr_count(const struct pool *p);
/* 0-based in address order; false past the end. */
bool pool_cidr_at(const struct pool *p, size_t i, struct cidr *out);

typedef bool (*ipam_visit)(void *ctx, const struct ipam *i);
typedef bool (*scope_visit)(void *ctx, const struct scope *s);
typedef bool (*pool_visit)(void *ctx, const struct pool *p);
typedef bool (*allocation_visit)(void *ctx, const struct allocation *a);
bool engine_each_ipam(const struct engine *e, ipam_visit fn, void *ctx);   /* by id */
bool engine_each_scope(const struct engine *e, scope_visit fn, void *ctx); /* by id */
bool engine_each_pool(const struct engine *e, pool_visit fn, void *ctx);   /* by id */
bool engine_each_child(const struct engine *e, const struct pool *p, pool_visit fn, void *ctx);
/* In address order; p NULL: all pools. */
bool engine_each_allocation(const struct engine *e, const struct pool *p, allocation_visit fn,
                            void *ctx);

struct engine *engine_new(void); /* NULL when memory is out */
void engine_free(struct engine *e);
struct quotas *engine_quotas(struct engine *e); /* to read and to raise */

/* Why something was refused. The numbers that are meaningful depend on the code. */
enum refusal_code {
    REFUSAL_NONE = 0,
    REFUSAL_IPAM_UNKNOWN,       /* id */
    REFUSAL_SCOPE_UNKNOWN,      /* id */
    REFUSAL_POOL_UNKNOWN,       /* id; or only referred to, never seen */
    REFUSAL_ALLOCATION_UNKNOWN, /* id */
    REFUSAL_EXISTS,             /* id: another object has it */
    REFUSAL_NOT_EMPTY,          /* ipam, scope or pool still holds `count` things (`what`) */
    REFUSAL_IS_DEFAULT,         /* a default scope cannot be removed */
    REFUSAL_QUOTA,              /* `what`, count, limit */
    REFUSAL_DEPTH,              /* depth, limit */
    REFUSAL_FAMILY,             /* child and source, or CIDR and pool, differ */
    REFUSAL_SCOPE_MISMATCH,     /* child and source in different scopes */
    REFUSAL_LOCALE_SOURCE,      /* child's locale differs from the source pool's */
    REFUSAL_PLANNING_LOCALE,    /* planning pool below one without a locale: other_id */
    REFUSAL_LOCALE_REGION,      /* locale is none of the IPAM's operating regions */
    REFUSAL_POOL_LOCALE,        /* region is not the pool's locale, or the pool has none */
    REFUSAL_NO_SIZE,            /* neither CIDR nor length, and no default in the pool */
    REFUSAL_BOTH_SIZES,         /* CIDR and length */
    REFUSAL_LENGTH_INVALID,     /* length beyond the family's 32 or 128, or the source's CIDRs */
    REFUSAL_TOO_LARGE,          /* length < min_len */
    REFUSAL_TOO_SMALL,          /* length > max_len */
    REFUSAL_TAG_MISSING,        /* tag_key, tag_value; tag_found when another value is there */
    REFUSAL_NEEDS_CIDR,         /* a top-level pool's CIDR must be named */
    REFUSAL_NO_CIDRS,           /* the pool has no CIDR yet */
    REFUSAL_NO_SPACE,           /* no free block of `length`; largest_free */
    REFUSAL_OUTSIDE_POOL,       /* cidr is in none of the pool's CIDRs */
    REFUSAL_TAKEN,              /* cidr overlaps `conflict`, held by holder_* */
    REFUSAL_OVERLAPS_POOL,      /* top-level CIDR overlaps one of another top-level pool */
    REFUSAL_CIDR_EXISTS,        /* this pool has this CIDR, or one that overlaps it */
    REFUSAL_CIDR_UNKNOWN,       /* deprovision: the pool has no such CIDR */
    REFUSAL_CIDR_IN_USE,        /* deprovision: `count` allocations, `conflict` the lowest */
    REFUSAL_RULES,              /* min > max, default outside [min, max], beyond the family */
    REFUSAL_NOT_SHARED,         /* id: pool; text2: the account that may not use it */
    REFUSAL_NOT_OWNER,          /* id; text: `what`; text2: who acts; holder_owner: whose it is */
    REFUSAL_SHARE_UNKNOWN,      /* id */
    REFUSAL_OCCUPIED,           /* cidr overlaps `conflict`, where a network is: holder_*; text2:
                                   where it was seen; curable: an own one */
    REFUSAL_ORPHAN,             /* as TAKEN, by what lies outside the CIDRs of its pool `text`, or
                                   whose pool is not known */
    REFUSAL_CODE_COUNT,
};

struct refusal {
    enum refusal_code code;
    /* A later step of the same run may cure it (space freed, CIDR provisioned, user gone), so the
     * caller may wait. */
    bool curable;
    char id[128];       /* the object that is meant; for pools the pool */
    char other_id[128]; /* source pool, other pool, holder's allocation id */
    char holder_resource[128], holder_owner[32], holder_type[24];
    char text[128];   /* tag key; locale; `what` */
    char text2[256];  /* tag value wanted; region */
    char text3[256];  /* tag value found, "" when absent */
    struct cidr cidr; /* requested, or none */
    struct cidr conflict;
    int length;           /* requested prefix length, -1 none */
    int min_len, max_len; /* bounds, -1 none */
    int largest_free;     /* prefix length, -1 nothing */
    uint64_t count, limit;
    struct count free_addresses, total_addresses;
    struct count occupied_addresses; /* neither free nor allocated: of occupants */
};

/* --- issuing: ENGINE_REFUSED fills *why (never NULL) and changes nothing --- */

enum engine_result engine_add_ipam(struct engine *e, const struct ipam_info *i,
                                   struct refusal *why); /* adds its two default scopes too */
enum engine_result engine_update_ipam(struct engine *e, const struct ipam_info *i,
                                      struct refusal *why);
/* cascade: removes private pools, their CIDRs and allocations, scopes. Refused when a pool is in
 * the public scope. */
enum engine_result engine_remove_ipam(struct engine *e, const char *id, bool cascade,
                                      struct refusal *why);

enum engine_result engine_add_scope(struct engine *e, const struct scope_info *s,
                                    struct refusal *why);
enum engine_result engine_remove_scope(struct engine *e, const char *id, struct refusal *why);

enum engine_result engine_add_pool(struct engine *e, const struct pool_info *p,
                                   struct refusal *why);
/* Rules, description, auto_import and ignore_occupants may change; id, scope, source, family and
 * locale must not. */
enum engine_result engine_update_pool(struct engine *e, const struct pool_info *p,
                                      struct refusal *why);
enum engine_result engine_remove_pool(struct engine *e, const char *id, bool cascade,
                                      struct refusal *why);

struct provision_request {
    const char *pool_id;
    struct cidr cidr;          /* unset: by length */
    int length;                /* -1: by cidr */
    const char *allocation_id; /* id of the ipam-pool allocation in the source pool */
};
enum engine_result engine_provision(struct engine *e, const struct provision_request *r,
                                    struct cidr *out, struct refusal *why);
enum engine_result engine_deprovision(struct engine *e, const char *pool_id, const struct cidr *c,
                                      struct refusal *why);

struct allocation_request {
    const char *id; /* of the new allocation */
    const char *pool_id;
    enum allocation_type type;
    struct cidr cidr;              /* unset: by length */
    int length;                    /* -1: by cidr, else by the pool's default */
    const struct cidr *disallowed; /* only with a length */
    size_t disallowed_count;
    const char *resource_id, *owner, *region, *description; /* NULL reads as "" */
    struct tags tags;
    bool imported; /* see struct allocation; means something in engine_load_allocation only */
};
/* On success *out is the allocation. */
enum engine_result engine_allocate(struct engine *e, const struct allocation_request *r,
                                   const struct allocation **out, struct refusal *why);
enum engine_result engine_release(struct engine *e, const char *allocation_id, struct refusal *why);

/* A custom allocation can be meant for a VPC or a subnet of the same owner: its tag
 * `ipam:reserved-for`, else its description, is the resource's tag Name. A request of that resource
 * for exactly its CIDR is granted: both records stay, the space counts once, and whichever goes
 * first leaves the block to the other (see reserve.c). The resource that stands on a; NULL: none.
 */
const struct allocation *engine_consumer(const struct engine *e, const struct allocation *a);
/* New tags and description of the same allocation (never refused by rules: AWS only flags). */
enum engine_result engine_retag(struct engine *e, const char *allocation_id,
                                const struct tags *tags, const char *description,
                                struct refusal *why);

/*
 * --- sharing: who may draw from whose pools (share.c) ---
 *
 * A pool can be used by the account that owns it and by those that a share of its owner names. An
 * account goes by its own id and by the names of the groups that it is in (an OU, the
 * organisation); a share names accounts by any of these. All calls below take what is there, in
 * any order: saying a thing twice, or taking back what was never said, changes nothing.
 */

/* Who asks from now on. Issuing calls are refused when the actor may not use the pool
 * (NOT_SHARED) or does not own what is to be changed (NOT_OWNER). NULL or "", the default: nobody
 * in particular, everything is allowed. The same holds for objects whose owner is not known. */
enum engine_result engine_act_as(struct engine *e, const char *account);

/* The account is in the group. Once anything was said here, an account that is in no group is an
 * outsider: a share that names it gives it nothing before it has accepted. */
enum engine_result engine_load_member(struct engine *e, const char *account, const char *group);
bool engine_is_member(const struct engine *e, const char *account); /* of any group */

struct share_info {
    const char *id, *owner, *name; /* owner and name may be NULL */
    bool outsiders;                /* may outsiders be named? Recorded for the caller */
    bool no_draws;                 /* it gives other rights than those of engine_may_use */
};
/* Adds the share, or changes owner, name and outsiders of a known one. */
enum engine_result engine_load_share(struct engine *e, const struct share_info *s);
/* NULL when it was not loaded; valid until it is loaded again or removed. */
const struct share_info *engine_share(const struct engine *e, const char *id);
/* May the actor change it? Refusals: SHARE_UNKNOWN, NOT_OWNER. */
enum engine_result engine_check_share(const struct engine *e, const char *id, struct refusal *why);
/* May the actor share this pool? Refusals: POOL_UNKNOWN, NOT_OWNER. */
enum engine_result engine_check_owner(const struct engine *e, const char *pool_id,
                                      struct refusal *why);
/* With all that was said of it. */
void engine_remove_share(struct engine *e, const char *id);

/* The pool is in the share. Neither need be loaded. */
enum engine_result engine_share_pool(struct engine *e, const char *share_id, const char *pool_id);
void engine_unshare_pool(struct engine *e, const char *share_id, const char *pool_id);
bool engine_share_has_pool(const struct engine *e, const char *share_id, const char *pool_id);
/* The nth pool of a share in order of id, NULL past the end. */
const char *engine_share_pool_at(const struct engine *e, const char *share_id, size_t n);
/* The share names an account or a group. `as` is how the user wrote it (the ARN of a role of that
 * account): several may come down to one name, and each is taken back by itself. */
enum engine_result engine_share_with(struct engine *e, const char *share_id, const char *name,
                                     const char *as);
void engine_unshare_with(struct engine *e, const char *share_id, const char *name, const char *as);
bool engine_share_names(const struct engine *e, const char *share_id, const char *name,
                        const char *as); /* as NULL: in any spelling */
/* An outsider takes part / no longer. */
enum engine_result engine_share_accept(struct engine *e, const char *share_id, const char *account);
void engine_share_decline(struct engine *e, const char *share_id, const char *account);

/* May this account draw from the pool, and see it? O(shares * groups of the account * log). */
bool engine_may_use(const struct engine *e, const struct pool *p, const char *account);

/* What engine_provision and engine_allocate would take now: the same refusals and the same choice,
 * but nothing changes. For callers whose ids depend on the CIDR. */
enum engine_result engine_pick_provision(struct engine *e, const struct provision_request *r,
                                         struct cidr *out, struct refusal *why);
enum engine_result engine_pick_allocation(struct engine *e, const struct allocation_request *r,
                                          struct cidr *out, struct refusal *why);

/* --- planning: what would be refused, with what is known; nothing is issued --- */

/*
 * In a plan the same questions are asked before the world has changed. The checks below answer as
 * the calls above would after all planned removals, with all planned CIDRs in place:
 *   - an allocation or pool CIDR that is marked leaving does not stand in the way;
 *   - a planned CIDR (engine_plan_provision) counts as supply; one whose address is not known yet
 *     makes OUTSIDE_POOL and NO_SPACE unknowable, so they are not refused.
 * `rules_only` asks only what needs no knowledge of space (bounds, tags, locale).
 */
/* Do these rules contradict each other or the family? ENGINE_OK or REFUSAL_RULES. */
enum engine_result engine_check_rules(enum family f, const struct rules *r, struct refusal *why);
enum engine_result engine_check_allocate(struct engine *e, const struct allocation_request *r,
                                         bool rules_only, struct refusal *why);
enum engine_result engine_check_provision(struct engine *e, const struct provision_request *r,
                                          struct refusal *why);
void engine_plan_leave(struct engine *e, const char *allocation_id);
void engine_plan_leave_cidr(struct engine *e, const char *pool_id, const struct cidr *c);
/*
 * Do all requests of the plan fit together? The checks above answer for one; what they grant after
 * engine_mark is counted. engine_plan_asked ends one change: what was granted since the last call
 * is kept as demand, or forgotten, and fn (may be NULL) is told of each pool concerned. O(free
 * blocks).
 */
struct fit {
    const struct pool *pool;
    bool fits;                        /* for all of the demand there is a block, if well placed */
    bool resources;                   /* not only pools below draw from it in this plan */
    uint64_t requests;                /* demand in blocks */
    uint64_t wanted[129];             /* ... by prefix length */
    struct count demand, used, total; /* addresses; used without demand */
    int largest_free;                 /* prefix length, -1 nothing */
    unsigned *told;                   /* the caller's own, 0 at first */
};
typedef void (*fit_visit)(void *ctx, const struct fit *f);
void engine_plan_asked(struct engine *e, bool keep, fit_visit fn, void *ctx);
/*
 * A copy of the pool's space to choose blocks on; the caller frees *out with space_free. Holds all
 * allocations but those that skip (may be NULL) says true of. as_marked: as the pool was at
 * engine_mark, whatever came and went since. Pool CIDRs that went are gone there too. The pool must
 * exist. O(n).
 */
void engine_mark(struct engine *e);
enum engine_result engine_copy_space(struct engine *e, const char *pool_id, bool as_marked,
                                     allocation_visit skip, void *ctx, struct space **out);
/* The intents in address order; valid until the next call that may change them. */
const struct cidr *engine_intents(const struct engine *e, const char *pool_id, size_t *count);
/* Takes out the allocations that are marked leaving, so that issuing calls may use their space; in
 * an engine that lives only as long as a plan. *out: what to put back, NULL when there is nothing.
 * Putting back keeps what was issued meanwhile: both are there then, as conflicts. Frees s. O(n).
 */
struct set_aside;
enum engine_result engine_plan_set_aside(struct engine *e, struct set_aside **out);
enum engine_result engine_plan_put_back(struct engine *e, struct set_aside *s);
/* cidr unset: a block of `length` whose address is chosen later. */
enum engine_result engine_plan_provision(struct engine *e, const char *pool_id,
                                         const struct cidr *c, int length);
/* An explicit CIDR that somebody in this run is going to claim: next-free picks of others keep off
 * it while there is room elsewhere. Claiming or engine_plan_forget removes it. */
enum engine_result engine_plan_intent(struct engine *e, const char *pool_id, const struct cidr *c);
void engine_plan_forget(struct engine *e, const char *pool_id, const struct cidr *c);

/* --- loading: takes what is there, keeps every contradiction --- */

enum engine_result engine_load_ipam(struct engine *e, const struct ipam_info *i);
enum engine_result engine_load_scope(struct engine *e, const struct scope_info *s);
/* Replaces what was known of the pool; allocations and CIDRs that refer to it stay. */
enum engine_result engine_load_pool(struct engine *e, const struct pool_info *p);
/* A pool that is not loaded (yet) becomes one that is only referred to. Loading the same CIDR or
 * the same allocation id again updates it. */
enum engine_result engine_load_cidr(struct engine *e, const char *pool_id, const struct cidr *c,
                                    const char *allocation_id);
enum engine_result engine_load_allocation(struct engine *e, const struct allocation_request *r);
/* The opposite: the source that held it no longer does. Nothing happens when it is not there. */
void engine_unload_allocation(struct engine *e, const char *allocation_id);
void engine_unload_cidr(struct engine *e, const char *pool_id, const struct cidr *c);
/* After the last load: settles what depended on order (child CIDRs in source pools, conflicts).
 * May be called again after more loads. O(n log n). Until then reading shows what was settled
 * before; every issuing call settles first. */
enum engine_result engine_settle(struct engine *e);

/*
 * --- occupied space: networks that exist although no pool gave their CIDRs (occupied.c) ---
 *
 * What an occupant covers is not given to resources: next-free passes over it, an explicit CIDR is
 * refused (OCCUPIED), unless the request is the occupant itself (its resource or allocation id), or
 * the pool ignores occupants. A reservation may be put around an own one. Pools may be built on top
 * of what exists: an explicit CIDR of a child pool does not ask for occupants, one by length takes
 * space without any as long as there is some.
 */

/*
 * Does a network of that Region with that CIDR, of which nobody says a scope, belong to the scope?
 * IPv4 and unique local IPv6 belong to default private scopes, other IPv6 to default public ones:
 * in the IPAMs that operate in the Region, in all when none does. O(IPAMs * Regions).
 */
bool engine_scope_takes(const struct engine *e, const struct scope *s, const struct cidr *c,
                        const char *region);
/* Several may be told of one CIDR, with any overlaps, in any order. O(1), and O(n log n) once
 * before the next question. */
enum engine_result engine_load_occupant(struct engine *e, const struct occupant *o);
/* The own occupants that have this allocation id go: in checks of a plan / now. O(occupants). */
void engine_plan_leave_occupant(struct engine *e, const char *allocation_id);
void engine_unload_occupant(struct engine *e, const char *allocation_id);
void engine_forget_occupants(struct engine *e); /* all of them */
typedef bool (*occupant_visit)(void *ctx, const struct occupant *o);
/* Those that overlap c and count in the pool, containers first; fn returns false to stop. False: it
 * did, or memory is out. O(log n) and what is visited. */
bool engine_each_occupant(struct engine *e, const struct pool *p, const struct cidr *c,
                          occupant_visit fn, void *ctx);
/* What resources can draw from: the pool's space with its occupants taken. The blocks of what is
 * taken only there need not be those of the occupants. Valid until the engine changes; NULL: memory
 * is out, or no such pool. O(1) but after a change that concerns occupants, then O(n log n). */
const struct space *engine_open_space(struct engine *e, const char *pool_id);

/* --- drift: what is wrong with something that exists --- */

enum finding_code {
    FINDING_OUTSIDE_POOL, /* in none of the pool's CIDRs */
    FINDING_OVERLAP,      /* overlaps other_id */
    FINDING_LENGTH,       /* prefix length outside the bounds */
    FINDING_TAG,          /* a required tag is missing or different */
    FINDING_LOCALE,       /* region is not the locale */
    FINDING_POOL_UNKNOWN, /* the pool's definition is in no state that was read */
    FINDING_SOURCE_GONE,  /* a child pool's CIDR is in none of the source pool's CIDRs */
    FINDING_OWNER,        /* its owner neither owns the pool nor shares in it */
};
struct finding {
    enum finding_code code;
    struct refusal numbers; /* the fields that the matching refusal would fill */
};
/* Fills up to max findings, returns how many there are. */
size_t engine_audit_allocation(const struct engine *e, const struct allocation *a,
                               struct finding *out, size_t max);
size_t engine_audit_cidr(const struct engine *e, const char *pool_id, const struct cidr *c,
                         struct finding *out, size_t max);

/* Every invariant, for tests. O(size). */
bool engine_check(const struct engine *e);
size_t engine_memory(const struct engine *e); /* bytes, for the bench */

#endif
