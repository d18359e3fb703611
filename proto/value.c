/*
 * value - what travels between Terraform and a provider
 *
 * Values are small immutable nodes. Members of maps and objects are sorted once, when the map is
 * built; after that lookup is a binary search and two maps are compared in one walk.
 *
 * Sets come in the order of the sender. Two sets are compared first as they stand, which settles
 * nearly every case in O(n); else both are ordered by a hash that does not depend on the order of
 * nested sets, and runs of equal hashes are compared by counting. That is O(n log n) where the
 * obvious comparison would be O(n^2), which a set of 100,000 CIDRs cannot afford.
 *
 * Numbers have one form each (see number.c), so comparing them is comparing the forms.
 */
#include "proto/value.h"

#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

const struct value value_null = {.kind = VALUE_NULL};
const struct value value_unknown = {.kind = VALUE_UNKNOWN};
const struct value value_true = {.kind = VALUE_BOOL, .boolean = true};
const struct value value_false = {.kind = VALUE_BOOL, .boolean = false};

/* --- building --- */

static struct value *new_value(struct arena *a, enum value_kind kind)
{
    struct value *v = arena_alloc(a, sizeof *v);
    v->kind = kind;
    return v;
}

const struct value *value_bool(bool b)
{
    return b ? &value_true : &value_false;
}

const struct value *value_string_n(struct arena *a, const char *s, size_t len)
{
    if (len > SIZE_MAX / 2) {
        arena_exhausted(a);
    }
    /* One block for both: most values are short strings. */
    struct value *v = arena_alloc(a, sizeof *v + len + 1);
    char *text = (char *)(v + 1);
    if (len > 0) {
        memcpy(text, s, len);
    }
    v->kind = VALUE_STRING;
    v->string.text = text;
    v->string.len = len;
    return v;
}

const struct value *value_string(struct arena *a, const char *s)
{
    return s ? value_string_n(a, s, strlen(s)) : &value_null;
}

const struct value *value_seq_take(struct arena *a, const struct value **items, size_t count)
{
    struct value *v = new_value(a, VALUE_SEQ);
    v->seq.items = items;
    v->seq.count = count;
    return v;
}

const struct value *value_seq(struct arena *a, const struct value *const *items, size_t count)
{
    const struct value **copy = arena_calloc(a, count, sizeof *copy);
    if (count > 0) {
        memcpy(copy, items, count * sizeof *copy);
    }
    return value_seq_take(a, copy, count);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct value_member *)a)->key, ((const struct value_member *)b)->key);
}

