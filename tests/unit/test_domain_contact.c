/* What counts as a telephone number and a name, and what is shown of them where neither may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "domain/contact.h"

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

struct masking {
    const char *given, *shown;
};

static void assert_shown(struct text shown, const struct masking *masking)
{
    if (!text_equal(shown, text_of(masking->shown)))
        fail_msg("%s is shown as %.*s, not %s", masking->given, TEXT_ARG(shown), masking->shown);
}

static void numbers_are_masked(void **state)
{
    (void)state;
    static const struct masking maskings[] = {
        /* mobile, however it is written */
        {"13857421234", "138****1234"},
        {"138 5742 1234", "138****1234"},
        {"138-5742-1234", "138****1234"},
        {"+8613857421234", "138****1234"},
        {"+86 138 5742 1234", "138****1234"},
        {"8613857421234", "138****1234"},
        {"008613857421234", "138****1234"},
        {"13857421234转8001", "138****1234"},
        /* landlines, with and without the area's code, the extension left out */
        {"0574-87654321", "057****4321"},
        {"057487654321", "057****4321"},
        {"010-12345678", "010****5678"},
        {"0574-87654321-8001", "057****4321"},
        {"0574-87654321 转 8001", "057****4321"},
        {"0574-87654321 ext. 12", "057****4321"},
        {"0574-87654321x12", "057****4321"},
        {"87654321", "87****21"},
        {"8765432", "87****32"},
        /* service numbers */
        {"12345", "1****"},
        {"110", "1****"},
        {"95588#1", "9****"},
        /* abroad */
        {"+44 20 7946 0958", "+442****0958"},
        {"0044 20 7946 0958", "004****0958"},
        {"+1 6175550123", "+161****0123"},
    };
    for (size_t i = 0; i < sizeof maskings / sizeof *maskings; i++) {
        if (!contact_phone_is_sound(text_of(maskings[i].given)))
            fail_msg("%s is no number", maskings[i].given);
        assert_shown(contact_phone_masked(text_of(maskings[i].given), arena), &maskings[i]);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        " ",
        "12",
        "+",
        "++8613857421234",
        "86+13857421234",
        "-13857421234",
        "13857421234-",
        "13857421234 ",
        " 13857421234",
        "138--57421234",
        "138 - 57421234",
        "1234567890123456",      /* sixteen digits */
        "00123456789012345678",  /* more than fifteen behind 00 */
        "13857421234转",         /* an extension of nothing */
        "13857421234 ext ",      /* the same */
        "13857421234x1234567",   /* seven digits of extension */
        "13857421234 ext 12 34", /* two of them */
        "转8001",
        "call 13857421234",
        "13857421234\n",
        "１３８５７４２１２３４", /* full width */
        "王芳",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (contact_phone_is_sound(text_of(wrong[i])))
            fail_msg("'%s' counts as a number", wrong[i]);
    assert_false(contact_phone_is_sound((struct text){"138\0", 4}));
}

static void nothing_of_what_is_no_number_is_shown(void **state)
{
    (void)state;
    assert_shown(contact_phone_masked(TEXT("call 13857421234"), arena),
                 &(struct masking){"call 13857421234", "****"});
}

static void a_mask_hides_at_least_three_digits(void **state)
{
    (void)state;
    static const char digits[] = "913857421234567";
    for (size_t length = CONTACT_DIGITS_MIN; length < sizeof digits; length++) {
        struct text shown = contact_phone_masked((struct text){digits, length}, arena);
        size_t seen = 0;
        for (size_t i = 0; i < shown.length; i++)
            seen += shown.at[i] >= '0' && shown.at[i] <= '9';
        assert_true(seen + 2 <= length && seen <= 7);
        assert_true(length < 5 || seen + 3 <= length);
    }
}

static void names_are_masked(void **state)
{
    (void)state;
    static const struct masking maskings[] = {
        {"王", "**"},
        {"王芳", "王**"},
        {"王小芳", "王**"},
        {"欧阳小芳", "欧**"},
        {"阿不都热依木", "阿**"},
        {"John Smith", "J**"},
        {"J", "**"},
        {" 王芳 ", "王**"},
        {" 王 ", "**"},
        {"Élodie", "É**"},
        {"𠮷田", "𠮷**"}, /* a character of four bytes */
        {"", ""},
    };
    for (size_t i = 0; i < sizeof maskings / sizeof *maskings; i++)
        assert_shown(contact_name_masked(text_of(maskings[i].given), arena), &maskings[i]);
}

static void names_are_visible_and_without_controls(void **state)
{
    (void)state;
    assert_true(contact_name_is_sound(TEXT("王芳")));
    assert_true(contact_name_is_sound(TEXT("J. Smith-Jones")));
    assert_false(contact_name_is_sound(TEXT("")));
    assert_false(contact_name_is_sound(TEXT("   ")));
    assert_false(contact_name_is_sound(TEXT("王\n芳")));
    assert_false(contact_name_is_sound(TEXT("\xc2\x9b王芳"))); /* CSI */
    assert_false(contact_name_is_sound(TEXT("\x7f王芳")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_masked),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(nothing_of_what_is_no_number_is_shown),
        cmocka_unit_test(a_mask_hides_at_least_three_digits),
        cmocka_unit_test(names_are_masked),
        cmocka_unit_test(names_are_visible_and_without_controls),
    };
    return cmocka_run_group_tests_name("domain: contact data", tests, setup, teardown);
}
