/*
 * schema - what a table says apart from rules and plans: its type, its typed view, its mistakes
 *
 * A table is read in three ways here. As a type: Terraform derives an object type from the schema
 * message, and the codec needs the same one; nested attributes and nested blocks turn into objects
 * and collections of objects. As a struct: a hook names a field for an attribute, and the value
 * travels there and back; the kind of the field follows from the attribute's type, so a table
 * cannot disagree with itself. As a suspect: schema_lint looks for everything that would only show
 * as an odd message of Terraform, or as nothing at all, much later.
 *
 * Invariants. Tables are never changed. A table without attributes or blocks may leave the pointer
 * NULL. Whatever is decoded, every named field is written, so hooks never read leftovers.
 *
 * The type cache. schema_type is called with every request and must not rebuild the type, while a
 * static table has no room to keep it. So the cache is a small hash of (arena, schema) whose
 * entries live in that arena and leave the cache when it is freed. Like the rest of the runtime it
 * belongs to the one thread that serves requests.
 */
#include "proto/schema.h"

#include <stdalign.h>
#include <string.h>

/* ---- types ---- */

static const struct type *nest_type(struct arena *a, enum nesting nesting, const struct block *b)
{
    static const enum type_kind kinds[] = {
        [NESTING_LIST] = TYPE_LIST, [NESTING_SET] = TYPE_SET, [NESTING_MAP] = TYPE_MAP};
    const struct type *object = schema_block_type(a, b);
    if (nesting == NESTING_SINGLE)
        return object;
    struct type *t = arena_alloc(a, sizeof *t);
    t->kind = kinds[nesting];
    t->elem = object;
    return t;
}

size_t schema_block_size(const struct block *b)
{
    size_t n = 0;
    for (const struct attribute *at = b->attributes; at && at->name; at++)
        n++;
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++)
        n++;
    return n;
}

const struct type *schema_block_type(struct arena *a, const struct block *b)
{
    size_t n = 0;
    struct type_member *members = arena_calloc(a, schema_block_size(b), sizeof *members);
    for (const struct attribute *at = b->attributes; at && at->name; at++)
        members[n++] = (struct type_member){
            at->name, at->nested ? nest_type(a, at->nesting, at->nested) : at->type};
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++)
        members[n++] = (struct type_member){nb->name, nest_type(a, nb->nesting, nb->block)};
    return type_object(a, members, n);
}

struct cached_type {
    struct cached_type *next;
    const struct arena *arena;
    const struct schema *schema;
    const struct type *type;
};

static struct cached_type *type_cache[64];

static struct cached_type **cache_bucket(const struct schema *s)
{
    return &type_cache[((uintptr_t)s >> 5) % (sizeof type_cache / sizeof *type_cache)];
}

/* Deferred: the arena that holds the entry is about to go. The entry may not be linked yet. */
static void cache_forget(void *p)
{
    const struct cached_type *gone = p;
    for (struct cached_type **at = cache_bucket(gone->schema); *at; at = &(*at)->next) {
        if (*at == gone) {
            *at = gone->next;
            return;
        }
    }
}

const struct type *schema_type(struct arena *a, const struct schema *s)
{
    struct cached_type **bucket = cache_bucket(s);
    for (const struct cached_type *c = *bucket; c; c = c->next) {
        if (c->schema == s && c->arena == a)
            return c->type;
    }
    struct cached_type *c = arena_alloc(a, sizeof *c);
    c->arena = a;
    c->schema = s;
    c->type = schema_block_type(a, &s->block);
    arena_defer(a, cache_forget, c);
    c->next = *bucket;
    *bucket = c;
    return c->type;
}

/* ---- lookups ---- */

const struct attribute *schema_attribute(const struct schema *s, const char *name)
{
    for (const struct attribute *at = s->block.attributes; at && at->name; at++) {
        if (strcmp(at->name, name) == 0)
            return at;
    }
    return NULL;
}

const struct value *schema_default(struct arena *a, const struct attribute *at)
{
    bool map = at->nested ? at->nesting == NESTING_MAP : at->type->kind == TYPE_MAP;
    switch (at->fallback.kind) {
    case LITERAL_BOOL:
        return value_bool(at->fallback.boolean);
    case LITERAL_INT:
        return value_int(a, at->fallback.integer);
    case LITERAL_STRING:
        return value_string(a, at->fallback.string);
    case LITERAL_EMPTY:
        return map ? value_map(a, NULL, 0) : value_seq(a, NULL, 0);
    case LITERAL_NONE:
        break;
    }
    return &value_null;
}

