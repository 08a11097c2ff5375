/* From structs to msgpack: fields in table order, what equals its default left out. */
#include "events/codec.h"

#include <assert.h>
#include <string.h>

/* Bytes of the longest scalar. */
#define SCALAR_MAX 9

static int writer_write(void *data, const char *at, size_t length)
{
    struct wire *wire = data;
    assert(length <= wire->capacity - wire->length); /* else codec_bound() is wrong */
    memcpy(wire->at + wire->length, at, length);
    wire->length += length;
    return 0;
}

void writer_open(struct wire *wire, struct arena *arena, size_t capacity)
{
    *wire = (struct wire){.at = arena_alloc(arena, capacity), .capacity = capacity};
    msgpack_packer_init(&wire->packer, wire, writer_write);
}

void writer_name(struct wire *wire, const char *name, size_t length)
{
    msgpack_pack_str(&wire->packer, length);
    msgpack_pack_str_body(&wire->packer, name, length);
}

void writer_text(struct wire *wire, struct text t)
{
    msgpack_pack_str(&wire->packer, t.length);
    if (t.length > 0)
        msgpack_pack_str_body(&wire->packer, t.at, t.length);
}

void writer_raw(struct wire *wire, struct bytes encoded)
{
    if (encoded.length > 0)
        writer_write(wire, (const char *)encoded.at, encoded.length);
}

static size_t texts_bound(const struct text_list *list)
{
    size_t bound = CODEC_HEADER_MAX;
    for (size_t i = 0; i < list->count; i++)
        bound += CODEC_HEADER_MAX + list->items[i].length;
    return bound;
}

static size_t counts_bound(const struct count_list *list)
{
    size_t bound = CODEC_HEADER_MAX;
    for (size_t i = 0; i < list->count; i++)
        bound += CODEC_HEADER_MAX + list->items[i].name.length + SCALAR_MAX;
    return bound;
}

static size_t resolutions_bound(const struct resolution_list *list)
{
    static const size_t names = 4 * CODEC_HEADER_MAX + sizeof "text"
                                                              "owner"
                                                              "due";
    size_t bound = CODEC_HEADER_MAX;
    for (size_t i = 0; i < list->count; i++)
        bound += names + 3 * CODEC_HEADER_MAX + list->items[i].text.length +
                 list->items[i].owner.length + list->items[i].due.length;
    return bound;
}

static size_t field_bound(const struct field *field, const void *at)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_CODE:
        return CODEC_HEADER_MAX + ((const struct text *)at)->length;
    case FIELD_INT:
    case FIELD_TIME:
    case FIELD_FLAG:
        return SCALAR_MAX;
    case FIELD_WORD:
        return CODEC_HEADER_MAX + strlen(words_name(field->words, *(const int *)at));
    case FIELD_TEXTS:
    case FIELD_CODES:
        return texts_bound(at);
    case FIELD_COUNTS:
        return counts_bound(at);
    case FIELD_WINDOWS:
        return CODEC_HEADER_MAX +
               ((const struct window_list *)at)->count * (CODEC_HEADER_MAX + 2 * SCALAR_MAX);
    case FIELD_RESOLUTIONS:
        return resolutions_bound(at);
    }
    return 0; /* not reached: the switch is complete */
}

static bool field_is_default(const struct field *field, const void *at)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_CODE:
        return ((const struct text *)at)->length == 0;
    case FIELD_INT:
    case FIELD_TIME:
        return *(const int64_t *)at == field->fallback;
    case FIELD_FLAG:
        return *(const bool *)at == (field->fallback != 0);
    case FIELD_WORD:
        return *(const int *)at == field->fallback;
    case FIELD_TEXTS:
    case FIELD_CODES:
        return ((const struct text_list *)at)->count == 0;
    case FIELD_COUNTS:
        return ((const struct count_list *)at)->count == 0;
    case FIELD_WINDOWS:
        return ((const struct window_list *)at)->count == 0;
    case FIELD_RESOLUTIONS:
        return ((const struct resolution_list *)at)->count == 0;
    }
    return false; /* not reached: the switch is complete */
}

