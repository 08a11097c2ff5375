#include "runtime/desk_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "events/facts.h"
#include "runtime/health.h"

int64_t batch_next_offset(const struct batch *batch)
{
    return batch->desk->head + (int64_t)batch->desk->attempt.emitted_count + 1;
}

void desk_apply_fact(struct desk *desk, struct attempt *attempt, const struct event *event)
{
    if (!event_is_fact(event->type))
        return;
    bool applied = fact_apply(desk->directory, event);
    assert(applied);
    (void)applied;
    if (attempt->fact_count == attempt->fact_room) {
        size_t room = attempt->fact_room == 0 ? 16 : attempt->fact_room * 2;
        const struct event **facts = arena_array(desk->batch_arena, room, sizeof *facts);
        for (size_t i = 0; i < attempt->fact_count; i++)
            facts[i] = attempt->facts[i];
        attempt->facts = facts;
        attempt->fact_room = room;
    }
    attempt->facts[attempt->fact_count++] = event;
    attempt->keys_changed |= event_is_key(event->type);
}

int64_t batch_emit(struct batch *batch, struct input *cause, enum event_type type,
                   struct text district, struct text key, int64_t version, int64_t time,
                   const void *data)
{
    struct desk *desk = batch->desk;
    struct attempt *attempt = &desk->attempt;
    if (attempt->emitted_count == attempt->emitted_room) {
        size_t room = attempt->emitted_room == 0 ? 256 : attempt->emitted_room * 2;
        struct event *emitted = arena_array(batch->arena, room, sizeof *emitted);
        if (attempt->emitted_count > 0)
            memcpy(emitted, attempt->emitted, attempt->emitted_count * sizeof *emitted);
        attempt->emitted = emitted;
        attempt->emitted_room = room;
    }
    int64_t offset = batch_next_offset(batch);
    struct event *event = &attempt->emitted[attempt->emitted_count++];
    *event = (struct event){
        .producer = (int)desk->service->service,
        .part = DESK_PART,
        .offset = offset,
        .type = type,
        .district = district,
        .key = key,
        .version = version,
        .time = time,
        .recorded = batch->now,
        .traceparent = cause->traceparent,
        .body = message_encode(&event_types[type], data, batch->arena),
        .data = (void *)(uintptr_t)data,
    };
    event->id =
        uuid_of_event(event->recorded, (unsigned)event->producer, (unsigned)event->part, offset);
    if (cause->kind == INPUT_COMMAND && cause->answer.events.count < POSITIONS_MAX)
        cause->answer.events.items[cause->answer.events.count++] =
            (struct position){event->producer, DESK_PART, offset};
    desk_apply_fact(desk, attempt, event);
    return offset;
}

void batch_ok(struct input *input, struct result result)
{
    assert(input->kind == INPUT_COMMAND && !input->decided);
    input->decided = true;
    input->answer.status = ANSWER_OK;
    input->answer.result = result;
}

void batch_refuse(struct input *input, struct refusal refusal)
{
    assert(input->kind == INPUT_COMMAND && !input->decided);
    input->decided = true;
    input->answer.status = refusal_is_retry(refusal.code) ? ANSWER_RETRY : ANSWER_REFUSED;
    input->answer.refusal = refusal;
}

void batch_forward(struct input *input, enum service to, int64_t after, int64_t order)
{
    assert(input->kind == INPUT_COMMAND && !input->decided);
    input->decided = true;
    input->is_forward = true;
    input->forward_to = to;
    input->forward_after = after;
    input->forward_order = order;
}

int64_t batch_position(const struct batch *batch, enum service producer)
{
    const struct desk *desk = batch->desk;
    int64_t position = 0;
    for (size_t f = 0; f < desk->feed_count; f++)
        if (desk->feeds[f].producer == producer)
            position = desk->feeds[f].cursor;
    for (size_t i = 0; i < desk->attempt.entry_count; i++) {
        const struct input *input = desk->attempt.source[i].input;
        if (input->kind == INPUT_EVENT && input->event.producer == (int)producer &&
            input->event.offset > position)
            position = input->event.offset;
    }
    return position;
}

