/* From msgpack to structs: one walk over a map, one table of fields. */
#include "events/codec.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One zone per thread: a new one for each message costs more than the decoding (3.5 against 2.0
 * million a second). */
#define ZONE_CHUNK_BYTES 16384

static _Thread_local msgpack_zone *thread_zone;
static pthread_key_t zone_key;
static pthread_once_t zone_once = PTHREAD_ONCE_INIT;

static void zone_release(void *zone)
{
    msgpack_zone_free(zone);
}

static void zone_key_create(void)
{
    if (pthread_key_create(&zone_key, zone_release) != 0)
        abort(); /* the process has no keys left: nothing could work */
}

static msgpack_zone *zone_of_thread(void)
{
    if (thread_zone == NULL) {
        pthread_once(&zone_once, zone_key_create);
        thread_zone = msgpack_zone_new(ZONE_CHUNK_BYTES);
        if (thread_zone == NULL)
            abort(); /* no memory: as arena_alloc */
        pthread_setspecific(zone_key, thread_zone);
    }
    msgpack_zone_clear(thread_zone);
    return thread_zone;
}

const msgpack_object *codec_unpack(struct bytes bytes)
{
    static _Thread_local msgpack_object object;
    size_t end = 0;
    msgpack_unpack_return done =
        msgpack_unpack((const char *)bytes.at, bytes.length, &end, zone_of_thread(), &object);
    return done == MSGPACK_UNPACK_SUCCESS && end == bytes.length ? &object : NULL;
}

static bool refuse(struct refusal *refusal, enum refusal_code code, const char *field)
{
    *refusal = refusal_of(code, field);
    return false;
}

/* --- values ----------------------------------------------------------------------------------- */

static enum refusal_code text_read(const msgpack_object *object, int64_t min, int64_t max,
                                   struct text *out)
{
    if (object->type != MSGPACK_OBJECT_STR)
        return REFUSAL_wrong_type;
    if (object->via.str.size > max)
        return REFUSAL_too_long;
    struct text t = codec_text(&object->via.str);
    if (!text_is_clean(t))
        return REFUSAL_bad_text;
    if (object->via.str.size < min)
        return REFUSAL_out_of_range;
    *out = t;
    return REFUSAL_NONE;
}

static enum refusal_code code_read(const msgpack_object *object, int64_t min, int64_t max,
                                   struct text *out)
{
    enum refusal_code code = text_read(object, min, max, out);
    if (code == REFUSAL_NONE && out->length > 0 && !text_is_code(*out))
        code = REFUSAL_out_of_range;
    return code;
}

static enum refusal_code int_read(const msgpack_object *object, int64_t min, int64_t max,
                                  int64_t *out)
{
    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        if (object->via.u64 > INT64_MAX)
            return REFUSAL_out_of_range;
        *out = (int64_t)object->via.u64;
    } else if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        *out = object->via.i64;
    } else {
        return REFUSAL_wrong_type;
    }
    return *out < min || *out > max ? REFUSAL_out_of_range : REFUSAL_NONE;
}

static enum refusal_code word_read(const msgpack_object *object, const struct words *words,
                                   int *out)
{
    if (object->type != MSGPACK_OBJECT_STR)
        return REFUSAL_wrong_type;
    *out = words_find(words, codec_text(&object->via.str));
    return *out < 0 ? REFUSAL_unknown_word : REFUSAL_NONE;
}

static enum refusal_code list_size_check(uint32_t size, const struct field *field)
{
    if (size > field->max)
        return REFUSAL_too_long;
    return size < field->min ? REFUSAL_out_of_range : REFUSAL_NONE;
}

static enum refusal_code texts_read(const msgpack_object *object, const struct field *field,
                                    struct arena *arena, struct text_list *out)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return REFUSAL_wrong_type;
    const msgpack_object_array *array = &object->via.array;
    enum refusal_code code = list_size_check(array->size, field);
    if (code != REFUSAL_NONE || array->size == 0)
        return code;
    struct text *items = arena_array(arena, array->size, sizeof *items);
    for (uint32_t i = 0; i < array->size && code == REFUSAL_NONE; i++)
        code = field->kind == FIELD_CODES ? code_read(&array->ptr[i], 1, CODE_MAX, &items[i])
                                          : text_read(&array->ptr[i], 1, TEXTS_ITEM_MAX, &items[i]);
    *out = (struct text_list){items, array->size};
    return code;
}

