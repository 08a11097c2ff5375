/* The codec of messages: round trips, each refusal with its field, hostile bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/golden/sample.h"

#define SEED 20260301u

static const struct {
    const struct message_type *types;
    int count;
} kinds[] = {
    {command_types, COMMAND_COUNT}, {query_types, QUERY_COUNT}, {event_types, EVENT_COUNT}};

typedef void type_test(const struct message_type *type, struct arena *arena);

static void for_each_type(type_test *test)
{
    struct arena *arena = arena_new();
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int i = 0; i < kinds[k].count; i++) {
            arena_reset(arena);
            test(&kinds[k].types[i], arena);
        }
    arena_destroy(&arena);
}

static struct bytes bytes_of_buffer(const msgpack_sbuffer *buffer, struct arena *arena)
{
    return arena_bytes(arena, (struct bytes){(const uint8_t *)buffer->data, buffer->size});
}

/* --- tables ----------------------------------------------------------------------------------- */

static void table_check(const struct message_type *type, struct arena *arena)
{
    (void)arena;
    assert_true(type->field_count > 0 && type->field_count <= MESSAGE_FIELDS_MAX);
    assert_int_equal(type->name_length, strlen(type->name));
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        assert_int_equal(field->name_length, strlen(field->name));
        assert_true(field->since >= 1 && field->since <= type->version);
        assert_true(field->since == 1 || !field->required);
        assert_true(field->min <= field->max);
        assert_true((field->kind == FIELD_WORD) == (field->words != NULL));
        assert_true(field->kind != FIELD_CODE || field->max <= CODE_MAX);
        assert_true(field->kind != FIELD_INT || field->required ||
                    (field->fallback >= field->min && field->fallback <= field->max));
        assert_true(strlen(field->zh) > 0 && strlen(field->en) > 0);
        assert_string_not_equal(field->name, "v");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(field->name, type->fields[j].name);
    }
}

static void tables_are_consistent(void **state)
{
    (void)state;
    for_each_type(table_check);
}

static void types_are_found_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < COMMAND_COUNT; i++)
        assert_int_equal(command_find(text_of(command_types[i].name)), i);
    for (int i = 0; i < QUERY_COUNT; i++)
        assert_int_equal(query_find(text_of(query_types[i].name)), i);
    for (int i = 0; i < EVENT_COUNT; i++)
        assert_int_equal(event_find(text_of(event_types[i].name)), i);
    assert_int_equal(command_find(TEXT("order_submi")), -1);
    assert_int_equal(command_find(TEXT("order_submit2")), -1);
    assert_int_equal(query_find(TEXT("")), -1);
    assert_int_equal(event_find(TEXT("order_submit")), -1);
}

/* --- round trips ------------------------------------------------------------------------------ */

static void texts_check(const struct text_list *a, const struct text_list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_true(text_equal(a->items[i], b->items[i]));
}

static void counts_check(const struct count_list *a, const struct count_list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(text_equal(a->items[i].name, b->items[i].name));
        assert_int_equal(a->items[i].value, b->items[i].value);
    }
}

static void windows_check(const struct window_list *a, const struct window_list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->items[i].start, b->items[i].start);
        assert_int_equal(a->items[i].end, b->items[i].end);
    }
}

static void resolutions_check(const struct resolution_list *a, const struct resolution_list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(text_equal(a->items[i].text, b->items[i].text));
        assert_true(text_equal(a->items[i].owner, b->items[i].owner));
        assert_true(text_equal(a->items[i].due, b->items[i].due));
    }
}

static void message_check(const struct message_type *type, const void *a, const void *b)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        const void *x = (const char *)a + field->offset, *y = (const char *)b + field->offset;
        switch (field->kind) {
        case FIELD_TEXT:
        case FIELD_CODE:
            assert_true(text_equal(*(const struct text *)x, *(const struct text *)y));
            break;
        case FIELD_INT:
        case FIELD_TIME:
            assert_int_equal(*(const int64_t *)x, *(const int64_t *)y);
            break;
        case FIELD_FLAG:
            assert_int_equal(*(const bool *)x, *(const bool *)y);
            break;
        case FIELD_WORD:
            assert_int_equal(*(const int *)x, *(const int *)y);
            break;
        case FIELD_TEXTS:
        case FIELD_CODES:
            texts_check(x, y);
            break;
        case FIELD_COUNTS:
            counts_check(x, y);
            break;
        case FIELD_WINDOWS:
            windows_check(x, y);
            break;
        case FIELD_RESOLUTIONS:
            resolutions_check(x, y);
            break;
        }
    }
}

