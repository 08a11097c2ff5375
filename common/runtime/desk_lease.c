#include "records_sql.h"
#include "runtime/desk_private.h"
#include "runtime/health.h"

#include "events/facts.h"

/* A lease is taken over when its beat has stood still for lease_ttl_ms of our own monotonic clock,
 * so that no two machines' clocks are ever compared. A restarted process of the same instance name
 * takes its own back at once: the epoch fences the old one. */

void desk_trouble(struct desk *desk, const char *what)
{
    if (!desk->trouble_logged)
        log_line(LEVEL_ERROR, "the records are in trouble; waiting and trying again",
                 {"while", log_string(what)},
                 {"sqlstate", log_string(records_sqlstate(desk->records))},
                 {"reason", log_string(records_message(desk->records))});
    desk->trouble_logged = true;
    metric_add(METRIC_records_lost_total, 1);
    health_set(HEALTH_RECORDS, false);
    records_clear(desk->records);
    records_drop(desk->records);
    desk->loaded = false;
}

void desk_lose_lease(struct desk *desk, const char *why)
{
    if (desk->epoch != 0)
        log_line(LEVEL_WARN, "the lease is another's now", {"epoch", log_int(desk->epoch)},
                 {"noticed", log_string(why)});
    desk->epoch = 0;
    desk->loaded = false;
    atomic_store(&desk->owns, false);
    desk->seen_epoch = desk->seen_beat = -1;
    metric_set(METRIC_lease_epoch, 0);
    health_set(HEALTH_LEASE, false);
}

static const struct rows *one(struct desk *desk, const struct statement *statement,
                              struct params *params, const char *what)
{
    const struct rows *rows = records_send(desk->records, statement, params);
    if (records_run(desk->records) == RECORDS_OK)
        return rows;
    desk_trouble(desk, what);
    return NULL;
}

/* Whether the row of a holder that stands still can be had without waiting. A transaction of its
 * own that is still open after twice the lease's time is ended. */
static bool make_free(struct desk *desk, struct text holder, int64_t still_ms, bool *is_free)
{
    struct params *params = params_new(desk->batch_arena);
    params_int(params, DESK_PART);
    const struct rows *rows = one(desk, &records_sql_lease_free, params, "probing the lease");
    if (rows == NULL)
        return false;
    *is_free = rows_count(rows) > 0;
    records_clear(desk->records);
    if (*is_free || still_ms < 2 * desk->options.config->lease_ttl_ms)
        return true;
    params = params_new(desk->batch_arena);
    params_text(params, holder);
    rows = one(desk, &records_sql_lease_break, params, "ending the stuck holder's connection");
    if (rows == NULL)
        return false;
    if (rows_int(rows, 0, 0) > 0)
        log_line(LEVEL_WARN,
                 "the lease's holder is stuck in a transaction; its connection is ended",
                 {"holder", log_text(holder)}, {"still_ms", log_int(still_ms)});
    records_clear(desk->records);
    return true;
}

/* Looks at the lease row: whether it may be taken and is not locked. `still`: its holder has not
 * beaten for the lease's time. */
static bool look(struct desk *desk, bool *still, bool *is_free)
{
    struct params *params = params_new(desk->batch_arena);
    params_int(params, DESK_PART);
    const struct rows *rows = one(desk, &records_sql_lease_look, params, "looking at the lease");
    if (rows == NULL)
        return false;
    bool is_held = rows_count(rows) > 0;
    int64_t epoch = is_held ? rows_int(rows, 0, 0) : 0, beat = is_held ? rows_int(rows, 0, 2) : 0;
    struct text holder = is_held ? arena_text(desk->batch_arena, rows_text(rows, 0, 1)) : TEXT("");
    records_clear(desk->records);
    *still = false;
    *is_free = !is_held;
    if (!is_held)
        return true;
    int64_t now = clock_monotonic_ms();
    if (epoch != desk->seen_epoch || beat != desk->seen_beat) {
        desk->seen_epoch = epoch;
        desk->seen_beat = beat;
        desk->seen_since_ms = now;
    }
    int64_t still_ms = now - desk->seen_since_ms;
    *still = still_ms >= desk->options.config->lease_ttl_ms;
    bool ours = holder.length == 0 || /* nobody's, after a restore */
                (!desk->once_held && text_equal(holder, text_of(desk->options.config->instance)));
    return (!*still && !ours) || make_free(desk, holder, still_ms, is_free);
}

