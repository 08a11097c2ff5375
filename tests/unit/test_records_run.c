/* Pipelines, errors in the middle of them, what each error is called, and lost servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "records_server.h"

#define DATABASE "ztc_test_run"

static char dsn[SERVER_DSN_MAX];

static const struct statement one = {"one", "SELECT 1"};
static const struct statement insert = {"insert", "INSERT INTO item (id, note) VALUES ($1, $2)"};
static const struct statement count_items = {"count_items", "SELECT count(*) FROM item"};
static const struct statement pid = {"pid", "SELECT pg_backend_pid()"};

struct fixture {
    struct records *records;
    struct arena *arena;
};

static int fixture_new(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    server_do(dsn, "DROP TABLE IF EXISTS item;"
                   "CREATE TABLE item (id bigint PRIMARY KEY, note text CONSTRAINT item_note"
                   " CHECK (note <> 'secret'))");
    f->records = records_new(&(struct records_options){
        .conninfo = dsn, .application = "run", .search_path = "public", .by_index = true});
    f->arena = arena_new();
    assert_int_equal(records_connect(f->records), RECORDS_OK);
    *state = f;
    return 0;
}

static int fixture_destroy(void **state)
{
    struct fixture *f = *state;
    records_destroy(&f->records);
    arena_destroy(&f->arena);
    free(f);
    return 0;
}

static void insert_send(struct fixture *f, int64_t id, const char *note)
{
    struct params *params = params_new(f->arena);
    params_int(params, id);
    params_text(params, text_of(note));
    records_send(f->records, &insert, params);
}

static enum records_outcome once(struct records *records, const char *sql)
{
    /* A statement is known by its address and its text never changes. */
    static struct statement statements[64];
    static size_t used;
    assert_true(used < sizeof statements / sizeof *statements);
    struct statement *statement = &statements[used++];
    *statement = (struct statement){"once", sql};
    records_send(records, statement, NULL);
    return records_run(records);
}

static int64_t number(struct records *records, const struct statement *statement)
{
    const struct rows *rows = records_send(records, statement, NULL);
    assert_int_equal(records_run(records), RECORDS_OK);
    assert_int_equal(rows_count(rows), 1);
    return rows_int(rows, 0, 0);
}

