/*
 * schema_plan - what a resource will look like, as far as its table can tell
 *
 * Three steps. Merge: walk the table once with the configuration, the prior state and Terraform's
 * own merge of the two, and decide each attribute on its own. Compare: if nothing differs from the
 * prior state the plan is quiet and we are done. Otherwise merge again with the volatile attributes
 * unknown, and collect the paths that call for a replacement.
 *
 * Invariants, which are Terraform's rules for a provider:
 *   - what the configuration sets, it sets; unknown values pass through as they came;
 *   - a nested block has the elements that the configuration gives it, no more and no fewer, and is
 *     never unknown unless the configuration makes it so;
 *   - only computed attributes without a configured value are ours to decide.
 *
 * Which prior element is the same? In lists the one of the same index, in maps that of the same
 * key. Elements of a set have no name, so a configured element looks for the prior element that it
 * would turn into without any change; failing that, for the one that shares the most of what the
 * configuration sets. The first search goes by a hash over the attributes that only a configuration
 * can set, the second compares pairs; both draw on a budget, since a set of many thousand elements
 * that are all alike would otherwise take quadratic time. An element left without a counterpart is
 * planned as a new one, which is correct and only less quiet. Sets without computed attributes, by
 * far the most, need no counterparts at all.
 *
 * Defaults and replacement. State that was imported, or written by another provider, holds null
 * where ours would hold the default. That is an update, but never a reason to replace. So the
 * comparison for replacement is made against the prior state planned with itself as its
 * configuration: the same state, with the defaults filled in.
 */
#include "proto/schema.h"

#include <stdlib.h>
#include <string.h>

struct plan {
    struct arena *arena;
    bool refresh; /* volatile attributes are unknown */
};

/* One place in the three trees. prior is null for what is to be created. */
struct trees {
    const struct value *config, *prior, *proposed;
};

static const struct value *plan_object(const struct plan *pl, const struct block *b,
                                       struct trees t);

static struct trees member(struct trees t, const char *name)
{
    return (struct trees){value_get(t.config, name), value_get(t.prior, name),
                          value_get(t.proposed, name)};
}

static const struct value *element(const struct value *v, size_t i)
{
    return v->kind == VALUE_SEQ && i < v->seq.count ? v->seq.items[i] : &value_null;
}

/* ---- equality, by the table ---- */

static bool same_object(struct arena *a, const struct block *b, const struct value *x,
                        const struct value *y);

static bool same_members(struct arena *a, const struct block *b, const struct value *x,
                         const struct value *y)
{
    for (size_t i = 0; i < x->map.count; i++) {
        if (strcmp(x->map.members[i].key, y->map.members[i].key) != 0 ||
            !same_object(a, b, x->map.members[i].value, y->map.members[i].value))
            return false;
    }
    return true;
}

static bool same_nest(struct arena *a, enum nesting nesting, const struct block *b,
                      const struct value *x, const struct value *y)
{
    if (nesting == NESTING_SINGLE)
        return same_object(a, b, x, y);
    if (x->kind != y->kind)
        return false;
    if (x->kind == VALUE_MAP)
        return x->map.count == y->map.count && same_members(a, b, x, y);
    if (x->kind != VALUE_SEQ)
        return true;
    if (x->seq.count != y->seq.count)
        return false;
    if (nesting == NESTING_SET) {
        struct type set = {.kind = TYPE_SET, .elem = schema_block_type(a, b)};
        return value_equal(&set, x, y);
    }
    for (size_t i = 0; i < x->seq.count; i++) {
        if (!same_object(a, b, x->seq.items[i], y->seq.items[i]))
            return false;
    }
    return true;
}

static bool same_attribute(struct arena *a, const struct attribute *at, const struct value *x,
                           const struct value *y)
{
    return at->nested ? same_nest(a, at->nesting, at->nested, x, y) : value_equal(at->type, x, y);
}

static bool same_object(struct arena *a, const struct block *b, const struct value *x,
                        const struct value *y)
{
    if (x->kind != VALUE_MAP || y->kind != VALUE_MAP)
        return x->kind == y->kind;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        if (!same_attribute(a, at, value_get(x, at->name), value_get(y, at->name)))
            return false;
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        if (!same_nest(a, nb->nesting, nb->block, value_get(x, nb->name), value_get(y, nb->name)))
            return false;
    }
    return true;
}

