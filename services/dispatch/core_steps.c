/* The steps that neither offer nor book. */
#include "services/dispatch/core_private.h"

bool dispatch_check_in(struct dispatch_work *w, const struct assignment_check_in *body)
{
    (void)body; /* it names the order and its part, which were checked */
    struct assignment_checked_in *event = dispatch_move(w, STEP_assignment_check_in, w->time);
    dispatch_move_live(w, STEP_assignment_check_in);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, &w->d->order.live);
    return true;
}

bool dispatch_complete(struct dispatch_work *w, const struct assignment_complete *body)
{
    struct assignment_completed *event = dispatch_move(w, STEP_assignment_complete, w->time);
    dispatch_move_live(w, STEP_assignment_complete);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, &w->d->order.live);
    event->people_served = body->people_served;
    event->items = body->items;
    event->viewers = body->viewers;
    event->minutes = body->minutes;
    event->issues_found = body->issues_found;
    event->outcome = body->outcome;
    event->photos = body->photos;
    return true;
}

bool dispatch_confirm(struct dispatch_work *w, const struct order_confirm *body)
{
    struct order_confirmed *event = dispatch_move(w, STEP_order_confirm, w->time);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, &w->d->order.live);
    event->satisfaction = body->satisfaction;
    event->service = body->service;
    event->efficiency = body->efficiency;
    event->comment = body->comment;
    return true;
}

bool dispatch_cancel(struct dispatch_work *w, const struct order_cancel *body)
{
    struct dispatch_assignment *live = &w->d->order.live;
    bool waits = live->id != 0 && live->state == ASSIGNMENT_offered;
    bool is_booked = live->id != 0 && live->state == ASSIGNMENT_accepted;
    struct order_cancelled *event = dispatch_move(w, STEP_order_cancel, w->time);
    if (live->id != 0)
        dispatch_move_live(w, STEP_order_cancel);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, live);
    event->reason = body->reason;
    if (waits)
        dispatch_leave_queue(w);
    if (is_booked)
        w->d->released = *live;
    return true;
}

bool dispatch_close_external(struct dispatch_work *w, const struct order_close_external *body)
{
    if (!w->d->order.external) {
        order_refuse_step(w->d->order.state, &w->d->refusal);
        return false;
    }
    struct order_closed_external *event = dispatch_move(w, STEP_order_close_external, w->time);
    FILL_ORDER(event, w, dispatch_actor(w));
    event->squad = w->d->order.candidates.items[0];
    event->outcome = body->outcome;
    return true;
}
