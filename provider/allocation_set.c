/*
 * allocation_set - many reservations of one pool in one resource
 *
 * A map of requests in, a map of CIDRs out. Terraform plans every object twice and a single
 * next-free reservation cannot tell itself from its siblings, so its CIDR cannot be shown before
 * the apply; a set sees all its requests at once, and that is enough (set_choice.c). Its keys are
 * known in any case, so `for_each` over `cidrs` works in the first plan even when the pool itself
 * does not exist yet.
 *
 * Each entry is an allocation of its own in the engine: type custom, the set and the key as its
 * resource, loaded from the state like any other. Changes are all or nothing.
 *
 * What the plan shows is chosen without a look at the rest of the run. The rest of the run keeps
 * off it instead, as long as there is room elsewhere: in the plan, and in the apply by the forecast
 * that the plan leaves (forecast.h). Where that is lost, or a second new set shows the same block,
 * another resource may take it first; then the set is refused, with the holder's name, and the next
 * plan shows another block.
 */
#include "provider/set_choice.h"

#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "provider/forecast.h"

struct set_row {
    struct common common;
    struct field_string pool_id, owner;
    struct field_value requests, short_requests, cidrs, allocations;
};
#define T struct set_row

static const struct attribute request_attributes[] = {
    {.name = "netmask_length",
     .type = &type_number,
     .flags = ATTR_OPTIONAL,
     CHECKS(RANGE(0, 128), CONFLICTS("cidr")),
     .description = "Prefix length in bits of the block: the lowest free one. Default: the pool's "
                    "`allocation_default_netmask_length`."},
    {.name = "cidr",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_cidr, "a CIDR in canonical form"), CONFLICTS("netmask_length")),
     .description = "The CIDR to reserve; it must be free in the pool."},
    {.name = "description",
     .type = &type_string,
     .flags = ATTR_OPTIONAL,
     .description = "Text for people."},
    {.name = "tags",
     .type = &type_map_string,
     .flags = ATTR_OPTIONAL,
     .description = "Tags of this reservation, besides those of the set."},
    END_ATTRIBUTES,
};
static const struct block request_block = {.description = "One reservation.",
                                           .attributes = request_attributes};

static const struct attribute result_attributes[] = {
    {.name = "cidr",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "The CIDR that is reserved."},
    {.name = "id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Id of the allocation in the pool."},
    {.name = "netmask_length",
     .type = &type_number,
     .flags = ATTR_COMPUTED,
     .description = "Prefix length in bits of the CIDR."},
    END_ATTRIBUTES,
};
static const struct block result_block = {.description = "What one request got.",
                                          .attributes = result_attributes};

static const struct attribute attributes[] = {
    COMMON_ID(T),
    {.name = "ipam_pool_id",
     .type = &type_string,
     .flags = ATTR_REQUIRED | ATTR_REPLACE,
     .description = "Id of the pool, IPv4 or IPv6.",
     FIELD(T, pool_id)},
    {.name = "requests",
     .nested = &request_block,
     .nesting = NESTING_MAP,
     .flags = ATTR_OPTIONAL,
     CHECKS(AT_LEAST_ONE("short_requests")),
     .description = "What to reserve, by a key of your choice. A key keeps its CIDR until its own "
                    "request asks for another size or place; adding, removing and reordering other "
                    "keys moves nothing.",
     FIELD(T, requests)},
    {.name = "short_requests",
     .type = &type_map_string,
     .flags = ATTR_OPTIONAL,
     CHECKS(CHECKED_BY(check_short_request, "a prefix length like `\"/20\"`, or a CIDR")),
     .description =
         "The same in short, for other keys than those of `requests`: `{ payments = "
         "\"/20\", onprem = \"10.0.64.0/20\" }`. A key may move from one to the other and "
         "keeps its CIDR. Use it for sets of more than some thousand requests: Terraform's "
         "own time for a map of objects grows with the square of its size, that for a "
         "map of strings does not.",
     FIELD(T, short_requests)},
    {.name = "cidrs",
     .type = &type_map_string,
     .flags = ATTR_COMPUTED,
     .description = "The CIDR of each key. Known in the plan as soon as the pool is.",
     FIELD(T, cidrs)},
    {.name = "allocations",
     .nested = &result_block,
     .nesting = NESTING_MAP,
     .flags = ATTR_COMPUTED,
     .description = "CIDR, allocation id and prefix length of each key of `requests`.",
     FIELD(T, allocations)},
    {.name = "owner_id",
     .type = &type_string,
     .flags = ATTR_COMPUTED,
     .description = "Account that holds the reservations.",
     FIELD(T, owner)},
    COMMON_REGION(T),
    COMMON_TAGS(T),
    END_ATTRIBUTES,
};
static const struct nested_block blocks[] = {TIMEOUTS_BLOCK, {.name = NULL}};
static const struct schema schema = {
    .version = STATE_VERSION(0),
    .block = {.description = "Reserves space of one pool for a map of requests. The plan shows the "
                             "CIDRs, with every version of Terraform, and no CIDR moves because "
                             "another request came, went or changed.",
              .attributes = attributes,
              .blocks = blocks},
};

