/* ztc import: a CSV of another system's cases, through the feed. */
#include <czmq.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/env.h"
#include "cli/import_directory.h"
#include "cli/import_pipe.h"
#include "cli/keys.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/verb.h"

#define IN_FLIGHT        256
#define PROBLEM_MAX      512
#define CODE_INTERRUPTED 130
#define HEADER_BYTES     16
#define KEY_DIR_DEFAULT  "keys"

struct import {
    struct link_options link;
    const char *file, *mapping, *rejects, *resume_path, *key_dir, *directory_key, *directory_role;
    int64_t in_flight, limit;
    bool rehearse, with_register, quiet;

    struct arena *arena;
    struct import_map *map;
    struct import_codes *codes;
    struct byte_source *source;
    struct csv_rows *rows;
    size_t columns;
    struct session *feed, *directory;
    struct import_pipe *pipe;
    struct import_resume resume;
    struct progress progress;
};

static volatile sig_atomic_t interrupts;

static void interrupted(int signal_number)
{
    (void)signal_number;
    if (++interrupts > 1)
        _exit(CODE_INTERRUPTED);
}

/* --- keys ------------------------------------------------------------------------------------- */

static const char *key_dir_of(const struct import *import)
{
    const char *dir = import->key_dir != NULL ? import->key_dir : env_get("ZTC_KEY_DIR");
    return dir != NULL ? dir : KEY_DIR_DEFAULT;
}

/* The secret certificate of an organisation in the key directory; NULL: not there. */
static const char *own_key(const struct import *import, struct text organisation)
{
    char *path = arena_alloc(import->arena, KEYS_PATH_MAX);
    const char *name = arena_string(import->arena, organisation);
    return keys_secret_path(key_dir_of(import), name, path) && access(path, R_OK) == 0 ? path
                                                                                       : NULL;
}

static bool key_make_missing(const struct import *import, struct text organisation)
{
    char problem[PROBLEM_MAX];
    if (own_key(import, organisation) != NULL)
        return true;
    if (keys_make(key_dir_of(import), arena_string(import->arena, organisation), problem,
                  sizeof problem))
        return true;
    cli_complain("%s", problem);
    return false;
}

static bool key_is_named(const struct link_options *link)
{
    return link->key_file != NULL || link->role != NULL;
}

static const char *feed_key(const struct import *import)
{
    const char *own = key_is_named(&import->link) ? NULL : own_key(import, import->map->feed.code);
    return own != NULL ? own : link_key(&import->link, "feed");
}

static const char *directory_key(const struct import *import)
{
    struct link_options link = import->link;
    link.key_file = import->directory_key;
    link.role = import->directory_role;
    if (!key_is_named(&link)) {
        const char *own = own_key(import, import->map->committee.code);
        if (own != NULL)
            return own;
        link.role = "operator";
    }
    return link_key(&link, NULL);
}

