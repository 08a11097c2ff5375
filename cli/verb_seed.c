/* ztc seed: the reference data of every district, through the feed. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/fact.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/seed_rows.h"
#include "cli/verb.h"

#define IN_FLIGHT     64
#define PROBLEM_MAX   512
#define DISTRICTS_MAX 4096
#define SALT_BYTES    4
#define TOLD_MAX      20 /* refusals printed in full */

struct seed;

struct seed_item {
    struct seed *seed;
    struct seed_item *next; /* of those refused */
    const char *path;
    int64_t line;
    struct fact fact;
};

struct seed_count {
    const char *district;
    const char *file;
    int64_t rows;
};

struct seed {
    struct link_options link;
    const char *dir, *district;
    bool fresh, quiet;

    struct arena *arena; /* of the whole run */
    struct session *session;
    struct progress progress;
    struct seed_item *refused, **refused_end; /* of the file being sent */
    bool again;                               /* the second try: refusals are told */
    bool unanswered;
    int64_t sent, failed;
    struct seed_count counts[DISTRICTS_MAX];
    size_t count;
};

static void item_done(void *context, const struct answer *answer, struct bytes frame)
{
    struct seed_item *item = context;
    struct seed *seed = item->seed;
    (void)frame;
    if (answer->status == ANSWER_OK)
        return;
    if (answer->status == ANSWER_REFUSED && !seed->again) {
        item->next = NULL;
        *seed->refused_end = item;
        seed->refused_end = &item->next;
        return;
    }
    seed->unanswered = seed->unanswered || answer->status == ANSWER_RETRY;
    if (seed->failed++ < TOLD_MAX) {
        progress_end(&seed->progress);
        cli_complain(SAY("%s 第 %lld 行：", "%s line %lld:"), item->path, (long long)item->line);
        print_refusal(answer, stderr);
    }
}

static void item_send(struct seed *seed, struct seed_item *item, const char *salt)
{
    struct text id = fact_id(&item->fact, salt, seed->arena);
    session_send(seed->session, id, fact_encode(&item->fact, id, seed->arena), item_done, item);
}

/* What was refused once may have been refused long ago, or before its parent was there. */
static void refused_again(struct seed *seed)
{
    char salt[2 * SALT_BYTES + 1];
    seed->again = true;
    for (struct seed_item *item = seed->refused; item != NULL;) {
        struct seed_item *next = item->next;
        item_send(seed, item, cli_random_hex(SALT_BYTES, salt));
        session_drain(seed->session); /* one by one: parents before children */
        item = next;
    }
}

static bool row_send(struct seed *seed, const struct seed_header *header, const struct csv_row *row,
                     struct text district, const char *path)
{
    char problem[PROBLEM_MAX], salt[2 * SALT_BYTES + 1];
    struct seed_item *item = arena_alloc(seed->arena, sizeof *item);
    *item = (struct seed_item){.seed = seed, .path = path, .line = row->line};
    if (!seed_row_read(header, row, district, seed->arena, &item->fact, problem, sizeof problem)) {
        progress_end(&seed->progress);
        cli_complain(SAY("%s 第 %lld 行：%s", "%s line %lld: %s"), path, (long long)row->line,
                     problem);
        return false;
    }
    item_send(seed, item, seed->fresh ? cli_random_hex(SALT_BYTES, salt) : NULL);
    seed->sent++;
    progress_show(&seed->progress, -1.0, seed->sent, seed->failed);
    return true;
}

static bool rows_send(struct seed *seed, enum seed_file file, struct csv_rows *rows,
                      struct text district, const char *path, int64_t *count)
{
    char problem[PROBLEM_MAX];
    struct seed_header header;
    struct csv_row row;
    snprintf(problem, sizeof problem, "%s", SAY("没有表头", "there is no header"));
    if (csv_rows_next(rows, &row) != CSV_NEXT_ROW ||
        !seed_header_read(file, &row, seed->arena, &header, problem, sizeof problem)) {
        cli_complain("%s: %s", path, problem);
        return false;
    }
    bool fine = true;
    while (fine && csv_rows_next(rows, &row) == CSV_NEXT_ROW) {
        fine = row_send(seed, &header, &row, district, path);
        (*count)++;
    }
    return fine;
}