static enum refusal_code counts_read(const msgpack_object *object, const struct field *field,
                                     struct arena *arena, struct count_list *out)
{
    if (object->type != MSGPACK_OBJECT_MAP)
        return REFUSAL_wrong_type;
    const msgpack_object_map *map = &object->via.map;
    enum refusal_code code = list_size_check(map->size, field);
    if (code != REFUSAL_NONE || map->size == 0)
        return code;
    struct count *items = arena_array(arena, map->size, sizeof *items);
    for (uint32_t i = 0; i < map->size; i++) {
        if (map->ptr[i].key.type != MSGPACK_OBJECT_STR)
            return REFUSAL_malformed;
        code = text_read(&map->ptr[i].key, 1, TEXTS_ITEM_MAX, &items[i].name);
        if (code == REFUSAL_NONE)
            code = int_read(&map->ptr[i].val, 0, COUNTS_VALUE_MAX, &items[i].value);
        if (code != REFUSAL_NONE)
            return code;
        for (uint32_t j = 0; j < i; j++)
            if (text_equal(items[j].name, items[i].name))
                return REFUSAL_malformed;
    }
    *out = (struct count_list){items, map->size};
    return REFUSAL_NONE;
}

static enum refusal_code windows_read(const msgpack_object *object, const struct field *field,
                                      struct arena *arena, struct window_list *out)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return REFUSAL_wrong_type;
    const msgpack_object_array *array = &object->via.array;
    enum refusal_code code = list_size_check(array->size, field);
    if (code != REFUSAL_NONE || array->size == 0)
        return code;
    struct window *items = arena_array(arena, array->size, sizeof *items);
    for (uint32_t i = 0; i < array->size && code == REFUSAL_NONE; i++) {
        const msgpack_object *pair = &array->ptr[i];
        if (pair->type != MSGPACK_OBJECT_ARRAY || pair->via.array.size != 2)
            return REFUSAL_wrong_type;
        code = int_read(&pair->via.array.ptr[0], INSTANT_MIN, INSTANT_MAX, &items[i].start);
        if (code == REFUSAL_NONE)
            code = int_read(&pair->via.array.ptr[1], INSTANT_MIN, INSTANT_MAX, &items[i].end);
    }
    *out = (struct window_list){items, array->size};
    return code;
}

static enum refusal_code due_read(const msgpack_object *object, struct text *out)
{
    enum refusal_code code = text_read(object, 1, DATE_LENGTH, out);
    return code == REFUSAL_NONE && !text_is_date(*out) ? REFUSAL_out_of_range : code;
}

static enum refusal_code resolution_read(const msgpack_object *object, struct resolution *out)
{
    unsigned seen = 0;
    if (object->type != MSGPACK_OBJECT_MAP)
        return REFUSAL_wrong_type;
    for (uint32_t i = 0; i < object->via.map.size; i++) {
        const msgpack_object_kv *pair = &object->via.map.ptr[i];
        if (pair->key.type != MSGPACK_OBJECT_STR)
            return REFUSAL_malformed;
        struct text key = codec_text(&pair->key.via.str);
        unsigned bit = text_equal(key, TEXT("text"))    ? 1
                       : text_equal(key, TEXT("owner")) ? 2
                       : text_equal(key, TEXT("due"))   ? 4
                                                        : 0;
        if (bit == 0)
            continue;
        if ((seen & bit) != 0)
            return REFUSAL_malformed;
        seen |= bit;
        enum refusal_code code = bit == 1   ? text_read(&pair->val, 1, TEXTS_ITEM_MAX, &out->text)
                                 : bit == 2 ? code_read(&pair->val, 1, CODE_MAX, &out->owner)
                                            : due_read(&pair->val, &out->due);
        if (code != REFUSAL_NONE)
            return code;
    }
    return seen == 7 ? REFUSAL_NONE : REFUSAL_missing_field;
}

static enum refusal_code resolutions_read(const msgpack_object *object, const struct field *field,
                                          struct arena *arena, struct resolution_list *out)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return REFUSAL_wrong_type;
    const msgpack_object_array *array = &object->via.array;
    enum refusal_code code = list_size_check(array->size, field);
    if (code != REFUSAL_NONE || array->size == 0)
        return code;
    struct resolution *items = arena_array(arena, array->size, sizeof *items);
    for (uint32_t i = 0; i < array->size && code == REFUSAL_NONE; i++)
        code = resolution_read(&array->ptr[i], &items[i]);
    *out = (struct resolution_list){items, array->size};
    return code;
}

static enum refusal_code field_read(const struct field *field, const msgpack_object *object,
                                    struct arena *arena, void *at)
{
    switch (field->kind) {
    case FIELD_TEXT:
        return text_read(object, field->min, field->max, at);
    case FIELD_CODE:
        return code_read(object, field->min, field->max, at);
    case FIELD_INT:
        return int_read(object, field->min, field->max, at);
    case FIELD_TIME:
        return int_read(object, INSTANT_MIN, INSTANT_MAX, at);
    case FIELD_FLAG:
        if (object->type != MSGPACK_OBJECT_BOOLEAN)
            return REFUSAL_wrong_type;
        *(bool *)at = object->via.boolean;
        return REFUSAL_NONE;
    case FIELD_WORD:
        return word_read(object, field->words, at);
    case FIELD_TEXTS:
    case FIELD_CODES:
        return texts_read(object, field, arena, at);
    case FIELD_COUNTS:
        return counts_read(object, field, arena, at);
    case FIELD_WINDOWS:
        return windows_read(object, field, arena, at);
    case FIELD_RESOLUTIONS:
        return resolutions_read(object, field, arena, at);
    }
    return REFUSAL_malformed; /* not reached: the switch is complete */
}

