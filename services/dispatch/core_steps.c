/* The steps that neither offer nor book. */
#include "services/dispatch/core_private.h"

bool dispatch_check_in(struct dispatch_work *w, const struct assignment_check_in *body)
{
    (void)body; /* it names the order and its part, which were checked */
    struct dispatch_assignment *part = dispatch_part(w, w->seat);
    struct assignment_checked_in *event =
        dispatch_move_to(w, STEP_assignment_check_in, ORDER_in_service, w->time);
    part->checked_in = w->time;
    dispatch_move_part(w, w->seat, STEP_assignment_check_in);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, part);
    w->d->result.assignment = part->id;
    return true;
}

/* Completed when all that must come have, and none that came is still at it. */
static enum order_state state_completed(const struct dispatch_order *order)
{
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        if (order->seats[seat].id != 0 && order->seats[seat].state == ASSIGNMENT_in_service)
            return ORDER_in_service;
    return dispatch_required_all(order, ASSIGNMENT_completed) ? ORDER_completed : ORDER_in_service;
}

static bool check_owners(struct dispatch_work *w, const struct resolution_list *resolutions)
{
    for (size_t i = 0; i < resolutions->count; i++)
        if (directory_organisation(w->c->directory, w->d->order.district,
                                   resolutions->items[i].owner) == NULL)
            return dispatch_refuse(w, REFUSAL_unknown_organisation, "resolutions");
    return true;
}

/* Optional squads that have not come are not waited for any more. */
static void end_optional(struct dispatch_work *w)
{
    for (int seat = w->d->order.required + 1; seat <= DISPATCH_SEATS_MAX; seat++) {
        const struct dispatch_assignment *part = dispatch_part(w, seat);
        if (part->id == 0 || part->state == ASSIGNMENT_completed)
            continue;
        dispatch_end_part(w, seat, STEP_auto_end);
        dispatch_retire(w, seat);
    }
}

bool dispatch_complete(struct dispatch_work *w, const struct assignment_complete *body)
{
    struct dispatch_assignment *part = dispatch_part(w, w->seat);
    if (!check_owners(w, &body->resolutions) || !dispatch_session_has_room(w, body))
        return false;
    part->completed = w->time;
    dispatch_move_part(w, w->seat, STEP_assignment_complete);
    enum order_state to = state_completed(&w->d->order);
    struct assignment_completed *event = dispatch_move_to(w, STEP_assignment_complete, to, w->time);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, part);
    event->people_served = body->people_served;
    event->items = body->items;
    event->viewers = body->viewers;
    event->minutes = body->minutes;
    event->issues_found = body->issues_found;
    event->outcome = body->outcome;
    event->photos = body->photos;
    event->resolutions = body->resolutions;
    w->d->result.assignment = part->id;
    part->outcome = message_encode(&event_types[EVENT_assignment_completed], event, w->c->arena);
    if (to == ORDER_completed) {
        end_optional(w);
        dispatch_hold_session(w);
        part->outcome = (struct bytes){NULL, 0}; /* nobody will ask for it */
    }
    dispatch_note_part(w, part);
    return true;
}

bool dispatch_confirm(struct dispatch_work *w, const struct order_confirm *body)
{
    const struct dispatch_order *order = &w->d->order;
    struct text *squads = arena_array(w->c->arena, DISPATCH_SEATS_MAX, sizeof *squads);
    size_t count = 0;
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        if (order->seats[seat].id != 0)
            squads[count++] = order->seats[seat].squad;
    struct order_confirmed *event = dispatch_move(w, STEP_order_confirm, w->time);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, dispatch_part(w, 1));
    event->satisfaction = body->satisfaction;
    event->service = body->service;
    event->efficiency = body->efficiency;
    event->comment = body->comment;
    if (count > 1)
        event->squads = (struct text_list){squads, count};
    return true;
}

/* The event of the cancelling stands for the first squad that has a part; each other hears of it by
 * one of its own. */
bool dispatch_cancel(struct dispatch_work *w, const struct order_cancel *body)
{
    int first = 1;
    while (first < DISPATCH_SEATS_MAX && dispatch_part(w, first)->id == 0)
        first++;
    struct dispatch_assignment *part = dispatch_part(w, first);
    bool waits = part->id != 0 && part->state == ASSIGNMENT_offered;
    bool is_booked = part->id != 0 && part->state == ASSIGNMENT_accepted;
    struct order_cancelled *event = dispatch_move(w, STEP_order_cancel, w->time);
    if (part->id != 0)
        dispatch_move_part(w, first, STEP_order_cancel);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, part);
    event->reason = body->reason;
    if (waits)
        dispatch_change_queue(w, first, false);
    if (is_booked)
        dispatch_release(w, first);
    for (int seat = first + 1; seat <= DISPATCH_SEATS_MAX; seat++)
        if (dispatch_part(w, seat)->id != 0)
            dispatch_end_part(w, seat, STEP_order_cancel);
    return true;
}

bool dispatch_close_external(struct dispatch_work *w, const struct order_close_external *body)
{
    if (!w->d->order.external)
        return dispatch_refuse_step(w);
    struct order_closed_external *event = dispatch_move(w, STEP_order_close_external, w->time);
    FILL_ORDER(event, w, dispatch_actor(w));
    event->squad = w->d->order.candidates.items[0];
    event->outcome = body->outcome;
    return true;
}
