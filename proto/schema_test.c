/*
 * Tests of schema: the derived type and its cache, the typed view there and back, and for every
 * finding of lint a table with just that mistake.
 */
#include "proto/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

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

struct machine {
    struct field_string name;
    struct field_int size;
    struct field_bool on;
    struct field_value tags;
    struct field_value disks;
    struct field_value rules;
    int untouched;
};

static const struct block disk = {
    .attributes = (const struct attribute[]){
        {.name = "id", .type = &type_string, .flags = ATTR_COMPUTED, .description = "Id."},
        {.name = "gb", .type = &type_number, .flags = ATTR_REQUIRED, .description = "Size in GB."},
        {.name = NULL}}};

static const struct schema machine_schema = {
    .version = 3,
    .block = {.attributes = (const struct attribute[]){{.name = "name",
                                                        .type = &type_string,
                                                        .flags = ATTR_REQUIRED,
                                                        .description = "Name.",
                                                        FIELD(struct machine, name)},
                                                       {.name = "size",
                                                        .type = &type_number,
                                                        .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
                                                        .fallback = DEFAULT_INT(4),
                                                        CHECKS(RANGE(1, 8), CONFLICTS("spare")),
                                                        .description = "Size in cores.",
                                                        FIELD(struct machine, size)},
                                                       {.name = "on",
                                                        .type = &type_bool,
                                                        .flags = ATTR_OPTIONAL,
                                                        .description = "Running.",
                                                        FIELD(struct machine, on)},
                                                       {.name = "tags",
                                                        .type = &type_map_string,
                                                        .flags = ATTR_OPTIONAL,
                                                        CHECKS(LENGTH(0, 50)),
                                                        .description = "Tags.",
                                                        FIELD(struct machine, tags)},
                                                       {.name = "disks",
                                                        .nested = &disk,
                                                        .nesting = NESTING_MAP,
                                                        .flags = ATTR_OPTIONAL,
                                                        .description = "Disks by name.",
                                                        FIELD(struct machine, disks)},
                                                       {.name = "spare",
                                                        .type = &type_string,
                                                        .flags = ATTR_OPTIONAL,
                                                        .description = "Without a field."},
                                                       {.name = NULL}},
              .blocks = (const struct nested_block[]){{.name = "rules",
                                                       .nesting = NESTING_SET,
                                                       .max_items = 5,
                                                       .block = &disk,
                                                       .description = "Rules.",
                                                       FIELD(struct machine, rules)},
                                                      {.name = "timeouts",
                                                       .nesting = NESTING_SINGLE,
                                                       .block = &disk,
                                                       .description = "Timeouts."},
                                                      {.name = NULL}}}};

/* ---- type and lookups ---- */

static void test_type(void **state)
{
    (void)state;
    const char *object = "[\"object\",{\"gb\":\"number\",\"id\":\"string\"}]";
    const char *expected = arena_printf(arena,
                                        "[\"object\",{\"disks\":[\"map\",%s],\"name\":\"string\","
                                        "\"on\":\"bool\",\"rules\":[\"set\","
                                        "%s],\"size\":\"number\",\"spare\":\"string\",\"tags\":["
                                        "\"map\",\"string\"],\"timeouts\":%s}"
                                        "]",
                                        object, object, object);
    const struct type *t = schema_type(arena, &machine_schema);
    assert_string_equal(type_to_json(arena, t), expected);
    assert_int_equal(schema_block_size(&machine_schema.block), 8);
    assert_int_equal(schema_block_size(&(struct block){.description = "empty"}), 0);
}

static void test_type_cache(void **state)
{
    (void)state;
    struct arena *other = arena_new();
    const struct type *mine = schema_type(arena, &machine_schema);
    const struct type *theirs = schema_type(other, &machine_schema);
    size_t used = arena_used(arena);
    assert_ptr_equal(schema_type(arena, &machine_schema), mine);
    assert_int_equal(arena_used(arena), used);
    assert_ptr_equal(schema_type(other, &machine_schema), theirs);
    assert_ptr_not_equal(mine, theirs);
    arena_free(other);
    /* Many arenas come and go, at the same addresses too: never a type of a dead one. */
    for (int i = 0; i < 100; i++) {
        struct arena *brief = arena_new();
        assert_true(type_equal(schema_type(brief, &machine_schema), mine));
        arena_free(brief);
    }
    assert_ptr_equal(schema_type(arena, &machine_schema), mine);
}

