/* What goes in as a parameter comes out as a column: every type, NULLs, empty arrays, big batches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "records_server.h"

#define DATABASE "ztc_test_values"

static char dsn[SERVER_DSN_MAX];

struct fixture {
    struct records *records;
    struct arena *arena;
    struct params *params;
};

static int fixture_new(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->records = records_new(&(struct records_options){.conninfo = dsn, .application = "values"});
    f->arena = arena_new();
    f->params = params_new(f->arena);
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

static const struct rows *ask(struct fixture *f, const struct statement *statement)
{
    const struct rows *rows = records_send(f->records, statement, f->params);
    enum records_outcome outcome = records_run(f->records);
    if (outcome != RECORDS_OK)
        fail_msg("%s", records_message(f->records));
    return rows;
}

static void assert_text(struct text actual, const char *expected)
{
    assert_int_equal(actual.length, strlen(expected));
    assert_memory_equal(actual.at, expected, actual.length);
}

static void single_values_come_back(void **state)
{
    static const struct statement echo = {
        "echo", "SELECT $1, $1::int4, $1::int2, $2, $3, $4, $5, $6, $7, $3::varchar, $3::name,"
                " '{\"a\": [1]}'::jsonb, '{ }'::json, $8"};
    struct fixture *f = *state;
    struct uuid uuid = uuid_of_event(1700000000123, 1, 0, 7);
    params_int(f->params, -12345);
    params_flag(f->params, true);
    params_text(f->params, TEXT("宁波 'x'"));
    params_time(f->params, -1);
    params_bytes(f->params, (struct bytes){(const uint8_t *)"\0\1\377", 3});
    params_uuid(f->params, &uuid);
    params_texts(f->params, (struct text[]){TEXT("a"), TEXT(""), TEXT("{\"b\"}")}, 3);
    params_flag(f->params, false);
    const struct rows *rows = ask(f, &echo);
    assert_int_equal(rows_count(rows), 1);
    assert_int_equal(rows_int(rows, 0, 0), -12345);
    assert_int_equal(rows_int(rows, 0, 1), -12345);
    assert_int_equal(rows_int(rows, 0, 2), -12345);
    assert_true(rows_flag(rows, 0, 3));
    assert_text(rows_text(rows, 0, 4), "宁波 'x'");
    assert_int_equal(rows_time(rows, 0, 5), -1);
    assert_int_equal(rows_bytes(rows, 0, 6).length, 3);
    assert_memory_equal(rows_bytes(rows, 0, 6).at, "\0\1\377", 3);
    assert_int_equal(rows_bytes(rows, 0, 7).length, UUID_BYTES);
    assert_memory_equal(rows_bytes(rows, 0, 7).at, uuid.at, UUID_BYTES);
    const struct text *items;
    assert_int_equal(rows_texts(rows, 0, 8, f->arena, &items), 3);
    assert_text(items[0], "a");
    assert_text(items[1], "");
    assert_text(items[2], "{\"b\"}");
    assert_text(rows_text(rows, 0, 9), "宁波 'x'");
    assert_text(rows_text(rows, 0, 10), "宁波 'x'");
    assert_text(rows_text(rows, 0, 11), "{\"a\": [1]}");
    assert_text(rows_text(rows, 0, 12), "{ }");
    assert_false(rows_flag(rows, 0, 13));
}

static void nulls_are_absent(void **state)
{
    static const struct statement echo = {
        "echo", "SELECT $1, NULL::text, NULL::text[], NULL::bytea, $2::bigint, ARRAY['x', NULL]"};
    struct fixture *f = *state;
    params_time(f->params, INSTANT_ABSENT);
    params_null(f->params);
    const struct rows *rows = ask(f, &echo);
    const struct text *items;
    assert_true(rows_null(rows, 0, 0));
    assert_true(rows_time(rows, 0, 0) == INSTANT_ABSENT);
    assert_true(rows_null(rows, 0, 1));
    assert_text(rows_text(rows, 0, 1), "");
    assert_int_equal(rows_texts(rows, 0, 2, f->arena, &items), 0);
    assert_int_equal(rows_bytes(rows, 0, 3).length, 0);
    assert_true(rows_null(rows, 0, 4));
    assert_int_equal(rows_texts(rows, 0, 5, f->arena, &items), 2);
    assert_text(items[0], "x");
    assert_text(items[1], "");
}

/* A NULL first, a value later: the server's first guess of the type must not stay. */
static void a_null_does_not_fix_the_type(void **state)
{
    static const struct statement into = {"into", "SELECT coalesce($1, 5::int4)::int8"};
    struct fixture *f = *state;
    params_null(f->params);
    assert_int_equal(rows_int(ask(f, &into), 0, 0), 5);
    f->params = params_new(f->arena);
    params_int(f->params, 1LL << 40);
    assert_int_equal(rows_int(ask(f, &into), 0, 0), 1LL << 40);
    f->params = params_new(f->arena);
    params_null(f->params);
    assert_int_equal(rows_int(ask(f, &into), 0, 0), 5);
}

