/* Whom an order is offered to. The squads that the grassroots named are asked in its order of
 * preference; when it named a category, that category's squads in code order. The list is fixed
 * when the order is placed, so that a later change of the directory moves nobody's turn. A squad is
 * asked once in a round; a round ends with an acceptance or, nobody being left, with the committee.
 * An order of several squads asks each required and each optional one at once; the squads it names
 * beside them, or its category's, take the places of required ones that decline.
 * An order that is not satisfied begins another round: first the squads that served, which know the
 * case, each in the seat it had, then all others again, in their order [J]. */
#include <assert.h>
#include <string.h>

#include "services/dispatch/core_private.h"

/* What urgency is worth in the queue, beside its shorter time to answer [J]. */
static int64_t boost_ms(enum urgency urgency)
{
    const int64_t day_ms = 86400000;
    switch (urgency) {
    case URGENCY_normal:
        return 0;
    case URGENCY_urgent:
        return day_ms;
    case URGENCY_critical:
        return 7 * day_ms;
    case URGENCY_COUNT:
        break;
    }
    assert(false);
    return 0;
}

static bool list_has(const struct text *items, size_t count, struct text wanted)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(items[i], wanted))
            return true;
    return false;
}

struct list {
    struct text *items;
    size_t count;
};

/* Intake refuses squads that are not there; one that is gone since is passed over. */
static void list_add(const struct dispatch_case *c, struct text district, struct list *list,
                     struct text squad)
{
    if (dispatch_is_squad(c, district, squad) && !list_has(list->items, list->count, squad))
        list->items[list->count++] = squad;
}

struct text_list dispatch_candidates(const struct dispatch_case *c, struct text district,
                                     const struct order_placed *wish)
{
    const struct organisation *found[DISPATCH_CANDIDATES_MAX];
    size_t served = 0;
    if (wish->squads.count == 0 && wish->category.length > 0)
        served = directory_squads_of_category(c->directory, district, wish->category, found,
                                              DISPATCH_CANDIDATES_MAX);
    if (served > DISPATCH_CANDIDATES_MAX) /* it says how many there are */
        served = DISPATCH_CANDIDATES_MAX;
    size_t most = wish->required.count + wish->optional.count + wish->squads.count + served;
    struct list list = {.items = arena_array(c->arena, most + 1, sizeof *list.items)};
    if (wish->lead.length > 0)
        list_add(c, district, &list, wish->lead); /* the first seat leads */
    for (size_t i = 0; i < wish->required.count; i++)
        list_add(c, district, &list, wish->required.items[i]);
    for (size_t i = 0; i < wish->optional.count; i++)
        list_add(c, district, &list, wish->optional.items[i]);
    for (size_t i = 0; i < wish->squads.count; i++)
        list_add(c, district, &list, wish->squads.items[i]);
    for (size_t i = 0; i < served; i++)
        list_add(c, district, &list, found[i]->code);
    return (struct text_list){list.items, list.count};
}

static int64_t rank_clamp(int64_t rank)
{
    return rank < DISPATCH_RANK_MAX ? rank : DISPATCH_RANK_MAX;
}

static void offer(struct dispatch_work *w, enum step step, enum order_state to, int seat,
                  struct text squad, int64_t rank, struct text note)
{
    const struct dispatch_order *order = &w->d->order;
    int64_t now = w->c->now;
    int64_t respond_by = now + w->c->limits->offer_ms[order->urgency];
    struct order_offered *event = dispatch_move_to(w, step, to, now);
    const struct assignment_step *row = assignment_step_find(ASSIGNMENT_none, step);
    assert(row != NULL);
    const struct dispatch_assignment part = {
        .id = w->c->next_offset + (int64_t)w->d->event_count - 1,
        .squad = squad,
        .state = row->to,
        .rank = rank_clamp(rank),
        .version = order->version,
        .respond_by = respond_by,
        .press_by = respond_by - boost_ms(order->urgency),
        .not_before = now,
        .seat = seat,
        .checked_in = INSTANT_ABSENT,
        .completed = INSTANT_ABSENT,
    };
    dispatch_begin_part(w, &part);
    FILL_ORDER(event, w, step == STEP_order_assign ? dispatch_actor(w) : ((struct text){"", 0}));
    FILL_PART(event, &part);
    event->rank = part.rank;
    event->respond_by = respond_by;
    event->note = note;
    event->seat = seat;
    event->optional = seat > order->required;
    dispatch_change_queue(w, seat, true);
}

static void escalate(struct dispatch_work *w, int seat)
{
    struct order_escalated *event = dispatch_move(w, STEP_auto_escalate, w->c->now);
    FILL_ORDER(event, w, ((struct text){"", 0}));
    event->tried = rank_clamp(w->d->order.asked);
    event->seat = seat;
}

/* Offers a seat to the next candidate; false: nobody is left. */
static bool offer_next(struct dispatch_work *w, int seat)
{
    struct dispatch_order *order = &w->d->order;
    while (order->asked < (int64_t)order->candidates.count) {
        struct text squad = order->candidates.items[order->asked++];
        if (dispatch_is_squad(w->c, order->district, squad)) {
            offer(w, STEP_auto_offer, ORDER_offered, seat, squad, order->asked,
                  (struct text){"", 0});
            return true;
        }
    }
    return false;
}

