/*
 * rules - what is refused, and which numbers the refusal carries
 *
 * The questions that need no knowledge of space, asked in one fixed order, so that the answer names
 * the rule that a person would look for first: unknown objects, family, locale, size given, bounds,
 * tags; only then (choose.c) comes space. A /15 from a pool whose largest block is a /16 is
 * therefore refused for the bound, even when the pool is full as well.
 *
 * Who is bound: AWS binds resources (VPC, subnet, EIP, public pool); here also custom allocations,
 * so that a reservation cannot go round the rules. A child pool's CIDR is never bound. A resource
 * must be in the pool's locale, so a pool without a locale cannot serve it. A custom allocation may
 * come from a pool without a locale: that is how a range outside the cloud is kept free in a
 * top-level pool. An empty region is one that is not known, and is not compared. Before all of
 * these comes who asks: to an account that may not use a pool, the pool's rules are none of its
 * business (share.c).
 *
 * `curable`: could a later step of the same run, some other object made or removed, make the
 * answer different? True for everything about space, and for emptiness; false for rules, families
 * and quotas, which only a change of the configuration cures.
 */
#include <stdio.h>
#include <string.h>

#include "engine/engine_internal.h"

/* Cuts between characters: the text goes out as UTF-8. */
void refusal_text(char *to, size_t size, const char *s)
{
    size_t len = s ? strnlen(s, size) : 0;
    if (len == size) {
        len--;
        while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    if (len > 0) {
        memcpy(to, s, len);
    }
    to[len] = '\0';
}

static bool is_curable(enum refusal_code code)
{
    switch (code) {
    case REFUSAL_NOT_EMPTY:
    case REFUSAL_NO_CIDRS:
    case REFUSAL_NO_SPACE:
    case REFUSAL_OUTSIDE_POOL:
    case REFUSAL_TAKEN:
    case REFUSAL_ORPHAN:
    case REFUSAL_OVERLAPS_POOL:
    case REFUSAL_CIDR_EXISTS:
    case REFUSAL_CIDR_IN_USE:
    case REFUSAL_NOT_SHARED:
        return true;
    default:
        return false;
    }
}

enum engine_result refuse(struct refusal *why, enum refusal_code code, const char *id)
{
    *why = (struct refusal){.code = code,
                            .curable = is_curable(code),
                            .length = -1,
                            .min_len = -1,
                            .max_len = -1,
                            .largest_free = -1};
    REFUSAL_SET(why->id, id);
    return ENGINE_REFUSED;
}

enum engine_result refuse_count(struct refusal *why, enum refusal_code code, const char *id,
                                const char *what, uint64_t count, uint64_t limit)
{
    refuse(why, code, id);
    REFUSAL_SET(why->text, what);
    why->count = count;
    why->limit = limit;
    return ENGINE_REFUSED;
}

enum engine_result refuse_taken(struct refusal *why, const struct pool *p, const struct cidr *c,
                                const struct allocation *holder)
{
    bool orphan = holder->pool != p && is_orphan(holder);
    refuse(why, orphan ? REFUSAL_ORPHAN : REFUSAL_TAKEN, p->id);
    if (orphan) {
        REFUSAL_SET(why->text, holder->pool->id);
    }
    why->cidr = *c;
    why->length = c->len;
    why->conflict = holder->cidr;
    REFUSAL_SET(why->other_id, holder->id);
    REFUSAL_SET(why->holder_resource, holder->resource_id);
    REFUSAL_SET(why->holder_owner, holder->owner);
    REFUSAL_SET(why->holder_type, allocation_type_name(holder->type));
    return ENGINE_REFUSED;
}

enum engine_result refuse_pool_unknown(struct refusal *why, const char *id, const struct pool *p)
{
    refuse(why, REFUSAL_POOL_UNKNOWN, id);
    why->curable = p != NULL; /* something refers to it, so its definition may still come */
    return ENGINE_REFUSED;
}

enum engine_result refuse_family(struct refusal *why, const struct pool *p, enum family wanted)
{
    refuse(why, REFUSAL_FAMILY, p->id);
    REFUSAL_SET(why->text, wanted == FAMILY_V4 ? "ipv4" : "ipv6");
    REFUSAL_SET(why->text2, pool_family(p) == FAMILY_V4 ? "ipv4" : "ipv6");
    return ENGINE_REFUSED;
}

enum family pool_family(const struct pool *p)
{
    return p->info->family == FAMILY_V6 ? FAMILY_V6 : FAMILY_V4;
}

enum engine_result rules_valid(const struct pool_info *p, struct refusal *why)
{
    int top = (int)cidr_max_len(p->family), min = p->rules.min_len, max = p->rules.max_len,
        usual = p->rules.default_len;
    bool inside = min >= -1 && min <= top && max >= -1 && max <= top && usual >= -1 && usual <= top;
    bool ordered = (min < 0 || max < 0 || min <= max) && (usual < 0 || min < 0 || usual >= min) &&
                   (usual < 0 || max < 0 || usual <= max);
    if (inside && ordered) {
        return ENGINE_OK;
    }
    refuse(why, REFUSAL_RULES, p->id);
    why->min_len = min;
    why->max_len = max;
    why->length = usual;
    why->limit = (uint64_t)top;
    return ENGINE_REFUSED;
}

bool rules_bind(enum allocation_type t)
{
    return t == ALLOCATION_VPC || t == ALLOCATION_SUBNET || t == ALLOCATION_EIP ||
           t == ALLOCATION_PUBLIC_POOL || t == ALLOCATION_CUSTOM;
}

enum engine_result rules_locale(const struct pool *p, enum allocation_type t, const char *region,
                                struct refusal *why)
{
    const char *locale = p->info->locale;
    bool lacks = !locale && t != ALLOCATION_CUSTOM;
    bool differs = locale && !text_empty(region) && strcmp(locale, region) != 0;
    if (!rules_bind(t) || (!lacks && !differs)) {
        return ENGINE_OK;
    }
    refuse(why, REFUSAL_POOL_LOCALE, p->id);
    REFUSAL_SET(why->text, locale);
    REFUSAL_SET(why->text2, region);
    return ENGINE_REFUSED;
}

enum engine_result rules_length(const struct pool *p, int len, struct refusal *why)
{
    const struct rules *rules = &p->info->rules;
    bool large = rules->min_len >= 0 && len < rules->min_len;
    bool small = rules->max_len >= 0 && len > rules->max_len;
    if (!large && !small) {
        return ENGINE_OK;
    }
    refuse(why, large ? REFUSAL_TOO_LARGE : REFUSAL_TOO_SMALL, p->id);
    why->length = len;
    why->min_len = rules->min_len;
    why->max_len = rules->max_len;
    return ENGINE_REFUSED;
}

const char *tags_find(const struct tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->items[i].key, key) == 0) {
            return t->items[i].value;
        }
    }
    return NULL;
}

