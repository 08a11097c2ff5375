#include "base/digest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static void length_write(uint64_t length, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(length >> (56 - 8 * i));
}

/* SHA-256 of bytes at hand fails only when libcrypto has no memory or is not usable at all. */
static void must(int done)
{
    if (done == 1)
        return;
    fputs("libcrypto cannot compute SHA-256\n", stderr);
    abort();
}

struct digest digest_of(const struct bytes *parts, size_t count)
{
    struct digest digest;
    unsigned written = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context != NULL);
    must(EVP_DigestInit_ex(context, EVP_sha256(), NULL));
    for (size_t i = 0; i < count; i++) {
        uint8_t length[8];
        length_write(parts[i].length, length);
        must(EVP_DigestUpdate(context, length, sizeof length));
        if (parts[i].length > 0)
            must(EVP_DigestUpdate(context, parts[i].at, parts[i].length));
    }
    must(EVP_DigestFinal_ex(context, digest.at, &written));
    assert(written == DIGEST_BYTES);
    EVP_MD_CTX_free(context);
    return digest;
}

struct digest digest_plain(struct bytes bytes)
{
    struct digest digest;
    unsigned written = 0;
    must(EVP_Digest(bytes.at, bytes.length, digest.at, &written, EVP_sha256(), NULL));
    assert(written == DIGEST_BYTES);
    return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->at, b->at, DIGEST_BYTES) == 0;
}

const char *digest_hex(const struct digest *digest, size_t bytes, char *buffer)
{
    static const char digits[] = "0123456789abcdef";
    assert(bytes <= DIGEST_BYTES);
    for (size_t i = 0; i < bytes; i++) {
        buffer[2 * i] = digits[digest->at[i] >> 4];
        buffer[2 * i + 1] = digits[digest->at[i] & 15];
    }
    buffer[2 * bytes] = '\0';
    return buffer;
}
