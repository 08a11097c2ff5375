/* Every decoder that bytes from outside reach, on the same bytes: none may crash, and what one
 * accepts must survive its own encoder. Corpus: tests/fuzz/corpus/message/. */
#include <stdlib.h>

#include "events/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t length);

static void require(bool held)
{
    if (!held)
        abort();
}

static void same(struct bytes a, struct bytes b)
{
    require(a.length == b.length);
    for (size_t i = 0; i < a.length; i++)
        require(a.at[i] == b.at[i]);
}

static void command_try(struct bytes frame, struct arena *arena)
{
    struct refusal refusal = {0};
    struct command command, again;
    if (!command_decode(frame, arena, &command, &refusal)) {
        require(refusal.code > REFUSAL_NONE && refusal.code < REFUSAL_COUNT);
        return;
    }
    struct bytes encoded = command_encode(&command, arena);
    if (encoded.length > MESSAGE_BYTES_MAX)
        return; /* the version's key was not in it */
    require(command_decode(encoded, arena, &again, &refusal));
    same(command_encode(&again, arena), encoded);
}

static void query_try(struct bytes frame, struct arena *arena)
{
    struct refusal refusal = {0};
    struct query query, again;
    if (!query_decode(frame, arena, &query, &refusal)) {
        require(refusal.code > REFUSAL_NONE && refusal.code < REFUSAL_COUNT);
        return;
    }
    struct bytes encoded = query_encode(&query, arena);
    if (encoded.length > MESSAGE_BYTES_MAX)
        return;
    require(query_decode(encoded, arena, &again, &refusal));
    same(query_encode(&again, arena), encoded);
}

static void event_try(struct bytes frame, struct arena *arena)
{
    struct refusal refusal = {0};
    struct event event, again;
    if (!event_decode(frame, arena, &event, &refusal)) {
        require(refusal.code > REFUSAL_NONE && refusal.code < REFUSAL_COUNT);
        return;
    }
    struct bytes encoded = event_encode(&event, arena);
    if (encoded.length <= EVENT_BYTES_MAX)
        require(event_decode(encoded, arena, &again, &refusal));
    if (event_decode_data(&event, arena, &refusal))
        message_encode(&event_types[event.type], event.data, arena);
}

static void answer_try(struct bytes frame, struct arena *arena)
{
    struct answer answer, again;
    if (!answer_decode(frame, arena, &answer))
        return;
    struct bytes encoded = answer_encode(&answer, true, arena);
    require(answer_decode(encoded, arena, &again));
    same(answer_encode(&again, true, arena), encoded);
}

static void forward_try(struct bytes frame, struct arena *arena)
{
    struct forward forward, again;
    if (!forward_decode(frame, arena, &forward))
        return;
    struct bytes encoded = forward_encode(&forward, arena);
    require(forward_decode(encoded, arena, &again));
    same(again.command, forward.command);
    command_try(forward.command, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t length)
{
    static struct arena *arena;
    struct bytes frame = {at, length};
    if (arena == NULL)
        arena = arena_new();
    command_try(frame, arena);
    query_try(frame, arena);
    event_try(frame, arena);
    answer_try(frame, arena);
    forward_try(frame, arena);
    require(msgpack_is_sound(frame) == (msgpack_to_json(frame, arena).length > 0));
    arena_reset(arena);
    return 0;
}