/* ---- the typed view ---- */

enum field_kind { FIELD_STRING, FIELD_INT, FIELD_BOOL, FIELD_VALUE };

/* t is NULL for nested attributes and nested blocks. */
static enum field_kind field_kind(const struct type *t)
{
    if (!t)
        return FIELD_VALUE;
    switch (t->kind) {
    case TYPE_STRING:
        return FIELD_STRING;
    case TYPE_NUMBER:
        return FIELD_INT;
    case TYPE_BOOL:
        return FIELD_BOOL;
    default:
        return FIELD_VALUE;
    }
}

static enum presence presence_of(const struct value *v)
{
    return value_is_null(v) ? ABSENT : value_is_unknown(v) ? UNKNOWN : KNOWN;
}

static void decode_field(enum field_kind kind, const struct value *v, void *field)
{
    enum presence is = presence_of(v);
    switch (kind) {
    case FIELD_STRING: {
        struct field_string *f = field;
        f->is = is;
        f->v = value_str(v, "");
        break;
    }
    case FIELD_INT: {
        struct field_int *f = field;
        *f = (struct field_int){is, 0};
        if (is == KNOWN && !value_as_int(v, &f->v))
            f->is = ABSENT;
        break;
    }
    case FIELD_BOOL: {
        struct field_bool *f = field;
        f->is = is;
        f->v = value_truth(v, false);
        break;
    }
    case FIELD_VALUE:
        field_set_value(field, v);
        break;
    }
}

void schema_decode(const struct schema *s, const struct value *object, void *out)
{
    char *base = out;
    for (const struct attribute *at = s->block.attributes; at && at->name; at++) {
        if (at->offset)
            decode_field(field_kind(at->type), value_get(object, at->name), base + at->offset - 1);
    }
    for (const struct nested_block *nb = s->block.blocks; nb && nb->name; nb++) {
        if (nb->offset)
            decode_field(FIELD_VALUE, value_get(object, nb->name), base + nb->offset - 1);
    }
}

/* All field structs begin with their presence. */
static const struct value *encode_field(struct arena *a, enum field_kind kind, const void *field,
                                        const struct value *base)
{
    const enum presence *is = field;
    if (*is == ABSENT)
        return &value_null;
    if (*is == UNKNOWN && value_is_unknown(base))
        return base; /* may carry a refinement */
    if (*is == UNKNOWN)
        return &value_unknown;
    switch (kind) {
    case FIELD_STRING:
        return value_string(a, ((const struct field_string *)field)->v);
    case FIELD_INT:
        return value_int(a, ((const struct field_int *)field)->v);
    case FIELD_BOOL:
        return value_bool(((const struct field_bool *)field)->v);
    case FIELD_VALUE:
        break;
    }
    return ((const struct field_value *)field)->v;
}

const struct value *schema_encode(struct arena *a, const struct schema *s, const void *in,
                                  const struct value *base)
{
    const char *fields = in;
    struct value_member *members = arena_calloc(a, schema_block_size(&s->block), sizeof *members);
    size_t n = 0;
    if (!base)
        base = &value_null;
    for (const struct attribute *at = s->block.attributes; at && at->name; at++) {
        const struct value *v = value_get(base, at->name);
        if (at->offset)
            v = encode_field(a, field_kind(at->type), fields + at->offset - 1, v);
        members[n++] = (struct value_member){at->name, v};
    }
    for (const struct nested_block *nb = s->block.blocks; nb && nb->name; nb++) {
        const struct value *v = value_get(base, nb->name);
        if (nb->offset)
            v = encode_field(a, FIELD_VALUE, fields + nb->offset - 1, v);
        if (value_is_null(v) && nb->nesting != NESTING_SINGLE)
            v = value_seq(a, NULL, 0);
        members[n++] = (struct value_member){nb->name, v};
    }
    return value_map(a, members, n);
}

/* ---- lint ---- */

#define ATTR_CONFIGURABLE (ATTR_REQUIRED | ATTR_OPTIONAL)
#define ATTR_ALL          ((ATTR_IGNORED << 1) - 1u)
#define LINT_MAX_DEPTH    8

