/*
 * Tests of schema_plan. First each rule by hand on small cases; then random configurations and
 * prior states against the rules themselves: Terraform's rules for a plan, the replacements that
 * follow from them, and that a plan which was applied is quiet the next time.
 *
 * A random run prints its seed; TEST_SEED=<seed> repeats it.
 */
#include "proto/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proto/schema_testing.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* ---- the table ---- */

#define R  ATTR_REQUIRED
#define O  ATTR_OPTIONAL
#define C  ATTR_COMPUTED
#define OC (ATTR_OPTIONAL | ATTR_COMPUTED)
#define RE ATTR_REPLACE
/* The rest begins with the flags, in blocks with the table. */
#define A(n, t, ...)                                                                               \
    {                                                                                              \
        .name = (n), .type = (t), .description = "D.", .flags = __VA_ARGS__                        \
    }
#define N(n, nest, b, ...)                                                                         \
    {                                                                                              \
        .name = (n), .nested = (b), .nesting = (nest), .description = "D.", .flags = __VA_ARGS__   \
    }
#define B(n, nest, ...)                                                                            \
    {                                                                                              \
        .name = (n), .nesting = (nest), .description = "D.", .block = __VA_ARGS__                  \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const struct block item = {
    .attributes = (const struct attribute[]){
        A("key", &type_string, R | RE), A("note", &type_string, O),
        A("kind", &type_string, OC | RE, .fallback = DEFAULT_STRING("plain")),
        A("cost", &type_number, OC), A("id", &type_string, C), END}};

/* Nothing but what may be either given or computed, as with `cidr` and `netmask_length`. */
static const struct block choice = {
    .attributes = (const struct attribute[]){A("cidr", &type_string, OC),
                                             A("prefix", &type_number, OC), END}};

static const struct block plain = {
    .attributes =
        (const struct attribute[]){A("key", &type_string, R), A("level", &type_number, O), END}};

static const struct block outer = {
    .attributes =
        (const struct attribute[]){A("used", &type_number, C), A("max", &type_number, O), END},
    .blocks = (const struct nested_block[]){B("inner", NESTING_LIST, &item), END}};

static const struct schema table = {
    .block = {.attributes =
                  (const struct attribute[]){
                      A("name", &type_string, R | RE),
                      A("description", &type_string, OC, .fallback = DEFAULT_STRING("")),
                      A("locale", &type_string, OC | RE, .fallback = DEFAULT_STRING("None")),
                      A("zone", &type_string, O | RE), A("cidr", &type_string, OC | RE),
                      A("count_of", &type_number, OC, .fallback = DEFAULT_INT(2)),
                      A("flag", &type_bool, OC, .fallback = DEFAULT_BOOL(true)),
                      A("id", &type_string, C), A("revision", &type_number, C | ATTR_VOLATILE),
                      A("skip", &type_string, O | ATTR_IGNORED), A("tags", &type_map_string, O),
                      A("peers", &type_set_string, OC, .fallback = DEFAULT_EMPTY),
                      A("any", &type_dynamic, O), N("single", NESTING_SINGLE, &item, O),
                      N("steps", NESTING_LIST, &item, OC),
                      N("byname", NESTING_MAP, &item, OC, .fallback = DEFAULT_EMPTY),
                      N("choices", NESTING_SET, &choice, O),
                      N("fixed", NESTING_LIST, &plain, O | RE), END},
              .blocks = (const struct nested_block[]){
                  B("member", NESTING_SET, &item), B("disk", NESTING_LIST, &item),
                  B("limits", NESTING_SINGLE, &outer),
                  B("origin", NESTING_LIST, &plain, .flags = RE), B("place", NESTING_SET, &plain),
                  END}}};

/* ---- Terraform's part, as its documentation of the protocol tells it ---- */

/* Has it an argument that only a configuration can have set? */
static bool holds_configured(enum nesting nesting, const struct block *b, const struct value *v)
{
    bool found = false;
    if (nesting == NESTING_MAP) {
        for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count; i++)
            found = found || holds_configured(NESTING_SINGLE, b, v->map.members[i].value);
    } else if (nesting != NESTING_SINGLE) {
        for (size_t i = 0; v->kind == VALUE_SEQ && i < v->seq.count; i++)
            found = found || holds_configured(NESTING_SINGLE, b, v->seq.items[i]);
    } else {
        for (const struct attribute *at = b->attributes; at && at->name; at++)
            found = found || ((at->flags & OC) == O && !value_is_null(value_get(v, at->name)));
    }
    return found;
}

static const struct value *merge(const struct block *b, const struct value *prior,
                                 const struct value *config);

static const struct value *merge_nest(enum nesting nesting, const struct block *b,
                                      const struct value *prior, const struct value *config)
{
    if (!value_is_known(config) || nesting == NESTING_SET)
        return config;
    if (nesting == NESTING_SINGLE)
        return merge(b, prior, config);
    const struct value *result = config;
    if (config->kind == VALUE_MAP) {
        for (size_t i = 0; i < config->map.count; i++) {
            const char *key = config->map.members[i].key;
            result = value_set(arena, result, key,
                               merge(b, value_get(prior, key), config->map.members[i].value));
        }
        return result;
    }
    if (config->kind != VALUE_SEQ)
        return config;
    const struct value **items = arena_calloc(arena, config->seq.count, sizeof *items);
    for (size_t i = 0; i < config->seq.count; i++)
        items[i] = merge(
            b, prior->kind == VALUE_SEQ && i < prior->seq.count ? prior->seq.items[i] : NOTHING,
            config->seq.items[i]);
    return value_seq(arena, items, config->seq.count);
}

