/*
 * engine_internal - what the files of the engine share with each other
 *
 * The engine is three layers of data, each derived from the one before:
 *   1. facts: ipams, scopes, pools with their CIDRs, allocation records;
 *   2. indexes: by id, and by place (pool and CIDR) for the allocations that hold their space;
 *   3. spaces: one per pool, what is free in it; and, while something is planned, a second one as
 *      it will be after the plan.
 * A derived thing that could not be kept up to date (memory was out) is marked and built again by
 * engine_settle, which every issuing call runs first. That is why removing never fails.
 */
#ifndef ENGINE_ENGINE_INTERNAL_H
#define ENGINE_ENGINE_INTERNAL_H

#include "engine/engine.h"

/* --- index.c: a hash index over records that live elsewhere --- */

#define BUCKET_SLOTS 7
struct bucket {
    uint8_t tags[BUCKET_SLOTS]; /* 0 empty, else bits of the hash */
    uint8_t passed;             /* items that found it full and lie behind it */
    void *slots[BUCKET_SLOTS];
};
struct index {
    struct bucket *buckets; /* inside `block`, at a cache line */
    void *block;
    size_t bucket_count, count;
};
typedef bool (*index_match)(const void *item, const void *key);
typedef uint64_t (*index_hash)(const void *item, uint64_t seed);

void *index_find(const struct index *x, uint64_t hash, index_match match, const void *key);
/* Makes room for `extra` more: index_add cannot fail then. False when memory is out. */
bool index_reserve(struct index *x, size_t extra, index_hash hash_of, uint64_t seed);
void index_add(struct index *x, uint64_t hash, void *item);
void index_remove(struct index *x, uint64_t hash, const void *item);
/* In no order. *i counts from 0; NULL at the end. Removing the item just returned is allowed. */
void *index_next(const struct index *x, size_t *i);
size_t index_memory(const struct index *x);
void index_free(struct index *x);
uint64_t hash_text(const char *s, uint64_t seed);
uint64_t hash_words(const uint64_t *words, size_t n, uint64_t seed);

/* --- registry.c: the few things that are kept in order --- */

/* Objects sorted by id; the first member of each is its id. */
struct registry {
    void **items;
    size_t count, capacity;
};
void *registry_find(const struct registry *r, const char *id);
bool registry_reserve(struct registry *r, size_t extra); /* registry_add cannot fail then */
void registry_add(struct registry *r, void *object);
void registry_remove(struct registry *r, const void *object);

/* Makes the array at *items hold `need` elements of `size` bytes; false when memory is out. */
bool grow(void *items, size_t *capacity, size_t need, size_t size);
bool text_equal(const char *a, const char *b); /* NULL equals NULL only */
bool text_empty(const char *s);                /* NULL or "" */
/* Strings that share one block with their struct: size first, then copied one after the other. */
size_t pack_size(const char *s);
const char *pack(char **at, const char *s); /* NULL is copied as "" */
size_t pack_tags_size(const struct tags *t);
struct tags pack_tags(struct tag *items, char **at, const struct tags *t);

/* --- the entities --- */

struct ipam {
    const char *id; /* first: see struct registry */
    struct ipam_info *info;
};

struct scope {
    const char *id;
    struct scope_info *info;
};

struct allocations {
    struct allocation **items;
    size_t count, capacity;
};

struct pool_cidr {
    struct cidr cidr;
    struct allocation *backing; /* where it was taken from the source pool; NULL: not, or not yet */
    char *allocation_id;        /* the id that was loaded for the backing; may be NULL */
    bool leaving;
    bool late; /* came after engine_mark */
};

/* A planned provision: a CIDR, or (cidr unset) a block of this length anywhere. */
struct supply {
    struct cidr cidr;
    int length;
};

struct pool {
    const char *id;
    struct pool_info *info;
    bool known;   /* its definition was seen */
    bool rebuild; /* space, conflicts and flags must be derived again */
    bool doomed;  /* during a cascading removal only */
    struct pool *source;
    size_t planning_children;

    struct pool_cidr *cidrs; /* in address order, no CIDR twice */
    size_t cidr_count, cidr_capacity;

    size_t allocation_count, leaving_count;
    struct allocations conflicts; /* settled, but not holding space; by (cidr, id) */
    struct allocations pending;   /* loaded since the last settling */
    struct space *space;
    struct space *planned; /* the space after the plan; NULL: not built */
    struct space *open[2]; /* the two with occupants taken; NULL: not built */
    bool vacant[2];        /* no occupant is in it: it needs no such space */
    size_t slice;          /* during rebuilding only */