static bool is_ascending(const struct value_member *m, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (by_key(&m[i - 1], &m[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static const struct value *new_map(struct arena *a, const struct value_member *members,
                                   size_t count)
{
    struct value *v = new_value(a, VALUE_MAP);
    v->map.members = members;
    v->map.count = count;
    return v;
}

const struct value *value_map_take(struct arena *a, struct value_member *members, size_t count,
                                   const char **twice)
{
    if (!is_ascending(members, count)) {
        qsort(members, count, sizeof *members, by_key);
        for (size_t i = 1; i < count; i++) {
            if (by_key(&members[i - 1], &members[i]) == 0) {
                *twice = members[i].key;
                return NULL;
            }
        }
    }
    return new_map(a, members, count);
}

/* Of equal keys the later one in the caller's array comes last: qsort alone is not stable. */
static int by_key_then_place(const void *a, const void *b)
{
    const struct value_member *x = *(const struct value_member *const *)a;
    const struct value_member *y = *(const struct value_member *const *)b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : (x > y) - (x < y);
}

const struct value *value_map(struct arena *a, const struct value_member *members, size_t count)
{
    if (is_ascending(members, count)) {
        return new_map(a, arena_memdup(a, members, count * sizeof *members), count);
    }
    const struct value_member **order = arena_calloc(a, count, sizeof *order);
    for (size_t i = 0; i < count; i++) {
        order[i] = &members[i];
    }
    qsort(order, count, sizeof *order, by_key_then_place);
    struct value_member *sorted = arena_calloc(a, count, sizeof *sorted);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || strcmp(order[i]->key, order[i + 1]->key) != 0) {
            sorted[kept++] = *order[i];
        }
    }
    return new_map(a, sorted, kept);
}

const struct value *value_dynamic(struct arena *a, const struct type *t, const struct value *v)
{
    struct value *d = new_value(a, VALUE_DYNAMIC);
    d->dynamic.type = t;
    d->dynamic.value = v;
    return d;
}

static const struct type *infer_members(struct arena *a, const struct value *v)
{
    bool map = v->kind == VALUE_MAP;
    size_t count = map ? v->map.count : v->seq.count;
    struct type_member *members = arena_calloc(a, count, sizeof *members);
    for (size_t i = 0; i < count; i++) {
        members[i].name = map ? v->map.members[i].key : NULL;
        members[i].type = value_infer_type(a, map ? v->map.members[i].value : v->seq.items[i]);
    }
    struct type *t = arena_alloc(a, sizeof *t);
    *t = (struct type){.kind = map ? TYPE_OBJECT : TYPE_TUPLE, .members = members, .count = count};
    return t;
}

const struct type *value_infer_type(struct arena *a, const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL:
        return &type_bool;
    case VALUE_NUMBER:
        return &type_number;
    case VALUE_STRING:
        return &type_string;
    case VALUE_SEQ:
    case VALUE_MAP:
        return infer_members(a, v);
    default: /* null, unknown, and what brings its own type */
        return &type_dynamic;
    }
}

/* --- reading --- */

bool value_is_wholly_known(const struct value *v)
{
    switch (v->kind) {
    case VALUE_UNKNOWN:
        return false;
    case VALUE_SEQ:
        for (size_t i = 0; i < v->seq.count; i++) {
            if (!value_is_wholly_known(v->seq.items[i])) {
                return false;
            }
        }
        return true;
    case VALUE_MAP:
        for (size_t i = 0; i < v->map.count; i++) {
            if (!value_is_wholly_known(v->map.members[i].value)) {
                return false;
            }
        }
        return true;
    case VALUE_DYNAMIC:
        return value_is_wholly_known(v->dynamic.value);
    default:
        return true;
    }
}

const struct value *value_get(const struct value *v, const char *key)
{
    if (v->kind != VALUE_MAP || v->map.count == 0) {
        return &value_null;
    }
    struct value_member wanted = {.key = key};
    const struct value_member *m =
        bsearch(&wanted, v->map.members, v->map.count, sizeof wanted, by_key);
    return m ? m->value : &value_null;
}

const struct value *value_set(struct arena *a, const struct value *v, const char *key,
                              const struct value *member)
{
    size_t count = v->kind == VALUE_MAP ? v->map.count : 0, at = 0;
    while (at < count && strcmp(v->map.members[at].key, key) < 0) {
        at++;
    }
    bool replaces = at < count && strcmp(v->map.members[at].key, key) == 0;
    size_t rest = at + (replaces ? 1 : 0);
    struct value_member *copy = arena_calloc(a, count + 1, sizeof *copy);
    for (size_t i = 0; i < at; i++) {
        copy[i] = v->map.members[i];
    }
    copy[at] =
        (struct value_member){replaces ? v->map.members[at].key : arena_strdup(a, key), member};
    for (size_t i = rest; i < count; i++) {
        copy[at + 1 + i - rest] = v->map.members[i];
    }
    return new_map(a, copy, count + (replaces ? 0 : 1));
}

const char *value_str(const struct value *v, const char *fallback)
{
    return v->kind == VALUE_STRING ? v->string.text : fallback;
}

bool value_truth(const struct value *v, bool fallback)
{
    return v->kind == VALUE_BOOL ? v->boolean : fallback;
}

bool value_as_int(const struct value *v, int64_t *out)
{
    if (v->kind != VALUE_NUMBER || v->number.kind != NUMBER_INT) {
        return false;
    }
    *out = v->number.i;
    return true;
}

/* --- comparing --- */

static bool number_equal(const struct number *a, const struct number *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case NUMBER_INT:
        return a->i == b->i;
    case NUMBER_UINT:
        return a->u == b->u;
    case NUMBER_DOUBLE:
        return a->d == b->d;
    default:
        return strcmp(a->text, b->text) == 0;
    }
}

/* FNV-1a, then the finaliser of splitmix64 so that every bit of the sum below is worth something.
 */
static uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ ((const unsigned char *)p)[i]) * 0x100000001b3u;
    }
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

