/*
 * share - who may draw from whose pools
 *
 * The rules of sharing, without anything of how a cloud writes them down: no ARNs, no invitations.
 * An account has names, its own id and the groups that it is in; a share is a list of pools and a
 * list of names. A pool is usable by the account that owns it, and by an account that a share of
 * the same owner names. Groups are kept as names, not expanded to accounts: an account that moves
 * to another OU, or an organisation of thousands, changes nothing in the shares.
 *
 * Everything is kept as sorted sets of pairs of texts, so saying a thing twice is no change and an
 * answer needs no more than binary searches. A question goes through the shares one by one: there
 * are tens, and owners of pools, who ask most, are answered before the first.
 *
 * Two kinds of refusal come from here. NOT_SHARED hides: to an account without a share the pool
 * does not exist, so the refusal says nothing of it but its id; it may be cured by a share that
 * another part of the run makes. NOT_OWNER is about changing what belongs to somebody else, which
 * nothing in a run cures.
 *
 * A share that is only referred to (its state was not read) counts: whoever wrote down that a pool
 * is in it was its owner.
 *
 * Invariants: the pairs are in order and none is there twice; every text lives as long as the
 * engine (record.c keeps each once); a share is in the registry under its id.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

/* --- sets of pairs --- */

/* The first pair that is not below (a, b). */
static size_t pairs_seek(const struct pairs *p, const char *a, const char *b)
{
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(p->items[middle].a, a);
        if (order < 0 || (order == 0 && strcmp(p->items[middle].b, b) < 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool pairs_at(const struct pairs *p, size_t i, const char *a, const char *b)
{
    return i < p->count && strcmp(p->items[i].a, a) == 0 && (!b || strcmp(p->items[i].b, b) == 0);
}

/* Is there a pair that begins with a? */
static bool pairs_begin(const struct pairs *p, const char *a)
{
    return pairs_at(p, pairs_seek(p, a, ""), a, NULL);
}

static enum engine_result pairs_add(struct engine *e, struct pairs *p, const char *a, const char *b)
{
    size_t i = pairs_seek(p, a, b);
    if (pairs_at(p, i, a, b)) {
        return ENGINE_OK;
    }
    const char *first = intern(e, a), *second = intern(e, b);
    if (!first || !second || !grow(&p->items, &p->capacity, p->count + 1, sizeof(*p->items))) {
        return ENGINE_NO_MEMORY;
    }
    memmove(p->items + i + 1, p->items + i, (p->count - i) * sizeof(*p->items));
    p->items[i] = (struct pair){first, second};
    p->count++;
    return ENGINE_OK;
}

static void pairs_remove(struct pairs *p, const char *a, const char *b)
{
    size_t i = pairs_seek(p, a, b);
    if (pairs_at(p, i, a, b)) {
        p->count--;
        memmove(p->items + i, p->items + i + 1, (p->count - i) * sizeof(*p->items));
    }
}

static bool pairs_check(const struct pairs *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (pairs_seek(p, p->items[i].a, p->items[i].b) != i) {
            return false;
        }
    }
    return true;
}

/* --- accounts --- */

enum engine_result engine_act_as(struct engine *e, const char *account)
{
    const char *actor = text_empty(account) ? NULL : intern(e, account);
    if (!actor && !text_empty(account)) {
        return ENGINE_NO_MEMORY;
    }
    e->actor = actor;
    return ENGINE_OK;
}

enum engine_result engine_load_member(struct engine *e, const char *account, const char *group)
{
    return pairs_add(e, &e->members, account, group);
}

bool engine_is_member(const struct engine *e, const char *account)
{
    return pairs_begin(&e->members, account);
}

enum engine_result must_own(const struct engine *e, const char *owner, const char *what,
                            const char *id, struct refusal *why)
{
    if (!e->actor || text_empty(owner) || strcmp(e->actor, owner) == 0) {
        return ENGINE_OK;
    }
    refuse(why, REFUSAL_NOT_OWNER, id);
    REFUSAL_SET(why->text, what);
    REFUSAL_SET(why->text2, e->actor);
    REFUSAL_SET(why->holder_owner, owner);
    return ENGINE_REFUSED;
}

enum engine_result refuse_not_shared(struct refusal *why, const struct pool *p, const char *account)
{
    refuse(why, REFUSAL_NOT_SHARED, p->id);
    REFUSAL_SET(why->text2, account);
    return ENGINE_REFUSED;
}

/* --- shares --- */

static struct share *share_find(const struct engine *e, const char *id)
{
    return registry_find(&e->shares, id);
}

const struct share_info *engine_share(const struct engine *e, const char *id)
{
    const struct share *s = share_find(e, id);
    return s && s->known ? &s->info : NULL;
}

/* Found, or made as one that is only referred to; NULL: memory is out. */
static struct share *share_refer(struct engine *e, const char *id)
{
    struct share *s = share_find(e, id);
    const char *kept = s ? s->id : intern(e, id), *none = intern(e, NULL);
    if (s || !kept || !registry_reserve(&e->shares, 1) || !(s = calloc(1, sizeof(*s)))) {
        return s;
    }
    s->id = kept;
    s->info = (struct share_info){.id = kept, .owner = none, .name = none};
    registry_add(&e->shares, s);
    return s;
}

enum engine_result engine_load_share(struct engine *e, const struct share_info *info)
{
    const char *owner = intern(e, info->owner), *name = intern(e, info->name);
    struct share *s = share_refer(e, info->id);
    if (!s || !owner || !name) {
        return ENGINE_NO_MEMORY;
    }
    s->info = *info;
    s->info.id = s->id;
    s->info.owner = owner;
    s->info.name = name;
    s->known = true;
    return ENGINE_OK;
}

enum engine_result engine_check_share(const struct engine *e, const char *id, struct refusal *why)
{
    const struct share_info *s = engine_share(e, id);
    return s ? must_own(e, s->owner, "resource share", id, why)
             : refuse(why, REFUSAL_SHARE_UNKNOWN, id);
}

enum engine_result engine_check_owner(const struct engine *e, const char *pool_id,
                                      struct refusal *why)
{
    const struct pool *p = pool_find(e, pool_id);
    return p && p->known ? must_own(e, p->info->owner, "IPAM pool", pool_id, why)
                         : refuse_pool_unknown(why, pool_id, p);
}

static void share_free(struct share *s)
{
    free(s->pools.items);
    free(s->names.items);
    free(s->accepted.items);
    free(s);
}

void engine_remove_share(struct engine *e, const char *id)
{
    struct share *s = share_find(e, id);
    if (s) {
        registry_remove(&e->shares, s);
        share_free(s);
    }
}

enum engine_result engine_share_pool(struct engine *e, const char *share_id, const char *pool_id)
{
    struct share *s = share_refer(e, share_id);
    return s ? pairs_add(e, &s->pools, pool_id, "") : ENGINE_NO_MEMORY;
}

void engine_unshare_pool(struct engine *e, const char *share_id, const char *pool_id)
{
    struct share *s = share_find(e, share_id);
    if (s) {
        pairs_remove(&s->pools, pool_id, "");
    }
}

bool engine_share_has_pool(const struct engine *e, const char *share_id, const char *pool_id)
{
    const struct share *s = share_find(e, share_id);
    return s && pairs_begin(&s->pools, pool_id);
}

const char *engine_share_pool_at(const struct engine *e, const char *share_id, size_t n)
{
    const struct share *s = share_find(e, share_id);
    return s && n < s->pools.count ? s->pools.items[n].a : NULL;
}

enum engine_result engine_share_with(struct engine *e, const char *share_id, const char *name,
                                     const char *as)
{
    struct share *s = share_refer(e, share_id);
    return s ? pairs_add(e, &s->names, name, as) : ENGINE_NO_MEMORY;
}

void engine_unshare_with(struct engine *e, const char *share_id, const char *name, const char *as)
{
    struct share *s = share_find(e, share_id);
    if (s) {
        pairs_remove(&s->names, name, as);
    }
}

bool engine_share_names(const struct engine *e, const char *share_id, const char *name,
                        const char *as)
{
    const struct share *s = share_find(e, share_id);
    return s && pairs_at(&s->names, pairs_seek(&s->names, name, as ? as : ""), name, as);
}

enum engine_result engine_share_accept(struct engine *e, const char *share_id, const char *account)
{
    struct share *s = share_refer(e, share_id);
    return s ? pairs_add(e, &s->accepted, account, "") : ENGINE_NO_MEMORY;
}

void engine_share_decline(struct engine *e, const char *share_id, const char *account)
{
    struct share *s = share_find(e, share_id);
    if (s) {
        pairs_remove(&s->accepted, account, "");
    }
}

/* --- the question --- */

static bool share_reaches(const struct engine *e, const struct share *s, const char *owner,
                          const char *account)
{
    bool insiders =
        e->members.count == 0 || (engine_is_member(e, owner) && engine_is_member(e, account));
    if (pairs_begin(&s->names, account) && (insiders || pairs_begin(&s->accepted, account))) {
        return true;
    }
    for (size_t i = pairs_seek(&e->members, account, ""); pairs_at(&e->members, i, account, NULL);
         i++) {
        if (pairs_begin(&s->names, e->members.items[i].b)) {
            return true;
        }
    }
    return false;
}

bool engine_may_use(const struct engine *e, const struct pool *p, const char *account)
{
    const char *owner = p->info->owner;
    if (text_empty(account) || text_empty(owner) || strcmp(owner, account) == 0) {
        return true;
    }
    for (size_t i = 0; i < e->shares.count; i++) {
        const struct share *s = e->shares.items[i];
        bool owned = text_empty(s->info.owner) || strcmp(s->info.owner, owner) == 0;
        bool gives = owned && !s->info.no_draws && pairs_begin(&s->pools, p->id);
        if (gives && share_reaches(e, s, owner, account)) {
            return true;
        }
    }
    return false;
}

/* --- the engine's housekeeping --- */

void shares_free(struct engine *e)
{
    for (size_t i = 0; i < e->shares.count; i++) {
        share_free(e->shares.items[i]);
    }
    free(e->shares.items);
    free(e->members.items);
}

bool shares_check(const struct engine *e)
{
    for (size_t i = 0; i < e->shares.count; i++) {
        const struct share *s = e->shares.items[i];
        if (strcmp(s->id, s->info.id) != 0 || !pairs_check(&s->pools) || !pairs_check(&s->names) ||
            !pairs_check(&s->accepted)) {
            return false;
        }
    }
    return pairs_check(&e->members);
}

size_t shares_memory(const struct engine *e)
{
    size_t bytes = e->shares.capacity * sizeof(void *) + e->members.capacity * sizeof(struct pair);
    for (size_t i = 0; i < e->shares.count; i++) {
        const struct share *s = e->shares.items[i];
        bytes += sizeof(*s) + (s->pools.capacity + s->names.capacity + s->accepted.capacity) *
                                  sizeof(struct pair);
    }
    return bytes;
}
