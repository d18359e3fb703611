/*
 * space - the free space of a pool
 *
 * What it is. Each root prefix has a radix tree of stride 6: a node decides six bits, so it has 64
 * slots. A block of any length has exactly one home, the highest node whose slots are no bigger
 * than the block, and is 1, 2, 4 ... or 32 whole slots there. Two bits a slot tell free, start of a
 * block, continuation of a block, child. The levels are the same for all roots of a family; where
 * the highest node reaches beyond its root, the slots outside are marked as if taken. Bits in which
 * nothing differs are skipped (path compression): a node with one child and no block of its own
 * does not exist, so there are fewer nodes than twice the blocks however sparse they lie, a /128 in
 * a /16 included.
 *
 * Why it is fast. Every node knows its `room`, the largest free aligned block below it, and its
 * parent keeps the room of all its children side by side. Next-free goes down once: in each node
 * the lowest slot that is free or whose child has room enough is found with word operations, and
 * room is exact, so the way down never turns back (after an avoided prefix, where the search has a
 * lowest address to start from, at most once in each node). Nothing depends on how many blocks
 * there are; only the depth does, at most one node for six bits: 4 for a /32 in a /8, 22 in the
 * worst case. A buddy tree needs a level for every bit, that is six times as many cache misses; a
 * list or a balanced tree of blocks finds gaps only by walking over blocks.
 *
 * Why it is small. A node is 40 bytes and holds up to 64 blocks. The worst dense case (every block
 * is half a node) is 20 bytes a block and 2.5 in the parent, before the slack of growing.
 *
 * Invariants (space_check): a node is never empty, and has a block or at least two children; its
 * base is on the grid of its family; every block is an aligned run of 2^k slots; `room` of nodes,
 * child arrays and roots is what a recount gives; every node and array is in the tree or in a free
 * list.
 *
 * Failure. A claim first finds its place, then reserves what it may need, then changes; releasing
 * needs no memory. So a refusal leaves everything as it was.
 *
 * Recursion is bounded by the depth, because the base grows by at least six with each level.
 */
#include "space_tree.h"

#include <stdlib.h>
#include <string.h>

struct space *space_new(enum family f)
{
    struct space *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->family = (uint8_t)f;
    tree_init(&s->tree, f);
    return s;
}

void space_free(struct space *s)
{
    if (s == NULL)
        return;
    tree_clear(&s->tree);
    free(s->roots);
    free(s);
}

/* --- roots --- */

