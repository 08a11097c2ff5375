/* How far a long job is: a bar on a terminal, otherwise a line every few seconds; both on stderr.
 */
#ifndef ZTC_CLI_PROGRESS_H
#define ZTC_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool terminal, quiet, drawn;
    int64_t begun_ms, said_ms;
};

void progress_begin(struct progress *progress, bool quiet);
/* `fraction` 0 to 1, negative when unknown; says something only when it is time to. */
void progress_show(struct progress *progress, double fraction, int64_t rows, int64_t rejected);
/* The same of bytes. */
void progress_show_bytes(struct progress *progress, double fraction, int64_t bytes);
void progress_end(struct progress *progress); /* clears the bar */

/* 58119 -> "58,119"; the buffer holds 32 bytes. */
const char *progress_number(int64_t number, char *buffer);

#endif
