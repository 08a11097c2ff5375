/* One order's life as its events, decoded, for tests of the services that consume them: of 回龙村
 * (village) in 邱隘镇 (town), served by the squad "shebao". Each call adds the next version at the
 * life's clock, which then moves on by a minute. */
#ifndef ZTC_TESTS_UNIT_LIFE_H
#define ZTC_TESTS_UNIT_LIFE_H

#include "events/envelope.h"

#define LIFE_EVENTS_MAX 64
#define LIFE_DISTRICT   "330212"
#define LIFE_PLACE      "330212106209"
#define LIFE_TOWN       "330212106"
#define LIFE_SQUAD      "shebao"

struct life {
    struct arena *arena;
    int64_t order;
    int64_t assignment;
    int64_t clock;      /* time of the next event; recorded is a second later */
    int64_t offsets[2]; /* last ones of intake and dispatch */
    struct text squad;  /* whom the next events are about */
    struct text place;
    struct event events[LIFE_EVENTS_MAX];
    size_t count;
};

void life_begin(struct life *life, struct arena *arena, int64_t order, int64_t clock);

/* Each returns the event added; it may be changed before it is used. `by` is empty for the system.
 */
struct event *life_submitted(struct life *life);
struct event *life_returned(struct life *life);
struct event *life_resubmitted(struct life *life);
struct event *life_withdrawn(struct life *life);
struct event *life_placed(struct life *life);
struct event *life_opened_external(struct life *life);
struct event *life_offered(struct life *life, const char *squad);
struct event *life_accepted(struct life *life);
struct event *life_declined(struct life *life);
struct event *life_escalated(struct life *life);
struct event *life_checked_in(struct life *life);
struct event *life_completed(struct life *life, int64_t people_served);
struct event *life_confirmed(struct life *life, int64_t satisfaction);
struct event *life_reopened(struct life *life);
struct event *life_cancelled(struct life *life, const char *by);
struct event *life_closed_external(struct life *life);

/* The district, its committee, two towns, two villages, a site without a key under the first
 * village, a department with two squads and one with none, a feed, a surveyor. */
struct directory *life_directory(void);

#endif
