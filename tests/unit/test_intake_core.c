/* Intake's core without any I/O: the directory and the command in, the decision out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "services/intake/core.h"

struct fixture {
    struct arena *arena;
    struct directory *directory;
    struct intake_order order; /* the one that is there, when `has_order` */
    bool has_order;
    int64_t next;
};

static struct fixture f;

#define NOW     1767225600000LL
#define HOUR_MS 3600000LL

static void put(enum organisation_kind kind, struct text code, struct text parent,
                enum site_kind site)
{
    static const struct text commands[] = {
        {"order_submit", 12}, {"order_open_external", 19}, {"order_close_external", 20}};
    static const struct text places[] = {{"d", 1}};
    static const struct text categories[] = {{"c", 1}};
    struct organisation organisation = {.district = TEXT("d"),
                                        .code = code,
                                        .kind = kind,
                                        .name_zh = code,
                                        .parent = parent,
                                        .site_kind = site,
                                        .capacity = 1,
                                        .version = 1};
    if (kind == KIND_feed) {
        organisation.commands = commands;
        organisation.command_count = 3;
        organisation.places = places;
        organisation.place_count = 1;
    }
    if (kind == KIND_squad) {
        organisation.categories = categories;
        organisation.category_count = 1;
    }
    directory_put_organisation(f.directory, &organisation);
}

static int set_up(void **state)
{
    (void)state;
    f = (struct fixture){.arena = arena_new(), .directory = directory_new(), .next = 100};
    struct district district = {TEXT("d"), TEXT("区"), TEXT(""), TEXT("Asia/Shanghai"), 1};
    directory_put_district(f.directory, &district);
    struct category category = {TEXT("d"), TEXT("c"), TEXT("类"), TEXT(""), 1};
    directory_put_category(f.directory, &category);
    put(KIND_committee, TEXT("com"), TEXT(""), SITE_none);
    put(KIND_town, TEXT("town"), TEXT(""), SITE_none);
    put(KIND_town, TEXT("town2"), TEXT(""), SITE_none);
    put(KIND_village, TEXT("village"), TEXT("town"), SITE_none);
    put(KIND_village, TEXT("village2"), TEXT("town2"), SITE_none);
    put(KIND_site, TEXT("site"), TEXT("village"), SITE_worksite);
    put(KIND_department, TEXT("dep"), TEXT(""), SITE_none);
    put(KIND_squad, TEXT("squad"), TEXT("dep"), SITE_none);
    put(KIND_squad, TEXT("squad2"), TEXT("dep"), SITE_none);
    put(KIND_feed, TEXT("feed"), TEXT(""), SITE_none);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    directory_destroy(&f.directory);
    arena_destroy(&f.arena);
    return 0;
}

static struct intake_decision run(enum role role, struct text organisation, enum command_type type,
                                  void *body, struct text behalf)
{
    struct caller caller = {TEXT("d"), organisation, (int)role};
    struct command command = {.id = TEXT("1"),
                              .type = type,
                              .on_behalf_of = behalf,
                              .time = INSTANT_ABSENT,
                              .body = body};
    struct intake_case c = {.directory = f.directory,
                            .now = NOW,
                            .next_offset = f.next,
                            .caller = &caller,
                            .command = &command,
                            .order = f.has_order ? &f.order : NULL,
                            .arena = f.arena};
    struct intake_decision decision = intake_decide(&c);
    if (decision.verdict == INTAKE_DONE) {
        f.next++;
        if (decision.order != NULL) {
            f.order = *decision.order;
            f.has_order = true;
        }
    }
    return decision;
}

static struct order_submit wish(void)
{
    static const struct text squads[] = {{"squad", 5}, {"squad2", 6}};
    struct order_submit body;
    message_clear(&command_types[COMMAND_order_submit], &body);
    body.need = TEXT("need");
    body.squads = (struct text_list){squads, 2};
    return body;
}

static void begin(void)
{
    struct order_submit body = wish();
    assert_int_equal(
        run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")).verdict,
        INTAKE_DONE);
}

static void assert_refused(struct intake_decision decision, enum refusal_code code,
                           const char *field)
{
    assert_int_equal(decision.verdict, INTAKE_REFUSED);
    assert_string_equal(refusal_name(decision.refusal.code), refusal_name(code));
    if (field == NULL)
        assert_null(decision.refusal.field);
    else
        assert_string_equal(decision.refusal.field, field);
}