size_t space_roots_up_to(const struct space *s, const struct cidr *c)
{
    size_t low = 0, high = s->root_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (cidr_compare(&s->roots[mid].cidr, c) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct root *space_find_root(const struct space *s, const struct cidr *c)
{
    size_t i = space_roots_up_to(s, c);

    return i > 0 && cidr_contains(&s->roots[i - 1].cidr, c) ? &s->roots[i - 1] : NULL;
}

enum space_result space_add_root(struct space *s, const struct cidr *root)
{
    if (root->family != s->family)
        return SPACE_WRONG_FAMILY;
    size_t at = space_roots_up_to(s, root);
    if ((at > 0 && cidr_overlaps(&s->roots[at - 1].cidr, root)) ||
        (at < s->root_count && cidr_overlaps(&s->roots[at].cidr, root)))
        return SPACE_TAKEN;
    if (s->root_count == s->root_size) {
        size_t size = s->root_size + s->root_size / 2 + 1;
        struct root *more = realloc(s->roots, size * sizeof(*more));
        if (more == NULL)
            return SPACE_NO_MEMORY;
        s->roots = more;
        s->root_size = size;
    }
    memmove(s->roots + at + 1, s->roots + at, (s->root_count - at) * sizeof(*s->roots));
    s->roots[at] = (struct root){.cidr = *root, .top = NO_NODE};
    s->roots[at].room = (uint8_t)root_room(&s->tree, &s->roots[at]);
    s->root_count++;
    s->total = count_add(s->total, cidr_count(root));
    return SPACE_OK;
}

enum space_result space_remove_root(struct space *s, const struct cidr *root)
{
    if (root->family != s->family)
        return SPACE_WRONG_FAMILY;
    struct root *r = space_find_root(s, root);
    if (r == NULL || !cidr_equal(&r->cidr, root))
        return SPACE_NOT_FOUND;
    if (r->whole || r->top != NO_NODE)
        return SPACE_IN_USE;
    size_t at = (size_t)(r - s->roots);
    memmove(r, r + 1, (--s->root_count - at) * sizeof(*r));
    s->total = count_sub(s->total, cidr_count(root));
    return SPACE_OK;
}

/* --- claim and release --- */

static void node_take(struct node *n, const struct cidr *block)
{
    unsigned slot = slot_of(cidr_bits(block), n->base);
    uint64_t slots = slots_from(slot, node_slot_len(n) - block->len);

    n->taken |= slots;
    n->mark |= slots & ~slot_bit(slot);
}

/* What the end of the trail leads to from now on, in place of another child or of nothing. */
static void relink(struct tree *t, struct root *r, const struct trail *trail, uint32_t node)
{
    if (trail->depth == 0) {
        r->top = node;
        return;
    }
    uint32_t parent = trail->node[trail->depth - 1];
    unsigned slot = trail->slot[trail->depth - 1];
    struct node *n = &t->nodes[parent];
    if (!(n->mark & slot_bit(slot))) {
        tree_add_kid(t, parent, slot, node);
        return;
    }
    kids_nodes(t, n)[kid_index(n, slot)] = node;
    kids_rooms(t, n)[kid_index(n, slot)] = ROOM_STALE;
}

/* Hangs a new node under the end of the trail and makes it the end. */
static void extend(struct tree *t, struct root *r, struct trail *trail, bits128 address, int base)
{
    uint32_t node = tree_new_node(t, r, address, base);

    relink(t, r, trail, node);
    trail->node[trail->depth] = node;
    trail->slot[trail->depth++] = (uint8_t)slot_of(address, base);
}

/* Puts a node where the block and the child in the way part; that child becomes its child. */
static void extend_apart(struct tree *t, struct root *r, struct trail *trail, bits128 address)
{
    bits128 other = node_bits(&t->nodes[trail->apart]);
    int base = home_base(t, bits_common(address, other) + 1);

    extend(t, r, trail, address, base);
    uint32_t branch = trail->node[trail->depth - 1];
    tree_add_kid(t, branch, slot_of(other, base), trail->apart);
    *kids_rooms(t, &t->nodes[branch]) =
        (uint8_t)edge_room(t, node_slot_len(&t->nodes[branch]), &t->nodes[trail->apart]);
}

static enum space_result claim_part(struct tree *t, struct root *r, const struct cidr *block)
{
    struct trail trail;
    bits128 address = cidr_bits(block);
    int home = home_base(t, block->len);
    enum place place = r->whole ? PLACE_TAKEN : tree_locate(t, r, block, &trail);

    if (place == PLACE_TAKEN)
        return SPACE_TAKEN;
    if (place == PLACE_NODE) {
        const struct node *n = &t->nodes[trail.node[trail.depth - 1]];
        unsigned slot = trail.slot[trail.depth - 1];
        if (node_occupied(n) & slots_from(slot, node_slot_len(n) - block->len))
            return SPACE_TAKEN;
    } else if (!tree_reserve(t)) {
        return SPACE_NO_MEMORY;
    }
    if (place == PLACE_APART)
        extend_apart(t, r, &trail, address);
    if (trail.depth == 0 || t->nodes[trail.node[trail.depth - 1]].base != home)
        extend(t, r, &trail, address, home);
    node_take(&t->nodes[trail.node[trail.depth - 1]], block);
    tree_refresh(t, r, &trail);
    return SPACE_OK;
}

enum space_result space_claim(struct space *s, const struct cidr *block, struct cidr *conflict)
{
    enum space_result result;

    if (block->family != s->family)
        return SPACE_WRONG_FAMILY;
    struct root *r = space_find_root(s, block);
    if (r == NULL)
        return SPACE_OUTSIDE;
    if (block->len > r->cidr.len) {
        result = claim_part(&s->tree, r, block);
    } else if (r->whole || r->top != NO_NODE) {
        result = SPACE_TAKEN;
    } else {
        r->whole = true;
        r->room = (uint8_t)root_room(&s->tree, r);
        result = SPACE_OK;
    }
    if (result == SPACE_TAKEN && conflict != NULL)
        space_overlapping(s, block, conflict);
    if (result == SPACE_OK) {
        s->used = count_add(s->used, cidr_count(block));
        s->blocks++;
    }
    return result;
}

/* The last node of the trail has lost a block: removes what may not stay as it is. */
static void prune(struct tree *t, struct root *r, struct trail *trail)
{
    uint32_t last = trail->node[trail->depth - 1];

    if (node_occupied(&t->nodes[last]) == outside_slots(r, t->nodes[last].base)) {
        tree_free_node(t, last);
        if (--trail->depth == 0) {
            r->top = NO_NODE;
            return;
        }
        last = trail->node[trail->depth - 1];
        tree_remove_kid(t, last, trail->slot[trail->depth - 1]);
    }
    const struct node *n = &t->nodes[last];
    uint64_t children = node_children(n);
    if (n->taken != outside_slots(r, n->base) || (children & (children - 1)) != 0)
        return;
    uint32_t kid = kids_nodes(t, n)[0];
    tree_remove_kid(t, last, lowest_slot(children));
    tree_free_node(t, last);
    trail->depth--;
    relink(t, r, trail, kid);
    if (trail->depth > 0) {
        n = &t->nodes[trail->node[trail->depth - 1]];
        kids_rooms(t, n)[kid_index(n, trail->slot[trail->depth - 1])] =
            (uint8_t)edge_room(t, node_slot_len(n), &t->nodes[kid]);
    }
}

static enum space_result release_part(struct tree *t, struct root *r, const struct cidr *block)
{
    struct trail trail;

    if (r->whole || tree_locate(t, r, block, &trail) != PLACE_NODE)
        return SPACE_NOT_FOUND;
    struct node *n = &t->nodes[trail.node[trail.depth - 1]];
    if (!node_holds(n, block))
        return SPACE_NOT_FOUND;
    uint64_t slots = slots_from(trail.slot[trail.depth - 1], node_slot_len(n) - block->len);
    n->taken &= ~slots;
    n->mark &= ~slots;
    prune(t, r, &trail);
    tree_refresh(t, r, &trail);
    return SPACE_OK;
}

enum space_result space_release(struct space *s, const struct cidr *block)
{
    enum space_result result = SPACE_OK;

    if (block->family != s->family)
        return SPACE_WRONG_FAMILY;
    struct root *r = space_find_root(s, block);
    if (r == NULL)
        return SPACE_NOT_FOUND;
    if (block->len > r->cidr.len) {
        result = release_part(&s->tree, r, block);
    } else if (r->whole) {
        r->whole = false;
        r->room = (uint8_t)root_room(&s->tree, r);
    } else {
        result = SPACE_NOT_FOUND;
    }
    if (result == SPACE_OK) {
        s->used = count_sub(s->used, cidr_count(block));
        s->blocks--;
    }
    return result;
}

/* --- next free --- */

struct search {
    const struct tree *t;
    unsigned len, room; /* wanted */
    bits128 from;       /* lowest address that is good enough; aligned to len */
};

static bool search_node(const struct search *q, const struct node *n, bits128 *out);

/* The part of the address space of that length at that address, in which only the child lies. */
static bool search_edge(const struct search *q, bits128 address, unsigned len,
                        const struct node *child, bits128 *out)
{
    if (child->base <= (int)len)
        return search_node(q, child, out);
    /* Bits were skipped: all is free but the child. */
    bits128 lowest = q->from > address ? q->from : address;
    unsigned base = (unsigned)child->base, shorter = q->len < base ? q->len : base;
    if (bits_common(lowest, node_bits(child)) < shorter) {
        *out = lowest;
        return true;
    }
    if (search_node(q, child, out))
        return true;
    *out = (lowest & bits_mask(shorter)) + bits_span(shorter);
    return *out != 0 && bits_common(*out, address) >= len;
}

/* Blocks smaller than a slot: a free slot will do, or a child with room. Only the child that `from`
 * lies in may have its room below `from`; every other one with room enough has what is wanted. */
static bool search_slots(const struct search *q, const struct node *n, unsigned first, bits128 *out)
{
    uint64_t slots = ~node_occupied(n) & ~slots_below(first);
    unsigned free_slot = slots != 0 ? lowest_slot(slots) : SLOTS;
    uint64_t children = node_children(n);

    if (children != 0) {
        unsigned at = slot_count(children & slots_below(first));
        unsigned end = slot_count(children & slots_below(free_slot));
        while ((at = kids_find_room(q->t, n, at, end, q->room)) < end) {
            const struct node *kid = &q->t->nodes[kids_nodes(q->t, n)[at]];
            unsigned len = node_slot_len(n);
            if (search_edge(q, node_bits(kid) & bits_mask(len), len, kid, out))
                return true;
            at++;
        }
    }
    if (free_slot == SLOTS)
        return false;
    *out = slot_bits(n, free_slot);
    if (*out < q->from)
        *out = q->from;
    return true;
}

static bool search_node(const struct search *q, const struct node *n, bits128 *out)
{
    /* An edge has more room than its child when bits were skipped. */
    if (n->room < q->room)
        return false;
    unsigned first = q->from > node_bits(n) ? slot_of(q->from, n->base) : 0;
    if (q->len > node_slot_len(n))
        return search_slots(q, n, first, out);
    uint64_t runs = aligned_runs(~node_occupied(n), node_slot_len(n) - q->len);
    runs &= ~slots_below(first);
    if (runs == 0)
        return false;
    *out = slot_bits(n, lowest_slot(runs));
    return true;
}

/* The lowest free block of that root at or after q->from. */
static bool search_root(const struct search *q, const struct root *r, bits128 *out)
{
    if (r->room < q->room)
        return false;
    if (r->top != NO_NODE)
        return search_edge(q, cidr_bits(&r->cidr), r->cidr.len, &q->t->nodes[r->top], out);
    *out = q->from;
    return true;
}

/* Prefixes to keep off, in cidr_compare order; those before `at` are behind. */
struct avoid {
    const struct cidr *items;
    size_t count, at;
};

/* Moves *address, aligned to len, past everything avoided that it meets; says whether it moved. At
 * the end of the address space it becomes 0. */
static bool step_over(struct avoid *a, unsigned len, bits128 *address)
{
    bool moved = false;

    for (; a->at < a->count; a->at++) {
        const struct cidr *c = &a->items[a->at];
        bits128 last = cidr_bits(c) | ~bits_mask(c->len);
        bits128 block_last = *address | ~bits_mask(len);
        if (last < *address)
            continue;
        /* Sorted by address, and prefixes nest or are disjoint: what follows is higher still. */
        if (cidr_bits(c) > block_last)
            break;
        *address = (last > block_last ? last : block_last) + 1;
        moved = true;
        if (*address == 0)
            break;
    }
    return moved;
}

static enum space_result search_all(const struct space *s, unsigned len, struct avoid *avoid,
                                    struct cidr *out)
{
    struct search q = {.t = &s->tree, .len = len, .room = room_of_len(&s->tree, len)};

    for (size_t i = 0; i < s->root_count; i++) {
        const struct root *r = &s->roots[i];
        bits128 found, start = cidr_bits(&r->cidr);
        /* What is avoided may reach over several roots, so `from` never goes back. */
        if (q.from < start)
            q.from = start;
        while (bits_common(q.from, start) >= r->cidr.len && search_root(&q, r, &found)) {
            q.from = found;
            if (!step_over(avoid, len, &q.from)) {
                *out = bits_cidr(s->family, found, len);
                return SPACE_OK;
            }
            if (q.from == 0)
                return SPACE_FULL;
        }
    }
    return SPACE_FULL;
}

static int compare_items(const void *a, const void *b)
{
    return cidr_compare(a, b);
}

static bool in_order(const struct cidr *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (cidr_compare(&items[i - 1], &items[i]) > 0)
            return false;
    return true;
}

enum space_result space_next_free(const struct space *s, unsigned len, const struct cidr *avoid,
                                  size_t avoid_count, struct cidr *out)
{
    struct cidr *sorted = NULL;
    struct avoid a = {.items = avoid, .count = avoid_count};

    if (len > s->tree.max_len)
        return SPACE_FULL;
    if (!in_order(avoid, avoid_count)) {
        sorted = malloc(avoid_count * sizeof(*sorted));
        if (sorted == NULL)
            return SPACE_NO_MEMORY;
        memcpy(sorted, avoid, avoid_count * sizeof(*sorted));
        qsort(sorted, avoid_count, sizeof(*sorted), compare_items);
        a.items = sorted;
    }
    while (a.count > 0 && a.items[a.count - 1].family > s->family)
        a.count--;
    while (a.at < a.count && a.items[a.at].family < s->family)
        a.at++;
    enum space_result result = search_all(s, len, &a, out);
    free(sorted);
    return result;
}

int space_largest_free(const struct space *s)
{
    unsigned room = 0;

    for (size_t i = 0; i < s->root_count; i++)
        if (s->roots[i].room > room)
            room = s->roots[i].room;
    return room == 0 ? -1 : (int)(s->tree.max_len + 1u - room);
}

/* --- counts --- */

struct count space_total(const struct space *s)
{
    return s->total;
}

struct count space_used(const struct space *s)
{
    return s->used;
}

size_t space_block_count(const struct space *s)
{
    return s->blocks;
}

size_t space_root_count(const struct space *s)
{
    return s->root_count;
}

size_t space_memory(const struct space *s)
{
    return sizeof(*s) + s->root_size * sizeof(*s->roots) + tree_memory(&s->tree);
}
