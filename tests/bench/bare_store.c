/* What PostgreSQL alone does on this machine, with the rows that orders and their events are at the
 * least: the measure of `make bench`. Two connections, batches of 128 by unnest, as the services'
 * writers send them.
 *
 *   bare_store insert CONNINFO SECONDS   orders with their first events          -> rows/s
 *   bare_store lives  CONNINFO SECONDS   six durable transitions of each order   -> lives/s
 *   bare_store commit CONNINFO SECONDS   one row a commit, one connection        -> p50, p99 in us
 *
 * The tables are made anew in the schema `bare` of the database named. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "records/records.h"

#define BATCH       128
#define CONNECTIONS 2
#define STEPS       6
#define BODY_BYTES  200
#define SAMPLES_MAX 4000000

static const struct statement sql_make = {
    "make",
    "CREATE SCHEMA bare "
    "CREATE TABLE orders (district text, id bigint, place text, state text, version bigint, wish "
    "bytea, "
    "PRIMARY KEY (district, id)) WITH (fillfactor = 50) "
    "CREATE TABLE event (part integer, \"offset\" bigint, id uuid, type text, version bigint, "
    "district text, key text, \"time\" timestamptz, recorded timestamptz, traceparent text, body "
    "bytea, "
    "PRIMARY KEY (part, \"offset\"))"};
static const struct statement sql_drop = {"drop", "DROP SCHEMA IF EXISTS bare CASCADE"};
static const struct statement sql_order = {
    "order",
    "INSERT INTO orders SELECT q.* FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], "
    "$5::bigint[], $6::bytea[]) AS q"};
static const struct statement sql_lock = {
    "lock",
    "SELECT o.version FROM orders o JOIN unnest($1::text[], $2::bigint[]) AS q(district, id) "
    "ON o.district = q.district AND o.id = q.id ORDER BY o.id FOR UPDATE OF o"};
static const struct statement sql_move = {
    "move", "UPDATE orders o SET state = q.state, version = q.version "
            "FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[]) AS q(district, id, "
            "state, version) "
            "WHERE o.district = q.district AND o.id = q.id"};
static const struct statement sql_event = {
    "event",
    "INSERT INTO event SELECT $1::bigint, q.* FROM unnest($2::bigint[], $3::uuid[], $4::text[], "
    "$5::bigint[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::text[], "
    "$11::bytea[]) AS q"};

struct writer {
    pthread_t thread;
    const char *conninfo;
    int number;
    double seconds;
    bool whole_lives, one_by_one;
    int64_t done; /* orders, or lives */
    int64_t offset;
    uint32_t *samples;
    size_t sample_count;
};

static _Noreturn void fail(struct records *records, const char *where)
{
    fprintf(stderr, "bare_store: %s: %s\n", where, records_message(records));
    exit(1);
}

static const char body_bytes[BODY_BYTES];

