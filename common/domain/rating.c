#include "domain/rating.h"

#include <assert.h>
#include <stdbool.h>

#define STARS_MIN    1
#define STARS_MAX    5
#define MEAN_UNKNOWN 3 /* the district's mean while nobody confirmed anything */

/* Up to RATING_COUNTED_MAX confirmations the products below fit: 5e9 × 1e9 and 1e9 × 1e9. */
static bool sums_fit(int64_t counted, int64_t total)
{
    return counted >= 0 && counted <= RATING_COUNTED_MAX && total >= counted * STARS_MIN &&
           total <= counted * STARS_MAX;
}

void rating_fraction(const struct rating_sums *sums, int64_t *numerator, int64_t *denominator)
{
    assert(sums_fit(sums->counted, sums->total));
    assert(sums_fit(sums->district_counted, sums->district_total));
    bool known = sums->district_counted > 0;
    int64_t prior_counted = known ? sums->district_counted : 1;
    int64_t prior_total = known ? sums->district_total : MEAN_UNKNOWN;
    *numerator = sums->total * prior_counted + RATING_WEIGHT * prior_total;
    *denominator = (sums->counted + RATING_WEIGHT) * prior_counted;
}

int rating_stars(const struct rating_sums *sums)
{
    int64_t numerator, denominator;
    rating_fraction(sums, &numerator, &denominator);
    int64_t whole = numerator / denominator;
    int64_t rest = numerator % denominator;
    int64_t stars =
        whole + (rest >= denominator - rest ? 1 : 0); /* twice the rest might overflow */
    return (int)(stars < STARS_MIN ? STARS_MIN : stars > STARS_MAX ? STARS_MAX : stars);
}

int64_t rating_mean_milli(const struct rating_sums *sums)
{
    int64_t numerator, denominator;
    rating_fraction(sums, &numerator, &denominator);
    uint64_t below = (uint64_t)denominator;
    uint64_t rest = (uint64_t)(numerator % denominator);
    uint64_t milli = (uint64_t)(numerator / denominator);
    for (int digit = 0; digit < 3;
         digit++) { /* long division: a thousand times the rest would overflow */
        rest *= 10;
        milli = milli * 10 + rest / below;
        rest %= below;
    }
    return (int64_t)(milli + (rest >= below - rest ? 1 : 0));
}
