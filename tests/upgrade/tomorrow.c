/* Tomorrow's release, for the test of a rolling upgrade: today's programs, linked with what a later
 * one would bring to the logs and the bus. Its events have a key that today's do not know, and one
 * of them has another name, which today's consumers cannot read; it reads both names itself. */
#include <string.h>

#include "events/codec.h"

#define RENAMED "assignment_checked_in"
#define TODAY(name)                                                                                \
    (__builtin_strcmp(#name, RENAMED) == 0 ? "assignment_arrived" : #name) /* a constant */

#undef MESSAGE_ROW
#define MESSAGE_ROW(name, version, zh, en)                                                         \
    {                                                                                              \
        TODAY(name), __builtin_strlen(TODAY(name)), (version) + 1, sizeof(struct name),            \
            fields_of_##name, sizeof fields_of_##name / sizeof *fields_of_##name, zh, en           \
    }
int event_find_tomorrow(struct text name);
#define event_find event_find_tomorrow
#include "events/types.c"
#undef event_find

int event_find(struct text name)
{
    int type = event_find_tomorrow(name);
    bool is_former = type < 0 && text_equal(name, TEXT(RENAMED));
    return is_former ? (int)EVENT_assignment_checked_in : type;
}

/* --wrap=message_encode */
struct bytes __real_message_encode(const struct message_type *type, const void *message,
                                   struct arena *arena);
struct bytes __wrap_message_encode(const struct message_type *type, const void *message,
                                   struct arena *arena);

/* A field of tomorrow at the end of each event's map. */
struct bytes __wrap_message_encode(const struct message_type *type, const void *message,
                                   struct arena *arena)
{
    static const char pair[] = "\xa8tomorrow\x01";
    struct bytes today = __real_message_encode(type, message, arena);
    if (type < event_types || type >= event_types + EVENT_COUNT)
        return today;
    size_t header = today.at[0] == 0xde ? 3 : 1;
    size_t count = header == 3 ? (size_t)(today.at[1] << 8 | today.at[2]) : today.at[0] & 0x0fU;
    struct wire wire;
    writer_open(&wire, arena, today.length + CODEC_HEADER_MAX + sizeof pair);
    msgpack_pack_map(&wire.packer, count + 1);
    writer_raw(&wire, (struct bytes){today.at + header, today.length - header});
    writer_raw(&wire, (struct bytes){(const uint8_t *)pair, sizeof pair - 1});
    return writer_bytes(&wire);
}