/* ---- does the table hold such attributes anywhere? ---- */

static bool block_has(const struct block *b, unsigned flag)
{
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        if ((at->flags & flag) || (at->nested && block_has(at->nested, flag)))
            return true;
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        if ((nb->flags & flag) || block_has(nb->block, flag))
            return true;
    }
    return false;
}

/* ---- counterparts in sets ---- */

struct candidate {
    uint64_t hash;
    const struct value *value;
    size_t index;
    size_t owner; /* the configured element whose counterpart it is, or NOBODY */
    size_t asked; /* the last element on whose behalf it was looked at, plus 1 */
};
#define NOBODY SIZE_MAX

/* The candidates are sorted by hash, among equals by index. */
struct counterparts {
    const struct plan *plan;
    const struct block *block;
    const struct value *config; /* the configured set */
    struct candidate *items;
    size_t count;
    size_t budget; /* looks at a candidate that are left */
};
#define COUNTERPART_BUDGET 16384
#define COUNTERPART_DEPTH  32 /* of a chain of elements that make room for one another */

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ (h >> 29);
}

static uint64_t hash_number(const struct number *n)
{
    double d = n->kind == NUMBER_INT    ? (double)n->i
               : n->kind == NUMBER_UINT ? (double)n->u
               : n->kind == NUMBER_TEXT ? strtod(n->text, NULL)
                                        : n->d;
    uint64_t bits;
    d += 0.0; /* -0.0 equals 0.0 */
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

/* Equal values have equal hashes, whatever their type: collections count by size alone. */
static uint64_t hash_value(const struct value *v)
{
    uint64_t h = mix(v->kind, 1);
    switch (v->kind) {
    case VALUE_BOOL:
        return mix(h, v->boolean);
    case VALUE_NUMBER:
        return mix(h, hash_number(&v->number));
    case VALUE_STRING:
        for (size_t i = 0; i < v->string.len; i++)
            h = mix(h, (unsigned char)v->string.text[i]);
        return h;
    case VALUE_SEQ:
        return mix(h, v->seq.count);
    case VALUE_MAP:
        return mix(h, v->map.count);
    default:
        return h;
    }
}

/* Over what must be equal for two elements to be the same one: what only a configuration sets. */
static uint64_t hash_element(const struct block *b, const struct value *object)
{
    uint64_t h = 0;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        if (!(at->flags & ATTR_COMPUTED) && !at->nested)
            h = mix(h, hash_value(value_get(object, at->name)));
    }
    return h;
}

