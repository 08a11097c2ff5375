/* What records.c, params.c and rows.c know of each other; no other room includes this. */
#ifndef ZTC_RECORDS_INSIDE_H
#define ZTC_RECORDS_INSIDE_H

#include <libpq-fe.h>

#include "records/records.h"

/* OIDs of built-in types: fixed by PostgreSQL's pg_type.dat, the same in every database. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_BOOL_ARRAY = 1000,
    OID_BYTEA_ARRAY = 1001,
    OID_INT4_ARRAY = 1007,
    OID_TEXT_ARRAY = 1009,
    OID_VARCHAR_ARRAY = 1015,
    OID_INT8_ARRAY = 1016,
    OID_VARCHAR = 1043,
    OID_TIMESTAMPTZ = 1184,
    OID_TIMESTAMPTZ_ARRAY = 1185,
    OID_UUID = 2950,
    OID_UUID_ARRAY = 2951,
    OID_JSONB = 3802
};

/* PostgreSQL counts microseconds since 2000-01-01T00:00:00Z. */
#define POSTGRES_EPOCH_MS 946684800000LL

#define PARAMS_MAX        64 /* of one statement */

/* As PQsendQueryPrepared takes them. A column's value and length are in `columns` until
 * params_bind, for it may still grow and move. */
struct params {
    struct arena *arena;
    int count;
    Oid types[PARAMS_MAX];
    const char *values[PARAMS_MAX];
    size_t lengths[PARAMS_MAX];
    struct column *columns[PARAMS_MAX]; /* NULL: a single value */
};

/* The parameter's bytes in the binary format; `at` is NULL for an SQL NULL. */
struct bytes params_bind(const struct params *params, int number);

struct rows {
    PGresult *result; /* NULL: not run, skipped or failed */
};

#endif