    struct cidr *intents; /* in address order, none twice */
    size_t intent_count, intent_capacity;
    struct supply *supplies;
    size_t supply_count, supply_capacity;

    struct demand *demand; /* of the plan; NULL: none */

    struct cidr *departed; /* blocks of records that went although they are not late */
    size_t departed_count, departed_capacity;
    bool departed_lost; /* memory was out: they are not known any more */
};

/* A sorted set of pairs of texts; b may be "". The texts live as long as the engine. */
struct pair {
    const char *a, *b;
};
struct pairs {
    struct pair *items;
    size_t count, capacity;
};

struct share {
    const char *id;
    struct share_info info;
    bool known;            /* it was loaded; false: only referred to */
    struct pairs pools;    /* pool id, "" */
    struct pairs names;    /* account or group, as the user wrote it */
    struct pairs accepted; /* account, "" */
};

/* The occupants of a scope, or of the inside of a VPC: items[first] to items[end - 1]. */
struct layer {
    const char *scope_id, *inside;
    size_t first, end;
    uint64_t lengths[3]; /* a bit for each prefix length that there is */
};

struct occupants {
    struct occupant *told; /* as they were loaded */
    size_t told_count, told_capacity;
    struct occupant *items; /* one for each scope: by scope, inside, CIDR */
    size_t count, capacity;
    struct layer *layers;
    size_t layer_count;
    size_t leaving;
    bool ready; /* items and layers are those of what was told, and of the scopes */
};

struct engine {
    struct quotas quotas;
    uint64_t seed; /* of the hashes: inputs cannot be made to collide beforehand */
    struct registry ipams, scopes, pools;
    struct index by_id;    /* every allocation */
    struct index by_place; /* those that hold their space: not conflicting */
    struct index texts;    /* owners and regions, each once */
    const char *actor;     /* whose requests these are; NULL: nobody's in particular */
    struct pairs members;  /* account, group */
    struct registry shares;
    struct occupants occupants;
    size_t conflict_count; /* over all pools */
    bool contested;        /* pools overlap although neither feeds the other */
    bool marked;           /* see engine_mark */
    struct demand *asked;  /* pools that the change being planned asks */
    bool unsettled;        /* some pool has pending allocations or needs rebuilding */
    bool topology;         /* pools or their CIDRs were loaded: links must be looked at again */
    size_t record_bytes;
};

/* --- rules.c --- */

/* Clears *why, sets code, id and whether it may pass; returns ENGINE_REFUSED. */
enum engine_result refuse(struct refusal *why, enum refusal_code code, const char *id);
void refusal_text(char *to, size_t size, const char *s);
#define REFUSAL_SET(field, s) refusal_text(field, sizeof(field), s)
enum engine_result refuse_count(struct refusal *why, enum refusal_code code, const char *id,
                                const char *what, uint64_t count, uint64_t limit);
enum engine_result refuse_taken(struct refusal *why, const struct pool *p, const struct cidr *c,
                                const struct allocation *holder);
enum engine_result refuse_pool_unknown(struct refusal *why, const char *id, const struct pool *p);
enum engine_result refuse_family(struct refusal *why, const struct pool *p, enum family wanted);

enum family pool_family(const struct pool *p);
enum engine_result rules_valid(const struct pool_info *p, struct refusal *why);
bool rules_bind(enum allocation_type t);
enum engine_result rules_locale(const struct pool *p, enum allocation_type t, const char *region,
                                struct refusal *why);
enum engine_result rules_length(const struct pool *p, int len, struct refusal *why);
/* The nth required tag (0-based, in order) that is not there; ENGINE_OK when there are not so
 * many. */
enum engine_result rules_tag(const struct pool *p, const struct tags *have, size_t nth,
                             struct refusal *why);
/* Everything that needs no knowledge of space, in the documented order. */
enum engine_result admit(const struct engine *e, const struct allocation_request *r,
                         struct pool **pool, int *len, struct refusal *why);

/* --- record.c --- */

/* The record is in no index yet; conflicting is true until it holds its space. */
struct allocation *record_new(struct engine *e, struct pool *p, const struct allocation_request *r,
                              const struct cidr *c);
void record_free(struct engine *e, struct allocation *a);
bool record_retag(struct engine *e, struct allocation *a, const struct tags *tags,
                  const char *description);
