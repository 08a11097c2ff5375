#include "services/dispatch/shell_keeper.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch_sql.h"
#include "records/records.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define BACKLOG_MAX    16384 /* changes that wait; past them squads are found by comparison */
#define APPLY_MAX      256   /* changes brought to Redis at a time */
#define HEAL_MAX       64    /* squads whose queues are read from the records at a time */
#define CHECK_MS       3000  /* all squads' positions are compared so often */
#define GRACE_MS       50    /* between a commit and its change's arrival here */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000

/* A change with its texts, as it waits. */
struct note {
    int64_t previous, position;
    bool add;
    struct live_entry entry;
    uint8_t district_length, squad_length;
    char district[CODE_MAX], squad[CODE_MAX];
};

struct queue_keeper {
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;

    /* under the mutex */
    bool stopping, open;
    bool compare_asked; /* a comparison is due at once: opened, or something did not fit */
    struct note *notes; /* a ring */
    size_t first, count;
    int64_t pushed, done; /* notes so far, for knowing when those of a moment are through */

    /* the thread's own */
    struct live *live;
    struct records *records;
    struct arena *arena;
    int64_t backoff_ms;
    int64_t check_due_ms;               /* monotonic, as all here */
    bool live_trouble, records_trouble; /* logged */
    struct note taken[APPLY_MAX];       /* what is being brought to Redis */
    struct live_change changes[APPLY_MAX];
    enum live_outcome outcomes[APPLY_MAX];
};

/* A squad that is compared. */
struct suspect {
    struct live_squad squad;
    int64_t wanted; /* position in the records, when they were looked at */
    int64_t found;  /* in Redis, looked at later */
};

struct queue_keeper *queue_keeper_new(const struct config *config)
{
    struct queue_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        abort();
    keeper->notes = calloc(BACKLOG_MAX, sizeof *keeper->notes);
    if (keeper->notes == NULL)
        abort();
    keeper->arena = arena_new();
    keeper->live = live_new(config->redis, LIVE_TIMEOUT_MS);
    struct records_options options = {
        .conninfo = config->dsn,
        .application = arena_format(keeper->arena, "%s live", config->instance).at,
        .search_path = "dispatch",
        .statement_timeout_ms = 30000,
        .read_only = true,
    };
    keeper->records = records_new(&options);
    arena_reset(keeper->arena);
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return keeper;
}

void queue_keeper_destroy(struct queue_keeper **keeper)
{
    struct queue_keeper *k = *keeper;
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->mutex);
    k->stopping = true;
    pthread_cond_broadcast(&k->wake);
    pthread_mutex_unlock(&k->mutex);
    if (k->started)
        pthread_join(k->thread, NULL);
    live_destroy(&k->live);
    records_destroy(&k->records);
    arena_destroy(&k->arena);
    pthread_mutex_destroy(&k->mutex);
    pthread_cond_destroy(&k->wake);
    free(k->notes);
    free(k);
    *keeper = NULL;
}

void queue_keeper_open(struct queue_keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    keeper->open = true;
    keeper->compare_asked = true;
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->mutex);
}

static void note_write(struct note *note, const struct live_change *change)
{
    note->previous = change->previous;
    note->position = change->position;
    note->add = change->add;
    note->entry = change->entry;
    note->district_length = (uint8_t)change->squad.district.length;
    note->squad_length = (uint8_t)change->squad.code.length;
    memcpy(note->district, change->squad.district.at, change->squad.district.length);
    memcpy(note->squad, change->squad.code.at, change->squad.code.length);
}

static struct live_squad note_squad(const struct note *note)
{
    return (struct live_squad){{note->district, note->district_length},
                               {note->squad, note->squad_length}};
}

void queue_keeper_push(struct queue_keeper *keeper, const struct live_change *changes, size_t count)
{
    pthread_mutex_lock(&keeper->mutex);
    for (size_t i = 0; i < count; i++) {
        if (keeper->count == BACKLOG_MAX) {
            keeper->compare_asked = true; /* what is dropped here leaves its squad behind */
            break;
        }
        note_write(&keeper->notes[(keeper->first + keeper->count) % BACKLOG_MAX], &changes[i]);
        keeper->count++;
        keeper->pushed++;
    }
    metric_set(METRIC_live_backlog, (int64_t)keeper->count);
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->mutex);
}

/* --- Trouble, told once -------------------------------------------------------------------- */

