/* A backup: a directory with records.dump, which pg_dump wrote (custom format), and manifest.json,
 * which says what is in it: docs/decisions/0015. While it is being written its name ends in
 * ".unfinished". */
#ifndef ZTC_CLI_BACKUP_H
#define ZTC_CLI_BACKUP_H

#include <jansson.h>
#include <libpq-fe.h>

#include "base/arena.h"
#include "records/statement.h"

#define BACKUP_FORMAT      1
#define BACKUP_MANIFEST    "manifest.json"
#define BACKUP_RECORDS     "records.dump"
#define BACKUP_UNFINISHED  ".unfinished"
#define BACKUP_PART_BYTES  ((size_t)256 * 1024)
#define BACKUP_PATH_MAX    4096
#define BACKUP_DIGEST_TEXT 65 /* SHA-256 in hexadecimal, and its end */

/* --- the manifest ---------------------------------------------------------------------------- */

/* What a snapshot of the records holds: "migrations", "heads", "tables", "sealed_secrets". Asked in
 * the connection's transaction; NULL: complained. */
json_t *manifest_of_records(PGconn *records);
/* Adds the digest of all the rest. */
void manifest_seal(json_t *manifest);
/* The manifest of a backup whose every byte was looked at: complete, unchanged, of a format and of
 * migrations that this build knows. NULL: complained. */
json_t *backup_check(const char *path, bool quiet);
/* Rows and heads as "intake.event: 17", to compare what was restored; NULL: as wanted. */
const char *manifest_differs(const json_t *wanted, const json_t *found, struct arena *arena);
void manifest_print(const json_t *manifest);
/* What a backup does not hold. */
void apart_print(const json_t *manifest);

/* --- what both ask ---------------------------------------------------------------------------- */

/* The connection's keywords and values with another database; NULL: complained. `dbname`: the one
 * that the conninfo itself names is put there when it is not NULL. */
const char *conninfo_for(const char *conninfo, const char *database, const char **dbname,
                         struct arena *arena);
/* NULL: complained. */
PGconn *backup_connect(const char *conninfo, const char *application);
/* Runs a statement with texts; NULL: complained. */
PGresult *backup_ask(PGconn *conn, const struct statement *statement, int count,
                     const char *const *values);
bool backup_run(PGconn *conn, const char *text);
/* Runs the statements that a statement writes. */
bool backup_run_written(PGconn *conn, const struct statement *statement, int count,
                        const char *const *values);
/* The five schemas, or their roles, as a list "{a,b}". */
const char *backup_names(bool roles, struct arena *arena);
/* CLI_RECORDS when the connection is gone, CLI_DISK when the server has no room, else the code
 * given. */
int backup_exit(PGconn *conn, const char *problem, int code);

#endif