static const struct value *merge(const struct block *b, const struct value *prior,
                                 const struct value *config)
{
    if (config->kind != VALUE_MAP)
        return config;
    const struct value *result = config;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        const struct value *c = value_get(config, at->name), *p = value_get(prior, at->name);
        if (value_is_null(c) && (at->flags & C) &&
            !(at->nested && (at->flags & O) && holds_configured(at->nesting, at->nested, p)))
            c = p;
        else if (at->nested)
            c = merge_nest(at->nesting, at->nested, p, c);
        result = value_set(arena, result, at->name, c);
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++)
        result = value_set(arena, result, nb->name,
                           merge_nest(nb->nesting, nb->block, value_get(prior, nb->name),
                                      value_get(config, nb->name)));
    return result;
}

struct planned {
    const struct value *value;
    struct path_list replace;
};

static struct planned plan_with(const struct schema *s, const struct value *prior,
                                const struct value *config)
{
    struct planned p = {0};
    schema_plan(arena, s, prior, config, merge(&s->block, prior, config), &p.value, &p.replace);
    return p;
}

static struct planned plan(const struct value *prior, const struct value *config)
{
    return plan_with(&table, prior, config);
}

/* ---- by hand ---- */

static const struct value *full(const struct value *v)
{
    return complete(arena, &table.block, v);
}

static const struct value *an_item(const struct value *v)
{
    return complete(arena, &item, v);
}

static bool is_unknown(const struct value *object, const char *name)
{
    return value_is_unknown(value_get(object, name));
}

static const char *text_of(const struct value *object, const char *name)
{
    return value_str(value_get(object, name), "(none)");
}

static bool same(const struct value *a, const struct value *b)
{
    return value_equal(schema_type(arena, &table), a, b);
}

/* ".name .disk[0].key" in the order of the table */
static void assert_replaces(const struct planned *p, const char *expected)
{
    const char *text = "";
    for (size_t i = 0; i < p->replace.count; i++)
        text = arena_printf(arena, "%s%s%s", text, i ? " " : "",
                            path_describe(arena, p->replace.items[i]));
    assert_string_equal(text, expected);
}

/* A state such as an apply leaves. */
static const struct value *a_state(void)
{
    return full(OBJECT("name", STR("n"), "description", STR(""), "locale", STR("None"), "cidr",
                       STR("10.0.0.0/24"), "count_of", NUM(2), "flag", YES, "id", STR("id-1"),
                       "revision", NUM(1), "peers", EMPTY_LIST, "byname", value_map(arena, NULL, 0),
                       "steps", NOTHING));
}

static const struct value *with(const struct value *v, const char *name, const struct value *m)
{
    return value_set(arena, v, name, m);
}

static void test_create(void **state)
{
    (void)state;
    struct value refined = {.kind = VALUE_UNKNOWN,
                            .refinement = {(const uint8_t *)"\x81\x01\xc2", 3}};
    struct planned p =
        plan(NOTHING, full(OBJECT("name", &refined, "count_of", NUM(7), "skip", NOTHING, "single",
                                  an_item(OBJECT("key", STR("k"), "cost", UNKNOWN_VALUE)))));
    assert_ptr_equal(value_get(p.value, "name"), &refined);
    assert_string_equal(text_of(p.value, "description"), "");
    assert_string_equal(text_of(p.value, "locale"), "None");
    assert_true(value_truth(value_get(p.value, "flag"), false));
    assert_true(value_is_null(value_get(p.value, "zone")));
    assert_true(is_unknown(p.value, "cidr"));
    assert_true(is_unknown(p.value, "id"));
    assert_true(is_unknown(p.value, "revision"));
    assert_true(is_unknown(p.value, "steps"));
    assert_true(value_is_null(value_get(p.value, "skip")));
    int64_t i = 0;
    assert_true(value_as_int(value_get(p.value, "count_of"), &i) && i == 7);
    assert_int_equal(value_get(p.value, "peers")->kind, VALUE_SEQ);
    assert_int_equal(value_get(p.value, "byname")->kind, VALUE_MAP);
    const struct value *single = value_get(p.value, "single");
    assert_string_equal(text_of(single, "kind"), "plain");
    assert_true(is_unknown(single, "id"));
    assert_true(is_unknown(single, "cost"));
    assert_true(value_is_null(value_get(single, "note")));
    assert_replaces(&p, "");
}

static void test_quiet(void **state)
{
    (void)state;
    struct planned p = plan(a_state(), full(OBJECT("name", STR("n"))));
    assert_true(same(p.value, a_state()));
    assert_replaces(&p, "");
    /* What the configuration gave once and gives no more stays, if it has no default. */
    const struct value *prior = with(a_state(), "count_of", NUM(9));
    p = plan(prior, full(OBJECT("name", STR("n"))));
    int64_t i = 0;
    assert_true(value_as_int(value_get(p.value, "count_of"), &i) && i == 2);
    assert_string_equal(text_of(p.value, "cidr"), "10.0.0.0/24");
}

