/* What the cases of ztc play share: sending a step and printing it, asking, the days. */
#ifndef ZTC_CLI_PLAY_H
#define ZTC_CLI_PLAY_H

#include <jansson.h>

#include "cli/link.h"

#define PLAY_FIRST_HOUR 9
#define PLAY_LAST_HOUR  17
#define PLAY_DAYS_MAX   365 /* how far ahead a free day is looked for */
#define PLAY_DAY_MS     (INT64_C(24) * 60 * 60 * 1000)
#define PLAY_ID_BYTES   8

struct play {
    struct link_options link;
    const char *day, *which;
    struct arena *arena;
    struct session *query;
    int64_t order;
    int number;                /* of the step, for printing */
    int64_t first_start;       /* 09:00 of the first day */
    struct position_list last; /* of the last step's events */
    enum refusal_code refused; /* of the last step */
    int code;
};

/* Sends one step in somebody's name; false: refused or unanswered, which is told unless the refusal
 * is `expected`. */
bool play_step(struct play *play, struct session *feed, const char *who, enum command_type type,
               const void *body, enum refusal_code expected);
/* The answer of a query as JSON, to be released, seen after the last step when `after`; NULL: told.
 */
json_t *play_ask(struct play *play, enum query_type type, void *body, bool after);
/* Dispatch offers by itself once it knows the order: waited for on the order's page. */
bool play_offer_wait(struct play *play);
bool play_page_print(struct play *play);
int64_t play_day_start(const struct play *play, int day);
int64_t play_day_end(const struct play *play, int day);

/* play_joint.c: the joint session of 划船社区. Sets play->code when it does not come to its end. */
bool play_joint(struct play *play);

#endif
