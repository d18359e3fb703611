/*
 * The pages are complete: every type has one, every refusal stands on one, every attribute of the
 * AWS provider is in the parity table with a reason where there is a difference. And the generator
 * says so when that is not the case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "generate.h"
#include "provider/estate.h"

struct fixture {
    struct arena *arena;
    struct problems problems;
    struct sources sources;
    struct json_object *aws, *notes;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->arena = arena_new();
    f->problems = (struct problems){.text = text_new(f->arena)};
    f->sources = (struct sources){f->arena, SOURCE_ROOT, &f->problems};
    f->aws = json_object_from_file(SOURCE_ROOT "/docs/generator/aws_schema.json");
    f->notes = json_object_from_file(SOURCE_ROOT "/docs/generator/parity_notes.json");
    *state = f;
    return f->arena && f->aws && f->notes ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    json_object_put(f->aws);
    json_object_put(f->notes);
    arena_free(f->arena);
    test_free(f);
    return 0;
}

static void expect_no_problem(struct fixture *f)
{
    if (f->problems.count)
        fail_msg("%s", text_end(&f->problems.text));
}

static void expect_problem(struct fixture *f, const char *part)
{
    if (!strstr(text_end(&f->problems.text), part))
        fail_msg("no \"%s\" in: %s", part, text_end(&f->problems.text));
}

/* --- pages --- */

static void every_type_has_a_page(void **state)
{
    (void)state;
    for (size_t i = 0; ipam_provider.resources[i]; i++)
        if (!page_find(resource_pages, ipam_provider.resources[i]->names[0]))
            fail_msg("no page of resource %s", ipam_provider.resources[i]->names[0]);
    for (size_t i = 0; ipam_provider.data_sources && ipam_provider.data_sources[i]; i++)
        if (!page_find(data_source_pages, ipam_provider.data_sources[i]->names[0]))
            fail_msg("no page of data source %s", ipam_provider.data_sources[i]->names[0]);
}

static bool has_data_source(const char *name)
{
    for (size_t i = 0; ipam_provider.data_sources && ipam_provider.data_sources[i]; i++)
        if (strcmp(ipam_provider.data_sources[i]->names[0], name) == 0)
            return true;
    return false;
}

static void every_page_has_a_type(void **state)
{
    (void)state;
    for (const struct page *p = resource_pages; p->name; p++)
        if (!resource_named(p->name) || strcmp(resource_named(p->name)->names[0], p->name) != 0)
            fail_msg("%s is no resource", p->name);
    for (const struct page *p = data_source_pages; p->name; p++)
        if (!has_data_source(p->name))
            fail_msg("%s is no data source", p->name);
}

static bool names_code(const struct page *pages, enum refusal_code code)
{
    for (; pages->name; pages++)
        for (const enum refusal_code *c = pages->codes; *c != REFUSAL_NONE; c++)
            if (*c == code)
                return true;
    return false;
}

static void every_refusal_stands_on_a_page(void **state)
{
    (void)state;
    const char *aws, *text;
    for (int code = REFUSAL_NONE + 1; code < REFUSAL_CODE_COUNT; code++) {
        assert_true(refusal_template((enum refusal_code)code, &aws, &text));
        if (!names_code(resource_pages, (enum refusal_code)code))
            fail_msg("on no page of a resource: %s: %s", aws, text);
    }
    assert_false(refusal_template(REFUSAL_NONE, &aws, &text));
    assert_false(refusal_template(REFUSAL_CODE_COUNT, &aws, &text));
}

static void pages_come_from_tables_and_examples(void **state)
{
    struct fixture *f = *state;
    const char *page = resource_page(&f->sources, &pool_resource);
    expect_no_problem(f);
    static const char *const parts[] = {
        "page_title: \"ipam_pool Resource",
        "Other names of the type: `aws_vpc_ipam_pool`",
        "resource \"ipam_pool\" \"prod\"",
        "- `address_family` (Required, string, forces replacement)",
        "One of `ipv4`, `ipv6`.",
        "Default: `\"None\"`.",
        "From 0 to 128.",
        "### `source_resource`",
        "- `pool_depth` (number)",
        "terraform import ipam_pool.prod",
        "| `LimitExceeded` | A pool below ‹pool› would have depth ‹count›",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(page, parts[i]))
            fail_msg("not on the page: %s", parts[i]);
}

