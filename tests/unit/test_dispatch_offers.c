/* Whom an order is offered to, in which order, and what the events and the live queue say of it. */
#include "dispatch_world.h"

static struct world world;

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static void take(const struct text *squads, size_t count, const char *category)
{
    struct order_placed placed = world_placed();
    placed.squads = (struct text_list){squads, count};
    placed.category = text_of(category);
    world_take(&world, EVENT_order_placed, &placed);
}

static const struct order_offered *offered(size_t event)
{
    assert_int_equal(world.last.events[event].type, EVENT_order_offered);
    return world.last.events[event].data;
}

static void test_first_offer(void **state)
{
    (void)state;
    struct order_placed placed = world_placed();
    placed.urgency = URGENCY_critical;
    world_take(&world, EVENT_order_placed, &placed);
    const struct order_offered *event = offered(0);
    assert_int_equal(world.last.event_count, 1);
    assert_int_equal(event->order, ORDER_ID);
    assert_int_equal(event->state, ORDER_offered);
    assert_int_equal(event->assignment, 100); /* its own offset */
    assert_int_equal(event->rank, 1);
    assert_int_equal(event->respond_by, NOW + 2 * HOUR);
    assert_text(event->squad, "q1");
    assert_text(event->place, "v1");
    assert_text(event->town, "t1");
    assert_int_equal(event->by.length, 0);
    assert_int_equal(world.last.events[0].version, 3);
    assert_int_equal(world.last.events[0].time, NOW);
    assert_int_equal(world.last.change_count, 1);
    const struct dispatch_change *change = &world.last.changes[0];
    assert_true(change->add);
    assert_int_equal(change->position, 100);
    assert_int_equal(change->offer.version, 3);
    assert_true(change->offer.press_by < change->offer.respond_by); /* it is critical */
    assert_int_equal(change->offer.not_before, NOW);
}

static void test_named_squads_in_order_of_preference(void **state)
{
    (void)state;
    const struct text squads[] = {TEXT("q3"), TEXT("nobody"), TEXT("q9"),
                                  TEXT("d1"), TEXT("q3"),     TEXT("q1")};
    take(squads, 6, "it");
    assert_string_equal(world_live(&world), "q3");
    assert_int_equal(world.order.candidates.count, 2); /* the category recommends nobody else */
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_string_equal(world_live(&world), "q1");
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_int_equal(world.order.state, ORDER_escalated);
}

static void test_decline_to_the_end(void **state)
{
    (void)state;
    take(NULL, 0, "it");
    const char *const asked[] = {"q1", "q2", "q3"};
    for (int64_t i = 0; i < 3; i++) {
        int64_t part = world.order.seats[0].id;
        assert_string_equal(world_live(&world), asked[i]);
        assert_int_equal(world.order.seats[0].rank, i + 1);
        world_squad_does(&world, COMMAND_assignment_decline);
        assert_int_equal(world.last.event_count, 2);
        const struct assignment_declined *event = world.last.events[0].data;
        assert_int_equal(event->state, ORDER_offered);
        assert_int_equal(event->assignment, part);
        assert_text(event->by, asked[i]);
        assert_text(event->reason, "因为");
        assert_int_equal(world.last.result.assignment, part); /* the caller's own */
        assert_int_equal(world.last.moved[0].id, part);
        assert_int_equal(world.last.moved[0].state, ASSIGNMENT_declined);
        assert_int_equal(world.last.changes[0].add, false);
        assert_int_equal(world.last.changes[0].position, world.next_offset - 2);
        assert_int_equal(world.last.change_count, i < 2 ? 2 : 1);
    }
    const struct order_escalated *event = world.last.events[1].data;
    assert_int_equal(world.last.events[1].type, EVENT_order_escalated);
    assert_int_equal(event->tried, 3);
    assert_int_equal(event->assignment, 0);
    assert_int_equal(world.order.seats[0].id, 0);
    assert_int_equal(world.order.past_count, 3);
    assert_int_equal(world.last.result.state, ORDER_escalated);
}

static void test_nobody_to_ask(void **state)
{
    (void)state;
    take(NULL, 0, "nothing");
    assert_int_equal(world.order.state, ORDER_escalated);
    assert_int_equal(((const struct order_escalated *)world.last.events[0].data)->tried, 0);
    assert_int_equal(world.last.change_count, 0);
}

