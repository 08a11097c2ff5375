#include "services/notification/shell_seal.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A sealed secret: what it is (1 byte), nonce, ciphertext, tag. */
#define SEALED_KIND  1
#define KEY_BYTES    32
#define NONCE_BYTES  12
#define TAG_BYTES    16
#define SEALED_EXTRA (1 + NONCE_BYTES + TAG_BYTES)

struct seal {
    uint8_t key[KEY_BYTES];
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool key_read(const char *text, size_t length, uint8_t key[KEY_BYTES])
{
    if (length == 2 * KEY_BYTES + 1 && text[length - 1] == '\n')
        length--;
    for (size_t i = 0; length == 2 * KEY_BYTES && i < KEY_BYTES; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return length == 2 * KEY_BYTES;
}

struct seal *seal_open(const char *path, const char **problem)
{
    char text[2 * KEY_BYTES + 2];
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &about) != 0) {
        *problem = "the file cannot be read";
        if (file >= 0)
            close(file);
        return NULL;
    }
    ssize_t length = read(file, text, sizeof text);
    close(file);
    struct seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL)
        abort();
    if ((about.st_mode & 077) != 0)
        *problem = "others than its owner may read it: chmod 600";
    else if (length < 0 || !key_read(text, (size_t)length, seal->key))
        *problem = "it does not hold 64 hexadecimal digits";
    else
        *problem = NULL;
    OPENSSL_cleanse(text, sizeof text);
    if (*problem != NULL)
        seal_close(&seal);
    return seal;
}

void seal_close(struct seal **seal)
{
    if (*seal == NULL)
        return;
    OPENSSL_cleanse((*seal)->key, KEY_BYTES);
    free(*seal);
    *seal = NULL;
}

static struct text names_text(const struct seal_names *names, struct arena *arena)
{
    return arena_format(arena, "%.*s/%.*s/%.*s", TEXT_ARG(names->district),
                        TEXT_ARG(names->organisation), TEXT_ARG(names->endpoint));
}

/* libcrypto fails here only when it has no memory or is not usable at all. */
static void must(int done)
{
    if (done != 1)
        abort();
}

struct bytes seal_put(const struct seal *seal, const struct seal_names *names, struct bytes secret,
                      struct arena *arena)
{
    struct text bound = names_text(names, arena);
    uint8_t *out = arena_alloc(arena, secret.length + SEALED_EXTRA);
    uint8_t *nonce = out + 1, *text = nonce + NONCE_BYTES, *tag = text + secret.length;
    int length = 0;
    out[0] = SEALED_KIND;
    must(RAND_bytes(nonce, NONCE_BYTES));
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL)
        abort();
    must(EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, seal->key, nonce));
    must(EVP_EncryptUpdate(cipher, NULL, &length, (const uint8_t *)bound.at, (int)bound.length));
    must(EVP_EncryptUpdate(cipher, text, &length, secret.at, (int)secret.length));
    must(EVP_EncryptFinal_ex(cipher, text + length, &length));
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, tag));
    EVP_CIPHER_CTX_free(cipher);
    return (struct bytes){out, secret.length + SEALED_EXTRA};
}

bool seal_get(const struct seal *seal, const struct seal_names *names, struct bytes sealed,
              struct arena *arena, struct bytes *secret)
{
    if (sealed.length < SEALED_EXTRA || sealed.at[0] != SEALED_KIND)
        return false;
    struct text bound = names_text(names, arena);
    size_t size = sealed.length - SEALED_EXTRA;
    const uint8_t *nonce = sealed.at + 1, *text = nonce + NONCE_BYTES;
    uint8_t tag[TAG_BYTES], *out = arena_alloc(arena, size + 1);
    int length = 0;
    memcpy(tag, text + size, TAG_BYTES);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL)
        abort();
    must(EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, seal->key, nonce));
    must(EVP_DecryptUpdate(cipher, NULL, &length, (const uint8_t *)bound.at, (int)bound.length));
    must(EVP_DecryptUpdate(cipher, out, &length, text, (int)size));
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag));
    bool sound = EVP_DecryptFinal_ex(cipher, out + length, &length) == 1;
    EVP_CIPHER_CTX_free(cipher);
    *secret = (struct bytes){out, size};
    return sound;
}