static uint64_t hash_number(const struct number *n)
{
    switch (n->kind) {
    case NUMBER_INT:
        return hash_bytes(&n->i, sizeof n->i, NUMBER_INT);
    case NUMBER_UINT:
        return hash_bytes(&n->u, sizeof n->u, NUMBER_UINT);
    case NUMBER_DOUBLE:
        return hash_bytes(&n->d, sizeof n->d, NUMBER_DOUBLE);
    default:
        return hash_bytes(n->text, strlen(n->text), NUMBER_TEXT);
    }
}

/* Equal values have equal hashes, whatever the type: elements of sequences are added up, because
 * any of them may be a set. */
static uint64_t hash(const struct value *v)
{
    uint64_t sum = 0;
    switch (v->kind) {
    case VALUE_BOOL:
        return hash_bytes(&v->boolean, sizeof v->boolean, VALUE_BOOL);
    case VALUE_NUMBER:
        return hash_number(&v->number);
    case VALUE_STRING:
        return hash_bytes(v->string.text, v->string.len, VALUE_STRING);
    case VALUE_SEQ:
        for (size_t i = 0; i < v->seq.count; i++) {
            sum += hash(v->seq.items[i]);
        }
        return hash_bytes(&sum, sizeof sum, VALUE_SEQ);
    case VALUE_MAP:
        for (size_t i = 0; i < v->map.count; i++) {
            const struct value_member *m = &v->map.members[i];
            sum += hash_bytes(m->key, strlen(m->key), hash(m->value));
        }
        return hash_bytes(&sum, sizeof sum, VALUE_MAP);
    case VALUE_DYNAMIC:
        return hash(v->dynamic.value);
    default:
        return (uint64_t)v->kind;
    }
}

struct hashed {
    uint64_t hash;
    const struct value *value;
};

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct hashed *)a)->hash, y = ((const struct hashed *)b)->hash;
    return (x > y) - (x < y);
}

static size_t occurrences(const struct type *t, const struct hashed *in, size_t count,
                          const struct value *wanted)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += value_equal(t, in[i].value, wanted);
    }
    return n;
}

/* The same elements, each as often? O(n^2). */
static bool bags_equal(const struct type *t, const struct hashed *a, const struct hashed *b,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (occurrences(t, a, count, a[i].value) != occurrences(t, b, count, a[i].value)) {
            return false;
        }
    }
    return true;
}

static bool hashed_equal(const struct type *t, struct hashed *a, struct hashed *b, size_t count)
{
    qsort(a, count, sizeof *a, by_hash);
    qsort(b, count, sizeof *b, by_hash);
    for (size_t i = 0; i < count; i++) {
        if (a[i].hash != b[i].hash) {
            return false;
        }
    }
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && a[end].hash == a[i].hash; end++) {
        }
        if (!bags_equal(t, a + i, b + i, end - i)) {
            return false;
        }
    }
    return true;
}

static bool in_order_equal(const struct type *t, const struct value *a, const struct value *b)
{
    for (size_t i = 0; i < a->seq.count; i++) {
        if (!value_equal(type_element(t, i), a->seq.items[i], b->seq.items[i])) {
            return false;
        }
    }
    return true;
}

/* Without memory for the order: as bags_equal, on the values themselves. */
static bool slowly_equal(const struct type *t, const struct value *a, const struct value *b)
{
    for (size_t i = 0; i < a->seq.count; i++) {
        size_t in_a = 0, in_b = 0;
        for (size_t j = 0; j < a->seq.count; j++) {
            in_a += value_equal(t, a->seq.items[j], a->seq.items[i]);
            in_b += value_equal(t, b->seq.items[j], a->seq.items[i]);
        }
        if (in_a != in_b) {
            return false;
        }
    }
    return true;
}

static bool sets_equal(const struct type *t, const struct value *a, const struct value *b)
{
    const struct type *elem = t->elem;
    size_t count = a->seq.count;
    if (in_order_equal(t, a, b)) {
        return true;
    }
    struct hashed *order = calloc(count, 2 * sizeof *order);
    if (!order) {
        return slowly_equal(elem, a, b);
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = (struct hashed){hash(a->seq.items[i]), a->seq.items[i]};
        order[count + i] = (struct hashed){hash(b->seq.items[i]), b->seq.items[i]};
    }
    bool equal = hashed_equal(elem, order, order + count, count);
    free(order);
    return equal;
}

