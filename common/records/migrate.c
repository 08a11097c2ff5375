/* Plain libpq, blocking: this runs alone, from a command line. The statements that name roles and
 * schemas are written by SQL itself (format's %I) and run here one by one. */
#include "records/migrate.h"

#include <libpq-fe.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records_sql.h"

#define NAME_MAX_BYTES 63 /* PostgreSQL's NAMEDATALEN - 1 */
#define CHECKSUM_SIZE  (2 * SHA256_DIGEST_LENGTH + 1)
#define VALUES_MAX     6

struct run {
    PGconn *conn;
    const struct migrate_plan *plans;
    size_t count;
    int64_t now_ms;
    migrate_say *say;
    void *argument;
    char *problem;
    size_t size;
};

/* The migrations of one schema that are numbered together. */
struct series {
    const char *schema;
    const char *name;
    const struct migration *migrations;
    size_t count;
};

static bool refuse(const struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(const struct run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->problem, run->size, format, arguments);
    va_end(arguments);
    return false;
}

static bool refuse_result(const struct run *run, const char *about, const PGresult *result)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (message == NULL)
        message = PQerrorMessage(run->conn);
    return refuse(run, "%s: %s (%s)", about, message, sqlstate == NULL ? "connection" : sqlstate);
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool command(const struct run *run, const char *text)
{
    PGresult *result = PQexec(run->conn, text);
    bool done = succeeded(result) || refuse_result(run, text, result);
    PQclear(result);
    return done;
}

/* NULL: the problem is written. */
static PGresult *query(const struct run *run, const struct statement *statement, int count,
                       const char *const values[VALUES_MAX])
{
    PGresult *result = PQexecParams(run->conn, statement->text, count, NULL, values, NULL, NULL, 0);
    if (succeeded(result))
        return result;
    refuse_result(run, statement->name, result);
    PQclear(result);
    return NULL;
}

/* Names are checked by this before they are anywhere near SQL, so a list of them needs no quoting.
 */
static bool name_is_plain(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    size_t length = strlen(name);
    return length > 0 && length <= NAME_MAX_BYTES && strspn(name, first) > 0 &&
           strspn(name, rest) == length && strncmp(name, "pg_", 3) != 0;
}

static char *list_of(const struct run *run, bool roles)
{
    char *list = malloc(run->count * (NAME_MAX_BYTES + 1) + 3);
    if (list == NULL)
        abort();
    char *at = list;
    *at++ = '{';
    for (size_t i = 0; i < run->count; i++) {
        const char *name = roles ? run->plans[i].role : run->plans[i].schema;
        size_t length = strlen(name);
        if (i > 0)
            *at++ = ',';
        memcpy(at, name, length);
        at += length;
    }
    *at++ = '}';
    *at = '\0';
    return list;
}

enum lists { LISTS_ROLES, LISTS_SCHEMAS, LISTS_BOTH };

/* Runs the statements that a statement over all roles, schemas or both writes. */
static bool run_written(const struct run *run, const struct statement *statement, enum lists lists)
{
    char *roles = list_of(run, true);
    char *schemas = list_of(run, false);
    PGresult *written =
        query(run, statement, lists == LISTS_BOTH ? 2 : 1,
              (const char *const[VALUES_MAX]){lists == LISTS_SCHEMAS ? schemas : roles, schemas});
    bool done = written != NULL;
    for (int i = 0; done && i < PQntuples(written); i++)
        done = command(run, PQgetvalue(written, i, 0));
    PQclear(written);
    free(schemas);
    free(roles);
    return done;
}

/* The password leaves this process only as its verifier. */
static bool password_set(const struct run *run, const struct migrate_plan *plan)
{
    char *verifier = PQencryptPasswordConn(run->conn, plan->password, plan->role, NULL);
    if (verifier == NULL)
        return refuse(run, "password of %s: %s", plan->role, PQerrorMessage(run->conn));
    char *literal = PQescapeLiteral(run->conn, verifier, strlen(verifier));
    PQfreemem(verifier);
    if (literal == NULL)
        return refuse(run, "password of %s: %s", plan->role, PQerrorMessage(run->conn));
    size_t size = strlen(literal) + NAME_MAX_BYTES + sizeof "ALTER ROLE  PASSWORD ";
    char *text = malloc(size);
    if (text == NULL)
        abort();
    snprintf(text, size, "ALTER ROLE %s PASSWORD %s", plan->role, literal);
    PQfreemem(literal);
    PGresult *result = PQexec(run->conn, text);
    bool done = succeeded(result) || refuse_result(run, plan->role, result);
    PQclear(result);
    free(text);
    return done;
}

/* Roles are the whole server's, so their table is locked: a run in another of its databases waits.
 */
static bool prepare(const struct run *run)
{
    bool done = command(run, "BEGIN") &&
                command(run, "LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE") &&
                run_written(run, &records_sql_migrate_roles, LISTS_ROLES) &&
                run_written(run, &records_sql_migrate_prepare, LISTS_SCHEMAS);
    for (size_t i = 0; done && i < run->count; i++) {
        if (run->plans[i].password != NULL)
            done = password_set(run, &run->plans[i]);
    }
    return done && command(run, "COMMIT");
}