static void missing_examples_are_problems(void **state)
{
    struct fixture *f = *state;
    f->sources.root = "/nonexistent";
    resource_page(&f->sources, &pool_resource);
    expect_problem(f, "examples/resources/ipam_pool/resource.tf is missing");
    expect_problem(f, "examples/resources/ipam_pool/import.sh is missing");
    assert_int_equal(f->problems.count, 2); /* notes are not needed */
}

static void types_without_a_page_are_problems(void **state)
{
    struct fixture *f = *state;
    struct resource unknown = pool_resource;
    unknown.names = (const char *const[]){"ipam_unheard_of", NULL};
    resource_page(&f->sources, &unknown);
    expect_problem(f, "ipam_unheard_of has no entry");
}

/* --- a schema as text --- */

static const struct attribute toy_inner[] = {
    {.name = "a", .type = &type_string, .flags = ATTR_REQUIRED, .description = "Inner."},
    {.name = NULL}};
static const struct block toy_block = {.description = "A thing.", .attributes = toy_inner};
static const struct attribute toy_attributes[] = {
    {.name = "six",
     .type = &type_number,
     .flags = ATTR_OPTIONAL | ATTR_COMPUTED,
     .fallback = DEFAULT_INT(48),
     CHECKS(MULTIPLE(44, 60, 4), CONFLICTS("cidr"), REQUIRES("pool", "cidr")),
     .description = "A length < 64, `a < b`."},
    {.name = "names",
     .type = &type_set_string,
     .flags = ATTR_OPTIONAL | ATTR_REPLACE,
     CHECKS(LENGTH(1, 5), EXACTLY_ONE("six")),
     .description = "Names."},
    {.name = "legacy",
     .type = &type_bool,
     .flags = ATTR_OPTIONAL | ATTR_IGNORED,
     .description = "Ignored."},
    {.name = NULL}};
static const struct nested_block toy_blocks[] = {{.name = "thing",
                                                  .nesting = NESTING_SET,
                                                  .min_items = 1,
                                                  .max_items = 7,
                                                  .block = &toy_block,
                                                  .description = "Things."},
                                                 {.name = NULL}};
static const struct schema toy = {.block = {.attributes = toy_attributes, .blocks = toy_blocks}};

static void a_schema_as_text(void **state)
{
    struct fixture *f = *state;
    struct text t = text_new(f->arena);
    write_schema(&t, &toy);
    write_replacement(&t, &toy);
    assert_string_equal(
        text_end(&t),
        "\n## Arguments\n\nRequired:\n\n"
        "- `thing` (Required, set of blocks) Things. At most 7. See below.\n"
        "\nOptional:\n\n"
        "- `six` (Optional, number) A length \\< 64, `a < b`. Default: `48`. From 44 to 60 in "
        "steps "
        "of 4. Conflicts with `cidr`. Requires `pool` and `cidr`.\n"
        "- `names` (Optional, set of string, forces replacement) Names. From 1 to 5 elements. "
        "Exactly one of this and `six` must be set.\n"
        "\nAccepted, so that configurations of the AWS provider run as they are, and ignored: "
        "`legacy`.\n"
        "\n## Attributes\n\nThe arguments, and no more.\n"
        "\n### `thing`\n\nA thing.\n\n- `a` (Required, string) Inner.\n"
        "A change of `names` replaces the resource; all else is changed in place.\n");
}

/* --- parity --- */

static const char *make_parity(struct fixture *f)
{
    return parity_page(f->arena, &ipam_provider, f->aws, f->notes, &f->problems);
}

static struct json_object *at(struct json_object *o, const char *name)
{
    struct json_object *v = NULL;
    assert_true(json_object_object_get_ex(o, name, &v));
    return v;
}

