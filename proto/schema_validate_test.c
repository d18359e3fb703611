/*
 * Tests of schema_validate: every rule with a value that passes, one that does not, an unknown and
 * a null; the words and the paths of the diagnostics; nesting, counts, limits.
 */
#include "proto/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/schema_testing.h"

static struct arena *arena;
static struct diags diags;

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

static const char *must_be_lower(struct arena *a, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            return arena_printf(a, "%s holds the upper case letter %c. Write it in lower case.",
                                text, *c);
    }
    return NULL;
}

static const struct block region = {
    .attributes = (const struct attribute[]){
        {.name = "name",
         .type = &type_string,
         .flags = ATTR_REQUIRED,
         .description = "Name.",
         CHECKS(CHECKED_BY(must_be_lower, "a lower case name"))},
        {.name = "id", .type = &type_string, .flags = ATTR_COMPUTED, .description = "Id."},
        {.name = "a", .type = &type_string, .flags = ATTR_OPTIONAL, .description = "A."},
        {.name = "b",
         .type = &type_string,
         .flags = ATTR_OPTIONAL,
         .description = "B.",
         CHECKS(CONFLICTS("a"))},
        {.name = NULL}}};

#define ATTR(n, t, ...)                                                                            \
    {                                                                                              \
        .name = (n), .type = (t), .flags = ATTR_OPTIONAL, .description = "D.", CHECKS(__VA_ARGS__) \
    }

static const struct schema table = {
    .block = {
        .attributes =
            (const struct attribute[]){
                ATTR("allocation_min_netmask_length", &type_number, RANGE(0, 128)),
                ATTR("positive", &type_number, RANGE(1, INT64_MAX)),
                ATTR("negative", &type_number, RANGE(INT64_MIN, -1)),
                ATTR("step", &type_number, MULTIPLE(44, 60, 4)),
                ATTR("wide_step", &type_number, MULTIPLE(INT64_MIN, INT64_MAX - 1, 2)),
                {.name = "typed",
                 .type = &type_number,
                 .flags = ATTR_OPTIONAL,
                 .description = "D.",
                 .offset = 1},
                {.name = "free", .type = &type_number, .flags = ATTR_OPTIONAL, .description = "D."},
                ATTR("tier", &type_string, ONE_OF("free", "advanced")),
                {.name = "secret",
                 .type = &type_string,
                 .flags = ATTR_OPTIONAL | ATTR_SENSITIVE,
                 .description = "D.",
                 CHECKS(ONE_OF("x"), CHECKED_BY(must_be_lower, "a lower case name"))},
                ATTR("short", &type_string, LENGTH(1, 5)),
                ATTR("few", &type_list_string, LENGTH(1, 2),
                     CHECKED_BY(must_be_lower, "a lower case name")),
                ATTR("some", &type_set_string, LENGTH(2, 3), ONE_OF("a", "b", "c", "d")),
                ATTR("labels", &type_map_string, LENGTH(0, 2), ONE_OF("a", "b")),
                ATTR("numbers", &type_list_number, RANGE(1, 3)),
                ATTR("cidr_block", &type_string, CONFLICTS("ipv4_netmask_length", "place")),
                ATTR("ipv4_netmask_length", &type_number, REQUIRES("ipv4_ipam_pool_id", "tier")),
                {.name = "ipv4_ipam_pool_id",
                 .type = &type_string,
                 .flags = ATTR_OPTIONAL,
                 .description = "D."},
                {.name = "nested_list",
                 .nested = &region,
                 .nesting = NESTING_LIST,
                 .flags = ATTR_OPTIONAL,
                 .description = "D."},
                {.name = "nested_map",
                 .nested = &region,
                 .nesting = NESTING_MAP,
                 .flags = ATTR_OPTIONAL,
                 .description = "D."},
                {.name = NULL}},
        .blocks = (const struct nested_block[]){
            {.name = "place",
             .nesting = NESTING_LIST,
             .min_items = 0,
             .max_items = 1,
             .block = &region,
             .description = "D."},
            {.name = "regions",
             .nesting = NESTING_SET,
             .max_items = 2,
             .block = &region,
             .description = "D."},
            {.name = "one", .nesting = NESTING_SINGLE, .block = &region, .description = "D."},
            {.name = NULL}}}};

static unsigned errors_of(const struct schema *s, const struct value *config)
{
    diags_init(&diags, arena);
    schema_validate(s, complete(arena, &s->block, config), &diags);
    return diags.errors;
}