static void send_events(struct records *records, struct writer *w, struct arena *arena,
                        int64_t first, size_t count, int64_t version)
{
    struct params *params = params_new(arena);
    params_int(params, w->number);
    struct column *offset = params_column(params, COLUMN_INT8),
                  *id = params_column(params, COLUMN_UUID),
                  *type = params_column(params, COLUMN_TEXT),
                  *ver = params_column(params, COLUMN_INT8),
                  *district = params_column(params, COLUMN_TEXT),
                  *key = params_column(params, COLUMN_TEXT),
                  *at = params_column(params, COLUMN_TIMESTAMPTZ),
                  *recorded = params_column(params, COLUMN_TIMESTAMPTZ),
                  *trace = params_column(params, COLUMN_TEXT),
                  *body = params_column(params, COLUMN_BYTEA);
    for (size_t i = 0; i < count; i++) {
        struct uuid uuid = {{0}};
        w->offset++;
        memcpy(uuid.at, &w->offset, sizeof w->offset);
        column_int(offset, w->offset);
        column_uuid(id, &uuid);
        column_text(type, text_of("order_submitted"));
        column_int(ver, version);
        column_text(district, text_of("330212"));
        column_text(key, arena_format(arena, "order/%lld", (long long)(first + (int64_t)i)));
        column_time(at, 1772000000000);
        column_time(recorded, 1772000000000);
        column_text(trace, text_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        column_bytes(body, (struct bytes){(const uint8_t *)body_bytes, BODY_BYTES});
    }
    records_send(records, &sql_event, params);
}

static void send_orders(struct records *records, struct arena *arena, int64_t first, size_t count)
{
    struct params *params = params_new(arena);
    struct column *district = params_column(params, COLUMN_TEXT),
                  *id = params_column(params, COLUMN_INT8),
                  *place = params_column(params, COLUMN_TEXT),
                  *state = params_column(params, COLUMN_TEXT),
                  *version = params_column(params, COLUMN_INT8),
                  *wish = params_column(params, COLUMN_BYTEA);
    for (size_t i = 0; i < count; i++) {
        column_text(district, text_of("330212"));
        column_int(id, first + (int64_t)i);
        column_text(place, text_of("330212106209"));
        column_text(state, text_of("submitted"));
        column_int(version, 1);
        column_bytes(wish, (struct bytes){(const uint8_t *)body_bytes, BODY_BYTES});
    }
    records_send(records, &sql_order, params);
}

static void send_moves(struct records *records, struct arena *arena, int64_t first, size_t count,
                       int64_t version)
{
    struct params *lock = params_new(arena), *move = params_new(arena);
    struct column *lock_district = params_column(lock, COLUMN_TEXT),
                  *lock_id = params_column(lock, COLUMN_INT8);
    struct column *district = params_column(move, COLUMN_TEXT),
                  *id = params_column(move, COLUMN_INT8), *state = params_column(move, COLUMN_TEXT),
                  *ver = params_column(move, COLUMN_INT8);
    for (size_t i = 0; i < count; i++) {
        column_text(lock_district, text_of("330212"));
        column_int(lock_id, first + (int64_t)i);
        column_text(district, text_of("330212"));
        column_int(id, first + (int64_t)i);
        column_text(state, text_of("in_service"));
        column_int(ver, version);
    }
    records_send(records, &sql_lock, lock);
    records_send(records, &sql_move, move);
}

static void *write_on(void *argument)
{
    struct writer *w = argument;
    struct records_options options = {
        .conninfo = w->conninfo, .application = "bare", .search_path = "bare", .by_index = true};
    struct records *records = records_new(&options);
    struct arena *arena = arena_new();
    size_t count = w->one_by_one ? 1 : BATCH;
    int64_t until = bench_now_us() + (int64_t)(w->seconds * 1e6), first = (int64_t)w->number << 40;
    if (records_connect(records) != RECORDS_OK)
        fail(records, "connect");
    while (bench_now_us() < until) {
        for (int step = 0; step < (w->whole_lives ? STEPS : 1); step++) {
            int64_t began = bench_now_us();
            records_begin(records);
            if (step == 0)
                send_orders(records, arena, first, count);
            else
                send_moves(records, arena, first, count, step + 1);
            send_events(records, w, arena, first, count, step + 1);
            records_commit(records);
            if (records_run(records) != RECORDS_OK)
                fail(records, "batch");
            records_clear(records);
            arena_reset(arena);
            if (w->one_by_one && w->sample_count < SAMPLES_MAX)
                w->samples[w->sample_count++] = (uint32_t)(bench_now_us() - began);
        }
        first += (int64_t)count;
        w->done += (int64_t)count;
    }
    arena_destroy(&arena);
    records_destroy(&records);
    return NULL;
}

static void make_tables(const char *conninfo)
{
    struct records_options options = {.conninfo = conninfo, .application = "bare"};
    struct records *records = records_new(&options);
    if (records_connect(records) != RECORDS_OK)
        fail(records, "connect");
    records_send(records, &sql_drop, NULL);
    if (records_run(records) != RECORDS_OK)
        fail(records, "drop");
    records_send(records, &sql_make, NULL);
    if (records_run(records) != RECORDS_OK)
        fail(records, "make");
    records_destroy(&records);
}

int main(int count, char **arguments)
{
    if (count != 4 || (strcmp(arguments[1], "insert") != 0 && strcmp(arguments[1], "lives") != 0 &&
                       strcmp(arguments[1], "commit") != 0)) {
        fprintf(stderr, "usage: bare_store insert|lives|commit CONNINFO SECONDS\n");
        return 2;
    }
    bool one_by_one = strcmp(arguments[1], "commit") == 0;
    int writers = one_by_one ? 1 : CONNECTIONS;
    struct writer all[CONNECTIONS] = {0};
    make_tables(arguments[2]);
    int64_t began = bench_now_us(), done = 0;
    for (int i = 0; i < writers; i++) {
        all[i] =
            (struct writer){.conninfo = arguments[2],
                            .number = i,
                            .seconds = strtod(arguments[3], NULL),
                            .whole_lives = strcmp(arguments[1], "lives") == 0,
                            .one_by_one = one_by_one,
                            .samples = one_by_one ? calloc(SAMPLES_MAX, sizeof(uint32_t)) : NULL};
        pthread_create(&all[i].thread, NULL, write_on, &all[i]);
    }
    for (int i = 0; i < writers; i++) {
        pthread_join(all[i].thread, NULL);
        done += all[i].done;
    }
    double seconds = (double)(bench_now_us() - began) / 1e6;
    printf("count %lld seconds %.3f rate %.1f", (long long)done, seconds, (double)done / seconds);
    if (one_by_one)
        printf(" p50_us %u p99_us %u", bench_quantile(all[0].samples, all[0].sample_count, 50),
               bench_quantile(all[0].samples, all[0].sample_count, 99));
    printf("\n");
    free(all[0].samples);
    return 0;
}
