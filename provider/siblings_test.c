/*
 * What one process of a run makes, the others learn at once; what stands in the file besides
 * changes nothing, whatever it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/codec.h"
#include "provider/siblings.h"

#define POOL "ipam-pool-0aaaaaaaaaaaaaaaa"
#define VPC  "vpc-0bbbbbbbbbbbbbbbb"
#define NET  "subnet-0cccccccccccccccc"

static const char pool_json[] = "{\"id\":\"" POOL "\",\"ipam_scope_id\":\"scope\","
                                "\"address_family\":\"ipv4\",\"locale\":\"eu-west-1\"}";
static const char cidr_json[] =
    "{\"id\":\"10.0.0.0/16_" POOL "\",\"ipam_pool_id\":\"" POOL "\",\"cidr\":\"10.0.0.0/16\"}";
static const char vpc_json[] = "{\"id\":\"" VPC "\",\"ipv4_ipam_pool_id\":\"" POOL
                               "\",\"cidr_block\":\"10.0.0.0/20\",\"region\":\"eu-west-1\"}";
static const char net_json[] = "{\"id\":\"" NET "\",\"vpc_id\":\"" VPC
                               "\",\"cidr_block\":\"10.0.1.0/24\",\"region\":\"eu-west-1\"}";

/* One process of the run. */
struct process {
    struct estate *estate;
    struct siblings *siblings;
    struct diags diags;
    struct call call;
};

struct fixture {
    char folder[64];
    struct process one, two;
};

static void begin(struct process *p, const char *lineage)
{
    p->estate = estate_new();
    p->siblings = siblings_new(lineage);
    assert_non_null(p->estate);
    assert_non_null(p->siblings);
    p->call = (struct call){.arena = arena_new(), .state = p->estate, .stage = CALL_APPLYING};
    diags_init(&p->diags, p->call.arena);
    p->call.diags = &p->diags;
}

static void end(struct process *p)
{
    siblings_free(p->siblings);
    estate_free(p->estate);
    arena_free(p->call.arena);
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/siblings-test-XXXXXX");
    if (!mkdtemp(f->folder) || setenv("TF_DATA_DIR", f->folder, 1) != 0)
        return -1;
    begin(&f->one, "");
    begin(&f->two, "");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    end(&f->one);
    end(&f->two);
    unsetenv("TF_DATA_DIR");
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    int failed = system(command);
    test_free(f);
    return failed;
}

static const struct value *object(struct process *p, const struct resource *r, const char *json)
{
    const char *error = NULL;
    const struct value *v =
        json_decode(p->call.arena, schema_type(p->call.arena, r->schema),
                    (struct bytes){(const uint8_t *)json, strlen(json)}, JSON_LENIENT, &error);
    assert_non_null(v);
    return v;
}

static void makes(struct process *p, const struct resource *r, const char *json)
{
    siblings_tell(p->siblings, &p->call, r, &value_null, object(p, r, json));
}

static void removes(struct process *p, const struct resource *r, const char *json)
{
    siblings_tell(p->siblings, &p->call, r, object(p, r, json), &value_null);
}

static bool hears(struct process *p)
{
    bool heard = siblings_hear(p->siblings, &p->call);
    assert_true(engine_check(p->estate->engine));
    assert_true(engine_check(p->estate->insides));
    return heard;
}

/* The file of the run, of which there must be one. */
static void path_of(const struct fixture *f, char *out, size_t size)
{
    DIR *d = opendir(f->folder);
    unsigned n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' && ++n == 1)
            snprintf(out, size, "%s/%.200s", f->folder, e->d_name);
    closedir(d);
    assert_int_equal(n, 1);
}