static void round_trip_check(const struct message_type *type, struct arena *arena)
{
    struct sample sample = {.state = SEED, .arena = arena};
    for (int n = 0; n < 60; n++) {
        struct refusal refusal = {0};
        void *message = sample_message(&sample, type);
        void *decoded = arena_alloc(arena, type->size);
        struct bytes bytes = message_encode(type, message, arena);
        assert_true(msgpack_is_sound(bytes));
        assert_true(message_decode(type, bytes, arena, decoded, &refusal));
        message_check(type, message, decoded);
        struct bytes again = message_encode(type, decoded, arena);
        assert_int_equal(again.length, bytes.length);
        assert_memory_equal(again.at, bytes.at, bytes.length);
        arena_reset(arena);
    }
}

static void random_messages_round_trip(void **state)
{
    (void)state;
    for_each_type(round_trip_check);
}

static void defaults_check(const struct message_type *type, struct arena *arena)
{
    void *message = arena_alloc(arena, type->size);
    message_clear(type, message);
    struct bytes bytes = message_encode(type, message, arena);
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)bytes.at, bytes.length, NULL),
                     MSGPACK_UNPACK_SUCCESS);
    size_t expected = 1; /* "v" */
    for (size_t i = 0; i < type->field_count; i++)
        expected += type->fields[i].required;
    assert_int_equal(unpacked.data.via.map.size, expected);
    assert_memory_equal(unpacked.data.via.map.ptr[0].key.via.str.ptr, "v", 1);
    assert_int_equal(unpacked.data.via.map.ptr[0].val.via.u64, type->version);
    msgpack_unpacked_destroy(&unpacked);
}

static void defaults_are_left_out(void **state)
{
    (void)state;
    for_each_type(defaults_check);
}

static void absent_fields_get_their_defaults(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct refusal refusal;
    struct organisation_register organisation;
    static const uint8_t bytes[] = "\x83\xa4"
                                   "code\xa1"
                                   "x\xa4kind\xa5squad\xa7name_zh\xa1x";
    memset(&organisation, 0xff, sizeof organisation);
    assert_true(message_decode(&command_types[COMMAND_organisation_register],
                               (struct bytes){bytes, sizeof bytes - 1}, arena, &organisation,
                               &refusal));
    assert_int_equal(organisation.kind, KIND_squad);
    assert_int_equal(organisation.capacity, 1);
    assert_int_equal(organisation.site_kind, SITE_none);
    assert_false(organisation.sample);
    assert_int_equal(organisation.categories.count, 0);
    assert_int_equal(organisation.parent.length, 0);
    struct order_resubmit wish;
    message_clear(&command_types[COMMAND_order_resubmit], &wish);
    assert_int_equal(wish.window_start, INSTANT_ABSENT);
    arena_destroy(&arena);
}

/* --- refusals --------------------------------------------------------------------------------- */

/* The sample's map with the value of one field replaced (NULL: dropped), or the field given twice.
 */
static struct bytes altered(const struct message_type *type, const char *field, const void *value,
                            size_t length, bool twice, struct arena *arena)
{
    struct sample sample = sample_golden(type, arena);
    struct bytes good = message_encode(type, sample_message(&sample, type), arena);
    msgpack_unpacked unpacked;
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_unpacked_init(&unpacked);
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_unpack_next(&unpacked, (const char *)good.at, good.length, NULL);
    const msgpack_object_map *map = &unpacked.data.via.map;
    msgpack_pack_map(&packer, map->size + (twice ? 1 : 0) - (value == NULL && !twice ? 1 : 0));
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object_str *key = &map->ptr[i].key.via.str;
        bool target = key->size == strlen(field) && memcmp(key->ptr, field, key->size) == 0;
        if (target && value == NULL && !twice)
            continue;
        for (int copies = target && twice ? 2 : 1; copies > 0; copies--) {
            msgpack_pack_object(&packer, map->ptr[i].key);
            if (target && value != NULL)
                msgpack_sbuffer_write(&buffer, value, length);
            else
                msgpack_pack_object(&packer, map->ptr[i].val);
        }
    }
    struct bytes bytes = bytes_of_buffer(&buffer, arena);
    msgpack_sbuffer_destroy(&buffer);
    msgpack_unpacked_destroy(&unpacked);
    return bytes;
}