const char *intern(struct engine *e, const char *s); /* NULL when memory is out */
struct allocation *record_find(const struct engine *e, const char *id);
/* The allocation that holds exactly this block of the pool's space. */
struct allocation *place_find(const struct engine *e, const struct pool *p, const struct cidr *c);
bool indexes_reserve(struct engine *e, size_t extra);
void id_add(struct engine *e, struct allocation *a);
void id_remove(struct engine *e, struct allocation *a);
bool place_reserve(struct engine *e, size_t extra);
void place_add(struct engine *e, struct allocation *a);
void place_remove(struct engine *e, struct allocation *a);
struct pool *pool_of(const struct allocation *a);

bool allocations_push(struct allocations *l, struct allocation *a);
/* By CIDR, at equal ones reservations last, then by id. */
int allocation_compare(const struct allocation *a, const struct allocation *b);
/* The first of a sorted list whose CIDR is not below c. */
size_t allocations_seek(const struct allocations *l, const struct cidr *c);

/* --- pool.c --- */

struct pool *pool_find(const struct engine *e, const char *id);
struct pool *pool_refer(struct engine *e, const char *id);     /* found or made; NULL: no memory */
bool pool_put(struct engine *e, const struct pool_info *info); /* defines or redefines */
void pool_free(struct engine *e, struct pool *p);
size_t pool_cidr_seek(const struct pool *p, const struct cidr *c, bool *found);
bool pool_cidr_reserve(struct pool *p);
struct pool_cidr *pool_cidr_add(struct pool *p, const struct cidr *c); /* after reserve */
void pool_cidr_remove(struct pool *p, size_t i);
/* One of the pool's CIDRs that overlaps c, or NULL; planned: one that stays. */
const struct cidr *pool_cidr_overlap(const struct pool *p, const struct cidr *c, bool planned);
/* The pool CIDR that this allocation backs; *child its pool. NULL: none. */
struct pool_cidr *pool_cidr_backed(const struct engine *e, const struct allocation *a,
                                   struct pool **child);
bool pool_is_ancestor(const struct pool *ancestor, const struct pool *p); /* or itself */
bool pool_in_planning(const struct pool *p);
/* In the same address space, so that overlaps mean something: one scope, one layer. */
bool pool_comparable(const struct pool *a, const struct pool *b);
size_t pool_children(const struct engine *e, const struct pool *p);
/* Removes the pools that are marked doomed, and everything in them. */
void pools_remove_doomed(struct engine *e);
size_t scope_pools(const struct engine *e, const char *scope_id);

/* --- view.c --- */

struct space *view(struct engine *e, struct pool *p, bool planned); /* NULL: memory is out */
void view_drop(struct pool *p); /* of the planned space; it is built again when asked for */
void mark_rebuild(struct engine *e, struct pool *p);
/* Derives the spaces of all pools that are marked. Complete for each pool or not at all. */
bool rebuild_marked(struct engine *e);
/* The record takes its block of the space; the block is free, the indexes have room. */
enum space_result hold(struct engine *e, struct allocation *a);
/* The record leaves everything it is in and is freed. */
void record_drop(struct engine *e, struct allocation *a);
/* A record waits behind what holds its block; reserve first. */
bool conflict_reserve(struct pool *p);
void conflict_add(struct engine *e, struct pool *p, struct allocation *a);
/* Part of the space became free or was added: who waits for it in the conflicts gets it. */
void promote(struct engine *e, struct pool *p, const struct cidr *within);

/* --- occupied.c --- */

/* The space that resources draw from; NULL: memory is out. */
struct space *open_view(struct engine *e, struct pool *p, bool planned);
void open_drop(struct pool *p, bool planned); /* it is built again when asked for */
/* The record got, or gave back, its block in the space, or in the planned one. */
void open_claim(struct pool *p, bool planned, const struct cidr *c);
void open_release(const struct engine *e, struct pool *p, bool planned, const struct cidr *c);
/* Which occupants count: those that are there, those that stay after the plan, or those that were
 * there when the engine was marked. */
enum occupied_as { OCCUPIED_NOW, OCCUPIED_PLANNED, OCCUPIED_MARKED };
/* Takes what occupants have of a copy of the pool's space. False: memory is out. */
bool occupy(struct engine *e, const struct pool *p, enum occupied_as as, struct space *s);
/* Is there an occupant on c that is not who asks? */
enum engine_result occupied_check(struct engine *e, const struct pool *p,
                                  const struct allocation_request *r, bool planned,
                                  const struct cidr *c, struct refusal *why);