static const char *doing(struct call *c, const char *what, const char *key)
{
    return arena_printf(c->arena, "%s IPAM Allocation Set, \"%.100s\"", what, key);
}

/* --- requests to the engine --- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct tag *)a)->key, ((const struct tag *)b)->key);
}

/* Both sorted by key; of equal keys `own` wins. */
static struct tags merge_tags(struct arena *a, struct tags all, struct tags own)
{
    if (own.count == 0)
        return all;
    struct tag *items = arena_calloc(a, all.count + own.count, sizeof *items);
    size_t n = 0, i = 0, j = 0;
    while (i < all.count || j < own.count) {
        int order = i == all.count ? 1 : j == own.count ? -1 : by_key(&all.items[i], &own.items[j]);
        items[n++] = order < 0 ? all.items[i] : own.items[j];
        i += order <= 0;
        j += order >= 0;
    }
    return (struct tags){items, n};
}

/* What all entries of a set share. */
struct common_request {
    const struct pool *pool; /* NULL: not known */
    const char *region;
    struct tags tags;
};

static struct set_requests requests_of(const T *row)
{
    return (struct set_requests){row->requests.v, row->short_requests.v};
}

static struct common_request common_of(struct call *c, const T *row)
{
    const struct pool *p = engine_pool(estate_of(c)->engine, row->pool_id.v);
    return (struct common_request){
        .pool = p,
        .region = p && pool_info(p)->locale ? row->common.region.v : "",
        .tags = tags_for_check(c->arena, &row->common.tags_all, p),
    };
}

static struct allocation_request request_of(struct call *c, const struct set_choice *s,
                                            const struct common_request *common,
                                            const struct set_entry *e)
{
    struct field_value tags;
    field_set_value(&tags, value_get(e->request, "tags"));
    struct allocation_request r = {
        .id = e->id,
        .pool_id = s->pool_id,
        .type = ALLOCATION_CUSTOM,
        .cidr = e->cidr,
        .length = cidr_is_set(&e->cidr) ? -1 : e->length,
        .owner = estate_of(c)->account_id,
        .region = common->region,
        .description = value_str(value_get(e->request, "description"), ""),
        .tags = common->tags,
    };
    if (*s->set_id)
        r.resource_id = set_resource_id(c->arena, s->set_id, e->key);
    if (tags.is != ABSENT)
        r.tags = merge_tags(c->arena, common->tags, tags_for_check(c->arena, &tags, common->pool));
    return r;
}

/* The end of a request about one entry, see engine_said_yes. */
static bool entry_said_yes(struct call *c, enum engine_result result, const char *what,
                           const struct set_entry *e, const struct refusal *why, enum outcome *out)
{
    if (result == ENGINE_OK)
        return true;
    struct refusal_paths paths = {.base = set_entry_path(c->arena, e, NULL)};
    if (!e->brief) {
        paths.cidr = value_is_null(value_get(e->request, "cidr")) ? "netmask_length" : "cidr";
        paths.length = "netmask_length";
        paths.tags = "tags";
    }
    return engine_said_yes(c, result, doing(c, what, e->key), why, &paths, out);
}

/* --- planning --- */

static int by_place(const void *x, const void *y)
{
    const struct set_entry *a = x, *b = y;
    int order = cidr_compare(&a->cidr, &b->cidr);
    return order ? order : strcmp(a->key, b->key);
}

