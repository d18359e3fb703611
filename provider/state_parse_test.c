/*
 * Parsing of states: shapes, addresses, provider references, hostile input.
 *
 * TEST_SEED replays a run of the random test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "provider/state.h"

/* All that a state may hold, in little space. */
static const char sample[] =
    "{\n  \"version\": 4, \"terraform_version\": \"1.11.4\", \"serial\": 7, \"lineage\": \"a-b\",\n"
    "  \"outputs\": {}, \"resources\": [\n"
    "    {\"mode\": \"managed\", \"type\": \"aws_vpc\", \"name\": \"one\",\n"
    "     \"provider\": \"provider[\\\"registry.terraform.io/hashicorp/aws\\\"]\",\n"
    "     \"instances\": [{\"schema_version\": 1, \"attributes\": {\"cidr_block\": "
    "\"10.0.0.0/16\"}},\n"
    "       {\"schema_version\": 1, \"deposed\": \"00000001\", \"attributes\": {}}]},\n"
    "    {\"mode\": \"data\", \"type\": \"aws_region\", \"name\": \"here\", \"instances\": 3},\n"
    "    {\"module\": \"module.m[\\\"k.1\\\"]\", \"mode\": \"managed\", \"type\": \"ipam_vpc\",\n"
    "     \"name\": \"two\", \"provider\": "
    "\"module.m.provider[\\\"terraform.local/ipam/ipam\\\"].west\",\n"
    "     \"instances\": [{\"index_key\": 0, \"status\": \"tainted\", \"attributes\": {}},\n"
    "       {\"index_key\": -1, \"attributes\": {}},\n"
    "       {\"index_key\": \"a\\\"b\\\\c\\n${d}%{e}$f\\u0001\\u00e9\", \"attributes\": {}}]},\n"
    "    {\"mode\": \"managed\", \"type\": \"null_resource\", \"name\": \"none\", \"provider\": "
    "\"provider.null.x\", \"instances\": []},\n"
    "    {\"mode\": \"managed\", \"type\": \"null_resource\", \"name\": \"old\", \"provider\": "
    "\"provider.null.x\", \"instances\": [{\"attributes\": {}, \"index_key\": null}]}\n"
    "  ], \"check_results\": null\n}\n";

struct seen {
    char text[4096];
    size_t count, stop_after;
};

static bool note(void *ctx, const struct state_instance *i)
{
    struct seen *seen = ctx;
    size_t len = strlen(seen->text);
    assert_true(json_object_is_type(i->attributes, json_type_object));
    snprintf(seen->text + len, sizeof seen->text - len, "%s|%s|%s|%s%s|%lld\n", i->type,
             i->provider, i->address, i->deposed ? "D" : "", i->tainted ? "T" : "",
             (long long)i->schema_version);
    return ++seen->count != seen->stop_after;
}

static struct state *parse(const char *text, char *error, size_t size)
{
    /* An exact copy on the heap: reading beyond the end is caught. */
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    struct state *s = state_parse(copy, len, "test", NULL, error, size);
    free(copy);
    return s;
}

static void walks_every_instance(void **unused)
{
    (void)unused;
    char error[256] = "";
    struct seen seen = {0};
    struct state *s = parse(sample, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(s);
    assert_true(state_each(s, note, &seen));
    assert_string_equal(seen.text,
                        "aws_vpc|registry.terraform.io/hashicorp/aws|aws_vpc.one||1\n"
                        "aws_vpc|registry.terraform.io/hashicorp/aws|aws_vpc.one|D|1\n"
                        "ipam_vpc|terraform.local/ipam/ipam|module.m[\"k.1\"].ipam_vpc.two[0]|T|0\n"
                        "ipam_vpc|terraform.local/ipam/ipam|module.m[\"k.1\"].ipam_vpc.two[-1]||0\n"
                        "ipam_vpc|terraform.local/ipam/ipam|module.m[\"k.1\"].ipam_vpc.two"
                        "[\"a\\\"b\\\\c\\n$${d}%%{e}$f\\u0001\xc3\xa9\"]||0\n"
                        "null_resource|registry.terraform.io/-/null|null_resource.old||0\n");
    assert_int_equal(state_serial(s), 7);
    assert_string_equal(state_lineage(s), "a-b");
    assert_string_equal(state_origin(s), "test");
    assert_null(state_path(s));
    assert_false(state_is_empty(s));
    state_free(s);
}

static void stops_when_told(void **unused)
{
    (void)unused;
    char error[256];
    struct seen seen = {.stop_after = 2};
    struct state *s = parse(sample, error, sizeof error);
    assert_non_null(s);
    assert_false(state_each(s, note, &seen));
    assert_int_equal(seen.count, 2);
    state_free(s);
}

#define RESOURCES(r) "{\"version\": 4, \"resources\": [" r "]}"
#define MANAGED(r)   RESOURCES("{\"mode\": \"managed\", \"type\": \"t\", \"name\": \"n\"" r "}")
#define INSTANCE(i)                                                                                \
    MANAGED(", \"provider\": \"provider[\\\"a/b/c\\\"]\", \"instances\": [{\"attributes\": {}},"   \
            " {" i "}]")

static void empty_states(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        RESOURCES(""),
        RESOURCES("{\"mode\": \"data\"}"),
        MANAGED(", \"provider\": \"provider[\\\"a/b/c\\\"]\", \"instances\": []"),
        "{\"version\":4,\"resources\":[],\"serial\":9223372036854775807}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char error[256] = "";
        struct seen seen = {0};
        struct state *s = parse(texts[i], error, sizeof error);
        assert_string_equal(error, "");
        assert_non_null(s);
        assert_true(state_is_empty(s));
        assert_true(state_each(s, note, &seen));
        assert_int_equal(seen.count, 0);
        assert_string_equal(state_lineage(s), "");
        state_free(s);
    }
}

