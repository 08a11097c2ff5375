/* ztc's options, derived from the field tables; its verbs; small texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/verb.h"
#include "cli/width.h"

#define ARGUMENTS_MAX 32
#define ZONE          TEXT("Asia/Shanghai")

static const char *const order_operand[] = {"order", NULL};

struct parsed {
    struct arena *arena;
    struct options options;
    void *message;
    const char *text; /* values of own rows */
    bool flag;
    int64_t number;
};

/* Parses "verb ARGUMENTS…" for a message; true: well-formed. */
static bool parse(struct parsed *parsed, const struct message_type *type, ...)
{
    char *arguments[ARGUMENTS_MAX] = {(char[]){"verb"}};
    int count = 1;
    va_list list;
    va_start(list, type);
    for (const char *at; (at = va_arg(list, const char *)) != NULL;)
        arguments[count++] = strdup(at);
    va_end(list);
    *parsed = (struct parsed){.arena = arena_new()};
    struct option_row *rows = arena_array(parsed->arena, 4, sizeof *rows);
    rows[0] = (struct option_row){"after", OPTION_STRING, &parsed->text, 0, 0, "X", "", ""};
    rows[1] = (struct option_row){"quick", OPTION_FLAG, &parsed->flag, 0, 0, NULL, "", ""};
    rows[2] = (struct option_row){"number", OPTION_NUMBER, &parsed->number, 1, 9, "N", "", ""};
    const struct option_row **tables = arena_array(parsed->arena, 2, sizeof *tables);
    tables[0] = rows;
    parsed->options = (struct options){.tables = tables, .type = type, .operands = order_operand};
    parsed->message = arena_alloc(parsed->arena, type->size);
    bool fine = options_parse(&parsed->options, count, arguments, parsed->arena);
    for (size_t i = 0; i < parsed->options.given_count; i++)
        if (parsed->options.given[i].argument != NULL)
            parsed->options.given[i].argument =
                arena_string(parsed->arena, text_of(parsed->options.given[i].argument));
    if (parsed->text != NULL)
        parsed->text = arena_string(parsed->arena, text_of(parsed->text));
    fine = fine && options_fill(&parsed->options, ZONE, parsed->arena, parsed->message);
    for (int i = 1; i < count; i++)
        free(arguments[i]);
    return fine;
}

static void assert_problem(const struct parsed *parsed, const char *part)
{
    if (strstr(parsed->options.problem, part) == NULL)
        fail_msg("'%s' does not say '%s'", parsed->options.problem, part);
}

