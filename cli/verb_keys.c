/* ztc keys make | public | files | list | register | rotate | revoke: CURVE keys; and of bearer
 * tokens: bearer | register-bearer | revoke-bearer. */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/keys.h"
#include "cli/print.h"

#define DIRECTORY_DEFAULT "keys"
#define SUFFIX            ".key_secret"
#define ID_RANDOM_BYTES   8
#define NUMBER_MAX        24 /* characters of a number */

struct keys_options {
    struct link_options link;
    const char *dir, *public_file, *old_file, *bearer_file, *overlap, *id;
    bool at_once, force;
};

static const char *directory_of(const struct keys_options *keys)
{
    if (keys->dir != NULL)
        return keys->dir;
    const char *set = env_get("ZTC_KEY_DIR");
    return set != NULL ? set : DIRECTORY_DEFAULT;
}

static int keys_verb_make(const struct keys_options *keys, const char *name)
{
    char problem[512], path[KEYS_PATH_MAX];
    if (!keys_make(directory_of(keys), name, keys->force, problem, sizeof problem)) {
        cli_complain("%s", problem);
        return CLI_ENVIRONMENT;
    }
    keys_secret_path(directory_of(keys), name, path);
    printf("%s\n", path);
    return CLI_OK;
}

static int keys_verb_bearer(const struct keys_options *keys, const char *name)
{
    char problem[512], path[KEYS_PATH_MAX];
    if (!keys_make_bearer(directory_of(keys), name, path, problem, sizeof problem)) {
        cli_complain("%s", problem);
        return CLI_ENVIRONMENT;
    }
    printf("%s\n", path);
    return CLI_OK;
}

static int keys_verb_public(const char *file)
{
    char public_key[KEYS_PUBLIC_SIZE];
    if (!keys_public(file, public_key)) {
        cli_complain(SAY("%s 不是密钥证书", "%s is not a certificate"), file);
        return CLI_ENVIRONMENT;
    }
    printf("%s\n", public_key);
    return CLI_OK;
}

/* What comes before the suffix; 0: it has another. */
static size_t length_before(const char *name, const char *suffix)
{
    size_t length = strlen(name), end = strlen(suffix);
    return length > end && strcmp(name + length - end, suffix) == 0 ? length - end : 0;
}

static int is_secret(const struct dirent *entry)
{
    return length_before(entry->d_name, SUFFIX) > 0 ||
           length_before(entry->d_name, KEYS_BEARER_SUFFIX) > 0;
}

/* What a file of secrets is registered by: a public key, or a token's digest. */
static const char *registered_by(const char *path, struct arena *arena)
{
    char *found = arena_alloc(arena, KEYS_BEARER_DIGEST_SIZE);
    bool fine = length_before(path, KEYS_BEARER_SUFFIX) > 0 ? keys_bearer_digest(path, found)
                                                            : keys_public(path, found);
    return fine ? found : "?";
}

static int keys_verb_files(const struct keys_options *keys)
{
    const char *dir = directory_of(keys);
    struct dirent **entries;
    int count = scandir(dir, &entries, is_secret, alphasort);
    if (count < 0) {
        cli_complain(SAY("不能读取目录 %s", "cannot read the directory %s"), dir);
        return CLI_ENVIRONMENT;
    }
    struct arena *arena = arena_new();
    const char **cells = arena_array(arena, (size_t)count * 2 + 1, sizeof *cells);
    for (int i = 0; i < count; i++) {
        struct text path = arena_format(arena, "%s/%s", dir, entries[i]->d_name);
        size_t length = length_before(entries[i]->d_name, SUFFIX);
        if (length == 0)
            length = length_before(entries[i]->d_name, KEYS_BEARER_SUFFIX);
        cells[2 * i] = arena_format(arena, "%.*s", (int)length, entries[i]->d_name).at;
        cells[2 * i + 1] = registered_by(path.at, arena);
        free(entries[i]);
    }
    free(entries);
    const char *const headings[] = {SAY("名称", "name"),
                                    SAY("公钥或令牌摘要", "public key or digest of token")};
    print_table(&(struct print_table){headings, 2, cells, (size_t)count}, stdout);
    arena_destroy(&arena);
    return CLI_OK;
}

/* Gives a field of the message its value, as if it had been typed. */
static void give(struct options *options, const char *field, const char *value)
{
    const struct message_type *type = options->type;
    for (size_t i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, field) == 0)
            options->given[options->given_count++] = (struct option_given){&type->fields[i], value};
}