static void test_committee_assigns(void **state)
{
    (void)state;
    const struct text squads[] = {TEXT("q1")};
    take(squads, 1, "");
    world_squad_does(&world, COMMAND_assignment_decline);
    struct order_assign *body = world_body(&world, COMMAND_order_assign);
    body->squad = TEXT("q9"); /* another district's */
    assert_refused(world_ask(&world, COMMAND_order_assign, ROLE_committee, "cmt", body),
                   REFUSAL_unknown_squad, "squad");
    body->squad = TEXT("d1");
    assert_refused(world_ask(&world, COMMAND_order_assign, ROLE_committee, "cmt", body),
                   REFUSAL_unknown_squad, "squad");
    body->squad = TEXT("q3");
    body->note = TEXT("请接");
    world_ask(&world, COMMAND_order_assign, ROLE_committee, "cmt", body);
    world_keep(&world, &world.last);
    assert_int_equal(world.last.event_count, 1);
    assert_text(offered(0)->squad, "q3");
    assert_text(offered(0)->by, "cmt");
    assert_text(offered(0)->note, "请接");
    assert_int_equal(offered(0)->rank, 2);
    assert_true(world.last.round_changed);
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_int_equal(world.order.state, ORDER_escalated);
    assert_int_equal(((const struct order_escalated *)world.last.events[1].data)->tried, 2);
    body->squad = TEXT("q1"); /* again, although it declined */
    world_ask(&world, COMMAND_order_assign, ROLE_committee, "cmt", body);
    world_keep(&world, &world.last);
    assert_int_equal(offered(0)->rank, 1);
    assert_false(world.last.round_changed);
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_int_equal(world.order.state, ORDER_escalated);
}

static void test_reopened_goes_back_to_who_served(void **state)
{
    (void)state;
    take(NULL, 0, "it");
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_string_equal(world_live(&world), "q2");
    world_squad_does(&world, COMMAND_assignment_accept);
    world_squad_does(&world, COMMAND_assignment_check_in);
    world_squad_does(&world, COMMAND_assignment_complete);
    int64_t served = world.order.seats[0].id;
    assert_int_equal(world.booking_count, 1);
    world_do(&world, COMMAND_order_reopen, ROLE_village, "v1");
    assert_int_equal(world.booking_count, 0); /* its time is free for the new round */
    const struct order_reopened *event = world.last.events[0].data;
    assert_int_equal(event->state, ORDER_reopened);
    assert_int_equal(event->assignment, served);
    assert_text(event->squad, "q2");
    assert_text(offered(1)->squad, "q2");
    assert_int_equal(offered(1)->rank, 1);
    assert_int_not_equal(world.order.seats[0].id, served);
    assert_int_equal(world.last.result.assignment, world.order.seats[0].id);
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_string_equal(world_live(&world), "q1"); /* declined before, but not since */
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_string_equal(world_live(&world), "q3");
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_int_equal(world.order.state, ORDER_escalated);
}

static void test_squad_that_is_no_more(void **state)
{
    (void)state;
    take(NULL, 0, "it");
    world_organisation(&world, "q2", KIND_village, "t1", 1);
    world_squad_does(&world, COMMAND_assignment_decline);
    assert_string_equal(world_live(&world), "q3");
}

static void test_named_assignments(void **state)
{
    (void)state;
    take(NULL, 0, "it");
    int64_t first = world.order.seats[0].id;
    world_squad_does(&world, COMMAND_assignment_decline);
    struct assignment_accept *body = world_body(&world, COMMAND_assignment_accept);
    body->assignment = first;
    const struct dispatch_decision *d =
        world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q2", body);
    assert_refused(d, REFUSAL_illegal_step, NULL);
    assert_string_equal(d->refusal.state, "offered");
    body->assignment = 99;
    assert_refused(world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q2", body),
                   REFUSAL_unknown_assignment, "assignment");
    body->assignment = world.order.seats[0].id;
    assert_int_equal(
        world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q2", body)->refusal.code,
        REFUSAL_NONE);
}

