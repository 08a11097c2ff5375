#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/uuid.h"

#define PART(literal) ((struct bytes){(const uint8_t *)"" literal, sizeof(literal) - 1})

static void assert_digest(const struct bytes *parts, size_t count, const char *wanted)
{
    char hex[2 * DIGEST_BYTES + 1];
    struct digest digest = digest_of(parts, count);
    assert_string_equal(digest_hex(&digest, DIGEST_BYTES, hex), wanted);
}

/* Computed with Python's hashlib, each part after its length as eight bytes, the highest first. */
static void digests_are_sha_256_of_lengths_and_parts(void **state)
{
    (void)state;
    assert_digest(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest((struct bytes[]){PART("abc")}, 1,
                  "c3494ca1a2cf8eeb8a11ded316fb55b83c3bbbedb6313cd50415251e5d09e12f");
    assert_digest((struct bytes[]){PART("ab"), PART("c")}, 2,
                  "601d5476e2ccfe2c87a2bba7a322659734a05749d5b5aa781f513e4912db0d5f");
    assert_digest((struct bytes[]){PART(""), {NULL, 0}}, 2,
                  "374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb");
}

static void other_splits_are_other_digests(void **state)
{
    (void)state;
    char hex[9];
    struct digest a = digest_of((struct bytes[]){PART("ab"), PART("c")}, 2);
    struct digest b = digest_of((struct bytes[]){PART("a"), PART("bc")}, 2);
    struct digest c = digest_of((struct bytes[]){PART("ab"), PART("c")}, 2);
    assert_false(digest_equal(&a, &b));
    assert_true(digest_equal(&a, &c));
    assert_string_equal(digest_hex(&a, 4, hex), "601d5476");
    assert_string_equal(digest_hex(&a, 0, hex), "");
}

static void ids_of_events_are_uuids_of_version_8(void **state)
{
    (void)state;
    char text[UUID_TEXT_MAX];
    struct uuid uuid = uuid_of_event(1772330400123, 3, 7, 123456789);
    assert_string_equal(uuid_format(&uuid, text), "019ca71f-b97b-8307-8000-0000075bcd15");
    uuid = uuid_of_event(0, 0, 0, 0);
    assert_string_equal(uuid_format(&uuid, text), "00000000-0000-8000-8000-000000000000");
    uuid = uuid_of_event((1LL << 48) - 1, 15, 255, (1LL << 62) - 1);
    assert_string_equal(uuid_format(&uuid, text), "ffffffff-ffff-8fff-bfff-ffffffffffff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_sha_256_of_lengths_and_parts),
        cmocka_unit_test(other_splits_are_other_digests),
        cmocka_unit_test(ids_of_events_are_uuids_of_version_8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