static bool grant(const struct run *run)
{
    return command(run, "BEGIN") && run_written(run, &records_sql_migrate_grants, LISTS_BOTH) &&
           command(run, "COMMIT");
}

/* As sha256sum prints of the file. */
static void checksum_of(const struct migration *migration, char checksum[CHECKSUM_SIZE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)migration->text, strlen(migration->text), digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(checksum + 2 * i, 3, "%02x", digest[i]);
}

static struct series series_of(const struct migrate_plan *plan, bool common)
{
    if (common)
        return (struct series){plan->schema, "common", records_migrations,
                               records_migrations_count};
    return (struct series){plan->schema, "own", plan->migrations, plan->count};
}

static bool series_numbered(const struct run *run, const struct series *series)
{
    for (size_t i = 0; i < series->count; i++) {
        if (series->migrations[i].number != (int)i + 1)
            return refuse(run, "%s: this build has no %s migration %zu before %s", series->schema,
                          series->name, i + 1, series->migrations[i].name);
    }
    return true;
}

static bool applied_check(const struct run *run, const struct series *series,
                          const PGresult *applied, int row)
{
    int number = (int)strtol(PQgetvalue(applied, row, 0), NULL, 10);
    const char *name = PQgetvalue(applied, row, 1);
    if (number > (int)series->count)
        return refuse(run,
                      "%s: this build is older than the database, which has the %s migration %s",
                      series->schema, series->name, name);
    if (number != row + 1)
        return refuse(run, "%s: the database has the %s migration %s but not number %d",
                      series->schema, series->name, name, row + 1);
    const struct migration *migration = &series->migrations[row];
    char checksum[CHECKSUM_SIZE];
    checksum_of(migration, checksum);
    if (strcmp(checksum, PQgetvalue(applied, row, 2)) != 0)
        return refuse(run,
                      "%s: the %s migration %s was applied with another text: applied as %s, now "
                      "%s of %s",
                      series->schema, series->name, name, PQgetvalue(applied, row, 2), checksum,
                      migration->name);
    return true;
}

/* How many of the series are applied, all of them checked; -1: refused. */
static int series_applied(const struct run *run, const struct series *series)
{
    PGresult *applied = query(run, &records_sql_migrate_applied, 2,
                              (const char *const[VALUES_MAX]){series->schema, series->name});
    if (applied == NULL)
        return -1;
    int count = PQntuples(applied);
    for (int row = 0; row < count; row++) {
        if (!applied_check(run, series, applied, row)) {
            count = -1;
            break;
        }
    }
    PQclear(applied);
    return count;
}

/* The line of an error's position, which counts characters from 1. */
static int line_of(const char *text, const char *position)
{
    int line = 1;
    long left = position == NULL ? 0 : strtol(position, NULL, 10);
    for (; *text != '\0' && left > 0; text++) {
        if (((unsigned char)*text & 0xC0) != 0x80 && --left == 0)
            break;
        line += *text == '\n';
    }
    return line;
}

static bool migration_execute(const struct run *run, const struct series *series,
                              const struct migration *migration)
{
    PGresult *result = PQexec(run->conn, migration->text);
    if (!succeeded(result)) {
        char about[256];
        const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
        snprintf(about, sizeof about, "%s: %s, line %d", series->schema, migration->name,
                 line_of(migration->text, position));
        if (position == NULL)
            snprintf(about, sizeof about, "%s: %s", series->schema, migration->name);
        refuse_result(run, about, result);
        PQclear(result);
        return false;
    }
    PQclear(result);
    if (PQtransactionStatus(run->conn) != PQTRANS_INTRANS)
        return refuse(run, "%s: %s ends its transaction itself", series->schema, migration->name);
    return true;
}

static bool migration_record(const struct run *run, const struct series *series,
                             const struct migration *migration)
{
    char number[16];
    char now[24];
    char checksum[CHECKSUM_SIZE];
    snprintf(number, sizeof number, "%d", migration->number);
    snprintf(now, sizeof now, "%lld", (long long)run->now_ms);
    checksum_of(migration, checksum);
    PGresult *result = query(run, &records_sql_migrate_record, 6,
                             (const char *const[VALUES_MAX]){series->schema, series->name, number,
                                                             migration->name, checksum, now});
    bool done = result != NULL;
    PQclear(result);
    return done;
}

static bool migration_apply(const struct run *run, const struct series *series,
                            const struct migration *migration)
{
    char path[NAME_MAX_BYTES + sizeof "SET LOCAL search_path = , pg_temp"];
    snprintf(path, sizeof path, "SET LOCAL search_path = %s, pg_temp", series->schema);
    bool done = command(run, "BEGIN") && command(run, path) &&
                command(run, "SET LOCAL ROLE ztc_owner") &&
                migration_execute(run, series, migration) && command(run, "RESET ROLE") &&
                command(run, "SET LOCAL search_path = pg_catalog") &&
                migration_record(run, series, migration) && command(run, "COMMIT");
    if (!done)
        return false;
    run->say(series->schema, migration->number, migration->name, "applied", run->argument);
    return true;
}

