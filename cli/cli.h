/* What every verb of ztc shares: its language, its exit codes, how it complains. */
#ifndef ZTC_CLI_CLI_H
#define ZTC_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/text.h"

/* Exit codes; the help of every verb names them. */
enum cli_exit {
    CLI_OK = 0,
    CLI_REFUSED = 1,     /* the answer was a refusal, or some rows were refused */
    CLI_USAGE = 2,       /* the command line, or a file named on it, is wrong */
    CLI_UNANSWERED = 3,  /* no answer in time, or only `retry` */
    CLI_ENVIRONMENT = 4, /* settings, keys, files */
    CLI_DISK = 5,        /* backup and restore: no room, or the disk cannot be written */
    CLI_RECORDS = 6,     /* backup and restore: PostgreSQL is away, or went away */
};

/* The language for people: ZTC_LANG, else LC_ALL, LC_MESSAGES, LANG; Chinese when it begins with
 * "zh". */
void cli_set_chinese(bool zh);
bool cli_language_is_chinese(void); /* of the environment */
bool cli_chinese(void);             /* as set */

#define SAY(zh, en) (cli_chinese() ? (zh) : (en))

/* "ztc: …" on stderr, with a line end. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Random bytes from the kernel. */
void cli_random(uint8_t *at, size_t bytes);

/* Lower-case hexadecimal of random bytes from the kernel; buffer holds 2 × bytes + 1, at most 32
 * bytes. */
const char *cli_random_hex(size_t bytes, char *buffer);

/* A command's id of at most COMMAND_ID_MAX bytes: a longer text keeps its beginning and ends in its
 * digest. */
struct text cli_command_id(struct text wanted, struct arena *arena);

/* The first 2 × bytes hexadecimal digits of the plain SHA-256 of the text. */
const char *cli_sha256_hex(struct text t, size_t bytes, char *buffer);

/* The longest beginning of at most `max` bytes that ends between two characters of UTF-8. */
struct text cli_clip(struct text t, size_t max);

/* Milliseconds: of the day (UTC), and for waiting. */
int64_t cli_now_ms(void);
int64_t cli_monotonic_ms(void);

#endif
