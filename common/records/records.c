/* The connection, its queue and its runs.
 *
 *   records_send ──▶ queue ──records_run──▶ one pipeline, one sync ──▶ finished ──▶ cleared
 *
 * A statement is prepared in the same pipeline as its first use. Its server-side name is new at
 * each attempt, so that a failed, skipped or outdated preparation never collides with the next one.
 */
#include "records/records.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/inside.h"
#include "records/wire.h"

#define CONNECT_TIMEOUT_DEFAULT_S 5
#define SEND_BUFFER_BYTES         (1 << 20)   /* buffered by libpq before we push it out */
#define STATEMENT_BYTES_MAX       (256 << 20) /* PostgreSQL's own limit is 1 GiB a message */
#define SILENCE_GRACE_MS          10000       /* past the statements' own time limits */
#define MESSAGE_MAX               512
#define CONSTRAINT_MAX            64
#define STATEMENT_NAME_MAX        16

struct prepared {
    const struct statement *statement;
    unsigned serial;
    bool ready; /* or asked for in the run that is being sent */
    int count;
    Oid types[PARAMS_MAX];
};

struct item {
    struct rows rows;
    const struct statement *statement;
    const struct params *params;
    size_t prepared; /* index */
    unsigned serial; /* of the preparation sent with it; 0: it was ready */
    struct item *next;
};

struct records {
    char *conninfo;
    char *application;
    char *search_path;
    struct records_options options;

    PGconn *conn; /* NULL: not connected */
    unsigned serial;
    struct prepared *prepared;
    size_t prepared_count;
    size_t prepared_capacity;

    struct arena *arena; /* the items */
    struct item *queue;
    struct item **queue_end;
    struct item *finished;

    bool explained; /* the failure that is being handled has its message */
    char sqlstate[6];
    char message[MESSAGE_MAX];
    char constraint[CONSTRAINT_MAX];
};

static const struct statement statement_begin = {"begin", "BEGIN"};
static const struct statement statement_commit = {"commit", "COMMIT"};
static const struct statement statement_unhurried = {"unhurried",
                                                     "SET LOCAL synchronous_commit = off"};
static const struct statement statement_rollback = {"rollback", "ROLLBACK"};
static const struct params no_params;

static char *copy_string(const char *string)
{
    if (string == NULL)
        return NULL;
    char *copy = strdup(string);
    if (copy == NULL)
        abort();
    return copy;
}

struct records *records_new(const struct records_options *options)
{
    struct records *records = calloc(1, sizeof *records);
    if (records == NULL)
        abort();
    records->conninfo = copy_string(options->conninfo);
    records->application = copy_string(options->application);
    records->search_path = copy_string(options->search_path);
    records->options = *options;
    records->arena = arena_new();
    records->queue_end = &records->queue;
    return records;
}

void records_destroy(struct records **records)
{
    struct records *r = *records;
    if (r == NULL)
        return;
    records_drop(r);
    records_clear(r);
    arena_destroy(&r->arena);
    free(r->prepared);
    free(r->conninfo);
    free(r->application);
    free(r->search_path);
    free(r);
    *records = NULL;
}

bool records_is_connected(const struct records *records)
{
    return records->conn != NULL;
}

/* Messages, without what may come from a row. */

static void records_say(struct records *r, const char *sqlstate, const char *about,
                        const char *message)
{
    snprintf(r->sqlstate, sizeof r->sqlstate, "%s", sqlstate);
    snprintf(r->message, sizeof r->message, "%s: %s", about, message);
    r->constraint[0] = '\0';
    r->explained = true;
    size_t length = strlen(r->message);
    while (length > 0 && (r->message[length - 1] == '\n' || r->message[length - 1] == ' '))
        r->message[--length] = '\0';
    for (size_t i = 0; i < length; i++) {
        if (r->message[i] == '\n' || r->message[i] == '\t')
            r->message[i] = ' ';
    }
}