static void begin(struct desk *desk, struct entry *entries, size_t count)
{
    struct attempt *attempt = &desk->attempt;
    arena_reset(desk->batch_arena);
    *attempt = (struct attempt){
        .batch = {.arena = desk->batch_arena,
                  .records = desk->records,
                  .now = clock_now_ms(),
                  .directory = desk->directory,
                  .desk = desk},
        .entry_count = count,
        .source = entries,
    };
    attempt->entries = arena_array(desk->batch_arena, count + 1, sizeof *entries);
    memcpy(attempt->entries, entries, count * sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &attempt->entries[i];
        struct input *input = entry->input;
        entry->gate = entry->poison != NULL ? GATE_POISON : GATE_DELIVER;
        if (entry->condemned && input->kind == INPUT_EVENT) {
            entry->gate = GATE_POISON;
            entry->poison = "the records refuse it";
        }
        input->slot = NULL;
        input->decided = input->is_forward = false;
        input->answer = (struct answer){.id = input->command.id};
        for (size_t f = 0; input->kind == INPUT_EVENT && !entry->from_aside && f < desk->feed_count;
             f++)
            if ((int)desk->feeds[f].producer == input->event.producer &&
                input->event.offset <= desk->feeds[f].cursor)
                entry->gate = GATE_PASSED;
    }
}

/* The inputs the service is to see: in-order events with the facts applied, commands not answered
 * before. */
static void deliver(struct desk *desk, struct attempt *attempt)
{
    attempt->batch.inputs =
        arena_array(desk->batch_arena, attempt->entry_count + 1, sizeof(struct input *));
    for (size_t i = 0; i < attempt->entry_count; i++) {
        struct entry *entry = &attempt->entries[i];
        if (entry->gate != GATE_DELIVER)
            continue;
        if (entry->input->kind == INPUT_COMMAND && entry->condemned) {
            batch_refuse(entry->input, refusal_of(REFUSAL_unstorable, NULL));
            continue;
        }
        if (entry->input->kind == INPUT_EVENT)
            desk_apply_fact(desk, attempt, &entry->input->event);
        attempt->batch.inputs[attempt->batch.count++] = entry->input;
    }
}

static void leave_out_repeats(struct attempt *attempt)
{
    struct batch *batch = &attempt->batch;
    if (attempt->seen_rows == NULL || rows_count(attempt->seen_rows) == 0)
        return;
    batch->count = 0;
    for (size_t i = 0; i < attempt->entry_count; i++) {
        const struct entry *entry = &attempt->entries[i];
        bool refused = entry->input->kind == INPUT_COMMAND && entry->condemned;
        if (entry->gate == GATE_DELIVER && !refused)
            batch->inputs[batch->count++] = entry->input;
    }
}

/* The primary keys of the desk's own tables are fences, not rules for content: when one refuses,
 * what this desk believes of its position is out of date, and no command is at fault. So are those
 * constraints of which the service says so. */
static bool fence_refused(const struct desk *desk)
{
    const char *constraint = records_constraint(desk->records);
    size_t length = strlen(constraint);
    bool of_log = strncmp(constraint, "event_", 6) == 0 && length > 5 &&
                  strcmp(constraint + length - 5, "_pkey") == 0;
    for (const char *const *race = desk->service->races; race != NULL && *race != NULL; race++)
        if (strcmp(constraint, *race) == 0)
            return true;
    return of_log || strcmp(constraint, "cursor_pkey") == 0 ||
           strcmp(constraint, "command_pkey") == 0;
}

static enum attempt_outcome outcome_of(const struct desk *desk, enum records_outcome outcome)
{
    switch (outcome) {
    case RECORDS_OK:
        return ATTEMPT_DONE;
    case RECORDS_REPEAT:
        return ATTEMPT_AGAIN;
    case RECORDS_CULPRIT:
        return desk_is_fenced_off(desk) ? ATTEMPT_STALE
               : fence_refused(desk)    ? ATTEMPT_AGAIN
                                        : ATTEMPT_CULPRIT;
    case RECORDS_LOST:
    case RECORDS_FAULT:
        break;
    }
    return ATTEMPT_LOST;
}

