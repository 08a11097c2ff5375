/* What a batch decided, written: all rows of a kind in one statement. */
#include "dispatch_sql.h"
#include "services/dispatch/shell_private.h"

/* A lane is changed by writing the booking anew, all that go before all that come: at no moment two
 * are in the same one. */
static void send_freed(struct dispatch_shell *shell, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *assignment = params_column(params, COLUMN_INT8),
                  *ordinal = params_column(params, COLUMN_INT4);
    size_t count = shell->released_count;
    for (size_t i = 0; i < shell->released_count; i++) {
        column_text(district, shell->released[i].district);
        column_int(assignment, shell->released[i].assignment);
        column_int(ordinal, -1);
    }
    for (const struct booked_squad *squad = shell->all_booked_squads; squad != NULL;
         squad = squad->next_all)
        for (size_t i = 0; i < squad->count; i++) {
            if (squad->stored_lanes[i] == LANE_UNSTORED ||
                squad->stored_lanes[i] == squad->bookings[i].lane)
                continue;
            column_text(district, squad->district);
            column_int(assignment, squad->bookings[i].assignment);
            column_int(ordinal, squad->bookings[i].ordinal);
            count++;
        }
    if (count > 0)
        records_send(batch->records, &dispatch_sql_bookings_delete, params);
}

static void send_booked(struct dispatch_shell *shell, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *assignment = params_column(params, COLUMN_INT8),
                  *ordinal = params_column(params, COLUMN_INT4),
                  *order = params_column(params, COLUMN_INT8),
                  *code = params_column(params, COLUMN_TEXT),
                  *lane = params_column(params, COLUMN_INT4),
                  *start = params_column(params, COLUMN_TIMESTAMPTZ),
                  *end = params_column(params, COLUMN_TIMESTAMPTZ);
    size_t count = 0;
    for (const struct booked_squad *squad = shell->all_booked_squads; squad != NULL;
         squad = squad->next_all)
        for (size_t i = 0; i < squad->count; i++) {
            const struct dispatch_booking *booking = &squad->bookings[i];
            if (squad->stored_lanes[i] == booking->lane)
                continue;
            column_text(district, squad->district);
            column_int(assignment, booking->assignment);
            column_int(ordinal, booking->ordinal);
            column_int(order, booking->order);
            column_text(code, squad->code);
            column_int(lane, booking->lane);
            column_time(start, booking->start);
            column_time(end, booking->end);
            count++;
        }
    if (count > 0)
        records_send(batch->records, &dispatch_sql_bookings_insert, params);
}

static void send_begun_orders(struct dispatch_shell *shell, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *id = params_column(params, COLUMN_INT8),
                  *place = params_column(params, COLUMN_TEXT),
                  *town = params_column(params, COLUMN_TEXT),
                  *feed = params_column(params, COLUMN_TEXT),
                  *external = params_column(params, COLUMN_BOOL),
                  *urgency = params_column(params, COLUMN_TEXT),
                  *window_start = params_column(params, COLUMN_TIMESTAMPTZ),
                  *window_end = params_column(params, COLUMN_TIMESTAMPTZ),
                  *candidates = params_column(params, COLUMN_TEXT),
                  *asked = params_column(params, COLUMN_INT4),
                  *required = params_column(params, COLUMN_INT4),
                  *state = params_column(params, COLUMN_TEXT),
                  *version = params_column(params, COLUMN_INT8);
    size_t count = 0;
    for (size_t i = 0; i < shell->touched_count; i++) {
        const struct dispatch_order *order = &shell->touched[i]->order;
        if (!shell->touched[i]->begun)
            continue;
        column_text(district, order->district);
        column_int(id, order->id);
        column_text(place, order->place);
        column_text(town, order->town);
        column_text(feed, order->feed);
        column_flag(external, order->external);
        column_text(urgency, text_of(words_name(&words_urgency, (int)order->urgency)));
        column_time(window_start, order->window_start);
        column_time(window_end, order->window_end);
        column_texts(candidates, order->candidates.items, order->candidates.count);
        column_int(asked, order->asked);
        column_int(required, order->required);
        column_text(state, text_of(words_name(&words_order_state, (int)order->state)));
        column_int(version, order->version);
        count++;
    }
    if (count > 0)
        records_send(batch->records, &dispatch_sql_orders_insert, params);
}

/* Loaded orders that changed: those with the same candidates as before, or those with others. */
static void send_changed_orders(struct dispatch_shell *shell, struct batch *batch, bool rounds)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *id = params_column(params, COLUMN_INT8),
                  *candidates = rounds ? params_column(params, COLUMN_TEXT) : NULL,
                  *asked = params_column(params, COLUMN_INT4),
                  *state = params_column(params, COLUMN_TEXT),
                  *version = params_column(params, COLUMN_INT8);
    size_t count = 0;
    for (size_t i = 0; i < shell->touched_count; i++) {
        const struct held *held = shell->touched[i];
        const struct dispatch_order *order = &held->order;
        if (held->begun || !held->changed || held->round_changed != rounds)
            continue;
        column_text(district, order->district);
        column_int(id, order->id);
        if (rounds)
            column_texts(candidates, order->candidates.items, order->candidates.count);
        column_int(asked, order->asked);
        column_text(state, text_of(words_name(&words_order_state, (int)order->state)));
        column_int(version, order->version);
        count++;
    }
    if (count > 0)
        records_send(batch->records,
                     rounds ? &dispatch_sql_orders_update_round : &dispatch_sql_orders_update,
                     params);
}