static void instants_keep_their_milliseconds(void **state)
{
    static const struct statement echo = {
        "echo", "SELECT $1, $1::text, 'infinity'::timestamptz, '-infinity'::timestamptz,"
                " timestamptz '1969-12-31 23:59:59.9995Z'"};
    static const int64_t instants[] = {INSTANT_MIN, -1, 0, 1700000000123, INSTANT_MAX};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
        f->params = params_new(f->arena);
        params_time(f->params, instants[i]);
        const struct rows *rows = ask(f, &echo);
        assert_true(rows_time(rows, 0, 0) == instants[i]);
        assert_true(rows_time(rows, 0, 2) == INSTANT_MAX);
        assert_true(rows_time(rows, 0, 3) == INSTANT_MIN);
        assert_true(rows_time(rows, 0, 4) == -1);
        if (instants[i] == 1700000000123)
            assert_text(rows_text(rows, 0, 1), "2023-11-14 22:13:20.123+00");
    }
}

static void empty_arrays_are_no_rows(void **state)
{
    static const struct statement unnest = {
        "unnest", "SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) AS u(a, b, c, d, e, f, g)"};
    struct fixture *f = *state;
    for (int type = COLUMN_INT8; type <= COLUMN_UUID; type++)
        params_column(f->params, (enum column_type)type);
    assert_int_equal(rows_count(ask(f, &unnest)), 0);
}

static void row_add(struct column *columns[7], int64_t i, struct text text)
{
    struct uuid uuid = uuid_of_event(1700000000000 + i, 1, 0, i);
    column_int(columns[0], i - 5000);
    column_int(columns[1], -i);
    column_flag(columns[2], i % 3 == 0);
    column_text(columns[3], text);
    column_bytes(columns[4], (struct bytes){(const uint8_t *)text.at, text.length});
    column_time(columns[5], i % 7 == 0 ? INSTANT_ABSENT : 1700000000000 + i);
    column_uuid(columns[6], &uuid);
}

static void ten_thousand_rows_by_unnest(void **state)
{
    static const struct statement unnest = {
        "unnest",
        "SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY AS u(a, b, c, d, e, f, g)"
        " ORDER BY ordinality"};
    struct fixture *f = *state;
    struct column *columns[7];
    for (int type = COLUMN_INT8; type <= COLUMN_UUID; type++)
        columns[type] = params_column(f->params, (enum column_type)type);
    char text[32];
    for (int64_t i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "第%lld个", (long long)i);
        row_add(columns, i, i % 11 == 0 ? TEXT("") : text_of(text));
    }
    const struct rows *rows = ask(f, &unnest);
    assert_int_equal(rows_count(rows), 10000);
    for (size_t i = 0; i < 10000; i++) {
        struct uuid uuid = uuid_of_event(1700000000000 + (int64_t)i, 1, 0, (int64_t)i);
        snprintf(text, sizeof text, "第%zu个", i);
        assert_int_equal(rows_int(rows, i, 0), (int64_t)i - 5000);
        assert_int_equal(rows_int(rows, i, 1), -(int64_t)i);
        assert_int_equal(rows_flag(rows, i, 2), i % 3 == 0);
        assert_text(rows_text(rows, i, 3), i % 11 == 0 ? "" : text);
        assert_int_equal(rows_bytes(rows, i, 4).length, i % 11 == 0 ? 0 : strlen(text));
        assert_true(rows_time(rows, i, 5) ==
                    (i % 7 == 0 ? INSTANT_ABSENT : 1700000000000 + (int64_t)i));
        assert_memory_equal(rows_bytes(rows, i, 6).at, uuid.at, UUID_BYTES);
    }
}

static void a_list_inside_a_row_is_split_again(void **state)
{
    static const struct statement split = {
        "split", "SELECT cardinality(string_to_array(u.list, E'\\x1F')),"
                 " string_to_array(u.list, E'\\x1F') FROM unnest($1) AS u(list)"};
    struct fixture *f = *state;
    struct column *column = params_column(f->params, COLUMN_TEXT);
    column_texts(column, NULL, 0);
    column_texts(column, (struct text[]){TEXT("one")}, 1);
    column_texts(column, (struct text[]){TEXT("one"), TEXT(""), TEXT("t\x1Fo")}, 3);
    column_null(column);
    const struct rows *rows = ask(f, &split);
    const struct text *items;
    assert_int_equal(rows_count(rows), 4);
    assert_int_equal(rows_int(rows, 0, 0), 0);
    assert_int_equal(rows_int(rows, 1, 0), 1);
    assert_int_equal(rows_texts(rows, 2, 1, f->arena, &items), 3);
    assert_text(items[1], "");
    assert_text(items[2], "t o");
    assert_true(rows_null(rows, 3, 0));
}

int main(void)
{
    server_database_new(dsn, DATABASE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(single_values_come_back, fixture_new, fixture_destroy),
        cmocka_unit_test_setup_teardown(nulls_are_absent, fixture_new, fixture_destroy),
        cmocka_unit_test_setup_teardown(a_null_does_not_fix_the_type, fixture_new, fixture_destroy),
        cmocka_unit_test_setup_teardown(instants_keep_their_milliseconds, fixture_new,
                                        fixture_destroy),
        cmocka_unit_test_setup_teardown(empty_arrays_are_no_rows, fixture_new, fixture_destroy),
        cmocka_unit_test_setup_teardown(ten_thousand_rows_by_unnest, fixture_new, fixture_destroy),
        cmocka_unit_test_setup_teardown(a_list_inside_a_row_is_split_again, fixture_new,
                                        fixture_destroy),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_database_drop(DATABASE);
    return failed;
}
