/* ztc restore: the records brought back from a backup. They are restored into a database beside the
 * one they are for, made fit for new services there, and take its place by its name, at once or not
 * at all: docs/decisions/0015. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/backup.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/plans.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "cli/verb.h"
#include "records_sql.h"

#define PROBLEM_MAX  1024
#define BEAT_WAIT_MS 2500 /* a lease that is alive beats every second */
#define GONE_WAIT_MS 3000 /* how long connections may take to be gone */
#define GONE_LOOK_MS 100
#define NAME_MAX_PG  63 /* PostgreSQL's NAMEDATALEN - 1 */
#define LINE_MAX_IN  256

struct restore {
    const char *from, *dsn, *env_file, *confirm;
    bool replace, quiet;
    struct arena *arena;
    json_t *manifest;
    const char *schemas, *roles;
    const char *name;   /* of the database */
    const char *aside;  /* the one that is restored into */
    const char *former; /* what the one that was there is called then */
    const char *conninfo, *conninfo_aside;
    PGconn *server; /* another database of the server */
    bool is_there, has_content;
    bool made_aside;
};

/* --- what must hold --------------------------------------------------------------------------- */

static int settle_names(struct restore *restore)
{
    char stamp[32];
    time_t now = (time_t)(cli_now_ms() / 1000);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S", &utc);
    restore->conninfo = conninfo_for(restore->dsn, NULL, &restore->name, restore->arena);
    if (restore->conninfo == NULL)
        return CLI_ENVIRONMENT;
    if (restore->name == NULL) {
        cli_complain("%s", SAY("ZTC_DSN 须写明数据库名", "ZTC_DSN must name the database"));
        return CLI_ENVIRONMENT;
    }
    restore->aside = arena_format(restore->arena, "%s_restoring", restore->name).at;
    restore->former = arena_format(restore->arena, "%s_before_%s", restore->name, stamp).at;
    if (strlen(restore->former) > NAME_MAX_PG) {
        cli_complain(SAY("数据库名 %s 过长", "the database's name %s is too long"), restore->name);
        return CLI_ENVIRONMENT;
    }
    restore->schemas = backup_names(false, restore->arena);
    restore->roles = backup_names(true, restore->arena);
    restore->conninfo_aside = conninfo_for(restore->dsn, restore->aside, NULL, restore->arena);
    return CLI_OK;
}

static int server_open(struct restore *restore)
{
    const char *other = strcmp(restore->name, "postgres") == 0 ? "template1" : "postgres";
    restore->server =
        backup_connect(conninfo_for(restore->dsn, other, NULL, restore->arena), "ztc restore");
    if (restore->server == NULL)
        return CLI_RECORDS;
    int64_t taken_by = json_integer_value(json_object_get(restore->manifest, "server_number"));
    if (PQserverVersion(restore->server) / 10000 < taken_by / 10000) {
        cli_complain(SAY("备份取自 PostgreSQL %" PRId64 "，此服务器为 %d，较旧",
                         "the backup is of PostgreSQL %" PRId64 ", this server is the older %d"),
                     taken_by / 10000, PQserverVersion(restore->server) / 10000);
        return CLI_REFUSED;
    }
    PGresult *locked = backup_ask(restore->server, &records_sql_restore_lock, 0, NULL);
    bool ours = locked != NULL && PQgetvalue(locked, 0, 0)[0] == 't';
    if (locked != NULL && !ours)
        cli_complain("%s",
                     SAY("此服务器上另一次恢复正在进行", "another restore runs on this server"));
    PQclear(locked);
    return ours ? CLI_OK : backup_exit(restore->server, NULL, CLI_REFUSED);
}

static void pause_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR && !tool_interrupted())
        ;
}

/* Leases of this database as "intake 7 intake-1 1234", in one text; empty: none is held. NULL:
 * complained. */