static enum records_outcome classify(const char *sqlstate)
{
    if (strlen(sqlstate) != 5 || strncmp(sqlstate, "08", 2) == 0)
        return RECORDS_LOST; /* libpq's own errors have no state: it lost the connection */
    if (strncmp(sqlstate, "40", 2) == 0 || strcmp(sqlstate, "55P03") == 0 ||
        strcmp(sqlstate, "57014") == 0)
        return RECORDS_REPEAT;
    /* 54: what a row holds is beyond a limit of the server's, such as the size of an index entry.
     * 21: two rows of a batch are one. */
    static const char *const by_row[] = {"21", "22", "23", "54"};
    for (size_t i = 0; i < sizeof by_row / sizeof *by_row; i++)
        if (strncmp(sqlstate, by_row[i], 2) == 0)
            return RECORDS_CULPRIT;
    return RECORDS_FAULT;
}

static const char *field(const PGresult *result, int code)
{
    const char *value = PQresultErrorField(result, code);
    return value == NULL ? "" : value;
}

static enum records_outcome records_explain(struct records *r, const PGresult *result,
                                            const char *about)
{
    const char *sqlstate = field(result, PG_DIAG_SQLSTATE);
    char message[MESSAGE_MAX];
    const char *primary = field(result, PG_DIAG_MESSAGE_PRIMARY);
    if (primary[0] == '\0')
        primary = PQresultErrorMessage(result);
    snprintf(message, sizeof message, "%s", primary);
    /* Data exceptions quote the value: invalid input syntax for type integer: "…". */
    if (strncmp(sqlstate, "22", 2) == 0)
        message[strcspn(message, "\":")] = '\0';
    records_say(r, sqlstate, about, message[0] == '\0' ? "data exception" : message);
    snprintf(r->constraint, sizeof r->constraint, "%s", field(result, PG_DIAG_CONSTRAINT_NAME));
    const char *severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)
        return RECORDS_LOST; /* the server closes the connection after it */
    return classify(sqlstate);
}

/* Connecting. */

static void setting_add(struct column *names, struct column *values, const char *name,
                        const char *value)
{
    column_text(names, text_of(name));
    column_text(values, text_of(value));
}

static void setting_add_ms(struct column *names, struct column *values, const char *name, int ms)
{
    char value[16];
    snprintf(value, sizeof value, "%d", ms);
    setting_add(names, values, name, value);
}

static struct params *session_params(const struct records *r, struct arena *arena)
{
    struct params *params = params_new(arena);
    struct column *names = params_column(params, COLUMN_TEXT);
    struct column *values = params_column(params, COLUMN_TEXT);
    const struct records_options *o = &r->options;
    /* "on" is what an acknowledgement promises; no server default may weaken it. */
    setting_add(names, values, "synchronous_commit", "on");
    setting_add(names, values, "timezone", "UTC");
    setting_add(names, values, "jit", "off");
    setting_add(names, values, "default_transaction_read_only", o->read_only ? "on" : "off");
    setting_add_ms(names, values, "statement_timeout", o->statement_timeout_ms);
    setting_add_ms(names, values, "idle_in_transaction_session_timeout", o->idle_transaction_ms);
    if (r->search_path != NULL)
        setting_add(names, values, "search_path", r->search_path);
    if (o->by_index) {
        setting_add(names, values, "enable_hashjoin", "off");
        setting_add(names, values, "enable_mergejoin", "off");
        setting_add(names, values, "enable_seqscan", "off");
    }
    return params;
}

/* One round trip for all settings. */
static bool session_send(struct records *r)
{
    static const char text[] = "SELECT pg_catalog.set_config(s.name, s.value, false)"
                               " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
                               " AS s(name, value)";
    struct arena *arena = arena_new();
    const struct params *params = session_params(r, arena);
    const char *values[2];
    int lengths[2];
    const int formats[2] = {1, 1};
    for (int i = 0; i < 2; i++) {
        struct bytes value = params_bind(params, i);
        values[i] = (const char *)value.at;
        lengths[i] = (int)value.length;
    }
    bool sent =
        PQsendQueryParams(r->conn, text, 2, params->types, values, lengths, formats, 1) == 1;
    arena_destroy(&arena);
    return sent;
}