static bool series_apply(const struct run *run, const struct series *series)
{
    int applied = series_applied(run, series);
    for (int i = 0; i < applied; i++)
        run->say(series->schema, series->migrations[i].number, series->migrations[i].name,
                 "present", run->argument);
    if (applied < 0)
        return false;
    for (size_t i = (size_t)applied; i < series->count; i++) {
        if (!migration_apply(run, series, &series->migrations[i]))
            return false;
    }
    return true;
}

/* Nothing is applied anywhere unless everything applied everywhere is known. */
static bool plans_check(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        for (int common = 1; common >= 0; common--) {
            struct series series = series_of(&run->plans[i], common == 1);
            if (!series_numbered(run, &series) || series_applied(run, &series) < 0)
                return false;
        }
    }
    return true;
}

static bool plans_apply(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        for (int common = 1; common >= 0; common--) {
            struct series series = series_of(&run->plans[i], common == 1);
            if (!series_apply(run, &series))
                return false;
        }
    }
    return true;
}

static bool lock(const struct run *run)
{
    PGresult *result = query(run, &records_sql_migrate_lock_try, 0, NULL);
    bool locked = result != NULL && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    bool asked = result != NULL;
    PQclear(result);
    if (locked || !asked)
        return locked;
    run->say("", 0, "another migration", "waiting", run->argument);
    result = query(run, &records_sql_migrate_lock, 0, NULL);
    locked = result != NULL;
    PQclear(result);
    return locked;
}

static bool session(const struct run *run)
{
    return command(run, "SET search_path = pg_catalog") && command(run, "SET timezone = 'UTC'") &&
           command(run, "SET synchronous_commit = on") &&
           command(run, "SET statement_timeout = 0") &&
           command(run, "SET idle_in_transaction_session_timeout = 0") &&
           command(run, "SET default_transaction_read_only = off");
}

static bool names_check(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct migrate_plan *plan = &run->plans[i];
        if (!name_is_plain(plan->schema) || !name_is_plain(plan->role))
            return refuse(run, "not a plain name: schema \"%s\", role \"%s\"", plan->schema,
                          plan->role);
    }
    return true;
}

static void ignore_notice(void *argument, const PGresult *result)
{
    (void)argument;
    (void)result;
}

/* False: the problem is written. The connection is to be finished either way. */
static bool connect_to(struct run *run, const char *conninfo)
{
    const char *names[] = {"dbname",          "application_name", "client_encoding",
                           "connect_timeout", "keepalives_idle",  NULL};
    const char *values[] = {conninfo, "ztc migrate", "UTF8", "10", "10", NULL};
    run->conn = PQconnectdbParams(names, values, 1);
    if (run->conn == NULL)
        return refuse(run, "out of memory");
    if (PQstatus(run->conn) != CONNECTION_OK)
        return refuse(run, "%s", PQerrorMessage(run->conn));
    PQsetNoticeReceiver(run->conn, ignore_notice, NULL);
    return session(run);
}

static void finish(struct run *run)
{
    PQfinish(run->conn); /* and with it the lock, if there was one */
    for (size_t length = strlen(run->problem); length > 0 && run->problem[length - 1] == '\n';)
        run->problem[--length] = '\0';
}

bool migrate_run(const char *conninfo, const struct migrate_plan *plans, size_t count,
                 int64_t now_ms, migrate_say *say, void *argument, char *problem, size_t size)
{
    struct run run = {NULL, plans, count, now_ms, say, argument, problem, size};
    problem[0] = '\0';
    if (!names_check(&run))
        return false;
    bool done = connect_to(&run, conninfo) && lock(&run) && prepare(&run) && plans_check(&run) &&
                plans_apply(&run) && grant(&run);
    finish(&run);
    return done;
}

static void say_pending(const struct run *run, const struct series *series)
{
    int applied = series_applied(run, series);
    for (int i = applied; i >= 0 && i < (int)series->count; i++)
        run->say(series->schema, series->migrations[i].number, series->migrations[i].name,
                 "pending", run->argument);
}

bool migrate_check(const char *conninfo, const struct migrate_plan *plans, size_t count,
                   migrate_say *say, void *argument, char *problem, size_t size)
{
    struct run run = {NULL, plans, count, 0, say, argument, problem, size};
    problem[0] = '\0';
    if (!names_check(&run))
        return false;
    bool done = connect_to(&run, conninfo) && plans_check(&run);
    for (size_t i = 0; done && i < count; i++)
        for (int common = 1; common >= 0; common--) {
            struct series series = series_of(&plans[i], common == 1);
            say_pending(&run, &series);
        }
    finish(&run);
    return done;
}
