/* The tables of all types of messages, from their .def rows. */
#include "events/codec.h"

#include <string.h>

#define MESSAGE(name, version, zh, en) static const struct field fields_of_##name[] = {
#define FIELD                          FIELD_ROW
#define MESSAGE_END(name)                                                                          \
    }                                                                                              \
    ;
#include "events/commands.def"
#include "events/events.def"
#include "events/queries.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

#define FIELD(message, kind, name, since, need, fallback, min, max, zh, en)
#define MESSAGE_END(name)
#define MESSAGE(name, version, zh, en) MESSAGE_ROW(name, version, zh, en),
const struct message_type command_types[COMMAND_COUNT] = {
#include "events/commands.def"
};
const struct message_type query_types[QUERY_COUNT] = {
#include "events/queries.def"
};
const struct message_type event_types[EVENT_COUNT] = {
#include "events/events.def"
};
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

static int type_find(const struct message_type *types, int count, struct text name)
{
    for (int i = 0; i < count; i++)
        if (types[i].name_length == name.length && memcmp(types[i].name, name.at, name.length) == 0)
            return i;
    return -1;
}

int command_find(struct text name)
{
    return type_find(command_types, COMMAND_COUNT, name);
}

int query_find(struct text name)
{
    return type_find(query_types, QUERY_COUNT, name);
}

int event_find(struct text name)
{
    return type_find(event_types, EVENT_COUNT, name);
}