static void judge(const struct message_type *type, struct bytes bytes, struct arena *arena,
                  enum refusal_code code, const char *field)
{
    struct refusal refusal = {0};
    void *message = arena_alloc(arena, type->size);
    bool decoded = message_decode(type, bytes, arena, message, &refusal);
    if (decoded != (code == REFUSAL_NONE) || refusal.code != code)
        print_error("%s.%s: %s, not %s\n", type->name, field != NULL ? field : "",
                    decoded ? "decoded" : refusal_name(refusal.code), refusal_name(code));
    assert_int_equal(refusal.code, code);
    assert_int_equal(decoded, code == REFUSAL_NONE);
    if (code == REFUSAL_NONE)
        return;
    if (field == NULL)
        assert_null(refusal.field);
    else
        assert_string_equal(refusal.field, field);
}

static void judge_value(const struct message_type *type, const struct field *field,
                        const void *value, size_t length, enum refusal_code code,
                        struct arena *arena)
{
    judge(type, altered(type, field->name, value, length, false, arena), arena, code, field->name);
}

#define VALUE(type, field, literal, code, arena)                                                   \
    judge_value(type, field, literal, sizeof(literal) - 1, REFUSAL_##code, arena)

/* A str (or an array or map of `each`) of that many bytes (items). */
static struct bytes text_value(size_t length, struct arena *arena)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_str(&packer, length);
    for (size_t i = 0; i < length; i++)
        msgpack_pack_str_body(&packer, "a", 1);
    struct bytes bytes = bytes_of_buffer(&buffer, arena);
    msgpack_sbuffer_destroy(&buffer);
    return bytes;
}

static struct bytes list_value(size_t count, bool map, struct arena *arena)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    if (map)
        msgpack_pack_map(&packer, count);
    else
        msgpack_pack_array(&packer, count);
    for (size_t i = 0; i < count; i++) {
        char name[16];
        size_t length = (size_t)snprintf(name, sizeof name, "n%zu", i);
        msgpack_pack_str(&packer, length);
        msgpack_pack_str_body(&packer, name, length);
        if (map)
            msgpack_pack_int(&packer, 1);
    }
    struct bytes bytes = bytes_of_buffer(&buffer, arena);
    msgpack_sbuffer_destroy(&buffer);
    return bytes;
}

static struct bytes int_value(int64_t value, struct arena *arena)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_int64(&packer, value);
    struct bytes bytes = bytes_of_buffer(&buffer, arena);
    msgpack_sbuffer_destroy(&buffer);
    return bytes;
}

static void judge_bytes(const struct message_type *type, const struct field *field,
                        struct bytes value, enum refusal_code code, struct arena *arena)
{
    judge_value(type, field, value.at, value.length, code, arena);
}

static void text_refusals(const struct message_type *type, const struct field *field,
                          struct arena *arena)
{
    size_t min = (size_t)field->min, max = (size_t)field->max;
    VALUE(type, field, "\xc4\x01x", wrong_type, arena);
    VALUE(type, field, "\x01", wrong_type, arena);
    VALUE(type, field, "\x90", wrong_type, arena);
    VALUE(type, field, "\x80", wrong_type, arena);
    VALUE(type, field, "\xd4\x01x", wrong_type, arena);
    VALUE(type, field, "\xa3x\0y", bad_text, arena);
    VALUE(type, field, "\xa2\xc0\x80", bad_text, arena);
    VALUE(type, field, "\xa3\xed\xa0\x80", bad_text, arena);
    VALUE(type, field, "\xa2x\xe9", bad_text, arena);
    judge_bytes(type, field, text_value(max, arena), REFUSAL_NONE, arena);
    judge_bytes(type, field, text_value(max + 1, arena), REFUSAL_too_long, arena);
    judge_bytes(type, field, text_value(min, arena), REFUSAL_NONE, arena);
    if (min > 0)
        judge_bytes(type, field, text_value(min - 1, arena), REFUSAL_out_of_range, arena);
    if (field->kind != FIELD_CODE)
        return;
    VALUE(type, field, "\xa2Qb", out_of_range, arena);
    VALUE(type, field, "\xa3\xe9\x84\x9e", out_of_range, arena);
    VALUE(type, field, "\xa2-b", out_of_range, arena);
    VALUE(type, field,
          "\xa3"
          "a b",
          out_of_range, arena);
}

