#include "services/dispatch/shell.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch_sql.h"
#include "services/dispatch/shell_private.h"

/* Orders that are remembered from one batch to the next. */
#define MEMO_ORDERS 16384
#define MEMO_BYTES  (8 << 20)

#define MINUTE_MS   60000
#define HOUR_MS     3600000

struct dispatch_shell *dispatch_shell_new(void)
{
    struct dispatch_shell *shell = calloc(1, sizeof *shell);
    if (shell == NULL)
        abort();
    shell->positions = positions_new();
    shell->memo = memo_new(MEMO_ORDERS, MEMO_BYTES);
    return shell;
}

void dispatch_shell_destroy(struct dispatch_shell **shell)
{
    if (*shell == NULL)
        return;
    positions_destroy(&(*shell)->positions);
    memo_destroy(&(*shell)->memo);
    free(*shell);
    *shell = NULL;
}

bool dispatch_prepare(void *state, const struct config *config)
{
    struct dispatch_shell *shell = state;
    shell->limits = (struct dispatch_limits){
        .offer_ms =
            {
                [URGENCY_normal] = config->offer_normal_min * MINUTE_MS,
                [URGENCY_urgent] = config->offer_urgent_min * MINUTE_MS,
                [URGENCY_critical] = config->offer_critical_min * MINUTE_MS,
            },
        .window_max_ms = config->window_max_h * HOUR_MS,
    };
    shell->queries = queue_reader_new(config);
    shell->keeper = queue_keeper_new(config);
    return queue_keeper_start(shell->keeper);
}

void dispatch_finish(void *state)
{
    struct dispatch_shell *shell = state;
    queue_keeper_destroy(&shell->keeper);
    queue_reader_destroy(&shell->queries);
}

void dispatch_opened(void *state, struct records *records, struct arena *arena)
{
    struct dispatch_shell *shell = state;
    (void)arena;
    /* What is remembered may not be what the records say: another held the lease, or nobody knows
     * whether a batch was committed. */
    memo_clear(shell->memo);
    const struct rows *rows = records_send(records, &dispatch_sql_queue_positions_read, NULL);
    if (records_run(records) != RECORDS_OK) {
        records_drop(records); /* tells the desk; half a memory would break the chains */
        return;
    }
    positions_clear(shell->positions);
    for (size_t row = 0; row < rows_count(rows); row++)
        positions_swap(shell->positions, rows_text(rows, row, 0), rows_text(rows, row, 1),
                       rows_int(rows, row, 2));
    queue_keeper_open(shell->keeper);
}

/* --- The batch's tables ------------------------------------------------------------------- */

static struct held **held_slot(struct dispatch_shell *shell, struct text district, int64_t id)
{
    uint64_t hash = text_hash(district) ^ (uint64_t)id * 0x9e3779b97f4a7c15U;
    return &shell->held[(hash >> 32) % HELD_SLOTS];
}

struct held *shell_find(struct dispatch_shell *shell, struct text district, int64_t id)
{
    for (struct held *held = *held_slot(shell, district, id); held != NULL; held = held->next)
        if (held->order.id == id && text_equal(held->order.district, district))
            return held;
    return NULL;
}

struct held *shell_hold(struct dispatch_shell *shell, struct arena *arena,
                        const struct dispatch_order *order)
{
    struct held **slot = held_slot(shell, order->district, order->id);
    struct held *held = arena_alloc(arena, sizeof *held);
    held->order = *order;
    held->next = *slot;
    *slot = held;
    shell->touched[shell->touched_count++] = held;
    return held;
}

struct booked_squad *shell_booked_squad(struct dispatch_shell *shell, struct arena *arena,
                                        struct text district, struct text code)
{
    struct booked_squad **slot =
        &shell->booked_squads[(text_hash(district) * 31 ^ text_hash(code)) % HELD_SLOTS];
    for (struct booked_squad *squad = *slot; squad != NULL; squad = squad->next)
        if (text_equal(squad->code, code) && text_equal(squad->district, district))
            return squad;
    struct booked_squad *squad = arena_alloc(arena, sizeof *squad);
    *squad = (struct booked_squad){
        .next = *slot, .next_all = shell->all_booked_squads, .district = district, .code = code};
    *slot = shell->all_booked_squads = squad;
    return squad;
}