static void submit_begins_an_order_under_its_offset(void **state)
{
    (void)state;
    struct order_submit body = wish();
    struct intake_decision decision =
        run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT(""));
    assert_int_equal(decision.verdict, INTAKE_DONE);
    assert_int_equal(decision.event, EVENT_order_submitted);
    assert_int_equal(decision.version, 1);
    assert_int_equal(decision.result.order, 100);
    const struct order_submitted *event = decision.data;
    assert_int_equal(event->order, 100);
    assert_true(text_equal(event->town, TEXT("town")));
    assert_int_equal(event->state, ORDER_submitted);
    assert_int_equal(event->squads.count, 2);
}

static void submit_refuses_what_contradicts_the_directory(void **state)
{
    (void)state;
    static const struct text nobody[] = {{"nobody", 6}}, town[] = {{"town", 4}},
                             twice[] = {{"squad", 5}, {"squad", 5}};
    struct order_submit body = wish();
    body.squads = (struct text_list){nobody, 1};
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_unknown_squad, "squads");
    body.squads = (struct text_list){town, 1};
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_unknown_squad, "squads");
    body.squads = (struct text_list){twice, 2};
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_unfit, "squads");
    body.squads = (struct text_list){NULL, 0};
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_missing_field, "squads");
    body.category = TEXT("none");
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_unknown_category, "category");
    body = wish();
    body.window_start = NOW + HOUR_MS;
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_missing_field, "window_end");
    body.window_end = NOW;
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_window_unfit, "window_end");
    body = wish();
    body.external_id = TEXT("x");
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_forbidden, "external_id");
    body = wish();
    body.place = TEXT("village2");
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_not_yours, "place");
    assert_refused(run(ROLE_squad, TEXT("squad"), COMMAND_order_submit, &body, TEXT("")),
                   REFUSAL_forbidden, NULL);
}

static void a_village_enters_for_its_site_and_for_no_other(void **state)
{
    (void)state;
    struct order_submit body = wish();
    struct intake_decision decision =
        run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("site"));
    assert_int_equal(decision.verdict, INTAKE_DONE);
    assert_true(text_equal(((const struct order_submitted *)decision.data)->place, TEXT("site")));
    assert_true(text_equal(((const struct order_submitted *)decision.data)->town, TEXT("town")));
    assert_int_equal(
        run(ROLE_village, TEXT("village2"), COMMAND_order_submit, &body, TEXT("site")).refusal.code,
        REFUSAL_not_yours);
    assert_int_equal(
        run(ROLE_village, TEXT("village"), COMMAND_order_submit, &body, TEXT("village2"))
            .refusal.code,
        REFUSAL_not_yours);
}

static void return_and_resubmit_and_place_hand_over_what_was_last_asked(void **state)
{
    (void)state;
    begin();
    struct order_return back = {.order = 100, .reason = TEXT("how many?")};
    assert_refused(run(ROLE_town, TEXT("town2"), COMMAND_order_return, &back, TEXT("")),
                   REFUSAL_not_yours, "order");
    assert_int_equal(run(ROLE_town, TEXT("town"), COMMAND_order_return, &back, TEXT("")).version,
                     2);
    struct order_place place = {.order = 100, .note = TEXT("go")};
    struct intake_decision refused =
        run(ROLE_town, TEXT("town"), COMMAND_order_place, &place, TEXT(""));
    assert_refused(refused, REFUSAL_illegal_step, NULL);
    assert_string_equal(refused.refusal.state, "returned");
    struct order_resubmit again;
    message_clear(&command_types[COMMAND_order_resubmit], &again);
    again.order = 100;
    again.need = TEXT("for 40 people");
    again.category = TEXT("c");
    assert_int_equal(
        run(ROLE_village, TEXT("village"), COMMAND_order_resubmit, &again, TEXT("")).version, 3);
    struct intake_decision placed =
        run(ROLE_town, TEXT("town"), COMMAND_order_place, &place, TEXT(""));
    assert_int_equal(placed.version, 4);
    const struct order_placed *event = placed.data;
    assert_true(text_equal(event->need, TEXT("for 40 people")));
    assert_true(text_equal(event->category, TEXT("c")));
    assert_int_equal(event->squads.count, 0);
    assert_true(text_equal(event->note, TEXT("go")));
    assert_true(text_equal(event->place, TEXT("village")));
    assert_int_equal(f.order.last_offset, 103);
}