static void passes(const struct value *config)
{
    if (errors_of(&table, config))
        fail_msg("%s: %s", value_describe(arena, config, 200), diags.first->summary);
}

/* One error with just that summary and path, whose detail begins (or for "*x" contains) so. */
static void fails(const struct value *config, const char *summary, const char *path,
                  const char *detail)
{
    unsigned n = errors_of(&table, config);
    if (n != 1)
        fail_msg("%s: %u errors", value_describe(arena, config, 200), n);
    assert_string_equal(diags.first->summary, summary);
    assert_string_equal(path_describe(arena, diags.first->path), path);
    if (detail && (*detail == '*' ? !strstr(diags.first->detail, detail + 1)
                                  : strncmp(diags.first->detail, detail, strlen(detail)) != 0))
        fail_msg("detail: %s", diags.first->detail);
}

static void test_range(void **state)
{
    (void)state;
#define MIN "allocation_min_netmask_length"
    passes(OBJECT(MIN, NUM(0)));
    passes(OBJECT(MIN, NUM(128)));
    passes(OBJECT(MIN, NOTHING));
    passes(OBJECT(MIN, UNKNOWN_VALUE));
    passes(OBJECT(MIN, value_double(arena, 24.0)));
    fails(OBJECT(MIN, NUM(200)),
          "expected allocation_min_netmask_length to be in the range (0 - 128), got 200", "." MIN,
          "The configuration sets allocation_min_netmask_length to 200.");
    fails(OBJECT(MIN, NUM(-1)),
          "expected allocation_min_netmask_length to be in the range (0 - 128), got -1", "." MIN,
          NULL);
    fails(OBJECT(MIN, value_uint(arena, UINT64_MAX)),
          "expected allocation_min_netmask_length to be in the range (0 - 128), got "
          "18446744073709551615",
          "." MIN, NULL);
    fails(OBJECT(MIN, value_double(arena, 1.5)),
          "expected allocation_min_netmask_length to be a whole number of at most 64 bits, got 1.5",
          "." MIN, NULL);
    passes(OBJECT("positive", NUM(INT64_MAX)));
    fails(OBJECT("positive", NUM(0)), "expected positive to be at least (1), got 0", ".positive",
          NULL);
    passes(OBJECT("negative", NUM(INT64_MIN)));
    fails(OBJECT("negative", NUM(0)), "expected negative to be at most (-1), got 0", ".negative",
          NULL);
}

static void test_multiple(void **state)
{
    (void)state;
    passes(OBJECT("step", NUM(44)));
    passes(OBJECT("step", NUM(60)));
    passes(OBJECT("step", UNKNOWN_VALUE));
    fails(OBJECT("step", NUM(45)), "expected step to be one of [44 48 52 56 60], got 45", ".step",
          NULL);
    fails(OBJECT("step", NUM(64)), "expected step to be one of [44 48 52 56 60], got 64", ".step",
          NULL);
    passes(OBJECT("wide_step", NUM(0)));
    passes(OBJECT("wide_step", NUM(INT64_MAX - 1)));
    fails(OBJECT("wide_step", NUM(1)),
          "expected wide_step to be at most (9223372036854775806) in steps of 2, got 1",
          ".wide_step", NULL);
}

static void test_typed_number(void **state)
{
    (void)state;
    const struct value *huge = value_number_text(arena, "1e400", 5);
    passes(OBJECT("typed", NUM(INT64_MIN)));
    passes(OBJECT("typed", UNKNOWN_VALUE));
    passes(OBJECT("free", value_double(arena, 0.5)));
    passes(OBJECT("free", huge));
    fails(OBJECT("typed", value_double(arena, 0.5)),
          "expected typed to be a whole number of at most 64 bits, got 0.5", ".typed", NULL);
    assert_int_equal(errors_of(&table, OBJECT("typed", huge)), 1);
    assert_int_equal(errors_of(&table, OBJECT("positive", huge)), 1);
}

static void test_one_of(void **state)
{
    (void)state;
    passes(OBJECT("tier", STR("free")));
    passes(OBJECT("tier", UNKNOWN_VALUE));
    fails(OBJECT("tier", STR("gold")),
          "expected tier to be one of [\"free\" \"advanced\"], got gold", ".tier",
          "The configuration sets tier to gold.");
    fails(OBJECT("tier", STR("")), "expected tier to be one of [\"free\" \"advanced\"], got ",
          ".tier", NULL);
}