bool occupied_ready(struct engine *e);                             /* false: memory is out */
bool occupied_holds(const struct engine *e, const struct pool *p); /* for engine_check */
void occupied_free(struct engine *e);
size_t occupied_memory(const struct engine *e);

/* --- allocation.c --- */

/* A new record on a block that was chosen. NULL: memory is out, nothing changed. */
struct allocation *record_issue(struct engine *e, struct pool *p,
                                const struct allocation_request *r, const struct cidr *c);

/* --- choose.c --- */

/* Every allocation of the pool that overlaps c, whether it holds space or conflicts. */
bool each_overlapping(const struct engine *e, const struct pool *p, const struct cidr *c,
                      allocation_visit fn, void *ctx);
/* Every allocation of other pools that stands on c although it is no matter of theirs: see
 * choose.c. */
bool each_foreign(const struct engine *e, const struct pool *p, const struct cidr *c,
                  allocation_visit fn, void *ctx);
/* Does it lie in none of its pool's CIDRs, or is its pool not known? */
bool is_orphan(const struct allocation *a);
/* A CIDR of a comparable pool that is neither above nor below p and overlaps c. */
const struct pool *overlapping_pool(const struct engine *e, const struct pool *p,
                                    const struct cidr *c, bool planned, struct cidr *theirs);
/* May the pool give exactly c? recipient: to this pool, whose own orphans are no obstacle; or NULL.
 * / Which block of that length would it give? */
enum engine_result choose_exact(struct engine *e, struct pool *p, bool planned,
                                const struct cidr *c, const struct pool *recipient,
                                struct refusal *why);
/* for_pool: also from what is occupied, when there is nothing else. */
enum engine_result choose_free(struct engine *e, struct pool *p, bool planned, bool for_pool,
                               unsigned len, const struct cidr *disallowed, size_t count,
                               struct cidr *out, struct refusal *why);

/* --- demand.c --- */

/* A check granted a request: exactly c, or (c unset) any block of this length. by_pool: for a pool
 * below. */
void demand_note(struct engine *e, struct pool *p, const struct cidr *c, int len, bool by_pool);
void demand_free(struct engine *e, struct pool *p);

/* --- snapshot.c --- */

/* Before a record is freed. */
void snapshot_departs(struct engine *e, struct pool *p, const struct allocation *a);

/* --- share.c --- */

/* May the actor change something that belongs to this account? */
enum engine_result must_own(const struct engine *e, const char *owner, const char *what,
                            const char *id, struct refusal *why);
enum engine_result refuse_not_shared(struct refusal *why, const struct pool *p,
                                     const char *account);
void shares_free(struct engine *e);
bool shares_check(const struct engine *e);
size_t shares_memory(const struct engine *e);

/* --- reserve.c --- */

/* Which block a request gets: an exact one, one that it may share, or any of that length. */
enum engine_result choose_for(struct engine *e, struct pool *p, const struct allocation_request *r,
                              bool planned, int len, struct cidr *out, struct refusal *why);
/* The new record of the request takes its block, alone or with its partner. As hold. */
enum space_result settle_on(struct engine *e, struct allocation *a,
                            const struct allocation_request *r);
/* Are the two a reservation and the resource that stands on it? */
bool is_consumed_by(const struct allocation *a, const struct allocation *b);

/* --- provision.c, plan.c, load.c --- */

/* Takes the CIDR away whatever it holds; the caller settles. */
void provision_undo(struct engine *e, struct pool *p, size_t i);

/* After a removal, for readers. When memory is out the next issuing call settles. */
void settle_if_possible(struct engine *e);

enum engine_result provision_choose(struct engine *e, const struct provision_request *r,
                                    bool planned, struct pool **pool, struct cidr *out,
                                    struct refusal *why);
/* The VPC in the source pool whose CIDR a planning pool takes over; NULL: none. */
struct allocation *planning_backing(const struct engine *e, const struct pool *p,
                                    const struct cidr *c);
/* A planned block whose address is open could serve a request of this length. */
bool supply_open(const struct pool *p, int len);
void supply_settle(struct pool *p, const struct cidr *provisioned);
void intent_remove(struct pool *p, const struct cidr *c);
bool contested_find(const struct engine *e, bool *contested); /* false: memory is out */
void ipam_free(struct ipam *i);
void scope_free(struct scope *s);
struct scope *scope_new(const struct scope_info *info);

#endif
