/*
 * space_tree - storage, slots and room of the nodes of space
 *
 * Two plain arrays hold everything: nodes, and 32-bit words for the arrays of children. Both grow
 * by a quarter, so that at most a fifth lies idle, and are moved by realloc, which for large arrays
 * moves pages and not bytes. Indexes instead of pointers halve the child arrays and make growing
 * possible at all. A claim needs at most two nodes and two arrays; reserving them before the first
 * change is the whole of the failure handling.
 *
 * Released nodes and arrays go to free lists, one for each size class, and are the first to be used
 * again. An array grows through the classes with its node and is never cut back before the node
 * goes: that would save little and could fail.
 *
 * Room bytes of children stand packed in front of the child indexes: looking for the lowest child
 * with enough room compares eight of them at once, and all of them are in a cache line or two.
 */
#include "space_tree.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

const struct kids_class kids_classes[KIDS_CLASSES] = {{1, 2},  {2, 2},  {4, 2},   {8, 2},  {16, 4},
                                                      {24, 6}, {32, 8}, {48, 12}, {64, 16}};

/* One claim: a branch and a leaf; the branch's arrays of one and two, or a parent's of any size. */
#define RESERVED_NODES 2
#define RESERVED_WORDS (64 + 16)

/* The borders between nodes lie where most blocks end, so that 64 of these fill a node: at the end
 * of an IPv4 address, and at the /64 that IPv6 networks have. */
void tree_init(struct tree *t, enum family f)
{
    memset(t, 0, sizeof(*t));
    t->max_len = (uint8_t)cidr_max_len(f);
    t->phase = (f == FAMILY_V4 ? 32 : 64) % STRIDE;
    t->free_node = NO_NODE;
    for (unsigned c = 0; c < KIDS_CLASSES; c++)
        t->free_kids[c] = NO_NODE;
}

void tree_clear(struct tree *t)
{
    free(t->nodes);
    free(t->words);
}

/* The array, grown so that `need` items more fit; NULL when memory or indexes are out. */
static void *grown(void *items, uint32_t *size, uint32_t used, uint32_t need, size_t item_size)
{
    if (*size - used >= need)
        return items;
    uint64_t wanted = (uint64_t)*size + *size / 4 + need;
    if (wanted >= NO_NODE)
        return NULL;
    void *more = realloc(items, wanted * item_size);
    if (more != NULL)
        *size = (uint32_t)wanted;
    return more;
}

bool tree_reserve(struct tree *t)
{
    void *nodes = grown(t->nodes, &t->node_size, t->node_used, RESERVED_NODES, sizeof(*t->nodes));
    if (nodes == NULL)
        return false;
    t->nodes = nodes;
    void *words = grown(t->words, &t->word_size, t->word_used, RESERVED_WORDS, sizeof(*t->words));
    if (words == NULL)
        return false;
    t->words = words;
    return true;
}

size_t tree_memory(const struct tree *t)
{
    return t->node_size * sizeof(*t->nodes) + t->word_size * sizeof(*t->words);
}

uint32_t tree_new_node(struct tree *t, const struct root *r, bits128 address, int base)
{
    uint32_t index = t->free_node;
    bits128 prefix = base > 0 ? address & bits_mask((unsigned)base) : 0;

    if (index != NO_NODE)
        t->free_node = t->nodes[index].kids;
    else
        index = t->node_used++;
    t->nodes[index] = (struct node){.taken = outside_slots(r, base),
                                    .hi = (uint64_t)(prefix >> 64),
                                    .lo = (uint64_t)prefix,
                                    .base = (int8_t)base,
                                    .kids = NO_NODE};
    return index;
}

void tree_free_node(struct tree *t, uint32_t node)
{
    t->nodes[node].kids = t->free_node;
    t->free_node = node;
}

