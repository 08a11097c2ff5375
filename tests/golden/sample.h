/* Messages filled from their field tables: the same ones for golden bytes, others from a seed for
 * round trips. */
#ifndef ZTC_TESTS_GOLDEN_SAMPLE_H
#define ZTC_TESTS_GOLDEN_SAMPLE_H

#include <string.h>

#include "events/envelope.h"

struct sample {
    uint64_t state;
    struct arena *arena;
    bool full; /* every field at a value of its own that is not its default; else whatever the seed
                  brings */
};

static inline uint64_t sample_next(struct sample *sample)
{
    /* splitmix64 */
    uint64_t z = sample->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline int64_t sample_between(struct sample *sample, int64_t min, int64_t max)
{
    uint64_t span = (uint64_t)max - (uint64_t)min;
    if (!sample->full && sample_next(sample) % 4 == 0)
        return sample_next(sample) % 2 == 0 ? min : max;
    return span == UINT64_MAX ? (int64_t)sample_next(sample)
                              : (int64_t)((uint64_t)min + sample_next(sample) % (span + 1));
}

/* Clean text of min to max bytes, of one to four bytes a character. */
static inline struct text sample_text(struct sample *sample, int64_t min, int64_t max)
{
    static const char *const characters[] = {"a", "7", " ", "é", "鄞", "镇", "𠮷", "\"", "\n", "Z"};
    size_t length = 0;
    size_t wanted = (size_t)(sample->full ? min + (max - min < 24 ? max - min : 24)
                                          : sample_between(sample, min, max));
    char *at = arena_alloc(sample->arena, wanted + 1);
    while (length < wanted) {
        const char *next = characters[sample_next(sample) % 10];
        if (length + strlen(next) > wanted)
            next = "x";
        memcpy(at + length, next, strlen(next));
        length += strlen(next);
    }
    return (struct text){at, length};
}

static inline struct text sample_code(struct sample *sample, int64_t min, int64_t max)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t wanted = (size_t)(sample->full ? 12 : sample_between(sample, min, max));
    char *at = arena_alloc(sample->arena, wanted + 1);
    for (size_t i = 0; i < wanted; i++)
        at[i] = letters[sample_next(sample) % (i == 0 ? 36 : sizeof letters - 1)];
    return (struct text){at, wanted};
}

static inline size_t sample_items(struct sample *sample, const struct field *field)
{
    int64_t few =
        field->max < 30 ? field->max : 30; /* so that a message of several lists fits its frame */
    return (size_t)(sample->full ? 3 : sample_between(sample, field->min, few));
}

static inline struct text_list sample_texts(struct sample *sample, const struct field *field)
{
    size_t count = sample_items(sample, field);
    if (count == 0)
        return (struct text_list){NULL, 0};
    struct text *items = arena_array(sample->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = field->kind == FIELD_CODES ? sample_code(sample, 1, CODE_MAX)
                                              : sample_text(sample, 1, TEXTS_ITEM_MAX);
    return (struct text_list){items, count};
}

static inline struct count_list sample_counts(struct sample *sample, const struct field *field)
{
    size_t count = sample_items(sample, field);
    if (count == 0)
        return (struct count_list){NULL, 0};
    struct count *items = arena_array(sample->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        struct text name = sample_text(sample, 1, TEXTS_ITEM_MAX - 8);
        items[i].name = arena_format(sample->arena, "%zu %.*s", i, TEXT_ARG(name));
        items[i].value = sample_between(sample, 0, COUNTS_VALUE_MAX);
    }
    return (struct count_list){items, count};
}

static inline struct window_list sample_windows(struct sample *sample, const struct field *field)
{
    size_t count = sample_items(sample, field);
    if (count == 0)
        return (struct window_list){NULL, 0};
    struct window *items = arena_array(sample->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct window){sample_between(sample, INSTANT_MIN, INSTANT_MAX),
                                   sample_between(sample, INSTANT_MIN, INSTANT_MAX)};
    return (struct window_list){items, count};
}

static inline struct resolution_list sample_resolutions(struct sample *sample,
                                                        const struct field *field)
{
    size_t count = sample_items(sample, field);
    if (count == 0)
        return (struct resolution_list){NULL, 0};
    struct resolution *items = arena_array(sample->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct resolution){
            .text = sample_text(sample, 1, TEXTS_ITEM_MAX),
            .owner = sample_code(sample, 1, CODE_MAX),
            .due = arena_format(
                sample->arena, "20%02d-%02d-%02d", (int)sample_between(sample, 0, 99),
                (int)sample_between(sample, 1, 12), (int)sample_between(sample, 1, 28)),
        };
    return (struct resolution_list){items, count};
}

static inline int64_t sample_number(struct sample *sample, const struct field *field, int64_t min,
                                    int64_t max)
{
    int64_t value = sample_between(sample, min, max);
    if (sample->full && value == field->fallback)
        value = value < max ? value + 1 : value - 1;
    return value;
}

static inline int sample_word(struct sample *sample, const struct field *field)
{
    int count = field->words->count;
    return sample->full ? (int)(field->fallback + 1) % count
                        : (int)(sample_next(sample) % (uint64_t)count);
}

static inline void sample_field(struct sample *sample, const struct field *field, void *at)
{
    switch (field->kind) {
    case FIELD_TEXT:
        *(struct text *)at = sample_text(sample, field->min, field->max);
        break;
    case FIELD_CODE:
        *(struct text *)at = sample_code(sample, field->min, field->max);
        break;
    case FIELD_INT:
        *(int64_t *)at = sample_number(sample, field, field->min, field->max);
        break;
    case FIELD_TIME:
        *(int64_t *)at = sample_number(sample, field, INSTANT_MIN, INSTANT_MAX);
        break;
    case FIELD_FLAG:
        *(bool *)at = sample->full ? field->fallback == 0 : sample_next(sample) % 2 == 0;
        break;
    case FIELD_WORD:
        *(int *)at = sample_word(sample, field);
        break;
    case FIELD_TEXTS:
    case FIELD_CODES:
        *(struct text_list *)at = sample_texts(sample, field);
        break;
    case FIELD_COUNTS:
        *(struct count_list *)at = sample_counts(sample, field);
        break;
    case FIELD_WINDOWS:
        *(struct window_list *)at = sample_windows(sample, field);
        break;
    case FIELD_RESOLUTIONS:
        *(struct resolution_list *)at = sample_resolutions(sample, field);
        break;
    }
}

/* Fills a new struct of the type. */
static inline void *sample_message(struct sample *sample, const struct message_type *type)
{
    void *message = arena_alloc(sample->arena, type->size);
    message_clear(type, message);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (sample->full || field->required || sample_next(sample) % 4 != 0)
            sample_field(sample, field, (char *)message + field->offset);
    }
    return message;
}

