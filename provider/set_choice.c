/*
 * set_choice - which CIDR each request of an allocation set has
 *
 * The answer is a function of the requests, of what the set has, and of the pool as the state
 * describes it, and of nothing else: not of the order in which Terraform asks, and not of what
 * other resources do in the same run. So both plans of one apply give the same answer, and it can
 * be shown.
 *
 *   1. A request that has a CIDR keeps it as long as it still asks for one like it: the same
 *      written CIDR, or the same length, or no length at all. Nothing else moves it.
 *   2. A written CIDR is taken as written.
 *   3. The others get the lowest free blocks, the largest first, then by key. Largest first leaves
 *      the fewest gaps, and with aligned blocks it finds room for all whenever there is room.
 *
 * What the set gives back in the same step is free for 2 and 3. While one new request is not known
 * yet (open), no block is chosen at all: whatever it turns out to be, it must not change an answer
 * that was shown.
 *
 * The id of an allocation follows from pool, key and CIDR, so it is known together with them, and
 * `cidrs` says all that a set holds. That is why short requests have nothing but a text there:
 * Terraform's time for a large set is the number of values that it has to carry.
 */
#include "provider/set_choice.h"

#include <stdlib.h>
#include <string.h>

const char *set_resource_id(struct arena *a, const char *set_id, const char *key)
{
    return arena_printf(a, "%s/%s", set_id, key);
}

bool set_owns(const char *set_id, const struct allocation *a)
{
    size_t n = strlen(set_id);
    return n > 0 && strncmp(a->resource_id, set_id, n) == 0 && a->resource_id[n] == '/';
}

const char *set_allocation_id(struct arena *a, const char *pool_id, const char *key,
                              const struct cidr *cidr)
{
    char text[CIDR_TEXT_SIZE];
    const char *owner = arena_printf(a, "%s\n%s", pool_id, key);
    return id_derive(a, "ipam-pool-alloc-", ID_ALLOCATION_DIGITS, owner, cidr_format(cidr, text));
}

static void give_id(struct call *c, const struct set_choice *s, struct set_entry *e)
{
    if (*s->pool_id)
        e->id = set_allocation_id(c->arena, s->pool_id, e->key, &e->cidr);
}

static bool parse(const struct value *v, struct cidr *out)
{
    const char *text = value_str(v, "");
    return cidr_parse(text, strlen(text), out) == CIDR_OK;
}

static const struct value *member_value(const struct value *map, size_t i)
{
    return map->map.members[i].value;
}

/* --- requests --- */

/* "/20" or "20"; -1: something else. */
static int brief_length(const char *text)
{
    text += *text == '/';
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits] || (digits > 1 && *text == '0'))
        return -1;
    int n = atoi(text);
    return n <= 128 ? n : -1;
}

const char *check_short_request(struct arena *a, const char *text)
{
    if (brief_length(text) >= 0)
        return NULL;
    if (strchr(text, '.') || strchr(text, ':'))
        return check_cidr(a, text);
    return arena_printf(a, "\"%.60s\" is neither a prefix length like \"/20\" nor a CIDR", text);
}

/* What is written in short, in full. */
static const struct value *in_full(struct arena *a, const struct value *brief)
{
    if (!value_is_known(brief))
        return brief;
    int n = brief_length(value_str(brief, ""));
    struct value_member *members = arena_calloc(a, 4, sizeof *members);
    members[0] = (struct value_member){"cidr", n < 0 ? brief : &value_null};
    members[1] = (struct value_member){"description", &value_null};
    members[2] = (struct value_member){"netmask_length", n < 0 ? &value_null : value_int(a, n)};
    members[3] = (struct value_member){"tags", &value_null};
    const char *twice;
    return value_map_take(a, members, 4, &twice);
}

const struct value *set_request(struct arena *a, const struct set_requests *r, const char *key)
{
    const struct value *full = value_get(r->full, key);
    return value_is_null(full) ? in_full(a, value_get(r->brief, key)) : full;
}

const struct path *set_entry_path(struct arena *a, const struct set_entry *e, const char *attribute)
{
    const char *map = e->brief ? "short_requests" : "requests";
    const struct path *p = PATH_MAP_KEY(PATH_ATTR(NULL, map), e->key);
    return path_copy(a, e->brief || !attribute ? p : PATH_ATTR(p, attribute));
}

static size_t map_count(const struct value *v)
{
    return v->kind == VALUE_MAP ? v->map.count : 0;
}

