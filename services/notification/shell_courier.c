#include "services/notification/shell_courier.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/version.h"
#include "events/cloud.h"
#include "notification_sql.h"
#include "records/records.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "services/notification/core_webhook.h"

#define POLL_MS         100   /* how often the runtime's clock is looked at */
#define LOOK_MIN_MS     200   /* between two looks that nothing asked for */
#define LOOK_MAX_MS     10000 /* a look regardless */
#define BACKOFF_MS      1000  /* after trouble with the records */
#define PRUNE_MS        (INT64_C(3600) * 1000)
#define PRUNE_SOON_MS   1000 /* after a pruning that left some */
#define PRUNE_ROWS      5000
#define SETTLE_MAX      256   /* results recorded in one transaction */
#define ANSWER_MAX_READ 65536 /* bytes of an answer that are read, its head included */
#define DAY_MS          (INT64_C(86400) * 1000)

/* One delivery on its way, with everything it needs in an arena of its own. */
struct transfer {
    struct transfer *next;
    struct arena *arena;
    CURL *easy;
    struct curl_slist *headers;
    const struct url_policy *urls;
    struct seal_names names;
    struct text producer, event, body, url, zone;
    int64_t part, offset, order, tries, resent;
    int quiet_from, quiet_to;
    int64_t started_ms; /* monotonic */
    size_t read;        /* bytes of the answer so far */
    bool blocked;       /* an address was not allowed */
    /* once it is done */
    struct attempt_result result;
    enum failure failure;
    int64_t done_at, ms;
};

struct courier {
    const struct config *config;
    const struct seal *seal;
    const struct url_policy *urls;
    struct records *records;
    CURLM *multi;
    struct arena *arena; /* of one round */
    pthread_t thread;
    bool started;
    atomic_bool stopping, woken;
    _Atomic int64_t epoch;
    /* the thread's own */
    struct transfer *under_way, *done; /* done: results not yet recorded */
    size_t under_way_count;
    int64_t next_due; /* of what waits, by the runtime's clock; INSTANT_ABSENT: nothing does */
    int64_t looked_ms, prune_due_ms, rest_until_ms; /* monotonic */
    bool looks_again, trouble_logged;
};

struct courier *courier_new(const struct config *config, const struct seal *seal,
                            const struct url_policy *urls)
{
    struct courier *courier = calloc(1, sizeof *courier);
    if (courier == NULL)
        abort();
    courier->config = config;
    courier->seal = seal;
    courier->urls = urls;
    courier->arena = arena_new();
    courier->next_due = INSTANT_ABSENT;
    struct records_options options = {
        .conninfo = config->dsn,
        .application = arena_format(courier->arena, "%s courier", config->instance).at,
        .search_path = "notification",
        .idle_transaction_ms = (int)(config->lease_ttl_ms * 2 / 3),
        .statement_timeout_ms = 60000,
        .by_index = true,
    };
    courier->records = records_new(&options);
    courier->multi = curl_multi_init();
    if (courier->multi == NULL)
        abort();
    return courier;
}

void courier_own(struct courier *courier, int64_t epoch)
{
    atomic_store(&courier->epoch, epoch);
    courier_wake(courier);
}

void courier_wake(struct courier *courier)
{
    atomic_store(&courier->woken, true);
    curl_multi_wakeup(courier->multi);
}

/* --- one transfer -------------------------------------------------------------------------------
 */

static void transfer_destroy(struct transfer **transfer)
{
    struct transfer *t = *transfer;
    if (t->easy != NULL)
        curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    struct arena *arena = t->arena;
    arena_destroy(&arena);
    *transfer = NULL;
}

/* An answer's content is of no interest, and only so much of it is read. */
static size_t on_answer(char *at, size_t size, size_t count, void *argument)
{
    struct transfer *transfer = argument;
    (void)at;
    transfer->read += size * count;
    return transfer->read <= ANSWER_MAX_READ ? size * count : 0;
}