static void test_volatile(void **state)
{
    (void)state;
    struct planned p =
        plan(a_state(), full(OBJECT("name", STR("n"), "description", STR("changed"))));
    assert_true(is_unknown(p.value, "revision"));
    assert_string_equal(text_of(p.value, "id"), "id-1");
    /* A block is something else, too; so is an argument that has gone. */
    p = plan(a_state(), full(OBJECT("name", STR("n"), "place",
                                    LIST(complete(arena, &plain, OBJECT("key", STR("a")))))));
    assert_true(is_unknown(p.value, "revision"));
    p = plan(with(a_state(), "tags", OBJECT("a", STR("b"))), full(OBJECT("name", STR("n"))));
    assert_true(is_unknown(p.value, "revision"));
    p = plan(with(a_state(), "revision", NOTHING), full(OBJECT("name", STR("n"))));
    assert_true(value_is_null(value_get(p.value, "revision")));
}

static void test_replace(void **state)
{
    (void)state;
    struct planned p = plan(a_state(), full(OBJECT("name", STR("m"), "zone", STR("z"))));
    assert_replaces(&p, ".name .zone");
    p = plan(a_state(), full(OBJECT("name", UNKNOWN_VALUE, "cidr", UNKNOWN_VALUE)));
    assert_replaces(&p, ".name .cidr");
    p = plan(with(a_state(), "zone", STR("z")), full(OBJECT("name", STR("n"))));
    assert_replaces(&p, ".zone");
    p = plan(a_state(), full(OBJECT("name", STR("n"), "locale", STR("eu"))));
    assert_replaces(&p, ".locale");
    p = plan(with(a_state(), "locale", STR("eu")), full(OBJECT("name", STR("n"))));
    assert_replaces(&p, ".locale");
    p = plan(a_state(), full(OBJECT("name", STR("n"), "cidr", STR("10.0.0.0/24"))));
    assert_replaces(&p, "");
}

/* Imported or foreign state: null where the default would be. An update, no replacement. */
static void test_null_is_the_default(void **state)
{
    (void)state;
    const struct value *prior = with(with(a_state(), "locale", NOTHING), "origin", NOTHING);
    prior = with(prior, "disk", LIST(an_item(OBJECT("key", STR("k"), "id", STR("d")))));
    const struct value *disk = LIST(an_item(OBJECT("key", STR("k"))));
    struct planned p = plan(prior, full(OBJECT("name", STR("n"), "disk", disk)));
    assert_string_equal(text_of(p.value, "locale"), "None");
    assert_int_equal(value_get(p.value, "origin")->kind, VALUE_SEQ);
    assert_string_equal(text_of(value_get(p.value, "disk")->seq.items[0], "kind"), "plain");
    assert_true(is_unknown(p.value, "revision"));
    assert_replaces(&p, "");
    p = plan(prior, full(OBJECT("name", STR("n"), "locale", STR("None"), "disk", disk)));
    assert_replaces(&p, "");
    p = plan(prior, full(OBJECT("name", STR("n"), "locale", STR("eu"), "disk", disk)));
    assert_replaces(&p, ".locale");
}

static void test_ignored(void **state)
{
    (void)state;
    struct planned p = plan(with(a_state(), "skip", STR("old")), full(OBJECT("name", STR("n"))));
    assert_true(value_is_null(value_get(p.value, "skip")));
    p = plan(a_state(), full(OBJECT("name", STR("n"), "skip", STR("new"))));
    assert_string_equal(text_of(p.value, "skip"), "new");
    assert_replaces(&p, "");
}

static const struct value *disk_state(const char *key, const char *id)
{
    return an_item(OBJECT("key", STR(key), "kind", STR("plain"), "cost", NUM(1), "id", STR(id)));
}

static const struct value *keyed(const char *key)
{
    return an_item(OBJECT("key", STR(key)));
}

static void test_list(void **state)
{
    (void)state;
    const struct value *prior =
        with(a_state(), "disk", LIST(disk_state("a", "1"), disk_state("b", "2")));
    struct planned p =
        plan(prior, full(OBJECT("name", STR("n"), "disk", LIST(keyed("a"), keyed("b")))));
    assert_true(same(p.value, prior));
    /* By index, whatever stands there. */
    p = plan(prior, full(OBJECT("name", STR("n"), "disk", LIST(keyed("a"), keyed("c")))));
    assert_string_equal(text_of(value_get(p.value, "disk")->seq.items[1], "id"), "2");
    assert_replaces(&p, ".disk[1].key");
    /* A new one; one less. */
    p = plan(prior,
             full(OBJECT("name", STR("n"), "disk", LIST(keyed("a"), keyed("b"), keyed("c")))));
    assert_true(is_unknown(value_get(p.value, "disk")->seq.items[2], "id"));
    assert_replaces(&p, ".disk[2].key .disk[2].kind");
    p = plan(prior, full(OBJECT("name", STR("n"), "disk", LIST(keyed("a")))));
    assert_replaces(&p, ".disk[1].key .disk[1].kind");
    /* The other attributes call for no replacement. */
    p = plan(prior, full(OBJECT("name", STR("n"), "disk",
                                LIST(keyed("a"), an_item(OBJECT("key", STR("b"), "note", STR("x"),
                                                                "cost", UNKNOWN_VALUE))))));
    assert_replaces(&p, "");
    assert_true(is_unknown(value_get(p.value, "disk")->seq.items[1], "cost"));
    /* A dynamic block that is not decided. */
    p = plan(prior, full(OBJECT("name", STR("n"), "disk", UNKNOWN_VALUE)));
    assert_true(is_unknown(p.value, "disk"));
    assert_replaces(&p, ".disk");
    p = plan(prior, full(OBJECT("name", STR("n"), "disk", LIST(keyed("a"), UNKNOWN_VALUE))));
    assert_replaces(&p, ".disk[1]");
}

