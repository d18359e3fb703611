/*
 * sighting - networks that exist according to somebody else
 *
 * A network is often told of more than once: by the state that made it, by the state of a root
 * module that imported it, by an inventory. Only one of these is shown, but all are kept, because a
 * witness can take back what it said (a state is read again) and then the next one counts. So an
 * index does not hold sightings but piles of them, one pile for each id, with the one that counts
 * on top: an inventory before a state, and among the same kind the one that came last.
 *
 * Two indexes, by id and by the allocation that a tag names; both are the C library's balanced
 * trees (tsearch), because the order by id has to be the same in every run. A list in the order of
 * arrival holds those without an id as well, and is what forgetting walks along.
 *
 * A sighting is one block of memory with all its texts, CIDRs and tags. All memory that adding
 * needs is taken before anything changes, and forgetting needs none, so that running out of memory
 * leaves everything as it was.
 */
#include "provider/sighting.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { BY_ID, BY_ALLOCATION, INDEXES };

struct told {
    struct sighting said;       /* its pointers lead into this block */
    struct told *next, *before; /* in the order of arrival */
    struct pile *pile[INDEXES]; /* NULL: it has no such id */
    struct told *below[INDEXES];
};

struct pile {
    const char *key; /* first: what the trees compare. Of the one on top */
    struct told *top;
};

struct cover {
    struct cover *next;
    char *account, *region, *where; /* account, region: NULL stands for all */
};

struct unclear {
    struct unclear *next;
    const void *source;
    char text[];
};

struct sightings {
    void *index[INDEXES]; /* trees of struct pile */
    struct told *first, *last;
    size_t count;
    uint64_t version;
    struct cover *covers;
    struct unclear *unclear, **unclear_end; /* NULL: of an empty list */
};

struct sightings *sightings_new(void)
{
    return calloc(1, sizeof(struct sightings));
}

static void cover_free(struct cover *c)
{
    free(c->account);
    free(c->region);
    free(c->where);
    free(c);
}

void sightings_free(struct sightings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < INDEXES; i++)
        tdestroy(s->index[i], free);
    for (struct told *e = s->first, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    for (struct cover *c = s->covers, *next; c; c = next) {
        next = c->next;
        cover_free(c);
    }
    for (struct unclear *u = s->unclear, *next; u; u = next) {
        next = u->next;
        free(u);
    }
    free(s);
}

/* --- one block of memory --- */

static int tag_order(const void *a, const void *b)
{
    return strcmp(((const struct tag *)a)->key, ((const struct tag *)b)->key);
}

static int cidr_order(const void *a, const void *b)
{
    return cidr_compare(a, b);
}

#define TEXTS 10
static void texts_of(struct sighting *s, const char **out[TEXTS])
{
    const char **all[TEXTS] = {&s->id,     &s->network_id, &s->cloud, &s->owner,
                               &s->region, &s->zone,       &s->name,  &s->allocation_id,
                               &s->where,  &s->scope_id};
    if (!s->scope_id)
        s->scope_id = "";
    memcpy(out, all, sizeof all);
}

static size_t text_bytes(const struct sighting *one)
{
    struct sighting copy = *one;
    const char **texts[TEXTS];
    size_t n = 0;
    texts_of(&copy, texts);
    for (size_t i = 0; i < TEXTS; i++)
        n += strlen(*texts[i]) + 1;
    for (size_t i = 0; i < one->tags.count; i++)
        n += strlen(one->tags.items[i].key) + strlen(one->tags.items[i].value) + 2;
    return n;
}

static const char *put(char **free_bytes, const char *text)
{
    char *start = *free_bytes;
    *free_bytes = stpcpy(start, text) + 1;
    return start;
}

/* In address order, each once. */
static size_t put_cidrs(struct cidr *out, const struct cidr *from, size_t count)
{
    size_t kept = 0;
    if (count == 0)
        return 0;
    memcpy(out, from, count * sizeof *out);
    qsort(out, count, sizeof *out, cidr_order);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !cidr_equal(&out[kept - 1], &out[i]))
            out[kept++] = out[i];
    return kept;
}

