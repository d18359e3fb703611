/*
 * server_test - the command line, each case in a child process
 *
 * What happens after the handshake is tested from outside, by the wire tests.
 */
#include "proto/server.h"

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

static const struct schema empty_schema = {
    .block = {.description = "Nothing.", .attributes = (const struct attribute[]){{.name = NULL}}},
};

static const struct provider provider = {
    .name = "trial",
    .version = "9.8.7",
    .address = "example.org/test/trial",
    .about = "It does nothing.",
    .schema = &empty_schema,
    .resources = (const struct resource *const[]){NULL},
};

static int say_arguments(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        printf("<%s>", argv[i]);
    }
    return 42;
}

static const struct plugin_command commands[] = {
    {"say", "print the arguments", say_arguments},
    {"--version", "a command goes before an option", say_arguments},
    {NULL, NULL, NULL},
};

struct result {
    int code;
    char out[8192], err[8192];
};

static void read_back(FILE *f, char *text, size_t size)
{
    rewind(f);
    text[fread(text, 1, size - 1, f)] = '\0';
    fclose(f);
}

static struct result run(const struct plugin_command *table, const char *first, const char *second)
{
    char *argv[] = {"terraform-provider-trial", (char *)first, (char *)second, NULL};
    int argc = first ? second ? 3 : 2 : 1;
    FILE *out = tmpfile(), *err = tmpfile();
    assert_non_null(out);
    assert_non_null(err);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        unsetenv("TF_PLUGIN_MAGIC_COOKIE");
        int code = plugin_main(argc, argv, &provider, table);
        fflush(stdout);
        _exit(code);
    }
    struct result r;
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    r.code = WEXITSTATUS(status);
    read_back(out, r.out, sizeof r.out);
    read_back(err, r.err, sizeof r.err);
    return r;
}

static void test_version(void **state)
{
    (void)state;
    static const char *const spellings[] = {"--version", "-version", "-v"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        struct result r = run(NULL, spellings[i], NULL);
        assert_int_equal(r.code, 0);
        assert_string_equal(r.out, "terraform-provider-trial 9.8.7\n");
        assert_string_equal(r.err, "");
    }
}

static void test_help(void **state)
{
    (void)state;
    struct result r = run(commands, "--help", NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.err, "");
    static const char *const parts[] = {
        "It does nothing.",
        "--version",
        "--debug",
        "say        print the arguments",
        "/.terraform.d/plugins/example.org/test/trial/9.8.7/linux_",
        "/terraform-provider-trial_v9.8.7\n",
        "source = \"example.org/test/trial\"",
        "TF_REATTACH_PROVIDERS",
        "TF_LOG_PROVIDER",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_non_null(strstr(r.out, parts[i]));
    }
    r = run(NULL, "-h", NULL);
    assert_int_equal(r.code, 0);
    assert_null(strstr(r.out, "Commands:"));
}

static void test_commands(void **state)
{
    (void)state;
    struct result r = run(commands, "say", "a b");
    assert_int_equal(r.code, 42);
    assert_string_equal(r.out, "<say><a b>");
    r = run(commands, "--version", NULL);
    assert_int_equal(r.code, 42);
    assert_string_equal(r.out, "<--version>");
}

static void test_usage(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        {"--verbose", NULL, "`--verbose`"},
        {"---version", NULL, "`---version`"},
        {"--version", "x", "`x`"},
        {"sai", NULL, "`sai`"},
        {"--", NULL, "`--`"},
        {"", NULL, "``"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct result r = run(NULL, wrong[i][0], wrong[i][1]);
        assert_int_equal(r.code, 2);
        assert_string_equal(r.out, "");
        assert_non_null(strstr(r.err, wrong[i][2]));
        assert_non_null(strstr(r.err, "Usage: terraform-provider-trial"));
    }
}

static void test_by_hand(void **state)
{
    (void)state;
    struct result r = run(NULL, NULL, NULL);
    assert_int_equal(r.code, 1);
    assert_string_equal(r.out, "");
    assert_non_null(strstr(r.err, "terraform-provider-trial 9.8.7 is a plugin."));
    assert_non_null(strstr(r.err, "It does nothing."));
    assert_non_null(strstr(r.err, "terraform init"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),  cmocka_unit_test(test_help),
        cmocka_unit_test(test_commands), cmocka_unit_test(test_usage),
        cmocka_unit_test(test_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
