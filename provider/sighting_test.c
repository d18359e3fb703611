/*
 * Sightings: which of several witnesses counts, what is left when one takes back what it said, and
 * a random history against a list that is searched from end to end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "provider/sighting.h"

static struct cidr prefix(const char *text)
{
    struct cidr c;
    assert_int_equal(cidr_parse(text, strlen(text), &c), CIDR_OK);
    return c;
}

static struct sighting plain(const char *id)
{
    return (struct sighting){.id = id,
                             .network_id = "",
                             .cloud = "aws",
                             .owner = "",
                             .region = "",
                             .zone = "",
                             .name = "",
                             .allocation_id = "",
                             .where = ""};
}

static void copies_and_sorts(void **state)
{
    (void)state;
    struct sightings *s = sightings_new();
    char id[] = "vpc-1", key[] = "b";
    struct cidr cidrs[] = {prefix("2001:db8::/56"), prefix("10.1.0.0/16"), prefix("10.0.0.0/16"),
                           prefix("10.1.0.0/16")};
    const struct tag tags[] = {{key, "2"}, {"a", "1"}, {"b", "2"}};
    struct sighting one = plain(id);
    one.cidrs = cidrs;
    one.cidr_count = 4;
    one.tags = (struct tags){.items = tags, .count = 3};
    assert_true(sightings_add(s, &one));
    memset(id, 'x', 5);
    memset(key, 'x', 1);
    memset(cidrs, 0, sizeof cidrs);
    const struct sighting *found = sightings_find(s, "vpc-1");
    assert_non_null(found);
    assert_int_equal(found->cidr_count, 3);
    struct cidr first = prefix("10.0.0.0/16"), last = prefix("2001:db8::/56");
    assert_true(cidr_equal(&found->cidrs[0], &first));
    assert_true(cidr_equal(&found->cidrs[2], &last));
    assert_int_equal(found->tags.count, 2);
    assert_string_equal(found->tags.items[0].key, "a");
    assert_string_equal(found->tags.items[1].key, "b");
    assert_null(sightings_find(s, "vpc-2"));
    assert_null(sightings_find(s, ""));
    sightings_free(s);
}

static void tell(struct sightings *s, const char *id, const char *name, enum witness w,
                 const void *source)
{
    struct sighting one = plain(id);
    one.name = name;
    one.witness = w;
    one.source = source;
    assert_true(sightings_add(s, &one));
}

static const char *name_of(struct sightings *s, const char *id)
{
    const struct sighting *one = sightings_find(s, id);
    return one ? one->name : "-";
}

static void an_inventory_counts_before_a_state(void **state)
{
    (void)state;
    struct sightings *s = sightings_new();
    int a, b;
    tell(s, "vpc-1", "state a", WITNESS_STATE, &a);
    tell(s, "vpc-1", "state b", WITNESS_STATE, &b);
    assert_string_equal(name_of(s, "vpc-1"), "state b");
    tell(s, "vpc-1", "inventory", WITNESS_INVENTORY, NULL);
    tell(s, "vpc-1", "state a again", WITNESS_STATE, &a);
    assert_string_equal(name_of(s, "vpc-1"), "inventory");
    tell(s, "vpc-1", "later inventory", WITNESS_INVENTORY, NULL);
    assert_string_equal(name_of(s, "vpc-1"), "later inventory");
    assert_int_equal(sightings_count(s), 1);
    sightings_free(s);
}

static void what_was_replaced_counts_again(void **state)
{
    (void)state;
    struct sightings *s = sightings_new();
    int a, b;
    tell(s, "vpc-1", "a", WITNESS_STATE, &a);
    tell(s, "vpc-1", "b", WITNESS_STATE, &b);
    tell(s, "", "nameless", WITNESS_STATE, &b);
    tell(s, "vpc-2", "only b", WITNESS_STATE, &b);
    assert_int_equal(sightings_count(s), 3);
    sightings_forget(s, &b);
    assert_string_equal(name_of(s, "vpc-1"), "a");
    assert_string_equal(name_of(s, "vpc-2"), "-");
    assert_int_equal(sightings_count(s), 1);
    sightings_forget(s, &b);
    assert_int_equal(sightings_count(s), 1);
    sightings_forget(s, &a);
    assert_int_equal(sightings_count(s), 0);
    tell(s, "vpc-1", "anew", WITNESS_STATE, &a);
    assert_string_equal(name_of(s, "vpc-1"), "anew");
    sightings_free(s);
}

static void tell_allocation(struct sightings *s, const char *id, const char *allocation,
                            enum witness w, const void *source)
{
    struct sighting one = plain(id);
    one.allocation_id = allocation;
    one.witness = w;
    one.source = source;
    assert_true(sightings_add(s, &one));
}

static void by_allocation_only_what_counts(void **state)
{
    (void)state;
    struct sightings *s = sightings_new();
    int a, b;
    tell_allocation(s, "vpc-1", "ipam-pool-alloc-1", WITNESS_STATE, &a);
    tell_allocation(s, "vpc-2", "ipam-pool-alloc-2", WITNESS_STATE, &a);
    assert_string_equal(sightings_of_allocation(s, "ipam-pool-alloc-2")->id, "vpc-2");
    /* The inventory knows it without the tag. */
    tell_allocation(s, "vpc-1", "", WITNESS_INVENTORY, &b);
    assert_null(sightings_of_allocation(s, "ipam-pool-alloc-1"));
    sightings_forget(s, &b);
    assert_string_equal(sightings_of_allocation(s, "ipam-pool-alloc-1")->id, "vpc-1");
    assert_null(sightings_of_allocation(s, ""));
    sightings_free(s);
}

