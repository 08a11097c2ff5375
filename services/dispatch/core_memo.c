/* An order as one piece of bytes, to be remembered between batches: first what needs alignment, of
 * the seats those that are taken, then the texts. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "services/dispatch/core.h"

#define HEAD_BYTES offsetof(struct dispatch_order, seats)

struct packing {
    uint8_t *at; /* NULL: only the length is wanted */
    size_t length;
};

static void put(struct packing *packing, const void *from, size_t length)
{
    if (packing->at != NULL && length > 0)
        memcpy(packing->at + packing->length, from, length);
    packing->length += length;
}

static void put_text(struct packing *packing, struct text text)
{
    put(packing, text.at, text.length);
}

static void put_order(struct packing *packing, const struct dispatch_order *order)
{
    size_t taken = 0;
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        taken += order->seats[seat].id != 0;
    put(packing, order, HEAD_BYTES);
    put(packing, &taken, sizeof taken);
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        if (order->seats[seat].id != 0)
            put(packing, &order->seats[seat], sizeof order->seats[seat]);
    put(packing, order->past, order->past_count * sizeof *order->past);
    put(packing, order->candidates.items, order->candidates.count * sizeof(struct text));
    put_text(packing, order->district);
    put_text(packing, order->place);
    put_text(packing, order->town);
    put_text(packing, order->feed);
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        if (order->seats[seat].id != 0) {
            put_text(packing, order->seats[seat].squad);
            put(packing, order->seats[seat].outcome.at, order->seats[seat].outcome.length);
        }
    for (size_t i = 0; i < order->candidates.count; i++)
        put_text(packing, order->candidates.items[i]);
}

struct bytes dispatch_order_pack(const struct dispatch_order *order, struct arena *arena)
{
    struct packing packing = {NULL, 0};
    put_order(&packing, order);
    packing = (struct packing){arena_alloc(arena, packing.length), 0};
    put_order(&packing, order);
    return (struct bytes){packing.at, packing.length};
}

static const uint8_t *take(struct bytes *left, size_t length)
{
    const uint8_t *at = left->at;
    assert(left->length >= length);
    left->at += length;
    left->length -= length;
    return at;
}

static void *take_copy(struct bytes *left, struct arena *arena, size_t count, size_t size)
{
    void *copy = arena_array(arena, count, size);
    memcpy(copy, take(left, count * size), count * size);
    return copy;
}

static void take_text(struct bytes *left, struct text *text)
{
    text->at = (const char *)take(left, text->length);
}

void dispatch_order_unpack(struct dispatch_order *order, struct bytes packed, struct arena *arena)
{
    size_t taken;
    *order = (struct dispatch_order){.id = 0};
    memcpy(order, take(&packed, HEAD_BYTES), HEAD_BYTES);
    memcpy(&taken, take(&packed, sizeof taken), sizeof taken);
    for (; taken > 0; taken--) {
        struct dispatch_assignment part;
        memcpy(&part, take(&packed, sizeof part), sizeof part);
        assert(part.seat >= 1 && part.seat <= DISPATCH_SEATS_MAX);
        order->seats[part.seat - 1] = part;
    }
    order->past = take_copy(&packed, arena, order->past_count, sizeof *order->past);
    struct text *candidates =
        take_copy(&packed, arena, order->candidates.count, sizeof *candidates);
    order->candidates.items = candidates;
    take_text(&packed, &order->district);
    take_text(&packed, &order->place);
    take_text(&packed, &order->town);
    take_text(&packed, &order->feed);
    for (int seat = 0; seat < DISPATCH_SEATS_MAX; seat++)
        if (order->seats[seat].id != 0) {
            take_text(&packed, &order->seats[seat].squad);
            order->seats[seat].outcome.at = take(&packed, order->seats[seat].outcome.length);
        }
    for (size_t i = 0; i < order->candidates.count; i++)
        take_text(&packed, &candidates[i]);
    assert(packed.length == 0);
}
