/* A squad's weekly service hours and days off, and whether a window fits them. Pure.
 *
 *   1-5 08:30-11:30,14:00-17:00; 6 09:00-12:00
 *
 * Weekdays from 1 (Monday) to 7, single, as a range, or several with commas between; then the
 * stretches of such a day, to 24:00 at most, which may touch but not overlap; `;` between rules.
 * A weekday without a rule is closed; the empty text is open at any time. */
#ifndef ZTC_DOMAIN_HOURS_H
#define ZTC_DOMAIN_HOURS_H

#include "base/instant.h"

#define HOURS_STRETCHES_MAX 64 /* over the whole week */

struct hours_stretch {
    int weekday;    /* 1: Monday */
    int start, end; /* minutes of the day, [start, end) */
};
struct hours {
    struct hours_stretch stretches[HOURS_STRETCHES_MAX];
    size_t count; /* 0: any time */
};

/* False: it is not written as above. */
bool hours_parse(struct text t, struct hours *hours);

/* True when the window [start, end) lies wholly within one stretch of one local day. Unknown zones
 * fit nothing. */
bool hours_fit(const struct hours *hours, struct text zone, int64_t start, int64_t end);
/* The first of the days off (dates as text_is_date) that the window meets; empty: none. */
struct text hours_day_off(const struct text *days_off, size_t count, struct text zone,
                          int64_t start, int64_t end);

#endif
