/* msgpack as JSON, for people and logs. What JSON cannot say is said in text: bytes in base64,
 * integers beyond int64 in decimal, each ill-formed UTF-8 byte as U+FFFD, NaN and infinities as
 * null, a key that is no scalar as "?". */
#include "events/codec.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static json_t *value_json(const msgpack_object *object, struct arena *arena);

/* Length of the well-formed UTF-8 sequence at the head of the text; 0: none. */
static size_t sequence_length(struct text t)
{
    uint8_t first = (uint8_t)t.at[0];
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first == 0)
        return 1; /* jansson writes it as an escape */
    return length <= t.length && text_is_clean((struct text){t.at, length}) ? length : 0;
}

static struct text text_repaired(struct text t, struct arena *arena)
{
    if (text_is_clean(t))
        return t;
    char *repaired = arena_alloc(arena, t.length * (sizeof REPLACEMENT - 1));
    size_t length = 0;
    for (size_t i = 0; i < t.length;) {
        size_t step = sequence_length((struct text){t.at + i, t.length - i});
        if (step > 0) {
            memcpy(repaired + length, t.at + i, step);
            length += step;
            i += step;
        } else {
            memcpy(repaired + length, REPLACEMENT, sizeof REPLACEMENT - 1);
            length += sizeof REPLACEMENT - 1;
            i++;
        }
    }
    return (struct text){repaired, length};
}

static struct text base64_of(const char *at, size_t length, struct arena *arena)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t out_length = (length + 2) / 3 * 4, o = 0;
    if (out_length == 0)
        return TEXT("");
    char *out = arena_alloc(arena, out_length);
    for (size_t i = 0; i < length; i += 3) {
        uint32_t word = (uint32_t)(uint8_t)at[i] << 16;
        if (i + 1 < length)
            word |= (uint32_t)(uint8_t)at[i + 1] << 8;
        if (i + 2 < length)
            word |= (uint8_t)at[i + 2];
        out[o++] = digits[word >> 18];
        out[o++] = digits[word >> 12 & 63];
        out[o++] = i + 1 < length ? digits[word >> 6 & 63] : '=';
        out[o++] = i + 2 < length ? digits[word & 63] : '=';
    }
    return (struct text){out, out_length};
}

static json_t *text_json(struct text t)
{
    return json_stringn(t.at, t.length);
}

static json_t *array_json(const msgpack_object_array *array, struct arena *arena)
{
    json_t *json = json_array();
    for (uint32_t i = 0; i < array->size; i++)
        if (json_array_append_new(json, value_json(&array->ptr[i], arena)) != 0) {
            json_decref(json);
            return NULL;
        }
    return json;
}

/* jansson's keys hold no NUL: one is written as U+FFFD. */
static const char *key_of_text(struct text raw, struct arena *arena)
{
    struct text t = text_repaired(raw, arena);
    char *key = arena_alloc(arena, t.length * (sizeof REPLACEMENT - 1) + 1);
    size_t length = 0;
    for (size_t i = 0; i < t.length; i++) {
        if (t.at[i] != '\0') {
            key[length++] = t.at[i];
            continue;
        }
        memcpy(key + length, REPLACEMENT, sizeof REPLACEMENT - 1);
        length += sizeof REPLACEMENT - 1;
    }
    return key;
}

/* No message of ours has a key that is no str; the JSON of a nested one would double its quotes at
 * every level. */
static const char *key_string(const msgpack_object *key, struct arena *arena)
{
    switch (key->type) {
    case MSGPACK_OBJECT_STR:
        return key_of_text(codec_text(&key->via.str), arena);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return arena_format(arena, "%" PRIu64, key->via.u64).at;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return arena_format(arena, "%" PRId64, key->via.i64).at;
    case MSGPACK_OBJECT_NIL:
        return "null";
    case MSGPACK_OBJECT_BOOLEAN:
        return key->via.boolean ? "true" : "false";
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
    case MSGPACK_OBJECT_BIN:
    case MSGPACK_OBJECT_EXT:
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
        return "?";
    }
    return "?"; /* not reached: the switch is complete */
}

static json_t *map_json(const msgpack_object_map *map, struct arena *arena)
{
    json_t *json = json_object();
    for (uint32_t i = 0; i < map->size; i++) {
        const char *key = key_string(&map->ptr[i].key, arena);
        json_t *value = value_json(&map->ptr[i].val, arena);
        /* _new takes the value in any case; a NULL key or value is its error. */
        if (json_object_set_new(json, key, value) != 0) {
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

static json_t *value_json(const msgpack_object *object, struct arena *arena)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return json_null();
    case MSGPACK_OBJECT_BOOLEAN:
        return json_boolean(object->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        if (object->via.u64 <= INT64_MAX)
            return json_integer((json_int_t)object->via.u64);
        return text_json(arena_format(arena, "%" PRIu64, object->via.u64));
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return json_integer((json_int_t)object->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return isfinite(object->via.f64) ? json_real(object->via.f64) : json_null();
    case MSGPACK_OBJECT_STR:
        return text_json(text_repaired(codec_text(&object->via.str), arena));
    case MSGPACK_OBJECT_BIN:
        return text_json(base64_of(object->via.bin.ptr, object->via.bin.size, arena));
    case MSGPACK_OBJECT_EXT: {
        struct text data = base64_of(object->via.ext.ptr, object->via.ext.size, arena);
        return json_pack("{s:i, s:s%}", "ext", object->via.ext.type, "data", data.at, data.length);
    }
    case MSGPACK_OBJECT_ARRAY:
        return array_json(&object->via.array, arena);
    case MSGPACK_OBJECT_MAP:
        return map_json(&object->via.map, arena);
    }
    return json_null(); /* not reached: the switch is complete */
}

struct text msgpack_to_json(struct bytes bytes, struct arena *arena)
{
    if (!msgpack_is_sound(bytes))
        return TEXT("");
    const msgpack_object *object = codec_unpack(bytes);
    if (object == NULL)
        return TEXT("");
    json_t *json = value_json(object, arena);
    char *dump = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
    struct text out = dump != NULL ? arena_text(arena, text_of(dump)) : TEXT("");
    free(dump);
    return out;
}
