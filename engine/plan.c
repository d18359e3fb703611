/*
 * plan - the same questions, asked before the world has changed
 *
 * While Terraform plans, nothing has happened yet: what will be destroyed still stands, what will
 * be created is not there. The provider tells the engine about both, and the checks answer for the
 * world after the plan: the planned space of a pool (view.c) is without what is leaving and with
 * the CIDRs that will come. What cannot be known, because a CIDR's address is chosen later, is not
 * refused; a request that is larger than any open block can hold is.
 *
 * Nothing is issued and nothing real changes. A plan is worked through in any order and more than
 * once, so every mark may be repeated: telling twice is telling once. (A block without an address
 * counts each time; more supply than there is can only make a check more lenient, and the apply
 * asks again.)
 */
#include <string.h>

#include "engine/engine_internal.h"

enum engine_result engine_check_allocate(struct engine *e, const struct allocation_request *r,
                                         bool rules_only, struct refusal *why)
{
    struct pool *p;
    struct cidr c = r->cidr;
    int len;
    enum engine_result result = engine_settle(e);
    if (result == ENGINE_OK) {
        result = admit(e, r, &p, &len, why);
    }
    if (result != ENGINE_OK || rules_only) {
        return result;
    }
    result = choose_for(e, p, r, true, len, &c, why);
    bool knowable = result != ENGINE_REFUSED || why->code == REFUSAL_TAKEN ||
                    why->code == REFUSAL_ORPHAN || why->code == REFUSAL_OCCUPIED;
    if (!knowable && supply_open(p, len)) {
        result = ENGINE_OK;
    }
    if (result == ENGINE_OK) {
        demand_note(e, p, &r->cidr, len, false);
    }
    return result;
}

enum engine_result engine_check_provision(struct engine *e, const struct provision_request *r,
                                          struct refusal *why)
{
    struct pool *p;
    struct cidr c;
    enum engine_result result = engine_settle(e);
    if (result == ENGINE_OK) {
        result = provision_choose(e, r, true, &p, &c, why);
    }
    int len = cidr_is_set(&r->cidr) ? r->cidr.len : r->length;
    if (result == ENGINE_OK && p->source) {
        demand_note(e, p->source, &r->cidr, len, true);
    }
    if (result != ENGINE_REFUSED || !p || !p->source) {
        return result;
    }
    bool about_supply = why->code == REFUSAL_NO_CIDRS || why->code == REFUSAL_NO_SPACE ||
                        why->code == REFUSAL_OUTSIDE_POOL ||
                        (why->code == REFUSAL_LENGTH_INVALID && why->curable);
    return about_supply && supply_open(p->source, len) ? ENGINE_OK : result;
}

/* --- leaving --- */

void engine_plan_leave(struct engine *e, const char *allocation_id)
{
    struct allocation *a = record_find(e, allocation_id);
    if (!a || a->leaving) {
        return;
    }
    struct pool *p = pool_of(a);
    a->leaving = true;
    p->leaving_count++;
    if (p->planned) {
        open_release(e, p, true, &a->cidr);
        enum space_result result = space_release(p->planned, &a->cidr);
        if (a->conflicting || p->conflicts.count > 0 ||
            (result != SPACE_OK && result != SPACE_NOT_FOUND)) {
            view_drop(p); /* others may stand below it */
        }
    }
}

void engine_plan_leave_cidr(struct engine *e, const char *pool_id, const struct cidr *c)
{
    struct pool *p = pool_find(e, pool_id);
    bool found = false;
    size_t i = p ? pool_cidr_seek(p, c, &found) : 0;
    if (!found || p->cidrs[i].leaving) {
        return;
    }
    p->cidrs[i].leaving = true;
    view_drop(p);
    const struct allocation *backing = p->cidrs[i].backing;
    if (backing && backing->type == ALLOCATION_POOL) {
        engine_plan_leave(e, backing->id);
    }
}

/* --- supply --- */

enum engine_result engine_plan_provision(struct engine *e, const char *pool_id,
                                         const struct cidr *c, int length)
{
    struct pool *p = pool_refer(e, pool_id);
    if (!p || !grow(&p->supplies, &p->supply_capacity, p->supply_count + 1, sizeof(*p->supplies))) {
        return ENGINE_NO_MEMORY;
    }
    if (!c || !cidr_is_set(c)) {
        p->supplies[p->supply_count++] = (struct supply){.length = length};
        return ENGINE_OK;
    }
    bool there;
    size_t i = pool_cidr_seek(p, c, &there);
    there = there && !p->cidrs[i].leaving;
    for (i = 0; i < p->supply_count && !there; i++) {
        there = cidr_equal(&p->supplies[i].cidr, c);
    }
    if (!there) {
        p->supplies[p->supply_count++] = (struct supply){.cidr = *c, .length = c->len};
        view_drop(p);
    }
    return ENGINE_OK;
}

bool supply_open(const struct pool *p, int len)
{
    for (size_t i = 0; i < p->supply_count; i++) {
        if (!cidr_is_set(&p->supplies[i].cidr) && p->supplies[i].length <= len) {
            return true;
        }
    }
    return false;
}

/* The plan has come true: the planned CIDR itself, else one open block of that length. */
void supply_settle(struct pool *p, const struct cidr *provisioned)
{
    size_t at = p->supply_count;
    for (size_t i = 0; i < p->supply_count; i++) {
        const struct supply *s = &p->supplies[i];
        if (cidr_equal(&s->cidr, provisioned)) {
            at = i;
            break;
        }
        if (at == p->supply_count && !cidr_is_set(&s->cidr) && s->length == provisioned->len) {
            at = i;
        }
    }
    if (at < p->supply_count) {
        p->supply_count--;
        memmove(p->supplies + at, p->supplies + at + 1,
                (p->supply_count - at) * sizeof(*p->supplies));
    }
}

/* --- intents --- */

static size_t intent_seek(const struct pool *p, const struct cidr *c, bool *found)
{
    size_t low = 0, high = p->intent_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cidr_compare(&p->intents[middle], c) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = low < p->intent_count && cidr_equal(&p->intents[low], c);
    return low;
}

enum engine_result engine_plan_intent(struct engine *e, const char *pool_id, const struct cidr *c)
{
    struct pool *p = pool_refer(e, pool_id);
    if (!p || !grow(&p->intents, &p->intent_capacity, p->intent_count + 1, sizeof(*p->intents))) {
        return ENGINE_NO_MEMORY;
    }
    bool found;
    size_t i = intent_seek(p, c, &found);
    if (!found && !place_find(e, p, c)) {
        memmove(p->intents + i + 1, p->intents + i, (p->intent_count - i) * sizeof(*p->intents));
        p->intents[i] = *c;
        p->intent_count++;
    }
    return ENGINE_OK;
}

void intent_remove(struct pool *p, const struct cidr *c)
{
    bool found;
    size_t i = intent_seek(p, c, &found);
    if (found) {
        p->intent_count--;
        memmove(p->intents + i, p->intents + i + 1, (p->intent_count - i) * sizeof(*p->intents));
    }
}

void engine_plan_forget(struct engine *e, const char *pool_id, const struct cidr *c)
{
    struct pool *p = pool_find(e, pool_id);
    if (p) {
        intent_remove(p, c);
    }
}
