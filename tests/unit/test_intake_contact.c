/* Contact data in intake's core: beside the decision and in nothing of it, who may see and delete
 * it, and what dispatch's events make of the assignments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/intake/core.h"
#include "services/intake/core_contact.h"

#define NOW 1767225600000LL

static struct arena *arena;
static struct directory *directory;

static void put(enum organisation_kind kind, struct text code, struct text parent,
                enum site_kind site)
{
    struct organisation organisation = {.district = TEXT("d"),
                                        .code = code,
                                        .kind = kind,
                                        .name_zh = code,
                                        .parent = parent,
                                        .site_kind = site,
                                        .capacity = 1,
                                        .version = 1};
    directory_put_organisation(directory, &organisation);
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    directory = directory_new();
    directory_put_district(
        directory, &(struct district){TEXT("d"), TEXT("区"), TEXT(""), TEXT("Asia/Shanghai"), 1});
    put(KIND_committee, TEXT("com"), TEXT(""), SITE_none);
    put(KIND_town, TEXT("town"), TEXT(""), SITE_none);
    put(KIND_town, TEXT("town2"), TEXT(""), SITE_none);
    put(KIND_village, TEXT("village"), TEXT("town"), SITE_none);
    put(KIND_village, TEXT("village2"), TEXT("town2"), SITE_none);
    put(KIND_site, TEXT("site"), TEXT("village"), SITE_worksite);
    put(KIND_department, TEXT("dep"), TEXT(""), SITE_none);
    put(KIND_department, TEXT("dep2"), TEXT(""), SITE_none);
    put(KIND_squad, TEXT("squad"), TEXT("dep"), SITE_none);
    put(KIND_squad, TEXT("squad2"), TEXT("dep2"), SITE_none);
    put(KIND_feed, TEXT("feed"), TEXT(""), SITE_none);
    put(KIND_surveyor, TEXT("survey"), TEXT(""), SITE_none);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    directory_destroy(&directory);
    arena_destroy(&arena);
    return 0;
}

/* --- what is taken ---------------------------------------------------------------------------- */

static bool holds(struct bytes bytes, const char *needle)
{
    return memmem(bytes.at, bytes.length, needle, strlen(needle)) != NULL;
}

static struct intake_decision decide(enum role role, struct text organisation,
                                     enum command_type type, void *body, struct intake_order *order)
{
    static struct caller caller;
    static struct command command;
    caller = (struct caller){TEXT("d"), organisation, (int)role};
    command = (struct command){.id = TEXT("1"),
                               .type = type,
                               .on_behalf_of = TEXT(""),
                               .time = INSTANT_ABSENT,
                               .body = body};
    return intake_decide(&(struct intake_case){.directory = directory,
                                               .now = NOW,
                                               .next_offset = 7,
                                               .caller = &caller,
                                               .command = &command,
                                               .order = order,
                                               .arena = arena});
}

static struct order_submit wish(void)
{
    static const struct text squads[] = {{"squad", 5}};
    struct order_submit body;
    message_clear(&command_types[COMMAND_order_submit], &body);
    body.need = TEXT("need");
    body.squads = (struct text_list){squads, 1};
    body.contact_name = TEXT("王小芳");
    body.contact_phone = TEXT("13857421234");
    return body;
}

static void assert_apart(const struct intake_decision *decision)
{
    struct bytes event = message_encode(&event_types[decision->event], decision->data, arena);
    assert_false(holds(event, "13857421234") || holds(event, "王小芳"));
    assert_false(holds(decision->order->wish, "13857421234") ||
                 holds(decision->order->wish, "王小芳"));
    assert_int_equal(decision->contact, CONTACT_GIVEN);
    assert_true(text_equal(decision->contact_phone, TEXT("13857421234")));
    assert_true(text_equal(decision->contact_name, TEXT("王小芳")));
}

static void it_stands_beside_the_event_and_not_in_it(void **state)
{
    (void)state;
    struct order_submit body = wish();
    struct intake_decision decision =
        decide(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, NULL);
    assert_int_equal(decision.verdict, INTAKE_DONE);
    assert_apart(&decision);
    struct intake_order *order = decision.order;
    order->state = ORDER_returned;
    struct order_resubmit again;
    message_clear(&command_types[COMMAND_order_resubmit], &again);
    again.order = order->id;
    again.need = TEXT("more");
    again.squads = body.squads;
    again.contact_name = body.contact_name;
    again.contact_phone = body.contact_phone;
    decision = decide(ROLE_village, TEXT("village"), COMMAND_order_resubmit, &again, order);
    assert_int_equal(decision.verdict, INTAKE_DONE);
    assert_apart(&decision);
    order->state = ORDER_returned;
    again.contact_name = again.contact_phone = TEXT("");
    decision = decide(ROLE_village, TEXT("village"), COMMAND_order_resubmit, &again, order);
    assert_int_equal(decision.verdict, INTAKE_DONE);
    assert_int_equal(decision.contact, CONTACT_LEFT);
}

