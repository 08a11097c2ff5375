/* What a batch needs: its orders with all their parts, remembered or from the records; and from the
 * records the bookings that its accepts may meet. */
#include <assert.h>

#include "dispatch_sql.h"
#include "domain/directory_walk.h"
#include "services/dispatch/shell_private.h"

/* Statements being filled: a row of parameters for each thing asked. */
struct asked {
    struct column *district, *id;
    struct params *params;
    size_t count;
};
struct asked_bookings {
    struct column *district, *squad, *order, *start, *end;
    struct params *params;
    size_t count;
};

static struct asked asked_new(struct arena *arena)
{
    struct params *params = params_new(arena);
    return (struct asked){.district = params_column(params, COLUMN_TEXT),
                          .id = params_column(params, COLUMN_INT8),
                          .params = params};
}

static struct asked_bookings asked_bookings_new(struct arena *arena)
{
    struct params *params = params_new(arena);
    return (struct asked_bookings){.district = params_column(params, COLUMN_TEXT),
                                   .squad = params_column(params, COLUMN_TEXT),
                                   .order = params_column(params, COLUMN_INT8),
                                   .start = params_column(params, COLUMN_TIMESTAMPTZ),
                                   .end = params_column(params, COLUMN_TIMESTAMPTZ),
                                   .params = params};
}

/* The squads that a caller may accept for; whether it may for this order's is for the core to say.
 * Asked of the caller and not of the order, whose live part may only begin in this batch. */
static struct code_list squads_of_caller(const struct batch *batch, const struct input *input)
{
    struct acting acting;
    struct refusal refusal;
    struct text district = input->caller.district;
    bool acts = directory_acting(batch->directory, district, input->caller.organisation,
                                 (enum role)input->caller.role, input->command.on_behalf_of,
                                 &acting, &refusal);
    if (!acts || acting.organisation == NULL)
        return (struct code_list){NULL, 0};
    if (acting.role == ROLE_department)
        return directory_children(batch->directory, district, KIND_squad, acting.organisation->code,
                                  batch->arena);
    return (struct code_list){&acting.organisation->code, acting.role == ROLE_squad ? 1 : 0};
}

/* An order that is placed in this very batch, so that the records do not know its wanted window. */
static const struct order_placed *placed_in_batch(const struct batch *batch, struct text district,
                                                  int64_t order)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        if (input->kind != INPUT_EVENT)
            break; /* events stand before commands */
        if (input->event.type != EVENT_order_placed)
            continue;
        const struct order_placed *data = input->event.data;
        if (data->order == order && text_equal(input->event.district, district))
            return data;
    }
    return NULL;
}

/* The window that an order wants, as far as it is known before the records are asked. */
static struct window window_wanted(struct dispatch_shell *shell, const struct batch *batch,
                                   struct text district, int64_t order)
{
    const struct held *held = shell_find(shell, district, order);
    if (held != NULL)
        return (struct window){held->order.window_start, held->order.window_end};
    const struct order_placed *placed = placed_in_batch(batch, district, order);
    if (placed != NULL)
        return (struct window){placed->window_start, placed->window_end};
    return (struct window){INSTANT_ABSENT, INSTANT_ABSENT};
}

static void ask_bookings(struct dispatch_shell *shell, struct asked_bookings *asked,
                         const struct batch *batch, const struct input *input, int64_t order)
{
    const struct assignment_accept *body = input->command.body;
    struct window wanted = window_wanted(shell, batch, input->caller.district, order);
    struct code_list squads = squads_of_caller(batch, input);
    struct window one = {INSTANT_ABSENT, INSTANT_ABSENT};
    struct window_list windows = dispatch_windows_asked(body, wanted.start, wanted.end, &one);
    if (windows.count == 0)
        windows = (struct window_list){&one, 1}; /* the records know what its order wants */
    for (size_t i = 0; i < squads.count; i++)
        for (size_t n = 0; n < windows.count; n++) {
            column_text(asked->district, input->caller.district);
            column_text(asked->squad, squads.items[i]);
            column_int(asked->order, order);
            column_time(asked->start, windows.items[n].start);
            column_time(asked->end, windows.items[n].end);
            asked->count++;
        }
}

/* False: the order is to be read. */
static bool hold_remembered(struct dispatch_shell *shell, struct batch *batch, struct text district,
                            int64_t id)
{
    struct bytes packed;
    if (shell_find(shell, district, id) != NULL)
        return true;
    if (!memo_get(shell->memo, district, id, batch->arena, &packed))
        return false;
    struct dispatch_order order;
    dispatch_order_unpack(&order, packed, batch->arena);
    shell_hold(shell, batch->arena, &order);
    return true;
}

void dispatch_load(void *state, struct batch *batch)
{
    struct dispatch_shell *shell = state;
    /* Two statements take the same parameters, each its own copy. */
    struct asked orders = asked_new(batch->arena), parts = asked_new(batch->arena);
    struct asked_bookings bookings = asked_bookings_new(batch->arena);
    shell->orders = shell->parts = shell->bookings = NULL;
    shell_tables_begin(shell, batch);
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        if (input->kind != INPUT_COMMAND)
            continue;
        int64_t id = dispatch_order_named(&input->command, input->resolved_order);
        if (id <= 0)
            continue;
        if (!hold_remembered(shell, batch, input->caller.district, id)) {
            column_text(orders.district, input->caller.district);
            column_int(orders.id, id);
            column_text(parts.district, input->caller.district);
            column_int(parts.id, id);
            orders.count++;
        }
        if (input->command.type == COMMAND_assignment_accept)
            ask_bookings(shell, &bookings, batch, input, id);
    }
    if (orders.count > 0) {
        shell->orders = records_send(batch->records, &dispatch_sql_orders_read, orders.params);
        shell->parts = records_send(batch->records, &dispatch_sql_assignments_read, parts.params);
    }
    if (bookings.count > 0)
        shell->bookings =
            records_send(batch->records, &dispatch_sql_bookings_read, bookings.params);
}

