/* CSV row by row (libcsv), with each row's line number and raw bytes. Quotes, embedded line ends,
 * CRLF and lone CR are understood; blanks and tabs belong to their field; empty lines are skipped.
 * What cannot be a row does not take the rest with it: when a quote is never closed, its first line
 * alone is reported and reading goes on with the next. */
#ifndef ZTC_CLI_CSV_ROWS_H
#define ZTC_CLI_CSV_ROWS_H

#include "base/arena.h"
#include "cli/byte_source.h"

#define CSV_LINE_MAX                                                                               \
    (256 * 1024) /* bytes of one line; what is beyond is dropped and the row reported */
#define CSV_ROW_MAX    (1024 * 1024)
#define CSV_FIELDS_MAX 1024

enum csv_next { CSV_NEXT_ROW, CSV_NEXT_END, CSV_NEXT_FAILED };

enum csv_trouble { CSV_FINE, CSV_QUOTE_OPEN, CSV_TOO_LONG, CSV_TOO_MANY_FIELDS };

struct csv_row {
    int64_t line;    /* of its first byte, from 1 */
    int64_t lines;   /* how many it spans */
    struct text raw; /* with its line end */
    const struct text *fields;
    size_t count;
    enum csv_trouble trouble;
};

struct csv_rows;

struct csv_rows *csv_rows_new(struct byte_source *source); /* the source must outlive it */
void csv_rows_destroy(struct csv_rows **rows);

/* The next row, valid until the next call. FAILED: see byte_source_problem(). */
enum csv_next csv_rows_next(struct csv_rows *rows, struct csv_row *row);

/* The row just read spans several lines and is no good: it becomes its first line only, whose
 * fields are not told, and the others are read again as rows of their own. */
void csv_rows_retreat(struct csv_rows *rows, struct csv_row *row);

#endif
