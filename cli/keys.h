/* CURVE key pairs in zcert files: NAME.key (public) and NAME.key_secret, both 0600. */
#ifndef ZTC_CLI_KEYS_H
#define ZTC_CLI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_PUBLIC_SIZE 41 /* Z85 with its NUL */
#define KEYS_PATH_MAX    4096

/* Makes the pair DIR/NAME.key and DIR/NAME.key_secret, creating the directory (0700). False:
 * `problem`. `force`: over a pair that exists, which is lost then. */
bool keys_make(const char *dir, const char *name, bool force, char *problem, size_t size);

/* The public key of a certificate file, public or secret. */
bool keys_public(const char *file, char public_key[KEYS_PUBLIC_SIZE]);

/* "7d", "12h", "90m", "30s", "2w". */
bool keys_overlap(const char *said, int64_t *seconds);

/* Bearer tokens of the REST face: "ztc_" and 256 random bits in base64url, alone in the file
 * DIR/NAME.bearer (0600). The server is told the SHA-256 only. */
#define KEYS_BEARER_SUFFIX      ".bearer"
#define KEYS_BEARER_DIGEST_SIZE 65 /* hexadecimal with its NUL */
/* Makes a token, as keys_make; `path`: the file it made. */
bool keys_make_bearer(const char *dir, const char *name, char path[KEYS_PATH_MAX], char *problem,
                      size_t size);
/* The SHA-256 of the token in a file; false: there is none. */
bool keys_bearer_digest(const char *file, char digest[KEYS_BEARER_DIGEST_SIZE]);

/* DIR/NAME.key_secret; false: too long. */
bool keys_secret_path(const char *dir, const char *name, char path[KEYS_PATH_MAX]);

#endif
