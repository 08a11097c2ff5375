#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "events/facts.h"
#include "runtime/clock.h"
#include "runtime/desk_thread.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/reader_thread.h"

/* Facts on their way from the desk. */
struct told {
    struct told *next;
    struct arena *arena; /* of all that follows, and of this */
    struct event *facts;
    size_t count;
    bool anew;
};

struct reader {
    const struct reader_service *service;
    const struct config *config;
    struct outbox *outbox;
    struct desk *desk;
    struct records *records;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping, woken;
    size_t present;                /* under mutex: all that were taken and not answered yet */
    struct request_list arrived;   /* under mutex */
    struct told *told, *told_last; /* under mutex; in the order they came */
    struct directory *directory;   /* the thread's own */
    struct request_list waiting;   /* the thread's own: their positions are not applied yet */
    bool trouble_logged;
};

struct reader *reader_new(const struct reader_service *service, enum service of,
                          const struct config *config, struct outbox *outbox, struct desk *desk)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        abort();
    *reader = (struct reader){.service = service, .config = config, .outbox = outbox, .desk = desk};
    struct arena *arena = arena_new();
    struct records_options options = {
        .conninfo = config->dsn,
        .application = arena_format(arena, "%s reader", config->instance).at,
        .search_path = words_name(&words_service, (int)of),
        .statement_timeout_ms = 30000,
        .read_only = !service->writes,
    };
    reader->records = records_new(&options);
    arena_destroy(&arena);
    reader->directory = directory_new();
    pthread_mutex_init(&reader->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&reader->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return reader;
}

static void told_destroy(struct told *told)
{
    while (told != NULL) {
        struct arena *arena = told->arena;
        told = told->next;
        arena_destroy(&arena);
    }
}

void reader_destroy(struct reader **reader)
{
    if (*reader == NULL)
        return;
    struct request *request;
    while ((request = request_list_pop(&(*reader)->arrived)) != NULL ||
           (request = request_list_pop(&(*reader)->waiting)) != NULL)
        request_destroy(&request);
    told_destroy((*reader)->told);
    directory_destroy(&(*reader)->directory);
    records_destroy(&(*reader)->records);
    pthread_mutex_destroy(&(*reader)->mutex);
    pthread_cond_destroy(&(*reader)->wake);
    free(*reader);
    *reader = NULL;
}

bool reader_submit(struct reader *reader, struct request *request)
{
    pthread_mutex_lock(&reader->mutex);
    /* Those that wait for a position count too, or whoever names one that never comes could fill
     * the memory. */
    bool room = !reader->stopping && (int64_t)reader->present < reader->config->queue_max;
    if (room) {
        reader->present++;
        request_list_push(&reader->arrived, request);
        pthread_cond_signal(&reader->wake);
    }
    pthread_mutex_unlock(&reader->mutex);
    return room;
}

void reader_tell(struct reader *reader, const struct event *const *facts, size_t count, bool anew)
{
    struct arena *arena = arena_new();
    struct told *told = arena_alloc(arena, sizeof *told), *past = NULL;
    *told = (struct told){.arena = arena, .count = count, .anew = anew};
    told->facts = arena_array(arena, count + 1, sizeof *told->facts);
    for (size_t i = 0; i < count; i++)
        told->facts[i] = (struct event){.type = facts[i]->type,
                                        .district = arena_text(arena, facts[i]->district),
                                        .version = facts[i]->version,
                                        .body = arena_bytes(arena, facts[i]->body)};
    pthread_mutex_lock(&reader->mutex);
    if (anew) {
        past = reader->told;
        reader->told = reader->told_last = NULL;
    }
    if (reader->told == NULL)
        reader->told = told;
    else
        reader->told_last->next = told;
    reader->told_last = told;
    pthread_mutex_unlock(&reader->mutex);
    told_destroy(past);
}

/* Brings the reader's directory to where the desk's was at its last commit. */
static void take_told(struct reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    struct told *told = reader->told;
    reader->told = reader->told_last = NULL;
    pthread_mutex_unlock(&reader->mutex);
    for (const struct told *t = told; t != NULL; t = t->next) {
        struct refusal refusal;
        if (t->anew)
            directory_clear(reader->directory);
        for (size_t i = 0; i < t->count; i++) {
            bool applied = event_decode_data(&t->facts[i], t->arena, &refusal) &&
                           fact_apply(reader->directory, &t->facts[i]);
            assert(applied); /* the desk has read it before */
            (void)applied;
        }
    }
    told_destroy(told);
}