/* Leaves the transaction undone. What the directory took from it in memory is read anew. */
static enum attempt_outcome undo(struct desk *desk, struct attempt *attempt,
                                 enum attempt_outcome outcome)
{
    bool reload = attempt->fact_count > 0;
    if (outcome == ATTEMPT_LOST) {
        desk_trouble(desk, "committing a batch");
        return outcome;
    }
    records_clear(desk->records);
    if (records_rollback(desk->records) != RECORDS_OK) {
        desk_trouble(desk, "rolling back");
        return ATTEMPT_LOST;
    }
    if (reload || outcome != ATTEMPT_STALE)
        desk->loaded =
            false; /* the service's own memory too is opened anew before the next attempt */
    if (outcome == ATTEMPT_STALE)
        desk_lose_lease(desk, "batch");
    return outcome;
}

/* Nobody is told anything, and all of it follows from logs that are on disk: lost in a crash, it is
 * gone together with the positions, and is applied again. */
static bool is_derived(const struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->entry_count; i++)
        if (attempt->entries[i].input->kind == INPUT_COMMAND || attempt->entries[i].from_aside)
            return false;
    return attempt->emitted_count == 0;
}

static enum attempt_outcome decide_and_write(struct desk *desk, struct attempt *attempt)
{
    struct batch *batch = &attempt->batch;
    if (batch->count > 0)
        desk->service->decide(desk->service->state, batch);
    desk_encode_answers(desk, attempt);
    if (batch->count > 0)
        desk->service->write(desk->service->state, batch);
    if (!desk_send_writes(desk, attempt)) {
        /* Refusals that are not kept: the fence is asked all the same. */
        if (attempt->lease_rows == NULL && attempt->entry_count > 0) {
            enum records_outcome fenced = records_run(desk->records);
            if (fenced != RECORDS_OK)
                return undo(desk, attempt, outcome_of(desk, fenced));
        }
        records_clear(desk->records);
        if (records_rollback(desk->records) == RECORDS_OK)
            return ATTEMPT_DONE;
        desk_trouble(desk, "ending a batch");
        return ATTEMPT_LOST;
    }
    if (is_derived(attempt))
        records_commit_unhurried(desk->records);
    else
        records_commit(desk->records);
    enum records_outcome outcome = records_run(desk->records);
    if (outcome != RECORDS_OK)
        return undo(desk, attempt, outcome_of(desk, outcome));
    return ATTEMPT_DONE;
}

/* What the desk and the service ask for goes in one round trip, at the price that what only
 * repeated commands touch is loaded too. When neither asks, there is none: the fence then goes with
 * the writes. It comes last, so that what was read before it was read under the same epoch. */
static enum records_outcome load(struct desk *desk, struct attempt *attempt)
{
    records_begin(desk->records);
    size_t begun = records_queued(desk->records);
    deliver(desk, attempt);
    desk_ask_repeats(desk, attempt);
    if (attempt->batch.count > 0)
        desk->service->load(desk->service->state, &attempt->batch);
    bool asks = records_queued(desk->records) > begun;
    desk_send_fence(desk, attempt, !asks);
    return asks ? records_run(desk->records) : RECORDS_OK;
}

enum attempt_outcome desk_attempt(struct desk *desk, struct entry *entries, size_t count)
{
    struct attempt *attempt = &desk->attempt;
    int64_t started = clock_monotonic_us();
    begin(desk, entries, count);
    enum records_outcome checked = desk_gate_aside(desk, attempt);
    if (checked == RECORDS_OK)
        checked = load(desk, attempt);
    if (checked != RECORDS_OK)
        return undo(desk, attempt, outcome_of(desk, checked));
    if (attempt->lease_rows != NULL && rows_count(attempt->lease_rows) == 0)
        return undo(desk, attempt, ATTEMPT_STALE);
    desk_find_repeats(desk, attempt);
    leave_out_repeats(attempt);
    enum attempt_outcome outcome = decide_and_write(desk, attempt);
    if (outcome == ATTEMPT_DONE) {
        metric_set(METRIC_batch_last_us, clock_monotonic_us() - started);
        metric_set(METRIC_batch_last_size, (int64_t)count);
        metric_add(METRIC_batches_total, 1);
    }
    return outcome;
}

