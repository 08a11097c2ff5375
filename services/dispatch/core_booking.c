/* Windows. A squad that accepts books the window that is wanted, another one within it, or several
 * of a stay over days; all of them or none. Each lies wholly within one stretch of the squad's
 * hours and on none of its days off, in its district's time. Lanes are core_lanes.c's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "domain/hours.h"
#include "services/dispatch/core_private.h"

struct window_list dispatch_windows_asked(const struct assignment_accept *body,
                                          int64_t wanted_start, int64_t wanted_end,
                                          struct window *one)
{
    if (body->windows.count > 0)
        return body->windows;
    bool is_given = !INSTANT_IS_ABSENT(body->window_start) || !INSTANT_IS_ABSENT(body->window_end);
    one->start = is_given ? body->window_start : wanted_start;
    one->end = is_given ? body->window_end : wanted_end;
    bool is_there = !INSTANT_IS_ABSENT(one->start) && !INSTANT_IS_ABSENT(one->end);
    return (struct window_list){one, is_there ? 1 : 0};
}

/* A window being checked, and the fields that a refusal names. */
struct asked {
    const struct window *window;
    const char *start, *end;
};

/* A wanted window binds until it is over; then any other will do. */
static bool check_within_wanted(struct dispatch_work *w, const struct asked *asked)
{
    const struct dispatch_order *order = &w->d->order;
    if (INSTANT_IS_ABSENT(order->window_start) || order->window_end <= w->c->now)
        return true;
    if (asked->window->start < order->window_start)
        return dispatch_refuse(w, REFUSAL_window_unfit, asked->start);
    if (asked->window->end > order->window_end)
        return dispatch_refuse(w, REFUSAL_window_unfit, asked->end);
    return true;
}

static bool check_hours(struct dispatch_work *w, const struct organisation *squad,
                        const struct asked *asked)
{
    struct hours hours;
    const struct district *district = directory_district(w->c->directory, w->d->order.district);
    struct text zone = district == NULL ? (struct text){"UTC", 3} : district->time_zone;
    bool is_sound = hours_parse(squad->hours, &hours);
    assert(is_sound); /* intake let no other in */
    (void)is_sound;
    struct text off = hours_day_off(squad->days_off, squad->day_off_count, zone,
                                    asked->window->start, asked->window->end);
    if (off.length == 0 && hours_fit(&hours, zone, asked->window->start, asked->window->end))
        return true;
    dispatch_refuse(w, REFUSAL_window_unfit, asked->start);
    w->d->refusal.detail = off.length > 0 ? off : squad->hours;
    return false;
}

static bool check_window(struct dispatch_work *w, const struct organisation *squad,
                         const struct asked *asked)
{
    const struct window *window = asked->window;
    if (window->end <= window->start || window->end <= w->c->now ||
        window->end - window->start > w->c->limits->window_max_ms)
        return dispatch_refuse(w, REFUSAL_window_unfit, asked->end);
    return check_within_wanted(w, asked) && check_hours(w, squad, asked);
}

static int by_start(const void *a, const void *b)
{
    const struct window *left = a, *right = b;
    return left->start < right->start ? -1 : left->start > right->start;
}

/* The windows in the order of time, checked; none: refused. */
static struct window_list windows_of(struct dispatch_work *w, const struct organisation *squad,
                                     const struct assignment_accept *body)
{
    const struct window_list none = {NULL, 0};
    const struct dispatch_order *order = &w->d->order;
    bool starts = !INSTANT_IS_ABSENT(body->window_start),
         ends = !INSTANT_IS_ABSENT(body->window_end), stays = body->windows.count > 0;
    if (stays && (starts || ends)) {
        dispatch_refuse(w, REFUSAL_unfit, "windows"); /* which of the two holds? */
        return none;
    }
    if (starts != ends) {
        dispatch_refuse(w, REFUSAL_missing_field, starts ? "window_end" : "window_start");
        return none;
    }
    struct window one;
    struct window_list asked =
        dispatch_windows_asked(body, order->window_start, order->window_end, &one);
    if (asked.count == 0) {
        dispatch_refuse(w, REFUSAL_window_required, "window_start");
        return none;
    }
    struct window *windows = arena_array(w->c->arena, asked.count, sizeof *windows);
    memcpy(windows, asked.items, asked.count * sizeof *windows);
    qsort(windows, asked.count, sizeof *windows, by_start);
    for (size_t i = 0; i < asked.count; i++) {
        const struct asked at = {&windows[i], stays ? "windows" : "window_start",
                                 stays ? "windows" : "window_end"};
        if (!check_window(w, squad, &at))
            return none;
        if (i > 0 && windows[i].start < windows[i - 1].end) {
            dispatch_refuse(w, REFUSAL_window_unfit, "windows");
            return none;
        }
    }
    return (struct window_list){windows, asked.count};
}