static enum records_outcome session_set_up(struct records *r, int64_t deadline_ms)
{
    if (!session_send(r))
        return RECORDS_LOST;
    enum records_outcome outcome = RECORDS_OK;
    for (;;) {
        int64_t left = deadline_ms - wire_now_ms();
        PGresult *result;
        if (left <= 0 || !wire_flush(r->conn, left) || !wire_result(r->conn, left, &result))
            return RECORDS_LOST;
        if (result == NULL)
            return outcome;
        if (PQresultStatus(result) != PGRES_TUPLES_OK && outcome == RECORDS_OK)
            outcome = records_explain(r, result, "session");
        PQclear(result);
    }
}

enum records_outcome records_connect(struct records *r)
{
    if (r->conn != NULL)
        return RECORDS_OK;
    int timeout_s = r->options.connect_timeout_s;
    int64_t deadline_ms =
        wire_now_ms() + 1000LL * (timeout_s > 0 ? timeout_s : CONNECT_TIMEOUT_DEFAULT_S);
    r->explained = false;
    r->conn = wire_open(r->conninfo, r->application, deadline_ms);
    enum records_outcome outcome = RECORDS_LOST;
    if (r->conn != NULL && PQstatus(r->conn) == CONNECTION_OK)
        outcome = session_set_up(r, deadline_ms);
    if (outcome == RECORDS_OK && PQenterPipelineMode(r->conn) == 1)
        return RECORDS_OK;
    if (!r->explained) {
        const char *why = r->conn == NULL ? "out of memory" : PQerrorMessage(r->conn);
        if (wire_now_ms() >= deadline_ms)
            why = "the server did not answer in time";
        records_say(r, "08001", "connect", why);
    }
    records_drop(r);
    return outcome == RECORDS_OK ? RECORDS_LOST : outcome;
}

/* The queue. */

const struct rows *records_send(struct records *r, const struct statement *statement,
                                const struct params *params)
{
    struct item *item = arena_alloc(r->arena, sizeof *item);
    item->statement = statement;
    item->params = params == NULL ? &no_params : params;
    *r->queue_end = item;
    r->queue_end = &item->next;
    return &item->rows;
}

size_t records_queued(const struct records *r)
{
    size_t count = 0;
    for (const struct item *item = r->queue; item != NULL; item = item->next)
        count++;
    return count;
}

void records_begin(struct records *r)
{
    records_send(r, &statement_begin, NULL);
}

void records_commit(struct records *r)
{
    records_send(r, &statement_commit, NULL);
}

void records_commit_unhurried(struct records *r)
{
    records_send(r, &statement_unhurried, NULL);
    records_commit(r);
}

/* The whole queue is over; its rows stay until records_clear, those of a failed run being empty. */
static void queue_finish(struct records *r, bool keep_rows)
{
    while (r->queue != NULL) {
        struct item *item = r->queue;
        r->queue = item->next;
        if (!keep_rows) {
            PQclear(item->rows.result);
            item->rows.result = NULL;
        }
        item->next = r->finished;
        r->finished = item;
    }
    r->queue_end = &r->queue;
}

void records_clear(struct records *r)
{
    for (struct item *item = r->finished; item != NULL; item = item->next) {
        PQclear(item->rows.result);
        item->rows.result = NULL;
    }
    r->finished = NULL;
    if (r->queue == NULL)
        arena_reset(r->arena);
}

void records_drop(struct records *r)
{
    if (r->conn != NULL)
        PQfinish(r->conn);
    r->conn = NULL;
    r->prepared_count = 0;
    queue_finish(r, false);
}

/* Preparing. */

static size_t prepared_find(struct records *r, const struct statement *statement)
{
    for (size_t i = 0; i < r->prepared_count; i++) {
        if (r->prepared[i].statement == statement)
            return i;
    }
    if (r->prepared_count == r->prepared_capacity) {
        size_t capacity = r->prepared_capacity == 0 ? 32 : r->prepared_capacity * 2;
        struct prepared *list = realloc(r->prepared, capacity * sizeof *list);
        if (list == NULL)
            abort();
        r->prepared = list;
        r->prepared_capacity = capacity;
    }
    r->prepared[r->prepared_count] = (struct prepared){.statement = statement};
    return r->prepared_count++;
}

