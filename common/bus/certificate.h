/* CURVE certificates and keys. Inside the room only. */
#ifndef ZTC_BUS_CERTIFICATE_H
#define ZTC_BUS_CERTIFICATE_H

#include "bus/bus.h"

#define BUS_KEY_TEXT  40 /* characters of a key in Z85 */
#define BUS_KEY_BYTES 32

/* False: not exactly the Z85 of a key. */
bool bus_key_read(const char *z85, uint8_t *key);
/* Gives the socket the key pair of a file with both keys. False: errno says why (EINVAL: no key
 * pair in it). */
bool bus_certificate_apply(zsock_t *socket, const char *path);

#endif