/* One file, all of whose rows are answered when it returns. */
static bool file_send(struct seed *seed, const char *district, enum seed_file file)
{
    const char *name = seed_file_name(file);
    const char *path = arena_format(seed->arena, "%s/%s/%s.csv", seed->dir, district, name).at;
    struct byte_source *source = byte_source_open(path);
    if (source == NULL) {
        cli_complain("%s: %s", path, strerror(errno));
        return false;
    }
    struct csv_rows *rows = csv_rows_new(source);
    int64_t count = 0;
    seed->refused = NULL;
    seed->refused_end = &seed->refused;
    seed->again = false;
    bool fine = rows_send(seed, file, rows, text_of(district), path, &count);
    session_drain(seed->session);
    refused_again(seed);
    csv_rows_destroy(&rows);
    byte_source_close(&source);
    if (seed->count < DISTRICTS_MAX)
        seed->counts[seed->count++] = (struct seed_count){district, name, count};
    return fine && !seed->unanswered;
}

static bool district_send(struct seed *seed, const char *district)
{
    for (int file = 0; file < SEED_FILE_COUNT; file++)
        if (!file_send(seed, district, (enum seed_file)file))
            return false;
    return true;
}

static bool has_district(const struct seed *seed, const char *name)
{
    struct arena *arena = arena_new();
    bool is = access(arena_format(arena, "%s/%s/district.csv", seed->dir, name).at, F_OK) == 0;
    arena_destroy(&arena);
    return name[0] != '.' && is;
}

static void summary(const struct seed *seed)
{
    const char **cells = arena_array(seed->arena, seed->count * 3 + 1, sizeof *cells);
    for (size_t i = 0; i < seed->count; i++) {
        char number[32];
        cells[3 * i] = seed->counts[i].district;
        cells[3 * i + 1] = seed->counts[i].file;
        progress_number(seed->counts[i].rows, number);
        cells[3 * i + 2] = arena_format(seed->arena, "%s", number).at;
    }
    const char *const headings[] = {SAY("区", "district"), SAY("文件", "file"),
                                    SAY("行数", "rows")};
    print_table(&(struct print_table){headings, 3, cells, seed->count}, stdout);
    printf(SAY("共 %lld 行，被拒绝 %lld\n", "%lld rows, %lld refused\n"), (long long)seed->sent,
           (long long)seed->failed);
}

static int seed_run(struct seed *seed)
{
    struct dirent **entries;
    int found = 0, count = scandir(seed->dir, &entries, NULL, alphasort);
    bool fine = true;
    if (count < 0) {
        cli_complain("%s: %s", seed->dir, strerror(errno));
        return CLI_USAGE;
    }
    progress_begin(&seed->progress, seed->quiet);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (fine && (seed->district == NULL || strcmp(seed->district, name) == 0) &&
            has_district(seed, name)) {
            found++;
            fine = district_send(seed, arena_string(seed->arena, text_of(name)));
        }
        free(entries[i]);
    }
    free(entries);
    progress_end(&seed->progress);
    if (found == 0) {
        cli_complain(SAY("%s 中没有可装载的区", "no district to load in %s"), seed->dir);
        return CLI_USAGE;
    }
    summary(seed);
    if (seed->unanswered)
        return CLI_UNANSWERED;
    if (!fine)
        return CLI_USAGE;
    return seed->failed > 0 ? CLI_REFUSED : CLI_OK;
}

int verb_seed(const struct verb *verb, int argc, char **argv)
{
    struct seed *seed = calloc(1, sizeof *seed);
    if (seed == NULL)
        abort();
    seed->dir = "seeds";
    seed->arena = arena_new();
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&seed->link, common);
    const struct option_row own[] = {
        {"dir", OPTION_STRING, &seed->dir, 0, 0, "DIR", "基础数据目录；默认为 seeds",
         "directory of the data; seeds by default"},
        {"district", OPTION_STRING, &seed->district, 0, 0, "CODE", "只装载此区",
         "this district only"},
        {"fresh", OPTION_FLAG, &seed->fresh, 0, 0, NULL, "使用新的命令编号，即使内容从前发过",
         "use new ids, even for what was sent before"},
        {"quiet", OPTION_FLAG, &seed->quiet, 0, 0, NULL, "不显示进度", "no progress"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL}};
    int code = CLI_USAGE;
    if (verb_options(verb, &options, argc, argv, seed->arena, &code)) {
        code = CLI_ENVIRONMENT;
        const char *key = link_settle(&seed->link) ? link_key(&seed->link, "operator") : NULL;
        if (key != NULL)
            seed->session = link_open(&seed->link, LINK_FEED, key, IN_FLIGHT);
        if (seed->session != NULL)
            code = seed_run(seed);
    }
    session_destroy(&seed->session);
    arena_destroy(&seed->arena);
    free(seed);
    return code;
}