static int by_hash(const void *x, const void *y)
{
    const struct candidate *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static struct counterparts counterparts_of(const struct plan *pl, const struct block *b,
                                           const struct value *config, const struct value *prior)
{
    struct counterparts c = {
        .plan = pl, .block = b, .config = config, .budget = COUNTERPART_BUDGET};
    if (prior->kind != VALUE_SEQ)
        return c;
    c.items = arena_calloc(pl->arena, prior->seq.count, sizeof *c.items);
    for (size_t i = 0; i < prior->seq.count; i++) {
        const struct value *v = prior->seq.items[i];
        if (v->kind == VALUE_MAP)
            c.items[c.count++] = (struct candidate){hash_element(b, v), v, i, NOBODY, 0};
    }
    if (c.count)
        qsort(c.items, c.count, sizeof *c.items, by_hash);
    c.budget += 8 * c.count;
    return c;
}

static size_t first_with_hash(const struct counterparts *c, uint64_t hash)
{
    size_t lo = 0, hi = c->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->items[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The element as it would be with this prior state. */
static const struct value *plan_from(const struct counterparts *c, const struct value *config,
                                     const struct value *prior)
{
    struct plan quiet = {.arena = c->plan->arena};
    return plan_object(&quiet, c->block, (struct trees){config, prior, prior});
}

/* Would the element be this prior one, without any change? */
static bool fits(struct counterparts *c, const struct value *config, const struct candidate *p)
{
    return same_object(c->plan->arena, c->block, plan_from(c, config, p->value), p->value);
}

/*
 * Finds the element i a prior element that it would be without any change. Two elements may fit
 * the same one, say {prefix = 20} and {cidr = "10.0.0.0/20"}; so when all that fit are taken, an
 * owner is asked to move to another one (augmenting paths). `on_behalf` is the element that the
 * search began with, plus 1: no candidate is looked at twice in one search.
 */
static bool settle(struct counterparts *c, size_t i, size_t on_behalf, unsigned depth)
{
    const struct value *config = c->config->seq.items[i];
    uint64_t hash = hash_element(c->block, config);
    size_t first = first_with_hash(c, hash);
    for (int moving = 0; moving < 2; moving++) {
        for (size_t k = first; k < c->count && c->items[k].hash == hash; k++) {
            struct candidate *p = &c->items[k];
            if (c->budget == 0)
                return false;
            c->budget--;
            if (p->asked == on_behalf || (p->owner != NOBODY) != moving || !fits(c, config, p))
                continue;
            p->asked = on_behalf;
            if (!moving || (depth > 0 && settle(c, p->owner, on_behalf, depth - 1))) {
                p->owner = i;
                return true;
            }
        }
    }
    return false;
}

/* How many of the things that the configuration sets are as before. */
static size_t likeness(const struct counterparts *c, const struct value *config,
                       const struct value *prior)
{
    const struct value *planned = plan_from(c, config, prior);
    size_t n = 0;
    for (const struct attribute *at = c->block->attributes; at && at->name; at++) {
        n += !value_is_null(value_get(config, at->name)) &&
             same_attribute(c->plan->arena, at, value_get(planned, at->name),
                            value_get(prior, at->name));
    }
    for (const struct nested_block *nb = c->block->blocks; nb && nb->name; nb++) {
        const struct value *v = value_get(config, nb->name);
        n += (v->kind == VALUE_MAP || (v->kind == VALUE_SEQ && v->seq.count)) &&
             same_nest(c->plan->arena, nb->nesting, nb->block, value_get(planned, nb->name),
                       value_get(prior, nb->name));
    }
    return n;
}

/* Gives the element i the free prior element that shares the most with it, the first of several. */
static void settle_for_like(struct counterparts *c, size_t i)
{
    struct candidate *best = NULL;
    size_t most = 0;
    for (size_t k = 0; k < c->count && c->budget; k++, c->budget--) {
        struct candidate *p = &c->items[k];
        if (p->owner != NOBODY)
            continue;
        size_t n = likeness(c, c->config->seq.items[i], p->value);
        if (n > most || (n && n == most && p->index < best->index)) {
            most = n;
            best = p;
        }
    }
    if (best)
        best->owner = i;
}

static const struct value *plan_set(const struct plan *pl, const struct block *b, struct trees t)
{
    size_t n = t.config->seq.count;
    struct counterparts c = counterparts_of(pl, b, t.config, t.prior);
    const struct value **items = arena_calloc(pl->arena, n, sizeof *items);
    bool *settled = arena_calloc(pl->arena, n, sizeof *settled);
    /* All that stay the same first, so that a changed element cannot take their place. */
    for (size_t i = 0; i < n; i++)
        settled[i] = c.count == 0 || t.config->seq.items[i]->kind != VALUE_MAP ||
                     settle(&c, i, i + 1, COUNTERPART_DEPTH);
    for (size_t i = 0; i < n; i++) {
        if (!settled[i])
            settle_for_like(&c, i);
    }
    for (size_t k = 0; k < c.count; k++) {
        if (c.items[k].owner != NOBODY)
            items[c.items[k].owner] = c.items[k].value;
    }
    for (size_t i = 0; i < n; i++) {
        const struct value *was = items[i] ? items[i] : &value_null;
        items[i] = plan_object(pl, b, (struct trees){t.config->seq.items[i], was, was});
    }
    return value_seq(pl->arena, items, n);
}

/* ---- the merge ---- */

static const struct value *plan_list(const struct plan *pl, const struct block *b, struct trees t)
{
    size_t n = t.config->seq.count;
    const struct value **items = arena_calloc(pl->arena, n, sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = plan_object(
            pl, b,
            (struct trees){t.config->seq.items[i], element(t.prior, i), element(t.proposed, i)});
    return value_seq(pl->arena, items, n);
}

static const struct value *plan_map(const struct plan *pl, const struct block *b, struct trees t)
{
    size_t n = t.config->map.count;
    struct value_member *members = arena_calloc(pl->arena, n, sizeof *members);
    for (size_t i = 0; i < n; i++) {
        const char *key = t.config->map.members[i].key;
        members[i] = (struct value_member){key, plan_object(pl, b, member(t, key))};
    }
    return value_map(pl->arena, members, n);
}

/* A configured nested attribute or block: the configuration's elements, each one merged. */
static const struct value *plan_nest(const struct plan *pl, enum nesting nesting,
                                     const struct block *b, struct trees t)
{
    if (!value_is_known(t.config) || !block_has(b, ATTR_COMPUTED))
        return t.config;
    if (nesting == NESTING_SINGLE)
        return plan_object(pl, b, t);
    if (t.config->kind == VALUE_MAP)
        return plan_map(pl, b, t);
    if (t.config->kind != VALUE_SEQ)
        return t.config;
    return nesting == NESTING_SET ? plan_set(pl, b, t) : plan_list(pl, b, t);
}

static const struct value *plan_attribute(const struct plan *pl, const struct attribute *at,
                                          struct trees t, bool creating)
{
    if (!value_is_null(t.config))
        return at->nested ? plan_nest(pl, at->nesting, at->nested, t) : t.config;
    if (at->fallback.kind != LITERAL_NONE)
        return schema_default(pl->arena, at);
    if (!(at->flags & ATTR_COMPUTED))
        return t.config; /* ignored ones too: they are never computed */
    if (creating || (pl->refresh && (at->flags & ATTR_VOLATILE)))
        return &value_unknown;
    /* Terraform drops a prior object that only a configuration can have made. */
    if (at->nested && value_is_null(t.proposed) && !value_is_null(t.prior))
        return &value_unknown;
    return t.prior;
}

static const struct value *plan_object(const struct plan *pl, const struct block *b, struct trees t)
{
    if (t.config->kind != VALUE_MAP)
        return t.config;
    size_t n = 0;
    struct value_member *members = arena_calloc(pl->arena, schema_block_size(b), sizeof *members);
    bool creating = t.prior->kind != VALUE_MAP;
    for (const struct attribute *at = b->attributes; at && at->name; at++)
        members[n++] =
            (struct value_member){at->name, plan_attribute(pl, at, member(t, at->name), creating)};
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        const struct value *v = plan_nest(pl, nb->nesting, nb->block, member(t, nb->name));
        if (value_is_null(v) && nb->nesting != NESTING_SINGLE)
            v = value_seq(pl->arena, NULL, 0);
        members[n++] = (struct value_member){nb->name, v};
    }
    return value_map(pl->arena, members, n);
}

/* ---- replacement ---- */

void path_list_add(struct arena *a, struct path_list *l, const struct path *p)
{
    ARENA_ROOM(a, l->items, l->count, l->capacity, 8);
    l->items[l->count++] = path_copy(a, p);
}

struct replacement {
    struct arena *arena;
    struct path_list *paths;
};

static void replace_object(const struct replacement *r, const struct block *b,
                           const struct value *prior, const struct value *planned,
                           const struct path *path);

static const struct value *essence(struct arena *a, const struct block *b, const struct value *v);

static const struct value *nest_essence(struct arena *a, enum nesting nesting,
                                        const struct block *b, const struct value *v)
{
    if (nesting == NESTING_SINGLE)
        return essence(a, b, v);
    if (v->kind == VALUE_MAP) {
        struct value_member *members = arena_calloc(a, v->map.count, sizeof *members);
        for (size_t i = 0; i < v->map.count; i++)
            members[i] = (struct value_member){v->map.members[i].key,
                                               essence(a, b, v->map.members[i].value)};
        return value_map(a, members, v->map.count);
    }
    if (v->kind != VALUE_SEQ)
        return v;
    const struct value **items = arena_calloc(a, v->seq.count, sizeof *items);
    for (size_t i = 0; i < v->seq.count; i++)
        items[i] = essence(a, b, v->seq.items[i]);
    return value_seq(a, items, v->seq.count);
}

/* The object with null for all but its replacing attributes: what tells one element of a set from
 * another as far as replacement goes. */
static const struct value *essence(struct arena *a, const struct block *b, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return v;
    struct value_member *members = arena_calloc(a, schema_block_size(b), sizeof *members);
    size_t n = 0;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        const struct value *m = &value_null;
        if (at->flags & ATTR_REPLACE)
            m = value_get(v, at->name);
        else if (at->nested)
            m = nest_essence(a, at->nesting, at->nested, value_get(v, at->name));
        members[n++] = (struct value_member){at->name, m};
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        const struct value *m = value_get(v, nb->name);
        if (!(nb->flags & ATTR_REPLACE))
            m = nest_essence(a, nb->nesting, nb->block, m);
        members[n++] = (struct value_member){nb->name, m};
    }
    return value_map(a, members, n);
}

static void replace_map(const struct replacement *r, const struct block *b,
                        const struct value *prior, const struct value *planned,
                        const struct path *path)
{
    for (size_t i = 0; planned->kind == VALUE_MAP && i < planned->map.count; i++) {
        const char *key = planned->map.members[i].key;
        replace_object(r, b, value_get(prior, key), planned->map.members[i].value,
                       PATH_MAP_KEY(path, key));
    }
    for (size_t i = 0; prior->kind == VALUE_MAP && i < prior->map.count; i++) {
        const char *key = prior->map.members[i].key;
        if (value_is_null(value_get(planned, key)))
            replace_object(r, b, prior->map.members[i].value, &value_null, PATH_MAP_KEY(path, key));
    }
}

static void replace_list(const struct replacement *r, const struct block *b,
                         const struct value *prior, const struct value *planned,
                         const struct path *path)
{
    size_t was = prior->kind == VALUE_SEQ ? prior->seq.count : 0;
    size_t is = planned->kind == VALUE_SEQ ? planned->seq.count : 0;
    for (size_t i = 0; i < was || i < is; i++)
        replace_object(r, b, element(prior, i), element(planned, i),
                       PATH_ELEMENT(path, (int64_t)i));
}

static void replace_nest(const struct replacement *r, enum nesting nesting, unsigned flags,
                         const struct block *b, const struct value *prior,
                         const struct value *planned, const struct path *path)
{
    bool whole = (flags & ATTR_REPLACE) != 0, changed = false;
    if (!whole && !block_has(b, ATTR_REPLACE))
        return;
    if (value_is_unknown(planned))
        changed = true;
    else if (whole)
        changed = !same_nest(r->arena, nesting, b, prior, planned);
    else if (nesting == NESTING_SET)
        changed = !same_nest(r->arena, nesting, b, nest_essence(r->arena, nesting, b, prior),
                             nest_essence(r->arena, nesting, b, planned));
    else if (nesting == NESTING_SINGLE)
        replace_object(r, b, prior, planned, path);
    else if (nesting == NESTING_LIST)
        replace_list(r, b, prior, planned, path);
    else
        replace_map(r, b, prior, planned, path);
    if (changed)
        path_list_add(r->arena, r->paths, path);
}

static void replace_object(const struct replacement *r, const struct block *b,
                           const struct value *prior, const struct value *planned,
                           const struct path *path)
{
    if (value_is_unknown(planned) && block_has(b, ATTR_REPLACE)) {
        path_list_add(r->arena, r->paths, path);
        return;
    }
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        const struct value *was = value_get(prior, at->name), *is = value_get(planned, at->name);
        const struct path *p = PATH_ATTR(path, at->name);
        if (at->nested)
            replace_nest(r, at->nesting, at->flags, at->nested, was, is, p);
        else if ((at->flags & ATTR_REPLACE) &&
                 (value_is_unknown(is) || !value_equal(at->type, was, is)))
            path_list_add(r->arena, r->paths, p);
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++)
        replace_nest(r, nb->nesting, nb->flags, nb->block, value_get(prior, nb->name),
                     value_get(planned, nb->name), PATH_ATTR(path, nb->name));
}

/* ---- all of it ---- */

void schema_plan(struct arena *a, const struct schema *s, const struct value *prior,
                 const struct value *config, const struct value *proposed,
                 const struct value **planned, struct path_list *replace)
{
    const struct block *b = &s->block;
    struct plan quiet = {.arena = a}, loud = {.arena = a, .refresh = true};
    struct trees t = {config, prior, proposed};
    *planned = plan_object(&quiet, b, t);
    if (prior->kind != VALUE_MAP || same_object(a, b, prior, *planned))
        return;
    if (block_has(b, ATTR_VOLATILE))
        *planned = plan_object(&loud, b, t);
    if (!block_has(b, ATTR_REPLACE))
        return;
    const struct value *base = plan_object(&quiet, b, (struct trees){prior, prior, prior});
    replace_object(&(struct replacement){a, replace}, b, base, *planned, NULL);
}
