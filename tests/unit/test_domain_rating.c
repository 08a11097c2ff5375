#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/rating.h"

#define MAX RATING_COUNTED_MAX

static void assert_rated(struct rating_sums sums, int64_t milli, int stars)
{
    assert_int_equal(rating_mean_milli(&sums), milli);
    assert_int_equal(rating_stars(&sums), stars);
}

static void means_are_shrunk_to_the_districts(void **state)
{
    (void)state;
    assert_rated((struct rating_sums){0, 0, 0, 0}, 3000, 3);   /* nobody said anything */
    assert_rated((struct rating_sums){0, 0, 10, 42}, 4200, 4); /* the district's mean */
    assert_rated((struct rating_sums){3, 15, 100, 400}, 4231,
                 4); /* three friendly votes: 55 / 13 */
    assert_rated((struct rating_sums){300, 1470, 1000, 4000}, 4871,
                 5); /* do not beat three hundred: 1510 / 310 */
    assert_rated((struct rating_sums){1, 5, 1, 5}, 5000, 5);
    assert_rated((struct rating_sums){1, 1, 1, 1}, 1000, 1);
}

static void halves_go_up(void **state)
{
    (void)state;
    assert_rated((struct rating_sums){10, 50, 10000, 40000}, 4500, 5);
    assert_rated((struct rating_sums){10, 49, 10000, 40000}, 4450, 4);
    assert_rated((struct rating_sums){0, 0, 2, 5}, 2500, 3);
    assert_rated((struct rating_sums){0, 0, 2, 3}, 1500, 2);
    /* 2.4999…: thousandths round to 2.500, stars do not. */
    assert_rated((struct rating_sums){0, 0, MAX, 2499999999}, 2500, 2);
    assert_rated((struct rating_sums){0, 0, 10000, 10005}, 1001, 1); /* 1.0005 */
    assert_rated((struct rating_sums){0, 0, 100000, 100049}, 1000, 1);
}

static void the_largest_sums_do_not_overflow(void **state)
{
    (void)state;
    assert_rated((struct rating_sums){MAX, 5LL * MAX, MAX, 5LL * MAX}, 5000, 5);
    assert_rated((struct rating_sums){MAX, MAX, MAX, MAX}, 1000, 1);
    assert_rated((struct rating_sums){MAX - 1, 4LL * (MAX - 1), MAX, 4LL * MAX - 3}, 4000, 4);
}

/* Against a plain computation with 128 bits. */
static void every_small_quarter_is_exact(void **state)
{
    (void)state;
    for (int64_t counted = 0; counted <= 12; counted++)
        for (int64_t total = counted; total <= 5 * counted; total++)
            for (int64_t others = 0; others <= 7; others++)
                for (int64_t other_total = others; other_total <= 5 * others; other_total++) {
                    struct rating_sums sums = {counted, total, counted + others,
                                               total + other_total};
                    int64_t n, d;
                    rating_fraction(&sums, &n, &d);
                    assert_true(d > 0);
                    __int128 thousandths = ((__int128)2000 * n + d) / ((__int128)2 * d);
                    assert_int_equal(rating_mean_milli(&sums), (int64_t)thousandths);
                    assert_int_equal(rating_stars(&sums), (2 * n + d) / (2 * d));
                    assert_true(rating_stars(&sums) >= 1 && rating_stars(&sums) <= 5);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_shrunk_to_the_districts),
        cmocka_unit_test(halves_go_up),
        cmocka_unit_test(the_largest_sums_do_not_overflow),
        cmocka_unit_test(every_small_quarter_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
