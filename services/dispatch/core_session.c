/* Sessions: what took place. When an order is completed, the squads that checked in for it have
 * held one, joint if they were two or more (product.md §1). It is a fact of its own with a key of
 * its own and one version; the order's state does not change by it. Of the people who came each
 * squad counts the same ones, so the lead's figure is the session's [J], and so with viewers the
 * largest; what each squad did by itself (items, minutes, issues found, resolutions) is summed. */
#include <assert.h>

#include "services/dispatch/core_private.h"

/* Another's outcome, which was written by dispatch itself and cannot fail to decode. */
static const struct assignment_completed *outcome_of(const struct dispatch_work *w, int seat)
{
    const struct dispatch_assignment *part = &w->d->order.seats[seat - 1];
    if (part->id == 0 || part->state != ASSIGNMENT_completed)
        return NULL;
    struct assignment_completed *outcome = arena_alloc(w->c->arena, sizeof *outcome);
    struct refusal refusal;
    bool is_sound = message_decode(&event_types[EVENT_assignment_completed], part->outcome,
                                   w->c->arena, outcome, &refusal);
    assert(is_sound);
    (void)is_sound;
    return outcome;
}

struct sums {
    struct count items[SESSION_ITEMS_MAX];
    size_t item_count;
    struct resolution resolutions[SESSION_RESOLUTIONS_MAX];
    size_t resolution_count;
};

/* False: a name more than there is room for. */
static bool items_add(struct sums *sums, const struct count_list *items)
{
    for (size_t i = 0; i < items->count; i++) {
        size_t at = 0;
        while (at < sums->item_count && !text_equal(sums->items[at].name, items->items[i].name))
            at++;
        if (at == SESSION_ITEMS_MAX)
            return false;
        if (at == sums->item_count)
            sums->items[sums->item_count++] = (struct count){items->items[i].name, 0};
        int64_t sum = sums->items[at].value + items->items[i].value;
        sums->items[at].value = sum < COUNTS_VALUE_MAX ? sum : COUNTS_VALUE_MAX;
    }
    return true;
}

static bool resolutions_add(struct sums *sums, const struct resolution_list *resolutions)
{
    if (resolutions->count > SESSION_RESOLUTIONS_MAX - sums->resolution_count)
        return false;
    for (size_t i = 0; i < resolutions->count; i++)
        sums->resolutions[sums->resolution_count++] = resolutions->items[i];
    return true;
}

bool dispatch_session_has_room(struct dispatch_work *w, const struct assignment_complete *body)
{
    struct sums *sums = arena_alloc(w->c->arena, sizeof *sums);
    for (int seat = 1; seat <= DISPATCH_SEATS_MAX; seat++) {
        const struct assignment_completed *outcome = outcome_of(w, seat);
        if (outcome == NULL)
            continue;
        bool fits =
            items_add(sums, &outcome->items) && resolutions_add(sums, &outcome->resolutions);
        assert(fits); /* else it had been refused */
        (void)fits;
    }
    if (!items_add(sums, &body->items))
        return dispatch_refuse(w, REFUSAL_too_long, "items");
    if (!resolutions_add(sums, &body->resolutions))
        return dispatch_refuse(w, REFUSAL_too_long, "resolutions");
    return true;
}

/* Adds what one squad did, and says when it came and went. */
static void session_add(struct session_held *session, struct sums *sums, struct text *squads,
                        const struct dispatch_assignment *part,
                        const struct assignment_completed *outcome)
{
    bool is_first = session->squads.count == 0;
    squads[session->squads.count++] = part->squad;
    items_add(sums, &outcome->items);
    resolutions_add(sums, &outcome->resolutions);
    if (is_first)
        session->people_served = outcome->people_served;
    if (outcome->viewers > session->viewers)
        session->viewers = outcome->viewers;
    session->minutes += outcome->minutes;
    session->issues_found += outcome->issues_found;
    if (is_first || part->checked_in < session->started)
        session->started = part->checked_in;
    if (is_first || part->completed > session->ended)
        session->ended = part->completed;
}

void dispatch_hold_session(struct dispatch_work *w)
{
    const struct dispatch_order *order = &w->d->order;
    struct arena *arena = w->c->arena;
    int64_t id = w->c->next_offset + (int64_t)w->d->event_count;
    struct session_held *session =
        dispatch_emit(w, EVENT_session_held, key_of_session(id, arena), 1, w->time);
    struct sums *sums = arena_alloc(arena, sizeof *sums);
    struct text *squads = arena_array(arena, DISPATCH_SEATS_MAX, sizeof *squads);
    for (int seat = 1; seat <= DISPATCH_SEATS_MAX; seat++) {
        const struct assignment_completed *outcome = outcome_of(w, seat);
        if (outcome != NULL)
            session_add(session, sums, squads, &order->seats[seat - 1], outcome);
    }
    session->session = id;
    session->kind = session->squads.count > 1 ? SESSION_joint : SESSION_single;
    session->order = order->id;
    session->place = order->place;
    session->town = order->town;
    session->squads.items = squads;
    session->items = (struct count_list){sums->items, sums->item_count};
    session->resolutions = (struct resolution_list){sums->resolutions, sums->resolution_count};
}