static void what_was_placed_is_forwarded(void **state)
{
    (void)state;
    begin();
    struct order_place place = {.order = 100};
    assert_int_equal(run(ROLE_town, TEXT("town"), COMMAND_order_place, &place, TEXT("")).verdict,
                     INTAKE_DONE);
    assert_int_equal(run(ROLE_town, TEXT("town"), COMMAND_order_place, &place, TEXT("")).verdict,
                     INTAKE_FORWARD);
    struct assignment_accept accept = {.order = 100};
    struct intake_decision forward =
        run(ROLE_squad, TEXT("squad"), COMMAND_assignment_accept, &accept, TEXT(""));
    assert_int_equal(forward.verdict, INTAKE_FORWARD);
    assert_int_equal(forward.order->last_offset, 101);
}

static void before_it_is_placed_squads_hear_the_state_only_when_named(void **state)
{
    (void)state;
    begin();
    struct assignment_accept accept = {.order = 100};
    struct intake_decision refused =
        run(ROLE_squad, TEXT("squad"), COMMAND_assignment_accept, &accept, TEXT(""));
    assert_refused(refused, REFUSAL_illegal_step, NULL);
    assert_string_equal(refused.refusal.state, "submitted");
    assert_true(refused.refusal.allowed_count >= 4);
    put(KIND_squad, TEXT("stranger"), TEXT("dep"), SITE_none);
    assert_refused(run(ROLE_squad, TEXT("stranger"), COMMAND_assignment_accept, &accept, TEXT("")),
                   REFUSAL_not_yours, "order");
}

static void only_feeds_state_the_time_and_open_external_orders(void **state)
{
    (void)state;
    struct order_open_external body;
    message_clear(&command_types[COMMAND_order_open_external], &body);
    body.external_id = TEXT("A-1");
    body.place = TEXT("town");
    body.squad = TEXT("squad");
    body.need = TEXT("street light");
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_order_open_external, &body, TEXT("")),
                   REFUSAL_forbidden, NULL);
    struct intake_decision opened =
        run(ROLE_feed, TEXT("feed"), COMMAND_order_open_external, &body, TEXT(""));
    assert_int_equal(opened.verdict, INTAKE_DONE);
    assert_int_equal(opened.result.state, ORDER_placed);
    assert_true(
        text_equal(((const struct order_opened_external *)opened.data)->town, TEXT("town")));
    struct caller village = {TEXT("d"), TEXT("village"), ROLE_village};
    struct order_submit submit = wish();
    struct command command = {
        .id = TEXT("1"), .type = COMMAND_order_submit, .time = NOW, .body = &submit};
    struct intake_case c = {.directory = f.directory,
                            .now = NOW,
                            .next_offset = 200,
                            .caller = &village,
                            .command = &command,
                            .arena = f.arena};
    assert_refused(intake_decide(&c), REFUSAL_forbidden, "time");
    struct caller feed = {TEXT("d"), TEXT("feed"), ROLE_feed};
    command = (struct command){
        .id = TEXT("2"), .type = COMMAND_order_open_external, .time = NOW - HOUR_MS, .body = &body};
    c.caller = &feed;
    c.twin = &f.order;
    struct intake_decision twin = intake_decide(&c);
    assert_refused(twin, REFUSAL_exists, "external_id");
    assert_int_equal(twin.refusal.order, 100);
    c.twin = NULL;
    assert_int_equal(intake_decide(&c).time, NOW - HOUR_MS);
}

