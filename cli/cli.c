#include "cli/cli.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/digest.h"
#include "events/envelope.h"

#define RANDOM_BYTES_MAX 32
#define ID_DIGEST_BYTES  16

static bool chinese;

void cli_set_chinese(bool zh)
{
    chinese = zh;
}

bool cli_chinese(void)
{
    return chinese;
}

bool cli_language_is_chinese(void)
{
    static const char *const names[] = {"ZTC_LANG", "LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strncmp(value, "zh", 2) == 0;
    }
    return false;
}

void cli_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("ztc: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static const char *hex_of(const uint8_t *at, size_t bytes, char *buffer)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i++) {
        buffer[2 * i] = digits[at[i] >> 4];
        buffer[2 * i + 1] = digits[at[i] & 15];
    }
    buffer[2 * bytes] = '\0';
    return buffer;
}

void cli_random(uint8_t *at, size_t bytes)
{
    size_t got = 0;
    while (got < bytes) {
        ssize_t n = getrandom(at + got, bytes - got, 0);
        if (n < 0)
            abort(); /* no kernel that runs this lacks it */
        got += (size_t)n;
    }
}

const char *cli_random_hex(size_t bytes, char *buffer)
{
    uint8_t random[RANDOM_BYTES_MAX];
    if (bytes > sizeof random)
        bytes = sizeof random;
    cli_random(random, bytes);
    return hex_of(random, bytes, buffer);
}

const char *cli_sha256_hex(struct text t, size_t bytes, char *buffer)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(t.at, t.length, digest, &length, EVP_sha256(), NULL) != 1 || length < bytes)
        abort(); /* libcrypto without SHA-256 */
    return hex_of(digest, bytes, buffer);
}

struct text cli_command_id(struct text wanted, struct arena *arena)
{
    char hex[2 * ID_DIGEST_BYTES + 1];
    if (wanted.length <= COMMAND_ID_MAX)
        return wanted;
    struct text head = cli_clip(wanted, COMMAND_ID_MAX - 2 * ID_DIGEST_BYTES - 1);
    cli_sha256_hex(wanted, ID_DIGEST_BYTES, hex);
    return arena_format(arena, "%.*s:%s", TEXT_ARG(head), hex);
}

struct text cli_clip(struct text t, size_t max)
{
    if (t.length <= max)
        return t;
    /* Bytes 10xxxxxx continue a character. */
    while (max > 0 && ((uint8_t)t.at[max] & 0xc0) == 0x80)
        max--;
    return (struct text){t.at, max};
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t cli_now_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t cli_monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}