static void back_off(struct queue_keeper *k)
{
    k->backoff_ms = k->backoff_ms == 0 ? BACKOFF_MIN_MS : 2 * k->backoff_ms;
    if (k->backoff_ms > BACKOFF_MAX_MS)
        k->backoff_ms = BACKOFF_MAX_MS;
    int64_t until_ms = clock_monotonic_ms() + k->backoff_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&k->mutex);
    while (!k->stopping && pthread_cond_timedwait(&k->wake, &k->mutex, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&k->mutex);
}

static void live_lost(struct queue_keeper *k)
{
    if (!k->live_trouble) {
        metric_add(METRIC_live_faults_total, 1);
        log_line(LEVEL_WARN,
                 "Redis is away; orders go on, the live queue is rebuilt when it is back",
                 {"reason", log_string(live_message(k->live))});
    }
    k->live_trouble = true;
}

static void records_lost(struct queue_keeper *k)
{
    if (!k->records_trouble)
        log_line(LEVEL_WARN, "the live queue cannot be compared with the records; trying again",
                 {"sqlstate", log_string(records_sqlstate(k->records))},
                 {"reason", log_string(records_message(k->records))});
    k->records_trouble = true;
    records_clear(k->records);
    records_drop(k->records);
}

/* --- What the records say ------------------------------------------------------------------ */

static bool records_ask(struct queue_keeper *k, const struct statement *statement,
                        const struct params *params, const struct rows **rows)
{
    if (records_connect(k->records) != RECORDS_OK) {
        records_lost(k);
        return false;
    }
    *rows = records_send(k->records, statement, params);
    if (records_run(k->records) != RECORDS_OK) {
        records_lost(k);
        return false;
    }
    if (k->records_trouble)
        log_line(LEVEL_INFO, "the live queue is compared with the records again");
    k->records_trouble = false;
    return true;
}

/* All squads that have a position; in the arena, with their texts. */
static bool positions_wanted(struct queue_keeper *k, struct suspect **squads, size_t *count)
{
    const struct rows *rows;
    if (!records_ask(k, &dispatch_sql_queue_positions_read, NULL, &rows))
        return false;
    *count = rows_count(rows);
    *squads = arena_array(k->arena, *count + 1, sizeof **squads);
    for (size_t i = 0; i < *count; i++)
        (*squads)[i] = (struct suspect){.squad = {arena_text(k->arena, rows_text(rows, i, 0)),
                                                  arena_text(k->arena, rows_text(rows, i, 1))},
                                        .wanted = rows_int(rows, i, 2)};
    records_clear(k->records);
    return true;
}

/* Sets `found` of each. */
static bool positions_found(struct queue_keeper *k, struct suspect *squads, size_t count)
{
    struct live_squad *asked = arena_array(k->arena, count + 1, sizeof *asked);
    int64_t *positions = arena_array(k->arena, count + 1, sizeof *positions);
    for (size_t i = 0; i < count; i++)
        asked[i] = squads[i].squad;
    if (live_positions(k->live, asked, count, positions) == LIVE_LOST) {
        live_lost(k);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        squads[i].found = positions[i];
    return true;
}

/* --- Healing ------------------------------------------------------------------------------- */

static size_t read_entries(struct queue_keeper *k, const struct rows *rows, size_t row, size_t end,
                           struct live_entry **entries)
{
    *entries = arena_array(k->arena, end - row + 1, sizeof **entries);
    size_t count = 0;
    for (; row < end; row++)
        if (!rows_null(rows, row, 3)) /* a squad that has a position and no offers has one row */
            (*entries)[count++] = (struct live_entry){
                .assignment = rows_int(rows, row, 3),
                .order = rows_int(rows, row, 4),
                .version = rows_int(rows, row, 5),
                .deadline = rows_time(rows, row, 6),
                .score = rows_time(rows, row, 7),
                .not_before = rows_time(rows, row, 8),
            };
    return count;
}

static const struct suspect *suspect_of(const struct suspect *suspects, size_t count,
                                        struct text district, struct text code)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(suspects[i].squad.code, code) &&
            text_equal(suspects[i].squad.district, district))
            return &suspects[i];
    return NULL;
}

/* Rebuilds one squad's queue from its rows, if it needs it: when Redis is behind what the records
 * said earlier, or ahead of what they say later, having been set back. */
