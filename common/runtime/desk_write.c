#include "runtime/desk_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "events/facts.h"
#include "records_sql.h"

/* What the desk itself asks and writes in every batch, the same in all services. */

void desk_send_fence(struct desk *desk, struct attempt *attempt, bool with_writes)
{
    struct params *params = params_new(desk->batch_arena);
    params_int(params, DESK_PART);
    params_int(params, desk->epoch);
    params_text(params, text_of(desk->options.config->instance));
    if (with_writes)
        records_send(desk->records, &records_sql_lease_guard, params);
    else
        attempt->lease_rows = records_send(desk->records, &records_sql_lease_lock, params);
}

bool desk_is_fenced_off(const struct desk *desk)
{
    const char *guard = records_sql_lease_guard.name, *failed = records_message(desk->records);
    size_t length = strlen(guard);
    return strcmp(records_sqlstate(desk->records), "22012") == 0 &&
           strncmp(failed, guard, length) == 0 && failed[length] == ':';
}

void desk_ask_repeats(struct desk *desk, struct attempt *attempt)
{
    struct params *ids = params_new(desk->batch_arena);
    struct column *districts = params_column(ids, COLUMN_TEXT),
                  *callers = params_column(ids, COLUMN_TEXT),
                  *names = params_column(ids, COLUMN_TEXT);
    attempt->asked =
        arena_array(desk->batch_arena, attempt->entry_count + 1, sizeof *attempt->asked);
    for (size_t i = 0; i < attempt->entry_count; i++) {
        const struct input *input = attempt->entries[i].input;
        if (input->kind != INPUT_COMMAND || !desk_may_know_id(desk, input))
            continue;
        column_text(districts, input->caller.district);
        column_text(callers, input->caller.organisation);
        column_text(names, input->command.id);
        attempt->asked[++attempt->asked_count] = &attempt->entries[i];
    }
    if (attempt->asked_count > 0)
        attempt->seen_rows = records_send(desk->records, &records_sql_command_seen, ids);
}

void desk_find_repeats(struct desk *desk, struct attempt *attempt)
{
    for (size_t row = 0; attempt->seen_rows != NULL && row < rows_count(attempt->seen_rows);
         row++) {
        int64_t number = rows_int(attempt->seen_rows, row, 0);
        struct bytes digest = rows_bytes(attempt->seen_rows, row, 1);
        assert(number >= 1 && number <= (int64_t)attempt->asked_count);
        struct entry *entry = attempt->asked[number];
        entry->gate = GATE_ANSWERED;
        if (digest.length == DIGEST_BYTES &&
            memcmp(digest.at, entry->input->command.digest.at, DIGEST_BYTES) == 0) {
            entry->reply = arena_bytes(desk->batch_arena, rows_bytes(attempt->seen_rows, row, 2));
        } else {
            struct answer answer = {.id = entry->input->command.id,
                                    .status = ANSWER_REFUSED,
                                    .refusal = refusal_of(REFUSAL_id_reused, "id")};
            entry->reply =
                answer_encode(&answer, desk->options.config->lang[0] == 'z', desk->batch_arena);
        }
    }
}

static bool key_is_aside(const struct attempt *attempt, size_t before, const struct event *event)
{
    for (size_t row = 0; attempt->aside_rows != NULL && row < rows_count(attempt->aside_rows);
         row++)
        if (text_equal(rows_text(attempt->aside_rows, row, 0), event->district) &&
            text_equal(rows_text(attempt->aside_rows, row, 1), event->key))
            return true;
    for (size_t i = 0; i < before; i++) {
        const struct entry *entry = &attempt->entries[i];
        if (entry->gate == GATE_POISON && text_equal(entry->input->event.key, event->key) &&
            text_equal(entry->input->event.district, event->district))
            return true;
    }
    return false;
}

static enum records_outcome ask_aside(struct desk *desk, struct attempt *attempt)
{
    struct params *params = params_new(desk->batch_arena);
    struct column *districts = params_column(params, COLUMN_TEXT),
                  *keys = params_column(params, COLUMN_TEXT);
    for (size_t i = 0; i < attempt->entry_count; i++) {
        const struct entry *entry = &attempt->entries[i];
        if (entry->input->kind != INPUT_EVENT || entry->gate != GATE_DELIVER)
            continue;
        column_text(districts, entry->input->event.district);
        column_text(keys, entry->input->event.key);
    }
    attempt->aside_rows = records_send(desk->records, &records_sql_poison_keys, params);
    return records_run(desk->records);
}

