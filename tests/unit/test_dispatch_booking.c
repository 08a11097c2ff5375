/* Windows and lanes. */
#include "dispatch_world.h"

static struct world world;

static void begin(const char *squad, int64_t wanted_start, int64_t wanted_end)
{
    world_open(&world);
    struct order_placed placed = world_placed();
    struct text *squads = arena_array(world.arena, 1, sizeof *squads);
    *squads = text_of(squad);
    placed.squads = (struct text_list){squads, 1};
    placed.window_start = wanted_start;
    placed.window_end = wanted_end;
    world_take(&world, EVENT_order_placed, &placed);
}

static const struct dispatch_decision *accept(int64_t start, int64_t end)
{
    struct assignment_accept *body = world_body(&world, COMMAND_assignment_accept);
    body->window_start = start;
    body->window_end = end;
    return world_ask(&world, COMMAND_assignment_accept, ROLE_squad, world_live(&world), body);
}

static void assert_booked(const struct dispatch_decision *d, int64_t start, int64_t end, int lane)
{
    assert_int_equal(d->refusal.code, REFUSAL_NONE);
    assert_true(d->is_booked);
    const struct assignment_accepted *event = d->events[0].data;
    assert_int_equal(event->window_start, start);
    assert_int_equal(event->window_end, end);
    assert_int_equal(event->lane, lane);
    assert_int_equal(d->booking.start, start);
    assert_int_equal(d->booking.end, end);
    assert_int_equal(d->booking.lane, lane);
    assert_int_equal(d->booking.order, ORDER_ID);
    assert_int_equal(d->booking.assignment, d->order.live.id);
}

#define ABSENT INSTANT_ABSENT

static void test_windows(void **state)
{
    (void)state;
    static const struct {
        int64_t wanted_start, wanted_end, start, end; /* hours from now; 999: absent */
        enum refusal_code code;
        const char *field;
        int64_t booked_start, booked_end;
    } cases[] = {
        {999, 999, 999, 999, REFUSAL_window_required, "window_start", 0, 0},
        {999, 999, 1, 999, REFUSAL_missing_field, "window_end", 0, 0},
        {999, 999, 999, 1, REFUSAL_missing_field, "window_start", 0, 0},
        {999, 999, 1, 2, REFUSAL_NONE, NULL, 1, 2},
        {999, 999, -1, 1, REFUSAL_NONE, NULL, -1, 1}, /* begun, not over */
        {999, 999, -2, 0, REFUSAL_window_unfit, "window_end", 0, 0},
        {999, 999, 3, 2, REFUSAL_window_unfit, "window_end", 0, 0},
        {999, 999, 3, 3, REFUSAL_window_unfit, "window_end", 0, 0},
        {999, 999, 1, 25, REFUSAL_NONE, NULL, 1, 25},
        {999, 999, 1, 26, REFUSAL_window_unfit, "window_end", 0, 0},
        {2, 6, 999, 999, REFUSAL_NONE, NULL, 2, 6},
        {2, 6, 2, 6, REFUSAL_NONE, NULL, 2, 6},
        {2, 6, 3, 4, REFUSAL_NONE, NULL, 3, 4},
        {2, 6, 1, 4, REFUSAL_window_unfit, "window_start", 0, 0},
        {2, 6, 5, 7, REFUSAL_window_unfit, "window_end", 0, 0},
        {2, 6, 3, 999, REFUSAL_missing_field, "window_end", 0, 0},
        {1, 30, 999, 999, REFUSAL_window_unfit, "window_end", 0, 0}, /* longer than may be */
        {-6, -2, 999, 999, REFUSAL_window_unfit, "window_end", 0, 0},
        {-6, 0, 999, 999, REFUSAL_window_unfit, "window_end", 0, 0},
        {-6, -2, 1, 2, REFUSAL_NONE, NULL, 1, 2}, /* over: any other will do */
        {-6, 0, 1, 2, REFUSAL_NONE, NULL, 1, 2},
        {-1, 6, 999, 999, REFUSAL_NONE, NULL, -1, 6},
    };
#define AT(hours) ((hours) == 999 ? ABSENT : NOW + (hours)*HOUR)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin("q1", AT(cases[i].wanted_start), AT(cases[i].wanted_end));
        const struct dispatch_decision *d = accept(AT(cases[i].start), AT(cases[i].end));
        if (cases[i].code == REFUSAL_NONE)
            assert_booked(d, AT(cases[i].booked_start), AT(cases[i].booked_end), 0);
        else
            assert_refused(d, cases[i].code, cases[i].field);
        world_close(&world);
    }
}

static void book(int64_t start, int64_t end, int lane, const char *squad)
{
    world.bookings[world.booking_count] =
        (struct dispatch_booking){.assignment = 1000 + (int64_t)world.booking_count,
                                  .order = 1,
                                  .squad = text_of(squad),
                                  .lane = lane,
                                  .start = NOW + start * HOUR,
                                  .end = NOW + end * HOUR};
    world.booking_count++;
}