void tree_free_counts(const struct tree *t, size_t *nodes, size_t *words)
{
    *nodes = *words = 0;
    for (uint32_t i = t->free_node; i != NO_NODE; i = t->nodes[i].kids)
        ++*nodes;
    for (unsigned c = 0; c < KIDS_CLASSES; c++)
        for (uint32_t i = t->free_kids[c]; i != NO_NODE; i = t->words[i])
            *words += kids_words(c);
}

/* --- arrays of children --- */

static uint32_t new_kids(struct tree *t, unsigned size_class)
{
    uint32_t index = t->free_kids[size_class];

    if (index != NO_NODE) {
        t->free_kids[size_class] = t->words[index];
    } else {
        index = t->word_used;
        t->word_used += (uint32_t)kids_words(size_class);
    }
    memset(t->words + index, 0, kids_words(size_class) * sizeof(*t->words));
    return index;
}

static void free_kids(struct tree *t, const struct node *n)
{
    t->words[n->kids] = t->free_kids[n->kids_class];
    t->free_kids[n->kids_class] = n->kids;
}

/* Moves the entries to an array of the next size, or makes the first one. */
static void enlarge_kids(struct tree *t, struct node *n, unsigned count)
{
    struct node old = *n;

    n->kids_class = count == 0 ? 0 : (uint8_t)(old.kids_class + 1);
    n->kids = new_kids(t, n->kids_class);
    if (count == 0)
        return;
    memcpy(kids_rooms(t, n), kids_rooms(t, &old), count);
    memcpy(kids_nodes(t, n), kids_nodes(t, &old), count * sizeof(uint32_t));
    free_kids(t, &old);
}

void tree_add_kid(struct tree *t, uint32_t node, unsigned slot, uint32_t kid)
{
    struct node *n = &t->nodes[node];
    unsigned count = slot_count(node_children(n)), at = kid_index(n, slot);

    if (count == 0 || count == kids_capacity(n->kids_class))
        enlarge_kids(t, n, count);
    uint8_t *rooms = kids_rooms(t, n);
    uint32_t *nodes = kids_nodes(t, n);
    memmove(rooms + at + 1, rooms + at, count - at);
    memmove(nodes + at + 1, nodes + at, (count - at) * sizeof(*nodes));
    rooms[at] = ROOM_STALE;
    nodes[at] = kid;
    n->mark |= slot_bit(slot);
}

void tree_remove_kid(struct tree *t, uint32_t node, unsigned slot)
{
    struct node *n = &t->nodes[node];
    unsigned after = slot_count(node_children(n)) - 1, at = kid_index(n, slot);
    uint8_t *rooms = kids_rooms(t, n);
    uint32_t *nodes = kids_nodes(t, n);

    memmove(rooms + at, rooms + at + 1, after - at);
    memmove(nodes + at, nodes + at + 1, (after - at) * sizeof(*nodes));
    rooms[after] = 0;
    n->mark &= ~slot_bit(slot);
    if (after == 0)
        free_kids(t, n);
}

/* Eight rooms side by side, the first in the lowest byte; and one room eight times. */
#define HIGH_BITS 0x8080808080808080

static inline uint64_t eight_rooms(const uint8_t *rooms)
{
    uint64_t word;

    memcpy(&word, rooms, sizeof(word));
    return le64toh(word);
}

static inline uint64_t eight_times(unsigned room)
{
    return (uint64_t)0x0101010101010101 * room;
}

/* The high bit of each byte in which a >= b. Rooms are below 128, so no byte borrows. */
static inline uint64_t at_least(uint64_t a, uint64_t b)
{
    return ((a | HIGH_BITS) - b) & HIGH_BITS;
}

unsigned kids_find_room(const struct tree *t, const struct node *n, unsigned from, unsigned to,
                        unsigned room)
{
    const uint8_t *rooms = kids_rooms(t, n);

    for (unsigned i = from & ~7u; i < to; i += 8) {
        uint64_t fits = at_least(eight_rooms(rooms + i), eight_times(room));
        if (i < from)
            fits &= UINT64_MAX << 8 * (from - i);
        if (fits != 0)
            return i + lowest_slot(fits) / 8;
    }
    return to;
}