static void refuse_overlap(struct call *c, const struct set_entry *e, const struct set_entry *outer)
{
    char a[CIDR_TEXT_SIZE], b[CIDR_TEXT_SIZE];
    diag_error(c->diags, set_entry_path(c->arena, e, "cidr"),
               "IPAM Allocation Set: InvalidParameterValue",
               "The CIDR %s of \"%.100s\" overlaps %s of \"%.100s\" in the same set. A CIDR is "
               "issued once. Choose disjoint CIDRs, or give one of the two a netmask length.",
               cidr_format(&e->cidr, a), e->key, cidr_format(&outer->cidr, b), outer->key);
}

/* Two requests of one set that name the same space can never both succeed, and a key has one
 * request. */
static enum outcome validate(struct call *c, const struct value *config)
{
    const struct set_requests requests = {value_get(config, "requests"),
                                          value_get(config, "short_requests")};
    struct set_choice s = set_compare(c, "", "", &requests, &value_null);
    size_t n = 0;
    for (size_t i = 0; i < s.count; i++) {
        if (i > 0 && strcmp(s.items[i].key, s.items[i - 1].key) == 0)
            diag_error(c->diags, set_entry_path(c->arena, &s.items[i], NULL),
                       "IPAM Allocation Set: InvalidParameterCombination",
                       "The key \"%.100s\" is in requests and in short_requests. A key has one "
                       "request. Remove it from one of the two.",
                       s.items[i].key);
    }
    for (size_t i = 0; i < s.count; i++)
        if (cidr_is_set(&s.items[i].cidr))
            s.items[n++] = s.items[i];
    if (n > 1)
        qsort(s.items, n, sizeof *s.items, by_place);
    const struct set_entry *outer = s.items;
    for (size_t i = 1; i < n; i++) {
        if (cidr_contains(&outer->cidr, &s.items[i].cidr))
            refuse_overlap(c, &s.items[i], outer);
        else
            outer = &s.items[i];
    }
    return CALL_DONE;
}

/* Asks whether what is new can be had, with all that is known. */
static bool check_entries(struct call *c, const struct set_choice *s, const T *row,
                          enum outcome *out)
{
    struct engine *e = estate_of(c)->engine;
    struct common_request common = common_of(c, row);
    *out = CALL_DONE;
    if (!issue_possible(c, s->pool_id, "planning IPAM Allocation Set"))
        return false;
    for (size_t i = 0; i < s->count; i++) {
        const struct set_entry *entry = &s->items[i];
        struct refusal why;
        if (entry->kept || entry->open)
            continue;
        struct allocation_request r = request_of(c, s, &common, entry);
        enum engine_result result = engine_check_allocate(e, &r, false, &why);
        if (!entry_said_yes(c, result, "planning", entry, &why, out))
            return false;
    }
    return true;
}

/* An entry for which no block was found beside the other requests of the set. */
static enum outcome refuse_full(struct call *c, const struct set_choice *s,
                                const struct set_entry *e, const char *what)
{
    if (!c->last_attempt && !c->stopping)
        return CALL_WAIT;
    diag_error(c->diags, set_entry_path(c->arena, e, "netmask_length"),
               arena_printf(c->arena, "%s: InvalidParameterValue", doing(c, what, e->key)),
               "The allocation size is too big for the pool: a /%d fits into %s, but not beside "
               "the other requests of the set. A block is aligned to its size and never overlaps "
               "another. Ask for smaller blocks, release what is not needed, or provision another "
               "CIDR to the pool.",
               e->length, pool_name(c, s->pool_id));
    return CALL_DONE;
}

/* Of those without a block the largest: if that one can still get space that comes or is freed in
 * this run, the plan leaves it open. */
