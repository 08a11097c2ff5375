/* Notification: every rule's sides, who is not told, the words, the numbers, whose inbox is whose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "services/notification/core_telling.h"
#include "tests/unit/life.h"

#define NOON 1772348400000

struct fixture {
    struct arena *arena;
    struct directory *directory;
    struct rulebook *book; /* without a rule: the defaults */
    struct life life;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.arena = arena_new();
    fixture.directory = life_directory();
    fixture.book = rulebook_new();
    life_begin(&fixture.life, fixture.arena, 12, NOON);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    directory_destroy(&fixture->directory);
    rulebook_destroy(&fixture->book);
    arena_destroy(&fixture->arena);
    return 0;
}

/* "side:organisation …" of an event, in the order of sides. */
static const char *told(struct fixture *fixture, const struct event *event)
{
    struct happening happening = {.urgency = URGENCY_normal};
    struct notice notices[SIDE_COUNT];
    size_t count = happening_read(event, &happening)
                       ? notices_of(&happening, fixture->book, fixture->directory, notices)
                       : 0;
    struct text all = TEXT("");
    for (size_t i = 0; i < count; i++)
        all = arena_format(fixture->arena, "%.*s%s%s:%.*s", TEXT_ARG(all), i > 0 ? " " : "",
                           words_name(&words_side, (int)notices[i].side),
                           TEXT_ARG(notices[i].organisation));
    return arena_string(fixture->arena, all);
}

#define PLACE "place:" LIFE_PLACE
#define TOWN  "town:" LIFE_TOWN

static void every_rule(void **state)
{
    struct fixture *f = *state;
    struct life *life = &f->life;
    assert_string_equal(told(f, life_submitted(life)), TOWN);
    assert_string_equal(told(f, life_returned(life)), PLACE);
    assert_string_equal(told(f, life_resubmitted(life)), TOWN);
    assert_string_equal(told(f, life_placed(life)), PLACE);
    assert_string_equal(told(f, life_offered(life, "rencai")), "squad:rencai department:rencai");
    assert_string_equal(told(f, life_declined(life)), TOWN);
    assert_string_equal(told(f, life_escalated(life)), TOWN " committee:");
    assert_string_equal(told(f, life_offered(life, LIFE_SQUAD)), "squad:shebao department:shebao");
    assert_string_equal(told(f, life_accepted(life)), PLACE " " TOWN);
    assert_string_equal(told(f, life_checked_in(life)), PLACE);
    assert_string_equal(told(f, life_completed(life, 1000)), PLACE);
    assert_string_equal(told(f, life_reopened(life)), TOWN " squad:shebao");
    assert_string_equal(told(f, life_confirmed(life, 5)), "squad:shebao department:shebao");
    assert_string_equal(told(f, life_withdrawn(life)), TOWN);
}

static void nobody_hears_of_other_systems_orders(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(told(f, life_opened_external(&f->life)), "");
    assert_string_equal(told(f, life_closed_external(&f->life)), "");
}

static void who_cancels_is_not_told(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(told(f, life_cancelled(&f->life, LIFE_PLACE)), TOWN " squad:shebao");
    assert_string_equal(told(f, life_cancelled(&f->life, LIFE_TOWN)), PLACE " squad:shebao");
    assert_string_equal(told(f, life_cancelled(&f->life, "committee")),
                        PLACE " " TOWN " squad:shebao");
    f->life.squad = TEXT(""); /* no squad had it */
    assert_string_equal(told(f, life_cancelled(&f->life, LIFE_PLACE)), TOWN);
}

static void a_town_that_orders_for_itself_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->life.place = TEXT(LIFE_TOWN);
    assert_string_equal(told(f, life_accepted(&f->life)), "place:" LIFE_TOWN);
    assert_string_equal(told(f, life_submitted(&f->life)), "");
}

static void facts_and_scores_tell_nobody(void **state)
{
    struct fixture *f = *state;
    struct district_registered fact;
    message_clear(&event_types[EVENT_district_registered], &fact);
    assert_string_equal(told(f, &(struct event){.type = EVENT_district_registered, .data = &fact}),
                        "");
    struct score_counted score;
    message_clear(&event_types[EVENT_score_counted], &score);
    assert_string_equal(told(f, &(struct event){.type = EVENT_score_counted, .data = &score}), "");
}

/* Every rule has its sentence in both languages, whose words all stand for something. */
static void every_sentence(void **state)
{
    struct fixture *f = *state;
    const struct notice_words words = {12, TEXT("回龙村"), TEXT("邱隘镇"), TEXT("店小二"),
                                       TEXT("明日")};
    for (size_t i = 0; i < rule_count; i++) {
        struct text zh = notice_text(rules[i].zh, &words, f->arena);
        struct text en = notice_text(rules[i].en, &words, f->arena);
        assert_non_null(strstr(arena_string(f->arena, zh), "12"));
        assert_non_null(strstr(arena_string(f->arena, en), "12"));
        assert_null(memchr(zh.at, '{', zh.length));
        assert_null(memchr(en.at, '{', en.length));
        assert_ptr_equal(rule_find(rules[i].event, rules[i].side), &rules[i]);
    }
    const struct rule *offered = rule_find(EVENT_order_offered, SIDE_department);
    assert_string_equal(arena_string(f->arena, notice_text(offered->zh, &words, f->arena)),
                        "回龙村的订单 12 已派给店小二，应在 明日 前答复");
    assert_null(rule_find(EVENT_order_opened_external, SIDE_town));
}

