/*
 * Every schema table of the provider is free of the mistakes that schema_lint knows, names are
 * unique, and every resource can be loaded from state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "provider/estate.h"

static void tables_are_sound(void **unused)
{
    (void)unused;
    struct arena *a = arena_new();
    const char *wrong = schema_lint(a, &provider_schema);
    if (wrong)
        fail_msg("provider: %s", wrong);
    for (size_t i = 0; ipam_resources[i]; i++) {
        wrong = schema_lint(a, ipam_resources[i]->schema);
        if (wrong)
            fail_msg("%s: %s", ipam_resources[i]->names[0], wrong);
    }
    for (size_t i = 0; ipam_data_sources[i]; i++) {
        wrong = schema_lint(a, ipam_data_sources[i]->schema);
        if (wrong)
            fail_msg("data %s: %s", ipam_data_sources[i]->names[0], wrong);
    }
    arena_free(a);
}

static void every_name_is_unique_and_found(void **unused)
{
    (void)unused;
    size_t names = 0;
    for (size_t i = 0; ipam_resources[i]; i++)
        for (size_t n = 0; ipam_resources[i]->names[n]; n++, names++)
            assert_ptr_equal(resource_named(ipam_resources[i]->names[n]), ipam_resources[i]);
    assert_true(names >= 14);
    assert_null(resource_named("aws_subnet_group"));
    assert_null(resource_named(""));
}

static void names_of_data_sources_are_unique(void **unused)
{
    (void)unused;
    for (size_t i = 0; ipam_data_sources[i]; i++)
        for (const char *const *name = ipam_data_sources[i]->names; *name; name++)
            for (size_t j = i + 1; ipam_data_sources[j]; j++)
                for (const char *const *other = ipam_data_sources[j]->names; *other; other++)
                    assert_string_not_equal(*name, *other);
}

static void every_resource_has_a_loader(void **unused)
{
    (void)unused;
    for (size_t i = 0; ipam_resources[i]; i++)
        assert_non_null(resource_loader(ipam_resources[i]));
}

static void every_attribute_is_described(void **unused)
{
    (void)unused;
    for (size_t i = 0; ipam_resources[i]; i++) {
        const struct attribute *t = ipam_resources[i]->schema->block.attributes;
        for (; t->name; t++)
            if (!t->description || !*t->description)
                fail_msg("%s.%s has no description", ipam_resources[i]->names[0], t->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(every_name_is_unique_and_found),
        cmocka_unit_test(names_of_data_sources_are_unique),
        cmocka_unit_test(every_resource_has_a_loader),
        cmocka_unit_test(every_attribute_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
