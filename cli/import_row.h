/* One row of a CSV of cases, read after a mapping: pure. */
#ifndef ZTC_CLI_IMPORT_ROW_H
#define ZTC_CLI_IMPORT_ROW_H

#include "cli/csv_rows.h"
#include "cli/import_map.h"

enum import_trouble {
    IMPORT_FINE,
    IMPORT_QUOTE_OPEN,
    IMPORT_LINE_TOO_LONG,
    IMPORT_FIELD_COUNT,
    IMPORT_BAD_TEXT,
    IMPORT_NO_ID,
    IMPORT_LONG_ID,
    IMPORT_BAD_TIME,
    IMPORT_NO_CLOSING_TIME,
    IMPORT_UNKNOWN_STATE,
    IMPORT_EMPTY,
};

/* Cells as they are to be sent; raw values of what becomes codes. Texts point into the row or the
 * arena. */
struct import_row {
    struct text id;
    int64_t opened, closed; /* closed: INSTANT_ABSENT when the case is open */
    struct text town, squad, department, category; /* empty: as the mapping's `empty` says */
    struct text activity, need, outcome;
    int clipped; /* cells that were longer than their field */
};

/* False: *trouble, and *column names the cell (NULL: the row as a whole). */
bool import_row_read(const struct import_map *map, const struct csv_row *cells, size_t columns,
                     struct arena *arena, struct import_row *row, enum import_trouble *trouble,
                     const char **column);

const char *import_trouble_name(enum import_trouble trouble);
const char *import_trouble_text(enum import_trouble trouble, bool zh);

#endif
