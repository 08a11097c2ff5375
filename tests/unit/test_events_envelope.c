/* Envelopes: commands, queries, answers, events and forwards on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>
#include <stdlib.h>

#include "tests/golden/sample.h"

#define SEED           20260302u
#define ROUNDS         40

#define FRAME(literal) ((struct bytes){(const uint8_t *)"" literal, sizeof(literal) - 1})

static struct arena *arena;

static int arena_setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int arena_teardown(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static void bytes_check(struct bytes a, struct bytes b)
{
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.at, b.at, a.length);
}

static void text_check(struct text actual, const char *expected)
{
    assert_int_equal(actual.length, strlen(expected));
    assert_memory_equal(actual.at, expected, actual.length);
}

static void positions_check(const struct position_list *a, const struct position_list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->items[i].producer, b->items[i].producer);
        assert_int_equal(a->items[i].part, b->items[i].part);
        assert_int_equal(a->items[i].offset, b->items[i].offset);
    }
}

/* The frame with some bytes in it replaced by others, once. */
static struct bytes spliced(struct bytes frame, const void *old, size_t old_length, const void *new,
                            size_t new_length)
{
    const uint8_t *found = memmem(frame.at, frame.length, old, old_length);
    assert_non_null(found);
    size_t before = (size_t)(found - frame.at), after = frame.length - before - old_length;
    uint8_t *out = arena_alloc(arena, before + new_length + after);
    memcpy(out, frame.at, before);
    memcpy(out + before, new, new_length);
    memcpy(out + before + new_length, found + old_length, after);
    return (struct bytes){out, before + new_length + after};
}

#define SPLICED(frame, old, new) spliced(frame, old, sizeof(old) - 1, new, sizeof(new) - 1)

/* --- command ---------------------------------------------------------------------------------- */

static void commands_round_trip(void **state)
{
    (void)state;
    struct sample sample = {.state = SEED, .arena = arena};
    for (int n = 0; n < ROUNDS * COMMAND_COUNT; n++) {
        struct refusal refusal = {0};
        struct command out, in = sample_command(&sample, (enum command_type)(n % COMMAND_COUNT));
        struct bytes frame = command_encode(&in, arena);
        assert_true(command_decode(frame, arena, &out, &refusal));
        assert_true(text_equal(out.id, in.id));
        assert_int_equal(out.type, in.type);
        assert_true(text_equal(out.on_behalf_of, in.on_behalf_of));
        assert_int_equal(out.time, in.time);
        bytes_check(message_encode(&command_types[in.type], in.body, arena),
                    message_encode(&command_types[out.type], out.body, arena));
        bytes_check(command_encode(&out, arena), frame);
        arena_reset(arena);
    }
}

/* As a client without our encoder would send it. */
#define PLACE_COMMAND                                                                              \
    "\x83\xa2id\xa4id-1\xa4type\xabplacingtype\xa4"                                                \
    "body\x81\xa5order\x07"

static struct bytes place_frame(void)
{
    return SPLICED(FRAME(PLACE_COMMAND), "\xabplacingtype", "\xaborder_place");
}

static struct command decoded(struct bytes frame)
{
    struct command command;
    struct refusal refusal = {0};
    bool done = command_decode(frame, arena, &command, &refusal);
    if (!done)
        print_error("%s %s\n", refusal_name(refusal.code), refusal.field);
    assert_true(done);
    return command;
}

