/* ztc keys make | public | list | register | revoke, and the same of bearer tokens: bearer |
 * register-bearer | revoke-bearer. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/keys.h"
#include "cli/print.h"

#define DIRECTORY_DEFAULT "keys"
#define SUFFIX            ".key_secret"
#define LISTED_MAX        4096

struct keys_options {
    struct link_options link;
    const char *dir, *public_file, *bearer_file, *id;
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
    if (!keys_make(directory_of(keys), name, problem, sizeof problem)) {
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

static int keys_verb_list(const struct keys_options *keys)
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

/* A file stands for the field that is read from it. */
static void give(struct options *options, const char *name, const char *value)
{
    const struct field *fields = options->type->fields;
    for (size_t i = 0; i < options->type->field_count; i++)
        if (strcmp(fields[i].name, name) == 0)
            options->given[options->given_count++] = (struct option_given){&fields[i], value};
}

/* A command about a key or a token; --public FILE stands for --public-key, --bearer FILE for
 * --digest. */
static int keys_verb_send(const struct keys_options *keys, struct options *options,
                          enum command_type type, struct arena *arena)
{
    char *public_key = arena_alloc(arena, KEYS_PUBLIC_SIZE);
    char *digest = arena_alloc(arena, KEYS_BEARER_DIGEST_SIZE);
    if (keys->public_file != NULL && !keys_public(keys->public_file, public_key)) {
        cli_complain(SAY("%s 不是密钥证书", "%s is not a certificate"), keys->public_file);
        return CLI_ENVIRONMENT;
    }
    if (keys->bearer_file != NULL && !keys_bearer_digest(keys->bearer_file, digest)) {
        cli_complain(SAY("%s 中没有令牌", "%s holds no bearer token"), keys->bearer_file);
        return CLI_ENVIRONMENT;
    }
    if (keys->public_file != NULL)
        give(options, "public_key", public_key);
    if (keys->bearer_file != NULL)
        give(options, "digest", digest);
    void *body = arena_alloc(arena, options->type->size);
    if (!options_fill(options, link_zone(&keys->link), arena, body)) {
        cli_complain("%s", options->problem);
        return CLI_USAGE;
    }
    struct ask_command ask = {
        .type = type, .body = body, .id = keys->id, .time = INSTANT_ABSENT, .role = "operator"};
    return ask_command(&keys->link, &ask, arena);
}

/* The command that an action sends; -1: none. */
static int command_of(const char *action)
{
    static const struct {
        const char *action;
        enum command_type type;
    } sent[] = {
        {"register", COMMAND_key_register},
        {"revoke", COMMAND_key_revoke},
        {"register-bearer", COMMAND_bearer_register},
        {"revoke-bearer", COMMAND_bearer_revoke},
    };
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
        if (strcmp(action, sent[i].action) == 0)
            return (int)sent[i].type;
    return -1;
}

static int keys_run(struct keys_options *keys, struct options *options, const char *action,
                    const char *name, struct arena *arena)
{
    if (!link_settle(&keys->link))
        return CLI_ENVIRONMENT;
    if (strcmp(action, "make") == 0 && name != NULL)
        return keys_verb_make(keys, name);
    if (strcmp(action, "public") == 0 && name != NULL)
        return keys_verb_public(name);
    if (strcmp(action, "list") == 0 && name == NULL)
        return keys_verb_list(keys);
    if (strcmp(action, "bearer") == 0 && name != NULL)
        return keys_verb_bearer(keys, name);
    int type = command_of(action);
    if (type >= 0 && name == NULL)
        return keys_verb_send(keys, options, (enum command_type)type, arena);
    cli_complain("%s", SAY("用法：ztc keys make 名称 | public 文件 | list | register | revoke | "
                           "bearer 名称 | register-bearer | revoke-bearer",
                           "usage: ztc keys make NAME | public FILE | list | register | revoke | "
                           "bearer NAME | register-bearer | revoke-bearer"));
    return CLI_USAGE;
}

int verb_keys(const struct verb *verb, int argc, char **argv)
{
    struct keys_options keys = {0};
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&keys.link, common);
    const struct option_row own[] = {
        {"dir", OPTION_STRING, &keys.dir, 0, 0, "DIR", "密钥目录；默认为 ZTC_KEY_DIR 或 keys",
         "directory of keys; ZTC_KEY_DIR or keys by default"},
        {"public", OPTION_STRING, &keys.public_file, 0, 0, "FILE", "登记或吊销此证书的公钥",
         "register or revoke the public key of this certificate"},
        {"bearer", OPTION_STRING, &keys.bearer_file, 0, 0, "FILE", "登记或吊销此文件中的令牌",
         "register or revoke the bearer token in this file"},
        {"id", OPTION_STRING, &keys.id, 0, 0, "TEXT", "命令编号", "the command's id"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    /* The action comes first: it settles which fields there are. */
    const char *action = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    int sent = command_of(action != NULL ? action : "register");
    const struct message_type *type = sent >= 0 ? &command_types[sent] : NULL;
    static const char *const none[] = {NULL};
    static const char *const name[] = {"name", NULL};
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL},
                              .type = type,
                              .operands = type != NULL ? none : name};
    struct arena *arena = arena_new();
    int skip = action != NULL, code = CLI_USAGE;
    if (verb_options(verb, &options, argc - skip, argv + skip, arena, &code)) {
        if (options.given_count > OPTIONS_GIVEN_MAX - 2)
            options.given_count = OPTIONS_GIVEN_MAX - 2; /* room for what files stand for */
        code = keys_run(&keys, &options, action != NULL ? action : "",
                        options.operand_count > 0 ? options.operand[0] : NULL, arena);
    }
    arena_destroy(&arena);
    return code;
}