struct seen {
    char text[256];
    size_t stop_after, calls;
};

static bool note(void *ctx, const struct sighting *one)
{
    struct seen *seen = ctx;
    strcat(seen->text, *one->id ? one->id : one->name);
    strcat(seen->text, " ");
    return ++seen->calls != seen->stop_after;
}

static void each_in_order_until_stopped(void **state)
{
    (void)state;
    struct sightings *s = sightings_new();
    tell(s, "", "second", WITNESS_STATE, NULL);
    tell(s, "c", "", WITNESS_STATE, NULL);
    tell(s, "", "first", WITNESS_STATE, NULL);
    tell(s, "a", "", WITNESS_STATE, NULL);
    tell(s, "a", "", WITNESS_STATE, NULL);
    tell(s, "b", "", WITNESS_STATE, NULL);
    struct seen all = {.calls = 0}, some = {.stop_after = 2}, most = {.stop_after = 4};
    assert_true(sightings_each(s, note, &all));
    assert_string_equal(all.text, "a b c second first ");
    assert_false(sightings_each(s, note, &some));
    assert_string_equal(some.text, "a b ");
    assert_false(sightings_each(s, note, &most));
    assert_string_equal(most.text, "a b c second ");
    sightings_free(s);
}

static void what_an_inventory_covers(void **state)
{
    (void)state;
    struct sightings *s = sightings_new();
    assert_null(sightings_covered(s, "111111111111", "eu-west-1"));
    assert_true(sightings_cover(s, "111111111111", "eu-west-1", "one.yaml:1:1"));
    assert_true(sightings_cover(s, "222222222222", NULL, "two.yaml:1:1"));
    assert_string_equal(sightings_covered(s, "111111111111", "eu-west-1"), "one.yaml:1:1");
    assert_null(sightings_covered(s, "111111111111", "eu-west-2"));
    assert_string_equal(sightings_covered(s, "222222222222", "eu-west-2"), "two.yaml:1:1");
    assert_null(sightings_covered(s, "333333333333", "eu-west-1"));
    assert_true(sightings_cover(s, NULL, NULL, "all.yaml:1:1"));
    assert_string_equal(sightings_covered(s, "333333333333", "eu-west-1"), "all.yaml:1:1");
    sightings_free(s);
}

static void join(void *ctx, const char *text)
{
    strcat(ctx, text);
    strcat(ctx, " ");
}