static inline struct sample sample_golden(const struct message_type *type, struct arena *arena)
{
    return (struct sample){.state = text_hash(text_of(type->name)), .arena = arena, .full = true};
}

static inline struct command sample_command(struct sample *sample, enum command_type type)
{
    return (struct command){
        .id = sample_text(sample, 1, COMMAND_ID_MAX),
        .type = type,
        .on_behalf_of = sample_code(sample, 0, CODE_MAX),
        .time = sample->full || sample_next(sample) % 2 == 0
                    ? sample_between(sample, INSTANT_MIN, INSTANT_MAX)
                    : INSTANT_ABSENT,
        .body = sample_message(sample, &command_types[type]),
    };
}

static inline struct position_list sample_positions(struct sample *sample)
{
    struct position_list list = {.count =
                                     sample->full ? 2 : sample_next(sample) % (POSITIONS_MAX + 1)};
    for (size_t i = 0; i < list.count; i++)
        list.items[i] = (struct position){(int)(sample_next(sample) % SERVICE_COUNT),
                                          (int32_t)sample_between(sample, 0, PART_MAX),
                                          sample_between(sample, 0, INT64_MAX)};
    return list;
}

static inline struct query sample_query(struct sample *sample, enum query_type type)
{
    return (struct query){
        .id = sample_text(sample, 1, COMMAND_ID_MAX),
        .type = type,
        .after = sample_positions(sample),
        .body = sample_message(sample, &query_types[type]),
    };
}

static inline struct event sample_event(struct sample *sample, enum event_type type)
{
    struct event event = {
        .producer = (int)(sample_next(sample) % SERVICE_COUNT),
        .part = (int32_t)sample_between(sample, 0, PART_MAX),
        .offset = sample_between(sample, 1, INT64_MAX / 4),
        .type = type,
        .district = sample_code(sample, 0, CODE_MAX),
        .key = sample_text(sample, 1, SUBJECT_MAX),
        .version = sample_between(sample, 1, INT64_MAX),
        .time = sample_between(sample, INSTANT_MIN, INSTANT_MAX),
        .recorded = sample_between(sample, 0, INSTANT_MAX),
        .traceparent =
            traceparent_of_command(&(struct caller){TEXT("330212"), TEXT("qiuai"), ROLE_town},
                                   TEXT("sample"), sample->arena),
        .data = sample_message(sample, &event_types[type]),
    };
    event.id =
        uuid_of_event(event.recorded, (unsigned)event.producer, (unsigned)event.part, event.offset);
    event.body = message_encode(&event_types[type], event.data, sample->arena);
    return event;
}

#endif