/* The public key of a certificate, for a field; no file: nothing. */
static bool give_key(struct options *options, const char *field, const char *file,
                     struct arena *arena)
{
    char *public_key = arena_alloc(arena, KEYS_PUBLIC_SIZE);
    if (file == NULL)
        return true;
    if (!keys_public(file, public_key)) {
        cli_complain(SAY("%s 不是密钥证书", "%s is not a certificate"), file);
        return false;
    }
    give(options, field, public_key);
    return true;
}

static bool give_overlap(const struct keys_options *keys, struct options *options,
                         struct arena *arena)
{
    char *seconds = arena_alloc(arena, NUMBER_MAX);
    int64_t overlap = 0;
    if (!keys->at_once && keys->overlap == NULL)
        return true;
    if ((keys->at_once && keys->overlap != NULL) ||
        (!keys->at_once && !keys_overlap(keys->overlap, &overlap))) {
        cli_complain("%s",
                     SAY("重叠期写作 --overlap 7d（s、m、h、d、w），或用 --now 立即吊销旧密钥",
                         "the overlap is written --overlap 7d (s, m, h, d, w); or --now "
                         "revokes the old key at once"));
        return false;
    }
    snprintf(seconds, NUMBER_MAX, "%" PRId64, overlap);
    give(options, "overlap_s", seconds);
    return true;
}

/* The digest of the token in a file, for the field; no file: nothing. */
static bool give_digest(struct options *options, const char *file, struct arena *arena)
{
    char *digest = arena_alloc(arena, KEYS_BEARER_DIGEST_SIZE);
    if (file == NULL)
        return true;
    if (!keys_bearer_digest(file, digest)) {
        cli_complain(SAY("%s 中没有令牌", "%s holds no bearer token"), file);
        return false;
    }
    give(options, "digest", digest);
    return true;
}

/* --public and --old FILE stand for the keys in them, --bearer FILE for its token's digest. */
static int keys_verb_send(const struct keys_options *keys, struct options *options,
                          enum command_type type, struct arena *arena)
{
    if (!give_key(options, "public_key", keys->public_file, arena) ||
        !give_key(options, "replaces", keys->old_file, arena) ||
        !give_digest(options, keys->bearer_file, arena))
        return CLI_ENVIRONMENT;
    if (!give_overlap(keys, options, arena))
        return CLI_USAGE;
    void *body = arena_alloc(arena, options->type->size);
    if (!options_fill(options, link_zone(&keys->link), arena, body)) {
        cli_complain("%s", options->problem);
        return CLI_USAGE;
    }
    struct ask_command ask = {
        .type = type, .body = body, .id = keys->id, .time = INSTANT_ABSENT, .role = "operator"};
    return ask_command(&keys->link, &ask, arena);
}

static int keys_verb_list(const struct keys_options *keys, struct options *options,
                          struct arena *arena)
{
    char hex[2 * ID_RANDOM_BYTES + 1];
    struct query query = {.type = QUERY_key_list,
                          .id = arena_format(arena, "ztc-%s", cli_random_hex(ID_RANDOM_BYTES, hex)),
                          .body = arena_alloc(arena, options->type->size)};
    if (!options_fill(options, link_zone(&keys->link), arena, query.body)) {
        cli_complain("%s", options->problem);
        return CLI_USAGE;
    }
    return ask_query(&keys->link, &query, "operator", arena);
}

/* What may follow `keys`. A local one takes a name and asks nobody. */
enum action {
    ACTION_make,
    ACTION_public,
    ACTION_bearer,
    ACTION_files,
    ACTION_list,
    ACTION_command
};
static const struct action_row {
    const char *name;
    enum action action;
    bool takes_name;
    const struct message_type *type;
    enum command_type command; /* ACTION_command */
} actions[] = {
    {"make", ACTION_make, true, NULL, COMMAND_COUNT},
    {"public", ACTION_public, true, NULL, COMMAND_COUNT},
    {"bearer", ACTION_bearer, true, NULL, COMMAND_COUNT},
    {"files", ACTION_files, false, NULL, COMMAND_COUNT},
    {"list", ACTION_list, false, &query_types[QUERY_key_list], COMMAND_COUNT},
    {"register", ACTION_command, false, &command_types[COMMAND_key_register], COMMAND_key_register},
    {"rotate", ACTION_command, false, &command_types[COMMAND_key_rotate], COMMAND_key_rotate},
    {"revoke", ACTION_command, false, &command_types[COMMAND_key_revoke], COMMAND_key_revoke},
    {"register-bearer", ACTION_command, false, &command_types[COMMAND_bearer_register],
     COMMAND_bearer_register},
    {"revoke-bearer", ACTION_command, false, &command_types[COMMAND_bearer_revoke],
     COMMAND_bearer_revoke},
};