static void digest_is_of_what_was_asked(void **state)
{
    (void)state;
    struct bytes frame = place_frame();
    struct command first = decoded(frame);
    assert_int_equal(first.type, COMMAND_order_place);
    assert_int_equal(((struct order_place *)first.body)->order, 7);
    assert_int_equal(first.time, INSTANT_ABSENT);

    struct command other_id = decoded(SPLICED(frame, "id-1", "id-2"));
    assert_true(digest_equal(&first.digest, &other_id.digest));
    struct command unknown_key = decoded(SPLICED(SPLICED(frame, "\x83\xa2id", "\x84\xa2id"),
                                                 "\xa4"
                                                 "type",
                                                 "\xa1x\xc0\xa4type"));
    assert_true(digest_equal(&first.digest, &unknown_key.digest));

    struct command others[] = {
        decoded(SPLICED(frame, "order\x07", "order\x08")),
        decoded(SPLICED(frame, "order\x07", "order\xcc\x07")), /* the bytes as sent */
        decoded(SPLICED(SPLICED(frame, "\x83", "\x84"), "\xa4type", "\xa4time\x01\xa4type")),
        decoded(
            SPLICED(SPLICED(frame, "\x83", "\x84"), "\xa4type", "\xacon_behalf_of\xa1x\xa4type")),
        decoded(SPLICED(frame, "\xaborder_place", "\xaeorder_withdraw")),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(digest_equal(&first.digest, &others[i].digest));
}

static void refused(struct bytes frame, const char *id, enum refusal_code code, const char *field)
{
    struct command command;
    struct refusal refusal = {0};
    assert_false(command_decode(frame, arena, &command, &refusal));
    if (refusal.code != code)
        print_error("%s, not %s\n", refusal_name(refusal.code), refusal_name(code));
    assert_int_equal(refusal.code, code);
    if (field == NULL)
        assert_null(refusal.field);
    else
        assert_string_equal(refusal.field, field);
    text_check(command.id, id);
}

static void command_refusals_name_the_field(void **state)
{
    (void)state;
    struct bytes frame = place_frame();
    struct bytes open = SPLICED(frame, "\x83", "\x84"); /* one pair short: completed below */
    uint8_t *large = arena_alloc(arena, MESSAGE_BYTES_MAX + 1);
    refused((struct bytes){large, MESSAGE_BYTES_MAX + 1}, "", REFUSAL_oversize, NULL);
    refused((struct bytes){large, MESSAGE_BYTES_MAX}, "", REFUSAL_malformed, NULL);
    refused(FRAME(""), "", REFUSAL_malformed, NULL);
    refused(FRAME("\x93\xa2id\xa1x\x01"), "", REFUSAL_malformed, NULL);
    refused(open, "", REFUSAL_malformed, NULL);
    refused(FRAME("\x80"), "", REFUSAL_missing_field, "id");
    refused(SPLICED(frame, "\xa4id-1", "\xa0"), "", REFUSAL_out_of_range, "id");
    refused(SPLICED(frame, "\xa4id-1", "\x07"), "", REFUSAL_wrong_type, "id");
    refused(SPLICED(frame, "\xa4id-1", "\xc4\x01x"), "", REFUSAL_wrong_type, "id");
    refused(SPLICED(frame, "\xa4id-1", "\xa2x\0"), "", REFUSAL_bad_text, "id");
    refused(SPLICED(frame, "\xa4id-1", "\xa2x\xff"), "", REFUSAL_bad_text, "id");
    char id[2 + COMMAND_ID_MAX + 1] = "\xd9";
    memset(id + 2, 'x', COMMAND_ID_MAX + 1);
    id[1] = (char)(COMMAND_ID_MAX + 1);
    refused(spliced(frame, "\xa4id-1", 5, id, sizeof id), "", REFUSAL_too_long, "id");
    id[1] = (char)COMMAND_ID_MAX;
    decoded(spliced(frame, "\xa4id-1", 5, id, sizeof id - 1));

    refused(SPLICED(frame, "\xa4type", "\xa4tipe"), "id-1", REFUSAL_missing_field, "type");
    refused(SPLICED(frame, "order_place", "order_plaze"), "id-1", REFUSAL_unknown_type, "type");
    refused(SPLICED(frame, "\xaborder_place", "\xa0"), "id-1", REFUSAL_unknown_type, "type");
    refused(SPLICED(frame, "\xaborder_place", "\xc0"), "id-1", REFUSAL_missing_field, "type");
    refused(SPLICED(frame, "\xaborder_place", "\x90"), "id-1", REFUSAL_wrong_type, "type");
    refused(SPLICED(frame,
                    "\xa4"
                    "body",
                    "\xa4"
                    "bodi"),
            "id-1", REFUSAL_missing_field, "body");
    refused(SPLICED(frame, "\x81\xa5order\x07", "\xc0"), "id-1", REFUSAL_missing_field, "body");
    refused(SPLICED(frame, "\x81\xa5order\x07", "\x91\x07"), "id-1", REFUSAL_wrong_type, "body");
    refused(SPLICED(frame, "\x81\xa5order\x07", "\x80"), "id-1", REFUSAL_missing_field, "order");
    refused(SPLICED(frame, "\x81\xa5order\x07", "\x81\x01\x07"), "id-1", REFUSAL_malformed, NULL);
    refused(SPLICED(frame, "order\x07", "order\x00"), "id-1", REFUSAL_out_of_range, "order");
    refused(SPLICED(frame, "\x81\xa5order\x07", "\x82\xa5order\x07\xa4note\x01"), "id-1",
            REFUSAL_wrong_type, "note");

    refused(SPLICED(open, "\xa4type", "\xa2id\xa1y\xa4type"), "id-1", REFUSAL_malformed, "id");
    refused(SPLICED(open, "\xa4type",
                    "\xa4"
                    "body\x80\xa4type"),
            "id-1", REFUSAL_malformed, "body");
    refused(SPLICED(open, "\xa4type", "\xa4time\xa1x\xa4type"), "id-1", REFUSAL_wrong_type, "time");
    refused(SPLICED(open, "\xa4type", "\xa4time\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa4type"),
            "id-1", REFUSAL_out_of_range, "time");
    refused(SPLICED(open, "\xa4type", "\xacon_behalf_of\xa1X\xa4type"), "id-1",
            REFUSAL_out_of_range, "on_behalf_of");
    refused(SPLICED(open, "\xa4type", "\x01\x01\xa4type"), "id-1", REFUSAL_malformed, NULL);
    /* the id is named even when it comes last */
    refused(FRAME("\x82\xa4type\x01\xa2id\xa1z"), "z", REFUSAL_wrong_type, "type");
}

static void truncated_frames_are_survived(void **state)
{
    (void)state;
    struct sample sample = {.state = SEED, .arena = arena, .full = true};
    struct command command = sample_command(&sample, COMMAND_order_submit);
    struct query query = sample_query(&sample, QUERY_counts);
    struct event event = sample_event(&sample, EVENT_order_placed);
    struct bytes frames[] = {command_encode(&command, arena), query_encode(&query, arena),
                             event_encode(&event, arena)};
    for (size_t f = 0; f < sizeof frames / sizeof *frames; f++)
        for (size_t length = 0; length < frames[f].length; length++) {
            struct refusal refusal = {0};
            uint8_t *copy = malloc(length + 1);
            memcpy(copy + 1, frames[f].at, length);
            struct bytes cut = {copy + 1, length};
            struct answer answer;
            struct forward forward;
            assert_false(command_decode(cut, arena, &command, &refusal));
            assert_int_equal(refusal.code, REFUSAL_malformed);
            assert_false(query_decode(cut, arena, &query, &refusal));
            assert_int_equal(refusal.code, REFUSAL_malformed);
            assert_false(event_decode(cut, arena, &event, &refusal));
            assert_int_equal(refusal.code, REFUSAL_malformed);
            assert_false(answer_decode(cut, arena, &answer));
            assert_false(forward_decode(cut, arena, &forward));
            free(copy);
        }
}

/* --- query ------------------------------------------------------------------------------------ */

static void queries_round_trip(void **state)
{
    (void)state;
    struct sample sample = {.state = SEED, .arena = arena};
    for (int n = 0; n < ROUNDS * QUERY_COUNT; n++) {
        struct refusal refusal = {0};
        struct query out, in = sample_query(&sample, (enum query_type)(n % QUERY_COUNT));
        struct bytes frame = query_encode(&in, arena);
        assert_true(query_decode(frame, arena, &out, &refusal));
        assert_true(text_equal(out.id, in.id));
        assert_int_equal(out.type, in.type);
        positions_check(&out.after, &in.after);
        bytes_check(query_encode(&out, arena), frame);
        arena_reset(arena);
    }
}

static void query_refused(struct bytes frame, enum refusal_code code, const char *field)
{
    struct query query;
    struct refusal refusal = {0};
    bool done = query_decode(frame, arena, &query, &refusal);
    assert_int_equal(done, code == REFUSAL_NONE);
    assert_int_equal(refusal.code, code);
    if (code != REFUSAL_NONE)
        assert_string_equal(refusal.field, field);
    text_check(query.id, "q");
}

#define BOARD_QUERY(after)                                                                         \
    FRAME("\x84\xa2id\xa1q\xa4type\xa5"                                                            \
          "board\xa5"                                                                              \
          "after" after "\xa4"                                                                     \
          "body\x80")
#define POSITION "\x83\xa8producer\xa6intake\xa4part\x00\xa6offset\x05"

static void query_refusals_name_the_field(void **state)
{
    (void)state;
    query_refused(BOARD_QUERY("\x91" POSITION), REFUSAL_NONE, NULL);
    query_refused(BOARD_QUERY("\xc0"), REFUSAL_NONE, NULL);
    query_refused(BOARD_QUERY("\x90"), REFUSAL_NONE, NULL);
    query_refused(BOARD_QUERY("\x80"), REFUSAL_wrong_type, "after");
    query_refused(BOARD_QUERY("\x91\x01"), REFUSAL_wrong_type, "after");
    query_refused(BOARD_QUERY("\x91\x80"), REFUSAL_missing_field, "after");
    query_refused(BOARD_QUERY("\x91\x83\xa8producer\xa6intakf\xa4part\x00\xa6offset\x05"),
                  REFUSAL_unknown_word, "after");
    query_refused(BOARD_QUERY("\x91\x83\xa8producer\xa6intake\xa4part\xff\xa6offset\x05"),
                  REFUSAL_out_of_range, "after");
    query_refused(BOARD_QUERY("\xdc\x00\x11\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"), REFUSAL_too_long,
                  "after");
    query_refused(SPLICED(BOARD_QUERY("\x90"), "board", "boars"), REFUSAL_unknown_type, "type");
    query_refused(SPLICED(BOARD_QUERY("\x90"), "\x80", "\x01"), REFUSAL_wrong_type, "body");
}

/* --- answer ----------------------------------------------------------------------------------- */

static struct answer answered(const struct answer *in)
{
    struct answer out;
    struct bytes frame = answer_encode(in, true, arena);
    assert_true(msgpack_is_sound(frame));
    assert_true(answer_decode(frame, arena, &out));
    assert_true(text_equal(out.id, in->id));
    assert_int_equal(out.status, in->status);
    positions_check(&out.events, &in->events);
    return out;
}

static void ok_answers(void **state)
{
    (void)state;
    struct sample sample = {.state = SEED, .arena = arena};
    for (int n = 0; n < ROUNDS; n++) {
        struct answer in = {.id = sample_text(&sample, 0, COMMAND_ID_MAX),
                            .result = {sample_between(&sample, 0, INT64_MAX),
                                       sample_between(&sample, 0, 9),
                                       sample_between(&sample, 0, INT64_MAX),
                                       (int)sample_between(&sample, 0, ORDER_STATE_COUNT - 1),
                                       sample_text(&sample, 0, SUBJECT_MAX)},
                            .events = sample_positions(&sample)};
        struct answer out = answered(&in);
        assert_int_equal(out.result.order, in.result.order);
        assert_int_equal(out.result.version, in.result.version);
        assert_int_equal(out.result.assignment, in.result.assignment);
        assert_int_equal(out.result.state, in.result.state);
        assert_true(text_equal(out.result.subject, in.result.subject));
    }
    struct answer empty = {.id = TEXT("x")};
    text_check(msgpack_to_json(answer_encode(&empty, true, arena), arena),
               "{\"id\":\"x\",\"status\":\"ok\",\"events\":[]}");
    struct answer some = {.id = TEXT("x"),
                          .result = {.order = 12, .version = 3, .state = ORDER_placed},
                          .events = {.items = {{SERVICE_dispatch, 0, 44}}, .count = 1}};
    text_check(msgpack_to_json(answer_encode(&some, true, arena), arena),
               "{\"id\":\"x\",\"status\":\"ok\",\"result\":{\"order\":12,\"version\":3,\"state\":"
               "\"placed\"},\"events\":[{\"producer\":\"dispatch\",\"part\":0,\"offset\":44}]}");
}

static void query_answers_carry_any_result(void **state)
{
    (void)state;
    struct answer list = {.id = TEXT("x"), .result_body = FRAME("\x92\x01\xa1y")};
    bytes_check(answered(&list).result_body, list.result_body);
    struct answer map = {.id = TEXT("x"), .result_body = FRAME("\x81\xa5order\x80")};
    struct answer out = answered(&map);
    bytes_check(out.result_body, map.result_body);
    assert_int_equal(out.result.order, 0);
    /* far larger than a command may be */
    size_t length = 3 * 1024 * 1024;
    uint8_t *large = arena_alloc(arena, length);
    memcpy(large, "\xc6\x00\x2f\xff\xfb", 5);
    struct answer big = {.id = TEXT("x"), .result_body = {large, length}};
    bytes_check(answered(&big).result_body, big.result_body);
}

static void refused_answers(void **state)
{
    (void)state;
    for (int code = REFUSAL_NONE + 1; code < REFUSAL_COUNT; code++) {
        bool retry = refusal_is_retry((enum refusal_code)code);
        struct answer in = {.id = TEXT("x"),
                            .status = retry ? ANSWER_RETRY : ANSWER_REFUSED,
                            .refusal = {.code = (enum refusal_code)code}};
        struct answer out = answered(&in);
        assert_int_equal(out.refusal.code, code);
        assert_null(out.refusal.field);
        assert_null(out.refusal.state);
        assert_int_equal(out.refusal.allowed_count, 0);
        assert_int_equal(out.refusal.order, 0);
    }
    struct answer full = {
        .id = TEXT("x"),
        .status = ANSWER_REFUSED,
        .refusal = {REFUSAL_illegal_step, "order", "placed", {"order_cancel"}, 1, 9, TEXT("1-5")}};
    struct answer out = answered(&full);
    assert_string_equal(out.refusal.field, "order");
    assert_string_equal(out.refusal.state, "placed");
    assert_int_equal(out.refusal.allowed_count, 1);
    assert_string_equal(out.refusal.allowed[0], "order_cancel");
    assert_int_equal(out.refusal.order, 9);
    assert_true(text_equal(out.refusal.detail, TEXT("1-5")));
    text_check(msgpack_to_json(answer_encode(&full, false, arena), arena),
               "{\"id\":\"x\",\"status\":\"refused\",\"error\":{\"code\":\"illegal_step\","
               "\"message\":\"the present state does not allow this step\",\"field\":\"order\","
               "\"state\":\"placed\",\"allowed\":[\"order_cancel\"],\"order\":9,"
               "\"detail\":\"1-5\"},\"events\":[]}");
    struct answer busy = {
        .id = TEXT(""), .status = ANSWER_RETRY, .refusal = {.code = REFUSAL_busy}};
    text_check(msgpack_to_json(answer_encode(&busy, true, arena), arena),
               "{\"id\":\"\",\"status\":\"retry\",\"error\":{\"code\":\"busy\",\"message\":"
               "\"系统繁忙，请稍后重试\"},\"events\":[]}");
    struct bytes frame = answer_encode(&busy, true, arena);
    assert_false(answer_decode(SPLICED(frame, "busy", "buzz"), arena, &out));
    assert_false(answer_decode(SPLICED(frame, "error", "errox"), arena, &out));
    assert_false(answer_decode(SPLICED(frame, "retry", "retri"), arena, &out));
}

/* --- event ------------------------------------------------------------------------------------ */

static void events_round_trip(void **state)
{
    (void)state;
    struct sample sample = {.state = SEED, .arena = arena};
    for (int n = 0; n < ROUNDS * EVENT_COUNT; n++) {
        struct refusal refusal = {0};
        struct event out, in = sample_event(&sample, (enum event_type)(n % EVENT_COUNT));
        struct bytes frame = event_encode(&in, arena);
        assert_true(event_decode(frame, arena, &out, &refusal));
        assert_memory_equal(&out.id, &in.id, sizeof in.id);
        assert_int_equal(out.producer, in.producer);
        assert_int_equal(out.part, in.part);
        assert_int_equal(out.offset, in.offset);
        assert_int_equal(out.type, in.type);
        assert_true(text_equal(out.district, in.district));
        assert_true(text_equal(out.key, in.key));
        assert_int_equal(out.version, in.version);
        assert_int_equal(out.time, in.time);
        assert_int_equal(out.recorded, in.recorded);
        assert_true(text_equal(out.traceparent, in.traceparent));
        bytes_check(out.body, in.body);
        assert_true(event_decode_data(&out, arena, &refusal));
        bytes_check(message_encode(&event_types[out.type], out.data, arena), in.body);
        bytes_check(event_encode(&out, arena), frame);
        arena_reset(arena);
    }
}

static void the_largest_command_fits_its_event(void **state)
{
    (void)state;
    struct refusal refusal = {0};
    struct sample sample = {.state = SEED, .arena = arena};
    struct text *places = arena_array(arena, 1000, sizeof *places);
    for (int i = 0; i < 1000; i++)
        places[i] = arena_format(arena, "place-%03d-%0*d", i, 53, 0);
    struct organisation_register body;
    message_clear(&command_types[COMMAND_organisation_register], &body);
    body.code = body.name_zh = TEXT("feed");
    body.kind = KIND_feed;
    body.brand = sample_text(&sample, 200, 200);
    body.name_en = sample_text(&sample, 190, 190);
    body.places = (struct text_list){places, 1000};
    struct command command = {.id = TEXT("x"),
                              .type = COMMAND_organisation_register,
                              .time = INSTANT_ABSENT,
                              .body = &body};
    struct bytes frame = command_encode(&command, arena);
    assert_in_range(frame.length, MESSAGE_BYTES_MAX - 100, MESSAGE_BYTES_MAX);
    assert_true(command_decode(frame, arena, &command, &refusal));
    struct forward out, forward = {.command = frame};
    assert_true(forward_decode(forward_encode(&forward, arena), arena, &out));
    struct organisation_registered data;
    message_clear(&event_types[EVENT_organisation_registered], &data);
    data.code = data.name_zh = TEXT("feed");
    data.kind = KIND_feed;
    data.brand = body.brand;
    data.name_en = body.name_en;
    data.places = body.places;
    struct event event = sample_event(&sample, EVENT_organisation_registered);
    event.body = message_encode(&event_types[EVENT_organisation_registered], &data, arena);
    frame = event_encode(&event, arena);
    assert_in_range(frame.length, MESSAGE_BYTES_MAX + 1, EVENT_BYTES_MAX);
    assert_true(event_decode(frame, arena, &event, &refusal));
    assert_true(event_decode_data(&event, arena, &refusal));
}

static void event_refused(struct bytes frame, enum refusal_code code, const char *field)
{
    struct event event;
    struct refusal refusal = {0};
    assert_false(event_decode(frame, arena, &event, &refusal));
    assert_int_equal(refusal.code, code);
    assert_string_equal(refusal.field, field);
}

static void event_refusals_name_the_field(void **state)
{
    (void)state;
    struct refusal refusal = {0};
    struct sample sample = {.state = SEED, .arena = arena, .full = true};
    struct event event = sample_event(&sample, EVENT_order_returned);
    event.producer = SERVICE_intake;
    event.district = TEXT("330212");
    struct bytes frame = event_encode(&event, arena);
    assert_true(event_decode(frame, arena, &event, &refusal));
    event_refused(SPLICED(frame,
                          "\xa3"
                          "1.0",
                          "\xa3"
                          "2.0"),
                  REFUSAL_unknown_word, "specversion");
    event_refused(SPLICED(frame, "\xa2id", "\xa2iq"), REFUSAL_missing_field, "id");
    event_refused(SPLICED(frame, "/intake/330212", "/intaqe/330212"), REFUSAL_unknown_word,
                  "source");
    event_refused(SPLICED(frame, "/intake/330212", "/intake/330213"), REFUSAL_out_of_range,
                  "source");
    event_refused(SPLICED(frame, "/intake/330212", "xintake/330212"), REFUSAL_out_of_range,
                  "source");
    event_refused(SPLICED(frame, "\xae/intake/330212", "\xa8/intake/"), REFUSAL_out_of_range,
                  "source");
    event_refused(SPLICED(frame, "\xae/intake/330212", "\xa7/intake"), REFUSAL_out_of_range,
                  "source");
    event_refused(SPLICED(frame, "order_returned", "order_retorned"), REFUSAL_unknown_type, "type");
    event_refused(SPLICED(frame,
                          "\xa4"
                          "data",
                          "\xa4"
                          "date"),
                  REFUSAL_missing_field, "data");
    struct text id = {(const char *)frame.at, frame.length};
    char *at = memmem(id.at, id.length, "\xa2id\xd9\x24", 5);
    assert_non_null(at);
    at[5] = 'x';
    event_refused(frame, REFUSAL_out_of_range, "id");
    at[5] = 'A';
    event_refused(frame, REFUSAL_out_of_range, "id");

    event.body = FRAME("\x81\xa5order\x01");
    assert_false(event_decode_data(&event, arena, &refusal));
    assert_int_equal(refusal.code, REFUSAL_missing_field);
    assert_string_equal(refusal.field, "state");
}

static void facts_of_the_whole_deployment_have_no_district(void **state)
{
    (void)state;
    struct refusal refusal = {0};
    struct sample sample = {.state = SEED, .arena = arena, .full = true};
    struct event out, event = sample_event(&sample, EVENT_key_registered);
    event.producer = SERVICE_intake;
    event.district = TEXT("");
    struct bytes frame = event_encode(&event, arena);
    assert_non_null(memmem(frame.at, frame.length, "\xa7/intake", 8));
    assert_true(event_decode(frame, arena, &out, &refusal));
    assert_int_equal(out.producer, SERVICE_intake);
    assert_int_equal(out.district.length, 0);
}

/* --- forward, trace context, keys ------------------------------------------------------------- */

static void forwards_round_trip(void **state)
{
    (void)state;
    struct forward out, in = {.command = place_frame(),
                              .caller = {TEXT("330212"), TEXT("qiuai"), ROLE_town},
                              .after = 41,
                              .order = 7};
    struct bytes frame = forward_encode(&in, arena);
    assert_true(forward_decode(frame, arena, &out));
    bytes_check(out.command, in.command);
    text_check(out.caller.district, "330212");
    text_check(out.caller.organisation, "qiuai");
    assert_int_equal(out.caller.role, ROLE_town);
    assert_int_equal(out.after, 41);
    assert_int_equal(out.order, 7);
    assert_false(
        forward_decode(SPLICED(frame, "\xa4role\xa4town", "\xa4role\xa4towm"), arena, &out));
    assert_false(forward_decode(SPLICED(frame, "caller", "cellar"), arena, &out));
    assert_false(forward_decode(SPLICED(frame, "command\xc4", "command\xd9"), arena, &out));
    struct forward operator_s = {.command = place_frame(),
                                 .caller = {TEXT(""), TEXT(""), ROLE_operator}};
    assert_true(forward_decode(forward_encode(&operator_s, arena), arena, &out));
    assert_int_equal(out.caller.role, ROLE_operator);
    assert_int_equal(out.caller.district.length, 0);
    assert_int_equal(out.after, 0);
}

static void trace_context_is_the_command_s(void **state)
{
    (void)state;
    struct caller caller = {TEXT("330212"), TEXT("qiuai"), ROLE_town};
    struct text first = traceparent_of_command(&caller, TEXT("id-1"), arena);
    assert_int_equal(first.length, TRACEPARENT_TEXT);
    for (size_t i = 0; i < first.length; i++)
        if (i == 2 || i == 35 || i == 52)
            assert_int_equal(first.at[i], '-');
        else
            assert_non_null(strchr("0123456789abcdef", first.at[i]));
    assert_memory_equal(first.at, "00-", 3);
    assert_memory_equal(first.at + 52, "-01", 3);
    assert_true(text_equal(first, traceparent_of_command(&caller, TEXT("id-1"), arena)));
    assert_false(text_equal(first, traceparent_of_command(&caller, TEXT("id-2"), arena)));
    caller.organisation = TEXT("qiuaii");
    assert_false(text_equal(first, traceparent_of_command(&caller, TEXT("d-1"), arena)));
}

static void order_keys(void **state)
{
    (void)state;
    int64_t order = 0;
    text_check(key_of_order(123, arena), "order/123");
    text_check(key_of_order(INT64_MAX, arena), "order/9223372036854775807");
    assert_true(key_to_order(TEXT("order/123"), &order));
    assert_int_equal(order, 123);
    assert_true(key_to_order(TEXT("order/9223372036854775807"), &order));
    assert_int_equal(order, INT64_MAX);
    static const char *const others[] = {"",
                                         "order",
                                         "order/",
                                         "order/0",
                                         "order/-1",
                                         "order/+1",
                                         "order/x",
                                         "order/1x",
                                         "Order/1",
                                         "order/01",
                                         "order/9223372036854775808"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(key_to_order(text_of(others[i]), &order));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_round_trip),
        TEST(digest_is_of_what_was_asked),
        TEST(command_refusals_name_the_field),
        TEST(truncated_frames_are_survived),
        TEST(queries_round_trip),
        TEST(query_refusals_name_the_field),
        TEST(ok_answers),
        TEST(query_answers_carry_any_result),
        TEST(refused_answers),
        TEST(events_round_trip),
        TEST(the_largest_command_fits_its_event),
        TEST(event_refusals_name_the_field),
        TEST(facts_of_the_whole_deployment_have_no_district),
        TEST(forwards_round_trip),
        TEST(trace_context_is_the_command_s),
        TEST(order_keys),
    };
    return cmocka_run_group_tests_name("events: envelopes", tests, NULL, NULL);
}
