/* Writes the golden files of a version that is new: make_golden DIRECTORY [EARLIER]. Files that
 * exist are never touched, for released bytes are what they are, and what EARLIER holds byte for
 * byte is not written again; see tests/golden/README.md. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/golden/sample.h"

static const char *directory, *earlier;

static void fail(const char *path)
{
    fprintf(stderr, "make_golden: %s: %s\n", path, strerror(errno));
    exit(1);
}

/* Whether the earlier version has this file with the same content. */
static bool is_in_earlier(const char *name, const char *ending, const void *at, size_t length)
{
    if (earlier == NULL)
        return false;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", earlier, name, ending);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    uint8_t *there = malloc(length + 1);
    if (there == NULL)
        fail(path);
    bool same = fread(there, 1, length + 1, file) == length && memcmp(there, at, length) == 0;
    fclose(file);
    free(there);
    return same;
}

static void file_write(const char *name, const char *ending, const void *at, size_t length)
{
    char path[4096];
    if (is_in_earlier(name, ending, at, length))
        return;
    snprintf(path, sizeof path, "%s/%s.%s", directory, name, ending);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file < 0 && errno == EEXIST)
        return;
    if (file < 0 || write(file, at, length) != (ssize_t)length || close(file) != 0)
        fail(path);
    printf("%s\n", path);
}

static void json_write(const char *name, json_t *json)
{
    char *dump = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    char *line = malloc(strlen(dump) + 2);
    if (line == NULL)
        fail(name);
    snprintf(line, strlen(dump) + 2, "%s\n", dump);
    file_write(name, "json", line, strlen(line));
    free(line);
    free(dump);
    json_decref(json);
}

static void frame_write(const char *kind, const char *name, struct bytes frame, struct arena *arena)
{
    struct text file = arena_format(arena, "%s-%s", kind, name);
    struct text json = msgpack_to_json(frame, arena);
    file_write(file.at, "msgpack", frame.at, frame.length);
    json_write(file.at, json_loadb(json.at, json.length, JSON_DECODE_ANY, NULL));
}

static void commands_write(struct arena *arena)
{
    for (int type = 0; type < COMMAND_COUNT; type++) {
        struct sample sample = sample_golden(&command_types[type], arena);
        struct command command = sample_command(&sample, (enum command_type)type);
        struct bytes frame = command_encode(&command, arena);
        frame_write("command", command_types[type].name, frame, arena);
        if (type == COMMAND_order_place) {
            struct caller caller = {TEXT("330212"), TEXT("qiuai"), ROLE_town};
            struct forward forward = {frame, caller, 41, 7};
            frame_write("forward", "order_place", forward_encode(&forward, arena), arena);
        }
        arena_reset(arena);
    }
}

static void queries_write(struct arena *arena)
{
    for (int type = 0; type < QUERY_COUNT; type++) {
        struct sample sample = sample_golden(&query_types[type], arena);
        struct query query = sample_query(&sample, (enum query_type)type);
        frame_write("query", query_types[type].name, query_encode(&query, arena), arena);
        arena_reset(arena);
    }
}

static void events_write(struct arena *arena)
{
    for (int type = 0; type < EVENT_COUNT; type++) {
        struct sample sample = sample_golden(&event_types[type], arena);
        struct event event = sample_event(&sample, (enum event_type)type);
        frame_write("event", event_types[type].name, event_encode(&event, arena), arena);
        arena_reset(arena);
    }
}

static void answers_write(struct arena *arena)
{
    struct sample sample = sample_golden(&command_types[0], arena);
    struct answer ok = {.id = TEXT("回龙-1"),
                        .result = {12, 5, 34, ORDER_scheduled, TEXT("order/12")},
                        .events = sample_positions(&sample)};
    struct answer query = {
        .id = TEXT("q"),
        .result_body = query_encode(
            &(struct query){.id = TEXT("inner"),
                            .type = QUERY_board,
                            .body = sample_message(&sample, &query_types[QUERY_board])},
            arena)};
    struct answer refused = {.id = TEXT("r"),
                             .status = ANSWER_REFUSED,
                             .refusal = {.code = REFUSAL_illegal_step,
                                         .field = "order",
                                         .state = "submitted",
                                         .allowed = {"order_place", "order_withdraw"},
                                         .allowed_count = 2,
                                         .order = 12}};
    struct answer retry = {
        .id = TEXT(""), .status = ANSWER_RETRY, .refusal = {.code = REFUSAL_busy}};
    frame_write("answer", "ok", answer_encode(&ok, true, arena), arena);
    frame_write("answer", "query", answer_encode(&query, true, arena), arena);
    frame_write("answer", "refused", answer_encode(&refused, true, arena), arena);
    frame_write("answer", "retry", answer_encode(&retry, false, arena), arena);
    arena_reset(arena);
}

static json_t *default_json(const struct field *field)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_CODE:
        return json_string("");
    case FIELD_INT:
        return json_integer(field->fallback);
    case FIELD_TIME:
        return field->fallback == INSTANT_ABSENT ? json_null() : json_integer(field->fallback);
    case FIELD_FLAG:
        return json_boolean(field->fallback != 0);
    case FIELD_WORD:
        return json_string(words_name(field->words, (int)field->fallback));
    case FIELD_TEXTS:
    case FIELD_CODES:
    case FIELD_WINDOWS:
    case FIELD_RESOLUTIONS:
        return json_array();
    case FIELD_COUNTS:
        return json_object();
    }
    return NULL;
}

/* What an absent field means, and every word a field may hold. */
static void meanings_write(const char *kind, const struct message_type *types, int count,
                           json_t *defaults, json_t *words)
{
    for (int i = 0; i < count; i++) {
        json_t *of_type = json_object();
        for (size_t j = 0; j < types[i].field_count; j++) {
            const struct field *field = &types[i].fields[j];
            if (!field->required)
                json_object_set_new(of_type, field->name, default_json(field));
            if (field->kind != FIELD_WORD)
                continue;
            json_t *names = json_array();
            for (int w = 0; w < field->words->count; w++)
                json_array_append_new(names, json_string(field->words->names[w]));
            json_object_set_new(words, field->words->kind, names);
        }
        char name[256];
        snprintf(name, sizeof name, "%s-%s", kind, types[i].name);
        json_object_set_new(defaults, name, of_type);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: make_golden DIRECTORY [EARLIER]\n");
        return 2;
    }
    directory = argv[1];
    earlier = argc == 3 ? argv[2] : NULL;
    struct arena *arena = arena_new();
    commands_write(arena);
    queries_write(arena);
    events_write(arena);
    answers_write(arena);
    if (earlier != NULL) { /* what absent fields of a version mean is settled when it is released */
        arena_destroy(&arena);
        return 0;
    }
    json_t *defaults = json_object(), *words = json_object();
    meanings_write("command", command_types, COMMAND_COUNT, defaults, words);
    meanings_write("query", query_types, QUERY_COUNT, defaults, words);
    meanings_write("event", event_types, EVENT_COUNT, defaults, words);
    json_write("defaults", defaults);
    json_write("words", words);
    arena_destroy(&arena);
    return 0;
}
