#include "domain/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64

static void *resized(void *memory, size_t count, size_t size)
{
    void *more = reallocarray(memory, count, size);
    if (more == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return more;
}

/* The slot of this key, or the free one where it belongs. */
static uint32_t *slot_of(const struct table *table, struct text first, struct text second)
{
    uint64_t hash = text_hash(first) * 31 + text_hash(second);
    size_t at = (size_t)(hash ^ hash >> 32) & (table->slot_count - 1);
    while (table->slots[at] != 0) {
        const struct table_key *there = table->entries[table->slots[at] - 1];
        if (text_equal(there->second, second) && text_equal(there->first, first))
            break;
        at = (at + 1) & (table->slot_count - 1);
    }
    return &table->slots[at];
}

void *table_find(const struct table *table, struct text first, struct text second)
{
    if (table->count == 0)
        return NULL;
    uint32_t slot = *slot_of(table, first, second);
    return slot == 0 ? NULL : table->entries[slot - 1];
}

static void slots_grow(struct table *table)
{
    table->slot_count = table->slot_count == 0 ? SLOTS_FIRST : table->slot_count * 2;
    table->slots = resized(table->slots, table->slot_count, sizeof *table->slots);
    memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    for (size_t i = 0; i < table->count; i++)
        *slot_of(table, table->entries[i]->first, table->entries[i]->second) = (uint32_t)i + 1;
}

void table_add(struct table *table, struct table_key *entry)
{
    if (table->count == table->room) {
        table->room = table->room == 0 ? SLOTS_FIRST / 2 : table->room * 2;
        table->entries = resized(table->entries, table->room, sizeof *table->entries);
    }
    if (2 * (table->count + 1) > table->slot_count)
        slots_grow(table);
    assert(table->count < UINT32_MAX);
    uint32_t *slot = slot_of(table, entry->first, entry->second);
    assert(*slot == 0);
    table->entries[table->count++] = entry;
    *slot = (uint32_t)table->count;
}

void table_clear(struct table *table)
{
    free(table->entries);
    free(table->slots);
    *table = (struct table){0};
}