/* Every address that a name resolves to is judged here, right before the connection. */
static curl_socket_t on_socket(void *argument, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = argument;
    const void *at = address->family == AF_INET6
                         ? (const void *)&((struct sockaddr_in6 *)(void *)&address->addr)->sin6_addr
                         : (const void *)&((struct sockaddr_in *)(void *)&address->addr)->sin_addr;
    (void)purpose;
    if (!transfer->urls->private && address_is_private(address->family, at)) {
        transfer->blocked = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void header_add(struct transfer *transfer, const char *name, struct text value)
{
    struct text line = arena_format(transfer->arena, "%s: %.*s", name, TEXT_ARG(value));
    struct curl_slist *longer = curl_slist_append(transfer->headers, line.at);
    if (longer == NULL)
        abort();
    transfer->headers = longer;
}

/* The signatures of the present secret and, while it is being rotated, of the one before; false:
 * the present one cannot be opened. */
static bool sign(struct courier *courier, struct transfer *transfer, struct bytes present,
                 struct bytes past)
{
    struct bytes secret;
    int64_t seconds = clock_now_ms() / 1000;
    if (!seal_get(courier->seal, &transfer->names, present, transfer->arena, &secret))
        return false;
    struct text signatures =
        webhook_signature(secret, transfer->event, seconds, transfer->body, transfer->arena);
    if (past.length > 0 &&
        seal_get(courier->seal, &transfer->names, past, transfer->arena, &secret)) {
        struct text other =
            webhook_signature(secret, transfer->event, seconds, transfer->body, transfer->arena);
        signatures =
            arena_format(transfer->arena, "%.*s %.*s", TEXT_ARG(signatures), TEXT_ARG(other));
    }
    header_add(transfer, "webhook-id", transfer->event);
    header_add(transfer, "webhook-timestamp",
               arena_format(transfer->arena, "%lld", (long long)seconds));
    header_add(transfer, "webhook-signature", signatures);
    return true;
}

/* libcurl refuses an option only when it has no memory. */
#define EASY(option, value)                                                                        \
    do {                                                                                           \
        if (curl_easy_setopt(transfer->easy, option, value) != CURLE_OK)                           \
            abort();                                                                               \
    } while (0)

static void transfer_open(const struct courier *courier, struct transfer *transfer)
{
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL)
        abort();
    header_add(transfer, "content-type", TEXT(CLOUD_EVENT_TYPE "; charset=utf-8"));
    header_add(transfer, "expect", TEXT(""));
    EASY(CURLOPT_PRIVATE, transfer);
    EASY(CURLOPT_URL, transfer->url.at);
    EASY(CURLOPT_PROTOCOLS_STR, courier->urls->http ? "http,https" : "https");
    EASY(CURLOPT_PROXY, ""); /* whatever the environment says */
    EASY(CURLOPT_FOLLOWLOCATION, 0L);
    EASY(CURLOPT_POSTFIELDS, transfer->body.at);
    EASY(CURLOPT_POSTFIELDSIZE, (long)transfer->body.length);
    EASY(CURLOPT_HTTPHEADER, transfer->headers);
    EASY(CURLOPT_USERAGENT, "Zhitongche/" ZTC_VERSION);
    EASY(CURLOPT_CONNECTTIMEOUT_MS, (long)courier->config->webhook_connect_ms);
    EASY(CURLOPT_TIMEOUT_MS, (long)courier->config->webhook_timeout_ms);
    EASY(CURLOPT_NOSIGNAL, 1L);
    EASY(CURLOPT_WRITEFUNCTION, on_answer);
    EASY(CURLOPT_WRITEDATA, transfer);
    EASY(CURLOPT_HEADERFUNCTION, on_answer);
    EASY(CURLOPT_HEADERDATA, transfer);
    EASY(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    EASY(CURLOPT_OPENSOCKETDATA, transfer);
}

static enum failure failure_of(const struct transfer *transfer, CURLcode code)
{
    long port = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_PRIMARY_PORT, &port);
    if (transfer->blocked)
        return FAILURE_blocked;
    /* A URL that is not allowed any more is never connected to; what answers no HTTP was. */
    if (code == CURLE_UNSUPPORTED_PROTOCOL)
        return port == 0 ? FAILURE_blocked : FAILURE_broken;
    /* Only those that are told apart have a row; libcurl has a hundred codes. */
    static const struct {
        CURLcode code;
        enum failure failure;
    } rows[] = {
        {CURLE_OPERATION_TIMEDOUT, FAILURE_timeout}, {CURLE_COULDNT_RESOLVE_HOST, FAILURE_resolve},
        {CURLE_COULDNT_CONNECT, FAILURE_connect},    {CURLE_UNSUPPORTED_PROTOCOL, FAILURE_blocked},
        {CURLE_SSL_CONNECT_ERROR, FAILURE_tls},      {CURLE_PEER_FAILED_VERIFICATION, FAILURE_tls},
        {CURLE_SSL_CERTPROBLEM, FAILURE_tls},        {CURLE_SSL_CIPHER, FAILURE_tls},
        {CURLE_SSL_CACERT_BADFILE, FAILURE_tls},     {CURLE_SSL_ISSUER_ERROR, FAILURE_tls},
        {CURLE_SSL_INVALIDCERTSTATUS, FAILURE_tls},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            return rows[i].failure;
    return FAILURE_broken;
}

static void finish(struct courier *courier, struct transfer *transfer)
{
    transfer->failure = attempt_judge(&transfer->result);
    transfer->done_at = clock_now_ms();
    transfer->ms = clock_monotonic_ms() - transfer->started_ms;
    transfer->next = courier->done;
    courier->done = transfer;
}

/* What the endpoint answered; a body longer than is read is no fault of it. */
static void on_done(struct courier *courier, struct transfer *transfer, CURLcode code)
{
    long status = 0;
    curl_off_t retry_after_s = 0;
    bool cut = code == CURLE_WRITE_ERROR && transfer->read > ANSWER_MAX_READ;
    if (code == CURLE_OK || cut) {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    }
    transfer->result = (struct attempt_result){
        .status = (int)status,
        .trouble = status > 0 ? FAILURE_none : failure_of(transfer, code),
        .retry_after_ms = retry_after_s > 0 && retry_after_s < RETRY_AFTER_MAX_MS / 1000
                              ? (int64_t)retry_after_s * 1000
                          : retry_after_s > 0 ? RETRY_AFTER_MAX_MS
                                              : 0,
    };
    for (struct transfer **at = &courier->under_way; *at != NULL; at = &(*at)->next)
        if (*at == transfer) {
            *at = transfer->next;
            break;
        }
    courier->under_way_count--;
    finish(courier, transfer);
}

/* --- what is due --------------------------------------------------------------------------------
 */

enum due_column {
    DUE_DISTRICT,
    DUE_ORGANISATION,
    DUE_ENDPOINT,
    DUE_PRODUCER,
    DUE_PART,
    DUE_OFFSET,
    DUE_EVENT,
    DUE_ORDER,
    DUE_BODY,
    DUE_TRIES,
    DUE_RESENT,
    DUE_QUIET_FROM,
    DUE_QUIET_TO,
    DUE_ZONE,
    DUE_URL,
    DUE_PRESENT,
    DUE_PAST
};

static bool is_row(const struct transfer *transfer, const struct rows *rows, size_t row)
{
    return text_equal(transfer->event, rows_text(rows, row, DUE_EVENT)) &&
           text_equal(transfer->names.endpoint, rows_text(rows, row, DUE_ENDPOINT)) &&
           text_equal(transfer->names.organisation, rows_text(rows, row, DUE_ORGANISATION)) &&
           text_equal(transfer->names.district, rows_text(rows, row, DUE_DISTRICT));
}

static bool is_under_way(const struct courier *courier, const struct rows *rows, size_t row)
{
    for (const struct transfer *t = courier->under_way; t != NULL; t = t->next)
        if (is_row(t, rows, row))
            return true;
    for (const struct transfer *t = courier->done; t != NULL; t = t->next)
        if (is_row(t, rows, row))
            return true;
    return false;
}

static struct transfer *transfer_of_row(const struct courier *courier, const struct rows *rows,
                                        size_t row)
{
    struct arena *arena = arena_new();
    struct transfer *transfer = arena_alloc(arena, sizeof *transfer);
    *transfer = (struct transfer){
        .arena = arena,
        .urls = courier->urls,
        .names = {.district = arena_text(arena, rows_text(rows, row, DUE_DISTRICT)),
                  .organisation = arena_text(arena, rows_text(rows, row, DUE_ORGANISATION)),
                  .endpoint = arena_text(arena, rows_text(rows, row, DUE_ENDPOINT))},
        .producer = arena_text(arena, rows_text(rows, row, DUE_PRODUCER)),
        .part = rows_int(rows, row, DUE_PART),
        .offset = rows_int(rows, row, DUE_OFFSET),
        .event = arena_text(arena, rows_text(rows, row, DUE_EVENT)),
        .order = rows_int(rows, row, DUE_ORDER),
        .body = arena_text(arena, rows_text(rows, row, DUE_BODY)),
        .tries = rows_int(rows, row, DUE_TRIES),
        .resent = rows_int(rows, row, DUE_RESENT),
        .quiet_from = (int)rows_int(rows, row, DUE_QUIET_FROM),
        .quiet_to = (int)rows_int(rows, row, DUE_QUIET_TO),
        .zone = arena_text(arena, rows_text(rows, row, DUE_ZONE)),
        .url = arena_text(arena, rows_text(rows, row, DUE_URL)),
        .started_ms = clock_monotonic_ms(),
    };
    return transfer;
}

static void start_row(struct courier *courier, const struct rows *rows, size_t row)
{
    struct transfer *transfer = transfer_of_row(courier, rows, row);
    if (!sign(courier, transfer, rows_bytes(rows, row, DUE_PRESENT),
              rows_bytes(rows, row, DUE_PAST))) {
        transfer->result.trouble = FAILURE_no_secret;
        finish(courier, transfer);
        return;
    }
    transfer_open(courier, transfer);
    if (curl_multi_add_handle(courier->multi, transfer->easy) != CURLM_OK)
        abort();
    transfer->next = courier->under_way;
    courier->under_way = transfer;
    courier->under_way_count++;
}

static void trouble(struct courier *courier)
{
    if (!courier->trouble_logged)
        log_line(LEVEL_ERROR, "webhooks wait: the records are in trouble",
                 {"sqlstate", log_string(records_sqlstate(courier->records))},
                 {"reason", log_string(records_message(courier->records))});
    courier->trouble_logged = true;
    records_clear(courier->records);
    records_drop(courier->records);
    courier->rest_until_ms = clock_monotonic_ms() + BACKOFF_MS;
}

/* One transaction of what is queued; false: trouble. */
static bool run(struct courier *courier)
{
    records_commit(courier->records);
    if (records_run(courier->records) != RECORDS_OK) {
        trouble(courier);
        return false;
    }
    if (courier->trouble_logged)
        log_line(LEVEL_INFO, "webhooks go on: the records are back");
    courier->trouble_logged = false;
    return true;
}

static void lease_params(const struct courier *courier, struct params *params)
{
    params_int(params, atomic_load(&courier->epoch));
    params_text(params, text_of(courier->config->instance));
}

/* Looks for what is due and begins it. */
static void look(struct courier *courier)
{
    struct records *records = courier->records;
    int64_t now = clock_now_ms();
    size_t room = (size_t)courier->config->webhook_in_flight;
    struct params *bury = params_new(courier->arena), *due = params_new(courier->arena);
    params_time(bury, now);
    lease_params(courier, bury);
    params_time(due, now);
    params_int(due, courier->config->webhook_in_flight_each);
    lease_params(courier, due);
    params_int(due, (int64_t)room);
    records_begin(records);
    const struct rows *buried = records_send(records, &notification_sql_courier_bury, bury);
    const struct rows *rows = records_send(records, &notification_sql_courier_due, due);
    const struct rows *waiting = records_send(records, &notification_sql_courier_waiting, NULL);
    courier->looked_ms = clock_monotonic_ms();
    courier->looks_again = false;
    if (!run(courier))
        return;
    metric_add(METRIC_webhooks_dead_total, (int64_t)rows_count(buried));
    metric_set(METRIC_webhooks_waiting, rows_int(waiting, 0, 0));
    courier->next_due = rows_time(waiting, 0, 1);
    for (size_t row = 0; row < rows_count(rows) && courier->under_way_count < room; row++)
        if (!is_under_way(courier, rows, row))
            start_row(courier, rows, row);
    records_clear(records);
}

static bool look_is_due(const struct courier *courier)
{
    int64_t since = clock_monotonic_ms() - courier->looked_ms;
    if (atomic_load(&courier->epoch) == 0)
        return false;
    if (courier->looks_again || since >= LOOK_MAX_MS)
        return true;
    return since >= LOOK_MIN_MS && courier->next_due != INSTANT_ABSENT &&
           clock_now_ms() >= courier->next_due;
}

/* --- what became of it --------------------------------------------------------------------------
 */

struct standing {
    enum outcome outcome;
    int64_t due, finished;
};

static struct standing standing_of(const struct transfer *transfer)
{
    if (transfer->failure == FAILURE_none)
        return (struct standing){OUTCOME_delivered, INSTANT_ABSENT, transfer->done_at};
    uint64_t seed = text_hash(transfer->event) ^ text_hash(transfer->names.endpoint) * 31;
    int64_t due = retry_due((int)transfer->tries + 1, transfer->done_at, seed);
    if (transfer->failure == FAILURE_gone || due == INSTANT_ABSENT)
        return (struct standing){OUTCOME_dead, INSTANT_ABSENT, transfer->done_at};
    int64_t rested = transfer->done_at + slow_down_ms(&transfer->result);
    due = quiet_end(due > rested ? due : rested, transfer->zone, transfer->quiet_from,
                    transfer->quiet_to);
    return (struct standing){OUTCOME_waiting, due, INSTANT_ABSENT};
}

static void send_attempts(struct courier *courier, struct transfer **done, size_t count)
{
    struct params *params = params_new(courier->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *organisation = params_column(params, COLUMN_TEXT);
    struct column *endpoint = params_column(params, COLUMN_TEXT);
    struct column *producer = params_column(params, COLUMN_TEXT);
    struct column *part = params_column(params, COLUMN_INT4);
    struct column *offset = params_column(params, COLUMN_INT8);
    struct column *resent = params_column(params, COLUMN_INT4);
    struct column *number = params_column(params, COLUMN_INT4);
    struct column *time = params_column(params, COLUMN_TIMESTAMPTZ);
    struct column *status = params_column(params, COLUMN_INT4);
    struct column *error = params_column(params, COLUMN_TEXT);
    struct column *ms = params_column(params, COLUMN_INT8);
    for (size_t i = 0; i < count; i++) {
        const struct transfer *transfer = done[i];
        column_text(district, transfer->names.district);
        column_text(organisation, transfer->names.organisation);
        column_text(endpoint, transfer->names.endpoint);
        column_text(producer, transfer->producer);
        column_int(part, transfer->part);
        column_int(offset, transfer->offset);
        column_int(resent, transfer->resent);
        column_int(number, transfer->tries + 1);
        column_time(time, transfer->done_at);
        column_int(status, transfer->result.status);
        column_text(error, text_of(words_name(&words_failure, (int)transfer->failure)));
        column_int(ms, transfer->ms);
    }
    records_send(courier->records, &notification_sql_courier_attempts, params);
}

static void send_standings(struct courier *courier, struct transfer **done,
                           const struct standing *standings, size_t count)
{
    struct params *params = params_new(courier->arena);
    struct column *district = params_column(params, COLUMN_TEXT);
    struct column *organisation = params_column(params, COLUMN_TEXT);
    struct column *endpoint = params_column(params, COLUMN_TEXT);
    struct column *producer = params_column(params, COLUMN_TEXT);
    struct column *part = params_column(params, COLUMN_INT4);
    struct column *offset = params_column(params, COLUMN_INT8);
    struct column *resent = params_column(params, COLUMN_INT4);
    struct column *state = params_column(params, COLUMN_TEXT);
    struct column *due = params_column(params, COLUMN_TIMESTAMPTZ);
    struct column *tries = params_column(params, COLUMN_INT4);
    struct column *finished = params_column(params, COLUMN_TIMESTAMPTZ);
    struct column *error = params_column(params, COLUMN_TEXT);
    for (size_t i = 0; i < count; i++) {
        const struct transfer *transfer = done[i];
        column_text(district, transfer->names.district);
        column_text(organisation, transfer->names.organisation);
        column_text(endpoint, transfer->names.endpoint);
        column_text(producer, transfer->producer);
        column_int(part, transfer->part);
        column_int(offset, transfer->offset);
        column_int(resent, transfer->resent);
        column_text(state, text_of(words_name(&words_outcome, (int)standings[i].outcome)));
        column_time(due, standings[i].due);
        column_int(tries, transfer->tries + 1);
        column_time(finished, standings[i].finished);
        column_text(error, text_of(words_name(&words_failure, (int)transfer->failure)));
    }
    records_send(courier->records, &notification_sql_courier_settle, params);
}

/* What the endpoint's answer teaches of the endpoint. */
static void send_state(struct courier *courier, const struct transfer *transfer)
{
    struct params *params = params_new(courier->arena);
    int64_t rest = slow_down_ms(&transfer->result);
    params_text(params, transfer->names.district);
    params_text(params, transfer->names.organisation);
    params_text(params, transfer->names.endpoint);
    params_time(params, transfer->failure == FAILURE_gone ? transfer->done_at : INSTANT_ABSENT);
    params_time(params, rest > 0 ? transfer->done_at + rest : INSTANT_ABSENT);
    params_flag(params, transfer->failure != FAILURE_none);
    params_time(params, transfer->done_at);
    params_int(params, transfer->result.status);
    params_text(params, text_of(words_name(&words_failure, (int)transfer->failure)));
    records_send(courier->records, &notification_sql_courier_state, params);
}

static void tell(const struct transfer *transfer, const struct standing *standing)
{
    bool failed = transfer->failure != FAILURE_none, dead = standing->outcome == OUTCOME_dead;
    metric_add(METRIC_webhooks_delivered_total, !failed);
    metric_add(METRIC_webhooks_failed_total, failed);
    metric_add(METRIC_webhooks_retried_total, transfer->tries > 0);
    metric_add(METRIC_webhooks_dead_total, dead);
    char key[SUBJECT_MAX];
    snprintf(key, sizeof key, "order/%lld", (long long)transfer->order);
    log_line(failed ? LEVEL_WARN : LEVEL_INFO,
             dead     ? "a webhook became a dead letter"
             : failed ? "a webhook failed and will be tried again"
                      : "a webhook was delivered",
             {"key", log_string(key)}, {"district", log_text(transfer->names.district)},
             {"organisation", log_text(transfer->names.organisation)},
             {"endpoint", log_text(transfer->names.endpoint)}, {"event", log_text(transfer->event)},
             {"try", log_int(transfer->tries + 1)}, {"status", log_int(transfer->result.status)},
             {"error", log_string(words_name(&words_failure, (int)transfer->failure))},
             {"ms", log_int(transfer->ms)});
}

/* Records what is done; while the records are in trouble it stays done, and in its place. */
static void settle(struct courier *courier)
{
    struct transfer *done[SETTLE_MAX];
    struct standing standings[SETTLE_MAX];
    size_t count = 0;
    for (struct transfer *t = courier->done; t != NULL && count < SETTLE_MAX; t = t->next) {
        standings[count] = standing_of(t);
        done[count++] = t;
    }
    records_begin(courier->records);
    send_attempts(courier, done, count);
    send_standings(courier, done, standings, count);
    for (size_t i = 0; i < count; i++)
        send_state(courier, done[i]);
    if (!run(courier))
        return;
    records_clear(courier->records);
    courier->done = done[count - 1]->next;
    for (size_t i = 0; i < count; i++) {
        tell(done[i], &standings[i]);
        transfer_destroy(&done[i]);
    }
    courier->looks_again = true;
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static void prune(struct courier *courier)
{
    struct params *params = params_new(courier->arena);
    params_time(params, clock_now_ms() - courier->config->webhook_keep_days * DAY_MS);
    params_int(params, PRUNE_ROWS);
    records_begin(courier->records);
    const struct rows *gone =
        records_send(courier->records, &notification_sql_courier_prune, params);
    courier->prune_due_ms = clock_monotonic_ms() + PRUNE_MS;
    if (!run(courier))
        return;
    if (rows_int(gone, 0, 0) == PRUNE_ROWS)
        courier->prune_due_ms = clock_monotonic_ms() + PRUNE_SOON_MS;
    records_clear(courier->records);
}

static void collect(struct courier *courier)
{
    int running, left;
    curl_multi_perform(courier->multi, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(courier->multi, &left)) != NULL;) {
        struct transfer *transfer = NULL;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        curl_multi_remove_handle(courier->multi, easy);
        on_done(courier, transfer, code);
    }
}

static void work(struct courier *courier)
{
    arena_reset(courier->arena);
    if (atomic_exchange(&courier->woken, false))
        courier->looks_again = true;
    collect(courier);
    if (clock_monotonic_ms() < courier->rest_until_ms)
        return;
    bool looks = look_is_due(courier);
    bool prunes = atomic_load(&courier->epoch) > 0 && clock_monotonic_ms() >= courier->prune_due_ms;
    if (courier->done == NULL && !looks && !prunes)
        return;
    if (!records_is_connected(courier->records) &&
        records_connect(courier->records) != RECORDS_OK) {
        trouble(courier);
        return;
    }
    if (courier->done != NULL)
        settle(courier);
    if (looks && records_is_connected(courier->records))
        look(courier);
    if (prunes && records_is_connected(courier->records))
        prune(courier);
}

static void *courier_run(void *argument)
{
    struct courier *courier = argument;
    while (!atomic_load(&courier->stopping)) {
        work(courier);
        bool at_once = courier->looks_again && clock_monotonic_ms() >= courier->rest_until_ms &&
                       atomic_load(&courier->epoch) > 0;
        curl_multi_poll(courier->multi, NULL, 0, at_once ? 0 : POLL_MS, NULL);
    }
    /* What is under way may have arrived: it is sent again under the same id when it is not known
     * to have. */
    collect(courier);
    if (courier->done != NULL && records_is_connected(courier->records))
        settle(courier);
    records_drop(courier->records);
    return NULL;
}

bool courier_start(struct courier *courier)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    courier->started = pthread_create(&courier->thread, NULL, courier_run, courier) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return courier->started;
}

static void list_destroy(struct transfer **list, CURLM *multi)
{
    while (*list != NULL) {
        struct transfer *transfer = *list;
        *list = transfer->next;
        if (multi != NULL)
            curl_multi_remove_handle(multi, transfer->easy);
        transfer_destroy(&transfer);
    }
}

void courier_destroy(struct courier **courier)
{
    struct courier *c = *courier;
    if (c == NULL)
        return;
    atomic_store(&c->stopping, true);
    curl_multi_wakeup(c->multi);
    if (c->started)
        pthread_join(c->thread, NULL);
    list_destroy(&c->under_way, c->multi);
    list_destroy(&c->done, NULL);
    curl_multi_cleanup(c->multi);
    records_destroy(&c->records);
    arena_destroy(&c->arena);
    free(c);
    *courier = NULL;
}