static void test_lookup_and_default(void **state)
{
    (void)state;
    int64_t i = 0;
    const struct attribute *size = schema_attribute(&machine_schema, "size");
    assert_string_equal(size->description, "Size in cores.");
    assert_null(schema_attribute(&machine_schema, "timeouts"));
    assert_true(value_as_int(schema_default(arena, size), &i));
    assert_int_equal(i, 4);
    assert_true(value_is_null(schema_default(arena, schema_attribute(&machine_schema, "name"))));
    struct attribute at = {.type = &type_map_string, .fallback = DEFAULT_EMPTY};
    assert_int_equal(schema_default(arena, &at)->kind, VALUE_MAP);
    at.type = &type_set_string;
    assert_int_equal(schema_default(arena, &at)->kind, VALUE_SEQ);
    at = (struct attribute){.nested = &disk, .nesting = NESTING_MAP, .fallback = DEFAULT_EMPTY};
    assert_int_equal(schema_default(arena, &at)->kind, VALUE_MAP);
    at = (struct attribute){.type = &type_bool, .fallback = DEFAULT_BOOL(true)};
    assert_true(value_truth(schema_default(arena, &at), false));
    at = (struct attribute){.type = &type_string, .fallback = DEFAULT_STRING("x")};
    assert_string_equal(value_str(schema_default(arena, &at), ""), "x");
}

/* ---- typed view ---- */

static void test_decode(void **state)
{
    (void)state;
    struct machine m = {.untouched = 42, .on = {KNOWN, true}};
    const struct value *tags = OBJECT("a", STR("b"));
    schema_decode(
        &machine_schema,
        OBJECT("name", STR("web"), "size", UNKNOWN_VALUE, "tags", tags, "rules", UNKNOWN_VALUE),
        &m);
    assert_int_equal(m.name.is, KNOWN);
    assert_string_equal(m.name.v, "web");
    assert_int_equal(m.size.is, UNKNOWN);
    assert_int_equal(m.on.is, ABSENT);
    assert_false(m.on.v);
    assert_int_equal(m.tags.is, KNOWN);
    assert_ptr_equal(m.tags.v, tags);
    assert_int_equal(m.disks.is, ABSENT);
    assert_true(value_is_null(m.disks.v));
    assert_int_equal(m.rules.is, UNKNOWN);
    assert_int_equal(m.untouched, 42);

    schema_decode(&machine_schema, NOTHING, &m);
    assert_int_equal(m.name.is, ABSENT);
    assert_string_equal(m.name.v, "");
    assert_int_equal(m.size.is, ABSENT);
    assert_true(value_is_null(m.tags.v));
}

static void test_decode_numbers(void **state)
{
    (void)state;
    struct machine m = {0};
    schema_decode(&machine_schema, OBJECT("size", value_double(arena, 12.0)), &m);
    assert_int_equal(m.size.is, KNOWN);
    assert_int_equal(m.size.v, 12);
    schema_decode(&machine_schema, OBJECT("size", value_double(arena, 1.5)), &m);
    assert_int_equal(m.size.is, ABSENT);
    assert_int_equal(m.size.v, 0);
    schema_decode(&machine_schema, OBJECT("size", value_uint(arena, UINT64_MAX)), &m);
    assert_int_equal(m.size.is, ABSENT);
    schema_decode(&machine_schema, OBJECT("size", NUM(INT64_MIN)), &m);
    assert_true(m.size.v == INT64_MIN);
}

