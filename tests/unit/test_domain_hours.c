/* A squad's weekly hours and days off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/hours.h"

static const struct text shanghai = {"Asia/Shanghai", 13};

static int64_t at(const char *rfc3339)
{
    int64_t instant;
    assert_true(instant_parse(text_of(rfc3339), &instant));
    return instant;
}

static void what_is_written_as_hours(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } fine[] = {{"", 0},
                {"1 09:00-10:00", 1},
                {"1-5 08:30-11:30,14:00-17:00; 6 09:00-12:00", 11},
                {"1,3,5 00:00-24:00", 3},
                {"1-2,7 09:00-10:00;3 09:00-10:00", 4},
                {" 1 09:00-10:00, 10:00-11:00 ", 2},
                {"1-7 00:00-01:00,01:00-02:00,02:00-03:00,03:00-04:00,04:00-05:00,05:00-06:00,"
                 "06:00-07:00,07:00-08:00,08:00-09:00",
                 63}};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        struct hours hours;
        assert_true(hours_parse(text_of(fine[i].text), &hours));
        assert_int_equal(hours.count, fine[i].count);
    }
}

#define TOO_MANY                                                                                   \
    "1-7 00:00-01:00,01:00-02:00,02:00-03:00,03:00-04:00,04:00-05:00,05:00-06:00,06:00-07:00,"     \
    "07:00-08:00,08:00-09:00,09:00-10:00"

static void what_is_not(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        " ",
        "1",
        "1 ",
        "0 09:00-10:00",
        "8 09:00-10:00",
        "5-1 09:00-10:00",
        "1,1 09:00-10:00",
        "1-3,2 09:00-10:00",
        "1 9:00-10:00",
        "1 09:60-10:00",
        "1 09:00-24:01",
        "1 09:00-25:00",
        "1 10:00-10:00",
        "1 11:00-10:00",
        "1 09:00",
        "1 09:00-10:00,",
        "1 09:00-10:00;",
        "1 09:00-10:00x",
        "1 09:00-11:00,10:00-12:00",
        "1 09:00-11:00; 1-5 10:00-12:00",
        "Mon 09:00-10:00",
        TOO_MANY,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct hours hours;
        if (hours_parse(text_of(wrong[i]), &hours))
            fail_msg("taken for hours: %s", wrong[i]);
    }
}

/* 2030-04-29 is a Monday; Shanghai is eight hours ahead. */
static void what_fits(void **state)
{
    (void)state;
    static const struct {
        const char *start, *end;
        bool fits;
    } cases[] = {
        {"2030-04-29T08:30:00+08:00", "2030-04-29T11:30:00+08:00", true},
        {"2030-04-29T08:29:59.999+08:00", "2030-04-29T11:30:00+08:00", false},
        {"2030-04-29T08:30:00+08:00", "2030-04-29T11:30:00.001+08:00", false},
        {"2030-04-29T08:30:00+08:00", "2030-04-29T14:30:00+08:00", false},
        {"2030-04-29T08:30:00+08:00", "2030-04-30T11:30:00+08:00", false},
        {"2030-05-04T20:00:00+08:00", "2030-05-05T00:00:00+08:00", true}, /* Saturday, to 24:00 */
        {"2030-05-05T00:00:00+08:00", "2030-05-05T01:00:00+08:00", false},
        {"2030-04-28T22:00:00Z", "2030-04-28T23:00:00Z", false}, /* a Monday there, too early */
        {"2030-04-29T01:00:00Z", "2030-04-29T02:00:00Z", true},
    };
    struct hours hours, any;
    assert_true(hours_parse(TEXT("1-5 08:30-11:30,14:00-17:00; 6 20:00-24:00"), &hours));
    assert_true(hours_parse(TEXT(""), &any));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t start = at(cases[i].start), end = at(cases[i].end);
        if (hours_fit(&hours, shanghai, start, end) != cases[i].fits)
            fail_msg("%s to %s", cases[i].start, cases[i].end);
        assert_true(hours_fit(&any, shanghai, start, end));
    }
    assert_false(hours_fit(&hours, TEXT("no/zone"), at(cases[0].start), at(cases[0].end)));
}

/* Every weekday of four centuries' turns, against a count from a known Thursday. */
static void weekdays_are_the_calendars(void **state)
{
    (void)state;
    const int64_t day = INT64_C(86400000);
    for (int64_t number = -20000; number < 80000; number += 13) {
        int weekday = (int)(((number + 3) % 7 + 7) % 7) + 1; /* 1970-01-01 was a Thursday */
        for (int wanted = 1; wanted <= 7; wanted++) {
            struct hours hours = {{{wanted, 0, 1440}}, 1};
            assert_int_equal(hours_fit(&hours, TEXT("UTC"), number * day, (number + 1) * day),
                             wanted == weekday);
        }
    }
}

static void days_off_are_local(void **state)
{
    (void)state;
    const struct text days[] = {TEXT("2030-05-01"), TEXT("2030-05-03")};
    int64_t midnight = at("2030-05-01T00:00:00+08:00"), hour = INT64_C(3600000);
#define OFF(start, end) hours_day_off(days, 2, shanghai, start, end)
    assert_int_equal(OFF(midnight - hour, midnight).length, 0);
    assert_true(text_equal(OFF(midnight - hour, midnight + 1), days[0]));
    assert_true(text_equal(OFF(midnight, midnight + hour), days[0]));
    assert_int_equal(OFF(midnight + 24 * hour, midnight + 48 * hour).length, 0);
    assert_true(text_equal(OFF(midnight + 24 * hour, midnight + 49 * hour), days[1]));
    assert_true(text_equal(OFF(midnight - 100 * hour, midnight + 200 * hour), days[0]));
    assert_int_equal(hours_day_off(days, 0, shanghai, midnight, midnight + hour).length, 0);
#undef OFF
    /* The day on which clocks go forward has 23 hours: it lies between two instants a day apart. */
    const struct text short_day[] = {TEXT("2026-03-29")};
    assert_true(
        text_equal(hours_day_off(short_day, 1, TEXT("Europe/Berlin"),
                                 at("2026-03-28T23:30:00+01:00"), at("2026-03-30T10:00:00+02:00")),
                   short_day[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_as_hours),
        cmocka_unit_test(what_is_not),
        cmocka_unit_test(what_fits),
        cmocka_unit_test(weekdays_are_the_calendars),
        cmocka_unit_test(days_off_are_local),
    };
    return cmocka_run_group_tests_name("domain: hours", tests, NULL, NULL);
}