void reader_wake(struct reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    reader->woken = true;
    pthread_cond_signal(&reader->wake);
    pthread_mutex_unlock(&reader->mutex);
}

static void reply(struct reader *reader, struct request *request)
{
    struct answer *answer = &request->inquiry.answer;
    answer->id = request->inquiry.query.id;
    request->reply = answer_encode(answer, reader->config->lang[0] == 'z', request->arena);
    pthread_mutex_lock(&reader->mutex);
    reader->present--;
    pthread_mutex_unlock(&reader->mutex);
    outbox_answer(reader->outbox, request);
}

static void reply_retry(struct reader *reader, struct request *request)
{
    request->inquiry.answer =
        (struct answer){.status = ANSWER_RETRY, .refusal = {.code = REFUSAL_not_ready}};
    reply(reader, request);
}

static bool positions_applied(struct reader *reader, const struct request *request)
{
    const struct position_list *after = &request->inquiry.query.after;
    for (size_t i = 0; i < after->count; i++)
        if (!desk_has_applied(reader->desk, &after->items[i]))
            return false;
    return true;
}

static void trouble(struct reader *reader)
{
    if (!reader->trouble_logged)
        log_line(LEVEL_ERROR, "queries cannot be answered from the records; answering retry",
                 {"sqlstate", log_string(records_sqlstate(reader->records))},
                 {"reason", log_string(records_message(reader->records))});
    reader->trouble_logged = true;
    records_clear(reader->records);
    records_drop(reader->records);
}

static void answer_one(struct reader *reader, struct request *request)
{
    metric_add(METRIC_queries_total, 1);
    take_told(reader);
    enum records_outcome outcome = records_connect(reader->records);
    /* A second try: the connection may have died unnoticed while nobody asked. */
    for (int tries = 0; tries < 2 && outcome == RECORDS_OK; tries++) {
        outcome = reader->service->answer(reader->service->state, reader->records,
                                          reader->directory, &request->inquiry, request->arena);
        if (outcome == RECORDS_OK) {
            records_clear(reader->records);
            if (reader->trouble_logged)
                log_line(LEVEL_INFO, "queries are answered again",
                         {"query", log_string(query_types[request->inquiry.query.type].name)});
            reader->trouble_logged = false;
            reply(reader, request);
            return;
        }
        if (outcome != RECORDS_LOST)
            break;
        records_drop(reader->records);
        outcome = records_connect(reader->records);
    }
    trouble(reader);
    reply_retry(reader, request);
}

static void work(struct reader *reader, struct request_list *batch)
{
    int64_t now = clock_monotonic_ms();
    struct request *request;
    take_told(reader); /* though nobody asks: what was told must not pile up */
    while ((request = request_list_pop(batch)) != NULL) {
        if (positions_applied(reader, request))
            answer_one(reader, request);
        else if (now - request->arrived_ms >= reader->config->position_wait_ms)
            reply_retry(reader, request);
        else
            request_list_push(&reader->waiting, request);
    }
}

static void *reader_run(void *argument)
{
    struct reader *reader = argument;
    bool stopping = false;
    while (!stopping) {
        /* While queries wait for a position, look at least every 100 ms so that their time runs
         * out. */
        int64_t until_ms = clock_monotonic_ms() + (reader->waiting.count > 0 ? 100 : 1000);
        struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
        pthread_mutex_lock(&reader->mutex);
        while (!reader->stopping && reader->arrived.count == 0 &&
               !(reader->woken && reader->waiting.count > 0))
            if (pthread_cond_timedwait(&reader->wake, &reader->mutex, &until) == ETIMEDOUT)
                break;
        reader->woken = false;
        stopping = reader->stopping;
        struct request_list batch = reader->waiting;
        reader->waiting = (struct request_list){NULL, NULL, 0};
        struct request *request;
        while ((request = request_list_pop(&reader->arrived)) != NULL)
            request_list_push(&batch, request);
        pthread_mutex_unlock(&reader->mutex);
        work(reader, &batch);
    }
    struct request *request;
    while ((request = request_list_pop(&reader->waiting)) != NULL)
        reply_retry(reader, request);
    records_drop(reader->records);
    return NULL;
}

bool reader_start(struct reader *reader)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    reader->started = pthread_create(&reader->thread, NULL, reader_run, reader) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return reader->started;
}

void reader_stop(struct reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    reader->stopping = true;
    pthread_cond_broadcast(&reader->wake);
    pthread_mutex_unlock(&reader->mutex);
    if (reader->started)
        pthread_join(reader->thread, NULL);
    reader->started = false;
}