static bool check_fit(struct call *c, const struct set_choice *s, const T *row, enum outcome *out)
{
    const struct set_entry *largest = NULL;
    size_t n = 0;
    const size_t *order = set_by_address(c->arena, s);
    struct cidr *beside = arena_calloc(c->arena, s->count, sizeof *beside);
    struct common_request common = common_of(c, row);
    struct refusal why;
    *out = CALL_DONE;
    for (size_t i = 0; i < s->count; i++) {
        const struct set_entry *e = &s->items[order[i]];
        if (e->open)
            return true;
        if (cidr_is_set(&e->cidr))
            beside[n++] = e->cidr;
        else if (!largest || e->length < largest->length)
            largest = e;
    }
    if (!largest)
        return true;
    struct engine *e = estate_of(c)->engine;
    struct allocation_request r = request_of(c, s, &common, largest);
    bool alone = engine_check_allocate(e, &r, false, &why) == ENGINE_OK;
    r.disallowed = beside;
    r.disallowed_count = n;
    enum engine_result result = engine_check_allocate(e, &r, false, &why);
    engine_plan_asked(e, false, NULL, NULL); /* only questions */
    if (!alone || result != ENGINE_REFUSED || why.code != REFUSAL_NO_SPACE)
        return true;
    *out = refuse_full(c, s, largest, "planning");
    return false;
}

/* Others keep off what this plan shows, as far as they can. In address order: see engine. */
static void announce(struct call *c, const struct set_choice *s)
{
    const size_t *order = set_by_address(c->arena, s);
    for (size_t i = 0; i < s->count; i++) {
        const struct set_entry *e = &s->items[order[i]];
        if (!cidr_is_set(&e->cidr))
            return;
        if (!e->kept &&
            engine_plan_intent(estate_of(c)->engine, s->pool_id, &e->cidr) != ENGINE_OK) {
            report_no_memory(c, "planning IPAM Allocation Set");
            return;
        }
    }
}

/* So do they in the apply. */
static void foretell(struct call *c, const struct change *ch, const struct set_choice *s)
{
    struct cidr *new = arena_calloc(c->arena, s->count, sizeof *new);
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        if (!s->items[i].kept && cidr_is_set(&s->items[i].cidr))
            new[count++] = s->items[i].cidr;
    forecast_wish_all(c, ch, "ipam_pool_id", new, count);
}

static void show(struct call *c, struct change *ch, const struct set_choice *s)
{
    planned_set(c, ch, "cidrs", set_cidrs(c->arena, s));
    planned_set(c, ch, "allocations", set_allocations(c->arena, s));
}

static enum outcome plan_entries(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->planned, &row);
    if (row.requests.is == UNKNOWN || row.short_requests.is == UNKNOWN) {
        planned_set(c, ch, "cidrs", &value_unknown);
        planned_set(c, ch, "allocations", &value_unknown);
        return CALL_DONE;
    }
    const struct set_requests requests = requests_of(&row);
    struct set_choice s = set_compare(c, value_str(value_get(ch->prior, "id"), ""), row.pool_id.v,
                                      &requests, value_get(ch->prior, "cidrs"));
    for (size_t i = 0; i < s.gone_count; i++)
        engine_plan_leave(estate_of(c)->engine, s.gone[i]);
    if (s.gone_count > 0)
        call_progress(c);
    /* Terraform 1.16 keeps what is chosen with a look at the whole plan, see plan_ahead.c. */
    bool chooses = row.pool_id.is == KNOWN && !c->client.store_planned_private;
    if (chooses && !set_choose(c, &s, true))
        return CALL_DONE;
    show(c, ch, &s);
    foretell(c, ch, &s);
    if (row.pool_id.is == KNOWN && (!chooses || check_fit(c, &s, &row, &out)) &&
        check_entries(c, &s, &row, &out))
        announce(c, &s);
    return out;
}

static bool is_changed(const struct change *ch)
{
    static const char *const names[] = {"requests", "short_requests", "tags_all"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!value_equal(NULL, value_get(ch->prior, names[i]), value_get(ch->planned, names[i])))
            return true;
    return false;
}

static enum outcome plan(struct call *c, struct change *ch)
{
    if (ch->kind != CHANGE_DELETE)
        plan_common(c, ch);
    if (ch->kind == CHANGE_CREATE)
        planned_set(c, ch, "owner_id", value_string(c->arena, estate_of(c)->account_id));
    plan_departure(c, ch, &allocation_set_resource);
    if (ch->kind == CHANGE_CREATE ||
        (ch->kind == CHANGE_UPDATE && ch->replace.count == 0 && is_changed(ch)))
        return plan_entries(c, ch);
    return CALL_DONE;
}

/* --- applying --- */

/* One change of a set, in the order in which it is made. */
struct step {
    struct call *call;
    const struct set_choice *set;
    const char *what;                          /* "creating", for messages */
    const size_t *order;                       /* of the entries, by address */
    const struct allocation_request *requests; /* of the entries */
    struct allocation_request *gone;           /* what is given back, as it was */
    size_t gone_count;
    size_t released, passed; /* how far it got; entries count from the end of the order */
};

