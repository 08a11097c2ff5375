/* Reference data from CSV files (seeds/README.md) to directory commands. */
#ifndef ZTC_CLI_SEED_ROWS_H
#define ZTC_CLI_SEED_ROWS_H

#include "cli/csv_rows.h"
#include "cli/fact.h"

enum seed_file { SEED_DISTRICT, SEED_CATEGORIES, SEED_ORGANISATIONS, SEED_SQUADS, SEED_FILE_COUNT };

const char *seed_file_name(enum seed_file file); /* "organisations" */

/* Which cell holds what: columns found by the header's names. */
#define SEED_COLUMNS_MAX 24
struct seed_header {
    enum seed_file file;
    struct text names[SEED_COLUMNS_MAX];
    size_t count;
};
/* False: `problem` names the column that is missing. Names are copied to the arena. */
bool seed_header_read(enum seed_file file, const struct csv_row *row, struct arena *arena,
                      struct seed_header *header, char *problem, size_t size);

/* One row as a command; everything in the arena. `district` may be empty for district.csv, whose
 * row tells it. False: `problem`. */
bool seed_row_read(const struct seed_header *header, const struct csv_row *row,
                   struct text district, struct arena *arena, struct fact *fact, char *problem,
                   size_t size);

#endif
