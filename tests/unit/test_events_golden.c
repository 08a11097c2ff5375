/* Golden bytes: what a released version sent decodes for ever, to the same meaning. See
 * tests/golden/README.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/golden/sample.h"

#ifndef GOLDEN_DIRECTORY
#define GOLDEN_DIRECTORY "tests/golden" /* seen from the root of the tree */
#endif
#define GOLDEN_VERSIONS 2
#define FILE_MAX        65536

static struct arena *arena;
static int golden_version = 1; /* the one being read */

static const char *file_path(const char *name, const char *ending)
{
    return arena_format(arena, "%s/v%d/%s.%s", GOLDEN_DIRECTORY, golden_version, name, ending).at;
}

static struct bytes file_read(const char *name, const char *ending)
{
    const char *path = file_path(name, ending);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is missing", path);
    uint8_t *at = arena_alloc(arena, FILE_MAX);
    size_t length = fread(at, 1, FILE_MAX, file);
    assert_true(length > 0 && length < FILE_MAX);
    fclose(file);
    return (struct bytes){at, length};
}

static json_t *json_of(struct text text)
{
    json_t *json = json_loadb(text.at, text.length, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    return json;
}

static json_t *json_read(const char *name)
{
    struct bytes file = file_read(name, "json");
    return json_of((struct text){(const char *)file.at, file.length});
}

/* The frame, encoded again from what was decoded, must say what the golden JSON says. While the
 * type's version is the golden one its bytes must be the same too; a later version adds its own
 * number and its new fields' defaults. */
static void golden_check(const char *name, int version, struct bytes golden, struct bytes again)
{
    json_t *expected = json_read(name);
    json_t *first = json_of(msgpack_to_json(golden, arena));
    json_t *second = json_of(msgpack_to_json(again, arena));
    if (!json_equal(first, expected))
        fail_msg("%s: the golden bytes do not say what their JSON says", name);
    if (version > golden_version) {
        static const char *const bodies[] = {"body", "data"};
        for (size_t i = 0; i < 2; i++) {
            json_object_del(json_object_get(expected, bodies[i]), "v");
            json_object_del(json_object_get(second, bodies[i]), "v");
        }
    } else if (again.length != golden.length || memcmp(again.at, golden.at, golden.length) != 0) {
        fail_msg("%s: encoded again the bytes differ", name);
    }
    if (!json_equal(second, expected))
        fail_msg("%s: its meaning has changed", name);
    json_decref(first);
    json_decref(second);
    json_decref(expected);
}

static const char *golden_name(const char *kind, const char *type)
{
    return arena_format(arena, "%s-%s", kind, type).at;
}

/* A type has a file for each version that it had, the first of which may be later than 1. What
 * version 1 had is written down in its defaults. */
static bool has_golden(const char *name, int version)
{
    bool is_there = access(file_path(name, "msgpack"), R_OK) == 0;
    if (golden_version == 1) {
        json_t *defaults = json_read("defaults");
        bool was_there = json_object_get(defaults, name) != NULL;
        json_decref(defaults);
        if (was_there != is_there)
            fail_msg("%s of version 1 is missing, or came later", name);
    } else if (!is_there) {
        golden_version = 1;
        if (version == 2 || access(file_path(name, "msgpack"), R_OK) != 0)
            fail_msg("%s has no golden bytes", name);
        golden_version = 2;
    }
    return is_there;
}

static void commands_check(void)
{
    for (int i = 0; i < COMMAND_COUNT; i++) {
        struct command command;
        struct refusal refusal = {0};
        const char *name = golden_name("command", command_types[i].name);
        if (!has_golden(name, command_types[i].version))
            continue;
        struct bytes golden = file_read(name, "msgpack");
        if (!command_decode(golden, arena, &command, &refusal))
            fail_msg("%s: %s %s", name, refusal_name(refusal.code), refusal.field);
        golden_check(name, command_types[i].version, golden, command_encode(&command, arena));
        arena_reset(arena);
    }
}

static void queries_check(void)
{
    for (int i = 0; i < QUERY_COUNT; i++) {
        struct query query;
        struct refusal refusal = {0};
        const char *name = golden_name("query", query_types[i].name);
        if (!has_golden(name, query_types[i].version))
            continue;
        struct bytes golden = file_read(name, "msgpack");
        if (!query_decode(golden, arena, &query, &refusal))
            fail_msg("%s: %s %s", name, refusal_name(refusal.code), refusal.field);
        golden_check(name, query_types[i].version, golden, query_encode(&query, arena));
        arena_reset(arena);
    }
}

static void events_check(void)
{
    for (int i = 0; i < EVENT_COUNT; i++) {
        struct event event;
        struct refusal refusal = {0};
        const char *name = golden_name("event", event_types[i].name);
        if (!has_golden(name, event_types[i].version))
            continue;
        struct bytes golden = file_read(name, "msgpack");
        if (!event_decode(golden, arena, &event, &refusal) ||
            !event_decode_data(&event, arena, &refusal))
            fail_msg("%s: %s %s", name, refusal_name(refusal.code), refusal.field);
        event.body = message_encode(&event_types[i], event.data, arena);
        golden_check(name, event_types[i].version, golden, event_encode(&event, arena));
        arena_reset(arena);
    }
}

static void every_version(void (*check)(void))
{
    for (golden_version = GOLDEN_VERSIONS; golden_version > 0; golden_version--)
        check();
    golden_version = 1;
}

static void commands_of_every_version(void **state)
{
    (void)state;
    every_version(commands_check);
}

static void queries_of_every_version(void **state)
{
    (void)state;
    every_version(queries_check);
}

static void events_of_every_version(void **state)
{
    (void)state;
    every_version(events_check);
}

/* The words of a refusal may be put better; its code and the rest may not change. */
static void refusal_check(const char *name, struct bytes golden, struct bytes again)
{
    json_t *expected = json_read(name);
    json_t *first = json_of(msgpack_to_json(golden, arena));
    json_t *second = json_of(msgpack_to_json(again, arena));
    if (!json_equal(first, expected))
        fail_msg("%s: the golden bytes do not say what their JSON says", name);
    assert_int_equal(json_object_del(json_object_get(expected, "error"), "message"), 0);
    assert_int_equal(json_object_del(json_object_get(second, "error"), "message"), 0);
    if (!json_equal(second, expected))
        fail_msg("%s: its meaning has changed", name);
    json_decref(first);
    json_decref(second);
    json_decref(expected);
}

static void answers_of_version_1(void **state)
{
    (void)state;
    static const char *const names[] = {"answer-ok", "answer-query", "answer-refused",
                                        "answer-retry"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct answer answer;
        struct bytes golden = file_read(names[i], "msgpack");
        assert_true(answer_decode(golden, arena, &answer));
        if (i == 0)
            answer.result_body = (struct bytes){NULL, 0}; /* made anew from the decoded result */
        struct bytes again = answer_encode(&answer, true, arena);
        if (answer.status == ANSWER_OK)
            golden_check(names[i], golden_version, golden, again);
        else
            refusal_check(names[i], golden, again);
    }
}

static void forwards_of_version_1(void **state)
{
    (void)state;
    struct forward forward;
    struct command command;
    struct refusal refusal = {0};
    struct bytes golden = file_read("forward-order_place", "msgpack");
    assert_true(forward_decode(golden, arena, &forward));
    golden_check("forward-order_place", golden_version, golden, forward_encode(&forward, arena));
    assert_true(command_decode(forward.command, arena, &command, &refusal));
    assert_int_equal(command.type, COMMAND_order_place);
}

static const struct field *field_of(const struct message_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, name) == 0)
            return &type->fields[i];
    fail_msg("%s.%s is gone", type->name, name);
    return NULL;
}