static bool take(struct desk *desk)
{
    struct arena *arena = desk->batch_arena;
    bool still, is_free;
    if (!look(desk, &still, &is_free))
        return false;
    if (!is_free)
        return true;
    struct params *params = params_new(arena);
    params_int(params, DESK_PART);
    params_text(params, text_of(desk->options.config->instance));
    params_text(params, text_of(desk->options.publisher));
    params_text(params, text_of(desk->options.router));
    params_flag(params, !desk->once_held);
    params_int(params, still ? desk->seen_epoch : -1);
    params_int(params, still ? desk->seen_beat : -1);
    params_text(params, text_of(desk->options.bus_key));
    const struct rows *rows = one(desk, &records_sql_lease_take, params, "taking the lease");
    if (rows == NULL)
        return false;
    if (rows_count(rows) > 0) {
        desk->epoch = rows_int(rows, 0, 0);
        desk->once_held = true;
        metric_set(METRIC_lease_epoch, desk->epoch);
        log_line(LEVEL_INFO, "lease taken", {"epoch", log_int(desk->epoch)},
                 {"holder", log_string(desk->options.config->instance)});
    }
    records_clear(desk->records);
    return true;
}

static bool load_directory(struct desk *desk)
{
    const struct rows *rows = one(desk, &records_sql_fact_read, NULL, "reading the directory");
    if (rows == NULL)
        return false;
    size_t count = rows_count(rows), taken = 0;
    struct event *events = arena_array(desk->batch_arena, count + 1, sizeof *events);
    const struct event **facts = arena_array(desk->batch_arena, count + 1, sizeof *facts);
    directory_clear(desk->directory);
    for (size_t i = 0; i < count; i++) {
        struct event *event = &events[i];
        int type = event_find(rows_text(rows, i, 3));
        struct refusal refusal;
        *event = (struct event){.type = type < 0 ? EVENT_COUNT : (enum event_type)type,
                                .district = rows_text(rows, i, 0),
                                .key = rows_text(rows, i, 1),
                                .version = rows_int(rows, i, 2),
                                .body = rows_bytes(rows, i, 4)};
        if (type >= 0 && event_decode_data(event, desk->batch_arena, &refusal) &&
            fact_apply(desk->directory, event))
            facts[taken++] = event;
        else
            log_line(LEVEL_ERROR, "a directory fact cannot be read and is left out",
                     {"key", log_text(event->key)}, {"district", log_text(event->district)});
    }
    if (desk->reader != NULL)
        reader_tell(desk->reader, facts, taken, true);
    if (desk->options.keyring != NULL)
        keyring_load(desk->options.keyring, desk->directory);
    records_clear(desk->records);
    return true;
}

static bool load_positions(struct desk *desk)
{
    struct params *params = params_new(desk->batch_arena);
    params_int(params, DESK_PART);
    const struct rows *head = records_send(desk->records, &records_sql_log_head, params);
    const struct rows *cursors = records_send(desk->records, &records_sql_cursor_read, params);
    if (records_run(desk->records) != RECORDS_OK) {
        desk_trouble(desk, "reading the positions");
        return false;
    }
    desk->store_due_ms = 0;
    desk->answers_due_ms = 0;
    desk->head = rows_int(head, 0, 0);
    atomic_store(&desk->head_shared, desk->head);
    metric_set(METRIC_log_head, desk->head);
    for (size_t f = 0; f < desk->feed_count; f++) {
        struct feedline *feed = &desk->feeds[f];
        feed->cursor = 0;
        for (size_t i = 0; i < rows_count(cursors); i++)
            if (words_find(&words_service, rows_text(cursors, i, 0)) == (int)feed->producer)
                feed->cursor = rows_int(cursors, i, 1);
        feed->stored = feed->cursor;
        desk_hints_clear(desk, feed);
        atomic_store(&feed->applied, feed->cursor);
    }
    records_clear(desk->records);
    if (!desk_look(desk))
        return false;
    for (size_t f = 0; f < desk->feed_count; f++)
        desk->feeds[f].opening_head = desk->feeds[f].seen_head;
    return true;
}