/* Every attribute of AWS has its row, in the section of its type. */
static void expect_rows(struct fixture *f, const char *page, const char *kind, const char *heading)
{
    json_object_object_foreach(at(f->aws, kind), type, attributes)
    {
        const char *section = strstr(page, arena_printf(f->arena, "\n## %s `%s`\n", heading, type));
        assert_non_null(section);
        const char *end = strstr(section + 4, "\n## ");
        json_object_object_foreach(attributes, path, attribute)
        {
            (void)attribute;
            const char *row = strstr(section, arena_printf(f->arena, "\n| `%s` | ", path));
            if (!row || (end && row > end))
                fail_msg("%s.%s has no row", type, path);
        }
    }
}

static void every_attribute_of_aws_is_compared(void **state)
{
    struct fixture *f = *state;
    const char *page = make_parity(f);
    expect_no_problem(f);
    expect_rows(f, page, "resources", "Resource");
    expect_rows(f, page, "data_sources", "Data source");
    assert_null(strstr(page, "|  |"));
}

static void attributes_without_a_reason_are_problems(void **state)
{
    struct fixture *f = *state;
    struct json_object *pool = at(at(f->aws, "resources"), "aws_vpc_ipam_pool");
    json_object_object_add(pool, "novelty",
                           json_tokener_parse("{\"type\": \"string\", \"use\": \"optional\"}"));
    json_object_object_add(
        pool, "locale",
        json_tokener_parse("{\"type\": \"number\", \"use\": \"optional\", \"replaces\": true}"));
    json_object_object_add(pool, "state",
                           json_tokener_parse("{\"type\": \"string\", \"use\": \"required\"}"));
    json_object_object_add(
        pool, "cascade",
        json_tokener_parse("{\"type\": \"bool\", \"use\": \"optional\", \"replaces\": true}"));
    json_object_object_add(at(f->aws, "resources"), "aws_novelty", json_tokener_parse("{}"));
    make_parity(f);
    expect_problem(f, "aws_vpc_ipam_pool.novelty of AWS is not here");
    expect_problem(f, "aws_vpc_ipam_pool.locale differs from AWS (A string instead of a number. )");
    expect_problem(f, "aws_vpc_ipam_pool.state differs from AWS (Computed instead of required. )");
    expect_problem(f, "aws_vpc_ipam_pool.cascade differs from AWS (Changed in place. )");
    expect_problem(f, "aws_novelty of AWS is not here");
    assert_int_equal(f->problems.count, 5);
}

static void reasons_without_a_difference_are_problems(void **state)
{
    struct fixture *f = *state;
    struct json_object *notes = json_object_new_object();
    json_object_object_add(notes, "nothing", json_tokener_parse("{\"differs\": \"x\"}"));
    json_object_object_add(notes, "locale", json_tokener_parse("{\"missing\": \"x\"}"));
    json_object_object_add(at(f->notes, "resources"), "aws_vpc_ipam_pool", notes);
    make_parity(f);
    expect_problem(f, "a note tells of aws_vpc_ipam_pool.nothing, which does not exist");
    expect_problem(f, "a note says that aws_vpc_ipam_pool.locale is missing, and it is here");
}

static void data_that_is_not_there_is_a_problem(void **state)
{
    struct fixture *f = *state;
    json_object_object_del(f->aws, "resources");
    assert_string_equal(make_parity(f), "");
    expect_problem(f, "\"resources\" is missing");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type_has_a_page),
        TEST(every_page_has_a_type),
        TEST(every_refusal_stands_on_a_page),
        TEST(pages_come_from_tables_and_examples),
        TEST(missing_examples_are_problems),
        TEST(types_without_a_page_are_problems),
        TEST(a_schema_as_text),
        TEST(every_attribute_of_aws_is_compared),
        TEST(attributes_without_a_reason_are_problems),
        TEST(reasons_without_a_difference_are_problems),
        TEST(data_that_is_not_there_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