static void test_encode(void **state)
{
    (void)state;
    struct machine m = {0};
    field_set_string(&m.name, "web");
    field_set_int(&m.size, 6);
    field_set_bool(&m.on, false);
    m.tags.is = UNKNOWN;
    const struct type *t = schema_type(arena, &machine_schema);
    const struct value *v = schema_encode(arena, &machine_schema, &m, NULL);
    const struct value *expected =
        complete(arena, &machine_schema.block,
                 OBJECT("name", STR("web"), "size", NUM(6), "on", NO, "tags", UNKNOWN_VALUE));
    assert_true(value_equal(t, v, expected));
    assert_int_equal(v->map.count, 8);
    assert_int_equal(value_get(v, "rules")->kind, VALUE_SEQ); /* never a null set block */
    assert_true(value_is_null(value_get(v, "timeouts")));
}

static void test_encode_over_base(void **state)
{
    (void)state;
    struct value refined = {.kind = VALUE_UNKNOWN,
                            .refinement = {(const uint8_t *)"\x81\x01\xc2", 3}};
    const struct value *base = OBJECT("name", &refined, "on", YES, "spare", STR("kept"), "size",
                                      NUM(1), "timeouts", OBJECT("gb", NUM(1)));
    struct machine m;
    memset(&m, 0, sizeof m);
    schema_decode(&machine_schema, base, &m);
    field_set_int(&m.size, 2);
    m.on.is = ABSENT;
    const struct value *v = schema_encode(arena, &machine_schema, &m, base);
    assert_ptr_equal(value_get(v, "name"), &refined);
    assert_true(value_is_null(value_get(v, "on")));
    assert_string_equal(value_str(value_get(v, "spare"), ""), "kept");
    int64_t size = 0;
    assert_true(value_as_int(value_get(v, "size"), &size) && size == 2);
    assert_int_equal(value_get(v, "timeouts")->kind, VALUE_MAP);
}

/* ---- lint ---- */

static const char *always_wrong(struct arena *a, const char *text)
{
    (void)a;
    (void)text;
    return "wrong";
}

static const struct type list_of_dynamic = {.kind = TYPE_LIST, .elem = &type_dynamic};

#define OK_STRING(n)                                                                               \
    {                                                                                              \
        .name = (n), .type = &type_string, .flags = ATTR_OPTIONAL, .description = "D."             \
    }
#define BASE(t, f) .name = "x", .type = (t), .flags = (f), .description = "D."
#define STRING(f)  BASE(&type_string, f)
#define NUMBER(f)  BASE(&type_number, f)
#define O          ATTR_OPTIONAL
#define OC         (ATTR_OPTIONAL | ATTR_COMPUTED)

static const struct block with_blocks = {
    .blocks = (const struct nested_block[]){
        {.name = "b", .nesting = NESTING_LIST, .block = &disk, .description = "D."},
        {.name = NULL}}};
static const struct block volatile_inside = {
    .attributes =
        (const struct attribute[]){{STRING(ATTR_COMPUTED | ATTR_VOLATILE)}, {.name = NULL}}};
static const struct block dynamic_inside = {
    .attributes = (const struct attribute[]){{BASE(&type_dynamic, O)}, {.name = NULL}}};
static const struct attribute endless_attributes[2];
static const struct block endless = {.attributes = endless_attributes};
static const struct attribute endless_attributes[2] = {
    {.name = "x", .nested = &endless, .flags = O, .description = "D."}, {.name = NULL}};