/* All requests by key: both maps are sorted. */
static void list_requests(struct arena *a, struct set_choice *s, const struct set_requests *r)
{
    size_t i = 0, j = 0, full = map_count(r->full), brief = map_count(r->brief);
    s->items = arena_calloc(a, full + brief, sizeof *s->items);
    while (i < full || j < brief) {
        const struct value_member *f = i < full ? &r->full->map.members[i] : NULL;
        const struct value_member *b = j < brief ? &r->brief->map.members[j] : NULL;
        bool is_brief = !f || (b && strcmp(b->key, f->key) < 0);
        s->items[s->count++] = (struct set_entry){
            .key = is_brief ? b->key : f->key,
            .request = is_brief ? in_full(a, b->value) : f->value,
            .brief = is_brief,
        };
        i += !is_brief;
        j += is_brief;
    }
}

static void give_back(struct call *c, struct set_choice *s, const char *key,
                      const struct cidr *cidr)
{
    s->gone[s->gone_count++] = set_allocation_id(c->arena, s->pool_id, key, cidr);
}

/* The request of one key beside the CIDR that the key has, if any. */
static void compare_one(struct call *c, struct set_choice *s, struct set_entry *e,
                        const struct value *had)
{
    const struct value *cidr = value_get(e->request, "cidr");
    const struct value *length = value_get(e->request, "netmask_length");
    struct cidr prior;
    int64_t n = -1;
    bool has = parse(had, &prior);
    e->id = "";
    e->open = !value_is_wholly_known(e->request) &&
              (value_is_unknown(e->request) || value_is_unknown(cidr) || value_is_unknown(length));
    e->length = value_as_int(length, &n) ? (int)n : -1;
    if (!e->open && parse(cidr, &e->cidr))
        e->kept = has && cidr_equal(&e->cidr, &prior);
    else if (!e->open && has && (e->length < 0 || e->length == prior.len))
        e->kept = true;
    if (e->kept)
        e->cidr = prior;
    else if (has)
        give_back(c, s, e->key, &prior);
    if (cidr_is_set(&e->cidr))
        give_id(c, s, e);
}

static int default_length(struct call *c, const char *pool_id)
{
    const struct pool *p = *pool_id ? engine_pool(estate_of(c)->engine, pool_id) : NULL;
    return p && pool_is_known(p) ? pool_info(p)->rules.default_len : -1;
}

struct set_choice set_compare(struct call *c, const char *set_id, const char *pool_id,
                              const struct set_requests *requests, const struct value *prior)
{
    size_t had = map_count(prior), j = 0;
    struct set_choice s = {.set_id = set_id, .pool_id = pool_id};
    int fallback = default_length(c, pool_id);
    list_requests(c->arena, &s, requests);
    s.gone = arena_calloc(c->arena, had, sizeof *s.gone);
    for (size_t i = 0; i <= s.count; i++) { /* both are sorted by key */
        struct set_entry *e = i < s.count ? &s.items[i] : NULL;
        int order = -1;
        while (j < had && (!e || (order = strcmp(prior->map.members[j].key, e->key)) < 0)) {
            struct cidr cidr;
            if (parse(member_value(prior, j), &cidr))
                give_back(c, &s, prior->map.members[j].key, &cidr);
            j++;
        }
        if (!e)
            break;
        bool same = j < had && order == 0;
        compare_one(c, &s, e, same ? member_value(prior, j) : &value_null);
        j += same;
        if (e->length < 0 && !e->open && !cidr_is_set(&e->cidr))
            e->length = fallback;
    }
    return s;
}

void set_take_planned(struct call *c, struct set_choice *s, const struct value *cidrs)
{
    for (size_t i = 0; i < s->count; i++) {
        struct set_entry *e = &s->items[i];
        if (!cidr_is_set(&e->cidr) && parse(value_get(cidrs, e->key), &e->cidr))
            give_id(c, s, e);
    }
}

/* --- choosing --- */

static bool is_own(void *ctx, const struct allocation *a)
{
    return set_owns(((const struct set_choice *)ctx)->set_id, a);
}

static int by_size(const void *x, const void *y)
{
    const struct set_entry *a = *(struct set_entry *const *)x, *b = *(struct set_entry *const *)y;
    return a->length != b->length ? (a->length > b->length) - (a->length < b->length)
                                  : strcmp(a->key, b->key);
}

/* What is chosen keeps off these as long as there is room elsewhere. */
struct avoided {
    const struct cidr *items;
    size_t count;
};

/* The blocks of those that wait, in order; false when memory is out. */
static bool choose_blocks(struct call *c, struct set_choice *s, struct space *space,
                          const struct avoided *avoid, struct set_entry **waiting, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct set_entry *e = waiting[i];
        unsigned len = (unsigned)e->length;
        enum space_result r = space_next_free(space, len, avoid->items, avoid->count, &e->cidr);
        if (r == SPACE_FULL && avoid->count > 0)
            r = space_next_free(space, len, NULL, 0, &e->cidr);
        if (r == SPACE_OK)
            r = space_claim(space, &e->cidr, NULL);
        if (r == SPACE_NO_MEMORY)
            return false;
        if (r == SPACE_OK)
            give_id(c, s, e);
        else
            e->cidr = (struct cidr){0};
    }
    return true;
}

