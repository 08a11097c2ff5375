/* An order's row as one piece of bytes, to be remembered between batches. */
#include <stddef.h>

#include "base/memo.h"
#include "services/reporting/core.h"

static const size_t texts[] = {
    offsetof(struct order_row, district),    offsetof(struct order_row, place),
    offsetof(struct order_row, town),        offsetof(struct order_row, feed),
    offsetof(struct order_row, external_id), offsetof(struct order_row, category),
    offsetof(struct order_row, activity),    offsetof(struct order_row, squad),
};
static const struct memo_shape shape = {sizeof(struct order_row), texts,
                                        sizeof texts / sizeof *texts};

struct bytes order_row_pack(const struct order_row *row, struct arena *arena)
{
    return memo_pack(&shape, row, arena);
}

void order_row_unpack(struct order_row *row, struct bytes packed)
{
    memo_unpack(&shape, packed, row);
}
