#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "domain/refusal.h"
#include "domain/words.h"

static const struct words *const vocabularies[] = {&words_service,
#define VOCABULARY(word, prefix) &words_##word,
                                                   VOCABULARIES(VOCABULARY)
#undef VOCABULARY
};

static void every_word_is_found_by_its_name(void **state)
{
    (void)state;
    for (size_t v = 0; v < sizeof vocabularies / sizeof vocabularies[0]; v++) {
        const struct words *words = vocabularies[v];
        assert_true(words->count > 0);
        for (int i = 0; i < words->count; i++) {
            assert_true(text_is_code(text_of(words->names[i])));
            assert_int_equal(words_find(words, text_of(words->names[i])),
                             i); /* so none is there twice */
            assert_string_equal(words_name(words, i), words->names[i]);
            assert_true(words->zh[i][0] != '\0' && text_is_clean(text_of(words->zh[i])));
            assert_true(words->en[i][0] != '\0');
        }
        assert_int_equal(words_find(words, TEXT("")), -1);
        assert_int_equal(words_find(words, TEXT("no_such_word")), -1);
        assert_string_equal(words_name(words, -1), "?");
        assert_string_equal(words_name(words, words->count), "?");
    }
}

static void numbers_are_the_enums(void **state)
{
    (void)state;
    assert_int_equal(words_find(&words_role, TEXT("operator")), ROLE_operator);
    assert_int_equal(words_find(&words_order_state, TEXT("in_service")), ORDER_in_service);
    assert_int_equal(words_find(&words_service, TEXT("dispatch")), SERVICE_dispatch);
    assert_int_equal(words_role.count, ROLE_COUNT);
    assert_int_equal(words_organisation_kind.count, KIND_COUNT);
    assert_int_equal(words_order_state.count, ORDER_STATE_COUNT);
    assert_int_equal(words_assignment_state.count, ASSIGNMENT_STATE_COUNT);
    assert_string_equal(words_order_state.kind, "order_state");
    assert_string_equal(words_organisation_kind.zh[KIND_committee], "区直机关工委");
    assert_int_equal(words_find(&words_role, TEXT("Operator")), -1);
    assert_int_equal(words_find(&words_role, TEXT("tow")), -1);
}

static void every_refusal_says_what_is_wrong(void **state)
{
    (void)state;
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
        enum refusal_code code = (enum refusal_code)i;
        assert_true(text_is_code(text_of(refusal_name(code))));
        assert_int_equal(refusal_find(text_of(refusal_name(code))), i);
        assert_true(refusal_text(code, true)[0] != '\0' &&
                    text_is_clean(text_of(refusal_text(code, true))));
        assert_true(refusal_text(code, false)[0] != '\0');
        assert_false(refusal_is_kept(code) && refusal_is_retry(code)); /* what passes is not kept */
    }
    assert_int_equal(refusal_find(TEXT("none")), -1);
    assert_int_equal(refusal_find(TEXT("")), -1);
    assert_string_equal(refusal_text(REFUSAL_NONE, false), "");
}

static void what_is_decided_from_state_is_kept(void **state)
{
    (void)state;
    assert_true(refusal_is_kept(REFUSAL_illegal_step));
    assert_true(refusal_is_kept(REFUSAL_window_taken));
    assert_false(refusal_is_kept(REFUSAL_malformed));
    assert_false(refusal_is_kept(REFUSAL_NONE));
    assert_true(refusal_is_retry(REFUSAL_busy));
    assert_true(refusal_is_retry(REFUSAL_not_owner));
    assert_true(refusal_is_retry(REFUSAL_not_ready));
    assert_true(refusal_is_retry(REFUSAL_unanswered));
    assert_false(refusal_is_retry(REFUSAL_forbidden));
    assert_string_equal(refusal_name(REFUSAL_not_yours), "not_yours");
    struct refusal refusal = refusal_of(REFUSAL_too_long, "need");
    assert_string_equal(refusal.field, "need");
    assert_int_equal(refusal.allowed_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_is_found_by_its_name),
        cmocka_unit_test(numbers_are_the_enums),
        cmocka_unit_test(every_refusal_says_what_is_wrong),
        cmocka_unit_test(what_is_decided_from_state_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