static int word(const struct words *words, struct text name)
{
    int found = words_find(words, name);
    assert(found >= 0); /* the row is our own */
    return found;
}

static void read_orders(struct dispatch_shell *shell, struct batch *batch)
{
    const struct rows *rows = shell->orders;
    for (size_t row = 0; row < rows_count(rows); row++) {
        struct text district = rows_text(rows, row, 0);
        int64_t id = rows_int(rows, row, 1);
        if (shell_find(shell, district, id) != NULL)
            continue; /* named by several commands */
        struct text_list candidates;
        candidates.count = rows_texts(rows, row, 9, batch->arena, &candidates.items);
        shell_hold(
            shell, batch->arena,
            &(struct dispatch_order){
                .district = district,
                .id = id,
                .place = rows_text(rows, row, 2),
                .town = rows_text(rows, row, 3),
                .feed = rows_text(rows, row, 4),
                .external = rows_flag(rows, row, 5),
                .urgency = (enum urgency)word(&words_urgency, rows_text(rows, row, 6)),
                .window_start = rows_time(rows, row, 7),
                .window_end = rows_time(rows, row, 8),
                .candidates = candidates,
                .asked = rows_int(rows, row, 10),
                .required = (int)rows_int(rows, row, 11),
                .state = (enum order_state)word(&words_order_state, rows_text(rows, row, 12)),
                .version = rows_int(rows, row, 13),
            });
    }
}

static struct dispatch_assignment read_part(const struct rows *rows, size_t row)
{
    return (struct dispatch_assignment){
        .id = rows_int(rows, row, 2),
        .squad = rows_text(rows, row, 3),
        .state = (enum assignment_state)word(&words_assignment_state, rows_text(rows, row, 4)),
        .rank = rows_int(rows, row, 5),
        .version = rows_int(rows, row, 6),
        .respond_by = rows_time(rows, row, 7),
        .press_by = rows_time(rows, row, 8),
        .not_before = rows_time(rows, row, 9),
        .seat = (int)rows_int(rows, row, 10),
        .checked_in = rows_time(rows, row, 11),
        .completed = rows_time(rows, row, 12),
        .outcome = rows_bytes(rows, row, 13),
    };
}

/* A part is met once for each command that names its order. */
static bool part_is_known(const struct held *held, int64_t id)
{
    for (size_t i = 0; i < held->order.past_count; i++)
        if (held->order.past[i] == id)
            return true;
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        if (held->order.seats[seat].id == id)
            return true;
    return false;
}

static void past_add(struct held *held, struct arena *arena, int64_t id)
{
    size_t count = held->order.past_count;
    if ((count & (count - 1)) == 0) { /* full at 0, 1, 2, 4, … */
        int64_t *more = arena_array(arena, count == 0 ? 1 : 2 * count, sizeof *more);
        for (size_t i = 0; i < count; i++)
            more[i] = held->past[i];
        held->past = more;
    }
    held->past[count] = id;
    held->order.past = held->past;
    held->order.past_count++;
}

static void read_parts(struct dispatch_shell *shell, struct batch *batch)
{
    const struct rows *rows = shell->parts;
    for (size_t row = 0; row < rows_count(rows); row++) {
        struct held *held = shell_find(shell, rows_text(rows, row, 0), rows_int(rows, row, 1));
        int64_t id = rows_int(rows, row, 2);
        assert(held != NULL);
        if (part_is_known(held, id))
            continue;
        const struct dispatch_assignment part = read_part(rows, row);
        assert(part.seat >= 0 && part.seat <= DISPATCH_SEATS_MAX);
        if (part.seat > 0)
            held->order.seats[part.seat - 1] = part;
        else
            past_add(held, batch->arena, id);
    }
}

static void read_bookings(struct dispatch_shell *shell, struct batch *batch)
{
    const struct rows *rows = shell->bookings;
    for (size_t row = 0; row < rows_count(rows); row++) {
        struct booked_squad *squad = shell_booked_squad(
            shell, batch->arena, rows_text(rows, row, 0), rows_text(rows, row, 1));
        struct dispatch_booking booking = {
            .assignment = rows_int(rows, row, 2),
            .ordinal = (int)rows_int(rows, row, 3),
            .order = rows_int(rows, row, 4),
            .squad = rows_text(rows, row, 1),
            .lane = (int)rows_int(rows, row, 5),
            .start = rows_time(rows, row, 6),
            .end = rows_time(rows, row, 7),
        };
        shell_book(squad, batch->arena, &booking, booking.lane);
    }
}

void shell_read_rows(struct dispatch_shell *shell, struct batch *batch)
{
    if (shell->orders != NULL)
        read_orders(shell, batch);
    if (shell->parts != NULL)
        read_parts(shell, batch);
    if (shell->bookings != NULL)
        read_bookings(shell, batch);
}