static const char *leases_look(const struct restore *restore, PGconn *conn, const char **holders)
{
    PGresult *asking = backup_ask(conn, &records_sql_restore_leases, 1, &restore->schemas);
    struct text seen = TEXT(""), held = TEXT("");
    bool fine = asking != NULL;
    for (int i = 0; fine && i < PQntuples(asking); i++) {
        PGresult *lease = PQexec(conn, PQgetvalue(asking, i, 0));
        fine = PQresultStatus(lease) == PGRES_TUPLES_OK;
        for (int row = 0; fine && row < PQntuples(lease); row++) {
            seen = arena_format(restore->arena, "%.*s%s %s %s %s\n", TEXT_ARG(seen),
                                PQgetvalue(lease, row, 0), PQgetvalue(lease, row, 1),
                                PQgetvalue(lease, row, 2), PQgetvalue(lease, row, 3));
            held = arena_format(restore->arena, "%.*s%s%s (%s)", TEXT_ARG(held),
                                held.length > 0 ? ", " : "", PQgetvalue(lease, row, 0),
                                PQgetvalue(lease, row, 2));
        }
        PQclear(lease);
    }
    PQclear(asking);
    *holders = arena_string(restore->arena, held);
    return fine ? arena_string(restore->arena, seen) : NULL;
}

static int leases_check(const struct restore *restore, PGconn *conn)
{
    const char *holders;
    const char *first = leases_look(restore, conn, &holders);
    if (first == NULL)
        return backup_exit(conn, NULL, CLI_ENVIRONMENT);
    if (first[0] == '\0')
        return CLI_OK;
    pause_ms(BEAT_WAIT_MS);
    const char *then = leases_look(restore, conn, &holders);
    if (then == NULL)
        return backup_exit(conn, NULL, CLI_ENVIRONMENT);
    if (strcmp(first, then) == 0)
        return CLI_OK;
    cli_complain(SAY("有服务正持有租约：%s；先停止五个服务",
                     "a service holds a live lease: %s; stop the five services first"),
                 holders);
    return CLI_REFUSED;
}

/* The first table that has a row; NULL: none has. `*fine` false: complained. */
static const char *content_find(const struct restore *restore, PGconn *conn, bool *fine)
{
    PGresult *asking = backup_ask(conn, &records_sql_restore_content, 1, &restore->schemas);
    const char *found = NULL;
    *fine = asking != NULL;
    for (int i = 0; *fine && found == NULL && i < PQntuples(asking); i++) {
        PGresult *row = PQexec(conn, PQgetvalue(asking, i, 0));
        *fine = PQresultStatus(row) == PGRES_TUPLES_OK;
        if (!*fine)
            cli_complain("%s", PQerrorMessage(conn));
        else if (PQntuples(row) > 0)
            found = arena_string(restore->arena, text_of(PQgetvalue(row, 0, 0)));
        PQclear(row);
    }
    PQclear(asking);
    return found;
}

static int content_check(struct restore *restore, PGconn *conn)
{
    bool fine;
    const char *found = content_find(restore, conn, &fine);
    if (!fine)
        return backup_exit(conn, NULL, CLI_ENVIRONMENT);
    restore->has_content = found != NULL;
    if (found == NULL || restore->replace)
        return CLI_OK;
    cli_complain(SAY("数据库 %s 不是空的（%s 有数据）；要以备份取代它，请加 --replace",
                     "the database %s is not empty (%s has rows); to put the backup in its place, "
                     "add --replace"),
                 restore->name, found);
    return CLI_REFUSED;
}

/* Who is connected would go on with records that are another's. Connections that were just closed,
 * our own among them, take a moment to be gone. */
static int connections_check(struct restore *restore)
{
    int64_t until = cli_monotonic_ms() + GONE_WAIT_MS;
    for (;;) {
        PGresult *there =
            backup_ask(restore->server, &records_sql_restore_database, 1, &restore->name);
        if (there == NULL)
            return backup_exit(restore->server, NULL, CLI_ENVIRONMENT);
        restore->is_there = PQntuples(there) > 0;
        bool in_use = restore->is_there && !PQgetisnull(there, 0, 1);
        bool late = cli_monotonic_ms() > until;
        if (in_use && late)
            cli_complain(SAY("有连接正在使用数据库 %s：%s；先停止它们",
                             "the database %s is in use by: %s; stop them first"),
                         restore->name, PQgetvalue(there, 0, 1));
        PQclear(there);
        if (!in_use || late)
            return in_use ? CLI_REFUSED : CLI_OK;
        pause_ms(GONE_LOOK_MS);
    }
}

