/* Orders of several squads: seats, required and optional, the lead, and the sessions they hold. */
#include "dispatch_world.h"

static struct world world;

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    world_organisation(&world, "q4", KIND_squad, "d2", 1);
    world_organisation(&world, "q5", KIND_squad, "d2", 1);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static const struct text all[] = {{"q1", 2}, {"q2", 2}, {"q3", 2}, {"q4", 2}, {"q5", 2}};

/* The first squads are required, the next optional, the others substitutes. */
static void take(size_t required, size_t optional, size_t substitutes, const char *lead)
{
    struct order_placed placed = world_placed();
    placed.required = (struct text_list){all, required};
    placed.optional = (struct text_list){all + required, optional};
    placed.squads = (struct text_list){all + required + optional, substitutes};
    placed.category = TEXT("");
    placed.lead = text_of(lead);
    world_take(&world, EVENT_order_placed, &placed);
}

static void does(const char *squad, enum command_type type)
{
    world_do(&world, type, ROLE_squad, squad);
}

static void village_does(enum command_type type)
{
    world_do(&world, type, ROLE_village, "v1");
}

static const char *seat(int number)
{
    const struct dispatch_assignment *part = &world.order.seats[number - 1];
    return part->id == 0 ? "" : arena_string(world.arena, part->squad);
}

static const struct session_held *session(void)
{
    const struct dispatch_event *event = &world.last.events[world.last.event_count - 1];
    assert_int_equal(event->type, EVENT_session_held);
    return event->data;
}

static void test_each_is_offered_at_once(void **state)
{
    (void)state;
    take(2, 1, 0, "q2");
    assert_int_equal(world.last.event_count, 3);
    assert_int_equal(world.last.change_count, 3);
    assert_string_equal(seat(1), "q2"); /* the lead */
    assert_string_equal(seat(2), "q1");
    assert_string_equal(seat(3), "q3");
    static const bool optional[] = {false, false, true};
    for (int64_t i = 0; i < 3; i++) {
        const struct order_offered *event = world.last.events[i].data;
        assert_int_equal(event->seat, i + 1);
        assert_int_equal(event->optional, optional[i]);
        assert_int_equal(event->state, ORDER_offered);
    }
}

static void test_scheduled_when_every_required_accepted(void **state)
{
    (void)state;
    take(2, 1, 0, "");
    does("q1", COMMAND_assignment_accept);
    assert_int_equal(world.order.state, ORDER_offered);
    does("q3", COMMAND_assignment_accept); /* optional: it alone brings nothing about */
    assert_int_equal(world.order.state, ORDER_offered);
    does("q2", COMMAND_assignment_accept);
    assert_int_equal(world.order.state, ORDER_scheduled);
    assert_int_equal(world.booking_count, 3);
}

static void test_substitutes_then_the_committee(void **state)
{
    (void)state;
    take(2, 0, 1, ""); /* q1 and q2, else q3 */
    does("q1", COMMAND_assignment_decline);
    assert_string_equal(seat(1), "q3");
    assert_int_equal(world.order.state, ORDER_offered);
    does("q3", COMMAND_assignment_decline);
    assert_int_equal(world.order.state, ORDER_escalated);
    const struct order_escalated *escalated = world.last.events[1].data;
    assert_int_equal(escalated->seat, 1);
    assert_int_equal(escalated->tried, 3);
    /* The other seat's offer stays, and may be accepted meanwhile. */
    does("q2", COMMAND_assignment_accept);
    assert_int_equal(world.order.state, ORDER_escalated);
    struct order_assign *assign = world_body(&world, COMMAND_order_assign);
    assert_refused(world_ask(&world, COMMAND_order_assign, ROLE_committee, "cmt", assign),
                   REFUSAL_unfit, "squad"); /* q2 has a seat already */
    assign->squad = TEXT("q4");
    world_ask(&world, COMMAND_order_assign, ROLE_committee, "cmt", assign);
    world_keep(&world, &world.last);
    assert_int_equal(world.order.state, ORDER_offered);
    assert_string_equal(seat(1), "q4");
    does("q4", COMMAND_assignment_accept);
    assert_int_equal(world.order.state, ORDER_scheduled);
}

