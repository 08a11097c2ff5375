/* ztc backup: a consistent copy of the records while the system runs, by pg_dump in one snapshot,
 * with a manifest of what is in it; or the check of such a copy. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"
#include "cli/backup.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/plans.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "cli/verb.h"
#include "records_sql.h"

#define PROBLEM_MAX   1024
#define COMPRESS_MAX  9
#define COMPRESS      6
#define ARGUMENTS_MAX 24

struct backup {
    const char *to, *verify, *dsn, *env_file, *snapshot;
    int64_t compress;
    bool quiet;
    struct arena *arena;
    const char *conninfo;
    PGconn *records;
    json_t *manifest;
    PGresult *leaves; /* name, bytes */
    double leaves_bytes, leaves_done;
    char target[BACKUP_PATH_MAX]; /* as it will be called, without a slash at the end */
    char unfinished[BACKUP_PATH_MAX];
    int directory; /* open and locked; -1: none */
    struct progress progress;
};

/* --- the directory ---------------------------------------------------------------------------- */

static int complain_of_disk(const char *path)
{
    int code = errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EROFS
                   ? CLI_DISK
                   : CLI_ENVIRONMENT;
    cli_complain("%s: %s", path, strerror(errno));
    return code;
}

static void unfinished_remove(struct backup *backup)
{
    static const char *const files[] = {BACKUP_MANIFEST, BACKUP_RECORDS};
    if (backup->directory < 0)
        return;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlinkat(backup->directory, files[i], 0);
    rmdir(backup->unfinished);
    close(backup->directory);
    backup->directory = -1;
}

/* Whether the directory that is open and locked is ours alone and still bears the name: one that
 * somebody else made he could change at will, and another run may have ended, and renamed it to its
 * backup, before it was locked here. */
