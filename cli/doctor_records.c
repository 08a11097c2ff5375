/* PostgreSQL: the server's settings, its disk, the services' roles, the migrations; then, over the
 * same connection, what stands in it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/env.h"
#include "cli/plans.h"
#include "records_sql.h"

#define PROBLEM_MAX 1024

PGresult *doctor_ask(struct doctor *doctor, PGconn *records, const struct statement *statement,
                     int count, const char *const *values)
{
    PGresult *result = PQexecParams(records, statement->text, count, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        doctor->checks++;
        return result;
    }
    const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    doctor_check(doctor, true, FINDING_records_unreadable, statement->name,
                 text_of(why != NULL ? why : PQerrorMessage(records)));
    PQclear(result);
    return NULL;
}

/* The server's message without its line end. */
static struct text said(struct doctor *doctor, const char *message)
{
    struct text text = text_of(message);
    while (text.length > 0 && text.at[text.length - 1] == '\n')
        text.length--;
    return arena_text(doctor->arena, text);
}

static PGconn *connect_with(const char *conninfo)
{
    const char *names[] = {"dbname", "application_name", "connect_timeout", NULL};
    const char *values[] = {conninfo, "ztc doctor", "2", NULL};
    return PQconnectdbParams(names, values, 1);
}

/* --- the server ------------------------------------------------------------------------------- */

struct server_settings {
    PGresult *rows;
};

static const char *value_of(const struct server_settings *settings, const char *name)
{
    for (int i = 0; i < PQntuples(settings->rows); i++)
        if (strcmp(PQgetvalue(settings->rows, i, 0), name) == 0)
            return PQgetvalue(settings->rows, i, 1);
    return "";
}

static bool is_set(const struct server_settings *settings, const char *name, const char *value)
{
    return strcmp(value_of(settings, name), value) == 0;
}

static void durability_check(struct doctor *doctor, const struct server_settings *settings)
{
    static const char *const names[] = {"fsync", "full_page_writes", "synchronous_commit"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = value_of(settings, names[i]);
        bool weak = strcmp(value, "off") == 0 ||
                    (i == 2 && (strcmp(value, "local") == 0 || strcmp(value, "remote_write") == 0));
        doctor_check(doctor, weak, FINDING_durability_off, "PostgreSQL",
                     arena_format(doctor->arena, "%s = %s", names[i], value));
    }
}

static void log_check(struct doctor *doctor, const struct server_settings *settings)
{
    bool logs_statements = !is_set(settings, "log_statement", "none") ||
                           !is_set(settings, "log_min_duration_statement", "-1") ||
                           !is_set(settings, "log_min_duration_sample", "-1") ||
                           !is_set(settings, "log_transaction_sample_rate", "0") ||
                           !is_set(settings, "log_duration", "off");
    bool with_parameters =
        (logs_statements && !is_set(settings, "log_parameter_max_length", "0")) ||
        !is_set(settings, "log_parameter_max_length_on_error", "0");
    doctor_check(doctor, with_parameters, FINDING_log_holds_contact, "PostgreSQL",
                 arena_format(doctor->arena,
                              "log_statement = %s, log_min_duration_statement = %s, "
                              "log_parameter_max_length = %s, log_parameter_max_length_on_error = "
                              "%s",
                              value_of(settings, "log_statement"),
                              value_of(settings, "log_min_duration_statement"),
                              value_of(settings, "log_parameter_max_length"),
                              value_of(settings, "log_parameter_max_length_on_error")));
}

/* Only when the server's directory is on this machine. */
static void disk_check(struct doctor *doctor, const char *directory)
{
    struct statvfs disk;
    if (statvfs(directory, &disk) != 0 || disk.f_blocks == 0)
        return;
    uint64_t percent = (uint64_t)disk.f_bavail * 100 / disk.f_blocks;
    doctor_check(doctor, percent < DOCTOR_FREE_MIN_PC, FINDING_disk_full_soon, directory,
                 arena_format(doctor->arena, "%" PRIu64 " %%", percent));
}

static void server_check(struct doctor *doctor, PGconn *records)
{
    struct server_settings settings = {
        doctor_ask(doctor, records, &records_sql_doctor_settings, 0, NULL)};
    if (settings.rows != NULL) {
        durability_check(doctor, &settings);
        log_check(doctor, &settings);
        disk_check(doctor, value_of(&settings, "data_directory"));
    }
    PQclear(settings.rows);
    PGresult *clock = doctor_ask(doctor, records, &records_sql_doctor_clock, 0, NULL);
    if (clock != NULL && PQntuples(clock) == 1) {
        int64_t off_ms = strtoll(PQgetvalue(clock, 0, 0), NULL, 10) - cli_now_ms();
        doctor_check(doctor, off_ms > DOCTOR_SKEW_MS || off_ms < -DOCTOR_SKEW_MS,
                     FINDING_clock_differs, "PostgreSQL",
                     arena_format(doctor->arena, "%+" PRId64 " ms", off_ms));
    }
    PQclear(clock);
}