enum records_outcome desk_gate_aside(struct desk *desk, struct attempt *attempt)
{
    bool any = desk->set_aside > 0;
    for (size_t i = 0; i < attempt->entry_count && !any; i++)
        any = attempt->entries[i].gate == GATE_POISON;
    if (!any)
        return RECORDS_OK;
    enum records_outcome outcome = ask_aside(desk, attempt);
    for (size_t i = 0; outcome == RECORDS_OK && i < attempt->entry_count; i++) {
        struct entry *entry = &attempt->entries[i];
        if (entry->input->kind == INPUT_EVENT && entry->gate == GATE_DELIVER &&
            !entry->from_aside && key_is_aside(attempt, i, &entry->input->event)) {
            entry->gate = GATE_POISON;
            entry->poison = "an earlier event of its key is set aside";
            entry->waits = true;
        }
    }
    return outcome;
}

void desk_encode_answers(struct desk *desk, struct attempt *attempt)
{
    bool zh = desk->options.config->lang[0] == 'z';
    for (size_t i = 0; i < attempt->entry_count; i++) {
        struct entry *entry = &attempt->entries[i];
        struct input *input = entry->input;
        if (input->kind != INPUT_COMMAND || entry->gate != GATE_DELIVER || input->is_forward)
            continue;
        assert(input->decided);
        entry->reply = answer_encode(&input->answer, zh, desk->batch_arena);
        entry->keep =
            input->answer.status == ANSWER_OK ||
            (input->answer.status == ANSWER_REFUSED && refusal_is_kept(input->answer.refusal.code));
    }
}

static void send_events(struct desk *desk, struct attempt *attempt)
{
    if (attempt->emitted_count == 0)
        return;
    struct params *params = params_new(desk->batch_arena);
    params_int(params, DESK_PART);
    params_time(params, attempt->batch.now);
    struct column *offset = params_column(params, COLUMN_INT8),
                  *id = params_column(params, COLUMN_UUID),
                  *type = params_column(params, COLUMN_TEXT),
                  *version = params_column(params, COLUMN_INT8),
                  *district = params_column(params, COLUMN_TEXT),
                  *key = params_column(params, COLUMN_TEXT),
                  *time = params_column(params, COLUMN_TIMESTAMPTZ),
                  *trace = params_column(params, COLUMN_TEXT),
                  *body = params_column(params, COLUMN_BYTEA);
    for (size_t i = 0; i < attempt->emitted_count; i++) {
        const struct event *event = &attempt->emitted[i];
        column_int(offset, event->offset);
        column_uuid(id, &event->id);
        column_text(type, text_of(event_types[event->type].name));
        column_int(version, event->version);
        column_text(district, event->district);
        column_text(key, event->key);
        column_time(time, event->time);
        column_text(trace, event->traceparent);
        column_bytes(body, event->body);
    }
    records_send(desk->records, &records_sql_event_insert, params);
}

static bool send_answers(struct desk *desk, struct attempt *attempt)
{
    struct params *params = params_new(desk->batch_arena);
    params_time(params, attempt->batch.now);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *caller = params_column(params, COLUMN_TEXT),
                  *id = params_column(params, COLUMN_TEXT),
                  *digest = params_column(params, COLUMN_BYTEA),
                  *answer = params_column(params, COLUMN_BYTEA);
    size_t count = 0;
    for (size_t i = 0; i < attempt->entry_count; i++) {
        const struct entry *entry = &attempt->entries[i];
        if (!entry->keep)
            continue;
        desk_note_id(desk, entry->input);
        column_text(district, entry->input->caller.district);
        column_text(caller, entry->input->caller.organisation);
        column_text(id, entry->input->command.id);
        column_bytes(digest, (struct bytes){entry->input->command.digest.at, DIGEST_BYTES});
        column_bytes(answer, entry->reply);
        count++;
    }
    if (count > 0)
        records_send(desk->records, &records_sql_command_insert, params);
    return count > 0;
}

static bool send_cursors(struct desk *desk, struct attempt *attempt)
{
    struct params *params = params_new(desk->batch_arena);
    params_int(params, DESK_PART);
    struct column *producer = params_column(params, COLUMN_TEXT),
                  *from = params_column(params, COLUMN_INT8),
                  *to = params_column(params, COLUMN_INT8);
    size_t count = 0;
    for (size_t f = 0; f < desk->feed_count; f++) {
        int64_t last = desk->feeds[f].cursor;
        for (size_t i = 0; i < attempt->entry_count; i++) {
            const struct input *input = attempt->source[i].input;
            if (input->kind == INPUT_EVENT &&
                input->event.producer == (int)desk->feeds[f].producer && input->event.offset > last)
                last = input->event.offset;
        }
        if (last == desk->feeds[f].stored)
            continue;
        column_text(producer, text_of(words_name(&words_service, (int)desk->feeds[f].producer)));
        column_int(from, desk->feeds[f].stored);
        column_int(to, last);
        count++;
    }
    if (count > 0)
        records_send(desk->records, &records_sql_cursor_insert, params);
    return count > 0;
}

