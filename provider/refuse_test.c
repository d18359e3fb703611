/*
 * Every refusal and every finding has a text whose placeholders all resolve, and says who, what
 * and how many.
 */
#include "provider/estate_fixture.h"

static struct refusal example(enum refusal_code code)
{
    struct refusal w = {.code = code,
                        .id = "ipam-pool-0aaaaaaaaaaaaaaaa",
                        .other_id = "ipam-pool-alloc-0bbbb",
                        .holder_resource = "vpc-0cccccccc",
                        .holder_owner = "222233334444",
                        .holder_type = "vpc",
                        .text = "Environment",
                        .text2 = "prod",
                        .length = 20,
                        .min_len = 16,
                        .max_len = 24,
                        .largest_free = 22,
                        .count = 3,
                        .limit = 10};
    cidr_parse("10.0.16.0/20", 12, &w.cidr);
    cidr_parse("10.0.0.0/16", 11, &w.conflict);
    w.free_addresses = cidr_count(&w.cidr);
    w.total_addresses = cidr_count(&w.conflict);
    return w;
}

static void no_placeholder_is_left(const char *text)
{
    for (const char *p = strchr(text, '{'); p; p = strchr(p + 1, '{'))
        if (p[1] != ' ') /* `tags = { Environment = ...` is meant */
            fail_msg("unresolved placeholder in: %s", text);
}

static void every_refusal_has_a_text(void **state)
{
    struct fixture *f = *state;
    for (int code = REFUSAL_NONE + 1; code < REFUSAL_CODE_COUNT; code++) {
        struct refusal w = example((enum refusal_code)code);
        diags_init(&f->diags, f->arena);
        report_refusal(&f->call, "creating EC2 VPC", &w, NULL);
        assert_int_equal(f->diags.errors, 1);
        const struct diag *d = f->diags.first;
        assert_ptr_equal(strstr(d->summary, "creating EC2 VPC: "), d->summary);
        assert_true(strlen(d->summary) > strlen("creating EC2 VPC: "));
        assert_true(strlen(d->detail) > 60); /* fact, rule, remedy */
        no_placeholder_is_left(d->detail);
    }
}

static const char *detail_of(struct fixture *f, struct refusal w)
{
    diags_init(&f->diags, f->arena);
    report_refusal(&f->call, "x", &w, NULL);
    return f->diags.first->detail;
}

static void the_numbers_are_said(void **state)
{
    struct fixture *f = *state;
    const char *text = detail_of(f, example(REFUSAL_NO_SPACE));
    assert_non_null(strstr(text, "a /20 was requested"));
    assert_non_null(strstr(text, "largest free block is /22"));
    assert_non_null(strstr(text, "4096 of 65536 addresses"));
    assert_non_null(strstr(text, "3 allocations"));
    text = detail_of(f, example(REFUSAL_TAKEN));
    assert_non_null(strstr(text, "10.0.16.0/20 overlaps 10.0.0.0/16"));
    assert_non_null(strstr(text, "vpc vpc-0cccccccc of account 222233334444"));
    text = detail_of(f, example(REFUSAL_TOO_LARGE));
    assert_non_null(strstr(text, "allocation_min_netmask_length = 16"));
    assert_non_null(strstr(text, "allocation_max_netmask_length = 24"));
    text = detail_of(f, example(REFUSAL_TAG_MISSING));
    assert_non_null(strstr(text, "does not have that tag"));
    struct refusal w = example(REFUSAL_TAG_MISSING);
    strcpy(w.text3, "dev");
    assert_non_null(strstr(detail_of(f, w), "the resource has \"dev\""));
}

static void the_attribute_is_the_one_that_was_used(void **state)
{
    struct fixture *f = *state;
    const struct refusal_paths paths = {
        .cidr = "cidr", .length = "netmask_length", .pool = "ipam_pool_id", .tags = "tags"};
    struct refusal w = example(REFUSAL_TOO_LARGE);
    report_refusal(&f->call, "x", &w, &paths);
    assert_string_equal(f->diags.last->path->name, "cidr");
    w.cidr = (struct cidr){0};
    report_refusal(&f->call, "x", &w, &paths);
    assert_string_equal(f->diags.last->path->name, "netmask_length");
    w = example(REFUSAL_TAG_MISSING);
    report_refusal(&f->call, "x", &w, &paths);
    assert_string_equal(f->diags.last->path->name, "tags");
    w = example(REFUSAL_NO_CIDRS);
    report_refusal(&f->call, "x", &w, &paths);
    assert_string_equal(f->diags.last->path->name, "ipam_pool_id");
}

static void every_finding_has_a_text(void **state)
{
    struct fixture *f = *state;
    for (int code = FINDING_OUTSIDE_POOL; code <= FINDING_OWNER; code++) {
        struct finding found = {.code = (enum finding_code)code, .numbers = example(REFUSAL_TAKEN)};
        diags_init(&f->diags, f->arena);
        report_findings(&f->call, "VPC vpc-0cccccccc", &found, 1);
        assert_int_equal(f->diags.warnings, 1);
        assert_ptr_equal(strstr(f->diags.first->summary, "VPC vpc-0cccccccc "),
                         f->diags.first->summary);
        no_placeholder_is_left(f->diags.first->detail);
    }
}

static void waiting_is_for_what_can_be_cured(void **state)
{
    struct fixture *f = *state;
    enum outcome out;
    struct refusal w = example(REFUSAL_NO_SPACE);
    w.curable = true;
    assert_false(engine_said_yes(&f->call, ENGINE_REFUSED, "x", &w, NULL, &out));
    assert_int_equal(out, CALL_WAIT);
    assert_int_equal(f->diags.errors, 0);
    f->call.last_attempt = true;
    assert_false(engine_said_yes(&f->call, ENGINE_REFUSED, "x", &w, NULL, &out));
    assert_int_equal(out, CALL_DONE);
    assert_int_equal(f->diags.errors, 1);
    f->call.last_attempt = false;
    w.curable = false;
    assert_false(engine_said_yes(&f->call, ENGINE_REFUSED, "x", &w, NULL, &out));
    assert_int_equal(out, CALL_DONE);
    assert_true(engine_said_yes(&f->call, ENGINE_OK, "x", &w, NULL, &out));
    assert_false(engine_said_yes(&f->call, ENGINE_NO_MEMORY, "x", &w, NULL, &out));
    assert_int_equal(f->diags.errors, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_refusal_has_a_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_numbers_are_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_attribute_is_the_one_that_was_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_finding_has_a_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_is_for_what_can_be_cured, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
