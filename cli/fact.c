#include "cli/fact.h"

#include "base/digest.h"
#include "cli/ask.h"
#include "cli/cli.h"

#define DIGEST_SHOWN_BYTES 4
#define SALT_BYTES         8

struct text fact_id(const struct fact *fact, const char *salt, struct arena *arena)
{
    char hex[2 * DIGEST_SHOWN_BYTES + 1];
    struct bytes body = message_encode(&command_types[fact->type], fact->body, arena);
    struct digest digest = digest_of(&body, 1);
    digest_hex(&digest, DIGEST_SHOWN_BYTES, hex);
    return cli_command_id(arena_format(arena, "%.*s:%s%s%s", TEXT_ARG(fact->prefix), hex,
                                       salt != NULL ? ":" : "", salt != NULL ? salt : ""),
                          arena);
}

struct bytes fact_encode(const struct fact *fact, struct text id, struct arena *arena)
{
    return ask_encode(fact->type, id, TEXT(""), INSTANT_ABSENT, fact->body, arena);
}

void fact_register(struct session *session, const struct fact *fact, struct arena *arena,
                   struct answer *answer)
{
    char salt[2 * SALT_BYTES + 1];
    struct bytes frame;
    struct text id = fact_id(fact, cli_random_hex(SALT_BYTES, salt), arena);
    session_ask(session, id, fact_encode(fact, id, arena), arena, answer, &frame);
}
