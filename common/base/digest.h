/* SHA-256 (OpenSSL's libcrypto). */
#ifndef ZTC_BASE_DIGEST_H
#define ZTC_BASE_DIGEST_H

#include "base/text.h"

#define DIGEST_BYTES 32

struct digest {
    uint8_t at[DIGEST_BYTES];
};

/* Of the parts, each preceded by its length, so that no two lists of parts collide. */
struct digest digest_of(const struct bytes *parts, size_t count);
/* Of the bytes alone, as sha256sum computes it. */
struct digest digest_plain(struct bytes bytes);
bool digest_equal(const struct digest *a, const struct digest *b);
/* Lower-case hexadecimal of the first `bytes` bytes; buffer holds 2 × bytes + 1. */
const char *digest_hex(const struct digest *digest, size_t bytes, char *buffer);

#endif
