/* What backup and restore ask of PostgreSQL. */
#include <stdlib.h>
#include <string.h>

#include "cli/backup.h"
#include "cli/cli.h"
#include "cli/plans.h"
#include "records_sql.h"

const char *conninfo_for(const char *conninfo, const char *database, const char **dbname,
                         struct arena *arena)
{
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &problem);
    if (options == NULL) {
        cli_complain(SAY("ZTC_DSN 读不懂：%s", "ZTC_DSN cannot be read: %s"),
                     problem != NULL ? problem : "");
        PQfreemem(problem);
        return NULL;
    }
    struct text made = TEXT("");
    for (PQconninfoOption *option = options; option->keyword != NULL; option++) {
        bool is_name = strcmp(option->keyword, "dbname") == 0;
        if (is_name && dbname != NULL)
            *dbname = option->val == NULL ? NULL : arena_string(arena, text_of(option->val));
        const char *value = is_name && database != NULL ? database : option->val;
        if (value == NULL)
            continue;
        struct text quoted = TEXT("");
        for (; *value != '\0'; value++)
            quoted = arena_format(arena, "%.*s%s%c", TEXT_ARG(quoted),
                                  *value == '\'' || *value == '\\' ? "\\" : "", *value);
        made = arena_format(arena, "%.*s%s='%.*s' ", TEXT_ARG(made), option->keyword,
                            TEXT_ARG(quoted));
    }
    PQconninfoFree(options);
    return arena_string(arena, made);
}

/* The server's messages end their lines themselves. */
static void complain_of(const char *about, const char *message)
{
    size_t length = strlen(message);
    while (length > 0 && message[length - 1] == '\n')
        length--;
    cli_complain(SAY("%s：%.*s", "%s: %.*s"), about, (int)length, message);
}