/* Each attribute alone is a mistake; beside it stand `other`, `required` and `computed`. */
static const struct {
    struct attribute at;
    const char *mistake; /* NULL: none */
} attribute_cases[] = {
    {{STRING(O)}, NULL},
    {{STRING(ATTR_REQUIRED | ATTR_REPLACE | ATTR_SENSITIVE | ATTR_DEPRECATED)}, NULL},
    {{STRING(O | ATTR_IGNORED)}, NULL},
    {{BASE(&type_dynamic, O)}, NULL},
    {{.name = "", .type = &type_string, .flags = O, .description = "D."}, "is no name"},
    {{.name = "Upper", .type = &type_string, .flags = O, .description = "D."}, "is no name"},
    {{.name = "a-b", .type = &type_string, .flags = O, .description = "D."}, "is no name"},
    {{.name = "1a", .type = &type_string, .flags = O, .description = "D."}, "is no name"},
    {{.name = "count", .type = &type_string, .flags = O, .description = "D."}, "reserved"},
    {{.name = "other", .type = &type_string, .flags = O, .description = "D."}, "occurs twice"},
    {{STRING(0)}, "neither required nor optional"},
    {{STRING(ATTR_SENSITIVE)}, "neither required nor optional"},
    {{STRING(ATTR_REQUIRED | ATTR_OPTIONAL)}, "both required and optional"},
    {{STRING(ATTR_REQUIRED | ATTR_COMPUTED)}, "both required and computed"},
    {{STRING(O | ATTR_VOLATILE)}, "volatile but not computed"},
    {{STRING(OC | ATTR_VOLATILE | ATTR_REPLACE)}, "volatile and replaces"},
    {{STRING(ATTR_COMPUTED | ATTR_REPLACE)}, "cannot change it"},
    {{STRING(OC | ATTR_IGNORED)}, "ignored and computed"},
    {{STRING(O | ATTR_IGNORED | ATTR_REPLACE)}, "ignored and replaces"},
    {{STRING(O | 1u << 20)}, "flag that does not exist"},
    {{.name = "x", .type = &type_string, .flags = O}, "no description"},
    {{.name = "x", .flags = O, .description = "D."}, "either a type or nested"},
    {{BASE(&type_string, O), .nested = &disk}, "either a type or nested"},
    {{BASE(NULL, O), .nested = &with_blocks}, "cannot hold blocks"},
    {{BASE(NULL, O), .nested = &disk, .nesting = NESTING_SET}, NULL},
    {{BASE(&list_of_dynamic, O)}, "dynamic type inside a collection"},
    {{BASE(NULL, O), .nested = &dynamic_inside, .nesting = NESTING_SET}, "x.x: has a dynamic type"},
    {{BASE(NULL, O), .nested = &dynamic_inside, .nesting = NESTING_SINGLE}, NULL},
    {{BASE(NULL, O | ATTR_REPLACE), .nested = &volatile_inside}, "volatile inside what replaces"},
    {{BASE(NULL, O), .nested = &volatile_inside}, NULL},
    {{BASE(NULL, O), .nested = &endless}, "nests too deep"},
    /* defaults */
    {{STRING(OC), .fallback = DEFAULT_STRING("a")}, NULL},
    {{STRING(O), .fallback = DEFAULT_STRING("a")}, "not optional and computed"},
    {{STRING(ATTR_COMPUTED), .fallback = DEFAULT_STRING("a")}, "not optional and computed"},
    {{STRING(OC | ATTR_VOLATILE), .fallback = DEFAULT_STRING("a")}, "volatile and has a default"},
    {{STRING(OC), .fallback = DEFAULT_INT(1)}, "not of its type"},
    {{STRING(OC), .fallback = DEFAULT_BOOL(true)}, "not of its type"},
    {{STRING(OC), .fallback = DEFAULT_EMPTY}, "not of its type"},
    {{STRING(OC), .fallback = DEFAULT_STRING(NULL)}, "not of its type"},
    {{NUMBER(OC), .fallback = DEFAULT_STRING("1")}, "not of its type"},
    {{BASE(NULL, OC), .nested = &disk, .nesting = NESTING_SINGLE, .fallback = DEFAULT_EMPTY},
     "not of its type"},
    {{BASE(NULL, OC), .nested = &disk, .nesting = NESTING_MAP, .fallback = DEFAULT_EMPTY}, NULL},
    {{STRING(OC), .fallback = DEFAULT_STRING("c"), CHECKS(ONE_OF("a", "b"))}, "own checks refuse"},
    {{NUMBER(OC), .fallback = DEFAULT_INT(9), CHECKS(RANGE(1, 8))}, "own checks refuse"},
    {{NUMBER(OC), .fallback = DEFAULT_INT(0), CHECKS(RANGE(1, 8))}, NULL}, /* not set */
    {{STRING(OC), .fallback = DEFAULT_STRING(""), CHECKS(ONE_OF("a", "b"))}, NULL},
    {{STRING(OC), .fallback = DEFAULT_STRING("c"), CHECKS(CHECKED_BY(always_wrong, "never"))},
     "own checks refuse"},
    /* checks */
    {{NUMBER(O), CHECKS(RANGE(1, 8), MULTIPLE(0, 8, 4), CONFLICTS("other"))}, NULL},
    {{BASE(&type_list_number, O), CHECKS(RANGE(1, 8), LENGTH(0, 3))}, NULL},
    {{BASE(&type_set_string, O), CHECKS(CHECKED_BY(always_wrong, "never"))}, NULL},
    {{NUMBER(ATTR_COMPUTED), CHECKS(RANGE(1, 8))}, "has checks, but"},
    {{STRING(O), CHECKS(RANGE(1, 8))}, "does not fit its type"},
    {{STRING(O), CHECKS(MULTIPLE(0, 8, 4))}, "does not fit its type"},
    {{NUMBER(O), CHECKS(ONE_OF("a"))}, "does not fit its type"},
    {{NUMBER(O), CHECKS(LENGTH(0, 1))}, "does not fit its type"},
    {{BASE(&type_list_number, O), CHECKS(CHECKED_BY(always_wrong, "never"))}, "does not fit"},
    {{BASE(NULL, O), .nested = &disk, CHECKS(LENGTH(0, 1))}, "does not fit its type"},
    {{NUMBER(O), CHECKS(RANGE(8, 1))}, "bounds, step or text"},
    {{NUMBER(O), CHECKS(MULTIPLE(0, 8, 0))}, "bounds, step or text"},
    {{STRING(O), CHECKS(LENGTH(-1, 8))}, "bounds, step or text"},
    {{STRING(O), CHECKS({.kind = CHECK_FUNCTION, .text = "t"})}, "bounds, step or text"},
    {{STRING(O), CHECKS({.kind = CHECK_FUNCTION, .fn = always_wrong})}, "bounds, step or text"},
    {{STRING(O), CHECKS({.kind = (enum check_kind)99})}, "no known kind"},
    {{STRING(O), CHECKS({.kind = CHECK_ONE_OF})}, "names nothing"},
    {{STRING(O), CHECKS({.kind = CHECK_CONFLICTS, .names = NAMES(NULL)})}, "names nothing"},
    {{STRING(O), CHECKS(ONE_OF("a", "b", "a"))}, "names something twice"},
    {{STRING(O), CHECKS(CONFLICTS("nobody"))}, "does not have"},
    {{STRING(O), CHECKS(REQUIRES("x"))}, "names the attribute itself"},
    {{STRING(O), CHECKS(EXACTLY_ONE("computed"))}, "a configuration cannot set"},
    {{STRING(O), CHECKS(AT_LEAST_ONE("required"))}, "always set"},
    {{STRING(ATTR_REQUIRED), CHECKS(CONFLICTS("other"))}, "required and has a rule"},
    {{STRING(ATTR_REQUIRED), CHECKS(REQUIRES("other"))}, NULL},
    {{STRING(O), CHECKS(CONFLICTS("place"))}, NULL}, /* a block */
};