static void test_two_empty_seats(void **state)
{
    (void)state;
    take(2, 0, 0, "");
    does("q1", COMMAND_assignment_decline);
    does("q2", COMMAND_assignment_decline);
    assert_int_equal(world.order.state, ORDER_escalated);
    assert_int_equal(((const struct order_escalated *)world.last.events[1].data)->seat, 2);
    struct order_assign *assign = world_body(&world, COMMAND_order_assign);
    assign->squad = TEXT("q3");
    world_ask(&world, COMMAND_order_assign, ROLE_committee, "cmt", assign);
    world_keep(&world, &world.last);
    assert_int_equal(world.order.state, ORDER_escalated); /* the second seat is empty still */
    assert_string_equal(seat(1), "q3");
    world_do(&world, COMMAND_order_assign, ROLE_committee, "cmt"); /* q2, which declined */
    assert_int_equal(world.order.state, ORDER_offered);
    assert_string_equal(seat(2), "q2");
}

static void test_optional_that_declines_is_done_without(void **state)
{
    (void)state;
    take(1, 1, 1, "");
    does("q2", COMMAND_assignment_decline);
    assert_int_equal(world.last.event_count, 1);
    assert_string_equal(seat(2), "");
    assert_int_equal(world.order.state, ORDER_offered);
    does("q1", COMMAND_assignment_accept);
    assert_int_equal(world.order.state, ORDER_scheduled);
}

static void test_optional_is_not_waited_for(void **state)
{
    (void)state;
    take(1, 2, 0, "");
    does("q1", COMMAND_assignment_accept);
    does("q2", COMMAND_assignment_accept); /* while it is scheduled */
    assert_int_equal(world.order.state, ORDER_scheduled);
    does("q1", COMMAND_assignment_check_in);
    int64_t accepted = world.order.seats[1].id;
    does("q1", COMMAND_assignment_complete);
    assert_int_equal(world.order.state, ORDER_completed);
    assert_int_equal(world.last.event_count, 4);
    const struct assignment_ended *second = world.last.events[1].data,
                                  *third = world.last.events[2].data;
    assert_int_equal(second->outcome, ASSIGNMENT_no_show);
    assert_int_equal(third->outcome, ASSIGNMENT_expired);
    assert_int_equal(world.last.released_count, 1);
    assert_int_equal(world.last.released[0].id, accepted);
    assert_int_equal(world.last.change_count, 1); /* the open offer leaves its queue */
    assert_false(world.last.changes[0].add);
    assert_text(world.last.changes[0].squad, "q3");
    assert_int_equal(session()->kind, SESSION_single);
    struct dispatch_decision kept = world.last;
    assert_refused(world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q3",
                             world_body(&world, COMMAND_assignment_accept)),
                   REFUSAL_not_yours, "order");
    world.last = kept;
}

static void complete(const char *squad, int64_t people, const struct count_list *items,
                     const struct resolution_list *resolutions)
{
    struct assignment_complete *body = world_body(&world, COMMAND_assignment_complete);
    body->people_served = people;
    body->viewers = people * 2;
    body->minutes = 90;
    body->issues_found = 1;
    body->items = *items;
    body->resolutions = *resolutions;
    world_ask(&world, COMMAND_assignment_complete, ROLE_squad, squad, body);
    if (world.last.refusal.code == REFUSAL_NONE)
        world_keep(&world, &world.last);
}