static int target_check(struct restore *restore)
{
    PGresult *there = backup_ask(restore->server, &records_sql_restore_database, 1, &restore->name);
    if (there == NULL)
        return backup_exit(restore->server, NULL, CLI_ENVIRONMENT);
    restore->is_there = PQntuples(there) > 0;
    PQclear(there);
    if (!restore->is_there)
        return CLI_OK;
    PGconn *conn = backup_connect(restore->conninfo, "ztc restore");
    if (conn == NULL)
        return CLI_RECORDS;
    int code = leases_check(restore, conn);
    if (code == CLI_OK)
        code = content_check(restore, conn);
    PQfinish(conn);
    return code == CLI_OK ? connections_check(restore) : code;
}

static int confirm(const struct restore *restore)
{
    char line[LINE_MAX_IN] = "";
    const char *given = restore->confirm;
    if (!restore->has_content)
        return CLI_OK;
    if (given == NULL && isatty(STDIN_FILENO) == 1) {
        fprintf(stderr,
                SAY("数据库 %s 将被备份取代，改名为 %s。请输入数据库名以确认：",
                    "the backup takes the place of the database %s, which will be called %s.\n"
                    "Type the database's name to confirm: "),
                restore->name, restore->former);
        given = fgets(line, sizeof line, stdin);
        line[strcspn(line, "\n")] = '\0';
    }
    if (given != NULL && strcmp(given, restore->name) == 0)
        return CLI_OK;
    cli_complain(
        SAY("未确认：--replace 需要 --confirm %s", "not confirmed: --replace needs --confirm %s"),
        restore->name);
    return CLI_REFUSED;
}

/* --- restoring -------------------------------------------------------------------------------- */

static int feed(struct restore *restore, struct tool *tool, int file)
{
    struct progress progress;
    uint8_t *part = arena_alloc(restore->arena, BACKUP_PART_BYTES);
    double bytes = (double)json_integer_value(
        json_object_get(json_object_get(restore->manifest, "records"), "bytes"));
    int64_t done = 0;
    ssize_t got;
    progress_begin(&progress, restore->quiet);
    while ((got = read(file, part, BACKUP_PART_BYTES)) > 0 && tool_give(tool, part, (size_t)got)) {
        done += got;
        progress_show_bytes(&progress, (double)done / bytes, done);
    }
    progress_end(&progress);
    if (tool_interrupted()) {
        tool_stop(tool);
        cli_complain("%s", SAY("已中断，数据库未变", "interrupted; the database is as it was"));
        return CLI_ENVIRONMENT;
    }
    bool fine = tool_end(tool);
    if (!fine)
        cli_complain("pg_restore: %s", tool->problem);
    else if (got != 0)
        cli_complain("%s/" BACKUP_RECORDS ": %s", restore->from, strerror(errno));
    if (fine && got == 0)
        return CLI_OK;
    return backup_exit(restore->server, tool->problem, CLI_ENVIRONMENT);
}

static int records_read(struct restore *restore)
{
    char path[BACKUP_PATH_MAX];
    struct tool tool = {0};
    const char *name = conninfo_for("", restore->aside, NULL, restore->arena);
    const char *const arguments[] = {"pg_restore",
                                     "--exit-on-error",
                                     "--single-transaction",
                                     "--no-privileges",
                                     "--no-password",
                                     "--no-tablespaces",
                                     arena_format(restore->arena, "--dbname=%s", name).at,
                                     NULL};
    snprintf(path, sizeof path, "%s/" BACKUP_RECORDS, restore->from);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        cli_complain("%s: %s", path, strerror(errno));
        return CLI_ENVIRONMENT;
    }
    int code = CLI_ENVIRONMENT;
    if (tool_start(&tool, arguments, restore->conninfo_aside, TOOL_READS))
        code = feed(restore, &tool, file);
    else
        cli_complain("%s", tool.problem);
    close(file);
    return code;
}

