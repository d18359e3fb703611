#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/codec.h"
#include "proto/refinement.h"
#include "proto/type.h"

static const struct value *refined(struct arena *a, const char *bytes, size_t n)
{
    struct value *v = arena_alloc(a, sizeof *v);
    *v = (struct value){.kind = VALUE_UNKNOWN, .refinement = {(const uint8_t *)bytes, n}};
    return v;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const struct value *v = unknown_beginning(a, "ipam-pool-0a1b2c3");
    assert_true(value_is_unknown(v));
    assert_string_equal(unknown_prefix(a, v), "ipam-pool-0a1b2c3");
    struct bytes wire = msgpack_encode(a, &type_string, v);
    static const uint8_t expected[] = {0xc7, 23, 12, 0x82, 1, 0xc2, 2, 0xd9, 17};
    assert_int_equal(wire.len, sizeof expected + 17);
    assert_memory_equal(wire.data, expected, sizeof expected);
    arena_free(a);
}

static void what_others_write_is_read(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_string_equal(unknown_prefix(a, refined(a,
                                                  "\x81\x02\xa3"
                                                  "abc",
                                                  6)),
                        "abc");
    assert_string_equal(unknown_prefix(a, refined(a, "\x83\x05\x01\x02\xa1z\x01\xc2", 8)), "z");
    arena_free(a);
}

static void anything_else_says_nothing(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const char *damaged[] = {"\x82\x01\xc2", "\xc1", "\x81\x02\xc3", "\x93\x01\x02\x03", "\x80"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        assert_string_equal(unknown_prefix(a, refined(a, damaged[i], strlen(damaged[i]))), "");
    assert_string_equal(unknown_prefix(a, &value_unknown), "");
    assert_string_equal(unknown_prefix(a, &value_null), "");
    assert_string_equal(unknown_prefix(a, value_string(a, "known")), "");
    char long_prefix[REFINEMENT_PREFIX_MAX + 2];
    memset(long_prefix, 'x', sizeof long_prefix - 1);
    long_prefix[sizeof long_prefix - 1] = '\0';
    assert_ptr_equal(unknown_beginning(a, long_prefix), &value_unknown);
    assert_ptr_equal(unknown_beginning(a, ""), &value_unknown);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_others_write_is_read),
        cmocka_unit_test(anything_else_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
