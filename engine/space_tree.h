/*
 * space_tree - the nodes that space is made of (internal to space*.c)
 *
 * See the essay in space.c. Nodes and child arrays are addressed by index into two growing arrays,
 * so pointers to them are good only until the next tree_reserve.
 */
#ifndef ENGINE_SPACE_TREE_H
#define ENGINE_SPACE_TREE_H

#include "cidr_bits.h"
#include "space.h"

#define STRIDE     6  /* bits of address that one node decides */
#define SLOTS      64 /* 2^STRIDE */
#define MAX_DEPTH  22 /* nodes on a path: 128 / STRIDE, rounded up */
#define NO_NODE    UINT32_MAX
#define ROOM_STALE 0x7f /* no child has that much room; see tree_refresh */

/* Two bits a slot, bit i of each word for slot i:
 *   taken 0 mark 0  free               taken 1 mark 0  a block starts here
 *   taken 0 mark 1  has a child        taken 1 mark 1  the block goes on here
 * A node whose base is less than its root's length has slots outside the root; each of them is
 * like a block, so that nothing ever is free or changes there: see outside_slots. */
struct node {
    uint64_t taken, mark;
    uint64_t hi, lo;    /* the node's prefix: its first `base` bits (if any), the others zero */
    uint32_t kids;      /* array of children (meaningless without any); next in the free list */
    int8_t base;        /* bits before the node; slots are prefixes of length base + STRIDE */
    uint8_t room;       /* see tree_room */
    uint8_t kids_class; /* size class of the array */
};

/*
 * Nodes and arrays of children. An array of a size class with capacity c is c bytes of room
 * (rounded up to 8, unused ones zero) and then c node indexes; entries stand in the order of slots.
 */
#define KIDS_CLASSES 9
struct tree {
    struct node *nodes;
    uint32_t *words;
    uint32_t node_used, node_size, word_used, word_size;
    uint32_t free_node;               /* list of released nodes */
    uint32_t free_kids[KIDS_CLASSES]; /* lists of released arrays */
    uint8_t max_len;                  /* of the family */
    uint8_t phase;                    /* bases are phase - STRIDE, phase, phase + STRIDE ... */
};

struct root {
    struct cidr cidr;
    uint32_t top; /* node or NO_NODE */
    uint8_t room;
    bool whole; /* one block is the whole root */
};

struct space {
    uint8_t family;
    struct tree tree;
    struct root *roots; /* disjoint, in address order */
    size_t root_count, root_size;
    size_t blocks;
    struct count total, used;
};

/* --- one node --- */

static inline uint64_t slot_bit(unsigned slot)
{
    return (uint64_t)1 << slot;
}
static inline uint64_t slots_below(unsigned slot) /* slot <= 64 */
{
    return slot >= SLOTS ? UINT64_MAX : slot_bit(slot) - 1;
}
/* Bits counted in pairs, fours, bytes, and these added up: the compiler's builtin is a call, and
 * slower, wherever the oldest processor of the target has no instruction for it. */