#define REFUSES(type, part, ...)                                                                   \
    do {                                                                                           \
        struct parsed refused;                                                                     \
        assert_false(parse(&refused, &command_types[COMMAND_##type], __VA_ARGS__, NULL));          \
        assert_problem(&refused, part);                                                            \
        arena_destroy(&refused.arena);                                                             \
    } while (0)

static void assert_text(struct text t, const char *expected)
{
    assert_int_equal(t.length, strlen(expected));
    assert_memory_equal(t.at, expected, t.length);
}

static void test_fields_of_every_kind(void **state)
{
    struct parsed parsed;
    (void)state;
    assert_true(parse(&parsed, &command_types[COMMAND_assignment_complete], "12", "--people-served",
                      "1000", "--items", "电子社保卡=780,宣传册=5", "--items", "a=b=1", "--outcome",
                      "好", "--photos", "https://x/a,b.jpg", "--photos", "c,d", NULL));
    const struct assignment_complete *complete = parsed.message;
    assert_int_equal(complete->order, 12);
    assert_int_equal(complete->people_served, 1000);
    assert_int_equal(complete->items.count, 3);
    assert_text(complete->items.items[0].name, "电子社保卡");
    assert_int_equal(complete->items.items[0].value, 780);
    assert_text(complete->items.items[2].name, "a=b");
    assert_text(complete->outcome, "好");
    assert_int_equal(complete->photos.count, 3);
    assert_text(complete->photos.items[0], "https://x/a,b.jpg");
    assert_text(complete->photos.items[2], "d");
    arena_destroy(&parsed.arena);

    assert_true(parse(&parsed, &command_types[COMMAND_order_submit], "--need=x", "--squads", "a,b",
                      "--squads", "c", "--urgency", "urgent", "--window-start", "2026-03-01 09:00",
                      "--window-end", "2026-03-01T17:00:00+08:00", NULL));
    const struct order_submit *submit = parsed.message;
    assert_int_equal(submit->squads.count, 3);
    assert_text(submit->squads.items[2], "c");
    assert_int_equal(submit->urgency, URGENCY_urgent);
    assert_int_equal(submit->window_start, 1772326800000);
    assert_int_equal(submit->window_end, 1772355600000);
    arena_destroy(&parsed.arena);

    assert_true(parse(&parsed, &command_types[COMMAND_organisation_register], "--code", "x",
                      "--kind", "squad", "--name-zh", "队", "--sample", "--quick", "--number", "3",
                      NULL));
    const struct organisation_register *organisation = parsed.message;
    assert_true(organisation->sample);
    assert_int_equal(organisation->capacity, 1);
    assert_true(parsed.flag);
    assert_int_equal(parsed.number, 3);
    arena_destroy(&parsed.arena);
}

static void test_wrong_options_name_what_is_wrong(void **state)
{
    (void)state;
    REFUSES(order_place, "--order is missing", "--note", "x");
    REFUSES(order_place, "not a whole number", "twelve");
    REFUSES(order_place, "unexpected argument", "12", "13");
    REFUSES(order_place, "unknown or ambiguous", "12", "--notes", "x");
    REFUSES(order_place, "needs a value", "12", "--note");
    REFUSES(order_place, "--order", "0");
    REFUSES(order_submit, "--need", "--need", "");
    REFUSES(order_submit, "not a time", "--need", "x", "--window-start", "2026-02-30 09:00");
    REFUSES(order_submit, "not a time", "--need", "x", "--window-start", "tomorrow");
    REFUSES(order_submit, "normal|urgent|critical", "--need", "x", "--urgency", "high");
    REFUSES(order_submit, "--squads", "--need", "x", "--squads", "a,,b");
    REFUSES(order_submit, "--category", "--need", "x", "--category", "No Code");
    REFUSES(order_submit, "1 to 9", "--need", "x", "--number", "10");
    REFUSES(assignment_complete, "NAME=NUMBER", "1", "--people-served", "1", "--items", "card");
    REFUSES(assignment_complete, "not a whole number", "1", "--people-served", "1", "--items",
            "card=x");
    REFUSES(assignment_complete, "--items", "1", "--people-served", "1", "--items",
            "card=1,card=2");
    REFUSES(organisation_register, "yes or no", "--code", "x", "--kind", "squad", "--name-zh", "x",
            "--sample=maybe");
}

static void test_a_field_named_as_a_row_gets_its_kind(void **state)
{
    struct parsed parsed;
    (void)state;
    assert_true(parse(&parsed, &query_types[QUERY_directory_list], "--after-code", "x", "--after",
                      "intake:1", NULL));
    const struct directory_list *list = parsed.message;
    assert_text(list->after, "x");
    assert_string_equal(parsed.text, "intake:1");
    arena_destroy(&parsed.arena);
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t instant; /* INSTANT_ABSENT: refused */
    } cases[] = {
        {"2026-03-01", 1772294400000},          {"2026-03-01 00:00", 1772294400000},
        {"2026-03-01T00:00:01", 1772294401000}, {"2026-02-28T16:00:00Z", 1772294400000},
        {"2026-03-01 9", INSTANT_ABSENT},       {"2026-03-01 09:00 am", INSTANT_ABSENT},
        {"2026-03-01 24:00", INSTANT_ABSENT},   {"2026-13-01", INSTANT_ABSENT},
        {"01.03.2026", INSTANT_ABSENT},         {"", INSTANT_ABSENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t instant = INSTANT_ABSENT;
        bool fine = options_time(text_of(cases[i].text), ZONE, &instant);
        assert_int_equal(fine, cases[i].instant != INSTANT_ABSENT);
        if (fine)
            assert_int_equal(instant, cases[i].instant);
    }
}

static void test_every_message_has_a_verb(void **state)
{
    (void)state;
    for (int type = 0; type < COMMAND_COUNT; type++)
        assert_non_null(verb_of_command((enum command_type)type));
    for (int type = 0; type < QUERY_COUNT; type++) {
        /* contact, watch and keys are verbs of their own. */
        bool found = type == QUERY_contact_show || type == QUERY_contact_audit ||
                     type == QUERY_event_list || type == QUERY_key_list;
        for (const struct verb *verb = verbs; verb->name != NULL; verb++)
            found = found || (verb->run == verb_query && verb->message == type);
        assert_true(found);
    }
    for (int code = REFUSAL_NONE + 1; code < REFUSAL_COUNT; code++) {
        assert_true(strlen(print_advice((enum refusal_code)code, true)) > 0);
        assert_true(strlen(print_advice((enum refusal_code)code, false)) > 0);
    }
}

static void test_unknown_verbs_suggest_the_nearest(void **state)
{
    (void)state;
    assert_string_equal(verb_nearest("sumbit")->name, "submit");
    assert_string_equal(verb_nearest("chekin")->name, "check-in");
    assert_string_equal(verb_nearest("import-csv") == NULL ? "" : "some", "");
    assert_null(verb_nearest("x"));
    assert_null(verb_find("sumbit"));
}

static void test_positions(void **state)
{
    struct position_list list;
    (void)state;
    assert_true(ask_positions("intake:12,dispatch:7", &list));
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[1].producer, SERVICE_dispatch);
    assert_int_equal(list.items[1].offset, 7);
    assert_false(ask_positions("", &list));
    assert_false(ask_positions("intake", &list));
    assert_false(ask_positions("inbox:1", &list));
    assert_false(ask_positions("intake:-1", &list));
    assert_false(ask_positions("intake:x", &list));
}

static void test_clip_ends_between_characters(void **state)
{
    (void)state;
    assert_text(cli_clip(TEXT("abc"), 3), "abc");
    assert_text(cli_clip(TEXT("abcd"), 3), "abc");
    assert_text(cli_clip(TEXT("社保卡"), 8), "社保");
    assert_text(cli_clip(TEXT("社保卡"), 6), "社保");
    assert_text(cli_clip(TEXT("社保卡"), 5), "社");
    assert_text(cli_clip(TEXT("a😀b"), 4), "a");
    assert_text(cli_clip(TEXT("😀"), 0), "");
}

static void test_command_ids_fit(void **state)
{
    struct arena *arena = arena_new();
    char longer[COMMAND_ID_MAX + 100];
    (void)state;
    assert_text(cli_command_id(TEXT("import:1:open:5"), arena), "import:1:open:5");
    memset(longer, 'x', sizeof longer);
    struct text a = cli_command_id((struct text){longer, sizeof longer}, arena);
    struct text b = cli_command_id((struct text){longer, sizeof longer - 1}, arena);
    assert_int_equal(a.length, COMMAND_ID_MAX);
    assert_false(text_equal(a, b));
    arena_destroy(&arena);
}

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(width_of(TEXT("abc")), 3);
    assert_int_equal(width_of(TEXT("社保a")), 5);
    assert_int_equal(width_of(TEXT("e\xcc\x81")), 1); /* a combining accent */
    assert_int_equal(width_of(TEXT("")), 0);
    assert_text(width_clip(TEXT("社保卡"), 5), "社保");
    assert_int_equal(width_of(TEXT("\xff\xe7")),
                     2); /* no UTF-8: one column a byte, and no reading past the end */
}

static void test_numbers(void **state)
{
    char buffer[32];
    (void)state;
    assert_string_equal(progress_number(0, buffer), "0");
    assert_string_equal(progress_number(999, buffer), "999");
    assert_string_equal(progress_number(58119, buffer), "58,119");
    assert_string_equal(progress_number(-1234567, buffer), "-1,234,567");
}

static void test_environment_files(void **state)
{
    char problem[256], path[] = "/tmp/ztc-env-XXXXXX";
    (void)state;
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *out = fdopen(descriptor, "w");
    fputs("# comment\n\nZTC_TEST_A=1\nZTC_TEST_B=\"two words\"\nPATH=/nowhere\n  ZTC_TEST_C = 3\n",
          out);
    fclose(out);
    setenv("ZTC_TEST_A", "kept", 1);
    assert_true(env_load(path, problem, sizeof problem));
    assert_string_equal(env_get("ZTC_TEST_A"), "kept");
    assert_string_equal(env_get("ZTC_TEST_B"), "two words");
    assert_string_not_equal(env_get("PATH"), "/nowhere");
    out = fopen(path, "w");
    fputs("ZTC_TEST_A=1\nnonsense\n", out);
    fclose(out);
    assert_false(env_load(path, problem, sizeof problem));
    assert_non_null(strstr(problem, "line 2"));
    remove(path);
    assert_false(env_load(path, problem, sizeof problem));
    setenv("ZTC_KEY_VILLAGE", "/keys/village.key_secret", 1);
    assert_string_equal(env_role_key("village"), "/keys/village.key_secret");
    assert_null(env_role_key("a-role-with-a-name-much-longer-than-any-of-ours"));
}

/* What print writes of one JSON value. */
static char *printed(const char *json)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    json_t *value = json_loads(json, 0, NULL);
    assert_non_null(value);
    print_json_value(value, ZONE, out);
    json_decref(value);
    fclose(out);
    return text;
}

