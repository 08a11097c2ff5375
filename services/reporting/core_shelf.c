/* The orders that one batch touches, found by district and number. */
#include <string.h>

#include "services/reporting/core.h"

#define SHELF_FIRST_ROWS 64 /* a power of two */

struct shelf {
    struct arena *arena;
    struct shelf_row **rows;
    size_t count, room;
    struct shelf_row **slots; /* linear probing, at most half full */
    size_t slot_count;
};

struct shelf *shelf_new(struct arena *arena)
{
    struct shelf *shelf = arena_alloc(arena, sizeof *shelf);
    shelf->arena = arena;
    shelf->room = SHELF_FIRST_ROWS;
    shelf->rows = arena_array(arena, shelf->room, sizeof(struct shelf_row *));
    shelf->slot_count = 2 * SHELF_FIRST_ROWS;
    shelf->slots = arena_array(arena, shelf->slot_count, sizeof(struct shelf_row *));
    return shelf;
}

static struct shelf_row **shelf_slot(const struct shelf *shelf, struct text district, int64_t order)
{
    /* Fibonacci hashing spreads consecutive numbers. */
    uint64_t hash = ((uint64_t)order + text_hash(district)) * 0x9E3779B97F4A7C15u;
    size_t at = (size_t)(hash >> 32) & (shelf->slot_count - 1);
    for (;; at = (at + 1) & (shelf->slot_count - 1)) {
        const struct shelf_row *there = shelf->slots[at];
        if (there == NULL ||
            (there->row.order == order && text_equal(there->row.district, district)))
            return &shelf->slots[at];
    }
}

static void shelf_grow(struct shelf *shelf)
{
    struct shelf_row **rows =
        arena_array(shelf->arena, 2 * shelf->room, sizeof(struct shelf_row *));
    memcpy(rows, shelf->rows, shelf->count * sizeof(struct shelf_row *));
    shelf->rows = rows;
    shelf->room *= 2;
    shelf->slot_count *= 2;
    shelf->slots = arena_array(shelf->arena, shelf->slot_count, sizeof(struct shelf_row *));
    for (size_t i = 0; i < shelf->count; i++)
        *shelf_slot(shelf, rows[i]->row.district, rows[i]->row.order) = rows[i];
}

struct shelf_row *shelf_order(struct shelf *shelf, struct text district, int64_t order)
{
    struct shelf_row **slot = shelf_slot(shelf, district, order);
    if (*slot != NULL)
        return *slot;
    if (shelf->count == shelf->room) {
        shelf_grow(shelf);
        slot = shelf_slot(shelf, district, order);
    }
    struct shelf_row *row = arena_alloc(shelf->arena, sizeof *row);
    order_row_clear(&row->row);
    row->row.district = district;
    row->row.order = order;
    *slot = row;
    shelf->rows[shelf->count++] = row;
    return row;
}

size_t shelf_rows(const struct shelf *shelf, struct shelf_row *const **rows)
{
    *rows = (struct shelf_row *const *)shelf->rows;
    return shelf->count;
}
