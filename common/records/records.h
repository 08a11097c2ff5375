/* One connection to PostgreSQL: prepared statements in a pipeline, binary parameters and results.
 * Blocking; one thread at a time. Nothing here waits for a lost server: the caller decides when to
 * try again.
 *
 *   rows = records_send(r, &statement, params);   queued; nothing is sent yet
 *   …
 *   switch (records_run(r)) …                     one round trip for all; then rows are readable
 *   records_clear(r);                             rows of the finished runs are forgotten
 */
#ifndef ZTC_RECORDS_RECORDS_H
#define ZTC_RECORDS_RECORDS_H

#include "base/arena.h"
#include "base/uuid.h"
#include "records/statement.h"

struct records;
struct rows;
struct params;
struct column;

enum records_outcome {
    RECORDS_OK,
    RECORDS_LOST,    /* no connection, or it broke: what was committed is unknown; reconnect */
    RECORDS_REPEAT,  /* SQLSTATE class 40, 55P03, 57014: the same again may succeed */
    RECORDS_CULPRIT, /* class 21, 22, 23 or 54: some row is at fault; halve the batch */
    RECORDS_FAULT    /* anything else (disk full, missing table, …): retry later, log once */
};

struct records_options {
    const char *conninfo;
    const char *application;  /* application_name, "dispatch-1 writer" */
    const char *search_path;  /* own schema; NULL: leave */
    int connect_timeout_s;    /* 0: 5 */
    int idle_transaction_ms;  /* idle_in_transaction_session_timeout; 0: none */
    int statement_timeout_ms; /* 0: none */
    bool by_index;            /* rows are looked up one by one, by index, however few there were
                               * when a statement was planned (batch writers) */
    bool read_only;
};

/* Copies the options; does not connect. */
struct records *records_new(const struct records_options *options);
void records_destroy(struct records **records);

/* Connects when not connected. Sets the session up; synchronous_commit is on whatever the server
 * says. */
enum records_outcome records_connect(struct records *records);
bool records_is_connected(const struct records *records);
/* Drops the connection: what was not committed is gone. */
void records_drop(struct records *records);

/* Queues a statement, preparing it on its first use on this connection. It is known by its address
 * and must not change. `params` may be NULL; it must stay until the run. The rows are owned by the
 * connection, until records_clear. */
const struct rows *records_send(struct records *records, const struct statement *statement,
                                const struct params *params);
/* How many statements were queued since the last run. */
size_t records_queued(const struct records *records);
/* Statements that are not in a file: "BEGIN", "COMMIT", "ROLLBACK" only. A COMMIT that the server
 * turned into a rollback, the transaction having failed before, is RECORDS_FAULT. */
void records_begin(struct records *records);
void records_commit(struct records *records);
/* A COMMIT that does not wait for the disk: when the server crashes within a second or so, what was
 * written is gone as a whole. Only for what follows from what is on disk and will be written again
 * (docs/decisions/0019-derived-batches-do-not-wait.md). */
void records_commit_unhurried(struct records *records);
/* Forgets what is queued; runs ROLLBACK at once (its own round trip) when a transaction is open. */
enum records_outcome records_rollback(struct records *records);
/* Sends all and reads all answers. On an error the rest of the run was skipped by the server; the
 * transaction is aborted and must be rolled back. */
enum records_outcome records_run(struct records *records);
void records_clear(struct records *records);

/* Of the last run that was not RECORDS_OK. Empty strings otherwise. Messages hold no row contents
 * (no DETAIL). */
const char *records_sqlstate(const struct records *records);
const char *records_message(const struct records *records);
const char *records_constraint(const struct records *records);

/* Rows. Columns by number from 0; the type asked for must be the column's (checked by assertion).
 */
size_t rows_count(const struct rows *rows);
bool rows_null(const struct rows *rows, size_t row, int column);
/* int2, int4, int8; bool. Not of a NULL (checked by assertion). */
int64_t rows_int(const struct rows *rows, size_t row, int column);
bool rows_flag(const struct rows *rows, size_t row, int column);
/* timestamptz in milliseconds; NULL -> INSTANT_ABSENT. */
int64_t rows_time(const struct rows *rows, size_t row, int column);
/* text, varchar, name, json and jsonb as text; NULL -> empty. Until records_clear. */
struct text rows_text(const struct rows *rows, size_t row, int column);
/* bytea, uuid; NULL -> empty. Until records_clear. */
struct bytes rows_bytes(const struct rows *rows, size_t row, int column);
/* One-dimensional text[]; NULL -> 0 items. The list is the arena's, its texts until records_clear.
 */
size_t rows_texts(const struct rows *rows, size_t row, int column, struct arena *arena,
                  const struct text **items);

/* Parameters, in order $1, $2 … All copies live in the arena. */
struct params *params_new(struct arena *arena);
void params_int(struct params *params, int64_t value); /* bigint */
void params_flag(struct params *params, bool value);
void params_text(struct params *params, struct text value);
void params_time(struct params *params, int64_t ms); /* timestamptz; INSTANT_ABSENT -> NULL */
void params_bytes(struct params *params, struct bytes value);
void params_uuid(struct params *params, const struct uuid *value);
void params_texts(struct params *params, const struct text *items, size_t count); /* one text[] */
void params_null(struct params *params);

/* An array parameter that grows by one element a row, for unnest. */
enum column_type {
    COLUMN_INT8,
    COLUMN_INT4,
    COLUMN_BOOL,
    COLUMN_TEXT,
    COLUMN_BYTEA,
    COLUMN_TIMESTAMPTZ,
    COLUMN_UUID
};
struct column *params_column(struct params *params, enum column_type type);
void column_int(struct column *column, int64_t value); /* INT8 and INT4 */
void column_flag(struct column *column, bool value);
void column_text(struct column *column, struct text value);
void column_time(struct column *column, int64_t ms); /* INSTANT_ABSENT -> NULL */
void column_bytes(struct column *column, struct bytes value);
void column_uuid(struct column *column, const struct uuid *value);
void column_null(struct column *column);
/* A text[] inside an unnest row cannot be nested: joined as one text with U+001F between (inside an
 * item it becomes a space); split by string_to_array in SQL. */
void column_texts(struct column *column, const struct text *items, size_t count);

#endif
