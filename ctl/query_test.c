/*
 * Tests of JMESPath: the cases of its specification that the AWS CLI's users meet, errors, limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/json_value.h"
#include "ctl/query.h"
#include "proto/codec.h"
#include "proto/text.h"

static const char document[] =
    "{\"a\":{\"b\":[1,2,3,[4,[5]]],\"c d\":\"x\"},\"n\":null,\"t\":true,\"f\":false,\"e\":[],"
    "\"list\":[{\"k\":\"one\",\"v\":3,\"in\":{\"z\":[1,2]}},{\"k\":\"two\",\"v\":1},"
    "{\"k\":\"three\",\"v\":2,\"in\":{\"z\":[3]}}]}";

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

static const struct value *parsed(struct arena *a, const char *json)
{
    const struct value *v = json_value(a, json, strlen(json));
    assert_non_null(v);
    return v;
}

static const char *printed(struct arena *a, const struct value *v)
{
    struct bytes b = json_encode(a, value_infer_type(a, v), v);
    return arena_strndup(a, (const char *)b.data, b.len);
}

/* A query of the document, and what it finds. */
static const char *const answers[][2] = {
    {"a.\"c d\"", "\"x\""},
    {"a.b[0]", "1"},
    {"a.b[-1][0]", "4"},
    {"a.b[9]", "null"},
    {"a.nothing.at.all", "null"},
    {"a.b[1:3]", "[2,3]"},
    {"a.b[:2]", "[1,2]"},
    {"a.b[2:]", "[3,[4,[5]]]"},
    {"a.b[-2:]", "[3,[4,[5]]]"},
    {"a.b[:3:2]", "[1,3]"},
    {"a.b[2::-1]", "[3,2,1]"},
    {"a.b[]", "[1,2,3,4,[5]]"},
    {"a.b[][]", "[1,2,3,4,5]"},
    {"list[*].k", "[\"one\",\"two\",\"three\"]"},
    {"list[].in.z", "[[1,2],[3]]"},
    {"list[].in.z[]", "[1,2,3]"},
    {"list[*].in.z[0]", "[1,3]"},
    {"list[*].in.z | [0]", "[1,2]"},
    {"list[*].in | [*].z", "[[1,2],[3]]"},
    {"list[?v > `1`].k", "[\"one\",\"three\"]"},
    {"list[?v>=`1` && k!='one'].k", "[\"two\",\"three\"]"},
    {"list[?k=='one' || k=='two'].v", "[3,1]"},
    {"list[?!in].k", "[\"two\"]"},
    {"list[?in].in.z[]", "[1,2,3]"},
    {"list[?k=='none']", "[]"},
    {"list[?k=='none'] | [0]", "null"},
    {"list[0].in.*", "[[1,2]]"},
    {"list[].{K:k,V:v}[0]", "{\"K\":\"one\",\"V\":3}"},
    {"list[].{K:k,V:v} | [0]", "{\"K\":\"one\",\"V\":3}"},
    {"list[].[k,v]", "[[\"one\",3],[\"two\",1],[\"three\",2]]"},
    {"length(list)", "3"},
    {"length('äb')", "2"},
    {"list | length(@)", "3"},
    {"sort_by(list,&v)[].k", "[\"two\",\"three\",\"one\"]"},
    {"sort_by(list, &k)[*].v", "[3,2,1]"},
    {"max_by(list,&v).k", "\"one\""},
    {"min_by(list,&v).k", "\"two\""},
    {"max(list[].v)", "3"},
    {"min(e)", "null"},
    {"sum(list[].v)", "6"},
    {"reverse(list[].v)", "[2,1,3]"},
    {"reverse('aäz')", "\"zäa\""},
    {"sort(list[].k)", "[\"one\",\"three\",\"two\"]"},
    {"join(', ', list[].k)", "\"one, two, three\""},
    {"keys(a)", "[\"b\",\"c d\"]"},
    {"length(values(a))", "2"},
    {"avg(list[].v)", "2"},
    {"avg(e)", "null"},
    {"map(&in.z, list)", "[[1,2],null,[3]]"},
    {"merge(list[1], {v:`5`,w:`6`})", "{\"k\":\"two\",\"v\":5,\"w\":6}"},
    {"merge(`{}`)", "{}"},
    {"to_array(n)", "[null]"},
    {"to_array(e)", "[]"},
    {"map(&type(@), [n,t,`1`,'x',e,a])",
     "[\"null\",\"boolean\",\"number\",\"string\",\"array\",\"object\"]"},
    {"max_by([{i:`1`,w:'a'},{i:`2`,w:'b'},{i:`2`,w:'c'}],&i).w", "\"b\""},
    {"{a:t,a:f}", "{\"a\":false}"},
    {"list[?contains(k,'o')].k", "[\"one\",\"two\"]"},
    {"contains(list[].v, `2`)", "true"},
    {"list[?starts_with(k,'t')].k", "[\"two\",\"three\"]"},
    {"list[?ends_with(k,'e')].k", "[\"one\",\"three\"]"},
    {"to_string(a.b[0])", "\"1\""},
    {"to_string('x')", "\"x\""},
    {"to_number('2.5')", "2.5"},
    {"not_null(n, nothing, t)", "true"},
    {"abs(`-2`)", "2"},
    {"ceil(`1.2`)", "2"},
    {"floor(`1.8`)", "1"},
    {"n || 'default'", "\"default\""},
    {"t && f", "false"},
    {"e || t", "true"},
    {"!e", "true"},
    {"(t || f) && n", "null"},
    {"a == a", "true"},
    {"a.b[0] == `1.0`", "true"},
    {"k < `1`", "null"},
    {"`[1,{\"x\":2}]`", "[1,{\"x\":2}]"},
    {"`plain`", "\"plain\""},
    {"'it\\'s'", "\"it's\""},
    {"\"a\".\"b\"[0]", "1"},
    {"@.t", "true"},
    {"*.b[0] | [0]", "1"},
    {"  list [ 0 ] . k  ", "\"one\""},
};