static bool is_as_saved(struct restore *restore, PGconn *conn)
{
    json_t *found = manifest_of_records(conn);
    const char *differs =
        found == NULL ? NULL : manifest_differs(restore->manifest, found, restore->arena);
    if (differs != NULL)
        cli_complain(SAY("恢复出的内容与清单不符：%s",
                         "what was restored is not what the manifest says: %s"),
                     differs);
    json_decref(found);
    return found != NULL && differs == NULL;
}

static void say_step(const char *schema, int number, const char *name, const char *state,
                     void *argument)
{
    (void)argument;
    if (strcmp(state, "applied") == 0)
        printf("%-12s %04d %-24s %s\n", schema, number, name, SAY("已执行", "applied"));
}

/* Brings the copy up to this build, then makes it nobody's, so that no service of the stack it was
 * taken from can go on in it. */
static bool make_fit(struct restore *restore, PGconn *conn)
{
    struct migrate_plan plans[SERVICE_COUNT];
    char problem[PROBLEM_MAX];
    plans_fill(plans);
    if (!migrate_run(restore->conninfo_aside, plans, SERVICE_COUNT, cli_now_ms(), say_step, NULL,
                     problem, sizeof problem)) {
        cli_complain("%s", problem);
        return false;
    }
    const char *values[] = {restore->schemas,
                            arena_format(restore->arena, "%" PRId64, cli_now_ms()).at};
    return backup_run(conn, "BEGIN") &&
           backup_run_written(conn, &records_sql_restore_void, 2, values) &&
           backup_run(conn, "COMMIT") && backup_run(conn, "ANALYZE");
}

static int aside_fill(struct restore *restore)
{
    PGconn *conn = backup_connect(restore->conninfo_aside, "ztc restore");
    if (conn == NULL)
        return CLI_RECORDS;
    int code = CLI_ENVIRONMENT;
    if (backup_run_written(conn, &records_sql_migrate_roles, 1, &restore->roles))
        code = records_read(restore);
    if (code == CLI_OK && (!is_as_saved(restore, conn) || !make_fit(restore, conn)))
        code = backup_exit(conn, PQerrorMessage(conn), CLI_ENVIRONMENT);
    PQfinish(conn);
    return code;
}

static bool aside_make(struct restore *restore)
{
    const char *both[] = {restore->aside, restore->name};
    restore->made_aside = true;
    return backup_run_written(restore->server, &records_sql_restore_drop, 1, both) &&
           backup_run_written(restore->server, &records_sql_restore_create, 2, both);
}

/* What was empty when the restore began, which may be hours ago, goes if it still is; else it is
 * kept like any other. */
static bool former_leave(struct restore *restore)
{
    bool fine;
    PGconn *conn = backup_connect(conninfo_for(restore->dsn, restore->former, NULL, restore->arena),
                                  "ztc restore");
    if (conn == NULL)
        return false;
    restore->has_content = content_find(restore, conn, &fine) != NULL;
    PQfinish(conn);
    return fine &&
           (restore->has_content ||
            backup_run_written(restore->server, &records_sql_restore_drop, 1, &restore->former));
}

static bool take_place(struct restore *restore)
{
    const char *names[] = {restore->aside, restore->name, restore->former};
    if (!backup_run(restore->server, "BEGIN") ||
        !backup_run_written(restore->server, &records_sql_restore_swap, 3, names) ||
        !backup_run(restore->server, "COMMIT"))
        return backup_run(restore->server, "ROLLBACK") && false;
    restore->made_aside = false;
    return !restore->is_there || restore->has_content || former_leave(restore);
}

