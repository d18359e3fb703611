/*
 * State of the AWS provider becomes ours: what is not set reads so, what is missing is filled in,
 * and our own state is left as it is.
 */
#include "proto/codec.h"
#include "provider/estate_fixture.h"

static int set_up_tags(void **state)
{
    int result = set_up(state);
    if (result == 0) {
        struct fixture *f = *state;
        f->estate->default_tags = value_map(f->arena, NULL, 0);
    }
    return result;
}

static const struct value *upgraded(struct fixture *f, const char *type, int64_t version,
                                    const char *json)
{
    const char *error;
    const struct resource *r = resource_named(type);
    const struct value *v =
        json_decode(f->arena, schema_type(f->arena, r->schema),
                    (struct bytes){(const uint8_t *)json, strlen(json)}, JSON_LENIENT, &error);
    assert_non_null(v);
    f->call.type_name = type;
    assert_int_equal(r->upgrade(&f->call, version, &v), CALL_DONE);
    assert_int_equal(f->diags.errors, 0);
    return v;
}

static const char *string(const struct value *v, const char *name)
{
    return value_str(value_get(v, name), NULL);
}

static void every_resource_takes_state_over(void **state)
{
    (void)state;
    for (size_t i = 0; ipam_resources[i]; i++) {
        if (ipam_resources[i]->upgrade != upgrade_state)
            fail_msg("%s does not", ipam_resources[i]->names[0]);
        assert_true(ipam_resources[i]->schema->version >= 1);
    }
}

static void what_is_not_set_reads_so(void **state)
{
    struct fixture *f = *state;
    const struct value *v =
        upgraded(f, "aws_vpc_ipam_pool", 0,
                 "{\"id\":\"ipam-pool-01\",\"source_ipam_pool_id\":\"\",\"description\":\"\","
                 "\"tags\":{},\"allocation_resource_tags\":{},\"publicly_advertisable\":null,"
                 "\"allocation_max_netmask_length\":0,\"allocation_min_netmask_length\":16,"
                 "\"locale\":null,\"public_ip_source\":\"\",\"of_another_version\":1}");
    assert_true(value_is_null(value_get(v, "source_ipam_pool_id")));
    assert_true(value_is_null(value_get(v, "tags")));
    assert_true(value_is_null(value_get(v, "allocation_resource_tags")));
    assert_true(value_is_null(value_get(v, "allocation_max_netmask_length")));
    int64_t n = 0;
    assert_true(value_as_int(value_get(v, "allocation_min_netmask_length"), &n) && n == 16);
    assert_string_equal(string(v, "description"), ""); /* the default, there as here */
    assert_string_equal(string(v, "locale"), "None");
    assert_string_equal(string(v, "public_ip_source"), "");
    assert_ptr_equal(value_get(v, "publicly_advertisable"), &value_false);
    assert_string_equal(string(v, "region"), DEFAULT_REGION);
}

static void what_is_missing_is_told_by_the_rest(void **state)
{
    struct fixture *f = *state;
    const struct value *v =
        upgraded(f, "aws_vpc", 1,
                 "{\"id\":\"vpc-01\",\"arn\":\"arn:aws:ec2:ap-south-1:111122223333:vpc/vpc-01\","
                 "\"tags\":{\"Name\":\"a\"},\"ipv4_ipam_pool_id\":\"\",\"ipv6_netmask_length\":0}");
    assert_string_equal(string(v, "region"), "ap-south-1");
    assert_string_equal(string(value_get(v, "tags_all"), "Name"), "a");
    assert_true(value_is_null(value_get(v, "ipv4_ipam_pool_id")));
    v = upgraded(f, "aws_vpc_ipam_pool_cidr", 0,
                 "{\"id\":\"10.0.0.0/9_p\",\"cidr\":\"10.0.0.0/9\",\"netmask_length\":0}");
    int64_t n = 0;
    assert_true(value_as_int(value_get(v, "netmask_length"), &n) && n == 9);
}

static void our_own_state_stays(void **state)
{
    struct fixture *f = *state;
    const struct resource *r = resource_named("ipam_pool");
    const struct value *v = upgraded(
        f, "ipam_pool", r->schema->version,
        "{\"id\":\"ipam-pool-01\",\"source_ipam_pool_id\":\"\",\"tags\":{},\"tags_all\":{},"
        "\"region\":\"eu-west-1\",\"allocation_max_netmask_length\":0}");
    assert_string_equal(string(v, "source_ipam_pool_id"), "");
    assert_int_equal(value_get(v, "tags")->kind, VALUE_MAP);
    assert_int_equal(value_get(v, "allocation_max_netmask_length")->kind, VALUE_NUMBER);
    assert_true(value_is_null(value_get(v, "locale")));
    assert_string_equal(string(v, "region"), "eu-west-1");
}

/* Terraform moves state before it configures. */
static void nothing_is_known_before_configuring(void **state)
{
    struct fixture *f = *state;
    f->call.state = NULL;
    const struct value *v =
        upgraded(f, "ipam_pool", 0, "{\"id\":\"p\",\"source_ipam_pool_id\":\"\"}");
    assert_true(value_is_null(value_get(v, "region")));
    assert_true(value_is_null(value_get(v, "tags_all")));
    assert_true(value_is_null(value_get(v, "source_ipam_pool_id")));
    f->call.state = f->estate;
    v = upgraded(f, "ipam_pool", resource_named("ipam_pool")->schema->version, "{\"id\":\"p\"}");
    assert_string_equal(string(v, "region"), DEFAULT_REGION);
    assert_int_equal(value_get(v, "tags_all")->kind, VALUE_MAP);
}

static void ignored_tags_are_hidden(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {"Patch", NULL}, *const prefixes[] = {"cost/", NULL};
    f->estate->ignored_tags.keys = keys;
    f->estate->ignored_tags.prefixes = prefixes;
    const struct value *tags = &value_null;
    static const char *const all[] = {"Name", "Patch", "Patchy", "cost/unit", "cost"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tags = value_set(f->arena, tags, all[i], value_string(f->arena, "x"));
    const struct value *kept = tags_merged(&f->call, tags);
    assert_int_equal(kept->map.count, 3);
    assert_non_null(string(kept, "Name"));
    assert_non_null(string(kept, "Patchy"));
    assert_non_null(string(kept, "cost"));
    assert_true(value_is_unknown(tags_merged(&f->call, &value_unknown)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_resource_takes_state_over),
        cmocka_unit_test_setup_teardown(what_is_not_set_reads_so, set_up_tags, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_is_told_by_the_rest, set_up_tags,
                                        tear_down),
        cmocka_unit_test_setup_teardown(our_own_state_stays, set_up_tags, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_known_before_configuring, set_up_tags,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ignored_tags_are_hidden, set_up_tags, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