static bool seqs_equal(const struct type *t, const struct value *a, const struct value *b)
{
    if (a->seq.count != b->seq.count) {
        return false;
    }
    if (t && t->kind == TYPE_SET) {
        return sets_equal(t, a, b);
    }
    return in_order_equal(t, a, b);
}

/* Types and values are sorted alike, so the member is nearly always at the same place. */
static const struct type *member_type(const struct type *t, const char *name, size_t place)
{
    if (t && place < t->count && t->members[place].name &&
        strcmp(t->members[place].name, name) == 0) {
        return t->members[place].type;
    }
    for (size_t i = 0; t && i < t->count; i++) {
        if (t->members[i].name && strcmp(t->members[i].name, name) == 0) {
            return t->members[i].type;
        }
    }
    return t ? t->elem : NULL;
}

static bool maps_equal(const struct type *t, const struct value *a, const struct value *b)
{
    if (a->map.count != b->map.count) {
        return false;
    }
    for (size_t i = 0; i < a->map.count; i++) {
        const struct value_member *m = &a->map.members[i], *n = &b->map.members[i];
        if (strcmp(m->key, n->key) != 0 ||
            !value_equal(member_type(t, m->key, i), m->value, n->value)) {
            return false;
        }
    }
    return true;
}

bool value_equal(const struct type *t, const struct value *a, const struct value *b)
{
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_NUMBER:
        return number_equal(&a->number, &b->number);
    case VALUE_STRING:
        return a->string.len == b->string.len &&
               memcmp(a->string.text, b->string.text, a->string.len) == 0;
    case VALUE_SEQ:
        return seqs_equal(t, a, b);
    case VALUE_MAP:
        return maps_equal(t, a, b);
    case VALUE_DYNAMIC:
        return type_equal(a->dynamic.type, b->dynamic.type) &&
               value_equal(a->dynamic.type, a->dynamic.value, b->dynamic.value);
    default:
        return true;
    }
}

/* --- describing --- */

struct description {
    struct text text;
    struct arena *arena;
    size_t max;
};

static void describe(struct description *d, const struct value *v);

/* As much of the string as fits, never a part of a character. */
static void describe_string(struct description *d, const char *s, size_t len)
{
    size_t room = d->max > d->text.len ? d->max - d->text.len : 0;
    size_t cut = len;
    if (cut > room) {
        cut = room;
        while (cut > 0 && ((unsigned char)s[cut] & 0xc0) == 0x80) {
            cut--;
        }
    }
    text_quote(&d->text, s, cut);
    if (cut < len) {
        text_puts(&d->text, "...");
    }
}

static bool is_identifier(const char *s)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return *s && strchr(letters, *s) &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-")] == '\0';
}

static void describe_members(struct description *d, const struct value *v)
{
    bool map = v->kind == VALUE_MAP;
    size_t count = map ? v->map.count : v->seq.count;
    text_puts(&d->text, map ? "{" : "[");
    for (size_t i = 0; i < count; i++) {
        text_puts(&d->text, i > 0 ? ", " : map ? " " : "");
        if (d->text.len >= d->max) {
            text_puts(&d->text, "...");
            break;
        }
        if (map) {
            const char *key = v->map.members[i].key;
            if (is_identifier(key)) {
                text_puts(&d->text, key);
            } else {
                describe_string(d, key, strlen(key));
            }
            text_puts(&d->text, " = ");
        }
        describe(d, map ? v->map.members[i].value : v->seq.items[i]);
    }
    text_puts(&d->text, !map ? "]" : count > 0 ? " }" : "}");
}

static void describe(struct description *d, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        text_puts(&d->text, "null");
        break;
    case VALUE_UNKNOWN:
        text_puts(&d->text, "(known after apply)");
        break;
    case VALUE_BOOL:
        text_puts(&d->text, v->boolean ? "true" : "false");
        break;
    case VALUE_NUMBER:
        text_puts(&d->text, value_number_describe(d->arena, &v->number));
        break;
    case VALUE_STRING:
        describe_string(d, v->string.text, v->string.len);
        break;
    case VALUE_SEQ:
    case VALUE_MAP:
        describe_members(d, v);
        break;
    case VALUE_DYNAMIC:
        describe(d, v->dynamic.value);
        break;
    }
}

const char *value_describe(struct arena *a, const struct value *v, size_t max)
{
    struct description d = {.text = text_new(a), .arena = a, .max = max};
    describe(&d, v);
    return text_end(&d.text);
}
