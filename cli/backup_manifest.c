/* The manifest: what it says, and whether a backup is what its manifest says. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/version.h"
#include "cli/backup.h"
#include "cli/cli.h"
#include "cli/plans.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "records_sql.h"

#define SEAL "sha256"

static const struct {
    const char *name, *zh, *en;
} aparts[] = {
#define APART(name, zh, en) {#name, zh, en},
#include "cli/apart.def"
#undef APART
};

static const char *digest_of(const json_t *manifest, char digest[BACKUP_DIGEST_TEXT])
{
    json_t *rest = json_copy((json_t *)(uintptr_t)manifest);
    json_object_del(rest, SEAL);
    char *text = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL)
        abort(); /* no memory */
    cli_sha256_hex(text_of(text), (BACKUP_DIGEST_TEXT - 1) / 2, digest);
    free(text);
    json_decref(rest);
    return digest;
}

void manifest_seal(json_t *manifest)
{
    char digest[BACKUP_DIGEST_TEXT];
    json_object_set_new(manifest, SEAL, json_string(digest_of(manifest, digest)));
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int64_t number_at(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

/* --- checks ----------------------------------------------------------------------------------- */

static bool manifest_is_ours(const char *path, const json_t *manifest)
{
    char digest[BACKUP_DIGEST_TEXT];
    if (strcmp(text_at(manifest, "product"), "zhitongche") != 0) {
        cli_complain(
            SAY("%s 不是直通车备份的清单", "%s: not the manifest of a backup of Zhitongche"), path);
        return false;
    }
    if (number_at(manifest, "format") > BACKUP_FORMAT) {
        cli_complain(SAY("%s：备份的格式 %" PRId64 " 比本程序所知的 %d 新；请用更新的 ztc",
                         "%s: the backup's format %" PRId64
                         " is newer than this build knows (%d); use a newer ztc"),
                     path, number_at(manifest, "format"), BACKUP_FORMAT);
        return false;
    }
    if (strcmp(digest_of(manifest, digest), text_at(manifest, SEAL)) != 0) {
        cli_complain(SAY("%s 已损坏或被改动：其 SHA-256 与所记不符",
                         "%s is damaged or was changed: its SHA-256 is not what it says"),
                     path);
        return false;
    }
    return true;
}

static json_t *manifest_read(const char *directory)
{
    char path[BACKUP_PATH_MAX];
    json_error_t error;
    snprintf(path, sizeof path, "%s/" BACKUP_MANIFEST, directory);
    if (access(path, F_OK) != 0) {
        cli_complain(SAY("%s 不是备份，或未写完：没有 %s（%s）",
                         "%s is no backup, or an unfinished one: no %s (%s)"),
                     directory, BACKUP_MANIFEST, strerror(errno));
        return NULL;
    }
    json_t *manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (manifest == NULL)
        cli_complain(SAY("%s 已损坏（第 %d 行）：%s", "%s is damaged (line %d): %s"), path,
                     error.line, error.text);
    else if (manifest_is_ours(path, manifest))
        return manifest;
    json_decref(manifest);
    return NULL;
}

/* A migration of the backup as this build has it. */
static bool migration_is_known(const json_t *applied)
{
    struct migrate_plan plans[SERVICE_COUNT];
    plans_fill(plans);
    const char *schema = text_at(applied, "schema"), *name = text_at(applied, "name");
    int64_t number = number_at(applied, "number");
    bool common = strcmp(text_at(applied, "series"), "common") == 0;
    const struct migrate_plan *plan = plans;
    while (plan < plans + SERVICE_COUNT && strcmp(plan->schema, schema) != 0)
        plan++;
    const struct migration *migrations = common ? records_migrations : plan->migrations;
    size_t count = plan == plans + SERVICE_COUNT ? 0
                   : common                      ? records_migrations_count
                                                 : plan->count;
    if (number < 1 || (size_t)number > count) {
        cli_complain(
            SAY("备份比本程序新：%s 已执行迁移 %s，本程序没有；请用更新的 ztc",
                "the backup is newer than this build: %s has the migration %s; use a newer ztc"),
            schema, name);
        return false;
    }
    char checksum[BACKUP_DIGEST_TEXT];
    cli_sha256_hex(text_of(migrations[number - 1].text), (BACKUP_DIGEST_TEXT - 1) / 2, checksum);
    if (strcmp(checksum, text_at(applied, "checksum")) == 0)
        return true;
    cli_complain(SAY("备份与本程序不符：%s 的迁移 %s 内容不同",
                     "the backup is not of this program: in %s the migration %s has another text"),
                 schema, name);
    return false;
}

static bool migrations_are_known(const json_t *manifest)
{
    const json_t *migrations = json_object_get(manifest, "migrations");
    for (size_t i = 0; i < json_array_size(migrations); i++)
        if (!migration_is_known(json_array_get(migrations, i)))
            return false;
    return true;
}

/* Reads the whole file: its digest, or false with errno. */
static bool file_digest(int file, int64_t bytes, struct progress *progress,
                        char digest[BACKUP_DIGEST_TEXT])
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    uint8_t *part = malloc(BACKUP_PART_BYTES), end[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (hash == NULL || part == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
        abort();
    int64_t done = 0;
    ssize_t got;
    while ((got = read(file, part, BACKUP_PART_BYTES)) > 0) {
        EVP_DigestUpdate(hash, part, (size_t)got);
        done += got;
        progress_show_bytes(progress, bytes > 0 ? (double)done / (double)bytes : -1.0, done);
    }
    progress_end(progress);
    EVP_DigestFinal_ex(hash, end, &length);
    for (unsigned i = 0; i < length; i++)
        snprintf(digest + (size_t)2 * i, 3, "%02x", end[i]);
    EVP_MD_CTX_free(hash);
    free(part);
    return got == 0;
}

static bool records_are_whole(const char *path, const json_t *manifest, bool quiet)
{
    struct stat stat;
    struct progress progress;
    char digest[BACKUP_DIGEST_TEXT] = "";
    int64_t bytes = number_at(json_object_get(manifest, "records"), "bytes");
    bool whole = false;
    progress_begin(&progress, quiet);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &stat) != 0)
        cli_complain("%s: %s", path, strerror(errno));
    else if (stat.st_size != bytes)
        cli_complain(SAY("%s 有 %" PRId64 " 字节，清单所记为 %" PRId64 "：不完整",
                         "%s has %" PRId64 " bytes, its manifest says %" PRId64 ": truncated"),
                     path, (int64_t)stat.st_size, bytes);
    else if (!file_digest(file, bytes, &progress, digest))
        cli_complain("%s: %s", path, strerror(errno));
    else if (strcmp(digest, text_at(json_object_get(manifest, "records"), "sha256")) != 0)
        cli_complain(SAY("%s 已损坏：其 SHA-256 与清单所记不符",
                         "%s is damaged: its SHA-256 is not what the manifest says"),
                     path);
    else
        whole = true;
    if (file >= 0)
        close(file);
    return whole;
}

/* Whether the pg_restore that is here reads it at all: a later pg_dump may have written it. */
static bool records_are_readable(const char *path)
{
    struct tool tool = {0};
    char part[4096];
    if (!tool_start(&tool, (const char *const[]){"pg_restore", "--list", path, NULL}, NULL,
                    TOOL_WRITES)) {
        cli_complain("%s", tool.problem);
        return false;
    }
    while (tool_take(&tool, part, sizeof part) > 0)
        ;
    if (tool_end(&tool))
        return true;
    cli_complain(SAY("%s：pg_restore 读不出：%s", "%s: pg_restore cannot read it: %s"), path,
                 tool.problem);
    return false;
}

json_t *backup_check(const char *directory, bool quiet)
{
    char path[BACKUP_PATH_MAX];
    size_t length = strlen(directory), tail = sizeof BACKUP_UNFINISHED - 1;
    while (length > 0 && directory[length - 1] == '/')
        length--;
    if (length > tail && strncmp(directory + length - tail, BACKUP_UNFINISHED, tail) == 0) {
        cli_complain(SAY("%s 是未写完的备份", "%s is an unfinished backup"), directory);
        return NULL;
    }
    json_t *manifest = manifest_read(directory);
    if (manifest == NULL)
        return NULL;
    snprintf(path, sizeof path, "%s/" BACKUP_RECORDS, directory);
    if (migrations_are_known(manifest) && records_are_whole(path, manifest, quiet) &&
        records_are_readable(path))
        return manifest;
    json_decref(manifest);
    return NULL;
}

/* --- comparing, telling ----------------------------------------------------------------------- */

const char *manifest_differs(const json_t *wanted, const json_t *found, struct arena *arena)
{
    static const char *const lists[] = {"tables", "heads", "migrations"};
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        const json_t *here = json_object_get(found, lists[l]),
                     *there = json_object_get(wanted, lists[l]);
        size_t count = json_array_size(there);
        if (json_array_size(here) != count)
            return arena_format(arena, "%s: %zu, %zu", lists[l], count, json_array_size(here)).at;
        for (size_t i = 0; i < count; i++) {
            char *a = json_dumps(json_array_get(there, i), JSON_COMPACT | JSON_SORT_KEYS),
                 *b = json_dumps(json_array_get(here, i), JSON_COMPACT | JSON_SORT_KEYS);
            if (a == NULL || b == NULL)
                abort();
            const char *told = strcmp(a, b) == 0 ? NULL : arena_format(arena, "%s, %s", a, b).at;
            free(a);
            free(b);
            if (told != NULL)
                return told;
        }
    }
    return NULL;
}