/* The squad's bookings, and room for its new ones behind them. */
static struct dispatch_lanes lanes_of(const struct dispatch_work *w,
                                      const struct organisation *squad, size_t more)
{
    const struct dispatch_case *c = w->c;
    struct dispatch_lanes lanes = {
        .bookings = arena_array(c->arena, c->booking_count + more, sizeof *lanes.bookings),
        .capacity = squad->capacity,
        .now = c->now,
        .arena = c->arena,
    };
    for (size_t i = 0; i < c->booking_count; i++)
        if (text_equal(c->bookings[i].squad, squad->code))
            lanes.bookings[lanes.count++] = c->bookings[i];
    return lanes;
}

/* What became of the squad's earlier bookings: those that are in another lane now. */
static void note_shifted(struct dispatch_work *w, const struct dispatch_lanes *lanes, size_t before)
{
    const struct dispatch_case *c = w->c;
    struct dispatch_booking *shifted = arena_array(c->arena, before + 1, sizeof *shifted);
    size_t at = 0;
    for (size_t i = 0; i < c->booking_count; i++) {
        if (!text_equal(c->bookings[i].squad, w->d->order.seats[w->seat - 1].squad))
            continue;
        if (lanes->bookings[at].lane != c->bookings[i].lane)
            shifted[w->d->shifted_count++] = lanes->bookings[at];
        at++;
    }
    w->d->shifted = shifted;
}

/* All windows get a lane, or none does. */
static bool book(struct dispatch_work *w, const struct organisation *squad,
                 const struct window_list *windows)
{
    const struct dispatch_assignment *part = dispatch_part(w, w->seat);
    struct dispatch_lanes lanes = lanes_of(w, squad, windows->count);
    size_t before = lanes.count;
    for (size_t i = 0; i < windows->count; i++) {
        lanes.bookings[lanes.count++] = (struct dispatch_booking){
            .assignment = part->id,
            .ordinal = (int)i,
            .order = w->d->order.id,
            .squad = squad->code,
            .start = windows->items[i].start,
            .end = windows->items[i].end,
        };
        if (!dispatch_lanes_place(&lanes))
            return dispatch_refuse(w, REFUSAL_window_taken,
                                   windows->count > 1 ? "windows" : "window_start");
    }
    note_shifted(w, &lanes, before);
    w->d->booked = lanes.bookings + before;
    w->d->booked_count = windows->count;
    return true;
}

/* Where the order is once one more seat accepted. */
static enum order_state state_accepted(const struct dispatch_order *order)
{
    if (order->state == ORDER_scheduled || order->state == ORDER_in_service)
        return order->state;
    if (dispatch_required_lacks(order))
        return ORDER_escalated;
    return dispatch_required_all(order, ASSIGNMENT_accepted) ? ORDER_scheduled : ORDER_offered;
}

bool dispatch_accept(struct dispatch_work *w, const struct assignment_accept *body)
{
    struct dispatch_order *order = &w->d->order;
    const struct organisation *squad =
        directory_organisation(w->c->directory, order->district, dispatch_part(w, w->seat)->squad);
    if (squad == NULL)
        return dispatch_refuse(w, REFUSAL_unknown_squad, NULL);
    struct window_list windows = windows_of(w, squad, body);
    if (windows.count == 0 || !book(w, squad, &windows))
        return false;
    dispatch_move_part(w, w->seat, STEP_assignment_accept);
    struct assignment_accepted *event =
        dispatch_move_to(w, STEP_assignment_accept, state_accepted(order), w->time);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, dispatch_part(w, w->seat));
    event->window_start = windows.items[0].start;
    event->window_end = windows.items[0].end;
    event->lane = w->d->booked[0].lane;
    if (windows.count > 1)
        event->windows = windows;
    dispatch_change_queue(w, w->seat, false);
    w->d->result.assignment = dispatch_part(w, w->seat)->id;
    return true;
}