static bool fallback_is(const struct field *field, const json_t *json)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_CODE:
        return json_is_string(json) && json_string_length(json) == 0;
    case FIELD_INT:
        return json_is_integer(json) && json_integer_value(json) == field->fallback;
    case FIELD_TIME:
        return field->fallback == INSTANT_ABSENT
                   ? json_is_null(json)
                   : json_is_integer(json) && json_integer_value(json) == field->fallback;
    case FIELD_FLAG:
        return json_is_boolean(json) && json_is_true(json) == (field->fallback != 0);
    case FIELD_WORD:
        return json_is_string(json) &&
               words_find(field->words, text_of(json_string_value(json))) == (int)field->fallback;
    case FIELD_TEXTS:
    case FIELD_CODES:
    case FIELD_WINDOWS:
    case FIELD_RESOLUTIONS:
        return json_is_array(json) && json_array_size(json) == 0;
    case FIELD_COUNTS:
        return json_is_object(json) && json_object_size(json) == 0;
    }
    return false;
}

static void defaults_check(const char *kind, const struct message_type *type, json_t *all)
{
    json_t *defaults = json_object_get(all, golden_name(kind, type->name));
    const char *name;
    json_t *value;
    json_object_foreach (defaults, name, value) {
        const struct field *field = field_of(type, name);
        if (field->required || !fallback_is(field, value))
            fail_msg("%s.%s: absent, it meant another value", type->name, name);
    }
}

/* An absent field has no bytes, so what it meant is written down. */
static void absent_fields_mean_what_they_meant(void **state)
{
    (void)state;
    json_t *all = json_read("defaults");
    for (int i = 0; i < COMMAND_COUNT; i++)
        defaults_check("command", &command_types[i], all);
    for (int i = 0; i < QUERY_COUNT; i++)
        defaults_check("query", &query_types[i], all);
    for (int i = 0; i < EVENT_COUNT; i++)
        defaults_check("event", &event_types[i], all);
    json_decref(all);
}

static void words_of_version_1_are_known(void **state)
{
    (void)state;
    static const struct words *const vocabularies[] = {&words_role,      &words_organisation_kind,
                                                       &words_site_kind, &words_order_state,
                                                       &words_urgency,   &words_mode};
    json_t *all = json_read("words");
    assert_int_equal(json_object_size(all), sizeof vocabularies / sizeof *vocabularies);
    for (size_t i = 0; i < sizeof vocabularies / sizeof *vocabularies; i++) {
        json_t *names = json_object_get(all, vocabularies[i]->kind), *name;
        size_t n;
        assert_true(json_array_size(names) > 0);
        json_array_foreach (names, n, name)
            if (words_find(vocabularies[i], text_of(json_string_value(name))) < 0)
                fail_msg("%s: %s is gone", vocabularies[i]->kind, json_string_value(name));
    }
    json_decref(all);
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_of_every_version),    TEST(queries_of_every_version),
        TEST(events_of_every_version),      TEST(answers_of_version_1),
        TEST(forwards_of_version_1),        TEST(absent_fields_mean_what_they_meant),
        TEST(words_of_version_1_are_known),
    };
    return cmocka_run_group_tests_name("events: golden bytes", tests, NULL, NULL);
}
