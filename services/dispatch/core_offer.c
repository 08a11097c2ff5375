/* Whom an order is offered to. The squads that the grassroots named are asked in its order of
 * preference; when it named a category, that category's squads in code order. The list is fixed
 * when the order is placed, so that a later change of the directory moves nobody's turn. A squad is
 * asked once in a round; a round ends with an acceptance or, nobody being left, with the committee.
 * An order that is not satisfied begins another round: first the squad that served, which knows the
 * case, then all others again, in their order [J]. */
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

struct text_list dispatch_candidates(const struct dispatch_case *c, struct text district,
                                     struct text_list named, struct text category)
{
    const struct organisation *found[DISPATCH_CANDIDATES_MAX];
    size_t served = 0;
    if (named.count == 0 && category.length > 0)
        served = directory_squads_of_category(c->directory, district, category, found,
                                              DISPATCH_CANDIDATES_MAX);
    if (served > DISPATCH_CANDIDATES_MAX) /* it says how many there are */
        served = DISPATCH_CANDIDATES_MAX;
    struct text *items = arena_array(c->arena, named.count + served + 1, sizeof *items);
    size_t count = 0;
    /* Intake refuses squads that are not there; one that is gone since is passed over. */
    for (size_t i = 0; i < named.count; i++)
        if (dispatch_is_squad(c, district, named.items[i]) &&
            !list_has(items, count, named.items[i]))
            items[count++] = named.items[i];
    for (size_t i = 0; i < served; i++)
        items[count++] = found[i]->code;
    return (struct text_list){items, count};
}

/* The part that is over joins the past ones; nobody has the order. */
static void retire_live(struct dispatch_work *w)
{
    struct dispatch_order *order = &w->d->order;
    if (order->live.id == 0)
        return;
    int64_t *past = arena_array(w->c->arena, order->past_count + 1, sizeof *past);
    if (order->past_count > 0)
        memcpy(past, order->past, order->past_count * sizeof *past);
    past[order->past_count] = order->live.id;
    order->past = past;
    order->past_count++;
    order->live = (struct dispatch_assignment){.id = 0};
}

static int64_t rank_clamp(int64_t rank)
{
    return rank < DISPATCH_RANK_MAX ? rank : DISPATCH_RANK_MAX;
}

static void offer(struct dispatch_work *w, enum step step, struct text squad, int64_t rank,
                  struct text note)
{
    struct dispatch_decision *d = w->d;
    int64_t now = w->c->now;
    int64_t respond_by = now + w->c->limits->offer_ms[d->order.urgency];
    retire_live(w);
    struct order_offered *event = dispatch_move(w, step, now);
    const struct assignment_step *row = assignment_step_find(ASSIGNMENT_none, step);
    assert(row != NULL);
    d->begun = d->order.live = (struct dispatch_assignment){
        .id = w->c->next_offset + (int64_t)d->event_count - 1,
        .squad = squad,
        .state = row->to,
        .rank = rank_clamp(rank),
        .version = d->order.version,
        .respond_by = respond_by,
        .press_by = respond_by - boost_ms(d->order.urgency),
        .not_before = now,
    };
    FILL_ORDER(event, w, step == STEP_order_assign ? dispatch_actor(w) : ((struct text){"", 0}));
    FILL_PART(event, &d->order.live);
    event->rank = d->order.live.rank;
    event->respond_by = respond_by;
    event->note = note;
    assert(d->change_count < DISPATCH_CHANGES_MAX);
    d->changes[d->change_count++] = (struct dispatch_change){
        .squad = squad,
        .position = d->order.live.id,
        .add = true,
        .order = d->order.id,
        .offer = d->order.live,
    };
}

static void escalate(struct dispatch_work *w)
{
    retire_live(w);
    struct order_escalated *event = dispatch_move(w, STEP_auto_escalate, w->c->now);
    FILL_ORDER(event, w, ((struct text){"", 0}));
    event->tried = rank_clamp(w->d->order.asked);
}

void dispatch_offer_next(struct dispatch_work *w)
{
    struct dispatch_order *order = &w->d->order;
    while (order->asked < (int64_t)order->candidates.count) {
        struct text squad = order->candidates.items[order->asked++];
        if (dispatch_is_squad(w->c, order->district, squad)) {
            offer(w, STEP_auto_offer, squad, order->asked, (struct text){"", 0});
            return;
        }
    }
    escalate(w);
}

bool dispatch_decline(struct dispatch_work *w, const struct assignment_decline *body)
{
    struct assignment_declined *event = dispatch_move(w, STEP_assignment_decline, w->time);
    dispatch_move_live(w, STEP_assignment_decline);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, &w->d->order.live);
    event->reason = body->reason;
    dispatch_leave_queue(w);
    w->d->result.assignment = w->d->order.live.id; /* the caller's own, not the next one's */
    dispatch_offer_next(w);
    return true;
}

/* The committee may assign a squad that nobody named, or one that declined before. */
bool dispatch_assign(struct dispatch_work *w, const struct order_assign *body)
{
    struct dispatch_order *order = &w->d->order;
    const struct organisation *squad =
        directory_organisation(w->c->directory, order->district, body->squad);
    if (squad == NULL || squad->kind != KIND_squad)
        return dispatch_refuse(w, REFUSAL_unknown_squad, "squad");
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
    offer(w, STEP_order_assign, squad->code, rank, body->note);
    return true;
}

bool dispatch_reopen(struct dispatch_work *w, const struct order_reopen *body)
{
    struct dispatch_order *order = &w->d->order;
    struct order_reopened *event = dispatch_move(w, STEP_order_reopen, w->time);
    FILL_ORDER(event, w, dispatch_actor(w));
    FILL_PART(event, &order->live);
    event->reason = body->reason;
    /* What is left of the time it had would keep it from the same window. */
    w->d->released = order->live;
    struct text *items = arena_array(w->c->arena, order->candidates.count + 1, sizeof *items);
    size_t count = 0;
    items[count++] = order->live.squad;
    for (size_t i = 0; i < order->candidates.count; i++)
        if (!text_equal(order->candidates.items[i], order->live.squad))
            items[count++] = order->candidates.items[i];
    order->candidates = (struct text_list){items, count};
    order->asked = 0;
    w->d->round_changed = true;
    dispatch_offer_next(w);
    return true;
}
