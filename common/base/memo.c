#include "base/memo.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;            /* in its slot's chain */
    struct entry *older, *younger; /* by when it was last touched */
    int64_t id;
    size_t district_length, value_length;
    char at[]; /* the district, then the value */
};

struct memo {
    struct entry *oldest, *youngest;
    size_t count, count_max;
    size_t bytes, bytes_max;
    struct entry *slots[]; /* as many as entries at most */
};

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

struct memo *memo_new(size_t count_max, size_t bytes_max)
{
    assert(count_max > 0 && (count_max & (count_max - 1)) == 0);
    struct memo *memo = checked(calloc(1, sizeof *memo + count_max * sizeof(struct entry *)));
    memo->count_max = count_max;
    memo->bytes_max = bytes_max;
    return memo;
}

void memo_destroy(struct memo **memo)
{
    if (*memo == NULL)
        return;
    memo_clear(*memo);
    free(*memo);
    *memo = NULL;
}

static size_t entry_size(size_t district_length, size_t value_length)
{
    return sizeof(struct entry) + district_length + value_length;
}

/* Where the pointer to the entry is, or would be. */
static struct entry **entry_place(struct memo *memo, struct text district, int64_t id)
{
    uint64_t hash = (text_hash(district) + (uint64_t)id) * 0x9E3779B97F4A7C15u;
    struct entry **place = &memo->slots[(size_t)(hash >> 32) & (memo->count_max - 1)];
    while (*place != NULL &&
           ((*place)->id != id ||
            !text_equal(district, (struct text){(*place)->at, (*place)->district_length})))
        place = &(*place)->next;
    return place;
}

static void unlink_by_age(struct memo *memo, struct entry *entry)
{
    *(entry->older == NULL ? &memo->oldest : &entry->older->younger) = entry->younger;
    *(entry->younger == NULL ? &memo->youngest : &entry->younger->older) = entry->older;
}

static void make_youngest(struct memo *memo, struct entry *entry)
{
    entry->older = memo->youngest;
    entry->younger = NULL;
    *(memo->youngest == NULL ? &memo->oldest : &memo->youngest->younger) = entry;
    memo->youngest = entry;
}

static void entry_forget(struct memo *memo, struct entry **place)
{
    struct entry *entry = *place;
    *place = entry->next;
    unlink_by_age(memo, entry);
    memo->count--;
    memo->bytes -= entry_size(entry->district_length, entry->value_length);
    free(entry);
}

void memo_drop(struct memo *memo, struct text district, int64_t id)
{
    struct entry **place = entry_place(memo, district, id);
    if (*place != NULL)
        entry_forget(memo, place);
}

static void forget_oldest(struct memo *memo)
{
    const struct entry *entry = memo->oldest;
    memo_drop(memo, (struct text){entry->at, entry->district_length}, entry->id);
}

void memo_clear(struct memo *memo)
{
    while (memo->count > 0)
        forget_oldest(memo);
}

void memo_put(struct memo *memo, struct text district, int64_t id, struct bytes value)
{
    size_t size = entry_size(district.length, value.length);
    memo_drop(memo, district, id);
    if (size > memo->bytes_max)
        return;
    while (memo->count == memo->count_max || memo->bytes + size > memo->bytes_max)
        forget_oldest(memo);
    struct entry *entry = checked(malloc(size));
    *entry =
        (struct entry){.id = id, .district_length = district.length, .value_length = value.length};
    memcpy(entry->at, district.at, district.length);
    if (value.length > 0)
        memcpy(entry->at + district.length, value.at, value.length);
    *entry_place(memo, district, id) = entry;
    make_youngest(memo, entry);
    memo->count++;
    memo->bytes += size;
}

bool memo_get(struct memo *memo, struct text district, int64_t id, struct arena *arena,
              struct bytes *value)
{
    struct entry *entry = *entry_place(memo, district, id);
    if (entry == NULL)
        return false;
    unlink_by_age(memo, entry);
    make_youngest(memo, entry);
    *value = arena_bytes(arena, (struct bytes){(const uint8_t *)entry->at + entry->district_length,
                                               entry->value_length});
    return true;
}

_Static_assert(sizeof(struct text) == sizeof(struct bytes) &&
                   offsetof(struct text, length) == offsetof(struct bytes, length),
               "one stands for the other here");

static struct text text_at(const void *row, size_t offset)
{
    struct text text;
    memcpy(&text, (const char *)row + offset, sizeof text);
    return text;
}

struct bytes memo_pack(const struct memo_shape *shape, const void *row, struct arena *arena)
{
    size_t length = shape->size;
    for (size_t i = 0; i < shape->text_count; i++)
        length += text_at(row, shape->texts[i]).length;
    uint8_t *packed = arena_alloc(arena, length), *at = packed + shape->size;
    memcpy(packed, row, shape->size);
    for (size_t i = 0; i < shape->text_count; i++) {
        struct text text = text_at(row, shape->texts[i]);
        if (text.length > 0)
            memcpy(at, text.at, text.length);
        at += text.length;
    }
    return (struct bytes){packed, length};
}

void memo_unpack(const struct memo_shape *shape, struct bytes packed, void *row)
{
    assert(packed.length >= shape->size);
    memcpy(row, packed.at, shape->size);
    const char *at = (const char *)packed.at + shape->size;
    for (size_t i = 0; i < shape->text_count; i++) {
        struct text text = text_at(row, shape->texts[i]);
        text.at = at;
        memcpy((char *)row + shape->texts[i], &text, sizeof text);
        at += text.length;
    }
    assert(at == (const char *)packed.at + packed.length);
}

size_t memo_count(const struct memo *memo)
{
    return memo->count;
}

size_t memo_bytes(const struct memo *memo)
{
    return memo->bytes;
}
