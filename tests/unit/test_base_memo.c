#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memo.h"

#define AN_ENTRY                                                                                   \
    (struct bytes)                                                                                 \
    {                                                                                              \
        (const uint8_t *)"0123456789", 10                                                          \
    }

static struct bytes bytes_of(const char *string)
{
    return (struct bytes){(const uint8_t *)string, strlen(string)};
}

static bool remembers(struct memo *memo, struct text district, int64_t id, const char *wanted)
{
    struct arena *arena = arena_new();
    struct bytes value;
    bool found = memo_get(memo, district, id, arena, &value);
    if (found) {
        assert_int_equal((uintptr_t)value.at % _Alignof(max_align_t), 0);
        assert_int_equal(value.length, strlen(wanted));
        assert_memory_equal(value.at, wanted, value.length);
    }
    arena_destroy(&arena);
    return found;
}

static void each_district_has_its_own_numbers(void **state)
{
    (void)state;
    struct memo *memo = memo_new(8, 10000);
    memo_put(memo, TEXT("a"), 1, bytes_of("of a"));
    memo_put(memo, TEXT("b"), 1, bytes_of("of b"));
    memo_put(memo, TEXT("a"), 2, bytes_of(""));
    assert_true(remembers(memo, TEXT("a"), 1, "of a"));
    assert_true(remembers(memo, TEXT("b"), 1, "of b"));
    assert_true(remembers(memo, TEXT("a"), 2, ""));
    assert_false(remembers(memo, TEXT("b"), 2, ""));
    memo_put(memo, TEXT("a"), 1, bytes_of("of a, later"));
    assert_true(remembers(memo, TEXT("a"), 1, "of a, later"));
    assert_int_equal(memo_count(memo), 3);
    memo_drop(memo, TEXT("a"), 1);
    memo_drop(memo, TEXT("a"), 1);
    assert_false(remembers(memo, TEXT("a"), 1, ""));
    memo_clear(memo);
    assert_int_equal(memo_count(memo), 0);
    assert_int_equal(memo_bytes(memo), 0);
    assert_false(remembers(memo, TEXT("b"), 1, ""));
    memo_destroy(&memo);
    assert_null(memo);
}

static void what_was_not_touched_for_longest_goes_first(void **state)
{
    (void)state;
    struct memo *memo = memo_new(4, 10000);
    for (int64_t id = 1; id <= 4; id++)
        memo_put(memo, TEXT("a"), id, AN_ENTRY);
    assert_true(remembers(memo, TEXT("a"), 1, "0123456789")); /* and is the youngest by it */
    memo_put(memo, TEXT("a"), 2, AN_ENTRY);                   /* so is this */
    memo_put(memo, TEXT("a"), 5, AN_ENTRY);
    memo_put(memo, TEXT("a"), 6, AN_ENTRY);
    const bool wanted[] = {true, true, false, false, true, true};
    for (int64_t id = 1; id <= 6; id++)
        assert_int_equal(remembers(memo, TEXT("a"), id, "0123456789"), wanted[id - 1]);
    memo_destroy(&memo);
}

static void it_is_bounded_in_bytes_too(void **state)
{
    (void)state;
    struct memo *memo = memo_new(1024, 4000);
    for (int64_t id = 1; id <= 1000; id++) {
        memo_put(memo, TEXT("a"), id, AN_ENTRY);
        assert_true(memo_bytes(memo) <= 4000);
    }
    assert_in_range(memo_count(memo), 20, 999);
    assert_true(remembers(memo, TEXT("a"), 1000, "0123456789"));
    /* A value larger than all the room is not kept, nor is the one it takes the place of. */
    uint8_t *large = calloc(1, 4000);
    memo_put(memo, TEXT("a"), 1000, (struct bytes){large, 4000});
    free(large);
    assert_false(remembers(memo, TEXT("a"), 1000, ""));
    assert_true(remembers(memo, TEXT("a"), 999, "0123456789"));
    memo_destroy(&memo);
}

/* Beside a plain table of what the last writes were. */
static void it_never_remembers_what_was_not_written_last(void **state)
{
    (void)state;
    enum { IDS = 300 };
    char last[IDS][8] = {{0}};
    struct memo *memo = memo_new(64, 5000);
    uint32_t random = 1;
    for (int step = 0; step < 20000; step++) {
        random = random * 1664525u + 1013904223u;
        int64_t id = (random >> 8) % IDS;
        if (random >> 30 == 0) {
            memo_drop(memo, TEXT("a"), id);
            last[id][0] = '\0';
        } else if (random >> 30 == 1) {
            snprintf(last[id], sizeof last[id], "%d", step);
            memo_put(memo, TEXT("a"), id, bytes_of(last[id]));
            assert_true(remembers(memo, TEXT("a"), id, last[id]));
        } else if (remembers(memo, TEXT("a"), id, last[id])) {
            assert_true(last[id][0] != '\0');
        }
        assert_true(memo_count(memo) <= 64 && memo_bytes(memo) <= 5000);
    }
    memo_destroy(&memo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_district_has_its_own_numbers),
        cmocka_unit_test(what_was_not_touched_for_longest_goes_first),
        cmocka_unit_test(it_is_bounded_in_bytes_too),
        cmocka_unit_test(it_never_remembers_what_was_not_written_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