/* Later notices have larger numbers; those of one millisecond differ by producer and offset. */
static void numbers_go_with_time(void **state)
{
    (void)state;
    assert_true(notice_number(NOON, SERVICE_dispatch, 524287) <
                notice_number(NOON + 1, SERVICE_intake, 1));
    assert_true(notice_number(NOON, SERVICE_intake, 5) < notice_number(NOON, SERVICE_intake, 6));
    assert_int_not_equal(notice_number(NOON, SERVICE_intake, 5),
                         notice_number(NOON, SERVICE_dispatch, 5));
    assert_true(notice_number(INSTANT_MAX, SERVICE_dispatch, INT64_MAX) > 0);
    assert_true(notice_number(INSTANT_MIN, SERVICE_intake, 1) >= 0);
}

/* --- inboxes -------------------------------------------------------------------------------------
 */

static const char *inbox_of(struct fixture *f, enum role role, const char *caller,
                            const char *named)
{
    struct addresses addresses;
    struct refusal refusal = {0};
    const struct caller who = {TEXT(LIFE_DISTRICT), text_of(caller), (int)role};
    if (!inbox_addresses(f->directory, &who, text_of(named), f->arena, &addresses, &refusal))
        return arena_format(f->arena, "%s %s", refusal_name(refusal.code),
                            refusal.field == NULL ? "-" : refusal.field)
            .at;
    struct text all = addresses.reader;
    for (size_t i = 0; i < addresses.count; i++)
        all = arena_format(f->arena, "%.*s %.*s:%.*s", TEXT_ARG(all), TEXT_ARG(addresses.sides[i]),
                           TEXT_ARG(addresses.organisations[i]));
    return arena_string(f->arena, all);
}

#define OF_PLACE(code) code " place:" code " town:" code

static void whose_inbox(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(inbox_of(f, ROLE_village, LIFE_PLACE, ""), OF_PLACE(LIFE_PLACE));
    assert_string_equal(inbox_of(f, ROLE_village, LIFE_PLACE, LIFE_PLACE), OF_PLACE(LIFE_PLACE));
    assert_string_equal(inbox_of(f, ROLE_village, LIFE_PLACE, "worksite-1"),
                        OF_PLACE("worksite-1"));
    assert_string_equal(inbox_of(f, ROLE_village, LIFE_PLACE, "330212008006"),
                        "not_yours organisation");
    assert_string_equal(inbox_of(f, ROLE_village, LIFE_PLACE, LIFE_TOWN), "not_yours organisation");
    assert_string_equal(inbox_of(f, ROLE_site, "worksite-1", ""), OF_PLACE("worksite-1"));
    assert_string_equal(inbox_of(f, ROLE_town, LIFE_TOWN, ""), OF_PLACE(LIFE_TOWN));
    assert_string_equal(inbox_of(f, ROLE_town, LIFE_TOWN, LIFE_PLACE), "not_yours organisation");
    assert_string_equal(inbox_of(f, ROLE_squad, LIFE_SQUAD, ""), "shebao squad:shebao");
    assert_string_equal(inbox_of(f, ROLE_squad, LIFE_SQUAD, "rencai"), "not_yours organisation");
    assert_string_equal(inbox_of(f, ROLE_department, "hrss", ""),
                        "hrss department:rencai department:shebao");
    assert_string_equal(inbox_of(f, ROLE_department, "hrss", "rencai"), "rencai squad:rencai");
    assert_string_equal(inbox_of(f, ROLE_department, "court", ""), "court");
    assert_string_equal(inbox_of(f, ROLE_department, "court", "rencai"), "not_yours organisation");
    assert_string_equal(inbox_of(f, ROLE_committee, "committee", ""), "committee committee:");
    assert_string_equal(inbox_of(f, ROLE_committee, "committee", "hrss"),
                        "hrss department:rencai department:shebao");
    assert_string_equal(inbox_of(f, ROLE_operator, "", "rencai"), "rencai squad:rencai");
    assert_string_equal(inbox_of(f, ROLE_operator, "", ""), "missing_field organisation");
    assert_string_equal(inbox_of(f, ROLE_feed, "feed-12345", ""), "feed-12345");
    assert_string_equal(inbox_of(f, ROLE_feed, "feed-12345", LIFE_PLACE), "not_yours organisation");
    assert_string_equal(inbox_of(f, ROLE_surveyor, "surveyor-1", ""), "surveyor-1");
    assert_string_equal(inbox_of(f, ROLE_resident, LIFE_PLACE, ""), "forbidden -");
    assert_string_equal(inbox_of(f, ROLE_committee, "committee", "nobody"),
                        "unknown_organisation organisation");
}

static void the_whole_deployment_has_no_inbox(void **state)
{
    struct fixture *f = *state;
    struct addresses addresses;
    struct refusal refusal = {0};
    const struct caller who = {TEXT(""), TEXT(""), ROLE_operator};
    assert_false(
        inbox_addresses(f->directory, &who, TEXT("rencai"), f->arena, &addresses, &refusal));
    assert_int_equal(refusal.code, REFUSAL_forbidden);
    assert_string_equal(refusal.field, "district");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_hears_of_other_systems_orders, setup, teardown),
        cmocka_unit_test_setup_teardown(who_cancels_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_town_that_orders_for_itself_is_told_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(facts_and_scores_tell_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(every_sentence, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_go_with_time, setup, teardown),
        cmocka_unit_test_setup_teardown(whose_inbox, setup, teardown),
        cmocka_unit_test_setup_teardown(the_whole_deployment_has_no_inbox, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