static struct allocation_request copy_of(struct arena *a, const struct allocation *x)
{
    struct tag *tags = arena_calloc(a, x->tags.count, sizeof *tags);
    for (size_t i = 0; i < x->tags.count; i++)
        tags[i] = (struct tag){arena_strdup(a, x->tags.items[i].key),
                               arena_strdup(a, x->tags.items[i].value)};
    return (struct allocation_request){
        .id = arena_strdup(a, x->id),
        .pool_id = arena_strdup(a, pool_info(x->pool)->id),
        .type = x->type,
        .cidr = x->cidr,
        .length = -1,
        .resource_id = arena_strdup(a, x->resource_id),
        .owner = arena_strdup(a, x->owner),
        .region = arena_strdup(a, x->region),
        .description = arena_strdup(a, x->description),
        .tags = {tags, x->tags.count},
    };
}

static struct step step_new(struct call *c, const struct set_choice *s, const char *what)
{
    struct step t = {.call = c, .set = s, .what = what, .order = set_by_address(c->arena, s)};
    t.gone = arena_calloc(c->arena, s->gone_count, sizeof *t.gone);
    for (size_t i = 0; i < s->gone_count; i++) {
        const struct allocation *a = engine_allocation(estate_of(c)->engine, s->gone[i]);
        if (a) /* else removed by a cascade */
            t.gone[t.gone_count++] = copy_of(c->arena, a);
    }
    return t;
}

/* The entry that is taken as the nth. From the highest address down: lists in the engine are cut at
 * their end. */
static size_t nth(const struct step *t, size_t n)
{
    return t->order[t->set->count - 1 - n];
}

static const char *doing_set(const struct step *t)
{
    return arena_printf(t->call->arena, "%s IPAM Allocation Set", t->what);
}

/* What is given back first, then what is new: on the engine alone. */
static bool rehearse(struct step *t, enum outcome *out)
{
    struct engine *e = estate_of(t->call)->engine;
    struct refusal why;
    for (; t->released < t->gone_count; t->released++) {
        enum engine_result r = engine_release(e, t->gone[t->released].id, &why);
        if (!engine_said_yes(t->call, r, doing_set(t), &why, NULL, out))
            return false;
    }
    for (; t->passed < t->set->count; t->passed++) {
        const struct set_entry *entry = &t->set->items[nth(t, t->passed)];
        const struct allocation *taken;
        if (entry->kept)
            continue;
        enum engine_result r = engine_allocate(e, &t->requests[nth(t, t->passed)], &taken, &why);
        if (!entry_said_yes(t->call, r, t->what, entry, &why, out))
            return false;
    }
    return true;
}

/* The same for good, with claims. */
static bool perform(struct step *t, enum outcome *out)
{
    *out = CALL_DONE;
    for (; t->released < t->gone_count; t->released++)
        if (!issue_release(t->call, t->gone[t->released].id, doing_set(t), out))
            return false;
    for (; t->passed < t->set->count; t->passed++)
        if (!t->set->items[nth(t, t->passed)].kept &&
            !issue_allocate(t->call, &t->requests[nth(t, t->passed)], doing_set(t), NULL, out))
            return false;
    return true;
}

/* Puts everything back as it was. `claimed`: performed, not only rehearsed. */
static void put_back(struct step *t, bool claimed)
{
    struct engine *e = estate_of(t->call)->engine;
    struct refusal why;
    bool complete = true;
    for (size_t i = 0; i < t->passed; i++) {
        const struct set_entry *entry = &t->set->items[nth(t, i)];
        if (!entry->kept && claimed)
            issue_undo(t->call, &t->requests[nth(t, i)]);
        else if (!entry->kept)
            complete = engine_release(e, entry->id, &why) == ENGINE_OK && complete;
    }
    for (size_t i = 0; i < t->released; i++)
        complete = engine_load_allocation(e, &t->gone[i]) == ENGINE_OK && complete;
    if (!complete || engine_settle(e) != ENGINE_OK)
        report_no_memory(t->call, doing_set(t));
    t->released = t->passed = 0;
}

