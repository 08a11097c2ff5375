#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/instant.h"

#define HOUR_MS 3600000LL
#define DAY_MS  86400000LL

static int64_t parsed(const char *rfc3339)
{
    int64_t instant = INSTANT_ABSENT;
    assert_true(instant_parse(text_of(rfc3339), &instant));
    return instant;
}

static void assert_civil(const char *zone, struct civil civil, const char *utc)
{
    int64_t instant = INSTANT_ABSENT;
    char buffer[INSTANT_TEXT_MAX];
    assert_true(instant_from_civil(text_of(zone), civil, &instant));
    assert_string_equal(instant_format(instant, buffer), utc);
}

static void texts_are_read_as_rfc_3339_says(void **state)
{
    (void)state;
    assert_int_equal(parsed("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parsed("2026-03-01T09:00:00.000+08:00"), 1772326800000);
    assert_int_equal(parsed("2026-03-01t01:00:00.5z"), 1772326800500);
    assert_int_equal(parsed("2026-02-28T20:00:00.1239-05:00"), 1772326800123);
    assert_int_equal(parsed("1969-12-31T23:59:59.999Z"), -1);
    assert_int_equal(parsed("1900-01-01T00:00:00Z"), INSTANT_MIN);
    assert_int_equal(parsed("2200-01-01T00:00:00Z"), INSTANT_MAX);
    assert_int_equal(parsed("2000-02-29T00:00:00-00:00"), 951782400000);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-03-01",
        "2026-03-01T09:00Z",
        "2026-03-01T09:00:00",
        "2026-03-01 09:00:00Z",
        "2026-03-01T09:00:00.Z",
        "2026-03-01T09:00:00.1234567890Z",
        "2026-03-01T09:00:00,5Z",
        "2026-03-01T09:00:00+08",
        "2026-03-01T09:00:00+0800",
        "2026-03-01T09:00:00+24:00",
        "2026-03-01T09:00:00+08:60",
        "2026-03-01T09:00:00Z ",
        " 2026-03-01T09:00:00Z",
        "2026-3-01T09:00:00Z",
        "2026-00-01T09:00:00Z",
        "2026-13-01T09:00:00Z",
        "2026-04-31T09:00:00Z",
        "2026-02-29T09:00:00Z",
        "2100-02-29T09:00:00Z",
        "2026-03-00T09:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T09:60:00Z",
        "2016-12-31T23:59:60Z",
        "1899-12-31T23:59:59Z",
        "1900-01-01T00:00:00+00:01",
        "2200-01-01T00:00:00.001Z",
        "-026-03-01T09:00:00Z",
    };
    int64_t instant = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (instant_parse(text_of(bad[i]), &instant))
            fail_msg("read %s", bad[i]);
    assert_false(instant_parse((struct text){NULL, 0}, &instant));
    assert_int_equal(instant, 77);
}

static void every_day_is_written_and_read_again(void **state)
{
    (void)state;
    char buffer[INSTANT_TEXT_MAX];
    for (int64_t day = INSTANT_MIN; day < INSTANT_MAX; day += DAY_MS) {
        int64_t instant = day + (day / DAY_MS & 1 ? 0 : DAY_MS - 1), again = INSTANT_ABSENT;
        assert_true(instant_parse(text_of(instant_format(instant, buffer)), &again));
        assert_int_equal(again, instant);
    }
    assert_string_equal(instant_format(951782400001, buffer), "2000-02-29T00:00:00.001Z");
    assert_string_equal(instant_format(INSTANT_ABSENT, buffer), "-");
    assert_string_equal(instant_format(INT64_MAX, buffer), "-");
}

/* Two ways to the same civil date: our days and ICU's. */
static void utc_agrees_with_icu(void **state)
{
    (void)state;
    for (int64_t instant = INSTANT_MIN; instant < INSTANT_MAX;
         instant += 37 * DAY_MS + 5 * HOUR_MS + 1001) {
        struct civil c;
        char buffer[INSTANT_TEXT_MAX], local[INSTANT_TEXT_MAX];
        int64_t again;
        assert_true(instant_to_civil(TEXT("UTC"), instant, &c));
        assert_true(instant_from_civil(TEXT("UTC"), c, &again));
        assert_true(again <= instant && instant - again < 1000);
        instant_format(instant, buffer);
        instant_format_local(instant, TEXT("Etc/UTC"), local);
        buffer[10] = ' ';
        assert_memory_equal(buffer, local, 16);
    }
}

static void zones_are_known_by_exact_name(void **state)
{
    (void)state;
    static const char *const known[] = {"Asia/Shanghai", "America/New_York", "UTC", "Etc/UTC",
                                        "Asia/Urumqi"};
    static const char *const unknown[] = {
        "",
        "asia/shanghai",
        "Asia/Ningbo",
        "GMT+8",
        "GMT+08:00",
        "Etc/Unknown",
        " UTC",
        "UTC ",
        "Asia/Shanghai\n",
        "中国",
        "Asia/ShanghaiAsia/ShanghaiAsia/ShanghaiAsia/ShanghaiAsia/ShanghaiAsia/Shanghai"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_true(instant_zone_known(text_of(known[i])));
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        int64_t instant;
        struct civil c;
        char buffer[INSTANT_TEXT_MAX];
        if (instant_zone_known(text_of(unknown[i])))
            fail_msg("knows %s", unknown[i]);
        assert_false(
            instant_from_civil(text_of(unknown[i]), (struct civil){2026, 1, 1, 0, 0, 0}, &instant));
        assert_false(instant_to_civil(text_of(unknown[i]), 0, &c));
        assert_int_equal(instant_quarter(text_of(unknown[i]), 0), -1);
        assert_string_equal(instant_format_local(0, text_of(unknown[i]), buffer), "-");
    }
    assert_false(instant_zone_known(TEXT("UTC\0")));
    /* A name that ends in the middle of a longer one. */
    assert_true(instant_zone_known((struct text){"UTCxyz", 3}));
}

static void civil_times_of_districts(void **state)
{
    (void)state;
    char buffer[INSTANT_TEXT_MAX];
    assert_civil("Asia/Shanghai", (struct civil){2026, 3, 1, 9, 0, 0}, "2026-03-01T01:00:00.000Z");
    assert_civil("Asia/Shanghai", (struct civil){2024, 2, 29, 23, 59, 59},
                 "2024-02-29T15:59:59.000Z");
    assert_civil("America/New_York", (struct civil){2015, 1, 1, 0, 0, 0},
                 "2015-01-01T05:00:00.000Z");
    assert_civil("America/New_York", (struct civil){2015, 7, 1, 0, 0, 0},
                 "2015-07-01T04:00:00.000Z");
    assert_string_equal(instant_format_local(1772326800000, TEXT("Asia/Shanghai"), buffer),
                        "2026-03-01 09:00");
}

static void a_skipped_hour_moves_forward(void **state)
{
    (void)state;
    assert_civil("America/New_York", (struct civil){2015, 3, 8, 1, 59, 59},
                 "2015-03-08T06:59:59.000Z");
    assert_civil("America/New_York", (struct civil){2015, 3, 8, 2, 0, 0},
                 "2015-03-08T07:00:00.000Z");
    assert_civil("America/New_York", (struct civil){2015, 3, 8, 2, 30, 0},
                 "2015-03-08T07:30:00.000Z");
    assert_civil("America/New_York", (struct civil){2015, 3, 8, 3, 30, 0},
                 "2015-03-08T07:30:00.000Z");
    /* Shanghai had summer time in 1990. */
    assert_civil("Asia/Shanghai", (struct civil){1990, 4, 15, 2, 30, 0},
                 "1990-04-14T18:30:00.000Z");
    assert_civil("Asia/Shanghai", (struct civil){1990, 7, 1, 12, 0, 0}, "1990-07-01T03:00:00.000Z");
    /* Samoa left out a whole day. */
    assert_civil("Pacific/Apia", (struct civil){2011, 12, 30, 12, 0, 0},
                 "2011-12-30T22:00:00.000Z");
    assert_civil("Pacific/Apia", (struct civil){2011, 12, 31, 12, 0, 0},
                 "2011-12-30T22:00:00.000Z");
}

static void a_repeated_hour_is_its_first_occurrence(void **state)
{
    (void)state;
    struct civil c;
    assert_civil("America/New_York", (struct civil){2015, 11, 1, 0, 59, 59},
                 "2015-11-01T04:59:59.000Z");
    assert_civil("America/New_York", (struct civil){2015, 11, 1, 1, 0, 0},
                 "2015-11-01T05:00:00.000Z");
    assert_civil("America/New_York", (struct civil){2015, 11, 1, 1, 30, 0},
                 "2015-11-01T05:30:00.000Z");
    assert_civil("America/New_York", (struct civil){2015, 11, 1, 2, 0, 0},
                 "2015-11-01T07:00:00.000Z");
    assert_civil("Asia/Shanghai", (struct civil){1990, 9, 16, 1, 30, 0},
                 "1990-09-15T16:30:00.000Z");
    /* The second occurrence reads the same. */
    assert_true(instant_to_civil(TEXT("America/New_York"), parsed("2015-11-01T06:30:00Z"), &c));
    assert_int_equal(c.hour, 1);
    assert_int_equal(c.minute, 30);
}

static void dates_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const struct civil bad[] = {
        {2025, 2, 29, 0, 0, 0}, {2100, 2, 29, 0, 0, 0}, {2025, 4, 31, 0, 0, 0},
        {2025, 0, 1, 0, 0, 0},  {2025, 13, 1, 0, 0, 0}, {2025, 1, 0, 0, 0, 0},
        {2025, 1, 32, 0, 0, 0}, {2025, 1, 1, 24, 0, 0}, {2025, 1, 1, -1, 0, 0},
        {2025, 1, 1, 0, 60, 0}, {2025, 1, 1, 0, 0, 60}, {1899, 12, 31, 0, 0, 0},
        {2201, 1, 1, 0, 0, 0},  {1900, 1, 1, 0, 0, 0},  {2200, 1, 1, 8, 0, 1},
    };
    int64_t instant = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(instant_from_civil(TEXT("Asia/Shanghai"), bad[i], &instant));
    assert_int_equal(instant, 77);
    struct civil c;
    assert_false(instant_to_civil(TEXT("UTC"), INSTANT_ABSENT, &c));
    assert_false(instant_to_civil(TEXT("UTC"), INSTANT_MAX + 1, &c));
    assert_true(instant_to_civil(TEXT("UTC"), INSTANT_MAX, &c));
}