static void results(void **p)
{
    struct arena *a = *p;
    const struct value *v = parsed(a, document);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const char *error = NULL;
        const struct value *found = query_run(a, answers[i][0], v, &error);
        if (!found)
            fail_msg("%s: %s", answers[i][0], error);
        if (strcmp(printed(a, found), answers[i][1]) != 0)
            fail_msg("%s is %s, not %s", answers[i][0], printed(a, found), answers[i][1]);
    }
}

static void errors(void **p)
{
    static const char *const cases[][2] = {
        {"", "ends early"},
        {"a.", "ends early"},
        {"a.`1`", "a name is missing at character 3"},
        {"a b", "unexpected at character 3"},
        {"a[", "ends early"},
        {"a[0", "\"]\" is missing"},
        {"a[?b", "\"]\" is missing"},
        {"{a:b", "\"}\" is missing"},
        {"{a b}", "\":\" is missing"},
        {"[a,", "ends early"},
        {"'open", "a quote without its end at character 1"},
        {"\"bad\\q\"", "no JSON string"},
        {"a[::0]", "a step of 0"},
        {"a#b", "unexpected character at character 2"},
        {"a[99999999999]", "too large"},
        {"nope(a)", "there is no function nope()"},
        {"length()", "takes 1 arguments, not 0"},
        {"length(`1`)", "argument 1 of length() has the wrong type"},
        {"sort_by(list,'k')", "argument 2 of sort_by() has the wrong type"},
        {"sort_by(list,&in)", "all strings or all numbers"},
        {"join(',',list)", "a list of strings"},
        {"sum(list)", "a list of numbers"},
        {"avg(list)", "avg() takes a list of numbers"},
        {"map(list,&k)", "argument 1 of map() has the wrong type"},
        {"merge()", "takes at least 1 arguments, not 0"},
        {"merge(a,n)", "argument 2 of merge() has the wrong type"},
        {"&a", "an argument of a function only"},
        {"a.b()", "there is no function b()"},
        {"(a", "\")\" is missing"},
    };
    struct arena *a = *p;
    const struct value *v = parsed(a, document);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *error = NULL;
        if (query_run(a, cases[i][0], v, &error))
            fail_msg("%s is accepted", cases[i][0]);
        assert_non_null(error);
        if (!strstr(error, cases[i][1]))
            fail_msg("%s: %s, not %s", cases[i][0], error, cases[i][1]);
    }
}

