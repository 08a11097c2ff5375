#include "cli/ask.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"

#define ID_RANDOM_BYTES 16

struct bytes ask_encode(enum command_type type, struct text id, struct text on_behalf_of,
                        int64_t time, const void *body, struct arena *arena)
{
    void *copy = arena_alloc(arena, command_types[type].size);
    memcpy(copy, body, command_types[type].size);
    struct command command = {
        .id = id, .type = type, .on_behalf_of = on_behalf_of, .time = time, .body = copy};
    return command_encode(&command, arena);
}

struct text ask_random_id(struct arena *arena)
{
    char hex[2 * ID_RANDOM_BYTES + 1];
    return arena_format(arena, "ztc-%s", cli_random_hex(ID_RANDOM_BYTES, hex));
}

int ask_command(const struct link_options *link, const struct ask_command *ask, struct arena *arena)
{
    struct text id = ask->id != NULL ? text_of(ask->id) : ask_random_id(arena);
    if (id.length == 0 || id.length > COMMAND_ID_MAX || !text_is_clean(id)) {
        cli_complain(SAY("--id 须为 1 至 %d 字节", "--id takes 1 to %d bytes"), COMMAND_ID_MAX);
        return CLI_USAGE;
    }
    const char *key = link_key(link, ask->role);
    struct session *session = key != NULL ? link_open(link, LINK_FEED, key, 1) : NULL;
    if (session == NULL)
        return CLI_ENVIRONMENT;
    struct answer answer;
    struct bytes frame;
    session_ask(session, id,
                ask_encode(ask->type, id, text_of(ask->on_behalf_of), ask->time, ask->body, arena),
                arena, &answer, &frame);
    if (link->json && frame.length > 0)
        print_json(frame, stdout);
    else
        print_answer(&answer, id, link->verbose, stdout);
    session_destroy(&session);
    return link_exit(&answer);
}

int ask_query(const struct link_options *link, const struct query *query, const char *role,
              struct arena *arena)
{
    const char *key = link_key(link, role);
    struct session *session = key != NULL ? link_open(link, LINK_QUERY, key, 1) : NULL;
    if (session == NULL)
        return CLI_ENVIRONMENT;
    struct answer answer;
    struct bytes frame;
    session_ask(session, query->id, query_encode(query, arena), arena, &answer, &frame);
    if (link->json && frame.length > 0)
        print_json(answer.status == ANSWER_OK ? answer.result_body : frame, stdout);
    else if (answer.status == ANSWER_OK)
        print_object(answer.result_body, link_zone(link), stdout);
    else
        print_refusal(&answer, stderr);
    session_destroy(&session);
    return link_exit(&answer);
}

static bool position_take(struct text piece, struct position_list *positions)
{
    const char *colon = memchr(piece.at, ':', piece.length);
    if (colon == NULL || positions->count == POSITIONS_MAX)
        return false;
    size_t length = (size_t)(colon - piece.at);
    struct position *position = &positions->items[positions->count];
    position->producer = words_find(&words_service, (struct text){piece.at, length});
    position->part = 0;
    if (position->producer < 0 ||
        !text_to_int((struct text){colon + 1, piece.length - length - 1}, &position->offset) ||
        position->offset < 0)
        return false;
    positions->count++;
    return true;
}

bool ask_positions(const char *text, struct position_list *positions)
{
    positions->count = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, ", ");
        if (!position_take((struct text){text, length}, positions))
            return false;
        text += length;
        text += strspn(text, ", ");
    }
    return positions->count > 0;
}
