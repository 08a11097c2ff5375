/* How far an import came: a small file, replaced and synced as a whole, so that a killed import
 * goes on where it was. */
#ifndef ZTC_CLI_IMPORT_RESUME_H
#define ZTC_CLI_IMPORT_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPORT_RUN_SIZE    17 /* hexadecimal, with its NUL */
#define IMPORT_HEADER_SIZE 33

/* Counts of the rows that are settled, in the order of the file. */
struct import_totals {
    int64_t read, rejected, clipped;
    int64_t opened_new, opened_before, closed_new, closed_before;
};

struct import_resume {
    char run[IMPORT_RUN_SIZE]; /* part of the ids of commands: a resumed import repeats its own */
    char header[IMPORT_HEADER_SIZE]; /* digest of the file's header and the feed: another file is
                                        refused */
    int64_t line;                    /* everything before this line is settled */
    int64_t rejects_bytes;           /* length of the rejects file then */
    struct import_totals totals;
};

/* 1: read; 0: there is no such file; -1: `problem`. */
int import_resume_read(const char *path, struct import_resume *resume, char *problem, size_t size);
/* False: errno says why. */
bool import_resume_write(const char *path, const struct import_resume *resume);

#endif
