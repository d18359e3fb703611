/*
 * log_test - what arrives on stderr, seen from a child process
 *
 * The level is read once in a process, so each case runs in its own.
 */
#include "proto/log.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* after the headers above, as it demands */
#include <cmocka.h>

static char captured[4 << 20];

/* Runs fn in a child with these levels (NULL: not set); returns its stderr. */
static const char *capture(const char *tf_log, const char *tf_log_provider, void (*fn)(void))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        unsetenv("TF_LOG");
        unsetenv("TF_LOG_PROVIDER");
        if (tf_log) {
            setenv("TF_LOG", tf_log, 1);
        }
        if (tf_log_provider) {
            setenv("TF_LOG_PROVIDER", tf_log_provider, 1);
        }
        fn();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], captured + len, sizeof captured - 1 - len)) > 0) {
        len += (size_t)n;
    }
    captured[len] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return captured;
}

static void each_level(void)
{
    log_line(LOG_TRACE, "t%d", 1);
    log_line(LOG_DEBUG, "d%s", "x");
    log_line(LOG_INFO, "i");
    log_line(LOG_WARN, "w");
    log_line(LOG_ERROR, "e");
}

static void test_levels(void **state)
{
    (void)state;
    static const char all[] = "[TRACE] t1\n[DEBUG] dx\n[INFO] i\n[WARN] w\n[ERROR] e\n";
    static const char few[] = "[WARN] w\n[ERROR] e\n";
    assert_string_equal(capture(NULL, NULL, each_level), few);
    assert_string_equal(capture("", "", each_level), few);
    assert_string_equal(capture("TRACE", NULL, each_level), all);
    assert_string_equal(capture("trace", NULL, each_level), all);
    assert_string_equal(capture("JSON", NULL, each_level), all);
    assert_string_equal(capture("nonsense", NULL, each_level), all);
    assert_string_equal(capture("DEBUG", NULL, each_level), strchr(all, '\n') + 1);
    assert_string_equal(capture("info", NULL, each_level), strstr(all, "[INFO]"));
    assert_string_equal(capture("WARN", NULL, each_level), few);
    assert_string_equal(capture("ERROR", NULL, each_level), strstr(few, "[ERROR]"));
    assert_string_equal(capture("OFF", NULL, each_level), "");
}

static void test_provider_level_goes_first(void **state)
{
    (void)state;
    assert_string_equal(capture("TRACE", "ERROR", each_level), "[ERROR] e\n");
    assert_string_equal(capture("OFF", "WARN", each_level), "[WARN] w\n[ERROR] e\n");
    assert_string_equal(capture("ERROR", "", each_level), "[ERROR] e\n");
}

static void control_characters(void)
{
    log_line(LOG_ERROR, "a\nb\r\tc\x1b[31m\x7f end");
    log_line(LOG_ERROR, "Gr\xc3\xbc\xc3\x9f"
                        "e");
    log_line(LOG_ERROR, "%s", "");
}

static void test_one_line(void **state)
{
    (void)state;
    assert_string_equal(capture(NULL, NULL, control_characters),
                        "[ERROR] a b  c [31m  end\n[ERROR] Gr\xc3\xbc\xc3\x9f"
                        "e\n[ERROR] \n");
}

static char filler[20000];

/* Whole up to the limit, cut above it. 8192 with the newline. */
static void around_the_limit(void)
{
    memset(filler, 'x', sizeof filler - 1);
    size_t fits = 8192 - strlen("[ERROR] ") - 1;
    log_line(LOG_ERROR, "%.*s", (int)fits, filler);
    log_line(LOG_ERROR, "%.*s", (int)fits + 1, filler);
    log_line(LOG_ERROR, "%s", filler);
}

static void test_long_lines(void **state)
{
    (void)state;
    const char *text = capture(NULL, NULL, around_the_limit);
    for (int i = 0; i < 3; i++) {
        const char *end = strchr(text, '\n');
        assert_non_null(end);
        assert_int_equal(end + 1 - text, 8192);
        assert_memory_equal(end - 3, i == 0 ? "xxx" : "...", 3);
        text = end + 1;
    }
    assert_string_equal(text, "");
}

static void *write_many(void *name)
{
    for (int i = 0; i < 200; i++) {
        log_line(LOG_ERROR, "%c%0999d", *(char *)name, 0);
    }
    return NULL;
}

static void four_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, write_many, &"abcd"[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void test_threads_do_not_mix(void **state)
{
    (void)state;
    const char *text = capture(NULL, NULL, four_threads);
    for (int i = 0; i < 800; i++, text += 1009) {
        assert_memory_equal(text, "[ERROR] ", 8);
        assert_true(text[8] >= 'a' && text[8] <= 'd');
        assert_int_equal(strspn(text + 9, "0"), 999);
        assert_int_equal(text[1008], '\n');
    }
    assert_string_equal(text, "");
}

static void closed(void)
{
    close(STDERR_FILENO);
    errno = EDOM;
    log_line(LOG_ERROR, "nobody reads this");
    if (errno != EDOM) {
        _exit(1);
    }
}

static void test_closed_stderr(void **state)
{
    (void)state;
    assert_string_equal(capture(NULL, NULL, closed), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_provider_level_goes_first),
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_threads_do_not_mix),
        cmocka_unit_test(test_closed_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
