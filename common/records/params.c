/* Parameters in PostgreSQL's binary format: numbers in network order, an array as its header and
 * its elements one after another (src/backend/utils/adt/arrayfuncs.c, array_recv). */
#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <string.h>

#include "base/instant.h"
#include "records/inside.h"

#define ARRAY_HEADER   20   /* dimensions, has-nulls, element type, length, lower bound */
#define ARRAY_EMPTY    12   /* an array of no dimensions ends after the element type */
#define ARRAY_INITIAL  1024 /* bytes; doubled as it grows */
#define ITEM_SEPARATOR '\x1F'

struct column {
    struct arena *arena;
    enum column_type type;
    Oid element;
    uint32_t count;
    bool has_null;
    char *at; /* header and elements */
    size_t length;
    size_t capacity;
};

static void put_u32(char *at, uint32_t value)
{
    uint32_t wire = htobe32(value);
    memcpy(at, &wire, sizeof wire);
}

static void put_u64(char *at, uint64_t value)
{
    uint64_t wire = htobe64(value);
    memcpy(at, &wire, sizeof wire);
}

static uint64_t postgres_time(int64_t ms)
{
    assert(ms >= INSTANT_MIN && ms <= INSTANT_MAX);
    return (uint64_t)((ms - POSTGRES_EPOCH_MS) * 1000);
}

struct params *params_new(struct arena *arena)
{
    struct params *params = arena_alloc(arena, sizeof *params);
    params->arena = arena;
    return params;
}

static void params_add(struct params *params, Oid type, const char *value, size_t length)
{
    assert(params->count < PARAMS_MAX);
    params->types[params->count] = type;
    params->values[params->count] = value;
    params->lengths[params->count] = length;
    params->count++;
}

void params_int(struct params *params, int64_t value)
{
    char *at = arena_alloc(params->arena, sizeof(uint64_t));
    put_u64(at, (uint64_t)value);
    params_add(params, OID_INT8, at, sizeof(uint64_t));
}

void params_flag(struct params *params, bool value)
{
    params_add(params, OID_BOOL, value ? "\1" : "\0", 1);
}

/* Never a null pointer, which would be an SQL NULL. */
static const char *params_copy(struct params *params, const void *at, size_t length)
{
    if (length == 0)
        return "";
    char *copy = arena_alloc(params->arena, length);
    memcpy(copy, at, length);
    return copy;
}

void params_text(struct params *params, struct text value)
{
    params_add(params, OID_TEXT, params_copy(params, value.at, value.length), value.length);
}

void params_bytes(struct params *params, struct bytes value)
{
    params_add(params, OID_BYTEA, params_copy(params, value.at, value.length), value.length);
}

void params_time(struct params *params, int64_t ms)
{
    if (ms == INSTANT_ABSENT) {
        params_add(params, OID_TIMESTAMPTZ, NULL, 0);
        return;
    }
    char *at = arena_alloc(params->arena, sizeof(uint64_t));
    put_u64(at, postgres_time(ms));
    params_add(params, OID_TIMESTAMPTZ, at, sizeof(uint64_t));
}

void params_uuid(struct params *params, const struct uuid *value)
{
    params_add(params, OID_UUID, params_copy(params, value->at, UUID_BYTES), UUID_BYTES);
}

void params_texts(struct params *params, const struct text *items, size_t count)
{
    struct column *column = params_column(params, COLUMN_TEXT);
    for (size_t i = 0; i < count; i++)
        column_text(column, items[i]);
}

/* The type is left to the server to infer. */
void params_null(struct params *params)
{
    params_add(params, 0, NULL, 0);
}

struct column *params_column(struct params *params, enum column_type type)
{
    static const struct {
        Oid element, array;
    } oids[] = {
        [COLUMN_INT8] = {OID_INT8, OID_INT8_ARRAY},
        [COLUMN_INT4] = {OID_INT4, OID_INT4_ARRAY},
        [COLUMN_BOOL] = {OID_BOOL, OID_BOOL_ARRAY},
        [COLUMN_TEXT] = {OID_TEXT, OID_TEXT_ARRAY},
        [COLUMN_BYTEA] = {OID_BYTEA, OID_BYTEA_ARRAY},
        [COLUMN_TIMESTAMPTZ] = {OID_TIMESTAMPTZ, OID_TIMESTAMPTZ_ARRAY},
        [COLUMN_UUID] = {OID_UUID, OID_UUID_ARRAY},
    };
    struct column *column = arena_alloc(params->arena, sizeof *column);
    column->arena = params->arena;
    column->type = type;
    column->element = oids[type].element;
    column->capacity = ARRAY_INITIAL;
    column->at = arena_alloc(params->arena, column->capacity);
    column->length = ARRAY_HEADER;
    params_add(params, oids[type].array, NULL, 0);
    params->columns[params->count - 1] = column;
    return column;
}