static size_t put_tags(struct tag *out, const struct tags *from, char **free_bytes)
{
    size_t kept = 0;
    if (from->count == 0)
        return 0;
    memcpy(out, from->items, from->count * sizeof *out);
    qsort(out, from->count, sizeof *out, tag_order);
    for (size_t i = 0; i < from->count; i++)
        if (kept == 0 || strcmp(out[kept - 1].key, out[i].key) != 0)
            out[kept++] = out[i];
    for (size_t i = 0; i < kept; i++) {
        out[i].key = put(free_bytes, out[i].key);
        out[i].value = put(free_bytes, out[i].value);
    }
    return kept;
}

static struct told *told_new(const struct sighting *one)
{
    struct told *e = calloc(1, sizeof *e + one->cidr_count * sizeof *one->cidrs +
                                   one->tags.count * sizeof *one->tags.items + text_bytes(one));
    if (!e)
        return NULL;
    struct cidr *cidrs = (struct cidr *)(e + 1);
    struct tag *tags = (struct tag *)(cidrs + one->cidr_count);
    char *bytes = (char *)(tags + one->tags.count);
    const char **texts[TEXTS];
    e->said = *one;
    texts_of(&e->said, texts);
    for (size_t i = 0; i < TEXTS; i++)
        *texts[i] = put(&bytes, *texts[i]);
    e->said.cidrs = cidrs;
    e->said.cidr_count = put_cidrs(cidrs, one->cidrs, one->cidr_count);
    e->said.tags = (struct tags){.items = tags, .count = put_tags(tags, &one->tags, &bytes)};
    return e;
}

/* --- piles --- */

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *key_of(const struct told *e, size_t index)
{
    return index == BY_ID ? e->said.id : e->said.allocation_id;
}

static struct pile *pile_find(const struct sightings *s, size_t index, const char *key)
{
    struct pile **node = tfind(&key, &s->index[index], by_key);
    return node ? *node : NULL;
}

/* The pile with the key of e, which may be a new and empty one. NULL: memory is out. */
static struct pile *pile_for(struct sightings *s, size_t index, struct told *e)
{
    struct pile *made = malloc(sizeof *made);
    if (!made)
        return NULL;
    *made = (struct pile){.key = key_of(e, index)};
    struct pile **node = tsearch(made, &s->index[index], by_key);
    struct pile *p = node ? *node : NULL;
    if (p != made)
        free(made);
    return p;
}

static void pile_drop_empty(struct sightings *s, size_t index, struct pile *p)
{
    if (p && !p->top) {
        tdelete(p, &s->index[index], by_key);
        free(p);
    }
}

static void pile_put(struct pile *p, size_t index, struct told *e)
{
    struct told **at = &p->top;
    while (*at && (*at)->said.witness > e->said.witness)
        at = &(*at)->below[index];
    e->below[index] = *at;
    *at = e;
    e->pile[index] = p;
    p->key = key_of(p->top, index);
}

static void pile_take(struct sightings *s, size_t index, struct told *e)
{
    struct pile *p = e->pile[index];
    if (!p)
        return;
    struct told **at = &p->top;
    while (*at != e)
        at = &(*at)->below[index];
    *at = e->below[index];
    if (p->top)
        p->key = key_of(p->top, index);
    pile_drop_empty(s, index, p);
}

/* Does this one count, or another one with its id? */
static bool counts(const struct told *e)
{
    return !e->pile[BY_ID] || e->pile[BY_ID]->top == e;
}

/* --- adding and forgetting --- */

bool sightings_add(struct sightings *s, const struct sighting *one)
{
    struct pile *piles[INDEXES] = {NULL};
    struct told *e = told_new(one);
    bool ok = e != NULL;
    for (size_t i = 0; i < INDEXES && ok; i++)
        if (*key_of(e, i)) {
            piles[i] = pile_for(s, i, e);
            ok = piles[i] != NULL;
        }
    if (!ok) {
        for (size_t i = 0; i < INDEXES; i++)
            pile_drop_empty(s, i, piles[i]);
        free(e);
        return false;
    }
    s->count += !piles[BY_ID] || !piles[BY_ID]->top;
    for (size_t i = 0; i < INDEXES; i++)
        if (piles[i])
            pile_put(piles[i], i, e);
    s->version++;
    e->before = s->last;
    *(s->last ? &s->last->next : &s->first) = e;
    s->last = e;
    return true;
}

