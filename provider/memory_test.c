/*
 * What is remembered: whole objects and networks, from state and from answers, until they go.
 */
#include "provider/estate_fixture.h"

static void remember_json(struct fixture *f, const struct resource *r, const char *json)
{
    struct json_object *o = json_tokener_parse(json);
    assert_non_null(o);
    memory_remember(f->estate->memory, r, &(struct facts){.arena = f->arena, .json = o});
    json_object_put(o);
}

static const struct value *object(struct fixture *f, const char *id, const char *description)
{
    const struct value_member m[] = {{"id", value_string(f->arena, id)},
                                     {"description", value_string(f->arena, description)}};
    return value_map(f->arena, m, 2);
}

static const char *description_of(struct fixture *f, const struct resource *r, const char *id)
{
    return value_str(value_get(memory_object(f->estate->memory, f->arena, r, id), "description"),
                     "-");
}

static void objects_are_kept_whole(void **state)
{
    struct fixture *f = *state;
    struct memory *m = f->estate->memory;
    remember_json(f, &pool_resource,
                  "{\"id\":\"pool-1\",\"description\":\"first\",\"tags_all\":{\"A\":\"b\"},"
                  "\"unheard_of\":[1]}");
    const struct value *v = memory_object(m, f->arena, &pool_resource, "pool-1");
    assert_string_equal(value_str(value_get(v, "description"), ""), "first");
    assert_string_equal(value_str(value_get(value_get(v, "tags_all"), "A"), ""), "b");
    assert_true(value_is_null(memory_object(m, f->arena, &pool_resource, "pool-2")));
    assert_true(value_is_null(memory_object(m, f->arena, &ipam_resource, "pool-1")));
    memory_forget(m, &pool_resource, "pool-1");
    memory_forget(m, &pool_resource, "pool-1");
    assert_true(value_is_null(memory_object(m, f->arena, &pool_resource, "pool-1")));
}

static void answers_bring_it_up_to_date(void **state)
{
    struct fixture *f = *state;
    struct call c = {.arena = f->arena, .state = f->estate};
    provider_observe(&c, &ipam_resource, &value_null, object(f, "ipam-1", "made"));
    assert_string_equal(description_of(f, &ipam_resource, "ipam-1"), "made");
    provider_observe(&c, &ipam_resource, object(f, "ipam-1", "made"),
                     object(f, "ipam-1", "changed"));
    assert_string_equal(description_of(f, &ipam_resource, "ipam-1"), "changed");
    provider_observe(&c, &ipam_resource, object(f, "ipam-1", "changed"), &value_null);
    assert_string_equal(description_of(f, &ipam_resource, "ipam-1"), "-");
    assert_true(memory_is_whole(f->estate->memory));
    c.state = NULL; /* not configured */
    provider_observe(&c, &ipam_resource, &value_null, object(f, "ipam-1", "made"));
}

static void networks_are_kept_in_short(void **state)
{
    struct fixture *f = *state;
    remember_json(f, &vpc_resource,
                  "{\"id\":\"vpc-1\",\"cidr_block\":\"10.0.0.0/16\",\"ipv6_cidr_block\":\"\","
                  "\"region\":\"eu-west-1\",\"owner_id\":\"123456789012\","
                  "\"instance_tenancy\":\"default\",\"enable_dns_support\":true,"
                  "\"tags_all\":{\"Name\":\"a\",\"Env\":\"prod\"}}");
    const struct network *n = memory_network(f->estate->memory, "vpc-1");
    assert_non_null(n);
    assert_int_equal(n->kind, NETWORK_VPC);
    assert_string_equal(n->vpc_id, "vpc-1");
    assert_string_equal(n->region, "eu-west-1");
    assert_int_equal(n->v4.len, 16);
    assert_false(cidr_is_set(&n->v6));
    assert_true(n->dns_support && !n->dns_hostnames);
    assert_int_equal(n->tags.count, 2);
    assert_string_equal(n->tags.items[0].key, "Env");
    assert_string_equal(n->tags.items[1].value, "a");
    /* Imported by id alone: no CIDR, nothing to tell. */
    remember_json(f, &vpc_resource, "{\"id\":\"vpc-1\",\"region\":\"eu-west-1\"}");
    assert_null(memory_network(f->estate->memory, "vpc-1"));
}

struct seen {
    const char *last;
    size_t count;
};

static void see(void *ctx, const struct network *n)
{
    struct seen *s = ctx;
    assert_true(!s->last || strcmp(s->last, n->id) < 0);
    s->last = n->id;
    s->count++;
}

static void many_come_in_order_and_go(void **state)
{
    struct fixture *f = *state;
    struct memory *m = f->estate->memory;
    char json[160], id[24];
    struct seen seen = {0};
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(json, sizeof json, "{\"id\":\"vpc-%03u\",\"cidr_block\":\"10.%u.0.0/16\"}",
                 i * 7919 % 1000, i % 256);
        remember_json(f, &vpc_resource, json);
    }
    memory_each_network(m, NETWORK_VPC, see, &seen);
    assert_int_equal(seen.count, 1000);
    for (unsigned i = 0; i < 999; i++) {
        snprintf(id, sizeof id, "vpc-%03u", i);
        memory_forget(m, &vpc_resource, id);
    }
    seen = (struct seen){0};
    memory_each_network(m, NETWORK_VPC, see, &seen);
    assert_int_equal(seen.count, 1);
    memory_each_network(m, NETWORK_SUBNET, see, &seen);
    assert_int_equal(seen.count, 1);
}

static void other_things_are_not_kept(void **state)
{
    struct fixture *f = *state;
    remember_json(f, &allocation_resource, "{\"id\":\"x\",\"cidr\":\"10.0.0.0/16\"}");
    assert_null(memory_network(f->estate->memory, "x"));
    remember_json(f, &pool_resource, "{\"description\":\"no id\"}");
    assert_true(memory_is_whole(f->estate->memory));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_are_kept_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_bring_it_up_to_date, set_up, tear_down),
        cmocka_unit_test_setup_teardown(networks_are_kept_in_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_come_in_order_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_things_are_not_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
