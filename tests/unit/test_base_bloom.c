#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/bloom.h"
#include "base/text.h"

static uint64_t hash_of(int number, char kind)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%c:%d", kind, number);
    return text_hash((struct text){text, (size_t)length});
}

static void what_was_added_is_never_missed(void **state)
{
    (void)state;
    struct bloom *bloom = bloom_new(20);
    for (int i = 0; i < 100000; i++)
        bloom_add(bloom, hash_of(i, 'a'));
    for (int i = 0; i < 100000; i++)
        assert_true(bloom_may_have(bloom, hash_of(i, 'a')));
    bloom_destroy(&bloom);
    assert_null(bloom);
}

/* 10.5 bits for each member: theory says 1 in 128. */
static void strangers_are_rarely_taken_for_members(void **state)
{
    (void)state;
    struct bloom *bloom = bloom_new(20);
    for (int i = 0; i < 100000; i++)
        bloom_add(bloom, hash_of(i, 'a'));
    int taken = 0;
    for (int i = 0; i < 100000; i++)
        taken += bloom_may_have(bloom, hash_of(i, 'b'));
    assert_in_range(taken, 100, 2000);
    bloom_clear(bloom);
    for (int i = 0; i < 100000; i++)
        assert_false(bloom_may_have(bloom, hash_of(i, 'a')));
    bloom_destroy(&bloom);
}

static void the_smallest_works_too(void **state)
{
    (void)state;
    struct bloom *bloom = bloom_new(6);
    assert_false(bloom_may_have(bloom, 0));
    bloom_add(bloom, 0);
    assert_true(bloom_may_have(bloom, 0));
    bloom_destroy(&bloom);
    bloom_destroy(&bloom); /* nothing is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_never_missed),
        cmocka_unit_test(strangers_are_rarely_taken_for_members),
        cmocka_unit_test(the_smallest_works_too),
    };
    return cmocka_run_group_tests_name("bloom", tests, NULL, NULL);
}
