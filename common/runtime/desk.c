#include "runtime/desk_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "events/facts.h"
#include "runtime/health.h"

struct desk *desk_new(const struct desk_options *options)
{
    struct desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL)
        abort();
    desk->options = *options;
    desk->service = options->service;
    desk->gather_arena = arena_new();
    desk->batch_arena = arena_new();
    desk->ids = ids_new();
    desk->directory = directory_new();
    desk->seen_epoch = desk->seen_beat = -1;
    struct records_options records = {
        .conninfo = options->config->dsn,
        .application = arena_format(desk->gather_arena, "%s desk", options->config->instance).at,
        .search_path = words_name(&words_service, (int)desk->service->service),
        /* Shorter than a lease, so that a frozen owner cannot keep its row locks past it. */
        .idle_transaction_ms = (int)(options->config->lease_ttl_ms * 2 / 3),
        .statement_timeout_ms = 60000,
        .by_index = true,
    };
    desk->records = records_new(&records);
    for (size_t i = 0; i < desk->service->consume_count; i++)
        desk->feeds[desk->feed_count++].producer = desk->service->consumes[i];
    pthread_mutex_init(&desk->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&desk->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return desk;
}

static void hints_clear(struct feedline *feed)
{
    while (feed->hints != NULL) {
        struct hint *next = feed->hints->next;
        free(feed->hints);
        feed->hints = next;
    }
    feed->hints_last = NULL;
    feed->hint_count = 0;
}

void desk_hints_clear(struct desk *desk, struct feedline *feed)
{
    pthread_mutex_lock(&desk->mutex);
    hints_clear(feed);
    feed->known_head = 0;
    pthread_mutex_unlock(&desk->mutex);
}

void desk_destroy(struct desk **desk)
{
    if (*desk == NULL)
        return;
    struct desk *d = *desk;
    struct request *request;
    while ((request = request_list_pop(&d->arrived)) != NULL ||
           (request = request_list_pop(&d->waiting)) != NULL)
        request_destroy(&request);
    for (size_t f = 0; f < d->feed_count; f++)
        hints_clear(&d->feeds[f]);
    records_destroy(&d->records);
    directory_destroy(&d->directory);
    ids_destroy(&d->ids);
    arena_destroy(&d->gather_arena);
    arena_destroy(&d->batch_arena);
    pthread_mutex_destroy(&d->mutex);
    pthread_cond_destroy(&d->wake);
    free(d);
    *desk = NULL;
}

void desk_set_reader(struct desk *desk, struct reader *reader)
{
    desk->reader = reader;
}

bool desk_submit(struct desk *desk, struct request *request)
{
    pthread_mutex_lock(&desk->mutex);
    bool room = !desk->stopping && (int64_t)desk->arrived.count < desk->options.config->queue_max;
    if (room) {
        request_list_push(&desk->arrived, request);
        metric_set(METRIC_queue_length, (int64_t)desk->arrived.count);
        pthread_cond_signal(&desk->wake);
    }
    pthread_mutex_unlock(&desk->mutex);
    return room;
}

static struct feedline *feed_of(struct desk *desk, enum service producer)
{
    for (size_t f = 0; f < desk->feed_count; f++)
        if (desk->feeds[f].producer == producer)
            return &desk->feeds[f];
    return NULL;
}

/* NULL: there is nothing to keep. */
static struct hint *hint_new(const struct bus_hint *from)
{
    struct hint *hint = from->body.length == 0 ? NULL : malloc(sizeof *hint + from->body.length);
    if (hint == NULL)
        return NULL; /* a hint only: the log has it */
    *hint = (struct hint){.offset = from->offset, .length = from->body.length};
    memcpy(hint->body, from->body.at, from->body.length);
    return hint;
}

/* False: it is no news, or there is no room. */
static bool hint_keep(struct feedline *feed, const struct bus_hint *from)
{
    if (feed->hint_count >= DESK_HINTS_MAX ||
        (feed->hints_last != NULL && from->offset <= feed->hints_last->offset))
        return false;
    struct hint *hint = hint_new(from);
    if (hint == NULL)
        return false;
    if (feed->hints_last == NULL)
        feed->hints = hint;
    else
        feed->hints_last->next = hint;
    feed->hints_last = hint;
    feed->hint_count++;
    return true;
}

void desk_hint(struct desk *desk, enum service producer, const struct bus_hint *hints, size_t count)
{
    struct feedline *feed = feed_of(desk, producer);
    if (feed == NULL)
        return;
    bool news = false;
    pthread_mutex_lock(&desk->mutex);
    for (size_t i = 0; i < count; i++) {
        news |= hints[i].offset > feed->known_head;
        if (hints[i].offset > feed->known_head)
            feed->known_head = hints[i].offset;
        news |= hint_keep(feed, &hints[i]);
    }
    if (news)
        pthread_cond_signal(&desk->wake);
    pthread_mutex_unlock(&desk->mutex);
}

