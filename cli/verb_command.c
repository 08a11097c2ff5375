/* Every command of commands.def as a verb, its options from the field table. */
#include "cli/ask.h"
#include "cli/cli.h"

int verb_command(const struct verb *verb, int argc, char **argv)
{
    struct link_options link = {0};
    struct ask_command ask = {.type = (enum command_type)verb->message, .time = INSTANT_ABSENT};
    const char *time = NULL;
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&link, common);
    const struct option_row own[] = {
        {"id", OPTION_STRING, &ask.id, 0, 0, "TEXT", "命令编号；重复同一编号不会做两次",
         "the command's id; the same id is never done twice"},
        {"on-behalf-of", OPTION_STRING, &ask.on_behalf_of, 0, 0, "CODE", "代表的单位",
         "organisation acted for"},
        {"time", OPTION_STRING, &time, 0, 0, "TIME", "发生时间；仅限获准的接入系统",
         "when it happened; only for feeds that may state it"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    const struct message_type *type = &command_types[verb->message];
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL},
                              .type = type,
                              .operands = verb->operands};
    struct arena *arena = arena_new();
    int code = CLI_USAGE;
    if (!verb_options(verb, &options, argc, argv, arena, &code))
        goto out;
    if (!link_settle(&link)) {
        code = CLI_ENVIRONMENT;
        goto out;
    }
    void *body = arena_alloc(arena, type->size);
    ask.body = body;
    if (!options_fill(&options, link_zone(&link), arena, body))
        cli_complain(SAY("%s；详见 ztc %s --help", "%s; see ztc %s --help"), options.problem,
                     verb->name);
    else if (time != NULL && !options_time(text_of(time), link_zone(&link), &ask.time))
        cli_complain(SAY("--time 不是时间：%s", "--time: not a time: %s"), time);
    else
        code = ask_command(&link, &ask, arena);
out:
    arena_destroy(&arena);
    return code;
}