/* What of a part changes after it was offered, beside its state. */
struct later {
    struct column *seat, *checked_in, *completed, *outcome;
};

static struct later later_new(struct params *params)
{
    struct later later;
    later.seat = params_column(params, COLUMN_INT4);
    later.checked_in = params_column(params, COLUMN_TIMESTAMPTZ);
    later.completed = params_column(params, COLUMN_TIMESTAMPTZ);
    later.outcome = params_column(params, COLUMN_BYTEA);
    return later;
}

static void later_add(const struct later *later, const struct dispatch_assignment *part)
{
    column_int(later->seat, part->seat);
    column_time(later->checked_in, part->checked_in);
    column_time(later->completed, part->completed);
    column_bytes(later->outcome, part->outcome);
}

static void send_begun_parts(struct dispatch_shell *shell, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8),
                  *id = params_column(params, COLUMN_INT8),
                  *squad = params_column(params, COLUMN_TEXT),
                  *state = params_column(params, COLUMN_TEXT),
                  *rank = params_column(params, COLUMN_INT4),
                  *version = params_column(params, COLUMN_INT8),
                  *respond_by = params_column(params, COLUMN_TIMESTAMPTZ),
                  *press_by = params_column(params, COLUMN_TIMESTAMPTZ),
                  *not_before = params_column(params, COLUMN_TIMESTAMPTZ),
                  *is_open = params_column(params, COLUMN_BOOL);
    struct later later = later_new(params);
    size_t count = 0;
    for (size_t i = 0; i < shell->touched_count; i++)
        for (struct held_part *at = shell->touched[i]->parts; at != NULL; at = at->next) {
            const struct dispatch_assignment *part = &at->part;
            if (!at->begun)
                continue;
            column_text(district, shell->touched[i]->order.district);
            column_int(order, shell->touched[i]->order.id);
            column_int(id, part->id);
            column_text(squad, part->squad);
            column_text(state, text_of(words_name(&words_assignment_state, (int)part->state)));
            column_int(rank, part->rank);
            column_int(version, part->version);
            column_time(respond_by, part->respond_by);
            column_time(press_by, part->press_by);
            column_time(not_before, part->not_before);
            column_flag(is_open, part->state == ASSIGNMENT_offered);
            later_add(&later, part);
            count++;
        }
    if (count > 0)
        records_send(batch->records, &dispatch_sql_assignments_insert, params);
}

static void send_moved_parts(struct dispatch_shell *shell, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *order = params_column(params, COLUMN_INT8),
                  *id = params_column(params, COLUMN_INT8),
                  *state = params_column(params, COLUMN_TEXT),
                  *is_open = params_column(params, COLUMN_BOOL);
    struct later later = later_new(params);
    size_t count = 0;
    for (size_t i = 0; i < shell->touched_count; i++)
        for (struct held_part *at = shell->touched[i]->parts; at != NULL; at = at->next) {
            if (at->begun)
                continue;
            column_text(district, shell->touched[i]->order.district);
            column_int(order, shell->touched[i]->order.id);
            column_int(id, at->part.id);
            column_text(state, text_of(words_name(&words_assignment_state, (int)at->part.state)));
            column_flag(is_open, at->part.state == ASSIGNMENT_offered);
            later_add(&later, &at->part);
            count++;
        }
    if (count > 0)
        records_send(batch->records, &dispatch_sql_assignments_update, params);
}

/* The last position of each squad whose queue the batch changed. */
static void send_positions(struct dispatch_shell *shell, struct batch *batch)
{
    if (shell->change_count == 0)
        return;
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *squad = params_column(params, COLUMN_TEXT),
                  *position = params_column(params, COLUMN_INT8);
    struct positions *seen = positions_new();
    for (size_t i = shell->change_count; i > 0; i--) {
        const struct live_change *change = &shell->changes[i - 1];
        if (positions_swap(seen, change->squad.district, change->squad.code, 1) != 0)
            continue;
        column_text(district, change->squad.district);
        column_text(squad, change->squad.code);
        column_int(position, change->position);
    }
    positions_destroy(&seen);
    records_send(batch->records, &dispatch_sql_queue_positions_write, params);
}

void dispatch_write(void *state, struct batch *batch)
{
    struct dispatch_shell *shell = state;
    send_freed(shell, batch);
    send_booked(shell, batch);
    send_begun_orders(shell, batch);
    send_changed_orders(shell, batch, false);
    send_changed_orders(shell, batch, true);
    send_begun_parts(shell, batch);
    send_moved_parts(shell, batch);
    send_positions(shell, batch);
}
