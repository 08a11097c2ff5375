#include "services/intake/shell.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memo.h"
#include "events/door.h"
#include "intake_sql.h"
#include "runtime/log.h"
#include "services/intake/shell_contact.h"

/* An order in the batch: as remembered, loaded, or begun in it. */
struct held {
    struct held *next_by_id, *next_by_external;
    struct intake_order order;
    bool begun, changed;
    struct contact_change contact;
};

#define SLOTS 1024

/* Orders that are remembered from one batch to the next, so that also a command which is forwarded
 * seldom asks for its order. */
#define MEMO_ORDERS 16384
#define MEMO_BYTES  (8 << 20)

struct intake_shell {
    struct memo *memo; /* orders as committed */
    /* of the present batch, in its arena */
    const struct rows *by_id, *by_external;
    struct held **all;
    size_t count;
    struct held *slots_by_id[SLOTS];
    struct held *slots_by_external[SLOTS];
};

struct intake_shell *intake_shell_new(void)
{
    struct intake_shell *shell = calloc(1, sizeof *shell);
    if (shell == NULL)
        abort();
    shell->memo = memo_new(MEMO_ORDERS, MEMO_BYTES);
    return shell;
}

void intake_shell_destroy(struct intake_shell **shell)
{
    if (*shell == NULL)
        return;
    memo_destroy(&(*shell)->memo);
    free(*shell);
    *shell = NULL;
}

/* The order a command names; 0: none. Every step's body begins with it, except those that begin an
 * order. */
static int64_t order_named(const struct input *input)
{
    if (input->kind != INPUT_COMMAND)
        return 0;
    const struct message_type *type = &command_types[input->command.type];
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].kind == FIELD_INT &&
            text_equal(text_of(type->fields[i].name), TEXT("order")))
            return *(const int64_t *)(const void *)((const char *)input->command.body +
                                                    type->fields[i].offset);
    return 0;
}

/* The feed's own id that a command names; empty: none. */
static struct text external_named(const struct input *input)
{
    if (input->kind != INPUT_COMMAND)
        return (struct text){"", 0};
    if (input->command.type == COMMAND_order_submit)
        return ((const struct order_submit *)input->command.body)->external_id;
    if (input->command.type == COMMAND_order_open_external)
        return ((const struct order_open_external *)input->command.body)->external_id;
    if (input->command.type == COMMAND_order_close_external)
        return ((const struct order_close_external *)input->command.body)->external_id;
    return (struct text){"", 0};
}

static uint64_t slot_by_id(struct text district, int64_t id)
{
    return (text_hash(district) ^ (uint64_t)id * 0x9e3779b97f4a7c15u) % SLOTS;
}

static uint64_t slot_by_external(struct text district, struct text feed, struct text external_id)
{
    return (text_hash(district) * 31 ^ text_hash(feed) * 17 ^ text_hash(external_id)) % SLOTS;
}

static struct held *find_by_id(const struct intake_shell *shell, struct text district, int64_t id)
{
    for (struct held *held = shell->slots_by_id[slot_by_id(district, id)]; held != NULL;
         held = held->next_by_id)
        if (held->order.id == id && text_equal(held->order.district, district))
            return held;
    return NULL;
}

static struct held *find_by_external(const struct intake_shell *shell, struct text district,
                                     struct text feed, struct text external_id)
{
    if (external_id.length == 0)
        return NULL;
    for (struct held *held =
             shell->slots_by_external[slot_by_external(district, feed, external_id)];
         held != NULL; held = held->next_by_external)
        if (text_equal(held->order.external_id, external_id) &&
            text_equal(held->order.feed, feed) && text_equal(held->order.district, district))
            return held;
    return NULL;
}

static struct held *hold(struct intake_shell *shell, struct arena *arena,
                         const struct intake_order *order)
{
    struct held *held = arena_alloc(arena, sizeof *held);
    held->order = *order;
    struct held **slot = &shell->slots_by_id[slot_by_id(order->district, order->id)];
    held->next_by_id = *slot;
    *slot = held;
    if (order->external_id.length > 0) {
        slot = &shell->slots_by_external[slot_by_external(order->district, order->feed,
                                                          order->external_id)];
        held->next_by_external = *slot;
        *slot = held;
    }
    shell->all[shell->count++] = held;
    return held;
}

/* False: the order is to be read. */
static bool hold_remembered(struct intake_shell *shell, struct arena *arena, struct text district,
                            int64_t id)
{
    struct bytes packed;
    if (find_by_id(shell, district, id) != NULL)
        return true;
    if (!memo_get(shell->memo, district, id, arena, &packed))
        return false;
    struct intake_order order;
    intake_order_unpack(&order, packed);
    hold(shell, arena, &order);
    return true;
}