static void test_map_and_single(void **state)
{
    (void)state;
    const struct value *prior = with(
        with(a_state(), "byname", OBJECT("x", disk_state("a", "1"), "y", disk_state("b", "2"))),
        "single", disk_state("s", "3"));
    struct planned p =
        plan(prior, full(OBJECT("name", STR("n"), "byname",
                                OBJECT("y", keyed("b"), "z", keyed("c")), "single", keyed("t"))));
    const struct value *map = value_get(p.value, "byname");
    assert_string_equal(text_of(value_get(map, "y"), "id"), "2");
    assert_true(is_unknown(value_get(map, "z"), "id"));
    assert_string_equal(text_of(value_get(p.value, "single"), "id"), "3");
    assert_replaces(&p, ".single.key .byname[\"z\"].key .byname[\"z\"].kind .byname[\"x\"].key "
                        ".byname[\"x\"].kind");
    p = plan(prior,
             full(OBJECT("name", STR("n"), "byname", UNKNOWN_VALUE, "single", UNKNOWN_VALUE)));
    assert_true(is_unknown(p.value, "byname"));
    assert_replaces(&p, ".single .byname");
    p = plan(prior, full(OBJECT("name", STR("n"), "byname", value_get(prior, "byname"), "single",
                                NOTHING)));
    assert_true(value_is_null(value_get(p.value, "single")));
    assert_replaces(&p, ".single.key .single.kind");
}

static const struct value *find(const struct value *set, const char *key)
{
    for (size_t i = 0; i < set->seq.count; i++) {
        if (strcmp(text_of(set->seq.items[i], "key"), key) == 0)
            return set->seq.items[i];
    }
    return NOTHING;
}

static void test_set(void **state)
{
    (void)state;
    const struct value *prior =
        with(a_state(), "member",
             LIST(disk_state("a", "1"), disk_state("b", "2"), disk_state("c", "3")));
    /* Order is nothing. */
    struct planned p = plan(
        prior, full(OBJECT("name", STR("n"), "member", LIST(keyed("c"), keyed("a"), keyed("b")))));
    assert_true(same(p.value, prior));
    assert_replaces(&p, "");
    /* One goes, one comes, one changes what is not decisive. */
    p = plan(prior, full(OBJECT("name", STR("n"), "member",
                                LIST(an_item(OBJECT("key", STR("b"), "note", STR("x"))), keyed("a"),
                                     keyed("d")))));
    const struct value *set = value_get(p.value, "member");
    assert_int_equal(set->seq.count, 3);
    assert_string_equal(text_of(find(set, "a"), "id"), "1");
    assert_string_equal(text_of(find(set, "b"), "id"), "2");
    assert_string_equal(text_of(find(set, "b"), "note"), "x");
    assert_true(is_unknown(find(set, "d"), "id"));
    assert_replaces(&p, ".member");
    p = plan(prior, full(OBJECT("name", STR("n"), "member",
                                LIST(an_item(OBJECT("key", STR("b"), "note", STR("x"))), keyed("a"),
                                     keyed("c")))));
    assert_replaces(&p, "");
    p = plan(prior, full(OBJECT("name", STR("n"), "member", UNKNOWN_VALUE)));
    assert_replaces(&p, ".member");
}

/* A changed element must not take the place of one that stays as it is. */
static void test_set_best_match(void **state)
{
    (void)state;
    const struct value *prior = with(a_state(), "member",
                                     LIST(an_item(OBJECT("key", STR("a"), "note", STR("p"), "kind",
                                                         STR("plain"), "id", STR("1"))),
                                          an_item(OBJECT("key", STR("a"), "note", STR("q"), "kind",
                                                         STR("plain"), "id", STR("2"))),
                                          an_item(OBJECT("key", STR("b"), "note", STR("q"), "kind",
                                                         STR("plain"), "id", STR("3")))));
    struct planned p =
        plan(prior, full(OBJECT("name", STR("n"), "member",
                                LIST(an_item(OBJECT("key", STR("a"), "note", STR("r"))),
                                     an_item(OBJECT("key", STR("a"), "note", STR("p"))),
                                     an_item(OBJECT("key", STR("b"), "note", STR("q"), "kind",
                                                    STR("fancy")))))));
    const struct value *set = value_get(p.value, "member");
    assert_string_equal(text_of(set->seq.items[0], "id"), "2");
    assert_string_equal(text_of(set->seq.items[1], "id"), "1");
    assert_string_equal(text_of(set->seq.items[2], "id"), "3");
    /* Nothing in common: a new one. */
    p = plan(prior, full(OBJECT("name", STR("n"), "member",
                                LIST(an_item(OBJECT("key", STR("z"), "note", STR("z")))))));
    assert_true(is_unknown(value_get(p.value, "member")->seq.items[0], "id"));
}

