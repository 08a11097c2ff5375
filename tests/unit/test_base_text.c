#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static struct text bytes_text(const uint8_t *bytes, size_t length)
{
    return (struct text){(const char *)bytes, length};
}

static size_t encode(uint32_t point, uint8_t out[4])
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (uint8_t)(0xC0 | point >> 6);
        out[1] = (uint8_t)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (uint8_t)(0xE0 | point >> 12);
        out[1] = (uint8_t)(0x80 | (point >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (point & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | point >> 18);
    out[1] = (uint8_t)(0x80 | (point >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (point >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (point & 63));
    return 4;
}

/* The check by another way: read the bits whatever they are, write the number again, compare. */
static bool clean_by_round_trip(const uint8_t *at, size_t length)
{
    size_t i = 0;
    while (i < length) {
        uint8_t first = at[i], again[4];
        size_t size = first < 0x80   ? 1
                      : first < 0xC0 ? 0
                      : first < 0xE0 ? 2
                      : first < 0xF0 ? 3
                      : first < 0xF8 ? 4
                                     : 0;
        if (size == 0 || size > length - i)
            return false;
        uint32_t point = size == 1 ? first : first & (0x7FU >> size);
        for (size_t k = 1; k < size; k++)
            point = point << 6 | (at[i + k] & 63U);
        if (point == 0 || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return false;
        if (encode(point, again) != size || memcmp(again, at + i, size) != 0)
            return false;
        i += size;
    }
    return true;
}

static void all_short_sequences_are_judged_alike(void **state)
{
    (void)state;
    assert_true(text_is_clean(TEXT("")));
    for (unsigned a = 0; a < 256; a++) {
        uint8_t one[] = {(uint8_t)a};
        assert_int_equal(text_is_clean(bytes_text(one, 1)), a > 0 && a < 0x80);
        for (unsigned b = 0; b < 256; b++) {
            uint8_t two[] = {(uint8_t)a, (uint8_t)b};
            assert_int_equal(text_is_clean(bytes_text(two, 2)), clean_by_round_trip(two, 2));
        }
    }
}

static void longer_sequences_are_judged_alike(void **state)
{
    (void)state;
    static const uint8_t edges[] = {0x00, 0x01, 0x41, 0x7F, 0x80, 0x8F, 0x90,
                                    0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xFF};
    unsigned wrong = 0;
    for (unsigned first = 0xE0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t i = 0; i < sizeof edges; i++) {
                uint8_t three[] = {(uint8_t)first, (uint8_t)second, edges[i]};
                wrong += text_is_clean(bytes_text(three, 3)) != clean_by_round_trip(three, 3);
                for (size_t k = 0; k < sizeof edges; k++) {
                    uint8_t four[] = {(uint8_t)first, (uint8_t)second, edges[i], edges[k]};
                    wrong += text_is_clean(bytes_text(four, 4)) != clean_by_round_trip(four, 4);
                }
            }
    assert_int_equal(wrong, 0);
}

static void every_character_is_clean_and_cut_off_is_not(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (uint32_t point = 0; point <= 0x110010; point++) {
        uint8_t bytes[4];
        bool character = point > 0 && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        size_t length = encode(point, bytes);
        wrong += text_is_clean(bytes_text(bytes, length)) != character;
        for (size_t cut = 1; cut < length; cut++)
            wrong += text_is_clean(bytes_text(bytes, cut));
    }
    assert_int_equal(wrong, 0);
    assert_true(text_is_clean(TEXT("鄞州区 · 回龙村")));
    /* Eight bytes at a time are looked at in longer ones: an odd byte is seen wherever it stands.
     */
    for (size_t length = 8; length <= 25; length++)
        for (size_t at = 0; at < length; at++)
            for (int byte = 0; byte < 256; byte++) {
                uint8_t bytes[25];
                memset(bytes, 'a', sizeof bytes);
                bytes[at] = (uint8_t)byte;
                wrong += text_is_clean(bytes_text(bytes, length)) != (byte > 0 && byte < 0x80);
                if (at + 3 <= length) {
                    memcpy(bytes + at, "村", 3);
                    wrong += !text_is_clean(bytes_text(bytes, length));
                }
            }
    assert_int_equal(wrong, 0);
    assert_false(text_is_clean(TEXT("a\0b")));
}

static void texts_are_ordered_by_bytes(void **state)
{
    (void)state;
    assert_true(text_equal(text_of(NULL), TEXT("")));
    assert_true(text_equal((struct text){NULL, 0}, TEXT("")));
    assert_false(text_equal(TEXT("a"), TEXT("b")));
    assert_false(text_equal(TEXT("a"), TEXT("aa")));
    assert_int_equal(text_compare(TEXT("a"), TEXT("a")), 0);
    assert_int_equal(text_compare(TEXT("a"), TEXT("aa")), -1);
    assert_int_equal(text_compare(TEXT("b"), TEXT("aa")), 1);
    assert_int_equal(text_compare(TEXT("z"), TEXT("鄞")), -1); /* unsigned */
    assert_int_equal(text_compare(TEXT(""), (struct text){NULL, 0}), 0);
}

static void the_hash_is_fnv_1a(void **state)
{
    (void)state;
    assert_true(text_hash(TEXT("")) == 0xcbf29ce484222325U);
    assert_true(text_hash(TEXT("a")) == 0xaf63dc4c8601ec8cU);
    assert_true(text_hash(TEXT("foobar")) == 0x85944171f73967e8U);
}

static void codes(void **state)
{
    (void)state;
    char longest[CODE_MAX + 1];
    memset(longest, 'x', sizeof longest);
    assert_true(text_is_code(TEXT("330212106209")));
    assert_true(text_is_code(TEXT("squad.hr_social-1")));
    assert_true(text_is_code((struct text){longest, CODE_MAX}));
    assert_false(text_is_code((struct text){longest, CODE_MAX + 1}));
    assert_false(text_is_code(TEXT("")));
    assert_false(text_is_code(TEXT("-a")));
    assert_false(text_is_code(TEXT(".a")));
    assert_false(text_is_code(TEXT("_a")));
    assert_false(text_is_code(TEXT("aB")));
    assert_false(text_is_code(TEXT("a/b")));
    assert_false(text_is_code(TEXT("a b")));
    assert_false(text_is_code(TEXT("村")));
    assert_false(text_is_code(TEXT("a\0")));
}

static void numbers(void **state)
{
    (void)state;
    int64_t value = 77;
    assert_true(text_to_int(TEXT("0"), &value) && value == 0);
    assert_true(text_to_int(TEXT("-0"), &value) && value == 0);
    assert_true(text_to_int(TEXT("007"), &value) && value == 7);
    assert_true(text_to_int(TEXT("9223372036854775807"), &value) && value == INT64_MAX);
    assert_true(text_to_int(TEXT("-9223372036854775808"), &value) && value == INT64_MIN);
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "--1",
                                      "1-",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    value = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_to_int(text_of(bad[i]), &value));
    assert_int_equal(value, 77);
}

static void dates(void **state)
{
    (void)state;
    static const char *const fine[] = {"2026-03-31", "2024-02-29", "2000-02-29", "1900-01-01",
                                       "2200-12-31"};
    static const char *const wrong[] = {"",           "2026-3-31",   "2026-03-32", "2026-04-31",
                                        "2026-02-29", "1900-02-29",  "2026-00-10", "2026-13-10",
                                        "2026-01-00", "1899-12-31",  "2201-01-01", "2026/03/31",
                                        "2026-03-3x", "2026-03-310", "x026-03-31"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_true(text_is_date(text_of(fine[i])));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(text_is_date(text_of(wrong[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_short_sequences_are_judged_alike),
        cmocka_unit_test(longer_sequences_are_judged_alike),
        cmocka_unit_test(every_character_is_clean_and_cut_off_is_not),
        cmocka_unit_test(texts_are_ordered_by_bytes),
        cmocka_unit_test(the_hash_is_fnv_1a),
        cmocka_unit_test(codes),
        cmocka_unit_test(numbers),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
