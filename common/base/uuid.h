/* Ids of events: UUID version 8 (RFC 9562) made of what makes an event unique, so that the same
 * event always has the same id and no random source is needed:
 *   48 bits recorded, milliseconds since the epoch; 4 bits version 8; 4 bits producer, 8 bits part;
 *   2 bits variant; 62 bits offset. */
#ifndef ZTC_BASE_UUID_H
#define ZTC_BASE_UUID_H

#include <stdint.h>

#define UUID_BYTES    16
#define UUID_TEXT_MAX 37

struct uuid {
    uint8_t at[UUID_BYTES];
};

struct uuid uuid_of_event(int64_t recorded_ms, unsigned producer, unsigned part, int64_t offset);
const char *uuid_format(const struct uuid *uuid, char *buffer);

#endif
