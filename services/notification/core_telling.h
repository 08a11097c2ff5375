/* Who is told of an event: notices for the inboxes and deliveries to endpoints, by the rulebook.
 * Pure. */
#ifndef ZTC_NOTIFICATION_CORE_TELLING_H
#define ZTC_NOTIFICATION_CORE_TELLING_H

#include "services/notification/core_rulebook.h"

/* An order's event with what its order is known by from earlier ones. */
struct happening {
    const struct event *event; /* its data is decoded */
    struct parties parties;
    enum urgency urgency;
    struct text feed; /* that the order came from; empty: none */
};
/* Fills `parties`, and from an event that says them the urgency and the feed; what others leave
 * open stays as it was given. False: it is not an order's event. */
bool happening_read(const struct event *event, struct happening *happening);
/* True when it says of the order what later events are judged by and do not say: an urgency that is
 * not normal, a feed. */
bool happening_is_marked(const struct happening *happening);

/* Who finds it in the inbox. A department's own rules are looked up by whose squad it is now. */
size_t notices_of(const struct happening *happening, const struct rulebook *book,
                  const struct directory *directory, struct notice notices[SIDE_COUNT]);

/* An endpoint that it is sent to. */
#define DELIVERIES_MAX (ENDPOINTS_MAX * (SIDE_COUNT + 3))
struct delivery {
    struct text organisation; /* whose endpoint it is */
    struct text endpoint;
    enum side side;           /* as which it may see the event */
    int quiet_from, quiet_to; /* QUIET_NONE: at any hour; critical ones are never held back */
};
size_t deliveries_of(const struct happening *happening, const struct rulebook *book,
                     const struct directory *directory, struct delivery deliveries[DELIVERIES_MAX]);

#endif
