#include "services/dispatch/shell_positions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 256 /* a power of two, as every room after it */

struct slot {
    int64_t position; /* 0: free */
    uint8_t district_length, squad_length;
    char district[CODE_MAX], squad[CODE_MAX];
};

struct positions {
    struct slot *slots;
    size_t count, room;
};

static struct slot *slots_new(size_t room)
{
    struct slot *slots = calloc(room, sizeof *slots);
    if (slots == NULL)
        abort();
    return slots;
}

struct positions *positions_new(void)
{
    struct positions *positions = calloc(1, sizeof *positions);
    if (positions == NULL)
        abort();
    positions->room = ROOM_FIRST;
    positions->slots = slots_new(positions->room);
    return positions;
}

void positions_destroy(struct positions **positions)
{
    if (*positions == NULL)
        return;
    free((*positions)->slots);
    free(*positions);
    *positions = NULL;
}

void positions_clear(struct positions *positions)
{
    memset(positions->slots, 0, positions->room * sizeof *positions->slots);
    positions->count = 0;
}

static struct slot *slot_of(struct slot *slots, size_t room, struct text district,
                            struct text squad)
{
    size_t at = (text_hash(district) * 31 ^ text_hash(squad)) & (room - 1);
    while (slots[at].position != 0 &&
           !(text_equal((struct text){slots[at].squad, slots[at].squad_length}, squad) &&
             text_equal((struct text){slots[at].district, slots[at].district_length}, district)))
        at = (at + 1) & (room - 1);
    return &slots[at];
}

static void grow(struct positions *positions)
{
    size_t room = positions->room * 2;
    struct slot *slots = slots_new(room);
    for (size_t i = 0; i < positions->room; i++) {
        const struct slot *old = &positions->slots[i];
        if (old->position != 0)
            *slot_of(slots, room, (struct text){old->district, old->district_length},
                     (struct text){old->squad, old->squad_length}) = *old;
    }
    free(positions->slots);
    positions->slots = slots;
    positions->room = room;
}

int64_t positions_swap(struct positions *positions, struct text district, struct text squad,
                       int64_t position)
{
    assert(position > 0 && district.length <= CODE_MAX && squad.length <= CODE_MAX);
    if (2 * positions->count >= positions->room)
        grow(positions);
    struct slot *slot = slot_of(positions->slots, positions->room, district, squad);
    int64_t before = slot->position;
    if (before == 0) {
        positions->count++;
        slot->district_length = (uint8_t)district.length;
        slot->squad_length = (uint8_t)squad.length;
        memcpy(slot->district, district.at, district.length);
        memcpy(slot->squad, squad.at, squad.length);
    }
    slot->position = position;
    return before;
}
