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
 * with enough room compares eight of them at once, in one cache line.
 */
#include "space_tree.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    uint8_t capacity, room_words;
} kids_class[KIDS_CLASSES] = {{1, 2},  {2, 2},  {4, 2},   {8, 2},  {16, 4},
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

unsigned kids_capacity(unsigned size_class)
{
    return kids_class[size_class].capacity;
}

size_t kids_words(unsigned size_class)
{
    return (size_t)kids_class[size_class].room_words + kids_class[size_class].capacity;
}

uint8_t *kids_rooms(const struct tree *t, const struct node *n)
{
    return (uint8_t *)(t->words + n->kids);
}

uint32_t *kids_nodes(const struct tree *t, const struct node *n)
{
    return t->words + n->kids + kids_class[n->kids_class].room_words;
}

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

unsigned kids_find_room(const struct tree *t, const struct node *n, unsigned from, unsigned to,
                        unsigned room)
{
    const uint64_t each = 0x0101010101010101, high = 0x8080808080808080;
    const uint8_t *rooms = kids_rooms(t, n);

    for (unsigned i = from & ~7u; i < to; i += 8) {
        uint64_t word;
        memcpy(&word, rooms + i, sizeof(word));
        /* Both sides are below 128, so no byte borrows from the next one: its high bit stays when
         * the room suffices. */
        uint64_t fits = ((le64toh(word) | high) - each * room) & high;
        if (i < from)
            fits &= UINT64_MAX << 8 * (from - i);
        if (fits != 0) {
            unsigned found = i + lowest_slot(fits) / 8;
            return found < to ? found : to;
        }
    }
    return to;
}

/* --- room --- */

unsigned tree_room(const struct tree *t, const struct node *n)
{
    uint64_t slots = ~node_occupied(n);
    unsigned room = 0;

    if (slots != 0) {
        unsigned order = 0;
        while (order < STRIDE && (slots = paired_runs(slots, order)) != 0)
            order++;
        return room_of_len(t, node_slot_len(n) - order);
    }
    unsigned count = slot_count(node_children(n));
    const uint8_t *rooms = count != 0 ? kids_rooms(t, n) : NULL;
    for (unsigned i = 0; i < count; i++)
        if (rooms[i] > room)
            room = rooms[i];
    return room;
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

/* Going up may stop where a room did not change, because nothing above the last node did either;
 * a node that has just been put in has the room ROOM_STALE, which differs from every real one. */
void tree_refresh(struct tree *t, struct root *r, const struct trail *trail)
{
    for (unsigned d = trail->depth; d-- > 0;) {
        struct node *n = &t->nodes[trail->node[d]];
        n->room = (uint8_t)tree_room(t, n);
        if (d == 0)
            break;
        const struct node *parent = &t->nodes[trail->node[d - 1]];
        uint8_t *room = &kids_rooms(t, parent)[kid_index(parent, trail->slot[d - 1])];
        unsigned now = edge_room(t, node_slot_len(parent), n);
        if (*room == now)
            return;
        *room = (uint8_t)now;
    }
    r->room = (uint8_t)root_room(t, r);
}
