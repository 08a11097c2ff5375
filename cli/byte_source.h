/* A file's bytes, unpacked when it is xz (known by its first bytes, not its name); "-" is standard
 * input. */
#ifndef ZTC_CLI_BYTE_SOURCE_H
#define ZTC_CLI_BYTE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct byte_source;

/* NULL: errno says why. */
struct byte_source *byte_source_open(const char *path);
void byte_source_close(struct byte_source **source);

/* Up to `size` bytes; 0 at the end, -1 when the file cannot be read on: see byte_source_problem().
 */
ssize_t byte_source_read(struct byte_source *source, uint8_t *to, size_t size);
const char *byte_source_problem(const struct byte_source *source); /* "" while there is none */

/* How much of the file was read, 0 to 1; negative: its size is not known. */
double byte_source_done(const struct byte_source *source);

#endif