static void what_is_unsound_is_named(void **state)
{
    (void)state;
    struct refusal refusal;
    assert_true(contact_check(TEXT(""), TEXT(""), &refusal));
    assert_true(contact_check(TEXT("王"), TEXT("12345"), &refusal));
    assert_false(contact_check(TEXT(" "), TEXT(""), &refusal));
    assert_string_equal(refusal.field, "contact_name");
    assert_false(contact_check(TEXT("王"), TEXT("call"), &refusal));
    assert_string_equal(refusal.field, "contact_phone");
    struct order_submit body = wish();
    body.contact_phone = TEXT("1385742123x");
    struct intake_decision decision =
        decide(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, NULL);
    assert_int_equal(decision.verdict, INTAKE_REFUSED);
    assert_int_equal(decision.refusal.code, REFUSAL_out_of_range);
}

/* --- who may see ------------------------------------------------------------------------------ */

static enum contact_right right(enum role role, struct text organisation, struct text place,
                                bool is_live, enum refusal_code *code)
{
    static const struct text squads[] = {{"squad", 5}};
    struct contact_facts facts = {.district = TEXT("d"),
                                  .place = place,
                                  .town = TEXT("town"),
                                  .feed = TEXT("feed"),
                                  .asked = squads,
                                  .asked_count = 1,
                                  .live = squads,
                                  .live_count = is_live};
    struct caller caller = {TEXT("d"), organisation, (int)role};
    struct refusal refusal;
    enum contact_right found = contact_right_of(directory, &caller, &facts, &refusal);
    *code = found == CONTACT_REFUSED ? refusal.code : REFUSAL_NONE;
    return found;
}

static void only_the_two_sides_of_a_live_assignment_see_it_whole(void **state)
{
    (void)state;
    static const struct {
        enum role role;
        const char *organisation, *place;
        enum contact_right live, not_live;
        enum refusal_code code;
    } cases[] = {
        {ROLE_village, "village", "village", CONTACT_WHOLE, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_village, "village", "site", CONTACT_WHOLE, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_site, "site", "site", CONTACT_WHOLE, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_town, "town", "site", CONTACT_WHOLE, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_town, "town", "village", CONTACT_MASKED, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_squad, "squad", "village", CONTACT_WHOLE, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_department, "dep", "village", CONTACT_WHOLE, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_committee, "com", "village", CONTACT_MASKED, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_feed, "feed", "village", CONTACT_MASKED, CONTACT_MASKED, REFUSAL_NONE},
        {ROLE_village, "village2", "village", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_not_yours},
        {ROLE_village, "village2", "site", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_not_yours},
        {ROLE_site, "site", "village", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_not_yours},
        {ROLE_town, "town2", "site", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_not_yours},
        {ROLE_squad, "squad2", "village", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_not_yours},
        {ROLE_department, "dep2", "village", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_not_yours},
        {ROLE_operator, "com", "village", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_forbidden},
        {ROLE_surveyor, "survey", "village", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_forbidden},
        {ROLE_resident, "village", "village", CONTACT_REFUSED, CONTACT_REFUSED, REFUSAL_forbidden},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int live = 0; live < 2; live++) {
            enum refusal_code code;
            enum contact_right found = right(cases[i].role, text_of(cases[i].organisation),
                                             text_of(cases[i].place), live == 1, &code);
            if (found != (live == 1 ? cases[i].live : cases[i].not_live) || code != cases[i].code)
                fail_msg("%s of %s, live %d: %d", cases[i].organisation, cases[i].place, live,
                         (int)found);
        }
}

static void a_site_with_a_key_speaks_for_itself(void **state)
{
    (void)state;
    enum refusal_code code;
    struct key key = {.public_key = TEXT("0000000000000000000000000000000000000000"),
                      .district = TEXT("d"),
                      .organisation = TEXT("site"),
                      .role = ROLE_site,
                      .version = 1};
    directory_put_key(directory, &key);
    assert_int_equal(right(ROLE_village, TEXT("village"), TEXT("site"), true, &code),
                     CONTACT_REFUSED);
    assert_int_equal(right(ROLE_town, TEXT("town"), TEXT("site"), true, &code), CONTACT_MASKED);
    assert_int_equal(right(ROLE_site, TEXT("site"), TEXT("site"), true, &code), CONTACT_WHOLE);
}

/* --- deleting --------------------------------------------------------------------------------- */