static void quarters_turn_at_local_midnight(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *instant, *quarter;
    } turns[] = {
        {"Asia/Shanghai", "2025-12-31T15:59:59.999Z", "2025Q4"},
        {"Asia/Shanghai", "2025-12-31T16:00:00Z", "2026Q1"},
        {"Asia/Shanghai", "2026-03-31T15:59:59.999Z", "2026Q1"},
        {"Asia/Shanghai", "2026-03-31T16:00:00Z", "2026Q2"},
        {"Asia/Shanghai", "2026-06-30T16:00:00Z", "2026Q3"},
        {"Asia/Shanghai", "2026-09-30T16:00:00Z", "2026Q4"},
        {"America/New_York", "2015-04-01T03:59:59Z", "2015Q1"},
        {"America/New_York", "2015-04-01T04:00:00Z", "2015Q2"},
        {"America/New_York", "2016-01-01T04:59:59Z", "2015Q4"},
        {"America/New_York", "2016-01-01T05:00:00Z", "2016Q1"},
    };
    char buffer[16];
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        int32_t quarter = instant_quarter(text_of(turns[i].zone), parsed(turns[i].instant));
        assert_string_equal(quarter_format(quarter, buffer), turns[i].quarter);
        assert_int_equal(quarter_parse(text_of(turns[i].quarter)), quarter);
    }
    assert_int_equal(quarter_parse(TEXT("2026Q1")), 2026 * 4);
    static const char *const bad[] = {"",       "2026",    "2026Q", "2026Q0",  "2026Q5",
                                      "2026q1", "2026Q11", "26Q1",  " 2026Q1", "-026Q1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(quarter_parse(text_of(bad[i])), -1);
    assert_string_equal(quarter_format(-1, buffer), "-");
    assert_int_equal(instant_quarter(TEXT("UTC"), INSTANT_ABSENT), -1);
}

