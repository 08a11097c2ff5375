/* ztc contact show | erase | audit. */
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"

struct contact_options {
    struct link_options link;
    const char *id, *on_behalf_of;
};

/* Which message an action sends; NULL: there is no such action. */
static const struct message_type *type_of(const char *action)
{
    if (strcmp(action, "show") == 0)
        return &query_types[QUERY_contact_show];
    if (strcmp(action, "erase") == 0)
        return &command_types[COMMAND_contact_erase];
    if (strcmp(action, "audit") == 0)
        return &query_types[QUERY_contact_audit];
    return NULL;
}

static int contact_ask(const struct contact_options *contact, const struct message_type *type,
                       void *body, struct arena *arena)
{
    if (type == &command_types[COMMAND_contact_erase]) {
        struct ask_command ask = {.type = COMMAND_contact_erase,
                                  .body = body,
                                  .id = contact->id,
                                  .on_behalf_of = contact->on_behalf_of,
                                  .time = INSTANT_ABSENT};
        return ask_command(&contact->link, &ask, arena);
    }
    struct query query = {
        .id = ask_random_id(arena), .type = (enum query_type)(type - query_types), .body = body};
    return ask_query(&contact->link, &query, NULL, arena);
}

int verb_contact(const struct verb *verb, int argc, char **argv)
{
    struct contact_options contact = {0};
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&contact.link, common);
    const struct option_row own[] = {
        {"id", OPTION_STRING, &contact.id, 0, 0, "TEXT", "erase 的命令编号",
         "the command's id, of erase"},
        {"on-behalf-of", OPTION_STRING, &contact.on_behalf_of, 0, 0, "CODE", "erase 所代表的单位",
         "organisation acted for, of erase"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    static const char *const order[] = {"order", NULL};
    /* The action comes first: it settles which fields there are. */
    const char *action = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    const struct message_type *type = action != NULL ? type_of(action) : NULL;
    struct options options = {
        .tables = (const struct option_row *const[]){own, common, NULL},
        .type = type != NULL ? type : &query_types[QUERY_contact_audit],
        .operands = order,
    };
    struct arena *arena = arena_new();
    int skip = action != NULL, code = CLI_USAGE;
    if (!verb_options(verb, &options, argc - skip, argv + skip, arena, &code))
        goto out;
    if (type == NULL) {
        cli_complain("%s", SAY("用法：ztc contact show 订单 | erase 订单 | audit [订单]",
                               "usage: ztc contact show ORDER | erase ORDER | audit [ORDER]"));
        goto out;
    }
    if (!link_settle(&contact.link)) {
        code = CLI_ENVIRONMENT;
        goto out;
    }
    void *body = arena_alloc(arena, type->size);
    if (options_fill(&options, link_zone(&contact.link), arena, body))
        code = contact_ask(&contact, type, body, arena);
    else
        cli_complain(SAY("%s；详见 ztc %s --help", "%s; see ztc %s --help"), options.problem,
                     verb->name);
out:
    arena_destroy(&arena);
    return code;
}
