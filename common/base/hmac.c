#include "base/hmac.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

void hmac_sha256(struct bytes key, struct bytes content, uint8_t mac[HMAC_SHA256_BYTES])
{
    unsigned length = 0;
    if (key.length > INT_MAX || HMAC(EVP_sha256(), key.at, (int)key.length, content.at,
                                     content.length, mac, &length) == NULL)
        abort(); /* libcrypto has no memory or is not usable at all */
}

struct text base64_write(struct bytes bytes, struct arena *arena)
{
    size_t length = (bytes.length + 2) / 3 * 4;
    char *out = arena_alloc(arena, length + 1);
    EVP_EncodeBlock((unsigned char *)out, bytes.at, (int)bytes.length);
    return (struct text){out, length};
}

/* EVP_DecodeBlock skips blanks around and takes padding for zeros. */
static bool is_base64(struct text coded, size_t padding)
{
    for (size_t i = 0; i < coded.length - padding; i++) {
        char c = coded.at[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return false;
    }
    return true;
}

bool base64_read(struct text coded, struct arena *arena, struct bytes *bytes)
{
    if (coded.length == 0 || coded.length % 4 != 0 || coded.length > INT_MAX)
        return false;
    size_t padding = coded.at[coded.length - 1] != '='   ? 0
                     : coded.at[coded.length - 2] != '=' ? 1
                                                         : 2;
    uint8_t *out = arena_alloc(arena, coded.length / 4 * 3);
    if (!is_base64(coded, padding) ||
        EVP_DecodeBlock(out, (const unsigned char *)coded.at, (int)coded.length) < 0)
        return false;
    *bytes = (struct bytes){out, coded.length / 4 * 3 - padding};
    return true;
}