static void refuses_other_shapes(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "ends in the middle"},
        {" \n", "ends in the middle"},
        {"nonsense", "no JSON"},
        {"[]", "expected a JSON object, found an array"},
        {"null\n", "expected a JSON object, found null"},
        {"4\n", "expected a JSON object, found a number"},
        {"{} {}", "no JSON"},
        {"{\"version\": 4, \"resources\": [],}", "no JSON"},
        {"{\"version\": 4, /* */ \"resources\": []}", "no JSON"},
        {"{\"version\": 4, \"resources\": [], \"x\": \"\xff\"}", "no JSON"},
        {"{}", "version: expected 4, found null"},
        {"{\"version\": \"4\"}", "version: expected 4, found a string"},
        {"{\"version\": 4.0}", "version: expected 4, found a number"},
        {"{\"version\": 3, \"modules\": []}", "version: 3 is not supported"},
        {"{\"version\": 5}", "version: 5 is not supported"},
        {"{\"version\": 4}", "resources: expected an array, found null"},
        {"{\"version\": 4, \"resources\": null}", "resources: expected an array, found null"},
        {"{\"version\": 4, \"resources\": {}}", "resources: expected an array, found an object"},
        {"{\"version\": 4, \"resources\": [], \"serial\": 9223372036854775808}", "serial: a whole"},
        {"{\"version\": 4, \"resources\": [], \"serial\": 99999999999999999999}", "out of range"},
        {"{\"version\": 4, \"resources\": [], \"serial\": -1}", "serial: a whole number out"},
        {"{\"version\": 4, \"resources\": [], \"serial\": 1.5}", "serial: expected a whole"},
        {"{\"version\": 4, \"resources\": [], \"lineage\": 1}", "lineage: expected a string"},
        {"{\"version\": 4, \"resources\": [], \"encrypted_data\": \"x\"}", "encrypted by OpenTofu"},
        {RESOURCES("1"), "resources[0]: expected an object, found a number"},
        {RESOURCES("{}"), "resources[0].mode: expected a string, found null"},
        {RESOURCES("{\"mode\": \"data\"}, {\"mode\": \"odd\"}"), "resources[1].mode: \"odd\""},
        {RESOURCES("{\"mode\": \"managed\"}"), "resources[0].type: expected a string"},
        {RESOURCES("{\"mode\": \"managed\", \"type\": \"\"}"), "resources[0].type: an empty"},
        {RESOURCES("{\"mode\": \"managed\", \"type\": \"a\\u0000b\"}"), "type: a NUL"},
        {RESOURCES("{\"mode\": \"managed\", \"type\": \"t\"}"), ".name: expected a string"},
        {MANAGED(""), "resources[0].provider: expected a string, found null"},
        {MANAGED(", \"module\": 1"), "resources[0].module: expected a string"},
        {MANAGED(", \"provider\": \"aws\""), ".provider: \"aws\" is no reference"},
        {MANAGED(", \"provider\": \"provider.\""), "is no reference"},
        {MANAGED(", \"provider\": \"myprovider.x\""), "is no reference"},
        {MANAGED(", \"provider\": \"provider[\\\"\\\"]\""), "is no reference"},
        {MANAGED(", \"provider\": \"provider[\\\"a/b/c\""), "is no reference"},
        {MANAGED(", \"provider\": \"provider.a\""), ".instances: expected an array, found null"},
        {MANAGED(", \"provider\": \"provider.a\", \"instances\": {}"), "found an object"},
        {MANAGED(", \"provider\": \"provider.a\", \"instances\": [[]]"),
         "resources[0].instances[0]: expected an object, found an array"},
        {INSTANCE(""), "resources[0].instances[1].attributes: expected an object, found null"},
        {INSTANCE("\"attributes\": null"), "instances[1].attributes: expected an object"},
        {INSTANCE("\"attributes\": []"), ".attributes: expected an object, found an array"},
        {INSTANCE("\"attributes_flat\": {\"id\": \"x\"}"), "Terraform 0.11"},
        {INSTANCE("\"attributes\": {}, \"index_key\": true"), ".index_key: expected a string or"},
        {INSTANCE("\"attributes\": {}, \"index_key\": 1.5"), ".index_key: expected a string or"},
        {INSTANCE("\"attributes\": {}, \"index_key\": \"\\u0000\""), ".index_key: a NUL"},
        {INSTANCE("\"attributes\": {}, \"deposed\": true"), ".deposed: expected a string"},
        {INSTANCE("\"attributes\": {}, \"status\": \"dead\""), ".status: \"dead\" is not known"},
        {INSTANCE("\"attributes\": {}, \"schema_version\": \"1\""), ".schema_version: expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char error[256] = "";
        struct state *s = parse(cases[i].text, error, sizeof error);
        if (s || !strstr(error, cases[i].error)) {
            state_free(s);
            fail_msg("%s\ngave: %s\nexpected: %s", cases[i].text, error, cases[i].error);
        }
    }
}

