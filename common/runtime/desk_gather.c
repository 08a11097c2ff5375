#include "runtime/desk_private.h"

#include <stdlib.h>

#include "events/facts.h"
#include "records_sql.h"
#include "runtime/health.h"

/* What goes into the next batch: from every producer its next events in log order, then the
 * commands that came. Facts of the directory stand at the head of a batch or in one of their own,
 * so that nothing in a batch sees a directory younger than itself.
 *
 * Cause comes before effect: a service's consumed logs stand in the order in which one follows from
 * another (intake, dispatch, evaluation). Whoever wrote an event of a later one had read what it
 * follows from, committed, so a snapshot of all logs that has the effect has its cause. An event of
 * a later log therefore waits until a snapshot has it, and until all that this snapshot has of the
 * earlier logs is gathered (docs/decisions/0018-cause-before-effect.md). */

static const struct statement *log_read_of(enum service producer)
{
    switch (producer) {
    case SERVICE_intake:
        return &records_sql_log_read_intake;
    case SERVICE_dispatch:
        return &records_sql_log_read_dispatch;
    case SERVICE_evaluation:
        return &records_sql_log_read_evaluation;
    case SERVICE_notification:
    case SERVICE_reporting:
    case SERVICE_COUNT:
        break;
    }
    return NULL; /* they say nothing that others consume */
}

static void entry_add(struct attempt *attempt, struct input *input, const char *poison,
                      struct request *request)
{
    attempt->entries[attempt->entry_count++] =
        (struct entry){.input = input, .poison = poison, .request = request};
}

struct input *desk_input_of_row(struct arena *arena, enum service producer, const struct rows *rows,
                                size_t row, int column, const char **poison)
{
    struct input *input = arena_alloc(arena, sizeof *input);
    struct event *event = &input->event;
    input->kind = INPUT_EVENT;
    event->producer = (int)producer;
    event->part = DESK_PART;
    event->offset = rows_int(rows, row, column);
    int type = event_find(rows_text(rows, row, column + 1));
    event->version = rows_int(rows, row, column + 2);
    event->district = arena_text(arena, rows_text(rows, row, column + 3));
    event->key = arena_text(arena, rows_text(rows, row, column + 4));
    event->time = rows_time(rows, row, column + 5);
    event->recorded = rows_time(rows, row, column + 6);
    event->traceparent = arena_text(arena, rows_text(rows, row, column + 7));
    event->body = arena_bytes(arena, rows_bytes(rows, row, column + 8));
    event->id = uuid_of_event(event->recorded, (unsigned)producer, DESK_PART, event->offset);
    input->traceparent = event->traceparent;
    struct refusal refusal;
    *poison = NULL;
    if (type < 0) {
        *poison = "unknown type of event";
        event->type = EVENT_COUNT;
        return input;
    }
    event->type = (enum event_type)type;
    if (!event_decode_data(event, arena, &refusal))
        *poison = arena_format(arena, "%s: %s", refusal_name(refusal.code),
                               refusal.field == NULL ? "" : refusal.field)
                      .at;
    return input;
}

/* True when the next event may not be in the same batch as those gathered from this producer. */
static bool cuts(bool ordinary_before, const struct input *input)
{
    return ordinary_before && event_is_fact(input->event.type);
}

bool desk_look(struct desk *desk)
{
    struct params *params = params_new(desk->gather_arena);
    params_int(params, DESK_PART);
    const struct rows *rows = records_send(desk->records, &records_sql_log_heads, params);
    if (records_run(desk->records) != RECORDS_OK) {
        desk_trouble(desk, "looking where the logs end");
        return false;
    }
    desk->look_due_ms = clock_monotonic_ms() + DESK_TICK_MS;
    pthread_mutex_lock(&desk->mutex);
    for (size_t f = 0; f < desk->feed_count; f++) {
        struct feedline *feed = &desk->feeds[f];
        for (size_t row = 0; row < rows_count(rows); row++)
            if (words_find(&words_service, rows_text(rows, row, 0)) == (int)feed->producer)
                feed->seen_head = rows_int(rows, row, 1);
        if (feed->seen_head > feed->known_head)
            feed->known_head = feed->seen_head;
    }
    pthread_mutex_unlock(&desk->mutex);
    records_clear(desk->records);
    return true;
}

/* A look is due every second, whatever was published; when a later log goes on past the last one;
 * and when a command waits for what has not come by itself. */
