/* Moves: an order by a row of order.def, a seat's part by a row of assignment.def, and what is to
 * be written and queued for it. Nothing else changes a state. */
#include <assert.h>
#include <string.h>

#include "services/dispatch/core_private.h"

struct dispatch_assignment *dispatch_part(struct dispatch_work *w, int seat)
{
    assert(seat >= 1 && seat <= DISPATCH_SEATS_MAX);
    return &w->d->order.seats[seat - 1];
}

void *dispatch_emit(struct dispatch_work *w, enum event_type type, struct text key, int64_t version,
                    int64_t time)
{
    struct dispatch_decision *d = w->d;
    assert(d->event_count < DISPATCH_EVENTS_MAX);
    void *data = arena_alloc(w->c->arena, event_types[type].size);
    message_clear(&event_types[type], data);
    d->events[d->event_count++] = (struct dispatch_event){
        .type = type, .key = key, .version = version, .time = time, .data = data};
    return data;
}

void *dispatch_move_to(struct dispatch_work *w, enum step step, enum order_state to, int64_t time)
{
    struct dispatch_order *order = &w->d->order;
    const struct order_step *row = order_step_to(order->state, step, to);
    assert(row != NULL && row->owner == SERVICE_dispatch);
    int type = event_find(text_of(row->event));
    assert(type >= 0);
    order->state = to;
    order->version++;
    return dispatch_emit(w, (enum event_type)type, key_of_order(order->id, w->c->arena),
                         order->version, time);
}

void *dispatch_move(struct dispatch_work *w, enum step step, int64_t time)
{
    const struct order_step *row = order_step_find(w->d->order.state, step);
    assert(row != NULL);
    return dispatch_move_to(w, step, row->to, time);
}

/* The items, with room for one more: most decisions have one or two. */
static void *room_for(struct dispatch_work *w, void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return items; /* full at 0, 1, 2, 4, … */
    void *more = arena_array(w->c->arena, count == 0 ? 1 : 2 * count, size);
    if (count > 0)
        memcpy(more, items, count * size);
    return more;
}

static struct dispatch_assignment *parts_room(struct dispatch_work *w,
                                              struct dispatch_assignment **parts, size_t *count)
{
    assert(*count < DISPATCH_MOVED_MAX);
    *parts = room_for(w, *parts, *count, sizeof **parts);
    return &(*parts)[(*count)++];
}

static bool part_replace(struct dispatch_assignment *parts, size_t count,
                         const struct dispatch_assignment *part)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].id == part->id) {
            parts[i] = *part;
            return true;
        }
    return false;
}

void dispatch_note_part(struct dispatch_work *w, const struct dispatch_assignment *part)
{
    struct dispatch_decision *d = w->d;
    if (!part_replace(d->begun, d->begun_count, part) &&
        !part_replace(d->moved, d->moved_count, part))
        *parts_room(w, &d->moved, &d->moved_count) = *part;
}

void dispatch_begin_part(struct dispatch_work *w, const struct dispatch_assignment *part)
{
    *parts_room(w, &w->d->begun, &w->d->begun_count) = *part;
    *dispatch_part(w, part->seat) = *part;
}

void dispatch_move_part(struct dispatch_work *w, int seat, enum step step)
{
    struct dispatch_assignment *part = dispatch_part(w, seat);
    const struct assignment_step *row = assignment_step_find(part->state, step);
    assert(part->id != 0 && row != NULL);
    part->state = row->to;
    dispatch_note_part(w, part);
}

void dispatch_retire(struct dispatch_work *w, int seat)
{
    struct dispatch_order *order = &w->d->order;
    struct dispatch_assignment *part = dispatch_part(w, seat);
    assert(part->id != 0);
    int64_t *past = arena_array(w->c->arena, order->past_count + 1, sizeof *past);
    if (order->past_count > 0)
        memcpy(past, order->past, order->past_count * sizeof *past);
    past[order->past_count] = part->id;
    order->past = past;
    order->past_count++;
    part->seat = 0;
    dispatch_note_part(w, part);
    *part = (struct dispatch_assignment){.id = 0};
}

void dispatch_change_queue(struct dispatch_work *w, int seat, bool add)
{
    struct dispatch_decision *d = w->d;
    const struct dispatch_assignment *part = dispatch_part(w, seat);
    assert(d->event_count > 0 && d->change_count < DISPATCH_CHANGES_MAX);
    d->changes = room_for(w, d->changes, d->change_count, sizeof *d->changes);
    d->changes[d->change_count++] = (struct dispatch_change){
        .squad = part->squad,
        .position = w->c->next_offset + (int64_t)d->event_count - 1,
        .add = add,
        .order = d->order.id,
        .offer = *part,
    };
}

void dispatch_release(struct dispatch_work *w, int seat)
{
    *parts_room(w, &w->d->released, &w->d->released_count) = *dispatch_part(w, seat);
}

void dispatch_end_part(struct dispatch_work *w, int seat, enum step step)
{
    struct dispatch_assignment *part = dispatch_part(w, seat);
    bool waits = part->state == ASSIGNMENT_offered, is_booked = part->state == ASSIGNMENT_accepted;
    struct assignment_ended *event = dispatch_move(w, STEP_auto_end, w->c->now);
    dispatch_move_part(w, seat, step);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, part);
    event->outcome = (int)part->state;
    if (waits)
        dispatch_change_queue(w, seat, false);
    if (is_booked)
        dispatch_release(w, seat);
}

bool dispatch_required_all(const struct dispatch_order *order, enum assignment_state state)
{
    for (int seat = 0; seat < order->required; seat++)
        if (order->seats[seat].id == 0 || order->seats[seat].state != state)
            return false;
    return true;
}

bool dispatch_required_lacks(const struct dispatch_order *order)
{
    for (int seat = 0; seat < order->required; seat++)
        if (order->seats[seat].id == 0)
            return true;
    return false;
}