static const struct action_row *action_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static int keys_run(struct keys_options *keys, struct options *options,
                    const struct action_row *row, const char *name, struct arena *arena)
{
    if (row == NULL || row->takes_name != (name != NULL)) {
        cli_complain("%s", SAY("用法：ztc keys make 名称 | public 文件 | files | list | register | "
                               "rotate | revoke | bearer 名称 | register-bearer | revoke-bearer",
                               "usage: ztc keys make NAME | public FILE | files | list | register "
                               "| rotate | revoke | bearer NAME | register-bearer | "
                               "revoke-bearer"));
        return CLI_USAGE;
    }
    if (!link_settle(&keys->link))
        return CLI_ENVIRONMENT;
    switch (row->action) {
    case ACTION_make:
        return keys_verb_make(keys, name);
    case ACTION_public:
        return keys_verb_public(name);
    case ACTION_bearer:
        return keys_verb_bearer(keys, name);
    case ACTION_files:
        return keys_verb_files(keys);
    case ACTION_list:
        return keys_verb_list(keys, options, arena);
    case ACTION_command:
        return keys_verb_send(keys, options, row->command, arena);
    }
    return CLI_USAGE; /* not reached: the switch is complete */
}

int verb_keys(const struct verb *verb, int argc, char **argv)
{
    struct keys_options keys = {0};
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&keys.link, common);
    const struct option_row own[] = {
        {"dir", OPTION_STRING, &keys.dir, 0, 0, "DIR", "密钥目录；默认为 ZTC_KEY_DIR 或 keys",
         "directory of keys; ZTC_KEY_DIR or keys by default"},
        {"force", OPTION_FLAG, &keys.force, 0, 0, NULL, "make：覆盖已有的密钥文件",
         "make: over files that exist"},
        {"public", OPTION_STRING, &keys.public_file, 0, 0, "FILE", "登记、换上或吊销此证书的公钥",
         "register, rotate to or revoke the key of this certificate"},
        {"old", OPTION_STRING, &keys.old_file, 0, 0, "FILE", "rotate：被替换的证书",
         "rotate: the certificate whose key is replaced"},
        {"overlap", OPTION_STRING, &keys.overlap, 0, 0, "7d",
         "rotate：旧密钥继续有效多久（s、m、h、d、w）；默认 7d",
         "rotate: how long the old key stays valid (s, m, h, d, w); 7d by default"},
        {"now", OPTION_FLAG, &keys.at_once, 0, 0, NULL, "rotate：立即吊销旧密钥",
         "rotate: revoke the old key at once"},
        {"bearer", OPTION_STRING, &keys.bearer_file, 0, 0, "FILE", "登记或吊销此文件中的令牌",
         "register or revoke the bearer token in this file"},
        {"id", OPTION_STRING, &keys.id, 0, 0, "TEXT", "命令编号", "the command's id"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    /* The action comes first: it settles which fields there are. */
    bool said = argc > 1 && argv[1][0] != '-';
    const struct action_row *row = action_find(said ? argv[1] : NULL);
    const struct message_type *type =
        said ? (row == NULL ? NULL : row->type) : &command_types[COMMAND_key_register];
    static const char *const none[] = {NULL};
    static const char *const name[] = {"name", NULL};
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL},
                              .type = type,
                              .operands = type != NULL ? none : name};
    struct arena *arena = arena_new();
    int code = CLI_USAGE;
    if (verb_options(verb, &options, argc - said, argv + said, arena, &code)) {
        /* Room for what stands for fields. */
        if (options.given_count > OPTIONS_GIVEN_MAX - 4)
            options.given_count = OPTIONS_GIVEN_MAX - 4;
        code = keys_run(&keys, &options, row, options.operand_count > 0 ? options.operand[0] : NULL,
                        arena);
    }
    arena_destroy(&arena);
    return code;
}