static bool field_is_written(const struct field *field, const void *message)
{
    return field->required || !field_is_default(field, (const char *)message + field->offset);
}

static void windows_write(struct wire *wire, const struct window_list *list)
{
    msgpack_pack_array(&wire->packer, list->count);
    for (size_t i = 0; i < list->count; i++) {
        msgpack_pack_array(&wire->packer, 2);
        msgpack_pack_int64(&wire->packer, list->items[i].start);
        msgpack_pack_int64(&wire->packer, list->items[i].end);
    }
}

static void resolutions_write(struct wire *wire, const struct resolution_list *list)
{
    msgpack_pack_array(&wire->packer, list->count);
    for (size_t i = 0; i < list->count; i++) {
        msgpack_pack_map(&wire->packer, 3);
        writer_name(wire, "text", 4);
        writer_text(wire, list->items[i].text);
        writer_name(wire, "owner", 5);
        writer_text(wire, list->items[i].owner);
        writer_name(wire, "due", 3);
        writer_text(wire, list->items[i].due);
    }
}

static void field_write(struct wire *wire, const struct field *field, const void *at)
{
    const struct text_list *texts = at;
    const struct count_list *counts = at;
    const char *name;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_CODE:
        writer_text(wire, *(const struct text *)at);
        break;
    case FIELD_INT:
    case FIELD_TIME:
        msgpack_pack_int64(&wire->packer, *(const int64_t *)at);
        break;
    case FIELD_FLAG:
        if (*(const bool *)at)
            msgpack_pack_true(&wire->packer);
        else
            msgpack_pack_false(&wire->packer);
        break;
    case FIELD_WORD:
        name = words_name(field->words, *(const int *)at);
        writer_name(wire, name, strlen(name));
        break;
    case FIELD_TEXTS:
    case FIELD_CODES:
        msgpack_pack_array(&wire->packer, texts->count);
        for (size_t i = 0; i < texts->count; i++)
            writer_text(wire, texts->items[i]);
        break;
    case FIELD_COUNTS:
        msgpack_pack_map(&wire->packer, counts->count);
        for (size_t i = 0; i < counts->count; i++) {
            writer_text(wire, counts->items[i].name);
            msgpack_pack_int64(&wire->packer, counts->items[i].value);
        }
        break;
    case FIELD_WINDOWS:
        windows_write(wire, at);
        break;
    case FIELD_RESOLUTIONS:
        resolutions_write(wire, at);
        break;
    }
}

size_t codec_bound(const struct message_type *type, const void *message)
{
    size_t bound = CODEC_HEADER_MAX;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (field_is_written(field, message))
            bound += CODEC_HEADER_MAX + field->name_length +
                     field_bound(field, (const char *)message + field->offset);
    }
    return bound;
}

size_t codec_count(const struct message_type *type, const void *message)
{
    size_t count = 0;
    for (size_t i = 0; i < type->field_count; i++)
        count += field_is_written(&type->fields[i], message);
    return count;
}

void codec_write(struct wire *wire, const struct message_type *type, const void *message)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (!field_is_written(field, message))
            continue;
        writer_name(wire, field->name, field->name_length);
        field_write(wire, field, (const char *)message + field->offset);
    }
}

struct bytes message_encode(const struct message_type *type, const void *message,
                            struct arena *arena)
{
    struct wire wire;
    writer_open(&wire, arena, codec_bound(type, message) + CODEC_HEADER_MAX + SCALAR_MAX);
    msgpack_pack_map(&wire.packer, codec_count(type, message) + 1);
    writer_name(&wire, "v", 1);
    msgpack_pack_int64(&wire.packer, type->version);
    codec_write(&wire, type, message);
    return writer_bytes(&wire);
}
