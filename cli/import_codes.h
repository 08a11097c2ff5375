/* The towns, departments, squads and categories that a file names, with the codes they get. The
 * same values in the same order always get the same codes; a code that is taken by another value
 * gets a hash of its own. */
#ifndef ZTC_CLI_IMPORT_CODES_H
#define ZTC_CLI_IMPORT_CODES_H

#include "cli/import_map.h"
#include "cli/import_row.h"

enum import_kind {
    IMPORT_TOWN,
    IMPORT_DEPARTMENT,
    IMPORT_SQUAD,
    IMPORT_CATEGORY,
    IMPORT_KIND_COUNT
};

struct import_fact {
    enum import_kind kind;
    struct text value; /* the cell; empty: the mapping's `empty` */
    struct import_names names;
    bool registered;     /* set by who registers it */
    const char *refused; /* code of the refusal; set by who registers it */
    struct import_fact *next, *next_seen;
};

struct import_codes;

/* Everything lives in the arena. */
struct import_codes *import_codes_new(const struct import_map *map, struct arena *arena);

/* The fact of a value, made at first sight. */
struct import_fact *import_codes_fact(struct import_codes *codes, enum import_kind kind,
                                      struct text value);

/* The four facts of a row; category is NULL when it has none. */
struct import_row_facts {
    struct import_fact *town, *department, *squad, *category;
};
struct import_row_facts import_codes_row(struct import_codes *codes, const struct import_row *row);

/* Those of one kind, as first seen; follow next_seen. */
const struct import_fact *import_codes_first(const struct import_codes *codes,
                                             enum import_kind kind);

#endif