static void told_drop(struct sightings *s, struct told *e)
{
    s->count -= !e->pile[BY_ID] || (e->pile[BY_ID]->top == e && !e->below[BY_ID]);
    for (size_t i = 0; i < INDEXES; i++)
        pile_take(s, i, e);
    *(e->before ? &e->before->next : &s->first) = e->next;
    *(e->next ? &e->next->before : &s->last) = e->before;
    free(e);
}

void sightings_forget(struct sightings *s, const void *source)
{
    s->version++;
    for (struct told *e = s->first, *next; e; e = next) {
        next = e->next;
        if (e->said.source == source)
            told_drop(s, e);
    }
    s->unclear_end = &s->unclear;
    for (struct unclear *u; (u = *s->unclear_end);)
        if (u->source == source) {
            *s->unclear_end = u->next;
            free(u);
        } else {
            s->unclear_end = &u->next;
        }
}

/* --- asking --- */

size_t sightings_count(const struct sightings *s)
{
    return s->count;
}

uint64_t sightings_version(const struct sightings *s)
{
    return s->version;
}

const struct sighting *sightings_find(const struct sightings *s, const char *id)
{
    const struct pile *p = pile_find(s, BY_ID, id);
    return p ? &p->top->said : NULL;
}

const struct sighting *sightings_of_allocation(const struct sightings *s, const char *allocation_id)
{
    const struct pile *p = pile_find(s, BY_ALLOCATION, allocation_id);
    for (const struct told *e = p ? p->top : NULL; e; e = e->below[BY_ALLOCATION])
        if (counts(e))
            return &e->said;
    return NULL;
}

struct walk {
    sighting_visit fn;
    void *ctx;
    bool stopped;
};

static void visit_pile(const void *node, VISIT which, void *ctx)
{
    struct walk *w = ctx;
    const struct pile *p = *(struct pile *const *)node;
    if ((which == postorder || which == leaf) && !w->stopped)
        w->stopped = !w->fn(w->ctx, &p->top->said);
}

bool sightings_each(const struct sightings *s, sighting_visit fn, void *ctx)
{
    struct walk w = {.fn = fn, .ctx = ctx};
    twalk_r(s->index[BY_ID], visit_pile, &w);
    for (const struct told *e = s->first; e && !w.stopped; e = e->next)
        if (!e->pile[BY_ID])
            w.stopped = !fn(ctx, &e->said);
    return !w.stopped;
}

/* --- what cannot be understood --- */

bool sightings_unclear(struct sightings *s, const void *source, const char *text)
{
    size_t n = strlen(text) + 1;
    struct unclear *u = malloc(sizeof *u + n);
    if (!u)
        return false;
    u->next = NULL;
    u->source = source;
    memcpy(u->text, text, n);
    *(s->unclear_end ? s->unclear_end : &s->unclear) = u;
    s->unclear_end = &u->next;
    return true;
}

void sightings_each_unclear(const struct sightings *s, void (*fn)(void *ctx, const char *text),
                            void *ctx)
{
    for (const struct unclear *u = s->unclear; u; u = u->next)
        fn(ctx, u->text);
}

/* --- what an inventory says to be complete for --- */

bool sightings_cover(struct sightings *s, const char *account, const char *region,
                     const char *where)
{
    struct cover *c = calloc(1, sizeof *c);
    if (!c)
        return false;
    c->account = account ? strdup(account) : NULL;
    c->region = region ? strdup(region) : NULL;
    c->where = strdup(where);
    if (!c->where || (account && !c->account) || (region && !c->region)) {
        cover_free(c);
        return false;
    }
    c->next = s->covers;
    s->covers = c;
    return true;
}

const char *sightings_covered(const struct sightings *s, const char *account, const char *region)
{
    for (const struct cover *c = s->covers; c; c = c->next)
        if ((!c->account || strcmp(c->account, account) == 0) &&
            (!c->region || strcmp(c->region, region) == 0))
            return c->where;
    return NULL;
}