static void number_refusals(const struct message_type *type, const struct field *field, int64_t min,
                            int64_t max, struct arena *arena)
{
    VALUE(type, field,
          "\xa1"
          "1",
          wrong_type, arena);
    VALUE(type, field, "\xca\x3f\x80\x00\x00", wrong_type, arena);
    VALUE(type, field, "\xc3", wrong_type, arena);
    VALUE(type, field, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", out_of_range, arena);
    VALUE(type, field, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", out_of_range, arena);
    VALUE(type, field, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", out_of_range, arena);
    judge_bytes(type, field, int_value(min, arena), REFUSAL_NONE, arena);
    judge_bytes(type, field, int_value(max, arena), REFUSAL_NONE, arena);
    judge_bytes(type, field, int_value(min - 1, arena), REFUSAL_out_of_range, arena);
    if (max < INT64_MAX)
        judge_bytes(type, field, int_value(max + 1, arena), REFUSAL_out_of_range, arena);
}

static void list_refusals(const struct message_type *type, const struct field *field,
                          struct arena *arena)
{
    size_t max = (size_t)field->max;
    VALUE(type, field, "\xa1x", wrong_type, arena);
    VALUE(type, field, "\x80", wrong_type, arena);
    VALUE(type, field, "\x91\x01", wrong_type, arena);
    VALUE(type, field, "\x91\xc0", wrong_type, arena);
    VALUE(type, field, "\x91\xc4\x01x", wrong_type, arena);
    VALUE(type, field, "\x91\xa0", out_of_range, arena);
    VALUE(type, field, "\x91\xa1\xff", bad_text, arena);
    VALUE(type, field, "\x92\xa1x\xa1\0", bad_text, arena);
    judge_bytes(type, field, list_value(max, false, arena), REFUSAL_NONE, arena);
    judge_bytes(type, field, list_value(max + 1, false, arena), REFUSAL_too_long, arena);
    if (field->kind == FIELD_CODES)
        VALUE(type, field, "\x91\xa1X", out_of_range, arena);
    size_t item = field->kind == FIELD_CODES ? CODE_MAX : TEXTS_ITEM_MAX;
    for (size_t extra = 0; extra <= 1; extra++) {
        struct bytes text = text_value(item + extra, arena);
        uint8_t *value = arena_alloc(arena, text.length + 1);
        value[0] = 0x91;
        memcpy(value + 1, text.at, text.length);
        judge_value(type, field, value, text.length + 1,
                    extra == 0 ? REFUSAL_NONE : REFUSAL_too_long, arena);
    }
}

static void count_refusals(const struct message_type *type, const struct field *field,
                           struct arena *arena)
{
    size_t max = (size_t)field->max;
    VALUE(type, field, "\x90", wrong_type, arena);
    VALUE(type, field, "\x81\x01\x01", malformed, arena);
    VALUE(type, field, "\x82\xa1x\x01\xa1x\x02", malformed, arena);
    VALUE(type, field, "\x81\xa0\x01", out_of_range, arena);
    VALUE(type, field, "\x81\xa1\0\x01", bad_text, arena);
    VALUE(type, field, "\x81\xa1x\xff", out_of_range, arena);
    VALUE(type, field, "\x81\xa1x\xce\x3b\x9a\xca\x01", out_of_range, arena);
    VALUE(type, field, "\x81\xa1x\xce\x3b\x9a\xca\x00", NONE, arena);
    VALUE(type, field, "\x81\xa1x\xa1x", wrong_type, arena);
    VALUE(type, field, "\x81\xa1x\xc0", wrong_type, arena);
    VALUE(type, field, "\x81\xa1x\xcb\0\0\0\0\0\0\0\0", wrong_type, arena);
    judge_bytes(type, field, list_value(max, true, arena), REFUSAL_NONE, arena);
    judge_bytes(type, field, list_value(max + 1, true, arena), REFUSAL_too_long, arena);
}

/* `count` pairs, each of the same start and end. */
static struct bytes window_value(size_t count, int64_t start, int64_t end, struct arena *arena)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_array(&packer, count);
    for (size_t i = 0; i < count; i++) {
        msgpack_pack_array(&packer, 2);
        msgpack_pack_int64(&packer, start);
        msgpack_pack_int64(&packer, end);
    }
    struct bytes bytes = bytes_of_buffer(&buffer, arena);
    msgpack_sbuffer_destroy(&buffer);
    return bytes;
}

static void window_refusals(const struct message_type *type, const struct field *field,
                            struct arena *arena)
{
    size_t max = (size_t)field->max;
    VALUE(type, field, "\xa1x", wrong_type, arena);
    VALUE(type, field, "\x80", wrong_type, arena);
    VALUE(type, field, "\x91\x01", wrong_type, arena);
    VALUE(type, field, "\x91\x91\x01", wrong_type, arena);
    VALUE(type, field, "\x91\x93\x01\x02\x03", wrong_type, arena);
    VALUE(type, field, "\x91\x92\x01\xc0", wrong_type, arena);
    VALUE(type, field, "\x91\x92\xa1x\x01", wrong_type, arena);
    judge_bytes(type, field, window_value(max, 1, 2, arena), REFUSAL_NONE, arena);
    judge_bytes(type, field, window_value(max + 1, 1, 2, arena), REFUSAL_too_long, arena);
    judge_bytes(type, field, window_value(1, INSTANT_MIN, INSTANT_MAX, arena), REFUSAL_NONE, arena);
    judge_bytes(type, field, window_value(1, INSTANT_MIN - 1, 2, arena), REFUSAL_out_of_range,
                arena);
    judge_bytes(type, field, window_value(1, 1, INSTANT_MAX + 1, arena), REFUSAL_out_of_range,
                arena);
}

static struct bytes resolution_value(size_t count, struct text text, struct text owner,
                                     struct text due, struct arena *arena)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    const struct text words[] = {TEXT("text"), text, TEXT("owner"), owner, TEXT("due"), due};
    msgpack_pack_array(&packer, count);
    for (size_t i = 0; i < count; i++) {
        msgpack_pack_map(&packer, 3);
        for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
            msgpack_pack_str(&packer, words[w].length);
            msgpack_pack_str_body(&packer, words[w].at, words[w].length);
        }
    }
    struct bytes bytes = bytes_of_buffer(&buffer, arena);
    msgpack_sbuffer_destroy(&buffer);
    return bytes;
}