static void publish(struct desk *desk, struct attempt *attempt)
{
    if (attempt->emitted_count == 0)
        return;
    struct arena *arena = arena_new();
    struct bus_hint *publications =
        arena_array(arena, attempt->emitted_count, sizeof *publications);
    for (size_t i = 0; i < attempt->emitted_count; i++)
        publications[i] =
            (struct bus_hint){.type = text_of(event_types[attempt->emitted[i].type].name),
                              .part = DESK_PART,
                              .offset = attempt->emitted[i].offset,
                              .body = event_encode(&attempt->emitted[i], arena)};
    outbox_publish(desk->options.outbox, arena, publications, attempt->emitted_count);
}

static void log_event(const char *what, const struct event *event)
{
    log_line(LEVEL_INFO, what,
             {"event",
              log_string(event->type < EVENT_COUNT ? event_types[event->type].name : "unknown")},
             {"key", log_text(event->key)}, {"version", log_int(event->version)},
             {"district", log_text(event->district)},
             {"from", log_string(words_name(&words_service, event->producer))},
             {"offset", log_int(event->offset)},
             {"trace", log_text((struct text){event->traceparent.at +
                                                  (event->traceparent.length > 35 ? 3 : 0),
                                              event->traceparent.length > 35 ? 32 : 0})});
}

static void log_refusal(const struct input *input)
{
    const struct refusal *refusal = &input->answer.refusal;
    log_line(LEVEL_INFO, "refused",
             {"command", log_string(command_types[input->command.type].name)},
             {"code", log_string(refusal_name(refusal->code))},
             {"field", log_string(refusal->field == NULL ? "" : refusal->field)},
             {"caller", log_text(input->caller.organisation)},
             {"district", log_text(input->caller.district)}, {"id", log_text(input->command.id)});
}

static void finish_command(struct desk *desk, struct entry *entry, struct entry *source)
{
    struct request *request = entry->request;
    source->request = NULL;
    metric_add(METRIC_commands_total, 1);
    if (entry->gate == GATE_ANSWERED) {
        metric_add(METRIC_repeats_total, 1);
    } else if (entry->input->is_forward) {
        outbox_forward(desk->options.outbox, request);
        return;
    } else if (entry->input->answer.status == ANSWER_OK) {
        metric_add(METRIC_answers_ok_total, 1);
    } else {
        metric_add(entry->input->answer.status == ANSWER_RETRY ? METRIC_answers_retry_total
                                                               : METRIC_answers_refused_total,
                   1);
        log_refusal(entry->input);
    }
    request->reply = arena_bytes(request->arena, entry->reply);
    outbox_answer(desk->options.outbox, request);
}

static void cursor_pass(struct desk *desk, const struct event *event)
{
    for (size_t f = 0; f < desk->feed_count; f++) {
        struct feedline *feed = &desk->feeds[f];
        if ((int)feed->producer == event->producer && event->offset > feed->cursor)
            feed->cursor = event->offset;
    }
}

static void tell_applied(const struct event *event, int64_t now)
{
    metric_add(METRIC_events_applied_total, 1);
    metric_set(METRIC_apply_delay_last_ms, now - event->recorded);
    log_event("applied", event);
}

static void finish_event(struct desk *desk, struct attempt *attempt, struct entry *entry)
{
    struct event *event = &entry->input->event;
    cursor_pass(desk, event);
    switch (entry->gate) {
    case GATE_DELIVER:
        if (entry->from_aside)
            log_line(LEVEL_INFO, "an event that was set aside is taken up again",
                     {"key", log_text(event->key)}, {"district", log_text(event->district)},
                     {"from", log_string(words_name(&words_service, event->producer))},
                     {"offset", log_int(event->offset)});
        tell_applied(event, attempt->batch.now);
        break;
    case GATE_POISON:
        if (!entry->from_aside) {
            metric_add(METRIC_events_poisoned_total, 1);
            desk->set_aside++;
        }
        log_line(LEVEL_ERROR, "an event cannot be handled and is set aside; its key waits",
                 {"key", log_text(event->key)}, {"district", log_text(event->district)},
                 {"from", log_string(words_name(&words_service, event->producer))},
                 {"offset", log_int(event->offset)}, {"reason", log_string(entry->poison)});
        break;
    case GATE_ANSWERED:
    case GATE_PASSED:
        break;
    }
}