static void test_cancel_leaves_queue_and_booking(void **state)
{
    (void)state;
    take(NULL, 0, "it");
    world_ask(&world, COMMAND_order_cancel, ROLE_town, "t1",
              world_body(&world, COMMAND_order_cancel));
    assert_int_equal(world.last.change_count, 1);
    assert_false(world.last.changes[0].add);
    assert_int_equal(world.last.changes[0].position, world.next_offset);
    assert_int_equal(world.last.released_count, 0);
    world_squad_does(&world, COMMAND_assignment_accept);
    assert_int_equal(world.last.change_count, 1);
    int64_t part = world.order.seats[0].id;
    world_do(&world, COMMAND_order_cancel, ROLE_town, "t1");
    assert_int_equal(world.last.change_count, 0);
    assert_int_equal(world.last.released_count, 1);
    assert_int_equal(world.last.released[0].id, part);
    const struct order_cancelled *event = world.last.events[0].data;
    assert_int_equal(event->assignment, part);
    assert_text(event->squad, "q1");
    assert_text(event->by, "t1");
    assert_int_equal(world.booking_count, 0);
}

static void test_external(void **state)
{
    (void)state;
    world_take_external(&world);
    assert_int_equal(world.order.state, ORDER_placed);
    assert_int_equal(world.order.version, 2);
    assert_int_equal(world.last.event_count, 0);
    assert_int_equal(world.last.change_count, 0);
    assert_int_equal(world.order.seats[0].id, 0);
}

static void test_outcome_and_scores_are_passed_on(void **state)
{
    (void)state;
    static const struct count items[] = {{{"ecard", 5}, 780}};
    take(NULL, 0, "it");
    world_squad_does(&world, COMMAND_assignment_accept);
    world_squad_does(&world, COMMAND_assignment_check_in);
    struct assignment_complete *complete = world_body(&world, COMMAND_assignment_complete);
    *complete = (struct assignment_complete){.order = ORDER_ID,
                                             .people_served = 1000,
                                             .items = {items, 1},
                                             .viewers = 1,
                                             .minutes = 240,
                                             .issues_found = 2,
                                             .outcome = TEXT("办结"),
                                             .photos = {&items[0].name, 1}};
    world_ask(&world, COMMAND_assignment_complete, ROLE_squad, "q1", complete);
    world_keep(&world, &world.last);
    const struct assignment_completed *completed = world.last.events[0].data;
    assert_int_equal(completed->people_served, 1000);
    assert_int_equal(completed->items.items[0].value, 780);
    assert_int_equal(completed->viewers, 1);
    assert_int_equal(completed->minutes, 240);
    assert_int_equal(completed->issues_found, 2);
    assert_text(completed->outcome, "办结");
    assert_int_equal(completed->photos.count, 1);
    struct order_confirm *confirm = world_body(&world, COMMAND_order_confirm);
    confirm->satisfaction = 4;
    confirm->service = 3;
    confirm->efficiency = 2;
    confirm->comment = TEXT("好");
    world_ask(&world, COMMAND_order_confirm, ROLE_village, "v1", confirm);
    world_keep(&world, &world.last);
    const struct order_confirmed *confirmed = world.last.events[0].data;
    assert_int_equal(confirmed->state, ORDER_closed);
    assert_int_equal(confirmed->satisfaction, 4);
    assert_int_equal(confirmed->service, 3);
    assert_int_equal(confirmed->efficiency, 2);
    assert_text(confirmed->comment, "好");
    assert_text(confirmed->squad, "q1");
}

/* Ranks and counts stay within what events.def allows, however often the committee assigns. */
static void test_many_candidates(void **state)
{
    (void)state;
    char code[16];
    for (int i = 0; i < DISPATCH_CANDIDATES_MAX + 20; i++) {
        snprintf(code, sizeof code, "z%03d", i);
        world_organisation(&world, code, KIND_squad, "d1", 1);
    }
    take(NULL, 0, "it");
    assert_int_equal(world.order.candidates.count, DISPATCH_CANDIDATES_MAX);
    while (world.order.state == ORDER_offered)
        world_squad_does(&world, COMMAND_assignment_decline);
    assert_int_equal(((const struct order_escalated *)world.last.events[1].data)->tried,
                     DISPATCH_CANDIDATES_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_offer),
        TEST(test_named_squads_in_order_of_preference),
        TEST(test_decline_to_the_end),
        TEST(test_nobody_to_ask),
        TEST(test_committee_assigns),
        TEST(test_reopened_goes_back_to_who_served),
        TEST(test_squad_that_is_no_more),
        TEST(test_named_assignments),
        TEST(test_cancel_leaves_queue_and_booking),
        TEST(test_external),
        TEST(test_outcome_and_scores_are_passed_on),
        TEST(test_many_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