static int restore_do(struct restore *restore)
{
    if (!aside_make(restore))
        return backup_exit(restore->server, PQerrorMessage(restore->server), CLI_ENVIRONMENT);
    int code = aside_fill(restore);
    if (code == CLI_OK && tool_interrupted()) {
        cli_complain("%s", SAY("已中断，数据库未变", "interrupted; the database is as it was"));
        code = CLI_ENVIRONMENT;
    }
    if (code == CLI_OK)
        code = connections_check(restore);
    if (code == CLI_OK && !take_place(restore))
        code = backup_exit(restore->server, NULL, CLI_ENVIRONMENT);
    if (restore->made_aside)
        backup_run_written(restore->server, &records_sql_restore_drop, 1, &restore->aside);
    return code;
}

static void restore_tell(const struct restore *restore)
{
    struct migrate_plan plans[SERVICE_COUNT];
    plans_fill(plans);
    printf(SAY("数据库 %s 已恢复\n", "the database %s is restored\n"), restore->name);
    manifest_print(restore->manifest);
    if (restore->has_content)
        printf(SAY("原来的数据库改名为 %s；不再需要时：DROP DATABASE \"%s\"\n",
                   "the one that was there is called %s; when it is not needed any more: DROP "
                   "DATABASE \"%s\"\n"),
               restore->former, restore->former);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (plans[i].password == NULL)
            printf(SAY("角色 %s 的口令未由此次恢复设定；若无法登录，设置 ZTC_PASSWORD_… 后运行 ztc "
                       "migrate\n",
                       "the password of %s was not set by this restore; if it cannot log in, set "
                       "ZTC_PASSWORD_… and run ztc migrate\n"),
                   plans[i].role);
    apart_print(restore->manifest);
}

static int restore_run(struct restore *restore)
{
    if (restore->from == NULL) {
        cli_complain("%s", SAY("请给出 --from 目录", "give --from DIR"));
        return CLI_USAGE;
    }
    if (!env_dsn(restore->env_file, &restore->dsn))
        return CLI_ENVIRONMENT;
    tool_note_signals();
    restore->manifest = backup_check(restore->from, restore->quiet);
    if (restore->manifest == NULL)
        return CLI_REFUSED;
    int code = settle_names(restore);
    if (code == CLI_OK)
        code = server_open(restore);
    if (code == CLI_OK)
        code = target_check(restore);
    if (code == CLI_OK)
        code = confirm(restore);
    if (code == CLI_OK)
        code = restore_do(restore);
    if (code == CLI_OK)
        restore_tell(restore);
    return code;
}

int verb_restore(const struct verb *verb, int argc, char **argv)
{
    struct restore restore = {.arena = arena_new()};
    const struct option_row own[] = {
        {"from", OPTION_STRING, &restore.from, 0, 0, "DIR", "ztc backup 写出的目录",
         "a directory that ztc backup wrote"},
        {"replace", OPTION_FLAG, &restore.replace, 0, 0, NULL, "取代非空的数据库；原来的改名保留",
         "take the place of a database that is not empty; it "
         "is kept under another name"},
        {"confirm", OPTION_STRING, &restore.confirm, 0, 0, "NAME",
         "确认 --replace 的数据库名；不填则在终端询问",
         "the database's name, to confirm --replace; asked for on a terminal"},
        {"dsn", OPTION_STRING, &restore.dsn, 0, 0, "CONNINFO",
         "以超级用户连接，须写明数据库；默认为 ZTC_DSN",
         "connect as a superuser, with the database's name; ZTC_DSN by default"},
        ENV_OPTION(&restore.env_file),
        {"quiet", OPTION_FLAG, &restore.quiet, 0, 0, NULL, "不显示进度", "show no progress"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    struct options options = {.tables = (const struct option_row *const[]){own, NULL}};
    int code = CLI_USAGE;
    if (verb_options(verb, &options, argc, argv, restore.arena, &code))
        code = restore_run(&restore);
    PQfinish(restore.server);
    json_decref(restore.manifest);
    arena_destroy(&restore.arena);
    return code;
}