static bool look_is_due(struct desk *desk)
{
    bool due = clock_monotonic_ms() >= desk->look_due_ms;
    pthread_mutex_lock(&desk->mutex);
    for (size_t f = 0; f < desk->feed_count && !due; f++) {
        const struct feedline *feed = &desk->feeds[f];
        due = (f > 0 && feed->known_head > feed->seen_head) ||
              (desk->waiting.count > 0 && feed->known_head <= feed->cursor);
    }
    pthread_mutex_unlock(&desk->mutex);
    return due;
}

static void take_hints(struct desk *desk, struct feedline *feed, size_t limit, int64_t upto,
                       bool *ordinary)
{
    pthread_mutex_lock(&desk->mutex);
    while (feed->hints != NULL && desk->attempt.entry_count < limit) {
        struct hint *hint = feed->hints;
        if (hint->offset > feed->gathered + 1 || hint->offset > upto)
            break; /* a gap: the log has it; or its turn has not come */
        if (hint->offset == feed->gathered + 1) {
            struct input *input = arena_alloc(desk->gather_arena, sizeof *input);
            struct refusal refusal;
            input->kind = INPUT_EVENT;
            bool sound = event_decode((struct bytes){hint->body, hint->length}, desk->gather_arena,
                                      &input->event, &refusal) &&
                         input->event.producer == (int)feed->producer &&
                         input->event.offset == hint->offset &&
                         event_decode_data(&input->event, desk->gather_arena, &refusal);
            if (sound && cuts(*ordinary, input))
                break;
            if (sound) {
                input->traceparent = input->event.traceparent;
                *ordinary |= !event_is_fact(input->event.type);
                entry_add(&desk->attempt, input, NULL, NULL);
                feed->gathered = hint->offset;
            }
        }
        feed->hints = hint->next;
        if (feed->hints == NULL)
            feed->hints_last = NULL;
        feed->hint_count--;
        free(hint);
    }
    pthread_mutex_unlock(&desk->mutex);
}

/* Offsets are dense: `upto` bounds how many there are. */
static bool read_log(struct desk *desk, struct feedline *feed, size_t limit, int64_t upto,
                     bool *ordinary)
{
    int64_t room = (int64_t)(limit - desk->attempt.entry_count);
    if (room > upto - feed->gathered)
        room = upto - feed->gathered;
    struct params *params = params_new(desk->gather_arena);
    params_int(params, DESK_PART);
    params_int(params, feed->gathered);
    params_int(params, room);
    const struct rows *rows = records_send(desk->records, feed->read, params);
    if (records_run(desk->records) != RECORDS_OK) {
        desk_trouble(desk, "reading a log");
        return false;
    }
    metric_add(METRIC_log_reads_total, 1);
    size_t count = rows_count(rows);
    for (size_t i = 0; i < count; i++) {
        const char *poison;
        struct input *input =
            desk_input_of_row(desk->gather_arena, feed->producer, rows, i, 0, &poison);
        if (poison == NULL && cuts(*ordinary, input))
            break;
        *ordinary |= poison != NULL || !event_is_fact(input->event.type);
        entry_add(&desk->attempt, input, poison, NULL);
        feed->gathered = input->event.offset;
    }
    records_clear(desk->records);
    return true;
}

static bool gather_events(struct desk *desk, struct feedline *feed, size_t limit, int64_t upto)
{
    bool ordinary = false;
    take_hints(desk, feed, limit, upto, &ordinary);
    pthread_mutex_lock(&desk->mutex);
    int64_t known = feed->known_head < upto ? feed->known_head : upto;
    pthread_mutex_unlock(&desk->mutex);
    if (desk->attempt.entry_count >= limit || known <= feed->gathered)
        return true;
    return read_log(desk, feed, limit, known, &ordinary);
}

bool desk_answer_retry(struct desk *desk, struct request *request, enum refusal_code code)
{
    struct answer answer = {
        .id = request->input.command.id, .status = ANSWER_RETRY, .refusal = {.code = code}};
    request->reply = answer_encode(&answer, desk->options.config->lang[0] == 'z', request->arena);
    metric_add(METRIC_answers_retry_total, 1);
    outbox_answer(desk->options.outbox, request);
    return true;
}

/* The same id twice in one batch would not find its first answer: the second waits for the next
 * batch. */
struct id_set {
    const struct input **slots;
    size_t mask;
};