/* Offers every seat to the squad it is meant for, the first candidates; then what is empty and
 * required to those after them. */
void dispatch_offer_round(struct dispatch_work *w, int seats)
{
    struct dispatch_order *order = &w->d->order;
    assert(seats >= order->required && seats <= DISPATCH_SEATS_MAX && order->asked == 0);
    for (int seat = 1; seat <= seats && seat <= (int)order->candidates.count; seat++) {
        struct text squad = order->candidates.items[order->asked++];
        if (dispatch_is_squad(w->c, order->district, squad))
            offer(w, STEP_auto_offer, ORDER_offered, seat, squad, order->asked,
                  (struct text){"", 0});
    }
    for (int seat = 1; seat <= order->required; seat++)
        if (dispatch_part(w, seat)->id == 0)
            offer_next(w, seat);
    for (int seat = 1; seat <= order->required; seat++)
        if (dispatch_part(w, seat)->id == 0)
            escalate(w, seat);
}

bool dispatch_decline(struct dispatch_work *w, const struct assignment_decline *body)
{
    int seat = w->seat;
    struct assignment_declined *event =
        dispatch_move_to(w, STEP_assignment_decline, w->d->order.state, w->time);
    dispatch_move_part(w, seat, STEP_assignment_decline);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, dispatch_part(w, seat));
    event->reason = body->reason;
    dispatch_change_queue(w, seat, false);
    w->d->result.assignment = dispatch_part(w, seat)->id; /* the caller's own, not the next one's */
    dispatch_retire(w, seat);
    /* An optional squad is done without. */
    if (seat <= w->d->order.required && !offer_next(w, seat))
        escalate(w, seat);
    return true;
}

static int first_empty(struct dispatch_work *w)
{
    for (int seat = 1; seat <= w->d->order.required; seat++)
        if (dispatch_part(w, seat)->id == 0)
            return seat;
    assert(false); /* an escalated order has one */
    return 0;
}

/* The committee may assign a squad that nobody named, or one that declined before. */
bool dispatch_assign(struct dispatch_work *w, const struct order_assign *body)
{
    struct dispatch_order *order = &w->d->order;
    const struct organisation *squad =
        directory_organisation(w->c->directory, order->district, body->squad);
    if (squad == NULL || squad->kind != KIND_squad)
        return dispatch_refuse(w, REFUSAL_unknown_squad, "squad");
    for (int seat = 1; seat <= DISPATCH_SEATS_MAX; seat++)
        if (dispatch_part(w, seat)->id != 0 &&
            text_equal(dispatch_part(w, seat)->squad, squad->code))
            return dispatch_refuse(w, REFUSAL_unfit, "squad"); /* it has a seat already */
    size_t count = order->candidates.count;
    if (!list_has(order->candidates.items, count, squad->code)) {
        struct text *items = arena_array(w->c->arena, count + 1, sizeof *items);
        if (count > 0)
            memcpy(items, order->candidates.items, count * sizeof *items);
        items[count] = squad->code;
        order->candidates = (struct text_list){items, count + 1};
        w->d->round_changed = true;
    }
    order->asked = (int64_t)order->candidates.count; /* nobody was left before */
    int64_t rank = 1;
    while (!text_equal(order->candidates.items[rank - 1], squad->code))
        rank++;
    int seat = first_empty(w), empty = 0;
    for (int other = 1; other <= order->required; other++)
        empty += dispatch_part(w, other)->id == 0;
    offer(w, STEP_order_assign, empty > 1 ? ORDER_escalated : ORDER_offered, seat, squad->code,
          rank, body->note);
    w->d->result.assignment = dispatch_part(w, seat)->id;
    return true;
}

bool dispatch_reopen(struct dispatch_work *w, const struct order_reopen *body)
{
    struct dispatch_order *order = &w->d->order;
    struct order_reopened *event = dispatch_move(w, STEP_order_reopen, w->time);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, dispatch_part(w, 1));
    event->reason = body->reason;
    struct text *items =
        arena_array(w->c->arena, DISPATCH_SEATS_MAX + order->candidates.count + 1, sizeof *items);
    size_t count = 0;
    for (int seat = 1; seat <= DISPATCH_SEATS_MAX; seat++) {
        if (dispatch_part(w, seat)->id == 0)
            continue;
        items[count++] = dispatch_part(w, seat)->squad;
        /* What is left of the time it had would keep it from the same window. */
        dispatch_release(w, seat);
        dispatch_retire(w, seat);
    }
    int seats = (int)count;
    for (size_t i = 0; i < order->candidates.count; i++)
        if (!list_has(items, count, order->candidates.items[i]))
            items[count++] = order->candidates.items[i];
    order->candidates = (struct text_list){items, count};
    order->asked = 0;
    w->d->round_changed = true;
    dispatch_offer_round(w, seats);
    return true;
}
