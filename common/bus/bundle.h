/* A bundle: what services say to each other, many in one frame (docs/decisions/0017). Of a frame
 * the encryption, the queues and the wake-ups cost more than its bytes.
 *
 *   one or more of [number: 8 bytes big endian][length: 4][bytes, at least one]
 *
 * Pure: bytes in, bytes out. */
#ifndef ZTC_BUS_BUNDLE_H
#define ZTC_BUS_BUNDLE_H

#include "base/text.h"

/* Bytes of one bundle: what a ROUTER between services takes as one frame is not more for it. What
 * does not fit goes alone. */
#define BUS_BUNDLE_MAX 65536

struct bus_bundle {
    size_t length, count;
    uint8_t at[BUS_BUNDLE_MAX];
};
/* False: no room, or nothing to add. */
bool bus_bundle_add(struct bus_bundle *bundle, uint64_t number, struct bytes body);

/* How many are in it; 0: it is no bundle. */
size_t bus_bundle_count(struct bytes frame);
/* Takes the first off `rest`, of which bus_bundle_count has said that it is one. */
void bus_bundle_next(struct bytes *rest, uint64_t *number, struct bytes *body);

void bus_put_uint32(uint8_t *at, uint32_t value); /* big endian */
uint32_t bus_get_uint32(const uint8_t *at);
void bus_put_uint64(uint8_t *at, uint64_t value);
uint64_t bus_get_uint64(const uint8_t *at);

#endif
