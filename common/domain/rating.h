/* Stars of a squad's quarter under the scheme "provisional": the mean satisfaction of the quarter's
 * confirmations, shrunk to the district's mean with weight 10 (an empirical-Bayes style prior of
 * ten average votes; product.md §7.2: "small samples shrunk towards the district mean"), rounded
 * half up to 1–5. Exact integer arithmetic, so that anyone gets the same. */
#ifndef ZTC_DOMAIN_RATING_H
#define ZTC_DOMAIN_RATING_H

#include <stdint.h>

#define RATING_SCHEME "provisional"
#define RATING_WEIGHT 10
#define RATING_COUNTED_MAX                                                                         \
    1000000000 /* confirmations of a quarter; keeps the arithmetic within 64 bits */

/* `total` is the sum of `counted` satisfactions of 1–5; the district's include the squad's own.
 * With no confirmation in the district its mean is 3.0. */
struct rating_sums {
    int64_t counted, total;
    int64_t district_counted, district_total;
};

/* The shrunken mean as a fraction, numerator / denominator > 0. */
void rating_fraction(const struct rating_sums *sums, int64_t *numerator, int64_t *denominator);
int rating_stars(const struct rating_sums *sums);
/* The shrunken mean in thousandths, rounded half up, for showing: 4273 is 4.273. */
int64_t rating_mean_milli(const struct rating_sums *sums);

#endif