/* A NULL has no type of its own: the server guesses one, which the first real value may contradict.
 * Then the statement is prepared once more, with the types known so far. */
static void prepared_take_types(struct prepared *prepared, const struct params *params)
{
    assert(prepared->count == 0 || prepared->count == params->count);
    prepared->count = params->count;
    for (int i = 0; i < params->count; i++) {
        Oid type = params->types[i];
        if (type == 0 || type == prepared->types[i])
            continue;
        assert(prepared->types[i] == 0);
        prepared->types[i] = type;
        prepared->ready = false;
    }
}

static const char *prepared_name(unsigned serial, char name[STATEMENT_NAME_MAX])
{
    snprintf(name, STATEMENT_NAME_MAX, "s%u", serial);
    return name;
}

static bool item_send(struct records *r, struct item *item)
{
    const struct params *params = item->params;
    char name[STATEMENT_NAME_MAX];
    item->prepared = prepared_find(r, item->statement);
    struct prepared *prepared = &r->prepared[item->prepared];
    prepared_take_types(prepared, params);
    if (!prepared->ready) {
        prepared->serial = item->serial = ++r->serial;
        prepared->ready = true;
        if (PQsendPrepare(r->conn, prepared_name(prepared->serial, name), item->statement->text,
                          prepared->count, prepared->types) == 0)
            return false;
    }
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    int formats[PARAMS_MAX];
    for (int i = 0; i < params->count; i++) {
        struct bytes value = params_bind(params, i);
        values[i] = (const char *)value.at;
        lengths[i] = (int)value.length;
        formats[i] = 1;
    }
    return PQsendQueryPrepared(r->conn, prepared_name(prepared->serial, name), params->count,
                               values, lengths, formats, 1) == 1;
}

static size_t item_bytes(const struct item *item)
{
    size_t bytes = strlen(item->statement->text);
    for (int i = 0; i < item->params->count; i++)
        bytes += params_bind(item->params, i).length;
    return bytes;
}

static void item_forget(struct records *r, const struct item *item)
{
    struct prepared *prepared = &r->prepared[item->prepared];
    if (item->serial == 0 || item->serial == prepared->serial)
        prepared->ready = false;
}

/* Running. */

static bool run_send(struct records *r, int64_t silence_ms)
{
    size_t buffered = 0;
    for (struct item *item = r->queue; item != NULL; item = item->next) {
        if (!item_send(r, item))
            return false;
        buffered += item_bytes(item);
        if (buffered >= SEND_BUFFER_BYTES) {
            if (!wire_flush(r->conn, silence_ms))
                return false;
            buffered = 0;
        }
    }
    return PQpipelineSync(r->conn) == 1 && wire_flush(r->conn, silence_ms);
}

/* The one result of one command and the NULL after it. NULL: lost. */
static PGresult *run_result(struct records *r, int64_t silence_ms)
{
    PGresult *result;
    PGresult *end;
    if (!wire_result(r->conn, silence_ms, &result) || result == NULL)
        return NULL;
    const char *severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)
        return result; /* nothing comes after it */
    if (wire_result(r->conn, silence_ms, &end) && end == NULL)
        return result;
    PQclear(end);
    PQclear(result);
    return NULL;
}

/* The first error is the run's; what comes after it was skipped because of it. */
static enum records_outcome run_judge(struct records *r, const struct item *item, PGresult *result,
                                      enum records_outcome outcome)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_ABORTED)
        return outcome == RECORDS_OK ? RECORDS_LOST : outcome;
    /* Of a failed transaction COMMIT makes a rollback, and calls it a success. */
    if (status == PGRES_COMMAND_OK && item->statement == &statement_commit &&
        strcmp(PQcmdStatus(result), "ROLLBACK") == 0) {
        records_say(r, "25P02", "commit", "the transaction had failed and was rolled back");
        return RECORDS_FAULT;
    }
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return outcome;
    if (status != PGRES_FATAL_ERROR)
        return RECORDS_LOST; /* COPY and the like, which no statement here uses */
    return records_explain(r, result, item->statement->name);
}