static inline unsigned slot_count(uint64_t slots)
{
    slots -= slots >> 1 & 0x5555555555555555;
    slots = (slots & 0x3333333333333333) + (slots >> 2 & 0x3333333333333333);
    slots = (slots + (slots >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (unsigned)(slots * 0x0101010101010101 >> 56);
}
static inline unsigned lowest_slot(uint64_t slots) /* not 0 */
{
    return (unsigned)__builtin_ctzll(slots);
}
static inline uint64_t node_occupied(const struct node *n)
{
    return n->taken | n->mark;
}
static inline uint64_t node_children(const struct node *n)
{
    return n->mark & ~n->taken;
}
static inline uint64_t node_starts(const struct node *n)
{
    return n->taken & ~n->mark;
}
static inline bits128 node_bits(const struct node *n)
{
    return bits_join(n->hi, n->lo);
}
static inline unsigned node_slot_len(const struct node *n)
{
    return (unsigned)(n->base + STRIDE);
}
/* The slots of a node at the bottom may be longer than an address has bits; blocks are then several
 * slots, and these two are still right for the first slot of a block. Above the first bit of an
 * address, where the highest node may begin, there are zeros. */
static inline unsigned slot_of(bits128 address, int base)
{
    return base <= 128 - STRIDE ? (unsigned)(address >> (128 - STRIDE - base)) & (SLOTS - 1)
                                : (unsigned)(address << (base + STRIDE - 128)) & (SLOTS - 1);
}
static inline bits128 slot_bits(const struct node *n, unsigned slot)
{
    bits128 offset = n->base <= 128 - STRIDE ? (bits128)slot << (128 - STRIDE - n->base)
                                             : (bits128)slot >> (n->base + STRIDE - 128);

    return node_bits(n) | offset;
}
/* The slots of 2^order, from slot on. */
static inline uint64_t slots_from(unsigned slot, unsigned order)
{
    return slots_below(1u << order) << slot;
}
/* From the starts of aligned runs of 2^order slots, those of 2^(order + 1); order 0-5. */
static inline uint64_t paired_runs(uint64_t runs, unsigned order)
{
    static const uint64_t aligned[STRIDE] = {
        0x5555555555555555, 0x1111111111111111, 0x0101010101010101,
        0x0001000100010001, 0x0000000100000001, 0x0000000000000001,
    };

    return runs & runs >> (1u << order) & aligned[order];
}
/* Slots at which an aligned run of 2^order slots of the set starts, order 0-6. */
static inline uint64_t aligned_runs(uint64_t slots, unsigned order)
{
    for (unsigned o = 0; o < order; o++)
        slots = paired_runs(slots, o);
    return slots;
}
/* How many slots the block has that starts at this slot. */
static inline unsigned block_slots(const struct node *n, unsigned slot)
{
    uint64_t ends = ~(n->taken & n->mark) & ~slots_below(slot + 1);

    return ends != 0 ? lowest_slot(ends) - slot : SLOTS - slot;
}
/* The node that holds blocks of length len (> 0) has this base: the highest whose slots are no
 * bigger than the block. */
static inline int home_base(const struct tree *t, unsigned len)
{
    return (int)((len - 1 + STRIDE - t->phase) / STRIDE * STRIDE + t->phase) - STRIDE;
}
static inline uint64_t outside_slots(const struct root *r, int base)
{
    if (base >= r->cidr.len)
        return 0;
    return ~slots_from(slot_of(cidr_bits(&r->cidr), base), (unsigned)(base + STRIDE - r->cidr.len));
}

/* --- room ---
 * The room of a part of the address space is 0 when nothing in it is free, else 1 + the binary
 * logarithm of the number of addresses in the largest free aligned block. */

static inline unsigned room_of_len(const struct tree *t, unsigned len)
{
    return t->max_len - len + 1u;
}
/* Of a slot, or a root, of length len that leads to the child. Where bits were skipped in between,
 * half of the slot is free. */
static inline unsigned edge_room(const struct tree *t, unsigned len, const struct node *child)
{
    return child->base > (int)len ? room_of_len(t, len + 1) : child->room;
}
/* Of the part of the node inside the root, from its slots and its children's room. O(SLOTS). */
unsigned tree_room(const struct tree *t, const struct node *n);
unsigned root_room(const struct tree *t, const struct root *r);

/* --- storage --- */

void tree_init(struct tree *t, enum family f);
void tree_clear(struct tree *t);
/* Makes room for what one claim may need, so that nothing fails after it. */
bool tree_reserve(struct tree *t);
size_t tree_memory(const struct tree *t);
/* A node around address without blocks; tree_reserve first. */
uint32_t tree_new_node(struct tree *t, const struct root *r, bits128 address, int base);
void tree_free_node(struct tree *t, uint32_t node);
/* Free nodes and words in free arrays, for checking. */
void tree_free_counts(const struct tree *t, size_t *nodes, size_t *words);

struct kids_class {
    uint8_t capacity, room_words;
};
extern const struct kids_class kids_classes[KIDS_CLASSES];

static inline unsigned kids_capacity(unsigned size_class)
{
    return kids_classes[size_class].capacity;
}
static inline size_t kids_words(unsigned size_class)
{
    return (size_t)kids_classes[size_class].room_words + kids_classes[size_class].capacity;
}
/* The arrays of a node with children, in slot order. */
static inline uint8_t *kids_rooms(const struct tree *t, const struct node *n)
{
    return (uint8_t *)(t->words + n->kids);
}
static inline uint32_t *kids_nodes(const struct tree *t, const struct node *n)
{
    return t->words + n->kids + kids_classes[n->kids_class].room_words;
}
static inline unsigned kid_index(const struct node *n, unsigned slot)
{
    return slot_count(node_children(n) & slots_below(slot));
}
/* The lowest entry from `from` on with that much room; `to` or more when none is before `to`. */
unsigned kids_find_room(const struct tree *t, const struct node *n, unsigned from, unsigned to,
                        unsigned room);
/* Puts a child into a free slot, its room yet stale; tree_reserve first. */
void tree_add_kid(struct tree *t, uint32_t node, unsigned slot, uint32_t kid);
void tree_remove_kid(struct tree *t, uint32_t node, unsigned slot);

/* --- finding a block's place --- */

struct trail {
    unsigned depth;           /* nodes passed */
    uint32_t node[MAX_DEPTH]; /* from the top down */
    uint8_t slot[MAX_DEPTH];  /* the block's slot in each */
    uint32_t apart;           /* PLACE_APART: the node that is in the way */
};
enum place {
    PLACE_NODE,  /* the last node is the block's home; its slots there may be taken */
    PLACE_FREE,  /* the last node's slot (no node: the root) is free and bigger than the block */
    PLACE_APART, /* the last node's slot (or the root) leads to another, disjoint part of it */
    PLACE_TAKEN, /* overlaps a taken block */
};
/* For a block inside the root and smaller than it. */
enum place tree_locate(const struct tree *t, const struct root *r, const struct cidr *block,
                       struct trail *trail);
/* Is the block, at home in the node, taken as it is? */
bool node_holds(const struct node *n, const struct cidr *block);
/* Brings the room of everything on the trail up to date, after a change of its last node. */
void tree_refresh(struct tree *t, struct root *r, const struct trail *trail);

/* How many roots come before c or are c, in cidr_compare order. O(log roots). */
size_t space_roots_up_to(const struct space *s, const struct cidr *c);
/* The root that contains c, or NULL. O(log roots). */
struct root *space_find_root(const struct space *s, const struct cidr *c);

#endif
