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
    assert_int_equal(d->booked_count, 1);
    const struct assignment_accepted *event = d->events[0].data;
    assert_int_equal(event->window_start, start);
    assert_int_equal(event->window_end, end);
    assert_int_equal(event->lane, lane);
    assert_int_equal(d->booked[0].start, start);
    assert_int_equal(d->booked[0].end, end);
    assert_int_equal(d->booked[0].lane, lane);
    assert_int_equal(d->booked[0].ordinal, 0);
    assert_int_equal(d->booked[0].order, ORDER_ID);
    assert_int_equal(d->booked[0].assignment, d->order.seats[0].id);
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
    second.seats[0].id = 500;
    world_squad_does(&world, COMMAND_assignment_accept);
    first = world.order;
    world.order = second;
    assert_refused(accept(NOW + HOUR, NOW + 2 * HOUR), REFUSAL_window_taken, "window_start");
    world.order = first;
    world_do(&world, COMMAND_order_cancel, ROLE_village, "v1");
    world.order = second;
    assert_int_equal(accept(NOW + HOUR, NOW + 2 * HOUR)->refusal.code, REFUSAL_NONE);
    assert_int_equal(world.last.booked[0].lane, 0);
    world_close(&world);
}

static void test_windows_asked(void **state)
{
    (void)state;
    struct assignment_accept body = {.window_start = ABSENT, .window_end = ABSENT};
    struct window one;
    assert_int_equal(dispatch_windows_asked(&body, ABSENT, ABSENT, &one).count, 0);
    struct window_list asked = dispatch_windows_asked(&body, 1, 2, &one);
    assert_int_equal(asked.count, 1);
    assert_int_equal(asked.items[0].start, 1);
    assert_int_equal(asked.items[0].end, 2);
    body.window_end = 9;
    assert_int_equal(dispatch_windows_asked(&body, 1, 2, &one).count, 0);
    body.window_start = 8;
    assert_int_equal(dispatch_windows_asked(&body, 1, 2, &one).items[0].start, 8);
    const struct window stay[] = {{3, 4}, {5, 6}};
    body.windows = (struct window_list){stay, 2};
    assert_ptr_equal(dispatch_windows_asked(&body, 1, 2, &one).items, stay);
}

/* --- Rearranging --------------------------------------------------------------------------- */

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % limit;
}

/* How many are booked at a moment, counted by somebody who knows nothing of lanes. */
static int busy_at(int64_t moment)
{
    int busy = 0;
    for (size_t i = 0; i < world.booking_count; i++)
        busy += world.bookings[i].start <= moment && moment < world.bookings[i].end;
    return busy;
}

static bool has_room(int64_t start, int64_t end, int capacity)
{
    for (int64_t moment = start; moment < end; moment += HOUR)
        if (busy_at(moment) >= capacity)
            return false;
    return true;
}

static void check_lanes(int capacity, const int *lanes_before, size_t before)
{
    for (size_t i = 0; i < world.booking_count; i++) {
        const struct dispatch_booking *a = &world.bookings[i];
        assert_true(a->lane >= 0 && a->lane < capacity);
        if (i < before && a->start <= world.now)
            assert_int_equal(a->lane, lanes_before[i]); /* it has started: it stays */
        for (size_t k = 0; k < i; k++) {
            const struct dispatch_booking *b = &world.bookings[k];
            assert_false(a->lane == b->lane && a->start < b->end && b->start < a->end);
        }
    }
}

/* Whatever was booked before, a window is taken exactly when the capacity is used up at some moment
 * of it; no two that meet are in one lane; and first fit alone would have refused some of them. */
