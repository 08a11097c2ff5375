#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifdef UNDER_ASAN
#include <sanitizer/asan_interface.h>
#endif

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    uint8_t *pieces[600];
    size_t sizes[600], total = 0;
    for (int round = 0; round < 3; round++) {
        total = 0;
        for (size_t i = 0; i < 600; i++) {
            sizes[i] = i % 50 == 49 ? 300000 + i : i * 7 % 1000;
            pieces[i] = arena_alloc(arena, sizes[i]);
            total += sizes[i];
            assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_true(pieces[i][k] == 0);
            if (sizes[i] > 0)
                memset(pieces[i], (int)(i & 0xFF), sizes[i]);
        }
        for (size_t i = 0; i < 600; i++)
            for (size_t k = 0; k < sizes[i]; k++)
                assert_true(pieces[i][k] == (i & 0xFF));
        assert_int_equal(arena_used(arena), total);
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_destroy(&arena);
    assert_null(arena);
    arena_destroy(&arena);
}

static void the_first_block_is_used_again(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    void *first = arena_alloc(arena, 10);
    for (int i = 0; i < 100; i++)
        arena_alloc(arena, 1000);
    arena_reset(arena);
    assert_ptr_equal(arena_alloc(arena, 10), first);
    arena_destroy(&arena);
}

static void texts_are_copied_with_their_end(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char source[] = "回龙村";
    struct text copy = arena_text(arena, text_of(source));
    struct bytes raw = arena_bytes(arena, (struct bytes){(const uint8_t *)source, 3});
    const char *string = arena_string(arena, (struct text){source, 3});
    memset(source, 'x', sizeof source - 1);
    assert_string_equal(copy.at, "回龙村");
    assert_int_equal(copy.length, 9);
    assert_memory_equal(raw.at, "回", 3);
    assert_string_equal(string, "回");
    assert_string_equal(arena_text(arena, (struct text){NULL, 0}).at, "");
    assert_int_equal(arena_bytes(arena, (struct bytes){NULL, 0}).length, 0);
    assert_non_null(arena_alloc(arena, 0));
    uint64_t *numbers = arena_array(arena, 1000, sizeof *numbers);
    for (size_t i = 0; i < 1000; i++)
        assert_true(numbers[i] == 0);
    arena_destroy(&arena);
}

static void formats_of_any_length(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct text short_one = arena_format(arena, "order/%d", 123);
    assert_true(text_equal(short_one, TEXT("order/123")));
    struct text long_one = arena_format(arena, "%0*d", 20000, 7);
    assert_int_equal(long_one.length, 20000);
    assert_int_equal(long_one.at[19999], '7');
    assert_int_equal(long_one.at[20000], '\0');
    assert_int_equal(arena_format(arena, "%s", "").length, 0);
    arena_destroy(&arena);
}

/* Under AddressSanitizer running over a piece's end is caught, as is what an earlier batch left. */
static void what_was_not_given_out_is_poisoned(void **state)
{
    (void)state;
#ifdef UNDER_ASAN
    struct arena *arena = arena_new();
    for (size_t size = 0; size < 100; size++) {
        char *piece = arena_alloc(arena, size);
        arena_alloc(arena, 1);
        assert_int_equal(__asan_address_is_poisoned(piece + size), 1);
        assert_null(__asan_region_is_poisoned(piece, size));
    }
    char *piece = arena_alloc(arena, 10);
    arena_reset(arena);
    assert_int_equal(__asan_address_is_poisoned(piece), 1);
    arena_destroy(&arena);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(the_first_block_is_used_again),
        cmocka_unit_test(texts_are_copied_with_their_end),
        cmocka_unit_test(formats_of_any_length),
        cmocka_unit_test(what_was_not_given_out_is_poisoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