static void registering_the_same_again_changes_nothing(void **state)
{
    (void)state;
    struct organisation_register body;
    message_clear(&command_types[COMMAND_organisation_register], &body);
    body.code = TEXT("new");
    body.kind = KIND_village;
    body.name_zh = TEXT("新村");
    body.parent = TEXT("town");
    struct intake_decision first =
        run(ROLE_committee, TEXT("com"), COMMAND_organisation_register, &body, TEXT(""));
    assert_int_equal(first.verdict, INTAKE_DONE);
    put(KIND_village, TEXT("new"), TEXT("town"), SITE_none);
    body.name_zh = TEXT("new");
    assert_int_equal(
        run(ROLE_committee, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")).verdict,
        INTAKE_SAME);
    body.name_zh = TEXT("新新村");
    assert_int_equal(
        run(ROLE_operator, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")).version, 2);
    body.kind = KIND_town;
    body.parent = TEXT("");
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")),
                   REFUSAL_unfit, "kind");
    body.district = TEXT("other");
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")),
                   REFUSAL_other_district, "district");
    assert_refused(
        run(ROLE_village, TEXT("village"), COMMAND_organisation_register, &body, TEXT("")),
        REFUSAL_forbidden, NULL);
}

static void a_parent_must_fit_its_child(void **state)
{
    (void)state;
    struct organisation_register body;
    message_clear(&command_types[COMMAND_organisation_register], &body);
    body.code = TEXT("x");
    body.name_zh = TEXT("x");
    body.kind = KIND_squad;
    body.parent = TEXT("town");
    assert_refused(run(ROLE_committee, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")),
                   REFUSAL_unfit, "parent");
    body.parent = TEXT("nowhere");
    assert_refused(run(ROLE_committee, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")),
                   REFUSAL_unknown_organisation, "parent");
    body.parent = TEXT("");
    assert_refused(run(ROLE_committee, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")),
                   REFUSAL_missing_field, "parent");
    body.kind = KIND_site;
    body.site_kind = SITE_worksite;
    body.parent = TEXT("site");
    assert_refused(run(ROLE_committee, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")),
                   REFUSAL_unfit, "parent");
    body.site_kind = SITE_none;
    body.parent = TEXT("town");
    assert_refused(run(ROLE_committee, TEXT("com"), COMMAND_organisation_register, &body, TEXT("")),
                   REFUSAL_unfit, "site_kind");
}

static void a_key_suits_its_organisation_and_never_changes_hands(void **state)
{
    (void)state;
    struct key_register body;
    message_clear(&command_types[COMMAND_key_register], &body);
    body.public_key = TEXT("0123456789012345678901234567890123456789");
    body.organisation = TEXT("village");
    body.role = ROLE_town;
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_key_register, &body, TEXT("")),
                   REFUSAL_unfit, "role");
    body.role = ROLE_village;
    assert_int_equal(run(ROLE_operator, TEXT("com"), COMMAND_key_register, &body, TEXT("")).verdict,
                     INTAKE_DONE);
    assert_refused(run(ROLE_committee, TEXT("com"), COMMAND_key_register, &body, TEXT("")),
                   REFUSAL_forbidden, NULL);
    struct key key = {.public_key = body.public_key,
                      .district = TEXT("d"),
                      .organisation = TEXT("village"),
                      .role = ROLE_village,
                      .version = 1};
    directory_put_key(f.directory, &key);
    assert_int_equal(run(ROLE_operator, TEXT("com"), COMMAND_key_register, &body, TEXT("")).verdict,
                     INTAKE_SAME);
    body.organisation = TEXT("village2");
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_key_register, &body, TEXT("")),
                   REFUSAL_exists, "public_key");
    struct key_revoke revoke = {.public_key = body.public_key};
    struct intake_decision revoked =
        run(ROLE_operator, TEXT("com"), COMMAND_key_revoke, &revoke, TEXT(""));
    assert_int_equal(revoked.version, 2);
    assert_true(((const struct key_registered *)revoked.data)->revoked);
    body.public_key = TEXT("~123456789012345678901234567890123456789");
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_key_register, &body, TEXT("")),
                   REFUSAL_out_of_range, "public_key");
}

static const struct key_registered *as_key(const void *data)
{
    return data;
}