/* Once until it is done. */
static void log_partition_missing(struct desk *desk)
{
    if (!desk->partitions_logged)
        log_line(LEVEL_WARN, "no partition of the log can be made now; trying again",
                 {"offsets_left", log_int(desk->partitions_to - desk->head)},
                 {"sqlstate", log_string(records_sqlstate(desk->records))},
                 {"reason", log_string(records_message(desk->records))});
    desk->partitions_logged = true;
}

/* Partitions are made long before they are needed: that one cannot be made is no trouble as long as
 * there is room. */
static bool ensure_partitions(struct desk *desk)
{
    int64_t upto = desk->head + DESK_LOG_AHEAD;
    bool has_room = desk->head + DESK_LOG_SPARE < desk->partitions_to;
    if (upto < desk->partitions_to || (has_room && clock_monotonic_ms() < desk->partitions_due_ms))
        return true;
    struct params *params = params_new(desk->batch_arena);
    params_int(params, upto);
    const struct rows *rows = records_send(desk->records, &records_sql_log_partition, params);
    enum records_outcome outcome = records_run(desk->records);
    if (outcome == RECORDS_OK)
        desk->partitions_to = rows_int(rows, 0, 0);
    has_room = desk->head + DESK_LOG_SPARE < desk->partitions_to;
    if (outcome == RECORDS_LOST || !has_room) {
        desk_trouble(desk, "making a partition of the log");
        return false;
    }
    if (upto < desk->partitions_to)
        desk->partitions_logged = false;
    else
        log_partition_missing(desk);
    desk->partitions_due_ms = clock_monotonic_ms() + DESK_PARTITION_MS;
    records_clear(desk->records);
    return true;
}

bool desk_hold_lease(struct desk *desk)
{
    arena_reset(desk->batch_arena);
    if (!records_is_connected(desk->records) && records_connect(desk->records) != RECORDS_OK) {
        desk_trouble(desk, "connecting");
        return false;
    }
    if (desk->epoch == 0 && !take(desk))
        return false;
    if (desk->epoch == 0 || desk->loaded)
        return true;
    /* Positions last: who waits for one asks the directory next. */
    if (!load_directory(desk) || !load_positions(desk) || !ensure_partitions(desk) ||
        !desk_read_ids(desk))
        return false;
    if (desk->service->opened != NULL)
        desk->service->opened(desk->service->state, desk->records, desk->batch_arena);
    records_clear(desk->records);
    if (!records_is_connected(desk->records)) {
        desk_trouble(desk, "opening");
        return false;
    }
    desk->loaded = true;
    atomic_store(&desk->owns, true);
    outbox_open(desk->options.outbox);
    desk->tick_due_ms = 0;
    health_set(HEALTH_LEASE, true);
    return true;
}

static bool beat(struct desk *desk)
{
    struct params *params = params_new(desk->batch_arena);
    params_int(params, DESK_PART);
    params_int(params, desk->epoch);
    params_text(params, text_of(desk->options.config->instance));
    const struct rows *rows = one(desk, &records_sql_lease_beat, params, "renewing the lease");
    if (rows == NULL)
        return false;
    if (rows_count(rows) == 0)
        desk_lose_lease(desk, "beat");
    records_clear(desk->records);
    return true;
}

/* Tells the front where the other services are now. */
static bool peers(struct desk *desk)
{
    const struct rows *rows =
        one(desk, &records_sql_lease_peers, NULL, "reading the peers' leases");
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < rows_count(rows); i++) {
        int service = words_find(&words_service, rows_text(rows, i, 0));
        if (service < 0 || service == (int)desk->service->service)
            continue;
        const char *publisher = arena_string(desk->batch_arena, rows_text(rows, i, 3));
        const char *router = arena_string(desk->batch_arena, rows_text(rows, i, 4));
        const char *key = arena_string(desk->batch_arena, rows_text(rows, i, 5));
        if (publisher[0] == '\0')
            continue; /* nobody holds it since a restore */
        if (strcmp(publisher, desk->peer_publisher[service]) == 0 &&
            strcmp(key, desk->peer_key[service]) == 0)
            continue;
        snprintf(desk->peer_publisher[service], sizeof desk->peer_publisher[service], "%s",
                 publisher);
        snprintf(desk->peer_key[service], sizeof desk->peer_key[service], "%s", key);
        log_line(LEVEL_INFO, "peer", {"peer", log_string(words_name(&words_service, service))},
                 {"holder", log_text(rows_text(rows, i, 2))},
                 {"epoch", log_int(rows_int(rows, i, 1))});
        outbox_peer(desk->options.outbox, (enum service)service, publisher, router, key);
    }
    records_clear(desk->records);
    return true;
}