static void test_lanes(void **state)
{
    (void)state;
    begin("q3", ABSENT, ABSENT);
    assert_booked(accept(NOW + HOUR, NOW + 2 * HOUR), NOW + HOUR, NOW + 2 * HOUR, 0);
    book(0, 3, 0, "q3");
    assert_booked(accept(NOW + HOUR, NOW + 2 * HOUR), NOW + HOUR, NOW + 2 * HOUR, 1);
    book(0, 9, 2, "q3");
    assert_booked(accept(NOW + HOUR, NOW + 2 * HOUR), NOW + HOUR, NOW + 2 * HOUR, 1);
    book(1, 2, 1, "q3");
    assert_refused(accept(NOW + HOUR, NOW + 2 * HOUR), REFUSAL_window_taken, "window_start");
    /* Half-open: what ends when another begins does not meet it. */
    assert_booked(accept(NOW + 2 * HOUR, NOW + 3 * HOUR), NOW + 2 * HOUR, NOW + 3 * HOUR, 1);
    assert_booked(accept(NOW + 3 * HOUR, NOW + 4 * HOUR), NOW + 3 * HOUR, NOW + 4 * HOUR, 0);
    assert_refused(accept(NOW + 2 * HOUR - 1, NOW + 3 * HOUR), REFUSAL_window_taken,
                   "window_start");
    world_close(&world);
}

static void test_capacity(void **state)
{
    (void)state;
    for (int capacity = 1; capacity <= 64; capacity += 21) {
        begin("q1", ABSENT, ABSENT);
        world_organisation(&world, "q1", KIND_squad, "d1", capacity);
        for (int lane = 0; lane < capacity; lane++) {
            assert_booked(accept(NOW + HOUR, NOW + 2 * HOUR), NOW + HOUR, NOW + 2 * HOUR, lane);
            book(1, 2, lane, "q1");
        }
        assert_refused(accept(NOW + HOUR, NOW + 2 * HOUR), REFUSAL_window_taken, "window_start");
        world_close(&world);
    }
}

static void test_lowered_capacity(void **state)
{
    (void)state;
    begin("q3", ABSENT, ABSENT);
    book(1, 2, 2, "q3");
    world_organisation(&world, "q3", KIND_squad, "d1", 1);
    assert_refused(accept(NOW + HOUR, NOW + 2 * HOUR), REFUSAL_window_taken, "window_start");
    assert_booked(accept(NOW + 2 * HOUR, NOW + 3 * HOUR), NOW + 2 * HOUR, NOW + 3 * HOUR, 0);
    world_close(&world);
}

static void test_other_squads_do_not_matter(void **state)
{
    (void)state;
    begin("q1", ABSENT, ABSENT);
    book(0, 9, 0, "q2");
    assert_booked(accept(NOW + HOUR, NOW + 2 * HOUR), NOW + HOUR, NOW + 2 * HOUR, 0);
    world_close(&world);
}

/* As in one batch: the first booking is among those the second decision sees, and is gone again
 * when its order is cancelled. */
static void test_two_accepts_in_one_batch(void **state)
{
    (void)state;
    begin("q1", ABSENT, ABSENT);
    struct dispatch_order first = world.order, second = world.order;
    second.id = ORDER_ID + 1;
    second.live.id = 500;
    world_squad_does(&world, COMMAND_assignment_accept);
    first = world.order;
    world.order = second;
    assert_refused(accept(NOW + HOUR, NOW + 2 * HOUR), REFUSAL_window_taken, "window_start");
    world.order = first;
    world_do(&world, COMMAND_order_cancel, ROLE_village, "v1");
    world.order = second;
    assert_int_equal(accept(NOW + HOUR, NOW + 2 * HOUR)->refusal.code, REFUSAL_NONE);
    assert_int_equal(world.last.booking.lane, 0);
    world_close(&world);
}

static void test_window_asked(void **state)
{
    (void)state;
    struct assignment_accept body = {.window_start = ABSENT, .window_end = ABSENT};
    int64_t start, end;
    assert_false(dispatch_window_asked(&body, ABSENT, ABSENT, &start, &end));
    assert_true(dispatch_window_asked(&body, 1, 2, &start, &end));
    assert_int_equal(start, 1);
    assert_int_equal(end, 2);
    body.window_end = 9;
    assert_false(dispatch_window_asked(&body, 1, 2, &start, &end));
    body.window_start = 8;
    assert_true(dispatch_window_asked(&body, 1, 2, &start, &end));
    assert_int_equal(start, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_lowered_capacity),
        cmocka_unit_test(test_other_squads_do_not_matter),
        cmocka_unit_test(test_two_accepts_in_one_batch),
        cmocka_unit_test(test_window_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
