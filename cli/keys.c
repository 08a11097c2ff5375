#include "cli/keys.h"

#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/text.h"
#include "cli/cli.h"

bool keys_secret_path(const char *dir, const char *name, char path[KEYS_PATH_MAX])
{
    int length = snprintf(path, KEYS_PATH_MAX, "%s/%s.key_secret", dir, name);
    return length > 0 && length < KEYS_PATH_MAX;
}

static bool name_fine(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* zcert_save() writes both files; they exist already, empty and 0600, so that the secret is never
 * open to others. */
static bool file_reserve(const char *path, char *problem, size_t size)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0) {
        snprintf(problem, size, "%s: %s", path, strerror(errno));
        return false;
    }
    close(descriptor);
    return true;
}

static bool directory_make(const char *dir, char *problem, size_t size)
{
    if (mkdir(dir, S_IRWXU) == 0 || errno == EEXIST)
        return true;
    snprintf(problem, size, "%s: %s", dir, strerror(errno));
    return false;
}

static bool refuse_name(const char *name, char *problem, size_t size)
{
    snprintf(problem, size, SAY("名称“%s”不能作文件名", "'%s' cannot be a file's name"), name);
    return false;
}

bool keys_make(const char *dir, const char *name, bool force, char *problem, size_t size)
{
    char secret[KEYS_PATH_MAX], public_path[KEYS_PATH_MAX];
    if (!name_fine(name) || !keys_secret_path(dir, name, secret))
        return refuse_name(name, problem, size);
    snprintf(public_path, sizeof public_path, "%.*s", (int)(strlen(secret) - strlen("_secret")),
             secret);
    if (!directory_make(dir, problem, size))
        return false;
    if (force) {
        unlink(secret);
        unlink(public_path);
    }
    if (!file_reserve(secret, problem, size))
        return false;
    if (!file_reserve(public_path, problem, size)) {
        unlink(secret);
        return false;
    }
    zcert_t *certificate = zcert_new();
    zcert_set_meta(certificate, "name", "%s", name);
    bool saved = zcert_save(certificate, public_path) == 0;
    if (!saved)
        snprintf(problem, size, "%s: %s", public_path, strerror(errno));
    zcert_destroy(&certificate);
    return saved && chmod(secret, S_IRUSR | S_IWUSR) == 0 &&
           chmod(public_path, S_IRUSR | S_IWUSR) == 0;
}

bool keys_public(const char *file, char public_key[KEYS_PUBLIC_SIZE])
{
    zcert_t *certificate = zcert_load(file);
    if (certificate == NULL)
        return false;
    snprintf(public_key, KEYS_PUBLIC_SIZE, "%s", zcert_public_txt(certificate));
    zcert_destroy(&certificate);
    return strlen(public_key) == KEYS_PUBLIC_SIZE - 1;
}

bool keys_overlap(const char *said, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    struct text all = text_of(said);
    int64_t number;
    if (all.length < 2 || !text_to_int((struct text){said, all.length - 1}, &number) ||
        number < 0 || number > INT64_MAX / 604800)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (said[all.length - 1] == units[i].unit) {
            *seconds = number * units[i].seconds;
            return true;
        }
    return false;
}

/* --- bearer tokens ------------------------------------------------------------------------------
 */

#define BEARER_PREFIX "ztc_"
#define BEARER_BYTES  32
#define BEARER_MAX    512 /* of a file that holds one */

/* Base64url without padding (RFC 4648 §5). */
static void base64url(const uint8_t *at, int length, char *out)
{
    int written = EVP_EncodeBlock((uint8_t *)out, at, length);
    while (written > 0 && out[written - 1] == '=')
        written--;
    out[written] = '\0';
    for (char *c = out; *c != '\0'; c++)
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
}

bool keys_make_bearer(const char *dir, const char *name, char path[KEYS_PATH_MAX], char *problem,
                      size_t size)
{
    int length = snprintf(path, KEYS_PATH_MAX, "%s/%s" KEYS_BEARER_SUFFIX, dir, name);
    if (!name_fine(name) || length <= 0 || length >= KEYS_PATH_MAX)
        return refuse_name(name, problem, size);
    uint8_t random[BEARER_BYTES];
    char text[2 * BEARER_BYTES + 1];
    if (!directory_make(dir, problem, size) || !file_reserve(path, problem, size))
        return false;
    cli_random(random, sizeof random);
    base64url(random, sizeof random, text);
    FILE *file = fopen(path, "we");
    bool saved = file != NULL && fprintf(file, BEARER_PREFIX "%s\n", text) > 0;
    saved = file != NULL && fclose(file) == 0 && saved;
    if (!saved)
        snprintf(problem, size, "%s: %s", path, strerror(errno));
    return saved;
}

bool keys_bearer_digest(const char *file, char digest[KEYS_BEARER_DIGEST_SIZE])
{
    char token[BEARER_MAX];
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return false;
    size_t length = fread(token, 1, sizeof token, in);
    fclose(in);
    while (length > 0 && (token[length - 1] == '\n' || token[length - 1] == '\r'))
        length--;
    if (length <= strlen(BEARER_PREFIX) || length == sizeof token ||
        memcmp(token, BEARER_PREFIX, strlen(BEARER_PREFIX)) != 0)
        return false;
    cli_sha256_hex((struct text){token, length}, (KEYS_BEARER_DIGEST_SIZE - 1) / 2, digest);
    return true;
}