static const struct value *a_choice(const char *cidr, int prefix)
{
    return OBJECT("cidr", STR(cidr), "prefix", prefix ? NUM(prefix) : NOTHING);
}

/* Both fit the first prior element, only one of them the other. */
static void test_set_making_room(void **state)
{
    (void)state;
    const struct value *prior = with(a_state(), "choices",
                                     LIST(a_choice("10.0.16.0/20", 20), a_choice("10.0.0.0/20", 20),
                                          a_choice("10.1.0.0/24", 24)));
    const struct value *config =
        full(OBJECT("name", STR("n"), "choices",
                    LIST(a_choice(NULL, 20), a_choice("10.0.16.0/20", 0), a_choice(NULL, 24))));
    struct planned p = plan(prior, config);
    assert_true(same(p.value, prior));
    config = full(OBJECT("name", STR("n"), "choices",
                         LIST(a_choice("10.0.0.0/20", 0), a_choice(NULL, 20), a_choice(NULL, 24),
                              a_choice(NULL, 25))));
    p = plan(prior, config);
    const struct value *last = value_get(p.value, "choices")->seq.items[3];
    assert_true(is_unknown(last, "cidr"));
    assert_string_equal(text_of(value_get(p.value, "choices")->seq.items[1], "cidr"),
                        "10.0.16.0/20");
}

/* Terraform drops a prior object that only a configuration can have made: it is decided anew. */
static void test_dropped_nested(void **state)
{
    (void)state;
    const struct value *config = full(OBJECT("name", STR("n")));
    const struct value *prior = with(
        a_state(), "steps",
        LIST(an_item(OBJECT("key", STR("a"), "kind", STR("plain"), "note", STR("configured")))));
    assert_true(is_unknown(plan(prior, config).value, "steps"));
    prior = with(a_state(), "steps", LIST(disk_state("a", "1")));
    assert_true(same(plan(prior, config).value, prior));
}

static void test_replacing_nests(void **state)
{
    (void)state;
    const struct value *one = complete(arena, &plain, OBJECT("key", STR("a"), "level", NUM(1)));
    const struct value *two = complete(arena, &plain, OBJECT("key", STR("a"), "level", NUM(2)));
    const struct value *prior = with(with(a_state(), "origin", LIST(one)), "fixed", LIST(one));
    struct planned p =
        plan(prior, full(OBJECT("name", STR("n"), "origin", LIST(two), "fixed", LIST(one))));
    assert_replaces(&p, ".origin");
    p = plan(prior, full(OBJECT("name", STR("n"), "origin", LIST(one), "fixed", LIST(two))));
    assert_replaces(&p, ".fixed");
    p = plan(prior,
             full(OBJECT("name", STR("n"), "origin", LIST(one, two), "fixed", UNKNOWN_VALUE)));
    assert_replaces(&p, ".fixed .origin");
    p = plan(prior, full(OBJECT("name", STR("n"), "fixed", LIST(one))));
    assert_replaces(&p, ".origin");
}

static void test_single_block(void **state)
{
    (void)state;
    const struct value *limits =
        complete(arena, &outer, OBJECT("max", NUM(3), "inner", LIST(keyed("a"))));
    const struct value *config = full(OBJECT("name", STR("n"), "limits", limits));
    struct planned p = plan(a_state(), config);
    assert_true(is_unknown(value_get(p.value, "limits"), "used"));
    assert_replaces(&p, ".limits.inner[0].key .limits.inner[0].kind");
    const struct value *prior =
        with(a_state(), "limits",
             complete(arena, &outer,
                      OBJECT("max", NUM(3), "used", NUM(1), "inner", LIST(disk_state("a", "1")))));
    assert_true(same(plan(prior, config).value, prior));
    p = plan(prior, full(OBJECT("name", STR("n"), "limits", UNKNOWN_VALUE)));
    assert_replaces(&p, ".limits");
    p = plan(NOTHING, full(OBJECT("name", STR("n"))));
    assert_true(value_is_null(value_get(p.value, "limits")));
}

