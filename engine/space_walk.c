/*
 * space_walk - looking at a space: iteration, overlap, and the check of its invariants
 *
 * One traversal in address order serves used and free blocks, within a prefix or everywhere: it
 * enters a node at the slot where the prefix starts and leaves it where the prefix ends, so looking
 * at a small part costs a walk down and not a walk over the space. The lowest block that overlaps
 * something is the first block of such a traversal.
 *
 * The check shares nothing with the code it checks but the layout and the recount of one node's
 * room: it counts blocks, addresses, nodes and array words again from the top.
 */
#include "space_tree.h"

struct tour {
    const struct tree *t;
    struct cidr within;  /* in the root that is visited */
    bits128 first, last; /* its addresses */
    bool want_free;
    space_visit visit;
    void *ctx;
};

static bool tour_node(const struct tour *tour, const struct node *n);

static bool outside(const struct tour *tour, bits128 address, unsigned len)
{
    return address > tour->last || (address | ~bits_mask(len)) < tour->first;
}

static bool emit(const struct tour *tour, bits128 address, unsigned len)
{
    if (outside(tour, address, len))
        return true;
    struct cidr block = bits_cidr(tour->within.family, address, len);
    return tour->visit(tour->ctx,
                       tour->want_free && len < tour->within.len ? &tour->within : &block);
}

/* The free halves beside the child's path: those below it from the largest down, then the child,
 * then those above it from the smallest up. */
static bool tour_edge(const struct tour *tour, unsigned len, const struct node *child)
{
    bits128 path = node_bits(child);
    unsigned base = (unsigned)child->base; /* not before the end of the edge */

    if (outside(tour, path & bits_mask(len), len))
        return true;
    for (unsigned l = len + 1; tour->want_free && l <= base; l++)
        if ((path & bits_span(l)) != 0 && !emit(tour, (path & bits_mask(l)) ^ bits_span(l), l))
            return false;
    if (!outside(tour, path, base) && !tour_node(tour, child))
        return false;
    for (unsigned l = base; tour->want_free && l > len; l--)
        if ((path & bits_span(l)) == 0 && !emit(tour, (path & bits_mask(l)) | bits_span(l), l))
            return false;
    return true;
}

/* The slots of the node that matter: from *first to *last. A block that goes on in the first one is
 * entered at its start. */
static void entry(const struct tour *tour, const struct node *n, unsigned *first, unsigned *last)
{
    bits128 node_last = node_bits(n) | ~bits_mask(n->base > 0 ? (unsigned)n->base : 0);

    *first = tour->first > node_bits(n) ? slot_of(tour->first, n->base) : 0;
    *last = tour->last <= node_last ? slot_of(tour->last, n->base) : SLOTS - 1;
    while ((n->taken & n->mark & slot_bit(*first)) != 0)
        --*first;
}

static bool tour_node(const struct tour *tour, const struct node *n)
{
    unsigned slot, last, len = node_slot_len(n);
    uint64_t free_slots = ~node_occupied(n);

    for (entry(tour, n, &slot, &last); slot <= last;) {
        unsigned order = 0;
        if (node_children(n) & slot_bit(slot)) {
            uint32_t kid = kids_nodes(tour->t, n)[kid_index(n, slot)];
            if (!tour_edge(tour, len, &tour->t->nodes[kid]))
                return false;
        } else if (n->taken & slot_bit(slot)) {
            order = lowest_slot(block_slots(n, slot));
            if (!tour->want_free && !emit(tour, slot_bits(n, slot), len - order))
                return false;
        } else {
            while (order < STRIDE && (aligned_runs(free_slots, order + 1) & slot_bit(slot)))
                order++;
            if (tour->want_free && !emit(tour, slot_bits(n, slot), len - order))
                return false;
        }
        slot += 1u << order;
    }
    return true;
}

static bool tour_root(const struct tour *tour, const struct root *r)
{
    if (r->whole || r->top == NO_NODE)
        return r->whole == tour->want_free || emit(tour, cidr_bits(&r->cidr), r->cidr.len);
    const struct node *top = &tour->t->nodes[r->top];
    return top->base <= r->cidr.len ? tour_node(tour, top) : tour_edge(tour, r->cidr.len, top);
}

static bool tour_space(const struct space *s, const struct cidr *within, bool want_free,
                       space_visit fn, void *ctx)
{
    struct cidr all = cidr_make(s->family, 0, 0, 0);
    struct tour tour = {.t = &s->tree, .want_free = want_free, .visit = fn, .ctx = ctx};

    if (within == NULL)
        within = &all;
    size_t i = space_roots_up_to(s, within);
    for (i -= i > 0; i < s->root_count; i++) {
        const struct cidr *root = &s->roots[i].cidr;
        if (!cidr_overlaps(root, within)) {
            if (cidr_compare(root, within) > 0)
                break;
            continue;
        }
        tour.within = cidr_contains(root, within) ? *within : *root;
        tour.first = cidr_bits(&tour.within);
        tour.last = tour.first | ~bits_mask(tour.within.len);
        if (!tour_root(&tour, &s->roots[i]))
            return false;
    }
    return true;
}

bool space_each_root(const struct space *s, space_visit fn, void *ctx)
{
    for (size_t i = 0; i < s->root_count; i++)
        if (!fn(ctx, &s->roots[i].cidr))
            return false;
    return true;
}

bool space_each_used(const struct space *s, const struct cidr *within, space_visit fn, void *ctx)
{
    return tour_space(s, within, false, fn, ctx);
}