static bool look_aside(struct desk *desk)
{
    const struct rows *rows =
        one(desk, &records_sql_poison_look, NULL, "looking at what was set aside");
    if (rows == NULL)
        return false;
    desk->set_aside = rows_int(rows, 0, 0);
    desk->retry_asked = rows_int(rows, 0, 1) > 0;
    metric_set(METRIC_events_set_aside, desk->set_aside);
    records_clear(desk->records);
    return true;
}

/* Once an hour, for much may have to be looked through; until none is left, each time. */
static bool prune_answers(struct desk *desk)
{
    int64_t now = clock_now_ms(), keep = desk->options.config->command_keep_days * 86400000;
    if (now < desk->answers_due_ms && desk->answers_due_ms - now <= DESK_ANSWERS_MS)
        return true;
    struct params *params = params_new(desk->batch_arena);
    params_time(params, now - keep);
    params_int(params, DESK_PRUNE_MAX);
    const struct rows *rows = one(desk, &records_sql_command_prune, params, "pruning answers");
    if (rows == NULL)
        return false;
    bool more = rows_int(rows, 0, 0) >= DESK_PRUNE_MAX;
    desk->answers_due_ms = more ? now : now + DESK_ANSWERS_MS;
    records_clear(desk->records);
    return true;
}

static bool prune(struct desk *desk)
{
    for (size_t f = 0; f < desk->feed_count; f++) {
        struct feedline *feed = &desk->feeds[f];
        if (feed->cursor_rows_since_prune < DESK_CURSOR_KEEP)
            continue;
        struct params *params = params_new(desk->batch_arena);
        params_text(params, text_of(words_name(&words_service, (int)feed->producer)));
        params_int(params, DESK_PART);
        /* A position is made of the newest row alone, so that one stays; and for a while those
         * that an owner who was overtaken would go on from, so that it finds them taken. */
        params_int(params, feed->stored - desk->options.config->batch_max * 2);
        if (one(desk, &records_sql_cursor_prune, params, "pruning cursors") == NULL)
            return false;
        feed->cursor_rows_since_prune = 0;
        records_clear(desk->records);
    }
    if (!prune_answers(desk))
        return false;
    if (desk->service->tidy != NULL)
        desk->service->tidy(desk->service->state, desk->records, clock_now_ms(), desk->batch_arena);
    if (records_run(desk->records) != RECORDS_OK) {
        desk_trouble(desk, "forgetting what was kept long enough");
        return false;
    }
    records_clear(desk->records);
    return true;
}

static int64_t activity(const struct desk *desk)
{
    int64_t sum = desk->head;
    for (size_t f = 0; f < desk->feed_count; f++)
        sum += desk->feeds[f].cursor;
    return sum;
}

/* The plan of a prepared statement is kept, and one that was made for small tables may go through
 * all of a district's rows for each single one; nobody makes it anew before autovacuum has looked
 * at the table. So plans are forgotten each time that the logs have doubled. */
static bool forget_plans(struct desk *desk)
{
    if (activity(desk) < 2 * desk->plans_at + DESK_PLANS_FIRST)
        return true;
    desk->plans_at = activity(desk);
    bool done = one(desk, &records_sql_plans_forget, NULL, "forgetting plans") != NULL;
    if (done)
        records_clear(desk->records);
    return done;
}

bool desk_tick(struct desk *desk)
{
    int64_t now = clock_monotonic_ms();
    if (now < desk->tick_due_ms)
        return true;
    desk->tick_due_ms = now + DESK_TICK_MS;
    arena_reset(desk->batch_arena);
    if (!peers(desk))
        return false;
    if (desk->epoch == 0)
        return true;
    if (!beat(desk) || !ensure_partitions(desk) || !look_aside(desk) || !desk_read_ids(desk) ||
        !forget_plans(desk))
        return false;
    if (now >= desk->prune_due_ms) {
        desk->prune_due_ms = now + 10 * DESK_TICK_MS;
        return prune(desk);
    }
    return true;
}
