/* An order as one piece of bytes, to be remembered between batches. */
#include <stddef.h>

#include "base/memo.h"
#include "services/intake/core.h"

static const size_t texts[] = {
    offsetof(struct intake_order, district),    offsetof(struct intake_order, place),
    offsetof(struct intake_order, town),        offsetof(struct intake_order, feed),
    offsetof(struct intake_order, external_id), offsetof(struct intake_order, wish),
};
static const struct memo_shape shape = {sizeof(struct intake_order), texts,
                                        sizeof texts / sizeof *texts};

struct bytes intake_order_pack(const struct intake_order *order, struct arena *arena)
{
    return memo_pack(&shape, order, arena);
}

void intake_order_unpack(struct intake_order *order, struct bytes packed)
{
    memo_unpack(&shape, packed, order);
}
