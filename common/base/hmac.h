/* Keyed hashes and base64 (OpenSSL's libcrypto). */
#ifndef ZTC_BASE_HMAC_H
#define ZTC_BASE_HMAC_H

#include "base/arena.h"

#define HMAC_SHA256_BYTES 32

void hmac_sha256(struct bytes key, struct bytes content, uint8_t mac[HMAC_SHA256_BYTES]);

/* Standard base64 with padding. */
struct text base64_write(struct bytes bytes, struct arena *arena);
/* False: not just that; no blanks, no missing padding. */
bool base64_read(struct text coded, struct arena *arena, struct bytes *bytes);

#endif