/* A mistake when all of `with` and none of `without` is there. */
static const struct {
    unsigned with, without;
    const char *mistake;
} flag_rules[] = {
    {0, ATTR_CONFIGURABLE | ATTR_COMPUTED, "is neither required nor optional nor computed"},
    {ATTR_REQUIRED | ATTR_OPTIONAL, 0, "is both required and optional"},
    {ATTR_REQUIRED | ATTR_COMPUTED, 0, "is both required and computed"},
    {ATTR_VOLATILE, ATTR_COMPUTED, "is volatile but not computed"},
    {ATTR_VOLATILE | ATTR_REPLACE, 0, "is volatile and replaces: every update would replace"},
    {ATTR_REPLACE, ATTR_CONFIGURABLE, "replaces, but a configuration cannot change it"},
    {ATTR_IGNORED | ATTR_COMPUTED, 0, "is ignored and computed"},
    {ATTR_IGNORED | ATTR_REPLACE, 0, "is ignored and replaces"},
};

/* Arguments that Terraform itself reads in resource, data and provider blocks. */
static const char *const reserved_names[] = {"connection", "count",    "depends_on",  "for_each",
                                             "lifecycle",  "provider", "provisioner", NULL};

struct lint {
    struct arena *arena;
    const char *prefix; /* of the names in messages: "source_resource." */
    unsigned depth;
    bool in_collection, in_replacing;
};

static const char *mistake(const struct lint *l, const char *name, const char *text)
{
    return arena_printf(l->arena, "%s%s: %s", l->prefix, name, text);
}

static bool listed(const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

static const struct attribute *find_attribute(const struct block *b, const char *name)
{
    const struct schema view = {.block = *b};
    return schema_attribute(&view, name);
}

static const struct nested_block *find_block(const struct block *b, const char *name)
{
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        if (strcmp(nb->name, name) == 0)
            return nb;
    }
    return NULL;
}

static const char *lint_name(const struct lint *l, const struct block *b, const char *name,
                             const void *self)
{
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] || name[0] < 'a')
        return mistake(l, name, "is no name: lower case letters, digits and underscores");
    if (l->depth == 0 && listed(reserved_names, name))
        return mistake(l, name, "is reserved by Terraform");
    const struct attribute *at = find_attribute(b, name);
    const struct nested_block *nb = find_block(b, name);
    if ((at && at != self) || (nb && nb != self))
        return mistake(l, name, "occurs twice");
    return NULL;
}

static bool type_holds_dynamic(const struct type *t)
{
    if (t->kind == TYPE_DYNAMIC || (t->elem && type_holds_dynamic(t->elem)))
        return true;
    for (size_t i = 0; i < t->count; i++) {
        if (type_holds_dynamic(t->members[i].type))
            return true;
    }
    return false;
}

static bool is_collection(const struct type *t)
{
    return t->kind == TYPE_LIST || t->kind == TYPE_SET || t->kind == TYPE_MAP;
}

static const char *lint_type(const struct lint *l, const struct attribute *at)
{
    if (!at->type == !at->nested)
        return mistake(l, at->name, "needs either a type or nested attributes");
    if (at->nested)
        return at->nested->blocks ? mistake(l, at->name, "nested attributes cannot hold blocks")
                                  : NULL;
    if (is_collection(at->type) && type_holds_dynamic(at->type->elem))
        return mistake(l, at->name, "has a dynamic type inside a collection");
    if (l->in_collection && type_holds_dynamic(at->type))
        return mistake(l, at->name, "has a dynamic type inside a collection of objects");
    return NULL;
}

static bool default_fits(const struct attribute *at)
{
    switch (at->fallback.kind) {
    case LITERAL_NONE:
        return true;
    case LITERAL_BOOL:
        return at->type && at->type->kind == TYPE_BOOL;
    case LITERAL_INT:
        return at->type && at->type->kind == TYPE_NUMBER;
    case LITERAL_STRING:
        return at->type && at->type->kind == TYPE_STRING && at->fallback.string;
    case LITERAL_EMPTY:
        return at->nested ? at->nesting != NESTING_SINGLE : is_collection(at->type);
    }
    return false;
}

static const char *lint_default(const struct lint *l, const struct attribute *at)
{
    if (at->fallback.kind == LITERAL_NONE)
        return NULL;
    if ((~at->flags & (ATTR_OPTIONAL | ATTR_COMPUTED)) != 0)
        return mistake(l, at->name, "has a default but is not optional and computed");
    if (at->flags & ATTR_VOLATILE)
        return mistake(l, at->name, "is volatile and has a default");
    if (!default_fits(at))
        return mistake(l, at->name, "has a default that is not of its type");
    /* "" and 0 may stand for "not set", which no check is about. */
    if ((at->fallback.kind == LITERAL_STRING && !*at->fallback.string) ||
        (at->fallback.kind == LITERAL_INT && at->fallback.integer == 0))
        return NULL;
    struct diags d;
    diags_init(&d, l->arena);
    schema_check_value(at, schema_default(l->arena, at), NULL, &d);
    return d.errors ? mistake(l, at->name, "has a default that its own checks refuse") : NULL;
}

