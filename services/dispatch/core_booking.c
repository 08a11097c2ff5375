/* Windows and lanes. A booking takes one lane of its squad for a half-open window [start, end);
 * lanes are the squad's parallel capacity. The lowest free lane is taken. */
#include <assert.h>

#include "services/dispatch/core_private.h"

#define LANES_MAX 64 /* commands.def: capacity */

bool dispatch_window_asked(const struct assignment_accept *body, int64_t wanted_start,
                           int64_t wanted_end, int64_t *start, int64_t *end)
{
    bool is_given = !INSTANT_IS_ABSENT(body->window_start) || !INSTANT_IS_ABSENT(body->window_end);
    *start = is_given ? body->window_start : wanted_start;
    *end = is_given ? body->window_end : wanted_end;
    return !INSTANT_IS_ABSENT(*start) && !INSTANT_IS_ABSENT(*end);
}

/* A wanted window binds until it is over; then any other will do. */
static bool check_within_wanted(struct dispatch_work *w, int64_t start, int64_t end)
{
    const struct dispatch_order *order = &w->d->order;
    if (INSTANT_IS_ABSENT(order->window_start) || order->window_end <= w->c->now)
        return true;
    if (start < order->window_start)
        return dispatch_refuse(w, REFUSAL_window_unfit, "window_start");
    if (end > order->window_end)
        return dispatch_refuse(w, REFUSAL_window_unfit, "window_end");
    return true;
}

static bool check_window(struct dispatch_work *w, const struct assignment_accept *body,
                         int64_t *start, int64_t *end)
{
    const struct dispatch_order *order = &w->d->order;
    bool starts = !INSTANT_IS_ABSENT(body->window_start);
    if (starts == INSTANT_IS_ABSENT(body->window_end))
        return dispatch_refuse(w, REFUSAL_missing_field, starts ? "window_end" : "window_start");
    if (!dispatch_window_asked(body, order->window_start, order->window_end, start, end))
        return dispatch_refuse(w, REFUSAL_window_required, "window_start");
    if (*end <= *start || *end <= w->c->now)
        return dispatch_refuse(w, REFUSAL_window_unfit, "window_end");
    if (*end - *start > w->c->limits->window_max_ms)
        return dispatch_refuse(w, REFUSAL_window_unfit, "window_end");
    return check_within_wanted(w, *start, *end);
}

/* The lowest lane that is free over the whole window, or -1. A lane beyond a capacity that was
 * lowered since still counts as one in use. */
static int lane_free(const struct dispatch_case *c, struct text squad, int64_t capacity,
                     int64_t start, int64_t end)
{
    uint64_t taken = 0;
    for (size_t i = 0; i < c->booking_count; i++) {
        const struct dispatch_booking *b = &c->bookings[i];
        if (b->start < end && start < b->end && text_equal(b->squad, squad)) {
            assert(b->lane >= 0 && b->lane < LANES_MAX);
            taken |= UINT64_C(1) << b->lane;
        }
    }
    if (__builtin_popcountll(taken) >= capacity)
        return -1;
    int lane = 0;
    while ((taken >> lane & 1) != 0)
        lane++;
    return lane;
}

bool dispatch_accept(struct dispatch_work *w, const struct assignment_accept *body)
{
    struct dispatch_order *order = &w->d->order;
    int64_t start = INSTANT_ABSENT, end = INSTANT_ABSENT;
    if (!check_window(w, body, &start, &end))
        return false;
    const struct organisation *squad =
        directory_organisation(w->c->directory, order->district, order->live.squad);
    int lane = squad == NULL ? -1 : lane_free(w->c, squad->code, squad->capacity, start, end);
    if (lane < 0)
        return dispatch_refuse(w, REFUSAL_window_taken, "window_start");
    struct assignment_accepted *event = dispatch_move(w, STEP_assignment_accept, w->time);
    dispatch_move_live(w, STEP_assignment_accept);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, &order->live);
    event->window_start = start;
    event->window_end = end;
    event->lane = lane;
    w->d->is_booked = true;
    w->d->booking = (struct dispatch_booking){
        .assignment = order->live.id,
        .order = order->id,
        .squad = order->live.squad,
        .lane = lane,
        .start = start,
        .end = end,
    };
    dispatch_leave_queue(w);
    return true;
}