static void who_deletes_it(void **state)
{
    (void)state;
    static const struct {
        enum role role;
        const char *organisation;
        enum refusal_code code; /* NONE: it may */
    } cases[] = {
        {ROLE_village, "village", REFUSAL_NONE},
        {ROLE_town, "town", REFUSAL_NONE},
        {ROLE_committee, "com", REFUSAL_NONE},
        {ROLE_village, "village2", REFUSAL_not_yours},
        {ROLE_town, "town2", REFUSAL_not_yours},
        {ROLE_site, "site", REFUSAL_not_yours},
        {ROLE_squad, "squad", REFUSAL_forbidden},
        {ROLE_department, "dep", REFUSAL_forbidden},
        {ROLE_feed, "feed", REFUSAL_forbidden},
        {ROLE_operator, "com", REFUSAL_forbidden},
        {ROLE_resident, "village", REFUSAL_forbidden},
    };
    struct contact_erase body = {.order = 7};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct intake_order order = {.district = TEXT("d"),
                                     .id = 7,
                                     .place = TEXT("village"),
                                     .town = TEXT("town"),
                                     .state = ORDER_placed};
        struct intake_decision decision = decide(cases[i].role, text_of(cases[i].organisation),
                                                 COMMAND_contact_erase, &body, &order);
        if (decision.refusal.code != cases[i].code)
            fail_msg("%s: %s", cases[i].organisation, refusal_name(decision.refusal.code));
        assert_int_equal(decision.verdict,
                         cases[i].code == REFUSAL_NONE ? INTAKE_SAME : INTAKE_REFUSED);
        assert_int_equal(decision.contact,
                         cases[i].code == REFUSAL_NONE ? CONTACT_ERASED : CONTACT_LEFT);
    }
    struct intake_decision decision =
        decide(ROLE_village, TEXT("village"), COMMAND_contact_erase, &body, NULL);
    assert_int_equal(decision.refusal.code, REFUSAL_unknown_order);
}

/* --- dispatch's events ------------------------------------------------------------------------ */

static struct contact_turn turn_of(enum event_type type)
{
    void *data = arena_alloc(arena, event_types[type].size);
    message_clear(&event_types[type], data);
    struct event event = {.type = type, .district = TEXT("d"), .data = data};
    return contact_turn_of(&event);
}

static void each_event_of_an_assignment_turns_it(void **state)
{
    (void)state;
    static const struct {
        enum event_type type;
        int scope;
        enum contact_standing standing;
        bool is_ended;
    } cases[] = {
        {EVENT_order_offered, TURN_ONE, CONTACT_ASKED, false},
        {EVENT_assignment_accepted, TURN_ONE, CONTACT_LIVE, false},
        /* Live since it was accepted: nothing to write. */
        {EVENT_assignment_checked_in, TURN_NONE, CONTACT_ASKED, false},
        {EVENT_assignment_declined, TURN_ONE, CONTACT_OVER, false},
        {EVENT_assignment_completed, TURN_ONE, CONTACT_OVER, false},
        {EVENT_assignment_ended, TURN_ONE, CONTACT_OVER, false},
        /* Other squads' parts go on while one seat is empty. */
        {EVENT_order_escalated, TURN_NONE, CONTACT_ASKED, false},
        {EVENT_session_held, TURN_NONE, CONTACT_ASKED, false},
        {EVENT_order_reopened, TURN_ALL, CONTACT_OVER, false},
        {EVENT_order_confirmed, TURN_ALL, CONTACT_OVER, true},
        {EVENT_order_cancelled, TURN_ALL, CONTACT_OVER, true},
        {EVENT_order_closed_external, TURN_ALL, CONTACT_OVER, true},
        {EVENT_order_submitted, TURN_NONE, CONTACT_ASKED, false},
        {EVENT_order_placed, TURN_NONE, CONTACT_ASKED, false},
        {EVENT_organisation_registered, TURN_NONE, CONTACT_ASKED, false},
        {EVENT_score_counted, TURN_NONE, CONTACT_ASKED, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct contact_turn turn = turn_of(cases[i].type);
        if ((int)turn.scope != cases[i].scope ||
            (turn.scope != TURN_NONE &&
             (turn.standing != cases[i].standing || turn.is_ended != cases[i].is_ended)))
            fail_msg("%s", event_types[cases[i].type].name);
    }
}

static void who_reads_the_record(void **state)
{
    (void)state;
    struct refusal refusal;
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct caller caller = {TEXT("d"), TEXT("com"), role};
        assert_int_equal(contact_audit_may(&caller, &refusal),
                         role == ROLE_committee || role == ROLE_operator);
    }
    struct caller deployment = {TEXT(""), TEXT(""), ROLE_operator};
    assert_false(contact_audit_may(&deployment, &refusal));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_stands_beside_the_event_and_not_in_it),
        TEST(what_is_unsound_is_named),
        TEST(only_the_two_sides_of_a_live_assignment_see_it_whole),
        TEST(a_site_with_a_key_speaks_for_itself),
        TEST(who_deletes_it),
        TEST(each_event_of_an_assignment_turns_it),
        TEST(who_reads_the_record),
    };
    return cmocka_run_group_tests_name("intake: contact data", tests, NULL, NULL);
}