static bool is_presence_rule(enum check_kind k)
{
    return k == CHECK_CONFLICTS || k == CHECK_REQUIRES || k == CHECK_EXACTLY_ONE ||
           k == CHECK_AT_LEAST_ONE;
}

static const char *lint_presence(const struct lint *l, const struct block *b,
                                 const struct attribute *at, const struct check *c)
{
    if ((at->flags & ATTR_REQUIRED) && c->kind != CHECK_REQUIRES)
        return mistake(l, at->name, "is required and has a rule about being left out");
    for (const char *const *name = c->names; *name; name++) {
        const struct attribute *other = find_attribute(b, *name);
        if (other == at)
            return mistake(l, at->name, "a presence rule names the attribute itself");
        if (!other && !find_block(b, *name))
            return mistake(l, at->name, "a presence rule names what the block does not have");
        if (other && !(other->flags & ATTR_CONFIGURABLE))
            return mistake(l, at->name, "a presence rule names what a configuration cannot set");
        if (other && (other->flags & ATTR_REQUIRED))
            return mistake(l, at->name, "a presence rule names what is always set");
    }
    return NULL;
}

static const char *lint_names(const struct lint *l, const struct attribute *at,
                              const struct check *c)
{
    if (!c->names || !c->names[0])
        return mistake(l, at->name, "a check names nothing");
    for (const char *const *name = c->names; *name; name++) {
        if (listed(name + 1, *name))
            return mistake(l, at->name, "a check names something twice");
    }
    return NULL;
}

/* Does this rule on values suit the attribute, and are its own numbers sound? */
static const char *lint_value_rule(const struct lint *l, const struct attribute *at,
                                   const struct check *c)
{
    const struct type *t = at->type;
    bool collection = t ? is_collection(t) : at->nesting != NESTING_SINGLE;
    enum type_kind scalar = !t ? TYPE_OBJECT : collection ? t->elem->kind : t->kind;
    bool fits = false, sound = c->min <= c->max;
    switch (c->kind) {
    case CHECK_MULTIPLE:
        sound = sound && c->step > 0;
        fits = scalar == TYPE_NUMBER;
        break;
    case CHECK_RANGE:
        fits = scalar == TYPE_NUMBER;
        break;
    case CHECK_LENGTH:
        fits = collection || scalar == TYPE_STRING;
        sound = sound && c->min >= 0;
        break;
    case CHECK_ONE_OF:
        fits = scalar == TYPE_STRING;
        break;
    case CHECK_FUNCTION:
        fits = scalar == TYPE_STRING;
        sound = c->fn && c->text;
        break;
    default:
        return mistake(l, at->name, "has a check of no known kind");
    }
    if (!fits)
        return mistake(l, at->name, "has a check that does not fit its type");
    return sound ? NULL : mistake(l, at->name, "has a check whose bounds, step or text are wrong");
}

static const char *lint_checks(const struct lint *l, const struct block *b,
                               const struct attribute *at)
{
    if (at->checks && at->checks->kind != CHECK_NONE && !(at->flags & ATTR_CONFIGURABLE))
        return mistake(l, at->name, "has checks, but a configuration cannot set it");
    for (const struct check *c = at->checks; c && c->kind != CHECK_NONE; c++) {
        bool presence = is_presence_rule(c->kind);
        const char *m = presence || c->kind == CHECK_ONE_OF ? lint_names(l, at, c) : NULL;
        if (!m)
            m = presence ? lint_presence(l, b, at, c) : lint_value_rule(l, at, c);
        if (m)
            return m;
    }
    return NULL;
}

static const char *lint_block(struct lint l, const struct block *b);

/* The table inside a nested attribute or a nested block. */
static const char *lint_inside(const struct lint *l, const char *name, enum nesting nesting,
                               unsigned flags, const struct block *b)
{
    struct lint inside = *l;
    inside.prefix = arena_printf(l->arena, "%s%s.", l->prefix, name);
    inside.depth = l->depth + 1;
    inside.in_collection |= nesting != NESTING_SINGLE;
    inside.in_replacing |= (flags & ATTR_REPLACE) != 0;
    if (inside.depth > LINT_MAX_DEPTH)
        return mistake(l, name, "nests too deep");
    return lint_block(inside, b);
}

