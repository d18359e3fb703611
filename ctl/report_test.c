/*
 * The page around the data: places are filled once, and nothing that is put into the page gets out
 * of where it stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/report.h"

static const char *json_of(struct arena *a, const char *s)
{
    struct text t = text_new(a);
    report_string(&t, s);
    return text_end(&t);
}

static void strings_stay_inside_of_their_element(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_string_equal(json_of(a, NULL), "\"\"");
    assert_string_equal(json_of(a, "plain"), "\"plain\"");
    assert_string_equal(json_of(a, "</script><!--"), "\"\\u003c/script>\\u003c!--\"");
    assert_string_equal(json_of(a, "a\"b\\c"), "\"a\\\"b\\\\c\"");
    /* Shown as escapes: the backslash is a character of the text. */
    assert_string_equal(json_of(a, "\x1b[1m"), "\"\\\\u001b[1m\"");
    assert_string_equal(json_of(a, "\xe2\x80\xae"), "\"\\\\u202e\"");
    arena_free(a);
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
        n++;
    return n;
}

static void places_are_filled_once(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    size_t len;
    const char *page = report_page(a, "<b>\"&{{data}}", "{\"is\":\"{{title}}{{style}}\"}", &len);
    assert_int_equal(len, strlen(page));
    assert_int_equal(count_of(page, "&lt;b>&quot;&amp;{{data}}"), 2); /* title and heading */
    assert_int_equal(count_of(page, "{\"is\":\"{{title}}{{style}}\"}"), 1);
    assert_int_equal(count_of(page, "{{"), 4); /* those, and nothing is left of our own */
    assert_int_equal(count_of(page, "'sha256-"), 2);
    assert_int_equal(count_of(page, "<script"), 2);
    assert_int_equal(count_of(page, "</html>"), 1);
    arena_free(a);
}

/* An end of the element would be taken for one, wherever it stands. */
static void parts_hold_no_end_of_their_element(void **state)
{
    (void)state;
    assert_null(strstr(report_js, "</script"));
    assert_null(strstr(report_js, "<!--"));
    assert_null(strstr(report_css, "</style"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_stay_inside_of_their_element),
        cmocka_unit_test(places_are_filled_once),
        cmocka_unit_test(parts_hold_no_end_of_their_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
