#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/diag.h"

static void paths_read_like_hcl(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_string_equal(path_describe(a, NULL), "");
    const struct path *tags = PATH_ATTR(NULL, "tags");
    assert_string_equal(path_describe(a, PATH_MAP_KEY(tags, "Na\"me")), ".tags[\"Na\\\"me\"]");
    const struct path *regions = PATH_ATTR(NULL, "operating_regions");
    assert_string_equal(path_describe(a, PATH_ATTR(PATH_ELEMENT(regions, 12), "region_name")),
                        ".operating_regions[12].region_name");
    arena_free(a);
}

static void a_copy_outlives_the_original(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char name[] = "tags";
    struct path root = {.kind = PATH_ATTRIBUTE, .name = name};
    struct path leaf = {.parent = &root, .kind = PATH_INDEX, .index = 3};
    struct path *copy = path_copy(a, &leaf);
    name[0] = 'X';
    leaf.index = 4;
    root.kind = PATH_INDEX;
    assert_string_equal(path_describe(a, copy), ".tags[3]");
    assert_null(path_copy(a, NULL));
    arena_free(a);
}

static void diagnostics_keep_order_and_what_was_said(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct diags d;
    diags_init(&d, a);
    char summary[] = "creating VPC";
    diag_error(&d, PATH_ATTR(NULL, "cidr_block"), summary, "requested /%d, largest free /%d", 20,
               22);
    summary[0] = 'X';
    diag_warning(&d, NULL, "second", "%s", "plain");
    assert_int_equal(d.errors, 1);
    assert_int_equal(d.warnings, 1);
    assert_int_equal(d.first->severity, SEVERITY_ERROR);
    assert_string_equal(d.first->summary, "creating VPC");
    assert_string_equal(d.first->detail, "requested /20, largest free /22");
    assert_string_equal(path_describe(a, d.first->path), ".cidr_block");
    assert_ptr_equal(d.first->next, d.last);
    assert_null(d.last->path);
    assert_null(d.last->next);
    assert_int_equal(d.last->severity, SEVERITY_WARNING);
    arena_free(a);
}

static void too_many_are_counted_not_kept(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct diags d;
    diags_init(&d, a);
    for (unsigned i = 0; i < DIAGS_MAX; i++) {
        diag_warning(&d, NULL, "w", "%u", i);
    }
    assert_string_equal(d.last->detail, "999");
    diag_warning(&d, NULL, "w", "left out");
    assert_string_equal(d.last->summary, "1 more errors and warnings");
    assert_int_equal(d.last->severity, SEVERITY_WARNING);
    size_t used = arena_used(a);
    for (unsigned i = 0; i < 100000; i++) {
        diag_error(&d, NULL, "e", "left out");
    }
    assert_int_equal(arena_used(a), used);
    assert_int_equal(d.errors, 100000);
    assert_int_equal(d.warnings, DIAGS_MAX + 1);
    assert_string_equal(d.last->summary, "100001 more errors and warnings");
    assert_int_equal(d.last->severity, SEVERITY_ERROR);
    size_t count = 0;
    for (const struct diag *e = d.first; e; e = e->next) {
        count++;
    }
    assert_int_equal(count, DIAGS_MAX + 1);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_read_like_hcl),
        cmocka_unit_test(a_copy_outlives_the_original),
        cmocka_unit_test(diagnostics_keep_order_and_what_was_said),
        cmocka_unit_test(too_many_are_counted_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