/* Chooses on the copy; false when memory is out. */
static bool choose_on(struct call *c, struct set_choice *s, struct space *space,
                      const struct avoided *avoid, unsigned max_len)
{
    struct set_entry **waiting = arena_calloc(c->arena, s->count, sizeof *waiting);
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct set_entry *e = &s->items[i];
        if (e->open)
            return true;
        if (cidr_is_set(&e->cidr)) {
            /* Whether it may be taken is asked elsewhere. */
            if (space_claim(space, &e->cidr, NULL) == SPACE_NO_MEMORY)
                return false;
        } else if (e->length >= 0 && e->length <= (int)max_len) {
            waiting[count++] = e;
        }
    }
    if (count > 1)
        qsort(waiting, count, sizeof *waiting, by_size);
    return choose_blocks(c, s, space, avoid, waiting, count);
}

static void free_space(void *space)
{
    space_free(space);
}

bool set_choose(struct call *c, struct set_choice *s, bool as_marked)
{
    struct engine *e = estate_of(c)->engine;
    const struct pool *p = engine_pool(e, s->pool_id);
    struct avoided avoid = {NULL, 0};
    struct space *space;
    bool waits = false;
    for (size_t i = 0; i < s->count; i++)
        waits = waits || !cidr_is_set(&s->items[i].cidr);
    if (!waits || !p || !pool_is_known(p))
        return true;
    bool done = engine_copy_space(e, s->pool_id, as_marked, is_own, s, &space) == ENGINE_OK;
    if (done) {
        arena_defer(c->arena, free_space, space);
        if (as_marked) /* what is announced in this run must not matter */
            avoid.items =
                previews_of(estate_of(c)->previews, c->arena, s->pool_id, true, &avoid.count);
        else
            avoid.items = engine_intents(e, s->pool_id, &avoid.count);
        done = choose_on(c, s, space, &avoid, cidr_max_len(pool_info(p)->family));
    }
    if (!done)
        report_no_memory(c, "choosing the CIDRs of an IPAM Allocation Set");
    return done;
}

/* --- the attributes --- */

static const struct value *cidr_value(struct arena *a, const struct cidr *c)
{
    char text[CIDR_TEXT_SIZE];
    return cidr_is_set(c) ? value_string(a, cidr_format(c, text)) : &value_unknown;
}

const struct value *set_cidrs(struct arena *a, const struct set_choice *s)
{
    struct value_member *members = arena_calloc(a, s->count, sizeof *members);
    for (size_t i = 0; i < s->count; i++)
        members[i] = (struct value_member){s->items[i].key, cidr_value(a, &s->items[i].cidr)};
    return value_map(a, members, s->count);
}

const struct value *set_allocations(struct arena *a, const struct set_choice *s)
{
    struct value_member *members = arena_calloc(a, s->count, sizeof *members);
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct set_entry *e = &s->items[i];
        if (e->brief)
            continue;
        bool known = cidr_is_set(&e->cidr);
        int length = known ? e->cidr.len : e->length;
        const struct value_member one[] = {
            {"cidr", cidr_value(a, &e->cidr)},
            {"id", *e->id ? value_string(a, e->id) : &value_unknown},
            {"netmask_length", length >= 0 ? value_int(a, length) : &value_unknown},
        };
        members[n++] = (struct value_member){e->key, value_map(a, one, 3)};
    }
    return value_map(a, members, n);
}

struct placed {
    const struct cidr *cidr;
    size_t index;
};

static int by_place(const void *x, const void *y)
{
    const struct placed *a = x, *b = y;
    bool set_a = cidr_is_set(a->cidr), set_b = cidr_is_set(b->cidr);
    if (set_a != set_b)
        return set_a ? -1 : 1;
    int order = cidr_compare(a->cidr, b->cidr);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

size_t *set_by_address(struct arena *a, const struct set_choice *s)
{
    struct placed *placed = arena_calloc(a, s->count, sizeof *placed);
    size_t *order = arena_calloc(a, s->count, sizeof *order);
    for (size_t i = 0; i < s->count; i++)
        placed[i] = (struct placed){&s->items[i].cidr, i};
    if (s->count > 1)
        qsort(placed, s->count, sizeof *placed, by_place);
    for (size_t i = 0; i < s->count; i++)
        order[i] = placed[i].index;
    return order;
}