static const char *const many_zones[] = {
    "Asia/Shanghai",    "America/New_York", "Europe/Berlin", "Asia/Kolkata",
    "Australia/Sydney", "Africa/Cairo",     "Asia/Tokyo",    "Europe/London",
    "America/Chicago",  "Asia/Kathmandu",   "Pacific/Apia",  "UTC",
};

/* More zones than calendars are kept, from two threads at once. */
static void *convert_many(void *wrong)
{
    size_t *count = wrong;
    for (int64_t i = 0; i < 3000; i++) {
        struct text zone =
            text_of(many_zones[(size_t)i * 5 % (sizeof many_zones / sizeof many_zones[0])]);
        int64_t instant = 1700000000000 + i * 7919000, again = 0;
        struct civil c;
        bool same = instant_to_civil(zone, instant, &c) && instant_from_civil(zone, c, &again);
        /* An hour that occurs twice comes back as its first. */
        *count += !same || (again != instant && again != instant - HOUR_MS);
    }
    return NULL;
}

static void threads_do_not_share_calendars(void **state)
{
    (void)state;
    pthread_t threads[2];
    size_t wrong[3] = {0};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, convert_many, &wrong[i]), 0);
    convert_many(&wrong[2]);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(wrong[0] + wrong[1] + wrong[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_as_rfc_3339_says),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(every_day_is_written_and_read_again),
        cmocka_unit_test(utc_agrees_with_icu),
        cmocka_unit_test(zones_are_known_by_exact_name),
        cmocka_unit_test(civil_times_of_districts),
        cmocka_unit_test(a_skipped_hour_moves_forward),
        cmocka_unit_test(a_repeated_hour_is_its_first_occurrence),
        cmocka_unit_test(dates_that_do_not_exist_are_refused),
        cmocka_unit_test(quarters_turn_at_local_midnight),
        cmocka_unit_test(threads_do_not_share_calendars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