/* Both facts in one decision: the successor, and its predecessor's end. */
static void a_key_is_replaced_by_its_successor(void **state)
{
    (void)state;
    struct key key = {.public_key = TEXT("0123456789012345678901234567890123456789"),
                      .district = TEXT("d"),
                      .organisation = TEXT("village"),
                      .role = ROLE_village,
                      .name = TEXT("old name"),
                      .registered = NOW - 1000,
                      .version = 3};
    struct key_rotate body;
    message_clear(&command_types[COMMAND_key_rotate], &body);
    body.replaces = key.public_key;
    body.public_key = TEXT("9876543210987654321098765432109876543210");
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_key_rotate, &body, TEXT("")),
                   REFUSAL_unknown_key, "replaces");
    directory_put_key(f.directory, &key);
    assert_refused(run(ROLE_committee, TEXT("com"), COMMAND_key_rotate, &body, TEXT("")),
                   REFUSAL_forbidden, NULL);
    for (int64_t overlap = 0; overlap <= 60; overlap += 60) {
        body.overlap_s = overlap;
        struct intake_decision decision =
            run(ROLE_operator, TEXT("com"), COMMAND_key_rotate, &body, TEXT(""));
        assert_int_equal(decision.verdict, INTAKE_DONE);
        assert_int_equal(decision.version, 1);
        const struct key_registered *fresh = as_key(decision.data);
        assert_true(text_equal(fresh->public_key, body.public_key));
        assert_true(text_equal(fresh->organisation, key.organisation));
        assert_true(text_equal(fresh->name, key.name));
        assert_true(text_equal(fresh->replaces, key.public_key));
        assert_int_equal(fresh->role, ROLE_village);
        assert_true(fresh->registered == NOW && fresh->rotated == NOW);
        assert_true(fresh->expires == INSTANT_ABSENT && !fresh->revoked);
        assert_non_null(decision.also);
        assert_int_equal(decision.also->event, EVENT_key_registered);
        assert_int_equal(decision.also->version, 4);
        const struct key_registered *ending = as_key(decision.also->data);
        assert_true(text_equal(ending->public_key, key.public_key));
        assert_true(ending->registered == NOW - 1000 && ending->rotated == NOW);
        assert_int_equal(ending->revoked, overlap == 0);
        assert_true(ending->expires == (overlap == 0 ? INSTANT_ABSENT : NOW + 60000));
    }
}

/* A key that is on its way out, or out, is not replaced again and does not come back. */
static void a_key_that_ends_has_ended(void **state)
{
    (void)state;
    const struct {
        bool revoked;
        int64_t expires;
        const char *said;
    } ends[] = {{true, 0, "revoked"}, {false, NOW + 1, "expiring"}, {false, NOW, "expired"}};
    struct key_rotate rotate;
    message_clear(&command_types[COMMAND_key_rotate], &rotate);
    rotate.replaces = TEXT("0123456789012345678901234567890123456789");
    rotate.public_key = TEXT("9876543210987654321098765432109876543210");
    struct key_register again;
    message_clear(&command_types[COMMAND_key_register], &again);
    again.public_key = rotate.replaces;
    again.organisation = TEXT("village");
    again.role = ROLE_village;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct key key = {.public_key = rotate.replaces,
                          .district = TEXT("d"),
                          .organisation = TEXT("village"),
                          .role = ROLE_village,
                          .revoked = ends[i].revoked,
                          .expires = ends[i].expires,
                          .version = 1};
        directory_put_key(f.directory, &key);
        struct intake_decision decision =
            run(ROLE_operator, TEXT("com"), COMMAND_key_rotate, &rotate, TEXT(""));
        assert_refused(decision, REFUSAL_illegal_step, "replaces");
        assert_string_equal(decision.refusal.state, ends[i].said);
        decision = run(ROLE_operator, TEXT("com"), COMMAND_key_register, &again, TEXT(""));
        if (i == 1) /* still valid: nothing to do, and its end stays */
            assert_int_equal(decision.verdict, INTAKE_SAME);
        else
            assert_refused(decision, REFUSAL_exists, "public_key");
    }
}

