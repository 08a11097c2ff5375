#include "events/parties.h"

#include <string.h>

#define PARTY_FIELDS(X)                                                                            \
    X(order, FIELD_INT)                                                                            \
    X(state, FIELD_WORD)                                                                           \
    X(assignment, FIELD_INT)                                                                       \
    X(by, FIELD_CODE)                                                                              \
    X(place, FIELD_CODE)                                                                           \
    X(town, FIELD_CODE)                                                                            \
    X(squad, FIELD_CODE)                                                                           \
    X(feed, FIELD_CODE)                                                                            \
    X(external_id, FIELD_TEXT)

struct party_field {
    const char *name;
    enum field_kind kind;
    size_t offset; /* in struct parties */
};
static const struct party_field party_fields[] = {
#define X(name, kind) {#name, kind, offsetof(struct parties, name)},
    PARTY_FIELDS(X)
#undef X
};

/* The fields of one kind have the same C type in every message: message.h's C_OF_. */
static size_t party_size(enum field_kind kind)
{
    if (kind == FIELD_INT)
        return sizeof(int64_t);
    return kind == FIELD_WORD ? sizeof(int) : sizeof(struct text);
}

static void party_copy(const struct event *event, const struct field *field,
                       struct parties *parties)
{
    for (size_t i = 0; i < sizeof party_fields / sizeof *party_fields; i++) {
        const struct party_field *party = &party_fields[i];
        if (party->kind != field->kind || strcmp(party->name, field->name) != 0)
            continue;
        memcpy((char *)parties + party->offset, (const char *)event->data + field->offset,
               party_size(party->kind));
        return;
    }
}

/* ORDER_HEAD comes first; score_counted names an order too, but is about a squad's quarter. */
bool event_is_of_order(enum event_type type)
{
    return event_types[type].field_count > 0 &&
           strcmp(event_types[type].fields[0].name, "order") == 0;
}

bool event_parties(const struct event *event, struct parties *parties)
{
    *parties = (struct parties){.state = -1};
    if (!event_is_of_order(event->type))
        return false;
    const struct message_type *type = &event_types[event->type];
    for (size_t i = 0; i < type->field_count; i++)
        party_copy(event, &type->fields[i], parties);
    return true;
}