/* All or nothing: the whole change is tried on the engine first, so that what can be refused or has
 * to wait is known before anything is noted for others. */
static bool change(struct step *t, enum outcome *out)
{
    if (t->gone_count == 0 && t->set->count == 0)
        return true;
    bool possible = rehearse(t, out);
    put_back(t, false);
    if (!possible || t->call->diags->errors)
        return false;
    bool done = perform(t, out);
    if (!done)
        put_back(t, true);
    return done;
}

/* New words for what stays. */
static bool retag(struct call *c, const struct set_choice *s,
                  const struct allocation_request *requests, const T *prior, const T *row,
                  enum outcome *out)
{
    const struct set_requests before = requests_of(prior);
    bool all = !value_equal(NULL, prior->common.tags_all.v, row->common.tags_all.v);
    *out = CALL_DONE;
    for (size_t i = 0; i < s->count; i++) {
        const struct set_entry *e = &s->items[i];
        struct refusal why;
        if (!e->kept || !engine_allocation(estate_of(c)->engine, e->id) ||
            (!all && value_equal(NULL, set_request(c->arena, &before, e->key), e->request)))
            continue;
        enum engine_result r = engine_retag(estate_of(c)->engine, e->id, &requests[i].tags,
                                            requests[i].description, &why);
        if (!entry_said_yes(c, r, "updating", e, &why, out))
            return false;
    }
    return true;
}

/* Everything that the row asks for, or nothing. */
static enum outcome make(struct call *c, struct change *ch, T *row, const char *what,
                         const struct value **state)
{
    T prior = {0};
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->prior, &prior);
    if (!issue_begin(c, row->pool_id.v, arena_printf(c->arena, "%s IPAM Allocation Set", what),
                     &out))
        return out;
    const struct set_requests requested = requests_of(row);
    struct set_choice s =
        set_compare(c, row->common.id.v, row->pool_id.v, &requested, prior.cidrs.v);
    set_take_planned(c, &s, row->cidrs.v);
    if (!set_choose(c, &s, false))
        return CALL_DONE;
    struct common_request common = common_of(c, row);
    struct allocation_request *requests = arena_calloc(c->arena, s.count, sizeof *requests);
    for (size_t i = 0; i < s.count; i++) {
        if (!cidr_is_set(&s.items[i].cidr)) {
            struct allocation_request r = request_of(c, &s, &common, &s.items[i]);
            struct refusal why;
            struct cidr block;
            enum engine_result result =
                engine_pick_allocation(estate_of(c)->engine, &r, &block, &why);
            if (entry_said_yes(c, result, what, &s.items[i], &why, &out))
                out = refuse_full(c, &s, &s.items[i], what);
            return out;
        }
        requests[i] = request_of(c, &s, &common, &s.items[i]);
    }
    struct step t = step_new(c, &s, what);
    t.requests = requests;
    field_set_value(&row->cidrs, set_cidrs(c->arena, &s));
    field_set_value(&row->allocations, set_allocations(c->arena, &s));
    const struct value *made = schema_encode(c->arena, &schema, row, ch->planned);
    if (!retag(c, &s, requests, &prior, row, &out) || !change(&t, &out))
        return out;
    issue_end(c);
    *state = made;
    call_progress(c);
    return CALL_DONE;
}

static enum outcome create(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    schema_decode(&schema, ch->planned, &row);
    c->patience_ms = timeout_ms(ch->planned, "create", CALL_PATIENCE_MS);
    if (row.common.id.is != KNOWN)
        field_set_string(&row.common.id, id_new(c, "ipam-alloc-set-", ID_DIGITS));
    if (row.common.id.is != KNOWN)
        return CALL_DONE;
    return make(c, ch, &row, "creating", state);
}

static enum outcome update(struct call *c, struct change *ch, const struct value **state)
{
    T row = {0};
    schema_decode(&schema, ch->planned, &row);
    c->patience_ms = timeout_ms(ch->planned, "update", CALL_PATIENCE_MS);
    return make(c, ch, &row, "updating", state);
}

static enum outcome destroy(struct call *c, struct change *ch)
{
    T row = {0};
    enum outcome out = CALL_DONE;
    schema_decode(&schema, ch->prior, &row);
    const struct set_requests none = {&value_null, &value_null};
    struct set_choice s = set_compare(c, row.common.id.v, row.pool_id.v, &none, row.cidrs.v);
    c->patience_ms = timeout_ms(ch->prior, "delete", CALL_PATIENCE_MS);
    struct step t = step_new(c, &s, "deleting");
    if (change(&t, &out))
        call_progress(c);
    return out;
}

