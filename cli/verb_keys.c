/* ztc keys make | public | list | register | revoke. */
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
    const char *dir, *public_file, *id;
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

static int is_secret(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > strlen(SUFFIX) && strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
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
        char *public_key = arena_alloc(arena, KEYS_PUBLIC_SIZE);
        struct text path = arena_format(arena, "%s/%s", dir, entries[i]->d_name);
        size_t length = strlen(entries[i]->d_name) - strlen(SUFFIX);
        cells[2 * i] = arena_format(arena, "%.*s", (int)length, entries[i]->d_name).at;
        cells[2 * i + 1] = keys_public(path.at, public_key) ? public_key : "?";
        free(entries[i]);
    }
    free(entries);
    const char *const headings[] = {SAY("名称", "name"), SAY("公钥", "public key")};
    print_table(&(struct print_table){headings, 2, cells, (size_t)count}, stdout);
    arena_destroy(&arena);
    return CLI_OK;
}

/* key_register or key_revoke; --public FILE stands for --public-key. */
static int keys_verb_send(const struct keys_options *keys, struct options *options,
                          enum command_type type, struct arena *arena)
{
    char *public_key = arena_alloc(arena, KEYS_PUBLIC_SIZE);
    const struct field *fields = options->type->fields;
    for (size_t i = 0; keys->public_file != NULL && i < options->type->field_count; i++)
        if (strcmp(fields[i].name, "public_key") == 0) {
            if (!keys_public(keys->public_file, public_key)) {
                cli_complain(SAY("%s 不是密钥证书", "%s is not a certificate"), keys->public_file);
                return CLI_ENVIRONMENT;
            }
            options->given[options->given_count++] = (struct option_given){&fields[i], public_key};
        }
    void *body = arena_alloc(arena, options->type->size);
    if (!options_fill(options, link_zone(&keys->link), arena, body)) {
        cli_complain("%s", options->problem);
        return CLI_USAGE;
    }
    struct ask_command ask = {
        .type = type, .body = body, .id = keys->id, .time = INSTANT_ABSENT, .role = "operator"};
    return ask_command(&keys->link, &ask, arena);
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
    if (strcmp(action, "register") == 0 && name == NULL)
        return keys_verb_send(keys, options, COMMAND_key_register, arena);
    if (strcmp(action, "revoke") == 0 && name == NULL)
        return keys_verb_send(keys, options, COMMAND_key_revoke, arena);
    cli_complain("%s", SAY("用法：ztc keys make 名称 | public 文件 | list | register | revoke",
                           "usage: ztc keys make NAME | public FILE | list | register | revoke"));
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
        {"id", OPTION_STRING, &keys.id, 0, 0, "TEXT", "命令编号", "the command's id"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    /* The action comes first: it settles which fields there are. */
    const char *action = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    const struct message_type *type = NULL;
    if (action != NULL && strcmp(action, "revoke") == 0)
        type = &command_types[COMMAND_key_revoke];
    else if (action == NULL || strcmp(action, "register") == 0)
        type = &command_types[COMMAND_key_register];
    static const char *const none[] = {NULL};
    static const char *const name[] = {"name", NULL};
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL},
                              .type = type,
                              .operands = type != NULL ? none : name};
    struct arena *arena = arena_new();
    int skip = action != NULL, code = CLI_USAGE;
    if (verb_options(verb, &options, argc - skip, argv + skip, arena, &code)) {
        if (options.given_count == OPTIONS_GIVEN_MAX)
            options.given_count--;
        code = keys_run(&keys, &options, action != NULL ? action : "",
                        options.operand_count > 0 ? options.operand[0] : NULL, arena);
    }
    arena_destroy(&arena);
    return code;
}