/* What no codec would deliver must not crash either. */
static void test_odd_input(void **state)
{
    (void)state;
    struct planned p =
        plan(a_state(), OBJECT("name", LIST(STR("x")), "disk", STR("x"), "single", NUM(1), "byname",
                               LIST(NUM(1)), "member", LIST(NUM(1), NOTHING, UNKNOWN_VALUE)));
    assert_int_equal(p.value->kind, VALUE_MAP);
    p = plan(OBJECT("disk", NUM(1), "member", STR("x"), "byname", NUM(1)),
             full(OBJECT("name", STR("n"), "disk", LIST(keyed("a")), "member", LIST(keyed("a")))));
    assert_true(is_unknown(value_get(p.value, "member")->seq.items[0], "id"));
    p = plan(a_state(), NOTHING);
    assert_true(value_is_null(p.value));
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Large sets: different elements keep their counterparts, alike ones end in good time. */
static void test_large_sets(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    const struct value **was = arena_calloc(arena, COUNT, sizeof *was);
    const struct value **is = arena_calloc(arena, COUNT, sizeof *is);
    for (int i = 0; i < COUNT; i++) {
        const char *key = arena_printf(arena, "k%d", i);
        was[i] = disk_state(key, key);
        is[COUNT - 1 - i] = keyed(key);
    }
    const struct value *prior = with(a_state(), "member", value_seq(arena, was, COUNT));
    double start = seconds();
    struct planned p =
        plan(prior, full(OBJECT("name", STR("n"), "member", value_seq(arena, is, COUNT))));
    assert_true(same(p.value, prior));
    for (int i = 0; i < COUNT; i++) {
        was[i] = a_choice(arena_printf(arena, "c%d", i), 24);
        is[i] = a_choice(arena_printf(arena, "d%d", i), 0);
    }
    prior = with(a_state(), "choices", value_seq(arena, was, COUNT));
    p = plan(prior, full(OBJECT("name", STR("n"), "choices", value_seq(arena, is, COUNT))));
    assert_int_equal(value_get(p.value, "choices")->seq.count, COUNT);
    assert_true(seconds() - start < 10); /* quadratic would be minutes */
}

static void test_path_list(void **state)
{
    (void)state;
    struct path_list l = {0};
    for (int64_t i = 0; i < 100; i++) {
        struct path p = {.kind = PATH_INDEX, .index = i};
        path_list_add(arena, &l, &p);
        p.index = -1; /* a copy was taken */
    }
    assert_int_equal(l.count, 100);
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(l.items[i]->index, i);
}

/* ---- at random ---- */

static uint64_t seed, chance_state;
static unsigned serial;

static unsigned below(unsigned n)
{
    chance_state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = chance_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (unsigned)((z ^ (z >> 31)) % n);
}

/* Of few values, so that things often stay equal. */
static const struct value *random_leaf(const struct type *t)
{
    static const char *const texts[] = {"", "a", "b", "None", "plain"};
    switch (t->kind) {
    case TYPE_BOOL:
        return value_bool(below(2));
    case TYPE_NUMBER:
        return NUM(below(3));
    case TYPE_SET:
        return below(2) ? LIST(STR("a"), STR("b")) : LIST(STR("c"));
    case TYPE_MAP:
        return OBJECT("k", STR(below(2) ? "a" : "b"));
    case TYPE_DYNAMIC:
        return value_dynamic(arena, &type_string, STR(below(2) ? "a" : "b"));
    default:
        return value_string(arena, texts[below(5)]);
    }
}

static const struct value *random_config(const struct block *b, unsigned unknowns);

/* Up to three elements; in sets no two are equal. */
static const struct value *random_nest(enum nesting nesting, const struct block *b,
                                       unsigned unknowns)
{
    static const char *const keys[] = {"x", "y", "z"};
    if (nesting == NESTING_SINGLE)
        return random_config(b, unknowns);
    const struct value *items[3];
    struct value_member members[3];
    size_t n = 0, wanted = below(4);
    struct type set = {.kind = TYPE_SET, .elem = schema_block_type(arena, b)};
    for (size_t i = 0; i < wanted; i++) {
        const struct value *v = random_config(b, unknowns);
        bool twice = false;
        for (size_t k = 0; nesting == NESTING_SET && k < n; k++)
            twice = twice || value_equal(set.elem, items[k], v);
        if (!twice)
            items[n++] = v;
    }
    for (size_t i = 0; i < n; i++)
        members[i] = (struct value_member){keys[i], items[i]};
    return nesting == NESTING_MAP ? value_map(arena, members, n) : value_seq(arena, items, n);
}

/* One attribute in `unknowns` is unknown; 0: none. */
static const struct value *random_config(const struct block *b, unsigned unknowns)
{
    const struct value *v = value_map(arena, NULL, 0);
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        const struct value *m = NOTHING;
        if ((at->flags & O) && below(5) < 2)
            m = NOTHING;
        else if (!(at->flags & (R | O)))
            m = NOTHING;
        else if (unknowns && below(unknowns) == 0)
            m = UNKNOWN_VALUE;
        else
            m = at->nested ? random_nest(at->nesting, at->nested, unknowns) : random_leaf(at->type);
        v = with(v, at->name, m);
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++) {
        const struct value *m = random_nest(nb->nesting, nb->block, unknowns);
        if (unknowns && below(2 * unknowns) == 0)
            m = UNKNOWN_VALUE;
        else if (nb->nesting == NESTING_SINGLE && below(2))
            m = NOTHING;
        v = with(v, nb->name, m);
    }
    return v;
}

/* What an apply would decide: every unknown becomes known, texts are like no other. */
static const struct value *resolve(const struct block *b, const struct value *v);