static void test_joint_session(void **state)
{
    (void)state;
    static const struct count first[] = {{{"a", 1}, 2}, {{"b", 1}, 3}}, second[] = {{{"b", 1}, 4}};
    static const struct resolution resolved[] = {{{"x", 1}, {"d1", 2}, {"2026-03-31", 10}},
                                                 {{"y", 1}, {"t1", 2}, {"2026-04-30", 10}}};
    take(2, 1, 0, "q2");
    static const char *const squads[] = {"q1", "q2", "q3"};
    for (int i = 0; i < 3; i++)
        does(squads[i], COMMAND_assignment_accept);
    does("q1", COMMAND_assignment_check_in);
    assert_int_equal(world.order.state, ORDER_in_service);
    world.now += HOUR;
    does("q2", COMMAND_assignment_check_in);
    does("q3", COMMAND_assignment_check_in);
    complete("q1", 30, &(struct count_list){first, 2}, &(struct resolution_list){resolved, 1});
    assert_int_equal(world.order.state, ORDER_in_service);
    assert_true(world.order.seats[1].outcome.length > 0); /* kept for the session */
    world.now += HOUR;
    complete("q2", 20, &(struct count_list){second, 1}, &(struct resolution_list){resolved + 1, 1});
    assert_int_equal(world.order.state, ORDER_in_service); /* the optional squad is at it still */
    complete("q3", 10, &(struct count_list){NULL, 0}, &(struct resolution_list){NULL, 0});
    assert_int_equal(world.order.state, ORDER_completed);
    const struct session_held *held = session();
    assert_int_equal(held->kind, SESSION_joint);
    assert_int_equal(held->session, world.next_offset - 1); /* its own offset */
    assert_int_equal(held->order, ORDER_ID);
    assert_int_equal(held->squads.count, 3);
    assert_text(held->squads.items[0], "q2");
    assert_int_equal(held->started, NOW);
    assert_int_equal(held->ended, NOW + 2 * HOUR);
    assert_int_equal(held->people_served, 20); /* the lead's */
    assert_int_equal(held->viewers, 60);
    assert_int_equal(held->minutes, 270);
    assert_int_equal(held->issues_found, 3);
    assert_int_equal(held->items.count, 2);
    int64_t sums[2] = {0, 0};
    for (size_t i = 0; i < 2; i++)
        sums[held->items.items[i].name.at[0] - 'a'] = held->items.items[i].value;
    assert_int_equal(sums[0], 2);
    assert_int_equal(sums[1], 7);
    assert_int_equal(held->resolutions.count, 2);
    assert_text(held->place, "v1");
    village_does(COMMAND_order_confirm);
    const struct order_confirmed *confirmed = world.last.events[0].data;
    assert_text(confirmed->squad, "q2");
    assert_int_equal(confirmed->squads.count, 3);
    assert_text(confirmed->squads.items[0], "q2");
}

static void test_what_a_session_cannot_hold(void **state)
{
    (void)state;
    struct resolution resolved[20];
    struct count items[20];
    for (size_t i = 0; i < 20; i++) {
        resolved[i] = (struct resolution){TEXT("x"), TEXT("d1"), TEXT("2026-03-31")};
        items[i] = (struct count){TEXT(""), 1};
    }
    const struct count_list no_items = {NULL, 0};
    const struct resolution_list none = {NULL, 0}, full = {resolved, 20};
    take(4, 0, 0, "");
    static const char *const squads[] = {"q1", "q2", "q3", "q4"};
    for (int i = 0; i < 4; i++)
        does(squads[i], COMMAND_assignment_accept);
    for (int i = 0; i < 4; i++)
        does(squads[i], COMMAND_assignment_check_in);
    const struct resolution stranger = {TEXT("x"), TEXT("nobody"), TEXT("2026-03-31")};
    complete("q1", 1, &no_items, &(struct resolution_list){&stranger, 1});
    assert_refused(&world.last, REFUSAL_unknown_organisation, "resolutions");
    for (int i = 0; i < 3; i++) {
        for (size_t k = 0; k < 20; k++)
            items[k].name = arena_format(world.arena, "%d-%zu", i, k);
        complete(squads[i], 1, &(struct count_list){items, 20}, i < 2 ? &full : &none);
        if (i == 2)
            assert_refused(&world.last, REFUSAL_too_long, "items");
    }
    complete("q3", 1, &no_items, &full);
    assert_refused(&world.last, REFUSAL_too_long, "resolutions");
    complete("q3", 1, &no_items, &(struct resolution_list){resolved, 10});
    assert_int_equal(world.last.refusal.code, REFUSAL_NONE);
}

static void test_cancelled_with_all_its_parts(void **state)
{
    (void)state;
    take(2, 1, 0, "");
    does("q2", COMMAND_assignment_accept);
    village_does(COMMAND_order_cancel);
    assert_int_equal(world.order.state, ORDER_cancelled);
    assert_int_equal(world.last.event_count, 3);
    assert_text(((const struct order_cancelled *)world.last.events[0].data)->squad, "q1");
    assert_text(((const struct assignment_ended *)world.last.events[1].data)->squad, "q2");
    assert_int_equal(((const struct assignment_ended *)world.last.events[1].data)->outcome,
                     ASSIGNMENT_cancelled);
    assert_text(((const struct assignment_ended *)world.last.events[2].data)->squad, "q3");
    assert_int_equal(world.last.change_count, 2);
    assert_int_equal(world.booking_count, 0);
}

