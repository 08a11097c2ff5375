/* What the columns of a CSV of cases mean: a mapping file (JSON; see seeds/README.md) and the codes
 * made from its values. */
#ifndef ZTC_CLI_IMPORT_MAP_H
#define ZTC_CLI_IMPORT_MAP_H

#include "base/arena.h"

#define IMPORT_COLUMNS_MAX 16
#define IMPORT_WORDS_MAX   16

struct import_names {
    struct text code, name_zh, name_en;
};

/* A column by name; `index` is known once the header was read, -1 while not, or when the mapping
 * names none. */
struct import_column {
    const char *name; /* NULL: the mapping has none */
    int index;
};

struct import_time {
    struct import_column column;
    const char *format; /* of strptime, or "rfc3339" */
};

struct import_code {
    struct import_column column;
    bool has_empty;
    struct import_names empty; /* stands for an empty cell */
};

struct import_map {
    struct import_names district, feed, committee;
    struct text time_zone;
    struct import_column id;
    struct import_time opened, closed;
    struct import_column state; /* none: closed when there is a closing time */
    struct text closed_words[IMPORT_WORDS_MAX], open_words[IMPORT_WORDS_MAX];
    size_t closed_count, open_count;
    struct import_code town, squad, category;
    struct import_column department; /* none: the squad's column */
    struct import_column activity, outcome;
    struct import_column need[IMPORT_COLUMNS_MAX];
    size_t need_count;
    struct text join;
};

/* Reads a mapping into the arena; NULL: `problem` says what is wrong and where. */
struct import_map *import_map_read(const char *path, struct arena *arena, char *problem,
                                   size_t size);

/* Finds the columns in a header. False: `problem` names the first that is missing or there twice.
 */
bool import_map_bind(struct import_map *map, const struct text *header, size_t count, char *problem,
                     size_t size);

/* A value as a code: lower-case ASCII letters and digits, everything else '-', runs of it once,
 * none at the ends, at most 40 bytes. When more was lost than case and single separators (blank _ -
 * . /), or something was cut, '-' and the first 8 hexadecimal digits of the value's SHA-256 follow;
 * they stand alone when nothing else is left. */
struct text import_slug(struct text value, struct arena *arena);

#endif