static bool unfinished_is_ours(const struct backup *backup)
{
    struct stat held, named;
    return fstat(backup->directory, &held) == 0 && held.st_uid == geteuid() &&
           fchmod(backup->directory, 0700) == 0 && lstat(backup->unfinished, &named) == 0 &&
           named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

/* What a killed run left is written over; what a running one holds is refused. */
static int unfinished_open(struct backup *backup)
{
    struct stat there;
    size_t length = strlen(backup->to);
    while (length > 1 && backup->to[length - 1] == '/')
        length--;
    if (length + sizeof BACKUP_UNFINISHED + sizeof "/" BACKUP_MANIFEST > BACKUP_PATH_MAX) {
        cli_complain("%s: %s", backup->to, strerror(ENAMETOOLONG));
        return CLI_USAGE;
    }
    snprintf(backup->target, sizeof backup->target, "%.*s", (int)length, backup->to);
    snprintf(backup->unfinished, sizeof backup->unfinished, "%.*s" BACKUP_UNFINISHED, (int)length,
             backup->to);
    if (lstat(backup->target, &there) == 0) {
        cli_complain(SAY("%s 已存在；备份不覆盖任何东西",
                         "%s is there already; a backup overwrites "
                         "nothing"),
                     backup->target);
        return CLI_REFUSED;
    }
    if (mkdir(backup->unfinished, 0700) != 0 && errno != EEXIST)
        return complain_of_disk(backup->unfinished);
    backup->directory = open(backup->unfinished, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (backup->directory < 0)
        return complain_of_disk(backup->unfinished);
    if (flock(backup->directory, LOCK_EX | LOCK_NB) != 0) {
        cli_complain(SAY("另一次备份正在写 %s", "another backup is writing %s"),
                     backup->unfinished);
    } else if (!unfinished_is_ours(backup)) {
        cli_complain(SAY("%s 不是本用户的，或刚被另一次备份改名",
                         "%s is another user's, or was just renamed by another backup"),
                     backup->unfinished);
    } else {
        return CLI_OK;
    }
    close(backup->directory);
    backup->directory = -1;
    return CLI_REFUSED;
}

static bool write_whole(int file, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t took = write(file, at, size);
        if (took < 0 && errno != EINTR)
            return false;
        if (took > 0) {
            at += took;
            size -= (size_t)took;
        }
    }
    return true;
}

static int file_create(const struct backup *backup, const char *name)
{
    unlinkat(backup->directory, name, 0);
    return openat(backup->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* --- the records ------------------------------------------------------------------------------ */

static void hear_table(void *argument, const char *line)
{
    static const char begins[] = "dumping contents of table \"";
    struct backup *backup = argument;
    const char *name = strstr(line, begins);
    if (name == NULL)
        return;
    name += sizeof begins - 1;
    size_t length = strcspn(name, "\"");
    for (int i = 0; i < PQntuples(backup->leaves); i++)
        if (strlen(PQgetvalue(backup->leaves, i, 0)) == length &&
            memcmp(PQgetvalue(backup->leaves, i, 0), name, length) == 0)
            backup->leaves_done += strtod(PQgetvalue(backup->leaves, i, 1), NULL);
}

static bool dump_start(struct backup *backup, struct tool *tool)
{
    const char *arguments[ARGUMENTS_MAX] = {"pg_dump",       "--format=custom",
                                            "--no-password", "--no-privileges",
                                            "--verbose",     "--no-tablespaces"};
    size_t count = 6;
    struct migrate_plan plans[SERVICE_COUNT];
    plans_fill(plans);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        arguments[count++] = arena_format(backup->arena, "--schema=%s", plans[i].schema).at;
    arguments[count++] = "--schema=ztc_migration";
    arguments[count++] = arena_format(backup->arena, "--compress=%d", (int)backup->compress).at;
    arguments[count++] = arena_format(backup->arena, "--snapshot=%s", backup->snapshot).at;
    *tool = (struct tool){.hear = hear_table, .argument = backup};
    return tool_start(tool, arguments, backup->conninfo, TOOL_WRITES);
}

/* Takes what pg_dump writes into the file, with its digest on the way. */
static int dump_write(struct backup *backup, struct tool *tool, int file, EVP_MD_CTX *hash,
                      int64_t *bytes)
{
    uint8_t *part = arena_alloc(backup->arena, BACKUP_PART_BYTES);
    ssize_t got;
    while ((got = tool_take(tool, part, BACKUP_PART_BYTES)) > 0) {
        EVP_DigestUpdate(hash, part, (size_t)got);
        if (!write_whole(file, part, (size_t)got)) {
            int code = complain_of_disk(backup->unfinished);
            tool_stop(tool);
            return code;
        }
        *bytes += got;
        double share = backup->leaves_bytes > 0 ? backup->leaves_done / backup->leaves_bytes : -1.0;
        progress_show_bytes(&backup->progress, share > 1.0 ? 1.0 : share, *bytes);
    }
    progress_end(&backup->progress);
    if (got < 0) {
        tool_stop(tool);
        cli_complain("%s", SAY("已中断，没有留下备份", "interrupted; no backup is left"));
        return CLI_ENVIRONMENT;
    }
    if (tool_end(tool))
        return CLI_OK;
    cli_complain("pg_dump: %s", tool->problem);
    return backup_exit(backup->records, tool->problem, CLI_ENVIRONMENT);
}

static int records_write(struct backup *backup)
{
    struct tool tool;
    uint8_t end[EVP_MAX_MD_SIZE];
    char digest[BACKUP_DIGEST_TEXT];
    unsigned length = 0;
    int64_t bytes = 0;
    int file = file_create(backup, BACKUP_RECORDS);
    if (file < 0)
        return complain_of_disk(backup->unfinished);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
        abort();
    int code = CLI_ENVIRONMENT;
    if (dump_start(backup, &tool))
        code = dump_write(backup, &tool, file, hash, &bytes);
    else
        cli_complain("%s", tool.problem);
    EVP_DigestFinal_ex(hash, end, &length);
    EVP_MD_CTX_free(hash);
    if (code == CLI_OK && fsync(file) != 0)
        code = complain_of_disk(backup->unfinished);
    if (close(file) != 0 && code == CLI_OK)
        code = complain_of_disk(backup->unfinished);
    if (code != CLI_OK)
        return code;
    for (unsigned i = 0; i < length; i++)
        snprintf(digest + (size_t)2 * i, 3, "%02x", end[i]);
    json_object_set_new(backup->manifest, "records",
                        json_pack("{ss sI ss}", "file", BACKUP_RECORDS, "bytes", (json_int_t)bytes,
                                  "sha256", digest));
    return CLI_OK;
}

/* --- the snapshot ----------------------------------------------------------------------------- */

/* One snapshot for pg_dump and for what the manifest says of it: our own, or one that another
 * session holds. */
static bool snapshot_begin(struct backup *backup)
{
    if (!backup_run(backup->records, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        return false;
    if (backup->snapshot != NULL) {
        char *literal =
            PQescapeLiteral(backup->records, backup->snapshot, strlen(backup->snapshot));
        struct text text = arena_format(backup->arena, "SET TRANSACTION SNAPSHOT %s",
                                        literal != NULL ? literal : "''");
        PQfreemem(literal);
        return backup_run(backup->records, text.at);
    }
    PGresult *exported = backup_ask(backup->records, &records_sql_backup_snapshot, 0, NULL);
    if (exported != NULL)
        backup->snapshot = arena_string(backup->arena, text_of(PQgetvalue(exported, 0, 0)));
    PQclear(exported);
    return exported != NULL;
}

static bool manifest_begin(struct backup *backup)
{
    char taken[32];
    const char *schemas = backup_names(false, backup->arena);
    int64_t now_ms = cli_now_ms();
    time_t now = (time_t)(now_ms / 1000);
    struct tm utc;
    if (!snapshot_begin(backup))
        return false;
    gmtime_r(&now, &utc);
    strftime(taken, sizeof taken, "%Y-%m-%dT%H:%M:%SZ", &utc);
    backup->manifest = manifest_of_records(backup->records);
    if (backup->manifest == NULL)
        return false;
    json_object_update_new(backup->manifest,
                           json_pack("{ss si ss ss sI ss ss si}", "product", "zhitongche", "format",
                                     BACKUP_FORMAT, "ztc", ZTC_VERSION, "taken", taken, "taken_ms",
                                     (json_int_t)now_ms, "database", PQdb(backup->records),
                                     "server", PQparameterStatus(backup->records, "server_version"),
                                     "server_number", PQserverVersion(backup->records)));
    backup->leaves = backup_ask(backup->records, &records_sql_backup_leaves, 1, &schemas);
    for (int i = 0; backup->leaves != NULL && i < PQntuples(backup->leaves); i++)
        backup->leaves_bytes += strtod(PQgetvalue(backup->leaves, i, 1), NULL);
    return backup->leaves != NULL;
}

/* The manifest last, then the name: whatever is called a backup is one. */
static int backup_finish(struct backup *backup)
{
    manifest_seal(backup->manifest);
    char *text = json_dumps(backup->manifest, JSON_INDENT(2));
    int file = file_create(backup, BACKUP_MANIFEST);
    bool fine = text != NULL && file >= 0 && write_whole(file, text, strlen(text)) &&
                write_whole(file, "\n", 1) && fsync(file) == 0;
    free(text);
    if (file >= 0 && close(file) != 0)
        fine = false;
    if (!fine || fsync(backup->directory) != 0)
        return complain_of_disk(backup->unfinished);
    if (renameat2(AT_FDCWD, backup->unfinished, AT_FDCWD, backup->target, RENAME_NOREPLACE) != 0)
        return complain_of_disk(backup->target);
    close(backup->directory);
    backup->directory = -1;
    char *slash = strrchr(backup->target, '/');
    const char *parent = slash == NULL ? "."
                                       : arena_format(backup->arena, "%.*s/",
                                                      (int)(slash - backup->target), backup->target)
                                             .at;
    int directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fsync(directory) != 0)
        return complain_of_disk(parent);
    close(directory);
    return CLI_OK;
}

static int backup_take(struct backup *backup)
{
    int code = unfinished_open(backup); /* before the rows are counted, which takes a while */
    if (code != CLI_OK)
        return code;
    backup->records = backup_connect(backup->conninfo, "ztc backup");
    if (backup->records == NULL)
        code = CLI_RECORDS;
    else if (!manifest_begin(backup))
        code = backup_exit(backup->records, NULL, CLI_ENVIRONMENT);
    progress_begin(&backup->progress, backup->quiet);
    if (code == CLI_OK)
        code = records_write(backup);
    if (code == CLI_OK)
        code = backup_finish(backup);
    unfinished_remove(backup);
    if (code != CLI_OK)
        return code;
    printf(SAY("已备份到 %s\n", "backed up to %s\n"), backup->target);
    manifest_print(backup->manifest);
    apart_print(backup->manifest);
    return CLI_OK;
}

static int backup_verify(struct backup *backup)
{
    backup->manifest = backup_check(backup->verify, backup->quiet);
    if (backup->manifest == NULL)
        return CLI_REFUSED;
    printf(SAY("%s 完好\n", "%s is sound\n"), backup->verify);
    manifest_print(backup->manifest);
    apart_print(backup->manifest);
    return CLI_OK;
}

static int backup_run_verb(struct backup *backup)
{
    if ((backup->to == NULL) == (backup->verify == NULL)) {
        cli_complain("%s", SAY("请给出 --to 目录，或 --verify 目录",
                               "give either --to DIR or --verify DIR"));
        return CLI_USAGE;
    }
    tool_note_signals();
    if (backup->verify != NULL)
        return backup_verify(backup);
    if (!env_dsn(backup->env_file, &backup->dsn))
        return CLI_ENVIRONMENT;
    backup->conninfo = conninfo_for(backup->dsn, NULL, NULL, backup->arena);
    return backup->conninfo == NULL ? CLI_ENVIRONMENT : backup_take(backup);
}

int verb_backup(const struct verb *verb, int argc, char **argv)
{
    struct backup backup = {.compress = COMPRESS, .directory = -1, .arena = arena_new()};
    const struct option_row own[] = {
        {"to", OPTION_STRING, &backup.to, 0, 0, "DIR", "写入此目录，须尚不存在",
         "write this directory, which must not be there yet"},
        {"verify", OPTION_STRING, &backup.verify, 0, 0, "DIR", "只核对一份备份，不连接数据库",
         "only check a backup, without a database"},
        {"dsn", OPTION_STRING, &backup.dsn, 0, 0, "CONNINFO", "以超级用户连接；默认为 ZTC_DSN",
         "connect as a superuser; ZTC_DSN by default"},
        ENV_OPTION(&backup.env_file),
        {"compress", OPTION_NUMBER, &backup.compress, 0, COMPRESS_MAX, "LEVEL",
         "压缩级别 0 至 9；默认 6", "compression from 0 to 9; 6 by default"},
        {"snapshot", OPTION_STRING, &backup.snapshot, 0, 0, "ID",
         "取另一会话导出的快照（pg_export_snapshot）",
         "of a snapshot that another session exported (pg_export_snapshot)"},
        {"quiet", OPTION_FLAG, &backup.quiet, 0, 0, NULL, "不显示进度", "show no progress"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    struct options options = {.tables = (const struct option_row *const[]){own, NULL}};
    int code = CLI_USAGE;
    if (verb_options(verb, &options, argc, argv, backup.arena, &code))
        code = backup_run_verb(&backup);
    PQclear(backup.leaves);
    PQfinish(backup.records);
    json_decref(backup.manifest);
    arena_destroy(&backup.arena);
    return code;
}