/* For those who wait for one. */
static void show_positions(struct desk *desk)
{
    for (size_t f = 0; f < desk->feed_count; f++)
        atomic_store(&desk->feeds[f].applied, desk->feeds[f].cursor);
}

static bool changes_nothing(const struct desk *desk, const struct entry *entry)
{
    const struct input *input = entry->input;
    return input->kind == INPUT_EVENT && entry->poison == NULL &&
           !event_is_fact(input->event.type) && !desk->service->concerns(input->event.type);
}

bool desk_pass(struct desk *desk)
{
    const struct attempt *attempt = &desk->attempt;
    int64_t now = clock_monotonic_ms();
    bool overdue = desk->store_due_ms > 0 && now >= desk->store_due_ms;
    if (desk->service->concerns == NULL || desk->set_aside > 0 || overdue)
        return false;
    for (size_t i = 0; i < attempt->entry_count; i++)
        if (!changes_nothing(desk, &attempt->entries[i]))
            return false;
    log_hold();
    for (size_t i = 0; i < attempt->entry_count; i++) {
        cursor_pass(desk, &attempt->entries[i].input->event);
        tell_applied(&attempt->entries[i].input->event, clock_now_ms());
    }
    log_release();
    desk->store_idle_ms = now + DESK_STORE_IDLE_MS;
    if (desk->store_due_ms == 0)
        desk->store_due_ms = now + DESK_STORE_MAX_MS;
    show_positions(desk);
    if (desk->reader != NULL)
        reader_wake(desk->reader);
    return true;
}

void desk_finish(struct desk *desk)
{
    struct attempt *attempt = &desk->attempt;
    /* Before the positions: who waits for one finds the facts there. */
    if (desk->reader != NULL && attempt->fact_count > 0)
        reader_tell(desk->reader, attempt->facts, attempt->fact_count, false);
    desk->head += (int64_t)attempt->emitted_count;
    atomic_store(&desk->head_shared, desk->head);
    metric_set(METRIC_log_head, desk->head);
    metric_add(METRIC_events_written_total, (int64_t)attempt->emitted_count);
    log_hold();
    for (size_t i = 0; i < attempt->entry_count; i++)
        if (attempt->entries[i].input->kind == INPUT_EVENT)
            finish_event(desk, attempt, &attempt->entries[i]);
    /* After what it follows from, so that who reads along an order's key reads its versions in
     * order. */
    for (size_t i = 0; i < attempt->emitted_count; i++)
        log_event("written", &attempt->emitted[i]);
    log_release();
    for (size_t f = 0; f < desk->feed_count; f++) {
        struct feedline *feed = &desk->feeds[f];
        feed->cursor_rows_since_prune += feed->stored != feed->cursor;
        feed->stored = feed->cursor;
    }
    desk->store_due_ms = 0;
    show_positions(desk);
    if (attempt->keys_changed && desk->options.keyring != NULL)
        keyring_load(desk->options.keyring, desk->directory);
    if (desk->service->committed != NULL && attempt->batch.count > 0)
        desk->service->committed(desk->service->state, &attempt->batch);
    /* Publications before answers: who hears the answer and asks at once finds the hint already
     * under way. */
    outbox_hold(desk->options.outbox);
    publish(desk, attempt);
    for (size_t i = 0; i < attempt->entry_count; i++)
        if (attempt->entries[i].request != NULL)
            finish_command(desk, &attempt->entries[i], &attempt->source[i]);
    outbox_release(desk->options.outbox);
    if (desk->reader != NULL)
        reader_wake(desk->reader);
    records_clear(desk->records);
}
