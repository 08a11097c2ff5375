/* Keyed hashes against RFC 4231, base64 against RFC 4648 and what it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/hmac.h"

#define BYTES(literal) ((struct bytes){(const uint8_t *)"" literal, sizeof(literal) - 1})

static void macs_are_rfc_4231s(void **state)
{
    static const uint8_t wanted[HMAC_SHA256_BYTES] = {
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
        0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
        0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    uint8_t mac[HMAC_SHA256_BYTES];
    (void)state;
    hmac_sha256(BYTES("Jefe"), BYTES("what do ya want for nothing?"), mac);
    assert_memory_equal(mac, wanted, sizeof mac);
}

static void base64_goes_both_ways(void **state)
{
    static const char *const plain[] = {"f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        struct bytes bytes = {(const uint8_t *)plain[i], strlen(plain[i])}, back;
        struct text text = base64_write(bytes, arena);
        assert_string_equal(arena_string(arena, text), coded[i]);
        assert_true(base64_read(text, arena, &back));
        assert_int_equal(back.length, bytes.length);
        assert_memory_equal(back.at, bytes.at, bytes.length);
    }
    arena_destroy(&arena);
}

static void what_is_not_base64_is_refused(void **state)
{
    static const char *const wrong[] = {"",         "Zg",      "Zg=",   "Z===",          "====",
                                        " Zg=",     "Zg= ",    "Zm9\n", "Zm_v",          "Zm-v",
                                        "Zg==Zg==", "Zm9vZm9", "Z=9v",  "Zm9v\xc3\xa9=="};
    struct arena *arena = arena_new();
    struct bytes bytes;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (base64_read(text_of(wrong[i]), arena, &bytes))
            fail_msg("taken for base64: %s", wrong[i]);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(macs_are_rfc_4231s),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(what_is_not_base64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