static bool heal_one(struct queue_keeper *k, const struct suspect *suspect, const struct rows *rows,
                     size_t row, size_t end, size_t *rebuilt)
{
    int64_t position = rows_int(rows, row, 2);
    bool ahead = suspect->found > position;
    if (suspect->found >= suspect->wanted && !ahead)
        return true;
    struct live_entry *entries;
    size_t count = read_entries(k, rows, row, end, &entries);
    enum live_outcome outcome = LIVE_OK;
    if (ahead)
        outcome = live_forget(k->live, &suspect->squad);
    if (outcome == LIVE_OK)
        outcome = live_rebuild(k->live, &suspect->squad, position, entries, count);
    if (outcome == LIVE_LOST) {
        live_lost(k);
        return false;
    }
    metric_add(METRIC_live_rebuilds_total, 1);
    (*rebuilt)++;
    return true;
}

static bool heal_some(struct queue_keeper *k, const struct suspect *suspects, size_t count,
                      size_t *rebuilt)
{
    struct params *params = params_new(k->arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *squad = params_column(params, COLUMN_TEXT);
    for (size_t i = 0; i < count; i++) {
        column_text(district, suspects[i].squad.district);
        column_text(squad, suspects[i].squad.code);
    }
    const struct rows *rows;
    if (!records_ask(k, &dispatch_sql_queues_read, params, &rows))
        return false;
    bool healed = true;
    for (size_t row = 0, end; row < rows_count(rows) && healed; row = end) {
        struct text at_district = rows_text(rows, row, 0), at_squad = rows_text(rows, row, 1);
        for (end = row + 1; end < rows_count(rows); end++)
            if (!text_equal(rows_text(rows, end, 1), at_squad) ||
                !text_equal(rows_text(rows, end, 0), at_district))
                break;
        const struct suspect *suspect = suspect_of(suspects, count, at_district, at_squad);
        healed = suspect == NULL || heal_one(k, suspect, rows, row, end, rebuilt);
    }
    records_clear(k->records);
    return healed;
}

static bool heal(struct queue_keeper *k, const struct suspect *suspects, size_t count)
{
    size_t rebuilt = 0;
    bool healed = true;
    for (size_t done = 0; done < count && healed; done += HEAL_MAX) {
        size_t some = count - done < HEAL_MAX ? count - done : HEAL_MAX;
        healed = heal_some(k, suspects + done, some, &rebuilt);
    }
    if (rebuilt > 0)
        log_line(LEVEL_INFO, "live queues rebuilt from the records",
                 {"squads", log_int((int64_t)rebuilt)});
    return healed;
}

/* What could not be finished is found by the next comparison. */
static void ask_comparison(struct queue_keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    k->compare_asked = true;
    pthread_mutex_unlock(&k->mutex);
}

/* --- Changes ------------------------------------------------------------------------------- */

/* Squads whose change met a gap: each once. Whatever their position, it is not the right one. */
static bool heal_gaps(struct queue_keeper *k, size_t count)
{
    size_t gaps = 0;
    for (size_t i = 0; i < count; i++)
        gaps += k->outcomes[i] == LIVE_GAP;
    if (gaps == 0)
        return true;
    struct suspect *suspects = arena_array(k->arena, gaps, sizeof *suspects);
    size_t suspected = 0;
    for (size_t i = 0; i < count; i++) {
        const struct live_squad *squad = &k->changes[i].squad;
        if (k->outcomes[i] == LIVE_GAP &&
            suspect_of(suspects, suspected, squad->district, squad->code) == NULL)
            suspects[suspected++] =
                (struct suspect){.squad = *squad, .wanted = INT64_MAX, .found = 0};
    }
    return heal(k, suspects, suspected);
}

/* Brings the next waiting changes to Redis. They stay in the ring until they are there. */
static bool apply_some(struct queue_keeper *k)
{
    static_assert(APPLY_MAX <= BACKLOG_MAX, "what is applied at a time fits the ring");
    pthread_mutex_lock(&k->mutex);
    size_t count = k->count < APPLY_MAX ? k->count : APPLY_MAX;
    for (size_t i = 0; i < count; i++)
        k->taken[i] = k->notes[(k->first + i) % BACKLOG_MAX];
    pthread_mutex_unlock(&k->mutex);
    for (size_t i = 0; i < count; i++)
        k->changes[i] = (struct live_change){.squad = note_squad(&k->taken[i]),
                                             .previous = k->taken[i].previous,
                                             .position = k->taken[i].position,
                                             .add = k->taken[i].add,
                                             .entry = k->taken[i].entry};
    if (live_apply(k->live, k->changes, count, k->outcomes) == LIVE_LOST) {
        live_lost(k);
        return false;
    }
    pthread_mutex_lock(&k->mutex);
    k->first = (k->first + count) % BACKLOG_MAX;
    k->count -= count;
    k->done += (int64_t)count;
    metric_set(METRIC_live_backlog, (int64_t)k->count);
    pthread_mutex_unlock(&k->mutex);
    if (heal_gaps(k, count))
        return true;
    ask_comparison(k);
    return false;
}

/* Until all that waits at this moment is in Redis. */
static bool drain(struct queue_keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    int64_t target = k->pushed;
    bool behind = k->done < target && !k->stopping;
    pthread_mutex_unlock(&k->mutex);
    while (behind) {
        if (!apply_some(k))
            return false;
        pthread_mutex_lock(&k->mutex);
        behind = k->done < target && !k->stopping;
        pthread_mutex_unlock(&k->mutex);
    }
    return true;
}

static void wait_grace(struct queue_keeper *k)
{
    int64_t until_ms = clock_monotonic_ms() + GRACE_MS;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&k->mutex);
    while (!k->stopping && pthread_cond_timedwait(&k->wake, &k->mutex, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&k->mutex);
}

/* Whether the positions in Redis are of these records at all, or of what they were before a
 * restore.
 */
static bool follow_history(struct queue_keeper *k)
{
    const struct rows *rows;
    bool anew = false;
    if (!records_ask(k, &dispatch_sql_live_history_read, NULL, &rows))
        return false;
    int64_t history = rows_count(rows) > 0 ? rows_int(rows, 0, 0) : 0;
    records_clear(k->records);
    if (live_follow(k->live, history, &anew) == LIVE_LOST) {
        live_lost(k);
        return false;
    }
    if (anew)
        log_line(LEVEL_INFO,
                 "Redis followed another history of the records; its queues are rebuilt",
                 {"history", log_int(history)});
    return true;
}

/* Compares all squads' positions and rebuilds those that differ. Between a commit and Redis a
 * position is rightly behind; so what differs is looked at again after what waited was applied. */
static bool compare(struct queue_keeper *k)
{
    struct suspect *squads;
    size_t count, suspected = 0;
    if (!follow_history(k) || !positions_wanted(k, &squads, &count) || !drain(k) ||
        !positions_found(k, squads, count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (squads[i].found != squads[i].wanted)
            squads[suspected++] = squads[i];
    if (suspected > 0) {
        wait_grace(k);
        if (!drain(k) || !positions_found(k, squads, suspected) || !heal(k, squads, suspected))
            return false;
    }
    return true;
}

static bool connected(struct queue_keeper *k)
{
    if (live_is_connected(k->live))
        return true;
    if (live_connect(k->live) == LIVE_LOST) {
        live_lost(k);
        return false;
    }
    if (k->live_trouble)
        log_line(LEVEL_INFO, "Redis is back");
    k->live_trouble = false;
    k->check_due_ms = 0;
    return true;
}

static bool work(struct queue_keeper *k)
{
    if (!connected(k))
        return false;
    pthread_mutex_lock(&k->mutex);
    bool due = k->compare_asked || clock_monotonic_ms() >= k->check_due_ms;
    k->compare_asked = false;
    pthread_mutex_unlock(&k->mutex);
    bool compared = !due || compare(k);
    if (due && compared)
        k->check_due_ms = clock_monotonic_ms() + CHECK_MS;
    if (!compared)
        ask_comparison(k);
    return live_is_connected(k->live) && drain(k) && compared;
}

/* Waits for something to do. False: the end. */
static bool wait_for_work(struct queue_keeper *k)
{
    struct timespec until = {.tv_sec = k->check_due_ms / 1000,
                             .tv_nsec = k->check_due_ms % 1000 * 1000000};
    pthread_mutex_lock(&k->mutex);
    while (!k->stopping && !(k->open && (k->count > 0 || k->compare_asked))) {
        if (!k->open)
            pthread_cond_wait(&k->wake, &k->mutex);
        else if (pthread_cond_timedwait(&k->wake, &k->mutex, &until) == ETIMEDOUT)
            break;
    }
    bool goes_on = !k->stopping;
    pthread_mutex_unlock(&k->mutex);
    return goes_on;
}

static void *keeper_run(void *argument)
{
    struct queue_keeper *k = argument;
    while (wait_for_work(k)) {
        arena_reset(k->arena);
        if (work(k))
            k->backoff_ms = 0;
        else
            back_off(k);
    }
    records_drop(k->records);
    return NULL;
}

bool queue_keeper_start(struct queue_keeper *keeper)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    keeper->started = pthread_create(&keeper->thread, NULL, keeper_run, keeper) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return keeper->started;
}