static void run_well(struct records *records)
{
    if (records_run(records) != RECORDS_OK)
        fail_msg("%s %s", records_sqlstate(records), records_message(records));
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void the_session_is_as_promised(void **state)
{
    static const struct statement show = {
        "show", "SELECT current_setting('synchronous_commit'), current_setting('timezone'),"
                " current_setting('enable_hashjoin'), current_setting('search_path'),"
                " current_setting('application_name'), current_setting('statement_timeout'),"
                " current_setting('idle_in_transaction_session_timeout'),"
                " current_setting('jit'), current_setting('client_encoding')"};
    static const char *const expected[] = {"on", "UTC", "off", "public", "run",
                                           "7s", "9s",  "off", "UTF8"};
    struct fixture *f = *state;
    char name[64];
    assert_true(server_try(dsn, "SELECT current_database()", name));
    char text[256];
    snprintf(text, sizeof text, "ALTER DATABASE %s SET synchronous_commit = off", name);
    server_do(dsn, text);
    records_destroy(&f->records);
    f->records = records_new(&(struct records_options){.conninfo = dsn,
                                                       .application = "run",
                                                       .search_path = "public",
                                                       .by_index = true,
                                                       .statement_timeout_ms = 7000,
                                                       .idle_transaction_ms = 9000});
    assert_int_equal(records_connect(f->records), RECORDS_OK);
    const struct rows *rows = records_send(f->records, &show, NULL);
    run_well(f->records);
    for (int i = 0; i < 9; i++) {
        struct text value = rows_text(rows, 0, i);
        assert_int_equal(value.length, strlen(expected[i]));
        assert_memory_equal(value.at, expected[i], value.length);
    }
}

/* What is planned while a table is empty is the plan for when it is full. */
static void rows_are_looked_up_by_index_even_where_there_are_none(void **state)
{
    static const struct statement explain = {
        "explain", "EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY id DESC LIMIT 1"};
    struct fixture *f = *state;
    server_do(dsn, "VACUUM ANALYZE item");
    const struct rows *rows = records_send(f->records, &explain, NULL);
    run_well(f->records);
    struct text scan = rows_text(rows, 1, 0);
    assert_string_equal(arena_string(f->arena, scan),
                        "  ->  Index Only Scan Backward using item_pkey on item");
}

static void a_transaction_in_one_run(void **state)
{
    struct fixture *f = *state;
    records_begin(f->records);
    for (int64_t i = 0; i < 100; i++)
        insert_send(f, i, "note");
    const struct rows *rows = records_send(f->records, &count_items, NULL);
    records_commit(f->records);
    run_well(f->records);
    assert_int_equal(rows_int(rows, 0, 0), 100);
    records_clear(f->records);
    assert_int_equal(number(f->records, &count_items), 100);
}

/* For the one transaction only: the next one waits for the disk again. */
static void an_unhurried_commit_is_one_all_the_same(void **state)
{
    static const struct statement waits = {"waits",
                                           "SELECT current_setting('synchronous_commit') = 'on'"};
    struct fixture *f = *state;
    records_begin(f->records);
    insert_send(f, 1, "a");
    records_commit_unhurried(f->records);
    const struct rows *rows = records_send(f->records, &waits, NULL);
    run_well(f->records);
    assert_true(rows_flag(rows, 0, 0));
    records_clear(f->records);
    assert_int_equal(number(f->records, &count_items), 1);
    /* Where there is nothing to undo it is a success that cannot be taken back either. */
    assert_int_equal(records_rollback(f->records), RECORDS_OK);
    assert_int_equal(number(f->records, &count_items), 1);
}

static void nothing_to_run_is_fine(void **state)
{
    struct fixture *f = *state;
    run_well(f->records);
    assert_int_equal(records_rollback(f->records), RECORDS_OK);
}

static void an_error_in_the_middle_skips_the_rest(void **state)
{
    struct fixture *f = *state;
    records_begin(f->records);
    insert_send(f, 1, "a");
    insert_send(f, 1, "the same again");
    const struct rows *after = records_send(f->records, &count_items, NULL);
    records_commit(f->records);
    assert_int_equal(records_run(f->records), RECORDS_CULPRIT);
    assert_string_equal(records_sqlstate(f->records), "23505");
    assert_string_equal(records_constraint(f->records), "item_pkey");
    assert_int_equal(rows_count(after), 0);
    assert_int_equal(records_rollback(f->records), RECORDS_OK);
    /* What was skipped while being prepared is prepared now. */
    assert_int_equal(number(f->records, &count_items), 0);
    assert_string_equal(records_sqlstate(f->records), "23505");
    insert_send(f, 1, "b");
    run_well(f->records);
    assert_int_equal(number(f->records, &count_items), 1);
}

static void a_commit_of_a_failed_transaction_is_no_success(void **state)
{
    struct fixture *f = *state;
    records_begin(f->records);
    run_well(f->records);
    insert_send(f, 1, "secret");
    assert_int_equal(records_run(f->records), RECORDS_CULPRIT);
    records_commit(f->records);
    assert_int_equal(records_run(f->records), RECORDS_FAULT);
    assert_string_equal(records_sqlstate(f->records), "25P02");
    assert_int_equal(records_rollback(f->records), RECORDS_OK);
    assert_int_equal(number(f->records, &count_items), 0);
}

static void messages_hold_no_contents(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(once(f->records, "SELECT '73905741234'::date"), RECORDS_CULPRIT);
    assert_null(strstr(records_message(f->records), "73905741234"));
    assert_non_null(strstr(records_message(f->records), "once: "));
    insert_send(f, 73905741234, "a");
    insert_send(f, 73905741234, "a");
    assert_int_equal(records_run(f->records), RECORDS_CULPRIT);
    assert_null(strstr(records_message(f->records), "73905741234"));
    insert_send(f, 1, "secret");
    assert_int_equal(records_run(f->records), RECORDS_CULPRIT);
    assert_string_equal(records_constraint(f->records), "item_note");
    assert_null(strstr(records_message(f->records), "secret"));
}

static void each_error_has_its_outcome(void **state)
{
    static const struct {
        const char *sqlstate;
        enum records_outcome outcome;
    } cases[] = {
        {"22012", RECORDS_CULPRIT}, {"23514", RECORDS_CULPRIT}, {"40001", RECORDS_REPEAT},
        {"40P01", RECORDS_REPEAT},  {"55P03", RECORDS_REPEAT},  {"57014", RECORDS_REPEAT},
        {"42501", RECORDS_FAULT},   {"42P01", RECORDS_FAULT},   {"53100", RECORDS_FAULT},
        {"P0001", RECORDS_FAULT},
    };
    struct fixture *f = *state;
    char texts[sizeof cases / sizeof *cases][96];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(texts[i], sizeof texts[i], "DO $$ BEGIN RAISE EXCEPTION SQLSTATE '%s'; END $$",
                 cases[i].sqlstate);
        assert_int_equal(once(f->records, texts[i]), cases[i].outcome);
        assert_string_equal(records_sqlstate(f->records), cases[i].sqlstate);
        assert_int_equal(records_rollback(f->records), RECORDS_OK);
    }
    assert_int_equal(number(f->records, &one), 1);
}