static void test_never_refused_while_there_is_room(void **state)
{
    (void)state;
    size_t shifts = 0, refusals = 0;
    for (int round = 0; round < 300; round++) {
        int capacity = 1 + round % 5, lanes[WORLD_BOOK_MAX];
        random_state = (uint64_t)(round + 1) * 0x9e3779b97f4a7c15U;
        begin("q1", ABSENT, ABSENT);
        world_organisation(&world, "q1", KIND_squad, "d1", capacity);
        const struct dispatch_order fresh = world.order;
        for (int i = 0; i < 60; i++) {
            if (random_below(8) == 0)
                world.now += HOUR;
            int64_t start = world.now + (1 + random_below(40)) * HOUR;
            int64_t end = start + (1 + random_below(9)) * HOUR;
            world.order = fresh;
            world.order.seats[0].id = 1000 + i;
            size_t before = world.booking_count;
            for (size_t k = 0; k < before; k++)
                lanes[k] = world.bookings[k].lane;
            const struct dispatch_decision *d = accept(start, end);
            if (!has_room(start, end, capacity)) {
                assert_refused(d, REFUSAL_window_taken, "window_start");
                refusals++;
                continue;
            }
            assert_int_equal(d->refusal.code, REFUSAL_NONE);
            shifts += d->shifted_count;
            world_keep(&world, d);
            check_lanes(capacity, lanes, before);
        }
        world_close(&world);
    }
    assert_true(shifts > 0 && refusals > 0);
}

/* A window that has begun gets a lane that those running leave; they stay where they are. */
static void test_started_ones_stay(void **state)
{
    (void)state;
    begin("q2", ABSENT, ABSENT);
    book(-2, 2, 1, "q2");
    book(2, 4, 1, "q2");
    book(3, 6, 0, "q2");
    const struct dispatch_decision *d = accept(NOW + HOUR, NOW + 3 * HOUR);
    assert_booked(d, NOW + HOUR, NOW + 3 * HOUR, 0);
    assert_int_equal(d->shifted_count, 0);
    d = accept(NOW - HOUR, NOW + 3 * HOUR);
    assert_booked(d, NOW - HOUR, NOW + 3 * HOUR, 0);
    world_close(&world);
    begin("q2", ABSENT, ABSENT);
    book(-5, -1, 0, "q2"); /* over, but it was there when the window began */
    book(0, 2, 1, "q2");
    assert_refused(accept(NOW - 2 * HOUR, NOW + HOUR), REFUSAL_window_taken, "window_start");
    world_close(&world);
}

/* --- Hours ---------------------------------------------------------------------------------- */

static void set_hours(const char *hours, const struct text *days_off, size_t count)
{
    struct organisation squad = *directory_organisation(world.directory, DISTRICT, TEXT("q1"));
    squad.hours = text_of(hours);
    squad.days_off = days_off;
    squad.day_off_count = count;
    directory_put_organisation(world.directory, &squad);
}

/* 2026-01-01 is a Thursday; NOW is 08:00 in Shanghai. */
static void test_hours(void **state)
{
    (void)state;
    static const struct text days_off[] = {{"2026-01-02", 10}};
    begin("q1", ABSENT, ABSENT);
    set_hours("1-5 08:30-11:30,14:00-17:00; 6 09:00-12:00", days_off, 1);
    assert_booked(accept(NOW + HOUR, NOW + 3 * HOUR), NOW + HOUR, NOW + 3 * HOUR, 0);
    assert_booked(accept(NOW + HOUR / 2, NOW + 7 * HOUR / 2), NOW + HOUR / 2, NOW + 7 * HOUR / 2,
                  0);
    static const int64_t outside[][2] = {{0, 3}, {1, 4}, {3, 7}, {5, 6}, {8, 11}, {9, 10}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        const struct dispatch_decision *d =
            accept(NOW + outside[i][0] * HOUR, NOW + outside[i][1] * HOUR);
        assert_refused(d, REFUSAL_window_unfit, "window_start");
        assert_text(d->refusal.detail, "1-5 08:30-11:30,14:00-17:00; 6 09:00-12:00");
    }
    const struct dispatch_decision *off = accept(NOW + 25 * HOUR, NOW + 26 * HOUR);
    assert_refused(off, REFUSAL_window_unfit, "window_start");
    assert_text(off->refusal.detail, "2026-01-02");
    int64_t saturday = NOW + 49 * HOUR, sunday = saturday + 24 * HOUR;
    assert_booked(accept(saturday, saturday + 3 * HOUR), saturday, saturday + 3 * HOUR, 0);
    assert_refused(accept(sunday, sunday + HOUR), REFUSAL_window_unfit, "window_start");
    set_hours("", days_off, 1);
    assert_booked(accept(NOW, NOW + 10 * HOUR), NOW, NOW + 10 * HOUR, 0);
    assert_refused(accept(NOW + 10 * HOUR, NOW + 17 * HOUR), REFUSAL_window_unfit, "window_start");
    world_close(&world);
}

