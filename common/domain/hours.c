#include "domain/hours.h"

#include <stdio.h>

#define STEP_MS     INT64_C(43200000) /* no day is as short as this, whatever clocks do */
#define DAY_MINUTES 1440

/* --- Reading ------------------------------------------------------------------------------ */

/* What is left to be read. */
struct rest {
    const char *at, *end;
};

static void spaces_skip(struct rest *rest)
{
    while (rest->at < rest->end && *rest->at == ' ')
        rest->at++;
}

static bool take(struct rest *rest, char wanted)
{
    bool is_there = rest->at < rest->end && *rest->at == wanted;
    rest->at += is_there;
    return is_there;
}

static bool take_digits(struct rest *rest, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (rest->at == rest->end || *rest->at < '0' || *rest->at > '9')
            return false;
        *value = *value * 10 + (*rest->at++ - '0');
    }
    return true;
}

/* Days as bits 1 to 7. */
static bool take_days(struct rest *rest, unsigned *days)
{
    *days = 0;
    do {
        int first, last;
        if (!take_digits(rest, 1, &first))
            return false;
        last = first;
        if (take(rest, '-') && !take_digits(rest, 1, &last))
            return false;
        if (first < 1 || last > 7 || last < first)
            return false;
        for (int day = first; day <= last; day++) {
            if ((*days >> day & 1U) != 0)
                return false;
            *days |= 1U << day;
        }
    } while (take(rest, ','));
    return true;
}

static bool take_clock(struct rest *rest, int *minutes)
{
    int hour, minute;
    if (!take_digits(rest, 2, &hour) || !take(rest, ':') || !take_digits(rest, 2, &minute))
        return false;
    *minutes = hour * 60 + minute;
    return minute < 60 && *minutes <= DAY_MINUTES;
}

static bool add(struct hours *hours, unsigned days, int start, int end)
{
    for (int day = 1; day <= 7; day++) {
        if ((days >> day & 1U) == 0)
            continue;
        for (size_t i = 0; i < hours->count; i++)
            if (hours->stretches[i].weekday == day && start < hours->stretches[i].end &&
                hours->stretches[i].start < end)
                return false;
        if (hours->count == HOURS_STRETCHES_MAX)
            return false;
        hours->stretches[hours->count++] = (struct hours_stretch){day, start, end};
    }
    return true;
}

static bool take_rule(struct rest *rest, struct hours *hours)
{
    unsigned days;
    spaces_skip(rest);
    if (!take_days(rest, &days) || !take(rest, ' '))
        return false;
    do {
        int start, end;
        spaces_skip(rest);
        if (!take_clock(rest, &start) || !take(rest, '-') || !take_clock(rest, &end) ||
            end <= start || !add(hours, days, start, end))
            return false;
    } while (take(rest, ','));
    spaces_skip(rest);
    return true;
}

bool hours_parse(struct text t, struct hours *hours)
{
    struct rest rest = {t.at, t.at + t.length};
    hours->count = 0;
    if (t.length == 0)
        return true;
    do {
        if (!take_rule(&rest, hours))
            return false;
    } while (take(&rest, ';'));
    return rest.at == rest.end;
}

/* --- Fitting ------------------------------------------------------------------------------ */

/* 1: Monday. Sakamoto's rule for the proleptic Gregorian calendar. */
static int weekday_of(const struct civil *day)
{
    static const int shifts[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    int year = day->month < 3 ? day->year - 1 : day->year;
    int sunday_first =
        (year + year / 4 - year / 100 + year / 400 + shifts[day->month - 1] + day->day) % 7;
    return sunday_first == 0 ? 7 : sunday_first;
}

static bool same_day(const struct civil *a, const struct civil *b)
{
    return a->year == b->year && a->month == b->month && a->day == b->day;
}

static struct text off_on(const struct civil *day, const struct text *days_off, size_t count)
{
    char date[48];
    snprintf(date, sizeof date, "%04d-%02d-%02d", day->year, day->month, day->day);
    for (size_t i = 0; i < count; i++)
        if (text_equal(days_off[i], text_of(date)))
            return days_off[i];
    return (struct text){"", 0};
}

struct text hours_day_off(const struct text *days_off, size_t count, struct text zone,
                          int64_t start, int64_t end)
{
    struct civil day;
    struct text off = {"", 0};
    int64_t last = end - 1; /* the last millisecond is inside, the end is not */
    for (int64_t at = start; count > 0 && at < last && off.length == 0; at += STEP_MS)
        if (instant_to_civil(zone, at, &day))
            off = off_on(&day, days_off, count);
    if (count > 0 && off.length == 0 && instant_to_civil(zone, last, &day))
        off = off_on(&day, days_off, count);
    return off;
}

bool hours_fit(const struct hours *hours, struct text zone, int64_t start, int64_t end)
{
    struct civil first, last;
    if (hours->count == 0)
        return true;
    if (!instant_to_civil(zone, start, &first) || !instant_to_civil(zone, end - 1, &last) ||
        !same_day(&first, &last))
        return false;
    int weekday = weekday_of(&first), from = first.hour * 60 + first.minute,
        until = last.hour * 60 + last.minute + 1;
    for (size_t i = 0; i < hours->count; i++)
        if (hours->stretches[i].weekday == weekday && hours->stretches[i].start <= from &&
            until <= hours->stretches[i].end)
            return true;
    return false;
}