/* --- reading --- */

#define FINDINGS_MAX 8

/* The engine's record of one key; NULL: unknown. */
static const struct allocation *record_of(struct call *c, const T *row,
                                          const struct value_member *m)
{
    const char *text = value_str(m->value, "");
    struct cidr cidr;
    if (cidr_parse(text, strlen(text), &cidr) != CIDR_OK)
        return NULL;
    return engine_allocation(estate_of(c)->engine,
                             set_allocation_id(c->arena, row->pool_id.v, m->key, &cidr));
}

static enum outcome read(struct call *c, const struct value **state, struct bytes *private)
{
    (void)private;
    const struct engine *e = estate_of(c)->engine;
    T row = {0};
    schema_decode(&schema, *state, &row);
    size_t count = row.cidrs.is == KNOWN ? row.cidrs.v->map.count : 0, reported = 0;
    const struct value_member *members = count ? row.cidrs.v->map.members : NULL;
    bool known = true;
    for (size_t i = 0; i < count && known; i++)
        known = record_of(c, &row, &members[i]) != NULL;
    if (!known && !estate_learn(c, &allocation_set_resource, *state))
        return CALL_DONE;
    for (size_t i = 0; i < count && reported < FINDINGS_MAX; i++) {
        struct finding found[FINDINGS_MAX];
        const struct allocation *a = record_of(c, &row, &members[i]);
        size_t n = a ? engine_audit_allocation(e, a, found, FINDINGS_MAX) : 0;
        n = n < FINDINGS_MAX ? n : FINDINGS_MAX;
        report_findings(c,
                        arena_printf(c->arena, "IPAM Allocation Set %s, \"%.100s\",",
                                     row.common.id.v, members[i].key),
                        found, n);
        reported += n;
    }
    return CALL_DONE;
}

/* --- importing --- */

static void report_import(struct call *c, const char *problem)
{
    diag_error(c->diags, NULL, "importing IPAM Allocation Set: invalid id",
               "%s. The import id names the pool and what is in use there: <pool id>;<key>=<cidr>;"
               "<key>=<cidr>... A key with = or ; in it cannot be imported.",
               problem);
}

/* One `key=cidr`; false after an error. */
static bool import_entry(struct call *c, const char *text, size_t n, struct value_member *request)
{
    const char *equals = memchr(text, '=', n);
    struct cidr cidr;
    if (!equals || equals == text ||
        cidr_parse(equals + 1, n - (size_t)(equals + 1 - text), &cidr) != CIDR_OK) {
        report_import(c, arena_printf(c->arena,
                                      "\"%.*s\" is not a key, =, and a CIDR in canonical form",
                                      n < 100 ? (int)n : 100, text));
        return false;
    }
    const char *cidr_text = arena_strndup(c->arena, equals + 1, n - (size_t)(equals + 1 - text));
    const struct value_member one[] = {{"cidr", value_string(c->arena, cidr_text)},
                                       {"netmask_length", &value_null},
                                       {"description", &value_null},
                                       {"tags", &value_null}};
    request->key = arena_strndup(c->arena, text, (size_t)(equals - text));
    request->value = value_map(c->arena, one, 4);
    return true;
}

static const struct value *import_requests(struct call *c, const char *text)
{
    size_t capacity = 1, count = 0;
    for (const char *p = text; *p; p++)
        capacity += *p == ';';
    struct value_member *members = arena_calloc(c->arena, capacity, sizeof *members);
    while (*text) {
        size_t n = strcspn(text, ";");
        if (n > 0 && !import_entry(c, text, n, &members[count++]))
            return NULL;
        text += n + (text[n] == ';');
    }
    const char *twice = NULL;
    const struct value *requests = value_map_take(c->arena, members, count, &twice);
    if (!requests)
        report_import(c, arena_printf(c->arena, "The key \"%.100s\" occurs twice", twice));
    return requests;
}

