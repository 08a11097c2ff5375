/* ztc poison list | retry: events that a service set aside because it could not handle them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/backup.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/print.h"
#include "cli/verb.h"
#include "domain/words.h"
#include "records_sql.h"

#define PROBLEM_MAX 1024
#define WAIT_S      30
#define WAIT_S_MAX  86400
#define LOOK_MS     200
#define COLUMNS     11

struct poison {
    const char *dsn, *env_file, *service, *key;
    int64_t wait_s;
    bool json;
    struct arena *arena;
    PGconn *records;
};

static const struct {
    const char *name, *zh, *en;
} columns[COLUMNS] = {
    {"service", "服务", "service"},
    {"district", "区", "district"},
    {"key", "键", "key"},
    {"version", "版本", "version"},
    {"type", "类型", "type"},
    {"position", "日志位置", "position"},
    {"since", "搁置于", "since"},
    {"tries", "尝试次数", "tries"},
    {"retrying", "待重试", "to be retried"},
    {"waiting", "其后等候", "waiting behind"},
    {"reason", "原因", "reason"},
};

static PGresult *about(const struct poison *poison, const struct statement *statement)
{
    const char *values[] = {poison->service, poison->key};
    return backup_ask(poison->records, statement, 2, values);
}

static void list_json(const PGresult *rows)
{
    json_t *list = json_array();
    for (int i = 0; i < PQntuples(rows); i++) {
        json_t *row = json_object();
        for (int c = 0; c < COLUMNS; c++)
            json_object_set_new(row, columns[c].name, json_string(PQgetvalue(rows, i, c)));
        json_array_append_new(list, row);
    }
    json_dumpf(list, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(list);
}

static int poison_list(const struct poison *poison)
{
    PGresult *rows = about(poison, &records_sql_poison_list);
    if (rows == NULL)
        return backup_exit(poison->records, NULL, CLI_ENVIRONMENT);
    if (poison->json) {
        list_json(rows);
    } else if (PQntuples(rows) == 0) {
        printf("%s\n", SAY("没有被搁置的事件", "no event is set aside"));
    } else {
        const char **cells =
            arena_array(poison->arena, (size_t)PQntuples(rows) * COLUMNS, sizeof *cells);
        const char *headings[COLUMNS];
        for (int c = 0; c < COLUMNS; c++)
            headings[c] = SAY(columns[c].zh, columns[c].en);
        for (int i = 0; i < PQntuples(rows); i++)
            for (int c = 0; c < COLUMNS; c++)
                cells[i * COLUMNS + c] = PQgetvalue(rows, i, c);
        print_table(&(struct print_table){headings, COLUMNS, cells, (size_t)PQntuples(rows)},
                    stdout);
    }
    PQclear(rows);
    return CLI_OK;
}

/* How many stand aside, and how many of them wait for their try. */
static bool left_look(const struct poison *poison, int64_t *left, int64_t *due)
{
    PGresult *rows = about(poison, &records_sql_poison_left);
    if (rows == NULL)
        return false;
    *left = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
    *due = strtoll(PQgetvalue(rows, 0, 1), NULL, 10);
    PQclear(rows);
    return true;
}

/* The holders of the leases do it, within a second or so when they run. */
static int poison_retry(const struct poison *poison)
{
    PGresult *rows = about(poison, &records_sql_poison_ask);
    if (rows == NULL)
        return backup_exit(poison->records, NULL, CLI_ENVIRONMENT);
    int64_t asked = strtoll(PQgetvalue(rows, 0, 0), NULL, 10), left = asked, due = asked;
    PQclear(rows);
    int64_t until = cli_monotonic_ms() + poison->wait_s * 1000;
    while (due > 0 && cli_monotonic_ms() < until) {
        struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
        nanosleep(&pause, NULL);
        int64_t before = left;
        if (!left_look(poison, &left, &due))
            return backup_exit(poison->records, NULL, CLI_ENVIRONMENT);
        if (left != before)
            until = cli_monotonic_ms() + poison->wait_s * 1000;
    }
    if (asked > 0 && !left_look(poison, &left, &due))
        return backup_exit(poison->records, NULL, CLI_ENVIRONMENT);
    printf(SAY("请求重试 %" PRId64 " 件：已处理 %" PRId64 "，仍被搁置 %" PRId64 "\n",
               "asked for %" PRId64 ": taken up %" PRId64 ", still set aside %" PRId64 "\n"),
           asked, asked > left ? asked - left : 0, left);
    if (due > 0) {
        cli_complain("%s", SAY("有的还在等候：相应的服务在运行吗？它起来后会接着做",
                               "some wait still: does their service run? It goes on when it does"));
        return CLI_UNANSWERED;
    }
    return left > 0 ? CLI_REFUSED : CLI_OK;
}

static int poison_run(struct poison *poison, const char *action)
{
    bool lists = strcmp(action, "list") == 0;
    if (!lists && strcmp(action, "retry") != 0) {
        cli_complain("%s", SAY("用法：ztc poison list | retry", "usage: ztc poison list | retry"));
        return CLI_USAGE;
    }
    if (poison->service[0] != '\0' && words_find(&words_service, text_of(poison->service)) < 0) {
        cli_complain(SAY("没有服务 %s", "no service %s"), poison->service);
        return CLI_USAGE;
    }
    if (!env_dsn(poison->env_file, &poison->dsn))
        return CLI_ENVIRONMENT;
    poison->records = backup_connect(poison->dsn, "ztc poison");
    if (poison->records == NULL)
        return CLI_RECORDS;
    return lists ? poison_list(poison) : poison_retry(poison);
}

int verb_poison(const struct verb *verb, int argc, char **argv)
{
    struct poison poison = {.service = "", .key = "", .wait_s = WAIT_S, .arena = arena_new()};
    const struct option_row own[] = {
        {"service", OPTION_STRING, &poison.service, 0, 0, "NAME", "只看此服务",
         "of this service only"},
        {"key", OPTION_STRING, &poison.key, 0, 0, "KEY", "只看此键，如 order/12",
         "of this key only, as order/12"},
        {"wait", OPTION_NUMBER, &poison.wait_s, 0, WAIT_S_MAX, "SECONDS",
         "retry 在没有进展时等候多久；默认 30",
         "how long retry waits while nothing moves; 30 by default"},
        {"json", OPTION_FLAG, &poison.json, 0, 0, NULL, "list 以 JSON 输出", "list as JSON"},
        {"dsn", OPTION_STRING, &poison.dsn, 0, 0, "CONNINFO", "以超级用户连接；默认为 ZTC_DSN",
         "connect as a superuser; ZTC_DSN by default"},
        ENV_OPTION(&poison.env_file),
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    static const char *const operands[] = {"action", NULL};
    struct options options = {.tables = (const struct option_row *const[]){own, NULL},
                              .operands = operands};
    int code = CLI_USAGE;
    if (verb_options(verb, &options, argc, argv, poison.arena, &code))
        code = poison_run(&poison, options.operand_count > 0 ? options.operand[0] : "");
    PQfinish(poison.records);
    arena_destroy(&poison.arena);
    return code;
}