static void test_shown_values(void **state)
{
    (void)state;
    /* A sensitive value stands in no message, whoever words it. */
    assert_int_equal(errors_of(&table, OBJECT("secret", STR("PASSWORD"))), 2);
    for (const struct diag *d = diags.first; d; d = d->next) {
        assert_null(strstr(d->summary, "PASSWORD"));
        assert_null(strstr(d->detail, "PASSWORD"));
        assert_non_null(strstr(d->summary, "got (sensitive value)"));
    }
    /* A long one is cut before a character, not inside it. */
    char text[1000] = "abc"; /* so that the characters begin at odd places */
    for (size_t i = 3; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[999] = '\0';
    assert_int_equal(errors_of(&table, OBJECT("tier", STR(text))), 1);
    const char *got = strstr(diags.first->summary, "got ") + 4;
    assert_int_equal(strlen(got), 99 + 3);
    assert_string_equal(got + 97, "\xc3\xa4...");
}

static void test_length(void **state)
{
    (void)state;
    passes(OBJECT("short", STR("12345"), "few", LIST(STR("a")), "labels", OBJECT("k", STR("a"))));
    passes(OBJECT("short", UNKNOWN_VALUE, "few", UNKNOWN_VALUE, "labels", UNKNOWN_VALUE));
    fails(OBJECT("short", STR("")), "expected length of short to be in the range (1 - 5), got 0",
          ".short", "short has 0 bytes. The number of bytes has to be in the range (1 - 5).");
    fails(OBJECT("short", STR("123456")),
          "expected length of short to be in the range (1 - 5), got 6", ".short", NULL);
    fails(OBJECT("few", EMPTY_LIST), "expected length of few to be in the range (1 - 2), got 0",
          ".few", "few has 0 elements.");
    fails(OBJECT("few", LIST(STR("a"), UNKNOWN_VALUE, STR("c"))),
          "expected length of few to be in the range (1 - 2), got 3", ".few", NULL);
    fails(OBJECT("labels", OBJECT("x", STR("a"), "y", STR("a"), "z", STR("a"))),
          "expected length of labels to be in the range (0 - 2), got 3", ".labels", NULL);
    /* Unknown elements of a set may prove equal, but never become more. */
    passes(OBJECT("some", LIST(STR("a"), STR("b"), UNKNOWN_VALUE, UNKNOWN_VALUE)));
    fails(OBJECT("some", LIST(STR("a"), STR("b"), STR("c"), STR("d"))),
          "expected length of some to be in the range (2 - 3), got 4", ".some", NULL);
    fails(OBJECT("some", LIST(UNKNOWN_VALUE)),
          "expected length of some to be in the range (2 - 3), got 1", ".some", NULL);
}

static void test_function_and_elements(void **state)
{
    (void)state;
    passes(OBJECT("few", LIST(STR("a"), UNKNOWN_VALUE)));
    passes(OBJECT("few", LIST(STR("a"), NOTHING)));
    fails(OBJECT("few", LIST(STR("a"), STR("bC"))),
          "expected few[1] to be a lower case name, got bC", ".few[1]",
          "bC holds the upper case letter C. Write it in lower case.");
    fails(OBJECT("some", LIST(STR("a"), STR("z"))),
          "expected some[1] to be one of [\"a\" \"b\" \"c\" \"d\"], got z", ".some[1]", NULL);
    fails(OBJECT("labels", OBJECT("Name", STR("q"))),
          "expected labels[\"Name\"] to be one of [\"a\" \"b\"], got q", ".labels[\"Name\"]", NULL);
    fails(OBJECT("numbers", LIST(NUM(1), NUM(4))),
          "expected numbers[1] to be in the range (1 - 3), got 4", ".numbers[1]", NULL);
}

static void test_conflicts(void **state)
{
    (void)state;
    const struct value *place = LIST(complete(arena, &region, OBJECT("name", STR("a"))));
    passes(OBJECT("cidr_block", STR("10.0.0.0/16")));
    passes(OBJECT("cidr_block", STR("10.0.0.0/16"), "ipv4_netmask_length", UNKNOWN_VALUE));
    passes(OBJECT("cidr_block", UNKNOWN_VALUE, "place", place));
    passes(OBJECT("cidr_block", STR("10.0.0.0/16"), "place", EMPTY_LIST));
    passes(OBJECT("cidr_block", STR("10.0.0.0/16"), "place", UNKNOWN_VALUE));
    fails(OBJECT("cidr_block", STR("10.0.0.0/16"), "place", place),
          "Conflicting configuration arguments", ".cidr_block",
          "\"cidr_block\": conflicts with place\n");
    fails(OBJECT("cidr_block", STR("10.0.0.0/16"), "ipv4_netmask_length", NUM(16),
                 "ipv4_ipam_pool_id", STR("p"), "tier", STR("free")),
          "Conflicting configuration arguments", ".cidr_block",
          "\"cidr_block\": conflicts with ipv4_netmask_length");
}

static void test_requires(void **state)
{
    (void)state;
    passes(OBJECT("ipv4_ipam_pool_id", STR("p")));
    passes(OBJECT("ipv4_netmask_length", NUM(16), "ipv4_ipam_pool_id", STR("p"), "tier",
                  UNKNOWN_VALUE));
    passes(OBJECT("ipv4_netmask_length", UNKNOWN_VALUE));
    fails(OBJECT("ipv4_netmask_length", NUM(16), "tier", STR("free")), "Missing required argument",
          ".ipv4_netmask_length",
          "\"ipv4_netmask_length\": all of `ipv4_netmask_length,ipv4_ipam_pool_id,tier` must be "
          "specified\n\nipv4_netmask_length is set and needs ipv4_ipam_pool_id, which");
}

static void test_choice(void **state)
{
    (void)state;
    struct attribute attributes[] = {ATTR("x", &type_string, EXACTLY_ONE("y", "z")),
                                     ATTR("y", &type_string, CONFLICTS("z")),
                                     ATTR("z", &type_string, CONFLICTS("y")),
                                     {.name = NULL}};
    attributes[1].checks = attributes[2].checks = NULL;
    const struct schema one = {.block = {.attributes = attributes}};
    assert_int_equal(errors_of(&one, OBJECT("x", STR("1"))), 0);
    assert_int_equal(errors_of(&one, OBJECT("z", STR("1"))), 0);
    assert_int_equal(errors_of(&one, OBJECT("z", UNKNOWN_VALUE)), 0);
    assert_int_equal(errors_of(&one, OBJECT("y", STR("1"), "z", UNKNOWN_VALUE)), 0);
    assert_int_equal(errors_of(&one, value_map(arena, NULL, 0)), 1);
    assert_string_equal(diags.first->summary, "Invalid combination of arguments");
    assert_non_null(strstr(diags.first->detail, "\"x\": one of `x,y,z` must be specified"));
    assert_int_equal(errors_of(&one, OBJECT("y", STR("1"), "z", STR("1"))), 1);
    assert_non_null(
        strstr(diags.first->detail, "\"x\": only one of `x,y,z` can be specified, but `y,z` were"));
    assert_int_equal(errors_of(&one, OBJECT("x", STR("1"), "z", STR("1"))), 1);

    attributes[0] = (struct attribute)ATTR("x", &type_string, AT_LEAST_ONE("y"));
    assert_int_equal(errors_of(&one, OBJECT("x", STR("1"), "y", STR("1"))), 0);
    assert_int_equal(errors_of(&one, OBJECT("y", UNKNOWN_VALUE)), 0);
    assert_int_equal(errors_of(&one, OBJECT("z", STR("1"))), 1);
    assert_string_equal(diags.first->summary, "Missing required argument");
}

static void test_required_and_read_only(void **state)
{
    (void)state;
    const struct schema s = {.block = region};
    assert_int_equal(errors_of(&s, OBJECT("name", UNKNOWN_VALUE)), 0);
    assert_int_equal(errors_of(&s, OBJECT("a", STR("1"))), 1);
    assert_string_equal(diags.first->summary, "Missing required argument");
    assert_string_equal(path_describe(arena, diags.first->path), ".name");
    assert_int_equal(errors_of(&s, OBJECT("name", STR("a"), "id", STR("1"))), 1);
    assert_string_equal(diags.first->summary, "Value for unconfigurable attribute");
    /* Nothing to say about what is not there. */
    diags_init(&diags, arena);
    schema_validate(&s, NOTHING, &diags);
    schema_validate(&s, UNKNOWN_VALUE, &diags);
    assert_int_equal(diags.errors, 0);
}

static const struct value *named(const char *name)
{
    return complete(arena, &region, OBJECT("name", STR(name)));
}

static void test_nesting(void **state)
{
    (void)state;
    const struct value *both =
        complete(arena, &region, OBJECT("name", STR("x"), "a", STR("1"), "b", STR("1")));
    passes(OBJECT("nested_list", LIST(named("a"), UNKNOWN_VALUE, NOTHING)));
    passes(OBJECT("nested_map", UNKNOWN_VALUE, "one", UNKNOWN_VALUE, "regions", UNKNOWN_VALUE));
    fails(OBJECT("nested_list", LIST(named("a"), named("B"))),
          "expected nested_list[1].name to be a lower case name, got B", ".nested_list[1].name",
          NULL);
    fails(OBJECT("nested_map", OBJECT("k", named("B"))),
          "expected nested_map[\"k\"].name to be a lower case name, got B",
          ".nested_map[\"k\"].name", NULL);
    fails(OBJECT("one", named("B")), "expected one.name to be a lower case name, got B",
          ".one.name", NULL);
    fails(OBJECT("place", LIST(both)), "Conflicting configuration arguments", ".place[0].b",
          "\"place[0].b\": conflicts with a");
    /* The path ends at the set, the text does not. */
    fails(OBJECT("regions", LIST(named("a"), named("B"))),
          "expected regions[1].name to be a lower case name, got B", ".regions", NULL);
}

static void test_counts(void **state)
{
    (void)state;
    passes(OBJECT("place", LIST(named("a"))));
    fails(OBJECT("place", LIST(named("a"), named("b"))), "Too many place blocks", ".place",
          "No more than 1 \"place\" blocks are allowed, but there are 2.");
    fails(OBJECT("regions", LIST(named("a"), named("b"), named("c"))), "Too many regions blocks",
          ".regions", NULL);
    const struct value *vague = complete(arena, &region, OBJECT("name", UNKNOWN_VALUE));
    passes(OBJECT("regions", LIST(named("a"), named("b"), vague)));

    struct nested_block blocks[] = {{.name = "b",
                                     .nesting = NESTING_LIST,
                                     .min_items = 2,
                                     .block = &region,
                                     .description = "D."},
                                    {.name = NULL}};
    const struct schema s = {.block = {.blocks = blocks}};
    assert_int_equal(errors_of(&s, OBJECT("b", LIST(named("a")))), 1);
    assert_string_equal(diags.first->summary, "Insufficient b blocks");
    assert_non_null(
        strstr(diags.first->detail, "At least 2 \"b\" blocks are required, but there are 1."));
    assert_int_equal(errors_of(&s, OBJECT("b", EMPTY_LIST)), 1);
    assert_int_equal(errors_of(&s, OBJECT("b", UNKNOWN_VALUE)), 0);
    assert_int_equal(errors_of(&s, OBJECT("b", LIST(named("a"), named("a")))), 0);
    blocks[0].nesting = NESTING_SET;
    assert_int_equal(errors_of(&s, OBJECT("b", LIST(vague))), 1);
    blocks[0].nesting = NESTING_SINGLE;
    blocks[0].min_items = blocks[0].max_items = 1;
    assert_int_equal(errors_of(&s, OBJECT("b", NOTHING)), 1);
    assert_int_equal(errors_of(&s, OBJECT("b", named("a"))), 0);
    assert_int_equal(errors_of(&s, OBJECT("b", UNKNOWN_VALUE)), 0);
}

static void test_check_value(void **state)
{
    (void)state;
    diags_init(&diags, arena);
    const struct attribute *tier = schema_attribute(&table, "tier");
    schema_check_value(tier, STR("free"), PATH_ATTR(NULL, "tier"), &diags);
    assert_int_equal(diags.errors, 0);
    schema_check_value(tier, STR("gold"), PATH_ATTR(NULL, "tier"), &diags);
    assert_int_equal(diags.errors, 1);
}

/* A hundred thousand wrong elements end early and leave a list that can be read. */
static void test_limit(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    const struct value **items = arena_calloc(arena, COUNT, sizeof *items);
    for (size_t i = 0; i < COUNT; i++)
        items[i] = STR("BAD");
    const struct value *list = value_seq(arena, items, COUNT);
    size_t before = arena_used(arena);
    assert_in_range(errors_of(&table, OBJECT("few", list)), DIAGS_MAX, DIAGS_MAX + 5);
    assert_true(arena_used(arena) - before < 10 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(test_range),
        TEST(test_multiple),
        TEST(test_typed_number),
        TEST(test_one_of),
        TEST(test_shown_values),
        TEST(test_length),
        TEST(test_function_and_elements),
        TEST(test_conflicts),
        TEST(test_requires),
        TEST(test_choice),
        TEST(test_required_and_read_only),
        TEST(test_nesting),
        TEST(test_counts),
        TEST(test_check_value),
        TEST(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