static const struct value *resolve_nest(enum nesting nesting, const struct block *b,
                                        const struct value *v)
{
    if (value_is_unknown(v)) /* nothing that only a configuration could set */
        return nesting == NESTING_SINGLE ? NOTHING
               : nesting == NESTING_MAP  ? value_map(arena, NULL, 0)
                                         : EMPTY_LIST;
    if (nesting == NESTING_SINGLE || !value_is_known(v))
        return resolve(b, v);
    if (nesting == NESTING_MAP) {
        for (size_t i = 0; i < v->map.count; i++)
            v = with(v, v->map.members[i].key, resolve(b, v->map.members[i].value));
        return v;
    }
    const struct value **items = arena_calloc(arena, v->seq.count, sizeof *items);
    for (size_t i = 0; i < v->seq.count; i++)
        items[i] = resolve(b, v->seq.items[i]);
    return value_seq(arena, items, v->seq.count);
}

static const struct value *resolve(const struct block *b, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return v;
    for (const struct attribute *at = b->attributes; at && at->name; at++) {
        const struct value *m = value_get(v, at->name);
        if (at->nested)
            m = resolve_nest(at->nesting, at->nested, m);
        else if (value_is_unknown(m) && at->type->kind == TYPE_STRING)
            m = STR(arena_printf(arena, "made-%u", ++serial));
        else if (value_is_unknown(m) && at->type->kind == TYPE_NUMBER)
            m = NUM(1000 + ++serial);
        else if (value_is_unknown(m))
            m = random_leaf(at->type);
        v = with(v, at->name, m);
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name; nb++)
        v = with(v, nb->name, resolve_nest(nb->nesting, nb->block, value_get(v, nb->name)));
    return v;
}

/* As import leaves it, or another provider: some of what is computed is null. */
static const struct value *forget(const struct value *v)
{
    for (const struct attribute *at = table.block.attributes; at->name; at++) {
        if ((at->flags & C) && below(4) == 0)
            v = with(v, at->name, NOTHING);
    }
    return v;
}

static void broken(const char *rule, const char *name, const struct value *config,
                   const struct value *planned)
{
    fail_msg("seed %llu: %s: %s\nconfig:  %s\nplanned: %s", (unsigned long long)seed, name, rule,
             value_describe(arena, config, 2000), value_describe(arena, planned, 2000));
}

/* Terraform's rules for one object. NULL, or the rule that is broken. */
static const char *broken_rule(const struct block *b, bool creating, const struct value *config,
                               const struct value *planned);

static const char *broken_nest(enum nesting nesting, const struct block *b, bool creating,
                               const struct value *c, const struct value *p)
{
    const char *wrong = NULL;
    if (!value_is_known(c))
        return c->kind == p->kind ? NULL : "null and unknown blocks stay so";
    if (c->kind != p->kind)
        return "a known block stays known";
    if (nesting == NESTING_SINGLE)
        return broken_rule(b, creating, c, p);
    if (nesting == NESTING_MAP) {
        if (c->map.count != p->map.count)
            return "a map keeps its keys";
        for (size_t i = 0; !wrong && i < c->map.count; i++)
            wrong = broken_rule(b, creating, c->map.members[i].value,
                                value_get(p, c->map.members[i].key));
        return wrong;
    }
    if (c->seq.count != p->seq.count)
        return "as many elements as the configuration has";
    for (size_t i = 0; i < c->seq.count; i++) {
        bool found = false;
        for (size_t k = 0; k < c->seq.count && !found; k++)
            found = (nesting == NESTING_SET || k == i) &&
                    !broken_rule(b, creating, c->seq.items[k], p->seq.items[i]);
        if (!found)
            return "every planned element comes from a configured one";
    }
    return NULL;
}

static const char *broken_rule(const struct block *b, bool creating, const struct value *config,
                               const struct value *planned)
{
    const char *wrong = NULL;
    if (!value_is_known(config))
        return config->kind == planned->kind ? NULL : "null and unknown elements stay so";
    for (const struct attribute *at = b->attributes; at && at->name && !wrong; at++) {
        const struct value *c = value_get(config, at->name), *p = value_get(planned, at->name);
        if (value_is_known(c) && at->nested)
            wrong = broken_nest(at->nesting, at->nested, creating, c, p);
        else if (!value_is_null(c) && !value_equal(at->type, c, p))
            wrong = "what the configuration sets is changed";
        else if (value_is_null(c) && !(at->flags & C) && !value_is_null(p))
            wrong = "a value for what is not computed";
        else if (value_is_null(c) && at->fallback.kind && !value_is_known(p))
            wrong = "the default is missing";
        else if (creating && value_is_null(c) && (at->flags & C) && value_is_null(p))
            wrong = "a computed attribute is null at create";
    }
    for (const struct nested_block *nb = b->blocks; nb && nb->name && !wrong; nb++)
        wrong = broken_nest(nb->nesting, nb->block, creating, value_get(config, nb->name),
                            value_get(planned, nb->name));
    return wrong;
}

/* The value at a path, or NULL when there is nothing of that kind. */
static const struct value *follow(const struct value *root, const struct path *p)
{
    if (!p)
        return root;
    const struct value *v = follow(root, p->parent);
    if (!v || !value_is_known(v))
        return NULL;
    if (p->kind == PATH_INDEX)
        return v->kind == VALUE_SEQ && p->index < (int64_t)v->seq.count ? v->seq.items[p->index]
                                                                        : NULL;
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map.count; i++) {
        if (strcmp(v->map.members[i].key, p->name) == 0)
            return v->map.members[i].value;
    }
    return NULL;
}