/* --- Stays ---------------------------------------------------------------------------------- */

static const struct dispatch_decision *stay(const struct window *windows, size_t count)
{
    struct assignment_accept *body = world_body(&world, COMMAND_assignment_accept);
    body->window_start = body->window_end = ABSENT;
    body->windows = (struct window_list){windows, count};
    return world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q1", body);
}

static void test_stay_over_days(void **state)
{
    (void)state;
    begin("q1", ABSENT, ABSENT);
    const struct window days[] = {{NOW + 48 * HOUR, NOW + 50 * HOUR},
                                  {NOW + HOUR, NOW + 3 * HOUR},
                                  {NOW + 24 * HOUR, NOW + 26 * HOUR}};
    const struct dispatch_decision *d = stay(days, 3);
    assert_int_equal(d->refusal.code, REFUSAL_NONE);
    assert_int_equal(d->booked_count, 3);
    const struct assignment_accepted *event = d->events[0].data;
    assert_int_equal(event->window_start, NOW + HOUR); /* in the order of time */
    assert_int_equal(event->window_end, NOW + 3 * HOUR);
    assert_int_equal(event->windows.count, 3);
    assert_int_equal(event->windows.items[2].start, NOW + 48 * HOUR);
    for (int i = 0; i < 3; i++)
        assert_int_equal(d->booked[i].ordinal, i);
    /* All or none. */
    book(25, 27, 0, "q1");
    assert_refused(stay(days, 3), REFUSAL_window_taken, "windows");
    assert_int_equal(world.last.event_count, 0);
    world.booking_count = 0;
    const struct window overlapping[] = {{NOW + HOUR, NOW + 3 * HOUR},
                                         {NOW + 2 * HOUR, NOW + 4 * HOUR}};
    assert_refused(stay(overlapping, 2), REFUSAL_window_unfit, "windows");
    const struct window reversed[] = {{NOW + HOUR, NOW + 3 * HOUR},
                                      {NOW + 5 * HOUR, NOW + 5 * HOUR}};
    assert_refused(stay(reversed, 2), REFUSAL_window_unfit, "windows");
    const struct window past[] = {{NOW - 3 * HOUR, NOW - HOUR}, {NOW + HOUR, NOW + 2 * HOUR}};
    assert_refused(stay(past, 2), REFUSAL_window_unfit, "windows");
    struct assignment_accept *both = world_body(&world, COMMAND_assignment_accept);
    both->windows = (struct window_list){days, 3};
    assert_refused(world_ask(&world, COMMAND_assignment_accept, ROLE_squad, "q1", both),
                   REFUSAL_unfit, "windows");
    set_hours("1-7 08:00-11:00", NULL, 0);
    assert_int_equal(stay(days, 3)->refusal.code, REFUSAL_NONE);
    set_hours("1-5 08:00-11:00", NULL, 0); /* the third day is a Saturday */
    assert_refused(stay(days, 3), REFUSAL_window_unfit, "windows");
    world_close(&world);
}

static void test_stay_is_released_whole(void **state)
{
    (void)state;
    begin("q1", ABSENT, ABSENT);
    const struct window days[] = {{NOW + HOUR, NOW + 3 * HOUR}, {NOW + 24 * HOUR, NOW + 26 * HOUR}};
    world_keep(&world, stay(days, 2));
    assert_int_equal(world.booking_count, 2);
    world_do(&world, COMMAND_order_cancel, ROLE_village, "v1");
    assert_int_equal(world.booking_count, 0);
    world_close(&world);
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
        cmocka_unit_test(test_windows_asked),
        cmocka_unit_test(test_never_refused_while_there_is_room),
        cmocka_unit_test(test_started_ones_stay),
        cmocka_unit_test(test_hours),
        cmocka_unit_test(test_stay_over_days),
        cmocka_unit_test(test_stay_is_released_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