static void a_failed_preparation_is_tried_again(void **state)
{
    static const struct statement later = {"later", "SELECT count(*) FROM later"};
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        records_send(f->records, &later, NULL);
        assert_int_equal(records_run(f->records), RECORDS_FAULT);
        assert_string_equal(records_sqlstate(f->records), "42P01");
    }
    server_do(dsn, "CREATE TABLE later (id bigint)");
    assert_int_equal(number(f->records, &later), 0);
    server_do(dsn, "DROP TABLE later");
    records_send(f->records, &later, NULL);
    assert_int_equal(records_run(f->records), RECORDS_FAULT);
}

static void a_changed_table_is_prepared_again(void **state)
{
    static const struct statement star = {"star", "SELECT * FROM item"};
    struct fixture *f = *state;
    records_send(f->records, &star, NULL);
    run_well(f->records);
    server_do(dsn, "ALTER TABLE item ADD COLUMN more bigint");
    records_send(f->records, &star, NULL);
    assert_int_equal(records_run(f->records), RECORDS_FAULT);
    assert_string_equal(records_sqlstate(f->records), "0A000");
    records_send(f->records, &star, NULL);
    run_well(f->records);
    assert_int_equal(once(f->records, "DEALLOCATE ALL"), RECORDS_OK);
    records_send(f->records, &star, NULL);
    assert_int_equal(records_run(f->records), RECORDS_FAULT);
    records_send(f->records, &star, NULL);
    run_well(f->records);
}

/* 64 MiB go out while 64 MiB of answers come back; a sender that only sent would wait for ever. */
static void a_huge_pipeline_does_not_stall(void **state)
{
    static const struct statement echo = {"echo", "SELECT $1"};
    struct fixture *f = *state;
    char *megabyte = malloc(1 << 20);
    memset(megabyte, 'x', 1 << 20);
    const struct rows *rows[64];
    for (size_t i = 0; i < 64; i++) {
        struct params *params = params_new(f->arena);
        params_text(params, (struct text){megabyte, 1 << 20});
        rows[i] = records_send(f->records, &echo, params);
    }
    alarm(60);
    run_well(f->records);
    alarm(0);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(rows_text(rows[i], 0, 0).length, 1 << 20);
    free(megabyte);
    for (int i = 0; i < 20000; i++)
        records_send(f->records, &one, NULL);
    alarm(60);
    run_well(f->records);
    alarm(0);
}

static void a_batch_too_big_to_send_is_a_culprit(void **state)
{
    static const struct statement length = {"length", "SELECT length($1)"};
    struct fixture *f = *state;
    size_t size = (256U << 20) + 1;
    char *text = calloc(size, 1);
    struct params *params = params_new(f->arena);
    params_text(params, (struct text){text, size});
    free(text);
    records_send(f->records, &length, params);
    assert_int_equal(records_run(f->records), RECORDS_CULPRIT);
    assert_string_equal(records_sqlstate(f->records), "54000");
    assert_int_equal(number(f->records, &one), 1);
}

