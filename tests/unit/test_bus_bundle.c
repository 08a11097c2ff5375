/* Bundles: what is put in comes out, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "bus/bundle.h"

static struct bytes bytes_of(const char *string)
{
    return (struct bytes){(const uint8_t *)string, strlen(string)};
}

static struct bytes frame_of(const struct bus_bundle *bundle)
{
    return (struct bytes){bundle->at, bundle->length};
}

static void in_and_out(void **state)
{
    (void)state;
    static struct bus_bundle bundle;
    const struct {
        uint64_t number;
        const char *body;
    } given[] = {{1, "one"}, {UINT64_MAX, "x"}, {0, "order_placed"}};
    const size_t count = sizeof given / sizeof *given;
    assert_int_equal(bus_bundle_count(frame_of(&bundle)), 0);
    assert_false(bus_bundle_add(&bundle, 1, bytes_of("")));
    for (size_t i = 0; i < count; i++)
        assert_true(bus_bundle_add(&bundle, given[i].number, bytes_of(given[i].body)));
    assert_int_equal(bundle.count, count);
    assert_memory_equal(bundle.at,
                        "\0\0\0\0\0\0\0\1\0\0\0\3one\377\377\377\377\377\377\377\377\0\0\0\1x", 28);
    struct bytes rest = frame_of(&bundle), body;
    uint64_t number;
    assert_int_equal(bus_bundle_count(rest), count);
    for (size_t i = 0; i < count; i++) {
        bus_bundle_next(&rest, &number, &body);
        assert_true(number == given[i].number);
        assert_int_equal(body.length, strlen(given[i].body));
        assert_memory_equal(body.at, given[i].body, body.length);
    }
    assert_int_equal(rest.length, 0);
}

/* Up to the last byte; what does not fit changes nothing. */
static void full(void **state)
{
    (void)state;
    static struct bus_bundle bundle;
    static const uint8_t body[BUS_BUNDLE_MAX];
    assert_false(bus_bundle_add(&bundle, 1, (struct bytes){body, BUS_BUNDLE_MAX}));
    assert_false(bus_bundle_add(&bundle, 1, (struct bytes){body, BUS_BUNDLE_MAX - 11}));
    assert_false(bus_bundle_add(&bundle, 1, (struct bytes){body, SIZE_MAX}));
    assert_int_equal(bundle.length, 0);
    assert_true(bus_bundle_add(&bundle, 1, (struct bytes){body, BUS_BUNDLE_MAX - 12 - 13}));
    assert_false(bus_bundle_add(&bundle, 2, (struct bytes){body, 2}));
    assert_true(bus_bundle_add(&bundle, 2, (struct bytes){body, 1}));
    assert_false(bus_bundle_add(&bundle, 3, (struct bytes){body, 1}));
    assert_int_equal(bundle.length, BUS_BUNDLE_MAX);
    assert_int_equal(bus_bundle_count(frame_of(&bundle)), 2);
}

/* Each as a piece of memory of just its length, for the sanitizer to watch. */
static size_t count_of(const uint8_t *at, size_t length)
{
    uint8_t *copy = malloc(length + 1);
    memcpy(copy + 1, at, length);
    size_t count = bus_bundle_count((struct bytes){copy + 1, length});
    free(copy);
    return count;
}

static void malformed(void **state)
{
    (void)state;
    static struct bus_bundle bundle;
    bus_bundle_add(&bundle, 7, bytes_of("seven"));
    size_t first = bundle.length;
    bus_bundle_add(&bundle, 8, bytes_of("eight"));
    for (size_t length = 0; length <= bundle.length; length++)
        assert_int_equal(count_of(bundle.at, length), length == first           ? 1
                                                      : length == bundle.length ? 2
                                                                                : 0);
    for (uint32_t length = 0; length < 64; length++) {
        bus_put_uint32(bundle.at + 8, length);
        assert_int_equal(count_of(bundle.at, bundle.length), length == 5                    ? 2
                                                             : length == bundle.length - 12 ? 1
                                                                                            : 0);
    }
    bus_put_uint32(bundle.at + 8, UINT32_MAX);
    assert_int_equal(count_of(bundle.at, bundle.length), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_and_out),
        cmocka_unit_test(full),
        cmocka_unit_test(malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
