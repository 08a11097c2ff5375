/* Brings a database's schemas and roles up to this build: what `ztc migrate` runs, as a superuser.
 *
 * One run at a time (a session's advisory lock). Forward only: each migration once, in its own
 * transaction together with its row in ztc_migration.applied. Each schema has two series of
 * numbers, "common" (the tables that every service has) and its own. A database that holds a
 * changed, missing or unknown migration is left as it is. Rights are brought to what
 * architecture.md says every time: schemas belong to ztc_owner, which cannot log in; a service's
 * role reads and writes its own tables, only adds to its own event log, and of every other schema
 * reads `event` and `lease`. */
#ifndef ZTC_RECORDS_MIGRATE_H
#define ZTC_RECORDS_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/statement.h"

struct migrate_plan {
    const char *schema;   /* [a-z_][a-z0-9_]*, at most 63 bytes; as `role` */
    const char *role;     /* "ztc_intake" */
    const char *password; /* NULL: the role's password is left as it is */
    const struct migration *migrations;
    size_t count;
};

/* Called for each migration with the state "applied" or "present", and with an empty schema and the
 * state "waiting" when another run must end first. */
typedef void migrate_say(const char *schema, int number, const char *name, const char *state,
                         void *argument);

/* All plans of the deployment at once: rights between schemas are given to the roles named here.
 * `now_ms` is recorded as the time of what is applied. False: `problem` says why; what was applied
 * before stays applied. */
bool migrate_run(const char *conninfo, const struct migrate_plan *plans, size_t count,
                 int64_t now_ms, migrate_say *say, void *argument, char *problem, size_t size);

/* Changes nothing: calls `say` with the state "pending" for each migration that this build has and
 * the database has not. False: `problem` says why, perhaps that the database has one which is
 * unknown here or was applied with another text. */
bool migrate_check(const char *conninfo, const struct migrate_plan *plans, size_t count,
                   migrate_say *say, void *argument, char *problem, size_t size);

#endif