static void refuses_what_follows_a_nul(void **unused)
{
    (void)unused;
    static const char text[] = RESOURCES("") "\n\0\0\0";
    char error[256] = "";
    assert_null(state_parse(text, sizeof text - 1, "test", NULL, error, sizeof error));
    assert_non_null(strstr(error, "something follows the JSON"));
}

static void limits_depth(void **unused)
{
    (void)unused;
    char error[256];
    for (size_t depth = 1; depth < 100000; depth *= 3) {
        char *text = malloc(2 * depth + 64);
        assert_non_null(text);
        int n = sprintf(text, "{\"version\":4,\"resources\":[],\"x\":");
        memset(text + n, '[', depth);
        memset(text + n + depth, ']', depth);
        memcpy(text + n + 2 * depth, "}", 2);
        struct state *s = parse(text, error, sizeof error);
        assert_true((s != NULL) == (depth + 2 < STATE_MAX_DEPTH));
        state_free(s);
        free(text);
    }
}

static void a_part_is_no_state(void **unused)
{
    (void)unused;
    size_t whole = strlen(sample);
    for (size_t len = 0; len < whole; len++) {
        char error[256] = "", *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, sample, len);
        struct state *s = state_parse(copy, len, "test", NULL, error, sizeof error);
        free(copy);
        assert_true((s != NULL) == (len == whole - 1)); /* only the last newline may be missing */
        assert_true(s || strstr(error, "ends in the middle"));
        state_free(s);
    }
}

static void a_small_error_buffer_is_enough(void **unused)
{
    (void)unused;
    char error[8];
    assert_null(parse(RESOURCES("{}"), error, sizeof error));
    assert_int_equal(strlen(error), sizeof error - 1);
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static bool touch(void *ctx, const struct state_instance *i)
{
    *(size_t *)ctx += strlen(i->type) + strlen(i->provider) + strlen(i->address) +
                      (size_t)json_object_object_length(i->attributes);
    return true;
}

/* No outcome is expected but a sound one: a state that can be walked, or an error text. */
static void survives_mutations(void **unused)
{
    (void)unused;
    static const char spice[] = "{}[]\",:\\0n4-e.\x00\xff$%";
    const char *replay = getenv("TEST_SEED");
    uint64_t seed = replay ? strtoull(replay, NULL, 0) : (uint64_t)time(NULL), x = seed * 2 + 1;
    size_t parsed = 0, total = 0;
    print_message("TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 20000; round++) {
        char text[sizeof sample], error[64] = "";
        size_t len = sizeof sample - 1;
        memcpy(text, sample, sizeof sample);
        for (uint64_t n = next_random(&x) % 4 + 1; n; n--) {
            text[next_random(&x) % len] = spice[next_random(&x) % (sizeof spice - 1)];
        }
        struct state *s = state_parse(text, len, "test", NULL, error, sizeof error);
        assert_true((s != NULL) == (error[0] == '\0'));
        if (s) {
            parsed++;
            assert_true(state_each(s, touch, &total));
        }
        state_free(s);
    }
    assert_true(parsed > 0 && total > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_every_instance),
        cmocka_unit_test(stops_when_told),
        cmocka_unit_test(empty_states),
        cmocka_unit_test(refuses_other_shapes),
        cmocka_unit_test(refuses_what_follows_a_nul),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(a_part_is_no_state),
        cmocka_unit_test(a_small_error_buffer_is_enough),
        cmocka_unit_test(survives_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