static void resolution_refusals(const struct message_type *type, const struct field *field,
                                struct arena *arena)
{
    const struct text text = TEXT("设窗口"), owner = TEXT("ndrc"), due = TEXT("2026-02-28");
    size_t max = (size_t)field->max;
#define RESOLUTION(count, text, owner, due, code)                                                  \
    judge_bytes(type, field, resolution_value(count, text, owner, due, arena), code, arena)
    VALUE(type, field, "\xa1x", wrong_type, arena);
    VALUE(type, field, "\x91\x01", wrong_type, arena);
    VALUE(type, field, "\x91\x80", missing_field, arena);
    VALUE(type, field, "\x91\x81\x01\x02", malformed, arena);
    VALUE(type, field, "\x91\x81\xa4text\x01", wrong_type, arena);
    VALUE(type, field, "\x91\x82\xa4text\xa1x\xa4text\xa1x", malformed, arena);
    VALUE(type, field, "\x91\x82\xa4text\xa1x\xa5owner\xa1y", missing_field, arena);
    RESOLUTION(max, text, owner, due, REFUSAL_NONE);
    RESOLUTION(max + 1, text, owner, due, REFUSAL_too_long);
    RESOLUTION(1, TEXT(""), owner, due, REFUSAL_out_of_range);
    RESOLUTION(1, text, TEXT("N"), due, REFUSAL_out_of_range);
    RESOLUTION(1, text, owner, TEXT("2026-02-29"), REFUSAL_out_of_range);
    RESOLUTION(1, text, owner, TEXT("2026-2-28"), REFUSAL_out_of_range);
    RESOLUTION(1, text, owner, TEXT("2026-02-28x"), REFUSAL_too_long);
#undef RESOLUTION
}