static void a_bearer_token_is_known_by_its_digest(void **state)
{
    (void)state;
    struct bearer_register body;
    message_clear(&command_types[COMMAND_bearer_register], &body);
    body.digest = TEXT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    body.organisation = TEXT("village");
    body.role = ROLE_town;
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_bearer_register, &body, TEXT("")),
                   REFUSAL_unfit, "role");
    body.role = ROLE_village;
    struct intake_decision done =
        run(ROLE_operator, TEXT("com"), COMMAND_bearer_register, &body, TEXT(""));
    assert_int_equal(done.verdict, INTAKE_DONE);
    assert_int_equal(done.event, EVENT_bearer_registered);
    assert_refused(run(ROLE_village, TEXT("village"), COMMAND_bearer_register, &body, TEXT("")),
                   REFUSAL_forbidden, NULL);
    struct key key = {.public_key = body.digest,
                      .district = TEXT("d"),
                      .organisation = TEXT("village"),
                      .role = ROLE_village,
                      .version = 1};
    directory_put_key(f.directory, &key);
    assert_int_equal(
        run(ROLE_operator, TEXT("com"), COMMAND_bearer_register, &body, TEXT("")).verdict,
        INTAKE_SAME);
    struct bearer_revoke revoke = {.digest = body.digest};
    done = run(ROLE_operator, TEXT("com"), COMMAND_bearer_revoke, &revoke, TEXT(""));
    assert_true(((const struct bearer_registered *)done.data)->revoked);
    key.revoked = true;
    directory_put_key(f.directory, &key);
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_bearer_register, &body, TEXT("")),
                   REFUSAL_exists, "digest");
    body.digest = TEXT("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef");
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_bearer_register, &body, TEXT("")),
                   REFUSAL_out_of_range, "digest");
    revoke.digest = body.digest;
    assert_refused(run(ROLE_operator, TEXT("com"), COMMAND_bearer_revoke, &revoke, TEXT("")),
                   REFUSAL_unknown_key, "digest");
}

/* Every command that intake owns, from every state it owns, by the role whose it is: legal or not
 * exactly as order.def says. */
static void every_row_and_every_gap_of_the_table(void **state)
{
    (void)state;
    static const enum order_state states[] = {ORDER_submitted, ORDER_returned, ORDER_withdrawn,
                                              ORDER_cancelled};
    static const struct {
        enum command_type type;
        enum role role;
        const char *organisation;
    } steps[] = {{COMMAND_order_return, ROLE_town, "town"},
                 {COMMAND_order_place, ROLE_town, "town"},
                 {COMMAND_order_withdraw, ROLE_village, "village"},
                 {COMMAND_order_resubmit, ROLE_village, "village"},
                 {COMMAND_order_cancel, ROLE_committee, "com"},
                 {COMMAND_order_confirm, ROLE_village, "village"},
                 {COMMAND_order_assign, ROLE_committee, "com"}};
    for (size_t s = 0; s < sizeof states / sizeof *states; s++)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            f.has_order = false;
            f.next = 100;
            begin();
            f.order.state = states[s];
            struct order_submit asked = wish();
            struct order_resubmit body;
            message_clear(&command_types[COMMAND_order_resubmit], &body);
            body.order = 100;
            body.need = asked.need;
            body.squads = asked.squads;
            struct order_return reason = {.order = 100, .reason = TEXT("why")};
            void *sent = steps[i].type == COMMAND_order_resubmit ? (void *)&body : (void *)&reason;
            struct intake_decision decision =
                run(steps[i].role, text_of(steps[i].organisation), steps[i].type, sent, TEXT(""));
            int step = step_find(text_of(command_types[steps[i].type].name));
            const struct order_step *row = order_step_find(states[s], (enum step)step);
            if (row == NULL) {
                assert_refused(decision, REFUSAL_illegal_step, NULL);
                assert_string_equal(decision.refusal.state,
                                    words_name(&words_order_state, (int)states[s]));
            } else {
                assert_int_equal(decision.verdict, INTAKE_DONE);
                assert_int_equal(decision.order->state, row->to);
                assert_string_equal(event_types[decision.event].name, row->event);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(submit_begins_an_order_under_its_offset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(submit_refuses_what_contradicts_the_directory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_village_enters_for_its_site_and_for_no_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(return_and_resubmit_and_place_hand_over_what_was_last_asked,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_placed_is_forwarded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(before_it_is_placed_squads_hear_the_state_only_when_named,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_feeds_state_the_time_and_open_external_orders, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(registering_the_same_again_changes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_parent_must_fit_its_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bearer_token_is_known_by_its_digest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_suits_its_organisation_and_never_changes_hands,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_replaced_by_its_successor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_ends_has_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_row_and_every_gap_of_the_table, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("intake core", tests, NULL, NULL);
}