static void test_answers_are_printed_for_people(void **state)
{
    (void)state;
    char *text = printed("{\"order\": 12, \"state\": \"offered\", \"state_zh\": \"待接单\", "
                         "\"state_en\": \"offered\","
                         "\"place\": \"330\", \"place_zh\": \"回龙村\", \"place_en\": \"Huilong\", "
                         "\"opened\": 1772326800000,"
                         "\"mean_milli\": 4273, \"history\": [{\"version\": 1, \"type\": "
                         "\"order_placed\", \"trace\": \"x\","
                         "\"text_zh\": \"一\", \"text_en\": \"one\\ntwo\"}]}");
    assert_non_null(strstr(text, "place   Huilong (330)"));
    assert_non_null(strstr(text, "2026-03-01 09:00"));
    assert_non_null(strstr(text, "4.273"));
    assert_non_null(strstr(text, "one two"));
    assert_null(strstr(text, "trace"));
    assert_null(strstr(text, "_zh"));
    free(text);
    cli_set_chinese(true);
    text = printed("{\"state\": \"offered\", \"squads\": [{\"squad\": \"a\", \"squad_zh\": \"甲\", "
                   "\"squad_en\": \"A\", "
                   "\"events\": [{\"order\": 1}]}]}");
    cli_set_chinese(false);
    assert_non_null(strstr(text, "待接单"));
    assert_non_null(strstr(text, "甲 (a)"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_every_kind),
        cmocka_unit_test(test_wrong_options_name_what_is_wrong),
        cmocka_unit_test(test_a_field_named_as_a_row_gets_its_kind),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_every_message_has_a_verb),
        cmocka_unit_test(test_unknown_verbs_suggest_the_nearest),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_clip_ends_between_characters),
        cmocka_unit_test(test_command_ids_fit),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_environment_files),
        cmocka_unit_test(test_answers_are_printed_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