static void what_is_unclear_goes_with_its_witness(void **state)
{
    (void)state;
    struct sightings *s = sightings_new();
    int a, b;
    char text[64] = "";
    assert_true(sightings_unclear(s, &a, "one"));
    assert_true(sightings_unclear(s, &b, "two"));
    assert_true(sightings_unclear(s, &a, "three"));
    sightings_forget(s, &a);
    assert_true(sightings_unclear(s, &b, "four"));
    sightings_each_unclear(s, join, text);
    assert_string_equal(text, "two four ");
    sightings_forget(s, &b);
    assert_true(sightings_unclear(s, &a, "five"));
    sightings_each_unclear(s, join, text);
    assert_string_equal(text, "two four five ");
    sightings_free(s);
}

/* --- a random history --- */

#define IDS     12
#define SOURCES 4
#define TOLD    400

struct told {
    unsigned id, allocation, source, serial; /* id, allocation: 0 is none */
    enum witness witness;
    bool gone;
};

/* The one that counts among those with that id. */
static const struct told *model_find(const struct told *all, size_t n, unsigned id)
{
    const struct told *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (!all[i].gone && all[i].id == id && (!best || all[i].witness >= best->witness))
            best = &all[i];
    return best;
}

static size_t model_count(const struct told *all, size_t n)
{
    size_t count = 0;
    for (unsigned id = 1; id <= IDS; id++)
        count += model_find(all, n, id) != NULL;
    for (size_t i = 0; i < n; i++)
        count += !all[i].gone && all[i].id == 0;
    return count;
}

static void check_against_model(struct sightings *s, const struct told *all, size_t n)
{
    char text[32], serial[32];
    assert_int_equal(sightings_count(s), model_count(all, n));
    for (unsigned id = 1; id <= IDS; id++) {
        const struct told *want = model_find(all, n, id);
        snprintf(text, sizeof text, "vpc-%u", id);
        snprintf(serial, sizeof serial, "%u", want ? want->serial : 0);
        assert_string_equal(name_of(s, text), want ? serial : "-");
        snprintf(text, sizeof text, "alloc-%u", id);
        bool any = false;
        for (size_t i = 0; i < n; i++)
            any = any || (!all[i].gone && all[i].allocation == id &&
                          (all[i].id == 0 || model_find(all, n, all[i].id) == &all[i]));
        const struct sighting *found = sightings_of_allocation(s, text);
        assert_int_equal(found != NULL, any);
        if (found)
            assert_string_equal(found->allocation_id, text);
    }
}

static void a_random_history(void **state)
{
    (void)state;
    const char *given = getenv("TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("TEST_SEED=%u\n", seed);
    struct sightings *s = sightings_new();
    struct told all[TOLD];
    int sources[SOURCES];
    for (unsigned n = 0; n < TOLD; n++) {
        char id[32], allocation[32], serial[32];
        struct told *t = &all[n];
        *t = (struct told){.id = (unsigned)rand_r(&seed) % (IDS + 1),
                           .allocation = (unsigned)rand_r(&seed) % (IDS + 1),
                           .source = (unsigned)rand_r(&seed) % SOURCES,
                           .serial = n,
                           .witness = (unsigned)rand_r(&seed) % 2};
        snprintf(id, sizeof id, "vpc-%u", t->id);
        snprintf(allocation, sizeof allocation, "alloc-%u", t->allocation);
        snprintf(serial, sizeof serial, "%u", n);
        struct sighting one = plain(t->id ? id : "");
        one.allocation_id = t->allocation ? allocation : "";
        one.name = serial;
        one.witness = t->witness;
        one.source = &sources[t->source];
        assert_true(sightings_add(s, &one));
        unsigned forget = (unsigned)rand_r(&seed) % (SOURCES * 5);
        for (unsigned i = 0; i <= n && forget < SOURCES; i++)
            all[i].gone = all[i].gone || all[i].source == forget;
        if (forget < SOURCES)
            sightings_forget(s, &sources[forget]);
        check_against_model(s, all, n + 1);
    }
    sightings_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_and_sorts),
        cmocka_unit_test(an_inventory_counts_before_a_state),
        cmocka_unit_test(what_was_replaced_counts_again),
        cmocka_unit_test(by_allocation_only_what_counts),
        cmocka_unit_test(each_in_order_until_stopped),
        cmocka_unit_test(what_an_inventory_covers),
        cmocka_unit_test(what_is_unclear_goes_with_its_witness),
        cmocka_unit_test(a_random_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