static bool listed(const struct path_list *l, const char *path)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(path_describe(arena, l->items[i]), path) == 0)
            return true;
    }
    return false;
}

/* Every path leads somewhere and to a difference; at the top exactly the differences are there. */
static void check_replacement(const struct value *prior, const struct value *config,
                              const struct planned *p)
{
    for (size_t i = 0; i < p->replace.count; i++) {
        const char *text = path_describe(arena, p->replace.items[i]);
        const struct value *was = follow(prior, p->replace.items[i]);
        const struct value *is = follow(p->value, p->replace.items[i]);
        if (!was && !is)
            broken("a path leads nowhere", text, config, p->value);
        if (was && is && value_equal(NULL, was, is))
            broken("a replacement without a difference", text, config, p->value);
    }
    for (const struct attribute *at = table.block.attributes; at->name; at++) {
        if (at->nested)
            continue;
        const struct value *was = value_get(prior, at->name), *is = value_get(p->value, at->name);
        bool differs = !value_equal(at->type, was, is) &&
                       !(value_is_null(was) && at->fallback.kind &&
                         value_equal(at->type, is, schema_default(arena, at)));
        bool expected = prior->kind == VALUE_MAP && (at->flags & RE) && differs;
        if (listed(&p->replace, arena_printf(arena, ".%s", at->name)) != expected)
            broken("the wrong answer on replacement", at->name, config, p->value);
    }
}

/* On update, what is computed and not configured is as before, unless it is volatile. */
static void check_kept(const struct value *prior, const struct value *config,
                       const struct planned *p)
{
    bool quiet = same(prior, p->value);
    for (const struct attribute *at = table.block.attributes; at->name; at++) {
        if (!value_is_null(value_get(config, at->name)) || !(at->flags & C) || at->fallback.kind ||
            at->nested || prior->kind != VALUE_MAP)
            continue;
        const struct value *was = value_get(prior, at->name), *is = value_get(p->value, at->name);
        bool moves = !quiet && (at->flags & ATTR_VOLATILE);
        if (moves ? !value_is_unknown(is) : !value_equal(at->type, was, is))
            broken("a computed attribute is not as it should be", at->name, config, p->value);
    }
    if (quiet && p->replace.count)
        broken("a replacement in a quiet plan", "", config, p->value);
}

static struct planned checked_plan(const struct value *prior, const struct value *config)
{
    struct planned p = plan(prior, config);
    const char *wrong = broken_rule(&table.block, prior->kind != VALUE_MAP, config, p.value);
    if (wrong)
        broken(wrong, "table", config, p.value);
    check_replacement(prior, config, &p);
    check_kept(prior, config, &p);
    return p;
}

static void one_random_case(void)
{
    const struct value *prior = NOTHING;
    if (below(4)) {
        const struct value *config = random_config(&table.block, 0);
        prior = resolve(&table.block, checked_plan(NOTHING, config).value);
        /* Applied and planned again: nothing to do. */
        struct planned again = checked_plan(prior, config);
        if (!same(again.value, prior))
            broken("a plan that was applied is not quiet", "table", config, again.value);
    }
    if (value_is_known(prior) && below(3) == 0)
        prior = forget(prior);
    const struct value *config = random_config(&table.block, below(2) ? 8 : 0);
    if (value_is_known(prior) && below(2)) /* one change to what is there */
        for (const struct attribute *at = table.block.attributes; at->name; at++) {
            if (!(at->flags & (R | O)) || below(8) == 0)
                continue;
            config = with(config, at->name, value_get(prior, at->name));
        }
    checked_plan(prior, config);
    /* Apply: what was unknown is known now, Terraform plans once more, then the state is whole. */
    config = resolve(&table.block, config);
    const struct value *applied = resolve(&table.block, checked_plan(prior, config).value);
    struct planned last = checked_plan(applied, config);
    if (!same(last.value, applied))
        broken("an update that was applied is not quiet", "table", applied, last.value);
}

static void test_random(void **state)
{
    (void)state;
    const char *given = getenv("TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int i = 0; i < 3000; i++) {
        chance_state = seed + (uint64_t)i * 1000003;
        arena_free(arena);
        arena = arena_new();
        assert_non_null(arena);
        one_random_case();
    }
}

static void test_table_is_sound(void **state)
{
    (void)state;
    const char *m = schema_lint(arena, &table);
    if (m)
        fail_msg("%s", m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(test_table_is_sound), TEST(test_create),
        TEST(test_quiet),          TEST(test_volatile),
        TEST(test_replace),        TEST(test_null_is_the_default),
        TEST(test_ignored),        TEST(test_list),
        TEST(test_map_and_single), TEST(test_set),
        TEST(test_set_best_match), TEST(test_set_making_room),
        TEST(test_dropped_nested), TEST(test_replacing_nests),
        TEST(test_single_block),   TEST(test_odd_input),
        TEST(test_large_sets),     TEST(test_path_list),
        TEST(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
