/* Who and what an order's event is about, whatever its type: the fields that events.def gives to
 * several of them. */
#ifndef ZTC_EVENTS_PARTIES_H
#define ZTC_EVENTS_PARTIES_H

#include "events/envelope.h"

/* What the type does not have is empty, 0 or -1 (state). */
struct parties {
    int64_t order;
    int state; /* enum order_state */
    int64_t assignment;
    struct text by, place, town, squad, feed, external_id;
};

/* True for the types that tell of an order's life: their first field is `order` of ORDER_HEAD. */
bool event_is_of_order(enum event_type type);
/* Of an event whose data is decoded. False: it is not an order's event. */
bool event_parties(const struct event *event, struct parties *parties);

#endif
