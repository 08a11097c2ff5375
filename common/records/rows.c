/* Rows in PostgreSQL's binary format. The server is trusted to be PostgreSQL; that a statement asks
 * for the type its column has is our own doing and asserted. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/instant.h"
#include "records/inside.h"

static uint16_t get_u16(const char *at)
{
    uint16_t wire;
    memcpy(&wire, at, sizeof wire);
    return be16toh(wire);
}

static uint32_t get_u32(const char *at)
{
    uint32_t wire;
    memcpy(&wire, at, sizeof wire);
    return be32toh(wire);
}

static uint64_t get_u64(const char *at)
{
    uint64_t wire;
    memcpy(&wire, at, sizeof wire);
    return be64toh(wire);
}

size_t rows_count(const struct rows *rows)
{
    return rows->result == NULL ? 0 : (size_t)PQntuples(rows->result);
}

static const char *rows_value(const struct rows *rows, size_t row, int column, size_t *length)
{
    assert(row < rows_count(rows));
    assert(column >= 0 && column < PQnfields(rows->result));
    assert(PQfformat(rows->result, column) == 1);
    *length = (size_t)PQgetlength(rows->result, (int)row, column);
    return PQgetvalue(rows->result, (int)row, column);
}

static Oid rows_type(const struct rows *rows, int column)
{
    return PQftype(rows->result, column);
}

bool rows_null(const struct rows *rows, size_t row, int column)
{
    assert(row < rows_count(rows));
    assert(column >= 0 && column < PQnfields(rows->result));
    return PQgetisnull(rows->result, (int)row, column) != 0;
}

int64_t rows_int(const struct rows *rows, size_t row, int column)
{
    size_t length;
    const char *at = rows_value(rows, row, column, &length);
    assert(!rows_null(rows, row, column));
    Oid type = rows_type(rows, column);
    if (type == OID_INT8) {
        assert(length == sizeof(uint64_t));
        return (int64_t)get_u64(at);
    }
    if (type == OID_INT4) {
        assert(length == sizeof(uint32_t));
        return (int32_t)get_u32(at);
    }
    assert(type == OID_INT2 && length == sizeof(uint16_t));
    return (int16_t)get_u16(at);
}

bool rows_flag(const struct rows *rows, size_t row, int column)
{
    size_t length;
    const char *at = rows_value(rows, row, column, &length);
    assert(!rows_null(rows, row, column));
    assert(rows_type(rows, column) == OID_BOOL && length == 1);
    return *at != 0;
}

int64_t rows_time(const struct rows *rows, size_t row, int column)
{
    size_t length;
    const char *at = rows_value(rows, row, column, &length);
    assert(rows_type(rows, column) == OID_TIMESTAMPTZ);
    if (rows_null(rows, row, column))
        return INSTANT_ABSENT;
    assert(length == sizeof(uint64_t));
    int64_t us = (int64_t)get_u64(at);
    /* Infinities become the farthest instants that we can name. */
    if (us == INT64_MAX)
        return INSTANT_MAX;
    if (us == INT64_MIN)
        return INSTANT_MIN;
    int64_t ms = us / 1000 - (us % 1000 < 0 ? 1 : 0);
    return ms + POSTGRES_EPOCH_MS;
}

struct text rows_text(const struct rows *rows, size_t row, int column)
{
    size_t length;
    const char *at = rows_value(rows, row, column, &length);
    Oid type = rows_type(rows, column);
    assert(type == OID_TEXT || type == OID_VARCHAR || type == OID_NAME || type == OID_JSON ||
           type == OID_JSONB);
    if (rows_null(rows, row, column))
        return (struct text){"", 0};
    if (type == OID_JSONB) {
        assert(length > 0 && *at == 1); /* the version of jsonb's binary format, then its text */
        at++;
        length--;
    }
    return (struct text){at, length};
}

struct bytes rows_bytes(const struct rows *rows, size_t row, int column)
{
    size_t length;
    const char *at = rows_value(rows, row, column, &length);
    Oid type = rows_type(rows, column);
    assert(type == OID_BYTEA || type == OID_UUID);
    (void)type;
    if (rows_null(rows, row, column))
        return (struct bytes){(const uint8_t *)"", 0};
    return (struct bytes){(const uint8_t *)at, length};
}

size_t rows_texts(const struct rows *rows, size_t row, int column, struct arena *arena,
                  const struct text **items)
{
    size_t length;
    const char *at = rows_value(rows, row, column, &length);
    Oid type = rows_type(rows, column);
    assert(type == OID_TEXT_ARRAY || type == OID_VARCHAR_ARRAY);
    (void)type;
    *items = NULL;
    if (rows_null(rows, row, column))
        return 0;
    assert(length >= 12);
    uint32_t dimensions = get_u32(at);
    assert(dimensions <= 1);
    if (dimensions == 0)
        return 0;
    assert(length >= 20);
    uint32_t count = get_u32(at + 12);
    assert(count <= (length - 20) / 4);
    struct text *list = arena_array(arena, count, sizeof *list);
    size_t used = 20;
    for (uint32_t i = 0; i < count; i++) {
        assert(length - used >= 4);
        uint32_t size = get_u32(at + used);
        used += 4;
        if (size == UINT32_MAX) { /* NULL */
            list[i] = (struct text){"", 0};
            continue;
        }
        assert(size <= length - used);
        list[i] = (struct text){at + used, size};
        used += size;
    }
    *items = list;
    return count;
}