void manifest_print(const json_t *manifest)
{
    char number[32];
    int64_t rows = 0;
    const json_t *tables = json_object_get(manifest, "tables"),
                 *heads = json_object_get(manifest, "heads");
    for (size_t i = 0; i < json_array_size(tables); i++)
        rows += number_at(json_array_get(tables, i), "rows");
    printf(SAY("取自 %s，数据库 %s，ztc %s，PostgreSQL %s\n",
               "taken %s, database %s, ztc %s, PostgreSQL %s\n"),
           text_at(manifest, "taken"), text_at(manifest, "database"), text_at(manifest, "ztc"),
           text_at(manifest, "server"));
    printf(SAY("%zu 张表，%s 行，", "%zu tables, %s rows, "), json_array_size(tables),
           progress_number(rows, number));
    printf(SAY("%s 字节\n", "%s bytes\n"),
           progress_number(number_at(json_object_get(manifest, "records"), "bytes"), number));
    for (size_t i = 0; i < json_array_size(heads); i++)
        printf(SAY("  %s 日志至 %s\n", "  log of %s up to %s\n"),
               text_at(json_array_get(heads, i), "service"),
               progress_number(number_at(json_array_get(heads, i), "head"), number));
}

void apart_print(const json_t *manifest)
{
    char number[32];
    printf("%s\n", SAY("备份中没有、须另行保管的：", "Not in it, to be kept apart:"));
    for (size_t i = 0; i < sizeof aparts / sizeof *aparts; i++)
        printf("  %-22s%s\n", aparts[i].name, SAY(aparts[i].zh, aparts[i].en));
    printf(SAY("以 ZTC_SECRETS_KEY 加密的推送密钥：%s\n",
               "webhook secrets sealed with ZTC_SECRETS_KEY: %s\n"),
           progress_number(number_at(manifest, "sealed_secrets"), number));
}