static void transactions_check(struct doctor *doctor, PGconn *records)
{
    const char *long_ms = doctor_long_ms(doctor);
    PGresult *open = doctor_ask(doctor, records, &records_sql_doctor_transactions, 1, &long_ms);
    for (int i = 0; open != NULL && i < PQntuples(open); i++)
        doctor_find(doctor, FINDING_transaction_long, PQgetvalue(open, i, 1),
                    arena_format(doctor->arena, "pid %s, %s ms", PQgetvalue(open, i, 0),
                                 PQgetvalue(open, i, 2)));
    PQclear(open);
}

/* --- roles ------------------------------------------------------------------------------------ */

/* With the connection that the service itself uses, where the environment tells it. */
static void login_check(struct doctor *doctor, const char *service, const char *role)
{
    char variable[64];
    snprintf(variable, sizeof variable, "ZTC_DSN_%s", service);
    for (char *at = variable; *at != '\0'; at++)
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    const char *conninfo = env_get(variable);
    if (conninfo == NULL)
        return;
    PGconn *own = connect_with(conninfo);
    doctor_check(doctor, PQstatus(own) != CONNECTION_OK, FINDING_role_unusable, role,
                 said(doctor, PQerrorMessage(own)));
    PQfinish(own);
}

static void roles_check(struct doctor *doctor, PGconn *records)
{
    struct migrate_plan plans[SERVICE_COUNT];
    plans_fill(plans);
    struct text list = TEXT("{");
    for (int i = 0; i < SERVICE_COUNT; i++)
        list = arena_format(doctor->arena, "%.*s%s%s", TEXT_ARG(list), i > 0 ? "," : "",
                            plans[i].role);
    const char *names = arena_format(doctor->arena, "%.*s}", TEXT_ARG(list)).at;
    PGresult *roles = doctor_ask(doctor, records, &records_sql_doctor_roles, 1, &names);
    for (int i = 0; roles != NULL && i < SERVICE_COUNT; i++) {
        int row = 0;
        while (row < PQntuples(roles) && strcmp(PQgetvalue(roles, row, 0), plans[i].role) != 0)
            row++;
        bool is_there = row < PQntuples(roles) && PQgetvalue(roles, row, 1)[0] == 't';
        doctor_check(doctor, !is_there, FINDING_role_unusable, plans[i].role, TEXT(""));
        if (!is_there)
            continue;
        doctor_check(doctor, PQgetvalue(roles, row, 2)[0] == 't', FINDING_role_too_strong,
                     plans[i].role, TEXT(""));
        login_check(doctor, plans[i].schema, plans[i].role);
    }
    PQclear(roles);
}

/* --- migrations ------------------------------------------------------------------------------- */

static void say_migration(const char *schema, int number, const char *name, const char *state,
                          void *argument)
{
    struct doctor *doctor = argument;
    (void)state;
    doctor_find(doctor, FINDING_migration_pending, schema,
                arena_format(doctor->arena, "%04d %s", number, name));
}

static void migrations_check(struct doctor *doctor, const char *conninfo)
{
    struct migrate_plan plans[SERVICE_COUNT];
    char problem[PROBLEM_MAX];
    plans_fill(plans);
    bool known = migrate_check(conninfo, plans, SERVICE_COUNT, say_migration, doctor, problem,
                               sizeof problem);
    doctor_check(doctor, !known, FINDING_migration_foreign, "PostgreSQL", text_of(problem));
}

void doctor_records(struct doctor *doctor)
{
    PGconn *records = NULL;
    const char *conninfo = doctor_setting(doctor, "ZTC_DSN");
    if (conninfo != NULL) {
        records = connect_with(conninfo);
        bool is_there = PQstatus(records) == CONNECTION_OK;
        doctor_check(doctor, !is_there, FINDING_records_silent, "PostgreSQL",
                     said(doctor, PQerrorMessage(records)));
        if (!is_there) {
            PQfinish(records);
            records = NULL;
        }
    }
    if (records != NULL) {
        server_check(doctor, records);
        transactions_check(doctor, records);
        roles_check(doctor, records);
        migrations_check(doctor, conninfo);
        doctor_logs(doctor, records);
    }
    doctor_live(doctor, records);
    doctor_keys(doctor, records);
    PQfinish(records);
}