static const char *lint_attribute(const struct lint *l, const struct block *b,
                                  const struct attribute *at)
{
    const char *m = lint_name(l, b, at->name, at);
    if (m)
        return m;
    if (at->flags & ~ATTR_ALL)
        return mistake(l, at->name, "has a flag that does not exist");
    for (size_t i = 0; i < sizeof flag_rules / sizeof *flag_rules; i++) {
        if ((at->flags & flag_rules[i].with) == flag_rules[i].with &&
            !(at->flags & flag_rules[i].without))
            return mistake(l, at->name, flag_rules[i].mistake);
    }
    if (l->in_replacing && (at->flags & ATTR_VOLATILE))
        return mistake(l, at->name, "is volatile inside what replaces: every update would replace");
    if (!at->description || !at->description[0])
        return mistake(l, at->name, "has no description");
    if ((m = lint_type(l, at)) || (m = lint_default(l, at)) || (m = lint_checks(l, b, at)))
        return m;
    return at->nested ? lint_inside(l, at->name, at->nesting, at->flags, at->nested) : NULL;
}

static const char *lint_nested_block(const struct lint *l, const struct block *b,
                                     const struct nested_block *nb)
{
    const char *m = lint_name(l, b, nb->name, nb);
    if (m)
        return m;
    if (nb->nesting != NESTING_SINGLE && nb->nesting != NESTING_LIST && nb->nesting != NESTING_SET)
        return mistake(l, nb->name, "a block is single, a list or a set");
    if (nb->flags & ~(unsigned)(ATTR_REPLACE | ATTR_DEPRECATED | ATTR_IGNORED))
        return mistake(l, nb->name, "has a flag that a block cannot have");
    if (nb->min_items < 0 || nb->max_items < 0 || (nb->max_items && nb->min_items > nb->max_items))
        return mistake(l, nb->name, "has wrong bounds for its number");
    if (nb->nesting == NESTING_SINGLE && (nb->min_items != nb->max_items || nb->max_items > 1))
        return mistake(l, nb->name, "is single: both bounds are 0, or both are 1");
    if (!nb->description || !nb->description[0])
        return mistake(l, nb->name, "has no description");
    if (!nb->block)
        return mistake(l, nb->name, "has no table");
    return lint_inside(l, nb->name, nb->nesting, nb->flags, nb->block);
}

/* A field's place in the typed struct. */
struct extent {
    const char *name;
    size_t start, end;
};

static const char *lint_extent(const struct lint *l, struct extent *seen, size_t n,
                               const char *name, enum field_kind kind, size_t offset)
{
    static const struct {
        size_t size, align;
    } layout[] = {
        [FIELD_STRING] = {sizeof(struct field_string), alignof(struct field_string)},
        [FIELD_INT] = {sizeof(struct field_int), alignof(struct field_int)},
        [FIELD_BOOL] = {sizeof(struct field_bool), alignof(struct field_bool)},
        [FIELD_VALUE] = {sizeof(struct field_value), alignof(struct field_value)},
    };
    size_t start = offset - 1, end = start + layout[kind].size;
    if (start % layout[kind].align)
        return mistake(l, name, "its field is not aligned");
    for (size_t i = 0; i < n; i++) {
        if (start < seen[i].end && seen[i].start < end)
            return mistake(l, name,
                           arena_printf(l->arena, "its field overlaps that of %s", seen[i].name));
    }
    seen[n] = (struct extent){name, start, end};
    return NULL;
}

static const char *lint_fields(const struct lint *l, const struct block *b)
{
    struct extent *seen = arena_calloc(l->arena, schema_block_size(b), sizeof *seen);
    size_t n = 0;
    const char *m;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        if (!at->offset)
            continue;
        if ((m = lint_extent(l, seen, n++, at->name, field_kind(at->type), at->offset)))
            return m;
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        if (nb->offset && (m = lint_extent(l, seen, n++, nb->name, FIELD_VALUE, nb->offset)))
            return m;
    }
    return NULL;
}

static const char *lint_block(struct lint l, const struct block *b)
{
    const char *m;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        if ((m = lint_attribute(&l, b, at)))
            return m;
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        if ((m = lint_nested_block(&l, b, nb)))
            return m;
    }
    return lint_fields(&l, b);
}

const char *schema_lint(struct arena *a, const struct schema *s)
{
    if (s->version < 0)
        return "the version is negative";
    return lint_block((struct lint){.arena = a, .prefix = ""}, &s->block);
}