static void send_poison(struct desk *desk, struct attempt *attempt)
{
    struct params *params = params_new(desk->batch_arena);
    params_int(params, DESK_PART);
    params_time(params, attempt->batch.now);
    struct column *producer = params_column(params, COLUMN_TEXT),
                  *offset = params_column(params, COLUMN_INT8),
                  *district = params_column(params, COLUMN_TEXT),
                  *key = params_column(params, COLUMN_TEXT),
                  *version = params_column(params, COLUMN_INT8),
                  *type = params_column(params, COLUMN_TEXT),
                  *reason = params_column(params, COLUMN_TEXT),
                  *body = params_column(params, COLUMN_BYTEA),
                  *waits = params_column(params, COLUMN_BOOL);
    size_t count = 0;
    for (size_t i = 0; i < attempt->entry_count; i++) {
        const struct entry *entry = &attempt->entries[i];
        const struct event *event = &entry->input->event;
        if (entry->gate != GATE_POISON || entry->from_aside)
            continue;
        column_text(producer, text_of(words_name(&words_service, event->producer)));
        column_int(offset, event->offset);
        column_text(district, event->district);
        column_text(key, event->key);
        column_int(version, event->version);
        column_text(type,
                    text_of(event->type < EVENT_COUNT ? event_types[event->type].name : "unknown"));
        column_text(reason, text_of(entry->poison));
        column_bytes(body, event->body);
        column_flag(waits, entry->waits);
        count++;
    }
    if (count > 0)
        records_send(desk->records, &records_sql_poison_insert, params);
}

/* What became of those that were tried again: gone from where they stood, or there still. */
static bool send_aside(struct desk *desk, struct attempt *attempt)
{
    struct params *done = params_new(desk->batch_arena), *again = params_new(desk->batch_arena);
    params_int(done, DESK_PART);
    params_int(again, DESK_PART);
    params_time(again, attempt->batch.now);
    struct column *done_producer = params_column(done, COLUMN_TEXT),
                  *done_offset = params_column(done, COLUMN_INT8),
                  *again_producer = params_column(again, COLUMN_TEXT),
                  *again_offset = params_column(again, COLUMN_INT8),
                  *reason = params_column(again, COLUMN_TEXT);
    size_t dones = 0, agains = 0;
    for (size_t i = 0; i < attempt->entry_count; i++) {
        const struct entry *entry = &attempt->entries[i];
        if (!entry->from_aside)
            continue;
        const struct event *event = &entry->input->event;
        bool in_vain = entry->gate == GATE_POISON;
        column_text(in_vain ? again_producer : done_producer,
                    text_of(words_name(&words_service, event->producer)));
        column_int(in_vain ? again_offset : done_offset, event->offset);
        if (in_vain)
            column_text(reason, text_of(entry->poison));
        agains += in_vain;
        dones += !in_vain;
    }
    if (dones > 0)
        records_send(desk->records, &records_sql_poison_delete, done);
    if (agains > 0)
        records_send(desk->records, &records_sql_poison_again, again);
    return dones + agains > 0;
}

static int by_fact(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
    int order = text_compare(x->district, y->district);
    if (order == 0)
        order = text_compare(x->key, y->key);
    if (order == 0)
        order = x->version < y->version ? -1 : x->version > y->version;
    return order;
}

/* The directory's facts that arrived or were decided here, the last of each key. */
static void send_facts(struct desk *desk, struct attempt *attempt)
{
    size_t count = attempt->fact_count;
    if (count == 0)
        return;
    const struct event **facts = arena_array(desk->batch_arena, count, sizeof *facts);
    memcpy(facts, attempt->facts, count * sizeof *facts);
    qsort(facts, count, sizeof *facts, by_fact);
    struct params *params = params_new(desk->batch_arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *key = params_column(params, COLUMN_TEXT),
                  *version = params_column(params, COLUMN_INT8),
                  *type = params_column(params, COLUMN_TEXT),
                  *body = params_column(params, COLUMN_BYTEA);
    for (size_t i = 0; i < count; i++) {
        const struct event *event = facts[i];
        if (i + 1 < count && text_equal(event->district, facts[i + 1]->district) &&
            text_equal(event->key, facts[i + 1]->key))
            continue;
        column_text(district, event->district);
        column_text(key, event->key);
        column_int(version, event->version);
        column_text(type, text_of(event_types[event->type].name));
        column_bytes(body, event->body);
    }
    records_send(desk->records, &records_sql_fact_write, params);
}

bool desk_send_writes(struct desk *desk, struct attempt *attempt)
{
    bool cursors = send_cursors(desk, attempt);
    bool answers = send_answers(desk, attempt);
    send_events(desk, attempt);
    send_poison(desk, attempt);
    bool aside = send_aside(desk, attempt);
    send_facts(desk, attempt);
    return cursors || answers || aside || attempt->emitted_count > 0;
}