/* --register: as the operator, whatever key the rest uses. */
static int register_all(struct import *import)
{
    struct link_options link = import->link;
    char feed_public[KEYS_PUBLIC_SIZE], committee_public[KEYS_PUBLIC_SIZE];
    link.key_file = NULL;
    link.role = "operator";
    if (!key_is_named(&import->link) && !key_make_missing(import, import->map->feed.code))
        return CLI_ENVIRONMENT;
    if (import->directory_key == NULL && import->directory_role == NULL &&
        !key_make_missing(import, import->map->committee.code))
        return CLI_ENVIRONMENT;
    const char *feed = feed_key(import), *committee = directory_key(import);
    if (feed == NULL || committee == NULL)
        return CLI_ENVIRONMENT;
    if (!keys_public(feed, feed_public) || !keys_public(committee, committee_public)) {
        cli_complain(SAY("不是密钥证书：%s 或 %s", "not certificates: %s or %s"), feed, committee);
        return CLI_ENVIRONMENT;
    }
    const char *operator_key = link_key(&link, NULL);
    struct session *session =
        operator_key != NULL ? link_open(&link, LINK_FEED, operator_key, 1) : NULL;
    if (session == NULL)
        return CLI_ENVIRONMENT;
    enum import_told told =
        import_directory_register(session, import->map, feed_public, committee_public);
    session_destroy(&session);
    if (told == IMPORT_TOLD_OK)
        return CLI_OK;
    return told == IMPORT_TOLD_REFUSED ? CLI_REFUSED : CLI_UNANSWERED;
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool file_open(struct import *import)
{
    char problem[PROBLEM_MAX];
    struct csv_row header;
    import->source = byte_source_open(import->file);
    if (import->source == NULL) {
        cli_complain("%s: %s", import->file, strerror(errno));
        return false;
    }
    import->rows = csv_rows_new(import->source);
    if (csv_rows_next(import->rows, &header) != CSV_NEXT_ROW) {
        cli_complain(SAY("%s 没有表头 %s", "%s has no header %s"), import->file,
                     byte_source_problem(import->source));
        return false;
    }
    import->columns = header.count;
    if (header.trouble != CSV_FINE ||
        !import_map_bind(import->map, header.fields, header.count, problem, sizeof problem)) {
        cli_complain("%s: %s", import->file,
                     header.trouble != CSV_FINE ? SAY("表头有误", "the header cannot be read")
                                                : problem);
        return false;
    }
    struct text whole =
        arena_format(import->arena, "%.*s\n%.*s\n%.*s", TEXT_ARG(import->map->district.code),
                     TEXT_ARG(import->map->feed.code), TEXT_ARG(header.raw));
    cli_sha256_hex(whole, HEADER_BYTES, import->resume.header);
    return true;
}

static bool resume_open(struct import *import)
{
    char problem[PROBLEM_MAX];
    struct import_resume saved;
    cli_random_hex((IMPORT_RUN_SIZE - 1) / 2, import->resume.run);
    if (import->resume_path == NULL)
        return true;
    int found = import_resume_read(import->resume_path, &saved, problem, sizeof problem);
    if (found < 0)
        cli_complain("%s", problem);
    if (found <= 0)
        return found == 0;
    if (strcmp(saved.header, import->resume.header) != 0) {
        cli_complain(SAY("%s 记的是另一个文件或接入系统的进度", "%s is about another file or feed"),
                     import->resume_path);
        return false;
    }
    import->resume = saved;
    if (!import->quiet)
        fprintf(stderr, SAY("从第 %lld 行接着导入\n", "going on at line %lld\n"),
                (long long)saved.line);
    return true;
}

static const char *rejects_path_of(const struct import *import)
{
    if (import->rejects != NULL)
        return import->rejects;
    const char *slash = strrchr(import->file, '/');
    const char *name = slash != NULL ? slash + 1 : import->file;
    return arena_format(import->arena, "%s.rejects.csv", strcmp(name, "-") == 0 ? "stdin" : name)
        .at;
}

static int connect_all(struct import *import)
{
    int code = import->with_register ? register_all(import) : CLI_OK;
    if (code != CLI_OK)
        return code;
    const char *feed = feed_key(import), *directory = directory_key(import);
    if (feed == NULL || directory == NULL)
        return CLI_ENVIRONMENT;
    import->feed = link_open(&import->link, LINK_FEED, feed, (size_t)import->in_flight);
    import->directory = link_open(&import->link, LINK_FEED, directory, 1);
    return import->feed != NULL && import->directory != NULL ? CLI_OK : CLI_ENVIRONMENT;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void row_reject(struct import *import, struct import_work *work,
                       const struct import_row *row, enum import_trouble trouble,
                       const char *column)
{
    import_pipe_reject(import->pipe, work, row->id, import_trouble_name(trouble), column,
                       import_trouble_text(trouble, cli_chinese()));
}

static void row_send(struct import *import, struct import_work *work, const struct import_row *row)
{
    struct import_row_facts facts = import_codes_row(import->codes, row);
    const struct import_fact *refused = NULL;
    enum import_told told =
        import->rehearse ? IMPORT_TOLD_OK
                         : import_directory_row(import->directory, import->map, &facts, &refused);
    switch (told) {
    case IMPORT_TOLD_OK:
        import_pipe_send(import->pipe, work, row, &facts);
        return;
    case IMPORT_TOLD_REFUSED:
        import_pipe_reject(
            import->pipe, work, row->id, refused->refused, refused->names.code.at,
            SAY("名录中没有且无法登记", "not in the directory and could not be registered"));
        return;
    case IMPORT_TOLD_NOTHING:
        import_pipe_drop(import->pipe, work);
        return;
    }
}

/* Rows of several lines with the wrong number of fields: a stray quote has swallowed good rows. Of
 * rows before the resumed one too, or those behind it that a quote swallows would be lost. */
static void stray_quote_undo(struct import *import, struct csv_row *cells)
{
    if (cells->lines > 1 && cells->trouble == CSV_FINE && cells->count != import->columns)
        csv_rows_retreat(import->rows, cells);
}

static void row_take(struct import *import, const struct csv_row *cells)
{
    struct import_row row;
    enum import_trouble trouble;
    const char *column;
    struct import_work *work = import_pipe_take(import->pipe, cells);
    if (import_row_read(import->map, cells, import->columns, import_work_arena(work), &row,
                        &trouble, &column))
        row_send(import, work, &row);
    else
        row_reject(import, work, &row, trouble, column);
}

/* A row before the resumed one gives its values their codes, as it did then. */
static void row_learn(struct import *import, const struct csv_row *cells, struct arena *arena)
{
    struct import_row row;
    enum import_trouble trouble;
    const char *column;
    arena_reset(arena);
    if (import_row_read(import->map, cells, import->columns, arena, &row, &trouble, &column))
        import_codes_row(import->codes, &row);
}

static bool save(struct import *import, bool now)
{
    if (import_pipe_save(import->pipe, now))
        return true;
    cli_complain("%s: %s", import->resume_path, strerror(errno));
    return false;
}

/* Returns CLI_OK at the end of the file (or of --limit), else why it stopped. */
static int rows_run(struct import *import)
{
    struct arena *arena = arena_new();
    struct csv_row cells;
    int code = CLI_OK;
    int64_t taken = 0;
    while (code == CLI_OK && (import->limit == 0 || taken < import->limit)) {
        enum csv_next next = csv_rows_next(import->rows, &cells);
        if (next == CSV_NEXT_END)
            break;
        if (next == CSV_NEXT_FAILED) {
            cli_complain("%s: %s", import->file, byte_source_problem(import->source));
            code = CLI_ENVIRONMENT;
            break;
        }
        taken++;
        stray_quote_undo(import, &cells);
        if (cells.line < import->resume.line) {
            row_learn(import, &cells, arena);
            continue;
        }
        row_take(import, &cells);
        const struct import_totals *totals = import_pipe_totals(import->pipe);
        progress_show(&import->progress, byte_source_done(import->source), totals->read,
                      totals->rejected);
        if (interrupts > 0)
            code = CODE_INTERRUPTED;
        else if (import_pipe_is_broken(import->pipe))
            code = CLI_UNANSWERED;
        else if (!save(import, false))
            code = CLI_ENVIRONMENT;
    }
    arena_destroy(&arena);
    return code;
}

/* --- summary ---------------------------------------------------------------------------------- */

static json_t *codes_json(const struct import *import, enum import_kind kind)
{
    json_t *json = json_object();
    for (const struct import_fact *fact = import_codes_first(import->codes, kind); fact != NULL;
         fact = fact->next_seen)
        json_object_set_new(json, fact->names.code.at,
                            json_stringn(fact->value.at, fact->value.length));
    return json;
}

static void summary_json(const struct import *import, double seconds)
{
    const struct import_totals *totals = import_pipe_totals(import->pipe);
    int64_t orders = totals->opened_new + totals->opened_before;
    int64_t closed = totals->closed_new + totals->closed_before;
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o}",
        "district", import->map->district.code.at, "feed", import->map->feed.code.at, "read",
        (json_int_t)totals->read, "orders", (json_int_t)orders, "rejected",
        (json_int_t)totals->rejected, "closed", (json_int_t)closed, "open",
        (json_int_t)(orders - closed), "opened_new", (json_int_t)totals->opened_new,
        "opened_before", (json_int_t)totals->opened_before, "closed_new",
        (json_int_t)totals->closed_new, "closed_before", (json_int_t)totals->closed_before,
        "clipped", (json_int_t)totals->clipped, "seconds", seconds, "towns",
        codes_json(import, IMPORT_TOWN), "departments", codes_json(import, IMPORT_DEPARTMENT),
        "squads", codes_json(import, IMPORT_SQUAD), "categories",
        codes_json(import, IMPORT_CATEGORY));
    json_dumpf(json, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(json);
}

static void summary_text(const struct import *import, double seconds)
{
    const struct import_totals *totals = import_pipe_totals(import->pipe);
    int64_t orders = totals->opened_new + totals->opened_before;
    int64_t closed = totals->closed_new + totals->closed_before;
    const struct {
        const char *what;
        int64_t number;
    } lines[] = {
        {SAY("读入行数", "read"), totals->read},
        {SAY("订单", "orders"), orders},
        {SAY("  新开", "  opened new"), totals->opened_new},
        {SAY("  原有", "  opened before"), totals->opened_before},
        {SAY("已办结", "closed"), closed},
        {SAY("  新办结", "  closed new"), totals->closed_new},
        {SAY("  原已办结", "  closed before"), totals->closed_before},
        {SAY("未办结", "open"), orders - closed},
        {SAY("未收", "rejected"), totals->rejected},
        {SAY("截短的单元格", "cells clipped"), totals->clipped},
    };
    enum { LINES = sizeof lines / sizeof *lines };
    char numbers[LINES][32];
    const char *cells[2 * LINES];
    for (size_t i = 0; i < LINES; i++) {
        cells[2 * i] = lines[i].what;
        cells[2 * i + 1] = progress_number(lines[i].number, numbers[i]);
    }
    const char *headings[] = {import->map->feed.code.at,
                              import->rehearse ? SAY("（预演）", "(dry run)") : ""};
    print_table(&(struct print_table){headings, 2, cells, LINES}, stdout);
    if (totals->rejected > 0)
        printf(SAY("未收的行见 %s\n", "rejected rows are in %s\n"), rejects_path_of(import));
    printf(SAY("用时 %.1f 秒\n", "%.1f s\n"), seconds);
}

/* --- the verb --------------------------------------------------------------------------------- */

static int finish(struct import *import, int code, int64_t begun_ms)
{
    if (!import_pipe_is_broken(import->pipe))
        import_pipe_drain(import->pipe);
    progress_end(&import->progress);
    if (code == CLI_OK && import_pipe_is_broken(import->pipe))
        code = CLI_UNANSWERED;
    bool saved = save(import, true);
    if (code == CLI_OK && !saved)
        code = CLI_ENVIRONMENT;
    /* What is done needs no resuming: the next import of this file is a whole one. */
    if (code == CLI_OK && import->resume_path != NULL && import->limit == 0)
        unlink(import->resume_path);
    double seconds = (double)(cli_monotonic_ms() - begun_ms) / 1000.0;
    if (import->link.json)
        summary_json(import, seconds);
    else
        summary_text(import, seconds);
    if (code != CLI_OK)
        cli_complain(SAY("导入没有完成%s", "the import is not complete%s"),
                     import->resume_path != NULL
                         ? SAY("；再运行一次即接着导入", "; run it again to go on")
                         : "");
    else if (import_pipe_totals(import->pipe)->rejected > 0)
        code = CLI_REFUSED;
    if (!import_pipe_destroy(&import->pipe) && code == CLI_OK)
        code = CLI_ENVIRONMENT;
    return code;
}

static int import_run(struct import *import)
{
    char problem[PROBLEM_MAX];
    int64_t begun_ms = cli_monotonic_ms();
    import->map = import_map_read(import->mapping, import->arena, problem, sizeof problem);
    if (import->map == NULL) {
        cli_complain("%s: %s", import->mapping, problem);
        return CLI_USAGE;
    }
    if (!file_open(import))
        return CLI_USAGE;
    if (!resume_open(import))
        return CLI_USAGE;
    import->codes = import_codes_new(import->map, import->arena);
    int code = import->rehearse ? CLI_OK : connect_all(import);
    if (code != CLI_OK)
        return code;
    zsys_handler_set(interrupted);
    import->pipe = import_pipe_new(&(struct import_pipe_settings){
        .map = import->map,
        .feed = import->feed,
        .rejects_path = rejects_path_of(import),
        .resume_path = import->rehearse ? NULL : import->resume_path,
        .resume = import->resume,
    });
    progress_begin(&import->progress, import->quiet);
    return finish(import, rows_run(import), begun_ms);
}

static void import_close(struct import *import)
{
    csv_rows_destroy(&import->rows);
    byte_source_close(&import->source);
    session_destroy(&import->feed);
    session_destroy(&import->directory);
    arena_destroy(&import->arena);
}

int verb_import(const struct verb *verb, int argc, char **argv)
{
    struct import import = {.in_flight = IN_FLIGHT,
                            .link = {.timeout_s = LINK_IMPORT_TIMEOUT_MS / 1000},
                            .arena = arena_new()};
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&import.link, common);
    const struct option_row own[] = {
        {"mapping", OPTION_STRING, &import.mapping, 0, 0, "FILE",
         "列的含义（JSON，见 seeds/README.md）",
         "what the columns mean (JSON; see seeds/README.md)"},
        {"in-flight", OPTION_NUMBER, &import.in_flight, 1, SESSION_IN_FLIGHT_MAX, "N",
         "同时在途的行数", "rows on their way at once"},
        {"rejects", OPTION_STRING, &import.rejects, 0, 0, "FILE",
         "未收的行及原因；默认为当前目录的 <文件名>.rejects.csv",
         "rows that were not taken, and why; <file>.rejects.csv here by default"},
        {"resume", OPTION_STRING, &import.resume_path, 0, 0, "FILE", "进度文件；中断后凭此接着导入",
         "progress file; an import that stopped goes on from it"},
        {"limit", OPTION_NUMBER, &import.limit, 0, INT64_MAX, "N", "只读前 N 行",
         "only the first N rows"},
        {"dry-run", OPTION_FLAG, &import.rehearse, 0, 0, NULL, "只读文件，不发送",
         "read the file, send nothing"},
        {"register", OPTION_FLAG, &import.with_register, 0, 0, NULL,
         "先以运维密钥登记区、工委、接入系统及其密钥",
         "first register the district, committee, feed and their keys, as the operator"},
        {"key-dir", OPTION_STRING, &import.key_dir, 0, 0, "DIR",
         "接入系统与工委的密钥目录；默认为 ZTC_KEY_DIR",
         "directory of the feed's and the committee's keys; ZTC_KEY_DIR by default"},
        {"directory-key", OPTION_STRING, &import.directory_key, 0, 0, "FILE", "登记名录所用的密钥",
         "key that registers towns, squads and categories"},
        {"as-directory", OPTION_STRING, &import.directory_role, 0, 0, "ROLE",
         "以此角色的密钥登记名录；默认为映射的工委，否则为运维",
         "role whose key registers them; the mapping's committee, else the operator, by default"},
        {"quiet", OPTION_FLAG, &import.quiet, 0, 0, NULL, "不显示进度", "no progress"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL},
                              .operands = verb->operands};
    int code = CLI_USAGE;
    if (verb_options(verb, &options, argc, argv, import.arena, &code)) {
        import.file = options.operand[0];
        if (import.file == NULL || import.mapping == NULL)
            cli_complain("%s", SAY("用法：ztc import 文件 --mapping 映射.json",
                                   "usage: ztc import FILE --mapping MAP.json"));
        else if (!link_settle(&import.link))
            code = CLI_ENVIRONMENT;
        else
            code = import_run(&import);
    }
    import_close(&import);
    return code;
}