bool desk_has_applied(struct desk *desk, const struct position *position)
{
    if (position->producer == (int)desk->service->service)
        return atomic_load(&desk->head_shared) >= position->offset;
    const struct feedline *feed = feed_of(desk, (enum service)position->producer);
    return feed == NULL || position->part != DESK_PART ||
           atomic_load(&feed->applied) >= position->offset;
}

int64_t desk_head(struct desk *desk)
{
    return atomic_load(&desk->head_shared);
}

bool desk_owns(struct desk *desk)
{
    return atomic_load(&desk->owns);
}

/* Waits until there is something to do, at most until `until_ms` (monotonic). */
static void wait_for_work(struct desk *desk, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&desk->mutex);
    for (;;) {
        bool work = desk->stopping || desk->arrived.count > 0;
        for (size_t f = 0; f < desk->feed_count && !work; f++)
            work = desk->feeds[f].hints != NULL;
        if (work || pthread_cond_timedwait(&desk->wake, &desk->mutex, &until) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&desk->mutex);
}

/* Sleeps through trouble, without being woken by work that cannot be done now; stops early when the
 * service stops. */
static void back_off(struct desk *desk)
{
    desk->backoff_ms = desk->backoff_ms == 0 ? DESK_BACKOFF_MIN_MS : desk->backoff_ms * 2;
    if (desk->backoff_ms > DESK_BACKOFF_MAX_MS)
        desk->backoff_ms = DESK_BACKOFF_MAX_MS;
    int64_t until_ms = clock_monotonic_ms() + desk->backoff_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&desk->mutex);
    while (!desk->stopping &&
           pthread_cond_timedwait(&desk->wake, &desk->mutex, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&desk->mutex);
}

static bool is_stopping(struct desk *desk)
{
    pthread_mutex_lock(&desk->mutex);
    bool stopping = desk->stopping;
    pthread_mutex_unlock(&desk->mutex);
    return stopping;
}

/* While nothing can be decided here, requests that have waited long enough are told to come again.
 */
static void answer_overdue(struct desk *desk, int64_t patience_ms, enum refusal_code code)
{
    pthread_mutex_lock(&desk->mutex);
    struct request *request;
    while ((request = request_list_pop(&desk->arrived)) != NULL)
        request_list_push(&desk->waiting, request);
    metric_set(METRIC_queue_length, (int64_t)desk->waiting.count);
    pthread_mutex_unlock(&desk->mutex);
    int64_t now = clock_monotonic_ms();
    struct request_list kept = {NULL, NULL, 0};
    while ((request = request_list_pop(&desk->waiting)) != NULL)
        if (now - request->arrived_ms < patience_ms || !desk_answer_retry(desk, request, code))
            request_list_push(&kept, request);
    desk->waiting = kept;
}

/* Does the entries in one transaction; when the records find a row at fault, halves them down to
 * it. False: trouble. */
static bool settle(struct desk *desk, struct entry *entries, size_t count)
{
    for (int tries = 1; count > 0; tries++) {
        enum attempt_outcome outcome = desk_attempt(desk, entries, count);
        if (outcome == ATTEMPT_DONE) {
            desk_finish(desk);
            return true;
        }
        if (outcome == ATTEMPT_LOST || outcome == ATTEMPT_STALE)
            return false;
        if (outcome == ATTEMPT_AGAIN && tries < DESK_REPEAT_MAX) {
            metric_add(METRIC_batch_repeats_total, 1);
            if (!desk_hold_lease(desk) || desk->epoch == 0)
                return false;
            continue;
        }
        if (count == 1) {
            entries[0].condemned = true;
            log_line(
                LEVEL_ERROR, "the records refuse this one; it is set aside",
                {"kind", log_string(entries[0].input->kind == INPUT_EVENT ? "event" : "command")},
                {"sqlstate", log_string(records_sqlstate(desk->records))},
                {"constraint", log_string(records_constraint(desk->records))},
                {"reason", log_string(records_message(desk->records))});
            if (tries > DESK_REPEAT_MAX + 1)
                return false;
            if (!desk_hold_lease(desk) || desk->epoch == 0)
                return false;
            continue;
        }
        metric_add(METRIC_batch_halvings_total, 1);
        size_t half = count / 2;
        if (!desk_hold_lease(desk) || desk->epoch == 0 || !settle(desk, entries, half))
            return false;
        if (!desk_hold_lease(desk) || desk->epoch == 0)
            return false;
        entries += half;
        count -= half;
        tries = 0;
    }
    return true;
}

static bool is_fact(const struct entry *entry)
{
    return entry->poison == NULL && event_is_fact(entry->input->event.type);
}

/* What was set aside before the lease was gained may follow from events that are not applied yet.
 */