static enum records_outcome item_read(struct records *r, struct item *item,
                                      enum records_outcome outcome, int64_t silence_ms)
{
    enum records_outcome judged = outcome;
    if (item->serial != 0) {
        PGresult *result = run_result(r, silence_ms);
        if (result == NULL)
            return RECORDS_LOST;
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            item_forget(r, item);
        judged = run_judge(r, item, result, judged);
        PQclear(result);
        if (judged == RECORDS_LOST)
            return RECORDS_LOST;
    }
    item->rows.result = run_result(r, silence_ms);
    if (item->rows.result == NULL)
        return RECORDS_LOST;
    bool first = judged == RECORDS_OK;
    judged = run_judge(r, item, item->rows.result, judged);
    /* Its tables changed, or someone deallocated it: it is prepared again at its next use. */
    if (first && judged == RECORDS_FAULT &&
        (strcmp(r->sqlstate, "0A000") == 0 || strcmp(r->sqlstate, "26000") == 0))
        item_forget(r, item);
    return judged;
}

static enum records_outcome run_read(struct records *r, int64_t silence_ms)
{
    enum records_outcome outcome = RECORDS_OK;
    for (struct item *item = r->queue; item != NULL; item = item->next) {
        outcome = item_read(r, item, outcome, silence_ms);
        if (outcome == RECORDS_LOST)
            return RECORDS_LOST;
    }
    PGresult *sync;
    if (!wire_result(r->conn, silence_ms, &sync))
        return RECORDS_LOST;
    bool synced = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return synced ? outcome : RECORDS_LOST;
}

/* A server that keeps its connection but answers nothing for longer than it may is lost as well. */
static int64_t run_silence_ms(const struct records *r)
{
    if (r->options.statement_timeout_ms <= 0)
        return WIRE_FOREVER;
    int64_t silence_ms = SILENCE_GRACE_MS;
    for (const struct item *item = r->queue; item != NULL; item = item->next)
        silence_ms += r->options.statement_timeout_ms;
    return silence_ms;
}

static enum records_outcome records_lose(struct records *r)
{
    if (!r->explained) {
        const char *why = r->conn == NULL ? "not connected" : PQerrorMessage(r->conn);
        records_say(r, "08006", "run", why[0] == '\0' ? "the server does not answer" : why);
    }
    records_drop(r);
    return RECORDS_LOST;
}

enum records_outcome records_run(struct records *r)
{
    if (r->queue == NULL)
        return r->conn == NULL ? RECORDS_LOST : RECORDS_OK;
    r->explained = false;
    if (r->conn == NULL)
        return records_lose(r);
    for (const struct item *item = r->queue; item != NULL; item = item->next) {
        if (item_bytes(item) > STATEMENT_BYTES_MAX) {
            /* Nothing was sent. A smaller batch may pass, so it is the batch that is at fault. */
            records_say(r, "54000", item->statement->name, "the parameters are too long");
            queue_finish(r, false);
            return RECORDS_CULPRIT;
        }
    }
    int64_t silence_ms = run_silence_ms(r);
    enum records_outcome outcome = RECORDS_LOST;
    if (run_send(r, silence_ms))
        outcome = run_read(r, silence_ms);
    if (outcome == RECORDS_LOST)
        return records_lose(r);
    queue_finish(r, outcome == RECORDS_OK);
    return outcome;
}

enum records_outcome records_rollback(struct records *r)
{
    queue_finish(r, false);
    if (r->conn == NULL)
        return RECORDS_LOST;
    if (PQtransactionStatus(r->conn) == PQTRANS_IDLE)
        return RECORDS_OK;
    records_send(r, &statement_rollback, NULL);
    enum records_outcome outcome = records_run(r);
    if (outcome != RECORDS_OK)
        records_drop(r);
    return outcome == RECORDS_OK ? RECORDS_OK : RECORDS_LOST;
}

const char *records_sqlstate(const struct records *records)
{
    return records->sqlstate;
}

const char *records_message(const struct records *records)
{
    return records->message;
}

const char *records_constraint(const struct records *records)
{
    return records->constraint;
}