static void a_statement_over_its_time_is_repeated(void **state)
{
    struct fixture *f = *state;
    struct records *quick = records_new(
        &(struct records_options){.conninfo = dsn, .statement_timeout_ms = 50, .read_only = true});
    assert_int_equal(records_connect(quick), RECORDS_OK);
    assert_int_equal(once(quick, "SELECT pg_sleep(30)"), RECORDS_REPEAT);
    assert_string_equal(records_sqlstate(quick), "57014");
    assert_int_equal(once(quick, "CREATE TABLE no (id int)"), RECORDS_FAULT);
    assert_string_equal(records_sqlstate(quick), "25006");
    assert_int_equal(number(quick, &one), 1);
    records_destroy(&quick);
    assert_int_equal(number(f->records, &one), 1);
}

static void a_lock_timeout_is_repeated(void **state)
{
    struct fixture *f = *state;
    struct records *other = records_new(&(struct records_options){.conninfo = dsn});
    assert_int_equal(records_connect(other), RECORDS_OK);
    records_begin(other);
    assert_int_equal(once(other, "LOCK TABLE item"), RECORDS_OK);
    assert_int_equal(once(f->records, "SELECT set_config('lock_timeout', '20ms', false)"),
                     RECORDS_OK);
    insert_send(f, 1, "a");
    assert_int_equal(records_run(f->records), RECORDS_REPEAT);
    assert_int_equal(records_rollback(other), RECORDS_OK);
    insert_send(f, 1, "a");
    run_well(f->records);
    records_destroy(&other);
}

static void terminate(int64_t backend)
{
    char text[128];
    char value[64];
    snprintf(text, sizeof text, "SELECT pg_terminate_backend(%lld, 5000)", (long long)backend);
    assert_true(server_try(dsn, text, value));
    assert_string_equal(value, "t");
}

static void a_terminated_backend_is_lost_and_connected_again(void **state)
{
    struct fixture *f = *state;
    int64_t first = number(f->records, &pid);
    records_begin(f->records);
    insert_send(f, 1, "a");
    run_well(f->records);
    terminate(first);
    records_commit(f->records);
    assert_int_equal(records_run(f->records), RECORDS_LOST);
    assert_false(records_is_connected(f->records));
    assert_int_not_equal(strlen(records_message(f->records)), 0);
    assert_int_equal(records_run(f->records), RECORDS_LOST);
    assert_int_equal(records_rollback(f->records), RECORDS_LOST);
    insert_send(f, 1, "a");
    assert_int_equal(records_run(f->records), RECORDS_LOST);
    assert_int_equal(records_connect(f->records), RECORDS_OK);
    assert_int_not_equal(number(f->records, &pid), first);
    assert_int_equal(number(f->records, &count_items), 0);
    insert_send(f, 1, "a");
    run_well(f->records);
}

static void a_backend_that_ends_in_a_run_is_lost(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(once(f->records, "SELECT pg_terminate_backend(pg_backend_pid())"),
                     RECORDS_LOST);
    assert_string_equal(records_sqlstate(f->records), "57P01");
    assert_false(records_is_connected(f->records));
}

static void an_idle_transaction_is_lost(void **state)
{
    struct fixture *f = *state;
    struct records *idle =
        records_new(&(struct records_options){.conninfo = dsn, .idle_transaction_ms = 20});
    assert_int_equal(records_connect(idle), RECORDS_OK);
    int64_t backend = number(idle, &pid);
    records_begin(idle);
    assert_int_equal(records_run(idle), RECORDS_OK);
    char text[128];
    char value[64] = "";
    snprintf(text, sizeof text, "SELECT count(*) FROM pg_stat_activity WHERE pid = %lld",
             (long long)backend);
    for (int64_t end = now_ms() + 10000; strcmp(value, "0") != 0 && now_ms() < end;)
        assert_true(server_try(dsn, text, value));
    records_commit(idle);
    assert_int_equal(records_run(idle), RECORDS_LOST);
    records_destroy(&idle);
    assert_int_equal(number(f->records, &one), 1);
}