/* Room for one more in an array that grows, in the batch's arena. */
static void *room_for(struct arena *arena, void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room == 0 ? 16 : 2 * *room;
    void *more = arena_array(arena, *room, size);
    if (count > 0)
        memcpy(more, items, count * size);
    return more;
}

void shell_book(struct booked_squad *squad, struct arena *arena,
                const struct dispatch_booking *booking, int stored_lane)
{
    size_t room = squad->room;
    squad->stored_lanes =
        room_for(arena, squad->stored_lanes, squad->count, &room, sizeof *squad->stored_lanes);
    squad->bookings =
        room_for(arena, squad->bookings, squad->count, &squad->room, sizeof *squad->bookings);
    squad->stored_lanes[squad->count] = stored_lane;
    squad->bookings[squad->count++] = *booking;
}

void shell_tables_begin(struct dispatch_shell *shell, struct batch *batch)
{
    memset(shell->held, 0, sizeof shell->held);
    memset(shell->booked_squads, 0, sizeof shell->booked_squads);
    shell->touched = arena_array(batch->arena, batch->count + 1, sizeof *shell->touched);
    shell->all_booked_squads = NULL;
    shell->released = NULL;
    shell->changes = NULL;
    shell->touched_count = shell->released_count = shell->released_room = 0;
    shell->change_count = shell->change_room = 0;
}

/* --- Decisions into tables ---------------------------------------------------------------- */

static void keep_part(struct held *held, struct arena *arena,
                      const struct dispatch_assignment *part, bool begun)
{
    struct held_part *kept = held->parts;
    while (kept != NULL && kept->part.id != part->id)
        kept = kept->next;
    if (kept == NULL) {
        kept = arena_alloc(arena, sizeof *kept);
        *kept = (struct held_part){.next = held->parts, .begun = begun};
        held->parts = kept;
    }
    kept->part = *part;
}

static void keep_bookings(struct dispatch_shell *shell, struct batch *batch, struct text district,
                          const struct dispatch_decision *d)
{
    if (d->booked_count == 0)
        return;
    struct booked_squad *squad =
        shell_booked_squad(shell, batch->arena, district, d->booked[0].squad);
    for (size_t i = 0; i < d->shifted_count; i++)
        for (size_t k = 0; k < squad->count; k++)
            if (squad->bookings[k].assignment == d->shifted[i].assignment &&
                squad->bookings[k].ordinal == d->shifted[i].ordinal)
                squad->bookings[k].lane = d->shifted[i].lane;
    for (size_t i = 0; i < d->booked_count; i++)
        shell_book(squad, batch->arena, &d->booked[i], LANE_UNSTORED);
}

static void release_bookings(struct dispatch_shell *shell, struct batch *batch,
                             struct text district, const struct dispatch_assignment *part)
{
    struct booked_squad *squad = shell_booked_squad(shell, batch->arena, district, part->squad);
    for (size_t i = 0; i < squad->count;)
        if (squad->bookings[i].assignment == part->id) {
            squad->count--;
            squad->bookings[i] = squad->bookings[squad->count];
            squad->stored_lanes[i] = squad->stored_lanes[squad->count];
        } else {
            i++;
        }
    shell->released = room_for(batch->arena, shell->released, shell->released_count,
                               &shell->released_room, sizeof *shell->released);
    shell->released[shell->released_count++] = (struct released){district, part->id};
}

static void keep_changes(struct dispatch_shell *shell, struct batch *batch, struct text district,
                         const struct dispatch_decision *d)
{
    for (size_t i = 0; i < d->change_count; i++) {
        const struct dispatch_change *change = &d->changes[i];
        shell->changes = room_for(batch->arena, shell->changes, shell->change_count,
                                  &shell->change_room, sizeof *shell->changes);
        shell->changes[shell->change_count++] = (struct live_change){
            .squad = {district, change->squad},
            .previous = positions_swap(shell->positions, district, change->squad, change->position),
            .position = change->position,
            .add = change->add,
            .entry =
                {
                    .assignment = change->offer.id,
                    .order = change->order,
                    .version = change->offer.version,
                    .deadline = change->offer.respond_by,
                    .score = change->offer.press_by,
                    .not_before = change->offer.not_before,
                },
        };
    }
}