static char *column_extend(struct column *column, size_t length)
{
    if (length > column->capacity - column->length) {
        size_t capacity = column->capacity * 2;
        while (capacity - column->length < length)
            capacity *= 2;
        char *at = arena_alloc(column->arena, capacity);
        memcpy(at, column->at, column->length);
        column->at = at;
        column->capacity = capacity;
    }
    char *end = column->at + column->length;
    column->length += length;
    return end;
}

/* Room for one more element of that many bytes, its length written. */
static char *column_element(struct column *column, size_t length)
{
    assert(length <= INT_MAX && column->count < INT_MAX);
    char *at = column_extend(column, sizeof(uint32_t) + length);
    put_u32(at, (uint32_t)length);
    column->count++;
    return at + sizeof(uint32_t);
}

void column_null(struct column *column)
{
    put_u32(column_extend(column, sizeof(uint32_t)), UINT32_MAX);
    column->count++;
    column->has_null = true;
}

void column_int(struct column *column, int64_t value)
{
    if (column->type == COLUMN_INT4) {
        assert(value >= INT32_MIN && value <= INT32_MAX);
        put_u32(column_element(column, sizeof(uint32_t)), (uint32_t)(int32_t)value);
        return;
    }
    assert(column->type == COLUMN_INT8);
    put_u64(column_element(column, sizeof(uint64_t)), (uint64_t)value);
}

void column_flag(struct column *column, bool value)
{
    assert(column->type == COLUMN_BOOL);
    *column_element(column, 1) = value ? 1 : 0;
}

void column_text(struct column *column, struct text value)
{
    assert(column->type == COLUMN_TEXT);
    char *at = column_element(column, value.length);
    if (value.length > 0)
        memcpy(at, value.at, value.length);
}

void column_time(struct column *column, int64_t ms)
{
    assert(column->type == COLUMN_TIMESTAMPTZ);
    if (ms == INSTANT_ABSENT)
        column_null(column);
    else
        put_u64(column_element(column, sizeof(uint64_t)), postgres_time(ms));
}

void column_bytes(struct column *column, struct bytes value)
{
    assert(column->type == COLUMN_BYTEA);
    char *at = column_element(column, value.length);
    if (value.length > 0)
        memcpy(at, value.at, value.length);
}

void column_uuid(struct column *column, const struct uuid *value)
{
    assert(column->type == COLUMN_UUID);
    memcpy(column_element(column, UUID_BYTES), value->at, UUID_BYTES);
}

void column_texts(struct column *column, const struct text *items, size_t count)
{
    assert(column->type == COLUMN_TEXT);
    size_t length = count > 0 ? count - 1 : 0;
    for (size_t i = 0; i < count; i++)
        length += items[i].length;
    char *at = column_element(column, length);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ITEM_SEPARATOR;
        for (size_t k = 0; k < items[i].length; k++) {
            /* The separator inside an item would split it; a control character means nothing. */
            char c = items[i].at[k];
            *at++ = c == ITEM_SEPARATOR ? ' ' : c;
        }
    }
}

static struct bytes column_bind(struct column *column)
{
    put_u32(column->at, column->count > 0 ? 1 : 0);
    put_u32(column->at + 4, column->has_null ? 1 : 0);
    put_u32(column->at + 8, column->element);
    put_u32(column->at + 12, column->count);
    put_u32(column->at + 16, 1);
    size_t length = column->count > 0 ? column->length : ARRAY_EMPTY;
    return (struct bytes){(const uint8_t *)column->at, length};
}

struct bytes params_bind(const struct params *params, int number)
{
    assert(number >= 0 && number < params->count);
    if (params->columns[number] != NULL)
        return column_bind(params->columns[number]);
    return (struct bytes){(const uint8_t *)params->values[number], params->lengths[number]};
}