static void check_lint(const struct schema *s, const char *expected, size_t nth)
{
    const char *m = schema_lint(arena, s);
    if (!expected && m)
        fail_msg("case %zu: found a mistake in a sound table: %s", nth, m);
    if (expected && (!m || !strstr(m, expected)))
        fail_msg("case %zu: expected `%s`, got `%s`", nth, expected, m ? m : "nothing");
}

static void test_lint_attributes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attribute_cases / sizeof *attribute_cases; i++) {
        struct attribute table[] = {attribute_cases[i].at,
                                    OK_STRING("other"),
                                    OK_STRING("required"),
                                    OK_STRING("computed"),
                                    {.name = NULL}};
        table[2].flags = ATTR_REQUIRED;
        table[3].flags = ATTR_COMPUTED;
        const struct nested_block blocks[] = {
            {.name = "place", .nesting = NESTING_LIST, .block = &disk, .description = "D."},
            {.name = NULL}};
        const struct schema s = {.block = {.attributes = table, .blocks = blocks}};
        check_lint(&s, attribute_cases[i].mistake, i);
    }
}

static const struct {
    struct nested_block block;
    const char *mistake;
} block_cases[] = {
#define BLOCK(n) .name = "y", .nesting = (n), .block = &disk, .description = "D."
    {{BLOCK(NESTING_LIST), .min_items = 1, .max_items = 3, .flags = ATTR_REPLACE}, NULL},
    {{BLOCK(NESTING_SINGLE), .min_items = 1, .max_items = 1}, NULL},
    {{BLOCK(NESTING_SINGLE), .max_items = 1}, "both bounds"},
    {{BLOCK(NESTING_SINGLE), .min_items = 2, .max_items = 2}, "both bounds"},
    {{BLOCK(NESTING_MAP)}, "single, a list or a set"},
    {{BLOCK(NESTING_SET), .min_items = -1}, "wrong bounds"},
    {{BLOCK(NESTING_SET), .max_items = -1}, "wrong bounds"},
    {{BLOCK(NESTING_SET), .min_items = 3, .max_items = 2}, "wrong bounds"},
    {{BLOCK(NESTING_SET), .flags = ATTR_COMPUTED}, "flag that a block cannot have"},
    {{.name = "y", .nesting = NESTING_LIST, .block = &disk}, "no description"},
    {{.name = "y", .nesting = NESTING_LIST, .description = "D."}, "no table"},
    {{.name = "x", .nesting = NESTING_LIST, .block = &disk, .description = "D."}, "occurs twice"},
    {{.name = "for_each", .nesting = NESTING_LIST, .block = &disk, .description = "D."},
     "reserved"},
    {{.name = "y",
      .nesting = NESTING_LIST,
      .flags = ATTR_REPLACE,
      .block = &volatile_inside,
      .description = "D."},
     "y.x: is volatile inside"},
    {{.name = "y", .nesting = NESTING_LIST, .block = &dynamic_inside, .description = "D."},
     "y.x: has a dynamic type"},
};