static void append(const struct fixture *f, const void *bytes, size_t n)
{
    char path[300];
    path_of(f, path, sizeof path);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

static void append_text(const struct fixture *f, const char *text)
{
    append(f, text, strlen(text));
}

static bool has_pool(const struct process *p)
{
    const struct pool *pool = engine_pool(p->estate->engine, POOL);
    return pool && pool_is_known(pool);
}

static void test_objects(void **state)
{
    struct fixture *f = *state;
    char path[300];
    struct stat st;
    assert_false(hears(&f->two));
    makes(&f->one, &pool_resource, pool_json);
    makes(&f->one, &pool_cidr_resource, cidr_json);
    path_of(f, path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(siblings_made(f->two.siblings, POOL));
    assert_true(hears(&f->two));
    assert_true(has_pool(&f->two));
    assert_int_equal(pool_cidr_count(engine_pool(f->two.estate->engine, POOL)), 1);
    assert_true(siblings_made(f->two.siblings, POOL));
    assert_false(hears(&f->two));
    assert_false(hears(&f->one)); /* its own */
    assert_false(siblings_made(f->one.siblings, POOL));
}

/* Of networks the inside, and never what they hold of a pool. */
static void test_networks(void **state)
{
    struct fixture *f = *state;
    makes(&f->one, &pool_resource, pool_json);
    makes(&f->one, &pool_cidr_resource, cidr_json);
    makes(&f->one, &vpc_resource, vpc_json);
    makes(&f->one, &subnet_resource, net_json);
    assert_true(hears(&f->two));
    size_t n = 0;
    assert_true(inside_known(&f->two.call, VPC));
    inside_subnets(&f->two.call, VPC, FAMILY_V4, &n);
    assert_int_equal(n, 1);
    assert_int_equal(pool_allocation_count(engine_pool(f->two.estate->engine, POOL)), 0);
    removes(&f->one, &subnet_resource, net_json);
    assert_true(hears(&f->two));
    inside_subnets(&f->two.call, VPC, FAMILY_V4, &n);
    assert_int_equal(n, 0);
}

/* What others hold stays, whatever a line says that goes. */
static void test_removals(void **state)
{
    struct fixture *f = *state;
    makes(&f->two, &scope_resource, "{\"id\":\"scope\",\"ipam_id\":\"ipam\"}");
    assert_true(
        estate_learn(&f->two.call, &pool_resource, object(&f->two, &pool_resource, pool_json)));
    assert_true(estate_learn(&f->two.call, &pool_cidr_resource,
                             object(&f->two, &pool_cidr_resource, cidr_json)));
    assert_true(
        estate_learn(&f->two.call, &vpc_resource, object(&f->two, &vpc_resource, vpc_json)));
    removes(&f->one, &vpc_resource, vpc_json);
    removes(&f->one, &pool_cidr_resource, cidr_json);
    removes(&f->one, &pool_resource, pool_json);
    hears(&f->two);
    const struct pool *pool = engine_pool(f->two.estate->engine, POOL);
    assert_int_equal(pool_cidr_count(pool), 1);
    assert_int_equal(pool_allocation_count(pool), 1);
}

static void test_types_that_are_not_told(void **state)
{
    struct fixture *f = *state;
    makes(&f->one, &pool_resource, pool_json);
    makes(&f->one, &pool_cidr_resource, cidr_json);
    append_text(f, "{\"type\":\"ipam_pool_cidr_allocation\",\"by\":\"x\",\"form\":1}\t"
                   "{\"id\":\"ipam-pool-alloc-0dddddddddddddddd_" POOL "\",\"ipam_pool_id\":\"" POOL
                   "\",\"ipam_pool_allocation_id\":\"ipam-pool-alloc-0dddddddddddddddd\","
                   "\"cidr\":\"10.0.0.0/24\"}\n");
    assert_true(hears(&f->two));
    assert_int_equal(pool_allocation_count(engine_pool(f->two.estate->engine, POOL)), 0);
}

static void test_torn_line(void **state)
{
    struct fixture *f = *state;
    char line[600];
    makes(&f->one, &scope_resource, "{\"id\":\"scope\",\"ipam_id\":\"ipam\"}");
    assert_true(hears(&f->two));
    int n = snprintf(line, sizeof line, "{\"type\":\"ipam_pool\",\"by\":\"x\",\"form\":1}\t%s\n",
                     pool_json);
    append(f, line, (size_t)n / 2);
    assert_false(hears(&f->two));
    append(f, line + n / 2, (size_t)n - (size_t)n / 2);
    assert_true(hears(&f->two));
    assert_true(has_pool(&f->two));
    /* Half a line that nobody completes spoils only itself. */
    append(f, line, (size_t)n / 2);
    makes(&f->one, &pool_cidr_resource, cidr_json);
    assert_true(hears(&f->two));
    assert_int_equal(pool_cidr_count(engine_pool(f->two.estate->engine, POOL)), 1);
}

static void test_lines_of_others(void **state)
{
    struct fixture *f = *state;
    static const char *const heads[] = {
        "{\"type\":\"ipam_pool\",\"by\":\"x\",\"form\":2}",
        "{\"type\":\"ipam_pool\",\"by\":\"x\"}",
        "{\"type\":\"ipam_bucket\",\"by\":\"x\",\"form\":1}",
        "{\"type\":7,\"by\":\"x\",\"form\":1}",
        "{\"by\":\"x\",\"form\":1}",
        "{\"type\":\"ipam_pool\",\"by\":\"x\",\"form\":1,\"lineage\":\"another\"}",
        "[]",
        "",
    };
    struct process third;
    begin(&third, "one");
    makes(&f->one, &scope_resource, "{\"id\":\"scope\",\"ipam_id\":\"ipam\"}");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char line[600];
        snprintf(line, sizeof line, "%s\t%s\n", heads[i], pool_json);
        append_text(f, line);
    }
    append_text(f, "{\"type\":\"ipam_pool\",\"by\":\"x\",\"form\":1}\t{\"id\":17}\n");
    append_text(f,
                "{\"type\":\"ipam_pool\",\"by\":\"x\",\"form\":1}\t{\"id\":\"a\",\"locale\":{}}\n");
    append_text(f, "{\"type\":\"ipam_pool\",\"by\":\"x\",\"form\":1}\n");
    assert_true(hears(&third)); /* the scope */
    assert_false(has_pool(&third));
    end(&third);
}

static void test_noise(void **state)
{
    struct fixture *f = *state;
    const char *given = getenv("TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("TEST_SEED=%u\n", seed);
    srand(seed);
    makes(&f->one, &scope_resource, "{\"id\":\"scope\",\"ipam_id\":\"ipam\"}");
    for (unsigned round = 0; round < 300; round++) {
        char line[700];
        int n = snprintf(line, sizeof line,
                         "{\"type\":\"%s\",\"by\":\"x\",\"form\":1,\"gone\":%d}\t%s\n",
                         round % 3 ? "ipam_pool_cidr" : "ipam_subnet", rand() % 2,
                         round % 3 ? cidr_json : net_json);
        for (int i = rand() % 6; i > 0; i--)
            line[rand() % n] = (char)rand();
        append(f, line, (size_t)n);
        hears(&f->two);
    }
    makes(&f->one, &pool_resource, pool_json);
    append_text(f, "\n");
    assert_true(hears(&f->two));
    assert_true(has_pool(&f->two));
}

/* Others could have written it: not read, and not written to. */
static void test_file_of_others(void **state)
{
    struct fixture *f = *state;
    char path[300];
    makes(&f->one, &pool_resource, pool_json);
    path_of(f, path, sizeof path);
    assert_int_equal(chmod(path, 0622), 0);
    assert_false(hears(&f->two));
    assert_int_equal(chmod(path, 0600), 0);
    assert_true(hears(&f->two));
}

static void test_link(void **state)
{
    struct fixture *f = *state;
    char path[300], other[300];
    makes(&f->one, &pool_resource, pool_json);
    path_of(f, path, sizeof path);
    snprintf(other, sizeof other, "%s/.elsewhere", f->folder);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_false(hears(&f->two));
}

static void leave(const struct fixture *f, const char *name, time_t age)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static bool is_left(const struct fixture *f, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    return access(path, F_OK) == 0;
}

/* Runs of this machine that have ended, and those of others that are long ago, leave nothing. */
static void test_files_of_ended_runs(void **state)
{
    struct fixture *f = *state;
    char path[300], ended[300], *pid;
    struct process first;
    begin(&first, "");
    makes(&first, &pool_resource, pool_json);
    end(&first);
    path_of(f, path, sizeof path);
    pid = strrchr(path, '.');
    while (pid[-1] != '.')
        pid--;
    snprintf(ended, sizeof ended, "%.*s999999999.1", (int)(pid - strrchr(path, '/') - 1),
             strrchr(path, '/') + 1);
    leave(f, ended, 0);
    leave(f, "ipam-run.boot.1.2.3", 60);
    leave(f, "ipam-run.boot.1.2.4", 2 * 24 * 60 * 60);
    leave(f, "ipam-run.", 2 * 24 * 60 * 60);
    leave(f, "terraform.tfstate", 2 * 24 * 60 * 60);
    makes(&f->one, &pool_resource, pool_json);
    assert_false(is_left(f, ended));
    assert_true(is_left(f, "ipam-run.boot.1.2.3"));
    assert_false(is_left(f, "ipam-run.boot.1.2.4"));
    assert_true(is_left(f, "ipam-run."));
    assert_true(is_left(f, "terraform.tfstate"));
    assert_true(is_left(f, strrchr(path, '/') + 1));
    assert_true(hears(&f->two)); /* what the process that ended made is still there */
}

static void test_no_folder(void **state)
{
    struct fixture *f = *state;
    struct process lost, other;
    setenv("TF_DATA_DIR", "/nonexistent/folder", 1);
    begin(&lost, "");
    begin(&other, "");
    makes(&lost, &pool_resource, pool_json);
    assert_false(hears(&other));
    end(&lost);
    end(&other);
    setenv("TF_DATA_DIR", f->folder, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_objects),   TEST(test_networks),
        TEST(test_removals),  TEST(test_types_that_are_not_told),
        TEST(test_torn_line), TEST(test_lines_of_others),
        TEST(test_noise),     TEST(test_file_of_others),
        TEST(test_link),      TEST(test_files_of_ended_runs),
        TEST(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
