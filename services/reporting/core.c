#include "services/reporting/core.h"

#include "events/parties.h"

void order_row_clear(struct order_row *row)
{
    const struct text none = TEXT("");
    *row = (struct order_row){
        .district = none,
        .place = none,
        .town = none,
        .feed = none,
        .external_id = none,
        .category = none,
        .activity = none,
        .squad = none,
        .squad_recorded = INSTANT_ABSENT,
        .opened = INSTANT_ABSENT,
        .placed = INSTANT_ABSENT,
        .offered = INSTANT_ABSENT,
        .accepted = INSTANT_ABSENT,
        .checked_in = INSTANT_ABSENT,
        .completed = INSTANT_ABSENT,
        .ended = INSTANT_ABSENT,
        .changed = INSTANT_ABSENT,
    };
}

static bool text_replace(struct text *there, struct text now)
{
    bool other = !text_equal(*there, now);
    if (other)
        *there = now;
    return other;
}

static bool wish_replace(struct order_row *row, struct text category, int urgency,
                         struct text activity)
{
    bool other = text_replace(&row->category, category);
    other |= text_replace(&row->activity, activity);
    other |= row->urgency != urgency;
    row->urgency = urgency;
    return other;
}

static void squad_give(struct order_row *row, struct text squad, const struct event *event)
{
    row->squad = squad;
    row->squad_recorded = event->recorded;
}

static void squad_take(struct order_row *row)
{
    row->squad = TEXT("");
    row->squad_recorded = INSTANT_ABSENT;
}

/* The order is to be served again: the times of the service that did not satisfy are not its own
 * any more. */
static void row_reopen(struct order_row *row)
{
    row->offered = row->accepted = row->checked_in = row->completed = INSTANT_ABSENT;
}

/* Of several squads the row's is the lead, which has the first seat. */
static void row_apply_offering(struct order_row *row, const struct event *event)
{
    if (event->type == EVENT_order_offered) {
        const struct order_offered *data = event->data;
        row->offered = event->time;
        if (data->seat == 1)
            squad_give(row, data->squad, event);
    } else if (event->type == EVENT_order_escalated) {
        if (((const struct order_escalated *)event->data)->seat == 1)
            squad_take(row);
    } else if (text_equal(((const struct assignment_declined *)event->data)->squad, row->squad)) {
        squad_take(row);
    }
}

/* Each squad counts the same people, so the lead's figure is the order's [J]. */
static void row_apply_completed(struct order_row *row, const struct event *event)
{
    const struct assignment_completed *data = event->data;
    if (row->state == ORDER_completed)
        row->completed = event->time;
    if (text_equal(data->squad, row->squad))
        row->people_served += data->people_served;
}

/* What one type of event says beyond the parties and the state. True: the wish reads otherwise. */
static bool row_apply_type(struct order_row *row, const struct event *event)
{
    const int64_t time = event->time;
    switch (event->type) {
    case EVENT_order_submitted: {
        const struct order_submitted *data = event->data;
        return wish_replace(row, data->category, data->urgency, data->activity);
    }
    case EVENT_order_resubmitted: {
        const struct order_resubmitted *data = event->data;
        return wish_replace(row, data->category, data->urgency, data->activity);
    }
    case EVENT_order_placed: {
        const struct order_placed *data = event->data;
        row->placed = time;
        return wish_replace(row, data->category, data->urgency, data->activity);
    }
    case EVENT_order_opened_external: {
        const struct order_opened_external *data = event->data;
        row->external = true;
        row->placed = time;
        squad_give(row, data->squad, event);
        return wish_replace(row, data->category, URGENCY_normal, data->activity);
    }
    case EVENT_order_offered:
    case EVENT_order_escalated:
    case EVENT_assignment_declined:
        row_apply_offering(row, event);
        return false;
    case EVENT_assignment_accepted:
        if (row->state == ORDER_scheduled && row->accepted == INSTANT_ABSENT)
            row->accepted = time;
        return false;
    case EVENT_assignment_checked_in:
        if (row->checked_in == INSTANT_ABSENT)
            row->checked_in = time;
        return false;
    case EVENT_assignment_completed:
        row_apply_completed(row, event);
        return false;
    case EVENT_order_confirmed:
        row->ended = time;
        row->satisfaction = ((const struct order_confirmed *)event->data)->satisfaction;
        return false;
    case EVENT_order_reopened:
        row_reopen(row);
        return false;
    case EVENT_order_withdrawn:
    case EVENT_order_cancelled:
    case EVENT_order_closed_external:
        row->ended = time;
        return false;
    case EVENT_order_returned:
    case EVENT_assignment_ended:
    case EVENT_session_held:
    case EVENT_district_registered:
    case EVENT_category_registered:
    case EVENT_organisation_registered:
    case EVENT_key_registered:
    case EVENT_bearer_registered:
    case EVENT_score_counted:
    case EVENT_squad_rated:
    case EVENT_subscription_registered:
    case EVENT_webhook_registered:
    case EVENT_dead_letters_resent:
    case EVENT_COUNT:
        return false;
    }
    return false;
}

bool order_row_apply(struct order_row *row, const struct event *event)
{
    struct parties parties;
    if (!event_parties(event, &parties))
        return false;
    if (row->version == 0) {
        row->district = event->district;
        row->order = parties.order;
        row->opened = event->time;
        row->place = parties.place;
        row->town = parties.town;
        row->feed = parties.feed;
        row->external_id = parties.external_id;
    }
    row->version = event->version;
    row->state = parties.state;
    row->changed = event->time;
    bool rewished = parties.town.length > 0 && text_replace(&row->town, parties.town);
    return row_apply_type(row, event) || rewished;
}

struct text event_asks(const struct event *event)
{
    if (event->type == EVENT_order_offered)
        return ((const struct order_offered *)event->data)->squad;
    if (event->type == EVENT_order_opened_external)
        return ((const struct order_opened_external *)event->data)->squad;
    return TEXT("");
}
