/*
 * leftovers_test - which socket files are taken away
 */
#include "proto/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define DEAD   "tfplugin-00000000000000000000000d"
#define LIVE   "tfplugin-000000000000000000000001"
#define OWN    "tfplugin-0000000000000000000000ff"
#define LATER  (time(NULL) + 60)
#define BEFORE (time(NULL) - 60)

static char folder[] = "/tmp/leftovers-XXXXXX";

static const char *at(const char *name)
{
    static char path[108];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A socket file; the descriptor that listens at it, or -1 when that one was closed. */
static int socket_at(const char *name, bool listens)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", at(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    if (listens)
        return fd;
    close(fd);
    return -1;
}

static bool is_there(const char *name)
{
    struct stat st;
    return lstat(at(name), &st) == 0;
}

static size_t sweep(time_t before)
{
    char path[108];
    snprintf(path, sizeof path, "%s", at(OWN));
    return leftovers_remove(path, before);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void test_dead_goes_live_stays(void **state)
{
    (void)state;
    socket_at(DEAD, false);
    int fd = socket_at(LIVE, true);
    assert_int_equal(sweep(LATER), 1);
    assert_false(is_there(DEAD));
    assert_true(is_there(LIVE));
    close(fd);
    assert_int_equal(sweep(LATER), 1);
    assert_false(is_there(LIVE));
}

static void test_young_ones_stay(void **state)
{
    (void)state;
    socket_at(DEAD, false);
    assert_int_equal(sweep(BEFORE), 0);
    assert_true(is_there(DEAD));
}

static void test_other_names_and_kinds_stay(void **state)
{
    static const char *const names[] = {
        "tfplugin-",
        "tfplugin-00000000000000000000000g",
        "tfplugin-00000000000000000000000D",
        "tfplugin-00000000000000000000000d.lock",
        "plugin-00000000000000000000000000d",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        socket_at(names[i], false);
    int fd = open(at("tfplugin-000000000000000000000002"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mkdir(at("tfplugin-000000000000000000000003"), 0700), 0);
    socket_at("elsewhere", false);
    assert_int_equal(symlink("elsewhere", at("tfplugin-000000000000000000000004")), 0);
    assert_int_equal(sweep(LATER), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(is_there(names[i]));
    assert_true(is_there("tfplugin-000000000000000000000002"));
    assert_true(is_there("tfplugin-000000000000000000000003"));
    assert_true(is_there("tfplugin-000000000000000000000004"));
    assert_true(is_there("elsewhere"));
}

static void test_bounded(void **state)
{
    char name[64];
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "tfplugin-%024x", i);
        socket_at(name, false);
    }
    assert_int_equal(sweep(LATER), 64);
    assert_int_equal(sweep(LATER), 36);
    assert_int_equal(sweep(LATER), 0);
}

static void test_no_folder(void **state)
{
    (void)state;
    assert_int_equal(leftovers_remove("tfplugin-0", LATER), 0);
    assert_int_equal(leftovers_remove("/tfplugin-0", LATER), 0);
    assert_int_equal(leftovers_remove("/no/such/folder/tfplugin-0", LATER), 0);
}

int main(void)
{
#define IN_FOLDER(fn) cmocka_unit_test_setup_teardown(fn, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_dead_goes_live_stays),       IN_FOLDER(test_young_ones_stay),
        IN_FOLDER(test_other_names_and_kinds_stay), IN_FOLDER(test_bounded),
        cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
