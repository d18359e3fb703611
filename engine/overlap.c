/*
 * overlap - one sort and one sweep
 *
 * CIDRs nest or are disjoint, so in address order with containers first the items that contain the
 * present one are a stack. Equal CIDRs form one level of the stack, which is therefore never deeper
 * than there are prefix lengths (and one more, for the /0), however many items there are.
 *
 * Whether an item overlaps, and with how many, is answered per level and not per pair, since there
 * can be quadratically many pairs. Everything that is open contains the present item, so it
 * overlaps all of it but its own network, if it is a subnet. That exception is counted: the items
 * of a level are sorted by network, networks before their subnets, so those of one network are
 * found by bisection. In the other direction a level keeps what has been found inside of it:
 * nothing, only subnets of one network, or something else. An item that contains only its own
 * subnets overlaps nothing; in every other case it overlaps.
 *
 * A group is what lies under one outermost CIDR. It is connected without further looking: what
 * overlaps anything in there also overlaps an outermost item, or is a subnet of the only outermost
 * item and overlaps something that does.
 */
#include "engine/overlap.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS 130 /* prefix lengths 0 to 128, and the one being looked at */

/* What lies inside a level. */
struct inside {
    enum { INSIDE_NOTHING, INSIDE_SUBNETS, INSIDE_MIXED } what;
    const char *network; /* of INSIDE_SUBNETS: of all of them */
};

/* Equal CIDRs: items[first] to items[end - 1]. */
struct level {
    size_t first, end;
    struct inside inside;
};

struct sweep {
    struct overlap_item *items; /* NULL: only count */
    const struct overlap_item *sorted;
    size_t n;
    struct level open[LEVELS];
    size_t depth, open_items;
    uint64_t pairs;
};

static int item_order(const void *x, const void *y)
{
    const struct overlap_item *a = x, *b = y;
    int order = cidr_compare(&a->cidr, &b->cidr);
    if (order == 0) {
        order = strcmp(a->network, b->network);
    }
    if (order == 0) {
        order = (int)a->subnet - (int)b->subnet;
    }
    if (order == 0) {
        order = strcmp(a->owner, b->owner);
    }
    return order != 0 ? order : (a->ref > b->ref) - (a->ref < b->ref);
}

void overlap_sort(struct overlap_item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (item_order(&items[i - 1], &items[i]) > 0) {
            qsort(items, n, sizeof(*items), item_order);
            return;
        }
    }
}

static bool in_network(const struct overlap_item *a, const char *network)
{
    return *network && strcmp(a->network, network) == 0;
}

/* Of two items with an address in common, the inner second. */
static bool is_own_subnet(const struct overlap_item *outer, const struct overlap_item *inner)
{
    bool subnet = inner->subnet && !outer->subnet;
    bool same = outer->subnet && !inner->subnet && cidr_equal(&outer->cidr, &inner->cidr);
    return (subnet || same) && in_network(outer, inner->network);
}