PGconn *backup_connect(const char *conninfo, const char *application)
{
    const char *names[] = {"dbname", "application_name", "client_encoding", "connect_timeout",
                           NULL};
    const char *values[] = {conninfo, application, "UTF8", "10", NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    if (PQstatus(conn) == CONNECTION_OK && backup_run(conn, "SET search_path = pg_catalog") &&
        backup_run(conn, "SET statement_timeout = 0") &&
        backup_run(conn, "SET idle_in_transaction_session_timeout = 0") &&
        backup_run(conn, "SET client_min_messages = warning"))
        return conn;
    if (PQstatus(conn) != CONNECTION_OK)
        complain_of(SAY("PostgreSQL 连接不上", "PostgreSQL cannot be reached"),
                    PQerrorMessage(conn));
    PQfinish(conn);
    return NULL;
}

static bool is_done(PGconn *conn, const char *about, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return true;
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    complain_of(about, message != NULL ? message : PQerrorMessage(conn));
    return false;
}

PGresult *backup_ask(PGconn *conn, const struct statement *statement, int count,
                     const char *const *values)
{
    PGresult *result = PQexecParams(conn, statement->text, count, NULL, values, NULL, NULL, 0);
    if (is_done(conn, statement->name, result))
        return result;
    PQclear(result);
    return NULL;
}

bool backup_run(PGconn *conn, const char *text)
{
    PGresult *result = PQexec(conn, text);
    bool done = is_done(conn, text, result);
    PQclear(result);
    return done;
}

bool backup_run_written(PGconn *conn, const struct statement *statement, int count,
                        const char *const *values)
{
    PGresult *written = backup_ask(conn, statement, count, values);
    bool done = written != NULL;
    for (int i = 0; done && i < PQntuples(written); i++)
        done = backup_run(conn, PQgetvalue(written, i, 0));
    PQclear(written);
    return done;
}

const char *backup_names(bool roles, struct arena *arena)
{
    struct migrate_plan plans[SERVICE_COUNT];
    plans_fill(plans);
    struct text list = TEXT("{");
    for (int i = 0; i < SERVICE_COUNT; i++)
        list = arena_format(arena, "%.*s%s%s", TEXT_ARG(list), i > 0 ? "," : "",
                            roles ? plans[i].role : plans[i].schema);
    return arena_format(arena, "%.*s}", TEXT_ARG(list)).at;
}

int backup_exit(PGconn *conn, const char *problem, int code)
{
    if (problem != NULL && strstr(problem, "No space left on device") != NULL)
        return CLI_DISK;
    PGresult *result = PQexec(conn, "SELECT");
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    /* In a transaction that failed the server still answers. */
    return status == PGRES_TUPLES_OK || PQstatus(conn) == CONNECTION_OK ? code : CLI_RECORDS;
}

/* --- what a snapshot holds -------------------------------------------------------------------- */

static json_int_t number_at(const PGresult *rows, int row, int column)
{
    return (json_int_t)strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

static json_t *migrations_of(PGconn *records)
{
    PGresult *rows = backup_ask(records, &records_sql_backup_migrations, 0, NULL);
    json_t *list = rows == NULL ? NULL : json_array();
    for (int i = 0; list != NULL && i < PQntuples(rows); i++)
        json_array_append_new(list, json_pack("{ss ss sI ss ss}", "schema", PQgetvalue(rows, i, 0),
                                              "series", PQgetvalue(rows, i, 1), "number",
                                              number_at(rows, i, 2), "name", PQgetvalue(rows, i, 3),
                                              "checksum", PQgetvalue(rows, i, 4)));
    PQclear(rows);
    return list;
}

static json_t *heads_of(PGconn *records)
{
    PGresult *rows = backup_ask(records, &records_sql_backup_heads, 0, NULL);
    json_t *list = rows == NULL ? NULL : json_array();
    for (int i = 0; list != NULL && i < PQntuples(rows); i++)
        json_array_append_new(list,
                              json_pack("{ss sI sI}", "service", PQgetvalue(rows, i, 0), "part",
                                        number_at(rows, i, 1), "head", number_at(rows, i, 2)));
    PQclear(rows);
    return list;
}

static json_t *tables_of(PGconn *records, const char *schemas)
{
    PGresult *tables = backup_ask(records, &records_sql_backup_tables, 1, &schemas);
    json_t *list = tables == NULL ? NULL : json_array();
    for (int i = 0; list != NULL && i < PQntuples(tables); i++) {
        PGresult *rows = PQexec(records, PQgetvalue(tables, i, 1));
        if (is_done(records, PQgetvalue(tables, i, 0), rows)) {
            json_array_append_new(list, json_pack("{ss sI}", "table", PQgetvalue(tables, i, 0),
                                                  "rows", number_at(rows, 0, 0)));
        } else {
            json_decref(list);
            list = NULL;
        }
        PQclear(rows);
    }
    PQclear(tables);
    return list;
}

/* Secrets of webhooks, which open under a key that is in no backup. */
static json_int_t sealed_secrets(const json_t *tables)
{
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *table = json_array_get(tables, i);
        if (strcmp(json_string_value(json_object_get(table, "table")),
                   "notification.webhook_secret") == 0)
            return json_integer_value(json_object_get(table, "rows"));
    }
    return 0;
}

json_t *manifest_of_records(PGconn *records)
{
    struct arena *arena = arena_new();
    json_t *migrations = migrations_of(records);
    json_t *heads = migrations == NULL ? NULL : heads_of(records);
    json_t *tables = heads == NULL ? NULL : tables_of(records, backup_names(false, arena));
    json_t *found = NULL;
    if (tables != NULL)
        found = json_pack("{sO sO sO sI}", "migrations", migrations, "heads", heads, "tables",
                          tables, "sealed_secrets", sealed_secrets(tables));
    json_decref(tables);
    json_decref(heads);
    json_decref(migrations);
    arena_destroy(&arena);
    return found;
}
