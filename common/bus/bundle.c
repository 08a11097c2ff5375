#include "bus/bundle.h"

#include <string.h>

#define ENTRY_HEAD_BYTES 12 /* number and length */

bool bus_bundle_add(struct bus_bundle *bundle, uint64_t number, struct bytes body)
{
    size_t room = sizeof bundle->at - bundle->length;
    if (body.length == 0 || room < ENTRY_HEAD_BYTES || body.length > room - ENTRY_HEAD_BYTES)
        return false;
    uint8_t *at = bundle->at + bundle->length;
    bus_put_uint64(at, number);
    bus_put_uint32(at + 8, (uint32_t)body.length);
    memcpy(at + ENTRY_HEAD_BYTES, body.at, body.length);
    bundle->length += ENTRY_HEAD_BYTES + body.length;
    bundle->count++;
    return true;
}

size_t bus_bundle_count(struct bytes frame)
{
    size_t count = 0;
    while (frame.length > ENTRY_HEAD_BYTES) {
        size_t length = bus_get_uint32(frame.at + 8);
        if (length == 0 || length > frame.length - ENTRY_HEAD_BYTES)
            return 0;
        frame.at += ENTRY_HEAD_BYTES + length;
        frame.length -= ENTRY_HEAD_BYTES + length;
        count++;
    }
    return frame.length == 0 ? count : 0;
}

void bus_bundle_next(struct bytes *rest, uint64_t *number, struct bytes *body)
{
    *number = bus_get_uint64(rest->at);
    *body = (struct bytes){rest->at + ENTRY_HEAD_BYTES, bus_get_uint32(rest->at + 8)};
    rest->at = body->at + body->length;
    rest->length -= ENTRY_HEAD_BYTES + body->length;
}

void bus_put_uint32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

uint32_t bus_get_uint32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void bus_put_uint64(uint8_t *at, uint64_t value)
{
    bus_put_uint32(at, (uint32_t)(value >> 32));
    bus_put_uint32(at + 4, (uint32_t)value);
}

uint64_t bus_get_uint64(const uint8_t *at)
{
    return (uint64_t)bus_get_uint32(at) << 32 | bus_get_uint32(at + 4);
}