static void field_refusals(const struct message_type *type, const struct field *field,
                           struct arena *arena)
{
    enum refusal_code absent = field->required ? REFUSAL_missing_field : REFUSAL_NONE;
    judge(type, altered(type, field->name, NULL, 0, false, arena), arena, absent, field->name);
    judge(type, altered(type, field->name, "\xc0", 1, false, arena), arena, absent, field->name);
    judge(type, altered(type, field->name, NULL, 0, true, arena), arena, REFUSAL_malformed,
          field->name);
    VALUE(type, field, "\xcb\x3f\xf0\0\0\0\0\0\0", wrong_type, arena);
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_CODE:
        text_refusals(type, field, arena);
        break;
    case FIELD_INT:
        number_refusals(type, field, field->min, field->max, arena);
        break;
    case FIELD_TIME:
        number_refusals(type, field, INSTANT_MIN, INSTANT_MAX, arena);
        break;
    case FIELD_FLAG:
        VALUE(type, field, "\x01", wrong_type, arena);
        VALUE(type, field, "\xa4true", wrong_type, arena);
        break;
    case FIELD_WORD:
        VALUE(type, field, "\x01", wrong_type, arena);
        VALUE(type, field, "\xa0", unknown_word, arena);
        VALUE(type, field, "\xa8no\0_word", unknown_word, arena);
        VALUE(type, field, "\xa2\xff\xff", unknown_word, arena);
        break;
    case FIELD_TEXTS:
    case FIELD_CODES:
        list_refusals(type, field, arena);
        break;
    case FIELD_COUNTS:
        count_refusals(type, field, arena);
        break;
    case FIELD_WINDOWS:
        window_refusals(type, field, arena);
        break;
    case FIELD_RESOLUTIONS:
        resolution_refusals(type, field, arena);
        break;
    }
}

static void type_refusals(const struct message_type *type, struct arena *arena)
{
    for (size_t i = 0; i < type->field_count; i++) {
        field_refusals(type, &type->fields[i], arena);
        arena_reset(arena);
    }
}

static void each_field_refuses_precisely(void **state)
{
    (void)state;
    for_each_type(type_refusals);
}

/* --- hostile bytes ---------------------------------------------------------------------------- */

#define FRAME(literal) ((struct bytes){(const uint8_t *)"" literal, sizeof(literal) - 1})

static void strange_maps(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct message_type *type = &query_types[QUERY_board];
    judge(type, FRAME(""), arena, REFUSAL_malformed, NULL);
    judge(type, FRAME("\x90"), arena, REFUSAL_malformed, NULL);
    judge(type, FRAME("\xc0"), arena, REFUSAL_malformed, NULL);
    judge(type, FRAME("\xc1"), arena, REFUSAL_malformed, NULL);
    judge(type, FRAME("\x80\x80"), arena, REFUSAL_malformed, NULL);
    judge(type, FRAME("\x81\x01\x01"), arena, REFUSAL_malformed, NULL);
    judge(type, FRAME("\x81\xc0\x01"), arena, REFUSAL_malformed, NULL);
    judge(type, FRAME("\x80"), arena, REFUSAL_NONE, NULL);
    judge(type, FRAME("\xde\0\0"), arena, REFUSAL_NONE, NULL);
    judge(type, FRAME("\xdf\0\0\0\0"), arena, REFUSAL_NONE, NULL);
    /* unknown keys, whatever they hold; names cut short or drawn out; "v" of any kind */
    judge(type, FRAME("\x81\xa3tow\x01"), arena, REFUSAL_NONE, NULL);
    judge(type, FRAME("\x81\xa5townx\x01"), arena, REFUSAL_NONE, NULL);
    judge(
        type,
        FRAME("\x84\xa1v\xca\0\0\0\0\xa0\x81\x01\x02\xa1\xff\xd5\x05xy\xa1k\x93\xc4\0\xc2\x91\xc0"),
        arena, REFUSAL_NONE, NULL);
    uint8_t *large = arena_alloc(arena, EVENT_BYTES_MAX + 1);
    judge(type, (struct bytes){large, EVENT_BYTES_MAX + 1}, arena, REFUSAL_oversize, NULL);
    arena_destroy(&arena);
}