/* Neither deep nor long nor multiplying queries take the program down. */
static void limits(void **p)
{
    struct arena *a = *p;
    const struct value *v = parsed(a, document);
    const char *error = NULL;
    struct text deep = text_new(a), length = text_new(a), growing = text_new(a);
    for (int i = 0; i < 10000; i++) {
        text_puts(&deep, "(");
        text_puts(&length, "a.");
    }
    text_puts(&length, "a");
    text_puts(&growing, "[@,@]");
    for (int i = 0; i < 60; i++)
        text_puts(&growing, " | [@,@] | [].[@,@] | [] | []");
    assert_null(query_run(a, text_end(&deep), v, &error));
    assert_non_null(strstr(error, "nests deeper"));
    assert_null(query_run(a, text_end(&length), v, &error));
    assert_non_null(strstr(error, "too long"));
    assert_null(query_run(a, text_end(&growing), v, &error));
    assert_non_null(strstr(error, "more than"));
}

/* A value whose parts are shared, so that it is small and has more members than can be walked. */
static const char *endless(struct arena *a)
{
    struct text t = text_new(a);
    text_puts(&t, "{a:@,b:@}");
    for (int i = 0; i < 100; i++)
        text_puts(&t, " | {a:@,b:@}");
    return text_end(&t);
}

static void shared_values(void **p)
{
    static const char *const queries[] = {
        "%s",
        "[(%s) == (%s)]",
        "contains([(%s)], (%s))",
        "length(to_string(%s))",
    };
    struct arena *a = *p;
    const struct value *v = parsed(a, document);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct text t = text_new(a);
        const char *error = NULL;
        for (const char *c = queries[i]; *c; c++)
            if (*c == '%' && c++)
                text_puts(&t, endless(a));
            else
                text_add(&t, c, 1);
        assert_null(query_run(a, text_end(&t), v, &error));
        assert_non_null(strstr(error, "values"));
    }
}

/* Any text is either a query or an error that says something. */
static void random_texts(void **p)
{
    static const char *const words[] = {
        "a", "b", "list", "[", "]", "[*]", "[]", "[?",  ".",   "*", "{",  "}",      ":", ",",
        "(", ")", "&",    "@", "|", "||",  "==", "`1`", "'x'", "0", "-1", "length", "!"};
    const char *given = getenv("TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    (void)p;
    print_message("TEST_SEED=%u\n", seed);
    srandom(seed);
    for (int round = 0; round < 20000; round++) {
        struct arena *a = arena_new();
        struct text t = text_new(a);
        for (long n = random() % 12; n >= 0; n--)
            text_puts(&t, words[(size_t)random() % (sizeof words / sizeof *words)]);
        const char *error = NULL;
        const struct value *found = query_run(a, text_end(&t), parsed(a, document), &error);
        if (!found == !error || (error && !*error))
            fail_msg("%s: neither answered nor refused", text_end(&t));
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(results, setup, teardown),
        cmocka_unit_test_setup_teardown(errors, setup, teardown),
        cmocka_unit_test_setup_teardown(limits, setup, teardown),
        cmocka_unit_test_setup_teardown(shared_values, setup, teardown),
        cmocka_unit_test(random_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