/* The first item of a level that is not before (network, subnet). */
static size_t seek(const struct sweep *s, const struct level *l, const char *network, bool subnet)
{
    size_t low = l->first, high = l->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct overlap_item *a = &s->sorted[middle];
        int order = strcmp(a->network, network);
        if (order < 0 || (order == 0 && !a->subnet && subnet)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* How many items of the level are this network itself. */
static size_t networks_in(const struct sweep *s, const struct level *l, const char *network)
{
    if (l->end - l->first == 1) {
        const struct overlap_item *a = &s->sorted[l->first];
        return !a->subnet && in_network(a, network);
    }
    return *network ? seek(s, l, network, true) - seek(s, l, network, false) : 0;
}

static void flag(const struct sweep *s, size_t i)
{
    if (s->items) {
        s->items[i].overlapping = true;
    }
}

static void see_inside(struct inside *in, const struct inside *more)
{
    bool same = in->what == INSIDE_SUBNETS && more->what == INSIDE_SUBNETS &&
                strcmp(in->network, more->network) == 0;
    if (in->what == INSIDE_NOTHING) {
        *in = *more;
    } else if (more->what != INSIDE_NOTHING && !same) {
        in->what = INSIDE_MIXED;
    }
}

/* The level is complete: flags its items by what is inside, and hands all of it to the next one. */
static void level_close(struct sweep *s)
{
    struct level *l = &s->open[--s->depth];
    struct inside *above = s->depth > 0 ? &s->open[s->depth - 1].inside : NULL;
    s->open_items -= l->end - l->first;
    for (size_t i = l->first; i < l->end; i++) {
        const struct overlap_item *a = &s->sorted[i];
        bool own =
            l->inside.what == INSIDE_SUBNETS && !a->subnet && in_network(a, l->inside.network);
        if (l->inside.what != INSIDE_NOTHING && !own) {
            flag(s, i);
        }
        if (above) {
            bool subnet = a->subnet && *a->network;
            see_inside(above, &(struct inside){subnet ? INSIDE_SUBNETS : INSIDE_MIXED, a->network});
        }
    }
    if (above) {
        see_inside(above, &l->inside);
    }
}

/* One item against everything open, which contains it. */
static void meet_outer(struct sweep *s, size_t i)
{
    const struct overlap_item *a = &s->sorted[i];
    size_t others = s->open_items;
    for (size_t d = 0; a->subnet && d < s->depth; d++) {
        others -= networks_in(s, &s->open[d], a->network);
    }
    s->pairs += others;
    if (others > 0) {
        flag(s, i);
    }
}

/* The items of a level against each other: each one against all but its own network's other kind.
 * Items of one network follow each other. */
static void meet_equals(struct sweep *s, const struct level *l)
{
    uint64_t twice = 0;
    size_t all = l->end - l->first;
    for (size_t first = l->first, end; first < l->end && all > 1; first = end) {
        size_t subnets = 0;
        end = first;
        while (end < l->end && strcmp(s->sorted[end].network, s->sorted[first].network) == 0) {
            subnets += s->sorted[end++].subnet;
        }
        bool named = *s->sorted[first].network;
        for (size_t i = first; i < end; i++) {
            size_t kind = s->sorted[i].subnet ? end - first - subnets : subnets;
            size_t others = all - 1 - (named ? kind : 0);
            twice += others;
            if (others > 0) {
                flag(s, i);
            }
        }
    }
    s->pairs += twice / 2;
}

static struct level level_at(const struct sweep *s, size_t first)
{
    struct level l = {.first = first, .end = first + 1};
    while (l.end < s->n && cidr_equal(&s->sorted[l.end].cidr, &s->sorted[first].cidr)) {
        l.end++;
    }
    return l;
}

/* Makes the levels that contain this item the open ones. */
static void close_to(struct sweep *s, const struct cidr *c)
{
    while (s->depth > 0 && !cidr_contains(&s->sorted[s->open[s->depth - 1].first].cidr, c)) {
        level_close(s);
    }
}

/* The next level. Returns where the one after it begins. */
static size_t step(struct sweep *s, size_t first)
{
    struct level l = level_at(s, first);
    close_to(s, &s->sorted[first].cidr);
    for (size_t i = l.first; i < l.end; i++) {
        meet_outer(s, i);
    }
    meet_equals(s, &l);
    s->open[s->depth++] = l;
    s->open_items += l.end - l.first;
    return l.end;
}

uint64_t overlap_mark(struct overlap_item *items, size_t n)
{
    struct sweep s = {.items = items, .sorted = items, .n = n};
    for (size_t i = 0; i < n; i++) {
        items[i].overlapping = false;
    }
    for (size_t i = 0; i < n;) {
        i = step(&s, i);
    }
    while (s.depth > 0) {
        level_close(&s);
    }
    return s.pairs;
}

bool overlap_each_group(const struct overlap_item *items, size_t n, overlap_group_visit fn,
                        void *ctx)
{
    for (size_t first = 0, i; first < n; first = i) {
        struct overlap_group g = {.outermost = items[first].cidr, .first = first};
        for (i = first; i < n && cidr_contains(&g.outermost, &items[i].cidr); i++) {
            g.members += items[i].overlapping;
        }
        if (g.members == 0) {
            continue;
        }
        g.count = i - first;
        struct sweep s = {.sorted = items + first, .n = g.count};
        for (size_t at = 0; at < g.count;) {
            at = step(&s, at);
        }
        g.pairs = s.pairs;
        if (!fn(ctx, items, &g)) {
            return false;
        }
    }
    return true;
}

static int text_order(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

size_t overlap_owners(const struct overlap_item *items, const struct overlap_group *g,
                      const char **out)
{
    size_t all = 0, n = 0;
    for (size_t i = g->first; i < g->first + g->count; i++) {
        if (items[i].overlapping && *items[i].owner) {
            out[all++] = items[i].owner;
        }
    }
    if (all > 1) {
        qsort(out, all, sizeof(*out), text_order);
    }
    for (size_t i = 0; i < all; i++) {
        if (n == 0 || strcmp(out[n - 1], out[i]) != 0) {
            out[n++] = out[i];
        }
    }
    return n;
}

/* The pairs of one item with those of a level that come before it. */
static bool each_in_level(const struct overlap_item *items, const struct level *l, size_t i,
                          overlap_pair_visit fn, void *ctx)
{
    for (size_t o = l->first; o < l->end && o < i; o++) {
        if (!is_own_subnet(&items[o], &items[i]) && !fn(ctx, &items[o], &items[i])) {
            return false;
        }
    }
    return true;
}

bool overlap_each_pair(const struct overlap_item *items, size_t n, overlap_pair_visit fn, void *ctx)
{
    struct sweep s = {.sorted = items, .n = n};
    for (size_t first = 0; first < n;) {
        struct level l = level_at(&s, first);
        close_to(&s, &items[first].cidr);
        s.open[s.depth++] = l;
        s.open_items += l.end - l.first;
        for (size_t i = l.first; i < l.end; i++) {
            for (size_t d = 0; d < s.depth; d++) {
                if (!each_in_level(items, &s.open[d], i, fn, ctx)) {
                    return false;
                }
            }
        }
        first = l.end;
    }
    return true;
}
