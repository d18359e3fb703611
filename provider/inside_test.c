/*
 * The inside of VPCs, the pools that plan it, and zones: what may stand where, who is told what.
 */
#include "provider/estate_fixture.h"

#define VPC "vpc-0aaaaaaaaaaaaaaa1"

/* What cannot be had is refused instead of waited for. */
static int set_up_last(void **state)
{
    int result = set_up(state);
    if (result == 0)
        ((struct fixture *)*state)->call.last_attempt = true;
    return result;
}

static void give(struct fixture *f, const char *vpc, const char *text)
{
    struct cidr c = cidr_of(text);
    assert_true(inside_load_cidr(f->estate->insides, f->arena, vpc, &c));
}

static void place(struct fixture *f, const char *vpc, const char *subnet, const char *text)
{
    struct cidr c = cidr_of(text);
    assert_true(inside_load_subnet(f->estate->insides, f->arena, vpc, subnet, &c));
}

/* The code that asking for this place is answered with; NULL: granted. */
static const char *answer(struct fixture *f, const char *vpc, const char *text)
{
    struct cidr c = cidr_of(text), same;
    struct refusal why;
    enum outcome out;
    diags_init(&f->diags, f->arena);
    struct allocation_request r = inside_request(f->arena, vpc, "", &c);
    enum engine_result result = engine_pick_allocation(f->estate->insides, &r, &same, &why);
    if (inside_said_yes(&f->call, result, "x", &why, "cidr_block", &out))
        return NULL;
    assert_int_equal(out, CALL_DONE);
    return f->diags.first->summary;
}

static void a_subnet_has_its_place(void **state)
{
    struct fixture *f = *state;
    give(f, VPC, "10.0.0.0/16");
    give(f, VPC, "fd00::/56");
    give(f, "vpc-0bbbbbbbbbbbbbbb1", "10.0.0.0/16"); /* another VPC may have the same */
    place(f, VPC, "subnet-0a", "10.0.1.0/24");
    assert_int_equal(engine_settle(f->estate->insides), ENGINE_OK);
    assert_null(answer(f, VPC, "10.0.0.0/24"));
    assert_null(answer(f, VPC, "fd00::/64"));
    assert_null(answer(f, "vpc-0bbbbbbbbbbbbbbb1", "10.0.1.0/24"));
    assert_string_equal(answer(f, VPC, "10.0.1.128/25"), "x: InvalidSubnet.Conflict");
    assert_non_null(strstr(f->diags.first->detail, "subnet-0a"));
    assert_string_equal(answer(f, VPC, "10.1.0.0/24"), "x: InvalidSubnet.Range");
    assert_non_null(strstr(f->diags.first->detail, "10.0.0.0/16"));
    assert_string_equal(answer(f, "vpc-0cccccccccccccccc", "10.0.0.0/24"),
                        "x: InvalidVpcID.NotFound");
    assert_non_null(strstr(f->diags.first->detail, "vpc-0cccccccccccccccc"));
    assert_true(inside_known(&f->call, VPC));
    assert_false(inside_known(&f->call, "vpc-0cccccccccccccccc"));
}

static void what_is_there_can_be_read(void **state)
{
    struct fixture *f = *state;
    size_t n;
    give(f, VPC, "10.0.0.0/16");
    give(f, VPC, "10.2.0.0/16");
    place(f, VPC, "subnet-0b", "10.2.1.0/24");
    place(f, VPC, "subnet-0a", "10.0.1.0/24");
    assert_int_equal(engine_settle(f->estate->insides), ENGINE_OK);
    const struct cidr *subnets = inside_subnets(&f->call, VPC, FAMILY_V4, &n);
    struct cidr low = cidr_of("10.0.1.0/24"), high = cidr_of("10.2.0.0/16");
    assert_int_equal(n, 2);
    assert_true(cidr_equal(&subnets[0], &low));
    const struct cidr *cidrs = inside_cidrs(&f->call, VPC, FAMILY_V4, &n);
    assert_int_equal(n, 2);
    assert_true(cidr_equal(&cidrs[1], &high));
    inside_cidrs(&f->call, VPC, FAMILY_V6, &n);
    assert_int_equal(n, 0);
}

static void a_cidr_leaves_when_it_is_vacant(void **state)
{
    struct fixture *f = *state;
    struct refusal why;
    enum outcome out;
    struct cidr c = cidr_of("10.0.0.0/16"), s = cidr_of("10.0.1.0/24");
    give(f, VPC, "10.0.0.0/16");
    place(f, VPC, "subnet-0a", "10.0.1.0/24");
    f->call.last_attempt = false;
    assert_false(inside_vacant(&f->call, VPC, &c, "x", &out));
    assert_int_equal(out, CALL_WAIT);
    f->call.last_attempt = true;
    assert_false(inside_vacant(&f->call, VPC, &c, "x", &out));
    assert_int_equal(out, CALL_DONE);
    assert_string_equal(f->diags.first->summary, "x: DependencyViolation");
    assert_non_null(strstr(f->diags.first->detail, "1 subnets"));
    const char *id = allocation_id_of(f->arena, "subnet-0a", &s);
    assert_int_equal(engine_release(f->estate->insides, id, &why), ENGINE_OK);
    assert_true(inside_vacant(&f->call, VPC, &c, "x", &out));
    inside_drop_cidr(&f->call, VPC, &c);
    assert_false(inside_known(&f->call, VPC));
    inside_drop_cidr(&f->call, VPC, &c); /* gone already */
    assert_true(engine_check(f->estate->insides));
}

