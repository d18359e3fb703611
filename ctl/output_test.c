/*
 * Tests of the forms of output, and of text that a terminal can be trusted with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ctl/grid.h"
#include "ctl/json_value.h"
#include "ctl/output.h"
#include "ctl/terminal.h"

static int setup(void **p)
{
    *p = arena_new();
    return *p == NULL;
}

static int teardown(void **p)
{
    arena_free(*p);
    return 0;
}

static void check(struct arena *a, enum output_format f, const char *json, const char *expected)
{
    struct text t = text_new(a);
    const struct value *v = json_value(a, json, strlen(json));
    assert_non_null(v);
    output_print(&t, f, "Title", v);
    assert_string_equal(text_end(&t), expected);
}

static const char nested[] = "{\"Pools\":[{\"Id\":\"p1\",\"Num\":1,\"Tags\":[{\"Key\":\"a\","
                             "\"Value\":\"b c\"}]},{\"Id\":\"p2\",\"Up\":true,\"Tags\":[]}]}";

static void as_json(void **p)
{
    check(*p, OUTPUT_JSON, "{}", "{}\n");
    check(*p, OUTPUT_JSON, "null", "null\n");
    check(*p, OUTPUT_JSON, "[1,[],{\"a\":\"x\\n\\u001b\\u007f\"}]",
          "[\n    1,\n    [],\n    {\n        \"a\": \"x\\u000a\\u001b\\u007f\"\n    }\n]\n");
}

static void as_yaml(void **p)
{
    check(*p, OUTPUT_YAML, nested,
          "Pools:\n- Id: p1\n  Num: 1\n  Tags:\n  - Key: a\n    Value: \"b c\"\n"
          "- Id: p2\n  Tags: []\n  Up: true\n");
    check(*p, OUTPUT_YAML, "[\"yes\",\"10.0.0.0/8\",\"a-b\",\"\",\"- x\",null,[1,[2]]]",
          "- \"yes\"\n- \"10.0.0.0/8\"\n- a-b\n- \"\"\n- \"- x\"\n- null\n- - 1\n  - - 2\n");
}

static void as_text(void **p)
{
    check(*p, OUTPUT_TEXT, nested, "POOLS\tp1\t1\tNone\nTAGS\ta\tb c\nPOOLS\tp2\tNone\tTrue\n");
    check(*p, OUTPUT_TEXT, "[[\"a\",1],[\"b\",2]]", "a\t1\nb\t2\n");
    check(*p, OUTPUT_TEXT, "[\"a\",\"b\"]", "a\tb\n");
    check(*p, OUTPUT_TEXT, "\"x\\ty\"", "x\\u0009y\n");
    check(*p, OUTPUT_TEXT, "[]", "");
}

static void as_table(void **p)
{
    check(*p, OUTPUT_TABLE, "[{\"A\":\"x\",\"B\":1},{\"A\":\"longer\"}]",
          "---------------------\n"
          "|       Title       |\n"
          "+----------+--------+\n"
          "|  A       |  B     |\n"
          "+----------+--------+\n"
          "|  x       |  1     |\n"
          "|  longer  |  None  |\n"
          "+----------+--------+\n");
}

/* Every line of a table is equally wide, whatever it holds. */
static void tables_are_straight(void **p)
{
    struct arena *a = *p;
    struct text t = text_new(a);
    unsigned wide = 0;
    output_print(&t, OUTPUT_TABLE, "DescribeIpamPools", json_value(a, nested, strlen(nested)));
    for (const char *line = text_end(&t); *line;) {
        size_t n = strcspn(line, "\n");
        unsigned columns = text_columns(arena_strndup(a, line, n));
        if (wide == 0)
            wide = columns;
        if (columns != wide)
            fail_msg("%u columns and %u:\n%s", columns, wide, text_end(&t));
        line += n + 1;
    }
}

static void unsafe_text(void **p)
{
    static const char *const cases[][2] = {
        {"plain äöü 漢字 🙂", "plain äöü 漢字 🙂"},
        {"\x1b[31m\x07\r\n\t", "\\u001b[31m\\u0007\\u000d\\u000a\\u0009"},
        {"a\xc2\x9bz", "a\\u009bz"}, /* CSI of the other block of controls */
        {"a\xe2\x80\xae\x62", "a\\u202e"
                              "b"}, /* right-to-left override */
        {"\xe2\x81\xa6\xe2\x80\x8f", "\\u2066\\u200f"},
        {"\xe2\x80\xa8", "\\u2028"}, /* line separator */
        {"\xff\xc0\xaf\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                     "\xef\xbf\xbd"},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"\\ \"", "\\ \""},
    };
    struct arena *a = *p;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(safe_text(a, cases[i][0]), cases[i][1]);
    struct text t = text_new(a);
    text_safe(&t, "\\ \" \x1b", 5, true);
    assert_string_equal(text_end(&t), "\\\\ \\\" \\u001b");
}

static void widths(void **p)
{
    struct arena *a = *p;
    assert_int_equal(text_columns("abc"), 3);
    assert_int_equal(text_columns("äöü"), 3);
    assert_int_equal(text_columns("漢字"), 4);
    assert_string_equal(text_cut(a, "abcdef", 6), "abcdef");
    assert_string_equal(text_cut(a, "abcdef", 4), "abc…");
    assert_string_equal(text_cut(a, "漢字漢", 4), "漢…");
    assert_string_equal(text_cut(a, "abc", 0), "");
}

static void grids(void **p)
{
    struct grid g = grid_new(*p, 3);
    struct text t = text_new(*p);
    g.right[1] = true;
    grid_add(&g, "a");
    grid_addf(&g, "%d", 100);
    grid_add(&g, "");
    grid_add(&g, "long\x1b");
    grid_add(&g, "1");
    grid_add(&g, "x");
    grid_print(&g, &t, 1);
    assert_string_equal(text_end(&t), " a           100\n long\\u001b    1  x\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_json, setup, teardown),
        cmocka_unit_test_setup_teardown(as_yaml, setup, teardown),
        cmocka_unit_test_setup_teardown(as_text, setup, teardown),
        cmocka_unit_test_setup_teardown(as_table, setup, teardown),
        cmocka_unit_test_setup_teardown(tables_are_straight, setup, teardown),
        cmocka_unit_test_setup_teardown(unsafe_text, setup, teardown),
        cmocka_unit_test_setup_teardown(widths, setup, teardown),
        cmocka_unit_test_setup_teardown(grids, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