static void keep(struct dispatch_shell *shell, struct batch *batch, struct input *input,
                 struct held *held, const struct dispatch_decision *d)
{
    struct text district = held->order.district;
    for (size_t i = 0; i < d->event_count; i++) {
        const struct dispatch_event *event = &d->events[i];
        batch_emit(batch, input, event->type, district, event->key, event->version, event->time,
                   event->data);
    }
    held->order = d->order;
    held->changed = true;
    held->round_changed |= d->round_changed;
    for (size_t i = 0; i < d->moved_count; i++)
        keep_part(held, batch->arena, &d->moved[i], false);
    for (size_t i = 0; i < d->begun_count; i++)
        keep_part(held, batch->arena, &d->begun[i], true);
    keep_bookings(shell, batch, district, d);
    for (size_t i = 0; i < d->released_count; i++)
        release_bookings(shell, batch, district, &d->released[i]);
    keep_changes(shell, batch, district, d);
}

static void decide_event(struct dispatch_shell *shell, struct batch *batch, struct input *input)
{
    if (!dispatch_begins_order(input->event.type))
        return;
    struct dispatch_case c = {
        .directory = batch->directory,
        .limits = &shell->limits,
        .now = batch->now,
        .next_offset = batch_next_offset(batch),
        .arena = batch->arena,
    };
    struct dispatch_decision d = dispatch_take(&c, &input->event);
    struct held *held = shell_hold(shell, batch->arena, &d.order);
    held->begun = true;
    keep(shell, batch, input, held, &d);
}

static void decide_command(struct dispatch_shell *shell, struct batch *batch, struct input *input)
{
    struct text district = input->caller.district;
    int64_t id = dispatch_order_named(&input->command, input->resolved_order);
    struct held *held = id > 0 ? shell_find(shell, district, id) : NULL;
    struct dispatch_case c = {
        .directory = batch->directory,
        .limits = &shell->limits,
        .now = batch->now,
        .next_offset = batch_next_offset(batch),
        .caller = &input->caller,
        .command = &input->command,
        .order = held == NULL ? NULL : &held->order,
        .arena = batch->arena,
    };
    struct text accepting = dispatch_accepting(&c);
    if (accepting.length > 0) {
        const struct booked_squad *squad =
            shell_booked_squad(shell, batch->arena, district, accepting);
        c.bookings = squad->bookings;
        c.booking_count = squad->count;
    }
    struct dispatch_decision d = dispatch_decide(&c);
    if (d.refusal.code != REFUSAL_NONE) {
        batch_refuse(input, d.refusal);
        return;
    }
    assert(held != NULL);
    keep(shell, batch, input, held, &d);
    batch_ok(input, d.result);
}

void dispatch_decide_batch(void *state, struct batch *batch)
{
    struct dispatch_shell *shell = state;
    shell_read_rows(shell, batch);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->inputs[i]->kind == INPUT_EVENT)
            decide_event(shell, batch, batch->inputs[i]);
        else
            decide_command(shell, batch, batch->inputs[i]);
    }
}

/* Of what ended for good nothing more is asked but by mistake. */
static void remember(struct dispatch_shell *shell, struct batch *batch,
                     const struct dispatch_order *order)
{
    if (order->state == ORDER_closed || order->state == ORDER_cancelled)
        memo_drop(shell->memo, order->district, order->id);
    else
        memo_put(shell->memo, order->district, order->id, dispatch_order_pack(order, batch->arena));
}

void dispatch_committed(void *state, struct batch *batch)
{
    struct dispatch_shell *shell = state;
    for (size_t i = 0; i < shell->touched_count; i++)
        remember(shell, batch, &shell->touched[i]->order);
    if (shell->change_count > 0)
        queue_keeper_push(shell->keeper, shell->changes, shell->change_count);
}

enum records_outcome dispatch_answer(void *state, struct records *records,
                                     const struct directory *directory, struct inquiry *inquiry,
                                     struct arena *arena)
{
    struct dispatch_shell *shell = state;
    return queue_reader_answer(shell->queries, records, directory, inquiry, arena);
}