static bool id_set_add(struct id_set *set, const struct input *input)
{
    uint64_t hash = text_hash(input->command.id) ^ (text_hash(input->caller.organisation) * 31) ^
                    (text_hash(input->caller.district) * 131);
    for (size_t slot = (size_t)hash & set->mask;; slot = (slot + 1) & set->mask) {
        const struct input *there = set->slots[slot];
        if (there == NULL) {
            set->slots[slot] = input;
            return true;
        }
        if (text_equal(there->command.id, input->command.id) &&
            text_equal(there->caller.organisation, input->caller.organisation) &&
            text_equal(there->caller.district, input->caller.district))
            return false;
    }
}

/* True when the position that the command's forwarder named is applied, or will be by the events of
 * this batch. */
static bool position_reached(struct desk *desk, const struct request *request)
{
    if (request->after == 0)
        return true;
    for (size_t f = 0; f < desk->feed_count; f++)
        if (desk->feeds[f].producer == request->after_producer)
            return desk->feeds[f].gathered >= request->after;
    return true;
}

static void gather_commands(struct desk *desk, size_t limit)
{
    struct request_list again = desk->waiting;
    desk->waiting = (struct request_list){NULL, NULL, 0};
    pthread_mutex_lock(&desk->mutex);
    struct request *request;
    while (again.count < 2 * limit && (request = request_list_pop(&desk->arrived)) != NULL)
        request_list_push(&again, request);
    metric_set(METRIC_queue_length, (int64_t)desk->arrived.count);
    pthread_mutex_unlock(&desk->mutex);

    size_t slots = 16;
    while (slots < 4 * limit)
        slots *= 2;
    struct id_set set = {arena_array(desk->gather_arena, slots, sizeof(void *)), slots - 1};
    int64_t now = clock_monotonic_ms();
    while ((request = request_list_pop(&again)) != NULL) {
        bool reached = position_reached(desk, request);
        if (!reached && now - request->arrived_ms >= desk->options.config->position_wait_ms) {
            desk_answer_retry(desk, request, REFUSAL_not_ready);
            continue;
        }
        if (!reached || desk->attempt.entry_count >= limit || !id_set_add(&set, &request->input)) {
            request_list_push(&desk->waiting, request);
            continue;
        }
        entry_add(&desk->attempt, &request->input, NULL, request);
    }
}

bool desk_gather_set_aside(struct desk *desk, struct entry **entries, size_t *count)
{
    struct params *params = params_new(desk->gather_arena);
    params_int(params, DESK_RETRY_MAX);
    const struct rows *rows = records_send(desk->records, &records_sql_poison_due, params);
    if (records_run(desk->records) != RECORDS_OK) {
        desk_trouble(desk, "reading what was set aside");
        return false;
    }
    *count = rows_count(rows);
    *entries = arena_array(desk->gather_arena, *count + 1, sizeof **entries);
    for (size_t i = 0; i < *count; i++) {
        int producer = words_find(&words_service, rows_text(rows, i, 0));
        const char *poison;
        struct input *input =
            desk_input_of_row(desk->gather_arena, (enum service)producer, rows, i, 1, &poison);
        (*entries)[i] = (struct entry){.input = input, .poison = poison, .from_aside = true};
    }
    records_clear(desk->records);
    return true;
}

bool desk_gather(struct desk *desk)
{
    size_t batch_max = (size_t)desk->options.config->batch_max;
    size_t limit = batch_max * (desk->feed_count + 1);
    desk->attempt.entries = arena_array(desk->gather_arena, limit, sizeof(struct entry));
    desk->attempt.entry_count = 0;
    int64_t unapplied = 0;
    bool causes_gathered = true;
    if (look_is_due(desk) && !desk_look(desk))
        return false;
    for (size_t f = 0; f < desk->feed_count; f++) {
        struct feedline *feed = &desk->feeds[f];
        if (feed->read == NULL)
            feed->read = log_read_of(feed->producer);
        feed->gathered = feed->cursor;
        if (causes_gathered && !gather_events(desk, feed, desk->attempt.entry_count + batch_max,
                                              f == 0 ? INT64_MAX : feed->seen_head))
            return false;
        causes_gathered &= feed->gathered >= feed->seen_head;
        pthread_mutex_lock(&desk->mutex);
        if (feed->known_head > feed->cursor)
            unapplied += feed->known_head - feed->cursor;
        pthread_mutex_unlock(&desk->mutex);
    }
    metric_set(METRIC_backlog, unapplied);
    health_set(HEALTH_CAUGHT_UP, unapplied <= 2 * (int64_t)batch_max);
    gather_commands(desk, desk->attempt.entry_count + batch_max);
    return true;
}
