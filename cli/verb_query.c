/* Every query of queries.def as a verb, its options from the field table. */
#include "cli/ask.h"
#include "cli/cli.h"

int verb_query(const struct verb *verb, int argc, char **argv)
{
    struct link_options link = {0};
    const char *after = NULL;
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&link, common);
    const struct option_row own[] = {
        {"after", OPTION_STRING, &after, 0, 0, "SERVICE:OFFSET",
         "等到此位置之后再答，如 intake:12,dispatch:7",
         "answer only once this was seen, as intake:12,dispatch:7"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    const struct message_type *type = &query_types[verb->message];
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL},
                              .type = type,
                              .operands = verb->operands};
    struct arena *arena = arena_new();
    struct query query = {.type = (enum query_type)verb->message};
    int code = CLI_USAGE;
    if (!verb_options(verb, &options, argc, argv, arena, &code))
        goto out;
    if (!link_settle(&link)) {
        code = CLI_ENVIRONMENT;
        goto out;
    }
    query.id = ask_random_id(arena);
    query.body = arena_alloc(arena, type->size);
    if (!options_fill(&options, link_zone(&link), arena, query.body))
        cli_complain(SAY("%s；详见 ztc %s --help", "%s; see ztc %s --help"), options.problem,
                     verb->name);
    else if (after != NULL && !ask_positions(after, &query.after))
        cli_complain(SAY("--after 的写法是 服务:位置，而不是 %s",
                         "--after is written SERVICE:OFFSET, not %s"),
                     after);
    else
        code = ask_query(&link, &query, NULL, arena);
out:
    arena_destroy(&arena);
    return code;
}