static void soundness(void **state)
{
    (void)state;
    uint8_t nested[64];
    for (size_t depth = 1; depth <= 40; depth++) {
        memset(nested, 0x91, depth);
        nested[depth] = 0xc0;
        assert_int_equal(msgpack_is_sound((struct bytes){nested, depth + 1}),
                         depth <= MESSAGE_DEPTH_MAX);
        nested[depth - 1] = 0x90;
        assert_int_equal(msgpack_is_sound((struct bytes){nested, depth}),
                         depth <= MESSAGE_DEPTH_MAX);
    }
    assert_false(msgpack_is_sound(FRAME("")));
    assert_false(msgpack_is_sound(FRAME("\xdd\xff\xff\xff\xff")));
    assert_false(msgpack_is_sound(FRAME("\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff\x01")));
    assert_false(msgpack_is_sound(FRAME("\xdf\xff\xff\xff\xff\x01\x01")));
    assert_false(msgpack_is_sound(FRAME("\xdf\x80\0\0\0\x01\x01")));
    assert_false(msgpack_is_sound(FRAME("\xdb\xff\xff\xff\xffx")));
    assert_false(msgpack_is_sound(FRAME("\xc6\xff\xff\xff\xffx")));
    assert_false(msgpack_is_sound(FRAME("\xc9\xff\xff\xff\xff\x01x")));
    assert_false(msgpack_is_sound(FRAME("\xde\xff\xff")));
    assert_false(msgpack_is_sound(FRAME("\xdc\x00")));
    assert_false(msgpack_is_sound(FRAME("\x81\x01")));
    assert_false(msgpack_is_sound(FRAME("\x01\x01")));
    assert_false(msgpack_is_sound(FRAME("\x91\xc1")));
    assert_false(msgpack_is_sound(FRAME("\xd8\x01xxxxxxxxxxxxxxx")));
    assert_true(msgpack_is_sound(FRAME("\xd8\x01xxxxxxxxxxxxxxxx")));
    assert_true(msgpack_is_sound(FRAME("\xd4\x01x")));
    assert_true(msgpack_is_sound(FRAME("\xc7\x00\x01")));
    assert_true(msgpack_is_sound(FRAME("\xc7\x02\x01xy")));
    assert_true(msgpack_is_sound(FRAME("\xc8\x00\x01\x01x")));
    assert_true(msgpack_is_sound(FRAME("\xc9\x00\x00\x00\x01\x01x")));
    assert_true(msgpack_is_sound(FRAME("\xdd\0\0\0\x02\xe0\x7f")));
    assert_true(msgpack_is_sound(FRAME("\xdc\0\x01\xcb\0\0\0\0\0\0\0\0")));
    assert_true(
        msgpack_is_sound(FRAME("\x94\xcc\x01\xcd\0\x01\xce\0\0\0\x01\xcf\0\0\0\0\0\0\0\x01")));
    assert_true(
        msgpack_is_sound(FRAME("\x94\xd0\x01\xd1\0\x01\xd2\0\0\0\x01\xd3\0\0\0\0\0\0\0\x01")));
    assert_true(msgpack_is_sound(FRAME("\x93\xd9\x01x\xda\0\x01x\xdb\0\0\0\x01x")));
    assert_true(msgpack_is_sound(FRAME("\x93\xc4\x01x\xc5\0\x01x\xc6\0\0\0\x01x")));
    assert_true(msgpack_is_sound(FRAME("\x93\xc0\xc2\xc3")));
    assert_true(msgpack_is_sound(FRAME("\x92\x90\x91\x80")));
}

static void truncation_check(const struct message_type *type, struct arena *arena)
{
    struct sample sample = sample_golden(type, arena);
    struct bytes bytes = message_encode(type, sample_message(&sample, type), arena);
    for (size_t length = 0; length < bytes.length; length++) {
        /* Of its own size, so that a sanitizer sees one byte too many. */
        uint8_t *copy = malloc(length + 1);
        memcpy(copy + 1, bytes.at, length);
        judge(type, (struct bytes){copy + 1, length}, arena, REFUSAL_malformed, NULL);
        free(copy);
    }
}

static void truncated_messages_are_malformed(void **state)
{
    (void)state;
    for_each_type(truncation_check);
}

