/* An order's row as one piece of bytes, to be remembered between batches: the struct, then its
 * texts. */
#include <assert.h>
#include <string.h>

#include "services/reporting/core.h"

#define ROW_TEXTS 8

static void row_texts(struct order_row *row, struct text *texts[ROW_TEXTS])
{
    struct text *const all[ROW_TEXTS] = {&row->district, &row->place,       &row->town,
                                         &row->feed,     &row->external_id, &row->category,
                                         &row->activity, &row->squad};
    memcpy(texts, all, sizeof all);
}

struct bytes order_row_pack(const struct order_row *row, struct arena *arena)
{
    struct order_row copy = *row;
    struct text *texts[ROW_TEXTS];
    row_texts(&copy, texts);
    size_t length = sizeof copy;
    for (int i = 0; i < ROW_TEXTS; i++)
        length += texts[i]->length;
    uint8_t *packed = arena_alloc(arena, length), *at = packed + sizeof copy;
    for (int i = 0; i < ROW_TEXTS; i++) {
        if (texts[i]->length > 0)
            memcpy(at, texts[i]->at, texts[i]->length);
        at += texts[i]->length;
    }
    memcpy(packed, &copy, sizeof copy);
    return (struct bytes){packed, length};
}

void order_row_unpack(struct order_row *row, struct bytes packed)
{
    assert(packed.length >= sizeof *row);
    memcpy(row, packed.at, sizeof *row);
    const char *at = (const char *)packed.at + sizeof *row;
    struct text *texts[ROW_TEXTS];
    row_texts(row, texts);
    for (int i = 0; i < ROW_TEXTS; i++) {
        texts[i]->at = at;
        at += texts[i]->length;
    }
    assert(at == (const char *)packed.at + packed.length);
}
