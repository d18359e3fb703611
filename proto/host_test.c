/*
 * How many places the host has, from command lines and environments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/host.h"

#define PLACES(arguments, ...)                                                                     \
    host_places_in(arguments, sizeof(arguments), (char *const[]){__VA_ARGS__, NULL})

static void from_the_command_line(void **unused)
{
    (void)unused;
    assert_int_equal(PLACES("terraform\0apply", "A=b"), HOST_PLACES);
    assert_int_equal(PLACES("terraform\0apply\0-parallelism=3", "A=b"), 3);
    assert_int_equal(PLACES("terraform\0apply\0--parallelism=3", "A=b"), 3);
    assert_int_equal(PLACES("terraform\0apply\0-parallelism\0004\0-no-color", "A=b"), 4);
    assert_int_equal(PLACES("terraform\0-parallelism=3\0-parallelism=50", "A=b"), 50);
    assert_int_equal(PLACES("terraform\0apply\0-parallelism", "A=b"), HOST_PLACES);
    assert_int_equal(PLACES("terraform\0apply\0-parallelism=none", "A=b"), HOST_PLACES);
    assert_int_equal(PLACES("terraform\0apply\0-parallelism=-1", "A=b"), HOST_PLACES);
    assert_int_equal(PLACES("terraform\0apply\0-parallelisms=3", "A=b"), HOST_PLACES);
    assert_int_equal(PLACES("", "A=b"), HOST_PLACES);
}

static void the_environment_only_raises(void **unused)
{
    (void)unused;
    assert_int_equal(PLACES("terraform\0plan", "TF_CLI_ARGS=-parallelism=30"), 30);
    assert_int_equal(PLACES("terraform\0plan", "TF_CLI_ARGS_plan=-no-color -parallelism 40"), 40);
    assert_int_equal(PLACES("terraform\0plan", "TF_CLI_ARGS_apply=-parallelism=2"), HOST_PLACES);
    assert_int_equal(PLACES("terraform\0plan\0-parallelism=5", "TF_CLI_ARGS=-parallelism=30"), 5);
    assert_int_equal(PLACES("terraform\0plan", "XTF_CLI_ARGS=-parallelism=30"), HOST_PLACES);
}

static void of_a_process(void **unused)
{
    (void)unused;
    assert_int_equal(host_places(getpid()), HOST_PLACES);
    assert_int_equal(host_places(-1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_command_line),
        cmocka_unit_test(the_environment_only_raises),
        cmocka_unit_test(of_a_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
