/* An event as a CloudEvent: every attribute, and the data by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "events/cloud.h"

static const char *said(json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    if (text == NULL)
        fail_msg("%s is missing", key);
    return text;
}

static void every_attribute(void **state)
{
    struct arena *arena = arena_new();
    struct order_returned data;
    (void)state;
    message_clear(&event_types[EVENT_order_returned], &data);
    data.order = 12;
    data.state = ORDER_returned;
    data.by = TEXT("qiuai");
    data.place = TEXT("huilong");
    data.town = TEXT("qiuai");
    data.reason = TEXT("请\"补充\"人数");
    struct event event = {
        .producer = SERVICE_intake,
        .offset = 40,
        .type = EVENT_order_returned,
        .district = TEXT("330212"),
        .key = TEXT("order/12"),
        .version = 2,
        .time = 1772348400000,
        .recorded = 1772348400250,
        .traceparent = TEXT("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"),
        .body = message_encode(&event_types[EVENT_order_returned], &data, arena),
    };
    event.id = uuid_of_event(event.recorded, SERVICE_intake, 0, event.offset);
    char id[UUID_TEXT_MAX];
    struct text text = cloud_event(&event, arena);
    json_t *json = json_loadb(text.at, text.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_string_equal(said(json, "specversion"), "1.0");
    assert_string_equal(said(json, "id"), uuid_format(&event.id, id));
    assert_string_equal(said(json, "source"), "/intake/330212");
    assert_string_equal(said(json, "type"), "order_returned");
    assert_string_equal(said(json, "subject"), "order/12");
    assert_string_equal(said(json, "time"), "2026-03-01T07:00:00.000Z");
    assert_string_equal(said(json, "recordedtime"), "2026-03-01T07:00:00.250Z");
    assert_string_equal(said(json, "sequence"), "2");
    assert_string_equal(said(json, "datacontenttype"), "application/json");
    assert_string_equal(said(json, "traceparent"), event.traceparent.at);
    assert_int_equal(json_object_size(json), 11);
    json_t *inside = json_object_get(json, "data");
    assert_int_equal(json_integer_value(json_object_get(inside, "order")), 12);
    assert_string_equal(said(inside, "state"), "returned");
    assert_string_equal(said(inside, "reason"), "请\"补充\"人数");
    assert_null(json_object_get(inside, "v"));
    json_decref(json);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_attribute)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