void intake_load(void *state, struct batch *batch)
{
    struct intake_shell *shell = state;
    *shell = (struct intake_shell){.memo = shell->memo};
    /* A command names one order by its number, and names by a feed's id, or begins, another. */
    shell->all = arena_array(batch->arena, 2 * batch->count + 1, sizeof(struct held *));
    struct params *ids = params_new(batch->arena), *externals = params_new(batch->arena);
    struct column *id_district = params_column(ids, COLUMN_TEXT),
                  *id = params_column(ids, COLUMN_INT8);
    struct column *district = params_column(externals, COLUMN_TEXT),
                  *feed = params_column(externals, COLUMN_TEXT),
                  *external = params_column(externals, COLUMN_TEXT);
    bool any_id = false, any_external = false;
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        if (order_named(input) > 0 &&
            !hold_remembered(shell, batch->arena, input->caller.district, order_named(input))) {
            column_text(id_district, input->caller.district);
            column_int(id, order_named(input));
            any_id = true;
        }
        if (external_named(input).length > 0) {
            column_text(district, input->caller.district);
            column_text(feed, input->caller.organisation);
            column_text(external, external_named(input));
            any_external = true;
        }
    }
    if (any_id)
        shell->by_id = records_send(batch->records, &intake_sql_orders_read, ids);
    if (any_external)
        shell->by_external =
            records_send(batch->records, &intake_sql_orders_read_external, externals);
}

static void hold_rows(struct intake_shell *shell, struct arena *arena, const struct rows *rows)
{
    for (size_t row = 0; rows != NULL && row < rows_count(rows); row++) {
        struct intake_order order = {
            .district = arena_text(arena, rows_text(rows, row, 0)),
            .id = rows_int(rows, row, 1),
            .place = arena_text(arena, rows_text(rows, row, 2)),
            .town = arena_text(arena, rows_text(rows, row, 3)),
            .feed = arena_text(arena, rows_text(rows, row, 4)),
            .external_id = arena_text(arena, rows_text(rows, row, 5)),
            .version = rows_int(rows, row, 7),
            .last_offset = rows_int(rows, row, 8),
            .wish = arena_bytes(arena, rows_bytes(rows, row, 9)),
        };
        int order_state = words_find(&words_order_state, rows_text(rows, row, 6));
        assert(order_state >= 0); /* the row is our own */
        order.state = (enum order_state)order_state;
        if (find_by_id(shell, order.district, order.id) == NULL)
            hold(shell, arena, &order);
    }
}

static void decide_one(struct intake_shell *shell, struct batch *batch, struct input *input)
{
    enum service owner = command_owner(input->command.type);
    if (owner != SERVICE_intake) { /* after all that the directory says by now */
        batch_forward(input, owner, batch_next_offset(batch) - 1, 0);
        return;
    }
    struct text district = input->caller.district;
    struct text external = external_named(input);
    struct held *twin = find_by_external(shell, district, input->caller.organisation, external);
    struct held *held = find_by_id(shell, district, order_named(input));
    if (held == NULL && order_named(input) == 0)
        held = twin;
    struct intake_case c = {
        .directory = batch->directory,
        .now = batch->now,
        .next_offset = batch_next_offset(batch),
        .caller = &input->caller,
        .command = &input->command,
        .order = held == NULL ? NULL : &held->order,
        .twin = twin == NULL ? NULL : &twin->order,
        .arena = batch->arena,
    };
    struct intake_decision decision = intake_decide(&c);
    switch (decision.verdict) {
    case INTAKE_REFUSED:
        batch_refuse(input, decision.refusal);
        return;
    case INTAKE_FORWARD:
        batch_forward(input, SERVICE_dispatch, decision.order->last_offset, decision.order->id);
        return;
    case INTAKE_SAME:
        if (held != NULL)
            contact_change_note(&held->contact, &decision, &input->caller);
        batch_ok(input, decision.result);
        return;
    case INTAKE_DONE:
        break;
    }
    batch_emit(batch, input, decision.event, decision.district, decision.key, decision.version,
               decision.time, decision.data);
    if (decision.also != NULL)
        batch_emit(batch, input, decision.also->event, decision.district, decision.also->key,
                   decision.also->version, decision.time, decision.also->data);
    if (decision.order != NULL && (held == NULL || decision.order != &held->order)) {
        held = hold(shell, batch->arena, decision.order);
        held->begun = true;
    } else if (held != NULL) {
        held->changed = true;
    }
    if (held != NULL)
        contact_change_note(&held->contact, &decision, &input->caller);
    batch_ok(input, decision.result);
}

void intake_decide_batch(void *state, struct batch *batch)
{
    struct intake_shell *shell = state;
    hold_rows(shell, batch->arena, shell->by_id);
    hold_rows(shell, batch->arena, shell->by_external);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->inputs[i]->kind == INPUT_COMMAND)
            decide_one(shell, batch, batch->inputs[i]);
}

