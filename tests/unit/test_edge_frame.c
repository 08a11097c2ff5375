/* JSON and parameters into frames; cursors, positions, languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "edge/problem.h"

static struct arena *arena;
static struct bytes frame;
static struct frame_fault fault;

static bool command_of(const char *path, const char *json)
{
    struct frame_command from = {.id = TEXT("id-1"),
                                 .on_behalf_of = TEXT(""),
                                 .time = TEXT(""),
                                 .body = {(const uint8_t *)json, strlen(json)}};
    from.route = route_find(false, text_of(path), &from.path_value);
    assert_non_null(from.route);
    return frame_of_command(&from, arena, &frame, &fault);
}

static void a_body_is_the_frame_that_the_feed_would_get(void **state)
{
    (void)state;
    struct command command;
    struct refusal refusal;
    assert_true(command_of("/v1/orders/12/complete",
                           "{\"people_served\": 3, \"items\": {\"card\": 2}, \"x\": [null, 1.5]}"));
    assert_true(command_decode(frame, arena, &command, &refusal));
    const struct assignment_complete *body = command.body;
    assert_int_equal(command.type, COMMAND_assignment_complete);
    assert_int_equal(body->order, 12);
    assert_int_equal(body->people_served, 3);
    assert_int_equal(body->items.items[0].value, 2);
    /* As short as msgpack can say it, so that a repeat over the feed is the same bytes. */
    static const char shortest[] = "\x83\xa2id\xa4id-1\xa4type\xab"
                                   "order_place\xa4"
                                   "body\x81\xa5order\x07";
    assert_true(command_of("/v1/orders/7/place", ""));
    assert_int_equal(frame.length, sizeof shortest - 1);
    assert_memory_equal(frame.at, shortest, frame.length);
}

static void times_may_be_text(void **state)
{
    (void)state;
    struct command command;
    struct refusal refusal;
    assert_true(command_of("/v1/orders/1/accept",
                           "{\"window_start\": \"1970-01-01T00:00:01Z\", \"window_end\": 2000}"));
    assert_true(command_decode(frame, arena, &command, &refusal));
    const struct assignment_accept *body = command.body;
    assert_int_equal(body->window_start, 1000);
    assert_int_equal(body->window_end, 2000);
    assert_true(command_of("/v1/orders/1/accept", "{\"window_start\": \"soon\"}"));
    assert_false(command_decode(frame, arena, &command, &refusal));
    assert_int_equal(refusal.code, REFUSAL_wrong_type);
    assert_string_equal(refusal.field, "window_start");
}

static void check_fault(const char *json, enum refusal_code code, const char *field)
{
    assert_false(command_of("/v1/orders", json));
    assert_int_equal(fault.refusal.code, code);
    if (field == NULL)
        assert_null(fault.refusal.field);
    else
        assert_string_equal(fault.refusal.field, field);
}

static void faults_name_their_field(void **state)
{
    (void)state;
    check_fault("{", REFUSAL_malformed, NULL);
    check_fault("[]", REFUSAL_malformed, NULL);
    check_fault("{\"need\":\"x\",\"need\":\"y\"}", REFUSAL_malformed, "need");
    check_fault("{\"a\":{\"b\":[1,2]},\"need\":\"\\u0000\"}", REFUSAL_bad_text, "need");
    check_fault("{\"a\":\"\\\"}{\",\"need\":\"\xff\"}", REFUSAL_bad_text, "need");
    check_fault("{\"expected_people\":99999999999999999999}", REFUSAL_wrong_type,
                "expected_people");
    check_fault("{\"a\":[[[[[[[[[[]]]]]]]]]]}", REFUSAL_malformed, "a");
    assert_int_equal(fault.line, 0);
    check_fault("{\"need\":\n x}", REFUSAL_malformed, NULL);
    assert_int_equal(fault.line, 2);
}

static void cursors_come_back(void **state)
{
    (void)state;
    struct text value;
    const struct route *orders = route_find(true, TEXT("/v1/orders"), &value);
    const struct route *inbox = route_find(true, TEXT("/v1/inbox"), &value);
    static const char *const values[] = {"1", "12", "123", "9223372036854775807", "site-a.b_c"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct text cursor = cursor_format(orders, text_of(values[i]), arena);
        assert_null(memchr(cursor.at, '=', cursor.length));
        assert_true(cursor_parse(orders, cursor, arena, &value));
        assert_true(text_equal(value, text_of(values[i])));
        assert_false(cursor_parse(inbox, cursor, arena, &value));
        cursor.length--;
        assert_true(!cursor_parse(orders, cursor, arena, &value) ||
                    !text_equal(value, text_of(values[i])));
    }
    assert_false(cursor_parse(orders, TEXT(""), arena, &value));
    assert_false(cursor_parse(orders, TEXT("A"), arena, &value));
    assert_false(cursor_parse(orders, TEXT("====="), arena, &value));
    assert_false(cursor_parse(orders, TEXT("!!!!"), arena, &value));
}

static void positions_come_back(void **state)
{
    (void)state;
    struct position_list positions = {
        .items = {{SERVICE_intake, 0, 12}, {SERVICE_dispatch, 3, INT64_MAX}}, .count = 2};
    struct text text = positions_format(&positions, arena);
    assert_true(text_equal(text, TEXT("intake/0/12, dispatch/3/9223372036854775807")));
    struct position_list back;
    assert_true(positions_parse(text, &back));
    assert_int_equal(back.count, 2);
    assert_int_equal(back.items[1].producer, SERVICE_dispatch);
    assert_int_equal(back.items[1].part, 3);
    assert_true(back.items[1].offset == INT64_MAX);
    static const char *const wrong[] = {"x",         "intake",       "intake/0",     "intake/0/",
                                        "intake//1", "intake/0/1/2", "intake/0/1,,", "a/0/1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(positions_parse(text_of(wrong[i]), &back));
}

static void languages(void **state)
{
    (void)state;
    assert_true(language_is_chinese(TEXT("zh"), false));
    assert_true(language_is_chinese(TEXT("fr;q=1, en;q=0.2 , zh-TW;q=0.3"), false));
    assert_false(language_is_chinese(TEXT("en, zh;q=0.9"), true));
    assert_true(language_is_chinese(TEXT("fr"), true));
    assert_false(language_is_chinese((struct text){NULL, 0}, false));
}

/* Every code has a status of an error, and its texts. */
static void problems_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < problem_count(); i++) {
        struct problem_row row = problem_row(i), found;
        assert_true(row.status >= 400 && row.status <= 503);
        assert_true(row.zh[0] != '\0' && row.en[0] != '\0');
        assert_true(problem_find(text_of(row.code), &found));
        assert_string_equal(found.en, row.en);
    }
    for (int code = REFUSAL_NONE + 1; code < REFUSAL_COUNT; code++)
        assert_int_equal(problem_status((enum refusal_code)code) == 503,
                         refusal_is_retry((enum refusal_code)code));
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_is_the_frame_that_the_feed_would_get),
        TEST(times_may_be_text),
        TEST(faults_name_their_field),
        TEST(cursors_come_back),
        TEST(positions_come_back),
        TEST(languages),
        TEST(problems_are_whole),
    };
    return cmocka_run_group_tests_name("edge: frames", tests, NULL, NULL);
}