bool space_each_free(const struct space *s, const struct cidr *within, space_visit fn, void *ctx)
{
    return tour_space(s, within, true, fn, ctx);
}

static bool keep_first(void *ctx, const struct cidr *block)
{
    *(struct cidr *)ctx = *block;
    return false;
}

bool space_overlapping(const struct space *s, const struct cidr *c, struct cidr *out)
{
    return !tour_space(s, c, false, keep_first, out);
}

bool space_holds(const struct space *s, const struct cidr *block)
{
    struct trail trail;
    const struct root *r = space_find_root(s, block);

    if (r == NULL || block->len == r->cidr.len || r->whole)
        return r != NULL && r->whole && block->len == r->cidr.len;
    return tree_locate(&s->tree, r, block, &trail) == PLACE_NODE &&
           node_holds(&s->tree.nodes[trail.node[trail.depth - 1]], block);
}

bool space_root_of(const struct space *s, const struct cidr *c, struct cidr *out)
{
    const struct root *r = space_find_root(s, c);

    if (r != NULL)
        *out = r->cidr;
    return r != NULL;
}

/* --- check --- */

struct census {
    const struct space *s;
    size_t nodes, words, blocks;
    struct count used;
};

static bool check_blocks(struct census *c, const struct root *r, const struct node *n)
{
    uint64_t outside = outside_slots(r, n->base), covered = outside;

    if ((node_starts(n) & outside) != outside)
        return false;
    for (uint64_t starts = node_starts(n) & ~outside; starts != 0; starts &= starts - 1) {
        unsigned slot = lowest_slot(starts), slots = block_slots(n, slot);
        if ((slots & (slots - 1)) != 0 || slot % slots != 0 || slots == SLOTS)
            return false;
        unsigned len = node_slot_len(n) - lowest_slot(slots);
        if (len > c->s->tree.max_len)
            return false;
        struct cidr block = bits_cidr(c->s->family, slot_bits(n, slot), len);
        c->used = count_add(c->used, cidr_count(&block));
        c->blocks++;
        covered |= slots_below(slots) << slot;
    }
    return covered == n->taken;
}

static bool check_node(struct census *c, const struct root *r, uint32_t index);

static bool check_kids(struct census *c, const struct root *r, const struct node *n)
{
    const struct tree *t = &c->s->tree;
    unsigned count = slot_count(node_children(n)), at = 0;

    if (count == 0)
        return true;
    if (n->kids_class >= KIDS_CLASSES || count > kids_capacity(n->kids_class))
        return false;
    const uint8_t *rooms = kids_rooms(t, n);
    c->words += kids_words(n->kids_class);
    for (uint64_t left = node_children(n); left != 0; left &= left - 1, at++) {
        const struct node *kid = &t->nodes[kids_nodes(t, n)[at]];
        if (kid->base < (int)node_slot_len(n) || rooms[at] != edge_room(t, node_slot_len(n), kid) ||
            bits_common(node_bits(kid), slot_bits(n, lowest_slot(left))) < node_slot_len(n) ||
            !check_node(c, r, kids_nodes(t, n)[at]))
            return false;
    }
    for (; at < kids_capacity(n->kids_class); at++)
        if (rooms[at] != 0)
            return false;
    return true;
}

static bool check_node(struct census *c, const struct root *r, uint32_t index)
{
    const struct tree *t = &c->s->tree;

    if (index >= t->node_used || ++c->nodes > t->node_used)
        return false;
    const struct node *n = &t->nodes[index];
    unsigned base = n->base > 0 ? (unsigned)n->base : 0;
    if ((n->base + STRIDE - t->phase) % STRIDE != 0 || node_slot_len(n) <= r->cidr.len ||
        base >= t->max_len)
        return false;
    if ((node_bits(n) & ~bits_mask(base)) != 0 ||
        bits_common(node_bits(n), cidr_bits(&r->cidr)) < (base < r->cidr.len ? base : r->cidr.len))
        return false;
    if (n->taken == outside_slots(r, n->base) && slot_count(node_children(n)) < 2)
        return false;
    return check_blocks(c, r, n) && check_kids(c, r, n) && n->room == tree_room(t, n);
}

static bool check_root(struct census *c, size_t i)
{
    const struct root *r = &c->s->roots[i];

    if (i > 0 && (cidr_compare(&r[-1].cidr, &r->cidr) >= 0 || cidr_overlaps(&r[-1].cidr, &r->cidr)))
        return false;
    if (r->room != root_room(&c->s->tree, r) || (r->whole && r->top != NO_NODE))
        return false;
    if (r->whole) {
        c->used = count_add(c->used, cidr_count(&r->cidr));
        c->blocks++;
    }
    return r->top == NO_NODE || check_node(c, r, r->top);
}

bool space_check(const struct space *s)
{
    struct census c = {.s = s};
    struct count total = {0, 0, 0};
    size_t free_nodes, free_words;

    for (size_t i = 0; i < s->root_count; i++) {
        if (!check_root(&c, i))
            return false;
        total = count_add(total, cidr_count(&s->roots[i].cidr));
    }
    tree_free_counts(&s->tree, &free_nodes, &free_words);
    return c.blocks == s->blocks && count_compare(c.used, s->used) == 0 &&
           count_compare(total, s->total) == 0 && c.nodes + free_nodes == s->tree.node_used &&
           c.words + free_words == s->tree.word_used;
}