static void test_reopened_with_those_who_served(void **state)
{
    (void)state;
    take(2, 2, 1, "");
    static const char *const squads[] = {"q1", "q2", "q4"};
    for (int i = 0; i < 3; i++)
        does(squads[i], COMMAND_assignment_accept);
    for (int i = 0; i < 3; i++)
        does(squads[i], COMMAND_assignment_check_in);
    for (int i = 0; i < 3; i++)
        does(squads[i], COMMAND_assignment_complete);
    village_does(COMMAND_order_reopen);
    assert_int_equal(world.last.event_count, 4);
    assert_int_equal(world.last.released_count, 3);
    assert_int_equal(world.booking_count, 0);
    assert_string_equal(seat(1), "q1");
    assert_string_equal(seat(2), "q2");
    assert_string_equal(seat(3), "q4"); /* the optional one that came */
    assert_string_equal(seat(4), "");
    assert_true(((const struct order_offered *)world.last.events[3].data)->optional);
    does("q2", COMMAND_assignment_decline);
    assert_string_equal(seat(2), "q3"); /* all others stand by */
}

static void test_own_parts(void **state)
{
    (void)state;
    take(3, 0, 0, ""); /* q1 and q3 are d1's, q2 is d2's */
    struct assignment_accept *body = world_body(&world, COMMAND_assignment_accept);
    assert_refused(world_ask(&world, COMMAND_assignment_accept, ROLE_department, "d1", body),
                   REFUSAL_missing_field, "assignment");
    body->assignment = world.order.seats[1].id;
    assert_refused(world_ask(&world, COMMAND_assignment_accept, ROLE_department, "d1", body),
                   REFUSAL_not_yours, "assignment");
    assert_refused(world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q1", body),
                   REFUSAL_not_yours, "assignment");
    body->assignment = world.order.seats[2].id;
    world_ask(&world, COMMAND_assignment_accept, ROLE_department, "d1", body);
    world_keep(&world, &world.last);
    assert_int_equal(world.last.result.assignment, world.order.seats[2].id);
    assert_int_equal(world.order.seats[2].state, ASSIGNMENT_accepted);
    world_do(&world, COMMAND_assignment_accept, ROLE_department, "d2"); /* it has one only */
    const struct dispatch_decision *d =
        world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q2",
                  world_body(&world, COMMAND_assignment_accept));
    assert_refused(d, REFUSAL_illegal_step, NULL);
    assert_string_equal(d->refusal.state, "offered");
    assert_int_equal(d->refusal.allowed_count, 1); /* of its own nothing, though others may */
    assert_string_equal(d->refusal.allowed[0], "order_cancel");
    assert_refused(world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q4",
                             world_body(&world, COMMAND_assignment_accept)),
                   REFUSAL_not_yours, "order");
}

/* Every seat there may be, decided about in one go. */
static void test_as_many_as_may_be(void **state)
{
    (void)state;
    struct text squads[DISPATCH_SEATS_MAX];
    for (int i = 0; i < DISPATCH_SEATS_MAX; i++) {
        squads[i] = arena_format(world.arena, "z%02d", i);
        world_organisation(&world, squads[i].at, KIND_squad, "d1", 1);
    }
    struct order_placed placed = world_placed();
    placed.required = (struct text_list){squads, DISPATCH_REQUIRED_MAX};
    placed.optional = (struct text_list){squads + DISPATCH_REQUIRED_MAX,
                                         DISPATCH_SEATS_MAX - DISPATCH_REQUIRED_MAX};
    world_take(&world, EVENT_order_placed, &placed);
    assert_int_equal(world.last.event_count, DISPATCH_SEATS_MAX);
    static const enum command_type steps[] = {
        COMMAND_assignment_accept, COMMAND_assignment_check_in, COMMAND_assignment_complete};
    for (size_t s = 0; s < 3; s++)
        for (int i = 0; i < DISPATCH_SEATS_MAX; i++)
            does(squads[i].at, steps[s]);
    assert_int_equal(session()->squads.count, DISPATCH_SEATS_MAX);
    village_does(COMMAND_order_reopen);
    assert_int_equal(world.last.event_count, DISPATCH_SEATS_MAX + 1);
    village_does(COMMAND_order_cancel);
    assert_int_equal(world.last.event_count, DISPATCH_SEATS_MAX);
    assert_int_equal(world.last.change_count, DISPATCH_SEATS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_is_offered_at_once),
        TEST(test_scheduled_when_every_required_accepted),
        TEST(test_substitutes_then_the_committee),
        TEST(test_two_empty_seats),
        TEST(test_optional_that_declines_is_done_without),
        TEST(test_optional_is_not_waited_for),
        TEST(test_joint_session),
        TEST(test_what_a_session_cannot_hold),
        TEST(test_cancelled_with_all_its_parts),
        TEST(test_reopened_with_those_who_served),
        TEST(test_own_parts),
        TEST(test_as_many_as_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