/* --- room --- */

static unsigned most_room(const uint8_t *rooms, unsigned count)
{
    uint64_t most = 0;
    unsigned best = 0;

    for (unsigned i = 0; i < count; i += 8) {
        uint64_t next = eight_rooms(rooms + i), more = at_least(next, most);
        uint64_t take = more - (more >> 7); /* 0x7f in the bytes to take */
        most = (next & take) | (most & ~take);
    }
    for (; most != 0; most >>= 8)
        if ((most & 0xff) > best)
            best = most & 0xff;
    return best;
}

unsigned tree_room(const struct tree *t, const struct node *n)
{
    uint64_t slots = ~node_occupied(n);
    unsigned order = 0;

    if (slots == 0) {
        unsigned count = slot_count(node_children(n));
        return count != 0 ? most_room(kids_rooms(t, n), count) : 0;
    }
    while (order < STRIDE && (slots = paired_runs(slots, order)) != 0)
        order++;
    return room_of_len(t, node_slot_len(n) - order);
}

unsigned root_room(const struct tree *t, const struct root *r)
{
    if (r->whole)
        return 0;
    if (r->top == NO_NODE)
        return room_of_len(t, r->cidr.len);
    return edge_room(t, r->cidr.len, &t->nodes[r->top]);
}

/* --- places --- */

enum place tree_locate(const struct tree *t, const struct root *r, const struct cidr *block,
                       struct trail *trail)
{
    bits128 address = cidr_bits(block);
    int home = home_base(t, block->len);
    uint32_t next = r->top;

    trail->depth = 0;
    while (next != NO_NODE) {
        const struct node *n = &t->nodes[next];
        unsigned common = bits_common(address, node_bits(n));
        if ((int)common < n->base || home < n->base) {
            trail->apart = next;
            /* Nodes are never empty: a block around one overlaps something. */
            return common < block->len ? PLACE_APART : PLACE_TAKEN;
        }
        unsigned slot = slot_of(address, n->base);
        trail->node[trail->depth] = next;
        trail->slot[trail->depth++] = (uint8_t)slot;
        if (n->base == home)
            return PLACE_NODE;
        if (n->taken & slot_bit(slot))
            return PLACE_TAKEN;
        if (!(n->mark & slot_bit(slot)))
            return PLACE_FREE;
        next = kids_nodes(t, n)[kid_index(n, slot)];
    }
    return PLACE_FREE;
}

bool node_holds(const struct node *n, const struct cidr *block)
{
    unsigned slot = slot_of(cidr_bits(block), n->base);

    return (node_starts(n) & slot_bit(slot)) != 0 &&
           block_slots(n, slot) == 1u << (node_slot_len(n) - block->len);
}

/* A free slot has more room than any child, so where there is one, or where another child has no
 * less room before and after, going up may stop: nothing above the last node has changed but rooms.
 * A node that has just been put in has the room ROOM_STALE, because its parent's slots did change.
 */
void tree_refresh(struct tree *t, struct root *r, const struct trail *trail)
{
    for (unsigned d = trail->depth; d-- > 0;) {
        struct node *n = &t->nodes[trail->node[d]];
        n->room = (uint8_t)tree_room(t, n);
        if (d == 0)
            break;
        const struct node *parent = &t->nodes[trail->node[d - 1]];
        uint8_t *room = &kids_rooms(t, parent)[kid_index(parent, trail->slot[d - 1])];
        unsigned now = edge_room(t, node_slot_len(parent), n), before = *room;
        *room = (uint8_t)now;
        if (before != ROOM_STALE && (now == before || node_occupied(parent) != UINT64_MAX ||
                                     (before < parent->room && now <= parent->room)))
            return;
    }
    r->room = (uint8_t)root_room(t, r);
}
