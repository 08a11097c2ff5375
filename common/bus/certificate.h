/* CURVE certificates and keys. Inside the room only. */
#ifndef ZTC_BUS_CERTIFICATE_H
#define ZTC_BUS_CERTIFICATE_H

#include "bus/bus.h"

#define BUS_KEY_BYTES 32

struct bus_pair {
    uint8_t public_key[BUS_KEY_BYTES], secret_key[BUS_KEY_BYTES];
};

/* The deployment's own pair and the keys that its services know each other by. */
struct bus_badge {
    struct bus_pair own;
    char known[2][BUS_KEY_TEXT + 1]; /* own, then other ("": none) */
};

/* False: not exactly the Z85 of a key. */
bool bus_key_read(const char *z85, uint8_t *key);
/* Reads the key pair of a file with both keys. False: errno says why (EINVAL: no key pair in it).
 */
bool bus_pair_load(const char *path, struct bus_pair *pair);
bool bus_pair_apply(zsock_t *socket, const struct bus_pair *pair);

#endif