static enum outcome import(struct call *c, const char *text, const struct value **state,
                           struct bytes *private)
{
    T row = {0};
    const char *region, *id = import_split(c, text, &region);
    size_t n = strcspn(id, ";");
    if (id_has_form(id, "ipam-alloc-set-") &&
        ((*state = import_known(c, &allocation_set_resource, id, region)) || c->diags->errors))
        return CALL_DONE;
    field_set_string(&row.pool_id, arena_strndup(c->arena, id, n));
    if (!id_has_form(row.pool_id.v, "ipam-pool-")) {
        report_import(c,
                      arena_printf(c->arena, "\"%.100s\" is not the id of a pool", row.pool_id.v));
        return CALL_DONE;
    }
    const struct value *requests = import_requests(c, id + n);
    field_set_string(&row.common.id, id_new(c, "ipam-alloc-set-", ID_DIGITS));
    if (!requests || row.common.id.is != KNOWN)
        return CALL_DONE;
    const struct set_requests requested = {requests, &value_null};
    struct set_choice s = set_compare(c, row.common.id.v, row.pool_id.v, &requested, &value_null);
    field_set_value(&row.requests, requests);
    field_set_value(&row.short_requests, &value_null);
    field_set_value(&row.cidrs, set_cidrs(c->arena, &s));
    field_set_value(&row.allocations, set_allocations(c->arena, &s));
    field_set_value(&row.common.tags_all, tags_merged(c, &value_null));
    field_set_string(&row.owner, estate_of(c)->account_id);
    field_set_string(&row.common.region, region ? region : estate_of(c)->region);
    *state =
        import_blank(c, &allocation_set_resource, schema_encode(c->arena, &schema, &row, NULL));
    *private = import_settled();
    return CALL_DONE;
}

/* --- loading --- */

const char *depart_set(const struct facts *f)
{
    const char *id = fact_string(f, "id");
    return id ? arena_printf(f->arena, "e %s\n", id) : "";
}

struct loading {
    struct engine *engine;
    const struct facts *set;
    const char **problem;
    struct tags tags;
    enum load_result result;
};

static bool load_entry(void *ctx, const char *key, const char *text)
{
    struct loading *l = ctx;
    struct facts request;
    struct allocation_request r = {
        .pool_id = fact_string(l->set, "ipam_pool_id"),
        .type = ALLOCATION_CUSTOM,
        .length = -1,
        .resource_id = set_resource_id(l->set->arena, fact_string(l->set, "id"), key),
        .owner = fact_string(l->set, "owner_id"),
        .region = fact_string(l->set, "region"),
        .tags = l->tags,
    };
    if (!text || cidr_parse(text, strlen(text), &r.cidr) != CIDR_OK) {
        *l->problem = arena_printf(l->set->arena, "cidrs[\"%.100s\"] is not a CIDR", key);
        l->result = LOAD_MALFORMED;
        return false;
    }
    r.id = set_allocation_id(l->set->arena, r.pool_id, key, &r.cidr);
    if (fact_member(l->set, "requests", key, &request)) {
        r.description = fact_string(&request, "description");
        r.tags = merge_tags(l->set->arena, l->tags, fact_tags(&request, "tags"));
    }
    const struct allocation *twin = engine_allocation(l->engine, r.id);
    if (twin && strcmp(twin->resource_id, r.resource_id) != 0)
        r.id = NULL; /* the same key and CIDR in two sets: both are kept, as a conflict */
    l->result = load_result_of(engine_load_allocation(l->engine, &r));
    return l->result == LOAD_OK;
}

enum load_result load_set(struct engine *e, const struct facts *f, const char **problem)
{
    struct loading l = {.engine = e, .set = f, .problem = problem, .result = LOAD_OK};
    if (!fact_string(f, "id") || !fact_string(f, "ipam_pool_id")) {
        *problem = "id or ipam_pool_id is missing";
        return LOAD_MALFORMED;
    }
    l.tags = fact_tags(f, "tags_all");
    fact_each(f, "cidrs", load_entry, &l);
    return l.result;
}

const struct resource allocation_set_resource = {
    .names = (const char *const[]){"ipam_allocation_set", NULL},
    .schema = &schema,
    .summary = "Reservations of one pool for a map of requests, shown in the plan.",
    .validate = validate,
    .plan = plan,
    .create = create,
    .update = update,
    .destroy = destroy,
    .read = read,
    .import = import,
    .upgrade = upgrade_state,
};