/* A line of departures comes back as a mark. */
static void departures_reach_the_inside(void **state)
{
    struct fixture *f = *state;
    struct cidr c = cidr_of("10.0.0.0/16"), s = cidr_of("10.0.1.0/24");
    struct refusal why;
    give(f, VPC, "10.0.0.0/16");
    place(f, VPC, "subnet-0a", "10.0.1.0/24");
    assert_int_equal(engine_settle(f->estate->insides), ENGINE_OK);
    struct allocation_request r = inside_request(f->arena, VPC, "", &s);
    struct engine *e = f->estate->insides;
    assert_int_equal(engine_check_allocate(e, &r, false, &why), ENGINE_REFUSED);
    departure_mark(f->estate,
                   arena_printf(f->arena, "s %s\n", allocation_id_of(f->arena, "subnet-0a", &s)));
    assert_int_equal(engine_check_allocate(e, &r, false, &why), ENGINE_OK);
    departure_mark(f->estate, inside_departure(f->arena, VPC, &c));
    assert_int_equal(engine_check_allocate(e, &r, false, &why), ENGINE_REFUSED);
    assert_int_equal(why.code, REFUSAL_NO_CIDRS);
}

static void load_pool_of(struct fixture *f, const char *id, const char *source, const char *vpc)
{
    const struct pool_info info = {.id = id,
                                   .scope_id = "scope",
                                   .source_id = source,
                                   .locale = "eu-west-1",
                                   .family = FAMILY_V4,
                                   .planning = vpc != NULL,
                                   .resource_id = vpc,
                                   .rules = {-1, -1, -1, {NULL, 0}}};
    assert_int_equal(engine_load_pool(f->estate->engine, &info), ENGINE_OK);
}

static void planning_pools_take_their_vpcs_cidrs(void **state)
{
    struct fixture *f = *state;
    enum outcome out;
    struct engine *e = f->estate->engine;
    struct cidr own = cidr_of("10.0.0.0/20");
    give(f, VPC, "10.0.0.0/20");
    load_pool_of(f, "plan", NULL, VPC);
    load_pool_of(f, "twin", NULL, VPC);
    load_pool_of(f, "below", "plan", NULL);
    load_pool_of(f, "plain", NULL, NULL);
    assert_string_equal(planning_vpc(e, engine_pool(e, "below")), VPC);
    assert_null(planning_vpc(e, engine_pool(e, "plain")));

    struct provision_request r = {.pool_id = "plan", .length = 20};
    assert_true(planning_request(&f->call, &r, "x", &out));
    assert_true(cidr_equal(&r.cidr, &own)); /* a length means the VPC's CIDR of that length */
    assert_int_equal(r.length, -1);
    r = (struct provision_request){.pool_id = "plain", .length = 20};
    assert_true(planning_request(&f->call, &r, "x", &out));
    assert_int_equal(r.length, 20); /* other pools pass */

    r = (struct provision_request){.pool_id = "plan", .cidr = cidr_of("10.0.0.0/24"), .length = -1};
    assert_false(planning_request(&f->call, &r, "x", &out));
    assert_non_null(strstr(f->diags.first->detail, "10.0.0.0/20"));
    assert_int_equal(engine_load_cidr(e, "plan", &own, "a"), ENGINE_OK);
    assert_int_equal(engine_settle(e), ENGINE_OK);
    diags_init(&f->diags, f->arena);
    r = (struct provision_request){.pool_id = "twin", .cidr = own, .length = -1};
    assert_false(planning_request(&f->call, &r, "x", &out));
    assert_non_null(strstr(f->diags.first->detail, "the pool plan already"));
}

static void zones_are_told_by_the_region(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *region, *id;
    } cases[] = {{"eu-west-1", "euw1-az1"},       {"us-east-1", "use1-az1"},
                 {"ap-southeast-4", "apse4-az1"}, {"ca-central-1", "cac1-az1"},
                 {"us-gov-east-1", "usge1-az1"},  {"me-south-1", "mes1-az1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(zone_id(f->arena, cases[i].region, 0), cases[i].id);
    unsigned n;
    assert_string_equal(zone_name(f->arena, "eu-west-1", 2), "eu-west-1c");
    assert_true(zone_find(f->arena, "eu-west-1", "euw1-az3", &n) && n == 2);
    assert_true(zone_find(f->arena, "eu-west-1", "eu-west-1z", &n) && n == 25);
    assert_false(zone_find(f->arena, "eu-west-1", "eu-west-2a", &n));
    assert_false(zone_find(f->arena, "eu-west-1", "", &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_subnet_has_its_place, set_up_last, tear_down),
        cmocka_unit_test_setup_teardown(what_is_there_can_be_read, set_up_last, tear_down),
        cmocka_unit_test_setup_teardown(a_cidr_leaves_when_it_is_vacant, set_up_last, tear_down),
        cmocka_unit_test_setup_teardown(departures_reach_the_inside, set_up_last, tear_down),
        cmocka_unit_test_setup_teardown(planning_pools_take_their_vpcs_cidrs, set_up_last,
                                        tear_down),
        cmocka_unit_test_setup_teardown(zones_are_told_by_the_region, set_up_last, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