/* --- maps ------------------------------------------------------------------------------------- */

void message_clear(const struct message_type *type, void *message)
{
    memset(message, 0, type->size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        void *at = (char *)message + field->offset;
        switch (field->kind) {
        case FIELD_TEXT:
        case FIELD_CODE:
            *(struct text *)at = TEXT("");
            break;
        case FIELD_INT:
        case FIELD_TIME:
            *(int64_t *)at = field->fallback;
            break;
        case FIELD_FLAG:
            *(bool *)at = field->fallback != 0;
            break;
        case FIELD_WORD:
            *(int *)at = (int)field->fallback;
            break;
        case FIELD_TEXTS:
        case FIELD_CODES:
        case FIELD_COUNTS:
        case FIELD_WINDOWS:
        case FIELD_RESOLUTIONS:
            break;
        }
    }
}

static bool name_is(const msgpack_object_str *key, const char *name, size_t length)
{
    return key->size == length && memcmp(key->ptr, name, length) == 0;
}

/* Our own encoders send fields in table order, so the search begins where the last one ended. */
static size_t field_find(const struct message_type *type, const msgpack_object_str *key,
                         size_t from)
{
    for (size_t n = 0; n < type->field_count; n++) {
        size_t i = from + n < type->field_count ? from + n : from + n - type->field_count;
        if (name_is(key, type->fields[i].name, type->fields[i].name_length))
            return i;
    }
    return type->field_count;
}

static bool capture_take(struct capture *captures, size_t count, const msgpack_object_kv *pair,
                         const uint8_t *end, uint64_t *seen, struct refusal *refusal)
{
    const msgpack_object_str *key = &pair->key.via.str;
    for (size_t i = 0; i < count; i++) {
        struct capture *capture = &captures[i];
        if (!name_is(key, capture->name, capture->name_length))
            continue;
        if (*seen & UINT64_C(1) << i)
            return refuse(refusal, REFUSAL_malformed, capture->name);
        *seen |= UINT64_C(1) << i;
        if (pair->val.type == MSGPACK_OBJECT_NIL)
            return true;
        /* msgpack-c does not say where a value begins; it begins where its key ends. */
        const uint8_t *start = (const uint8_t *)key->ptr + key->size;
        capture->value = &pair->val;
        capture->raw = (struct bytes){start, (size_t)(end - start)};
        capture->raw.length = codec_length(capture->raw);
        return true;
    }
    return true;
}

bool codec_read(const struct message_type *type, const msgpack_object *map, const uint8_t *end,
                struct arena *arena, void *message, struct capture *captures, size_t capture_count,
                struct refusal *refusal)
{
    uint64_t seen = 0, present = 0, captured = 0;
    size_t next = 0;
    if (map->type != MSGPACK_OBJECT_MAP)
        return refuse(refusal, REFUSAL_malformed, NULL);
    message_clear(type, message);
    for (uint32_t n = 0; n < map->via.map.size; n++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[n];
        if (pair->key.type != MSGPACK_OBJECT_STR)
            return refuse(refusal, REFUSAL_malformed, NULL);
        size_t i = field_find(type, &pair->key.via.str, next);
        if (i == type->field_count) {
            if (!capture_take(captures, capture_count, pair, end, &captured, refusal))
                return false;
            continue;
        }
        const struct field *field = &type->fields[i];
        if (seen & UINT64_C(1) << i)
            return refuse(refusal, REFUSAL_malformed, field->name);
        seen |= UINT64_C(1) << i;
        next = i + 1 < type->field_count ? i + 1 : 0;
        if (pair->val.type == MSGPACK_OBJECT_NIL)
            continue;
        enum refusal_code code =
            field_read(field, &pair->val, arena, (char *)message + field->offset);
        if (code != REFUSAL_NONE)
            return refuse(refusal, code, field->name);
        present |= UINT64_C(1) << i;
    }
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].required && !(present & UINT64_C(1) << i))
            return refuse(refusal, REFUSAL_missing_field, type->fields[i].name);
    return true;
}

bool message_decode(const struct message_type *type, struct bytes bytes, struct arena *arena,
                    void *message, struct refusal *refusal)
{
    if (bytes.length > EVENT_BYTES_MAX)
        return refuse(refusal, REFUSAL_oversize, NULL);
    if (!msgpack_is_sound(bytes))
        return refuse(refusal, REFUSAL_malformed, NULL);
    struct bytes copy = arena_bytes(arena, bytes);
    const msgpack_object *map = codec_unpack(copy);
    if (map == NULL)
        return refuse(refusal, REFUSAL_malformed, NULL);
    return codec_read(type, map, copy.at + copy.length, arena, message, NULL, 0, refusal);
}