enum engine_result rules_tag(const struct pool *p, const struct tags *have, size_t nth,
                             struct refusal *why)
{
    const struct tags *wanted = &p->info->rules.tags;
    for (size_t i = 0; i < wanted->count; i++) {
        const struct tag *t = &wanted->items[i];
        const char *found = tags_find(have, t->key);
        if ((!found || strcmp(found, t->value) != 0) && nth-- == 0) {
            refuse(why, REFUSAL_TAG_MISSING, p->id);
            REFUSAL_SET(why->text, t->key);
            REFUSAL_SET(why->text2, t->value);
            REFUSAL_SET(why->text3, found);
            return ENGINE_REFUSED;
        }
    }
    return ENGINE_OK;
}

/* The length that a request comes down to. */
static enum engine_result request_length(const struct pool *p, const struct allocation_request *r,
                                         int *len, struct refusal *why)
{
    bool named = cidr_is_set(&r->cidr);
    int top = (int)cidr_max_len(pool_family(p));
    if (named && r->length != -1) {
        refuse(why, REFUSAL_BOTH_SIZES, p->id);
        why->cidr = r->cidr;
        why->length = r->length;
        return ENGINE_REFUSED;
    }
    *len = named ? r->cidr.len : r->length != -1 ? r->length : p->info->rules.default_len;
    if (*len == -1) {
        return refuse(why, REFUSAL_NO_SIZE, p->id);
    }
    if (*len < 0 || *len > top) {
        refuse(why, REFUSAL_LENGTH_INVALID, p->id);
        why->length = *len;
        why->min_len = 0;
        why->max_len = top;
        return ENGINE_REFUSED;
    }
    return ENGINE_OK;
}

enum engine_result admit(const struct engine *e, const struct allocation_request *r,
                         struct pool **pool, int *len, struct refusal *why)
{
    struct pool *p = *pool = pool_find(e, r->pool_id);
    if (!p || !p->known) {
        return refuse_pool_unknown(why, r->pool_id, p);
    }
    if (!engine_may_use(e, p, e->actor)) {
        return refuse_not_shared(why, p, e->actor);
    }
    if (record_find(e, r->id)) {
        return refuse(why, REFUSAL_EXISTS, r->id);
    }
    if (cidr_is_set(&r->cidr) && r->cidr.family != pool_family(p)) {
        refuse_family(why, p, r->cidr.family);
        why->cidr = r->cidr;
        return ENGINE_REFUSED;
    }
    enum engine_result result = rules_locale(p, r->type, r->region, why);
    if (result == ENGINE_OK) {
        result = request_length(p, r, len, why);
    }
    if (result == ENGINE_OK && rules_bind(r->type)) {
        result = rules_length(p, *len, why);
        if (result == ENGINE_REFUSED) {
            why->cidr = r->cidr;
        }
    }
    if (result == ENGINE_OK && rules_bind(r->type)) {
        result = rules_tag(p, &r->tags, 0, why);
    }
    return result;
}