static void send_begun(struct intake_shell *shell, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *id = params_column(params, COLUMN_INT8),
                  *place = params_column(params, COLUMN_TEXT),
                  *town = params_column(params, COLUMN_TEXT),
                  *feed = params_column(params, COLUMN_TEXT),
                  *external_id = params_column(params, COLUMN_TEXT),
                  *state = params_column(params, COLUMN_TEXT),
                  *version = params_column(params, COLUMN_INT8),
                  *last_offset = params_column(params, COLUMN_INT8),
                  *wish = params_column(params, COLUMN_BYTEA);
    size_t begun = 0;
    for (size_t i = 0; i < shell->count; i++) {
        const struct intake_order *order = &shell->all[i]->order;
        if (!shell->all[i]->begun)
            continue;
        column_text(district, order->district);
        column_int(id, order->id);
        column_text(place, order->place);
        column_text(town, order->town);
        column_text(feed, order->feed);
        column_text(external_id, order->external_id);
        column_text(state, text_of(words_name(&words_order_state, (int)order->state)));
        column_int(version, order->version);
        column_int(last_offset, order->last_offset);
        column_bytes(wish, order->wish);
        begun++;
    }
    if (begun > 0)
        records_send(batch->records, &intake_sql_orders_insert, params);
}

static void send_changed(struct intake_shell *shell, struct batch *batch)
{
    struct params *params = params_new(batch->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *id = params_column(params, COLUMN_INT8),
                  *state = params_column(params, COLUMN_TEXT),
                  *version = params_column(params, COLUMN_INT8),
                  *last_offset = params_column(params, COLUMN_INT8),
                  *wish = params_column(params, COLUMN_BYTEA);
    size_t changed = 0;
    for (size_t i = 0; i < shell->count; i++) {
        const struct intake_order *order = &shell->all[i]->order;
        if (shell->all[i]->begun || !shell->all[i]->changed)
            continue;
        column_text(district, order->district);
        column_int(id, order->id);
        column_text(state, text_of(words_name(&words_order_state, (int)order->state)));
        column_int(version, order->version);
        column_int(last_offset, order->last_offset);
        column_bytes(wish, order->wish);
        changed++;
    }
    if (changed > 0)
        records_send(batch->records, &intake_sql_orders_update, params);
}

/* Of the orders that this batch changed: what it does to their contact data. */
static void send_contacts(struct intake_shell *shell, struct batch *batch)
{
    struct contact_change *changes =
        arena_array(batch->arena, shell->count + 1, sizeof(struct contact_change));
    size_t count = 0;
    for (size_t i = 0; i < shell->count; i++)
        if (shell->all[i]->contact.order != NULL)
            changes[count++] = shell->all[i]->contact;
    contact_send(batch, changes, count);
}

void intake_write(void *state, struct batch *batch)
{
    struct intake_shell *shell = state;
    send_begun(shell, batch);
    send_changed(shell, batch);
    send_contacts(shell, batch);
}

/* The public key or token's digest that a command is about, and the key it takes the place of;
 * false: about none. */
static bool keys_named(const struct command *command, struct text *public_key,
                       struct text *replaces)
{
    *replaces = (struct text){"", 0};
    if (command->type == COMMAND_key_register) {
        *public_key = ((const struct key_register *)command->body)->public_key;
    } else if (command->type == COMMAND_key_revoke) {
        *public_key = ((const struct key_revoke *)command->body)->public_key;
    } else if (command->type == COMMAND_key_rotate) {
        *public_key = ((const struct key_rotate *)command->body)->public_key;
        *replaces = ((const struct key_rotate *)command->body)->replaces;
    } else if (command->type == COMMAND_bearer_register) {
        *public_key = ((const struct bearer_register *)command->body)->digest;
    } else if (command->type == COMMAND_bearer_revoke) {
        *public_key = ((const struct bearer_revoke *)command->body)->digest;
    } else {
        return false;
    }
    return true;
}

/* What is remembered may not be what the records say: another held the lease, or nobody knows
 * whether a batch was committed. */
void intake_opened(void *state, struct records *records, struct arena *arena)
{
    struct intake_shell *shell = state;
    (void)records;
    (void)arena;
    memo_clear(shell->memo);
}

void intake_committed(void *state, struct batch *batch)
{
    struct intake_shell *shell = state;
    for (size_t i = 0; i < shell->count; i++) {
        const struct intake_order *order = &shell->all[i]->order;
        memo_put(shell->memo, order->district, order->id, intake_order_pack(order, batch->arena));
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct input *input = batch->inputs[i];
        struct text public_key, replaces;
        if (input->answer.status != ANSWER_OK ||
            !keys_named(&input->command, &public_key, &replaces))
            continue;
        log_line(LEVEL_INFO, "audit: keys",
                 {"command", log_string(command_types[input->command.type].name)},
                 {"public_key", log_text(public_key)}, {"replaces", log_text(replaces)},
                 {"by_role", log_string(words_name(&words_role, input->caller.role))},
                 {"by", log_text(input->caller.organisation)},
                 {"by_district", log_text(input->caller.district)},
                 {"id", log_text(input->command.id)});
    }
}

void intake_tidy(void *state, struct records *records, int64_t now, struct arena *arena)
{
    (void)state;
    contact_tidy(records, now, arena);
}