static void damage_check(const struct message_type *type, struct arena *arena)
{
    struct sample sample = {.state = SEED, .arena = arena};
    void *message = arena_alloc(arena, type->size);
    struct bytes bytes = message_encode(type, sample_message(&sample, type), arena);
    uint8_t *damaged = malloc(bytes.length);
    struct arena *scratch = arena_new();
    for (int n = 0; n < 500; n++) {
        struct refusal refusal = {0};
        memcpy(damaged, bytes.at, bytes.length);
        for (int flips = 1 + n % 4; flips > 0; flips--)
            damaged[sample_next(&sample) % bytes.length] = (uint8_t)sample_next(&sample);
        if (message_decode(type, (struct bytes){damaged, bytes.length}, scratch, message, &refusal))
            message_encode(type, message, scratch);
        else
            assert_true(refusal.code != REFUSAL_NONE);
        arena_reset(scratch);
    }
    arena_destroy(&scratch);
    free(damaged);
}

static void damaged_messages_are_survived(void **state)
{
    (void)state;
    for_each_type(damage_check);
}

static void *decode_elsewhere(void *bytes)
{
    struct arena *arena = arena_new();
    struct refusal refusal;
    struct board board;
    bool decoded =
        message_decode(&query_types[QUERY_board], *(struct bytes *)bytes, arena, &board, &refusal);
    arena_destroy(&arena);
    return decoded ? bytes : NULL;
}

static void threads_have_their_own_zones(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct bytes bytes = FRAME("\x81\xa4town\xa5qiuai");
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decode_elsewhere, &bytes), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, &bytes);
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_check(struct bytes bytes, const char *expected)
{
    struct arena *arena = arena_new();
    struct text json = msgpack_to_json(bytes, arena);
    assert_int_equal(json.length, strlen(expected));
    assert_memory_equal(json.at, expected, json.length);
    arena_destroy(&arena);
}

static void json_says_what_msgpack_said(void **state)
{
    (void)state;
    json_check(FRAME("\x83\xa1"
                     "a\x01\xa1"
                     "b\x93\xc0\xc2\xc3\xa1"
                     "c\xa6鄞州"),
               "{\"a\":1,\"b\":[null,false,true],\"c\":\"鄞州\"}");
    json_check(FRAME("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854775808");
    json_check(FRAME("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), "9223372036854775807");
    json_check(FRAME("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "\"18446744073709551615\"");
    json_check(FRAME("\xcb\x3f\xf8\0\0\0\0\0\0"), "1.5");
    json_check(FRAME("\xcb\x7f\xf8\0\0\0\0\0\0"), "null");
    json_check(FRAME("\xc4\x00"), "\"\"");
    json_check(FRAME("\xc4\x01M"), "\"TQ==\"");
    json_check(FRAME("\xc4\x02Ma"), "\"TWE=\"");
    json_check(FRAME("\xc4\x03Man"), "\"TWFu\"");
    json_check(FRAME("\xd4\x05M"), "{\"ext\":5,\"data\":\"TQ==\"}");
    json_check(FRAME("\xa4x\xff\0y"), "\"x\xef\xbf\xbd\\u0000y\"");
    json_check(FRAME("\xa4x\xe9\x84y"), "\"x\xef\xbf\xbd\xef\xbf\xbdy\"");
    json_check(FRAME("\x86\x01\x01\xff\x02\xc0\x03\xc3\x04\xa2x\0\x05\x81\x01\x02\x06"),
               "{\"1\":1,\"-1\":2,\"null\":3,\"true\":4,\"x\xef\xbf\xbd\":5,\"?\":6}");
    json_check(FRAME("\x80"), "{}");
    json_check(FRAME("\x91"), "");
    json_check(FRAME(""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_consistent),
        cmocka_unit_test(types_are_found_by_name),
        cmocka_unit_test(random_messages_round_trip),
        cmocka_unit_test(defaults_are_left_out),
        cmocka_unit_test(absent_fields_get_their_defaults),
        cmocka_unit_test(each_field_refuses_precisely),
        cmocka_unit_test(strange_maps),
        cmocka_unit_test(soundness),
        cmocka_unit_test(truncated_messages_are_malformed),
        cmocka_unit_test(damaged_messages_are_survived),
        cmocka_unit_test(threads_have_their_own_zones),
        cmocka_unit_test(json_says_what_msgpack_said),
    };
    return cmocka_run_group_tests_name("events: messages", tests, NULL, NULL);
}