static bool may_retry(const struct desk *desk)
{
    for (size_t f = 0; f < desk->feed_count; f++)
        if (desk->feeds[f].cursor < desk->feeds[f].opening_head)
            return false;
    return true;
}

/* What was set aside and is to be tried again: of each key the first, in the order of their logs,
 * facts in a batch of their own; what waits behind them comes in its turn. False: trouble. */
static bool retry(struct desk *desk)
{
    struct entry *entries;
    size_t count;
    arena_reset(desk->gather_arena);
    if (!desk_gather_set_aside(desk, &entries, &count))
        return false;
    for (size_t done = 0, some; done < count; done += some) {
        some = 1;
        while (!is_fact(&entries[done]) && done + some < count && !is_fact(&entries[done + some]))
            some++;
        if (!desk_hold_lease(desk) || desk->epoch == 0 || !settle(desk, entries + done, some))
            return false;
    }
    desk->retry_asked = count > 0; /* of a key that has more, the next */
    return true;
}

/* What was gathered and not done goes back to wait; events are gathered again from the cursor. */
static void put_back(struct desk *desk)
{
    struct attempt *attempt = &desk->attempt;
    struct request_list kept = {NULL, NULL, 0};
    for (size_t i = 0; i < attempt->entry_count; i++) {
        struct entry *entry = &attempt->entries[i];
        if (entry->request != NULL)
            request_list_push(&kept, entry->request);
        entry->request = NULL;
    }
    struct request *request;
    while ((request = request_list_pop(&desk->waiting)) != NULL)
        request_list_push(&kept, request);
    desk->waiting = kept;
}

/* The records do what they are asked: what comes next need not be held back. Not said when the
 * connection is there but when a round of work went through, for a server that takes connections
 * and refuses every write (disk full, read only) is no better than none. */
static void all_is_well(struct desk *desk)
{
    health_set(HEALTH_RECORDS, true);
    if (desk->trouble_logged)
        log_line(LEVEL_INFO, "the records are back", {"head", log_int(desk->head)});
    desk->trouble_logged = false;
    desk->backoff_ms = 0;
}

/* A batch without inputs: nothing but the positions. */
static void store_positions(struct desk *desk)
{
    struct entry none;
    if (desk_attempt(desk, &none, 0) == ATTEMPT_DONE) {
        desk_finish(desk);
        all_is_well(desk);
    }
}

/* One round. When it met trouble, the connection is dropped after it. */
static void work(struct desk *desk)
{
    if (!desk_hold_lease(desk) || !desk_tick(desk))
        return;
    if (desk->epoch == 0) {
        all_is_well(desk);
        answer_overdue(desk, 0, REFUSAL_not_owner);
        wait_for_work(desk, desk->tick_due_ms);
        return;
    }
    if (desk->retry_asked && may_retry(desk) && !retry(desk))
        return;
    arena_reset(desk->gather_arena);
    if (!desk_gather(desk))
        return;
    struct entry *entries = desk->attempt.entries;
    size_t count = desk->attempt.entry_count;
    if (count == 0) {
        int64_t until = desk->tick_due_ms;
        if (desk->store_due_ms > 0 && clock_monotonic_ms() >= desk->store_idle_ms) {
            store_positions(desk);
            return;
        }
        if (desk->store_due_ms > 0 && desk->store_idle_ms < until)
            until = desk->store_idle_ms;
        if (desk->waiting.count > 0 && clock_monotonic_ms() + 10 < until)
            until = clock_monotonic_ms() +
                    10; /* a position is waited for: look at the log again soon */
        all_is_well(desk);
        if (!desk->retry_asked || !may_retry(desk))
            wait_for_work(desk, until);
        return;
    }
    if (desk_pass(desk) || settle(desk, entries, count)) {
        all_is_well(desk);
        return;
    }
    desk->attempt.entries = entries;
    desk->attempt.entry_count = count;
    put_back(desk);
}

static void *desk_run(void *argument)
{
    struct desk *desk = argument;
    while (!is_stopping(desk)) {
        health_beat(HEALTH_WRITER);
        work(desk);
        if (records_is_connected(desk->records))
            continue;
        /* Nothing can be decided: who has waited long enough hears `retry`; the rest waits for the
         * records. */
        answer_overdue(desk, desk->options.config->answer_wait_ms, REFUSAL_not_ready);
        back_off(desk);
    }
    answer_overdue(desk, 0, REFUSAL_not_ready);
    records_drop(desk->records);
    return NULL;
}

bool desk_start(struct desk *desk)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    desk->started = pthread_create(&desk->thread, NULL, desk_run, desk) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return desk->started;
}

void desk_stop(struct desk *desk)
{
    pthread_mutex_lock(&desk->mutex);
    desk->stopping = true;
    pthread_cond_broadcast(&desk->wake);
    pthread_mutex_unlock(&desk->mutex);
    if (desk->started)
        pthread_join(desk->thread, NULL);
    desk->started = false;
}
