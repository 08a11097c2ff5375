#include "base/uuid.h"

#include <assert.h>

#define RECORDED_BITS 48
#define PRODUCER_BITS 4
#define PART_BITS     8
#define OFFSET_BITS   62

static void big_endian_write(uint64_t value, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

struct uuid uuid_of_event(int64_t recorded_ms, unsigned producer, unsigned part, int64_t offset)
{
    struct uuid uuid = {.at = {0}};
    assert(recorded_ms >= 0 && recorded_ms >> RECORDED_BITS == 0);
    assert(producer >> PRODUCER_BITS == 0 && part >> PART_BITS == 0);
    assert(offset >= 0 && offset >> OFFSET_BITS == 0);
    big_endian_write((uint64_t)recorded_ms << 16 | 8U << 12 | producer << PART_BITS | part,
                     uuid.at);
    big_endian_write((uint64_t)2 << OFFSET_BITS | (uint64_t)offset, uuid.at + 8);
    return uuid;
}

const char *uuid_format(const struct uuid *uuid, char *buffer)
{
    static const char digits[] = "0123456789abcdef";
    char *out = buffer;
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[uuid->at[i] >> 4];
        *out++ = digits[uuid->at[i] & 15];
    }
    *out = '\0';
    return buffer;
}
