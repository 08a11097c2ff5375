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

/* Of an event whose data is decoded. False: it is not an order's event (its type has no field
 * `order` of ORDER_HEAD). */
bool event_parties(const struct event *event, struct parties *parties);

#endif