static void test_lint_blocks(void **state)
{
    (void)state;
    static const struct attribute table[] = {OK_STRING("x"), {.name = NULL}};
    for (size_t i = 0; i < sizeof block_cases / sizeof *block_cases; i++) {
        const struct nested_block blocks[] = {block_cases[i].block, {.name = NULL}};
        const struct schema s = {.block = {.attributes = table, .blocks = blocks}};
        check_lint(&s, block_cases[i].mistake, i);
    }
    const struct nested_block twice[] = {
        {BLOCK(NESTING_LIST)}, {BLOCK(NESTING_SET)}, {.name = NULL}};
    check_lint(&(struct schema){.block = {.blocks = twice}}, "occurs twice", 100);
}

static void test_lint_fields(void **state)
{
    (void)state;
    struct attribute table[] = {OK_STRING("a"), OK_STRING("b"), {.name = NULL}};
    struct nested_block blocks[] = {{BLOCK(NESTING_LIST)}, {.name = NULL}};
    const struct schema s = {.block = {.attributes = table, .blocks = blocks}};
    table[0].offset = 17;
    table[1].offset = 1; /* any order will do */
    blocks[0].offset = 33;
    check_lint(&s, NULL, 0);
    table[1].offset = 17;
    check_lint(&s, "b: its field overlaps that of a", 1);
    table[1].offset = 9;
    check_lint(&s, "b: its field overlaps that of a", 2);
    table[1].offset = 2;
    check_lint(&s, "b: its field is not aligned", 3);
    table[1].offset = 1;
    blocks[0].offset = 17;
    check_lint(&s, "y: its field overlaps that of a", 4);
}

static void test_lint_whole(void **state)
{
    (void)state;
    check_lint(&machine_schema, NULL, 0);
    check_lint(&(struct schema){.version = -1}, "version is negative", 1);
    check_lint(&(struct schema){.version = 0}, NULL, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(test_type),
        TEST(test_type_cache),
        TEST(test_lookup_and_default),
        TEST(test_decode),
        TEST(test_decode_numbers),
        TEST(test_encode),
        TEST(test_encode_over_base),
        TEST(test_lint_attributes),
        TEST(test_lint_blocks),
        TEST(test_lint_fields),
        TEST(test_lint_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