static struct records *through(const struct relay *relay, int statement_timeout_ms)
{
    char more[192];
    char relayed[SERVER_DSN_MAX];
    char name[64];
    assert_true(server_try(dsn, "SELECT current_database()", name));
    snprintf(more, sizeof more, "host=127.0.0.1 hostaddr=127.0.0.1 port=%d dbname=%s", relay->port,
             name);
    return records_new(&(struct records_options){.conninfo = server_dsn(relayed, more),
                                                 .connect_timeout_s = 1,
                                                 .statement_timeout_ms = statement_timeout_ms});
}

static void a_stopped_server_is_lost_and_found(void **state)
{
    (void)state;
    struct relay *relay = relay_new(dsn);
    struct records *records = through(relay, 0);
    assert_int_equal(records_connect(records), RECORDS_OK);
    assert_int_equal(number(records, &one), 1);
    relay->cut = true;
    records_send(records, &one, NULL);
    assert_int_equal(records_run(records), RECORDS_LOST);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(records_connect(records), RECORDS_LOST);
        assert_int_not_equal(strlen(records_message(records)), 0);
    }
    relay->cut = false;
    assert_int_equal(records_connect(records), RECORDS_OK);
    assert_int_equal(number(records, &one), 1);
    records_destroy(&records);
    relay_destroy(&relay);
}

static void a_frozen_server_does_not_hold_us_for_ever(void **state)
{
    (void)state;
    struct relay *relay = relay_new(dsn);
    struct records *records = through(relay, 100);
    relay->frozen = true;
    int64_t start = now_ms();
    assert_int_equal(records_connect(records), RECORDS_LOST);
    assert_in_range(now_ms() - start, 900, 5000);
    assert_non_null(strstr(records_message(records), "in time"));
    relay->frozen = false;
    assert_int_equal(records_connect(records), RECORDS_OK);
    relay->frozen = true;
    start = now_ms();
    records_send(records, &one, NULL);
    assert_int_equal(records_run(records), RECORDS_LOST);
    assert_in_range(now_ms() - start, 10000, 15000);
    records_destroy(&records);
    relay_destroy(&relay);
}

static void no_server_is_lost_at_once(void **state)
{
    (void)state;
    struct relay *relay = relay_new(dsn);
    struct records *records = through(relay, 0);
    relay_destroy(&relay);
    int64_t start = now_ms();
    assert_int_equal(records_connect(records), RECORDS_LOST);
    assert_in_range(now_ms() - start, 0, 900);
    records_destroy(&records);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, fixture_new, fixture_destroy)

int main(void)
{
    server_database_new(dsn, DATABASE);
    const struct CMUnitTest tests[] = {
        CASE(the_session_is_as_promised),
        CASE(rows_are_looked_up_by_index_even_where_there_are_none),
        CASE(a_transaction_in_one_run),
        CASE(an_unhurried_commit_is_one_all_the_same),
        CASE(nothing_to_run_is_fine),
        CASE(an_error_in_the_middle_skips_the_rest),
        CASE(a_commit_of_a_failed_transaction_is_no_success),
        CASE(messages_hold_no_contents),
        CASE(each_error_has_its_outcome),
        CASE(a_failed_preparation_is_tried_again),
        CASE(a_changed_table_is_prepared_again),
        CASE(a_huge_pipeline_does_not_stall),
        CASE(a_batch_too_big_to_send_is_a_culprit),
        CASE(a_statement_over_its_time_is_repeated),
        CASE(a_lock_timeout_is_repeated),
        CASE(a_terminated_backend_is_lost_and_connected_again),
        CASE(a_backend_that_ends_in_a_run_is_lost),
        CASE(an_idle_transaction_is_lost),
        CASE(a_stopped_server_is_lost_and_found),
        CASE(a_frozen_server_does_not_hold_us_for_ever),
        CASE(no_server_is_lost_at_once),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_database_drop(DATABASE);
    return failed;
}
